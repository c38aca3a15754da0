"""Photographs with captions, brought here once: then any example is found by its number.

A set of the hub can only be streamed, and a run that goes on after a stop must find the example
of each number again. So the pairs are kept on disk, shrunk, in shards: Arrow files of `datasets`.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from io import BytesIO
from itertools import islice
from pathlib import Path

import torch
from datasets import (
    Dataset,
    Features,
    Image,
    Value,
    concatenate_datasets,
    load_from_disk,
)
from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from PIL import Image as PILImage
from PIL.Image import Resampling
from tqdm.auto import tqdm

from mvlm.data import hub_pairs
from mvlm.images import MOST_PIXELS, to_rgb
from mvlm.training.loop import check_same_run, write_whole

SHARD = 500  # pairs in one: what a stop while they come costs at most
FEATURES = Features({"image": Image(), "caption": Value("string")})


@dataclass(frozen=True, kw_only=True)
class PairSource:
    """Where pairs come from and how large they are kept; see `hub_pairs`.

    Attributes:
        name: "flickr8k", "coco", "owner/name" of the hub, or a local folder.
        split: of the set.
        count: so many whole pairs at most.
        image_column, text_column: where a set of your own keeps them; empty for the usual ones.
    """

    name: str = "flickr8k"
    split: str = "train"
    count: int = 6000
    image_column: str = ""
    text_column: str = ""


def keep_pairs(source: PairSource, side: int, folder: Path) -> Dataset:
    """The pairs of `source`, kept in `folder`; they come once, and after a stop only the rest.

    Args:
        side: pixels of the shorter side, at most; larger pictures are shrunk to it.
        folder: of the kept pairs.

    Returns:
        Rows of `image` and `caption`.

    Raises:
        ValueError: the folder holds other pairs, or the set holds none, or see `hub_pairs`.
        ConnectionError: the hub cannot be reached; what came before is kept.
    """
    settings = asdict(source) | {"side": side}
    note = folder / "pairs.json"
    kept = json.loads(note.read_text()) if note.exists() else None
    if kept is not None:
        check_same_run(note, kept["source"], settings)
    if kept is None or not kept["whole"]:
        write_whole(note, json.dumps({"source": settings, "whole": False}).encode())
        _bring(source, side, folder)
        write_whole(note, json.dumps({"source": settings, "whole": True}).encode())
    return concatenate_datasets([load_from_disk(str(path)) for path in shards(folder)])


def shards(folder: Path) -> list[Path]:
    """Those that are whole."""
    return sorted(folder.glob("pairs-*[0-9]"))


def _bring(source: PairSource, side: int, folder: Path) -> None:
    there = len(shards(folder))
    rows = hub_pairs(
        source.name,
        source.split,
        source.count,
        image_column=source.image_column or None,
        text_column=source.text_column or None,
    )
    rest = islice(_kept(rows, side), there * SHARD, None)
    bar = tqdm(rest, initial=there * SHARD, total=source.count, desc="pairs")
    for number, some in enumerate(_by(SHARD, bar), there):
        path = folder / f"pairs-{number:05d}"
        beside = path.with_suffix(".new")
        with _without_bars():  # one a shard beside our own
            Dataset.from_list(some, features=FEATURES).save_to_disk(str(beside))
        beside.replace(path)
    if not shards(folder):
        raise ValueError(
            f"{source.name!r} holds no pair in its split {source.split!r}: pass another set or "
            "split, or a folder of pictures with a metadata.jsonl of file_name and caption"
        )


@contextmanager
def _without_bars() -> Iterator[None]:
    disabled = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not disabled:
            enable_progress_bars()


def _kept(rows: Iterable[dict], side: int) -> Iterator[dict]:
    """Each pair as it is kept: a JPEG of the shrunk picture, and the caption."""
    for number, row in enumerate(rows):
        try:
            picture = shrunk(to_rgb(row["image"]), side)
        except ValueError as error:  # 16 bits a channel
            warnings.warn(f"pair {number} is left out: {error}", stacklevel=2)
            continue
        content = BytesIO()
        picture.save(content, "JPEG", quality=92)
        yield {"image": {"bytes": content.getvalue(), "path": None}, "caption": row["caption"]}


def _by(size: int, rows: Iterable[dict]) -> Iterator[list[dict]]:
    rows = iter(rows)
    while some := list(islice(rows, size)):
        yield some


def shrunk(picture: PILImage.Image, side: int) -> PILImage.Image:
    """The shorter side at most so long; of a very long picture the middle alone is kept."""
    if min(picture.size) > side:
        scale = side / min(picture.size)
        size = [max(side, round(length * scale)) for length in picture.size]
        picture = picture.resize(size, Resampling.BICUBIC)
    width, height = (min(length, MOST_PIXELS // side // 8) for length in picture.size)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def place_of(example: int, *, count: int, batch_size: int, seed: int) -> int:
    """Which of `count` things example number `example` shows.

    Each pass has an order of its own, and ends with the last whole batch: none holds a thing twice.
    """
    step, place = divmod(example, batch_size)
    turn, batch = divmod(step, count // batch_size)
    return _order(count, seed * 1_000_003 + turn)[batch * batch_size + place]


@lru_cache(maxsize=4)
def _order(count: int, seed: int) -> list[int]:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()


def random_square(picture: PILImage.Image, size: int, least: float, seed: int) -> PILImage.Image:
    """CLIP's one augmentation: a square cut out at random, here of a random size too.

    Args:
        picture: any.
        size: pixels of the result's side.
        least: the smallest square's share of the shorter side, 0 to 1.
        seed: of the cut.
    """
    draw = torch.rand(3, generator=torch.Generator().manual_seed(seed)).tolist()
    side = min(picture.size) * (least + (1 - least) * draw[0])
    left, top = (
        share * (length - side) for share, length in zip(draw[1:], picture.size, strict=True)
    )
    box = (left, top, left + side, top + side)
    return picture.resize((size, size), Resampling.BICUBIC, box=box)
