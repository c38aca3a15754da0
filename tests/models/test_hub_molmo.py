"""Molmo in its authors' format, held against numbers of their own code (`molmo_original.py`)."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from molmo_folders import (
    CASES,
    FIFTH,
    NEW_TOKENS,
    OLMO,
    QUESTION,
    QWEN2,
    in_file_order,
    pictures,
    places_of,
    sample,
    write_folder,
)
from safetensors.torch import load_file, save_file

from mvlm.hub import MolmoPreprocessing, WeightsError, load_molmo, molmo_prompt
from mvlm.hub.molmo import fit_in_single_precision, molmo_from
from mvlm.molmo import MOLMO, crop_image, fit_within
from mvlm.tokenizer import Tokenizer

NUMBERS = Path(__file__).with_name("molmo_original.npz")
# From the config.json of both repositories.
D7B = QWEN2 | {
    "vocab_size": 152064,
    "embedding_size": 152064,
    "hidden_size": 3584,
    "intermediate_size": 37888,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "max_position_embeddings": 4096,
}
O7B = OLMO | {
    "vocab_size": 100278,
    "embedding_size": 100352,
    "hidden_size": 4096,
    "intermediate_size": 22016,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 4096,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    top = tmp_path_factory.mktemp("molmo")
    return {case: write_folder(case, top / str(i)) for i, case in enumerate(CASES)}


@pytest.fixture
def folder(folders, tmp_path) -> Path:
    """A copy of one, to spoil."""
    return shutil.copytree(folders["olmo"], tmp_path / "molmo")


@pytest.fixture(params=CASES)
def case(request, folders):
    """What was loaded, the prepared pictures, and the numbers of the authors' code."""
    with np.load(NUMBERS) as file:
        names = [name for name in file if name.startswith(f"{request.param}/")]
        theirs = {name.rpartition("/")[2]: torch.from_numpy(file[name]) for name in names}
    loaded = load_molmo(folders[request.param])
    return loaded, loaded.preprocessing(pictures()), theirs


def test_pictures_and_prompts_are_the_authors(case):
    (_, preprocessing, tokenizer), cut, theirs = case
    assert [len(crops.pixels) for crops in cut] == theirs["counts"].tolist()
    side = preprocessing.crops.patch_size
    pixels = torch.cat([sample(in_file_order(crops, side)) for crops in cut])
    torch.testing.assert_close(pixels, theirs["pixels"], atol=1e-6, rtol=0)
    masks = torch.cat([crops.masks.sum(1) for crops in cut])
    torch.testing.assert_close(masks, theirs["masks"], atol=1e-4, rtol=0)
    prompts = [torch.tensor(molmo_prompt(QUESTION, [crops], tokenizer)) for crops in cut]
    assert torch.cat(prompts).tolist() == theirs["ids"].tolist()
    patch_id = tokenizer.token_id("<im_patch>")
    places = [
        places_of([crops], ids, patch_id).flatten() for crops, ids in zip(cut, prompts, strict=True)
    ]
    assert torch.cat(places).tolist() == theirs["places"].tolist()


@torch.no_grad()
def test_scores_and_answers_are_the_authors(case):
    (model, _, tokenizer), cut, theirs = case
    prompts = [molmo_prompt(QUESTION, [crops], tokenizer) for crops in cut]
    logits = [
        model([crops], torch.tensor([ids])).logits[0]
        for crops, ids in zip(cut, prompts, strict=True)
    ]
    last = torch.stack([rows[-1, ::FIFTH] for rows in logits])
    assert (last - theirs["logits"]).abs().max() <= 1e-5
    assert (torch.cat([rows.mean(1) for rows in logits]) - theirs["means"]).abs().max() <= 1e-5
    answers = theirs["answers"].tolist()
    assert model.generate(cut, prompts, max_new_tokens=NEW_TOKENS) == answers
    assert model.generate(cut[2:3], prompts[2:3], max_new_tokens=NEW_TOKENS) == answers[2:3]
    two = torch.tensor([molmo_prompt(QUESTION, cut[:2], tokenizer)])
    assert (model(cut[:2], two).logits[0, -1, ::FIFTH] - theirs["two"]).abs().max() <= 1e-5
    # Controls: the bound tells other pictures, their order, and masks in their right places.
    turned = model(cut[1::-1], torch.tensor([molmo_prompt(QUESTION, cut[1::-1], tokenizer)]))
    assert (turned.logits[0, -1, ::FIFTH] - theirs["two"]).abs().max() > 1e-3
    aligned = [replace(crops, masks=crops.masks.roll(1, 0)) for crops in cut]
    moved = model(aligned[:1], torch.tensor(prompts[:1])).logits[0, -1, ::FIFTH]
    assert (moved - theirs["logits"][0]).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (D7B, 8_021_025_280),  # the authors' class on the meta device; the hub's page says 8.02B
        (O7B, 30_660_128_768 // 4),  # bytes of float32 in the released model.safetensors.index.json
    ],
)
def test_the_released_sizes(config, count):
    with torch.device("meta"):
        model = molmo_from(config, patch_id=config["vocab_size"] + 2)
    assert sum(parameter.numel() for parameter in model.parameters()) == count
    assert model.feature_layers == (-2, -9)
    assert (model.vision.config.depth, model.vision.config.image_size) == (23, (336, 336))
    assert model.connector.pool.heads == 16


def test_the_released_crops():
    """336×336 → 2 crops and 316 tokens, 480×640 → 7 and 740; the masks one crop too early."""
    prepare = MolmoPreprocessing()
    for size, count, tokens in (((336, 336), 2, 316), ((480, 640), 7, 740)):
        (cut,) = prepare(pictures(1)[0].resize(size[::-1]))
        aligned = crop_image(pictures(1)[0].resize(size[::-1]))
        assert (len(cut.pixels), len(cut.tokens)) == (count, tokens)
        assert torch.equal(cut.masks[:-1], aligned.masks[1:])
        assert (cut.masks[-1] == -1).all()
        assert torch.equal(cut.pixels[1:], aligned.pixels[1:])


def test_no_picture_is_refused():
    with pytest.raises(ValueError, match="no picture came: pass at least one"):
        MolmoPreprocessing()([])


def test_single_precision_loses_a_row():
    assert fit_within((206, 634), (336, 784)) == (254, 784)
    assert fit_in_single_precision((206, 634), (336, 784)) == (254, 783)
    assert fit_within((480, 640), (336, 336)) == (252, 336)
    assert fit_in_single_precision((480, 640), (336, 336)) == (251, 336)
    assert fit_in_single_precision((480, 640), (560, 784)) == (560, 746)
    assert fit_in_single_precision((3, 5000), (336, 336)) == (1, 336)


def test_shards_and_precision(folders, tmp_path):
    whole = load_molmo(folders["qwen2"])
    one = load_molmo(write_folder("qwen2", tmp_path / "one", shards=1), dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in one.model.parameters()} == {torch.bfloat16}
    for name, parameter in one.model.named_parameters():
        assert torch.equal(parameter, whole.model.get_parameter(name).bfloat16()), name
    assert not whole.model.training
    cut = one.preprocessing(pictures(2))  # in single precision, whatever the model is in
    prompts = [molmo_prompt(QUESTION, [crops], one.tokenizer) for crops in cut]
    assert len(one.model.generate(cut, prompts, max_new_tokens=3)) == 2


def test_start_and_end_tokens(folders):
    for case in ("qwen2", "olmo"):  # one without, one with a start token of its own
        tokenizer = load_molmo(folders[case]).tokenizer
        assert tokenizer.start == tokenizer.end == "<|endoftext|>"
        assert tokenizer.end_ids == (tokenizer.end_id,)
    assert tokenizer.pad == "<|pad|>"
    prompt = molmo_prompt("So?", [], tokenizer)
    assert prompt[0] == tokenizer.start_id
    assert tokenizer.decode(prompt) == " User: So? Assistant:"


def test_a_special_token_in_a_question_is_refused(folders):
    tokenizer = load_molmo(folders["olmo"]).tokenizer
    with pytest.raises(ValueError, match=r"the question holds <im_patch>, .* special token"):
        molmo_prompt("What is <im_patch>?", [], tokenizer)


# -------------------------------------------------------------------------------------- refusals


def change(folder: Path, file: str, **changes) -> None:
    config = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(config | changes))


def spoil(folder: Path, name: str, tensor: torch.Tensor | None) -> None:
    """Put a tensor into the file that has it, or the first; None takes it out."""
    index = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    file = folder / index.get(name, min(index.values()))
    tensors = load_file(file)
    tensors.pop(name, None)
    save_file(tensors | ({} if tensor is None else {name: tensor}), file)


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        (
            "model.transformer.blocks.1.q_norm.weight",
            None,
            r"Molmo: 1 missing \(model\.transformer\.blocks\.1\.q_norm\.weight\)",
        ),
        (
            "model.transformer.wte.new_embedding",
            torch.zeros(127, 24),
            r"1 of the wrong shape \(.*new_embedding \(127, 24\), wanted \(128, 24\)\)",
        ),
        (
            "model.transformer.blocks.0.ff_proj.weight",
            torch.zeros(50, 24),
            r"1 of the wrong shape \(.*ff_proj\.weight \(50, 24\), wanted \(52, 24\)\)",
        ),
        (
            "model.transformer.blocks.0.att_proj.bias",
            torch.zeros(72),
            r"1 unused \(model\.transformer\.blocks\.0\.att_proj\.bias\)",
        ),
    ],
)
def test_weights_that_do_not_fit(folder, name, tensor, message):
    spoil(folder, name, tensor)
    with pytest.raises(WeightsError, match=message):
        load_molmo(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "llava"}, r"holds a model of type 'llava', this function reads 'molmo'"),
        ({"model_type": "molmoe"}, "MolmoE is a mixture of experts, .* load allenai/Molmo-7B-D"),
        ({"moe_num_experts": 64}, "MolmoE is a mixture of experts"),
        ({"architectures": ["MOLMoEForCausalLM"]}, "MolmoE is a mixture of experts"),
        ({"text_config": {}}, "has a text_config, so this is a conversion"),
        ({"layer_norm_type": "default"}, "layer_norm_type is 'default', mvlm has Molmo's 'rms'"),
        ({"clip_qkv": 8.0}, r"clip_qkv is 8\.0, mvlm does not clip"),
        ({"vision_backbone": 3}, "vision_backbone is 3 in the config, wanted an object"),
        ({"vit_layers": [-2, -30]}, r"vit_layers is \[-2, -30\] in the config, wanted layers"),
        ({"norm_after": "yes"}, "norm_after is 'yes' in the config, wanted a value such as False"),
        ({"num_hidden_layers": 0}, "num_hidden_layers is 0 in the config"),
        ({"norm_after": False, "num_hidden_layers": 1}, "unused"),
    ],
)
def test_configs_that_are_refused(folder, changes, message):
    change(folder, "config.json", **changes)
    with pytest.raises(WeightsError, match=message) as caught:
        load_molmo(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_image_input_size": [84, 98]}, r"base_image_input_size is \[84, 98\]"),
        ({"overlap_margins": [2, 4]}, r"overlap_margins is \[2, 4\] .* both directions"),
        ({"image_token_length_w": 7}, "image_token_length_w is 7 .* make 6 a side"),
        ({"base_image_input_size": 98, "image_token_length_w": 7, "image_token_length_h": 7}, "98"),
        ({"max_crops": "many"}, "max_crops is 'many'"),
    ],
)
def test_crops_that_are_refused(folder, changes, message):
    change(folder, "preprocessor_config.json", **changes)
    with pytest.raises(WeightsError, match=message):
        load_molmo(folder)


def test_crops_are_molmos_where_nothing_is_said(folders):
    assert load_molmo(folders["qwen2 without biases, real crops"]).preprocessing.crops == MOLMO


def test_folders_without_a_tokenizer_or_a_pictures_tokens(folder):
    special = ("<pad>", "<start>", "<end>", "<|endoftext|>", "<|pad|>")
    Tokenizer.train(["a"], vocab_size=300, special_tokens=special).save(folder / "tokenizer.json")
    with pytest.raises(WeightsError, match="lacks <im_start>, <im_end>, <im_patch>, <im_col>"):
        load_molmo(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(WeightsError, match="holds no tokenizer.json, in which the picture's"):
        load_molmo(folder)


def test_folders_that_are_not_there_or_empty(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no config\.json"):
        load_molmo(tmp_path)
    with pytest.raises(FileNotFoundError, match="is no folder here"):
        load_molmo(tmp_path / "none")
