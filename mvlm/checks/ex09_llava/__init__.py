"""Exercise 09: pictures among words: splicing, labels, the loss, a cached step, a faulty generator.

What is right is worked out here in float64 and from the definitions: ids and labels token by token,
a step from the whole sequence, a generator by reading everything again at each step.
"""

from mvlm.checks.core import Exercise, questions_of
from mvlm.checks.ex09_llava import (
    answer_labels,
    answer_loss,
    cached_step,
    expand_markers,
    mended_generate,
    splice,
)

EXERCISE = Exercise(
    name="09_llava",
    title="Exercise 09: a mini-LLaVA",
    forbids=(
        "mvlm.llava",
        "mvlm.chat",
        "mvlm.language",
        "mvlm.generation",
        "mvlm.transformer",
        "mvlm.tokenizer",
    ),
    questions=questions_of(
        expand_markers, splice, answer_labels, answer_loss, cached_step, mended_generate
    ),
)
