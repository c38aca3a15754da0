"""Llama-style language models (Llama, Mistral, Qwen2) and their tokenizers."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, NamedTuple

import torch

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
    load_weights,
    transformer_sources,
    within,
)
from mvlm.hub.tokens import read_tokenizer
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
# What a config leaves out is its family's default: transformers' LlamaConfig, MistralConfig and
# Qwen2Config. Families share what stands under "llama" alone. None for key-value heads: as many as
# heads.
LLAMA_DEFAULTS: dict[str, Any] = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": None,
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10_000.0,
    "tie_word_embeddings": False,
}
DEFAULTS = {
    "llama": LLAMA_DEFAULTS,
    "mistral": LLAMA_DEFAULTS
    | {
        "intermediate_size": 14336,
        "num_key_value_heads": 8,
        "max_position_embeddings": 131072,
    },
    "qwen2": LLAMA_DEFAULTS
    | {
        "vocab_size": 151936,
        "intermediate_size": 22016,
        "num_key_value_heads": 32,
        "max_position_embeddings": 32768,
    },
}
SLIDING_WINDOW, FIRST_SLIDING_LAYER = 4096, 28  # of Mistral and Qwen2, where the config is silent
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
    device: str | torch.device = "cpu",
) -> LoadedLanguage:
    """A Llama-style model with trained weights, such as "HuggingFaceTB/SmolLM2-135M".

    Llama, and Mistral and Qwen2, which have the same blocks. Args and errors are those of
    `load_vit`.
    """
    folder = fetch(name_or_folder, revision=revision)
    config = read_config(folder, LLAMA_TYPES)
    checkpoint = Checkpoint(folder)
    language_config = with_the_head_that_is_there(language_config_from(config), checkpoint)
    with torch.device("meta"):
        model = LanguageModel(language_config)
    sources = language_sources(language_config, checkpoint)
    load_weights(
        model,
        sources,
        checkpoint,
        ignore=unused_endings(language_config),
        dtype=dtype,
        device=device,
    )
    return LoadedLanguage(model.eval(), read_tokenizer(folder, config))


def language_config_from(config: Config) -> LanguageConfig:
    """transformers' config of the family in our words, with the family's own defaults.

    Raises:
        WeightsError: it asks for something that `LanguageModel` does not do.
    """
    family = config.get("model_type", "llama")
    default = DEFAULTS[family]
    if config.get("hidden_act", "silu") not in ("silu", "swish"):
        raise WeightsError(
            f"hidden_act {config['hidden_act']!r} is not Llama's silu: mvlm has no such decoder"
        )
    rope = config.get("rope_scaling") or config.get("rope_parameters") or {}
    if not isinstance(rope, dict):
        raise WeightsError(
            f"the rotary settings are {str(rope)[:60]} in the config, wanted an object: fetch or "
            f"save config.json again"
        )
    context = setting(config, "max_position_embeddings", default["max_position_embeddings"])
    depth = block_count(config, default["num_hidden_layers"])
    heads = setting(config, "num_attention_heads", default["num_attention_heads"])
    kv_heads = config.get("num_key_value_heads", default["num_key_value_heads"])
    # Biases are a setting of Llama alone; Qwen2 has those of queries, keys and values.
    biased = family == "llama" and setting(config, "attention_bias", False)
    return LanguageConfig(
        vocab_size=setting(config, "vocab_size", default["vocab_size"]),
        width=setting(config, "hidden_size", default["hidden_size"]),
        depth=depth,
        heads=heads,
        kv_heads=heads if kv_heads is None else kv_heads,
        head_width=config.get("head_dim"),
        mlp_width=setting(config, "intermediate_size", default["intermediate_size"]),
        context=min(context, sliding_window(config, family, depth) or context),
        rope_theta=setting(
            rope, "rope_theta", setting(config, "rope_theta", default["rope_theta"])
        ),
        rope_scaling=_rotary_scaling(config, rope, context),
        eps=setting(config, "rms_norm_eps", default["rms_norm_eps"]),
        tied=setting(config, "tie_word_embeddings", default["tie_word_embeddings"]),
        qkv_bias=biased or family == "qwen2",
        out_bias=biased,
        mlp_bias=family == "llama" and setting(config, "mlp_bias", False),
    )


def sliding_window(config: Config, family: str, depth: int) -> int | None:
    """How far back a token looks in some layer, where that is not as far as the text goes.

    `LanguageModel` has no such window. Within it nothing differs, so it is taken for the context:
    a longer text is then refused instead of being read otherwise than in training.
    """
    if family == "llama":
        return None
    if family == "qwen2":
        if not setting(config, "use_sliding_window", False):
            return None
        first = setting(config, "max_window_layers", FIRST_SLIDING_LAYER)
        kinds = config.get("layer_types") or (["sliding_attention"] if first < depth else [])
        if "sliding_attention" not in kinds:
            return None
    if config.get("sliding_window", SLIDING_WINDOW) is None:
        return None
    return setting(config, "sliding_window", SLIDING_WINDOW)


def _rotary_scaling(config: Config, rope: Config, context: int) -> RotaryScaling | None:
    turned = rope.get("partial_rotary_factor", config.get("partial_rotary_factor"))
    if turned not in (None, 1, 1.0):
        raise WeightsError(
            f"partial_rotary_factor is {turned!r} in the config, mvlm turns whole heads: load "
            f"another model"
        )
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return None
    if kind not in ("linear", "llama3"):
        raise WeightsError(f"rope_type {kind!r} is not known: mvlm has default, linear and llama3")
    outside = config.get("original_max_position_embeddings")
    return RotaryScaling(
        kind=kind,
        factor=_positive(rope, "factor"),
        low_turns=rope.get("low_freq_factor", 1.0),
        high_turns=rope.get("high_freq_factor", 4.0),
        original_context=outside or rope.get("original_max_position_embeddings", context),
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
    embedding, head = f"{theirs}embed_tokens.weight", _head(checkpoint)
    if config.tied and embedding not in checkpoint.shapes and head in checkpoint.shapes:
        embedding = head  # of two names for one tensor, any may have been kept
        theirs = prefix_of(checkpoint, "layers.0.input_layernorm.weight", usual="model.")
    return sources_under(config, theirs, embedding, head, ours=ours)


def sources_under(
    config: LanguageConfig, theirs: str, embedding: str, head: str, *, ours: str = ""
) -> Sources:
    """The same where the file's names are known: a prefix, and two tensors' whole names."""
    sources = {
        f"{ours}embedding.weight": Source((embedding,)),
        f"{ours}norm.weight": Source((f"{theirs}norm.weight",)),
    }
    if not config.tied:
        sources[f"{ours}head.weight"] = Source((head,))
    return sources | transformer_sources(config, f"{ours}transformer", within(theirs, LLAMA_NAMES))


def with_the_head_that_is_there(config: LanguageConfig, checkpoint: Checkpoint) -> LanguageConfig:
    """Untied where the file holds a head that differs from its embedding, whatever was said.

    After fine-tuning or merging, config.json may still say that the two are one; transformers
    then uses the head in the file, and so do we.
    """
    head = _head(checkpoint)
    embedding = prefix_of(checkpoint, "embed_tokens.weight", usual="model.") + "embed_tokens.weight"
    both = head in checkpoint.shapes and embedding in checkpoint.shapes
    if config.tied and both and not checkpoint.same(head, embedding):
        return replace(config, tied=False)
    return config


def _head(checkpoint: Checkpoint) -> str:
    return prefix_of(checkpoint, "lm_head.weight", usual="") + "lm_head.weight"


def unused_endings(config: LanguageConfig) -> tuple[str, ...]:
    """Endings the file may have beside the model's own: a tied model's head, said twice."""
    return (ROTARY_FREQUENCIES, "lm_head.weight") if config.tied else (ROTARY_FREQUENCIES,)


def prefix_of(checkpoint: Checkpoint, ending: str, *, usual: str) -> str:
    """What stands before `ending` in the file: it differs with the years and the wrapping."""
    found = [name.removesuffix(ending) for name in checkpoint.shapes if name.endswith(ending)]
    return found[0] if len(found) == 1 else usual
