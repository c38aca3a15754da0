"""Exercise 10, `set_stage`: who learns in this stage?"""

import itertools
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mvlm.checks.core import AnswerFailed, Question, Student, check, fail
from mvlm.checks.ex10_training_llava.common import expect_refusal
from mvlm.checks.expect import Comparison, a_kind_of, expect_parts
from mvlm.checks.values import identical

Weights = list[dict[str, Any]]
Staged = dict[str, Any]


def _staged(
    weights: Weights,
    stage: int,
    *,
    part_of: Callable[[str], str] = lambda name: name.partition(".")[0],
    second: Sequence[str] = ("projector", "language"),
    tied: Callable[[list[bool], bool], bool] = lambda all_names, this_one: all(all_names),
    key: str = "storage",
    anew: bool = True,
) -> Staged:
    """Name → whether that weight learns, and the names for the optimizer.

    In stage 2 the parts `second` learn; `tied` decides for one of the names of a tensor; the
    optimizer gets one name for each `key`. Not `anew`: what stood still before still does.
    """
    learns = ("projector",) if stage == 1 else second
    may = [part_of(one["name"]) in learns for one in weights]
    of_tensor: dict[int, list[bool]] = {}
    for one, flag in zip(weights, may, strict=True):
        of_tensor.setdefault(one["storage"], []).append(flag)
    flags = [
        tied(of_tensor[one["storage"]], flag) and (anew or one["learns"])
        for one, flag in zip(weights, may, strict=True)
    ]
    names: dict[Any, str] = {}
    for one in itertools.compress(weights, flags):
        names.setdefault(one[key], one["name"])
    learning = {one["name"]: flag for one, flag in zip(weights, flags, strict=True)}
    return {"learns": learning, "optimizer": list(names.values())}


def _read_staged(value: Any, weights: Weights, stage: int) -> Staged:
    made, names = expect_parts(value, ("the weights", "the optimizer's names"), "set_stage")
    if type(made) not in (list, tuple) or any(type(one) is not dict for one in made):
        raise AnswerFailed("set_stage: the first value is no list of dicts")
    if len(made) != len(weights):
        fail(f"{len(weights)} dicts came, {len(made)} went out: one for each")
    if type(names) not in (list, tuple) or any(type(name) is not str for name in names):
        raise AnswerFailed("set_stage: the second value is no list of names")
    keys = {"name", "storage", "learns", "grad"}
    for one, other in zip(made, weights, strict=True):
        if set(one) != keys:
            fail(f"a dict has the keys {sorted(map(str, one))}, wanted {sorted(keys)}")
        if (one["name"], one["storage"]) != (other["name"], other["storage"]):
            fail("names and storages stay as they are, in their order")
        if type(one["learns"]) is not bool:
            fail(f'"learns" is {a_kind_of(one["learns"])}, wanted True or False')
    return {"learns": {one["name"]: one["learns"] for one in made}, "optimizer": list(names)}


def _tell_staged(ours: Staged, wanted: Staged) -> str:
    for name, should in wanted["learns"].items():
        if ours["learns"][name] != should:
            return f"{name} {'stands still' if should else 'learns'} in yours, and must not"
    return f"the optimizer gets {ours['optimizer']}, wanted {wanted['optimizer']}"


STAGE = Comparison(
    function="set_stage",
    what="the stage",
    right=_staged,
    read=_read_staged,
    alike=operator.eq,
    tells=_tell_staged,
    mistakes={
        "a name that only holds the word projector is taken for the projector's: the first "
        "word says which part it is": {
            "part_of": lambda n: "projector" if "projector" in n else n[:8]
        },
        "a weight whose learns was False before stays so: each stage decides anew": {"anew": False},
        "in stage 2 the projector learns too": {"second": ("language",)},
        "the tower learns in yours, and it never does": {
            "second": ("projector", "language", "vision")
        },
        "adapters belong to the part that they are in, and stand still with it": {
            "part_of": lambda name: "projector" if "adapter" in name else name.split(".")[0]
        },
        "two names of one tensor: one learns and the other does not, which cannot be": {
            "tied": lambda all_names, this_one: this_one
        },
        "a tensor learns though one of its names belongs to a part that stands still": {
            "tied": lambda all_names, this_one: any(all_names)
        },
        "the optimizer gets one tensor twice, by two names: it would step twice": {"key": "name"},
    },
)


def _case(
    student: Student, names: Sequence[str], stage: int, *, tied: Sequence[str] = ()
) -> tuple[Weights, int]:
    """Weights of these names in any order, those in `tied` one tensor, and the stage."""
    names = student.shuffled(names)
    storages = dict(zip(names, student.shuffled(range(10, 10 + len(names))), strict=True))
    for name in tied:
        storages[name] = storages[tied[0]]
    weights = [
        {
            "name": name,
            "storage": storages[name],
            "learns": bool(student.integer(0, 1)),
            "grad": student.normal(2) if student.integer(0, 1) else None,
        }
        for name in names
    ]
    return weights, stage


PLAIN_NAMES = ("vision.patches.weight", "vision.blocks.0.mlp.up.weight", "projector.0.weight",
               "projector.0.bias", "language.embedding.weight", "language.blocks.0.mlp.up.weight",
               "language.norm.weight")  # fmt: skip
TRAPS = ("vision.projector.weight", "vision.language.weight", "projector.vision.bias",
         "language.projector.down", "language.vision_norm.weight", "vision.blocks.1.adapter.down",
         "language.blocks.1.adapter.up", "language", "projector")  # fmt: skip


@check(
    "stage 1: the projector; stage 2: projector and language model; the tower never",
    "The first word of a name, and for each stage a set of words that learn.",
)
def stage_parts(student: Student) -> None:
    for stage in (1, 2):
        with student.on(f"stage {stage}"):
            STAGE.run(student, partial(_case, student, PLAIN_NAMES, stage))
    with student.on("no weights at all"):
        STAGE.run(student, lambda: ([], 1))


@check(
    "a weight belongs to the first word of its name, adapters too",
    'What is "vision.projector.weight".split(".")[0]?',
    after=[stage_parts],
)
def stage_names(student: Student) -> None:
    for stage in (1, 2):
        with student.on(f"stage {stage}, names that hold other parts' words"):
            STAGE.run(student, partial(_case, student, (*PLAIN_NAMES[::2], *TRAPS), stage))


@check(
    "one tensor with several names is one tensor",
    "Decide by storage: collect those that must stand still, then look each weight's storage up.",
    after=[stage_parts],
)
def stage_tied(student: Student) -> None:
    names = (*PLAIN_NAMES, "language.head.weight", "projector.1.weight", "vision.words.weight")
    ends = ("language.embedding.weight", "language.head.weight")
    groups = {
        "word table and output layer are one": ends,
        "one tensor in tower and language model": ("vision.words.weight", ends[0]),
        "one in projector and language model": ("projector.1.weight", ends[1]),
        "one in all three": ("projector.1.weight", "vision.words.weight", *ends),
    }
    for (what, tied), stage in itertools.product(groups.items(), (1, 2)):
        with student.on(f"{what}, stage {stage}"):
            STAGE.run(student, partial(_case, student, names, stage, tied=tied))


@check(
    "no old gradient is left, and any other stage is refused",
    "A gradient that is still there is a gradient that an optimizer follows.",
    after=[stage_parts],
    keeps_arguments=True,
)
def stage_clean(student: Student) -> None:
    for stage in (1, 2):
        weights, _ = _case(student, (*PLAIN_NAMES, *TRAPS[:3]), stage)
        for one in weights:
            one["grad"] = student.normal(3)
        value = student.call("set_stage", weights, stage)
        STAGE.read(value, weights, stage)
        learns = _staged(weights, stage)["learns"]
        old = {one["name"]: learns[one["name"]] for one in value[0] if one["grad"] is not None}
        for one, before in zip(value[0], weights, strict=True):
            if one["name"] in old and not identical(one["grad"], before["grad"]):
                what = f"the gradient of {one['name']} is another one, and None is wanted"
                fail(f"{what}: zeros are a gradient as well, and an optimizer follows it", "")
        if old and all(old.values()):
            fail("weights that learn keep their old gradients: a stage begins without")
        if old and not any(old.values()):
            fail("frozen weights keep their old gradients: an optimizer would follow them")
        if old:
            fail(f"{next(iter(old))} keeps its old gradient")
        STAGE.run(student, lambda w=weights, s=stage: (w, s))
    for stage in (0, 3, -1):
        case = _case(student, PLAIN_NAMES, stage)
        expect_refusal(student, "set_stage", *case, what=f"stage {stage}")


QUESTION = Question(
    function="set_stage",
    title="Who learns in this stage?",
    minutes=20,
    teaches="to freeze by what a weight belongs to, and to leave no old gradient behind",
    checks=(stage_parts, stage_names, stage_tied, stage_clean),
)
