"""Exercise 08, `grouped_attention`: attention with shared keys."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex08_language_model.common import ours_and_wanted, same_shape
from mvlm.checks.expect import DIGITS, Comparison, close, expect_digits, expect_kind, expect_slopes


def _grouped(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    whose: Callable[[int, int, int], int] = lambda head, group, kv_heads: head // group,
    scale: Callable[[int, int], float] = lambda heads, width: width**-0.5,
    edge: Callable[[int, int], int] = lambda queries, keys: keys - queries,
    inverted: bool = False,
    over: int = -1,
) -> Tensor:
    """Head by head, float64; query t sees keys 0 to t + edge. The keywords plant a mistake."""
    _, heads, queries, width = query.shape
    kv_heads, keys = key.shape[1:3]
    seen = torch.arange(keys) <= torch.arange(queries)[:, None] + edge(queries, keys)
    hidden = seen if inverted else ~seen
    results = []
    for head in range(heads):
        asked = whose(head, heads // kv_heads, kv_heads)
        scores = query[:, head].double() @ key[:, asked].double().mT * scale(heads, width)
        weights = scores.masked_fill(hidden, -torch.inf).softmax(over).nan_to_num(0)
        results.append(weights @ value[:, asked].double())
    return torch.stack(results, 1)


GROUPED = Comparison(
    function="grouped_attention",
    what="the output",
    right=_grouped,
    read=same_shape("grouped_attention", "that of the queries"),
    tells=lambda ours, _: (
        "the output holds nan: the softmax of a query that sees no key is 0/0. Is the mask the "
        "right way round?"
        if bool(ours.isnan().any())
        else "the output is not the attention of these queries"
    ),
    mistakes={
        "head h asks key head h % K: keys or values were laid out as 0 1 0 1, wanted 0 0 1 1": {
            "whose": lambda head, _, kv_heads: head % kv_heads
        },
        "every head asks key head 0": {"whose": lambda *_: 0},
        "the scores are not divided by √d": {"scale": lambda *_: 1.0},
        "the scores are divided by the root of H·d: d is the width of ONE head": {
            "scale": lambda heads, width: (heads * width) ** -0.5
        },
        "every query sees every key, those after it as well": {"edge": lambda _, keys: keys},
        "query t sees keys 0 to t: but the LAST query stands at the LAST key": {
            "edge": lambda *_: 0
        },
        "a query does not see its own token: the mask is the wrong way round, or its edge one "
        "place off": [{"inverted": True}, {"edge": lambda queries, keys: keys - queries - 1}],
        "the softmax runs over the queries: each query shares 1 among keys": {"over": -2},
    },
)


LOW = "A fill of -10,000 is no -inf, and exp of -30,000 is 0: softmax subtracts the largest first."


def _draw_grouped(
    student: Student, batch: int, heads: int, kv_heads: int, queries: int, keys: int
) -> tuple[Tensor, Tensor, Tensor]:
    width = 5
    return (
        1.5 * student.normal(batch, heads, queries, width),
        1.5 * student.normal(batch, kv_heads, keys, width),
        student.normal(batch, kv_heads, keys, width),
    )


@check(
    "each head asks the key head of its group",
    "With 4 heads of queries and 2 of keys, heads 0 and 1 share key head 0.",
)
def group_heads(student: Student) -> None:
    for heads, kv_heads in ((4, 2), (6, 2), (6, 3)):
        # One key: its weight is 1, so only whose value it is can be seen, and no mask.
        with student.on(f"one query and one key, H = {heads}, K = {kv_heads}"):
            GROUPED.run(student, partial(_draw_grouped, student, 2, heads, kv_heads, 1, 1))


@check(
    "no query sees what comes after it",
    "The first query sees one key, the second two. What is a hidden score before the softmax?",
    after=[group_heads],
)
def group_causal(student: Student) -> None:
    GROUPED.run(student, lambda: _draw_grouped(student, 2, 4, 2, 6, 6))


@check(
    "with a past: more keys than queries",
    "With 2 queries and 6 keys, the first query sees 5 keys and the second all 6.",
    after=[group_heads, group_causal],
)
def group_past(student: Student) -> None:
    for queries, keys in ((2, 6), (3, 4)):
        with student.on(f"{queries} queries, {keys} keys"):
            GROUPED.run(student, partial(_draw_grouped, student, 2, 4, 2, queries, keys))


@check(
    "nothing shared, everything shared, one row, large scores, float64",
    "H = K is attention as always, and K = 1 has one key head for all.",
    after=[group_heads, group_causal, group_past],
)
def group_edges(student: Student) -> None:
    for name, sizes in (
        ("H = K = 3", (2, 3, 3, 4, 4)),
        ("K = 1", (2, 4, 1, 4, 6)),
        ("B = 1, one token", (1, 2, 1, 1, 1)),
    ):
        with student.on(name):
            GROUPED.run(student, partial(_draw_grouped, student, *sizes))

    def large() -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = _draw_grouped(student, 1, 4, 2, 4, 4)
        way = query[:, :1, :1] / query[:, :1, :1].norm()
        return 3 * way.expand_as(query), key * 100 - 3e4 * way, value

    with student.on("scores far below 0", LOW):
        GROUPED.run(student, large)
    with student.on("float64", DIGITS):
        given = [x.double() for x in _draw_grouped(student, 1, 4, 2, 3, 3)]
        value, wanted = ours_and_wanted(student, GROUPED, *given)
        expect_digits(value, given[0], wanted, "grouped_attention", "attention keeps the kind")
    with student.on("float16"):
        given = [x.half() for x in _draw_grouped(student, 1, 4, 2, 3, 3)]
        value, wanted = ours_and_wanted(student, GROUPED, *given)
        expect_kind(value, given[0], "attention keeps the kind")
        if not close(value, wanted, 2e-2):
            fail("the numbers are not those of float32, brought to float16")


@check(
    "gradients reach queries, keys and values",
    "A shared key head gets the gradients of all heads that ask it, added up.",
    after=[group_heads, group_causal],
    keeps_arguments=True,
)
def group_gradient(student: Student) -> None:
    query, key, value = _draw_grouped(student, 2, 4, 2, 3, 5)
    GROUPED.run(student, lambda: (query, key, value))
    learns = {0: "queries", 1: "keys", 2: "values"}
    expect_slopes(student, "grouped_attention", query, key, value, learns=learns)


QUESTION = Question(
    function="grouped_attention",
    title="Attention with shared keys",
    minutes=20,
    teaches="who asks whose keys, and who may look at what",
    checks=(group_heads, group_causal, group_past, group_edges, group_gradient),
)
