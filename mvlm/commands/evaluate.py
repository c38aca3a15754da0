"""``python -m mvlm evaluate MODEL``: measure a finished model on freshly drawn data.

With ``--model``, a released CLIP or LLaVA on photographs of yours.
"""

from __future__ import annotations

import argparse
import json
import sys

from mvlm import evaluation, weights
from mvlm.chat import VICUNA_SYSTEM, Chat
from mvlm.commands.failures import FAILURES, complaint
from mvlm.commands.released import PHOTO, load
from mvlm.evaluation.class_folders import evaluate_class_folders, read_class_folders
from mvlm.evaluation.pope import evaluate_pope, read_pope

SEED, COUNT = 1000, 300


def run(arguments: argparse.Namespace) -> int:
    """Print the scores."""
    try:
        results = course(arguments) if arguments.hub is None else released(arguments)
    except FAILURES as error:
        print(f"error: {complaint(error)}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(results, indent=1))
    else:
        print("\n".join(lines(results)))
    return 0


def course(arguments: argparse.Namespace) -> dict:
    """The scores of one of the course's models."""
    path = arguments.weights or weights.HERE / f"{arguments.model}.safetensors"
    seed = SEED if arguments.seed is None else arguments.seed
    return evaluation.evaluate(arguments.model, path, seed=seed, count=arguments.count or COUNT)


def released(arguments: argparse.Namespace) -> dict:
    """The scores of the model that --model names, on --data, which is looked at first."""
    if arguments.model == "clip":
        names, pictures = read_class_folders(arguments.data, arguments.count)
        loaded = load(arguments, ("clip",))
        parts = loaded.model, loaded.preprocessing, loaded.tokenizer
        templates = arguments.template or PHOTO
        scores = evaluate_class_folders(*parts, names, pictures, templates)
    else:
        asked = read_pope(arguments.data, arguments.images, arguments.count)
        loaded = load(arguments, ("llava",))
        chat = Chat(tokenizer=loaded.tokenizer, system=VICUNA_SYSTEM)
        scores = evaluate_pope(loaded.model, chat, loaded.preprocessing, asked)
    precision = str(loaded.weight.dtype).removeprefix("torch.")
    about = {"model": arguments.hub, "precision": precision, "data": str(arguments.data)}
    return about | scores


def lines(results: dict, indent: int = 0) -> list[str]:
    """Nested results as indented lines; shares in per cent."""
    written = []
    for name, value in results.items():
        if isinstance(value, dict):
            written += [" " * indent + name, *lines(value, indent + 2)]
        else:
            shown = f"{value:.1%}" if isinstance(value, float) else value
            shown = ", ".join(value) if isinstance(value, list) else shown
            written.append(f"{' ' * indent}{name:<{36 - indent}} {shown}")
    return written
