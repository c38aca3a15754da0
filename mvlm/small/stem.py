"""A residual convolutional stem in place of a ViT's patch projection: the course's own CLIP.

Chapters 06 and 07. The ViT paper's "hybrid architecture" (Dosovitskiy et al. 2020, section 3.1)
takes its tokens from the feature map of a ResNet instead of from raw patches; Xiao et al. 2021,
"Early Convolutions Help Transformers See Better", do the same with a few layers. What a
convolution knows from the start (that neighbouring pixels belong together, and that a thing is the
same thing a pixel further on) a plain projection has to learn from pictures, and the course has
few. Everything after the stem is the plain ViT: class token, positions, blocks.

Letters: B images, c channels, D the width of a token, N tokens, one for each 8×8 pixels.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvlm.vit import ViT

GROUPS = 8  # of channels that are normalised together
STRIDE = 8  # pixels: side of the square that a token stands for


class Residual(nn.Module):
    """Two 3×3 convolutions beside a shortcut (He et al. 2016), halving height and width.

    Normalised by group (Wu and He 2018), so that a picture's result does not hang on its batch.
    """

    def __init__(self, channels: int, wider: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, wider, 3, stride=2, padding=1, bias=False)
        self.first_norm = nn.GroupNorm(GROUPS, wider)
        self.second = nn.Conv2d(wider, wider, 3, padding=1, bias=False)
        self.second_norm = nn.GroupNorm(GROUPS, wider)
        self.shortcut = nn.Conv2d(channels, wider, 1, bias=False)

    def forward(
        self, x: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch wider half_height half_width"]:
        """(B, c, H, W) → (B, c', H/2, W/2)."""
        beside = self.shortcut(F.avg_pool2d(x, 2))
        x = self.first_norm(self.first(x)).relu()
        return (beside + self.second_norm(self.second(x))).relu()


class Stem(nn.Module):
    """Pictures to tokens, eight pixels apart: what `ViT.patches` gives, from convolutions.

    Args:
        width: of a token.
        channels: after the first convolution and after each of the two residual blocks.

    Raises:
        ValueError: channels that cannot be normalised eight groups at a time.
    """

    def __init__(self, width: int, channels: tuple[int, int, int]) -> None:
        super().__init__()
        if len(channels) != 3 or any(count < 1 or count % GROUPS for count in channels):
            raise ValueError(
                f"channels is {tuple(channels)}, wanted three multiples of {GROUPS}, such as "
                "(32, 64, 128)"
            )
        self.first = nn.Conv2d(3, channels[0], 3, stride=2, padding=1, bias=False)
        self.norm = nn.GroupNorm(GROUPS, channels[0])
        self.blocks = nn.Sequential(*(Residual(*pair) for pair in pairwise(channels)))
        self.projection = nn.Linear(channels[-1], width)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        for block in self.blocks:  # a new block is mostly its shortcut
            nn.init.constant_(block.second_norm.weight, 0.5)

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch token width"]:
        """(B, 3, H, W) → (B, N, D), row by row, N = H/8 · W/8.

        Raises:
            ValueError: the pictures' sides are no multiples of 8, or they have no three channels.
        """
        if images.ndim != 4 or images.shape[1] != 3 or any(s % STRIDE for s in images.shape[2:]):
            raise ValueError(
                f"images is {tuple(images.shape)}, wanted (B, 3, H, W) with sides that are "
                f"multiples of {STRIDE}: crop or pad them"
            )
        x = images.contiguous(memory_format=torch.channels_last)
        x = self.norm(self.first(x)).relu()  # (B, c, H/2, W/2)
        x = self.blocks(x)  # (B, c', H/8, W/8)
        return self.projection(x.flatten(2).mT)  # (B, N, D)


def with_stem_(vit: ViT, channels: tuple[int, int, int]) -> ViT:
    """Put a new stem in the place of this ViT's patch projection, and return the ViT.

    Raises:
        ValueError: its patches are not of 8 pixels, so that its positions would not fit.
    """
    if vit.config.patch_size != STRIDE:
        raise ValueError(
            f"the ViT has patches of {vit.config.patch_size} pixels, the stem gives a token for "
            f"each {STRIDE}: make the ViT with patch_size={STRIDE}"
        )
    vit.patches = Stem(vit.config.width, tuple(channels))
    return vit
