"""Right and wrong answers to order_score."""

import itertools

import numpy as np
import torch

from bank import mistake, right


def parts(scores, wins=torch.gt):
    size = scores.shape[1]
    own = scores.diagonal(dim1=1, dim2=2)
    same = torch.eye(size, dtype=torch.bool)
    text = (wins(own[:, None, :], scores) | same).all(dim=2).all(dim=1)
    image = (wins(own[:, :, None], scores) | same).all(dim=2).all(dim=1)
    diagonal = torch.ones(len(scores), dtype=torch.bool)
    for order in itertools.permutations(range(size)):
        if list(order) != list(range(size)):
            other = scores[:, torch.arange(size), torch.tensor(order)]
            diagonal &= wins(own.sum(1), other.sum(1))
    return text, image, diagonal


def named(text, image, group, diagonal):
    shares = (text, image, group, diagonal)
    names = ("text", "image", "group", "diagonal")
    return {name: float(torch.as_tensor(one).double().mean()) for name, one in zip(names, shares)}


@right("As the solutions write it.")
def master(scores):
    text, image, diagonal = parts(scores)
    return named(text, image, text & image, diagonal)


@right("Loops over items; NumPy's bool.")
def with_loops(scores):
    table, found = scores.numpy(), []
    size = table.shape[1]
    pairs = list(itertools.permutations(range(size), 2))
    for item in table:
        text = all(item[i, i] > item[t, i] for t, i in pairs)
        image = all(item[t, t] > item[t, i] for t, i in pairs)
        sums = [
            sum(item[t, i] for t, i in enumerate(order))
            for order in itertools.permutations(range(size))
        ]
        found.append((text, image, text and image, all(sums[0] > one for one in sums[1:])))
    return dict(zip(("text", "image", "group", "diagonal"), np.mean(found, axis=0).tolist()))


@right("The largest of the others; the wrong ones masked; counts divided.")
def masked(scores):
    count, size, _ = scores.shape
    own = scores.diagonal(dim1=1, dim2=2)
    others = scores.masked_fill(torch.eye(size, dtype=torch.bool), -torch.inf)
    text = (own > others.amax(1)).all(1)
    image = (own > others.amax(2)).all(1)
    orders = list(itertools.permutations(range(size)))[1:]
    sums = torch.stack([scores[:, range(size), list(order)].sum(1) for order in orders])
    diagonal = own.sum(1) > sums.amax(0)
    return {
        "diagonal": diagonal.sum().item() / count,
        "group": (text & image).sum().item() / count,
        "image": image.sum().item() / count,
        "text": text.sum().item() / count,
    }


@right("Ranks: how many are at least as good, itself counted.")
def by_ranks(scores):
    own = scores.diagonal(dim1=1, dim2=2)
    text = (scores >= own[:, None]).sum(1).eq(1).all(1)
    image = (scores >= own[:, :, None]).sum(2).eq(1).all(1)
    return named(text, image, text * image, parts(scores)[2])


ALL = "ord-text, ord-image, ord-group, ord-diagonal, ord-ties, ord-more"


@mistake("Ties win.", fails="ord-ties", says="ties were counted as wins")
def ties_win(scores):
    text, image, diagonal = parts(scores, torch.ge)
    return named(text, image, text & image, diagonal)


@mistake("argmax, which takes the first of equals.", fails="ord-ties", says="wanted")
def argmax(scores):
    places = torch.arange(scores.shape[1])
    text = (scores.argmax(1) == places).all(1)
    image = (scores.argmax(2) == places).all(1)
    return named(text, image, text & image, parts(scores)[2])


@mistake(
    "Text and image exchanged.",
    fails="ord-text, ord-image, ord-ties, ord-more",
    says="are exchanged",
)
def exchanged(scores):
    text, image, diagonal = parts(scores)
    return named(image, text, text & image, diagonal)


@mistake("Group is a mean.", fails="ord-group, ord-ties, ord-more", says="group is the mean")
def group_mean(scores):
    text, image, diagonal = parts(scores)
    return named(text, image, (text.double() + image.double()) / 2, diagonal)


@mistake(
    "Group is a product of shares.",
    fails="ord-group, ord-ties, ord-more",
    says="group is the product",
)
def group_product(scores):
    text, image, diagonal = parts(scores)
    return named(text, image, text.double().mean() * image.double().mean(), diagonal)


@mistake(
    "Group is the smaller share.", fails="ord-group, ord-ties, ord-more", says="the smaller of two"
)
def group_least(scores):
    text, image, diagonal = parts(scores)
    return named(text, image, min(text.double().mean(), image.double().mean()), diagonal)


@mistake(
    "The first picture and the first text alone.",
    fails="ord-text, ord-image, ord-group, ord-ties, ord-more",
    says="the first picture and the first text alone",
)
def first_alone(scores):
    text = (scores[:, 0, 0, None] > scores[:, 1:, 0]).all(1)
    image = (scores[:, 0, 0, None] > scores[:, 0, 1:]).all(1)
    return named(text, image, text & image, parts(scores)[2])


@mistake(
    "Shares of pictures, not of items.",
    fails="ord-text, ord-image, ord-ties, ord-more",
    says="shares of pictures and of texts",
)
def picture_by_picture(scores):
    size = scores.shape[1]
    own = scores.diagonal(dim1=1, dim2=2)
    same = torch.eye(size, dtype=torch.bool)
    text = ((own[:, None, :] > scores) | same).all(dim=1)
    image = ((own[:, :, None] > scores) | same).all(dim=2)
    one, other, diagonal = parts(scores)
    return named(text, image, one & other, diagonal)


@mistake(
    "Diagonal against the mean of the wrong scores.",
    fails="ord-diagonal, ord-more",
    says="the MEAN of the wrong",
)
def against_mean(scores):
    size = scores.shape[1]
    text, image, _ = parts(scores)
    own = scores.diagonal(dim1=1, dim2=2).double()
    off = scores.double().sum((1, 2)) - own.sum(1)
    diagonal = own.mean(1) > off / (size * (size - 1))
    return named(text, image, text & image, diagonal)


@mistake(
    "Diagonal against the reversed one.",
    fails="ord-diagonal, ord-more",
    says="the reversed pairing alone",
)
def against_reversed(scores):
    text, image, _ = parts(scores)
    other = scores.flip(2).diagonal(dim1=1, dim2=2).sum(1)
    diagonal = scores.diagonal(dim1=1, dim2=2).sum(1) > other
    return named(text, image, text & image, diagonal)


@mistake("Numbers of items.", fails=ALL, says="numbers of items")
def counts(scores):
    return {name: share * len(scores) for name, share in master(scores).items()}


@mistake("M is 2.", fails="ord-text, ord-image, ord-group, ord-diagonal, ord-more", says="wanted")
def only_two(scores):
    return master(scores[:, :2, :2])


@mistake(
    "The whole matrix is asked: own scores above all wrong ones.",
    fails="ord-text, ord-image, ord-group, ord-ties, ord-more",
    says="compared with ALL others",
)
def above_all(scores):
    size = scores.shape[1]
    off = scores[:, ~torch.eye(size, dtype=torch.bool)]
    strict = scores.diagonal(dim1=1, dim2=2).amin(1) > off.amax(1)
    return named(strict, strict, strict, parts(scores)[2])


@mistake("A tuple.", fails=ALL, says="wanted a dictionary")
def as_tuple(scores):
    return tuple(master(scores).values())


@mistake("Without diagonal.", fails=ALL, says="wanted a dictionary")
def three(scores):
    found = master(scores)
    del found["diagonal"]
    return found


@mistake("Through float32.", fails="ord-more", says="wanted")
def single(scores):
    return master(scores.float())


@mistake("The diagonal is masked in place.", fails="ord-more", says="changed its first argument")
def in_place(scores):
    found = master(scores)
    scores[:, range(scores.shape[1]), range(scores.shape[1])] = 0
    return found


@mistake(
    "Diagonal against exchanges of two.",
    fails="ord-diagonal, ord-more",
    says="exchanges of two alone",
)
def against_exchanges(scores):
    text, image, _ = parts(scores)
    pairs = itertools.combinations(range(scores.shape[1]), 2)
    diagonal = [
        scores[:, a, a] + scores[:, b, b] > scores[:, a, b] + scores[:, b, a] for a, b in pairs
    ]
    return named(text, image, text & image, torch.stack(diagonal).all(0))


@mistake(
    "Diagonal against pairings in which nothing is right.",
    fails="ord-diagonal, ord-more",
    says="diagonal is",
)
def against_all_wrong(scores):
    size = scores.shape[1]
    text, image, _ = parts(scores)
    orders = [
        o for o in itertools.permutations(range(size)) if all(t != i for t, i in enumerate(o))
    ]
    sums = torch.stack([scores[:, range(size), list(o)].sum(1) for o in orders])
    diagonal = scores.diagonal(dim1=1, dim2=2).sum(1) > sums.amax(0)
    return named(text, image, text & image, diagonal)


@mistake(
    "Diagonal against pairings that move at most three.",
    fails="ord-diagonal, ord-more",
    says="more than three",
)
def three_moved(scores):
    size = scores.shape[1]
    text, image, _ = parts(scores)
    orders = [
        o
        for o in itertools.permutations(range(size))
        if 0 < sum(t != i for t, i in enumerate(o)) < 4
    ]
    sums = torch.stack([scores[:, range(size), list(o)].sum(1) for o in orders])
    diagonal = scores.diagonal(dim1=1, dim2=2).sum(1) > sums.amax(0)
    return named(text, image, text & image, diagonal)


@mistake(
    "Own scores above the mean of the other texts, and of the other pictures.",
    fails="ord-text, ord-image, ord-group, ord-more",
    says="with the MEAN of the others",
)
def above_mean(scores):
    size = scores.shape[1]
    own = scores.diagonal(dim1=1, dim2=2).double()
    text = (own * size > scores.double().sum(1)).all(1)
    image = (own * size > scores.double().sum(2)).all(1)
    return named(text, image, text & image, parts(scores)[2])


@mistake("Per cent.", fails=ALL, says="this is per cent")
def per_cent(scores):
    return {name: 100 * share for name, share in master(scores).items()}


@mistake("Scores in half precision.", fails="ord-more", says="no score is rounded")
def half(scores):
    return master(scores.half())


@mistake(
    "Diagonal against the sum of all wrong scores.",
    fails="ord-diagonal, ord-more",
    says="diagonal compares with the SUM of all wrong scores",
)
def against_their_sum(scores):
    own = scores.diagonal(dim1=1, dim2=2).sum(1)
    wins = own > scores.sum((1, 2)) - own
    return master(scores) | {"diagonal": wins.float().mean().item()}
