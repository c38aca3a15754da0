"""Figures of chapter 08: what they draw is what a model does."""

from pathlib import Path

import pytest
import torch

from mvlm.language import LanguageConfig, LanguageModel
from mvlm.show.language import (
    LLAMA_BLOCK,
    VIT_BLOCK,
    cache_steps,
    count,
    likeness,
    next_token_bars,
    sampling_frames,
    turned_arrows,
    two_blocks,
)
from mvlm.show.language import vectors_of_steps as steps_of
from mvlm.show.stored import measured, read_measured

ROOT = Path(__file__).parent.parent


def test_the_starts_that_the_chapter_draws_are_stored_and_installed():
    """Three starts, in the order in which the chapter names them A, B and C."""
    assert measured("looking.json") == ROOT / "benchmarks/looking.json"
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"benchmarks/looking.json" = "mvlm/show/looking.json"' in text
    stored = read_measured("looking.json")
    assert list(stored) == ["0.02", "larger", "ready to look"]
    for kinds in stored.values():
        assert set(kinds) == {"where", "is there", "what"}
        assert all(len(shares) == 3 and min(shares) >= 0 for shares in kinds.values())


@pytest.mark.parametrize("cached", [True, False])
def test_squares_are_the_vectors_that_go_through_the_blocks(cached):
    """Counted at the first block of a model that writes four tokens after three."""
    config = LanguageConfig(vocab_size=9, width=8, depth=1, heads=2, mlp_width=8, context=12)
    model, read = LanguageModel(config).eval(), []
    model.transformer.blocks[0].register_forward_hook(
        lambda block, inputs, outputs: read.append(inputs[0].shape[1])
    )
    cache = model.cache(batch=1, length=7) if cached else None
    ids = [1, 2, 3]
    for step in range(4):
        fresh = ids[-1:] if cached and step else ids
        with torch.no_grad():
            ids.append(int(model(torch.tensor([fresh]), cache=cache)[0, -1].argmax()))
    squares = steps_of(3, 4, cached=cached)  # (4, 6)
    assert [count(row) for row in squares] == read
    assert squares.shape == (4, 6)


def test_titles_count_the_squares():
    drawn = cache_steps(8, 10)
    assert [axes.get_title(loc="left") or axes.get_title() for axes in drawn.axes] == [
        f"Without: {sum(range(8, 18))} vectors",
        f"With: {8 + 9} vectors",
    ]


def test_both_blocks_have_their_parts_in_the_same_places():
    written = [[text.get_text() for text in axes.texts] for axes in two_blocks().axes]
    assert written == [list(VIT_BLOCK), list(LLAMA_BLOCK)]


def test_arrows_end_where_the_turned_vectors_do():
    corners = [(1, 0), (0, 1), (-1, 0), (0, -1)]
    drawn = turned_arrows(lambda place: corners[place % 4], firsts=(0, 5), distances=3)
    ends = [[arrow.xy for arrow in axes.texts] for axes in drawn.axes]
    assert ends[0] == [(1, 0), (1, 0)]
    assert ends[2] == [(1, 0), (-1, 0)]
    assert ends[3:5] == [[(0, 1), (0, 1)], [(0, 1), (-1, 0)]]


def test_bands_meet_where_the_vectors_are_not_alike_enough():
    """Cosines 1 and 0 without spread: they meet chance at the second distance alone."""
    cosines = torch.tensor([[1.0, 0.0], [1.0, 0.0]])  # (vector, distance)
    _, said = likeness(dict.fromkeys([(4, 10.0), (16, 10.0), (64, 1e4), (100, 1e6)], cosines))
    assert said[3] == "d = 100, θ = 1,000,000: the bands meet at 1 of 2 distances"


def test_frames_say_what_stays_and_how_much_it_held():
    scores = torch.tensor([0.5, 0.3, 0.2]).log()
    shown = sampling_frames(
        scores,
        "abc".__getitem__,
        {"all": {"temperature": 1.0}, "two": {"top_k": 2}, "sharp": {"temperature": 0.5}},
        count=3,
    )
    page = shown.html
    assert "all: 3 of 3 tokens stay; they held 100.0% before the cut" in page
    assert "two: 2 of 3 tokens stay; they held 80.0% before the cut" in page
    assert "The likeliest now has 62.5%" in page  # .5 of .8
    assert f"has {0.25 / 0.38:.1%}" in page  # squares of .5, .3, .2


def test_bars_stand_in_order_with_their_tokens():
    p = torch.tensor([0.2, 0.5, 0.3])
    drawn, said = next_token_bars({"one": p, "two": 1 - p}, "abc".__getitem__, count=2)
    assert said == "one: b 0.500, c 0.300. two: a 0.800, c 0.700."
    assert [label.get_text() for label in drawn.axes[0].get_yticklabels()] == ["b", "c"]
