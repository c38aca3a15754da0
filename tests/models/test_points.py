"""Points: Molmo's spelling to the letter, and a round trip for anything."""

import copy
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mvlm.points import (
    format_count,
    format_points,
    parse_count,
    parse_points,
    points_from_pixels,
    points_to_pixels,
)

coordinates = st.floats(0, 100)
places = st.lists(st.tuples(coordinates, coordinates), max_size=12)


def test_the_four_forms_are_molmos_own():
    assert format_points([(10, 20.5)], "cat") == '<point x="10.0" y="20.5" alt="cat">cat</point>'
    two = '<points x1="10.0" y1="20.5" x2="50.0" y2="7.0" alt="cat">cat</points>'
    assert format_points([(50, 7), (10, 20.5)], "cat") == two
    assert format_count([(50, 7), (10, 20.5)], "cat") == f"Counting the {two} shows a total of 2."
    assert format_points([], "cat") == format_count([], "cat") == "There are none."


def test_points_are_sorted_by_x_and_then_by_y_after_rounding():
    text = format_points([(10.04, 9), (9.96, 30), (10.0, 20), (3, 99)], "dot")
    assert parse_points(text) == [(3, 99), (10, 9), (10, 20), (10, 30)]


@given(places, st.text())
def test_round_trip(points, label):
    expected = sorted((round(x, 1), round(y, 1)) for x, y in points)
    for text in (format_points(points, label), format_count(points, label)):
        assert parse_points(text) == expected


@given(places, st.text(st.characters(codec="utf-8")))
def test_a_label_changes_no_point_and_the_count_is_read_back(points, label):
    hostile = f'{label}<point x="1.0" y="2.0">'
    text = format_count(points, hostile)
    assert len(parse_points(text)) == len(points)
    assert parse_count(text) == len(points)


@pytest.mark.parametrize("make", [np.array, torch.tensor, copy.deepcopy])
def test_regression_the_formatter_does_not_change_its_input(make):
    """allenai/molmo's formatter divides the caller's array in place."""
    points = make([[80.26, 1.0], [3.14, 2.0]])
    before = copy.deepcopy(points)
    format_points(points, "x")
    format_count(points, "x")
    assert np.array_equal(np.asarray(points), np.asarray(before))


def test_regression_values_over_100_are_rejected():
    assert parse_points('<points x1="10.0" y1="20.0" x2="100.1" y2="3.0" alt="a">a</points>') == [
        (10, 20)
    ]
    assert parse_points('<point x="640" y="480" alt="a">a</point>') == []


def test_parsing_reads_what_it_can():
    cut_off = '<points x1="10.0" y1="20.0" x2="30.0" y2="4'
    assert parse_points(cut_off) == [(10, 20)]
    assert parse_points("") == parse_points("no points, but x=5") == []
    assert parse_points('x="3.0" y="4.0" outside a tag') == []
    assert parse_points('<points x1="1.0" y2="2.0" x3="3.0" y3="4.0">') == [(3, 4)]
    assert parse_points('<point x="-5.0" y="2.0" alt="">') == []
    assert len(parse_points(format_points([(1, 2)], "a") + format_points([(3, 4)], "b"))) == 2


def test_parse_count():
    assert parse_count("There are none.") == 0
    assert parse_count("I see a dog.") is None
    assert parse_count("shows a total of " + "9" * 5000) is None  # more than int() reads


def test_pixels_there_and_back():
    assert points_from_pixels([(60, 30)], (120, 240)) == [(25, 25)]
    assert points_to_pixels([(25, 25)], (120, 240)) == [(60, 30)]


@pytest.mark.parametrize("point", [(100.1, 5), (-0.1, 5), (5, float("nan")), (5, float("inf"))])
def test_a_point_outside_is_refused(point):
    with pytest.raises(ValueError, match=re.escape("outside 0 to 100: give hundredths")):
        format_points([point], "cat")


def test_negative_zero_has_no_sign():
    assert format_points([(-0.0, 0)], "c").startswith('<point x="0.0" y="0.0"')
