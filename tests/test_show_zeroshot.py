"""Figures of chapter 07: what they say must be what was measured."""

import matplotlib.pyplot as plt
import pytest
import torch

from mvlm.show.zeroshot import (
    Gain,
    draw_angles,
    draw_examples,
    draw_gains,
    draw_item,
    draw_powers,
    label_frames,
)


def test_frames_tell_cosines_that_stay_and_shares_that_move():
    lists = [["fire", "cat"], ["fire", "cat", "banana"]]
    cosines = {"fire": 0.9, "cat": 0.8, "banana": 0.93}
    shares = [torch.tensor([cosines[one] * 67 for one in labels]).softmax(0) for labels in lists]
    told = label_frames(lists, cosines, 67.0, shares, question="Labels")._repr_mimebundle_()
    for share in (shares[0][0], shares[1][0]):
        assert f"“fire”: cosine 0.90, and {share:.0%} of a softmax" in told["text/html"]
    assert "banana: cosine 0.93" in told["text/html"]
    assert "2 labels" in told["text/plain"]
    assert "3 labels" in told["text/plain"]


def test_prompts_are_drawn_to_the_circle_and_means_with_their_own_length():
    prompts = {"A": torch.tensor([[1.0, 0.0], [0.0, 1.0]])}
    drawn = draw_angles(prompts, torch.tensor([0.6, 0.8]), title="t")
    ends = [[line.get_xdata()[1], line.get_ydata()[1]] for line in drawn.axes[0].lines[1:]]
    assert ends == [[1, 0], [0, 1], pytest.approx([0.6, 0.8])]
    (arrow,) = [text for text in drawn.axes[0].texts if not text.get_text()]
    assert list(arrow.xy) == [0.5, 0.5]
    plt.close(drawn)


def test_gains_are_drawn_and_told_in_points():
    gains = [Gain("a photo", -0.4, 0.02), Gain("a picture", 0.01, 0.005)]
    assert list(map(str, gains)) == ["a photo -40.0 ± 2.0", "a picture +1.0 ± 0.5"]
    drawn = draw_gains(gains, title="t", unit="points")
    assert list(drawn.axes[0].lines[1].get_xdata()) == pytest.approx([-40, 1])
    plt.close(drawn)


def test_an_item_shows_both_pictures_and_the_four_scores():
    scores = torch.tensor([[0.81, 0.82], [0.83, 0.84]])
    drawn = draw_item([torch.ones(3, 4, 4)] * 2, ["dog, cat", "cat, dog"], scores)
    assert [ax.get_title() for ax in drawn.axes[:2]] == ["picture 0", "picture 1"]
    written = [text.get_text() for text in drawn.axes[2].texts]
    assert written == ["0.810", "0.820", "0.830", "0.840"]
    plt.close(drawn)


def test_examples_are_drawn_at_their_k_with_every_draw():
    curves = {"A": {1: [0.2, 0.4], 2: [0.6]}, "B": {1: [0.1], 2: [0.2]}}
    drawn = draw_examples(curves, 0.5, 0.1, title="t", xlabel="x", ylabel="y")
    lines = [(list(one.get_xdata()), list(one.get_ydata())) for one in drawn.axes[0].lines]
    assert ([1, 2], pytest.approx([30, 60])) in lines
    assert ([1, 1], pytest.approx([20, 40])) in lines
    assert [text.get_text() for text in drawn.axes[0].texts][1:] == ["A", "B"]
    plt.close(drawn)


def test_a_law_is_drawn_over_all_points_and_those_left_out_are_hollow():
    points = [(10**n, 0.8 * 10 ** (-0.1 * n)) for n in range(1, 5)]
    drawn = draw_powers(
        {"A": points}, {"A": (0.8, -0.1)}, left_out=1, ticks=(40, 60), title="t", xlabel="x"
    )
    fitted, hollow, line = drawn.axes[0].lines
    assert len(fitted.get_xdata()) == 3
    assert list(hollow.get_xdata()) == [10**4]
    assert hollow.get_markerfacecolor() == "white"
    assert [text.get_text() for text in drawn.axes[0].get_legend().get_texts()] == [
        "A, exponent -0.100",
        "hollow: left out of the fit",
    ]
    assert list(line.get_xdata()) == [10, 10**4]
    assert list(line.get_ydata()) == pytest.approx([100 * points[0][1], 100 * points[-1][1]])
    plt.close(drawn)
