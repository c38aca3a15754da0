"""Exercise 08, `next_tokens`: the next token of every row."""

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import Comparison, expect_parts, expect_shape, expect_truth, expect_whole


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


QUESTION = Question(
    function="next_tokens",
    title="The next token of every row",
    minutes=20,
    teaches="to draw for a batch of unequal rows, some of which have ended",
    checks=(next_draw, next_rows, next_last, next_ended),
)
