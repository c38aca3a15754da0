"""Agents of the shop: each sees what it should, and no more."""

import numpy as np
import pytest
import torch

from mvlm.data.shop import Line, State, View, look, make_shops, page, run_episode
from mvlm.evaluation.agents import (
    act,
    asked_for,
    how_it_ended,
    idle,
    name_pictures,
    run_all,
    standard_error,
    with_list,
    with_question,
    with_truth,
)

SHOPS = {named: list(make_shops("test", 12, 5, named=named)) for named in (True, False)}
LINKS = (Line(3, "link", "help", 0), Line(4, "link", "next", 0))
DRAWING = np.zeros((40, 40, 3), np.uint8)


def a_view(*names, basket=0):
    """A page with things of these names, numbered from 10 on."""
    lines = [Line(10 + i, "buy", name, 5) for i, name in enumerate(names)]
    cutouts = {line.number: DRAWING for line in lines}
    return View(DRAWING, (*LINKS, *lines), basket, cutouts, None)


def test_the_list_is_enough_where_names_are_written():
    assert run_all(lambda shop: with_list, SHOPS[True]) == ["done"] * 12
    assert set(run_all(lambda shop: with_list, SHOPS[False])) <= {"done", "wrong thing"}


def test_the_truth_always_arrives():
    for shops in SHOPS.values():
        assert run_all(with_truth, shops) == ["done"] * len(shops)


def test_who_does_nothing_buys_nothing():
    assert run_all(lambda shop: idle, SHOPS[True]) == ["nothing bought"] * 12


def test_the_task_alone_hears_no_page():
    agent = with_question(count=60)
    said = {agent(view, "buy the lion.") for view in (a_view("lion"), a_view("dog"), None)}
    assert len(said) == 1


def test_a_list_agent_looks_at_words_only():
    assert with_list(a_view("lion", "dog"), "buy the dog.") == "click [11]"
    assert with_list(a_view("lion", "dog"), "buy the animal.") == "click [10]"
    assert with_list(a_view("lion", "dog"), "buy the key.") == "click [4]"
    assert with_list(a_view("", ""), "buy the key.") == "click [10]"
    assert with_list(a_view("", "", basket=1), "buy the key.") == "stop"
    assert with_list(View(DRAWING, LINKS, 0, {}, None), "buy the key.") == "click [4]"


def test_a_picture_of_what_is_wanted_goes_before_the_words():
    view = a_view("lion", "dog")
    names = {10: "lion", 11: "dog"}
    assert act(view, "buy what is in this picture.", names, wanted="dog") == "click [11]"
    assert act(view, "buy what is in this picture.", names, wanted="key") == "click [4]"


def test_a_task_means_whole_words():
    assert asked_for("car", "buy the car.")
    assert not asked_for("car", "buy the card.")
    assert asked_for("apple", "i want the fruit. buy it.")
    assert not asked_for("tomato", "i want the fruit. buy it.")


def test_pictures_are_named_by_the_nearest_word():
    class Tower:
        """Takes the mean of red and of blue for the picture's vector."""

        def encode_image(self, pixels):
            return pixels.mean(dim=(2, 3))[:, [0, 2]]

    red, blue = (np.zeros((40, 40, 3), np.uint8) for _ in range(2))
    red[..., 0], blue[..., 2] = 255, 255
    table = torch.eye(2)
    words = ["red", "blue"]
    assert name_pictures(Tower(), table, words, [blue, red, red]) == ["blue", "red", "red"]
    assert name_pictures(Tower(), table, words, []) == []


def test_how_a_run_ends():
    shop = SHOPS[True][0]
    (goal,) = [shop.goal]
    assert how_it_ended(shop, State(basket=(goal,), stopped=True)) == "done"
    assert how_it_ended(shop, State(basket=(goal,))) == "never stopped"
    assert how_it_ended(shop, State(basket=(goal, goal), stopped=True)) == "wrong thing"
    assert how_it_ended(shop, State(stopped=True)) == "nothing bought"


def test_standard_error():
    assert standard_error(50, 200) == pytest.approx((0.25 * 0.75 / 200) ** 0.5)
    assert standard_error(0, 200) == 0


def test_agents_remember_nothing():
    """The same view and task, the same answer, whatever came before."""
    shop = SHOPS[True][1]
    agent = with_truth(shop)
    first = agent(look(page(shop, State())), shop.task)
    run_episode(shop, agent)
    assert agent(look(page(shop, State())), shop.task) == first
