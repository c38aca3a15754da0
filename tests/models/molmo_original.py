"""What the authors' own Molmo says of the small random Molmos of `molmo_folders.py`.

The authors' code is run outside this repository and nothing of it is kept; what is kept are
numbers it gave, in `molmo_original.npz`, which `test_hub_molmo.py` reads. To make them again:

1. Fetch `modeling_molmo.py`, `config_molmo.py`, `image_preprocessing_molmo.py` and
   `preprocessing_molmo.py` of the hub's repository allenai/Molmo-7B-D-0924 into a folder outside
   this repository, say `~/molmo_original`. An empty `__init__.py` makes it a package.
   Clone allenai/molmo of GitHub beside it, say into `~/molmo_github`.
2. Make an environment with this package and what that code was written for: transformers 4.46,
   torchvision, tensorflow-cpu, and what the second asks for.
3. `python tests/models/molmo_original.py ~/molmo_original ~/molmo_github`

The two scale pictures by different libraries, the first by TensorFlow and the second, unless it is
told otherwise, by torchvision; ours is torch's as well. The pictures that both models are shown
are scaled by the second, and how far the first's pixels are from them is printed as `tensorflow`.

It compares every pixel, mask, token, place, score and answer with ours, prints the largest
differences, and writes a sample of the originals' numbers.

For each case: `counts` and `pixels` are how many crops each picture makes, and sampled numbers of
them; `masks` the sum of each crop's masks; `ids` and `places` the tokens and `image_input_idx` of
the question about each picture, end to end; `logits` every fifth score after the last token of
each, and `means` the mean score after every token; `answers` the likeliest 12 tokens; `two` every
fifth score after a question about two pictures.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from molmo_folders import (
    CASES,
    FIFTH,
    NEW_TOKENS,
    QUESTION,
    in_file_order,
    pictures,
    places_of,
    sample,
    write_folder,
)
from safetensors.torch import load_file

from mvlm.hub import load_molmo, molmo_prompt
from mvlm.hub.reading import read_json

NUMBERS = Path(__file__).with_suffix(".npz")


def main(folder: Path, github: Path) -> None:
    sys.path[:0] = [str(folder.parent), str(github)]
    authors = {
        name: importlib.import_module(f"{folder.name}.{name}_molmo")
        for name in ("modeling", "config", "image_preprocessing", "preprocessing")
    }
    authors["resize_and_pad"] = importlib.import_module(
        "olmo.data.model_preprocessor"
    ).resize_and_pad
    kept = {}
    for case in CASES:
        with tempfile.TemporaryDirectory() as made:
            numbers, differ = compare(write_folder(case, Path(made) / "molmo"), authors)
        print(case, {kind: f"{value:.1e}" for kind, value in differ.items()}, flush=True)
        kept |= {f"{case}/{name}": value for name, value in numbers.items()}
    np.savez_compressed(NUMBERS, **kept)
    print(f"{NUMBERS.name}: {NUMBERS.stat().st_size:,} bytes")


@torch.no_grad()
def compare(folder: Path, authors: dict) -> tuple[dict[str, np.ndarray], Differences]:
    """Hold ours against the authors' in everything; keep some of theirs and what differs most."""
    theirs, (ours, preprocessing, tokenizer) = original_model(folder, authors), load_molmo(folder)
    process, by_tensorflow = (
        original_processor(folder, authors, scale) for scale in (scale_by_torch(authors), None)
    )
    patch_size, patch_id = preprocessing.crops.patch_size, tokenizer.token_id("<im_patch>")
    kept, differ, rows, cut = defaultdict(list), Differences(), [], preprocessing(pictures())
    for picture, crops in zip(pictures(), cut, strict=True):
        row = process(picture)
        ids, places = row["input_ids"], row["image_input_idx"].long().clamp(min=-1)  # theirs: -100
        assert molmo_prompt(QUESTION, [crops], tokenizer) == ids.tolist()
        assert torch.equal(places_of([crops], ids, patch_id), places)
        images = in_file_order(crops, patch_size)
        differ.see("pixels", images, row["images"])
        differ.see("tensorflow", images, by_tensorflow(picture)["images"])
        differ.see("masks", crops.masks, row["image_masks"])
        logits = scores(theirs, row)
        differ.see("logits", ours([crops], ids[None]).logits[0], logits)
        (answer,) = original_answers(theirs, [row])
        assert ours.generate([crops], [ids.tolist()], max_new_tokens=NEW_TOKENS) == [answer]
        rows.append(row)
        kept["counts"].append(torch.tensor([len(row["images"])]).short())
        kept["pixels"].append(sample(row["images"]))
        kept["masks"].append(row["image_masks"].sum(1))
        kept["ids"].append(ids.short())
        kept["places"].append(places.flatten().short())
        kept["logits"].append(logits[-1:, ::FIFTH])
        kept["means"].append(logits.mean(1))
        kept["answers"].append(torch.tensor([answer]).short())
    # All in one batch: texts of different lengths, pictures with different numbers of crops.
    prompts = [row["input_ids"].tolist() for row in rows]
    answers = original_answers(theirs, rows)
    assert ours.generate(cut, prompts, max_new_tokens=NEW_TOKENS) == answers
    # Two pictures before one question. The authors' `process` lets the places of the second start
    # where those of the first do, which adds both to the same tokens: they are put right here.
    row = process(pictures()[:2])
    ids = row["input_ids"]
    assert molmo_prompt(QUESTION, cut[:2], tokenizer) == ids.tolist()
    images = torch.cat([in_file_order(crops, patch_size) for crops in cut[:2]])
    differ.see("pixels", images, row["images"])
    differ.see("masks", torch.cat([crops.masks for crops in cut[:2]]), row["image_masks"])
    row["image_input_idx"] = places_of(cut[:2], ids, patch_id)
    two = scores(theirs, row)
    differ.see("logits", ours(cut[:2], ids[None]).logits[0], two)
    kept["two"].append(two[-1, ::FIFTH])
    return {name: torch.cat(values).numpy() for name, values in kept.items()}, differ


class Differences(dict[str, float]):
    """The largest difference seen of each kind."""

    def see(self, kind: str, ours: torch.Tensor, theirs: torch.Tensor) -> None:
        assert ours.shape == theirs.shape
        self[kind] = max(self.get(kind, 0.0), float((ours - theirs).abs().max()))


def scores(model, row: dict[str, torch.Tensor]) -> torch.Tensor:
    """The authors' model's scores (T, V) for one row of inputs."""
    return model(**{name: value[None] for name, value in row.items()}, use_cache=False).logits[0]


def scale_by_torch(authors: dict) -> Callable:
    """Let the hub's code scale as GitHub's does by default, and normalise as before."""
    module, resize_and_pad = authors["image_preprocessing"], authors["resize_and_pad"]
    mean, std = module.OPENAI_CLIP_MEAN, module.OPENAI_CLIP_STD

    def scaled(image: np.ndarray, size: list[int]) -> tuple[np.ndarray, np.ndarray]:
        pixels, mask = resize_and_pad(image, size)
        return module.normalize_image(pixels, mean, std), mask

    return scaled


def original_model(folder: Path, authors: dict):
    """The authors' MolmoForCausalLM, with a smaller tower than the one that its class fixes."""
    config = read_json(folder, "config.json")
    tower, layers = config.pop("vision_backbone"), config.pop("vit_layers")
    tower["image_head_dim"] = tower["image_emb_dim"] // tower["image_num_heads"]
    tower["image_num_key_value_heads"] = tower["image_num_heads"]
    side = tower["image_default_input_size"][0] // tower["image_patch_size"]
    tower["image_num_pos"] = 1 + side**2
    modeling = authors["modeling"]
    whole, vision = modeling.FullMolmoConfig, modeling.VisionBackboneConfig
    with mock.patch.multiple(
        modeling,
        FullMolmoConfig=lambda **given: whole(**given | {"vit_layers": layers}),
        VisionBackboneConfig=lambda **given: vision(**given | tower),
    ):
        model = modeling.MolmoForCausalLM(authors["config"].MolmoConfig(**config))
    weights = {}
    for file in folder.glob("*.safetensors"):
        weights |= load_file(file)
    model.load_state_dict(weights, strict=True)
    return model.eval()


def original_processor(folder: Path, authors: dict, scale: Callable | None = None) -> Callable:
    """The authors' MolmoProcessor with the folder's sizes: pictures → a row of inputs."""
    from transformers import Qwen2TokenizerFast

    crops = read_json(folder, "preprocessor_config.json")
    roles = read_json(folder, "special_tokens_map.json")
    file = str(folder / "tokenizer.json")
    module = authors["image_preprocessing"]
    processor = authors["preprocessing"].MolmoProcessor(
        module.MolmoImageProcessor(**crops),
        Qwen2TokenizerFast(tokenizer_file=file, **roles),
    )

    def process(images) -> dict[str, torch.Tensor]:
        with mock.patch.object(module, "resize_and_pad", scale or module.resize_and_pad):
            return processor.process(
                text=QUESTION,
                images=images,
                images_kwargs=dict(crops),  # which it empties
            )

    return process


def original_answers(model, rows: list[dict]) -> list[list[int]]:
    """The authors' likeliest next tokens for each row, all rows in one batch."""
    from transformers import GenerationConfig

    plan = GenerationConfig(max_new_tokens=NEW_TOKENS, use_cache=True, eos_token_id=None)
    return model.generate_from_batch(batch_of(rows), plan)[:, -NEW_TOKENS:].tolist()


def batch_of(rows: list[dict]) -> dict[str, torch.Tensor]:
    """Rows filled up with -1, as the authors' MMCollator does it."""
    batch = {}
    for name in rows[0]:
        longest = max(len(row[name]) for row in rows)
        filled = [
            torch.cat((row[name], row[name].new_full((longest - len(row[name]), *rest), -1)))
            for row in rows
            for rest in [row[name].shape[1:]]
        ]
        batch[name] = torch.stack(filled)
    return batch


if __name__ == "__main__":
    main(*(Path(argument).expanduser().resolve() for argument in sys.argv[1:3]))
