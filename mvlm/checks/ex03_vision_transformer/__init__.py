"""Exercise 03: attention with a mask, class token, a block, its cost, two probes, a faulty step.

What is right is worked out here in float64: attention query by query in loops, a block from the
paper's equations, the cost from the shapes of its products.
"""

from mvlm.checks.core import Exercise, questions_of
from mvlm.checks.ex03_vision_transformer import (
    attend,
    block,
    cost,
    mended_step,
    merge_class_token,
    probe_batches,
    read_probes,
)

EXERCISE = Exercise(
    name="03_vision_transformer",
    title="Exercise 03: the vision transformer",
    forbids=("mvlm.transformer", "mvlm.vit", "mvlm.clip", "mvlm.language"),
    questions=questions_of(
        attend, merge_class_token, block, cost, probe_batches, read_probes, mended_step
    ),
)
