"""Chapter 08's figures: two blocks, turned arrows, what is drawn from, what a cache saves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from torch import Tensor

from mvlm.generation import filter_logits
from mvlm.show.figures import BLACK, BLUE, GREY, ORANGE, YELLOW, figure
from mvlm.show.widgets import Frame, Frames, frames

# From the vector that comes in, downwards. Both blocks have the same places; + is an addition.
VIT_BLOCK = (
    "LayerNorm",
    "attention\nto every token;\nkeys for each head",
    "+",
    "LayerNorm",
    "MLP: up,\nGELU, down",
    "+",
)
LLAMA_BLOCK = (
    "RMSNorm",
    "attention\nonly backwards;\nheads may share keys;\nqueries, keys turned",
    "+",
    "RMSNorm",
    "MLP: gate times up,\nthen down",
    "+",
)
TOPS, HEIGHTS = (0.5, 1.4, 3.3, 4.2, 5.1, 6.5), (0.5, 1.5, 0.5, 0.5, 1.0, 0.5)


def two_blocks() -> Figure:
    """A ViT's block and Llama's side by side; what differs is yellow."""
    drawn, axes = figure(4.6, 5.4, columns=2)
    for ax, parts, title in (
        (axes[0, 0], VIT_BLOCK, "The ViT's block"),
        (axes[0, 1], LLAMA_BLOCK, "Llama's block"),
    ):
        _block(ax, parts, differs=parts is LLAMA_BLOCK)
        ax.set_title(title)
    return drawn


def _block(ax: Axes, parts: tuple[str, ...], *, differs: bool) -> None:
    """Boxes from top to bottom, and two lines that lead what came in around them."""
    line = {"color": GREY, "linewidth": 1.4}
    ax.plot([1.15, 1.15], [0, 7.4], zorder=0, **line)
    for begins, ends in ((0.25, 3.55), (4.0, 6.75)):
        ax.plot([1.15, -0.1, -0.1, 1.15], [begins, begins, ends, ends], zorder=0, **line)
    for part, top, height in zip(parts, TOPS, HEIGHTS, strict=True):
        new = differs and part != "+"
        left, wide = (0.95, 0.4) if part == "+" else (0.1, 2.1)
        look = {"facecolor": YELLOW if new else "white", "edgecolor": BLACK}
        ax.add_patch(Rectangle((left, top), wide, height, **look))
        ax.text(1.15, top + height / 2, part, ha="center", va="center", color=BLACK, fontsize=9.5)
    ax.set(xlim=(-0.2, 2.3), ylim=(7.4, -0.05))
    ax.set_axis_off()


NOTHING, KEPT, COMPUTED = 0, 1, 2


def vectors_of_steps(prompt: int, new: int, *, cached: bool) -> np.ndarray:
    """What each step does with each position, (new, prompt + new - 1).

    COMPUTED: a vector goes through the blocks. KEPT: only its keys and values are asked. NOTHING:
    there is no token yet. The last new token has no column: nobody reads it.
    """
    steps, places = np.mgrid[:new, : prompt + new - 1]
    there = places < prompt + steps
    fresh = (places == prompt + steps - 1) | ((steps == 0) & there)
    if not cached:
        fresh = there
    return np.where(fresh, COMPUTED, np.where(there, KEPT, NOTHING))


def cache_steps(prompt: int, new: int) -> Figure:
    """A square for each position and step, without a cache and with one."""
    drawn, axes = figure(4.6, 3.1, columns=2)
    for ax, cached in zip(axes[0], (False, True), strict=True):
        squares = vectors_of_steps(prompt, new, cached=cached)  # (step, position)
        colours = ListedColormap(["white", "#dddddd", BLUE])
        ax.pcolormesh(squares, cmap=colours, vmin=0, vmax=2, edgecolors="white", linewidth=1)
        ax.invert_yaxis()
        name = "With" if cached else "Without"
        ax.set(xlabel="position", title=f"{name}: {count(squares)} vectors")
        ax.set_xticks(np.array([0, prompt - 1, prompt + new - 2]) + 0.5)
        ax.set_xticklabels([1, prompt, prompt + new - 1])
        ax.set_yticks(np.array([0, new - 1]) + 0.5, [1, new])
        ax.tick_params(length=0)
    axes[0, 0].set_ylabel("new token")
    keys = [Patch(color=BLUE, label="computed"), Patch(color="#dddddd", label="kept")]
    drawn.legend(handles=keys, loc="outside lower center", ncols=2, frameon=False)
    return drawn


def count(squares: np.ndarray) -> int:
    """How many vectors go through the blocks."""
    return int((squares == COMPUTED).sum())


def next_token_bars(
    models: Mapping[str, Float[Tensor, " vocabulary"]],
    written: Callable[[int], str],
    count: int = 8,
) -> tuple[Figure, str]:
    """The likeliest next tokens of several models, a panel each; and the same in words.

    Args:
        models: a title → the probabilities of the next token.
        written: a token's id → how it is written beside its bar.
        count: bars.
    """
    drawn, axes = figure(4.6, 3.3, columns=len(models))
    said = []
    for ax, (title, probabilities) in zip(axes[0], models.items(), strict=True):
        top = probabilities.topk(count)
        words, shares = [written(token) for token in top.indices.tolist()], top.values.tolist()
        ax.barh(range(count), shares, color=BLUE)
        # Some tokens are a part of a letter alone.
        words = [word if word.isprintable() and "\ufffd" not in word else "?" for word in words]
        ax.set_yticks(range(count), words)
        ax.set(xlim=(0, 0.2), xlabel="probability")
        ax.set_title(title, fontsize=11)
        ax.invert_yaxis()
        bars = ", ".join(f"{w} {s:.3f}" for w, s in zip(words, shares, strict=True))
        said.append(f"{title}: {bars}.")
    return drawn, " ".join(said)


def turned_arrows(
    turned: Callable[[int], Sequence[float]], firsts: Sequence[int], distances: int = 4
) -> Figure:
    """A key and a query as arrows: a row for each position of the key, a column for each distance.

    Args:
        turned: a position → the two numbers of the vector that stands there.
        firsts: where the key stands.
        distances: columns; in the first the query stands where the key does.
    """
    drawn, axes = figure(4.6, 3.2, rows=len(firsts), columns=distances)
    for first, line in zip(firsts, axes, strict=True):
        line[0].set_ylabel(f"key at {first}")
        for distance, ax in enumerate(line):
            for place, colour, wide in ((first, ORANGE, 6), (first + distance, BLUE, 2)):
                arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": wide, "shrinkA": 0}
                ax.annotate("", turned(place), (0, 0), arrowprops=arrow)
            ax.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), xticks=[], yticks=[], aspect="equal")
            ax.set_title(f"{distance} apart")
    drawn.suptitle("The angle between the two is the same in both rows")
    drawn.supxlabel("wide, orange: the key; thin, blue: the query", fontsize=11)
    return drawn


def likeness(
    cosines: Mapping[tuple[int, float], Float[Tensor, "vector distance"]],
) -> tuple[Figure, list[str]]:
    """How alike vectors are to themselves, turned, against the distance; and that in words.

    Bands reach two standard deviations to each side. Those of two different random vectors, d
    numbers each, reach 2/√d.

    Args:
        cosines: of each (d, θ), by vector and distance.
    """
    drawn, axes = figure(4.6, 5.2, rows=2, columns=2)
    said = []
    for ax, ((head_width, theta), cosine) in zip(axes.flat, cosines.items(), strict=True):
        middle, spread = cosine.mean(dim=0), cosine.std(dim=0)  # (distance,) each
        low, high, chance = middle - 2 * spread, middle + 2 * spread, 2 / head_width**0.5
        ax.axhspan(-chance, chance, color=GREY, alpha=0.3, label="two different vectors")
        ax.fill_between(range(len(middle)), low, high, color=BLUE, alpha=0.25)
        ax.plot(middle, color=BLUE, label="a vector and itself, turned")
        ax.set(ylim=(-0.5, 1))
        name = f"d = {head_width}, θ = {theta:,.0f}"
        ax.set_title(name, fontsize=10.5)
        said.append(
            f"{name}: the bands meet at {int((low < chance).sum())} of {len(low)} distances"
        )
    for ax in axes[1]:
        ax.set_xlabel("distance in tokens")
    for ax in axes[:, 0]:
        ax.set_ylabel("cosine")
    drawn.suptitle("How far a vector is still told from others")
    keys = axes[0, 0].get_legend_handles_labels()
    drawn.legend(*keys, loc="outside lower center", frameon=False)
    return drawn, said


def sampling_frames(
    scores: Float[Tensor, " vocabulary"],
    written: Callable[[int], str],
    settings: Mapping[str, Mapping[str, float]],
    count: int = 16,
) -> Frames:
    """The likeliest next tokens under each setting of the draw, a frame each; cut ones are grey.

    Args:
        scores: of the next token.
        written: a token's id → how it is written below its bar.
        settings: a label → arguments of `filter_logits`.
        count: bars.
    """
    order = scores.argsort(descending=True)[:count]
    states = []
    for label, chosen in settings.items():
        tempered = (scores / chosen.get("temperature", 1.0)).softmax(dim=-1)  # (V,)
        left = filter_logits(scores, **chosen).softmax(dim=-1)  # (V,)
        stays = left > 0
        heights = torch.where(stays, left, tempered)[order].tolist()
        drawn, axes = figure(4.6, 3.3)
        axes[0, 0].bar(range(count), heights, color=[BLUE if stays[i] else GREY for i in order])
        axes[0, 0].set_xticks(range(count), map(written, order.tolist()), rotation=60, ha="right")
        axes[0, 0].set(ylim=(0, 0.8), ylabel="probability", title=f"{label}: grey is cut off")
        said = (
            f"{label}: {int(stays.sum())} of {len(scores)} tokens stay; they held "
            f"{tempered[stays].sum():.1%} before the cut. The likeliest now has {left.max():.1%}."
        )
        states.append(Frame(label=label, drawn=drawn, alt=said, text=said))
    return frames("Temperature, top-k, top-p", states, first=2)
