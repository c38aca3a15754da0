"""What chapter 07 says beside its outputs: the lecture's program, also where parts are missing."""

import sys

import pytest
import torch
from chapters import cell_with

from mvlm.data.photographs import cat_photograph

CHAPTER = "07_zero_shot"
OPENAI = '"openai/clip-vit-large-patch14"'


@pytest.fixture
def names():
    """The names of the cells that hold both programs."""
    names = {"torch": torch}
    exec(cell_with(CHAPTER, "def with_transformers"), names)
    return names


def test_both_programs_agree_on_a_saved_clip(capsys, names):
    pytest.importorskip("transformers")
    exec(cell_with(CHAPTER, "def save_tiny_clip"), names)
    assert "logits up to 0.00000 apart" in capsys.readouterr().out


def test_programs_that_differ_are_told_apart(capsys, names):
    names["with_transformers"] = lambda *_: torch.tensor([[1.0, 2.0]])
    names["with_mvlm"] = lambda *_: torch.tensor([[1.0, 2.001]])
    names["both"]("a name", cat_photograph())
    assert "logits up to 0.00100 apart" in capsys.readouterr().out


def test_without_transformers_the_cell_says_so(monkeypatch, capsys, names):
    monkeypatch.setitem(sys.modules, "transformers", None)
    exec(cell_with(CHAPTER, "def save_tiny_clip"), names)
    assert capsys.readouterr().out.startswith("transformers is not installed here")


@pytest.mark.parametrize("there", [True, False])
def test_the_cell_for_a_gpu_on_a_folder_and_with_no_network(
    tmp_path, monkeypatch, capsys, names, there
):
    """The branch for a GPU: with a folder in the hub's place, and with none."""
    pytest.importorskip("transformers")
    exec(cell_with(CHAPTER, "def save_tiny_clip"), names)
    capsys.readouterr()
    if there:
        names["save_tiny_clip"](tmp_path)
    folder = tmp_path if there else tmp_path / "not there"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    exec(cell_with(CHAPTER, OPENAI + ", cat").replace(OPENAI, repr(str(folder))), names)
    said = capsys.readouterr().out
    assert ("logits up to 0.00000 apart" in said) == there
    assert ("the cell is skipped" in said) != there


def test_without_a_gpu_the_cell_says_so(monkeypatch, capsys, names):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    exec(cell_with(CHAPTER, OPENAI + ", cat"), names | {"cat_photograph": cat_photograph})
    assert capsys.readouterr().out.startswith("No GPU here: the cell is skipped.")
