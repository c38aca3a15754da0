"""The course's CLIP and LLaVA in the reader's browser: blocks for pages, and the files they load.

A page holds `<div class="ask-model" data-part="words"></div>`, raw HTML. Its part is one of
`BLOCKS`: words to drawings, a picture to labels, a scene to ask about, or that scene in small. Here
it is filled with a form and with an example that was computed in Python, which is all that a
reader without JavaScript gets. The scripts come with such pages only (with the small scene, when
its button is pressed), the weights only when somebody asks. The role {ask}`names` puts a number
into a page's text: see `facts` in `ask_export` and `llava_export`.
"""

import hashlib
import json
import shutil
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlencode

from bs4 import BeautifulSoup
from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.application import Sphinx
from sphinx.config import Config

SOURCE = Path(__file__).parent / "ask"
# What a block needs, in this order.
MODEL = ("shared.js", "tokenizer.js", "clip.js", "llava.js")
SCRIPTS = {
    "words": ("shared.js", "tokenizer.js", "clip.js", "ask.js"),
    "labels": ("shared.js", "tokenizer.js", "clip.js", "ask.js"),
    "scene": (*MODEL, "scene.js"),
    "small": ("small.js",),
}
SUGGESTED = (
    "what is in the top left?",
    "how many things are there?",
    "is there a dog?",
    "say what is in every place.",
    "why is the dog there?",
)
ROOT = Path(__file__).parents[2]
# What the exported files, and the numbers in the pages, are made from: made again when one of
# these changed.
MADE_FROM = (
    "book/_site/ask_export.py",
    "book/_site/llava_export.py",
    "mvlm/weights/clip.safetensors",
    "mvlm/weights/tokenizer.json",
    "mvlm/weights/results/clip.json",
    "mvlm/weights/llava.safetensors",
    "mvlm/weights/results/llava.json",
    "mvlm/weights/molmo.safetensors",
    "mvlm/data/emoji.parquet",
)


def prepare(app: Sphinx, config: Config) -> None:
    """Make the exported files if they are not there, and have them copied into the site."""
    folder = Path(app.outdir).parent / "site-ask"
    files, about = folder / "ask", folder / "about.json"
    version = hashlib.sha256(b"".join((ROOT / path).read_bytes() for path in MADE_FROM)).hexdigest()
    if not about.exists() or json.loads(about.read_text())["version"] != version:
        # These bring torch, which a build that finds the files made does not need.
        import ask_export
        import llava_export

        shutil.rmtree(folder, ignore_errors=True)
        files.mkdir(parents=True)
        clip = ask_export.export(files)
        llava = llava_export.export(files, int(clip["facts"]["bits"]))
        made = clip | llava | {"facts": clip["facts"] | llava["facts"], "version": version}
        about.write_text(json.dumps(made))
    for path in SOURCE.iterdir():
        if path.suffix in (".js", ".css"):
            shutil.copy(path, files)
    app.ask = json.loads(about.read_text())
    config.html_static_path.append(str(folder))


def number(
    name: str, rawtext: str, text: str, line: int, inliner: Inliner, *rest: Any
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """The role {ask}`…`: a number that was measured or read when the page was built."""
    facts = inliner.document.settings.env.app.ask["facts"]
    if text not in facts:
        message = inliner.reporter.error(
            f"there is no number {text!r}: choose from {', '.join(sorted(facts))}", line=line
        )
        return [inliner.problematic(rawtext, rawtext, message)], [message]
    if "×" in facts[text]:
        return [nodes.literal(text=facts[text])], []
    return [nodes.Text(facts[text])], []


def add_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Fill a page's blocks, and let it load what they need."""
    if doctree is None or "ask-model" not in context["body"]:
        return
    page = BeautifulSoup(context["body"], "html.parser")
    for place, block in enumerate(page.select("div.ask-model")):
        html = BLOCKS[block["data-part"]](app.ask, str(place))
        block["data-version"] = app.ask["version"][:12]
        if block["data-part"] in ("scene", "small"):
            block["data-state"] = json.dumps(app.ask["scene"]["state"])
            block["data-scripts"] = " ".join(SCRIPTS["scene"])
        block.clear()
        block.append(BeautifulSoup(html, "html.parser"))
    context["body"] = str(page)
    parts = [block["data-part"] for block in page.select("div.ask-model")]
    for script in dict.fromkeys(script for part in parts for script in SCRIPTS[part]):
        app.add_js_file(f"ask/{script}", loading_method="defer")
    app.add_css_file("ask/ask.css", priority=901)


def words_block(about: dict, place: str) -> str:
    """A form, and the cosines of the example's words with the drawings nearest to it."""
    example = about["words"]
    text, scores = example["rows"][0]
    found = ", ".join(
        f"{name} {two(score)}"
        for (name, _), score in zip(example["drawings"], scores[:3], strict=False)
    )
    return _filled(
        "words.html",
        {
            "id": place,
            "example": escape(f"Nearest to “{text}”: {found}."),
            "table": words_table(example["drawings"], example["rows"]),
        },
    )


def words_table(drawings: list[list[str]], rows: list[list]) -> str:
    """Drawings as columns, texts as rows, a cosine in each cell; as in ask.js."""
    heads = "".join(
        f'<th scope="col"><img src="{uri}" alt="{escape(name)}" width="40" height="40"></th>'
        for name, uri in drawings
    )
    body = "".join(
        f'<tr><th scope="row">{escape(text)}</th>'
        + "".join(f"<td>{bar(score)}{two(score)}</td>" for score in scores)
        + "</tr>"
        for text, scores in rows
    )
    return f'<table class="ask-table"><tr><td></td>{heads}</tr>{body}</table>'


def labels_block(about: dict, place: str) -> str:
    """A form, and the example's drawing with the probability of each label."""
    example = about["labels"]
    name, uri = example["drawing"]
    label, _, share = example["rows"][0]
    return _filled(
        "labels.html",
        {
            "id": place,
            "labels": escape(", ".join(sorted(row[0] for row in example["rows"]))),
            "example": escape(f"Fluent’s {name}: most probably “{label}”, {share:.0%}."),
            "drawing": f'<img src="{uri}" alt="Fluent’s {escape(name)}" width="120" height="120">',
            "table": labels_table(example["rows"]),
        },
    )


def labels_table(rows: list[list]) -> str:
    """One label a row: its cosine and its probability; as in ask.js."""
    body = "".join(
        f'<tr><th scope="row">{escape(label)}</th><td>{two(cosine)}</td>'
        f"<td>{bar(share)}{100 * share:.1f} %</td></tr>"
        for label, cosine, share in rows
    )
    return (
        '<table class="ask-table ask-labels"><tr><th scope="col">label</th>'
        f'<th scope="col">cosine</th><th scope="col">probability</th></tr>{body}</table>'
    )


def scene_block(about: dict, place: str) -> str:
    """A form to put a scene together and ask about it, and the example with its answer."""
    example = about["scene"]
    asked = example["state"]["ask"]
    return _filled(
        "scene.html",
        {
            "id": place,
            "cells": '<button type="button" aria-pressed="false"><span></span></button>' * 9,
            "names": "".join(f"<option>{escape(name)}</option>" for name in example["names"]),
            "count": str(len(example["names"])),
            "suggested": " ".join(
                f'<button type="button">{escape(question)}</button>' for question in SUGGESTED
            ),
            "picture": example["picture"],
            "alt": escape(example["alt"]),
            "example": escape(f"“{asked}” {example['answer']}"),
        },
    )


def small_block(about: dict, place: str) -> str:
    """The example's picture, question and answer, and a button to have it answered again."""
    example = about["scene"]
    return _filled(
        "small.html",
        {
            "picture": example["picture"],
            "alt": escape(example["alt"]),
            "question": escape(example["state"]["ask"]),
            "answer": escape(example["answer"]),
            "more": f"start/ask.html#{urlencode(example['state'])}",
        },
    )


def bar(share: float) -> str:
    """How long the bar behind a number is, 0 to 1."""
    return f'<i style="--share:{max(0.0, share):.3f}"></i>'


def two(value: float) -> str:
    """Two digits, with a true minus sign, and none before zero."""
    return f"{value:z.2f}".replace("-", "−")


def _filled(template: str, values: dict[str, str]) -> str:
    return Template((SOURCE / template).read_text(encoding="utf-8")).substitute(values)


BLOCKS = {
    "words": words_block,
    "labels": labels_block,
    "scene": scene_block,
    "small": small_block,
}


def setup(app: Sphinx) -> None:
    """Connect the above to Sphinx; course_site calls it."""
    app.add_role("ask", number)
    app.connect("config-inited", prepare, priority=20)
    app.connect("html-page-context", add_scripts)
