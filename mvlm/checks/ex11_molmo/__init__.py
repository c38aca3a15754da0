"""Exercise 11: how Molmo cuts a picture, pools it, and writes and reads points.

What is right is worked out here in another way than an answer would be: scores as fractions, an
owner by asking every crop, a window one head at a time, pairs of points and boxes by trying them.
"""

from mvlm.checks.core import Exercise, questions_of
from mvlm.checks.ex11_molmo import (
    choose_tiling,
    count_verdict,
    owners,
    pool_windows,
    to_original,
    write_points,
)

EXERCISE = Exercise(
    name="11_molmo",
    title="Exercise 11: Molmo",
    forbids=("mvlm.molmo", "mvlm.points", "mvlm.tasks", "mvlm.small"),
    questions=questions_of(
        choose_tiling, owners, pool_windows, write_points, to_original, count_verdict
    ),
)
