"""``python -m mvlm chat IMAGE``: a conversation about a picture, word by word."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from mvlm import weights
from mvlm.images import Preprocessing, open_image, pad_to_square
from mvlm.llava import Chat, LLaVA
from mvlm.tokenizer import IMAGE, Tokenizer

SIDE = 120  # pixels of the course's scenes
WHITE = (255, 255, 255)
MOST_TURNS = 6  # what is remembered; the model learnt from conversations of about this length


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """IMAGE, --ask, --weights."""
    parser.add_argument("image", type=Path, help="a picture, best a 120×120 scene of the course")
    parser.add_argument(
        "--ask", action="append", metavar="QUESTION", help="ask this and end; may be repeated"
    )
    parser.add_argument("--weights", type=Path, default=weights.HERE / "llava.safetensors")


def run(arguments: argparse.Namespace) -> int:
    """Answer questions until there are no more; an empty line or Ctrl-D ends."""
    try:
        picture = prepare(open_image(arguments.image))
        llava = weights.llava(arguments.weights)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    chat, turns = Chat(tokenizer=weights.tokenizer()), []
    for question in arguments.ask or typed():
        if arguments.ask:
            print(f"> {question}")
        said = ""
        for piece in reply(llava, chat, picture, [*turns, (question, None)]):
            print(piece, end="", flush=True)
            said += piece
        print()
        turns = [*turns, (question, said)][-MOST_TURNS:]
    return 0


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
    """Any picture as a scene's size: padded to a square with white, then scaled."""
    return Preprocessing(resize=(SIDE, SIDE))(pad_to_square(picture, WHITE))


@torch.inference_mode()
def reply(
    llava: LLaVA, chat: Chat, picture: Tensor, turns: list[tuple[str, str | None]]
) -> Iterator[str]:
    """The answer to the last turn, piece by piece; the picture stands in the first question."""
    (first, answered), *others = turns
    first = first.replace(IMAGE, "")
    prompt = chat.prompt([(f"{IMAGE}\n{first}", answered), *others])
    ids, shown = [], ""
    tokenizer: Tokenizer = chat.tokenizer
    for (token,) in llava.stream(picture, [prompt], max_new_tokens=80, end_id=tokenizer.end_id):
        ids.append(token)
        text = tokenizer.decode(ids).lstrip()
        if not text.endswith("\ufffd"):  # part of a letter; its other bytes come next
            yield text[len(shown) :]
            shown = text
