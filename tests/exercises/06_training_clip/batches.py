"""Right and wrong answers to batches."""

import heapq
import math
import random
from collections import Counter

import numpy as np
import torch

from bank import mistake, right


def groups_of(names):
    groups = {}
    for place, name in enumerate(names):
        groups.setdefault(name, []).append(place)
    return list(groups.values())


def shuffled(things, seed):
    things = list(things)
    random.Random(seed).shuffle(things)
    return things


def needed(names, size):
    return max(math.ceil(len(names) / size), max(Counter(names).values(), default=0))


def dealt(names, size, seed):
    line = [place for group in shuffled(groups_of(names), seed) for place in shuffled(group, seed)]
    count = needed(names, size)
    return [line[first::count] for first in range(count)]


@right("As the solutions write it.")
def master(names, size, seed):
    generator = torch.Generator().manual_seed(seed)

    def mixed(things):
        return [things[i] for i in torch.randperm(len(things), generator=generator).tolist()]

    if not names:
        return []
    groups = groups_of(names)
    count = max(math.ceil(len(names) / size), max(len(group) for group in groups))
    line = [place for group in mixed(groups) for place in mixed(group)]
    return mixed([line[first::count] for first in range(count)])


@right("Sorted by name, with random keys, and dealt out with NumPy.")
def with_numpy(names, size, seed):
    draw = np.random.default_rng(seed)
    order = sorted(set(names))
    key = dict(zip(order, draw.permutation(len(order)).tolist()))
    line = sorted(range(len(names)), key=lambda i: (key[names[i]], draw.random()))
    count = needed(names, size)
    return tuple(tuple(line[i] for i in range(first, len(line), count)) for first in range(count))


@right("Frequent names first, each example into the emptiest batches.")
def emptiest(names, size, seed):
    draw = random.Random(seed)
    count = needed(names, size)
    heap = [(0, draw.random(), number) for number in range(count)]
    found = [[] for _ in range(count)]
    heapq.heapify(heap)
    for group in sorted(shuffled(groups_of(names), seed), key=len, reverse=True):
        taken = [heapq.heappop(heap) for _ in group]
        for place, (load, _, number) in zip(group, taken):
            found[number].append(place)
            heapq.heappush(heap, (load + 1, draw.random(), number))
    return found


@right("A batch at a time: from the names with most examples left.")
def batch_by_batch(names, size, seed):
    left = [shuffled(group, seed) for group in shuffled(groups_of(names), seed)]
    found = []
    count = needed(names, size)
    for number in range(count):
        left.sort(key=len, reverse=True)  # stable: equal ones stay in their random order
        rest = sum(map(len, left))
        many = math.ceil(rest / (count - number))
        found.append([group.pop() for group in left[:many] if group])
        left = [group for group in left if group]
    return found


@mistake(
    "A permutation, cut into pieces: twins are not looked for.",
    fails="batch-twins, batch-edges",
    says="times",
)
def not_looked_for(names, size, seed):
    line = shuffled(range(len(names)), seed)
    return [line[i : i + size] for i in range(0, len(line), size)]


@mistake(
    "The last, smaller batch is dropped.",
    fails="batch-once, batch-edges",
    says="examples are in no batch",
)
def drops_last(names, size, seed):
    found = dealt(names, size, seed)
    return [batch for batch in found if len(batch) == len(found[0])]


@mistake("Each name once.", fails="batch-once, batch-edges", says="examples are in no batch")
def names_once(names, size, seed):
    line = shuffled({name: place for place, name in enumerate(names)}.values(), seed)
    return [line[i : i + size] for i in range(0, len(line), size)]


@mistake(
    "A twin is thrown away when its batch has it already.",
    fails="batch-once, batch-edges",
    says="examples are in no batch",
)
def thrown_away(names, size, seed):
    line = shuffled(range(len(names)), seed)
    pieces = [line[i : i + size] for i in range(0, len(line), size)]
    return [list({names[place]: place for place in piece}.values()) for piece in pieces]


@mistake(
    "The same order in every epoch.",
    fails="batch-seed",
    says="six seeds gave the same batches",
)
def never_mixed(names, size, seed):
    return dealt(names, size, 0)


@mistake(
    "Only the finished batches change their order.",
    fails="batch-seed",
    says="six seeds gave the same batches",
)
def batches_mixed(names, size, seed):
    return shuffled(dealt(names, size, 0), seed)


@mistake(
    "torch's own generator.",
    fails="batch-seed",
    says="some number is drawn without the generator",
)
def global_generator(names, size, seed):
    return dealt(names, size, int(torch.randint(10**6, ())))


@mistake(
    "First fit in a random order: it may take a batch too many.",
    fails="batch-few",
    says="are enough",
)
def first_fit(names, size, seed):
    found = []
    for place in shuffled(range(len(names)), seed):
        for batch in found:
            if len(batch) < size and all(names[place] != names[other] for other in batch):
                batch.append(place)
                break
        else:
            found.append([place])
    return found


@mistake(
    "A batch for each round of names, not filled up.",
    fails="batch-few, batch-edges, batch-seed",
    says="are enough",
)
def by_rounds(names, size, seed):
    left = groups_of(names)
    found = []
    while any(left):
        round_ = [group.pop() for group in left if group]
        found += [round_[i : i + size] for i in range(0, len(round_), size)]
    return shuffled(found, seed)


@mistake(
    "As few batches as fit by number, whatever the names.",
    fails="batch-edges, batch-twins",
    says="times",
)
def by_number(names, size, seed):
    count = math.ceil(len(names) / size)
    line = [place for group in shuffled(groups_of(names), seed) for place in shuffled(group, seed)]
    return [line[first::count] for first in range(count)]


@mistake(
    "As many batches as the most frequent name needs, however large.",
    fails="batch-few, batch-edges, batch-seed",
    says="were wanted",
)
def too_large(names, size, seed):
    count = max(Counter(names).values(), default=0)
    line = [place for group in shuffled(groups_of(names), seed) for place in shuffled(group, seed)]
    return [line[first::count] for first in range(count)]


@mistake(
    "The names, not their places.",
    fails="batch-once, batch-twins, batch-few, batch-seed, batch-edges",
    says="wanted the examples' places",
)
def names_back(names, size, seed):
    return [[names[place] for place in batch] for batch in dealt(names, size, seed)]


@mistake(
    "Places from 1.",
    fails="batch-once, batch-edges, batch-twins",
    says="the places run from 0",
)
def from_one(names, size, seed):
    return [[place + 1 for place in batch] for batch in dealt(names, size, seed)]


@mistake("No example crashes.", fails="batch-edges", says="no example")
def nothing_crashes(names, size, seed):
    most = max(Counter(names).values())
    return dealt(names, size, seed) if most else []


@mistake("An empty batch for no example.", fails="batch-edges", says="a batch is empty")
def empty_batch(names, size, seed):
    return dealt(names, size, seed) or [[]]


@mistake(
    "Fills the last batch up with examples that were there.",
    fails="batch-once, batch-edges",
    says="batches",
)
def filled_up(names, size, seed):
    found = dealt(names, size, seed)
    found[-1] += (
        [place for place in found[0] if names[place] not in map(names.__getitem__, found[-1])][
            : size - len(found[-1])
        ]
        if found
        else []
    )
    return found


@mistake("Empties what was passed.", fails="batch-edges", says="changed its first argument")
def empties(names, size, seed):
    found = dealt(names, size, seed)
    names.clear()
    return found


@mistake(
    "Mixed within a name only; the names in order of appearance.",
    fails="batch-seed",
    says="six seeds gave the same batches",
)
def within_a_name(names, size, seed):
    line = [place for group in groups_of(names) for place in shuffled(group, seed)]
    count = needed(names, size)
    return shuffled([line[first::count] for first in range(count)], seed)


@mistake(
    "Mixed within a name only; the names sorted.",
    fails="batch-seed",
    says="six seeds gave the same batches",
)
def names_sorted(names, size, seed):
    groups = sorted(groups_of(names), key=lambda group: names[group[0]])
    line = [place for group in groups for place in shuffled(group, seed)]
    count = needed(names, size)
    return shuffled([line[first::count] for first in range(count)], seed)


@mistake(
    "Frequent names first, each example into the first batch that takes it.",
    fails="batch-few",
    says="are enough",
)
def frequent_first_fit(names, size, seed):
    found = []
    for group in sorted(shuffled(groups_of(names), seed), key=len, reverse=True):
        free = [batch for batch in found if len(batch) < size]
        for place in shuffled(group, seed):
            if not free:
                found.append([])
                free.append(found[-1])
            free.pop(0).append(place)
    return found


@mistake("Even and odd seeds.", fails="batch-seed", says="use all of the seed")
def even_or_odd(names, size, seed):
    return dealt(names, size, seed % 2)


@mistake("The last two digits of the seed.", fails="batch-seed", says="use all of the seed")
def two_digits(names, size, seed):
    return dealt(names, size, seed % 100)
