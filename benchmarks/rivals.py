"""What does CLIP gain? ``python benchmarks/rivals.py --clip WEIGHTS``, about an hour of one core.

All have seen Noto's and Twemoji's drawings and nothing else, and name those of an unseen artist:

- CLIP: ``python -m mvlm train clip-patches --out runs/two --set 'artists=["noto", "twemoji"]'``;
- a small ResNet (He et al. 2016, with basic blocks) that learnt the names as classes, from the
  same views, for as many floating-point operations as CLIP; a linear probe on its features, as in
  Radford et al. 2021, section 3.2 (logistic regression), and its own last layer;
- the nearest of the two artists' drawings, as 12×12 thumbnails.

Goes on in ``--out`` when it was stopped. Writes `rivals.json`, for `benchmarks/page.py`.
"""

import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from harness import write
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import ResNetConfig, ResNetModel

from mvlm import weights
from mvlm.clip import CLIP
from mvlm.commands.train import CONFIGS
from mvlm.evaluation.clip import SEEN, UNSEEN, evaluate_clip, on_white
from mvlm.evaluation.scoring import top_k
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.training.loop import TrainConfig, train
from mvlm.training.recipes.clip import (
    CLIPData,
    CLIPObjective,
    CLIPRecipe,
    drawing_table,
    vocabulary,
)
from mvlm.training.recipes.config import build, read_config

HERE = Path(__file__).parent
RESNET = ResNetConfig(
    embedding_size=32, hidden_sizes=[32, 64, 128, 256], depths=[2, 2, 2, 2], layer_type="basic"
)
PENALTIES = (1e-3, 1e-2, 1e-1)  # of the probe's weights; Twemoji, held out, chooses one


class NamesResNet(nn.Module):
    """Pictures → features → a score for each name."""

    def __init__(self, names: int) -> None:
        super().__init__()
        self.body = ResNetModel(RESNET)
        self.head = nn.Linear(RESNET.hidden_sizes[-1], names)

    def features(self, images: Float[Tensor, "B 3 40 40"]) -> Float[Tensor, "B feature"]:
        return self.body(images).pooler_output.flatten(1)

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(summed cross-entropy, number of pictures)."""
        scores = self.head(self.features(batch["images"]))
        loss = F.cross_entropy(scores, batch["labels"], reduction="sum")
        return loss, torch.tensor(len(scores))


class NamedViews:
    """The views that CLIP learns from, and which emoji each shows."""

    def __init__(self, data: CLIPData) -> None:
        self.data = data

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`images` (2B, 3, 40, 40) and `labels` (2B,)."""
        both = self.data(examples)
        labels = torch.tensor([self.data.thing(example) for example in examples])
        return {
            "images": torch.cat((both["first"], both["second"])),
            "labels": labels.repeat(2),
        }


def operations(objective: nn.Module, batch: dict[str, Tensor]) -> int:
    """Floating-point operations of one step, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        total, count = objective(batch)
        (total / count).backward()
    objective.zero_grad()
    return counter.get_total_flops()


@torch.inference_mode()
def features_of(resnet: NamesResNet, artist: str) -> Float[Tensor, "emoji feature"]:
    """Of this artist's drawings on white, in the vocabulary's order, each of length 1."""
    images = normalise(on_white(drawing_table((artist,))[0]), CLIP_MEAN, CLIP_STD)
    return F.normalize(torch.cat([resnet.features(part) for part in images.split(256)]))


def probe(
    features: Float[Tensor, "row feature"],
    labels: Int[Tensor, " row"],
    classes: int,
    penalty: float,
) -> nn.Linear:
    """Logistic regression by L-BFGS, with a squared penalty on its weights."""
    layer = nn.Linear(features.shape[1], classes)
    nn.init.zeros_(layer.weight)
    optimiser = torch.optim.LBFGS(
        layer.parameters(), max_iter=300, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(30 * layer(features), labels)
        loss = loss + penalty * layer.weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return layer.requires_grad_(False)


def named(scores: Float[Tensor, "emoji name"], everyday: Int[Tensor, " word"]) -> dict:
    """Top-1 and top-5 of the unseen artist's drawings, as `evaluate_clip` writes them."""
    some = scores[everyday][:, everyday]
    return {
        "all names": top_k(scores, torch.arange(len(scores))),
        "everyday words": top_k(some, torch.arange(len(some))),
    }


def probed(resnet: NamesResNet, everyday: Int[Tensor, " word"]) -> dict:
    """The best probe on both artists; its penalty is the one that names Twemoji best from Noto."""
    first, second = (features_of(resnet, artist).clone() for artist in SEEN)
    labels, count = torch.arange(len(first)), len(first)

    def held_out(penalty: float) -> float:
        return top_k(probe(first, labels, count, penalty)(second), labels)["top1"]

    penalty = max(PENALTIES, key=held_out)
    layer = probe(torch.cat((first, second)), labels.repeat(2), count, penalty)
    unseen = features_of(resnet, UNSEEN[0]).clone()
    return {"penalty": penalty} | named(layer(unseen), everyday)


@torch.inference_mode()
def own_layer(resnet: NamesResNet, everyday: Int[Tensor, " word"]) -> dict:
    """What the ResNet says itself."""
    images = normalise(on_white(drawing_table(UNSEEN)[0]), CLIP_MEAN, CLIP_STD)
    scores = [resnet.head(resnet.features(part)) for part in images.split(256)]
    return named(torch.cat(scores), everyday)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--clip", type=Path, required=True, help="clip-patches.safetensors of two artists"
    )
    parser.add_argument("--out", type=Path, default=HERE.parent / "runs/resnet")
    options = parser.parse_args()
    recipe = build(
        CLIPRecipe,
        read_config(CONFIGS / "clip-patches.toml", [f"artists={json.dumps(SEEN)}"]),
    )
    everyday = torch.tensor([i for i, word in enumerate(vocabulary()) if word.everyday])
    tokenizer = weights.tokenizer()
    data = CLIPData(recipe, tokenizer)
    views = NamedViews(data)
    torch.manual_seed(0)
    resnet, clip = NamesResNet(len(vocabulary())), CLIP(recipe.model(tokenizer))
    first = range(recipe.train.batch_size)
    a_clip_step = operations(CLIPObjective(clip, recipe.view_weight), data(first))
    a_resnet_step = operations(resnet, views(first))
    steps = round(recipe.train.steps * a_clip_step / a_resnet_step)
    config = TrainConfig(steps=steps, batch_size=len(first), learning_rate=2e-3, warmup=60)
    train(resnet, views, config, options.out)
    resnet.eval()
    clip_scores = evaluate_clip(weights.clip(options.clip), seed=1000)
    results = {
        "steps": {"CLIP": recipe.train.steps, "ResNet": steps},
        "operations a step": {"CLIP": a_clip_step, "ResNet": a_resnet_step},
        "unseen artist, on white": {
            "CLIP": clip_scores["unseen artist"]["on white"],
            "a linear probe on a ResNet": probed(resnet, everyday),
            "the ResNet's own last layer": own_layer(resnet, everyday),
            "the nearest 12×12 thumbnail": clip_scores["thumbnails, unseen artist, on white"],
            "chance": clip_scores["chance"],
        },
    }
    write("rivals.json", results)


if __name__ == "__main__":
    main()
