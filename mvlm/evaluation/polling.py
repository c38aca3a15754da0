"""Is there a …? Questions half of which ask for what is not there, and how answers to them score.

Chapter 10. Li et al. 2023, "Evaluating Object Hallucination in Large Vision-Language Models"
(POPE): for each picture as many things that are there as things that are not, and the absent ones
are drawn at random, or are frequent in the data, or frequent beside what is there. Here the truth
is the list that a scene was drawn from. `as_published` reads answers as POPE's `evaluate.py` does.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mvlm.data.dice import Dice

Tempting = Callable[[Collection[str]], Sequence[str]]
"""What is there → names that are not, the most tempting first."""


class Poll(NamedTuple):
    """One question: is `name` there, in scene number `scene`?"""

    scene: int
    name: str
    there: bool


def polling_questions(
    scenes: Sequence[Collection[str]], tempting: Tempting, *, each: int = 3, seed: int = 0
) -> list[Poll]:
    """As many questions whose answer is yes as such whose answer is no, scene by scene.

    Args:
        scenes: the names of what is there; a name may come several times.
        tempting: see `Tempting`.
        each: how many of both for a scene; fewer where fewer names are there, or not there.
        seed: of which names that are there are asked for.
    """
    asked: list[Poll] = []
    for number, names in enumerate(scenes):
        there = sorted(set(names))
        absent = [name for name in tempting(there) if name not in there]
        some = min(each, len(there), len(absent))
        chosen = Dice(f"poll {seed} {number}").sample(there, some)
        asked += [Poll(number, name, True) for name in chosen]
        asked += [Poll(number, name, False) for name in absent[:some]]
    return asked


def at_random(names: Sequence[str], seed: int = 0) -> Tempting:
    """POPE's first kind: any names, in an order drawn for each scene's things."""
    return lambda there: Dice(f"random {seed} {'+'.join(there)}").shuffled(list(names))


def popular(scenes: Iterable[Collection[str]], names: Sequence[str]) -> Tempting:
    """POPE's second kind: first the name that most of `scenes` hold; of equals by the alphabet."""
    holds = Counter(name for one in scenes for name in set(one))
    order = sorted(names, key=lambda name: (-holds[name], name))
    return lambda there: order


def together(scenes: Iterable[Collection[str]], names: Sequence[str]) -> Tempting:
    """POPE's third kind, adversarial: first what `scenes` hold most often beside what is there."""
    beside: dict[str, Counter[str]] = defaultdict(Counter)
    for one in scenes:
        for name in set(one):
            beside[name].update(set(one) - {name})

    def tempting(there: Collection[str]) -> list[str]:
        met = sum((beside[name] for name in there), Counter())
        return sorted(names, key=lambda name: (-met[name], name))

    return tempting


def look_alike(alike: Mapping[str, Sequence[str]]) -> Tempting:
    """First the nearest look-alike of each thing that is there, then the second nearest, …

    Args:
        alike: see `mvlm.evaluation.llava.most_alike`.
    """

    def tempting(there: Collection[str]) -> list[str]:
        ranks = zip(*(alike[name] for name in there), strict=True)
        return list(dict.fromkeys(name for rank in ranks for name in rank))

    return tempting


def as_published(said: str) -> bool:
    """POPE's reader: no if No, no or not is a word of the first sentence, everything else is yes.

    github.com/RUCAIBox/POPE, `evaluate.py`.
    """
    words = said.split(".")[0].replace(",", "").split(" ")
    return not {"No", "no", "not"} & set(words)


def yes_or_no(said: str) -> bool | None:
    """True for an answer whose first word is yes, False where it is no, else None: unreadable."""
    words = re.findall(r"[a-z]+", said.lower())
    return {"yes": True, "no": False}.get(words[0]) if words else None


@dataclass(frozen=True, kw_only=True)
class YesNo:
    """How many answers to yes-or-no questions were what.

    Attributes:
        hits: yes, and it is there. false_alarms: yes, and it is not.
        rejections: no, and it is not there. misses: no, and it is.
        unreadable: neither yes nor no; `unreadable_there` of them about things that are there.
    """

    hits: int
    false_alarms: int
    rejections: int
    misses: int
    unreadable: int = 0
    unreadable_there: int = 0

    @property
    def total(self) -> int:
        """All answers."""
        return self.hits + self.false_alarms + self.rejections + self.misses + self.unreadable

    @property
    def accuracy(self) -> float:
        """Share of all answers that are right; what is unreadable is not."""
        return (self.hits + self.rejections) / self.total

    @property
    def f1(self) -> float:
        """Of "yes", 2·hits / (2·hits + false alarms + what is there and was not found)."""
        missed = self.misses + self.unreadable_there
        whole = 2 * self.hits + self.false_alarms + missed
        return 2 * self.hits / whole if whole else 0.0

    @property
    def yes_ratio(self) -> float:
        """Share of all answers that are yes."""
        return (self.hits + self.false_alarms) / self.total


def yes_no_scores(answers: Sequence[bool | None], there: Sequence[bool]) -> YesNo:
    """Count them.

    Args:
        answers: True for yes, False for no, None for what is neither.
        there: the truth for each.

    Raises:
        ValueError: there are none, or not as many answers as truths.
    """
    if len(answers) != len(there) or not answers:
        raise ValueError(
            f"{len(answers)} answers came for {len(there)} questions: pass one for each, and at "
            "least one"
        )
    count = Counter(zip(answers, there, strict=True))
    return YesNo(
        hits=count[True, True],
        false_alarms=count[True, False],
        rejections=count[False, False],
        misses=count[False, True],
        unreadable=count[None, True] + count[None, False],
        unreadable_there=count[None, True],
    )


def table_of_names(polls: Sequence[Poll], *, seed: int = 0) -> tuple[list[bool], list[bool]]:
    """Answers without a picture: for each name what was right most often in the other scenes.

    Half of the scenes, drawn by `seed`, are learnt from; the other half is asked. A name that was
    never learnt, or was there as often as not, gets a yes.

    Returns:
        The answers, True for yes, and the truths of the questions that were asked.
    """
    scenes = sorted({poll.scene for poll in polls})
    learnt = set(Dice(f"table of names {seed}").sample(scenes, len(scenes) // 2))
    balance: Counter[str] = Counter()
    for poll in polls:
        if poll.scene in learnt:
            balance[poll.name] += 1 if poll.there else -1
    asked = [poll for poll in polls if poll.scene not in learnt]
    return [balance[poll.name] >= 0 for poll in asked], [poll.there for poll in asked]
