"""Figures of chapter 03: who looks at whom, a block, and where a trained ViT looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from mvlm.show.figures import BLACK, ORANGE, SKY, YELLOW, draw_grid, figure, similarity_matrix
from mvlm.show.inside import draw_map
from mvlm.show.widgets import Frame, Frames, frames


def draw_weights(
    maps: Mapping[str, tuple[Sequence[str], Float[Tensor, "token token"]]],
) -> Figure:
    """Weights of attention with their numbers: a row for each token that looks.

    Args:
        maps: title → the tokens' names, the same for rows and columns, and their weights. At most
            three maps can be read side by side on a phone.
    """
    two_lines = any(" " in name for names, _ in maps.values() for name in names)
    size = min(6.6, 1.1 + 2.0 * len(maps)), 3.0 if two_lines else 2.6
    drawn, axes = figure(*size, columns=len(maps))
    for axis, (title, (names, weights)) in zip(axes[0], maps.items(), strict=True):
        below = [name.replace(" ", "\n") for name in names]
        beside = below if axis is axes[0, 0] or len(maps) < 3 else ()
        similarity_matrix(axis, weights, rows=beside, columns=below, limits=(0, 1), title=title)
        axis.set_xlabel("is looked at")
    axes[0, 0].set_ylabel("looks")
    return drawn


def weights_in_words(names: Sequence[str], weights: Float[Tensor, "token token"]) -> str:
    """The same as alt text: "cat: 0.49 to cat, …; …"."""
    rows = (
        f"{name}: "
        + ", ".join(f"{weight:.2f} to {other}" for weight, other in zip(row, names, strict=True))
        for name, row in zip(names, weights.tolist(), strict=True)
    )
    return "; ".join(rows)


def draw_block() -> Figure:
    """A pre-norm block: the path of the tokens, and the two branches that add to it.

    The colour says what a part sees: one token by itself, or all of them.
    """
    drawn, axes = figure(6.4, 2.7)
    axis = axes[0, 0]
    axis.set(xlim=(0, 6.4), ylim=(-0.1, 2.4), title="The path goes through; two branches add to it")
    axis.set_axis_off()
    path, low = 1.7, 0.75
    _arrow(axis, (0.35, path), (6.0, path), linewidth=3)
    for x, name in ((0.15, "$x$"), (3.2, "$x'$"), (6.2, "$x''$")):
        above = 0.3 if name == "$x'$" else 0
        axis.text(x, path + above, name, ha="center", va="center", fontsize=13)
    for start, wide, name, colour in (
        (0.55, 1.05, "attention", YELLOW),
        (3.4, 0.95, "MLP", SKY),
    ):
        norm, branch, plus = start + 0.2, start + 1.1, start + 1.3 + wide
        axis.plot([start, start], [path, low], color=BLACK, linewidth=1.5)
        _arrow(axis, (start, low), (norm, low))
        _box(axis, norm, low, 0.7, "norm", SKY)
        _arrow(axis, (norm + 0.7, low), (branch, low))
        _box(axis, branch, low, wide, name, colour)
        axis.plot([branch + wide, plus], [low, low], color=BLACK, linewidth=1.5)
        _arrow(axis, (plus, low), (plus, path - 0.14))
        circle = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": BLACK}
        axis.text(plus, path, "+", ha="center", va="center", fontsize=13, bbox=circle)
    axis.text(0.0, 2.15, "B×T×D everywhere on the path", va="center")
    for x, words, colour in ((0.55, "each token by itself", SKY), (3.4, "all tokens", YELLOW)):
        axis.add_patch(Rectangle((x, 0), 0.25, 0.2, facecolor=colour, edgecolor=BLACK))
        axis.text(x + 0.35, 0.1, words, va="center")
    return drawn


def _arrow(
    axis: Axes, start: tuple[float, float], end: tuple[float, float], *, linewidth: float = 1.5
) -> None:
    look = {"arrowstyle": "-|>", "color": BLACK, "linewidth": linewidth, "mutation_scale": 14}
    axis.annotate("", end, start, arrowprops=look | {"shrinkA": 0, "shrinkB": 0})


def _box(axis: Axes, left: float, middle: float, wide: float, name: str, colour: str) -> None:
    """A part of the block, `middle` being its height on the page."""
    look = {"facecolor": colour, "edgecolor": BLACK}
    axis.add_patch(Rectangle((left, middle - 0.25), wide, 0.5, zorder=2, **look))
    axis.text(left + wide / 2, middle, name, ha="center", va="center")


def look_frames(
    image: Float[Tensor, "3 height width"],
    attentions: Sequence[Float[Tensor, "head token token"]],
    *,
    tokens: Mapping[str, int],
    patch_size: int,
    name: str,
) -> Frames:
    """Choose a token: see where it looks, in each block (a column) and each head (a row).

    Each map runs from 0 to its own largest weight, which stands below it: a map that is even is
    bright all over. The class token has no place in the picture, so its weight is not drawn.

    Args:
        image: the picture, its numbers from 0 to 1.
        attentions: of that picture, a block each, the class token first.
        tokens: what a button says → the token that looks, the class token being 0.
        patch_size: in pixels.
        name: of what the picture shows.
    """
    rows, columns = (side // patch_size for side in image.shape[1:])
    heads = len(attentions[0])
    states = []
    for label, token in tokens.items():
        drawn, axes = figure(6.4, 1.1 * heads + 0.3, rows=heads, columns=len(attentions) + 1)
        for axis in axes[1:, 0]:
            axis.set_axis_off()
        draw_grid(axes[0, 0], image, patch_size, line=0.4)
        if token:
            row, column = divmod(token - 1, columns)
            corner = (column * patch_size - 0.5, row * patch_size - 0.5)
            frame = {"fill": False, "edgecolor": ORANGE, "linewidth": 3, "zorder": 3}
            axes[0, 0].add_patch(Rectangle(corner, patch_size, patch_size, **frame))
        brightest = []
        for block, weights in enumerate(attentions, start=1):
            looks = weights[:, token, 1:].reshape(heads, rows, columns)  # H N → H rows columns
            largest = looks.amax(dim=(1, 2)).tolist()
            brightest.append(max(largest))
            for axis, look, most in zip(axes[:, block], looks, largest, strict=True):
                draw_map(axis, look, limits=(0, most))
                axis.set_xlabel(f"{most:.2f}", fontsize=10, labelpad=2)
            axes[0, block].set_title(f"block {block}", fontsize=10)
        for head, axis in enumerate(axes[:, 1], start=1):
            axis.set_ylabel(f"head {head}", fontsize=10)
        said = ", ".join(f"{most:.2f} in block {block}" for block, most in enumerate(brightest, 1))
        text = f"Token: {label}. The most that one of the {heads} heads gives a patch: {said}."
        alt = (
            f"The drawing of a {name} with its patches, and a small map for each of "
            f"{len(attentions)} blocks and {heads} heads, with its largest weight below it. {text}"
        )
        states.append(Frame(label=label, drawn=drawn, alt=alt, text=text))
    return frames("Which token looks?", states)
