"""What do constant answers score? ``python benchmarks/scorers.py --mathvista DIR --vwa DIR``.

DIR are clones of github.com/lupantech/MathVista and github.com/web-arena-x/visualwebarena, whose
questions are read and not kept. Half a minute; writes `scorers.json`, which chapter 12 quotes.

MathVista's `evaluation/calculate_score.py` is done here by its own rules, with its default flags,
on the 1,000 questions of testmini, given that the step before it hands on every answer unchanged.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

from harness import write

from mvlm.tasks import nearest_choice

SAID = ("", "I cannot tell.", "0", "1", "2")
SITES = ("classifieds", "reddit", "shopping")


def normalised(said: str, problem: dict) -> str | None:
    """What the published score makes of an answer to one problem."""
    if problem["question_type"] == "multi_choice":
        return nearest_choice(said, problem["choices"])
    try:
        if problem["answer_type"] == "integer":
            return str(int(float(said)))
        if problem["answer_type"] == "float":
            return str(round(float(said), int(problem["precision"])))
    except ValueError:
        return None
    return said


def mathvista(folder: Path) -> dict:
    """Of the questions of testmini, how many each constant answer gets right."""
    problems = json.loads((folder / "data/testmini.json").read_text(encoding="utf-8")).values()
    right = {said: sum(normalised(said, one) == one["answer"] for one in problems) for said in SAID}
    choices = sum(one["question_type"] == "multi_choice" for one in problems)
    return {
        "commit": commit(folder),
        "questions": len(problems),
        "choices": choices,
        "right": right,
    }


def visualwebarena(folder: Path) -> dict:
    """How many tasks there are, and how many are right if the agent says at once: N/A."""
    tasks = [
        task
        for site in SITES
        for task in json.loads(
            (folder / f"config_files/vwa/test_{site}.raw.json").read_text(encoding="utf-8")
        )
    ]
    answers = [task["eval"].get("reference_answers") or {} for task in tasks]
    impossible = [
        task["eval"]["eval_types"] == ["string_match"]
        for task, answer in zip(tasks, answers, strict=True)
        if "N/A" in answer.values() or ["N/A"] in answer.values()
    ]
    return {
        "commit": commit(folder),
        "tasks": len(tasks),
        "with a picture": sum(bool(task.get("image")) for task in tasks),
        "cannot be done": len(impossible),
        "right answer is N/A": sum(impossible),
    }


def commit(folder: Path) -> str:
    """Which version it is."""
    said = subprocess.run(
        ["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    return said.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mathvista", type=Path, required=True)
    parser.add_argument("--vwa", type=Path, required=True)
    given = parser.parse_args()
    write(
        "scorers.json",
        {"MathVista": mathvista(given.mathvista), "VisualWebArena": visualwebarena(given.vwa)},
    )


if __name__ == "__main__":
    main()
