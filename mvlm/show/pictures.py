"""A look at a data set: a grid of its pictures, with their captions as text too."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from textwrap import fill

from mvlm.show.figures import draw_image, figure
from mvlm.show.figures import show as show_figure

TITLES = ("caption", "question", "name", "label")


def show(dataset: Iterable[dict], count: int = 6, columns: int = 3) -> None:
    """Show the first pictures of a data set, each under what its row says of it.

    Args:
        dataset: anything whose rows have an `image`: emoji, scenes, PixMo, hub data.
        count: how many pictures.
        columns: how many side by side.

    Raises:
        ValueError: the rows have no `image`, or there are no rows.
    """
    rows = list(islice(dataset, count))
    if not rows or "image" not in rows[0]:
        has = ", ".join(rows[0]) if rows else "no rows"
        raise ValueError(f"show needs rows with an image, and got {has}: pass a mvlm.data dataset")
    lines = -(-len(rows) // columns)
    texts = [fill(title(row), 66 // columns) for row in rows]
    above = 0.2 * max(text.count("\n") + 1 for text in texts) + 0.1  # inches
    drawn, axes = figure(6.4, (6.2 / columns + above) * lines, rows=lines, columns=columns)
    for ax, row, text in zip(axes.flat, rows, texts, strict=False):
        draw_image(ax, row["image"])
        ax.set_title(text, fontsize=11, loc="left")
    for ax in axes.flat[len(rows) :]:
        ax.set_axis_off()
    said = "; ".join(f"{i}: {title(row)}" for i, row in enumerate(rows, start=1))
    show_figure(drawn, alt=f"{len(rows)} pictures. {said}")


def title(row: dict) -> str:
    """What a row says of its picture, in a line."""
    if "question" in row:
        return f"{row['question']} {row['answer']}"
    return next((str(row[column]) for column in TITLES if column in row), "no caption")
