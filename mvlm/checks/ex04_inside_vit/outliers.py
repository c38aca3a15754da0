"""Exercise 04, `outliers`: tokens far out."""

import operator
import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex04_inside_vit.common import ALL_DIGITS
from mvlm.checks.expect import KIND, Comparison, equal, expect_shape, expect_truth


def _outliers(
    tokens: Tensor,
    factor: float,
    *,
    skip: int = 1,
    together: bool = False,
    centre: Callable[[list[float]], float] = statistics.median,
    spread: Callable[[list[float]], float] = statistics.median,
    distance: Callable[[float], float] = abs,
    far: Callable[[float, float], bool] = operator.gt,
) -> Tensor:
    """Picture by picture, in Python's numbers; the keywords plant a mistake."""
    lengths = tokens.double().norm(dim=2)
    result = []
    for picture in lengths.tolist():
        own = lengths[:, skip:].flatten().tolist() if together else picture[skip:]
        middle = centre(own)
        limit = factor * spread([distance(length - middle) for length in own])
        result.append([far(length - middle, limit) for length in picture[1:]])
    return torch.tensor(result)


def _deviations(tokens: Tensor, factor: float) -> Tensor:
    """A mistake: mean and standard deviation."""
    lengths = tokens.double().norm(dim=2)[:, 1:]
    return lengths > lengths.mean(1, keepdim=True) + factor * lengths.std(1, keepdim=True)


def _read_outliers(value: Any, tokens: Tensor, factor: float) -> Tensor:
    shape = (len(tokens), tokens.shape[1] - 1)
    meaning = "(B, N), the patches without the class token"
    return expect_truth(expect_shape(value, shape, "outliers", meaning, ""), "outliers")


def _tell_outliers(ours: Tensor, wanted: Tensor) -> str:
    missed, wrong = int((wanted & ~ours).sum()), int((ours & ~wanted).sum())
    return f"of {int(wanted.sum())} outliers you miss {missed}, and you mark {wrong} that are none"


OUTLIERS = Comparison(
    function="outliers",
    what="the mark",
    right=_outliers,
    read=_read_outliers,
    alike=equal,
    tells=_tell_outliers,
    mistakes={
        "the class token takes part in the median: the patches alone do": {"skip": 0},
        "a length that EQUALS the threshold is marked: only a larger one is an outlier": (
            {"far": operator.ge},
            "Where all patches are equally long the median distance is 0, and none is far out.",
        ),
        "of two middle numbers the lower was taken: the median is their mean": (
            {"centre": statistics.median_low, "spread": statistics.median_low},
            "torch.median takes the lower one; quantile(0.5) their mean.",
        ),
        "patches shorter than the median count as at distance 0: wanted absolute distances": {
            "distance": lambda away: max(away, 0.0)
        },
        "factor was cut to a whole number": lambda tokens, factor: _outliers(tokens, int(factor)),
        "this is mean and standard deviation, and both are moved by what they are to find": (
            _deviations,
            "Can a single number hide itself in the mean and the deviation it is compared with?",
        ),
        "the MEAN of the lengths was taken for their median, and long tokens move it": [
            {"centre": statistics.fmean},
            {"centre": statistics.fmean, "spread": statistics.fmean},
        ],
        "the MEAN of the distances was taken for their median, and long tokens move it": {
            "spread": statistics.fmean
        },
        "one threshold was taken for all pictures: each has its own": {"together": True},
        "short tokens are marked as well: only those ABOVE are outliers": {
            "far": lambda away, limit: abs(away) > limit
        },
    },
)


def _tokens(student: Student, pictures: int, patches: int) -> Tensor:
    """Tokens of uneven lengths, some of them far out above and below; the class token ordinary."""
    directions = student.normal(pictures, 1 + patches, 6)
    directions = directions / directions.norm(dim=2, keepdim=True)
    lengths = (0.5 * student.normal(pictures, 1 + patches)).exp()
    far = torch.rand(pictures, 1 + patches, generator=student.generator)
    lengths = lengths * torch.where(far < 0.15, 4.0, torch.where(far > 0.9, 0.1, 1.0))
    lengths[:, 0] = 1
    return directions * lengths[..., None]


def _planted(student: Student, patches: int) -> Tensor:
    """One picture of tokens about 1 long, a single one of them 40 times as long."""
    tokens = _tokens(student, 1, patches)
    lengths = 1 + 0.1 * torch.rand(1, 1 + patches, 1, generator=student.generator)
    tokens = tokens / tokens.norm(dim=2, keepdim=True) * lengths
    tokens[0, student.integer(1, patches)] *= 40
    return tokens


@check(
    "one long token among nine is found, and no other",
    "Print for this picture: the lengths, their median, the median of |length − median|.",
)
def out_planted(student: Student) -> None:
    with student.on("one token 40 times as long as the others"):
        OUTLIERS.run(student, lambda: (_planted(student, 9), 8.5))


@check(
    "the threshold is median + factor · median distance, of each picture",
    "Per picture: the lengths over D, their median, the median of |length − median|.",
    after=[out_planted],
)
def out_threshold(student: Student) -> None:
    scales = torch.tensor([0.01, 1.0, 300.0]).repeat(10)[:, None, None]
    with student.on("30 pictures of very different lengths"):
        OUTLIERS.run(student, lambda: (scales * _tokens(student, 30, 11), 3.0))
    with student.on("all patches 2 long"):
        # Along one axis each, so that no rounding tells them apart.
        axes = torch.eye(6)[torch.randint(6, (2, 8), generator=student.generator)]
        OUTLIERS.run(student, lambda: (2 * axes, 3.0))


@check(
    "an even number of patches",
    "What is the median of four numbers? And the threshold of these patches, by hand?",
    after=[out_threshold],
)
def out_even(student: Student) -> None:
    with student.on("40 pictures of 6 patches"):
        OUTLIERS.run(student, lambda: (_tokens(student, 40, 6), 1.5))


@check(
    "a very long class token changes nothing, and float64 keeps its digits",
    "Row 0 is the class token: not marked, and not part of the median. The rest as before.",
    after=[out_threshold],
    keeps_arguments=True,
)
def out_class(student: Student) -> None:
    class_token_500 = torch.tensor([500.0, 1, 1, 1, 1, 1])[:, None]
    with student.on("class tokens 500 long"):
        OUTLIERS.run(student, lambda: (class_token_500 * _tokens(student, 30, 5), 2.5))
    with student.on("float64 lengths that differ by some billionths", KIND):
        steps = torch.tensor([0, 3, 1, 50, 2, 4], dtype=torch.float64)
        fine = (1 + 2.0**-30 * steps)[None, :, None] * torch.eye(6, dtype=torch.float64)[:, None]
        ours = _read_outliers(student.call("outliers", fine, 5.5), fine, 5.5)
        if not equal(ours, wanted := _outliers(fine, 5.5)):
            fail(_tell_outliers(ours, wanted), ALL_DIGITS)


QUESTION = Question(
    function="outliers",
    title="Tokens far out",
    minutes=10,
    teaches="a threshold that outliers do not move",
    checks=(out_planted, out_threshold, out_even, out_class),
)
