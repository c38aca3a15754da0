"""What several questions of exercise 07 need."""

from typing import Any

from torch import Tensor

NONE = -1  # the answer where no class is near enough


def as_is(numbers: Any) -> Any:
    """A step that a mistake leaves out."""
    return numbers


def to_unit(vector: Tensor) -> Tensor:
    """Rows of length 1, or one vector of length 1, in float64."""
    vector = vector.double()
    return vector / vector.square().sum(dim=-1, keepdim=True).sqrt()
