"""Agents for the shop of `mvlm.data.shop`: one way of acting, and more and more to see by.

Chapter 12. All act alike: stop when something lies in the basket, click what the task asks for if
it is on the page, else go to the next page. They differ in what they know of the page: nothing at
all, the task alone, the element list, the list with its pictures named by CLIP, the picture, the
truth. None remembers the page before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from mvlm.clip import CLIP
from mvlm.data.baselines import learn_blind
from mvlm.data.emojis import everyday_vocabulary
from mvlm.data.pages import GROUPS
from mvlm.data.questions import Question
from mvlm.data.shop import (
    NEXT,
    Agent,
    Shop,
    State,
    View,
    best_action,
    done,
    make_shops,
    run_episode,
)
from mvlm.evaluation.clip import classifier
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.small.reader import Reader

Maker = Callable[[Shop], Agent]
"""The agent for a shop; only the one that is told the truth looks at which shop it is."""


def idle(view: View, task: str) -> str:
    """Does nothing: stops at once."""
    return "stop [N/A]"


def with_question(count: int = 2000, seed: int = 1) -> Agent:
    """Reads the task and never sees a page: says what most often began well in training shops.

    Args:
        count: shops of the training split that it learns from.
        seed: of these.
    """
    shops = make_shops("train", count, seed)
    asked = [Question("shop", shop.task, best_action(shop, State())) for shop in shops]
    blind = learn_blind(asked)
    return lambda view, task: blind.answer(task)


def with_list(view: View, task: str) -> str:
    """Reads the element list. A picture is nothing to it: without any name it takes the first."""
    names = {line.number: line.text for line in view.lines if line.role == "buy" and line.text}
    if not names and view.cutouts and not view.basket:
        return f"click [{next(iter(view.cutouts))}]"
    return act(view, task, names, wanted=None)


def with_clip(clip: CLIP, words: Sequence[str] | None = None) -> Agent:
    """Reads the element list; what has no name there, and the task's picture, CLIP names.

    Args:
        clip: takes pictures of 40×40.
        words: among which it names them; by default the everyday hundred.
    """
    words = everyday_vocabulary() if words is None else words
    table = classifier(clip, words)

    def agent(view: View, task: str) -> str:
        names = {line.number: line.text for line in view.lines if line.role == "buy"}
        unnamed = [number for number, name in names.items() if not name]
        wanted = [] if view.wanted is None else [view.wanted]
        pictures = [view.cutouts[number] for number in unnamed] + wanted
        named = name_pictures(clip, table, words, pictures)
        names |= dict(zip(unnamed, named, strict=False))
        return act(view, task, names, wanted=named[-1] if wanted else None)

    return agent


@torch.inference_mode()
def name_pictures(
    clip: CLIP, table: torch.Tensor, words: Sequence[str], pictures: Sequence[np.ndarray]
) -> list[str]:
    """The word that CLIP finds nearest to each (40, 40, 3) picture.

    Args:
        table: (E, words), of `mvlm.evaluation.clip.classifier`.
    """
    if not pictures:
        return []
    pixels = torch.from_numpy(np.stack(pictures)).movedim(-1, 1).float() / 255  # (N, 3, 40, 40)
    scores = clip.encode_image(normalise(pixels, CLIP_MEAN, CLIP_STD)) @ table  # (N, words)
    return [words[place] for place in scores.argmax(dim=1).tolist()]


def with_reader(reader: Reader) -> Agent:
    """Sees the picture alone, and says what the reader says."""
    return lambda view, task: reader.ask(view.picture, task).text


def with_truth(shop: Shop) -> Agent:
    """Told what it looks for: the most that an agent without memory can do."""
    there = {element.label: element.number for shelf in shop.shelves for element in shelf}
    number = there.get(shop.goal)

    def agent(view: View, task: str) -> str:
        if number is None or view.basket:
            return "stop"
        return click(number if number in view.cutouts else next_page(view))

    return agent


def act(view: View, task: str, names: Mapping[int, str], *, wanted: str | None) -> str:
    """What to do where the things for sale have these names.

    Args:
        names: number → name of what is for sale.
        wanted: name of the picture that comes with the task.
    """
    if view.basket:
        return "stop"
    for number, name in names.items():
        if asked_for(name, task) if wanted is None else name == wanted:
            return click(number)
    return click(next_page(view))


def asked_for(name: str, task: str) -> bool:
    """Whether a task means the thing of this name: by its name, or as one of a group."""
    words = [name, *(group for group, members in GROUPS.items() if name in members)]
    return any(re.search(rf"\b{re.escape(word)}\b", task) for word in words)


def next_page(view: View) -> int:
    """The number of the link to the next page."""
    return next(line.number for line in view.lines if line.text == NEXT)


def click(number: int) -> str:
    """The action, as an agent says it."""
    return f"click [{number}]"


ENDS = ("done", "wrong thing", "nothing bought", "never stopped")


def how_it_ended(shop: Shop, state: State) -> str:
    """One of `ENDS`, of a run's last state."""
    if done(shop, state):
        return "done"
    if not state.stopped:
        return "never stopped"
    return "wrong thing" if state.basket else "nothing bought"


def run_all(make: Maker, shops: Sequence[Shop]) -> list[str]:
    """How an agent's run through each of the shops ended."""
    return [how_it_ended(shop, run_episode(shop, make(shop))[-1][0]) for shop in shops]


def standard_error(successes: int, runs: int) -> float:
    """Of a share of runs that stand by themselves, √(p(1 − p)/n)."""
    share = successes / runs
    return (share * (1 - share) / runs) ** 0.5
