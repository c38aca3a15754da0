"""Exercise 08: a language model's parts: norm, rotation, shared keys, cache, what is drawn from.

What is right is worked out here in float64 and from the definitions: a rotation by complex
numbers, attention with a loop over heads, a cut token by token from the likeliest on.
"""

import cmath
import itertools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Exercise, Question, Student, check, fail
from mvlm.checks.expect import (
    DIGITS,
    Comparison,
    close,
    expect_digits,
    expect_finite,
    expect_kind,
    expect_parts,
    expect_shape,
    expect_slopes,
    expect_something,
    expect_tensor,
    expect_truth,
    expect_whole,
)

# rms_norm ---------------------------------------------------------------------------------------


def _norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    x = x.double()
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * weight.double()


def _same_shape(name: str, place: int, meaning: str) -> Callable[..., Tensor]:
    """Reads a tensor of the shape of the argument at a place."""

    def read(value: Any, *arguments: Any) -> Tensor:
        return expect_shape(value, arguments[place].shape, name, meaning)

    return read


def _without_mean(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    x = x.double()
    return _norm(x - x.mean(-1, keepdim=True), weight, eps)


def _eps_outside(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    x = x.double()
    return x / ((x * x).mean(-1, keepdim=True).sqrt() + eps) * weight.double()


def _one_less(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    x, width = x.double(), x.shape[-1]
    return x / torch.sqrt((x * x).sum(-1, keepdim=True) / (width - 1) + eps) * weight.double()


def _by_length(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    x = x.double()
    return x / torch.sqrt((x * x).sum(-1, keepdim=True) + eps) * weight.double()


def _over_all(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    x = x.double()
    return x / torch.sqrt((x * x).mean() + eps) * weight.double()


def _squared(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    x = x.double()
    return x / ((x * x).mean(-1, keepdim=True) + eps) * weight.double()


NORM = Comparison(
    function="rms_norm",
    what="the result",
    right=_norm,
    read=_same_shape("rms_norm", 0, "that of x"),
    mistakes={
        "the mean was taken away: that is LayerNorm": _without_mean,
        "eps stands outside the root": _eps_outside,
        "the sum of the squares was divided by D - 1, not by D": _one_less,
        "the squares were added up: the mean of them is wanted": _by_length,
        "one mean square for all vectors together: each has its own": _over_all,
        "divided by the mean square: its root is wanted": _squared,
        "weight was not used": lambda x, weight, eps: _norm(x, torch.ones_like(weight), eps),
        "weight was multiplied in before the mean square was taken": lambda x, weight, eps: _norm(
            x.double() * weight.double(), 0 * weight + 1, eps
        ),
    },
)


def _draw_norm(student: Student, *shape: int, eps: float = 0.3) -> tuple[Tensor, Tensor, float]:
    x = 1.5 * student.normal(*shape) + 0.7
    return x, 1 + student.normal(shape[-1]) / 2, eps


@check(
    "each vector is divided by the root of its mean square",
    "Square, mean over the last axis, plus eps, root. Then the weight.",
)
def norm_values(student: Student) -> None:
    NORM.run(student, lambda: _draw_norm(student, 3, 5, 6))
    with student.on("a single vector (D,)"):
        NORM.run(student, lambda: _draw_norm(student, 7))
    with student.on("four axes, as the heads of a batch"):
        NORM.run(student, lambda: _draw_norm(student, 2, 3, 4, 6))
    with student.on("a vector of zeros and eps = 1e-6"):
        x, weight, _ = _draw_norm(student, 3, 6)
        x[1] = 0
        NORM.run(student, lambda: (x.clone(), weight, 1e-6))


@check(
    "half precision neither overflows nor comes back as another kind",
    "The largest number of float16 is 65,504. What is the square of 300?",
    after=[norm_values],
)
def norm_kinds(student: Student) -> None:
    for kind, size, near, hint in (
        (torch.float16, 300.0, 2e-3, None),
        (torch.bfloat16, 3.0, 2e-2, None),
        (torch.float64, 3.0, 1e-12, DIGITS),
    ):
        with student.on(f"numbers of {kind}, up to some {size:g}", hint):
            x, weight, eps = _draw_norm(student, 4, 6, eps=1e-5)
            x, weight = (x * size).to(kind), weight.to(kind)
            value = student.call("rms_norm", x, weight, eps)
            expect_shape(value, x.shape, "rms_norm", "that of x")
            expect_kind(value, x, "a norm keeps the kind of number")
            wanted = _norm(x, weight, eps)
            expect_finite(value, "the results")
            if not close(value, wanted, near):
                gap = (value.double() - wanted).abs().max().item()
                fail(f"the result is up to {gap:.2g} off")


@check(
    "gradients reach the vectors and the weight",
    "Both learn through this function. What cuts a gradient off?",
    after=[norm_values],
    keeps_arguments=True,
)
def norm_gradient(student: Student) -> None:
    x, weight, eps = _draw_norm(student, 3, 6)
    NORM.run(student, lambda: (x, weight, eps))
    expect_slopes(student, "rms_norm", x, weight, eps, learns={0: "vectors", 1: "weight"})


# rotate -----------------------------------------------------------------------------------------


def _turn(
    x: Tensor,
    positions: Tensor,
    theta: float,
    *,
    speed: Callable[[int, int, float], float] = lambda i, d, theta: theta ** (-2 * i / d),
    pairs: str = "halves",
) -> Tensor:
    """Each pair of numbers as one complex number, times e^(i·angle); float64."""
    width = x.shape[-1]
    half = width // 2
    result = x.double().clone()
    for i in range(half):
        a, b = (i, i + half) if pairs == "halves" else (2 * i, 2 * i + 1)
        turns = [cmath.exp(1j * int(p) * speed(i, width, theta)) for p in positions.tolist()]
        factor = torch.tensor(turns, dtype=torch.complex128)
        both = torch.complex(x[..., a].double(), x[..., b].double()) * factor
        result[..., a], result[..., b] = both.real, both.imag
    return result


def _interleaved(x: Tensor) -> Tensor:
    """A mistake: the halves of each head as neighbours."""
    return torch.stack(x.chunk(2, -1), -1).flatten(-2)


def _one_sign(x: Tensor, positions: Tensor, theta: float, *, first: bool) -> Tensor:
    """A mistake: one number of each pair is turned the other way."""
    right, other = _turn(x, positions, theta), _turn(x, -positions, theta)
    halves = [one.chunk(2, -1) for one in (right, other)]
    return torch.cat([halves[first][0], halves[not first][1]], -1)


ROTATE = Comparison(
    function="rotate",
    what="the result",
    right=_turn,
    read=_same_shape("rotate", 0, "that of x"),
    mistakes={
        "neighbours were paired, 0 with 1 and 2 with 3: here number i goes with i + d/2": {
            "pairs": "neighbours"
        },
        "the turned halves were interleaved in the result: the first numbers of all pairs "
        "come first, then the second ones": lambda x, positions, theta: _interleaved(
            _turn(x, positions, theta)
        ),
        "a sign: the first number of a pair becomes a cos − b sin, not a cos + b sin": (
            lambda x, positions, theta: _one_sign(x, positions, theta, first=True)
        ),
        "a sign: the second number of a pair becomes b cos + a sin, not b cos − a sin": (
            lambda x, positions, theta: _one_sign(x, positions, theta, first=False)
        ),
        "everything is turned the other way round: by minus the angle": (
            lambda x, positions, theta: _turn(x, -positions, theta)
        ),
        "pair i turns by theta^(-i/d) a position, wanted theta^(-2i/d)": {
            "speed": lambda i, d, t: t ** (-i / d)
        },
        "all pairs turn equally fast": {"speed": lambda *_: 1.0},
        "the angles were taken for degrees: they are radians": {
            "speed": lambda i, d, t: math.radians(t ** (-2 * i / d))
        },
        "turned as if the positions were 0, 1, 2, …: they are what is passed": (
            lambda x, positions, theta: _turn(x, torch.arange(len(positions)), theta)
        ),
        "theta is 10,000 here, whatever is passed": lambda x, positions, theta: _turn(
            x, positions, 1e4
        ),
    },
)


def _draw_rotate(
    student: Student, *shape: int, positions: list[int] | None = None
) -> tuple[Tensor, Tensor, float]:
    places = range(shape[-2]) if positions is None else positions
    return student.normal(*shape), torch.tensor(list(places)), 50.0 + student.integer(0, 50)


@check(
    "every pair turns by its own angle",
    "Pair i is the numbers i and i + d/2. Turn by position · theta^(-2i/d).",
)
def rotate_pairs(student: Student) -> None:
    ROTATE.run(student, lambda: _draw_rotate(student, 1, 1, 4, 8))
    with student.on("heads of two numbers"):
        ROTATE.run(student, lambda: _draw_rotate(student, 1, 1, 3, 2))


@check(
    "the positions are those that are passed",
    "After 20 tokens in a cache the new one has position 20, though it comes alone.",
    after=[rotate_pairs],
)
def rotate_positions(student: Student) -> None:
    for name, places in (
        ("one token at position 20", [20]),
        ("positions 5, 6, 9", [5, 6, 9]),
        ("positions that go back: 7, 2, 2, 0", [7, 2, 2, 0]),
    ):
        with student.on(name):
            shape = (1, 2, len(places), 6)
            ROTATE.run(student, lambda s=shape, p=places: _draw_rotate(student, *s, positions=p))


@check(
    "several rows and heads, whatever their number",
    "positions has T numbers, and T is the last axis but one of x.",
    after=[rotate_pairs],
)
def rotate_shapes(student: Student) -> None:
    for shape in ((2, 3, 4, 6), (3, 4, 4, 6), (4, 1, 4, 2), (2, 5, 1, 10)):
        with student.on(f"x of {shape}"):
            ROTATE.run(student, lambda s=shape: _draw_rotate(student, *s))


@check(
    "far positions, and numbers of another kind",
    "float16 knows no whole number between 2,048 and 2,050. In which kind do you take the angle?",
    after=[rotate_pairs, rotate_positions],
)
def rotate_far(student: Student) -> None:
    for kind, near in ((torch.float16, 1e-2), (torch.bfloat16, 5e-2), (torch.float64, 1e-3)):
        with student.on(f"x of {kind} at positions 2,049 to 2,053"):
            x, positions, _ = _draw_rotate(
                student, 1, 2, 5, 6, positions=[2049, 2050, 2051, 2052, 2053]
            )
            x = x.to(kind)
            value = student.call("rotate", x, positions, 1e4)
            expect_shape(value, x.shape, "rotate", "that of x")
            expect_kind(value, x, "to turn keeps the kind of number")
            if not close(value, _turn(x, positions, 1e4), near):
                gap = (value.double() - _turn(x, positions, 1e4)).abs().max().item()
                fail(f"the result is up to {gap:.2g} off, though positions of one digit are right")
    with student.on("x of float64 at position 0", DIGITS):
        x = student.normal(1, 2, 1, 6).double() + 2.0**-30
        positions = torch.zeros(1, dtype=torch.int64)
        value = student.call("rotate", x, positions, 1e4)
        if not close(value, x, 1e-12):
            fail("the numbers went through float32 on the way: some digits are lost")


@check(
    "gradients reach what is turned",
    "Queries and keys learn through this function.",
    after=[rotate_pairs],
    keeps_arguments=True,
)
def rotate_gradient(student: Student) -> None:
    x, positions, theta = _draw_rotate(student, 2, 2, 3, 4)
    ROTATE.run(student, lambda: (x, positions, theta))
    expect_slopes(student, "rotate", x, positions, theta, learns={0: "queries"})


# grouped_attention ------------------------------------------------------------------------------


def _causal(queries: int, keys: int) -> Tensor:
    """True where a query may look; the last query stands at the last key."""
    place = torch.arange(keys - queries, keys)[:, None]
    return torch.arange(keys) <= place


def _grouped(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    whose: Callable[[int, int, int], int] = lambda head, heads, kv: head // (heads // kv),
    scale: float = 1.0,
    visible: Tensor | None = None,
    over: int = -1,
) -> Tensor:
    """Head by head, float64."""
    heads, kv_heads, width = query.shape[1], key.shape[1], query.shape[-1]
    seen = _causal(query.shape[2], key.shape[2]) if visible is None else visible
    results = []
    for head in range(heads):
        asked = whose(head, heads, kv_heads)
        scores = query[:, head].double() @ key[:, asked].double().mT * scale / math.sqrt(width)
        weights = scores.masked_fill(~seen, -torch.inf).softmax(over).nan_to_num(0)
        results.append(weights @ value[:, asked].double())
    return torch.stack(results, 1)


def _seen(make: Callable[[int, int], Tensor]) -> Callable[..., Tensor]:
    """A mistake: another mask, of the numbers of queries and keys."""
    return lambda q, k, v: _grouped(q, k, v, visible=make(q.shape[2], k.shape[2]))


GROUPED = Comparison(
    function="grouped_attention",
    what="the output",
    right=_grouped,
    read=_same_shape("grouped_attention", 0, "that of the queries"),
    tells=lambda ours, _: (
        "the output holds nan: the softmax of a query that sees no key is 0/0. Is the mask the "
        "right way round?"
        if bool(ours.isnan().any())
        else "the output is not the attention of these queries"
    ),
    mistakes={
        "head h asks key head h % K: keys or values were laid out as 0 1 0 1, wanted 0 0 1 1": {
            "whose": lambda head, heads, kv: head % kv
        },
        "every head asks key head 0": {"whose": lambda *_: 0},
        "the scores are not divided by √d": lambda q, k, v: _grouped(
            q, k, v, scale=math.sqrt(q.shape[-1])
        ),
        "the scores are divided by the root of H·d: d is the width of ONE head": lambda q, k, v: (
            _grouped(q, k, v, scale=q.shape[1] ** -0.5)
        ),
        "every query sees every key, those after it as well": _seen(
            lambda queries, keys: torch.ones(queries, keys, dtype=torch.bool)
        ),
        "query t sees keys 0 to t: but the LAST query stands at the LAST key": _seen(
            lambda queries, keys: torch.ones(queries, keys, dtype=torch.bool).tril()
        ),
        "a query does not see its own token: the mask is the wrong way round, or its edge one "
        "place off": [
            _seen(lambda queries, keys: ~_causal(queries, keys)),
            _seen(lambda queries, keys: _causal(queries, keys).tril(keys - queries - 1)),
        ],
        "the softmax runs over the queries: each query shares 1 among keys": {"over": -2},
    },
)


LOW = "A fill of -10,000 is no -inf, and exp of -30,000 is 0: softmax subtracts the largest first."


def _draw_grouped(student: Student, *sizes: int) -> tuple[Tensor, Tensor, Tensor]:
    """B, H, K, T, S: queries, and keys and values."""
    batch, heads, kv_heads, queries, keys = sizes
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
            sizes = (2, heads, kv_heads, 1, 1)
            GROUPED.run(student, lambda s=sizes: _draw_grouped(student, *s))


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
            sizes = (2, 4, 2, queries, keys)
            GROUPED.run(student, lambda s=sizes: _draw_grouped(student, *s))


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
            GROUPED.run(student, lambda s=sizes: _draw_grouped(student, *s))

    def large() -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = _draw_grouped(student, 1, 4, 2, 4, 4)
        way = query[:, :1, :1] / query[:, :1, :1].norm()
        return 3 * way.expand_as(query), key * 100 - 3e4 * way, value

    with student.on("scores far below 0", LOW):
        GROUPED.run(student, large)
    with student.on("float64", DIGITS):
        query, key, value = (x.double() for x in _draw_grouped(student, 1, 4, 2, 3, 3))
        result = student.call("grouped_attention", query, key, value)
        right = _grouped(query, key, value)
        expect_digits(result, query, right, "grouped_attention", "attention keeps the kind")
    with student.on("float16"):
        query, key, value = (x.half() for x in _draw_grouped(student, 1, 4, 2, 3, 3))
        result = student.call("grouped_attention", query, key, value)
        expect_kind(expect_tensor(result, "grouped_attention"), query, "attention keeps the kind")
        if not close(result, _grouped(query, key, value), 2e-2):
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


# cache_bytes ------------------------------------------------------------------------------------

MARKER = -200
Model = dict[str, int]
Rows = list[list[int]]


def _longest(rows: Rows, vectors: int) -> int:
    return max(len(row) + row.count(MARKER) * (vectors - 1) for row in rows)


def _bytes(
    model: Model,
    rows: Rows,
    vectors: int,
    new: int,
    size: int,
    *,
    kinds: int = 2,
    heads: str = "kv_heads",
    layers: int = 0,
    extra: int = 0,
) -> float:
    """Bytes by the definition; keyword arguments are mistakes."""
    per_token = kinds * (model["layers"] - layers) * model[heads] * model["head_width"] * size
    return float(per_token * len(rows) * (_longest(rows, vectors) + new - 1 + extra))


def _read_bytes(value: Any, *_: Any) -> float:
    expect_something(value, "cache_bytes")
    if type(value) is not int:
        fail(
            f"cache_bytes returned a {type(value).__name__}, wanted an int: bytes are whole",
            "Which of your steps divides, or makes a tensor?",
        )
    return float(value)


def _by_width(model: Model, rows: Rows, vectors: int, new: int, size: int) -> float:
    tokens = len(rows) * (_longest(rows, vectors) + new - 1)
    return float(2 * model["layers"] * model["width"] * size * tokens)


def _width_over_heads(model: Model, rows: Rows, *rest: int) -> float:
    return _bytes(model | {"head_width": model["width"] // model["heads"]}, rows, *rest)


def _prompt_alone(model: Model, rows: Rows, vectors: int, new: int, size: int) -> float:
    return _bytes(model, rows, vectors, 1, size)


def _no_padding(model: Model, rows: Rows, vectors: int, new: int, size: int) -> float:
    return sum(_bytes(model, [row], vectors, new, size) for row in rows)


def _longest_of_ids(model: Model, rows: Rows, vectors: int, new: int, size: int) -> float:
    row = max(rows, key=len)
    return len(rows) * _bytes(model, [row], vectors, new, size)


BYTES = Comparison(
    function="cache_bytes",
    what="the number of bytes",
    right=_bytes,
    read=_read_bytes,
    alike=lambda ours, wanted: ours == wanted,
    tells=lambda ours, wanted: f"{ours:,.0f} bytes came back, wanted {wanted:,.0f}",
    mistakes={
        "every number was taken to have 2 bytes: it has `size`": lambda *arguments: _bytes(
            *arguments[:4], 2
        ),
        "half of what is needed: keys AND values are kept": {"kinds": 1},
        "counted with the heads of queries: nobody keeps queries": {"heads": "heads"},
        "counted with the model's width: a key has kv_heads · head_width numbers, whatever "
        "the width is": _by_width,
        "width // heads was taken for a head's width: nothing promises that, and the model "
        "says its head_width": _width_over_heads,
        "one layer is missing: each has keys and values of its own": {"layers": 1},
        "one marker of a row was taken away, whatever their number: each leaves": (
            lambda model, rows, *rest: _bytes(
                model, [[*row, *[0] * max(row.count(MARKER) - 1, 0)] for row in rows], *rest
            )
        ),
        "the last new token is counted: it is written and never read": {"extra": 1},
        "the new tokens are missing: all but the last are read as well": _prompt_alone,
        "a picture was counted as one token: it is as many as it has vectors": (
            lambda model, rows, vectors, new, size: _bytes(model, rows, 1, new, size)
        ),
        "the marker was counted beside its picture's vectors: it leaves": (
            lambda model, rows, vectors, new, size: _bytes(model, rows, vectors + 1, new, size)
        ),
        "each row was counted with its own length: a cache has one length for all rows": (
            _no_padding
        ),
        "the row with most ids was taken for the longest: pictures make others longer": (
            _longest_of_ids
        ),
        "counted for one row: each row of the batch has a cache": lambda model, rows, *rest: (
            _bytes(model, rows, *rest) // len(rows)
        ),
    },
)


def _draw_model(student: Student) -> Model:
    """Every size differs from every product of others that a mistake could take for it."""
    kv_heads, group = student.integer(2, 3), student.integer(2, 4)
    return {
        "layers": student.integer(5, 9),
        "width": 16 * student.integer(7, 9) + 3,
        "heads": kv_heads * group,
        "kv_heads": kv_heads,
        "head_width": 8 * student.integer(3, 6),
    }


def _draw_row(student: Student, words: int, pictures: int = 0) -> list[int]:
    row = [student.integer(5, 90) for _ in range(words)]
    for _ in range(pictures):
        row.insert(student.integer(0, len(row)), MARKER)
    return row


@check(
    "one row of words and one new token",
    "Keys and values, in each layer, for each head of KEYS: what does one token need?",
)
def bytes_token(student: Student) -> None:
    for size in (2, 8):
        with student.on(f"numbers of {size} bytes"):
            BYTES.run(
                student,
                lambda s=size: (
                    _draw_model(student),
                    [_draw_row(student, student.integer(11, 19))],
                    7,
                    1,
                    s,
                ),
            )


@check(
    "several new tokens",
    "Which of them are ever read? The prompt gives the first one.",
    after=[bytes_token],
)
def bytes_new(student: Student) -> None:
    BYTES.run(
        student,
        lambda: (
            _draw_model(student),
            [_draw_row(student, student.integer(11, 19))],
            7,
            student.integer(4, 9),
            2,
        ),
    )


@check(
    "pictures take as many places as they have vectors",
    "A row of T ids with p markers becomes T - p + p·N positions.",
    after=[bytes_token, bytes_new],
)
def bytes_pictures(student: Student) -> None:
    for pictures in (3, 2, 1):  # with one, a marker too many looks like a token too many
        with student.on(f"{pictures} of them in the row"):
            BYTES.run(
                student,
                lambda p=pictures: (
                    _draw_model(student),
                    [_draw_row(student, student.integer(11, 19), p)],
                    student.integer(5, 9),
                    student.integer(4, 9),
                    2,
                ),
            )


@check(
    "a batch of unequal rows",
    "The cache is one tensor: B rows, each as long as the longest, pictures in.",
    after=[bytes_token, bytes_new, bytes_pictures],
    keeps_arguments=True,
)
def bytes_rows(student: Student) -> None:
    def rows(*sizes: tuple[int, int]) -> Callable[[], tuple[Any, ...]]:
        return lambda: (
            _draw_model(student),
            [_draw_row(student, words, pictures) for words, pictures in sizes],
            12,
            student.integer(3, 6),
            2,
        )

    with student.on("rows of 9, 5 and 7 words"):
        BYTES.run(student, rows((9, 0), (5, 0), (7, 0)))
    with student.on("the row with fewest ids is the longest"):
        BYTES.run(student, rows((5, 0), (9, 1), (4, 2)))


# keep_likely ------------------------------------------------------------------------------------


def _cut_by_share(p: list[float], share: float, keep: set[int], mass: float) -> set[int]:
    """The likeliest of `keep`, until `share` of `mass` is reached; the one that reaches it too."""
    kept: set[int] = set()
    reached = 0.0
    for token in sorted(keep, key=lambda i: -p[i]):
        if reached >= share * mass:
            break
        kept.add(token)
        reached += p[token]
    return kept


def _likely(
    logits: Tensor,
    temperature: float,
    top_k: int,
    top_p: float,
    *,
    order: str = "tkp",
    crossing: bool = True,
) -> Tensor:
    """Token by token, float64. Keyword arguments are mistakes; the order is of t, k and p."""
    results = []
    for row in logits.double():
        scores, keep = row.clone(), {i for i, s in enumerate(row.tolist()) if s > -math.inf}
        for step in order:
            p = scores.softmax(0).tolist()
            if step == "t":
                scores = scores / temperature
            elif step == "k":
                keep = set(sorted(keep, key=lambda i: -p[i])[:top_k])
            else:
                mass = sum(p[i] for i in keep)
                likely = _cut_by_share(p, top_p, keep, mass)
                if not crossing and sum(p[i] for i in likely) > top_p * mass:
                    likely.discard(min(likely, key=lambda i: p[i]))
                keep = likely
        hidden = torch.tensor([i not in keep for i in range(len(row))])
        results.append(scores.masked_fill(hidden, -torch.inf).softmax(0).nan_to_num(0))
    return torch.stack(results)


def _unshared(logits: Tensor, temperature: float, top_k: int, top_p: float) -> Tensor:
    whole = (logits.double() / temperature).softmax(-1)
    return torch.where(_likely(logits, temperature, top_k, top_p) > 0, whole, 0)


LIKELY = Comparison(
    function="keep_likely",
    what="the probability",
    right=_likely,
    read=_same_shape("keep_likely", 0, "that of logits"),
    mistakes={
        "the scores were multiplied by the temperature, not divided": (
            lambda logits, temperature, top_k, top_p: _likely(logits, 1 / temperature, top_k, top_p)
        ),
        "the temperature was not used": lambda logits, temperature, top_k, top_p: _likely(
            logits, 1.0, top_k, top_p
        ),
        "the tokens that stay do not sum to 1: what was cut off is missing": _unshared,
        "one token more than top_k stays": lambda logits, temperature, top_k, top_p: _likely(
            logits, temperature, top_k + 1, top_p
        ),
        "the token that reaches top_p was cut off: it stays": {"crossing": False},
        "the probabilities stand in the order of size, not in that of the tokens": (
            lambda *arguments: _likely(*arguments).sort(-1, descending=True).values
        ),
        "the temperature came last: top_p must see the probabilities that are drawn from": {
            "order": "kpt"
        },
        "top_p was taken of all tokens: it comes after top_k, when those left share 1": {
            "order": "tpk"
        },
    },
)


def _telling_logits(student: Student, rows: int, words: int) -> Tensor:
    """Scores no two of which are close."""
    while True:
        logits = 1.3 * student.normal(rows, words)
        if logits.sort(-1).values.diff().min() > 0.01:
            return logits


def _draw_likely(
    student: Student, temperature: float, top_k: int, top_p: float, rows: int = 1, words: int = 9
) -> tuple[Tensor, float, int, float]:
    """Scores on which every known mistake shows, and no total comes close to top_p."""
    while True:
        arguments = _telling_logits(student, rows, words), temperature, top_k, top_p
        right = _likely(*arguments)
        # Where two answers differ at all, they must differ enough.
        around = (top_p,) if top_p == 1 else (top_p - 0.01, top_p + 0.01)
        near = [_likely(*arguments[:3], share) for share in around]
        others = [slip.gives(*arguments) for slip in LIKELY.slips]
        apart = [(right - other).abs().amax(-1) for other in others]
        if all(close(right, one, 1e-9) for one in near) and all(
            bool(((gap < 1e-9) | (gap > 1e-3)).all()) for gap in apart
        ):
            return arguments


@check(
    "the temperature divides the scores",
    "With top_k = V and top_p = 1 nothing is cut off: what is left of the function?",
)
def likely_temperature(student: Student) -> None:
    for temperature in (0.5, 2.0):
        with student.on(f"temperature {temperature}, nothing cut off"):
            LIKELY.run(student, lambda t=temperature: _draw_likely(student, t, 9, 1.0))


@check(
    "top_k keeps the k likeliest, and they share 1",
    "A score of -inf has a probability of 0, and the softmax shares 1 among the rest.",
)
def likely_top_k(student: Student) -> None:
    for top_k in (1, 4):
        with student.on(f"temperature 1, top_k {top_k}, top_p 1"):
            LIKELY.run(student, lambda k=top_k: _draw_likely(student, 1.0, k, 1.0))


@check(
    "top_p keeps as many as are needed to reach p",
    "Sort, add up. A token stays if LESS than p had been reached before it.",
)
def likely_top_p(student: Student) -> None:
    for top_p in (0.6, 0.85):
        with student.on(f"temperature 1, top_k V, top_p {top_p}"):
            LIKELY.run(student, lambda p=top_p: _draw_likely(student, 1.0, 9, p))
    with student.on("top_p 0.05, below the likeliest token", "The likeliest token always stays."):
        LIKELY.run(student, lambda: _draw_likely(student, 1.0, 9, 0.05))


def _all_three(student: Student, temperature: float, top_p: float) -> tuple[Any, ...]:
    """Arguments on which each order of the three steps gives something else."""
    while True:
        arguments = _draw_likely(student, temperature, 5, top_p)
        right = _likely(*arguments)
        others = [_likely(*arguments, order=order) for order in ("kpt", "tpk")]
        others.append(_likely(arguments[0], temperature, 6, top_p))  # one token more
        if all((right - other).abs().max() > 1e-3 for other in others):
            return arguments


@check(
    "temperature first, then top_k, then top_p of what is left",
    "By numbers: scores 3, 2, 1, temperature 0.5, top_p 0.8 leave one token.",
    after=[likely_temperature, likely_top_k, likely_top_p],
)
def likely_order(student: Student) -> None:
    for temperature, top_p in ((2.0, 0.7), (0.6, 0.8)):
        with student.on(f"temperature {temperature}, top_k 5, top_p {top_p}"):
            LIKELY.run(
                student, lambda t=temperature, p=top_p: _draw_likely(student, t, 5, p, words=9)
            )
    with student.on("where each order of the three gives something else"):
        LIKELY.run(student, lambda: _all_three(student, 2.5, 0.75))


@check(
    "several rows, a top_k above V, scores in the thousands, other kinds",
    "Each row is cut by itself. What does topk say when k is more than there are?",
    after=[likely_temperature, likely_top_k, likely_top_p, likely_order],
    keeps_arguments=True,
)
def likely_edges(student: Student) -> None:
    with student.on("four rows, top_k 4"):
        LIKELY.run(student, lambda: _draw_likely(student, 1.0, 4, 1.0, rows=4))
    with student.on("four rows, top_p 0.8"):
        LIKELY.run(student, lambda: _draw_likely(student, 1.0, 9, 0.8, rows=4))
    with student.on("top_k 50 of 9 tokens"):
        LIKELY.run(student, lambda: _draw_likely(student, 1.0, 50, 1.0, rows=2))
    with student.on("two rows, temperature 0.5"):
        LIKELY.run(student, lambda: _draw_likely(student, 0.5, 6, 1.0, rows=2))
    with student.on(
        "1,024 tokens, temperature 1, top_k V, top_p 1",
        "The sum of a thousand rounded numbers reaches 1 before the last one. What does top_p = 1 "
        "cut off?",
    ):
        logits = 3 * student.normal(8, 1024)
        value = student.call("keep_likely", logits, 1.0, 1024, 1.0)
        expect_shape(value, logits.shape, "keep_likely", "that of logits")
        if gone := int((value <= 0).sum(-1).max()):
            fail(f"top_p = 1 cuts nothing off, but {gone} tokens of a row have the probability 0")
    with student.on("scores of float16"):
        logits, *rest = _draw_likely(student, 0.5, 4, 1.0, rows=2)
        logits = logits.half()
        value = student.call("keep_likely", logits, *rest)
        expect_kind(expect_tensor(value, "keep_likely"), logits, "probabilities are of that kind")
        if not close(value, _likely(logits, *rest), 1e-2):
            fail("in half precision other probabilities come out")
    with student.on("scores 5,000 higher"):
        logits, *rest = _draw_likely(student, 1.0, 6, 1.0, rows=2)
        value = student.call("keep_likely", logits + 5000, *rest)
        expect_shape(value, logits.shape, "keep_likely", "that of logits")
        expect_finite(value, "the probabilities", "exp of a large score is inf; softmax knows.")
        if not close(value, _likely(logits + 5000, *rest), 1e-3):
            fail("a number added to all scores changes no probability, but here it does")
    with student.on("scores of float64", DIGITS):
        logits, *rest = _draw_likely(student, 1.0, 6, 1.0, rows=2)
        logits = logits.double() + 2.0**-30
        value = student.call("keep_likely", logits, *rest)
        right = _likely(logits, *rest)
        expect_digits(value, logits, right, "keep_likely", "a softmax keeps it")


# next_tokens ------------------------------------------------------------------------------------


def _picked(
    logits: Tensor,
    lengths: Tensor,
    draws: Tensor,
    ended: Tensor,
    end_id: int,
    *,
    place: Callable[[int, int], int] = lambda length, _: length - 1,
    draw: Callable[[list[float], int], float] = lambda draws, row: draws[row],
    likeliest: bool = False,
    by_size: bool = False,
    ended_draw: bool = False,
) -> Tensor:
    """Row by row, walking along the line; keyword arguments are mistakes."""
    tokens = []
    for row, length in enumerate(lengths.tolist()):
        at = place(length, logits.shape[1])
        p = logits[row, at % logits.shape[1]].double().softmax(0)
        order = p.argsort(descending=True).tolist() if by_size else list(range(len(p)))
        u = draw(draws.tolist(), row)
        ends = list(itertools.accumulate(p[order].tolist()))
        token = next((i for i, end in zip(order, ends, strict=True) if u < end), order[-1])
        token = int(p.argmax()) if likeliest else token
        tokens.append(end_id if ended[row] and not ended_draw else token)
    return torch.tensor(tokens)


def _read_tokens(value: Any, *arguments: Any) -> Tensor:
    tokens, _ = expect_parts(value, ("tokens", "ended"), "next_tokens")
    return expect_whole(tokens, arguments[2].shape, "next_tokens", "(B,), one token a row")


def _too_late(*batch: Any) -> Tensor | None:
    if int(batch[1].max()) >= batch[0].shape[1]:
        return None
    return _picked(*batch, place=lambda length, _: length)


TOKENS = Comparison(
    function="next_tokens",
    what="the token",
    right=_picked,
    read=_read_tokens,
    tells=lambda ours, wanted: f"the tokens are {ours.tolist()}, wanted {wanted.tolist()}",
    mistakes={
        "the likeliest token was taken: it is to be drawn": {"likeliest": True},
        "the tokens were laid on the line in the order of size, not in that of their ids": {
            "by_size": True
        },
        "row 0's number was used for every row": {"draw": lambda draws, _: draws[0]},
        "the scores of the last column were taken: in a shorter row that is padding": {
            "place": lambda _, length: length - 1
        },
        "the scores one place too late were taken: a row of n tokens ends at place n - 1": (
            _too_late
        ),
        "the scores of the first place were taken": {"place": lambda *_: 0},
        "a row that had ended was given another token than the end": {"ended_draw": True},
    },
)

Batch = tuple[Tensor, Tensor, Tensor, Tensor, int]


def _draw_batch(
    student: Student, lengths: list[int], ended: list[bool], words: int = 7, end_id: int = 100
) -> Batch:
    """Each known mistake that these rows can show gives other tokens, and none is near a border."""
    shape = (len(lengths), max(lengths) + (len(set(lengths)) > 1), words)
    while True:
        draws = torch.rand(len(lengths), generator=student.generator)
        batch = (
            1.5 * student.normal(*shape),
            torch.tensor(lengths),
            draws,
            torch.tensor(ended),
            end_id,
        )
        right = _picked(*batch)
        moved = [
            _picked(*batch[:2], (draws + e).clamp(0, 0.9999), *batch[3:]) for e in (-1e-3, 1e-3)
        ]
        likeliest = _picked(*batch, likeliest=True)
        if all(torch.equal(right, one) for one in moved) and not torch.equal(right, likeliest):
            return batch


def _expect_same_twice(student: Student, batch: Batch) -> None:
    """Fail where the same numbers give other tokens: then somebody draws anew."""
    said = [_read_tokens(student.call("next_tokens", *batch), *batch).tolist() for _ in range(20)]
    if any(one != said[0] for one in said):
        fail(
            "the same arguments gave other tokens the second time: the random numbers are those in "
            "draws",
            "multinomial and rand draw anew. Where does draws[row] lie on the line?",
        )


@check(
    "a token is drawn: the number says where on the line",
    "Add the probabilities up, token by token. The first end that lies above the number.",
)
def next_draw(student: Student) -> None:
    logits, *rest = _draw_batch(student, [3], [False])
    _expect_same_twice(student, (torch.zeros_like(logits), *rest))
    for _ in range(3):
        TOKENS.run(student, lambda: _draw_batch(student, [3], [False]))


@check(
    "each row has a number of its own",
    "Two rows with the same prompt may go on differently. Whose number draws for row 1?",
    after=[next_draw],
)
def next_rows(student: Student) -> None:
    for rows in (4, 7):
        with student.on(f"{rows} rows of 2 tokens"):
            TOKENS.run(student, lambda r=rows: _draw_batch(student, [2] * r, [False] * r))


@check(
    "the scores of each row's own last token",
    "Rows are padded behind. At which place does a row of n tokens end?",
    after=[next_draw, next_rows],
)
def next_last(student: Student) -> None:
    for lengths in ([2, 5, 3], [4, 1, 1, 3]):
        with student.on(f"rows of {', '.join(map(str, lengths))} tokens"):
            flags = [False] * len(lengths)
            TOKENS.run(student, lambda n=lengths, f=flags: _draw_batch(student, n, f))


@check(
    "rows that have ended stay ended, the others go on; numbers at the line's two ends",
    "Ended is what was ended before, or says the end token now.",
    after=[next_draw, next_rows, next_last],
    keeps_arguments=True,
)
def next_ended(student: Student) -> None:
    for ended in ([False, True, False, True], [True, False, False, False]):
        with student.on(f"ended before: {ended}"):
            batch = _draw_batch(student, [3, 2, 4, 2], ended)
            end_id = int(_picked(*batch)[2])  # row 2 ends now
            for end in (end_id, 100):
                arguments = (*batch[:4], end)
                TOKENS.run(student, lambda a=arguments: a)
                _compare_flags(student, arguments)
    with student.on(
        "a number of 0, and the first tokens are impossible",
        "A part goes up to its end and does not include it. Is 0 in a part that ends at 0?",
    ):
        logits, lengths, draws, flags, end = _draw_batch(student, [2, 2], [False, False])
        logits[:, :, :2] = -torch.inf
        TOKENS.run(student, lambda: (logits, lengths, torch.zeros(2), flags, end))
    for words, impossible in ((3000, 0), (3000, 5)):
        with student.on(
            f"the largest number below 1, {words:,} tokens, the last {impossible} impossible", ""
        ):
            flags, lengths = torch.zeros(60, dtype=torch.bool), torch.full((60,), 1)
            draws = torch.full((60,), 1 - 2**-24)
            logits = student.normal(60, 1, words)
            logits[..., words - impossible :] = -torch.inf
            value = student.call("next_tokens", logits, lengths, draws, flags, -1)
            _expect_last_part(_read_tokens(value, None, None, draws), words, impossible)


def _expect_last_part(tokens: Tensor, words: int, impossible: int) -> None:
    """Fail unless numbers at the end of the line gave some of the last tokens that can be drawn."""
    last = words - impossible - 1
    beyond, low = int(tokens.max()), int(tokens.min())
    rounded = "sums of rounded numbers may end below 1"
    hint = "Who comes behind the last end gets the last token whose probability is above 0."
    if beyond >= words:
        fail(f"token {beyond} of {words:,} was drawn: {rounded}", hint)
    if beyond > last:
        fail(f"token {beyond} was drawn, and its probability is 0: {rounded}", hint)
    if low < last - 100:
        fail(f"token {low} was drawn by a number at the line's other end: {rounded}", hint)


def _compare_flags(student: Student, batch: Batch) -> None:
    value = student.call("next_tokens", *batch)
    _, flags = expect_parts(value, ("tokens", "ended"), "next_tokens")
    expect_truth(flags, "next_tokens's ended")
    expect_shape(flags, batch[3].shape, "next_tokens's ended", "(B,), one a row")
    wanted = batch[3] | (_picked(*batch) == batch[4])
    if flags.tolist() != wanted.tolist():
        if bool(flags.all()) and not bool(wanted.all()):
            fail("one row's end has ended them all")
        if flags.tolist() == batch[3].tolist():
            fail("a row that says the end token now is not among the ended")
        fail(f"ended is {flags.tolist()}, wanted {wanted.tolist()}")


EXERCISE = Exercise(
    name="08_language_model",
    title="Exercise 08: a small language model",
    forbids=("mvlm.language", "mvlm.generation", "mvlm.transformer"),
    questions=(
        Question(
            function="rms_norm",
            title="RMSNorm",
            minutes=10,
            teaches="what a norm leaves of a vector, and where half precision overflows",
            checks=(norm_values, norm_kinds, norm_gradient),
        ),
        Question(
            function="rotate",
            title="Rotary positions",
            minutes=20,
            teaches="how a position is written into queries and keys, for any positions",
            checks=(rotate_pairs, rotate_positions, rotate_shapes, rotate_far, rotate_gradient),
        ),
        Question(
            function="grouped_attention",
            title="Attention with shared keys",
            minutes=20,
            teaches="who asks whose keys, and who may look at what",
            checks=(group_heads, group_causal, group_past, group_edges, group_gradient),
        ),
        Question(
            function="cache_bytes",
            title="What a cache costs",
            minutes=15,
            teaches="to count what generation keeps in memory, pictures included",
            checks=(bytes_token, bytes_new, bytes_pictures, bytes_rows),
        ),
        Question(
            function="keep_likely",
            title="What is drawn from",
            minutes=20,
            teaches="temperature, top-k and top-p, and that their order is part of the answer",
            checks=(
                likely_temperature,
                likely_top_k,
                likely_top_p,
                likely_order,
                likely_edges,
            ),
        ),
        Question(
            function="next_tokens",
            title="The next token of every row",
            minutes=20,
            teaches="to draw for a batch of unequal rows, some of which have ended",
            checks=(next_draw, next_rows, next_last, next_ended),
        ),
    ),
)
