"""What several questions of exercise 05 need."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mvlm.checks.core import Student

Vectors = Tensor | np.ndarray


def scores_of(images: Vectors, texts: Vectors, scale: float) -> Tensor:
    """(N, M): scale times the product of each image and each text, float64."""
    return scale * torch.as_tensor(images).double() @ torch.as_tensor(texts).double().T


def shares_of(right: Tensor) -> Tensor:
    """The targets of rows: a row's right columns share its mass; one without has none."""
    return right / right.sum(dim=1, keepdim=True).clamp(min=1).double()


def cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    """The mean over the rows that have any target."""
    losses = (targets * (scores.logsumexp(dim=1, keepdim=True) - scores)).sum(dim=1)
    return losses[targets.any(dim=1)].mean()


def one_way(scores: Tensor, right: Tensor) -> Tensor:
    """The mean cross-entropy of rows; a row's right columns share its mass, one without is out."""
    return cross_entropy(scores, shares_of(right))


Way = Callable[[Tensor, Tensor], Tensor]


def both_ways(scores: Tensor, right: Tensor | None = None, way: Way = one_way) -> Tensor:
    """Half the sum of a loss over rows and one over columns; pairs stand on the diagonal."""
    right = torch.eye(len(scores), dtype=torch.bool) if right is None else right
    return (way(scores, right) + way(scores.T, right.T)) / 2


def along(scores: Tensor, axis: int) -> Tensor:
    """A mistake: one direction alone, over texts (1) or over images (0)."""
    return one_way(scores if axis == 1 else scores.T, torch.eye(len(scores), dtype=torch.bool))


def unit(vectors: Vectors) -> Tensor:
    """Every row with length 1; a row of zeros stays."""
    vectors = torch.as_tensor(vectors).double()
    lengths = vectors.norm(dim=1, keepdim=True)
    return vectors / torch.where(lengths > 0, lengths, 1)


def features_of(directions: Tensor, shortest: float = 0.7, longest: float = 1.4) -> Tensor:
    """Rows with these directions, float32, each of another length: who normalises them shows."""
    lengths = torch.linspace(shortest, longest, len(directions), dtype=torch.float64)
    return (unit(directions) * lengths[:, None]).float()


def draw_pairs(student: Student, count: int, width: int) -> tuple[Tensor, Tensor]:
    """Image and text features, (N, E), float32; a pair is somewhat alike."""
    images = student.normal(count, width)
    texts = images + student.normal(count, width)
    return features_of(images), features_of(texts, 1.3, 0.8)
