"""The course's finished models, small enough to lie beside the code: loaded without a network.

    from mvlm import weights
    clip, tokenizer = weights.clip(), weights.tokenizer()
    llava = weights.llava()

Each file is a safetensors file in half precision, whose metadata holds what the model is made of
and how it came about; each has a card (`clip.md`, …). Models are given back in float32, in eval
mode. `README.md` beside them says how to make them again.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from mvlm.clip import CLIP, CLIPConfig, TextConfig
from mvlm.language import LanguageConfig, LanguageModel
from mvlm.llava import LLaVA, Projector
from mvlm.molmo import Connector
from mvlm.small.cells import Cells
from mvlm.small.reader import Reader, ReaderConfig
from mvlm.small.stem import with_stem_
from mvlm.small.windows import COURSE_CROPS, WindowedMolmo, Windows
from mvlm.tokenizer import IM_PATCH, Tokenizer
from mvlm.vit import ViT, ViTConfig

HERE = Path(__file__).parent
TOKENIZER = "tokenizer.json"


@cache
def tokenizer(folder: Path = HERE) -> Tokenizer:
    """The course's own tokenizer: CLIP's texts and the language model's are cut by the same."""
    return Tokenizer.load(folder / TOKENIZER)


def vit(path: str | os.PathLike = HERE / "vit.safetensors") -> tuple[ViT, list[str]]:
    """The classifier of emoji, and the names of its classes."""
    tensors, about = _read_model(path, "vit", "num_classes")
    return _filled(ViT(ViTConfig(**about["model"])), tensors, path), about["classes"]


def clip(path: str | os.PathLike = HERE / "clip.safetensors") -> CLIP:
    """CLIP, for 40×40 pictures of single things; texts through `tokenizer()`.

    `clip-patches.safetensors` beside it is the plain one that it was made from: patches of 20
    pixels in the place of the convolutional stem.
    """
    tensors, about = _read_model(path, "clip", "image")
    model = CLIP(clip_config(about["model"]))
    if about["model"].get("stem"):
        with_stem_(model.image, about["model"]["stem"])
    return _filled(model, tensors, path)


def language(path: str | os.PathLike = HERE / "language.safetensors") -> LanguageModel:
    """The language model as it was before it saw a picture."""
    tensors, about = _read_model(path, "language", "vocab_size")
    # Beside it lies what told it scenes in training: `mvlm.training.recipes.language`.
    prefix = "language."
    own = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    return _filled(LanguageModel(LanguageConfig(**about["model"])), own, path)


def llava(path: str | os.PathLike = HERE / "llava.safetensors") -> LLaVA:
    """LLaVA after its second stage; `llava-stage1.safetensors` beside it is the first's."""
    path = Path(path)
    tensors, about = _read_model(path, "llava", "projector_depth")
    made_of = about["model"]
    language_model = LanguageModel(LanguageConfig(**made_of["language"]))
    projector = Projector(
        made_of["vision_width"], made_of["language"]["width"], made_of["projector_depth"]
    )
    tower = clip(path.with_name("clip.safetensors")).image
    model = LLaVA(Cells(tower), projector, language_model, feature_layer=made_of["feature_layer"])
    if not any(name.startswith("language.") for name in tensors):  # the first stage's
        before = language(path.with_name("language.safetensors"))
        tensors |= {f"language.{name}": value for name, value in before.state_dict().items()}
    tensors |= {f"vision.tower.{name}": value for name, value in tower.state_dict().items()}
    return _filled(model, tensors, path)


def molmo(path: str | os.PathLike = HERE / "molmo.safetensors") -> WindowedMolmo:
    """The course's Molmo: it points, counts and names in large pictures of small things."""
    path = Path(path)
    tensors, about = _read_model(path, "molmo", "connector")
    made_of = about["model"]
    vision = Windows(clip(path.with_name("clip.safetensors")).image, made_of["features"])
    language_model = LanguageModel(LanguageConfig(**made_of["language"]))
    connector = Connector(
        vision.width,
        **made_of["connector"],
        width=language_model.config.width,
        pool=COURSE_CROPS.pool,
    )
    patch_id = tokenizer(path.parent).token_id(IM_PATCH)
    model = WindowedMolmo(vision, connector, language_model, patch_id=patch_id)
    tensors |= {f"vision.scale.{name}": tensors.pop(f"scale.{name}") for name in ("weight", "bias")}
    tensors |= {f"vision.tower.{name}": t for name, t in vision.tower.state_dict().items()}
    return _filled(model, tensors, path)


def reader(path: str | os.PathLike = HERE / "reader.safetensors") -> Reader:
    """The reader of plots, charts and pages: `reader().ask(picture, question)`."""
    tensors, about = _read_model(path, "reader", "read_depth")
    made_of = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in about["model"].items()
    }
    return _filled(Reader(ReaderConfig(**made_of)), tensors, path)


def clip_config(values: dict) -> CLIPConfig:
    """A `CLIPConfig` from the nested dictionaries that json makes of one."""
    return CLIPConfig(
        image=ViTConfig(**values["image"] | {"image_size": tuple(values["image"]["image_size"])}),
        text=TextConfig(**values["text"]),
        embed_dim=values["embed_dim"],
    )


def read(path: str | os.PathLike) -> tuple[dict[str, Tensor], dict]:
    """A weights file's tensors, in float32, and what its metadata says about it.

    Raises:
        FileNotFoundError: there is no such file. ValueError: it is cut off or no such file of ours.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"there are no weights at {path}: `make weights` makes them, or install mvlm again"
        )
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {})["about"])
            names = list(file.keys())
            return {name: file.get_tensor(name).float() for name in names}, about
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} is no weights file of mvlm, or is cut off ({error}): install mvlm again, or "
            "for weights from the hub use mvlm.hub"
        ) from error


def _read_model(path: str | os.PathLike, kind: str, part: str) -> tuple[dict[str, Tensor], dict]:
    """As `read`, of a file whose description has the part that only this kind of model has."""
    tensors, about = read(path)
    made_of = about.get("model", {})
    if part not in made_of:
        raise ValueError(
            f"{path} holds no {kind}, but something made of {', '.join(made_of) or 'nothing'}: "
            f"pass a {kind}.safetensors"
        )
    return tensors, about


def to_file(weights: dict[str, Tensor], about: dict) -> bytes:
    """A weights file: half precision, and `about` as json in the metadata."""
    half = {name: tensor.detach().cpu().half().contiguous() for name, tensor in weights.items()}
    return to_bytes(half, {"about": json.dumps(about)})


def _filled(model: nn.Module, tensors: dict[str, Tensor], path: str | os.PathLike) -> nn.Module:
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(
            f"{path} does not fit the model its metadata describes ({error}): install mvlm again"
        ) from error
    return model.eval().requires_grad_(False)


def machine() -> str:
    """What a model was trained on, in a few words for its card."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads"
