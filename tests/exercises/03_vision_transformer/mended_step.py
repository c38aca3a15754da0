"""Right and wrong answers to mended_step."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from bank import mistake, right


def layer_norm(tokens):
    return F.layer_norm(tokens, tokens.shape[-1:], eps=1e-6)


def step(
    tokens, labels, weight, bias, rate, *, norm=layer_norm, read=lambda x: x[:, 0], twice=False,
    reduction="mean", clip=None, moves=(1, 1),
):  # fmt: skip
    weight, bias = (x.clone().requires_grad_() for x in (weight, bias))
    logits = F.linear(read(norm(tokens)), weight, bias)
    loss = F.cross_entropy(logits.softmax(-1) if twice else logits, labels, reduction=reduction)
    loss.backward()
    if clip:
        clip((weight, bias))
    with torch.no_grad():
        weight -= moves[0] * rate * weight.grad
        bias -= moves[1] * rate * bias.grad
    return loss.detach(), weight.detach(), bias.detach()


def last(tokens):
    return tokens[:, -1]


def over_picture(tokens):
    return F.layer_norm(tokens, tokens.shape[1:], eps=1e-6)


def by_hand_norm(tokens, *, centre=True, correction=0, inside=1e-6, outside=0.0):
    x = tokens - tokens.mean(-1, keepdim=True) if centre else tokens
    square = x.square().sum(-1, keepdim=True) / (x.shape[-1] - correction)
    return x / ((square + inside).sqrt() + outside)


@right("As the solutions write it.")
def master(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate)


@right("A module and an optimiser.")
def with_optimizer(tokens, labels, weight, bias, rate):
    head = nn.Linear(weight.shape[1], weight.shape[0])
    head.weight.data, head.bias.data = weight.clone(), bias.clone()
    optimizer = torch.optim.SGD(head.parameters(), lr=rate)
    normed = nn.LayerNorm(tokens.shape[-1], eps=1e-6, elementwise_affine=False)(tokens[:, 0])
    loss = nn.CrossEntropyLoss()(head(normed), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss, head.weight, head.bias


@right("Gradients by hand.")
def by_hand(tokens, labels, weight, bias, rate):
    x = tokens[:, 0]
    x = (x - x.mean(1, keepdim=True)) / (x.var(1, correction=0, keepdim=True) + 1e-6).sqrt()
    logits = x @ weight.T + bias
    loss = -logits.log_softmax(1)[range(len(x)), labels].mean()
    slope = (logits.softmax(1) - F.one_hot(labels, len(weight))) / len(x)
    return loss, weight - rate * slope.T @ x, bias - rate * slope.sum(0)


@right("torch.func.grad.")
def functional(tokens, labels, weight, bias, rate):
    x = F.layer_norm(tokens[:, 0, :], (tokens.shape[2],), eps=1e-6)

    def loss(weight, bias):
        return F.nll_loss(F.log_softmax(x @ weight.mT + bias, 1), labels)

    down = torch.func.grad(loss, argnums=(0, 1))(weight, bias)
    return [loss(weight, bias), weight - rate * down[0], bias - rate * down[1]]


@mistake("The faulty step, copied.", fails="step-token, step-norm, step-logits, step-update",
         says="the last patch's token")  # fmt: skip
def as_it_was(tokens, labels, weight, bias, rate):
    return step(
        tokens, labels, weight, bias, rate, read=last, norm=over_picture, twice=True, moves=(1, 0)
    )


@mistake(
    "The last token is still read.", fails="step-token, step-update", says="last patch's token"
)
def last_token(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, read=last)


@mistake("A norm over all tokens of a picture.", fails="step-norm, step-update",
         says="a norm over all tokens")  # fmt: skip
def one_norm(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, norm=over_picture)


@mistake(
    "Two softmaxes.", fails="step-logits, step-update", says="the loss is that of probabilities"
)
def two_softmaxes(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, twice=True)


@mistake("The bias does not learn.", fails="step-update", says="the bias did not move")
def bias_left(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, moves=(1, 0))


@mistake("Uphill.", fails="step-update", says="uphill")
def uphill(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, moves=(-1, -1))


@mistake("A sum, not a mean.", fails="step-update", says="a sum over the pictures")
def summed(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, reduction="sum")


@mistake("The loss alone is a sum.", fails="step-update", says="a sum over the pictures")
def summed_afterwards(tokens, labels, weight, bias, rate):
    loss, *new = step(tokens, labels, weight, bias, rate)
    return loss * len(tokens), *new


@mistake("No norm.", fails="step-norm, step-update", says="tokens without a norm")
def unnormed(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, norm=lambda x: x)


@mistake("An RMS norm.", fails="step-norm, step-update", says="of an RMS norm")
def rms(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, norm=partial(by_hand_norm, centre=False))


@mistake("The variance of a sample.", fails="step-norm, step-update", says="divided by D − 1")
def unbiased(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, norm=partial(by_hand_norm, correction=1))


@mistake("eps of 1e-5, torch's own.", fails="step-norm, step-update", says="torch's own eps")
def other_eps(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, norm=partial(by_hand_norm, inside=1e-5))


@mistake("No eps.", fails="step-norm, step-update", says="a norm without eps")
def no_eps(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, norm=partial(by_hand_norm, inside=0))


@mistake("eps on the standard deviation.", fails="step-norm, step-update", says="under the root")
def eps_outside(tokens, labels, weight, bias, rate):
    norm = partial(by_hand_norm, inside=0, outside=1e-6)
    return step(tokens, labels, weight, bias, rate, norm=norm)


@mistake("The mean of all tokens.", fails="step-token, step-update", says="the mean of all tokens")
def mean_token(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, read=lambda x: x.mean(1))


@mistake("The norm of the last patch's token, with two softmaxes.",
         fails="step-token, step-logits, step-update", says="last patch's token")  # fmt: skip
def two_of_four(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, read=last, twice=True)


@mistake("The slope's length is cut to 1.", fails="step-update", says="by -rate times the slope")
def clipped(tokens, labels, weight, bias, rate):
    clip = partial(nn.utils.clip_grad_norm_, max_norm=1.0)
    return step(tokens, labels, weight, bias, rate, clip=clip)


@mistake("The slope's numbers are cut at 1.", fails="step-update", says="with a long slope")
def clamped(tokens, labels, weight, bias, rate):
    clip = partial(nn.utils.clip_grad_value_, clip_value=1.0)
    return step(tokens, labels, weight, bias, rate, clip=clip)


@mistake("The loss is a Python float.", fails="step-token, step-norm, step-logits, step-update",
         says="returned a float, wanted a torch tensor")  # fmt: skip
def float_loss(tokens, labels, weight, bias, rate):
    loss, *new = step(tokens, labels, weight, bias, rate)
    return loss.item(), *new


@mistake("float64 through float32.", fails="step-update", says="torch.float64 went in")
def single(tokens, labels, weight, bias, rate):
    return step(tokens.float(), labels, weight.float(), bias.float(), rate)


@mistake("Label smoothing.", fails="step-token, step-norm, step-logits, step-update",
         says="no one set of the faults explains")  # fmt: skip
def smoothed(tokens, labels, weight, bias, rate):
    loss, *new = step(tokens, labels, weight, bias, rate)
    logits = F.linear(layer_norm(tokens)[:, 0], weight, bias)
    return F.cross_entropy(logits, labels, label_smoothing=0.1), *new


@mistake(
    "Written into the weight that was passed.",
    fails="step-update",
    says="changed its third argument",
)
def in_place(tokens, labels, weight, bias, rate):
    loss, new, bias = step(tokens, labels, weight, bias, rate)
    weight[:] = new
    return loss, weight, bias


@mistake("The weight does not learn.", fails="step-update", says="the weight did not move")
def weight_left(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, moves=(0, 1))


@mistake("A step twice as long.", fails="step-update", says="by -rate times the slope")
def too_far(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, moves=(2, 2))
