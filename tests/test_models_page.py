"""The page "Which model is which": a row for each finished model, with its card and chapters."""

import json
import re
from pathlib import Path

import pytest

from mvlm.commands.weights import FINISHED

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "book/reference/models.md").read_text(encoding="utf-8")
ROWS = {
    line.split("`")[1]: line.strip().strip("|").split("|")
    for line in PAGE.splitlines()
    if line.startswith("| `")
}
CHAPTER = re.compile(r"\]\(\.\./\.\./notebooks/(\w+)\.ipynb\)")


def loaded_in(name: str) -> set[str]:
    """The chapters that load this model by its name."""
    load = re.compile(rf'weights\.{name}\(\)|"{name}\.safetensors"')
    sources = (ROOT / "book/chapters").glob("*.md")
    return {path.stem for path in sources if load.search(path.read_text(encoding="utf-8"))}


def test_every_finished_model_has_a_row_and_no_other():
    assert list(ROWS) == list(FINISHED)


@pytest.mark.parametrize("name", FINISHED)
def test_a_row_has_its_card_and_the_chapters_that_load_the_model(name):
    *_, made, used, card = ROWS[name]
    assert card.strip() == f"[card](FILE:mvlm/weights/{name}.md)"
    assert (ROOT / f"mvlm/weights/{name}.md").exists()
    for chapter in CHAPTER.findall(made + used):
        assert (ROOT / f"book/chapters/{chapter}.md").exists(), chapter
    assert CHAPTER.findall(made)
    assert loaded_in(name) <= set(CHAPTER.findall(used))


def test_the_thumbnails_of_the_page_are_those_of_the_card():
    results = json.loads((ROOT / "mvlm/weights/results/clip.json").read_text(encoding="utf-8"))
    for of, title in (("two", "thumbnails"), ("eight", "eight artists' thumbnails")):
        share = results[f"{title}, unseen artist, on white"]["everyday words"]["top1"]
        assert re.search(rf"nearest of {of} artists'( names)? {share:.0%}".replace("%", " %"), PAGE)
