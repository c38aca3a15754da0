"""Real photographs behind the same columns, streamed from the Hugging Face hub or a folder."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import (
    ClassLabel,
    Dataset,
    Features,
    Image,
    IterableDataset,
    Value,
    load_dataset,
    load_from_disk,
)
from datasets.exceptions import DatasetsError
from huggingface_hub import HfApi
from huggingface_hub.utils import RepositoryNotFoundError

from mvlm.data.rows import one_of


@dataclass(frozen=True, kw_only=True)
class HubSet:
    """Where a known data set is, and which of its columns hold what."""

    repository: str
    image: str
    text: str | None = None
    label: str | None = None


KNOWN = {
    "cifar10": HubSet(repository="uoft-cs/cifar10", image="img", label="label"),
    "flickr8k": HubSet(repository="jxie/flickr8k", image="image", text="caption_0"),
    "coco": HubSet(repository="jxie/coco_captions", image="image", text="caption"),
}


WANTED_THERE = (
    "pass a folder of save_to_disk, or one that holds Parquet files or pictures with a "
    "metadata.jsonl of file_name and caption"
)
NAMED_ROWS = 5  # of those left out; the others are counted


def hub_pairs(
    name: str,
    split: str = "train",
    count: int | None = None,
    *,
    image_column: str | None = None,
    text_column: str | None = None,
) -> IterableDataset:
    """Pictures with captions, streamed.

    Args:
        name: "flickr8k", "coco", "owner/name" of any set on the hub, or a local folder (written
            by `save_to_disk`, or holding Parquet files or an image folder with metadata).
        count: stop after so many whole pairs.
        image_column, text_column: where a set of your own keeps them, "image" and "caption" by
            default.

    Returns:
        Rows of `image` and `caption`, like `scenes()` has. A row whose picture is damaged or
        missing, or whose caption is missing, is left out with a warning that names it.

    Raises:
        ValueError: an unknown name or split, a folder without data, a column that is missing or of
            another type; or, once rows are asked for, no row is whole.
        ConnectionError: the hub cannot be reached.
    """
    known, rows = _open(name, split, with_text=True)
    image = image_column or known.image
    text = text_column or known.text or "caption"
    _check_column(rows, name, image, "image", "image_column")
    _check_column(rows, name, text, "text", "text_column")
    features = Features({"image": Image(), "caption": Value("string")})
    return _mapped(rows, {image: "image", text: "caption"}, features, count)


def hub_images(
    name: str,
    split: str = "train",
    count: int | None = None,
    *,
    image_column: str | None = None,
    label_column: str | None = None,
) -> IterableDataset:
    """Pictures with class labels, streamed; arguments and errors as for `hub_pairs`.

    Returns:
        Rows of `image` and `label`, a `ClassLabel` whose names are in `.features["label"].names`.
    """
    known, rows = _open(name, split, with_text=False)
    image, label = image_column or known.image, label_column or known.label or "label"
    _check_column(rows, name, image, "image", "image_column")
    _check_column(rows, name, label, "class label", "label_column")
    features = Features({"image": Image(), "label": rows.features[label]})
    return _mapped(rows, {image: "image", label: "label"}, features, count)


def _open(name: str, split: str, *, with_text: bool) -> tuple[HubSet, Dataset | IterableDataset]:
    """The data set's own rows, and where its columns are expected."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return HubSet(repository=name, image="image"), _local(folder, split)
    if "/" not in name:
        fitting = {key for key, known in KNOWN.items() if (known.text is not None) == with_text}
        if name not in fitting:
            raise ValueError(
                f"unknown data set {name!r}: choose one of {', '.join(sorted(fitting))}, an "
                "'owner/name' of the hub, or an existing local folder"
            )
    known = KNOWN.get(name, HubSet(repository=name, image="image"))
    _reach(known.repository)
    try:
        rows = load_dataset(known.repository, split=split, streaming=True)
    except ValueError as error:
        raise ValueError(f"{known.repository!r} cannot be read: {error}") from error
    # Some sets do not declare their columns; their types are known once a row has come.
    return known, rows if rows.features else rows._resolve_features()


def _reach(repository: str) -> None:
    """Ask the hub for the set once: `load_dataset` alone would try for 40 seconds."""
    try:
        HfApi().dataset_info(repository, timeout=10)
    except RepositoryNotFoundError as error:
        raise ValueError(
            f"the hub has no data set {repository!r} that you may read: check its owner/name, or "
            f"choose one of {', '.join(sorted(KNOWN))}"
        ) from error
    except Exception as error:  # of requests or of httpx, by version of huggingface_hub
        raise ConnectionError(
            f"the hub cannot be reached for {repository!r} ({type(error).__name__}): use "
            "mvlm.data.scenes() or a local folder of save_to_disk, which need no network"
        ) from error


def _local(folder: Path, split: str) -> Dataset:
    if any((folder / name).exists() for name in ("state.json", "dataset_dict.json")):
        rows = load_from_disk(str(folder), keep_in_memory=False)
    else:
        kind = "parquet" if any(folder.rglob("*.parquet")) else "imagefolder"
        if not any(path.is_file() for path in folder.rglob("*")):
            raise ValueError(f"{folder} is empty: {WANTED_THERE}")
        try:
            rows = load_dataset(kind, data_dir=str(folder), streaming=True)
        except (ValueError, OSError, DatasetsError) as error:
            raise ValueError(f"{folder} cannot be read ({error}): {WANTED_THERE}") from error
    if isinstance(rows, Dataset):
        return rows
    one_of("split", split, rows)
    return rows[split]


def _check_column(
    rows: Dataset | IterableDataset, name: str, column: str, wanted: str, argument: str
) -> None:
    features = rows.features
    if column not in features:
        bare = ", or put a metadata.jsonl of file_name and caption beside the pictures"
        raise ValueError(
            f"{name!r} has no column {column!r}: pass {argument}=, one of {', '.join(features)}"
            f"{bare if wanted == 'text' else ''}"
        )
    feature = features[column]
    right = {
        "image": isinstance(feature, Image),
        "text": getattr(feature, "dtype", None) in ("string", "large_string"),
        "class label": isinstance(feature, ClassLabel),
    }[wanted]
    if not right:
        raise ValueError(
            f"column {column!r} of {name!r} holds {feature}, not the {wanted} that was wanted: "
            f"pass {argument}=, one of {', '.join(features)}"
        )


def _mapped(
    rows: Dataset | IterableDataset, columns: dict[str, str], features: Features, count: int | None
) -> IterableDataset:
    arguments = {"rows": rows, "columns": columns, "count": count}
    return IterableDataset.from_generator(_renamed, features, gen_kwargs=arguments)


def _renamed(
    rows: Dataset | IterableDataset, columns: dict[str, str], count: int | None
) -> Iterator[dict]:
    """The first `count` whole rows; a word on those that are left out."""
    if count == 0:
        return
    # Pictures are decoded here, row by row: an error within the data set would end the stream.
    pictures = {name: kind for name, kind in rows.features.items() if isinstance(kind, Image)}
    for name in pictures.keys() & columns.keys():
        rows = rows.cast_column(name, Image(decode=False))
    whole = left_out = 0
    for number, row in enumerate(rows):
        try:
            made = {
                ours: _whole(row[theirs], theirs, pictures.get(theirs))
                for theirs, ours in columns.items()
            }
        except BrokenRow as broken:
            left_out += 1
            if left_out <= NAMED_ROWS:
                warnings.warn(f"row {number} is left out: {broken}", stacklevel=2)
            continue
        yield made
        whole += 1
        if whole == count:
            break
    if left_out and not whole:
        raise ValueError(
            f"none of {left_out} rows is whole: check the columns {', '.join(columns)}, or fetch "
            "the data again"
        )
    if left_out > NAMED_ROWS:
        warnings.warn(f"{left_out} rows in all were left out", stacklevel=2)


class BrokenRow(ValueError):
    """A row that lacks something, or whose picture cannot be read."""


def _whole(value: Any, column: str, picture: Image | None) -> Any:
    if value is None:
        raise BrokenRow(f"its {column} is missing")
    if picture is None:
        return value
    try:
        return picture.decode_example(value)
    except ConnectionError:  # says nothing about the picture
        raise
    except Exception as error:  # a damaged file can raise anything in Pillow's decoders
        name = Path(value.get("path") or "").name
        raise BrokenRow(
            f"its {column}{f', {name},' if name else ''} is damaged or no picture "
            f"({type(error).__name__}: {str(error)[:80]}), so fetch it again or take it out"
        ) from error
