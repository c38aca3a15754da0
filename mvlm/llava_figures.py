"""Chapter 09's figures: the way from a picture to an answer, and one spliced row.

Both are drawn from a model and its numbers, so that no shape in them is typed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from textwrap import shorten

import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from torch import Tensor

from mvlm.cells import cut_into_cells
from mvlm.data.questions import Question
from mvlm.data.scene import Scene
from mvlm.figures import (
    BLACK,
    BLUE,
    GREY,
    KINDS,
    Kind,
    draw_image,
    figure,
)
from mvlm.llava import IMAGE_MARKER, Chat, LLaVA, Spliced
from mvlm.tokenizer import IMAGE, Tokenizer


@dataclass(frozen=True, kw_only=True)
class Station:
    """One step on the way: what is done there, and the shape of what leaves it.

    Attributes:
        does: in a few words.
        gives: the shape, as 9×134.
        column, row: its place in the drawing; pictures go along row 0, words along row 1.
    """

    does: str
    gives: str
    column: int
    row: int


@torch.inference_mode()
def pipeline(llava: LLaVA, chat: Chat, picture: Tensor, question: str) -> list[Station]:
    """Send one picture and one question through the model and note every shape on the way.

    Args:
        llava: with `mvlm.cells.Cells` for a tower.
        chat: the form of a conversation.
        picture: (1, 3, H, W), normalised.
        question: without the image marker.
    """
    vision = llava.vision
    cells = cut_into_cells(picture, vision.side)  # (N, 3, side, side)
    seen = vision.tower.encode(cells).hidden_states[llava.feature_layer]  # (N, 1 + patches, W)
    vectors = vision.encode(picture).hidden_states[llava.feature_layer][0, 1:]  # (N, W + places)
    features = llava.projector(vectors)  # (N, D)
    ids = chat.prompt([(f"{IMAGE}\n{question}", None)])
    words = llava.language.embed(torch.tensor([i for i in ids if i != IMAGE_MARKER]))  # (T − 1, D)
    spliced = llava.splice(picture, [ids])
    logits = llava.language(embeddings=spliced.embeddings)[0]  # (T − 1 + N, V)
    return [
        Station(does="picture", gives=shape(picture[0]), column=0, row=0),
        Station(does="cut into cells", gives=shape(cells), column=1, row=0),
        Station(does="CLIP's tower", gives=shape(seen), column=2, row=0),
        Station(does="class token\n+ place", gives=shape(vectors), column=3, row=0),
        Station(does="projector", gives=shape(features), column=4, row=0),
        Station(does="question", gives=f"{len(ids)} ids, 1 marker", column=2, row=1),
        Station(does="word table", gives=shape(words), column=4, row=1),
        Station(does="splice", gives=shape(spliced.embeddings[0]), column=5, row=0),
        Station(does="language\nmodel", gives=shape(logits), column=6, row=0),
    ]


def shape(tensor: Tensor) -> str:
    """As the course writes it: 9×128."""
    return "×".join(str(side) for side in tensor.shape)


def draw_pipeline(stations: Sequence[Station], *, learns: Sequence[str] = ()) -> Figure:
    """The stations as boxes with arrows between them, the shape of what leaves each below it.

    Args:
        stations: from `pipeline`.
        learns: which of them have a thick frame; by their first line.
    """
    drawn, axes = figure(9.6, 2.7)
    ax = axes[0, 0]
    for station in stations:
        x, y = 1.45 * station.column, 1.5 * station.row
        name = station.does.split("\n")[0]
        thick = {"edgecolor": BLUE, "linewidth": 3} if name in learns else {"edgecolor": BLACK}
        ax.add_patch(Rectangle((x, y), 1.1, 0.62, facecolor="white", **thick))
        ax.text(x + 0.55, y + 0.31, station.does, ha="center", va="center", fontsize=10)
        ax.text(x + 0.55, y + 0.82, station.gives, ha="center", va="center", fontsize=9, color=BLUE)
    rows = [[s for s in stations if s.row == row] for row in (0, 1)]
    for row in rows:
        row.sort(key=lambda station: station.column)
    along = [pair for row in rows for pair in pairwise(row)]
    join = next(station for station in stations if station.does == "splice")
    for one, other in along:
        start, end = 1.45 * one.column + 1.1, 1.45 * other.column
        _arrow(ax, (start, 1.5 * one.row + 0.31), (end, 1.5 * other.row + 0.31))
    last = rows[1][-1]
    corner = 1.45 * join.column + 0.55
    ax.plot([1.45 * last.column + 1.1, corner], [1.81, 1.81], color=GREY, linewidth=1.4)
    _arrow(ax, (corner, 1.81), (corner, 0.98))
    ax.set_xlim(-0.1, 1.45 * max(station.column for station in stations) + 1.2)
    ax.set_ylim(2.45, -0.1)
    ax.set_axis_off()
    return drawn


def _arrow(ax, start: tuple[float, float], end: tuple[float, float]) -> None:
    head = {"arrowstyle": "-|>", "mutation_scale": 12, "color": GREY, "linewidth": 1.4}
    ax.add_patch(FancyArrowPatch(start, end, shrinkA=0, shrinkB=0, **head))


def told(stations: Sequence[Station]) -> str:
    """The same drawing in words, for its alt text."""
    steps = [f"{s.does.replace(chr(10), ' ')} gives {s.gives}" for s in stations]
    return (
        "Boxes joined by arrows. " + "; ".join(steps) + ". The projector's and the word table's "
        "vectors meet at splice, and the language model reads the result."
    )


def row_of_tokens(
    tokenizer: Tokenizer, ids: Sequence[int], vectors: int
) -> tuple[list[str], list[Kind], list[int | None]]:
    """What stands at each position once a picture of `vectors` is in: word, kind, and id.

    A picture's vectors are called p0, p1, … and have no id.
    """
    words: list[str] = []
    kinds: list[Kind] = []
    numbers: list[int | None] = []
    for token in ids:
        if token == IMAGE_MARKER:
            words += [f"p{n}" for n in range(vectors)]
            kinds += ["image"] * vectors
            numbers += [None] * vectors
        else:
            words.append(written(tokenizer, token))
            kinds.append("text")
            numbers.append(int(token))
    return words, kinds, numbers


def written(tokenizer: Tokenizer, token: int) -> str:
    """A token so that it can be read: special ones by name, spaces and line breaks visible."""
    text = tokenizer.decode([token], skip_special=False)
    return text.replace("\n", "↵").replace(" ", "·")


def splice_figure(
    tokens: Sequence[str],
    spliced: Spliced,
    *,
    ids: Sequence[int | None],
    labels: Sequence[str | None],
    kinds: Sequence[Kind],
    numbers: int = 24,
) -> Figure:
    """One spliced row, a column a position: its token, its vector, its id, and its label.

    A vector's colours are scaled to its own largest number, since a picture's vectors may be much
    longer than a word's.

    Args:
        tokens, ids, labels, kinds: one for each position; see `row_of_tokens`. None is drawn as –.
        spliced: of one row.
        numbers: how many of each vector's numbers are drawn, from the first on.

    Raises:
        ValueError: not one token, id, label and kind for each position of the row.
    """
    row = spliced.embeddings[0].detach()  # (T', D)
    counts = {len(row), len(tokens), len(ids), len(labels), len(kinds)}
    if len(counts) > 1:
        raise ValueError(
            f"{len(row)} positions, {len(tokens)} tokens, {len(ids)} ids, {len(labels)} labels and "
            f"{len(kinds)} kinds came: pass one of each for every position"
        )
    drawn, axes = figure(9.6, 4.6)
    ax = axes[0, 0]
    picture = row[:, :numbers].T  # (numbers, T')
    scaled = (picture / picture.abs().amax(0)).cpu().numpy()
    ax.imshow(scaled, cmap="PuOr_r", vmin=-1, vmax=1, aspect="auto")
    for place, (token, kind) in enumerate(zip(tokens, kinds, strict=True)):
        look = {name: KINDS[kind][name] for name in ("facecolor", "hatch")}
        box = Rectangle((place - 0.5, -2.1), 1, 1.5, edgecolor=BLACK, clip_on=False, **look)
        ax.add_patch(box)
        upright = {"rotation": 90, "ha": "center", "fontsize": 9}
        ax.text(place, -2.6, token, va="bottom", **upright)
        number = "–" if ids[place] is None else str(ids[place])
        ax.text(place, numbers + 0.2, number, va="top", color=GREY, **upright)
        label = labels[place]
        ax.text(
            place,
            numbers + 5.2,
            "–" if label is None else label,
            va="top",
            color=GREY if label is None else BLUE,
            fontweight="normal" if label is None else "bold",
            **upright,
        )
    named = (
        (-4.5, "token"),
        (numbers / 2, "vector"),
        (numbers + 1.8, "id"),
        (numbers + 7, "label"),
    )
    for height, name in named:
        ax.text(-1.2, height, name, ha="right", va="center", fontsize=10)
    ax.set_ylim(numbers + 9.5, -8.5)
    ax.set_xlim(-3.2, len(row) - 0.4)
    ax.set_axis_off()
    return drawn


def asked(
    answers: Sequence[tuple[Tensor, Scene, Question, str]], *, columns: int = 3
) -> tuple[Figure, str]:
    """Pictures with a question, what was said and what is true; and the same in words.

    Args:
        answers: (pixels, scene, question, said) each; pixels (3, H, W) as bytes.
        columns: side by side.

    Raises:
        ValueError: there is no answer to show.
    """
    if not answers:
        raise ValueError("no answer came: pass at least one")
    rows = -(-len(answers) // columns)
    drawn, axes = figure(3.1 * columns, 2.75 * rows, rows=rows, columns=columns)
    for ax in axes.flat[len(answers) :]:
        ax.set_axis_off()
    lines = []
    for ax, (pixels, scene, question, said) in zip(axes.flat, answers, strict=False):
        draw_image(ax, pixels.float() / 255)
        short = [shorten(text, 44, placeholder=" …") for text in (said, question.answer)]
        ax.set_title(f"{question.question}\nsaid: {short[0]}\ntrue: {short[1]}", fontsize=8)
        parts = ("There:", scene.caption, "Asked:", question.question)
        lines.append(" ".join(parts) + f" Said: {said.rstrip('.')}. True: {question.answer}.")
    return drawn, f"{len(lines)} scenes with a question each. " + " ".join(lines)


def results_table(folder: Path) -> str:
    """Both stages beside the blind, in percent, from what `python -m mvlm evaluate` wrote.

    Args:
        folder: holds `llava-stage1.json` and `llava.json`.
    """
    stages = [json.loads((folder / f"{n}.json").read_text()) for n in ("llava-stage1", "llava")]
    kinds = [stage["test"]["kinds"] for stage in stages]
    rows: list[tuple[str, float | None, list[float]]] = [
        (kind, kinds[1][kind]["blind"], [one[kind]["right"] for one in kinds]) for kind in kinds[1]
    ]
    rows += [
        (f"all, {name}", stages[1][split]["blind"], [one[split]["all kinds"] for one in stages])
        for name, split in (("new combinations", "test"), ("unseen artist", "unseen artist"))
    ]
    rows += [
        (name, None, [one[part][key] for one in stages])
        for name, part, key in (
            ("unseen phrasings", "test", "unseen phrasings"),
            ("is a thing like it there", "hallucination", "right"),
            ("honest when it must be", "outside", "honest"),
        )
    ]
    lines = [f"{'exactly right, %':26}{'blind':>8}{'stage 1':>9}{'stage 2':>9}"]
    for name, blind, right in rows:
        before = "" if blind is None else f"{100 * blind:.1f}"
        lines.append(f"{name:26}{before:>8}" + "".join(f"{100 * one:9.1f}" for one in right))
    return "\n".join(lines)
