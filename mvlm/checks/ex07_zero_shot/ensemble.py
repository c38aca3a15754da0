"""Exercise 07, `ensemble`: one vector from several prompts."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex07_zero_shot.common import to_unit
from mvlm.checks.expect import Comparison, close, expect_kind, expect_shape, expect_slopes

Prompts = list[Tensor]


def _columns(prompts: Prompts, each: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.stack([each(rows.double()) for rows in prompts], dim=1)


def _ensemble(prompts: Prompts) -> Tensor:
    return _columns(prompts, lambda rows: to_unit(to_unit(rows).sum(dim=0)))


def _read_classifier(value: Any, prompts: Prompts) -> Tensor:
    width, classes = prompts[0].shape[1], len(prompts)
    if isinstance(value, Tensor) and value.shape == (classes, width) and classes != width:
        fail(
            f"the classifier is {(classes, width)}, wanted {(width, classes)}: a column a class",
            "Along which axis do you stack? images @ classifier must be (B, C).",
        )
    return expect_shape(value, (width, classes), "ensemble", "(E, C)").double()


def _over_classes(prompts: Prompts) -> Tensor | None:
    """A mistake: the mean over classes, of equal counts, in place of that over prompts."""
    if len({len(rows) for rows in prompts}) > 1 or len(prompts) != len(prompts[0]):
        return None
    return to_unit(to_unit(torch.stack(prompts)).mean(dim=0)).T


def _clamped(rows: Tensor) -> Tensor:
    """A mistake: an eps that is longer than some rows."""
    return rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-3)


def _whole(prompts: Prompts) -> Tensor:
    """A mistake: one length for all columns together."""
    means = _columns(prompts, lambda rows: to_unit(rows).mean(dim=0))
    return means / means.norm()


ENSEMBLE = Comparison(
    function="ensemble",
    what="the classifier",
    right=_ensemble,
    read=_read_classifier,
    mistakes={
        "the columns are not of length 1: where prompts disagree, the mean is short": lambda p: (
            _columns(p, lambda rows: to_unit(rows).mean(dim=0))
        ),
        "a long prompt has more say than a short one: bring each to length 1 before the mean": (
            lambda p: _columns(p, lambda rows: to_unit(rows.mean(dim=0)))
        ),
        "only the first prompt of each class counts": lambda p: _columns(
            p, lambda rows: to_unit(rows[0])
        ),
        "the columns are sums, and a class with more prompts has a longer one": lambda p: _columns(
            p, lambda rows: to_unit(rows).sum(dim=0)
        ),
        "the mean went over the classes: it is over the prompts of one class": _over_classes,
        "a prompt is a ROW: dim=1 makes each row 1 long, dim=0 goes along the prompts": lambda p: (
            _columns(p, lambda rows: to_unit(to_unit(rows.T).T.mean(dim=0)))
        ),
        "a class is a COLUMN: dim=0 makes each column 1 long, dim=1 goes along the classes": (
            lambda p: to_unit(_columns(p, lambda rows: to_unit(rows).mean(dim=0)))
        ),
        "the classifier as a whole has the length 1: each column is to have it": _whole,
        "an eps of a thousandth is longer than some rows here: 1e-12 does no harm": lambda p: (
            _columns(p, lambda rows: to_unit(_clamped(rows).mean(dim=0)))
        ),
    },
)


def _prompts(student: Student, *counts: int, width: int = 6, spread: float = 0.9) -> Prompts:
    """For each count so many vectors near one another, of lengths from 0.3 to 3."""
    found = []
    for count in counts:
        rows = student.normal(width) + spread * student.normal(count, width)
        lengths = torch.tensor([0.1 * student.integer(3, 30) for _ in range(count)])
        found.append(to_unit(rows).float() * lengths.unsqueeze(1))
    return found


@check(
    "prompts of length 1: the mean, brought to length 1",
    "Mean over the ROWS of a class, (T, E) → (E,), then F.normalize, then one column a class.",
)
def ens_mean(student: Student) -> None:
    def unit(*counts: int) -> Callable[[], tuple[Prompts]]:
        return lambda: ([to_unit(rows).float() for rows in _prompts(student, *counts)],)

    ENSEMBLE.each(
        student,
        {
            "3 classes of 3 prompts": unit(3, 3, 3),
            "4 classes of 3 prompts": unit(3, 3, 3, 3),
            "2 classes of 5 prompts": unit(5, 5),
        },
    )


@check(
    "prompts of any length",
    "The length of a prompt's vector says nothing about meaning. F.normalize(rows, dim=1).",
    after=[ens_mean],
)
def ens_lengths(student: Student) -> None:
    short = torch.tensor([[2e-4], [5e-4], [3e-3]])
    ENSEMBLE.each(
        student,
        {
            "4 classes of 3 prompts": lambda: (_prompts(student, 3, 3, 3, 3),),
            "2 classes of 3 prompts, 0.0002, 0.0005 and 0.003 long": lambda: (
                [to_unit(rows).float() * short for rows in _prompts(student, 3, 3)],
            ),
        },
    )


@check(
    "classes with different numbers of prompts, and with one",
    "T_c may differ: torch.stack over classes works only after the mean.",
    after=[ens_mean, ens_lengths],
)
def ens_ragged(student: Student) -> None:
    ENSEMBLE.each(
        student,
        {
            "5, 1, 3 and 2 prompts": lambda: (_prompts(student, 5, 1, 3, 2),),
            "one class of 4 prompts": lambda: (_prompts(student, 4),),
            "one class of one prompt": lambda: (_prompts(student, 1),),
            "7 classes of one prompt": lambda: (_prompts(student, *[1] * 7),),
        },
    )


@check(
    "the kind of numbers, and the gradient",
    "The kind that went in comes out. Prompts can be learnt, so nothing may cut the gradient.",
    after=[ens_mean, ens_lengths, ens_ragged],
    keeps_arguments=True,
)
def ens_kinds(student: Student) -> None:
    with student.on("float32"):
        prompts = [to_unit(rows).float() for rows in _prompts(student, 3, 3)]
        value = ENSEMBLE.run(student, lambda: (prompts,))
        expect_kind(value, prompts[0], "a classifier is of the kind of its prompts")
    with student.on("float64"):
        prompts = [to_unit(rows) * 3 for rows in _prompts(student, 3, 3)]
        value = ENSEMBLE.run(student, lambda: (prompts,))
        expect_kind(value, prompts[0], "a classifier is of the kind of its prompts")
        if not close(value, _ensemble(prompts), 1e-9):
            fail("the numbers went through float32 on the way", "Does anything say .float()?")
    with student.on("three classes of two prompts, in one tensor (3, 2, E)"):
        block = torch.stack(_prompts(student, 2, 2, 2))
        expect_slopes(student, "ensemble", block, learns={0: "prompts"})


QUESTION = Question(
    function="ensemble",
    title="One vector from several prompts",
    minutes=10,
    teaches="what each of the two normalisations is for",
    checks=(ens_mean, ens_lengths, ens_ragged, ens_kinds),
)
