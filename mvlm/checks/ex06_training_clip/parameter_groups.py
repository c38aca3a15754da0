"""Exercise 06, `parameter_groups`: what may decay."""

from collections import Counter
from typing import Any

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.expect import expect_keys

GROUPS = ("decay", "keep")


def _parameter(name: str, shape: list[int], storage: int, learns: bool = True) -> dict[str, Any]:
    return {"name": name, "shape": shape, "storage": storage, "learns": learns}


def _grouped(parameters: list[dict[str, Any]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {name: [] for name in GROUPS}
    seen: set[int] = set()
    for one in parameters:
        if one["learns"] and one["storage"] not in seen:
            seen.add(one["storage"])
            groups["decay" if len(one["shape"]) >= 2 else "keep"].append(one["name"])
    return groups


def _compare_groups(student: Student, *given: dict[str, Any]) -> None:
    parameters = list(given)
    value = student.call("parameter_groups", parameters)
    expect_keys(value, GROUPS, "parameter_groups", "a dictionary with the keys 'decay' and 'keep'")
    for group in GROUPS:
        names = value[group]
        if type(names) not in (list, tuple) or any(type(name) is not str for name in names):
            fail(f"{group!r} does not hold a list of names", "")
    ours = {group: list(value[group]) for group in GROUPS}
    wanted, every = _grouped(parameters), [*ours["decay"], *ours["keep"]]
    for one in parameters:
        name = one["name"]
        if name in every and not one["learns"]:
            fail(f"{name} does not learn, and is in a group", "A frozen weight has no step at all.")
    for name, times in Counter(every).items():
        if times > 1:
            fail(f"{name} is there {times} times: two steps for one weight")
        if name not in [one["name"] for one in parameters]:
            fail(f"{name!r} is no parameter's name")
    storages = Counter(one["storage"] for one in parameters if one["name"] in every)
    for one in parameters:
        if storages[one["storage"]] > 1:
            fail(
                f"{one['name']} is there under two names: both are one tensor",
                "Equal `storage` means one and the same tensor. Its first name counts.",
            )
    if late := [name for name in every if name not in wanted["decay"] + wanted["keep"]]:
        fail(f"{late[0]} is the second name of its tensor: the name that came first counts", "")
    for one in parameters:
        name, shape = one["name"], one["shape"]
        for group, other in (GROUPS, GROUPS[::-1]):
            if name in wanted[group] and name in ours[other]:
                axes = f"{len(shape)} {'axis' if len(shape) == 1 else 'axes'}"
                fail(f"{name} with the shape {shape} is in {other!r}: it has {axes}")
            if name in wanted[group] and name not in every:
                fail(f"{name} learns, and is in no group")
    if ours != wanted:
        fail(
            "the names do not stand in the order in which they came",
            "Go through the list once, from its start, and sort nothing.",
        )


@check(
    "two axes or more decay, the others keep",
    "Count the axes, and do not trust a name: logit_scale has none, norm.weight has one.",
)
def group_axes(student: Student) -> None:
    wide = 8 * student.integer(3, 9)
    _compare_groups(
        student,
        _parameter("image.class_token", [wide], 0),
        _parameter("image.positions", [26, wide], 1),
        _parameter("image.patches.weight", [wide, 3, 8, 8], 2),
        _parameter("image.blocks.0.norm.weight", [wide], 3),
        _parameter("image.blocks.0.norm.bias", [wide], 4),
        _parameter("image.blocks.0.up.weight", [4 * wide, wide], 5),
        _parameter("image.blocks.0.up.bias", [4 * wide], 6),
        _parameter("logit_scale", [], 7),
        _parameter("logit_bias", [1], 8),
    )
    with student.on("matrices with one row, and whose name says bias or norm"):
        _compare_groups(
            student,
            _parameter("to_one.weight", [1, wide], 0),
            _parameter("attention.bias_table", [wide, 4], 1),
            _parameter("norm_head.weight", [wide, 5], 2),
            _parameter("gain", [1000 + wide], 3),
        )


@check("what is frozen is in no group", "`learns` says so, whatever the shape.")
def group_frozen(student: Student) -> None:
    _compare_groups(
        student,
        _parameter("text.tokens", [1024, 16], 0, learns=False),
        _parameter("text.projection", [16, 8], 1),
        _parameter("text.norm.weight", [16], 2, learns=False),
        _parameter("image.norm.weight", [16], 3),
    )


@check("a shared tensor is there once, by its first name", "Keep a set of what you have met.")
def group_shared(student: Student) -> None:
    _compare_groups(
        student,
        _parameter("embedding.weight", [64, 16], 5),
        _parameter("norm.weight", [16], 2),
        _parameter("head.weight", [64, 16], 5),
        _parameter("again.norm.weight", [16], 2),
        _parameter("other.weight", [64, 16], 9),
    )


@check(
    "in the order in which they came; and where nothing learns",
    "Two empty lists are an answer.",
    after=[group_axes, group_frozen, group_shared],
    keeps_arguments=True,
)
def group_edges(student: Student) -> None:
    with student.on("names not in the alphabet's order"):
        _compare_groups(
            student,
            _parameter("z.weight", [4, 4], 3),
            _parameter("b.bias", [4], 8),
            _parameter("a.weight", [4, 4], 1),
            _parameter("a.bias", [4], 0),
        )
    with student.on("nothing learns"):
        _compare_groups(student, _parameter("w", [3, 3], 0, learns=False))
    with student.on("no parameter at all"):
        _compare_groups(student)


QUESTION = Question(
    function="parameter_groups",
    title="What may decay",
    minutes=10,
    teaches="to sort parameters by what they are, not by what they are called",
    checks=(group_axes, group_frozen, group_shared, group_edges),
)
