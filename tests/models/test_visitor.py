"""What a visitor tries first with models of their own: each refusal is one clear sentence."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mvlm import hub
from mvlm.clip import CLIPConfig
from mvlm.contrastive import clip_loss, siglip_loss
from mvlm.generation import generate, stream
from mvlm.images import clip_preprocessing, vit_preprocessing
from mvlm.language import LanguageConfig, LanguageModel, next_token_loss
from mvlm.llava import LLaVA, Projector, splice
from mvlm.molmo import AttentionPool, Connector, CropConfig, Molmo, crop_image
from mvlm.points import format_points
from mvlm.transformer import Block, TransformerConfig
from mvlm.vit import ViT, ViTConfig

transformers = pytest.importorskip("transformers")

SMALL = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3}
VIT = SMALL | {"intermediate_size": 20, "image_size": 8, "patch_size": 4}
LLAMA = SMALL | {"intermediate_size": 20, "vocab_size": 30, "max_position_embeddings": 40}


@pytest.fixture
def folder(save):
    config = transformers.ViTConfig(**VIT, num_labels=5)
    return save(transformers.ViTForImageClassification(config))


def edit(folder, name="config.json", **change):
    path = folder / name
    content = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(content | change))


def original_llava(**change):
    config = transformers.LlavaConfig(
        text_config=transformers.LlamaConfig(**LLAMA),
        vision_config=transformers.CLIPVisionConfig(**VIT),
        image_token_index=29,
        image_seq_length=4,
        **change,
    )
    return transformers.LlavaForConditionalGeneration(config).eval()


def vit():
    return ViT(ViTConfig(image_size=8, patch_size=4, width=12, depth=2, heads=3)).eval()


def language(**change):
    config = {"vocab_size": 30, "width": 12, "depth": 2, "heads": 3, "mlp_width": 20, "context": 40}
    return LanguageModel(LanguageConfig(**config | change)).eval()


def connector():
    return Connector(4, pool_width=8, heads=2, mlp_width=8, width=12)


def test_a_llava_whose_head_is_its_embedding(save):
    """The tie may be said beside the language model's config; the file then has no lm_head."""
    theirs = original_llava(tie_word_embeddings=True)
    ours = hub.load_llava(save(theirs)).model
    ids, images = torch.tensor([[1, 29, 29, 29, 29, 3]]), torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        want = theirs(input_ids=ids, pixel_values=images, attention_mask=ids > 0).logits
        got = ours(images, [[1, -200, 3]]).logits
    torch.testing.assert_close(got, want, atol=1e-5, rtol=0)


@pytest.mark.parametrize("activation", ["gelu_python", "gelu_fast"])
def test_other_names_of_known_activations(save, activation):
    theirs = transformers.ViTModel(transformers.ViTConfig(**VIT, hidden_act=activation)).eval()
    images = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        got = hub.load_vit(save(theirs)).model.encode(images).tokens
        torch.testing.assert_close(got, theirs(images).last_hidden_state, atol=1e-5, rtol=0)


@pytest.mark.parametrize("layer", [3, -4])
def test_a_feature_layer_that_is_not_there(save, layer):
    folder = save(original_llava())
    edit(folder, vision_feature_layer=layer)
    with pytest.raises(hub.WeightsError, match=rf"layer is {layer}, the tower has 2 blocks"):
        hub.load_llava(folder)
    model = LLaVA(vit(), Projector(12, 12), language(), feature_layer=layer)
    with pytest.raises(ValueError, match=rf"feature_layer is {layer}, the encoder gives 3"):
        model(torch.rand(1, 3, 8, 8), [[1, -200]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": "12"}, "hidden_size is '12' in the config, wanted a value such as 768"),
        ({"hidden_size": 12.0}, "hidden_size is 12.0 in the config"),
        ({"layer_norm_eps": "x"}, "layer_norm_eps is 'x' in the config"),
        ({"hidden_act": ["gelu"]}, r"hidden_act is \['gelu'\] in the config"),
        ({"id2label": {"a": "b"}}, "id2label is .* wanted the name of each class by its number"),
        ({"id2label": ["a"]}, "id2label is .* wanted the name of each class by its number"),
        ({"architectures": 5}, "architectures is 5 in the config, wanted a list of names"),
        ({"architectures": [5]}, r"architectures is \[5\] in the config, wanted a list of names"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000 in the .* 1 to 1000"),
        ({"num_hidden_layers": 0}, "num_hidden_layers is 0 in the config, wanted 1 to 1000"),
    ],
)
def test_a_config_with_odd_values_is_refused(folder, change, message):
    edit(folder, **change)
    with pytest.raises(hub.WeightsError, match=message):
        hub.load_vit(folder)


def test_classes_without_names_are_counted(folder):
    edit(folder, id2label=None, num_labels=5)
    assert hub.load_vit(folder).labels == tuple(f"LABEL_{i}" for i in range(5))


@pytest.mark.parametrize("files", [[], "x", None, {}])
def test_an_index_that_names_nothing(folder, files):
    (folder / hub.WEIGHTS).unlink()
    (folder / hub.INDEX).write_text(json.dumps({"weight_map": files}))
    with pytest.raises(hub.WeightsError, match="names no file"):
        hub.load_vit(folder)


def test_names_and_precisions_that_cannot_be(folder):
    with pytest.raises(FileNotFoundError, match="the name is empty: pass a folder"):
        hub.load_vit("")
    with pytest.raises(TypeError, match="the name is None: pass a folder, or a name of the hub"):
        hub.load_vit(None)
    for dtype in (torch.int8, "float16"):
        with pytest.raises(TypeError, match="pass a floating-point one"):
            hub.load_vit(folder, dtype=dtype)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": [8, 8]}, r"size is \[8, 8\], wanted height and width"),
        ({"image_mean": 0.5}, "image_mean is 0.5, wanted a number for each of three colours"),
        ({"image_std": [1, 1]}, r"image_std is \[1, 1\], wanted"),
        ({"image_std": [0, 1, 1]}, "none of them 0"),
        ({"resample": 99}, "resample is 99, wanted a filter of Pillow's"),
    ],
)
def test_a_preprocessor_with_odd_values_is_refused(folder, change, message):
    edit(folder, "preprocessor_config.json", **change)
    for default in (clip_preprocessing(8), vit_preprocessing(8)):
        with pytest.raises(hub.WeightsError, match=message):
            hub.read_preprocessing(folder, default)


def test_half_precision_files_load_exactly(folder):
    weights = {name: tensor.bfloat16() for name, tensor in load_file(folder / hub.WEIGHTS).items()}
    save_file(weights, folder / hub.WEIGHTS)
    loaded = hub.load_vit(folder).model.head.weight
    assert torch.equal(loaded, weights["classifier.weight"].float())


@pytest.mark.parametrize(
    ("dtype", "name"), [(torch.int8, "I8"), (torch.float8_e4m3fn, "F8_E4M3"), (torch.bool, "BOOL")]
)
def test_quantised_weights_are_refused(folder, dtype, name):
    weights = load_file(folder / hub.WEIGHTS)
    weights["classifier.weight"] = weights["classifier.weight"].to(dtype)
    save_file(weights, folder / hub.WEIGHTS)
    with pytest.raises(hub.WeightsError, match=rf"classifier.weight holds {name} numbers, wanted"):
        hub.load_vit(folder)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_weights_that_are_not_numbers_are_refused(folder, value, dtype):
    weights = {name: tensor.to(dtype) for name, tensor in load_file(folder / hub.WEIGHTS).items()}
    weights["classifier.weight"][1, 2] = float(value)
    save_file(weights, folder / hub.WEIGHTS)
    with pytest.raises(hub.WeightsError, match="classifier.weight holds NaN or infinity: its tra"):
        hub.load_vit(folder)


def test_a_tower_whose_config_is_no_object(save):
    folder = save(original_llava())
    edit(folder, vision_config=5)
    with pytest.raises(hub.WeightsError, match="vision_config is 5 in the config, wanted an obj"):
        hub.load_llava(folder)


@pytest.mark.parametrize("tower", ["vision_config", "text_config"])
def test_a_tower_of_too_many_blocks(save, tower):
    folder = save(original_llava())
    part = json.loads((folder / "config.json").read_text())[tower]
    edit(folder, **{tower: part | {"num_hidden_layers": 1001}})
    with pytest.raises(hub.WeightsError, match="num_hidden_layers is 1001 in the config"):
        hub.load_llava(folder)


def test_images_of_another_precision_are_named():
    with pytest.raises(TypeError, match=r"images is torch.float16, the model torch.float32: pass"):
        vit()(torch.rand(1, 3, 8, 8).half())
    with pytest.raises(TypeError, match=r"images is a list: pass a torch tensor"):
        vit()([torch.rand(3, 8, 8)])
    with torch.autocast("cpu", dtype=torch.bfloat16):  # which converts by itself
        assert vit()(torch.rand(1, 3, 8, 8).bfloat16()).shape == (1, 12)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ViTConfig(image_size=(8,)), TypeError, r"image_size is \(8,\): pass a whole"),
        (lambda: ViTConfig(image_size=8.0), TypeError, r"image_size is 8.0: pass a whole"),
        (lambda: ViTConfig(channels=0), ValueError, "channels is 0: pass at least 1"),
        (lambda: ViTConfig(depth=1.5), TypeError, "depth is 1.5: pass a whole number"),
        (lambda: ViTConfig(eps=-1.0), ValueError, "eps is -1.0: pass more than 0"),
        (
            lambda: TransformerConfig(width=12, depth=1, heads="3", mlp_width=4),
            TypeError,
            "heads is '3': pass a whole number",
        ),
        (
            lambda: TransformerConfig(width=12, depth=1001, heads=3, mlp_width=4),
            ValueError,
            "depth is 1001: pass at most 1000 blocks",
        ),
        (
            lambda: LanguageConfig(vocab_size=9, width=9, depth=1, heads=3, mlp_width=4),
            ValueError,
            "a head is 3 wide: rotary positions turn its numbers in pairs",  # it went through
        ),
        (
            lambda: LanguageConfig(vocab_size=0, width=8, depth=1, heads=2, mlp_width=4),
            ValueError,
            "vocab_size is 0: pass at least 1",
        ),
        (
            lambda: LanguageConfig(
                vocab_size=9, width=8, depth=1, heads=2, mlp_width=4, rope_theta=0.0
            ),
            ValueError,
            "rope_theta is 0.0: pass more than 0",
        ),
        (lambda: ViT.from_variant(None), ValueError, "ViT variant None is not known: pass a size"),
        (lambda: CLIPConfig(embed_dim=0), ValueError, "embed_dim is 0: pass at least 1"),
        (lambda: CropConfig(pool=0), ValueError, "pool is 0: pass at least 1"),
        (lambda: CropConfig(crop_size=8.0), TypeError, "crop_size is 8.0: pass a whole number"),
        (lambda: crop_image("a.png"), TypeError, "the picture is a str: pass a Pillow image"),
        (
            lambda: crop_image(torch.zeros(3, 4, 4).byte()),
            TypeError,
            r"holds torch.uint8 numbers: scale it, picture.float\(\) / 255",
        ),
        (
            lambda: crop_image(torch.zeros(3, 4, 4).half()),
            TypeError,
            r"the picture is torch.float16, too coarse to scale: pass picture.float\(\)",
        ),
        (
            lambda: clip_loss([[1.0]], torch.ones(1, 1), 1.0),
            TypeError,
            "image features are list: pass a tensor of floats",
        ),
        (
            lambda: clip_loss(torch.ones(1, 1), torch.ones(1, 1).long(), 1.0),
            TypeError,
            "text features are torch.int64: pass a tensor of floats",
        ),
        (
            lambda: clip_loss(torch.ones(1, 1), torch.ones(1, 1).half(), 1.0),
            TypeError,
            "image features are torch.float32, text features torch.float16: convert one",
        ),
        (
            lambda: clip_loss(torch.ones(2, 2), torch.ones(2, 2), torch.ones(2)),
            ValueError,
            r"scale is \(2,\), wanted one number: the whole batch shares it",
        ),
        (
            lambda: siglip_loss(torch.ones(2, 2), torch.ones(2, 2), torch.ones(2), 0.0),
            ValueError,
            r"scale is \(2,\), wanted one number",
        ),
        (
            lambda: siglip_loss(torch.ones(2, 2), torch.ones(2, 2), 1.0, torch.ones(2)),
            ValueError,
            r"bias is \(2,\), wanted one number",
        ),
        (
            lambda: siglip_loss(torch.ones(2, 2), torch.ones(2, 2), 1.0, torch.ones(1, 1, 1)),
            ValueError,
            r"bias is \(1, 1, 1\), wanted one number",
        ),
        (
            lambda: clip_loss(torch.ones(2, 2), torch.ones(2, 2), None),
            TypeError,
            "scale is None: pass one number, or a tensor that holds one",
        ),
        (
            lambda: language()(torch.ones(1, 2).long(), attention_mask=[[1, 1]]),
            TypeError,
            r"attention_mask is a list, wanted a tensor \(B, T\): torch.tensor",
        ),
        (
            lambda: splice([[1, 2]], [], language().embed, attention_mask=[[1, 1]]),
            TypeError,
            "attention_mask is a list, wanted a tensor",
        ),
        (
            lambda: Block(TransformerConfig(width=12, depth=1, heads=3, mlp_width=4))(
                torch.ones(1, 2, 12), mask=[[True, True]]
            ),
            TypeError,
            "attention mask is a list: give a boolean one",
        ),
        (lambda: Projector(-2, 12), ValueError, "vision_width is -2: pass at least 1"),
        (lambda: Projector(12, 1.5), TypeError, "width is 1.5: pass a whole number"),
        (lambda: Projector(12, 12, None), ValueError, "depth is None: pass 1 for a linear"),
        (
            lambda: LLaVA(vit(), Projector(16, 12), language())(
                torch.rand(1, 3, 8, 8), [[1, -200]]
            ),
            ValueError,
            "the vision vectors are 12 wide, this projector takes 16: make it with vision_width=12",
        ),
        (lambda: AttentionPool(4, 8, 0), ValueError, "heads is 0: pass at least 1"),
        (lambda: AttentionPool(4, 8, 2, pool=0), ValueError, "pool is 0: pass at least 1"),
        (lambda: AttentionPool(0, 8, 2), ValueError, "feature_width is 0: pass at least 1"),
        (
            lambda: AttentionPool(4, 8, 2)(torch.ones(1, 2, 2, 5)),
            ValueError,
            r"features are \(1, 2, 2, 5\), wanted \(K, G, G, 4\) with at least one image",
        ),
        (
            lambda: AttentionPool(4, 8, 2)(torch.ones(0, 2, 2, 4)),
            ValueError,
            r"features are \(0, 2, 2, 4\), wanted .* with at least one image",
        ),
        (
            lambda: connector()(torch.ones(1, 2, 2, 5), torch.ones(1, 4)),
            ValueError,
            r"features are \(1, 2, 2, 5\), wanted \(K, G, G, 4\)",
        ),
        (
            lambda: connector()(torch.ones(1, 2, 2, 4), torch.ones(1, 9)),
            ValueError,
            r"masks are \(1, 9\), wanted one share a patch: \(1, 4\)",
        ),
        (
            lambda: Molmo(vit(), connector(), language(), patch_id=1).features([]),
            ValueError,
            "no picture came: pass at least one, as crop_image gives it",
        ),
        (
            lambda: format_points([(1.0, 2.0)], label=None),
            TypeError,
            "the label is None: pass text that names what is there",
        ),
        (lambda: language().cache(0, 4), ValueError, "a cache of 0 rows holds nothing"),
        (lambda: language()([[1, 2]]), TypeError, "ids is a list, wanted a tensor of int64"),
        (lambda: language()(torch.ones(1, 2)), TypeError, "ids is torch.float32 numbers, wanted"),
        (
            lambda: language()(embeddings=torch.ones(1, 2, 9)),
            ValueError,
            r"embeddings is \(1, 2, 9\), wanted \(B, T, 12\)",
        ),
        (
            lambda: language()(embeddings=torch.ones(1, 2, 12).double()),
            TypeError,
            "embeddings is torch.float64, the model torch.float32",
        ),
        (
            lambda: next_token_loss(torch.ones(1, 2, 3), torch.ones(1, 2)),
            TypeError,
            "labels is torch.float32 numbers",
        ),
        (lambda: splice([], [], language().embed), ValueError, "no row came"),
        (lambda: splice([1, 2], [], language().embed), TypeError, "ids is no list of rows"),
        (lambda: splice([[1.5]], [], language().embed), TypeError, "ids are no whole numbers"),
        (
            lambda: splice([[1, -200]], torch.ones(1, 4, 9), language().embed),
            ValueError,
            r"features are \(4, 9\), wanted .* width, \(N, 12\)",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("prompts", "options", "error", "message"),
    [
        ([1, 2], {}, TypeError, "a prompt is no list of token ids"),
        (["a cat"], {}, TypeError, "a prompt is no list of token ids"),
        (np.array([1, 2]), {}, TypeError, "a prompt is no list of token ids"),
        ([[1]], {"attention_mask": torch.ones(1, 1)}, ValueError, "attention_mask came with lists"),
        ([[1]], {"top_k": 5.0}, ValueError, "top_k is 5.0: pass at least 1, a whole number"),
        ([[1]], {"top_p": 2.0}, ValueError, "top_p is 2.0"),
        ([[1]], {"top_k": 2.5}, ValueError, "top_k is 2.5"),
        ([[1]], {"temperature": float("nan")}, ValueError, "temperature is nan"),
        (torch.ones(1, 2).long(), {"attention_mask": torch.ones(2)}, ValueError, "one value a tok"),
        (torch.ones(1, 2).long(), {"attention_mask": [[1, 1]]}, TypeError, "attention_mask is a l"),
        (None, {"embeddings": torch.ones(3, 12)}, ValueError, r"embeddings is \(3, 12\), wanted"),
    ],
)
def test_generation_is_refused_before_the_first_token(prompts, options, error, message):
    with pytest.raises(error, match=message):
        stream(language(), prompts, max_new_tokens=2, **options)


@pytest.mark.parametrize("steps", [5.0, 0, float("inf")])
def test_steps_that_are_not_counted(steps):
    with pytest.raises(ValueError, match=f"max_new_tokens is {steps}: pass at least 1, a whole"):
        stream(language(), [[1]], max_new_tokens=steps)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_scores_that_are_not_numbers_give_no_token(temperature):
    vectors = torch.full((1, 2, 12), float("nan"))
    with pytest.raises(ValueError, match="the model's scores are not numbers"):
        generate(language(), embeddings=vectors, max_new_tokens=2, temperature=temperature)


def test_what_still_goes_through():
    """A scale may be a tensor that holds one number, and autocast brings precisions together."""
    features = torch.eye(2)
    torch.testing.assert_close(
        clip_loss(features, features, torch.ones(1)), clip_loss(features, features, 1.0)
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert clip_loss(features, features.bfloat16(), 1.0).isfinite()
