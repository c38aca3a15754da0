"""Exercise 09, `expand_markers`: room for the picture."""

import itertools
from typing import Any

import torch

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex09_llava.common import IGNORED, MARKER, draw_words
from mvlm.checks.expect import expect_parts, expect_whole


def _expanded(
    student: Student, row: list[int], labels: list[int], count: int
) -> tuple[Any, list[int]]:
    """The labels that came back beside right ids, and these ids."""
    value = student.call("expand_markers", torch.tensor(row), torch.tensor(labels), count)
    ids, targets = expect_parts(value, ("ids", "labels"), "expand_markers")
    places = [[token] * (count if token == MARKER else 1) for token in row]
    wanted = list(itertools.chain(*places))
    expect_whole(ids, (len(wanted),), "expand_markers", f"{count} places for each marker")
    if ids.tolist() != wanted:
        fail(f"{row} with {count} places a picture became {ids.tolist()}")
    return targets, wanted


def _expand(student: Student, row: list[int], labels: list[int], count: int) -> None:
    targets, ids = _expanded(student, row, labels, count)
    expect_whole(targets, (len(ids),), "expand_markers's labels", "one label for each id")
    words = iter(label for token, label in zip(row, labels, strict=True) if token != MARKER)
    wanted = [IGNORED if token == MARKER else next(words) for token in ids]
    if targets.tolist() == wanted:
        return
    seen = set(targets[torch.tensor(ids) == MARKER].tolist()) - {IGNORED}
    if seen:
        fail(f"a picture's places have the label {min(seen)}, wanted {IGNORED}: no loss there")
    fail(f"the labels {labels} became {targets.tolist()}, wanted {wanted}")


@check(
    "a marker becomes N markers, the words around it stay",
    "What stands before the marker, then N times the marker, then what stands behind.",
)
def expand_one(student: Student) -> None:
    before, after = draw_words(student, 2), draw_words(student, 3)
    row = [*before, MARKER, *after]
    labels = [IGNORED] * 4 + after[1:]
    _expand(student, row, labels, student.integer(3, 4))


def _expand_ids(student: Student) -> None:
    """The ids alone, whatever became of the labels."""
    row = [*draw_words(student, 2), MARKER, *draw_words(student, 2)]
    _expanded(student, row, row, 3)


@check(
    "the picture's places have no loss, the other labels go along",
    "ids and labels get longer at the same place. What belongs into the labels there?",
    after=[_expand_ids],
    keeps_arguments=True,
)
def expand_labels(student: Student) -> None:
    row = [*draw_words(student, 2), MARKER, *draw_words(student, 2)]
    with student.on("every label is the id, the marker's too"):
        _expand(student, row, row, 3)
    with student.on("no label at all"):
        _expand(student, row, [IGNORED] * len(row), 3)
    with student.on("labels that are other numbers than the ids"):
        _expand(student, row, [95, 94, 93, 92, 91], 3)


@check(
    "no marker, several, side by side, first and last",
    "Each marker moves all that follows. Do you go on from where the last one ended?",
    after=[expand_one],
)
def expand_any(student: Student) -> None:
    words = [*draw_words(student, 2), 0]  # 0 is a word like any other
    rows = {
        "no marker": words,
        "two markers": [words[0], MARKER, words[1], MARKER, words[2]],
        "two side by side": [words[0], MARKER, MARKER, words[1]],
        "a marker first": [MARKER, *words],
        "a marker last": [*words, MARKER],
        "a marker alone": [MARKER],
        "an id above 16 million": [2**24 + 1, MARKER, 2**30 + 1],
    }
    for name, row in rows.items():
        hint = "No whole number above 16,777,216 is safe in float32." if max(row) > 2**24 else None
        with student.on(name, hint):
            labels = [IGNORED if token == MARKER else token for token in row]
            _expand(student, row, labels, 4)
    with student.on("one place a picture"):
        _expand(student, rows["two markers"], [IGNORED] * 5, 1)


QUESTION = Question(
    function="expand_markers",
    title="Room for the picture",
    minutes=10,
    teaches="that a picture takes N places in a row, and none of them has a loss",
    checks=(expand_one, expand_labels, expand_any),
)
