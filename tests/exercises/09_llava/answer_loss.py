"""Right and wrong answers to answer_loss."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from bank import mistake, right

PICTURE, NOTHING = -200, -100


@right("Lists of pieces, cut at the markers; rows one by one.")
def lists(logits, labels):
    b, t = (labels[:, 1:] != NOTHING).nonzero(as_tuple=True)
    scores = logits[b, t].double()
    return (scores.logsumexp(1) - scores[torch.arange(len(b)), labels[b, t + 1]]).mean()


@mistake(
    "Loops, each loss taken out by .item(): right, and no gradient passes.",
    fails="loss-gradient",
    says="no gradient reaches the scores",
)
def loops(logits, labels):
    total, count = 0.0, 0
    for row, targets in zip(logits, labels):
        for t in range(len(targets) - 1):
            target = targets[t + 1].item()
            if target != -100:
                total += (row[t].logsumexp(0) - row[t][target]).item()
                count += 1
    return total / count


@right("As the solutions write them.")
def master(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits[:, :-1].reshape(-1, vocabulary)
    return F.cross_entropy(scores, labels[:, 1:].reshape(-1), ignore_index=-100)


@right(
    "Modules, nested tensors and einsum; float64 inside, lists come back, a generator ends early."
)
class module(nn.Module):
    def __init__(self):
        super().__init__()
        self.loss = nn.CrossEntropyLoss()

    def forward(self, logits, labels):
        return self.loss(logits.transpose(1, 2)[..., :-1], labels[..., 1:]).unsqueeze(0)


@mistake(
    "NumPy and a float: right, and no gradient passes.",
    fails="loss-gradient",
    says=".numpy(), torch.no_grad()",
)
def numpy(logits, labels):
    x, y = logits.double().numpy()[:, :-1], labels.numpy()[:, 1:]
    x = x - x.max(-1, keepdims=True)
    log_p = x - np.log(np.exp(x).sum(-1, keepdims=True))
    keep = y != -100
    return float(-log_p[keep, y[keep]].mean())


@right("Ready-made pieces of torch: masked_scatter, pad_sequence, scaled_dot_product_attention.")
def torch_tools(logits, labels):
    next_labels = F.pad(labels, (0, 1), value=-100)[:, 1:]
    keep = next_labels != -100
    log_p = logits.log_softmax(-1)
    picked = log_p.gather(-1, next_labels.clamp(min=0)[..., None])[..., 0]
    return -(picked * keep).sum() / keep.sum()


@mistake(
    "The sum over answers, divided by all tokens.",
    fails="loss-ignored, loss-mean",
    says="tokens, and",
)
def divided_by_all(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits[:, :-1].reshape(-1, vocabulary)
    return (
        F.cross_entropy(scores, labels[:, 1:].reshape(-1), ignore_index=-100, reduction="sum")
        / labels[:, 1:].numel()
    )


@mistake("A small number inside the logarithm.", fails="loss-large", says="the loss is")
def epsilon(logits, labels):
    p = logits[:, :-1].softmax(-1)
    targets = labels[:, 1:]
    keep = targets != -100
    return -(p[keep][torch.arange(int(keep.sum())), targets[keep]] + 1e-8).log().mean()


@mistake("The first row alone.", fails="loss-mean, loss-large", says="the loss is")
def first_row(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits[:1, :-1].reshape(-1, vocabulary)
    return F.cross_entropy(scores, labels[:1, 1:].reshape(-1), ignore_index=-100)


@mistake("-100 becomes word 0.", fails="loss-ignored, loss-mean", says="the loss is")
def ignored_is_word_0(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits[:, :-1].reshape(-1, vocabulary)
    return F.cross_entropy(scores, labels[:, 1:].reshape(-1).clamp(min=0), ignore_index=-100)


@mistake(
    "Subtracts the largest score from the logits that were passed.",
    fails="loss-gradient, loss-large",
    says="its first argument: after the call it is not what was passed",
)
def in_place(logits, labels):
    logits -= logits.amax(-1, keepdim=True)
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


@mistake(
    "Takes the logarithm of a probability that was rounded to 0.",
    fails="loss-large",
    says="returned inf",
)
def log_of_probability(logits, labels):
    targets = labels[:, 1:]
    keep = targets != -100
    probabilities = logits[:, :-1].softmax(dim=-1)[keep]
    return -probabilities.gather(1, targets[keep][:, None]).log().mean()


@mistake(
    "The labels are shifted, their mask is not.",
    fails="loss-ignored, loss-mean",
    says="the loss is",
)
def mask_not_shifted(logits, labels):
    keep = labels[:, :-1] != -100
    scores, targets = logits[:, :-1], labels[:, 1:].clamp(min=0)
    losses = F.cross_entropy(scores.transpose(1, 2), targets, reduction="none")
    return (losses * keep).sum() / keep.sum()


@mistake(
    "The mean of each row, and then of the rows.", fails="loss-mean", says="mean of the rows' means"
)
def mean_of_rows(logits, labels):
    means = []
    for scores, targets in zip(logits, labels):
        if (targets[1:] != -100).any():
            means.append(F.cross_entropy(scores[:-1], targets[1:]))
    return torch.stack(means).mean()


@mistake("exp of the scores as they are.", fails="loss-large", says="returned")
def naive_exp(logits, labels):
    e = logits[:, :-1].exp()
    p = e / e.sum(-1, keepdim=True)
    targets = labels[:, 1:]
    keep = targets != -100
    return -p[keep][torch.arange(int(keep.sum())), targets[keep]].log().mean()


@mistake(
    "Each place is compared with its own token.",
    fails="loss-shift, loss-ignored, loss-mean, loss-large",
    says="tokens predicted from themselves",
)
def not_shifted(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits.reshape(-1, vocabulary)
    return F.cross_entropy(scores, labels.reshape(-1), ignore_index=-100)


@mistake(
    "Subtracts the largest score of the whole row, not of each place.",
    fails="loss-large",
    says="hundreds apart",
)
def one_maximum_a_row(logits, labels):
    targets = labels[:, 1:]
    keep = targets != -100
    scores = logits[:, :-1] - logits.amax(dim=(1, 2), keepdim=True)
    log_p = scores - scores.exp().sum(dim=-1, keepdim=True).log()
    return -log_p[keep].gather(1, targets[keep][:, None]).mean()


@mistake(
    "Cut after flattening, so rows run into one another.",
    fails="loss-mean, loss-large",
    says="the next row's first token",
)
def reshaped_wrongly(logits, labels):
    scores = logits.reshape(-1, logits.shape[-1])[:-1]
    return F.cross_entropy(scores, labels.reshape(-1)[1:], ignore_index=-100)


@mistake(
    "The first token is predicted from the last place.",
    fails="loss-shift, loss-mean, loss-large",
    says="roll brings round what falls out",
)
def rolled(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits.reshape(-1, vocabulary)
    return F.cross_entropy(scores, labels.roll(-1, 1).reshape(-1), ignore_index=-100)


@mistake("A row without an answer makes the mean nan.", fails="loss-mean", says="returned nan")
def row_of_nothing(logits, labels):
    means = [F.cross_entropy(scores[:-1], targets[1:]) for scores, targets in zip(logits, labels)]
    return torch.stack(means).mean()


@mistake(
    "Each place is compared with the token before it.",
    fails="loss-shift, loss-ignored, loss-mean, loss-large",
    says="shifted the wrong way",
)
def shifted_backwards(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits[:, 1:].reshape(-1, vocabulary)
    return F.cross_entropy(scores, labels[:, :-1].reshape(-1), ignore_index=-100)


@mistake(
    "Two places further.",
    fails="loss-shift, loss-ignored, loss-mean, loss-large",
    says="the loss is",
)
def shifted_by_two(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits[:, :-2].reshape(-1, vocabulary)
    return F.cross_entropy(scores, labels[:, 2:].reshape(-1), ignore_index=-100)


@mistake(
    "A sum.", fails="loss-shift, loss-ignored, loss-mean, loss-large", says="the loss is a sum"
)
def as_sum(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits[:, :-1].reshape(-1, vocabulary)
    return F.cross_entropy(scores, labels[:, 1:].reshape(-1), ignore_index=-100, reduction="sum")


@mistake(
    "Word 0 is taken for padding as well.",
    fails="loss-shift, loss-ignored, loss-mean, loss-large",
    says="0 is a word like any other",
)
def word_0_ignored(logits, labels):
    vocabulary = logits.shape[-1]
    scores = logits[:, :-1].reshape(-1, vocabulary)
    return F.cross_entropy(
        scores,
        labels[:, 1:].reshape(-1).masked_fill(labels[:, 1:].reshape(-1) == -100, 0),
        ignore_index=0,
    )


@right("one_hot targets, in float64.")
def one_hot(logits, labels):
    keep = labels[:, 1:] != -100
    s, y = logits[:, :-1][keep].double(), labels[:, 1:][keep]
    return -(F.one_hot(y, s.shape[1]) * s.log_softmax(1)).sum(1).mean()


@right("Row by row, sums and a count.")
def row_sums(logits, labels):
    total, count = 0, 0
    for s, y in zip(logits[:, :-1], labels[:, 1:]):
        k = y != -100
        total = total + F.cross_entropy(s[k], y[k], reduction="sum")
        count += k.sum()
    return total / count


@right("logsumexp minus the picked score, in a tensor of one axis.")
def picked(logits, labels):
    b, t = (labels[:, 1:] != -100).nonzero().T
    s = logits[b, t]
    return (s.logsumexp(-1) - s[torch.arange(len(b)), labels[b, t + 1]]).mean().reshape(1)


@right("The last place is given -100, nothing is cut.")
def last_ignored(logits, labels):
    y = labels.roll(-1, 1)
    y = torch.cat([y[:, :-1], torch.full_like(y[:, :1], -100)], 1)
    return F.cross_entropy(logits.mT, y)


@mistake("Ends in .item().", fails="loss-gradient", says="no gradient reaches the scores")
def item(logits, labels):
    return row_sums(logits, labels).item()


@mistake("A float().", fails="loss-gradient", says="no gradient reaches the scores")
def as_float(logits, labels):
    return float(row_sums(logits, labels))


@mistake(
    "A new tensor made of the number.", fails="loss-gradient", says="no gradient reaches the scores"
)
def new_tensor(logits, labels):
    return torch.tensor(row_sums(logits, labels).item(), requires_grad=True)


@mistake("Detached.", fails="loss-gradient", says="no gradient reaches the scores")
def detached(logits, labels):
    return row_sums(logits, labels).detach()


@mistake(
    "The normaliser is detached.",
    fails="loss-gradient",
    says="the gradient says that one step of the scores changes the result by",
)
def normaliser_detached(logits, labels):
    b, t = (labels[:, 1:] != -100).nonzero().T
    s = logits[b, t]
    return (s.logsumexp(-1).detach() - s[torch.arange(len(b)), labels[b, t + 1]]).mean()


@mistake(
    "A loss in bits.", fails="loss-shift, loss-ignored, loss-mean, loss-large", says="the loss is"
)
def bits(logits, labels):
    return row_sums(logits, labels) / math.log(2)


@mistake(
    "The perplexity.", fails="loss-shift, loss-ignored, loss-mean, loss-large", says="the loss is"
)
def perplexity(logits, labels):
    return row_sums(logits, labels).exp()


@mistake("Scores are clamped to ±100.", fails="loss-large", says="the loss is")
def clamped(logits, labels):
    return row_sums(logits.clamp(-100, 100), labels)


@mistake(
    "The mean over all places, the ignored ones counted as 0.",
    fails="loss-ignored, loss-mean",
    says="the sum is divided by",
)
def zeros_counted(logits, labels):
    return F.cross_entropy(logits[:, :-1].mT, labels[:, 1:], reduction="none").mean()


@mistake(
    "A loss a token.",
    fails="loss-shift, loss-ignored, loss-mean, loss-large",
    says="answer_loss returned a tensor of shape",
)
def per_token(logits, labels):
    return F.cross_entropy(logits[:, :-1].mT, labels[:, 1:], reduction="none")


@mistake(
    "Laid end to end, then shifted.",
    fails="loss-mean, loss-large",
    says="a row's last place is compared with the next row's first token",
)
def flattened_then_shifted(logits, labels):
    return F.cross_entropy(logits.flatten(0, 1)[:-1], labels.flatten()[1:])


@mistake(
    "The ignored ones count as word 0 with weight 0, and in the mean.",
    fails="loss-ignored, loss-mean",
    says="the sum is divided by",
)
def weight_zero(logits, labels):
    y = labels[:, 1:]
    each = F.cross_entropy(logits[:, :-1].mT, y.clamp(min=0), reduction="none")
    return (each * (y != -100)).mean()


@mistake(
    "Label smoothing.", fails="loss-shift, loss-ignored, loss-mean, loss-large", says="the loss is"
)
def smoothed(logits, labels):
    return F.cross_entropy(logits[:, :-1].mT, labels[:, 1:], label_smoothing=0.1)
