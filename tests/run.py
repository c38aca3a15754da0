"""``python tests/run.py``, what `make test` calls: the site if there is none, tests, notebooks.

Each part runs whatever became of the one before it. The last lines say how many tests passed in
each part, which part failed, and what was left out for want of a browser or bubblewrap.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tools import VARIABLE, provide

ROOT = Path(__file__).parents[1]
# A test may be skipped for want of these and the run is whole all the same.
HARDWARE = ("CUDA", "needs root")
ENDS = ("passed", "failed", "not reached", "left out", "skipped (no CUDA device, or not root)")
NAMED = ("-ra", "--no-fold-skipped")  # each test that failed or was left out, by its name


@dataclass(frozen=True)
class Part:
    """One command of the run.

    Attributes:
        name: what the last lines call it.
        command: its words; pytest's take `--junitxml`, and are counted.
    """

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """How a part ended: its exit status, and from pytest its tests by what became of them."""

    name: str
    status: int
    counts: Counter[str]
    left_out: Counter[str]  # reason → tests

    def line(self) -> str:
        """Name and counts on one line."""
        if not self.counts.total():
            return f"{self.name}: {'FAILED' if self.status else 'done'}"
        counts = ", ".join(f"{count} {what}" for what, count in self.counts.items() if count)
        return f"{self.name}: {counts}{'. FAILED' if self.status else ''}"


def parts(root: Path, jobs: int) -> list[Part]:
    """The site, unless it is there; the tests; every cell of every notebook."""
    pytest = (sys.executable, "-m", "pytest", "-n", str(jobs), "--dist", "loadscope")
    nbval = ("--nbval", "--nbval-current-env", "--nbval-cell-timeout=300")
    notebooks = sorted(map(str, (root / "notebooks").glob("*.ipynb")))
    built = (root / "_build/html/index.html").exists()
    return [
        *([] if built else [Part("site", ("make", "book"))]),
        # The browser's files first: they take longest, and one worker would be left with them.
        Part("tests", (*pytest, "--no-loadscope-reorder", *NAMED, *map(str, tests(root)))),
        Part("notebooks", (*pytest, *nbval, *notebooks, "notebooks/solutions")),
    ]


def tests(root: Path) -> list[Path]:
    """Folders and files of tests: the site's, then all others."""
    found = sorted((root / "tests").glob("[!_.]*"), key=lambda path: (path.name != "site", path))
    return [path for path in found if path.is_dir() or path.name.startswith("test_")]


def run(part: Part, environment: dict[str, str], root: Path = ROOT) -> Outcome:
    """Run one part, in view, and count its tests."""
    print(f"\n{part.name}: {' '.join(part.command)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        written = (f"--junitxml={report}",) if "pytest" in part.command else ()
        done = subprocess.run([*part.command, *written], cwd=root, env=environment)
        counts, left_out = count(report) if report.exists() else (Counter(), Counter())
    return Outcome(part.name, done.returncode, counts, left_out)


def count(report: Path) -> tuple[Counter[str], Counter[str]]:
    """Of pytest's report: tests by what became of them, and those left out by their reason."""
    counts, left_out = Counter(dict.fromkeys(ENDS, 0)), Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            counts["failed"] += 1
        elif skipped is None:
            counts["passed"] += 1
        elif skipped.get("type") == "pytest.xfail":
            counts["not reached"] += 1  # nbval's word for the cells behind one that took too long
        elif any(word in skipped.get("message", "") for word in HARDWARE):
            counts[ENDS[-1]] += 1
        else:
            counts["left out"] += 1
            left_out[skipped.get("message", "for no reason given")] += 1
    return counts, left_out


def summary(outcomes: list[Outcome]) -> str:
    """The last lines: a line a part, then what was left out, if anything, on one line."""
    lines = [outcome.line() for outcome in outcomes]
    if left_out := sum((outcome.left_out for outcome in outcomes), Counter()):
        reasons = "; ".join(f"{count} tests ({reason})" for reason, count in left_out.items())
        lines.append(f"Left out: {reasons}.")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run everything; 0 if no part failed and, with `--complete`, nothing was left out."""
    parser = argparse.ArgumentParser(description="Run all tests, the notebooks included.")
    parser.add_argument(
        "--jobs", type=int, default=2, help="processes; a file or a class goes to one of them"
    )
    parser.add_argument(
        "--complete", action="store_true", help="fail where anything was left out, as CI does"
    )
    options = parser.parse_args(arguments)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", VARIABLE: json.dumps(provide())}
    outcomes = [run(part, environment) for part in parts(ROOT, options.jobs)]
    print(f"\n{summary(outcomes)}")
    incomplete = options.complete and any(outcome.left_out for outcome in outcomes)
    return int(incomplete or any(outcome.status for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
