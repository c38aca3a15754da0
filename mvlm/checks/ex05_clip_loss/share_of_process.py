"""Exercise 05, `share_of_process`: one process among several."""

import math
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex05_clip_loss.common import both_ways, draw_pairs, one_way, scores_of, unit
from mvlm.checks.expect import Comparison, expect_number, expect_slopes, same


def _share(
    images: Tensor, texts: Tensor, all_images: Tensor, all_texts: Tensor, rank: int, scale: float
) -> Tensor:
    """Half the sum of own images over all texts and own texts over all images."""
    own = len(images)
    right = torch.eye(len(all_images), dtype=torch.bool)[rank * own : (rank + 1) * own]
    over_texts = one_way(scores_of(images, all_texts, scale), right)
    return (over_texts + one_way(scores_of(texts, all_images, scale), right)) / 2


SHARE_LOSS = Comparison(
    function="share_of_process",
    what="the share",
    right=_share,
    mistakes={
        "the share is what these pairs lose among themselves": (
            lambda images, texts, *rest: both_ways(scores_of(images, texts, rest[-1])),
            None,
        ),
        "the share is the loss of all pairs of all processes": (
            lambda _, __, *rest: both_ways(scores_of(rest[0], rest[1], rest[-1]))
        ),
        "the share is that of features brought to length 1: take them as they are": (
            lambda *given: _share(*map(unit, given[:4]), *given[4:])
        ),
        "the right answers are looked for among those of process 0": (
            lambda *given: _share(*given[:4], 0, given[-1]),
            None,
        ),
        "the share is as many times too large as there are own pairs: a mean, no sum": (
            lambda *given: len(given[0]) * _share(*given)
        ),
        "the share is divided by the pairs of all processes: it is a mean over own ones": (
            lambda *given: len(given[0]) / len(given[2]) * _share(*given)
        ),
        "the share is twice too large: it is half the sum of two means": (
            lambda *given: 2 * _share(*given)
        ),
    },
)


def _ask_share(pairs: tuple[Tensor, Tensor], rank: int, own: int, scale: float) -> tuple[Any, ...]:
    mine = slice(rank * own, (rank + 1) * own)
    return pairs[0][mine].clone(), pairs[1][mine].clone(), *pairs, rank, scale


def _compare_share(student: Student, ranks: list[int], processes: int) -> None:
    own, scale = student.integer(3, 4), 3.5 + student.integer(0, 2)

    def draw(student: Student, rank: int) -> tuple[Any, ...]:
        return _ask_share(draw_pairs(student, processes * own, 4), rank, own, scale)

    inputs = {f"process {rank} of {processes}, {own} pairs each": rank for rank in ranks}
    SHARE_LOSS.each(student, inputs, draw)


@check(
    "process 0 compares its own pairs with those of all",
    "Own images with all texts, and own texts with all images: two oblong matrices.",
)
def share_first(student: Student) -> None:
    _compare_share(student, [0], 3)


@check(
    "the others find their right answers as well",
    "In the gathered list, how many pairs stand before the first one of process r?",
    after=[share_first],
)
def share_ranks(student: Student) -> None:
    _compare_share(student, [1, 2], 3)
    _compare_share(student, [1], 2)


@check(
    "the mean of the shares is the loss of the whole",
    "The same picture may stand there twice. Which of the two is yours?",
    after=[share_first, share_ranks],
    keeps_arguments=True,
)
def share_twins(student: Student) -> None:
    own, processes, scale = 3, 3, 5.0
    images, texts = draw_pairs(student, own * processes, 4)
    images[own:] = images[:own].repeat(2, 1)  # every picture occurs on every process
    texts[2 * own :] = texts[:own]
    whole = both_ways(scores_of(images, texts, scale)).item()
    with student.on("pictures and texts that occur on several processes"):
        shares = []
        for rank in range(processes):
            share = student.call("share_of_process", *_ask_share((images, texts), rank, own, scale))
            shares.append(expect_number(share, "share_of_process"))
        mean = math.fsum(shares) / processes
        if not same(mean, whole):
            fail(f"the mean of all shares is {mean:.4f}, the loss of the whole is {whole:.4f}")


@check(
    "it can be trained with: gradients reach own features and those of all",
    "Whoever cuts off the gathered features has a right loss, and a part of its gradient.",
)
def share_gradient(student: Student) -> None:
    names = ("own images", "own texts", "images of all", "texts of all")
    asked = _ask_share(draw_pairs(student, 6, 4), 1, 3, 4.5)
    expect_slopes(student, "share_of_process", *asked, learns=dict(enumerate(names)))


QUESTION = Question(
    function="share_of_process",
    title="One process among several",
    minutes=10,
    teaches="where the right answers stand in a gathered batch",
    checks=(share_first, share_ranks, share_twins, share_gradient),
)
