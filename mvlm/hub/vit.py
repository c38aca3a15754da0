"""The ViT of transformers, under its names of the files and of version 5."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch

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
from mvlm.images import Preprocessing, vit_preprocessing
from mvlm.vit import ViT, ViTConfig

VIT_NAMES = BlockNames(
    block="encoder.layer.{}",
    query="attention.attention.query",
    key="attention.attention.key",
    value="attention.attention.value",
    out="attention.output.dense",
    norm1="layernorm_before",
    norm2="layernorm_after",
    up="intermediate.dense",
    down="output.dense",
)
VIT_NEW_NAMES = BlockNames(
    block="layers.{}",
    query="attention.q_proj",
    key="attention.k_proj",
    value="attention.v_proj",
    out="attention.o_proj",
    norm1="layernorm_before",
    norm2="layernorm_after",
    up="mlp.fc1",
    down="mlp.fc2",
)


class LoadedViT(NamedTuple):
    """A ViT, what its images must go through, and the names of its classes, if it has any."""

    model: ViT
    preprocessing: Preprocessing
    labels: tuple[str, ...] | None


def load_vit(
    name_or_folder: str | os.PathLike,
    *,
    revision: str | None = None,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
) -> LoadedViT:
    """A ViT with trained weights, such as "google/vit-base-patch16-224".

    A file without a classifier gives a model without a head. A pooler, which some files carry for
    another use, is left out.

    Args:
        name_or_folder: of the hub, or of this machine.
        revision: branch, tag or commit of the hub.
        dtype: of the weights.
        device: where they go, tensor by tensor: the whole model never lies in the CPU's memory
            where another device has room for it.

    Raises:
        FileNotFoundError, WeightsError: see `fetch`, `Checkpoint` and `load_weights`.
    """
    folder = fetch(name_or_folder, revision=revision)
    config = read_config(folder, ["vit"])
    checkpoint = Checkpoint(folder)
    labels = _labels(config, checkpoint)
    vit_config = vit_config_from(config, num_classes=labels and len(labels))
    with torch.device("meta"):
        model = ViT(vit_config)
    sources = vit_sources(vit_config, checkpoint)
    load_weights(
        model,
        sources,
        checkpoint,
        ignore=("pooler.dense.weight", "pooler.dense.bias"),
        dtype=dtype,
        device=device,
    )
    default = replace(vit_preprocessing(), resize=vit_config.image_size)
    return LoadedViT(model.eval(), read_preprocessing(folder, default), labels)


def vit_config_from(config: Config, *, num_classes: int | None = None) -> ViTConfig:
    """transformers' ViT config in our words; what it leaves out has transformers' default."""
    return ViTConfig(
        image_size=config.get("image_size", 224),
        patch_size=_square_patch(config.get("patch_size", 16)),
        width=setting(config, "hidden_size", 768),
        depth=block_count(config, 12),
        heads=setting(config, "num_attention_heads", 12),
        mlp_width=setting(config, "intermediate_size", 3072),
        num_classes=num_classes,
        channels=setting(config, "num_channels", 3),
        activation=activation_name(config),
        eps=setting(config, "layer_norm_eps", 1e-12),
        qkv_bias=setting(config, "qkv_bias", True),
    )


def vit_sources(config: ViTConfig, checkpoint: Checkpoint) -> Sources:
    """Where a ViT finds its numbers, under transformers' names old (on disk) or new (version 5)."""
    names = checkpoint.shapes
    prefix = "vit." if any(name.startswith("vit.") for name in names) else ""
    newer = any(name.startswith(f"{prefix}layers.") for name in names)
    block_names = VIT_NEW_NAMES if newer else VIT_NAMES
    rows, columns = config.grid
    embeddings = f"{prefix}embeddings"
    sources = {
        "class_token": Source((f"{embeddings}.cls_token",), ((1, 1, config.width),)),
        "positions": Source(
            (f"{embeddings}.position_embeddings",), ((1, 1 + rows * columns, config.width),)
        ),
    }
    sources |= patch_sources(
        config, "patches.projection", f"{embeddings}.patch_embeddings.projection"
    )
    sources |= transformer_sources(config, "transformer", within(prefix, block_names))
    sources |= same("norm", f"{prefix}layernorm")
    if config.num_classes is not None:
        sources |= same("head", "classifier")
    return sources


def _labels(config: Config, checkpoint: Checkpoint) -> tuple[str, ...] | None:
    architectures = config.get("architectures") or []
    if not isinstance(architectures, list) or not all(isinstance(n, str) for n in architectures):
        raise WeightsError(
            f"architectures is {str(architectures)[:60]} in the config, wanted a list of names: "
            f"fetch or save config.json again"
        )
    headed = any("ForImageClassification" in name for name in architectures)
    if not headed and "classifier.weight" not in checkpoint.shapes:
        return None
    count = setting(config, "num_labels", 2)  # transformers' default
    labels = config.get("id2label")
    if labels is None:
        labels = {str(i): f"LABEL_{i}" for i in range(count)}
    if not isinstance(labels, dict) or not all(number.isdecimal() for number in labels):
        raise WeightsError(
            f"id2label is {str(labels)[:60]} in the config, wanted the name of each class by its "
            f"number: fetch or save config.json again"
        )
    return tuple(label for _, label in sorted(labels.items(), key=lambda i: int(i[0]))) or None


def _square_patch(patch_size: int | Sequence[int]) -> int:
    sides = set(patch_size) if isinstance(patch_size, list | tuple) else {patch_size}
    if len(sides) != 1:
        raise WeightsError(
            f"the patches are {patch_size} pixels, mvlm's are square: load another model"
        )
    return sides.pop()
