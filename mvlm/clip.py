"""CLIP: images and texts in one space, learnt from pairs.

Chapters 05 and 06. Radford et al., "Learning Transferable Visual Models From Natural Language
Supervision" (2021), section 2.3, figure 3 and table 20; constants from the released openai/CLIP.

An image tower and a text tower each end in one vector. A pair's two vectors should have a large
cosine, all other combinations in the batch a small one. Training is classification: which of the
N texts belongs to this image, and which of the N images to this text?

Letters: B images, N pairs in a batch, T text tokens, E the width of the shared space.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mvlm.transformer import (
    Encoding,
    Transformer,
    TransformerConfig,
    check_counts,
    check_token_ids,
)
from mvlm.vit import SIZES, ViT, ViTConfig

MAX_LOGIT_SCALE = math.log(100)
INITIAL_LOGIT_SCALE = math.log(1 / 0.07)


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """The shape of CLIP's text tower.

    Attributes:
        vocab_size: number of token ids.
        context_length: the longest text in tokens, start and end tokens included.
        width, depth, heads, mlp_width: of the transformer; `mlp_width` is 4·width unless given.
        eot_id: the end-of-text token, whose vector stands for the whole text.
        activation, eps: of the MLPs and the norms.
    """

    vocab_size: int = 49408
    context_length: int = 77
    width: int = 512
    depth: int = 12
    heads: int = 8
    mlp_width: int | None = None
    eot_id: int = 49407
    activation: Literal["gelu", "quick_gelu", "gelu_tanh", "silu"] = "quick_gelu"
    eps: float = 1e-5

    def __post_init__(self) -> None:
        if self.mlp_width is None:
            object.__setattr__(self, "mlp_width", 4 * self.width)
        if not 0 <= self.eot_id < self.vocab_size:
            raise ValueError(
                f"eot_id {self.eot_id} is outside the vocabulary of {self.vocab_size}: "
                f"pass the id of the tokenizer's end-of-text token"
            )
        _ = self.transformer  # checks what it is made from

    @property
    def transformer(self) -> TransformerConfig:
        """The blocks' part of this config."""
        return TransformerConfig(
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            mlp_width=self.mlp_width,
            activation=self.activation,
            eps=self.eps,
        )


def clip_vision_config(
    *,
    image_size: int | tuple[int, int] = 224,
    patch_size: int = 32,
    width: int = 768,
    depth: int = 12,
    heads: int = 12,
    mlp_width: int | None = None,
    channels: int = 3,
    activation: Literal["gelu", "quick_gelu", "gelu_tanh", "silu"] = "quick_gelu",
    eps: float = 1e-5,
) -> ViTConfig:
    """A `ViTConfig` with CLIP's choices: no patch bias, a norm before the blocks, no head."""
    return ViTConfig(
        image_size=image_size,
        patch_size=patch_size,
        width=width,
        depth=depth,
        heads=heads,
        mlp_width=mlp_width,
        channels=channels,
        activation=activation,
        eps=eps,
        patch_bias=False,
        pre_norm=True,
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
        self.transformer = Transformer(config.transformer)
        self.norm = nn.LayerNorm(config.width, eps=config.eps)
        nn.init.normal_(self.tokens.weight, std=0.02)
        nn.init.normal_(self.positions, std=0.01)

    def forward(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch width"]:
        """The vector of each text (B, D).

        Raises:
            ValueError: ids outside the vocabulary, a text longer than the context, or a text
                without an end-of-text token.
            TypeError: the ids are no tensor of whole numbers.
        """
        embedded = self.embed(ids)  # B T D
        ends = self._ends(ids)  # B
        # No end looks at what follows the last one, so that need not be computed: a caption of
        # 15 tokens, padded to 77, costs 15.
        tokens = self.transformer(embedded[:, : ends.max() + 1], causal=True)  # B T' D
        return self.norm(tokens[torch.arange(len(ids), device=ids.device), ends])  # B D

    def encode(self, ids: Int[Tensor, "batch token"], *, attentions: bool = False) -> Encoding:
        """Every token at every depth, as data: see `Encoding`."""
        embedded = self.embed(ids)  # B T D
        return self.transformer.encode(embedded, self.norm, causal=True, attentions=attentions)

    def embed(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch token width"]:
        """Each token's vector plus that of its place: (B, T, D)."""
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
        smallest, largest = ids.min().item(), ids.max().item()
        if smallest < 0 or largest >= self.config.vocab_size:
            raise ValueError(
                f"token ids run from {smallest} to {largest}, the vocabulary from 0 to "
                f"{self.config.vocab_size - 1}: use the tokenizer that belongs to this model"
            )
        return self.tokens(ids) + self.positions[: ids.shape[1]]

    def _ends(self, ids: Int[Tensor, "batch token"]) -> Int[Tensor, " batch"]:
        """Where the FIRST end-of-text token stands: transformers pads with that same token."""
        is_end = ids == self.config.eot_id
        without = (~is_end.any(dim=1)).nonzero().flatten().tolist()
        if without:
            raise ValueError(
                f"text {without[0]} has no end-of-text token {self.config.eot_id}: "
                f"end every text with it, those that were cut too"
            )
        return is_end.int().argmax(dim=1)


class CLIP(nn.Module):
    """An image tower and a text tower that end in one space.

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
        # The scale is kept as a logarithm, so that a step of the optimiser multiplies it.
        self.logit_scale = nn.Parameter(torch.tensor(INITIAL_LOGIT_SCALE))
        self._initialise()

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

    @torch.no_grad()
    def clamp_logit_scale_(self) -> None:
        """Keep the scale at 100 or less; call it after each step of the optimiser.

        A clamp inside the forward pass would stop the gradient for good once the limit is passed
        (openai/CLIP issue 46).
        """
        self.logit_scale.clamp_(max=MAX_LOGIT_SCALE)

    def _initialise(self) -> None:
        width = self.config.image.width
        nn.init.normal_(self.image.class_token, std=width**-0.5)
        nn.init.normal_(self.image.positions, std=width**-0.5)
        nn.init.normal_(self.image.patches.projection.weight, std=0.02)
        for tower in (self.image, self.text):
            width, depth = tower.config.width, tower.config.depth
            for block in tower.transformer.blocks:
                nn.init.normal_(block.attention.qkv.weight, std=width**-0.5)
                nn.init.normal_(block.attention.out.weight, std=width**-0.5 * (2 * depth) ** -0.5)
                nn.init.normal_(block.mlp.up.weight, std=(2 * width) ** -0.5)
                nn.init.normal_(block.mlp.down.weight, std=width**-0.5 * (2 * depth) ** -0.5)
                for part in (
                    block.attention.qkv,
                    block.attention.out,
                    block.mlp.up,
                    block.mlp.down,
                ):
                    nn.init.zeros_(part.bias)
        nn.init.normal_(self.image_projection.weight, std=self.config.image.width**-0.5)
        nn.init.normal_(self.text_projection.weight, std=self.config.text.width**-0.5)
