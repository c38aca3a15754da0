"""Right and wrong answers to set_stage."""

from bank import mistake, right

PARTS = {1: ("projector",), 2: ("projector", "language")}


def staged(weights, stage, *, may, tied=all, once=True, keep=lambda flag: False):
    """As the solution, with the rules that mistakes change."""
    flags = {}
    for one in weights:
        flags.setdefault(one["storage"], []).append(may(one["name"]))
    made, names, met = [], [], set()
    for one in weights:
        learns = tied(flags[one["storage"]]) if tied else may(one["name"])
        grad = one["grad"] if keep(learns) else None
        made.append(
            {"name": one["name"], "storage": one["storage"], "learns": learns, "grad": grad}
        )
        if learns and not (once and one["storage"] in met):
            met.add(one["storage"])
            names.append(one["name"])
    return made, names


def refuse(stage):
    if stage not in (1, 2):
        raise ValueError(f"stage {stage}: pass 1 or 2")


def first(name):
    return name.split(".")[0]


@right("As the solutions write it.")
def master(weights, stage):
    refuse(stage)
    return staged(weights, stage, may=lambda name: first(name) in PARTS[stage])


@right("With a set of storages that stand still, and tuples.")
def by_frozen(weights, stage):
    if stage == 1:
        learning = {"projector"}
    elif stage == 2:
        learning = {"projector", "language"}
    else:
        raise ValueError("no such stage")
    still = {w["storage"] for w in weights if w["name"].partition(".")[0] not in learning}
    made = [dict(w, learns=w["storage"] not in still, grad=None) for w in weights]
    firsts = {}
    for w in made:
        if w["learns"]:
            firsts.setdefault(w["storage"], w["name"])
    return tuple(made), tuple(firsts.values())


@right("With one round over the storages.")
def by_storage(weights, stage):
    if stage != 1 and stage != 2:
        raise ValueError(stage)
    groups = {}
    for place, w in enumerate(weights):
        groups.setdefault(w["storage"], []).append(place)
    learns = [False] * len(weights)
    firsts = []
    for places in groups.values():
        parts = {first(weights[p]["name"]) for p in places}
        if "vision" in parts or (stage == 1 and "language" in parts):
            continue
        firsts.append(places[0])
        for p in places:
            learns[p] = True
    made = [
        {"name": w["name"], "storage": w["storage"], "learns": flag, "grad": None}
        for w, flag in zip(weights, learns)
    ]
    return made, [weights[p]["name"] for p in sorted(firsts)]


@right("By a part's number: 1 the projector, 2 the language model, 3 the tower.")
def by_number(weights, stage):
    if stage not in range(1, 3):
        raise ValueError("stage is 1 or 2")
    latest = {}
    for w in weights:
        part = ("projector", "language", "vision").index(w["name"].split(".", 1)[0]) + 1
        latest[w["storage"]] = max(part, latest.get(w["storage"], 0))
    made, names, given = [], [], set()
    for w in weights:
        learns = latest[w["storage"]] <= stage
        made.append({**w, "grad": None, "learns": learns})
        if learns and w["storage"] not in given:
            names.append(w["name"])
            given.add(w["storage"])
    return made, names


@mistake(
    "A name that holds the word projector.",
    fails="stage-names, stage-clean",
    says="first word says which part",
)
def holds_projector(weights, stage):
    refuse(stage)
    if stage == 1:
        return staged(weights, stage, may=lambda name: "projector" in name)
    return staged(weights, stage, may=lambda name: "projector" in name or first(name) == "language")


@mistake(
    "Whatever begins with the letters.",
    fails="stage-names, stage-clean",
    says="stands still in yours, and must not",
)
def not_vision_anywhere(weights, stage):
    refuse(stage)
    words = PARTS[stage]
    return staged(
        weights, stage, may=lambda name: "vision" not in name and any(w in name for w in words)
    )


@mistake(
    "In stage 2 the projector is frozen.",
    fails="stage-parts, stage-names, stage-tied, stage-clean",
    says="in stage 2 the projector learns",
)
def projector_done(weights, stage):
    refuse(stage)
    words = {1: ("projector",), 2: ("language",)}[stage]
    return staged(weights, stage, may=lambda name: first(name) in words)


@mistake(
    "In stage 2 everything learns.",
    fails="stage-parts, stage-names, stage-tied, stage-clean",
    says="the tower learns in yours",
)
def everything(weights, stage):
    refuse(stage)
    return staged(weights, stage, may=lambda name: stage == 2 or first(name) == "projector")


@mistake("Adapters learn in both stages.", fails="stage-names", says="adapters belong to the part")
def adapters_learn(weights, stage):
    refuse(stage)
    return staged(weights, stage, may=lambda name: "adapter" in name or first(name) in PARTS[stage])


@mistake("Adapters stand still in both stages.", fails="stage-names", says="must not")
def adapters_still(weights, stage):
    refuse(stage)
    return staged(
        weights, stage, may=lambda name: "adapter" not in name and first(name) in PARTS[stage]
    )


@mistake("Each name by itself.", fails="stage-tied", says="one learns and the other does not")
def each_name(weights, stage):
    refuse(stage)
    return staged(weights, stage, may=lambda name: first(name) in PARTS[stage], tied=None)


@mistake("One name that learns is enough.", fails="stage-tied", says="a part that stands still")
def any_name(weights, stage):
    refuse(stage)
    return staged(weights, stage, may=lambda name: first(name) in PARTS[stage], tied=any)


@mistake("The optimizer gets a tensor twice.", fails="stage-tied", says="it would step twice")
def twice(weights, stage):
    refuse(stage)
    return staged(weights, stage, may=lambda name: first(name) in PARTS[stage], once=False)


@mistake(
    "The optimizer gets all weights.",
    fails="stage-parts, stage-names, stage-tied, stage-clean",
    says="the optimizer gets",
)
def optimizer_of_all(weights, stage):
    made, _ = master(weights, stage)
    return made, [one["name"] for one in weights]


@mistake("By the name that comes last.", fails="stage-tied", says="the optimizer gets")
def last_name(weights, stage):
    made, _ = master(weights, stage)
    names = {one["storage"]: one["name"] for one in made if one["learns"]}
    return made, [one["name"] for one in made if names.get(one["storage"]) == one["name"]]


@mistake(
    "In the order of the alphabet.",
    fails="stage-parts, stage-names, stage-tied, stage-clean",
    says="the optimizer gets",
)
def sorted_names(weights, stage):
    made, names = master(weights, stage)
    return made, sorted(names)


@mistake(
    "What stood still before still does.",
    fails="stage-parts, stage-names, stage-tied, stage-clean",
    says="a weight whose learns was False before stays so",
)
def never_thawed(weights, stage):
    made, names = master(weights, stage)
    still = {one["name"] for one in weights if not one["learns"]}
    made = [one | {"learns": one["learns"] and one["name"] not in still} for one in made]
    return made, [name for name in names if name not in still]


@mistake(
    "Gradients of zeros, as zero_grad(set_to_none=False) leaves them.",
    fails="stage-clean",
    says="is another one, and None is wanted: zeros are a gradient as well",
)
def zero_gradients(weights, stage):
    made, names = master(weights, stage)
    grads = [one["grad"] for one in weights]
    return [one | {"grad": None if g is None else 0 * g} for one, g in zip(made, grads)], names


@mistake("Old gradients stay.", fails="stage-clean", says="keep")
def old_gradients(weights, stage):
    refuse(stage)
    return staged(
        weights, stage, may=lambda name: first(name) in PARTS[stage], keep=lambda flag: True
    )


@mistake(
    "Old gradients of frozen weights stay.",
    fails="stage-clean",
    says="an optimizer would follow them",
)
def frozen_gradients(weights, stage):
    refuse(stage)
    return staged(
        weights, stage, may=lambda name: first(name) in PARTS[stage], keep=lambda flag: not flag
    )


@mistake("Old gradients of what learns stay.", fails="stage-clean", says="weights that learn keep")
def learning_gradients(weights, stage):
    refuse(stage)
    return staged(
        weights, stage, may=lambda name: first(name) in PARTS[stage], keep=lambda flag: flag
    )


@mistake(
    "Any other stage is taken for the second.", fails="stage-clean", says="…: raise a ValueError"
)
def any_stage(weights, stage):
    words = PARTS[1 if stage == 1 else 2]
    return staged(weights, stage, may=lambda name: first(name) in words)


@mistake("By assert.", fails="stage-clean", says="a ValueError is wanted")
def by_assert(weights, stage):
    assert stage in (1, 2)
    return staged(weights, stage, may=lambda name: first(name) in PARTS[stage])


@mistake("Written into what was given.", fails="stage-clean", says="changed its first argument")
def in_place(weights, stage):
    made, names = master(weights, stage)
    for one, new in zip(weights, made):
        one.update(new)
    return weights, names
