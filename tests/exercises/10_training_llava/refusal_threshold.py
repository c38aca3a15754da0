"""Right and wrong answers to refusal_threshold."""

import torch
from bank import mistake, right


def cost_of(t, asked, costs, *, free=False, honest=False):
    wrong, refused = costs
    total = 0
    for p, can, good in asked:
        if p <= t:
            total += 0 if good else wrong
        elif (can or honest) and not free:
            total += refused
    return total


def share(flags):
    flags = list(flags)
    return sum(flags) / len(flags) if flags else None


def report(t, test, costs, *, nothing=None):
    """What a threshold brings on test."""
    can = [(p, good) for p, answerable, good in test if answerable]
    found = {
        "threshold": t,
        "answered": share(p <= t for p, _ in can),
        "right": share(good for p, good in can if p <= t),
        "honest": share(p > t for p, answerable, _ in test if not answerable),
        "cost": cost_of(t, test, costs) / len(test) if test else None,
    }
    return {name: nothing if value is None else value for name, value in found.items()}


def cheapest(asked, costs, *, extra=(-1.0,), last=True, **rules):
    choices = sorted({*(p for p, _, _ in asked), *extra}, reverse=last)
    return min(choices, key=lambda t: cost_of(t, asked, costs, **rules))


@right("As the solutions write it.")
def master(validation, test, costs):
    return report(cheapest(validation, costs), test, costs)


@right("In one round over the sorted questions.")
def in_one_round(validation, test, costs):
    wrong, refused = costs
    ordered = sorted(validation)
    total = sum(refused for _, can, _ in ordered if can)
    best, t, place = total, -1.0, 0
    while place < len(ordered):
        p = ordered[place][0]
        while place < len(ordered) and ordered[place][0] == p:
            _, can, good = ordered[place]
            total += (0 if good else wrong) - (refused if can else 0)
            place += 1
        if total <= best:
            best, t = total, p
    return report(t, test, costs)


@right("With tensors.")
def with_tensors(validation, test, costs):
    p = torch.tensor([one[0] for one in validation], dtype=torch.float64)
    can = torch.tensor([one[1] for one in validation])
    good = torch.tensor([one[2] for one in validation])
    choices = torch.cat([p, torch.tensor([-1.0], dtype=torch.float64)]).unique()  # sorted
    given = p[None] <= choices[:, None]  # T Q
    total = costs[0] * (given & ~good).sum(1) + costs[1] * (~given & can).sum(1)
    best = (total == total.min()).nonzero().max()
    return report(choices[best].item(), test, costs)


@right("With pairs of cost and threshold.")
def by_pairs(validation, test, costs):
    def cost(t, some):
        wrong = sum(not good for p, _, good in some if p <= t)
        refused = sum(can for p, can, _ in some if p > t)
        return wrong * costs[0] + refused * costs[1]

    _, t = min((cost(t, validation), -t) for t in [-1.0] + [p for p, _, _ in validation])
    t = -t
    can = [one for one in test if one[1]]
    cannot = [one for one in test if not one[1]]
    given = [one for one in can if one[0] <= t]
    return {
        "cost": cost(t, test) / len(test) if test else None,
        "honest": 1 - sum(p <= t for p, _, _ in cannot) / len(cannot) if cannot else None,
        "right": sum(good for _, _, good in given) / len(given) if given else None,
        "answered": len(given) / len(can) if can else None,
        "threshold": t,
    }


@mistake(
    "Chosen on test.",
    fails="refuse-choice, refuse-ties, refuse-equal, refuse-report, refuse-nothing",
    says="the threshold was chosen on test",
)
def on_test(validation, test, costs):
    return report(cheapest(test, costs), test, costs)


@mistake(
    "Chosen on both.",
    fails="refuse-choice, refuse-ties, refuse-equal, refuse-report, refuse-nothing",
    says="validation and test together",
)
def on_both(validation, test, costs):
    return report(cheapest(validation + test, costs), test, costs)


@mistake(
    "Candidates from both, cost on validation.",
    fails="refuse-choice, refuse-ties, refuse-report",
    says="p of test are among the choices: they are those",
)
def candidates_of_both(validation, test, costs):
    choices = sorted({-1.0, *(p for p, _, _ in validation + test)}, reverse=True)
    t = min(choices, key=lambda one: cost_of(one, validation, costs))
    return report(t, test, costs)


@mistake(
    "Candidates from test, cost on validation.",
    fails="refuse-choice, refuse-ties, refuse-equal, refuse-report, refuse-nothing",
    says="p of test are among the choices: they are those",
)
def candidates_of_test(validation, test, costs):
    choices = sorted({-1.0, *(p for p, _, _ in test)}, reverse=True)
    t = min(choices, key=lambda one: cost_of(one, validation, costs))
    return report(t, test, costs)


@mistake(
    "Candidates from validation, cost on test.",
    fails="refuse-choice, refuse-ties, refuse-equal, refuse-report, refuse-nothing",
    says="the threshold was chosen on test",
)
def cost_on_test(validation, test, costs):
    choices = sorted({-1.0, *(p for p, _, _ in validation)}, reverse=True)
    t = min(choices, key=lambda one: cost_of(one, test, costs))
    return report(t, test, costs)


@mistake("The smallest of equals.", fails="refuse-ties", says="the largest is wanted")
def smallest(validation, test, costs):
    return report(cheapest(validation, costs, last=False), test, costs)


@mistake("Refusing everything is no choice.", fails="refuse-ties", says="refuses everything")
def no_minus_one(validation, test, costs):
    return report(cheapest(validation, costs, extra=()), test, costs)


@mistake("0 in place of −1.", fails="refuse-ties", says="threshold is")
def zero(validation, test, costs):
    return report(cheapest(validation, costs, extra=(0.0,)), test, costs)


@mistake(
    "A grid of hundredths.",
    fails="refuse-choice, refuse-ties, refuse-equal, refuse-report, refuse-nothing",
    says="threshold is",
)
def grid(validation, test, costs):
    choices = [n / 100 for n in range(100, -1, -1)]
    t = min(choices, key=lambda one: cost_of(one, validation, costs))
    return report(t, test, costs)


@mistake(
    "p equal to t is refused.",
    fails="refuse-choice, refuse-ties, refuse-equal, refuse-report, refuse-nothing",
    says="is answered",
)
def equal_refused(validation, test, costs):
    def cost(t, asked):
        return sum((0 if good else costs[0]) if p < t else costs[1] * can for p, can, good in asked)

    choices = sorted({-1.0, *(p for p, _, _ in validation)}, reverse=True)
    t = min(choices, key=lambda one: cost(one, validation))
    can = [(p, good) for p, answerable, good in test if answerable]
    return {
        "threshold": t,
        "answered": share(p < t for p, _ in can),
        "right": share(good for p, good in can if p < t),
        "honest": share(p >= t for p, answerable, _ in test if not answerable),
        "cost": cost(t, test) / len(test) if test else None,
    }


@mistake(
    "An honest refusal costs as well.",
    fails="refuse-choice, refuse-ties, refuse-equal",
    says="nothing",
)
def honest_costs(validation, test, costs):
    return report(cheapest(validation, costs, honest=True), test, costs)


@mistake(
    "Refusing is free.",
    fails="refuse-choice, refuse-ties, refuse-equal",
    says="has a cost of its own",
)
def free_refusals(validation, test, costs):
    return report(cheapest(validation, costs, free=True), test, costs)


@mistake(
    "The costs are swapped.",
    fails="refuse-choice, refuse-ties, refuse-equal",
    says="the two costs are swapped",
)
def swapped(validation, test, costs):
    return report(cheapest(validation, costs[::-1]), test, costs)


@mistake(
    "Always one half.",
    fails="refuse-choice, refuse-ties, refuse-equal, refuse-report, refuse-nothing",
    says="threshold is",
)
def one_half(validation, test, costs):
    return report(0.5, test, costs)


@mistake(
    "The most right answers, whatever they cost.",
    fails="refuse-choice, refuse-ties, refuse-equal, refuse-report, refuse-nothing",
    says="threshold is",
)
def most_right(validation, test, costs):
    choices = sorted({-1.0, *(p for p, _, _ in validation)}, reverse=True)
    t = max(choices, key=lambda one: sum(good for p, _, good in validation if p <= one))
    return report(t, test, costs)


@mistake(
    "Right among all that can be answered.",
    fails="refuse-report, refuse-nothing",
    says="a share of the answered",
)
def right_of_all(validation, test, costs):
    found = master(validation, test, costs)
    t = found["threshold"]
    return found | {"right": share(good and p <= t for p, can, good in test if can)}


@mistake(
    "Right among everything that is answered.",
    fails="refuse-report, refuse-nothing",
    says="right is",
)
def right_of_given(validation, test, costs):
    found = master(validation, test, costs)
    return found | {"right": share(good for p, _, good in test if p <= found["threshold"])}


@mistake("The sum of costs.", fails="refuse-report, refuse-nothing", says="the cost is the sum")
def summed(validation, test, costs):
    found = master(validation, test, costs)
    return found | {"cost": float(cost_of(found["threshold"], test, costs)) if test else None}


@mistake("The cost on validation.", fails="refuse-report, refuse-nothing", says="cost is")
def cost_of_validation(validation, test, costs):
    found = master(validation, test, costs)
    mean = cost_of(found["threshold"], validation, costs) / len(validation)
    return found | {"cost": mean if test else None}


@mistake("A share of nothing is 0.", fails="refuse-nothing", says="wanted None")
def nothing_is_zero(validation, test, costs):
    return report(cheapest(validation, costs), test, costs, nothing=0.0)


@mistake(
    "A share of nothing divides by 0.",
    fails="refuse-ties, refuse-nothing",
    says="ZeroDivisionError",
)
def divides(validation, test, costs):
    found = master(validation, test, costs)
    t = found["threshold"]
    given = [good for p, can, good in test if can and p <= t]
    return found | {"right": sum(given) / len(given)}


@mistake(
    "The questions are sorted in place.", fails="refuse-report", says="changed its second argument"
)
def in_place(validation, test, costs):
    found = master(validation, test, costs)
    test.sort(reverse=True)
    test.append((0.0, True, True))
    return found


@mistake(
    "Choices only where the answer is right.",
    fails="refuse-choice, refuse-ties",
    says="also where the answer is wrong",
)
def only_right(validation, test, costs):
    choices = sorted({-1.0, *(p for p, can, good in validation if can and good)}, reverse=True)
    return report(min(choices, key=lambda t: cost_of(t, validation, costs)), test, costs)


@mistake(
    "Choices only of what can be answered.",
    fails="refuse-ties",
    says="also of what cannot be answered",
)
def only_can(validation, test, costs):
    choices = sorted({-1.0, *(p for p, can, _ in validation if can)}, reverse=True)
    return report(min(choices, key=lambda t: cost_of(t, validation, costs)), test, costs)


@mistake(
    "To answer what cannot be answered is free.",
    fails="refuse-choice, refuse-ties, refuse-equal, refuse-report, refuse-nothing",
    says="cannot be answered costs as a wrong one",
)
def free_answers(validation, test, costs):
    can = [one for one in validation if one[1]]
    choices = sorted({-1.0, *(p for p, _, _ in validation)}, reverse=True)
    return report(min(choices, key=lambda t: cost_of(t, can, costs)), test, costs)
