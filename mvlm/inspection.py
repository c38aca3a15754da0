"""Inside a ViT: what its filters, its positions and its attention learnt.

Chapter 04. The four measurements of Dosovitskiy et al. 2020, section 4.5, figures 6, 7 and 11 and
appendix D.7-D.8. Each takes plain tensors: a weight, a table, or the attentions that
`vit.encode(images, attentions=True)` returns. `deletion_curve` asks whether a map of importance
means anything: it hides what the map marks and watches the answer. `with_attention` asks whether
an answer needs a layer's attention as it is: it puts another in its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mvlm.patches import patchify, unpatchify
from mvlm.transformer import Attention
from mvlm.vit import ViT

Attentions = Sequence[Float[Tensor, "batch head token token"]]


def filter_components(
    weight: Float[Tensor, "filter dim"], *, components: int = 28, channels: int = 3
) -> Float[Tensor, "component channel height width"]:
    """The directions in pixel space along which a patch projection's filters vary most.

    Figure 7, left: "RGB embedding filters, first 28 principal components". The D filters are the
    points and the C·P·P pixels their coordinates: centre over the filters, then take the first
    right singular vectors. (The analysis of the transposed matrix is a common error: its vectors
    have D numbers and are no pictures.)

    Args:
        weight: (D, C·P·P), as `vit.patches.projection.weight`.
        components: how many, at most D and C·P·P.
        channels: C.

    Returns:
        (components, C, P, P), each of length 1, its largest number positive, the most important
        first. `unit_range` scales them for display.

    Raises:
        ValueError: the rows are not C·P·P long, or more components are wanted than there are.
    """
    if weight.ndim != 2:
        raise ValueError(f"the weight is {tuple(weight.shape)}, wanted (D, C·P·P): flatten(1) it")
    side = math.isqrt(weight.shape[1] // channels)
    if channels * side * side != weight.shape[1]:
        raise ValueError(
            f"a filter of {weight.shape[1]} numbers is no square of {channels} channels: "
            f"check channels"
        )
    if not 1 <= components <= min(weight.shape):
        raise ValueError(
            f"{components} components of a {weight.shape[0]}×{weight.shape[1]} matrix: "
            f"ask for 1 to {min(weight.shape)}"
        )
    centred = weight.detach().double() - weight.detach().double().mean(dim=0)
    directions = torch.linalg.svd(centred, full_matrices=False).Vh[:components]  # k C·P·P
    # A singular vector's sign is arbitrary; fix it, so that the picture is always the same.
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))  # k 1
    directions = directions * largest.sign()
    return directions.reshape(components, channels, side, side).to(weight.dtype)  # k C P P


def unit_range(
    pictures: Float[Tensor, "picture channel height width"],
) -> Float[Tensor, "picture channel height width"]:
    """Each picture stretched to run from 0 to 1, all its channels together; a flat one gives 0.

    The paper does not say how it scaled its figure 7; this is the usual choice.
    """
    low = pictures.amin(dim=(1, 2, 3), keepdim=True)  # k 1 1 1
    high = pictures.amax(dim=(1, 2, 3), keepdim=True)  # k 1 1 1
    spread = (high - low).where(high > low, torch.ones_like(high))
    return (pictures - low) / spread


def neighbour_correlation(
    pictures: Float[Tensor, "picture channel height width"],
) -> Float[Tensor, " picture"]:
    """How smooth each picture is: the correlation of neighbouring pixels, mean of across and down.

    Each channel's mean is taken out first, for plain colour is smooth without any edge. Noise gives
    about 0.
    """
    tiles = pictures - pictures.mean(dim=(2, 3), keepdim=True)
    across = _correlation(tiles[..., :-1].flatten(1), tiles[..., 1:].flatten(1))  # k
    down = _correlation(tiles[..., :-1, :].flatten(1), tiles[..., 1:, :].flatten(1))  # k
    return (across + down) / 2


def position_similarity(
    positions: Float[Tensor, "place width"], grid: tuple[int, int]
) -> Float[Tensor, "row column row column"]:
    """How alike the learned positions are: the cosine of each place with each other one.

    Figure 7, centre. A row that stands for the class token is left out.

    Args:
        positions: (N, D), or (1+N, D) with the class row first, as `vit.positions`.
        grid: rows and columns of patches.

    Returns:
        (rows, columns, rows, columns): [r, c] is the picture of place (r, c); itself is 1 there.

    Raises:
        ValueError: the table does not fit the grid.
    """
    rows, columns = grid
    count = rows * columns
    if positions.ndim != 2 or len(positions) - count not in (0, 1):
        raise ValueError(
            f"a {rows}×{columns} grid has {count} places, the table is {tuple(positions.shape)}: "
            f"pass ({count}, D), or ({count + 1}, D) with a class row"
        )
    places = F.normalize(positions.detach()[-count:], dim=1)  # N D
    return (places @ places.T).reshape(rows, columns, rows, columns)  # N N -> r c r c


def share_explained(values: Float[Tensor, " n"], groups: Tensor) -> float:
    """Share of the values' variance that lies between groups: 1 if each group has one value.

    Args:
        values: n numbers.
        groups: the group of each, by any number.
    """
    inner = sum(
        (values[groups == one] - values[groups == one].mean()).square().sum()
        for one in groups.unique()
    )
    return 1 - (inner / (values - values.mean()).square().sum()).item()


def attention_rollout(
    attentions: Attentions, grid: tuple[int, int], *, residual: float = 1.0
) -> Float[Tensor, "batch row column"]:
    """How much each patch reaches the class token through all the layers.

    Figure 6 and appendix D.8, after Abnar and Zuidema 2020, section 3: average the heads, add the
    residual path as an identity, let each row sum to 1 again, and multiply the layers, the later
    one on the left.

    Args:
        attentions: L tensors (B, H, 1+N, 1+N), the class token first.
        grid: rows and columns of patches.
        residual: weight of the identity beside the attention's 1. Abnar and Zuidema take 1, half
            of each; ViT's text does not mention it, and 0 leaves it out.

    Returns:
        (B, rows, columns): the class token's row without its own column.

    Raises:
        ValueError: no attentions came, or they do not fit the grid or one another.
    """
    _check_attentions(attentions, grid, class_tokens=(1,))
    joint = None
    for attention in attentions:
        layer = attention.float().mean(dim=1)  # B T T
        layer = layer + residual * torch.eye(layer.shape[-1]).to(layer)
        layer = layer / layer.sum(dim=-1, keepdim=True)  # without keepdim, columns would be divided
        joint = layer if joint is None else layer @ joint  # B T T
    return joint[:, 0, 1:].reshape(-1, *grid)  # B N -> B r c


def attention_distance(
    attentions: Attentions, grid: tuple[int, int], patch_size: int
) -> Float[Tensor, "layer head"]:
    """How far each head looks, in pixels: its attention's mean distance in the image.

    Figure 7, right, and figure 11: the distance between the query's and the key's patch centres,
    weighted by attention, averaged over queries and images. Attention between patches counts
    alone; without the class token's share it is made to sum to 1 again. A query that gives the
    patches nothing counts as 0.

    Args:
        attentions: L tensors (B, H, T, T), with T = N, or T = 1+N and the class token first.
        grid: rows and columns of patches.
        patch_size: side of a patch in pixels.

    Returns:
        (L, H) pixels. Looking only at oneself gives 0; looking everywhere alike on a 14×14 grid
        of 16 pixels gives 116.492.

    Raises:
        ValueError: no attentions came, or they do not fit the grid.
    """
    _check_attentions(attentions, grid, class_tokens=(0, 1))
    rows, columns = grid
    count = rows * columns
    centres = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))  # N 2
    centres = patch_size * centres.float().to(attentions[0].device)
    distances = torch.cdist(centres, centres, compute_mode="donot_use_mm_for_euclid_dist")  # N N
    layers = []
    for attention in attentions:
        patches = attention[:, :, -count:, -count:].float()  # B H N N
        total = patches.sum(dim=-1).clamp_min(torch.finfo(patches.dtype).tiny)  # B H N
        reach = (patches * distances).sum(dim=-1) / total  # B H N
        layers.append(reach.mean(dim=(0, 2)))  # H
    return torch.stack(layers)  # L H


def ranks(maps: Float[Tensor, "batch ..."]) -> Int[Tensor, "batch places"]:
    """The rank of each place of each map (B, N), 0 for the smallest number; ties as they stand."""
    return maps.flatten(1).argsort(dim=1, stable=True).argsort(dim=1)


def rank_correlation(
    a: Float[Tensor, "batch ..."], b: Float[Tensor, "batch ..."]
) -> Float[Tensor, " batch"]:
    """Of two maps of each picture: 1 for the same order of places, -1 for the reverse."""
    return _correlation(ranks(a).float(), ranks(b).float())


def by_steps(
    attention: Float[Tensor, "*batch token token"], grid: tuple[int, int]
) -> Float[Tensor, "*batch token token"]:
    """Attention as a convolution has it: one weight for all pairs that are the same step apart.

    The weights between patches become their means over all pairs with the same step, those of the
    class token stay, and each row sums to 1 again: at the edge some steps are missing.

    Args:
        attention: (..., 1+N, 1+N), the class token first.
        grid: rows and columns of patches.
    """
    rows, columns = torch.cartesian_prod(*map(torch.arange, grid)).T  # N, N
    # A number for each step, no two steps alike.
    step = 2 * grid[1] * (rows - rows[:, None]) + columns - columns[:, None]  # N N
    same = attention.clone()
    patches = attention[..., 1:, 1:]  # ... N N
    for one in step.unique():
        pairs = step == one  # N N
        same[..., 1:, 1:][..., pairs] = patches[..., pairs].mean(dim=-1, keepdim=True)
    return same / same.sum(dim=-1, keepdim=True)


@torch.no_grad()
def with_attention(
    vit: ViT,
    images: Float[Tensor, "batch channel height width"],
    layer: int,
    tables: Float[Tensor, "#batch head token token"],
) -> Float[Tensor, "batch classes"]:
    """The logits of a ViT whose layer takes these weights in place of those that it computes.

    Args:
        vit: in evaluation mode.
        images: as the model takes them.
        layer: which one, from 0.
        tables: (B, H, 1+N, 1+N), or (1, H, 1+N, 1+N) for all pictures alike.
    """

    def replace(attention: Attention, given: tuple[Tensor], result: Tensor) -> Tensor:
        value = attention.qkv(given[0]).split(attention.rows, dim=-1)[2]  # B T H·d
        value = value.unflatten(-1, (attention.heads, -1)).transpose(1, 2)  # B H T d
        gathered = (tables @ value).transpose(1, 2).flatten(2)  # B T H·d
        return attention.out(gathered)[:, : result.shape[1]]  # the last block asks for one token

    hook = vit.transformer.blocks[layer].attention.register_forward_hook(replace)
    try:
        return vit(images)
    finally:
        hook.remove()


@torch.no_grad()
def deletion_curve(
    model: Callable[[Tensor], Tensor],
    images: Float[Tensor, "batch channel height width"],
    ranking: Int[Tensor, "batch patch"],
    patch_size: int,
    counts: Sequence[int],
) -> Float[Tensor, "count batch"]:
    """How sure the model stays of its answer while the patches that a map marks are hidden.

    The "deletion" measure of Petsiuk et al. 2018 ("RISE", section 4.2), by patches in place of
    pixels. The answer is the one the model gives for the whole picture. A hidden patch gets the
    mean colour of its own picture: a colour of the picture's own range.

    Args:
        model: images (B, C, H, W) to logits (B, classes); in evaluation mode.
        images: as the model takes them.
        ranking: the N patches of each picture in the order in which they are hidden, first the
            one that is said to matter most: `map.flatten(1).argsort(1, descending=True)`.
        patch_size: side of a patch in pixels.
        counts: how many patches are hidden, a row of the result for each; from 0 to N.

    Returns:
        (counts, B): the probability of each picture's answer.

    Raises:
        ValueError: a ranking that does not name each patch of each picture once, or a count beyond
            N.
    """
    patches = patchify(images, patch_size)  # B N P·P·C
    places = patches.shape[1]
    wanted = torch.arange(places, device=ranking.device).expand(len(images), -1)
    if ranking.shape != wanted.shape or not torch.equal(ranking.sort(dim=1).values, wanted):
        raise ValueError(
            f"the ranking is {tuple(ranking.shape)}, wanted ({len(images)}, {places}) with each of "
            f"0 to {places - 1} once in a row: map.flatten(1).argsort(1, descending=True)"
        )
    if outside := [count for count in counts if not 0 <= count <= places]:
        raise ValueError(f"{outside[0]} of {places} patches cannot be hidden: give 0 to {places}")
    mean = images.mean(dim=(2, 3), keepdim=True).expand_as(images)  # B C H W
    blank = patchify(mean, patch_size)  # B N P·P·C
    answers = model(images).argmax(dim=1, keepdim=True)  # B 1
    # When each patch is hidden: 0 is the first of all.
    turn = ranking.argsort(dim=1)[..., None].to(images.device)  # B N 1
    rows = []
    for count in counts:
        kept = torch.where(turn < count, blank, patches)  # B N P·P·C
        shown = unpatchify(kept, patch_size, tuple(images.shape[2:]))  # B C H W
        rows.append(model(shown).softmax(dim=1).gather(1, answers)[:, 0])  # B
    return torch.stack(rows)  # counts B


def _correlation(a: Float[Tensor, "row n"], b: Float[Tensor, "row n"]) -> Float[Tensor, " row"]:
    """Of the numbers of each row."""
    centred = (x - x.mean(dim=1, keepdim=True) for x in (a, b))
    return F.cosine_similarity(*centred, dim=1)


def _check_attentions(
    attentions: Attentions, grid: tuple[int, int], class_tokens: tuple[int, ...]
) -> None:
    if len(attentions) == 0:
        raise ValueError("no attentions came: ask for them, vit.encode(images, attentions=True)")
    count = grid[0] * grid[1]
    wanted = [count + extra for extra in class_tokens]
    for attention in attentions:
        shape = attention.shape
        if attention.ndim != 4 or shape[3] not in wanted or shape[2] != shape[3]:
            raise ValueError(
                f"attention is {tuple(attention.shape)}, wanted (B, H, T, T) with T = "
                f"{' or '.join(map(str, wanted))} for a {grid[0]}×{grid[1]} grid: check the grid"
            )
        if shape[0] != len(attentions[0]):
            raise ValueError(
                f"the layers' attentions are of {len(attentions[0])} and of {shape[0]} images: "
                f"pass those of one batch"
            )
