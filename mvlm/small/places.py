"""Points in few tokens: one for x in whole hundredths, one for y.

Chapter 11. Molmo writes a point as text, digit by digit, and so does the course's Molmo as far as
its reader can tell. But of the nineteen tokens that a point takes most say nothing, and a digit
says where a thing lies only together with its neighbours. So inside the model a point is three
tokens: its number, its x and its y. What is shown is Molmo's text all the same:

    shown   Counting the <points x1="10.0" y1="21.0" x2="50.0" y2="7.0" alt="cat">cat</points> …
    inside  <points cat:1<x10><y21>2<x50><y7></points>2

`shorten` leads from the first to the second, `write_out` back.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache

import torch
from jaxtyping import Float
from tokenizers import AddedToken
from tokenizers import Tokenizer as Backend
from torch import Tensor

from mvlm.language import LanguageModel
from mvlm.points import NONE, format_points, parse_points
from mvlm.tokenizer import Tokenizer

MARKS = 101
"""Whole hundredths, 0 to 100."""
PLACE_TOKENS = tuple(f"<{axis}{mark}>" for axis in "xy" for mark in range(MARKS))

# Molmo's own writing: `mvlm.points`.
_SHOWN = re.compile(
    r'(?:Counting the )?<points?\s[^<>]*?\salt="([^"<>]*)">[^<>]*</points?>'
    r"(?: shows a total of (\d+)\.)?"
)
_PLACE = re.compile(r'\bx="(\d+(?:\.\d+)?)" y="(\d+(?:\.\d+)?)"')
# What a model says may be cut off, or hold a token that does not belong there.
_SHORT = re.compile(r"<points ([^<>]*):(.*?)(?:</points>(\d*)|$)", re.DOTALL)
_PAIR = re.compile(r"<x(\d+)><y(\d+)>")
_STRAY = re.compile(r"<[xy]\d+>")


def shorten(text: str) -> str:
    """Every point and every place in a text as place tokens, to whole hundredths.

    Points are sorted after they are rounded, so that their order is that of the tokens. A place
    with a number over 100 lies outside the picture and is left as it is.
    """
    return _PLACE.sub(_short_place, _SHOWN.sub(_short_points, text))


def _short_points(shown: re.Match) -> str:
    label, total = shown.groups()
    points = sorted((round(x), round(y)) for x, y in parse_points(shown.group()))
    said = "".join(f"{i}<x{x}><y{y}>" for i, (x, y) in enumerate(points, start=1))
    return f"<points {label}:{said}</points>{total or ''}"


def _short_place(shown: re.Match) -> str:
    x, y = map(float, shown.groups())
    return f"<x{round(x)}><y{round(y)}>" if max(x, y) <= 100 else shown.group()


def write_out(text: str) -> str:
    """A model's answer as it is shown: Molmo's text in the place of place tokens.

    The text comes from a model, so what cannot be read is left out rather than raised: an x
    without its y, and points that were begun and have none.
    """
    text = _PAIR.sub(_shown_place, _SHORT.sub(_shown_points, text))
    return _STRAY.sub("", text)


def _shown_points(short: re.Match) -> str:
    label, said, total = short.groups()
    places = [(int(x), int(y)) for x, y in _PAIR.findall(said) if max(int(x), int(y)) < MARKS]
    for sign, entity in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        label = label.replace(sign, entity)  # `format_points` escapes it once more
    points = format_points(places, label)
    if points == NONE or not total:
        return points
    return f"Counting the {points} shows a total of {total}."


def _shown_place(short: re.Match) -> str:
    return f'x="{int(short.group(1)):.1f}" y="{int(short.group(2)):.1f}"'


@cache
def with_places(tokenizer: Tokenizer) -> Tokenizer:
    """The same tokenizer with the place tokens after its own, never split and shown."""
    backend = Backend.from_str(tokenizer.backend.to_str())
    backend.add_tokens([AddedToken(token, normalized=False) for token in PLACE_TOKENS])
    return Tokenizer(
        backend,
        start=tokenizer.start,
        end=tokenizer.end,
        pad=tokenizer.pad,
        length=tokenizer.length,
    )


def knows_places(language: LanguageModel, tokenizer: Tokenizer) -> LanguageModel:
    """A copy of a language model that also has the place tokens, the last in its vocabulary.

    Their vectors start as long as a typical token's, and neighbours start alike.

    Raises:
        ValueError: the model was made for another tokenizer, or has them already.
    """
    if language.config.vocab_size != tokenizer.vocab_size:
        raise ValueError(
            f"the model has {language.config.vocab_size} tokens and the tokenizer "
            f"{tokenizer.vocab_size}: pass a model that was made for it and has no place tokens yet"
        )
    config = replace(language.config, vocab_size=tokenizer.vocab_size + len(PLACE_TOKENS))
    longer, state = LanguageModel(config), language.state_dict()
    table = state["embedding.weight"]  # (V, D)
    length = float(table.norm(dim=1).median())
    state["embedding.weight"] = torch.cat((table, length * place_rows(config.width)))
    longer.load_state_dict(state)
    return longer


def place_rows(width: int) -> Float[Tensor, "token width"]:
    """A vector of length 1 for each place token: sines and cosines, as for positions.

    Vaswani et al. 2017, section 3.5, with waves from 8 hundredths to four pictures long; x and y
    are then turned each in its own way, so that they add up without a mixture.
    """
    waves = torch.logspace(math.log10(8), math.log10(400), width // 2)  # in hundredths
    angles = 2 * math.pi * torch.arange(MARKS)[:, None] / waves  # (101, width / 2)
    row = torch.cat((angles.sin(), angles.cos()), dim=1) / (width // 2) ** 0.5  # (101, width)
    turns = (torch.linalg.qr(torch.randn(width, width))[0] for _ in "xy")
    return torch.cat([row @ turn for turn in turns])


def place_vectors(
    language: LanguageModel, places: Float[Tensor, "*shape 2"]
) -> Float[Tensor, "*shape width"]:
    """The vectors of x and of y, added; between two hundredths a mixture of both.

    Args:
        language: from `knows_places`.
        places: x and y in hundredths; what lies outside the picture is taken to its border.
    """
    table = language.embedding.weight[-len(PLACE_TOKENS) :].unflatten(0, (2, MARKS))  # (2, 101, D)
    places = places.clamp(0, MARKS - 1)
    before = places.floor().clamp(max=MARKS - 2).long()  # (…, 2)
    share = (places - before).unsqueeze(-1)  # (…, 2, 1)
    axis = torch.arange(2, device=places.device)
    mixed = (1 - share) * table[axis, before] + share * table[axis, before + 1]  # (…, 2, D)
    return mixed.sum(dim=-2)
