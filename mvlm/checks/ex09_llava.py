"""Exercise 09: pictures among words: splicing, labels, the loss, a cached step, a faulty generator.

What is right is worked out here token by token in Python's own numbers, in no way that an answer
would be written.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Exercise, Question, Student, check, fail
from mvlm.checks.expect import (
    close,
    equal,
    expect_shape,
    expect_tensor,
)

MARKER = -200
IGNORED = -100

# What a function gave back --------------------------------------------------------------------


def _parts(value: Any, names: Sequence[str], function: str) -> tuple:
    if value is None:
        fail(f"{function} returned None: is there a return at its end?")
    if type(value) not in (tuple, list) or len(value) != len(names):
        kind = f"{len(value)} values" if type(value) in (tuple, list) else type(value).__name__
        fail(f"{function} returned {kind}, wanted {len(names)}: {', '.join(names)}")
    return tuple(value)


def _whole(value: Any, shape: Sequence[int], function: str, meaning: str) -> Tensor:
    """A tensor of whole numbers of this shape."""
    tensor = expect_shape(value, shape, function, meaning)
    if tensor.dtype.is_floating_point or tensor.dtype == torch.bool:
        fail(f"{function} returned {tensor.dtype} numbers, wanted whole ones such as torch.int64")
    return tensor


# expand_markers -------------------------------------------------------------------------------


def _expand(student: Student, row: list[int], labels: list[int], count: int) -> None:
    value = student.call("expand_markers", torch.tensor(row), torch.tensor(labels), count)
    ids, targets = _parts(value, ("ids", "labels"), "expand_markers")
    wanted: list[int] = []
    wanted_labels: list[int] = []
    for token, label in zip(row, labels, strict=True):
        is_marker = token == MARKER
        wanted += [token] * (count if is_marker else 1)
        wanted_labels += [IGNORED] * count if is_marker else [label]
    _whole(ids, (len(wanted),), "expand_markers", f"{count} places for each marker")
    if ids.tolist() != wanted:
        fail(f"{row} with {count} places a picture became {ids.tolist()}")
    _whole(targets, (len(wanted),), "expand_markers's labels", "one label for each id")
    if targets.tolist() == wanted_labels:
        return
    places = [n for n, token in enumerate(wanted) if token == MARKER]
    seen = {targets[n].item() for n in places} - {IGNORED}
    if seen:
        fail(f"a picture's places have the label {min(seen)}, wanted {IGNORED}: no loss there")
    fail(f"the labels {labels} became {targets.tolist()}, wanted {wanted_labels}")


def _words(student: Student, count: int) -> list[int]:
    return [student.integer(5, 90) for _ in range(count)]


@check(
    "a marker becomes N markers, the words around it stay",
    "What stands before the marker, then N times the marker, then what stands behind.",
)
def expand_one(student: Student) -> None:
    before, after = _words(student, 2), _words(student, 3)
    row = [*before, MARKER, *after]
    labels = [IGNORED] * 4 + after[1:]
    _expand(student, row, labels, student.integer(3, 4))


def _expand_ids(student: Student) -> None:
    """The ids alone, whatever became of the labels."""
    row = [*_words(student, 2), MARKER, *_words(student, 2)]
    value = student.call("expand_markers", torch.tensor(row), torch.tensor(row), 3)
    ids, _ = _parts(value, ("ids", "labels"), "expand_markers")
    wanted = [*row[:2], *[MARKER] * 3, *row[3:]]
    _whole(ids, (len(wanted),), "expand_markers", "3 places for each marker")
    if ids.tolist() != wanted:
        fail(f"{row} with 3 places a picture became {ids.tolist()}")


@check(
    "the picture's places have no loss, the other labels go along",
    "ids and labels get longer at the same place. What belongs into the labels there?",
    after=[_expand_ids],
    keeps_arguments=True,
)
def expand_labels(student: Student) -> None:
    row = [*_words(student, 2), MARKER, *_words(student, 2)]
    with student.on("every label is the id, the marker's too"):
        _expand(student, row, row, 3)
    with student.on("no label at all"):
        _expand(student, row, [IGNORED] * len(row), 3)
    with student.on("labels that are other numbers than the ids"):
        _expand(student, row, [95, 94, 93, 92, 91], 3)


@check(
    "no marker, several, side by side, first and last",
    "Each marker moves all that follows. Do you go on from where the last one ended?",
    after=[expand_one],
)
def expand_any(student: Student) -> None:
    words = [*_words(student, 2), 0]  # 0 is a word like any other
    rows = {
        "no marker": words,
        "two markers": [words[0], MARKER, words[1], MARKER, words[2]],
        "two side by side": [words[0], MARKER, MARKER, words[1]],
        "a marker first": [MARKER, *words],
        "a marker last": [*words, MARKER],
        "a marker alone": [MARKER],
    }
    for name, row in rows.items():
        with student.on(name):
            labels = [IGNORED if token == MARKER else token for token in row]
            _expand(student, row, labels, 4)
    with student.on("one place a picture"):
        _expand(student, rows["two markers"], [IGNORED] * 5, 1)


# splice ---------------------------------------------------------------------------------------


def _spliced(rows: list[list[int]], features: Tensor, table: Tensor) -> list[list[list[float]]]:
    """Each row as its vectors, pictures in reading order."""
    pictures = iter(features.tolist())
    words = table.tolist()
    return [
        [
            vector
            for token in row
            for vector in (next(pictures) if token == MARKER else [words[token]])
        ]
        for row in rows
    ]


@dataclass(frozen=True)
class _Splice:
    """What the student's function made of rows, and what it should have made."""

    vectors: Any
    mask: Any
    wanted: list[list[list[float]]]

    def shape(self) -> tuple[int, int, int]:
        """Of the batch: (B, L, D)."""
        return len(self.wanted), max(map(len, self.wanted)), len(self.wanted[0][0])

    def rows(self) -> list[Tensor]:
        """The student's vectors, without what should be padding."""
        expect_shape(self.vectors, self.shape(), "splice", "(B, L, D)")
        return [row[: len(w)] for row, w in zip(self.vectors, self.wanted, strict=True)]


def _splice(
    student: Student, rows: list[list[int]], count: int = 3, blank: int | None = None
) -> _Splice:
    """`blank` is a word whose vector is all zeros."""
    pictures = sum(token == MARKER for row in rows for token in row)
    features = student.normal(pictures, count, 4)
    table = student.normal(100, 4)
    if blank is not None:
        table[blank] = 0
    value = student.call("splice", rows, features, table)
    vectors, mask = _parts(value, ("the vectors", "the mask"), "splice")
    return _Splice(vectors, mask, _spliced(rows, features, table))


def _compare_rows(made: _Splice) -> None:
    for row, (ours, wanted) in enumerate(zip(made.rows(), made.wanted, strict=True)):
        if not equal(ours, torch.tensor(wanted)):
            if equal(made.vectors[row, -len(wanted) :], torch.tensor(wanted)):
                fail(f"row {row} is filled up in front, wanted behind its end", "")
            place = (ours.double() - torch.tensor(wanted)).abs().amax(1).nonzero()[0].item()
            fail(f"row {row}: the vector at place {place} is another one")


@check(
    "the picture's vectors stand in the place of its marker",
    "Look up the words before it and behind it. The marker itself is in no table.",
)
def splice_one(student: Student) -> None:
    before, after = _words(student, student.integer(2, 3)), _words(student, 2)
    _compare_rows(_splice(student, [[*before, MARKER, *after]]))
    with student.on("the picture first"):
        _compare_rows(_splice(student, [[MARKER, *after]]))


@check(
    "several pictures in a row, in their order",
    "The first marker takes the first picture. Who keeps count of those taken?",
    after=[splice_one],
)
def splice_several(student: Student) -> None:
    words = _words(student, 4)
    with student.on("two pictures in a row of words"):
        _compare_rows(_splice(student, [[words[0], MARKER, words[1], MARKER, *words[2:]]]))
    with student.on("two pictures side by side"):
        _compare_rows(_splice(student, [[words[0], MARKER, MARKER, words[1]]]))


@check(
    "a batch takes the pictures in reading order, row by row",
    "A row without a marker takes none, and the next row goes on counting.",
    after=[splice_one, splice_several],
)
def splice_batch(student: Student) -> None:
    words = _words(student, 12)
    with student.on("rows with 1, 0 and 2 pictures"):
        rows = [
            [*words[:2], MARKER, *words[2:4]],
            words[:5],
            [MARKER, words[6], MARKER, words[7]],
        ]
        _compare_rows(_splice(student, rows))
    with student.on("rows of words alone"):
        _compare_rows(_splice(student, [words[:3], words[3:8]]))


@check(
    "shorter rows are filled with zeros behind, and the mask says so",
    "Which row is the longest AFTER the pictures are in? Its length is L.",
    after=[splice_one, splice_batch],
    keeps_arguments=True,
)
def splice_padding(student: Student) -> None:
    words = _words(student, 12)
    for rows in (
        [[words[0], MARKER], words[1:10]],
        [words[:2], [MARKER, words[3], MARKER]],
        [[*words[:6], MARKER], words[6:8], words[8:9]],
    ):
        with student.on(f"rows of {' and '.join(str(len(row)) for row in rows)} ids"):
            _compare_padding(_splice(student, rows, count=student.integer(2, 3)))
    hint = "What is padding and what is not, the ids say. Numbers may be 0 anywhere."
    with student.on("a word whose vector is all zeros", hint):
        _compare_padding(_splice(student, [[7, 8, MARKER], [9, 7]], blank=7))


def _compare_padding(made: _Splice) -> None:
    expect_shape(made.vectors, made.shape(), "splice", "(B, L, D)")
    for ours, wanted in zip(made.vectors, made.wanted, strict=True):
        if ours[len(wanted) :].double().abs().sum() != 0:
            fail("behind the end of the shorter row stands something other than 0")
    expect_tensor(made.mask, "splice's mask")
    if made.mask.dtype != torch.bool:
        fail(f"the mask holds {made.mask.dtype} numbers, wanted torch.bool")
    expect_shape(made.mask, made.shape()[:2], "splice's mask", "(B, L)")
    lengths = torch.tensor([[len(wanted)] for wanted in made.wanted])
    expected = torch.arange(made.shape()[1]) < lengths
    if equal(made.mask, ~expected):
        fail("the mask says True for padding")
    if not equal(made.mask, expected):
        fail("the mask is not True for each word and picture, and False for padding")


@check(
    "any word, the first of the vocabulary and words that repeat",
    "Only the id -200 is a picture. Does your code take any other id for special?",
    after=[splice_one],
)
def splice_words(student: Student) -> None:
    """Token 0 and the last one; a row whose sum of ids is small; ids that repeat."""
    with student.on("the same word three times, and the vocabulary's first and last"):
        word = student.integer(5, 90)
        _compare_rows(_splice(student, [[0, word, MARKER, word, 99, word, 0]]))


# answer_labels --------------------------------------------------------------------------------

Span = tuple[int, int]


def _wanted_labels(ids: list[int], offsets: list[Span], answers: list[Span]) -> list[int]:
    return [
        token if stop > start and any(stop - 1 in range(*answer) for answer in answers) else IGNORED
        for token, (start, stop) in zip(ids, offsets, strict=True)
    ]


def _compare_labels(
    student: Student, ids: list[int], offsets: list[Span], answers: list[Span]
) -> None:
    labels = student.call("answer_labels", ids, offsets, answers)
    _whole(labels, (len(ids),), "answer_labels", "(T,), one label a token")
    ours, wanted = labels.tolist(), _wanted_labels(ids, offsets, answers)
    if ours == wanted:
        return
    own = "The label of a token is that token itself. Who predicts it is a matter for the loss."
    if any(label != IGNORED for label in wanted):
        if ours[:-1] == wanted[1:]:
            fail("the labels are shifted: each stands one place before its token", own)
        if ours[1:] == wanted[:-1]:
            fail("the labels are shifted: each stands one place behind its token", own)
    if [label == IGNORED for label in ours] == [label == IGNORED for label in wanted]:
        fail("the right tokens have a loss, but their labels are not their own ids", own)
    for place, (label, right) in enumerate(zip(ours, wanted, strict=True)):
        if label != right:
            has, should = ("no loss", "one") if label == IGNORED else ("a loss", "none")
            fail(
                f"the token at {tuple(offsets[place])} has {has}, wanted {should}; "
                f"answers: {' and '.join(map(str, answers)) or 'none'}"
            )


def _tokens(student: Student, start: int, widths: Sequence[int]) -> list[Span]:
    """Spans of tokens that follow one another from `start`."""
    ends = list(itertools.accumulate(widths, initial=start))
    return list(itertools.pairwise(ends))


def _ids_for(student: Student, offsets: list[Span]) -> list[int]:
    return [student.integer(300, 302) for _ in offsets]  # few, so that some occur again


@check(
    "the tokens of the answer have their id as label, all others -100",
    "Every token knows its characters. Which of them lie in the answer?",
)
def labels_one(student: Student) -> None:
    offsets = _tokens(student, 0, [student.integer(2, 6) for _ in range(9)])
    answer = (offsets[5][0], offsets[7][1])
    ids = _ids_for(student, offsets)
    _compare_labels(student, ids, offsets, [answer])
    with student.on("the answer has the vocabulary's first word, 0"):
        ids[6] = 0
        _compare_labels(student, ids, offsets, [answer])


@check(
    "several turns: each answer, and nothing between them",
    "The second question has no loss either. Is a token in ANY of the answers?",
    after=[labels_one],
)
def labels_several(student: Student) -> None:
    offsets = _tokens(student, 0, [student.integer(2, 6) for _ in range(14)])
    answers = [
        (offsets[3][0], offsets[4][1]),
        (offsets[7][0], offsets[7][1]),
        (offsets[10][0], offsets[13][1]),
    ]
    with student.on("three turns"):
        _compare_labels(student, _ids_for(student, offsets), offsets, answers)
    with student.on("two answers, one right behind the other"):
        touching = [(offsets[3][0], offsets[5][1]), (offsets[6][0], offsets[8][1])]
        _compare_labels(student, _ids_for(student, offsets), offsets, touching)


@check(
    "a token that stands across an edge goes by its last character",
    "Its last character is number stop - 1. Which answer does that one lie in?",
    after=[labels_one],
)
def labels_edges(student: Student) -> None:
    offsets = _tokens(student, 0, [student.integer(3, 6) for _ in range(9)])
    start, end = offsets[4][0] + 1, offsets[6][1]
    with student.on("the first token of the answer brings the space before it"):
        _compare_labels(student, _ids_for(student, offsets), offsets, [(start, end)])
    with student.on("the last token goes on behind the answer"):
        _compare_labels(student, _ids_for(student, offsets), offsets, [(start, end - 1)])
    with student.on("the answer begins with a token's last character"):
        start = offsets[4][1] - 1
        _compare_labels(student, _ids_for(student, offsets), offsets, [(start, end)])


@check(
    "a token without characters is no answer",
    "start = stop: it has no last character. Where would stop - 1 point?",
    after=[labels_one],
    keeps_arguments=True,
)
def labels_empty(student: Student) -> None:
    words = _tokens(student, 0, [student.integer(2, 5) for _ in range(8)])
    inside = words[5][1]
    offsets = [(0, 0), *words[:2], (words[1][1],) * 2, *words[2:6], (inside, inside), *words[6:]]
    answer = (words[5][0], words[7][1])
    with student.on("a start token and a marker, which have no characters"):
        _compare_labels(student, _ids_for(student, offsets), offsets, [answer])
    with student.on("the answer begins with the text"):
        _compare_labels(student, _ids_for(student, offsets), offsets, [(0, words[1][1])])
    with student.on("no answer"):
        _compare_labels(student, _ids_for(student, offsets), offsets, [])


# answer_loss ----------------------------------------------------------------------------------


def _token_losses(logits: Tensor, labels: Tensor) -> list[list[float]]:
    """For each row, the losses of its supervised tokens."""
    rows = []
    for scores, targets in zip(logits.tolist(), labels.tolist(), strict=True):
        losses = []
        for place in range(1, len(targets)):
            if targets[place] != IGNORED:
                before = scores[place - 1]
                top = max(before)
                total = math.fsum(math.exp(score - top) for score in before)
                losses.append(top + math.log(total) - before[targets[place]])
        rows.append(losses)
    return rows


SHIFT = "Labels are the tokens themselves. From which place is token 3 predicted?"


def _compare_loss(student: Student, logits: Tensor, labels: Tensor) -> None:
    value = student.call("answer_loss", logits, labels)
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.reshape(-1)[0].item()
    if type(value) not in (int, float):
        kind = "None: is there a return at its end?" if value is None else type(value).__name__
        if isinstance(value, Tensor):
            kind = f"{tuple(value.shape)}, wanted one number"
        fail(f"answer_loss returned {kind}")
    if not math.isfinite(value):
        fail(f"answer_loss returned {value}")
    rows = _token_losses(logits, labels)
    losses = [loss for row in rows for loss in row]
    wanted = math.fsum(losses) / len(losses)

    def is_close(other: float) -> bool:
        return math.isclose(value, other, rel_tol=1e-4, abs_tol=1e-5)

    if is_close(wanted):
        return
    width = labels.shape[1]
    moved = torch.cat([labels[:, :1], labels], dim=1)  # place t of the scores meets token t
    same = [loss for row in _token_losses(logits, moved) for loss in row]
    if same and is_close(math.fsum(same) / len(same)):
        fail("the loss is that of tokens predicted from themselves: nothing is shifted", SHIFT)
    moved = torch.cat([labels[:, :1], moved[:, :-1]], dim=1)  # place t meets token t - 1
    back = [loss for row in _token_losses(logits[:, 1:], moved[:, 1:]) for loss in row]
    if back and is_close(math.fsum(back) / len(back)):
        fail("the scores at place t are compared with token t - 1: shifted the wrong way", SHIFT)
    if is_close(wanted * len(losses)):
        fail("the loss is a sum, wanted the mean over supervised tokens", "")
    for count in (labels.numel(), len(labels) * (width - 1)):
        if is_close(wanted * len(losses) / count):
            fail(f"the sum is divided by {count} tokens, and {len(losses)} have a loss", "")
    means = [math.fsum(row) / len(row) for row in rows if row]
    if is_close(math.fsum(means) / len(means)):
        fail(
            "the loss is a mean of the rows' means: a short answer counts as much as a long one", ""
        )
    fail(f"the loss is {value:.4f}, wanted {wanted:.4f}")


def _draw_labels(student: Student, rows: int, tokens: int, vocabulary: int) -> Tensor:
    picks = [[student.integer(0, vocabulary - 1) for _ in range(tokens)] for _ in range(rows)]
    picks[0][-1] = 0  # a word like any other
    return torch.tensor(picks)


@check("the scores at place t are compared with token t + 1", SHIFT)
def loss_shift(student: Student) -> None:
    length = student.integer(5, 7)
    labels = _draw_labels(student, 1, length, 9)
    _compare_loss(student, 2 * student.normal(1, length, 9), labels)


@check(
    "a label of -100 has no loss",
    "Leave the place out when its LABEL, after the shift, is -100.",
    after=[loss_shift],
)
def loss_ignored(student: Student) -> None:
    labels = _draw_labels(student, 1, 9, 11)
    labels[0, :4] = IGNORED
    labels[0, 6] = IGNORED
    _compare_loss(student, 2 * student.normal(1, 9, 11), labels)
    with student.on("the last token has no loss"):
        labels[0, -1] = IGNORED
        _compare_loss(student, 2 * student.normal(1, 9, 11), labels)


@check(
    "the mean is over the supervised tokens of the whole batch",
    "One sum and one count for all rows. A row may have nothing to count.",
    after=[loss_shift, loss_ignored],
)
def loss_mean(student: Student) -> None:
    labels = _draw_labels(student, 3, 8, 6)
    labels[0, :2] = IGNORED
    labels[1, 1:7] = IGNORED  # its first token has a label, and no place to be predicted from
    labels[2, 1:] = IGNORED
    with student.on("rows with 6, 1 and 0 supervised tokens"):
        _compare_loss(student, 2 * student.normal(3, 8, 6), labels)


@check(
    "large scores give a finite loss",
    "What can be subtracted from all scores of a place without changing its softmax?",
    after=[loss_shift],
    keeps_arguments=True,
)
def loss_large(student: Student) -> None:
    labels = _draw_labels(student, 2, 5, 8)
    with student.on("scores around 1000 and -1000, and hundreds apart"):
        logits = 300 * student.normal(2, 5, 8)
        # The word to come is far from certain, and a place has lower scores than its neighbours.
        logits[0, 1, labels[0, 2]] = -700
        logits[:, 2] -= 2000
        _compare_loss(student, logits + torch.tensor([1000.0, -1000.0])[:, None, None], labels)


# cached_step ----------------------------------------------------------------------------------


def _attend(
    query: list[float], keys: list[list[float]], values: list[list[float]], seen: list[bool]
) -> list[float]:
    """One query over the keys that it may see."""
    scale = 1 / math.sqrt(len(query))
    scores = [
        scale * math.fsum(q * k for q, k in zip(query, key, strict=True)) if there else -math.inf
        for key, there in zip(keys, seen, strict=True)
    ]
    top = max(scores)
    weights = [math.exp(score - top) for score in scores]
    total = math.fsum(weights)
    return [
        math.fsum(w / total * value[n] for w, value in zip(weights, values, strict=True) if w)
        for n in range(len(values[0]))
    ]


def _attention(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """(B, H, d) over (B, H, T, d), with a mask (B, T): (B, H, d)."""
    rows = [
        [
            _attend(query[b, h].tolist(), keys[b, h].tolist(), values[b, h].tolist(), seen)
            for h in range(query.shape[1])
        ]
        for b, seen in enumerate(mask.tolist())
    ]
    return torch.tensor(rows, dtype=torch.float64)


@dataclass(frozen=True)
class _Sequence:
    """Queries, keys and values (B, H, T, d) of T tokens, and the mask (B, T)."""

    queries: Tensor
    keys: Tensor
    values: Tensor
    mask: Tensor


def _sequence(student: Student, tokens: int, padding: Sequence[int]) -> _Sequence:
    shape = (len(padding), 2, tokens, 5)
    mask = torch.arange(tokens) >= torch.tensor(padding)[:, None]
    # Scores of several units: one that is not scaled, or scaled by another width, shows.
    return _Sequence(
        1.5 * student.normal(*shape), 1.5 * student.normal(*shape), student.normal(*shape), mask
    )


def _call_step(student: Student, whole: _Sequence, at: int, past: tuple[Tensor, Tensor]) -> tuple:
    """One step at place `at`: what came out, and the grown keys and values."""
    new = [x[:, :, at : at + 1].clone() for x in (whole.queries, whole.keys, whole.values)]
    mask = whole.mask[:, : at + 1].clone()
    value = student.call("cached_step", *new, *past, mask)
    return _parts(value, ("the output", "keys", "values"), "cached_step")


def _past(whole: _Sequence, at: int) -> tuple[Tensor, Tensor]:
    return whole.keys[:, :, :at].clone(), whole.values[:, :, :at].clone()


@check(
    "the new key and value stand behind the past ones",
    "Which of the four axes counts tokens? That one grows by 1.",
)
def step_cache(student: Student) -> None:
    tokens = student.integer(3, 4)
    for padding in ([0, 0, 0], [2, 0, 1]):
        with student.on(f"rows with {', '.join(map(str, padding))} places of padding"):
            whole = _sequence(student, tokens + 1, padding)
            _, keys, values = _call_step(student, whole, tokens, _past(whole, tokens))
            both = (keys, whole.keys, "keys"), (values, whole.values, "values")
            for ours, wanted, name in both:
                meaning = "(B, H, T + 1, d)"
                expect_shape(ours, wanted.shape, f"cached_step's {name}", meaning)
                if not equal(ours, wanted):
                    fail(f"the {name} are not the past ones with the new one behind them")


def _compare_output(student: Student, whole: _Sequence, at: int, past: tuple) -> tuple:
    output, *grown = _call_step(student, whole, at, past)
    expect_shape(output, whole.queries[:, :, :1].shape, "cached_step", "(B, H, 1, d)")
    query, mask = whole.queries[:, :, at], whole.mask[:, : at + 1]
    keys, values = _past(whole, at + 1)
    wanted = _attention(query, keys, values, mask)
    ours = output[:, :, 0].double()
    if close(ours, wanted):
        return tuple(grown)
    if bool(ours.isnan().any()):
        fail("the output holds nan")
    width = query.shape[-1]
    for factor, meaning in (
        (math.sqrt(width), "scores that are not divided by √d"),
        (1 / math.sqrt(width), "scores divided by d"),
        (2**-0.5, "scores divided by the root of H·d: d is the width of ONE head"),
    ):
        if close(ours, _attention(factor * query, keys, values, mask)):
            fail(f"the output is that of {meaning}", "")
    if close(ours, _attention(query, keys, values, torch.ones_like(mask))):
        fail("the output is that of a step that sees the padding")
    if at and close(ours, _attention(query, *_past(whole, at), mask[:, :at])):
        fail("the output is that of a token that does not see itself", "")
    fail("the output is not the attention of the new query over all keys")


@check(
    "the new token attends to all before it and to itself",
    "Softmax over the T + 1 keys of query · key / √d, then the mean of the values.",
)
def step_output(student: Student) -> None:
    tokens = student.integer(3, 5)
    whole = _sequence(student, tokens + 1, [0, 0])
    _compare_output(student, whole, tokens, _past(whole, tokens))
    with student.on("a single row"):
        whole = _sequence(student, tokens + 1, [0])
        _compare_output(student, whole, tokens, _past(whole, tokens))


@check(
    "padding in front is not seen",
    "Each row has padding of its own. What must a score be for a weight of 0?",
    after=[step_cache, step_output],
)
def step_mask(student: Student) -> None:
    for padding in ([2, 0, 1], [0, 3, 3]):
        with student.on(f"rows with {', '.join(map(str, padding))} places of padding"):
            whole = _sequence(student, 6, padding)
            _compare_output(student, whole, 5, _past(whole, 5))


@check(
    "the first token of all sees itself alone",
    "An empty cache is (B, H, 0, d). Does a line need at least one past token?",
    after=[step_output],
)
def step_first(student: Student) -> None:
    with student.on("nothing came before: T = 0"):
        whole = _sequence(student, 1, [0, 0])
        _compare_output(student, whole, 0, _past(whole, 0))


@check(
    "step by step, the same as all at once",
    "What you return goes in again. Is it the grown cache, whole and in order?",
    after=[step_cache, step_output, step_mask],
    keeps_arguments=True,
)
def step_many(student: Student) -> None:
    whole = _sequence(student, 7, [0, 2])
    past = _past(whole, 3)
    for at in range(3, 7):
        with student.on(f"step {at - 2} of 4, each from the cache of the last"):
            past = _compare_output(student, whole, at, past)


# mended_generate ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Model:
    """The exercise's language model of one layer: embedding, positions, three matrices."""

    table: Tensor
    positions: Tensor
    query: Tensor
    key: Tensor
    value: Tensor

    def arguments(self) -> tuple[Tensor, ...]:
        return self.table, self.positions, self.query, self.key, self.value


# What is wrong with the positions of new tokens; the padding is seen; only the prompt and the last
# are kept.
Faults = tuple[str, bool, bool]
RIGHT: Faults = ("", False, False)
POSITIONS = ("", "begin again at 0", "count the padding", "are one too high", "are one too low")
ALL_FAULTS: list[Faults] = list(itertools.product(POSITIONS, (False, True), (False, True)))


def _dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _times(matrix: Tensor, vector: list[float]) -> list[float]:
    return [_dot(vector, column) for column in matrix.T.tolist()]


def _generate_row(
    prompt: list[list[float]], padding: int, model: _Model, steps: int, end: int, faults: Faults
) -> tuple[list[int], list[list[float]]]:
    """One row's tokens and scores, everything worked out again at each step."""
    positions, sees_padding, forgets = faults
    table, places = model.table.tolist(), model.positions.tolist()
    past: list[list[float]] = []
    keys: list[list[float]] = []
    values: list[list[float]] = []

    def read(vector: list[float], place: int) -> None:
        past.append([x + p for x, p in zip(vector, places[place], strict=True)])
        keys.append(_times(model.key, past[-1]))
        values.append(_times(model.value, past[-1]))

    for n, vector in enumerate(prompt):
        read(vector, max(n - padding, 0))  # padding stands at position 0, as a clamp makes it
    length = len(past)
    first = {
        "": length - padding,
        "begin again at 0": 0,
        "count the padding": length,
        "are one too high": length - padding + 1,
        "are one too low": length - padding - 1,
    }[positions]
    tokens: list[int] = []
    scores: list[list[float]] = []
    for step in range(steps):
        seen = [n >= padding or (sees_padding and step > 0) for n in range(len(past))]
        if forgets:
            seen = [there and not length <= n < len(past) - 1 for n, there in enumerate(seen)]
        mixed = _attend(_times(model.query, past[-1]), keys, values, seen)
        hidden = [x + m for x, m in zip(past[-1], mixed, strict=True)]
        scores.append([_dot(hidden, word) for word in table])
        best = max(range(len(table)), key=scores[-1].__getitem__)
        tokens.append(end if end in tokens else best)
        read(table[tokens[-1]], first + step)
    return tokens, scores


@dataclass(frozen=True)
class _Prompts:
    """Vectors (B, T, D), left-padded, and how much of each row is padding."""

    vectors: Tensor
    padding: tuple[int, ...]

    def mask(self) -> Tensor:
        return torch.arange(self.vectors.shape[1]) >= torch.tensor(self.padding)[:, None]


def _draw_model(student: Student, vocabulary: int = 12, width: int = 6) -> _Model:
    # Words of one length and large values: else some tokens follow everything, themselves too.
    table = student.normal(vocabulary, width)
    table = table / table.norm(dim=1, keepdim=True) * width**0.5
    query, key, value = (student.normal(width, width) * width**-0.5 for _ in range(3))
    return _Model(table, student.normal(20, width), query, key, 3 * value)


def _draw_prompts(student: Student, padding: Sequence[int], tokens: int = 5) -> _Prompts:
    """Padding holds numbers as well, so that a step that sees it goes another way."""
    return _Prompts(student.normal(len(padding), tokens, 6), tuple(padding))


def _call_generate(
    student: Student, prompts: _Prompts, model: _Model, steps: int, end: int
) -> tuple[Tensor, Tensor]:
    arguments = (prompts.vectors, prompts.mask(), *model.arguments(), steps, end)
    value = student.call("mended_generate", *arguments)
    tokens, scores = _parts(value, ("tokens", "scores"), "mended_generate")
    rows, vocabulary = len(prompts.padding), len(model.table)
    _whole(tokens, (rows, steps), "mended_generate", "(B, steps)")
    expect_shape(scores, (rows, steps, vocabulary), "mended_generate's scores", "(B, steps, V)")
    return tokens, scores


def _expected(
    prompts: _Prompts, model: _Model, steps: int, end: int, faults: Faults
) -> tuple[Tensor, Tensor]:
    rows = [
        _generate_row(prompt, padding, model, steps, end, faults)
        for prompt, padding in zip(prompts.vectors.tolist(), prompts.padding, strict=True)
    ]
    tokens, scores = zip(*rows, strict=True)
    return torch.tensor(tokens), torch.tensor(scores, dtype=torch.float64)


NEVER = 10**6  # an end token that no vocabulary holds


def _draw_telling(student: Student, padding: Sequence[int]) -> tuple[_Model, _Prompts]:
    """A model and prompts on which every fault, beside any others, changes the scores."""
    while True:
        model, prompts = _draw_model(student), _draw_prompts(student, padding)
        ways = [_expected(prompts, model, 4, NEVER, faults)[1] for faults in ALL_FAULTS]
        if not any(close(a, b, 1e-2) for a, b in itertools.combinations(ways, 2)):
            return model, prompts


def _without_fault(student: Student, fault: int, message: str) -> None:
    """The scores are right, or wrong by other faults than this one.

    The fault's name, where it has one, stands in the place of {} in the message.
    """
    model, prompts = _draw_telling(student, (0, 2, 1))
    _, scores = _call_generate(student, prompts, model, 4, NEVER)
    left = [
        faults
        for faults in ALL_FAULTS
        if close(scores, _expected(prompts, model, 4, NEVER, faults)[1], 1e-3)
    ]
    if not left:
        first = _expected(prompts, model, 1, NEVER, RIGHT)[1]
        if not close(scores[:, :1], first, 1e-3):
            fail("the first token's scores are wrong already: the faulty generator's are right", "")
        fail("the scores come from none of the faults: what else was changed?", "")
    if left[0][fault]:
        fail(message.format(left[0][fault]))


@check(
    "a new token's position goes on from the prompt's",
    "A prompt of 5 tokens has positions 0 to 4. Which one has the first new token?",
)
def gen_positions(student: Student) -> None:
    _without_fault(student, 0, "the positions of new tokens {}")


@check(
    "padding stays unseen in every step",
    "The first step has a mask. Which one have the others, and how long is it?",
)
def gen_mask(student: Student) -> None:
    _without_fault(student, 1, "from the second step on, padding is seen")


@check(
    "every token generated so far is in the cache",
    "After three steps, how many keys are there? What did the last step keep?",
)
def gen_cache(student: Student) -> None:
    _without_fault(student, 2, "a step sees the prompt and itself, and no token between")


def _cut(row: list[int], end: int) -> list[int]:
    """A row that says nothing but `end` from where it first said it."""
    return [end if end in row[:n] else token for n, token in enumerate(row)]


@check(
    "a row that has ended stays ended, and the others go on",
    "Ended or not is a matter of each row. Who remembers it, from step to step?",
)
def gen_ends(student: Student) -> None:
    for _ in range(3):
        end = 0
        while not end:
            model, prompts = _draw_model(student), _draw_prompts(student, (0, 3, 2))
            ways = [_expected(prompts, model, 5, NEVER, faults)[0] for faults in ALL_FAULTS]
            end = int(ways[0][0, 0])  # row 0 ends with its first token, whatever faults are left
            if any((way[0] == end).all() for way in ways):
                end = 0  # it would say so without having ended
            elif not any(all(end not in way[row] for way in ways) for row in (1, 2)):
                end = 0  # no row is sure to go on
        _compare_ends(student, prompts, model, end)
    hint = "The result is (B, steps) then as well: fill up what is missing."
    with student.on("all rows end with their first token", hint):
        firsts = [0, 1]
        while len(set(firsts)) > 1:
            model, prompts = _draw_model(student), _draw_prompts(student, (0, 2))
            firsts = _expected(prompts, model, 1, NEVER, RIGHT)[0][:, 0].tolist()
        _compare_ends(student, prompts, model, firsts[0])


def _compare_ends(student: Student, prompts: _Prompts, model: _Model, end: int) -> None:
    """Each row is what it is without an end, and cut there: so other faults may be left."""
    free, _ = _call_generate(student, prompts, model, 5, NEVER)
    if free[0, 0] != end:
        fail(f"row 0 begins with token {free[0, 0]}, and {end} scores highest", "")
    tokens, _ = _call_generate(student, prompts, model, 5, end)
    for row, (ours, goes_on) in enumerate(zip(tokens.tolist(), free.tolist(), strict=True)):
        wanted = _cut(goes_on, end)
        place = next((n for n in range(5) if ours[n] != wanted[n]), None)
        if place is None:
            continue
        if end in wanted[:place]:
            fail(f"row {row} ended with token {end} and went on: {ours}")
        if end in ours[:place] or ours[place] == end or row:
            fail(f"row 0 has ended, and row {row} did not go on as before: {ours}, not {wanted}")
        fail(f"row {row} became {ours}, wanted {wanted}")


def _exchanged(model: _Model, token: int, other: int) -> _Model:
    """The model with the numbers of two words exchanged; it says the same words as before."""
    order = list(range(len(model.table)))
    order[token], order[other] = other, token
    return replace(model, table=model.table[order])


def _compare_generated(
    student: Student, prompts: _Prompts, model: _Model, steps: int, end: int
) -> None:
    wanted, scores = _expected(prompts, model, steps, end, RIGHT)
    tokens, ours = _call_generate(student, prompts, model, steps, end)
    for row, amount in enumerate(prompts.padding):
        with student.on(f"a row with {amount} places of padding"):
            if tokens[row].tolist() != wanted[row].tolist():
                fail(f"the tokens are {tokens[row].tolist()}, wanted {wanted[row].tolist()}")
            alive = [0] + [n for n in range(1, steps) if end not in wanted[row, :n]]
            if not close(ours[row, alive], scores[row, alive], 1e-3):
                fail("the tokens are right, and the scores they were chosen by are not")


@check(
    "the same tokens as reading everything again at each step",
    "All four faults must be gone, and the rest as it was.",
    after=[gen_positions, gen_mask, gen_cache, gen_ends],
    keeps_arguments=True,
)
def gen_whole(student: Student) -> None:
    for padding, name in (((0, 3), "any"), ((2, 0, 4), "0")):
        end = 0
        while not end:
            model, prompts = _draw_telling(student, padding)
            free, _ = _expected(prompts, model, 5, NEVER, RIGHT)
            end = int(free[0, 1])  # row 0 ends with its second token, or its first
            wanted, _ = _expected(prompts, model, 5, end, RIGHT)
            others_end = all((row == end).any() for row in wanted[1:])
            if equal(free[0], wanted[0]) or others_end:
                end = 0  # nothing to see of rows that end, or of rows that go on
        if name == "0":
            model, end = _exchanged(model, end, 0), 0
        with student.on(f"the end token is {end}"):
            _compare_generated(student, prompts, model, 5, end)
    model, prompts = _draw_telling(student, (2,))
    with student.on("a single row that never ends: the end token is -1"):
        _compare_generated(student, prompts, model, 4, -1)


EXERCISE = Exercise(
    name="09_llava",
    title="Exercise 09: a mini-LLaVA",
    forbids=("mvlm.llava", "mvlm.language", "mvlm.transformer", "mvlm.tokenizer"),
    questions=(
        Question(
            function="expand_markers",
            title="Room for the picture",
            minutes=10,
            teaches="that a picture takes N places in a row, and none of them has a loss",
            checks=(
                expand_one,
                expand_labels,
                expand_any,
            ),
        ),
        Question(
            function="splice",
            title="Words and pictures in one row",
            minutes=15,
            teaches="what a language model is really given when it sees",
            checks=(
                splice_one,
                splice_several,
                splice_batch,
                splice_padding,
                splice_words,
            ),
        ),
        Question(
            function="answer_labels",
            title="Which tokens are the answer",
            minutes=15,
            teaches="to find labels in one pass over the text",
            checks=(
                labels_one,
                labels_several,
                labels_edges,
                labels_empty,
            ),
        ),
        Question(
            function="answer_loss",
            title="The loss on the answers",
            minutes=15,
            teaches="which score is compared with which token",
            checks=(
                loss_shift,
                loss_ignored,
                loss_mean,
                loss_large,
            ),
        ),
        Question(
            function="cached_step",
            title="One step with a cache",
            minutes=20,
            teaches="why generating a token need not read the picture again",
            checks=(
                step_cache,
                step_output,
                step_mask,
                step_first,
                step_many,
            ),
        ),
        Question(
            function="mended_generate",
            title="A generator with four faults",
            minutes=35,
            teaches="to find mistakes that only show from the second token on",
            checks=(
                gen_positions,
                gen_mask,
                gen_cache,
                gen_ends,
                gen_whole,
            ),
        ),
    ),
)
