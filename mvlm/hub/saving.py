"""The way back: a trained model of ours as a folder in the format of transformers.

What cannot be learnt (config, tokenizer, preprocessor) is copied from the folder that the model
came from, so `load_clip` and `load_llava` read what was trained as they read what was fetched.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, nn

from mvlm.clip import CLIP
from mvlm.hub.clip import clip_sources
from mvlm.hub.reading import INDEX, WEIGHTS, Config, WeightsError, read_json
from mvlm.hub.sources import Sources

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
)
PREPROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")


def save_clip(model: CLIP, folder: Path, like: Path) -> None:
    """Write a CLIP that `load_clip` reads again.

    Args:
        model: of the shape that the config in `like` describes.
        folder: is made; a model that lies there is replaced when the new one is whole.
        like: the folder whose config, tokenizer and preprocessor belong to the model.
    """
    tensors = named_as_in_files(model, clip_sources(model.config))
    config = read_json(like, "config.json") or {}
    _write(folder, tensors, config)
    _copy(like, folder, (*TOKENIZER_FILES, *PREPROCESSOR_FILES))


def named_as_in_files(model: nn.Module, sources: Sources) -> dict[str, Tensor]:
    """A model's numbers under the names and in the shapes of the files: undoes `load_weights`.

    Raises:
        WeightsError: a tensor was rearranged when it was loaded.
    """
    state = model.state_dict()
    made: dict[str, Tensor] = {}
    for ours, source in sources.items():
        if source.arrange is not None:
            raise WeightsError(f"{ours} is rearranged when it is loaded: it cannot be saved so")
        shapes = source.shapes or (tuple(state[ours].shape),)
        parts = (
            state[ours].split([shape[0] for shape in shapes]) if len(shapes) > 1 else (state[ours],)
        )
        for name, part, shape in zip(source.names, parts, shapes, strict=True):
            made[name] = part.detach().cpu().reshape(shape).clone()
    return made


def _write(folder: Path, tensors: dict[str, Tensor], config: Config) -> None:
    """Config and weights; the weights take their name when they are whole."""
    folder.mkdir(parents=True, exist_ok=True)
    (dtype,) = {str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values()}
    settings: dict[str, Any] = {k: v for k, v in config.items() if k != "dtype"}
    text = json.dumps(settings | {"torch_dtype": dtype}, indent=2)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    (folder / INDEX).unlink(missing_ok=True)
    beside = folder / f"{WEIGHTS}.new"
    save_file(tensors, beside, metadata={"format": "pt"})
    os.replace(beside, folder / WEIGHTS)


def _copy(like: Path, folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        if (like / name).is_file():
            shutil.copyfile(like / name, folder / name)
