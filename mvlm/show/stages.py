"""Chapter 10: many questions at once, and its figures.

What is supervised, which way a gradient takes, what stage 1 is worth, and where to refuse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from textwrap import fill

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.patheffects import withStroke
from torch import Tensor

from mvlm.chat import IMAGE_MARKER, Chat, Example
from mvlm.generation import generate
from mvlm.language import IGNORED
from mvlm.llava import LLaVA, Spliced, splice
from mvlm.show.figures import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, figure
from mvlm.show.widgets import Frame, Frames, frames
from mvlm.tokenizer import IMAGE, Tokenizer

AT_ONCE = 128  # questions


def read_questions(
    llava: LLaVA,
    chat: Chat,
    states: Float[Tensor, "scene vector width"],
    asked: Sequence[tuple[int, str]],
    *,
    then: Sequence[int] = (),
) -> Iterator[Spliced]:
    """Questions about scenes as the language model reads them, padded on the left, so many at once.

    Args:
        llava: whose projector and embedding.
        chat: how a question is put.
        states: what the frozen tower makes of each scene.
        asked: pairs (number of a scene, question).
        then: the tokens of an answer that is read as well, the same after each question.
    """
    for start in range(0, len(asked), AT_ONCE):
        part = asked[start : start + AT_ONCE]
        rows = [[*chat.prompt([(f"{IMAGE}\n{question}", None)]), *then] for _, question in part]
        vectors = llava.projector(states[[number for number, _ in part]].float())  # Q N D
        yield splice(rows, vectors, llava.language.embed, side="left")


@torch.inference_mode()
def answers(
    llava: LLaVA,
    chat: Chat,
    states: Float[Tensor, "scene vector width"],
    asked: Sequence[tuple[int, str]],
    *,
    barred: int | None = None,
) -> list[str]:
    """What the model says to each question, the likeliest token every time.

    Args:
        llava, chat, states, asked: see `read_questions`.
        barred: a token that no answer may begin with.
    """
    said = []
    for rows in read_questions(llava, chat, states, asked):
        embeddings, mask = rows.embeddings, rows.attention_mask  # Q T D, Q T
        begun: list[list[int]] = [[] for _ in embeddings]
        if barred is not None:
            scores = llava.language(embeddings=embeddings, attention_mask=mask)[:, -1]  # Q V
            scores[:, barred] = -torch.inf
            first = scores.argmax(dim=1, keepdim=True)  # Q 1
            begun = first.tolist()
            embeddings = torch.cat([embeddings, llava.language.embed(first)], dim=1)  # Q T+1 D
            mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)  # Q T+1
        options = {"max_new_tokens": 40, "end_id": chat.tokenizer.end_id}
        rest = generate(llava.language, embeddings=embeddings, attention_mask=mask, **options)
        said += [[*one, *more] for one, more in zip(begun, rest, strict=True)]
    return [chat.tokenizer.decode(one).strip() for one in said]


def marked(tokenizer: Tokenizer, example: Example, *, width: int = 70) -> str:
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


def draw_way_back() -> tuple[Figure, str]:
    """Which way the gradient takes in each stage, and which boxes learn; and the same in words."""
    parts = (("tower", 0.0, 1.1), ("projector", 1.75, 1.3), ("language model", 3.7, 1.75))
    drawn, axes = figure(6.2, 2.9, rows=2)
    stages = ("projector",), ("projector", "language model")
    for ax, learning in zip(axes[:, 0], stages, strict=True):
        for place, (name, x, width) in enumerate(parts):
            learns = name in learning
            colour, ink = (BLUE, "white") if learns else ("#e6e6e6", BLACK)
            style = {"facecolor": colour, "edgecolor": BLACK, "linestyle": "-" if learns else ":"}
            ax.add_patch(FancyBboxPatch((x, 0), width, 0.8, boxstyle="round,pad=0.04", **style))
            words = {"ha": "center", "va": "center", "fontsize": 11, "color": ink}
            ax.text(x + width / 2, 0.56, name, **words)
            end = parts[place + 1][1] if place < 2 else 5.85
            _arrow(ax, (x + width + 0.07, 0.56), (end - 0.07, 0.56), BLACK)
        ax.text(5.88, 0.56, "loss", va="center", fontsize=11)
        _arrow(ax, (6.2, 0.16), (3.09, 0.16), ORANGE)  # through the language model
        changed = "and changes it" if "language model" in learning else "and changes nothing"
        under = {"ha": "center", "va": "top", "fontsize": 10, "color": BLACK}
        ax.text(4.575, -0.1, f"passes {changed}", **under)
        ax.set(xlim=(-0.1, 6.4), ylim=(-0.4, 0.9))
        ax.set_axis_off()
    axes[0, 0].set_title("Stage 1: blue learns, dotted is frozen", x=0, loc="left")
    axes[1, 0].set_title("Stage 2", x=0, loc="left")
    words = (
        "Two rows: tower, projector, language model, loss. Stage 1: only the projector is filled; "
        "an orange arrow goes back from the loss, passes through the frozen language model, "
        "changes nothing there, and ends at the projector. Stage 2: the same arrow passes through "
        "the language model and changes it, too. In neither stage does it reach the tower."
    )
    return drawn, words


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
    style["path_effects"] = [withStroke(linewidth=5, foreground="white")]  # seen on blue, too
    ax.annotate("", xy=end, xytext=start, arrowprops=style)


def draw_losses(runs: Mapping[str, Sequence[float]], *, title: str) -> tuple[Figure, str]:
    """The loss of each run, as the mean of five steps, its name at the line's end.

    Args:
        runs: name → the loss at each step; all runs have as many, at least ten.
        title: what to see.

    Returns:
        The figure, and where each line begins and ends in words.
    """
    drawn, axes = figure(6.2, 3.2)
    ax, words, lows = axes[0, 0], [], {}
    for (name, losses), colour, line in zip(
        runs.items(), (GREEN, BLUE, ORANGE, PINK), ("-", "-", "--", "-."), strict=False
    ):
        smooth = torch.tensor(losses).unfold(0, 5, 1).mean(dim=1).tolist()
        ax.plot(range(5, len(losses) + 1), smooth, line, color=colour, linewidth=1.8)
        words.append(f"{name}: {smooth[0]:.2f} to {smooth[-1]:.2f}")
        lows[name] = smooth[-1]
    top = ax.get_ylim()[1]
    for name, y in zip(lows, _apart(list(lows.values()), 0.085 * top), strict=True):
        ax.text(len(losses) + 0.8, y, name, color=BLACK, va="center", fontsize=11)
    ax.set(xlim=(0, len(losses) * 1.42), ylim=(0, top), xlabel="step")
    ax.set_ylabel("loss, mean of five steps")
    ax.set_xticks(range(0, len(losses) + 1, 10))
    ax.set_title(title, x=0, loc="left")
    return drawn, "Loss, each a mean of five steps. " + ". ".join(words) + "."


def _apart(places: Sequence[float], least: float) -> list[float]:
    """The places, each moved up as far as it must be to stand `least` above the one below."""
    order = sorted(range(len(places)), key=places.__getitem__)
    moved = list(places)
    for below, above in pairwise(order):
        moved[above] = max(moved[above], moved[below] + least)
    return moved


def draw_stages(
    runs: Mapping[str, Mapping[str, Mapping[str, float]]],
    began: Mapping[str, float],
    each: float,
) -> tuple[Figure, str]:
    """Right answers over all that a run has read, with the own picture and with another's.

    Args:
        runs: name of a run → steps taken → what `benchmarks/stages.py` measured then.
        began: name of a run → tokens that it had read before its first step.
        each: tokens of a step.

    Returns:
        The figure, and the same in words.
    """
    drawn, axes = figure(6.2, 3.6)
    ax, words, last = axes[0, 0], [], 0.0
    for (name, found), (colour, mark) in zip(
        runs.items(), ((BLUE, "o"), (ORANGE, "s"), (GREY, "^")), strict=False
    ):
        read = [(began[name] + each * int(step)) / 1e6 for step in found]
        for which, line, filled in (("own picture", "-", colour), ("another's", ":", "white")):
            shares = [100 * one[which] for one in found.values()]
            style = {"color": colour, "marker": mark, "markerfacecolor": filled}
            ax.plot(read, shares, line, **style)
            said = ", ".join(
                f"{step} steps {share:.0f}%" for step, share in zip(found, shares, strict=True)
            )
            words.append(f"{name}, {which}: {said}")
            if which == "own picture":
                label = {"color": colour, "va": "center", "fontsize": 11}
                ax.text(read[-1] + 0.05, shares[-1], fill(name, 9), **label)
        last = max(last, read[-1])
    ax.text(last + 0.05, 24, "all, with\nanother's", color=BLACK, va="center", fontsize=11)
    ax.set(xlim=(-0.03, last * 1.34), ylim=(0, 100), ylabel="right, %")
    ax.set_xlabel("million tokens read, those of stage 1 as well")
    ax.set_xticks([0, 0.5, 1, 1.5])
    ax.set_title("For the same reading, stage 1 is ahead", x=0, loc="left")
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


def error_over_wordings(flags: Tensor, wordings: Sequence[str]) -> float:
    """Standard error of a share whose questions come in so many wordings.

    Two questions in one wording tell less than two in different ones, so what is taken for drawn
    is the wordings. With one question a wording it is the usual error of a mean.

    Args:
        flags: 1 or 0 for each question, (Q,).
        wordings: of each question; nan where there is only one.
    """
    off, count = Counter(), len(set(wordings))
    for wording, difference in zip(wordings, (flags - flags.mean()).tolist(), strict=True):
        off[wording] += difference
    if count < 2:
        return float("nan")
    return (count / (count - 1) * sum(one**2 for one in off.values())) ** 0.5 / len(wordings)


def threshold_frames(
    answerable: Tensor,
    right: Tensor,
    outside: Tensor,
    thresholds: Sequence[float],
    *,
    wordings: Sequence[str],
    decoded: tuple[float, float],
) -> Frames:
    """Choose where refusing begins: see what is answered, and what is refused as it should be.

    Args: as `shares_at` takes them; a button for each threshold.
        wordings: of each question that cannot be answered: see `error_over_wordings`.
        decoded: shares of what is answered, and refused as it should be, where no threshold is set
            and the likeliest token is taken.
    """
    every = torch.cat([answerable, outside, torch.tensor([0.0, 1.0])]).unique().tolist()
    line = [shares_at(one, answerable, right, outside) for one in every]
    chosen = [shares_at(one, answerable, right, outside) for one in thresholds]
    count, others, kinds = len(answerable), len(outside), len(set(wordings))
    least = {
        name: 10 * (100 * min(one[name] for one in chosen) // 10) - 5
        for name in ("answered", "honest")
    }
    states = []
    for threshold, here in zip(thresholds, chosen, strict=True):
        drawn, axes = figure(5.2, 3.6)
        ax = axes[0, 0]
        ax.plot(
            [100 * one["answered"] for one in line],
            [100 * one["honest"] for one in line],
            color=GREY,
            linewidth=1.5,
        )
        error = (
            100 * (here["answered"] * (1 - here["answered"]) / count) ** 0.5,
            100 * error_over_wordings((outside > threshold).float(), wordings),
        )
        ax.errorbar(
            100 * here["answered"],
            100 * here["honest"],
            xerr=error[0],
            yerr=error[1],
            color=ORANGE,
            marker="o",
            markersize=9,
            capsize=4,
        )
        hollow = {"marker": "D", "markersize": 11, "markerfacecolor": "none", "linestyle": "none"}
        ax.plot(100 * decoded[0], 100 * decoded[1], color=BLUE, label="likeliest token", **hollow)
        ax.legend(loc="lower left", frameon=False)
        ax.set(
            xlim=(least["answered"], 101),
            ylim=(least["honest"], 103),
            xlabel="answered, of what can be answered, %",
            ylabel="refused, of what cannot, %",
        )
        ax.set_title(f"Refuse where p is above {threshold:g}", x=0, loc="left")
        text = (
            f"Of {count} questions that can be answered {here['answered']:.1%} are answered, and "
            f"{here['right']:.1%} of these answers are right. Of {others} that cannot be answered, "
            f"in {kinds} wordings, {here['honest']:.1%} are refused."
        )
        alt = (
            "Across: answered, of what can be answered. Up: refused, of what cannot. A curve of "
            f"all thresholds, and a mark on it for {threshold:g}, with a line across of "
            f"{error[0]:.1f} points to both sides and one up and down of {error[1]:.1f}. A hollow "
            f"mark where the likeliest token is taken: {decoded[0]:.1%} answered, "
            f"{decoded[1]:.1%} refused. {text}"
        )
        states.append(Frame(label=f"{threshold:g}", drawn=drawn, alt=alt, text=text))
    return frames("Refuse where the probability of a refusal is above", states)
