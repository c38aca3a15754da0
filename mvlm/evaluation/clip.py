"""How well does CLIP name drawings by an artist it never saw? Beside chance and thumbnails."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mvlm import weights
from mvlm.clip import CLIP
from mvlm.data.emojis import MORE_ARTISTS
from mvlm.evaluation.scoring import top_k
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.training.recipes.clip import TEMPLATES, drawing_table, vocabulary
from mvlm.training.recipes.views import ViewConfig, on_white, views
from mvlm.zeroshot import zero_shot_classifier

PROMPTS = tuple(dict.fromkeys(template.replace("{a}", "a {}") for template in TEMPLATES))
UNSEEN, SEEN = ("fluent",), ("noto", "twemoji")
# As a scene shows a thing: smaller or larger, anywhere in its cell, on any colour; never turned.
IN_A_CELL = ViewConfig(
    scale=(0.6, 1.0), turn=0, stretch=0, bend=0, colour=0, grey=0, background=1, blur=0, erase=0,
    mix=0, mirror=0,
)  # fmt: skip


@torch.inference_mode()
def evaluate_clip(clip: CLIP, *, seed: int = 0, count: int = 1000) -> dict:
    """Zero-shot on the artist CLIP never saw, beside chance and 12×12 thumbnails.

    Args:
        clip: the model.
        seed: of the freshly drawn views.
        count: how many of them.

    Returns:
        For the drawings on white (each once) and for `count` views as scenes show things: top-1
        and top-5 over all names and, of everyday things, over everyday words.
    """
    clip.eval()
    words = vocabulary()
    everyday = torch.tensor([i for i, word in enumerate(words) if word.everyday])
    classifiers = {
        "all names": classifier(clip, [word.name for word in words]),
        "everyday words": classifier(clip, [words[i].everyday for i in everyday]),
    }
    place = torch.full((len(words),), -1)
    place[everyday] = torch.arange(len(everyday))
    drawn = torch.randint(len(words), (count,), generator=torch.Generator().manual_seed(seed))
    seeds = [10**12 + seed * 10**6 + i for i in range(count)]
    results = {"model": "clip", "seed": seed, "count": count, "classes": {
        name: table.shape[1] for name, table in classifiers.items()
    }}  # fmt: skip
    for artist, which in (("unseen artist", UNSEEN), ("seen artists", SEEN)):
        table = drawing_table(which)
        labels = torch.arange(len(words)).repeat(len(which))
        plain = on_white(table.flatten(0, 1))
        fresh = views(table[:, drawn], seeds, IN_A_CELL)
        results[artist] = {
            "on white": named(clip, plain, labels, classifiers, place),
            "in a cell": named(clip, fresh, drawn, classifiers, place),
        }
    results["thumbnails, unseen artist, on white"] = thumbnails(everyday, SEEN)
    results["eight artists' thumbnails, unseen artist, on white"] = thumbnails(
        everyday, (*SEEN, *MORE_ARTISTS)
    )
    results["chance"] = {
        name: {f"top{k}": round(k / table.shape[1], 4) for k in (1, 5)}
        for name, table in classifiers.items()
    }
    return results


def classifier(clip: CLIP, names: Sequence[str]) -> Float[Tensor, "embed classes"]:
    """The zero-shot classifier of these names, over the course's prompts."""
    context = clip.config.text.context_length

    def tokenise(texts: Sequence[str]) -> Tensor:
        return weights.tokenizer()(list(texts), length=context)

    return zero_shot_classifier(clip, tokenise, names, PROMPTS)


def named(
    clip: CLIP,
    images: Tensor,
    labels: Tensor,
    classifiers: dict[str, Tensor],
    place: Tensor,
) -> dict:
    """Top-1 and top-5 over all names, and of everyday things over everyday words."""
    features = torch.cat(
        [clip.encode_image(part) for part in normalise(images, CLIP_MEAN, CLIP_STD).split(256)]
    )
    known = place[labels] >= 0
    return {
        "all names": top_k(features @ classifiers["all names"], labels),
        "everyday words": top_k(
            features[known] @ classifiers["everyday words"], place[labels][known]
        ),
    }


def thumbnails(everyday: Int[Tensor, " word"], artists: Sequence[str]) -> dict:
    """The nearest of these artists' drawings, compared as 12×12 pixels by cosine."""
    # Two tables: in one, the unseen artist's drawings would stand in for those that others lack.
    table = torch.cat((drawing_table(artists), drawing_table(UNSEEN)))  # (A + 1, E, 4, 40, 40)
    small = F.interpolate(on_white(table.flatten(0, 1)), (12, 12), mode="area")
    small = small.flatten(1).unflatten(0, table.shape[:2])  # (A + 1, E, 432)
    small = F.normalize(small - small[:-1].mean(dim=(0, 1)), dim=2)
    scores = (small[-1] @ small[:-1].mT).amax(dim=0)  # (E unseen, E seen)
    some = scores[everyday][:, everyday]
    return {
        "all names": top_k(scores, torch.arange(len(scores))),
        "everyday words": top_k(some, torch.arange(len(some))),
    }
