"""What the evaluations share: shares of right answers by kind, and what can be answered blindly."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable

from jaxtyping import Float, Int
from torch import Tensor

from mvlm.data.baselines import BlindAnswerer, majority
from mvlm.data.questions import KEPT_FOR_TESTING, KINDS, Question
from mvlm.data.scene import Scene, Scenes
from mvlm.tasks import exact_match, final_answer
from mvlm.training.recipes.texts import I_CAN_TELL


def top_k(scores: Float[Tensor, "image classes"], labels: Int[Tensor, " image"]) -> dict:
    """Share of pictures whose class has the best score, and one of the best five."""
    right = scores.gather(1, labels[:, None])
    rank = (scores > right).sum(dim=1)
    return {f"top{k}": round((rank < k).float().mean().item(), 4) for k in (1, 5)}


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
    right = [
        exact_match(final_answer(s), question.answer)
        for question, s in zip(asked, said, strict=True)
    ]
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
