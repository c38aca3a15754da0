"""Right and wrong answers to absorb."""

import math

import numpy as np
import torch

from bank import mistake, right


@right("Einsums, sums in place of means, and one formula for both directions.")
def with_einsum(maxima, sums, scores):
    for column in scores.unbind(1):
        new = torch.maximum(maxima, column)
        safe = new.clamp(min=-3e38)
        sums = sums * (maxima - safe).exp() + (column - safe).exp()
        maxima = new
    return maxima, sums


@right("Plain Python loops over pairs.")
def loops(maxima, sums, scores):
    maxima, sums = maxima.tolist(), sums.tolist()
    for i, row in enumerate(scores.tolist()):
        for score in row:
            if score == -math.inf:
                continue
            if score > maxima[i]:
                sums[i] = sums[i] * math.exp(maxima[i] - score) + 1
                maxima[i] = score
            else:
                sums[i] += math.exp(score - maxima[i])
    return torch.tensor(maxima), torch.tensor(sums)


@right("As the solutions write them: torch's own functions, and NumPy for the gradients.")
def master(maxima, sums, scores):
    new = torch.maximum(maxima, scores.max(dim=1).values)
    shift = torch.where(new == -torch.inf, 0, new)
    old = sums * torch.exp(maxima - shift)
    return new, old + torch.exp(scores - shift[:, None]).sum(dim=1)


@right("Modules, optimisers, losses of torch.nn; lists and Parameters come back, float64 inside.")
def modules_and_optimizers(maxima, sums, scores):
    new = torch.cat([maxima[:, None], scores], dim=1).amax(dim=1)
    seen = new > -torch.inf
    maxima, sums = maxima.clone(), sums.clone()
    sums[seen] *= (maxima[seen] - new[seen]).exp_()
    sums[seen] += (scores[seen] - new[seen, None]).exp().sum(dim=1)
    maxima.copy_(new)
    return [maxima, sums]


@right("NumPy throughout, gradients of the whole step by hand.")
def numpy(maxima, sums, scores):
    with np.errstate(divide="ignore", invalid="ignore"):
        old = maxima.double().numpy() + np.log(sums.double().numpy())
        table = np.concatenate([old[:, None], scores.double().numpy()], axis=1)
        table[np.isnan(table)] = -np.inf
        new = np.maximum(maxima.numpy(), scores.numpy().max(1))
        terms = np.where(table == -np.inf, 0, np.exp(table - new[:, None]))
    return torch.from_numpy(new), torch.from_numpy(terms.sum(1))


@right("Ready-made pieces of torch: an optimiser, logsumexp, soft targets, one-hot labels.")
def torch_tools(maxima, sums, scores):
    block = scores.logsumexp(1)
    total = torch.logaddexp(maxima + sums.log(), block)
    new = torch.max(maxima, scores.amax(1))
    return new, (total - new).exp().nan_to_num(0.0)


@mistake(
    "Only the block at hand is there.",
    fails="absorb-next, absorb-many, absorb-large, absorb-left-out",
    says="(the second block has a larger maximum)",
)
def block_alone(maxima, sums, scores):
    new = scores.amax(1)
    shift = new.clamp(min=-1e30)
    return new, (scores - shift[:, None]).exp().sum(1)


@mistake(
    "The block is summed against its own maximum, not the common one.",
    fails="absorb-next, absorb-many, absorb-large, absorb-left-out",
    says="the sum of exp(score - maximum)",
)
def block_maximum(maxima, sums, scores):
    block = scores.amax(1).clamp(min=-1e30)
    new = torch.maximum(maxima, scores.amax(1))
    old = sums * (maxima - new.clamp(min=-1e30)).exp()
    return new, old + (scores - block[:, None]).exp().sum(1)


@mistake(
    "Writes the new state into the old one.",
    fails="absorb-left-out",
    says="its first argument: after the call it is not what was passed",
)
def in_place(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(1))
    seen = new > -torch.inf
    sums[seen] *= (maxima[seen] - new[seen]).exp()
    sums[seen] += (scores[seen] - new[seen, None]).exp().sum(1)
    maxima.copy_(new)
    return maxima, sums


@mistake(
    "-inf becomes the least float, which then counts as a score.",
    fails="absorb-left-out",
    says="the maxima are not the largest",
)
def large_number_for_infinity(maxima, sums, scores):
    scores = torch.nan_to_num(scores)
    new = torch.maximum(maxima, scores.amax(1))
    return new, sums * (maxima - new).exp() + (scores - new[:, None]).exp().sum(1)


@mistake(
    "The log of the sum in place of the maximum.",
    fails="absorb-first, absorb-next, absorb-large, absorb-left-out",
    says="the maxima are not the largest",
)
def log_of_all(maxima, sums, scores):
    total = torch.logaddexp(maxima + sums.log(), scores.logsumexp(1))
    return total, torch.ones_like(total)


@mistake(
    "The maximum is 0 at least.",
    fails="absorb-first, absorb-next, absorb-large, absorb-left-out",
    says="the maxima are not the largest",
)
def maximum_from_zero(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(1)).clamp(min=0)
    return new, sums * (maxima - new).exp() + (scores - new[:, None]).exp().sum(1)


@mistake(
    "The mean of each block is added.",
    fails="absorb-first, absorb-next, absorb-many, absorb-large, absorb-left-out",
    says="the sum of exp(score - maximum)",
)
def mean_for_sum(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(1))
    shift = new.clamp(min=-1e30)
    old = sums * (maxima - shift).exp()
    return new, old + (scores - shift[:, None]).exp().mean(1)


@mistake("-inf minus -inf.", fails="absorb-left-out", says="the sums hold nan")
def minus_infinity(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(1))
    return new, sums * (maxima - new).exp() + (scores - new[:, None]).exp().sum(1)


@mistake(
    "The old sum stays as it was against the old maximum.",
    fails="absorb-next, absorb-many, absorb-large, absorb-left-out",
    says="the sum of exp(score - maximum)",
)
def not_rescaled(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(1))
    shift = new.clamp(min=-1e30)
    return new, sums + (scores - shift[:, None]).exp().sum(1)


@mistake(
    "One maximum for all rows.",
    fails="absorb-first, absorb-next, absorb-large, absorb-left-out",
    says="the maxima are not the largest",
)
def one_maximum(maxima, sums, scores):
    new = torch.maximum(maxima, scores.max()).max().expand_as(maxima)
    return new, sums * (maxima - new).exp() + (scores - new[:, None]).exp().sum(1)


@mistake(
    "The largest of each column.",
    fails="absorb-first, absorb-next, absorb-many, absorb-large, absorb-left-out",
    says="RuntimeError",
)
def over_columns(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(0))
    return new, sums * (maxima - new).exp() + (scores - new).exp().sum(0)


@mistake(
    "The sum of exp(score), against no maximum.",
    fails="absorb-first, absorb-next, absorb-many, absorb-large, absorb-left-out",
    says="the sum of exp(score - maximum)",
)
def plain_sums(maxima, sums, scores):
    return torch.maximum(maxima, scores.amax(1)), sums + scores.exp().sum(1)


@mistake(
    "The factor is upside down.",
    fails="absorb-first, absorb-next, absorb-many, absorb-large, absorb-left-out",
    says="the sums hold nan",
)
def rescaled_wrongly(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(1))
    return new, sums * (new - maxima).exp() + (scores - new[:, None]).exp().sum(1)


@mistake(
    "A squeeze that takes the only row for an axis too many.",
    fails="absorb-next",
    says="(a single row)",
)
def squeezed(maxima, sums, scores):
    new = torch.maximum(maxima, scores.max(dim=1, keepdim=True).values.squeeze())
    new = new.squeeze()
    shift = torch.where(new == -torch.inf, 0, new)
    old = sums * torch.exp(maxima - shift)
    return new, old + torch.exp(scores - shift.reshape(-1, 1)).sum(dim=1)


@right("logaddexp of the two logarithms, and back.")
def by_logaddexp(maxima, sums, scores):
    old = maxima.double() + sums.double().log()
    whole = torch.logaddexp(old, scores.double().logsumexp(1))
    new = torch.maximum(maxima, scores.amax(1))
    return new, (whole - new.double()).exp().nan_to_num(0).to(sums.dtype)


@right("Column by column.")
def columns(maxima, sums, scores):
    m, s = maxima.clone(), sums.clone()
    for x in scores.unbind(1):
        new = torch.maximum(m, x)
        safe = new.clamp(min=-1e30)
        s = s * (m - safe).exp() + (x - safe).exp()
        m = new
    return m, s


@right("Rows in Python's own numbers.")
def python_rows(maxima, sums, scores):
    ms, ss = [], []
    for m, s, row in zip(maxima.tolist(), sums.tolist(), scores.tolist()):
        new = max([m, *row])
        if new == -math.inf:
            ms.append(m), ss.append(0.0)
            continue
        ms.append(new)
        ss.append(s * math.exp(m - new) + sum(math.exp(x - new) for x in row))
    return torch.tensor(ms), torch.tensor(ss)


@right("nan_to_num on the exponents.")
def nan_exponents(maxima, sums, scores):
    new = torch.cat([maxima[:, None], scores], 1).max(1)[0]
    e = lambda x: (x - new[:, None]).nan_to_num(-torch.inf, neginf=-torch.inf).exp()
    return new, sums * e(maxima[:, None])[:, 0] + e(scores).sum(1)


@right("In float64, returned as a list.")
def double_list(maxima, sums, scores):
    return list(columns(maxima.double(), sums.double(), scores.double()))


@mistake(
    "The factor is upside down.",
    fails="absorb-first, absorb-next, absorb-many, absorb-large, absorb-left-out",
    says="the sums hold nan",
)
def upside_down(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(1))
    return new, sums * (new - maxima).exp() + (scores - new[:, None]).exp().sum(1)


@mistake(
    "Only the latest block.",
    fails="absorb-next, absorb-many, absorb-large, absorb-left-out",
    says="the sum of exp(score - maximum) over",
)
def latest_only(maxima, sums, scores):
    new = scores.amax(1)
    return new, (scores - new[:, None]).exp().sum(1)


@mistake(
    "The log of the sums comes back.",
    fails="absorb-first, absorb-next, absorb-many, absorb-large, absorb-left-out",
    says="the sum of exp(score - maximum) over",
)
def logarithms(maxima, sums, scores):
    m, s = columns(maxima, sums, scores)
    return m, s.log()


@mistake(
    "Exchanged: sums first.",
    fails="absorb-first, absorb-next, absorb-many, absorb-large, absorb-left-out",
    says="the maxima are not the largest scores of each row so far",
)
def exchanged(maxima, sums, scores):
    return columns(maxima, sums, scores)[::-1]


@mistake(
    "A fill of -1e4 for what is left out.",
    fails="absorb-left-out",
    says="the maxima are not the largest scores of each row so far",
)
def tame_fill(maxima, sums, scores):
    return columns(maxima.clamp(min=-1e4), sums, scores.clamp(min=-1e4))


@mistake(
    "Whole numbers.",
    fails="absorb-first, absorb-next, absorb-many, absorb-large, absorb-left-out",
    says="the maxima are not the largest scores of each row so far",
)
def whole_numbers(maxima, sums, scores):
    return columns(maxima, sums, scores.round())


@mistake(
    "The sum of the maxima's row is left out.",
    fails="absorb-first, absorb-next, absorb-many, absorb-large, absorb-left-out",
    says="the sum of exp(score - maximum) over",
)
def without_the_largest(maxima, sums, scores):
    m, s = columns(maxima, sums, scores)
    return m, s - 1


@mistake(
    "One number a block: rows are added up.",
    fails="absorb-first, absorb-next, absorb-many, absorb-large, absorb-left-out",
    says="the sum of exp(score - maximum) over",
)
def rows_added(maxima, sums, scores):
    m, s = columns(maxima, sums, scores)
    return m, s.sum().expand_as(s)
