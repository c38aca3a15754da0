"""Right and wrong answers to diagnose."""

import math
from collections import Counter

import numpy as np

from bank import mistake, right

NOTHING, SCALE, TWINS = "nothing learnt", "scale beyond its limit", "at the floor of its twins"
HELD_OUT, LEARNING = "fails on held-out pairs", "learning"
LIMIT = math.log(100) + 0.001
NAMED = (NOTHING, SCALE, TWINS, HELD_OUT)


def floor_of(texts):
    return sum(k * math.log(k) for k in Counter(texts).values()) / len(texts)


def facts(log, end=None, nothing=None, floor=None):
    """Whether each of the four rules holds, with what is left out as the question says it."""
    end = max(1, len(log["losses"]) // 4) if end is None else end
    nothing = math.log(len(log["texts"])) if nothing is None else nothing
    floor = floor_of(log["texts"]) if floor is None else floor
    loss = sum(log["losses"][-end:]) / len(log["losses"][-end:])
    return {
        NOTHING: loss >= 0.95 * nothing,
        SCALE: max(log["t"][-end:]) > LIMIT,
        TWINS: floor > 0 and loss <= floor + 0.05 * nothing,
        HELD_OUT: log["held_out"] >= 0.95 * nothing,
    }


def first(holds, order=NAMED):
    return next((name for name in order if holds[name]), LEARNING)


@right("As the solutions write it.")
def master(log):
    texts, losses = log["texts"], log["losses"]
    nothing = math.log(len(texts))
    floor = sum(k * math.log(k) for k in Counter(texts).values()) / len(texts)
    end = max(1, len(losses) // 4)
    loss = sum(losses[-end:]) / end
    if loss >= 0.95 * nothing:
        return "nothing learnt"
    if max(log["t"][-end:]) > math.log(100) + 0.001:
        return "scale beyond its limit"
    if floor > 0 and loss <= floor + 0.05 * nothing:
        return "at the floor of its twins"
    if log["held_out"] >= 0.95 * nothing:
        return "fails on held-out pairs"
    return "learning"


@right("From a table of rules.")
def table(log):
    return first(facts(log))


@right("With NumPy, the last rule asked first.")
def backwards(log):
    losses, t = np.array(log["losses"]), np.array(log["t"])
    end = max(1, losses.size // 4)
    nothing = np.log(len(log["texts"]))
    floor = np.mean([np.log(log["texts"].count(text)) for text in log["texts"]])
    verdict = LEARNING
    if log["held_out"] / nothing >= 0.95:
        verdict = HELD_OUT
    if floor > 1e-9 and losses[-end:].mean() <= floor + 0.05 * nothing:
        verdict = TWINS
    if (t[-end:] > np.log(100) + 0.001).any():
        verdict = SCALE
    return NOTHING if losses[-end:].mean() / nothing >= 0.95 else verdict


@right("Everything as a share of ln N.")
def as_shares(log):
    count = len(log["texts"])
    share = 1 / math.log(count)
    steps = len(log["losses"])
    last = slice(steps - max(steps // 4, 1), steps)
    loss = math.fsum(log["losses"][last]) / len(log["losses"][last]) * share
    twins = floor_of(log["texts"]) * share
    if loss >= 0.95:
        return NOTHING
    if any(t > LIMIT for t in log["t"][last]):
        return SCALE
    if len(set(log["texts"])) < count and loss - twins <= 0.05:
        return TWINS
    return LEARNING if log["held_out"] * share < 0.95 else HELD_OUT


@mistake(
    "The mean of all steps.",
    fails="log-nothing, log-scale, log-twins, log-held-out, log-learning, log-order",
    says="the mean of ALL steps",
)
def all_steps(log):
    return first(facts(log, end=len(log["losses"])))


@mistake(
    "The first quarter.",
    fails="log-nothing, log-scale, log-twins, log-held-out, log-learning, log-order",
    says="wanted",
)
def first_quarter(log):
    turned = log | {"losses": log["losses"][::-1], "t": log["t"][::-1]}
    return first(facts(turned))


@mistake(
    "ln of the number of different texts.",
    fails="log-twins",
    says="wanted",
)
def of_kinds(log):
    return first(facts(log, nothing=math.log(len(set(log["texts"])))))


@mistake(
    "ln 24, as in most of the logs.",
    fails="log-nothing, log-held-out",
    says="wanted 'nothing learnt'",
)
def of_24(log):
    return first(facts(log, nothing=math.log(24)))


@mistake(
    "No floor is looked for.",
    fails="log-twins, log-order",
    says="wanted 'at the floor of its twins'",
)
def no_floor(log):
    return first(facts(log, floor=0.0))


@mistake("The floor of a single pair of twins.", fails="log-twins, log-order", says="wanted")
def one_pair(log):
    texts = log["texts"]
    return first(
        facts(log, floor=2 * math.log(2) / len(texts) if len(set(texts)) < len(texts) else 0)
    )


@mistake(
    "A low loss without twins is a floor, too.",
    fails="log-twins, log-learning",
    says="no text comes twice: there is no floor",
)
def floor_of_none(log):
    holds = facts(log)
    nothing = math.log(len(log["texts"]))
    end = max(1, len(log["losses"]) // 4)
    loss = sum(log["losses"][-end:]) / end
    return first(holds | {TWINS: loss <= floor_of(log["texts"]) + 0.05 * nothing})


@mistake(
    "Any twins at all.",
    fails="log-twins, log-learning",
    says="'at the floor of its twins' came back",
)
def any_twins(log):
    return first(facts(log) | {TWINS: len(set(log["texts"])) < len(log["texts"])})


@mistake(
    "The limit is 100, and t a logarithm.",
    fails="log-scale, log-order",
    says="wanted 'scale beyond its limit'",
)
def limit_of_100(log):
    end = max(1, len(log["losses"]) // 4)
    return first(facts(log) | {SCALE: max(log["t"][-end:]) > 100.001})


@mistake("At the limit counts too.", fails="log-scale", says="'scale beyond its limit' came back")
def at_limit(log):
    end = max(1, len(log["losses"]) // 4)
    return first(facts(log) | {SCALE: max(log["t"][-end:]) >= math.log(100) - 0.001})


@mistake("The last t alone.", fails="log-order", says="wanted 'scale beyond its limit'")
def last_t(log):
    return first(facts(log) | {SCALE: log["t"][-1] > LIMIT})


@mistake("Any t of the run.", fails="log-order", says="'scale beyond its limit' came back")
def any_t(log):
    return first(facts(log) | {SCALE: max(log["t"]) > LIMIT})


@mistake(
    "Held out worse than trained.",
    fails="log-twins, log-held-out, log-learning, log-scale, log-nothing, log-order",
    says="'fails on held-out pairs' came back",
)
def worse(log):
    return first(facts(log) | {HELD_OUT: log["held_out"] > log["losses"][-1]})


@mistake(
    "Held out is not looked at.", fails="log-held-out", says="wanted 'fails on held-out pairs'"
)
def not_held_out(log):
    return first(facts(log) | {HELD_OUT: False})


@mistake(
    "Held out above ln N, not near it.",
    fails="log-held-out",
    says="wanted 'fails on held-out pairs'",
)
def above(log):
    return first(facts(log) | {HELD_OUT: log["held_out"] >= math.log(len(log["texts"]))})


@mistake("Near ln N, but not above it.", fails="log-nothing", says="wanted 'nothing learnt'")
def near_only(log):
    nothing = math.log(len(log["texts"]))
    end = max(1, len(log["losses"]) // 4)
    loss = sum(log["losses"][-end:]) / end
    return first(facts(log) | {NOTHING: abs(loss - nothing) <= 0.05 * nothing})


@mistake("The scale is asked first.", fails="log-order", says="wanted 'nothing learnt'")
def scale_first(log):
    return first(facts(log), (SCALE, NOTHING, TWINS, HELD_OUT))


@mistake(
    "Held out is asked before twins.", fails="log-order", says="wanted 'at the floor of its twins'"
)
def held_out_early(log):
    return first(facts(log), (NOTHING, SCALE, HELD_OUT, TWINS))


@mistake("The last that holds.", fails="log-nothing, log-order", says="wanted")
def last_that_holds(log):
    return first(facts(log), NAMED[::-1])


@mistake("A quarter of three steps is none.", fails="log-order", says="ZeroDivisionError")
def no_step(log):
    end = len(log["losses"]) // 4
    mean = sum(log["losses"][len(log["losses"]) - end :]) / end
    return master(log) if mean is not None else LEARNING


@mistake(
    "Always learning.",
    fails="log-nothing, log-scale, log-twins, log-held-out, log-order",
    says="'learning' came back",
)
def always(log):
    return LEARNING


@mistake(
    "In words of its own.",
    fails="log-nothing, log-scale, log-twins, log-held-out, log-learning, log-order",
    says="wanted one of",
)
def own_words(log):
    return master(log).upper()


@mistake("Cuts the log that was passed.", fails="log-order", says="changed its first argument")
def cuts(log):
    verdict = master(log)
    log["losses"] = log["losses"][-1:]
    return verdict


def with_loss(log, loss):
    """The facts with another number for the end's loss."""
    return facts(log | {"losses": [loss] * len(log["losses"])})


@mistake("The end is rounded up.", fails="log-order", says="'nothing learnt' came back")
def rounded_up(log):
    return first(facts(log, end=-(-len(log["losses"]) // 4)))


@mistake("The end is rounded.", fails="log-order", says="'nothing learnt' came back")
def rounded(log):
    return first(facts(log, end=max(1, round(len(log["losses"]) / 4))))


@mistake("The median of the end.", fails="log-nothing", says="wanted")
def median(log):
    end = max(1, len(log["losses"]) // 4)
    return first(with_loss(log, float(np.median(log["losses"][-end:]))))


@mistake("The lowest loss of the end.", fails="log-nothing", says="wanted 'nothing learnt'")
def lowest(log):
    end = max(1, len(log["losses"]) // 4)
    return first(with_loss(log, min(log["losses"][-end:])))


@mistake("The last loss.", fails="log-nothing", says="wanted")
def last_loss(log):
    return first(with_loss(log, log["losses"][-1]))


@mistake(
    "A rounding above the limit counts.",
    fails="log-scale",
    says="'scale beyond its limit' came back",
)
def no_room(log):
    end = max(1, len(log["losses"]) // 4)
    return first(facts(log) | {SCALE: max(log["t"][-end:]) > math.log(100) + 1e-9})


@mistake("Too much room above the limit.", fails="log-scale", says="wanted 'scale beyond")
def more_room(log):
    end = max(1, len(log["losses"]) // 4)
    return first(facts(log) | {SCALE: max(log["t"][-end:]) > math.log(100) + 0.01})


@mistake(
    "0.05 of what can be learnt, where 0.05 of ln N is wanted.",
    fails="log-twins",
    says="wanted 'at the floor of its twins'",
)
def room_of_share(log):
    nothing, floor = math.log(len(log["texts"])), floor_of(log["texts"])
    end = max(1, len(log["losses"]) // 4)
    loss = sum(log["losses"][-end:]) / end
    return first(facts(log) | {TWINS: floor > 0 and loss <= floor + 0.05 * (nothing - floor)})


@mistake(
    "Nothing is learnt where the share of question 1 is at most 0.05.",
    fails="log-nothing",
    says="wanted 'nothing learnt'",
)
def by_share(log):
    nothing, floor = math.log(len(log["texts"])), floor_of(log["texts"])
    end = max(1, len(log["losses"]) // 4)
    loss = sum(log["losses"][-end:]) / end
    return first(facts(log) | {NOTHING: loss >= nothing - 0.05 * (nothing - floor)})


@mistake("Above 0.95 ln N, not at least.", fails="log-nothing", says="wanted 'nothing learnt'")
def loss_above(log):
    end = max(1, len(log["losses"]) // 4)
    loss = sum(log["losses"][-end:]) / end
    return first(facts(log) | {NOTHING: loss > 0.95 * math.log(len(log["texts"]))})


@mistake(
    "Held out above 0.95 ln N, not at least.",
    fails="log-held-out",
    says="wanted 'fails on held-out pairs'",
)
def held_out_above(log):
    return first(facts(log) | {HELD_OUT: log["held_out"] > 0.95 * math.log(len(log["texts"]))})
