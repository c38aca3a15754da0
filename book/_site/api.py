"""The API reference, read from the source of `mvlm` without importing it.

griffe parses the package: signatures with their types as written, so that a shape stays
`Float[Tensor, "batch token width"]`, and docstrings with their sections. The directive
`{api-module} mvlm.vit` writes both as Markdown for Sphinx's Python domain, which gives every name
an address, a line in the contents and in the search. A name in backticks becomes a link, on these
pages from its module's sight, on all others when it is written in full: `mvlm.vit.ViT`. Which
chapter has a name is read from the notebooks, which has a module from its docstring.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import griffe
import yaml
from bs4 import BeautifulSoup
from docutils import nodes
from elsewhere import ELSEWHERE
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

from mvlm.publish.address import read_address

ROOT = Path(__file__).parents[2]
PAGES = "book/reference/api"
LONGEST_VALUE = 60  # characters of a constant that are shown
CHAPTERS = re.compile(r"[Cc]hapters? (\d\d(?:(?:, | and )\d\d)*)")
PARSING = {"warnings": False, "returns_named_value": False, "returns_multiple_items": False}
TITLES = {
    griffe.DocstringSectionKind.parameters: "Parameters",
    griffe.DocstringSectionKind.attributes: "Attributes",
    griffe.DocstringSectionKind.returns: "Returns",
    griffe.DocstringSectionKind.yields: "Yields",
    griffe.DocstringSectionKind.raises: "Raises",
}


class SeveralNames(griffe.Extension):
    """Constants given several in one line, `PAD, END = "<pad>", "<end>"`, which griffe skips."""

    def on_module_members(self, *, node: ast.AST, mod: griffe.Module, **_: Any) -> None:
        for line in getattr(node, "body", ()):
            match line:
                case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                    for name, value in zip(names, values, strict=True):
                        place = {"lineno": line.lineno, "endlineno": line.end_lineno}
                        text = ast.unparse(value)
                        mod.set_member(name.id, griffe.Attribute(name.id, value=text, **place))


@cache
def package() -> griffe.Module:
    """`mvlm`, parsed and not imported."""
    return griffe.load(
        "mvlm",
        search_paths=[ROOT],
        try_relative_path=False,
        allow_inspection=False,
        extensions=griffe.load_extensions(SeveralNames),
    )


@cache
def documented() -> list[str]:
    """The modules that have a page, as `mvlm.vit`, in the order of the contents."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [
        section.get("file", "")
        for part in contents["parts"]
        for chapter in part["chapters"]
        for section in chapter.get("sections", ())
    ]
    return [f"mvlm.{Path(file).name}" for file in files if file.startswith(f"{PAGES}/")]


def module(name: str) -> griffe.Module:
    """A module or folder of the package by its full name."""
    return package()[name.removeprefix("mvlm.")]


def public(name: str) -> dict[str, griffe.Object]:
    """A module's public names in the order of its source; a folder's are those it hands on."""
    home = module(name)
    if not home.is_init_module:
        own = (member for key, member in home.members.items() if key[0] != "_")
        own = (member for member in own if not member.is_alias)
        return {member.name: member for member in sorted(own, key=lambda m: m.lineno)}
    if "_HOME" in home.members:  # names that are imported when first used
        where = ast.literal_eval(str(home["_HOME"].value))
        return {key: home[f"{where[key]}.{key}"] for key in sorted(where)}
    return {key: _final(home[key]) for key in map(_unquoted, home["__all__"].value.elements)}


def _final(member: griffe.Object | griffe.Alias) -> griffe.Object:
    return member.final_target if member.is_alias else member


def _unquoted(text: Any) -> str:
    return str(text).strip("'\"")


@cache
def addresses() -> dict[str, str]:
    """Where a thing was defined → under which name it is documented."""
    return {
        thing.path: f"{name}.{key}" for name in documented() for key, thing in public(name).items()
    }


# ---- What is written ------------------------------------------------------------------------


def signature(name: str, thing: griffe.Function | griffe.Class) -> str:
    """A function's or class's name with its parameters and their types, as the source has them."""
    if thing.is_function:
        return thing.signature(name=name)
    if any(str(base) == "NamedTuple" for base in thing.bases):
        fields = [member for member in thing.attributes.values() if member.annotation]
        return f"{name}({', '.join(map(_field, fields))})"
    return thing.signature(name=name) if len(thing.parameters) > 1 else name


def _field(field: griffe.Attribute) -> str:
    value = f" = {field.value}" if field.value is not None else ""
    return f"{field.name}: {field.annotation}{value}"


def prose(thing: griffe.Object) -> str:
    """A docstring as Markdown, its sections as lists under a title."""
    if thing.docstring is None:
        return ""
    value = re.sub(r":[a-z]+:(?=`)", "", thing.docstring.value)  # a name is a link, role or not
    parts = []
    for section in griffe.Docstring(value, parent=thing).parse("google", **PARSING):
        kind = section.kind
        if kind is griffe.DocstringSectionKind.text:
            parts.append(section.value)
        elif kind in (griffe.DocstringSectionKind.returns, griffe.DocstringSectionKind.yields):
            parts.append(_listed(TITLES[kind], [_returned(item, thing) for item in section.value]))
        elif kind in TITLES:
            items = [f"**{_label(item)}**: {item.description}" for item in section.value]
            parts.append(_listed(TITLES[kind], items))
        else:
            raise ValueError(
                f"{thing.path}: the docstring has a section {kind.value!r}, which the reference "
                f"does not show: use one of {', '.join(TITLES.values())}, or plain text"
            )
    return "\n\n".join(parts)


def _returned(item: griffe.DocstringReturn, thing: griffe.Object) -> str:
    """What comes back. griffe takes the words before a colon for a type: here they are a text."""
    if item.annotation is None or item.annotation is getattr(thing, "returns", None):
        return item.description
    return f"{item.annotation}: {item.description}"


def _label(item: griffe.DocstringElement) -> str:
    """A parameter's name, several that share a line (`mean, std`), or what is raised."""
    name = getattr(item, "name", "")
    rest = str(item.annotation).strip("()") if name.endswith(",") or not name else ""
    return f"{name} {rest}".strip().replace("_", "\\_")


def _listed(title: str, items: list[str]) -> str:
    """A field with its items; what goes on over several lines stays inside its item."""
    lines = [f":{title}:"]
    for item in items:
        first, *rest = item.splitlines()
        lines += [f"    - {first}", *(f"      {line}".rstrip() for line in rest)]
    return "\n".join(lines)


def entry(name: str, key: str, thing: griffe.Object, within: str | None = None) -> str:
    """One name of the reference, with what a class has, as a directive of the Python domain."""
    kind, head, options = "function", key, {"module": name}
    body = [prose(thing)]
    if thing.is_class:
        kind, head = "class", signature(key, thing)
        bases = ", ".join(f"`{base}`" for base in thing.bases)
        body.insert(0, f"Extends {bases}." if bases else "")
        body.append(met_in(name, key))
        for short, member in thing.members.items():
            if _is_shown(member):
                body.append(entry(name, short, member, within=key))
    elif thing.is_function:
        kind, head = "method" if within else "function", signature(key, thing)
        options |= {label: "" for label in ("classmethod", "staticmethod") if label in thing.labels}
    elif "property" in thing.labels:
        kind, options["type"] = "property", str(thing.annotation)
    else:
        kind = "attribute" if within else "data"
        if thing.annotation is not None:
            options["type"] = str(thing.annotation)
        if thing.value is not None and len(str(thing.value)) <= LONGEST_VALUE:
            options["value"] = str(thing.value)
    if not within and not thing.is_class:
        body.append(met_in(name, key))
    fence = ":::" if within else "::::"
    lines = [f"{fence}{{py:{kind}}} {head}"]
    lines += [f":{option}: {value}".rstrip() for option, value in options.items()]
    return "\n".join([*lines, "", "\n\n".join(filter(None, body)), fence])


def _is_shown(member: griffe.Object) -> bool:
    """Methods and properties, and an attribute that says of itself what it is."""
    if member.is_alias or (member.name.startswith("_") and member.name != "__call__"):
        return False
    return member.is_function or "property" in member.labels or member.has_docstring


def page(name: str) -> str:
    """A module's page below its title."""
    home = module(name)
    names = [entry(name, key, thing) for key, thing in public(name).items()]
    text = CHAPTERS.sub(lambda found: _linked(found[0]), prose(home))
    return "\n\n".join([f"```{{py:module}} {name}\n```", text, *names])


# ---- Chapters -------------------------------------------------------------------------------


def chapters_of(name: str) -> list[str]:
    """The chapters that a module says it belongs to, as `03`."""
    home = module(name)
    found = CHAPTERS.findall(home.docstring.value if home.docstring else "")
    return sorted({number for group in found for number in re.findall(r"\d\d", group)})


def _linked(text: str) -> str:
    """The numbers of a text such as `Chapters 05 and 06`, each linked if it has been written."""
    return re.sub(r"(?:[Cc]hapters? )?\d\d", lambda found: _chapter(found[0]), text)


def _chapter(text: str) -> str:
    notebook = next(ROOT.glob(f"notebooks/{text[-2:]}_*.ipynb"), None)
    return f"{{doc}}`{text} </notebooks/{notebook.stem}>`" if notebook else text


@cache
def uses() -> dict[str, dict[str, str]]:
    """Where a notebook names a thing of the package: full name → label → document."""
    found: dict[str, dict[str, str]] = {}
    for folder, label in (("notebooks", "Chapter"), ("notebooks/exercises", "Exercise")):
        for path in sorted((ROOT / folder).glob("[0-9]*.ipynb")):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            for cell in cells:
                for name in _named("".join(cell["source"]), cell["cell_type"] == "code"):
                    found.setdefault(name, {})[f"{label} {path.name[:2]}"] = (
                        f"/{folder}/{path.stem}"
                    )
    return found


def _named(source: str, is_code: bool) -> Iterator[str]:
    yield from re.findall(r"\bmvlm(?:\.\w+)+", source)
    if not is_code:
        return
    lines = (line for line in source.splitlines() if not line.lstrip().startswith(("%", "!")))
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def met_in(name: str, key: str) -> str:
    """The line that leads from a name to the pages where the course uses it."""
    full = f"{name}.{key}"
    places = uses().get(full) or uses().get(public(name)[key].path)
    if places:
        links = [f"{{doc}}`{label} <{target}>`" for label, target in places.items()]
    else:
        links = [_chapter(f"Chapter {number}") for number in chapters_of(name)]
    return f"{{.met-in}}\n{' · '.join(links)}" if links else ""


class ApiModule(SphinxDirective):
    """`{api-module} mvlm.vit`: everything public of one module."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        (name,) = self.arguments
        files = {thing.filepath for thing in public(name).values()} | {module(name).filepath}
        for path in (*files, *ROOT.glob("notebooks/**/[0-9]*.ipynb")):
            self.env.note_dependency(str(path))
        home = nodes.container(classes=["api"])
        self.state.nested_parse(page(name).splitlines(), self.content_offset, home)
        for text in home.findall(_is_string):
            text.replace(text[0], nodes.Text(_double_quoted(text.astext())))
        return home.children


def _is_string(node: nodes.Node) -> bool:
    is_default = isinstance(node, nodes.inline) and "default_value" in node["classes"]
    is_string = is_default and node.astext().startswith("'")
    return is_string or isinstance(node, addnodes.desc_sig_literal_string)


def _double_quoted(text: str) -> str:
    """A string as the package's source writes it."""
    return json.dumps(ast.literal_eval(text), ensure_ascii=False)


class ApiContents(SphinxDirective):
    """`{api-contents}`: the modules, what each holds, and its chapters."""

    def run(self) -> list[nodes.Node]:
        lines = []
        for name in documented():
            self.env.note_dependency(str(module(name).filepath))
            holds = module(name).docstring.value.partition("\n\n")[0].replace("\n", " ")
            chapters = ", ".join(map(_chapter, chapters_of(name)))
            chapters = f" · chapter {chapters}" if chapters else ""
            target = f"/{PAGES}/{name.removeprefix('mvlm.')}.md"
            lines += [f"[`{name}`]({target}){chapters}", f": {holds}", ""]
        contents = nodes.container()
        self.state.nested_parse(lines, self.content_offset, contents)
        return contents.children


# ---- Links ----------------------------------------------------------------------------------


def canonical(name: str, home: griffe.Object) -> str:
    """What a name means where it stands: `nn.Module` in `mvlm.vit` is `torch.nn.Module`."""
    head, _, rest = name.partition(".")
    if head in home.members:
        path = home.resolve(head)
    else:  # a config's inherited field may have a type that its own module does not import
        path = f"typing.{head}" if f"typing.{head}" in ELSEWHERE else head
    return f"{path}.{rest}" if rest else path


def shown(path: str) -> str:
    """The name under which the reference has what was defined at `path`."""
    parent, _, last = path.rpartition(".")
    if path in addresses():
        return addresses()[path]
    return f"{addresses()[parent]}.{last}" if parent in addresses() else path


def link(
    app: Sphinx, document: str, name: str, content: nodes.Node, scopes: tuple[str, ...] = ()
) -> nodes.reference | None:
    """A link to what a name means in the first of `scopes` that knows it, or None.

    A scope is a module or a class of the package; without any, only a name in full is known.
    """
    objects = app.env.domaindata["py"]["objects"]
    paths = [f"{scope}.{name}" for scope in scopes]
    if scopes:
        paths.append(canonical(name, module(scopes[-1])))
    for path in (*map(shown, paths), name):
        if path in objects:
            target = objects[path]
            return make_refnode(
                app.builder, document, target.docname, target.node_id, content, title=path
            )
    address = ELSEWHERE.get(paths[-1]) if scopes else None
    if address is None:
        return None
    return nodes.reference("", "", content, internal=False, refuri=address, reftitle=paths[-1])


def link_type(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """A name in a signature that was imported from elsewhere."""
    if node.get("refdomain") != "py" or not node.get("py:module"):
        return None
    return link(app, node["refdoc"], node["reftarget"], content, (node["py:module"],))


def link_code(app: Sphinx, doctree: nodes.document, document: str) -> None:
    """Names in backticks, in every page's text but not in its titles."""
    for code in list(doctree.findall(nodes.literal)):
        if _is_within(code, nodes.reference, nodes.title, addnodes.desc_signature):
            continue
        name = code.astext().removesuffix("()")
        if re.fullmatch(r"[A-Za-z_]\w*(\.\w+)*", name) and name not in _parameters(code):
            own = _entry(code)
            scopes = tuple(_scopes(code, document))
            around = [scope for scope in scopes if f"{scope}.{name}" != own]
            reference = link(app, document, name, code.deepcopy(), tuple(around))
            if reference is not None:
                code.replace_self(reference)


def _is_within(node: nodes.Node, *kinds: type[nodes.Node]) -> bool:
    return node is not None and (isinstance(node, kinds) or _is_within(node.parent, *kinds))


def _entry(node: nodes.Node) -> str | None:
    """The name whose text this is: it needs no link to itself."""
    while (node := node.parent) is not None:
        if isinstance(node, addnodes.desc):
            return node[0]["ids"][0] if node[0]["ids"] else None
    return None


def _parameters(node: nodes.Node) -> set[str]:
    """The parameters of the function or class, or of the class around it, that a text is of."""
    found: set[str] = set()
    while (node := node.parent) is not None:
        if isinstance(node, addnodes.desc):
            found |= {
                parameter.next_node(addnodes.desc_sig_name).astext()
                for parameter in node.findall(addnodes.desc_parameter)
                if parameter.parent.parent.parent is node
                and parameter.next_node(addnodes.desc_sig_name)
            }
    return found


def _scopes(node: nodes.Node, document: str) -> Iterator[str]:
    """From within outwards: the class, then the module, that a text on a module's page is of."""
    if not document.startswith(f"{PAGES}/"):
        return
    while (node := node.parent) is not None:
        if isinstance(node, addnodes.desc) and node["objtype"] == "class":
            yield node[0]["ids"][0]
    yield f"mvlm.{Path(document).name}"


def add_modules(page: BeautifulSoup, pagename: str, pathto: Callable[[str], str]) -> None:
    """Under a chapter's title, the pages of the modules that say they belong to it."""
    found = re.match(r"notebooks/(\d\d)_", pagename)
    names = [name for name in documented() if found and found[1] in chapters_of(name)]
    if not names:
        return
    line = page.new_tag("p", attrs={"class": "course-modules"})
    line.append("In the package: ")
    for name in names:
        link = page.new_tag("a", href=pathto(f"{PAGES}/{name.removeprefix('mvlm.')}"))
        link.append(page.new_tag("code", string=name))
        line.extend([", "] * (name != names[0]) + [link])
    page.find("h1").insert_after(line)


def plain_lines(page: BeautifulSoup) -> None:
    """A parameter a line, without the list of definitions without terms that Sphinx makes of it."""
    for part in page.select("dt.sig dl, dt.sig dd"):
        part.attrs["class"] = "sig-lines" if part.name == "dl" else "sig-line"
        part.name = "span"


def source_address(domain: str, info: dict[str, str]) -> str | None:
    """Where a name's source stands in the repository, at this release."""
    if domain != "py" or not info["module"]:
        return None
    key, _, rest = info["fullname"].partition(".")
    thing = public(info["module"])[key]
    thing = thing[rest] if rest else thing
    address = read_address(ROOT)
    file = thing.filepath.relative_to(ROOT).as_posix()
    return f"{address.repository}/blob/{address.tag}/{file}#L{thing.lineno}"


def configure(app: Sphinx, config: Config) -> None:
    """How signatures are set."""
    config.add_module_names = False
    config.python_maximum_signature_line_length = 72
    config.linkcode_resolve = source_address


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above to Sphinx."""
    app.setup_extension("sphinx.ext.linkcode")
    app.add_directive("api-module", ApiModule)
    app.add_directive("api-contents", ApiContents)
    app.connect("config-inited", configure)
    app.connect("missing-reference", link_type)
    app.connect("doctree-resolved", link_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
