"""Exercise 01, `blind_score`: what can be had blind?"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex01_multimodal.common import ANSWERS, rounded_off, to_six_digits
from mvlm.checks.expect import Comparison

Asked = list[tuple[str, str, str]]  # (kind, question, answer)
KINDS = ("where", "how many", "is there", "what", "compare")


def _commonest(answers: Sequence[str]) -> str:
    """The most frequent; of several the first in the alphabet."""
    return min(answers, key=lambda answer: (-answers.count(answer), answer))


def _score(
    seen: Asked,
    asked: Asked,
    *,
    choose: Callable[[Sequence[str]], str] = _commonest,
    result: Callable[..., float] = lambda kind, known, hit: hit.mean(),
) -> float:
    """The blind guesser's score.

    The mistakes: it chooses another one of several answers; another result of each question's
    kind, whether this is known from ``seen``, and whether the guess hits.
    """
    heard = {kind: [a for k, _, a in seen if k == kind] for kind, _, _ in asked}
    everything = [answer for _, _, answer in seen]
    kinds = np.array([kind for kind, _, _ in asked])
    known = np.array([bool(heard[kind]) for kind, _, _ in asked])
    hits = np.array([choose(heard[kind] or everything) == answer for kind, _, answer in asked])
    return float(result(kinds, known, hits))


NOT_GUESSED = {"result": lambda kind, known, hit: (hit & known).mean()}
BLIND = Comparison(
    function="blind_score",
    what="the blind score",
    right=_score,
    alike=to_six_digits,
    mistakes={
        "that is in percent": {"result": lambda kind, known, hit: 100 * hit.mean()},
        "that is how many are right": {"result": lambda kind, known, hit: hit.sum()},
        "that is the score of a guesser who learnt from the answers that it is asked for": (
            lambda seen, asked: _score(asked, asked),
            "A test answer that was seen before is no test. Which of the two lists may it learn "
            "from?",
        ),
        "that is the score of one answer for all kinds": (
            lambda seen, asked: _score([("", q, a) for _, q, a in seen], asked),
            "Each kind of question has a most frequent answer of its own.",
        ),
        "that is the score of a guesser who looks each question up, word for word": (
            lambda *lists: _score(
                *([(words, words, answer) for _, words, answer in one] for one in lists),
                **NOT_GUESSED,
            ),
            "The kind decides. A question in new words is guessed too.",
        ),
        "of two answers that are equally frequent, yours takes the one heard first": {
            "choose": lambda answers: max(answers, key=answers.count)
        },
        "of two answers that are equally frequent, yours takes the last in the alphabet": {
            "choose": lambda answers: max(answers, key=lambda one: (answers.count(one), one))
        },
        "that is the score of the answer heard first, not of the most frequent one": {
            "choose": operator.itemgetter(0)
        },
        "that is the score of the answer heard last, not of the most frequent one": {
            "choose": operator.itemgetter(-1)
        },
        "to a kind that was never seen yours is never right: the guesser guesses there too": (
            NOT_GUESSED
        ),
        "questions of a kind that was never seen are left out: they are asked, so they count": {
            "result": lambda kind, known, hit: (hit & known).sum() / max(1, known.sum())
        },
        "that is the mean of the kinds' scores: a kind with few questions weighs too much": {
            "result": lambda kind, known, hit: np.mean([hit[kind == k].mean() for k in set(kind)])
        },
        **rounded_off(_score),
    },
)
UNEXPLAINED = replace(BLIND, mistakes={})

# For each kind of question, how often each of its four answers is right.
Sizes = Sequence[Sequence[int]]
USUAL: Sizes = ((4, 3, 1, 10),) * 3  # no mistake we know scores alike


def _words(student: Student, kind: str) -> str:
    return f"{kind}, {student.integer(1, 99_999)}?"


def _examination(
    student: Student, asked: Sizes = USUAL, *, tie: bool = False, unseen: bool = False
) -> tuple[Asked, Asked]:
    """Seen and asked questions of three kinds, mixed.

    Four answers belong to a kind: what it says most, what is heard first, what is heard last, and
    one that is hardly heard; with a tie the first three are heard equally often. `unseen`: the
    first kind is not among those seen.
    """
    answers, kinds = student.shuffled(ANSWERS), student.shuffled(KINDS)
    seen, questions = [], []
    for n, (kind, numbers) in enumerate(zip(kinds, asked, strict=False)):
        most, first, last, other = (sorted if tie else list)(answers[4 * n : 4 * n + 4])
        heard = [first, *[most] * (3 + n), last]
        if tie:
            heard = [other, first, most, last, first, most, last]
        learnt = [(kind, _words(student, kind), answer) for answer in heard]
        if unseen and n == 0:
            most, learnt = answers[4 * len(asked) - 4], []  # of all heard, the last kind's
        seen.append(learnt)
        known = [words for _, words, answer in learnt if answer == most][:2]
        for answer, count in zip((most, first, last, other), numbers, strict=True):
            for _ in range(count):  # two of them in the very words that were heard
                words = known.pop() if known else _words(student, kind)
                questions.append((kind, words, answer))
    mixed: Asked = []
    while any(seen):  # kinds mixed, each in its own order: what was heard first stays first
        mixed.append(student.pick([some for some in seen if some]).pop(0))
    return mixed, student.shuffled(questions)


def _of(kind: str, *answers: str) -> Asked:
    """Questions of one kind, each in words of its own."""
    return [(kind, f"{kind}, {n}?", answer) for n, answer in enumerate(answers)]


Special = dict[str, tuple[str, Asked, Asked]]  # what it is, what to think about, seen and asked
OF_ALL = (
    "The guesser always says something. Count the answers of ALL questions in `seen`, not the "
    "guesses for the kinds."
)
UNHEARD: Special = {
    "a kind that is not in `seen`, and a tie over all": (
        "Of several answers that are equally frequent the first in the alphabet, here too.",
        [*_of("where", "rose", "rose", "rose", "key"), *_of("what", "key", "key", "owl")],
        _of("is there", "key", "key", "rose", "rose", "rose", "owl"),
    ),
    "a kind that is not in `seen`, where one kind has most of the answers": (
        OF_ALL,
        [*_of("where", *["rose"] * 5), *_of("what", "key", "owl", "key"), *_of("compare", "key")],
        _of("is there", "key", "rose", "rose", "owl"),
    ),
}
LETTERS = "Letter for letter: without lower or strip, when counting and when comparing."
CAPITALS: Special = {
    "a tie between a capital and a small letter": (
        "As Python orders text: capitals come before small letters.",
        _of("what", "ant", "Zoo", "Zoo", "ant", "owl"),
        [("what", "new?", "Zoo"), ("what", "newer?", "Zoo"), ("what", "newest?", "ant")],
    ),
}
SPECIAL: Special = {
    **{
        f"kinds that differ in {what}": (
            "Kinds too are the same only letter for letter.",
            [*_of("what", *["key"] * 3), *_of(other, "owl", "owl")],
            [*_of("what", "key"), *_of(other, "owl", "owl")],
        )
        for what, other in (("capitals", "What"), ("spaces", "what "))
    },
    "triples that come several times in `asked`": (
        "Every question that is asked counts, one that comes again too. A set keeps only one.",
        _of("where", "right", "right", "left"),
        [("where", "where is it?", "right")] * 3 + _of("where", "left"),
    ),
    "answers that differ in capitals": (
        LETTERS,
        _of("what", *["key"] * 3, "Rose", "Rose", "rose", "rose"),
        _of("what", "key", "key", "Key", "Key", "rose"),
    ),
    "answers that differ in spaces": (
        LETTERS,
        _of("what", *["key"] * 3, " rose", " rose", "rose", "rose"),
        _of("what", "key", "key", " key", "key ", "rose"),
    ),
    "a question that is in `seen` too, with a rare answer": (
        "The kind alone decides, even where the very same question was heard before.",
        _of("where", "left", "left", "right", "left"),
        [*_of("where", "left", "left", "right", "right"), ("where", "new?", "left")],
    ),
    "triples that come several times in `seen`": (
        "Each of them counts. A set keeps only one.",
        [("where", "where is it?", "right")] * 3 + _of("where", "left", "left"),
        _of("where", "right", "right", "left"),
    ),
}


def _expect_special(student: Student, special: Special) -> None:
    for name, (hint, *given) in special.items():
        with student.on(name, hint):
            UNEXPLAINED.run(student, lambda given=given: given)


@check(
    "the most frequent answer of each kind, learnt from `seen`",
    "Collect the answers of each kind in `seen`. What does it say to a question of that kind?",
)
def blind_most_frequent(student: Student) -> None:
    BLIND.run(student, partial(_examination, student))


@check(
    "of answers equally frequent, the first in the alphabet",
    "min and max take the first that they meet. What must they compare beside the count?",
    after=[blind_most_frequent],
)
def blind_ties(student: Student) -> None:
    for _ in range(3):
        BLIND.run(student, partial(_examination, student, tie=True))
    _expect_special(student, CAPITALS)


@check(
    "a kind that was never seen gets the most frequent answer of all",
    OF_ALL,
    after=[blind_most_frequent, blind_ties],
)
def blind_unseen_kind(student: Student) -> None:
    with student.on("a kind that is not in `seen`"):
        sizes = ((6, 3, 1, 8), (4, 3, 1, 10), (4, 3, 1, 10))
        for _ in range(3):
            BLIND.run(student, partial(_examination, student, sizes, unseen=True))
    _expect_special(student, UNHEARD)


@check(
    "every question counts once, whatever its kind",
    "Sum up all that are right, and divide once.",
    after=[blind_most_frequent],
    keeps_arguments=True,
)
def blind_share(student: Student) -> None:
    with student.on("kinds with unequal numbers of questions"):
        sizes = ((2, 1, 1, 0), (1, 2, 1, 3), (9, 2, 1, 5))
        BLIND.run(student, partial(_examination, student, sizes))
    _expect_special(student, SPECIAL)
    seen, asked = _examination(student)
    UNEXPLAINED.each(student, {"a single question": (seen, asked[:1])})


QUESTION = Question(
    function="blind_score",
    title="What can be had blind?",
    minutes=15,
    teaches="what a score is worth before anybody has looked",
    checks=(blind_most_frequent, blind_ties, blind_unseen_kind, blind_share),
)
