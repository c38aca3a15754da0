"""One sandbox for all tests of the grader: starting it waits for torch."""

from pathlib import Path

import pytest

from mvlm.grading.hostile import EXERCISE
from mvlm.grading.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox():
    with Sandbox(EXERCISE.forbids) as started:
        yield started


@pytest.fixture
def toy(tmp_path) -> Path:
    """A small exercise as an instructor's own file; `steal` is worth 2 points, `honest` 1."""
    path = tmp_path / "toy.py"
    path.write_text("from mvlm.grading.hostile import EXERCISE\n")
    return path
