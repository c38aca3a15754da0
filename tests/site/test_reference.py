"""The API reference and the page about the repository, against the files that they speak of."""

import ast
import re
import sys
from pathlib import Path

import api
import griffe
import house
import pytest
from bs4 import BeautifulSoup
from elsewhere import ELSEWHERE

sys.path.insert(0, str(Path(__file__).parents[1]))
from test_arrows import LECTURE, MODULES, imported, part

import mvlm.checks
import mvlm.data
import mvlm.hub

pytestmark = pytest.mark.site
ROOT = Path(__file__).parents[2]
BUILTINS = dir(__builtins__) if not isinstance(__builtins__, dict) else list(__builtins__)
FOLDERS = {"mvlm.hub": mvlm.hub, "mvlm.data": mvlm.data, "mvlm.checks": mvlm.checks}


def page(html: Path, name: str) -> BeautifulSoup:
    path = html / f"{api.PAGES}/{name.removeprefix('mvlm.')}.html"
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def public_names(path: Path) -> set[str]:
    """What a module defines without a leading underscore, and its classes' methods, by `ast`."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            names |= {f"{node.name}.{m.name}" for m in node.body if isinstance(m, ast.FunctionDef)}
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    return {name for name in names if not re.search(r"(^|\.)_", name) or name.endswith("__call__")}


def test_every_module_of_the_lecture_has_a_page():
    assert set(api.documented()) == {f"mvlm.{name}" for name in LECTURE} | set(FOLDERS)
    for name in api.documented():
        stem = name.removeprefix("mvlm.")
        text = (ROOT / api.PAGES / f"{stem}.md").read_text(encoding="utf-8")
        assert text == f"# `{name}`\n\n```{{api-module}} {name}\n```\n"


@pytest.mark.parametrize("name", sorted(LECTURE))
def test_every_public_name_of_a_module_is_on_its_page(html: Path, name: str):
    module = f"mvlm.{name}"
    anchors = {tag["id"] for tag in page(html, module).select("dt.sig[id]")}
    wanted = {f"{module}.{key}" for key in public_names(MODULES[module])}
    assert wanted
    assert wanted - anchors == set()


@pytest.mark.parametrize("module", sorted(FOLDERS))
def test_a_folder_shows_what_it_hands_on(html: Path, module: str):
    anchors = {tag["id"] for tag in page(html, module).select("dl.py > dt.sig[id]")}
    assert {f"{module}.{key}" for key in FOLDERS[module].__all__} - anchors == set()


def test_shapes_stand_as_they_are_written(html: Path):
    text = page(html, "mvlm.vit").find(id="mvlm.vit.ViT.embed").get_text()
    assert 'Float[Tensor, "batch token width"]' in text
    assert "import" not in text


@pytest.mark.parametrize("module", api.documented())
def test_no_word_of_a_docstring_is_lost(html: Path, module: str):
    """Markdown could take a `<tag>`, a `$` or a `_` for its own."""
    soup = page(html, module)
    for extra in soup.select(".headerlink, .viewcode-link"):
        extra.decompose()
    shown = letters(soup.find("article").get_text())
    things = [api.module(module), *api.public(module).values()]
    things += [m for t in things[1:] if t.is_class for m in t.members.values() if api._is_shown(m)]
    for thing in things:
        for paragraph in re.split(r"\n\s*\n", thing.docstring.value if thing.docstring else ""):
            lines = [line for line in paragraph.splitlines() if not re.match(r"[A-Z]\w+:$", line)]
            for line in lines:
                text = re.sub(r":[a-z]+:(?=`)|^\d+\. ", "", line)  # roles; a list's number
                assert letters(text) in shown, f"{thing.path}: {line}"


def letters(text: str) -> str:
    """The text without what Markdown and typography may change."""
    text = text.replace("→", "").replace("...", "…")
    return re.sub(r"[\s`*\\'\"‘’“”–—…:-]", "", text)


def test_every_borrowed_name_has_an_address_and_no_address_is_idle():
    used = set()
    for module in api.documented():
        for thing in api.public(module).values():
            members = thing.members.values() if thing.is_class else ()
            for one in (thing, *(m for m in members if api._is_shown(m))):
                used |= {path for path in borrowed(one) if not path.startswith("mvlm.")}
    used -= {name for name in used if name in BUILTINS}
    assert used - set(ELSEWHERE) == set()
    assert set(ELSEWHERE) - used == set()
    assert all(address.startswith("https://") for address in ELSEWHERE.values())


def borrowed(thing: griffe.Object) -> set[str]:
    """The names in a signature, in full: of `nn.Module` the whole, not `nn` too."""
    types = [parameter.annotation for parameter in getattr(thing, "parameters", ())]
    types += [getattr(thing, "returns", None), *getattr(thing, "bases", ())]
    if not thing.is_class and not thing.is_function:
        types.append(thing.annotation)
    names = set()
    for kind in types:
        if isinstance(kind, griffe.Expr):
            text = re.sub(r"'[^']*'", "", str(kind))
            home = thing.module
            names |= {api.canonical(name, home) for name in re.findall(r"[A-Za-z_][\w.]*", text)}
    return names - {"None"}


def test_modules_name_their_chapters_and_chapters_their_modules(html: Path, pages: list[str]):
    for name in LECTURE:
        assert api.chapters_of(f"mvlm.{name}"), f"mvlm.{name}: its docstring names no chapter"
    for name in api.documented():
        links = {link["href"] for link in page(html, name).select("article a[href]")}
        for number in api.chapters_of(name):
            found = [path for path in pages if path.startswith(f"notebooks/{number}_")]
            for chapter in found:
                assert f"../../../{chapter}" in links, (name, chapter)
                soup = BeautifulSoup((html / chapter).read_text(encoding="utf-8"), "html.parser")
                line = soup.select_one("p.course-modules")
                assert name in [link.get_text() for link in line.select("a")], (name, chapter)


def test_a_name_in_full_is_a_link_where_it_stands_in_a_text(html: Path, pages: list[str]):
    known = {f"{m}.{key}" for m in api.documented() for key in api.public(m)}
    checked = 0
    for name in pages:
        soup = BeautifulSoup((html / name).read_text(encoding="utf-8"), "html.parser")
        for code in soup.select("article p > code"):
            if code.get_text() in known:
                pytest.fail(f"{name}: {code} leads nowhere")
        checked += len(soup.select("article p > a > code"))
    assert checked > 20


def test_a_parameter_is_not_taken_for_a_module(html: Path):
    for link in page(html, "mvlm.patches").select("article dl.field-list a"):
        assert link.get_text() not in ("images", "patches")


@pytest.mark.parametrize("path", sorted((ROOT / "book").rglob("*.md")), ids=lambda path: path.stem)
def test_every_name_that_a_text_gives_in_full_exists(path: Path):
    for name in set(re.findall(r"`(mvlm(?:\.\w+)+)`", path.read_text(encoding="utf-8"))):
        module = name
        while module not in MODULES:
            module = module.rpartition(".")[0]
        home = api.package()[module.partition(".")[2]] if "." in module else api.package()
        rest = name.removeprefix(module).lstrip(".")
        handed = module in FOLDERS and rest.partition(".")[0] in FOLDERS[module].__all__
        assert not rest or handed or rest.split(".")[0] in home.members, f"there is no {name}"


def test_the_house_is_drawn_as_it_is_imported(html: Path):
    wanted = set()
    for module, path in MODULES.items():
        if part(module) and not part(module).startswith("__"):
            wanted |= {(part(module), part(name)) for name in imported(path) if part(name)}
    graph = house.imports()
    assert set(graph.edges) == {(one, other) for one, other in wanted if one != other}
    assert house.folders(graph) | LECTURE == set(graph)
    soup = BeautifulSoup(
        (html / "book/reference/repository.html").read_text(encoding="utf-8"), "html.parser"
    )
    drawn = [text.get_text() for text in soup.select(".course-house text.p-part")]
    assert sorted(drawn) == sorted(graph)


def test_the_page_lists_what_make_and_ci_have(html: Path):
    text = (html / "book/reference/repository.html").read_text(encoding="utf-8")
    shown = BeautifulSoup(text, "html.parser").get_text()
    phony = re.search(r"\.PHONY: (.*)", (ROOT / "Makefile").read_text(encoding="utf-8"))[1]
    for target in phony.split():
        assert f"make {target}" in shown
    for workflow in (ROOT / ".github/workflows").glob("*.yml"):
        assert workflow.stem in shown


def test_notebooks_that_cannot_be_parsed_are_said_so():
    with pytest.raises(SyntaxError):
        list(api._named("for", is_code=True))
    assert list(api._named("%pip install x\nfrom mvlm.vit import ViT", is_code=True)) == [
        "mvlm.vit",
        "mvlm.vit.ViT",
    ]
