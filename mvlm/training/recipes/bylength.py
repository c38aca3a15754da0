"""Batches of texts of like length, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Generic, TypeVar

from mvlm.data.dice import Dice

Made = TypeVar("Made")
BATCHES = 16  # that are sorted together


class ByLength(Generic[Made]):
    """Examples in another order: of sixteen batches, the longest come together, and so on.

    Which example stands where follows from the numbers alone, so every process, and a run that
    goes on after a stop, finds the same.

    Args:
        make: the number of an example → the example.
        length: of an example.
        batch_size: examples a batch.
    """

    def __init__(
        self, make: Callable[[int], Made], length: Callable[[Made], int], batch_size: int
    ) -> None:
        self.make, self.length, self.batch_size = make, length, batch_size
        self.block = lru_cache(maxsize=2)(self._block)

    def __getitem__(self, number: int) -> Made:
        """The example that has place `number` in the new order."""
        block, place = divmod(number, BATCHES * self.batch_size)
        return self.block(block)[place]

    def _block(self, block: int) -> list[Made]:
        size = BATCHES * self.batch_size
        made = sorted(map(self.make, range(block * size, (block + 1) * size)), key=self.length)
        batches = [made[i : i + self.batch_size] for i in range(0, size, self.batch_size)]
        return [example for batch in Dice(f"block {block}").shuffled(batches) for example in batch]
