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
from mvlm.hub.clip import clip_sources, clip_vision_sources, tower_config
from mvlm.hub.language import sources_under
from mvlm.hub.reading import INDEX, WEIGHTS, Config, WeightsError, read_json
from mvlm.hub.sources import Sources, same
from mvlm.language import LanguageModel
from mvlm.llava import LLaVA
from mvlm.vit import ViT

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


def save_llava(model: LLaVA, folder: Path, *, tower: Path, language: Path) -> None:
    """Write a LLaVA that `load_llava` reads again, under the names of llava-hf's files.

    Its tokenizer is the language model's own, without a token for a picture: in prompts a picture
    is the marker -200, as for every `load_llava`. (transformers reads the weights too; to generate
    it would need such a token.)

    Args:
        model: a ViT, a projector of two layers and a language model.
        folder: see `save_clip`.
        tower, language: the folders that its two trained parts came from.
    """
    if not (isinstance(model.vision, ViT) and isinstance(model.language, LanguageModel)):
        raise WeightsError("only a LLaVA of a ViT and a language model can be saved so")
    theirs = read_json(tower, "config.json") or {}
    vision = tower_config(theirs, "vision") if theirs.get("model_type") == "clip" else theirs
    text, tied = read_json(language, "config.json") or {}, model.language.config.tied
    config = {
        "architectures": ["LlavaForConditionalGeneration"],
        "model_type": "llava",
        "vision_config": vision | {"model_type": "clip_vision_model"},
        "text_config": text | {"tie_word_embeddings": tied},
        "tie_word_embeddings": tied,
        "vision_feature_layer": model.feature_layer,
        "vision_feature_select_strategy": "default",
        "projector_hidden_act": "gelu",
        "multimodal_projector_bias": True,
    }
    _write(folder, named_as_in_files(model, llava_file_names(model)), config)
    _copy(tower, folder, PREPROCESSOR_FILES)
    _copy(language, folder, (*TOKENIZER_FILES, "generation_config.json"))


def llava_file_names(model: LLaVA) -> Sources:
    """Where the files of llava-hf keep the tensors of such a model."""
    sources = sources_under(
        model.language.config,
        "language_model.model.",
        "language_model.model.embed_tokens.weight",
        "language_model.lm_head.weight",
        ours="language.",
    )
    sources |= clip_vision_sources(
        model.vision.config, "vision_tower.vision_model.", ours="vision."
    )
    for ours, theirs in (("projector.0", "linear_1"), ("projector.2", "linear_2")):
        sources |= same(ours, f"multi_modal_projector.{theirs}")
    return sources


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
