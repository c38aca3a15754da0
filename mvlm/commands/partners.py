"""Who answers about a picture, and what of a conversation there is room for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from mvlm.chat import Chat
from mvlm.llava import LLaVA
from mvlm.tokenizer import IMAGE, Tokenizer

MOST_TURNS = 6  # what is remembered; the course's model learnt from conversations of this length

Turn = tuple[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Partner:
    """Who answers about one picture.

    Attributes:
        tokenizer: of the answers.
        prompt: turns, the last one unanswered → what is read of them, and which they are.
        stream: a prompt → the answer, a list of one token a step.
    """

    tokenizer: Tokenizer
    prompt: Callable[[list[Turn]], tuple[list[int], list[Turn]]]
    stream: Callable[[list[int]], Iterator[list[int | None]]]


def llava_partner(llava: LLaVA, chat: Chat, pixels: Tensor, *, room: int, most: int) -> Partner:
    """A LLaVA, which remembers as much of the conversation as there is room for."""
    options = {"max_new_tokens": most, "end_id": chat.tokenizer.end_ids}
    return Partner(
        tokenizer=chat.tokenizer,
        prompt=lambda turns: remembered(chat, turns, room),
        stream=lambda prompt: llava.stream(pixels, [prompt], **options),
    )


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
