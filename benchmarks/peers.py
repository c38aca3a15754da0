"""The peers, made with the same shape as ours, and the same weights where that can be said.

timm and open_clip import torchvision for their image transforms and for one layer that no model
measured here has. Nothing in this project needs torchvision, so an empty stand-in takes its place.
"""

from __future__ import annotations

import sys
import tempfile
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import transformers
from torch import Tensor, nn

from mvlm import hub
from mvlm.clip import CLIP
from mvlm.language import LanguageConfig, LanguageModel
from mvlm.llava import LLaVA
from mvlm.vit import ViT, ViTConfig

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

IMAGE_TOKEN = 1
"""Stands for one vector of a picture in transformers' LLaVA."""


class Names(type):
    """A class whose every attribute is its own name, as an enumeration's members could be."""

    def __getattr__(cls, name: str) -> str:
        if name.startswith("_"):
            raise AttributeError(name)
        return name


class StandIn(ModuleType):
    """A module in which every name is an empty class: enough to be imported from."""

    __path__: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return Names(name, (), {})


class StandInFinder:
    """Finds `torchvision` and whatever is asked for inside it."""

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, cls) if name.partition(".")[0] == "torchvision" else None

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType:
        return StandIn(spec.name)

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        pass


@cache
def import_peers() -> tuple[ModuleType, ModuleType]:
    """timm and open_clip, with the stand-in only while they are imported."""
    sys.meta_path.append(StandInFinder)
    try:
        import open_clip
        import timm
    finally:
        sys.meta_path.remove(StandInFinder)
        for name in [name for name in sys.modules if isinstance(sys.modules[name], StandIn)]:
            del sys.modules[name]
    return timm, open_clip


def loaded(load, model: nn.Module) -> nn.Module:
    """Our model with the weights of a transformers model, by way of a folder, as from the hub."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return load(Path(folder)).model


def vits(config: ViTConfig) -> tuple[ViT, dict[str, nn.Module]]:
    """Our ViT, and timm's and transformers' with its weights; images in, class logits out."""
    timm, _ = import_peers()
    theirs = transformers.ViTForImageClassification(
        transformers.ViTConfig(
            image_size=config.image_size[0],
            patch_size=config.patch_size,
            hidden_size=config.width,
            num_hidden_layers=config.depth,
            num_attention_heads=config.heads,
            intermediate_size=config.filled.mlp_width,
            layer_norm_eps=config.eps,
            num_labels=config.num_classes,
        )
    )
    ours = loaded(hub.load_vit, theirs)
    other = timm.models.VisionTransformer(
        img_size=config.image_size,
        patch_size=config.patch_size,
        embed_dim=config.width,
        depth=config.depth,
        num_heads=config.heads,
        mlp_ratio=config.filled.mlp_width / config.width,
        num_classes=config.num_classes,
    )
    other.load_state_dict(timm_names(ours, other))
    return ours, {"timm": other, "transformers": Logits(theirs)}


class Logits(nn.Module):
    """A transformers classifier that returns what ours and timm's return."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model(pixel_values=images).logits


def timm_names(ours: ViT, like: nn.Module) -> dict[str, Tensor]:
    """Our ViT's weights under timm's names and in its shapes."""
    renamed = {
        "class_token": "cls_token",
        "positions": "pos_embed",
        "patches.projection": "patch_embed.proj",
        "transformer.blocks": "blocks",
        "attention.qkv": "attn.qkv",
        "attention.out": "attn.proj",
        "mlp.up": "mlp.fc1",
        "mlp.down": "mlp.fc2",
    }
    shapes = {name: tensor.shape for name, tensor in like.state_dict().items()}
    weights = {}
    for name, tensor in ours.state_dict().items():
        for mine, its in renamed.items():
            name = name.replace(mine, its)
        weights[name] = tensor.reshape(shapes[name])
    return weights


def clips() -> tuple[CLIP, dict[str, nn.Module]]:
    """CLIP ViT-B/32 three times: ours with transformers' weights, open_clip's with its own."""
    _, open_clip = import_peers()
    theirs = transformers.CLIPModel(transformers.CLIPConfig(projection_dim=512))
    ours = loaded(hub.load_clip, theirs)
    other = open_clip.create_model("ViT-B-32-quickgelu")
    return ours, {"open_clip": other, "transformers": theirs}


def open_clip_loss() -> nn.Module:
    """open_clip's loss, from its file alone: the package takes seconds to import."""
    package = find_spec("open_clip")
    path = Path(package.submodule_search_locations[0]) / "loss.py"
    spec = spec_from_file_location("open_clip_loss", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ClipLoss()


def languages(config: LanguageConfig) -> tuple[LanguageModel, nn.Module]:
    """Our language model and transformers', with the same weights."""
    theirs = transformers.LlamaForCausalLM(llama_config(config)).eval()
    return loaded(hub.load_language, theirs), theirs


def llama_config(config: LanguageConfig) -> transformers.LlamaConfig:
    return transformers.LlamaConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.width,
        num_hidden_layers=config.depth,
        num_attention_heads=config.heads,
        num_key_value_heads=config.filled.kv_heads,
        intermediate_size=config.filled.mlp_width,
        max_position_embeddings=config.context,
        rope_theta=config.rope_theta,
        rms_norm_eps=config.eps,
        tie_word_embeddings=config.tied,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )


def llavas(vision: ViTConfig, language: LanguageConfig) -> tuple[LLaVA, nn.Module]:
    """Our LLaVA and transformers', with the same weights; `IMAGE_TOKEN` for an image's vector."""
    theirs = transformers.LlavaForConditionalGeneration(
        transformers.LlavaConfig(
            vision_config=transformers.CLIPVisionConfig(
                image_size=vision.image_size[0],
                patch_size=vision.patch_size,
                hidden_size=vision.width,
                num_hidden_layers=vision.depth,
                num_attention_heads=vision.heads,
                intermediate_size=vision.filled.mlp_width,
                layer_norm_eps=vision.eps,
                hidden_act=vision.activation,
            ),
            text_config=llama_config(language),
            image_token_index=IMAGE_TOKEN,
            tie_word_embeddings=language.tied,
        )
    ).eval()
    return loaded(hub.load_llava, theirs), theirs
