"""Right and wrong answers to class_recalls."""

import math

import numpy as np
import torch

from bank import mistake, right


@right("As the solutions write it.")
def master(answers, labels, classes):
    recalls = torch.full((classes,), math.nan)
    for label in range(classes):
        given = answers[labels == label]
        if len(given):
            recalls[label] = (given == label).float().mean()
    return recalls, recalls.nanmean().item()


@right("Two counts; 0 / 0 is nan by itself; float64.")
def two_counts(answers, labels, classes):
    counts = torch.bincount(labels, minlength=classes).double()
    hits = torch.bincount(labels[answers == labels], minlength=classes).double()
    recalls = hits / counts
    return recalls, recalls[counts > 0].mean()


@right("A table of one hot rows.")
def one_hot(answers, labels, classes):
    member = labels[:, None] == torch.arange(classes)
    recalls = (member & (answers == labels)[:, None]).sum(0) / member.sum(0)
    return [recalls, float(recalls[member.any(0)].mean())]


@right("With NumPy and lists.")
def with_numpy(answers, labels, classes):
    a, y = answers.numpy(), labels.numpy()
    shares = [np.mean(a[y == c] == c) if (y == c).any() else np.nan for c in range(classes)]
    return torch.tensor(shares), np.nanmean(shares)


ALL = "rec-each, rec-none, rec-absent, rec-edges"


def counted(answers, labels, classes, empty=math.nan):
    return torch.tensor(
        [
            (answers[labels == c] == c).float().mean().item() if (labels == c).any() else empty
            for c in range(classes)
        ]
    )


@mistake("An absent class has 0.", fails="rec-absent, rec-edges", says="got 0: nothing is known")
def absent_zero(answers, labels, classes):
    recalls = counted(answers, labels, classes, 0.0)
    return recalls, recalls.mean().item()


@mistake("An absent class has 1.", fails="rec-absent, rec-edges", says="got 1: nothing is known")
def absent_one(answers, labels, classes):
    recalls = counted(answers, labels, classes, 1.0)
    return recalls, recalls.mean().item()


@mistake(
    "The mean is the share of right answers.",
    fails="rec-each, rec-none, rec-absent, rec-edges",
    says="the share of all right answers",
)
def micro(answers, labels, classes):
    return counted(answers, labels, classes), (answers == labels).float().mean().item()


@mistake(
    "The mean is divided by all classes.",
    fails="rec-absent, rec-edges",
    says="divided by all classes",
)
def by_all(answers, labels, classes):
    recalls = counted(answers, labels, classes)
    return recalls, recalls.nansum().item() / classes


@mistake("Precision.", fails=ALL, says="that is precision")
def precision(answers, labels, classes):
    shares = []
    for c in range(classes):
        hits = ((answers == c) & (labels == c)).sum().item()
        shares.append(
            hits / max(1, (answers == c).sum().item()) if (labels == c).any() else math.nan
        )
    recalls = torch.tensor(shares)
    return recalls, recalls.nanmean().item()


@mistake("Divided by all examples.", fails=ALL, says="number of all examples")
def by_examples(answers, labels, classes):
    shares = [
        ((answers == c) & (labels == c)).float().mean().item() if (labels == c).any() else math.nan
        for c in range(classes)
    ]
    recalls = torch.tensor(shares)
    return recalls, recalls.nanmean().item()


@mistake(
    "None is taken for the last class.",
    fails="rec-none, rec-edges",
    says="the last class",
)
def last_class(answers, labels, classes):
    confusion = torch.zeros(classes, classes)
    for label, answer in zip(labels.tolist(), answers.tolist()):
        confusion[label, answer] += 1
    recalls = confusion.diagonal() / confusion.sum(1)
    return recalls, recalls.nanmean().item()


@mistake(
    "None is no answer, so its example is left out.",
    fails="rec-none, rec-absent, rec-edges",
    says="were left out",
)
def left_out(answers, labels, classes):
    shares = []
    for c in range(classes):
        mine = labels == c
        said = mine & (answers >= 0)
        hits = (answers[said] == c).sum().item()
        shares.append(hits / max(1, said.sum().item()) if mine.any() else math.nan)
    recalls = torch.tensor(shares)
    return recalls, recalls.nanmean().item()


@mistake(
    "As many classes as labels show.", fails="rec-absent, rec-edges", says="a recall for each class"
)
def seen_classes(answers, labels, classes):
    return master(answers, labels, int(labels.max()) + 1)


@mistake(
    "Absent classes are left away.", fails="rec-absent, rec-edges", says="a recall for each class"
)
def away(answers, labels, classes):
    recalls = counted(answers, labels, classes)
    recalls = recalls[~recalls.isnan()]
    return recalls, recalls.mean().item()


@mistake("The mean of nan is nan.", fails="rec-absent, rec-edges", says="the mean is nan")
def mean_nan(answers, labels, classes):
    recalls = counted(answers, labels, classes)
    return recalls, recalls.mean().item()


@mistake("Only the recalls.", fails=ALL, says="wanted 2 values")
def alone(answers, labels, classes):
    return counted(answers, labels, classes)


@mistake("Mean first.", fails=ALL, says="wanted a torch tensor")
def exchanged(answers, labels, classes):
    return master(answers, labels, classes)[::-1]


@mistake("Hits, not shares.", fails=ALL, says="wanted floating-point")
def hits_only(answers, labels, classes):
    hits = torch.bincount(labels[answers == labels], minlength=classes)
    return hits, hits.float().mean().item()


@mistake("None is rewritten in place.", fails="rec-edges", says="changed its first argument")
def in_place(answers, labels, classes):
    answers[answers < 0] = classes
    return master(answers, labels, classes)


@mistake("The median class.", fails=ALL, says="the mean is")
def median(answers, labels, classes):
    recalls = counted(answers, labels, classes)
    return recalls, recalls.nanmedian().item() * 0.98


@mistake(
    "A class with nothing right has no recall.", fails="rec-none", says="none of them right, is nan"
)
def nothing_right(answers, labels, classes):
    recalls = counted(answers, labels, classes)
    recalls[recalls == 0] = math.nan
    return recalls, recalls.nanmean().item()


@mistake(
    "The mean over classes that are labels or answers.",
    fails="rec-absent",
    says="labels AND answers",
)
def seen_anywhere(answers, labels, classes):
    recalls = counted(answers, labels, classes)
    seen = set(labels.tolist()) | set(answers.tolist()) - {-1}
    return recalls, recalls.nansum().item() / len(seen)


@mistake("The recalls are a list.", fails="rec-edges", says="wanted a torch tensor")
def listed(answers, labels, classes):
    recalls, mean = master(answers, labels, classes)
    return recalls.tolist(), mean
