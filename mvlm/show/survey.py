"""All questions about some scenes, asked of a model and of those who cannot see: chapter 01.

Whether an answer is the true one, whether it changed with the picture, what a share's standard
error is, and two figures of these.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from mvlm.data.questions import KINDS
from mvlm.data.scene import Scene, Scenes
from mvlm.show.figures import BLUE, GREY, ORANGE, figure
from mvlm.tasks import exact_match, final_answer
from mvlm.training.recipes.texts import I_CAN_TELL

Heard = Mapping[str, Sequence[str]]  # kind of question → answers


class Share(NamedTuple):
    """A share and its standard error, from 0 to 1."""

    mean: float
    error: float

    def __str__(self) -> str:
        return f"{self.mean:.0%} ± {self.error:.0%}"


class Survey:
    """The questions of some scenes, one after another, and what is counted about answers to them.

    Attributes:
        asked: the questions with their kinds and true answers.
        questions: their words.
        whose: the number of each question's scene.
    """

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self.asked = [question for scene in scenes for question in scene.questions]
        self.questions = [question.question for question in self.asked]
        self.whose = torch.tensor([i for i, scene in enumerate(scenes) for _ in scene.questions])

    def correct(self, said: Sequence[str]) -> list[bool]:
        """For each question, whether the answer is the true one."""
        return [
            exact_match(final_answer(one), question.answer)
            for one, question in zip(said, self.asked, strict=True)
        ]

    def of_kind(self, values: Sequence, kind: str) -> list:
        """Of a list with a value for each question those of one kind."""
        return [
            value
            for value, question in zip(values, self.asked, strict=True)
            if question.kind == kind
        ]

    def by_scene(self, flags: Sequence[bool]) -> Tensor:
        """The share of each scene's questions that has the flag, (scenes,)."""
        values = torch.tensor(flags, dtype=torch.float32)
        return torch.stack([values[self.whose == i].mean() for i in self.whose.unique()])

    def share(self, flags: Sequence[bool]) -> Share:
        """The share of all questions, and the standard error of the mean over scenes."""
        scenes = self.by_scene(flags)
        return Share(sum(flags) / len(flags), float(scenes.std() / len(scenes) ** 0.5))

    def throw(self, heard: Heard, which: int) -> list[str]:
        """For each question one of the answers to its kind, at random; another `which`, others."""
        return [
            Random(f"{n} {which}").choice(heard[question.kind])
            for n, question in enumerate(self.asked)
        ]


def changed(said: Sequence[str], before: Sequence[str]) -> list[bool]:
    """For each question, whether the answer is another than before."""
    return [
        not exact_match(final_answer(one), final_answer(other))
        for one, other in zip(said, before, strict=True)
    ]


def refused(said: Sequence[str]) -> list[bool]:
    """For each answer, whether it is LLaVA's refusal."""
    return [exact_match(one, I_CAN_TELL) for one in said]


def heard_in(scenes: Scenes) -> Heard:
    """All true answers to the questions of some scenes, by kind."""
    heard = defaultdict(list)
    for i in range(len(scenes)):
        for question in scenes.scene(i).questions:
            heard[question.kind].append(question.answer)
    return heard


def most_frequent(heard: Heard) -> dict[str, str]:
    """For each kind its most frequent answer; of several the first in the alphabet."""
    return {kind: Counter(sorted(heard[kind])).most_common(1)[0][0] for kind in KINDS}


def draw_spread(shares: Tensor, title: str) -> Figure:
    """A dot for each scene's share, equal ones on top of one another; their mean and its error."""
    drawn, axes = figure(5.6, 2.2)
    axis = axes[0, 0]
    mean, error = float(shares.mean()), float(shares.std() / len(shares) ** 0.5)
    axis.axvspan(100 * (mean - error), 100 * (mean + error), color=ORANGE, alpha=0.35)
    axis.axvline(100 * mean, color=ORANGE, linewidth=2)
    for share, count in Counter(shares.tolist()).items():
        axis.plot([100 * share] * count, range(count), "o", color=BLUE, markersize=5)
    axis.set(xlim=(-4, 104), ylim=(-1, None), yticks=[], xlabel="right in one scene, %")
    axis.spines["left"].set_visible(False)
    axis.set_title(title)
    return drawn


def draw_two_measures(marks: Mapping[str, tuple[Share, Share]], title: str) -> Figure:
    """Accuracy to the right, sensitivity upwards, one standard error to each side.

    Args:
        marks: a name → share right, share changed.
        title: what to see.
    """
    drawn, axes = figure(5.6, 3.8)
    axis = axes[0, 0]
    at = -100.0
    for name, (right, other) in sorted(marks.items(), key=lambda mark: mark[1][1].mean):
        x, y = 100 * right.mean, 100 * other.mean
        axis.errorbar(
            x, y, xerr=100 * right.error, yerr=100 * other.error, color=BLUE, marker="o", capsize=3
        )
        at = max(y, at + 9)  # names stand under one another, also where marks are close
        left = x > 50  # there is room on one side
        place = {"ha": "right" if left else "left", "va": "center", "fontsize": 11}
        axis.text(x - 6 if left else x + 6, at, name, **place)
    axis.set(xlim=(0, 104), ylim=(-5, 104), xlabel="right with the own picture, %")
    axis.set_ylabel("answers changed, %")
    axis.grid(color=GREY, alpha=0.25)
    axis.set_title(title)
    return drawn
