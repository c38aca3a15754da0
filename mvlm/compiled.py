"""A step of generation, compiled: the same tokens, and no Python between its small operations.

Chapter 08. `generate(model, prompts, step=compiled_step, max_new_tokens=64)` is the loop of
`mvlm.generation` with another step: `torch.compile` makes one program of everything that a token
passes through. That takes from half a minute to some minutes, once for a model and for one row or
several; torch keeps what it made on disk, so that the next process starts in seconds. It pays for
long answers of one row. Several rows share what a step costs anyway, and gain little.

Letters: B rows, V vocabulary, D width, H heads, K heads of keys and values, d width of a head,
S tokens that the cache can hold.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mvlm.generation import Reader, is_llama_style, plain_step
from mvlm.language import KVCache, LanguageModel
from mvlm.transformer import Rotary, rotate

Matrix = tuple[Tensor, Tensor | None]
"""Weight (N, D) and offset (N,) of a linear module."""


def compiled_step(model: LanguageModel, cache: KVCache) -> Reader:
    """What reads one more token a row, compiled where that can be done.

    A padded prompt, blocks that are not Llama's and a machine without a compiler get
    `plain_step`, which gives the same tokens. On a CPU the compiled step reads matrices by rows:
    leave `lay_by_columns_` out. It has not been run on a GPU yet.

    Args:
        model: see `mvlm.generation.stream`.
        cache: filled with the prompt.
    """
    if is_llama_style(model, cache) and compiler_works(model.embedding.weight.device.type):
        return CompiledStep(model, cache)
    return plain_step(model, cache)


@cache
def compiler_works(device: str) -> bool:
    """Whether `torch.compile` can make a program here; says so once where it cannot."""
    try:
        torch.compile(torch.sin)(torch.ones(2, device=device))
    except Exception as error:  # no compiler, none for this Python, a folder that cannot be written
        reason = str(error).strip().partition("\n")[0]
        warnings.warn(
            f"torch.compile does not work here ({reason}): the plain step generates the same "
            "tokens, only slower. On a CPU it needs a C++ compiler such as g++",
            stacklevel=2,
        )
        return False
    return True


class CompiledStep:
    """`LanguageModel.forward` for one more token a row, as one compiled program.

    Its shapes never change: attention looks at the whole cache, and a mask hides what is not
    written yet. Where the token stands is a number in a tensor, so that one program serves all
    positions.

    Args:
        model: a pre-norm model of RMSNorm and SwiGLU.
        cache: filled by `hidden` with a prompt without padding. The step works on a copy of it.
    """

    def __init__(self, model: LanguageModel, cache: KVCache) -> None:
        block, weight = model.config.filled, model.embedding.weight
        # The mask gives what is not written yet a share of 0, and 0 times infinity is no number.
        cache.memory[..., cache.length :, :] = 0
        self.position = torch.tensor([cache.length], device=weight.device)
        self.heads = block.heads, block.kv_heads
        self.rotary = model.rotary(slice(0, model.config.context), weight)
        # Copies (B, K, S, d): of views of one tensor the compiler has to compare each with each.
        self.memory = [(keys.clone(), values.clone()) for keys, values in cache.memory]
        for part in (part for layer in self.memory for part in layer):
            torch._dynamo.maybe_mark_dynamic(part, 2)  # one program for caches of every length
            if weight.is_cuda:  # a CUDA graph takes them where they lie, and copies none
                torch._dynamo.mark_static_address(part)
        # Tensors, and no modules: whether they are still the same is asked before each call.
        self.layers = [
            (
                *(part.norm1.weight, matrix(part.attention.qkv), matrix(part.attention.out)),
                *(part.norm2.weight, *map(matrix, (part.mlp.gate, part.mlp.up, part.mlp.down))),
            )
            for part in model.transformer.blocks
        ]
        head = weight[: model.config.vocab_size] if model.config.tied else model.head.weight
        self.ends = weight, model.norm.weight, (head, None)
        self.eps = block.eps
        self.read = torch.compile(read_token, mode="reduce-overhead" if weight.is_cuda else None)

    def __call__(self, tokens: Int[Tensor, " batch"]) -> Float[Tensor, "batch vocabulary"]:
        """Read a token a row; score the next one."""
        scores = self.read(
            tokens,
            self.position,
            layers=self.layers,
            memory=self.memory,
            rotary=self.rotary,
            ends=self.ends,
            heads=self.heads,
            eps=self.eps,
        )
        self.position += 1
        return scores


def read_token(
    tokens: Int[Tensor, " batch"],
    position: Int[Tensor, " 1"],
    *,
    layers: Sequence[tuple],
    memory: Sequence[tuple[Tensor, Tensor]],
    rotary: Rotary,
    ends: tuple[Tensor, Tensor, Matrix],
    heads: tuple[int, int],
    eps: float,
) -> Float[Tensor, "batch vocabulary"]:
    """What is compiled: tokens in, scores out, their keys and values written into `memory`.

    Args:
        tokens: one a row, all at the same `position`.
        layers: of each block: norm, queries-keys-values, out; norm, gate, up, down.
        memory: of each block: keys and values (B, K, S, d).
        rotary: cosines and sines of all positions.
        ends: embedding, last norm, output layer.
        heads: of queries H, and of keys and values K.
        eps: of the norms.
    """
    embedding, last_norm, head = ends
    (all_heads, kv_heads), width = heads, embedding.shape[1:]
    slots, head_width = memory[0][0].shape[-2:]  # S, d
    cos, sin = (table[position] for table in rotary)  # (1, d/2)
    x = embedding[tokens]  # (B, D)
    later = torch.arange(slots, device=x.device) > position
    mask = torch.zeros_like(later, dtype=x.dtype).masked_fill(later, -torch.inf)[None]  # (1, S)
    for (norm1, qkv, out, norm2, gate, up, down), (keys, values) in zip(
        layers, memory, strict=True
    ):
        parts = product(F.rms_norm(x, width, norm1, eps), qkv)
        parts = parts.unflatten(1, (-1, head_width))  # (B, H+2K, d)
        query, key, value = parts.split((all_heads, kv_heads, kv_heads), dim=1)
        query, key = rotate(query, (cos, sin)), rotate(key, (cos, sin))
        keys.index_copy_(2, position, key[:, :, None])
        values.index_copy_(2, position, value[:, :, None])
        # The queries that share a key stand as several queries of one head.
        query = query.unflatten(1, (kv_heads, -1))  # (B, K, H/K, d)
        seen = F.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        x = x + product(seen.flatten(1), out)
        inner = F.rms_norm(x, width, norm2, eps)
        x = x + product(F.silu(product(inner, gate)) * product(inner, up), down)
    return product(F.rms_norm(x, width, last_norm, eps), head)


def matrix(module: nn.Linear) -> Matrix:
    """A linear module without the module."""
    return module.weight, module.bias


def product(x: Float[Tensor, "batch into"], matrix: Matrix) -> Float[Tensor, "batch out"]:
    """`F.linear`. Of one row it is a sum: the compiler's loop for it reads weights faster."""
    weight, bias = matrix
    if len(x) > 1:
        return F.linear(x, weight, bias)
    made = (weight * x).sum(dim=-1)[None]
    return made if bias is None else made + bias
