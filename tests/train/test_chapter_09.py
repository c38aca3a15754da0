"""What chapter 09 uses beside the models: its figures, its box to ask in, its cell for a GPU."""

import io
import json
from pathlib import Path

import jupytext
import pytest
import torch
from PIL import Image

from mvlm import weights
from mvlm.chat import Chat
from mvlm.data.scene import Scenes
from mvlm.language import LanguageConfig, LanguageModel
from mvlm.llava import LLaVA, Projector
from mvlm.show.asking import ask_box
from mvlm.show.curves import LiveCurve
from mvlm.show.figures import encode
from mvlm.show.llava import (
    asked,
    draw_pipeline,
    in_words,
    pipeline,
    results_table,
    row_of_tokens,
    splice_figure,
)
from mvlm.small.cells import Cells
from mvlm.vit import ViT, ViTConfig

CHAPTER = Path(__file__).parents[2] / "book/chapters/09_llava.md"


@pytest.fixture(scope="module")
def llava():
    torch.manual_seed(0)
    tower = ViT(ViTConfig(image_size=40, patch_size=20, width=12, depth=2, heads=3))
    vision = Cells(tower)
    vocabulary = weights.tokenizer().vocab_size
    language = LanguageModel(
        LanguageConfig(vocab_size=vocabulary, width=16, depth=1, heads=2, mlp_width=20)
    )
    return LLaVA(vision, Projector(vision.width, 16), language, feature_layer=-1).eval()


@pytest.fixture
def chat():
    return Chat(tokenizer=weights.tokenizer())


def test_the_pipeline_notes_every_shape(llava, chat):
    stations = pipeline(llava, chat, torch.zeros(1, 3, 120, 120), "what is in the centre?")
    gives = {station.does.split("\n")[0]: station.gives for station in stations}
    ids = chat.prompt([("<image>\nwhat is in the centre?", None)])
    assert gives == {
        "picture": "3×120×120",
        "cut into cells": "9×3×40×40",
        "CLIP's tower": "9×5×12",
        "class token": "9×18",
        "projector": "9×16",
        "question": f"{len(ids)} ids with marker",
        "word table": f"{len(ids) - 1}×16",
        "splice": f"{len(ids) + 8}×16",
        "language": f"{len(ids) + 8}×{chat.tokenizer.vocab_size}",
    }
    assert "splice gives" in in_words(stations)
    assert encode(draw_pipeline(stations, learns=("projector",)))[1]


def test_a_spliced_row_is_drawn_position_by_position(llava, chat):
    example = chat.example([("<image>\nwhere is the dog?", "centre")])
    tokens, kinds, numbers = row_of_tokens(chat.tokenizer, example.ids, 9)
    spliced = llava.splice(torch.zeros(1, 3, 120, 120), [example.ids], [example.labels])
    assert len(tokens) == len(kinds) == len(numbers) == spliced.embeddings.shape[1]
    assert tokens[kinds.index("image")] == "p0"
    assert [n for n in numbers if n is not None] == [i for i in example.ids if i != -200]
    row = {"ids": numbers, "labels": [None] * len(tokens), "kinds": kinds}
    assert encode(splice_figure(tokens, spliced, **row))[1]
    with pytest.raises(ValueError, match="positions, 3 tokens"):
        splice_figure(tokens[:3], spliced, **row)


def test_answers_beside_their_pictures():
    scenes = Scenes("test", 2)
    pixels, scene = scenes[0]
    drawn, alt = asked([(pixels, scene, scene.questions[0], "a guess")])
    assert f"Said: a guess. True: {scene.questions[0].answer}." in alt
    assert encode(drawn)[1]
    with pytest.raises(ValueError, match="no answer came"):
        asked([])


def test_the_table_holds_what_the_files_hold(tmp_path):
    for name, share in (("llava-stage1", 0.5), ("llava", 0.975)):
        kinds = {"what": {"right": share, "blind": 0.125}}
        split = {"kinds": kinds, "blind": 0.25, "all kinds": share, "unseen phrasings": share}
        content = {"test": split | {"refused": 1 - share}, "unseen artist": split}
        content |= {"hallucination": {"right": share}, "outside": {"honest": share}}
        content["outside, other sentences"] = {"honest": share / 2}
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    lines = results_table(tmp_path).splitlines()
    assert lines[1].split() == ["what", "12.5", "50.0", "97.5"]
    assert lines[3].split() == ["all,", "unseen", "artist", "25.0", "50.0", "97.5"]
    assert lines[-3].split() == ["honest", "when", "it", "must", "be", "50.0", "97.5"]
    assert lines[-2].split() == ["the", "same,", "other", "sentences", "25.0", "48.8"]
    assert lines[-1].split() == ["refused,", "though", "it", "could", "50.0", "2.5"]


def test_a_typed_question_is_answered_about_the_chosen_picture():
    pictures = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    box = ask_box(
        lambda picture, text: f"{picture.getpixel((0, 0))} <{text}>", pictures.__getitem__, count=2
    )
    number, shown, (line, button), said = (
        box.children[0],
        box.children[1],
        box.children[2].children,
        box.children[3],
    )
    button.click()
    assert "(255, 0, 0)" in said.value
    number.value, line.value = 1, "a < b?"
    button.click()
    assert "picture 1: a &lt; b? <b>(0, 0, 255) &lt;a &lt; b?&gt;</b>" in said.value
    assert Image.open(io.BytesIO(shown.value)).convert("RGB").getpixel((0, 0)) == (0, 0, 255)
    before, line.value = said.value, "  "
    button.click()
    assert said.value == before


def test_a_live_curve_is_displayed_with_alt_text():
    live = LiveCurve(seconds=1000)
    for step, loss in enumerate((3.0, 2.0)):
        live.steps.append(step)
        live.losses.append(loss)
    data, metadata = live.figure()._repr_mimebundle_()
    assert metadata["image/png"]["alt"].startswith("The loss of 2 steps, from 3.00")
    assert data["text/plain"].startswith("[Figure: The loss")


def test_the_cell_for_a_gpu_runs_on_saved_folders(tmp_path):
    """The hub's formats with random weights: the chapter's own functions, without a network."""
    transformers = pytest.importorskip("transformers")
    small = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3}
    small |= {"intermediate_size": 20}
    vision = transformers.CLIPVisionConfig(**small, image_size=8, patch_size=4)
    vocabulary = weights.tokenizer().vocab_size
    text = transformers.LlamaConfig(**small, vocab_size=vocabulary, max_position_embeddings=99)
    both = transformers.LlavaConfig(text_config=text, vision_config=vision)
    folders = {
        "TOWER": transformers.CLIPVisionModel(vision),
        "LANGUAGE": transformers.LlamaForCausalLM(text),
        "LLAVA": transformers.LlavaForConditionalGeneration(both),
    }
    for name, model in folders.items():
        model.save_pretrained(tmp_path / name)
        weights.tokenizer().save(tmp_path / name / "tokenizer.json")
        (tmp_path / name / "tokenizer_config.json").write_text('{"eos_token": "<end>"}')

    cells = jupytext.read(CHAPTER).cells
    (cell,) = [cell.source for cell in cells if "def ask_large" in cell.source]
    world: dict = {"torch": torch, "LLaVA": LLaVA, "Projector": Projector, "Chat": Chat}
    exec(cell.split("if torch.cuda")[0], world)
    picture = Image.new("RGB", (10, 8), "red")
    parts = world["join"](tmp_path / "TOWER", tmp_path / "LANGUAGE")
    assert isinstance(world["ask_large"](*parts, picture, "what?", 3), str)
    model, preprocessing, tokenizer = world["hub"].load_llava(tmp_path / "LLAVA")
    chat = Chat(tokenizer=tokenizer, system=world["VICUNA_SYSTEM"])
    assert isinstance(world["ask_large"](model, preprocessing, chat, picture, "what?", 3), str)
