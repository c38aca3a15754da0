"""What the grader writes: one table for the class, a page and a file a student, a class page.

Everything a student wrote is escaped: in HTML, and in the CSV, where a spreadsheet would take a
cell that begins with ``=`` for a formula.
"""

import csv
import html
import io
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mvlm.checks.core import Exercise
from mvlm.grading.files import text_of

Record = dict[str, Any]  # one student's JSON file; see mvlm.grading.run.record

KEPT = ("late", "late_penalty", "manual_points", "comment")  # the instructor's own columns
_PASSED = "✅"
_SIGNS = "[=+\\-@＝＋－＠﹦﹢﹣﹫−]"
FORMULA = re.compile(rf"^(?=[\t\r]|[\s\ufeff\u200b\u2060]*{_SIGNS})|(?<=[;|\t\r\n])(?=\s*{_SIGNS})")


def write(path: Path, text: str) -> None:
    """Write a file so that it is whole or not there, however the run ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8", errors="replace", newline="")
    os.replace(part, path)


# The table ---------------------------------------------------------------------------------------


def _safe_cell(value: Any) -> Any:
    """A value that a spreadsheet shows as it is, and does not run.

    Some programs take full-width signs for the narrow ones, skip what is white before them, and
    begin a new cell at each semicolon or tab.
    """
    if not isinstance(value, str):
        return value
    try:
        float(value.replace(",", "."))
    except ValueError:
        return FORMULA.sub("'", value)
    return value


def _number(text: str) -> float:
    return float(text.replace(",", ".")) if text.strip() else 0.0


def _final(points: int, row: dict[str, Any]) -> str:
    try:
        added = _number(row.get("manual_points", "")) - _number(row.get("late_penalty", ""))
    except ValueError:
        return "late_penalty or manual_points is no number"
    return f"{max(0.0, points + added):g}"


def read_kept(path: Path) -> dict[str, dict[str, str]]:
    """The instructor's columns of an earlier table, for each student; empty if there is none.

    A spreadsheet may have saved it with other separators, or in another encoding.

    Raises:
        ValueError: it is no such table. It is not written over.
    """
    if not path.exists():
        return {}
    text = text_of(path.read_bytes())
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
    if rows and "student" not in rows[0]:
        raise ValueError(
            f"{path} has no column named student, so what was filled in would be lost: mend its "
            "first line or move it away, and grade again"
        )
    return {row["student"]: row for row in rows if row.get("student")}


def grades_table(exercise: Exercise, records: list[Record], before: dict[str, dict]) -> str:
    """``grades.csv``: a row a student, with the columns that the instructor filled in before."""
    questions = [question.function for question in exercise.questions]
    ours = ["student", "name", "email", "status", "points", "out_of", *questions, *KEPT, "final"]
    ours += ["file", "notes"]
    others = dict.fromkeys(
        column for row in before.values() for column in row if column and column not in ours
    )
    columns = [*ours, *others]
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    table.writeheader()
    for record in records:
        old = before.get(_safe_cell(record["student"]), {})
        row = {key: old.get(key) or "" for key in (*KEPT, *others)}
        row["late"] = row["late"] or ("yes" if record["late"] else "")
        points = defaultdict(int)
        for mark in record["marks"]:
            points[mark["question"]] += mark["points"]
        graded = record["status"] != "GRADER ERROR"
        row |= {key: record[key] for key in ("student", "name", "email", "status", "file")}
        row |= {name: points[name] if graded else "" for name in questions}
        row |= {"points": record["points"] if graded else "", "out_of": record["out_of"]}
        row |= {"final": _final(record["points"], row) if graded else ""}
        row |= {"notes": "; ".join(record["notes"])}
        table.writerow({key: _safe_cell(value) for key, value in row.items()})
    return text.getvalue()


# Pages -------------------------------------------------------------------------------------------

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0;
  border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
td.n { text-align: right; white-space: nowrap; }
.marks td:first-child { width: 2rem; } .marks td:last-child { width: 3rem; }
.points { width: auto; line-height: 1; } .points td { border: 0; padding: .15rem .6rem .15rem 0; }
.bar { background: #2a6f97; height: .9rem; border-radius: 2px; display: inline-block; }
.seen { font-family: ui-monospace, monospace; font-size: .85rem; overflow-wrap: anywhere; }
.note { border-left: 4px solid #b8860b; padding-left: .8rem; }
"""


def _page(title: str, body: Iterable[str]) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _row(*cells: Any, head: bool = False) -> str:
    name = "th" if head else "td"
    parts = (
        f'<{name} class="n">{cell}</{name}>'
        if isinstance(cell, int)
        else f"<{name}>{cell}</{name}>"
        for cell in cells
    )
    return f"<tr>{''.join(parts)}</tr>"


def student_page(exercise: Exercise, record: Record) -> str:
    """One student's result, to read or to send."""
    body = [f"<h1>{html.escape(exercise.title)}</h1>"]
    body.append(f"<p>{html.escape(record['name'])} · {html.escape(record['file'])}</p>")
    if record["status"] == "GRADER ERROR":
        body.append("<p><strong>Not graded: the grader failed. This is no mark.</strong></p>")
    else:
        body.append(f"<p><strong>{record['points']} of {record['out_of']} points</strong></p>")
    if record["status"] == "unreadable":
        body.append("<p>The file could not be read, so nothing could be graded.</p>")
    body += [f'<p class="note">{html.escape(note)}</p>' for note in record["notes"]]
    for question in exercise.questions:
        marks = [mark for mark in record["marks"] if mark["question"] == question.function]
        if not marks:
            continue
        earned, there = (sum(mark[key] for mark in marks) for key in ("points", "out_of"))
        name = f"{html.escape(question.title)}, <code>{question.function}</code>"
        body.append(f'<h2>{name}: {earned} of {there}</h2>\n<table class="marks">')
        body += [_mark_row(mark) for mark in marks]
        body.append("</table>")
    return _page(f"{record['name']}: {exercise.title}", body)


def _mark_row(mark: Record) -> str:
    said = html.escape(mark["title"])
    if mark["message"]:
        said += f'<br><span class="seen">{html.escape(mark["message"])}</span>'
    if mark["hint"]:
        said += f"<br><em>{html.escape(mark['hint'])}</em>"
    return _row(mark["sign"], said, f"{mark['points']}/{mark['out_of']}")


def class_page(exercise: Exercise, records: list[Record]) -> str:
    """How the class did: how many points, which checks fail most, and what they say then."""
    graded = [record for record in records if record["status"] == "graded"]
    total = max((record["out_of"] for record in graded), default=exercise.points)
    body = [f"<h1>The class · {html.escape(exercise.title)}</h1>"]
    counts = Counter(record["status"] for record in records)
    parts = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    body.append(f"<p>{len(records)} submissions: {parts}.</p>")
    if graded:
        points = sorted(record["points"] for record in graded)
        mean, median = sum(points) / len(points), points[len(points) // 2]
        body.append(f"<p>Mean {mean:.1f}, median {median}, of {total} points.</p>")
        body += ["<h2>Points</h2>", _distribution(points, total)]
        body += ["<h2>Checks, the one that fails most often first</h2>", _checks(graded)]
    others = [record for record in records if record["status"] != "graded" or record["notes"]]
    if others:
        body += ["<h2>To look at</h2>", "<table>"]
        for record in others:
            notes = "<br>".join(html.escape(note) for note in record["notes"])
            body.append(_row(html.escape(record["student"]), record["status"], notes))
        body.append("</table>")
    return _page(f"The class · {exercise.title}", body)


def _distribution(points: list[int], total: int) -> str:
    counts = Counter(points)
    most = max(counts.values())
    rows = [
        _row(value, f'<span class="bar" style="width: {24 * counts[value] / most:.2f}rem"></span> '
             f"{counts[value] or ''}")
        for value in range(total, -1, -1)
    ]  # fmt: skip
    return '<table class="points">' + "".join(rows) + "</table>"


def _checks(graded: list[Record]) -> str:
    failed: Counter[str] = Counter()
    messages: dict[str, Counter[str]] = defaultdict(Counter)
    titles = {}
    for record in graded:
        for mark in record["marks"]:
            name = mark["check"]
            titles[name] = f"<code>{mark['question']}</code>: {html.escape(mark['title'])}"
            if mark["sign"] != _PASSED:
                failed[name] += 1
                messages[name][mark["message"]] += 1
    rows = [_row("check", "fails", "commonest messages", head=True)]
    for name in sorted(titles, key=lambda key: (-failed[key], key)):
        said = (
            f'{count}× <span class="seen">{html.escape(text) or "(hidden)"}</span>'
            for text, count in messages[name].most_common(3)
        )
        rows.append(_row(titles[name], failed[name], "<br>".join(said)))
    return "<table>" + "".join(rows) + "</table>"


# Gradescope --------------------------------------------------------------------------------------


def gradescope_results(record: Record) -> Record:
    """``results.json`` in the form that Gradescope's autograder reads."""
    tests = [
        {
            "name": f"{mark['question']}: {mark['title']}",
            "score": mark["points"],
            "max_score": mark["out_of"],
            "status": "passed" if mark["sign"] == _PASSED else "failed",
            "output": "\n".join(text for text in (mark["message"], mark["hint"]) if text),
            "output_format": "text",
            "visibility": "visible",
        }
        for mark in record["marks"]
    ]
    return {
        "score": record["points"],
        "output": "\n".join([record["status"], *record["notes"]]),
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
    }


# Gradescope runs this for each submission; nothing of the student's is run there.
_RUN_AUTOGRADER = """\
#!/usr/bin/env python3
# Hands out the results that the course's grader made. Nothing of the submission is run here.
import json
import os
from pathlib import Path

root = Path(os.environ.get("AUTOGRADER", "/autograder"))
emails = json.loads((root / "source/emails.json").read_text(encoding="utf-8"))
users = json.loads((root / "submission_metadata.json").read_text(encoding="utf-8"))["users"]
names = [emails[user["email"]] for user in users if user["email"] in emails]
if names:
    text = (root / "source" / names[0]).read_text(encoding="utf-8")
else:
    text = json.dumps({"score": 0, "output": "Received. It is graded later."})
(root / "results").mkdir(exist_ok=True)
(root / "results/results.json").write_text(text, encoding="utf-8")
"""


def gradescope_files(records: list[Record]) -> dict[str, str]:
    """What makes a Gradescope autograder of the results: name of each file, and its text."""
    emails = {
        email: f"{record['file_name']}.json"
        for record in records
        for email in filter(None, record["email"].split(", "))
        if record["status"] != "GRADER ERROR"
    }
    return {
        "emails.json": json.dumps(emails, indent=1, sort_keys=True) + "\n",
        "run_autograder": _RUN_AUTOGRADER,
        "setup.sh": "#!/bin/sh\n# Nothing to install.\n",
    }
