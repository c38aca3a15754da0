"""The course's tokenizer: learnt from everything that its models read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mvlm.chat import Chat
from mvlm.data.dice import Dice
from mvlm.data.emojis import everyday_vocabulary
from mvlm.data.scene import Scenes
from mvlm.data.things import plural
from mvlm.tokenizer import IMAGE, Tokenizer
from mvlm.training.recipes.clip import corpus
from mvlm.training.recipes.texts import conversation, described, meaning_words


@dataclass(frozen=True, kw_only=True)
class TokenizerRecipe:
    """`vocab_size` tokens, from the texts of `scenes` scenes and every name and keyword."""

    vocab_size: int = 1024
    scenes: int = 3000
    seed: int = 0


def make_tokenizer(recipe: TokenizerRecipe) -> Tokenizer:
    """Learn the tokenizer; the same recipe gives the same one."""
    return Tokenizer.train(texts(recipe), vocab_size=recipe.vocab_size)


def texts(recipe: TokenizerRecipe) -> Iterator[str]:
    """What is learnt from; phrasings that are kept for testing are not among it."""
    yield from corpus()
    for name in everyday_vocabulary():
        for word in (name, plural(name)):
            yield from [f" the {word}"] * 20  # a token each, also for names no conversation has
    scenes, keep = Scenes("train", recipe.scenes, seed=recipe.seed), meaning_words()
    chat = Chat  # its default words for who speaks
    for number in range(recipe.scenes):
        scene = scenes.scene(number)
        yield scene.caption
        yield described(scene.things)
        for question, answer in conversation(
            Dice(f"tokens {recipe.seed} {number}"), scene.things, scenes.names, keep, aloud={}
        ):
            yield f"{chat.user}{question.replace(IMAGE, '')}{chat.assistant} {answer}"
