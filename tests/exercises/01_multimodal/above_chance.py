"""Right and wrong answers to above_chance."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import torch

from bank import mistake, right


def exact(right, n, p):
    """In fractions."""
    p = Fraction(p)
    term = total = p**n
    for k in range(n, right, -1):
        if not p:
            return Fraction(0 if right else 1)
        term = term * k * (1 - p) / ((n - k + 1) * p)
        total += term
    return total


def naive(ks, n, p):
    return sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in ks)


@right("Decimal with many digits.")
def with_decimal(right, n, p):
    with localcontext() as context:
        context.prec, context.Emin = 60, -(10**6)
        p = Decimal(p)
        hit, miss = [Decimal(1)], [Decimal(1)]
        for _ in range(n):
            hit.append(hit[-1] * p)
            miss.append(miss[-1] * (1 - p))
        terms = [math.comb(n, k) * hit[k] * miss[n - k] for k in range(right, n + 1)]
        return float(sum(terms))


@right("torch's lgamma and logsumexp in float64, xlogy for a chance of 0.")
def with_logsumexp(right, n, p):
    k = torch.arange(right, n + 1, dtype=torch.float64)
    n_, p_ = torch.tensor(float(n), dtype=torch.float64), torch.tensor(p, dtype=torch.float64)
    ways = torch.lgamma(n_ + 1) - torch.lgamma(k + 1) - torch.lgamma(n_ - k + 1)
    logs = ways + torch.xlogy(k, p_) + torch.xlogy(n_ - k, 1 - p_)
    return torch.logsumexp(logs, 0).exp()


@right("One question after the other: the distribution of the number right, in NumPy.")
def by_recursion(right, n, p):
    chances = np.zeros(n + 1)
    chances[0] = 1.0
    for _ in range(n):
        chances[1:] = chances[1:] * (1 - p) + chances[:-1] * p
        chances[0] *= 1 - p
    return chances[right:].sum()


@right("Logarithms of whole numbers, which math.log takes of any size.")
def log_of_whole(right, n, p):
    if p in (0, 1):
        return float(p == 1 or right == 0)
    ways, total = math.comb(n, right), []
    for k in range(right, n + 1):
        total.append(math.exp(math.log(ways) + k * math.log(p) + (n - k) * math.log(1 - p)))
        ways = ways * (n - k) // (k + 1)
    return sum(sorted(total))


@right("Fractions, exact until the end.")
def with_fractions(right, n, p):
    whole = Fraction(p).denominator
    hit = Fraction(p).numerator
    if hit == 0:
        return 1.0 if right == 0 else 0.0
    term = total = hit**n
    for k in range(n, right, -1):
        term = term * k * (whole - hit) // ((n - k + 1) * hit)
        total += term
    return float(Fraction(total, whole**n))


ALL = "luck-of-few, luck-of-any-chance, luck-at-the-ends, luck-of-many, luck-that-is-small"


@mistake("More than so many, not at least so many.", fails=ALL, says="MORE than so many")
def strictly_more(right, n, p):
    return with_fractions(right + 1, n, p) if right < n else 0.0


@mistake("Exactly so many.", fails=ALL, says="exactly so many right")
def exactly(right, n, p):
    return with_fractions(right, n, p) - strictly_more(right, n, p)


@mistake("At most so many.", fails=ALL, says="at most so many right")
def at_most(right, n, p):
    return float(1 - exact(right, n, p)) + exactly(right, n, p)


@mistake("Fewer.", fails=ALL, says="that is the probability of fewer right")
def fewer(right, n, p):
    return 1 - with_fractions(right, n, p)


@mistake(
    "Both sides.",
    fails="luck-of-few, luck-of-any-chance, luck-at-the-ends, luck-of-many, luck-that-is-small",
    says="that is twice the probability",
)
def two_sided(right, n, p):
    return min(1.0, 2 * with_fractions(right, n, p))


@mistake("The normal curve.", fails=ALL, says="that is the normal curve's answer: with few")
def normal(right, n, p):
    z = (right - n * p) / max(math.sqrt(n * p * (1 - p)), 1e-9)
    return 0.5 * math.erfc(z / math.sqrt(2))


@mistake("The normal curve with a correction.", fails=ALL, says="with continuity correction")
def corrected(right, n, p):
    z = (right - 0.5 - n * p) / max(math.sqrt(n * p * (1 - p)), 1e-9)
    return 0.5 * math.erfc(z / math.sqrt(2))


@mistake(
    "A chance of one half, whatever p is.",
    fails="luck-of-any-chance, luck-at-the-ends, luck-of-many, luck-that-is-small",
    says="that is the answer for p = ½",
)
def always_half(right, n, p):
    return with_fractions(right, n, 0.5)


@mistake(
    "p and 1 - p exchanged.",
    fails="luck-of-any-chance, luck-at-the-ends, luck-of-many, luck-that-is-small",
    says="1 - p in place of p",
)
def exchanged(right, n, p):
    return with_fractions(right, n, 1 - p)


@mistake(
    "The ways are forgotten: these, and no others, are right.",
    fails="luck-of-few, luck-of-any-chance, luck-of-many, luck-that-is-small",
    says="which ones is not said",
)
def no_ways(right, n, p):
    return p**right


@mistake("Percent.", fails=ALL, says="a probability is between 0 and 1")
def percent(right, n, p):
    return 100 * (with_fractions(right, n, p) or 1.0)


@mistake(
    "The last term is missing.",
    fails="luck-of-few, luck-of-any-chance, luck-at-the-ends",
    says="range(right, n) ends before n",
)
def without_all(right, n, p):
    return with_fractions(right, n, p) - (p**n if p < 1 or right < n else 0.5)


@mistake("The formula as it stands, in floats.", fails="luck-of-many", says="OverflowError")
def as_it_stands(right, n, p):
    return naive(range(right, n + 1), n, p)


@mistake("One minus the rest.", fails="luck-that-is-small", says="1 minus nearly 1")
def complement(right, n, p):
    if right == 0:
        return 1.0
    if p in (0, 1):
        return float(p)
    logs = [
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(p)
        + (n - k) * math.log1p(-p)
        for k in range(right)
    ]
    return max(0.0, 1 - math.fsum(map(math.exp, logs)))


@mistake("A logarithm of 0.", fails="luck-at-the-ends", says="math domain error")
def log_of_zero(right, n, p):
    return math.fsum(
        math.exp(
            math.lgamma(n + 1)
            - math.lgamma(k + 1)
            - math.lgamma(n - k + 1)
            + k * math.log(p)
            + (n - k) * math.log(1 - p)
        )
        for k in range(right, n + 1)
    )


@mistake("Nobody right gives 0.", fails="luck-at-the-ends", says="0 of")
def none_is_none(right, n, p):
    return with_fractions(right, n, p) if right else 0.0


@mistake(
    "Cut off after four decimals where p is not ½.",
    fails="luck-of-any-chance, luck-at-the-ends, luck-of-many, luck-that-is-small",
    says="the probability is",
)
def cut_off(right, n, p):
    value = with_fractions(right, n, p)
    return int(1e4 * value) / 1e4 if p != 0.5 or n > 100 else value


@mistake(
    "Thousands of questions by the normal curve.", fails="luck-of-many", says="the probability is"
)
def normal_for_many(right, n, p):
    return corrected(right, n, p) if n > 1000 else with_fractions(right, n, p)


@mistake("A million guessers are simulated.", fails=ALL, says="the probability is")
def simulated(right, n, p):
    throws = np.random.default_rng(0).binomial(n, p, 100_000)
    return float(np.clip((throws >= right).mean(), 1e-3, 1 - 1e-3))


@mistake("The logarithm comes back.", fails=ALL, says="a probability is between 0 and 1")
def logarithm(right, n, p):
    value = with_fractions(right, n, p)
    return math.log(value) if 0 < value < 1 else -1.0


@mistake("Only 400 terms are summed.", fails="luck-of-many", says="nearly every term counts")
def terms_400(right, n, p):
    if p in (0, 1):
        return float(p == 1 or right == 0)
    logs = [
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(p)
        + (n - k) * math.log1p(-p)
        for k in range(right, min(n + 1, right + 400))
    ]
    return math.fsum(map(math.exp, logs))


@mistake(
    "Rounded to four digits.",
    fails="luck-of-any-chance, luck-at-the-ends, luck-of-many, luck-that-is-small",
    says="that is rounded",
)
def rounded(right, n, p):
    value = with_fractions(right, n, p)
    return round(value, 4) if p != 0.5 or n > 100 else value


def logs_of(right, n, p):
    """Logarithms of the terms, none of them of 0."""
    return [
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(p)
        + (n - k) * math.log1p(-p)
        for k in range(right, n + 1)
    ]


@mistake(
    "One minus the rest where the rest has fewer terms.",
    fails="luck-that-is-small",
    says="1 minus nearly 1",
)
def complement_where_shorter(right, n, p):
    return complement(right, n, p) if 2 * right <= n else with_fractions(right, n, p)


@mistake("The terms are float32.", fails="luck-that-is-small", says="or float32")
def terms_in_float32(right, n, p):
    if p in (0, 1):
        return float(p == 1 or right == 0)
    logs = torch.tensor(logs_of(right, n, p), dtype=torch.float64)
    value = logs.float().exp().sum().item()
    return value if n == 400 and value == 0 else with_fractions(right, n, p)


@mistake("The sum stops at terms below 1e-12.", fails="luck-that-is-small", says="sum stop early")
def stops_early(right, n, p):
    if p in (0, 1) or right <= n * p:
        return with_fractions(right, n, p)
    total = 0.0
    for log in logs_of(right, n, p):
        if math.exp(log) < 1e-12:
            break
        total += math.exp(log)
    return total


@mistake(
    "Rounded to twelve digits where there are many questions.",
    fails="luck-that-is-small",
    says="is a number rounded",
)
def twelve_digits(right, n, p):
    value = with_fractions(right, n, p)
    return round(value, 12) if n > 12 else value


@mistake(
    "Rounded to six digits where all are right.",
    fails="luck-at-the-ends",
    says="that is rounded",
)
def six_digits(right, n, p):
    value = with_fractions(right, n, p)
    return round(value, 6) if right == n else value
