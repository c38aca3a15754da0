"""How far does each agent come in the shop? ``python benchmarks/agents.py``, some ten minutes.

Six agents that act alike and see more and more (`mvlm.evaluation.agents`), 200 shops of the test
split with names beside the things, 200 without, and 200 without by an artist that neither CLIP nor
the reader has seen. And 200 more of which some cannot be done. Writes `agents.json`, which chapter
12 draws. Run it again when CLIP's or the reader's weights change.
"""

from __future__ import annotations

from harness import write

from mvlm import weights
from mvlm.data.dice import Dice
from mvlm.data.scene import split_vocabulary
from mvlm.data.shop import STEPS, Shop, make_shops, without_goal
from mvlm.evaluation.agents import (
    ENDS,
    Maker,
    idle,
    run_all,
    standard_error,
    with_clip,
    with_list,
    with_question,
    with_reader,
    with_truth,
)

RUNS, SEED = 200, 12
COLUMNS = {  # title → split, and whether names are written
    "with names": ("test", True),
    "without names": ("test", False),
    "without names, unseen artist": ("artist", False),
}
IMPOSSIBLE = 0.2  # share of the tasks that cannot be done, in the last comparison


def makers() -> dict[str, Maker]:
    """The ladder, from the bottom."""
    question, clip = with_question(), with_clip(weights.clip())
    reader = with_reader(weights.reader().eval())
    return {
        "nothing": lambda shop: idle,
        "the task alone": lambda shop: question,
        "the element list": lambda shop: with_list,
        "list, pictures named by CLIP": lambda shop: clip,
        "the picture (our reader)": lambda shop: reader,
        "the truth": with_truth,
    }


def told(ends: list[str]) -> dict:
    """What the file holds of one agent's runs."""
    successes = ends.count("done")
    return {
        "success": round(successes / len(ends), 4),
        "standard error": round(standard_error(successes, len(ends)), 4),
        "ends": {end: ends.count(end) for end in ENDS},
        "done": "".join("1" if end == "done" else "0" for end in ends),
    }


def some_impossible(shops: list[Shop]) -> tuple[list[Shop], list[bool]]:
    """The shops, some with a task that cannot be done, and which those are."""
    dice, names = Dice(f"cannot be done {SEED}"), split_vocabulary("test")
    cannot = [dice.chance(IMPOSSIBLE) for _ in shops]
    changed = [
        without_goal(shop, dice, names) if no else shop
        for shop, no in zip(shops, cannot, strict=True)
    ]
    return changed, cannot


def main() -> None:
    agents = makers()
    results: dict = {"runs": RUNS, "seed": SEED, "steps": STEPS, "columns": {}}
    for title, (split, named) in COLUMNS.items():
        shops = list(make_shops(split, RUNS, SEED, named=named))
        results["columns"][title] = {
            name: told(run_all(make, shops)) for name, make in agents.items()
        }
        print(title, {name: one["success"] for name, one in results["columns"][title].items()})
    shops, cannot = some_impossible(list(make_shops("test", RUNS, SEED + 1, named=True)))
    mixed = {name: told(run_all(make, shops)) for name, make in agents.items()}
    results["some cannot be done"] = {
        "impossible": "".join("1" if no else "0" for no in cannot),
        "agents": mixed,
    }
    write("agents.json", results)


if __name__ == "__main__":
    main()
