"""What several questions of exercise 01 need."""

import math
from collections.abc import Callable
from typing import Any

ANSWERS = (
    *("lion", "rose", "yes", "no", "centre", "three"),
    *("apple", "key", "owl", "tree", "fish", "two"),
)


def to_six_digits(number: float, expected: float) -> bool:
    """Whether two numbers agree to six digits: float32 passes, a number cut off does not."""
    return math.isclose(number, expected, rel_tol=2e-6, abs_tol=1e-300)


def rounded_off(measure: Callable[..., Any], most: int = 4) -> dict[str, list[Callable[..., Any]]]:
    """A mistake: what is measured, rounded to so many digits at most; a 0 may have other causes."""
    return {
        "that is rounded: return the number as it is, with all its digits": [
            lambda *given, digits=digits: round(float(measure(*given)), digits) or None
            for digits in range(1, most + 1)
        ]
    }
