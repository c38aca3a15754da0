"""Right and wrong answers to share_of_process."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from bank import mistake, right


def lse(values):
    top = max(values)
    if top == -math.inf:
        return top
    return top + math.log(sum(math.exp(v - top) for v in values))


def softmax(x, axis):
    x = np.exp(x - x.max(axis, keepdims=True))
    return x / x.sum(axis, keepdims=True)


@right("Einsums, sums in place of means, and one formula for both directions.")
def with_einsum(image_features, text_features, all_images, all_texts, rank, scale):
    start = rank * len(image_features)
    stop = start + len(image_features)
    over_texts = scale * image_features @ all_texts.T
    over_images = scale * text_features @ all_images.T
    right = (scale * image_features * text_features).sum(1)
    return (over_texts.logsumexp(1) + over_images.logsumexp(1)).mean() / 2 - right.mean()


@mistake(
    "Plain loops in Python's own numbers: right, and no gradient passes.",
    fails="share-gradient",
    says="no gradient reaches the own images",
)
def loops(image_features, text_features, all_images, all_texts, rank, scale):
    n = len(image_features)
    total = 0.0
    for k in range(n):
        place = rank * n + k
        texts = [scale * float(image_features[k] @ text) for text in all_texts]
        images = [scale * float(text_features[k] @ image) for image in all_images]
        total += lse(texts) - texts[place] + lse(images) - images[place]
    return total / (2 * n)


@right("Loops over own pairs, whose scores stay tensors.")
def loops_of_tensors(image_features, text_features, all_images, all_texts, rank, scale):
    total = 0
    for k in range(len(image_features)):
        place = rank * len(image_features) + k
        texts = torch.stack([scale * image_features[k].dot(text) for text in all_texts])
        images = torch.stack([scale * text_features[k].dot(image) for image in all_images])
        total = total - texts.log_softmax(0)[place] - images.log_softmax(0)[place]
    return total / (2 * len(image_features))


@right("As the solutions write them: torch's own functions, and NumPy for the gradients.")
def master(image_features, text_features, all_images, all_texts, rank, scale):
    count = len(image_features)
    labels = rank * count + torch.arange(count)
    over_texts = F.cross_entropy(scale * image_features @ all_texts.T, labels)
    over_images = F.cross_entropy(scale * text_features @ all_images.T, labels)
    return (over_texts + over_images) / 2


@right("Modules, optimisers, losses of torch.nn; lists and Parameters come back, float64 inside.")
def modules_and_optimizers(image_features, text_features, all_images, all_texts, rank, scale):
    count = image_features.size(0)
    own = slice(count * rank, count * (rank + 1))

    def way(x, y):
        return -torch.log_softmax(torch.matmul(x, y.t()) * scale, dim=-1)[:, own].diagonal()

    halves = way(image_features, all_texts), way(text_features, all_images)
    return torch.cat(halves).mean()[None, None]


@mistake(
    "NumPy throughout: right, and no gradient passes.",
    fails="share-gradient",
    says=".item(), .tolist(), float()",
)
def numpy(image_features, text_features, all_images, all_texts, rank, scale):
    def side(own, others):
        p = softmax(scale * own.numpy() @ others.numpy().T, 1)
        rows = np.arange(len(p))
        return -np.log(p[rows, rank * len(p) + rows]).mean()

    return 0.5 * side(image_features, all_texts) + 0.5 * side(text_features, all_images)


@right("Ready-made pieces of torch: an optimiser, logsumexp, soft targets, one-hot labels.")
def torch_tools(image_features, text_features, all_images, all_texts, rank, scale):
    n, whole = len(image_features), len(all_images)
    one_hot = torch.eye(whole)[rank * n : rank * n + n]
    over_texts = (scale * image_features @ all_texts.T).log_softmax(-1)
    over_images = (scale * all_images @ text_features.T).log_softmax(0).T
    return -((over_texts + over_images) * one_hot).sum() / (2 * n)


@mistake(
    "Divided by the pairs of all processes, and then the shares are averaged as well.",
    fails="share-first, share-ranks, share-twins",
    says="divided by the pairs of all processes: it is a mean over own ones",
)
def divided_by_all(image_features, text_features, all_images, all_texts, rank, scale):
    labels = torch.arange(len(image_features)) + rank * len(image_features)
    texts = F.cross_entropy(scale * image_features @ all_texts.T, labels, reduction="sum")
    images = F.cross_entropy(scale * text_features @ all_images.T, labels, reduction="sum")
    return (texts + images) / (2 * len(all_images))


@mistake(
    "The scale is multiplied into the gathered features.",
    fails="share-twins",
    says="its third argument: after the call it is not what was passed",
)
def in_place(image_features, text_features, all_images, all_texts, rank, scale):
    labels = torch.arange(len(image_features)) + rank * len(image_features)
    over_images = F.cross_entropy(text_features @ all_images.mul_(scale).T, labels)
    over_texts = F.cross_entropy(image_features @ all_texts.mul_(scale).T, labels)
    return (over_texts + over_images) / 2


@mistake("Labels begin at the rank.", fails="share-ranks, share-twins", says="process 1 of 3")
def labels_from_rank(image_features, text_features, all_images, all_texts, rank, scale):
    labels = torch.arange(len(image_features)) + rank
    texts = F.cross_entropy(scale * image_features @ all_texts.T, labels)
    return (texts + F.cross_entropy(scale * text_features @ all_images.T, labels)) / 2


@mistake("Labels begin at 0 everywhere.", fails="share-ranks, share-twins", says="process 1 of 3")
def labels_from_zero(image_features, text_features, all_images, all_texts, rank, scale):
    labels = torch.arange(len(image_features))
    texts = F.cross_entropy(scale * image_features @ all_texts.T, labels)
    return (texts + F.cross_entropy(scale * text_features @ all_images.T, labels)) / 2


@mistake(
    "Normalises features that are to be used as they are.",
    fails="share-first, share-ranks, share-twins",
    says="brought to length 1",
)
def normalised(image_features, text_features, all_images, all_texts, rank, scale):
    given = (image_features, text_features, all_images, all_texts)
    images, texts, all_images, all_texts = (F.normalize(x, dim=1) for x in given)
    labels = rank * len(images) + torch.arange(len(images))
    over_texts = F.cross_entropy(scale * images @ all_texts.T, labels)
    over_images = F.cross_entropy(scale * texts @ all_images.T, labels)
    return (over_texts + over_images) / 2


@mistake(
    "The other direction is taken from the same oblong matrix.",
    fails="share-first, share-ranks, share-twins",
    says="the share is",
)
def oblong_transposed(image_features, text_features, all_images, all_texts, rank, scale):
    n = len(image_features)
    labels = torch.arange(n) + rank * n
    s = scale * image_features @ all_texts.T
    over_images = F.cross_entropy(s.T[labels], torch.arange(n))
    return (F.cross_entropy(s, labels) + over_images) / 2


@mistake(
    "Own images with all texts, twice.",
    fails="share-first, share-ranks, share-twins",
    says="the share is",
)
def one_direction(image_features, text_features, all_images, all_texts, rank, scale):
    labels = torch.arange(len(image_features)) + rank * len(image_features)
    return F.cross_entropy(scale * image_features @ all_texts.T, labels)


@mistake(
    "A loss of these pairs among themselves.",
    fails="share-first, share-ranks, share-twins",
    says="what these pairs lose among themselves",
)
def own_pairs(image_features, text_features, all_images, all_texts, rank, scale):
    s = scale * image_features @ text_features.T
    labels = torch.arange(len(s))
    return (F.cross_entropy(s, labels) + F.cross_entropy(s.T, labels)) / 2


@mistake(
    "Looks for its pictures among all, and takes the first that is equal.",
    fails="share-twins, share-gradient",
    says="the mean of all shares",
)
def searched(image_features, text_features, all_images, all_texts, rank, scale):
    labels = (image_features[:, None] == all_images).all(2).int().argmax(1)
    over_texts = F.cross_entropy(scale * image_features @ all_texts.T, labels)
    return (over_texts + F.cross_entropy(scale * text_features @ all_images.T, labels)) / 2


@mistake(
    "A sum over the own pairs.",
    fails="share-first, share-ranks, share-twins",
    says="own pairs: a mean, no sum",
)
def as_sum(image_features, text_features, all_images, all_texts, rank, scale):
    labels = torch.arange(len(image_features)) + rank * len(image_features)
    over_texts = F.cross_entropy(scale * image_features @ all_texts.T, labels, reduction="sum")
    over_images = F.cross_entropy(scale * text_features @ all_images.T, labels, reduction="sum")
    return (over_texts + over_images) / 2


@mistake(
    "The loss of all pairs, on every process.",
    fails="share-first, share-ranks",
    says="the loss of all pairs of all processes",
)
def whole(image_features, text_features, all_images, all_texts, rank, scale):
    s = scale * all_images @ all_texts.T
    labels = torch.arange(len(s))
    return (F.cross_entropy(s, labels) + F.cross_entropy(s.T, labels)) / 2


@right("Rows cut out of the whole matrix of scores.")
def cut_whole(image_features, text_features, all_images, all_texts, rank, scale):
    s = scale * all_images @ all_texts.T
    n = len(image_features)
    mine = torch.arange(n) + rank * n
    return (F.cross_entropy(s[mine], mine) + F.cross_entropy(s.T[mine], mine)) / 2


@right("logsumexp minus the pairs' own products.")
def own_products(image_features, text_features, all_images, all_texts, rank, scale):
    pairs = scale * (image_features * text_features).sum(1)
    a = (scale * image_features @ all_texts.T).logsumexp(1)
    b = (scale * text_features @ all_images.T).logsumexp(1)
    return ((a + b) / 2 - pairs).mean()


@right("In float64, chunks of the gathered texts.")
def chunked(image_features, text_features, all_images, all_texts, rank, scale):
    n = len(image_features)

    def way(x, everyone):
        blocks = [scale * x.double() @ y.double().T for y in everyone.split(n)]
        return torch.stack([b.logsumexp(1) for b in blocks]).logsumexp(0) - blocks[rank].diagonal()

    return (way(image_features, all_texts) + way(text_features, all_images)).mean() / 2


@right("nll_loss of log_softmax.")
def nll(image_features, text_features, all_images, all_texts, rank, scale):
    n = image_features.shape[0]
    y = torch.tensor([rank * n + i for i in range(n)])
    return (
        sum(
            F.nll_loss((scale * x @ z.T).log_softmax(1), y)
            for x, z in ((image_features, all_texts), (text_features, all_images))
        )
        * 0.5
    )


@mistake(
    "The gathered texts are cut off.",
    fails="share-gradient",
    says="no gradient reaches the texts of all",
)
def all_texts_detached(image_features, text_features, all_images, all_texts, rank, scale):
    return nll(image_features, text_features, all_images, all_texts.detach(), rank, scale)


@mistake(
    "All that was gathered is cut off.",
    fails="share-gradient",
    says="no gradient reaches the images of all",
)
def gathered_detached(image_features, text_features, all_images, all_texts, rank, scale):
    return nll(image_features, text_features, all_images.detach(), all_texts.detach(), rank, scale)


@mistake(
    "The gathered ones are copied by way of a list.",
    fails="share-gradient",
    says="no gradient reaches the images of all",
)
def copied(image_features, text_features, all_images, all_texts, rank, scale):
    return nll(
        image_features,
        text_features,
        torch.tensor(all_images.tolist()),
        torch.tensor(all_texts.tolist()),
        rank,
        scale,
    )


@mistake(
    "The share is detached.", fails="share-gradient", says="no gradient reaches the own images"
)
def detached(image_features, text_features, all_images, all_texts, rank, scale):
    return nll(image_features, text_features, all_images, all_texts, rank, scale).detach()


@mistake(
    ".data of the own features.", fails="share-gradient", says="no gradient reaches the own images"
)
def data(image_features, text_features, all_images, all_texts, rank, scale):
    return nll(image_features.data, text_features.data, all_images, all_texts, rank, scale)


@mistake(
    "The sum of the two means.",
    fails="share-first, share-ranks, share-twins",
    says="the share is twice too large: it is half the sum of two means",
)
def not_halved(image_features, text_features, all_images, all_texts, rank, scale):
    return 2 * nll(image_features, text_features, all_images, all_texts, rank, scale)


@mistake("Ranks count from 1.", fails="share-first, share-ranks", says="the share is")
def rank_from_one(image_features, text_features, all_images, all_texts, rank, scale):
    n = len(image_features)
    y = (torch.arange(n) + (rank - 1) * n) % len(all_texts)
    return (
        F.cross_entropy(scale * image_features @ all_texts.T, y)
        + F.cross_entropy(scale * text_features @ all_images.T, y)
    ) / 2


@mistake(
    "Processes and pairs are interleaved.",
    fails="share-first, share-ranks, share-twins",
    says="the share is",
)
def interleaved(image_features, text_features, all_images, all_texts, rank, scale):
    n = len(image_features)
    y = torch.arange(n) * (len(all_texts) // n) + rank
    return (
        F.cross_entropy(scale * image_features @ all_texts.T, y)
        + F.cross_entropy(scale * text_features @ all_images.T, y)
    ) / 2


@mistake(
    "The twins are taken out of the wrong answers.",
    fails="share-twins",
    says="the mean of all shares is",
)
def twins_masked(image_features, text_features, all_images, all_texts, rank, scale):
    n = len(image_features)
    y = torch.arange(n) + rank * n

    def way(x, z):
        s = scale * x @ z.T
        twin = torch.zeros_like(s, dtype=torch.bool)
        for k in range(n):
            twin[k] = (z == z[y[k]]).all(1)
            twin[k, y[k]] = False
        return F.cross_entropy(s.masked_fill(twin, -torch.inf), y)

    return (way(image_features, all_texts) + way(text_features, all_images)) / 2


@mistake("Label smoothing.", fails="share-first, share-ranks, share-twins", says="the share is")
def smoothed(image_features, text_features, all_images, all_texts, rank, scale):
    n = len(image_features)
    y = torch.arange(n) + rank * n
    return (
        F.cross_entropy(scale * image_features @ all_texts.T, y, label_smoothing=0.1)
        + F.cross_entropy(scale * text_features @ all_images.T, y, label_smoothing=0.1)
    ) / 2
