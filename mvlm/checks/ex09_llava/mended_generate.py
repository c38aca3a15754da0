"""Exercise 09, `mended_generate`: a generator with four faults."""

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, drawn_once, fail
from mvlm.checks.expect import close, equal, expect_parts, expect_shape, expect_whole


@dataclass(frozen=True, eq=False)
class _Model:
    """The exercise's language model of one layer: embedding, positions, three matrices."""

    table: Tensor
    positions: Tensor
    query: Tensor
    key: Tensor
    value: Tensor

    def arguments(self) -> tuple[Tensor, ...]:
        return self.table, self.positions, self.query, self.key, self.value


# What is wrong with the positions of new tokens; the padding is seen; only the prompt and the last
# are kept.
Faults = tuple[str, bool, bool]
POSITIONS = ("", "begin again at 0", "count the padding", "are one too high", "are one too low")
ALL_FAULTS: list[Faults] = list(itertools.product(POSITIONS, (False, True), (False, True)))


@dataclass(frozen=True, eq=False)
class _Prompts:
    """Vectors (B, T, D), left-padded, and how much of each row is padding."""

    vectors: Tensor
    padding: tuple[int, ...]

    def mask(self) -> Tensor:
        return torch.arange(self.vectors.shape[1]) >= torch.tensor(self.padding)[:, None]


def _draw_model(student: Student, vocabulary: int = 12, width: int = 6) -> _Model:
    # Words of one length and large values: else some tokens follow everything, themselves too.
    table = student.normal(vocabulary, width)
    table = table / table.norm(dim=1, keepdim=True) * width**0.5
    query, key, value = (student.normal(width, width) * width**-0.5 for _ in range(3))
    return _Model(table, student.normal(20, width), query, key, 3 * value)


def _draw_prompts(student: Student, padding: Sequence[int], tokens: int = 5) -> _Prompts:
    """Padding holds numbers as well, so that a step that sees it goes another way."""
    return _Prompts(student.normal(len(padding), tokens, 6), tuple(padding))


def _call_generate(
    student: Student, prompts: _Prompts, model: _Model, steps: int, end: int
) -> tuple[Tensor, Tensor]:
    arguments = (prompts.vectors, prompts.mask(), *model.arguments(), steps, end)
    value = student.call("mended_generate", *arguments)
    tokens, scores = expect_parts(value, ("tokens", "scores"), "mended_generate")
    rows, vocabulary = len(prompts.padding), len(model.table)
    expect_whole(tokens, (rows, steps), "mended_generate", "(B, steps)")
    expect_shape(scores, (rows, steps, vocabulary), "mended_generate's scores", "(B, steps, V)")
    return tokens, scores


@functools.lru_cache(maxsize=256)
def _ways(prompts: _Prompts, model: _Model, steps: int, end: int) -> tuple[Tensor, Tensor]:
    """What each of ALL_FAULTS gives, the right way first, all worked out anew at each step.

    Returns:
        Tokens (F, B, steps) and their scores (F, B, steps, V), float64.
    """
    table, positions, *matrices = (x.double() for x in model.arguments())
    w_q, w_k, w_v = matrices
    sees_padding, forgets = torch.tensor([flags for _, *flags in ALL_FAULTS]).T[..., None, None]
    padding, length = torch.tensor(prompts.padding), prompts.vectors.shape[1]
    starts = {
        "": length - padding,
        "begin again at 0": 0 * padding,
        "count the padding": length + 0 * padding,
        "are one too high": length - padding + 1,
        "are one too low": length - padding - 1,
    }
    first = torch.stack([starts[name] for name, *_ in ALL_FAULTS])  # F B
    places = torch.arange(length) - padding[:, None]
    x = prompts.vectors.double() + positions[places.clamp(min=0)]  # padding stands at position 0
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


def _right(prompts: _Prompts, model: _Model, steps: int, end: int) -> tuple[Tensor, Tensor]:
    tokens, scores = _ways(prompts, model, steps, end)
    return tokens[0], scores[0]


NEVER = 10**6  # an end token that no vocabulary holds


@drawn_once
def _draw_telling(student: Student, padding: Sequence[int]) -> tuple[_Model, _Prompts]:
    """A model and prompts on which every fault, beside any others, changes the scores."""
    while True:
        model, prompts = _draw_model(student), _draw_prompts(student, padding)
        ways = _ways(prompts, model, 4, NEVER)[1].flatten(1)
        apart = (ways[:, None] - ways).abs().amax(2) + torch.eye(len(ways))
        if apart.min() > 0.05:
            return model, prompts


def _without_fault(student: Student, fault: int, message: str) -> None:
    """The scores are right, or wrong by other faults than this one.

    The fault's name, where it has one, stands in the place of {} in the message.
    """
    model, prompts = _draw_telling(student, (0, 2, 1))
    _, scores = _call_generate(student, prompts, model, 4, NEVER)
    _, ways = _ways(prompts, model, 4, NEVER)
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


Ending = tuple[_Prompts, _Model, int]


@drawn_once
def _draw_ending(student: Student) -> Ending:
    """Row 0 ends with its first token, whatever faults are left, and another row goes on."""
    while True:
        model, prompts = _draw_model(student), _draw_prompts(student, (0, 3, 2))
        ways = _ways(prompts, model, 5, NEVER)[0]
        end = int(ways[0][0, 0])
        says_it_anyway = any((way[0] == end).all() for way in ways)
        if end and not says_it_anyway and any(bool((ways[:, row] != end).all()) for row in (1, 2)):
            return prompts, model, end


@drawn_once
def _draw_ending_at_once(student: Student) -> Ending:
    """Both rows begin with the same token, which ends them."""
    while True:
        model, prompts = _draw_model(student), _draw_prompts(student, (0, 2))
        firsts = _right(prompts, model, 1, NEVER)[0][:, 0].tolist()
        if len(set(firsts)) == 1:
            return prompts, model, firsts[0]


@drawn_once
def _draw_whole(student: Student, padding: Sequence[int], ends_with_0: bool) -> Ending:
    """Row 0 ends with its second token, or its first; another row goes on."""
    while True:
        model, prompts = _draw_telling(student, padding)
        free, _ = _right(prompts, model, 5, NEVER)
        end = int(free[0, 1])
        wanted, _ = _right(prompts, model, 5, end)
        others_end = all((row == end).any() for row in wanted[1:])
        if end and not equal(free[0], wanted[0]) and not others_end:
            return (prompts, _exchanged(model, end, 0), 0) if ends_with_0 else (prompts, model, end)


def _cut(row: list[int], end: int) -> list[int]:
    """A row that says nothing but `end` from where it first said it."""
    return [end if end in row[:n] else token for n, token in enumerate(row)]


@check(
    "a row that has ended stays ended, and the others go on",
    "Ended or not is a matter of each row. Who remembers it, from step to step?",
)
def gen_ends(student: Student) -> None:
    goes_on = False
    for _ in range(3):
        free = _compare_ends(student, *_draw_ending(student))
        goes_on |= bool((free != free[:, :1]).any())
    if not goes_on:
        fail("every row says its first token for ever, though none has ended", "")
    hint = "The result is (B, steps) then as well: fill up what is missing."
    with student.on("all rows end with their first token", hint):
        _compare_ends(student, *_draw_ending_at_once(student))


def _compare_ends(student: Student, prompts: _Prompts, model: _Model, end: int) -> Tensor:
    """Each row is what it is without an end, and cut there: so other faults may be left.

    Returns:
        The tokens without an end.
    """
    free, _ = _call_generate(student, prompts, model, 5, NEVER)
    if free[0, 0] != end:
        fail(f"row 0 begins with token {free[0, 0]}, and {end} scores highest", "")
    tokens, _ = _call_generate(student, prompts, model, 5, end)
    for row, (ours, goes_on) in enumerate(zip(tokens.tolist(), free.tolist(), strict=True)):
        wanted = _cut(goes_on, end)
        place = next((n for n in range(5) if ours[n] != wanted[n]), None)
        if place is None:
            continue
        if end in wanted[:place]:
            fail(f"row {row} ended with token {end} and went on: {ours}")
        if end in ours[:place] or ours[place] == end or row:
            fail(f"row 0 has ended, and row {row} did not go on as before: {ours}, not {wanted}")
        fail(f"row {row} became {ours}, wanted {wanted}")
    return free


def _exchanged(model: _Model, token: int, other: int) -> _Model:
    """The model with the numbers of two words exchanged; it says the same words as before."""
    order = list(range(len(model.table)))
    order[token], order[other] = other, token
    return replace(model, table=model.table[order])


def _compare_generated(
    student: Student, prompts: _Prompts, model: _Model, steps: int, end: int
) -> None:
    wanted, scores = _right(prompts, model, steps, end)
    tokens, ours = _call_generate(student, prompts, model, steps, end)
    for row, amount in enumerate(prompts.padding):
        with student.on(f"a row with {amount} places of padding"):
            if tokens[row].tolist() != wanted[row].tolist():
                fail(f"the tokens are {tokens[row].tolist()}, wanted {wanted[row].tolist()}")
            alive = [0] + [n for n in range(1, steps) if end not in wanted[row, :n]]
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
        prompts, model, end = _draw_whole(student, padding, ends_with_0)
        with student.on(f"the end token is {end}"):
            _compare_generated(student, prompts, model, 5, end)
    model, prompts = _draw_telling(student, (2,))
    with student.on("a single row that never ends: the end token is -1"):
        _compare_generated(student, prompts, model, 4, -1)


QUESTION = Question(
    function="mended_generate",
    title="A generator with four faults",
    minutes=35,
    teaches="to find mistakes that only show from the second token on",
    checks=(gen_positions, gen_mask, gen_cache, gen_ends, gen_whole),
)
