"""The language model by itself; that it equals transformers is tested in test_hub_language."""

import cmath
import math

import pytest
import torch
import torch.nn.functional as F
from transformers import Olmo2Config, Olmo2ForCausalLM
from transformers.generation.logits_process import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from mvlm.generation import Step, filter_logits, generate, stream
from mvlm.language import (
    VARIANTS,
    KVCache,
    LanguageConfig,
    LanguageModel,
    RotaryScaling,
    RotaryTable,
    next_token_loss,
)
from mvlm.transformer import rotate

TINY = {"vocab_size": 61, "width": 48, "depth": 3, "heads": 6, "mlp_width": 80, "context": 64}


def tiny(**changes) -> LanguageModel:
    model = LanguageModel(LanguageConfig(**(TINY | {"kv_heads": 2} | changes)))
    for parameter in model.parameters():
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


# Published: the models' cards, and the sizes transformers and safetensors report for the files.
COUNTS = {
    "SmolLM2-135M": 134_515_008,
    "SmolLM2-360M": 361_821_120,
    "SmolLM2-1.7B": 1_711_376_384,
    "TinyLlama-1.1B": 1_100_048_384,
    "Llama-3.2-1B": 1_235_814_400,
    "Llama-2-7B": 6_738_415_616,
    "Vicuna-7B": 6_738_415_616,
    "Vicuna-13B": 13_015_864_320,
}


@pytest.mark.parametrize("name", VARIANTS)
def test_parameter_counts_are_the_published_ones(name):
    with torch.device("meta"):
        model = LanguageModel.from_variant(name)
    assert sum(p.numel() for p in model.parameters()) == COUNTS[name]


def test_a_variant_can_be_changed():
    model = LanguageModel.from_variant("SmolLM2-135M", vocab_size=100, depth=1)
    assert model(torch.tensor([[1, 2]])).shape == (1, 2, 100)


# ---------------------------------------------------------------------------------- positions


def test_rotation_is_a_complex_product():
    """Su et al. 2021, equation 12: pair i, as one complex number, times e^(i·position·angle)."""
    config = LanguageConfig(**(TINY | {"heads": 6, "rope_theta": 100.0}))
    x = torch.randn(1, 1, 10, 8)
    turned = rotate(x, RotaryTable(config)(slice(0, 10), x))
    for position in range(10):
        for i in range(4):
            angle = position * 100.0 ** (-2 * i / 8)
            pair = complex(x[0, 0, position, i], x[0, 0, position, i + 4])
            expected = pair * cmath.exp(1j * angle)
            found = complex(turned[0, 0, position, i], turned[0, 0, position, i + 4])
            assert abs(found - expected) < 1e-5


def test_only_distances_count():
    config = LanguageConfig(**TINY)
    table = RotaryTable(config)
    query, key = torch.randn(2, 1, 1, 1, 8)

    def score(at: int, other: int) -> float:
        turned = [rotate(x, table(torch.tensor([[p]]), x)) for x, p in ((query, at), (key, other))]
        return float((turned[0] * turned[1]).sum())

    assert score(5, 2) == pytest.approx(score(45, 42), abs=1e-5)
    assert score(5, 2) != pytest.approx(score(5, 3), abs=1e-3)


def test_rotary_scaling_of_an_unknown_kind():
    with pytest.raises(ValueError, match="rotary scaling 'yarn' is not known"):
        RotaryScaling(kind="yarn", factor=2.0)


# -------------------------------------------------------------------------------------- cache


@pytest.mark.parametrize("steps", [[1] * 12, [5, 1, 1, 5], [7, 5], [1, 11]])
def test_cached_equals_uncached_at_every_step(steps):
    model, ids = tiny(), torch.randint(0, 61, (3, 12))
    cache = model.cache(3, 12)
    with torch.no_grad():
        whole = model(ids)
        for count in steps:
            start = cache.length
            part = model(ids[:, start : start + count], cache=cache)
            assert (part - whole[:, start : start + count]).abs().max() < 1e-5
    assert cache.length == 12


@pytest.mark.parametrize("full_mask", [False, True])
def test_cached_equals_uncached_with_left_padding(full_mask):
    model, ids = tiny(), torch.randint(0, 61, (3, 12))
    mask = torch.ones(3, 12, dtype=torch.bool)
    mask[1, :3] = mask[2, :5] = False
    cache = model.cache(3, 12)
    with torch.no_grad():
        whole = model(ids, attention_mask=mask)
        first = model(ids[:, :6], attention_mask=mask[:, :6], cache=cache)
        assert (first - whole[:, :6])[mask[:, :6]].abs().max() < 1e-5
        for t in range(6, 12):  # the cache remembers the padding; saying it again does no harm
            again = {"attention_mask": mask[:, : t + 1]} if full_mask else {}
            part = model(ids[:, t : t + 1], cache=cache, **again)
            assert (part[:, 0] - whole[:, t]).abs().max() < 1e-5


def test_regression_mask_dropped_in_cached_generation():
    """With the padding forgotten after the prefill, the answer changes from its second token."""
    model = tiny()
    prompts = [[5, 6, 7, 8, 9, 10, 11], [12, 13]]
    both = generate(model, prompts, max_new_tokens=12)
    alone = [generate(model, [prompt], max_new_tokens=12)[0] for prompt in prompts]
    assert both == alone
    embeddings = model.embed(torch.tensor([[0] * 5 + prompts[1]]))  # padding taken for text
    assert generate(model, embeddings=embeddings, max_new_tokens=12)[0] != alone[1]


def test_regression_positions_added_again_at_every_generation_step():
    """Each new token stands one further, and is turned once: as if all were read at once."""
    model = tiny()
    prompt = [3, 1, 4, 1, 5]
    (made,) = generate(model, [prompt], max_new_tokens=20)
    row = list(prompt)
    for token in made:
        with torch.no_grad():
            assert int(model(torch.tensor([row]))[0, -1].argmax()) == token
        row.append(token)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(side):
    model, ids = tiny(), torch.randint(0, 61, (1, 6))
    gap = torch.randint(0, 61, (1, 5))
    pieces = (gap, ids) if side == "left" else (ids, gap)
    mask = torch.cat([torch.full_like(p, p is ids) for p in pieces], 1)  # ones and zeros
    with torch.no_grad():
        padded = model(torch.cat(pieces, 1), attention_mask=mask)
        assert (padded[mask.bool()] - model(ids)[0]).abs().max() < 1e-5
        assert padded.isfinite().all()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kv_heads": 1},
        {"kv_heads": 6, "head_width": 6},
        {"qkv_bias": True, "out_bias": True, "mlp_bias": True, "tied": False},
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_step_written_out_equals_the_model(changes, dtype):
    model = tiny(**changes).to(dtype)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    ids = torch.randint(0, 61, (3, 9))
    cache = model.cache(3, 9)
    with torch.inference_mode():
        want = model.hidden(ids)
        model.hidden(ids[:, :4], cache=cache)
        step = Step(model, cache)
        tolerance = 1e-1 if dtype is torch.bfloat16 else 1e-5
        for t in range(4, 9):
            got = step(model.embed(ids[:, t : t + 1]))
            torch.testing.assert_close(got[:, 0], want[:, t], atol=tolerance, rtol=tolerance)
    assert cache.length == 9


@pytest.mark.parametrize("changes", [{"norm": "layer"}, {"activation": "gelu"}, {"mlp": "plain"}])
def test_blocks_that_are_not_llama_s_are_generated_with_the_model_itself(changes):
    model, row = tiny(**changes), [3, 1, 4]
    for token in generate(model, [row], max_new_tokens=12)[0]:
        with torch.no_grad():
            assert int(model(torch.tensor([row]))[0, -1].argmax()) == token
        row.append(token)


def test_a_step_under_autocast():
    model = tiny()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert len(generate(model, [[3, 1, 4]], max_new_tokens=8)[0]) == 8


@pytest.mark.parametrize("kv_heads", [4, 2])
def test_norms_after_and_of_queries_and_keys_are_those_of_olmo_2(kv_heads):
    sizes = {"vocab_size": 61, "hidden_size": 48, "intermediate_size": 56, "num_hidden_layers": 3}
    heads = {"num_attention_heads": 4, "num_key_value_heads": kv_heads}
    theirs = Olmo2ForCausalLM(Olmo2Config(**sizes, **heads, pad_token_id=0, eos_token_id=None))
    for parameter in theirs.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    config = LanguageConfig(
        vocab_size=61,
        width=48,
        depth=3,
        heads=4,
        kv_heads=kv_heads,
        mlp_width=56,
        tied=False,
        qk_norm=True,
        norm_after=True,
    )
    ours = LanguageModel(config).eval()
    ours.load_state_dict(as_ours(theirs.eval().state_dict()))
    ids = torch.randint(1, 61, (3, 20))
    mask = torch.ones_like(ids)
    mask[1, :7] = 0
    plain = {"do_sample": False, "max_new_tokens": 12, "attention_mask": mask}
    with torch.no_grad():
        assert (ours(ids) - theirs(ids).logits).abs().max() <= 1e-5
        answers = theirs.generate(ids, **plain)[:, 20:].tolist()
    assert generate(ours, ids, attention_mask=mask, max_new_tokens=12) == answers
    assert generate(ours, ids[:1], max_new_tokens=12) == answers[:1]


def as_ours(theirs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """An OLMo 2 of transformers under our names; queries, keys and values become one matrix."""
    names = {
        "self_attn.o_proj": "attention.out",
        "self_attn.q_norm": "attention.query_norm",
        "self_attn.k_norm": "attention.key_norm",
        "post_attention_layernorm": "norm1",
        "post_feedforward_layernorm": "norm2",
        "mlp.gate_proj": "mlp.gate",
        "mlp.up_proj": "mlp.up",
        "mlp.down_proj": "mlp.down",
        "model.embed_tokens": "embedding",
        "model.norm": "norm",
        "model.layers": "transformer.blocks",
        "lm_head": "head",
    }
    renamed = {}
    for name, tensor in theirs.items():
        if name.endswith(("k_proj.weight", "v_proj.weight")):
            continue
        if name.endswith("q_proj.weight"):
            parts = [theirs[name.replace("q_proj", f"{part}_proj")] for part in "qkv"]
            tensor, name = torch.cat(parts), name.replace("self_attn.q_proj", "attention.qkv")
        for old, new in names.items():
            name = name.replace(old, new)
        renamed[name] = tensor
    return renamed


@pytest.mark.parametrize("tied", [True, False])
def test_additional_tokens_are_read_and_never_written(tied):
    model = tiny(additional_vocab_size=4, tied=tied)
    ids = torch.tensor([[64, 3, 61]])
    assert model(ids).shape == (1, 3, 61)
    assert not torch.equal(model(ids), model(torch.tensor([[63, 3, 61]])))
    assert max(generate(model, ids, max_new_tokens=30)[0]) < 61
    with pytest.raises(ValueError, match="token id 65 is outside the vocabulary, 0 to 64"):
        model(torch.tensor([[65]]))
    with pytest.raises(ValueError, match="additional_vocab_size is -1: pass 0 for none, or more"):
        tiny(additional_vocab_size=-1)


def test_matrices_by_columns_are_the_same_model():
    for model in (tiny(), tiny(tied=False)):
        ids = torch.randint(0, 61, (2, 7))
        before = model(ids), generate(model, ids, max_new_tokens=9)
        names = {name: weight.shape for name, weight in model.state_dict().items()}
        model.lay_by_columns_()
        assert {name: weight.shape for name, weight in model.state_dict().items()} == names
        assert model.transformer.blocks[0].mlp.up.weight.stride()[0] == 1
        torch.testing.assert_close(model(ids), before[0], atol=1e-5, rtol=1e-5)
        assert generate(model, ids, max_new_tokens=9) == before[1]
        next_token_loss(model(ids), ids).backward()  # and it can still be trained
        assert all(p.grad.shape == p.shape for p in model.parameters())


def test_the_cache_takes_its_memory_once():
    model = tiny()
    cache = model.cache(2, 10)
    before = cache.memory.data_ptr()
    for _ in range(10):
        keys, values = cache.update(0, torch.ones(2, 2, 1, 8), torch.ones(2, 2, 1, 8))
        assert keys._base is not None
        assert values._base is not None
        cache.length += 1
    assert cache.memory.data_ptr() == before


def test_prefill_scores_the_last_token_only(monkeypatch):
    model, shapes = tiny(), []
    logits = model.logits
    monkeypatch.setattr(model, "logits", lambda h: shapes.append(h.shape) or logits(h))
    generate(model, [[1, 2, 3, 4]], max_new_tokens=3)
    assert shapes == [(1, 48)] * 3


# ------------------------------------------------------------------------------------- sampling


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("top_k", [None, 1, 5, 100])
@pytest.mark.parametrize("top_p", [None, 0.1, 0.7, 0.95])
def test_filter_equals_transformers(temperature, top_k, top_p):
    logits = 3 * torch.randn(20, 50)
    steps = [TemperatureLogitsWarper(temperature)]
    steps += [TopKLogitsWarper(top_k)] if top_k else []
    steps += [TopPLogitsWarper(top_p)] if top_p else []
    expected = LogitsProcessorList(steps)(torch.zeros(20, 1, dtype=torch.long), logits.clone())
    found = filter_logits(logits, temperature=temperature, top_k=top_k, top_p=top_p)
    assert torch.equal(found.isinf(), expected.isinf())
    assert torch.allclose(found.softmax(-1), expected.softmax(-1))


def test_regression_temperature_applied_after_top_p():
    """Probabilities .4 .3 .2 .1: at temperature 1 top-p .65 keeps two, at temperature 4 three."""
    logits = torch.tensor([0.4, 0.3, 0.2, 0.1]).log()
    assert filter_logits(logits, top_p=0.65).isfinite().sum() == 2
    assert filter_logits(logits, temperature=4.0, top_p=0.65).isfinite().sum() == 3


def test_drawing_follows_the_seed_and_the_probabilities():
    model = tiny()
    options = {"max_new_tokens": 30, "temperature": 1.0}
    first, again, other = (
        generate(model, [[1]], **options, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert generate(model, [[1]], **options, top_k=1) == generate(model, [[1]], max_new_tokens=30)
    with torch.no_grad():
        expected = (model(torch.tensor([[1]]))[0, -1] / 0.5).softmax(-1)
    draws = generate(
        model,
        [[1]] * 4000,
        max_new_tokens=1,
        temperature=0.5,
        generator=torch.Generator().manual_seed(0),
    )
    counts = torch.bincount(torch.tensor(draws)[:, 0], minlength=61) / 4000
    assert (counts - expected).abs().max() < 4 * math.sqrt(0.25 / 4000)


def test_an_end_token_ends_its_own_row():
    model = tiny()
    prompts = [[1, 2], [3], [4, 5, 6]]
    free = generate(model, prompts, max_new_tokens=15)
    end = free[0][2]
    rows = generate(model, prompts, max_new_tokens=15, end_id=end)
    for row, wanted in zip(rows, free, strict=True):
        stop = wanted.index(end) + 1 if end in wanted else 15
        assert row == wanted[:stop]
    steps = list(stream(model, prompts, max_new_tokens=15, end_id=[end, 60]))
    assert steps[0] == [row[0] for row in free]
    assert len(steps) <= 15
    assert all(step[0] is None for step in steps[3:])


def test_streaming_yields_as_it_goes():
    model, calls = tiny(), []
    logits = model.logits
    model.logits = lambda hidden: calls.append(1) or logits(hidden)
    steps = stream(model, [[1, 2, 3]], max_new_tokens=50)
    assert [next(steps) and len(calls) for _ in range(3)] == [1, 2, 3]


def test_a_tensor_of_prompts_and_its_mask():
    model = tiny()
    ids = torch.tensor([[0, 0, 7], [4, 5, 6]])
    mask = torch.tensor([[0, 0, 1], [1, 1, 1]])
    rows = generate(model, ids, attention_mask=mask, max_new_tokens=5)
    assert rows == generate(model, [[7], [4, 5, 6]], max_new_tokens=5)


# ----------------------------------------------------------------------------------------- loss


def test_loss_equals_a_loop():
    logits, labels = torch.randn(3, 7, 11), torch.randint(0, 11, (3, 7))
    labels[0, 2:5] = labels[2, 4:] = -100
    losses = [
        -float(logits[b, t].log_softmax(-1)[labels[b, t + 1]])
        for b in range(3)
        for t in range(6)
        if labels[b, t + 1] != -100
    ]
    assert float(next_token_loss(logits, labels)) == pytest.approx(sum(losses) / len(losses))


def test_regression_padding_labels_left_at_the_pad_id():
    logits, labels = torch.randn(1, 4, 11), torch.tensor([[1, 2, -100, -100]])
    left_at_pad = torch.tensor([[1, 2, 0, 0]])
    expected = F.cross_entropy(logits[:, 0], torch.tensor([2]))
    assert torch.allclose(next_token_loss(logits, labels), expected)
    assert not torch.allclose(next_token_loss(logits, left_at_pad), expected, atol=0.05)


def test_overfits_one_batch():
    model = LanguageModel(LanguageConfig(**TINY))
    ids = torch.randint(0, 61, (4, 10))
    ids[:, 0] = torch.arange(4)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        loss = next_token_loss(model(ids), ids)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.01
    assert generate(model, ids[:, :1], max_new_tokens=9) == ids[:, 1:].tolist()


def test_a_model_that_has_generated_can_still_be_trained():
    """What is kept from generating must not be an inference tensor, which takes no gradient."""
    model, ids = LanguageModel(LanguageConfig(**TINY)), torch.randint(0, 61, (2, 6))
    for prompts in ([[1, 2]], [[1, 2], [3]]):
        generate(model, prompts, max_new_tokens=3)
        next_token_loss(model(ids), ids).backward()
    assert model.embedding.weight.grad.isfinite().all()


def test_a_new_model_knows_nothing():
    model, ids = LanguageModel(LanguageConfig(**TINY)), torch.randint(0, 61, (4, 10))
    assert next_token_loss(model(ids), ids).item() == pytest.approx(math.log(61), abs=0.1)


# ------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[61]], "token id 61 is outside the vocabulary, 0 to 60: check the tokenizer"),
        ([[5, -200]], r"token id -200 is outside .* image markers \(-200\) belong to LLaVA"),
        ([1, 2], r"ids is \(2,\), wanted \(B, T\) with at least one token"),
        ([[]], r"ids is \(1, 0\), wanted"),
        ([[1] * 65], "65 tokens are more than the model's context of 64"),
    ],
)
def test_bad_ids(ids, message):
    with pytest.raises(ValueError, match=message):
        tiny()(torch.tensor(ids, dtype=torch.long))


def test_bad_forward():
    model, ids = tiny(), torch.tensor([[1, 2]])
    with pytest.raises(ValueError, match="pass either ids or embeddings, and not both"):
        model()
    with pytest.raises(ValueError, match="pass either ids or embeddings, and not both"):
        model(ids, embeddings=torch.zeros(1, 2, 48))
    with pytest.raises(ValueError, match=r"attention_mask is \(1, 3\), wanted one value a token"):
        model(ids, attention_mask=torch.ones(1, 3))


def test_bad_cache():
    model, ids = tiny(), torch.tensor([[1, 2]])
    with pytest.raises(ValueError, match="a cache of 65 tokens does not fit the model's context"):
        model.cache(1, 65)
    with pytest.raises(ValueError, match="a cache of 0 tokens"):
        KVCache(model.config, batch=1, length=0)
    cache = model.cache(1, 3)
    model(ids, cache=cache)
    with pytest.raises(ValueError, match="holds 3 tokens and 2 are taken, but 2 more came"):
        model(ids, cache=cache)
    assert cache.length == 2  # nothing half-done
    with pytest.raises(ValueError, match="the cache has 1 rows, but 2 came"):
        model(ids.expand(2, 2), cache=cache)


@pytest.mark.parametrize(
    ("prompts", "options", "message"),
    [
        (None, {}, "no prompt came"),
        ([], {}, "no prompt came"),
        ([[1], []], {}, "prompt 1 is empty: pass at least one token, such as the start token"),
        ([[1] * 60], {}, "60 prompt tokens and 5 new ones are more than the model's context of 64"),
        ([[99]], {}, "token id 99 is outside"),
        ([[1]], {"max_new_tokens": 0}, "max_new_tokens is 0: pass at least 1"),
        ([[1]], {"temperature": -1.0}, "temperature is -1.0"),
        ([[1]], {"temperature": 1e-30}, "temperature is 1e-30: pass 1e-06 or more"),
        ([[1]], {"temperature": 1.0, "top_k": 0}, "top_k is 0: pass at least 1"),
        ([[1]], {"temperature": 1.0, "top_p": 1.5}, "top_p is 1.5: pass more than 0"),
        ([[1]], {"embeddings": torch.zeros(1, 1, 48)}, "pass either prompts or embeddings"),
        (
            torch.tensor([[1, 0]]),
            {"attention_mask": torch.tensor([[1, 0]])},
            "padded on the right, so the last token is padding: pad on the left",
        ),
    ],
)
def test_bad_generate(prompts, options, message):
    with pytest.raises(ValueError, match=message):
        generate(tiny(), prompts, **({"max_new_tokens": 5} | options))


def test_bad_variant():
    with pytest.raises(ValueError, match="variant 'GPT-9' is not known: choose from SmolLM2-135M"):
        LanguageModel.from_variant("GPT-9")


def test_bad_loss():
    logits = torch.zeros(1, 3, 5)
    with pytest.raises(ValueError, match="no token is supervised"):
        next_token_loss(logits, torch.tensor([[1, -100, -100]]))
    with pytest.raises(ValueError, match="label 5 is outside the vocabulary, 0 to 4: use -100"):
        next_token_loss(logits, torch.tensor([[1, 5, 2]]))
    with pytest.raises(ValueError, match=r"logits are \(1, 3, 5\) and labels \(1, 4\)"):
        next_token_loss(logits, torch.zeros(1, 4, dtype=torch.long))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu():
    model = tiny()
    prompts = [[1, 2, 3], [4]]
    expected = generate(model, prompts, max_new_tokens=10)
    ids = torch.randint(0, 61, (2, 12))
    with torch.no_grad():
        logits = model(ids)
        on_gpu = model.cuda()(ids.cuda()).cpu()
    assert (on_gpu - logits).abs().max() < 1e-3
    assert generate(model, prompts, max_new_tokens=10) == expected
