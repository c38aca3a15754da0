"""Scores of the tasks: the edges where a score is easily wrong."""

import itertools

import networkx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mvlm.tasks import (
    Action,
    accuracy,
    action_match,
    edit_distance,
    exact_match,
    final_answer,
    nearest_choice,
    parse_action,
    point_in_box,
    point_in_mask,
    read_choice,
    relaxed_match,
    score_points,
)


def test_the_final_answer_is_what_stands_last():
    assert final_answer("top left, centre: 2") == "2"
    assert final_answer("top left: 1.") == "1."
    assert final_answer("top left") == "top left"
    assert final_answer("") == ""


def test_exact_match_forgives_case_spaces_and_the_full_stop():
    assert exact_match(" A  Cat. ", "a cat")
    assert not exact_match("a cat", "a cats")


@pytest.mark.parametrize(
    ("said", "right", "expected"),
    [
        ("105", "100", True),
        ("105.01", "100", False),
        ("95", "100", True),
        ("1.05", "1", True),  # 1.05 - 1 > 0.05 in floating point
        ("-1.05", "-1", True),
        ("1", "-1", False),
        ("0", "0.0", True),
        ("0.01", "0", False),
        ("74%", "0.74", True),
        ("74 %", "74%", True),
        ("74%", "74", False),
        ("1,234", "1234", True),
        ("$5", "5", True),
        ("5.", "5", True),
        ("1e3", "1000", True),
        ("blue", "Blue", True),
        ("blue", "5", False),
        ("nan", "nan", True),
        ("", "5", False),
    ],
)
def test_relaxed_match(said, right, expected):
    assert relaxed_match(said, right) is expected


@given(st.text(), st.text())
def test_relaxed_match_takes_any_text(said, right):
    assert relaxed_match(said, said)
    relaxed_match(said, right)


SLOPES = ("larger than", "equal to", "smaller than")


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_edit_distance_by_its_definition(one, other):
    """The recursion, which looks at the last letters of both."""

    def fewest(i, j):
        if not i or not j:
            return i + j
        changed = fewest(i - 1, j - 1) + (one[i - 1] != other[j - 1])
        return min(changed, fewest(i - 1, j) + 1, fewest(i, j - 1) + 1)

    assert edit_distance(one, other) == fewest(len(one), len(other))


def test_edit_distance_of_a_textbook():
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "equal to") == 8


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("(A)", "larger than"),
        ("(c) smaller", "smaller than"),
        ("B", "equal to"),
        ("b", "equal to"),  # no capital letter, and near to the shortest
        ("(D)", "equal to"),  # no choice has it: one letter, nearest to the shortest
        ("less than", "larger than"),  # sic
        ("", "equal to"),
        ("I cannot tell.", "larger than"),
    ],
)
def test_nearest_choice_as_mathvista_has_it(said, taken):
    assert nearest_choice(said, SLOPES) == taken


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("larger than", 0),
        ("It is LARGER THAN.", 0),
        ("'equal to'", 1),
        ("(c)", 2),
        ("The answer is C.", 2),
        ("not (B) but (A)", 0),
        ("larger than? no: smaller than", 2),
        ("unequal to", None),
        ("A function", None),
        ("(D)", None),
        ("not smaller than", None),
    ],
)
def test_read_choice(said, named):
    assert read_choice(said, SLOPES) == (None if named is None else SLOPES[named])


def test_read_choice_takes_the_longer_one():
    colours = ("red", "dark red")
    assert read_choice("dark red", colours) == "dark red"
    assert read_choice("not dark red", colours) is None
    assert read_choice("dark red, no, red", colours) == "red"


@pytest.mark.parametrize("said", ["", " ", "?", "I cannot tell.", "less than", "A function", "42"])
def test_what_names_nothing_is_right_for_no_choice(said):
    """The test that MathVista's scorer lacked: its issue 19."""
    assert read_choice(said, SLOPES) is None


@given(st.text(), st.lists(st.sampled_from(SLOPES), min_size=1, unique=True))
def test_read_choice_takes_any_text(said, choices):
    assert read_choice(said, choices) in (None, *choices)
    assert nearest_choice(said, choices) in choices


def test_accuracy():
    assert accuracy(["a", "b", "c"], ["A", "b", "x"], exact_match) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="1 predictions came for 2 answers: pass one for each"):
        accuracy(["a"], ["a", "b"], exact_match)
    with pytest.raises(ValueError, match="at least one"):
        accuracy([], [], exact_match)


def test_points_are_scored_one_to_one():
    boxes = [(0, 0, 10, 10), (20, 20, 30, 30)]
    perfect = score_points([(5, 5), (25, 25)], boxes)
    assert (perfect.precision, perfect.recall, perfect.f1) == (1, 1, 1)
    twice = score_points([(5, 5), (6, 6)], boxes)
    assert (twice.precision, twice.recall) == (0.5, 0.5)
    assert score_points([], []).f1 == 1
    assert score_points([], boxes).f1 == score_points([(50, 50)], boxes).f1 == 0
    assert score_points([(50, 50)], []).precision == 0


def test_matching_is_the_largest_there_is():
    # The first point could take either region; the second only the first one.
    overlapping = [(0, 0, 10, 10), (5, 0, 20, 10)]
    assert score_points([(7, 5), (2, 5)], overlapping).recall == 1


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=4))
def test_matching_equals_trying_every_assignment(hits):
    points = [(i * 25.0, 0.0) for i in range(len(hits))]
    regions = [
        np.array([[hits[i][j] if i < len(hits) else False for i in range(4)]]) for j in range(3)
    ]
    best = 0
    for order in itertools.permutations([*range(3), *[None] * len(hits)], len(hits)):
        best = max(best, sum(j is not None and hits[i][j] for i, j in enumerate(order)))
    assert score_points(points, regions).recall == pytest.approx(best / 3)


def test_a_mask_is_asked_at_the_right_pixel():
    mask = np.zeros((2, 4), dtype=bool)
    mask[1, 3] = True
    assert point_in_mask((100, 100), mask)
    assert point_in_mask((75, 50), mask)
    assert not point_in_mask((74.9, 50), mask)
    assert not point_in_mask((-1, 100), mask)


def test_score_points_finds_the_largest_matching():
    """As many as networkx's, on random overlapping boxes."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        points, corners = (torch.rand(9, 2, generator=generator) * 100 for _ in range(2))
        boxes = [(x, y, x + 40, y + 40) for x, y in corners.tolist()]
        points = [tuple(point) for point in points.tolist()]
        graph = networkx.Graph()
        graph.add_nodes_from(("point", i) for i in range(9))
        for i, point in enumerate(points):
            for j, box in enumerate(boxes):
                if point_in_box(point, box):
                    graph.add_edge(("point", i), ("box", j))
        best = networkx.bipartite.hopcroft_karp_matching(graph, [("point", i) for i in range(9)])
        assert score_points(points, boxes).recall == len(best) / 2 / 9


def test_score_points_of_thousands_in_one_place():
    score = score_points([(50, 50)] * 2000, [(0, 0, 100, 100)] * 1500)
    assert (score.precision, score.recall) == (0.75, 1.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("click [1602]", Action(name="click", element=1602)),
        ("The button is at the top.\n```click [7]```", Action(name="click", element=7)),
        ("First I thought ```hover [1]``` but ```click [2]```.", Action(name="click", element=2)),
        ("Go\ntype [5] [hat] [0]\n", Action(name="type", element=5, text="hat", enter=False)),
        ("type [5] [a [b] c]", Action(name="type", element=5, text="a [b] c")),
        ("type [5] [] [1]", Action(name="type", element=5, text="")),
        ("press [Ctrl+v]", Action(name="press", text="Ctrl+v")),
        ("scroll [down]", Action(name="scroll", text="down")),
        ("scroll [direction=up]", Action(name="scroll", text="up")),
        ("goto [http://a.b/c?d=[1]]", Action(name="goto", text="http://a.b/c?d=[1]")),
        ("tab_focus [0]", Action(name="tab_focus", element=0)),
        ("go_back", Action(name="go_back")),
        ("stop [$12.50]", Action(name="stop", text="$12.50")),
        ("stop", Action(name="stop")),
    ],
)
def test_parse_action(text, expected):
    assert parse_action(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "  \n ", "click 1602", "click [abc]", "jump [3]", "click [1] now", "scroll [left]"],
)
def test_what_is_no_action_is_refused(text):
    with pytest.raises(ValueError, match=r"is no action: wanted one such as `click \[1602\]`"):
        parse_action(text)
    assert not action_match(text, "click [1]")


def test_action_match():
    assert action_match("so I will\n```click [3]```", "click [3]")
    assert not action_match("click [4]", "click [3]")
