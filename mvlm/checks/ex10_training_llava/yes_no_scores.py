"""Exercise 10, `yes_no_scores`: yes, no, or neither."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex10_training_llava.common import agree_on
from mvlm.checks.expect import Comparison, expect_keys, expect_number, near

MEASURES = ("accuracy", "precision", "recall", "f1", "yes", "unreadable")


def _first_word(text: str) -> str:
    spaced = "".join(letter if "a" <= letter <= "z" else " " for letter in text.lower())
    return (spaced.split() or [""])[0]


def _share(part: int, whole: int) -> Fraction:
    return Fraction(part, whole) if whole else Fraction(0)


def _scored(
    said: Sequence[str], there: Sequence[bool], *, readable_only: bool = False, of: str = "yes"
) -> dict[str, float]:
    words = [_first_word(text) for text in said]
    pairs = list(zip(words, there, strict=True))
    readable = [pair for pair in pairs if pair[0] in ("yes", "no")]
    counted = readable if readable_only else pairs
    found = of == "yes"
    hits = pairs.count((of, found))
    precision = _share(hits, words.count(of))
    recall = _share(hits, sum(truth is found for _, truth in counted))
    both = precision + recall
    right = pairs.count(("yes", True)) + pairs.count(("no", False))
    return {
        "accuracy": float(_share(right, len(counted))),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(2 * precision * recall / both) if both else 0.0,
        "yes": float(_share(words.count("yes"), len(counted))),
        "unreadable": float(_share(len(pairs) - len(readable), len(pairs))),
    }


def _read_scores(value: Any, *_: Any) -> dict[str, float]:
    expect_keys(value, MEASURES, "yes_no_scores", ", ".join(MEASURES))
    return {name: expect_number(value[name], "yes_no_scores") for name in MEASURES}


def _tell_scores(ours: Mapping[str, float], wanted: Mapping[str, float]) -> str:
    name = next(name for name in MEASURES if not near(ours[name], wanted[name]))
    return f"{name} is {ours[name]:.6g}, wanted {wanted[name]:.6g}"


SCORES = Comparison(
    function="yes_no_scores",
    what="the scores",
    right=_scored,
    read=_read_scores,
    alike=agree_on(MEASURES),
    tells=_tell_scores,
    mistakes={
        "accuracy is a share of all answers: yours leaves the unreadable ones out": (
            lambda *given: (
                _scored(*given) | {"accuracy": _scored(*given, readable_only=True)["accuracy"]}
            )
        ),
        "unreadable answers are left out of what is divided by: a model could improve by "
        "refusing": {"readable_only": True},
        "precision, recall and F1 are those of no: they are wanted for yes": {"of": "no"},
    },
)


def _telling(wanted: Mapping[str, float]) -> str:
    """How an answer is read shows in one number, whatever is wrong with the others."""
    return "unreadable" if wanted["unreadable"] else "accuracy"


def _alike_reading(ours: Mapping[str, float], wanted: Mapping[str, float]) -> bool:
    return near(ours[_telling(wanted)], wanted[_telling(wanted)])


def _tell_reading(ours: Mapping[str, float], wanted: Mapping[str, float]) -> str:
    name, read = _telling(wanted), ""
    if wanted["unreadable"]:
        read = "" if ours["unreadable"] else "yes or no"
    elif any(near(ours["accuracy"], right / 3) for right in range(4)):
        read = "neither" if ours["unreadable"] > 0 else "the opposite"
    says = f"{name} is {ours[name]:.6g}, wanted {wanted[name]:.6g}"
    return says + f", as if this answer were read as {read}" * bool(read)


# How one answer is read, beside a yes and a no.
READING = replace(SCORES, alike=_alike_reading, tells=_tell_reading, mistakes={})
FORMS = {
    "yes": ("yes", "Yes.", "YES!", "yes, there is", "  yes", "'Yes'", "1. yes", "yes no",
            "Yes\nno", "_yes_", "[yes]", "é: yes"),
    "no": ("no", "No.", "NO", "no, there is not", "\nno", "(no)", "no yes", "No\tyes", "no-one",
           "no_", "[no]"),
    "unreadable": ("", "?", "I know it.", "nobody", "not there", "yesterday",
                   "I can tell what is in a scene, where, and how many.", "it is: yes", "none",
                   "42", "There is no dog.", "nope", "eyes"),
}  # fmt: skip
PLAIN = {
    "yes": ("yes", "Yes."),
    "no": ("no", "No."),
    "neither": ("", "I can tell what is in a scene, where, and how many.", "not there"),
}


def _answered(
    student: Student, counts: Mapping[str, tuple[int, int]]
) -> tuple[list[str], list[bool]]:
    """Sort → how many about things that are there, and about others; in a random order."""
    pairs = [
        (student.pick(PLAIN[sort]), there)
        for sort, (present, absent) in counts.items()
        for there, many in ((True, present), (False, absent))
        for _ in range(many)
    ]
    texts, truths = zip(*student.shuffled(pairs), strict=True)
    return list(texts), list(truths)


@check(
    "an answer is read by its first word, a whole one, in any letters",
    'A list of words: re.findall("[a-z]+", text.lower()). Then the first.',
)
def yes_words(student: Student) -> None:
    for sort, forms in FORMS.items():
        for text in forms:
            with student.on(f"{text!r} is {sort}"):
                for there in (True, False):
                    case = [text, "yes", "no"], [there, True, True]
                    READING.run(student, lambda fixed=case: fixed)


@check(
    "accuracy, precision, recall, F1 and the share of yes",
    "Count four pairs: yes and there, yes and not there, no and there, no and not there.",
    after=[yes_words],
)
def yes_readable(student: Student) -> None:
    for yes, no in (((5, 2), (3, 7)), ((1, 6), (4, 2)), ((9, 1), (0, 3))):
        SCORES.run(student, partial(_answered, student, {"yes": yes, "no": no}))


@check(
    "what is unreadable is not right, and stays in what is divided by",
    "A refusal about a thing that is there: is that thing found?",
    after=[yes_words, yes_readable],
    keeps_arguments=True,
)
def yes_unreadable(student: Student) -> None:
    for counts in (
        {"yes": (5, 2), "no": (3, 7), "neither": (4, 1)},
        {"yes": (2, 1), "no": (1, 2), "neither": (1, 8)},
        {"yes": (3, 0), "no": (0, 4), "neither": (6, 6)},
    ):
        SCORES.run(student, partial(_answered, student, counts))


@check(
    "a share of nothing is 0",
    "Which of the divisors can be 0, and for which model?",
    after=[yes_words],
)
def yes_nothing(student: Student) -> None:
    inputs = {
        "never yes": {"no": (3, 4), "neither": (2, 1)},
        "nothing is there": {"yes": (0, 2), "no": (0, 3)},
        "yes and always wrong": {"yes": (0, 3), "no": (2, 2)},
        "nothing can be read": {"neither": (3, 2)},
        "one answer": {"yes": (1, 0)},
    }
    SCORES.each(student, {what: partial(_answered, student, inputs[what]) for what in inputs})


QUESTION = Question(
    function="yes_no_scores",
    title="Yes, no, or neither",
    minutes=15,
    teaches="to read answers so that a refusal is no yes",
    checks=(yes_words, yes_readable, yes_unreadable, yes_nothing),
)
