"""Exercise 03, `block`: a block."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex03_vision_transformer.common import attended
from mvlm.checks.expect import Comparison, close, equal, expect_shape, expect_slopes

Weights = dict[str, Tensor]


def _norm(x: Tensor, weights: Weights, name: str, eps: float = 1e-6) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.pow(2).mean(-1, keepdim=True) + eps).sqrt()
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def _linear(x: Tensor, weights: Weights, name: str) -> Tensor:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _attention(x: Tensor, weights: Weights, heads: int) -> Tensor:
    query, key, value = _linear(x, weights, "attention.qkv").chunk(3, -1)
    mask = torch.ones(len(x), x.shape[1], x.shape[1], dtype=torch.bool)
    return _linear(attended(query, key, value, heads, mask), weights, "attention.out")


def _mlp(x: Tensor, weights: Weights, bend: Callable[[Tensor], Tensor]) -> Tensor:
    return _linear(bend(_linear(x, weights, "mlp.up")), weights, "mlp.down")


def _gelu(x: Tensor) -> Tensor:
    return x * (1 + torch.erf(x / 2**0.5)) / 2


def _tanh_gelu(x: Tensor) -> Tensor:
    return x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3))) / 2


def _block(kind: str = "") -> Callable[..., Tensor]:
    """A block in float64, or one with a named mistake."""

    def gives(x: Tensor, weights: Weights, heads: int) -> Tensor:
        x, weights = x.double(), {name: one.double() for name, one in weights.items()}
        bend = {"tanh": _tanh_gelu, "relu": torch.relu}.get(kind, _gelu)
        norm = partial(_norm, weights=weights, eps=1e-5 if kind == "eps" else 1e-6)
        second = "norm1" if kind == "one norm" else "norm2"
        if kind == "nothing":
            return x
        if kind == "post":
            x = norm(x + _attention(x, weights, heads), name="norm1")
            return norm(x + _mlp(x, weights, bend), name="norm2")
        if kind == "overwritten":
            x = norm(x, name="norm1")
            x = norm(x + _attention(x, weights, heads), name="norm2")
            return x + _mlp(x, weights, bend)
        read = x if kind == "first unnormed" else norm(x, name="norm1")
        gathered = _attention(read, weights, heads)
        after = gathered if kind == "first alone" else x + gathered
        if kind == "side by side":
            return after + _mlp(norm(x, name=second), weights, bend)
        read = after if kind == "second unnormed" else norm(after, name=second)
        worked = _mlp(read, weights, bend)
        return worked if kind == "second alone" else after + worked

    return gives


BLOCK = Comparison(
    function="block",
    what="the token",
    right=_block(),
    read=lambda value, x, *_: expect_shape(value, x.shape, "block", "(B, T, D)"),
    mistakes={
        says: (_block(kind), "Compare your lines with x′ and x″ in the contract, one by one.")
        for kind, says in (
            (
                "nothing",
                "x came out as it went in: attention added nothing, or the MLP's result was added "
                "to x: it belongs to x′",
            ),
            ("post", "the norms stand after the additions: they belong before attention and MLP"),
            ("overwritten", "the path itself was normalised: x is overwritten by its norm"),
            ("first alone", "nothing is added to what attention gathers: x is lost there"),
            ("second alone", "nothing is added to what the MLP gives: x′ is lost there"),
            ("side by side", "the MLP reads x: it works on x′, after attention"),
            ("one norm", "norm1 serves both branches: the MLP has norm2"),
            ("first unnormed", "attention reads x without norm1"),
            ("second unnormed", "the MLP reads x′ without norm2"),
            ("tanh", "the MLP bends with the approximate GELU: the exact one is wanted"),
            ("relu", "the MLP bends with a ReLU: the exact GELU is wanted"),
            ("eps", "a norm has torch's own eps, 1e-5: 1e-6 is wanted"),
        )
    },
    alike=lambda ours, wanted: close(ours, wanted, 2e-4),
)


def _weights(student: Student, width: int) -> Weights:
    inner = width + 3
    shapes = {
        "attention.qkv": (3 * width, width),
        "attention.out": (width, width),
        "mlp.up": (inner, width),
        "mlp.down": (width, inner),
    }
    weights = {}
    for name, (rows, columns) in shapes.items():
        weights[f"{name}.weight"] = student.normal(rows, columns) * 1.5 / columns**0.5
        weights[f"{name}.bias"] = student.normal(rows) / 2
    for name in ("norm1", "norm2"):
        weights[f"{name}.weight"] = 1 + student.normal(width) / 2
        weights[f"{name}.bias"] = student.normal(width) / 2
    return weights


def _block_given(student: Student, *off: str, heads: int = 2) -> tuple[Tensor, Weights, int]:
    """Arguments of block; the parts named in `off` have their last matrix at 0."""
    weights = _weights(student, 8)
    for name in off:
        for end in ("weight", "bias"):
            weights[f"{name}.{end}"] = torch.zeros_like(weights[f"{name}.{end}"])
    return 2 * student.normal(2, 4, 8) + 0.5, weights, heads


# Where nothing is added, two mistakes give the same; other checks tell them apart.
PATH = replace(
    BLOCK,
    mistakes={
        "normed tokens came out: x was overwritten, or a norm stands after an addition": (
            _block("post"),
            None,
        )
    },
)


@check(
    "with both last matrices at 0 the tokens pass through",
    "Two additions lead from x to the result. Is x still x when the second is made?",
)
def block_path(student: Student) -> None:
    PATH.run(student, lambda: _block_given(student, "attention.out", "mlp.down"))
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
            BLOCK.run(student, lambda h=heads: _block_given(student, "mlp.down", heads=h))


@check(
    "the whole block",
    "x′ = x + attention(norm1(x)), then x″ = x′ + MLP(norm2(x′)): which line differs?",
    after=[block_attention],
    keeps_arguments=True,
)
def block_whole(student: Student) -> None:
    BLOCK.run(student, lambda: _block_given(student))
    for off, place in ((), "norm1"), (("attention.out",), "norm2"):
        with student.on(f"nearly constant tokens, where the eps of {place} counts"):
            x, weights, heads = _block_given(student, *off)
            BLOCK.run(student, lambda: (1e-3 * x, weights, heads))  # noqa: B023


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
