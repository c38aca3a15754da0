"""Figures that move without a kernel: on the site, in Jupyter and in Colab by the same call.

A figure is a set of frames and a row of buttons that choose one. It is HTML and CSS alone, radio
buttons and no script, so it works from a file, with no network, by keyboard, and for a screen
reader; on paper all its frames are printed.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from matplotlib.figure import Figure

from mvlm.figures import encode

STYLE = """\
.mvlm-frames{border:0;margin:0;padding:0;min-width:0}
.mvlm-frames legend{font-weight:600;padding:0;margin-bottom:.4em;float:none;font-size:1em}
.mvlm-frames input{position:absolute;opacity:0;width:1px;height:1px}
.mvlm-frames label{display:inline-block;border:1px solid #767676;border-radius:.3em;\
padding:.35em .9em;margin:0 .3em .5em 0;cursor:pointer;color:inherit;min-width:1.5em;\
text-align:center}
.mvlm-frames input:checked+label{background:#0072b2;border-color:#0072b2;color:#fff}
.mvlm-frames input:focus-visible+label{outline:3px solid #d55e00;outline-offset:2px}
.mvlm-frames .frame{display:none;margin:.3em 0 0}
.mvlm-frames .frame img{max-width:100%;height:auto;background:#fff}
.mvlm-frames .frame p{margin:.4em 0 0}
@media print{.mvlm-frames .frame{display:block;break-inside:avoid}.mvlm-frames label{display:none}}
"""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One state of a moving figure.

    Attributes:
        label: on its button, short: "40".
        drawn: the figure.
        alt: what one would say of it over the telephone.
        text: a sentence shown below it.
    """

    label: str
    drawn: Figure
    alt: str
    text: str = ""


class Frames:
    """What :func:`frames` returns; a notebook displays it."""

    def __init__(self, html: str, text: str) -> None:
        self.html, self.text = html, text

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}


def frames(question: str, states: Sequence[Frame], *, first: int = 0) -> Frames:
    """A figure with one button for each of its states.

    Args:
        question: what the buttons choose, "Patch size in pixels".
        states: one frame for each button, at least two.
        first: which one shows at the beginning.

    Raises:
        ValueError: fewer than two states, or one without alt text.
    """
    if len(states) < 2:
        raise ValueError(f"{len(states)} state came: a figure that moves needs at least two")
    for state in states:
        if not state.alt.strip():
            raise ValueError(f"the frame {state.label!r} has no alt text: say what it shows")
    pictures = [encode(state.drawn) for state in states]
    name = (
        "f"
        + hashlib.sha256(
            question.encode() + b"".join(content for _, content in pictures)
        ).hexdigest()[:10]
    )
    buttons, shown, rules = [], [], []
    for place, (state, (kind, content)) in enumerate(zip(states, pictures, strict=True)):
        key = f"{name}-{place}"
        checked = " checked" if place == first else ""
        width = round(state.drawn.get_figwidth() * 100)
        buttons.append(
            f'<input type="radio" name="{name}" id="{key}"{checked}>'
            f'<label for="{key}">{escape(state.label)}</label>'
        )
        source = base64.b64encode(content).decode()
        shown.append(
            f'<div class="frame frame-{place}"><img src="data:{kind};base64,{source}" '
            f'alt="{escape(state.alt, quote=True)}" width="{width}">'
            + (f"<p>{escape(state.text)}</p>" if state.text else "")
            + "</div>"
        )
        rules.append(f"#{key}:checked~.frame-{place}{{display:block}}")
    html = (
        f"<style>{STYLE}{''.join(rules)}</style>"
        f'<fieldset class="mvlm-frames"><legend>{escape(question)}</legend>'
        f"{''.join(buttons)}{''.join(shown)}</fieldset>"
    )
    text = "\n".join(f"[{question} {state.label}: {state.alt}]" for state in states)
    return Frames(html, text)
