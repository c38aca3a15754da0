"""``python -m mvlm train MODEL``: make one of the course's models from nothing, or go on."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from mvlm.training.recipes.config import build, read_config
from mvlm.training.recipes.making import MAKERS

CONFIGS = Path(__file__).parents[1] / "training" / "configs"


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
