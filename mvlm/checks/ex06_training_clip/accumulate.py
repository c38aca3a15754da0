"""Exercise 06, `accumulate`: a batch in parts."""

from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import (
    close,
    expect_kind,
    expect_number,
    expect_parts,
    expect_shape,
    expect_tensor,
)

PARTS = ("the loss", "the slope of weight_i", "the slope of weight_t", "the slope of t")
Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, int]


def _loss(images: Tensor, texts: Tensor, weight_i: Tensor, weight_t: Tensor, t: Tensor) -> Tensor:
    z_i = images @ weight_i
    z_t = texts @ weight_t
    z_i = z_i / (z_i * z_i).sum(1, keepdim=True).sqrt()
    z_t = z_t / (z_t * z_t).sum(1, keepdim=True).sqrt()
    scores = t.exp() * z_i @ z_t.T
    right = scores.diagonal()
    return ((scores.logsumexp(1) + scores.logsumexp(0)) / 2 - right).mean()


def _slopes(*inputs: Any, chunks: list[slice] | None = None) -> tuple[Tensor, ...]:
    """Loss and slopes of the whole batch, float64; with chunks the sum of theirs, a mistake."""
    images, texts, *weights, _ = inputs
    learns = [w.detach().double().clone().requires_grad_() for w in weights]
    parts = chunks or [slice(None)]
    losses = [_loss(images[c].double(), texts[c].double(), *learns) for c in parts]
    total = sum(losses[1:], losses[0])
    return total.detach(), *torch.autograd.grad(total, learns)


def _chunks(count: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]


def _read_parts(value: Any, inputs: Inputs) -> tuple[Tensor, ...]:
    """The four parts; the loss and the slope of t may be numbers."""
    _, _, weight_i, weight_t, _, _ = inputs
    loss, slope_i, slope_t, slope = expect_parts(value, PARTS, "accumulate")
    expect_shape(slope_i, weight_i.shape, "accumulate's slope of weight_i", "that of weight_i")
    expect_shape(slope_t, weight_t.shape, "accumulate's slope of weight_t", "that of weight_t")
    ones = [
        torch.tensor(expect_number(one, f"accumulate, as {name},"), dtype=torch.float64)
        for one, name in ((loss, "the loss"), (slope, "the slope of t"))
    ]
    return ones[0], slope_i.double(), slope_t.double(), ones[1]


def _draw_batch(student: Student, count: int, size: int) -> Inputs:
    """Widths that differ, so that nothing transposed fits."""
    images, texts = student.normal(count, 7), student.normal(count, 5)
    weight_i, weight_t = student.normal(7, 3), student.normal(5, 3)
    return images, texts, weight_i, weight_t, torch.tensor(1.5), size


def _matching_batch(student: Student, count: int, size: int) -> Inputs:
    """As `_draw_batch`, but a pair's features are equal: a larger scale lowers the loss."""
    images, _, weight_i, weight_t, t, size = _draw_batch(student, count, size)
    texts = images @ weight_i @ torch.linalg.pinv(weight_t)
    return images, texts, weight_i, weight_t, t, size


def _asked_parts(student: Student, inputs: Inputs) -> tuple[Tensor, ...]:
    return _read_parts(student.call("accumulate", *inputs), inputs)


ADDED = "The loss of a chunk knows only the chunk. Work out all features first, then ONE loss."


def _tell_loss(ours: Tensor, inputs: Inputs) -> None:
    """Fail unless the loss is that of the whole batch."""
    wanted = _slopes(*inputs)[0]
    if close(ours, wanted):
        return
    chunks = _chunks(len(inputs[0]), inputs[-1])
    added = _slopes(*inputs, chunks=chunks)[0]
    if close(ours, added) or close(ours, added / len(chunks)):
        fail("this is the chunks' own losses, added up or averaged", ADDED)
    if close(ours, wanted * len(chunks)):
        fail("the loss of the batch came as often as there are chunks")
    if close(ours, wanted / len(chunks)):
        fail("the loss was divided by the number of chunks: it is a mean over all pairs already")
    fail(f"the loss is {ours:.4f}, wanted {wanted:.4f}")


def _tell_slope(ours: Tensor, name: str, place: int, inputs: Inputs) -> None:
    """Fail unless one of the slopes is that of the whole batch."""
    wanted = _slopes(*inputs)[place]
    if close(ours, wanted):
        return
    chunks = _chunks(len(inputs[0]), inputs[-1])
    count = len(chunks)
    added = _slopes(*inputs, chunks=chunks)[place]
    if close(ours, added) or close(ours, added / count):
        fail(f"{name} is that of the chunks' own losses", ADDED)
    if close(ours, wanted / count):
        fail(
            f"{name} is {count} times too small, and there are {count} chunks",
            "Each chunk brings its own part of the slope once: what is divided here?",
        )
    if close(ours, wanted * count):
        fail(
            f"{name} is {count} times too large, and there are {count} chunks",
            "In how many losses does it take part, and how often is it counted?",
        )
    if close(ours, -wanted):
        fail(f"{name} has the wrong sign")
    if not bool(ours.any()):
        fail(f"{name} is 0 everywhere: does a gradient reach it?")
    fail(f"{name} is up to {(ours - wanted).abs().max():.3g} off")


@check("the loss is that of the whole batch", ADDED)
def acc_loss(student: Student) -> None:
    for count, size in ((12, 4), (6, 3)):
        with student.on(f"{count} pairs, {size} at a time"):
            inputs = _draw_batch(student, count, size)
            _tell_loss(_asked_parts(student, inputs)[0], inputs)


@check(
    "the slopes of both weights are those of the whole batch",
    "With the slope of every feature at hand: (features of a chunk · their slopes).sum() goes "
    "backward.",
    points=2,
)
def acc_weights(student: Student) -> None:
    for count, size in ((12, 4), (6, 3)):
        with student.on(f"{count} pairs, {size} at a time"):
            inputs = _draw_batch(student, count, size)
            parts = _asked_parts(student, inputs)
            _tell_slope(parts[1], "the slope of weight_i", 1, inputs)
            _tell_slope(parts[2], "the slope of weight_t", 2, inputs)


@check("the slope of t, once", "t takes part in the one loss of all features.")
def acc_scale(student: Student) -> None:
    for count, size in ((12, 4), (8, 2)):
        with student.on(f"{count} pairs, {size} at a time"):
            inputs = _draw_batch(student, count, size)
            _tell_slope(_asked_parts(student, inputs)[3], "the slope of t", 3, inputs)
    with student.on("9 pairs that match, 4 at a time: the slope is below 0"):
        inputs = _matching_batch(student, 9, 4)
        _tell_slope(_asked_parts(student, inputs)[3], "the slope of t", 3, inputs)


@check(
    "a smaller last chunk, one chunk, chunks of one, one pair",
    "split(size) gives the last chunk what is left. Nothing may rest on equal chunks.",
    after=[acc_loss, acc_weights, acc_scale],
)
def acc_uneven(student: Student) -> None:
    for count, size in ((11, 4), (5, 9), (4, 1), (1, 3)):
        with student.on(f"{count} pairs, {size} at a time"):
            inputs = _draw_batch(student, count, size)
            parts = _asked_parts(student, inputs)
            _tell_loss(parts[0], inputs)
            for place, name in enumerate(PARTS[1:], 1):
                _tell_slope(parts[place], name, place, inputs)


@check(
    "float64 keeps its digits, and nothing that was passed is changed",
    "A new tensor is float32 unless told. Make copies that learn: "
    "x.detach().clone().requires_grad_().",
    after=[acc_loss, acc_weights, acc_scale, acc_uneven],
    keeps_arguments=True,
)
def acc_kinds(student: Student) -> None:
    with student.on("float64"):
        *tensors, size = _draw_batch(student, 10, 4)
        tensors = [one.double() + 2.0**-30 for one in tensors]
        inputs = (*tensors, size)
        value = student.call("accumulate", *inputs)
        parts, wanted = _read_parts(value, inputs), _slopes(*inputs)
        for name, place in (("weight_i", 1), ("weight_t", 2)):
            slope = expect_tensor(value[place], f"the slope of {name}")
            expect_kind(slope, inputs[place + 1], "a slope has the kind of its weight")
        for name, ours, right in zip(PARTS, parts, wanted, strict=True):
            if not close(ours, right, 1e-4):
                fail(f"{name} is wrong in float64, and was right in float32")
            if not close(ours, right, 1e-10):
                fail(f"{name} went through float32 on the way: some digits are lost")
    with student.on("weights and t that learn already, as a model's do"):
        images, texts, *weights, size = _draw_batch(student, 10, 4)
        inputs = (images, texts, *(w.clone().requires_grad_() for w in weights), size)
        value = student.call("accumulate", *inputs)
        if type(value) in (tuple, list) and any(part is None for part in value):
            fail(
                "a slope is None: the gradient went into what was passed, not into a copy",
                "x.detach().clone().requires_grad_() is a copy that learns for itself.",
            )
        parts = _read_parts(value, inputs)
        _tell_loss(parts[0], inputs)
        for place, name in enumerate(PARTS[1:], 1):
            _tell_slope(parts[place], name, place, inputs)


QUESTION = Question(
    function="accumulate",
    title="A batch in parts",
    minutes=30,
    teaches="features first, then gradients: one large batch in little memory",
    checks=(acc_loss, acc_weights, acc_scale, acc_uneven, acc_kinds),
)
