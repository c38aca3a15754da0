"""Exercise 10, `polling_questions`: ask for what is not there."""

import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mvlm.checks.core import AnswerFailed, Question, Student, check, fail
from mvlm.checks.ex10_training_llava.common import expect_refusal
from mvlm.checks.expect import Comparison, a_kind_of, expect_something

Scene = list[str]
Asked = list[tuple[str, bool]]


def _holds(name: str, scene: Scene, known: list[Scene]) -> int:
    """How many known scenes hold `name`."""
    return sum(name in one for one in known)


def _company(name: str, scene: Scene, known: list[Scene]) -> int:
    """How often `name` stands beside what is in the scene."""
    return sum(name in one and other in one for one in known for other in set(scene))


def _poll(
    scene: Scene,
    known: list[Scene],
    names: Scene,
    kind: str,
    each: int,
    *,
    holds: Callable[[str, Scene, list[Scene]], int] = _holds,
    company: Callable[[str, Scene, list[Scene]], int] = _company,
    last: bool = False,
    balanced: bool = True,
) -> Asked:
    number = {"random": lambda *_: 0, "popular": holds, "adversarial": company}[kind]
    sign = -1 if last and kind != "random" else 1
    yes = [name for name in names if name in scene]
    no = [name for name in names if name not in scene]
    no.sort(key=lambda name: (-number(name, scene, known), sign * names.index(name)))
    if not balanced:
        return [(n, True) for n in yes[:each]] + [(n, False) for n in no[:each]]
    return [q for a, b in list(zip(yes, no, strict=False))[:each] for q in ((a, True), (b, False))]


def _read_poll(value: Any, *_: Any) -> Asked:
    expect_something(value, "polling_questions")
    if type(value) not in (list, tuple):
        raise AnswerFailed(f"polling_questions returned {a_kind_of(value)}, wanted a list of pairs")
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
    alike=operator.eq,
    tells=_tell_poll,
    mistakes={
        "yes and no questions are wanted in turn, as many of both": {"balanced": False},
        "a scene that holds a name three times counts once": {
            "holds": lambda n, s, some: sum(x.count(n) for x in some),
            "company": lambda n, s, some: sum(x.count(o) for x in some if n in x for o in {*s}),
        },
        "that is the most for one name of the scene: add up over its different names": {
            "company": lambda n, s, some: max((_company(n, [o], some) for o in s), default=0)
        },
        "a name that this scene holds several times counts once: make a set of it, too": {
            "company": lambda n, s, some: sum(_company(n, [o], some) for o in s)
        },
        "a scene that holds two of the names beside it counts for both of them: add up over "
        "the names in the scene": {
            "company": lambda n, s, some: sum(n in one and bool({*s} & {*one}) for one in some)
        },
        "what is in the scene counts as company also where it is not in names": (
            lambda scene, known, names, *asked: _poll(
                [one for one in scene if one in names], known, names, *asked
            )
        ),
        "adversarial is not popular: only scenes that hold something of this scene count": {
            "company": _holds
        },
        "of equals the one that comes first in names goes first, and yours takes another": {
            "last": True
        },
        "the order of names is the one that was given, not the alphabet": (
            lambda scene, known, names, *asked: _poll(scene, known, sorted(names), *asked)
        ),
    },
)
NAMES = ("ant", "bell", "cup", "dog", "egg", "fish", "gear", "hat", "ink", "jar", "key")


def _known(student: Student, names: Sequence[str]) -> list[Scene]:
    """Scenes of two to five names, some of them twice; the first names are more frequent."""
    pool = [*names, *names[:4], *names[:2]]
    scenes = (student.shuffled(pool)[: student.integer(2, 5)] for _ in range(14))
    return [scene + scene[:1] * student.integer(0, 2) for scene in scenes]


def _drawn(student: Student, kind: str, each: int, *, there: int = 4) -> tuple[Any, ...]:
    """A scene of so many names, each twice, among known scenes."""
    names = student.shuffled(NAMES)
    scene = [names[0], *student.shuffled(names[1:])[: there - 1]]
    scene = student.shuffled(scene + scene)
    return scene, _known(student, student.shuffled(names)), names, kind, each


def _given(
    student: Student, kind: str, each: int, scene: str, known: str, names: Sequence[str] = NAMES
) -> tuple[Any, ...]:
    """This scene among known ones, "a b, c" being two, in any order; so are the names."""
    scenes = [one.split() for one in known.split(", ") if one]
    return scene.split(), student.shuffled(scenes), student.shuffled(names), kind, each


@check(
    "random: in the order of names, yes and no in turn",
    "Two lists, both in the order of names: what is there, and what is not.",
)
def poll_random(student: Student) -> None:
    for each in (1, 2, 3):
        POLL.run(student, partial(_drawn, student, "random", each))


@check(
    "as many of both, where one sort runs out too",
    "zip ends with the shorter of two lists.",
    after=[poll_random],
)
def poll_balanced(student: Student) -> None:
    inputs = {
        "few things are there": partial(_drawn, student, "random", 5, there=2),
        "few are not there": partial(_drawn, student, "random", 5, there=9),
        "nothing is there": lambda: ([], _known(student, NAMES), list(NAMES), "popular", 2),
        "names of the scene that may not be asked for": partial(
            _given, student, "random", 3, "cup dog bell", "cup egg", NAMES[3:]
        ),
    }
    POLL.each(student, inputs)


@check(
    "popular: what most known scenes hold, each scene once",
    "For each name: in how many of the known scenes is it?",
    after=[poll_random],
)
def poll_popular(student: Student) -> None:
    for each in (1, 3):
        POLL.run(student, partial(_drawn, student, "popular", each))
    given = partial(_given, student, "popular")
    inputs = {
        "a name that one scene holds many times": partial(
            given, 3, "cup dog gear", "ant ant ant ant ant, bell, bell egg, egg egg fish, bell egg"
        ),
        "no known scene": partial(given, 2, "cup dog", ""),
    }
    POLL.each(student, inputs)


@check(
    "adversarial: what most often stands beside what is there",
    "For each absent name a sum over the different names in the scene.",
    after=[poll_random],
)
def poll_adversarial(student: Student) -> None:
    given = partial(_given, student, "adversarial")
    others = [name for name in NAMES if name != "cup"]
    inputs = {
        "one scene with three names of this one, against two with one each": partial(
            given, 3, "cup dog gear",
            "cup dog gear hat, cup ink, dog ink, cup fish, dog egg, jar, jar, jar key, jar key",
        ),
        "a scene that holds one of its own names three times": partial(
            given, 2, "cup cup key cup", "cup dog, key hat, key hat, jar"
        ),
        "scenes that hold one name three times": partial(
            given, 1, "cup dog cup", "cup ant ant ant, cup egg, dog egg, cup cup cup key"
        ),
        "company of a name that may not be asked for": partial(
            given, 2, "cup dog", "cup hat, cup hat, dog ink, jar", others
        ),
    }  # fmt: skip
    POLL.each(student, inputs)
    for each in (1, 3):  # last: on many scenes several mistakes give the same
        POLL.run(student, partial(_drawn, student, "adversarial", each))


@check(
    "of equals the first in names, and another kind is refused",
    "Which sort keeps equals in their order, and what does reverse do to them?",
    after=[poll_random, poll_popular, poll_adversarial],
    keeps_arguments=True,
)
def poll_ties(student: Student) -> None:
    for kind in ("popular", "adversarial"):
        known = "cup ant, cup egg, cup ink, dog, cup hat"
        POLL.run(student, partial(_given, student, kind, 3, "cup dog bell", known))
    for kind in ("Random", "frequent", ""):
        case = (["cup"], [["cup", "dog"]], ["dog", "cup"], kind, 1)
        expect_refusal(student, "polling_questions", *case, what=f"the kind {kind!r}")


QUESTION = Question(
    function="polling_questions",
    title="Ask for what is not there",
    minutes=20,
    teaches="POPE's three kinds of wrong names, and to keep yes and no in balance",
    checks=(poll_random, poll_balanced, poll_popular, poll_adversarial, poll_ties),
)
