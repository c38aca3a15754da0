"""Generation: a language model's next token, again and again.

Chapter 08. Holtzman et al. 2020 (top-p). The first pass reads the whole prompt; every further one
reads a single token, whose past lies in the cache. Letters: B rows, T tokens, V vocabulary, D
width, H heads, K heads of keys and values, d width of a head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from functools import partial
from numbers import Integral

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mvlm.language import KVCache, LanguageModel
from mvlm.tokenizer import pad_rows
from mvlm.transformer import check_attention_mask

Prompts = Sequence[Sequence[int]] | Tensor
Reader = Callable[[Tensor], Tensor]
"""Reads one more token (B,) a row into the cache, and scores (B, V) what comes next."""

COLDEST = 1e-6
"""Below it scores divided by the temperature overflow: pass 0 for the likeliest token."""


def filter_logits(
    logits: Float[Tensor, "*batch vocabulary"],
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Float[Tensor, "*batch vocabulary"]:
    """Sharpen the scores, then cut the unlikely tokens off with minus infinity, in this order.

    1. divide by `temperature`; 2. keep the `top_k` highest; 3. of what is left keep the fewest
    whose probabilities reach `top_p` together. Taking the temperature last would let `top_p`
    judge probabilities that are not those drawn from.

    Raises:
        ValueError: a temperature under `COLDEST`, top_k under 1, or top_p not in (0, 1].
    """
    if not temperature >= COLDEST:
        raise ValueError(
            f"temperature is {temperature}: pass {COLDEST} or more (to `generate`, 0 for the "
            "likeliest token)"
        )
    _check_cuts(top_k, top_p)
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        kept = logits.topk(top_k, dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < kept, -torch.inf)
    if top_p is not None and top_p < 1:
        ordered, order = logits.sort(dim=-1, descending=True)
        probabilities = ordered.softmax(dim=-1)
        before = probabilities.cumsum(dim=-1) - probabilities  # of all likelier tokens
        enough = (before >= top_p).scatter(-1, order, before >= top_p)  # back to token order
        logits = logits.masked_fill(enough, -torch.inf)
    return logits


def _check_cuts(top_k: int | None, top_p: float | None) -> None:
    if top_k is not None and not _is_count(top_k):
        raise ValueError(f"top_k is {top_k}: pass at least 1, a whole number")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p is {top_p}: pass more than 0 and at most 1")


def _is_count(number: object) -> bool:
    return isinstance(number, Integral) and number >= 1


def _end_ids(end_id: int | Sequence[int] | Tensor | None) -> set[int]:
    """One number or several, of Python, NumPy or torch, as a set of Python's own."""
    if end_id is None:
        return set()
    if hasattr(end_id, "tolist"):  # an array or a tensor of any shape: NumPy's numbers too
        end_id = end_id.tolist()
    several = [end_id] if isinstance(end_id, Integral) else end_id
    if isinstance(several, Sequence | Set) and not isinstance(several, str | bytes):
        several = [i.item() if hasattr(i, "item") else i for i in several]
        if all(isinstance(i, Integral) and not isinstance(i, bool) for i in several):
            return {int(i) for i in several}
    raise TypeError(
        f"end_id is {end_id!r}: pass the number of a token or several, such as tokenizer.end_ids"
    )


def generate(model: LanguageModel, prompts: Prompts | None = None, **options) -> list[list[int]]:
    """Continue each prompt; the arguments are those of `stream`.

    Returns:
        The new tokens of each row, without the prompt, up to and with its end token if one came.
    """
    rows: list[list[int]] | None = None
    for tokens in stream(model, prompts, **options):
        rows = [[] for _ in tokens] if rows is None else rows
        for row, token in zip(rows, tokens, strict=True):
            if token is not None:
                row.append(token)
    return rows


def stream(
    model: LanguageModel,
    prompts: Prompts | None = None,
    *,
    max_new_tokens: int,
    embeddings: Float[Tensor, "batch token width"] | None = None,
    attention_mask: Bool[Tensor, "batch token"] | None = None,
    end_id: int | Sequence[int] | Tensor | None = None,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
    step: Callable[[LanguageModel, KVCache], Reader] | None = None,
) -> Iterator[list[int | None]]:
    """Continue prompts token by token: one list a step, with None for a row that has ended.

    Args:
        model: the language model.
        prompts: rows of token ids, of any lengths; or one tensor (B, T), with `attention_mask`
            where it is padded, on the LEFT. Lists need no mask: they are padded here.
        max_new_tokens: steps at most.
        embeddings: vectors (B, T, D) in place of prompts, padded on the left.
        attention_mask: True on tokens, False on padding.
        end_id: the token, or tokens, that end a row, or None. Each row ends by itself; a hub
            model's are its `tokenizer.end_ids`.
        temperature: 0 takes the likeliest token every time; more draws, see `filter_logits`.
        top_k, top_p: what to draw from.
        generator: for the draws, on the CPU, so that a seed gives the same on every device.
        step: makes what reads one more token, from the model and the cache that holds the prompt;
            `plain_step` unless given. `mvlm.compiled.compiled_step` is faster.

    Raises:
        ValueError: an empty prompt, padding on the right, no room in the context, or an option
            that cannot be; also scores that are not numbers, once they come.
        TypeError: the prompts or end_id are no token ids.
    """
    ends = _end_ids(end_id)
    if not _is_count(max_new_tokens):
        raise ValueError(f"max_new_tokens is {max_new_tokens}: pass at least 1, a whole number")
    _check_cuts(top_k, top_p)
    if not temperature >= 0:
        raise ValueError(f"temperature is {temperature}: pass 0 for the likeliest token, or more")
    if embeddings is None:
        embeddings, attention_mask = _embed_prompts(model, prompts, attention_mask)
    elif prompts is not None:
        raise ValueError("pass either prompts or embeddings, and not both")
    model.check_embeddings(embeddings)
    batch, length, _ = embeddings.shape
    _check_left_padded(attention_mask, (batch, length))
    wanted = length + max_new_tokens
    if wanted > model.config.context:
        raise ValueError(
            f"{length} prompt tokens and {max_new_tokens} new ones are more than the model's "
            f"context of {model.config.context}: shorten one of them"
        )
    return _stream(
        model,
        embeddings,
        attention_mask,
        model.cache(batch, wanted - 1),  # the last token is never read
        steps=max_new_tokens,
        ends=ends,
        choose=lambda logits: _choose(logits, temperature, top_k, top_p, generator),
        step=step or plain_step,
    )


def is_llama_style(model: LanguageModel, cache: KVCache) -> bool:
    """Whether a step can be written out: Llama's blocks, and a prompt without padding."""
    config = model.config
    llama = (config.norm, config.mlp, config.activation) == ("rms", "gated", "silu")
    return llama and not (config.norm_after or config.qk_norm or cache.padded)


def plain_step(model: LanguageModel, cache: KVCache) -> Reader:
    """`Step` where the model and its prompt allow it, else `LanguageModel.hidden`."""
    read = Step(model, cache) if is_llama_style(model, cache) else partial(_read, model, cache)
    return lambda tokens: model.logits(read(model.embedding(tokens[:, None]))[:, -1])


class Step:
    """`LanguageModel.hidden` for one more token a row of a pre-norm model, written out.

    In a small model such a step is over before its bookkeeping is: calling a module, checking an
    input and taking a view each cost what a product costs. So all weights are looked up once, and
    what only longer inputs, padding or OLMo's norms need is left out. Tests hold it against
    `hidden`.

    Args:
        model: see there.
        cache: filled by `hidden` with the prompt; each call adds a token to it.
    """

    def __init__(self, model: LanguageModel, cache: KVCache) -> None:
        block = model.config.filled
        self.heads, self.kv_heads = block.heads, block.kv_heads
        self.shape = (cache.batch, -1, block.head_width)
        self.cache, self.norm = cache, norm(model.norm)
        # Cosines twice, sines with both signs: then `turn` needs no halves. See `rotate`.
        cos, sin = model.rotary(slice(0, cache.capacity), model.embedding.weight)
        self.cos, self.sin = torch.cat((cos, cos), -1), torch.cat((-sin, sin), -1)  # (length, d)
        self.layers = []
        for part, (keys, values) in zip(model.transformer.blocks, cache.memory, strict=True):
            before = norm(part.norm1), product(part.attention.qkv), product(part.attention.out)
            after = norm(part.norm2), *map(product, (part.mlp.gate, part.mlp.up, part.mlp.down))
            self.layers.append((*before, *after, keys, values))

    def __call__(self, x: Float[Tensor, "batch 1 width"]) -> Float[Tensor, "batch 1 width"]:
        """The token's vectors in, normalised ones to score the next token with out."""
        at, turned_heads = self.cache.length, self.heads + self.kv_heads
        cos, sin = self.cos[at], self.sin[at]  # (d,)
        x = x[:, 0]  # (B, D)
        for norm1, qkv, out, norm2, gate, up, down, keys, values in self.layers:
            heads = qkv(norm1(x)).view(self.shape)  # (B, H+2K, d)
            turned = turn(heads[:, :turned_heads], cos, sin)
            keys[:, :, at] = turned[:, self.heads :]
            values[:, :, at] = heads[:, turned_heads:]
            # The queries that share a key stand as several queries of one head.
            query = turned[:, : self.heads].unflatten(1, (self.kv_heads, -1))  # (B, K, H/K, d)
            seen = F.scaled_dot_product_attention(
                query, keys[:, :, : at + 1], values[:, :, : at + 1]
            )
            x = x + out(seen.flatten(1))
            inner = norm2(x)
            x = x + down(F.silu(gate(inner)) * up(inner))
        self.cache.length += 1
        return self.norm(x)[:, None]


def product(module: nn.Linear) -> Callable[[Tensor], Tensor]:
    """What a linear module does, without the call of the module."""
    weight, bias = module.weight, module.bias
    return lambda x: F.linear(x, weight, bias)


def norm(module: nn.RMSNorm) -> Callable[[Tensor], Tensor]:
    """What a norm does, without the call of the module."""
    shape, weight, eps = list(module.normalized_shape), module.weight, module.eps
    return lambda x: torch.rms_norm(x, shape, weight, eps)


def turn(
    x: Float[Tensor, "batch head head_width"], cos: Tensor, sin: Tensor
) -> Float[Tensor, "batch head head_width"]:
    """`rotate` for tables a whole head wide: its two halves change places instead."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, -1), sin)


@torch.inference_mode()
def _stream(
    model: LanguageModel,
    embeddings: Tensor,
    attention_mask: Tensor | None,
    cache: KVCache,
    *,
    steps: int,
    ends: set[int],
    choose: Callable[[Tensor], Tensor],
    step: Callable[[LanguageModel, KVCache], Reader],
) -> Iterator[list[int | None]]:
    alive = [True] * len(embeddings)
    hidden = model.hidden(embeddings=embeddings, attention_mask=attention_mask, cache=cache)
    logits = model.logits(hidden[:, -1])  # (B, V), from the last token alone
    read = step(model, cache)
    for left in reversed(range(steps)):
        chosen = choose(logits)  # (B,)
        tokens = chosen.tolist()
        yield [token if live else None for token, live in zip(tokens, alive, strict=True)]
        alive = [live and token not in ends for token, live in zip(tokens, alive, strict=True)]
        if not left or not any(alive):
            return
        logits = read(chosen)


def _read(model: LanguageModel, cache: KVCache, x: Tensor) -> Tensor:
    return model.hidden(embeddings=x, cache=cache)


def _choose(
    logits: Float[Tensor, "batch vocabulary"],
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    generator: torch.Generator | None,
) -> Int[Tensor, " batch"]:
    if bool(logits.isnan().any()):
        raise ValueError(
            "the model's scores are not numbers: the weights or the embeddings hold NaN or infinity"
        )
    if temperature == 0:
        return logits.argmax(dim=-1)
    logits = filter_logits(logits.float(), temperature=temperature, top_k=top_k, top_p=top_p)
    drawn = torch.multinomial(logits.softmax(dim=-1).cpu(), 1, generator=generator)
    return drawn[:, 0].to(logits.device)


def _embed_prompts(
    model: LanguageModel, prompts: Prompts | None, attention_mask: Tensor | None
) -> tuple[Float[Tensor, "batch token width"], Bool[Tensor, "batch token"] | None]:
    if prompts is None or not len(prompts):
        raise ValueError("no prompt came: pass at least one row of token ids")
    if not isinstance(prompts, Tensor):
        if attention_mask is not None:
            raise ValueError(
                "attention_mask came with lists of ids: leave it out, since they are padded here, "
                "or pass one tensor"
            )
        if any(isinstance(row, Integral | str) for row in prompts):
            raise TypeError(
                "a prompt is no list of token ids: encode text first, and pass a list of lists"
            )
        empty = [i for i, row in enumerate(prompts) if not len(row)]
        if empty:
            raise ValueError(
                f"prompt {empty[0]} is empty: pass at least one token, such as the start token"
            )
        prompts, attention_mask = pad_rows(prompts, 0, side="left")
    return model._vectors(prompts), attention_mask


def _check_left_padded(attention_mask: Tensor | None, shape: tuple[int, int]) -> None:
    if attention_mask is None:
        return
    check_attention_mask(attention_mask, shape)
    if not bool(attention_mask[:, -1].all()):
        raise ValueError(
            "a prompt is empty or is padded on the right, so the last token is padding: pad on the "
            "left, or pass lists of ids"
        )
