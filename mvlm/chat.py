"""A conversation as token ids and labels: what LLaVA and Molmo learn from and answer.

Chapters 09 and 10. Chiang et al. 2023 (Vicuna's form); haotian-liu/LLaVA `conversation.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Int
from torch import Tensor

from mvlm.language import IGNORED
from mvlm.llava import IMAGE_MARKER
from mvlm.tokenizer import IMAGE, Tokenizer, pad_rows

# The sentence LLaVA-1.5 and Vicuna were trained with, `conversation.py` in both repositories.
VICUNA_SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the user's questions. "
)


@dataclass(frozen=True, kw_only=True)
class Example:
    """One conversation as tokens: `ids`, -200 for a picture, and `labels`, -100 for no loss."""

    ids: list[int]
    labels: list[int]


Turns = Sequence[tuple[str, str | None]]


@dataclass(frozen=True, kw_only=True)
class Chat:
    """A conversation's form, and its tokens and labels in ONE pass over the text.

    The text is written once, noting which characters are answers, and tokenised once; each token
    knows its characters. Tokenising every prefix again and subtracting lengths, as the original
    does, goes wrong where a prefix splits differently, and then silently drops the whole sample.

    The defaults are Vicuna's, as LLaVA-1.5 was trained, without its sentence `VICUNA_SYSTEM`.

    Attributes:
        tokenizer: with its end token after every answer.
        system: what stands before everything.
        user, assistant: what stands before a question and before an answer.
    """

    tokenizer: Tokenizer
    system: str = ""
    user: str = "USER: "
    assistant: str = " ASSISTANT:"

    def example(self, turns: Turns) -> Example:
        """A conversation to learn from: pairs of (question, answer), `<image>` for a picture.

        Only the answers and the end token after each are supervised.

        Raises:
            ValueError: there is no turn, or no answer with a token in it.
        """
        example = self._encode(turns, [answer is not None for _, answer in turns])
        if all(label == IGNORED for label in example.labels):
            raise ValueError(
                "no token is supervised: the conversation has no answer, so give the last turn one"
            )
        return example

    def prompt(self, turns: Turns) -> list[int]:
        """A conversation to continue: the last answer is None. It starts as `example` does."""
        if not turns or turns[-1][1] is not None:
            raise ValueError("nothing is left to answer: pass None as the last turn's answer")
        return self._encode(turns, [False] * len(turns)).ids

    def caption(self, text: str) -> Example:
        """LLaVA's plain form for its first stage: the picture, then its caption, supervised."""
        if not text:
            raise ValueError("no token is supervised: the caption is empty, so pass some text")
        return self._tokenise([(IMAGE, False), (text + self.tokenizer.end, True)])

    def _encode(self, turns: Turns, supervised: Sequence[bool]) -> Example:
        if not turns:
            raise ValueError("the conversation is empty: pass at least one (question, answer)")
        pieces = [(self.system, False)]
        for (question, answer), wanted in zip(turns, supervised, strict=True):
            pieces.append((self.user + question + self.assistant, False))
            if answer is not None:
                pieces.append((f" {answer}{self.tokenizer.end}", wanted))
        if any(IMAGE in answer for _, answer in turns if answer is not None):
            raise ValueError(f"an answer holds {IMAGE}: a picture belongs in a question")
        return self._tokenise(pieces)

    def _tokenise(self, pieces: Sequence[tuple[str, bool]]) -> Example:
        text = "".join(piece for piece, _ in pieces)
        wanted = [flag for piece, flag in pieces for _ in piece]  # one a character
        start = self.tokenizer.start_id
        ids = [] if start is None else [start]
        labels = [IGNORED] * len(ids)
        at = 0
        for between in re.split(f"({re.escape(IMAGE)})", text):
            if between == IMAGE:
                ids.append(IMAGE_MARKER)
                labels.append(IGNORED)
            elif between:
                tokens, offsets = self.tokenizer.encode_with_offsets(between)
                ids += tokens
                # A token counts when its last character is the answer's: none spans both.
                labels += [
                    token if last > first and wanted[at + last - 1] else IGNORED
                    for token, (first, last) in zip(tokens, offsets, strict=True)
                ]
            at += len(between)
        return Example(ids=ids, labels=labels)


def collate(
    examples: Sequence[Example], pad_id: int
) -> tuple[Int[Tensor, "batch token"], Int[Tensor, "batch token"], Bool[Tensor, "batch token"]]:
    """Examples as one batch: ids, labels (-100 on padding) and the attention mask."""
    ids, mask = pad_rows([example.ids for example in examples], pad_id)
    labels, _ = pad_rows([example.labels for example in examples], IGNORED)
    return ids, labels, mask
