"""What chapter 06 says beside its outputs: its cells for a GPU, on folders in the hub's place."""

import math
import tempfile
import time
from pathlib import Path

import pytest
import torch
from chapters import cell_with
from PIL import Image
from torch import nn

from mvlm import weights
from mvlm.clip import CLIP
from mvlm.contrastive import clip_loss

CHAPTER = "06_training_clip"
OPENAI = '"openai/clip-vit-base-patch32"'


def small_clip(folder: Path) -> Path:
    """A CLIP with random weights, as the hub holds it, with a tokenizer of a few pieces."""
    transformers = pytest.importorskip("transformers")
    small = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1}
    small |= {"num_attention_heads": 2, "projection_dim": 8}
    letters = [chr(n) for n in range(33, 127)]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    text = {
        "vocab_size": len(pieces),
        "max_position_embeddings": 77,
        "eos_token_id": len(pieces) - 1,
    }
    config = transformers.CLIPConfig(
        text_config=small | text,
        vision_config=small | {"image_size": 32, "patch_size": 16},
        projection_dim=8,
    )
    transformers.CLIPModel(config).save_pretrained(folder)
    vocabulary = ", ".join(f"{_quoted(piece)}: {n}" for n, piece in enumerate(pieces))
    (folder / "vocab.json").write_text("{" + vocabulary + "}", encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    return folder


def _quoted(piece: str) -> str:
    return '"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"'


def small_pairs(folder: Path) -> Path:
    """Squares of one colour and what they are, as an image folder with two splits."""
    for split, count in (("train", 12), ("test", 4)):
        (folder / split).mkdir(parents=True)
        lines = []
        for n in range(count):
            Image.new("RGB", (40, 36), (20 * n, 255 - 20 * n, 90)).save(folder / split / f"{n}.png")
            lines.append(f'{{"file_name": "{n}.png", "caption": "square {n}"}}')
        (folder / split / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def names(monkeypatch):
    """The chapter's names up to its last cell, and a loop that stays on the CPU."""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    names = {"torch": torch, "nn": nn, "math": math, "time": time, "tempfile": tempfile}
    names |= {"clip_loss": clip_loss, "weights": weights, "CLIP": CLIP}
    exec(cell_with(CHAPTER, "def fine_tune"), names)
    return names


@pytest.mark.parametrize("there", [True, False])
def test_the_cell_for_a_gpu_on_folders_and_with_no_network(
    tmp_path, monkeypatch, capsys, names, there
):
    """The branch for a GPU, on the CPU: with folders in the hub's place, and with none."""
    start = small_clip(tmp_path / "clip") if there else tmp_path / "not there"
    pairs = small_pairs(tmp_path / "pairs")
    source = cell_with(CHAPTER, "def on_photographs").replace('"cuda"', '"cpu"')
    source = source.replace(OPENAI, repr(str(start))).replace('"flickr8k"', repr(str(pairs)))
    source = source.replace("steps=100, batch=64", "steps=10, batch=4")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_: False)
    exec(source, names)
    said = capsys.readouterr().out
    assert ("10 steps of 4" in said and said.count("after: held-out loss") == 2) == there
    assert ("No network here: the cell is skipped." in said) != there


def test_without_a_gpu_the_cell_says_so(monkeypatch, capsys, names):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    exec(cell_with(CHAPTER, "def on_photographs"), names)
    assert capsys.readouterr().out.startswith("No GPU here: the cell is skipped.")
