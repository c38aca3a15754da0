"""Trained weights into the course's classes, from a hub name or a folder.

Chapters 07 and 10. A folder in the format of transformers holds `config.json`, weights in
safetensors, in one file or in shards, and perhaps the files of a tokenizer and of a preprocessor;
a hub name such as "openai/clip-vit-large-patch14" is such a folder, fetched first.

The file's names are not ours, and some of its tensors are parts of one of ours (queries, keys and
values). So each family has a function that says which tensors of the file make each of ours, its
`Sources`; `load_weights` then does the same for all of them. Names and shapes are compared before
the first number is read: a model is either wholly loaded or untouched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import huggingface_hub
import tokenizers
import torch
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from PIL.Image import Resampling
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from mvlm.clip import CLIP, CLIPConfig, TextConfig, clip_vision_config
from mvlm.images import Preprocessing, clip_preprocessing, vit_preprocessing
from mvlm.language import LanguageConfig, LanguageModel, RotaryScaling
from mvlm.llava import LLaVA, Projector
from mvlm.tokenizer import CLIPTokenizer, Tokenizer
from mvlm.transformer import TransformerConfig
from mvlm.vit import ViT, ViTConfig

Shape = tuple[int, ...]
Config = Mapping[str, Any]

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
ACTIVATION_NAMES = {
    "gelu": "gelu",
    "quick_gelu": "quick_gelu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
    "silu": "silu",
    "swish": "silu",
}


class WeightsError(ValueError):
    """The weights in a folder are not those that the model needs."""


# ------------------------------------------------------------------------------------- files


def fetch(name_or_folder: str | os.PathLike, *, revision: str | None = None) -> Path:
    """The folder itself, or the folder that a hub name was fetched to.

    Raises:
        FileNotFoundError: neither a folder nor a name the hub knows, or the hub is out of reach.
        WeightsError: a file came, not its folder.
    """
    path = Path(name_or_folder)
    if path.is_dir():
        return path
    if path.is_file():
        _refuse_pickle([path])
        raise WeightsError(
            f"{path.name} is a file: pass its folder, which must hold config.json too"
        )
    try:
        fetched = huggingface_hub.snapshot_download(
            str(name_or_folder),
            revision=revision,
            allow_patterns=["*.json", "model*.safetensors", "merges.txt"],
        )
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise FileNotFoundError(
            f"{str(name_or_folder)!r} is no folder here and could not be fetched from the hub "
            f"({type(error).__name__}): check the name and the network, or pass a folder that "
            f"save_pretrained wrote"
        ) from error
    return Path(fetched)


def read_json(folder: Path, name: str) -> dict[str, Any] | None:
    """A JSON object from the folder, or None where there is no such file."""
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise WeightsError(f"{name} is not JSON ({error}): fetch or save it again") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{name} holds no JSON object: fetch or save it again")
    return content


def read_config(folder: Path, wanted: Sequence[str]) -> dict[str, Any]:
    """`config.json`, when its model_type is one of those wanted.

    Raises:
        FileNotFoundError: there is none. WeightsError: it is another kind of model's.
    """
    config = read_json(folder, "config.json")
    if config is None:
        raise FileNotFoundError(
            f"{folder.name} holds no config.json: pass a folder that save_pretrained wrote"
        )
    if config.get("model_type") not in wanted:
        raise WeightsError(
            f"{folder.name} holds a model of type {config.get('model_type')!r}, this function "
            f"reads {' or '.join(map(repr, wanted))}: use the mvlm.hub function of its family"
        )
    return config


class Checkpoint:
    """The tensors of a folder's safetensors files: shapes at once, numbers when asked.

    Attributes:
        shapes: name → shape, of every tensor in the folder.

    Raises:
        FileNotFoundError: there are no weights, or a shard is not there.
        WeightsError: only a pickle is there, or a file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shapes: dict[str, Shape] = {}
        self._files = {}
        for name in self._file_names():
            try:
                file = safe_open(folder / name, framework="pt")
            except FileNotFoundError:
                raise FileNotFoundError(
                    f"{INDEX} names {name}, which {folder.name} does not hold: fetch it too"
                ) from None
            except SafetensorError as error:
                raise WeightsError(
                    f"{name} is damaged or cut off ({error}): fetch or save it again"
                ) from error
            for tensor in file.keys():  # noqa: SIM118, a safetensors file is no dict
                self.shapes[tensor] = tuple(file.get_slice(tensor).get_shape())
                self._files[tensor] = file

    def read(self, name: str) -> Tensor:
        """The numbers of one tensor."""
        return self._files[name].get_tensor(name)

    def _file_names(self) -> list[str]:
        if (self.folder / WEIGHTS).is_file():
            return [WEIGHTS]
        index = read_json(self.folder, INDEX)
        if index is None:
            _refuse_pickle([path for kind in PICKLES for path in self.folder.glob(kind)])
            raise FileNotFoundError(
                f"{self.folder.name} holds no {WEIGHTS} and no {INDEX}: pass a folder with "
                f"weights in safetensors; a hub name may have them under another revision"
            )
        names = sorted(set(index.get("weight_map", {}).values()))
        strays = [name for name in names if Path(name).name != name]
        if strays or not names:
            raise WeightsError(
                f"{INDEX} names {strays[0] if strays else 'no file'}, wanted files of its own "
                f"folder: fetch or save it again"
            )
        return names


def _refuse_pickle(files: Sequence[Path]) -> None:
    pickles = [file for file in files if any(file.match(kind) for kind in PICKLES)]
    if pickles:
        raise WeightsError(
            f"{pickles[0].name} is a pickle, and opening a pickle can run any program hidden in "
            f"it: where you trust it, convert it once with "
            f"safetensors.torch.save_model(model, '{WEIGHTS}') or transformers' save_pretrained"
        )


# ----------------------------------------------------------------------------------- weights


@dataclass(frozen=True)
class Source:
    """Which tensors of the file make one of ours: joined along their rows, in this order.

    `shapes` are theirs in the file, where they are not simply ours.
    """

    names: tuple[str, ...]
    shapes: tuple[Shape, ...] | None = None


Sources = dict[str, Source]


def load_weights(
    model: nn.Module,
    sources: Sources,
    checkpoint: Checkpoint,
    *,
    ignore: Sequence[str] = (),
    dtype: torch.dtype = torch.float32,
) -> None:
    """Fill every parameter of `model`, which may be on the meta device, or none of them.

    Args:
        model: it ends on the CPU, in `dtype`.
        sources: for each name of the model's state, where its numbers are.
        checkpoint: the file.
        ignore: endings of names in the file that the model has no use for.
        dtype: of the loaded parameters.

    Raises:
        WeightsError: names what is missing, unused or of the wrong shape.
    """
    state = model.state_dict()
    if sources.keys() != state.keys():
        raise KeyError(f"sources and model differ in {sorted(sources.keys() ^ state.keys())}")
    wanted = {
        name: shape
        for ours, source in sources.items()
        for name, shape in zip(
            source.names, source.shapes or (tuple(state[ours].shape),), strict=True
        )
    }
    there = checkpoint.shapes
    complaints = {
        "missing": [name for name in wanted if name not in there],
        "unused": [n for n in there if n not in wanted and not n.endswith(tuple(ignore) or "\0")],
        "of the wrong shape": [
            f"{name} {there[name]}, wanted {shape}"
            for name, shape in wanted.items()
            if name in there and there[name] != shape
        ],
    }
    if any(complaints.values()):
        found = "; ".join(
            f"{len(names)} {what} ({', '.join(names[:4])}{', …' if len(names) > 4 else ''})"
            for what, names in complaints.items()
            if names
        )
        raise WeightsError(
            f"the weights in {checkpoint.folder.name} do not fit {type(model).__name__}: {found}: "
            f"check that config.json belongs to these weights"
        )
    loaded = {
        ours: _join(checkpoint, source, dtype).reshape(state[ours].shape)
        for ours, source in sources.items()
    }
    model.load_state_dict(loaded, assign=True)


def _join(checkpoint: Checkpoint, source: Source, dtype: torch.dtype) -> Tensor:
    parts = [checkpoint.read(name).to(dtype) for name in source.names]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def same(ours: str, theirs: str, *, bias: bool = True) -> Sources:
    """One layer's weight, and its bias where it has one, under another name."""
    kinds = ("weight", "bias") if bias else ("weight",)
    return {f"{ours}.{kind}": Source((f"{theirs}.{kind}",)) for kind in kinds}


@dataclass(frozen=True, kw_only=True)
class BlockNames:
    """What a family calls the layers of one block; `block` holds {} for the block's number."""

    block: str
    query: str
    key: str
    value: str
    out: str
    norm1: str
    norm2: str
    up: str
    down: str
    gate: str | None = None


def within(prefix: str, names: BlockNames) -> BlockNames:
    """The same names with a prefix, as where a model is a part of another."""
    return replace(names, block=f"{prefix}{names.block}")


def transformer_sources(config: TransformerConfig, ours: str, names: BlockNames) -> Sources:
    """Where each block of a `Transformer`, called `ours` in its model, finds its numbers."""
    rows = [heads * config.head_width for heads in (config.heads, config.kv_heads, config.kv_heads)]
    norm_bias = config.norm == "layer"
    sources: Sources = {}
    for layer in range(config.depth):
        mine, theirs = f"{ours}.blocks.{layer}", names.block.format(layer)
        qkv = [f"{theirs}.{name}" for name in (names.query, names.key, names.value)]
        sources[f"{mine}.attention.qkv.weight"] = Source(
            tuple(f"{name}.weight" for name in qkv), tuple((count, config.width) for count in rows)
        )
        if config.qkv_bias:
            sources[f"{mine}.attention.qkv.bias"] = Source(
                tuple(f"{name}.bias" for name in qkv), tuple((count,) for count in rows)
            )
        sources |= same(f"{mine}.attention.out", f"{theirs}.{names.out}", bias=config.out_bias)
        sources |= same(f"{mine}.norm1", f"{theirs}.{names.norm1}", bias=norm_bias)
        sources |= same(f"{mine}.norm2", f"{theirs}.{names.norm2}", bias=norm_bias)
        sources |= same(f"{mine}.mlp.up", f"{theirs}.{names.up}", bias=config.mlp_bias)
        sources |= same(f"{mine}.mlp.down", f"{theirs}.{names.down}", bias=config.mlp_bias)
        if names.gate is not None:
            sources |= same(f"{mine}.mlp.gate", f"{theirs}.{names.gate}", bias=config.mlp_bias)
    return sources


def patch_sources(config: ViTConfig, ours: str, theirs: str) -> Sources:
    """The patch projection: a convolution (D, C, P, P) in the file, a matrix (D, C·P·P) here."""
    filters = (config.width, config.channels, config.patch_size, config.patch_size)
    sources = same(ours, theirs, bias=config.patch_bias)
    sources[f"{ours}.weight"] = Source((f"{theirs}.weight",), (filters,))
    return sources


def activation_name(config: Config) -> str:
    """transformers' `hidden_act` in our words."""
    name = config.get("hidden_act", "gelu")
    if name not in ACTIVATION_NAMES:
        raise WeightsError(
            f"hidden_act {name!r} is not known: mvlm has {', '.join(ACTIVATION_NAMES)}"
        )
    return ACTIVATION_NAMES[name]


# ------------------------------------------------------------------------------ preprocessing


def read_preprocessing(folder: Path, default: Preprocessing) -> Preprocessing:
    """The folder's own preprocessing, or the family's where it brings none.

    Raises:
        WeightsError: it asks for something that `Preprocessing` does not do.
    """
    config = read_json(folder, "preprocessor_config.json")
    if config is None:
        config = (read_json(folder, "processor_config.json") or {}).get("image_processor")
    if config is None:
        return default
    factor = config.get("rescale_factor", 1 / 255)
    if not config.get("do_resize", True) or not config.get("do_rescale", True):
        raise WeightsError(
            "the preprocessor leaves out resizing or scaling to 0…1: make a "
            "mvlm.images.Preprocessing for this model by hand"
        )
    if abs(factor - 1 / 255) > 1e-9:
        raise WeightsError(
            f"the preprocessor multiplies pixels by {factor}, mvlm divides by 255: make a "
            f"mvlm.images.Preprocessing for this model by hand"
        )
    normalised = config.get("do_normalize", True)
    crop = _height_width(config.get("crop_size")) if config.get("do_center_crop") else None
    return Preprocessing(
        resize=_resize(config.get("size"), default),
        crop=crop,
        square=default.square,
        resample=Resampling(config.get("resample", default.resample)),
        mean=tuple(config.get("image_mean", default.mean)) if normalised else (0.0, 0.0, 0.0),
        std=tuple(config.get("image_std", default.std)) if normalised else (1.0, 1.0, 1.0),
    )


def _resize(size: Any, default: Preprocessing) -> int | tuple[int, int]:
    """A short side in pixels, or (height, width); older files give one number for either."""
    if size is None:
        return default.resize
    if isinstance(size, int):
        return size if isinstance(default.resize, int) else (size, size)
    if "shortest_edge" in size:
        return size["shortest_edge"]
    return _height_width(size)


def _height_width(size: Any) -> tuple[int, int] | None:
    if size is None or isinstance(size, int):
        return size and (size, size)
    if not {"height", "width"} <= size.keys():
        raise WeightsError(
            f"the preprocessor's size is {size}, wanted height and width: make a "
            f"mvlm.images.Preprocessing for this model by hand"
        )
    return size["height"], size["width"]


# --------------------------------------------------------------------------------------- ViT

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
) -> LoadedViT:
    """A ViT with trained weights, such as "google/vit-base-patch16-224".

    A file without a classifier gives a model without a head. A pooler, which some files carry for
    another use, is left out.

    Args:
        name_or_folder: of the hub, or of this machine.
        revision: branch, tag or commit of the hub.
        dtype: of the weights.

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
    )
    default = replace(vit_preprocessing(), resize=vit_config.image_size)
    return LoadedViT(model.eval(), read_preprocessing(folder, default), labels)


def vit_config_from(config: Config, *, num_classes: int | None = None) -> ViTConfig:
    """transformers' ViT config in our words; what it leaves out has transformers' default."""
    return ViTConfig(
        image_size=config.get("image_size", 224),
        patch_size=_square_patch(config.get("patch_size", 16)),
        width=config.get("hidden_size", 768),
        depth=config.get("num_hidden_layers", 12),
        heads=config.get("num_attention_heads", 12),
        mlp_width=config.get("intermediate_size", 3072),
        num_classes=num_classes,
        channels=config.get("num_channels", 3),
        activation=activation_name(config),
        eps=config.get("layer_norm_eps", 1e-12),
        qkv_bias=config.get("qkv_bias", True),
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
    sources |= transformer_sources(config.transformer, "transformer", within(prefix, block_names))
    sources |= same("norm", f"{prefix}layernorm")
    if config.num_classes is not None:
        sources |= same("head", "classifier")
    return sources


def _labels(config: Config, checkpoint: Checkpoint) -> tuple[str, ...] | None:
    architectures = config.get("architectures") or ()
    headed = any("ForImageClassification" in name for name in architectures)
    if not headed and "classifier.weight" not in checkpoint.shapes:
        return None
    labels = config.get("id2label", {"0": "LABEL_0", "1": "LABEL_1"})  # transformers' default
    return tuple(label for _, label in sorted(labels.items(), key=lambda i: int(i[0]))) or None


def _square_patch(patch_size: int | Sequence[int]) -> int:
    sides = {patch_size} if isinstance(patch_size, int) else set(patch_size)
    if len(sides) != 1:
        raise WeightsError(f"the patches are {patch_size} pixels, mvlm's are square")
    return sides.pop()


# -------------------------------------------------------------------------------------- CLIP

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
        model, clip_sources(clip_config), checkpoint, ignore=("position_ids",), dtype=dtype
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
) -> LoadedViT:
    """The image tower alone, from a CLIP or from a file that holds nothing else.

    Args and errors are those of `load_vit`.
    """
    folder = fetch(name_or_folder, revision=revision)
    config = read_config(folder, ["clip", "clip_vision_model"])
    checkpoint = Checkpoint(folder)
    whole = config["model_type"] == "clip"
    vit_config = clip_vision_from(_part(config, "vision") if whole else config)
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
    )
    default = clip_preprocessing(vit_config.image_size[0])
    return LoadedViT(model.eval(), read_preprocessing(folder, default), None)


def clip_config_from(config: Config) -> CLIPConfig:
    """transformers' CLIP config in our words; what it leaves out has transformers' default."""
    text = _part(config, "text")
    vocab_size, eot_id = text.get("vocab_size", 49408), text.get("eos_token_id", 49407)
    if eot_id == 2:
        # OpenAI's files say 2, which is wrong, and transformers then pools at the largest id.
        eot_id = vocab_size - 1
    return CLIPConfig(
        image=clip_vision_from(_part(config, "vision")),
        text=TextConfig(
            vocab_size=vocab_size,
            context_length=text.get("max_position_embeddings", 77),
            width=text.get("hidden_size", 512),
            depth=text.get("num_hidden_layers", 12),
            heads=text.get("num_attention_heads", 8),
            mlp_width=text.get("intermediate_size", 2048),
            eot_id=eot_id,
            activation=activation_name({"hidden_act": "quick_gelu"} | text),
            eps=text.get("layer_norm_eps", 1e-5),
        ),
        embed_dim=config.get("projection_dim", 512),
    )


def clip_vision_from(config: Config) -> ViTConfig:
    """transformers' config of CLIP's image tower in our words."""
    return clip_vision_config(
        image_size=config.get("image_size", 224),
        patch_size=config.get("patch_size", 32),
        width=config.get("hidden_size", 768),
        depth=config.get("num_hidden_layers", 12),
        heads=config.get("num_attention_heads", 12),
        mlp_width=config.get("intermediate_size", 3072),
        channels=config.get("num_channels", 3),
        activation=activation_name({"hidden_act": "quick_gelu"} | dict(config)),
        eps=config.get("layer_norm_eps", 1e-5),
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
    sources |= transformer_sources(
        config.text.transformer, "text.transformer", within(text, CLIP_NAMES)
    )
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
    return sources | transformer_sources(
        config.transformer, f"{ours}transformer", within(theirs, CLIP_NAMES)
    )


def read_clip_tokenizer(folder: Path, length: int) -> CLIPTokenizer | None:
    """The folder's tokenizer: `vocab.json` with `merges.txt`, or `tokenizer.json`; or None."""
    if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        return CLIPTokenizer.from_files(folder / "vocab.json", folder / "merges.txt", length=length)
    model = (read_json(folder, "tokenizer.json") or {}).get("model")
    if model is None:
        return None
    merges = [tuple(m.split(" ") if isinstance(m, str) else m) for m in model["merges"]]
    return CLIPTokenizer(model["vocab"], merges, length=length)


def _part(config: Config, tower: str) -> dict[str, Any]:
    """One tower's config; files of some years carry it twice, and the second one counts."""
    return dict(config.get(f"{tower}_config") or {}) | dict(
        config.get(f"{tower}_config_dict") or {}
    )


# ---------------------------------------------------------------------------- language models

LLAMA_NAMES = BlockNames(
    block="layers.{}",
    query="self_attn.q_proj",
    key="self_attn.k_proj",
    value="self_attn.v_proj",
    out="self_attn.o_proj",
    norm1="input_layernorm",
    norm2="post_attention_layernorm",
    up="mlp.up_proj",
    down="mlp.down_proj",
    gate="mlp.gate_proj",
)
LLAMA_TYPES = ("llama", "mistral", "qwen2")
# Older files of Llama carry the rotary frequencies, which follow from the config.
ROTARY_FREQUENCIES = "rotary_emb.inv_freq"


class LoadedLanguage(NamedTuple):
    """A language model, and its tokenizer, if the folder has one."""

    model: LanguageModel
    tokenizer: Tokenizer | None


def load_language(
    name_or_folder: str | os.PathLike,
    *,
    revision: str | None = None,
    dtype: torch.dtype = torch.float32,
) -> LoadedLanguage:
    """A Llama-style model with trained weights, such as "HuggingFaceTB/SmolLM2-135M".

    Llama, and Mistral and Qwen2, which have the same blocks. Args and errors are those of
    `load_vit`.
    """
    folder = fetch(name_or_folder, revision=revision)
    config = read_config(folder, LLAMA_TYPES)
    checkpoint = Checkpoint(folder)
    language_config = language_config_from(config)
    with torch.device("meta"):
        model = LanguageModel(language_config)
    sources = language_sources(language_config, checkpoint)
    load_weights(
        model,
        sources,
        checkpoint,
        ignore=_unused(language_config),
        dtype=dtype,
    )
    return LoadedLanguage(model.eval(), read_tokenizer(folder, config))


def language_config_from(config: Config) -> LanguageConfig:
    """transformers' Llama config in our words; what it leaves out has transformers' default.

    Raises:
        WeightsError: it asks for something that `LanguageModel` does not do.
    """
    if config.get("hidden_act", "silu") != "silu":
        raise WeightsError(
            f"hidden_act {config['hidden_act']!r} is not Llama's silu: mvlm has no such decoder"
        )
    rope = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    context = config.get("max_position_embeddings", 2048)
    window = config.get("sliding_window")
    if window is not None and config.get("use_sliding_window", True):
        context = min(context, window)  # beyond its window a model would forget the start
    biased = config.get("attention_bias", False)
    heads = config.get("num_attention_heads", 32)
    return LanguageConfig(
        vocab_size=config.get("vocab_size", 32000),
        width=config.get("hidden_size", 4096),
        depth=config.get("num_hidden_layers", 32),
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        head_width=config.get("head_dim"),
        mlp_width=config.get("intermediate_size", 11008),
        context=context,
        rope_theta=rope.get("rope_theta") or config.get("rope_theta", 10_000.0),
        rope_scaling=_rotary_scaling(rope, context),
        eps=config.get("rms_norm_eps", 1e-6),
        tied=config.get("tie_word_embeddings", False),
        qkv_bias=biased or config.get("model_type") == "qwen2",
        out_bias=biased,
        mlp_bias=config.get("mlp_bias", False),
    )


def _rotary_scaling(rope: Config, context: int) -> RotaryScaling | None:
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return None
    if kind not in ("linear", "llama3"):
        raise WeightsError(f"rope_type {kind!r} is not known: mvlm has default, linear and llama3")
    return RotaryScaling(
        kind=kind,
        factor=rope["factor"],
        low_turns=rope.get("low_freq_factor", 1.0),
        high_turns=rope.get("high_freq_factor", 4.0),
        original_context=rope.get("original_max_position_embeddings", context),
    )


def language_sources(config: LanguageConfig, checkpoint: Checkpoint, *, ours: str = "") -> Sources:
    """Where a language model finds its numbers, whatever prefix the file gives it."""
    theirs = _prefix(checkpoint, "embed_tokens.weight", usual="model.")
    sources = {
        f"{ours}embedding.weight": Source((f"{theirs}embed_tokens.weight",)),
        f"{ours}norm.weight": Source((f"{theirs}norm.weight",)),
    }
    if not config.tied:
        head = _prefix(checkpoint, "lm_head.weight", usual="") + "lm_head"
        sources |= same(f"{ours}head", head, bias=False)
    return sources | transformer_sources(
        config.transformer, f"{ours}transformer", within(theirs, LLAMA_NAMES)
    )


def _unused(config: LanguageConfig) -> tuple[str, ...]:
    """Endings the file may have beside the model's own: a tied model's head, said twice."""
    return (ROTARY_FREQUENCIES, "lm_head.weight") if config.tied else (ROTARY_FREQUENCIES,)


def _prefix(checkpoint: Checkpoint, ending: str, *, usual: str) -> str:
    """What stands before `ending` in the file: it differs with the years and the wrapping."""
    found = [name.removesuffix(ending) for name in checkpoint.shapes if name.endswith(ending)]
    return found[0] if len(found) == 1 else usual


def read_tokenizer(folder: Path, config: Config) -> Tokenizer | None:
    """The folder's `tokenizer.json` with its start, end and padding tokens; None without one.

    The start token is used only where the tokenizer itself puts it before a text.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    named = (read_json(folder, "special_tokens_map.json") or {}) | (
        read_json(folder, "tokenizer_config.json") or {}
    )
    roles = {role: _token(named.get(f"{role}_token")) for role in ("bos", "eos", "pad")}
    backend = tokenizers.Tokenizer.from_file(str(path))
    end = roles["eos"] or _token_of(backend, config.get("eos_token_id"))
    if end is None:
        raise WeightsError(
            f"{folder.name} does not say which token ends a text: set eos_token in "
            f"tokenizer_config.json"
        )
    added = backend.encode("").ids  # what the tokenizer adds to every text
    starts = roles["bos"] is not None and backend.token_to_id(roles["bos"]) in added[:1]
    return Tokenizer.load(
        path, start=roles["bos"] if starts else None, end=end, pad=roles["pad"] or end
    )


def _token(entry: Any) -> str | None:
    return entry.get("content") if isinstance(entry, dict) else entry


def _token_of(backend: tokenizers.Tokenizer, token_id: Any) -> str | None:
    token_id = token_id[0] if isinstance(token_id, list) and token_id else token_id
    return backend.id_to_token(token_id) if isinstance(token_id, int) else None


# -------------------------------------------------------------------------------------- LLaVA


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
    vision_config = clip_vision_from(_part(config, "vision"))
    language_config = language_config_from(_part(config, "text"))
    with torch.device("meta"):
        model = LLaVA(
            ViT(vision_config),
            Projector(
                vision_config.width,
                language_config.width,
                bias=config.get("multimodal_projector_bias", True),
            ),
            LanguageModel(language_config),
            feature_layer=config.get("vision_feature_layer", -2),
        )
    sources = language_sources(language_config, checkpoint, ours="language.")
    tower = _prefix(checkpoint, "embeddings.class_embedding", usual="model.vision_tower.")
    sources |= clip_vision_sources(vision_config, tower, ours="vision.")
    projector = _prefix(checkpoint, "linear_1.weight", usual="model.multi_modal_projector.")
    for ours, theirs in (("projector.0", "linear_1"), ("projector.2", "linear_2")):
        sources |= same(
            ours, f"{projector}{theirs}", bias=config.get("multimodal_projector_bias", True)
        )
    ignore = ("position_ids", *_unused(language_config))
    load_weights(model, sources, checkpoint, ignore=ignore, dtype=dtype)
    model.vision.requires_grad_(False)
    default = clip_preprocessing(vision_config.image_size[0])
    return LoadedLLaVA(
        model.eval(),
        read_preprocessing(folder, default),
        read_tokenizer(folder, _part(config, "text")),
    )


def _check_llava(config: Config) -> None:
    if "text_config" not in config:
        raise WeightsError(
            "config.json has no text_config, as in the authors' own files: use a conversion for "
            "transformers, such as llava-hf/llava-1.5-7b-hf"
        )
    text = _part(config, "text").get("model_type", "llama")
    vision = _part(config, "vision").get("model_type", "clip_vision_model")
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
