"""Exercise 09, `expand_markers`: room for the picture."""

import torch

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex09_llava.common import IGNORED, MARKER, draw_words
from mvlm.checks.expect import expect_parts, expect_whole


def _expand(
    student: Student, row: list[int], labels: list[int], count: int, *, ids_alone: bool = False
) -> None:
    value = student.call("expand_markers", torch.tensor(row), torch.tensor(labels), count)
    ids, targets = expect_parts(value, ("ids", "labels"), "expand_markers")
    wanted = [
        (token, IGNORED if token == MARKER else label)
        for token, label in zip(row, labels, strict=True)
        for _ in range(count if token == MARKER else 1)
    ]
    expect_whole(ids, (len(wanted),), "expand_markers", f"{count} places for each marker")
    if ids.tolist() != [token for token, _ in wanted]:
        fail(f"{row} with {count} places a picture became {ids.tolist()}")
    if ids_alone:  # whatever became of the labels
        return
    expect_whole(targets, (len(wanted),), "expand_markers's labels", "one label for each id")
    wanted_labels = [label for _, label in wanted]
    if targets.tolist() == wanted_labels:
        return
    if seen := set(targets[ids == MARKER].tolist()) - {IGNORED}:
        fail(f"a picture's places have the label {min(seen)}, wanted {IGNORED}: no loss there")
    fail(f"the labels {labels} became {targets.tolist()}, wanted {wanted_labels}")


@check(
    "a marker becomes N markers, the words around it stay",
    "What stands before the marker, then N times the marker, then what stands behind.",
)
def expand_one(student: Student) -> None:
    before, after = draw_words(student, 2), draw_words(student, 3)
    labels = [IGNORED] * 4 + after[1:]
    _expand(student, [*before, MARKER, *after], labels, student.integer(3, 4))


def _expand_ids(student: Student) -> None:
    row = [*draw_words(student, 2), MARKER, *draw_words(student, 2)]
    _expand(student, row, row, 3, ids_alone=True)


@check(
    "the picture's places have no loss, the other labels go along",
    "ids and labels get longer at the same place. What belongs into the labels there?",
    after=[_expand_ids],
    keeps_arguments=True,
)
def expand_labels(student: Student) -> None:
    row = [*draw_words(student, 2), MARKER, *draw_words(student, 2)]
    for what, labels in {
        "every label is the id, the marker's too": row,
        "no label at all": [IGNORED] * len(row),
        "labels that are other numbers than the ids": [95, 94, 93, 92, 91],
    }.items():
        with student.on(what):
            _expand(student, row, labels, 3)


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
