"""Right and wrong answers to parameter_groups."""

from bank import mistake, right


def sort_by(parameters, decays, counts=lambda one: one["learns"], key="storage"):
    groups, met = {"decay": [], "keep": []}, set()
    for one in parameters:
        if counts(one) and one[key] not in met:
            met.add(one[key])
            groups["decay" if decays(one) else "keep"].append(one["name"])
    return groups


def by_axes(one):
    return len(one["shape"]) >= 2


@right("As the solutions write it.")
def master(parameters):
    groups, met = {"decay": [], "keep": []}, set()
    for parameter in parameters:
        if parameter["learns"] and parameter["storage"] not in met:
            met.add(parameter["storage"])
            group = "decay" if len(parameter["shape"]) >= 2 else "keep"
            groups[group].append(parameter["name"])
    return groups


@right("First names by a dictionary filled from behind, then two comprehensions.")
def comprehensions(parameters):
    first = {p["storage"]: p["name"] for p in reversed(parameters)}
    mine = [p for p in parameters if p["learns"] and first[p["storage"]] == p["name"]]
    return {
        "keep": [p["name"] for p in mine if not p["shape"][1:]],
        "decay": [p["name"] for p in mine if p["shape"][1:]],
    }


@right("Tuples in place of lists.")
def tuples(parameters):
    kept, decayed, met = (), (), []
    for p in parameters:
        if not p["learns"] or p["storage"] in met:
            continue
        met += [p["storage"]]
        if len(p["shape"]) < 2:
            kept += (p["name"],)
        else:
            decayed += (p["name"],)
    return {"decay": decayed, "keep": kept}


@right("Two lists by a helper that remembers in the dictionary's own names.")
def by_helper(parameters):
    def take(test, taken):
        for p in parameters:
            if p["learns"] and test(len(p["shape"])):
                taken.setdefault(p["storage"], p["name"])
        return list(taken.values())

    return {"decay": take(lambda axes: axes > 1, {}), "keep": take(lambda axes: axes < 2, {})}


@mistake(
    "By name: what ends in bias keeps.",
    fails="group-axes, group-frozen, group-shared",
    says="it has",
)
def by_bias(parameters):
    return sort_by(parameters, lambda one: not one["name"].endswith("bias"))


@mistake("By name: bias and norm keep.", fails="group-axes", says="it has")
def by_bias_and_norm(parameters):
    return sort_by(parameters, lambda one: "bias" not in one["name"] and "norm" not in one["name"])


@mistake(
    "By name: what ends in weight decays.",
    fails="group-axes, group-frozen, group-shared",
    says="it has",
)
def by_weight(parameters):
    return sort_by(parameters, lambda one: one["name"].endswith("weight"))


@mistake("Exactly two axes.", fails="group-axes", says="it has 4 axes")
def exactly_two(parameters):
    return sort_by(parameters, lambda one: len(one["shape"]) == 2)


@mistake(
    "One axis decays too.",
    fails="group-axes, group-frozen, group-shared, group-edges",
    says="it has 1 axis",
)
def one_axis(parameters):
    return sort_by(parameters, lambda one: len(one["shape"]) >= 1)


@mistake(
    "Everything decays but single numbers.",
    fails="group-axes, group-frozen, group-shared, group-edges",
    says="it has",
)
def more_than_one_number(parameters):
    def numbers(shape):
        product = 1
        for side in shape:
            product *= side
        return product

    return sort_by(parameters, lambda one: numbers(one["shape"]) > 1)


@mistake("By size: large tensors decay.", fails="group-axes, group-edges", says="it has")
def by_size(parameters):
    def numbers(shape):
        product = 1
        for side in shape:
            product *= side
        return product

    return sort_by(parameters, lambda one: numbers(one["shape"]) > 64)


@mistake("Rows of length 1 are no axis.", fails="group-axes", says="it has 2 axes")
def squeezed(parameters):
    return sort_by(parameters, lambda one: len([side for side in one["shape"] if side > 1]) >= 2)


@mistake("Frozen ones too.", fails="group-frozen, group-edges", says="does not learn")
def frozen_too(parameters):
    return sort_by(parameters, by_axes, counts=lambda one: True)


@mistake("Frozen ones keep.", fails="group-frozen, group-edges", says="does not learn")
def frozen_keep(parameters):
    return sort_by(parameters, lambda one: by_axes(one) and one["learns"], counts=lambda one: True)


@mistake(
    "Only what is frozen.",
    fails="group-axes, group-frozen, group-shared, group-edges",
    says="is in no group",
)
def only_frozen(parameters):
    return sort_by(parameters, by_axes, counts=lambda one: not one["learns"])


@mistake("A shared tensor twice.", fails="group-shared", says="under two names")
def twice(parameters):
    return sort_by(parameters, by_axes, key="name")


@mistake("By its last name.", fails="group-shared", says="is the second name of its tensor")
def last_name(parameters):
    last = {one["storage"]: one["name"] for one in parameters}
    chosen = [one for one in parameters if last[one["storage"]] == one["name"]]
    return sort_by(chosen, by_axes)


@mistake("A shared tensor in no group.", fails="group-shared", says="is in no group")
def left_out(parameters):
    storages = [one["storage"] for one in parameters]
    return sort_by([p for p in parameters if storages.count(p["storage"]) == 1], by_axes)


@mistake(
    "Equal shapes are taken for one tensor.",
    fails="group-axes, group-shared, group-edges",
    says="is in no group",
)
def by_shape(parameters):
    described = [one | {"storage": str(one["shape"])} for one in parameters]
    return sort_by(described, by_axes)


@mistake("Sorted by name.", fails="group-axes, group-edges", says="the order in which they came")
def in_alphabet(parameters):
    return {group: sorted(names) for group, names in master(parameters).items()}


@mistake(
    "Groups exchanged.", fails="group-axes, group-frozen, group-shared, group-edges", says="it has"
)
def exchanged(parameters):
    return sort_by(parameters, lambda one: not by_axes(one))


@mistake("A crash where nothing learns.", fails="group-edges", says="no parameter at all")
def crashes(parameters):
    groups = master(parameters)
    return groups if parameters[0] else groups


@mistake(
    "A pair of lists.",
    fails="group-axes, group-frozen, group-shared, group-edges",
    says="a dictionary with the keys",
)
def pair(parameters):
    groups = master(parameters)
    return groups["decay"], groups["keep"]


@mistake(
    "Takes what it sorts out of the list.", fails="group-edges", says="changed its first argument"
)
def pops(parameters):
    groups = master(parameters)
    while parameters:
        parameters.pop()
    return groups
