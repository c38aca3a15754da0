"""The part of the page of measurements that `results.json` fills: aims, a plot, tables.

No figure is typed by hand; the sentences that say why an aim was missed hold none.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from limits import where_time_goes

from mvlm.show.figures import GREEN, ORANGE

Rows = list[dict]


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What issue 7 asks for: which rows show it, what they must reach, and why one may not.

    `key` is looked for in a row's task, `value` reads the figure off a row.
    """

    what: str
    task: str
    key: str
    wanted: float
    value: Callable[[dict], float] = lambda row: row["ratio"]
    at_most: bool = False
    sign: str = "×"
    why: str = ""


SAME_KERNELS = (
    "All three spend nearly all of their time in the same matrix products of the same library, "
    "and there is little else to save: the work left out in the last block, of which only the "
    "class token is read, and copies."
)
READING = (
    "A step reads every weight once, whoever does it. Weights laid by columns are read faster and "
    "a step written out has less to do between the products, but the reading remains."
)
LOOP = (
    "The compiler's loop takes each row of a matrix by itself and adds its products up at the end "
    "of the row, which costs time that reading alone does not."
)
SMALL = (
    "The arithmetic is next to nothing here. A compiled step calls no operation from Python, but "
    "each of its loops over short rows still costs more than the reading."
)

AIMS = (
    Aim(what="ViT-B/16 forward", task="vit", key="ViT-B/16, forward, ", wanted=1.05,
        why=SAME_KERNELS),
    Aim(what="ViT-B/16 forward and backward", task="vit", key="ViT-B/16, forward and", wanted=1.05,
        why=SAME_KERNELS),
    Aim(what="share of the matrix product's rate, ViT-B/16", task="vit", key="ViT-B/16, forward, ",
        wanted=0.8, sign="", value=lambda row: row["share"],
        why="The rest are softmax, GELU, norms and sums, which move memory and multiply nothing."),
    Aim(what="CLIP ViT-B/32 training step, texts that fill the context", task="clip",
        key="77 tokens in 77", wanted=1.05, why=SAME_KERNELS),
    Aim(what="CLIP ViT-B/32 training step, texts of 20 tokens", task="clip", key="20 tokens in 77",
        wanted=1.05),
    Aim(what="loss, N = 32,768: memory of open_clip's ÷ ours", task="loss",
        key="N = 32,768, peak memory", wanted=10),
    Aim(what="loss, N = 32,768: time, ours ÷ open_clip's", task="loss", key="N = 32,768, time",
        wanted=1.3, at_most=True, sign="", value=lambda row: 1 / row["ratio"]),
    Aim(what="loss, N = 32,768: difference in value and gradients", task="loss",
        key="N = 32,768, largest", wanted=1e-5, at_most=True, sign="",
        value=lambda row: row["ours"]),
    Aim(what="decode, SmolLM2-135M, one row", task="language",
        key="SmolLM2-135M, decode, 1 × 32", wanted=2, why=READING),
    Aim(what="decode, SmolLM2-135M, one row, compiled", task="language",
        key="SmolLM2-135M, decode, compiled, 1 × 32", wanted=2, why=READING),
    Aim(what="share of the memory's rate, the same", task="language",
        key="SmolLM2-135M, decode, compiled, 1 × 32", wanted=0.85, sign="",
        value=lambda row: row["share"], why=LOOP),
    Aim(what="share of the memory's rate, the same in bfloat16", task="language",
        key="SmolLM2-135M in bfloat16, decode, compiled, 1 × 32", wanted=0.85, sign="",
        value=lambda row: row["share"], why=LOOP),
    Aim(what="decode, the course's language model, one row, compiled", task="language",
        key="the course's language model, decode, compiled, 1 × 32", wanted=5, why=SMALL),
    Aim(what="prefill, SmolLM2-135M, 512 tokens", task="language",
        key="SmolLM2-135M, prefill, 1 × 512", wanted=1,
        why="Both multiply the same matrices; the difference is within the spread."),
    Aim(what="import mvlm's models, seconds beyond import torch", task="import", key="import",
        wanted=0.3, at_most=True, sign="", value=lambda row: row["ours"] - row["theirs"]),
    Aim(what="pictures of scenes, beside Pillow", task="data", key="pictures", wanted=5),
    Aim(what="two gloo processes: difference of a step's loss", task="processes", key="largest",
        wanted=1e-4, at_most=True, sign="", value=lambda row: row["ours"]),
)  # fmt: skip


def found(aim: Aim, tasks: dict) -> float | None:
    """The figure for an aim: where there are several peers, beside the best of them."""
    rows = [row for row in tasks.get(aim.task, {}).get("rows", []) if aim.key in row["task"]]
    try:
        values = [aim.value(row) for row in rows]
    except (TypeError, KeyError):  # the peer did not fit into memory; or no limit was measured
        return None
    return min(values, default=None) if not aim.at_most else max(values, default=None)


def aim_rows(tasks: dict) -> Iterator[tuple[str, ...]]:
    for aim in AIMS:
        value = found(aim, tasks)
        bound = f"{'≤' if aim.at_most else '≥'} {aim.sign}{aim.wanted:g}"
        if value is None:
            yield aim.what, bound, "not measured", ""
            continue
        met = value <= aim.wanted if aim.at_most else value >= aim.wanted
        figure = f"{value:.1e}" if 0 < abs(value) < 1e-3 else f"{value:.2f}"
        yield aim.what, bound, f"{aim.sign}{figure}", "met" if met else f"**not met.** {aim.why}"


def compared(tasks: dict) -> list[tuple[str, float, float, float]]:
    """Of each task beside its best peer: the name, the ratio and its quartiles."""
    best: dict[str, dict] = {}
    for task in tasks.values():
        for row in task["rows"]:
            if row["ratio"] is None or row["unit"] == "MB":
                continue
            if row["task"] not in best or row["ratio"] < best[row["task"]]["ratio"]:
                best[row["task"]] = row
    return [
        (f"{row['task']} ({row['peer']})", row["ratio"], *(row["spread"] or [row["ratio"]] * 2))
        for row in best.values()
    ]


def plot(tasks: dict) -> str:
    """Ratios on a logarithmic axis, as SVG that takes the page's own colours, light or dark."""
    bars = compared(tasks)
    if not bars:
        return ""
    left, width, line = 16, 400, 38  # a name, and below it its point: narrow enough for a phone
    low = min(0.5, *(bar[2] for bar in bars))
    high = max(2.0, *(bar[3] for bar in bars))

    def x(ratio: float) -> float:
        return left + width * math.log(ratio / low) / math.log(high / low)

    height = line * len(bars) + 36
    words = "; ".join(f"{name}: {ratio:.2f}" for name, ratio, _, _ in bars)
    out = [
        f'<svg viewBox="0 0 {left + width + 50} {height}" role="img" font-size="13" '
        f'style="width:100%;max-width:34rem;height:auto;font-family:var(--course-sans)" '
        f'fill="currentColor" aria-label="'
        f'{html.escape("How many times as fast mvlm is as the best peer. " + words)}">'
    ]
    for tick in (0.5, 1, 2, 5, 10, 20):
        if low <= tick <= high:
            strong = 1 if tick == 1 else 0.25
            out.append(
                f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="4" y2="{height - 24}" '
                f'stroke="currentColor" opacity="{strong}"/>'
                f'<text x="{x(tick):.1f}" y="{height - 8}" text-anchor="middle">×{tick:g}</text>'
            )
    for number, (name, ratio, lower, upper) in enumerate(bars):
        y = 32 + line * number
        name, _, peer = name.partition(" (")
        far = x(ratio) > left + width / 2  # its words go to the left
        words_at = x(lower) - 9 if far else max(x(upper), x(ratio)) + 9
        beside = f"{ratio:.2f} beside {peer.rstrip(')')}"
        out.append(
            f'<text x="{left}" y="{y - 14}">{html.escape(name)}</text>'
            f'<line x1="{x(lower):.1f}" x2="{x(upper):.1f}" y1="{y}" y2="{y}" '
            f'stroke="currentColor" stroke-width="3" opacity="0.45"/>'
            f'<circle cx="{x(ratio):.1f}" cy="{y}" r="4.5" '
            f'fill="{GREEN if ratio >= 1 else ORANGE}"/>'
            f'<text x="{words_at:.1f}" y="{y + 4}" text-anchor="{"end" if far else "start"}">'
            f"{html.escape(beside)}</text>"
        )
    return "\n".join([*out, "</svg>"])


def number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def task_rows(task: dict) -> Iterator[tuple[str, ...]]:
    for row in task["rows"]:
        spread = row["spread"]
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        between = f" ({spread[0]:.2f}–{spread[1]:.2f})" if spread else ""
        unit = f" {row['unit']}" if row["unit"] else ""
        yield (
            row["task"],
            row["peer"],
            f"{number(row['ours'])}{unit}",
            f"{number(row['theirs'])}{unit if row['theirs'] is not None else ''}",
            ratio + between,
            *(
                "" if row.get(name) is None else f"{row[name]:.2f}"
                for name in ("share", "their_share")
            ),
        )


def machine_line(tasks: dict) -> str:
    """The machine and the versions, as the last task found them."""
    about = next(reversed(tasks.values()))["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    return (
        f"{about['processor']}, {about['cores']} cores, {about['threads']} threads, "
        f"Python {about['python']}; {versions}"
    )


def section(results: dict, table: Callable[[tuple, list], str]) -> str:
    """Everything that stands in `results.json`, in Markdown; `table` is the page's."""
    parts = []
    for device, tasks in results.items():
        name = {"cpu": "a CPU, float32", "cuda": "a GPU, bfloat16"}[device]
        parts.append(
            f"### On {name}\n\n{machine_line(tasks)}.\n\n"
            f"{plot(tasks)}\n\nEach point is the median of the rounds, beside the best peer; "
            "the bar goes from the first to the third quartile."
        )
        if device == "cpu":
            parts.append(
                "What was aimed at, and what came out:\n\n"
                + table(("what", "aim", "measured", "verdict"), list(aim_rows(tasks)))
            )
            parts.append(where_time_goes(tasks))
        for task, made in tasks.items():
            rows = table(
                (
                    *("what", "beside", "mvlm", "theirs", "ratio (quartiles)"),
                    *("share of the limit", "their share"),
                ),
                list(task_rows(made)),
            )
            own = made["machine"].get("clock") == "own"
            busy = ", one thread's own time, since the machine had other work" if own else ""
            parts.append(f"`make bench TASK={task}`, {made['seconds']} seconds{busy}:\n\n{rows}")
    return "\n\n".join(parts)
