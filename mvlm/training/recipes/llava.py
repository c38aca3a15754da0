"""LLaVA in two stages: first the projector alone, on captions; then the language model too.

Chapters 09 and 10. Liu et al. 2023, section 4.2. The tower is frozen in both, so what it makes of
each picture is worked out once and kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm.auto import tqdm

from mvlm.chat import Chat, Example, collate
from mvlm.data.dice import Dice
from mvlm.data.emojis import MORE_ARTISTS
from mvlm.data.scene import TRAIN_ARTISTS, Scene, Scenes
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.llava import LLaVA
from mvlm.tokenizer import IMAGE, Tokenizer
from mvlm.training.loop import TrainConfig
from mvlm.training.recipes.bylength import ByLength
from mvlm.training.recipes.drills import MORE_PHRASINGS, talk
from mvlm.training.recipes.language import len_of_first, spliced_loss
from mvlm.training.recipes.texts import (
    ask_every_place,
    ask_every_thing,
    count_aloud,
    meaning_words,
)


@dataclass(frozen=True, kw_only=True)
class LLaVARecipe:
    """How the two stages are trained.

    Attributes:
        pictures: how many scenes there are to learn from; each is asked about anew in every pass.
        artists: who draws their things.
        feature_layer: which of the tower's states is read; -2 is the last but one.
        projector_depth: 1 is LLaVA's first projector, 2 is LLaVA-1.5's.
        asked: questions of a conversation, beside one with a long answer (`texts.some_turns`).
        drills: share of conversations that are drills (`drills.drill`).
        align: the first stage; only the projector learns, from captions.
        train: the second stage; projector and language model learn, from conversations.
        again: more of it, with more ways to ask and many other words.
        more: the same once more, with hundreds of other sentences that nobody can answer.
    """

    pictures: int = 10_000
    artists: tuple[str, ...] = (*TRAIN_ARTISTS, *MORE_ARTISTS)
    feature_layer: int = -2
    projector_depth: int = 2
    asked: int = 4
    drills: float = 0.5
    align: TrainConfig = field(default_factory=TrainConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    again: TrainConfig = field(default_factory=TrainConfig)
    more: TrainConfig = field(default_factory=TrainConfig)


@torch.no_grad()
def picture_states(
    vision: nn.Module, scenes: Scenes, count: int, *, feature_layer: int, batch_size: int = 64
) -> Float[Tensor, "picture vector width"]:
    """What the frozen tower makes of the first `count` scenes, in half precision."""
    vision.eval()
    states = []
    for start in tqdm(range(0, count, batch_size), desc="pictures through the tower"):
        pixels, _ = scenes.batch(range(start, min(start + batch_size, count)))
        encoding = vision.encode(pictures(pixels))
        states.append(encoding.hidden_states[feature_layer][:, 1:].half())
    return torch.cat(states)


def pictures(pixels: Tensor) -> Float[Tensor, "picture 3 height width"]:
    """Bytes as the tower wants them."""
    return normalise(pixels.float() / 255, CLIP_MEAN, CLIP_STD)


class LLaVAData:
    """Examples by their number: a picture's states and a conversation about it.

    Args:
        scenes: what the pictures show.
        states: what the tower made of them: see `picture_states`.
        tokenizer: the course's.
        seed: of what is asked.
        batch_size: examples a step; those of like length come together.
        asked, drills: of the conversations: see `LLaVARecipe`.
        more, words: how drills ask: see `drills.talk`.
    """

    def __init__(
        self,
        scenes: Scenes,
        states: Float[Tensor, "picture vector width"],
        tokenizer: Tokenizer,
        seed: int,
        *,
        batch_size: int = 64,
        asked: int = 4,
        drills: float = 0.5,
        more: Mapping[str, Sequence[str]] = MORE_PHRASINGS,
        words: Sequence[str] = (),
    ) -> None:
        self.scene, self.names = lru_cache(maxsize=None)(scenes.scene), scenes.names
        self.states, self.seed, self.asked, self.drills = states, seed, asked, drills
        self.more, self.words = more, words
        self.chat = Chat(tokenizer=tokenizer)
        self.keep = meaning_words()
        self.examples = ByLength(self.example, len_of_first, batch_size)

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`states` (B, N, W), and `ids`, `labels`, `mask` (B, T) with −200 for each picture."""
        made = [self.examples[number] for number in examples]
        ids, labels, mask = collate([example for example, _ in made], self.chat.tokenizer.pad_id)
        states = self.states[[picture for _, picture in made]].float()
        return {"states": states, "ids": ids, "labels": labels, "mask": mask}

    def example(self, number: int) -> tuple[Example, int]:
        """A text about a picture, and which; the pictures are counted round and round."""
        picture = number % len(self.states)
        dice = Dice(f"llava {self.seed} {number}")
        return self.text(dice, self.scene(picture)), picture

    def text(self, dice: Dice, scene: Scene) -> Example:
        """A conversation, its questions put as other people might."""
        turns = talk(
            dice,
            scene.things,
            self.names,
            self.keep,
            asked=self.asked,
            drills=self.drills,
            more=self.more,
            aloud={"how many": count_aloud},
            words=self.words,
        )
        return self.chat.example(turns)


class CaptionData(LLaVAData):
    """The first stage's examples: a picture and a caption that goes through all of it.

    From one sentence ("a rose is in the top middle") the projector learns much less in as many
    steps than from a list of every place, or of every thing.
    """

    def text(self, dice: Dice, scene: Scene) -> Example:
        """A full caption, in another order in each pass."""
        ask = dice.pick((ask_every_place, ask_every_thing))
        please, caption = ask(dice, scene.things, self.names)
        return self.chat.example([(f"{IMAGE}\n{please}", caption)])


class LLaVAObjective(nn.Module):
    """The loss of a batch of `LLaVAData`, from the tower's states on."""

    def __init__(self, llava: LLaVA) -> None:
        super().__init__()
        self.projector, self.language = llava.projector, llava.language

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(summed loss, number of supervised tokens)."""
        return spliced_loss(self.language, self.projector(batch["states"]), batch)
