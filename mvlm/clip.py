"""CLIP: images and texts in one space, learnt from pairs.

An image tower and a text tower each end in one vector. A pair's two vectors should have a large
cosine, all other combinations in the batch a small one. Training is classification: which of the
N texts belongs to this image, and which of the N images to this text? `mvlm.contrastive` has that
loss; `CLIP.loss` is the whole way from pictures and texts to it.

Chapters 05 and 06. Radford et al., "Learning Transferable Visual Models From Natural Language
Supervision" (2021), section 2.3, figure 3 and table 20; constants from the released openai/CLIP.

Letters: B images or texts, N pairs, T text tokens, D a tower's width, E that of the shared space.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch
import torch.distributed
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mvlm.contrastive import clip_loss, distributed_clip_loss
from mvlm.transformer import (
    NORMS,
    Encoding,
    Transformer,
    TransformerConfig,
    check_counts,
    check_token_ids,
)
from mvlm.vit import SIZES, ViT, ViTConfig

MAX_LOGIT_SCALE = math.log(100)
INITIAL_LOGIT_SCALE = math.log(1 / 0.07)


class CLIP(nn.Module):
    """An image tower and a text tower that end in one space.

    `logit_scale` is the LOGARITHM of the factor on the cosines, so that a step of the optimiser
    multiplies the factor; the losses take the factor itself, `clip.logit_scale.exp()`.

    A new model starts as the released code does: vectors and matrices scaled by their width, the
    residual projections smaller by √(2·depth), the temperature at 0.07. (OpenAI's code leaves the
    image tower's matrices to PyTorch's defaults; here both towers start alike.)
    """

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        self.config = config
        self.image = ViT(config.image)
        self.text = TextEncoder(config.text)
        self.image_projection = nn.Linear(config.image.width, config.embed_dim, bias=False)
        self.text_projection = nn.Linear(config.text.width, config.embed_dim, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(INITIAL_LOGIT_SCALE))
        self._initialise()

    def encode_image(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch embed"]:
        """Each image's vector in the shared space, of length 1: (B, E)."""
        return F.normalize(self.image_projection(self.image(images)), dim=-1)

    def encode_text(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch embed"]:
        """Each text's vector in the shared space, of length 1: (B, E)."""
        return F.normalize(self.text_projection(self.text(ids)), dim=-1)

    def forward(
        self,
        images: Float[Tensor, "image channel height width"],
        ids: Int[Tensor, "text token"],
    ) -> tuple[Float[Tensor, "image text"], Float[Tensor, "text image"]]:
        """Scaled cosines of every image with every text: `(logits_per_image, logits_per_text)`."""
        image_features, text_features = self.encode_image(images), self.encode_text(ids)
        logits_per_image = self.logit_scale.exp() * image_features @ text_features.T
        return logits_per_image, logits_per_image.T

    def loss(
        self,
        images: Float[Tensor, "pair channel height width"],
        ids: Int[Tensor, "pair token"],
    ) -> Float[Tensor, ""]:
        """`clip_loss` of these pairs: text i belongs to image i and to no other.

        Where several processes train, it is this one's share of the loss over the pairs of all,
        and every process has to call it. DistributedDataParallel averages the gradients of what
        goes through its own `forward`: wrap a module whose forward calls this one.
        """
        several = torch.distributed.is_available() and torch.distributed.is_initialized()
        loss = distributed_clip_loss if several else clip_loss
        return loss(self.encode_image(images), self.encode_text(ids), self.logit_scale.exp())

    @torch.no_grad()
    def clamp_logit_scale_(self) -> None:
        """Keep the factor at 100 or less; call it after each step of the optimiser.

        A clamp inside the forward pass would stop the gradient for good once the limit is passed
        (openai/CLIP issue 46).
        """
        self.logit_scale.clamp_(max=MAX_LOGIT_SCALE)

    @classmethod
    def from_variant(cls, variant: str) -> CLIP:
        """One of OpenAI's: "ViT-B/32", "ViT-B/16", "ViT-L/14" or "ViT-L/14@336px".

        The weights are new; `mvlm.hub.load_clip` fetches trained ones.
        """
        if variant not in VARIANTS:
            raise ValueError(
                f"CLIP variant {variant!r} is not known: choose from {', '.join(VARIANTS)}"
            )
        size, patch_size, image_size, text, embed_dim = VARIANTS[variant]
        image = clip_vision_config(image_size=image_size, patch_size=patch_size, **SIZES[size])
        return cls(CLIPConfig(image=image, text=TextConfig(**text), embed_dim=embed_dim))

    def _initialise(self) -> None:
        width = self.config.image.width
        nn.init.normal_(self.image.class_token, std=width**-0.5)
        nn.init.normal_(self.image.positions, std=width**-0.5)
        nn.init.normal_(self.image.patches.projection.weight, std=0.02)
        for tower in (self.image, self.text):
            _initialise_blocks(tower.transformer, tower.config)
        nn.init.normal_(self.image_projection.weight, std=self.config.image.width**-0.5)
        nn.init.normal_(self.text_projection.weight, std=self.config.text.width**-0.5)


class TextEncoder(nn.Module):
    """Token ids in, one vector a text out: the normalised vector at the end-of-text token.

    The mask is causal, so the end-of-text token has seen the whole text, and what follows it,
    padding of any kind, changes nothing.
    """

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocab_size, config.width)
        self.positions = nn.Parameter(torch.empty(config.context_length, config.width))
        self.transformer = Transformer(config)
        self.norm = NORMS[config.norm](config.width, eps=config.eps)
        nn.init.normal_(self.tokens.weight, std=0.02)
        nn.init.normal_(self.positions, std=0.01)

    def forward(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch width"]:
        """The vector of each text (B, D).

        Raises:
            ValueError: ids outside the vocabulary, a text longer than the context, or a text
                without an end-of-text token.
            TypeError: the ids are no tensor of whole numbers.
        """
        ids, ends = self._until_the_last_end(ids)  # B T', B
        tokens = self.transformer(self._embed(ids), causal=True)  # B T' D
        return self.norm(tokens[torch.arange(len(ids), device=ids.device), ends])  # B D

    def encode(self, ids: Int[Tensor, "batch token"], *, attentions: bool = False) -> Encoding:
        """Every token at every depth, as data: see `Encoding`."""
        self._check(ids)
        return self.transformer.encode(
            self._embed(ids), self.norm, causal=True, attentions=attentions
        )

    def _embed(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch token width"]:
        """Each token's vector plus that of its place."""
        return self.tokens(ids) + self.positions[: ids.shape[1]]

    def _until_the_last_end(
        self, ids: Int[Tensor, "batch token"]
    ) -> tuple[Int[Tensor, "batch shorter"], Int[Tensor, " batch"]]:
        """The ids without the columns that all texts have ended before, and where each one ends.

        A caption of 15 tokens, padded to 77, then costs 15. A text ends at its FIRST end-of-text
        token: transformers pads with that same token.
        """
        self._check(ids)
        is_end = ids == self.config.eot_id  # B T
        ends = is_end.int().argmax(dim=1)  # B
        without = ~is_end.any(dim=1)  # B
        longest, broken = torch.stack((ends.max(), without.sum())).tolist()
        if broken:
            raise ValueError(
                f"text {int(without.int().argmax())} has no end-of-text token "
                f"{self.config.eot_id}: end every text with it, those that were cut too"
            )
        return ids[:, : longest + 1], ends

    def _check(self, ids: Tensor) -> None:
        check_token_ids(ids)
        if ids.ndim != 2 or 0 in ids.shape:
            raise ValueError(
                f"the token ids are {tuple(ids.shape)}, wanted (B, T): one row of ids a text"
            )
        if ids.shape[1] > self.config.context_length:
            raise ValueError(
                f"a text of {ids.shape[1]} tokens came, the context holds "
                f"{self.config.context_length}: cut the texts and keep the end-of-text token"
            )
        smallest, largest = torch.stack(ids.aminmax()).tolist()
        if smallest < 0 or largest >= self.config.vocab_size:
            raise ValueError(
                f"token ids run from {smallest} to {largest}, the vocabulary from 0 to "
                f"{self.config.vocab_size - 1}: use the tokenizer that belongs to this model"
            )


clip_vision_config = partial(
    ViTConfig, patch_size=32, activation="quick_gelu", eps=1e-5, patch_bias=False, pre_norm=True
)
"""A `ViTConfig` with CLIP's choices: no patch bias, a norm before the blocks, no head."""


@dataclass(frozen=True, kw_only=True)
class TextConfig(TransformerConfig):
    """The shape of CLIP's text tower: that of its transformer, and of what it reads.

    Attributes:
        vocab_size: number of token ids.
        context_length: the longest text in tokens, start and end tokens included.
        eot_id: the end-of-text token, whose vector stands for the whole text.
    """

    vocab_size: int = 49408
    context_length: int = 77
    width: int = 512
    depth: int = 12
    heads: int = 8
    eot_id: int = 49407
    activation: Literal["gelu", "quick_gelu", "gelu_tanh", "silu"] = "quick_gelu"
    eps: float = 1e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(vocab_size=self.vocab_size, context_length=self.context_length)
        if not 0 <= self.eot_id < self.vocab_size:
            raise ValueError(
                f"eot_id {self.eot_id} is outside the vocabulary of {self.vocab_size}: "
                f"pass the id of the tokenizer's end-of-text token"
            )


@dataclass(frozen=True, kw_only=True)
class CLIPConfig:
    """Two towers and the width of the space they share.

    Attributes:
        image: a ViT's config; `clip_vision_config` fills in CLIP's choices.
        text: the text tower's config.
        embed_dim: width E of the shared space.
    """

    image: ViTConfig = field(default_factory=clip_vision_config)
    text: TextConfig = field(default_factory=TextConfig)
    embed_dim: int = 512

    def __post_init__(self) -> None:
        check_counts(embed_dim=self.embed_dim)
        if self.image.num_classes is not None:
            raise ValueError(
                f"the image tower has a head of {self.image.num_classes} classes: "
                f"CLIP projects the class token itself, pass num_classes=None"
            )


_BASE_TEXT = {"width": 512, "depth": 12, "heads": 8}
_LARGE_TEXT = {"width": 768, "depth": 12, "heads": 12}
VARIANTS = {
    # image tower, patch size, image size, text tower, shared width
    "ViT-B/32": ("B", 32, 224, _BASE_TEXT, 512),
    "ViT-B/16": ("B", 16, 224, _BASE_TEXT, 512),
    "ViT-L/14": ("L", 14, 224, _LARGE_TEXT, 768),
    "ViT-L/14@336px": ("L", 14, 336, _LARGE_TEXT, 768),
}


def _initialise_blocks(transformer: Transformer, config: TransformerConfig) -> None:
    """Matrices by their width, those that write to the residual path smaller; no offsets."""
    residual = config.width**-0.5 * (2 * config.depth) ** -0.5
    spread = {
        "qkv": config.width**-0.5,
        "out": residual,
        "up": (2 * config.width) ** -0.5,
        "gate": (2 * config.width) ** -0.5,
        "down": residual,
    }
    for name, module in transformer.named_modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=spread[name.rsplit(".", 1)[-1]])
            if module.bias is not None:
                nn.init.zeros_(module.bias)
