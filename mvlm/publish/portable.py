"""Find Markdown that only one of the readers' programs understands.

The same cell is read on the site (MyST), in Colab, in Jupyter and on GitHub. Whatever needs an
extension is refused, with what to write in its place.
"""

import re

from nbformat import NotebookNode

ROLE = r"\{[\w:-]+\}`"
# pattern → what to write in its place
FOREIGN = {
    r"^\s*(`{3,}|~{3,}|:{3,})\s*\{": 'a directive: write <div class="admonition note">',
    r"^\s*:::": 'a colon fence: write <div class="admonition note">',
    ROLE: "a role: write a plain link or $…$",
    r"^\(([\w-]+)\)=\s*$": "a target: link to the heading",
    r"^\+\+\+": "a cell break: it belongs to the source, not into a cell",
    r"^%%? ": "a MyST comment: leave it out",
    r"\[@[\w:-]+": "a citation key: write a plain link to the paper",
    r"\[\^[\w-]+\]": "a footnote: say it in the text",
    r"\\[\[(]": "\\( or \\[: write $…$ or $$…$$",
    r"^\{[#.][\w-]+": "an attribute line: leave it out",
    r"\{\{": "a substitution: write the text itself",
    r"^- \[[ x]\]": "a task list: write a plain list",
}


def foreign_syntax(text: str) -> list[str]:
    """One complaint for each construct in ``text`` that does not read well everywhere."""
    complaints = []
    inside_code = False
    for line in text.splitlines():
        fence = re.match(r"\s*(```|~~~)", line)
        for pattern, advice in FOREIGN.items():
            # Inline code may hold anything, but `…` after {…} is what makes a role.
            shown = line if pattern == ROLE else re.sub(r"`[^`]*`", "", line)
            if (not inside_code) and re.search(pattern, line if fence else shown):
                complaints.append(f"{line.strip()[:70]!r} has {advice}")
        inside_code ^= bool(fence)
    return complaints


def check_portable(notebook: NotebookNode, name: str) -> None:
    """Raise ValueError naming the first lines that would look raw somewhere."""
    complaints = [
        complaint
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for complaint in foreign_syntax(cell.source)
    ]
    if complaints:
        raise ValueError(f"{name}: " + "; ".join(complaints[:3]))
