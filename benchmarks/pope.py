"""How far does a table of names get on POPE, without a picture? ``python benchmarks/pope.py DIR``.

DIR is a clone of github.com/RUCAIBox/POPE, whose three lists of questions about COCO are read and
not kept. A second; writes `pope.json`, which chapter 10 quotes. For each of 20 draws half of the
pictures tell for every name whether "yes" or "no" was right more often, and the other half is asked
by that alone.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
from collections import Counter
from pathlib import Path

from harness import write
from scorers import commit

from mvlm.evaluation.polling import Poll, table_of_names, yes_no_scores

KINDS = ("random", "popular", "adversarial")
DRAWS = 20


def questions(path: Path) -> list[Poll]:
    """The questions of one file; pictures are numbered as they come."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    numbers = {image: n for n, image in enumerate(dict.fromkeys(row["image"] for row in rows))}
    return [
        Poll(
            numbers[row["image"]],
            re.fullmatch(r"Is there an? (.+) in the image\?", row["text"])[1],
            row["label"] == "yes",
        )
        for row in rows
    ]


def measured(polls: list[Poll]) -> dict:
    """Means over the draws, with the spread between them, and the names that are most often no."""
    scores = [yes_no_scores(*table_of_names(polls, seed=draw)) for draw in range(DRAWS)]
    asked_in_vain = Counter(poll.name for poll in polls if not poll.there)
    there = Counter(poll.name for poll in polls if poll.there)
    return {
        "questions": len(polls),
        "yes": sum(there.values()),
        "pictures": len({poll.scene for poll in polls}),
        **{
            name: round(statistics.mean(getattr(one, name) for one in scores), 4)
            for name in ("accuracy", "f1", "yes_ratio")
        },
        "f1 spread": round(statistics.stdev(one.f1 for one in scores), 4),
        "always yes f1": round(yes_no_scores([True] * len(polls), [p.there for p in polls]).f1, 4),
        "most often no": {
            name: {"no": no, "yes": there[name]} for name, no in asked_in_vain.most_common(5)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    lists = {k: measured(questions(folder / f"output/coco/coco_pope_{k}.json")) for k in KINDS}
    write("pope.json", {"commit": commit(folder), "draws": DRAWS, "kinds": lists})


if __name__ == "__main__":
    main()
