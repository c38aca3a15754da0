"""How well does the course's Molmo point in scenes that are told? `python benchmarks/told.py RUN`.

RUN is a folder with a checkpoint of the told lessons, such as `runs/molmo/told`. Nothing is drawn
and no tower looks, so all that goes wrong is the language model's. Prints JSON; a minute or two.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open

from mvlm import weights
from mvlm.chat import Chat, Example
from mvlm.data.dice import Dice
from mvlm.data.questions import KEPT_FOR_TESTING, PHRASINGS
from mvlm.data.scene import Scene
from mvlm.data.small_pixmo import COUNT, COUNT_KEPT, POINT, POINT_KEPT
from mvlm.data.things import counts
from mvlm.evaluation.molmo import GROUPS, Asked, ask, counted, inside, parts, point_scores, ratio
from mvlm.generation import generate
from mvlm.language import LanguageModel
from mvlm.molmo import write_pictures
from mvlm.points import parse_points
from mvlm.small.places import knows_places, with_places, write_out
from mvlm.tokenizer import IM_PATCH, IMAGE, pad_rows
from mvlm.training.loop import CHECKPOINT
from mvlm.training.recipes.pointing import LESSONS, TellData, TellObjective, undrawn

TOKENIZER = with_places(weights.tokenizer())
SIZES = {"1 to 2": range(1, 3), "3 to 5": range(3, 6), "6 to 9": range(6, 10)}
WAYS = {
    "by pointing": (COUNT, COUNT_KEPT),
    "in one word": (PHRASINGS["how many"], KEPT_FOR_TESTING["how many"]),
}


def load(folder: Path) -> tuple[LanguageModel, int]:
    """The language model of a checkpoint, and after how many steps it was saved."""
    language = knows_places(weights.language(), weights.tokenizer())
    before = "model.language."
    with safe_open(folder / CHECKPOINT, "pt") as file:
        names = [name for name in file.keys() if name.startswith(before)]  # noqa: SIM118
        state = {name.removeprefix(before): file.get_tensor(name) for name in names}
        steps = int(file.metadata()["step"])
    # What `told-again` leaves frozen is not in its checkpoint.
    if "embedding.weight" not in state:
        state["embedding.weight"] = load(folder.with_name("told"))[0].embedding.weight.detach()
    language.load_state_dict(state)
    return language.eval(), steps


@torch.inference_mode()
def say(language: LanguageModel, scenes: list[Scene], asked: list[Asked], seed: int) -> list[str]:
    """The likeliest answer to a question about each scene."""
    chat, data = Chat(tokenizer=TOKENIZER), TellData(TOKENIZER, 0, seed)
    telling = TellObjective(language, TOKENIZER.token_id(IM_PATCH))
    said: list[str] = []
    for part in parts(len(scenes)):
        rows, words, places = [], [], []
        for i in part:
            told = data.tell(Dice(f"tell {seed} {i}"), scenes[i], LESSONS[-1].empty)
            ids = chat.prompt([(f"{IMAGE}\n{asked[i].question}", None)])
            rows.append(write_pictures(Example(ids=ids, labels=ids), [told], TOKENIZER).ids)
            words += told.words
            places += told.places
        ids, mask = pad_rows(rows, TOKENIZER.pad_id, side="left")
        batch = {"ids": ids, "words": torch.tensor(words), "places": torch.tensor(places)}
        new = generate(
            language,
            embeddings=telling.embed(batch),
            attention_mask=mask,
            max_new_tokens=60,
            end_id=TOKENIZER.end_id,
        )
        said += [write_out(TOKENIZER.decode(row)).strip() for row in new]
    return said


def questions(
    scenes: list[Scene], usual: tuple, kept: tuple, name: Callable[[Dice, Scene], str], seed: int
) -> list[Asked]:
    """One about each scene, every other time in words that training never used."""
    dice = [Dice(f"told {usual[0]} {seed} {i}") for i in range(len(scenes))]
    return [ask(d, s, name(d, s), usual, kept) for d, s in zip(dice, scenes, strict=True)]


def measure(language: LanguageModel, count: int, seed: int) -> dict:
    """Points inside, and counts right in both ways, in told scenes of new combinations."""
    scenes = [undrawn(Dice(f"scene {seed} {i}"), "test", 9) for i in range(count)]
    some = questions(scenes, POINT, POINT_KEPT, lambda d, s: d.pick(list(counts(s.things))), seed)
    points = [parse_points(text) for text in say(language, scenes, some, seed)]
    sizes = [len(scene.things) for scene in scenes]
    results: dict = {"points": point_scores(some, points)}
    results["inside, by things in the scene"] = {
        title: inside(some, points, sizes, group) for title, group in SIZES.items()
    }
    for way, (usual, kept) in WAYS.items():
        most = questions(scenes, usual, kept, lambda _, s: commonest(s), seed)
        said = say(language, scenes, most, seed)
        right = [counted(text, way) == len(one.boxes) for text, one in zip(said, most, strict=True)]
        results[way] = {}
        for title, group in GROUPS.items():
            here = [i for i, one in enumerate(most) if len(one.boxes) in group]
            results[way][title] = ratio(sum(right[i] for i in here), len(here))
    return results


def commonest(scene: Scene) -> str:
    """The name of which there are most."""
    numbers = counts(scene.things)
    return max(numbers, key=numbers.get)


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1000)
    arguments = parser.parse_args()
    language, steps = load(arguments.run)
    results = measure(language, arguments.count, arguments.seed)
    print(json.dumps({"steps": steps, "count": arguments.count, **results}, indent=1))
