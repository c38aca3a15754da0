"""Right and wrong answers to schedule."""

import math

import numpy as np
import torch

from bank import mistake, right


def cosine(done, highest, lowest):
    return lowest + (highest - lowest) * (1 + math.cos(math.pi * done)) / 2


@right("As the solutions write it.")
def master(step, steps, warmup, highest, lowest):
    if step < warmup:
        return highest * (step + 1) / warmup
    if step >= steps:
        return lowest
    return cosine((step - warmup) / (steps - warmup), highest, lowest)


@right("One formula, cut to its range.")
def one_formula(step, steps, warmup, highest, lowest):
    up = min(1.0, (step + 1) / max(1, warmup))
    if step < warmup:
        return up * highest
    done = np.clip((step - warmup) / max(1, steps - warmup), 0, 1) if step < steps else 1.0
    return float(highest * np.cos(np.pi * done / 2) ** 2 + lowest * np.sin(np.pi * done / 2) ** 2)


@right("With tensors of float64.")
def tensors(step, steps, warmup, highest, lowest):
    if step < warmup:
        return torch.tensor(highest, dtype=torch.float64) * (step + 1) / warmup
    left = max(0, steps - step) / max(1, steps - warmup)  # 1 → 0
    turn = torch.tensor(math.pi * (1 - left), dtype=torch.float64)
    return (highest + lowest) / 2 + (highest - lowest) / 2 * torch.cos(turn)


@right("The whole plan as a list, and its entry.")
def whole_plan(step, steps, warmup, highest, lowest):
    up = [highest * (n + 1) / warmup for n in range(warmup)]
    down = steps - warmup
    fall = [lowest + (highest - lowest) * (1 + np.cos(np.pi * n / down)) / 2 for n in range(down)]
    return (up + fall)[step] if step < steps else lowest


@mistake(
    "The first step has the rate 0.", fails="rate-warmup, rate-ends", says="the first step has 0"
)
def from_zero(step, steps, warmup, highest, lowest):
    if step < warmup:
        return highest * step / warmup
    return master(step, steps, warmup, highest, lowest)


@mistake(
    "The warm-up begins at the lowest rate.",
    fails="rate-warmup",
    says="rises from `lowest`",
)
def from_lowest(step, steps, warmup, highest, lowest):
    if step < warmup:
        return lowest + (highest - lowest) * (step + 1) / warmup
    return master(step, steps, warmup, highest, lowest)


@mistake(
    "The warm-up is one step too long.",
    fails="rate-warmup, rate-ends",
    says="one step longer",
)
def too_long(step, steps, warmup, highest, lowest):
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    return master(step, steps, warmup, highest, lowest)


@mistake("No warm-up.", fails="rate-warmup, rate-cosine, rate-ends", says="there is no warm-up")
def no_warmup(step, steps, warmup, highest, lowest):
    return lowest if step >= steps else cosine(step / steps, highest, lowest)


@mistake(
    "The cosine counts from step 0.",
    fails="rate-cosine, rate-ends",
    says="the cosine counts from step 0",
)
def counts_from_zero(step, steps, warmup, highest, lowest):
    if step < warmup or step >= steps:
        return master(step, steps, warmup, highest, lowest)
    return cosine(step / steps, highest, lowest)


@mistake(
    "Stretched over all steps.",
    fails="rate-cosine, rate-ends",
    says="stretched over all steps",
)
def stretched(step, steps, warmup, highest, lowest):
    if step < warmup or step >= steps:
        return master(step, steps, warmup, highest, lowest)
    return cosine((step - warmup) / steps, highest, lowest)


@mistake(
    "Ends at the last step, not after it.",
    fails="rate-cosine, rate-ends",
    says="the cosine ends at the last step",
)
def ends_early(step, steps, warmup, highest, lowest):
    if step < warmup or step >= steps:
        return master(step, steps, warmup, highest, lowest)
    return cosine((step - warmup) / max(1, steps - 1 - warmup), highest, lowest)


@mistake("Down to 0.", fails="rate-cosine, rate-ends", says="it should end at `lowest`")
def down_to_zero(step, steps, warmup, highest, lowest):
    if step < warmup:
        return master(step, steps, warmup, highest, lowest)
    return 0.0 if step >= steps else cosine((step - warmup) / (steps - warmup), highest, 0.0)


@mistake("The lowest rate on top.", fails="rate-cosine, rate-ends", says="`lowest` was added")
def on_top(step, steps, warmup, highest, lowest):
    if step < warmup or step >= steps:
        return master(step, steps, warmup, highest, lowest)
    return lowest + cosine((step - warmup) / (steps - warmup), highest, 0.0)


@mistake("A straight line.", fails="rate-cosine, rate-ends", says="a straight line")
def straight(step, steps, warmup, highest, lowest):
    if step < warmup or step >= steps:
        return master(step, steps, warmup, highest, lowest)
    return highest - (highest - lowest) * (step - warmup) / (steps - warmup)


@mistake("A whole turn.", fails="rate-cosine, rate-ends", says="a whole turn")
def whole_turn(step, steps, warmup, highest, lowest):
    if step < warmup or step >= steps:
        return master(step, steps, warmup, highest, lowest)
    return cosine(2 * (step - warmup) / (steps - warmup), highest, lowest)


@mistake("A quarter of a turn.", fails="rate-cosine, rate-ends", says="a quarter of a cosine")
def quarter(step, steps, warmup, highest, lowest):
    if step < warmup or step >= steps:
        return master(step, steps, warmup, highest, lowest)
    turn = math.pi / 2 * (step - warmup) / (steps - warmup)
    return lowest + (highest - lowest) * math.cos(turn)


@mistake("Degrees.", fails="rate-cosine, rate-ends", says="radians")
def degrees(step, steps, warmup, highest, lowest):
    if step < warmup or step >= steps:
        return master(step, steps, warmup, highest, lowest)
    turn = math.radians(math.pi * (step - warmup) / (steps - warmup))
    return lowest + (highest - lowest) * (1 + math.cos(turn)) / 2


@mistake("Goes on after the end and rises again.", fails="rate-ends", says="after the end")
def goes_on(step, steps, warmup, highest, lowest):
    if step < warmup:
        return highest * (step + 1) / warmup
    return cosine((step - warmup) / max(1, steps - warmup), highest, lowest)


@mistake("0 after the end.", fails="rate-ends", says="after the end")
def zero_after(step, steps, warmup, highest, lowest):
    return 0.0 if step >= steps else master(step, steps, warmup, highest, lowest)


@mistake("Divides by a warm-up of 0.", fails="rate-ends", says="ZeroDivisionError")
def divides(step, steps, warmup, highest, lowest):
    up = highest * (step + 1) / warmup
    return up if step < warmup else master(step, steps, warmup, highest, lowest)


@mistake(
    "The rates of the notebook's example.",
    fails="rate-warmup, rate-cosine, rate-ends",
    says="the rate is",
)
def of_the_example(step, steps, warmup, highest, lowest):
    return master(step, 10, 2, 1.0, 0.0)


@mistake(
    "The cosine is one step ahead.",
    fails="rate-cosine, rate-ends",
    says="counts one step too far",
)
def one_ahead(step, steps, warmup, highest, lowest):
    if step < warmup:
        return highest * (step + 1) / warmup
    done = min(1.0, (step + 1 - warmup) / max(1, steps - warmup))
    return lowest + (highest - lowest) * (1 + math.cos(math.pi * done)) / 2
