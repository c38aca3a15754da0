"""Exercise 03, `block`: a block."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex03_vision_transformer.common import attended
from mvlm.checks.expect import Comparison, close, equal, expect_shape, expect_slopes

Weights = dict[str, Tensor]


def _block(
    x: Tensor,
    weights: Weights,
    heads: int,
    *,
    path: Callable[..., Tensor] = lambda x, a, m, n1, n2: (y := x + a(n1(x))) + m(n2(y)),
    bend: Callable[[Tensor], Tensor] = lambda x: x * torch.special.ndtr(x),
    eps: float = 1e-6,
    gather: Callable[..., Tensor] = attended,
) -> Tensor:
    """A block in float64.

    The mistakes: another path of x through attention a, MLP m and the norms n1 and n2; another
    function than the GELU, x·Φ(x); another eps; another attention.
    """
    weights = {name: one.double() for name, one in weights.items()}

    def linear(name: str, x: Tensor) -> Tensor:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def attention(x: Tensor) -> Tensor:
        query, key, value = linear("attention.qkv", x).chunk(3, -1)
        seen = torch.ones(len(x), x.shape[1], x.shape[1], dtype=torch.bool)
        return linear("attention.out", gather(query, key, value, heads, seen))

    def mlp(x: Tensor) -> Tensor:
        return linear("mlp.down", bend(linear("mlp.up", x)))

    def norm(name: str, x: Tensor) -> Tensor:
        root = (x.var(-1, correction=0, keepdim=True) + eps).sqrt()
        scaled = (x - x.mean(-1, keepdim=True)) / root
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    return path(x.double(), attention, mlp, partial(norm, "norm1"), partial(norm, "norm2"))


POST = {"path": lambda x, a, m, n1, n2: n2((y := n1(x + a(x))) + m(y))}
MISTAKES = {
    "x came out as it went in: attention added nothing, or the MLP's result was added to x: it "
    "belongs to x′": {"path": lambda x, a, m, n1, n2: x},
    "the norms stand after the additions: they belong before attention and MLP": POST,
    "the path itself was normalised: x is overwritten by its norm": [
        {"path": lambda x, a, m, n1, n2: (z := n2((y := n1(x)) + a(y))) + m(z)},
        {"path": lambda x, a, m, n1, n2: (z := (y := n1(x)) + a(y)) + m(n2(z))},
        {"path": lambda x, a, m, n1, n2: (z := n2(x + a(n1(x)))) + m(z)},
    ],
    "nothing is added to what attention gathers: x is lost there": {
        "path": lambda x, a, m, n1, n2: (y := a(n1(x))) + m(n2(y))
    },
    "nothing is added to what the MLP gives: x′ is lost there": {
        "path": lambda x, a, m, n1, n2: m(n2(x + a(n1(x))))
    },
    "the MLP reads x: it works on x′, after attention": {
        "path": lambda x, a, m, n1, n2: x + a(n1(x)) + m(n2(x))
    },
    "norm1 serves both branches: the MLP has norm2": {
        "path": lambda x, a, m, n1, n2: (y := x + a(n1(x))) + m(n1(y))
    },
    "attention reads x without norm1": {"path": lambda x, a, m, n1, n2: (y := x + a(x)) + m(n2(y))},
    "the MLP reads x′ without norm2": {"path": lambda x, a, m, n1, n2: (y := x + a(n1(x))) + m(y)},
    "the MLP bends with the approximate GELU: the exact one is wanted": {
        "bend": partial(F.gelu, approximate="tanh")
    },
    "the MLP bends with a ReLU: the exact GELU is wanted": {"bend": torch.relu},
    "a norm has torch's own eps, 1e-5: 1e-6 is wanted": {"eps": 1e-5},
}
OF_HEADS = {
    "the scores are divided by √D, the width of all heads": {
        "gather": partial(attended, divisor=lambda width, heads: width**0.5)
    },
    "this is attention of one head, whatever `heads` says": {
        "gather": lambda q, k, v, heads, seen: attended(q, k, v, 1, seen)
    },
}
NUMBERS = "A score is a sum over the numbers of one head. Which are these, and how many?"
LINES = "Compare your lines with x′ and x″ in the contract, one by one."
BLOCK = Comparison(
    function="block",
    what="the token",
    right=_block,
    read=lambda value, x, *_: expect_shape(value, x.shape, "block", "(B, T, D)"),
    mistakes={says: (changed, LINES) for says, changed in MISTAKES.items()}
    | {says: (changed, NUMBERS) for says, changed in OF_HEADS.items()},
    alike=lambda ours, wanted: close(ours, wanted, 2e-4),
)
# Where nothing is added, two mistakes give the same; other checks tell them apart.
NORMED = "normed tokens came out: x was overwritten, or a norm stands after an addition"
NORMS = [POST, {"path": lambda x, a, m, n1, n2: n1(x)}, {"path": lambda x, a, m, n1, n2: n2(x)}]
ZEROS = {"path": lambda x, a, m, n1, n2: 0 * x}
PATH = replace(
    BLOCK,
    mistakes={
        NORMED: (NORMS, None),
        "only zeros came out: x is lost": (
            ZEROS,
            "What is added to attention's result, and what to the MLP's?",
        ),
    },
)


def _block_given(student: Student, *off: str, heads: int = 2) -> tuple[Tensor, Weights, int]:
    """Arguments of block; the parts named in `off` have their last matrix at 0."""
    shapes = {
        "attention.qkv": (24, 8),
        "attention.out": (8, 8),
        "mlp.up": (11, 8),
        "mlp.down": (8, 11),
    }
    weights = {}
    for name, (rows, columns) in shapes.items():
        weights[f"{name}.weight"] = student.normal(rows, columns) * 1.5 / columns**0.5
        weights[f"{name}.bias"] = student.normal(rows) / 2
    for name in ("norm1", "norm2"):
        weights[f"{name}.weight"] = 1 + student.normal(8) / 2
        weights[f"{name}.bias"] = student.normal(8) / 2
    for name in off:
        weights[f"{name}.weight"].zero_()
        weights[f"{name}.bias"].zero_()
    return 2 * student.normal(2, 4, 8) + 0.5, weights, heads


@check(
    "with both last matrices at 0 the tokens pass through",
    "Two additions lead from x to the result. Is x still x when the second is made?",
)
def block_path(student: Student) -> None:
    PATH.run(student, partial(_block_given, student, "attention.out", "mlp.down"))
    with student.on("matrices that are not 0"):
        x, *others = _block_given(student)
        if equal(PATH.read(student.call("block", x, *others), x), x):
            fail("x came out as it went in here, too: nothing is added", "")


@check(
    "attention reads normed tokens and is added",
    "Which rows of qkv are the queries'? Which numbers belong to head 1? What is added to what?",
)
def block_attention(student: Student) -> None:
    for heads in (1, 2, 4):
        with student.on(f"an MLP of zeros, {heads} head{'s' * (heads > 1)}"):
            BLOCK.run(student, partial(_block_given, student, "mlp.down", heads=heads))


@check(
    "the whole block",
    "x′ = x + attention(norm1(x)), then x″ = x′ + MLP(norm2(x′)): which line differs?",
    after=[block_attention],
    keeps_arguments=True,
)
def block_whole(student: Student) -> None:
    BLOCK.run(student, partial(_block_given, student))
    for off, place in ((), "norm1"), (("attention.out",), "norm2"):
        x, weights, heads = _block_given(student, *off)
        nearly = f"nearly constant tokens, where the eps of {place} counts"
        BLOCK.each(student, {nearly: (1e-3 * x, weights, heads)})


@check(
    "gradients reach the tokens",
    "What leaves the graph: .detach(), .numpy(), torch.no_grad(), a new tensor made of numbers?",
    after=[block_whole],
)
def block_slopes(student: Student) -> None:
    x, weights, heads = _block_given(student)
    expect_slopes(student, "block", x, weights, heads, learns={0: "tokens"})


QUESTION = Question(
    function="block",
    title="A block",
    minutes=20,
    teaches="what is normalised, what is added to what, and with which weights",
    checks=(block_path, block_attention, block_whole, block_slopes),
)
