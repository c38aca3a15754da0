"""How well does a CLIP name photographs that lie in a folder for each class?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from mvlm.clip import CLIP
from mvlm.images import open_image
from mvlm.zeroshot import zero_shot_classifier

WHITE = (255, 255, 255)
BATCH = 32  # pictures at a time

Tokenise = Callable[[list[str]], Int[Tensor, "text token"]]


class Picture(NamedTuple):
    """A picture file, and the number of its class."""

    path: Path
    label: int


@torch.inference_mode()
def evaluate_class_folders(
    clip: CLIP,
    preprocessing: Callable[[list[Image.Image]], Tensor],
    tokenise: Tokenise,
    names: Sequence[str],
    pictures: Sequence[Picture],
    templates: Sequence[str],
) -> dict:
    """Zero-shot on a folder of class folders, beside chance and the largest class.

    Args:
        clip, preprocessing, tokenise: a model with its parts, as `mvlm.hub.load_clip` gives them.
        names, pictures: as `read_class_folders` gives them.
        templates: prompts with {} for a class's name.

    Returns:
        Top-1 and top-5 over all pictures and the mean of the classes' recalls, with the standard
        errors of the first and the last, and each class's own recall. A tie counts as wrong.

    Raises:
        ValueError: see `open_image` and `zero_shot_classifier`.
    """
    table = zero_shot_classifier(clip, tokenise, names, templates).float()  # (E, C)
    ahead = []
    for start in tqdm(range(0, len(pictures), BATCH), disable=None, leave=False):
        part = pictures[start : start + BATCH]
        images = preprocessing([open_image(p.path, background=WHITE) for p in part])
        scores = clip.encode_image(images.to(clip.logit_scale)).float() @ table
        ahead.append(classes_ahead(scores, torch.tensor([p.label for p in part])).cpu())
    labels = torch.tensor([p.label for p in pictures])
    return {
        "templates": list(templates),
        "labels": list(names),
        **class_scores(torch.cat(ahead), labels, names),
    }


def read_class_folders(folder: Path, count: int | None = None) -> tuple[list[str], list[Picture]]:
    """The names of the classes, and the pictures: all, or of each class the first `count` by name.

    Each folder within is a class, in the order of their names; its name is the label, with spaces
    for underscores. What begins with a dot is left out, and so are files that do not end as
    pictures do.

    Raises:
        ValueError: there are fewer than two classes, two of one name, or one without a picture.
    """
    if not folder.is_dir():
        raise ValueError(
            f"there is no folder {folder}: pass one that holds a folder for each class"
        )
    classes = sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] != ".")
    names = [" ".join(each.name.replace("_", " ").split()) for each in classes]
    if len(names) < 2:
        raise ValueError(
            f"{folder} holds {len(names)} folders, wanted at least two: make one for each class"
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"two folders in {folder} are called {twice!r}: give each its own name")
    pictures = []
    for label, each in enumerate(classes):
        files = sorted(path for path in each.rglob("*") if _is_picture(path))[:count]
        if not files:
            raise ValueError(f"{each} holds no picture: put some there or take the folder away")
        pictures += [Picture(path, label) for path in files]
    return names, pictures


def _is_picture(path: Path) -> bool:
    kind = Image.registered_extensions().get(path.suffix.lower())
    return kind in Image.OPEN and path.is_file() and path.name[0] != "."


def classes_ahead(
    scores: Float[Tensor, "image classes"], labels: Int[Tensor, " image"]
) -> Int[Tensor, " image"]:
    """How many other classes score at least as well as the right one."""
    right = scores.gather(1, labels.to(scores.device)[:, None])  # (B, 1)
    return (scores >= right).sum(dim=1) - 1


def class_scores(
    ahead: Int[Tensor, " image"], labels: Int[Tensor, " image"], names: Sequence[str]
) -> dict:
    """The shares that `evaluate_class_folders` gives, from each picture's `classes_ahead`."""
    first = (ahead == 0).double()
    counts = torch.bincount(labels, minlength=len(names))  # (C,)
    recalls = torch.bincount(labels, weights=first, minlength=len(names)) / counts  # (C,)
    share = first.mean()
    total, classes = len(labels), len(names)
    return {
        "pictures": total,
        "classes": classes,
        "top1": round(share.item(), 4),
        "standard error of top1": round((share * (1 - share) / total).sqrt().item(), 4),
        "top5": round((ahead < 5).double().mean().item(), 4),
        "mean recall": round(recalls.mean().item(), 4),
        "standard error of mean recall": round(
            ((recalls * (1 - recalls) / counts).sum().sqrt() / classes).item(), 4
        ),
        "chance": {"top1": round(1 / classes, 4), "top5": round(min(1, 5 / classes), 4)},
        "always the largest class": round(counts.max().item() / total, 4),
        "recall": {
            name: {"pictures": int(n), "right": round(recall.item(), 4)}
            for name, n, recall in zip(names, counts, recalls, strict=True)
        },
    }
