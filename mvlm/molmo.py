"""Molmo: see a picture whole, and again in crops where details are large.

Chapter 11. Deitke et al., "Molmo and PixMo" (2024), section 2; allenai/molmo
`model_preprocessor.py` and `model.py`.

A picture becomes one full image and up to 12 crops, all of the size the encoder was made for.
Each 2×2 window of patches is pooled to one vector, which is ADDED to the embedding of a patch
token (LLaVA puts it in the place of one). Crops overlap, so that each patch is seen with its
surroundings; of what two crops share, each pooled cell is kept once.

Letters: K images (the full one and the crops), G×G patches each, C×C pooled cells each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from PIL import Image
from torch import Tensor, nn

from mvlm.chat import IMAGE_MARKER, Example
from mvlm.generation import generate, stream
from mvlm.images import CLIP_MEAN, CLIP_STD, Colour, normalise, to_tensor
from mvlm.language import IGNORED, LanguageModel, next_token_loss
from mvlm.llava import Output, Vision
from mvlm.tokenizer import IM_COL, IM_END, IM_PATCH, IM_START, Tokenizer, pad_rows
from mvlm.transformer import check_counts


@dataclass(frozen=True, kw_only=True)
class CropConfig:
    """How pictures are cut. The defaults are Molmo's with CLIP ViT-L/14 at 336 pixels.

    `crop_size` is the side of each image the encoder sees and `patch_size` of its patches, in
    pixels. A crop overlaps its neighbours by `margin` patches on each side, so what it adds, its
    window, is `crop_size` less two margins. `pool` patches by `pool` become one cell.
    """

    crop_size: int = 336
    patch_size: int = 14
    margin: int = 4
    pool: int = 2
    max_crops: int = 12
    mean: Colour = CLIP_MEAN
    std: Colour = CLIP_STD

    def __post_init__(self) -> None:
        check_counts(
            crop_size=self.crop_size,
            patch_size=self.patch_size,
            pool=self.pool,
            max_crops=self.max_crops,
        )
        if self.crop_size % (self.patch_size * self.pool):
            raise ValueError(
                f"crop_size {self.crop_size} is no multiple of {self.patch_size}·{self.pool}, a "
                "pooled cell in pixels: change one of them"
            )
        if self.margin % self.pool or self.margin < 0:
            raise ValueError(
                f"margin {self.margin} is no multiple of pool {self.pool}: a cell would lie half "
                "inside"
            )
        if self.window < 1:
            raise ValueError(
                f"two margins of {self.margin} patches leave no window in a crop of "
                f"{self.crop_size} pixels: take a smaller margin"
            )

    @property
    def overlap(self) -> int:
        """Both margins of a crop, in pixels: 112."""
        return 2 * self.margin * self.patch_size

    @property
    def window(self) -> int:
        """What a crop adds to its neighbours, in pixels: 224."""
        return self.crop_size - self.overlap

    @property
    def patches(self) -> int:
        """Patches along a side of a crop, G: 24."""
        return self.crop_size // self.patch_size

    @property
    def cells(self) -> int:
        """Pooled cells along a side of a crop, C: 12."""
        return self.patches // self.pool

    def grid(self, tiling: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of cells of the picture in high resolution."""
        inner = self.window // (self.patch_size * self.pool)
        rows, columns = (inner * count + self.cells - inner for count in tiling)
        return rows, columns

    def size(self, tiling: tuple[int, int]) -> tuple[int, int]:
        """Height and width in pixels of the picture that the crops are cut from."""
        height, width = (self.window * count + self.overlap for count in tiling)
        return height, width


MOLMO = CropConfig()


def choose_tiling(
    height: int, width: int, max_crops: int = 12, *, crops: CropConfig = MOLMO
) -> tuple[int, int]:
    """Rows and columns of crops for a picture of `height`×`width` pixels.

    Every tiling of at most `max_crops` has a score: how many times as large its windows are as the
    picture less the overlap. If all scores are under 1, the largest wins: every tiling shrinks
    the picture, and this one least. Otherwise the smallest of at least 1 wins, which enlarges it
    least. Ties go to fewer crops.

    The score only chooses. `crop_image` then fits the whole picture into the whole frame,
    `crops.size(tiling)`, so the picture is scaled by another number.

    A picture no larger than the overlap gives a negative size to compare with, which, as in the
    released code, leads to a single crop.

    Args:
        height, width: of the picture in pixels.
        max_crops: rows times columns at most.
        crops: sizes of crops and margins.

    Raises:
        ValueError: a side or `max_crops` under 1.
    """
    if height < 1 or width < 1:
        raise ValueError(f"the picture is {height}×{width} pixels: pass one with at least 1×1")
    if max_crops < 1:
        raise ValueError(f"max_crops is {max_crops}: pass at least 1")
    inner = height - crops.overlap, width - crops.overlap
    scores = {
        tiling: min(
            crops.window * count / side if side else float("inf")
            for count, side in zip(tiling, inner, strict=True)
        )
        for tiling in _tilings(max_crops)
    }
    enlarging = {tiling: score for tiling, score in scores.items() if score >= 1}
    if enlarging:
        return min(enlarging, key=enlarging.get)  # the first of equals: fewest crops
    return max(scores, key=scores.get)


@lru_cache
def _tilings(max_crops: int) -> tuple[tuple[int, int], ...]:
    """All (rows, columns) with at most `max_crops` crops, fewest first."""
    sides = range(1, max_crops + 1)
    tilings = [(i, j) for i in sides for j in sides if i * j <= max_crops]
    return tuple(sorted(tilings, key=lambda tiling: (tiling[0] * tiling[1], tiling[0])))


def image_tokens(tiling: tuple[int, int], crops: CropConfig = MOLMO) -> list[str]:
    """The tokens that stand for a picture: its full image, then its crops as one picture.

    Each is `<im_start>`, a row of `<im_patch>` closed by `<im_col>` for every row of cells, and
    `<im_end>`. A 480×640 picture with Molmo's sizes, tiled (2, 3), takes 740 tokens.
    """
    tokens: list[str] = []
    for rows, columns in ((crops.cells, crops.cells), crops.grid(tiling)):
        tokens += [IM_START, *([IM_PATCH] * columns + [IM_COL]) * rows, IM_END]
    return tokens


def cell_order(tiling: tuple[int, int], crops: CropConfig = MOLMO) -> Int[Tensor, " patch_token"]:
    """For each patch token, which pooled cell it shows, counted over all K images.

    First the full image's C·C cells in raster order, then the picture in high resolution in
    raster order, each cell from the crop in whose window it lies; a crop at the picture's edge
    also gives its outer margin.
    """
    rows, columns = tiling
    full = torch.arange(crops.cells**2)
    crop_row, row = _owners(rows, crops)  # for each row of the picture: its crop, and where there
    crop_column, column = _owners(columns, crops)
    crop = 1 + crop_row[:, None] * columns + crop_column  # (R, S), the full image is number 0
    within = row[:, None] * crops.cells + column  # (R, S)
    return torch.cat((full, (crop * crops.cells**2 + within).flatten()))


def _owners(count: int, crops: CropConfig) -> tuple[Tensor, Tensor]:
    """Along one side: for each cell the crop it is taken from, and its place in that crop."""
    inner = crops.window // (crops.patch_size * crops.pool)
    margin = crops.margin // crops.pool
    cell = torch.arange(inner * count + 2 * margin)
    crop = ((cell - margin).div(inner, rounding_mode="floor")).clamp(0, count - 1)
    return crop, cell - crop * inner


@dataclass(frozen=True, kw_only=True)
class Crops:
    """A picture as the model takes it.

    Attributes:
        pixels: (K, 3, S, S), normalised: the full image first, then the crops row by row.
        masks: (K, G·G), the share of each patch that is picture and not padding, aligned with
            `pixels`: the full image's first.
        order: for each patch token its pooled cell, see `cell_order`.
        tokens: the picture as text, see `image_tokens`.
        tiling: rows and columns of crops.
    """

    pixels: Float[Tensor, "image 3 height width"]
    masks: Float[Tensor, "image patch"]
    order: Int[Tensor, " patch_token"]
    tokens: tuple[str, ...]
    tiling: tuple[int, int]


Size = tuple[int, int]


def fit_within(size: Size, room: Size) -> Size:
    """The largest (height, width) of the picture's shape in the room, both in pixels.

    In whole numbers: a scale in floating point can lose a row, 335.99 → 335.
    """
    (height, width), (new_height, new_width) = size, room
    if new_height * width <= new_width * height:
        return new_height, max(1, width * new_height // height)
    return max(1, height * new_width // width), new_width


def crop_image(
    picture: Image.Image | Float[Tensor, "3 height width"],
    crops: CropConfig = MOLMO,
    *,
    fit: Callable[[Size, Size], Size] = fit_within,
) -> Crops:
    """Cut a picture into the full image and its crops.

    It is scaled twice, keeping its shape (bilinear, antialiased): into one crop, and into the
    size of the tiling. What is left over is padded with black, in equal parts on both sides,
    before normalising.

    Args:
        picture: a Pillow image, or a tensor (3, H, W) between 0 and 1.
        crops: sizes of crops and margins.
        fit: gives the size to scale to, from the picture's and that of the room for it.

    Raises:
        TypeError, ValueError: no Pillow image and no tensor (3, H, W) of float32 or float64.
    """
    pixels = to_tensor(picture) if isinstance(picture, Image.Image) else picture
    if not isinstance(pixels, Tensor):
        raise TypeError(
            f"the picture is a {type(pixels).__name__}: pass a Pillow image, for an array "
            f"Image.fromarray(array), or a tensor (3, H, W)"
        )
    if not pixels.is_floating_point():
        raise TypeError(
            f"the picture holds {pixels.dtype} numbers: scale it, picture.float() / 255"
        )
    if pixels.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f"the picture is {pixels.dtype}, too coarse to scale: pass picture.float(), and "
            f"convert the crops' pixels afterwards"
        )
    if pixels.ndim != 3 or pixels.shape[0] != 3:
        raise ValueError(
            f"the picture is {tuple(pixels.shape)}, wanted (3, H, W) or a Pillow image"
        )
    tiling = choose_tiling(*pixels.shape[1:], crops.max_crops, crops=crops)
    side = crops.crop_size
    views, shares = [], []
    for room, step in (((side, side), side), (crops.size(tiling), crops.window)):
        inner = fit(tuple(pixels.shape[1:]), room)
        scaled, inside = _resize_and_pad(pixels, inner, room)  # (3, H, W), (1, H, W)
        views.append(_windows(normalise(scaled, crops.mean, crops.std), side, step))
        share = F.avg_pool2d(inside[None], crops.patch_size)[0]  # (1, rows, columns) of patches
        shares.append(_windows(share, crops.patches, step // crops.patch_size))
    return Crops(
        pixels=torch.cat(views),  # (K, 3, S, S)
        masks=torch.cat(shares).flatten(1),  # (K, 1, G, G) -> (K, G·G)
        order=cell_order(tiling, crops),
        tokens=tuple(image_tokens(tiling, crops)),
        tiling=tiling,
    )


def _windows(x: Tensor, side: int, step: int) -> Float[Tensor, "window channel side side"]:
    """All windows of `side`, `step` apart, row by row."""
    windows = x.unfold(1, side, step).unfold(2, side, step)  # (c, rows, columns, side, side)
    return rearrange(windows, "c rows columns h w -> (rows columns) c h w")


def _resize_and_pad(
    pixels: Float[Tensor, "3 height width"], inner: Size, room: Size
) -> tuple[Float[Tensor, "3 new_height new_width"], Float[Tensor, "1 new_height new_width"]]:
    """Scale to `inner`, centre on black; and a mask that is 1 on the picture."""
    scaled = F.interpolate(
        pixels[None], size=inner, mode="bilinear", antialias=True, align_corners=False
    )[0].clamp(0, 1)
    top, left = ((outer - side) // 2 for outer, side in zip(room, inner, strict=True))
    border = (left, room[1] - inner[1] - left, top, room[0] - inner[0] - top)
    return F.pad(scaled, border), F.pad(torch.ones_like(scaled[:1]), border)


def write_pictures(example: Example, pictures: Sequence[Crops], tokenizer: Tokenizer) -> Example:
    """Put each picture's tokens in the place of its image marker, with no loss on them.

    Args:
        example: a conversation with a marker for each picture, from `mvlm.chat.Chat`.
        pictures: in reading order.
        tokenizer: with Molmo's four picture tokens in its vocabulary.

    Raises:
        ValueError: more pictures than markers or fewer, or a token the tokenizer lacks.
    """
    markers = example.ids.count(IMAGE_MARKER)
    if markers != len(pictures):
        raise ValueError(
            f"{len(pictures)} pictures came for {markers} image markers: put one marker in the "
            "text for each picture"
        )
    following, ids, labels = iter(pictures), [], []
    for token, label in zip(example.ids, example.labels, strict=True):
        if token == IMAGE_MARKER:
            written = [tokenizer.token_id(name) for name in next(following).tokens]
            ids += written
            labels += [IGNORED] * len(written)
        else:
            ids.append(token)
            labels.append(label)
    return Example(ids=ids, labels=labels)


class AttentionPool(nn.Module):
    """Each 2×2 window of patches as one vector: attention whose query is the window's mean.

    Args:
        feature_width: of the patches' features, 2048 for two layers of CLIP ViT-L.
        width: of the pooled vectors, 1024.
        heads: 16.
        pool: patches along a side of a window.

    Raises:
        TypeError, ValueError: one of them is no whole number of at least 1, or the heads do not
            divide the width.
    """

    def __init__(self, feature_width: int, width: int, heads: int, *, pool: int = 2) -> None:
        super().__init__()
        check_counts(feature_width=feature_width, width=width, heads=heads, pool=pool)
        if width % heads:
            raise ValueError(f"width {width} does not divide into {heads} heads: change one")
        self.heads, self.pool = heads, pool
        self.query = nn.Linear(feature_width, width)
        self.key = nn.Linear(feature_width, width)
        self.value = nn.Linear(feature_width, width)
        self.out = nn.Linear(width, width)

    def forward(
        self, features: Float[Tensor, "image row column feature"]
    ) -> Float[Tensor, "image cell width"]:
        """Patches (K, G, G, F) → pooled cells (K, (G/pool)², width), in raster order.

        Raises:
            ValueError: no images, features of another width, or a grid the windows do not divide.
        """
        _check_features(features, self.query.in_features)
        images, rows, columns, _ = features.shape
        if rows % self.pool or columns % self.pool:
            raise ValueError(
                f"{rows}×{columns} patches do not divide into windows of {self.pool}×{self.pool}"
            )
        windows = rearrange(
            features, "k (r i) (c j) f -> (k r c) (i j) f", i=self.pool, j=self.pool
        )  # one window a row: its patches, then their features
        mean = windows.mean(dim=1, keepdim=True)  # (windows, 1, F)
        query, key, value = (
            rearrange(layer(x), "n t (h d) -> n h t d", h=self.heads)
            for layer, x in ((self.query, mean), (self.key, windows), (self.value, windows))
        )
        pooled = F.scaled_dot_product_attention(query, key, value)  # (windows, heads, 1, d)
        return self.out(rearrange(pooled, "(k n) h 1 d -> k n (h d)", k=images))


def _check_features(features: Tensor, width: int) -> None:
    if features.ndim != 4 or features.shape[3] != width or 0 in features.shape:
        raise ValueError(
            f"the patches' features are {tuple(features.shape)}, wanted (K, G, G, {width}) with at "
            f"least one image: give the module the width of all feature layers together"
        )


class Connector(nn.Module):
    """From patches' features to vectors of the language model's width.

    Two learnt vectors tell the model which patches are padding, whole or in part; then come
    `AttentionPool` and a projection with SwiGLU, without biases.

    Args:
        feature_width: of the patches' features.
        pool_width, heads: of the attention.
        mlp_width: of the projection's inner layer.
        width: of the language model.
        pool: patches along a side of a window.
    """

    def __init__(
        self,
        feature_width: int,
        *,
        pool_width: int,
        heads: int,
        mlp_width: int,
        width: int,
        pool: int = 2,
    ) -> None:
        super().__init__()
        check_counts(feature_width=feature_width, mlp_width=mlp_width, width=width)
        self.padding = nn.Parameter(torch.zeros(2, feature_width))  # whole, part
        self.pool = AttentionPool(feature_width, pool_width, heads, pool=pool)
        self.gate = nn.Linear(pool_width, mlp_width, bias=False)
        self.up = nn.Linear(pool_width, mlp_width, bias=False)
        self.down = nn.Linear(mlp_width, width, bias=False)

    def forward(
        self,
        features: Float[Tensor, "image row column feature"],
        masks: Float[Tensor, "image patch"],
    ) -> Float[Tensor, "image cell width"]:
        """Features (K, G, G, F) and shares of picture (K, G·G) → cells (K, C·C, D).

        Raises:
            ValueError: features of another width or no images, or masks of another shape.
        """
        _check_features(features, self.padding.shape[1])
        images, rows, columns, _ = features.shape
        if tuple(masks.shape) != (images, rows * columns):
            raise ValueError(
                f"masks are {tuple(masks.shape)}, wanted one share a patch: "
                f"{(images, rows * columns)}"
            )
        share = masks.unflatten(1, features.shape[1:3]).unsqueeze(-1)  # (K, G, G, 1)
        whole = share == 0
        part = (share < 1) & ~whole
        features = features + whole * self.padding[0] + part * self.padding[1]
        pooled = self.pool(features)
        return self.down(F.silu(self.gate(pooled)) * self.up(pooled))


def check_patch_tokens(here: Bool[Tensor, "batch token"], wanted: int, pictures: int) -> None:
    """Raise ValueError unless as many patch tokens came as the pictures take."""
    if (came := int(here.sum())) != wanted:
        raise ValueError(
            f"{came} patch tokens came for {pictures} pictures, which take {wanted}: put each "
            f"picture's tokens into the text once"
        )


def add_pictures(
    embeddings: Float[Tensor, "batch token width"],
    here: Bool[Tensor, "batch token"],
    cells: Float[Tensor, "cell width"],
) -> Float[Tensor, "batch token width"]:
    """Add the pictures' vectors, in reading order, to the tokens `here`."""
    added = torch.zeros_like(embeddings)
    added[here.to(embeddings.device)] = cells.to(embeddings.dtype)
    return embeddings + added


class Molmo(nn.Module):
    """A picture's encoder, a connector and a language model, all three trained.

    Args:
        vision: gives `encode(images).hidden_states`.
        connector: see `Connector`; its `feature_width` is that of all `feature_layers` together.
        language: see `mvlm.language.LanguageModel`.
        patch_id: the id of `<im_patch>`, to whose embeddings the pictures are added.
        feature_layers: which of the L + 1 hidden states are joined: for Molmo's 24 layers the
            third and the tenth from last, what blocks 22 and 15 leave.
    """

    def __init__(
        self,
        vision: nn.Module,
        connector: Connector,
        language: LanguageModel,
        *,
        patch_id: int,
        feature_layers: tuple[int, ...] = (-3, -10),
    ) -> None:
        super().__init__()
        if not 0 <= patch_id < language.embedding.num_embeddings:
            raise ValueError(
                f"patch_id {patch_id} is outside the vocabulary, 0 to "
                f"{language.embedding.num_embeddings - 1}: pass the id of {IM_PATCH}"
            )
        self.vision: Vision = vision
        self.connector = connector
        self.language = language
        self.patch_id = patch_id
        self.feature_layers = feature_layers

    def features(self, pictures: Sequence[Crops]) -> Float[Tensor, "patch_token width"]:
        """The vector of every patch token of the pictures, in reading order.

        Raises:
            ValueError: there is no picture, or a feature layer that the encoder lacks.
        """
        if not pictures:
            raise ValueError("no picture came: pass at least one, as crop_image gives it")
        device, dtype = self.language.embedding.weight.device, self.connector.padding.dtype
        pixels = torch.cat([picture.pixels for picture in pictures]).to(device, dtype)  # K 3 S S
        masks = torch.cat([picture.masks for picture in pictures]).to(device)  # (K, G·G)
        states = self.vision.encode(pixels).hidden_states
        outside = [n for n in self.feature_layers if not -len(states) <= n < len(states)]
        if outside:
            raise ValueError(
                f"feature_layers names {outside[0]}, the encoder gives {len(states)} hidden "
                f"states: take {-len(states)} to {len(states) - 1}"
            )
        layers = [states[layer][:, 1:] for layer in self.feature_layers]  # without class token
        features = torch.cat(layers, dim=-1)  # (K, G·G, F)
        side = round(features.shape[1] ** 0.5)
        cells = self.connector(features.unflatten(1, (side, side)), masks)  # (K, C·C, D)
        starts = _starts([len(picture.pixels) * cells.shape[1] for picture in pictures])
        order = torch.cat(
            [start + picture.order for start, picture in zip(starts, pictures, strict=True)]
        )
        return cells.flatten(0, 1)[order.to(device)]  # (patch tokens, D)

    def embed(
        self, pictures: Sequence[Crops], ids: Int[Tensor, "batch token"]
    ) -> Float[Tensor, "batch token width"]:
        """Embed the tokens, and add each picture to its patch tokens.

        Args:
            pictures: all pictures of the batch, in reading order.
            ids: tokens, with each picture's `tokens` where it belongs.

        Raises:
            ValueError: the patch tokens are not those of the pictures.
        """
        here = ids == self.patch_id
        check_patch_tokens(here, sum(len(picture.order) for picture in pictures), len(pictures))
        embeddings = self.language.embed(ids)  # (B, T, D)
        return add_pictures(embeddings, here, self.features(pictures)) if pictures else embeddings

    def forward(
        self,
        pictures: Sequence[Crops],
        ids: Int[Tensor, "batch token"],
        labels: Int[Tensor, "batch token"] | None = None,
        *,
        attention_mask: Tensor | None = None,
    ) -> Output:
        """Score every next token; with labels, also the mean loss over those that are not -100."""
        embeddings = self.embed(pictures, ids)
        logits = self.language(embeddings=embeddings, attention_mask=attention_mask)
        loss = None if labels is None else next_token_loss(logits, labels.to(logits.device))
        if attention_mask is None:
            attention_mask = torch.ones_like(ids, dtype=torch.bool)
        return Output(logits=logits, attention_mask=attention_mask.bool(), loss=loss)

    def generate(
        self, pictures: Sequence[Crops], prompts: Sequence[Sequence[int]], **options
    ) -> list[list[int]]:
        """Answer each prompt: new tokens a row; `options` are those of `mvlm.generation.stream`."""
        return generate(self.language, **self._prefill(pictures, prompts), **options)

    def stream(
        self, pictures: Sequence[Crops], prompts: Sequence[Sequence[int]], **options
    ) -> Iterator[list[int | None]]:
        """As `generate`, one token a row at a time."""
        return stream(self.language, **self._prefill(pictures, prompts), **options)

    @torch.inference_mode()
    def _prefill(
        self, pictures: Sequence[Crops], prompts: Sequence[Sequence[int]]
    ) -> dict[str, Tensor]:
        if not len(prompts) or not all(len(row) for row in prompts):
            raise ValueError("a prompt is empty: pass at least one token a row")
        ids, mask = pad_rows(prompts, 0 if self.patch_id else 1, side="left")
        return {"embeddings": self.embed(pictures, ids), "attention_mask": mask}


def _starts(lengths: Sequence[int]) -> list[int]:
    """Where each of several stretches starts when they are laid end to end."""
    starts, total = [], 0
    for length in lengths:
        starts.append(total)
        total += length
    return starts
