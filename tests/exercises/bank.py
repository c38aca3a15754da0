"""The banks of right and wrong answers, one folder an exercise, beside this file."""

import linecache
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Wrong:
    """One plausible mistake: what it is, which checks must fail, and what they must say."""

    path: Path

    def _said(self, word: str) -> str:
        return re.search(rf"^# {word}: (.+)$", self.path.read_text(), re.MULTILINE).group(1)

    @property
    def fails(self) -> set[str]:
        return set(self._said("fails").split(", "))

    @property
    def says(self) -> str:
        return self._said("says")


def right_answers(exercise: str) -> list[Path]:
    return sorted((HERE / exercise / "right").glob("*.py"))


def wrong_answers(exercise: str) -> list[Wrong]:
    return [Wrong(path) for path in sorted((HERE / exercise / "wrong").glob("*.py"))]


def functions(*paths: Path) -> dict[str, Any]:
    """What the files define, a later one in place of an earlier one's; each with its own names."""
    answers: dict[str, Any] = {}
    for path in paths:
        names: dict[str, Any] = {"__name__": path.stem}
        source = path.read_text()
        exec(compile(source, str(path), "exec"), names)
        linecache.cache[str(path)] = (len(source), None, source.splitlines(True), str(path))
        graded = re.findall(r"^# GRADED (\w+)$", source, re.MULTILINE)
        answers |= {name: names[name] for name in graded}
    return answers
