"""What several questions of exercise 03 need."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mvlm.checks.core import AnswerFailed
from mvlm.checks.expect import a_kind_of


def attended(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    heads: int,
    mask: Tensor,
    *,
    divisor: Callable[[int, int], float] = lambda width, heads: (width / heads) ** 0.5,
    cut: Callable[[int, int, int], slice] = lambda h, d, heads: slice(h * d, (h + 1) * d),
    reading: Callable[[Tensor], Tensor] = torch.clone,
    weights: Callable[[Tensor, Tensor, int], Tensor] = lambda s, m, t: s[t, m[t]].softmax(0),
) -> Tensor:
    """Attention in float64, query by query.

    The mistakes: another divisor (of D and H); other numbers of a head; another mask; other weights
    of the keys that query t may look at (of one head's scores s and its mask m, both (T, S)).
    """
    query, key, value, mask = query.double(), key.double(), value.double(), reading(mask)
    width = query.shape[-1] // heads
    result = torch.zeros_like(query)
    for picture, head in np.ndindex(len(query), heads):
        own = cut(head, width, heads)
        q, k, v = (x[picture, :, own] for x in (query, key, value))
        scores = q @ k.T / divisor(query.shape[-1], heads)
        for place, seen in enumerate(mask[picture]):
            result[picture, place, own] = weights(scores, mask[picture], place) @ v[seen]
    return result


def expect_dictionary(value: Any, function: str, names: tuple[str, ...]) -> dict[str, Any]:
    """``value``, when it is a dictionary with these names, and perhaps others."""
    if type(value) is dict and set(names) <= set(value):
        return value
    came = a_kind_of(value)
    if type(value) is dict:
        came = f"a dictionary of {', '.join(map(str, value))}"
    wanted = f"a dictionary of {', '.join(names)}"
    raise AnswerFailed(f"{function} returned {came}, wanted {wanted}")
