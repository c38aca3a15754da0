"""Exercise 08, `cache_bytes`: what a cache costs."""

from collections.abc import Callable
from typing import Any

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import Comparison, expect_something

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


QUESTION = Question(
    function="cache_bytes",
    title="What a cache costs",
    minutes=15,
    teaches="to count what generation keeps in memory, pictures included",
    checks=(bytes_token, bytes_new, bytes_pictures, bytes_rows),
)
