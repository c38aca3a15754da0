"""How good are the finished models? Every figure of the result tables is made here.

`python -m mvlm evaluate clip|llava|molmo|language|vit --seed N --count N --json`. Any seed draws
fresh test data. A score never stands alone: chance, thumbnails or a blind answer is measured on
the same data.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mvlm import weights
from mvlm.clip import CLIP
from mvlm.data.baselines import BlindAnswerer, majority
from mvlm.data.dice import Dice
from mvlm.data.emojis import MORE_ARTISTS
from mvlm.data.questions import KEPT_FOR_TESTING, KINDS, PHRASINGS, Question
from mvlm.data.scene import Scene, Scenes
from mvlm.data.things import a
from mvlm.evaluation_molmo import evaluate_molmo
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.language import LanguageModel, generate
from mvlm.llava import Chat, LLaVA, splice
from mvlm.recipes.clip import TEMPLATES, drawing_table, vocabulary
from mvlm.recipes.language import Told, told_words
from mvlm.recipes.llava import answer, pictures
from mvlm.recipes.texts import I_CAN_TELL, OUTSIDE_KEPT_FOR_TESTING, outside
from mvlm.recipes.views import ViewConfig, on_white, views
from mvlm.tasks import exact_match
from mvlm.tokenizer import IMAGE
from mvlm.vit import ViT
from mvlm.zeroshot import zero_shot_classifier

PROMPTS = tuple(dict.fromkeys(template.replace("{a}", "a {}") for template in TEMPLATES))
UNSEEN, SEEN = ("fluent",), ("noto", "twemoji")
# As a scene shows a thing: smaller or larger, anywhere in its cell, on any colour; never turned.
IN_A_CELL = ViewConfig(
    scale=(0.6, 1.0), turn=0, stretch=0, bend=0, colour=0, grey=0, background=1, blur=0, erase=0,
    mix=0, mirror=0,
)  # fmt: skip


def top_k(scores: Float[Tensor, "image classes"], labels: Int[Tensor, " image"]) -> dict:
    """Share of pictures whose class has the best score, and one of the best five."""
    right = scores.gather(1, labels[:, None])
    rank = (scores > right).sum(dim=1)
    return {f"top{k}": round((rank < k).float().mean().item(), 4) for k in (1, 5)}


@torch.inference_mode()
def evaluate_clip(clip: CLIP, *, seed: int = 0, count: int = 1000) -> dict:
    """Zero-shot on the artist CLIP never saw, beside chance and 12×12 thumbnails.

    Args:
        clip: the model.
        seed: of the freshly drawn views.
        count: how many of them.

    Returns:
        For the drawings on white (each once) and for `count` views as scenes show things: top-1
        and top-5 over all names and, of everyday things, over everyday words.
    """
    clip.eval()
    words = vocabulary()
    everyday = torch.tensor([i for i, word in enumerate(words) if word.everyday])
    classifiers = {
        "all names": classifier(clip, [word.name for word in words]),
        "everyday words": classifier(clip, [words[i].everyday for i in everyday]),
    }
    place = torch.full((len(words),), -1)
    place[everyday] = torch.arange(len(everyday))
    drawn = torch.randint(len(words), (count,), generator=torch.Generator().manual_seed(seed))
    seeds = [10**12 + seed * 10**6 + i for i in range(count)]
    results = {"model": "clip", "seed": seed, "count": count, "classes": {
        name: table.shape[1] for name, table in classifiers.items()
    }}  # fmt: skip
    for artist, which in (("unseen artist", UNSEEN), ("seen artists", SEEN)):
        table = drawing_table(which)
        labels = torch.arange(len(words)).repeat(len(which))
        plain = on_white(table.flatten(0, 1))
        fresh = views(table[:, drawn], seeds, IN_A_CELL)
        results[artist] = {
            "on white": named(clip, plain, labels, classifiers, place),
            "in a cell": named(clip, fresh, drawn, classifiers, place),
        }
    results["thumbnails, unseen artist, on white"] = thumbnails(everyday, SEEN)
    results["eight artists' thumbnails, unseen artist, on white"] = thumbnails(
        everyday, (*SEEN, *MORE_ARTISTS)
    )
    results["chance"] = {
        name: {f"top{k}": round(k / table.shape[1], 4) for k in (1, 5)}
        for name, table in classifiers.items()
    }
    return results


def classifier(clip: CLIP, names: Sequence[str]) -> Float[Tensor, "embed classes"]:
    """The zero-shot classifier of these names, over the course's prompts."""
    context = clip.config.text.context_length

    def tokenise(texts: Sequence[str]) -> Tensor:
        return weights.tokenizer()(list(texts), length=context)

    return zero_shot_classifier(clip, tokenise, names, PROMPTS)


def named(
    clip: CLIP,
    images: Tensor,
    labels: Tensor,
    classifiers: dict[str, Tensor],
    place: Tensor,
) -> dict:
    """Top-1 and top-5 over all names, and of everyday things over everyday words."""
    features = torch.cat(
        [clip.encode_image(part) for part in normalise(images, CLIP_MEAN, CLIP_STD).split(256)]
    )
    known = place[labels] >= 0
    return {
        "all names": top_k(features @ classifiers["all names"], labels),
        "everyday words": top_k(
            features[known] @ classifiers["everyday words"], place[labels][known]
        ),
    }


def thumbnails(everyday: Int[Tensor, " word"], artists: Sequence[str]) -> dict:
    """The nearest of these artists' drawings, compared as 12×12 pixels by cosine."""
    table = drawing_table((*artists, *UNSEEN))  # (A + 1, E, 4, 40, 40)
    small = F.interpolate(on_white(table.flatten(0, 1)), (12, 12), mode="area")
    small = small.flatten(1).unflatten(0, table.shape[:2])  # (A + 1, E, 432)
    small = F.normalize(small - small[:-1].mean(dim=(0, 1)), dim=2)
    scores = (small[-1] @ small[:-1].mT).amax(dim=0)  # (E unseen, E seen)
    some = scores[everyday][:, everyday]
    return {
        "all names": top_k(scores, torch.arange(len(scores))),
        "everyday words": top_k(some, torch.arange(len(some))),
    }


@torch.inference_mode()
def evaluate_vit(vit: ViT, classes: Sequence[str], *, seed: int = 0, count: int = 1000) -> dict:
    """Top-1 and top-5 of the classifier on both kinds of artist, as `evaluate_clip` measures."""
    vit.eval()
    words = vocabulary()
    things = torch.tensor([i for i, word in enumerate(words) if word.everyday])
    if tuple(classes) != tuple(words[i].everyday for i in things):
        raise ValueError("the classes are not today's everyday words: train the classifier again")
    drawn = torch.randint(len(things), (count,), generator=torch.Generator().manual_seed(seed))
    seeds = [10**12 + seed * 10**6 + i for i in range(count)]
    results: dict = {"model": "vit", "seed": seed, "count": count}
    for artist, which in (("unseen artist", UNSEEN), ("seen artists", SEEN)):
        table = drawing_table(which)[:, things]
        plain = on_white(table.flatten(0, 1))
        fresh = views(table[:, drawn], seeds, IN_A_CELL)
        results[artist] = {
            "on white": top_k(classified(vit, plain), torch.arange(len(things)).repeat(len(which))),
            "in a cell": top_k(classified(vit, fresh), drawn),
        }
    results["thumbnails, unseen artist, on white"] = thumbnails(things, SEEN)["everyday words"]
    results["chance"] = {f"top{k}": round(k / len(things), 4) for k in (1, 5)}
    return results


def classified(vit: ViT, images: Tensor) -> Float[Tensor, "image classes"]:
    """Logits, some pictures at a time."""
    return torch.cat([vit(part) for part in normalise(images, CLIP_MEAN, CLIP_STD).split(256)])


def language_and_told(path: Path) -> tuple[LanguageModel, Told]:
    """The language model, and what turns a scene in words into the vectors it was trained on."""
    language = weights.language(path)
    told = Told(language.config.width)
    tensors, _ = weights.read(path)
    told.places.weight.data = tensors["told.places.weight"]
    return language, told.requires_grad_(False)


def evaluate_language(
    language: LanguageModel, told: Told, *, seed: int = 1000, count: int = 300
) -> dict:
    """Answers about scenes told in words, beside blind ones: what is known before any picture."""
    language.eval()
    chat = Chat(tokenizer=weights.tokenizer())

    def ask(part: list[Scene], questions: list[tuple[int, str]], pixels: Tensor) -> list[str]:
        words = [told_words(chat.tokenizer, part[i].things) for i, _ in questions]
        prompts = [chat.prompt([(f"{IMAGE}\n{text}", None)]) for _, text in questions]
        vectors = told(language, torch.tensor(words))  # (Q, 9, D)
        spliced = splice(prompts, vectors, language.embed, side="left")
        rows = generate(
            language,
            embeddings=spliced.embeddings,
            attention_mask=spliced.attention_mask,
            max_new_tokens=40,
            end_id=chat.tokenizer.end_id,
        )
        return [chat.tokenizer.decode(row).strip() for row in rows]

    scores = split_scores(ask, Scenes("test", count, seed=seed), blind_for(seed, count))
    return {"model": "language", "seed": seed, "count": count, "test": scores}


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
        return answer(llava, chat, images, [text for _, text in questions])

    blind = blind_for(seed, count)
    for name, split in (("test", "test"), ("unseen artist", "artist")):
        results[name] = split_scores(ask, Scenes(split, count, seed=seed), blind)
    scenes = Scenes("test", count, seed=seed)
    results["hallucination"] = hallucination(llava, chat, scenes)
    results["outside"] = outside_scores(llava, chat, scenes)
    return results


Ask = Callable[[list[Scene], list[tuple[int, str]], Tensor], list[str]]
"""Scenes, (which of them, question) pairs and the scenes' pixels → the answers."""


def blind_for(seed: int, count: int) -> dict[str, BlindAnswerer]:
    """Naive Bayes from questions of the training split, one for each kind."""
    learnt = min(10_000, 20 * count)
    source = Scenes("train", learnt, seed=seed + 1)
    asked = defaultdict(list)
    for i in range(learnt):
        for question in source.scene(i).questions:
            asked[question.kind].append(question)
    return {kind: BlindAnswerer(questions) for kind, questions in asked.items()}


def split_scores(ask: Ask, scenes: Scenes, blind: dict[str, BlindAnswerer]) -> dict:
    """Exact match over all questions of a split, and by kind and phrasing."""
    asked, said = ask_all(ask, scenes)
    right = [exact_match(s, question.answer) for question, s in zip(asked, said, strict=True)]
    kinds = {kind: [i for i, q in enumerate(asked) if q.kind == kind] for kind in KINDS}
    unseen = [i for i, question in enumerate(asked) if is_kept_phrasing(question)]
    seen = sorted(set(range(len(asked))) - set(unseen))
    return {
        "all kinds": share(right),
        "questions": len(asked),
        "seen phrasings": share(right[i] for i in seen),
        "unseen phrasings": share(right[i] for i in unseen),
        "blind": share(blind[q.kind].answer(q.question) == q.answer for q in asked),
        "refused": share(exact_match(s, I_CAN_TELL) for s in said),
        "kinds": {
            kind: {
                "questions": len(places),
                "right": share(right[i] for i in places),
                "unseen phrasings": share(right[i] for i in places if i in set(unseen)),
                "blind": share(
                    blind[kind].answer(asked[i].question) == asked[i].answer for i in places
                ),
                "majority": round(majority(asked[i] for i in places), 4),
            }
            for kind, places in kinds.items()
            if places
        },
    }


def ask_all(ask: Ask, scenes: Scenes, batch_size: int = 32) -> tuple[list[Question], list[str]]:
    """Every question of every scene, each in a conversation of its own, and what was answered."""
    asked: list[Question] = []
    said: list[str] = []
    for start in range(0, len(scenes), batch_size):
        pixels, drawn = scenes.batch(range(start, min(start + batch_size, len(scenes))))
        pairs = [(i, question) for i, scene in enumerate(drawn) for question in scene.questions]
        said += ask(drawn, [(i, question.question) for i, question in pairs], pixels)
        asked += [question for _, question in pairs]
    return asked, said


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


def outside_scores(llava: LLaVA, chat: Chat, scenes: Scenes) -> dict:
    """Questions it cannot answer, in words it never saw: how many get the honest answer?"""
    questions, images = [], []
    for i in range(len(scenes)):
        pixels, scene = scenes[i]
        names = sorted({thing.name for thing in scene.things})
        dice = Dice(f"outside {scenes.seed} {i}")
        questions.append(outside(dice, names, OUTSIDE_KEPT_FOR_TESTING)[0])
        images.append(pixels)
    said = answer_in_parts(llava, chat, images, questions)
    return {"questions": len(said), "honest": share(exact_match(s, I_CAN_TELL) for s in said)}


def answer_in_parts(
    llava: LLaVA, chat: Chat, images: Sequence[Tensor], questions: Sequence[str], size: int = 128
) -> list[str]:
    """As `answer`, some questions at a time."""
    said: list[str] = []
    for start in range(0, len(questions), size):
        part = torch.stack(list(images[start : start + size]))
        said += answer(llava, chat, pictures(part), questions[start : start + size])
    return said


def is_kept_phrasing(question: Question) -> bool:
    """Is it asked in words that training never used?"""
    return any(
        re.fullmatch(re.sub(r"\\\{\w+\\\}", ".+", re.escape(template)), question.question)
        for template in KEPT_FOR_TESTING[question.kind]
    )


def share(flags: Iterable[bool]) -> float | None:
    """How many of them are true, from 0 to 1; None of nothing."""
    flags = list(flags)
    return round(sum(flags) / len(flags), 4) if flags else None


def evaluate(model: str, path: Path, *, seed: int, count: int) -> dict:
    """Measure a weights file of one of `EVALUATED`."""
    load, measure = EVALUATED[model]
    loaded = load(path)
    parts = loaded if isinstance(loaded, tuple) else (loaded,)  # a ViT comes with its classes
    return measure(*parts, seed=seed, count=count)


EVALUATED: dict[str, tuple[Callable, Callable]] = {
    "vit": (weights.vit, evaluate_vit),
    "clip": (weights.clip, evaluate_clip),
    "language": (language_and_told, evaluate_language),
    "llava": (weights.llava, evaluate_llava),
    "molmo": (weights.molmo, evaluate_molmo),
}
