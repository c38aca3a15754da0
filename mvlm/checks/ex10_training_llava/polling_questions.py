"""Exercise 10, `polling_questions`: ask for what is not there."""

from collections.abc import Callable, Sequence
from typing import Any

from mvlm.checks.core import AnswerFailed, Question, Student, check, fail
from mvlm.checks.ex10_training_llava.common import expect_refusal
from mvlm.checks.expect import Comparison, expect_something, kind_of

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
        expect_refusal(student, "polling_questions", *case, what=f"the kind {kind!r}")


QUESTION = Question(
    function="polling_questions",
    title="Ask for what is not there",
    minutes=20,
    teaches="POPE's three kinds of wrong names, and to keep yes and no in balance",
    checks=(poll_random, poll_balanced, poll_popular, poll_adversarial, poll_ties),
)
