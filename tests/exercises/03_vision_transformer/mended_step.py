"""Right and wrong answers to mended_step."""

import torch
import torch.nn.functional as F
from torch import nn

from bank import mistake, right


def step(tokens, labels, weight, bias, rate, *, place=0, axes=1, twice=False, moves=(1, 1)):
    weight, bias = (x.clone().requires_grad_() for x in (weight, bias))
    normed = F.layer_norm(tokens, tokens.shape[-axes:], eps=1e-6)
    logits = F.linear(normed[:, place], weight, bias)
    loss = F.cross_entropy(logits.softmax(-1) if twice else logits, labels)
    loss.backward()
    with torch.no_grad():
        weight -= moves[0] * rate * weight.grad
        bias -= moves[1] * rate * bias.grad
    return loss.detach(), weight.detach(), bias.detach()


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
    return loss.item(), weight - rate * slope.T @ x, bias - rate * slope.sum(0)


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
    return step(tokens, labels, weight, bias, rate, place=-1, axes=2, twice=True, moves=(1, 0))


@mistake(
    "The last token is still read.", fails="step-token, step-update", says="last patch's token"
)
def last_token(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, place=-1)


@mistake("A norm over all tokens of a picture.", fails="step-norm, step-update",
         says="a norm over all tokens")  # fmt: skip
def one_norm(tokens, labels, weight, bias, rate):
    return step(tokens, labels, weight, bias, rate, axes=2)


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


@mistake("A sum, not a mean.", fails="step-token, step-norm, step-logits, step-update",
         says="none of the faults")  # fmt: skip
def summed(tokens, labels, weight, bias, rate):
    loss, *new = step(tokens, labels, weight, bias, rate)
    return loss * len(tokens), *new


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
