"""Chapter 11's cell for a GPU and a photograph, on the CPU with a small random Molmo."""

from pathlib import Path

import pytest
import torch
from chapters import cell_with

from mvlm.data.photographs import cat_photograph
from mvlm.points import parse_points
from mvlm.show.figures import figure
from mvlm.show.molmo import draw_pointed

CELL = "def point_at"


@pytest.fixture
def names():
    """What earlier cells imported, and the pictures that were shown."""
    shown = []
    return {
        "torch": torch, "figure": figure, "parse_points": parse_points,
        "draw_pointed": draw_pointed, "cat_photograph": cat_photograph,
        "show": lambda fig, alt: shown.append(alt), "shown": shown,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A Molmo in its authors' format, as the tests of the hub make them."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "models")
    write_folder = pytest.importorskip("molmo_folders").write_folder
    return write_folder("qwen2", tmp_path / "molmo")


def test_without_a_gpu_the_cell_says_so(monkeypatch, capsys, names):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    exec(cell_with("11_molmo", CELL), names)
    assert capsys.readouterr().out == "No GPU with 18 GB to spare here: the cell is skipped.\n"


def test_a_gpu_without_a_network_says_so(monkeypatch, capsys, names):
    def unreachable(*_, **__):
        raise FileNotFoundError("could not be fetched")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (80 * 10**9, 80 * 10**9))
    monkeypatch.setattr("mvlm.hub.load_molmo", unreachable)
    exec(cell_with("11_molmo", CELL), names)
    assert capsys.readouterr().out.startswith("No network here: the cell is skipped. could not")


def test_what_it_says_and_where_it_points(folder, monkeypatch, capsys, names):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    exec(cell_with("11_molmo", CELL), names)
    capsys.readouterr()
    names["point_at"](str(folder), cat_photograph(), "Point to the eyes.", "cpu", torch.float32)
    assert capsys.readouterr().out.strip()
    assert not names["shown"]  # random weights point nowhere
    text = '<points x1="40.0" y1="30.0" x2="60.0" y2="30.0" alt="eyes">eyes</points>'
    monkeypatch.setattr("mvlm.tokenizer.Tokenizer.decode", lambda self, ids: text)
    names["point_at"](str(folder), cat_photograph(), "Point to the eyes.", "cpu", torch.float32)
    assert capsys.readouterr().out == text + "\n"
    assert names["shown"] == ["The photograph with 2 rings, where the answer points to."]
