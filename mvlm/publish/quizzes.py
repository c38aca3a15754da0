"""Check questions: from the few lines that an author writes to HTML that opens without a script.

An author writes, in a chapter's text,

    ```{quiz}
    What is 2·3?

    - [ ] 5
      That is their sum. Look at the sign again.
    - [x] 6
      Three twos.
    ```

Each choice becomes a ``<details>`` whose explanation opens when the choice is taken: by mouse, by
touch, with Tab and Enter, and read out by a screen reader. It needs no kernel, no script and no
style, so it is the same on the site, in Jupyter, in Colab and on GitHub, and no cell of code
shows the answer above the question. Radio buttons would not do: GitHub removes them, and the
arrow keys, which go through them, would open one answer after another.
"""

import hashlib
import re
from dataclasses import dataclass
from html import escape

BLOCK = re.compile(r"^```\{quiz\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHOICE = re.compile(r"^- \[([ x])\] ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One answer that a reader may take.

    Attributes:
        text: the answer, in a line; `code` in backticks, no formula.
        right: whether it is the right one.
        why: why it is right, or what leads to it and where to look; Markdown with formulas.
    """

    text: str
    right: bool
    why: str


def quiz(question: str, choices: list[Choice], *, number: int) -> str:
    """A question and its choices as Markdown that every reader's program shows alike.

    Args:
        question: Markdown with formulas.
        choices: two or more, one of them right.
        number: of the question in its chapter, from 1.

    Raises:
        ValueError: fewer than two choices, none or several right, one without its why, or one
            with a formula, which no program sets in a summary.
    """
    about = f"question {question[:50]!r}"
    if len(choices) < 2 or sum(choice.right for choice in choices) != 1:
        raise ValueError(
            f"{about} has {len(choices)} choices, {sum(choice.right for choice in choices)} of "
            "them right: write at least two, and [x] at one"
        )
    for choice in choices:
        if not choice.why:
            raise ValueError(f"{about}: the choice {choice.text!r} has no explanation below it")
        if "$" in choice.text:
            raise ValueError(f"{about}: the choice {choice.text!r} has a formula: write plain text")
    name = "quiz-" + hashlib.sha256(question.encode()).hexdigest()[:8]  # one open at a time
    lines = [
        f'<div class="quiz" role="group" aria-live="polite" aria-label="Question {number}">',
        f"\n**{number}.** {question}\n",
    ]
    for letter, choice in zip("ABCDEFGH", choices, strict=False):
        kind, verdict = ("right", "✓ Right.") if choice.right else ("wrong", "✗ No.")
        text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(choice.text, quote=False))
        lines += [
            f'<details class="{kind}" name="{name}">',
            f"<summary>{letter}. {text}</summary>",
            f"\n**{verdict}** {choice.why}\n",
            "</details>",
        ]
    return "\n".join([*lines, "</div>"])


def convert(text: str) -> str:
    """Put every quiz that an author wrote in ``text`` into its portable form."""
    counted = iter(range(1, 1000))
    return BLOCK.sub(lambda block: quiz(*_parse(block[1]), number=next(counted)), text)


def _parse(block: str) -> tuple[str, list[Choice]]:
    """A block's question and choices."""
    question, *parts = CHOICE.split(block)  # then, for each choice, its mark and its lines
    choices = []
    for mark, lines in zip(parts[::2], parts[1::2], strict=True):
        answer, _, why = lines.partition("\n")
        why = "\n".join(line.removeprefix("  ") for line in why.splitlines()).strip()
        choices.append(Choice(text=answer.strip(), right=mark == "x", why=why))
    return question.strip(), choices
