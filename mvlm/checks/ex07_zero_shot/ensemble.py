"""Exercise 07, `ensemble`: one vector from several prompts."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex07_zero_shot.common import as_is, to_unit
from mvlm.checks.expect import Comparison, close, expect_kind, expect_shape, expect_slopes

Prompts = list[Tensor]


def _ensemble(
    prompts: Prompts,
    *,
    each: Callable[[Tensor], Tensor] = to_unit,
    together: Callable[[Tensor, int], Tensor] = torch.sum,
    column: Callable[[Tensor], Tensor] = to_unit,
) -> Tensor:
    """Class by class; keyword arguments are mistakes with a prompt, those of a class, a column."""
    return torch.stack([column(together(each(rows.double()), 0)) for rows in prompts], dim=1)


def _means(prompts: Prompts) -> Tensor:
    """A mistake: columns as long as the means are."""
    return _ensemble(prompts, together=torch.mean, column=as_is)


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


ENSEMBLE = Comparison(
    function="ensemble",
    what="the classifier",
    right=_ensemble,
    read=_read_classifier,
    mistakes={
        "the columns are not of length 1: where prompts disagree, the mean is short": _means,
        "a long prompt has more say than a short one: bring each to length 1 before the mean": {
            "each": as_is
        },
        "only the first prompt of each class counts": {"together": lambda rows, _: rows[0]},
        "the columns are sums, and a class with more prompts has a longer one": {"column": as_is},
        "the mean went over the classes: it is over the prompts of one class": _over_classes,
        "a prompt is a ROW: dim=1 makes each row 1 long, dim=0 goes along the prompts": {
            "each": lambda rows: to_unit(rows.T).T
        },
        "a class is a COLUMN: dim=0 makes each column 1 long, dim=1 goes along the classes": (
            lambda prompts: to_unit(_means(prompts))
        ),
        "the classifier as a whole has the length 1: each column is to have it": lambda prompts: (
            _means(prompts) / _means(prompts).norm()
        ),
        "an eps of a thousandth is longer than some rows here: 1e-12 does no harm": {
            "each": lambda rows: rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-3)
        },
    },
)


def _prompts(student: Student, *counts: int) -> Prompts:
    """For each count so many vectors near one another, of lengths from 0.3 to 3."""
    found = []
    for count in counts:
        rows = student.normal(6) + 0.9 * student.normal(count, 6)
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


RAGGED = "T_c may differ: torch.stack over classes works only after the mean."


@check(
    "classes with different numbers of prompts, and with one",
    RAGGED,
    after=[ens_mean, ens_lengths],
)
def ens_ragged(student: Student) -> None:
    ENSEMBLE.each(
        student,
        {
            "one class of 4 prompts": lambda: (_prompts(student, 4),),
            "one class of one prompt": lambda: (_prompts(student, 1),),
            "7 classes of one prompt": lambda: (_prompts(student, *[1] * 7),),
        },
    )
    with student.on("5, 1, 3 and 2 prompts", RAGGED):
        ENSEMBLE.run(student, lambda: (_prompts(student, 5, 1, 3, 2),))


@check(
    "the kind of numbers, and the gradient",
    "The kind that went in comes out. Prompts can be learnt, so nothing may cut the gradient.",
    after=[ens_mean, ens_lengths, ens_ragged],
    keeps_arguments=True,
)
def ens_kinds(student: Student) -> None:
    def classifier(prompts: Prompts) -> Tensor:
        value = ENSEMBLE.run(student, lambda: (prompts,))
        return expect_kind(value, prompts[0], "a classifier is of the kind of its prompts")

    with student.on("float32"):
        classifier([to_unit(rows).float() for rows in _prompts(student, 3, 3)])
    with student.on("float64"):
        prompts = [to_unit(rows) * 3 for rows in _prompts(student, 3, 3)]
        if not close(classifier(prompts), _ensemble(prompts), 1e-9):
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
