"""``python -m mvlm grade``: a class's submissions, from a folder or a download, to marks."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from mvlm.grading.run import Unusable, default_jobs, grade_all, prepare
from mvlm.grading.sandbox import Sandbox, SandboxError, visible_inside
from mvlm.grading.submissions import find_submissions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "exercise", nargs="?", help="an exercise, such as 02_patches, or a .py file of checks"
    )
    parser.add_argument(
        "submissions", nargs="?", type=Path, help="folder, or zip of Gradescope, Moodle or Canvas"
    )
    parser.add_argument(
        "--out", type=Path, help="folder for the marks; grading again goes on there"
    )
    parser.add_argument(
        "--hidden", type=Path, metavar="FILE", help="Python file with HIDDEN checks"
    )
    parser.add_argument(
        "--seed-file", type=Path, metavar="FILE", help="the secret seed; else kept in --out"
    )
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="submissions at a time")
    parser.add_argument(
        "--no-sandbox",
        action="store_true",
        help="run the answers unprotected: only where they are trusted as one's own code",
    )
    parser.add_argument(
        "--self-test",
        action="store_true",
        help="grade a collection of attacks on this machine and say what is contained",
    )


def run(options: argparse.Namespace) -> int:
    """Grade; 0 when every submission has a mark, 1 when the grader failed on one, 2 if unusable."""
    mode = "open" if options.no_sandbox else None
    try:
        if options.self_test and options.no_sandbox:
            raise Unusable("the attacks are real: --self-test does not go with --no-sandbox")
        if options.self_test:
            from mvlm.grading.selftest import self_test

            return self_test()
        for name in ("exercise", "submissions", "out"):
            if getattr(options, name) is None:
                raise Unusable(f"{name} is missing: python -m mvlm grade 02_patches DIR --out DIR")
        for path in (options.submissions, options.out, options.hidden, options.seed_file):
            if path is not None and visible_inside(path):
                raise Unusable(
                    f"the sandbox shows {path}, beside Python: move it to another folder"
                )
        job = prepare(options.exercise, options.out, options.hidden, options.seed_file)
        submissions = find_submissions(options.submissions, job.exercise.name)
        with Sandbox(job.exercise.forbids, mode) as sandbox:
            records = grade_all(
                job,
                submissions,
                sandbox,
                jobs=options.jobs if options.jobs > 0 else default_jobs(),
                progress=lambda records: tqdm(
                    records, total=len(submissions), unit="student", disable=None
                ),
            )
    except (SandboxError, ValueError) as error:
        print(f"mvlm grade: {error}", file=sys.stderr)
        return 2
    counts = Counter(record["status"] for record in records)
    text = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    print(f"{len(records)} submissions: {text}. See {options.out / 'class.html'} and grades.csv.")
    return 1 if counts["GRADER ERROR"] else 0
