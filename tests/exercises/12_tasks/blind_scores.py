"""Right and wrong answers to blind_scores."""

import collections
import fractions
import math
import random

import numpy as np
import torch

from bank import mistake, right


def fits(said, answer):
    return 20 * abs(said - answer) <= answer


def constant(answers, rule=fits):
    return max(sorted(set(answers)), key=lambda c: sum(rule(c, a) for a in answers))


def of_kind(items, kind):
    return [answer for other, answer in items if other == kind]


def scores(train, test, *, choose=constant, rule=fits):
    everything = [answer for _, answer in train]
    found, hits = {}, []
    for kind in dict.fromkeys(kind for kind, _ in test):
        said = choose(of_kind(train, kind) or everything)
        own = [rule(said, answer) for answer in of_kind(test, kind)]
        found[kind] = sum(own) / len(own)
        hits += own
    return found | {"all": sum(hits) / len(hits)}


@right("As the solutions write it.")
def master(train, test):
    return scores(train, test)


@right("With NumPy, all candidates against all answers.")
def by_numpy(train, test):
    def best(answers):
        answers = np.array(answers)
        table = 20 * np.abs(answers[:, None] - answers) <= answers  # candidate, answer
        counts = table.sum(1)
        return int(answers[counts == counts.max()].min())

    kinds = {kind for kind, _ in test}
    said = {}
    for kind in kinds:
        said[kind] = best(of_kind(train, kind) or [answer for _, answer in train])
    hits = [(kind, 20 * abs(said[kind] - answer) <= answer) for kind, answer in test]
    result = {kind: float(np.mean([hit for other, hit in hits if other == kind])) for kind in kinds}
    result["all"] = float(np.mean([hit for _, hit in hits]))
    return result


@right("With torch, and a loop over the test.")
def by_torch(train, test):
    found = collections.defaultdict(list)
    for kind, answer in test:
        heard = of_kind(train, kind) or [one for _, one in train]
        answers = torch.tensor(sorted(heard))
        counts = (20 * (answers[:, None] - answers).abs() <= answers).sum(1)
        said = int(answers[counts == counts.max()][0])
        for name in (kind, "all"):
            found[name].append(fits(said, answer))
    return {name: sum(hits) / len(hits) for name, hits in found.items()}


@right("With sorted pairs of count and candidate.")
def by_pairs(train, test):
    def best(answers):
        pairs = [(-sum(fits(one, a) for a in answers), one) for one in answers]
        return sorted(pairs)[0][1]

    shares = {}
    kinds = sorted({kind for kind, _ in test})
    right_ones = 0
    for kind in kinds:
        c = best(of_kind(train, kind) or [answer for _, answer in train])
        hit = len([a for a in of_kind(test, kind) if abs(c - a) * 20 <= a])
        right_ones += hit
        shares[kind] = hit / len(of_kind(test, kind))
    shares["all"] = right_ones / len(test)
    return shares


def most_frequent(answers):
    counts = collections.Counter(sorted(answers))
    return counts.most_common(1)[0][0]


@mistake(
    "The most frequent answer.",
    fails="blind-constant, blind-kinds, blind-all",
    says="that is the most frequent answer",
)
def by_count(train, test):
    return scores(train, test, choose=most_frequent)


@mistake(
    "The mean of the answers.",
    fails="blind-constant, blind-split, blind-kinds, blind-all",
    says="wanted",
)
def by_mean(train, test):
    return scores(train, test, choose=lambda answers: sum(answers) / len(answers))


@mistake(
    "The middle one of the answers.",
    fails="blind-constant, blind-split, blind-kinds, blind-all",
    says="wanted",
)
def by_median(train, test):
    return scores(train, test, choose=lambda answers: sorted(answers)[len(answers) // 2])


@mistake(
    "Chosen on the test's own answers.",
    fails="blind-constant, blind-split, blind-kinds, blind-all",
    says="the constant was chosen on the test's own answers",
)
def on_test(train, test):
    return scores(test, test)


@mistake(
    "Chosen on training and test together.",
    fails="blind-constant, blind-split, blind-kinds, blind-all",
    says="the constant was chosen on the test's own answers",
)
def on_both(train, test):
    return scores(train + test, test)


@mistake(
    "One constant for all kinds.",
    fails="blind-split, blind-kinds, blind-all",
    says="one constant for all kinds",
)
def for_all(train, test):
    found = scores([("", answer) for _, answer in train], test)
    return found


@mistake(
    "Chosen with the scorer, then compared exactly.",
    fails="blind-constant, blind-split, blind-kinds, blind-all",
    says="and then compared exactly",
)
def exact_in_the_end(train, test):
    everything = [answer for _, answer in train]
    kinds = dict.fromkeys(kind for kind, _ in test)
    said = {kind: constant(of_kind(train, kind) or everything) for kind in kinds}
    shares = {
        kind: sum(said[kind] == a for a in of_kind(test, kind)) / len(of_kind(test, kind))
        for kind in kinds
    }
    return shares | {"all": sum(said[kind] == a for kind, a in test) / len(test)}


@mistake(
    "A kind that was never seen scores 0.",
    fails="blind-kinds",
    says="a kind that was never seen in training",
)
def unseen_is_wrong(train, test):
    everything = {kind for kind, _ in train}
    found = scores(train, test)
    found |= {kind: 0.0 for kind in found if kind not in everything and kind != "all"}
    total = sum(found[kind] for kind, _ in test)
    return found | {"all": total / len(test)}


@mistake(
    "A kind that was never seen gets the constant of the largest kind.",
    fails="blind-kinds",
    says="a kind that is not in training",
)
def largest_kind(train, test):
    sizes = collections.Counter(kind for kind, _ in train)
    largest = min(sizes, key=lambda kind: (-sizes[kind], kind))
    known = set(sizes)
    more = [
        (kind, answer)
        for kind in {k for k, _ in test} - known
        for answer in of_kind(train, largest)
    ]
    return scores(train + more, test)


@mistake(
    "'all' is the mean of the kinds.",
    fails="blind-kinds, blind-all",
    says="'all' is the mean of the kinds' shares",
)
def mean_of_kinds(train, test):
    found = scores(train, test)
    kinds = [share for kind, share in found.items() if kind != "all"]
    return found | {"all": sum(kinds) / len(kinds)}


@mistake(
    "5 % of what was said.",
    fails="blind-constant, blind-kinds, blind-all",
    says="5 % of which?",
)
def of_said(train, test):
    def rule(said, answer):
        return 20 * abs(said - answer) <= said

    return scores(train, test, choose=lambda a: constant(a, rule), rule=rule)


@mistake(
    "The constant is chosen by 5 % of what was said, and scored by 5 % of what is right.",
    fails="blind-constant",
    says="5 % of which?",
)
def chosen_by_said(train, test):
    def choose(answers):
        return constant(answers, lambda said, answer: 20 * abs(said - answer) <= said)

    return scores(train, test, choose=choose)


@mistake(
    "Of several constants the largest.",
    fails="blind-constant, blind-split",
    says="of several equally good constants, the smallest",
)
def largest_of_several(train, test):
    def choose(answers):
        return max(set(answers), key=lambda c: (sum(fits(c, a) for a in answers), c))

    return scores(train, test, choose=choose)


@mistake(
    "Counts in place of shares.",
    fails="blind-constant, blind-split, blind-kinds, blind-all",
    says="wanted",
)
def as_counts(train, test):
    found = scores(train, test)
    sizes = collections.Counter(kind for kind, _ in test)
    sizes["all"] = len(test)
    return {kind: share * sizes[kind] for kind, share in found.items()}


@mistake(
    "'all' is left out.",
    fails="blind-constant, blind-split, blind-kinds, blind-all",
    says="wanted a dict with the keys",
)
def without_all(train, test):
    found = scores(train, test)
    del found["all"]
    return found


@mistake(
    "Sorts the training answers where they are.",
    fails="blind-all",
    says="changed its first argument",
)
def sorts_train(train, test):
    train.sort()
    random.Random(0).shuffle(train)
    train.sort()
    return scores(train, test)


@right("Shares as fractions, made floats in the end.")
def as_fractions(train, test):
    found = scores(train, test)
    sizes = collections.Counter(kind for kind, _ in test) | {"all": len(test)}
    return {
        kind: float(fractions.Fraction(round(share * sizes[kind]), sizes[kind]))
        for kind, share in found.items()
    }


def from_these(train, test, candidates):
    """The constant of each kind is one of the numbers that ``candidates`` gives for it."""
    everything = [answer for _, answer in train]
    hits = []
    for kind in dict.fromkeys(kind for kind, _ in test):
        heard = of_kind(train, kind) or everything
        numbers = sorted(set(candidates(kind, heard)))
        said = max(numbers, key=lambda c: sum(fits(c, a) for a in heard))
        hits += [(kind, fits(said, answer)) for answer in of_kind(test, kind)]
    found = {kind: mean_of(hit for other, hit in hits if other == kind) for kind, _ in hits}
    return found | {"all": mean_of(hit for _, hit in hits)}


def mean_of(hits):
    hits = list(hits)
    return sum(hits) / len(hits)


@mistake(
    "Any number between the least and the largest answer.",
    fails="blind-split",
    says="none of the kind's own training answers",
)
def from_the_range(train, test):
    return from_these(train, test, lambda _, heard: range(min(heard), max(heard) + 1))


@mistake(
    "The middle of two answers, too.",
    fails="blind-split",
    says="none of the kind's own training answers",
)
def from_midpoints(train, test):
    def candidates(_, heard):
        return [fractions.Fraction(a + b, 2) for a in set(heard) for b in set(heard)]

    return from_these(train, test, candidates)


@mistake(
    "Any answer of the training, of whatever kind.",
    fails="blind-split",
    says="none of the kind's own training answers",
)
def from_all_kinds(train, test):
    return from_these(train, test, lambda *_: [answer for _, answer in train])


@mistake(
    "Any answer of this kind, of the training or of the test.",
    fails="blind-split",
    says="none of the kind's own training answers",
)
def from_both(train, test):
    return from_these(train, test, lambda kind, heard: [*heard, *of_kind(test, kind)])


@mistake(
    "One of the test's answers, counted on the training.",
    fails="blind-constant, blind-split, blind-kinds",
    says="of several equally good constants",
)
def from_the_test(train, test):
    return from_these(train, test, lambda kind, _: of_kind(test, kind))


@mistake("The bound itself does not count.", fails="blind-constant", says="the bound itself counts")
def below_bound(train, test):
    def rule(said, answer):
        return 20 * abs(said - answer) < answer

    return scores(train, test, choose=lambda a: constant(a, rule), rule=rule)


@mistake("As a ratio, in floating point.", fails="blind-constant", says="the bound itself counts")
def ratio_in_floats(train, test):
    def rule(said, answer):
        return abs(said / answer - 1) <= 0.05

    return scores(train, test, choose=lambda a: constant(a, rule), rule=rule)


@mistake(
    "math.isclose.",
    fails="blind-constant, blind-kinds, blind-all",
    says="5 % of which?",
)
def by_isclose(train, test):
    def rule(said, answer):
        return math.isclose(said, answer, rel_tol=0.05)

    return scores(train, test, choose=lambda a: constant(a, rule), rule=rule)


def with_unseen(train, test, said):
    """A kind that was never seen gets this constant."""
    known = {kind for kind, _ in train}
    more = [(kind, said) for kind in {kind for kind, _ in test} - known]
    return scores(train + more, test)


@mistake(
    "A kind that was never seen gets the most frequent answer.",
    fails="blind-kinds",
    says="the most frequent answer need not be",
)
def unseen_by_count(train, test):
    return with_unseen(train, test, most_frequent([answer for _, answer in train]))


@mistake(
    "A kind that was never seen gets the smallest answer.",
    fails="blind-kinds",
    says="the smallest answer is taken",
)
def unseen_smallest(train, test):
    return with_unseen(train, test, min(answer for _, answer in train))


@mistake(
    "Of several constants the first in the list.",
    fails="blind-constant",
    says="yours takes the first",
)
def first_of_several(train, test):
    def choose(answers):
        return max(answers, key=lambda c: sum(fits(c, a) for a in answers))

    return scores(train, test, choose=choose)


@mistake(
    "Shares with two digits.",
    fails="blind-constant, blind-split, blind-kinds, blind-all",
    says="do not round",
)
def rounded(train, test):
    return {kind: round(share, 2) for kind, share in scores(train, test).items()}
