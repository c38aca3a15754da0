"""Exercise 08, `rms_norm`: RMSNorm."""

from collections.abc import Callable

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex08_language_model.common import same_shape
from mvlm.checks.expect import (
    DIGITS,
    Comparison,
    close,
    expect_finite,
    expect_kind,
    expect_shape,
    expect_slopes,
)


def _root(x: Tensor, eps: float) -> Tensor:
    """What each vector is divided by."""
    return torch.sqrt((x * x).mean(-1, keepdim=True) + eps)


def _norm(
    x: Tensor, weight: Tensor, eps: float, *, by: Callable[[Tensor, float], Tensor] = _root
) -> Tensor:
    """By the definition, float64; the keyword is a mistake."""
    x = x.double()
    return x / by(x, eps) * weight.double()


def _without_mean(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    x = x.double()
    return _norm(x - x.mean(-1, keepdim=True), weight, eps)


NORM = Comparison(
    function="rms_norm",
    what="the result",
    right=_norm,
    read=same_shape("rms_norm", 0, "that of x"),
    mistakes={
        "the mean was taken away: that is LayerNorm": _without_mean,
        "eps stands outside the root": {"by": lambda x, eps: _root(x, 0.0) + eps},
        "the sum of the squares was divided by D - 1, not by D": {
            "by": lambda x, eps: ((x * x).sum(-1, keepdim=True) / (x.shape[-1] - 1) + eps).sqrt()
        },
        "the squares were added up: the mean of them is wanted": {
            "by": lambda x, eps: ((x * x).sum(-1, keepdim=True) + eps).sqrt()
        },
        "one mean square for all vectors together: each has its own": {
            "by": lambda x, eps: ((x * x).mean() + eps).sqrt()
        },
        "divided by the mean square: its root is wanted": {
            "by": lambda x, eps: (x * x).mean(-1, keepdim=True) + eps
        },
        "weight was not used": lambda x, weight, eps: _norm(x, torch.ones_like(weight), eps),
        "weight was multiplied in before the mean square was taken": lambda x, weight, eps: _norm(
            x.double() * weight.double(), 0 * weight + 1, eps
        ),
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
        NORM.run(student, lambda: (x.clone(), weight, 1e-6))


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
            value = student.call("rms_norm", x, weight, eps)
            expect_shape(value, x.shape, "rms_norm", "that of x")
            expect_kind(value, x, "a norm keeps the kind of number")
            wanted = _norm(x, weight, eps)
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
