"""Exercise 05: cosines, the CLIP loss and its gradients, in blocks, in shares, and a faulty step.

What is right is worked out here in float64 from the definition of a cross-entropy, and every slope
by autograd.
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mvlm.checks.core import AnswerFailed, Exercise, Question, Student, check, drawn_once, fail
from mvlm.checks.expect import (
    Comparison,
    close,
    equal,
    expect_finite,
    expect_number,
    expect_parts,
    expect_shape,
    expect_slopes,
    kind_of,
    same,
)

Vectors = Tensor | np.ndarray
MAX_LOG = math.log(100)
UNNORMALISED = "features brought to length 1: take them as they are"

# The right answers, in float64 ------------------------------------------------------------------


def _scores(images: Vectors, texts: Vectors, scale: float) -> Tensor:
    return scale * torch.as_tensor(images).double() @ torch.as_tensor(texts).double().T


def _one_way(scores: Tensor, right: Tensor) -> Tensor:
    """The mean cross-entropy of rows; a row's right columns share its mass, one without is out."""
    asked = right.any(dim=1)
    scores, right = scores[asked], right[asked].double()
    shares = right / right.sum(dim=1, keepdim=True)
    return (scores.logsumexp(dim=1) - (shares * scores).sum(dim=1)).mean()


Way = Callable[[Tensor, Tensor], Tensor]


def _both_ways(scores: Tensor, right: Tensor | None = None, way: Way = _one_way) -> Tensor:
    """Half the sum of a loss over rows and one over columns; pairs stand on the diagonal."""
    right = torch.eye(len(scores), dtype=torch.bool) if right is None else right
    return (way(scores, right) + way(scores.T, right.T)) / 2


def _along(scores: Tensor, axis: int) -> Tensor:
    """A mistake: one direction alone, over texts (1) or over images (0)."""
    return _one_way(scores if axis == 1 else scores.T, torch.eye(len(scores), dtype=torch.bool))


def _unit(vectors: Vectors) -> Tensor:
    """Every row with length 1; a row of zeros stays."""
    vectors = torch.as_tensor(vectors).double()
    lengths = vectors.norm(dim=1, keepdim=True)
    return vectors / torch.where(lengths > 0, lengths, 1)


def _features(directions: Tensor, shortest: float = 0.7, longest: float = 1.4) -> Tensor:
    """Rows with these directions, float32, each of another length: who normalises them shows."""
    lengths = torch.linspace(shortest, longest, len(directions), dtype=torch.float64)
    return (_unit(directions) * lengths[:, None]).float()


def _pairs(student: Student, count: int, width: int) -> tuple[Tensor, Tensor]:
    """Image and text features, (N, E), float32; a pair is somewhat alike."""
    images = student.normal(count, width)
    texts = images + student.normal(count, width)
    return _features(images), _features(texts, 1.3, 0.8)


# cosine_similarities ----------------------------------------------------------------------------


def _read_cosines(value: Any, images: Tensor, texts: Tensor) -> Tensor:
    shape = (len(images), len(texts))
    cosines = expect_shape(value, shape, "cosine_similarities", "(N, M), images × texts")
    if cosines.dtype not in (torch.float32, torch.float64):
        fail(f"the cosines came back in {cosines.dtype}: wanted torch.float32")
    return expect_finite(cosines, "the cosines")


def _tell_cosine(ours: Tensor, wanted: Tensor) -> str:
    if (largest := ours.abs().max().item()) > 1.001:
        return f"one of your cosines is {largest:.3g}, and no cosine is beyond 1"
    row, column = divmod((ours - wanted).abs().argmax().item(), wanted.shape[1])
    return (
        f"image {row} and text {column} have the cosine {wanted[row, column].item():.3f}, "
        f"yours is {ours[row, column].item():.3f}"
    )


COSINE = Comparison(
    function="cosine_similarities",
    what="the cosines",
    right=lambda images, texts: _unit(images) @ _unit(texts).T,
    read=_read_cosines,
    tells=_tell_cosine,
    mistakes={
        "these are products of the vectors as they came: a cosine goes by direction alone": (
            lambda images, texts: _scores(images, texts, 1.0),
            "Divide each vector by its own length first.",
        ),
        "the images were brought to length 1, the texts were not": (
            lambda images, texts: _unit(images) @ texts.double().T
        ),
        "the texts were brought to length 1, the images were not": (
            lambda images, texts: images.double() @ _unit(texts).T
        ),
    },
)


@check(
    "every image's cosine with every text",
    "Which axis holds the numbers of ONE vector? Its length is taken along that one.",
)
def cos_values(student: Student) -> None:
    count, width = student.integer(3, 4), student.integer(6, 8)
    COSINE.run(
        student, lambda: (student.normal(count, width), 3 * student.normal(count + 2, width))
    )


@check(
    "a vector of zeros has cosine 0 with everything",
    "Its length is 0, and 0/0 is nan. What may you divide by in its place?",
    after=[cos_values],
)
def cos_zero(student: Student) -> None:
    images, texts = student.normal(3, 5), student.normal(4, 5)
    images[1] = 0
    texts[2] = 0
    COSINE.run(student, lambda: (images, texts))


@check(
    "very long and very short vectors keep their direction",
    "Where do squares become inf or 0? What if each is first made about 1 long?",
    after=[cos_values],
)
def cos_length(student: Student) -> None:
    images, texts = student.normal(4, 6), student.normal(5, 6)
    images *= torch.tensor([1e-30, 1e-8, 1.0, 1e30])[:, None]
    with student.on("vectors 1e-30 to 1e30 long, float32"):
        COSINE.run(student, lambda: (images, texts))
        COSINE.run(student, lambda: (texts, images))


@check(
    "float16 is read, and everything worked out in float32",
    "In float16, 256 squared is inf, and four digits are all. What comes first?",
    after=[cos_values],
    keeps_arguments=True,
)
def cos_half(student: Student) -> None:
    images, texts = student.normal(4, 6), student.normal(5, 6)
    inputs = {
        "float16, numbers near 1": (images.half(), texts.half()),
        "float16, numbers in the hundreds": ((300 * images).half(), (300 * texts).half()),
        "float32, for comparison": (images, texts),
    }
    COSINE.each(student, inputs)


# loss_and_gradients -----------------------------------------------------------------------------

SIDES = ("images", "texts")
RETURNED = ("the loss", "the images' gradient", "the texts' gradient")


def _slopes(loss: Callable[[Tensor], Tensor], side: int) -> Callable[..., Tensor]:
    """The gradient of a loss of the scores, with respect to the images (0) or the texts (1)."""

    def gradient(images: np.ndarray, texts: np.ndarray, scale: float) -> Tensor:
        with torch.enable_grad():
            leaves = [torch.tensor(x).requires_grad_() for x in (images, texts)]
            return torch.autograd.grad(loss(_scores(*leaves, scale)), leaves[side])[0]

    return gradient


def _read_loss(value: Any, *_: Any) -> float:
    loss = expect_parts(value, RETURNED, "loss_and_gradients")[0]
    return expect_number(loss, "loss_and_gradients's loss")


def _read_gradient(side: int) -> Callable[..., Tensor]:
    def read(value: Any, *features: Any) -> Tensor:
        gradient = expect_parts(value, RETURNED, "loss_and_gradients")[1 + side]
        if isinstance(gradient, np.ndarray):
            gradient = torch.from_numpy(gradient)
        what = f"the gradient of the {SIDES[side]}"
        if type(gradient) is not Tensor:
            raise AnswerFailed(f"{what} is a {kind_of(gradient)}, wanted an array")
        expect_shape(gradient, features[side].shape, what, "(N, E), a slope for each feature")
        return expect_finite(gradient.double(), f"the slopes of the {SIDES[side]}")

    return read


def _of_scores(loss: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda images, texts, scale: loss(_scores(images, texts, scale))


LOSS = Comparison(
    function="loss_and_gradients",
    what="the loss",
    right=_of_scores(_both_ways),
    read=_read_loss,
    mistakes={
        "the loss is as many times too large as there are pairs: a sum, not a mean": (
            _of_scores(lambda scores: len(scores) * _both_ways(scores))
        ),
        "the loss is that of scale 1: the scale multiplies every score": (
            lambda images, texts, _: _both_ways(_scores(images, texts, 1.0))
        ),
        f"the loss is that of {UNNORMALISED}": (
            lambda images, texts, scale: _both_ways(_scores(_unit(images), _unit(texts), scale))
        ),
        "the loss is that of one direction alone": (
            [_of_scores(lambda scores, axis=axis: _along(scores, axis)) for axis in (0, 1)],
            None,
        ),
    },
)


def _gradient(side: int) -> Comparison:
    what, right = f"the gradient of the {SIDES[side]}", _slopes(_both_ways, side)
    other = _slopes(_both_ways, 1 - side)
    return Comparison(
        function="loss_and_gradients",
        what=what,
        right=right,
        read=_read_gradient(side),
        mistakes={
            f"{what} is that of the {SIDES[1 - side]}: first images, then texts": other,
            f"{what} points the other way: is it a slope, or a step downhill?": (
                lambda *pairs: -right(*pairs)
            ),
            f"{what} is too small by the scale: the scale multiplies every score": (
                lambda *pairs: right(*pairs) / pairs[2]
            ),
            f"{what} is as many times too large as there are pairs: a mean": (
                lambda *pairs: right(*pairs) * len(pairs[0])
            ),
            f"{what} is twice too large: the loss is half of two cross-entropies": (
                lambda *pairs: right(*pairs) * 2
            ),
            f"{what} is that of one direction alone: each score takes part in two softmaxes": (
                [
                    _slopes(lambda scores, axis=axis, by=by: by * _along(scores, axis), side)
                    for axis, by in itertools.product((0, 1), (0.5, 1.0))
                ],
                "The gradient of the scores has a softmax along rows and one along columns.",
            ),
        },
    )


GRADIENTS_OF = (_gradient(0), _gradient(1))


def _arrays(pairs: tuple[Tensor, Tensor], scale: float) -> tuple[np.ndarray, np.ndarray, float]:
    """What the function is given: NumPy arrays of float64."""
    return pairs[0].double().numpy(), pairs[1].double().numpy(), scale


@check(
    "the loss is the mean of the two cross-entropies",
    "Take the log of the probability of the right answer, in rows and in columns.",
)
def grad_loss(student: Student) -> None:
    for count, width in ((4, 3), (5, 2)):
        scale = 2.5 + student.integer(1, 4)
        LOSS.run(student, lambda c=count, w=width, s=scale: _arrays(_pairs(student, c, w), s))


@check(
    "the gradient of the images is the slope of the loss",
    "First the gradient of the scores, N×N. Image i met every text: sum over texts.",
    after=[grad_loss],
)
def grad_images(student: Student) -> None:
    width, scale = student.integer(2, 3), 2.5 + student.integer(1, 3)
    GRADIENTS_OF[0].run(student, lambda: _arrays(_pairs(student, 4, width), scale))


@check(
    "the gradient of the texts is the slope of the loss",
    "Text j met every image: which axis of the scores' gradient is summed now?",
    after=[grad_loss],
)
def grad_texts(student: Student) -> None:
    width, scale = student.integer(2, 3), 2.5 + student.integer(1, 3)
    GRADIENTS_OF[1].run(student, lambda: _arrays(_pairs(student, 5, width), scale))


@drawn_once
def _draw_apart(student: Student) -> tuple[Tensor, Tensor]:
    """Wrong pairs: a right answer far below its row's best, and a row far below another."""
    while True:
        images, texts = _pairs(student, 4, 3)
        texts = texts.roll(1, 0)
        scores = _scores(images, texts, 3000.0)
        bests = [scores.amax(axis) for axis in (0, 1)]
        lost = any((best - scores.diagonal()).max() > 900 for best in bests)
        below = any(scores.max() - best.min() > 900 for best in bests)
        if lost and below:
            return images, texts


@check(
    "scores in the thousands change nothing",
    "exp(1200) is inf. What can you subtract from a row without changing its softmax?",
    keeps_arguments=True,
)
def grad_large(student: Student) -> None:
    everything = (LOSS, *GRADIENTS_OF)
    with student.on("on small scores already", ""):
        for one in everything:
            one.run(student, lambda: _arrays(_pairs(student, 4, 3), 3.0))

    def added() -> tuple[Tensor, Tensor]:
        # One more feature, the same for all, adds 1200 to every score: no softmax notices.
        more = torch.full((4, 1), 20.0)
        images, texts = _pairs(student, 4, 3)
        return torch.cat([images, more], 1), torch.cat([texts, more], 1)

    with student.on("1200 was added to every score"):
        for one in everything:
            one.run(student, lambda: _arrays(added(), 3.0))
    hint = "exp(-1200) is 0: what of its logarithm, or of a sum of nothing else? Row by row?"
    with student.on("scores that lie thousands apart", hint):
        for one in everything:
            replace(one, mistakes={}).run(student, lambda: _arrays(_draw_apart(student), 3000.0))


# several_right_loss -----------------------------------------------------------------------------


def _any_of(scores: Tensor, right: Tensor) -> Tensor:
    """A mistake: -log of the probability that any right answer is chosen."""
    asked = right.any(dim=1)
    scores, right = scores[asked], right[asked]
    chosen = scores.masked_fill(~right, -torch.inf)
    return (scores.logsumexp(dim=1) - chosen.logsumexp(dim=1)).mean()


def _whole_mass(scores: Tensor, right: Tensor) -> Tensor:
    """A mistake: each right answer is a target of 1."""
    asked = right.any(dim=1)
    losses = (scores.logsumexp(dim=1, keepdim=True) - scores) * right
    return losses[asked].sum(dim=1).mean()


def _borrowed(scores: Tensor, right: Tensor) -> Tensor:
    """A mistake: the targets over images are those over texts, turned over."""
    shares = (right.double() / right.sum(dim=1, keepdim=True).clamp(min=1)).T
    columns = scores.T
    losses = (shares * (columns.logsumexp(dim=1, keepdim=True) - columns)).sum(dim=1)
    return (_one_way(scores, right) + losses[right.any(dim=0)].mean()) / 2


def _pooled(scores: Tensor, right: Tensor) -> Tensor:
    """A mistake: one mean over rows and columns together."""
    counts = [right.any(dim=axis).sum() for axis in (1, 0)]
    ways = [_one_way(scores, right), _one_way(scores.T, right.T)]
    return (counts[0] * ways[0] + counts[1] * ways[1]) / sum(counts)


def _unwanted_left_out(scores: Tensor, right: Tensor) -> Tensor:
    """A mistake: whoever has no right answer is no wrong answer either."""
    images, texts = right.any(dim=1), right.any(dim=0)
    return _both_ways(scores[images][:, texts], right[images][:, texts])


def _several(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """A loss of scores and mask, as one of the function's arguments."""
    return lambda images, texts, right, scale: loss(_scores(images, texts, scale), right)


SEVERAL_LOSS = Comparison(
    function="several_right_loss",
    what="the loss",
    right=_several(_both_ways),
    mistakes={
        "the loss takes the log of the right answers' summed probability, not of each": (
            _several(lambda scores, right: _both_ways(scores, right, _any_of))
        ),
        "the loss gives each right answer the whole mass: a row of targets sums to 1": (
            _several(lambda scores, right: _both_ways(scores, right, _whole_mass))
        ),
        "the targets over images are those over texts, turned over: their columns do not sum "
        "to 1": (
            _several(_borrowed),
            "Turn the mask over, and divide it anew: each text shares out 1 among its images.",
        ),
        "the loss is that of one direction alone: over texts, without the one over images": (
            _several(_one_way)
        ),
        "the loss is that of one direction alone: over images, without the one over texts": (
            _several(lambda scores, right: _one_way(scores.T, right.T))
        ),
        "the loss is twice too large: it is half the sum of two directions": (
            _several(lambda scores, right: 2 * _both_ways(scores, right))
        ),
        "an image or text without a right answer is left out of the softmax": (
            _several(_unwanted_left_out),
            "It is a wrong answer for all others still: only its own row has no loss.",
        ),
        "the loss is one mean over images and texts together: each direction has its own": (
            _several(_pooled)
        ),
        f"the loss is that of {UNNORMALISED}": (
            lambda images, texts, right, scale: _both_ways(
                _scores(_unit(images), _unit(texts), scale), right
            )
        ),
    },
)


def _mask(count: int, others: int, pairs: Sequence[tuple[int, int]]) -> Tensor:
    right = torch.zeros(count, others, dtype=torch.bool)
    for i, j in pairs:
        right[i, j] = True
    return right


def _ask_several(student: Student, right: Tensor, scale: float = 3.0) -> tuple[Any, ...]:
    images = _features(student.normal(right.shape[0], 3))
    return images, _features(student.normal(right.shape[1], 3), 1.3, 0.8), right, scale


def _compare_several(student: Student, masks: dict[str, Tensor], scale: float = 3.0) -> None:
    SEVERAL_LOSS.each(
        student,
        {
            place: lambda right=right: _ask_several(student, right, scale)
            for place, right in masks.items()
        },
    )


@check(
    "with one right text an image it is the CLIP loss",
    "The mask says where the right answers are: nothing makes them the diagonal.",
)
def several_one(student: Student) -> None:
    pairs = torch.eye(student.integer(4, 5), dtype=torch.bool)
    shifted = pairs.roll(1, 1)
    masks = {
        "the right ones on the diagonal": pairs,
        "each text one place further than its image": shifted,
    }
    _compare_several(student, masks)


@check(
    "an image's right texts share its target evenly",
    "Four right texts: a quarter of the mass each. And what do their columns sum to?",
    after=[several_one],
)
def several_texts(student: Student) -> None:
    owners = _mask(3, 7, [(i, j) for j, i in enumerate([0, 0, 0, 0, 1, 1, 2])])
    _compare_several(student, {"3 images with 4, 2 and 1 texts": owners})


@check(
    "a text's right images share its target evenly",
    "The targets over images are columns of the mask, divided by their own count.",
    after=[several_one, several_texts],
)
def several_images(student: Student) -> None:
    owners = _mask(6, 3, [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 2)])
    both = _mask(4, 4, [(0, 0), (0, 1), (1, 1), (1, 2), (2, 3), (3, 3)])
    masks = {
        "3 texts with 3, 2 and 1 images": owners,
        "images with several texts, which are right for other images as well": both,
    }
    _compare_several(student, masks)


@check(
    "an image or text with no right answer is left out of the mean",
    "What is 0/0 there? And how many rows does the mean run over?",
    after=[several_one],
)
def several_none(student: Student) -> None:
    masks = {
        "image 1 has no right text": _mask(4, 3, [(0, 0), (2, 1), (3, 2)]),
        "texts 0 and 3 have no right image": _mask(2, 4, [(0, 1), (1, 2)]),
    }
    _compare_several(student, masks)


@check(
    "large scores give a finite loss",
    "The log of a probability that was rounded to 0 is -inf, and 0 times -inf is nan.",
    after=[several_one, several_texts],
    keeps_arguments=True,
)
def several_large(student: Student) -> None:
    mask = _mask(3, 4, [(0, 0), (0, 1), (1, 2), (2, 3)])
    for _ in range(4):  # in a batch, a wrong answer may happen to have the right loss
        _compare_several(student, {"scores in the hundreds": mask}, 300.0)


EMPTY_ROWS = (
    "0/0 in a row without a right answer is nan, and nan times 0 is nan on the way back, even "
    "where the mean leaves the row out. Leave it out before you divide, or divide by at least 1."
)


@check(
    "it can be trained with: finite gradients reach images and texts",
    "Move one feature a little: the loss must change by the gradient times that.",
)
def several_gradient(student: Student) -> None:
    for right, name in (
        (_mask(3, 4, [(0, 0), (0, 1), (1, 2), (2, 3)]), "each has a right answer"),
        (_mask(4, 4, [(0, 1), (2, 2), (2, 3)]), "some have no right answer"),
    ):
        with student.on(name):
            asked, learns = _ask_several(student, right), {0: "images", 1: "texts"}
            expect_slopes(student, "several_right_loss", *asked, learns=learns, nan=EMPTY_ROWS)


# absorb -----------------------------------------------------------------------------------------

State = tuple[Tensor, Tensor]


def _absorb(student: Student, state: State, scores: Tensor) -> State:
    value = student.call("absorb", *state, scores)
    new = expect_parts(value, ("the maxima", "the sums"), "absorb")
    for tensor, name in zip(new, ("maxima", "sums"), strict=True):
        expect_shape(tensor, (len(scores),), f"absorb's {name}", "one a row")
        if bool(tensor.double().isnan().any()):
            fail(f"the {name} hold nan")
    return new


def _start(count: int) -> State:
    return torch.full((count,), -torch.inf), torch.zeros(count)


def _state_of(scores: Tensor) -> State:
    """The largest of each row, and the sum of exp(score − largest), float64."""
    maxima = scores.double().amax(dim=1)
    below = scores.double() - torch.where(maxima == -torch.inf, 0, maxima)[:, None]
    return maxima, below.exp().sum(dim=1)


def _compare_state(state: State, seen: Tensor) -> None:
    maxima, sums = _state_of(seen)
    if not equal(state[0].float(), maxima.float()):
        fail(
            "the maxima are not the largest scores of each row so far",
            "The new maximum is the larger of the old one and the block's, row by row.",
        )
    if not close(state[1], sums, 1e-3):  # who keeps logarithms loses digits at large scores
        row = (state[1].double() - sums).abs().argmax().item()
        fail(
            f"row {row}: the sum of exp(score - maximum) over {seen.shape[1]} scores "
            f"is {sums[row].item():.4f}, yours is {state[1][row].item():.4f}"
        )


@check(
    "the first block of scores gives its maxima and sums",
    "Before anything was seen the maximum is -inf, the sum 0. The factor of the old sum is then "
    "exp(-inf) = 0: which of the two maxima is subtracted from the other?",
)
def absorb_first(student: Student) -> None:
    scores = 2 * student.normal(3, student.integer(4, 6)) - 10
    _compare_state(_absorb(student, _start(3), scores), scores)


@check(
    "a second block adds to the first, whichever has the maximum",
    "The old sum was taken against the old maximum. By what factor must it change?",
    after=[absorb_first],
)
def absorb_next(student: Student) -> None:
    first = 2 * student.normal(4, 3) - 15
    state = tuple(tensor.float() for tensor in _state_of(first))
    for shift, name in ((2.5, "a larger maximum"), (-2.5, "a smaller maximum")):
        tops = first.max(1).values + shift
        second = student.normal(4, 5).abs().neg() + tops[:, None]
        second[:, 1] = tops
        both = torch.cat([first, second], 1)
        with student.on(f"the second block has {name}"):
            _compare_state(_absorb(student, state, second), both)
    with student.on("a single row"):
        one = tuple(tensor[:1] for tensor in state)
        _compare_state(_absorb(student, one, second[:1].clone()), both[:1])


@check(
    "block by block, the CLIP loss of the whole matrix",
    "Any number of blocks, each of any width, must leave what one block leaves.",
    after=[absorb_first, absorb_next],
)
def absorb_many(student: Student) -> None:
    count = student.integer(7, 8)
    scores = _scores(*_pairs(student, count, 4), 8.0).float()
    for width in (1, 3, count):
        with student.on(f"{count} pairs, the matrix in blocks of {width} columns"):
            loss = 0.0
            for table in (scores, scores.T.contiguous()):
                state = _start(count)
                for block in table.split(width, 1):
                    state = _absorb(student, state, block.contiguous())
                ends = state[0].double() + state[1].double().log()
                loss += (ends - table.diagonal()).mean().item() / 2
            if not same(loss, _both_ways(scores.double()).item()):
                fail("maxima + log(sums) do not give the CLIP loss of the whole matrix")


@check(
    "scores in the thousands neither overflow nor vanish",
    "Every exponent you take should be 0 or less, and each row has one that is 0.",
    after=[absorb_first, absorb_next],
)
def absorb_large(student: Student) -> None:
    for offsets in ((-2000, -1000, 0, 1000), (1000, 0, -1000), (-1500, -1500)):
        blocks = [student.normal(3, 4) + offset for offset in offsets]
        with student.on(f"blocks of scores near {', '.join(map(str, offsets))}"):
            state = _start(3)
            for block in blocks:
                state = _absorb(student, state, block)
            _compare_state(state, torch.cat(blocks, 1))


@check(
    "a score of -inf counts as not there",
    "A row may have seen nothing but -inf so far. What is -inf minus -inf?",
    after=[absorb_first, absorb_next],
    keeps_arguments=True,
)
def absorb_left_out(student: Student) -> None:
    blocks = [student.normal(3, 4) + offset for offset in (-12, -6, -9)]
    blocks[0][1] = -torch.inf  # nothing at all to see in row 1 yet
    blocks[0][2, 1:3] = -torch.inf
    blocks[1][1] = -torch.inf
    blocks[2][0] = -torch.inf
    state = _start(3)
    for end, block in enumerate(blocks, 1):
        with student.on("some scores are -inf: left out"):
            state = _absorb(student, state, block)
            _compare_state(state, torch.cat(blocks[:end], 1))


# share_of_process -------------------------------------------------------------------------------


def _shares(images: Tensor, texts: Tensor, everyone: tuple, first: int, scale: float) -> Tensor:
    """Half the sum of own images over all texts and own texts over all images."""
    own = torch.arange(len(images))
    right = torch.zeros(len(images), len(everyone[0]), dtype=torch.bool)
    right[own, first + own] = True
    over_texts = _one_way(_scores(images, everyone[1], scale), right)
    return (over_texts + _one_way(_scores(texts, everyone[0], scale), right)) / 2


def _share(images: Tensor, texts: Tensor, *rest: Any) -> Tensor:
    all_images, all_texts, rank, scale = rest
    return _shares(images, texts, (all_images, all_texts), rank * len(images), scale)


SHARE_LOSS = Comparison(
    function="share_of_process",
    what="the share",
    right=_share,
    mistakes={
        "the share is what these pairs lose among themselves": (
            lambda images, texts, *rest: _both_ways(_scores(images, texts, rest[-1])),
            None,
        ),
        "the share is the loss of all pairs of all processes": (
            lambda _, __, *rest: _both_ways(_scores(rest[0], rest[1], rest[-1]))
        ),
        f"the share is that of {UNNORMALISED}": (
            lambda *given: _share(*map(_unit, given[:4]), *given[4:])
        ),
        "the right answers are looked for among those of process 0": (
            lambda *given: _share(*given[:4], 0, given[-1]),
            None,
        ),
        "the share is as many times too large as there are own pairs: a mean, no sum": (
            lambda *given: len(given[0]) * _share(*given)
        ),
        "the share is divided by the pairs of all processes: it is a mean over own ones": (
            lambda *given: len(given[0]) / len(given[2]) * _share(*given)
        ),
        "the share is twice too large: it is half the sum of two means": (
            lambda *given: 2 * _share(*given)
        ),
    },
)


def _ask_share(pairs: tuple[Tensor, Tensor], rank: int, own: int, scale: float) -> tuple[Any, ...]:
    mine = slice(rank * own, (rank + 1) * own)
    return pairs[0][mine].clone(), pairs[1][mine].clone(), *pairs, rank, scale


def _compare_share(student: Student, ranks: Sequence[int], processes: int) -> None:
    own, scale = student.integer(3, 4), 3.5 + student.integer(0, 2)
    SHARE_LOSS.each(
        student,
        {
            f"process {rank} of {processes}, {own} pairs each": lambda rank=rank: _ask_share(
                _pairs(student, processes * own, 4), rank, own, scale
            )
            for rank in ranks
        },
    )


@check(
    "process 0 compares its own pairs with those of all",
    "Own images with all texts, and own texts with all images: two oblong matrices.",
)
def share_first(student: Student) -> None:
    _compare_share(student, [0], 3)


@check(
    "the others find their right answers as well",
    "In the gathered list, how many pairs stand before the first one of process r?",
    after=[share_first],
)
def share_ranks(student: Student) -> None:
    _compare_share(student, [1, 2], 3)
    _compare_share(student, [1], 2)


@check(
    "the mean of the shares is the loss of the whole",
    "The same picture may stand there twice. Which of the two is yours?",
    after=[share_first, share_ranks],
    keeps_arguments=True,
)
def share_twins(student: Student) -> None:
    own, processes, scale = 3, 3, 5.0
    images, texts = _pairs(student, own * processes, 4)
    images[own:] = images[:own].repeat(2, 1)  # every picture occurs on every process
    texts[2 * own :] = texts[:own]
    whole = _both_ways(_scores(images, texts, scale)).item()
    with student.on("pictures and texts that occur on several processes"):
        shares = [
            expect_number(
                student.call("share_of_process", *_ask_share((images, texts), rank, own, scale)),
                "share_of_process",
            )
            for rank in range(processes)
        ]
        mean = math.fsum(shares) / processes
        if not same(mean, whole):
            fail(f"the mean of all shares is {mean:.4f}, the loss of the whole is {whole:.4f}")


@check(
    "it can be trained with: gradients reach own features and those of all",
    "Whoever cuts off the gathered features has a right loss, and a part of its gradient.",
)
def share_gradient(student: Student) -> None:
    names = ("own images", "own texts", "images of all", "texts of all")
    asked = _ask_share(_pairs(student, 6, 4), 1, 3, 4.5)
    expect_slopes(student, "share_of_process", *asked, learns=dict(enumerate(names)))


# mended_step ------------------------------------------------------------------------------------

# Normalised over the batch: no side, images, texts or both; scale without exp; both directions,
# over texts alone, or over images alone.
Faults = tuple[str, bool, str]
RIGHT: Faults = ("", False, "both")
ALL_FAULTS: list[Faults] = list(
    itertools.product(("", "it", "i", "t"), (False, True), ("both", "texts", "images"))
)


@dataclass(frozen=True, eq=False)
class _Step:
    """What a step is given: inputs of images and of texts, the weights that project them, and t."""

    inputs: tuple[Tensor, Tensor]
    weights: tuple[Tensor, Tensor]
    t: float
    rate: float = 0.1

    def loss(self, faults: Faults, leaves: Sequence[Tensor] | None = None) -> Tensor:
        """The loss before the step, with some of the faults still in it."""
        over_batch, no_exp, direction = faults
        *weights, t = leaves or self.leaves()
        sides = []
        for name, inputs, weight in zip("it", self.inputs, weights, strict=True):
            projected = inputs.double() @ weight
            sides.append(_unit(projected.T).T if name in over_batch else _unit(projected))
        scores = (t if no_exp else t.exp()) * sides[0] @ sides[1].T
        if direction == "both":
            return _both_ways(scores)
        return _along(scores, 1 if direction == "texts" else 0)

    def leaves(self) -> list[Tensor]:
        """Both weights and t, float64, to take slopes of."""
        t = torch.tensor(self.t, dtype=torch.float64)
        return [x.double().requires_grad_() for x in (*self.weights, t)]

    def slopes(self, faults: Faults) -> list[Tensor]:
        """The gradient of the loss with respect to both weights and t."""
        with torch.enable_grad():
            leaves = self.leaves()
            return list(torch.autograd.grad(self.loss(faults, leaves), leaves))

    @functools.cached_property
    def losses(self) -> dict[Faults, float]:
        """The loss that each set of faults gives."""
        return {faults: self.loss(faults).item() for faults in ALL_FAULTS}

    @functools.cached_property
    def slopes_of_t(self) -> dict[Faults, float]:
        """The slope of t for each set of faults."""
        return {faults: self.slopes(faults)[2].item() for faults in ALL_FAULTS}

    def taken_by(self, student: Student) -> tuple[float, Tensor, Tensor, float]:
        """The loss, both weights and t that the student's function gives."""
        arguments = (*self.inputs, *self.weights, torch.tensor(self.t), self.rate)
        names = ("the loss", "the image weight", "the text weight", "t")
        value = student.call("mended_step", *arguments)
        loss, images, texts, t = expect_parts(value, names, "mended_step")
        for ours, given, name in zip((images, texts), self.weights, names[1:3], strict=True):
            what = f"mended_step's {name.removeprefix('the ')}"
            expect_shape(ours, given.shape, what, "that of the weight given", "")
        return expect_number(loss, "mended_step's loss"), images, texts, expect_number(t, "its t")

    def left_in(self, loss: float) -> list[Faults]:
        """The faults that explain a loss."""
        left = [faults for faults, wrong in self.losses.items() if same(loss, wrong)]
        if not left:
            fail(f"a loss of {loss:.4f} comes from none of the faults: what else was changed?", "")
        return left


@drawn_once
def _draw_step(student: Student, t: float, rate: float = 0.1) -> _Step:
    count, embed = student.integer(4, 5), 3
    inputs = student.normal(count, 6), student.normal(count, 5)
    return _Step(inputs, (student.normal(6, embed), student.normal(5, embed)), t, rate)


def _without_fault(student: Student, fault: int, message: str) -> None:
    """The loss is right, or wrong by other faults than this one."""
    left = set(ALL_FAULTS)
    for _ in range(2):  # two losses, since one may happen to agree with several of the faults
        step = _draw_step(student, 1.5 + student.integer(0, 8) / 10)
        left &= set(step.left_in(step.taken_by(student)[0]))
    if not left:
        fail("two losses come from none of the faults: what else was changed?", "")
    if all(faults[fault] != RIGHT[fault] for faults in left):
        fail(message)


@check(
    "each vector is divided by its own length",
    "Make one image twice as long: whose features change in the faulty step?",
)
def step_normalise(student: Student) -> None:
    _without_fault(student, 0, "the loss is that of features normalised over the batch")


@check("the scale is e to the t", "t begins near 2.66. Is that the factor the paper begins with?")
def step_exp(student: Student) -> None:
    _without_fault(student, 1, "the loss is that of the scale t")


@check(
    "the loss takes both directions",
    "Two names for two numbers do not make them differ. Which matrix does each take?",
)
def step_both(student: Student) -> None:
    _without_fault(student, 2, "the loss is that of one direction alone")


def step_below(student: Student) -> None:
    """Below the limit t takes its step, whichever faults of the loss are left."""
    step = _draw_step(student, 2.0, 0.5)
    loss, *_, new = step.taken_by(student)
    left = step.left_in(loss)
    if all(no_exp for _, no_exp, _ in left):
        fail("the loss is that of the scale t")
    ends = [step.t - step.rate * step.slopes_of_t[faults] for faults in left]
    if all(abs(end - new) > 1e-3 for end in ends):
        fail(f"t went from {step.t} to {new:.4f}, wanted {ends[0]:.4f}: one step down its slope")


SCALED = [faults for faults in ALL_FAULTS if not faults[1]]


@drawn_once
def _draw_downhill(student: Student) -> _Step:
    """A step from above the limit to far below it, whichever other faults are left."""
    while True:
        images, weight = student.normal(5, 6), student.normal(6, 3)
        wrong = _Step((images, images.roll(1, 0)), (weight, weight), 4.7)  # every pair a wrong one
        slopes = [wrong.slopes_of_t[faults] for faults in SCALED]
        if min(slopes) > 0.1 * max(slopes):
            return replace(wrong, rate=0.3 / min(slopes))


NO_LIMIT = "Is there a limit after the step, and is it that of t? The logarithm of 100 is 4.605."


@check(
    "the scale is kept at 100 or below, and can come back from there",
    "A clamp on the way to the loss passes no slope beyond its limit. Where then?",
    after=[step_below],
)
def step_clamp(student: Student) -> None:
    with student.on("t was 4.7, over the limit, and the rate almost 0"):
        new = _draw_step(student, 4.7, 1e-9).taken_by(student)[3]
        if abs(new - MAX_LOG) > 1e-3:
            message = f"after the step t is {new:.3f}; the scale shall be 100, which is exp(4.605)"
            fail(message, NO_LIMIT)
    step = _draw_downhill(student)
    slopes = [step.slopes_of_t[faults] for faults in SCALED]
    with student.on("t was 4.7, over the limit, and the batch wants a smaller scale"):
        new = step.taken_by(student)[3]
        if any(math.isclose(4.7 - new, step.rate * slope, rel_tol=3e-3) for slope in slopes):
            return
        limited = replace(step, t=MAX_LOG)
        slopes_there = [limited.slopes_of_t[faults] for faults in SCALED]
        moved = [MAX_LOG - step.rate * slope for slope in (*slopes, *slopes_there)]
        if any(math.isclose(new, end, abs_tol=1e-3) for end in moved):
            fail(
                f"t was put to 4.605 first and took its step from there, to {new:.3f}: "
                "new = old - rate · slope, and the limit after it",
                "",
            )
        wanted = 4.7 - step.rate * slopes[0]
        fail(f"after the step t is {new:.3f}, wanted {wanted:.3f}: did its slope arrive?")


@check(
    "weights and t take one step down the slope of the right loss",
    "All four faults must be gone, and the rest as it was: new = old - rate · slope.",
    keeps_arguments=True,
)
def step_update(student: Student) -> None:
    step = _draw_step(student, 2.0)
    weights = [weight.clone() for weight in step.weights]
    for weight in weights:
        weight[0, 0], weight[1, 1] = 6.0, -6.0  # more than any limit of t
    step = replace(step, weights=tuple(weights))
    loss, *ours, new = step.taken_by(student)
    if not same(loss, wanted := step.loss(RIGHT).item()):
        fail(f"the loss itself is {loss:.4f}, wanted {wanted:.4f}: its slopes come afterwards", "")
    *slopes, slope = step.slopes(RIGHT)
    for name, mine, given, down in zip(("image", "text"), ours, step.weights, slopes, strict=True):
        end = given.double() - step.rate * down
        if not close(mine, end, 1e-3):
            if close(mine, end.clamp(max=MAX_LOG), 1e-3):
                fail(f"the {name} weight is kept at 4.605 or below: that limit is t's alone", "")
            fail(f"the {name} weight did not move by -rate times the slope of the right loss")
    if abs(step.t - step.rate * slope.item() - new) > 1e-3:
        fail(f"t went from {step.t} to {new:.4f}, wanted {step.t - step.rate * slope.item():.4f}")
    low = replace(step, t=-0.5)
    hint = "A scale below 1 is a scale like any other: t has a limit above, and none below."
    with student.on("a scale below 1", hint):
        wanted, new = low.t - low.rate * low.slopes(RIGHT)[2].item(), low.taken_by(student)[3]
        if abs(new - wanted) > 1e-3:
            fail(f"t went from {low.t} to {new:.4f}, wanted {wanted:.4f}")


EXERCISE = Exercise(
    name="05_clip_loss",
    title="Exercise 05: the CLIP loss",
    forbids=("mvlm.clip", "mvlm.contrastive"),
    questions=(
        Question(
            function="cosine_similarities",
            title="Cosines of any vectors",
            minutes=15,
            teaches="what normalising does, and where floating point ends",
            checks=(cos_values, cos_zero, cos_length, cos_half),
        ),
        Question(
            function="loss_and_gradients",
            title="The loss and its gradients, by hand",
            minutes=25,
            teaches="that the gradient is probability minus target, carried back through one "
            "product",
            checks=(grad_loss, grad_images, grad_texts, grad_large),
        ),
        Question(
            function="several_right_loss",
            title="Several right answers",
            minutes=20,
            teaches="that a target is a distribution, and each direction has its own",
            checks=(
                several_one,
                several_texts,
                several_images,
                several_none,
                several_large,
                several_gradient,
            ),
        ),
        Question(
            function="absorb",
            title="The loss without its matrix",
            minutes=20,
            teaches="to take a softmax's sum over parts that never meet",
            checks=(absorb_first, absorb_next, absorb_many, absorb_large, absorb_left_out),
        ),
        Question(
            function="share_of_process",
            title="One process among several",
            minutes=10,
            teaches="where the right answers stand in a gathered batch",
            checks=(share_first, share_ranks, share_twins, share_gradient),
        ),
        Question(
            function="mended_step",
            title="A step with four faults",
            minutes=20,
            teaches="to find mistakes that raise no error",
            checks=(step_normalise, step_exp, step_both, step_clamp, step_update),
        ),
    ),
)
