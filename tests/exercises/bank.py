"""The banks of right and wrong answers, one folder an exercise, beside this file.

``python tests/exercises/bank.py`` writes the table of both into the instructor's guide.
"""

import linecache
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
GUIDE = HERE.parents[1] / "book/reference/instructors.md"
BEGIN, END = "<!-- bank: begin -->", "<!-- bank: end -->"


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
    def what(self) -> str:
        return _what(self.path)

    @property
    def says(self) -> str:
        return self._said("says")


def right_answers(exercise: str) -> list[Path]:
    return sorted((HERE / exercise / "right").glob("*.py"))


def wrong_answers(exercise: str) -> list[Wrong]:
    return [Wrong(path) for path in sorted((HERE / exercise / "wrong").glob("*.py"))]


def _what(path: Path) -> str:
    return path.read_text().splitlines()[0].removeprefix("# ")


def table() -> str:
    """Both banks as Markdown, an exercise after the other."""
    lines = []
    for folder in sorted(path for path in HERE.iterdir() if (path / "right").is_dir()):
        right, wrong = right_answers(folder.name), wrong_answers(folder.name)
        count = f"{len(right)} right answers, {len(wrong)} wrong ones"
        lines += [f"<details><summary>{folder.name}: {count}</summary>", ""]
        lines += ["| answer | loses the points of |", "|---|---|"]
        lines += [f"| {_what(path)} | nothing |" for path in right]
        for one in wrong:
            names = ", ".join(f"`{name}`" for name in sorted(one.fails))
            lines.append(f"| {one.what} | {names} |")
        lines += ["", "</details>", ""]
    return "\n".join(lines)


def guide_with_table(text: str) -> str:
    """The guide with the table as it is now."""
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


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


if __name__ == "__main__":
    GUIDE.write_text(guide_with_table(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
