"""Chapter 09's figures: the way from a picture to an answer, and one spliced row.

Both are drawn from a model and its numbers, so that no shape in them is typed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from textwrap import fill, shorten

import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from torch import Tensor

from mvlm.chat import IMAGE_MARKER, Chat
from mvlm.data.questions import Question
from mvlm.data.scene import Scene
from mvlm.llava import LLaVA, Spliced
from mvlm.show.figures import (
    BLACK,
    BLUE,
    GREY,
    KINDS,
    Kind,
    draw_image,
    figure,
)
from mvlm.small.cells import cut_into_cells
from mvlm.tokenizer import IMAGE, Tokenizer


@dataclass(frozen=True, kw_only=True)
class Station:
    """One step on the way: what is done there, and the shape of what leaves it.

    Attributes:
        does: in a few words.
        gives: the shape, as 9×134.
        column, row: its place in the drawing; a picture goes along rows 0 and 1, words along row 2.
    """

    does: str
    gives: str
    column: int
    row: int


@torch.inference_mode()
def pipeline(llava: LLaVA, chat: Chat, picture: Tensor, question: str) -> list[Station]:
    """Send one picture and one question through the model and note every shape on the way.

    Args:
        llava: with `mvlm.small.cells.Cells` for a tower.
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
        Station(does="projector", gives=shape(features), column=1, row=1),
        Station(does="question", gives=f"{len(ids)} ids with marker", column=0, row=2),
        Station(does="word table", gives=shape(words), column=1, row=2),
        Station(does="splice", gives=shape(spliced.embeddings[0]), column=2, row=1),
        Station(does="language\nmodel", gives=shape(logits), column=3, row=1),
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
    drawn, axes = figure(6.2, 4.0)
    ax = axes[0, 0]
    for station in stations:
        x, y = _corner(station)
        name = station.does.split("\n")[0]
        thick = {"edgecolor": BLUE, "linewidth": 3} if name in learns else {"edgecolor": BLACK}
        ax.add_patch(Rectangle((x, y), WIDE, HIGH, facecolor="white", **thick))
        middle = {"ha": "center", "va": "center"}
        ax.text(x + WIDE / 2, y + HIGH / 2, station.does, **middle, fontsize=11)
        ax.text(x + WIDE / 2, y + HIGH + 0.17, station.gives, **middle, fontsize=10.5, color=BLUE)
    at = {station.does.split("\n")[0]: _corner(station) for station in stations}
    for row in (0, 1, 2):
        along = sorted(x for x, y in (_corner(s) for s in stations if s.row == row))
        for x, following in pairwise(along):
            _arrow(ax, [(x + WIDE, DOWN * row + HIGH / 2), (following, DOWN * row + HIGH / 2)])
    # From the end of the first row back to the beginning of the second, and from the words up.
    (x, y), (start, below) = at["class token"], at["projector"]
    turn = y + HIGH + 0.42
    bend = [(x + WIDE / 2, y + HIGH + 0.3), (x + WIDE / 2, turn), (start + WIDE / 2, turn)]
    _arrow(ax, [*bend, (start + WIDE / 2, below)])
    (x, y), (join, above) = at["word table"], at["splice"]
    middle = join + WIDE / 2
    _arrow(ax, [(x + WIDE, y + HIGH / 2), (middle, y + HIGH / 2), (middle, above + HIGH + 0.32)])
    ax.set_xlim(-0.08, ACROSS * max(station.column for station in stations) + WIDE + 0.08)
    ax.set_ylim(DOWN * 2 + HIGH + 0.35, -0.08)
    ax.set_axis_off()
    return drawn


# Inches: a box's sides, and from one box to the next.
WIDE, HIGH, ACROSS, DOWN = 1.2, 0.56, 1.58, 1.34


def _corner(station: Station) -> tuple[float, float]:
    """Left and top of a station's box."""
    return ACROSS * station.column, DOWN * station.row


def _arrow(ax, way: Sequence[tuple[float, float]]) -> None:
    """Through the points of `way`, with a head at the last."""
    line = {"color": GREY, "linewidth": 1.4}
    ax.plot(*zip(*way[:-1], strict=True), **line, solid_capstyle="butt")
    head = {"arrowstyle": "-|>", "mutation_scale": 12, "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(way[-2], way[-1], **head, **line))


def in_words(stations: Sequence[Station]) -> str:
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


BAND = 12  # positions side by side: their words can be read on a phone


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

    Twelve positions stand side by side, and the next twelve below them.

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
    bands = -(-len(row) // BAND)
    drawn, axes = figure(6.4, 4.4 * bands, rows=bands)
    for band, ax in enumerate(axes[:, 0]):
        part = range(band * BAND, min((band + 1) * BAND, len(row)))
        picture = row[part.start : part.stop, :numbers].T  # (numbers, positions)
        scaled = (picture / picture.abs().amax(0)).cpu().numpy()
        ax.imshow(scaled, cmap="PuOr_r", vmin=-1, vmax=1, aspect="auto")
        for column, place in enumerate(part):
            look = {name: KINDS[kinds[place]][name] for name in ("facecolor", "hatch")}
            box = Rectangle((column - 0.5, -2.1), 1, 1.5, edgecolor=BLACK, clip_on=False, **look)
            ax.add_patch(box)
            upright = {"rotation": 90, "ha": "center", "fontsize": 11}
            ax.text(column, -2.6, tokens[place], va="bottom", **upright)
            number, label = ids[place], labels[place]
            text = "–" if number is None else str(number)
            ax.text(column, numbers + 0.2, text, va="top", color=GREY, **upright)
            learnt = {"color": BLUE, "fontweight": "bold"} if label is not None else {"color": GREY}
            ax.text(column, numbers + 5.4, label or "–", va="top", **learnt, **upright)
        named = (
            (-5, "token"),
            (numbers / 2, "vector"),
            (numbers + 2, "id"),
            (numbers + 8, "label"),
        )
        for height, name in named:
            ax.text(-0.8, height, name, ha="right", va="center", fontsize=11)
        ax.set_ylim(numbers + 11, -10)
        ax.set_xlim(-2.2, BAND - 0.4)
        ax.set_axis_off()
    return drawn


def asked(
    answers: Sequence[tuple[Tensor, Scene, Question, str]], *, columns: int = 2
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
    drawn, axes = figure(3.2 * columns, 3.0 * rows, rows=rows, columns=columns)
    for ax in axes.flat[len(answers) :]:
        ax.set_axis_off()
    lines = []
    for ax, (pixels, scene, question, said) in zip(axes.flat, answers, strict=False):
        draw_image(ax, pixels.float() / 255)
        told_ = (question.question, f"said: {said}", f"true: {question.answer}")
        short = [fill(shorten(text, 68, placeholder=" …"), 34) for text in told_]
        ax.set_title("\n".join(short), fontsize=11)
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
            ("the same, other sentences", "outside, other sentences", "honest"),
            ("refused, though it could", "test", "refused"),
        )
    ]
    lines = [f"{'exactly right, %':26}{'blind':>8}{'stage 1':>9}{'stage 2':>9}"]
    for name, blind, right in rows:
        before = "" if blind is None else f"{100 * blind:.1f}"
        lines.append(f"{name:26}{before:>8}" + "".join(f"{100 * one:9.1f}" for one in right))
    return "\n".join(lines)
