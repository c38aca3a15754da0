"""Exercise 03, `cost`: what a ViT costs."""

import operator
from collections.abc import Callable
from typing import Any

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex03_vision_transformer.common import expect_dictionary
from mvlm.checks.expect import Comparison, kind_of

PARTS = ("patches", "qkv", "attention", "out", "mlp", "head")
Config = dict[str, int]


def _costs(c: Config, *, tokens: int = 0) -> dict[str, int]:
    """Of each part, as a sum over the products' shapes (A, B) · (B, C)."""
    rows, columns = c["height"] // c["patch_size"], c["width_in_pixels"] // c["patch_size"]
    patches, width = rows * columns, c["width"]
    tokens = tokens or 1 + patches
    head = width // c["heads"]
    products = {
        "patches": [(patches, c["channels"] * c["patch_size"] ** 2, width)],
        "qkv": c["depth"] * [(tokens, width, width)] * 3,
        "attention": c["depth"] * c["heads"] * [(tokens, head, tokens), (tokens, tokens, head)],
        "out": c["depth"] * [(tokens, width, width)],
        "mlp": c["depth"] * [(tokens, width, c["mlp_width"]), (tokens, c["mlp_width"], width)],
        "head": [(1, width, c["classes"])],
    }
    return {name: sum(a * b * d for a, b, d in shapes) for name, shapes in products.items()}


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


def _patches(c: Config) -> int:
    return (c["height"] // c["patch_size"]) * (c["width_in_pixels"] // c["patch_size"])


Mistakes = dict[str, Callable[[Config], int]]


def _part_mistakes(part: str) -> Mistakes:
    """What each known mistake about one part gives, those first that belong to it alone."""

    def right(c: Config) -> int:
        return _costs(c)[part]

    own: dict[str, Mistakes] = {
        "patches": {
            "a patch has C·P·P numbers, and the channels are left out": (
                lambda c: right(c) // c["channels"]
            ),
            "it has 3 channels, whatever `channels` says": lambda c: right(c | {"channels": 3}),
            "the class token is not projected: N patches, not 1 + N": (
                lambda c: right(c) // _patches(c) * (1 + _patches(c))
            ),
        },
        "qkv": {"one of its three matrices is counted": lambda c: right(c) // 3},
        "attention": {
            "each of the T² pairs takes D multiply-adds, not one": (
                lambda c: right(c) // c["width"]
            ),
            "the heads multiply nothing: each is D/H wide": lambda c: right(c) * c["heads"],
            "this is the cost of one head": lambda c: right(c) // c["heads"],
        },
        "mlp": {
            "its inner width is taken for 4·D: it is `mlp_width`": (
                lambda c: right(c | {"mlp_width": 4 * c["width"]})
            )
        },
        "head": {
            "it reads the class token alone, once": lambda c: right(c) * (1 + _patches(c)),
        },
    }
    blocks: Mistakes = {
        "this is one block's cost": lambda c: right(c) // c["depth"],
        "the class token is left out: there are 1 + N tokens": (
            lambda c: _costs(c, tokens=_patches(c))[part]
        ),
    }
    if part in ("attention", "mlp"):
        blocks["only one of its two products is counted"] = lambda c: right(c) // 2
    twice: Mistakes = {"twice too much: a multiply-add counts once": lambda c: 2 * right(c)}
    known = own.get(part, {}) | ({} if part in ("patches", "head") else blocks) | twice
    return {f"{part}: {says}": gives for says, gives in known.items()}


def _read_part(part: str) -> Callable[..., int]:
    def read(value: Any, *_: Any) -> int:
        count = expect_dictionary(value, "cost", PARTS)[part]
        if type(count) is not int:
            message = f'"{part}" is a {kind_of(count)}, wanted a whole number (int)'
            fail(message, "// divides whole numbers, / makes floats.")
        return count

    return read


COSTS = {
    part: Comparison(
        function="cost",
        what=f'"{part}"',
        right=lambda c, part=part: _costs(c)[part],
        read=_read_part(part),
        mistakes=_part_mistakes(part),
        alike=operator.eq,
        tells=lambda ours, wanted, part=part: f'"{part}" is {ours:,}, wanted {wanted:,}',
    )
    for part in PARTS
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
