"""Finding each student's submission, whatever it is. Nothing is unpacked to disk.

A folder with a file or a folder a student; or the zip that Gradescope, Moodle, Canvas, Brightspace
or Blackboard lets an instructor download, as it is or unpacked. Whatever is in it belongs to a
student, and each student has a row: losing one is worse than a row too many.
"""

import contextlib
import hashlib
import itertools
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from mvlm.grading.files import HAND_IN, KINDS, Source, Unreadable, cells_of

MAX_MEMBERS = 50_000
MAX_CHOICE = 60  # files of one student that are looked into
GOOD = (".ipynb", ".py")
JUNK = {"__MACOSX", "__pycache__", "node_modules", "Thumbs.db", "desktop.ini"}
LINK = "a link, which is not followed: hand in the file itself"
METADATA = "submission_metadata.yml"
ENDING = re.compile(
    r"(\.(ipynb|py|ipy|txt|json|zip|pdf|html?|md|docx?|odt|rtf|7z|rar|tar|t?gz|bz2|xz|png|jpe?g"
    r"|csv|webarchive|url|lnk))+$",
    re.IGNORECASE,
)
PLATFORMS = (
    # Moodle: "Full Name_1234567_assignsubmission_file_", a folder, or in front of a file's name
    re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assign(submission|feedback)_[a-z]+(_(?P<rest>.*))?"),
    # Canvas, graded anonymously: "anon_LATE_x7Ab2_678901_the file.ipynb"
    re.compile(r"(?P<name>anon)_(?P<late>LATE_)?(?P<id>[A-Za-z0-9]{5})_\d+_(?P<rest>.+)"),
    # Canvas: "familyname_LATE_12345_678901_the file.ipynb"
    re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_\d+_(?P<rest>.+)"),
    # Brightspace: "12345-67890 - Full Name - Oct 3, 2026 1145 PM - the file.ipynb", or a folder
    re.compile(
        r"(?P<id>\d+)-\d+ - (?P<name>.+?) - \w+ \d{1,2}, \d{4} \d{3,4} ?[AP]M( - (?P<rest>.*))?"
    ),
    # Blackboard: "The task_username_attempt_2026-10-03-23-45-00_the file.ipynb"
    re.compile(r".+_(?P<name>[^_]+)_attempt_\d{4}(-\d\d){5}(\.txt|_(?P<rest>.*))"),
)


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
    sources = list(_files(place) if place.is_dir() else _members(place))
    groups: dict[str, list[tuple[_Owner, Source]]] = {}
    prefix = _wrapper(sources)
    # The list at the top alone: a student may hand in a file of that name.
    people = _gradescope([s for s in sources if s.name == f"{prefix}{METADATA}"])
    for source in sources:
        if owner := _owner(source.name.removeprefix(prefix), people, exercise):
            groups.setdefault(owner.student, []).append((owner, source))
    if not groups:
        raise ValueError(f"there is no submission in {place}: wanted .ipynb or .py files")
    found = [
        _choose(
            replace(group[0][0], late=any(owner.late for owner, _ in group)),
            [source for _, source in group],
            exercise,
        )
        for group in groups.values()
    ]
    return _unique(
        sorted(found, key=lambda one: (one.student, one.source.name if one.source else ""))
    )


def _files(folder: Path) -> Iterator[Source]:
    """What is in a folder: each file, each link, and each folder, which may be empty."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_junk(name))
        for name in (*folders, *sorted(names)):
            path = Path(root, name)
            relative = path.relative_to(folder).as_posix()
            try:
                found = path.lstat()
            except OSError as error:
                yield Source(relative, 0, path=path, reason=f"it cannot be read ({error.strerror})")
                continue
            if _is_junk(name):
                yield from _owner_of_junk(relative)
            elif stat.S_ISLNK(found.st_mode):
                yield Source(relative, 0, path=path, reason=LINK)
            elif stat.S_ISDIR(found.st_mode):
                yield Source(f"{relative}/", 0)
            else:
                yield Source(relative, found.st_size, path=path)


def _members(path: Path) -> Iterator[Source]:
    """What is in a zip; a single notebook is itself."""
    if not zipfile.is_zipfile(path):
        yield _one_file(path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ValueError(f"{path.name} is no zip that can be read ({error})") from None
    if len(infos) > MAX_MEMBERS:
        raise ValueError(f"{path.name} holds {len(infos)} files, the limit is {MAX_MEMBERS}")
    for info in infos:
        parts = _parts(info)
        junk = next((n for n, part in enumerate(parts) if _is_junk(part)), len(parts))
        for above in range(1, min(junk, len(parts) - 1) + 1):
            yield Source(f"{'/'.join(parts[:above])}/", 0)
        name = "/".join(parts)
        if junk < len(parts):
            yield from _owner_of_junk(name)
        elif info.filename.endswith(("/", "\\")):
            yield Source(f"{name}/", 0) if parts else Source("", 0)
        elif parts:
            link = LINK if stat.S_ISLNK(info.external_attr >> 16) else ""
            yield Source(name, info.file_size, archive=path, entry=info, reason=link)


def _one_file(path: Path) -> Source:
    if path.suffix.lower() in GOOD:
        return Source(path.name, path.stat().st_size, path=path)
    with path.open("rb") as file:
        head = file.read(300)
    kinds = (kind for start, kind in KINDS if head.startswith(start))
    kind = next(kinds, "a tar archive" if head[257:262] == b"ustar" else "")
    what = f" but {kind}" if kind else ""
    raise ValueError(
        f"{path.name} is no zip that can be read{what}: unpack it, and pass the folder"
    )


def _parts(info: zipfile.ZipInfo) -> list[str]:
    """The folders and the file of an entry's name, whatever system wrote it.

    Nothing is unpacked, so a name that points outside does no harm; what points there is left out.
    """
    name = info.filename
    if not info.flag_bits & 0x800:  # not said to be UTF-8, which macOS writes all the same
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode()
    parts = name.replace("\\", "/").split("/")
    if re.fullmatch("[A-Za-z]:", parts[0]):
        parts = parts[1:]
    return [part for part in parts if part not in ("", ".", "..")]


def _is_junk(name: str) -> bool:
    """Whether a file or folder is one that a system or an editor leaves behind."""
    if found := _platform(name):
        name = found["rest"] or "x"
    if name in JUNK or name.startswith("._"):
        return True
    return name.startswith(".") and not name.lower().endswith(GOOD)


def _owner_of_junk(name: str) -> Iterator[Source]:
    """The student whose name stands before a file that is nothing."""
    if _platform(name):
        yield Source(f"{name}/", 0)


def _platform(name: str) -> re.Match[str] | None:
    return next(filter(None, (pattern.fullmatch(name) for pattern in PLATFORMS)), None)


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


def _wrapper(sources: list[Source]) -> str:
    """The folders that a download has everything in, if it has, so that they are no students."""
    packed = all(source.archive for source in sources if not source.name.endswith("/"))
    prefix = ""
    while True:
        names = [s.name.removeprefix(prefix) for s in sources if s.name.startswith(prefix)]
        tops = {name.split("/")[0] for name in names if name}
        if len(tops) != 1 or _platform(top := tops.pop()):
            return prefix
        inside = [name.removeprefix(f"{top}/") for name in names if name.startswith(f"{top}/")]
        entries = {name.split("/")[0] for name in inside if name}
        folders = {
            name.split("/")[0] for name in inside if "/" in name and name.lower().endswith(GOOD)
        }
        loose = any("/" not in name and name.lower().endswith(GOOD) for name in inside)
        if not (
            METADATA in entries
            or any(_platform(entry) for entry in entries)
            or (packed and len(entries) > 1)
            or (not packed and len(folders) > 1 and not loose)
        ):
            return prefix
        prefix += f"{top}/"


@dataclass(frozen=True)
class _Owner:
    """Whose something in the download is."""

    student: str
    name: str
    email: str = ""
    late: bool = False


def _owner(name: str, people: dict[str, tuple[str, str]], exercise: str) -> _Owner | None:
    """Whose a file is, from its name in the download."""
    top, slash, _ = name.partition("/")
    if not top or (top == METADATA and not slash):
        return None
    if slash and top in people:
        who, address = people[top]
        return _Owner(f"{who} ({top.removeprefix('submission_')})", who, address)
    # Google Classroom: "Full Name - 02_patches.ipynb"
    classroom = re.fullmatch(rf"(?P<name>.+?) - .*{re.escape(exercise)}.*", top)
    if found := _platform(top):
        given = found.groupdict()
        number = f" ({given['id']})" if given.get("id") else ""
        return _Owner(f"{found['name']}{number}", found["name"], late=bool(given.get("late")))
    if classroom and not slash and exercise:
        return _Owner(classroom["name"], classroom["name"])
    stem = top if slash else ENDING.sub("", top) or top
    return _Owner(stem, stem)


def _choose(owner: _Owner, sources: list[Source], exercise: str) -> Submission:
    """The one file to grade of those that a student handed in."""
    one = Submission(
        student=printable(owner.student) or "unnamed",
        name=printable(owner.name),
        email=printable(owner.email),
        late=owner.late,
    )
    files = [source for source in sources if not source.name.endswith("/")]
    if len(files) < 2:
        return replace(one, source=files[0] if files else None)
    # Notebooks by their names first, so that many other files do not hide them.
    looked = sorted(files, key=lambda s: (_likely(s.name), s.name))[:MAX_CHOICE]
    # The most answers first; then a notebook before a script; then the name with the exercise's.
    best = min(
        looked,
        key=lambda s: (_worth(s), _likely(s.name), exercise not in s.name, s.name),
    )
    note = f"{len(files)} files; graded was {printable(best.name)}"
    return replace(one, source=best, notes=(note,))


def _likely(name: str) -> int:
    """How likely a file is a hand-in, by its name: 0 is the likeliest."""
    if re.search(r"\.ipynb\b", name, re.IGNORECASE):
        return 0
    if name.lower().endswith(".py"):
        return 1
    return 2 if name.lower().endswith((".txt", ".json")) or "." not in name else 3


def _worth(source: Source) -> tuple[int, int]:
    """Answers written and answers marked in a file, as negative numbers; 1 if it is no hand-in."""
    try:
        cells = [text for _, text in cells_of(source)[1]]
    except Unreadable:
        return 1, 1
    marked = set(re.findall(r"^#\s*GRADED\s+(\w+)", "\n".join(cells), re.M))
    # In the student version each stub says: "your turn".
    waiting = sum(len(re.findall(r"your turn[\"']", text)) for text in cells)
    return min(0, waiting - len(marked)), -len(marked)


def read_cells(submission: Submission) -> tuple[bytes, list[tuple[str, str]]]:
    """The file's bytes, and its code cells as (name, source).

    Raises:
        Unreadable: there is no file, or it is no notebook and no Python text.
    """
    if submission.source is None:
        raise Unreadable(f"no notebook and no Python file was handed in: {HAND_IN}")
    return cells_of(submission.source)


def printable(text: str) -> str:
    """Text from outside as one line that can be shown and written anywhere."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:120]


def _unique(found: list[Submission]) -> list[Submission]:
    """Two students of one name get two rows: the second is called "name (2)"."""
    taken: set[str] = set()  # as a file system sees them that takes é and É, or A and a, for one
    unique = []
    for one in found:
        student = one.student
        for number in itertools.count(2):
            if _seen(student) not in taken:
                break
            student = f"{one.student} ({number})"
        if student != one.student:
            note = f"another submission has the name {one.student}"
            one = replace(one, student=student, notes=(*one.notes, note))
        taken.add(_seen(student))
        unique.append(one)
    return unique


def _seen(student: str) -> str:
    return unicodedata.normalize("NFC", file_name(student).casefold())


def file_name(student: str) -> str:
    """A student as the name of a file, on any system."""
    name = unicodedata.normalize("NFC", student)
    name = re.sub(r"[^\w.()-]+", "_", name).strip("._") or "unnamed"
    if len(name.encode()) > 150:  # a file system allows 255 bytes
        digest = hashlib.sha256(student.encode()).hexdigest()[:8]
        name = f"{name.encode()[:140].decode(errors='ignore')}-{digest}"
    # Windows' own names, and the grader's: gradescope/emails.json is its list of addresses.
    reserved = re.match(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)|emails$", name, re.IGNORECASE)
    return f"_{name}" if reserved else name
