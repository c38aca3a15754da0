"""``python -m mvlm classify IMAGE LABEL…``: which of these words fits the picture best?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from PIL import Image

from mvlm import weights
from mvlm.images import Preprocessing, fit_on_square, open_image
from mvlm.zeroshot import zero_shot_classifier

PROMPTS = ("{}", "a picture of a {}", "a drawing of a {}", "an emoji: {}")
WHITE = (255, 255, 255)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """IMAGE, LABEL…, --weights."""
    parser.add_argument("image", type=Path, help="a picture of one thing")
    parser.add_argument("labels", nargs="+", metavar="LABEL", help="words to choose from")
    parser.add_argument("--weights", type=Path, default=weights.HERE / "clip.safetensors")


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
    """The probability of each label, by the course's CLIP."""
    clip, tokenizer = weights.clip(path), weights.tokenizer()
    context = clip.config.text.context_length
    table = zero_shot_classifier(
        clip, lambda texts: tokenizer(list(texts), length=context), labels, PROMPTS
    )
    side, _ = clip.config.image.image_size
    preprocess = Preprocessing(resize=(side, side))
    features = clip.encode_image(preprocess(fit_on_square(picture, side, WHITE)))
    return (clip.logit_scale.exp() * features @ table).softmax(dim=-1)[0].tolist()
