"""Right and wrong answers to contaminated."""

import math
import re
import statistics

import numpy as np
import torch

from bank import mistake, right


def plain(question):
    return " ".join(question.lower().split()).rstrip("?.! ")


def find(train, test, key=lambda item: (item[0], plain(item[1]))):
    known = {key(item) for item in train}
    return [place for place, item in enumerate(test) if key(item) in known]


def losses(first, again):
    return [one - sum(others) / len(others) for one, others in zip(first, again, strict=True)]


def halves(values, leaked):
    inside = [values[place] for place in leaked]
    return inside, [one for place, one in enumerate(values) if place not in leaked]


def mean(values):
    return sum(values) / len(values)


def spread(values, less=1):
    middle = mean(values)
    return sum((one - middle) ** 2 for one in values) / (len(values) - less) / len(values)


def result(leaked, inside, outside):
    error = math.sqrt(spread(inside) + spread(outside))
    return leaked, mean(inside) - mean(outside), error


@right("As the solutions write it.")
def master(train, test, first, again):
    leaked = find(train, test)
    return result(leaked, *halves(losses(first, again), leaked))


@right("With NumPy.")
def by_numpy(train, test, first, again):
    leaked = find(train, test)
    drops = np.array(first, dtype=float) - np.array([np.mean(some) for some in again])
    mask = np.zeros(len(test), dtype=bool)
    mask[leaked] = True
    parts = [drops[mask], drops[~mask]]
    error = np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts))
    return leaked, parts[0].mean() - parts[1].mean(), error


@right("With torch, whose variance has n − 1 by default.")
def by_torch(train, test, first, again):
    leaked = find(train, test)
    values = [
        float(one) - torch.tensor(some, dtype=torch.float64).mean()
        for one, some in zip(first, again, strict=True)
    ]
    drops = torch.stack(values)
    mask = torch.zeros(len(test), dtype=torch.bool)
    mask[torch.tensor(leaked)] = True
    one, other = drops[mask], drops[~mask]
    error = (one.var() / len(one) + other.var() / len(other)).sqrt()
    return leaked, (one.mean() - other.mean()).item(), error.item()


@right("With the statistics module, in a loop.")
def by_statistics(train, test, first, again):
    leaked, groups = [], {True: [], False: []}
    for place, (picture, question) in enumerate(test):
        found = any(p == picture and plain(q) == plain(question) for p, q in train)
        if found:
            leaked.append(place)
        groups[found].append(int(first[place]) - statistics.fmean(map(int, again[place])))
    drop = statistics.fmean(groups[True]) - statistics.fmean(groups[False])
    error = sum(statistics.variance(some) / len(some) for some in groups.values()) ** 0.5
    return leaked, drop, error


EVERY = "leak-pairs, leak-typed, leak-drop, leak-versions, leak-error"


@mistake(
    "The question alone.",
    fails="leak-pairs, leak-typed, leak-drop, leak-versions, leak-error",
    says="whose question alone was in training",
)
def question_alone(train, test, first, again):
    leaked = find(train, test, lambda item: plain(item[1]))
    inside, outside = halves(losses(first, again), leaked)
    return leaked, mean(inside) - (mean(outside) if outside else 0), 0.7


@mistake(
    "The picture alone.",
    fails="leak-pairs, leak-typed, leak-drop, leak-versions, leak-error",
    says="whose picture alone was in training",
)
def picture_alone(train, test, first, again):
    leaked = find(train, test, lambda item: item[0])
    inside, outside = halves(losses(first, again), leaked)
    return leaked, mean(inside) - (mean(outside) if outside else 0), 0.7


@mistake(
    "Picture and question, each in some training item.",
    fails="leak-pairs, leak-typed, leak-drop, leak-versions, leak-error",
    says="must stand in ONE training item",
)
def one_each(train, test, first, again):
    pictures, questions = {p for p, _ in train}, {plain(q) for _, q in train}
    leaked = [n for n, (p, q) in enumerate(test) if p in pictures and plain(q) in questions]
    inside, outside = halves(losses(first, again), leaked)
    return leaked, mean(inside) - (mean(outside) if outside else 0), 0.7


@mistake(
    "Questions letter for letter.",
    fails="leak-typed",
    says="in capitals, with other spaces or without its question mark",
)
def letter_for_letter(train, test, first, again):
    _, drop, error = master(train, test, first, again)
    return find(train, test, lambda item: tuple(item)), drop, error


@mistake(
    "Pictures in small letters, too.",
    fails="leak-typed",
    says=("leaked is [0, 1, 2, 3], wanted [1, 2] (pictures that differ", "Of a question"),
)
def small_pictures(train, test, first, again):
    leaked = find(train, test, lambda item: (item[0].lower(), plain(item[1])))
    return result(leaked, *halves(losses(first, again), leaked))


@mistake(
    "Spaces in a row stay as they are.",
    fails="leak-typed",
    says="leaked is",
)
def spaces_stay(train, test, first, again):
    _, drop, error = master(train, test, first, again)
    return (
        find(train, test, lambda item: (item[0], item[1].lower().strip().rstrip("?.! "))),
        drop,
        error,
    )


@mistake(
    "Items of the test that come twice there.",
    fails="leak-pairs, leak-typed",
    says="leaked is",
)
def within_test(train, test, first, again):
    _, drop, error = master(train, test, first, again)
    keys = [(p, plain(q)) for p, q in test]
    return [n for n, key in enumerate(keys) if keys.count(key) > 1], drop, error


@mistake("The wrong sign.", fails="leak-drop, leak-versions", says="the sign")
def wrong_sign(train, test, first, again):
    leaked, drop, error = master(train, test, first, again)
    return leaked, -drop, error


@mistake(
    "The leaked items alone, without the control.",
    fails="leak-drop, leak-versions, leak-error",
    says="that is the drop of the leaked items alone",
)
def without_control(train, test, first, again):
    leaked = find(train, test)
    inside, _ = halves(losses(first, again), leaked)
    return leaked, mean(inside), math.sqrt(spread(inside))


@mistake(
    "The drop of all items.",
    fails="leak-drop, leak-versions",
    says="that is the drop of all items together",
)
def of_all(train, test, first, again):
    leaked, _, error = master(train, test, first, again)
    return leaked, mean(losses(first, again)), error


@mistake(
    "All redrawn versions in one pot.",
    fails="leak-drop, leak-versions",
    says="items with more redrawn versions weigh more",
)
def in_one_pot(train, test, first, again):
    leaked, _, error = master(train, test, first, again)

    def drop(places):
        before = [first[place] for place in places]
        after = [one for place in places for one in again[place]]
        return mean(before) - mean(after)

    others = [place for place in range(len(test)) if place not in leaked]
    return leaked, drop(leaked) - drop(others), error


@mistake(
    "Only the first redrawn version.",
    fails="leak-drop, leak-versions",
    says="only the first redrawn version",
)
def first_version(train, test, first, again):
    leaked, _, error = master(train, test, first, again)
    drops = [one - some[0] for one, some in zip(first, again, strict=True)]
    inside, outside = halves(drops, leaked)
    return leaked, mean(inside) - mean(outside), error


@mistake(
    "Redrawn versions count as right if one of them is.",
    fails="leak-drop, leak-versions",
    says="wanted",
)
def any_version(train, test, first, again):
    leaked, _, error = master(train, test, first, again)
    drops = [one - any(some) for one, some in zip(first, again, strict=True)]
    inside, outside = halves(drops, leaked)
    return leaked, mean(inside) - mean(outside), error


@mistake(
    "Before and after as if they were other items.",
    fails="leak-error",
    says="take each item's own difference first",
)
def unpaired(train, test, first, again):
    leaked, drop, _ = master(train, test, first, again)
    before = halves([float(one) for one in first], leaked)
    after = halves([mean(some) for some in again], leaked)
    return leaked, drop, math.sqrt(sum(map(spread, (*before, *after))))


@mistake(
    "The variance divided by n.",
    fails="leak-error",
    says="the variance was divided by n",
)
def by_n(train, test, first, again):
    leaked, drop, _ = master(train, test, first, again)
    parts = halves(losses(first, again), leaked)
    return leaked, drop, math.sqrt(sum(spread(part, less=0) for part in parts))


@mistake(
    "The error of the leaked items alone.",
    fails="leak-error",
    says="the error of the leaked items alone",
)
def error_of_leaked(train, test, first, again):
    leaked, drop, _ = master(train, test, first, again)
    return leaked, drop, math.sqrt(spread(halves(losses(first, again), leaked)[0]))


@mistake("The variance, not its root.", fails="leak-error", says="that is the variance")
def no_root(train, test, first, again):
    leaked, drop, error = master(train, test, first, again)
    return leaked, drop, error**2


@mistake(
    "Errors added as they are.",
    fails="leak-error",
    says="errors of two independent means add as squares",
)
def added(train, test, first, again):
    leaked, drop, _ = master(train, test, first, again)
    parts = halves(losses(first, again), leaked)
    return leaked, drop, sum(math.sqrt(spread(part)) for part in parts)


@mistake(
    "Puts the redrawn answers behind the first ones, in the same list.",
    fails="leak-versions",
    says="changed its",
)
def appends(train, test, first, again):
    found = master(train, test, first, again)
    for one, some in zip(first, again, strict=True):
        some.append(one)
    return found


def as_keyed(train, test, first, again, key):
    leaked = find(train, test, key)
    _, drop, error = master(train, test, first, again)
    return leaked, drop, error


@mistake(
    "Picture and question glued to one text.",
    fails="leak-pairs",
    says="only when glued",
)
def glued(train, test, first, again):
    return as_keyed(train, test, first, again, lambda item: item[0] + plain(item[1]))


@mistake(
    "Picture and question glued with a space.",
    fails="leak-pairs",
    says="only when glued",
)
def glued_with_space(train, test, first, again):
    return as_keyed(train, test, first, again, lambda item: f"{item[0]} {plain(item[1])}")


@mistake("Digits are dropped.", fails="leak-typed", says="which make another question")
def no_digits(train, test, first, again):
    def key(item):
        return item[0], plain(re.sub(r"\d", "", item[1]))

    return as_keyed(train, test, first, again, key)


@mistake("All signs are dropped.", fails="leak-typed", says="which make another question")
def no_signs(train, test, first, again):
    def key(item):
        return item[0], re.sub(r"\W+", "", item[1].lower())

    return as_keyed(train, test, first, again, key)


@mistake("Question marks are dropped everywhere.", fails="leak-typed", says="signs inside")
def no_question_marks(train, test, first, again):
    def key(item):
        return item[0], plain(item[1].replace("?", ""))

    return as_keyed(train, test, first, again, key)


@mistake("One sign is dropped at the end.", fails="leak-typed", says="nothing of ? . ! at the end")
def one_sign(train, test, first, again):
    def key(item):
        return item[0], re.sub(r"\s*[?.!]?$", "", " ".join(item[1].lower().split()))

    leaked = find(train, test, key)
    return result(leaked, *halves(losses(first, again), leaked))


@mistake("The space before a sign stays.", fails="leak-typed", says="nothing of ? . ! at the end")
def space_before(train, test, first, again):
    def key(item):
        return item[0], " ".join(item[1].lower().split()).rstrip("?.!")

    leaked = find(train, test, key)
    return result(leaked, *halves(losses(first, again), leaked))


@mistake("Words in any order.", fails="leak-typed", says="which make another question")
def sorted_words(train, test, first, again):
    return as_keyed(
        train, test, first, again, lambda item: (item[0], *sorted(plain(item[1]).split()))
    )


@mistake(
    "An item that stands in the test twice counts once.",
    fails="leak-pairs, leak-drop",
    says="twice",
)
def counted_once(train, test, first, again):
    places = list({item: place for place, item in reversed(list(enumerate(test)))}.values())
    places.sort()
    kept = [[some[place] for place in places] for some in (test, first, again)]
    leaked, drop, error = master(train, *kept)
    return [places[place] for place in leaked], drop, error
