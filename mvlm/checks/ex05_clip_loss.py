"""Exercise 05: cosines, the CLIP loss and its gradients, in blocks, in shares, and a faulty step.

What is right is worked out here with loops over pairs in Python's own numbers, and slopes with
differences, in no way that an answer would be written.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mvlm.checks.core import (
    Check,
    Exercise,
    Question,
    Student,
    beyond,
    close,
    equal,
    expect_shape,
    fail,
    keeps_arguments,
)

Rows = list[list[float]]
MAX_LOG = math.log(100)

# The right answers, by loops ------------------------------------------------------------------


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def _scores(images: Rows, texts: Rows, scale: float) -> Rows:
    return [[scale * _dot(image, text) for text in texts] for image in images]


def _turned(rows: Rows) -> Rows:
    return [list(column) for column in zip(*rows, strict=True)]


def _log_sum_exp(values: Sequence[float]) -> float:
    largest = max(values)
    return largest + math.log(math.fsum(math.exp(value - largest) for value in values))


def _one_way(scores: Rows, right: Sequence[Sequence[int]]) -> float:
    """The mean over rows of the cross-entropy; row i's right columns share its mass evenly."""
    losses = [
        _log_sum_exp(row) - math.fsum(row[j] for j in columns) / len(columns)
        for row, columns in zip(scores, right, strict=True)
        if len(columns)
    ]
    return math.fsum(losses) / len(losses)


def _clip(scores: Rows) -> float:
    """The CLIP loss of a square matrix of scores, pairs on its diagonal."""
    pairs = [[i] for i in range(len(scores))]
    return (_one_way(scores, pairs) + _one_way(_turned(scores), pairs)) / 2


def _slopes(loss: Callable[[Tensor], float], at: Tensor, step: float = 1e-5) -> Tensor:
    """The gradient of `loss` at a tensor, by central differences, in float64."""
    at = at.double()
    slopes = torch.zeros_like(at)
    for place in itertools.product(*map(range, at.shape)):
        ends = []
        for sign in (1, -1):
            moved = at.clone()
            moved[place] += sign * step
            ends.append(loss(moved))
        slopes[place] = (ends[0] - ends[1]) / (2 * step)
    return slopes


def _unit(features: Tensor) -> Tensor:
    """Every row with length 1."""
    lengths = [math.hypot(*row) for row in features.double().tolist()]
    return features.double() / torch.tensor(lengths, dtype=torch.float64)[:, None]


def _features(directions: Tensor, shortest: float = 0.7, longest: float = 1.4) -> Tensor:
    """Rows with these directions, float32, each of another length: who normalises them shows."""
    lengths = torch.linspace(shortest, longest, len(directions), dtype=torch.float64)
    return (_unit(directions) * lengths[:, None]).float()


def _pairs(student: Student, count: int, width: int) -> tuple[Tensor, Tensor]:
    """Image and text features, (N, E), float32; a pair is somewhat alike."""
    images = student.normal(count, width)
    texts = images + student.normal(count, width)
    return _features(images), _features(texts, 1.3, 0.8)


def _unit_scores(images: Tensor, texts: Tensor, scale: float) -> Rows:
    """A mistake: the scores of features that were normalised first."""
    return _scores(_unit(images).tolist(), _unit(texts).tolist(), scale)


# What a function gave back --------------------------------------------------------------------


def _number(value: Any, function: str) -> float:
    """The one number that came back, when there is one and it is finite."""
    if value is None:
        fail(f"{function} returned None: is there a return at its end?")
    if isinstance(value, Tensor | np.ndarray) and math.prod(value.shape) == 1:
        value = value.reshape(-1)[0].item()
    if type(value) not in (int, float):
        kind = type(value).__name__
        shape = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
        fail(f"{function} returned a {kind}{shape}, wanted one number")
    if not math.isfinite(value):
        fail(f"{function} returned {value}")
    return float(value)


def _parts(value: Any, count: int, function: str, meaning: str) -> tuple:
    if value is None:
        fail(f"{function} returned None: is there a return at its end?")
    if type(value) not in (tuple, list) or len(value) != count:
        kind = f"{len(value)} values" if type(value) in (tuple, list) else type(value).__name__
        fail(f"{function} returned {kind}, wanted {count}: {meaning}")
    return tuple(value)


def _same(number: float, expected: float) -> bool:
    return math.isclose(number, expected, rel_tol=1e-4, abs_tol=1e-5)


def _finite(tensor: Tensor, what: str) -> Tensor:
    if not bool(tensor.double().isfinite().all()):
        kind = "nan" if bool(tensor.double().isnan().any()) else "inf"
        fail(f"{what} hold {kind}")
    return tensor


# cosine_similarities --------------------------------------------------------------------------


def _cosines(images: Tensor, texts: Tensor) -> Tensor:
    def cosine(a: list[float], b: list[float]) -> float:
        lengths = math.hypot(*a) * math.hypot(*b)
        return _dot(a, b) / lengths if lengths else 0.0

    table = [[cosine(a, b) for b in texts.tolist()] for a in images.tolist()]
    return torch.tensor(table, dtype=torch.float64)


def _compare_cosines(student: Student, images: Tensor, texts: Tensor) -> None:
    cosines = student.call("cosine_similarities", images, texts)
    shape = (len(images), len(texts))
    expect_shape(cosines, shape, "cosine_similarities", "(N, M), images × texts")
    if cosines.dtype not in (torch.float32, torch.float64):
        fail(f"the cosines came back in {cosines.dtype}: wanted torch.float32")
    _finite(cosines, "the cosines")
    if close(cosines, _cosines(images, texts)):
        return
    largest = cosines.double().abs().max().item()
    if largest > 1.001:
        fail(f"one of your cosines is {largest:.3g}, and no cosine is beyond 1")
    wanted = _cosines(images, texts)
    row, column = divmod((cosines - wanted).abs().argmax().item(), len(texts))
    fail(
        f"image {row} and text {column} have the cosine {wanted[row, column].item():.3f}, "
        f"yours is {cosines[row, column].item():.3f}"
    )


def _cos_values(student: Student) -> None:
    count, width = student.integer(3, 4), student.integer(6, 8)
    _compare_cosines(student, student.normal(count, width), 3 * student.normal(count + 2, width))


def _cos_zero(student: Student) -> None:
    images, texts = student.normal(3, 5), student.normal(4, 5)
    images[1] = 0
    texts[2] = 0
    _compare_cosines(student, images, texts)


def _cos_length(student: Student) -> None:
    images, texts = student.normal(4, 6), student.normal(5, 6)
    lengths = torch.tensor([1e-30, 1e-8, 1.0, 1e30])[:, None]
    with student.on("vectors 1e-30 to 1e30 long, float32"):
        _compare_cosines(student, images * lengths, texts)
        _compare_cosines(student, texts, images * lengths)


def _cos_half(student: Student) -> None:
    images, texts = student.normal(4, 6), student.normal(5, 6)
    with student.on("float16, numbers near 1"):
        _compare_cosines(student, images.half(), texts.half())
    with student.on("float16, numbers in the hundreds"):
        _compare_cosines(student, (300 * images).half(), (300 * texts).half())
    with student.on("float32, for comparison"):
        _compare_cosines(student, images, texts)


COSINES = Question(
    function="cosine_similarities",
    title="Cosines of any vectors",
    minutes=15,
    teaches="what normalising does, and where floating point ends",
    checks=(
        Check(
            name="cos-values",
            title="every image's cosine with every text",
            hint="Which axis holds the numbers of ONE vector? Its length is taken along that one.",
            points=1,
            run=_cos_values,
        ),
        Check(
            name="cos-zero",
            title="a vector of zeros has cosine 0 with everything",
            hint="Its length is 0, and 0/0 is nan. What may you divide by in its place?",
            points=1,
            run=beyond(_cos_zero, _cos_values),
        ),
        Check(
            name="cos-length",
            title="very long and very short vectors keep their direction",
            hint="Where do squares become inf or 0? What if each is first made about 1 long?",
            points=1,
            run=beyond(_cos_length, _cos_values),
        ),
        Check(
            name="cos-half",
            title="float16 is read, and everything worked out in float32",
            hint="In float16, 256 squared is inf, and four digits are all. What comes first?",
            points=1,
            run=keeps_arguments(beyond(_cos_half, _cos_values)),
        ),
    ),
)

# loss_and_gradients ---------------------------------------------------------------------------


def _loss_and_gradients(
    student: Student, images: Tensor, texts: Tensor, scale: float
) -> tuple[float, Tensor, Tensor]:
    """What the student's function gives for NumPy arrays of float64."""
    arrays = (images.double().numpy(), texts.double().numpy())
    value = student.call("loss_and_gradients", *arrays, scale)
    meaning = "the loss and two gradients"
    loss, *gradients = _parts(value, 3, "loss_and_gradients", meaning)
    tensors = []
    for gradient, name in zip(gradients, ("images", "texts"), strict=True):
        if isinstance(gradient, np.ndarray):
            gradient = torch.from_numpy(gradient)
        if type(gradient) is not Tensor:
            fail(f"the gradient of the {name} is a {type(gradient).__name__}, wanted an array")
        tensors.append(gradient.double())
    return loss, *tensors


def _slopes_of_pairs(images: Tensor, texts: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    fixed = images.double().tolist(), texts.double().tolist()
    return (
        _slopes(lambda moved: _clip(_scores(moved.tolist(), fixed[1], scale)), images),
        _slopes(lambda moved: _clip(_scores(fixed[0], moved.tolist(), scale)), texts),
    )


def _grad_loss(student: Student) -> None:
    for count, width in ((4, 3), (5, 2)):
        images, texts = _pairs(student, count, width)
        scale = 2.5 + student.integer(1, 4)
        loss = _number(
            _loss_and_gradients(student, images, texts, scale)[0], "loss_and_gradients's loss"
        )
        scores = _scores(images.tolist(), texts.tolist(), scale)
        pairs = [[i] for i in range(count)]
        if _same(loss, _clip(scores)):
            continue
        if _same(loss, count * _clip(scores)):
            fail(f"the loss is {count} times too large, for {count} pairs: a sum, not a mean", "")
        if _same(loss, _clip(_scores(images.tolist(), texts.tolist(), 1.0))):
            fail("the loss is that of scale 1: the scale multiplies every score", "")
        if _same(loss, _clip(_unit_scores(images, texts, scale))):
            fail("the loss is that of features brought to length 1: take them as they are", "")
        if _same(loss, _one_way(scores, pairs)) or _same(loss, _one_way(_turned(scores), pairs)):
            fail("the loss is that of one direction alone")
        fail(f"the loss is {loss:.4f}, wanted {_clip(scores):.4f}")


def _compare_gradient(student: Student, side: int) -> None:
    name = ("images", "texts")[side]
    count = 4 + side
    images, texts = _pairs(student, count, student.integer(2, 3))
    scale = 2.5 + student.integer(1, 3)
    returned = _loss_and_gradients(student, images, texts, scale)
    gradient, slopes = returned[1 + side], _slopes_of_pairs(images, texts, scale)
    expected = slopes[side]
    what = f"the gradient of the {name}"
    expect_shape(gradient, expected.shape, what, "(N, E), a slope for each feature")
    _finite(gradient, f"the slopes of the {name}")
    if close(gradient, expected):
        return
    if close(gradient, slopes[1 - side]):
        fail(f"{what} is that of the {('texts', 'images')[side]}: first images, then texts", "")
    for factor, meaning in (
        (-1, "points the other way: is it a slope, or a step downhill?"),
        (1 / scale, "is too small by the scale: the scale multiplies every score"),
        (count, f"is {count} times too large, for {count} pairs: the loss is a mean"),
        (2, "is twice too large: the loss is half of two cross-entropies"),
    ):
        if close(gradient, factor * expected):
            fail(f"{what} {meaning}", "")
    place = (gradient - expected).abs().argmax().item()
    slope, wanted = gradient.reshape(-1)[place].item(), expected.reshape(-1)[place].item()
    fail(f"{what}: a slope is {slope:.4f} by your formula, {wanted:.4f} when measured")


def _grad_images(student: Student) -> None:
    _compare_gradient(student, 0)


def _grad_texts(student: Student) -> None:
    _compare_gradient(student, 1)


def _grad_large(student: Student) -> None:
    images, texts = _pairs(student, 4, 3)
    with student.on("on small scores already", ""):
        _compare_small(student, images, texts)
    slopes = _slopes_of_pairs(images, texts, 3.0)
    loss = _clip(_scores(images.tolist(), texts.tolist(), 3.0))
    # One more feature, the same for all, adds 1200 to every score: no softmax notices.
    more = torch.full((4, 1), 20.0)
    images, texts = torch.cat([images, more], 1), torch.cat([texts, more], 1)
    returned = _loss_and_gradients(student, images, texts, 3.0)
    ours = _number(returned[0], "loss_and_gradients's loss")
    if not _same(ours, loss):
        fail(f"1200 was added to every score, and the loss went from {loss:.4f} to {ours:.4f}")
    for gradient, expected, name in zip(returned[1:], slopes, ("images", "texts"), strict=True):
        _finite(gradient, f"the slopes of the {name}")
        if gradient.shape != images.shape or not close(gradient[:, :3], expected):
            fail(f"1200 was added to every score, and the gradient of the {name} changed")
    hint = "exp(-1200) is 0: what of its logarithm, or of a sum of nothing else? Row by row?"
    with student.on("scores that lie thousands apart", hint):
        _grad_apart(student)


def _compare_small(student: Student, images: Tensor, texts: Tensor) -> None:
    """What is wrong here is no matter of large scores."""
    loss, *gradients = _loss_and_gradients(student, images, texts, 3.0)
    if not _same(
        _number(loss, "loss_and_gradients's loss"),
        _clip(_scores(images.tolist(), texts.tolist(), 3.0)),
    ):
        fail("the loss is another one")
    slopes = _slopes_of_pairs(images, texts, 3.0)
    for gradient, expected, name in zip(gradients, slopes, ("images", "texts"), strict=True):
        if gradient.shape != expected.shape or not close(gradient, expected):
            fail(f"the gradient of the {name} is not the slope of the loss")


def _draw_apart(student: Student, scale: float) -> tuple[Tensor, Tensor]:
    """Wrong pairs: a right answer far below its row's best, and a row far below another."""
    while True:
        images, texts = _pairs(student, 4, 3)
        texts = texts.roll(1, 0)
        scores = torch.tensor(_scores(images.tolist(), texts.tolist(), scale))
        bests = [scores.topk(2, axis).values.movedim(axis, 0) for axis in (0, 1)]
        decided = all((first - second).min() > 60 for first, second in bests)
        lost = any((first - scores.diagonal()).max() > 900 for first, _ in bests)
        below = any(scores.max() - first.min() > 900 for first, _ in bests)
        if decided and lost and below:  # decided: the slopes can be measured
            return images, texts


def _grad_apart(student: Student) -> None:
    images, texts = _draw_apart(student, 3000.0)
    loss, *gradients = _loss_and_gradients(student, images, texts, 3000.0)
    wanted = _clip(_scores(images.tolist(), texts.tolist(), 3000.0))
    ours = _number(loss, "loss_and_gradients's loss")
    if not _same(ours, wanted):
        fail(f"the loss is {ours:.4f}, wanted {wanted:.4f}")
    slopes = _slopes_of_pairs(images, texts, 3000.0)
    for gradient, expected, name in zip(gradients, slopes, ("images", "texts"), strict=True):
        _finite(gradient, f"the slopes of the {name}")
        if not close(gradient, expected, 1e-3):
            fail(f"the gradient of the {name} is not the slope of the loss")


GRADIENTS = Question(
    function="loss_and_gradients",
    title="The loss and its gradients, by hand",
    minutes=25,
    teaches="that the gradient is probability minus target, carried back through one product",
    checks=(
        Check(
            name="grad-loss",
            title="the loss is the mean of the two cross-entropies",
            hint="Take the log of the probability of the right answer, in rows and in columns.",
            points=1,
            run=_grad_loss,
        ),
        Check(
            name="grad-images",
            title="the gradient of the images is the slope of the loss",
            hint="First the gradient of the scores, N×N. Image i met every text: sum over texts.",
            points=1,
            run=beyond(_grad_images, _grad_loss),
        ),
        Check(
            name="grad-texts",
            title="the gradient of the texts is the slope of the loss",
            hint="Text j met every image: which axis of the scores' gradient is summed now?",
            points=1,
            run=beyond(_grad_texts, _grad_loss, _grad_images),
        ),
        Check(
            name="grad-large",
            title="scores in the thousands change nothing",
            hint="exp(1200) is inf. What can you subtract from a row without changing its softmax?",
            points=1,
            run=keeps_arguments(_grad_large),
        ),
    ),
)

# several_right_loss ---------------------------------------------------------------------------


Way = Callable[[Rows, Sequence[Sequence[int]]], float]


def _both_ways(way: Way, scores: Rows, right: Tensor) -> float:
    """The mean of a loss over rows and one over columns, each with its right answers."""
    rows = [[j for j, yes in enumerate(row) if yes] for row in right.tolist()]
    columns = [[i for i, yes in enumerate(column) if yes] for column in right.T.tolist()]
    return (way(scores, rows) + way(_turned(scores), columns)) / 2


def _summed(scores: Rows, right: Sequence[Sequence[int]]) -> float:
    """A mistake: -log of the probability that any right answer is chosen."""
    losses = [
        _log_sum_exp(row) - _log_sum_exp([row[j] for j in columns])
        for row, columns in zip(scores, right, strict=True)
        if columns
    ]
    return math.fsum(losses) / len(losses)


def _unshared(scores: Rows, right: Sequence[Sequence[int]]) -> float:
    """A mistake: each right answer is a target of 1."""
    losses = [
        math.fsum(_log_sum_exp(row) - row[j] for j in columns)
        for row, columns in zip(scores, right, strict=True)
        if columns
    ]
    return math.fsum(losses) / len(losses)


def _borrowed(scores: Rows, right: Tensor) -> float:
    """A mistake: the targets over images are those over texts, turned over."""
    shares = [[yes / max(sum(row), 1) for yes in row] for row in right.double().tolist()]
    columns = zip(_turned(scores), _turned(shares), strict=True)
    losses = [
        math.fsum(q * (_log_sum_exp(column) - s) for q, s in zip(share, column, strict=True))
        for column, share in columns
        if any(share)
    ]
    rows = [[j for j, yes in enumerate(row) if yes] for row in right.tolist()]
    return (_one_way(scores, rows) + math.fsum(losses) / len(losses)) / 2


def _compare_several(student: Student, right: Tensor, scale: float = 3.0) -> None:
    images = _features(student.normal(right.shape[0], 3))
    texts = _features(student.normal(right.shape[1], 3), 1.3, 0.8)
    value = student.call("several_right_loss", images, texts, right, scale)
    loss = _number(value, "several_right_loss")
    scores = _scores(images.tolist(), texts.tolist(), scale)
    expected = _both_ways(_one_way, scores, right)
    if _same(loss, expected):
        return
    if _same(loss, _both_ways(_summed, scores, right)):
        fail("the loss takes the log of the right answers' summed probability, not of each", "")
    if _same(loss, _both_ways(_unshared, scores, right)):
        fail("the loss gives each right answer the whole mass: a row of targets sums to 1", "")
    if _same(loss, _borrowed(scores, right)):
        fail(
            "the targets over images are those over texts, turned over: their columns do not sum "
            "to 1",
            "Turn the mask over, and divide it anew: each text shares out 1 among its images.",
        )
    if _same(loss, _both_ways(_one_way, _unit_scores(images, texts, scale), right)):
        fail("the loss is that of features brought to length 1: take them as they are", "")
    fail(f"the loss is {loss:.4f}, wanted {expected:.4f}")


def _mask(count: int, others: int, pairs: Sequence[tuple[int, int]]) -> Tensor:
    right = torch.zeros(count, others, dtype=torch.bool)
    for i, j in pairs:
        right[i, j] = True
    return right


def _several_one(student: Student) -> None:
    count = student.integer(4, 5)
    with student.on("the right ones on the diagonal"):
        _compare_several(student, torch.eye(count, dtype=torch.bool))
    with student.on("each text one place further than its image"):
        _compare_several(student, torch.eye(count, dtype=torch.bool).roll(1, 1))


def _several_texts(student: Student) -> None:
    owners = [0, 0, 0, 0, 1, 1, 2]
    with student.on("3 images with 4, 2 and 1 texts"):
        _compare_several(student, _mask(3, 7, [(i, j) for j, i in enumerate(owners)]))


def _several_images(student: Student) -> None:
    pairs = [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 2)]
    with student.on("3 texts with 3, 2 and 1 images"):
        _compare_several(student, _mask(6, 3, pairs))
    with student.on("images with several texts, which are right for other images as well"):
        pairs = [(0, 0), (0, 1), (1, 1), (1, 2), (2, 3), (3, 3)]
        _compare_several(student, _mask(4, 4, pairs))


def _several_none(student: Student) -> None:
    with student.on("image 1 has no right text"):
        _compare_several(student, _mask(4, 3, [(0, 0), (2, 1), (3, 2)]))
    with student.on("texts 0 and 3 have no right image"):
        _compare_several(student, _mask(2, 4, [(0, 1), (1, 2)]))


def _several_large(student: Student) -> None:
    with student.on("scores in the hundreds"):
        for _ in range(4):  # in a batch, a wrong answer may happen to have the right loss
            _compare_several(student, _mask(3, 4, [(0, 0), (0, 1), (1, 2), (2, 3)]), 300.0)


SEVERAL = Question(
    function="several_right_loss",
    title="Several right answers",
    minutes=20,
    teaches="that a target is a distribution, and each direction has its own",
    checks=(
        Check(
            name="several-one",
            title="with one right text an image it is the CLIP loss",
            hint="The mask says where the right answers are: nothing makes them the diagonal.",
            points=1,
            run=_several_one,
        ),
        Check(
            name="several-texts",
            title="an image's right texts share its target evenly",
            hint="Four right texts: a quarter of the mass each. And what do their columns sum to?",
            points=1,
            run=beyond(_several_texts, _several_one),
        ),
        Check(
            name="several-images",
            title="a text's right images share its target evenly",
            hint="The targets over images are columns of the mask, divided by their own count.",
            points=1,
            run=beyond(_several_images, _several_one, _several_texts),
        ),
        Check(
            name="several-none",
            title="an image or text with no right answer is left out of the mean",
            hint="What is 0/0 there? And how many rows does the mean run over?",
            points=1,
            run=beyond(_several_none, _several_one),
        ),
        Check(
            name="several-large",
            title="large scores give a finite loss",
            hint="The log of a probability that was rounded to 0 is -inf, and 0 times -inf is nan.",
            points=1,
            run=keeps_arguments(beyond(_several_large, _several_one, _several_texts)),
        ),
    ),
)

# absorb ---------------------------------------------------------------------------------------


def _absorb(student: Student, state: tuple[Tensor, Tensor], scores: Tensor) -> tuple:
    value = student.call("absorb", *state, scores)
    new = _parts(value, 2, "absorb", "the maxima and the sums")
    for tensor, name in zip(new, ("maxima", "sums"), strict=True):
        expect_shape(tensor, (len(scores),), f"absorb's {name}", "one a row")
        if bool(tensor.double().isnan().any()):
            fail(f"the {name} hold nan")
    return new


def _start(count: int) -> tuple[Tensor, Tensor]:
    return torch.full((count,), -torch.inf), torch.zeros(count)


def _state_of(scores: Tensor) -> tuple[Tensor, Tensor]:
    """The largest of each row, and the sum of exp(score − largest)."""
    rows = scores.double().tolist()
    maxima = [max(row) for row in rows]
    sums = [
        math.fsum(math.exp(s - top) for s in row if s > -math.inf)
        for row, top in zip(rows, maxima, strict=True)
    ]
    return torch.tensor(maxima, dtype=torch.float64), torch.tensor(sums, dtype=torch.float64)


def _compare_state(state: tuple[Tensor, Tensor], seen: Tensor) -> None:
    maxima, sums = _state_of(seen)
    if not equal(state[0].float(), maxima.float()):
        fail("the maxima are not the largest scores of each row so far")
    if not close(state[1], sums, 1e-3):  # who keeps logarithms loses digits at large scores
        row = (state[1].double() - sums).abs().argmax().item()
        fail(
            f"row {row}: the sum of exp(score - maximum) over {seen.shape[1]} scores "
            f"is {sums[row].item():.4f}, yours is {state[1][row].item():.4f}"
        )


def _absorb_first(student: Student) -> None:
    scores = 2 * student.normal(3, student.integer(4, 6)) - 10
    _compare_state(_absorb(student, _start(3), scores), scores)


def _absorb_next(student: Student) -> None:
    first = 2 * student.normal(4, 3) - 15
    for shift, name in ((2.5, "a larger maximum"), (-2.5, "a smaller maximum")):
        tops = first.max(1).values + shift
        second = student.normal(4, 5).abs().neg() + tops[:, None]
        second[:, 1] = tops
        state = tuple(tensor.float() for tensor in _state_of(first))
        with student.on(f"the second block has {name}"):
            _compare_state(_absorb(student, state, second), torch.cat([first, second], 1))
    with student.on("a single row"):
        state = tuple(tensor[:1].float() for tensor in _state_of(first))
        both = torch.cat([first, second], 1)[:1]
        _compare_state(_absorb(student, state, second[:1].clone()), both)


def _absorb_many(student: Student) -> None:
    count = student.integer(9, 11)
    images, texts = _pairs(student, count, 4)
    scores = torch.tensor(_scores(images.tolist(), texts.tolist(), 8.0))
    for width in (1, 3, count):
        with student.on(f"{count} pairs, the matrix in blocks of {width} columns"):
            loss = 0.0
            for table in (scores, scores.T.contiguous()):
                state = _start(count)
                for block in table.split(width, 1):
                    state = _absorb(student, state, block.contiguous())
                ends = state[0].double() + state[1].double().log()
                loss += (ends - table.diagonal()).mean().item() / 2
            if not _same(loss, _clip(scores.double().tolist())):
                fail("maxima + log(sums) do not give the CLIP loss of the whole matrix")


def _absorb_large(student: Student) -> None:
    for offsets in ((-2000, -1000, 0, 1000), (1000, 0, -1000), (-1500, -1500)):
        blocks = [student.normal(3, 4) + offset for offset in offsets]
        with student.on(f"blocks of scores near {', '.join(map(str, offsets))}"):
            state = _start(3)
            for block in blocks:
                state = _absorb(student, state, block)
            _compare_state(state, torch.cat(blocks, 1))


def _absorb_left_out(student: Student) -> None:
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


ABSORB = Question(
    function="absorb",
    title="The loss without its matrix",
    minutes=20,
    teaches="to take a softmax's sum over parts that never meet",
    checks=(
        Check(
            name="absorb-first",
            title="the first block of scores gives its maxima and sums",
            hint="Before anything was seen, the maximum is -inf and the sum 0. What is exp(-inf)?",
            points=1,
            run=_absorb_first,
        ),
        Check(
            name="absorb-next",
            title="a second block adds to the first, whichever has the maximum",
            hint="The old sum was taken against the old maximum. By what factor must it change?",
            points=1,
            run=beyond(_absorb_next, _absorb_first),
        ),
        Check(
            name="absorb-many",
            title="block by block, the CLIP loss of the whole matrix",
            hint="Any number of blocks, each of any width, must leave what one block leaves.",
            points=1,
            run=beyond(_absorb_many, _absorb_first, _absorb_next),
        ),
        Check(
            name="absorb-large",
            title="scores in the thousands neither overflow nor vanish",
            hint="Every exponent you take should be 0 or less, and each row has one that is 0.",
            points=1,
            run=beyond(_absorb_large, _absorb_first, _absorb_next),
        ),
        Check(
            name="absorb-left-out",
            title="a score of -inf counts as not there",
            hint="A row may have seen nothing but -inf so far. What is -inf minus -inf?",
            points=1,
            run=keeps_arguments(beyond(_absorb_left_out, _absorb_first, _absorb_next)),
        ),
    ),
)

# share_of_process -----------------------------------------------------------------------------


def _share(images: Tensor, texts: Tensor, rank: int, own: int, scale: float) -> float:
    scores = _scores(images.tolist(), texts.tolist(), scale)
    rows = range(rank * own, (rank + 1) * own)
    right = [[row] for row in rows]
    over_texts = _one_way([scores[row] for row in rows], right)
    columns = _turned(scores)
    return (over_texts + _one_way([columns[row] for row in rows], right)) / 2


def _call_share(
    student: Student, images: Tensor, texts: Tensor, rank: int, own: int, scale: float
) -> float:
    mine = slice(rank * own, (rank + 1) * own)
    arguments = (images[mine].clone(), texts[mine].clone(), images, texts, rank, scale)
    return _number(student.call("share_of_process", *arguments), "share_of_process")


def _compare_share(student: Student, ranks: Sequence[int], processes: int) -> None:
    own, scale = student.integer(3, 4), 3.5 + student.integer(0, 2)
    images, texts = _pairs(student, processes * own, 4)
    for rank in ranks:
        with student.on(f"process {rank} of {processes}, {own} pairs each"):
            loss = _call_share(student, images, texts, rank, own, scale)
            if _same(loss, _share(images, texts, rank, own, scale)):
                continue
            mine = slice(rank * own, (rank + 1) * own)
            alone = _clip(_scores(images[mine].tolist(), texts[mine].tolist(), scale))
            if _same(loss, alone):
                fail("the share is what these pairs lose among themselves")
            if _same(loss, _clip(_scores(images.tolist(), texts.tolist(), scale))):
                fail("the share is the loss of all pairs of all processes", "")
            if _same(loss, _share(_unit(images), _unit(texts), rank, own, scale)):
                fail("the share is that of features brought to length 1: take them as they are", "")
            wanted = _share(images, texts, rank, own, scale)
            if _same(loss, own * wanted):
                fail(f"the share is {own} times too large, for {own} own pairs: a mean, no sum", "")
            if _same(loss, wanted / processes):
                fail(
                    f"the share is divided by the {processes * own} pairs of all processes: it is "
                    f"a mean over {own} own ones",
                    "",
                )
            fail(f"the share is {loss:.4f}, wanted {wanted:.4f}")


def _share_first(student: Student) -> None:
    _compare_share(student, [0], 3)


def _share_ranks(student: Student) -> None:
    _compare_share(student, [1, 2], 3)
    _compare_share(student, [1], 2)


def _share_twins(student: Student) -> None:
    own, processes, scale = 3, 3, 5.0
    images, texts = _pairs(student, own * processes, 4)
    images[own:] = images[:own].repeat(2, 1)  # every picture occurs on every process
    texts[2 * own :] = texts[:own]
    whole = _clip(_scores(images.tolist(), texts.tolist(), scale))
    with student.on("pictures and texts that occur on several processes"):
        shares = [
            _call_share(student, images, texts, rank, own, scale) for rank in range(processes)
        ]
        mean = math.fsum(shares) / processes
        if not _same(mean, whole):
            fail(f"the mean of all shares is {mean:.4f}, the loss of the whole is {whole:.4f}")


SHARE = Question(
    function="share_of_process",
    title="One process among several",
    minutes=10,
    teaches="where the right answers stand in a gathered batch",
    checks=(
        Check(
            name="share-first",
            title="process 0 compares its own pairs with those of all",
            hint="Own images with all texts, and own texts with all images: two oblong matrices.",
            points=1,
            run=_share_first,
        ),
        Check(
            name="share-ranks",
            title="the others find their right answers as well",
            hint="In the gathered list, how many pairs stand before the first one of process r?",
            points=1,
            run=beyond(_share_ranks, _share_first),
        ),
        Check(
            name="share-twins",
            title="the mean of the shares is the loss of the whole",
            hint="The same picture may stand there twice. Which of the two is yours?",
            points=1,
            run=keeps_arguments(beyond(_share_twins, _share_first, _share_ranks)),
        ),
    ),
)

# mended_step ----------------------------------------------------------------------------------

# Normalised over the batch: no side, images, texts or both; scale without exp; both directions,
# over texts alone, or over images alone.
Faults = tuple[str, bool, str]
RIGHT: Faults = ("", False, "both")
ALL_FAULTS: list[Faults] = list(
    itertools.product(("", "it", "i", "t"), (False, True), ("both", "texts", "images"))
)


def _projected(inputs: Tensor, weight: Tensor, over_batch: bool) -> Rows:
    rows = [[_dot(row, column) for column in weight.T.tolist()] for row in inputs.tolist()]
    table = torch.tensor(rows, dtype=torch.float64)
    return (_unit(table.T).T if over_batch else _unit(table)).tolist()


def _step_loss(
    inputs: tuple[Tensor, Tensor], weights: tuple[Tensor, Tensor], t: float, faults: Faults
) -> float:
    """The loss of the step, with some of the faults still in it."""
    over_batch, no_exp, direction = faults
    images = _projected(inputs[0], weights[0], "i" in over_batch)
    texts = _projected(inputs[1], weights[1], "t" in over_batch)
    scores = _scores(images, texts, t if no_exp else math.exp(t))
    if direction == "both":
        return _clip(scores)
    pairs = [[i] for i in range(len(scores))]
    return _one_way(scores if direction == "texts" else _turned(scores), pairs)


def _draw_step(student: Student) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Inputs of images and of texts, and the weights that project them to a shared space."""
    count, embed = student.integer(4, 5), 3
    inputs = student.normal(count, 6), student.normal(count, 5)
    return inputs, (student.normal(6, embed), student.normal(5, embed))


def _call_step(
    student: Student,
    inputs: tuple[Tensor, Tensor],
    weights: tuple[Tensor, Tensor],
    t: float,
    rate: float,
) -> tuple[float, Tensor, Tensor, float]:
    value = student.call("mended_step", *inputs, *weights, torch.tensor(t), rate)
    loss, images, texts, new = _parts(
        value, 4, "mended_step", "the loss, the two weights and t after the step"
    )
    for ours, given, name in zip((images, texts), weights, ("image", "text"), strict=True):
        expect_shape(ours, given.shape, f"mended_step's {name} weight", "that of the weight given")
    return _number(loss, "mended_step's loss"), images, texts, _number(new, "mended_step's t")


def _without_fault(student: Student, fault: int, message: str) -> None:
    """The loss is right, or wrong by other faults than this one."""
    left = ALL_FAULTS
    for _ in range(2):  # two losses, since one may happen to agree with several of the faults
        inputs, weights = _draw_step(student)
        t = 1.5 + student.integer(0, 8) / 10
        loss = _call_step(student, inputs, weights, t, 0.1)[0]
        left = [faults for faults in left if _same(loss, _step_loss(inputs, weights, t, faults))]
        if not left:
            fail(f"a loss of {loss:.4f} comes from none of the faults: what else was changed?", "")
    if all(faults[fault] != RIGHT[fault] for faults in left):
        fail(message)


def _step_below(student: Student) -> None:
    """Below the limit t takes its step, whichever faults of the loss are left."""
    inputs, weights = _draw_step(student)
    rate, t = 0.5, 2.0
    loss, *_, new = _call_step(student, inputs, weights, t, rate)
    left = [faults for faults in ALL_FAULTS if _same(loss, _step_loss(inputs, weights, t, faults))]
    if not left:
        fail(f"a loss of {loss:.4f} comes from none of the faults: what else was changed?")
    if all(no_exp for _, no_exp, _ in left):
        fail("the loss is that of the scale t")
    slopes = [_slope_of_t(inputs, weights, t, faults) for faults in left]
    if all(abs(t - rate * slope - new) > 1e-3 for slope in slopes):
        wanted = t - rate * slopes[0]
        fail(f"t went from {t} to {new:.4f}, wanted {wanted:.4f}: one step down its slope")


def _slope_of_t(
    inputs: tuple[Tensor, Tensor], weights: tuple[Tensor, Tensor], t: float, faults: Faults
) -> float:
    return _slopes(
        lambda at: _step_loss(inputs, weights, at.item(), faults), torch.tensor(t)
    ).item()


def _step_clamp(student: Student) -> None:
    inputs, weights = _draw_step(student)
    with student.on("t was 4.7, over the limit, and the rate almost 0"):
        new = _call_step(student, inputs, weights, 4.7, 1e-9)[3]
        if abs(new - MAX_LOG) > 1e-3:
            fail(f"after the step t is {new:.3f}; the scale shall be 100, which is exp(4.605)")
    # Other faults may still be there: each batch here wants a smaller scale with all of them.
    others = [faults for faults in ALL_FAULTS if not faults[1]]
    slopes = [0.0]
    while min(slopes) <= 0.1 * max(slopes):
        _, (weight, _) = _draw_step(student)
        images = student.normal(5, 6)
        inputs, weights = (images, images.roll(1, 0)), (weight, weight)  # every pair a wrong one
        slopes = [_slope_of_t(inputs, weights, 4.7, faults) for faults in others]
    rate = 0.3 / min(slopes)
    with student.on("t was 4.7, over the limit, and the batch wants a smaller scale"):
        new = _call_step(student, inputs, weights, 4.7, rate)[3]
        if not any(math.isclose(4.7 - new, rate * slope, rel_tol=3e-3) for slope in slopes):
            at_limit = [_slope_of_t(inputs, weights, MAX_LOG, faults) for faults in others]
            moved = [MAX_LOG - rate * slope for slope in (*slopes, *at_limit)]
            if any(math.isclose(new, end, abs_tol=1e-3) for end in moved):
                fail(
                    f"t was put to 4.605 first and took its step from there, to {new:.3f}: "
                    "new = old - rate · slope, and the limit after it",
                    "",
                )
            wanted = 4.7 - rate * slopes[0]
            fail(f"after the step t is {new:.3f}, wanted {wanted:.3f}: did its slope arrive?")


def _step_update(student: Student) -> None:
    inputs, weights = _draw_step(student)
    rate, t = 0.5, 2.0
    loss, *ours, new = _call_step(student, inputs, weights, t, rate)
    if not _same(loss, wanted := _step_loss(inputs, weights, t, RIGHT)):
        fail(f"the loss itself is {loss:.4f}, wanted {wanted:.4f}: its slopes come afterwards", "")
    for side, name in enumerate(("image", "text")):

        def moved_loss(moved: Tensor, side: int = side) -> float:
            both = (moved, weights[1]) if side == 0 else (weights[0], moved)
            return _step_loss(inputs, both, t, RIGHT)

        step = -rate * _slopes(moved_loss, weights[side])
        if not close(ours[side].double() - weights[side].double(), step, 1e-3):
            fail(f"the {name} weight did not move by -rate times the slope of the right loss")
    low = -0.5  # a scale below 1: nothing keeps it from there
    for start, end in ((t, new), (low, _call_step(student, inputs, weights, low, rate)[3])):
        wanted = start - rate * _slope_of_t(inputs, weights, start, RIGHT)
        if abs(end - wanted) > 1e-3:
            fail(f"t went from {start} to {end:.4f}, wanted {wanted:.4f}")


MEND = Question(
    function="mended_step",
    title="A step with four faults",
    minutes=20,
    teaches="to find mistakes that raise no error",
    checks=(
        Check(
            name="step-normalise",
            title="each vector is divided by its own length",
            hint="Make one image twice as long: whose features change in the faulty step?",
            points=1,
            run=lambda student: _without_fault(
                student, 0, "the loss is that of features normalised over the batch"
            ),
        ),
        Check(
            name="step-exp",
            title="the scale is e to the t",
            hint="t begins near 2.66. Is that the factor that the paper begins with?",
            points=1,
            run=lambda student: _without_fault(student, 1, "the loss is that of the scale t"),
        ),
        Check(
            name="step-both",
            title="the loss takes both directions",
            hint="Two names for two numbers do not make them differ. Which matrix does each take?",
            points=1,
            run=lambda student: _without_fault(
                student, 2, "the loss is that of one direction alone"
            ),
        ),
        Check(
            name="step-clamp",
            title="the scale is kept at 100 or below, and can come back from there",
            hint="A clamp on the way to the loss passes no slope beyond its limit. Where then?",
            points=1,
            run=beyond(_step_clamp, _step_below),
        ),
        Check(
            name="step-update",
            title="weights and t take one step down the slope of the right loss",
            hint="All four faults must be gone, and the rest as it was: new = old - rate · slope.",
            points=1,
            run=keeps_arguments(_step_update),
        ),
    ),
)

EXERCISE = Exercise(
    name="05_clip_loss",
    title="Exercise 05: the CLIP loss",
    forbids=("mvlm.clip",),
    questions=(COSINES, GRADIENTS, SEVERAL, ABSORB, SHARE, MEND),
)
