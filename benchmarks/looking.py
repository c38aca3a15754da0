"""How soon does a new decoder find a name among nine words? `python benchmarks/looking.py`.

Nine names with their places, then one question of two tokens: where is the name, is it there, what
is in the place? The same model, data and rate; only how the weights are first drawn differs. About
four minutes on one core; writes `looking.json`, which `mvlm/weights/README.md` quotes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from harness import write, written
from torch import Tensor, nn

from mvlm.language import LanguageConfig, LanguageModel
from mvlm.training.recipes.language import Told, start_ready_to_look_

NAMES, PLACES, STEPS, BATCH = 90, 9, 300, 128
PLACE, YES, NO, ASK, VOCABULARY = 100, 110, 111, 120, 128
KINDS = ("where", "is there", "what")


def gpt2_start_(language: LanguageModel) -> None:
    """Leave the weights as `LanguageModel` draws them: N(0, 0.02)."""


def larger_start_(language: LanguageModel) -> None:
    """As `start_ready_to_look_`, but with queries and keys drawn apart and not shrunk."""
    start_ready_to_look_(language)
    for block in language.transformer.blocks:
        nn.init.normal_(block.attention.qkv.weight, std=language.config.width**-0.5)


def batch(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Names in their places (B, 9), questions (B, 2), answers (B,) and kinds (B,)."""
    names = torch.rand(BATCH, NAMES, generator=generator).argsort(dim=1)[:, : PLACES + 1]
    cells, absent = names[:, :PLACES], names[:, PLACES]
    kind = torch.randint(0, 3, (BATCH,), generator=generator)
    place = torch.randint(0, PLACES, (BATCH,), generator=generator)
    there = torch.rand(BATCH, generator=generator) < 0.5
    name = cells.gather(1, place[:, None])[:, 0]
    asked = torch.stack((name, torch.where(there, name, absent), PLACE + place))
    answers = torch.stack((PLACE + place, torch.where(there, YES, NO), name))
    rows = torch.arange(BATCH)
    return cells, torch.stack((ASK + kind, asked[kind, rows]), 1), answers[kind, rows], kind


def learn(start: Callable[[LanguageModel], None]) -> dict[str, list[float]]:
    """Share right of each kind, over the last fifty of 100, 200 and 300 steps."""
    torch.manual_seed(0)
    config = LanguageConfig(
        vocab_size=VOCABULARY,
        width=128,
        depth=4,
        heads=4,
        head_width=64,
        mlp_width=352,
        context=64,
        rope_theta=1e6,
    )
    language, told = LanguageModel(config), Told(config.width)
    start(language)
    weights = [*language.parameters(), *told.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=1.5e-3, betas=(0.9, 0.98), weight_decay=0.0)
    generator, right = torch.Generator().manual_seed(1), []
    for step in range(STEPS):
        cells, question, answer, kind = batch(generator)
        vectors = torch.cat((told(language, cells), language.embed(question)), dim=1)  # (B, 11, D)
        logits = language(embeddings=vectors)[:, -1]  # (B, V)
        loss = nn.functional.cross_entropy(logits, answer)
        for group in optimiser.param_groups:
            group["lr"] = 1.5e-3 * min(1, (step + 1) / 50)
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        hit = logits.argmax(dim=1) == answer
        right.append([hit[kind == k].float().mean() for k in range(3)])
    table = torch.tensor(right)  # (steps, 3)
    return {
        name: [round(table[end - 50 : end, k].mean().item(), 2) for end in (100, 200, 300)]
        for k, name in enumerate(KINDS)
    }


def main() -> None:
    """Measure the three starts and write them down."""
    starts = {"0.02": gpt2_start_, "larger": larger_start_, "ready to look": start_ready_to_look_}
    results = {name: learn(start) for name, start in starts.items()}
    write("looking.json", results)
    print(written(results))


if __name__ == "__main__":
    main()
