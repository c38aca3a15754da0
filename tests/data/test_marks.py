"""What the drawing code notes is where it says, and noting changes no pixel."""

import numpy as np
import pytest

from mvlm.data.canvas import LARGE, PAPER, Mark, blank, letters, note, noting, text_width, write
from mvlm.data.charts import make_chart
from mvlm.data.dice import Dice
from mvlm.data.pages import make_bare_page, make_page
from mvlm.data.plots import make_plot

ARTISTS = ("noto", "twemoji")
NAMES = ("apple", "bell", "bus", "cat", "castle", "guitar", "key", "lion", "pen", "rose")
MAKERS = {
    "plot": make_plot,
    "chart": make_chart,
    "page": lambda dice: make_page(dice, ARTISTS, NAMES),
    "bare page": lambda dice: make_bare_page(dice, ARTISTS, NAMES),
}


def drawn(kind, number):
    made = MAKERS[kind](Dice(f"marks {kind} {number}"))
    with noting() as marks:
        picture = made.draw()
    return made, picture, marks


@pytest.mark.parametrize("kind", MAKERS)
def test_noting_changes_no_pixel(kind):
    for number in range(5):
        made, picture, marks = drawn(kind, number)
        assert np.array_equal(made.draw(), picture)
        assert marks
    note(Mark("", "nobody asked", (0, 0, 1, 1)))  # outside, nothing is kept


def likeness(mark: Mark, picture: np.ndarray) -> float:
    """How well the picture there agrees with the word drawn alone: 1 wholly, 0 not at all."""
    x0, y0, x1, y1 = mark.box
    alone = blank(x1 - x0, y1 - y0)
    write(alone, 0, 0, mark.text, size=mark.size, colour=(0, 0, 0))
    there = picture[y0:y1, x0:x1].sum(axis=2)
    return abs(np.corrcoef(alone[..., 0].flatten(), there.flatten())[0, 1])


@pytest.mark.parametrize("kind", MAKERS)
def test_every_word_stands_where_its_mark_says(kind):
    here, beside = [], []
    for number in range(10):
        _, picture, marks = drawn(kind, number)
        for mark in marks:
            x0, y0, x1, y1 = mark.box
            assert 0 <= x0 < x1 <= picture.shape[1]
            assert 0 <= y0 < y1 <= picture.shape[0]
            if mark.size and x1 + 3 <= picture.shape[1]:
                here.append(likeness(mark, picture))
                beside.append(likeness(mark._replace(box=(x0 + 3, y0, x1 + 3, y1)), picture))
    # A curve may run through a number, but not through many.
    assert np.mean(np.array(here) > 0.9) > 0.85
    assert np.mean(np.array(beside) > 0.9) == 0


def test_letters_stand_side_by_side():
    mark = Mark("name", "ill at sea", (10, 20, 10 + text_width("ill at sea", LARGE), 38), 0, LARGE)
    placed = letters(mark)
    assert "".join(letter for letter, _, _ in placed) == "ill at sea"
    places = [x for _, x, _ in placed]
    assert places == sorted(set(places))
    assert placed[0][1] == 10 + text_width("i", LARGE) / 2
    assert placed[-1][1] == mark.box[2] - text_width("a", LARGE) / 2
    assert {y for _, _, y in placed} == {29.0}


def test_what_belongs_together_has_one_number():
    for number in range(20):
        chart, _, marks = drawn("chart", number)
        said = {(mark.role, mark.of): mark.text for mark in marks}
        for i, (label, value) in enumerate(zip(chart.labels, chart.values, strict=True)):
            assert (said["label", i], said["value", i]) == (label, str(value))
        page, _, marks = drawn("page", number)
        said = {(mark.role, mark.of): mark.text for mark in marks}
        for i, element in enumerate(page.elements):
            assert said["tag", i] == f"[{element.number}]"
            if element.role == "buy":
                assert said["name", i] == said["picture", i] == element.label
                assert said["price", i] == f"{element.price} coins"


def test_points_of_a_curve_lie_on_it():
    for number in range(20):
        plot, picture, marks = drawn("plot", number)
        points = [mark for mark in marks if mark.role == "point"]
        assert [mark.of for mark in points] == [x for x in range(-5, 6) if abs(plot.value(x)) <= 5]
        for mark in points:
            if abs(plot.value(mark.of)) <= 4.5:
                x0, y0, x1, y1 = mark.box
                patch = picture[y0 - 1 : y1 + 1, x0:x1].reshape(-1, 3).astype(int)
                assert np.ptp(patch, axis=1).max() > 30  # coloured, not grey


def test_a_drawing_is_inside_its_mark():
    for number in range(20):
        page, picture, marks = drawn("bare page", number)
        boxes = {(mark.role, mark.of): mark.box for mark in marks if not mark.size}
        assert len(boxes) == 4 + (page.wanted is not None)
        for x0, y0, x1, y1 in boxes.values():
            assert (picture[y0:y1, x0:x1] != PAPER).any(axis=2).mean() > 0.1
            assert (picture[y0 - 1, x0:x1] == PAPER).all()
            assert (picture[y1, x0:x1] == PAPER).all()
