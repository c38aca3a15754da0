"""Exercise 03, `mended_step`: a step with four faults."""

import itertools
import operator
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import (
    DIGITS,
    close,
    equal,
    expect_kind,
    expect_number,
    expect_parts,
    expect_shape,
    same,
)


def _normed(
    x: Tensor, axes: Any = -1, *, eps: float = 1e-6, outside: float = 0.0, correction: int = 0
) -> Tensor:
    variance = x.var(axes, correction=correction, keepdim=True)
    return (x - x.mean(axes, keepdim=True)) / ((variance + eps).sqrt() + outside)


# What the loss may come from, the right one of each first, under what a wrong one is called.
TOKEN = {
    "": lambda x: x[:, 0],
    "the loss is that of the last patch's token": lambda x: x[:, -1],
    "the loss is that of the mean of all tokens": lambda x: x.mean(1),
}
NORM = {
    "": _normed,
    "the loss is that of a norm over all tokens of a picture": partial(_normed, axes=(-2, -1)),
    "the loss is that of tokens without a norm": lambda x: x,
    "the loss is that of an RMS norm: the mean of a token was not taken away": (
        lambda x: x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()
    ),
    "the loss is that of a variance divided by D − 1: a layer norm divides by D": (
        partial(_normed, correction=1)
    ),
    "the loss is that of torch's own eps, 1e-5: 1e-6 is wanted": partial(_normed, eps=1e-5),
    "the loss is that of a norm without eps: 1e-6 is wanted": partial(_normed, eps=0.0),
    "the loss is that of an eps added to the standard deviation: it belongs to the variance, "
    "under the root": partial(_normed, eps=0.0, outside=1e-6),
}
GIVEN = {
    "": lambda logits: logits,
    "the loss is that of probabilities: a softmax stands before it": partial(torch.softmax, dim=-1),
}
SUM = "the loss is a sum over the pictures: their mean is wanted"
TOGETHER = {"": torch.mean, SUM: torch.sum}
CHOICES = (TOKEN, NORM, GIVEN, TOGETHER)
RIGHT, *FAULTS = itertools.product(*CHOICES)


def _step_loss(
    tokens: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, faults: Sequence[str] = RIGHT
) -> Tensor:
    read, norm, given, together = map(operator.getitem, CHOICES, faults)
    logits = given(read(norm(tokens.double())) @ weight.double().T + bias.double())
    return together(logits.logsumexp(-1) - logits[torch.arange(len(labels)), labels])


Given = tuple[Tensor, Tensor, Tensor, Tensor, float]


def _step_given(student: Student) -> Given:
    """Five pictures of four tokens; in some of them eps counts."""
    tokens = student.normal(5, 4, 6) * torch.tensor([1.0, 3.0, 0.5, 2.0])[:, None]
    tokens = tokens + student.normal(5, 4, 1)
    tokens = tokens * torch.tensor([1.0, 3e-3, 1e-3, 3e-3, 0.3])[:, None, None]
    return tokens, torch.tensor([2, 0, 1, 2, 1]), student.normal(3, 6), student.normal(3), 0.3


def _steep_given(student: Student) -> Given:
    """A head that is sure and wrong: its slope is longer than any usual limit."""
    tokens = student.normal(1, 4, 60) + 0.1 * student.normal(5, 4, 60)
    weight = torch.zeros(3, 60)
    weight[0] = 5 * tokens[0, 0]
    return tokens, torch.tensor([1, 2, 1, 1, 1]), weight, student.normal(3), 0.3


def _stepped(student: Student, given: Given) -> tuple[float, Tensor, Tensor]:
    names = ("the loss", "the weight", "the bias")
    loss, *learnt = expect_parts(student.call("mended_step", *given), names, "mended_step")
    expect_shape(loss, (), "mended_step's loss", "one number, without axes", "")
    expect_kind(loss, given[2], "the loss is of the kind of the weight")
    for name, ours, old in zip(("weight", "bias"), learnt, given[2:4], strict=True):
        expect_shape(ours, old.shape, f"mended_step's {name}", f"that of the {name} given", "")
    return expect_number(loss, "mended_step's loss"), *learnt


def _without(student: Student, which: int) -> None:
    """The loss is right, or wrong by other faults than those of one kind."""
    left = [RIGHT, *FAULTS]
    for _ in range(3):
        given = _step_given(student)
        loss = _stepped(student, given)[0]
        left = [faults for faults in left if same(loss, _step_loss(*given[:4], faults).item())]
    if not left:
        fail("no one set of the faults explains three losses: what else was changed?", "")
    if RIGHT not in left and left[0][which]:
        fail(left[0][which])


def _compare_step(student: Student, given: Given, near: float = 1e-4) -> None:
    tokens, labels, *olds, rate = given
    loss, *learnt = _stepped(student, given)
    with torch.enable_grad():
        leaves = [old.double().requires_grad_() for old in olds]
        wanted = _step_loss(tokens, labels, *leaves)
        slopes = torch.autograd.grad(wanted, leaves)
    if not same(loss, wanted.item()):
        came = f"the loss itself is {loss:.4f}, wanted {wanted.item():.4f}"
        fail(f"{came}: its slopes come afterwards", "")
    for name, ours, old, slope in zip(("weight", "bias"), learnt, olds, slopes, strict=True):
        expect_kind(ours, old, f"the {name} stays of its kind")
        if equal(ours, old):
            fail(f"the {name} did not move")
        if close(ours, old.double() + rate * slope):
            fail(f"the {name} went uphill: the slope is subtracted", "")
        if not close(ours, old.double() - rate * slope, near):
            fail(f"the {name} did not move by -rate times the slope of the right loss")


@check("the head reads the class token", "Which place has the class token, and which has index -1?")
def step_token(student: Student) -> None:
    _without(student, 0)


@check(
    "each token is normalised by itself",
    "`normalized_shape` names the axes that share one mean. How many numbers are one token?",
)
def step_norm(student: Student) -> None:
    _without(student, 1)


@check(
    "the loss is given logits", "`F.cross_entropy` takes a softmax itself. What happens with two?"
)
def step_logits(student: Student) -> None:
    _without(student, 2)


@check(
    "weight and bias take one step down the slope of the right loss",
    "All four faults must be gone: new = old - rate · slope, for both.",
    keeps_arguments=True,
)
def step_update(student: Student) -> None:
    _without(student, 3)
    _compare_step(student, _step_given(student))
    with student.on("a head that is sure and wrong, with a long slope"):
        _compare_step(student, _steep_given(student))
    with student.on("float64", DIGITS):
        tokens, labels, weight, bias, rate = _step_given(student)
        tokens, weight, bias = (one.double() / 3 for one in (tokens, weight, bias))
        _compare_step(student, (tokens, labels, weight, bias, rate), near=1e-10)


QUESTION = Question(
    function="mended_step",
    title="A step with four faults",
    minutes=15,
    teaches="to find mistakes that raise no error",
    checks=(step_token, step_norm, step_logits, step_update),
)
