"""Exercise 01: boxes of requests, a blind guesser, sensitivity, luck, and the room a picture takes.

What is right is worked out here from the definitions: by counting in plain loops, and for luck in
whole numbers and fractions, where nothing is rounded before the end.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from mvlm.checks.core import AnswerFailed, Exercise, Question, Student, check, fail
from mvlm.checks.expect import Comparison, expect_number, expect_something


def _near(number: float, expected: float) -> bool:
    """Whether two numbers agree to six digits: float32 passes, a number cut off does not."""
    return math.isclose(number, expected, rel_tol=2e-6, abs_tol=1e-300)


def _rounded(measure: Callable[..., Any], most: int = 4) -> dict[str, list[Callable[..., Any]]]:
    """A mistake: what is measured, rounded to so many digits at most; a 0 may have other causes."""
    return {
        "that is rounded: return the number as it is, with all its digits": [
            lambda *given, digits=digits: round(float(measure(*given)), digits) or None
            for digits in range(1, most + 1)
        ]
    }


# modalities -------------------------------------------------------------------------------------

WORDS = ("txt", "md", "csv", "html", "py")
PICTURES = ("png", "jpg", "jpeg", "webp")
FILMS = ("mp4", "webm")
NAMES = ("question", "letter", "page", "scene", "answer", "drawing", "report", "holiday")
SEEN = "What is handed over counts, not what it shows: the last ending says which of the two it is."
LADDER = (
    "The boxes are a row: text-to-text, multi-to-text, multi-to-image, multi-to-multi. Take the "
    "first one in which the request fits. Multi may be words alone."
)


def _file(student: Student, endings: Sequence[str]) -> str:
    return f"{student.pick(NAMES)}.{student.pick(endings)}"


def _expect_box(student: Student, takes: list[str], gives: list[str], box: str, hint: str) -> None:
    value = expect_something(student.call("modalities", takes, gives), "modalities")
    if type(value) is not str:
        raise AnswerFailed(f"modalities returned a {type(value).__name__}, wanted a box's name")
    if value != box:
        fail(f"{takes} → {gives} is {box}, and yours says {value!r}", hint)


@check("each of the four boxes is found", LADDER)
def box_of_four(student: Student) -> None:
    words, picture = _file(student, ("txt",)), _file(student, ("png",))
    trap = "Words alone may go into a multi box: there is no box text-to-image."
    for takes, gives, box, hint in (
        ([words], ["answer.txt"], "text-to-text", LADDER),
        ([picture], ["answer.txt"], "multi-to-text", LADDER),
        ([picture], ["answer.png"], "multi-to-image", LADDER),
        ([words], ["answer.png"], "multi-to-image", trap),
        ([picture], ["answer.txt", "answer.png"], "multi-to-multi", LADDER),
        ([words], ["answer.txt", "answer.png"], "multi-to-multi", trap),
    ):
        _expect_box(student, takes, gives, box, hint)


@check("a file's last ending says what it is, in capital letters too, and a film is pictures", SEEN)
def box_by_ending(student: Student) -> None:
    large = "Does your function know .PNG as well as .png?"
    films = "A film is a row of pictures."
    for ending in (*WORDS, *PICTURES, *FILMS):
        kind, other = ("text", "png") if ending in WORDS else ("image", "txt")
        box = "text-to-text" if kind == "text" else "multi-to-text"
        for file, hint in (
            (_file(student, (ending,)), films if ending in FILMS else SEEN),
            (_file(student, (ending.upper(),)), large),
            (f"{student.pick(NAMES)}.of.{other}.{ending}", SEEN),
        ):
            _expect_box(student, [file], ["answer.txt"], box, hint)
        box = "multi-to-text" if kind == "text" else "multi-to-image"
        _expect_box(student, ["scene.png"], [_file(student, (ending,))], box, SEEN)
    both = student.shuffled([_file(student, ("png",)), _file(student, ("mp4",))])
    words = "A film is a row of pictures. Are there words in what comes out?"
    _expect_box(student, ["scene.png"], both, "multi-to-image", words)


@check(
    "several files in any order, and none handed in",
    "One picture among many texts is enough. And what is in a list that is empty?",
    keeps_arguments=True,
)
def box_of_several(student: Student) -> None:
    texts = [_file(student, ("txt",)) for _ in range(student.integer(2, 4))]
    mixed = student.shuffled([*texts, _file(student, ("png",))])
    pictures = [_file(student, ("png",)) for _ in range(3)]
    nothing = "With an empty list nothing but words is handed in. max, [0] and all() of nothing?"
    for takes, gives, box, hint in (
        (texts, ["answer.txt"], "text-to-text", None),
        (mixed, ["answer.txt"], "multi-to-text", None),
        (mixed[::-1], texts, "multi-to-text", None),
        (["scene.png"], pictures, "multi-to-image", None),
        (["scene.png"], mixed, "multi-to-multi", None),
        (["scene.png"], mixed[::-1], "multi-to-multi", None),
        ([], ["answer.txt"], "text-to-text", nothing),
        ([], ["answer.png"], "multi-to-image", nothing),
    ):
        with student.on("nothing handed in" if not takes else "several files", hint):
            _expect_box(student, list(takes), list(gives), box, hint)


# blind_score ------------------------------------------------------------------------------------

Asked = list[tuple[str, str, str]]  # (kind, question, answer)
KINDS = ("where", "how many", "is there", "what", "compare")
ANSWERS = (
    *("lion", "rose", "yes", "no", "centre", "three"),
    *("apple", "key", "owl", "tree", "fish", "two"),
)


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
    right=lambda seen, asked: _share(_hits(seen, asked)),
    alike=_near,
    mistakes={
        "that is in percent": lambda seen, asked: 100 * _share(_hits(seen, asked)),
        "that is how many are right": lambda seen, asked: sum(_hits(seen, asked)),
        "that is the score of a guesser who learnt from the answers that it is asked for": (
            lambda seen, asked: _share(_hits(asked, asked)),
            "A test answer that was seen before is no test. Which of the two lists may it learn "
            "from?",
        ),
        "that is the score of one answer for all kinds": (
            lambda seen, asked: _share(_hits([("", q, a) for _, q, a in seen], asked)),
            "Each kind of question has a most frequent answer of its own.",
        ),
        "that is the score of a guesser who looks each question up, word for word": (
            _by_question,
            "The kind decides. A question in new words is guessed too.",
        ),
        "of two answers that are equally frequent, yours takes the one heard first": (
            lambda seen, asked: _share(_hits(seen, asked, _first_heard_of_ties))
        ),
        "of two answers that are equally frequent, yours takes the last in the alphabet": (
            lambda seen, asked: _share(_hits(seen, asked, _last_of_ties))
        ),
        "that is the score of the answer heard first, not of the most frequent one": (
            lambda seen, asked: _share(_hits(seen, asked, lambda answers: answers[0]))
        ),
        "that is the score of the answer heard last, not of the most frequent one": (
            lambda seen, asked: _share(_hits(seen, asked, lambda answers: answers[-1]))
        ),
        "to a kind that was never seen yours is never right: the guesser guesses there too": (
            lambda seen, asked: _share(_known_hits(seen, asked))
        ),
        "questions of a kind that was never seen are left out: they are asked, so they count": (
            lambda seen, asked: sum(_known_hits(seen, asked)) / max(1, sum(_known(seen, asked)))
        ),
        "that is the mean of the kinds' scores: a kind with few questions weighs too much": (
            _mean_of_kinds
        ),
        **_rounded(lambda seen, asked: _share(_hits(seen, asked))),
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


# sensitivity ------------------------------------------------------------------------------------

Rows = list[list[str]]


def _plain(answer: str) -> str:
    return answer.strip().lower()


def _differ(row: Sequence[str]) -> bool:
    return any(_plain(a) != _plain(b) for a in row for b in row)


def _compared(rows: Rows) -> Rows:
    return [row for row in rows if len(row) > 1]


def _of_compared(rows: Rows, measure: Callable[[Sequence[str]], float] = _differ) -> float:
    values = [float(measure(row)) for row in _compared(rows)]
    return sum(values) / len(values) if values else 0.0


def _pairs(row: Sequence[str]) -> float:
    pairs = [(a, b) for i, a in enumerate(row) for b in row[:i]]
    return sum(_plain(a) != _plain(b) for a, b in pairs) / len(pairs)


def _changes(row: Sequence[str]) -> int:
    """How often an answer is another than the one before."""
    return sum(_plain(a) != _plain(b) for a, b in pairwise(row))


def _others(row: Sequence[str]) -> float:
    return sum(_plain(a) != _plain(row[0]) for a in row[1:]) / (len(row) - 1)


def _beside_first(rows: Rows) -> float:
    """A mistake: the share of the other pictures whose answer is not that with the first."""
    others = [_plain(a) != _plain(row[0]) for row in rows for a in row[1:]]
    return sum(others) / len(others) if others else 0.0


SENSITIVE = Comparison(
    function="sensitivity",
    what="the sensitivity",
    right=_of_compared,
    alike=_near,
    mistakes={
        "that is in percent": lambda rows: 100 * _of_compared(rows),
        "that is how many questions changed their answer, not the share": lambda rows: sum(
            map(_differ, rows)
        ),
        "that is the share of questions whose answer stayed": lambda rows: 1 - _of_compared(rows),
        "answers that differ in capitals or in spaces at their ends count as changed": {
            "measure": lambda row: len(set(row)) > 1
        },
        **{
            f"answers that differ in {what} count as changed": {
                "measure": lambda row, form=form: len(set(map(form, row))) > 1
            }
            for what, form in {
                "capitals": str.strip,
                "spaces at their ends": str.lower,
                "spaces before them": lambda answer: answer.rstrip().lower(),
                "spaces after them": lambda answer: answer.lstrip().lower(),
                "tabs or line ends at their ends": lambda answer: answer.strip(" ").lower(),
            }.items()
        },
        **{
            f"only the answers with the first {words} pictures are compared": {
                "measure": lambda row, first=first: _differ(row[:first])
            }
            for first, words in ((2, "two"), (3, "three"), (4, "four"))
        },
        "only the answers with the first and with the last picture are compared": {
            "measure": lambda row: _differ((row[0], row[-1]))
        },
        "a question counts only where ALL its answers differ; one other answer is a change": {
            "measure": lambda row: len(set(map(_plain, row))) == len(row)
        },
        "that is the share of pairs of pictures that differ: it is questions that are counted": {
            "measure": _pairs
        },
        "that is the mean of how MUCH each question changed: it has changed, 1, or not, 0": [
            {"measure": _others},
            {"measure": _changes},
            {"measure": lambda row: _changes(row) / (len(row) - 1)},
            {"measure": lambda row: len(set(map(_plain, row))) - 1},
        ],
        "that is the share of pictures whose answer is another: questions are counted": (
            _beside_first
        ),
        "the questions that changed are divided by the number of answers, not of questions": (
            lambda rows: sum(map(_differ, rows)) / max(1, sum(map(len, rows)))
        ),
        "a question asked with one picture counts as one whose answer stayed": lambda rows: (
            sum(map(_differ, rows)) / len(rows) if rows else None
        ),
        "a question asked with one picture counts as one whose answer changed": lambda rows: (
            sum(len(row) < 2 or _differ(row) for row in rows) / len(rows)
        ),
        **_rounded(_of_compared),
    },
)


def _rows(student: Student, widths: Sequence[int], *, alike: int) -> Rows:
    """A row of answers for each width; in the first `alike` rows they are all the same."""
    rows = []
    for n, width in enumerate(widths):
        same, *others = student.shuffled(ANSWERS)
        row = [same] * width
        if n >= alike and width > 1:
            # Where the one other answer stands: from the last place on; some rows have two.
            place = width - 1 - n % (width - 1)
            row[place] = others[0]
            if width > 3 and n % 3 == 0:
                row[place - 1] = others[1]
        rows.append(row)
    return student.shuffled(rows)


@check(
    "the share of questions whose answer changes, two pictures each",
    "A question is one row. Are its answers all alike or not?",
)
def sens_share(student: Student) -> None:
    SENSITIVE.run(student, lambda: (_rows(student, [2] * 7, alike=student.integer(1, 3)),))


@check(
    "with any number of pictures, one other answer is a change, and one question is one",
    "How many DIFFERENT answers has a row? One, or more than one?",
    after=[sens_share],
)
def sens_several(student: Student) -> None:
    widths = [3, 4, 5, 5, 5, 5, 5, 4, 3, 7, 6, 2, 3]  # the other answer at every place of five
    SENSITIVE.run(student, lambda: (_rows(student, widths, alike=student.integer(2, 3)),))


@check(
    "capitals and spaces at the ends are no change",
    "Bring both answers to one form first: strip and lower. Spaces INSIDE an answer and full "
    "stops are differences, and an empty answer is an answer.",
    after=[sens_share],
)
def sens_spelling(student: Student) -> None:
    def draw() -> tuple[Rows]:
        # So many of each kind that no two mistakes count alike.
        forms = (" {} ", "  {}", "{} ", "{}  ", "{}\t\n")
        spaces = [form.format for form in forms]
        spelt = (str.upper, str.title, str.capitalize, *spaces)
        rows = _rows(student, [2] * 17, alike=len(spelt))
        same = [n for n, row in enumerate(rows) if not _differ(row)]
        for kind, n in enumerate(same):
            rows[n] = [rows[n][0], spelt[kind](rows[n][1])]
        return (rows,)

    SENSITIVE.run(student, draw)
    pairs = (("top left", "topleft"), ("top left", "top  left"), ("yes", "yes."), ("yes", ""))
    for one, other in pairs:
        with student.on(f"{one!r} and {other!r}"):
            rows = [[one, other], ["rose", "rose"]]
            SENSITIVE.run(student, lambda rows=rows: (student.shuffled(rows),))


@check(
    "a question asked with one picture is left out; where none is left it is 0",
    "With one answer there is nothing to compare: neither changed nor stayed.",
    after=[sens_share, sens_several],
    keeps_arguments=True,
)
def sens_single(student: Student) -> None:
    with student.on("some questions with one picture"):
        SENSITIVE.run(student, lambda: (_rows(student, [1, 2, 1, 2, 2, 1, 2, 2, 2], alike=4),))
    with student.on("every question with one picture"):
        replace(SENSITIVE, mistakes={}).run(student, lambda: (_rows(student, [1, 1, 1], alike=3),))


# above_chance -----------------------------------------------------------------------------------


def _tail(right: int, n: int, p: float) -> Fraction:
    """The probability of at least `right` of `n`, exactly, p being the float that it is."""
    hit, whole = Fraction(p).as_integer_ratio()
    if not hit:
        return Fraction(right <= 0)
    term = total = hit**n  # all right; each term follows from the one before
    for k in range(n, right, -1):
        term = term * k * (whole - hit) // ((n - k + 1) * hit)  # leaves no rest
        total += term
    return Fraction(total if right <= n else 0, whole**n)


def _normal(right: int, n: int, p: float, continuity: float) -> float | None:
    spread = math.sqrt(n * p * (1 - p))
    return math.erfc((right - continuity - n * p) / spread / math.sqrt(2)) / 2 if spread else None


def _luck(value: Any, *_: Any) -> float:
    number = expect_number(value, "above_chance")
    if not -1e-9 <= number <= 1 + 1e-6:
        fail(f"above_chance returned {number:.6g}, and a probability is between 0 and 1")
    return number


ROUNDED_LUCK = _rounded(_tail, 12)
LUCK = Comparison(
    function="above_chance",
    what="the probability",
    right=lambda right, n, p: float(_tail(right, n, p)),
    read=_luck,
    alike=_near,
    tells=lambda ours, wanted: f"the probability is {ours:.8g}, wanted {wanted:.8g}",
    mistakes={
        "that is the probability of MORE than so many right, not of at least so many": (
            lambda right, n, p: float(_tail(right + 1, n, p))
        ),
        "that is the probability of fewer right": lambda right, n, p: float(1 - _tail(right, n, p)),
        "that is the probability of at most so many right": lambda right, n, p: float(
            1 - _tail(right + 1, n, p)
        ),
        "that is the probability of exactly so many right": lambda right, n, p: float(
            _tail(right, n, p) - _tail(right + 1, n, p)
        ),
        "the last term, all n right, is missing: range(right, n) ends before n": (
            lambda right, n, p: float(_tail(right, n, p) - Fraction(p) ** n)
        ),
        "that is twice the probability: only being too GOOD counts, so only one side": (
            lambda right, n, p: min(1.0, 2 * float(_tail(right, n, p)))
        ),
        "that is the normal curve's answer: with few questions it is off; sum the ways": (
            lambda right, n, p: _normal(right, n, p, 0.0)
        ),
        "that is the normal curve's answer, with continuity correction: sum the ways": (
            lambda right, n, p: _normal(right, n, p, 0.5)
        ),
        "that is the answer for p = ½: with four choices a guesser has less": lambda right, n, p: (
            float(_tail(right, n, 0.5))
        ),
        "that is the answer for 1 - p in place of p": lambda right, n, p: float(
            _tail(right, n, 1 - p)
        ),
        "that is the probability that the first so many are right: which ones is not said": (
            lambda right, n, p: p**right
        ),
        **ROUNDED_LUCK,
    },
)


def _few(student: Student, p: float) -> tuple[int, int, float]:
    n = student.integer(6, 12)
    return student.integer(n // 2 + 1, n - 1), n, p


SUM = "For each k from right to n: the number of ways, times p to the k, times 1 - p for the rest."


@check("at least so many of a few, yes or no", SUM)
def luck_of_few(student: Student) -> None:
    with student.on("p = 0.5"):
        LUCK.run(student, lambda: _few(student, 0.5))


@check(
    "any chance of being right by luck",
    "How likely is it to be right once? And to be wrong?",
    after=[luck_of_few],
)
def luck_of_any_chance(student: Student) -> None:
    for p in (0.25, 0.2, 0.8):
        with student.on(f"p = {p}"):
            LUCK.run(student, lambda p=p: _few(student, p))


@check(
    "at both ends: none right, all right, p = 0 and p = 1",
    "Each of these you know without a sum, or by its last term alone.",
    after=[luck_of_few],
)
def luck_at_the_ends(student: Student) -> None:
    ends = replace(LUCK, mistakes=ROUNDED_LUCK)
    n = student.integer(5, 9)
    none = "Having at least 0 right is certain."
    last = "All right: that is the last k alone. Is it in the sum, and with all its digits?"
    never = "Who is never right has 0 right for sure, and never 2. 0 has no logarithm, and 0⁰ is 1."
    always = "Who is always right has all right. 1 - p is 0: that has no logarithm, and 0⁰ is 1."
    for right, p, hint in (
        *((0, 0.25, none), (n, 0.25, last)),
        *((0, 0.0, never), (2, 0.0, never), (n, 1.0, always), (2, 1.0, always)),
    ):
        with student.on(f"{right} of {n} right, p = {p}", hint):
            ends.run(student, lambda right=right, p=p: (right, n, p))
    with student.on("one question"):
        ends.run(student, lambda: (1, 1, 0.25))


@check(
    "thousands of questions",
    "The number of ways is larger than any float, p to that power smaller. Their logarithms are "
    "not; whole numbers and fractions have no limit either.",
    after=[luck_of_few, luck_of_any_chance],
    seconds=10.0,
)
def luck_of_many(student: Student) -> None:
    many = replace(LUCK, mistakes=ROUNDED_LUCK)
    for n, p in ((1500, 0.5), (3000, 0.25)):
        with student.on(f"n = {n}, p = {p}"):
            extra = student.integer(5, 40)
            many.run(student, lambda n=n, p=p, e=extra: (int(n * p) + e, n, p))
    with student.on("few of 1500 right, p = 0.5: nearly every term counts"):
        many.run(student, lambda: (student.integer(100, 300), 1500, 0.5))


@check(
    "how small a small one is",
    "Is 1 minus something taken? 1 minus nearly 1 has no digits left: sum the tail itself. Does "
    "the sum stop early, is a number rounded, or float32?",
    after=[luck_of_few, luck_of_any_chance],
    seconds=10.0,
)
def luck_that_is_small(student: Student) -> None:
    small = replace(LUCK, mistakes=ROUNDED_LUCK)
    for n, p, right in (
        (60, 0.1, 60 - student.integer(5, 15)),
        (100, 0.25, 100 - student.integer(5, 15)),
        (60, 0.1, 30 - student.integer(0, 3)),  # where the other part has fewer terms
        (400, 1 / 16, 130 + student.integer(0, 30)),  # less than float32 can hold
    ):
        with student.on(f"{right} of {n} right, p = {p}"):
            small.run(student, lambda n=n, p=p, right=right: (right, n, p))


# token_budget -----------------------------------------------------------------------------------


def _grid(height: int, width: int, patch_size: int) -> tuple[int, int]:
    return height // patch_size, width // patch_size


def _view(height: int, width: int, patch_size: int, pool: int) -> int:
    """Vectors of one view, counted one by one."""
    rows, columns = _grid(height, width, patch_size)
    return sum(1 for _ in range(0, rows, pool) for _ in range(0, columns, pool))


def _words(text: str) -> int:
    return len(text.split())


def _budget(
    height: int,
    width: int,
    patch_size: int,
    pool: int,
    crops: int,
    text: str,
    *,
    view: Callable[[int, int, int, int], float] = _view,
    views: Callable[[int], int] = lambda crops: crops + 1,
    words: Callable[[str], int] = _words,
) -> float:
    """Views times vectors of one view, and words; keyword arguments are mistakes."""
    return views(crops) * view(height, width, patch_size, pool) + words(text)


def _patches(height: int, width: int, patch_size: int, pool: int) -> int:
    rows, columns = _grid(height, width, patch_size)
    return rows * columns


BUDGET = Comparison(
    function="token_budget",
    what="the number of vectors",
    right=_budget,
    tells=lambda ours, wanted: f"the number of vectors is {ours:g}, wanted {wanted:g}",
    alike=lambda ours, wanted: ours == wanted,
    mistakes={
        "one vector too many for each view: a class token, if it is that, is not handed on": {
            "view": lambda h, w, size, pool: _view(h, w, size, pool) + 1
        },
        "a patch was taken for a strip of P pixels: it has P·P of them": {
            "view": lambda h, w, size, pool: h * w / (size * pool)
        },
        "rows and columns are added: a grid has rows TIMES columns": {
            "view": lambda h, w, size, pool: sum(_grid(h, w, size)) / pool
        },
        "the picture was taken for a square: count its columns by its width": {
            "view": lambda h, w, size, pool: (h // size // pool) ** 2
        },
        "the picture was taken for a square: count its rows by its height": {
            "view": lambda h, w, size, pool: (w // size // pool) ** 2
        },
        "that counts pixels, not patches": {"view": lambda h, w, size, pool: h * w},
        "the patches are not pooled: every pool×pool of them become one vector": {"view": _patches},
        "pool×pool patches become one vector, not pool of them": {
            "view": lambda h, w, size, pool: _patches(h, w, size, pool) / pool
        },
        "the crops are counted, and the view of the whole picture is not": {
            "views": lambda crops: crops
        },
        "the whole picture is counted, and the crops are not": {"views": lambda _: 1},
        "the crops are pooled, and the view of the whole picture is not: it is one as well": (
            lambda h, w, size, pool, crops, text: (
                _patches(h, w, size, pool) + crops * _view(h, w, size, pool) + _words(text)
            )
        ),
        "the words are not counted": {"words": lambda _: 0},
        "letters are counted, not words": {"words": len},
        "an empty word was counted: split(' ') finds one between two spaces, and one in a text "
        "without words; split() finds none": {"words": lambda text: len(text.split(" "))},
        "words were cut, or left out, at marks: only spaces and line ends part words": [
            {"words": lambda text, pattern=pattern: len(re.findall(pattern, text))}
            for pattern in (r"\w+", r"[^\s-]+", r"[^\s']+", r"[\w']+", r"[\w'-]+")
        ],
        "the words are counted once for every view: the question stands there once": (
            lambda h, w, size, pool, crops, text: (
                (crops + 1) * (_view(h, w, size, pool) + _words(text))
            )
        ),
    },
)


def _sizes(student: Student) -> tuple[int, int, int]:
    """Height, width and patch size of an oblong picture."""
    size, rows = student.integer(5, 16), student.integer(3, 6)
    return rows * size, (rows + student.integer(1, 4)) * size, size


@check(
    "one view, oblong too",
    "How many patches stand below one another, how many side by side? The text is one word here.",
)
def budget_of_a_view(student: Student) -> None:
    BUDGET.run(student, lambda: (*_sizes(student), 1, 0, "lion?"))
    for size, patch_size in ((120, 40), (336, 14)):
        with student.on(f"{size}×{size}, patches of {patch_size}"):
            BUDGET.run(student, lambda s=size, p=patch_size: (s, s, p, 1, 0, "lion?"))


@check(
    "pooled patches, and crops beside the whole",
    "How many views are there in all? And how many patches become one vector?",
    after=[budget_of_a_view],
)
def budget_of_views(student: Student) -> None:
    def draw() -> tuple[int, int, int, int, int, str]:
        height, width, size = _sizes(student)
        pool = student.integer(2, 3)
        return height * pool, width * pool, size, pool, student.integer(2, 12), "lion?"

    BUDGET.run(student, draw)
    with student.on("Molmo: 336×336, patches of 14, pool 2, 12 crops"):
        BUDGET.run(student, lambda: (336, 336, 14, 2, 12, "lion?"))


@check(
    "what does not divide is refused with a ValueError",
    "What does // do with what is left over? Ask % first, for each side, and again for the pool.",
)
def budget_refuses(student: Student) -> None:
    size = 2 * student.integer(3, 8)
    height, width = 3 * size, 4 * size
    cases = (
        ("a height that P does not divide", (height + 1, width, size, 1, 0, "")),
        ("a width that P does not divide", (height, width - 1, size, 1, 0, "")),
        ("sides whose product P·P divides", (2 * size, 4 * size + size // 2, size, 1, 0, "")),
        ("rows that the pool does not divide", (height, width, size, 2, 0, "")),
        ("columns that the pool does not divide", (4 * size, 5 * size, size, 2, 1, "")),
    )
    for name, arguments in cases:
        with student.on(name):
            try:
                value = student.call("token_budget", *arguments)
            except AnswerFailed as error:
                if str(error).startswith("ValueError"):
                    continue
                if str(error).startswith("AssertionError"):
                    fail(
                        f"{error}: a ValueError is wanted",
                        "Not assert, but: if …: raise ValueError(…)",
                    )
                raise
            fail(f"{arguments[:4]} cannot be cut, and yours says {value!r}: raise a ValueError")


@check(
    "a vector for each word of the text, and a whole number in all",
    "text.split() without an argument cuts at any spaces and line ends.",
    after=[budget_of_a_view],
)
def budget_of_words(student: Student) -> None:
    words = ("where", "is", "the", "lion?", "how", "many", "keys?", "top", "left")

    def draw(between: Sequence[str], crops: int) -> tuple[int, int, int, int, int, str]:
        chosen = [student.pick(words) for _ in range(student.integer(4, 9))]
        text = "".join(word + between[n % len(between)] for n, word in enumerate(chosen))
        return *_sizes(student), 1, crops, text

    with student.on("words with one space between them"):
        BUDGET.run(student, lambda: (*(made := draw((" ",), 0))[:5], made[5].strip()))
    with student.on("several spaces and line ends"):
        BUDGET.run(student, lambda: draw((" ", "  ", "\n", " \n "), 0))
    with student.on("words with marks in them"):
        marked = student.shuffled(["what's", "left-hand", "?", "lion's", "it"])
        BUDGET.run(student, lambda: (*_sizes(student), 1, 2, " ".join(marked)))
    with student.on("no text"):
        BUDGET.run(student, lambda: (*_sizes(student), 1, 2, ""))
    with student.on("two crops"):
        value = BUDGET.run(student, lambda: (*(made := draw((" ",), 2))[:5], made[5].strip()))
    if type(value) is float:
        fail(f"the number is {value}: a count is a whole number", "/ makes floats, // does not.")


EXERCISE = Exercise(
    name="01_multimodal",
    title="Exercise 01: does it look?",
    forbids=("mvlm.data.baselines", "mvlm.tasks"),
    questions=(
        Question(
            function="modalities",
            title="Which box?",
            minutes=10,
            teaches="that what is handed over decides, not what it shows",
            checks=(box_of_four, box_by_ending, box_of_several),
        ),
        Question(
            function="blind_score",
            title="What can be had blind?",
            minutes=15,
            teaches="what a score is worth before anybody has looked",
            checks=(blind_most_frequent, blind_ties, blind_unseen_kind, blind_share),
        ),
        Question(
            function="sensitivity",
            title="Does the answer change with the picture?",
            minutes=10,
            teaches="to measure looking without knowing what is right",
            checks=(sens_share, sens_several, sens_spelling, sens_single),
        ),
        Question(
            function="above_chance",
            title="Could it have been luck?",
            minutes=20,
            teaches="what a few right answers prove",
            checks=(
                luck_of_few,
                luck_of_any_chance,
                luck_at_the_ends,
                luck_of_many,
                luck_that_is_small,
            ),
        ),
        Question(
            function="token_budget",
            title="How much room does a picture take?",
            minutes=15,
            teaches="what fine patches and many crops cost",
            checks=(budget_of_a_view, budget_of_views, budget_refuses, budget_of_words),
        ),
    ),
)
