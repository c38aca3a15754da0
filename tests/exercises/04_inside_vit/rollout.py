"""Right and wrong answers to rollout."""

import re
from functools import reduce

import numpy as np
import torch

from bank import mistake, right


def number(name):
    return int(name.split(".")[1])


def layers_of(attentions, key=number):
    return [attentions[name] for name in sorted(attentions, key=key)]


def normalised(layer, residual):
    """Heads averaged, identity added, rows divided by their sums."""
    layer = layer.mean(dim=1)
    layer = layer + residual * torch.eye(layer.shape[-1])
    return layer / layer.sum(dim=-1, keepdim=True)


def product(layers):
    return reduce(lambda joint, layer: layer @ joint, layers)[:, 0, 1:]


@right("As the solutions write it.")
def master(attentions, residual):
    return product([normalised(layer, residual) for layer in layers_of(attentions)])


@right("A row carried back from the last layer.")
def row_by_row(attentions, residual):
    row = None
    for layer in reversed(layers_of(attentions)):
        step = normalised(layer, residual)
        row = step[:, :1] if row is None else torch.bmm(row, step)
    return row[:, 0, 1:]


@right("NumPy, picture by picture.")
def numpy(attentions, residual):
    count = len(attentions)
    result = []
    for picture in range(len(next(iter(attentions.values())))):
        joint = np.eye(next(iter(attentions.values())).shape[-1])
        for n in range(count):
            layer = attentions[f"blocks.{n}"][picture].double().numpy().mean(axis=0)
            layer = layer + residual * np.eye(len(layer))
            joint = (layer / layer.sum(axis=1, keepdims=True)) @ joint
        result.append(joint[0, 1:])
    return torch.from_numpy(np.stack(result)).to(next(iter(attentions.values())).dtype)


@right("Through columns: everything transposed.")
def transposed_throughout(attentions, residual):
    names = sorted(attentions, key=lambda name: int(re.search(r"\d+$", name)[0]))
    joint = None
    for name in names:
        layer = attentions[name].double().mean(1).mT.contiguous()
        layer = layer + residual * torch.eye(len(layer[0]), dtype=torch.float64)
        layer = layer / layer.sum(dim=1)[:, None]
        joint = layer if joint is None else joint @ layer
    return joint[:, 1:, 0]


@mistake(
    "The earlier layer on the left.",
    fails="roll-heads, roll-layers, roll-names, roll-residual, roll-rows",
    says="the product runs the wrong way",
)
def reversed_product(attentions, residual):
    return product([normalised(layer, residual) for layer in layers_of(attentions)][::-1])


@mistake("keepdim forgotten.", fails="roll-rows", says="each COLUMN was divided")
def no_keepdim(attentions, residual):
    steps = []
    for layer in layers_of(attentions):
        mean = layer.mean(dim=1) + residual * torch.eye(layer.shape[-1])
        steps.append(mean / mean.sum(dim=-1)[:, None, :])
    return product(steps)


@mistake(
    "Divided by 1 + residual in place of the sums.", fails="roll-rows", says="the share of a patch"
)
def fixed_sum(attentions, residual):
    steps = []
    for layer in layers_of(attentions):
        mean = layer.mean(dim=1) + residual * torch.eye(layer.shape[-1])
        steps.append(mean / (1 + residual))
    return product(steps)


@mistake(
    "Rows are made to sum to 1 before the identity is added, too.",
    fails="roll-rows",
    says="BEFORE the identity was added",
)
def normalised_twice(attentions, residual):
    steps = []
    for layer in layers_of(attentions):
        mean = layer.mean(dim=1)
        mean = mean / mean.sum(dim=-1, keepdim=True) + residual * torch.eye(layer.shape[-1])
        steps.append(mean / mean.sum(dim=-1, keepdim=True))
    return product(steps)


@mistake(
    "No identity.",
    fails="roll-heads, roll-layers, roll-names, roll-residual, roll-rows",
    says="the identity is missing",
)
def no_identity(attentions, residual):
    return product([normalised(layer, 0.0) for layer in layers_of(attentions)])


@mistake(
    "The identity always counts 1.",
    fails="roll-names, roll-residual, roll-rows",
    says="the identity counts 1, whatever residual says",
)
def always_one(attentions, residual):
    return product([normalised(layer, 1.0) for layer in layers_of(attentions)])


@mistake(
    "The identity is added after the product.",
    fails="roll-heads, roll-layers, roll-names, roll-residual, roll-rows",
    says="the share of a patch",
)
def identity_afterwards(attentions, residual):
    layers = [normalised(layer, 0.0) for layer in layers_of(attentions)]
    joint = reduce(lambda joint, layer: layer @ joint, layers)
    joint = joint + residual * torch.eye(joint.shape[-1])
    return (joint / joint.sum(-1, keepdim=True))[:, 0, 1:]


@mistake("Sorted as words.", fails="roll-names", says="in the order of words")
def sorted_as_words(attentions, residual):
    return product([normalised(layer, residual) for layer in layers_of(attentions, key=str)])


@mistake("In the dictionary's order.", fails="roll-names", says="as they lie in the dictionary")
def dictionary_order(attentions, residual):
    return product([normalised(layer, residual) for layer in attentions.values()])


@mistake(
    "The class token's column.",
    fails="roll-heads, roll-layers, roll-names, roll-residual, roll-rows",
    says="the class token's column",
)
def class_column(attentions, residual):
    layers = [normalised(layer, residual) for layer in layers_of(attentions)]
    return reduce(lambda joint, layer: layer @ joint, layers)[:, 1:, 0]


@mistake("Heads' largest.", fails="roll-heads, roll-names", says="the heads' largest was taken")
def heads_largest(attentions, residual):
    largest = {name: layer.amax(1, keepdim=True) for name, layer in attentions.items()}
    return master(largest, residual)


@mistake("Heads are added up.", fails="roll-heads, roll-names", says="the heads were added up")
def heads_summed(attentions, residual):
    added = {name: layer.sum(1, keepdim=True) for name, layer in attentions.items()}
    return master(added, residual)


@mistake(
    "Every head's rows are divided by their sums, and then averaged.",
    fails="roll-rows",
    says="BEFORE the identity was added",
)
def heads_divided(attentions, residual):
    divided = {name: layer / layer.sum(-1, keepdim=True) for name, layer in attentions.items()}
    return master(divided, residual)


@mistake("Head 0 alone.", fails="roll-heads, roll-names", says="head 0 alone was taken")
def head_0(attentions, residual):
    return master({name: layer[:, :1] for name, layer in attentions.items()}, residual)


@mistake(
    "Head by head, averaged at the end.",
    fails="roll-heads, roll-names",
    says="each head was followed by itself",
)
def heads_apart(attentions, residual):
    heads = next(iter(attentions.values())).shape[1]
    parts = [
        master({name: layer[:, h : h + 1] for name, layer in attentions.items()}, residual)
        for h in range(heads)
    ]
    return torch.stack(parts).mean(0)


@mistake(
    "Averaged over pictures.",
    fails="roll-heads, roll-rows",
    says="wanted (3, 5)",
)
def over_pictures(attentions, residual):
    return master(attentions, residual).mean(0, keepdim=True)


@mistake(
    "Scaled to sum to 1.",
    fails="roll-heads, roll-layers, roll-names, roll-residual, roll-rows",
    says="made to sum to 1 at the end",
)
def rescaled(attentions, residual):
    share = master(attentions, residual)
    return share / share.sum(1, keepdim=True)


@mistake(
    "The last layer alone.",
    fails="roll-heads, roll-layers, roll-names, roll-residual, roll-rows",
    says="the share of a patch",
)
def last_layer(attentions, residual):
    return normalised(layers_of(attentions)[-1], residual)[:, 0, 1:]


@mistake(
    "The class token's own share stays in.",
    fails="roll-heads, roll-layers, roll-names, roll-residual, roll-rows",
    says="the patches without the class",
)
def with_class(attentions, residual):
    layers = [normalised(layer, residual) for layer in layers_of(attentions)]
    return reduce(lambda joint, layer: layer @ joint, layers)[:, 0]


@mistake(
    "Layers are averaged, not multiplied.",
    fails="roll-heads, roll-layers, roll-names, roll-residual, roll-rows",
    says="the share of a patch",
)
def averaged(attentions, residual):
    layers = [normalised(layer, residual) for layer in layers_of(attentions)]
    return torch.stack(layers).mean(0)[:, 0, 1:]


@mistake(
    "The identity is written into what came.", fails="roll-names", says="changed its first argument"
)
def in_place(attentions, residual):
    answer = master(attentions, residual)
    for layer in attentions.values():
        layer += residual
    return answer


@mistake(
    "Rounded.",
    fails="roll-heads, roll-layers, roll-names, roll-residual, roll-rows",
    says="the share of a patch",
)
def rounded(attentions, residual):
    return (master(attentions, residual) * 1000).round() / 1000


@mistake(
    "keepdim forgotten, as one writes it.",
    fails="roll-heads, roll-rows",
    says=("each COLUMN was divided", "Error"),
)
def no_keepdim_plain(attentions, residual):
    steps = []
    for layer in layers_of(attentions):
        mean = layer.mean(dim=1) + residual * torch.eye(layer.shape[-1])
        steps.append(mean / mean.sum(dim=-1))
    return product(steps)


@mistake(
    "Rows are not divided at all.",
    fails="roll-heads, roll-layers, roll-names, roll-residual, roll-rows",
    says="no layer's rows were divided",
)
def undivided(attentions, residual):
    steps = []
    for layer in layers_of(attentions):
        steps.append(layer.mean(dim=1) + residual * torch.eye(layer.shape[-1]))
    return product(steps)


@mistake(
    "Columns are made to sum to 1.",
    fails="roll-heads, roll-layers, roll-names, roll-residual, roll-rows",
    says="each COLUMN was made to sum to 1",
)
def column_sums(attentions, residual):
    steps = []
    for layer in layers_of(attentions):
        mean = layer.mean(dim=1) + residual * torch.eye(layer.shape[-1])
        steps.append(mean / mean.sum(dim=-2, keepdim=True))
    return product(steps)


@mistake("Through float32.", fails="roll-names", says="torch.float64 went in")
def single(attentions, residual):
    return master({name: layer.float() for name, layer in attentions.items()}, residual)


@mistake("Through float32 and back.", fails="roll-names", says="not all its digits")
def single_inside(attentions, residual):
    kind = next(iter(attentions.values())).dtype
    return single(attentions, residual).to(kind)


@mistake(
    "Begins with an identity of float32.", fails="roll-names", says="torch.zeros and torch.eye do"
)
def begins_in_float32(attentions, residual):
    layers = [normalised(layer, residual) for layer in layers_of(attentions)]
    return product([torch.eye(layers[0].shape[-1]).expand_as(layers[0]), *layers])
