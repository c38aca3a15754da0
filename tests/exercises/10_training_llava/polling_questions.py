"""Right and wrong answers to polling_questions."""

import random
from collections import Counter

import torch
from bank import mistake, right


def refuse(kind):
    if kind not in ("random", "popular", "adversarial"):
        raise ValueError(f"{kind!r} is no kind")


def holds(name, known):
    return sum(name in one for one in known)


def company(name, there, known):
    return sum(name in one and other in one for one in known for other in there)


def asked(scene, known, names, kind, each, *, popular=None, adversarial=None):
    """As the solution, with other ways to count."""
    there = set(scene)
    number = {
        "random": lambda name: 0,
        "popular": popular or (lambda name: holds(name, known)),
        "adversarial": adversarial or (lambda name: company(name, there, known)),
    }[kind]
    yes = [n for n in names if n in there]
    no = sorted((n for n in names if n not in there), key=number, reverse=True)
    return [q for a, b in list(zip(yes, no))[:each] for q in ((a, True), (b, False))]


@right("As the solutions write it.")
def master(scene, known, names, kind, each):
    refuse(kind)
    return asked(scene, known, names, kind, each)


@right("With counters.")
def with_counters(scene, known, names, kind, each):
    tempting = Counter()
    if kind == "popular":
        for one in known:
            tempting.update(set(one))
    elif kind == "adversarial":
        for one in known:
            both = set(one) & set(scene)
            for name in set(one) - set(scene):
                tempting[name] += len(both)
    elif kind != "random":
        raise ValueError(kind)
    place = {name: n for n, name in enumerate(names)}
    no = [n for n in names if n not in scene]
    no.sort(key=lambda n: (-tempting[n], place[n]))
    yes = [n for n in names if n in scene]
    some = min(each, len(yes), len(no))
    out = []
    for k in range(some):
        out.append((yes[k], True))
        out.append((no[k], False))
    return tuple(out)


@right("Taking the best again and again.")
def again_and_again(scene, known, names, kind, each):
    refuse(kind)
    left = [n for n in names if n not in scene]
    yes = [n for n in names if n in scene][:each]
    out = []
    for name in yes:
        if not left:
            break
        if kind == "popular":
            best = max(left, key=lambda n: holds(n, known))
        elif kind == "adversarial":
            best = max(left, key=lambda n: company(n, set(scene), known))
        else:
            best = left[0]
        left.remove(best)
        out += [[name, True], [best, False]]
    return out


@right("With tensors of whole numbers.")
def with_tensors(scene, known, names, kind, each):
    if kind not in {"random", "popular", "adversarial"}:
        raise ValueError(kind)
    others = sorted({*names, *scene, *(n for one in known for n in one)})
    holding = torch.zeros(len(known), len(others), dtype=torch.long)
    for row, one in enumerate(known):
        for name in one:
            holding[row, others.index(name)] = 1
    there = torch.tensor([n in scene for n in others], dtype=torch.long)
    tempting = {
        "random": torch.zeros(len(others), dtype=torch.long),
        "popular": holding.sum(0),
        "adversarial": (holding.T @ holding) @ there,
    }[kind]
    no = [n for n in names if n not in scene]
    order = torch.tensor([-int(tempting[others.index(n)]) for n in no]).argsort(stable=True)
    yes = [n for n in names if n in scene]
    pairs = zip(yes[:each], order.tolist())
    return [q for a, k in pairs for q in ((a, True), (no[k], False))]


@mistake(
    "Drawn from the global generator.",
    fails="poll-random, poll-balanced, poll-popular, poll-adversarial, poll-ties",
    says="wanted",
)
def global_draw(scene, known, names, kind, each):
    refuse(kind)
    random.seed(
        len(known) + 7 * len(names)
    )  # the same at every run, or it might be right by chance
    shuffled = random.sample(names, len(names))
    return asked(scene, known, shuffled, kind, each)


@mistake(
    "First all yes, then all no.",
    fails="poll-random, poll-balanced, poll-popular, poll-adversarial, poll-ties",
    says="in turn",
)
def not_in_turn(scene, known, names, kind, each):
    return sorted(master(scene, known, names, kind, each), key=lambda one: not one[1])


@mistake(
    "Not balanced.",
    fails="poll-random, poll-balanced, poll-popular, poll-adversarial, poll-ties",
    says="as many of both",
)
def not_balanced(scene, known, names, kind, each):
    refuse(kind)
    yes = [n for n in names if n in scene][:each]
    no = [b for _, b in zip(range(each), no_names(scene, known, names, kind))]
    return [(n, True) for n in yes] + [(n, False) for n in no]


def no_names(scene, known, names, kind):
    there = set(scene)
    number = {
        "random": lambda name: 0,
        "popular": lambda name: holds(name, known),
        "adversarial": lambda name: company(name, there, known),
    }[kind]
    return sorted((n for n in names if n not in there), key=number, reverse=True)


@mistake(
    "As many as asked for, whatever is there.",
    fails="poll-balanced, poll-adversarial",
    says="wanted",
)
def unequal(scene, known, names, kind, each):
    refuse(kind)
    yes = [n for n in names if n in scene][:each]
    no = no_names(scene, known, names, kind)[:each]
    out = []
    for k in range(each):
        out += [(n, True) for n in yes[k : k + 1]] + [(n, False) for n in no[k : k + 1]]
    return out


@mistake(
    "A present name may be asked for in vain.",
    fails="poll-random, poll-balanced, poll-popular, poll-adversarial, poll-ties",
    says="wanted",
)
def present_in_vain(scene, known, names, kind, each):
    refuse(kind)
    yes = [n for n in names if n in scene]
    return [q for a, b in list(zip(yes, names))[:each] for q in ((a, True), (b, False))]


@mistake(
    "In the order of the scene.",
    fails="poll-random, poll-balanced, poll-popular, poll-adversarial, poll-ties",
    says="wanted",
)
def scene_order(scene, known, names, kind, each):
    out = master(scene, known, names, kind, each)
    yes = [n for n in dict.fromkeys(scene) if n in names][: len(out) // 2]
    return [q for a, (b, _) in zip(yes, out[1::2]) for q in ((a, True), (b, False))]


@mistake(
    "A name twice in the scene is asked for twice.",
    fails="poll-random, poll-balanced, poll-popular, poll-adversarial",
    says="wanted",
)
def repeats(scene, known, names, kind, each):
    refuse(kind)
    yes = [n for n in names for _ in range(scene.count(n))]
    no = no_names(scene, known, names, kind)
    return [q for a, b in list(zip(yes, no))[:each] for q in ((a, True), (b, False))]


@mistake(
    "Every copy in a scene counts.", fails="poll-popular, poll-adversarial", says="counts once"
)
def copies_count(scene, known, names, kind, each):
    refuse(kind)
    return asked(
        scene, known, names, kind, each,
        popular=lambda n: sum(one.count(n) for one in known),
        adversarial=lambda n: sum(one.count(n) * one.count(o) for one in known for o in scene),
    )  # fmt: skip


@mistake(
    "Every copy of its company in a scene counts.",
    fails="poll-adversarial",
    says="a scene that holds a name three times counts once",
)
def copies_of_company(scene, known, names, kind, each):
    refuse(kind)
    there = set(scene)
    return asked(
        scene, known, names, kind, each,
        adversarial=lambda n: sum(o in there for one in known if n in one for o in one),
    )  # fmt: skip


@mistake(
    "A scene counts once for all of its company.", fails="poll-adversarial", says="counts for both"
)
def any_company(scene, known, names, kind, each):
    refuse(kind)
    there = set(scene)
    return asked(
        scene, known, names, kind, each,
        adversarial=lambda n: sum(n in one and bool(there & set(one)) for one in known),
    )  # fmt: skip


@mistake("Adversarial is popular.", fails="poll-adversarial", says="adversarial is not popular")
def same_as_popular(scene, known, names, kind, each):
    refuse(kind)
    return asked(scene, known, names, kind, each, adversarial=lambda n: holds(n, known))


@mistake(
    "Company only of names that may be asked for.", fails="poll-adversarial", says="not in names"
)
def company_in_names(scene, known, names, kind, each):
    refuse(kind)
    there = {n for n in scene if n in names}
    return asked(scene, known, names, kind, each, adversarial=lambda n: company(n, there, known))


@mistake(
    "The scene itself is counted too.",
    fails="poll-popular, poll-adversarial, poll-ties",
    says="wanted",
)
def least_popular(scene, known, names, kind, each):
    refuse(kind)
    return asked(
        scene, known, names, kind, each,
        popular=lambda n: -holds(n, known), adversarial=lambda n: -company(n, set(scene), known),
    )  # fmt: skip


@mistake(
    "Sorted, then reversed: the last of equals.",
    fails="poll-popular, poll-adversarial, poll-ties",
    says="takes another",
)
def last_of_equals(scene, known, names, kind, each):
    refuse(kind)
    if kind == "random":
        return asked(scene, known, names, kind, each)
    no = no_names(scene, known, names[::-1], kind)
    yes = [n for n in names if n in scene]
    return [q for a, b in list(zip(yes, no))[:each] for q in ((a, True), (b, False))]


@mistake(
    "By the alphabet.",
    fails="poll-random, poll-balanced, poll-popular, poll-adversarial, poll-ties",
    says="not the alphabet",
)
def alphabet(scene, known, names, kind, each):
    refuse(kind)
    return asked(scene, known, sorted(names), kind, each)


@mistake("An unknown kind is random.", fails="poll-ties", says="raise a ValueError")
def unknown_is_random(scene, known, names, kind, each):
    if kind not in ("popular", "adversarial"):
        kind = "random"
    return asked(scene, known, names, kind, each)


@mistake("The names are sorted in place.", fails="poll-ties", says="changed its third argument")
def in_place(scene, known, names, kind, each):
    out = master(scene, known, list(names), kind, each)
    names.sort()
    return out


@mistake(
    "The scene's own repeated names count each time.",
    fails="poll-adversarial",
    says="a name that this scene holds several times counts once",
)
def scene_repeats(scene, known, names, kind, each):
    refuse(kind)
    return asked(
        scene, known, names, kind, each,
        adversarial=lambda n: sum(n in one and o in one for one in known for o in scene),
    )  # fmt: skip


@mistake(
    "The most for one name of the scene, not the sum.",
    fails="poll-adversarial",
    says="the most for one name",
)
def most_for_one(scene, known, names, kind, each):
    refuse(kind)
    return asked(
        scene, known, names, kind, each,
        adversarial=lambda n: max((company(n, [o], known) for o in set(scene)), default=0),
    )  # fmt: skip
