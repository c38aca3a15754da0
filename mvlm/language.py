"""A language model: predict the next token, again and again.

Chapter 08. A Llama-style decoder on the shared block: RMSNorm, rotary positions, SwiGLU and
grouped-query attention. The same class is the course's tiny model, SmolLM2-135M and LLaVA's
Vicuna-7B.

Sources: Touvron et al. 2023, section 2.2 (Llama); Su et al. 2021 (rotary positions).
Letters: B rows, T tokens, V vocabulary, D width, d width of a head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mvlm.transformer import (
    NORMS,
    Rotary,
    Transformer,
    TransformerConfig,
    check_attention_mask,
    check_counts,
    check_precision,
    check_token_ids,
    visible_keys,
)

IGNORED = -100
"""The label of a token that no loss is taken on."""


@dataclass(frozen=True, kw_only=True)
class RotaryScaling:
    """Slower rotations for a longer context than the model was first trained on.

    With `kind` "linear" all are slowed by `factor` (Chen et al. 2023). With "llama3" only those
    that turn fewer than `low_turns` times in the original context are; those that turn more than
    `high_turns` times stay, and between the two it is mixed (Llama Team 2024, as released).
    """

    kind: str
    factor: float
    low_turns: float = 1.0
    high_turns: float = 4.0
    original_context: int = 8192

    def __post_init__(self) -> None:
        if self.kind not in ("linear", "llama3"):
            raise ValueError(f"rotary scaling {self.kind!r} is not known: use linear or llama3")

    def __call__(self, frequencies: Float[Tensor, " half"]) -> Float[Tensor, " half"]:
        """Slow the rotations, given and returned in radians a token."""
        if self.kind == "linear":
            return frequencies / self.factor
        turns = self.original_context * frequencies / (2 * math.pi)
        keep = (turns - self.low_turns) / (self.high_turns - self.low_turns)
        keep = keep.clamp(0, 1)
        return frequencies * keep + frequencies / self.factor * (1 - keep)


@dataclass(frozen=True, kw_only=True)
class LanguageConfig(TransformerConfig):
    """What a language model is made of: a transformer, and the words it reads and writes.

    Attributes:
        vocab_size: number V of token ids.
        additional_vocab_size: ids after those V that are read and never written: Molmo's table of
            new tokens.
        context: the number of tokens it can see at most.
        rope_theta, rope_scaling: of the rotary positions; see `RotaryTable`.
        tied: whether the output layer is the embedding once more, which saves V·D weights.

    The defaults of the blocks are Llama's: RMSNorm, SwiGLU and no offsets.
    """

    vocab_size: int
    additional_vocab_size: int = 0
    context: int = 2048
    rope_theta: float = 10_000.0
    rope_scaling: RotaryScaling | None = None
    tied: bool = True
    norm: Literal["layer", "rms"] = "rms"
    eps: float = 1e-5
    activation: Literal["gelu", "quick_gelu", "gelu_tanh", "silu"] = "silu"
    mlp: Literal["plain", "gated"] = "gated"
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(vocab_size=self.vocab_size, context=self.context)
        if self.additional_vocab_size < 0:
            raise ValueError(
                f"additional_vocab_size is {self.additional_vocab_size}: pass 0 for none, or more"
            )
        if (head_width := self.head_width or self.width // self.heads) % 2:
            raise ValueError(
                f"a head is {head_width} wide: rotary positions turn its numbers "
                f"in pairs, so make width / heads, or head_width, even"
            )
        if not self.rope_theta > 0:
            raise ValueError(f"rope_theta is {self.rope_theta}: pass more than 0, such as 10000")


_SMOL = LanguageConfig(
    vocab_size=49152,
    width=576,
    depth=30,
    heads=9,
    kv_heads=3,
    mlp_width=1536,
    context=8192,
    rope_theta=100_000.0,
)
_LLAMA = LanguageConfig(
    vocab_size=32000,
    width=4096,
    depth=32,
    heads=32,
    mlp_width=11008,
    context=4096,
    tied=False,
)
# From the config.json of each model on the Hugging Face hub.
VARIANTS: dict[str, LanguageConfig] = {
    "SmolLM2-135M": _SMOL,
    "SmolLM2-360M": replace(_SMOL, width=960, depth=32, heads=15, kv_heads=5, mlp_width=2560),
    "SmolLM2-1.7B": replace(
        _SMOL, width=2048, depth=24, heads=32, kv_heads=32, mlp_width=8192, rope_theta=130_000.0
    ),
    "TinyLlama-1.1B": replace(
        _LLAMA, width=2048, depth=22, kv_heads=4, mlp_width=5632, context=2048
    ),
    "Llama-3.2-1B": LanguageConfig(
        vocab_size=128256,
        width=2048,
        depth=16,
        heads=32,
        kv_heads=8,
        mlp_width=8192,
        context=131072,
        rope_theta=500_000.0,
        rope_scaling=RotaryScaling(kind="llama3", factor=32.0),
    ),
    "Llama-2-7B": _LLAMA,
    "Vicuna-7B": _LLAMA,  # v1.5, fine-tuned from Llama 2
    "Vicuna-13B": replace(_LLAMA, width=5120, depth=40, heads=40, mlp_width=13824),
}


class RotaryTable:
    """Cosines and sines of every position, worked out once and looked up afterwards.

    Su et al. 2021, equation 15: pair i of a head turns by theta^(-2i/d) radians a token.
    """

    def __init__(self, config: LanguageConfig) -> None:
        self.config = config
        self._tables: dict[tuple[torch.device, torch.dtype], Rotary] = {}

    def __call__(
        self, positions: slice | Int[Tensor, "batch token"], like: Float[Tensor, "*shape"]
    ) -> Rotary:
        """Turns of `positions`, on the device and in the precision of `like`.

        A slice gives (T, d/2), the same for every row; a tensor (B, T) gives (B, 1, T, d/2).
        """
        place = (like.device, like.dtype)
        if place not in self._tables:
            self._tables[place] = self._table(like)
        cos, sin = self._tables[place]
        if isinstance(positions, slice):
            return cos[positions], sin[positions]  # (T, d/2)
        return cos[positions].unsqueeze(1), sin[positions].unsqueeze(1)  # (B, 1, T, d/2)

    @torch.inference_mode(False)  # made while generating, it must still serve training
    def _table(self, like: Tensor) -> Rotary:
        width = self.config.filled.head_width
        even = torch.arange(0, width, 2, dtype=torch.float32, device=like.device)
        frequencies = 1 / self.config.rope_theta ** (even / width)  # (d/2,)
        if self.config.rope_scaling is not None:
            frequencies = self.config.rope_scaling(frequencies)
        steps = torch.arange(self.config.context, dtype=torch.float32, device=like.device)
        angles = torch.outer(steps, frequencies)  # (context, d/2), in float32 whatever `like` is
        return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


class KVCache:
    """Keys and values of every token seen so far, so that each step works on the new ones only.

    The memory is taken once. The cache also remembers which tokens were padding, so that no later
    step can forget it. It is for reading and generating: no gradient passes through it. Make one
    with `LanguageModel.cache`.

    Args:
        config: of the model it serves.
        batch: rows B.
        length: tokens it can hold.
        device, dtype: of the model.

    `memory` is (depth, 2, B, K, length, d): keys and values of each layer.
    """

    def __init__(
        self,
        config: LanguageConfig,
        *,
        batch: int,
        length: int,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if batch < 1:
            raise ValueError(f"a cache of {batch} rows holds nothing: pass at least 1")
        if not 1 <= length <= config.context:
            raise ValueError(
                f"a cache of {length} tokens does not fit the model's context of "
                f"{config.context}: make it 1 to {config.context} long"
            )
        block = config.filled
        shape = (config.depth, 2, batch, block.kv_heads, length, block.head_width)
        self.memory = torch.empty(shape, device=device, dtype=dtype)
        self._visible = torch.ones(batch, length, dtype=torch.bool, device=device)
        self.batch, self.capacity = batch, length
        self.length = 0
        self.padded = False

    def update(
        self,
        layer: int,
        keys: Float[Tensor, "batch kv_head token head_width"],
        values: Float[Tensor, "batch kv_head token head_width"],
    ) -> tuple[Tensor, Tensor]:
        """Write the new tokens' keys and values; give back views of all so far."""
        end = self.length + keys.shape[2]
        all_keys, all_values = self.memory[layer, 0], self.memory[layer, 1]  # (B, K, length, d)
        all_keys[:, :, self.length : end] = keys.detach()
        all_values[:, :, self.length : end] = values.detach()
        return all_keys[:, :, :end], all_values[:, :, :end]

    def admit(
        self, batch: int, tokens: int, attention_mask: Bool[Tensor, "batch token"] | None
    ) -> Bool[Tensor, "batch key"] | None:
        """Make room for new tokens: which tokens are no padding, or None when none is.

        `attention_mask` covers the new tokens, or all tokens so far and the new ones.

        Raises:
            ValueError: they do not fit, or are not as many rows as the cache has.
        """
        if batch != self.batch:
            raise ValueError(f"the cache has {self.batch} rows, but {batch} came: make a new one")
        end = self.length + tokens
        if end > self.capacity:
            raise ValueError(
                f"the cache holds {self.capacity} tokens and {self.length} are taken, but "
                f"{tokens} more came: make a longer one"
            )
        if attention_mask is not None:
            self._visible[:, self.length : end] = attention_mask[:, -tokens:]
            self.padded = self.padded or not bool(attention_mask.all())
        return self._visible[:, :end] if self.padded else None


class LanguageModel(nn.Module):
    """Token ids in, a score for every possible next token out.

    Args:
        config: see `LanguageConfig`.
    """

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(
            config.vocab_size + config.additional_vocab_size, config.width
        )
        self.transformer = Transformer(config)
        self.norm = NORMS[config.norm](config.width, eps=config.eps)
        if not config.tied:
            self.head = nn.Linear(config.width, config.vocab_size, bias=False)
        self.rotary = RotaryTable(config)
        self._initialise()

    @classmethod
    def from_variant(cls, name: str, **changes: object) -> LanguageModel:
        """A model of a published shape with random weights, such as "SmolLM2-135M".

        Args:
            name: one of `VARIANTS`.
            changes: fields of the configuration to replace, such as `vocab_size=1024`.
        """
        if name not in VARIANTS:
            raise ValueError(f"variant {name!r} is not known: choose from {', '.join(VARIANTS)}")
        return cls(replace(VARIANTS[name], **changes))

    def _initialise(self) -> None:
        """N(0, .02); what writes to the residual path by 1/√(2L) smaller (Radford et al. 2019)."""
        residual = ("attention.out.weight", "mlp.down.weight")
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                shrink = (2 * self.config.depth) ** -0.5 if name.endswith(residual) else 1.0
                nn.init.normal_(parameter, std=0.02 * shrink)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(
        self,
        ids: Int[Tensor, "batch token"] | None = None,
        *,
        embeddings: Float[Tensor, "batch token width"] | None = None,
        attention_mask: Bool[Tensor, "batch token"] | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "batch token vocabulary"]:
        """Scores (B, T, V) for the token after each of the T tokens.

        Args:
            ids: tokens (B, T), or None when `embeddings` stand in for them.
            embeddings: vectors (B, T, D) in place of ids: words and pictures, already embedded.
            attention_mask: True (or 1) on tokens, False on padding, on either side. Positions are
                counted without the padding.
            cache: what came before; it takes the new tokens in. See `cache`.

        Raises:
            ValueError: neither or both of ids and embeddings, an id out of range, more tokens than
                the context or the cache holds, or a mask of another shape.
        """
        return self.logits(
            self.hidden(ids, embeddings=embeddings, attention_mask=attention_mask, cache=cache)
        )

    def hidden(
        self,
        ids: Int[Tensor, "batch token"] | None = None,
        *,
        embeddings: Float[Tensor, "batch token width"] | None = None,
        attention_mask: Bool[Tensor, "batch token"] | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "batch token width"]:
        """What `forward` turns into scores: one normalised vector (B, T, D) a token."""
        if (ids is None) == (embeddings is None):
            raise ValueError("pass either ids or embeddings, and not both")
        if embeddings is not None:
            self.check_embeddings(embeddings)
        x = self._vectors(ids) if embeddings is None else embeddings  # (B, T, D)
        past = 0 if cache is None else cache.length
        tokens = x.shape[1]
        self._check_length(past + tokens)
        visible = self._visible(x, attention_mask, cache)
        if visible is None:
            positions = slice(past, past + tokens)
        else:
            positions = (visible.cumsum(1)[:, past:] - 1).clamp(min=0)  # (B, T)
            visible = visible[:, None, None, :]  # (B, 1, 1, past + T)
        # With no padding and no past, torch's causal kernel needs no mask. Otherwise it is built
        # here, once a step rather than once a layer; one new token without padding needs none.
        plain = visible is None and past == 0
        mask = None if plain else visible_keys(tokens, past + tokens, visible, True, x.device)
        rotary = self.rotary(positions, x)
        x = self.transformer(x, mask=mask, causal=plain, rotary=rotary, cache=cache)
        if cache is not None:
            cache.length += tokens
        return self.norm(x)

    def logits(self, hidden: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch vocabulary"]:
        """Scores of the vocabulary for vectors that `hidden` gave."""
        tied = self.config.tied
        weight = self.embedding.weight[: self.config.vocab_size] if tied else self.head.weight
        return F.linear(hidden, weight)

    def cache(self, batch: int, length: int) -> KVCache:
        """An empty cache for `batch` rows of at most `length` tokens."""
        weight = self.embedding.weight
        return KVCache(
            self.config, batch=batch, length=length, device=weight.device, dtype=weight.dtype
        )

    def lay_by_columns_(self) -> LanguageModel:
        """Turn in memory the matrices that make vectors longer; their numbers and shapes stay.

        A step of generation multiplies one vector by every matrix, and is done when all have been
        read. A CPU's library reads such a matrix nearly twice as fast by columns. Call it once
        before generating on a CPU; safetensors wants `.contiguous()` tensors afterwards.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                rows, columns = module.weight.shape
                if rows > columns:
                    module.weight.data = module.weight.data.T.contiguous().T
        return self

    def _visible(
        self, x: Tensor, attention_mask: Tensor | None, cache: KVCache | None
    ) -> Bool[Tensor, "batch key"] | None:
        batch, tokens, _ = x.shape
        if attention_mask is not None:
            past = 0 if cache is None else cache.length
            check_attention_mask(attention_mask, (batch, tokens), (batch, past + tokens))
            attention_mask = attention_mask.to(device=x.device, dtype=torch.bool)
        if cache is not None:
            return cache.admit(batch, tokens, attention_mask)
        if attention_mask is None or bool(attention_mask.all()):
            return None
        return attention_mask

    def embed(self, ids: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape width"]:
        """A vector for each id, which may be on another device; an id out of range raises."""
        check_token_ids(ids)
        if ids.numel():
            low, high = (int(bound) for bound in ids.aminmax())
            known = self.embedding.num_embeddings
            if low < 0 or high >= known:
                wrong = low if low < 0 else high
                raise ValueError(
                    f"token id {wrong} is outside the vocabulary, 0 to {known - 1}: check the "
                    f"tokenizer; image markers (-200) belong to LLaVA"
                )
        return self.embedding(ids.to(self.embedding.weight.device))

    def _vectors(self, ids: Tensor) -> Float[Tensor, "batch token width"]:
        check_token_ids(ids)
        if ids.ndim != 2 or ids.numel() == 0:
            raise ValueError(
                f"ids is {tuple(ids.shape)}, wanted (B, T) with at least one token: for one row "
                "ids[None]"
            )
        return self.embed(ids)

    def check_embeddings(self, embeddings: Tensor) -> None:
        """Vectors in place of ids: (B, T, D), at least one, in the model's own precision.

        Raises:
            ValueError: another shape. TypeError: another precision.
        """
        width = self.config.width
        if embeddings.ndim != 3 or embeddings.shape[2] != width or 0 in embeddings.shape:
            raise ValueError(
                f"embeddings is {tuple(embeddings.shape)}, wanted (B, T, {width}) with at least "
                f"one token: vectors of this model's width, as embed(ids) gives"
            )
        check_precision("embeddings", embeddings, self.embedding.weight)

    def _check_length(self, length: int) -> None:
        if length > self.config.context:
            raise ValueError(
                f"{length} tokens are more than the model's context of {self.config.context}: "
                "shorten the text"
            )


def next_token_loss(
    logits: Float[Tensor, "batch token vocabulary"], labels: Int[Tensor, "batch token"]
) -> Float[Tensor, ""]:
    """Mean cross-entropy of each next token, over the labels that are not -100.

    Args:
        logits: (B, T, V); those of token t are scored against label t + 1.
        labels: (B, T), the token ids themselves, -100 where no loss is wanted: on the question, on
            pictures and on padding.

    Raises:
        ValueError: shapes differ, a label is out of range, or no label is left: a loss of 0/0.
    """
    check_token_ids(labels, "labels")
    if logits.shape[:2] != labels.shape:
        raise ValueError(
            f"logits are {tuple(logits.shape)} and labels {tuple(labels.shape)}: "
            "pass one label for each token"
        )
    targets = labels[:, 1:]
    wanted = targets != IGNORED
    if not bool(wanted.any()):
        raise ValueError(
            "no token is supervised: every label but the first is -100, so check where the answer "
            "starts"
        )
    vocabulary = logits.shape[-1]
    outside = targets[wanted & ((targets < 0) | (targets >= vocabulary))]
    if len(outside):
        raise ValueError(
            f"label {int(outside[0])} is outside the vocabulary, 0 to {vocabulary - 1}: "
            f"use {IGNORED} for tokens without a loss"
        )
    return F.cross_entropy(
        logits[:, :-1].reshape(-1, vocabulary).float(),  # (B·(T-1), V)
        targets.reshape(-1),  # (B·(T-1),)
        ignore_index=IGNORED,
    )
