"""Finding each student's submission, and reading it, whatever it is. Nothing is unpacked to disk.

A folder with a file or a folder a student; or the zip that Gradescope, Moodle or Canvas lets an
instructor download, as it is or unpacked.
"""

import hashlib
import io
import itertools
import json
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

MAX_FILE = 50 * 2**20  # bytes of one notebook; figures in its outputs count too
MAX_MEMBERS = 50_000
MAX_CHOICE = 20  # files of one student that are looked into
MAX_CELLS = 5_000
GOOD = (".ipynb", ".py")
IGNORED = re.compile(r"(^|/)(\.|__MACOSX(/|$)|__pycache__(/|$)|\.ipynb_checkpoints(/|$))")
# "Full Name_1234567_assignsubmission_file_" (a folder, or in front of a file's name)
MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_\w*?_(?P<rest>.*)$")
# "familyname_LATE_12345_678901_the file.ipynb"
CANVAS = re.compile(r"^(?P<name>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_(?P<file>\d+)_(?P<rest>.+)$")


class Unreadable(ValueError):
    """A submission that is no notebook; the message says why."""


@dataclass(frozen=True)
class Source:
    """One file, read when asked for: on disk, or in a zip."""

    name: str  # with folders, as in the download
    size: int
    path: Path | None = None
    archive: Path | None = None

    def read(self) -> bytes:
        """The file's bytes.

        Raises:
            Unreadable: it is too large, no ordinary file, or damaged.
        """
        limit = f"{MAX_FILE // 2**20} MB"
        if self.size > MAX_FILE:
            raise Unreadable(f"{self.size / 2**20:,.0f} MB, the limit is {limit}")
        try:
            if self.archive:
                with zipfile.ZipFile(self.archive) as archive, archive.open(self.name) as file:
                    data = file.read(MAX_FILE + 1)
            else:
                # Opened without following a link, and without waiting for a pipe.
                flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
                with os.fdopen(os.open(self.path, flags), "rb") as file:
                    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                        raise Unreadable("not an ordinary file")
                    data = file.read(MAX_FILE + 1)
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
            raise Unreadable(f"it cannot be read ({error})") from None
        except Exception as error:  # zlib and lzma have errors of their own
            if isinstance(error, Unreadable):
                raise
            raise Unreadable(f"it cannot be read ({error})") from None
        if len(data) > MAX_FILE:
            raise Unreadable(f"more than {limit}")
        return data


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One student and the file to grade.

    Attributes:
        student: unique in the run; names files and rows.
        name: the student's name, as the platform has it.
        email: the student's address, if the platform says it.
        source: the file; None when there is none to grade.
        late: whether the platform calls it late.
        notes: what the instructor should know.
    """

    student: str
    name: str
    email: str = ""
    source: Source | None = None
    late: bool = False
    notes: tuple[str, ...] = field(default=())


# Finding -----------------------------------------------------------------------------------------


def find_submissions(place: Path, exercise: str) -> list[Submission]:
    """Every student's submission in a folder or a downloaded zip, ordered by student.

    Raises:
        ValueError: there is no such place, or nothing in it.
    """
    if not place.exists():
        raise ValueError(f"there is no {place}: pass the folder or zip of submissions")
    sources = list(_members(place) if place.is_file() else _files(place))
    groups: dict[tuple[str, str, str, bool], list[Source]] = {}
    prefix = _common_folder(sources)
    # The list at the top alone: a student may hand in a file of that name.
    people = _gradescope([s for s in sources if s.name == f"{prefix}submission_metadata.yml"])
    for source in sources:
        if owner := _owner(source.name.removeprefix(prefix), people):
            groups.setdefault(owner, []).append(source)
    if not groups:
        raise ValueError(f"there is no submission in {place}: wanted .ipynb or .py files")
    found = [_choose(owner, sources, exercise) for owner, sources in groups.items()]
    return _unique(
        sorted(found, key=lambda one: (one.student, one.source.name if one.source else ""))
    )


def _files(folder: Path) -> Iterator[Source]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            relative = path.relative_to(folder).as_posix()
            if not IGNORED.search(relative):
                yield Source(relative, path.lstat().st_size, path=path)
        if not folders and not names and Path(root) != folder:
            yield Source(f"{Path(root).relative_to(folder).as_posix()}/", 0)


def _members(path: Path) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(f"{path.name} is no zip that can be read ({error})") from None
    if len(infos) > MAX_MEMBERS:
        raise ValueError(f"{path.name} holds {len(infos)} files, the limit is {MAX_MEMBERS}")
    for info in infos:
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        if ".." in parts or info.is_dir() or IGNORED.search(info.filename):
            continue  # nothing is unpacked, so such a name does no harm; no student has it
        yield Source(info.filename, info.file_size, archive=path)


def _gradescope(sources: list[Source]) -> dict[str, tuple[str, str]]:
    """From a Gradescope export's list: the folder of each submission → names and addresses."""
    people = {}
    for source in sources:
        try:
            listed = yaml.safe_load(source.read())
            for folder, entry in listed.items():
                who = entry[":submitters"]
                names = ", ".join(str(one[":name"]) for one in who)
                people[str(folder)] = names, ", ".join(str(one.get(":email", "")) for one in who)
        except (Unreadable, yaml.YAMLError, KeyError, TypeError, AttributeError):
            continue
    return people


def _common_folder(sources: list[Source]) -> str:
    """The one folder that a download has everything in, if it has, so that it is no student."""
    tops = {source.name.split("/")[0] for source in sources}
    if len(tops) != 1:
        return ""
    inside = {source.name.split("/")[1] for source in sources if "/" in source.name}
    packed = len(inside) > 1 and all(source.archive for source in sources)
    return f"{tops.pop()}/" if packed or "submission_metadata.yml" in inside else ""


def _owner(name: str, people: dict[str, tuple[str, str]]) -> tuple[str, str, str, bool] | None:
    """Student, name, address and lateness, from a file's name in the download."""
    top, _, rest = name.partition("/")
    if top == "submission_metadata.yml":
        return None
    if rest or name.endswith("/"):
        if top in people:
            who, address = people[top]
            return f"{who} ({top.removeprefix('submission_')})", who, address, False
        if found := MOODLE.match(top):
            return f"{found['name']} ({found['id']})", found["name"], "", False
        return top, top, "", False
    if found := MOODLE.match(top):
        return f"{found['name']} ({found['id']})", found["name"], "", False
    if found := CANVAS.match(top):
        return f"{found['name']} ({found['id']})", found["name"], "", bool(found["late"])
    return PurePosixPath(top).stem or top, PurePosixPath(top).stem or top, "", False


def _choose(owner: tuple[str, str, str, bool], sources: list[Source], exercise: str) -> Submission:
    """The one file to grade of those that a student handed in."""
    student, name, email, late = owner
    one = Submission(
        student=printable(student) or "unnamed",
        name=printable(name),
        email=printable(email),
        late=late,
    )
    files = [source for source in sources if not source.name.endswith("/")]
    good = [source for source in files if source.name.lower().endswith(GOOD)][:MAX_CHOICE]
    if not good:
        return replace(one, source=files[0] if len(files) == 1 else None)
    # The most answers first; then a notebook before a script; then the name with the exercise's.
    ranked = sorted(
        good,
        key=lambda s: (-_answers(s), not s.name.endswith(".ipynb"), exercise not in s.name, s.name),
    )
    if len(good) > 1:
        one = replace(one, notes=(f"{len(good)} files; graded was {printable(ranked[0].name)}",))
    return replace(one, source=ranked[0])


def _answers(source: Source) -> int:
    try:
        return source.read().count(b"# GRADED ")
    except Unreadable:
        return -1


def printable(text: str) -> str:
    """Text from outside as one line that can be shown and written anywhere."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:120]


def _unique(found: list[Submission]) -> list[Submission]:
    """Two students of one name get two rows: the second is called "name (2)"."""
    taken: set[str] = set()
    unique = []
    for one in found:
        student = one.student
        for number in itertools.count(2):
            if file_name(student).casefold() not in taken:
                break
            student = f"{one.student} ({number})"
        if student != one.student:
            note = f"another submission has the name {one.student}"
            one = replace(one, student=student, notes=(*one.notes, note))
        taken.add(file_name(student).casefold())
        unique.append(one)
    return unique


def file_name(student: str) -> str:
    """A student as the name of a file, on any system."""
    name = re.sub(r"[^\w.()-]+", "_", student).strip("._") or "unnamed"
    if len(name.encode()) > 150:  # a file system allows 255 bytes
        digest = hashlib.sha256(student.encode()).hexdigest()[:8]
        name = f"{name.encode()[:140].decode(errors='ignore')}-{digest}"
    reserved = re.match(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", name, re.IGNORECASE)
    return f"_{name}" if reserved else name


# Reading -----------------------------------------------------------------------------------------


def read_cells(submission: Submission) -> tuple[bytes, list[tuple[str, str]]]:
    """The file's bytes, and its code cells as (name, source).

    Raises:
        Unreadable: there is no file, or it is no notebook and no Python text.
    """
    if submission.source is None:
        raise Unreadable("no notebook and no Python file was handed in")
    data = submission.source.read()
    if not data.strip():
        raise Unreadable("the file is empty")
    name = submission.source.name.lower()
    if zipfile.is_zipfile(io.BytesIO(data)):
        raise Unreadable("a zip inside the download: hand in the notebook itself")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("not a text file, so no notebook") from None
    if "\0" in text:
        raise Unreadable("not a text file, so no notebook")
    if name.endswith(".py"):
        return data, [("the file", text)]
    return data, _notebook_cells(text)


def _notebook_cells(text: str) -> list[tuple[str, str]]:
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("not a notebook: it is no JSON text, or cut off") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict):  # nbformat 3
        sheets = notebook.get("worksheets")
        if isinstance(sheets, list) and sheets and isinstance(sheets[0], dict):
            cells = sheets[0].get("cells")
    if not isinstance(cells, list):
        raise Unreadable("not a notebook: JSON without cells")
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"{len(cells)} cells, the limit is {MAX_CELLS}")
    named = []
    for number, cell in enumerate(cells, 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            named.append((f"cell {number}", _source(cell)))
    return named


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""
