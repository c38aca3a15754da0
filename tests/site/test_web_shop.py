"""The shop as HTML: the same page, numbers, basket and verdict as the drawn one."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mvlm.data.shop import State, look, make_shops, page, step
from mvlm.evaluation.agents import how_it_ended, with_list, with_truth
from mvlm.tasks import parse_action

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from web_shop import ShopServer, html, see, serving, visit

SHOPS = [
    *make_shops("test", 2, 21, named=True),
    next(shop for shop in make_shops("test", 30, 21, named=False) if shop.wanted),
]


@pytest.fixture
def tab(browser) -> Iterator:
    tab = browser.new_page()
    yield tab
    tab.close()


@pytest.fixture
def server() -> Iterator[ShopServer]:
    with serving() as server:
        yield server


def test_a_page_without_names_says_none():
    bare = SHOPS[-1]
    text = html(page(bare, State()), "serif")
    assert not any(element.label in text for element in bare.shelves[0])
    assert "data:font" not in text
    assert "data:font" in html(page(bare, State()), "course")


@pytest.mark.parametrize("shop", SHOPS, ids=["names", "more names", "no names"])
def test_the_browser_shows_what_is_drawn(shop, tab, server):
    tab.goto(server.open(shop, "course"))
    seen, drawn = see(tab), look(page(shop, State()))
    assert seen.lines == drawn.lines
    assert seen.basket == 0
    assert seen.picture.shape == drawn.picture.shape
    assert np.abs(seen.picture.astype(int) - drawn.picture).mean() < 10  # letters are smoothed
    for number, cut in drawn.cutouts.items():
        assert np.array_equal(seen.cutouts[number], cut)
    assert (seen.wanted is None) == (drawn.wanted is None)


def test_clicks_lead_where_the_drawn_shop_leads(tab, server):
    shop, state = SHOPS[0], State()
    tab.goto(server.open(shop, "serif"))
    next_number = next(link.number for link in shop.links if link.label == "next")
    for number in (next_number, shop.shelves[1][2].number, next_number, 0):
        pressed = tab.query_selector(f'[data-number="{number}"]')
        if pressed:
            pressed.click()
            tab.wait_for_load_state()
        state = step(shop, state, parse_action(f"click [{number}]"))
        assert server.state == state
    assert see(tab).basket == 1


def test_the_state_on_the_server_is_judged(tab, server):
    shop = SHOPS[0]
    assert how_it_ended(shop, visit(tab, server, shop, with_list, "serif")) == "done"
    assert how_it_ended(shop, visit(tab, server, shop, with_truth(shop), "course")) == "done"
    ended = visit(tab, server, shop, lambda view, task: "I have bought it. stop", "serif")
    assert how_it_ended(shop, ended) == "never stopped"
