"""Chapter 10's figures: what is supervised, what stage 1 is worth, and where to refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import torch
from matplotlib.figure import Figure
from torch import Tensor

from mvlm.chat import IMAGE_MARKER, Example
from mvlm.language import IGNORED
from mvlm.show.figures import BLUE, GREY, ORANGE, figure
from mvlm.show.widgets import Frame, Frames, frames
from mvlm.tokenizer import IMAGE, Tokenizer


def marked(tokenizer: Tokenizer, example: Example, *, width: int = 84) -> str:
    """A whole example as text: what is supervised stands between ⟦ and ⟧."""
    pieces, inside = [], False
    for token, label in zip(example.ids, example.labels, strict=True):
        supervised = label != IGNORED
        if supervised != inside:
            pieces.append("⟦" if supervised else "⟧")
            inside = supervised
        is_picture = token == IMAGE_MARKER
        pieces.append(IMAGE if is_picture else tokenizer.decode([token], skip_special=False))
    text = "".join(pieces) + "⟧" * inside
    return "\n".join(fill(line, width) for line in text.splitlines())


def draw_stages(runs: Mapping[str, Mapping[str, Mapping[str, float]]]) -> tuple[Figure, str]:
    """Right answers over the steps of stage 2, with the own picture and with another's.

    Args:
        runs: how a run began → steps taken → what `benchmarks/stages.py` measured then.

    Returns:
        The figure, with one standard error to both sides of each point, and the same in words.
    """
    drawn, axes = figure(6.2, 3.4)
    ax, words = axes[0, 0], []
    for place, (name, found) in enumerate(runs.items()):
        colour, mark = (BLUE, ORANGE)[place], "os"[place]
        steps = [int(step) for step in found]
        for which, line, filled in (("own picture", "-", colour), ("another's", "--", "white")):
            shares = [one[which] for one in found.values()]
            errors = [
                100 * (share * (1 - share) / one["questions"]) ** 0.5
                for share, one in zip(shares, found.values(), strict=True)
            ]
            ax.errorbar(
                [step + 9 * place for step in steps],  # beside each other, so that both are seen
                [100 * share for share in shares],
                yerr=errors,
                color=colour,
                marker=mark,
                markerfacecolor=filled,
                linestyle=line,
                capsize=3,
                label=f"{name}, {which}",
            )
            said = ", ".join(
                f"{step} steps {share:.0%}" for step, share in zip(steps, shares, strict=True)
            )
            words.append(f"{name}, {which}: {said}")
    ax.set(xlabel="steps of stage 2, 16 conversations each", ylabel="right, %", ylim=(0, 100))
    ax.set_title("The same steps, from two projectors", x=0, loc="left")
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.26), frameon=False)
    return drawn, ". ".join(words) + "."


def shares_at(
    threshold: float, answerable: Tensor, right: Tensor, outside: Tensor
) -> dict[str, float]:
    """What refusing above a threshold brings.

    Args:
        threshold: what has a higher probability of a refusal is refused.
        answerable: that probability for each question that can be answered, (Q,).
        right: whether the answer to each, if it is given, is right, (Q,).
        outside: the probability for each question that cannot be answered, (O,).

    Returns:
        `answered`, of those that can be; `right`, of the answered, nan where none is; `honest`, of
        those that cannot be.
    """
    given = answerable <= threshold
    return {
        "answered": given.float().mean().item(),
        "right": right[given].float().mean().item(),
        "honest": (outside > threshold).float().mean().item(),
    }


def threshold_frames(
    answerable: Tensor, right: Tensor, outside: Tensor, thresholds: Sequence[float]
) -> Frames:
    """Choose where refusing begins: see what is answered, and what is refused as it should be.

    Args: as `shares_at` takes them; a button for each threshold.
    """
    every = torch.cat([answerable, outside, torch.tensor([0.0, 1.0])]).unique().tolist()
    line = [shares_at(one, answerable, right, outside) for one in every]
    count, others = len(answerable), len(outside)
    states = []
    for threshold in thresholds:
        here = shares_at(threshold, answerable, right, outside)
        drawn, axes = figure(5.2, 3.6)
        ax = axes[0, 0]
        ax.plot(
            [100 * one["answered"] for one in line],
            [100 * one["honest"] for one in line],
            color=GREY,
            linewidth=1.5,
        )
        ax.errorbar(
            100 * here["answered"],
            100 * here["honest"],
            xerr=100 * (here["answered"] * (1 - here["answered"]) / count) ** 0.5,
            yerr=100 * (here["honest"] * (1 - here["honest"]) / others) ** 0.5,
            color=ORANGE,
            marker="o",
            markersize=9,
            capsize=4,
        )
        ax.set(
            xlim=(60, 101),
            ylim=(0, 104),
            xlabel="answered, of what can be answered, %",
            ylabel="refused, of what cannot, %",
        )
        ax.set_title(f"Refuse where p is above {threshold:g}", x=0, loc="left")
        text = (
            f"Of {count} questions that can be answered {here['answered']:.1%} are answered, and "
            f"{here['right']:.1%} of these answers are right. Of {others} that cannot be answered "
            f"{here['honest']:.1%} are refused."
        )
        alt = f"A curve of all thresholds, and a mark on it for {threshold:g}. {text}"
        states.append(Frame(label=f"{threshold:g}", drawn=drawn, alt=alt, text=text))
    return frames("Refuse where the probability of a refusal is above", states)
