"""LLaVA: a CLIP image tower, a projector and a language model in one file."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import NamedTuple

import torch

from mvlm.hub.clip import clip_vision_from, clip_vision_sources, tower_config
from mvlm.hub.language import (
    LLAMA_TYPES,
    language_config_from,
    language_sources,
    prefix_of,
    unused_endings,
    with_the_head_that_is_there,
)
from mvlm.hub.preprocessing import read_preprocessing
from mvlm.hub.reading import (
    Checkpoint,
    Config,
    WeightsError,
    block_count,
    fetch,
    read_config,
    setting,
)
from mvlm.hub.sources import load_weights, same
from mvlm.hub.tokens import read_tokenizer
from mvlm.images import Preprocessing, clip_preprocessing
from mvlm.language import LanguageModel
from mvlm.llava import LLaVA, Projector
from mvlm.tokenizer import Tokenizer
from mvlm.vit import ViT


class LoadedLLaVA(NamedTuple):
    """A LLaVA, what its images must go through, and its tokenizer, if the folder has one."""

    model: LLaVA
    preprocessing: Preprocessing
    tokenizer: Tokenizer | None


def load_llava(
    name_or_folder: str | os.PathLike,
    *,
    revision: str | None = None,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
) -> LoadedLLaVA:
    """A LLaVA with trained weights, such as "llava-hf/llava-1.5-7b-hf".

    Files of every year are read; their names differ in prefixes only. In prompts an image is the
    marker -200 (see `mvlm.llava.splice`), not transformers' repeated image token. Args and errors
    are those of `load_vit`.
    """
    folder = fetch(name_or_folder, revision=revision)
    config = read_config(folder, ["llava"])
    checkpoint = Checkpoint(folder)
    _check_llava(config)
    vision_config = clip_vision_from(vision_tower(config))
    language_config = language_config_from(tower_config(config, "text"))
    if setting(config, "tie_word_embeddings", False):  # said here or in the language model's part
        language_config = replace(language_config, tied=True)
    language_config = with_the_head_that_is_there(language_config, checkpoint)
    with torch.device("meta"):
        model = LLaVA(
            ViT(vision_config),
            Projector(
                vision_config.width,
                language_config.width,
                bias=setting(config, "multimodal_projector_bias", True),
            ),
            LanguageModel(language_config),
            feature_layer=setting(config, "vision_feature_layer", -2),
        )
    sources = language_sources(language_config, checkpoint, ours="language.")
    tower = prefix_of(checkpoint, "embeddings.class_embedding", usual="model.vision_tower.")
    sources |= clip_vision_sources(vision_config, tower, ours="vision.")
    projector = prefix_of(checkpoint, "linear_1.weight", usual="model.multi_modal_projector.")
    for ours, theirs in (("projector.0", "linear_1"), ("projector.2", "linear_2")):
        sources |= same(
            ours, f"{projector}{theirs}", bias=setting(config, "multimodal_projector_bias", True)
        )
    ignore = ("position_ids", *unused_endings(language_config))
    load_weights(model, sources, checkpoint, ignore=ignore, dtype=dtype, device=device)
    model.vision.requires_grad_(False)
    default = clip_preprocessing(vision_config.image_size[0])
    return LoadedLLaVA(
        model.eval(),
        read_preprocessing(folder, default),
        read_tokenizer(folder, config),
    )


# What transformers' LlavaConfig takes where there is no vision_config at all: CLIP's L/14 at 336.
# One that is there and leaves something out has CLIPVisionConfig's defaults.
VISION: Config = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
}


def vision_tower(config: Config) -> Config:
    """The image tower's part of the config, or transformers' default for it."""
    return VISION if config.get("vision_config") is None else tower_config(config, "vision")


def _check_llava(config: Config) -> None:
    if "text_config" not in config:
        raise WeightsError(
            "config.json has no text_config, as in the authors' own files: use a conversion for "
            "transformers, such as llava-hf/llava-1.5-7b-hf"
        )
    text = tower_config(config, "text").get("model_type", "llama")
    vision = vision_tower(config).get("model_type", "clip_vision_model")
    if text not in LLAMA_TYPES or vision != "clip_vision_model":
        raise WeightsError(
            f"this LLaVA joins a {vision!r} to a {text!r}, mvlm's a 'clip_vision_model' to one of "
            f"{', '.join(LLAMA_TYPES)}: load another one"
        )
    for name, wanted in (
        ("vision_feature_select_strategy", "default"),
        ("projector_hidden_act", "gelu"),
    ):
        if config.get(name, wanted) != wanted:
            raise WeightsError(f"{name} is {config[name]!r}, mvlm has {wanted!r}: load another one")
    if not isinstance(config.get("vision_feature_layer", -2), int):
        raise WeightsError(
            f"vision_feature_layer is {config['vision_feature_layer']}, mvlm's LLaVA takes one "
            "layer: load another one"
        )
    layer = setting(config, "vision_feature_layer", -2)
    depth = block_count(vision_tower(config), 12)
    if not -depth - 1 <= layer <= depth:
        raise WeightsError(
            f"vision_feature_layer is {layer}, the tower has {depth} blocks: check that "
            "config.json belongs to these weights"
        )
