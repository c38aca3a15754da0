"""What a frozen tower makes of each picture, worked out once and kept on disk in shards.

LLaVA's tower does not learn, so its features are the same in every pass. A ViT-B/16's take 0.3 MB
a picture in half precision, an L/14's 0.5 MB: too much for memory, little for a disk.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import torch
from accelerate import Accelerator
from jaxtyping import Float
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor
from tqdm.auto import tqdm

from mvlm.images import Preprocessing
from mvlm.training.loop import write_whole
from mvlm.vit import ViT

SHARD = 256  # pictures in one: what a stop costs at most
BATCH = 32  # pictures at a time through the tower


class Features:
    """The features of a list of pictures, read from the disk as they are asked for.

    Make one with `keep_features`.

    Args:
        folder: of the shards.
        count: how many pictures there are.
        shape: (N, W) of one picture's features.
    """

    def __init__(self, folder: Path, count: int, shape: tuple[int, int]) -> None:
        self.folder, self.count, self.shape = folder, count, shape

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, pictures: Sequence[int]) -> Float[Tensor, "picture vector width"]:
        """Those of these pictures, in float32."""
        rows = [torch.empty(0, *self.shape)]  # a batch may be without pictures
        for picture in pictures:
            shard, row = divmod(picture, SHARD)
            rows.append(_slice(shard_path(self.folder, shard))[row : row + 1].float())
        return torch.cat(rows)  # I N W


@lru_cache(maxsize=512)
def _slice(path: Path) -> object:
    return safe_open(path, "pt").get_slice("features")


def shard_path(folder: Path, number: int) -> Path:
    """Of one shard."""
    return folder / f"features-{number:05d}.safetensors"


def fingerprint(tower: ViT, look: Preprocessing, feature_layer: int) -> str:
    """What features depend on besides the picture, in 64 letters."""
    seen = hashlib.sha256(f"{tower.config} {look} {feature_layer}".encode())
    for name, weight in sorted(tower.state_dict().items()):
        seen.update(name.encode())
        seen.update(weight.detach().float().cpu().contiguous().numpy().tobytes())
    return seen.hexdigest()


def digest(names: Sequence[str]) -> str:
    """These names in 64 letters."""
    return hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()


def keep_features(
    tower: ViT,
    look: Preprocessing,
    pictures: Callable[[int], Image.Image],
    names: Sequence[str],
    folder: Path,
    accelerator: Accelerator,
    *,
    feature_layer: int,
) -> Features:
    """The tower's patch tokens for every picture; shards that are there already are kept.

    Several processes share the shards out among them.

    Args:
        tower: stays as it is.
        look: what pictures go through on the way in.
        pictures: the number of a picture → the picture.
        names: of all pictures: a shard is good for the names that it was made of.
        folder: of the shards.
        accelerator: on whose device the tower works.
        feature_layer: which of the tower's L + 1 states is kept, without the class token.

    Raises:
        ValueError: a shard is damaged, or was made by another tower or of other pictures; or a
            picture is none. What is there stays.
    """
    mark = fingerprint(tower, look, feature_layer)
    numbers = range((len(names) + SHARD - 1) // SHARD)
    parts = [range(n * SHARD, min((n + 1) * SHARD, len(names))) for n in numbers]
    marks = [{"tower": mark, "pictures": digest([names[i] for i in part])} for part in parts]
    missing = []
    for number in numbers:
        path = shard_path(folder, number)
        if path.exists():
            check_shard(path, marks[number])
        else:
            missing.append(number)
    accelerator.wait_for_everyone()  # all have looked before any of them writes
    own = missing[accelerator.process_index :: accelerator.num_processes]
    if own:
        tower.to(accelerator.device).eval()
    bar = tqdm(
        own, desc=f"features, {SHARD} pictures each", disable=not accelerator.is_main_process
    )
    for number in bar:
        made = _work_out(tower, look, pictures, parts[number], accelerator, feature_layer)
        write_whole(shard_path(folder, number), to_bytes({"features": made}, marks[number]))
    tower.to("cpu")
    accelerator.wait_for_everyone()
    _slice.cache_clear()
    return Features(folder, len(names), (math.prod(tower.config.grid), tower.config.width))


def check_shard(path: Path, mark: dict[str, str]) -> None:
    """Raise when a shard cannot be used, with what to do about it."""
    try:
        with safe_open(path, "pt") as file:
            found = file.metadata() or {}
    except Exception as error:  # the library's own, of several kinds
        raise ValueError(f"{path} is damaged ({error}): remove it to have it made again") from error
    mend = f"remove {path.parent} to have them made again, or choose another --out"
    if found.get("tower") != mark["tower"]:
        raise ValueError(
            f"{path} holds features of another tower, preprocessing or feature_layer: {mend}"
        )
    if found.get("pictures") != mark["pictures"]:
        raise ValueError(f"{path} holds features of other pictures: {mend}")


@torch.no_grad()
def _work_out(
    tower: ViT,
    look: Preprocessing,
    pictures: Callable[[int], Image.Image],
    part: range,
    accelerator: Accelerator,
    feature_layer: int,
) -> Float[Tensor, "picture vector width"]:
    made = []
    for start in range(part.start, part.stop, BATCH):
        some = [pictures(i) for i in range(start, min(start + BATCH, part.stop))]
        with accelerator.autocast():
            states = tower.encode(look(some).to(accelerator.device)).hidden_states[feature_layer]
        made.append(states[:, 1:].half().cpu())
    return torch.cat(made)
