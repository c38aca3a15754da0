"""A copy of a picture with rings around the places that a Molmo pointed to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from mvlm.points import Point, points_to_pixels

COLOURS = ((230, 159, 0), (0, 114, 178), (0, 158, 115), (204, 121, 167))  # of one answer each
WHITE = (255, 255, 255)


def check_target(target: Path, picture: Path) -> None:
    """Whether a copy of the picture can be written there.

    Raises:
        ValueError: it has the picture's own name, no folder, or no ending that Pillow writes.
    """
    if target.resolve() == picture.resolve():
        raise ValueError(f"{target} is the picture itself: give the copy another name")
    if not target.parent.is_dir():
        raise ValueError(f"there is no folder {target.parent}: make it first")
    kind = Image.registered_extensions().get(target.suffix.lower())
    if kind not in Image.SAVE:
        raise ValueError(
            f"{target.name} does not end as a picture: give the copy a name such as points.png"
        )


def draw_points(picture: Image.Image, answers: Sequence[Sequence[Point]]) -> Image.Image:
    """A copy with a ring around each point, every answer's in a colour of its own.

    Args:
        picture: an RGB picture; it is not changed.
        answers: the points of each answer, in hundredths of the picture's sides.
    """
    copy = picture.copy()
    pen = ImageDraw.Draw(copy)
    radius = max(5, round(min(copy.size) / 40))
    line = max(2, radius // 4)
    for number, points in enumerate(answers):
        colour = COLOURS[number % len(COLOURS)]
        for x, y in points_to_pixels(points, (copy.height, copy.width)):
            # White on both sides of the ring shows it on every ground.
            for reach, width, ink in ((line, 3 * line, WHITE), (0, line, colour)):
                size = radius + reach
                pen.ellipse((x - size, y - size, x + size, y + size), outline=ink, width=width)
    return copy
