"""The vision transformer: an image as a sequence of patch tokens.

    z_0 = [class; x_1·E; …; x_N·E] + positions     equation 1
    z_l = block(z_{l-1})                           equations 2 and 3
    y   = head(norm(z_L's class token))            equation 4

Chapter 03. Dosovitskiy et al., "An Image is Worth 16x16 Words" (2020), section 3.1 and table 1.
The same class is CLIP's image tower (`mvlm.clip`), which leaves the patch projection's bias out,
normalises once more before the first block, and has other constants.

Letters: B images, C channels, H×W pixels, N patches, D the width of a token, L blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvlm.patches import PatchEmbedding, grid_size, resize_positions
from mvlm.transformer import (
    NORMS,
    Encoding,
    Transformer,
    TransformerConfig,
    check_counts,
    check_precision,
)


@dataclass(frozen=True, kw_only=True)
class ViTConfig(TransformerConfig):
    """The shape of a ViT: that of its transformer, and of what it looks at.

    Attributes:
        image_size: side of the square images in pixels, or (height, width).
        patch_size: side P of a patch in pixels; divides the image.
        channels: C of the images.
        num_classes: rows of the head; None leaves the head out.
        patch_bias: whether the patch projection adds an offset.
        pre_norm: whether the tokens are normalised before the first block (CLIP's `ln_pre`).

    `eps` is 1e-6 in timm's ViTs and 1e-12 in transformers'.
    """

    image_size: int | tuple[int, int] = 224
    patch_size: int = 16
    width: int = 768
    depth: int = 12
    heads: int = 12
    channels: int = 3
    num_classes: int | None = None
    patch_bias: bool = True
    pre_norm: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "image_size", _sides(self.image_size))
        check_counts(channels=self.channels)
        if self.num_classes is not None and self.num_classes < 1:
            raise ValueError(
                f"num_classes is {self.num_classes}: pass at least 1, or None for no head"
            )
        grid_size(*self.image_size, self.patch_size)  # raises where it does not divide

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        return grid_size(*self.image_size, self.patch_size)


class ViT(nn.Module):
    """Patches in, one vector an image out: class logits, or the class token where no head is.

    A new model starts as the paper's code does: class token and head at zero, so that the first
    logits are all 0; positions from N(0, 0.02²); Glorot-uniform matrices in the blocks.
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        rows, columns = config.grid
        self.patches = PatchEmbedding(
            config.patch_size, config.width, config.channels, bias=config.patch_bias
        )
        self.class_token = nn.Parameter(torch.zeros(config.width))
        self.positions = nn.Parameter(torch.empty(1 + rows * columns, config.width))
        self.pre_norm = (
            NORMS[config.norm](config.width, eps=config.eps) if config.pre_norm else nn.Identity()
        )
        self.transformer = Transformer(config)
        self.norm = NORMS[config.norm](config.width, eps=config.eps)
        self.head = (
            nn.Identity()
            if config.num_classes is None
            else nn.Linear(config.width, config.num_classes)
        )
        self._initialise()

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch classes"]:
        """Logits (B, num_classes); without a head the normalised class token (B, D).

        Raises:
            ValueError: the images are not of the size, or the channels, the model was made for.
            TypeError: they are no floating-point tensor, or of another precision than the model.
        """
        return self.head(self.pooled(images))

    def pooled(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch width"]:
        """The class token after the last block, normalised (B, D): what the head reads."""
        tokens = self.transformer(self.embed(images), first=1)  # B 1 D: nothing reads the others
        return self.norm(tokens[:, 0])

    def embed(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch token width"]:
        """Class token and patch tokens with their positions added: (B, 1+N, D), equation 1."""
        self._check(images)
        patches = self.patches(images) + self.positions[1:]  # B N D
        first = (self.class_token + self.positions[0]).expand(len(images), 1, -1)  # B 1 D
        return self.pre_norm(torch.cat((first, patches), dim=1))  # B 1+N D

    def encode(
        self, images: Float[Tensor, "batch channel height width"], *, attentions: bool = False
    ) -> Encoding:
        """Every token at every depth, as data: see `Encoding`. The class token is the first.

        `attentions` asks for the attention weights too, which costs the fused attention's speed
        and memory.
        """
        return self.transformer.encode(self.embed(images), self.norm, attentions=attentions)

    @classmethod
    def from_variant(
        cls,
        variant: str,
        *,
        num_classes: int | None = None,
        image_size: int | tuple[int, int] = 224,
    ) -> ViT:
        """A published size with a patch size, such as "B/16", "Ti/16", "L/32", "H/14" or "g/14".

        The weights are new; `mvlm.hub.load_vit` fetches trained ones.
        """
        size, _, patch_size = str(variant).partition("/")
        if size not in SIZES or not patch_size.isdecimal():
            raise ValueError(
                f"ViT variant {variant!r} is not known: pass a size of {', '.join(SIZES)} "
                f"and a patch size, such as 'B/16'"
            )
        return cls(
            ViTConfig(
                image_size=image_size,
                patch_size=int(patch_size),
                num_classes=num_classes,
                **SIZES[size],
            )
        )

    def resize_(self, image_size: int | tuple[int, int]) -> ViT:
        """Fit the model to images of another size, in place, and return it.

        The table of positions is stretched to the new grid (section 3.2 of the paper); every other
        weight stays. It becomes a new parameter: make optimisers afterwards.
        """
        config = replace(self.config, image_size=image_size)
        table = resize_positions(
            self.positions.detach(), self.config.grid, config.grid, class_rows=1
        )
        self.positions = nn.Parameter(table.clone(), requires_grad=self.positions.requires_grad)
        self.config = config
        return self

    def _initialise(self) -> None:
        config = self.config.filled
        widths = [heads * config.head_width for heads in (config.heads, *2 * (config.kv_heads,))]
        nn.init.normal_(self.positions, std=0.02)
        for name, module in self.transformer.named_modules():
            if isinstance(module, nn.Linear):
                # Queries, keys and values are three matrices in one: draw each by itself, or the
                # larger matrix would make all three smaller.
                parts = module.weight.split(widths) if name.endswith("qkv") else (module.weight,)
                for part in parts:
                    nn.init.xavier_uniform_(part)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if isinstance(self.head, nn.Linear):
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)

    def _check(self, images: Tensor) -> None:
        """What `patches` cannot know: the size and the precision this model was made for."""
        if not isinstance(images, Tensor) or images.ndim != 4:
            return  # `patches` says so
        came, wanted = tuple(images.shape[2:]), self.config.image_size
        if came != wanted:
            raise ValueError(
                f"the images are {came[0]}×{came[1]} pixels, this model was made for "
                f"{wanted[0]}×{wanted[1]}: resize them, or fit the model to them with "
                f"resize_(({came[0]}, {came[1]}))"
            )
        if images.is_floating_point():
            check_precision("images", images, self.positions)


SIZES = {
    "Ti": {"width": 192, "depth": 12, "heads": 3, "mlp_width": 768},
    "S": {"width": 384, "depth": 12, "heads": 6, "mlp_width": 1536},
    "B": {"width": 768, "depth": 12, "heads": 12, "mlp_width": 3072},
    "L": {"width": 1024, "depth": 24, "heads": 16, "mlp_width": 4096},
    "H": {"width": 1280, "depth": 32, "heads": 16, "mlp_width": 5120},
    "g": {"width": 1408, "depth": 40, "heads": 16, "mlp_width": 6144},
    "G": {"width": 1664, "depth": 48, "heads": 16, "mlp_width": 8192},
}
"""Table 1 of the ViT paper (B, L, H), table 1 of "How to train your ViT?" (Steiner et al. 2021;
Ti, S) and table 2 of "Scaling Vision Transformers" (Zhai et al. 2021; g, G)."""


def _sides(image_size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) of an image size that may be one number."""
    sides = (image_size, image_size) if isinstance(image_size, int) else image_size
    pair = isinstance(sides, list | tuple) and len(sides) == 2
    if not pair or not all(isinstance(side, int) for side in sides):
        raise TypeError(
            f"image_size is {image_size!r}: pass a whole number of pixels, or (height, width)"
        )
    return tuple(sides)
