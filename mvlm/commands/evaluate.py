"""``python -m mvlm evaluate MODEL``: measure a finished model on freshly drawn data."""

from __future__ import annotations

import argparse
import json
import sys

from mvlm import evaluation, weights


def run(arguments: argparse.Namespace) -> int:
    """Print the scores."""
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
