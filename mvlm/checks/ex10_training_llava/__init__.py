"""Exercise 10: who learns, the floor of captions, polls, yes and no, worth, and refusing.

What is right is worked out here from the definitions: orders are counted by multiplying whole
numbers, company by looking at every scene, worths as fractions, thresholds by trying each.
"""

from mvlm.checks.core import Exercise, questions_of
from mvlm.checks.ex10_training_llava import (
    caption_floor,
    polling_questions,
    refusal_threshold,
    set_stage,
    worth_of_picture,
    yes_no_scores,
)

EXERCISE = Exercise(
    name="10_training_llava",
    title="Exercise 10: two stages and what they are worth",
    forbids=("mvlm.evaluation", "mvlm.training"),
    questions=questions_of(
        set_stage,
        caption_floor,
        polling_questions,
        yes_no_scores,
        worth_of_picture,
        refusal_threshold,
    ),
)
