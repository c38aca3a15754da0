"""How well does the language model answer about scenes told in words, before any picture?"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from mvlm import weights
from mvlm.chat import Chat
from mvlm.data.scene import Scene, Scenes
from mvlm.evaluation.scoring import blind_for, split_scores
from mvlm.generation import generate
from mvlm.language import LanguageModel
from mvlm.llava import splice
from mvlm.tokenizer import IMAGE
from mvlm.training.recipes.language import Told, told_words


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
