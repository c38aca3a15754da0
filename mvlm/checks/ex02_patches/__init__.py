"""Exercise 02: patches in the other order, and back; overlapping; of any size; and their places.

What is right is worked out here with loops over pixels, in no way that an answer would be written.
What is wrong is recognised by trying every order of the axes.
"""

from mvlm.checks.core import Exercise, questions_of
from mvlm.checks.ex02_patches import (
    overlapping_patches,
    pad_to_grid,
    patchify_hwc,
    resize_table,
    unpatchify_hwc,
    weight_to_hwc,
)

EXERCISE = Exercise(
    name="02_patches",
    title="Exercise 02: patches",
    forbids=("mvlm.patches",),
    questions=questions_of(
        patchify_hwc, unpatchify_hwc, weight_to_hwc, overlapping_patches, pad_to_grid, resize_table
    ),
)
