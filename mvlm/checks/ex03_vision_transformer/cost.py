"""Exercise 03, `cost`: what a ViT costs."""

import operator
from functools import partial
from typing import Any

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex03_vision_transformer.common import expect_dictionary
from mvlm.checks.expect import Comparison, a_kind_of

PARTS = ("patches", "qkv", "attention", "out", "mlp", "head")
Config = dict[str, int]


def _patches(c: Config) -> int:
    return (c["height"] // c["patch_size"]) * (c["width_in_pixels"] // c["patch_size"])


def _cost(part: str, c: Config, *, class_tokens: int = 1) -> int:
    """Of one part, as a sum over its products' shapes (A, B) · (B, C)."""
    patches, width, head = _patches(c), c["width"], c["width"] // c["heads"]
    tokens = class_tokens + patches
    products = {
        "patches": [(patches, c["channels"] * c["patch_size"] ** 2, width)],
        "qkv": c["depth"] * [(tokens, width, width)] * 3,
        "attention": c["depth"] * c["heads"] * [(tokens, head, tokens), (tokens, tokens, head)],
        "out": c["depth"] * [(tokens, width, width)],
        "mlp": c["depth"] * [(tokens, width, c["mlp_width"]), (tokens, c["mlp_width"], width)],
        "head": [(1, width, c["classes"])],
    }
    return sum(a * b * d for a, b, d in products[part])


# What each known mistake gives: of the cost of its part, a function of the configuration, and c.
TWICE = {"twice too much: a multiply-add counts once": lambda cost, c: 2 * cost(c)}
IN_A_BLOCK = {
    "this is one block's cost": lambda cost, c: cost(c) // c["depth"],
    "the class token is left out: there are 1 + N tokens": (
        lambda cost, c: cost(c, class_tokens=0)
    ),
}
OF_TWO = {"only one of its two products is counted": lambda cost, c: cost(c) // 2}
MISTAKES = {
    "patches": {
        "a patch has C·P·P numbers, and the channels are left out": (
            lambda cost, c: cost(c) // c["channels"]
        ),
        "it has 3 channels, whatever `channels` says": lambda cost, c: cost(c | {"channels": 3}),
        "the class token is not projected: N patches, not 1 + N": (
            lambda cost, c: cost(c) // _patches(c) * (1 + _patches(c))
        ),
        **TWICE,
    },
    "qkv": {
        "one of its three matrices is counted": lambda cost, c: cost(c) // 3,
        **(IN_A_BLOCK | TWICE),
    },
    "attention": {
        "each of the T² pairs takes D multiply-adds, not one": (
            lambda cost, c: cost(c) // c["width"]
        ),
        "the heads multiply nothing: each is D/H wide": lambda cost, c: cost(c) * c["heads"],
        "this is the cost of one head": lambda cost, c: cost(c) // c["heads"],
        **(IN_A_BLOCK | OF_TWO | TWICE),
    },
    "out": IN_A_BLOCK | TWICE,
    "mlp": {
        "its inner width is taken for 4·D: it is `mlp_width`": (
            lambda cost, c: cost(c | {"mlp_width": 4 * c["width"]})
        ),
        **(IN_A_BLOCK | OF_TWO | TWICE),
    },
    "head": {
        "it reads the class token alone, once": lambda cost, c: cost(c) * (1 + _patches(c)),
        **TWICE,
    },
}


def _read_part(part: str, value: Any, *_: Any) -> int:
    count = expect_dictionary(value, "cost", PARTS)[part]
    if type(count) is not int:
        message = f'"{part}" is {a_kind_of(count)}, wanted a whole number (int)'
        fail(message, "// divides whole numbers, / makes floats.")
    return count


COSTS = {
    part: Comparison(
        function="cost",
        what=f'"{part}"',
        right=partial(_cost, part),
        read=partial(_read_part, part),
        mistakes={
            f"{part}: {says}": partial(gives, partial(_cost, part))
            for says, gives in MISTAKES[part].items()
        },
        alike=operator.eq,
        tells=lambda ours, wanted, part=part: f'"{part}" is {ours:,}, wanted {wanted:,}',
    )
    for part in PARTS
}


def _cost_given(student: Student) -> Config:
    size, heads = student.integer(3, 5), student.integer(2, 4)
    width = heads * student.integer(5, 7)
    return {
        "height": size * student.integer(2, 4),
        "width_in_pixels": size * student.integer(5, 7),
        "channels": student.integer(4, 6),
        "patch_size": size,
        "width": width,
        "depth": student.integer(3, 5),
        "heads": heads,
        "mlp_width": 4 * width + student.integer(1, 9),
        "classes": student.integer(11, 17),
    }


def _costs_of(student: Student, *parts: str) -> None:
    for part in parts:
        COSTS[part].run(student, lambda: (_cost_given(student),))


@check(
    "the projection of the patches, and the head",
    "Before the blocks there are N patches, without the class token. What does the head read?",
    keeps_arguments=True,
)
def cost_ends(student: Student) -> None:
    _costs_of(student, "patches", "head")


@check(
    "the matrices around attention",
    "Write the two shapes of each product, with T = 1 + N, for one block.",
)
def cost_matrices(student: Student) -> None:
    _costs_of(student, "qkv", "out")


@check(
    "scores and weighted sums",
    "One head: (T, d) · (d, T), then (T, T) · (T, d). There are H of them, and H·d is D.",
)
def cost_attention(student: Student) -> None:
    _costs_of(student, "attention")


@check("the MLP", "Two products a block: up to M and down again. How many tokens take part?")
def cost_mlp(student: Student) -> None:
    _costs_of(student, "mlp")


QUESTION = Question(
    function="cost",
    title="What a ViT costs",
    minutes=20,
    teaches="which part grows with N, and which with N²",
    checks=(cost_ends, cost_matrices, cost_attention, cost_mlp),
)
