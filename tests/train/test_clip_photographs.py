"""`train clip-photographs` from start to finish, on drawn photographs and a tiny CLIP."""

import json

import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from photo_folders import (
    changed,
    draw,
    folder_of_pairs,
    in_two_processes,
    stop_at,
    tiny_clip,
)
from PIL import Image
from safetensors.torch import load_file

from mvlm import hub
from mvlm.__main__ import main
from mvlm.training import budget, loop
from mvlm.training.loop import CHECKPOINT, TrainConfig, make_optimiser, read_metrics
from mvlm.training.recipes import photographs as kept_pairs
from mvlm.training.recipes.clip_photographs import (
    CLIPPhotographsRecipe,
    PairData,
    PairObjective,
)
from mvlm.training.recipes.photographs import PairSource, keep_pairs, place_of, random_square

transformers = pytest.importorskip("transformers")
SHORT = "train.steps=4 train.batch_size=6 train.warmup=1 train.save_every=2 train.workers=0"
FINISHED = "clip-photographs"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    folder_of_pairs(folder / "pairs")
    tiny_clip(folder / "clip")
    return folder


def command(world, out, more=SHORT):
    places = f"model={world / 'clip'} pairs.name={world / 'pairs'}"
    return ["train", FINISHED, "--out", str(out), *changed(f"{places} {more}")]


def weights_in(out):
    return load_file(out / FINISHED / "model.safetensors")


@pytest.fixture(scope="module")
def whole(world):
    """A run without a stop."""
    assert main(command(world, world / "whole")) == 0
    return world / "whole"


def test_what_was_trained_is_read_by_our_loader_and_by_transformers(world, whole):
    start, _, _ = hub.load_clip(world / "clip")
    model, look, tokenizer = hub.load_clip(whole / FINISHED)
    trained = load_file(whole / "run" / CHECKPOINT)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, trained[f"model.clip.{name}"])
    assert not torch.equal(model.image.class_token, start.image.class_token)
    images = look([draw("red", "circle", 1), draw("blue", "bar", 2)])
    ids = tokenizer(["a red circle", "a blue bar"])
    theirs = transformers.CLIPModel.from_pretrained(whole / FINISHED).eval()
    with torch.no_grad():
        expected = theirs(input_ids=ids, pixel_values=images).logits_per_image
        torch.testing.assert_close(model(images, ids)[0], expected, atol=1e-5, rtol=1e-5)
    about = json.loads((whole / FINISHED / "training.json").read_text())
    assert about["steps"] == 4


def test_a_stopped_run_gives_the_same_weights(world, whole, tmp_path, monkeypatch):
    stop_at(3, monkeypatch)
    assert main(command(world, tmp_path)) == 130
    assert loop.saved_step(tmp_path / "run") == 2
    monkeypatch.undo()
    assert main(command(world, tmp_path)) == 0
    one, two = weights_in(whole), weights_in(tmp_path)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_two_processes_give_what_one_gives(world, whole, tmp_path):
    in_two_processes(*command(world, tmp_path))
    one, two = (read_metrics(folder / "run") for folder in (whole, tmp_path))
    assert [row.loss for row in two] == pytest.approx([row.loss for row in one], abs=1e-5)
    for name, tensor in weights_in(whole).items():
        torch.testing.assert_close(weights_in(tmp_path)[name], tensor, atol=1e-5, rtol=1e-4)


def test_the_loss_falls_and_the_costs_are_said(world, tmp_path, capsys):
    longer = "train.steps=60 train.batch_size=12 train.learning_rate=3e-3 train.warmup=5"
    more = f"{longer} train.workers=0 scratch=true smallest=1"
    assert main(command(world, tmp_path, more)) == 0
    losses = [row.loss for row in read_metrics(tmp_path / "run")]
    assert sum(losses[-6:]) / 6 < 0.8 * sum(losses[:6]) / 6
    first, *_, compared, written = capsys.readouterr().out.splitlines()
    assert first.startswith("estimate: 60 steps of 12 on cpu, ")
    assert compared.startswith("estimated ")
    assert " GB; it took " in compared
    assert str(tmp_path / FINISHED) in written


def test_pairs_come_once_and_after_a_stop_only_the_rest(world, tmp_path, monkeypatch):
    monkeypatch.setattr(kept_pairs, "SHARD", 10)
    source = PairSource(name=str(world / "pairs"), count=24)
    whole = keep_pairs(source, 36, tmp_path / "whole")
    shrunk, asked = kept_pairs.shrunk, []

    def cut_off(picture, side):
        asked.append(picture)
        if len(asked) == 15:
            raise ConnectionError("the hub cannot be reached")
        return shrunk(picture, side)

    monkeypatch.setattr(kept_pairs, "shrunk", cut_off)
    with pytest.raises(ConnectionError):
        keep_pairs(source, 36, tmp_path / "twice")
    assert len(kept_pairs.shards(tmp_path / "twice")) == 1
    twice = keep_pairs(source, 36, tmp_path / "twice")
    assert twice["caption"] == whole["caption"]
    assert [min(row["image"].size) for row in twice] == [36] * 24
    calls = len(asked)
    keep_pairs(source, 36, tmp_path / "twice")
    assert len(asked) == calls
    with pytest.raises(ValueError, match="was made with count 24, this run has 23"):
        keep_pairs(PairSource(name=source.name, count=23), 36, tmp_path / "twice")


def test_a_pass_shows_every_pair_once_and_each_pass_in_another_order():
    places = [place_of(i, count=10, batch_size=4, seed=0) for i in range(16)]
    for turn in (places[:8], places[8:]):
        assert len(set(turn)) == 8
    assert places[:8] != places[8:]


def test_a_square_is_cut_within_the_picture():
    picture = Image.new("RGB", (40, 20), "red")
    picture.paste("blue", (20, 0, 40, 20))
    squares = [random_square(picture, 10, 1.0, seed) for seed in range(30)]
    assert {square.size for square in squares} == {(10, 10)}
    shares = [(np.asarray(square)[..., 2] > 127).mean() for square in squares]
    assert min(shares) < 0.2 < 0.8 < max(shares)
    assert random_square(picture, 10, 1.0, 3) == squares[3]


def objective_and_data(world, tmp_path):
    model, look, tokenizer = hub.load_clip(world / "clip")
    recipe = CLIPPhotographsRecipe(train=TrainConfig(steps=4, batch_size=8))
    pairs = keep_pairs(PairSource(name=str(world / "pairs")), 36, tmp_path / "pairs")
    return PairObjective(model), PairData(pairs, tokenizer, look, 32, recipe), recipe.train


def gradients(objective, batch):
    objective.zero_grad()
    total, count = objective(batch)
    (total / count).backward()
    return [weight.grad.clone() for weight in objective.parameters()]


def test_where_memory_is_short_blocks_are_worked_out_twice(world, tmp_path):
    objective, data, _ = objective_and_data(world, tmp_path)
    batch = data(range(8))
    before = gradients(objective, batch)
    accelerator = loop.make_accelerator(tmp_path)
    plain, saving = budget.kept(objective, batch, accelerator)
    assert saving < 0.6 * plain
    counted = counted_bytes(objective, batch)
    assert plain == pytest.approx(counted, rel=0.1)
    budget.recompute_blocks_(objective)
    assert counted_bytes(objective, batch) < 0.6 * plain
    for one, other in zip(before, gradients(objective, batch), strict=True):
        assert torch.equal(one, other)
    assert set(objective.state_dict()) == {f"clip.{n}" for n in objective.clip.state_dict()}


def counted_bytes(objective, batch):
    """What a pass forward leaves alive, from torch's profiler: another way to count."""
    with torch.profiler.profile(profile_memory=True) as profile:
        total, _ = objective(batch)
    left = sum(event.self_cpu_memory_usage for event in profile.events())
    del total
    return left


def test_the_room_decides(world, tmp_path, monkeypatch):
    objective, data, config = objective_and_data(world, tmp_path)
    trained = sum(weight.numel() for weight in objective.parameters())
    monkeypatch.setattr(budget, "memory", lambda device: (4.0 * trained, 1e12))
    plain, saving = budget.kept(objective, data(range(8)), loop.make_accelerator(tmp_path))
    # Weights, gradients, AdamW's two memories, and twice what a checkpoint holds; 4 bytes each.
    fixed = 40 * trained
    made = budget.make_budget(objective, data, config, tmp_path)
    assert not made.recomputed
    assert made.bytes == pytest.approx(fixed + plain, rel=0.05)
    with pytest.raises(ValueError, match=r"lower train.batch_size, to about [2-7] a process"):
        budget.make_budget(objective, data, config, tmp_path, (fixed + saving * 0.7) / 1e9)
    with pytest.raises(ValueError, match="take a smaller model, or a machine with more"):
        budget.make_budget(objective, data, config, tmp_path, fixed / 1e9)
    made = budget.make_budget(objective, data, config, tmp_path, (fixed + plain * 0.7) / 1e9)
    assert made.recomputed
    assert made.bytes == pytest.approx(fixed + max(saving, 4 * trained), rel=0.1)
    assert "worked out twice" in str(made)


def test_blocks_worked_out_twice_give_the_same_weights(world, whole, tmp_path, monkeypatch):
    fit = budget.fit

    def short(objective, *arguments):
        needed, _, room = fit(objective, *arguments)
        budget.recompute_blocks_(objective)
        return needed, True, room

    monkeypatch.setattr(budget, "fit", short)
    assert main(command(world, tmp_path)) == 0
    assert all(torch.equal(weights_in(whole)[n], w) for n, w in weights_in(tmp_path).items())


def test_measuring_changes_no_weight(world, tmp_path):
    objective, data, config = objective_and_data(world, tmp_path)
    before = {name: tensor.clone() for name, tensor in objective.state_dict().items()}
    budget.make_budget(objective, data, config, tmp_path)
    for name, tensor in objective.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert all(weight.grad is None for weight in objective.parameters())
    assert make_optimiser(objective, config)


# Errors ----------------------------------------------------------------------------------------


def said(words, capsys):
    """The one sentence that a command ends with."""
    assert main(words) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


def test_a_folder_without_captions(world, tmp_path, capsys):
    (tmp_path / "bare").mkdir()
    draw("red", "bar", 1).save(tmp_path / "bare" / "1.jpg")
    words = command(world, tmp_path / "out", f"{SHORT} pairs.name={tmp_path / 'bare'}")
    line = said(words, capsys)
    assert "has no column 'caption'" in line
    assert "metadata.jsonl" in line


def test_a_picture_that_is_none_is_named_and_left_out(world, tmp_path):
    folder_of_pairs(tmp_path / "pairs", 8)
    (tmp_path / "pairs" / "train" / "3.jpg").write_bytes(b"no picture")
    words = command(world, tmp_path / "out", f"{SHORT} pairs.name={tmp_path / 'pairs'}")
    with pytest.warns(UserWarning, match=r"3\.jpg, is damaged or no picture"):
        assert main(words) == 0


def test_fewer_pairs_than_a_batch(world, tmp_path, capsys):
    words = command(world, tmp_path, f"{SHORT} pairs.count=5")
    assert "batch_size 6 is more than the 5 pairs there are" in said(words, capsys)


def test_a_model_without_tokenizer(world, tmp_path, capsys):
    bare = tiny_clip(tmp_path / "clip")
    (bare / "merges.txt").unlink()
    words = command(world, tmp_path / "out", f"{SHORT} model={bare}")
    assert "holds no tokenizer: put the tokenizer.json" in said(words, capsys)


def test_no_network(world, tmp_path, capsys, monkeypatch):
    def unreachable(*_, **__):
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    words = command(world, tmp_path, f"{SHORT} model=openai/clip-vit-base-patch32")
    assert "could not be fetched from the hub" in said(words, capsys)

    def refused(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setattr("mvlm.data.hub_data.HfApi.dataset_info", refused)
    words = command(world, tmp_path, f"{SHORT} pairs.name=flickr8k")
    assert "the hub cannot be reached for 'jxie/flickr8k'" in said(words, capsys)


def test_other_settings_leave_the_run_as_it_is(world, whole, capsys):
    before = weights_in(whole)
    line = said(command(world, whole, f"{SHORT} smallest=0.5"), capsys)
    assert "was made with smallest 0.8, this run has 0.5" in line
    assert all(torch.equal(before[name], tensor) for name, tensor in weights_in(whole).items())
