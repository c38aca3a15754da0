"""Exercise 05, `absorb`: the loss without its matrix."""

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex05_clip_loss.common import both_ways, draw_pairs, scores_of
from mvlm.checks.expect import close, equal, expect_parts, expect_shape, same

State = tuple[Tensor, Tensor]


def _absorb(student: Student, state: State, scores: Tensor) -> State:
    new = expect_parts(student.call("absorb", *state, scores), ("the maxima", "the sums"), "absorb")
    for tensor, name in zip(new, ("maxima", "sums"), strict=True):
        expect_shape(tensor, (len(scores),), f"absorb's {name}", "one a row")
        if bool(tensor.double().isnan().any()):
            fail(f"the {name} hold nan")
    return new


def _absorb_all(student: Student, blocks: list[Tensor]) -> State:
    """What is left of these blocks, from where nothing was seen yet."""
    count = len(blocks[0])
    state = torch.full((count,), -torch.inf), torch.zeros(count)
    for block in blocks:
        state = _absorb(student, state, block)
    return state


def _state_of(scores: Tensor) -> State:
    """The largest of each row, and the sum of exp(score − largest), float64."""
    maxima = scores.double().amax(dim=1)
    below = scores.double() - torch.where(maxima == -torch.inf, 0, maxima)[:, None]
    return maxima, below.exp().sum(dim=1)


def _compare_state(state: State, seen: Tensor) -> None:
    maxima, sums = _state_of(seen)
    if not equal(state[0].float(), maxima.float()):
        fail(
            "the maxima are not the largest scores of each row so far",
            "The new maximum is the larger of the old one and the block's, row by row.",
        )
    if not close(state[1], sums, 1e-3):  # who keeps logarithms loses digits at large scores
        row = (state[1].double() - sums).abs().argmax().item()
        fail(
            f"row {row}: the sum of exp(score - maximum) over {seen.shape[1]} scores "
            f"is {sums[row].item():.4f}, yours is {state[1][row].item():.4f}"
        )


@check(
    "the first block of scores gives its maxima and sums",
    "Before anything was seen the maximum is -inf, the sum 0. The factor of the old sum is then "
    "exp(-inf) = 0: which of the two maxima is subtracted from the other?",
)
def absorb_first(student: Student) -> None:
    scores = 2 * student.normal(3, student.integer(4, 6)) - 10
    _compare_state(_absorb_all(student, [scores]), scores)


@check(
    "a second block adds to the first, whichever has the maximum",
    "The old sum was taken against the old maximum. By what factor must it change?",
    after=[absorb_first],
)
def absorb_next(student: Student) -> None:
    first = 2 * student.normal(4, 3) - 15
    state = tuple(tensor.float() for tensor in _state_of(first))
    for shift, name in ((2.5, "a larger maximum"), (-2.5, "a smaller maximum")):
        tops = first.max(1).values + shift
        second = student.normal(4, 5).abs().neg() + tops[:, None]
        second[:, 1] = tops
        both = torch.cat([first, second], 1)
        with student.on(f"the second block has {name}"):
            _compare_state(_absorb(student, state, second), both)
    with student.on("a single row"):
        one = tuple(tensor[:1] for tensor in state)
        _compare_state(_absorb(student, one, second[:1].clone()), both[:1])


@check(
    "block by block, the CLIP loss of the whole matrix",
    "Any number of blocks, each of any width, must leave what one block leaves.",
    after=[absorb_first, absorb_next],
)
def absorb_many(student: Student) -> None:
    count = student.integer(7, 8)
    scores = scores_of(*draw_pairs(student, count, 4), 8.0).float()
    for width in (1, 3, count):
        with student.on(f"{count} pairs, the matrix in blocks of {width} columns"):
            loss = 0.0
            for table in (scores, scores.T.contiguous()):
                blocks = [block.contiguous() for block in table.split(width, 1)]
                maxima, sums = _absorb_all(student, blocks)
                ends = maxima.double() + sums.double().log()
                loss += (ends - table.diagonal()).mean().item() / 2
            if not same(loss, both_ways(scores.double()).item()):
                fail("maxima + log(sums) do not give the CLIP loss of the whole matrix")


@check(
    "scores in the thousands neither overflow nor vanish",
    "Every exponent you take should be 0 or less, and each row has one that is 0.",
    after=[absorb_first, absorb_next],
)
def absorb_large(student: Student) -> None:
    for offsets in ((-2000, -1000, 0, 1000), (1000, 0, -1000), (-1500, -1500)):
        blocks = [student.normal(3, 4) + offset for offset in offsets]
        with student.on(f"blocks of scores near {', '.join(map(str, offsets))}"):
            _compare_state(_absorb_all(student, blocks), torch.cat(blocks, 1))


@check(
    "a score of -inf counts as not there",
    "A row may have seen nothing but -inf so far. What is -inf minus -inf?",
    after=[absorb_first, absorb_next],
    keeps_arguments=True,
)
def absorb_left_out(student: Student) -> None:
    blocks = [student.normal(3, 4) + offset for offset in (-12, -6, -9)]
    blocks[0][1] = blocks[1][1] = -torch.inf  # row 1 sees nothing at all before the last block
    blocks[0][2, 1:3] = blocks[2][0] = -torch.inf
    with student.on("some scores are -inf: left out"):
        for end in (1, 2, 3):
            _compare_state(_absorb_all(student, blocks[:end]), torch.cat(blocks[:end], 1))


QUESTION = Question(
    function="absorb",
    title="The loss without its matrix",
    minutes=20,
    teaches="to take a softmax's sum over parts that never meet",
    checks=(absorb_first, absorb_next, absorb_many, absorb_large, absorb_left_out),
)
