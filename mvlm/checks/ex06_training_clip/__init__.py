"""Exercise 06: training CLIP: reading a loss, batches without twins, a batch in parts, logs.

What is right is worked out here from the definitions, in float64: the floor by counting, the
gradient of a batch by autograd on the whole of it, the schedule point by point.
"""

from mvlm.checks.core import Exercise, questions_of
from mvlm.checks.ex06_training_clip import (
    accumulate,
    batches,
    diagnose,
    learnt,
    parameter_groups,
    schedule,
)

EXERCISE = Exercise(
    name="06_training_clip",
    title="Exercise 06: training CLIP",
    forbids=("mvlm.clip", "mvlm.contrastive", "mvlm.training"),
    questions=questions_of(learnt, batches, accumulate, schedule, parameter_groups, diagnose),
)
