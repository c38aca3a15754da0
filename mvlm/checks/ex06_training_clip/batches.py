"""Exercise 06, `batches`: batches without twins."""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex06_training_clip.common import draw_words
from mvlm.checks.expect import expect_something

Batches = list[list[int]]


def _asked(student: Student, names: list[str], size: int, seed: int) -> Batches:
    """What came back, when it is a list of lists of whole numbers."""
    value = expect_something(student.call("batches", names, size, seed), "batches")
    if type(value) not in (list, tuple):
        fail(f"batches returned a {type(value).__name__}, wanted a list of lists of int", "")
    for batch in value:
        if type(batch) not in (list, tuple) or any(type(place) is not int for place in batch):
            fail(
                "a batch is not a list of int: wanted the examples' places in names, such as "
                "[[0, 4], [2]]",
                "",
            )
    return [list(batch) for batch in value]


def _once(names: list[str], size: int, found: Batches) -> None:
    count = Counter(place for batch in found for place in batch)
    if others := [place for place in count if not 0 <= place < len(names)]:
        fail(f"place {others[0]} came back, the places run from 0 to {len(names) - 1}")
    if missing := [place for place in range(len(names)) if place not in count]:
        fail(
            f"{len(missing)} of {len(names)} examples are in no batch",
            "Does the last, smaller batch stay? And those whose name was taken already?",
        )
    if twice := [place for place, times in count.items() if times > 1]:
        fail(f"example {twice[0]} is in {count[twice[0]]} batches")


def _no_twins(names: list[str], size: int, found: Batches) -> None:
    for batch in found:
        if others := [place for place in batch if not 0 <= place < len(names)]:
            fail(f"a batch holds {others[0]}, the places run from 0 to {len(names) - 1}")
        for name, times in Counter(names[place] for place in batch).most_common(1):
            if times > 1:
                fail(f"a batch holds {name!r} {times} times")


def _few(names: list[str], size: int, found: Batches) -> None:
    largest = max((len(batch) for batch in found), default=0)
    if largest > size:
        fail(f"a batch has {largest} examples, at most {size} were wanted")
    if any(not batch for batch in found):
        fail("a batch is empty")
    most = max(Counter(names).values(), default=0)
    least = max(math.ceil(len(names) / size), most)
    if len(found) > least:
        fail(
            f"{len(found)} batches of at most {size} came back, {least} are enough",
            "A name that comes often must be in many batches: begin with such names, or lay all "
            "examples in a row, name by name, and deal them out like cards.",
        )


Inputs = Mapping[str, tuple[tuple[int, ...], int]]  # how often each name comes, and the size
INPUTS: Inputs = {
    "11 examples of 7 names, 4 a batch": ((3, 2, 2, 1, 1, 1, 1), 4),
    "23 examples of 9 names, 5 a batch": ((5, 4, 4, 3, 2, 2, 1, 1, 1), 5),
    "9 examples of 4 names, 4 a batch": ((5, 2, 1, 1), 4),
    "13 examples of 12 names, 3 a batch": ((2, *(1,) * 11), 3),
    "6 examples of 3 names, 2 a batch": ((2, 2, 2), 2),
    "15 examples of 5 names, 3 a batch": ((3, 3, 3, 3, 3), 3),
}


def _deal(
    student: Student, *expects: Callable[..., None], inputs: Inputs = INPUTS, times: int = 1
) -> None:
    """Expect these things of the batches of every input, drawn so many times."""
    for place, (counts, size) in inputs.items():
        for _ in range(times):
            with student.on(place):
                names = draw_words(student, *counts)
                found = _asked(student, names, size, student.integer(0, 999))
                for expect in expects:
                    expect(names, size, found)


@check("every example is in exactly one batch", "Batches hold places in names, 0 to M − 1.")
def batch_once(student: Student) -> None:
    _deal(student, _once)


@check("no batch holds a name twice", "Twins are examples with equal NAMES, at other places.")
def batch_twins(student: Student) -> None:
    _deal(student, _no_twins, times=3)


@check(
    "at most so many examples, in as few batches as possible",
    "The number of batches is the larger of ⌈M/size⌉ and how often the most frequent name comes.",
)
def batch_few(student: Student) -> None:
    _deal(student, _few, times=6)


@check(
    "the seed, and nothing else, decides who meets whom",
    "torch.Generator().manual_seed(seed), and every random number from it.",
)
def batch_seed(student: Student) -> None:
    for place, counts in (
        ("24 different names", (1,) * 24),
        ("24 examples of 18 names", (*[1] * 12, *[2] * 6)),
    ):
        with student.on(place):
            names = draw_words(student, *counts)
            if _asked(student, names, 6, 3) != _asked(student, names, 6, 3):
                fail("the same seed gave other batches: some number is drawn without the generator")
            company = {
                seed: {frozenset(batch) for batch in _asked(student, names, 6, seed)}
                for seed in (3, 4, 5, 6, 103, 1003)
            }
            if all(one == company[3] for one in company.values()):
                fail(
                    "six seeds gave the same batches: the same examples meet in every epoch",
                    "Shuffle what is dealt out, the names too, and not only the finished batches.",
                )
            for seed, other in itertools.combinations(company, 2):
                if company[seed] == company[other]:
                    fail(f"the seeds {seed} and {other} gave the same batches: use all of the seed")


@check(
    "one frequent name, all different, one batch, batches of one, nothing at all",
    "Begin with how many batches there must be.",
    after=[batch_once, batch_twins, batch_few],
    keeps_arguments=True,
)
def batch_edges(student: Student) -> None:
    inputs: Inputs = {
        "one name 6 times among 8 examples, 4 a batch": ((6, 1, 1), 4),
        "10 different names, 4 a batch": ((1,) * 10, 4),
        "5 different names, room for 9": ((1,) * 5, 9),
        "batches of one": ((2, 1, 1), 1),
        "a single example": ((1,), 3),
        "no example": ((), 3),
        "300 examples of 40 names, 32 a batch": ((20, *(7,) * 38, 14), 32),
    }
    _deal(student, _once, _no_twins, _few, inputs=inputs)


QUESTION = Question(
    function="batches",
    title="Batches without twins",
    minutes=25,
    teaches="to deal out an epoch so that no right answer is called wrong",
    checks=(batch_once, batch_twins, batch_few, batch_seed, batch_edges),
)
