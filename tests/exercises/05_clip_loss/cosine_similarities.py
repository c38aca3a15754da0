"""Right and wrong answers to cosine_similarities."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from einops import einsum
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bank import mistake, right


@right("Einsums, sums in place of means, and one formula for both directions.")
def with_einsum(image_features, text_features):
    features = []
    for x in (image_features, text_features):
        x = x.float()
        x = x * (1 / x.abs().max(dim=1, keepdim=True).values.clamp(min=1e-37))
        features.append(x / x.norm(dim=1, keepdim=True).clamp_min(1e-6))
    return einsum(*features, "i e, j e -> i j")


@right("Plain Python loops over pairs.")
def loops(image_features, text_features):
    out = torch.zeros(len(image_features), len(text_features))
    for i, a in enumerate(image_features.double()):
        for j, b in enumerate(text_features.double()):
            lengths = (a * a).sum().sqrt() * (b * b).sum().sqrt()
            if lengths > 0:
                out[i, j] = (a * b).sum() / lengths
    return out


@right("As the solutions write them: torch's own functions, and NumPy for the gradients.")
def master(image_features, text_features):
    def unit(vectors):
        vectors = vectors.float()
        largest = vectors.abs().amax(dim=1, keepdim=True)
        vectors = vectors / torch.where(largest > 0, largest, 1)
        return F.normalize(vectors, dim=1)

    return unit(image_features) @ unit(text_features).T


@right("Modules, optimisers, losses of torch.nn; lists and Parameters come back, float64 inside.")
class module(nn.Module):
    def forward(
        self, image_features: Float[Tensor, "n e"], text_features: Float[Tensor, "m e"]
    ) -> Float[Tensor, "n m"]:
        a, b = image_features.double(), text_features.double()
        return (a @ b.T / torch.outer(a.norm(dim=1), b.norm(dim=1))).nan_to_num(0)


@right("NumPy throughout, gradients of the whole step by hand.")
def numpy(image_features, text_features):
    a, b = image_features.numpy().astype(np.float64), text_features.numpy().astype(np.float64)
    lengths = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
    return torch.from_numpy(
        np.divide(a @ b.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    )


@right("Ready-made pieces of torch: an optimiser, logsumexp, soft targets, one-hot labels.")
def torch_tools(image_features, text_features):
    a, b = image_features.double(), text_features.double()
    return functional.cosine_similarity(a[:, None], b[None], dim=-1, eps=1e-200).float()


@mistake(
    "Dot products, nothing divided by a length.",
    fails="cos-values, cos-zero, cos-length, cos-half",
    says="and no cosine is beyond 1",
)
def dot(image_features, text_features):
    return image_features.float() @ text_features.float().T * 2


@mistake("A small number under the root.", fails="cos-length", says="have the cosine")
def epsilon_under_the_root(image_features, text_features):
    def unit(x):
        x = x.float()
        return x / (x.pow(2).sum(1, keepdim=True) + 1e-8).sqrt()

    return unit(image_features) @ unit(text_features).T


@mistake(
    "Leans on F.normalize, which divides by 1e-12 at least.",
    fails="cos-length",
    says="have the cosine",
)
def f_normalize(image_features, text_features):
    return (
        F.normalize(image_features.float(), dim=-1) @ F.normalize(text_features.float(), dim=-1).T
    )


@mistake(
    "Worked out in float32, returned as it came in.",
    fails="cos-half",
    says="came back in torch.float16",
)
def half_returned(image_features, text_features):
    a, b = image_features.double(), text_features.double()
    lengths = a.norm(dim=1)[:, None] * b.norm(dim=1)
    table = a @ b.T / torch.where(lengths > 0, lengths, 1)
    return table.to(image_features.dtype)


@mistake(
    "Makes what it was given shorter, in place.",
    fails="cos-half",
    says="its first argument: after the call it is not what was passed",
)
def in_place(image_features, text_features):
    units = []
    for x in (image_features, text_features):
        x *= 0.5
        y = x.double()
        length = y.norm(dim=1, keepdim=True)
        units.append(y / length.masked_fill(length == 0, 1))
    return units[0] @ units[1].T


@mistake(
    "nan is replaced afterwards; a square that is inf or 0 is not.",
    fails="cos-length",
    says="have the cosine",
)
def nan_replaced(image_features, text_features):
    a, b = image_features.float(), text_features.float()
    table = (a @ b.T) / (a.norm(dim=1)[:, None] * b.norm(dim=1))
    return torch.nan_to_num(table, 0.0, 0.0, 0.0)


@mistake(
    "Nothing is returned.",
    fails="cos-values, cos-zero, cos-length, cos-half",
    says="is there a return at its end?",
)
def no_return(image_features, text_features):
    F.normalize(image_features, dim=1) @ F.normalize(text_features, dim=1).T


@mistake(
    "The texts are left as long as they are.",
    fails="cos-values, cos-zero, cos-length, cos-half",
    says="and no cosine is beyond 1",
)
def one_side(image_features, text_features):
    return 9 * F.normalize(image_features.float(), dim=1) @ text_features.float().T


@mistake(
    "The length is taken over the batch.",
    fails="cos-values, cos-zero, cos-length, cos-half",
    says="have the cosine",
)
def over_batch(image_features, text_features):
    return (
        F.normalize(image_features.double(), dim=0) @ F.normalize(text_features.double(), dim=0).T
    ) / 20


@mistake(
    "Row n with row n alone.",
    fails="cos-values, cos-zero, cos-length, cos-half",
    says="RuntimeError",
)
def pairs_only(image_features, text_features):
    return F.cosine_similarity(image_features.double(), text_features.double())


@mistake(
    "Divides by the length, 0 or not.",
    fails="cos-zero, cos-length, cos-half",
    says="the cosines hold nan",
)
def plain_division(image_features, text_features):
    a = image_features / image_features.norm(dim=1, keepdim=True)
    b = text_features / text_features.norm(dim=1, keepdim=True)
    return a @ b.T


@mistake("float16 in, float16 all the way.", fails="cos-half", says="came back in torch.float16")
def stays_half(image_features, text_features):
    def unit(x):
        largest = x.abs().amax(1, keepdim=True)
        x = x / largest.masked_fill(largest == 0, 1)
        length = (x * x).sum(1, keepdim=True).sqrt()
        return x / length.masked_fill(length == 0, 1)

    return unit(image_features) @ unit(text_features).T


@mistake(
    "Texts down, images across.",
    fails="cos-values, cos-zero, cos-length, cos-half",
    says="which is (N, M), images × texts",
)
def transposed(image_features, text_features):
    return F.normalize(text_features.float(), dim=1) @ F.normalize(image_features.float(), dim=1).T


@right("Divides the products by the outer product of lengths, in float64.")
def outer_lengths(image_features, text_features):
    a, b = image_features.double(), text_features.double()
    lengths = a.norm(dim=1)[:, None] * b.norm(dim=1)
    return (a @ b.T / lengths.clamp(min=1e-300)).float()


@right("torch's own cosine_similarity over all pairs, in float64.")
def cosine_of_torch(image_features, text_features):
    a, b = image_features.double(), text_features.double()
    return F.cosine_similarity(a[:, None], b[None], dim=2, eps=1e-200)


@right("nan_to_num at the end, where only zeros make nan.")
def nan_to_num(image_features, text_features):
    a, b = (
        x.double() / x.double().pow(2).sum(1, keepdim=True).sqrt()
        for x in (image_features, text_features)
    )
    return (a @ b.T).nan_to_num()


@right("cdist of unit vectors: 1 - d²/2.")
def by_distance(image_features, text_features):
    a, b = (F.normalize(x.double(), dim=1, eps=1e-200) for x in (image_features, text_features))
    zero = (a.norm(dim=1) == 0)[:, None] | (b.norm(dim=1) == 0)
    d = (a[:, None] - b).pow(2).sum(2)
    return (1 - d / 2).masked_fill(zero, 0).float()


@right("math.hypot, row by row.")
def hypot(image_features, text_features):
    def unit(x):
        lengths = [math.hypot(*row) or 1.0 for row in x.tolist()]
        return (
            torch.tensor(x.tolist(), dtype=torch.float64)
            / torch.tensor(lengths, dtype=torch.float64)[:, None]
        )

    return unit(image_features) @ unit(text_features).T


@mistake(
    "Rounded to four digits.",
    fails="cos-values, cos-zero, cos-length, cos-half",
    says="have the cosine",
)
def rounded(image_features, text_features):
    return (outer_lengths(image_features, text_features) * 100).round() / 100


@mistake(
    "float16 comes back for float16.", fails="cos-half", says="the cosines came back in torch.float"
)
def half_back(image_features, text_features):
    return outer_lengths(image_features, text_features).to(image_features.dtype)


@mistake(
    "Angles, not cosines.",
    fails="cos-values, cos-zero, cos-length, cos-half",
    says="and no cosine is beyond",
)
def angles(image_features, text_features):
    return outer_lengths(image_features, text_features).clamp(-1, 1).acos()


@mistake(
    "Only the images are brought to length 1.",
    fails="cos-values, cos-zero, cos-length, cos-half",
    says="the images were brought to length",
)
def images_alone(image_features, text_features):
    x = image_features.double()
    x = x / x.norm(dim=1, keepdim=True).clamp(min=1e-300)
    return (x @ text_features.double().T).float()


@mistake(
    "Only the texts are brought to length 1.",
    fails="cos-values, cos-zero, cos-length, cos-half",
    says="the texts were brought to length",
)
def texts_alone(image_features, text_features):
    x = text_features.double()
    x = x / x.norm(dim=1, keepdim=True).clamp(min=1e-300)
    return (image_features.double() @ x.T).float()


@mistake(
    "The products as they are.",
    fails="cos-values, cos-zero, cos-length, cos-half",
    says="these are products of the vectors as they came: a cosine goes by direction alone",
)
def products(image_features, text_features):
    return image_features.double() @ text_features.double().T


@mistake(
    "Absolute values.", fails="cos-values, cos-zero, cos-length, cos-half", says="have the cosine"
)
def sizes(image_features, text_features):
    return outer_lengths(image_features, text_features).abs()


@mistake(
    "Sums of absolute values as lengths.",
    fails="cos-values, cos-zero, cos-length, cos-half",
    says="have the cosine",
)
def length_l1(image_features, text_features):
    a, b = (
        F.normalize(x.double(), p=1, dim=1, eps=1e-200) for x in (image_features, text_features)
    )
    return a @ b.T


@mistake(
    "The mean is taken off first: a correlation.",
    fails="cos-values, cos-zero, cos-length, cos-half",
    says="have the cosine",
)
def correlation(image_features, text_features):
    a, b = (x.double() - x.double().mean(1, keepdim=True) for x in (image_features, text_features))
    a, b = (F.normalize(x, dim=1, eps=1e-200) for x in (a, b))
    return a @ b.T


@mistake("A zero is replaced by a small vector.", fails="cos-zero", says="have the cosine")
def small_for_zero(image_features, text_features):
    return outer_lengths(
        *(
            torch.where(x.abs().sum(1, keepdim=True) == 0, 1e-20, x.double())
            for x in (image_features, text_features)
        )
    )


@mistake(
    "Lengths measured in float16.", fails="cos-length, cos-half", says="and no cosine is beyond"
)
def half_lengths(image_features, text_features):
    a, b = (
        x.double() / x.norm(dim=1, keepdim=True).double().clamp(min=1e-300)
        for x in (image_features, text_features)
    )
    return a @ b.T
