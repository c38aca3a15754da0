"""CLIP, both towers or the image tower alone, and its tokenizer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mvlm.clip import CLIP, CLIPConfig, TextConfig, clip_vision_config
from mvlm.hub.preprocessing import read_preprocessing
from mvlm.hub.reading import (
    Checkpoint,
    Config,
    WeightsError,
    block_count,
    fetch,
    read_config,
    read_json,
    setting,
)
from mvlm.hub.sources import (
    BlockNames,
    Source,
    Sources,
    activation_name,
    load_weights,
    patch_sources,
    same,
    transformer_sources,
    within,
)
from mvlm.hub.tokens import added_tokens, into_vocabulary
from mvlm.hub.vit import LoadedViT
from mvlm.images import Preprocessing, clip_preprocessing
from mvlm.tokenizer import CLIPTokenizer, read_pieces
from mvlm.vit import ViT, ViTConfig

CLIP_NAMES = BlockNames(
    block="encoder.layers.{}",
    query="self_attn.q_proj",
    key="self_attn.k_proj",
    value="self_attn.v_proj",
    out="self_attn.out_proj",
    norm1="layer_norm1",
    norm2="layer_norm2",
    up="mlp.fc1",
    down="mlp.fc2",
)


class LoadedCLIP(NamedTuple):
    """A CLIP, what its images must go through, and its tokenizer, if the folder has one."""

    model: CLIP
    preprocessing: Preprocessing
    tokenizer: CLIPTokenizer | None


def load_clip(
    name_or_folder: str | os.PathLike,
    *,
    revision: str | None = None,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
) -> LoadedCLIP:
    """A CLIP with trained weights, such as "openai/clip-vit-large-patch14".

    Args and errors are those of `load_vit`.
    """
    folder = fetch(name_or_folder, revision=revision)
    config = read_config(folder, ["clip"])
    checkpoint = Checkpoint(folder)
    clip_config = clip_config_from(config)
    with torch.device("meta"):
        model = CLIP(clip_config)
    load_weights(
        model,
        clip_sources(clip_config),
        checkpoint,
        ignore=("position_ids",),
        dtype=dtype,
        device=device,
    )
    default = clip_preprocessing(clip_config.image.image_size[0])
    return LoadedCLIP(
        model.eval(),
        read_preprocessing(folder, default),
        read_clip_tokenizer(folder, clip_config.text.context_length),
    )


def load_clip_vision(
    name_or_folder: str | os.PathLike,
    *,
    revision: str | None = None,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
) -> LoadedViT:
    """The image tower alone, from a CLIP or from a file that holds nothing else.

    Args and errors are those of `load_vit`.
    """
    folder = fetch(name_or_folder, revision=revision)
    config = read_config(folder, ["clip", "clip_vision_model"])
    checkpoint = Checkpoint(folder)
    whole = config["model_type"] == "clip"
    vit_config = clip_vision_from(tower_config(config, "vision") if whole else config)
    with torch.device("meta"):
        model = ViT(vit_config)
    prefix = "vision_model."
    standalone = not any(name.startswith(prefix) for name in checkpoint.shapes)
    sources = clip_vision_sources(vit_config, "" if standalone else prefix)
    others = [name for name in checkpoint.shapes if whole and not name.startswith(prefix)]
    load_weights(
        model,
        sources,
        checkpoint,
        ignore=("position_ids", "visual_projection.weight", *others),
        dtype=dtype,
        device=device,
    )
    default = clip_preprocessing(vit_config.image_size[0])
    return LoadedViT(model.eval(), read_preprocessing(folder, default), None)


def clip_config_from(config: Config) -> CLIPConfig:
    """transformers' CLIP config in our words; what it leaves out has transformers' default."""
    text = tower_config(config, "text")
    vocab_size, eot_id = setting(text, "vocab_size", 49408), text.get("eos_token_id", 49407)
    if eot_id == 2:
        # OpenAI's files say 2, which is wrong; transformers then pools at the largest id, which is
        # the end of text as long as no token was learnt later.
        eot_id = min(vocab_size, 49408) - 1
    return CLIPConfig(
        image=clip_vision_from(tower_config(config, "vision")),
        text=TextConfig(
            vocab_size=vocab_size,
            context_length=setting(text, "max_position_embeddings", 77),
            width=setting(text, "hidden_size", 512),
            depth=block_count(text, 12),
            heads=setting(text, "num_attention_heads", 8),
            mlp_width=setting(text, "intermediate_size", 2048),
            eot_id=eot_id,
            activation=activation_name({"hidden_act": "quick_gelu"} | text),
            eps=setting(text, "layer_norm_eps", 1e-5),
        ),
        embed_dim=setting(config, "projection_dim", 512),
    )


def clip_vision_from(config: Config) -> ViTConfig:
    """transformers' config of CLIP's image tower in our words."""
    return clip_vision_config(
        image_size=config.get("image_size", 224),
        patch_size=config.get("patch_size", 32),
        width=setting(config, "hidden_size", 768),
        depth=block_count(config, 12),
        heads=setting(config, "num_attention_heads", 12),
        mlp_width=setting(config, "intermediate_size", 3072),
        channels=setting(config, "num_channels", 3),
        activation=activation_name({"hidden_act": "quick_gelu"} | dict(config)),
        eps=setting(config, "layer_norm_eps", 1e-5),
    )


def clip_sources(config: CLIPConfig) -> Sources:
    """Where a CLIP finds its numbers."""
    text = "text_model."
    sources = {
        "logit_scale": Source(("logit_scale",)),
        "text.tokens.weight": Source((f"{text}embeddings.token_embedding.weight",)),
        "text.positions": Source((f"{text}embeddings.position_embedding.weight",)),
    }
    sources |= same("image_projection", "visual_projection", bias=False)
    sources |= same("text_projection", "text_projection", bias=False)
    sources |= same("text.norm", f"{text}final_layer_norm")
    sources |= transformer_sources(config.text, "text.transformer", within(text, CLIP_NAMES))
    return sources | clip_vision_sources(config.image, "vision_model.", ours="image.")


def clip_vision_sources(config: ViTConfig, theirs: str, *, ours: str = "") -> Sources:
    """Where CLIP's image tower, under `theirs` in the file, finds its numbers."""
    embeddings = f"{theirs}embeddings"
    sources = {
        f"{ours}class_token": Source((f"{embeddings}.class_embedding",)),
        f"{ours}positions": Source((f"{embeddings}.position_embedding.weight",)),
    }
    sources |= patch_sources(config, f"{ours}patches.projection", f"{embeddings}.patch_embedding")
    sources |= same(f"{ours}pre_norm", f"{theirs}pre_layrnorm")  # so spelt in every file
    sources |= same(f"{ours}norm", f"{theirs}post_layernorm")
    return sources | transformer_sources(config, f"{ours}transformer", within(theirs, CLIP_NAMES))


def read_clip_tokenizer(folder: Path, length: int) -> CLIPTokenizer | None:
    """The folder's tokenizer: `tokenizer.json`, or `vocab.json` with `merges.txt`; or None.

    Tokens learnt later (textual inversion) come along, each at its own number.
    """
    model = (read_json(folder, "tokenizer.json") or {}).get("model")
    if model is not None:
        vocabulary = model["vocab"]
        merges = [tuple(m.split(" ") if isinstance(m, str) else m) for m in model["merges"]]
    elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        vocabulary, merges = read_pieces(folder / "vocab.json", folder / "merges.txt")
    else:
        return None
    own = (CLIPTokenizer.START, CLIPTokenizer.END)
    vocabulary, later = into_vocabulary(vocabulary, added_tokens(folder), own)
    return CLIPTokenizer(vocabulary, merges, length=length, later=later)


def tower_config(config: Config, tower: str) -> dict[str, Any]:
    """One tower's config; files of some years carry it twice, and the second one alone counts."""
    for name in (f"{tower}_config_dict", f"{tower}_config"):
        part = config.get(name)
        if part is not None and not isinstance(part, dict):
            raise WeightsError(
                f"{name} is {str(part)[:60]} in the config, wanted an object: fetch or save "
                f"config.json again"
            )
        if part is not None:
            return part
    return {}
