"""Figures of chapter 04: what they say must be what the numbers are."""

import json
import math
import re
from pathlib import Path

import pytest
import torch

from mvlm.show import inside, stored

ROOT = Path(__file__).parent.parent


def test_the_sweep_is_the_file_that_the_command_writes():
    written = json.loads((ROOT / "benchmarks/sweep.json").read_text(encoding="utf-8"))
    assert inside.stored_sweep() == written
    assert written["runs"].keys() == inside.FAMILIES.keys()


def test_the_rivals_are_the_file_that_the_command_writes():
    written = json.loads((ROOT / "benchmarks/rivals.json").read_text(encoding="utf-8"))
    assert stored.read_measured("rivals.json") == written


def test_an_installed_package_reads_its_own_copy(monkeypatch, tmp_path):
    inner = tmp_path / "mvlm/show"
    inner.mkdir(parents=True)
    monkeypatch.setattr(stored, "HERE", inner)
    with pytest.raises(FileNotFoundError, match=r"run `python benchmarks/sweep.py`"):
        inside.stored_sweep()
    (inner / "sweep.json").write_text('{"runs": {}}', encoding="utf-8")
    assert inside.stored_sweep() == {"runs": {}}


def test_the_wheel_takes_the_sweep_along():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"benchmarks/sweep.json" = "mvlm/show/sweep.json"' in text
    assert '"benchmarks/rivals.json" = "mvlm/show/rivals.json"' in text
    assert (stored.HERE / "sweep.json").relative_to(ROOT).as_posix() == "mvlm/show/sweep.json"


def test_similarity_frames_name_the_place_that_is_most_alike():
    table = torch.zeros(2, 3, 2, 3)
    table[0, 1, 0, 1] = 1.0
    table[0, 1, 1, 2] = 0.75
    table[1, 2] = torch.tensor([[0.1, -0.5, 0.2], [0.3, 0.4, 1.0]])
    html = inside.similarity_frames({"Trained": table, "Twin": -table}, places=[1, 5]).html
    first, second = re.findall(r"<p>(.*?)</p>", html)
    assert first.startswith("Row 1, column 2. Trained: most alike is row 2, column 3 (0.75)")
    assert second.startswith("Row 2, column 3. Trained: most alike is row 2, column 2 (0.40)")
    assert "twin: most alike is row 1, column 2 (0.50)" in second


def test_head_frames_say_the_heads_own_distance_and_largest_weight():
    generator = torch.Generator().manual_seed(0)
    attentions = [torch.rand(2, 7, 7, generator=generator) / 2 for _ in range(2)]
    attentions[1][0, 3, 5] = 0.875
    attentions[1][0, 3, 0] = 0.99  # to the class token, which is no place
    distances = torch.tensor([[1.0, 2.0], [3.25, 4.0]])
    html = inside.head_frames(
        torch.rand(3, 8, 12, generator=generator),
        attentions,
        distances,
        places={"corner": (1, 2), "class token": None},
        patch_size=4,
        uniform=5.5,
    ).html
    said = re.findall(r"<p>(.*?)</p>", html)
    assert len(said) == 4
    assert said[2].startswith("Layer 2, head 1: its mean distance is 3.2 px")
    assert "would be 5.5 px" in said[2]
    assert "yellow the largest weight of this head, 0.88" in said[2]


def test_falls_are_drawn_and_said_with_their_means():
    even = torch.tensor([[0.1, 0.3], [0.0, 0.0]])  # 2 layers, 2 pictures
    falls = {"Patches": {"mean": even / 2, "even": even}, "Class token": {"mean": even}}
    assert inside.falls_in_words(falls) == (
        "Patches, layer by layer: mean 0.100 0.000; even 0.200 0.000. "
        "Class token, layer by layer: mean 0.200 0.000"
    )
    drawn = inside.draw_falls(falls)
    patches = {bars.get_label(): bars for bars in drawn.axes[0].containers}
    assert patches["even"].lines[0].get_ydata() == pytest.approx([0.2, 0.0])
    low, high = patches["even"].lines[2][0].get_segments()[0][:, 1]
    assert high - low == pytest.approx(2 * even[0].std().item() / math.sqrt(2))
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["mean", "even"]


def test_costs_are_drawn_as_they_are_given():
    def run(cost, share):
        return {"multiply-adds": {"formula": cost}, "unseen": {"top1": share}}

    runs = {
        "ViT": {"1": run(4_000_000, 0.5), "0": run(1_000_000, 0.2)},
        "CNN": {"0": run(2_000_000, 0.9)},
        "hybrid": {},
    }
    axes = inside.draw_costs(runs, ("unseen", "top1"), 100).axes[0]
    lines = {bars.get_label(): bars.lines[0] for bars in axes.containers}
    assert lines.keys() == {"ViT", "CNN"}
    assert lines["ViT"].get_xydata().tolist() == [[1.0, 20.0], [4.0, 50.0]]
    (bar,) = [bars.lines[2][0] for bars in axes.containers if bars.get_label() == "CNN"]
    low, high = bar.get_segments()[0][:, 1]
    assert high - low == pytest.approx(2 * 100 * math.sqrt(0.9 * 0.1 / 100))


def test_tiles_stand_where_their_place_stands():
    from matplotlib.figure import Figure

    tables = torch.arange(36.0).reshape(2, 3, 2, 3)
    axes = Figure().subplots()
    inside.draw_tiles(axes, tables, "title")
    sheet = torch.from_numpy(axes.images[0].get_array().filled(float("nan")))
    assert sheet.shape == (5, 11)
    assert torch.equal(sheet[3:5, 8:11].float(), tables[1, 2])
    assert sheet[2].isnan().all()
    assert sheet[:, 3].isnan().all()
