"""Exercise 05, `mended_step`: a step with four faults."""

import itertools
import math
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, drawn_once, fail
from mvlm.checks.ex05_clip_loss.common import along, both_ways, unit
from mvlm.checks.expect import close, expect_number, expect_parts, expect_shape, same

MAX_LOG = math.log(100)
WAYS = {"both": both_ways, "texts": partial(along, axis=1), "images": partial(along, axis=0)}
# Normalised over the batch: no side, images, texts or both; scale without exp; both directions,
# over texts alone, or over images alone.
Faults = tuple[str, bool, str]
RIGHT: Faults = ("", False, "both")
ALL_FAULTS: list[Faults] = list(itertools.product(("", "it", "i", "t"), (False, True), WAYS))
Taken = tuple[float, Tensor, Tensor, float]  # the loss before the step; both weights and t after


@dataclass(frozen=True, eq=False)
class _Step:
    """What a step is given: inputs of images and of texts, the weights that project them, and t."""

    inputs: tuple[Tensor, Tensor]
    weights: tuple[Tensor, Tensor]
    t: float
    rate: float = 0.1

    def with_faults(self, faults: Faults) -> Taken:
        """What the step gives without the limit of t, and with some of the faults still in it."""
        over_batch, no_exp, direction = faults
        old = *self.weights, torch.tensor(self.t, dtype=torch.float64)
        with torch.enable_grad():
            *weights, t = leaves = [x.double().requires_grad_() for x in old]
            sides = []
            for name, inputs, weight in zip("it", self.inputs, weights, strict=True):
                projected = inputs.double() @ weight
                sides.append(unit(projected.T).T if name in over_batch else unit(projected))
            loss = WAYS[direction]((t if no_exp else t.exp()) * sides[0] @ sides[1].T)
            slopes = torch.autograd.grad(loss, leaves)
        ends = [x.detach() - self.rate * slope for x, slope in zip(leaves, slopes, strict=True)]
        return loss.item(), *ends[:2], ends[2].item()

    @cached_property
    def known(self) -> dict[Faults, Taken]:
        """What each set of faults gives."""
        return {faults: self.with_faults(faults) for faults in ALL_FAULTS}

    def taken_by(self, student: Student) -> Taken:
        """The loss, both weights and t that the student's function gives."""
        arguments = (*self.inputs, *self.weights, torch.tensor(self.t), self.rate)
        names = ("the loss", "the image weight", "the text weight", "t")
        value = student.call("mended_step", *arguments)
        loss, images, texts, t = expect_parts(value, names, "mended_step")
        for ours, given, name in zip((images, texts), self.weights, names[1:3], strict=True):
            what = f"mended_step's {name.removeprefix('the ')}"
            expect_shape(ours, given.shape, what, "that of the weight given", "")
        loss = expect_number(loss, "mended_step's loss")
        return loss, images, texts, expect_number(t, "mended_step's t")

    def left_in(self, loss: float) -> list[Faults]:
        """The faults that explain a loss."""
        left = [faults for faults, wrong in self.known.items() if same(loss, wrong[0])]
        if not left:
            fail(f"a loss of {loss:.4f} comes from none of the faults: what else was changed?", "")
        return left


@drawn_once
def _draw_step(student: Student, t: float, rate: float = 0.1) -> _Step:
    count, embed = student.integer(4, 5), 3
    inputs = student.normal(count, 6), student.normal(count, 5)
    return _Step(inputs, (student.normal(6, embed), student.normal(5, embed)), t, rate)


def _without_fault(student: Student, fault: int, message: str) -> None:
    """The loss is right, or wrong by other faults than this one."""
    left = set(ALL_FAULTS)
    for _ in range(2):  # two losses, since one may happen to agree with several of the faults
        step = _draw_step(student, 1.5 + student.integer(0, 8) / 10)
        left &= set(step.left_in(step.taken_by(student)[0]))
    if not left:
        fail("no one set of the faults explains both of two losses: what else was changed?", "")
    if all(faults[fault] != RIGHT[fault] for faults in left):
        fail(message)


@check(
    "each vector is divided by its own length",
    "Make one image twice as long: whose features change in the faulty step?",
)
def step_normalise(student: Student) -> None:
    _without_fault(student, 0, "the loss is that of features normalised over the batch")


@check("the scale is e to the t", "t begins near 2.66. Is that the factor the paper begins with?")
def step_exp(student: Student) -> None:
    _without_fault(student, 1, "the loss is that of the scale t")


@check(
    "the loss takes both directions",
    "Two names for two numbers do not make them differ. Which matrix does each take?",
)
def step_both(student: Student) -> None:
    _without_fault(student, 2, "the loss is that of one direction alone")


def step_below(student: Student) -> None:
    """Below the limit t takes its step, whichever faults of the loss are left."""
    step = _draw_step(student, 2.0, 0.5)
    loss, *_, new = step.taken_by(student)
    left = step.left_in(loss)
    if all(no_exp for _, no_exp, _ in left):
        fail("the loss is that of the scale t")
    ends = [step.known[faults][3] for faults in left]
    if all(abs(end - new) > 1e-3 for end in ends):
        fail(f"t went from {step.t} to {new:.4f}, wanted {ends[0]:.4f}: one step down its slope")


SCALED = [faults for faults in ALL_FAULTS if not faults[1]]


@drawn_once
def _draw_downhill(student: Student) -> _Step:
    """A step from above the limit to far below it, whichever other faults are left."""
    while True:
        images, weight = student.normal(5, 6), student.normal(6, 3)
        wrong = _Step((images, images.roll(1, 0)), (weight, weight), 4.7)  # every pair a wrong one
        down = [wrong.t - wrong.known[faults][3] for faults in SCALED]
        if min(down) > 0.1 * max(down):
            return replace(wrong, rate=0.3 * wrong.rate / min(down))


NO_LIMIT = "Is there a limit after the step, and is it that of t? The logarithm of 100 is 4.605."


@check(
    "the scale is kept at 100 or below, and can come back from there",
    "A clamp on the way to the loss passes no slope beyond its limit. Where then?",
    after=[step_below],
)
def step_clamp(student: Student) -> None:
    with student.on("t was 4.7, over the limit, and the rate almost 0"):
        new = _draw_step(student, 4.7, 1e-9).taken_by(student)[3]
        if abs(new - MAX_LOG) > 1e-3:
            message = f"after the step t is {new:.3f}; the scale shall be 100, which is exp(4.605)"
            fail(message, NO_LIMIT)
    step = _draw_downhill(student)
    with student.on("t was 4.7, over the limit, and the batch wants a smaller scale"):
        new = step.taken_by(student)[3]
        down = [step.t - step.known[faults][3] for faults in SCALED]
        if any(math.isclose(step.t - new, one, rel_tol=3e-3) for one in down):
            return
        limited = replace(step, t=MAX_LOG)
        ends = [MAX_LOG - one for one in down] + [limited.known[faults][3] for faults in SCALED]
        if any(math.isclose(new, end, abs_tol=1e-3) for end in ends):
            fail(
                f"t was put to 4.605 first and took its step from there, to {new:.3f}: "
                "new = old - rate · slope, and the limit after it",
                "",
            )
        wanted = step.t - down[0]
        fail(f"after the step t is {new:.3f}, wanted {wanted:.3f}: did its slope arrive?")


@check(
    "weights and t take one step down the slope of the right loss",
    "All four faults must be gone, and the rest as it was: new = old - rate · slope.",
    keeps_arguments=True,
)
def step_update(student: Student) -> None:
    step = _draw_step(student, 2.0)
    weights = [weight.clone() for weight in step.weights]
    for weight in weights:
        weight[0, 0], weight[1, 1] = 6.0, -6.0  # more than any limit of t
    step = replace(step, weights=tuple(weights))
    loss, *ours, t = step.taken_by(student)
    right, *ends, t_end = step.with_faults(RIGHT)
    if not same(loss, right):
        fail(f"the loss itself is {loss:.4f}, wanted {right:.4f}: its slopes come afterwards", "")
    for name, mine, end in zip(("image", "text"), ours, ends, strict=True):
        if not close(mine, end, 1e-3):
            if close(mine, end.clamp(max=MAX_LOG), 1e-3):
                fail(f"the {name} weight is kept at 4.605 or below: that limit is t's alone", "")
            fail(f"the {name} weight did not move by -rate times the slope of the right loss")
    if abs(t - t_end) > 1e-3:
        fail(f"t went from {step.t} to {t:.4f}, wanted {t_end:.4f}")
    low = replace(step, t=-0.5)
    hint = "A scale below 1 is a scale like any other: t has a limit above, and none below."
    with student.on("a scale below 1", hint):
        t, t_end = low.taken_by(student)[3], low.with_faults(RIGHT)[3]
        if abs(t - t_end) > 1e-3:
            fail(f"t went from {low.t} to {t:.4f}, wanted {t_end:.4f}")


QUESTION = Question(
    function="mended_step",
    title="A step with four faults",
    minutes=20,
    teaches="to find mistakes that raise no error",
    checks=(step_normalise, step_exp, step_both, step_clamp, step_update),
)
