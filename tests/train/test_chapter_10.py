"""What chapter 10 uses beside the models: its stages, its figures, its cell for a GPU."""

import math
from pathlib import Path

import pytest
import torch
from chapters import cell_with
from datasets import DatasetDict

from mvlm import weights
from mvlm.chat import Chat, collate
from mvlm.data import Scenes, scenes
from mvlm.language import LanguageConfig, LanguageModel
from mvlm.llava import LLaVA, Projector
from mvlm.show.figures import encode
from mvlm.show.stages import (
    answers,
    draw_losses,
    draw_stages,
    draw_way_back,
    error_over_wordings,
    marked,
    shares_at,
    threshold_frames,
)
from mvlm.show.stored import read_measured
from mvlm.small.cells import Cells
from mvlm.training.recipes.llava import picture_states, pictures
from mvlm.vit import ViT, ViTConfig

CHAPTER = "10_training_llava"


def small_llava() -> LLaVA:
    torch.manual_seed(0)
    vision = Cells(ViT(ViTConfig(image_size=40, patch_size=20, width=12, depth=2, heads=3)))
    config = LanguageConfig(vocab_size=50, width=16, depth=1, heads=2, mlp_width=20)
    return LLaVA(vision, Projector(vision.width, 16), LanguageModel(config), feature_layer=-1)


def world() -> dict:
    names = {"torch": torch, "Chat": Chat, "collate": collate, "Projector": Projector}
    exec(cell_with(CHAPTER, "def set_stage"), names)
    exec(cell_with(CHAPTER, "def caption_worth"), names)
    exec(cell_with(CHAPTER, "def teach_captions"), names)
    return names


def test_a_stage_holds_what_it_says():
    llava, set_stage = small_llava(), world()["set_stage"]
    for stage, parts in ((1, {"projector"}), (2, {"projector", "language"}), (1, {"projector"})):
        for weight in llava.parameters():
            weight.grad = torch.ones_like(weight)
        learns = set_stage(llava, stage)
        named = dict(llava.named_parameters())
        learning = {name for name, weight in named.items() if weight.requires_grad}
        assert learning == {name for name in named if name.split(".")[0] in parts}
        assert {id(one) for one in learns} == {id(named[name]) for name in learning}
        assert all(weight.grad is None for weight in named.values())
        assert not llava.vision.training
        assert llava.projector.training
        assert llava.language.training == (stage == 2)


def test_what_is_supervised_stands_between_the_marks():
    tokenizer = weights.tokenizer()
    example = Chat(tokenizer=tokenizer).example([("<image>\nis it red?", "no"), ("why?", "so")])
    text = marked(tokenizer, example, width=200)
    assert text.count("⟦") == text.count("⟧") == 2
    assert "<image>" in text.split("⟦")[0]
    said = [piece.split("⟧")[0] for piece in text.split("⟦")[1:]]
    assert [one.replace(tokenizer.end, "").strip() for one in said] == ["no", "so"]


@pytest.mark.parametrize("name", ["pope.json", "stages.json"])
def test_what_the_chapter_quotes_was_measured(name):
    assert read_measured(name)


def test_the_measured_runs_are_drawn():
    stored = read_measured("stages.json")
    names = [name for name in stored if name.startswith("from ")]
    began = {name: 700_000.0 * (name == "from stage 1") for name in names}
    drawn, words = draw_stages({name: stored[name] for name in names}, began, 1500)
    ends = [line.get_xdata()[-1] for line in drawn.axes[0].lines]
    assert ends == pytest.approx([1.42, 1.42, 0.72, 0.72, 1.44, 1.44])
    assert encode(drawn)[1]
    assert f"480 steps {stored['from stage 1']['480']['own picture']:.0%}" in words


def test_the_other_figures_are_drawn():
    drawn, words = draw_way_back()
    assert encode(drawn)[1]
    assert "In neither stage does it reach the tower" in words
    drawn, words = draw_losses({"a": [2.0] * 20, "b": [1.0] * 15 + [2.0] * 5}, title="two")
    assert "a: 2.00 to 2.00. b: 1.00 to 2.00" in words
    heights = [text.get_position()[1] for text in drawn.axes[0].texts]
    assert abs(heights[0] - heights[1]) > 0.05  # names do not lie on one another
    assert encode(drawn)[1]


def test_many_questions_are_answered_as_one_by_one():
    llava, shown = weights.llava(), Scenes("test", 2, seed=10)
    chat = Chat(tokenizer=weights.tokenizer())
    asked = [(1, "what is in the centre?"), (0, "how many things are there?"), (1, "who are you?")]
    states = picture_states(llava.vision, shown, 2, feature_layer=-1)
    said = answers(llava, chat, states, asked)
    images = pictures(shown.batch(range(2))[0])[[scene for scene, _ in asked]]
    assert said == llava.answer(chat, images, [question for _, question in asked])
    (first, *_) = chat.tokenizer.encode(f" {said[2]}")
    other = answers(llava, chat, states, asked[2:], barred=first)
    assert chat.tokenizer.encode(f" {other[0]}")[0] != first


def test_questions_in_few_wordings_have_a_larger_error():
    flags = torch.tensor([1.0, 1.0, 0.0, 0.0])
    alone = error_over_wordings(flags, "abcd")
    assert alone == pytest.approx((flags.std() / 2).item())
    assert error_over_wordings(flags, "aabb") == pytest.approx(0.5)  # of the shares 1 and 0
    assert error_over_wordings(flags, "abab") == 0
    assert math.isnan(error_over_wordings(flags, "aaaa"))


def test_shares_at_a_threshold_by_hand():
    answerable, right = torch.tensor([0.1, 0.4, 0.5, 0.9]), torch.tensor([1.0, 0.0, 1.0, 1.0])
    outside = torch.tensor([0.2, 0.5, 0.8])
    found = shares_at(0.5, answerable, right, outside)
    assert found == pytest.approx({"answered": 3 / 4, "right": 2 / 3, "honest": 1 / 3})
    none = shares_at(0.0, answerable, right, outside)
    assert none["answered"] == 0
    assert none["honest"] == 1
    assert math.isnan(none["right"])
    more = {"wordings": "aab", "decoded": (0.8, 0.3)}
    html = threshold_frames(answerable, right, outside, (0.5, 0.1), **more).html
    assert html.count('<div class="frame') == 2
    assert "75.0% are answered" in html
    assert "33.3% are refused" in html


def saved(folder: Path) -> dict[str, Path]:
    """A tower and a language model with random weights, as the hub holds them, and pairs."""
    transformers = pytest.importorskip("transformers")
    small = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3}
    small |= {"intermediate_size": 20}
    tower = transformers.CLIPVisionConfig(**small, image_size=8, patch_size=4)
    words = transformers.LlamaConfig(
        **small, vocab_size=weights.tokenizer().vocab_size, max_position_embeddings=99
    )
    transformers.CLIPVisionModel(tower).save_pretrained(folder / "tower")
    transformers.LlamaForCausalLM(words).save_pretrained(folder / "words")
    weights.tokenizer().save(folder / "words/tokenizer.json")
    (folder / "words/tokenizer_config.json").write_text('{"eos_token": "<end>"}')
    DatasetDict(
        {
            split: scenes(split, count).select_columns(["image", "caption"])
            for split, count in (("train", 8), ("test", 4))
        }
    ).save_to_disk(folder / "pairs")
    return {name: folder / name for name in ("tower", "words", "pairs")}


@pytest.mark.parametrize("there", [True, False])
def test_the_whole_cell_with_a_gpu_and_with_no_network(tmp_path, monkeypatch, capsys, there):
    """The branch for a GPU, on the CPU: with folders in the hub's place, and with none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    folders = saved(tmp_path)
    source = cell_with(CHAPTER, "def on_photographs")
    for theirs, ours in (
        ('"openai/clip-vit-large-patch14"', folders["tower"] if there else tmp_path / "no"),
        ('"HuggingFaceTB/SmolLM2-135M"', folders["words"]),
        ('"flickr8k"', folders["pairs"]),
    ):
        assert theirs in source
        source = source.replace(theirs, repr(str(ours)))
    source = source.replace('"cuda"', '"cpu"').replace("minutes=10", "minutes=0.01")
    exec(source, world())
    said = capsys.readouterr().out
    assert said.startswith("No network here") != there
    assert ("before: loss of held-out captions" in said and "the cat:" in said) == there
