"""What several questions of exercise 06 need."""

import math
from collections import Counter

import torch

from mvlm.checks.core import Student


def floor_of(texts: list[str]) -> float:
    """The least loss that a batch allows: equal texts cannot be told apart."""
    return sum(k * math.log(k) for k in Counter(texts).values()) / len(texts)


def draw_words(student: Student, *counts: int) -> list[str]:
    """Texts in a random order: one word for each count, which comes so often."""
    texts = [f"word {i} {student.integer(0, 99)}" for i in range(len(counts))]
    line = [text for text, count in zip(texts, counts, strict=True) for _ in range(count)]
    order = torch.randperm(len(line), generator=student.generator).tolist()
    return [line[place] for place in order]
