"""What each split of the course's world may draw from, in one figure: chapter 00."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mvlm.data.emojis import everyday_vocabulary, held_out
from mvlm.data.questions import KEPT_FOR_TESTING, KINDS, PHRASINGS
from mvlm.data.scene import SPLITS, TEST_ARTISTS, TRAIN_ARTISTS, Split
from mvlm.show.figures import BLUE, GREY, ORANGE, figure


class Piece(NamedTuple):
    """A stretch of one kind of thing that a split has or has not."""

    length: int
    used: bool
    trained: bool  # whether `train` has it


def pieces(split: Split) -> dict[str, list[Piece]]:
    """For each panel the stretches of its bar, from left to right."""
    words = everyday_vocabulary()
    kept = sum(held_out(word) for word in words)
    train = SPLITS["train"]
    combinations = [range(80), range(80, 90), range(90, 100)]  # buckets, as `SPLITS` has them
    wordings = len(PHRASINGS[KINDS[0]]), len(KEPT_FOR_TESTING[KINDS[0]])
    return {
        "names": [
            Piece(len(words) - kept, False in split.held_out_names, True),
            Piece(kept, True in split.held_out_names, False),
        ],
        "artists": [
            Piece(len(group), set(group) <= set(split.artists), group == train.artists)
            for group in (TRAIN_ARTISTS, TEST_ARTISTS)
        ],
        "combinations": [
            Piece(len(some), some == split.combinations, some == train.combinations)
            for some in combinations
        ],
        "wordings": [
            Piece(wordings[0], True, True),
            Piece(wordings[1], split.kept_phrasings, False),
        ],
    }


def draw_splits() -> Figure:
    """A row a split, a panel a kind of thing; what training has not is orange and hatched."""
    rows = {name: pieces(split) for name, split in SPLITS.items()}
    panels = list(rows["train"])
    drawn, axes = figure(6.4, 3.0, columns=len(panels))
    for panel, axis in zip(panels, axes[0], strict=True):
        for place, row in enumerate(rows.values()):
            start = 0
            for piece in row[panel]:
                axis.barh(place, piece.length, left=start, height=0.6, **_look(piece))
                start += piece.length
        lengths = " + ".join(str(piece.length) for piece in rows["train"][panel])
        axis.set_title(f"{panel}\n{lengths}" + " %" * (panel == "combinations"), fontsize=11)
        axis.set(ylim=(len(rows) - 0.5, -0.5), xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    axes[0, 0].set_yticks(range(len(rows)), rows)
    axes[0, 0].tick_params(length=0)
    keys = [
        Patch(**_look(piece), label=label)
        for piece, label in (
            (Piece(1, True, True), "in train"),
            (Piece(1, True, False), "never in train"),
            (Piece(1, False, False), "not in this split"),
        )
    ]
    drawn.legend(handles=keys, ncols=3, loc="outside lower center", fontsize=11, frameon=False)
    return drawn


def splits_in_words() -> str:
    """The same, as alt text."""
    return " ".join(
        f"{name}: "
        + ", ".join(f"{panel} {_of(parts)}" for panel, parts in pieces(split).items())
        + "."
        for name, split in SPLITS.items()
    )


def _look(piece: Piece) -> dict[str, str]:
    if not piece.used:
        return {"facecolor": "white", "edgecolor": GREY}
    if piece.trained:
        return {"facecolor": BLUE, "edgecolor": "white"}
    return {"facecolor": ORANGE, "edgecolor": "white", "hatch": "///"}


def _of(parts: list[Piece]) -> str:
    return " and ".join(_told(parts))


def _told(parts: list[Piece]) -> Iterator[str]:
    for piece in parts:
        if piece.used:
            yield f"{piece.length}" + " never in train" * (not piece.trained)
