"""The shared block against PyTorch's own layer, a double loop and transformers."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import mvlm.transformer as module
from mvlm.transformer import (
    Attention,
    Block,
    Transformer,
    TransformerConfig,
    attend,
    attention_weights,
    causal_mask,
    quick_gelu,
    rotate,
)

WIDE = {"width": 24, "heads": 3, "mlp_width": 40, "depth": 2}
LLAMA = WIDE | {
    "heads": 6,
    "kv_heads": 2,
    "head_width": 8,  # 6·8 = 48, not the width
    "norm": "rms",
    "activation": "silu",
    "mlp": "gated",
    "qkv_bias": False,
    "out_bias": False,
    "mlp_bias": False,
}
PADDED = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]]).bool()[:, None, None]  # B 1 1 T


def attend_by_hand(query, key, value, may):
    """Equation 1 of Vaswani et al., one query at a time; `may(q, k)` says who may look."""
    queries, keys, width = query.shape[0], key.shape[0], query.shape[1]
    rows = []
    for q in range(queries):
        seen = [k for k in range(keys) if may(q, k)]
        scores = [sum(a * b for a, b in zip(query[q], key[k], strict=True)) for k in seen]
        exps = [math.exp(score / math.sqrt(width)) for score in scores]
        rows.append([sum(e * value[k][i] for e, k in zip(exps, seen, strict=True)) / sum(exps)
                     for i in range(width)])  # fmt: skip
    return torch.tensor(rows)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("queries", [5, 3, 1])
def test_attend_is_a_double_loop(causal, queries):
    query = torch.randn(1, 2, queries, 4)
    key, value = torch.randn(2, 1, 2, 5, 4)
    got = attend(query, key, value, causal=causal)
    for head in range(2):
        parts = [t[0, head].tolist() for t in (query, key, value)]
        want = attend_by_hand(
            *map(torch.tensor, parts), lambda q, k: not causal or k <= q + 5 - queries
        )
        torch.testing.assert_close(got[0, head], want, atol=1e-6, rtol=1e-5)


def torch_layer(config: TransformerConfig, block: Block) -> nn.TransformerEncoderLayer:
    """PyTorch's own pre-norm layer with the block's weights."""
    layer = nn.TransformerEncoderLayer(
        config.width,
        config.heads,
        config.mlp_width,
        dropout=0.0,
        activation=quick_gelu if config.activation == "quick_gelu" else "gelu",
        layer_norm_eps=config.eps,
        norm_first=True,
        batch_first=True,
    )
    pairs = {
        "self_attn.in_proj_weight": block.attention.qkv.weight,
        "self_attn.in_proj_bias": block.attention.qkv.bias,
        "self_attn.out_proj": block.attention.out,
        "norm1": block.norm1,
        "norm2": block.norm2,
        "linear1": block.mlp.up,
        "linear2": block.mlp.down,
    }
    state = {}
    for name, ours in pairs.items():
        if isinstance(ours, nn.Parameter):
            state[name] = ours
        else:
            state |= {f"{name}.{k}": v for k, v in ours.state_dict().items()}
    layer.load_state_dict(state)
    return layer.train()  # eval mode would take another, fused path


def assert_block_equals_pytorch(heads: int, activation: str = "gelu", causal: bool = False):
    config = TransformerConfig(**WIDE | {"heads": heads, "activation": activation})
    block = Block(config)
    for norm in (block.norm1, block.norm2):  # norms that do something
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    x = torch.randn(7, 5, 24)
    mask = ~causal_mask(5, 5) if causal else None
    want = torch_layer(config, block)(x, src_mask=mask)
    torch.testing.assert_close(block(x, causal=causal), want, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("activation", ["gelu", "quick_gelu"])
@pytest.mark.parametrize("heads", [1, 3, 8])
def test_block_equals_pytorchs_layer(heads, activation, causal):
    assert_block_equals_pytorch(heads, activation, causal)


def test_bug_attention_scaled_by_the_models_width(monkeypatch):
    def scaled_by_width(query, key, value, *, mask=None, causal=False):
        width = query.shape[1] * query.shape[-1]
        return F.scaled_dot_product_attention(query, key, value, scale=width**-0.5)

    monkeypatch.setattr(module, "attend", scaled_by_width)
    assert_block_equals_pytorch(heads=1)  # with one head the bug cannot be seen
    with pytest.raises(AssertionError):
        assert_block_equals_pytorch(heads=3)


def test_bug_norm_overwrites_the_residual_path(monkeypatch):
    def overwritten(self, x, **how):
        x = self.norm1(x)
        x = x + self.attention(x, **how)
        x = self.norm2(x)
        return x + self.mlp(x)

    monkeypatch.setattr(Block, "forward", overwritten)
    with pytest.raises(AssertionError):
        assert_block_equals_pytorch(heads=3)


def test_the_residual_path_is_never_scaled():
    """With both branches at zero a block passes its input on, to the bit."""
    block = Block(TransformerConfig(**WIDE))
    for layer in (block.attention.out, block.mlp.down):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    x = 100 * torch.randn(2, 5, 24)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", [None, PADDED])
@pytest.mark.parametrize("shape", [WIDE, LLAMA])
def test_recorded_weights_are_those_of_the_fused_path(shape, mask, causal):
    stack, x = Transformer(TransformerConfig(**shape)), torch.randn(2, 5, 24)
    weights = []
    recorded = stack(x, mask=mask, causal=causal, record=weights)
    torch.testing.assert_close(stack(x, mask=mask, causal=causal), recorded, atol=1e-6, rtol=1e-5)
    assert [tuple(w.shape) for w in weights] == [(2, shape["heads"], 5, 5)] * 2
    torch.testing.assert_close(weights[0].sum(-1), torch.ones(2, shape["heads"], 5))
    if causal:
        assert weights[0].triu(1).abs().max() == 0


@pytest.mark.parametrize("shape", [WIDE, LLAMA])
def test_left_padding_changes_nothing(shape):
    stack, x = Transformer(TransformerConfig(**shape)), torch.randn(2, 5, 24)
    padded = stack(x, mask=PADDED, causal=True)
    assert padded.isfinite().all()  # the padding's own rows too
    torch.testing.assert_close(padded[:1, 2:], stack(x[:1, 2:], causal=True), atol=1e-6, rtol=1e-5)
    assert (stack(x, causal=True)[0, 2:] - padded[0, 2:]).abs().max() > 0.01  # the mask matters


class GrowingCache:
    """The simplest cache there is."""

    def __init__(self):
        self.parts = {}

    def update(self, layer, keys, values):
        if layer in self.parts:
            old_keys, old_values = self.parts[layer]
            keys, values = torch.cat((old_keys, keys), 2), torch.cat((old_values, values), 2)
        self.parts[layer] = keys, values
        return keys, values


@pytest.mark.parametrize("chunks", [(5,), (1, 1, 1, 1, 1), (3, 2), (2, 1, 2)])
def test_with_a_cache_tokens_may_come_in_chunks(chunks):
    stack, x = Transformer(TransformerConfig(**LLAMA)), torch.randn(2, 5, 24)
    cache, parts = GrowingCache(), []
    for chunk in x.split(chunks, dim=1):
        parts.append(stack(chunk, causal=True, cache=cache))
    torch.testing.assert_close(torch.cat(parts, 1), stack(x, causal=True), atol=1e-6, rtol=1e-5)


def test_the_first_tokens_alone_equal_those_of_the_whole():
    block, x = Block(TransformerConfig(**WIDE)), torch.randn(2, 5, 24)
    torch.testing.assert_close(block(x, first=2), block(x)[:, :2], atol=1e-6, rtol=1e-5)


def test_a_stack_asks_every_token_until_its_last_block():
    stack, x = Transformer(TransformerConfig(**WIDE)), torch.randn(2, 5, 24)
    torch.testing.assert_close(stack(x, first=1), stack(x)[:, :1], atol=1e-6, rtol=1e-5)


def test_recorded_weights_of_large_half_precision_scores_are_numbers():
    query = torch.full((1, 1, 2, 64), 40.0, dtype=torch.float16)
    assert attention_weights(query, query).isfinite().all()


@pytest.mark.parametrize("options", [{"causal": True}, {"mask": torch.ones(5, 5).bool()}])
def test_the_first_tokens_alone_need_attention_of_all_to_all(options):
    with pytest.raises(ValueError, match="leave out mask and causal"):
        Block(TransformerConfig(**WIDE))(torch.randn(2, 5, 24), first=1, **options)


def test_grouped_queries_equal_repeated_keys():
    grouped = Attention(TransformerConfig(**LLAMA))
    full = Attention(TransformerConfig(**LLAMA | {"kv_heads": 6}))
    query, key, value = grouped.qkv.weight.split((48, 16, 16))
    key, value = (t.view(2, 8, 24).repeat_interleave(3, 0).flatten(0, 1) for t in (key, value))
    full.qkv.weight.data = torch.cat((query, key, value))
    full.out.load_state_dict(grouped.out.state_dict())
    x = torch.randn(2, 5, 24)
    torch.testing.assert_close(grouped(x), full(x), atol=1e-6, rtol=1e-5)


def test_rotate_equals_transformers():
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    query, angles = torch.randn(2, 3, 5, 8), torch.randn(5, 4)
    cos, sin = angles.cos(), angles.sin()
    doubled = [torch.cat((t, t), -1).expand(2, -1, -1) for t in (cos, sin)]
    want, _ = apply_rotary_pos_emb(query, query, *doubled)
    torch.testing.assert_close(rotate(query, (cos, sin)), want)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("gelu", "gelu"), ("quick_gelu", "quick_gelu"), ("gelu_tanh", "gelu_pytorch_tanh"),
     ("silu", "silu")],
)  # fmt: skip
def test_activations_equal_transformers(ours, theirs):
    from transformers.activations import ACT2FN

    x = torch.linspace(-6, 6, 101)
    torch.testing.assert_close(module.ACTIVATIONS[ours](x), ACT2FN[theirs](x))


def test_the_three_gelus_differ():
    x = torch.linspace(-6, 6, 101)
    exact, quick, tanh = (module.ACTIVATIONS[n](x) for n in ("gelu", "quick_gelu", "gelu_tanh"))
    assert (exact - quick).abs().max() > 0.01
    assert 1e-4 < (exact - tanh).abs().max() < 1e-3


def test_encode_keeps_what_enters_and_leaves_each_block_and_weights_only_when_asked():
    stack, x = Transformer(TransformerConfig(**WIDE)), torch.randn(2, 5, 24)
    encoding = stack.encode(x, nn.Identity(), causal=True)
    assert [torch.equal(encoding.hidden_states[0], x), len(encoding.hidden_states)] == [True, 3]
    assert torch.equal(encoding.tokens, encoding.hidden_states[-1])
    assert encoding.attentions == ()
    asked = stack.encode(x, nn.Identity(), causal=True, attentions=True)
    torch.testing.assert_close(asked.tokens, stack(x, causal=True), atol=1e-6, rtol=1e-5)
    assert [tuple(w.shape) for w in asked.attentions] == [(2, 3, 5, 5)] * 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": 5}, "width 24 does not divide into 5 heads: change one"),
        ({"heads": 0}, "heads is 0: pass at least 1"),
        ({"kv_heads": 2}, "3 heads cannot share 2 kv_heads evenly"),
        ({"norm": "batch"}, "norm 'batch' is not known: choose from layer, rms"),
        ({"activation": "relu"}, "activation 'relu' is not known: choose from gelu, quick_gelu"),
        ({"mlp": "moe"}, "mlp 'moe' is not known: choose from plain, gated"),
    ],
)
def test_config_says_what_is_wrong(change, message):
    with pytest.raises(ValueError, match=message):
        TransformerConfig(**WIDE | change)


def test_a_changed_config_does_not_keep_what_followed_from_the_old_one():
    wide = replace(TransformerConfig(width=24, heads=3, depth=2), width=48, heads=4).filled
    assert (wide.head_width, wide.kv_heads, wide.mlp_width) == (12, 4, 192)


def test_config_is_frozen_and_keyword_only():
    config = TransformerConfig(**WIDE)
    with pytest.raises(AttributeError):
        config.width = 3
    with pytest.raises(TypeError):
        TransformerConfig(24, 3, 40, 2)


@pytest.mark.parametrize("call", [attention_weights, lambda q, k, **m: attend(q, k, k, **m)])
def test_a_mask_of_numbers_is_refused(call):
    query = torch.randn(1, 1, 2, 4)
    with pytest.raises(TypeError, match=r"has torch.float32: give a boolean one, True where"):
        call(query, query, mask=torch.ones(2, 2))


@pytest.mark.gpu
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 5e-2)])
@pytest.mark.parametrize("shape", [WIDE, LLAMA])
def test_gpu_equals_cpu(shape, dtype, tolerance):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    stack, x = Transformer(TransformerConfig(**shape)), torch.randn(2, 5, 24)
    want = stack(x, mask=PADDED, causal=True)
    there = stack.to("cuda", dtype)(x.to("cuda", dtype), mask=PADDED.cuda(), causal=True)
    torch.testing.assert_close(there.float().cpu(), want, atol=tolerance, rtol=tolerance)
