"""Exercise 09: pictures among words: splicing, labels, the loss, a cached step, a faulty generator.

What is right is worked out here in float64 and from the definitions: ids and labels token by token,
a step from the whole sequence, a generator by reading everything again at each step.
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Exercise, Question, Student, check, drawn_once, fail
from mvlm.checks.expect import (
    Comparison,
    Slip,
    close,
    equal,
    expect_kind,
    expect_parts,
    expect_shape,
    expect_slopes,
    expect_tensor,
    expect_truth,
    expect_whole,
)

MARKER = -200
IGNORED = -100

# expand_markers -------------------------------------------------------------------------------


def _expanded(
    student: Student, row: list[int], labels: list[int], count: int
) -> tuple[Any, list[int]]:
    """The labels that came back beside right ids, and these ids."""
    value = student.call("expand_markers", torch.tensor(row), torch.tensor(labels), count)
    ids, targets = expect_parts(value, ("ids", "labels"), "expand_markers")
    places = [[token] * (count if token == MARKER else 1) for token in row]
    wanted = list(itertools.chain(*places))
    expect_whole(ids, (len(wanted),), "expand_markers", f"{count} places for each marker")
    if ids.tolist() != wanted:
        fail(f"{row} with {count} places a picture became {ids.tolist()}")
    return targets, wanted


def _expand(student: Student, row: list[int], labels: list[int], count: int) -> None:
    targets, ids = _expanded(student, row, labels, count)
    expect_whole(targets, (len(ids),), "expand_markers's labels", "one label for each id")
    words = iter(label for token, label in zip(row, labels, strict=True) if token != MARKER)
    wanted = [IGNORED if token == MARKER else next(words) for token in ids]
    if targets.tolist() == wanted:
        return
    seen = set(targets[torch.tensor(ids) == MARKER].tolist()) - {IGNORED}
    if seen:
        fail(f"a picture's places have the label {min(seen)}, wanted {IGNORED}: no loss there")
    fail(f"the labels {labels} became {targets.tolist()}, wanted {wanted}")


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
    _expanded(student, row, row, 3)


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
        "an id above 16 million": [2**24 + 1, MARKER, 2**30 + 1],
    }
    for name, row in rows.items():
        hint = "No whole number above 16,777,216 is safe in float32." if max(row) > 2**24 else None
        with student.on(name, hint):
            labels = [IGNORED if token == MARKER else token for token in row]
            _expand(student, row, labels, 4)
    with student.on("one place a picture"):
        _expand(student, rows["two markers"], [IGNORED] * 5, 1)


# splice ---------------------------------------------------------------------------------------


def _spliced(rows: list[list[int]], features: Tensor, table: Tensor) -> list[Tensor]:
    """Each row as its vectors, pictures in reading order, float64."""
    pictures = iter(features.tolist())
    words = table.tolist()
    spliced = []
    for row in rows:
        pieces = [next(pictures) if token == MARKER else [words[token]] for token in row]
        spliced.append(torch.tensor(list(itertools.chain(*pieces)), dtype=torch.float64))
    return spliced


@dataclass(frozen=True)
class _Splice:
    """What the student's function made of rows, and what it should have made."""

    vectors: Any
    mask: Any
    wanted: list[Tensor]

    def shape(self) -> tuple[int, int, int]:
        """Of the batch: (B, L, D)."""
        return len(self.wanted), max(map(len, self.wanted)), len(self.wanted[0][0])

    def rows(self) -> list[Tensor]:
        """The student's vectors, without what should be padding."""
        expect_shape(self.vectors, self.shape(), "splice", "(B, L, D)")
        return [row[: len(w)] for row, w in zip(self.vectors, self.wanted, strict=True)]


def _splice(
    student: Student,
    rows: list[list[int]],
    count: int = 3,
    blank: int | None = None,
    kind: torch.dtype = torch.float32,
) -> _Splice:
    """`blank` is a word whose vector is all zeros, `kind` that of all numbers."""
    pictures = sum(token == MARKER for row in rows for token in row)
    features = student.normal(pictures, count, 4).to(kind) / 3
    table = student.normal(100, 4).to(kind) / 3
    if blank is not None:
        table[blank] = 0
    value = student.call("splice", rows, features, table)
    vectors, mask = expect_parts(value, ("the vectors", "the mask"), "splice")
    return _Splice(vectors, mask, _spliced(rows, features, table))


def _compare_rows(made: _Splice) -> None:
    for row, (ours, wanted) in enumerate(zip(made.rows(), made.wanted, strict=True)):
        if not equal(ours.double(), wanted):
            if equal(made.vectors[row, -len(wanted) :].double(), wanted):
                fail(f"row {row} is filled up in front, wanted behind its end", "")
            place = (ours.double() - wanted).abs().amax(1).nonzero()[0].item()
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
        if not equal(
            ours[len(wanted) :].double(), torch.zeros(len(ours) - len(wanted), 4).double()
        ):
            fail(
                "behind the end of the shorter row stands something other than 0",
                "What is your batch filled with before the rows are written into it?",
            )
    expect_truth(made.mask, "splice's mask")
    expect_shape(made.mask, made.shape()[:2], "splice's mask", "(B, L)")
    lengths = torch.tensor([[len(wanted)] for wanted in made.wanted])
    expected = torch.arange(made.shape()[1]) < lengths
    if equal(made.mask, ~expected):
        fail("the mask says True for padding", "")
    if not equal(made.mask, expected):
        fail(
            "the mask is not True for each word and picture, and False for padding",
            "True up to where a row ends with its pictures in, False behind.",
        )


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
    for kind in (torch.float64, torch.float16):
        with student.on(f"features and table of {kind}"):
            made = _splice(student, [[word, MARKER, 3]], kind=kind)
            expect_kind(expect_tensor(made.vectors, "splice"), torch.empty(0, dtype=kind), KEPT)
            _compare_rows(made)


KEPT = "to copy vectors changes no number"


@check(
    "it can be trained with: gradients reach the features and the table",
    "The projector learns through this function alone. Move a feature a little: what moves?",
)
def splice_gradient(student: Student) -> None:
    rows = [[3, MARKER, 5], [4, MARKER, 3, 6]]
    features, table = student.normal(2, 2, 4), student.normal(10, 4)
    learns = {1: "features", 2: "table"}
    expect_slopes(student, "splice", rows, features, table, learns=learns)


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
    expect_whole(labels, (len(ids),), "answer_labels", "(T,), one label a token")
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
    with student.on("ids above 16 million"):
        ids[5:7] = [2**24 + 1, 2**30 + 1]
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


def _losses(logits: Tensor, labels: Tensor) -> Tensor:
    """The loss of each place whose own label has one, float64, one after the other."""
    scores, targets = logits[labels != IGNORED].double(), labels[labels != IGNORED]
    return scores.logsumexp(-1) - scores.gather(-1, targets[:, None])[:, 0]


def _shifted(logits: Tensor, labels: Tensor) -> Tensor:
    return _losses(logits[:, :-1], labels[:, 1:])


def _mean_of_rows(logits: Tensor, labels: Tensor) -> Tensor:
    rows = [_shifted(*row) for row in zip(logits.split(1), labels.split(1), strict=True)]
    return torch.stack([row.mean() for row in rows if len(row)]).mean()


def _divided(count: Callable[[Tensor], int]) -> Slip:
    """A mistake: the sum of the losses is divided by another count of tokens."""
    return Slip(
        lambda logits, labels: _shifted(logits, labels).sum() / count(labels),
        lambda logits, labels: (
            f"the sum is divided by {count(labels)} tokens, and {len(_shifted(logits, labels))} "
            "have a loss"
        ),
    )


SHIFT = "Labels are the tokens themselves. From which place is token 3 predicted?"
ANSWER_LOSS = Comparison(
    function="answer_loss",
    what="the loss",
    right=lambda logits, labels: _shifted(logits, labels).mean(),
    mistakes={
        "the loss is that of tokens predicted from themselves: nothing is shifted": (
            lambda logits, labels: _losses(logits, labels).mean(),
            SHIFT,
        ),
        "the scores at place t are compared with token t - 1: shifted the wrong way": (
            lambda logits, labels: _losses(logits[:, 1:], labels[:, :-1]).mean(),
            SHIFT,
        ),
        "a row's last place is compared with its first token: roll brings round what falls out": (
            lambda logits, labels: _losses(logits, labels.roll(-1, 1)).mean(),
            "The scores of the last place are for no token: leave that place out.",
        ),
        "a row's last place is compared with the next row's first token": (
            lambda logits, labels: _losses(logits.flatten(0, 1)[:-1], labels.flatten()[1:]).mean(),
            "Shift within each row, before the rows are laid end to end.",
        ),
        "the loss is a sum, wanted the mean over supervised tokens": (
            lambda logits, labels: _shifted(logits, labels).sum()
        ),
        "the loss is a mean of the rows' means: a short answer counts as much as a long one": (
            _mean_of_rows
        ),
        "a token whose id is 0 is left out: 0 is a word like any other": (
            lambda logits, labels: _shifted(logits, labels.where(labels != 0, IGNORED)).mean()
        ),
    },
    slips=(_divided(lambda labels: labels.numel()), _divided(lambda labels: labels[:, 1:].numel())),
)


def _ask_loss(student: Student, labels: Tensor, vocabulary: int) -> tuple[Tensor, Tensor]:
    return 2 * student.normal(*labels.shape, vocabulary), labels


def _draw_labels(student: Student, rows: int, tokens: int, vocabulary: int) -> Tensor:
    picks = [[student.integer(0, vocabulary - 1) for _ in range(tokens)] for _ in range(rows)]
    picks[0][-1] = 0  # a word like any other
    return torch.tensor(picks)


@check("the scores at place t are compared with token t + 1", SHIFT)
def loss_shift(student: Student) -> None:
    length = student.integer(5, 7)
    ANSWER_LOSS.run(student, lambda: _ask_loss(student, _draw_labels(student, 1, length, 9), 9))


@check(
    "a label of -100 has no loss",
    "Leave the place out when its LABEL, after the shift, is -100.",
    after=[loss_shift],
)
def loss_ignored(student: Student) -> None:
    labels = _draw_labels(student, 1, 9, 11)
    labels[0, :4] = IGNORED
    labels[0, 6] = IGNORED
    ANSWER_LOSS.run(student, lambda: _ask_loss(student, labels, 11))
    with student.on("the last token has no loss"):
        labels[0, -1] = IGNORED
        ANSWER_LOSS.run(student, lambda: _ask_loss(student, labels, 11))


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
        ANSWER_LOSS.run(student, lambda: _ask_loss(student, labels, 6))


@check(
    "large scores give a finite loss",
    "What can be subtracted from all scores of a place without changing its softmax?",
    after=[loss_shift],
    keeps_arguments=True,
)
def loss_large(student: Student) -> None:
    def draw() -> tuple[Tensor, Tensor]:
        labels = _draw_labels(student, 2, 5, 8)
        logits = 300 * student.normal(2, 5, 8)
        # The word to come is far from certain, and a place has lower scores than its neighbours.
        logits[0, 1, labels[0, 2]] = -700
        logits[:, 2] -= 2000
        return logits + torch.tensor([1000.0, -1000.0])[:, None, None], labels

    with student.on("scores around 1000 and -1000, and hundreds apart"):
        ANSWER_LOSS.run(student, draw)


@check(
    "it can be trained with: gradients reach the scores",
    "Move one score a little: the loss must change by the gradient times that.",
)
def loss_gradient(student: Student) -> None:
    labels = _draw_labels(student, 2, 6, 7)
    labels[0, :3] = labels[1, 2] = IGNORED
    logits, labels = _ask_loss(student, labels, 7)
    expect_slopes(student, "answer_loss", logits, labels, learns={0: "scores"})


# cached_step ----------------------------------------------------------------------------------


Step = tuple[Tensor, ...]  # query, key, value, past keys, past values, mask


def _attention(
    query: Tensor, keys: Tensor, values: Tensor, mask: Tensor, factor: float = 1.0
) -> Tensor:
    """(B, H, 1, d) over (B, H, T, d), with a mask (B, T) or none, float64: (B, H, 1, d)."""
    query, keys, values = (x.double() for x in (query, keys, values))
    scores = factor * (query * keys).sum(-1) / math.sqrt(query.shape[-1])  # B H T
    weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1)
    return (weights[..., None] * values).sum(2, keepdim=True)


def _grown(step: Step) -> Step:
    """Query, all keys, all values and the mask."""
    query, key, value, keys, values, mask = step
    return query, torch.cat([keys, key], 2), torch.cat([values, value], 2), mask


def _scaled(factor: Callable[[Step], float]) -> Callable[..., Tensor]:
    """A mistake: the scores are larger by a factor."""
    return lambda *step: _attention(*_grown(step), factor=factor(step))


def _read_output(value: Any, *step: Tensor) -> Tensor:
    output = expect_parts(value, ("the output", "keys", "values"), "cached_step")[0]
    return expect_shape(output, step[0].shape, "cached_step", "(B, H, 1, d)")


OUTPUT = Comparison(
    function="cached_step",
    what="the output",
    right=lambda *step: _attention(*_grown(step)),
    read=_read_output,
    tells=lambda ours, _: (
        "the output holds nan"
        if bool(ours.isnan().any())
        else "the output is not the attention of the new query over all keys"
    ),
    mistakes={
        "the output is that of scores that are not divided by √d": (
            _scaled(lambda step: math.sqrt(step[0].shape[-1]))
        ),
        "the output is that of scores divided by d": (
            _scaled(lambda step: 1 / math.sqrt(step[0].shape[-1]))
        ),
        "the output is that of scores divided by the root of H·d: d is the width of ONE head": (
            _scaled(lambda step: step[0].shape[1] ** -0.5)
        ),
        "the output is that of scores divided by the root of the number of tokens, not of d": (
            _scaled(lambda step: math.sqrt(step[0].shape[-1] / step[-1].shape[-1]))
        ),
        "the output is that of a step that sees the padding": (
            lambda *step: _attention(*_grown(step)[:3], torch.ones_like(step[-1])),
            None,
        ),
        "the output is that of a step that sees the padding and nothing else": (
            lambda *step: _attention(*_grown(step)[:3], ~step[-1]).nan_to_num(0),
            "Which of the two does your function take True for: what is seen, or what is not?",
        ),
        "the output is that of a token that does not see itself": (
            lambda *step: _attention(step[0], *step[3:5], step[-1][:, :-1])
        ),
    },
)


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


def _step(whole: _Sequence, at: int, past: tuple[Tensor, Tensor] | None = None) -> Step:
    """What a step at place `at` is given; its past is the right one, unless another is passed."""
    new = [x[:, :, at : at + 1].clone() for x in (whole.queries, whole.keys, whole.values)]
    return (*new, *(past or _past(whole, at)), whole.mask[:, : at + 1].clone())


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
            value = student.call("cached_step", *_step(whole, tokens))
            names = ("the output", "keys", "values")
            _, keys, values = expect_parts(value, names, "cached_step")
            both = (keys, whole.keys, "keys"), (values, whole.values, "values")
            for ours, wanted, name in both:
                meaning = "(B, H, T + 1, d)"
                expect_shape(ours, wanted.shape, f"cached_step's {name}", meaning)
                if not equal(ours, wanted):
                    fail(f"the {name} are not the past ones with the new one behind them")


@check(
    "the new token attends to all before it and to itself",
    "Softmax over the T + 1 keys of query · key / √d, then the mean of the values.",
)
def step_output(student: Student) -> None:
    tokens = student.integer(5, 7)  # with the new one never d in number
    OUTPUT.run(student, lambda: _step(_sequence(student, tokens + 1, [0, 0]), tokens))
    with student.on("a single row"):
        OUTPUT.run(student, lambda: _step(_sequence(student, tokens + 1, [0]), tokens))


@check(
    "padding in front is not seen",
    "Each row has padding of its own. What must a score be for a weight of 0?",
    after=[step_cache, step_output],
)
def step_mask(student: Student) -> None:
    for padding in ([2, 0, 1], [0, 3, 3]):
        with student.on(f"rows with {', '.join(map(str, padding))} places of padding"):
            OUTPUT.run(student, lambda p=padding: _step(_sequence(student, 6, p), 5))

    def low() -> Step:
        """Every score that counts lies below -20,000, that of the padding near 0."""
        whole = _sequence(student, 6, [2, 1])
        way = whole.queries[:, :, 5:] / whole.queries[:, :, 5:].norm(dim=-1, keepdim=True)
        low = torch.where(whole.mask[:, None, :, None], 100 * whole.keys - 3e4 * way, whole.keys)
        whole = replace(whole, queries=3 * way.expand_as(low), keys=low)
        return _step(whole, 5)

    with student.on(
        "every score far below 0", "A fill of -10,000 is no -inf: scores may be lower."
    ):
        OUTPUT.run(student, low)


@check(
    "the first token of all sees itself alone",
    "An empty cache is (B, H, 0, d). Does a line need at least one past token?",
    after=[step_output],
)
def step_first(student: Student) -> None:
    with student.on("nothing came before: T = 0"):
        OUTPUT.run(student, lambda: _step(_sequence(student, 1, [0, 0]), 0))


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
            wanted = _attention(*_grown(_step(whole, at)))  # whatever the cache has become
            step = replace(OUTPUT, right=lambda *_, w=wanted: w, mistakes={})
            _, *past = step.run(student, lambda a=at, p=past: _step(whole, a, tuple(p)))


# mended_generate ------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True, eq=False)
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
    tokens, scores = expect_parts(value, ("tokens", "scores"), "mended_generate")
    rows, vocabulary = len(prompts.padding), len(model.table)
    expect_whole(tokens, (rows, steps), "mended_generate", "(B, steps)")
    expect_shape(scores, (rows, steps, vocabulary), "mended_generate's scores", "(B, steps, V)")
    return tokens, scores


@functools.lru_cache(maxsize=256)
def _ways(prompts: _Prompts, model: _Model, steps: int, end: int) -> tuple[Tensor, Tensor]:
    """What each of ALL_FAULTS gives, the right way first, all worked out anew at each step.

    Returns:
        Tokens (F, B, steps) and their scores (F, B, steps, V), float64.
    """
    table, positions, *matrices = (x.double() for x in model.arguments())
    w_q, w_k, w_v = matrices
    sees_padding, forgets = torch.tensor([flags for _, *flags in ALL_FAULTS]).T[..., None, None]
    padding, length = torch.tensor(prompts.padding), prompts.vectors.shape[1]
    starts = {
        "": length - padding,
        "begin again at 0": 0 * padding,
        "count the padding": length + 0 * padding,
        "are one too high": length - padding + 1,
        "are one too low": length - padding - 1,
    }
    first = torch.stack([starts[name] for name, *_ in ALL_FAULTS])  # F B
    places = torch.arange(length) - padding[:, None]
    x = prompts.vectors.double() + positions[places.clamp(min=0)]  # padding stands at position 0
    x = x.expand(len(ALL_FAULTS), *x.shape)  # F B T D
    keys, values, x = x @ w_k, x @ w_v, x[:, :, -1]
    ended = torch.zeros(len(ALL_FAULTS), len(padding), dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        place = torch.arange(keys.shape[2])
        between = (place >= length) & (place < len(place) - 1)
        seen = (place >= padding[:, None]) | (sees_padding & (step > 0))  # F B T
        seen = seen & ~(forgets & between)
        attention = (keys @ (x @ w_q)[..., None])[..., 0] / math.sqrt(x.shape[-1])
        weights = attention.masked_fill(~seen, -torch.inf).softmax(-1)
        scores.append((x + (weights[..., None] * values).sum(2)) @ table.T)
        tokens.append(torch.where(ended, end, scores[-1].argmax(-1)))
        ended = ended | (tokens[-1] == end)
        x = table[tokens[-1].clamp(0, len(table) - 1)] + positions[first + step]
        keys = torch.cat([keys, (x @ w_k)[:, :, None]], 2)
        values = torch.cat([values, (x @ w_v)[:, :, None]], 2)
    return torch.stack(tokens, 2), torch.stack(scores, 2)


def _right(prompts: _Prompts, model: _Model, steps: int, end: int) -> tuple[Tensor, Tensor]:
    tokens, scores = _ways(prompts, model, steps, end)
    return tokens[0], scores[0]


NEVER = 10**6  # an end token that no vocabulary holds


@drawn_once
def _draw_telling(student: Student, padding: Sequence[int]) -> tuple[_Model, _Prompts]:
    """A model and prompts on which every fault, beside any others, changes the scores."""
    while True:
        model, prompts = _draw_model(student), _draw_prompts(student, padding)
        ways = _ways(prompts, model, 4, NEVER)[1].flatten(1)
        apart = (ways[:, None] - ways).abs().amax(2) + torch.eye(len(ways))
        if apart.min() > 0.05:
            return model, prompts


def _without_fault(student: Student, fault: int, message: str) -> None:
    """The scores are right, or wrong by other faults than this one.

    The fault's name, where it has one, stands in the place of {} in the message.
    """
    model, prompts = _draw_telling(student, (0, 2, 1))
    _, scores = _call_generate(student, prompts, model, 4, NEVER)
    _, ways = _ways(prompts, model, 4, NEVER)
    left = [name for name, way in zip(ALL_FAULTS, ways, strict=True) if close(scores, way, 1e-3)]
    if not left:
        if not close(scores[:, :1], ways[0][:, :1], 1e-3):
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


Ending = tuple[_Prompts, _Model, int]


@drawn_once
def _draw_ending(student: Student) -> Ending:
    """Row 0 ends with its first token, whatever faults are left, and another row goes on."""
    while True:
        model, prompts = _draw_model(student), _draw_prompts(student, (0, 3, 2))
        ways = _ways(prompts, model, 5, NEVER)[0]
        end = int(ways[0][0, 0])
        says_it_anyway = any((way[0] == end).all() for way in ways)
        if end and not says_it_anyway and any(bool((ways[:, row] != end).all()) for row in (1, 2)):
            return prompts, model, end


@drawn_once
def _draw_ending_at_once(student: Student) -> Ending:
    """Both rows begin with the same token, which ends them."""
    while True:
        model, prompts = _draw_model(student), _draw_prompts(student, (0, 2))
        firsts = _right(prompts, model, 1, NEVER)[0][:, 0].tolist()
        if len(set(firsts)) == 1:
            return prompts, model, firsts[0]


@drawn_once
def _draw_whole(student: Student, padding: Sequence[int], ends_with_0: bool) -> Ending:
    """Row 0 ends with its second token, or its first; another row goes on."""
    while True:
        model, prompts = _draw_telling(student, padding)
        free, _ = _right(prompts, model, 5, NEVER)
        end = int(free[0, 1])
        wanted, _ = _right(prompts, model, 5, end)
        others_end = all((row == end).any() for row in wanted[1:])
        if end and not equal(free[0], wanted[0]) and not others_end:
            return (prompts, _exchanged(model, end, 0), 0) if ends_with_0 else (prompts, model, end)


def _cut(row: list[int], end: int) -> list[int]:
    """A row that says nothing but `end` from where it first said it."""
    return [end if end in row[:n] else token for n, token in enumerate(row)]


@check(
    "a row that has ended stays ended, and the others go on",
    "Ended or not is a matter of each row. Who remembers it, from step to step?",
)
def gen_ends(student: Student) -> None:
    goes_on = False
    for _ in range(3):
        free = _compare_ends(student, *_draw_ending(student))
        goes_on |= bool((free != free[:, :1]).any())
    if not goes_on:
        fail("every row says its first token for ever, though none has ended", "")
    hint = "The result is (B, steps) then as well: fill up what is missing."
    with student.on("all rows end with their first token", hint):
        _compare_ends(student, *_draw_ending_at_once(student))


def _compare_ends(student: Student, prompts: _Prompts, model: _Model, end: int) -> Tensor:
    """Each row is what it is without an end, and cut there: so other faults may be left.

    Returns:
        The tokens without an end.
    """
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
    return free


def _exchanged(model: _Model, token: int, other: int) -> _Model:
    """The model with the numbers of two words exchanged; it says the same words as before."""
    order = list(range(len(model.table)))
    order[token], order[other] = other, token
    return replace(model, table=model.table[order])


def _compare_generated(
    student: Student, prompts: _Prompts, model: _Model, steps: int, end: int
) -> None:
    wanted, scores = _right(prompts, model, steps, end)
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
    for padding, ends_with_0 in (((0, 3), False), ((2, 0, 4), True)):
        prompts, model, end = _draw_whole(student, padding, ends_with_0)
        with student.on(f"the end token is {end}"):
            _compare_generated(student, prompts, model, 5, end)
    model, prompts = _draw_telling(student, (2,))
    with student.on("a single row that never ends: the end token is -1"):
        _compare_generated(student, prompts, model, 4, -1)


EXERCISE = Exercise(
    name="09_llava",
    title="Exercise 09: a mini-LLaVA",
    forbids=(
        "mvlm.llava",
        "mvlm.chat",
        "mvlm.language",
        "mvlm.generation",
        "mvlm.transformer",
        "mvlm.tokenizer",
    ),
    questions=(
        Question(
            function="expand_markers",
            title="Room for the picture",
            minutes=10,
            teaches="that a picture takes N places in a row, and none of them has a loss",
            checks=(expand_one, expand_labels, expand_any),
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
                splice_gradient,
            ),
        ),
        Question(
            function="answer_labels",
            title="Which tokens are the answer",
            minutes=15,
            teaches="to find labels in one pass over the text",
            checks=(labels_one, labels_several, labels_edges, labels_empty),
        ),
        Question(
            function="answer_loss",
            title="The loss on the answers",
            minutes=15,
            teaches="which score is compared with which token",
            checks=(loss_shift, loss_ignored, loss_mean, loss_large, loss_gradient),
        ),
        Question(
            function="cached_step",
            title="One step with a cache",
            minutes=20,
            teaches="why generating a token need not read the picture again",
            checks=(step_cache, step_output, step_mask, step_first, step_many),
        ),
        Question(
            function="mended_generate",
            title="A generator with four faults",
            minutes=35,
            teaches="to find mistakes that only show from the second token on",
            checks=(gen_positions, gen_mask, gen_cache, gen_ends, gen_whole),
        ),
    ),
)
