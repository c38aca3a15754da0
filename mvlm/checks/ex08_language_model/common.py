"""What several questions of exercise 08 need."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from mvlm.checks.expect import expect_shape


def same_shape(name: str, place: int, meaning: str) -> Callable[..., Tensor]:
    """Reads a tensor of the shape of the argument at a place."""

    def read(value: Any, *arguments: Any) -> Tensor:
        return expect_shape(value, arguments[place].shape, name, meaning)

    return read
