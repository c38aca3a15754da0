"""A whole class: grade what is new, leave what is done, write the reports."""

import hashlib
import json
import os
import runpy
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch

import mvlm.checks
from mvlm.checks.core import Check, Exercise
from mvlm.grading.grade import Grade, grade
from mvlm.grading.reports import (
    Record,
    class_page,
    grades_table,
    gradescope_files,
    gradescope_results,
    read_kept,
    student_page,
    write,
)
from mvlm.grading.sandbox import Sandbox
from mvlm.grading.submissions import Submission, Unreadable, file_name, printable, read_cells

Hidden = dict[str, tuple[Check, ...]]


class Unusable(ValueError):
    """What the instructor passed cannot be used; the message says what and what to do."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is the same for every submission of a run.

    Attributes:
        secret: the seed that students do not know.
        hidden: further checks for each function.
        out: where reports go.
        state: a digest of all of it and of the grader's code: another state, another grade.
    """

    exercise: Exercise
    secret: str
    hidden: Hidden
    out: Path
    state: str


def read_exercise(name: str) -> Exercise:
    """One of the course's exercises, or an instructor's own: a Python file with ``EXERCISE``."""
    if not name.endswith(".py"):
        try:
            return mvlm.checks.exercise(name)
        except ValueError as error:
            raise Unusable(f"{error}, or pass the path of a .py file of checks") from None
    exercise = _run(Path(name)).get("EXERCISE")
    if not isinstance(exercise, Exercise):
        raise Unusable(f"{name} defines no EXERCISE = Exercise(...): see mvlm/checks for examples")
    return exercise


def read_hidden(path: Path | None, exercise: Exercise) -> Hidden:
    """Hidden checks from a Python file: ``HIDDEN = {"function": (Check(...), ...)}``."""
    if path is None:
        return {}
    listed = _run(path).get("HIDDEN")
    if not isinstance(listed, dict):
        raise Unusable(f'{path} defines no HIDDEN = {{"function": (Check(...), ...)}}')
    taken = {check.name for question in exercise.questions for check in question.checks}
    hidden: Hidden = {}
    for function, checks in listed.items():
        try:
            exercise.question(function)
        except ValueError as error:
            raise Unusable(f"{path}: {error}") from None
        for check in checks:
            if not isinstance(check, Check):
                raise Unusable(f"{path}: {function} has a {type(check).__name__}, wanted a Check")
            if check.name in taken:
                raise Unusable(f"{path}: there is a check named {check.name} already")
            taken.add(check.name)
        hidden[function] = tuple(replace(check, hidden=True) for check in checks)
    return hidden


def _run(path: Path) -> dict:
    if not path.is_file():
        raise Unusable(f"there is no file {path}: check the path")
    return runpy.run_path(str(path))


def read_secret(path: Path | None, out: Path) -> str:
    """The secret seed: from a file of the instructor's, else made once and kept in ``out``."""
    if path is not None:
        if not path.is_file():
            raise Unusable(f"there is no seed file {path}: make one, with any text in it")
        secret = path.read_text(encoding="utf-8").strip()
        if not secret:
            raise Unusable(f"the seed file {path} is empty: put any text in it")
        return secret
    kept = out / "seed.txt"
    if not kept.exists():
        write(kept, secrets.token_hex(16) + "\n")
        kept.chmod(0o600)
    return kept.read_text(encoding="utf-8").strip()


def prepare(exercise_name: str, out: Path, hidden_file: Path | None, seed: Path | None) -> Job:
    """Read everything a run needs, and see that the output folder can be written.

    Raises:
        Unusable: something is missing; the message says what.
    """
    exercise = read_exercise(exercise_name)
    hidden = read_hidden(hidden_file, exercise)
    try:
        write(out / "students" / ".probe", "")
        (out / "students" / ".probe").unlink()
        secret = read_secret(seed, out)
    except OSError as error:
        raise Unusable(
            f"{out} cannot be written ({error.strerror}): choose another --out"
        ) from None
    digest = hashlib.sha256()
    package = Path(mvlm.checks.__file__).parent
    files = [*package.rglob("*.py"), *Path(__file__).parent.glob("*.py"), hidden_file]
    if exercise_name.endswith(".py"):
        files.append(Path(exercise_name))
    for path in sorted(filter(None, files)):
        digest.update(path.read_bytes())
    digest.update(f"{secret}\n{exercise.name}\n{torch.__version__}".encode())
    return Job(exercise=exercise, secret=secret, hidden=hidden, out=out, state=digest.hexdigest())


def grade_one(job: Job, submission: Submission, sandbox: Sandbox) -> Record:
    """Grade one submission and write its files, unless they are there for this very input."""
    name = file_name(submission.student)
    path = job.out / "students" / f"{name}.json"
    try:
        data, cells = read_cells(submission)
        reason = ""
    except Unreadable as error:
        data, cells, reason = b"", [], str(error)
    about = f"{job.state}\n{submission!r}\n{reason}\n".encode()
    key = hashlib.sha256(about + data).hexdigest()
    if (done := _done(path, key)) is not None:
        return done
    if reason:
        result = Grade(status="unreadable", marks=(), notes=(reason,))
    else:
        result = grade(job.exercise, cells, sandbox, job.secret, job.hidden)
    record = _record(job, submission, result, key)
    write(path.with_suffix(".html"), student_page(job.exercise, record))
    write(job.out / "gradescope" / f"{name}.json", _json(gradescope_results(record)))
    write(path, _json(record))  # last: its key says that all of it is there
    return record


def _done(path: Path, key: str) -> Record | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = isinstance(record, dict) and record.get("key") == key
    return record if same and record["status"] != "GRADER ERROR" else None


def _record(job: Job, submission: Submission, result: Grade, key: str) -> Record:
    out_of = job.exercise.points + sum(c.points for cs in job.hidden.values() for c in cs)
    return {
        "student": submission.student,
        "name": submission.name,
        "email": submission.email,
        "file_name": file_name(submission.student),
        "file": printable(submission.source.name) if submission.source else "",
        "late": submission.late,
        **result.as_dict(),
        "out_of": out_of,
        "notes": [*submission.notes, *result.notes],
        "key": key,
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def grade_all(
    job: Job,
    submissions: list[Submission],
    sandbox: Sandbox,
    *,
    jobs: int = 1,
    progress: Callable[[Iterable[Record]], Iterable[Record]] = iter,
) -> list[Record]:
    """Grade every submission; write the class's table and page. A row a student, always.

    Args:
        job: what to grade by.
        submissions: of the class.
        sandbox: where students' functions run.
        jobs: how many at a time.
        progress: wraps the results as they come, such as a progress bar.
    """
    torch.set_num_threads(1)

    def one(submission: Submission) -> Record:
        try:
            return grade_one(job, submission, sandbox)
        except Exception as error:  # a fault of the grader's own must not end the class's run
            note = f"{type(error).__name__}: {error}"[:300]
            result = Grade(status="GRADER ERROR", marks=(), notes=(note,))
            return _record(job, submission, result, key="")

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        records = list(progress(pool.map(one, submissions)))
    table = job.out / "grades.csv"
    write(table, grades_table(job.exercise, records, read_kept(table)))
    for name, text in gradescope_files(records).items():
        write(job.out / "gradescope" / name, text)
    write(job.out / "class.html", class_page(job.exercise, records))
    return records


def default_jobs() -> int:
    """As many submissions at a time as there are cores, four at most: each may take 3 GiB."""
    return max(1, min(4, len(os.sched_getaffinity(0))))
