"""Shares of something, each with its standard error: one figure for every chapter that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from mvlm.show.figures import BLUE, GREEN, ORANGE, PINK, figure

MARKS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (PINK, "D"))


class Bar(NamedTuple):
    """A share of so many, and what it is called."""

    name: str
    share: float
    count: int

    @property
    def error(self) -> float:
        """Its standard error, √(p(1 − p)/n)."""
        return (self.share * (1 - self.share) / self.count) ** 0.5


def draw_shares(
    groups: Mapping[str, Sequence[Bar]], *, title: str, xlabel: str = "right, %"
) -> Figure:
    """Shares as marks on one line a name, each with one standard error to both sides.

    Args:
        groups: what a mark stands for → its bars; all groups have the same names in one order.
        title: what to see.
        xlabel: what the share is of.
    """
    names = [bar.name for bar in next(iter(groups.values()))]
    drawn, axes = figure(6.2, 0.42 * len(names) + 1.0 + 0.25 * len(groups))
    ax = axes[0, 0]
    for place, ((group, bars), (colour, mark)) in enumerate(
        zip(groups.items(), MARKS, strict=False)
    ):
        aside = 0.18 * (place - (len(groups) - 1) / 2)
        ax.errorbar(
            [100 * bar.share for bar in bars],
            [n + aside for n in range(len(bars))],
            xerr=[100 * bar.error for bar in bars],
            color=colour,
            marker=mark,
            markersize=7,
            linestyle="none",
            capsize=3,
            label=group,
        )
    ax.set_yticks(range(len(names)), names)
    ax.set(xlim=(-4, 104), ylim=(len(names) - 0.5, -0.5), xlabel=xlabel)
    ax.grid(axis="x", color="#dddddd")
    ax.set_axisbelow(True)
    ax.set_title(title, x=0, loc="left")
    below = -0.55 / (0.42 * len(names) + 0.4)
    place = {"loc": "upper center", "bbox_to_anchor": (0.4, below), "frameon": False}
    short = sum(map(len, groups)) <= 40  # letters that stand beside one another in this width
    ax.legend(**place, ncols=3 if short else 1)
    return drawn


def shares_in_words(groups: Mapping[str, Sequence[Bar]]) -> str:
    """The same, as alt text and for printing."""
    return ". ".join(
        f"{group}: " + ", ".join(f"{bar.name} {bar.share:.1%}" for bar in bars)
        for group, bars in groups.items()
    )
