"""``python benchmarks/page.py``: the site's page of measurements, from the JSON files beside this.

No figure on the page is typed by hand; a test holds the page against the files.
"""

from pathlib import Path

from beside import section
from harness import read

HERE = Path(__file__).parent
PAGE = HERE.parent / "book/reference/measured.md"


def table(head: tuple[str, ...], rows: list[tuple]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def text() -> str:
    """The whole page, in Markdown."""
    course, grading, data = read("course.json"), read("grading.json"), read("data.json")
    runs, weights = course["seconds a notebook"], course["kilobytes a page"]
    versions = ", ".join(f"{name} {number}" for name, number in course["versions"].items())
    peers = grading["seconds a submission"]
    return f"""# What was measured

Figures from the files in `benchmarks/`, each written by the command beside it. The machine: {course["machine"]}, Python {course["python"]}; {versions}. Other work ran beside some of these, so a quiet machine may be faster.

## How long does the course take to run?

`python benchmarks/course.py` runs every notebook in a fresh kernel and builds the site from nothing, which took {course["seconds for the site"]} seconds.

{table(("notebook", "seconds", "page, kB compressed"), [(name, seconds, weights.get("notebooks/" + name.replace(".ipynb", ".html"), "")) for name, seconds in runs.items()])}

## How fast is the course's world drawn?

`python benchmarks/data.py`, on one core, in its own processor time:

{table(("what", "figure"), list(data_rows(data)))}

## How long does grading take?

`python benchmarks/grading.py --peers PYTHON` grades the same {grading["submissions"]} submissions of exercise 02 with each program, start included:

{table(("program", "seconds a submission", "times as long as ours"), [(name, seconds, round(seconds / peers["mvlm grade"], 1)) for name, seconds in peers.items()])}

The other two run the whole notebook in a new kernel each; ours reads it and calls its functions in a process that has torch loaded already. What each of them is protected against is said in the [guide for instructors](instructors.md).

{each_exercise(grading)}## How fast is it beside what people use?

`make bench` runs mvlm and its peers with the same shape, inputs and threads, and the same weights (open_clip's CLIP alone has its own), by turns in one process: one round times each of them once, so that a machine that slows down slows all. The loss alone runs in a process for each size and program, whose peak memory is then its own. A ratio above 1 means that mvlm is faster, or takes less. Before anything is timed, outputs are compared. On a CPU the language models are laid out first with `lay_by_columns_()`, one line that a reader can call too; timm and open_clip run with an empty stand-in for torchvision, which nothing measured here uses.

{section(read("results.json"), table)}

{workers_section()}{rivals_section()}{site_section()}## What was not measured

{"" if "cuda" in read("results.json") else "No GPU was at hand; `make bench` uses one where there is one, in bfloat16. "}The notebooks print only what should be the same on one (shapes, comparisons, rounded numbers), and tests marked `gpu` wait for a machine that has one.
"""


def each_exercise(grading: dict) -> str:
    """Seconds a submission of every exercise, once they were measured."""
    found = grading.get("each exercise", {})
    if not found:
        return ""
    rows = [(name, *figures.values()) for name, figures in found.items()]
    head = ("exercise", *next(iter(found.values())))
    return f"""`python benchmarks/grading.py` grades as many submissions of each exercise, each with one wrong answer, one after the other:

{table(head, rows)}

"""


def workers_section() -> str:
    """What a worker gains in training, once it was measured."""
    measured = read("workers.json")
    if not measured:
        return ""
    found = measured["steps a second by workers"]
    rows = [(name, by["0"], by["1"], f"×{by['1'] / by['0']:.2f}") for name, by in found.items()]
    head = ("model", "steps a second, no worker", "one worker", "gain")
    return f"""## Does a worker pay in training?

The course's models are trained on one thread each, and pictures and texts are made between the steps. `python benchmarks/workers.py` runs the first steps of each recipe without a worker process and with one, which makes them meanwhile on the second core (`workers` of a recipe; the result is the same to the bit):

{table(head, rows)}

"""


def rivals_section() -> str:
    """CLIP of two artists beside a ResNet and thumbnails, once `benchmarks/rivals.py` has run."""
    if not (HERE / "rivals.json").exists():
        return ""
    rivals = read("rivals.json")
    steps, operations = rivals["steps"], rivals["operations a step"]
    rows = [
        (
            name,
            *(
                f"{found[words][top]:.1%}"
                for words in ("all names", "everyday words")
                for top in ("top1", "top5")
            ),
        )
        for name, found in rivals["unseen artist, on white"].items()
    ]
    total = {name: steps[name] * operations[name] / 1e12 for name in steps}
    return f"""## What does CLIP gain over simpler things?

All have seen two artists' drawings of the 1,112 emoji, Noto's and Twemoji's, and name those of an artist that they never saw. The ResNet learnt the names as classes, from the same views, with as much arithmetic: {steps["ResNet"]:,} steps and {total["ResNet"]:,.0f} TFLOP, where CLIP took {steps["CLIP"]:,} and {total["CLIP"]:,.0f} (`python benchmarks/rivals.py --clip WEIGHTS`, which says how the weights are made):

{table(("unseen artist, on white", "1,112 names, top-1", "top-5", "100 everyday words, top-1", "top-5"), rows)}

The ResNet wins where all 1,112 names count. Two reasons are at hand, not measured apart: it is built to look at small neighbourhoods everywhere, where a tower of 20-pixel patches has to learn how neighbours belong together, and its classes were the very names, where CLIP's texts are names, everyday words, keywords and groups. CLIP was never taught a class, and answers in any words. With 400 million pairs, zero-shot CLIP beat a linear probe on a ResNet-50's features on 16 of 27 data sets (Radford et al. 2021, section 3.1.5). The same CLIP learnt from eight artists in as many steps (`mvlm/weights/clip-patches.md`). The course's finished one looks at small neighbourhoods too (`mvlm/weights/clip.md`).

"""


def site_section() -> str:
    """What Lighthouse said of each page, once `benchmarks/site.py` has asked it."""
    if not (HERE / "site.json").exists():
        return ""
    site = read("site.json")
    scores = ("performance", "accessibility", "best-practices", "seo")
    rows = [(page, *(found[name] for name in scores)) for page, found in site["pages"].items()]
    return f"""## How good are the pages?

`python benchmarks/site.py --lighthouse PATH` asks Lighthouse {site["lighthouse"]} about the built site, served from this machine, as on a desktop. Scores are out of 100. Performance depends on the machine and on what else it does; the others do not.

{table(("page", *scores), rows)}

{asking_section(site["asking"])}"""


def asking_section(asking: dict) -> str:
    """How soon LLaVA answers in the page, as `benchmarks/site.py` measured it."""
    sent = ", ".join(f"{name} {size:,} kB" for name, size in asking["kB"].items())
    rows = [(name, f"{value:,}") for name, value in asking.items() if isinstance(value, int)]
    return f"""## How soon does the page answer?

`python benchmarks/site.py` lets Chromium ask the LLaVA of the page [Ask the model](../start/ask.md), the site served from this machine. The first question loads what it needs, compressed: {sent}. Each later one is about a new scene. Medians; the machine was shared with other work, and {asking["load"]} programs were waiting for its {asking["cores"]} cores, so a quiet one is faster:

{table(("what", "figure"), [row for row in rows if row[0] != "cores"])}

"""


def data_rows(data: dict) -> list[tuple[str, str]]:
    """The data benchmark's figures, named as in its file."""
    return [
        (name, f"{value:,}" if isinstance(value, int | float) else value)
        for name, value in data.items()
        if name not in ("processor", "python")
    ]


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
    print(PAGE.name, "written")
