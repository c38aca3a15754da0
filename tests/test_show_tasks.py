"""Figures of chapter 12: what they say must be what was measured or done."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from mvlm.data.dice import Dice
from mvlm.data.plots import make_plot
from mvlm.data.shop import make_shops
from mvlm.evaluation.agents import ENDS, standard_error, with_truth
from mvlm.show import shares, tasks
from mvlm.show.figures import shown_size
from mvlm.show.shares import Bar
from mvlm.show.stored import measured
from mvlm.show.tasks import Seen

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["agents.json", "scorers.json", "web_shop.json", "web_shop.png"])
def test_measured_files_are_those_that_the_commands_write(name):
    assert measured(name) == ROOT / "benchmarks" / name
    assert (ROOT / "benchmarks" / name).with_suffix(".py").exists()
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"benchmarks/{name}" = "mvlm/show/{name}"' in text


@pytest.mark.parametrize("name", ["agents.json", "web_shop.json"])
def test_what_is_stored_adds_up(name):
    """Shares, errors and ends are those of the runs, one by one."""
    found = json.loads((ROOT / "benchmarks" / name).read_text(encoding="utf-8"))
    results = [
        one
        for column in found["columns"].values()
        for part in column.values()
        for one in ([part] if "done" in part else part.values())
    ]
    assert len(results) >= 16
    for one in results:
        runs, successes = len(one["done"]), one["done"].count("1")
        assert runs == found["runs"]
        assert set(one["ends"]) == set(ENDS)
        assert sum(one["ends"].values()) == runs
        assert one["ends"]["done"] == successes
        assert one["success"] == round(successes / runs, 4)
        assert one["standard error"] == round(standard_error(successes, runs), 4)


def test_a_bar_has_its_error():
    assert Bar("x", 0.25, 300).error == pytest.approx(math.sqrt(0.25 * 0.75 / 300))


def test_shares_are_drawn_as_they_are_given():
    groups = {
        "one": [Bar("a", 0.2, 100), Bar("b", 0.5, 100)],
        "two": [Bar("a", 0, 9), Bar("b", 1, 9)],
    }
    (axes,) = shares.draw_shares(groups, title="t").axes
    first, second = (bars.lines[0].get_xdata() for bars in axes.containers)
    assert list(first) == [20, 50]
    assert list(second) == [0, 100]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert shares.shares_in_words(groups) == "one: a 20.0%, b 50.0%. two: a 0.0%, b 100.0%"


def test_items_become_words():
    from mvlm import weights
    from mvlm.small.reader import told_items
    from mvlm.training.recipes.reader import tell

    config = weights.reader().config
    plot = make_plot(Dice("words"))
    one = tell(Dice("x"), plot, config)[0]
    items = told_items(*(one[part][None] for part in ("own", "slope", "place", "real")), config)
    seen = tasks.in_words(items, config)
    wanted = {
        f"({x}, {plot.value(x) if plot.value(x).denominator == 1 else '?'})"
        for x in range(-5, 6)
        if abs(plot.value(x)) <= 5
    }
    assert {item.says for item in seen} == wanted
    assert {item.kind for item in seen} == {"point"}
    assert seen == sorted(seen)


def test_what_is_wrong_is_framed():
    seen = [Seen(0, 1, "tag", "12"), Seen(2, 3, "link", "home")]
    drawn = tasks.draw_seen(
        np.zeros((64, 80, 3), np.uint8), seen, titles=("a", "b"), wrong=seen[:1]
    )
    texts = {text.get_text(): text for text in drawn.axes[1].texts}
    assert texts["12"].get_bbox_patch() is not None
    assert texts["home"].get_bbox_patch() is None
    assert texts["12"].get_position() == (24, 8)


def test_words_of_one_row_do_not_stand_over_one_another():
    seen = [Seen(2, 17, "link", "home"), Seen(2, 18, "link", "sign in"), Seen(3, 4, "tag", "12")]
    drawn = tasks.draw_seen(np.zeros((80, 320, 3), np.uint8), seen, titles=("a", "b"))
    drawn.draw_without_rendering()
    first, second, _ = (text.get_window_extent() for text in drawn.axes[1].texts)
    assert not first.overlaps(second)


def test_a_legend_is_inside_its_figure():
    for names in (("a", "b", "c"), ("with names", "without names", "without names, unseen artist")):
        drawn = shares.draw_shares({name: [Bar("x", 0.5, 9)] * 6 for name in names}, title="t")
        drawn.draw_without_rendering()
        legend = drawn.axes[0].get_legend().get_window_extent()
        assert drawn.bbox.containsx(legend.x0)
        assert drawn.bbox.containsx(legend.x1)
        assert drawn.bbox.containsy(legend.y0)


def test_panels_hold_each_share_and_fit_a_phone():
    names = ["nothing", "list, pictures named by CLIP"]
    percent = {"with names": (0.0, 100.0), "without names, unseen artist": (50.0, 91.5)}
    groups = {
        group: [Bar(name, of / 100, 200) for name, of in zip(names, row, strict=True)]
        for group, row in percent.items()
    }
    drawn = shares.draw_panels(groups, title="t")
    drawn.draw_without_rendering()
    assert shown_size(drawn)["legible"] <= 356  # what a phone of 390 pixels leaves for text
    assert [text.get_text() for text in drawn.axes[0].texts[-2:]] == names
    for ax, row in zip(drawn.axes, percent.values(), strict=True):
        assert [bar.get_width() for bar in ax.patches] == pytest.approx(row)
        numbers = [text for text in ax.texts if text.get_text() not in names]
        assert [text.get_text() for text in numbers] == [f"{of:.1f}" for of in row]
        left, right = ax.get_window_extent().intervalx
        for text in numbers:
            place = text.get_window_extent()
            assert left <= place.x0 < place.x1 <= right
    for text in drawn.axes[0].texts:
        assert drawn.bbox.containsx(text.get_window_extent().x1)


def test_an_episode_is_told_step_by_step():
    shop = next(make_shops("test", 1, 3, named=True))
    shown = tasks.episode_frames(shop, with_truth(shop), "Step").html
    said = re.findall(r"<p>(.*?)</p>", shown)
    assert said[0].startswith("Step 1. click [")
    assert said[-2].endswith("stop")
    assert said[-1] == (f"The end. It stopped; in the basket: {shop.goal}. Wanted: {shop.goal}.")


def test_only_a_click_on_the_page_has_a_box():
    shop = next(make_shops("test", 1, 3, named=True))
    element = shop.links[2]
    assert tasks.clicked_box(shop.links, f"click [{element.number}]") == element.box
    for said in ("click [0]", "stop", "scroll [up]", "I do not know"):
        assert tasks.clicked_box(shop.links, said) is None
