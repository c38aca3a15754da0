"""How well does the language model answer about scenes told in words, before any picture?

Beside it, how well counts of tokens predict the same answers.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mvlm import weights
from mvlm.chat import Chat, Example, collate
from mvlm.data.scene import Scene, Scenes
from mvlm.evaluation.scoring import blind_for, split_scores
from mvlm.generation import generate
from mvlm.language import IGNORED, LanguageModel
from mvlm.llava import splice
from mvlm.tokenizer import IMAGE
from mvlm.training.loop import TrainConfig
from mvlm.training.recipes.language import (
    DrillData,
    LanguageRecipe,
    Told,
    spliced_loss,
    told_words,
)

ToldExample = tuple[Example, list[int]]
"""A conversation as tokens and labels, and the nine words that tell its scene."""


def language_and_told(path: Path) -> tuple[LanguageModel, Told]:
    """The language model, and what turns a scene in words into the vectors it was trained on."""
    language = weights.language(path)
    told = Told(language.config.width)
    tensors, _ = weights.read(path)
    told.places.weight.data = tensors["told.places.weight"]
    return language, told.requires_grad_(False)


def evaluate_language(
    language: LanguageModel, told: Told, *, seed: int = 1000, count: int = 300
) -> dict:
    """Answers about scenes told in words, beside blind ones: what is known before any picture."""
    language.eval()
    chat = Chat(tokenizer=weights.tokenizer())

    def ask(part: list[Scene], questions: list[tuple[int, str]], pixels: Tensor) -> list[str]:
        words = [told_words(chat.tokenizer, part[i].things) for i, _ in questions]
        prompts = [chat.prompt([(f"{IMAGE}\n{text}", None)]) for _, text in questions]
        vectors = told(language, torch.tensor(words))  # (Q, 9, D)
        spliced = splice(prompts, vectors, language.embed, side="left")
        rows = generate(
            language,
            embeddings=spliced.embeddings,
            attention_mask=spliced.attention_mask,
            max_new_tokens=40,
            end_id=chat.tokenizer.end_id,
        )
        return [chat.tokenizer.decode(row).strip() for row in rows]

    scores = split_scores(ask, Scenes("test", count, seed=seed), blind_for(seed, count))
    return {"model": "language", "seed": seed, "count": count, "test": scores}


def conversations(split: str, count: int, *, seed: int = 8) -> list[ToldExample]:
    """Conversations as the model's last run has them, about scenes of a split.

    Args:
        split: "train" or "test".
        count: the first so many.
        seed: of the scenes.
    """
    data = DrillData(LanguageRecipe(), weights.tokenizer(), TrainConfig(steps=1, batch_size=1))
    data.scene = Scenes(split, count, seed=seed).scene
    return [data.example(number) for number in range(count)]


@torch.no_grad()
def loss_on(
    language: LanguageModel,
    told: Told,
    examples: Sequence[ToldExample],
    *,
    other_scene: bool = False,
) -> float:
    """The model's mean loss over the tokens that have labels.

    Args:
        other_scene: tell each conversation the nine words of the one before it.
    """
    made, words = zip(*examples, strict=True)
    ids, labels, mask = collate(list(made), weights.tokenizer().pad_id)  # (B, T) each
    scenes = torch.tensor(words).roll(int(other_scene), dims=0)  # (B, 9)
    batch = {"ids": ids, "labels": labels, "mask": mask}
    total, count = spliced_loss(language, told(language, scenes), batch)
    return (total / count).item()


def labelled(examples: Sequence[ToldExample]) -> Iterator[tuple[int, int]]:
    """(token before, token) for every token that has a label."""
    for example, _ in examples:
        for before, label in zip(example.ids, example.labels[1:], strict=False):
            if label != IGNORED:
                yield before, label


def counted_losses(
    lessons: Sequence[ToldExample],
    tests: Sequence[ToldExample],
    vocab_size: int,
    *,
    weight: float = 20.0,
) -> tuple[float, float]:
    """The mean losses of a unigram and of a bigram, counted in lessons, on tests.

    The unigram adds 1 to each count, so that no token is impossible. The bigram is mixed with it
    as if each token before had been seen `weight` more times, with the unigram's tokens after it.
    """
    often, after = Counter[int](), defaultdict[int, Counter[int]](Counter)
    for before, token in labelled(lessons):
        often[token] += 1
        after[before][token] += 1
    unigram, bigram = 0.0, 0.0
    pairs = list(labelled(tests))
    for before, token in pairs:
        p = (often[token] + 1) / (often.total() + vocab_size)
        seen = after[before]
        unigram -= math.log(p)
        bigram -= math.log((seen[token] + weight * p) / (seen.total() + weight))
    return unigram / len(pairs), bigram / len(pairs)
