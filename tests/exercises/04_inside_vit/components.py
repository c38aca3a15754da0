"""Right and wrong answers to components."""

import math

import numpy as np
import torch
from einops import rearrange

from bank import mistake, right


def turned(directions):
    """Rows with their largest number positive."""
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    return directions * largest.sign()


def folded(directions, channels):
    side = math.isqrt(directions.shape[1] // channels)
    return directions.reshape(len(directions), channels, side, side)


@right("As the solutions write it.")
def master(weight, k, channels):
    centred = weight - weight.mean(dim=0)
    directions = torch.linalg.svd(centred, full_matrices=False).Vh[:k]
    return folded(turned(directions), channels)


@right("Eigenvectors of the covariance.")
def covariance(weight, k, channels):
    scatter = torch.cov(weight.double().T, correction=0)
    vectors = torch.linalg.eigh(scatter).eigenvectors
    return folded(turned(vectors.flip(1)[:, :k].T), channels).to(weight.dtype)


@right("NumPy's SVD, signs in a loop, einops.")
def numpy(weight, k, channels):
    table = weight.numpy().astype(np.float64)
    _, _, rows = np.linalg.svd(table - table.mean(axis=0), full_matrices=True)
    rows = rows[:k]
    for row in rows:
        if abs(row.min()) > row.max():
            row *= -1
    side = int((rows.shape[1] / channels) ** 0.5 + 0.5)
    pictures = rearrange(rows, "k (c h w) -> k c h w", c=channels, h=side)
    return torch.from_numpy(pictures.copy()).to(weight.dtype)


@right("From U: the filters' own mixtures, brought to length 1.")
def by_mixtures(weight, k, channels):
    x = weight.double() - weight.double().mean(0, keepdim=True)
    values, vectors = torch.linalg.eigh(x @ x.T)
    order = values.argsort(descending=True)[:k]
    rows = vectors[:, order].T @ x
    rows = rows / rows.norm(dim=1, keepdim=True)
    return folded(turned(rows), channels).to(weight.dtype)


@mistake("Not centred.", fails="comp-centred, comp-channels", says="mean was not taken off")
def uncentred(weight, k, channels):
    return folded(turned(torch.linalg.svd(weight, full_matrices=False).Vh[:k]), channels)


@mistake(
    "Centred over pixels.",
    fails="comp-centred, comp-channels, comp-few, comp-lines, comp-sign",
    says="own mean over its pixels",
)
def over_pixels(weight, k, channels):
    centred = weight - weight.mean(dim=1, keepdim=True)
    return folded(turned(torch.linalg.svd(centred, full_matrices=False).Vh[:k]), channels)


@mistake(
    "Centred over filters and over pixels.",
    fails="comp-centred, comp-channels, comp-few, comp-lines, comp-sign",
    says="own mean over its pixels",
)
def centred_twice(weight, k, channels):
    centred = weight - weight.mean(dim=1, keepdim=True)
    return master(centred, k, channels)


@mistake(
    "The whole weight's mean is taken off.",
    fails="comp-centred, comp-channels",
    says="1 − |cosine| of component",
)
def one_mean(weight, k, channels):
    centred = weight - weight.mean()
    return folded(turned(torch.linalg.svd(centred, full_matrices=False).Vh[:k]), channels)


@mistake(
    "Columns of U.",
    fails="comp-centred, comp-channels, comp-few, comp-lines, comp-sign",
    says="a component has 16 as well",
)
def columns_of_u(weight, k, channels):
    u = torch.linalg.svd(weight - weight.mean(0), full_matrices=False).U
    return u[:, :k].T


@mistake(
    "Columns of V taken for its rows.",
    fails="comp-centred, comp-channels, comp-few, comp-lines, comp-sign",
    says="1 − |cosine| of component",
)
def columns_of_v(weight, k, channels):
    rows = torch.linalg.svd(weight - weight.mean(0), full_matrices=True).Vh
    return folded(turned(rows[:, :k].T), channels)


@mistake("Folded as h, w, c.", fails="comp-channels, comp-few", says="folded as h, w, c")
def channels_last(weight, k, channels):
    rows = turned(torch.linalg.svd(weight - weight.mean(0), full_matrices=False).Vh[:k])
    side = math.isqrt(rows.shape[1] // channels)
    return rows.reshape(k, side, side, channels).permute(0, 3, 1, 2)


@mistake(
    "Pictures lie on their side.",
    fails="comp-centred, comp-channels, comp-few, comp-lines, comp-sign",
    says="each lying on its side",
)
def transposed_pictures(weight, k, channels):
    return master(weight, k, channels).transpose(2, 3)


@mistake(
    "The least important first.",
    fails="comp-centred, comp-channels, comp-few, comp-lines, comp-sign",
    says="1 − |cosine| of component",
)
def last_first(weight, k, channels):
    rows = torch.linalg.svd(weight - weight.mean(0), full_matrices=False).Vh
    return folded(turned(rows[-k:].flip(0)), channels)


@mistake(
    "The right ones, in reverse.",
    fails="comp-centred, comp-channels, comp-few, comp-lines, comp-sign",
    says="the least important one first",
)
def reversed_order(weight, k, channels):
    return master(weight, k, channels).flip(0)


@mistake("Signs as they come.", fails="comp-sign", says="a component's number is")
def any_sign(weight, k, channels):
    found = master(weight, k, channels)
    return found * torch.where(found.flatten(1)[:, 0] > 0, 1.0, -1.0)[:, None, None, None].to(found)


@mistake(
    "The sum is made positive, not the largest number.",
    fails="comp-sign",
    says="a component's number",
)
def positive_sum(weight, k, channels):
    rows = torch.linalg.svd(weight - weight.mean(0), full_matrices=False).Vh[:k]
    return folded(rows * rows.sum(1, keepdim=True).sign(), channels)


@mistake(
    "Times its singular value.",
    fails="comp-centred, comp-channels, comp-few, comp-lines, comp-sign",
    says="wanted 1: the root",
)
def with_size(weight, k, channels):
    parts = torch.linalg.svd(weight - weight.mean(0), full_matrices=False)
    return folded(turned(parts.Vh[:k] * parts.S[:k, None]), channels)


@mistake(
    "Stretched from 0 to 1.",
    fails="comp-centred, comp-channels, comp-few, comp-lines, comp-sign",
    says="wanted 1: the root",
)
def stretched(weight, k, channels):
    found = master(weight, k, channels)
    low, high = found.amin((1, 2, 3), keepdim=True), found.amax((1, 2, 3), keepdim=True)
    return (found - low) / (high - low)


@mistake(
    "Filters are divided by their lengths first.",
    fails="comp-centred, comp-channels, comp-few, comp-lines, comp-sign",
    says="1 − |cosine| of component",
)
def equal_filters(weight, k, channels):
    return master(torch.nn.functional.normalize(weight, dim=1), k, channels)


@mistake("Through float32.", fails="comp-sign", says="torch.float64 went in")
def single(weight, k, channels):
    return master(weight.float(), k, channels)


@mistake("Through float32 and back.", fails="comp-sign", says="not all its digits")
def single_inside(weight, k, channels):
    return master(weight.float(), k, channels).to(weight.dtype)


@mistake("Rounded.", fails="comp-sign", says="not all its digits")
def rounded(weight, k, channels):
    return (master(weight, k, channels) * 1e5).round() / 1e5


@mistake("Centred in place.", fails="comp-sign", says="changed its first argument")
def in_place(weight, k, channels):
    weight -= weight.mean(dim=0)
    return master(weight, k, channels)


@mistake(
    "Flat.", fails="comp-centred, comp-channels, comp-few, comp-lines, comp-sign", says="wanted"
)
def flat(weight, k, channels):
    return master(weight, k, channels).flatten(1)


@mistake(
    "Pixels are divided by their deviations.",
    fails="comp-centred, comp-channels, comp-few, comp-lines, comp-sign",
    says="each pixel was divided by its own deviation",
)
def standardised(weight, k, channels):
    return master(weight / weight.std(dim=0), k, channels)


@mistake(
    "eigh's order kept, the smallest variance first.",
    fails="comp-centred, comp-channels, comp-few, comp-lines, comp-sign",
    says="eigh puts it last",
)
def smallest_first(weight, k, channels):
    scatter = torch.cov(weight.T, correction=0)
    return folded(turned(torch.linalg.eigh(scatter).eigenvectors[:, :k].T), channels)


@mistake(
    "pca_lowrank with no more than k: an approximation.",
    fails="comp-centred, comp-channels, comp-lines, comp-sign",
    says="as an approximation such as pca_lowrank is",
)
def lowrank(weight, k, channels):
    with torch.random.fork_rng():
        torch.manual_seed(0)  # it draws
        _, _, vectors = torch.pca_lowrank(weight, q=k, niter=1)
    return folded(turned(vectors.T), channels)
