"""Exercise 12: keeping score: choices, numbers, actions, episodes, blind scores, leaked items.

What is right is worked out here from the definitions: a choice by looking at every run of words,
a number as a fraction, an action by cutting its brackets one by one.
"""

from mvlm.checks.core import Exercise, questions_of
from mvlm.checks.ex12_tasks import (
    blind_scores,
    contaminated,
    read_action,
    read_choice,
    relaxed,
    run_episode,
)

EXERCISE = Exercise(
    name="12_tasks",
    title="Exercise 12: keeping score",
    forbids=("mvlm.tasks", "mvlm.data.shop", "mvlm.evaluation"),
    questions=questions_of(
        read_choice, relaxed, read_action, run_episode, blind_scores, contaminated
    ),
)
