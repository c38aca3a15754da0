"""Exercise 03: attention with a mask, class token, a block, its cost, two probes, a faulty step.

What is right is worked out here in float64: attention query by query in loops, a block from the
paper's equations, the cost from the shapes of its products.
"""

import itertools
import operator
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import AnswerFailed, Exercise, Question, Student, check, fail
from mvlm.checks.expect import (
    DIGITS,
    Comparison,
    close,
    doubles,
    equal,
    expect_finite,
    expect_kind,
    expect_number,
    expect_parts,
    expect_shape,
    expect_slopes,
    kind_of,
    same,
)

BRAIN = (
    "bfloat16 has 8 bits for a number's digits: from 512 on it knows every fourth whole number. "
    "Which kinds do you widen before the product?"
)

# attend -----------------------------------------------------------------------------------------


def _attended(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    heads: int,
    mask: Tensor,
    *,
    divisor: Callable[[int, int], float] = lambda width, heads: (width / heads) ** 0.5,
    after: bool = False,
) -> Tensor:
    """Attention in float64, query by query.

    The mistakes: another divisor (of D and H), keys hidden after the softmax.
    """
    query, key, value = query.double(), key.double(), value.double()
    width = query.shape[-1] // heads
    result = torch.zeros_like(query)
    rows = itertools.product(range(len(query)), range(query.shape[1]), range(heads))
    for picture, place, head in rows:
        own = slice(head * width, (head + 1) * width)
        seen = mask[picture, place]
        if not seen.any():
            continue
        scores = key[picture, :, own] @ query[picture, place, own]
        scores = scores / divisor(query.shape[-1], heads)
        weights = scores.softmax(0)[seen] if after else scores[seen].softmax(0)
        result[picture, place, own] = weights @ value[picture, seen, own]
    return result


def _read_attended(value: Any, query: Tensor, *_: Any) -> Tensor:
    return expect_shape(value, query.shape, "attend", "(B, T, D)")


def _at_once(*given: Any, over_queries: bool) -> Tensor:
    """A mistake: the softmax along the queries, or heads cut by a reshape alone."""
    query, key, value, heads, mask = given

    def split(x: Tensor) -> Tensor:
        x = x.double()
        if over_queries:
            return x.unflatten(-1, (heads, -1)).transpose(1, 2)
        return x.reshape(len(x), heads, x.shape[1], -1)

    q, k, v = map(split, (query, key, value))
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask[:, None], -1e30)
    gathered = scores.softmax(-2 if over_queries else -1) @ v
    return (gathered.transpose(1, 2) if over_queries else gathered).reshape(query.shape)


def _seeing(change: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """A mistake: another mask."""
    return lambda q, k, v, heads, mask: _attended(q, k, v, heads, change(mask))


HIDDEN = "What must a score be so that its weight comes out as 0?"

ATTEND = Comparison(
    function="attend",
    what="the result",
    right=_attended,
    read=_read_attended,
    mistakes={
        "the scores were divided by √D, the width of all heads together": (
            partial(_attended, divisor=lambda width, heads: width**0.5),
            "A score is a sum over the numbers of one head. How many are these?",
        ),
        "the scores were not divided at all": (
            partial(_attended, divisor=lambda width, heads: 1.0),
            "Which number keeps their variance at 1?",
        ),
        "the scores were divided by √H, the number of heads": (
            partial(_attended, divisor=lambda width, heads: heads**0.5),
            "A score is a sum over the numbers of one head. How many are these?",
        ),
        "this is attention of one head, whatever `heads` says": (
            lambda q, k, v, heads, mask: _attended(q, k, v, 1, mask),
            "Each head has its own slice of the numbers and its own softmax.",
        ),
        "a hidden key still takes part: it was hidden after the softmax had counted it": (
            partial(_attended, after=True),
            HIDDEN,
        ),
        "the mask is read the wrong way round: True means that a query may look": _seeing(
            torch.logical_not
        ),
        "the mask has no effect: hidden keys take part as all others": (
            _seeing(torch.ones_like),
            HIDDEN,
        ),
        "the mask was transposed: it is (B, T, S), a row for each query": lambda *given: (
            _seeing(lambda mask: mask.mT)(*given) if given[0].shape == given[1].shape else None
        ),
        "the first picture's mask was used for all: each picture has its own": _seeing(
            lambda mask: mask[:1].expand_as(mask)
        ),
        "the softmax ran over the queries: each row shall sum to 1, over the keys": (
            partial(_at_once, over_queries=True),
            "Which axis of (B, H, T, S) are the keys?",
        ),
        "the heads were cut by a reshape alone, so a head holds pieces of several tokens": (
            partial(_at_once, over_queries=False),
            "Name the axes (B, T, H, d) first; then which two change places?",
        ),
    },
)


def _looks(
    student: Student, *, hidden: bool, heads: int, width: int = 8, square: bool = False
) -> tuple[Any, ...]:
    """Arguments of attend; with `hidden`, some keys are, but no query and no key from all."""
    batch, asking, seen = 2, student.integer(3, 4), student.integer(5, 6)
    asking = seen if square else asking
    query, key, value = (student.normal(batch, n, width) for n in (asking, seen, seen))
    mask = torch.ones(batch, asking, seen, dtype=torch.bool)
    if hidden:
        mask = student.normal(batch, asking, seen) > 0
        mask[..., 0], mask[..., 1], mask[:, 0] = True, False, True
    return 1.5 * query, 1.5 * key, value, heads, mask


def _far_looks(student: Student, size: float) -> tuple[Any, ...]:
    """Scores of size²·2 and a few beside it, negative for a negative size, exact in float32."""
    _, _, value, heads, mask = _looks(student, hidden=True, heads=2)
    query = torch.full((*mask.shape[:2], 8), abs(size))
    steps = torch.arange(mask.shape[2]) % 4 * 2 / abs(size)  # the scores differ by 0, 1, 2, 3
    key = torch.full_like(value, size)
    key[..., ::4] += steps[:, None]  # the first number of each head
    return query, key, value, heads, mask


def _padded(student: Student) -> tuple[Any, ...]:
    """One key of each picture, another in each, is hidden from every query, and holds nan."""
    query, key, value, heads, mask = _looks(student, hidden=True, heads=2)
    for picture, place in enumerate((-1, -2)):
        mask[picture, :, place] = False
        key[picture, place], value[picture, place] = torch.nan, torch.nan
    return query, key, value, heads, mask


def _one_each(student: Student) -> tuple[Any, ...]:
    """Scores of −2e12, and one key for each query: the result is its value, however they round."""
    query, key, value, heads, mask = _far_looks(student, -(2.0**20))
    mask[:] = torch.eye(*mask.shape[1:], dtype=torch.bool).roll(1, 1)
    return query, key, value, heads, mask


def _expect_finite_slopes(student: Student, *given: Any) -> None:
    learning = [one.clone().requires_grad_() for one in given[:3]]
    slopes = student.look("attend", *learning, *given[3:]).slopes
    for slope, name in zip(slopes, ("query", "key", "value"), strict=True):
        if slope is not None:
            expect_finite(slope, f"the slopes of the {name}")


PADDING = "0 · nan is nan. Which keys does no query see? What may stand there before the products?"
FAR = (
    "exp(−131072) is 0, and exp(100) is inf: torch.softmax subtracts the largest score of a row "
    "first. And a hidden score of −20 or −10000 is not low beside −131072, nor −1e9 beside −2e12. "
    f"{HIDDEN}"
)
LOOKED_AT = (
    "nan_to_num hides a fault of the model. Which numbers may be replaced, and what tells you?"
)


@check(
    "each head gathers what its queries ask for",
    "Try one head first. What changes with the second: which numbers, and the divisor?",
)
def attend_heads(student: Student) -> None:
    for heads, width in ((2, 8), (3, 6), (1, 5)):
        with student.on(f"{heads} head{'s' * (heads > 1)} of width {width // heads}"):
            ATTEND.run(
                student, lambda h=heads, w=width: _looks(student, hidden=False, heads=h, width=w)
            )


@check(
    "a hidden key has no influence",
    "The softmax shares 1 among all scores it is given. Where must the mask be applied?",
    after=[attend_heads],
    keeps_arguments=True,
)
def attend_mask(student: Student) -> None:
    ATTEND.each(
        student,
        {
            "two heads": lambda: _looks(student, hidden=True, heads=2),
            "one head": lambda: _looks(student, hidden=True, heads=1),
            "as many queries as keys": lambda: _looks(student, hidden=True, heads=2, square=True),
        },
    )
    for place, given in (
        ("scores near -131,072", _far_looks(student, -256.0)),
        ("scores near 131,072", _far_looks(student, 256.0)),
        ("scores near -2e12, one key for each query", _one_each(student)),
    ):
        with student.on(place, FAR):
            ours = _read_attended(student.call("attend", *given), given[0])
            if not close(expect_finite(ours, "the results"), _attended(*given)):
                fail("the results are right for small scores, and not for these")
    with student.on("padding that holds nan", PADDING):
        given = _padded(student)
        ours = _read_attended(student.call("attend", *given), given[0])
        if not close(expect_finite(ours, "the results"), _attended(*given)):
            fail("numbers that no query may look at change the result")
        _expect_finite_slopes(student, *given)
    with student.on("a nan in a value that every query may look at", LOOKED_AT):
        query, key, value, heads, mask = _looks(student, hidden=False, heads=2)
        value[0, 2] = torch.nan
        ours = _read_attended(student.call("attend", query, key, value, heads, mask), query)
        if not bool(ours[0].isnan().all()):
            fail("the results of its picture are numbers: the nan was hidden")


@check(
    "a query that may look at nothing gets zeros, and no gradient is nan",
    "A softmax over nothing but -inf is 0/0. Can you keep nan from arising at all?",
    after=[attend_mask],
)
def attend_nothing(student: Student) -> None:
    query, key, value, heads, mask = _looks(student, hidden=True, heads=2)
    mask[0, 1] = False
    mask[1, 0] = False
    value_of = student.call("attend", query, key, value, heads, mask)
    ours = expect_finite(_read_attended(value_of, query), "the results")
    if not equal(ours[0, 1], torch.zeros(8)):
        fail("a query that may look at nothing got other numbers than 0")
    if not close(ours, _attended(query, key, value, heads, mask)):
        fail("beside a query that may look at nothing, the other results are not right", "")
    _expect_finite_slopes(student, query, key, value, heads, mask)


@check(
    "every kind of float comes back, worked out in float32 or better",
    "What is the largest number of float16? What comes first: the product, or .float()?",
    after=[attend_heads, attend_mask],
)
def attend_half(student: Student) -> None:
    query, key, value, heads, _ = _looks(student, hidden=False, heads=2)
    whole = _far_looks(student, 16.0)[:3]  # scores near 512: bfloat16 knows every fourth number
    digits = [one.double() / 3 for one in (query, key, value)]
    for kind, place, hint, given in (
        (torch.float16, ", scores near 100,000", None, [200 * query, 200 * key, value]),
        (torch.bfloat16, ", scores from 512 to 515", BRAIN, whole),
        (torch.float64, "", DIGITS, digits),
    ):
        seen = torch.ones(len(given[0]), given[0].shape[1], given[1].shape[1], dtype=torch.bool)
        with student.on(f"{kind}{place}", hint):
            given = [one.to(kind) for one in given]
            ours = _read_attended(student.call("attend", *given, heads, seen), given[0])
            expect_kind(ours, given[0], "the result is of the kind of the query")
            expect_finite(ours, "the results")
            single = student.call("attend", *(one.float() for one in given), heads, seen)
            wanted, near = _attended(*given, heads, seen), 1e-2 if kind.itemsize < 4 else 1e-10
            if not close(_read_attended(single, given[0]), wanted, 1e-3):
                wanted, near = single, 1e-2  # wrong for another reason, which other checks name
            if not close(ours, wanted, near):
                wide = "float64" if kind is torch.float64 else "float32"
                fail(f"the results are not those that the same numbers give in {wide}")


@check(
    "gradients reach query, key and value",
    "What leaves the graph: .detach(), .numpy(), torch.no_grad(), a new tensor made of numbers?",
    after=[attend_mask],
)
def attend_slopes(student: Student) -> None:
    given = _looks(student, hidden=True, heads=2, width=6)
    learns = {0: "query", 1: "key", 2: "value"}
    expect_slopes(student, "attend", *given, learns=learns)


# merge_class_token ------------------------------------------------------------------------------


def _merged(patches: Tensor, class_token: Tensor, positions: Tensor) -> Tensor:
    rows = [
        torch.stack([class_token, *picture]).double() + positions.double() for picture in patches
    ]
    return torch.stack(rows)


def _read_merged(value: Any, patches: Tensor, *_: Any) -> Tensor:
    batch, count, width = patches.shape
    meaning = "(B, 1 + N, D), one token more than patches"
    return expect_shape(value, (batch, 1 + count, width), "merge_class_token", meaning)


def _other(
    token: Callable[[Tensor], Tensor] = torch.clone,
    places: Callable[[Tensor], Tensor] = torch.clone,
) -> Callable[..., Tensor]:
    """A mistake: all is right but the class token, or the positions."""
    return lambda patches, mine, rows: _merged(patches, token(mine), places(rows))


def _at_the_end(patches: Tensor, class_token: Tensor, positions: Tensor) -> Tensor:
    tokens = torch.cat((patches, class_token.expand(len(patches), 1, -1)), 1)
    return (tokens + positions).double()


MERGED = Comparison(
    function="merge_class_token",
    what="the token",
    right=_merged,
    read=_read_merged,
    mistakes={
        "the class token stands at the end: it comes first": _at_the_end,
        "the class token and its position stand at the end: they come first": (
            lambda patches, token, positions: _at_the_end(patches, token, positions.roll(-1, 0))
        ),
        "the class token has no position: the first row of `positions` is its own": _other(
            places=lambda rows: torch.cat((0 * rows[:1], rows[1:]))
        ),
        "the first row is the position alone: where is the class token?": _other(
            token=torch.zeros_like
        ),
        "no position was added": _other(places=torch.zeros_like),
        "every token got the class token's position": _other(
            places=lambda rows: rows[:1].expand_as(rows)
        ),
        "every patch got the position of the place before it: row 0 is the class token's": _other(
            places=lambda rows: torch.cat((rows[:1], rows[:-1]))
        ),
    },
)


def _tokens(student: Student, batch: int) -> tuple[Tensor, Tensor, Tensor]:
    count, width = student.integer(4, 6), student.integer(3, 5)
    return (
        student.normal(batch, count, width),
        student.normal(width),
        student.normal(1 + count, width),
    )


@check(
    "the class token first, and each token with its own place",
    "Write down the axes of all three arguments. Which of them have a batch axis?",
)
def cls_values(student: Student) -> None:
    MERGED.run(student, lambda: _tokens(student, 2))


@check(
    "a batch of any size, also as large as the picture has tokens",
    "Positions belong to places, not to rows of the batch. What is broadcast over what?",
    after=[cls_values],
    keeps_arguments=True,
)
def cls_batch(student: Student) -> None:
    for batch in (1, 3):
        with student.on(f"a batch of {batch}"):
            MERGED.run(student, lambda b=batch: _tokens(student, b))
    with student.on("as many pictures as tokens"):
        MERGED.run(
            student, lambda: (student.normal(5, 4, 3), student.normal(3), student.normal(5, 3))
        )


@check(
    "every kind of float comes back as it came",
    "Which of your steps makes numbers of another kind? torch.zeros does, unless told.",
    after=[cls_values],
)
def cls_kind(student: Student) -> None:
    for kind in (torch.float64, torch.float16):
        with student.on(f"{kind}", DIGITS if kind is torch.float64 else None):
            given = [(one.double() / 3).to(kind) for one in _tokens(student, 2)]
            ours = _read_merged(student.call("merge_class_token", *given), given[0])
            expect_kind(ours, given[0], "the result is of the kind of the patches")
            if not close(ours, _merged(*given), 1e-9 if kind is torch.float64 else 5e-3):
                fail("numbers were rounded on the way")


@check(
    "gradients reach the patches, the class token and the positions",
    "What leaves the graph: .detach(), .data, torch.no_grad(), a new tensor made of numbers?",
    after=[cls_values],
)
def cls_slopes(student: Student) -> None:
    learns = {0: "patches", 1: "class token", 2: "positions"}
    expect_slopes(student, "merge_class_token", *_tokens(student, 3), learns=learns)


# block ------------------------------------------------------------------------------------------

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
    return _linear(_attended(query, key, value, heads, mask), weights, "attention.out")


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


# cost -------------------------------------------------------------------------------------------

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


def _dictionary(value: Any, function: str, names: tuple[str, ...]) -> dict[str, Any]:
    """``value``, when it is a dictionary with these names, and perhaps others."""
    if type(value) is not dict or not set(names) <= set(value):
        named = type(value) is dict
        came = f"a dictionary of {', '.join(map(str, value))}" if named else f"a {kind_of(value)}"
        wanted = f"a dictionary of {', '.join(names)}"
        raise AnswerFailed(f"{function} returned {came}, wanted {wanted}")
    return value


def _read_part(part: str) -> Callable[..., int]:
    def read(value: Any, *_: Any) -> int:
        count = _dictionary(value, "cost", PARTS)[part]
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


# probe_batches ----------------------------------------------------------------------------------


def _cut(images: Tensor, size: int) -> Tensor:
    """(B, C, H, W) → (B, N, C·P·P) by slices."""
    height, width = images.shape[2:]
    corners = itertools.product(range(0, height, size), range(0, width, size))
    pieces = [
        images[:, :, top : top + size, left : left + size].flatten(1) for top, left in corners
    ]
    return torch.stack(pieces, 1)


def _probed(student: Student, images: Tensor, size: int) -> tuple[Tensor, Tensor]:
    value = student.call("probe_batches", images, size)
    batches = expect_parts(value, ("changed", "moved"), "probe_batches")
    for batch, name in zip(batches, ("changed", "moved"), strict=True):
        meaning = "that of the images"
        expect_shape(batch, images.shape, f"probe_batches' {name}", meaning)
        expect_kind(batch, images, f"{name} is of the kind of the images")
        expect_finite(batch, f"the numbers of {name}")
    return batches


def _suspects(student: Student) -> list[tuple[str, Tensor, int]]:
    size = student.integer(2, 3)
    flat = torch.full((2, 1, 2, 4), 0.5)
    flat[0, 0, :, :] = torch.arange(8.0).reshape(2, 4)
    flat[1, 0] = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]])
    return [
        ("four pictures of 2×3 patches", student.distinct(4, 3, 2 * size, 3 * size), size),
        ("two pictures, one column of patches", student.distinct(2, 1, 3 * size, size), size),
        ("two pictures, one row of patches", flat, 2),
        ("float64", doubles(student.distinct(3, 2, size, 2 * size)), size),
        ("float16", student.distinct(3, 1, 2 * size, size).half(), size),
    ]


TWISTED = (
    "A layer norm takes 2·x for x, and to many a model −x or 1 − x says no more than x. Which "
    "pictures do you have that the model could meet?"
)


@check(
    "`changed` has another picture in place of number 1, and nothing else",
    "Clone the batch, then write another of its pictures into place 1, and nothing elsewhere.",
    keeps_arguments=True,
)
def probe_changed(student: Student) -> None:
    for name, images, size in _suspects(student):
        with student.on(name, DIGITS if name == "float64" else None):
            changed, _ = _probed(student, images, size)
            others = torch.arange(len(images)) != 1
            if not equal(changed[others], images[others]):
                fail("another picture than number 1 was changed")
            if equal(changed[1], images[1]):
                fail("picture 1 is as it was")
            if not any(equal(changed[1], other) for other in images[others]):
                fail("in place of picture 1 stands none of the batch's other pictures", TWISTED)


@check(
    "`moved` has the same patches at other places",
    "Cut into patches, take them in another order, the same for all pictures, and put them back.",
)
def probe_moved(student: Student) -> None:
    for name, images, size in _suspects(student):
        with student.on(name, DIGITS if name == "float64" else None):
            _, moved = _probed(student, images, size)
            if equal(moved, images):
                fail("no patch was moved")
            if any(equal(moved[0], other) for other in images[1:]):
                fail("pictures were exchanged, not patches")
            old, new = _cut(images, size), _cut(moved, size)
            found = (new[:, :, None] == old[:, None]).all(-1)  # B N N: which old patch is it?
            if not bool(found.any(-1).all()):
                fail("a patch was cut or turned: inside, each must be as it was")
            if not bool(found.any(1).all()):
                fail("a patch is missing, and another stands there twice")
            if not equal(found[0], found.all(0)):
                fail("the pictures got different orders")


# read_probes ------------------------------------------------------------------------------------

VERDICTS = ("mixes_pictures", "knows_order")
AT_ZERO = "Then the limit is 0. Logits are the same when they differ by *at most* the limit."


def _verdict(student: Student, key: str, plain: Tensor, changed: Tensor, moved: Tensor) -> bool:
    value = _dictionary(student.call("read_probes", plain, changed, moved), "read_probes", VERDICTS)
    if type(value[key]) is not bool:
        fail(f'"{key}" is a {kind_of(value[key])}, wanted True or False: bool(…) makes it one', "")
    return value[key]


def _logits(student: Student) -> Tensor:
    return student.normal(4, 5).clamp(-2, 2)


@check(
    "pictures mix when any picture but number 1 moves",
    "Which rows may move, and which may not? Look at all of these, and at the size of each change.",
    keeps_arguments=True,
)
def read_mixing(student: Student) -> None:
    plain = _logits(student)
    noise = torch.zeros_like(plain)
    noise[1] = 3.0
    with student.on("only picture 1 moved"):
        if _verdict(student, "mixes_pictures", plain, plain + noise, plain):
            fail("a healthy model is called faulty: picture 1 was changed on purpose")
    for place in (0, 2, 3):
        for way, where in ((0.5, "one logit moved"), (-0.5, "one logit fell")):
            changed = plain + noise
            changed[place, 2] += way
            with student.on(f"picture {place}: {where}"):
                if not _verdict(student, "mixes_pictures", plain, changed, plain):
                    fail("a fault is missed: a picture moved that was not changed")
        changed = plain + noise
        changed[place, 1] += 0.5
        changed[place, 3] -= 0.5
        with student.on(f"picture {place}: one logit rose, another fell as much"):
            if not _verdict(student, "mixes_pictures", plain, changed, plain):
                fail("a fault is missed: differences cancelled")


@check("order counts when any picture moves", "Here no picture is an exception.")
def read_order(student: Student) -> None:
    plain = _logits(student)
    with student.on("nothing moved"):
        if _verdict(student, "knows_order", plain, plain, plain.clone()):
            fail("an order that changes nothing is said to count")
    with student.on("all that moved is in the other probe"):
        if _verdict(student, "knows_order", plain, plain + 1, plain.clone()):
            fail("this answer comes from `changed`: order is about `moved`")
    for place in range(4):
        for way, what in (
            ((0.5, -0.5), "one logit rose, another fell as much"),
            ((0.5, 0.0), "one logit rose"),
            ((-0.5, 0.0), "one logit fell"),
        ):
            moved = plain.clone()
            moved[place, [1, 3]] += torch.tensor(way)
            with student.on(f"picture {place}: {what}"):
                if not _verdict(student, "knows_order", plain, plain, moved):
                    fail("a picture moved, and the order is said not to count")


@check(
    "rounding is relative to the largest logit in `plain`",
    "The limit is a ten-thousandth of the largest absolute logit: of which tensor, which pictures?",
    after=[read_mixing, read_order],
)
def read_rounding(student: Student) -> None:
    cases = itertools.product((1e-3, 1.0, 1e4), (1, 2), ((0.8, False), (1.25, True)), (0.0, 1000.0))
    for scale, largest, (factor, wanted), elsewhere in cases:
        plain = scale * _logits(student)
        plain[largest, 0] = -3 * scale  # the largest is negative
        near = plain.clone()
        near[0, 4] += factor * 3e-4 * scale
        far = elsewhere * plain  # an answer that has no say in the limit
        changed = near.clone()
        changed[1] = far[1]
        place = f"logits near {scale:g}, one moved by {factor:g} times the limit"
        with student.on(f"{place}; the largest in picture {largest}"):
            for key, given in (
                ("mixes_pictures", (changed, far)),
                ("knows_order", (far, near)),
            ):
                if _verdict(student, key, plain, *given) != wanted:
                    fail(f'"{key}" is {not wanted}, wanted {wanted}')
    with student.on("all logits are 0, as those of a new ViT", AT_ZERO):
        for key in VERDICTS:
            if _verdict(student, key, *torch.zeros(3, 4, 5)):
                fail(f'"{key}" is True, and nothing moved')


# mended_step ------------------------------------------------------------------------------------

# What the loss may come from, the right one of each first, and what a wrong one is called.
TOKEN = {
    "class": "",
    "last": "the loss is that of the last patch's token",
    "mean": "the loss is that of the mean of all tokens",
}
NORM = {
    "right": "",
    "picture": "the loss is that of a norm over all tokens of a picture",
    "none": "the loss is that of tokens without a norm",
    "rms": "the loss is that of an RMS norm: the mean of a token was not taken away",
    "unbiased": "the loss is that of a variance divided by D − 1: a layer norm divides by D",
    "1e-5": "the loss is that of torch's own eps, 1e-5: 1e-6 is wanted",
    "no eps": "the loss is that of a norm without eps: 1e-6 is wanted",
    "outside": "the loss is that of an eps added to the standard deviation: it belongs to the "
    "variance, under the root",
}
GIVEN = {
    "logits": "",
    "probabilities": "the loss is that of probabilities: a softmax stands before it",
}
TOGETHER = {"mean": "", "sum": "the loss is a sum over the pictures: their mean is wanted"}
WHAT = (TOKEN, NORM, GIVEN, TOGETHER)
RIGHT, *FAULTS = itertools.product(*WHAT)


def _normed(x: Tensor, norm: str) -> Tensor:
    axes = (-2, -1) if norm == "picture" else -1
    eps = {"1e-5": 1e-5, "no eps": 0.0, "outside": 0.0}.get(norm, 1e-6)
    centred = x if norm == "rms" else x - x.mean(axes, keepdim=True)
    square = centred.pow(2).mean(axes, keepdim=True)
    if norm == "unbiased":
        square = square * x.shape[-1] / (x.shape[-1] - 1)
    root = (square + eps).sqrt() + 1e-6 * (norm == "outside")
    return x if norm == "none" else centred / root


def _step_loss(
    tokens: Tensor,
    labels: Tensor,
    weight: Tensor,
    bias: Tensor,
    faults: tuple[str, ...] = RIGHT,
) -> Tensor:
    token, norm, given, together = faults
    x = _normed(tokens.double(), norm)
    read = {"class": x[:, 0], "last": x[:, -1], "mean": x.mean(1)}[token]
    logits = read @ weight.double().T + bias.double()
    if given == "probabilities":
        logits = logits.softmax(-1)
    losses = logits.logsumexp(-1) - logits[torch.arange(len(labels)), labels]
    return losses.sum() if together == "sum" else losses.mean()


def _step_given(student: Student) -> tuple[Tensor, Tensor, Tensor, Tensor, float]:
    """Five pictures of four tokens; in some of them eps counts."""
    tokens = student.normal(5, 4, 6) * torch.tensor([1.0, 3.0, 0.5, 2.0])[:, None]
    tokens = tokens + student.normal(5, 4, 1)
    tokens = tokens * torch.tensor([1.0, 3e-3, 1e-3, 3e-3, 0.3])[:, None, None]
    labels = torch.tensor([2, 0, 1, 2, 1])
    return tokens, labels, student.normal(3, 6), student.normal(3), 0.3


def _steep_given(student: Student) -> tuple[Tensor, Tensor, Tensor, Tensor, float]:
    """A head that is sure and wrong: its slope is longer than any usual limit."""
    tokens = student.normal(1, 4, 60) + 0.1 * student.normal(5, 4, 60)
    weight = torch.zeros(3, 60)
    weight[0] = 5 * tokens[0, 0]
    return tokens, torch.tensor([1, 2, 1, 1, 1]), weight, student.normal(3), 0.3


def _stepped(student: Student, given: tuple) -> tuple[float, Tensor, Tensor]:
    names = ("the loss", "the weight", "the bias")
    loss, weight, bias = expect_parts(student.call("mended_step", *given), names, "mended_step")
    expect_shape(loss, (), "mended_step's loss", "one number, without axes", "")
    expect_kind(loss, given[2], "the loss is of the kind of the weight")
    for ours, old, name in ((weight, given[2], "weight"), (bias, given[3], "bias")):
        expect_shape(ours, old.shape, f"mended_step's {name}", f"that of the {name} given", "")
    return expect_number(loss, "mended_step's loss"), weight, bias


def _without(student: Student, which: int) -> None:
    """The loss is right, or wrong by other faults than those of one kind."""
    left = [RIGHT, *FAULTS]
    for _ in range(3):
        given = _step_given(student)
        loss = _stepped(student, given)[0]
        left = [faults for faults in left if same(loss, _step_loss(*given[:4], faults).item())]
    if not left:
        fail("the loss comes from none of the faults: what else was changed?", "")
    if RIGHT not in left and (fault := left[0][which]) != RIGHT[which]:
        fail(WHAT[which][fault])


@check("the head reads the class token", "Which place has the class token, and which has index -1?")
def step_token(student: Student) -> None:
    _without(student, 0)


@check(
    "each token is normalised by itself",
    "`normalized_shape` names the axes that share one mean. How many numbers are one token?",
)
def step_norm(student: Student) -> None:
    _without(student, 1)


@check(
    "the loss is given logits", "`F.cross_entropy` takes a softmax itself. What happens with two?"
)
def step_logits(student: Student) -> None:
    _without(student, 2)


@check(
    "weight and bias take one step down the slope of the right loss",
    "All four faults must be gone: new = old - rate · slope, for both.",
    keeps_arguments=True,
)
def step_update(student: Student) -> None:
    _without(student, 3)
    _compare_step(student, _step_given(student))
    with student.on("a head that is sure and wrong, with a long slope"):
        _compare_step(student, _steep_given(student))
    with student.on("float64", DIGITS):
        tokens, labels, *rest = _step_given(student)
        given = (tokens.double() / 3, labels, *(one.double() / 3 for one in rest[:2]), rest[2])
        _compare_step(student, given, near=1e-10)


def _compare_step(student: Student, given: tuple, near: float = 1e-4) -> None:
    tokens, labels, weight, bias, rate = given
    loss, *ours = _stepped(student, given)
    with torch.enable_grad():
        leaves = [one.double().requires_grad_() for one in (weight, bias)]
        wanted = _step_loss(tokens, labels, *leaves)
        slopes = torch.autograd.grad(wanted, leaves)
    if not same(loss, wanted.item()):
        came = f"the loss itself is {loss:.4f}, wanted {wanted.item():.4f}"
        fail(f"{came}: its slopes come afterwards", "")
    for name, mine, old, slope in zip(
        ("weight", "bias"), ours, (weight, bias), slopes, strict=True
    ):
        expect_kind(mine, old, f"the {name} stays of its kind")
        if equal(mine, old):
            fail(f"the {name} did not move")
        if close(mine, old.double() + rate * slope):
            fail(f"the {name} went uphill: the slope is subtracted", "")
        if not close(mine, old.double() - rate * slope, near):
            fail(f"the {name} did not move by -rate times the slope of the right loss")


EXERCISE = Exercise(
    name="03_vision_transformer",
    title="Exercise 03: the vision transformer",
    forbids=("mvlm.transformer", "mvlm.vit", "mvlm.clip", "mvlm.language"),
    questions=(
        Question(
            function="attend",
            title="Attention with a mask",
            minutes=25,
            teaches="what each step of attention needs, and what padding does to it",
            checks=(attend_heads, attend_mask, attend_nothing, attend_half, attend_slopes),
        ),
        Question(
            function="merge_class_token",
            title="The class token and the places",
            minutes=10,
            teaches="which axis each table has, and which it has not",
            checks=(cls_values, cls_batch, cls_kind, cls_slopes),
        ),
        Question(
            function="block",
            title="A block",
            minutes=20,
            teaches="what is normalised, what is added to what, and with which weights",
            checks=(block_path, block_attention, block_whole, block_slopes),
        ),
        Question(
            function="cost",
            title="What a ViT costs",
            minutes=20,
            teaches="which part grows with N, and which with N²",
            checks=(cost_ends, cost_matrices, cost_attention, cost_mlp),
        ),
        Question(
            function="probe_batches",
            title="What to show a model that you suspect",
            minutes=10,
            teaches="to change one thing and to leave the rest alone",
            checks=(probe_changed, probe_moved),
        ),
        Question(
            function="read_probes",
            title="What its answers say",
            minutes=15,
            teaches="to tell a fault from rounding",
            checks=(read_mixing, read_order, read_rounding),
        ),
        Question(
            function="mended_step",
            title="A step with four faults",
            minutes=15,
            teaches="to find mistakes that raise no error",
            checks=(step_token, step_norm, step_logits, step_update),
        ),
    ),
)
