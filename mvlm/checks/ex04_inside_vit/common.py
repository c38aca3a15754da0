"""What several questions of exercise 04 need."""

from typing import Any

from torch import Tensor

from mvlm.checks.core import Student, fail
from mvlm.checks.expect import KIND, Comparison, close, expect_kind, expect_tensor

ALL_DIGITS = "Which step works in float32 (a table you made, too), rounds, or adds a small number?"


def expect_all_digits(student: Student, question: Comparison, *arguments: Any) -> None:
    """Fail unless float64 comes back as such, with digits that float32 does not hold."""
    wanted = question.right(*arguments)  # of float64, as the arguments are
    with student.on("float64 numbers", KIND):
        value = expect_tensor(student.call(question.function, *arguments), question.function)
        expect_kind(value, wanted, "results keep the kind of what came in")
        ours = question.read(value, *arguments)
        if not close(ours, wanted, 1e-9):
            away = (ours - wanted).abs().max().item()
            fail(
                f"float64 went in, and the result is off by {away:.0e}: not all its digits",
                ALL_DIGITS,
            )


def attention(student: Student, *shape: int) -> Tensor:
    """Rows that sum to 1, uneven ones."""
    return (2 * student.normal(*shape)).softmax(dim=-1)
