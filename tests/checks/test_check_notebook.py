"""What a student sees, in a notebook and outside one."""

import re
from pathlib import Path

import jupytext
import pytest
import torch

import mvlm.checks
from mvlm.checks import exercise, exercises, load
from mvlm.checks.core import (
    Check,
    Exercise,
    Question,
    Status,
    check,
    fail,
    generator_for,
    run_check,
    run_question,
)
from mvlm.checks.local import LocalCaller
from mvlm.checks.notebook import Checker, CheckError, question_table
from mvlm.publish.masters import solution_version, student_version

ROOT = Path(__file__).parents[2]


def cells(name, version):
    source = (ROOT / f"book/exercises/{name}.md").read_text()
    notebook = version(jupytext.reads(source, fmt="md:myst"))
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def run(sources):
    names = {"__name__": "__main__", "In": []}
    for source in sources:
        names["In"].append(source)
        exec(source, names)
    return names


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MVLM_STRICT", raising=False)


@pytest.mark.parametrize("name", exercises())
def test_the_untouched_student_version_scores_0_with_friendly_messages(name, capsys):
    names = run(cells(name, student_version))
    shown = capsys.readouterr().out
    assert names["check"].score() == 0
    assert "Traceback" not in shown
    for question in exercise(name).questions:
        assert f"⬜ {question.function} is not written yet: 0/{question.points}" in shown
    assert f"Score: 0/{exercise(name).points} points." in shown


@pytest.mark.parametrize("name", exercises())
def test_the_solution_scores_full_marks_and_strict_mode_agrees(name, monkeypatch, capsys):
    monkeypatch.setenv("MVLM_STRICT", "1")
    names = run(cells(name, solution_version))
    assert names["check"].score() == exercise(name).points
    with pytest.raises(CheckError, match="is not written yet"):
        run(cells(name, student_version))


@pytest.mark.parametrize("name", exercises())
def test_the_text_says_the_points_and_minutes_of_each_question(name):
    text = (ROOT / f"book/exercises/{name}.md").read_text()
    wanted = exercise(name)
    assert len(wanted.questions) in range(4, 8)
    for question in wanted.questions:
        head = f"**{question.points} points · {question.minutes} minutes · "
        assert f"{head}teaches {question.teaches}**" in text
        assert f"| `{question.function}` | {question.points} | {question.minutes} |" in text
        assert f"# GRADED {question.function}\n" in text
        assert f'check("{question.function}")' in text
    minutes = sum(question.minutes for question in wanted.questions)
    # "about 85 minutes", or "45 to 85 minutes" where readers differed.
    assert re.search(rf"{wanted.points} points, (about|\d+ to) {minutes} minutes", text)


def test_the_file_to_hand_in_scores_what_the_notebook_did(capsys):
    run(cells("02_patches", solution_version))
    written = Path("02_patches_answers.py").read_text()
    names = run([written])
    checker = Checker(exercise("02_patches"), names, False)
    checker.report("again.py")
    assert checker.score() == 20


def test_the_file_holds_the_notebooks_imports_and_last_answers():
    one = "# GRADED patchify_hwc\ndef patchify_hwc(images, patch_size):\n    return 1"
    two = one.replace("1", "2")
    history = ["", "import math as m\nx = 1", "%pip install x", one, "check('x')", two]
    Checker(exercise("02_patches"), {"In": history}, False).report()
    written = Path("02_patches_answers.py").read_text()
    assert "import math as m" in written
    assert two in written
    assert one not in written


def test_a_script_hands_in_what_counts_of_it(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text("import torch\nP = 40\nx = torch.ones(2)\ndef patchify_hwc(i, p): return P\n")
    Checker(exercise("02_patches"), {"__file__": str(script)}, False).report()
    lines = Path("02_patches_answers.py").read_text().splitlines()
    assert [line for line in lines if line][1:] == [
        "# %%",
        "import torch",
        "P = 40",
        "def patchify_hwc(i, p): return P",
    ]


def test_a_report_that_cannot_be_written_is_no_disaster(capsys, tmp_path):
    checker = Checker(exercise("02_patches"), {}, False)
    checker.report(tmp_path / "missing" / "file.py")
    assert "To hand in: this notebook. (file.py: No such file or directory)" in (
        capsys.readouterr().out
    )


def toy(run_it, **options):
    check = Check(name="one", title="a < b", hint="think", points=1, run=run_it, **options)
    question = Question(function="f", title="F", minutes=1, teaches="x", checks=(check,))
    return Exercise(name="toy", title="Toy", forbids=(), questions=(question,))


def test_the_table_shows_sign_points_message_and_hint_and_escapes_html():
    wanted = toy(lambda student: fail(f"got {student.call('f')}"))
    caller = LocalCaller({"f": lambda: "<script>"})
    outcomes = run_question(wanted.questions[0], caller)
    table = question_table(wanted, wanted.questions[0], outcomes)
    assert repr(table) == "f: 0/1 points\n  ❌ a < b (0/1)\n     got <script>\n     → think"
    assert "&lt;script&gt;" in table._repr_html_()
    assert "<script>" not in table._repr_html_()


def table_of(checks, function):
    question = Question(function="f", title="F", minutes=1, teaches="x", checks=tuple(checks))
    outcomes = run_question(question, LocalCaller({"f": function}))
    return repr(question_table(toy(print), question, outcomes)).splitlines()


def two_checks(second):
    def first(student):
        student.call("f", torch.ones(2, 3))

    return [
        Check(name=name, title=name, hint=f"hint {name}", points=1, run=run_it)
        for name, run_it in (("one", first), ("two", second))
    ]


def test_a_crash_that_checks_share_is_told_once_and_brings_no_hint():
    def second(student):
        with student.on("on a larger one", "hint of this input"):
            student.call("f", torch.ones(4, 5))

    shown = table_of(two_checks(second), lambda images: images.reshape(7))
    assert shown[1:] == [
        "  ❌ one (0/1)",
        "     RuntimeError: shape '[7]' is invalid for input of size 6",
        "  ❌ two (0/1)",
        "     the same error as above",
    ]


def test_a_crash_on_one_input_alone_brings_the_hint_of_that_input():
    def second(student):
        with student.on("on a larger one", "hint of this input"):
            student.call("f", torch.ones(4, 5))

    shown = table_of(two_checks(second), lambda images: images.reshape(6))
    assert shown[1:] == [
        "  ✅ one (1/1)",
        "  ❌ two (0/1)",
        "     RuntimeError: shape '[6]' is invalid for input of size 20 (on a larger one)",
        "     → hint of this input",
    ]


def test_a_fault_that_is_recognised_brings_its_own_hint():
    shown = table_of(two_checks(lambda student: fail("seen", "own hint")), lambda images: images)
    assert shown[-2:] == ["     seen", "     → own hint"]
    shown = table_of(two_checks(lambda student: fail("seen", "")), lambda images: images)
    assert shown[-1] == "     seen"


def test_an_earlier_checks_fault_is_told_once_and_brings_no_other_hint():
    def first(student):
        if student.call("f", 1) != 1:
            fail("f(1) is not 1")

    def second(student):
        if student.call("f", 2) != 2:
            fail("f(2) is not 2")

    one = check("one", "hint one")(first)
    checks = [one, check("two", "hint two", after=[one])(second)]
    assert table_of(checks, lambda x: 0)[1:] == [
        "  ❌ one (0/1)",
        "     f(1) is not 1",
        "     → hint one",
        "  ❌ two (0/1)",
        "     the same as above",
    ]
    assert table_of(checks, lambda x: 1)[2:] == [
        "  ❌ two (0/1)",
        "     f(2) is not 2",
        "     → hint two",
    ]


def test_a_changed_argument_is_named():
    def adds(x, y):
        y += 1
        return y

    watched = check("title", "hint", keeps_arguments=True)
    outcome = run_check(
        watched(lambda student: student.call("f", 1, torch.ones(2))), LocalCaller({"f": adds})
    )
    assert "f changed its second argument" in outcome.message
    assert "Work on a copy" in outcome.hint
    oblong = torch.ones(4, 1).mT  # its copy lies otherwise in memory
    kept = run_check(
        watched(lambda student: student.call("f", 1, oblong)),
        LocalCaller({"f": lambda x, y: y + 1}),
    )
    assert kept.status is Status.PASSED


def test_ipython_gets_html_and_text(capsys):
    testing = pytest.importorskip("IPython.testing.globalipapp")
    shell = testing.start_ipython() or testing.get_ipython()
    try:
        names = {}
        Checker(toy(lambda student: student.call("f")), names, False)("f")
        shown = capsys.readouterr().out
        assert "f is not defined yet: run the cell that defines it" in shown
    finally:
        type(shell).clear_instance()


def test_hidden_checks_stay_out_of_the_notebook():
    wanted = toy(lambda student: fail("never seen"), hidden=True)
    assert run_question(wanted.questions[0], LocalCaller({})) == []


def test_a_check_on_a_value_it_did_not_expect_fails_in_one_line():
    check = toy(lambda student: student.call("f").shape).questions[0].checks[0]
    outcome = run_check(check, LocalCaller({"f": lambda: 1}))
    assert outcome.status is Status.FAILED
    assert "could not be compared (AttributeError" in outcome.message


def test_numbers_depend_on_the_seed_and_the_check_alone():
    def draw(*names):
        return generator_for(*names).initial_seed()

    assert draw("a", "x") == draw("a", "x")
    assert len({draw("a", "x"), draw("b", "x"), draw("a", "y")}) == 3


def test_wrong_names_are_answered_with_the_right_ones(capsys):
    load("02_patches", namespace={})("patchify")
    shown = capsys.readouterr().out
    assert "02_patches has no question 'patchify': it asks for patchify_hwc, " in shown
    with pytest.raises(
        ValueError, match="there is no exercise '99': choose one of 01_multimodal, 02_patches"
    ):
        load("99")


def test_two_checks_of_one_name_are_refused():
    one = toy(print).questions[0]
    with pytest.raises(ValueError, match="two checks named one"):
        Exercise(name="toy", title="", forbids=(), questions=(one, one))


def test_load_finds_the_callers_functions():
    names = {"load": mvlm.checks.load}
    exec("check = load('02_patches')\ndef patchify_hwc(images, p): return images", names)
    assert names["check"].run("patchify_hwc")[0].status is Status.FAILED
