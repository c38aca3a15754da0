"""LLaVA on photographs: a CLIP and a language model of the hub, joined in LLaVA's two stages.

Chapters 09 and 10, "On a GPU, with photographs". Liu et al. 2023, section 4.2. Stage 1 reads
captions in LLaVA's plain form, stage 2 conversations in the format of its instruction data:

    [{"id": "7", "image": "7.jpg", "conversations": [
        {"from": "human", "value": "<image>\nWhat is this?"},
        {"from": "gpt", "value": "A cat on a chair."}]}, …]
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets import Dataset
from torch import Tensor

from mvlm.chat import VICUNA_SYSTEM, Chat, Example, Turns, collate
from mvlm.llava import LLaVA
from mvlm.tokenizer import IMAGE, Tokenizer
from mvlm.training.loop import TrainConfig
from mvlm.training.recipes.bylength import ByLength
from mvlm.training.recipes.features import Features
from mvlm.training.recipes.language import spliced_loss
from mvlm.training.recipes.llava import LLaVAObjective
from mvlm.training.recipes.photographs import PairSource, place_of

SPEAKERS = ("human", "gpt")
NAMED = 3  # of the pictures that are missing; the others are counted


@dataclass(frozen=True, kw_only=True)
class LLaVAPhotographsRecipe:
    """What is joined, what it learns from, and how.

    Attributes:
        tower, language: hub names or folders of a CLIP and of a Llama-style language model.
        feature_layer: which of the tower's states is read; -2 is the last but one.
        conversations: a file in LLaVA's format; empty to end after stage 1.
        images: the folder that its pictures lie in; empty for the file's own.
        longest: tokens of a conversation without its picture; longer ones are left out.
        gigabytes: of memory that the run may take; 0 for what is free.
        pairs: pictures and captions of stage 1.
        align: stage 1; only the projector learns.
        train: stage 2; projector and language model learn.
    """

    tower: str = "openai/clip-vit-base-patch16"
    language: str = "HuggingFaceTB/SmolLM2-135M"
    feature_layer: int = -2
    conversations: str = ""
    images: str = ""
    longest: int = 512
    gigabytes: float = 0.0
    pairs: PairSource = field(default_factory=PairSource)
    align: TrainConfig = field(default_factory=TrainConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """One entry of the file: which it is, the picture's path or None, and its turns."""

    name: str
    picture: Path | None
    turns: Turns


def read_conversations(file: str, folder: str) -> list[Conversation]:
    """All entries of a file in LLaVA's format, each checked; none where no file is named.

    Args:
        file: its name.
        folder: of the pictures; empty for the file's own.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not in that format, or names pictures that are not in the folder.
    """
    if not file:
        return []
    path = Path(file).expanduser()
    images = Path(folder).expanduser() if folder else path.parent
    if not path.is_file():
        raise FileNotFoundError(f"there are no conversations at {path}: check the name")
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}): fetch or save it again") from error
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{path} holds no list of conversations: pass a file in LLaVA's format")
    read = [_conversation(entry, number, images) for number, entry in enumerate(entries)]
    pictures = {each.picture: each.name for each in reversed(read) if each.picture is not None}
    missing = [picture for picture in pictures_of(read) if not picture.is_file()]
    if missing:
        named = ", ".join(f"{p.name} ({pictures[p]})" for p in missing[:NAMED])
        raise ValueError(
            f"{len(missing)} of {len(pictures)} pictures are not in {images}: {named}"
            f"{', …' if len(missing) > NAMED else ''}: put them there, or take those conversations "
            "out"
        )
    return read


def pictures_of(conversations: Sequence[Conversation]) -> list[Path]:
    """Each picture once, in the order in which they come."""
    return list(dict.fromkeys(c.picture for c in conversations if c.picture is not None))


def _conversation(entry: Any, number: int, images: Path) -> Conversation:
    name = f"conversation {number}"
    said = entry.get("conversations") if isinstance(entry, dict) else None
    if not isinstance(said, list) or not said or len(said) % 2:
        raise ValueError(
            f"{name} is no object whose conversations are pairs of a question and an answer: mend "
            "it or take it out"
        )
    for place, turn in enumerate(said):
        wanted = SPEAKERS[place % 2]
        value = turn.get("value") if isinstance(turn, dict) else None
        if not isinstance(value, str) or not value.strip() or turn.get("from") != wanted:
            raise ValueError(
                f"turn {place} of {name} is {str(turn)[:60]}, wanted a text from {wanted!r}: mend "
                "it or take it out"
            )
    values = [turn["value"] for turn in said]
    turns = [(question.strip(), answer.strip()) for question, answer in _two_by_two(values)]
    markers = sum(question.count(IMAGE) for question, _ in turns)
    picture = entry.get("image")
    if markers != (picture is not None):
        raise ValueError(
            f"{name} has {markers} {IMAGE} and {'a' if picture is not None else 'no'} picture: "
            f"write {IMAGE} once where there is one"
        )
    if picture is not None and not isinstance(picture, str):
        raise ValueError(f"{name} has the image {str(picture)[:60]}: write the name of one file")
    return Conversation(
        name=name, picture=None if picture is None else images / picture, turns=turns
    )


def _two_by_two(values: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(values[::2], values[1::2], strict=True))


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text to learn from, and the number of the picture in it, or None."""

    example: Example
    picture: int | None


def caption_texts(pairs: Dataset, tokenizer: Tokenizer) -> list[Text]:
    """Stage 1: each picture with its caption, in LLaVA's plain form.

    Raises:
        ValueError: no caption can be written in tokens; single ones are left out with a warning.
    """
    chat = Chat(tokenizer=tokenizer)
    texts = []
    for number, caption in enumerate(pairs["caption"]):
        try:
            texts.append(Text(example=chat.caption(caption), picture=number))
        except ValueError as error:
            warnings.warn(f"pair {number} is left out: {error}", stacklevel=2)
    if not texts:
        raise ValueError(f"none of {len(pairs)} captions can be read: pass other pairs")
    return texts


def conversation_texts(
    conversations: Sequence[Conversation],
    pictures: Sequence[Path],
    tokenizer: Tokenizer,
    longest: int,
) -> list[Text]:
    """Stage 2: each conversation that is no longer than `longest`, in Vicuna's form.

    That is the form in which `python -m mvlm chat --model` asks.

    Raises:
        ValueError: a conversation cannot be written in tokens, or all are too long.
    """
    chat = Chat(tokenizer=tokenizer, system=VICUNA_SYSTEM)
    number_of = {picture: number for number, picture in enumerate(pictures)}
    texts = []
    for each in conversations:
        try:
            example = chat.example(each.turns)
        except ValueError as error:
            raise ValueError(f"{each.name}: {error}") from error
        if len(example.ids) <= longest:
            picture = None if each.picture is None else number_of[each.picture]
            texts.append(Text(example=example, picture=picture))
    if conversations and not texts:
        raise ValueError(
            f"all {len(conversations)} conversations are longer than {longest} tokens: raise "
            "longest, as far as the language model's context goes"
        )
    return texts


class TalkData:
    """Examples by their number: texts of like length together, and their pictures' features."""

    def __init__(
        self, texts: Sequence[Text], features: Features, pad_id: int, config: TrainConfig
    ) -> None:
        self.texts, self.features, self.pad_id, self.config = texts, features, pad_id, config
        self.examples = ByLength(self.text, _length, config.batch_size)

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`states` (I, N, W) of the pictures there are; `ids`, `labels`, `mask` (B, T)."""
        return self.collated([self.examples[number] for number in examples])

    def widest(self, examples: range) -> dict[str, Tensor]:
        """As many of the longest texts, which take most memory."""
        order = sorted(self.texts, key=_length, reverse=True)
        return self.collated([order[i % len(order)] for i in range(len(examples))])

    def text(self, number: int) -> Text:
        """Every pass has an order of its own."""
        count = len(self.texts)
        return self.texts[place_of(number, count=count, batch_size=1, seed=self.config.seed)]

    def collated(self, some: Sequence[Text]) -> dict[str, Tensor]:
        """Texts as one batch."""
        ids, labels, mask = collate([text.example for text in some], self.pad_id)
        states = self.features[[text.picture for text in some if text.picture is not None]]
        return {"states": states, "ids": ids, "labels": labels, "mask": mask}


def _length(text: Text) -> int:
    return len(text.example.ids)


class TalkObjective(LLaVAObjective):
    """The loss of a batch of `TalkData`, from the tower's states on."""

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(summed loss, number of supervised tokens)."""
        vectors = self.projector(batch["states"])
        total, count = spliced_loss(self.language, vectors, batch)
        # Without a picture the sum is 0; processes exchange the projector's gradient all the same.
        return (total if len(vectors) else total + vectors.sum()), count


def check_fits(recipe: LLaVAPhotographsRecipe, model: LLaVA) -> None:
    """Raise when the tower has no such layer, or the language model no room for a conversation."""
    depth, vision = model.vision.config.depth, model.vision.config
    if not -depth - 1 <= recipe.feature_layer <= depth:
        raise ValueError(
            f"feature_layer is {recipe.feature_layer}, the tower has {depth} blocks: take "
            f"{-depth - 1} to {depth}"
        )
    context, vectors = model.language.config.context, vision.grid[0] * vision.grid[1]
    if vectors + recipe.longest > context:
        raise ValueError(
            f"a picture of {vectors} vectors and {recipe.longest} tokens are more than the "
            f"language model's context of {context}: lower longest to {max(0, context - vectors)}"
        )
