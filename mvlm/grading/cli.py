"""``python -m mvlm grade``: a class's submissions, from a folder or a download, to marks."""

import argparse
import sys
from collections import Counter

from tqdm import tqdm

from mvlm.grading.run import Unusable, default_jobs, grade_all, prepare
from mvlm.grading.sandbox import Sandbox, SandboxError, visible_inside
from mvlm.grading.submissions import find_submissions


def run(options: argparse.Namespace) -> int:
    """Grade; 0 when every submission has a mark, 1 when the grader failed on one, 2 if unusable."""
    mode = "open" if options.no_sandbox else None
    try:
        if options.self_test:
            from mvlm.grading.selftest import self_test

            return self_test()
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
