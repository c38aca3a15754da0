"""Exercise 08, `next_tokens`: the next token of every row."""

import itertools
from collections.abc import Callable, Sequence
from functools import partial
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
    place: Callable[[int, int], int] = lambda length, columns: length - 1,
    one_draw: bool = False,
    likeliest: bool = False,
    by_size: bool = False,
    ended_draw: bool = False,
) -> Tensor:
    """Row by row, walking along the line; the keywords plant a mistake."""
    tokens = []
    for row, length in enumerate(lengths.tolist()):
        p = logits[row, place(length, logits.shape[1])].double().softmax(0)
        ids = (p.argsort(descending=True) if by_size else torch.arange(len(p))).tolist()
        ends = itertools.accumulate(p[ids].tolist())
        number = draws[0 if one_draw else row].item()
        token = next((i for i, end in zip(ids, ends, strict=True) if number < end), ids[-1])
        token = int(p.argmax()) if likeliest else token
        tokens.append(end_id if ended[row] and not ended_draw else token)
    return torch.tensor(tokens)


def _read_tokens(value: Any, *arguments: Any) -> Tensor:
    tokens, _ = expect_parts(value, ("tokens", "ended"), "next_tokens")
    return expect_whole(tokens, arguments[2].shape, "next_tokens", "(B,), one token a row")


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
        "row 0's number was used for every row": {"one_draw": True},
        "the scores of the last column were taken: in a shorter row that is padding": {
            "place": lambda _, columns: columns - 1
        },
        "the scores one place too late were taken: a row of n tokens ends at place n - 1": {
            "place": lambda length, columns: min(length, columns - 1)
        },
        "the scores of the first place were taken": {"place": lambda *_: 0},
        "a row that had ended was given another token than the end": {"ended_draw": True},
    },
)

Batch = tuple[Tensor, Tensor, Tensor, Tensor, int]


def _draw_batch(student: Student, lengths: list[int], ended: Sequence[bool] = ()) -> Batch:
    """No draw is near a border, and the likeliest tokens are others; no row has ended if not told.

    Where rows are of different lengths, there is padding behind the longest as well.
    """
    flags = torch.tensor(ended or [False] * len(lengths))
    shape = (len(lengths), max(lengths) + (len(set(lengths)) > 1), 7)
    while True:
        draws = torch.rand(len(lengths), generator=student.generator)
        batch = (1.5 * student.normal(*shape), torch.tensor(lengths), draws, flags, 100)
        right, likeliest = _picked(*batch), _picked(*batch, likeliest=True)
        moved = [(draws + step).clamp(0, 0.9999) for step in (-1e-3, 1e-3)]
        near = [_picked(*batch[:2], one, *batch[3:]) for one in moved]
        if all(torch.equal(right, one) for one in near) and not torch.equal(right, likeliest):
            return batch


@check(
    "a token is drawn: the number says where on the line",
    "Add the probabilities up, token by token. The first end that lies above the number.",
)
def next_draw(student: Student) -> None:
    logits, *rest = _draw_batch(student, [3])
    batch = (torch.zeros_like(logits), *rest)
    said = {_read_tokens(student.call("next_tokens", *batch), *batch).item() for _ in range(20)}
    if len(said) > 1:
        fail(
            "the same arguments gave other tokens the second time: the random numbers are those in "
            "draws",
            "multinomial and rand draw anew. Where does draws[row] lie on the line?",
        )
    for _ in range(3):
        TOKENS.run(student, lambda: _draw_batch(student, [3]))


@check(
    "each row has a number of its own",
    "Two rows with the same prompt may go on differently. Whose number draws for row 1?",
    after=[next_draw],
)
def next_rows(student: Student) -> None:
    for rows in (4, 7):
        with student.on(f"{rows} rows of 2 tokens"):
            TOKENS.run(student, partial(_draw_batch, student, [2] * rows))


@check(
    "the scores of each row's own last token",
    "Rows are padded behind. At which place does a row of n tokens end?",
    after=[next_draw, next_rows],
)
def next_last(student: Student) -> None:
    for lengths in ([2, 5, 3], [4, 1, 1, 3]):
        with student.on(f"rows of {', '.join(map(str, lengths))} tokens"):
            TOKENS.run(student, partial(_draw_batch, student, lengths))


@check(
    "rows that have ended stay ended, the others go on; numbers at the line's two ends",
    "Ended is what was ended before, or says the end token now.",
    after=[next_draw, next_rows, next_last],
    keeps_arguments=True,
)
def next_ended(student: Student) -> None:
    for ended in ([False, True, False, True], [True, False, False, False]):
        with student.on(f"ended before: {ended}"):
            *batch, never = _draw_batch(student, [3, 2, 4, 2], ended)
            now = int(_picked(*batch, never)[2])  # row 2 ends now
            for end_id in (now, never):
                _, flags = TOKENS.run(student, lambda given=(*batch, end_id): given)
                _compare_flags(flags, *batch, end_id)
    with student.on(
        "a number of 0, and the first tokens are impossible",
        "A part goes up to its end and does not include it. Is 0 in a part that ends at 0?",
    ):
        logits, lengths, _, flags, end_id = _draw_batch(student, [2, 2])
        logits[:, :, :2] = -torch.inf
        TOKENS.run(student, lambda: (logits, lengths, torch.zeros(2), flags, end_id))
    for impossible in (0, 5):
        with student.on(
            f"the largest number below 1, 3,000 tokens, the last {impossible} impossible", ""
        ):
            logits = student.normal(60, 1, 3000)
            logits[..., 3000 - impossible :] = -torch.inf
            lengths, draws = torch.full((60,), 1), torch.full((60,), 1 - 2**-24)
            batch = logits, lengths, draws, torch.zeros(60, dtype=torch.bool), -1
            tokens = _read_tokens(student.call("next_tokens", *batch), *batch)
            _expect_last_part(tokens, 3000, impossible)


def _compare_flags(flags: Any, *batch: Any) -> None:
    expect_truth(flags, "next_tokens's ended")
    expect_shape(flags, batch[3].shape, "next_tokens's ended", "(B,), one a row")
    wanted = batch[3] | (_picked(*batch) == batch[4])
    if torch.equal(flags, wanted):
        return
    if bool(flags.all()):
        fail("one row's end has ended them all")
    if torch.equal(flags, batch[3]):
        fail("a row that says the end token now is not among the ended")
    fail(f"ended is {flags.tolist()}, wanted {wanted.tolist()}")


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


QUESTION = Question(
    function="next_tokens",
    title="The next token of every row",
    minutes=20,
    teaches="to draw for a batch of unequal rows, some of which have ended",
    checks=(next_draw, next_rows, next_last, next_ended),
)
