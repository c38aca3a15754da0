"""The course's language model: text alone, before it is given an eye.

Chapter 08. Some of what it reads are captions. The rest are conversations in which the scene is
told in nine words, one a cell, where the picture's nine vectors will be: so it learns what is
asked and how answers follow from a scene, and chapter 10 need only teach it to read vectors.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor, nn

from mvlm.data.dice import Dice
from mvlm.data.scene import Scenes
from mvlm.language import IGNORED, LanguageConfig, LanguageModel
from mvlm.llava import Chat, Example, collate
from mvlm.recipes.texts import conversation, described, meaning_words
from mvlm.tokenizer import IMAGE, Tokenizer
from mvlm.train import TrainConfig


@dataclass(frozen=True, kw_only=True)
class LanguageRecipe:
    """The language model and how it is trained.

    Attributes:
        width, depth, heads, kv_heads, mlp_width, context: see `LanguageConfig`.
        captions: share of examples that are captions; the others are conversations.
        train: see `TrainConfig`.
    """

    width: int = 128
    depth: int = 4
    heads: int = 4
    kv_heads: int = 4
    mlp_width: int = 352
    context: int = 512
    captions: float = 0.25
    train: TrainConfig = field(default_factory=TrainConfig)

    def model(self, tokenizer: Tokenizer) -> LanguageConfig:
        """The model's own config, for this tokenizer's vocabulary."""
        return LanguageConfig(
            vocab_size=tokenizer.vocab_size,
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            kv_heads=self.kv_heads,
            mlp_width=self.mlp_width,
            context=self.context,
        )


class LanguageData:
    """Examples by their number: a scene's caption, or a conversation about it in nine words."""

    def __init__(self, recipe: LanguageRecipe, tokenizer: Tokenizer) -> None:
        self.recipe, self.chat = recipe, Chat(tokenizer=tokenizer)
        self.scenes = Scenes("train", 10**9, seed=recipe.train.seed)
        self.keep = meaning_words()

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`ids`, `labels` (-100 on padding and questions) and `mask`, (B, T) each."""
        pad_id = self.chat.tokenizer.pad_id
        ids, labels, mask = collate([self.example(number) for number in examples], pad_id)
        return {"ids": ids, "labels": labels, "mask": mask}

    def example(self, number: int) -> Example:
        """One text as tokens and labels."""
        scene = self.scenes.scene(number)
        dice = Dice(f"language {self.recipe.train.seed} {number}")
        if dice.chance(self.recipe.captions):
            told = described(scene.things) if dice.chance(0.5) else ""
            return captioned(self.chat.tokenizer, told, scene.caption)
        turns = conversation(dice, scene.things, self.scenes.names, self.keep)
        (first, answer), *others = turns
        first = first.replace(IMAGE, described(scene.things))
        return self.chat.example([(first, answer), *others])


def captioned(tokenizer: Tokenizer, told: str, caption: str) -> Example:
    """A caption, after the scene in nine words or after nothing; the caption is supervised."""
    before = [tokenizer.start_id, *tokenizer.encode(told)]
    after = [*tokenizer.encode(caption), tokenizer.end_id]
    return Example(ids=[*before, *after], labels=[IGNORED] * len(before) + after)


def summed_loss(
    language: LanguageModel, hidden: Float[Tensor, "batch token width"], labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of each next token, added up, and the number of tokens it is over.

    Most tokens are questions, which no loss is taken on: the vocabulary's scores, a tenth of all
    the work, are worked out for the others alone.
    """
    targets = labels[:, 1:]
    wanted = targets != IGNORED
    logits = language.logits(hidden[:, :-1][wanted]).float()  # (supervised, V)
    return nn.functional.cross_entropy(logits, targets[wanted], reduction="sum"), wanted.sum()


class LanguageObjective(nn.Module):
    """The loss of a batch of `LanguageData`."""

    def __init__(self, language: LanguageModel) -> None:
        super().__init__()
        self.language = language

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(summed loss, number of supervised tokens)."""
        hidden = self.language.hidden(batch["ids"], attention_mask=batch["mask"])
        return summed_loss(self.language, hidden, batch["labels"])
