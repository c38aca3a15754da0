"""Exercise 09, `answer_labels`: which tokens are the answer."""

import itertools

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex09_llava.common import IGNORED
from mvlm.checks.expect import expect_whole

Span = tuple[int, int]


def _compare_labels(
    student: Student, offsets: list[Span], answers: list[Span], known: dict[int, int] | None = None
) -> None:
    """The ids are drawn, few, so that some occur again; those known are set at their places."""
    ids = [(known or {}).get(place, student.integer(300, 302)) for place in range(len(offsets))]
    labels = student.call("answer_labels", ids, offsets, answers)
    expect_whole(labels, (len(ids),), "answer_labels", "(T,), one label a token")
    ours = labels.tolist()
    in_answer = [
        stop > start and any(stop - 1 in range(*answer) for answer in answers)
        for start, stop in offsets
    ]
    wanted = [token if inside else IGNORED for token, inside in zip(ids, in_answer, strict=True)]
    if ours == wanted:
        return
    own = "The label of a token is that token itself. Who predicts it is a matter for the loss."
    if any(in_answer) and ours[:-1] == wanted[1:]:
        fail("the labels are shifted: each stands one place before its token", own)
    if any(in_answer) and ours[1:] == wanted[:-1]:
        fail("the labels are shifted: each stands one place behind its token", own)
    has_loss = [label != IGNORED for label in ours]
    if has_loss == in_answer:
        fail("the right tokens have a loss, but their labels are not their own ids", own)
    place = next(n for n, has in enumerate(has_loss) if has != in_answer[n])
    has = "a loss, wanted none" if has_loss[place] else "no loss, wanted one"
    spans = " and ".join(map(str, answers)) or "none"
    fail(f"the token at {offsets[place]} has {has}; answers: {spans}")


def _draw_tokens(student: Student, count: int, low: int, high: int) -> list[Span]:
    """Spans of tokens that follow one another, so many characters each."""
    widths = [student.integer(low, high) for _ in range(count)]
    return list(itertools.pairwise(itertools.accumulate(widths, initial=0)))


@check(
    "the tokens of the answer have their id as label, all others -100",
    "Every token knows its characters. Which of them lie in the answer?",
)
def labels_one(student: Student) -> None:
    offsets = _draw_tokens(student, 9, 2, 6)
    answer = (offsets[5][0], offsets[7][1])
    _compare_labels(student, offsets, [answer])
    with student.on("the answer has the vocabulary's first word, 0"):
        _compare_labels(student, offsets, [answer], {6: 0})
    with student.on("ids above 16 million"):
        _compare_labels(student, offsets, [answer], {5: 2**24 + 1, 6: 2**30 + 1})


@check(
    "several turns: each answer, and nothing between them",
    "The second question has no loss either. Is a token in ANY of the answers?",
    after=[labels_one],
)
def labels_several(student: Student) -> None:
    offsets = _draw_tokens(student, 14, 2, 6)

    def span(first: int, last: int) -> Span:
        return offsets[first][0], offsets[last][1]

    with student.on("three turns"):
        _compare_labels(student, offsets, [span(3, 4), span(7, 7), span(10, 13)])
    with student.on("two answers, one right behind the other"):
        _compare_labels(student, offsets, [span(3, 5), span(6, 8)])


@check(
    "a token that stands across an edge goes by its last character",
    "Its last character is number stop - 1. Which answer does that one lie in?",
    after=[labels_one],
)
def labels_edges(student: Student) -> None:
    offsets = _draw_tokens(student, 9, 3, 6)
    (start, first_end), end = offsets[4], offsets[6][1]
    for what, answer in {
        "the first token of the answer brings the space before it": (start + 1, end),
        "the last token goes on behind the answer": (start + 1, end - 1),
        "the answer begins with a token's last character": (first_end - 1, end),
    }.items():
        with student.on(what):
            _compare_labels(student, offsets, [answer])


@check(
    "a token without characters is no answer",
    "start = stop: it has no last character. Where would stop - 1 point?",
    after=[labels_one],
    keeps_arguments=True,
)
def labels_empty(student: Student) -> None:
    words = _draw_tokens(student, 8, 2, 5)
    empty = [(0, 0), (words[1][1],) * 2, (words[5][1],) * 2]
    offsets = [empty[0], *words[:2], empty[1], *words[2:6], empty[2], *words[6:]]
    for what, answers in {
        "a start token and a marker, which have no characters": [(words[5][0], words[7][1])],
        "the answer begins with the text": [(0, words[1][1])],
        "no answer": [],
    }.items():
        with student.on(what):
            _compare_labels(student, offsets, answers)


QUESTION = Question(
    function="answer_labels",
    title="Which tokens are the answer",
    minutes=15,
    teaches="to find labels in one pass over the text",
    checks=(labels_one, labels_several, labels_edges, labels_empty),
)
