"""What counts of tokens predict, and the model's loss on conversations."""

import math

import pytest
import torch

from mvlm import weights
from mvlm.chat import Example
from mvlm.evaluation.language import conversations, counted_losses, language_and_told, loss_on


def told_example(*tokens: int) -> tuple[Example, list[int]]:
    """A text whose tokens all have labels but the first."""
    return Example(ids=list(tokens), labels=[-100, *tokens[1:]]), []


def test_losses_by_hand():
    """Lessons 0 1 1: token 1 came twice, once after 0 and once after 1. The test: 0 1."""
    unigram, bigram = counted_losses(
        [told_example(0, 1, 1)], [told_example(0, 1)], vocab_size=4, weight=3.0
    )
    share = (2 + 1) / (2 + 4)
    assert unigram == pytest.approx(-math.log(share))
    assert bigram == pytest.approx(-math.log((1 + 3 * share) / (1 + 3)))


def test_without_lessons_nothing_is_known():
    losses = counted_losses([], [told_example(0, 1, 2)], vocab_size=8)
    assert losses == pytest.approx((math.log(8), math.log(8)))


def test_the_finished_model_needs_the_right_scene():
    """The loss is the mean over labels, and another scene than the told one costs."""
    language, told = language_and_told(weights.HERE / "language.safetensors")
    tests = conversations("test", 8)
    right = loss_on(language, told, tests)
    assert loss_on(language, told, tests, other_scene=True) > right + 0.5
    alone = [loss_on(language, told, [one]) for one in tests]
    counts = [sum(label != -100 for label in one.labels[1:]) for one, _ in tests]
    mean = torch.tensor(alone) @ torch.tensor(counts, dtype=torch.float) / sum(counts)
    assert right == pytest.approx(mean.item(), abs=1e-4)
