"""What several questions of exercise 03 need."""

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import AnswerFailed
from mvlm.checks.expect import kind_of


def attended(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    heads: int,
    mask: Tensor,
    *,
    divisor: Callable[[int, int], float] = lambda width, heads: (width / heads) ** 0.5,
    after: bool = False,
) -> Tensor:
    """Attention in float64, query by query.

    The mistakes: another divisor (of D and H), keys hidden after the softmax.
    """
    query, key, value = query.double(), key.double(), value.double()
    width = query.shape[-1] // heads
    result = torch.zeros_like(query)
    rows = itertools.product(range(len(query)), range(query.shape[1]), range(heads))
    for picture, place, head in rows:
        own = slice(head * width, (head + 1) * width)
        seen = mask[picture, place]
        if not seen.any():
            continue
        scores = key[picture, :, own] @ query[picture, place, own]
        scores = scores / divisor(query.shape[-1], heads)
        weights = scores.softmax(0)[seen] if after else scores[seen].softmax(0)
        result[picture, place, own] = weights @ value[picture, seen, own]
    return result


def expect_dictionary(value: Any, function: str, names: tuple[str, ...]) -> dict[str, Any]:
    """``value``, when it is a dictionary with these names, and perhaps others."""
    if type(value) is not dict or not set(names) <= set(value):
        named = type(value) is dict
        came = f"a dictionary of {', '.join(map(str, value))}" if named else f"a {kind_of(value)}"
        wanted = f"a dictionary of {', '.join(names)}"
        raise AnswerFailed(f"{function} returned {came}, wanted {wanted}")
    return value
