"""``python -m mvlm weights``: make every finished model again, measure it, write its card."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from mvlm import weights
from mvlm.commands.arguments import MODELS
from mvlm.commands.train import CONFIGS
from mvlm.evaluation.cards import card
from mvlm.training.loop import read_metrics
from mvlm.training.recipes.config import build, read_config
from mvlm.training.recipes.making import MAKERS

# finished file → (the model it comes with, where its curve is, what `evaluate` calls it)
FINISHED = {
    "clip-patches": ("clip-patches", ".", "clip"),
    "clip": ("clip", "tower", "clip"),
    "vit": ("vit", ".", "vit"),
    "language": ("language", "drills", "language"),
    "llava-stage1": ("llava", "stage1", "llava"),
    "llava": ("llava", "stage2-more", "llava"),
    "molmo": ("molmo", "pictures/stage2-more", "molmo"),
    "reader": ("reader", "answer", "reader"),
}

SMALL = {"seed": 7, "count": 8}  # what the tests measure again


def run(arguments: argparse.Namespace) -> int:
    """Train what is not trained yet, then copy, measure and write."""
    for model in (model for model in MODELS if model in arguments.only):
        recipe_type, make = MAKERS[model]
        folder = weights.HERE if model == "tokenizer" else arguments.runs / model
        finished = [name for name, (of, _, _) in FINISHED.items() if of == model]
        if not finished or not all((folder / f"{n}.safetensors").exists() for n in finished):
            recipe = build(recipe_type, read_config(CONFIGS / f"{model}.toml"))
            make(recipe, folder, weights.HERE)
        for name in finished:
            shutil.copy(folder / f"{name}.safetensors", weights.HERE)
        for name in finished:
            finish(name, folder, seed=arguments.seed, count=arguments.count)
            print(f"{name}: done", file=sys.stderr)
    return 0


def finish(name: str, folder: Path, *, seed: int, count: int) -> None:
    """Measure a finished model and write `results/NAME.json`, `NAME-small.json` and `NAME.md`."""
    from mvlm import evaluation

    model, curve, evaluated = FINISHED[name]
    path = weights.HERE / f"{name}.safetensors"
    results = evaluation.evaluate(evaluated, path, seed=seed, count=count)
    small = evaluation.evaluate(evaluated, path, seed=SMALL["seed"], count=SMALL["count"])
    recorded = weights.HERE / "results"
    recorded.mkdir(exist_ok=True)
    for stem, scores in ((name, results), (f"{name}-small", small)):
        text = json.dumps(scores, indent=1) + "\n"
        (recorded / f"{stem}.json").write_text(text, encoding="utf-8")
    command = f"python -m mvlm train {model} --out runs/{model}"
    text = card(name, command, read_metrics(folder / curve), results)
    (weights.HERE / f"{name}.md").write_text(text, encoding="utf-8")
