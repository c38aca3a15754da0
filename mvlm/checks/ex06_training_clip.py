"""Exercise 06: training CLIP: reading a loss, batches without twins, a batch in parts, logs.

What is right is worked out here from the definitions, in float64: the floor by counting, the
gradient of a batch by autograd on the whole of it, the schedule point by point.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Exercise, Question, Student, check, fail
from mvlm.checks.expect import (
    Comparison,
    close,
    expect_kind,
    expect_number,
    expect_parts,
    expect_shape,
    expect_something,
    expect_tensor,
    same,
)

# learnt -----------------------------------------------------------------------------------------


def _floor(texts: list[str]) -> float:
    return sum(k * math.log(k) for k in Counter(texts).values()) / len(texts)


def _learnt(loss: float, texts: list[str]) -> float:
    if len(set(texts)) == 1:
        return 0.0
    nothing = math.log(len(texts))
    return (nothing - loss) / (nothing - _floor(texts))


def _of(base: Callable[[float, list[str]], float | None]) -> Callable[..., float | None]:
    """A mistake, which has no meaning where the right answer is a fixed 0."""
    return lambda loss, texts: None if len(set(texts)) == 1 else base(loss, texts)


def _by_kinds(loss: float, texts: list[str]) -> float | None:
    """A mistake: the number of different texts in the place of N, and no floor."""
    kinds = math.log(len(set(texts)))
    return (kinds - loss) / kinds


def _pairs_only(loss: float, texts: list[str]) -> float:
    """A mistake: every text that is not alone costs ln 2, however often it comes."""
    twice = sum(k for k in Counter(texts).values() if k > 1)
    nothing = math.log(len(texts))
    return (nothing - loss) / (nothing - twice * math.log(2) / len(texts))


def _once_each(loss: float, texts: list[str]) -> float:
    """A mistake: ln k is counted once for a text and not for each of its pairs."""
    nothing = math.log(len(texts))
    paid = sum(math.log(k) for k in Counter(texts).values()) / len(texts)
    return (nothing - loss) / (nothing - paid)


def _made_alike(loss: float, texts: list[str]) -> float | None:
    """A mistake: case and outer spaces are not looked at."""
    texts = [text.strip().lower() for text in texts]
    return None if len(set(texts)) == 1 else _learnt(loss, texts)


LEARNT = Comparison(
    function="learnt",
    what="the share",
    right=_learnt,
    mistakes={
        "the floor was left out: with twins not all of ln N can be learnt": _of(
            lambda loss, texts: 1 - loss / math.log(len(texts))
        ),
        "ln of the number of DIFFERENT texts was taken for ln N: N is the number of pairs": _of(
            _by_kinds
        ),
        "this is what was learnt, in nats: a share of what could be learnt is wanted": _of(
            lambda loss, texts: math.log(len(texts)) - loss
        ),
        "this is the share that is LEFT: 1 minus it was learnt": _of(
            lambda loss, texts: 1 - _learnt(loss, texts)
        ),
        "N² was taken: each question has N possible answers, not N²": _of(
            lambda loss, texts: (
                (2 * math.log(len(texts)) - loss) / (2 * math.log(len(texts)) - _floor(texts))
            )
        ),
        "ln 2 was taken for every text that is not alone: one that comes k times costs ln k": _of(
            _pairs_only
        ),
        "a text that comes k times was counted once: each of its k pairs loses ln k": _of(
            _once_each
        ),
        "texts that differ in case or in spaces were taken for equal: they are equal as strings or "
        "not at all": _of(_made_alike),
        "log2 was taken: the loss is in natural logarithms": _of(
            lambda loss, texts: (math.log2(len(texts)) - loss) / math.log2(len(texts))
        ),
        "per cent: a share of 1 is all": _of(lambda loss, texts: 100 * _learnt(loss, texts)),
    },
)


def _words(student: Student, *counts: int) -> list[str]:
    """Texts in a random order: one word for each count, which comes so often."""
    texts = [f"word {i} {student.integer(0, 99)}" for i in range(len(counts))]
    line = [text for text, count in zip(texts, counts, strict=True) for _ in range(count)]
    order = torch.randperm(len(line), generator=student.generator).tolist()
    return [line[place] for place in order]


def _between(student: Student, low: float, high: float) -> float:
    return low + (high - low) * student.integer(1, 99) / 100


@check("the share of ln N, when all texts differ", "(ln N − loss)/ln N, and N is the batch.")
def learn_share(student: Student) -> None:
    for pairs in (128, 7):
        with student.on(f"{pairs} different texts"):
            LEARNT.run(
                student,
                lambda n=pairs: (_between(student, 0.1, 1.9), _words(student, *[1] * n)),
            )


@check(
    "with texts that repeat",
    "A text that comes k times costs ln k for each of its k pairs: that is the floor.",
    after=[learn_share],
    keeps_arguments=True,
)
def learn_floor(student: Student) -> None:
    for name, counts in (
        ("one text twice", (2, 1, 1, 1, 1)),
        ("one text five times, one three times", (5, 3, 1, 1)),
    ):
        with student.on(name):
            LEARNT.run(
                student,
                lambda c=counts: (_between(student, 0.9, 1.6), _words(student, *c)),
            )

    def nearly_alike() -> tuple[float, list[str]]:
        first, second, third = _words(student, 1, 1, 1)
        texts = [first, second, first.upper(), first + " ", " " + second, second, third]
        return _between(student, 0.9, 1.6), texts

    with student.on("texts that differ in case or in a space alone"):
        LEARNT.run(student, nearly_alike)


@check(
    "above ln N, and where nothing can be learnt",
    "Worse than knowing nothing is below 0. One pair, or all texts alike: 0, and 0/0 is none.",
    after=[learn_share, learn_floor],
)
def learn_edges(student: Student) -> None:
    def above() -> tuple[float, list[str]]:
        return math.log(5) + _between(student, 0.5, 2.0), _words(student, 2, 1, 1, 1)

    with student.on("a loss above ln N"):
        arguments = above()
        value = expect_number(student.call("learnt", *arguments), "learnt")
        if value == 0:
            fail("0 came back: what was learnt wrongly is less than nothing, and that must show")
        LEARNT.run(student, above)
    for name, texts, loss in (
        ("one pair", ["dog"], 0.0),
        ("three pairs with one text", ["dog"] * 3, 1.2),
        ("49 pairs with one text", ["dog"] * 49, 3.9),
    ):
        with student.on(name):
            value = expect_number(student.call("learnt", loss, texts), "learnt")
            if not same(value, 0.0):
                fail(
                    f"{value:.4g} came back, wanted 0: there is nothing to tell apart",
                    "Ask whether all texts are alike. ln N − floor is 0 only up to rounding there, "
                    "so it may pass a question for 0.",
                )


# batches ----------------------------------------------------------------------------------------

Batches = list[list[int]]


def _asked(student: Student, names: list[str], size: int, seed: int) -> Batches:
    """What came back, when it is a list of lists of whole numbers."""
    value = expect_something(student.call("batches", names, size, seed), "batches")
    if type(value) not in (list, tuple):
        fail(f"batches returned a {type(value).__name__}, wanted a list of lists of int", "")
    for batch in value:
        if type(batch) not in (list, tuple) or any(type(place) is not int for place in batch):
            fail(
                "a batch is not a list of int: wanted the examples' places in names, such as "
                "[[0, 4], [2]]",
                "",
            )
    return [list(batch) for batch in value]


def _once(names: list[str], found: Batches) -> None:
    count = Counter(place for batch in found for place in batch)
    missing = [place for place in range(len(names)) if place not in count]
    twice = [place for place, times in count.items() if times > 1]
    others = [place for place in count if not 0 <= place < len(names)]
    if others:
        fail(f"place {others[0]} came back, the places run from 0 to {len(names) - 1}")
    if missing:
        fail(
            f"{len(missing)} of {len(names)} examples are in no batch",
            "Does the last, smaller batch stay? And those whose name was taken already?",
        )
    if twice:
        fail(f"example {twice[0]} is in {count[twice[0]]} batches")


def _no_twins(names: list[str], found: Batches) -> None:
    for batch in found:
        if any(not 0 <= place < len(names) for place in batch):
            fail(f"a batch holds {max(batch)}, the places run from 0 to {len(names) - 1}")
        said = Counter(names[place] for place in batch)
        name, times = said.most_common(1)[0] if said else ("", 0)
        if times > 1:
            fail(f"a batch holds {name!r} {times} times")


def _few(names: list[str], size: int, found: Batches) -> None:
    largest = max((len(batch) for batch in found), default=0)
    if largest > size:
        fail(f"a batch has {largest} examples, at most {size} were wanted")
    if any(not batch for batch in found):
        fail("a batch is empty")
    most = max(Counter(names).values(), default=0)
    least = max(math.ceil(len(names) / size), most)
    if len(found) > least:
        fail(
            f"{len(found)} batches of at most {size} came back, {least} are enough",
            "A name that comes often must be in many batches: begin with such names, or lay all "
            "examples in a row, name by name, and deal them out like cards.",
        )


def _names(student: Student, *counts: int) -> list[str]:
    return _words(student, *counts)


BATCH_INPUTS: dict[str, tuple[tuple[int, ...], int]] = {
    "11 examples of 7 names, 4 a batch": ((3, 2, 2, 1, 1, 1, 1), 4),
    "23 examples of 9 names, 5 a batch": ((5, 4, 4, 3, 2, 2, 1, 1, 1), 5),
    "9 examples of 4 names, 4 a batch": ((5, 2, 1, 1), 4),
    "13 examples of 12 names, 3 a batch": ((2, *(1,) * 11), 3),
    "6 examples of 3 names, 2 a batch": ((2, 2, 2), 2),
    "15 examples of 5 names, 3 a batch": ((3, 3, 3, 3, 3), 3),
}


@check("every example is in exactly one batch", "Batches hold places in names, 0 to M − 1.")
def batch_once(student: Student) -> None:
    for place, (counts, size) in BATCH_INPUTS.items():
        with student.on(place):
            names = _names(student, *counts)
            _once(names, _asked(student, names, size, student.integer(0, 999)))


@check("no batch holds a name twice", "Twins are examples with equal NAMES, at other places.")
def batch_twins(student: Student) -> None:
    for place, (counts, size) in BATCH_INPUTS.items():
        for _ in range(3):
            with student.on(place):
                names = _names(student, *counts)
                _no_twins(names, _asked(student, names, size, student.integer(0, 999)))


@check(
    "at most so many examples, in as few batches as possible",
    "The number of batches is the larger of ⌈M/size⌉ and how often the most frequent name comes.",
)
def batch_few(student: Student) -> None:
    for place, (counts, size) in BATCH_INPUTS.items():
        for _ in range(6):
            with student.on(place):
                names = _names(student, *counts)
                _few(names, size, _asked(student, names, size, student.integer(0, 999)))


@check(
    "the seed, and nothing else, decides who meets whom",
    "torch.Generator().manual_seed(seed), and every random number from it.",
)
def batch_seed(student: Student) -> None:
    for place, counts in (
        ("24 different names", (1,) * 24),
        ("24 examples of 18 names", (*[1] * 12, *[2] * 6)),
    ):
        with student.on(place):
            names = _names(student, *counts)
            first = _asked(student, names, 6, 3)
            if _asked(student, names, 6, 3) != first:
                fail("the same seed gave other batches: some number is drawn without the generator")
            company = {3: {frozenset(batch) for batch in first}}
            for seed in (4, 5, 6, 103, 1003):
                company[seed] = {frozenset(batch) for batch in _asked(student, names, 6, seed)}
            if all(one == company[3] for one in company.values()):
                fail(
                    "six seeds gave the same batches: the same examples meet in every epoch",
                    "Shuffle what is dealt out, the names too, and not only the finished batches.",
                )
            for seed, other in itertools.combinations(company, 2):
                if company[seed] == company[other]:
                    fail(f"the seeds {seed} and {other} gave the same batches: use all of the seed")


@check(
    "one frequent name, all different, one batch, batches of one, nothing at all",
    "Begin with how many batches there must be.",
    after=[batch_once, batch_twins, batch_few],
    keeps_arguments=True,
)
def batch_edges(student: Student) -> None:
    for place, counts, size in (
        ("one name 6 times among 8 examples, 4 a batch", (6, 1, 1), 4),
        ("10 different names, 4 a batch", (1,) * 10, 4),
        ("5 different names, room for 9", (1,) * 5, 9),
        ("batches of one", (2, 1, 1), 1),
        ("a single example", (1,), 3),
        ("no example", (), 3),
        ("300 examples of 40 names, 32 a batch", (20, *(7,) * 38, 14), 32),
    ):
        with student.on(place):
            names = _names(student, *counts)
            found = _asked(student, names, size, student.integer(0, 999))
            _once(names, found)
            _no_twins(names, found)
            _few(names, size, found)


# accumulate -------------------------------------------------------------------------------------

PARTS = ("the loss", "the slope of weight_i", "the slope of weight_t", "the slope of t")
Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, int]


def _loss(images: Tensor, texts: Tensor, weight_i: Tensor, weight_t: Tensor, t: Tensor) -> Tensor:
    z_i = images @ weight_i
    z_t = texts @ weight_t
    z_i = z_i / (z_i * z_i).sum(1, keepdim=True).sqrt()
    z_t = z_t / (z_t * z_t).sum(1, keepdim=True).sqrt()
    scores = t.exp() * z_i @ z_t.T
    right = scores.diagonal()
    return ((scores.logsumexp(1) + scores.logsumexp(0)) / 2 - right).mean()


def _slopes(*inputs: Any, chunks: list[slice] | None = None) -> tuple[Tensor, ...]:
    """Loss and slopes of the whole batch, float64; with chunks the sum of theirs, a mistake."""
    images, texts, *weights, _ = inputs
    learns = [w.detach().double().clone().requires_grad_() for w in weights]
    parts = chunks or [slice(None)]
    losses = [_loss(images[c].double(), texts[c].double(), *learns) for c in parts]
    total = sum(losses[1:], losses[0])
    return total.detach(), *torch.autograd.grad(total, learns)


def _chunks(count: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]


def _read_parts(value: Any, inputs: Inputs) -> tuple[Tensor, ...]:
    """The four parts; the loss and the slope of t may be numbers."""
    _, _, weight_i, weight_t, _, _ = inputs
    loss, slope_i, slope_t, slope = expect_parts(value, PARTS, "accumulate")
    expect_shape(slope_i, weight_i.shape, "accumulate's slope of weight_i", "that of weight_i")
    expect_shape(slope_t, weight_t.shape, "accumulate's slope of weight_t", "that of weight_t")
    ones = [
        torch.tensor(expect_number(one, f"accumulate, as {name},"), dtype=torch.float64)
        for one, name in ((loss, "the loss"), (slope, "the slope of t"))
    ]
    return ones[0], slope_i.double(), slope_t.double(), ones[1]


def _draw_batch(student: Student, count: int, size: int) -> Inputs:
    """Widths that differ, so that nothing transposed fits."""
    images, texts = student.normal(count, 7), student.normal(count, 5)
    weight_i, weight_t = student.normal(7, 3), student.normal(5, 3)
    return images, texts, weight_i, weight_t, torch.tensor(1.5), size


def _matching_batch(student: Student, count: int, size: int) -> Inputs:
    """As `_draw_batch`, but a pair's features are equal: a larger scale lowers the loss."""
    images, _, weight_i, weight_t, t, size = _draw_batch(student, count, size)
    texts = images @ weight_i @ torch.linalg.pinv(weight_t)
    return images, texts, weight_i, weight_t, t, size


def _asked_parts(student: Student, inputs: Inputs) -> tuple[Tensor, ...]:
    return _read_parts(student.call("accumulate", *inputs), inputs)


ADDED = "The loss of a chunk knows only the chunk. Work out all features first, then ONE loss."


def _tell_loss(ours: Tensor, inputs: Inputs) -> None:
    """Fail unless the loss is that of the whole batch."""
    wanted = _slopes(*inputs)[0]
    if close(ours, wanted):
        return
    chunks = _chunks(len(inputs[0]), inputs[-1])
    added = _slopes(*inputs, chunks=chunks)[0]
    if close(ours, added) or close(ours, added / len(chunks)):
        fail("this is the chunks' own losses, added up or averaged", ADDED)
    if close(ours, wanted * len(chunks)):
        fail("the loss of the batch came as often as there are chunks")
    if close(ours, wanted / len(chunks)):
        fail("the loss was divided by the number of chunks: it is a mean over all pairs already")
    fail(f"the loss is {ours:.4f}, wanted {wanted:.4f}")


def _tell_slope(ours: Tensor, name: str, place: int, inputs: Inputs) -> None:
    """Fail unless one of the slopes is that of the whole batch."""
    wanted = _slopes(*inputs)[place]
    if close(ours, wanted):
        return
    chunks = _chunks(len(inputs[0]), inputs[-1])
    count = len(chunks)
    added = _slopes(*inputs, chunks=chunks)[place]
    if close(ours, added) or close(ours, added / count):
        fail(f"{name} is that of the chunks' own losses", ADDED)
    if close(ours, wanted / count):
        fail(
            f"{name} is {count} times too small, and there are {count} chunks",
            "Each chunk brings its own part of the slope once: what is divided here?",
        )
    if close(ours, wanted * count):
        fail(
            f"{name} is {count} times too large, and there are {count} chunks",
            "In how many losses does it take part, and how often is it counted?",
        )
    if close(ours, -wanted):
        fail(f"{name} has the wrong sign")
    if not bool(ours.any()):
        fail(f"{name} is 0 everywhere: does a gradient reach it?")
    fail(f"{name} is up to {(ours - wanted).abs().max():.3g} off")


@check("the loss is that of the whole batch", ADDED)
def acc_loss(student: Student) -> None:
    for count, size in ((12, 4), (6, 3)):
        with student.on(f"{count} pairs, {size} at a time"):
            inputs = _draw_batch(student, count, size)
            _tell_loss(_asked_parts(student, inputs)[0], inputs)


@check(
    "the slopes of both weights are those of the whole batch",
    "With the slope of every feature at hand: (features of a chunk · their slopes).sum() goes "
    "backward.",
    points=2,
)
def acc_weights(student: Student) -> None:
    for count, size in ((12, 4), (6, 3)):
        with student.on(f"{count} pairs, {size} at a time"):
            inputs = _draw_batch(student, count, size)
            parts = _asked_parts(student, inputs)
            _tell_slope(parts[1], "the slope of weight_i", 1, inputs)
            _tell_slope(parts[2], "the slope of weight_t", 2, inputs)


@check("the slope of t, once", "t takes part in the one loss of all features.")
def acc_scale(student: Student) -> None:
    for count, size in ((12, 4), (8, 2)):
        with student.on(f"{count} pairs, {size} at a time"):
            inputs = _draw_batch(student, count, size)
            _tell_slope(_asked_parts(student, inputs)[3], "the slope of t", 3, inputs)
    with student.on("9 pairs that match, 4 at a time: the slope is below 0"):
        inputs = _matching_batch(student, 9, 4)
        _tell_slope(_asked_parts(student, inputs)[3], "the slope of t", 3, inputs)


@check(
    "a smaller last chunk, one chunk, chunks of one, one pair",
    "split(size) gives the last chunk what is left. Nothing may rest on equal chunks.",
    after=[acc_loss, acc_weights, acc_scale],
)
def acc_uneven(student: Student) -> None:
    for count, size in ((11, 4), (5, 9), (4, 1), (1, 3)):
        with student.on(f"{count} pairs, {size} at a time"):
            inputs = _draw_batch(student, count, size)
            parts = _asked_parts(student, inputs)
            _tell_loss(parts[0], inputs)
            for place, name in enumerate(PARTS[1:], 1):
                _tell_slope(parts[place], name, place, inputs)


@check(
    "float64 keeps its digits, and nothing that was passed is changed",
    "A new tensor is float32 unless told. Make copies that learn: "
    "x.detach().clone().requires_grad_().",
    after=[acc_loss, acc_weights, acc_scale, acc_uneven],
    keeps_arguments=True,
)
def acc_kinds(student: Student) -> None:
    with student.on("float64"):
        *tensors, size = _draw_batch(student, 10, 4)
        tensors = [one.double() + 2.0**-30 for one in tensors]
        inputs = (*tensors, size)
        value = student.call("accumulate", *inputs)
        parts, wanted = _read_parts(value, inputs), _slopes(*inputs)
        for name, place in (("weight_i", 1), ("weight_t", 2)):
            slope = expect_tensor(value[place], f"the slope of {name}")
            expect_kind(slope, inputs[place + 1], "a slope has the kind of its weight")
        for name, ours, right in zip(PARTS, parts, wanted, strict=True):
            if not close(ours, right, 1e-4):
                fail(f"{name} is wrong in float64, and was right in float32")
            if not close(ours, right, 1e-10):
                fail(f"{name} went through float32 on the way: some digits are lost")
    with student.on("weights and t that learn already, as a model's do"):
        images, texts, *weights, size = _draw_batch(student, 10, 4)
        inputs = (images, texts, *(w.clone().requires_grad_() for w in weights), size)
        value = student.call("accumulate", *inputs)
        if type(value) in (tuple, list) and any(part is None for part in value):
            fail(
                "a slope is None: the gradient went into what was passed, not into a copy",
                "x.detach().clone().requires_grad_() is a copy that learns for itself.",
            )
        parts = _read_parts(value, inputs)
        _tell_loss(parts[0], inputs)
        for place, name in enumerate(PARTS[1:], 1):
            _tell_slope(parts[place], name, place, inputs)


# schedule ---------------------------------------------------------------------------------------


def _rate(step: int, steps: int, warmup: int, highest: float, lowest: float) -> float:
    if step < warmup:
        return highest * (step + 1) / warmup
    if step >= steps:
        return lowest
    turn = math.pi * (step - warmup) / (steps - warmup)
    return lowest + (highest - lowest) * (0.5 + 0.5 * math.cos(turn))


def _in_decay(gives: Callable[..., float]) -> Callable[..., float | None]:
    """A mistake of the cosine alone."""
    return lambda s, n, w, h, l: gives(s, n, w, h, l) if w <= s < n else None


def _in_warmup(gives: Callable[..., float]) -> Callable[..., float | None]:
    return lambda s, n, w, h, l: gives(s, n, w, h, l) if s < w else None


def _cosine(done: float, highest: float, lowest: float) -> float:
    return lowest + (highest - lowest) * (1 + math.cos(math.pi * done)) / 2


RATE = Comparison(
    function="schedule",
    what="the rate",
    right=_rate,
    tells=lambda ours, wanted: f"the rate is {ours:.4g}, wanted {wanted:.4g}",
    alike=lambda ours, wanted: math.isclose(ours, wanted, rel_tol=1e-6, abs_tol=1e-15),
    mistakes={
        "step s of the warm-up has s/warmup of the rate, so the first step has 0: wanted "
        "(s + 1)/warmup": _in_warmup(lambda s, n, w, h, l: h * s / w),
        "the warm-up begins at `lowest`: it begins at 0": _in_warmup(
            lambda s, n, w, h, l: l + (h - l) * (s + 1) / w
        ),
        "the warm-up is one step longer: it ends at its highest with step warmup − 1": _in_warmup(
            lambda s, n, w, h, l: h * (s + 1) / (w + 1)
        ),
        "there is no warm-up": _in_warmup(lambda s, n, w, h, l: _cosine(s / n, h, l)),
        "the cosine counts from step 0: it begins where the warm-up ends": _in_decay(
            lambda s, n, w, h, l: _cosine(s / n, h, l)
        ),
        "the cosine is stretched over all steps: it has steps − warmup of them": _in_decay(
            lambda s, n, w, h, l: _cosine((s - w) / n, h, l)
        ),
        "the cosine ends at the last step: it ends one after, at step `steps`": _in_decay(
            lambda s, n, w, h, l: _cosine((s - w) / (n - 1 - w), h, l) if n - 1 > w else h
        ),
        "the cosine counts one step too far: step `warmup` still has `highest`": _in_decay(
            lambda s, n, w, h, l: _cosine((s - w + 1) / (n - w), h, l)
        ),
        "the cosine ends at 0: it ends at `lowest`": _in_decay(
            lambda s, n, w, h, l: _cosine((s - w) / (n - w), h, 0)
        ),
        "`lowest` was added to a cosine that falls from `highest`: it falls from highest − "
        "lowest": _in_decay(lambda s, n, w, h, l: l + _cosine((s - w) / (n - w), h, 0)),
        "a straight line: half a cosine is wanted": _in_decay(
            lambda s, n, w, h, l: h - (h - l) * (s - w) / (n - w)
        ),
        "a whole turn of the cosine: it comes back up; half of one is wanted": _in_decay(
            lambda s, n, w, h, l: _cosine(2 * (s - w) / (n - w), h, l)
        ),
        "a quarter of a cosine: it goes from 1 to 0 where 1 to −1 is wanted": _in_decay(
            lambda s, n, w, h, l: l + (h - l) * math.cos(math.pi / 2 * (s - w) / (n - w))
        ),
        "a cosine of degrees: math.cos takes radians": _in_decay(
            lambda s, n, w, h, l: (
                l + (h - l) * (1 + math.cos(math.radians(math.pi * (s - w) / (n - w)))) / 2
            )
        ),
    },
)


def _plan(student: Student) -> tuple[int, int, float, float]:
    """steps, warmup, highest, lowest."""
    warmup = student.integer(7, 15)
    steps = warmup + student.integer(41, 90)
    highest = student.integer(11, 40) / 10_000
    return steps, warmup, highest, highest * student.integer(2, 4) / 20


@check("the warm-up rises to `highest`", "Step 0 is a step too. After `warmup` steps it is there.")
def rate_warmup(student: Student) -> None:
    for name, step in (("the first step", 0), ("in the middle", 3), ("its last step", None)):
        with student.on(name):

            def draw(step: int | None = step) -> tuple[Any, ...]:
                steps, warmup, *rates = _plan(student)
                return warmup - 1 if step is None else step, steps, warmup, *rates

            RATE.run(student, draw)


@check(
    "then it falls along half a cosine to `lowest`",
    "How much of the way from step `warmup` to step `steps` is done? At ½ the rate lies half-way.",
)
def rate_cosine(student: Student) -> None:
    for part in (0.3, 0.5, 0.8):
        with student.on(f"after {part:.0%} of the way down"):

            def draw(part: float = part) -> tuple[Any, ...]:
                steps, warmup, *rates = _plan(student)
                return warmup + int(part * (steps - warmup)), steps, warmup, *rates

            RATE.run(student, draw)


@check(
    "no warm-up, nothing but warm-up, the last step, and after the end",
    "Where would you divide by 0? And a cosine that goes on after its half comes back up.",
    after=[rate_warmup, rate_cosine],
)
def rate_ends(student: Student) -> None:
    for name, arguments in (
        ("no warm-up, step 0", (0, 40, 0, 3e-3, 2e-4)),
        ("no warm-up, step 13", (13, 40, 0, 3e-3, 2e-4)),
        ("the first step after the warm-up", (9, 40, 9, 3e-3, 2e-4)),
        ("the last step", (39, 40, 9, 3e-3, 2e-4)),
        ("a step after the end", (40, 40, 9, 3e-3, 2e-4)),
        ("long after the end", (77, 40, 9, 3e-3, 2e-4)),
        ("nothing but warm-up", (8, 9, 9, 3e-3, 2e-4)),
        ("after a run that was nothing but warm-up", (9, 9, 9, 3e-3, 2e-4)),
    ):
        with student.on(name):
            RATE.run(student, lambda fixed=arguments: fixed)


# parameter_groups -------------------------------------------------------------------------------

GROUPS = ("decay", "keep")


def _parameter(name: str, shape: list[int], storage: int, learns: bool = True) -> dict[str, Any]:
    return {"name": name, "shape": shape, "storage": storage, "learns": learns}


def _grouped(parameters: list[dict[str, Any]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {name: [] for name in GROUPS}
    seen: set[int] = set()
    for one in parameters:
        if one["learns"] and one["storage"] not in seen:
            seen.add(one["storage"])
            groups["decay" if len(one["shape"]) >= 2 else "keep"].append(one["name"])
    return groups


def _compare_groups(student: Student, parameters: list[dict[str, Any]]) -> None:
    value = expect_something(student.call("parameter_groups", parameters), "parameter_groups")
    if type(value) is not dict or set(value) != set(GROUPS):
        fail("a dictionary with the keys 'decay' and 'keep' was wanted", "")
    ours = {}
    for group in GROUPS:
        names = value[group]
        if type(names) not in (list, tuple) or any(type(name) is not str for name in names):
            fail(f"{group!r} does not hold a list of names", "")
        ours[group] = list(names)
    wanted, shapes = _grouped(parameters), {one["name"]: one["shape"] for one in parameters}
    every = [name for group in GROUPS for name in ours[group]]
    for one in parameters:
        name = one["name"]
        if name in every and not one["learns"]:
            fail(f"{name} does not learn, and is in a group", "A frozen weight has no step at all.")
    for name, times in Counter(every).items():
        if times > 1:
            fail(f"{name} is there {times} times: two steps for one weight")
        if name not in shapes:
            fail(f"{name!r} is no parameter's name")
    storages = Counter(one["storage"] for one in parameters if one["name"] in every)
    for one in parameters:
        if storages[one["storage"]] > 1:
            fail(
                f"{one['name']} is there under two names: both are one tensor",
                "Equal `storage` means one and the same tensor. Its first name counts.",
            )
    for one in parameters:
        name, shape = one["name"], one["shape"]
        for group, other in (GROUPS, GROUPS[::-1]):
            if name in wanted[group] and name in ours[other]:
                axes = f"{len(shape)} {'axis' if len(shape) == 1 else 'axes'}"
                fail(f"{name} with the shape {shape} is in {other!r}: it has {axes}")
            if name in wanted[group] and name not in every:
                fail(f"{name} learns, and is in no group")
    late = [name for name in every if name not in wanted["decay"] + wanted["keep"]]
    if late:
        fail(f"a shared tensor goes by its later name {late[0]}: its first name counts")
    if ours != wanted:
        fail("the names do not stand in the order in which they came")


@check(
    "two axes or more decay, the others keep",
    "Count the axes, and do not trust a name: logit_scale has none, norm.weight has one.",
)
def group_axes(student: Student) -> None:
    wide = 8 * student.integer(3, 9)
    _compare_groups(
        student,
        [
            _parameter("image.class_token", [wide], 0),
            _parameter("image.positions", [26, wide], 1),
            _parameter("image.patches.weight", [wide, 3, 8, 8], 2),
            _parameter("image.blocks.0.norm.weight", [wide], 3),
            _parameter("image.blocks.0.norm.bias", [wide], 4),
            _parameter("image.blocks.0.up.weight", [4 * wide, wide], 5),
            _parameter("image.blocks.0.up.bias", [4 * wide], 6),
            _parameter("logit_scale", [], 7),
            _parameter("logit_bias", [1], 8),
        ],
    )
    with student.on("matrices with one row, and whose name says bias or norm"):
        _compare_groups(
            student,
            [
                _parameter("to_one.weight", [1, wide], 0),
                _parameter("attention.bias_table", [wide, 4], 1),
                _parameter("norm_head.weight", [wide, 5], 2),
                _parameter("gain", [1000 + wide], 3),
            ],
        )


@check("what is frozen is in no group", "`learns` says so, whatever the shape.")
def group_frozen(student: Student) -> None:
    _compare_groups(
        student,
        [
            _parameter("text.tokens", [1024, 16], 0, learns=False),
            _parameter("text.projection", [16, 8], 1),
            _parameter("text.norm.weight", [16], 2, learns=False),
            _parameter("image.norm.weight", [16], 3),
        ],
    )


@check("a shared tensor is there once, by its first name", "Keep a set of what you have met.")
def group_shared(student: Student) -> None:
    _compare_groups(
        student,
        [
            _parameter("embedding.weight", [64, 16], 5),
            _parameter("norm.weight", [16], 2),
            _parameter("head.weight", [64, 16], 5),
            _parameter("again.norm.weight", [16], 2),
            _parameter("other.weight", [64, 16], 9),
        ],
    )


@check(
    "in the order in which they came; and where nothing learns",
    "Two empty lists are an answer.",
    after=[group_axes, group_frozen, group_shared],
    keeps_arguments=True,
)
def group_edges(student: Student) -> None:
    with student.on("names not in the alphabet's order"):
        _compare_groups(
            student,
            [
                _parameter("z.weight", [4, 4], 3),
                _parameter("b.bias", [4], 8),
                _parameter("a.weight", [4, 4], 1),
                _parameter("a.bias", [4], 0),
            ],
        )
    for name, parameters in (
        ("nothing learns", [_parameter("w", [3, 3], 0, learns=False)]),
        ("no parameter at all", []),
    ):
        with student.on(name):
            _compare_groups(student, parameters)


# diagnose ---------------------------------------------------------------------------------------

NOTHING, SCALE, TWINS = "nothing learnt", "scale beyond its limit", "at the floor of its twins"
HELD_OUT, LEARNING = "fails on held-out pairs", "learning"
VERDICTS = (NOTHING, SCALE, TWINS, HELD_OUT, LEARNING)
Log = dict[str, Any]


def _diagnosis(log: Log) -> str:
    quarter = max(1, len(log["losses"]) // 4)
    last = sum(log["losses"][-quarter:]) / quarter
    nothing, floor = math.log(len(log["texts"])), _floor(log["texts"])
    if last >= 0.95 * nothing:
        return NOTHING
    if max(log["t"][-quarter:]) > math.log(100) + 0.001:
        return SCALE
    if floor > 0 and last <= floor + 0.05 * nothing:
        return TWINS
    return HELD_OUT if log["held_out"] >= 0.95 * nothing else LEARNING


def _log(
    student: Student,
    end: float,
    *,
    counts: tuple[int, ...] = (1,) * 24,
    steps: int = 40,
    start: float = 1.3,
    held_out: float = 0.5,
    t: float = 3.4,
) -> Log:
    """A run whose loss falls from `start` to `end` and stays; both and `held_out` in ln N."""
    texts = _words(student, *counts)
    nothing, quarter = math.log(len(texts)), max(1, steps // 4)
    early = steps - quarter
    # What comes before the last quarter lies well above it, so that a mean of all is another one.
    losses = [nothing * (start - (start - end) * 0.3 * i / max(1, early)) for i in range(early)]
    noise = student.normal(quarter) * 0.004
    noise = (noise - noise.mean()).tolist()
    losses += [nothing * (end + one) for one in noise]
    rise = [2.66 + (t - 2.66) * min(1.0, (i + 1) / max(1, early)) for i in range(steps)]
    return {"losses": losses, "texts": texts, "held_out": nothing * held_out, "t": rise}


def _jumping(student: Student, end: list[float]) -> Log:
    """A run with these losses at its end, in ln N, so that mean, median and extremes differ."""
    log = _log(student, 1.0, steps=4 * len(end))
    nothing = math.log(len(log["texts"]))
    log["losses"][-len(end) :] = [nothing * one for one in end]
    return log


EXACT = 10  # pairs for which 0.95 · ln N is not lost by rounding, whichever way it is asked


def _exactly(student: Student, *, loss: float, held_out: float) -> Log:
    """Seven steps, so that one is the end; its loss and `held_out` are exactly so much of ln N."""
    log = _log(student, loss, counts=(1,) * EXACT, steps=7)
    nothing = math.log(EXACT)
    return log | {
        "losses": [*log["losses"][:-1], loss * nothing],
        "held_out": held_out * nothing,
    }


def _compare_log(student: Student, log: Log) -> None:
    value = expect_something(student.call("diagnose", log), "diagnose")
    if type(value) is not str or value not in VERDICTS:
        fail(f"{str(value)[:60]!r} came back, wanted one of {', '.join(map(repr, VERDICTS))}", "")
    wanted = _diagnosis(log)
    if value != wanted:
        mean = sum(log["losses"]) / len(log["losses"])
        if value == _diagnosis(log | {"losses": [mean] * len(log["losses"])}):
            fail(
                f"{value!r} came back, wanted {wanted!r}: so it is with the mean of ALL steps",
                "Is the loss that of the last quarter alone?",
            )
        fail(f"{value!r} came back, wanted {wanted!r}")


def _logs(student: Student, logs: dict[str, Callable[[], Log]]) -> None:
    for name, make in logs.items():
        with student.on(name):
            _compare_log(student, make())


@check(
    "a loss that stays at ln N, and one that left it",
    "ln N of the batch's own N. Which part of the log is its end?",
)
def log_nothing(student: Student) -> None:
    _logs(
        student,
        {
            "24 pairs, at 0.99 ln N": lambda: _log(student, 0.99, held_out=1.0),
            "24 pairs, above ln N": lambda: _log(student, 1.15, held_out=1.1),
            "24 pairs, at 0.9 ln N": lambda: _log(student, 0.9, held_out=0.91),
            "24 pairs of 5 texts, at 0.97 ln N": lambda: _log(
                student, 0.97, counts=(7, 7, 7, 2, 1)
            ),
            "24 pairs, an end that jumps, its mean above 0.95 ln N": lambda: _jumping(
                student, [1.3, 0.85, 0.85, 0.85, 1.3, 0.85, 0.85, 1.3, 0.85, 0.85]
            ),
            "24 pairs, an end that jumps, its mean below 0.95 ln N": lambda: _jumping(
                student, [0.6, 0.97, 0.97, 0.97, 0.6, 0.97, 0.97, 0.6, 0.97, 0.97]
            ),
            "exactly at 0.95 ln N": lambda: _exactly(student, loss=0.95, held_out=0.5),
            "6 pairs, at 0.97 ln N": lambda: _log(student, 0.97, counts=(1,) * 6, held_out=1.0),
        },
    )


@check(
    "a scale beyond its limit, and one that stands at it",
    "t is a logarithm. A healthy one stops at ln 100 = 4.605.",
)
def log_scale(student: Student) -> None:
    limit = math.log(100)
    _logs(
        student,
        {
            "t ends at 4.7": lambda: _log(student, 0.5, t=4.7),
            "t ends at ln 100": lambda: _log(student, 0.5, t=limit),
            "t ends 0.0005 above ln 100": lambda: _log(student, 0.5, t=limit + 0.0005),
            "t ends 0.003 above ln 100": lambda: _log(student, 0.5, t=limit + 0.003),
            "t ends at 4.5": lambda: _log(student, 0.5, t=4.5),
        },
    )


@check(
    "a loss at the floor of its twins, and one above it",
    "The floor follows from the texts: a text that comes k times costs ln k for each of its pairs.",
)
def log_twins(student: Student) -> None:
    seven, few = (7, 7, 7, 2, 1), (2, 2, *(1,) * 12)
    _logs(
        student,
        {
            "24 pairs of 5 texts, at the floor": lambda: _log(
                student, _floor(_words(student, *seven)) / math.log(24) + 0.01, counts=seven
            ),
            "24 pairs of 5 texts, 0.035 ln N above the floor": lambda: _log(
                student, _floor(_words(student, *seven)) / math.log(24) + 0.035, counts=seven
            ),
            "16 pairs, two texts twice, at the floor": lambda: _log(
                student, _floor(_words(student, *few)) / math.log(16) + 0.02, counts=few
            ),
            "16 pairs, two texts twice, above the floor": lambda: _log(
                student, _floor(_words(student, *few)) / math.log(16) + 0.15, counts=few
            ),
            "no twins, near 0": lambda: _log(student, 0.02, held_out=0.1),
        },
    )


@check(
    "held-out pairs at ln N while training goes well, and held-out pairs that are merely worse",
    "Compare held_out with ln N, not with the training loss.",
)
def log_held_out(student: Student) -> None:
    _logs(
        student,
        {
            "held out at 1.02 ln N": lambda: _log(student, 0.3, held_out=1.02),
            "held out at 0.96 ln N": lambda: _log(student, 0.3, held_out=0.96),
            "held out exactly at 0.95 ln N": lambda: _exactly(student, loss=0.5, held_out=0.95),
            "held out at 0.8 ln N, training at 0.2": lambda: _log(student, 0.2, held_out=0.8),
        },
    )


@check(
    "a run that learns is left alone",
    "Nothing of the four holds: not at ln N, not at a floor, t within its limit, held out below.",
)
def log_learning(student: Student) -> None:
    _logs(
        student,
        {
            "half-way, held out half-way": lambda: _log(student, 0.5, held_out=0.6),
            "nearly done": lambda: _log(student, 0.01, held_out=0.3),
            "twins, half-way": lambda: _log(student, 0.6, counts=(2, 2, *(1,) * 12), held_out=0.7),
        },
    )


@check(
    "several at once, a high beginning, a short log",
    "The first that holds counts, in the order of the list, and the last quarter alone is read.",
    after=[log_nothing, log_scale, log_twins, log_held_out, log_learning],
    keeps_arguments=True,
)
def log_order(student: Student) -> None:
    twins = (4, 4, 4, 2, 1, 1)

    def early_scale() -> Log:
        log = _log(student, 0.5, t=4.3)
        log["t"][:20] = [4.75] * 20
        return log

    def late_scale() -> Log:
        log = _log(student, 0.5, t=4.4)
        log["t"][-5] = 4.66
        return log

    _logs(
        student,
        {
            "nothing learnt, and t beyond its limit": lambda: _log(student, 1.0, t=4.8),
            "at the floor, and t beyond its limit": lambda: _log(
                student, _floor(_words(student, *twins)) / math.log(16), counts=twins, t=4.8
            ),
            "at the floor, and held out at ln N": lambda: _log(
                student, _floor(_words(student, *twins)) / math.log(16), counts=twins, held_out=1.0
            ),
            "t was beyond its limit early": early_scale,
            "t was beyond its limit for one step of the last quarter": late_scale,
            "seven steps, of which one is the end": lambda: _log(student, 0.9, steps=7),
            "three steps": lambda: _log(student, 0.4, steps=3),
            "one step": lambda: _log(student, 1.0, steps=1),
        },
    )


EXERCISE = Exercise(
    name="06_training_clip",
    title="Exercise 06: training CLIP",
    forbids=("mvlm.clip", "mvlm.contrastive", "mvlm.training"),
    questions=(
        Question(
            function="learnt",
            title="What was learnt",
            minutes=10,
            teaches="to read a loss beside ln N and beside its floor",
            checks=(learn_share, learn_floor, learn_edges),
        ),
        Question(
            function="batches",
            title="Batches without twins",
            minutes=25,
            teaches="to deal out an epoch so that no right answer is called wrong",
            checks=(batch_once, batch_twins, batch_few, batch_seed, batch_edges),
        ),
        Question(
            function="accumulate",
            title="A batch in parts",
            minutes=30,
            teaches="features first, then gradients: one large batch in little memory",
            checks=(acc_loss, acc_weights, acc_scale, acc_uneven, acc_kinds),
        ),
        Question(
            function="schedule",
            title="The learning rate of a step",
            minutes=10,
            teaches="warm-up and half a cosine, with their ends right",
            checks=(rate_warmup, rate_cosine, rate_ends),
        ),
        Question(
            function="parameter_groups",
            title="What may decay",
            minutes=10,
            teaches="to sort parameters by what they are, not by what they are called",
            checks=(group_axes, group_frozen, group_shared, group_edges),
        ),
        Question(
            function="diagnose",
            title="Four sick logs and a healthy one",
            minutes=25,
            teaches="which number to look at first, and in which order",
            checks=(log_nothing, log_scale, log_twins, log_held_out, log_learning, log_order),
        ),
    ),
)
