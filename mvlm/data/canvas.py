"""Rectangles, curves and letters on an array of pixels, the same bytes on every machine.

A drawing library would do, but its letters and slanted lines change with its version; a data set
that is promised byte for byte cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels, x1 and y1 not included

INK: Colour = (34, 34, 34)
RULE: Colour = (205, 205, 205)
PAPER: Colour = (255, 255, 255)
# Okabe and Ito's colours: told apart by colour-blind readers too.
COLOURS: tuple[Colour, ...] = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (230, 159, 0),
)
SMALL, LARGE = 11, 15  # pixels: the two sizes of letters


class Mark(NamedTuple):
    """Something that a picture shows: what it is there for, what it says, and where it stands.

    `role` is "label", "value", "tag", …, or "" for words that nobody asks about. `of` tells what
    belongs together: the number of the bar, of the element or of the column; −1 for none. `size`
    is that of the letters; 0 where there are none.
    """

    role: str
    text: str
    box: Box
    of: int = -1
    size: int = 0

    @property
    def centre(self) -> tuple[float, float]:
        """x and y, in pixels."""
        x0, y0, x1, y1 = self.box
        return (x0 + x1) / 2, (y0 + y1) / 2


_noting: ContextVar[list[Mark] | None] = ContextVar("noting", default=None)
_pixels: ContextVar[bool] = ContextVar("pixels", default=True)


@contextmanager
def noting(*, pixels: bool = True) -> Iterator[list[Mark]]:
    """What is drawn inside is also put down, in the list that is given: the truth, to train with.

    As in `with noting() as marks: chart.draw()`. Without `pixels` the picture has none, 0×0, and
    only the marks are made: much faster.
    """
    marks: list[Mark] = []
    tokens = _noting.set(marks), _pixels.set(pixels)
    try:
        yield marks
    finally:
        _noting.reset(tokens[0])
        _pixels.reset(tokens[1])


def note(mark: Mark) -> None:
    """Put down what is being drawn, if anybody wants to know."""
    marks = _noting.get()
    if marks is not None:
        marks.append(mark)


def letters(mark: Mark) -> list[tuple[str, float, float]]:
    """Each character of what is written there, with the x and y of its middle in pixels."""
    widths = _glyphs(mark.size)[1]
    x, y = mark.box[0], mark.centre[1]
    placed = []
    for character in mark.text:
        width = widths[ord(character) - 32]
        placed.append((character, x + width / 2, y))
        x += width
    return placed


@cache
def _glyphs(size: int) -> tuple[np.ndarray, list[int]]:
    with np.load(Path(__file__).with_name("glyphs.npz")) as arrays:
        return arrays[f"masks_{size}"].astype(np.uint16), arrays[f"widths_{size}"].tolist()


def blank(width: int, height: int, colour: Colour = PAPER) -> np.ndarray:
    """A (height, width, 3) picture of one colour."""
    picture = np.empty((height, width, 3) if _pixels.get() else (0, 0, 3), np.uint8)
    picture[:] = colour
    return picture


def text_width(text: str, size: int = SMALL) -> int:
    widths = _glyphs(size)[1]
    return sum(widths[ord(character) - 32] for character in text)


def write(
    picture: np.ndarray,
    x: int,
    y: int,
    text: str,
    *,
    size: int = SMALL,
    colour: Colour = INK,
    role: str = "",
    of: int = -1,
) -> Box:
    """Write a line, its top left corner at (x, y); returns the box that it fills.

    `role` and `of` change no pixel: see `Mark`.
    """
    masks, widths = _glyphs(size)
    height = masks.shape[1]
    box = x, y, x + text_width(text, size), y + height
    note(Mark(role, text, box, of, size))
    for character in text if picture.size else "":
        mask = masks[ord(character) - 32][:, :, None]  # (height, width, 1)
        under = picture[y : y + height, x : x + mask.shape[1]]
        mask = mask[: under.shape[0], : under.shape[1]]
        under[:] = (np.array(colour, np.uint16) * mask + under * (255 - mask) + 127) // 255
        x += widths[ord(character) - 32]
    return box


def write_centred(
    picture: np.ndarray,
    x: int,
    y: int,
    text: str,
    *,
    size: int = SMALL,
    colour: Colour = INK,
    role: str = "",
    of: int = -1,
) -> Box:
    """Write a line with the middle of its top at (x, y)."""
    left = x - text_width(text, size) // 2
    return write(picture, left, y, text, size=size, colour=colour, role=role, of=of)


def fill(picture: np.ndarray, box: Box, colour: Colour) -> None:
    x0, y0, x1, y1 = box
    picture[y0:y1, x0:x1] = colour


def lay(picture: np.ndarray, sprite: tuple[np.ndarray, np.ndarray], x: int, y: int) -> None:
    """Lay a drawing on the picture, its top left corner at (x, y); see `emojis.sprite`."""
    paint, clear = sprite
    height, width = clear.shape[:2]
    under = picture[y : y + height, x : x + width]
    if picture.size:
        under[:] = (paint + under * clear) // 255


def frame(picture: np.ndarray, box: Box, colour: Colour = INK) -> None:
    """The one-pixel rim of a box."""
    x0, y0, x1, y1 = box
    if picture.size:
        picture[[y0, y1 - 1], x0:x1] = colour
        picture[y0:y1, [x0, x1 - 1]] = colour


def curve(picture: np.ndarray, x0: int, heights: Sequence[float], colour: Colour, box: Box) -> None:
    """A line, three pixels wide, through (x0 + i, heights[i]); what leaves `box` is not drawn."""
    _, top, _, bottom = box
    for i in range(len(heights) - 1):
        low, high = sorted((heights[i], heights[i + 1]))
        first, last = max(top, int(low // 1) - 1), min(bottom, int(high // 1) + 2)
        if first < last:
            picture[first:last, x0 + i : x0 + i + 2] = colour
