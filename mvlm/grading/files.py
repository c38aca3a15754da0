"""One handed-in file: reading it, what it is, and the code cells in it, whatever its name says."""

import codecs
import io
import json
import os
import re
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mvlm.checks.sources import split_script

MAX_FILE = 50 * 2**20  # bytes of one notebook; figures in its outputs count too
MAX_CELLS = 5_000
HAND_IN = "hand in the notebook itself, the .ipynb file"

# What a file begins with, and what that makes it.
KINDS = (
    (b"PK\x05\x06", "an empty zip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x1f\x8b", "a gzip archive, such as .tar.gz"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"{\\rtf", "a rich-text document"),
    (b"\xd0\xcf\x11\xe0", "an old Word or Excel file"),
    (b"bplist00", "a web archive of Safari's"),
    (b"\x7fELF", "a program"),
    (b"<!doctype html", "a web page (HTML)"),
    (b"<html", "a web page (HTML)"),
    (b"<?xml", "an XML file"),
)
# Encodings that a Python file may declare here; others decode slowly or run something.
ENCODINGS = re.compile(
    r"ascii|utf-8|iso8859-\d+|latin-1|cp\d+|koi8-[rut]|mac-\w+|gb\w+|big5\w*|shift_jis\w*|euc_\w+"
)
DECLARED = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
BINARY = re.compile("[\0-\x07\x0e-\x1a\x1c-\x1f]")  # in no text; \x1b colours a terminal
PYTHON = re.compile(r"^(#\s*GRADED\b|def \w|class \w|import \w|from [\w.]+ import )", re.M)


class Unreadable(ValueError):
    """A submission that is no notebook; the message says why, and what to do."""


@dataclass(frozen=True)
class Source:
    """One file, read when asked for: on disk, or in a zip.

    Attributes:
        name: with folders, as in the download; one that ends in ``/`` is a folder, and says only
            that it was there.
        size: in bytes, as far as the download says it.
        entry: where it is in the archive.
        reason: why it is not read, if it is not.
    """

    name: str
    size: int
    path: Path | None = None
    archive: Path | None = None
    entry: zipfile.ZipInfo | None = field(default=None, repr=False, compare=False)
    reason: str = ""

    def read(self) -> bytes:
        """The file's bytes.

        Raises:
            Unreadable: it is too large, no ordinary file, or damaged.
        """
        limit = f"the limit is {MAX_FILE // 2**20} MB: clear the outputs, and hand it in again"
        if self.reason:
            raise Unreadable(self.reason)
        if self.size > MAX_FILE:
            raise Unreadable(f"{self.size / 2**20:,.0f} MB, {limit}")
        try:
            data = self._read_entry() if self.archive else self._read_file()
        except Unreadable:
            raise
        except OSError as error:
            raise Unreadable(f"it cannot be read ({error.strerror or error})") from None
        except NotImplementedError:
            raise Unreadable(f"it is packed in a way that is not known here: {HAND_IN}") from None
        except Exception as error:  # zlib and lzma have errors of their own
            raise Unreadable(f"it cannot be read ({error})") from None
        if len(data) > MAX_FILE:
            raise Unreadable(f"more than {MAX_FILE // 2**20} MB, {limit}")
        return data

    def _read_entry(self) -> bytes:
        with zipfile.ZipFile(self.archive) as archive:
            entry = self.entry or archive.getinfo(self.name)
            if entry.flag_bits & 1:
                raise Unreadable("locked with a password: hand it in without one")
            with archive.open(entry) as file:
                return file.read(MAX_FILE + 1)

    def _read_file(self) -> bytes:
        # Opened without following a link, and without waiting for a pipe.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(self.path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable("not an ordinary file")
            return file.read(MAX_FILE + 1)


def cells_of(source: Source) -> tuple[bytes, list[tuple[str, str]]]:
    """The file's bytes, and its code cells as (name, source).

    What a file is, is seen in it and not in its name: a notebook may be called ``.py`` or ``.txt``.

    Raises:
        Unreadable: it is no notebook and no Python text.
    """
    data = source.read()
    if not data.strip():
        raise Unreadable(f"the file is empty: {HAND_IN}")
    if kind := _kind(data):
        raise Unreadable(kind)
    text = text_of(data)
    script = source.name.lower().endswith(".py")
    if text.lstrip().startswith(("{", "[")):
        try:
            return data, _notebook_cells(text)
        except Unreadable:
            if not script:
                raise
    if script or PYTHON.search(text):
        return data, split_script(text)
    raise Unreadable(f"not a notebook: it is no JSON text, and no Python either: {HAND_IN}")


def _kind(data: bytes) -> str:
    """What a file is that is no text, and what to do; empty for text."""
    head = data[:100].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if data.startswith(b"PK\x03\x04"):
        return _zip_kind(data)
    for start, kind in KINDS:
        if data.startswith(start) or (start.startswith(b"<") and head.startswith(start)):
            return f"{kind}, not a text file: {HAND_IN}"
    if data[257:262] == b"ustar":
        return f"a tar archive, not a text file: {HAND_IN}"
    return ""


def _zip_kind(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [info.filename for info in archive.infolist()]
    except Exception:  # damaged; zipfile has many errors for it
        return f"a damaged zip inside the download: {HAND_IN}"
    if "word/document.xml" in names:
        return f"a Word document: {HAND_IN}"
    if "xl/workbook.xml" in names:
        return f"an Excel file: {HAND_IN}"
    books = [name for name in names if name.lower().endswith((".ipynb", ".py"))]
    holds = f"with {books[0]} in it" if books else f"with {len(names)} files and no notebook"
    return (
        f"a zip inside the download, {holds}: {HAND_IN}; "
        "or unpack it into a folder of the student's, and grade again"
    )


def text_of(data: bytes) -> str:
    """A file's text, in the encoding that it says, else UTF-8, else what Windows writes.

    Raises:
        Unreadable: it is no text.
    """
    for encoding in (*_encodings(data), "utf-8", "cp1252"):
        try:
            text = data.decode(encoding)
        except (UnicodeError, LookupError):
            continue
        if not BINARY.search(text):
            return text.replace("\r\n", "\n").replace("\r", "\n")
    raise Unreadable(f"not a text file, so no notebook: {HAND_IN}")


def _encodings(data: bytes) -> list[str]:
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return [encoding]
    if b"\0" in data[:4]:
        return [json.detect_encoding(data)]
    for line in data.split(b"\n", 2)[:2]:
        if found := DECLARED.match(line):
            try:
                name = codecs.lookup(found[1].decode()).name
            except (LookupError, UnicodeError):
                return []
            return [name] if ENCODINGS.fullmatch(name) else []
        if line.strip() and not line.lstrip().startswith(b"#"):
            break
    return []


def _notebook_cells(text: str) -> list[tuple[str, str]]:
    try:
        notebook = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        merged = " or with the marks of a merge in it" if "\n<<<<<<<" in text else ""
        raise Unreadable(
            f"not a notebook: it is no JSON text, or cut off{merged}: {HAND_IN}"
        ) from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict):  # nbformat 3
        sheets = notebook.get("worksheets")
        sheets = [sheet.get("cells") for sheet in _dicts(sheets)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
        cells = cells if any(isinstance(sheet, list) for sheet in sheets) else None
    if not isinstance(cells, list):
        raise Unreadable(f"not a notebook: JSON without cells: {HAND_IN}")
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"{len(cells)} cells, the limit is {MAX_CELLS}: take some out")
    named = []
    for number, cell in enumerate(cells, 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            named.append((f"cell {number}", _source(cell)))
    return named


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _source(cell: dict[str, Any]) -> str:
    source = next((cell[key] for key in ("source", "input", "code") if key in cell), "")
    if isinstance(source, list):
        lines = [line for line in source if isinstance(line, str)]
        apart = any(line.endswith("\n") for line in lines)  # as the format wants it
        source = ("" if apart else "\n").join(lines)
    return source if isinstance(source, str) else ""
