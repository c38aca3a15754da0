"""``python -m mvlm chat IMAGE``: a conversation about a picture, word by word."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator

import torch
from PIL import Image
from torch import Tensor

from mvlm import weights
from mvlm.chat import Chat
from mvlm.images import Preprocessing, fit_on_square, open_image
from mvlm.llava import LLaVA
from mvlm.tokenizer import IMAGE, Tokenizer

SIDE = 120  # pixels of the course's scenes
WHITE = (255, 255, 255)
MOST_TURNS = 6  # what is remembered; the model learnt from conversations of about this length
MOST_TOKENS = 80  # of an answer

Turn = tuple[str, str | None]


def run(arguments: argparse.Namespace) -> int:
    """Answer questions until there are no more; an empty line or Ctrl-D ends."""
    try:
        picture = prepare(open_image(arguments.image, background=WHITE))
        llava = weights.llava(arguments.weights)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    chat, turns = Chat(tokenizer=weights.tokenizer()), []
    for question in arguments.ask or typed():
        if arguments.ask:
            print(f"> {question}")
        try:
            prompt, turns = remembered(chat, [*turns, (question, None)], room(llava))
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            if arguments.ask:
                return 1
            continue
        said = ""
        for piece in reply(llava, chat.tokenizer, picture, prompt):
            print(piece, end="", flush=True)
            said += piece
        print()
        turns = [*turns[:-1], (question, said)]
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
    """Any picture as a scene's size: scaled, and padded to a square with white."""
    return Preprocessing(resize=(SIDE, SIDE))(fit_on_square(picture, SIDE, WHITE))


def room(llava: LLaVA) -> int:
    """Tokens that a prompt may have, its image marker included."""
    vectors = math.prod(llava.vision.grid)  # which come in the marker's place
    return llava.language.config.context - MOST_TOKENS - vectors + 1


def remembered(chat: Chat, turns: list[Turn], room: int) -> tuple[list[int], list[Turn]]:
    """The conversation as a prompt, and the turns in it: the last ones, as many as there is room.

    The picture stands in the first question.

    Raises:
        ValueError: the last question alone is too long.
    """
    turns = [(question.replace(IMAGE, " "), said) for question, said in turns[-MOST_TURNS - 1 :]]
    while True:
        (first, said), *others = turns
        prompt = chat.prompt([(f"{IMAGE}\n{first}", said), *others])
        if len(prompt) <= room:
            return prompt, turns
        if not others:
            raise ValueError(
                f"the question is {len(prompt)} tokens long and there is room for {room}: ask in "
                "fewer words"
            )
        turns = others


@torch.inference_mode()
def reply(llava: LLaVA, tokenizer: Tokenizer, picture: Tensor, prompt: list[int]) -> Iterator[str]:
    """The answer to the prompt's last question, piece by piece."""
    ids, shown = [], ""
    options = {"max_new_tokens": MOST_TOKENS, "end_id": tokenizer.end_id}
    for (token,) in llava.stream(picture, [prompt], **options):
        ids.append(token)
        text = tokenizer.decode(ids).lstrip()
        if not text.endswith("\ufffd"):  # part of a letter; its other bytes come next
            yield text[len(shown) :]
            shown = text
