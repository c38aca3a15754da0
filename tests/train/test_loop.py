"""The training loop: it goes on where it stopped, and two processes do what one does."""

import errno
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from mvlm.training import loop
from mvlm.training.loop import CHECKPOINT, TrainConfig, read_metrics, train

CONFIG = TrainConfig(steps=12, batch_size=8, learning_rate=1e-2, warmup=3, save_every=4)


class Objective(nn.Module):
    """A small regression with dropout, so that its random numbers matter."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 1))

    def forward(self, batch):
        error = (self.net(batch["x"]) - batch["y"]).square().sum()
        return error, torch.tensor(float(len(batch["x"])))


def data(examples):
    rows = [torch.randn(5, generator=torch.Generator().manual_seed(i)) for i in examples]
    table = torch.stack(rows)
    return {"x": table[:, :4], "y": table[:, 4:]}


def weights_after(folder):
    return load_file(folder / CHECKPOINT)


class Stopped(Exception):
    pass


def stop_after(step):
    def after_step(metrics):
        if metrics.step == step:
            raise Stopped

    return after_step


@pytest.mark.parametrize("stopped_after", [3, 6])
def test_a_stopped_run_goes_on_to_the_same_result(tmp_path, stopped_after):
    whole = Objective()
    train(whole, data, CONFIG, tmp_path / "whole")
    with pytest.raises(Stopped):
        train(Objective(), data, CONFIG, tmp_path / "twice", after_step=stop_after(stopped_after))
    resumed = Objective()
    train(resumed, data, CONFIG, tmp_path / "twice")
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
    files = [weights_after(tmp_path / name) for name in ("whole", "twice")]
    assert files[0].keys() == files[1].keys()
    assert all(torch.equal(files[0][name], files[1][name]) for name in files[0])
    curves = [read_metrics(tmp_path / name) for name in ("whole", "twice")]
    assert [row.loss for row in curves[0]] == [row.loss for row in curves[1]]
    assert [row.step for row in curves[1]] == list(range(12))


def test_workers_change_nothing(tmp_path):
    alone, helped = Objective(), Objective()
    train(alone, data, CONFIG, tmp_path / "alone")
    train(helped, data, replace(CONFIG, workers=2), tmp_path / "helped")
    assert torch.equal(alone.net[0].weight, helped.net[0].weight)


def test_it_learns(tmp_path):
    def learnable(examples):
        batch = data(examples)
        return {"x": batch["x"], "y": batch["x"].sum(dim=1, keepdim=True)}

    history = train(Objective(), learnable, replace(CONFIG, steps=150), tmp_path)
    assert history[-1].loss < history[0].loss / 4


TWO_PROCESSES = """
import sys
from dataclasses import replace
sys.path.insert(0, {tests!r})
from test_loop import CONFIG, Objective, Uneven, data, uneven
from mvlm.training.loop import train
train(Uneven(), uneven, CONFIG, {folder!r})
"""


class Uneven(Objective):
    """Each example counts a number of times, as answers have different lengths; no dropout."""

    def forward(self, batch):
        self.net[1].p = 0.0
        error = (self.net(batch["x"]) - batch["y"]).square() * batch["count"]
        return error.sum(), batch["count"].sum()


def uneven(examples):
    return data(examples) | {"count": torch.tensor([[1.0 + i % 5] for i in examples])}


def test_two_processes_give_the_losses_of_one(tmp_path):
    train(Uneven(), uneven, CONFIG, tmp_path / "one")
    script = tmp_path / "two.py"
    script.write_text(
        TWO_PROCESSES.format(tests=str(Path(__file__).parent), folder=str(tmp_path / "two"))
    )
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2",
         str(script)],
        check=True, capture_output=True, timeout=300,
        env=os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    one, two = (read_metrics(tmp_path / name) for name in ("one", "two"))
    assert [row.loss for row in two] == pytest.approx([row.loss for row in one], abs=1e-5)
    assert [r.gradient_norm for r in two] == pytest.approx([r.gradient_norm for r in one], rel=1e-4)
    files = [weights_after(tmp_path / name) for name in ("one", "two")]
    for name in files[0]:
        torch.testing.assert_close(files[0][name], files[1][name], atol=1e-4, rtol=1e-4)


def test_the_rate_rises_then_falls_along_a_cosine():
    config = TrainConfig(steps=110, warmup=10, learning_rate=2.0)
    assert loop.learning_rate(0, config) == pytest.approx(0.2)
    assert loop.learning_rate(9, config) == pytest.approx(2.0)
    assert loop.learning_rate(60, config) == pytest.approx(1.0)
    assert loop.learning_rate(35, config) == pytest.approx(1 + math.cos(math.pi / 4))
    assert loop.learning_rate(110, config) == pytest.approx(0.0)


def test_only_matrices_decay_and_frozen_weights_stay_out():
    objective = Objective()
    objective.net[2].requires_grad_(False)
    decayed, kept = loop.make_optimiser(objective, CONFIG).param_groups
    assert [tuple(w.shape) for w in decayed["params"]] == [(8, 4)]
    assert [tuple(w.shape) for w in kept["params"]] == [(8,)]
    assert (decayed["weight_decay"], kept["weight_decay"]) == (CONFIG.weight_decay, 0.0)


def test_frozen_weights_stay_as_they_are_and_out_of_the_checkpoint(tmp_path):
    objective = Objective()
    objective.net[2].requires_grad_(False)
    before = objective.net[2].weight.clone()
    train(objective, data, CONFIG, tmp_path)
    assert torch.equal(objective.net[2].weight, before)
    assert not any("net.2" in name for name in weights_after(tmp_path))


def test_everything_frozen_is_refused(tmp_path):
    with pytest.raises(ValueError, match="every weight is frozen"):
        train(Objective().requires_grad_(False), data, CONFIG, tmp_path)


def poisoned_from(step):
    def poisoned(examples):
        batch = data(examples)
        if examples.start >= step * CONFIG.batch_size:
            batch["y"] = batch["y"] * float("nan")
        return batch

    return poisoned


def test_a_loss_that_is_no_number_stops_with_step_and_checkpoint(tmp_path):
    with pytest.raises(FloatingPointError, match=r"step 6: the loss is nan.*checkpoint.*step 4"):
        train(Objective(), poisoned_from(6), CONFIG, tmp_path)
    assert all(bool(tensor.isfinite().all()) for tensor in weights_after(tmp_path).values())


def test_a_loss_that_is_no_number_before_any_checkpoint(tmp_path):
    with pytest.raises(FloatingPointError, match="step 1:.*no checkpoint was saved yet"):
        train(Objective(), poisoned_from(1), CONFIG, tmp_path)


def test_a_full_disk_leaves_the_checkpoint_whole(tmp_path, monkeypatch):
    train(Objective(), data, replace(CONFIG, steps=4), tmp_path)
    before = (tmp_path / CHECKPOINT).read_bytes()

    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"could not be written \(No space left.*is whole"):
        loop.write_whole(tmp_path / CHECKPOINT, b"half of it")
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert not list(tmp_path.glob("*.new"))


KILLED = """
import os
from pathlib import Path
from mvlm.training import loop as train
os.fsync = lambda number: os.kill(os.getpid(), 9)  # killed with the file half-way to the disk
train.write_whole(Path({path!r}), b"new" * 1000)
"""


def test_a_killed_process_leaves_the_checkpoint_whole(tmp_path):
    train(Objective(), data, replace(CONFIG, steps=4), tmp_path)
    before = (tmp_path / CHECKPOINT).read_bytes()
    ended = subprocess.run(
        [sys.executable, "-c", KILLED.format(path=str(tmp_path / CHECKPOINT))], timeout=120
    )
    assert ended.returncode == -9
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert loop.saved_step(tmp_path) == 4


def test_a_damaged_checkpoint_is_named(tmp_path):
    (tmp_path / CHECKPOINT).write_bytes(b"\x10" + b"\x00" * 30)
    with pytest.raises(ValueError, match=r"checkpoint.safetensors is damaged .*delete it to begin"):
        train(Objective(), data, CONFIG, tmp_path)


@pytest.mark.parametrize("cut", ["\n6", "\n6,", "\n6,0.5,0.01,1.0,", ""])
def test_a_run_goes_on_after_a_row_that_was_cut_off(tmp_path, cut):
    with pytest.raises(Stopped):
        train(Objective(), data, CONFIG, tmp_path, after_step=stop_after(5))
    path = tmp_path / loop.METRICS
    path.write_text(path.read_text().rstrip() + cut)
    assert len(read_metrics(tmp_path)) == 6
    train(Objective(), data, CONFIG, tmp_path)
    assert [row.step for row in read_metrics(tmp_path)] == list(range(CONFIG.steps))


def test_a_changed_setting_is_named(tmp_path):
    train(Objective(), data, CONFIG, tmp_path)
    with pytest.raises(ValueError, match="was made with batch_size 8, this run has 16"):
        train(Objective(), data, replace(CONFIG, batch_size=16), tmp_path)


def test_another_models_checkpoint_is_refused(tmp_path):
    train(Objective(), data, CONFIG, tmp_path)

    class Other(Objective):
        def __init__(self):
            super().__init__()
            self.more = nn.Linear(1, 1)

    with pytest.raises(ValueError, match="another model's weights"):
        train(Other(), data, CONFIG, tmp_path)


def test_a_batch_that_does_not_divide_is_refused():
    class Three:
        num_processes, process_index = 3, 0

    with pytest.raises(ValueError, match="batch_size 8 does not divide into 3 processes"):
        loop.share_of_batch(CONFIG, Three())


@pytest.mark.parametrize("name", ["steps", "batch_size", "save_every", "clip_norm"])
def test_settings_must_be_positive(name):
    with pytest.raises(ValueError, match=f"{name} is 0: pass more than 0"):
        replace(CONFIG, **{name: 0})


def test_a_module_may_act_after_each_step(tmp_path):
    class Counting(Objective):
        count = 0

        def after_step(self):
            self.count += 1

    objective = Counting()
    train(objective, data, CONFIG, tmp_path)
    assert objective.count == CONFIG.steps


RECIPE = {
    "width": 4,
    "views": {"turn": 12.0, "artists": ["noto", "other"]},
    "train": {"workers": 0},
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 8}, "made with width 4, this run has 8"),
        (
            {"views": {"turn": 1.0, "artists": ["noto", "other"]}},
            "views.turn 12.0, this run has 1.0",
        ),
        (
            {"views": {"turn": 12.0, "artists": ["noto"]}},
            r"views.artists \['noto', 'other'\], this",
        ),
        ({"seed": 3}, "made with seed not there, this run has 3"),
    ],
)
def test_another_recipe_is_refused_by_its_setting(tmp_path, change, message):
    train(Objective(), data, CONFIG, tmp_path, recipe=RECIPE)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    objective = Objective()
    weight = objective.net[0].weight.clone()
    with pytest.raises(ValueError, match=message):
        train(objective, data, CONFIG, tmp_path, recipe=RECIPE | change)
    assert torch.equal(objective.net[0].weight, weight)
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}


def test_the_same_recipe_goes_on_whatever_does_not_count(tmp_path):
    """A tuple, which JSON makes a list, is the same; how many workers there are is nothing."""
    recipe = RECIPE | {
        "views": {"turn": 12.0, "artists": ("noto", "other")},
        "train": {"workers": 2},
    }
    train(Objective(), data, CONFIG, tmp_path, recipe=RECIPE)
    assert train(Objective(), data, CONFIG, tmp_path, recipe=recipe) == []
    assert train(Objective(), data, CONFIG, tmp_path) == []  # called without one


def test_another_width_without_a_recipe_is_refused(tmp_path):
    train(Objective(), data, CONFIG, tmp_path)
    wider = Objective()
    wider.net = nn.Sequential(nn.Linear(4, 9), nn.Dropout(0.2), nn.Linear(9, 1))
    with pytest.raises(ValueError, match=r"net.0.weight is \(8, 4\), here \(9, 4\)"):
        train(wider, data, CONFIG, tmp_path)


def test_what_was_trained_and_is_frozen_now_is_another_run(tmp_path):
    """The optimiser's memories would go to other weights."""
    train(Objective(), data, CONFIG, tmp_path)
    frozen = Objective()
    frozen.net[0].requires_grad_(False)
    with pytest.raises(ValueError, match="another model's weights .*net.0"):
        train(frozen, data, CONFIG, tmp_path)
