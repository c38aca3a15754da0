"""A card for each finished model, written from its weights file, its curve and its results.

No figure in a card is typed by hand: `python -m mvlm weights` writes them all.
"""

from __future__ import annotations

import json
from functools import reduce
from operator import getitem

from mvlm import weights
from mvlm.training.loop import Metrics

WHAT = {
    "clip-patches": "A CLIP with patches of 20 pixels: 40×40 pictures of single things and short "
    "English texts, in one space. `clip` is made from it.",
    "clip": "CLIP: 40×40 pictures of single things and short English texts, in one space. Its "
    "image tower is a residual convolutional stem before a ViT's blocks (`mvlm.small.stem`).",
    "vit": "A ViT that names 40×40 pictures of 100 everyday things, from 5×5 patches of 8 pixels.",
    "language": "A Llama-style decoder that knows the course's captions, questions and answers.",
    "llava-stage1": "LLaVA after its first stage: the projector alone, learnt from captions.",
    "llava": "LLaVA after its second stage: it answers questions about 120×120 scenes.",
    "molmo": "Molmo in small: it points, counts and names in large pictures of small things.",
    "reader": "A reader of function plots, charts and shop pages, in three parts: read, relate, "
    "answer. On a page it answers with an action, `click [n]` or `stop`.",
}
DATA = {
    "clip-patches": "Drawings of every emoji of the course by the artists named in the recipe, in "
    "views drawn anew each step; texts from Unicode's names, keywords and groups and the everyday "
    "words. Fluent's drawings were never trained on.",
    "clip": "The drawings and words that `clip-patches` learnt from. The image tower is new, and "
    "learnt from views drawn anew each step beside the text tower of `clip-patches`, which stood "
    "still; steps, minutes, loss and curve are those of this run. Then the text tower alone learnt "
    "to put each text where the pictures of its thing lie (`mvlm.training.recipes.hybrid`). "
    "Fluent's drawings were never trained on.",
    "vit": "Drawings of every emoji of the course by the artists named in the recipe, in views "
    "drawn anew, half of them of the 100 everyday things, changed as if by other hands "
    "(`mvlm.training.recipes.hands`). `clip`, which knew the same drawings, says what each shows "
    "and what stands at each place of it (`mvlm.training.recipes.vit`); no name is told. Fluent's "
    "drawings were never trained on.",
    "language": "Captions and conversations of `mvlm.data` (split `train`), scenes told in nine "
    "words with their places; in the second run questions as people put them, most of them drills "
    "of what is learnt last (`mvlm.training.recipes.drills`).",
    "llava-stage1": "Scenes of `mvlm.data` (split `train`, drawn by the artists named in the "
    "recipe) and full captions of them: what is in each place, or where each thing is.",
    "llava": "The same scenes and conversations about them, roughened by "
    "`mvlm.training.recipes.texts`, some of them drills (`mvlm.training.recipes.drills`); among "
    "the questions some that nothing in the picture answers.",
    "molmo": "High-resolution scenes of `mvlm.data` (split `train`) and pictures with one to nine "
    "of a kind (`mvlm.training.recipes.molmo.Flocks`), asked to point, count and name; before "
    "these, scenes told in a vector a thing (`mvlm.training.recipes.pointing`).",
    "reader": "Plots, charts and pages of `mvlm.data` (split `train`) with the truth that the "
    "drawing code notes (`mvlm.training.recipes.truth`), in some of them words without a class, to "
    "be spelt; for relations and answers the same items told, without pixels, and sums.",
}
CLIP_CANNOT = (
    "It has seen a few thousand drawings, not photographs. Names that are near one another (the "
    "many faces, the many people) are mixed up, and words outside Unicode's names and keywords "
    "mean nothing to it. Two things in one picture are beyond it."
)
WORST = 8  # wordings that a card shows

CANNOT = {
    "clip-patches": CLIP_CANNOT,
    "clip": CLIP_CANNOT,
    "vit": "It knows 100 names and no others, and always answers with one of them. It learnt from "
    "what a CLIP sees, so it has that CLIP's mistakes; names alone taught the same architecture "
    "far less (see `README.md`).",
    "language": "It knows no facts and no language outside the course's scenes.",
    "llava-stage1": "It was never taught to answer; it is there to show what the first stage does.",
    "llava": "It knows nine cells and ninety names, in English, in small letters. Pictures that "
    "are not such scenes get answers all the same. It refuses what it was taught to refuse, and "
    "may answer other questions wrongly with the same confidence.",
    "molmo": "It knows ninety names and pictures like those of `HIGH_RESOLUTION`: things of 16 to "
    "24 pixels, one to nine of them. Larger things and photographs are beyond it, and it was not "
    "taught to refuse a question. "
    "The downscaled view alone was practised in few examples, and in the first stage its tokens "
    "were all told that they hold nothing. How much of the gap between the two views is owed to "
    "that was not measured.",
    "reader": "It reads the letters, sizes and layouts that `mvlm.data` draws, and no others: "
    "pictures of other sizes are refused, other fonts are misread. It knows the drawings of ninety "
    "things; of what it was not taught it says something all the same. It sees one page at a time "
    "and remembers none.",
}


# Where in a recipe the run stands whose steps a card tells; in most it is `train`.
LAST_RUN = {"clip": ("clip", "train"), "llava-stage1": ("align",), "reader": ("answer",)}


def card(name: str, command: str, curve: list[Metrics], results: dict) -> str:
    """The card's text, in Markdown."""
    _, about = weights.read(weights.HERE / f"{name}.safetensors")
    recipe = about["recipe"]
    training = reduce(getitem, LAST_RUN.get(name, ("train",)), recipe)
    parts = [
        f"# {name}",
        WHAT[name],
        f"- command: `{command}`\n- seed: {training['seed']}\n- data: {DATA[name]}\n"
        f"- steps of the last run: {about['steps']}, in {about['minutes']} minutes by the clock, "
        f"on: {about['machine']}; torch {about['torch']}\n"
        f"- loss over the last twenty steps: {about['loss']}",
        "## Recipe\n\n```json\n" + json.dumps(recipe, indent=1) + "\n```",
    ]
    if curve:
        parts.append("## Curve\n\n" + curve_table(curve))
    parts.append("## Results\n\n" + results_text(name, results))
    parts.append("## What it cannot do\n\n" + verdict(results) + CANNOT[name])
    return "\n\n".join(parts) + "\n"


def verdict(results: dict) -> str:
    """A warning that comes first when a model answers no better than one that sees nothing."""
    scores = results.get("test")
    if scores is None:
        return ""
    right, blind = scores.get("all kinds"), scores["blind"]
    if results["model"] == "molmo":
        right, blind = scores["with crops"]["inside"] or 0.0, blind["inside"]
    if right > blind + 0.1:
        return ""
    right, blind = per_cent(right), per_cent(blind)
    return (
        f"**It cannot answer yet**: {right} of its answers are right, where a model that never "
        f"looks gets {blind}. It was trained too briefly; `README.md` says what to do next.\n\n"
    )


def curve_table(curve: list[Metrics], rows: int = 12) -> str:
    """Steps and the mean loss around them, at most so many rows."""
    size = max(1, len(curve) // rows)
    lines = ["| steps | mean loss |", "|---:|---:|"]
    for start in range(0, len(curve) - size + 1, size):
        part = curve[start : start + size]
        loss = sum(row.loss for row in part) / len(part)
        lines.append(f"| {part[0].step}–{part[-1].step} | {loss:.3f} |")
    return "\n".join(lines)


def results_text(name: str, results: dict) -> str:
    """Tables of what `python -m mvlm evaluate` wrote."""
    write = {
        "clip": clip_tables,
        "vit": vit_table,
        "language": language_table,
        "llava": llava_tables,
        "molmo": molmo_tables,
        "reader": reader_tables,
    }
    model, seed, count = (results[key] for key in ("model", "seed", "count"))
    which = "" if name == model else f" --weights mvlm/weights/{name}.safetensors"
    command = f"python -m mvlm evaluate {model}{which} --seed {seed} --count {count} --json"
    return f"From `{command}`.\n\n" + write[model](results)


def per_cent(value: float | None) -> str:
    """0.5 → 50.0 %."""
    return "–" if value is None else f"{100 * value:.1f} %"


def clip_tables(results: dict) -> str:
    """Top-1 and top-5 beside chance and thumbnails."""
    rows = {
        "unseen artist, on white": results["unseen artist"]["on white"],
        "unseen artist, in a cell of a scene": results["unseen artist"]["in a cell"],
        "seen artists, on white": results["seen artists"]["on white"],
        "nearest 12×12 thumbnail of Noto's and Twemoji's, unseen artist, on white": results[
            "thumbnails, unseen artist, on white"
        ],
        "nearest 12×12 thumbnail of all eight artists', unseen artist, on white": results[
            "eight artists' thumbnails, unseen artist, on white"
        ],
        "chance": results["chance"],
    }
    sizes = results["classes"]
    lines = [
        f"| | {sizes['all names']:,} names, top-1 | top-5 | "
        f"{sizes['everyday words']} everyday words, top-1 | top-5 |",
        "|---|---:|---:|---:|---:|",
    ]
    for label, scores in rows.items():
        values = [scores[names][top] for names in sizes for top in ("top1", "top5")]
        lines.append(f"| {label} | {' | '.join(per_cent(value) for value in values)} |")
    return "\n".join(lines)


def vit_table(results: dict) -> str:
    """Top-1 and top-5 beside chance and thumbnails."""
    rows = {
        "unseen artist, on white": results["unseen artist"]["on white"],
        "unseen artist, in a cell of a scene": results["unseen artist"]["in a cell"],
        "seen artists, on white": results["seen artists"]["on white"],
        "nearest 12×12 thumbnail of Noto's and Twemoji's, unseen artist, on white": results[
            "thumbnails, unseen artist, on white"
        ],
        "chance": results["chance"],
    }
    lines = ["| | top-1 | top-5 |", "|---|---:|---:|"]
    for label, scores in rows.items():
        lines.append(f"| {label} | {per_cent(scores['top1'])} | {per_cent(scores['top5'])} |")
    return "\n".join(lines)


def language_table(results: dict) -> str:
    """Exact match by kind, about scenes told in words."""
    return split_table("Scenes told in words, new combinations", results["test"])


def llava_tables(results: dict) -> str:
    """Exact match by kind, beside blind answers; hallucination; questions outside."""
    parts = []
    for split, title in (("test", "New combinations"), ("unseen artist", "The unseen artist")):
        parts.append(split_table(title, results[split]))
    asked, outside = results["hallucination"], results["outside"]
    parts.append(
        f"Is there …? of a thing that is there and of one that is not but looks like one that is: "
        f"{per_cent(asked['right'])} of {asked['questions']} right "
        f"({per_cent(asked['right where it is there'])} and "
        f"{per_cent(asked['right where a thing like it is'])}).\n\n"
        f"Questions outside what it was taught, in words it never saw: "
        f"{per_cent(outside['honest'])} of {outside['questions']} get the honest answer; of the "
        f"questions it can answer (new combinations), {per_cent(results['test']['refused'])} get "
        f"it wrongly."
    )
    parts.append(wordings_table(outside["by wording"], "wording never seen"))
    others = results["outside, other sentences"]
    worst = sorted(others["by wording"], key=others["by wording"].get)[:WORST]
    parts.append(
        f"The same in {len(others['by wording'])} other sentences, written without sight of those "
        f"it learnt from: {per_cent(others['honest'])} of {others['questions']}. The hardest:"
    )
    hardest = {wording: others["by wording"][wording] for wording in worst}
    parts.append(wordings_table(hardest, "sentence never seen"))
    return "\n\n".join(parts)


def wordings_table(shares: dict[str, float], title: str) -> str:
    """Each wording and how often it gets the honest answer, the worst first."""
    rows = "\n".join(
        f"| {wording.format(name='…', names='…')} | {per_cent(honest)} |"
        for wording, honest in sorted(shares.items(), key=lambda one: one[1])
    )
    return f"| {title} | honest answer |\n|---|---:|\n{rows}"


def molmo_tables(results: dict) -> str:
    """Points with crops, with one view and blind; counting in both ways."""
    parts = []
    for split, title in (("test", "New combinations"), ("unseen artist", "The unseen artist")):
        scores = results[split]
        lines = [
            f"{title}: {scores['objects']} things in {scores['pictures']} pictures.",
            "",
            "| | points inside the right thing | in unseen phrasings | things missed | "
            "extra points a thing |",
            "|---|---:|---:|---:|---:|",
        ]
        for view in ("with crops", "one view", "blind"):
            values = " | ".join(per_cent(value) for value in scores[view].values())
            lines.append(f"| {view} | {values} |")
        sizes = scores["inside with crops, by things in the picture"]
        by_size = (f"{per_cent(share)} with {size}" for size, share in sizes.items())
        lines += ["", f"Inside with crops, by things in the picture: {', '.join(by_size)}."]
        parts.append("\n".join(lines))
    lines = [
        "Counting one kind of thing, with crops:",
        "",
        "| how many there are | pictures | by pointing | in one word | blind |",
        "|---|---:|---:|---:|---:|",
    ]
    for group, scores in results["counting"].items():
        values = (per_cent(scores[way]) for way in ("by pointing", "in one word", "blind"))
        lines.append(f"| {group} | {scores['pictures']} | {' | '.join(values)} |")
    parts.append("\n".join(lines))
    return "\n\n".join(parts)


def reader_tables(results: dict) -> str:
    """Exact answers beside blind ones, by kind; and runs through a shop."""
    lines = ["| | questions | right | blind | most frequent answer |", "|---|---:|---:|---:|---:|"]
    for title, scores in results.items():
        if not isinstance(scores, dict) or "kinds" not in scores:
            continue
        for name, row in ((f"**{title}**", scores), *scores["kinds"].items()):
            values = " | ".join(per_cent(row[key]) for key in ("right", "blind", "majority"))
            lines.append(f"| {name} | {row['questions']} | {values} |")
    shop = [
        "Runs through a shop of three shelves that end with what was asked for in the basket, and "
        "nothing else:",
        "",
        "| | runs | success | standard error | the first thing in sight |",
        "|---|---:|---:|---:|---:|",
    ]
    for title, row in results["shop"].items():
        values = (row[key] for key in ("success", "standard error", "first thing bought"))
        shop.append(f"| {title} | {row['runs']} | {' | '.join(per_cent(v) for v in values)} |")
    return "\n".join([*lines, "", *shop])


def split_table(title: str, scores: dict) -> str:
    """Exact match by kind of question, beside blind answers."""
    lines = [
        f"{title}: {scores['questions']} questions.",
        "",
        "| kind | right | in unseen phrasings | blind | most frequent answer |",
        "|---|---:|---:|---:|---:|",
    ]
    for kind, row in scores["kinds"].items():
        values = [row[key] for key in ("right", "unseen phrasings", "blind", "majority")]
        lines.append(f"| {kind} | {' | '.join(per_cent(value) for value in values)} |")
    values = [scores[key] for key in ("all kinds", "unseen phrasings", "blind")]
    lines.append(f"| all | {' | '.join(per_cent(value) for value in values)} | |")
    return "\n".join(lines)
