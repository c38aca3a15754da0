"""Exercise 05: cosines, the CLIP loss and its gradients, in blocks, in shares, and a faulty step.

What is right is worked out here in float64 from the definition of a cross-entropy, and every slope
by autograd.
"""

from mvlm.checks.core import Exercise, questions_of
from mvlm.checks.ex05_clip_loss import (
    absorb,
    cosine_similarities,
    loss_and_gradients,
    mended_step,
    several_right_loss,
    share_of_process,
)

EXERCISE = Exercise(
    name="05_clip_loss",
    title="Exercise 05: the CLIP loss",
    forbids=("mvlm.clip", "mvlm.contrastive"),
    questions=questions_of(
        cosine_similarities,
        loss_and_gradients,
        several_right_loss,
        absorb,
        share_of_process,
        mended_step,
    ),
)
