"""The finished weights: small, loaded without a network, and as good as their record says."""

import json
import socket

import pytest

from mvlm import weights
from mvlm.commands.weights import FINISHED, SMALL
from mvlm.evaluation import evaluate

MADE = [name for name in FINISHED if (weights.HERE / f"{name}.safetensors").exists()]


@pytest.fixture
def offline(monkeypatch):
    def refuse(*_, **__):
        raise OSError("the network is off")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def scores(tree, path=()):
    """Every number of nested results, by its path."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from scores(value, (*path, name))
        elif isinstance(value, int | float):
            yield (*path, name), value


@pytest.mark.parametrize("name", MADE)
def test_the_recorded_small_evaluation_comes_out_again(name, offline):
    record = json.loads((weights.HERE / "results" / f"{name}-small.json").read_text())
    path = weights.HERE / f"{name}.safetensors"
    again = dict(scores(evaluate(FINISHED[name][2], path, **SMALL)))
    recorded = dict(scores(record))
    assert again.keys() == recorded.keys()
    for key, value in recorded.items():
        # Another machine's rounding may turn one answer; the smallest groups hold eight.
        assert again[key] == pytest.approx(value, abs=0.13), key


def test_all_together_they_are_small():
    assert sum(path.stat().st_size for path in weights.HERE.rglob("*")) <= 30_000_000


@pytest.mark.parametrize("name", MADE)
def test_every_card_shows_the_recorded_figures(name):
    card = (weights.HERE / f"{name}.md").read_text(encoding="utf-8")
    for heading in ("command:", "seed:", "data:", "## Curve", "## Results", "## What it cannot do"):
        assert heading in card
    record = json.loads((weights.HERE / "results" / f"{name}.json").read_text())
    assert f"--seed {record['seed']} --count {record['count']}" in card
