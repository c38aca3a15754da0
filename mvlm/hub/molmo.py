"""Molmo: a CLIP image tower, an attention pool and a language model in one file.

Its authors' repositories hold their own format, with code of their own. What is said here of that
code is read from the files `modeling_molmo.py`, `config_molmo.py`, `preprocessing_molmo.py` and
`image_preprocessing_molmo.py` of allenai/Molmo-7B-D-0924, and from allenai/molmo on GitHub.
`tests/models/molmo_original.py` runs it beside ours.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from einops import rearrange
from PIL import Image
from torch import Tensor, nn

from mvlm.chat import Chat, Example
from mvlm.clip import clip_vision_config
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
    ACTIVATION_NAMES,
    BlockNames,
    Source,
    Sources,
    load_weights,
    same,
    transformer_sources,
)
from mvlm.hub.tokens import names_of_roles, read_tokenizer
from mvlm.language import LanguageConfig, LanguageModel
from mvlm.molmo import MOLMO, Connector, CropConfig, Crops, Molmo, Size, crop_image, write_pictures
from mvlm.tokenizer import IM_COL, IM_END, IM_PATCH, IM_START, IMAGE, Tokenizer
from mvlm.vit import ViT, ViTConfig

TRANSFORMER, BACKBONE = "model.transformer.", "model.vision_backbone."
TOWER_NAMES = BlockNames(
    block=f"{BACKBONE}image_vit.transformer.resblocks.{{}}",
    query="attention.wq",
    key="attention.wk",
    value="attention.wv",
    out="attention.wo",
    norm1="attention_norm",
    norm2="ffn_norm",
    up="feed_forward.w1",
    down="feed_forward.w2",
)
# What the released config.json does not say, `MolmoForCausalLM.__init__` fixes: CLIP's L/14 at 336
# pixels without its last block, and these layers of it. A config that does say it, under the names
# of that file's FullMolmoConfig and VisionBackboneConfig, is read.
VISION: Config = {
    "image_default_input_size": [336, 336],
    "image_patch_size": 14,
    "image_emb_dim": 1024,
    "image_num_heads": 16,
    "image_num_layers": 23,
    "image_mlp_dim": 4096,
    "image_mlp_activations": "quick_gelu",
    "image_norm_eps": 1e-5,
}
FEATURE_LAYERS = [-2, -9]
NEW_TOKENS = 128
POOL = 2  # patches along a side of a pooled window
PICTURE_TOKENS = (IM_START, IM_END, IM_PATCH, IM_COL)
LOAD = "load allenai/Molmo-7B-D-0924 or allenai/Molmo-7B-O-0924"


@dataclass(frozen=True, kw_only=True)
class MolmoPreprocessing:
    """What pictures go through as the released Molmos were trained; call it on one or several.

    It is `mvlm.molmo.crop_image` but for two accidents of the authors' code, which the weights
    have got used to: sizes are worked out in single precision, which loses a row now and then (of
    480×640 pixels 251×336 are left, not 252), and the masks stand one crop too early
    (allenai/molmo issue 50). The full image has the first crop's mask, and the last crop has -1
    throughout, which the model takes for "padding in part".

    Pixels are those of allenai/molmo on GitHub. The hub's own files scale by TensorFlow, whose
    pixels are up to 1e-4 away, 0.01 of a grey level.
    """

    crops: CropConfig = MOLMO

    def __call__(self, images: Image.Image | Sequence[Image.Image]) -> list[Crops]:
        """One picture or several → the full image and the crops of each, and its tokens."""
        if isinstance(images, Image.Image):
            images = [images]
        if not len(images):
            raise ValueError("no picture came: pass at least one")
        return [self._one(image) for image in images]

    def _one(self, image: Image.Image) -> Crops:
        cut = crop_image(image, self.crops, fit=fit_in_single_precision)
        return replace(cut, masks=torch.cat((cut.masks[1:], torch.full_like(cut.masks[:1], -1))))


def fit_in_single_precision(size: Size, room: Size) -> Size:
    """`mvlm.molmo.fit_within` as the authors' `resize_and_pad` rounds it."""
    sides = np.float32(size)
    scale = (np.float32(room) / sides).min()
    height, width = (max(1, int(side * scale)) for side in sides)
    return height, width


class LoadedMolmo(NamedTuple):
    """A Molmo, what its pictures must go through, and its tokenizer."""

    model: Molmo
    preprocessing: MolmoPreprocessing
    tokenizer: Tokenizer


def load_molmo(
    name_or_folder: str | os.PathLike,
    *,
    revision: str | None = None,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
) -> LoadedMolmo:
    """A Molmo with trained weights: "allenai/Molmo-7B-D-0924" or "allenai/Molmo-7B-O-0924".

    The first has Qwen2 for its language model, the second OLMo, which normalises elsewhere; it is
    all in their config. Ask it so:

        model, preprocessing, tokenizer = load_molmo("allenai/Molmo-7B-D-0924")
        pictures = preprocessing(open_image("desk.jpg"))
        prompt = molmo_prompt("Point to the cups.", pictures, tokenizer)
        (answer,) = model.generate(
            pictures, [prompt], max_new_tokens=200, end_id=tokenizer.end_ids
        )
        parse_points(tokenizer.decode(answer))

    Args and errors are those of `load_vit`. MolmoE, a mixture of experts, is refused; so is a
    folder without a tokenizer, in which alone the picture's tokens have their numbers.
    """
    folder = fetch(name_or_folder, revision=revision)
    refuse_experts(read_json(folder, "config.json") or {})
    config = read_config(folder, ["molmo"])
    _check_molmo(config)
    tokenizer = read_molmo_tokenizer(folder, config)
    with torch.device("meta"):
        model = molmo_from(config, patch_id=tokenizer.token_id(IM_PATCH))
    crops = read_crops(folder)
    if (crops.crop_size,) * 2 != model.vision.config.image_size:
        raise WeightsError(
            f"the preprocessor makes crops of {crops.crop_size} pixels, the image tower takes "
            f"{model.vision.config.image_size[0]}: check that preprocessor_config.json belongs to "
            f"these weights"
        )
    load_weights(model, molmo_sources(model), Checkpoint(folder), dtype=dtype, device=device)
    return LoadedMolmo(model.eval(), MolmoPreprocessing(crops=crops), tokenizer)


def molmo_chat(tokenizer: Tokenizer, pictures: int = 1) -> Chat:
    """The form of a conversation that Molmo knows: pictures first, then " User: … Assistant:".

    `get_tokens_input` of `preprocessing_molmo.py`, with its message format "role".
    """
    return Chat(
        tokenizer=tokenizer, system=IMAGE * pictures, user=" User: ", assistant=" Assistant:"
    )


def molmo_prompt(question: str, pictures: Sequence[Crops], tokenizer: Tokenizer) -> list[int]:
    """A question about pictures as Molmo's tokens, to pass to `Molmo.generate`.

    Args:
        question: in words, such as "Point to the cups." or "How many cups are there?".
        pictures: as `MolmoPreprocessing` gives them, none for a question without a picture. The
            released models were trained with one.
        tokenizer: as `load_molmo` gives it.

    Raises:
        ValueError: see `Chat.prompt` and `write_pictures`.
    """
    ids = molmo_chat(tokenizer, len(pictures)).prompt([(question, None)])
    return write_pictures(Example(ids=ids, labels=ids), pictures, tokenizer).ids


def molmo_from(config: Config, *, patch_id: int) -> Molmo:
    """A new Molmo of the authors' config; its weights are random, on the default device.

    Args:
        config: of `config.json`.
        patch_id: the tokenizer's id of `<im_patch>`.
    """
    vision, language = molmo_vision_from(config), molmo_language_from(config)
    layers = setting(config, "vit_layers", FEATURE_LAYERS)
    if not all(isinstance(layer, int) and -vision.depth <= layer < 0 for layer in layers):
        raise WeightsError(
            f"vit_layers is {layers} in the config, wanted layers of the {vision.depth} counted "
            f"from the last, as {FEATURE_LAYERS}: fetch or save config.json again"
        )
    tower = ViT(vision)
    tower.norm = nn.Identity()  # the file has none after the last block, where nothing is read
    connector = Connector(
        len(layers) * vision.width,
        pool_width=vision.width,
        heads=vision.heads,
        mlp_width=language.mlp_width,
        width=language.width,
        pool=POOL,
    )
    return Molmo(
        tower,
        connector,
        LanguageModel(language),
        patch_id=patch_id,
        feature_layers=tuple(layers),
    )


def molmo_language_from(config: Config) -> LanguageConfig:
    """The language model's part of the config in our words, with `config_molmo.py`'s defaults."""
    heads = setting(config, "num_attention_heads", 32)
    vocab_size = setting(config, "vocab_size", 50304)
    return LanguageConfig(
        # The output layer has a row for each vector of the old table, some of them for no token.
        vocab_size=setting(config, "embedding_size", vocab_size),
        additional_vocab_size=setting(config, "additional_vocab_size", NEW_TOKENS),
        width=setting(config, "hidden_size", 4096),
        depth=block_count(config, 32),
        heads=heads,
        kv_heads=setting(config, "num_key_value_heads", heads),
        mlp_width=setting(config, "intermediate_size", 11008) // 2,  # theirs counts gate and up
        context=setting(config, "max_position_embeddings", 2048),
        rope_theta=setting(config, "rope_theta", 10_000.0),
        eps=setting(config, "layer_norm_eps", 1e-5),
        tied=False,  # whatever weight_tying says: `MolmoForCausalLM.__init__` does not pass it on
        qkv_bias=setting(config, "qkv_bias", False),
        qk_norm=setting(config, "attention_layer_norm", False),
        norm_after=setting(config, "norm_after", False),
    )


def molmo_vision_from(config: Config) -> ViTConfig:
    """The image tower's part of the config, or what the released models' class fixes."""
    vision = VISION | _object(config, "vision_backbone")
    activation = setting(vision, "image_mlp_activations", "quick_gelu")
    if activation not in ACTIVATION_NAMES:
        raise WeightsError(
            f"image_mlp_activations {activation!r} is not known: mvlm has "
            f"{', '.join(ACTIVATION_NAMES)}"
        )
    return clip_vision_config(
        image_size=tuple(setting(vision, "image_default_input_size", [336, 336])),
        patch_size=setting(vision, "image_patch_size", 14),
        width=setting(vision, "image_emb_dim", 1024),
        depth=setting(vision, "image_num_layers", 23),
        heads=setting(vision, "image_num_heads", 16),
        mlp_width=setting(vision, "image_mlp_dim", 4096),
        activation=ACTIVATION_NAMES[activation],
        eps=setting(vision, "image_norm_eps", 1e-5),
    )


def molmo_sources(model: Molmo) -> Sources:
    """Where a Molmo finds its numbers."""
    vision, language = model.vision.config, model.language.config
    tower, projector = f"{BACKBONE}image_vit.", f"{BACKBONE}image_projector."
    side, tables = vision.patch_size, (language.vocab_size, language.additional_vocab_size)
    sources = {
        "vision.class_token": Source((f"{tower}class_embedding",)),
        "vision.positions": Source((f"{tower}positional_embedding",)),
        # A patch's numbers come colour by colour here, and pixel by pixel in the file.
        "vision.patches.projection.weight": Source(
            (f"{tower}patch_embedding.weight",),
            arrange=lambda x: rearrange(x, "d (h w c) -> d (c h w)", h=side, w=side),
        ),
        "connector.padding": Source((f"{BACKBONE}pad_embed",)),
        "language.embedding.weight": Source(
            (f"{TRANSFORMER}wte.embedding", f"{TRANSFORMER}wte.new_embedding"),
            tuple((count, language.width) for count in tables),
        ),
        "language.norm.weight": Source((f"{TRANSFORMER}ln_f.weight",)),
        "language.head.weight": Source((f"{TRANSFORMER}ff_out.weight",)),
    }
    sources |= same("vision.pre_norm", f"{tower}pre_ln")
    sources |= transformer_sources(vision, "vision.transformer", TOWER_NAMES)
    for ours, theirs in (("query", "wq"), ("key", "wk"), ("value", "wv"), ("out", "wo")):
        sources |= same(f"connector.pool.{ours}", f"{BACKBONE}image_pooling_2d.{theirs}")
    for ours, theirs in (("gate", "w1"), ("up", "w3"), ("down", "w2")):
        sources |= same(f"connector.{ours}", f"{projector}{theirs}", bias=False)
    return sources | _block_sources(language)


def _block_sources(config: LanguageConfig) -> Sources:
    """The language model's blocks, whose fused matrices are not those of transformers."""
    sources: Sources = {}
    for layer in range(config.depth):
        ours, theirs = f"language.transformer.blocks.{layer}", f"{TRANSFORMER}blocks.{layer}"
        sources |= same(f"{ours}.attention.qkv", f"{theirs}.att_proj", bias=config.qkv_bias)
        sources |= same(f"{ours}.attention.out", f"{theirs}.attn_out", bias=False)
        sources |= same(f"{ours}.norm1", f"{theirs}.attn_norm", bias=False)
        sources |= same(f"{ours}.norm2", f"{theirs}.ff_norm", bias=False)
        sources |= same(f"{ours}.mlp.down", f"{theirs}.ff_out", bias=False)
        both = (f"{theirs}.ff_proj.weight",), ((2 * config.mlp_width, config.width),)
        sources[f"{ours}.mlp.up.weight"] = Source(*both, arrange=_first_half)
        sources[f"{ours}.mlp.gate.weight"] = Source(*both, arrange=_second_half)
        if config.qk_norm:
            sources |= same(f"{ours}.attention.query_norm", f"{theirs}.q_norm", bias=False)
            sources |= same(f"{ours}.attention.key_norm", f"{theirs}.k_norm", bias=False)
    return sources


def _first_half(rows: Tensor) -> Tensor:
    return rows.chunk(2)[0].clone()  # a view would keep the other half in memory


def _second_half(rows: Tensor) -> Tensor:
    return rows.chunk(2)[1].clone()


def read_crops(folder: Path) -> CropConfig:
    """How the folder's `preprocessor_config.json` cuts pictures; Molmo's way without one.

    The colours' mean and deviation are CLIP's whatever it says, as in the authors' code, which
    calls `resize_and_pad` without them.

    Raises:
        WeightsError: it asks for crops that are not square, unequal margins or other windows.
    """
    config = read_json(folder, "preprocessor_config.json") or {}
    sides = config.get("base_image_input_size", MOLMO.crop_size)
    margins = config.get("overlap_margins", MOLMO.margin)
    pairs = {"base_image_input_size": sides, "overlap_margins": margins}
    for name, pair in pairs.items():
        several = pair if isinstance(pair, list) and pair else [pair]
        if any(value != several[0] or not isinstance(value, int) for value in several):
            raise WeightsError(
                f"{name} is {pair} in preprocessor_config.json, wanted one whole number for both "
                f"directions: {LOAD}"
            )
        pairs[name] = several[0]
    crops = CropConfig(
        crop_size=pairs["base_image_input_size"],
        patch_size=setting(config, "image_patch_size", MOLMO.patch_size),
        margin=pairs["overlap_margins"],
        pool=POOL,
        max_crops=setting(config, "max_crops", MOLMO.max_crops),
    )
    for name in ("image_token_length_w", "image_token_length_h"):
        if setting(config, name, crops.cells) != crops.cells:
            raise WeightsError(
                f"{name} is {config[name]} in preprocessor_config.json, but windows of "
                f"{POOL}×{POOL} patches make {crops.cells} a side: fetch or save it again"
            )
    return crops


def read_molmo_tokenizer(folder: Path, config: Config) -> Tokenizer:
    """The folder's tokenizer, with the token that Molmo puts before everything.

    That is the start token or, where there is none, the end token (`MolmoProcessor.process`).

    Raises:
        WeightsError: there is no tokenizer, or it lacks a picture's tokens.
    """
    read = read_tokenizer(folder, config)
    if read is None:
        raise WeightsError(
            f"{folder.name} holds no tokenizer.json, in which the picture's tokens have their "
            f"numbers: fetch it too"
        )
    lacking = [token for token in PICTURE_TOKENS if read.backend.token_to_id(token) is None]
    if lacking:
        raise WeightsError(
            f"tokenizer.json in {folder.name} lacks {', '.join(lacking)}, a picture's tokens: take "
            f"the tokenizer of a Molmo"
        )
    return Tokenizer(
        read.backend,
        start=names_of_roles(folder).get("bos_token") or read.end,
        end=read.end,
        pad=read.pad,
        ends=[read.backend.id_to_token(i) for i in read.end_ids],
    )


def refuse_experts(config: Config) -> None:
    """Raises WeightsError for the config of a MolmoE."""
    said = str([config.get(name) for name in ("model_type", "architectures", "auto_map")]).lower()
    if "moe" in said or any(name.startswith("moe_") for name in config):
        raise WeightsError(
            f"MolmoE is a mixture of experts, which mvlm's language model is not: {LOAD}"
        )


def _check_molmo(config: Config) -> None:
    if "text_config" in config:
        raise WeightsError(
            f"config.json has a text_config, so this is a conversion, mvlm reads the authors' own "
            f"files: {LOAD}"
        )
    if setting(config, "layer_norm_type", "rms") != "rms":
        raise WeightsError(
            f"layer_norm_type is {config['layer_norm_type']!r}, mvlm has Molmo's 'rms': {LOAD}"
        )
    if config.get("clip_qkv") is not None:
        raise WeightsError(
            f"clip_qkv is {config['clip_qkv']}, mvlm does not clip queries and keys: {LOAD}"
        )


def _object(config: Config, name: str) -> dict[str, Any]:
    value = config.get(name) or {}
    if not isinstance(value, dict):
        raise WeightsError(
            f"{name} is {str(value)[:60]} in the config, wanted an object: fetch or save "
            f"config.json again"
        )
    return value
