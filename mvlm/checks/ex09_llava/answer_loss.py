"""Exercise 09, `answer_loss`: the loss on the answers."""

from collections.abc import Callable

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex09_llava.common import IGNORED
from mvlm.checks.expect import Comparison, Slip, expect_slopes


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
    right=lambda logits, labels, *, of=Tensor.mean: of(_shifted(logits, labels)),
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
        "the loss is a sum, wanted the mean over supervised tokens": {"of": Tensor.sum},
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
    labels[0, [0, 1, 2, 3, 6]] = IGNORED
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
    labels[0, :2] = labels[2, 1:] = IGNORED
    labels[1, 1:7] = IGNORED  # its first token has a label, and no place to be predicted from
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
    expect_slopes(student, "answer_loss", *_ask_loss(student, labels, 7), learns={0: "scores"})


QUESTION = Question(
    function="answer_loss",
    title="The loss on the answers",
    minutes=15,
    teaches="which score is compared with which token",
    checks=(loss_shift, loss_ignored, loss_mean, loss_large, loss_gradient),
)
