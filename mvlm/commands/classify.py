"""``python -m mvlm classify IMAGE LABEL…``: which of these words fits the picture best?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from mvlm import weights
from mvlm.commands.failures import FAILURES, complaint
from mvlm.images import Preprocessing, fit_on_square, open_image
from mvlm.tokenizer import Tokenizer
from mvlm.zeroshot import zero_shot_classifier

PROMPTS = ("{}", "a picture of a {}", "a drawing of a {}", "an emoji: {}")
WHITE = (255, 255, 255)


def run(arguments: argparse.Namespace) -> int:
    """Print every label with its probability, the likeliest first."""
    try:
        picture = open_image(arguments.image, background=WHITE)
        if arguments.hub is None:
            path = arguments.weights or weights.HERE / "clip.safetensors"
            scores = classify(picture, arguments.labels, path)
        else:
            scores = classify_released(picture, arguments.labels, arguments)
    except FAILURES as error:
        print(f"error: {complaint(error)}", file=sys.stderr)
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


@torch.inference_mode()
def classify_released(
    picture: Image.Image, labels: Sequence[str], arguments: argparse.Namespace
) -> list[float]:
    """The probability of each label, by the CLIP that --model names.

    Raises:
        ValueError: a label holds a special token. And see `released.load`.
    """
    # The hub's library is looked into only where it is needed: it takes half a second.
    from mvlm.commands.released import PHOTO, load

    loaded = load(arguments, ("clip",))
    refuse_special_tokens(labels, loaded.tokenizer)
    clip, templates = loaded.model, arguments.template or PHOTO
    table = zero_shot_classifier(clip, loaded.tokenizer, labels, templates).float()
    features = clip.encode_image(loaded.preprocessing(picture).to(loaded.weight))
    return (clip.logit_scale.exp().float() * features.float() @ table).softmax(dim=-1)[0].tolist()


def refuse_special_tokens(labels: Sequence[str], tokenizer: Tokenizer) -> None:
    """A label such as ``<end>`` is no word: it ends the prompt, whose vector then fits anything.

    Raises:
        ValueError: a label holds one.
    """
    for label in labels:
        if found := tokenizer.special_in(label):
            raise ValueError(f"the label {label!r} holds the special token {found[0]}: use words")
