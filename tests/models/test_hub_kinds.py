"""Folders as they really come: wrapped, merged, converted, half described. See transformers."""

import json
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file, save_model
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers, processors

from mvlm import hub
from mvlm.chat import Chat
from mvlm.generation import generate
from mvlm.hub.clip import read_clip_tokenizer
from mvlm.hub.language import language_config_from
from mvlm.images import clip_preprocessing, vit_preprocessing
from mvlm.tokenizer import Tokenizer

transformers = pytest.importorskip("transformers")

SMALL = {"hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 2}
TEXT = SMALL | {"vocab_size": 61, "num_attention_heads": 4, "max_position_embeddings": 64}
VISION = {"hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 2}
VISION |= {"num_attention_heads": 3, "image_size": 8, "patch_size": 4}
FAMILIES = {
    "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
    "mistral": (transformers.MistralConfig, transformers.MistralForCausalLM),
    "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM),
}


def shake(model):
    for parameter in model.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def language(family="llama", **change):
    config, model = FAMILIES[family]
    return shake(model(config(**TEXT | {"num_key_value_heads": 2} | change)))


def llava(**change):
    config = transformers.LlavaConfig(
        text_config=transformers.LlamaConfig(**TEXT),
        vision_config=transformers.CLIPVisionConfig(**VISION),
        image_token_index=60,
        **change,
    )
    return shake(transformers.LlavaForConditionalGeneration(config))


def edit(folder, name="config.json", **change):
    path = folder / name
    content = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(content | change))


def renamed(folder, rename):
    path = folder / hub.WEIGHTS
    tensors = load_file(path)
    path.unlink()
    save_file({rename(name): tensor for name, tensor in tensors.items()}, path)


def read(loaded):
    """What any loaded model says about some input of its own."""
    model = loaded.model
    with torch.no_grad():
        if isinstance(loaded, hub.LoadedViT):
            return model(torch.ones(1, 3, 8, 8))
        if isinstance(loaded, hub.LoadedCLIP):
            return model.encode_image(torch.ones(1, 3, 8, 8))
        if isinstance(loaded, hub.LoadedLLaVA):
            return model(torch.ones(1, 3, 8, 8), [[1, -200, 3]]).logits
        return model(torch.tensor([[1, 2, 3]]))


def clip():
    text = TEXT | {"eos_token_id": 60}
    config = transformers.CLIPConfig(text_config=text, vision_config=VISION, projection_dim=6)
    return shake(transformers.CLIPModel(config))


ALL = {
    "vit": (lambda: shake(transformers.ViTModel(transformers.ViTConfig(**VISION))), hub.load_vit),
    "clip": (clip, hub.load_clip),
    "clip tower": (clip, hub.load_clip_vision),
    "language": (language, hub.load_language),
    "llava": (llava, hub.load_llava),
}


# --------------------------------------------------------------------------- names and tensors


@pytest.mark.parametrize("before", ["_orig_mod.", "module.", "module._orig_mod."])
@pytest.mark.parametrize("kind", ALL)
def test_names_of_what_wrapped_a_model(save, kind, before):
    make, load = ALL[kind]
    folder = save(make())
    want = read(load(folder))
    renamed(folder, lambda name: before + name)
    torch.testing.assert_close(read(load(folder)), want, atol=1e-6, rtol=0)


def test_a_wrapper_between_the_names(save):
    folder = save(language())
    want = read(hub.load_language(folder))
    renamed(folder, lambda name: name.replace("model.layers.1.", "model.layers.1._orig_mod."))
    torch.testing.assert_close(read(hub.load_language(folder)), want, atol=1e-6, rtol=0)


def test_one_tensor_under_two_names(save):
    folder = save(language())
    tensors = load_file(folder / hub.WEIGHTS)
    save_file(
        tensors | {"module.lm_head.weight": tensors["lm_head.weight"].clone()}, folder / hub.WEIGHTS
    )
    with pytest.raises(hub.WeightsError, match="holds lm_head.weight twice"):
        hub.load_language(folder)


@pytest.mark.parametrize("kind", ["clip", "language", "llava"])
def test_an_adapter_is_named_with_what_to_do(save, kind, tmp_path):
    _, load = ALL[kind]
    folder = tmp_path / "adapter"
    folder.mkdir()
    save_file(
        {"base_model.model.q.lora_A.weight": torch.ones(2)}, folder / "adapter_model.safetensors"
    )
    edit(folder, "adapter_config.json", peft_type="LORA", base_model_name_or_path="some/base")
    with pytest.raises(hub.WeightsError, match=r"adapter \(LORA.*some/base.*merge_and_unload"):
        load(folder)


def test_an_adapter_left_in_the_weights(save):
    folder = save(language())
    renamed(folder, lambda n: n.replace("q_proj.weight", "q_proj.base_layer.weight"))
    with pytest.raises(hub.WeightsError, match=r"parts of an adapter .*merge_and_unload"):
        hub.load_language(folder)


# --------------------------------------------------------------------------- one tensor or two


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shards", [False, True])
def test_a_head_of_its_own_under_a_tied_config(save, family, shards):
    theirs = language(family, tie_word_embeddings=False)
    folder = save(theirs, **{"max_shard_size": "9KB"} if shards else {})
    edit(folder, tie_word_embeddings=True)
    ids = torch.randint(0, 61, (2, 7))
    with torch.no_grad():
        got = hub.load_language(folder).model(ids)
        torch.testing.assert_close(got, theirs(ids).logits, atol=1e-5, rtol=0)


def test_a_llava_with_a_head_of_its_own(save):
    folder = save(llava())
    want = read(hub.load_llava(folder))
    edit(folder, tie_word_embeddings=True)
    torch.testing.assert_close(read(hub.load_llava(folder)), want, atol=1e-6, rtol=0)


def test_a_tied_head_said_twice_stays_tied(save):
    folder = save(language(tie_word_embeddings=True))
    tensors = load_file(folder / hub.WEIGHTS)
    both = tensors | {"lm_head.weight": tensors["model.embed_tokens.weight"].clone()}
    save_file(both, folder / hub.WEIGHTS)
    assert hub.load_language(folder).model.config.tied


@pytest.mark.parametrize("noted", [True, False])
@pytest.mark.parametrize("make", [language, llava])
def test_tied_weights_as_save_model_writes_them(save, make, noted):
    """It keeps one of the two names, here the head's, and notes the other in the metadata."""
    theirs = make(tie_word_embeddings=True)
    folder = save(theirs)
    load = hub.load_language if make is language else hub.load_llava
    want = read(load(folder))
    (folder / hub.WEIGHTS).unlink()
    save_model(theirs, str(folder / hub.WEIGHTS))
    if not noted:
        renamed(folder, lambda name: name)
    assert not any(name.endswith("embed_tokens.weight") for name in load_file(folder / hub.WEIGHTS))
    torch.testing.assert_close(read(load(folder)), want, atol=1e-5, rtol=0)


# ------------------------------------------------------------------------ defaults of a family


@pytest.mark.parametrize("family", FAMILIES)
def test_an_empty_config_means_the_familys_defaults(family):
    theirs = FAMILIES[family][0]()
    ours = language_config_from({"model_type": family})
    assert (ours.vocab_size, ours.width, ours.depth, ours.heads) == (
        theirs.vocab_size,
        theirs.hidden_size,
        theirs.num_hidden_layers,
        theirs.num_attention_heads,
    )
    assert ours.filled.kv_heads == theirs.num_key_value_heads
    assert (ours.mlp_width, ours.eps) == (theirs.intermediate_size, theirs.rms_norm_eps)
    assert ours.rope_theta == theirs.rope_parameters["rope_theta"]
    assert ours.tied == theirs.tie_word_embeddings
    window = theirs.sliding_window if family == "mistral" else None
    assert ours.context == min(theirs.max_position_embeddings, window or 2**60)


@pytest.mark.parametrize(
    ("change", "context"),
    [
        ({"model_type": "mistral", "sliding_window": None}, 131072),
        ({"model_type": "mistral", "sliding_window": 32}, 32),
        ({"model_type": "llama", "sliding_window": 32}, 2048),  # Llama has none
        ({"model_type": "qwen2", "sliding_window": 32}, 32768),
        ({"model_type": "qwen2", "sliding_window": 32, "use_sliding_window": True}, 32),
        (
            {
                "model_type": "qwen2",
                "sliding_window": 32,
                "use_sliding_window": True,
                "max_window_layers": 32,
            },
            32768,  # no layer slides
        ),
    ],
)
def test_a_window_bounds_the_context_where_it_matters(change, context):
    assert language_config_from(change).context == context


@pytest.mark.parametrize("family", ["mistral", "qwen2"])
def test_biases_that_are_llamas_alone(save, family):
    theirs = language(family)
    folder = save(theirs)
    edit(folder, attention_bias=True, mlp_bias=True)  # transformers reads over both
    ids = torch.randint(0, 61, (1, 5))
    with torch.no_grad():
        got = hub.load_language(folder).model(ids)
        torch.testing.assert_close(got, theirs(ids).logits, atol=1e-5, rtol=0)


def test_a_config_of_version_4(save):
    """rope_theta stands beside, rope_scaling has `type`, and what is the default is left out."""
    rope = {"rope_type": "linear", "factor": 2.0, "rope_theta": 5000.0}
    theirs = language(rope_parameters=rope)
    folder = save(theirs)
    config = json.loads((folder / "config.json").read_text())
    del config["rope_parameters"], config["rms_norm_eps"], config["tie_word_embeddings"]
    config |= {"rope_theta": 5000.0, "rope_scaling": {"type": "linear", "factor": 2.0}}
    (folder / "config.json").write_text(json.dumps(config))
    ids = torch.randint(0, 61, (1, 40))
    with torch.no_grad():
        got = hub.load_language(folder).model(ids)
        torch.testing.assert_close(got, theirs(ids).logits, atol=1e-5, rtol=0)


def test_heads_turned_in_part_are_refused():
    with pytest.raises(hub.WeightsError, match="partial_rotary_factor is 0.5"):
        language_config_from({"partial_rotary_factor": 0.5})


def test_a_tower_described_twice_is_read_as_transformers_reads_it(save):
    theirs = clip()
    folder = save(theirs)
    part = json.loads((folder / "config.json").read_text())["vision_config"]
    edit(folder, vision_config=part | {"hidden_act": "gelu"}, vision_config_dict=VISION)
    want = transformers.CLIPModel.from_pretrained(folder).eval()
    images = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        got = hub.load_clip(folder).model.encode_image(images)
        theirs = want(pixel_values=images, input_ids=torch.tensor([[1, 60]])).image_embeds
    torch.testing.assert_close(got, theirs, atol=1e-5, rtol=0)


# --------------------------------------------------------------------------------- processors


def processor(kind, **change):
    names = {"clip": "CLIP", "vit": "ViT", "siglip": "Siglip", "llava": "Llava"}
    module = pytest.importorskip(f"transformers.models.{kind}.image_processing_pil_{kind}")
    return getattr(module, f"{names[kind]}ImageProcessorPil")(**change)


def picture(height, width):
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("kind", ["clip", "vit", "siglip", "llava"])
@pytest.mark.parametrize("suffix", ["", "Fast"])
def test_what_a_file_leaves_out_is_its_processors_default(tmp_path, kind, suffix):
    theirs = processor(kind)
    name = type(theirs).__name__.removesuffix("Pil") + suffix
    edit(tmp_path, "preprocessor_config.json", image_processor_type=name)
    want = theirs(picture(31, 47), return_tensors="pt")["pixel_values"]
    for default in (clip_preprocessing(16), vit_preprocessing(16)):
        got = hub.read_preprocessing(tmp_path, default)(picture(31, 47))
        torch.testing.assert_close(got, want, atol=1e-6, rtol=0)


CASES = {
    "crop above the side": ("clip", {"size": {"shortest_edge": 20}, "crop_size": 33}),
    "crop above one side": (
        "clip",
        {"size": {"height": 40, "width": 15}, "crop_size": {"height": 21, "width": 22}},
    ),
    "no crop": ("clip", {"size": {"height": 12, "width": 15}, "do_center_crop": False}),
    "one number, short side": ("clip", {"size": 19, "crop_size": 19}),
    "one number, square": ("vit", {"size": 19}),
    "siglip": ("siglip", {"size": {"height": 12, "width": 15}, "resample": 2}),
    "padded, odd": ("llava", {"do_pad": True, "size": {"shortest_edge": 13}, "crop_size": 13}),
    "padded, its own colour": (
        "llava",
        {"do_pad": True, "image_mean": [0.1, 0.5, 0.9], "size": {"height": 9, "width": 14}},
    ),
    "not padded": ("llava", {"do_pad": False, "size": {"shortest_edge": 13}, "crop_size": 11}),
}


@pytest.mark.parametrize("shape", [(31, 47), (47, 31), (30, 30), (3, 50)])
@pytest.mark.parametrize("case", CASES)
def test_settings_of_a_processor_are_done(save, case, shape):
    kind, change = CASES[case]
    theirs = processor(kind, **change)
    folder = save(theirs)
    want = theirs(picture(*shape), return_tensors="pt")["pixel_values"]
    got = hub.read_preprocessing(folder, clip_preprocessing(8))(picture(*shape))
    torch.testing.assert_close(got, want, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_processor_type": "ConvNextImageProcessor"}, "is a ConvNextImageProcessor, mvlm"),
        ({"image_aspect_ratio": "pad"}, "asks for image_aspect_ratio = pad, which mvlm does not"),
        ({"pad_size": {"height": 9, "width": 9}}, "asks for pad_size"),
        ({"do_thumbnail": True}, "asks for do_thumbnail = True"),
        ({"size": {"shortest_edge": 9, "longest_edge": 20}}, "size is .* wanted height and width"),
        ({"size": {"height": 0, "width": 9}}, "wanted height and width in pixels"),
        ({"crop_size": {"shortest_edge": 9}}, "crop_size is .* wanted height and width"),
        ({"do_center_crop": "no"}, "do_center_crop is 'no' in the config"),
        ({"do_pad": True, "do_center_crop": False}, r"to one size \(do_pad\)"),
    ],
)
def test_a_setting_that_is_not_done_is_refused(tmp_path, change, message):
    edit(
        tmp_path,
        "preprocessor_config.json",
        **{"image_processor_type": "CLIPImageProcessor"} | change,
    )
    with pytest.raises(hub.WeightsError, match=message):
        hub.read_preprocessing(tmp_path, clip_preprocessing(8))


def test_steps_that_are_off_ask_for_nothing(tmp_path):
    edit(tmp_path, "preprocessor_config.json", do_thumbnail=False, crop_pct=None, do_pad=None)
    assert hub.read_preprocessing(tmp_path, clip_preprocessing()) == clip_preprocessing()


# --------------------------------------------------------------------------------- tokenizers


def pieces(scheme="first", extra=()):
    """A small tokenizer in Llama's manner, without <image>."""
    marks = ["▁", "s", "o", "d", "g", ".", "\n", "U", "A", ":"]
    merges = [("d", "o"), ("do", "g"), ("▁", "dog"), ("s", "o"), ("▁", "so")]
    vocab = {w: i for i, w in enumerate(["<unk>", "<s>", "</s>", *marks])}
    vocab |= {a + b: len(vocab) + i for i, (a, b) in enumerate(merges)}
    back = Backend(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True))
    back.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    back.decoder = decoders.Metaspace(prepend_scheme=scheme)
    back.add_special_tokens(["<s>", "</s>", *extra])
    back.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=back, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def load_tokens(save, tokens, **files):
    folder = save(language())
    tokens.save_pretrained(folder)
    for name, change in files.items():
        edit(folder, f"{name}.json", **change)
    return hub.load_language(folder).tokenizer


@pytest.mark.parametrize("scheme", ["first", "always", "never"])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("text", ["<image>\ndog", "so <image> dog<image>", "<image><image> so"])
def test_a_text_around_pictures_is_one_text(save, scheme, known, text):
    extra = ("<image>",)
    ours = load_tokens(save, pieces(scheme, extra if known else ()))
    theirs = pieces(scheme, extra)
    chat = Chat(tokenizer=ours, user="U: ", assistant=" A:")
    want = theirs(f"U: {text} A:")["input_ids"]
    image = theirs.convert_tokens_to_ids("<image>")
    assert chat.prompt([(text, None)]) == [-200 if i == image else i for i in want]
    example = chat.example([(text, "dog so")])
    answer = theirs(f"U: {text} A: dog so</s>")["input_ids"][len(want) :]
    assert [label for label in example.labels if label != -100] == answer


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("length", [7, None])
def test_stored_padding_and_truncation_are_forgotten(save, side, length):
    tokens = pieces(extra=("[PAD]",))
    tokens.pad_token, tokens.padding_side = "[PAD]", side
    how = {"padding": "max_length", "max_length": 7} if length else {"padding": True}
    tokens(["so", "dog dog"], truncation=True, **how)
    ours = load_tokens(save, tokens)
    text = "so dog " * 6
    assert [ours.start_id, *ours.encode(text)] == pieces()(text)["input_ids"]
    stored = Tokenizer(tokens.backend_tokenizer, start="<s>", end="</s>")  # not by way of a file
    assert stored.encode("so") == ours.encode("so")


def test_the_start_token_is_the_one_that_is_put_there(save):
    tokens = pieces(extra=("<go>",))
    go = tokens.convert_tokens_to_ids("<go>")
    back = tokens.backend_tokenizer
    back.post_processor = processors.TemplateProcessing(
        single="<go> $A </s>", pair="<go> $A $B", special_tokens=[("<go>", go), ("</s>", 2)]
    )
    assert load_tokens(save, tokens).start == "<go>"  # bos_token is <s>
    back.post_processor = processors.TemplateProcessing(
        single="<s> <go> $A", pair="<s> $A $B", special_tokens=[("<go>", go), ("<s>", 1)]
    )
    with pytest.raises(hub.WeightsError, match="puts 2 tokens before a text"):
        load_tokens(save, tokens)


@pytest.mark.parametrize(
    "files",
    [
        {"added_tokens": {"<new>": 18}},
        {"tokenizer_config": {"added_tokens_decoder": {"18": {"content": "<new>"}}}},
        {"special_tokens_map": {"additional_special_tokens": ["<new>"]}},
        {"tokenizer_config": {"pad_token": "<new>"}},
    ],
)
def test_a_token_beside_the_tokenizer(save, files):
    ours = load_tokens(save, pieces(), **files)
    assert ours.encode("so <new>")[-1] == 18
    assert ours.vocab_size == 19


def test_an_added_token_at_anothers_number(save):
    with pytest.raises(hub.WeightsError, match="'<new>' is number 40 .* would be 18 here"):
        load_tokens(save, pieces(), added_tokens={"<new>": 40})
    with pytest.raises(hub.WeightsError, match="has '<new>' as token 2, which is '</s>'"):
        load_tokens(save, pieces(), added_tokens={"<new>": 2})


@pytest.mark.parametrize(
    ("files", "ends"),
    [
        ({"generation_config": {"eos_token_id": [17, 3]}}, (2, 17, 3)),
        ({"generation_config": {"eos_token_id": 17}, "config": {"eos_token_id": 4}}, (2, 17)),
        ({"generation_config": {"eos_token_id": None}, "config": {"eos_token_id": [4, 2]}}, (2, 4)),
    ],
)
def test_where_generation_ends(save, files, ends):
    assert load_tokens(save, pieces(), **files).end_ids == ends


def test_a_llavas_ends_stand_in_its_text_config(save):
    folder = save(llava())
    pieces().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    part = json.loads((folder / "config.json").read_text())["text_config"]
    edit(folder, eos_token_id=None, text_config=part | {"eos_token_id": [2, 9]})
    assert hub.load_llava(folder).tokenizer.end_ids == (2, 9)


def test_ends_that_are_no_numbers(save):
    with pytest.raises(hub.WeightsError, match="eos_token_id is '</s>', wanted the number"):
        load_tokens(save, pieces(), generation_config={"eos_token_id": "</s>"})


def test_generation_ends_where_transformers_does(save):
    theirs = language()
    folder = save(theirs)
    ids = torch.tensor([[5, 7, 9]])
    plain = {"max_new_tokens": 30, "do_sample": False, "pad_token_id": 0}
    free = theirs.generate(ids, **plain, eos_token_id=None)[0, 3:].tolist()
    ends = [60 if 60 not in free else 59, free[4]]
    want = theirs.generate(ids, **plain, eos_token_id=ends)[0, 3:].tolist()
    model = hub.load_language(folder).model
    for said in (ends, tuple(ends), set(ends), np.array(ends), torch.tensor(ends)):
        assert generate(model, ids, max_new_tokens=30, end_id=said) == [want]
    for said in (
        np.int64(free[4]),
        torch.tensor(free[4]),
        np.array(free[4]),
        [torch.tensor(free[4])],
    ):
        assert generate(model, ids, max_new_tokens=30, end_id=said) == [want]
    for wrong in ("</s>", 1.5, True, [True], np.array([1.5])):
        with pytest.raises(TypeError, match="end_id is .*: pass the number of a token"):
            generate(model, ids, max_new_tokens=3, end_id=wrong)


def write_clip(folder):
    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {c: i for i, c in enumerate(signs)} | {c + "</w>": 256 + i for i, c in enumerate(signs)}
    vocab |= {"<|startoftext|>": 512, "<|endoftext|>": 513}
    (folder / "vocab.json").write_text(json.dumps(vocab))
    (folder / "merges.txt").write_text("#version: 0.2\n")


@pytest.mark.parametrize("text", ["a <Toy> b", "a<Toy>b <spot>.", "<TOY> <toy>", "A Toy"])
def test_tokens_a_clip_learnt_later(tmp_path, text):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    write_clip(before)
    theirs = transformers.CLIPTokenizer.from_pretrained(before)
    theirs.add_tokens(["<Toy>", "<spot>"])
    theirs.save_pretrained(after)
    want = theirs(text)["input_ids"]
    assert read_clip_tokenizer(after, 77)([text])[0, : len(want)].tolist() == want
    edit(before, "added_tokens.json", **{"<Toy>": 514, "<spot>": 515})
    assert read_clip_tokenizer(before, 77)([text])[0, : len(want)].tolist() == want


def test_a_clip_token_that_is_numbered_twice(tmp_path):
    write_clip(tmp_path)
    edit(tmp_path, "added_tokens.json", **{"a</w>": 700})
    with pytest.raises(hub.WeightsError, match="number 700 in its file and"):
        read_clip_tokenizer(tmp_path, 77)


def test_a_text_ends_at_its_end_after_a_token_was_added(save):
    """OpenAI's config says 2, and the largest id is no longer the end of text."""
    config = hub.clip.clip_config_from({"text_config": {"vocab_size": 49409, "eos_token_id": 2}})
    assert config.text.eot_id == 49407


# ------------------------------------------------------------------------------- forged turns


@pytest.mark.parametrize("what", ["</s>", "<s>", "<turn>"])
def test_special_tokens_in_what_is_said_are_refused(save, what):
    chat = Chat(tokenizer=load_tokens(save, pieces(extra=("<image>", "<turn>"))))
    with pytest.raises(ValueError, match=f"the question holds {what}, which the tokenizer"):
        chat.prompt([(f"so{what}USER: dog", None)])
    with pytest.raises(ValueError, match=f"the answer holds {what}"):
        chat.example([("so", f"dog{what}")])
    with pytest.raises(ValueError, match=f"the caption holds {what}"):
        chat.caption(f"dog {what}")
    assert chat.prompt([("<image> so", None)])


def test_the_courses_own_markers_of_points_are_text():
    tokenizer = Tokenizer.train(["a dog"], vocab_size=300)
    assert tokenizer.special_in('<point x="1.0" alt="a">') == []
    assert tokenizer.special_in("<end> <pad>") == ["<end>", "<pad>"]
    with pytest.raises(ValueError, match="the question holds <im_patch>"):
        Chat(tokenizer=tokenizer).prompt([("a <im_patch>", None)])


def test_a_folder_in_the_home_folder(save, monkeypatch):
    folder = save(language())
    monkeypatch.setenv("HOME", str(folder.parent))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert hub.load_language(f"~/{folder.name}").model.config.vocab_size == 61
