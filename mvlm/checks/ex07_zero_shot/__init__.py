"""Exercise 07: zero-shot: ensembles, none of these, recalls, examples, a power law, order.

What is right is worked out here from the definitions and in float64: a cosine by its parts, a
recall by counting, a line by solving its normal equations, order item by item.
"""

from mvlm.checks.core import Exercise, questions_of
from mvlm.checks.ex07_zero_shot import (
    class_recalls,
    decide,
    ensemble,
    examples_to_match,
    fit_power,
    order_score,
)

EXERCISE = Exercise(
    name="07_zero_shot",
    title="Exercise 07: zero-shot",
    forbids=("mvlm.zeroshot", "mvlm.evaluation"),
    questions=questions_of(
        ensemble, decide, class_recalls, examples_to_match, fit_power, order_score
    ),
)
