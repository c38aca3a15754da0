"""Shares of something, each with its standard error: one figure for every chapter that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import NamedTuple

from matplotlib.figure import Figure

from mvlm.show.figures import BLACK, BLUE, GREEN, ORANGE, PINK, figure

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


def draw_panels(groups: Mapping[str, Sequence[Bar]], *, title: str) -> Figure:
    """Shares as bars with their numbers, a panel a group, one standard error to both sides.

    A phone shows it whole: the names stand above the bars. Where marks of several groups would lie
    on one another, as at 0 and at 100 %, each has a panel of its own.

    Args:
        groups: title of a panel → its bars; all groups have the same names in one order.
        title: what to see.
    """
    names = [bar.name for bar in next(iter(groups.values()))]
    drawn, axes = figure(4.5, 0.52 * len(names) + 0.9, columns=len(groups))
    for ax, (group, bars) in zip(axes[0], groups.items(), strict=True):
        places, shares = range(len(bars)), [100 * bar.share for bar in bars]
        errors = [100 * bar.error for bar in bars]
        style = {"color": BLUE, "height": 0.44, "ecolor": BLACK, "capsize": 2}
        ax.barh(places, shares, xerr=errors, **style)
        for place, share, error in zip(places, shares, errors, strict=True):
            inside = share > 60  # percent: there is room for the number
            x, colour = (4, "white") if inside else (share + error + 4, BLACK)
            ax.text(x, place, f"{share:.1f}", color=colour, va="center", fontsize=11)
        ax.axvline(0, color=BLACK, linewidth=1)
        ax.set(xlim=(0, 104), ylim=(len(names) - 0.6, -0.8), xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        ax.set_title(fill(group, 16), fontsize=11, loc="left")
    axes[0, 0].set(zorder=1, facecolor="none")  # names lie over the other panels' lines
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    for place, name in enumerate(names):
        text = axes[0, 0].text(2, place - 0.29, name, va="bottom", fontsize=11, bbox=box)
        text.set_in_layout(False)  # or the first panel would be as wide as its longest name
    drawn.suptitle(title, x=0.01, ha="left", fontsize=12)
    return drawn


def shares_in_words(groups: Mapping[str, Sequence[Bar]]) -> str:
    """The same, as alt text and for printing."""
    return ". ".join(
        f"{group}: " + ", ".join(f"{bar.name} {bar.share:.1%}" for bar in bars)
        for group, bars in groups.items()
    )
