"""What several questions of exercise 08 need."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from mvlm.checks.core import Student
from mvlm.checks.expect import Comparison, expect_shape


def same_shape(function: str, meaning: str) -> Callable[..., Tensor]:
    """Reads a tensor of the shape of the first argument."""
    return lambda value, first, *_: expect_shape(value, first.shape, function, meaning)


def ours_and_wanted(
    student: Student, comparison: Comparison, *arguments: Any
) -> tuple[Tensor, Tensor]:
    """What came back, when it can be read, and what is right."""
    value = student.call(comparison.function, *arguments)
    return comparison.read(value, *arguments), comparison.right(*arguments)
