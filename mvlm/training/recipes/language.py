"""The course's language model: text alone, before it is given an eye.

Chapter 08. Some of what it reads are captions. The rest are conversations about a scene that is
told in nine words, one a cell. In a sentence a word's place says where it stands; counting to nine
is what a small model learns last, so here each word's place is written into its vector, as a ViT
writes positions into its patches (`Told`). What is asked and how answers follow from a scene is
learnt here; chapter 10 need only teach the model to read vectors that come from pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mvlm.chat import Chat, Example, collate
from mvlm.data.captions import caption
from mvlm.data.dice import Dice
from mvlm.data.emojis import everyday_vocabulary
from mvlm.data.scene import Scenes
from mvlm.data.things import PLACES, Thing, plural
from mvlm.language import IGNORED, LanguageConfig, LanguageModel
from mvlm.llava import splice
from mvlm.tokenizer import Tokenizer
from mvlm.training.loop import TrainConfig
from mvlm.training.recipes.bylength import ByLength
from mvlm.training.recipes.drills import talk
from mvlm.training.recipes.texts import conversation, meaning_words, named_places, some_turns


@dataclass(frozen=True, kw_only=True)
class LanguageRecipe:
    """The language model and how it is trained.

    Attributes:
        width, depth, heads, kv_heads, head_width, mlp_width, context: see `LanguageConfig`.
        rope_theta: the larger, the more of a head's numbers turn slowly. A name is found among
            the nine words by the numbers that have hardly turned over a hundred tokens: of a head
            32 wide at theta 10,000 these are too few to tell ninety names apart.
        captions: share of examples that are captions; the others are conversations.
        asked: questions of a conversation, beside one with a long answer (`texts.some_turns`).
        drills: share of the second run's conversations that are drills (`drills.drill`).
        train: the first run, of plain questions and captions.
        again: the second, from a high rate down once more (a warm restart, Loshchilov and Hutter
            2017): questions as people put them, and drills.
    """

    width: int = 128
    depth: int = 4
    heads: int = 4
    kv_heads: int = 4
    head_width: int = 64
    mlp_width: int = 352
    context: int = 512
    rope_theta: float = 1e6
    captions: float = 0.1
    asked: int = 4
    drills: float = 0.8
    train: TrainConfig = field(default_factory=TrainConfig)
    again: TrainConfig = field(default_factory=TrainConfig)

    def model(self, tokenizer: Tokenizer) -> LanguageConfig:
        """The model's own config, for this tokenizer's vocabulary."""
        return LanguageConfig(
            vocab_size=tokenizer.vocab_size,
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            kv_heads=self.kv_heads,
            head_width=self.head_width,
            mlp_width=self.mlp_width,
            context=self.context,
            rope_theta=self.rope_theta,
        )


@torch.no_grad()
def start_ready_to_look_(language: LanguageModel) -> None:
    """Draw a new model's weights so that attention finds something from the first step on.

    GPT-2's 0.02 is meant for a width of 768 or more: at 128 it makes all scores of attention
    nearly equal. So matrices start at width^-½, the embedding at 0.08. And in half of the heads
    keys start equal to queries, so that a token's best match is its like: "dog" in a question
    finds "dog" among the nine words. By itself a model this small learns that late (`README.md`
    in `mvlm/weights` has the figures). Queries and keys are then shrunk a little, or the best
    match, which is the token itself, would leave nothing for others.
    """
    depth = language.config.depth
    for name, weight in language.named_parameters():
        if name == "embedding.weight":
            nn.init.normal_(weight, std=0.08)
        elif weight.ndim == 2:
            writes = name.endswith(("attention.out.weight", "mlp.down.weight"))
            shrink = (2 * depth) ** -0.5 if writes else 1.0
            nn.init.normal_(weight, std=weight.shape[1] ** -0.5 * shrink)
    for block in language.transformer.blocks:
        attention = block.attention
        rows = attention.qkv.weight.unflatten(0, (-1, attention.head_width))  # (H+2K, d, D)
        heads, shared = attention.heads, attention.heads // attention.kv_heads
        query, key = rows[:heads], rows[heads : heads + attention.kv_heads]
        half = (attention.kv_heads + 1) // 2
        key[:half] = query[::shared][:half]
        rows[: heads + attention.kv_heads] *= 0.7


@torch.no_grad()
def bring_plurals_near_(language: LanguageModel, tokenizer: Tokenizer) -> None:
    """Move each plural's vector most of the way to its singular's.

    Who has read the web knows that dogs are of a kind with a dog. Ours has to find it out: after
    the first run the two vectors are hardly alike (`README.md` in `mvlm/weights`), so that "dogs"
    in a question does not find "dog" in the scene, and nothing can be counted.
    """
    weight = language.embedding.weight
    for name in everyday_vocabulary():
        one, many = (tokenizer.encode(f" {word}")[-1] for word in (name, plural(name)))
        weight[many] += 0.8 * (weight[one] - weight[many])


class Told(nn.Module):
    """A scene in nine words: each word's vector and its place's, added.

    It stands where a picture's projected vectors will stand, and looks like them to `splice`.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.places = nn.Embedding(len(PLACES), width)
        nn.init.normal_(self.places.weight, std=0.08)

    def forward(
        self, language: LanguageModel, words: Int[Tensor, "scene place"]
    ) -> Float[Tensor, "scene place width"]:
        """Token ids of what is in each place → vectors (S, 9, D)."""
        return language.embed(words) + self.places.weight


def told_words(tokenizer: Tokenizer, things: tuple[Thing, ...]) -> list[int]:
    """What is in each of the nine places, in reading order: one token each."""
    return [tokenizer.encode(f" {name}")[-1] for name in named_places(things)]


class LanguageData:
    """Examples by their number: a scene's caption, or a conversation about it in nine words.

    Questions are plain here; `DrillData` puts them as people may.
    """

    def __init__(self, recipe: LanguageRecipe, tokenizer: Tokenizer, config: TrainConfig) -> None:
        self.recipe, self.seed, self.chat = recipe, config.seed, Chat(tokenizer=tokenizer)
        scenes = Scenes("train", 10**9, seed=config.seed)
        self.names, self.scene = scenes.names, scenes.scene
        self.examples = ByLength(self.example, len_of_first, config.batch_size)

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`ids` (−200 for a told scene), `labels` (−100 on padding and questions), `mask`, (B, T).

        And `words` (S, 9): the scenes that are told, in order.
        """
        made = [self.examples[number] for number in examples]
        ids, labels, mask = collate([example for example, _ in made], self.chat.tokenizer.pad_id)
        words = torch.tensor([words for _, words in made if words]).view(-1, len(PLACES))
        return {"ids": ids, "labels": labels, "mask": mask, "words": words}

    def example(self, number: int) -> tuple[Example, list[int]]:
        """One text as tokens and labels, and the scene it tells, if it tells one."""
        scene = self.scene(number)
        dice = Dice(f"language {self.seed} {number}")
        words = told_words(self.chat.tokenizer, scene.things)
        if dice.chance(self.recipe.captions):
            if dice.chance(0.5):
                return self.chat.caption(caption(dice, scene.things)), words
            return plain(self.chat.tokenizer, caption(dice, scene.things)), []
        turns = conversation(dice, scene.things, self.names, None, aloud={})
        turns = some_turns(dice, scene.things, self.names, turns, self.recipe.asked)
        return self.chat.example(turns), words


class DrillData(LanguageData):
    """The second run's examples: conversations in nine words, many of them drills."""

    keep = meaning_words()

    def example(self, number: int) -> tuple[Example, list[int]]:
        """One conversation as tokens and labels, and the scene it tells."""
        scene = self.scene(number)
        dice = Dice(f"drills {self.seed} {number}")
        asked, drills = self.recipe.asked, self.recipe.drills
        turns = talk(
            dice,
            scene.things,
            self.names,
            self.keep,
            asked=asked,
            drills=drills,
            more={},
            aloud={},
        )
        return self.chat.example(turns), told_words(self.chat.tokenizer, scene.things)


def len_of_first(made: tuple[Example, list[int]]) -> int:
    """Tokens of an example that comes with something else."""
    return len(made[0].ids)


def plain(tokenizer: Tokenizer, text: str) -> Example:
    """A text by itself, every token supervised."""
    ids = [*tokenizer.encode(text), tokenizer.end_id]
    return Example(ids=[tokenizer.start_id, *ids], labels=[IGNORED, *ids])


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


def spliced_loss(
    language: LanguageModel,
    vectors: Float[Tensor, "picture vector width"],
    batch: dict[str, Tensor],
) -> tuple[Tensor, Tensor]:
    """(summed loss, number of supervised tokens) of texts with these vectors put into them.

    Args:
        vectors: of every picture or told scene, in the order of their markers.
        batch: `ids` (−200 for each), `labels` and `mask`, (B, T).
    """
    spliced = splice(
        batch["ids"],
        vectors,
        language.embed,
        labels=batch["labels"],
        attention_mask=batch["mask"],
    )
    hidden = language.hidden(embeddings=spliced.embeddings, attention_mask=spliced.attention_mask)
    return summed_loss(language, hidden, spliced.labels)


class LanguageObjective(nn.Module):
    """The loss of a batch of `LanguageData`."""

    def __init__(self, language: LanguageModel) -> None:
        super().__init__()
        self.language, self.told = language, Told(language.config.width)

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(summed loss, number of supervised tokens)."""
        return spliced_loss(self.language, self.told(self.language, batch["words"]), batch)
