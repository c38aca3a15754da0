"""A class's run: who is found, what is written, what is kept, and that nothing stops it."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import pytest
import torch

import mvlm.grading.cli
import mvlm.grading.run
from mvlm.__main__ import main
from mvlm.checks.core import PUBLIC_SEED, generator_for
from mvlm.grading.grade import Grade
from mvlm.grading.hostile import EXERCISE
from mvlm.grading.run import Unusable, grade_all, prepare, read_exercise
from mvlm.grading.sandbox import SandboxError
from mvlm.grading.submissions import file_name, find_submissions

RIGHT = "def honest(x):\n    return -x\ndef steal(x):\n    return 2 * x + 1\n"
HALF = "def honest(x):\n    return -x\n"


def notebook(source):
    cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": []}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def fill(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def packed(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def rows(out):
    with (out / "grades.csv").open() as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def run(toy, place, out, sandbox, **options):
    job = prepare(str(toy), out, options.pop("hidden", None), options.pop("seed", None))
    return grade_all(job, find_submissions(place, "toy"), sandbox, **options)


def tree(folder):
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


# Finding submissions -------------------------------------------------------------------------


def students(place):
    return {one.student: one.source and one.source.name for one in find_submissions(place, "02")}


def test_files_and_folders_in_a_folder(tmp_path):
    files = {
        "ann.ipynb": "{}",
        "bob/02_patches.ipynb": "# GRADED f",
        "bob/notes.py": "",
        "bob/.ipynb_checkpoints/02_patches-checkpoint.ipynb": "# GRADED f # GRADED g",
        "__MACOSX/ann.ipynb": "",
        ".DS_Store": "",
        "eve.pdf": "",
    }
    fill(tmp_path, files)
    (tmp_path / "zoe").mkdir()
    assert students(tmp_path) == {
        "ann": "ann.ipynb",
        "bob": "bob/02_patches.ipynb",
        "eve": "eve.pdf",
        "zoe": None,
    }


def test_the_file_with_the_most_answers_is_graded_and_it_is_said(tmp_path):
    fill(tmp_path, {"bob/a.ipynb": "x", "bob/b.ipynb": "# GRADED f", "bob/c.py": "# GRADED f"})
    (one,) = find_submissions(tmp_path, "02")
    assert one.source.name == "bob/b.ipynb"
    assert one.notes == ("3 files; graded was bob/b.ipynb",)


def test_a_gradescope_download(tmp_path):
    listed = """
submission_11:
  :submitters:
  - :name: Ann Lee
    :sid: '7'
    :email: ann@example.org
submission_12:
  :submitters:
  - :name: Ann Lee
    :email: other@example.org
"""
    top = "assignment_9_export"
    names = {
        f"{top}/submission_metadata.yml": listed,
        f"{top}/submission_11/02.ipynb": "{}",
        f"{top}/submission_12/02.ipynb": "{}",
    }
    for place in (packed(tmp_path / "a.zip", names), fill(tmp_path / "b", names)):
        found = find_submissions(place, "02")
        assert [one.student for one in found] == ["Ann Lee (11)", "Ann Lee (12)"]
        assert [one.email for one in found] == ["ann@example.org", "other@example.org"]


def test_a_student_cannot_pass_for_the_platform(tmp_path):
    listed = "ann:\n  :submitters:\n  - :name: Eve\n"
    fill(tmp_path, {"ann/x.py": "", "eve/x.py": "", "eve/submission_metadata.yml": listed})
    assert list(students(tmp_path)) == ["ann", "eve"]


def test_a_moodle_download(tmp_path):
    names = {
        "Ann Lee_1001_assignsubmission_file_/02.ipynb": "{}",
        "Ann Lee_1002_assignsubmission_file_02.ipynb": "{}",
    }
    assert list(students(packed(tmp_path / "a.zip", names))) == ["Ann Lee (1001)", "Ann Lee (1002)"]


def test_a_canvas_download(tmp_path):
    names = {"leeann_55_901_02.ipynb": "{}", "roebob_LATE_56_902_02_patches-1.ipynb": "{}"}
    found = find_submissions(packed(tmp_path / "a.zip", names), "02")
    assert [(one.student, one.late) for one in found] == [
        ("leeann (55)", False),
        ("roebob (56)", True),
    ]


def test_a_zip_with_one_folder_around_everything(tmp_path):
    names = {"hw/ann.ipynb": "{}", "hw/bob/x.ipynb": "{}"}
    assert list(students(packed(tmp_path / "a.zip", names))) == ["ann", "bob"]


def test_two_students_of_one_name_have_two_rows(tmp_path):
    fill(tmp_path, {"ann.ipynb": "{}", "ann.py": "", "Ann/x.py": "", "ann (2).py": ""})
    found = find_submissions(tmp_path, "02")
    assert len(found) == 3  # ann.ipynb and ann.py are two files of one student
    assert len({file_name(one.student).casefold() for one in found}) == 3
    assert sum("another submission has the name" in " ".join(one.notes) for one in found) == 2


@pytest.mark.parametrize(
    "name", ["../../evil", "/etc/passwd", "a" * 300, "é" * 200, "con", "..", ""]
)
def test_names_make_safe_files(name):
    made = file_name(name)
    assert made
    assert "/" not in made
    assert made not in (".", "..")
    assert len(made.encode()) < 200


def test_a_zip_that_points_outside_or_explodes(tmp_path, toy, sandbox):
    files = {"ann.py": RIGHT, "../evil.py": RIGHT, "/abs/../x.py": RIGHT}
    path = packed(tmp_path / "a.zip", files)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("bomb.ipynb", "w", force_zip64=True) as file,
    ):
        for _ in range(60):
            file.write(bytes(2**20))
    records = run(toy, path, tmp_path / "out", sandbox)
    assert [(r["student"], r["status"], r["points"]) for r in records] == [
        ("abs", "graded", 3),
        ("ann", "graded", 3),
        ("bomb", "unreadable", 0),
        ("evil", "graded", 3),
    ]
    assert records[2]["notes"][0].startswith("60 MB, the limit is 50 MB")
    assert not (tmp_path / "evil.py").exists()


def test_a_zip_that_lies_about_its_sizes(tmp_path, toy, sandbox):
    path = packed(tmp_path / "a.zip", {"ann.py": "x" * 1000, "bob.py": RIGHT})
    data = path.read_bytes().replace((1000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(data)
    records = run(toy, path, tmp_path / "out", sandbox)
    assert [(r["student"], r["points"]) for r in records] == [("ann", 0), ("bob", 3)]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p / "missing", "there is no .*missing: pass the folder or zip"),
        (lambda p: fill(p / "e", {".x": ""}), "there is no submission in"),
        (lambda p: fill(p, {"x.zip": "hello"}) / "x.zip", "x.zip is no zip that can be read"),
    ],
)
def test_places_without_submissions(tmp_path, make, says):
    with pytest.raises(ValueError, match=says):
        find_submissions(make(tmp_path), "02")


# Running -------------------------------------------------------------------------------------


def test_every_student_has_a_row_whatever_they_handed_in(tmp_path, toy, sandbox):
    place = fill(
        tmp_path / "in",
        {"ann.ipynb": notebook(RIGHT), "bob.py": HALF, "eve.ipynb": "hello", "kim.docx": "PK"},
    )
    (place / "zoe").mkdir()
    out = tmp_path / "out"
    run(toy, place, out, sandbox, jobs=2)
    table = rows(out)
    assert {name: (row["status"], row["points"]) for name, row in table.items()} == {
        "ann": ("graded", "3"),
        "bob": ("graded", "1"),
        "eve": ("unreadable", "0"),
        "kim": ("unreadable", "0"),
        "zoe": ("unreadable", "0"),
    }
    assert table["ann"]["steal"] == "2"
    assert "no notebook and no Python file" in table["zoe"]["notes"]
    results = json.loads((out / "gradescope/bob.json").read_text())
    assert results["score"] == 1
    assert [(test["score"], test["max_score"]) for test in results["tests"]] == [(1, 1), (0, 2)]
    assert "steal is not defined" in (out / "students/bob.html").read_text()
    page = (out / "class.html").read_text()
    assert "5 submissions: 2 graded, 3 unreadable." in page


def test_gradescope_hands_out_the_results_without_running_anything(tmp_path, toy, sandbox):
    listed = """
submission_11:
  :submitters:
  - :name: Ann Lee
    :email: ann@example.org
  - :name: Bob Roe
    :email: bob@example.org
"""
    names = {"e/submission_metadata.yml": listed, "e/submission_11/x.py": RIGHT}
    out, root = tmp_path / "out", tmp_path / "autograder"
    run(toy, packed(tmp_path / "a.zip", names), out, sandbox)
    shutil.copytree(out / "gradescope", root / "source")
    for email, score in (("bob@example.org", 3), ("eve@example.org", 0)):
        users = json.dumps({"users": [{"email": email}]})
        (root / "submission_metadata.json").write_text(users)
        command = [sys.executable, root / "source/run_autograder"]
        subprocess.run(command, env={"AUTOGRADER": str(root)}, check=True)
        assert json.loads((root / "results/results.json").read_text())["score"] == score


def test_file_names_of_any_bytes(tmp_path, toy, sandbox):
    place = tmp_path / "in"
    place.mkdir()
    (place / os.fsdecode(b"\xff\xfe.py")).write_text(RIGHT)
    (place / "a\nb\u202e.py").write_text(RIGHT)
    records = run(toy, place, tmp_path / "out", sandbox)
    assert [record["points"] for record in records] == [3, 3]
    assert len(rows(tmp_path / "out")) == 2


def test_a_second_run_grades_only_what_changed(tmp_path, toy, sandbox, monkeypatch):
    place = fill(tmp_path / "in", {"ann.py": RIGHT, "bob.py": HALF})
    out = tmp_path / "out"
    run(toy, place, out, sandbox)
    before = tree(out)
    opened = []
    monkeypatch.setattr(sandbox, "open", lambda: opened.append(1) or type(sandbox).open(sandbox))
    run(toy, place, out, sandbox)
    assert (opened, tree(out)) == ([], before)
    fill(place, {"bob.py": RIGHT})
    run(toy, place, out, sandbox)
    assert len(opened) == 2  # one student's, for the two kinds of run
    assert rows(out)["bob"]["points"] == "3"


def test_the_instructors_columns_are_kept_and_counted(tmp_path, toy, sandbox):
    place = fill(tmp_path / "in", {"ann.py": HALF, "bob.py": RIGHT})
    out = tmp_path / "out"
    run(toy, place, out, sandbox)
    table = rows(out)
    table["ann"] |= {"manual_points": "1,5", "comment": "-1 for style", "late": "2 days"}
    table["bob"] |= {"late_penalty": "0.5", "tutor": "=Kim"}
    with (out / "grades.csv").open("w") as file:
        writer = csv.DictWriter(file, [*table["ann"], "tutor"])
        writer.writeheader()
        writer.writerows(table.values())
    fill(place, {"ann.py": RIGHT})
    run(toy, place, out, sandbox)
    again = rows(out)
    assert (again["ann"]["points"], again["ann"]["final"]) == ("3", "4.5")
    assert (again["ann"]["late"], again["ann"]["comment"]) == ("2 days", "'-1 for style")
    assert (again["bob"]["final"], again["bob"]["tutor"]) == ("2.5", "'=Kim")
    run(toy, place, out, sandbox)
    assert rows(out) == again


def test_reports_escape_what_students_write(tmp_path, toy, sandbox):
    attack = "def steal(x):\n    raise ValueError('<script>alert(1)</script>')\n"
    place = fill(tmp_path / "in", {"=cmd()/x.py": attack, "<b>a.py": attack})
    out = tmp_path / "out"
    run(toy, place, out, sandbox)
    assert set(rows(out)) == {"'=cmd()", "<b>a"}
    pages = [path.read_text() for path in out.rglob("*.html")]
    assert len(pages) == 3
    assert all("<script" not in page and "<b>" not in page for page in pages)


KILLED = """
import sys
from mvlm.__main__ import main
from mvlm.checks.core import PUBLIC_SEED, generator_for
sys.exit(main(["grade", *sys.argv[1:]]))
"""


def test_killed_in_the_middle_and_started_again_it_ends_the_same(tmp_path, toy, sandbox):
    place = fill(tmp_path / "in", {f"s{n:02}.py": f"# {n}\n{RIGHT}" for n in range(40)})
    seed = fill(tmp_path, {"seed": "known"}) / "seed"
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(toy, place, whole, sandbox, seed=seed)
    command = [sys.executable, "-c", KILLED, str(toy), str(place), "--out", str(cut)]
    command += ["--seed-file", str(seed), "--jobs", "1"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    while len(list(cut.glob("students/*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = len(list(cut.glob("students/*.json")))
    assert 3 <= done < 40
    run(toy, place, cut, sandbox, seed=seed, jobs=2)
    parts = [name for name in tree(cut) if name.endswith(".part")]
    assert {k: v for k, v in tree(cut).items() if k not in parts} == tree(whole)


def test_a_grader_error_is_no_mark_and_is_tried_again(tmp_path, toy, sandbox, monkeypatch):
    place = fill(tmp_path / "in", {"ann.py": RIGHT})
    out = tmp_path / "out"

    def broken():
        raise SandboxError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(sandbox, "open", broken)
        run(toy, place, out, sandbox)
    row = rows(out)["ann"]
    assert (row["status"], row["points"], row["final"]) == ("GRADER ERROR", "", "")
    assert "no room" in row["notes"]
    assert "This is no mark" in (out / "students/ann.html").read_text()
    run(toy, place, out, sandbox)
    assert rows(out)["ann"]["points"] == "3"


def test_a_fault_of_the_graders_own_does_not_end_the_run(tmp_path, toy, sandbox, monkeypatch):
    place = fill(tmp_path / "in", {"ann.py": RIGHT, "bob.py": RIGHT})
    real = mvlm.grading.run.grade

    def faulty(exercise, cells, *rest):
        if "ann" in str(cells):
            raise ZeroDivisionError
        return real(exercise, cells, *rest)

    fill(place, {"ann.py": "ann = 1\n"})
    monkeypatch.setattr(mvlm.grading.run, "grade", faulty)
    run(toy, place, tmp_path / "out", sandbox)
    statuses = {name: row["status"] for name, row in rows(tmp_path / "out").items()}
    assert statuses == {"ann": "GRADER ERROR", "bob": "graded"}


# Hidden checks -------------------------------------------------------------------------------

CHEAT = """
seen = {}
def honest(x):
    return -x
def steal(x):
    raise ValueError(f"the input was {x.tolist()}")
"""

HIDDEN = """
from mvlm.checks.core import Check, fail

def run(student):
    x = student.normal(4)
    if student.call("honest", x).tolist() != (-x).tolist():
        fail(f"secret input {x.tolist()}")

def broken(student):
    student.call("steal", student.normal(4))

HIDDEN = {
    "honest": (Check(name="more", title="any length", hint="Longer?", points=4, run=run),),
    "steal": [Check(name="leak", title="no error", hint="Look.", points=5, run=broken)],
}
"""


def test_hidden_checks_count_and_show_only_their_hint(tmp_path, toy, sandbox):
    hidden = fill(tmp_path, {"hidden.py": HIDDEN}) / "hidden.py"
    place = fill(tmp_path / "in", {"ann.py": RIGHT, "eve.py": CHEAT})
    out = tmp_path / "out"
    ann, eve = run(toy, place, out, sandbox, hidden=hidden)
    assert (ann["points"], ann["out_of"]) == (12, 12)
    assert (eve["points"], eve["out_of"]) == (5, 12)
    (leak,) = [mark for mark in eve["marks"] if mark["check"] == "leak"]
    assert (leak["message"], leak["hint"]) == ("", "Look.")


def test_answers_learnt_from_the_public_inputs_fail_on_fresh_ones(tmp_path, toy, sandbox):

    check = EXERCISE.question("steal").checks[0]
    public = torch.randn(3, generator=generator_for(PUBLIC_SEED, check.name))
    source = (
        f"import torch\ndef honest(x):\n    return -x\ndef steal(x):\n"
        f"    print(x)\n    return torch.tensor({(2 * public + 1).tolist()})\n"
    )
    place = fill(tmp_path / "in", {"eve.py": source})
    (eve,) = run(toy, place, tmp_path / "out", sandbox)
    assert eve["points"] == 1
    assert "not on others" in eve["marks"][1]["message"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1", "defines no HIDDEN"),
        ("HIDDEN = {'nothing': ()}", "has no question 'nothing'"),
        ("HIDDEN = {'honest': (1,)}", "honest has a int, wanted a Check"),
        (HIDDEN.replace('"more"', '"steal"'), "there is a check named steal already"),
    ],
)
def test_hidden_files_that_do_not_fit(tmp_path, toy, text, says):
    hidden = fill(tmp_path, {"hidden.py": text}) / "hidden.py"
    with pytest.raises(Unusable, match=says):
        prepare(str(toy), tmp_path / "out", hidden, None)


# The command ---------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path, toy, sandbox, monkeypatch):
    """Calls the command; it uses the tests' sandbox."""

    class Shared:
        def __init__(self, forbids, mode):
            pass

        def __enter__(self):
            return sandbox

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(mvlm.grading.cli, "Sandbox", Shared)
    return lambda *words: main(["grade", *map(str, words)])


def test_the_command_grades_and_says_so(tmp_path, toy, command, capsys):
    place = fill(tmp_path / "in", {"ann.py": RIGHT})
    assert command(toy, place, "--out", tmp_path / "out") == 0
    assert "1 submissions: 1 graded. See " in capsys.readouterr().out
    seed = tmp_path / "out" / "seed.txt"
    assert seed.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["TOY", "IN"], "out is missing"),
        (["99", "IN", "--out", "OUT"], "there is no exercise '99'"),
        (["TOY", "NONE", "--out", "OUT"], "pass the folder or zip of submissions"),
        (["TOY", "IN", "--out", "OUT", "--hidden", "NONE"], "there is no file .*NONE"),
        (["TOY", "IN", "--out", "OUT", "--seed-file", "NONE"], "there is no seed file .*NONE"),
        (["TOY", "IN", "--out", "FILE"], "FILE cannot be written .*: choose another --out"),
        (["TOY", "IN", "--out", f"{sys.prefix}/marks"], "the sandbox shows .*marks, beside Python"),
        (["--self-test", "--no-sandbox"], "the attacks are real"),
    ],
)
def test_the_command_says_what_is_missing(tmp_path, toy, command, capsys, words, says):
    fill(tmp_path, {"IN/ann.py": RIGHT, "FILE": "no folder"})
    given = {"TOY": toy, **{name: tmp_path / name for name in ("IN", "OUT", "NONE", "FILE")}}
    assert command(*(given.get(word, word) for word in words)) == 2
    said = capsys.readouterr().err
    assert re.search(says, said), said
    assert "Traceback" not in said


def test_an_exercise_file_without_an_exercise(tmp_path):
    with pytest.raises(Unusable, match="defines no EXERCISE"):
        read_exercise(str(fill(tmp_path, {"x.py": ""}) / "x.py"))


def test_a_grade_adds_up():
    assert Grade(status="graded", marks=(), notes=()).as_dict()["points"] == 0
