"""``python -m mvlm train MODEL``: make one of the course's models from nothing, or go on."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from mvlm import weights
from mvlm.training.recipes.config import build, read_config
from mvlm.training.recipes.making import MAKERS

CONFIGS = Path(__file__).parents[1] / "training" / "configs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, --config, --out, --weights and KEY=VALUE changes."""
    parser.add_argument("model", choices=list(MAKERS), help="what to train")
    parser.add_argument(
        "--config", type=Path, help="a TOML file; training/configs/MODEL.toml if none"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the run; goes on there")
    parser.add_argument(
        "--weights",
        type=Path,
        default=weights.HERE,
        help="folder with the finished models this one builds on (tokenizer, clip, language)",
    )
    parser.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one setting, such as train.steps=100; may be repeated",
    )


def run(arguments: argparse.Namespace) -> int:
    """Train and write the finished weights into the run's folder."""
    config = arguments.config or CONFIGS / f"{arguments.model}.toml"
    recipe_type, make = MAKERS[arguments.model]
    try:
        recipe = build(recipe_type, read_config(config, arguments.changes))
        began = time.perf_counter()
        files = make(recipe, arguments.out, arguments.weights)
    except (ValueError, FileNotFoundError, FloatingPointError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{(time.perf_counter() - began) / 60:.1f} minutes; written: {', '.join(files)}")
    return 0
