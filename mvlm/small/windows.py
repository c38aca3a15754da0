"""A large picture of small things, seen through windows of CLIP's tower: the course's Molmo.

Chapter 11. `mvlm.molmo` cuts a picture as Molmo does: the full image and crops that overlap. The
course's tower, though, knows one thing at a time, so what stands for a patch here is a window
twice as wide around it, sent through the whole tower. Neighbouring windows overlap by half: a
thing that one window cuts is whole in the next. Three by three of them are pooled to one vector.

A tower that sees one window cannot know where it lies, so its place in the ORIGINAL picture, in
hundredths as points are written, stands beside its features.

Letters: K images (the full one and the crops), G×G windows each, U different windows, N patch
tokens, P×P windows pooled to each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor, nn

from mvlm.language import LanguageModel
from mvlm.molmo import (
    Connector,
    CropConfig,
    Crops,
    Molmo,
    add_pictures,
    check_patch_tokens,
    crop_image,
)
from mvlm.tokenizer import IM_END
from mvlm.vit import ViT

COURSE_CROPS = CropConfig(crop_size=192, patch_size=16, margin=3, pool=3, max_crops=12)
"""For pictures with things of 16 to 24 pixels: a window is 32 wide, a patch token 48."""

PLACE_SIZE = 4.0
"""What a window's place says, beside features of about 1."""
PLACE_STEP = 5  # hundredths of the picture from one mark to the next
PLACE_WIDTH = 2 * (100 // PLACE_STEP + 1)


class Windows(nn.Module):
    """What the tower makes of a picture's windows, on one scale for all of them.

    Two layers are joined, as in Molmo: the last one's class token, which knows what is there, and
    the last but one's patch tokens, averaged by quarter, which know where. `scale` then brings
    them to their principal components, each of size 1; it is worked out from some pictures
    (`fit_`) and never trained.

    Args:
        tower: CLIP's, of square images.
        width: how many principal components are kept.
    """

    def __init__(self, tower: ViT, width: int) -> None:
        super().__init__()
        self.tower = tower
        self.scale = nn.Linear(5 * tower.config.width, width)
        self.requires_grad_(False)

    @property
    def width(self) -> int:
        """Of a window's features, its place included."""
        return self.scale.out_features + PLACE_WIDTH + 2

    @torch.no_grad()
    def look(
        self, windows: Float[Tensor, "window 3 side side"], batch_size: int = 256
    ) -> Float[Tensor, "window feature"]:
        """Windows of any size through the tower; not yet on one scale."""
        looked = []
        for part in windows.split(batch_size):
            size = self.tower.config.image_size
            part = F.interpolate(part, size, mode="bilinear", align_corners=False)
            *_, before, last = self.tower.encode(part).hidden_states  # (U, 1 + patches, W) each
            patches = before[:, 1:].unflatten(1, self.tower.config.grid)
            quarters = F.adaptive_avg_pool2d(patches.permute(0, 3, 1, 2), 2)  # (U, W, 2, 2)
            looked.append(torch.cat((last[:, 0], quarters.flatten(1)), dim=1))
        return torch.cat(looked)

    @torch.no_grad()
    def fit_(self, looked: Float[Tensor, "window feature"]) -> None:
        """Set `scale` to the principal components of these features."""
        mean = looked.mean(dim=0)
        _, sizes, directions = torch.linalg.svd(looked - mean, full_matrices=False)
        kept = directions[: self.scale.out_features]  # (width, features)
        sizes = sizes[: len(kept), None] / len(looked) ** 0.5
        self.scale.weight.zero_()
        self.scale.weight[: len(kept)] = kept / sizes.clamp(min=1e-2 * float(sizes[0]))
        self.scale.bias.copy_(-self.scale.weight @ mean)


@dataclass(frozen=True, kw_only=True)
class PlacedCrops(Crops):
    """Crops that know where they were cut.

    Attributes:
        places: (K, G·G, 2), the centre of each patch: x and y in hundredths of the original.
    """

    places: Float[Tensor, "image patch 2"]


def placed_crops(picture: Image.Image | Tensor, crops: CropConfig = COURSE_CROPS) -> PlacedCrops:
    """As `mvlm.molmo.crop_image`, with the place of every patch."""
    cut = crop_image(picture, crops)
    if isinstance(picture, Image.Image):
        width, height = picture.size
    else:
        height, width = picture.shape[1:]
    return PlacedCrops(**vars(cut), places=patch_places((height, width), cut.tiling, crops))


def patch_places(
    size: tuple[int, int], tiling: tuple[int, int], crops: CropConfig
) -> Float[Tensor, "image patch 2"]:
    """Where each patch's centre lies in a picture of (height, width), in hundredths.

    Patches on the padding lie outside 0 to 100.
    """
    views = []
    side = crops.crop_size
    for (height, width), step in (
        ((side, side), side),
        (crops.size(tiling), crops.window),
    ):
        scale = min(height / size[0], width / size[1])
        axes = []
        for new, old in ((height, size[0]), (width, size[1])):
            start = (new - scale * old) / 2  # the padding before the picture
            centres = (torch.arange(new // crops.patch_size) + 0.5) * crops.patch_size
            axes.append(100 * (centres - start) / (scale * old))
        y, x = torch.meshgrid(*axes, indexing="ij")
        places = torch.stack((x, y))  # (2, rows, columns)
        count = step // crops.patch_size
        views.append(
            rearrange(
                places.unfold(1, crops.patches, count).unfold(2, crops.patches, count),
                "xy rows columns h w -> (rows columns) (h w) xy",
            )
        )
    return torch.cat(views)


def place_features(places: Float[Tensor, "*shape 2"]) -> Float[Tensor, "*shape feature"]:
    """x and y, each as marks every five hundredths: the two nearest share it between them.

    25 is all on one mark and 27 is 0.6 there and 0.4 on the next, so that a matrix can read any
    function of the place that is straight from mark to mark.
    """
    marks = torch.arange(0, 101, PLACE_STEP, device=places.device)
    near = 1 - (places.clamp(0, 100)[..., None] - marks).abs() / PLACE_STEP  # (…, 2, marks)
    return PLACE_SIZE * near.clamp(min=0).flatten(-2)


def steps(
    places: Float[Tensor, "patch_token pooled 2"],
) -> Float[Tensor, "patch_token pooled 2"]:
    """How far it is from one window to the next, in x and in y, beside features of about 1.

    From it follows how much of the picture a window shows: of the whole picture more than of its
    crops, and of a narrow picture more than of a wide one.
    """
    step = places[:, -1] - places[:, 0]  # from corner to corner of the pooled windows
    return (step / 2 / PLACE_SIZE).unsqueeze(1).expand_as(places)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A picture after the frozen tower: all that training needs of it.

    Attributes:
        looked: (U, features), of each DIFFERENT window once: most show the same background.
        windows: (N, P·P), which of them are pooled to each patch token.
        places: (N, P·P, 2), where these lie.
        shares: (N, P·P), how much of each patch is picture and not padding.
        full: how many patch tokens belong to the full image.
        tokens: the picture as text.
    """

    looked: Float[Tensor, "different feature"]
    windows: Int[Tensor, "patch_token pooled"]
    places: Float[Tensor, "patch_token pooled 2"]
    shares: Float[Tensor, "patch_token pooled"]
    full: int
    tokens: tuple[str, ...]

    def only(self, chosen: Int[Tensor, " chosen"]) -> Seen:
        """These patch tokens alone, as many as there are; text and view are left as they are."""
        return Seen(
            **vars(self)
            | {name: getattr(self, name)[chosen] for name in ("windows", "places", "shares")}
        )

    def one_view(self) -> Seen:
        """The downscaled picture alone, without its crops."""
        return Seen(
            looked=self.looked[: int(self.windows[: self.full].max()) + 1],  # seen first
            windows=self.windows[: self.full],
            places=self.places[: self.full],
            shares=self.shares[: self.full],
            full=self.full,
            tokens=self.tokens[: self.tokens.index(IM_END) + 1],
        )


def see(vision: Windows, picture: PlacedCrops, crops: CropConfig = COURSE_CROPS) -> Seen:
    """Send a picture's windows through the tower, each different one once."""
    half = crops.patch_size // 2
    padded = F.pad(picture.pixels, (half,) * 4, mode="replicate")
    windows = padded.unfold(2, 2 * crops.patch_size, crops.patch_size)
    windows = windows.unfold(3, 2 * crops.patch_size, crops.patch_size)
    windows = rearrange(windows, "k c r s h w -> (k r s) c h w")
    by_token = pooled(torch.arange(len(windows)).view(len(padded), -1, 1), picture.order, crops)
    by_token = by_token[..., 0]  # (N, P·P)
    # Scaling rounds: what is equal to within 1/32 is taken for equal.
    coarse = (windows * 32).round().to(torch.int8).flatten(1).numpy()
    number: dict[bytes, int] = {}
    first, which = [], torch.zeros(len(windows), dtype=torch.int32)
    for i in by_token.flatten().tolist():
        key = coarse[i].tobytes()
        if key not in number:
            number[key] = len(first)
            first.append(i)
        which[i] = number[key]
    return Seen(
        looked=vision.look(windows[first]),
        windows=which[by_token],
        places=pooled(picture.places, picture.order, crops),
        shares=pooled(picture.masks[..., None], picture.order, crops)[..., 0],
        full=crops.cells**2,
        tokens=picture.tokens,
    )


def pooled(
    values: Tensor, order: Int[Tensor, " patch_token"], crops: CropConfig
) -> Float[Tensor, "patch_token pooled value"]:
    """Values of all patches (K, G·G, v), by the patch token they are pooled to: (N, P·P, v)."""
    cells = rearrange(
        values,
        "k (r i c j) v -> (k r c) (i j) v",
        r=crops.cells,
        c=crops.cells,
        i=crops.pool,
        j=crops.pool,
    )
    return cells[order]


class WindowedMolmo(Molmo):
    """Molmo with `Windows` for its encoder.

    Args:
        vision: frozen.
        connector: of `vision.width`, pooling as `crops` says.
        language, patch_id: as for `mvlm.molmo.Molmo`.
        crops: how pictures are cut.
    """

    def __init__(
        self,
        vision: Windows,
        connector: Connector,
        language: LanguageModel,
        *,
        patch_id: int,
        crops: CropConfig = COURSE_CROPS,
    ) -> None:
        super().__init__(vision, connector, language, patch_id=patch_id, feature_layers=())
        self.crops = crops

    def features(
        self, pictures: Sequence[PlacedCrops | Seen]
    ) -> Float[Tensor, "patch_token width"]:
        """The vector of every patch token of the pictures, in reading order.

        Pictures that went through the tower before (`see`) need not go again.
        """
        if not pictures:
            raise ValueError("no picture came: pass at least one, as placed_crops gives it")
        seen = [
            one if isinstance(one, Seen) else see(self.vision, one, self.crops) for one in pictures
        ]
        device = self.language.embedding.weight.device
        looked = torch.cat([one.looked for one in seen]).to(device).float()  # (U, features)
        starts = accumulate((len(one.looked) for one in seen), initial=0)
        windows = torch.cat([one.windows + s for one, s in zip(seen, starts, strict=False)])
        places = torch.cat([one.places for one in seen]).to(device)  # (N, P·P, 2)
        shares = torch.cat([one.shares for one in seen]).to(device)  # (N, P·P)
        features = self.vision.scale(looked)[windows.to(device)]  # (N, P·P, F)
        features = torch.cat((features, place_features(places), steps(places)), dim=-1)
        features = features.unflatten(1, (self.crops.pool, self.crops.pool))  # (N, P, P, F)
        return self.connector(features, shares)[:, 0]  # (N, 1, D) -> (N, D)

    def embed(
        self, pictures: Sequence[PlacedCrops | Seen], ids: Int[Tensor, "batch token"]
    ) -> Float[Tensor, "batch token width"]:
        """Embed the tokens, and add each picture to its patch tokens: see `Molmo.embed`."""
        here, cells = ids == self.patch_id, self.features(pictures)
        check_patch_tokens(here, len(cells), len(pictures))
        return add_pictures(self.language.embed(ids), here, cells)
