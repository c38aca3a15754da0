"""Exercise 08, `cache_bytes`: what a cache costs."""

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import Comparison, expect_something

MARKER = -200
Model = dict[str, int]
Rows = list[list[int]]


def _bytes(
    model: Model,
    rows: Rows,
    vectors: int,
    new: int,
    size: int,
    *,
    kinds: int = 2,
    layers: int = 0,
    numbers: Callable[[Model], int] = lambda model: model["kv_heads"] * model["head_width"],
    length: Callable[..., int] = lambda ids, markers, vectors: ids + markers * (vectors - 1),
    kept: Callable[[int], int] = lambda new: new - 1,
    together: Callable[..., int] = lambda lengths, ids: len(ids) * max(lengths),
) -> int:
    """Bytes by the definition; the keywords plant a mistake.

    A key has so many `numbers`, a row of ids some of which are markers has a `length`, so many of
    the new tokens are `kept`, and the rows' lengths `together` are the positions of the cache.
    """
    lengths = [length(len(row), row.count(MARKER), vectors) + kept(new) for row in rows]
    per_token = kinds * (model["layers"] - layers) * numbers(model) * size
    return per_token * together(lengths, [len(row) for row in rows])


def _read_bytes(value: Any, *_: Any) -> int:
    expect_something(value, "cache_bytes")
    if type(value) is not int:
        fail(
            f"cache_bytes returned a {type(value).__name__}, wanted an int: bytes are whole",
            "Which of your steps divides, or makes a tensor?",
        )
    return value


BYTES = Comparison(
    function="cache_bytes",
    what="the number of bytes",
    right=_bytes,
    read=_read_bytes,
    alike=operator.eq,
    tells=lambda ours, wanted: f"{ours:,} bytes came back, wanted {wanted:,}",
    mistakes={
        "every number was taken to have 2 bytes: it has `size`": (
            lambda model, rows, vectors, new, _: _bytes(model, rows, vectors, new, 2)
        ),
        "half of what is needed: keys AND values are kept": {"kinds": 1},
        "counted with the heads of queries: nobody keeps queries": {
            "numbers": lambda model: model["heads"] * model["head_width"]
        },
        "counted with the model's width: a key has kv_heads · head_width numbers, whatever "
        "the width is": {"numbers": lambda model: model["width"]},
        "width // heads was taken for a head's width: nothing promises that, and the model "
        "says its head_width": {
            "numbers": lambda model: model["kv_heads"] * (model["width"] // model["heads"])
        },
        "one layer is missing: each has keys and values of its own": {"layers": 1},
        "one marker of a row was taken away, whatever their number: each leaves": {
            "length": lambda ids, markers, vectors: ids + markers * vectors - min(markers, 1)
        },
        "the last new token is counted: it is written and never read": {"kept": lambda new: new},
        "the new tokens are missing: all but the last are read as well": {"kept": lambda _: 0},
        "a picture was counted as one token: it is as many as it has vectors": {
            "length": lambda ids, *_: ids
        },
        "the marker was counted beside its picture's vectors: it leaves": {
            "length": lambda ids, markers, vectors: ids + markers * vectors
        },
        "each row was counted with its own length: a cache has one length for all rows": {
            "together": lambda lengths, _: sum(lengths)
        },
        "the row with most ids was taken for the longest: pictures make others longer": {
            "together": lambda lengths, ids: len(ids) * lengths[ids.index(max(ids))]
        },
        "counted for one row: each row of the batch has a cache": {
            "together": lambda lengths, _: max(lengths)
        },
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


def _draw_row(student: Student, pictures: int = 0, words: int | None = None) -> list[int]:
    row = [student.integer(5, 90) for _ in range(words or student.integer(11, 19))]
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
            BYTES.run(student, lambda s=size: (_draw_model(student), [_draw_row(student)], 7, 1, s))


@check(
    "several new tokens",
    "Which of them are ever read? The prompt gives the first one.",
    after=[bytes_token],
)
def bytes_new(student: Student) -> None:
    BYTES.run(
        student, lambda: (_draw_model(student), [_draw_row(student)], 7, student.integer(4, 9), 2)
    )


@check(
    "pictures take as many places as they have vectors",
    "A row of T ids with p markers becomes T - p + p·N positions.",
    after=[bytes_token, bytes_new],
)
def bytes_pictures(student: Student) -> None:
    def drawn(pictures: int) -> tuple[Model, Rows, int, int, int]:
        model, row = _draw_model(student), _draw_row(student, pictures)
        return model, [row], student.integer(5, 9), student.integer(4, 9), 2

    for pictures in (3, 2, 1):  # with one, a marker too many looks like a token too many
        with student.on(f"{pictures} of them in the row"):
            BYTES.run(student, partial(drawn, pictures))


@check(
    "a batch of unequal rows",
    "The cache is one tensor: B rows, each as long as the longest, pictures in.",
    after=[bytes_token, bytes_new, bytes_pictures],
    keeps_arguments=True,
)
def bytes_rows(student: Student) -> None:
    def drawn(*sizes: tuple[int, int]) -> tuple[Model, Rows, int, int, int]:
        model, rows = _draw_model(student), [_draw_row(student, *size) for size in sizes]
        return model, rows, 12, student.integer(3, 6), 2

    with student.on("rows of 9, 5 and 7 words"):
        BYTES.run(student, lambda: drawn((0, 9), (0, 5), (0, 7)))
    with student.on("the row with fewest ids is the longest"):
        BYTES.run(student, lambda: drawn((0, 5), (1, 9), (2, 4)))


QUESTION = Question(
    function="cache_bytes",
    title="What a cache costs",
    minutes=15,
    teaches="to count what generation keeps in memory, pictures included",
    checks=(bytes_token, bytes_new, bytes_pictures, bytes_rows),
)
