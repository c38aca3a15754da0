"""``python -m mvlm chat IMAGE``: a conversation about a picture, word by word."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from mvlm import weights
from mvlm.chat import Chat
from mvlm.commands.failures import FAILURES, complaint
from mvlm.commands.partners import Partner, Turn, llava_partner
from mvlm.commands.pointing import check_target, draw_points
from mvlm.images import Preprocessing, fit_on_square, open_image
from mvlm.llava import LLaVA
from mvlm.points import Point, parse_points, points_to_pixels

SIDE = 120  # pixels of the course's scenes
WHITE = (255, 255, 255)
MOST_TOKENS = 80  # of an answer


def run(arguments: argparse.Namespace) -> int:
    """Answer questions until there are no more; an empty line or Ctrl-D ends."""
    try:
        picture = open_image(arguments.image, background=WHITE)
        if arguments.save is not None:
            check_target(arguments.save, arguments.image)
        if arguments.hub is None:
            partner = course_partner(picture, arguments.weights)
        else:
            # The hub's library is looked into only where it is needed: it takes half a second.
            from mvlm.commands.released_partners import released_partner

            partner = released_partner(picture, arguments)
    except FAILURES as error:
        print(f"error: {complaint(error)}", file=sys.stderr)
        return 1
    turns: list[Turn] = []
    pointed: list[list[Point]] = []
    for question in arguments.ask or typed():
        if arguments.ask:
            print(f"> {question}")
        try:
            prompt, asked = partner.prompt([*turns, (question, None)])
            said = ""
            for piece in reply(partner, prompt):
                print(piece, end="", flush=True)
                said += piece
            print()
            turns = [*asked[:-1], (question, said)]
            if arguments.hub is not None and (points := parse_points(said)):
                pointed.append(points)
                tell(picture, pointed, arguments.save)
        except FAILURES as error:
            print(f"error: {complaint(error)}", file=sys.stderr)
            if arguments.ask:
                return 1
    if arguments.save is not None and not pointed:
        print(f"no answer points, so {arguments.save} was not written", file=sys.stderr)
    return 0


def course_partner(picture: Image.Image, path: Path | None) -> Partner:
    """The course's LLaVA with the picture before it."""
    pixels = prepare(picture)
    llava = weights.llava(path or weights.HERE / "llava.safetensors")
    chat = Chat(tokenizer=weights.tokenizer())
    return llava_partner(llava, chat, pixels, room=room(llava), most=MOST_TOKENS)


def tell(picture: Image.Image, pointed: list[list[Point]], target: Path | None) -> None:
    """The last answer's points in pixels; all answers' in a copy of the picture, where wanted."""
    pixels = points_to_pixels(pointed[-1], (picture.height, picture.width))
    print(
        "points, in pixels from the left and the top:", *(f"({x:.0f}, {y:.0f})" for x, y in pixels)
    )
    if target is not None:
        draw_points(picture, pointed).save(target)
        print(f"drawn into {target}")


def typed() -> Iterator[str]:
    """Lines from the keyboard."""
    print("Ask about the picture. An empty line ends the conversation.")
    while True:
        try:
            question = input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if not question:
            return
        yield question


def prepare(picture: Image.Image) -> Tensor:
    """Any picture as a scene's size: scaled, and padded to a square with white."""
    return Preprocessing(resize=(SIDE, SIDE))(fit_on_square(picture, SIDE, WHITE))


def room(llava: LLaVA) -> int:
    """Tokens that a prompt may have, its image marker included."""
    vectors = math.prod(llava.vision.grid)  # which come in the marker's place
    return llava.language.config.context - MOST_TOKENS - vectors + 1


@torch.inference_mode()
def reply(partner: Partner, prompt: list[int]) -> Iterator[str]:
    """The answer to the prompt's last question, piece by piece."""
    ids, shown = [], ""
    for (token,) in partner.stream(prompt):
        ids.append(token)
        text = partner.tokenizer.decode(ids).lstrip()
        if not text.endswith("\ufffd"):  # part of a letter; its other bytes come next
            yield text[len(shown) :]
            shown = text
