"""Right and wrong answers to examples_to_match."""

import itertools
import math

import numpy as np
import torch

from bank import mistake, right


@right("As the solutions write it.")
def master(curve, zero_shot):
    points = sorted(curve.items())
    if points[0][1] >= zero_shot:
        return float(points[0][0])
    for (k0, low), (k1, high) in itertools.pairwise(points):
        if high >= zero_shot:
            part = (zero_shot - low) / (high - low)
            return math.exp(math.log(k0) + part * (math.log(k1) - math.log(k0)))
    return math.inf


@right("np.interp between the two neighbours alone; NumPy's inf.")
def two_neighbours(curve, zero_shot):
    ks = np.array(sorted(curve))
    shares = np.array([curve[k] for k in ks])
    reached = np.flatnonzero(shares >= zero_shot)
    if not len(reached):
        return np.inf
    first = reached[0]
    if first == 0:
        return int(ks[0])
    pair = slice(first - 1, first + 1)
    return np.exp2(np.interp(zero_shot, shares[pair], np.log2(ks[pair])))


@right("Powers of k in place of logarithms; a while loop.")
def by_powers(curve, zero_shot):
    ks, place = sorted(curve), 0
    while place < len(ks) and curve[ks[place]] < zero_shot:
        place += 1
    if place == len(ks):
        return float("inf")
    if place == 0:
        return ks[0]
    low, high = ks[place - 1], ks[place]
    part = (zero_shot - curve[low]) / (curve[high] - curve[low])
    return low ** (1 - part) * high**part


@right("In torch, base 10; a tensor of one.")
def in_torch(curve, zero_shot):
    pairs = torch.tensor(sorted(curve.items()), dtype=torch.float64)
    x, y = pairs[:, 0].log10(), pairs[:, 1]
    above = (y >= zero_shot).tolist()
    if True not in above:
        return torch.tensor(math.inf)
    i = above.index(True)
    if i == 0:
        return 10 ** x[0]
    return 10 ** torch.lerp(x[i - 1], x[i], (zero_shot - y[i - 1]) / (y[i] - y[i - 1]))


def neighbours(curve, zero_shot):
    for (k0, low), (k1, high) in itertools.pairwise(sorted(curve.items())):
        if low >= zero_shot:
            return None
        if high >= zero_shot:
            return k0, k1, (zero_shot - low) / (high - low)
    return None


def between(curve, zero_shot, change):
    found = neighbours(curve, zero_shot)
    return master(curve, zero_shot) if found is None else change(*found)


BETWEEN = "match-between, match-wavy, match-edges"


@mistake("A line over k.", fails=BETWEEN, says="the line was drawn over k")
def linear(curve, zero_shot):
    return between(curve, zero_shot, lambda a, b, part: a + part * (b - a))


@mistake("log k comes back.", fails=BETWEEN, says="this is log k")
def still_log(curve, zero_shot):
    return between(curve, zero_shot, lambda a, b, part: math.log(a) + part * math.log(b / a))


@mistake(
    "The next measured k.", fails="match-between, match-wavy, match-edges", says="next measured k"
)
def next_k(curve, zero_shot):
    return between(curve, zero_shot, lambda a, b, part: b)


@mistake("The k before.", fails=BETWEEN, says="the k below")
def k_before(curve, zero_shot):
    return between(curve, zero_shot, lambda a, b, part: a)


@mistake("Rounded.", fails=BETWEEN, says="k was rounded")
def rounded(curve, zero_shot):
    return between(curve, zero_shot, lambda a, b, part: round(a * (b / a) ** part))


@mistake("1 where the smallest k is enough.", fails="match-first, match-wavy", says="1 came back")
def one(curve, zero_shot):
    return 1 if curve[min(curve)] >= zero_shot else master(curve, zero_shot)


@mistake("0 where the smallest k is enough.", fails="match-first, match-wavy", says="0 came back")
def zero(curve, zero_shot):
    return 0 if curve[min(curve)] >= zero_shot else master(curve, zero_shot)


@mistake(
    "The largest k where it is never reached.",
    fails="match-never",
    says="the largest k came back",
)
def largest(curve, zero_shot):
    return max(curve) if max(curve.values()) < zero_shot else master(curve, zero_shot)


@mistake(
    "The last piece drawn on where it is never reached.",
    fails="match-never",
    says="never reaches the level",
)
def drawn_on(curve, zero_shot):
    points = sorted(curve.items())
    if max(curve.values()) >= zero_shot:
        return master(curve, zero_shot)
    if len(points) == 1:
        return points[0][0] * 2.0
    (k0, low), (k1, high) = points[-2:]
    return k0 * (k1 / k0) ** abs((zero_shot - low) / (high - low))


@mistake(
    "None where it is never reached.",
    fails="match-never",
    says="returned None",
)
def none(curve, zero_shot):
    found = master(curve, zero_shot)
    return None if math.isinf(found) else found


@mistake(
    "-1 where it is never reached.",
    fails="match-never",
    says="wanted math.inf",
)
def minus_one(curve, zero_shot):
    found = master(curve, zero_shot)
    return -1 if math.isinf(found) else found


@mistake("The last crossing.", fails="match-wavy", says="the LAST crossing")
def last_crossing(curve, zero_shot):
    points = sorted(curve.items())
    for (k0, low), (k1, high) in reversed(list(itertools.pairwise(points))):
        if low < zero_shot <= high:
            return k0 * (k1 / k0) ** ((zero_shot - low) / (high - low))
    return master(curve, zero_shot)


@mistake(
    "The order of the dictionary.", fails="match-wavy", says="in the order in which they stand"
)
def as_they_stand(curve, zero_shot):
    points = list(curve.items())
    if points[0][1] >= zero_shot:
        return float(points[0][0])
    for (k0, low), (k1, high) in itertools.pairwise(points):
        if high >= zero_shot:
            part = (zero_shot - low) / (high - low)
            return math.exp(math.log(k0) + part * (math.log(k1) - math.log(k0)))
    return math.inf


@mistake("Shares sorted by themselves.", fails="match-wavy", says="the shares were sorted as well")
def both_sorted(curve, zero_shot):
    return master(dict(zip(sorted(curve), sorted(curve.values()))), zero_shot)


@mistake("Above, not at least.", fails="match-first, match-edges", says="wanted")
def above(curve, zero_shot):
    return (
        master(curve, math.nextafter(zero_shot, 2))
        if zero_shot not in curve.values()
        else (master(curve, zero_shot + 1e-3))
    )


@mistake(
    "A list comes back.",
    fails="match-between, match-first, match-never, match-wavy, match-edges",
    says="wanted one number",
)
def as_list(curve, zero_shot):
    return [master(curve, zero_shot)]


@mistake("The curve is emptied.", fails="match-edges", says="changed its first argument")
def emptied(curve, zero_shot):
    found = master(curve, zero_shot)
    curve.pop(min(curve))
    return found


@mistake(
    "Any two neighbours with a difference are divided, equal ones too.",
    fails="match-edges",
    says="ZeroDivisionError",
)
def divides_first(curve, zero_shot):
    points = sorted(curve.items())
    if points[0][1] >= zero_shot:
        return float(points[0][0])
    for (k0, low), (k1, high) in itertools.pairwise(points):
        part = (zero_shot - low) / (high - low)
        if high >= zero_shot:
            return k0 * (k1 / k0) ** part
    return math.inf


def pieces(curve, zero_shot, down=False):
    for (k0, low), (k1, high) in itertools.pairwise(sorted(curve.items())):
        if low < zero_shot <= high or (down and low > zero_shot >= high):
            return k0 * (k1 / k0) ** ((zero_shot - low) / (high - low))
    return math.inf


@mistake("Any crossing, also downward.", fails="match-wavy", says="falls through the level there")
def any_crossing(curve, zero_shot):
    found = pieces(curve, zero_shot, down=True)
    return master(curve, zero_shot) if math.isinf(found) else found


@mistake(
    "The smallest k only where no share is below the level.",
    fails="match-wavy",
    says="at its smallest k, and then falls",
)
def below_all(curve, zero_shot):
    if zero_shot <= min(curve.values()):
        return min(curve)
    return pieces(curve, zero_shot)


@mistake("The largest share so far.", fails="match-wavy", says="the largest up to it")
def best_so_far(curve, zero_shot):
    ks = sorted(curve)
    best = np.maximum.accumulate([curve[k] for k in ks]).tolist()
    return master(dict(zip(ks, best)), zero_shot)


@mistake("The last share decides.", fails="match-wavy", says="the last share is below the level")
def by_the_last(curve, zero_shot):
    if curve[max(curve)] < zero_shot:
        return math.inf
    return master(curve, zero_shot)


@mistake("np.interp over shares that fall.", fails="match-wavy", says="wants shares that rise")
def interp(curve, zero_shot):
    ks = sorted(curve)
    shares = [curve[k] for k in ks]
    if shares[0] >= zero_shot:
        return ks[0]
    if max(shares) < zero_shot:
        return math.inf
    return math.exp(np.interp(zero_shot, shares, np.log(ks)))


@mistake("nan where it is never reached.", fails="match-never", says="returned nan")
def not_a_number(curve, zero_shot):
    found = master(curve, zero_shot)
    return math.nan if math.isinf(found) else found


@mistake(
    "The chapter's crossing: nothing comes back where none is found.",
    fails="match-first, match-never, match-wavy",
    says=("returned None, wanted one number: 3", "returned None, wanted one number: inf"),
)
def crossing_alone(curve, zero_shot):
    points = sorted(curve.items())
    for (low, at_low), (high, at_high) in itertools.pairwise(points):
        if at_low < zero_shot <= at_high:
            return low * (high / low) ** ((zero_shot - at_low) / (at_high - at_low))
    return None
