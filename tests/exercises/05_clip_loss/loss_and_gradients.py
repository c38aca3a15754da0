"""Right and wrong answers to loss_and_gradients."""

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


def softmax(scores, axis):
    scores = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return scores / scores.sum(axis=axis, keepdims=True)


@right("Einsums, sums in place of means, and one formula for both directions.")
def with_einsum(image_features, text_features, scale):
    def way(a, b):
        s = scale * np.einsum("ie,je->ij", a, b)
        s = s - s.max(axis=1, keepdims=True)
        e = np.exp(s)
        p = e / e.sum(axis=1, keepdims=True)
        error = p - np.eye(len(p))
        loss = np.sum(np.log(e.sum(axis=1)) - np.diag(s))
        return loss, scale * error @ b, scale * error.T @ a

    loss_a, images_a, texts_a = way(image_features, text_features)
    loss_b, texts_b, images_b = way(text_features, image_features)
    half = 2 * len(image_features)
    return (loss_a + loss_b) / half, (images_a + images_b) / half, (texts_a + texts_b) / half


@right("Plain Python loops over pairs.")
def loops(image_features, text_features, scale):
    n, e = image_features.shape
    s = [[scale * float(a @ b) for b in text_features] for a in image_features]
    rows = [lse(row) for row in s]
    columns = [lse([s[i][j] for i in range(n)]) for j in range(n)]
    loss = sum(rows[i] + columns[i] - 2 * s[i][i] for i in range(n)) / (2 * n)
    gi, gt = np.zeros((n, e)), np.zeros((n, e))
    for i in range(n):
        for j in range(n):
            g = math.exp(s[i][j] - rows[i]) + math.exp(s[i][j] - columns[j]) - 2 * (i == j)
            gi[i] += scale * g / (2 * n) * text_features[j]
            gt[j] += scale * g / (2 * n) * image_features[i]
    return loss, gi, gt


@right("As the solutions write them: torch's own functions, and NumPy for the gradients.")
def master(image_features, text_features, scale):
    def log_softmax(scores, axis):
        scores = scores - scores.max(axis=axis, keepdims=True)
        return scores - np.log(np.exp(scores).sum(axis=axis, keepdims=True))

    count = len(image_features)
    scores = scale * image_features @ text_features.T
    over_texts, over_images = log_softmax(scores, 1), log_softmax(scores, 0)
    loss = -(np.diag(over_texts) + np.diag(over_images)).mean() / 2
    slopes = (np.exp(over_texts) + np.exp(over_images) - 2 * np.eye(count)) / (2 * count)
    return loss, scale * slopes @ text_features, scale * slopes.T @ image_features


@right("Modules, optimisers, losses of torch.nn; lists and Parameters come back, float64 inside.")
def modules_and_optimizers(image_features, text_features, scale):
    images, texts = (torch.tensor(x, requires_grad=True) for x in (image_features, text_features))
    scores = scale * images @ texts.T
    pairs = torch.arange(len(scores))
    loss = 0.5 * (F.cross_entropy(scores, pairs) + F.cross_entropy(scores.T, pairs))
    loss.backward()
    return [loss.reshape(1), images.grad, texts.grad]


@right("NumPy throughout, gradients of the whole step by hand.")
def numpy(image_features, text_features, scale):
    n = image_features.shape[0]
    s = np.einsum("ie,je->ij", image_features, text_features) * scale
    rows = np.logaddexp.reduce(s, axis=1)
    columns = np.logaddexp.reduce(s, axis=0)
    loss = np.mean((rows + columns) / 2 - s.diagonal())
    g = np.exp(s - rows[:, None]) + np.exp(s - columns)
    g[np.arange(n), np.arange(n)] -= 2
    g *= scale / (2 * n)
    return np.array(loss), g.dot(text_features), np.einsum("ij,ie->je", g, image_features)


@right("Ready-made pieces of torch: an optimiser, logsumexp, soft targets, one-hot labels.")
def torch_tools(image_features, text_features, scale):
    i, t = torch.tensor(image_features), torch.tensor(text_features)
    s = scale * i.mm(t.t())
    n = s.size(0)
    loss = (s.logsumexp(0) + s.logsumexp(1) - 2 * s.diagonal()).mean().mul(0.5)
    g = s.softmax(0).add(s.softmax(1)).div(2)
    g.diagonal().sub_(1)
    g = g * scale / n
    return loss.item(), g.mm(t).numpy(), g.t().mm(i).numpy()


@mistake(
    "Scores are cut at 700, where exp ends.",
    fails="grad-large",
    says="1200 was added to every score",
)
def clipped_exp(image_features, text_features, scale):
    e = np.exp(np.minimum(scale * image_features @ text_features.T, 700))
    rows, columns = e / e.sum(1, keepdims=True), e / e.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).mean()
    g = ((rows + columns) / 2 - np.eye(len(e))) / len(e)
    return loss, scale * g @ text_features, scale * g.T @ image_features


@mistake(
    "Target minus probability: the step, not the slope.",
    fails="grad-images, grad-texts, grad-large",
    says="points the other way",
)
def downhill(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    columns = np.exp(s - s.max(0))
    columns /= columns.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).mean()
    g = (np.eye(len(s)) - (rows + columns) / 2) / len(s)
    return loss, scale * g @ text_features, scale * g.T @ image_features


@mistake(
    "The two gradients in the other order.",
    fails="grad-images, grad-texts, grad-large",
    says="first images, then texts",
)
def exchanged(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    columns = np.exp(s - s.max(0))
    columns /= columns.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).mean()
    g = ((rows + columns) / 2 - np.eye(len(s))) / len(s)
    return loss, scale * g.T @ image_features, scale * g @ text_features


@mistake(
    "The scale is multiplied into the images that were passed.",
    fails="grad-large",
    says="its first argument: after the call it is not what was passed",
)
def in_place(image_features, text_features, scale):
    def log_softmax(scores, axis):
        scores = scores - scores.max(axis=axis, keepdims=True)
        return scores - np.log(np.exp(scores).sum(axis=axis, keepdims=True))

    count = len(image_features)
    image_features *= scale
    scores = image_features @ text_features.T
    over_texts, over_images = log_softmax(scores, 1), log_softmax(scores, 0)
    loss = -(np.diag(over_texts) + np.diag(over_images)).mean() / 2
    slopes = (np.exp(over_texts) + np.exp(over_images) - 2 * np.eye(count)) / (2 * count)
    return loss, scale * slopes @ text_features, slopes.T @ image_features


@mistake(
    "Subtracts the largest score, then takes the logarithm of a probability that is 0.",
    fails="grad-large",
    says="scores that lie thousands apart",
)
def log_of_probability(image_features, text_features, scale):
    scores = scale * image_features @ text_features.T
    over_texts, over_images = softmax(scores, 1), softmax(scores, 0)
    count = len(image_features)
    loss = -np.log(np.diag(over_texts) * np.diag(over_images)).mean() / 2
    slopes = (over_texts + over_images - 2 * np.eye(count)) / (2 * count)
    return loss, scale * slopes @ text_features, scale * slopes.T @ image_features


@mistake(
    "The loss alone.",
    fails="grad-loss, grad-images, grad-texts, grad-large",
    says="wanted 3 values",
)
def loss_only(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    s = s - s.max()
    return (np.log(np.exp(s).sum(0)) + np.log(np.exp(s).sum(1))).mean() / 2 - s.diagonal().mean()


@mistake("exp of the scores as they are.", fails="grad-large", says="returned nan")
def naive_exp(image_features, text_features, scale):
    e = np.exp(scale * image_features @ text_features.T)
    rows, columns = e / e.sum(1, keepdims=True), e / e.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).mean()
    g = ((rows + columns) / 2 - np.eye(len(e))) / len(e)
    return float(loss), scale * g @ text_features, scale * g.T @ image_features


@mistake(
    "The slopes of the scores are carried on without the scale.",
    fails="grad-images, grad-texts, grad-large",
    says="is too small by the scale",
)
def no_scale(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    columns = np.exp(s - s.max(0))
    columns /= columns.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).mean()
    g = ((rows + columns) / 2 - np.eye(len(s))) / len(s)
    return loss, g @ text_features, g.T @ image_features


@mistake(
    "Probabilities alone, the target is not taken off.",
    fails="grad-images, grad-texts, grad-large",
    says=", wanted ",
)
def no_target(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    columns = np.exp(s - s.max(0))
    columns /= columns.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).mean()
    g = (rows + columns) / (2 * len(s))
    return loss, scale * g @ text_features, scale * g.T @ image_features


@mistake(
    "Normalises features that are to be used as they are.",
    fails="grad-loss, grad-images, grad-texts, grad-large",
    says="brought to length 1",
)
def normalised(image_features, text_features, scale):
    image_features = image_features / np.linalg.norm(image_features, axis=1, keepdims=True)
    text_features = text_features / np.linalg.norm(text_features, axis=1, keepdims=True)

    def log_softmax(scores, axis):
        scores = scores - scores.max(axis=axis, keepdims=True)
        return scores - np.log(np.exp(scores).sum(axis=axis, keepdims=True))

    count = len(image_features)
    scores = scale * image_features @ text_features.T
    over_texts, over_images = log_softmax(scores, 1), log_softmax(scores, 0)
    loss = -(np.diag(over_texts) + np.diag(over_images)).mean() / 2
    slopes = (np.exp(over_texts) + np.exp(over_images) - 2 * np.eye(count)) / (2 * count)
    return loss, scale * slopes @ text_features, scale * slopes.T @ image_features


@mistake(
    "The loss is halved, its gradient is not.",
    fails="grad-images, grad-texts, grad-large",
    says="is twice too large",
)
def not_halved(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    columns = np.exp(s - s.max(0))
    columns /= columns.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).mean()
    g = (rows + columns - 2 * np.eye(len(s))) / len(s)
    return loss, scale * g @ text_features, scale * g.T @ image_features


@mistake(
    "The texts' gradient sums over texts once more.",
    fails="grad-texts, grad-large",
    says=", wanted ",
)
def not_transposed(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    columns = np.exp(s - s.max(0))
    columns /= columns.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).mean()
    g = ((rows + columns) / 2 - np.eye(len(s))) / len(s)
    return loss, scale * g @ text_features, scale * g @ image_features


@mistake(
    "The slopes of the scores, not of the features.",
    fails="grad-images, grad-texts, grad-large",
    says="a slope for each feature",
)
def of_scores(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    columns = np.exp(s - s.max(0))
    columns /= columns.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).mean()
    return loss, (rows - np.eye(len(s))) / len(s), (columns - np.eye(len(s))) / len(s)


@mistake(
    "Over texts alone.",
    fails="grad-loss, grad-images, grad-texts, grad-large",
    says="the loss is that of one direction alone",
)
def one_direction(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    loss = -np.log(rows.diagonal()).mean()
    g = (rows - np.eye(len(s))) / len(s)
    return loss, scale * g @ text_features, scale * g.T @ image_features


@mistake(
    "Subtracts the largest score of the whole matrix from every row.",
    fails="grad-large",
    says="scores that lie thousands apart",
)
def one_maximum(image_features, text_features, scale):
    count = len(image_features)
    scores = scale * image_features @ text_features.T
    scores = scores - scores.max()
    over_texts = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    over_images = scores - np.log(np.exp(scores).sum(axis=0, keepdims=True))
    loss = -(np.diag(over_texts) + np.diag(over_images)).mean() / 2
    slopes = (np.exp(over_texts) + np.exp(over_images) - 2 * np.eye(count)) / (2 * count)
    return loss, scale * slopes @ text_features, scale * slopes.T @ image_features


@mistake(
    "The scale takes no part.",
    fails="grad-loss, grad-images, grad-texts, grad-large",
    says="the loss is that of scale 1",
)
def scale_forgotten(image_features, text_features, scale):
    s = image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    columns = np.exp(s - s.max(0))
    columns /= columns.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).mean()
    g = ((rows + columns) / 2 - np.eye(len(s))) / len(s)
    return loss, g @ text_features, g.T @ image_features


@mistake(
    "The lecture's sum over the pairs, not the mean.",
    fails="grad-loss, grad-images, grad-texts, grad-large",
    says="as many times too large as there are pairs: a sum, not a mean",
)
def as_sum(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    rows = np.exp(s - s.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    columns = np.exp(s - s.max(0))
    columns /= columns.sum(0)
    loss = -0.5 * (np.log(rows.diagonal()) + np.log(columns.diagonal())).sum()
    g = (rows + columns) / 2 - np.eye(len(s))
    return loss, scale * g @ text_features, scale * g.T @ image_features


@mistake(
    "Makes a whole number of the scale.",
    fails="grad-loss, grad-images, grad-texts",
    says="the loss is",
)
def whole_scale(image_features, text_features, scale):
    scale = int(scale)

    def log_softmax(scores, axis):
        scores = scores - scores.max(axis=axis, keepdims=True)
        return scores - np.log(np.exp(scores).sum(axis=axis, keepdims=True))

    count = len(image_features)
    scores = scale * image_features @ text_features.T
    over_texts, over_images = log_softmax(scores, 1), log_softmax(scores, 0)
    loss = -(np.diag(over_texts) + np.diag(over_images)).mean() / 2
    slopes = (np.exp(over_texts) + np.exp(over_images) - 2 * np.eye(count)) / (2 * count)
    return loss, scale * slopes @ text_features, scale * slopes.T @ image_features


@mistake(
    "The loss is right, the gradients are zeros.",
    fails="grad-images, grad-texts, grad-large",
    says=", wanted ",
)
def all_zero(image_features, text_features, scale):
    s = scale * image_features @ text_features.T
    s = s - s.max()
    loss = (np.log(np.exp(s).sum(0)) + np.log(np.exp(s).sum(1))).mean() / 2 - s.diagonal().mean()
    return loss, np.zeros_like(image_features), np.zeros_like(text_features)


@right("Autograd in torch.")
def autograd(image_features, text_features, scale):
    a, b = (torch.tensor(x, requires_grad=True) for x in (image_features, text_features))
    s = scale * a @ b.T
    y = torch.arange(len(a))
    loss = (F.cross_entropy(s, y) + F.cross_entropy(s.T, y)) / 2
    ga, gb = torch.autograd.grad(loss, (a, b))
    return loss.item(), ga.numpy(), gb.numpy()


@right("Loops over pairs of pairs.")
def double_loop(image_features, text_features, scale):
    n = len(image_features)
    s = scale * image_features @ text_features.T
    r = np.exp(s - s.max(1, keepdims=True))
    r /= r.sum(1, keepdims=True)
    c = np.exp(s - s.max(0))
    c /= c.sum(0)
    lse = lambda v: v.max() + np.log(np.exp(v - v.max()).sum())
    loss = sum(lse(s[i]) + lse(s[:, i]) - 2 * s[i, i] for i in range(n)) / 2 / n
    ga, gb = np.zeros_like(image_features), np.zeros_like(text_features)
    for i in range(n):
        for j in range(n):
            g = scale * (r[i, j] + c[i, j] - 2 * (i == j)) / 2 / n
            ga[i] += g * text_features[j]
            gb[j] += g * image_features[i]
    return loss, ga, gb


@right("A tuple of tensors.")
def tensors(image_features, text_features, scale):
    loss, a, b = double_loop(image_features, text_features, scale)
    return torch.tensor(loss), torch.from_numpy(a), torch.from_numpy(b)


@right("einsum for both products.")
def einsums(image_features, text_features, scale):
    s = torch.from_numpy(scale * np.einsum("ie,je->ij", image_features, text_features))
    p = (s.softmax(0) + s.softmax(1)) / 2 - torch.eye(len(s), dtype=s.dtype)
    g = (scale * p / len(s)).numpy()
    loss = -(s.log_softmax(0).diag() + s.log_softmax(1).diag()).mean() / 2
    return (
        loss.numpy(),
        np.einsum("ij,je->ie", g, text_features),
        np.einsum("ij,ie->je", g, image_features),
    )


@right("The columns first.")
def columns_first(image_features, text_features, scale):
    loss, b, a = double_loop(text_features, image_features, scale)
    return [loss, a, b]


@mistake(
    "The gradient as a sum over pairs.",
    fails="grad-images, grad-texts, grad-large",
    says="the gradient of the images is as many times too large as there are pairs: a mean",
)
def summed_gradient(image_features, text_features, scale):
    loss, a, b = double_loop(image_features, text_features, scale)
    return loss, len(a) * a, len(b) * b


@mistake(
    "The gradient of rows alone.",
    fails="grad-images, grad-texts, grad-large",
    says="the gradient of the images is that of one direction alone: each score takes part in two softmaxes",
)
def rows_gradient(image_features, text_features, scale):
    s = torch.from_numpy(scale * image_features @ text_features.T)
    g = (scale * (s.softmax(1) - torch.eye(len(s))) / len(s)).numpy()
    return (
        double_loop(image_features, text_features, scale)[0],
        g @ text_features,
        g.T @ image_features,
    )


@mistake(
    "The gradient of columns alone, halved.",
    fails="grad-images, grad-texts, grad-large",
    says="the gradient of the images is that of one direction alone: each score takes part in two softmaxes",
)
def half_columns_gradient(image_features, text_features, scale):
    s = torch.from_numpy(scale * image_features @ text_features.T)
    g = (scale * (s.softmax(0) - torch.eye(len(s))) / len(s) / 2).numpy()
    return (
        double_loop(image_features, text_features, scale)[0],
        g @ text_features,
        g.T @ image_features,
    )


@mistake(
    "Softmax over everything.",
    fails="grad-loss, grad-images, grad-texts, grad-large",
    says="the loss is",
)
def one_softmax(image_features, text_features, scale):
    s = torch.from_numpy(scale * image_features @ text_features.T)
    p = s.flatten().softmax(0).reshape(s.shape)
    g = (scale * (p - torch.eye(len(s)) / len(s))).numpy()
    loss = -(p.log().diag().mean())
    return loss.item(), g @ text_features, g.T @ image_features


@mistake(
    "The gradient with respect to the scores.",
    fails="grad-images, grad-texts, grad-large",
    says="the gradient of the images is too small by the scale: the scale multiplies every score",
)
def of_scores_alone(image_features, text_features, scale):
    loss, a, b = double_loop(image_features, text_features, scale)
    return loss, a / scale, b / scale


@mistake(
    "Lists of Python numbers.",
    fails="grad-images, grad-texts, grad-large",
    says="the gradient of the images is a list, wanted an array",
)
def python_lists(image_features, text_features, scale):
    loss, a, b = double_loop(image_features, text_features, scale)
    return loss, a.tolist(), b.tolist()


@mistake(
    "Rounded gradients.",
    fails="grad-images, grad-texts, grad-large",
    says="the gradient of the images is",
)
def rounded(image_features, text_features, scale):
    loss, a, b = double_loop(image_features, text_features, scale)
    return loss, a.round(2), b.round(2)


@mistake(
    "Each image's own text is left out of the softmax.",
    fails="grad-loss, grad-images, grad-texts, grad-large",
    says="the loss is",
)
def without_the_right_one(image_features, text_features, scale):
    s = torch.from_numpy(scale * image_features @ text_features.T)
    off = s.masked_fill(torch.eye(len(s)).bool(), -torch.inf)
    loss = ((off.logsumexp(0) + off.logsumexp(1)) / 2 - s.diag()).mean().item()
    g = (scale * ((off.softmax(0) + off.softmax(1)) / 2 - torch.eye(len(s))) / len(s)).numpy()
    return loss, g @ text_features, g.T @ image_features
