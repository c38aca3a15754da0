"""What the authors' own Molmo says of the small random Molmos of `molmo_folders.py`.

The authors' code is run outside this repository and nothing of it is kept; what is kept are
numbers it gave, in `molmo_original.npz`, which `test_hub_molmo.py` reads. To make them again:

1. Fetch `modeling_molmo.py`, `config_molmo.py`, `image_preprocessing_molmo.py` and
   `preprocessing_molmo.py` of the hub's repository allenai/Molmo-7B-D-0924 into a folder outside
   this repository, say `~/molmo_original`. An empty `__init__.py` makes it a package.
2. Make an environment with this package and what that code was written for: transformers 4.46,
   torchvision, and tensorflow-cpu, by which the released code scales pictures.
3. `python tests/models/molmo_original.py ~/molmo_original`

It compares every pixel, mask, token, place, score and answer with ours, prints the largest
differences, and writes a sample of the originals' numbers.

For each case: `shape` and `crops` are how many crops each picture makes, and sampled pixels of
them; `masks` the sum of each crop's masks; `ids` and `places` the tokens and `image_input_idx` of
the question about each picture, end to end; `logits` the scores after the last token of each, and
`means` the mean score after every token; `answers` the likeliest 12 tokens; `two` the scores for a
question about two pictures.
"""

import importlib
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from molmo_folders import CASES, QUESTION, pictures, write_folder
from safetensors.torch import load_file

from mvlm import hub
from mvlm.hub.reading import read_json

NUMBERS = Path(__file__).with_suffix(".npz")
SAMPLES = 40  # pixels of each picture that are kept
NEW_TOKENS = 12


def main(folder: Path) -> None:
    sys.path.insert(0, str(folder.parent))
    authors = {
        name: importlib.import_module(f"{folder.name}.{name}_molmo")
        for name in ("modeling", "config", "image_preprocessing", "preprocessing")
    }
    kept = {}
    for case in CASES:
        with tempfile.TemporaryDirectory() as made:
            numbers = compare(write_folder(case, Path(made) / "molmo"), authors)
        kept |= {f"{case}/{name}": value for name, value in numbers.items()}
    np.savez_compressed(NUMBERS, **kept)
    print(f"{NUMBERS.name}: {NUMBERS.stat().st_size:,} bytes")


@torch.no_grad()
def compare(folder: Path, authors: dict) -> dict[str, np.ndarray]:
    """Hold ours against the authors' in everything, and keep some of theirs."""
    model, process = original_model(folder, authors), original_processor(folder, authors)
    ours, preprocessing, tokenizer = hub.load_molmo(folder)
    cut = preprocessing(pictures())
    lists = ("shape", "crops", "masks", "ids", "places", "logits", "means", "answers")
    kept = {name: [] for name in lists}
    worst = dict.fromkeys(("pixels", "masks", "logits"), 0.0)
    rows = []
    for picture, crops in zip(pictures(), cut, strict=True):
        row = process(picture)
        rows.append(row)
        check_inputs(row, [crops], tokenizer, worst)
        ids = row["input_ids"]
        batch = {name: value[None] for name, value in row.items()}
        theirs = model(**batch, use_cache=False).logits[0]
        worst["logits"] = max(
            worst["logits"], float((ours([crops], ids[None]).logits[0] - theirs).abs().max())
        )
        answer = original_answer(model, batch)
        assert ours.generate([crops], [ids.tolist()], max_new_tokens=NEW_TOKENS) == answer
        kept["shape"].append(len(row["images"]))
        kept["crops"].append(sample(row["images"]))
        kept["masks"].append(row["image_masks"].sum(1))
        kept["ids"].append(ids)
        kept["places"].append(row["image_input_idx"].flatten())
        kept["logits"].append(theirs[-1:])
        kept["means"].append(theirs.mean(1))
        kept["answers"].append(torch.tensor(answer))
    # A batch of texts of different lengths and pictures with different numbers of crops.
    answers = original_answer(model, batch_of(rows))
    prompts = [row["input_ids"].tolist() for row in rows]
    assert ours.generate(cut, prompts, max_new_tokens=NEW_TOKENS) == answers
    # Two pictures before one question. The authors' process() lets the second one's places start
    # at the first's, so that the two are added to the same tokens: they are put right here.
    row = process(pictures()[:2])
    row["image_input_idx"] = places_of(cut[:2], row["input_ids"], tokenizer)
    check_inputs(row, cut[:2], tokenizer, worst)
    two = model(**{name: value[None] for name, value in row.items()}, use_cache=False).logits[0]
    again = ours(cut[:2], row["input_ids"][None]).logits[0]
    worst["logits"] = max(worst["logits"], float((again - two).abs().max()))
    print(folder.name, {name: f"{value:.1e}" for name, value in worst.items()}, flush=True)
    numbers = {
        name: np.asarray(values) if name == "shape" else torch.cat(values).numpy()
        for name, values in kept.items()
    }
    return numbers | {"two": two[-1].numpy()}


def check_inputs(row: dict, cut: list, tokenizer, worst: dict[str, float]) -> None:
    """The same pixels, masks, tokens and places of the pooled cells."""
    assert hub.molmo_prompt(QUESTION, cut, tokenizer) == row["input_ids"].tolist()
    pixels = torch.cat([crops.pixels for crops in cut])
    worst["pixels"] = max(
        worst["pixels"], float((in_file_order(pixels) - row["images"]).abs().max())
    )
    masks = torch.cat([crops.masks for crops in cut])
    worst["masks"] = max(worst["masks"], float((masks - row["image_masks"]).abs().max()))
    places = places_of(cut, row["input_ids"], tokenizer)
    assert torch.equal(places.clamp(min=-1), row["image_input_idx"].long().clamp(min=-1))


def in_file_order(pixels: torch.Tensor) -> torch.Tensor:
    """Crops (K, 3, S, S) as the authors have them, (K, patches, numbers of a patch)."""
    side = MODEL_SIDES["image_patch_size"]
    patches = pixels.unfold(2, side, side).unfold(3, side, side)  # (K, 3, G, G, P, P)
    return patches.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)


def places_of(cut: list, ids: torch.Tensor, tokenizer) -> torch.Tensor:
    """Our order of the cells as the authors' `image_input_idx`: for each cell its token, or -1."""
    tokens = (ids == tokenizer.token_id("<im_patch>")).nonzero()[:, 0]
    places, start = [], 0
    for crops in cut:
        cells = int(crops.order.max()) + 1
        per_crop = cells_per_crop()
        place = torch.full((len(crops.pixels) * per_crop,), -1)
        assert cells <= len(place)
        place[crops.order] = tokens[start : start + len(crops.order)]
        places.append(place.view(-1, per_crop))
        start += len(crops.order)
    return torch.cat(places)


MODEL_SIDES: dict[str, int] = {}
"""The sizes of the folder that is being compared: of a patch, and of a crop in patches."""


def cells_per_crop() -> int:
    return (MODEL_SIDES["side"] // 2) ** 2


def sample(images: torch.Tensor) -> torch.Tensor:
    """Some of a picture's numbers, spread over its crops."""
    flat = images.flatten()
    return flat[torch.linspace(0, len(flat) - 1, SAMPLES).long()]


def original_model(folder: Path, authors: dict):
    """The authors' MolmoForCausalLM, with a smaller tower than the one that its class fixes."""
    config = read_json(folder, "config.json")
    tower, layers = config.pop("vision_backbone"), config.pop("vit_layers")
    tower["image_head_dim"] = tower["image_emb_dim"] // tower["image_num_heads"]
    tower["image_num_key_value_heads"] = tower["image_num_heads"]
    side = tower["image_default_input_size"][0] // tower["image_patch_size"]
    tower["image_num_pos"] = 1 + side**2
    MODEL_SIDES.update(side=side, image_patch_size=tower["image_patch_size"])
    modeling = authors["modeling"]
    whole, vision = modeling.FullMolmoConfig, modeling.VisionBackboneConfig
    try:
        modeling.FullMolmoConfig = lambda **given: whole(**given | {"vit_layers": layers})
        modeling.VisionBackboneConfig = lambda **given: vision(**given | tower)
        model = modeling.MolmoForCausalLM(authors["config"].MolmoConfig(**config))
    finally:
        modeling.FullMolmoConfig, modeling.VisionBackboneConfig = whole, vision
    weights = {}
    for file in folder.glob("*.safetensors"):
        weights |= load_file(file)
    model.load_state_dict(weights, strict=True)
    return model.eval()


def original_processor(folder: Path, authors: dict):
    """The authors' MolmoProcessor with the folder's sizes: pictures → a row of inputs."""
    from transformers import Qwen2TokenizerFast

    crops = read_json(folder, "preprocessor_config.json")
    roles = read_json(folder, "special_tokens_map.json")
    file = str(folder / "tokenizer.json")
    processor = authors["preprocessing"].MolmoProcessor(
        authors["image_preprocessing"].MolmoImageProcessor(**crops),
        Qwen2TokenizerFast(tokenizer_file=file, **roles),
    )
    return lambda images: processor.process(text=QUESTION, images=images, images_kwargs=crops)


def original_answer(model, batch: dict) -> list[list[int]]:
    from transformers import GenerationConfig

    plan = GenerationConfig(max_new_tokens=NEW_TOKENS, use_cache=True, eos_token_id=None)
    ids = model.generate_from_batch(dict(batch), plan)
    return ids[:, batch["input_ids"].shape[1] :].tolist()


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
    main(Path(sys.argv[1]).expanduser().resolve())
