"""Exercise 12, `run_episode`: an episode and its end."""

import operator
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import Comparison, a_kind_of, expect_keys

Shop = dict[str, Any]
Said = list[int | str | None]
KEYS = ("page", "basket", "steps", "success")
A, B, C, D = "apple", "bell", "car", "dog"
# What a page does: where it leads, what it sells, what can be put back there.
PAGES = {
    "first": (("go", "second"), ("buy", A), ("buy", B)),
    "second": (("go", "last"), ("buy", C), ("buy", D)),
    "last": (("go", "first"), ("drop", A), ("drop", B)),
}


def _episode(
    shop: Shop,
    said: Said,
    limit: int,
    *,
    free: Sequence[str | None] = (),
    drops_all: bool = False,
    judged: Callable[[list[str], list[str], bool], bool] | None = None,
) -> dict[str, Any]:
    """The episode, step by step."""
    place, basket, stopped, steps = shop["start"], Counter(shop["basket"]), False, 0
    for one in said:
        if stopped or steps == limit:
            break
        kind, what = shop["pages"][place].get(one, (None, None)) if type(one) is int else (one, "")
        steps += kind not in free
        if kind == "go":
            place = what
        elif kind == "buy":
            basket[what] += 1
        elif kind == "drop" and basket[what]:
            basket[what] -= basket[what] if drops_all else 1
        stopped = kind == "stop"
    has, wanted = sorted(basket.elements()), sorted(shop["wanted"])
    success = judged(has, wanted, stopped) if judged else stopped and has == wanted
    return {"page": place, "basket": has, "steps": steps, "success": success}


def _read_episode(value: Any, *_: Any) -> dict[str, Any]:
    expect_keys(value, KEYS, "run_episode", f"a dict with {', '.join(KEYS)}")
    if type(value["basket"]) not in (list, tuple):
        fail(f"the basket is {a_kind_of(value['basket'])}, wanted a sorted list")
    if type(value["success"]) is not bool or type(value["steps"]) is not int:
        fail("steps is a whole number, and success True or False")
    return value | {"basket": list(value["basket"])}


def _tell_episode(ours: dict[str, Any], wanted: dict[str, Any]) -> str:
    key = next(key for key in KEYS if ours[key] != wanted[key])
    if key == "basket" and sorted(map(str, ours[key])) == wanted[key]:
        return f"the basket {ours[key]} is not sorted"
    return f"{key} is {ours[key]!r}, wanted {wanted[key]!r}"


EPISODE = Comparison(
    function="run_episode",
    what="the episode",
    right=_episode,
    read=_read_episode,
    alike=operator.eq,
    tells=_tell_episode,
    mistakes={
        "what does nothing costs a step all the same: else an agent may try for ever": {
            "free": [None]
        },
        "stop is a step as well, and costs one": {"free": ["stop"]},
        "drop takes ONE of a thing out of the basket: yours takes out all of them": {
            "drops_all": True
        },
        "the limit was passed: later steps are not carried out": lambda shop, said, limit: _episode(
            shop, said, len(said)
        ),
        "a run that never stopped is no success": {
            "judged": lambda has, wanted, stopped: has == wanted
        },
        "two of a thing are not one of it: count them": {
            "judged": lambda has, wanted, stopped: stopped and set(has) == set(wanted)
        },
        "something lies in the basket that nobody asked for, and yours calls that a success": {
            "judged": lambda has, wanted, stopped: stopped and not Counter(wanted) - Counter(has)
        },
        "the basket was not empty at the start": lambda shop, said, limit: _episode(
            shop | {"basket": []}, said, limit
        ),
    },
)


def _shop(student: Student, *, basket: Sequence[str] = (), wanted: Sequence[str] = ()) -> Shop:
    """The pages, each with numbers of its own, which are drawn."""
    numbers = iter(student.shuffled(range(1, 60)))
    pages = {page: {next(numbers): one for one in does} for page, does in PAGES.items()}
    return {"start": "first", "pages": pages, "basket": list(basket), "wanted": list(wanted)}


def _said(shop: Shop, *steps: str | None) -> Said:
    """Words as numbers: "second" goes there, "apple" buys it, "-apple" puts it back."""
    numbers = {None: None, "stop": "stop"} | {
        "-" + what if kind == "drop" else what: number
        for page in shop["pages"].values()
        for number, (kind, what) in page.items()
    }
    return [numbers[one] for one in steps]


def _play(student: Student, *steps: str | None, limit: int = 20, **shop: Sequence[str]) -> None:
    """Compare on these steps in a drawn shop; ``shop`` is its basket and what is wanted."""

    def draw() -> tuple[Shop, Said, int]:
        drawn = _shop(student, **shop)
        return drawn, _said(drawn, *steps), limit

    EPISODE.run(student, draw)


def _zero(student: Student) -> tuple[Shop, Said, int]:
    """What is wanted carries the number 0."""
    shop = _shop(student, wanted=[A])
    page = shop["pages"]["first"]
    page[0] = page.pop(*_said(shop, A))
    return shop, [0, "stop"], 20


@check(
    "a number leads on, buys, or puts back",
    "Look the number up on the page where the agent IS. Then one of three things happens.",
)
def episode_acts(student: Student) -> None:
    _play(student, A, "stop", wanted=[A])
    _play(student, "second", D, "stop", wanted=[D])
    _play(student, B, "second", C, "last", "-" + B, "first", A, "stop", wanted=[A, C])
    _play(student, "second", "last", "-" + A, "stop", wanted=[B], basket=[B])
    with student.on("several of a kind, one put back"):
        _play(student, A, A, B, "second", "last", "-" + A, "stop", wanted=[A, B])
        _play(student, A, B, "second", "last", "-" + B, "stop", wanted=[A], basket=[B, B])
    with student.on(
        "an element that carries the number 0",
        "Is 0 a number to your code, or nothing? `if number` asks whether it is other than 0.",
    ):
        EPISODE.run(student, lambda: _zero(student))


@check(
    "every step costs one, what does nothing too, and the limit holds",
    "Count before you look at what the step does.",
    after=[episode_acts],
)
def episode_costs(student: Student) -> None:
    with student.on("what was no action (None)"):
        _play(student, None, A, None, None, "stop", wanted=[A])
    with student.on("numbers that the page does not show"):
        _play(student, C, D, A, "second", B, "stop", wanted=[A])
    with student.on("more said than the limit allows"):
        _play(student, A, "second", C, "last", "stop", wanted=[A, C], limit=3)
        _play(student, A, None, None, "stop", wanted=[A], limit=3)
        _play(student, None, None, A, "stop", wanted=[A], limit=2)
        _play(student, C, C, C, "stop", wanted=[], limit=3)
        _play(student, A, "stop", wanted=[A], limit=2)
    with student.on("a limit of 0"):
        _play(student, A, "second", wanted=[A], limit=0)
        _play(student, "stop", wanted=[], limit=0)


@check(
    "stop ends the run; a run that does not stop is no success",
    "Is it over because the agent said so, or because it ran out of steps, or of words?",
    after=[episode_acts],
)
def episode_stops(student: Student) -> None:
    with student.on("more is said behind stop"):
        _play(student, A, "stop", B, "second", wanted=[A])
        _play(student, "stop", A, wanted=[A])
    with student.on("nothing says stop"):
        _play(student, A, wanted=[A])
        _play(student, "second", "last", wanted=[])
    with student.on("nothing is said at all"):
        _play(student, wanted=[])
        _play(student, wanted=[A], basket=[A])


@check(
    "what lies in the basket at the end counts: each thing as often as wanted, and nothing else",
    "Compare the two as lists in one order, or as counts. A set forgets how often.",
    after=[episode_acts],
)
def episode_judged(student: Student) -> None:
    with student.on("right on the way, and not at the end"):
        _play(student, A, "second", "last", "-" + A, "stop", wanted=[A])
        _play(student, A, "second", C, "stop", wanted=[A])
    with student.on("more than was asked for"):
        _play(student, A, B, "stop", wanted=[A])
        _play(student, A, A, "stop", wanted=[A])
        _play(student, A, B, B, "stop", wanted=[A])
    with student.on("less than was asked for"):
        _play(student, A, "stop", wanted=[A, B])
        _play(student, B, "stop", wanted=[B, B])
    with student.on("in another order"):
        _play(student, B, A, "stop", wanted=[A, B])
        _play(student, B, A, B, "stop", wanted=[B, B, A])


@check(
    "a basket that is not empty at the start, and one that must be empty at the end",
    "A check that all wanted things are there passes for every basket when none is wanted.",
    after=[episode_acts, episode_judged],
    keeps_arguments=True,
)
def episode_full(student: Student) -> None:
    with student.on("to be emptied"):
        _play(student, "stop", wanted=[], basket=[A, C])
        _play(student, "second", "last", "-" + A, "stop", wanted=[], basket=[A])
        _play(student, "second", "last", "-" + B, "-" + B, "stop", wanted=[], basket=[B])
    with student.on("something lies there already"):
        _play(student, A, "stop", wanted=[A, D], basket=[D])
        _play(student, A, "stop", wanted=[D, A], basket=[D])
        _play(student, "stop", wanted=[A], basket=[A])
        _play(student, A, "stop", wanted=[A], basket=[A])


QUESTION = Question(
    function="run_episode",
    title="An episode and its end",
    minutes=20,
    teaches="to let an agent act, and to judge the state that it leaves",
    checks=(episode_acts, episode_costs, episode_stops, episode_judged, episode_full),
)
