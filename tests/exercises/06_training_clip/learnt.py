"""Right and wrong answers to learnt."""

import math
from collections import Counter

import numpy as np
import torch

from bank import mistake, right


def floor_of(texts):
    return sum(k * math.log(k) for k in Counter(texts).values()) / len(texts)


@right("As the solutions write it.")
def master(loss, texts):
    counts = Counter(texts)
    if len(counts) == 1:
        return 0.0
    nothing = math.log(len(texts))
    return (nothing - loss) / (nothing - sum(k * math.log(k) for k in counts.values()) / len(texts))


@right("Each pair by itself: the mean of ln of how often its text comes.")
def pair_by_pair(loss, texts):
    n = len(texts)
    floor = sum(math.log(texts.count(text)) for text in texts) / n
    most = math.log(n) - floor
    return (math.log(n) - loss) / most if most > 1e-9 else 0.0


@right("What is left over, from 1; with NumPy.")
def from_one(loss, texts):
    _, counts = np.unique(texts, return_counts=True)
    if counts.size == 1:
        return 0
    p = counts / counts.sum()
    entropy = -(p * np.log(p)).sum()  # ln N minus the floor is the texts' entropy
    return 1 - (loss - (np.log(len(texts)) - entropy)) / entropy


@right("By the texts' entropy, with torch.")
def by_entropy(loss, texts):
    counts = torch.tensor(list(Counter(texts).values()), dtype=torch.float64)
    if len(counts) < 2:
        return torch.zeros(())
    entropy = torch.special.entr(counts / counts.sum()).sum()
    return (torch.tensor(len(texts), dtype=torch.float64).log() - loss) / entropy


@mistake("Beside ln N alone.", fails="learn-floor, learn-edges", says="the floor was left out")
def no_floor(loss, texts):
    nothing = math.log(len(texts))
    return (nothing - loss) / nothing if nothing else 0.0


@mistake(
    "ln of the number of different texts.",
    fails="learn-floor, learn-edges",
    says="DIFFERENT texts",
)
def kinds(loss, texts):
    nothing = math.log(len(set(texts)))
    return (nothing - loss) / nothing if nothing else 0.0


@mistake("Nats, not a share.", fails="learn-share, learn-floor, learn-edges", says="in nats")
def nats(loss, texts):
    return 0.0 if len(set(texts)) == 1 else math.log(len(texts)) - loss


@mistake(
    "What is left to learn.",
    fails="learn-share, learn-floor, learn-edges",
    says="the share that is LEFT",
)
def what_is_left(loss, texts):
    return 0.0 if len(set(texts)) == 1 else 1 - master(loss, texts)


@mistake(
    "N squared: all cells of the matrix.",
    fails="learn-share, learn-floor, learn-edges",
    says="N possible answers, not N²",
)
def squared(loss, texts):
    if len(set(texts)) == 1:
        return 0.0
    nothing = 2 * math.log(len(texts))
    return (nothing - loss) / (nothing - floor_of(texts))


@mistake(
    "ln 2 for every text that is not alone.",
    fails="learn-floor",
    says="one that comes k times costs ln k",
)
def pairs_only(loss, texts):
    if len(set(texts)) == 1:
        return 0.0
    twice = sum(k for k in Counter(texts).values() if k > 1)
    nothing = math.log(len(texts))
    return (nothing - loss) / (nothing - twice * math.log(2) / len(texts))


@mistake(
    "ln k once for a text, not for each of its pairs.",
    fails="learn-floor, learn-edges",
    says="each of its k pairs loses ln k",
)
def once_each(loss, texts):
    if len(set(texts)) == 1:
        return 0.0
    nothing = math.log(len(texts))
    paid = sum(math.log(k) for k in Counter(texts).values()) / len(texts)
    return (nothing - loss) / (nothing - paid)


@mistake("The floor as a sum, not a mean.", fails="learn-floor, learn-edges", says="wanted")
def summed(loss, texts):
    if len(set(texts)) == 1:
        return 0.0
    nothing = math.log(len(texts))
    return (nothing - loss) / (nothing - floor_of(texts) * len(texts))


@mistake(
    "Logarithms of base 2.",
    fails="learn-share, learn-floor, learn-edges",
    says="log2 was taken",
)
def base_two(loss, texts):
    if len(set(texts)) == 1:
        return 0.0
    nothing = math.log2(len(texts))
    floor = sum(k * math.log2(k) for k in Counter(texts).values()) / len(texts)
    return (nothing - loss) / (nothing - floor)


@mistake("Cut off at 0.", fails="learn-edges", says="0 came back")
def clipped(loss, texts):
    return max(0.0, master(loss, texts))


@mistake("The absolute value.", fails="learn-edges", says="wanted")
def absolute(loss, texts):
    return abs(master(loss, texts))


@mistake("0 divided by 0.", fails="learn-edges", says="ZeroDivisionError")
def divides(loss, texts):
    nothing = math.log(len(texts))
    return (nothing - loss) / (nothing - floor_of(texts))


@mistake("1 where nothing can be learnt.", fails="learn-edges", says="wanted 0")
def one_alone(loss, texts):
    return 1.0 if len(set(texts)) == 1 else master(loss, texts)


@mistake("An eps under the fraction.", fails="learn-edges", says="wanted 0")
def with_eps(loss, texts):
    nothing = math.log(len(texts))
    return (nothing - loss) / (nothing - floor_of(texts) + 1e-12)


@mistake("Per cent.", fails="learn-share, learn-floor, learn-edges", says="a share of 1 is all")
def per_cent(loss, texts):
    return 100 * master(loss, texts)


@mistake(
    "The batch of the notebook's example.",
    fails="learn-share, learn-floor, learn-edges",
    says="wanted",
)
def of_four(loss, texts):
    return (math.log(4) - loss) / (math.log(4) - 0.3466)


@mistake("Sorts what was passed.", fails="learn-floor", says="changed its second argument")
def sorts(loss, texts):
    texts.sort()
    return master(loss, texts)


@mistake("Case and outer spaces do not count.", fails="learn-floor", says="equal as strings")
def made_alike(loss, texts):
    return master(loss, [text.lower().strip() for text in texts])
