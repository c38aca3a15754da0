"""Right and wrong answers to several_right_loss."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from einops import einsum
from torch import nn
from torch.nn import functional

from bank import mistake, right


def lse(values):
    top = max(values)
    if top == -math.inf:
        return top
    return top + math.log(sum(math.exp(v - top) for v in values))


@right("Einsums, sums in place of means, and one formula for both directions.")
def with_einsum(image_features, text_features, right, scale):
    scores = scale * einsum(image_features, text_features, "i e, j e -> i j")
    texts = torch.logsumexp(scores, 1, keepdim=True) - scores
    images = torch.logsumexp(scores, 0, keepdim=True) - scores
    weight_t = right / right.sum(1, keepdim=True) / right.any(1).sum()
    weight_i = right / right.sum(0, keepdim=True) / right.any(0).sum()
    return (texts[right] * weight_t[right]).sum() / 2 + (images[right] * weight_i[right]).sum() / 2


@mistake(
    "Plain loops in Python's own numbers: right, and no gradient passes.",
    fails="several-gradient",
    says="no gradient reaches the images",
)
def loops(image_features, text_features, right, scale):
    s = (scale * image_features.double() @ text_features.double().T).tolist()
    right = right.tolist()

    def one_way(s, right):
        total, rows = 0.0, 0
        for row, yes in zip(s, right):
            good = [v for v, y in zip(row, yes) if y]
            if good:
                rows += 1
                total += lse(row) - sum(good) / len(good)
        return total / rows

    return (one_way(s, right) + one_way(list(zip(*s)), list(zip(*right)))) / 2


@right("As the solutions write them: torch's own functions, and NumPy for the gradients.")
def master(image_features, text_features, right, scale):
    def one_way(scores, right):
        count = right.sum(dim=1)
        targets = right / count.clamp(min=1)[:, None]
        losses = -(targets * scores.log_softmax(dim=1)).sum(dim=1)
        return losses.sum() / (count > 0).sum()

    scores = scale * image_features @ text_features.T
    return (one_way(scores, right) + one_way(scores.T, right.T)) / 2


@right("Modules, optimisers, losses of torch.nn; lists and Parameters come back, float64 inside.")
def modules_and_optimizers(image_features, text_features, right, scale):
    scores = torch.einsum("ie,je->ij", image_features, text_features).mul(scale)

    def way(scores, right):
        keep = right.any(dim=1)
        targets = right[keep].to(scores.dtype)
        return nn.CrossEntropyLoss()(scores[keep], F.normalize(targets, p=1.0, dim=1))

    return torch.stack([way(scores, right), way(scores.mT, right.mT)]).mean()


@mistake(
    "NumPy throughout: right, and no gradient passes.",
    fails="several-gradient",
    says=".item(), .tolist(), float()",
)
def numpy(image_features, text_features, right, scale):
    s = image_features.double().numpy() @ text_features.double().numpy().T * scale
    yes = right.numpy()
    s = s - s.max()

    def side(axis):
        log_p = s - np.log(np.exp(s).sum(axis, keepdims=True))
        count = yes.sum(axis)
        means = (log_p * yes).sum(axis)[count > 0] / count[count > 0]
        return -means.mean()

    return float(side(0) + side(1)) / 2


@right("Ready-made pieces of torch: an optimiser, logsumexp, soft targets, one-hot labels.")
def torch_tools(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T
    sides = []
    for table, yes in ((s, right), (s.T, right.T)):
        keep = yes.any(1)
        target = functional.normalize(yes[keep].float(), p=1, dim=1)
        sides.append(nn.CrossEntropyLoss()(table[keep], target))
    return torch.stack(sides).mean()


@mistake(
    "Image n's right text is text n, whatever the mask says.",
    fails="several-one, several-texts, several-images, several-none, several-large",
    says="each text one place further",
)
def diagonal(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T
    n = min(s.shape)
    labels = torch.arange(n)
    return (F.cross_entropy(s[:n], labels) + F.cross_entropy(s.T[:n], labels)) / 2


@mistake(
    "Takes several texts an image, or several images a text, never both at once.",
    fails="several-images",
    says="which are right for other images as well",
)
def either_or(image_features, text_features, right, scale):
    scores = scale * image_features @ text_features.T
    i, j = right.nonzero(as_tuple=True)
    over_texts, over_images = -scores.log_softmax(1)[i, j], -scores.log_softmax(0)[i, j]
    if right.sum(1).max() > 1:
        over_texts = over_texts / right.sum(1)[i]
    else:
        over_images = over_images / right.sum(0)[j]
    rows, columns = right.any(1).sum(), right.any(0).sum()
    return (over_texts.sum() / rows + over_images.sum() / columns) / 2


@mistake(
    "The first right answer of each, the others are wrong answers.",
    fails="several-texts, several-images, several-none, several-large",
    says="the loss is",
)
def first_only(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T
    texts = F.cross_entropy(s, right.int().argmax(1))
    return (texts + F.cross_entropy(s.T, right.T.int().argmax(1))) / 2


@mistake(
    "Leaves marks in the mask that was passed.",
    fails="several-large",
    says="its third argument: after the call it is not what was passed",
)
def in_place(image_features, text_features, right, scale):
    scores = scale * image_features @ text_features.T

    def way(scores, mask):
        keep = mask.any(1)
        share = mask[keep] / mask[keep].sum(1, keepdim=True)
        return -(share * scores.log_softmax(1)[keep]).sum(1).mean()

    loss = (way(scores, right) + way(scores.T, right.T)) / 2
    right.logical_not_()
    return loss


@mistake("The softmax first, its logarithm afterwards.", fails="several-large", says="returned")
def log_of_softmax(image_features, text_features, right, scale):
    def way(s, right):
        target = right / right.sum(1, keepdim=True).clamp(min=1)
        losses = -(s.softmax(1).log() * target).sum(1)
        return losses[right.any(1)].mean()

    s = scale * image_features @ text_features.T
    return (way(s, right) + way(s.T, right.T)) / 2


@mistake(
    "The log of the summed probability, not the sum of the logs.",
    fails="several-texts, several-images, several-large",
    says="summed probability",
)
def log_of_sum(image_features, text_features, right, scale):
    def way(s, right):
        keep = right.any(1)
        s, right = s[keep], right[keep]
        return (s.logsumexp(1) - s.masked_fill(~right, float("-inf")).logsumexp(1)).mean()

    s = scale * image_features @ text_features.T
    return (way(s, right) + way(s.T, right.T)) / 2


@mistake(
    "A small number inside the logarithm.", fails="several-large", says="scores in the hundreds"
)
def log_with_epsilon(image_features, text_features, right, scale):
    def way(s, right):
        target = right / right.sum(1, keepdim=True).clamp(min=1)
        losses = -((s.softmax(1) + 1e-9).log() * target).sum(1)
        return losses[right.any(1)].mean()

    s = scale * image_features @ text_features.T
    return (way(s, right) + way(s.T, right.T)) / 2


@mistake(
    "The scale takes no part.",
    fails="several-one, several-texts, several-images, several-none, several-large",
    says="the loss is",
)
def no_scale(image_features, text_features, right, scale):
    def way(s, right):
        target = right / right.sum(1, keepdim=True).clamp(min=1)
        return -(s.log_softmax(1) * target).sum(1)[right.any(1)].mean()

    s = image_features @ text_features.T
    return (way(s, right) + way(s.T, right.T)) / 2


@mistake("No right answer counts as a loss of 0.", fails="several-none", says="has no right text")
def none_counted(image_features, text_features, right, scale):
    def way(s, right):
        target = right / right.sum(1, keepdim=True).clamp(min=1)
        return -(s.log_softmax(1) * target).sum(1).mean()

    s = scale * image_features @ text_features.T
    return (way(s, right) + way(s.T, right.T)) / 2


@mistake("No right answer: 0/0.", fails="several-none, several-gradient", says="returned nan")
def none_divides(image_features, text_features, right, scale):
    def way(s, right):
        return -(s.log_softmax(1) * right / right.sum(1, keepdim=True)).sum(1).mean()

    s = scale * image_features @ text_features.T
    return (way(s, right) + way(s.T, right.T)) / 2


@mistake(
    "What has no right answer is dropped, and is no wrong answer for the others either.",
    fails="several-none",
    says="has no right text",
)
def none_dropped(image_features, text_features, right, scale):
    images, texts = right.any(1), right.any(0)
    right = right[images][:, texts]
    s = scale * image_features[images] @ text_features[texts].T
    over_texts = -(s.log_softmax(1) * right / right.sum(1, keepdim=True)).sum(1).mean()
    over_images = -(s.log_softmax(0) * right / right.sum(0)).sum(0).mean()
    return (over_texts + over_images) / 2


@mistake(
    "Normalises features that are to be used as they are.",
    fails="several-one, several-texts, several-images, several-none, several-large",
    says="brought to length 1",
)
def normalised(image_features, text_features, right, scale):
    image_features = F.normalize(image_features, dim=1)
    text_features = F.normalize(text_features, dim=1)

    def one_way(scores, right):
        count = right.sum(dim=1)
        targets = right / count.clamp(min=1)[:, None]
        losses = -(targets * scores.log_softmax(dim=1)).sum(dim=1)
        return losses.sum() / (count > 0).sum()

    scores = scale * image_features @ text_features.T
    return (one_way(scores, right) + one_way(scores.T, right.T)) / 2


@mistake(
    "Each right text has target 1, so a row's targets sum to their number.",
    fails="several-texts, several-images, several-large",
    says="gives each right answer the whole mass",
)
def not_shared(image_features, text_features, right, scale):
    def way(s, right):
        losses = -(s.log_softmax(1) * right).sum(1)
        return losses[right.any(1)].mean()

    s = scale * image_features @ text_features.T
    return (way(s, right) + way(s.T, right.T)) / 2


@mistake(
    "One direction.",
    fails="several-one, several-texts, several-images, several-none, several-large",
    says="the loss is",
)
def over_texts_alone(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T
    target = right / right.sum(1, keepdim=True).clamp(min=1)
    return -(s.log_softmax(1) * target).sum(1)[right.any(1)].mean()


@mistake(
    "The mean over right pairs: an image with four texts counts four times.",
    fails="several-texts, several-images, several-large",
    says="the loss is",
)
def pairs_alike(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T
    return -(s.log_softmax(1)[right].mean() + s.log_softmax(0)[right].mean()) / 2


@mistake(
    "The targets of the images, transposed, serve the texts.",
    fails="several-texts, several-images, several-large",
    says="those over texts, turned over",
)
def targets_transposed(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T
    target = right / right.sum(1, keepdim=True).clamp(min=1)
    texts = -(s.log_softmax(1) * target).sum(1)[right.any(1)].mean()
    images = -(s.log_softmax(0) * target).sum(0)[right.any(0)].mean()
    return (texts + images) / 2


@right("cross_entropy with soft targets, empty rows dropped first.")
def soft_targets(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T
    total = 0
    for scores, mask in ((s, right), (s.T, right.T)):
        keep = mask.any(1)
        q = mask[keep].float()
        total = total + F.cross_entropy(scores[keep], q / q.sum(1, keepdim=True))
    return total / 2


@right("logsumexp minus a mean of the right scores, row by row.")
def row_by_row(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T

    def way(s, m):
        return torch.stack([r.logsumexp(0) - r[k].mean() for r, k in zip(s, m) if k.any()]).mean()

    return (way(s, right) + way(s.T, right.T)) * 0.5


@right("In float64, masked_fill on the way.")
def filled(image_features, text_features, right, scale):
    s = scale * image_features.double() @ text_features.double().T

    def way(logp, m):
        n = m.sum(1)
        each = -logp.masked_fill(~m, 0).sum(1) / n.clamp(min=1)
        return each[n > 0].mean()

    return (way(s.log_softmax(1), right) + way(s.log_softmax(0).T, right.T)) / 2


@right("kl_div plus the entropy of the targets.")
def divergence(image_features, text_features, right, scale):
    def way(s, m):
        m = m[m.any(1)], s[m.any(1)]
        q = F.normalize(m[0].float(), p=1, dim=1)
        return (
            F.kl_div(m[1].log_softmax(1), q, reduction="batchmean")
            - (q * q.clamp(min=1e-30).log()).sum(1).mean()
        )

    s = scale * image_features @ text_features.T
    return (way(s, right) + way(s.T, right.T)) / 2


@right("nonzero pairs, weighted by one over their row's count.")
def by_pairs(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T
    i, j = right.nonzero(as_tuple=True)
    a = -s.log_softmax(1)[i, j] / right.sum(1)[i]
    b = -s.log_softmax(0)[i, j] / right.sum(0)[j]
    return (a.sum() / right.any(1).sum() + b.sum() / right.any(0).sum()) / 2


@mistake(
    "nan in empty rows, left out afterwards: nan gradients.",
    fails="several-gradient",
    says="the slopes of the images hold nan",
)
def nan_left_out(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T

    def way(s, m):
        q = m / m.sum(1, keepdim=True)
        return -(q * s.log_softmax(1)).sum(1)[m.any(1)].mean()

    return (way(s, right) + way(s.T, right.T)) / 2


@mistake(
    "nanmean over nan in empty rows.",
    fails="several-gradient",
    says="the slopes of the images hold nan",
)
def nanmean(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T

    def way(s, m):
        return -(m / m.sum(1, keepdim=True) * s.log_softmax(1)).sum(1).nanmean()

    return (way(s, right) + way(s.T, right.T)) / 2


@mistake(
    "The loss is taken out of the graph.",
    fails="several-gradient",
    says="no gradient reaches the images",
)
def detached(image_features, text_features, right, scale):
    return soft_targets(image_features, text_features, right, scale).detach()


@mistake("A number of Python's.", fails="several-gradient", says="no gradient reaches the images")
def item(image_features, text_features, right, scale):
    return soft_targets(image_features, text_features, right, scale).item()


@mistake("The texts do not learn.", fails="several-gradient", says="no gradient reaches the texts")
def texts_detached(image_features, text_features, right, scale):
    return soft_targets(image_features, text_features.detach(), right, scale)


@mistake(
    "The images learn from one direction alone.",
    fails="several-gradient",
    says="the gradient says that one step of the images changes the result by",
)
def one_way_detached(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T
    d = scale * image_features.detach() @ text_features.T

    def way(s, m):
        k = m.any(1)
        return F.cross_entropy(s[k], F.normalize(m[k].float(), p=1, dim=1))

    return (way(s, right) + way(d.T, right.T)) / 2


@mistake(
    "Worked out under no_grad.", fails="several-gradient", says="no gradient reaches the images"
)
def no_grad(image_features, text_features, right, scale):
    with torch.no_grad():
        return soft_targets(image_features, text_features, right, scale)


@mistake(
    "One mean over all images and texts.",
    fails="several-texts, several-images, several-large",
    says="the loss is one mean over images and texts together: each direction has its own",
)
def pooled_mean(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T

    def each(s, m):
        k = m.any(1)
        return F.cross_entropy(s[k], F.normalize(m[k].float(), p=1, dim=1), reduction="none")

    return torch.cat([each(s, right), each(s.T, right.T)]).mean()


@mistake(
    "Over images alone.",
    fails="several-one, several-texts, several-images, several-none, several-large",
    says="the loss is that of one direction alone: over images, without the one over texts",
)
def over_images_alone(image_features, text_features, right, scale):
    s = (scale * image_features @ text_features.T).T
    k = right.T.any(1)
    return F.cross_entropy(s[k], F.normalize(right.T[k].float(), p=1, dim=1))


@mistake(
    "The sum of both directions.",
    fails="several-one, several-texts, several-images, several-none, several-large",
    says="the loss is twice too large: it is half the sum of two directions",
)
def not_halved(image_features, text_features, right, scale):
    return 2 * soft_targets(image_features, text_features, right, scale)


@mistake(
    "A sigmoid for each pair.",
    fails="several-one, several-texts, several-images, several-none, several-large",
    says="the loss is",
)
def sigmoid(image_features, text_features, right, scale):
    return F.binary_cross_entropy_with_logits(
        scale * image_features @ text_features.T, right.float()
    )


@mistake(
    "The best right answer alone.",
    fails="several-texts, several-images, several-large",
    says="the loss is",
)
def best_right(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T

    def way(s, m):
        k = m.any(1)
        return (s[k].logsumexp(1) - s[k].masked_fill(~m[k], -torch.inf).amax(1)).mean()

    return (way(s, right) + way(s.T, right.T)) / 2
