"""A box to type questions in, where a kernel runs: Jupyter, Colab, Kaggle.

The static page has no kernel, so a notebook does not store it: show some answers beside it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from html import escape

import ipywidgets
from PIL import Image


def ask_box(
    ask: Callable[[Image.Image, str], str],
    draw: Callable[[int], Image.Image],
    *,
    count: int,
    question: str = "what is in the centre?",
) -> ipywidgets.Widget:
    """A picture, a line to type in, and the answers below, the newest first.

    Args:
        ask: (picture, question) → answer.
        draw: the number of a picture → the picture.
        count: how many pictures there are.
        question: what stands in the line at the beginning.
    """
    number = ipywidgets.BoundedIntText(value=0, min=0, max=count - 1, description="picture")
    line = ipywidgets.Text(value=question, description="question")
    button = ipywidgets.Button(description="Ask", button_style="primary")
    shown = ipywidgets.Image(format="png", width=240)
    said = ipywidgets.HTML()
    answers: list[str] = []

    def redraw(_: object = None) -> None:
        buffer = io.BytesIO()
        draw(number.value).save(buffer, "PNG")
        shown.value = buffer.getvalue()

    def answer(_: object = None) -> None:
        if not (asked := line.value.strip()):
            return
        text = f"{escape(asked)} <b>{escape(ask(draw(number.value), asked))}</b>"
        answers.insert(0, f"<p>picture {number.value}: {text}</p>")
        said.value = "".join(answers)

    number.observe(redraw, "value")
    button.on_click(answer)
    redraw()
    return ipywidgets.VBox([number, shown, ipywidgets.HBox([line, button]), said])
