"""Released models in a conversation about a picture: a LLaVA or a Molmo, by name or folder."""

from __future__ import annotations

import argparse
import math

from PIL import Image

from mvlm.chat import VICUNA_SYSTEM, Chat
from mvlm.commands.partners import Partner, Turn, llava_partner
from mvlm.commands.released import Released, load
from mvlm.hub import molmo_prompt
from mvlm.tokenizer import IMAGE

MOST_TOKENS = 400  # of an answer, which may describe a picture or point to many things


def released_partner(picture: Image.Image, arguments: argparse.Namespace) -> Partner:
    """The model that --model names, with the picture before it.

    Raises:
        ValueError: --save goes with a LLaVA, which does not point. And see `released.load`.
    """
    loaded = load(arguments, ("llava", "molmo") if arguments.save is None else ("molmo",))
    if loaded.kind == "molmo":
        return molmo_partner(loaded, picture)
    context = loaded.model.language.config.context
    vectors = math.prod(loaded.model.vision.config.grid)  # which come in the marker's place
    return llava_partner(
        loaded.model,
        Chat(tokenizer=loaded.tokenizer, system=VICUNA_SYSTEM),
        loaded.preprocessing(picture).to(loaded.weight),
        room=context - answer_length(context) - vectors + 1,
        most=answer_length(context),
    )


def molmo_partner(loaded: Released, picture: Image.Image) -> Partner:
    """A released Molmo. Each question stands by itself: it was published with this form alone."""
    tokenizer = loaded.tokenizer
    crops = loaded.preprocessing(picture)
    most = answer_length(loaded.model.language.config.context)
    options = {"max_new_tokens": most, "end_id": tokenizer.end_ids}

    def prompt(turns: list[Turn]) -> tuple[list[int], list[Turn]]:
        question = turns[-1][0].replace(IMAGE, " ")
        return molmo_prompt(question, crops, tokenizer), turns[-1:]

    return Partner(
        tokenizer=tokenizer,
        prompt=prompt,
        stream=lambda ids: loaded.model.stream(crops, [ids], **options),
    )


def answer_length(context: int) -> int:
    """Tokens that a released model's answer may have."""
    return min(MOST_TOKENS, context // 4)
