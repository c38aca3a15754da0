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
from matplotlib.patches import Rectangle
from PIL import Image

from mvlm.molmo import MOLMO, CropConfig, choose_tiling, image_tokens
from mvlm.show.figures import (
    ORANGE,
    STRIP_COLUMNS,
    STRIP_WIDTH,
    Kind,
    draw_crops,
    draw_grid,
    draw_image,
    draw_tokens,
    encode,
    figure,
    shown_size,
)

STYLE = """\
.mvlm-frames{border:0;margin:0;padding:0;min-width:0}
.mvlm-frames legend{font-weight:600;padding:0;margin-bottom:.4em;float:none;font-size:1em}
.mvlm-frames input{position:absolute;opacity:0;width:1px;height:1px}
.mvlm-frames label{display:inline-block;border:1px solid #767676;border-radius:.3em;\
padding:.35em .9em;margin:0 .3em .5em 0;cursor:pointer;color:inherit;min-width:1.5em;\
text-align:center}
.mvlm-frames input:checked+label{background:#0072b2;border-color:#0072b2;color:#fff}
.mvlm-frames input:focus-visible+label{outline:3px solid #d55e00;outline-offset:2px}
.mvlm-frames .frame{display:none;margin:.3em 0 0;overflow-x:auto}
.mvlm-frames .frame img{max-width:100%;height:auto;background:#fff}
.mvlm-frames .frame p{margin:.4em 0 0}
@media print{.mvlm-frames .frame{display:block;break-inside:avoid;overflow:visible}\
.mvlm-frames .frame img{min-width:0!important}.mvlm-frames label{display:none}}
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
        size = shown_size(state.drawn)
        buttons.append(
            f'<input type="radio" name="{name}" id="{key}"{checked}>'
            f'<label for="{key}">{escape(state.label)}</label>'
        )
        source = base64.b64encode(content).decode()
        shown.append(
            f'<div class="frame frame-{place}"><img src="data:{kind};base64,{source}" '
            f'alt="{escape(state.alt, quote=True)}" width="{size["width"]}" '
            f'height="{size["height"]}" style="min-width:{size["legible"]}px">'
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


def token_frames(
    image: Image.Image,
    patch_size: int,
    tokens: Sequence[str],
    *,
    labels: Sequence[str | None],
    kinds: Sequence[Kind],
    positions: Sequence[int],
) -> Frames:
    """Choose a position of a sequence: see its token, the patch it was, and its label.

    Args:
        image: the picture whose patches are the "image" positions, in reading order.
        patch_size: of its patches, in pixels.
        tokens, labels, kinds: as `mvlm.show.figures.token_strip` takes them.
        positions: which ones get a button; the first shows at the beginning.

    Raises:
        ValueError: there are not as many "image" positions as patches.
    """
    columns = image.width // patch_size
    count = columns * (image.height // patch_size)
    if kinds.count("image") != count:
        raise ValueError(
            f"{kinds.count('image')} positions are images and the picture has {count} patches of "
            f"{patch_size} pixels: give each patch a position"
        )
    rows = -(-len(tokens) // STRIP_COLUMNS)
    states = []
    for position in positions:
        drawn, axes = figure(STRIP_WIDTH, 0.95 * rows + 2.6, rows=2)
        axes[0, 0].get_gridspec().set_height_ratios([2.2, 0.95 * rows + 0.4])
        draw_grid(axes[0, 0], image, patch_size, numbers=True)
        draw_tokens(axes[1, 0], tokens, labels=labels, kinds=kinds, marked=position)
        text = f"Position {position} holds “{tokens[position]}”"
        if kinds[position] == "image":
            patch = list(kinds[:position]).count("image")
            row, column = divmod(patch, columns)
            corner = column * patch_size - 0.5, row * patch_size - 0.5
            frame = {"fill": False, "edgecolor": ORANGE, "linewidth": 4, "zorder": 3}
            axes[0, 0].add_patch(Rectangle(corner, patch_size, patch_size, **frame))
            text += f", made from patch {patch}: row {row}, column {column} of the picture"
        label = labels[position]
        if label is None:
            text += ". It has no label: nothing is learnt from what the model says there."
        else:
            text += (
                f", and “{label}” is its label: the model must say it after the "
                f"{position} before it."
            )
        states.append(Frame(label=tokens[position], drawn=drawn, alt=text, text=text))
    return frames("Token", states)


def crop_frames(
    image: Image.Image, sizes: Sequence[tuple[int, int]], *, crops: CropConfig = MOLMO
) -> Frames:
    """Choose the size of a picture: see how Molmo cuts it, and what that costs in tokens.

    Args:
        image: a picture that is shown in each size, cut to its proportions from the middle.
        sizes: height and width in pixels for each button.
        crops: sizes of crops and margins.
    """
    states = []
    for height, width in sizes:
        tiling = choose_tiling(height, width, crops.max_crops, crops=crops)
        rows, columns = tiling
        pieces = f"{rows}×{columns} crops" if rows * columns > 1 else "one crop"
        shown = _cut_to(image, height, width)
        drawn, axes = figure(7.0, 3.2, columns=2)
        axes[0, 0].get_gridspec().set_width_ratios([1, 1.9])
        draw_image(axes[0, 0], shown.resize(_within(shown, crops.crop_size)), "Once as a whole")
        sizing = {"size": crops.size(tiling), "window": crops.window, "overlap": crops.overlap}
        draw_crops(axes[0, 1], shown, tiling, **sizing, title=f"Again in {pieces}")
        count = len(image_tokens(tiling, crops))
        states.append(
            Frame(
                label=f"{height}×{width}",
                drawn=drawn,
                alt=f"A picture of {height} by {width} pixels: small as a whole, and large in "
                f"{pieces}" + ", of which neighbours share a band." * (rows * columns > 1),
                text=f"{height}×{width} pixels: {pieces} and the whole make "
                f"{rows * columns + 1} images of {crops.crop_size}×{crops.crop_size} for the "
                f"encoder, and {count:,} tokens for the language model, marks included.",
            )
        )
    return frames("Height × width of the picture in pixels", states)


def _cut_to(image: Image.Image, height: int, width: int) -> Image.Image:
    """The largest piece from the middle of `image` with the proportions height : width."""
    scale = min(image.height / height, image.width / width)
    tall, wide = round(height * scale), round(width * scale)
    left, top = (image.width - wide) // 2, (image.height - tall) // 2
    return image.crop((left, top, left + wide, top + tall))


def _within(image: Image.Image, side: int) -> tuple[int, int]:
    """Width and height of `image` scaled so that its longer side is `side`."""
    scale = side / max(image.size)
    return round(image.width * scale), round(image.height * scale)
