"""Right and wrong answers to caption_floor."""

import math
from collections import Counter

import torch
from bank import mistake, right


def nats(parts):
    return math.lgamma(len(parts) + 1) - sum(math.lgamma(m + 1) for m in Counter(parts).values())


def count(labels):
    return sum(label != -100 for label in labels)


@right("As the solutions write it.")
def master(captions):
    return sum(nats(p) for p, _ in captions) / sum(count(labels) for _, labels in captions)


@right("With whole numbers.")
def whole_numbers(captions):
    total = 0.0
    for parts, _ in captions:
        orders = math.factorial(len(parts))
        for m in Counter(parts).values():
            orders //= math.factorial(m)
        total += math.log(orders)
    return total / len([one for _, labels in captions for one in labels if one != -100])


@right("As a sum of logarithms, part by part.")
def step_by_step(captions):
    total, tokens = 0.0, 0
    for parts, labels in captions:
        seen = Counter()
        for n, part in enumerate(parts, 1):
            seen[part] += 1
            total += math.log(n) - math.log(seen[part])
        tokens += len(labels) - labels.count(-100)
    return total / tokens


@right("With torch, in float64.")
def with_torch(captions):
    total = torch.zeros((), dtype=torch.float64)
    tokens = 0
    for parts, labels in captions:
        times = torch.tensor(list(Counter(parts).values()), dtype=torch.float64)
        whole = torch.tensor(len(parts) + 1.0, dtype=torch.float64)
        total += torch.lgamma(whole) - torch.lgamma(times + 1).sum()
        tokens += (torch.tensor(labels) != -100).sum().item()
    return (total / tokens).item()


@mistake(
    "In bits.", fails="floor-different, floor-equal, floor-several, floor-large", says="in bits"
)
def bits(captions):
    return master(captions) / math.log(2)


@mistake(
    "Equal parts count as different.",
    fails="floor-equal, floor-several, floor-large",
    says="nobody sees which dog",
)
def no_equals(captions):
    return sum(math.lgamma(len(p) + 1) for p, _ in captions) / sum(count(x) for _, x in captions)


@mistake(
    "Equal parts count as one.",
    fails="floor-equal, floor-several",
    says="two dogs and a key have three orders",
)
def as_set(captions):
    whole = sum(count(x) for _, x in captions)
    return sum(math.lgamma(len(set(p)) + 1) for p, _ in captions) / whole


@mistake(
    "All labels.",
    fails="floor-different, floor-equal, floor-several, floor-large",
    says="those of −100 too",
)
def all_labels(captions):
    return sum(nats(p) for p, _ in captions) / sum(len(x) for _, x in captions)


@mistake(
    "Labels above 0.",
    fails="floor-different, floor-equal, floor-several, floor-large",
    says="0 is a token like any other",
)
def above_zero(captions):
    whole = sum(label > 0 for _, x in captions for label in x)
    return sum(nats(p) for p, _ in captions) / whole


@mistake(
    "Without the end token.",
    fails="floor-different, floor-equal, floor-several, floor-large",
    says="the end token is said, too",
)
def without_end(captions):
    whole = sum(count(x[:-1]) for _, x in captions)
    return sum(nats(p) for p, _ in captions) / whole


@mistake(
    "Mean of the captions' own floors.", fails="floor-several", says="sum nats and tokens first"
)
def mean_of_floors(captions):
    floors = [nats(p) / count(x) for p, x in captions if count(x)]
    return sum(floors) / len(floors)


@mistake(
    "A caption, not a token.",
    fails="floor-different, floor-equal, floor-several, floor-large",
    says="divided by the number of captions",
)
def by_caption(captions):
    return sum(nats(p) for p, _ in captions) / len(captions)


@mistake(
    "One logarithm of all orders together.",
    fails="floor-several, floor-large",
    says="a cost of its own",
)
def log_of_sum(captions):
    orders = sum(round(math.exp(nats(p))) if len(p) < 100 else 1 for p, _ in captions)
    return math.log(orders) / sum(count(x) for _, x in captions)


@mistake(
    "Per part.",
    fails="floor-different, floor-equal, floor-several, floor-large",
    says="the floor is",
)
def by_part(captions):
    return sum(nats(p) for p, _ in captions) / max(1, sum(len(p) for p, _ in captions))


@mistake("The first caption alone.", fails="floor-several", says="the floor is")
def only_first(captions):
    return master(captions[:1])


@mistake("With floats that overflow.", fails="floor-large", says="Error")
def overflows(captions):
    total = 0.0
    for parts, _ in captions:
        orders = float(math.factorial(len(parts)))
        for m in Counter(parts).values():
            orders /= float(math.factorial(m))
        total += math.log(orders)
    return total / sum(count(x) for _, x in captions)


@mistake("In float32.", fails="floor-large", says="inf")
def float32(captions):
    total = torch.zeros(())
    for parts, _ in captions:
        orders = torch.arange(1, len(parts) + 1).float().prod()
        for m in Counter(parts).values():
            orders = orders / torch.arange(1, m + 1).float().prod()
        total += orders.log()
    return (total / sum(count(x) for _, x in captions)).item()


@mistake("Capitals make no difference.", fails="floor-equal", says="letter for letter")
def lower(captions):
    return master([([p.lower().strip() for p in parts], x) for parts, x in captions])


@mistake("The parts are sorted in place.", fails="floor-several", says="changed its first argument")
def in_place(captions):
    for parts, _ in captions:
        parts.sort()
    return master(captions)
