"""Random draws that are the same for ever: a scene depends on its own seed alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Dice:
    """Random draws made from `random.Random.random()` alone.

    Python promises that this one method gives the same numbers in every later version (its
    other methods, and those of NumPy's `Generator`, carry no such promise). The seed is a text,
    such as "scenes 0 train 17", so that any worker can draw row 17 without drawing rows 0 to 16.
    """

    def __init__(self, seed: str) -> None:
        self.uniform = random.Random(seed).random

    def below(self, n: int) -> int:
        """A whole number from 0 to n − 1."""
        return int(self.uniform() * n)

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, probability: float) -> bool:
        return self.uniform() < probability

    def pick(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]

    def sample(self, items: Sequence[Item], count: int) -> list[Item]:
        """`count` different items, in random order."""
        pool = list(items)
        for i in range(count):
            j = self.between(i, len(pool) - 1)
            pool[i], pool[j] = pool[j], pool[i]
        return pool[:count]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        return self.sample(items, len(items))
