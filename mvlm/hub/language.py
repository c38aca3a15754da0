"""Llama-style language models (Llama, Mistral, Qwen2) and their tokenizers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import tokenizers
import torch

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
    load_weights,
    same,
    transformer_sources,
    within,
)
from mvlm.language import LanguageConfig, LanguageModel, RotaryScaling
from mvlm.tokenizer import Tokenizer

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
        ignore=unused_endings(language_config),
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
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise WeightsError(
            f"the rotary settings are {str(rope)[:60]} in the config, wanted an object: fetch or "
            f"save config.json again"
        )
    context = setting(config, "max_position_embeddings", 2048)
    window = config.get("sliding_window")
    if window is not None and setting(config, "use_sliding_window", True):
        context = min(context, window)  # beyond its window a model would forget the start
    biased = setting(config, "attention_bias", False)
    heads = setting(config, "num_attention_heads", 32)
    return LanguageConfig(
        vocab_size=setting(config, "vocab_size", 32000),
        width=setting(config, "hidden_size", 4096),
        depth=block_count(config, 32),
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        head_width=config.get("head_dim"),
        mlp_width=setting(config, "intermediate_size", 11008),
        context=context,
        rope_theta=rope.get("rope_theta") or setting(config, "rope_theta", 10_000.0),
        rope_scaling=_rotary_scaling(rope, context),
        eps=setting(config, "rms_norm_eps", 1e-6),
        tied=setting(config, "tie_word_embeddings", False),
        qkv_bias=biased or config.get("model_type") == "qwen2",
        out_bias=biased,
        mlp_bias=setting(config, "mlp_bias", False),
    )


def _rotary_scaling(rope: Config, context: int) -> RotaryScaling | None:
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return None
    if kind not in ("linear", "llama3"):
        raise WeightsError(f"rope_type {kind!r} is not known: mvlm has default, linear and llama3")
    return RotaryScaling(
        kind=kind,
        factor=_positive(rope, "factor"),
        low_turns=rope.get("low_freq_factor", 1.0),
        high_turns=rope.get("high_freq_factor", 4.0),
        original_context=rope.get("original_max_position_embeddings", context),
    )


def _positive(rope: Config, name: str) -> float:
    value = setting(rope, name, 0.0)
    if not value > 0:
        raise WeightsError(
            f"the rotary settings have the {name} {rope.get(name)!r}, wanted a number above 0: "
            f"fetch or save config.json again"
        )
    return value


def language_sources(config: LanguageConfig, checkpoint: Checkpoint, *, ours: str = "") -> Sources:
    """Where a language model finds its numbers, whatever prefix the file gives it."""
    theirs = prefix_of(checkpoint, "embed_tokens.weight", usual="model.")
    sources = {
        f"{ours}embedding.weight": Source((f"{theirs}embed_tokens.weight",)),
        f"{ours}norm.weight": Source((f"{theirs}norm.weight",)),
    }
    if not config.tied:
        head = prefix_of(checkpoint, "lm_head.weight", usual="") + "lm_head"
        sources |= same(f"{ours}head", head, bias=False)
    return sources | transformer_sources(config, f"{ours}transformer", within(theirs, LLAMA_NAMES))


def unused_endings(config: LanguageConfig) -> tuple[str, ...]:
    """Endings the file may have beside the model's own: a tied model's head, said twice."""
    return (ROTARY_FREQUENCIES, "lm_head.weight") if config.tied else (ROTARY_FREQUENCIES,)


def prefix_of(checkpoint: Checkpoint, ending: str, *, usual: str) -> str:
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
    try:
        backend = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise WeightsError(
            f"{path.name} in {folder.name} is no tokenizer ({error}): fetch or save it again"
        ) from error
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
