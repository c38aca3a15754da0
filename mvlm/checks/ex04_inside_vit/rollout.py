"""Exercise 04, `rollout`: attention through all layers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex04_inside_vit.common import attention, expect_all_digits
from mvlm.checks.expect import Comparison, expect_finite, expect_shape

Layers = dict[str, Tensor]


def _rolled(
    attentions: Layers,
    residual: float,
    *,
    order: Callable[[str], Any] = lambda name: int(name.rsplit(".", 1)[1]),
    backwards: bool = False,
    heads: Callable[[Tensor], Tensor] = lambda layer: layer.mean(dim=1, keepdim=True),
    sums: Callable[[Tensor], Tensor | float] = lambda layer: layer.sum(dim=-1, keepdim=True),
    column: bool = False,
) -> Tensor:
    """The class token's row, carried back from the last layer to the first.

    The keywords plant a mistake; `sums` is what each layer, (B, 1, T, T), is divided by.
    """
    names = sorted(attentions, key=order)
    batch, _, _, tokens = attentions[names[0]].shape
    identity = torch.eye(tokens, dtype=torch.float64)
    row = identity[:1].expand(batch, 1, 1, tokens)
    for name in names if backwards else reversed(names):
        layer = heads(attentions[name].double()) + residual * identity
        step = layer / sums(layer)
        row = row @ (step.mT if column else step)
    return row.mean(dim=1)[:, 0, 1:]


def _divided_first(layer: Tensor) -> Tensor:
    """A mistake: heads are averaged, and rows divided before the identity is added."""
    layer = layer.mean(dim=1, keepdim=True)
    return layer / layer.sum(dim=-1, keepdim=True)


def _read_rollout(value: Any, attentions: Layers, residual: float) -> Tensor:
    one = next(iter(attentions.values()))
    shape = (len(one), one.shape[-1] - 1)
    meaning = "(B, T - 1), the patches without the class token"
    return expect_finite(expect_shape(value, shape, "rollout", meaning, ""), "the shares")


ROLLOUT = Comparison(
    function="rollout",
    what="the share of a patch",
    right=_rolled,
    read=_read_rollout,
    mistakes={
        "the layers are taken in the order of words: blocks.10 before blocks.2": (
            {"order": str},
            "Sort by the NUMBER in the name: int(name.split('.')[1]).",
        ),
        "the layers are taken as they lie in the dictionary, and not by their numbers": (
            {"order": lambda _: 0},
            "Whoever filled it did so in any order. The number in the name says which layer.",
        ),
        "the product runs the wrong way: the later layer belongs on the left": (
            {"backwards": True},
            "Whom does the class token ask last? Those tokens have rows in the layer before.",
        ),
        "each COLUMN was divided by a row's sum, so rows do not sum to 1": (
            {"sums": lambda layer: layer.sum(dim=-1, keepdim=True).mT},
            "sum(dim=-1) of (B, T, T) is (B, T). Which shape lays it along the rows?",
        ),
        "each COLUMN was made to sum to 1: wanted each row": (
            {"sums": lambda layer: layer.sum(dim=-2, keepdim=True)},
            "Row i is the token that looks. Along which dim do its weights lie?",
        ),
        "no layer's rows were divided by their sums after the identity was added": (
            {"sums": lambda _: 1.0},
            "With the identity added, a row sums to more than 1.",
        ),
        "the result was made to sum to 1 at the end: it lacks the class token's share": (
            lambda *given: normalize(_rolled(*given), p=1.0),
            "Nothing is rescaled after the product.",
        ),
        "the identity counts 1, whatever residual says": lambda layers, _: _rolled(layers, 1.0),
        "the identity is missing: a token keeps what it was": (
            lambda layers, _: _rolled(layers, 0.0)
        ),
        "this is the class token's column, what each patch takes from it: wanted its row": {
            "backwards": True,
            "column": True,
        },
        "the heads' largest was taken, wanted their mean": {
            "heads": lambda layer: layer.amax(dim=1, keepdim=True)
        },
        "the heads were added up, wanted their mean: so the identity counts for less": {
            "heads": lambda layer: layer.sum(dim=1, keepdim=True)
        },
        "head 0 alone was taken, wanted the mean of all heads": {
            "heads": lambda layer: layer[:, :1]
        },
        "each head was followed by itself, and averaged at the end: wanted in each layer": {
            "heads": lambda layer: layer
        },
        "rows were divided by their sums BEFORE the identity was added: only afterwards": (
            {"heads": _divided_first},
            "Added to rows that sum to less than 1, the identity counts for more.",
        ),
    },
)


def _layers(student: Student, count: int, *shape: int) -> Layers:
    return {f"blocks.{layer}": attention(student, *shape) for layer in range(count)}


@check(
    "two layers: from the class token back to the patches",
    "By hand, on three tokens: whom does the class token ask in the LAST layer?",
)
def roll_layers(student: Student) -> None:
    tokens = student.integer(4, 6)
    ROLLOUT.run(student, lambda: (_layers(student, 2, 1, 1, tokens, tokens), 1.0))


@check(
    "several pictures, several heads",
    "Which axis of (B, H, T, T) is averaged? Layers are multiplied, heads are not.",
    after=[roll_layers],
)
def roll_heads(student: Student) -> None:
    with student.on("3 pictures, 4 heads, 3 layers"):
        ROLLOUT.run(student, lambda: (_layers(student, 3, 3, 4, 6, 6), 1.0))


@check(
    "the identity counts as much as residual says",
    "residual 0 leaves it out; it is added before the rows are made to sum to 1.",
    after=[roll_layers],
)
def roll_residual(student: Student) -> None:
    for residual in (0.0, 0.5, 3.0):
        with student.on(f"residual {residual}"):
            # One picture: a forgotten keepdim raises no error there, and is met as it is.
            ROLLOUT.run(student, lambda r=residual: (_layers(student, 3, 1, 1, 5, 5), r))


@check(
    "rows that do not sum to 1 when they come",
    "Small weights were set to 0 before. Divide each ROW by its own sum.",
    after=[roll_layers, roll_residual],
)
def roll_rows(student: Student) -> None:
    def pruned(pictures: int) -> tuple[Layers, float]:
        layers = _layers(student, 2, pictures, 1, 5, 5)
        for layer in layers.values():
            layer[layer < layer.amax(dim=-1, keepdim=True) / 4] = 0
        return layers, 0.5

    for pictures in (1, 2):
        with student.on("small weights are 0, so rows sum to less than 1"):
            ROLLOUT.run(student, partial(pruned, pictures))


@check(
    "twelve layers, handed over in any order; float64 stays float64",
    "Is blocks.10 before or after blocks.2?",
    after=[roll_layers],
    keeps_arguments=True,
)
def roll_names(student: Student) -> None:
    def shuffled(order: list[int]) -> tuple[Layers, float]:
        layers = _layers(student, len(order), 1, 2, 5, 5)
        return {f"blocks.{n}": layers[f"blocks.{n}"] for n in order}, 0.2

    with student.on("twelve layers in order"):
        ROLLOUT.run(student, lambda: shuffled(list(range(12))))
    with student.on("three layers, the last one first"):
        ROLLOUT.run(student, lambda: shuffled([2, 0, 1]))
    order = torch.randperm(12, generator=student.generator).tolist()
    with student.on("twelve layers in a random order"):
        ROLLOUT.run(student, lambda: shuffled(order))
    exact = {name: layer.double().softmax(dim=-1) for name, layer in shuffled([0, 1])[0].items()}
    # A quarter is exact in every kind, so the identity may be of float32.
    expect_all_digits(student, ROLLOUT, exact, 0.25)


QUESTION = Question(
    function="rollout",
    title="Attention through all layers",
    minutes=20,
    teaches="the order of the product, and two faults that raise no error",
    checks=(roll_layers, roll_heads, roll_residual, roll_rows, roll_names),
)
