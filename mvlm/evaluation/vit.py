"""How well does the classifier name a hundred everyday things by an artist it never saw?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from mvlm.evaluation.clip import IN_A_CELL, SEEN, UNSEEN, thumbnails
from mvlm.evaluation.scoring import top_k
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.training.recipes.clip import drawing_table, vocabulary
from mvlm.training.recipes.views import on_white, views
from mvlm.vit import ViT


@torch.inference_mode()
def evaluate_vit(vit: ViT, classes: Sequence[str], *, seed: int = 0, count: int = 1000) -> dict:
    """Top-1 and top-5 of the classifier on both kinds of artist, as `evaluate_clip` measures."""
    vit.eval()
    words = vocabulary()
    things = torch.tensor([i for i, word in enumerate(words) if word.everyday])
    if tuple(classes) != tuple(words[i].everyday for i in things):
        raise ValueError("the classes are not today's everyday words: train the classifier again")
    drawn = torch.randint(len(things), (count,), generator=torch.Generator().manual_seed(seed))
    seeds = [10**12 + seed * 10**6 + i for i in range(count)]
    results: dict = {"model": "vit", "seed": seed, "count": count}
    for artist, which in (("unseen artist", UNSEEN), ("seen artists", SEEN)):
        table = drawing_table(which)[:, things]
        plain = on_white(table.flatten(0, 1))
        fresh = views(table[:, drawn], seeds, IN_A_CELL)
        results[artist] = {
            "on white": top_k(classified(vit, plain), torch.arange(len(things)).repeat(len(which))),
            "in a cell": top_k(classified(vit, fresh), drawn),
        }
    results["thumbnails, unseen artist, on white"] = thumbnails(things, SEEN)["everyday words"]
    results["chance"] = {f"top{k}": round(k / len(things), 4) for k in (1, 5)}
    return results


def classified(vit: ViT, images: Tensor) -> Float[Tensor, "image classes"]:
    """Logits, some pictures at a time."""
    return torch.cat([vit(part) for part in normalise(images, CLIP_MEAN, CLIP_STD).split(256)])
