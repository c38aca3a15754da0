"""The transformer: one pre-norm block, shared by every model of the course.

    x = x + attention(norm1(x))     each token gathers from the tokens it may see
    x = x + mlp(norm2(x))           each token works on what it has

A ViT, both towers of CLIP and a Llama-style decoder differ in the norm, the activation and the
shape of the MLP: fields of `TransformerConfig`. How the tokens meet is the same.

Letters: B rows of a batch, T tokens, S tokens that are looked at (T, or more with a cache),
D width of a token, H heads, d width of a head, K heads of keys and values (H in most models).

Chapter 03. Vaswani et al. 2017, sections 3.2-3.3 (attention, MLP); Dosovitskiy et al. 2020,
equations 2-3 (pre-norm); Shazeer 2020 (SwiGLU); Su et al. 2021 (rotary positions); Ainslie et
al. 2023 (grouped-query attention).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol, Self

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """What a stack of blocks is made of. The models' own configs are this and what they add.

    Attributes:
        width, depth: length D of a token's vector; number L of blocks.
        heads, head_width: queries H a token, each d long; `head_width` is width / heads unless
            given.
        kv_heads: heads K of keys and values, each asked by heads / kv_heads queries; H unless
            given.
        mlp_width: width inside the MLP; 4·width unless given.
        mlp: "plain" is up, activation, down; "gated" is activation of a gate times up, then down.
        norm, eps: LayerNorm or RMSNorm, and what keeps them from dividing by zero.
        activation: of the MLP.
        qkv_bias, out_bias, mlp_bias: whether these matrices have offsets.
        qk_norm: whether queries and keys are normalised, each over all its heads together.
        norm_after: whether a block normalises what attention and MLP give, in place of what they
            take. Both are OLMo 2's way (Team OLMo 2024).
    """

    width: int
    depth: int
    heads: int
    mlp_width: int | None = None
    kv_heads: int | None = None
    head_width: int | None = None
    norm: Literal["layer", "rms"] = "layer"
    eps: float = 1e-6
    activation: Literal["gelu", "quick_gelu", "gelu_tanh", "silu"] = "gelu"
    mlp: Literal["plain", "gated"] = "plain"
    qkv_bias: bool = True
    out_bias: bool = True
    mlp_bias: bool = True
    qk_norm: bool = False
    norm_after: bool = False

    def __post_init__(self) -> None:
        names = ("width", "depth", "heads", "kv_heads", "head_width", "mlp_width")
        given = {name: getattr(self, name) for name in names}
        check_counts(**{name: value for name, value in given.items() if value is not None})
        if self.head_width is None and self.width % self.heads:
            raise ValueError(
                f"width {self.width} does not divide into {self.heads} heads: "
                f"change one of them or give head_width"
            )
        if self.heads % (self.kv_heads or self.heads):
            raise ValueError(
                f"{self.heads} heads cannot share {self.kv_heads} kv_heads evenly: "
                f"kv_heads must divide heads"
            )
        if self.depth > MAX_DEPTH:
            raise ValueError(f"depth is {self.depth}: pass at most {MAX_DEPTH} blocks")
        if not self.eps > 0:
            raise ValueError(f"eps is {self.eps}: pass more than 0, such as 1e-6")
        for name, choices in (("norm", NORMS), ("activation", ACTIVATIONS), ("mlp", MLPS)):
            if (value := getattr(self, name)) not in choices:
                raise ValueError(f"{name} {value!r} is not known: choose from {', '.join(choices)}")

    @property
    def filled(self) -> Self:
        """The same with what was left out filled in.

        It is not filled in once and for all, or `replace(config, width=…)` would keep the old
        width's heads.
        """
        return replace(
            self,
            kv_heads=self.kv_heads or self.heads,
            head_width=self.head_width or self.width // self.heads,
            mlp_width=self.mlp_width or 4 * self.width,
        )


def attention_weights(
    query: Float[Tensor, "batch head query head_width"],
    key: Float[Tensor, "batch head key head_width"],
    *,
    mask: Bool[Tensor, "*batch query key"] | None = None,
    causal: bool = False,
) -> Float[Tensor, "batch head query key"]:
    """softmax(Q Kᵀ / √d), where d is the width of ONE HEAD: what each query takes from each key.

    Each row sums to 1. Vaswani et al. 2017, equation 1, without the values. Arguments: see
    `attend`.
    """
    # Divided before the product: in half precision a score ends at 65,504.
    scores = (query / query.shape[-1] ** 0.5) @ key.mT  # B H T S
    visible = visible_keys(query.shape[-2], key.shape[-2], mask, causal, query.device)
    if visible is not None:
        scores = scores.masked_fill(~visible, -torch.inf)
    return scores.softmax(dim=-1)


def attend(
    query: Float[Tensor, "batch head query head_width"],
    key: Float[Tensor, "batch head key head_width"],
    value: Float[Tensor, "batch head key head_width"],
    *,
    mask: Bool[Tensor, "*batch query key"] | None = None,
    causal: bool = False,
) -> Float[Tensor, "batch head query head_width"]:
    """`attention_weights(query, key) @ value`, by torch's kernel, which never holds the weights.

    Args:
        query, key, value: (B, H, T, d) and twice (B, H, S, d).
        mask: True where a query may look; of a shape that broadcasts to (B, H, T, S).
        causal: hides later keys. The last query stands at the last key.

    Raises:
        TypeError: the mask is not boolean.
    """
    queries, keys = query.shape[-2], key.shape[-2]
    if causal and mask is None and queries == keys:
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)
    visible = visible_keys(queries, keys, mask, causal, query.device)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=visible)


class Attention(nn.Module):
    """Multi-head self-attention; queries, keys and values come from one matrix product.

    Rows of `qkv.weight`: first the queries of all heads, then the keys, then the values.
    """

    def __init__(self, config: TransformerConfig, layer: int = 0) -> None:
        super().__init__()
        config = config.filled
        self.heads, self.kv_heads = config.heads, config.kv_heads
        self.head_width, self.layer = config.head_width, layer
        self.rows = [heads * config.head_width for heads in (config.heads, *[config.kv_heads] * 2)]
        self.qkv = nn.Linear(config.width, sum(self.rows), bias=config.qkv_bias)
        self.out = nn.Linear(config.heads * config.head_width, config.width, bias=config.out_bias)
        query_rows, key_rows, _ = self.rows
        norm = NORMS[config.norm] if config.qk_norm else nn.Identity
        self.query_norm, self.key_norm = (
            norm(rows, eps=config.eps) for rows in (query_rows, key_rows)
        )

    def forward(
        self,
        x: Float[Tensor, "batch token width"],
        *,
        mask: Bool[Tensor, "*batch query key"] | None = None,
        causal: bool = False,
        rotary: Rotary | None = None,
        cache: Cache | None = None,
        record: list[Tensor] | None = None,
        first: int | None = None,
    ) -> Float[Tensor, "batch asking width"]:
        """Let each token gather from the tokens it may see.

        Args:
            x: the tokens (B, T, D), normalised.
            mask, causal: see `attend`.
            rotary: turns queries and keys by their positions.
            cache: then `x` holds only the new tokens, and they see the cached ones too.
            record: a list that receives this layer's weights (B, H, T, S), computed only then.
            first: only so many first tokens ask. A ViT's last block needs its class token alone.

        Raises:
            ValueError: `first` where not every token sees every other.
        """
        if first is not None and (causal or mask is not None):
            raise ValueError("first goes with attention of all to all: leave out mask and causal")
        query, key, value = self.qkv(x).split(self.rows, dim=-1)  # B T H·d, twice B T K·d
        query, key, value = (
            part.unflatten(-1, (-1, self.head_width)).transpose(1, 2)  # B H T d, twice B K T d
            for part in (self.query_norm(query), self.key_norm(key), value)
        )
        if rotary is not None:
            query, key = rotate(query, rotary), rotate(key, rotary)
        if cache is not None:
            key, value = cache.update(self.layer, key, value)  # B K S d
        if self.kv_heads != self.heads:  # several queries share a key
            key = key.repeat_interleave(self.heads // self.kv_heads, dim=1)  # B H S d
            value = value.repeat_interleave(self.heads // self.kv_heads, dim=1)  # B H S d
        query = query[:, :, :first]
        if record is None:
            gathered = attend(query, key, value, mask=mask, causal=causal)  # B H T d
        else:
            record.append(attention_weights(query, key, mask=mask, causal=causal))
            gathered = record[-1] @ value  # B H T d
        return self.out(gathered.transpose(1, 2).flatten(2))  # B H T d -> B T H·d -> B T D


class MLP(nn.Module):
    """Up to `mlp_width`, activation, down: what each token does by itself."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        config = config.filled
        self.activation = ACTIVATIONS[config.activation]
        self.up = nn.Linear(config.width, config.mlp_width, bias=config.mlp_bias)
        self.down = nn.Linear(config.mlp_width, config.width, bias=config.mlp_bias)

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """Each token's vector in, one of the same width out."""
        return self.down(self.activation(self.up(x)))


class GatedMLP(nn.Module):
    """down(activation(gate(x)) · up(x)); with SiLU this is SwiGLU (Shazeer 2020, equation 6)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        config = config.filled
        self.activation = ACTIVATIONS[config.activation]
        self.gate = nn.Linear(config.width, config.mlp_width, bias=config.mlp_bias)
        self.up = nn.Linear(config.width, config.mlp_width, bias=config.mlp_bias)
        self.down = nn.Linear(config.mlp_width, config.width, bias=config.mlp_bias)

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """Each token's vector in, one of the same width out."""
        return self.down(self.activation(self.gate(x)) * self.up(x))


MLPS: dict[str, type[nn.Module]] = {"plain": MLP, "gated": GatedMLP}


class Block(nn.Module):
    """One pre-norm block: attention, then MLP, each added to the residual path.

    The residual path `x` itself is never normalised: overwriting it (`x = norm1(x)`) is a known
    bug that trains all the same, only worse. With `norm_after` it is what is added that is
    normalised.
    """

    def __init__(self, config: TransformerConfig, layer: int = 0) -> None:
        super().__init__()
        norm = NORMS[config.norm]
        self.norm1 = norm(config.width, eps=config.eps)
        self.attention = Attention(config, layer)
        self.norm2 = norm(config.width, eps=config.eps)
        self.mlp = MLPS[config.mlp](config)
        self.norm_after = config.norm_after

    def forward(
        self, x: Float[Tensor, "batch token width"], *, first: int | None = None, **options
    ) -> Float[Tensor, "batch asking width"]:
        """Tokens in, tokens out; the arguments are those of `Attention.forward`."""
        if self.norm_after:
            x = x[:, :first] + self.norm1(self.attention(x, first=first, **options))
            return x + self.norm2(self.mlp(x))
        x = x[:, :first] + self.attention(self.norm1(x), first=first, **options)
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """A stack of `config.depth` blocks, without embedding before or norm after."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.depth))

    def forward(
        self, x: Float[Tensor, "batch token width"], *, first: int | None = None, **options
    ) -> Float[Tensor, "batch asking width"]:
        """Pass tokens through every block; the arguments are those of `Attention.forward`.

        `first` belongs to the last block: until then every token is still asked.
        """
        *blocks, last = self.blocks
        for block in blocks:
            x = block(x, **options)
        return last(x, first=first, **options)

    def encode(
        self,
        x: Float[Tensor, "batch token width"],
        norm: nn.Module,
        *,
        causal: bool = False,
        attentions: bool = False,
    ) -> Encoding:
        """Pass tokens through every block and keep all there is to see; `norm` ends the model."""
        states, weights = [x], [] if attentions else None
        for block in self.blocks:
            states.append(block(states[-1], causal=causal, record=weights))
        return Encoding(
            tokens=norm(states[-1]), hidden_states=tuple(states), attentions=tuple(weights or ())
        )


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """What a model made of its input, layer by layer.

    `tokens` (B, T, D) is the model's output for each token, after its final norm.
    `hidden_states` holds L + 1 tensors (B, T, D): what enters the first block, then what each
    block leaves; none of them is normalised. `attentions` holds L tensors (B, H, T, T), or
    nothing when they were not asked for.
    """

    tokens: Float[Tensor, "batch token width"]
    hidden_states: tuple[Float[Tensor, "batch token width"], ...]
    attentions: tuple[Float[Tensor, "batch head query key"], ...] = ()


class Cache(Protocol):
    """What attention asks of a key-value cache (`mvlm.language.KVCache` is one)."""

    def update(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append (B, K, T, d) keys and values of `layer`; return all of them so far."""
        ...


Rotary = tuple[Tensor, Tensor]
"""Cosines and sines, each (T, d/2) or (B, 1, T, d/2): half a head wide."""


def rotate(
    x: Float[Tensor, "batch head token head_width"], rotary: Rotary
) -> Float[Tensor, "batch head token head_width"]:
    """Turn each pair of numbers (i, i + d/2) of a head by its position's angle.

    Llama's convention pairs the two HALVES of a head; the RoFormer paper (Su et al. 2021,
    equation 34) pairs neighbours. The two differ by a permutation of the weights.
    """
    cos, sin = rotary
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


def causal_mask(
    queries: int, keys: int, *, device: torch.device | None = None
) -> Bool[Tensor, "query key"]:
    """True where a query may look: at itself and at what came before it.

    The last query is aligned with the last key, as a cache needs it: with 1 query and 5 keys the
    one row is all True.
    """
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)


def visible_keys(
    queries: int, keys: int, mask: Tensor | None, causal: bool, device: torch.device
) -> Tensor | None:
    """`mask` and causality as one boolean mask, or None where every query may see every key."""
    if mask is not None and not (isinstance(mask, Tensor) and mask.dtype is torch.bool):
        came = f"has {mask.dtype}" if isinstance(mask, Tensor) else f"is a {type(mask).__name__}"
        raise TypeError(
            f"attention mask {came}: give a boolean one, True where a query may attend "
            f"(torch.as_tensor(mask).bool() for ones and zeros)"
        )
    if not causal or (mask is None and queries == 1):
        return mask
    before = causal_mask(queries, keys, device=device)
    if mask is None:
        return before
    # A padding token's query may see no key at all, and softmax over nothing is not a number.
    # So each token may see itself: no other token looks at a padding token, so nothing changes.
    itself = before.triu(keys - queries)
    return (mask & before) | itself


def quick_gelu(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The GELU of OpenAI's CLIP, x·σ(1.702x): close to the exact one, yet not equal to it."""
    return x * torch.sigmoid(1.702 * x)


def _gelu_tanh(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return F.gelu(x, approximate="tanh")


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "quick_gelu": quick_gelu,
    "gelu_tanh": _gelu_tanh,
    "silu": F.silu,
}

NORMS: dict[str, type[nn.Module]] = {"layer": nn.LayerNorm, "rms": nn.RMSNorm}

MAX_DEPTH = 1000
"""Blocks that a model may have. The deepest published ones stay well below; a config that asks for
more is damaged, and building it would only fill the memory."""


def check_counts(**counts: int) -> None:
    """Sizes and numbers of things: whole, and at least 1.

    Raises:
        TypeError: one of them is no whole number. ValueError: one is below 1.
    """
    for name, value in counts.items():
        if not isinstance(value, int):
            raise TypeError(f"{name} is {value!r}: pass a whole number")
        if value < 1:
            raise ValueError(f"{name} is {value}: pass at least 1")


def check_token_ids(ids: Tensor, name: str = "ids") -> None:
    """Token ids are whole numbers in a tensor; what an embedding takes is int64 or int32.

    Raises:
        TypeError: something else came.
    """
    if not isinstance(ids, Tensor) or ids.dtype not in (torch.int64, torch.int32):
        came = f"{ids.dtype} numbers" if isinstance(ids, Tensor) else f"a {type(ids).__name__}"
        raise TypeError(
            f"{name} is {came}, wanted a tensor of int64: torch.tensor(rows), or {name}.long()"
        )


def check_attention_mask(attention_mask: Tensor, *shapes: tuple[int, int]) -> None:
    """A padding mask: a tensor (B, T) with one value a token, of one of `shapes`.

    Raises:
        TypeError: no tensor. ValueError: another shape.
    """
    if not isinstance(attention_mask, Tensor):
        raise TypeError(
            f"attention_mask is a {type(attention_mask).__name__}, wanted a tensor (B, T): "
            f"torch.tensor(attention_mask)"
        )
    if tuple(attention_mask.shape) not in shapes:
        raise ValueError(
            f"attention_mask is {tuple(attention_mask.shape)}, wanted one value a token: "
            f"{shapes[0]}"
        )
    flags = (attention_mask == 0) | (attention_mask == 1)
    if attention_mask.is_floating_point() and not bool(flags.all()):
        raise ValueError(
            "attention_mask holds other numbers than 0 and 1: pass True on tokens and False on "
            "padding, and not what is added to scores"
        )


def check_precision(name: str, x: Tensor, weight: Tensor) -> None:
    """Vectors and weights must be in one precision; autocast sees to that by itself.

    Raises:
        TypeError: they differ.
    """
    if x.dtype != weight.dtype and not torch.is_autocast_enabled(weight.device.type):
        raise TypeError(
            f"{name} is {x.dtype}, the model {weight.dtype}: pass {name}.to({weight.dtype}), or "
            f"convert the model with model.to({x.dtype})"
        )
