"""Does a worker pay? ``OMP_NUM_THREADS=1 python benchmarks/workers.py``, some minutes of two cores.

`TrainConfig.workers` processes make the pictures and texts of the next steps while a step runs. For
each of the course's models the first steps of its recipe are run without workers and with one, by
turns, and the steps a second of the later half of each turn are compared. Writes `workers.json`.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import replace

import torch
from harness import where, write
from torch import nn
from tqdm import tqdm

from mvlm import weights
from mvlm.clip import CLIP
from mvlm.commands.train import CONFIGS
from mvlm.data.scene import Scenes
from mvlm.language import LanguageModel
from mvlm.small.reader import Read
from mvlm.training.loop import Data, TrainConfig, train
from mvlm.training.recipes.clip import CLIPData, CLIPObjective
from mvlm.training.recipes.config import build, read_config
from mvlm.training.recipes.language import LanguageData, LanguageObjective
from mvlm.training.recipes.llava import LLaVAData, LLaVAObjective, picture_states
from mvlm.training.recipes.making import MAKERS
from mvlm.training.recipes.reader import ReadData, ReadObjective, reader_config
from mvlm.training.recipes.vit import MixedData, ViTObjective, vit_config
from mvlm.vit import ViT

STEPS = 24  # of a turn; the first half waits for workers to start
TURNS = 3
WORKERS = (0, 1)
Lesson = tuple[str, nn.Module, Data, TrainConfig]


def recipe(name: str) -> object:
    """As `python -m mvlm train NAME` has it."""
    return build(MAKERS[name][0], read_config(CONFIGS / f"{name}.toml"))


def lessons() -> Iterator[Lesson]:
    """What is trained, from what, and how."""
    tokenizer = weights.tokenizer()
    clip = recipe("clip-patches")
    objective = CLIPObjective(CLIP(clip.model(tokenizer)), clip.view_weight)
    yield "clip-patches", objective, CLIPData(clip, tokenizer), clip.train
    vit = recipe("vit")
    teacher = weights.clip()
    yield "vit", ViTObjective(ViT(vit_config(vit)), teacher, vit), MixedData(vit), vit.train
    words = recipe("language")
    told = LanguageData(words, tokenizer, words.train)
    model = LanguageModel(words.model(tokenizer))
    yield "language", LanguageObjective(model), told, words.train
    llava = recipe("llava")
    model = weights.llava().requires_grad_(True)
    scenes = Scenes("train", 256, seed=llava.train.seed, artists=llava.artists)
    states = picture_states(model.vision, scenes, 256, feature_layer=llava.feature_layer)
    size = llava.train.batch_size
    chats = LLaVAData(scenes, states, tokenizer, llava.train.seed, batch_size=size)
    yield "llava", LLaVAObjective(model), chats, llava.train
    reader = recipe("reader")
    config = reader_config(reader)
    seeing = ReadData(config, reader.read.seed)
    yield "reader, reading", ReadObjective(Read(config)), seeing, reader.read


def rate(objective: nn.Module, data: Data, config: TrainConfig, workers: int) -> float:
    """Steps a second of the later half of some steps."""
    config = replace(config, steps=STEPS, warmup=1, save_every=STEPS, workers=workers)
    with tempfile.TemporaryDirectory() as folder:
        done = train(objective, data, config, folder)
    later = [row.examples_per_second / config.batch_size for row in done[STEPS // 2 :]]
    return 1 / statistics.mean(1 / one for one in later)


def main() -> None:
    result: dict = where()
    rates: dict[str, dict[str, float]] = {}
    for name, objective, data, config in tqdm(lessons(), total=5, unit="model"):
        torch.manual_seed(0)
        found: dict[int, list[float]] = {workers: [] for workers in WORKERS}
        for _ in range(TURNS):
            for workers in WORKERS:
                found[workers].append(rate(objective, data, config, workers))
        rates[name] = {str(n): round(statistics.median(each), 2) for n, each in found.items()}
    write("workers.json", result | {"steps a second by workers": rates})
    print("written to benchmarks/workers.json; now run: python benchmarks/page.py")


if __name__ == "__main__":
    main()
