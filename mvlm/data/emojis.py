"""Real drawings with real names: about 1,100 emoji, each by three artists.

`emoji.parquet` is made by `build_emoji.py` from Noto's font, Twemoji, Fluent Emoji and the Unicode
CLDR; sources, versions and licences stand in `CARD.md`. `more_emoji.parquet` has the same emoji by
further artists, as far as they drew them: for training image encoders, and nothing else.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, Features, Image, Value
from datasets import Sequence as ListOf
from PIL import Image as PILImage

from mvlm.data.rows import dataset_from_rows, one_of, png

ARTISTS = ("noto", "twemoji", "fluent")
# Further hands to train on, each lacking some emoji; named as their npm packages are.
MORE_ARTISTS = (
    "noto-v1",
    "emojione",
    "emojione-v1",
    "fxemoji",
    "openmoji",
    "streamline-emojis",
)
SIZE = 40  # pixels: the side of a stored drawing, and of a cell of the course's grid
PARQUET = Path(__file__).with_name("emoji.parquet")
MORE_PARQUET = Path(__file__).with_name("more_emoji.parquet")
NAME_SPLITS = ("all", "train", "test")


@cache
def emoji_table(path: Path = PARQUET) -> pa.Table:
    """Read the shipped Parquet, once, after comparing it with its recorded SHA-256.

    Raises:
        ValueError: the file is not the one that was shipped (cut short, or edited).
    """
    content = path.read_bytes()
    recorded = path.with_suffix(".sha256").read_text().strip()
    if hashlib.sha256(content).hexdigest() != recorded:
        raise ValueError(
            f"{path.name} does not have its recorded checksum ({len(content):,} bytes read): "
            "install the package again with `pip install --force-reinstall --no-deps mvlm`, "
            "or restore the file from the repository"
        )
    return pq.read_table(io.BytesIO(content))


def bucket(text: str) -> int:
    """A number from 0 to 99 that a text has for ever, on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") % 100


def held_out(name: str) -> bool:
    """Is this one of the names (about one in ten) that the language side never trains on?"""
    return bucket(f"name {name}") < 10


@cache
def words() -> dict[str, str]:
    """Every name that scenes can use -> its emoji: the everyday word where there is one."""
    table = emoji_table().select(["name", "everyday", "emoji"]).to_pylist()
    by_name = {row["name"]: row["emoji"] for row in table}
    everyday = {row["everyday"]: row["emoji"] for row in table if row["everyday"]}
    taken = set(everyday.values())
    others = {name: emoji for name, emoji in by_name.items() if emoji not in taken}
    return others | everyday


@cache
def everyday_vocabulary() -> tuple[str, ...]:
    """The 100 everyday names, sorted. The rule that chose them is in `build_emoji.py`."""
    return tuple(sorted({word for word in emoji_table()["everyday"].to_pylist() if word}))


def full_vocabulary() -> tuple[str, ...]:
    """Every name that scenes can use (about 1,100), sorted: pass it as `vocabulary=`."""
    return tuple(sorted(words()))


@cache
def drawings(artist: str) -> dict[str, np.ndarray]:
    """Emoji -> its drawing by one artist, (40, 40, 4) bytes, RGBA.

    `ARTISTS` drew every emoji; `MORE_ARTISTS` lack some.
    """
    one_of("artist", artist, ARTISTS + MORE_ARTISTS)
    table = emoji_table(PARQUET if artist in ARTISTS else MORE_PARQUET)
    mine = table.filter(pc.equal(table["artist"], artist)).select(["emoji", "image"])
    return {
        row["emoji"]: np.asarray(PILImage.open(io.BytesIO(row["image"]["bytes"])).convert("RGBA"))
        for row in mine.to_pylist()
    }


def drew(artist: str, name: str) -> bool:
    """Has this artist a drawing of the thing of this name?"""
    return words()[name] in drawings(artist)


def on_white(drawing: np.ndarray) -> PILImage.Image:
    image = PILImage.fromarray(drawing)
    white = PILImage.new("RGBA", image.size, (255, 255, 255, 255))
    return PILImage.alpha_composite(white, image).convert("RGB")


def groups() -> tuple[str, ...]:
    """The Unicode groups that the emoji come from, in Unicode's order."""
    return tuple(dict.fromkeys(emoji_table()["group"].to_pylist()))


def emoji_features() -> Features:
    return Features(
        {
            "image": Image(),
            "name": Value("string"),
            "everyday": Value("string"),
            "keywords": ListOf(Value("string")),
            "group": ClassLabel(names=sorted(groups())),
            "artist": ClassLabel(names=list(ARTISTS)),
            "emoji": Value("string"),
        }
    )


def emoji(artists: Sequence[str] = ARTISTS, split: str = "all") -> Dataset:
    """The emoji, a row for each drawing.

    Args:
        artists: whose drawings; `("noto", "twemoji")` train, `("fluent",)` is held out.
        split: "all", or by name: "test" has the held-out names, about one in ten, "train" the rest.

    Returns:
        Rows of `image` (40×40 RGB on white), `name` (Unicode CLDR), `everyday` (its word in the
        course's 100-word vocabulary, or ""), `keywords`, `group`, `artist` and `emoji` (the
        character itself).

    Raises:
        ValueError: an artist or split that does not exist, with those that do.
    """
    one_of("split", split, NAME_SPLITS)
    artists = (artists,) if isinstance(artists, str) else tuple(artists)
    for artist in artists:
        one_of("artist", artist, ARTISTS)
    wanted = {"all": (True, False), "train": (False,), "test": (True,)}[split]
    rows = (
        row
        for artist in artists
        for row in _rows_of(artist)
        if held_out(row["everyday"] or row["name"]) in wanted
    )
    return dataset_from_rows(rows, emoji_features())


@cache
def _rows_of(artist: str) -> list[dict]:
    table = emoji_table()
    mine = table.filter(pc.equal(table["artist"], artist)).drop_columns(["image"])
    return [
        row | {"image": png(on_white(drawings(artist)[row["emoji"]]))} for row in mine.to_pylist()
    ]


@cache
def sprite(name: str, artist: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A drawing ready to be laid on a picture, its longest side `size` pixels.

    Returns:
        paint: (height, width, 3) uint16, colour × alpha + 127 (the 127 rounds the division).
        clear: (height, width, 1) uint16, 255 − alpha. Both are cut to what is painted, so that
        their shape is the object's box.
    """
    image = PILImage.fromarray(drawings(artist)[words()[name]])
    if size != SIZE:
        # Premultiplied, so that the colour of clear pixels does not bleed into the rim.
        image = image.convert("RGBa").resize((size, size), PILImage.Resampling.BOX)
        image = image.convert("RGBA")
    rgba = np.asarray(image).astype(np.uint16)
    painted = rgba[:, :, 3] > 0
    rows, columns = painted.any(1).nonzero()[0], painted.any(0).nonzero()[0]
    rgba = rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    alpha = rgba[:, :, 3:]
    return rgba[:, :, :3] * alpha + 127, 255 - alpha
