"""A conversation as token ids and labels: what LLaVA and Molmo learn from and answer.

Chapters 09 and 10. Chiang et al. 2023 (Vicuna's form); haotian-liu/LLaVA `conversation.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Int
from torch import Tensor

from mvlm.language import IGNORED
from mvlm.tokenizer import IMAGE, Tokenizer, pad_rows

IMAGE_MARKER = -200
"""Stands for one picture among the token ids. It is never embedded: no vocabulary has it."""

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
            ValueError: there is no turn, no answer with a token in it, or a special token is
                written out in a question or an answer.
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
        self._refuse_special("caption", text)
        return self._tokenise([(IMAGE, False), (text + self.tokenizer.end, True)])

    def _encode(self, turns: Turns, supervised: Sequence[bool]) -> Example:
        if not turns:
            raise ValueError("the conversation is empty: pass at least one (question, answer)")
        if any(IMAGE in answer for _, answer in turns if answer is not None):
            raise ValueError(f"an answer holds {IMAGE}: a picture belongs in a question")
        unanswered = [i for i, (_, answer) in enumerate(turns[:-1]) if answer is None]
        if unanswered:
            raise ValueError(
                f"turn {unanswered[0]} has no answer, and only the last may be without one: leave "
                "the turn out"
            )
        pieces = [(self.system, False)]
        for (question, answer), wanted in zip(turns, supervised, strict=True):
            self._refuse_special("question", question.replace(IMAGE, " "))
            pieces.append((self.user + question + self.assistant, False))
            if answer is not None:
                self._refuse_special("answer", answer)
                pieces.append((f" {answer}{self.tokenizer.end}", wanted))
        return self._tokenise(pieces)

    def _tokenise(self, pieces: Sequence[tuple[str, bool]]) -> Example:
        text = "".join(piece for piece, _ in pieces)
        wanted = [flag for piece, flag in pieces for _ in piece]  # one a character
        start = self.tokenizer.start_id
        tokens, offsets = self.tokenizer.encode_around(text, IMAGE)
        ids = [] if start is None else [start]
        labels = [IGNORED] * len(ids)
        for token, (first, last) in zip(tokens, offsets, strict=True):
            # A token counts when its last character is the answer's: none spans both.
            supervised = token is not None and last > first and wanted[last - 1]
            ids.append(IMAGE_MARKER if token is None else token)
            labels.append(token if supervised else IGNORED)
        return Example(ids=ids, labels=labels)

    def _refuse_special(self, what: str, text: str) -> None:
        """A special token written out is read as one: it could end a turn and forge another."""
        found = self.tokenizer.special_in(text)
        if found:
            raise ValueError(
                f"the {what} holds {found[0]}, which the tokenizer reads as a special token: "
                "write it otherwise"
            )


def collate(
    examples: Sequence[Example], pad_id: int
) -> tuple[Int[Tensor, "batch token"], Int[Tensor, "batch token"], Bool[Tensor, "batch token"]]:
    """Examples as one batch: ids, labels (-100 on padding) and the attention mask."""
    ids, mask = pad_rows([example.ids for example in examples], pad_id)
    labels, _ = pad_rows([example.labels for example in examples], IGNORED)
    return ids, labels, mask
