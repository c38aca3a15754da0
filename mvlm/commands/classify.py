"""``python -m mvlm classify IMAGE LABEL…``: which of these words fits the picture best?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from PIL import Image

from mvlm import weights
from mvlm.images import Preprocessing, fit_on_square, open_image
from mvlm.tokenizer import Tokenizer
from mvlm.zeroshot import zero_shot_classifier

PROMPTS = ("{}", "a picture of a {}", "a drawing of a {}", "an emoji: {}")
WHITE = (255, 255, 255)


def run(arguments: argparse.Namespace) -> int:
    """Print every label with its probability, the likeliest first."""
    try:
        picture = open_image(arguments.image, background=WHITE)
        scores = classify(picture, arguments.labels, arguments.weights)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    width = max(len(label) for label in arguments.labels)
    for label, score in sorted(
        zip(arguments.labels, scores, strict=True), key=lambda pair: -pair[1]
    ):
        print(f"{label:<{width}}  {score:6.1%}")
    return 0


@torch.inference_mode()
def classify(picture: Image.Image, labels: list[str], path: Path) -> list[float]:
    """The probability of each label, by the course's CLIP.

    Raises:
        ValueError: a label holds a special token, or the weights are not CLIP's.
    """
    clip, tokenizer = weights.clip(path), weights.tokenizer()
    refuse_special_tokens(labels, tokenizer)
    context = clip.config.text.context_length
    table = zero_shot_classifier(
        clip, lambda texts: tokenizer(list(texts), length=context), labels, PROMPTS
    )
    side, _ = clip.config.image.image_size
    preprocess = Preprocessing(resize=(side, side))
    features = clip.encode_image(preprocess(fit_on_square(picture, side, WHITE)))
    return (clip.logit_scale.exp() * features @ table).softmax(dim=-1)[0].tolist()


def refuse_special_tokens(labels: list[str], tokenizer: Tokenizer) -> None:
    """A label such as ``<end>`` is no word: it ends the prompt, whose vector then fits anything.

    Raises:
        ValueError: a label holds one.
    """
    for label in labels:
        if found := tokenizer.special_in(label):
            raise ValueError(f"the label {label!r} holds the special token {found[0]}: use words")
