"""Questions that no picture of the course answers, in hundreds of sentences.

One list to learn to refuse from and another to test with, each written without sight of the other.
Then sentences to learn from went where they are too like one to test with, and sentences to test
with where they are too like one of `mvlm.training.recipes.texts`.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import cache
from importlib.resources import files

SAME = 3 / 4  # sentences that are so much alike count as one: one word of four is another


@cache
def unanswerable(part: str) -> tuple[str, ...]:
    """Sentences with `{name}` or `{names}`, singular or plural, in the place of a thing.

    Args:
        part: "taught" or "test".

    Raises:
        ValueError: another part.
    """
    if part not in ("taught", "test"):
        raise ValueError(f"part is {part!r}, wanted 'taught' or 'test'")
    lines = (files("mvlm.data") / f"unanswerable_{part}.txt").read_text(encoding="utf-8")
    return tuple(lines.split("\n")[:-1])


def likeness(one: str, other: str) -> float:
    """How alike two sentences are, word by word: 0 to 1, see `difflib.SequenceMatcher.ratio`."""
    first, second = (
        re.findall(r"[{}a-z0-9]+", text.lower().replace("'s", " is")) for text in (one, other)
    )
    return SequenceMatcher(None, first, second, autojunk=False).ratio()
