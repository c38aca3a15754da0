"""Exercise 09, `answer_labels`: which tokens are the answer."""

import itertools
from collections.abc import Sequence

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex09_llava.common import IGNORED
from mvlm.checks.expect import expect_whole

Span = tuple[int, int]


def _wanted_labels(ids: list[int], offsets: list[Span], answers: list[Span]) -> list[int]:
    return [
        token if stop > start and any(stop - 1 in range(*answer) for answer in answers) else IGNORED
        for token, (start, stop) in zip(ids, offsets, strict=True)
    ]


def _compare_labels(
    student: Student, ids: list[int], offsets: list[Span], answers: list[Span]
) -> None:
    labels = student.call("answer_labels", ids, offsets, answers)
    expect_whole(labels, (len(ids),), "answer_labels", "(T,), one label a token")
    ours, wanted = labels.tolist(), _wanted_labels(ids, offsets, answers)
    if ours == wanted:
        return
    own = "The label of a token is that token itself. Who predicts it is a matter for the loss."
    if any(label != IGNORED for label in wanted):
        if ours[:-1] == wanted[1:]:
            fail("the labels are shifted: each stands one place before its token", own)
        if ours[1:] == wanted[:-1]:
            fail("the labels are shifted: each stands one place behind its token", own)
    if [label == IGNORED for label in ours] == [label == IGNORED for label in wanted]:
        fail("the right tokens have a loss, but their labels are not their own ids", own)
    for place, (label, right) in enumerate(zip(ours, wanted, strict=True)):
        if label != right:
            has, should = ("no loss", "one") if label == IGNORED else ("a loss", "none")
            fail(
                f"the token at {tuple(offsets[place])} has {has}, wanted {should}; "
                f"answers: {' and '.join(map(str, answers)) or 'none'}"
            )


def _tokens(student: Student, start: int, widths: Sequence[int]) -> list[Span]:
    """Spans of tokens that follow one another from `start`."""
    ends = list(itertools.accumulate(widths, initial=start))
    return list(itertools.pairwise(ends))


def _ids_for(student: Student, offsets: list[Span]) -> list[int]:
    return [student.integer(300, 302) for _ in offsets]  # few, so that some occur again


@check(
    "the tokens of the answer have their id as label, all others -100",
    "Every token knows its characters. Which of them lie in the answer?",
)
def labels_one(student: Student) -> None:
    offsets = _tokens(student, 0, [student.integer(2, 6) for _ in range(9)])
    answer = (offsets[5][0], offsets[7][1])
    ids = _ids_for(student, offsets)
    _compare_labels(student, ids, offsets, [answer])
    with student.on("the answer has the vocabulary's first word, 0"):
        ids[6] = 0
        _compare_labels(student, ids, offsets, [answer])
    with student.on("ids above 16 million"):
        ids[5:7] = [2**24 + 1, 2**30 + 1]
        _compare_labels(student, ids, offsets, [answer])


@check(
    "several turns: each answer, and nothing between them",
    "The second question has no loss either. Is a token in ANY of the answers?",
    after=[labels_one],
)
def labels_several(student: Student) -> None:
    offsets = _tokens(student, 0, [student.integer(2, 6) for _ in range(14)])
    answers = [
        (offsets[3][0], offsets[4][1]),
        (offsets[7][0], offsets[7][1]),
        (offsets[10][0], offsets[13][1]),
    ]
    with student.on("three turns"):
        _compare_labels(student, _ids_for(student, offsets), offsets, answers)
    with student.on("two answers, one right behind the other"):
        touching = [(offsets[3][0], offsets[5][1]), (offsets[6][0], offsets[8][1])]
        _compare_labels(student, _ids_for(student, offsets), offsets, touching)


@check(
    "a token that stands across an edge goes by its last character",
    "Its last character is number stop - 1. Which answer does that one lie in?",
    after=[labels_one],
)
def labels_edges(student: Student) -> None:
    offsets = _tokens(student, 0, [student.integer(3, 6) for _ in range(9)])
    start, end = offsets[4][0] + 1, offsets[6][1]
    with student.on("the first token of the answer brings the space before it"):
        _compare_labels(student, _ids_for(student, offsets), offsets, [(start, end)])
    with student.on("the last token goes on behind the answer"):
        _compare_labels(student, _ids_for(student, offsets), offsets, [(start, end - 1)])
    with student.on("the answer begins with a token's last character"):
        start = offsets[4][1] - 1
        _compare_labels(student, _ids_for(student, offsets), offsets, [(start, end)])


@check(
    "a token without characters is no answer",
    "start = stop: it has no last character. Where would stop - 1 point?",
    after=[labels_one],
    keeps_arguments=True,
)
def labels_empty(student: Student) -> None:
    words = _tokens(student, 0, [student.integer(2, 5) for _ in range(8)])
    inside = words[5][1]
    offsets = [(0, 0), *words[:2], (words[1][1],) * 2, *words[2:6], (inside, inside), *words[6:]]
    answer = (words[5][0], words[7][1])
    with student.on("a start token and a marker, which have no characters"):
        _compare_labels(student, _ids_for(student, offsets), offsets, [answer])
    with student.on("the answer begins with the text"):
        _compare_labels(student, _ids_for(student, offsets), offsets, [(0, words[1][1])])
    with student.on("no answer"):
        _compare_labels(student, _ids_for(student, offsets), offsets, [])


QUESTION = Question(
    function="answer_labels",
    title="Which tokens are the answer",
    minutes=15,
    teaches="to find labels in one pass over the text",
    checks=(labels_one, labels_several, labels_edges, labels_empty),
)
