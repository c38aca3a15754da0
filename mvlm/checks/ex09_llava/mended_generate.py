"""Exercise 09, `mended_generate`: a generator with four faults."""

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, drawn_once, fail
from mvlm.checks.expect import close, equal, expect_parts, expect_shape, expect_whole


@dataclass(frozen=True, eq=False)
class _Case:
    """Left-padded prompts (B, T, D), and the exercise's language model of one layer."""

    vectors: Tensor
    padding: tuple[int, ...]  # of each row
    table: Tensor
    positions: Tensor
    matrices: tuple[Tensor, ...]  # of queries, keys and values

    def arguments(self) -> tuple[Tensor, ...]:
        mask = torch.arange(self.vectors.shape[1]) >= torch.tensor(self.padding)[:, None]
        return self.vectors, mask, self.table, self.positions, *self.matrices


# Where new tokens begin, by what is wrong with their positions.
STARTS: dict[str, Callable[[int, Tensor], Tensor]] = {
    "": lambda length, padding: length - padding,
    "begin again at 0": lambda length, padding: 0 * padding,
    "count the padding": lambda length, padding: length + 0 * padding,
    "are one too high": lambda length, padding: length - padding + 1,
    "are one too low": lambda length, padding: length - padding - 1,
}
# What is wrong with the positions; the padding is seen; only the prompt and the last are kept.
ALL_FAULTS = list(itertools.product(STARTS, (False, True), (False, True)))


@drawn_once
def _draw_case(student: Student, padding: tuple[int, ...], *holds: Callable[..., bool]) -> _Case:
    """A case of which all this holds."""
    while True:
        # Words of one length and large values: else some tokens follow everything, themselves too.
        table = student.normal(12, 6)
        table = table / table.norm(dim=1, keepdim=True) * 6**0.5
        query, key, value = (student.normal(6, 6) * 6**-0.5 for _ in range(3))
        positions = student.normal(20, 6)
        # Padding holds numbers as well, so that a step that sees it goes another way.
        vectors = student.normal(len(padding), 5, 6)
        case = _Case(vectors, padding, table, positions, (query, key, 3 * value))
        if all(holds_here(case) for holds_here in holds):
            return case


def _call_generate(student: Student, case: _Case, steps: int, end: int) -> tuple[Tensor, Tensor]:
    value = student.call("mended_generate", *case.arguments(), steps, end)
    tokens, scores = expect_parts(value, ("tokens", "scores"), "mended_generate")
    shape = len(case.padding), steps
    expect_whole(tokens, shape, "mended_generate", "(B, steps)")
    expect_shape(scores, (*shape, len(case.table)), "mended_generate's scores", "(B, steps, V)")
    return tokens, scores


@functools.lru_cache(maxsize=256)
def _ways(case: _Case, steps: int, end: int) -> tuple[Tensor, Tensor]:
    """What each of ALL_FAULTS gives, the right way first, all worked out anew at each step.

    Returns:
        Tokens (F, B, steps) and their scores (F, B, steps, V), float64.
    """
    table, positions, w_q, w_k, w_v = (x.double() for x in case.arguments()[2:])
    sees_padding, forgets = torch.tensor([flags for _, *flags in ALL_FAULTS]).T[..., None, None]
    padding, length = torch.tensor(case.padding), case.vectors.shape[1]
    first = torch.stack([STARTS[name](length, padding) for name, *_ in ALL_FAULTS])  # F B
    places = torch.arange(length) - padding[:, None]
    x = case.vectors.double() + positions[places.clamp(min=0)]  # padding stands at position 0
    x = x.expand(len(ALL_FAULTS), *x.shape)  # F B T D
    keys, values, x = x @ w_k, x @ w_v, x[:, :, -1]
    ended = torch.zeros(len(ALL_FAULTS), len(padding), dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        place = torch.arange(keys.shape[2])
        between = (place >= length) & (place < len(place) - 1)
        seen = (place >= padding[:, None]) | (sees_padding & (step > 0))  # F B T
        seen = seen & ~(forgets & between)
        attention = (keys @ (x @ w_q)[..., None])[..., 0] / math.sqrt(x.shape[-1])
        weights = attention.masked_fill(~seen, -torch.inf).softmax(-1)
        scores.append((x + (weights[..., None] * values).sum(2)) @ table.T)
        tokens.append(torch.where(ended, end, scores[-1].argmax(-1)))
        ended = ended | (tokens[-1] == end)
        x = table[tokens[-1].clamp(0, len(table) - 1)] + positions[first + step]
        keys = torch.cat([keys, (x @ w_k)[:, :, None]], 2)
        values = torch.cat([values, (x @ w_v)[:, :, None]], 2)
    return torch.stack(tokens, 2), torch.stack(scores, 2)


NEVER = 10**6  # an end token that no vocabulary holds


def _telling(case: _Case) -> bool:
    """Every fault, beside any others, changes the scores."""
    ways = _ways(case, 4, NEVER)[1].flatten(1)
    apart = (ways[:, None] - ways).abs().amax(2) + torch.eye(len(ways))
    return bool(apart.min() > 0.05)


def _without_fault(student: Student, fault: int, message: str) -> None:
    """The scores are right, or wrong by other faults than this one.

    The fault's name, where it has one, stands in the place of {} in the message.
    """
    case = _draw_case(student, (0, 2, 1), _telling)
    _, scores = _call_generate(student, case, 4, NEVER)
    _, ways = _ways(case, 4, NEVER)
    left = [name for name, way in zip(ALL_FAULTS, ways, strict=True) if close(scores, way, 1e-3)]
    if not left:
        if not close(scores[:, :1], ways[0][:, :1], 1e-3):
            fail("the first token's scores are wrong already: the faulty generator's are right", "")
        fail("the scores come from none of the faults: what else was changed?", "")
    if left[0][fault]:
        fail(message.format(left[0][fault]))


@check(
    "a new token's position goes on from the prompt's",
    "A prompt of 5 tokens has positions 0 to 4. Which one has the first new token?",
)
def gen_positions(student: Student) -> None:
    _without_fault(student, 0, "the positions of new tokens {}")


@check(
    "padding stays unseen in every step",
    "The first step has a mask. Which one have the others, and how long is it?",
)
def gen_mask(student: Student) -> None:
    _without_fault(student, 1, "from the second step on, padding is seen")


@check(
    "every token generated so far is in the cache",
    "After three steps, how many keys are there? What did the last step keep?",
)
def gen_cache(student: Student) -> None:
    _without_fault(student, 2, "a step sees the prompt and itself, and no token between")


def _said(case: _Case, row: int, step: int) -> int:
    """What the right way says there, where nothing ends."""
    return int(_ways(case, 5, NEVER)[0][0, row, step])


def _one_row_ends(case: _Case) -> bool:
    """Row 0 ends with its first token, whatever faults are left, and another row goes on."""
    ways, end = _ways(case, 5, NEVER)[0], _said(case, 0, 0)
    says_it_anyway = any((way[0] == end).all() for way in ways)
    goes_on = any(bool((ways[:, row] != end).all()) for row in (1, 2))
    return end != 0 and not says_it_anyway and goes_on


def _both_rows_end(case: _Case) -> bool:
    """Both rows begin with the same token, which ends them."""
    return _said(case, 0, 0) == _said(case, 1, 0)


def _ends_later(case: _Case) -> bool:
    """Row 0 ends with its second token, or its first; another row goes on."""
    end = _said(case, 0, 1)
    ended, *others = _ways(case, 5, end)[0][0]
    others_end = all(bool((row == end).any()) for row in others)
    return end != 0 and not equal(_ways(case, 5, NEVER)[0][0, 0], ended) and not others_end


@check(
    "a row that has ended stays ended, and the others go on",
    "Ended or not is a matter of each row. Who remembers it, from step to step?",
)
def gen_ends(student: Student) -> None:
    free = [_compare_ends(student, _draw_case(student, (0, 3, 2), _one_row_ends)) for _ in range(3)]
    if all(bool((tokens == tokens[:, :1]).all()) for tokens in free):
        fail("every row says its first token for ever, though none has ended", "")
    hint = "The result is (B, steps) then as well: fill up what is missing."
    with student.on("all rows end with their first token", hint):
        _compare_ends(student, _draw_case(student, (0, 2), _both_rows_end))


def _compare_ends(student: Student, case: _Case) -> Tensor:
    """Each row is what it is without an end, and cut there: so other faults may be left.

    Returns:
        The tokens without an end.
    """
    end = _said(case, 0, 0)
    free, _ = _call_generate(student, case, 5, NEVER)
    if free[0, 0] != end:
        fail(f"row 0 begins with token {free[0, 0]}, and {end} scores highest", "")
    tokens, _ = _call_generate(student, case, 5, end)
    for row, (ours, goes_on) in enumerate(zip(tokens.tolist(), free.tolist(), strict=True)):
        wanted = [end if end in goes_on[:n] else token for n, token in enumerate(goes_on)]
        if ours == wanted:
            continue
        place = next(n for n in range(5) if ours[n] != wanted[n])
        if end in wanted[:place]:
            fail(f"row {row} ended with token {end} and went on: {ours}")
        if end in ours[:place] or ours[place] == end or row:
            fail(f"row 0 has ended, and row {row} did not go on as before: {ours}, not {wanted}")
        fail(f"row {row} became {ours}, wanted {wanted}")
    return free


def _compare_generated(student: Student, case: _Case, steps: int, end: int) -> None:
    wanted, scores = (ways[0] for ways in _ways(case, steps, end))
    tokens, ours = _call_generate(student, case, steps, end)
    for row, amount in enumerate(case.padding):
        with student.on(f"a row with {amount} places of padding"):
            if tokens[row].tolist() != wanted[row].tolist():
                fail(f"the tokens are {tokens[row].tolist()}, wanted {wanted[row].tolist()}")
            alive = [n for n in range(steps) if end not in wanted[row, :n]]
            if not close(ours[row, alive], scores[row, alive], 1e-3):
                fail("the tokens are right, and the scores they were chosen by are not")


@check(
    "the same tokens as reading everything again at each step",
    "All four faults must be gone, and the rest as it was.",
    after=[gen_positions, gen_mask, gen_cache, gen_ends],
    keeps_arguments=True,
)
def gen_whole(student: Student) -> None:
    for padding, ends_with_0 in (((0, 3), False), ((2, 0, 4), True)):
        case = _draw_case(student, padding, _telling, _ends_later)
        end = _said(case, 0, 1)
        if ends_with_0:  # the same words, two of which have exchanged their numbers
            order = torch.arange(len(case.table))
            order[0], order[end] = end, 0
            case, end = replace(case, table=case.table[order]), 0
        with student.on(f"the end token is {end}"):
            _compare_generated(student, case, 5, end)
    with student.on("a single row that never ends: the end token is -1"):
        _compare_generated(student, _draw_case(student, (2,), _telling), 4, -1)


QUESTION = Question(
    function="mended_generate",
    title="A generator with four faults",
    minutes=35,
    teaches="to find mistakes that only show from the second token on",
    checks=(gen_positions, gen_mask, gen_cache, gen_ends, gen_whole),
)
