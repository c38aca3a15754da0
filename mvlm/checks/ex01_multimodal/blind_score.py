"""Exercise 01, `blind_score`: what can be had blind?"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex01_multimodal.common import ANSWERS, rounded_off, to_six_digits
from mvlm.checks.expect import Comparison

Asked = list[tuple[str, str, str]]  # (kind, question, answer)
KINDS = ("where", "how many", "is there", "what", "compare")


def _counts(answers: Sequence[str]) -> dict[str, int]:
    return {answer: list(answers).count(answer) for answer in answers}


def _commonest(answers: Sequence[str]) -> str:
    """The most frequent; of several the first in the alphabet."""
    counts = _counts(answers)
    return min(counts, key=lambda answer: (-counts[answer], answer))


def _guesses(seen: Asked, asked: Asked, choose: Any = _commonest) -> list[str]:
    """What the blind guesser says to each question."""
    heard = {kind: [a for k, _, a in seen if k == kind] for kind, _, _ in asked}
    everything = [answer for _, _, answer in seen]
    return [choose(heard[kind] or everything) for kind, _, _ in asked]


def _hits(seen: Asked, asked: Asked, choose: Any = _commonest) -> list[bool]:
    guesses = _guesses(seen, asked, choose)
    return [guess == answer for guess, (_, _, answer) in zip(guesses, asked, strict=True)]


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)


def _score(seen: Asked, asked: Asked, *, choose: Any = _commonest) -> float:
    """The blind guesser's; the keyword is a mistake."""
    return _share(_hits(seen, asked, choose))


def _mean_of_kinds(seen: Asked, asked: Asked) -> float:
    hits = _hits(seen, asked)
    kinds = {kind for kind, _, _ in asked}
    shares = [
        _share([h for h, (k, _, _) in zip(hits, asked, strict=True) if k == kind]) for kind in kinds
    ]
    return sum(shares) / len(shares)


def _known(seen: Asked, asked: Asked) -> list[bool]:
    kinds = {kind for kind, _, _ in seen}
    return [kind in kinds for kind, _, _ in asked]


def _known_hits(seen: Asked, asked: Asked) -> list[bool]:
    pairs = zip(_hits(seen, asked), _known(seen, asked), strict=True)
    return [hit and known for hit, known in pairs]


def _by_question(seen: Asked, asked: Asked) -> float:
    """A mistake: the answer most frequent for the very same words."""
    hits = []
    for _, question, answer in asked:
        same = [a for _, q, a in seen if q == question]
        hits.append(bool(same) and _commonest(same) == answer)
    return _share(hits)


def _last_of_ties(answers: Sequence[str]) -> str:
    counts = _counts(answers)
    return max(counts, key=lambda answer: (counts[answer], answer))


def _first_heard_of_ties(answers: Sequence[str]) -> str:
    counts = _counts(answers)
    return max(counts, key=lambda answer: counts[answer])


BLIND = Comparison(
    function="blind_score",
    what="the blind score",
    right=_score,
    alike=to_six_digits,
    mistakes={
        "that is in percent": lambda seen, asked: 100 * _score(seen, asked),
        "that is how many are right": lambda seen, asked: sum(_hits(seen, asked)),
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
            _by_question,
            "The kind decides. A question in new words is guessed too.",
        ),
        "of two answers that are equally frequent, yours takes the one heard first": {
            "choose": _first_heard_of_ties
        },
        "of two answers that are equally frequent, yours takes the last in the alphabet": {
            "choose": _last_of_ties
        },
        "that is the score of the answer heard first, not of the most frequent one": {
            "choose": lambda answers: answers[0]
        },
        "that is the score of the answer heard last, not of the most frequent one": {
            "choose": lambda answers: answers[-1]
        },
        "to a kind that was never seen yours is never right: the guesser guesses there too": (
            lambda seen, asked: _share(_known_hits(seen, asked))
        ),
        "questions of a kind that was never seen are left out: they are asked, so they count": (
            lambda seen, asked: sum(_known_hits(seen, asked)) / max(1, sum(_known(seen, asked)))
        ),
        "that is the mean of the kinds' scores: a kind with few questions weighs too much": (
            _mean_of_kinds
        ),
        **rounded_off(_score),
    },
)


def _examination(
    student: Student,
    *,
    asked: Sequence[Sequence[int]] = ((4, 3, 1, 10),) * 3,
    tie: bool = False,
    unseen: bool = False,
) -> tuple[Asked, Asked]:
    """Seen and asked questions of three kinds, mixed.

    Four answers belong to a kind: what it says most, what is heard first, what is heard last, and
    one that is hardly heard; with a tie the first three are heard equally often.

    Args:
        student: who draws.
        asked: for each kind, how often each of the four is right. No mistake we know scores alike.
        tie: whether three answers are equally frequent.
        unseen: whether the first kind is not among those seen.
    """
    answers, kinds = student.shuffled(ANSWERS), student.shuffled(KINDS)
    seen, questions = [], []
    for n, numbers in enumerate(asked):
        most, first, last, other = (sorted if tie else list)(answers[4 * n : 4 * n + 4])
        heard = [first, *[most] * (3 + n), last]
        if tie:
            heard = [other, first, most, last, first, most, last]
        words = [f"{kinds[n]}, {student.integer(1, 99_999)}?" for _ in heard]
        seen.append([(kinds[n], *pair) for pair in zip(words, heard, strict=True)])
        if unseen and n == 0:
            most = answers[4 * len(asked) - 4]  # of all that is heard, the last kind's
            seen = []
        known = [one for one, answer in zip(words, heard, strict=True) if answer == most][:2]
        for answer, count in zip((most, first, last, other), numbers, strict=True):
            for _ in range(count):  # two of them in the very words that were heard
                word = known.pop() if known else f"{kinds[n]}, {student.integer(1, 99_999)}?"
                questions.append((kinds[n], word, answer))
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
KINDS_TOO = "Kinds too are the same only letter for letter."
LETTERS = "Letter for letter: without lower or strip, when counting and when comparing."
CAPITALS: Special = {
    "a tie between a capital and a small letter": (
        "As Python orders text: capitals come before small letters.",
        _of("what", "ant", "Zoo", "Zoo", "ant", "owl"),
        [("what", "new?", "Zoo"), ("what", "newer?", "Zoo"), ("what", "newest?", "ant")],
    ),
}
SPECIAL: Special = {
    "kinds that differ in capitals": (
        KINDS_TOO,
        [*_of("what", *["key"] * 3), *_of("What", "owl", "owl")],
        [*_of("what", "key"), *_of("What", "owl", "owl")],
    ),
    "kinds that differ in spaces": (
        KINDS_TOO,
        [*_of("what", *["key"] * 3), *_of("what ", "owl", "owl")],
        [*_of("what", "key"), *_of("what ", "owl", "owl")],
    ),
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
    for name, (hint, seen, asked) in special.items():
        with student.on(name, hint):
            replace(BLIND, mistakes={}).run(student, lambda s=seen, a=asked: (list(s), list(a)))


@check(
    "the most frequent answer of each kind, learnt from `seen`",
    "Collect the answers of each kind in `seen`. What does it say to a question of that kind?",
)
def blind_most_frequent(student: Student) -> None:
    BLIND.run(student, lambda: _examination(student))


@check(
    "of answers equally frequent, the first in the alphabet",
    "min and max take the first that they meet. What must they compare beside the count?",
    after=[blind_most_frequent],
)
def blind_ties(student: Student) -> None:
    for _ in range(3):
        BLIND.run(student, lambda: _examination(student, tie=True))
    _expect_special(student, CAPITALS)


@check(
    "a kind that was never seen gets the most frequent answer of all",
    OF_ALL,
    after=[blind_most_frequent],
)
def blind_unseen_kind(student: Student) -> None:
    with student.on("a kind that is not in `seen`"):
        sizes = ((6, 3, 1, 8), (4, 3, 1, 10), (4, 3, 1, 10))
        for _ in range(3):
            BLIND.run(student, lambda: _examination(student, asked=sizes, unseen=True))
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
        BLIND.run(student, lambda: _examination(student, asked=sizes))
    _expect_special(student, SPECIAL)
    seen, asked = _examination(student)
    with student.on("a single question"):
        replace(BLIND, mistakes={}).run(student, lambda: (seen, asked[:1]))


QUESTION = Question(
    function="blind_score",
    title="What can be had blind?",
    minutes=15,
    teaches="what a score is worth before anybody has looked",
    checks=(blind_most_frequent, blind_ties, blind_unseen_kind, blind_share),
)
