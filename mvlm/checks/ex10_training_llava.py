"""Exercise 10: who learns, the floor of captions, polls, yes and no, worth, and refusing.

What is right is worked out here from the definitions: orders are counted by multiplying whole
numbers, company by looking at every scene, worths as fractions, thresholds by trying each.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import AnswerFailed, Exercise, Question, Student, check, fail
from mvlm.checks.expect import (
    Comparison,
    Slip,
    expect_keys,
    expect_number,
    expect_parts,
    expect_something,
    kind_of,
    near,
)


def _refuses(student: Student, function: str, *arguments: Any, what: str) -> None:
    """Fail unless a ValueError comes."""
    try:
        value = student.call(function, *arguments)
    except AnswerFailed as error:
        if str(error).startswith("ValueError"):
            return
        fail(f"{error}: a ValueError is wanted", "if …: raise ValueError(…), before all else.")
    fail(
        f"{what} was taken, and yours says {value!r}: raise a ValueError",
        "Which values does the contract allow? Ask for them before all else.",
    )


# set_stage --------------------------------------------------------------------------------------

Weights = list[dict[str, Any]]
LEARNS = {1: ("projector",), 2: ("projector", "language")}


def _staged(
    weights: Weights,
    stage: int,
    *,
    part_of: Callable[[str], str] = lambda name: name.partition(".")[0],
    learns: Mapping[int, Sequence[str]] | None = None,
    tied: Callable[[list[bool]], bool] | None = all,
    once: bool = True,
) -> dict[str, Any]:
    """Names that learn, and names for the optimizer; `tied` decides for names of one tensor."""
    may = [part_of(one["name"]) in (learns or LEARNS)[stage] for one in weights]
    flags = [
        tied([m for m, other in zip(may, weights, strict=True) if other["storage"] == storage])
        if tied
        else mine
        for mine, storage in zip(may, (one["storage"] for one in weights), strict=True)
    ]
    given: dict[int, str] = {}
    names = []
    for flag, one in zip(flags, weights, strict=True):
        if flag and not (once and one["storage"] in given):
            given[one["storage"]] = one["name"]
            names.append(one["name"])
    return {"learns": flags, "optimizer": names}


def _read_staged(value: Any, weights: Weights, stage: int) -> dict[str, Any]:
    made, names = expect_parts(value, ("the weights", "the optimizer's names"), "set_stage")
    if type(made) not in (list, tuple) or any(type(one) is not dict for one in made):
        raise AnswerFailed("set_stage: the first value is no list of dicts")
    if len(made) != len(weights):
        fail(f"{len(weights)} dicts came, {len(made)} went out: one for each")
    if type(names) not in (list, tuple) or any(type(name) is not str for name in names):
        raise AnswerFailed("set_stage: the second value is no list of names")
    keys = {"name", "storage", "learns", "grad"}
    for one, other in zip(made, weights, strict=True):
        if set(one) != keys:
            fail(f"a dict has the keys {sorted(map(str, one))}, wanted {sorted(keys)}")
        if (one["name"], one["storage"]) != (other["name"], other["storage"]):
            fail("names and storages stay as they are, in their order")
        if type(one["learns"]) is not bool:
            fail(f'"learns" is a {kind_of(one["learns"])}, wanted True or False')
    return {
        "learns": [one["learns"] for one in made],
        "optimizer": list(names),
        "old": [one["name"] for one in made if one["grad"] is not None],
    }


def _alike_staged(ours: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(ours[key] == wanted[key] for key in ("learns", "optimizer"))


def _tell_staged(ours: dict[str, Any], wanted: dict[str, Any]) -> str:
    if ours["learns"] != wanted["learns"]:
        place = [a == b for a, b in zip(ours["learns"], wanted["learns"], strict=True)].index(False)
        verb = "learns" if ours["learns"][place] else "stands still"
        return f"weight number {place} {verb} in yours, and must not"
    return f"the optimizer gets {ours['optimizer']}, wanted {wanted['optimizer']}"


STAGE = Comparison(
    function="set_stage",
    what="the stage",
    right=_staged,
    read=_read_staged,
    alike=_alike_staged,
    tells=_tell_staged,
    mistakes={
        "a name that only holds the word projector is taken for the projector's: the first "
        "word says which part it is": {
            "part_of": lambda n: "projector" if "projector" in n else n[:8]
        },
        "in stage 2 the projector learns too": {"learns": {1: LEARNS[1], 2: ("language",)}},
        "the tower learns in yours, and it never does": {
            "learns": {1: LEARNS[1], 2: ("projector", "language", "vision")}
        },
        "adapters belong to the part that they are in, and stand still with it": {
            "part_of": lambda name: "projector" if "adapter" in name else name.split(".")[0]
        },
        "two names of one tensor: one learns and the other does not, which cannot be": {
            "tied": None
        },
        "a tensor learns though one of its names belongs to a part that stands still": {
            "tied": any
        },
        "the optimizer gets one tensor twice, by two names: it would step twice": {"once": False},
    },
)


def _weights(student: Student, names: Sequence[str], *, tied: Sequence[Sequence[str]] = ()) -> list:
    """Dicts of these names; those of each group in `tied` are one tensor."""
    numbers = iter(student.shuffled(range(10, 10 + len(names))))
    storages = {name: next(numbers) for name in names}
    for group in tied:
        storages |= dict.fromkeys(group, storages[group[0]])
    return [
        {
            "name": name,
            "storage": storages[name],
            "learns": bool(student.integer(0, 1)),
            "grad": student.normal(2) if student.integer(0, 1) else None,
        }
        for name in names
    ]


PLAIN_NAMES = (
    "vision.patches.weight",
    "vision.blocks.0.mlp.up.weight",
    "projector.0.weight",
    "projector.0.bias",
    "language.embedding.weight",
    "language.blocks.0.mlp.up.weight",
    "language.norm.weight",
)
TRAPS = (
    "vision.projector.weight",
    "vision.language.weight",
    "projector.vision.bias",
    "language.projector.down",
    "language.vision_norm.weight",
    "vision.blocks.1.adapter.down",
    "language.blocks.1.adapter.up",
    "language",
    "projector",
)


@check(
    "stage 1: the projector; stage 2: projector and language model; the tower never",
    "The first word of a name, and for each stage a set of words that learn.",
)
def stage_parts(student: Student) -> None:
    for stage in (1, 2):
        with student.on(f"stage {stage}"):
            STAGE.run(
                student, lambda s=stage: (_weights(student, student.shuffled(PLAIN_NAMES)), s)
            )
    with student.on("no weights at all"):
        STAGE.run(student, lambda: ([], 1))


@check(
    "a weight belongs to the first word of its name, adapters too",
    'What is "vision.projector.weight".split(".")[0]?',
    after=[stage_parts],
)
def stage_names(student: Student) -> None:
    for stage in (1, 2):
        with student.on(f"stage {stage}, names that hold other parts' words"):
            names = (*PLAIN_NAMES[::2], *TRAPS)
            STAGE.run(student, lambda s=stage, n=names: (_weights(student, student.shuffled(n)), s))


@check(
    "one tensor with several names is one tensor",
    "Decide by storage: collect those that must stand still, then look each weight's storage up.",
    after=[stage_parts],
)
def stage_tied(student: Student) -> None:
    names = (*PLAIN_NAMES, "language.head.weight", "projector.1.weight", "vision.words.weight")
    ends = ("language.embedding.weight", "language.head.weight")
    for what, tied in (
        ("word table and output layer are one", [ends]),
        ("one tensor in tower and language model", [("vision.words.weight", ends[0])]),
        ("one in projector and language model", [("projector.1.weight", ends[1])]),
        ("one in all three", [("projector.1.weight", "vision.words.weight", *ends)]),
    ):
        for stage in (1, 2):
            with student.on(f"{what}, stage {stage}"):
                STAGE.run(
                    student,
                    lambda t=tied, s=stage: (
                        _weights(student, student.shuffled(names), tied=t),
                        s,
                    ),
                )


@check(
    "no old gradient is left, and any other stage is refused",
    "A gradient that is still there is a gradient that an optimizer follows.",
    after=[stage_parts],
    keeps_arguments=True,
)
def stage_clean(student: Student) -> None:
    for stage in (1, 2):
        weights = _weights(student, student.shuffled((*PLAIN_NAMES, *TRAPS[:3])))
        for one in weights:
            one["grad"] = student.normal(3)
        old = STAGE.read(student.call("set_stage", weights, stage), weights, stage)["old"]
        flags = dict(
            zip((o["name"] for o in weights), _staged(weights, stage)["learns"], strict=True)
        )
        if old and all(flags[name] for name in old):
            fail("weights that learn keep their old gradients: a stage begins without")
        if old and not any(flags[name] for name in old):
            fail("frozen weights keep their old gradients: an optimizer would follow them")
        if old:
            fail(f"{old[0]} keeps its old gradient")
        STAGE.run(student, lambda w=weights, s=stage: (w, s))
    for stage in (0, 3, -1):
        weights = _weights(student, PLAIN_NAMES)
        _refuses(student, "set_stage", weights, stage, what=f"stage {stage}")


# caption_floor ----------------------------------------------------------------------------------

Captions = list[tuple[list[str], list[int]]]


def _orders(parts: Sequence[str], *, equal: bool = True) -> int:
    number = math.prod(range(1, len(parts) + 1))
    for part in set(parts) if equal else ():
        number //= math.factorial(list(parts).count(part))
    return number


def _with_loss(labels: Sequence[int]) -> int:
    return len([label for label in labels if label != -100])


def _floor(
    captions: Captions,
    *,
    cost: Callable[[Sequence[str]], float] = lambda parts: math.log(_orders(parts)),
    tokens: Callable[[Sequence[int]], int] = _with_loss,
) -> float | None:
    whole = sum(tokens(labels) for _, labels in captions)
    return sum(cost(parts) for parts, _ in captions) / whole if whole else None


def _mean_of_floors(captions: Captions) -> float | None:
    if not all(_with_loss(labels) for _, labels in captions):
        return None
    return statistics.mean(math.log(_orders(p)) / _with_loss(labels) for p, labels in captions)


FLOOR = Comparison(
    function="caption_floor",
    what="the floor",
    right=_floor,
    mistakes={
        "that is in bits, log base 2: nats are wanted, math.log": lambda c: _floor(c) / math.log(2),
        "equal parts are counted as different ones: nobody sees which dog came first": lambda c: (
            _floor(c, cost=lambda parts: math.log(_orders(parts, equal=False)))
        ),
        "equal parts are counted as one part: two dogs and a key have three orders": lambda c: (
            _floor(c, cost=lambda parts: math.log(math.factorial(len(set(parts)))))
        ),
        "all labels are counted, those of −100 too": lambda c: _floor(c, tokens=len),
        "only labels above 0 are counted: 0 is a token like any other": lambda c: _floor(
            c, tokens=lambda labels: len([label for label in labels if label > 0])
        ),
        "the last label of each row is left out: the end token is said, too": lambda c: _floor(
            c, tokens=lambda labels: _with_loss(labels[:-1])
        ),
        "that is divided by the number of captions, not of tokens": lambda c: (
            sum(math.log(_orders(p)) for p, _ in c) / len(c)
        ),
        "that is the mean of the captions' own floors: sum nats and tokens first": _mean_of_floors,
        "that is the logarithm of the sum of orders: a caption has a cost of its own": lambda c: (
            math.log(sum(_orders(p) for p, _ in c)) / sum(_with_loss(labels) for _, labels in c)
        ),
        "parts that differ in a capital or a space are different ones: equal means letter for "
        "letter": [
            lambda c, change=change: _floor([(list(map(change, p)), labels) for p, labels in c])
            for change in (str.lower, str.strip, lambda part: part.strip().lower())
        ],
    },
)
PARTS = ("dog", "key", "rose", "cup", "hat", "car", "egg")


def _labels(student: Student, supervised: int) -> list[int]:
    """A row's labels: some without a loss, then so many with one, 0 among them, and the end."""
    row = [-100] * student.integer(2, 6) + [student.integer(5, 900) for _ in range(supervised - 3)]
    return [*row, 0, 0, 2]


@check(
    "one caption of different parts: ln n! over the labels that are not −100",
    "How many orders have n different parts? And which labels count?",
)
def floor_different(student: Student) -> None:
    for number in (1, 2, 5, 7):
        FLOOR.run(
            student,
            lambda n=number: (
                [(student.shuffled(PARTS)[:n], _labels(student, student.integer(4, 12)))],
            ),
        )
    with student.on("labels between answers that have none"):
        FLOOR.run(student, lambda: ([(list(PARTS[:4]), [-100, 7, -100, 8, 9, -100])],))


@check(
    "equal parts can change places unseen",
    "Of n! orders each one is counted m! times, if a part comes m times.",
    after=[floor_different],
)
def floor_equal(student: Student) -> None:
    for times in ((2, 1), (3, 2, 1), (4,), (2, 2, 2)):
        parts = [part for part, many in zip(PARTS, times, strict=False) for _ in range(many)]
        FLOOR.run(
            student,
            lambda p=parts: ([(student.shuffled(p), _labels(student, 3 + len(p)))],),
        )
    with student.on("parts that differ in capitals or spaces"):
        FLOOR.run(student, lambda: ([(["dog", "Dog", "dog "], _labels(student, 6))],))


@check(
    "many captions: one sum over one count",
    "Long captions have more tokens, and so they weigh more in the loss.",
    after=[floor_different, floor_equal],
    keeps_arguments=True,
)
def floor_several(student: Student) -> None:
    def draw() -> tuple[Captions]:
        shuffled = student.shuffled([*PARTS, "dog", "dog", "key"])
        return (
            [
                (shuffled[:2], _labels(student, 20)),
                (shuffled[2:9], _labels(student, 9)),
                (shuffled[3:], _labels(student, 31)),
            ],
        )

    FLOOR.run(student, draw)
    with student.on("a caption without parts, and one without a loss"):
        FLOOR.run(
            student,
            lambda: ([([], _labels(student, 5)), (list(PARTS[:3]), [-100] * 4), *draw()[0]],),
        )


@check(
    "captions of hundreds of parts",
    "A float holds no number with more than 308 digits. Work with logarithms, or whole numbers.",
    after=[floor_different],
)
def floor_large(student: Student) -> None:
    for number in (180, 400):
        parts = [f"{PARTS[n % 7]} {n // 3}" for n in range(number)]
        with student.on(f"{number} parts"):
            FLOOR.run(
                student, lambda p=parts: ([(student.shuffled(p), _labels(student, 2 * len(p)))],)
            )
            FLOOR.run(student, lambda n=number: ([(["dog"] * n, _labels(student, n))],))


# polling_questions ------------------------------------------------------------------------------

Scene = list[str]
Asked = list[tuple[str, bool]]


def _company(
    name: str,
    scene: Scene,
    known: list[Scene],
    *,
    many: bool = False,
    only: Callable[[str], bool] = lambda _: True,
) -> int:
    """How often `name` stands beside what is in the scene."""
    others = [other for other in (scene if many else set(scene)) if only(other)]
    return sum(one.count(other) if many else other in one
               for one in known if name in one for other in others)  # fmt: skip


def _poll(
    scene: Scene,
    known: list[Scene],
    names: Scene,
    kind: str,
    each: int,
    *,
    holds: Callable[[str, Scene, list[Scene]], int] | None = None,
    company: Callable[[str, Scene, list[Scene]], int] = _company,
    last: bool = False,
    balanced: bool = True,
) -> Asked:
    holds = holds or (lambda name, _, some: len([one for one in some if name in one]))
    yes = [name for name in names if name in scene]
    no = [name for name in names if name not in scene]
    number = {"random": lambda *_: 0, "popular": holds, "adversarial": company}[kind]
    place = {name: -n if last and kind != "random" else n for n, name in enumerate(names)}
    no.sort(key=lambda name: (-number(name, scene, known), place[name]))
    if not balanced:
        return [(n, True) for n in yes[:each]] + [(n, False) for n in no[:each]]
    return [q for a, b in list(zip(yes, no, strict=False))[:each] for q in ((a, True), (b, False))]


def _read_poll(value: Any, *_: Any) -> Asked:
    expect_something(value, "polling_questions")
    if type(value) not in (list, tuple):
        raise AnswerFailed(f"polling_questions returned a {kind_of(value)}, wanted a list of pairs")
    for one in value:
        if type(one) not in (list, tuple) or len(one) != 2 or type(one[0]) is not str:
            raise AnswerFailed(f"a question is {one!r}, wanted a pair (name, True or False)")
        if type(one[1]) is not bool:
            fail(f"the answer for {one[0]!r} is {one[1]!r}, wanted True or False")
    return [tuple(one) for one in value]


def _tell_poll(ours: Asked, wanted: Asked) -> str:
    if len(ours) != len(wanted):
        return f"{len(ours)} questions, wanted {len(wanted)}: {wanted}"
    if sorted(ours) == sorted(wanted):
        return f"the right questions in another order: {ours}, wanted {wanted}"
    return f"yours are {ours}, wanted {wanted}"


POLL = Comparison(
    function="polling_questions",
    what="the questions",
    right=_poll,
    read=_read_poll,
    alike=lambda ours, wanted: ours == wanted,
    tells=_tell_poll,
    mistakes={
        "yes and no questions are wanted in turn, as many of both": {"balanced": False},
        "that is the most for one name of the scene: add up over its different names": {
            "company": lambda n, s, some: max((_company(n, [o], some) for o in s), default=0)
        },
        "a name that this scene holds several times counts once: make a set of it, too": {
            "company": lambda n, s, some: sum(_company(n, [o], some) for o in s)
        },
        "a scene that holds a name three times counts once": {
            "holds": lambda n, _, some: sum(o.count(n) for o in some),
            "company": lambda n, s, some: _company(n, s, some, many=True),
        },
        "a scene that holds two of the names beside it counts for both of them: add up over "
        "the names in the scene": {
            "company": lambda n, s, some: sum(n in o and bool({*s} & {*o}) for o in some)
        },
        "what is in the scene counts as company also where it is not in names": lambda *given: (
            _poll(
                *given,
                company=lambda n, s, some: _company(n, s, some, only=lambda o: o in given[2]),
            )
        ),
        "adversarial is not popular: only scenes that hold something of this scene count": {
            "company": lambda n, s, some: sum(o.count(n) > 0 for o in some)
        },
        "of equals the one that comes first in names goes first, and yours takes another": {
            "last": True
        },
        "the order of names is the one that was given, not the alphabet": (
            lambda s, k, n, kind, each: _poll(s, k, sorted(n), kind, each)
        ),
    },
)
NAMES = ("ant", "bell", "cup", "dog", "egg", "fish", "gear", "hat", "ink", "jar", "key")


def _known(student: Student, names: Sequence[str], number: int = 14) -> list[Scene]:
    """Scenes of two to five names, some of them twice; the first names are more frequent."""
    scenes = []
    for _ in range(number):
        pool = [*names, *names[:4], *names[:2]]
        some = student.shuffled(pool)[: student.integer(2, 5)]
        scenes.append(some + [some[0]] * student.integer(0, 2))
    return scenes


def _case(student: Student, kind: str, each: int, *, there: int = 4) -> tuple[Any, ...]:
    names = student.shuffled(NAMES)
    scene = [names[0], *student.shuffled(names[1:])[: there - 1]]
    scene = student.shuffled(scene + scene)
    return scene, _known(student, student.shuffled(names)), names, kind, each


@check(
    "random: in the order of names, yes and no in turn",
    "Two lists, both in the order of names: what is there, and what is not.",
)
def poll_random(student: Student) -> None:
    for each in (1, 2, 3):
        POLL.run(student, lambda e=each: _case(student, "random", e))


@check(
    "as many of both, where one sort runs out too",
    "zip ends with the shorter of two lists.",
    after=[poll_random],
)
def poll_balanced(student: Student) -> None:
    for there, what in ((2, "few things are there"), (9, "few are not there")):
        with student.on(what):
            POLL.run(student, lambda t=there: _case(student, "random", 5, there=t))
    with student.on("nothing is there"):
        POLL.run(student, lambda: ([], _known(student, NAMES), list(NAMES), "popular", 2))
    with student.on("names of the scene that may not be asked for"):
        names = list(NAMES[3:])
        POLL.run(student, lambda: (["cup", "dog", "bell"], [["cup", "egg"]], names, "random", 3))


@check(
    "popular: what most known scenes hold, each scene once",
    "For each name: in how many of the known scenes is it?",
    after=[poll_random],
)
def poll_popular(student: Student) -> None:
    for each in (1, 3):
        POLL.run(student, lambda e=each: _case(student, "popular", e))
    with student.on("a name that one scene holds many times"):
        known = [["ant"] * 6, ["bell"], ["bell", "egg"], ["egg", "egg", "fish"], ["bell", "egg"]]
        POLL.run(
            student,
            lambda: (["cup", "dog", "gear"], student.shuffled(known), student.shuffled(NAMES),
                     "popular", 3),
        )  # fmt: skip
    with student.on("no known scene"):
        POLL.run(student, lambda: (["cup", "dog"], [], student.shuffled(NAMES), "popular", 2))


@check(
    "adversarial: what most often stands beside what is there",
    "For each absent name a sum over the different names in the scene.",
    after=[poll_random],
)
def poll_adversarial(student: Student) -> None:
    for each in (1, 3):
        POLL.run(student, lambda e=each: _case(student, "adversarial", e))
    with student.on("one scene with three names of this one, against two with one each"):
        known = [["cup", "dog", "gear", "hat"], ["cup", "ink"], ["dog", "ink"], ["jar"], ["jar"],
                 ["jar", "key"], ["jar", "key"], ["jar", "ant"]]  # fmt: skip
        POLL.run(
            student,
            lambda: (["cup", "dog", "gear", "cup"], student.shuffled(known),
                     student.shuffled(NAMES), "adversarial", 3),
        )  # fmt: skip
    with student.on("a scene that holds one of its own names three times"):
        known = [["cup", "dog"], ["key", "hat"], ["key", "hat"], ["jar"]]
        POLL.run(
            student,
            lambda: (student.shuffled(["cup", "cup", "key", "cup"]), student.shuffled(known),
                     student.shuffled(NAMES), "adversarial", 2),
        )  # fmt: skip
    with student.on("a scene that holds an absent name three times"):
        known = [
            ["cup", "ant", "ant", "ant"],
            ["cup", "egg"],
            ["dog", "egg"],
            ["cup", "cup", "key"],
        ]
        POLL.run(
            student,
            lambda: (["cup", "dog", "cup"], student.shuffled(known), student.shuffled(NAMES),
                     "adversarial", 1),
        )  # fmt: skip
    with student.on("company of a name that may not be asked for"):
        known = [["cup", "hat"], ["cup", "hat"], ["dog", "ink"], ["jar"]]
        names = [name for name in NAMES if name != "cup"]
        POLL.run(
            student,
            lambda: (["cup", "dog"], known, student.shuffled(names), "adversarial", 2),
        )


@check(
    "of equals the first in names, and another kind is refused",
    "Which sort keeps equals in their order, and what does reverse do to them?",
    after=[poll_random, poll_popular, poll_adversarial],
    keeps_arguments=True,
)
def poll_ties(student: Student) -> None:
    for kind in ("popular", "adversarial"):
        known = [["cup", "ant"], ["cup", "egg"], ["cup", "ink"], ["dog"], ["cup", "hat"]]
        POLL.run(
            student,
            lambda k=kind, o=known: (
                ["cup", "dog", "bell"],
                student.shuffled(o),
                student.shuffled(NAMES),
                k,
                3,
            ),
        )
    for kind in ("Random", "frequent", ""):
        case = (["cup"], [["cup", "dog"]], ["dog", "cup"], kind, 1)
        _refuses(student, "polling_questions", *case, what=f"the kind {kind!r}")


# yes_no_scores ----------------------------------------------------------------------------------

MEASURES = ("accuracy", "precision", "recall", "f1", "yes", "unreadable")


def _first_word(text: str) -> str:
    word = ""
    for letter in text.lower():
        if "a" <= letter <= "z":
            word += letter
        elif word:
            break
    return word


def _scored(
    said: Sequence[str],
    there: Sequence[bool],
    *,
    readable_only: bool = False,
    of: bool = True,
) -> dict[str, float]:
    words = [_first_word(text) for text in said]
    pairs = list(zip(words, there, strict=True))
    counted = [one for one in pairs if one[0] in ("yes", "no")] if readable_only else pairs

    def share(part: int, whole: int) -> Fraction:
        return Fraction(part, whole) if whole else Fraction(0)

    word = "yes" if of else "no"
    hits = pairs.count((word, of))
    precision = share(hits, words.count(word))
    recall = share(hits, len([t for _, t in counted if t is of]))
    both = precision + recall
    right = pairs.count(("yes", True)) + pairs.count(("no", False))
    return {
        "accuracy": float(share(right, len(counted))),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(2 * precision * recall / both) if both else 0.0,
        "yes": float(share(words.count("yes"), len(counted))),
        "unreadable": float(share(len([w for w in words if w not in ("yes", "no")]), len(words))),
    }


def _read_scores(value: Any, *_: Any) -> dict[str, float]:
    expect_keys(value, MEASURES, "yes_no_scores", ", ".join(MEASURES))
    return {name: expect_number(value[name], "yes_no_scores") for name in MEASURES}


def _tell_scores(ours: Mapping[str, float], wanted: Mapping[str, float]) -> str:
    name = next(name for name in MEASURES if not near(ours[name], wanted[name]))
    return f"{name} is {ours[name]:.6g}, wanted {wanted[name]:.6g}"


def _of(names: Sequence[str]) -> Callable[[Any, Any], bool]:
    """Whether these numbers agree; others are the matter of another check."""
    return lambda ours, wanted: all(near(ours[name], wanted[name]) for name in names)


SCORES = Comparison(
    function="yes_no_scores",
    what="the scores",
    right=_scored,
    read=_read_scores,
    alike=_of(MEASURES),
    tells=_tell_scores,
    mistakes={
        "accuracy is a share of all answers: yours leaves the unreadable ones out": (
            lambda said, there: (
                _scored(said, there)
                | {"accuracy": _scored(said, there, readable_only=True)["accuracy"]}
            )
        ),
        "unreadable answers are left out of what is divided by: a model could improve by "
        "refusing": {"readable_only": True},
        "precision, recall and F1 are those of no: they are wanted for yes": {"of": False},
    },
)
YES = ("yes", "Yes.", "YES!", "yes, there is", "  yes", "'Yes'", "1. yes", "yes no", "Yes\nno",
       "_yes_", "[yes]", "é: yes")  # fmt: skip
NO = ("no", "No.", "NO", "no, there is not", "\nno", "(no)", "no yes", "No\tyes", "no-one",
      "no_", "[no]")  # fmt: skip
NEITHER = (
    "",
    "?",
    "I know it.",
    "nobody",
    "not there",
    "yesterday",
    "I can tell what is in a scene, where, and how many.",
    "it is: yes",
    "none",
    "42",
    "There is no dog.",
    "nope",
    "eyes",
)


def _tell_reading(ours: Mapping[str, float], _: Any) -> str:
    """Of an answer that can be read, beside a yes and a no."""
    if not any(near(ours["accuracy"], right / 3) for right in range(4)):
        return f"accuracy is {ours['accuracy']:.6g}, wanted a number of thirds"
    return f"it is read as {'neither' if ours['unreadable'] > 0 else 'the opposite'}"


# How an answer is read shows in one number, whatever is wrong with the others.
READ = {
    "yes": replace(SCORES, alike=_of(["accuracy"]), mistakes={}, tells=_tell_reading),
    "no": replace(SCORES, alike=_of(["accuracy"]), mistakes={}, tells=_tell_reading),
    "unreadable": replace(
        SCORES,
        alike=_of(["unreadable"]),
        mistakes={},
        tells=lambda *_: "it is read as yes or no, and it is neither",
    ),
}
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
    pairs = student.shuffled(pairs)
    return [text for text, _ in pairs], [there for _, there in pairs]


@check(
    "an answer is read by its first word, a whole one, in any letters",
    'A list of words: re.findall("[a-z]+", text.lower()). Then the first.',
)
def yes_words(student: Student) -> None:
    for sort, forms in (("yes", YES), ("no", NO), ("unreadable", NEITHER)):
        for text in forms:
            for there in (True, False):
                with student.on(f"{text!r} is {sort}"):
                    READ[sort].run(
                        student, lambda t=text, h=there: ([t, "yes", "no"], [h, True, True])
                    )


@check(
    "accuracy, precision, recall, F1 and the share of yes",
    "Count four pairs: yes and there, yes and not there, no and there, no and not there.",
    after=[yes_words],
)
def yes_readable(student: Student) -> None:
    for yes, no in (((5, 2), (3, 7)), ((1, 6), (4, 2)), ((9, 1), (0, 3))):
        SCORES.run(student, lambda y=yes, n=no: _answered(student, {"yes": y, "no": n}))


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
        SCORES.run(student, lambda c=counts: _answered(student, c))


@check(
    "a share of nothing is 0",
    "Which of the divisors can be 0, and for which model?",
    after=[yes_words],
)
def yes_nothing(student: Student) -> None:
    for what, counts in (
        ("never yes", {"no": (3, 4), "neither": (2, 1)}),
        ("nothing is there", {"yes": (0, 2), "no": (0, 3)}),
        ("yes and always wrong", {"yes": (0, 3), "no": (2, 2)}),
        ("nothing can be read", {"neither": (3, 2)}),
        ("one answer", {"yes": (1, 0)}),
    ):
        with student.on(what):
            SCORES.run(student, lambda c=counts: _answered(student, c))


# worth_of_picture -------------------------------------------------------------------------------

Worth = dict[str, tuple[float, float]]


def _worths(right: Tensor, own: Tensor, *, others: str = "without own") -> list[Fraction]:
    found = []
    for row, place in zip(right.tolist(), own.tolist(), strict=True):
        rest = {
            "without own": [int(r) for s, r in enumerate(row) if s != place],
            "all": [int(r) for r in row],
            "next": [int(row[(place + 1) % len(row)])],
        }[others]
        found.append(int(row[place]) - Fraction(sum(rest), len(rest)))
    return found


def _error(values: Sequence[float], *, less: int = 1) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - less) / len(values))


def _worth(
    right: Tensor,
    own: Tensor,
    kinds: Sequence[str],
    *,
    others: str = "without own",
    sign: int = 1,
    error: Callable[[list[float]], float] = _error,
    pooled: bool = False,
    clipped: bool = False,
    errors: Callable[[list[float]], float] = lambda e: math.hypot(*e) / len(e),
) -> Worth:
    worths = [float(sign * one) for one in _worths(right, own, others=others)]
    found: Worth = {}
    for kind in dict.fromkeys(kinds):
        some = [w for w, k in zip(worths, kinds, strict=True) if k == kind]
        mean = sum(some) / len(some)
        found[kind] = max(0.0, mean) if clipped else mean, error(some)
    if pooled:
        return found | {"all": (sum(worths) / len(worths), error(worths))}
    means = [mean for mean, _ in found.values()]
    return found | {"all": (sum(means) / len(means), errors([e for _, e in found.values()]))}


def _unpaired(right: Tensor, own: Tensor, kinds: Sequence[str]) -> Worth:
    """A mistake: the errors of two shares, as if they were of different questions."""
    found = _worth(right, own, kinds)
    made: Worth = {}
    for kind in dict.fromkeys(kinds):
        rows = [n for n, one in enumerate(kinds) if one == kind]
        with_own = [float(right[n, own[n]]) for n in rows]
        rest = [
            a - float(w) for a, w in zip(with_own, _worths(right[rows], own[rows]), strict=True)
        ]
        made[kind] = found[kind][0], math.hypot(_error(with_own), _error(rest))
    errors = [error for _, error in made.values()]
    return made | {"all": (found["all"][0], math.hypot(*errors) / len(errors))}


def _read_worth(value: Any, right: Tensor, own: Tensor, kinds: Sequence[str]) -> Worth:
    wanted = sorted({*kinds, "all"})
    expect_keys(value, wanted, "worth_of_picture", str(wanted))
    made: Worth = {}
    for kind, pair in value.items():
        parts = expect_parts(pair, ("a worth", "its error"), f"worth_of_picture for {kind!r}")
        for one in parts:
            if not isinstance(one, float | int) or isinstance(one, bool):
                fail(f"{kind!r} has a {kind_of(one)}, wanted a pair of floats", "x.item()")
        made[kind] = tuple(expect_number(one, "worth_of_picture") for one in parts)
    return made


def _alike_worth(ours: Worth, wanted: Worth) -> bool:
    return all(
        math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6)
        for kind in wanted
        for a, b in zip(ours[kind], wanted[kind], strict=True)
    )


def _tell_worth(ours: Worth, wanted: Worth) -> str:
    for kind, pair in wanted.items():
        for name, a, b in zip(("worth", "error"), ours[kind], pair, strict=True):
            if not math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6):
                return f"the {name} of {kind!r} is {a:.6g}, wanted {b:.6g}"
    return "something differs"


WORTH = Comparison(
    function="worth_of_picture",
    what="the worth",
    right=_worth,
    read=_read_worth,
    alike=_alike_worth,
    tells=_tell_worth,
    mistakes={
        "the own picture is among the others: it is to be left out": {"others": "all"},
        "one other picture is compared: all others are wanted": {"others": "next"},
        "the sign: own minus others": {"sign": -1},
        "a worth may be below 0": {"clipped": True},
        "the error is that of two separate shares: take the differences first": _unpaired,
        "the deviation has n where n − 1 is wanted": {"error": lambda some: _error(some, less=0)},
        "that is the deviation of one question: the error of a mean is smaller by √n": {
            "error": lambda some: _error(some) * len(some) ** 0.5
        },
        "'all' counts every question once: each kind shall count the same": {"pooled": True},
        "the error of 'all' is the mean of the errors: add their squares": {
            "errors": lambda e: sum(e) / len(e)
        },
        "the error of 'all': the root of the sum of squares is divided by the number of kinds": {
            "errors": lambda e: math.hypot(*e) / len(e) ** 0.5
        },
    },
)


def _alike_means(ours: Worth, wanted: Worth) -> bool:
    return all(
        math.isclose(ours[kind][0], wanted[kind][0], rel_tol=1e-4, abs_tol=1e-6) for kind in wanted
    )


def _tell_means(ours: Worth, wanted: Worth) -> str:
    return _tell_worth({kind: (pair[0], wanted[kind][1]) for kind, pair in ours.items()}, wanted)


# The worths alone: the first four mistakes have other worths, the later ones other errors.
MEANS = replace(
    WORTH, alike=_alike_means, tells=_tell_means, mistakes=dict([*WORTH.mistakes.items()][:4])
)


def _answers(student: Student, kinds: Mapping[str, int], pictures: int) -> tuple[Any, ...]:
    """Questions of several kinds, more of them right with their own picture, in any order."""
    names = student.shuffled([kind for kind, many in kinds.items() for _ in range(many)])
    own = torch.tensor([student.integer(0, pictures - 1) for _ in names])
    right = student.normal(len(names), pictures) > 0.4
    for row, (place, name) in enumerate(zip(own.tolist(), names, strict=True)):
        before = names[:row].count(name)
        right[row, place] = before % 4 < 3  # of a kind's questions the fourth is wrong, and so on
    return right, own, names


@check(
    "one kind: own picture minus all the others",
    "Each question by itself first: 1 or 0, minus a share of S − 1 pictures.",
)
def worth_mean(student: Student) -> None:
    for number, pictures in ((7, 4), (12, 9), (5, 2)):
        MEANS.run(student, lambda n=number, p=pictures: _answers(student, {"what": n}, p))
    with student.on("a model that is better with other pictures"):
        MEANS.run(
            student,
            lambda: (~torch.eye(5, dtype=torch.bool), torch.arange(5), ["what"] * 5),
        )


@check(
    "the error is that of the mean of paired differences, with n − 1",
    "s/√n, where s is the deviation of the questions' worths.",
    after=[worth_mean],
)
def worth_error(student: Student) -> None:
    for number, pictures in ((2, 3), (3, 6), (20, 5)):
        WORTH.run(student, lambda n=number, p=pictures: _answers(student, {"where": n}, p))
    with student.on("all questions alike: no spread"):
        WORTH.run(student, lambda: (torch.eye(4, dtype=torch.bool), torch.arange(4), ["what"] * 4))


@check(
    "each kind by itself, and 'all' as the mean of kinds",
    "Three of one kind count as much as thirty of another.",
    after=[worth_mean, worth_error],
    keeps_arguments=True,
)
def worth_kinds(student: Student) -> None:
    for kinds, pictures in (({"what": 3, "where": 20}, 7), ({"a": 2, "b": 5, "c": 11}, 4)):
        WORTH.run(student, lambda k=kinds, p=pictures: _answers(student, k, p))


@check(
    "more pictures than questions, and pictures of many questions",
    "Which axis holds questions, and which pictures? Try unequal numbers.",
    after=[worth_mean],
)
def worth_shapes(student: Student) -> None:
    with student.on("more pictures than questions"):
        MEANS.run(student, lambda: _answers(student, {"what": 3, "where": 2}, 13))
    with student.on("all questions of one picture"):

        def draw() -> tuple[Any, ...]:
            right, own, kinds = _answers(student, {"what": 6, "where": 4}, 3)
            return right, torch.full_like(own, 2), kinds

        MEANS.run(student, draw)
    with student.on("own of int32"):

        def narrow() -> tuple[Any, ...]:
            own = torch.tensor(student.shuffled(range(5)))
            right = torch.ones(5, 5, dtype=torch.bool)
            right[range(5), own] = False
            return right, own.to(torch.int32), ["what"] * 5

        MEANS.run(student, narrow)


# refusal_threshold ------------------------------------------------------------------------------

Asking = list[tuple[float, bool, bool]]
REPORT = ("threshold", "answered", "right", "honest", "cost")


def _total(t: float, asked: Asking, costs: Sequence[int], *, below: bool = False) -> int:
    wrong, refused = costs
    total = 0
    for p, can, right in asked:
        given = p < t if below else p <= t
        total += wrong * (given and not right) + refused * (can and not given)
    return total


def _ratio(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _refusing(
    validation: Asking,
    test: Asking,
    costs: Sequence[int],
    *,
    choose: Callable[..., float] = max,
    everything: bool = True,
    on: str = "validation",
    cost: Callable[..., int] = _total,
    below: bool = False,
    of_all: bool = False,
    candidate: Callable[[bool, bool], bool] = lambda can, right: True,
) -> dict[str, float | None] | None:
    chosen = {"validation": validation, "test": test, "both": [*validation, *test]}[on]
    choices = {p for p, can, right in chosen if candidate(can, right)} | (
        {-1.0} if everything else set()
    )
    if not choices:
        return None
    found = {t: cost(t, chosen, costs) for t in choices}
    t = choose(t for t in choices if found[t] == min(found.values()))
    given = [(p < t if below else p <= t, can, right) for p, can, right in test]
    return {
        "threshold": t,
        "answered": _ratio([g for g, can, _ in given if can]),
        "right": _ratio(
            [r and g for g, can, r in given if can]
            if of_all
            else [r for g, can, r in given if can and g]
        ),
        "honest": _ratio([not g for g, can, _ in given if not can]),
        "cost": _total(t, test, costs, below=below) / len(test) if test else None,
    }


def _read_report(value: Any, *_: Any) -> dict[str, float | None]:
    expect_keys(value, REPORT, "refusal_threshold", ", ".join(REPORT))
    return {
        name: None if value[name] is None else expect_number(value[name], "refusal_threshold")
        for name in REPORT
    }


def _alike_report(ours: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(
        ours[name] is None
        if wanted[name] is None
        else ours[name] is not None and near(ours[name], wanted[name])
        for name in REPORT
    )


def _tell_report(ours: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    for name in REPORT:
        if not _alike_report(ours | {n: None for n in REPORT if n != name},
                             wanted | {n: None for n in REPORT if n != name}):  # fmt: skip
            return f"{name} is {ours[name]}, wanted {wanted[name]}"
    return "something differs"


def _free_refusal(t: float, asked: Asking, costs: Sequence[int]) -> int:
    """A mistake: refusing costs nothing."""
    return _total(t, asked, (costs[0], 0))


def _free_answer(t: float, asked: Asking, costs: Sequence[int]) -> int:
    """A mistake: to answer what cannot be answered costs nothing."""
    return _total(t, [one for one in asked if one[1]], costs)


def _honest_costs(t: float, asked: Asking, costs: Sequence[int]) -> int:
    """A mistake: every refusal costs, the honest one too."""
    return sum(costs[1] if p > t else 0 if right else costs[0] for p, _, right in asked)


def _either_cost(*given: Any) -> dict[str, float | None] | None:
    """What both of the last two give, where they cannot be told apart."""
    found = [_refusing(*given, cost=cost) for cost in (_free_answer, _honest_costs)]
    return found[0] if found[0] == found[1] else None


UNANSWERABLE = (
    "a question that cannot be answered costs as a wrong answer where it is answered, and nothing "
    "where it is refused"
)
REFUSAL = Comparison(
    function="refusal_threshold",
    what="the report",
    right=_refusing,
    read=_read_report,
    alike=_alike_report,
    tells=_tell_report,
    mistakes={
        "the threshold was chosen on test: a cost reported there is then the least of many": {
            "on": "test"
        },
        "the threshold was chosen on validation and test together": {"on": "both"},
        "of several thresholds with the least cost the largest is wanted": {"choose": min},
        "−1.0, which refuses everything, is among the choices": {"everything": False},
        "a question with p equal to t is answered: only p > t is refused": {
            "cost": lambda *c: _total(*c, below=True),
            "below": True,
        },
    },
    slips=(
        Slip(_either_cost, UNANSWERABLE),
        Slip(
            functools.partial(_refusing, cost=_free_answer),
            "an answer to what cannot be answered is a wrong answer, and costs as one",
        ),
        Slip(
            functools.partial(_refusing, candidate=lambda can, right: can),
            "every p of validation is among the choices, also of what cannot be answered",
        ),
        Slip(
            functools.partial(_refusing, candidate=lambda can, right: can and right),
            "every p of validation is among the choices, also where the answer is wrong",
        ),
        Slip(functools.partial(_refusing, cost=_honest_costs), UNANSWERABLE),
        Slip(
            functools.partial(_refusing, cost=_free_refusal),
            "to refuse what can be answered has a cost of its own",
        ),
        Slip(
            functools.partial(_refusing, cost=lambda t, a, c: _total(t, a, c[::-1])),
            "the two costs are swapped: first a wrong answer, then a refusal",
        ),
        Slip(
            functools.partial(_refusing, of_all=True),
            "'right' is a share of the answered, not of all that can be answered",
        ),
    ),
)


def _tell_threshold(ours: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    return f"threshold is {ours['threshold']}, wanted {wanted['threshold']}"


THRESHOLD = replace(
    REFUSAL,
    alike=lambda ours, wanted: (
        ours["threshold"] is not None and near(ours["threshold"], wanted["threshold"])
    ),
    tells=_tell_threshold,
    slips=REFUSAL.slips[:-1],
)


def _asking(student: Student, number: int, *, levels: int = 1000) -> Asking:
    """Questions; those that cannot be answered have the larger p, mostly."""
    asked = []
    for _ in range(number):
        can = student.integer(0, 9) < 6
        p = student.integer(0, levels) / levels
        p = p * p if can else 1 - (1 - p) ** 2 * 0.8
        asked.append((round(p, 6), can, can and student.integer(0, 9) < 8))
    return asked


def _clear(student: Student, costs: Sequence[int], *, levels: int = 1000) -> Asking:
    """Questions among whose thresholds one is cheaper than all the others, and answers some."""
    while True:
        asked = _asking(student, 25, levels=levels)
        found = {t: _total(t, asked, costs) for t in {-1.0, 0.0, *(p for p, _, _ in asked)}}
        best = [t for t in found if found[t] == min(found.values())]
        if len(best) == 1 and best[0] > 0:
            return asked


# All sorts are there, so that no share is of nothing.
EVERY_SORT = [(0.01, True, True), (0.02, True, False), (0.98, False, False), (0.99, True, True),
              *[(0.03, False, False)] * 60]  # fmt: skip


def _split(student: Student) -> Asking:
    """Validation questions that one threshold serves without any cost."""
    can = [(student.integer(50, 400) / 1000, True, True) for _ in range(9)]
    return student.shuffled(can + [(student.integer(600, 900) / 1000, False, False)] * 5)


@check(
    "the threshold with the least cost on validation",
    "Try every p of validation, and −1. What does each cost?",
)
def refuse_choice(student: Student) -> None:
    for costs in ((3, 1), (1, 1), (1, 2), (5, 2)):

        def draw(costs: tuple[int, int] = costs) -> tuple[Any, ...]:
            validation = _clear(student, costs)
            above = [(round(p + 5e-5, 6), True, True) for p, _, _ in validation]
            return validation, student.shuffled(above + EVERY_SORT), costs

        THRESHOLD.run(student, draw)
    with student.on("the best threshold is that of a wrong answer"):
        some = [(0.1, True, True), (0.9, True, False), (0.95, False, False)]
        THRESHOLD.run(student, lambda: (student.shuffled(some), EVERY_SORT, (2, 5)))


@check(
    "of several the largest; where refusing all is best, −1",
    "Sort the choices from the largest down: min takes the first of equals.",
    after=[refuse_choice],
)
def refuse_ties(student: Student) -> None:
    with student.on("nothing that was answered would be right"):
        wrong = [(0.2, False, False), (0.5, True, False), (0.1, False, False)]
        THRESHOLD.run(student, lambda: (wrong, EVERY_SORT, (4, 1)))
        THRESHOLD.run(student, lambda: (wrong[::2], EVERY_SORT, (1, 1)))
    with student.on("several thresholds cost the same"):
        free = [(0.1, True, True), (0.4, False, False), (0.8, True, True)]
        THRESHOLD.run(student, lambda: (student.shuffled(free), EVERY_SORT, (1, 1)))
        THRESHOLD.run(student, lambda: (student.shuffled(free), EVERY_SORT, (0, 0)))
        some = [(0.3, False, False), (0.6, True, True), (0.9, False, False), (0.1, True, True)]
        THRESHOLD.run(student, lambda: (student.shuffled(some), EVERY_SORT, (1, 1)))
        THRESHOLD.run(student, lambda: (student.shuffled(some), EVERY_SORT, (0, 0)))


@check(
    "p equal to t is answered",
    "Refused is p > t, strictly. Several questions may have the same p.",
    after=[refuse_choice],
)
def refuse_equal(student: Student) -> None:
    for costs in ((1, 1), (2, 1), (1, 3)):
        THRESHOLD.run(student, lambda c=costs: (_clear(student, c, levels=4), list(EVERY_SORT), c))
    with student.on("several questions with one p"):
        some = [(0.25, True, True), (0.25, True, True), (0.5, False, False), (0.25, True, False)]
        THRESHOLD.run(student, lambda: (student.shuffled(some), list(EVERY_SORT), (2, 1)))
    with student.on("p of test that are equal to t"):
        validation = [(0.25, True, True), (0.5, True, True), (0.75, False, False)]
        equal = replace(REFUSAL, alike=_of(["answered", "honest"]))
        test = [(0.5, True, True), (0.5, False, False), (0.25, True, True), (0.75, False, False)]
        equal.run(student, lambda: (student.shuffled(validation), student.shuffled(test), (2, 1)))


@check(
    "the report is about test, with the shares of the right questions",
    "For each share: which questions are below the line, and which of these above it?",
    after=[refuse_choice],
    keeps_arguments=True,
)
def refuse_report(student: Student) -> None:
    for number in (2, 9, 40):
        REFUSAL.run(
            student,
            lambda n=number: (
                _split(student),
                student.shuffled(_asking(student, n) + EVERY_SORT),
                (2, 1),
            ),
        )


@check(
    "a share of nothing is None",
    "Ask whether a list is empty before you divide by its length.",
    after=[refuse_choice],
)
def refuse_nothing(student: Student) -> None:
    validation = [(0.3, True, True), (0.7, False, False)]
    for what, test in (
        ("no test question", []),
        ("all can be answered", [(0.1, True, True), (0.2, True, False)]),
        ("none can be answered", [(0.1, False, False), (0.9, False, False)]),
        ("none is answered", [(0.8, True, True), (0.9, False, False)]),
    ):
        with student.on(what):
            REFUSAL.run(student, lambda t=test: (student.shuffled(validation), t, (2, 1)))


EXERCISE = Exercise(
    name="10_training_llava",
    title="Exercise 10: two stages and what they are worth",
    forbids=("mvlm.evaluation", "mvlm.training"),
    questions=(
        Question(
            function="set_stage",
            title="Who learns in this stage?",
            minutes=20,
            teaches="to freeze by what a weight belongs to, and to leave no old gradient behind",
            checks=(stage_parts, stage_names, stage_tied, stage_clean),
        ),
        Question(
            function="caption_floor",
            title="How low can it get?",
            minutes=10,
            teaches="the part of a caption's loss that is not in the picture",
            checks=(floor_different, floor_equal, floor_several, floor_large),
        ),
        Question(
            function="polling_questions",
            title="Ask for what is not there",
            minutes=20,
            teaches="POPE's three kinds of wrong names, and to keep yes and no in balance",
            checks=(poll_random, poll_balanced, poll_popular, poll_adversarial, poll_ties),
        ),
        Question(
            function="yes_no_scores",
            title="Yes, no, or neither",
            minutes=15,
            teaches="to read answers so that a refusal is no yes",
            checks=(yes_words, yes_readable, yes_unreadable, yes_nothing),
        ),
        Question(
            function="worth_of_picture",
            title="What is the picture worth?",
            minutes=20,
            teaches="a paired difference with its error, and a mean in which each kind counts "
            "alike",
            checks=(worth_mean, worth_error, worth_kinds, worth_shapes),
        ),
        Question(
            function="refusal_threshold",
            title="Where to refuse",
            minutes=25,
            teaches="to choose a threshold on one set by what mistakes cost, and to report it on "
            "another",
            checks=(refuse_choice, refuse_ties, refuse_equal, refuse_report, refuse_nothing),
        ),
    ),
)
