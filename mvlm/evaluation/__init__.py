"""How good are the finished models? Every figure of the result tables is made here.

`python -m mvlm evaluate clip|llava|molmo|language|vit|reader --seed N --count N --json`. Any seed
draws fresh test data. A score never stands alone: chance, thumbnails or a blind answer is measured
on the same data.

Released models are measured on photographs of yours: `class_folders` and `pope`, by the same
command with `--model`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mvlm import weights
from mvlm.evaluation.clip import evaluate_clip
from mvlm.evaluation.language import evaluate_language, language_and_told
from mvlm.evaluation.llava import evaluate_llava
from mvlm.evaluation.molmo import evaluate_molmo
from mvlm.evaluation.reader import evaluate_reader
from mvlm.evaluation.vit import evaluate_vit


def evaluate(model: str, path: Path, *, seed: int, count: int) -> dict:
    """Measure a weights file of one of `EVALUATED`."""
    load, measure = EVALUATED[model]
    loaded = load(path)
    parts = loaded if isinstance(loaded, tuple) else (loaded,)  # a ViT comes with its classes
    return measure(*parts, seed=seed, count=count)


EVALUATED: dict[str, tuple[Callable, Callable]] = {
    "vit": (weights.vit, evaluate_vit),
    "clip": (weights.clip, evaluate_clip),
    "language": (language_and_told, evaluate_language),
    "llava": (weights.llava, evaluate_llava),
    "molmo": (weights.molmo, evaluate_molmo),
    "reader": (weights.reader, evaluate_reader),
}
