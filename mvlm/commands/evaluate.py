"""``python -m mvlm evaluate MODEL``: measure a finished model on freshly drawn data."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from mvlm import weights

MOST = 10**9  # a seed takes a million seeds behind it, and torch counts to 2**63
MODELS = ("vit", "clip", "language", "llava", "molmo", "reader")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, --seed, --count, --weights, --json."""
    parser.add_argument("model", choices=MODELS, help="what to measure")
    parser.add_argument("--seed", type=seed, default=1000, help="of the test data; any will do")
    parser.add_argument("--count", type=count, default=300, help="pictures of each kind")
    parser.add_argument("--weights", type=Path, help="a weights file; the course's own if none")
    parser.add_argument("--json", action="store_true", help="print json and nothing else")


def seed(text: str) -> int:
    """A whole number that torch and `mvlm.data` take as a seed."""
    if not -MOST <= (value := int(text)) <= MOST:
        raise argparse.ArgumentTypeError(f"{text} is too large: pass at most {MOST:,}")
    return value


def count(text: str) -> int:
    """A whole number of pictures, at least one."""
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few: pass at least 1")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Print the scores."""
    from mvlm import evaluation

    path = arguments.weights or weights.HERE / f"{arguments.model}.safetensors"
    try:
        results = evaluation.evaluate(
            arguments.model, path, seed=arguments.seed, count=arguments.count
        )
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(results, indent=1))
    else:
        print("\n".join(lines(results)))
    return 0


def lines(results: dict, indent: int = 0) -> list[str]:
    """Nested results as indented lines; shares in per cent."""
    written = []
    for name, value in results.items():
        if isinstance(value, dict):
            written += [" " * indent + name, *lines(value, indent + 2)]
        else:
            shown = f"{value:.1%}" if isinstance(value, float) else value
            written.append(f"{' ' * indent}{name:<{36 - indent}} {shown}")
    return written
