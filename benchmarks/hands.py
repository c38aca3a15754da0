"""What taught the ViT: ``python benchmarks/hands.py``, some fifteen minutes of one core.

Chapter 03. The architecture of the finished classifier learns five times for the same number of
steps, without OpenMoji's drawings: from names or from a teacher (`mvlm.training.recipes.vit`), of
whole pictures alone or of every place too, and from views or from views that other hands changed
(`mvlm.training.recipes.hands`). Then it names the everyday things of two artists: OpenMoji, whose
drawings the teacher had seen, and Fluent, whose drawings nobody had.

A run that is finished is written into `hands.json` at once; the command goes on with the others.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from harness import read, stopwatch, write
from torch import Tensor, nn

from mvlm import weights
from mvlm.commands.train import CONFIGS
from mvlm.data.emojis import MORE_ARTISTS
from mvlm.evaluation.clip import IN_A_CELL
from mvlm.evaluation.scoring import top_k
from mvlm.evaluation.vit import classified
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.training.loop import TrainConfig, train
from mvlm.training.recipes.clip import drawing_table, vocabulary
from mvlm.training.recipes.config import build, read_config
from mvlm.training.recipes.hands import other_hands
from mvlm.training.recipes.views import on_white, views
from mvlm.training.recipes.vit import HAND, ViTData, ViTObjective, ViTRecipe, vit_config
from mvlm.vit import ViT

HERE = Path(__file__).parent
RESULTS = "hands.json"  # in this folder
STEPS, BATCH, RATE, WARMUP = 1200, 64, 2e-3, 100
LEFT_OUT = "openmoji"
ARTISTS = tuple(one for one in ("noto", "twemoji", *MORE_ARTISTS) if one != LEFT_OUT)
SEED, COUNT = 1000, 1000  # of the cells' views


class Names(ViTObjective):
    """The right names, of all things and of those with a class; the teacher is not asked."""

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(loss, 1), a mean over the batch."""
        token, things = self.vit.pooled(batch["images"]), batch["things"]
        usual = self.everyday[things]
        place = self.everyday.cumsum(0) - 1  # of an everyday thing: its class
        loss = F.cross_entropy(self.all_things(token), things)
        loss = loss + F.cross_entropy(self.vit.head(token[usual]), place[things[usual]])
        return loss, torch.ones(())


class Words(ViTObjective):
    """What the teacher says of the whole picture, and nothing of its places."""

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(loss, 1), a mean over the batch."""
        return self.words(*self.both_see(batch["images"])), torch.ones(())


RUNS: dict[str, tuple[type[ViTObjective], bool]] = {  # name → (loss, by other hands)
    "names": (Names, False),
    "names, by other hands": (Names, True),
    "teacher, whole picture": (Words, False),
    "teacher, every place": (ViTObjective, False),
    "teacher, every place, by other hands": (ViTObjective, True),
}


class Pictures(ViTData):
    """Normalised views, as they are or changed by other hands."""

    def __init__(self, recipe: ViTRecipe, *, hands: bool) -> None:
        super().__init__(recipe)
        self.hands = hands

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`images` (B, 3, 40, 40) and `things` (B,)."""
        batch = super().__call__(examples)
        if self.hands:
            seeds = [self.seed(example, HAND) for example in examples]
            batch["images"] = other_hands(batch["images"], seeds)
        return batch | {"images": normalise(batch["images"], CLIP_MEAN, CLIP_STD)}


@torch.inference_mode()
def named(vit: nn.Module, artist: str) -> dict:
    """Shares of an artist's everyday things named, on white and in a cell of a scene."""
    things = torch.tensor([i for i, word in enumerate(vocabulary()) if word.everyday])
    drawn = drawing_table(("noto", artist))[1, things]  # noto stands in for what is not drawn
    which = torch.arange(COUNT) % len(things)
    seeds = [10**12 + SEED * 10**6 + i for i in range(COUNT)]
    in_cells = views(drawn[None][:, which], seeds, IN_A_CELL)
    return {
        "on white": top_k(classified(vit, on_white(drawn)), torch.arange(len(things))),
        "in a cell": top_k(classified(vit, in_cells), which),
    }


def measured(name: str, folder: Path) -> dict:
    """One run from start to finish."""
    objective_type, hands = RUNS[name]
    config = TrainConfig(
        steps=STEPS, batch_size=BATCH, learning_rate=RATE, warmup=WARMUP, weight_decay=0.05
    )
    recipe = build(ViTRecipe, read_config(CONFIGS / "vit.toml"))
    recipe = replace(recipe, artists=ARTISTS, train=config)
    torch.manual_seed(0)
    vit = ViT(vit_config(recipe))
    objective = objective_type(vit, weights.clip().eval(), recipe)
    with stopwatch() as spent:
        train(objective, Pictures(recipe, hands=hands), config, folder)
    vit.eval()
    return {
        "steps": STEPS,
        "core minutes": round(spent.own / 60, 1),
        "OpenMoji": named(vit, LEFT_OUT),
        "Fluent": named(vit, "fluent"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE.parent / "runs/hands")
    parser.add_argument("--only", choices=RUNS, help="one run of the five")
    options = parser.parse_args()
    for name in RUNS if options.only is None else [options.only]:
        results = read(RESULTS) or {
            "setting": {
                "batch size": BATCH,
                "rate": RATE,
                "left out": LEFT_OUT,
                "evaluated": {"seed": SEED, "count": COUNT},
                "machine": weights.machine(),
                "torch": torch.__version__,
            },
            "runs": {},
        }
        if name not in results["runs"]:
            one = measured(name, options.out / name.replace(", ", "-").replace(" ", "-"))
            results = read(RESULTS) or results  # another process may have written meanwhile
            runs = results["runs"] | {name: one}
            results["runs"] = {each: runs[each] for each in RUNS if each in runs}
            write(RESULTS, results)


if __name__ == "__main__":
    main()
