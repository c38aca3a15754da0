"""Where the figures of the chapters find what commands in `benchmarks/` have measured."""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent


def measured(name: str) -> Path:
    """A file of `benchmarks/`: in the repository where it was written, installed a copy of it.

    Args:
        name: such as "sweep.json"; the command beside it has the same name, "sweep.py".

    Raises:
        FileNotFoundError: it is in neither place.
    """
    for path in (HERE.parents[1] / "benchmarks" / name, HERE / name):
        if path.exists():
            return path
    raise FileNotFoundError(
        f"there is no {name}: run `python benchmarks/{Path(name).stem}.py` in the repository, or "
        "install the package again"
    )


def read_measured(name: str) -> dict:
    """The JSON of `measured(name)`."""
    return json.loads(measured(name).read_text(encoding="utf-8"))
