"""Exercise 10, `set_stage`: who learns in this stage?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mvlm.checks.core import AnswerFailed, Question, Student, check, fail
from mvlm.checks.ex10_training_llava.common import expect_refusal
from mvlm.checks.expect import Comparison, expect_parts, kind_of

Weights = list[dict[str, Any]]
LEARNS = {1: ("projector",), 2: ("projector", "language")}


def _staged(
    weights: Weights,
    stage: int,
    *,
    part_of: Callable[[str], str] = lambda name: name.partition(".")[0],
    learns: Mapping[int, Sequence[str]] | None = None,
    tied: Callable[[list[bool]], bool] | None = all,
    once: bool = True,
) -> dict[str, Any]:
    """Names that learn, and names for the optimizer; `tied` decides for names of one tensor."""
    may = [part_of(one["name"]) in (learns or LEARNS)[stage] for one in weights]
    flags = [
        tied([m for m, other in zip(may, weights, strict=True) if other["storage"] == storage])
        if tied
        else mine
        for mine, storage in zip(may, (one["storage"] for one in weights), strict=True)
    ]
    given: dict[int, str] = {}
    names = []
    for flag, one in zip(flags, weights, strict=True):
        if flag and not (once and one["storage"] in given):
            given[one["storage"]] = one["name"]
            names.append(one["name"])
    return {"learns": flags, "optimizer": names}


def _read_staged(value: Any, weights: Weights, stage: int) -> dict[str, Any]:
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
            fail(f'"learns" is a {kind_of(one["learns"])}, wanted True or False')
    return {
        "learns": [one["learns"] for one in made],
        "optimizer": list(names),
        "old": [one["name"] for one in made if one["grad"] is not None],
    }


def _alike_staged(ours: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(ours[key] == wanted[key] for key in ("learns", "optimizer"))


def _tell_staged(ours: dict[str, Any], wanted: dict[str, Any]) -> str:
    if ours["learns"] != wanted["learns"]:
        place = [a == b for a, b in zip(ours["learns"], wanted["learns"], strict=True)].index(False)
        verb = "learns" if ours["learns"][place] else "stands still"
        return f"weight number {place} {verb} in yours, and must not"
    return f"the optimizer gets {ours['optimizer']}, wanted {wanted['optimizer']}"


STAGE = Comparison(
    function="set_stage",
    what="the stage",
    right=_staged,
    read=_read_staged,
    alike=_alike_staged,
    tells=_tell_staged,
    mistakes={
        "a name that only holds the word projector is taken for the projector's: the first "
        "word says which part it is": {
            "part_of": lambda n: "projector" if "projector" in n else n[:8]
        },
        "in stage 2 the projector learns too": {"learns": {1: LEARNS[1], 2: ("language",)}},
        "the tower learns in yours, and it never does": {
            "learns": {1: LEARNS[1], 2: ("projector", "language", "vision")}
        },
        "adapters belong to the part that they are in, and stand still with it": {
            "part_of": lambda name: "projector" if "adapter" in name else name.split(".")[0]
        },
        "two names of one tensor: one learns and the other does not, which cannot be": {
            "tied": None
        },
        "a tensor learns though one of its names belongs to a part that stands still": {
            "tied": any
        },
        "the optimizer gets one tensor twice, by two names: it would step twice": {"once": False},
    },
)


def _weights(student: Student, names: Sequence[str], *, tied: Sequence[Sequence[str]] = ()) -> list:
    """Dicts of these names; those of each group in `tied` are one tensor."""
    numbers = iter(student.shuffled(range(10, 10 + len(names))))
    storages = {name: next(numbers) for name in names}
    for group in tied:
        storages |= dict.fromkeys(group, storages[group[0]])
    return [
        {
            "name": name,
            "storage": storages[name],
            "learns": bool(student.integer(0, 1)),
            "grad": student.normal(2) if student.integer(0, 1) else None,
        }
        for name in names
    ]


PLAIN_NAMES = (
    "vision.patches.weight",
    "vision.blocks.0.mlp.up.weight",
    "projector.0.weight",
    "projector.0.bias",
    "language.embedding.weight",
    "language.blocks.0.mlp.up.weight",
    "language.norm.weight",
)
TRAPS = (
    "vision.projector.weight",
    "vision.language.weight",
    "projector.vision.bias",
    "language.projector.down",
    "language.vision_norm.weight",
    "vision.blocks.1.adapter.down",
    "language.blocks.1.adapter.up",
    "language",
    "projector",
)


@check(
    "stage 1: the projector; stage 2: projector and language model; the tower never",
    "The first word of a name, and for each stage a set of words that learn.",
)
def stage_parts(student: Student) -> None:
    for stage in (1, 2):
        with student.on(f"stage {stage}"):
            STAGE.run(
                student, lambda s=stage: (_weights(student, student.shuffled(PLAIN_NAMES)), s)
            )
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
            names = (*PLAIN_NAMES[::2], *TRAPS)
            STAGE.run(student, lambda s=stage, n=names: (_weights(student, student.shuffled(n)), s))


@check(
    "one tensor with several names is one tensor",
    "Decide by storage: collect those that must stand still, then look each weight's storage up.",
    after=[stage_parts],
)
def stage_tied(student: Student) -> None:
    names = (*PLAIN_NAMES, "language.head.weight", "projector.1.weight", "vision.words.weight")
    ends = ("language.embedding.weight", "language.head.weight")
    for what, tied in (
        ("word table and output layer are one", [ends]),
        ("one tensor in tower and language model", [("vision.words.weight", ends[0])]),
        ("one in projector and language model", [("projector.1.weight", ends[1])]),
        ("one in all three", [("projector.1.weight", "vision.words.weight", *ends)]),
    ):
        for stage in (1, 2):
            with student.on(f"{what}, stage {stage}"):
                STAGE.run(
                    student,
                    lambda t=tied, s=stage: (
                        _weights(student, student.shuffled(names), tied=t),
                        s,
                    ),
                )


@check(
    "no old gradient is left, and any other stage is refused",
    "A gradient that is still there is a gradient that an optimizer follows.",
    after=[stage_parts],
    keeps_arguments=True,
)
def stage_clean(student: Student) -> None:
    for stage in (1, 2):
        weights = _weights(student, student.shuffled((*PLAIN_NAMES, *TRAPS[:3])))
        for one in weights:
            one["grad"] = student.normal(3)
        old = STAGE.read(student.call("set_stage", weights, stage), weights, stage)["old"]
        flags = dict(
            zip((o["name"] for o in weights), _staged(weights, stage)["learns"], strict=True)
        )
        if old and all(flags[name] for name in old):
            fail("weights that learn keep their old gradients: a stage begins without")
        if old and not any(flags[name] for name in old):
            fail("frozen weights keep their old gradients: an optimizer would follow them")
        if old:
            fail(f"{old[0]} keeps its old gradient")
        STAGE.run(student, lambda w=weights, s=stage: (w, s))
    for stage in (0, 3, -1):
        weights = _weights(student, PLAIN_NAMES)
        expect_refusal(student, "set_stage", weights, stage, what=f"stage {stage}")


QUESTION = Question(
    function="set_stage",
    title="Who learns in this stage?",
    minutes=20,
    teaches="to freeze by what a weight belongs to, and to leave no old gradient behind",
    checks=(stage_parts, stage_names, stage_tied, stage_clean),
)
