"""Exercise 01: boxes of requests, a blind guesser, sensitivity, luck, and the room a picture takes.

What is right is worked out here from the definitions: by counting in plain loops, and for luck in
whole numbers and fractions, where nothing is rounded before the end.
"""

from mvlm.checks.core import Exercise, questions_of
from mvlm.checks.ex01_multimodal import (
    above_chance,
    blind_score,
    modalities,
    sensitivity,
    token_budget,
)

EXERCISE = Exercise(
    name="01_multimodal",
    title="Exercise 01: does it look?",
    forbids=("mvlm.data.baselines", "mvlm.tasks"),
    questions=questions_of(modalities, blind_score, sensitivity, above_chance, token_budget),
)
