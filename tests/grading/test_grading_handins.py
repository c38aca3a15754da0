"""Downloads packed in every way, and files of every kind: a row for each student, and what it says.

No test here runs an answer: what is read of a file is in test_grading_agreement.
"""

import codecs
import csv
import io
import json
import os
import unicodedata
import warnings
import zipfile

import pytest

from mvlm.grading.files import Source, Unreadable, cells_of
from mvlm.grading.reports import grades_table, read_kept, write
from mvlm.grading.run import grade_all, prepare
from mvlm.grading.submissions import MAX_CHOICE, file_name, find_submissions, read_cells

ANSWER = "# GRADED steal\ndef steal(x):\n    return 2 * x + 1\n"
STUB = '# GRADED steal\ndef steal(x):\n    raise NotImplementedError("steal: your turn")\n'
MOODLE = "Ann Lee_1001_assignsubmission_file_"


def notebook(*cells):
    made = [{"cell_type": "code", "source": cell, "outputs": []} for cell in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def fill(folder, files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def packed(path, files):
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")  # one name twice
        for name, text in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, text)
    return path


def students(place, exercise="02_patches"):
    return {
        one.student: one.source and one.source.name for one in find_submissions(place, exercise)
    }


def code(one):
    return "\n".join(text for _, text in read_cells(one)[1])


# Who is in the list --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        [".DS_Store"],
        ["._02.ipynb"],
        ["__MACOSX/._02.ipynb"],
        [".ipynb_checkpoints/02-checkpoint.ipynb"],
        ["sub/.ipynb_checkpoints/02-checkpoint.ipynb", "Thumbs.db"],
        ["__pycache__/answers.cpython-311.pyc"],
        [".git/HEAD", ".gitignore"],
    ],
)
def test_a_folder_with_nothing_to_grade_is_a_row(tmp_path, names):
    files = {"bob/x.ipynb": notebook(ANSWER)} | {f"zoe/{name}": "x" for name in names}
    for place in (fill(tmp_path / "in", files), packed(tmp_path / "a.zip", files)):
        assert students(place) == {"bob": "bob/x.ipynb", "zoe": None}
        (_, zoe) = find_submissions(place, "02")
        with pytest.raises(Unreadable, match="nothing|no notebook and no Python file was handed"):
            read_cells(zoe)


def test_what_a_system_leaves_beside_the_students_is_no_student(tmp_path):
    files = {"ann/x.py": "", "bob.py": "", ".DS_Store": "", "__MACOSX/ann/._x.py": ""}
    files |= {".ipynb_checkpoints/bob-checkpoint.py": "", "Thumbs.db": "", "desktop.ini": ""}
    for place in (fill(tmp_path / "in", files), packed(tmp_path / "a.zip", files)):
        assert list(students(place)) == ["ann", "bob"]


def test_links_are_rows_that_say_so(tmp_path):
    place = fill(tmp_path / "in", {"ann/x.py": ANSWER})
    outside = fill(tmp_path / "outside", {"x.py": ANSWER})
    (place / "bob").symlink_to(outside)
    (place / "eve").symlink_to(tmp_path / "nowhere")
    (place / "kim").symlink_to(place / "kim")
    (place / "lea").mkdir()
    (place / "lea" / "x.ipynb").symlink_to(outside / "x.py")
    (place / "mia.py").symlink_to(outside / "x.py")
    (place / "noa").mkdir()
    (place / "noa" / "self").symlink_to(place / "noa")
    found = find_submissions(place, "02")
    assert [one.student for one in found] == ["ann", "bob", "eve", "kim", "lea", "mia", "noa"]
    for one in found[1:]:
        with pytest.raises(Unreadable, match="a link, which is not followed: hand in the file"):
            read_cells(one)


def test_a_link_in_a_zip_is_a_row_that_says_so(tmp_path):
    link = zipfile.ZipInfo("zoe/x.py")
    link.external_attr = 0o120777 << 16
    (_, zoe) = find_submissions(packed(tmp_path / "a.zip", [("a/b.py", ""), (link, "/etc")]), "02")
    with pytest.raises(Unreadable, match="a link"):
        read_cells(zoe)


def test_several_files_of_a_student_in_moodles_zip_are_one_student(tmp_path):
    mine = {f"{MOODLE}/02.ipynb": notebook(ANSWER), f"{MOODLE}/notes.py": ""}
    mine |= {f"{MOODLE}/figures/a.png": "", "Ann Lee_1001_assignsubmission_onlinetext_/x.html": ""}
    flat = {name.replace("_/", "_"): text for name, text in mine.items()}
    other = {"Bo_1002_assignsubmission_file_/02.ipynb": notebook(STUB)}
    ann, bo = "Ann Lee (1001)", "Bo (1002)"
    for number, (files, wanted) in enumerate(
        [(mine, [ann]), (flat, [ann]), (mine | other, [ann, bo]), (flat | other, [ann, bo])]
    ):
        place = packed(tmp_path / f"{number}.zip", files)
        assert list(students(place)) == wanted
        one = find_submissions(place, "02")[0]
        assert one.source.name.endswith("02.ipynb")
        assert "files; graded was" in one.notes[0]
        assert list(students(fill(tmp_path / str(number), files))) == wanted


def test_a_student_of_moodles_who_handed_in_rubbish_has_a_row(tmp_path):
    files = {f"{MOODLE}.DS_Store": "", "Bo_1002_assignsubmission_file_": ""}
    assert list(students(packed(tmp_path / "a.zip", files))) == ["Ann Lee (1001)", "Bo (1002)"]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["leeann_55_901_a.ipynb", "leeann_LATE_55_902_b.py"], [("leeann (55)", True)]),
        (["anon_x7Ab2_901_a.ipynb", "anon_LATE_y8Ab2_902_a.ipynb"],
         [("anon (x7Ab2)", False), ("anon (y8Ab2)", True)]),
        (["77-55 - Ann Lee - Oct 3, 2026 1145 PM/02.ipynb", "index.html"],
         [("Ann Lee (77)", False), ("index", False)]),
        (["77-55 - Ann Lee - Oct 3, 2026 945 AM - 02.ipynb",
          "78-55 - Bo - Oct 3, 2026 945 AM - 02.ipynb"],
         [("Ann Lee (77)", False), ("Bo (78)", False)]),
        (["Task 2_ann_attempt_2026-10-03-12-00-00_02.ipynb",
          "Task 2_ann_attempt_2026-10-03-12-00-00.txt"], [("ann", False)]),
        (["Ann Lee - 02_patches.ipynb", "Ann Lee - Copy of 02_patches.ipynb",
          "Bo - 02_patches.ipynb"], [("Ann Lee", False), ("Bo", False)]),
        (["Ann_Marie Lee_12_assignsubmission_file_02.ipynb"], [("Ann_Marie Lee (12)", False)]),
    ],
)  # fmt: skip
def test_the_names_that_platforms_give(tmp_path, names, wanted):
    place = packed(tmp_path / "a.zip", dict.fromkeys(names, notebook(ANSWER)))
    found = find_submissions(place, "02_patches")
    assert [(one.student, one.late) for one in found] == wanted


def test_a_windows_zip_has_folders(tmp_path):
    files = {"hw\\ann\\02.ipynb": notebook(ANSWER), "hw\\bob\\": "", "C:\\hw\\eve.py": "x = 1"}
    assert students(packed(tmp_path / "a.zip", files)) == {
        "ann": "hw/ann/02.ipynb",
        "bob": None,
        "eve": "hw/eve.py",
    }


def test_names_that_point_outside_a_zip_are_rows_and_nothing_more(tmp_path):
    files = {"../ann.py": ANSWER, "/etc/bob.py": ANSWER, "eve/../../kim.py": ANSWER, "./x/y.py": ""}
    place = packed(tmp_path / "a.zip", files)
    assert list(students(place)) == ["ann", "etc", "eve", "x"]
    assert all(read_cells(one)[1] for one in find_submissions(place, "02")[:3])
    assert os.listdir(tmp_path) == ["a.zip"]


def test_names_in_a_zip_in_any_encoding(tmp_path):
    place = tmp_path / "a.zip"
    with zipfile.ZipFile(place, "w") as archive:
        for name in ("Zoë.py", "Łukasz.py"):
            archive.writestr(name, ANSWER)
    data = place.read_bytes()
    for name in ("Zoë.py", "Łukasz.py"):  # as macOS packs: UTF-8, and not said to be
        at = data.rindex(b"PK\x01\x02", 0, data.rindex(name.encode()))
        data = data[: at + 8] + b"\0\0" + data[at + 10 :]
        at = data.index(b"PK\x03\x04", max(0, data.index(name.encode()) - 30))
        data = data[: at + 6] + b"\0\0" + data[at + 8 :]
    place.write_bytes(data)
    assert list(students(place)) == ["Zoë", "Łukasz"]
    old = packed(tmp_path / "b.zip", {"Zo\x89.py": ANSWER})
    assert len(students(old)) == 1


def test_one_name_twice_in_a_zip_is_two_files_of_a_student(tmp_path):
    files = [("ann.py", STUB), ("ann.py", ANSWER), ("ann.py", STUB)]
    (one,) = find_submissions(packed(tmp_path / "a.zip", files), "02")
    assert one.notes == ("3 files; graded was ann.py",)
    assert code(one) == ANSWER


@pytest.mark.parametrize(
    "names",
    [
        ["José.py", unicodedata.normalize("NFD", "José") + "/x.py"],
        ["ann/x.py", "ANN/x.py", "Ann.py"],
        ["Strasse.py", "Straße.py"],
        ["a b.py", "a+b.py", "a/x.py", "a_b.py"],
        ["x" * 200 + "1.py", "x" * 200 + "2.py"],
        ["é" * 120 + ".py", "é" * 121 + ".py"],
        ["con.py", "_con.py", "CON/x.py", "con (2).py"],
        ["emails.py", "Emails/x.py", "_emails.py"],
        ["a\nb.py", "a\tb.py", "a\u202eb.py", "a b.py"],
        ["...py", "..x.py", ".x/y.ipynb", "x.py"],
    ],
)
def test_names_that_a_file_system_takes_for_one_have_a_row_and_files_each(tmp_path, names):
    place = packed(tmp_path / "a.zip", dict.fromkeys(names, ANSWER))
    found = find_submissions(place, "02")
    expected = len({name.split("/")[0].removesuffix(".py") for name in names if name[0] != "."})
    assert len(found) >= expected
    files = {unicodedata.normalize("NFC", file_name(one.student)).casefold() for one in found}
    assert len(files) == len(found) == len({one.student for one in found})
    assert "emails" not in files
    assert all(len(name.encode()) < 200 for name in files)
    assert all(one.student.isprintable() for one in found)


def test_names_without_an_ending_are_names(tmp_path):
    place = fill(tmp_path / "in", {"J. Smith": ANSWER, "J. Doe": ANSWER, "J. Roe.ipynb.txt": "x"})
    assert list(students(place)) == ["J. Doe", "J. Roe", "J. Smith"]


def test_names_of_250_bytes_and_of_signs_end_in_files(tmp_path, toy, sandbox):
    names = [
        "a" * 246,
        "ü" * 123,
        "＝cmd()",
        "＋1",
        "－1",
        "＠x",
        "=x",
        "\t=x",
        "\r@x",
        "a;=b",
        "emails",
    ]
    place = fill(tmp_path / "in", {f"{name}.txt": "nothing" for name in names})
    out = tmp_path / "out"
    job = prepare(str(toy), out, None, None)
    records = grade_all(job, find_submissions(place, "toy"), sandbox)
    assert len(records) == len(names)
    with (out / "grades.csv").open() as file:
        table = list(csv.reader(file))[1:]
    assert len(table) == len(names)
    for cell in (cell for row in table for cell in row):
        for part in cell.replace("\t", ";").split(";"):
            assert not part.strip().startswith(tuple("=+-@＝＋－＠"))
    assert json.loads((out / "gradescope/emails.json").read_text()) == {}
    assert grades_table(job.exercise, records, {}).count("\n") == len(names) + 1


@pytest.mark.parametrize(
    ("separator", "encoding"), [(";", "cp1252"), ("\t", "utf-16"), (",", "utf-8-sig")]
)
def test_a_table_that_a_spreadsheet_saved_is_read(tmp_path, separator, encoding):
    rows = ["student;points;manual_points;comment", "Zoë;3;1,5;good", "Bo;2;;"]
    text = "\r\n".join(row.replace(";", separator) for row in rows)
    if separator == ",":
        text = text.replace("1,5", '"1,5"')
    (tmp_path / "grades.csv").write_bytes(text.encode(encoding))
    kept = read_kept(tmp_path / "grades.csv")
    assert (kept["Zoë"]["manual_points"], kept["Zoë"]["comment"]) == ("1,5", "good")
    assert list(kept) == ["Zoë", "Bo"]


def test_a_table_that_is_none_is_not_written_over(tmp_path):
    (tmp_path / "grades.csv").write_text("Student name,comment\nann,good\n")
    with pytest.raises(ValueError, match="no column named student.* mend its first line"):
        read_kept(tmp_path / "grades.csv")


def test_a_table_with_half_a_letter_is_written(tmp_path):
    write(tmp_path / "x", "a\udc80b")
    assert (tmp_path / "x").read_text() == "a?b"


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (["a/b/ann.py", "a/b/bob.py", "a/c.py"], ["b", "c"]),
        (["hw/hw/ann.py", "hw/hw/bob.py", "hw/readme.md"], ["hw", "readme"]),
        (["hw/ann.py", "hw/eve.pdf", "hw/.DS_Store"], ["ann", "eve"]),
    ],
)
def test_folders_around_a_packed_download(tmp_path, files, wanted):
    assert list(students(packed(tmp_path / "a.zip", dict.fromkeys(files, "x")))) == wanted


def test_a_folder_in_the_folder_that_is_passed(tmp_path):
    class_of_two = fill(tmp_path / "a", {"hw/ann/x.py": "", "hw/bob/x.py": "", "hw/zoe/.x": ""})
    assert list(students(class_of_two)) == ["ann", "bob", "zoe"]
    one_student = fill(tmp_path / "b", {"ann/x.ipynb": "", "ann/a.py": "", "ann/sub/b.py": ""})
    assert list(students(one_student)) == ["ann"]


def test_one_file_may_be_passed_itself(tmp_path):
    place = fill(tmp_path, {"ann.ipynb": notebook(ANSWER)}) / "ann.ipynb"
    (one,) = find_submissions(place, "02")
    assert (one.student, code(one)) == ("ann", ANSWER)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        (
            "x.rar",
            b"Rar!\x1a\x07\x01",
            "x.rar is no zip that can be read but a RAR archive: unpack",
        ),
        ("x.7z", b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it, and pass the folder"),
        ("x.tar.gz", b"\x1f\x8b\x08", "a gzip archive"),
        ("x.zip", b"", "x.zip is no zip that can be read: unpack it"),
        ("x.zip", b"PK\x05\x06" + bytes(18), "there is no submission in"),
    ],
)
def test_a_download_that_is_no_zip(tmp_path, name, data, says):
    with pytest.raises(ValueError, match=says):
        find_submissions(fill(tmp_path, {name: data}) / name, "02")


# What is the hand-in -------------------------------------------------------------------------


@pytest.mark.parametrize("count", [25, MAX_CHOICE, 300])
def test_a_notebook_behind_many_scripts_is_found(tmp_path, count):
    files = {f"ann/a{n:03}.py": "x = 1" for n in range(count)} | {"ann/z.ipynb": notebook(ANSWER)}
    (one,) = find_submissions(fill(tmp_path / "in", files), "02")
    assert one.source.name == "ann/z.ipynb"
    assert one.notes == (f"{count + 1} files; graded was ann/z.ipynb",)


@pytest.mark.parametrize(
    "name",
    ["a.py", "a.txt", "a.json", "a.ipynb.txt", "a.ipynb.json", "a (1).ipynb", "a.IPYNB", "a",
     "a.ipynb (1)", "a.ipynb.download", ".ipynb", "a.ipynb.pdf"],
)  # fmt: skip
def test_a_notebook_of_any_name_is_a_notebook(tmp_path, name):
    files = {f"ann/{name}": notebook(ANSWER), "ann/data.csv": "1,2", "ann/a.pdf": b"%PDF-1.4"}
    (one,) = find_submissions(fill(tmp_path / "in", files), "02")
    assert read_cells(one)[1] == [("cell 1", ANSWER)]


@pytest.mark.parametrize("name", ["a.txt", "a.ipynb", "a", "a.py.txt"])
def test_a_script_of_any_name_is_a_script(tmp_path, name):
    (one,) = find_submissions(fill(tmp_path / "in", {f"ann/{name}": ANSWER}), "02")
    assert code(one) == ANSWER


def test_of_several_notebooks_the_one_with_answers_written_is_graded(tmp_path):
    files = {"ann/02_patches.ipynb": notebook(STUB), "ann/mine.ipynb": notebook(ANSWER)}
    files |= {"ann/noise.ipynb": notebook(*["# GRADED steal"] * 9, STUB)}
    (one,) = find_submissions(fill(tmp_path / "in", files), "02_patches")
    assert one.source.name == "ann/mine.ipynb"
    assert one.notes == ("3 files; graded was ann/mine.ipynb",)


@pytest.mark.parametrize(
    "data",
    [
        '# -*- coding: latin-1 -*-\nname = "é"\n'.encode("latin-1"),
        '#!/usr/bin/env python\n# vim: set fileencoding=cp1252 :\nname = "é"\n'.encode("cp1252"),
        '# coding: shift_jis\nname = "é"\n'.replace("é", "あ").encode("shift_jis"),
        'name = "é"\n'.encode("cp1252"),
        'name = "é"\n'.encode("utf-8-sig"),
        'name = "é"\n'.encode("utf-16"),
        codecs.BOM_UTF16_BE + 'name = "é"\n'.encode("utf-16-be"),
        'name = "é"\r\n'.encode(),
        'name = "é"\r'.encode(),
    ],
)
def test_a_script_in_any_encoding(tmp_path, data):
    path = fill(tmp_path, {"x.py": data}) / "x.py"
    text = cells_of(Source("x.py", len(data), path=path))[1][0][1]
    assert text.splitlines()[-1] in ('name = "é"', 'name = "あ"')


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_a_notebook_in_any_encoding(tmp_path, encoding):
    text = notebook('name = "é"').replace("\\u00e9", "é")
    data = text.encode(encoding)
    path = fill(tmp_path, {"x.ipynb": data}) / "x.ipynb"
    assert cells_of(Source("x", len(data), path=path))[1] == [("cell 1", 'name = "é"')]


@pytest.mark.parametrize("name", ["punycode", "idna", "rot13", "zlib", "unicode_escape", "no-such"])
def test_an_encoding_that_is_none_is_not_asked(tmp_path, name):
    data = f"# coding: {name}\nx = 1\n".encode()
    path = fill(tmp_path, {"x.py": data}) / "x.py"
    assert cells_of(Source("x.py", len(data), path=path))[1][0][1] == data.decode()


@pytest.mark.parametrize(
    "book",
    [
        {"nbformat": 3, "worksheets": [{"cells": []}, {"cells": [{"input": [ANSWER]}]}]},
        {"nbformat": 1, "cells": [{"code": ANSWER}]},
        {"cells": [{"source": ANSWER.splitlines(True)}]},
        {"cells": [{"source": ANSWER.splitlines()}]},
        {"cells": [{"source": ANSWER, "metadata": None}], "metadata": None},
    ],
)
def test_a_notebook_of_any_format(tmp_path, book):
    for cell in (c for sheet in book.get("worksheets", [book]) for c in sheet["cells"]):
        cell["cell_type"] = "code"
    data = json.dumps(book).encode()
    path = fill(tmp_path, {"x.ipynb": data}) / "x.ipynb"
    (_, text), *_ = cells_of(Source("x", len(data), path=path))[1]
    assert text.strip() == ANSWER.strip()


def zipped(*names):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (zipped("hw/02.ipynb"), "a zip inside the download, with hw/02.ipynb in it: hand in"),
        (zipped("a", "b"), "a zip inside the download, with 2 files and no notebook"),
        (zipped("word/document.xml"), "a Word document: hand in the notebook itself"),
        (zipped()[:22], "an empty zip"),
        (zipped("a")[:30], "a damaged zip"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive, not a text file: hand in the notebook itself"),
        (b"Rar!\x1a\x07\0", "a RAR archive"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
        (bytes(257) + b"ustar\0", "a tar archive"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\n<!DOCTYPE html>\n<title>Sign in</title>", "a web page"),
        (codecs.BOM_UTF8 + b"<html>", "a web page"),
        (b"{\\rtf1", "a rich-text document"),
        (b"\xff\xd8\xff\xe0", "a picture"),
        (b"Dear professor, my computer broke", "it is no JSON text, and no Python either: hand in"),
        (b'{\n<<<<<<< HEAD\n"cells": [', "cut off or with the marks of a merge"),
        (b"\0" * 100, "not a text file"),
        (b" \r\n\t", "the file is empty: hand in"),
        (b'{"url": "https://drive", "doc_id": "1"}', "JSON without cells: hand in"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # the bytes hold the time
)
@pytest.mark.parametrize("name", ["x.ipynb", "x.pdf"])
def test_what_came_and_what_to_do_is_said(tmp_path, name, data, says):
    (one,) = find_submissions(fill(tmp_path / "in", {name: data}), "02")
    with pytest.raises(Unreadable, match=says):
        read_cells(one)


def test_a_file_with_a_password_and_one_packed_otherwise_are_said(tmp_path):
    place = packed(tmp_path / "a.zip", {"ann.py": ANSWER, "bob.py": ANSWER, "eve.py": ANSWER})
    data = bytearray(place.read_bytes())
    first, second = (
        data.index(b"PK\x01\x02"),
        data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1),
    )
    data[first + 8] |= 1  # locked
    data[second + 10] = 9  # deflate64
    place.write_bytes(data)
    ann, bob, eve = find_submissions(place, "02")
    with pytest.raises(Unreadable, match="locked with a password: hand it in without one"):
        read_cells(ann)
    with pytest.raises(Unreadable, match="packed in a way that is not known here: hand in"):
        read_cells(bob)
    assert code(eve) == ANSWER


def test_a_bomb_is_not_unpacked(tmp_path):
    place = tmp_path / "a.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ann/x.ipynb", bytes(60 * 2**20))
        archive.writestr("ann/y.py", ANSWER)
        archive.writestr("bob.py", ANSWER)
    one, _ = find_submissions(place, "02")
    assert one.source.name == "ann/y.py"


# Exports -------------------------------------------------------------------------------------

CELLS = ("import math", "K = int(math.sqrt(4))", "def broken(:", ANSWER.replace("2", "K"))
PERCENT = "".join(f"# %% [python]\n{cell}\n\n" for cell in CELLS)
SPYDER = "".join(f"#%%\n{cell}\n" for cell in CELLS)
NBCONVERT = "#!/usr/bin/env python\n# coding: utf-8\n" + "".join(
    f"\n# In[{number}]:\n\n\n{cell}\n" for number, cell in enumerate(CELLS)
)
LIGHT = "".join(f"# +\n{cell}\n# -\n" for cell in CELLS)
DATABRICKS = "# Databricks notebook source\n" + "\n# COMMAND ----------\n".join(CELLS)
TOGETHER = "\n".join(CELLS)  # the broken one would take all
MAGIC = "\n# In[1]:\n\n\nget_ipython().run_cell_magic('time', '', {!r})\n"


@pytest.mark.parametrize(
    "text",
    [PERCENT, SPYDER, NBCONVERT, LIGHT, DATABRICKS, TOGETHER, MAGIC.format(ANSWER),
     "\n\n".join(CELLS).replace("def broken(:", "print 'old'\n!pip install x \\\n   y"),
     '"""Text.\n\ndef not_code(:\n"""\nx = (\n1\n' + ANSWER],
)  # fmt: skip
def test_an_exported_script_loses_no_answer_by_a_broken_cell(tmp_path, toy, sandbox, text):
    place = fill(tmp_path / "in", {"ann.py": text})
    job = prepare(str(toy), tmp_path / "out", None, None)
    (record,) = grade_all(job, find_submissions(place, "toy"), sandbox)
    assert record["points"] == 2, record["notes"]
