"""Right and wrong answers to outliers."""

import numpy as np
import torch

from bank import mistake, right


def by_median(lengths, factor):
    middle = lengths.quantile(0.5, dim=1, keepdim=True)
    typical = (lengths - middle).abs().quantile(0.5, dim=1, keepdim=True)
    return lengths > middle + factor * typical


@right("As the solutions write it.")
def master(tokens, factor):
    return by_median(tokens[:, 1:].norm(dim=2), factor)


@right("NumPy's median.")
def numpy(tokens, factor):
    lengths = np.linalg.norm(tokens[:, 1:].double().numpy(), axis=2)
    middle = np.median(lengths, axis=1, keepdims=True)
    typical = np.median(np.abs(lengths - middle), axis=1, keepdims=True)
    return torch.from_numpy(lengths > middle + factor * typical)


@right("Sorted by hand, picture by picture.")
def by_sorting(tokens, factor):
    def median(row):
        ordered = row.sort().values
        return (ordered[(len(row) - 1) // 2] + ordered[len(row) // 2]) / 2

    result = []
    for picture in tokens[:, 1:].double():
        lengths = (picture * picture).sum(-1).sqrt()
        middle = median(lengths)
        result.append((lengths - middle) / factor > median((lengths - middle).abs()))
    return torch.stack(result)


@right("The mean of torch's lower and upper median.")
def two_medians(tokens, factor):
    def median(x):
        return (x.median(1, keepdim=True).values - (-x).median(1, keepdim=True).values) / 2

    lengths = tokens.pow(2).sum(2).sqrt()[:, 1:]
    middle = median(lengths)
    return torch.gt(lengths, middle + factor * median((lengths - middle).abs()))


@mistake(
    "Mean and standard deviation.",
    fails="out-class, out-even, out-planted, out-threshold",
    says="this is mean and standard deviation",
)
def deviations(tokens, factor):
    lengths = tokens[:, 1:].norm(dim=2)
    limit = lengths.mean(1, keepdim=True) + factor * lengths.std(1, keepdim=True)
    return lengths > limit


@mistake(
    "Median and standard deviation.",
    fails="out-class, out-even, out-planted, out-threshold",
    says="outliers you miss",
)
def mixed(tokens, factor):
    lengths = tokens[:, 1:].norm(dim=2)
    limit = lengths.quantile(0.5, 1, keepdim=True) + factor * lengths.std(1, keepdim=True)
    return lengths > limit


@mistake(
    "The mean distance from the median.",
    fails="out-class, out-even, out-threshold",
    says="the MEAN of the distances was taken",
)
def mean_distance(tokens, factor):
    lengths = tokens[:, 1:].norm(dim=2)
    middle = lengths.quantile(0.5, 1, keepdim=True)
    return lengths > middle + factor * (lengths - middle).abs().mean(1, keepdim=True)


@mistake(
    "factor times the median, no spread.",
    fails="out-class, out-even, out-threshold",
    says="outliers you miss",
)
def of_the_median(tokens, factor):
    lengths = tokens[:, 1:].norm(dim=2)
    return lengths > factor * lengths.quantile(0.5, 1, keepdim=True)


@mistake(
    "torch.median: the lower of two middle ones.",
    fails="out-even",
    says="of two middle numbers the lower",
)
def lower_median(tokens, factor):
    lengths = tokens[:, 1:].norm(dim=2)
    middle = lengths.median(1, keepdim=True).values
    return lengths > middle + factor * (lengths - middle).abs().median(1, keepdim=True).values


@mistake(
    "The length over the tokens.",
    fails="out-class, out-even, out-planted, out-threshold",
    says="wanted",
)
def over_tokens(tokens, factor):
    return by_median(tokens[:, 1:].norm(dim=1), factor)


@mistake(
    "The class token takes part in the medians.",
    fails="out-class, out-even, out-threshold",
    says="the class token takes part",
)
def class_counts(tokens, factor):
    return by_median(tokens.norm(dim=2), factor)[:, 1:]


@mistake(
    "The class token is marked too.",
    fails="out-class, out-even, out-planted, out-threshold",
    says="the patches without the class token",
)
def class_marked(tokens, factor):
    return by_median(tokens.norm(dim=2), factor)


@mistake(
    "The last token is left out, not the first.",
    fails="out-class, out-even, out-planted, out-threshold",
    says="outliers you miss",
)
def wrong_end(tokens, factor):
    return by_median(tokens[:, :-1].norm(dim=2), factor)


@mistake(
    "One threshold for the batch.",
    fails="out-class, out-even, out-threshold",
    says="one threshold was taken for all",
)
def of_the_batch(tokens, factor):
    lengths = tokens[:, 1:].norm(dim=2)
    return by_median(lengths.reshape(1, -1), factor).reshape(lengths.shape)


@mistake(
    "Longer than 150.",
    fails="out-class, out-even, out-planted, out-threshold",
    says="outliers you miss",
)
def absolute(tokens, factor):
    return tokens[:, 1:].norm(dim=2) > 150


@mistake(
    "Short tokens too.",
    fails="out-class, out-even, out-threshold",
    says="short tokens are marked as well",
)
def both_sides(tokens, factor):
    lengths = tokens[:, 1:].norm(dim=2)
    middle = lengths.quantile(0.5, 1, keepdim=True)
    away = (lengths - middle).abs()
    return away > factor * away.quantile(0.5, 1, keepdim=True)


@mistake(
    "The distance times 1.4826, as for a normal distribution.",
    fails="out-class, out-even, out-threshold",
    says="you miss",
)
def scaled(tokens, factor):
    return master(tokens, 1.4826 * factor)


@mistake(
    "Sums of absolute values as lengths.",
    fails="out-class, out-even, out-threshold",
    says="outliers you miss",
)
def absolute_sums(tokens, factor):
    return by_median(tokens[:, 1:].abs().sum(dim=2), factor)


@mistake(
    "The factor is always 10.", fails="out-class, out-even, out-threshold", says="outliers you miss"
)
def fixed_factor(tokens, factor):
    return master(tokens, 10.0)


@mistake("Squared lengths.", fails="out-class, out-even, out-threshold", says="outliers you miss")
def squared(tokens, factor):
    return by_median(tokens[:, 1:].pow(2).sum(dim=2), factor)


@mistake(
    "Ones and zeros.",
    fails="out-class, out-even, out-planted, out-threshold",
    says="wanted torch.bool",
)
def numbers(tokens, factor):
    return master(tokens, factor).float()


@mistake(
    "The places, not a mark for each.",
    fails="out-class, out-even, out-planted, out-threshold",
    says="wanted",
)
def places(tokens, factor):
    return master(tokens, factor).nonzero()


@mistake(
    "The ordinary ones are marked.",
    fails="out-class, out-even, out-planted, out-threshold",
    says="you mark",
)
def the_others(tokens, factor):
    return ~master(tokens, factor)


@mistake("The class token is overwritten.", fails="out-class", says="changed its first argument")
def in_place(tokens, factor):
    tokens[:, 0] = 0
    return master(tokens, factor)


@mistake("At the threshold counts too.", fails="out-threshold", says="EQUALS the threshold")
def at_least(tokens, factor):
    lengths = tokens[:, 1:].norm(dim=2)
    middle = lengths.quantile(0.5, dim=1, keepdim=True)
    typical = (lengths - middle).abs().quantile(0.5, dim=1, keepdim=True)
    return lengths >= middle + factor * typical


@mistake(
    "Shorter ones count as at distance 0.",
    fails="out-class, out-even, out-planted, out-threshold",
    says="wanted absolute distances",
)
def clamped(tokens, factor):
    lengths = tokens[:, 1:].norm(dim=2)
    middle = lengths.quantile(0.5, dim=1, keepdim=True)
    typical = (lengths - middle).clamp(min=0).quantile(0.5, dim=1, keepdim=True)
    return lengths > middle + factor * typical


@mistake("The factor as a whole number.", fails="out-class, out-even", says="cut to a whole number")
def whole_factor(tokens, factor):
    return master(tokens, int(factor))


@mistake("1e-6 is added to the median distance.", fails="out-class", says="adds a small number")
def added(tokens, factor):
    lengths = tokens[:, 1:].norm(dim=2)
    middle = lengths.quantile(0.5, dim=1, keepdim=True)
    typical = (lengths - middle).abs().quantile(0.5, dim=1, keepdim=True) + 1e-6
    return lengths > middle + factor * typical


@mistake("Through float32.", fails="out-class", says="outliers you miss")
def single(tokens, factor):
    return master(tokens.float(), factor)


@mistake(
    "The median distance from the mean length.",
    fails="out-class, out-even, out-planted, out-threshold",
    says="the MEAN of the lengths was taken for their median",
)
def from_the_mean(tokens, factor):
    lengths = tokens[:, 1:].norm(dim=2)
    middle = lengths.mean(dim=1, keepdim=True)
    typical = (lengths - middle).abs().quantile(0.5, dim=1, keepdim=True)
    return lengths > middle + factor * typical
