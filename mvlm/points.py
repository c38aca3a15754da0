"""Pointing: places in a picture, written as text and read back.

Chapter 11. Deitke et al., "Molmo and PixMo" (2024); the spelling is that of allenai/molmo
`data_formatter.py`. A point is (x, y) in hundredths of the ORIGINAL picture's width and height,
0 to 100 with one decimal, so it means the same place however the picture was resized or cropped.

    one       <point x="10.0" y="20.5" alt="cat">cat</point>
    several   <points x1="10.0" y1="20.5" x2="50.0" y2="7.0" alt="cat">cat</points>
    counted   Counting the <points …>cat</points> shows a total of 2.
    none      There are none.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

NONE = "There are none."

# A model's answer may be cut off, so a tag need not be closed.
_TAG = re.compile(r"<points?\s([^<>]*)")
_PAIR = re.compile(r'\bx(\d*)\s*=\s*"\s*(\d+(?:\.\d+)?)\s*"\s+y\1\s*=\s*"\s*(\d+(?:\.\d+)?)\s*"')
_TOTAL = re.compile(r"total of (\d{1,9})(?!\d)")  # no picture shows more
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))


class Point(NamedTuple):
    """A place in a picture: x to the right, y down."""

    x: float
    y: float


def points_from_pixels(
    points: Iterable[tuple[float, float]], image_size: tuple[int, int]
) -> list[Point]:
    """Pixel places (x, y) in a picture of (height, width) pixels → hundredths of its sides."""
    height, width = image_size
    return [Point(100 * float(x) / width, 100 * float(y) / height) for x, y in points]


def points_to_pixels(
    points: Iterable[tuple[float, float]], image_size: tuple[int, int]
) -> list[Point]:
    """The way back: hundredths → pixel places (x, y) in a picture of (height, width) pixels."""
    height, width = image_size
    return [Point(float(x) * width / 100, float(y) * height / 100) for x, y in points]


def format_points(points: Iterable[tuple[float, float]], label: str) -> str:
    """Write points as Molmo does: rounded to one decimal, sorted by x and then by y.

    Args:
        points: pairs (x, y), each from 0 to 100: a list, an array (N, 2) or a tensor. It is read
            and never changed.
        label: what is at the points. `&`, `<`, `>` and `"` are escaped, so that no label can be
            taken for a tag.

    Returns:
        One `<point>`, one `<points>`, or "There are none." for no points.

    Raises:
        ValueError: a coordinate is not between 0 and 100. TypeError: the label is no text.
    """
    if not isinstance(label, str):
        raise TypeError(f"the label is {label!r}: pass text that names what is there, as 'cat'")
    places = sorted(_rounded(x, y) for x, y in points)
    if not places:
        return NONE
    label = _escape(label)
    if len(places) == 1:
        ((x, y),) = places
        return f'<point x="{x:.1f}" y="{y:.1f}" alt="{label}">{label}</point>'
    pairs = " ".join(f'x{i}="{x:.1f}" y{i}="{y:.1f}"' for i, (x, y) in enumerate(places, start=1))
    return f'<points {pairs} alt="{label}">{label}</points>'


def format_count(points: Iterable[tuple[float, float]], label: str) -> str:
    """Count by pointing: each thing gets its point, then comes the total. See `format_points`."""
    places = list(points)
    if not places:
        return NONE
    return f"Counting the {format_points(places, label)} shows a total of {len(places)}."


def parse_points(text: str) -> list[Point]:
    """Every point in a model's answer, in the order written, from 0 to 100.

    The text comes from a model, so what cannot be read is left out rather than raised: a number
    without its partner, and a point with a coordinate over 100, which lies outside the picture.
    """
    found = (pair for tag in _TAG.finditer(text) for pair in _PAIR.finditer(tag.group(1)))
    points = (Point(float(pair.group(2)), float(pair.group(3))) for pair in found)
    return [point for point in points if max(point) <= 100]


def parse_count(text: str) -> int | None:
    """The total that a counting answer states, or None when it states none."""
    if text.strip() == NONE:
        return 0
    totals = _TOTAL.findall(text)
    return int(totals[-1]) if totals else None


def _rounded(x: float, y: float) -> Point:
    if not (0 <= x <= 100 and 0 <= y <= 100):
        raise ValueError(
            f"the point ({x}, {y}) is outside 0 to 100: give hundredths of the picture's sides, "
            "for pixels points_from_pixels(points, (height, width))"
        )
    return Point(round(float(x), 1) + 0.0, round(float(y), 1) + 0.0)  # + 0.0 turns -0.0 into 0.0


def _escape(label: str) -> str:
    for character, entity in _ESCAPES:
        label = label.replace(character, entity)
    return label
