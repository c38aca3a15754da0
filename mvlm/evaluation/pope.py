"""Is there a …? POPE's questions about photographs, from its own files, put to a LLaVA.

Li et al. 2023, "Evaluating Object Hallucination in Large Vision-Language Models". Each line of a
file is one question, {"image": "COCO_val2014_….jpg", "text": "Is there a dog in the image?",
"label": "yes"}; the authors' files ask for absent things at random, by popularity and adversarially
(github.com/RUCAIBox/POPE).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from torch import Tensor
from tqdm import tqdm

from mvlm.chat import Chat
from mvlm.evaluation.polling import (
    Poll,
    YesNo,
    as_published,
    table_of_names,
    yes_no_scores,
    yes_or_no,
)
from mvlm.images import open_image
from mvlm.llava import LLaVA

# What LLaVA-1.5 was asked for short answers with in training, and is on POPE: section 3.2 of
# "Improved Baselines", and `llava_pope_test.jsonl` of its authors.
SHORT = "\nAnswer the question using a single word or phrase."
WHITE = (255, 255, 255)
BATCH = 8  # questions at a time
ENDINGS = (".json", ".jsonl")
FORMAT = 'wanted lines such as {"image": "a.jpg", "text": "Is there a dog?", "label": "yes"}'


class Asked(NamedTuple):
    """A question about a picture, and whether yes is right."""

    image: Path
    text: str
    there: bool


def evaluate_pope(
    llava: LLaVA,
    chat: Chat,
    preprocessing: Callable[[list[Image.Image]], Tensor],
    asked: dict[str, list[Asked]],
) -> dict:
    """`pope_scores` for each file of questions.

    Args:
        llava, preprocessing: as `mvlm.hub.load_llava` gives them.
        chat: the form of its conversations.
        asked: as `read_pope` gives it.

    Raises:
        ValueError: see `open_image` and `Chat.prompt`.
    """
    results: dict = {"prompt": f"QUESTION{SHORT}"}
    weight = llava.projector[0].weight
    for name, questions in asked.items():
        said: list[str] = []
        for start in tqdm(range(0, len(questions), BATCH), desc=name, disable=None, leave=False):
            part = questions[start : start + BATCH]
            pixels = preprocessing([open_image(q.image, background=WHITE) for q in part])
            texts = [q.text + SHORT for q in part]
            said += llava.answer(chat, pixels.to(weight), texts, max_new_tokens=10)
        results[name] = pope_scores(said, questions)
    return results


def read_pope(
    data: Path, images: Path | None = None, count: int | None = None
) -> dict[str, list[Asked]]:
    """The questions of each file, by its name without ending.

    Args:
        data: a file of questions, or a folder of such files.
        images: where the pictures are; the folder of the questions if left out.
        count: questions of each file at most, the first ones.

    Raises:
        ValueError: see `question_files` and `read_questions`.
    """
    files = question_files(data)
    return {file.stem: read_questions(file, images or file.parent)[:count] for file in files}


def question_files(data: Path) -> list[Path]:
    """The file, or the files of questions in the folder.

    Raises:
        ValueError: there are none.
    """
    if data.is_file():
        return [data]
    files = sorted(p for p in data.glob("*") if p.suffix in ENDINGS) if data.is_dir() else []
    if not files:
        raise ValueError(
            f"there are no questions at {data}: pass a file of POPE's, such as "
            "coco_pope_random.json, or a folder of them"
        )
    return files


def read_questions(file: Path, images: Path) -> list[Asked]:
    """The questions of a file in POPE's format.

    Raises:
        ValueError: a line is none, there is none, or a picture is not where it should be.
    """
    asked = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            name, text, label = row["image"], row["text"], row["label"]
            question = Asked(images / name, text.strip(), {"yes": True, "no": False}[label.lower()])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"line {number} of {file} is no question: {FORMAT}") from None
        if not question.image.is_file():
            raise ValueError(
                f"line {number} of {file} asks about {name}, which is not in {images}: pass the "
                "folder of the pictures with --images"
            )
        asked.append(question)
    if not asked:
        raise ValueError(f"{file} is empty: {FORMAT}")
    return asked


def pope_scores(said: Sequence[str], questions: Sequence[Asked]) -> dict:
    """What was answered, read by its first word and as POPE's authors read it, beside controls.

    The controls see no picture: one always says yes, and the table of names says for each question
    what was right more often about the other half of the pictures.
    """
    there = [question.there for question in questions]
    numbers = {image: n for n, image in enumerate(dict.fromkeys(q.image for q in questions))}
    polls = [Poll(numbers[q.image], q.text, q.there) for q in questions]
    first = yes_no_scores([yes_or_no(text) for text in said], there)
    error = (first.accuracy * (1 - first.accuracy) / first.total) ** 0.5
    return {
        "questions": first.total,
        "pictures": len(numbers),
        "by first word": {
            **shares(first),
            "standard error of accuracy": round(error, 4),
            "unreadable": round(first.unreadable / first.total, 4),
        },
        "as published": shares(yes_no_scores([as_published(text) for text in said], there)),
        "always yes": shares(yes_no_scores([True] * len(there), there)),
        "table of names": shares(yes_no_scores(*table_of_names(polls))),
    }


def shares(scores: YesNo) -> dict:
    """Accuracy, F1 and the share of yes."""
    return {
        "accuracy": round(scores.accuracy, 4),
        "f1": round(scores.f1, 4),
        "share of yes": round(scores.yes_ratio, 4),
    }
