"""Exercise 07, `order_score`: does it see order?"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import AnswerFailed, Question, Student, check
from mvlm.checks.expect import Comparison, expect_number, expect_something, kind_of, same

NAMES = ("text", "image", "group", "diagonal")
Shares = tuple[float, ...]


def _item(rows: list[list[float]], wins: Callable[[float, float], bool]) -> tuple[bool, bool, bool]:
    """Whether one item has text, image and diagonal."""
    size = len(rows)
    others = [(t, i) for t in range(size) for i in range(size) if t != i]
    text = all(wins(rows[i][i], rows[t][i]) for t, i in others)
    image = all(wins(rows[t][t], rows[t][i]) for t, i in others)
    own = math.fsum(rows[t][t] for t in range(size))
    sums = [
        math.fsum(rows[t][i] for t, i in enumerate(order))
        for order in itertools.permutations(range(size))
        if any(t != i for t, i in enumerate(order))
    ]
    return text, image, all(wins(own, one) for one in sums)


def _larger(one: float, other: float) -> bool:
    return one > other


def _items(scores: Tensor, wins: Callable = _larger) -> list[tuple[bool, bool, bool]]:
    return [_item(rows, wins) for rows in scores.double().tolist()]


def _shares(found: list[tuple[bool, ...]]) -> Shares:
    return tuple(sum(column) / len(found) for column in zip(*found, strict=True))


def _order(scores: Tensor) -> Shares:
    return _shares([(t, i, t and i, d) for t, i, d in _items(scores)])


def _changed(**parts: Callable[[Tensor], float]) -> Callable[[Tensor], Shares]:
    """A mistake in some of the four numbers."""
    return lambda scores: tuple(
        parts[name](scores) if name in parts else share
        for name, share in zip(NAMES, _order(scores), strict=True)
    )


def _share_of(has: Callable[[list[list[float]]], bool]) -> Callable[[Tensor], float]:
    def share(scores: Tensor) -> float:
        rows = [has(item) for item in scores.double().tolist()]
        return sum(rows) / len(rows)

    return share


def _first_picture(rows: list[list[float]]) -> bool:
    return all(rows[0][0] > rows[t][0] for t in range(1, len(rows)))


def _first_text(rows: list[list[float]]) -> bool:
    return all(rows[0][0] > rows[0][i] for i in range(1, len(rows)))


def _one_by_one(scores: Tensor, axis: int) -> float:
    """A mistake: the share of pictures (or texts) and not of items."""
    size = scores.shape[1]
    hits = [
        all(rows[p][p] > (rows[q][p] if axis == 0 else rows[p][q]) for q in range(size) if q != p)
        for rows in scores.double().tolist()
        for p in range(size)
    ]
    return sum(hits) / len(hits)


def _mean_of_others(rows: list[list[float]]) -> bool:
    size = len(rows)
    own = sum(rows[t][t] for t in range(size)) / size
    off = sum(rows[t][i] for t in range(size) for i in range(size) if t != i)
    return own > off / (size * (size - 1))


def _anti(rows: list[list[float]]) -> bool:
    size = len(rows)
    return sum(rows[t][t] for t in range(size)) > sum(rows[t][size - 1 - t] for t in range(size))


def _exchanges(rows: list[list[float]]) -> bool:
    pairs = itertools.combinations(range(len(rows)), 2)
    return all(rows[a][a] + rows[b][b] > rows[a][b] + rows[b][a] for a, b in pairs)


def _three_moved(rows: list[list[float]]) -> bool:
    """A mistake: pairings that move four or more are left out."""
    size = range(len(rows))
    own = sum(rows[t][t] for t in size)
    orders = (
        o for o in itertools.permutations(size) if 0 < sum(t != i for t, i in enumerate(o)) < 4
    )
    return all(own > sum(rows[t][i] for t, i in enumerate(order)) for order in orders)


def _above_all(rows: list[list[float]]) -> bool:
    size = range(len(rows))
    return min(rows[t][t] for t in size) > max(rows[t][i] for t in size for i in size if t != i)


def _above_mean(rows: list[list[float]], axis: int) -> bool:
    """A mistake: the mean of the other texts (axis 0) or pictures, not each of them."""
    size = range(len(rows))
    return all(
        rows[p][p] * (len(rows) - 1)
        > sum(rows[q][p] if axis == 0 else rows[p][q] for q in size if q != p)
        for p in size
    )


def _means_only(scores: Tensor) -> Shares:
    has = [[_above_mean(rows, axis) for axis in (0, 1)] for rows in scores.double().tolist()]
    shares = _shares([(text, image, text and image) for text, image in has])
    return *shares, _order(scores)[3]


def _read_shares(value: Any, *_: Any) -> Shares:
    value = expect_something(value, "order_score")
    if type(value) is not dict or set(value) != set(NAMES):
        has = sorted(map(str, value)) if type(value) is dict else kind_of(value)
        raise AnswerFailed(
            f"order_score returned {has}, wanted a dictionary with 'text', 'image', 'group' and "
            "'diagonal'"
        )
    return tuple(expect_number(value[name], f"order_score, as {name!r},") for name in NAMES)


def _tells_shares(ours: Shares, wanted: Shares) -> str:
    for name, mine, right in zip(NAMES, ours, wanted, strict=True):
        if not same(mine, right):
            return f"{name} is {mine:.4g}, wanted {right:.4g}"
    return ""


def _first_only(scores: Tensor) -> Shares:
    text, image = _share_of(_first_picture)(scores), _share_of(_first_text)(scores)
    both = _share_of(lambda rows: _first_picture(rows) and _first_text(rows))(scores)
    return text, image, both, _order(scores)[3]


TIES = "ties were counted as wins: a tie is none"
ORDER = Comparison(
    function="order_score",
    what="the scores",
    right=_order,
    read=_read_shares,
    alike=lambda a, b: all(map(same, a, b)),
    tells=_tells_shares,
    mistakes={
        TIES: lambda s: _shares([(t, i, t and i, d) for t, i, d in _items(s, lambda a, b: a >= b)]),
        "text and image are exchanged: text asks which TEXT wins, for one picture": lambda s: (
            (found := _order(s))[1],
            found[0],
            *found[2:],
        ),
        "group is the mean of text and image: it asks whether ONE item has both": _changed(
            group=lambda s: sum(_order(s)[:2]) / 2
        ),
        "group is the product of two shares: it asks whether ONE item has both": _changed(
            group=lambda s: math.prod(_order(s)[:2])
        ),
        "group is the smaller of two shares: it asks whether ONE item has both": _changed(
            group=lambda s: min(_order(s)[:2])
        ),
        "the first picture and the first text alone were asked: all of the item must win": (
            _first_only
        ),
        "shares of pictures and of texts came, wanted of items: in an item all must win": (
            lambda s: (_one_by_one(s, 0), _one_by_one(s, 1), *_order(s)[2:])
        ),
        "diagonal compares with the MEAN of the wrong scores: compare with every other pairing": (
            _changed(diagonal=_share_of(_mean_of_others))
        ),
        "diagonal compares with the reversed pairing alone: for M above 2 there are more": _changed(
            diagonal=_share_of(_anti)
        ),
        "diagonal compares with exchanges of two alone: there are pairings that turn three round": (
            _changed(diagonal=_share_of(_exchanges))
        ),
        "diagonal leaves out pairings that move more than three texts": _changed(
            diagonal=_share_of(_three_moved)
        ),
        "own scores were compared with ALL others: a text's rivals are in one column, a picture's "
        "in one row": _changed(**dict.fromkeys(("text", "image", "group"), _share_of(_above_all))),
        "own scores were compared with the MEAN of the others: with each of them": _means_only,
        "this is per cent: a share lies between 0 and 1": lambda s: tuple(
            100 * one for one in _order(s)
        ),
        "these are numbers of items: shares are wanted": lambda s: tuple(
            len(s) * one for one in _order(s)
        ),
    },
)


def _only(asked: str) -> Comparison:
    """As `ORDER`, but this number alone is looked at."""
    return ORDER.part(
        lambda shares: tuple(
            share if name == asked else 0.0 for name, share in zip(NAMES, shares, strict=True)
        )
    )


def _scores(student: Student, count: int, size: int, *, lead: float = 0.9) -> Tensor:
    """Random scores in 64ths, so that sums are exact, without ties; the right ones are ahead."""
    items = []
    while len(items) < count:
        rows = student.normal(size, size) + lead * torch.eye(size) * student.integer(0, 2)
        rows = (rows * 64).round() / 64
        if _item(rows.tolist(), _larger) == _item(rows.tolist(), lambda a, b: a >= b):
            items.append(rows)
    return torch.stack(items)


def _telling(student: Student, count: int, size: int) -> Tensor:
    """Scores on which the four numbers differ from one another, and none is 0 or 1.

    Of more than two a side some items have only a pairing of three or more in their way.
    """
    while True:
        scores = _scores(student, count, size)
        found = _order(scores)
        apart = size == 2 or _share_of(_exchanges)(scores) != found[3]
        if apart and len(set(found)) == 4 and min(found) > 0 and max(found) < 1:
            return scores


def _two_and_three(student: Student) -> dict[str, Callable[[], tuple[Tensor]]]:
    return {
        f"60 items of {size} and {size}": lambda size=size: (_telling(student, 60, size),)
        for size in (2, 3)
    }


def _turned(student: Student, size: int) -> Tensor:
    """One item where a single pairing, which moves every text, is better than the right one."""
    own = torch.eye(size)
    return (own + 1.25 * own.roll(1, dims=1) - 4 * (1 - own - own.roll(1, dims=1))).unsqueeze(
        0
    ) + 0.125 * student.integer(0, 8)


@check("text: which text wins, for every picture", "Along a column of scores[n], the texts.")
def ord_text(student: Student) -> None:
    _only("text").each(student, _two_and_three(student))


@check("image: which picture wins, for every text", "Along a row of scores[n], the pictures.")
def ord_image(student: Student) -> None:
    _only("image").each(student, _two_and_three(student))


@check("group: both, in the same item", "First an item's two answers, then the share of items.")
def ord_group(student: Student) -> None:
    _only("group").each(student, _two_and_three(student))


@check(
    "diagonal: the right sum against every other pairing",
    "itertools.permutations(range(M)) has them all, the right one too.",
)
def ord_diagonal(student: Student) -> None:
    _only("diagonal").each(
        student,
        {
            "60 items of 2 and 2": lambda: (_telling(student, 60, 2),),
            "63 items of 4 and 4": lambda: (
                torch.cat([_telling(student, 60, 4), *[_turned(student, 4)] * 3]),
            ),
        },
    )


@check("ties are no wins", "Compare with >, and not by argmax, which takes the first of equals.")
def ord_ties(student: Student) -> None:
    def tied() -> Tensor:
        """Scores of few values, so that many are equal."""
        while True:
            scores = torch.stack(
                [
                    torch.randint(0, 3, (2, 2), generator=student.generator).float() / 4
                    + 0.25 * torch.eye(2)
                    for _ in range(80)
                ]
            )
            lax = ORDER.mistakes[TIES](scores)
            strict_ = _order(scores)
            if all(a - b > 0.05 for a, b in zip(lax, strict_, strict=True)) and min(strict_) > 0:
                return scores

    ORDER.each(
        student,
        {
            "80 items of few values": lambda: (tied(),),
            "all scores alike": (torch.full((3, 2, 2), 0.5),),
            "both texts alike": (torch.tensor([[[0.75, 0.25], [0.75, 0.25]]] * 2),),
            "both pictures alike": (torch.tensor([[[0.75, 0.75], [0.25, 0.25]]] * 2),),
        },
    )


@check(
    "three to five texts and pictures, one item, float64",
    "M is scores.shape[1], each picture has M − 1 other texts, and no score is rounded.",
    after=[ord_text, ord_image, ord_group, ord_diagonal, ord_ties],
    keeps_arguments=True,
)
def ord_more(student: Student) -> None:
    def winner() -> Tensor:
        return torch.eye(3).unsqueeze(0) + 0.1 * _scores(student, 1, 3, lead=0.0)

    ORDER.each(
        student,
        {
            "80 items of 3 and 3": lambda: (_telling(student, 80, 3),),
            "8 items of 5 and 5": lambda: (
                torch.cat([_scores(student, 7, 5, lead=1.5), _turned(student, 5)]),
            ),
            "one item that has everything": lambda: (winner(),),
            "20 items, float64": lambda: (_scores(student, 20, 2).double(),),
        },
    )
    with student.on("float64 numbers that are alike in float32"):
        near = torch.full((1, 2, 2), 0.5, dtype=torch.float64)
        near[0, 0, 0] += 1e-12
        near[0, 1, 1] += 1e-12
        ORDER.run(student, lambda: (near,))


QUESTION = Question(
    function="order_score",
    title="Does it see order?",
    minutes=25,
    teaches="to score texts and pictures together, ties included",
    checks=(ord_text, ord_image, ord_group, ord_diagonal, ord_ties, ord_more),
)
