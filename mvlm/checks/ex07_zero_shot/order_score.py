"""Exercise 07, `order_score`: does it see order?"""

import itertools
import math
import operator
from collections.abc import Callable
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check
from mvlm.checks.expect import Comparison, expect_keys, expect_number, same

NAMES = ("text", "image", "group", "diagonal")
WANTED = "a dictionary with 'text', 'image', 'group' and 'diagonal'"
Shares = dict[str, float]
Rows = list[list[float]]
Order = tuple[int, ...]  # the picture that each text is paired with


def _duels(rows: Rows) -> list[tuple[float, list[float]]]:
    """In each row the right score, and the others that it must be above."""
    return [(row[place], row[:place] + row[place + 1 :]) for place, row in enumerate(rows)]


def _order(
    scores: Tensor,
    *,
    wins: Callable[[float, float], bool] = operator.gt,
    duels: Callable[[Rows], list[tuple[float, list[float]]]] = _duels,
    rival: Callable[[list[float]], float] = max,
    in_item: Callable[[list[bool]], float] = all,
    counts: Callable[[Order], bool] = any,
    rival_sum: Callable[[list[float]], float] = max,
    group: Callable[[float, float], float] | None = None,
    over_items: Callable[[tuple[float, ...]], float] = fmean,
) -> Shares:
    """The four shares, item by item; each keyword argument makes a mistake."""
    right, *others = itertools.permutations(range(scores.shape[1]))  # the first moves nothing
    found = []
    for columns, rows in zip(scores.mT.tolist(), scores.tolist(), strict=True):
        text, image = (
            in_item([wins(own, rival(rest)) for own, rest in duels(lines)])
            for lines in (columns, rows)
        )
        own, *sums = (
            math.fsum(row[place] for row, place in zip(rows, order, strict=True))
            for order in (right, *filter(counts, others))
        )
        found.append((text, image, text == image == 1, wins(own, rival_sum(sums))))
    shares = dict(zip(NAMES, map(over_items, zip(*found, strict=True)), strict=True))
    return shares | ({"group": group(shares["text"], shares["image"])} if group else {})


def _against_all(rows: Rows) -> list[tuple[float, list[float]]]:
    """A mistake: the right scores against all others of the item."""
    right, others = zip(*_duels(rows), strict=True)
    return [(min(right), [max(row) for row in others])]


def _moving_at_most(most: int) -> Callable[[Order], bool]:
    """A mistake: the right sum against pairings that move so many texts and no more."""
    return lambda order: sum(text != image for text, image in enumerate(order)) <= most


def _read_shares(value: Any, *_: Any) -> Shares:
    expect_keys(value, NAMES, "order_score", WANTED)
    return {name: expect_number(value[name], f"order_score, as {name!r},") for name in NAMES}


def _tells_shares(ours: Shares, wanted: Shares) -> str:
    name = next(name for name in wanted if not same(ours[name], wanted[name]))
    return f"{name} is {ours[name]:.4g}, wanted {wanted[name]:.4g}"


ORDER = Comparison(
    function="order_score",
    what="the scores",
    right=_order,
    read=_read_shares,
    alike=lambda ours, wanted: all(same(ours[name], wanted[name]) for name in wanted),
    tells=_tells_shares,
    mistakes={
        "ties were counted as wins: a tie is none": {"wins": operator.ge},
        "text and image are exchanged: text asks which TEXT wins, for one picture": (
            lambda scores: _order(scores.mT)
        ),
        "group is the mean of text and image: it asks whether ONE item has both": {
            "group": lambda text, image: (text + image) / 2
        },
        "group is the product of two shares: it asks whether ONE item has both": {
            "group": operator.mul
        },
        "group is the smaller of two shares: it asks whether ONE item has both": {"group": min},
        "the first picture and the first text alone were asked: all of the item must win": {
            "duels": lambda rows: _duels(rows)[:1]
        },
        "shares of pictures and of texts came, wanted of items: in an item all must win": {
            "in_item": fmean
        },
        # The other pairings' sums have a mean below the right sum just where the wrong scores have
        # one below that of the right scores.
        "diagonal compares with the MEAN of the wrong scores: compare with every other pairing": {
            "rival_sum": fmean
        },
        "diagonal compares with the SUM of all wrong scores: compare with each other pairing": {
            "counts": lambda order: len({(i - t) % len(order) for t, i in enumerate(order)}) == 1,
            "rival_sum": sum,  # the pairings that shift all by as much have each wrong score once
        },
        "diagonal compares with the reversed pairing alone: for M above 2 there are more": {
            "counts": lambda order: [*order] == sorted(order, reverse=True)
        },
        "diagonal compares with exchanges of two alone: there are pairings that turn three round": {
            "counts": _moving_at_most(2)
        },
        "diagonal leaves out pairings that move more than three texts": {
            "counts": _moving_at_most(3)
        },
        "own scores were compared with ALL others: a text's rivals are in one column, a picture's "
        "in one row": {"duels": _against_all},
        "own scores were compared with the MEAN of the others: with each of them": {"rival": fmean},
        "this is per cent: a share lies between 0 and 1": {
            "over_items": lambda items: 100 * fmean(items)
        },
        "these are numbers of items: shares are wanted": {"over_items": sum},
    },
)


def _only(asked: str) -> Comparison:
    """As `ORDER`, but this number alone is looked at."""
    return ORDER.part(lambda shares: {asked: shares[asked]})


def _scores(student: Student, count: int, size: int, *, lead: float = 0.9) -> Tensor:
    """Random scores in 64ths, so that sums are exact, without ties; the right ones are ahead."""
    items = []
    while len(items) < count:
        rows = student.normal(size, size) + lead * torch.eye(size) * student.integer(0, 2)
        rows = (rows * 64).round() / 64
        if _order(rows[None]) == _order(rows[None], wins=operator.ge):
            items.append(rows)
    return torch.stack(items)


def _telling(student: Student, count: int, size: int) -> Tensor:
    """Scores on which the four numbers differ from one another, and none is 0 or 1.

    Of more than two a side some items have only a pairing of three or more in their way.
    """
    while True:
        scores = _scores(student, count, size)
        found = _order(scores)
        apart = size == 2 or _order(scores, counts=_moving_at_most(2)) != found
        if apart and len({0, 1, *found.values()}) == 6:
            return scores


def _two_and_three(student: Student) -> dict[str, Callable[[], tuple[Tensor]]]:
    return {
        "60 items of 2 and 2": lambda: (_telling(student, 60, 2),),
        "60 items of 3 and 3": lambda: (_telling(student, 60, 3),),
    }


def _turned(student: Student, size: int) -> Tensor:
    """One item where a single pairing, which moves every text, is better than the right one."""
    own = torch.eye(size)
    turned = own.roll(1, dims=1)
    rows = own + 1.25 * turned - 4 * (1 - own - turned)
    return rows[None] + 0.125 * student.integer(0, 8)


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
    def tied() -> tuple[Tensor]:
        """Scores of few values, so that many are equal."""
        while True:
            few = torch.randint(0, 3, (80, 2, 2), generator=student.generator)
            scores = few / 4 + torch.eye(2) / 4
            strict, lax = _order(scores), _order(scores, wins=operator.ge)
            if all(lax[name] - strict[name] > 0.05 and strict[name] > 0 for name in NAMES):
                return (scores,)

    ORDER.each(
        student,
        {
            "80 items of few values": tied,
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
    ORDER.each(
        student,
        {
            "80 items of 3 and 3": lambda: (_telling(student, 80, 3),),
            "8 items of 5 and 5": lambda: (
                torch.cat([_scores(student, 7, 5, lead=1.5), _turned(student, 5)]),
            ),
            "one item that has everything": lambda: (
                torch.eye(3) + 0.1 * _scores(student, 1, 3, lead=0.0),
            ),
            "20 items, float64": lambda: (_scores(student, 20, 2).double(),),
            "float64 numbers that are alike in float32": (
                0.5 + 1e-12 * torch.eye(2, dtype=torch.float64)[None],
            ),
        },
    )


QUESTION = Question(
    function="order_score",
    title="Does it see order?",
    minutes=25,
    teaches="to score texts and pictures together, ties included",
    checks=(ord_text, ord_image, ord_group, ord_diagonal, ord_ties, ord_more),
)
