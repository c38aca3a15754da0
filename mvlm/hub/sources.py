"""Which tensors of a file make which of ours; then all of them, or none, are loaded.

The file's names are not ours, and some of its tensors are parts of one of ours (queries, keys and
values). Each family says which belong together, its `Sources`; `load_weights` does the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from mvlm.hub.reading import Checkpoint, Config, Shape, WeightsError, setting
from mvlm.transformer import TransformerConfig
from mvlm.vit import ViTConfig

ACTIVATION_NAMES = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "quick_gelu": "quick_gelu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "silu": "silu",
    "swish": "silu",
}


FLOATS = ("F64", "F32", "F16", "BF16")
"""Numbers that weights may be stored as, in safetensors' words."""


@dataclass(frozen=True)
class Source:
    """Which tensors of the file make one of ours: joined along their rows, in this order.

    `shapes` are theirs in the file, where they are not simply ours. `arrange` takes what is joined
    and gives ours, where that is a part of it or has its numbers in another order.
    """

    names: tuple[str, ...]
    shapes: tuple[Shape, ...] | None = None
    arrange: Callable[[Tensor], Tensor] | None = None


Sources = dict[str, Source]


def load_weights(
    model: nn.Module,
    sources: Sources,
    checkpoint: Checkpoint,
    *,
    ignore: Sequence[str] = (),
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
) -> None:
    """Fill every parameter of `model`, which may be on the meta device, or none of them.

    Args:
        model: it ends on `device`, in `dtype`.
        sources: for each name of the model's state, where its numbers are.
        checkpoint: the file.
        ignore: endings of names in the file that the model has no use for.
        dtype, device: of the loaded parameters.

    Raises:
        TypeError: the dtype holds no floating-point numbers.
        WeightsError: names what is missing, unused or of the wrong shape, or the tensor that holds
            other than floating-point numbers, NaN or infinity.
    """
    if not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise TypeError(f"dtype is {dtype!r}: pass a floating-point one, such as torch.bfloat16")
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
    strange = [name for name in wanted if checkpoint.dtypes[name] not in FLOATS]
    if strange:
        raise WeightsError(
            f"{strange[0]} holds {checkpoint.dtypes[strange[0]]} numbers, wanted one of "
            f"{', '.join(FLOATS)}: the weights are quantised, so take the model's unquantised ones"
        )
    loaded = {
        ours: _join(checkpoint, source, dtype).reshape(state[ours].shape).to(device)
        for ours, source in sources.items()
    }
    model.load_state_dict(loaded, assign=True)


def _join(checkpoint: Checkpoint, source: Source, dtype: torch.dtype) -> Tensor:
    parts = [_read_finite(checkpoint, name).to(dtype) for name in source.names]
    joined = parts[0] if len(parts) == 1 else torch.cat(parts)
    return joined if source.arrange is None else source.arrange(joined)


def _read_finite(checkpoint: Checkpoint, name: str) -> Tensor:
    tensor = checkpoint.read(name)
    # The extremes show NaN and infinity alike, 20 times sooner than isfinite over every number.
    if tensor.numel() and not all(math.isfinite(bound) for bound in tensor.aminmax()):
        raise WeightsError(
            f"{name} holds NaN or infinity: its training went wrong or the file is damaged, so "
            f"take an earlier checkpoint or fetch it again"
        )
    return tensor


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
    config = config.filled
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
    name = setting(config, "hidden_act", "gelu")
    if name not in ACTIVATION_NAMES:
        raise WeightsError(
            f"hidden_act {name!r} is not known: mvlm has {', '.join(ACTIVATION_NAMES)}"
        )
    return ACTIVATION_NAMES[name]
