"""The pipeline from text to notebook: deterministic, portable, and no answer leaks."""

import importlib.metadata
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from mvlm.__main__ import main
from mvlm.publish import notebooks
from mvlm.publish.address import read_address
from mvlm.publish.execute import execute
from mvlm.publish.masters import solution_version, student_version
from mvlm.publish.portable import check_portable, foreign_syntax
from mvlm.publish.quizzes import convert
from mvlm.publish.sources import read_source, write_notebook

ROOT = Path(__file__).parents[1]
ADDRESS = read_address(ROOT)
STORED = list(notebooks.targets(ROOT))
HEADER = "---\njupytext:\n  text_representation:\n    format_name: myst\n---\n\n"


def write_source(path: Path, *cells: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + "\n".join(cells), encoding="utf-8")
    return path


def code(text: str, tags: str = "") -> str:
    options = f":tags: [{tags}]\n\n" if tags else ""
    return f"\n```{{code-cell}} ipython3\n{options}{text}\n```\n"


@pytest.mark.parametrize("target", STORED, ids=lambda t: t.path.relative_to(ROOT).as_posix())
def test_stored_notebooks_agree_with_their_sources(target):
    """One word changed in a source fails here, with the file's name."""
    assert (change := notebooks.difference(target)) is None, f"{change}. Run: make notebooks"


@pytest.mark.parametrize("target", STORED, ids=lambda t: t.path.relative_to(ROOT).as_posix())
def test_stored_notebooks_are_clean_and_portable(target):
    stored = nbformat.read(target.path, as_version=4)
    check_portable(stored, target.path.name)
    assert "widgets" not in stored.metadata
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        assert cell.execution_count == (count if target.executed else None)
        assert not any(output.output_type == "error" for output in cell.outputs)


def test_no_notebook_without_a_source():
    made = {target.path for target in STORED}
    assert set((ROOT / "notebooks").rglob("*.ipynb")) == made


def test_converting_twice_gives_the_same_bytes(tmp_path):
    source = write_source(tmp_path / "one.md", "# Title", code("x = 1"), code("x = 1"), "Text.")
    first, second = (nbformat.writes(read_source(source, ADDRESS)) for _ in range(2))
    assert first == second
    ids = [cell.id for cell in read_source(source, ADDRESS).cells]
    assert len(set(ids)) == len(ids)


@pytest.fixture
def course(tmp_path):
    """A course of one chapter."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    write_source(tmp_path / "book/chapters/01_a.md", "# A", code("print(6 * 7)"), "Some text.")
    return tmp_path


def build(course: Path) -> tuple[int, int]:
    done = [notebooks.build(target) for target in notebooks.targets(course)]
    return sum(ran for ran, _ in done), sum(changed for _, changed in done)


def test_only_what_changed_is_executed(course):
    path = course / "notebooks/01_a.ipynb"
    assert build(course) == (1, 1)
    before = path.read_bytes()
    assert "42" in before.decode()
    assert build(course) == (0, 0)
    assert path.read_bytes() == before
    source = course / "book/chapters/01_a.md"
    source.write_text(source.read_text().replace("Some text", "Other text"))
    assert "differs from 01_a.md at cell 3" in notebooks.difference(next(notebooks.targets(course)))
    assert build(course) == (0, 1)  # text changed: written, not executed
    source.write_text(source.read_text().replace("6 * 7", "6 * 8"))
    assert build(course) == (1, 1)
    assert "48" in path.read_text()


def test_the_set_up_cell_names_the_tagged_release():
    for target in STORED:
        setup = target.notebook.cells[1]
        assert "setup" in setup.metadata.tags
        assert f"git+{ADDRESS.repository}@{ADDRESS.tag}" in setup.source


@pytest.mark.parametrize(
    ("here", "keep"),
    [
        ({"torch": "2.5.0+cu124", "numpy": "2.1.0"}, " torch==2.5.0+cu124 numpy==2.1.0"),
        ({"numpy": "1.26.4"}, " numpy==1.26.4"),
        ({}, ""),
    ],
)
def test_the_set_up_cell_installs_beside_what_is_there(monkeypatch, here, keep):
    """A reader's own Jupyter may have no torch; Colab's is left alone."""
    asked, names = [], {}

    class Shell:
        def run_line_magic(self, magic, line):
            asked.append(f"{magic} {line.format_map(names)}".rstrip())  # as IPython fills it in

    def distributions(*, name):
        found = SimpleNamespace(name=name, version=here.get(name))
        return [found] if name in here else []

    monkeypatch.setitem(sys.modules, "mvlm", None)  # it cannot be imported
    monkeypatch.setattr(importlib.metadata, "distributions", distributions)
    names["get_ipython"] = Shell
    code = TransformerManager().transform_cell(STORED[0].notebook.cells[1].source)
    with pytest.raises(SystemExit, match="mvlm was not installed: pip says why"):
        exec(code, names)
    assert asked == [f'pip install --quiet "{ADDRESS.requirement}"{keep}']


def test_addresses_without_the_repository(tmp_path):
    """An instructor who only installed the package can release exercises too."""
    assert read_address(tmp_path) == ADDRESS


def test_a_link_to_a_file_of_the_release(tmp_path):
    source = write_source(tmp_path / "a.md", "# A", "See [patches](FILE:mvlm/patches.py).")
    text = read_source(source, ADDRESS).cells[0].source
    assert f"({ADDRESS.repository}/blob/{ADDRESS.tag}/mvlm/patches.py)" in text


QUIZ = """Text.

```{quiz}
What is `2·3`, if $2 = 1 + 1$?

- [ ] 5 < `6`
  Their sum.
  Look again.
- [x] 6
  Three twos, $2 + 2 + 2$.
```

More.
"""


def test_a_check_question_becomes_portable_markdown(tmp_path):
    source = write_source(tmp_path / "a.md", "# A", QUIZ)
    notebook = read_source(source, ADDRESS)
    check_portable(notebook, "a.md")
    text = notebook.cells[0].source
    assert "**1.** What is `2·3`, if $2 = 1 + 1$?" in text
    assert "<summary>A. 5 &lt; <code>6</code></summary>" in text
    assert "**✗ No.** Their sum.\nLook again." in text
    assert "**✓ Right.** Three twos, $2 + 2 + 2$." in text
    assert text.count("<details class=") == text.count("</details>") == 2
    assert " open" not in text  # no answer stands there before one is taken


def test_check_questions_are_numbered_and_open_apart():
    text = convert(QUIZ + QUIZ.replace("2·3", "3·2"))
    assert "**1.** What" in text
    assert "**2.** What" in text
    assert len(set(re.findall(r'name="(.*?)"', text))) == 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[x]", "[ ]", "2 choices, 0 of them right"),
        ("[ ]", "[x]", "2 choices, 2 of them right"),
        ("  Three twos, $2 + 2 + 2$.\n", "", "choice '6' has no explanation"),
        ("[x] 6", "[x] $6$", "has a formula: write plain text"),
    ],
)
def test_half_a_check_question_is_refused(old, new, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        convert(QUIZ.replace(old, new))


MASTER = '''# GRADED double
def double(x):
    """Twice x."""
    # BEGIN SOLUTION
    doubled_value = x + x
    return doubled_value
    # END SOLUTION'''


def master(tmp_path, *more: str) -> nbformat.NotebookNode:
    path = write_source(tmp_path / "m.md", "# Exercise", code(MASTER), *more)
    return read_source(path, ADDRESS)


def test_student_and_solution_versions(tmp_path):
    why = '\n+++ {"tags": ["solution"]}\n\nWhy: adding is doubling.\n\n+++\n\nThe end.'
    made = master(tmp_path, why)
    student, solution = student_version(made), solution_version(made)
    stub = next(c for c in student.cells if "GRADED" in c.source).source
    assert stub.endswith('    raise NotImplementedError("double: your turn")')
    assert "doubled_value" not in nbformat.writes(student)
    assert "Why: adding" not in nbformat.writes(student)
    assert "The end." in nbformat.writes(student)
    text = nbformat.writes(solution)
    assert "doubled_value" in text
    assert "Why: adding" in text
    assert "SOLUTION" not in text
    assert solution.cells[0].source.startswith("# Solutions")
    assert student.cells[0].source.startswith("# Exercise")
    for version in (student, solution):
        nbformat.validate(version)


def test_a_leaked_line_is_refused(tmp_path):
    leak = code("    doubled_value = x + x")
    with pytest.raises(ValueError, match="a line of a solution is left .*doubled_value = x"):
        student_version(master(tmp_path, leak))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f():\n    # BEGIN SOLUTION\n    pass", "BEGIN SOLUTION' without its partner"),
        ("def f():\n    # END SOLUTION", "END SOLUTION' without its partner"),
        ("# BEGIN SOLUTION\nx = 1\n# END SOLUTION", "outside any function"),
    ],
)
def test_bad_markers(tmp_path, text, message):
    path = write_source(tmp_path / "m.md", "# Exercise", code(text))
    with pytest.raises(ValueError, match=message):
        student_version(read_source(path, ADDRESS))


def test_a_source_without_a_title(tmp_path):
    path = write_source(tmp_path / "m.md", "Text before any title")
    with pytest.raises(ValueError, match=r"m.md does not open with its title"):
        read_source(path, ADDRESS)


@pytest.mark.parametrize(
    "text",
    [
        "```{note}\nHello\n```",
        ":::{tip}\nHello\n:::",
        "See {ref}`there`.",
        "See {cite:p}`vit2020`.",
        "(target)=",
        "[@vit2020] showed",
        "A fact[^1].",
        r"\(x\) is",
        "{{ version }}",
        "% a comment",
    ],
)
def test_foreign_syntax_is_found(text):
    assert foreign_syntax(text)


@pytest.mark.parametrize(
    "text",
    [
        "$x_{p} \\in \\mathbb{R}^{N}$ and $$\\frac{(120)(120)}{9}$$",
        "`{'a': 1}` and `f\"{x}\"` are code",
        "```python\nd = {1: {2}}\n(x)=\n```",
        "<details>\n<summary>Why?</summary>\n\nBecause $x$.\n\n</details>",
        "> **Check.** Text *(answer)*",
        "| a | b |\n|---|---|\n| 100 % | [link](https://example.org) |",
    ],
)
def test_portable_markdown_passes(text):
    assert foreign_syntax(text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import warnings; warnings.warn('old')", "printed a warning"),
        ("print('/home/me/data')", "prints a path of this machine"),
        ("import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()", "without alt text"),
    ],
)
def test_outputs_that_must_not_be_stored(tmp_path, text, message):
    notebook = read_source(write_source(tmp_path / "a.md", "# A", code(text)), ADDRESS)
    with pytest.raises(ValueError, match=message):
        execute(notebook, tmp_path, "a.md")


def test_release_for_an_instructors_own_master(tmp_path, capsys):
    source = write_source(tmp_path / "private/07_own.md", "# Exercise", code(MASTER))
    options = ["--out", str(tmp_path / "out"), "--root", str(ROOT)]
    assert main(["release", str(source), *options]) == 0
    student = (tmp_path / "out/exercises/07_own.ipynb").read_text()
    assert "your turn" in student
    assert "doubled_value" not in student
    assert "doubled_value" in (tmp_path / "out/solutions/07_own.ipynb").read_text()


def test_write_notebook_says_whether_it_changed(tmp_path):
    notebook = read_source(write_source(tmp_path / "a.md", "# A"), ADDRESS)
    path = tmp_path / "deep/a.ipynb"
    assert write_notebook(notebook, path)
    assert not write_notebook(notebook, path)
