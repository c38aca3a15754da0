"""Figures of chapter 07: lists of labels, examples a name is worth, error over compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from mvlm.show.figures import BLUE, GREEN, GREY, ORANGE, figure
from mvlm.show.widgets import Frame, Frames, frames

COLOURS, MARKS = (BLUE, ORANGE, GREEN, GREY), "os^D"
Point = tuple[float, float]


def label_frames(
    lists: Sequence[Sequence[str]],
    cosines: Mapping[str, float],
    scale: float,
    softmax: Sequence[Float[Tensor, " label"]],
    *,
    question: str,
) -> Frames:
    """Choose a list of labels: see one picture's cosines, which stay, and its softmax, which moves.

    Args:
        lists: the labels of each button; the first label of all is told about below the figure.
        cosines: of the picture with each label.
        scale: that the softmax was taken with, to be told.
        softmax: for each list the shares of its labels.
        question: what the buttons choose.
    """
    states = []
    for labels, shares in zip(lists, softmax, strict=True):
        drawn, axes = figure(6.0, 0.5 + 0.36 * max(map(len, lists)), columns=2)
        left = [cosines[label] for label in labels]
        for ax, values, title, form in (
            (axes[0, 0], left, "Cosine", "{:.2f}"),
            (axes[0, 1], [100 * share for share in shares.tolist()], "Softmax, %", "{:.0f}"),
        ):
            ax.barh(range(len(labels)), values, color=BLUE if values is left else ORANGE)
            ax.set(xlim=(0, 1.25 if values is left else 125), xticks=[])
            ax.set_title(title, loc="left")
            ax.set_ylim(max(map(len, lists)) - 0.4, -0.6)
            ax.set_yticks(range(len(labels)), labels if values is left else [""] * len(labels))
            for place, value in enumerate(values):
                ax.text(max(value, 0), place, f" {form.format(value)}", va="center")
        told = "; ".join(
            f"{label}: cosine {cosine:.2f}, {share:.0%} of the softmax"
            for label, cosine, share in zip(labels, left, shares.tolist(), strict=True)
        )
        first = lists[0][0]
        states.append(
            Frame(
                label=f"{len(labels)} labels",
                drawn=drawn,
                alt=f"Two rows of bars. {told}.",
                text=f"“{first}”: cosine {cosines[first]:.2f}, and {shares[0].item():.0%} of a "
                f"softmax over these {len(labels)} labels (scale {scale:.0f}).",
            )
        )
    return frames(question, states)


def draw_examples(
    curves: Mapping[str, Mapping[int, Sequence[float]]],
    level: float,
    error: float,
    *,
    title: str,
    xlabel: str,
    ylabel: str,
) -> Figure:
    """Shares over the number of examples, logarithmic, beside a level with one standard error.

    Args:
        curves: for each kind of vectors k → the shares of its draws; a line joins the means.
        level: what is reached without examples.
        error: its standard error, drawn as a band.
        title, xlabel, ylabel: what to see.
    """
    drawn, axes = figure(6.0, 3.4)
    ax = axes[0, 0]
    ax.axhspan(100 * (level - error), 100 * (level + error), color=GREEN, alpha=0.2, linewidth=0)
    ax.axhline(100 * level, color=GREEN, linestyle="--")
    ax.text(0.95, 100 * (level + error) + 2, "zero-shot ± its error", color=GREEN)
    for (kind, curve), colour, mark in zip(
        curves.items(), (BLUE, ORANGE, GREY), MARKS, strict=False
    ):
        ks = list(curve)
        means = [100 * sum(each) / len(each) for each in curve.values()]
        ax.plot(ks, means, color=colour, marker=mark)
        ax.text(ks[-1] * 1.08, means[-1], kind, color=colour, va="center")
        for k, each in curve.items():
            ax.plot([k] * len(each), [100 * one for one in each], mark, color=colour, markersize=3)
    ax.set(xscale="log", xlim=(0.9, ks[-1] * 2.6), ylim=(0, 100), xlabel=xlabel, ylabel=ylabel)
    ax.set_xticks(ks, ks)
    ax.minorticks_off()
    ax.set_title(title, loc="left")
    return drawn


def draw_powers(
    series: Mapping[str, Sequence[Point]],
    laws: Mapping[str, Point],
    *,
    left_out: int = 0,
    ticks: Sequence[int],
    title: str,
    xlabel: str,
) -> Figure:
    """Error over compute on logarithmic axes, with each series' power law as a line.

    Args:
        series: name → points (compute, error between 0 and 1), in any order.
        laws: name → (a, b) of error = a · compute ** b.
        left_out: how many points at the end of each series the law was not fitted to: hollow.
        ticks: of the error, in per cent.
        title, xlabel: what to see.
    """
    drawn, axes = figure(5.6, 3.4 + 0.22 * len(series))
    ax = axes[0, 0]
    for (name, points), colour, mark in zip(series.items(), COLOURS, MARKS, strict=False):
        a, b = laws[name]
        fitted = len(points) - left_out
        x, y = [c for c, _ in points], [100 * e for _, e in points]
        ax.plot(
            x[:fitted],
            y[:fitted],
            mark,
            color=colour,
            alpha=0.75,
            label=f"{name}, exponent {b:+.3f}",
        )
        ax.plot(x[fitted:], y[fitted:], mark, color=colour, markerfacecolor="white", markersize=8)
        ends = [min(x), max(x)]
        ax.plot(ends, [100 * a * c**b for c in ends], color=colour, linewidth=1)
    ax.set(xscale="log", yscale="log", xlabel=xlabel, ylabel="error, %")
    ax.set_yticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set_title(title, loc="left")
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.2), frameon=False)
    return drawn
