"""ViT and CLIP loaded from what transformers saves: equal numbers, or a clear refusal."""

import json
import shutil
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from PIL import Image
from safetensors.torch import load_file, save_file

from mvlm import hub
from mvlm.hub import WeightsError
from mvlm.images import Preprocessing, clip_preprocessing, vit_preprocessing
from mvlm.vit import ViT

transformers = pytest.importorskip("transformers")

EOT = 29
VIT = {
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "image_size": 8,
    "patch_size": 4,
    "num_labels": 5,
}
TEXT = {
    "vocab_size": 30,
    "max_position_embeddings": 9,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "eos_token_id": EOT,
    "bos_token_id": 28,
    "pad_token_id": 0,
}
VISION = {k: v for k, v in VIT.items() if k != "num_labels"} | {"num_hidden_layers": 3}


def shake(model):
    """Random weights everywhere: norms at 1 and biases at 0 would hide what is left out."""
    for name, parameter in model.named_parameters():
        if name != "logit_scale":
            torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def original_vit(cls=transformers.ViTForImageClassification, **change):
    return shake(cls(transformers.ViTConfig(**VIT | change)))


def original_clip(text=None, vision=None, **change):
    config = transformers.CLIPConfig(
        text_config=TEXT | (text or {}),
        vision_config=VISION | (vision or {}),
        **{"projection_dim": 6} | change,
    )
    return shake(transformers.CLIPModel(config))


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def texts(count: int) -> torch.Tensor:
    """Texts of several lengths, padded with 0, with EOT or with another token."""
    ids = torch.randint(1, 27, (count, 9))
    for row, end in enumerate(torch.randint(1, 9, (count,)).tolist()):
        ids[row, end] = EOT
        ids[row, end + 1 :] = (0, EOT, 5)[row % 3]
    return ids


# ----------------------------------------------------------------------------- equal numbers


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"image_size": (8, 20)},
        {"image_size": (12, 4), "patch_size": 2},
        {"num_attention_heads": 1},
        {"hidden_size": 35, "num_attention_heads": 7},
        {"hidden_act": "quick_gelu"},
        {"hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-2},
        {"qkv_bias": False},
        {"num_channels": 1},
        {"num_labels": 2},
    ],
    ids=lambda change: "-".join(map(str, change.values())) or "plain",
)
def test_vit_equals_transformers(save, change, batch):
    theirs = original_vit(**change)
    ours, preprocessing, labels = hub.load_vit(save(theirs))
    height, width = ours.config.image_size
    images = torch.randn(batch, ours.config.channels, height, width)
    with torch.no_grad():
        want = theirs(images, output_hidden_states=True)
        got = ours.encode(images)
        close(ours(images), want.logits)
    assert len(got.hidden_states) == len(want.hidden_states) == 3
    for a, b in zip(got.hidden_states, want.hidden_states, strict=True):
        close(a, b)
    assert labels == tuple(f"LABEL_{i}" for i in range(len(labels)))
    assert isinstance(preprocessing, Preprocessing)
    assert not ours.training
    assert all(p.requires_grad and not p.is_meta for p in ours.parameters())


@pytest.mark.parametrize("pooler", [False, True])
def test_vit_without_a_classifier(save, pooler):
    theirs = shake(transformers.ViTModel(transformers.ViTConfig(**VIT), add_pooling_layer=pooler))
    ours, _, labels = hub.load_vit(save(theirs))
    images = torch.randn(2, 3, 8, 8)
    want = theirs(images).last_hidden_state
    close(ours.encode(images).tokens, want)
    close(ours(images), want[:, 0])
    assert labels is None


def test_vit_with_a_classifier_of_no_classes(save):
    theirs, images = original_vit(num_labels=0), torch.randn(2, 3, 8, 8)
    ours, _, labels = hub.load_vit(save(theirs))
    close(ours(images), theirs(images).logits)
    assert labels is None


def test_vit_attentions_equal_transformers(save):
    config = transformers.ViTConfig(**VIT, attn_implementation="eager")
    theirs = shake(transformers.ViTForImageClassification(config))
    ours, images = hub.load_vit(save(theirs)).model, torch.randn(2, 3, 8, 8)
    want = theirs(images, output_attentions=True).attentions
    got = ours.encode(images, attentions=True).attentions
    for a, b in zip(got, want, strict=True):
        close(a, b)


@pytest.mark.parametrize("size", [(8, 8), (16, 12), (4, 20), (40, 36)])
def test_vit_on_another_grid_equals_transformers(save, size):
    theirs = original_vit()
    ours = hub.load_vit(save(theirs)).model.resize_(size)
    images = torch.randn(2, 3, *size)
    close(ours(images), theirs(images, interpolate_pos_encoding=True).logits)


def test_vit_under_the_names_of_version_5(save):
    """Names as they are in memory: `vit.layers.0.attention.q_proj`."""
    theirs = original_vit()
    folder = save(theirs)
    save_file(theirs.state_dict(), folder / hub.WEIGHTS)
    assert "vit.layers.0.attention.q_proj.weight" in load_file(folder / hub.WEIGHTS)
    images = torch.randn(2, 3, 8, 8)
    close(hub.load_vit(folder).model(images), theirs(images).logits)


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"text": {"hidden_act": "gelu"}, "vision": {"hidden_act": "gelu"}},
        {"text": {"num_attention_heads": 1}, "vision": {"num_attention_heads": 4}},
        {"vision": {"hidden_size": 35, "num_attention_heads": 7, "layer_norm_eps": 1e-2}},
        {"text": {"hidden_size": 18, "num_hidden_layers": 1}, "projection_dim": 11},
        {"text": {"eos_token_id": 2}},
    ],
    ids=["plain", "gelu", "heads", "odd-heads-eps", "widths", "old-eos"],
)
def test_clip_equals_transformers(save, change, batch):
    theirs = original_clip(**change)
    ours = hub.load_clip(save(theirs)).model
    images, ids = torch.randn(batch, 3, 8, 8), texts(5)
    with torch.no_grad():
        want = theirs(pixel_values=images, input_ids=ids)
        close(ours.encode_image(images), want.image_embeds)
        close(ours.encode_text(ids), want.text_embeds)
        per_image, per_text = ours(images, ids)
        close(per_image, want.logits_per_image)
        close(per_text, want.logits_per_text)


def test_clip_hidden_states_equal_transformers(save):
    theirs, images, ids = original_clip(), torch.randn(2, 3, 8, 8), texts(3)
    ours = hub.load_clip(save(theirs)).model
    pairs = (
        (ours.image.encode(images), theirs.vision_model(images, output_hidden_states=True)),
        (ours.text.encode(ids), theirs.text_model(ids, output_hidden_states=True)),
    )
    for got, want in pairs:
        for a, b in zip(got.hidden_states, want.hidden_states, strict=True):
            close(a, b)


def test_clip_with_an_attention_mask_equals_transformers(save):
    """A mask over the padding changes nothing: the text's end never looks there."""
    theirs, ids = original_clip(), texts(6)
    ends = (ids == EOT).int().argmax(1, keepdim=True)
    mask = (torch.arange(9) <= ends).long()
    ours = hub.load_clip(save(theirs)).model
    want = theirs.get_text_features(input_ids=ids, attention_mask=mask).pooler_output
    close(ours.text_projection(ours.text(ids)), want)


@pytest.mark.parametrize("size", [(8, 12), (20, 8)])
def test_clip_on_another_grid_equals_transformers(save, size):
    theirs, images = original_clip(), torch.randn(2, 3, *size)
    ours = hub.load_clip(save(theirs)).model
    ours.image.resize_(size)
    want = theirs.get_image_features(images, interpolate_pos_encoding=True).pooler_output
    close(ours.image_projection(ours.image(images)), want)


@pytest.mark.parametrize(
    "cls", [transformers.CLIPVisionModel, transformers.CLIPVisionModelWithProjection]
)
def test_standalone_vision_tower(save, cls):
    """Version 5 saves it without the prefix `vision_model.`; with a projection, with it."""
    theirs = shake(cls(transformers.CLIPVisionConfig(**VISION, projection_dim=6)))
    ours, images = hub.load_clip_vision(save(theirs)).model, torch.randn(2, 3, 8, 8)
    want = theirs(images, output_hidden_states=True).hidden_states
    for a, b in zip(ours.encode(images).hidden_states, want, strict=True):
        close(a, b)


def test_vision_tower_of_a_whole_clip(save):
    theirs, images = original_clip(), torch.randn(2, 3, 8, 8)
    folder = save(theirs)
    close(hub.load_clip_vision(folder).model(images), theirs.vision_model(images).pooler_output)


def test_shards_equal_one_file(save):
    theirs, images = original_vit(), torch.randn(2, 3, 8, 8)
    folder = save(theirs, max_shard_size="3KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    assert not (folder / hub.WEIGHTS).exists()
    close(hub.load_vit(folder).model(images), theirs(images).logits)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_saved_in_half_precision_load_in_float32(save, dtype):
    folder = save(original_vit().to(dtype))
    assert hub.load_vit(folder).model.norm.weight.dtype is torch.float32
    assert hub.load_vit(folder, dtype=dtype).model.norm.weight.dtype is dtype


def test_a_loaded_model_trains(save):
    model = hub.load_clip(save(original_clip())).model
    model(torch.randn(2, 3, 8, 8), texts(2))[0].sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_the_original_gelu_and_eps_matter(save):
    """What a wrong constant does to these models, so that the tests above can see it."""
    theirs, images = original_vit(layer_norm_eps=1e-2), torch.randn(2, 3, 8, 8)
    folder = save(theirs)
    for change in ({"layer_norm_eps": 1e-6}, {"hidden_act": "quick_gelu"}):
        edit_config(folder, **change)
        assert (hub.load_vit(folder).model(images) - theirs(images).logits).abs().max() > 1e-4
        edit_config(folder, layer_norm_eps=1e-2, hidden_act="gelu")


@pytest.mark.gpu
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.1)])
def test_clip_on_a_gpu_equals_transformers(save, dtype, tolerance):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    theirs = original_clip()
    ours = hub.load_clip(save(theirs), dtype=dtype).model.cuda()
    images, ids = torch.randn(7, 3, 8, 8), texts(7)
    want = theirs(pixel_values=images, input_ids=ids).image_embeds
    got = ours.encode_image(images.to("cuda", dtype)).float().cpu()
    torch.testing.assert_close(got, want, atol=tolerance, rtol=0)


# --------------------------------------------------------------------- tokenizer, preprocessing


def edit_config(folder, name="config.json", **change):
    path = folder / name
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | change))


def picture(height: int, width: int, mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(0)
    channels = {"RGB": 3, "RGBA": 4}[mode]
    return Image.fromarray(rng.integers(0, 256, (height, width, channels), dtype=np.uint8), mode)


def clip_processor(**change):
    module = pytest.importorskip("transformers.models.clip.image_processing_pil_clip")
    return module.CLIPImageProcessorPil(**change)


def vit_processor(**change):
    module = pytest.importorskip("transformers.models.vit.image_processing_pil_vit")
    return module.ViTImageProcessorPil(**change)


PROCESSORS = {
    "clip": lambda: clip_processor(
        size={"shortest_edge": 20}, crop_size={"height": 20, "width": 20}
    ),
    "vit": lambda: vit_processor(size={"height": 16, "width": 24}),
    "odd": lambda: clip_processor(
        size={"shortest_edge": 24},
        crop_size={"height": 10, "width": 16},
        resample=2,
        image_mean=[0.1, 0.2, 0.3],
        image_std=[0.9, 0.8, 0.7],
    ),
    "plain": lambda: vit_processor(size={"height": 16, "width": 16}, do_normalize=False),
}


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("kind", PROCESSORS)
def test_preprocessing_equals_the_folders_processor(save, kind, mode):
    """Also the bugs of a missing normalisation, a double rescale (transformers 24857) and RGBA."""
    processor, image = PROCESSORS[kind](), picture(31, 47, mode)
    folder = save(processor)
    preprocessing = hub.read_preprocessing(folder, clip_preprocessing())
    want = processor(image.convert("RGB"), return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(preprocessing(image), want, atol=1e-6, rtol=0)


def test_bug_images_not_normalised_or_rescaled_twice(save):
    processor, image = PROCESSORS["clip"](), picture(31, 47)
    want = processor(image, return_tensors="pt")["pixel_values"]
    right = hub.read_preprocessing(save(processor), vit_preprocessing())
    bare = Preprocessing(resize=20, crop=(20, 20), mean=(0, 0, 0), std=(1, 1, 1))
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in (right.mean, right.std))
    torch.testing.assert_close(right(image), want, atol=1e-6, rtol=0)
    for wrong in (bare(image), (bare(image) / 255 - mean) / std):
        assert (wrong - want).abs().max() > 1


def test_older_preprocessors_give_one_number(save):
    folder = save(original_vit())
    edit_config(folder, "preprocessor_config.json", size=224, resample=2)
    assert hub.read_preprocessing(folder, vit_preprocessing(8)).resize == (224, 224)
    edit_config(folder, "preprocessor_config.json", crop_size=224, do_center_crop=True)
    old_clip = hub.read_preprocessing(folder, clip_preprocessing(8))
    assert (old_clip.resize, old_clip.crop) == (224, (224, 224))


def test_a_processor_config_is_read_too(save):
    folder = save(original_vit())
    edit_config(folder, "processor_config.json", image_processor={"size": {"shortest_edge": 33}})
    assert hub.read_preprocessing(folder, clip_preprocessing(8)).resize == 33


def test_a_folder_with_weights_and_config_only(save):
    clip, preprocessing, tokenizer = hub.load_clip(save(original_clip()))
    assert tokenizer is None
    assert preprocessing == clip_preprocessing(8)
    assert hub.load_vit(save(original_vit())).preprocessing == vit_preprocessing(8)
    assert clip.encode_image(preprocessing(picture(31, 47))).shape == (1, 6)


def test_preprocessing_of_a_wide_model_fits_it(save):
    model, preprocessing, _ = hub.load_vit(save(original_vit(image_size=(8, 20))))
    assert model(preprocessing(picture(31, 47))).shape == (1, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"do_resize": False}, r"leaves out resizing or scaling"),
        ({"rescale_factor": 1 / 127.5}, r"multiplies pixels by 0.0078.*, mvlm divides by 255"),
        ({"size": {"longest_edge": 9}}, r"size is \{'longest_edge': 9\}, wanted height and width"),
    ],
)
def test_a_preprocessing_we_do_not_have_is_refused(save, change, message):
    folder = save(original_clip())
    edit_config(folder, "preprocessor_config.json", **change)
    with pytest.raises(WeightsError, match=message):
        hub.load_clip(folder)


def write_tokenizer(folder, files):
    """A CLIP vocabulary of 28 pieces: 26 letters' worth would do, these are enough."""
    vocabulary = {letter: i for i, letter in enumerate("catdogph")}
    vocabulary |= {f"{letter}</w>": 8 + i for i, letter in enumerate("catdogph")}
    vocabulary |= {"ca": 16, "cat</w>": 17, "<|startoftext|>": 28, "<|endoftext|>": EOT}
    merges = ["c a", "ca t</w>"]
    if files == "vocab.json":
        (folder / "vocab.json").write_text(json.dumps(vocabulary))
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]))
    else:
        pairs = merges if files == "strings" else [merge.split(" ") for merge in merges]
        model = {"type": "BPE", "vocab": vocabulary, "merges": pairs}
        (folder / "tokenizer.json").write_text(json.dumps({"model": model}))


@pytest.mark.parametrize("files", ["vocab.json", "strings", "pairs"])
def test_the_folders_tokenizer_comes_along(save, files):
    folder = save(original_clip())
    write_tokenizer(folder, files)
    clip, _, tokenizer = hub.load_clip(folder)
    ids = tokenizer(["a cat", "dog"])
    assert ids.shape == (2, 9)
    assert 17 in ids[0].tolist()
    assert clip.encode_text(ids).shape == (2, 6)


# --------------------------------------------------------------------------------- refusals


def edit_weights(folder, change):
    path = folder / hub.WEIGHTS
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    return folder


QUERY = "vit.encoder.layer.1.attention.attention.query.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop(QUERY), rf"do not fit ViT: 1 missing \({QUERY}\): check that config"),
        (lambda t: t.update(extra=torch.zeros(2)), r"1 unused \(extra\)"),
        (
            lambda t: t.update({QUERY: torch.zeros(12, 13)}),
            rf"1 of the wrong shape \({QUERY} \(12, 13\), wanted \(12, 12\)\)",
        ),
        (
            lambda t: t.update({"vit.embeddings.cls_token": torch.zeros(12, 1, 1)}),
            r"cls_token \(12, 1, 1\), wanted \(1, 1, 12\)",
        ),
        (
            lambda t: [t.pop(n) for n in list(t) if "layer.1" in n] and t.update(a=torch.ones(1)),
            r"16 missing \(.*, …\); 1 unused \(a\)",
        ),
    ],
)
def test_weights_that_do_not_fit_are_listed(save, change, message):
    folder = edit_weights(save(original_vit()), change)
    with pytest.raises(WeightsError, match=message):
        hub.load_vit(folder)


def test_swapped_shapes_of_equal_size_are_refused(save):
    """Transposed matrices have as many numbers; only the shape tells."""
    name = "vit.encoder.layer.0.intermediate.dense.weight"
    folder = edit_weights(save(original_vit()), lambda t: t.update({name: t[name].T.contiguous()}))
    with pytest.raises(WeightsError, match=r"\(12, 20\), wanted \(20, 12\)"):
        hub.load_vit(folder)


def test_a_config_of_another_size_is_refused(save):
    folder = save(original_vit())
    edit_config(folder, num_hidden_layers=3, hidden_size=24)
    with pytest.raises(WeightsError, match=r"16 missing .*; \d+ of the wrong shape"):
        hub.load_vit(folder)


def test_nothing_is_half_loaded(save):
    folder = edit_weights(save(original_vit()), lambda t: t.pop("classifier.bias"))
    checkpoint = hub.Checkpoint(folder)
    config = hub.vit_config_from(hub.read_config(folder, ["vit"]), num_classes=5)
    model = ViT(config)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(WeightsError, match=r"classifier.bias"):
        hub.load_weights(model, hub.vit_sources(config, checkpoint), checkpoint)
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "checkpoint.pth"])
def test_a_pickle_is_refused_unopened(tmp_path, name):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was opened",))

    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit"}))
    torch.save(Bomb(), tmp_path / name)
    message = r"is a pickle, and opening a pickle can run any program .* convert it once with"
    with pytest.raises(WeightsError, match=message):
        hub.load_vit(tmp_path)
    with pytest.raises(WeightsError, match=message):
        hub.load_vit(tmp_path / name)


def test_missing_files_are_named(save, tmp_path):
    folder = save(original_vit(), max_shard_size="3KB")
    shard = next(folder.glob("model-00002*.safetensors"))
    shard.rename(folder / "elsewhere.safetensors")
    with pytest.raises(FileNotFoundError, match=rf"names {shard.name}, which .* does not hold"):
        hub.load_vit(folder)
    (folder / hub.INDEX).unlink()
    with pytest.raises(FileNotFoundError, match=r"holds no model.safetensors and no .*index"):
        hub.load_vit(folder)
    (folder / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"holds no config.json: pass a folder"):
        hub.load_vit(folder)


def test_an_index_cannot_reach_outside_its_folder(save):
    folder = save(original_vit())
    shutil.move(folder / hub.WEIGHTS, folder.parent / "outside.safetensors")
    (folder / hub.INDEX).write_text(json.dumps({"weight_map": {"a": "../outside.safetensors"}}))
    with pytest.raises(WeightsError, match=r"names \.\./outside.safetensors, wanted files of its"):
        hub.load_vit(folder)


def test_damaged_files_are_refused(save):
    folder = save(original_vit())
    whole = (folder / hub.WEIGHTS).read_bytes()
    (folder / hub.WEIGHTS).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=r"model.safetensors is damaged or cut off"):
        hub.load_vit(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(WeightsError, match=r"config.json is not JSON"):
        hub.load_vit(folder)


@pytest.mark.parametrize(
    ("load", "original", "message"),
    [
        (hub.load_vit, original_clip, r"type 'clip', this function reads 'vit': use the mvlm.hub"),
        (hub.load_clip, original_vit, r"type 'vit', this function reads 'clip'"),
        (hub.load_clip_vision, original_vit, r"reads 'clip' or 'clip_vision_model'"),
    ],
)
def test_another_familys_model_is_refused(save, load, original, message):
    with pytest.raises(WeightsError, match=message):
        load(save(original()))


def test_an_activation_we_do_not_have_is_refused(save):
    folder = save(original_vit())
    edit_config(folder, hidden_act="relu6")
    with pytest.raises(WeightsError, match=r"hidden_act 'relu6' is not known: mvlm has gelu"):
        hub.load_vit(folder)


def test_patches_that_are_not_square_are_refused(save):
    folder = save(original_vit())
    edit_config(folder, patch_size=[4, 2])
    with pytest.raises(WeightsError, match=r"patches are \[4, 2\] pixels, mvlm's are square"):
        hub.load_vit(folder)


def test_an_unreachable_name_says_so(monkeypatch):
    def unreachable(*_, **__):
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(FileNotFoundError, match=r"'no/such-model' is no folder here and could not"):
        hub.load_vit("no/such-model")


def test_a_hub_name_is_fetched_and_loaded(monkeypatch, save):
    folder, asked = save(original_clip()), []

    def snapshot_download(name, *, revision, allow_patterns):
        asked.append((name, revision))
        assert "*.bin" not in allow_patterns
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    hub.load_clip("openai/clip-vit-base-patch32", revision="refs/pr/1")
    assert asked == [("openai/clip-vit-base-patch32", "refs/pr/1")]


@pytest.mark.parametrize("author_is_the_robot", [True, False])
def test_the_hubs_own_conversion_is_taken_where_main_has_a_pickle_only(
    monkeypatch, save, tmp_path, author_is_the_robot
):
    """openai/clip-vit-base-patch32 has been such a name for years."""
    whole, asked = save(original_clip()), []
    bare = tmp_path / "bare"
    shutil.copytree(whole, bare, ignore=shutil.ignore_patterns("*.safetensors"))

    def snapshot_download(_, *, revision, allow_patterns):
        asked.append(revision)
        return str(whole if revision == "refs/pr/12" else bare)

    def discussions(_, name, *, author, discussion_type, discussion_status):
        assert (name, author) == ("some/clip", "SFconvertbot")
        assert (discussion_type, discussion_status) == ("pull_request", "open")
        title = "Adding `safetensors` variant of this model"
        found = SimpleNamespace(title=title, git_reference="refs/pr/12")
        return iter([found] if author_is_the_robot else [])

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(huggingface_hub.HfApi, "get_repo_discussions", discussions)
    if author_is_the_robot:
        hub.load_clip("some/clip")
        assert asked == [None, "refs/pr/12"]
    else:
        with pytest.raises(FileNotFoundError, match="holds no model.safetensors"):
            hub.load_clip("some/clip")
        assert asked == [None]
