"""Pages without names, and a shop of several pages that is judged by its basket."""

import re

import numpy as np
import pytest

from mvlm.data.canvas import noting
from mvlm.data.dice import Dice
from mvlm.data.emojis import held_out, sprite
from mvlm.data.pages import DISPUTED, GROUPS, Page, clear_groups, make_bare_page, make_page
from mvlm.data.scene import split_vocabulary
from mvlm.data.shop import (
    NEXT,
    SHELVES,
    State,
    best_action,
    done,
    look,
    make_shop,
    make_shops,
    page,
    run_episode,
    step,
    without_goal,
)
from mvlm.tasks import parse_action

ARTISTS = ("noto", "twemoji")
NAMES = split_vocabulary("train")


def number(answer):
    return int(re.fullmatch(r"click \[(\d+)\]", answer).group(1))


def said_in(task):
    """The word after "buy the"; "" where a task names none."""
    found = re.search(r"the (\w+)", task)
    return found.group(1) if found else ""


def test_a_page_without_names_writes_none_and_its_task_means_one_thing():
    seen = {"picture": 0, "group": 0, "name": 0}
    for i in range(300):
        made = make_bare_page(Dice(f"bare {i}"), ARTISTS, NAMES)
        with noting() as marks:
            picture = made.draw()
        task, answer = made.ask(Dice(f"ask {i}"))
        assert not any(mark.role == "name" for mark in marks)
        written = " ".join(mark.text for mark in marks if mark.size)
        for_sale = {e.number: e.label for e in made.elements if e.role == "buy"}
        target = for_sale[number(answer)]
        assert not any(re.search(rf"\b{name}\b", written) for name in for_sale.values())
        said = said_in(task)
        if made.wanted is not None:
            assert picture.shape == (304, 320, 3)
            assert made.wanted[0] == target
            assert "picture" in task
            seen["picture"] += 1
        else:
            assert picture.shape == (240, 320, 3)
            if said in GROUPS:
                members = set(GROUPS[said]) | set(DISPUTED.get(said, ()))
                assert members & set(for_sale.values()) == {target}
                seen["group"] += 1
            else:
                assert said == target
                seen["name"] += 1
    assert min(seen.values()) > 30


def test_groups_are_everyday_things_and_do_not_overlap():
    from mvlm.data.emojis import everyday_vocabulary

    members = [name for names in GROUPS.values() for name in names]
    assert len(members) == len(set(members))
    disputed = [name for names in DISPUTED.values() for name in names]
    assert set(members + disputed) <= set(everyday_vocabulary())
    assert clear_groups(["apple", "car", "bell", "guitar"]) == {"fruit": "apple", "vehicle": "car"}
    assert clear_groups(["apple", "tomato"]) == {}


def test_a_usual_page_says_nothing_new():
    made = make_page(Dice("usual"), ARTISTS, NAMES)
    assert set(made.facts()) == {"shop", "elements"}
    assert set(Page(**vars(made) | {"basket": 0, "named": False}).facts()) > {"basket", "named"}


def test_who_sees_all_needs_at_most_four_actions():
    for shop in make_shops("test", 60, 3):
        state, said = State(), []
        while not state.stopped:
            said.append(best_action(shop, state))
            state = step(shop, state, parse_action(said[-1]))
        assert done(shop, state)
        assert 2 <= len(said) <= SHELVES + 1
        assert said[-1] == "stop"


def test_the_task_means_one_thing_in_the_whole_shop():
    ways = set()
    for i in range(200):
        shop = make_shop(Dice(f"one thing {i}"), ARTISTS, NAMES)
        names = [e.label for shelf in shop.shelves for e in shelf]
        assert names.count(shop.goal) == 1
        said = said_in(shop.task)
        if shop.wanted:
            assert shop.wanted[0] == shop.goal
            ways.add("picture")
        elif said in GROUPS:
            assert {*GROUPS[said], *DISPUTED.get(said, ())} & set(names) == {shop.goal}
            ways.add("group")
        else:
            assert said == shop.goal
        ways.add(shop.named)
        numbers = [e.number for e in (*shop.links, *(e for s in shop.shelves for e in s))]
        assert len(set(numbers)) == len(numbers)
    assert ways == {"picture", "group", True, False}


@pytest.fixture
def shop():
    return make_shop(Dice("a shop"), ARTISTS, NAMES, named=True)


def click(shop, state, label):
    shown = {e.label: e.number for e in page(shop, state).elements}
    return step(shop, state, parse_action(f"click [{shown[label]}]"))


def test_links_lead_where_they_say(shop):
    state = State()
    for shelf in (1, 2, 0, 1):
        state = click(shop, state, NEXT)
        assert state.shelf == shelf
    other = next(e.label for e in shop.links if e.label not in (NEXT, "home"))
    state = click(shop, state, other)
    assert state.shelf is None
    assert len(page(shop, state).elements) == 4
    assert click(shop, state, NEXT).shelf == 0


def test_what_counts_is_the_basket_at_the_end(shop):
    state = State()
    while shop.goal not in [e.label for e in page(shop, state).elements]:
        state = click(shop, state, NEXT)
    assert not done(shop, step(shop, state, parse_action("stop")))  # nothing bought
    bought = click(shop, state, shop.goal)
    assert not done(shop, bought)  # not stopped
    stopped = step(shop, bought, parse_action("stop [here you are]"))
    assert done(shop, stopped)
    twice = click(shop, bought, shop.goal)
    assert not done(shop, step(shop, twice, parse_action("stop")))
    other = next(e.label for e in page(shop, state).elements if e.label not in (shop.goal, NEXT)
                 and e.role == "buy")  # fmt: skip
    more = click(shop, bought, other)
    assert not done(shop, step(shop, more, parse_action("stop")))
    with pytest.raises(ValueError, match="the run has stopped"):
        step(shop, stopped, parse_action("click [1]"))


def test_what_the_page_does_not_show_does_nothing(shop):
    shown = {e.number for e in page(shop, State()).elements}
    hidden = next(n for n in range(1, 200) if n not in shown)
    for action in (f"click [{hidden}]", "scroll [down]", f"type [{min(shown)}] [apple]", "go_back"):
        assert step(shop, State(), parse_action(action)) == State()


def test_a_run_that_never_stops_ends(shop):
    told = run_episode(shop, lambda view, task: "let me think", steps=5)
    assert len(told) == 6
    assert told[-1] == (State(), "")
    told = run_episode(shop, lambda view, task: "stop")
    assert [said for _, said in told] == ["stop", ""]
    assert told[-1][0].stopped


def test_the_basket_shows_in_the_picture(shop):
    empty, full = (page(shop, State(basket=basket)).draw() for basket in ((), ("apple",)))
    changed = np.argwhere((empty != full).any(axis=2))
    assert len(changed)
    assert changed[:, 0].max() < 28
    assert changed[:, 1].min() > 280


def test_a_view_shows_no_more_than_the_page(shop):
    view = look(page(shop, State(basket=("apple",))))
    assert view.basket == 1
    assert [line.number for line in view.lines] == [e.number for e in page(shop, State()).elements]
    assert [line.text for line in view.lines[4:]] == [e.label for e in shop.shelves[0]]
    assert str(view.lines[0]) == f"[{shop.links[0].number}] link, {shop.links[0].label}"
    assert view.wanted is None
    assert list(view.cutouts) == [e.number for e in shop.shelves[0]]


def test_a_cutout_is_the_drawing_and_nothing_else():
    bare = next(s for s in make_shops("test", 30, 2, named=False) if s.wanted)
    view = look(page(bare, State()))
    assert all(line.text == "" for line in view.lines if line.role == "buy")
    assert "(picture)" in str(view.lines[4])
    for element in bare.shelves[0]:
        cut = view.cutouts[element.number]
        paint, clear = sprite(element.label, element.artist, 40)
        alone = np.full((40, 40, 3), 255, np.uint8)
        height, width = clear.shape[:2]
        alone[:height, :width] = (paint + alone[:height, :width] * clear) // 255
        assert np.array_equal(cut, alone)
    paint, clear = sprite(*bare.wanted, 40)
    height, width = clear.shape[:2]
    assert np.array_equal(view.wanted[:height, :width], (paint + 255 * clear) // 255)


def test_a_task_that_cannot_be_done_is_done_by_stopping(shop):
    no = without_goal(shop, Dice("no"), NAMES)
    names = {e.label for shelf in no.shelves for e in shelf}
    assert no.goal is None
    assert said_in(no.task) not in names
    assert no.shelves == shop.shelves
    told = run_episode(no, lambda view, task: "stop [N/A]")
    assert done(no, told[-1][0])
    assert best_action(no, State()) == "stop"
    bought = click(no, State(), no.shelves[0][0].label)
    assert not done(no, step(no, bought, parse_action("stop")))


def test_splits_share_no_shop_and_names_are_kept_apart():
    first = {shop.goal + str(shop.shelves) for shop in make_shops("train", 40, 0)}
    second = {shop.goal + str(shop.shelves) for shop in make_shops("test", 40, 0)}
    assert not first & second
    assert not any(held_out(e.label) for s in make_shops("test", 9, 0) for e in s.shelves[0])
    with pytest.raises(ValueError, match="10 names came for 12 things"):
        next(make_shops("names", 1, 0))
    again = [shop.task for shop in make_shops("test", 5, 7)]
    assert again == [shop.task for shop in make_shops("test", 5, 7)]
