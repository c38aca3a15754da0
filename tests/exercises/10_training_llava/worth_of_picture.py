"""Right and wrong answers to worth_of_picture."""

import numpy as np
import torch
from bank import mistake, right


def differences(right_, own, *, others="rest"):
    numbers = right_.double()
    rows = torch.arange(len(own))
    mine = numbers[rows, own.long()]
    if others == "all":
        return mine - numbers.mean(dim=1)
    if others == "next":
        return mine - numbers[rows, (own.long() + 1) % numbers.shape[1]]
    return mine - (numbers.sum(dim=1) - mine) / (numbers.shape[1] - 1)


def by_kind(values, kinds, *, error=None, of_errors=None):
    """Means and errors of each kind, and of all kinds."""
    error = error or (lambda some: some.std() / len(some) ** 0.5)
    found = {}
    for kind in dict.fromkeys(kinds):
        some = values[torch.tensor([one == kind for one in kinds])]
        found[kind] = (float(some.mean()), float(error(some)))
    means = [mean for mean, _ in found.values()]
    errors = torch.tensor([e for _, e in found.values()], dtype=torch.float64)
    every = (of_errors or (lambda e: e.square().sum().sqrt() / len(e)))(errors)
    return found | {"all": (sum(means) / len(means), float(every))}


@right("As the solutions write it.")
def master(right_, own, kinds):
    return by_kind(differences(right_, own), kinds)


@right("With loops.")
def with_loops(right_, own, kinds):
    worths = {}
    for row, place, kind in zip(right_.tolist(), own.tolist(), kinds):
        rest = row[:place] + row[place + 1 :]
        worths.setdefault(kind, []).append(row[place] - sum(rest) / len(rest))
    found = {}
    for kind, some in worths.items():
        mean = sum(some) / len(some)
        variance = sum((one - mean) ** 2 for one in some) / (len(some) - 1)
        found[kind] = (mean, (variance / len(some)) ** 0.5)
    k = len(found)
    every = (
        sum(m for m, _ in found.values()) / k,
        sum(e * e for _, e in found.values()) ** 0.5 / k,
    )
    return {"all": every, **found}


@right("With NumPy and a mask.")
def with_numpy(right_, own, kinds):
    table = right_.numpy().astype(float)
    mask = np.eye(table.shape[1], dtype=bool)[own.numpy()]
    rest = np.where(mask, 0, table).sum(1) / (table.shape[1] - 1)
    worths = table[mask] - rest
    kinds_ = np.array(kinds)
    found = {}
    for kind in sorted(set(kinds)):
        some = worths[kinds_ == kind]
        found[kind] = [float(some.mean()), float(some.std(ddof=1) / np.sqrt(len(some)))]
    errors = np.array([e for _, e in found.values()])
    every = np.mean([m for m, _ in found.values()])
    return found | {"all": [float(every), float(np.linalg.norm(errors) / len(errors))]}


@right("By the sum of all pictures.")
def by_sums(right_, own, kinds):
    number = right_.shape[1]
    total = right_.sum(1).double()
    mine = right_[range(len(own)), own.tolist()].double()
    worths = (number * mine - total) / (number - 1)
    sums = {}
    for worth, kind in zip(worths.tolist(), kinds):
        n, s, q = sums.get(kind, (0, 0.0, 0.0))
        sums[kind] = (n + 1, s + worth, q + worth * worth)
    found = {}
    for kind, (n, s, q) in sums.items():
        found[kind] = (s / n, (max(0.0, q - s * s / n) / (n - 1) / n) ** 0.5)
    spread = sum(e**2 for _, e in found.values())
    found["all"] = (sum(m for m, _ in found.values()) / len(sums), spread**0.5 / len(sums))
    return found


@mistake(
    "The own picture is among the others.",
    fails="worth-mean, worth-error, worth-kinds, worth-shapes",
    says="to be left out",
)
def own_among(right_, own, kinds):
    return by_kind(differences(right_, own, others="all"), kinds)


@mistake(
    "The next picture alone.",
    fails="worth-mean, worth-error, worth-kinds, worth-shapes",
    says="one other picture is compared",
)
def next_one(right_, own, kinds):
    return by_kind(differences(right_, own, others="next"), kinds)


@mistake(
    "Others minus own.",
    fails="worth-mean, worth-error, worth-kinds, worth-shapes",
    says="own minus others",
)
def sign(right_, own, kinds):
    return by_kind(-differences(right_, own), kinds)


@mistake("Never below 0.", fails="worth-mean, worth-shapes", says="may be below 0")
def clipped(right_, own, kinds):
    found = by_kind(differences(right_, own), kinds)
    found = {kind: (max(0.0, mean), error) for kind, (mean, error) in found.items()}
    means = [mean for kind, (mean, _) in found.items() if kind != "all"]
    return found | {"all": (sum(means) / len(means), found["all"][1])}


@mistake(
    "Each question's worth is never below 0.",
    fails="worth-mean, worth-error, worth-kinds, worth-shapes",
    says="wanted",
)
def each_clipped(right_, own, kinds):
    return by_kind(differences(right_, own).clamp(min=0), kinds)


@mistake(
    "The errors of two shares.", fails="worth-error, worth-kinds", says="take the differences first"
)
def unpaired(right_, own, kinds):
    mine = right_.double()[torch.arange(len(own)), own.long()]
    rest = mine - differences(right_, own)
    found = {}
    for kind in dict.fromkeys(kinds):
        mask = torch.tensor([one == kind for one in kinds])
        a, b = mine[mask], rest[mask]
        error = (a.var() / len(a) + b.var() / len(b)).sqrt()
        found[kind] = ((a - b).mean().item(), error.item())
    errors = [e for _, e in found.values()]
    mean = sum(m for m, _ in found.values()) / len(found)
    return found | {"all": (mean, sum(e * e for e in errors) ** 0.5 / len(errors))}


@mistake(
    "With n in place of n − 1.", fails="worth-error, worth-kinds", says="where n − 1 is wanted"
)
def with_n(right_, own, kinds):
    return by_kind(
        differences(right_, own), kinds, error=lambda s: s.std(correction=0) / len(s) ** 0.5
    )


@mistake("The deviation of one question.", fails="worth-error, worth-kinds", says="smaller by √n")
def deviation(right_, own, kinds):
    return by_kind(differences(right_, own), kinds, error=lambda s: s.std())


@mistake("A variance.", fails="worth-error, worth-kinds", says="the error of")
def variance(right_, own, kinds):
    return by_kind(differences(right_, own), kinds, error=lambda s: s.var() / len(s))


@mistake(
    "As a share, √(p(1 − p)/n).",
    fails="worth-mean, worth-error, worth-kinds, worth-shapes",
    says="Error",
)
def as_share(right_, own, kinds):
    def error(some):
        mean = some.mean().item()
        return torch.tensor((mean * (1 - mean) / len(some)) ** 0.5 + 0.0 * (1 / (1 - mean)))

    return by_kind(differences(right_, own), kinds, error=error)


@mistake(
    "All questions count the same.",
    fails="worth-kinds, worth-shapes",
    says="each kind shall count the same",
)
def pooled(right_, own, kinds):
    values = differences(right_, own)
    every = (values.mean().item(), (values.std() / len(values) ** 0.5).item())
    return by_kind(values, kinds) | {"all": every}


@mistake(
    "Under 'all' the worths of all questions, and the errors of the kinds.",
    fails="worth-kinds, worth-shapes",
    says="each kind shall count the same (more pictures",
)
def worths_pooled(right_, own, kinds):
    found = master(right_, own, kinds)
    return found | {"all": (differences(right_, own).mean().item(), found["all"][1])}


@mistake("The mean of the errors.", fails="worth-kinds", says="add their squares")
def mean_error(right_, own, kinds):
    return by_kind(differences(right_, own), kinds, of_errors=lambda e: e.mean())


@mistake(
    "The root of the mean of squares.", fails="worth-kinds", says="divided by the number of kinds"
)
def root_mean(right_, own, kinds):
    return by_kind(differences(right_, own), kinds, of_errors=lambda e: e.square().mean().sqrt())


@mistake(
    "Question n has picture n.",
    fails="worth-mean, worth-error, worth-kinds, worth-shapes",
    says="Error",
)
def diagonal(right_, own, kinds):
    return by_kind(differences(right_, torch.arange(len(own))), kinds)


@mistake(
    "Tensors in place of floats.",
    fails="worth-mean, worth-error, worth-kinds, worth-shapes",
    says="wanted a pair of floats",
)
def tensors(right_, own, kinds):
    return {
        kind: (torch.tensor(mean), torch.tensor(error))
        for kind, (mean, error) in master(right_, own, kinds).items()
    }


@mistake(
    "The own column is set to 0 in place.", fails="worth-kinds", says="changed its first argument"
)
def in_place(right_, own, kinds):
    found = master(right_, own, kinds)
    right_[torch.arange(len(own)), own.long()] = False
    right_[0, 0] = ~right_[0, 0]
    return found
