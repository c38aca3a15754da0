"""How well does LLaVA answer about scenes, look-alikes, and questions that it cannot answer?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mvlm import weights
from mvlm.chat import Chat
from mvlm.data.dice import Dice
from mvlm.data.questions import PHRASINGS
from mvlm.data.scene import Scene, Scenes
from mvlm.data.things import a, plural
from mvlm.data.unanswerable import unanswerable
from mvlm.evaluation.clip import SEEN
from mvlm.evaluation.scoring import blind_for, share, split_scores
from mvlm.llava import LLaVA
from mvlm.tasks import exact_match
from mvlm.training.recipes.clip import drawing_table, vocabulary
from mvlm.training.recipes.llava import pictures
from mvlm.training.recipes.texts import I_CAN_TELL, OUTSIDE_KEPT_FOR_TESTING
from mvlm.training.recipes.views import on_white


def evaluate_llava(llava: LLaVA, *, seed: int = 1000, count: int = 300) -> dict:
    """Answers to questions about scenes never seen, beside what can be answered blindly.

    Args:
        llava: the model.
        seed: of the scenes.
        count: scenes of each split.

    Returns:
        Exact match by split, kind of question and phrasing; yes/no on things that look alike; and
        what becomes of questions that it cannot answer.
    """
    llava.eval()
    chat = Chat(tokenizer=weights.tokenizer())
    results: dict = {"model": "llava", "seed": seed, "count": count}

    def ask(part: list[Scene], questions: list[tuple[int, str]], pixels: Tensor) -> list[str]:
        images = pictures(pixels)[[i for i, _ in questions]]
        return llava.answer(chat, images, [text for _, text in questions])

    blind = blind_for(seed, count)
    for name, split in (("test", "test"), ("unseen artist", "artist")):
        results[name] = split_scores(ask, Scenes(split, count, seed=seed), blind)
    scenes = Scenes("test", count, seed=seed)
    results["hallucination"] = hallucination(llava, chat, scenes)
    for name, wordings in (
        ("outside", OUTSIDE_KEPT_FOR_TESTING),
        ("outside, other sentences", unanswerable("test")),
    ):
        results[name] = outside_scores(llava, chat, scenes, wordings, name)
    return results


def hallucination(llava: LLaVA, chat: Chat, scenes: Scenes) -> dict:
    """Is there …? One thing that is there, and one that is not but looks like one that is.

    POPE (Li et al. 2023) asks for things that often occur together. Here things occur
    independently, so what tempts a model is likeness: the absent thing whose drawings are the
    nearest to those of a present one, by 12×12 thumbnails.
    """
    like = most_alike()
    questions, images, answers = [], [], []
    for i in range(len(scenes)):
        pixels, scene = scenes[i]
        dice = Dice(f"hallucination {scenes.seed} {i}")
        present = sorted({thing.name for thing in scene.things})
        there = dice.pick(present)
        absent = next(name for name in like[dice.pick(present)] if name not in present)
        for name, truth in ((there, "yes"), (absent, "no")):
            questions.append(dice.pick(PHRASINGS["is there"]).format(a_name=a(name)))
            images.append(pixels)
            answers.append(truth)
    said = answer_in_parts(llava, chat, images, questions)
    right = [exact_match(s, truth) for s, truth in zip(said, answers, strict=True)]
    return {
        "questions": len(right),
        "right": share(right),
        "right where it is there": share(right[0::2]),
        "right where a thing like it is": share(right[1::2]),
    }


def most_alike() -> dict[str, list[str]]:
    """Everyday name → the other ones the language model knows, the most alike first."""
    words = vocabulary()
    everyday = [i for i, word in enumerate(words) if word.everyday]
    table = on_white(drawing_table(SEEN)[:, everyday].flatten(0, 1))
    small = F.interpolate(table, (12, 12), mode="area").flatten(1)
    small = F.normalize(small - small.mean(dim=0), dim=1)
    scores = (small @ small.T).unflatten(0, (2, -1)).unflatten(2, (2, -1)).amax(dim=(0, 2))
    known = set(Scenes("train", 1).names)
    names = [words[i].everyday for i in everyday]
    return {
        name: [names[j] for j in row.argsort(descending=True) if j != i and names[j] in known]
        for i, (name, row) in enumerate(zip(names, scores, strict=True))
    }


def outside_scores(
    llava: LLaVA, chat: Chat, scenes: Scenes, wordings: Sequence[str], name: str
) -> dict:
    """Questions it cannot answer, in sentences it never saw: how many get the honest answer?

    They come in so many wordings only, so the share of each stands beside the share of all.

    Args:
        wordings: with `{name}` or `{names}` in the place of a thing that is there.
        name: what the draws of wordings and things begin from, beside the scenes' seed.
    """
    used, questions, images = [], [], []
    for i in range(len(scenes)):
        pixels, scene = scenes[i]
        names = sorted({thing.name for thing in scene.things})
        dice = Dice(f"{name} {scenes.seed} {i}")
        thing, wording = dice.pick(names), dice.pick(wordings)
        used.append(wording)
        questions.append(wording.format(name=thing, names=plural(thing)))
        images.append(pixels)
    said = answer_in_parts(llava, chat, images, questions)
    honest = [exact_match(s, I_CAN_TELL) for s in said]
    by_wording = {
        wording: share(ok for ok, own in zip(honest, used, strict=True) if own == wording)
        for wording in wordings
        if wording in used
    }
    return {"questions": len(said), "honest": share(honest), "by wording": by_wording}


def answer_in_parts(
    llava: LLaVA, chat: Chat, images: Sequence[Tensor], questions: Sequence[str], size: int = 128
) -> list[str]:
    """As `LLaVA.answer`, some questions at a time."""
    said: list[str] = []
    for start in range(0, len(questions), size):
        part = torch.stack(list(images[start : start + size]))
        said += llava.answer(chat, pictures(part), questions[start : start + size])
    return said
