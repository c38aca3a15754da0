"""Exercise 08, `rms_norm`: RMSNorm."""

from collections.abc import Callable

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex08_language_model.common import ours_and_wanted, same_shape
from mvlm.checks.expect import DIGITS, Comparison, close, expect_finite, expect_kind, expect_slopes


def _norm(
    x: Tensor,
    weight: Tensor,
    eps: float,
    *,
    before: Callable[[Tensor, Tensor], Tensor] = lambda x, weight: x,
    mean: Callable[[Tensor], Tensor] = lambda squares: squares.mean(-1, keepdim=True),
    root: Callable[[Tensor, float], Tensor] = lambda mean, eps: (mean + eps).sqrt(),
    weighted: bool = True,
) -> Tensor:
    """By the definition, float64; the keywords plant a mistake."""
    weight = weight.double()
    x = before(x.double(), weight)
    normed = x / root(mean(x * x), eps)
    return normed * weight if weighted else normed


NORM = Comparison(
    function="rms_norm",
    what="the result",
    right=_norm,
    read=same_shape("rms_norm", "that of x"),
    mistakes={
        "the mean was taken away: that is LayerNorm": {
            "before": lambda x, _: x - x.mean(-1, keepdim=True)
        },
        "eps stands outside the root": {"root": lambda mean, eps: mean.sqrt() + eps},
        "the sum of the squares was divided by D - 1, not by D": {
            "mean": lambda squares: squares.sum(-1, keepdim=True) / (squares.shape[-1] - 1)
        },
        "the squares were added up: the mean of them is wanted": {
            "mean": lambda squares: squares.sum(-1, keepdim=True)
        },
        "one mean square for all vectors together: each has its own": {"mean": torch.mean},
        "divided by the mean square: its root is wanted": {"root": torch.add},
        "weight was not used": {"weighted": False},
        "weight was multiplied in before the mean square was taken": {
            "before": torch.mul,
            "weighted": False,
        },
    },
)


def _draw_norm(student: Student, *shape: int, eps: float = 0.3) -> tuple[Tensor, Tensor, float]:
    x = 1.5 * student.normal(*shape) + 0.7
    return x, 1 + student.normal(shape[-1]) / 2, eps


@check(
    "each vector is divided by the root of its mean square",
    "Square, mean over the last axis, plus eps, root. Then the weight.",
)
def norm_values(student: Student) -> None:
    NORM.run(student, lambda: _draw_norm(student, 3, 5, 6))
    with student.on("a single vector (D,)"):
        NORM.run(student, lambda: _draw_norm(student, 7))
    with student.on("four axes, as the heads of a batch"):
        NORM.run(student, lambda: _draw_norm(student, 2, 3, 4, 6))
    with student.on("a vector of zeros and eps = 1e-6"):
        x, weight, _ = _draw_norm(student, 3, 6)
        x[1] = 0
        NORM.run(student, lambda: (x, weight, 1e-6))


@check(
    "half precision neither overflows nor comes back as another kind",
    "The largest number of float16 is 65,504. What is the square of 300?",
    after=[norm_values],
)
def norm_kinds(student: Student) -> None:
    for kind, size, near, hint in (
        (torch.float16, 300.0, 2e-3, None),
        (torch.bfloat16, 3.0, 2e-2, None),
        (torch.float64, 3.0, 1e-12, DIGITS),
    ):
        with student.on(f"numbers of {kind}, up to some {size:g}", hint):
            x, weight, eps = _draw_norm(student, 4, 6, eps=1e-5)
            x, weight = (x * size).to(kind), weight.to(kind)
            value, wanted = ours_and_wanted(student, NORM, x, weight, eps)
            expect_kind(value, x, "a norm keeps the kind of number")
            expect_finite(value, "the results")
            if not close(value, wanted, near):
                gap = (value.double() - wanted).abs().max().item()
                fail(f"the result is up to {gap:.2g} off")


@check(
    "gradients reach the vectors and the weight",
    "Both learn through this function. What cuts a gradient off?",
    after=[norm_values],
    keeps_arguments=True,
)
def norm_gradient(student: Student) -> None:
    x, weight, eps = _draw_norm(student, 3, 6)
    NORM.run(student, lambda: (x, weight, eps))
    expect_slopes(student, "rms_norm", x, weight, eps, learns={0: "vectors", 1: "weight"})


QUESTION = Question(
    function="rms_norm",
    title="RMSNorm",
    minutes=10,
    teaches="what a norm leaves of a vector, and where half precision overflows",
    checks=(norm_values, norm_kinds, norm_gradient),
)
