"""Language models and LLaVA saved by transformers and loaded here: the same numbers."""

import json

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from mvlm import hub
from mvlm.chat import IMAGE_MARKER
from mvlm.generation import generate
from mvlm.tokenizer import Tokenizer

CASES = {
    "plain": {},
    "grouped queries": {"num_attention_heads": 6, "num_key_value_heads": 2, "hidden_size": 48},
    "one kv head, odd heads": {
        "num_attention_heads": 3,
        "num_key_value_heads": 1,
        "hidden_size": 24,
    },
    "tied": {"tie_word_embeddings": True},
    "biases everywhere": {"attention_bias": True, "mlp_bias": True},
    "wide heads": {"head_dim": 20},
    "other constants": {
        "rms_norm_eps": 1e-3,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0},
    },
    "linear rotary": {
        "rope_parameters": {"rope_type": "linear", "factor": 3.0, "rope_theta": 10_000.0}
    },
    "llama3 rotary": {
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 1000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
        }
    },
}


def llama_config(kind=transformers.LlamaConfig, **changes):
    sizes = {
        "vocab_size": 97,
        "hidden_size": 32,
        "intermediate_size": 56,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": 128,
    }
    return kind(**(sizes | changes))


def make_random(model):
    """Norms and biases away from 1 and 0, which would hide a mistake."""
    for parameter in model.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("batch", [1, 7])
def test_llama_equals_transformers(save, case, batch):
    reference = make_random(transformers.LlamaForCausalLM(llama_config(**CASES[case])))
    model, tokenizer = hub.load_language(save(reference))
    assert tokenizer is None
    ids = torch.randint(0, 97, (batch, 40))
    with torch.no_grad():
        expected = reference(ids).logits
        assert (model(ids) - expected).abs().max() <= 1e-5
        embeddings = reference.get_input_embeddings()(ids)
        assert (model(embeddings=embeddings) - expected).abs().max() <= 1e-5


@pytest.mark.parametrize("side", ["left", "right"])
def test_llama_with_padding_equals_transformers(save, side):
    reference = make_random(transformers.LlamaForCausalLM(llama_config()))
    model, _ = hub.load_language(save(reference))
    ids = torch.randint(0, 97, (4, 12))
    mask = torch.ones(4, 12, dtype=torch.long)
    for row, gap in enumerate((0, 3, 11, 5)):
        mask[row, :gap] = 0
    if side == "right":
        mask = mask.flip(1)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        expected = reference(ids, attention_mask=mask, position_ids=positions).logits
        logits = model(ids, attention_mask=mask)
    assert ((logits - expected)[mask.bool()]).abs().max() <= 1e-5
    assert logits.isfinite().all()


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        (transformers.MistralConfig, transformers.MistralForCausalLM),
        (transformers.Qwen2Config, transformers.Qwen2ForCausalLM),
    ],
)
def test_relatives_of_llama(save, kind, model):
    reference = make_random(model(llama_config(kind, num_key_value_heads=2)))
    ours, _ = hub.load_language(save(reference))
    ids = torch.randint(0, 97, (2, 20))
    with torch.no_grad():
        assert (ours(ids) - reference(ids).logits).abs().max() <= 1e-5


def test_greedy_generation_is_transformers_token_for_token(save):
    reference = make_random(transformers.LlamaForCausalLM(llama_config(num_key_value_heads=2)))
    model, _ = hub.load_language(save(reference))
    ids = torch.randint(3, 97, (3, 9))
    mask = torch.ones_like(ids)
    mask[1, :4] = mask[2, :8] = 0
    plain = {"do_sample": False, "max_new_tokens": 40, "pad_token_id": 0}
    # The end token is one that comes up, so that rows end at different steps.
    free = reference.generate(ids, attention_mask=mask, **plain, eos_token_id=None)[:, 9:]
    end = int(free[1, 7])
    expected = reference.generate(ids, attention_mask=mask, **plain, eos_token_id=end)[:, 9:]
    assert generate(model, ids, attention_mask=mask, max_new_tokens=40) == free.tolist()
    for row, wanted in zip(
        generate(model, ids, attention_mask=mask, max_new_tokens=40, end_id=end),
        expected,
        strict=True,
    ):
        assert row == wanted.tolist()[: len(row)]
        assert end not in row[:-1]
        assert len(row) == 40 or row[-1] == end


def test_shards_and_bfloat16(save):
    reference = transformers.LlamaForCausalLM(llama_config())
    folder = save(reference, max_shard_size="20KB")
    assert (folder / "model.safetensors.index.json").is_file()
    model, _ = hub.load_language(folder, dtype=torch.bfloat16)
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    ids = torch.randint(0, 97, (2, 8))
    with torch.no_grad():
        expected = reference.bfloat16()(ids).logits
        assert (model(ids) - expected).abs().max() <= 0.03
    assert len(generate(model, ids, max_new_tokens=3)[0]) == 3


def llava_config(**changes):
    vision = transformers.CLIPVisionConfig(
        hidden_size=36,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=3,
        image_size=28,
        patch_size=7,
        hidden_act=changes.pop("hidden_act", "quick_gelu"),
    )
    text = llama_config(num_key_value_heads=2, pad_token_id=0)
    return transformers.LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=96, **changes
    )


def llava_pair(save, **changes):
    config = llava_config(**changes)
    reference = make_random(transformers.LlavaForConditionalGeneration(config))
    return reference, hub.load_llava(save(reference)).model


def theirs_from_ours(rows, vectors=16, image_id=96):
    """Our rows with one marker an image → transformers' rows with the image token repeated."""
    return [
        [t for token in row for t in ([image_id] * vectors if token == IMAGE_MARKER else [token])]
        for row in rows
    ]


ROWS = [
    [1, 5, IMAGE_MARKER, 7, 8, 9],
    [1, 2, 3],
    [IMAGE_MARKER, 4, IMAGE_MARKER],
    [6, 7, 8, 9, IMAGE_MARKER],
]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"hidden_act": "gelu"},
        {"vision_feature_layer": -1},
        {"multimodal_projector_bias": False},
    ],
)
def test_llava_equals_transformers_in_logits_and_loss(save, changes, side):
    reference, model = llava_pair(save, **changes)
    images = torch.randn(4, 3, 28, 28)
    rows = theirs_from_ours(ROWS)
    longest = max(map(len, rows))
    ids = torch.zeros(4, longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        here = slice(0, len(row)) if side == "right" else slice(longest - len(row), longest)
        ids[i, here] = torch.tensor(row)
        mask[i, here] = 1
    labels = ids.masked_fill((ids == 96) | (mask == 0) | (mask.cumsum(1) == 1), -100)
    ours_labels = [[-100 if t == IMAGE_MARKER else t for t in row] for row in ROWS]
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        expected = reference(
            input_ids=ids,
            pixel_values=images,
            attention_mask=mask,
            position_ids=positions,
            labels=labels,
        )
        output = model(images, ROWS, ours_labels, side=side)
    assert torch.equal(output.attention_mask, mask.bool())
    difference = (output.logits - expected.logits)[mask.bool()]
    assert difference.abs().max() <= 1e-5
    assert abs(float(output.loss) - float(expected.loss)) <= 1e-5


def test_llava_generates_as_transformers_does(save):
    reference, model = llava_pair(save)
    for row, count in ((ROWS[0], 1), (ROWS[2], 2)):
        images = torch.randn(count, 3, 28, 28)
        ids = torch.tensor(theirs_from_ours([row]))
        expected = reference.generate(
            input_ids=ids,
            pixel_values=images,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=20,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
        )[0, ids.shape[1] :]
        assert model.generate(images, [row], max_new_tokens=20) == [expected.tolist()]


RENAMINGS = {
    "2023": lambda name: name.replace("vision_tower.", "vision_tower.vision_model."),
    "2025": lambda name: (
        name.replace("language_model.lm_head", "lm_head")
        if "lm_head" in name
        else "model." + name.replace("language_model.model.", "language_model.")
    ),
}


@pytest.mark.parametrize("year", RENAMINGS)
def test_llava_files_of_other_years(save, year):
    reference = make_random(transformers.LlavaForConditionalGeneration(llava_config()))
    folder = save(reference)
    before = hub.load_llava(folder).model
    path = folder / "model.safetensors"
    tensors = load_file(path)
    renamed = {RENAMINGS[year](name): tensor for name, tensor in tensors.items()}
    assert renamed.keys() != tensors.keys()
    path.unlink()
    save_file(renamed, path)
    after = hub.load_llava(folder).model
    assert all(
        torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True)
    )


def test_a_loaded_llava_has_a_frozen_tower(save):
    _, model = llava_pair(save)
    assert not any(p.requires_grad for p in model.vision.parameters())
    assert all(p.requires_grad for p in model.projector.parameters())


def test_tokenizer_and_preprocessing_come_along(save):
    folder = save(transformers.LlavaForConditionalGeneration(llava_config()))
    tokenizer = Tokenizer.train(["a photo of a cat"], vocab_size=300)
    tokenizer.save(folder / "tokenizer.json")
    names = {"eos_token": "<end>", "pad_token": {"content": "<pad>"}, "bos_token": "<start>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))
    loaded = hub.load_llava(folder)
    assert loaded.tokenizer.encode("a cat") == tokenizer.encode("a cat")
    assert loaded.tokenizer.end_id == tokenizer.end_id
    assert loaded.tokenizer.pad_id == tokenizer.pad_id
    assert loaded.tokenizer.start is None  # this tokenizer puts none before a text
    assert loaded.preprocessing.crop == (28, 28)


def test_a_tokenizer_that_does_not_say_where_a_text_ends(save):
    folder = save(transformers.LlamaForCausalLM(llama_config(eos_token_id=None)))
    Tokenizer.train(["a"], vocab_size=300).save(folder / "tokenizer.json")
    with pytest.raises(hub.WeightsError, match="does not say which token ends a text"):
        hub.load_language(folder)


def test_a_damaged_tokenizer_is_named(save):
    folder = save(transformers.LlamaForCausalLM(llama_config()))
    (folder / "tokenizer.json").write_text('{"model": {}}')
    with pytest.raises(hub.WeightsError, match=r"tokenizer.json in .* is no tokenizer .*again"):
        hub.load_language(folder)


def _edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _edit_weights(folder, edit):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    edit(tensors)
    path.unlink()
    save_file(tensors, path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_act": "relu"}, "hidden_act 'relu' is not Llama's silu"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "rope_type 'yarn' is not known"),
        ({"rope_parameters": {"rope_type": "linear"}}, "have the factor None, wanted a number"),
        ({"rope_parameters": "linear"}, "rotary settings are linear in the config, wanted an obj"),
        ({"model_type": "gpt2"}, "holds a model of type 'gpt2'"),
        ({"tie_word_embeddings": True, "num_hidden_layers": 4}, r"9 missing \(model.layers.3"),
        ({"num_hidden_layers": 2}, "9 unused"),
        ({"hidden_size": 16, "head_dim": 8}, "of the wrong shape"),
    ],
)
def test_configs_that_do_not_fit(save, changes, message):
    folder = save(transformers.LlamaForCausalLM(llama_config()))
    _edit_config(folder, **changes)
    with pytest.raises(hub.WeightsError, match=message):
        hub.load_language(folder)


def test_weights_that_do_not_fit(save):
    folder = save(transformers.LlamaForCausalLM(llama_config()))
    _edit_weights(folder, lambda tensors: tensors.pop("lm_head.weight"))
    with pytest.raises(hub.WeightsError, match=r"1 missing \(lm_head.weight\)"):
        hub.load_language(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vision_feature_select_strategy": "full"}, "vision_feature_select_strategy is 'full'"),
        ({"vision_feature_layer": [-2, -3]}, "mvlm's LLaVA takes one layer"),
        ({"text_config": {"model_type": "gemma"}}, "to a 'gemma', mvlm's"),
    ],
)
def test_llavas_of_other_kinds_are_refused(save, changes, message):
    folder = save(transformers.LlavaForConditionalGeneration(llava_config()))
    _edit_config(folder, **changes)
    with pytest.raises(hub.WeightsError, match=message):
        hub.load_llava(folder)


def test_the_authors_own_files_are_refused(save):
    folder = save(transformers.LlavaForConditionalGeneration(llava_config()))
    path = folder / "config.json"
    path.write_text(json.dumps({"model_type": "llava", "mm_vision_tower": "openai/clip"}))
    with pytest.raises(hub.WeightsError, match="use a conversion for transformers"):
        hub.load_llava(folder)
