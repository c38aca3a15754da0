"""Exercise 08: a language model's parts: norm, rotation, shared keys, cache, what is drawn from.

What is right is worked out here in float64 and from the definitions: a rotation by complex
numbers, attention with a loop over heads, a cut token by token from the likeliest on.
"""

from mvlm.checks.core import Exercise, questions_of
from mvlm.checks.ex08_language_model import (
    cache_bytes,
    grouped_attention,
    keep_likely,
    next_tokens,
    rms_norm,
    rotate,
)

EXERCISE = Exercise(
    name="08_language_model",
    title="Exercise 08: a small language model",
    forbids=("mvlm.language", "mvlm.generation", "mvlm.transformer"),
    questions=questions_of(
        rms_norm, rotate, grouped_attention, cache_bytes, keep_likely, next_tokens
    ),
)
