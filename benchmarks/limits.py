"""Where does the time go? The part of the page of measurements that shows the machine's limits.

No figure is typed by hand: all come from `results.json`.
"""

from __future__ import annotations

import html

from mvlm.show.figures import BLUE, GREY, ORANGE

KINDS = {
    "arithmetic": "multiply and add, at the rate of one large matrix product",
    "memory": "read every weight once, and the cache",
    "copy": "write every number once",
}


def limited(tasks: dict, kind: str) -> list[dict]:
    """Of each task that this limit holds back: the row beside its best peer."""
    best: dict[str, dict] = {}
    for task in tasks.values():
        for row in task["rows"]:
            if row.get("limit") == kind:
                known = best.setdefault(row["task"], row)
                if row["their_share"] > known["their_share"]:
                    best[row["task"]] = row
    return list(best.values())


def limits_plot(tasks: dict) -> str:
    """How much of the machine's own rate each task reaches, as SVG: a bar, and the peer's mark."""
    left, width, line = 16, 400, 38
    out, words, y = [], [], 8
    for kind, meaning in KINDS.items():
        found = limited(tasks, kind)
        if not found:
            continue
        y += 20
        out.append(f'<text x="{left}" y="{y}" font-weight="bold">{kind}: {meaning}</text>')
        for row in found:
            y += line
            share, theirs = row["share"], row["their_share"]
            at, mark = (left + width * min(part, 1.1) for part in (share, theirs))
            words.append(f"{row['task']}: {share:.2f}, {row['peer']} {theirs:.2f}")
            out.append(
                f'<text x="{left}" y="{y - 10}">{html.escape(row["task"])}</text>'
                f'<rect x="{left}" y="{y - 4}" width="{at - left:.1f}" height="12" fill="{BLUE}"/>'
                f'<line x1="{mark:.1f}" x2="{mark:.1f}" y1="{y - 7}" y2="{y + 11}" '
                f'stroke="{ORANGE}" stroke-width="3"/>'
                f'<text x="{max(at, mark) + 8:.1f}" y="{y + 7}">{share:.2f}</text>'
            )
        y += 16
    if not words:
        return ""
    height = y + 24
    told = "Share of the machine's limit that mvlm reaches, and the best peer. "
    axis = [
        f'<line x1="{left + width * part:.1f}" x2="{left + width * part:.1f}" y1="4" '
        f'y2="{height - 24}" stroke="{GREY}" opacity="{1 if part == 1 else 0.4}"/>'
        f'<text x="{left + width * part:.1f}" y="{height - 8}" text-anchor="middle">{part:g}</text>'
        for part in (0, 0.5, 1)
    ]
    head = (
        f'<svg viewBox="0 0 {left + width + 90} {height}" role="img" font-size="13" '
        f'style="width:100%;max-width:36rem;height:auto;font-family:var(--course-sans)" '
        f'fill="currentColor" aria-label="'
        f'{html.escape(told + "; ".join(words))}">'
    )
    return "\n".join([head, *axis, *out, "</svg>"])


def row_of(tasks: dict, task: str, key: str) -> dict | None:
    """A task's first row whose name begins so."""
    rows = tasks.get(task, {}).get("rows", [])
    return next((row for row in rows if row["task"].startswith(key)), None)


def where_time_goes(tasks: dict) -> str:
    """The lesson of the limits, with the figures of `results.json`."""
    vit = row_of(tasks, "vit", "ViT-B/16, forward, ")
    plain = row_of(tasks, "language", "SmolLM2-135M, decode, 1 × 32")
    smol = row_of(tasks, "language", "SmolLM2-135M, decode, compiled, 1 × 32")
    half = row_of(tasks, "language", "SmolLM2-135M in bfloat16, decode, compiled, 1 × 32")
    small = row_of(tasks, "language", "the course's language model, decode, compiled, 1 × 32")
    many = row_of(tasks, "language", "the course's language model, decode, compiled, 16 × 32")
    if None in (vit, plain, smol, half, small, many):
        return ""
    most = smol["ours"] / smol["share"]
    return f"""### Where does the time go?

A ratio says who is faster. It does not say how fast this machine can be. So each round also times what the task cannot do without, done by the machine at its best: the multiplications and additions of the task in one large matrix product, the bytes that must be read in one long sum, or a plain copy. The share is that time divided by the program's. At 1 nothing is left to gain.

{limits_plot(tasks)}

The bar is mvlm's share, the orange mark the best peer's.

- **Many tokens at once: arithmetic.** Each weight that is read serves many tokens. ViT-B/16 reaches {vit["share"]:.2f} of the matrix product's rate. A share above 1 is possible: the product that is timed is one size, and others can run better. What is missing goes to softmax, GELU and norms, which move numbers and multiply few.
- **One token at a time: memory.** A vector meets each matrix once, so each weight is read for two operations. Reading SmolLM2-135M once allows about {most:,.0f} tokens a second here, whatever the program. The plain step comes to {plain["ours"]:,.0f}, the compiled one to {smol["ours"]:,.0f}. In bfloat16 there are half as many bytes, and it writes {half["ours"]:,.0f} a second, {half["share"]:.2f} of what reading allows.
- **A small model: neither.** The course's language model lies in the processor's own memory, which is read many times as fast. There the calls of small operations and the short loops take the time: even compiled, one row reaches {small["share"]:.2f} of the limit. Sixteen rows share each call, and write {many["ours"]:,.0f} tokens a second in place of {small["ours"]:,.0f}."""
