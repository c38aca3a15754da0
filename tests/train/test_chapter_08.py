"""What chapter 08 says beside its outputs: its cell for a GPU."""

from pathlib import Path

import pytest
import torch
from chapters import cell_with

from mvlm import weights
from mvlm.generation import generate
from mvlm.language import LanguageModel

CHAPTER = "08_language_model"


def small_llama(folder: Path) -> Path:
    """A model of the family with random weights, as the hub holds it, and our tokenizer."""
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        hidden_size=12,
        intermediate_size=20,
        num_hidden_layers=2,
        num_attention_heads=3,
        num_key_value_heads=1,
        vocab_size=weights.tokenizer().vocab_size,
        max_position_embeddings=99,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    weights.tokenizer().save(folder / "tokenizer.json")
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<end>"}')
    return folder


def world() -> dict:
    return {"torch": torch, "LanguageModel": LanguageModel, "generate": generate}


def test_the_cell_for_a_gpu_runs_on_a_saved_folder(tmp_path):
    names = world()
    exec(cell_with(CHAPTER, "def let_it_talk").split("if torch.cuda")[0], names)
    said = names["let_it_talk"](small_llama(tmp_path / "small"), "a lion", "cpu", 3)
    assert set(said) == {"trained", "untrained"}
    assert all(text.startswith("a lion") for text in said.values())


@pytest.mark.parametrize("there", [True, False])
def test_the_whole_cell_with_a_gpu_and_with_no_network(tmp_path, monkeypatch, capsys, there):
    """The branch for a GPU, on the CPU: with a folder in the hub's place, and with none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    folder = small_llama(tmp_path / "small") if there else tmp_path / "not there"
    source = cell_with(CHAPTER, "def let_it_talk")
    source = source.replace('"HuggingFaceTB/SmolLM2-135M"', repr(str(folder)))
    exec(source.replace('"cuda"', '"cpu"'), world())
    said = capsys.readouterr().out
    assert ("untrained: A lion is" in said) == there
    assert said.startswith("No network here: the cell is skipped.") != there
