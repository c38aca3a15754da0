"""Cost against accuracy: ``python benchmarks/sweep.py``, about half an hour of one core.

Chapters 04, 06 and 07. Three families at five sizes each learn the hundred everyday things from the
same views, in the same order, with the same steps, rates and losses:

- a ViT: patches of 8 and a plain linear projection;
- a CNN: the stem of `mvlm.small.stem`, then the mean over places (a small ResNet, He et al. 2016);
- a hybrid: the same stem, then class token, positions and two of the ViT's blocks.

No size was tuned, nothing was chosen by these figures, and nobody teaches: they show what each
family makes of the same views, not how good any can get. `multiply-adds` of one picture are worked
out by hand below (`formula`) and counted by PyTorch while the model runs (`counted`).

A run that is finished is written into `sweep.json` at once; the command goes on with the others.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from harness import read, stopwatch, write
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mvlm import weights
from mvlm.evaluation.vit import evaluate_vit
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.small.stem import Stem, with_stem_
from mvlm.training.loop import TrainConfig, train
from mvlm.training.recipes.views import ViewConfig
from mvlm.training.recipes.vit import ViTData, ViTRecipe, classes
from mvlm.vit import ViT, ViTConfig

HERE = Path(__file__).parent
RESULTS = "sweep.json"  # in this folder
STEPS, BATCH = 1200, 64
RATE, WARMUP = 2e-3, 60
VIEWS = ViewConfig(
    scale=(0.6, 1.1), bend=0.9, colour=0.9, grey=0.08, background=0.7, erase=0.2, turn=12.0
)
SEED, COUNT = 1000, 1000  # of the evaluation
SIDE, PATCH = 40, 8


@dataclass(frozen=True, kw_only=True)
class Size:
    """One model: channels of the convolutions if it has any, width and depth of the blocks."""

    channels: tuple[int, int, int] | None = None
    width: int = 0
    depth: int = 0
    heads: int = 4


SIZES = {
    "ViT": [
        Size(width=24, depth=2),
        Size(width=32, depth=3),
        Size(width=48, depth=4),
        Size(width=64, depth=5),
        Size(width=80, depth=6),
    ],
    "CNN": [
        Size(channels=(8, 8, 16)),
        Size(channels=(8, 16, 32)),
        Size(channels=(16, 32, 64)),
        Size(channels=(24, 48, 96)),
        Size(channels=(32, 64, 128)),
    ],
    "hybrid": [
        Size(channels=(8, 8, 16), width=16, depth=2),
        Size(channels=(8, 16, 32), width=32, depth=2),
        Size(channels=(16, 24, 48), width=48, depth=2),
        Size(channels=(16, 32, 64), width=64, depth=2),
        Size(channels=(24, 48, 96), width=96, depth=2),
    ],
}


class CNN(nn.Module):
    """The stem's places, averaged; a score for each class."""

    def __init__(self, channels: tuple[int, int, int]) -> None:
        super().__init__()
        self.stem = Stem(channels[-1], channels)
        self.stem.projection = nn.Identity()  # the head follows the mean at once
        self.head = nn.Linear(channels[-1], len(classes()))

    def forward(self, images: Float[Tensor, "batch 3 40 40"]) -> Float[Tensor, "batch classes"]:
        return self.head(self.stem(images).mean(dim=1))


def model_of(family: str, size: Size) -> nn.Module:
    """A new model, always the same one."""
    torch.manual_seed(0)
    if family == "CNN":
        return CNN(size.channels)
    vit = ViT(
        ViTConfig(
            image_size=SIDE,
            patch_size=PATCH,
            width=size.width,
            depth=size.depth,
            heads=size.heads,
            num_classes=len(classes()),
        )
    )
    return with_stem_(vit, size.channels) if size.channels else vit


def multiply_adds(family: str, size: Size) -> int:
    """Of one picture, forward; norms, activations and softmax are left out, as is usual."""
    places = (SIDE // PATCH) ** 2
    total = 0
    if size.channels:
        first, second, third = size.channels
        side = SIDE // 2
        total += side**2 * 9 * 3 * first
        for before, after in ((first, second), (second, third)):
            side //= 2
            total += side**2 * (9 * before * after + 9 * after * after + before * after)
    if family == "CNN":
        return total + size.channels[-1] * len(classes())
    into = size.channels[-1] if size.channels else 3 * PATCH**2
    total += places * into * size.width
    tokens = places + 1
    # A block: queries, keys, values and output 4·D², the MLP 8·D²; scores and their use 2·T²·D.
    total += (size.depth - 1) * (12 * tokens * size.width**2 + 2 * tokens**2 * size.width)
    # The last block gives the class token alone, from the queries, keys and values of all.
    total += (3 * tokens + 9) * size.width**2 + 2 * tokens * size.width
    return total + size.width * len(classes())


@torch.no_grad()
def counted(model: nn.Module) -> int:
    """Multiply-adds of one picture as PyTorch counts them: two operations each."""
    # The fused attention of a CPU is not counted, so it is taken apart here.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.eval()(torch.zeros(1, 3, SIDE, SIDE))
    return counter.get_total_flops() // 2


class Classifying(nn.Module):
    """Cross-entropy over the hundred classes, added up."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(summed loss, number of pictures)."""
        scores = self.model(batch["images"])
        loss = F.cross_entropy(scores, batch["labels"], label_smoothing=0.1, reduction="sum")
        return loss, torch.tensor(len(scores))


class SameViews:
    """Views of everyday things only; made once and kept in half precision."""

    def __init__(self) -> None:
        config = TrainConfig(batch_size=BATCH)
        recipe = ViTRecipe(everyday=1.0, ramp=STEPS // 4, views=VIEWS, train=config)
        self.data = ViTData(recipe)
        self.place = {thing: label for label, thing in enumerate(self.data.everyday)}
        self.kept: dict[range, tuple[Tensor, Tensor]] = {}

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`images` (B, 3, 40, 40) and `labels` (B,)."""
        if examples not in self.kept:
            batch = self.data(examples)
            labels = torch.tensor([self.place[thing] for thing in batch["things"].tolist()])
            images = normalise(batch["images"], CLIP_MEAN, CLIP_STD)
            self.kept[examples] = images.half(), labels
        images, labels = self.kept[examples]
        return {"images": images.float(), "labels": labels}


def measured(family: str, size: Size, data: SameViews, folder: Path) -> dict:
    """Train one model and name the unseen artist's things."""
    model = model_of(family, size)
    config = TrainConfig(steps=STEPS, batch_size=BATCH, learning_rate=RATE, warmup=WARMUP)
    with stopwatch() as spent:
        history = train(Classifying(model), data, config, folder)
    scores = evaluate_vit(model, classes(), seed=SEED, count=COUNT)
    last = history[-20:]
    return {
        "channels": size.channels,
        "width": size.width,
        "depth": size.depth,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "multiply-adds": {"formula": multiply_adds(family, size), "counted": counted(model)},
        "minutes": round(spent.wall / 60, 2),
        "core minutes": round(spent.own / 60, 2),
        "loss": round(sum(row.loss for row in last) / len(last), 4),
        "unseen artist": scores["unseen artist"],
        "seen artists": scores["seen artists"],
        "thumbnails, unseen artist, on white": scores["thumbnails, unseen artist, on white"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE.parent / "runs/sweep")
    options = parser.parse_args()
    setting = {
        "steps": STEPS,
        "batch size": BATCH,
        "rate": RATE,
        "evaluated": {"seed": SEED, "count": COUNT},
        "machine": weights.machine(),
        "torch": torch.__version__,
    }
    results = {"setting": setting, "runs": {family: {} for family in SIZES}}
    before = read(RESULTS)
    if before is not None and before["setting"] == setting:
        results = before
    data = SameViews()
    for place in range(5):  # the small ones of all families first
        for family, sizes in SIZES.items():
            if str(place) in results["runs"][family]:
                continue
            folder = options.out / f"{family}-{place}"
            results["runs"][family][str(place)] = measured(family, sizes[place], data, folder)
            write(RESULTS, results)


if __name__ == "__main__":
    main()
