"""Exercise 04: components, similarity, rollout, distance, a deletion curve, outliers.

What is right is worked out here in float64 and in another way than an answer would: components as
eigenvectors of a covariance, cosines as products over lengths, rollout as a row carried back
through the layers, the rest in loops.
"""

from mvlm.checks.core import Exercise, questions_of
from mvlm.checks.ex04_inside_vit import (
    components,
    deletion_curve,
    distance,
    outliers,
    rollout,
    similarity,
)

EXERCISE = Exercise(
    name="04_inside_vit",
    title="Exercise 04: inside a ViT",
    forbids=("mvlm.inspection",),
    questions=questions_of(components, similarity, rollout, distance, deletion_curve, outliers),
)
