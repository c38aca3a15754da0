"""Exercise 03, `read_probes`: what its answers say."""

import itertools

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex03_vision_transformer.common import expect_dictionary
from mvlm.checks.expect import a_kind_of

VERDICTS = ("mixes_pictures", "knows_order")
AT_ZERO = "Then the limit is 0. Logits are the same when they differ by *at most* the limit."


def _verdict(student: Student, key: str, plain: Tensor, changed: Tensor, moved: Tensor) -> bool:
    value = expect_dictionary(
        student.call("read_probes", plain, changed, moved), "read_probes", VERDICTS
    )
    if type(value[key]) is not bool:
        fail(f'"{key}" is {a_kind_of(value[key])}, wanted True or False: bool(…) makes it one', "")
    return value[key]


def _logits(student: Student) -> Tensor:
    return student.normal(4, 5).clamp(-2, 2)


@check(
    "pictures mix when any picture but number 1 moves",
    "Which rows may move, and which may not? Look at all of these, and at the size of each change.",
    keeps_arguments=True,
)
def read_mixing(student: Student) -> None:
    plain = _logits(student)
    noise = torch.zeros_like(plain)
    noise[1] = 3.0
    with student.on("only picture 1 moved"):
        if _verdict(student, "mixes_pictures", plain, plain + noise, plain):
            fail("a healthy model is called faulty: picture 1 was changed on purpose")
    for place in (0, 2, 3):
        for way, where in ((0.5, "one logit moved"), (-0.5, "one logit fell")):
            changed = plain + noise
            changed[place, 2] += way
            with student.on(f"picture {place}: {where}"):
                if not _verdict(student, "mixes_pictures", plain, changed, plain):
                    fail("a fault is missed: a picture moved that was not changed")
        changed = plain + noise
        changed[place, 1] += 0.5
        changed[place, 3] -= 0.5
        with student.on(f"picture {place}: one logit rose, another fell as much"):
            if not _verdict(student, "mixes_pictures", plain, changed, plain):
                fail("a fault is missed: differences cancelled")


@check("order counts when any picture moves", "Here no picture is an exception.")
def read_order(student: Student) -> None:
    plain = _logits(student)
    with student.on("nothing moved"):
        if _verdict(student, "knows_order", plain, plain, plain.clone()):
            fail("an order that changes nothing is said to count")
    with student.on("all that moved is in the other probe"):
        if _verdict(student, "knows_order", plain, plain + 1, plain.clone()):
            fail("this answer comes from `changed`: order is about `moved`")
    for place in range(4):
        for way, what in (
            ((0.5, -0.5), "one logit rose, another fell as much"),
            ((0.5, 0.0), "one logit rose"),
            ((-0.5, 0.0), "one logit fell"),
        ):
            moved = plain.clone()
            moved[place, [1, 3]] += torch.tensor(way)
            with student.on(f"picture {place}: {what}"):
                if not _verdict(student, "knows_order", plain, plain, moved):
                    fail("a picture moved, and the order is said not to count")


@check(
    "rounding is relative to the largest logit in `plain`",
    "The limit is a ten-thousandth of the largest absolute logit: of which tensor, which pictures?",
    after=[read_mixing, read_order],
)
def read_rounding(student: Student) -> None:
    cases = itertools.product((1e-3, 1.0, 1e4), (1, 2), ((0.8, False), (1.25, True)), (0.0, 1000.0))
    for scale, largest, (factor, wanted), elsewhere in cases:
        plain = scale * _logits(student)
        plain[largest, 0] = -3 * scale  # the largest is negative
        near = plain.clone()
        near[0, 4] += factor * 3e-4 * scale
        far = elsewhere * plain  # an answer that has no say in the limit
        changed = near.clone()
        changed[1] = far[1]
        place = f"logits near {scale:g}, one moved by {factor:g} times the limit"
        with student.on(f"{place}; the largest in picture {largest}"):
            for key, given in (
                ("mixes_pictures", (changed, far)),
                ("knows_order", (far, near)),
            ):
                if _verdict(student, key, plain, *given) != wanted:
                    fail(f'"{key}" is {not wanted}, wanted {wanted}')
    with student.on("all logits are 0, as those of a new ViT", AT_ZERO):
        for key in VERDICTS:
            if _verdict(student, key, *torch.zeros(3, 4, 5)):
                fail(f'"{key}" is True, and nothing moved')


QUESTION = Question(
    function="read_probes",
    title="What its answers say",
    minutes=15,
    teaches="to tell a fault from rounding",
    checks=(read_mixing, read_order, read_rounding),
)
