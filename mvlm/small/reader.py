"""A reader of plots, charts and pages: read, relate, answer.

Chapter 12. To read a value off a chart one must see letters, know which number stands over which
label, and understand the question. Learnt at once, from answers alone, that takes for ever: an
answer such as "30" says almost nothing about where to look. So the model has three parts, and each
learns from what it needs to know:

1. **Read**: pixels → what stands in each cell of 16×16 pixels, and nothing of what it means.
   A cell that holds something becomes an *item*.
2. **Relate**: items → what belongs together. A label gets its value, a price its thing.
3. **Answer**: items and a question → the answer, word by word.

Between the parts stand probabilities: what kind of item, which word, which digits. So each part can
learn apart from the others, from items that are *told*, and one can look at what passes through.

Letters: B pictures, R×C cells, N items, F classes of all fields, T tokens, D width.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from PIL import Image
from torch import Tensor, nn

from mvlm.language import LanguageConfig, RotaryTable
from mvlm.transformer import Transformer, TransformerConfig, attend

CELL = 16  # pixels: a cell holds the middle of at most one item
GLYPH = 8  # pixels: the grid of letters
SLOTS = 3  # places for a letter's middle, from left to right, in each of its squares
GLYPHS = " -0123456789[]abcdefghijklmnopqrstuvwxyz"
SIZES = ((240, 240), (240, 360), (240, 320), (304, 320))
"""(height, width) of plots, charts, pages, and pages with the picture of a task below."""
MOST_ROWS, MOST_COLUMNS = 19, 23  # cells of the largest

KINDS = (
    *("nothing", "point", "label", "value", "title", "x label", "y label"),
    *("link", "name", "price", "tag", "picture", "wanted", "basket"),
)
CONTEXT = 96  # tokens of a question and its answer
NUMBER, PRICE = ("hundreds", "tens", "units"), ("price tens", "price units")
OWN = {
    "nothing": (),
    "point": ("x", "y"),
    **dict.fromkeys(("label", "title", "x label", "y label", "link", "name"), ("word",)),
    **dict.fromkeys(("picture", "wanted"), ("word",)),
    **dict.fromkeys(("value", "tag", "basket"), NUMBER),
    "price": PRICE,
}
"""What can be read of an item in its own cell, by kind; all else is "none" until it is related."""

NEW_WORDS = 8
"""Words without a class that one picture may hold: each gets one of so many names for the while."""


@dataclass(frozen=True, kw_only=True)
class ReaderConfig:
    """What the reader knows by heart, and its sizes.

    Attributes:
        words: that stand in pictures and have a class of their own.
        groups: what things may be called together: "fruit".
        tokens: that questions and answers are made of.
        width, heads, mlp_width: of the blocks of all three parts.
        read_depth, relate_depth, answer_depth: blocks of each.
        items: the most that a picture holds.
    """

    words: tuple[str, ...]
    groups: tuple[str, ...]
    tokens: tuple[str, ...]
    width: int = 128
    heads: int = 4
    mlp_width: int = 384
    read_depth: int = 2
    relate_depth: int = 2
    answer_depth: int = 3
    items: int = 28

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokens, with what turns texts into them."""
        return Vocabulary(self.tokens, self.other)

    def blocks(self, depth: int) -> TransformerConfig:
        """A stack of the course's blocks."""
        return TransformerConfig(
            width=self.width, depth=depth, heads=self.heads, mlp_width=self.mlp_width
        )

    @property
    def other(self) -> int:
        """The class of a word that has none; behind it come the `NEW_WORDS`."""
        return 1 + len(self.words)

    @cached_property
    def fields(self) -> dict[str, int]:
        """What is said of an item, and how many classes each has; class 0 says "none".

        The first nine are read in the item's own cell; the last four only follow from others.
        """
        return {
            "kind": len(KINDS),
            "word": self.other + 1 + NEW_WORDS,
            "hundreds": 11,  # of the number that stands there: none, 0, …, 9
            "tens": 11,
            "units": 11,
            "price tens": 11,
            "price units": 11,
            "x": 12,  # of a point: −5 to 5
            "y": 12,  # of a point: none where it is not whole
            "rank": 8,  # of the number or price: 1 is the largest
            "smallest": 2,
            "group": 1 + len(self.groups),
            "wanted": 2,  # the same thing as in the picture of the task
        }

    @cached_property
    def places(self) -> dict[str, slice]:
        """Where each field's classes stand, all fields side by side."""
        places, start = {}, 0
        for name, size in self.fields.items():
            places[name] = slice(start, start + size)
            start += size
        return places

    @property
    def classes(self) -> int:
        """Of all fields together."""
        return sum(self.fields.values())


_PIECE = re.compile(r"[a-z]+|\d[ab]\b|-\d|\d|_+|\S")
NOTHING, OTHER, ANSWER, END = "", "<other>", "<answer>", "<end>"
WORKING = "!"
"""What stands before it in an answer is how the number was worked out."""


def pieces(text: str) -> list[str]:
    """Words, single digits and signs: "x = -3." gives x, =, -3 and the full stop."""
    return _PIECE.findall(text.lower())


def make_tokens(words: Sequence[str], texts: Sequence[str]) -> tuple[str, ...]:
    """All tokens: no word, the words of pictures in their order, and whatever texts hold.

    So the class of a picture's word is its token's number.
    """
    new = [f"<new {i}>" for i in range(NEW_WORDS)]
    digits = [str(x) for x in range(-9, 10)]
    said = sorted({piece for text in texts for piece in pieces(text)})
    return tuple(dict.fromkeys([NOTHING, *words, OTHER, *new, ANSWER, END, *digits, *said]))


class Vocabulary:
    """Texts as tokens; words that are new get the name that they have in this picture."""

    def __init__(self, tokens: Sequence[str], other: int) -> None:
        self.tokens, self.other = tokens, other
        self.numbers = {token: i for i, token in enumerate(tokens)}
        self.answer_id, self.end_id = self.numbers[ANSWER], self.numbers[END]

    def encode(self, text: str, new: Sequence[str] = ()) -> list[int]:
        """Ids of a text; `new` are the words that a picture spells, in their order.

        A word that is neither known nor quite like a new one is taken for the nearest new one, for
        a letter may have been misread; where none is near, for `<other>`.
        """
        text, ids = text.lower(), []
        if new:
            longest = sorted(new, key=len, reverse=True)
            known = "|".join(rf"(?<![a-z]){re.escape(word)}(?![a-z])" for word in longest if word)
            parts = re.split(f"({known})", text) if known else [text]
        else:
            parts = [text]
        for part in parts:
            if part and part in new:
                ids.append(self.new_id(list(new).index(part)))
                continue
            ids += [self._id(piece, new) for piece in pieces(part)]
        return ids

    def new_id(self, place: int) -> int:
        """The token of the picture's new word number `place`."""
        return self.other + 1 + place

    def _id(self, piece: str, new: Sequence[str]) -> int:
        if piece in self.numbers:
            return self.numbers[piece]
        near = difflib.get_close_matches(piece, new, n=1, cutoff=0.7)
        return self.new_id(list(new).index(near[0])) if near else self.other

    def decode(self, ids: Sequence[int], new: Sequence[str] = ()) -> str:
        """The text: digits together, no space inside brackets."""
        words = {self.new_id(i): word for i, word in enumerate(new)}
        text = " ".join(words.get(i, self.tokens[i]) for i in ids)
        text = re.sub(r"(?<=\d) (?=\d)", "", text)
        return re.sub(r"(?<=\[) | (?=\])", "", text)


class Items(NamedTuple):
    """What a picture holds, as one part tells it to the next.

    Attributes:
        facts: (B, N, F), for each field the probability of each of its classes.
        slope: (B, N), of a point: sign · log(1 + |slope|).
        place: (B, N, 2), row and column of the cell.
        real: (B, N), False where there is no item.
    """

    facts: Float[Tensor, "batch item classes"]
    slope: Float[Tensor, "batch item"]
    place: Int[Tensor, "batch item 2"]
    real: Bool[Tensor, "batch item"]


class Reading(NamedTuple):
    """What `Read` makes of pictures of one size; logits, not yet probabilities.

    Attributes:
        glyphs: (B, H/8, W/8, 3, 1 + G), which letter has its middle in each slot; 0 is none.
        facts: (B, R, C, F), of the item whose middle lies in the cell.
        slope: (B, R, C).
    """

    glyphs: Float[Tensor, "batch line square slot glyph"]
    facts: Float[Tensor, "batch row column classes"]
    slope: Float[Tensor, "batch row column"]


def by_field(
    facts: Float[Tensor, "*batch classes"], config: ReaderConfig
) -> Mapping[str, Float[Tensor, "*batch classes"]]:
    """Each field's part of the last dimension."""
    return {name: facts[..., place] for name, place in config.places.items()}


def probabilities(
    logits: Float[Tensor, "*batch classes"], config: ReaderConfig
) -> Float[Tensor, "*batch classes"]:
    """Softmax over each field's classes by themselves."""
    return torch.cat([part.softmax(dim=-1) for part in by_field(logits, config).values()], dim=-1)


class Read(nn.Module):
    """Pixels → letters, and what stands in each cell.

    Convolutions find letters; one along the row gathers them to words and numbers; the course's
    blocks let every cell see the rest of the picture. Row and column are learnt vectors: the same
    number is a value over a bar, and nothing beside the axis.
    """

    channels = 48, 80

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        first, second = self.channels
        self.strokes = nn.Sequential(
            nn.PixelUnshuffle(2),  # (B, 3, H, W) -> (B, 12, H/2, W/2)
            nn.Conv2d(12, first, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.shapes = nn.Sequential(nn.Conv2d(second, second, 3, padding=1), nn.ReLU())
        self.glyphs = nn.Linear(second, SLOTS * (1 + len(GLYPHS)))
        self.cells = nn.Linear(4 * second, config.width)
        self.rows = nn.Parameter(0.1 * torch.randn(MOST_ROWS, config.width))
        self.columns = nn.Parameter(0.1 * torch.randn(MOST_COLUMNS, config.width))
        self.gather = nn.ModuleList(
            nn.Conv2d(config.width, config.width, size, padding=(size[0] // 2, size[1] // 2))
            for size in ((1, 7), (3, 3))  # words along a row, then drawings
        )
        self.transformer = Transformer(config.blocks(config.read_depth))
        self.norm = nn.LayerNorm(config.width)
        self.facts = nn.Linear(config.width, config.classes + 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)

    def forward(self, pixels: Float[Tensor, "batch 3 height width"]) -> Reading:
        """Pictures of one of `SIZES`, from 0 to 1."""
        check_size(pixels)
        ink = F.pad(1 - pixels, (0, -pixels.shape[3] % CELL, 0, -pixels.shape[2] % CELL))
        seen = self.strokes(ink)  # (B, S, H/8, W/8)
        seen = seen + self.shapes(seen)
        glyphs = self.glyphs(seen.movedim(1, -1))  # (B, H/8, W/8, 3 · (1 + G))
        cells = rearrange(seen, "b s (r i) (c j) -> b r c (s i j)", i=2, j=2)
        x = self.cells(cells)  # (B, R, C, D)
        rows, columns = x.shape[1:3]
        x = x + self.rows[:rows, None] + self.columns[:columns]
        for layer, block in enumerate(self.transformer.blocks):
            if layer < len(self.gather):
                x = x + F.relu(self.gather[layer](x.movedim(-1, 1))).movedim(1, -1)
            x = block(x.flatten(1, 2)).unflatten(1, (rows, columns))  # over R·C tokens
        facts = self.facts(self.norm(x))  # (B, R, C, F + 1)
        glyphs = glyphs.unflatten(-1, (SLOTS, -1))
        return Reading(glyphs=glyphs, facts=facts[..., :-1], slope=facts[..., -1])


def check_size(pixels: Tensor) -> None:
    """A batch of pictures as the course draws them.

    Raises:
        ValueError: other sizes.
    """
    if pixels.ndim != 4 or pixels.shape[1] != 3 or tuple(pixels.shape[2:]) not in SIZES:
        sizes = ", ".join(f"{height}×{width}" for height, width in SIZES)
        raise ValueError(
            f"pictures are {tuple(pixels.shape)}, wanted (B, 3, height, width) of {sizes}: the "
            "reader knows letters of the sizes that mvlm.data draws, so scaling would not help"
        )


def found_items(reading: Reading, config: ReaderConfig) -> Items:
    """The cells that more likely hold something than not: the items of each picture.

    Words without a class are still all alike here: `name_new_words` tells them apart.
    """
    facts = probabilities(reading.facts.flatten(1, 2), config)  # (B, R·C, F)
    empty = facts[..., config.places["kind"].start]  # (B, R·C)
    full, cells = (1 - empty).topk(config.items, dim=1)  # (B, N) each
    facts = facts.take_along_dim(cells[..., None], dim=1)  # (B, N, F)
    slope = reading.slope.flatten(1).take_along_dim(cells, dim=1)  # (B, N)
    columns = reading.facts.shape[2]
    return Items(
        facts=own_facts(facts, config),
        slope=slope * facts[..., config.places["kind"].start + KINDS.index("point")],
        place=torch.stack((cells // columns, cells % columns), dim=-1),
        real=full > 0.5,
    )


def own_facts(
    facts: Float[Tensor, "batch item classes"], config: ReaderConfig
) -> Float[Tensor, "batch item classes"]:
    """The same, but "none" in fields that an item of its kind has not: nobody taught them.

    The less likely the kind, the more of "none".
    """
    kinds = facts[..., config.places["kind"]]  # (B, N, kinds)
    parts = []
    for name, part in by_field(facts, config).items():
        if name != "kind":
            has = torch.tensor([float(name in OWN[kind]) for kind in KINDS], device=facts.device)
            share = (kinds @ has)[..., None]  # (B, N, 1), how likely the item has the field
            none = F.one_hot(torch.zeros_like(part[..., 0], dtype=torch.long), part.shape[-1])
            part = share * part + (1 - share) * none
        parts.append(part)
    return torch.cat(parts, dim=-1)


def told_items(
    fields: Int[Tensor, "batch item field"],
    slope: Float[Tensor, "batch item"],
    place: Int[Tensor, "batch item 2"],
    real: Bool[Tensor, "batch item"],
    config: ReaderConfig,
) -> Items:
    """Items that are certain: each field's class has probability 1."""
    facts = [
        F.one_hot(fields[..., i], size).float() for i, size in enumerate(config.fields.values())
    ]
    return Items(facts=torch.cat(facts, dim=-1), slope=slope, place=place, real=real)


AMOUNTS = (
    ("number", 0, 200, 10),
    ("number", 0, 40, 2),  # small ones, more closely
    ("price", 0, 50, 2),
    ("slope", -4.5, 4.5, 0.25),
)
"""What is measured, from where to where, and the step between two marks."""


def amounts(items: Items, config: ReaderConfig) -> Float[Tensor, "batch item feature"]:
    """Number, price and slope as marks that fill up like a thermometer.

    Digits say what to write; that 30 is more than 4 they say only to one who can count. Of two
    thermometers the higher one is plain to see.
    """
    fields = by_field(items.facts, config)
    digits = torch.arange(-1, 10, device=items.slope.device).clamp(min=0).float()  # "none" is 0
    read = {name: part @ digits for name, part in fields.items() if part.shape[-1] == len(digits)}
    levels = {
        "number": 100 * read["hundreds"] + 10 * read["tens"] + read["units"],
        "price": 10 * read["price tens"] + read["price units"],
        "slope": items.slope,
    }
    marks = []
    for name, first, last, step in AMOUNTS:
        knots = torch.arange(first, last, step, device=items.slope.device)
        marks.append(((levels[name][..., None] - knots) / step).clamp(0, 1))
    return torch.cat(marks, dim=-1)


def amount_width() -> int:
    """How many marks there are in all."""
    return sum(len(torch.arange(*limits)) for _, *limits in AMOUNTS)


class Relate(nn.Module):
    """Items → the same items, each with what belongs to it.

    Two of the course's blocks over at most 28 items. What a number belongs to follows from rows
    and columns alone, so this part never needs to see a pixel.
    """

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.facts = nn.Linear(config.classes, config.width)
        self.amounts = nn.Linear(amount_width(), config.width)
        self.rows = nn.Parameter(torch.randn(MOST_ROWS, config.width))
        self.columns = nn.Parameter(torch.randn(MOST_COLUMNS, config.width))
        self.transformer = Transformer(config.blocks(config.relate_depth))
        self.norm = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, config.classes)

    def forward(self, items: Items) -> Float[Tensor, "batch item classes"]:
        """Logits of every field, what the items said themselves included."""
        row, column = items.place.unbind(dim=-1)
        x = self.facts(items.facts) + self.amounts(amounts(items, self.config))
        x = x + self.rows[row] + self.columns[column]  # (B, N, D)
        itself = torch.eye(x.shape[1], dtype=torch.bool, device=x.device)
        x = self.transformer(x, mask=(items.real[:, None] | itself)[:, None])
        return self.out(self.norm(x))

    def relate(self, items: Items) -> Items:
        """The items once more, with probabilities of all fields."""
        return items._replace(facts=probabilities(self(items), self.config))


class Look(nn.Module):
    """Cross-attention: each token of the text gathers from the items.

    Keys start equal to queries, so that from the first step on a word finds the item that says
    the same word. One more item, of nothing, is there to be looked at when no item helps.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.item_norm = nn.RMSNorm(width), nn.RMSNorm(width)
        self.query, self.key, self.value, self.out = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )
        self.nothing = nn.Parameter(torch.zeros(width))
        with torch.no_grad():
            nn.init.normal_(self.query.weight, std=2 * width**-0.5)
            self.key.weight.copy_(self.query.weight)

    def forward(
        self,
        x: Float[Tensor, "batch token width"],
        items: Float[Tensor, "batch item width"],
        real: Bool[Tensor, "batch item"],
    ) -> Float[Tensor, "batch token width"]:
        """What each token found, to be added to it."""
        nothing = self.nothing.expand(len(items), 1, -1)
        items = torch.cat((self.item_norm(items), nothing), dim=1)  # (B, N + 1, D)
        seen = F.pad(real, (0, 1), value=True)[:, None, None]  # (B, 1, 1, N + 1)
        query, key, value = (
            rearrange(part, "b n (h d) -> b h n d", h=self.heads)
            for part in (self.query(self.norm(x)), self.key(items), self.value(items))
        )
        found = attend(query, key, value, mask=seen)  # (B, H, T, d)
        return self.out(rearrange(found, "b h t d -> b t (h d)"))


class Neighbours(nn.Module):
    """Each channel of a token mixed with the three tokens before it: "x = -3" is four of them."""

    reach = 4

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, self.reach, groups=width)

    def forward(self, x: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch token width"]:
        """To be added to the tokens."""
        return self.mix(F.pad(x.mT, (self.reach - 1, 0))).mT


class Answer(nn.Module):
    """Items and a question → the next token of the answer, at every token.

    Three layers: neighbours, a look at the items, and one block of the course's decoder. A word in
    a picture and the same word in a text SHARE a vector: a word's class is its token's number.
    So do a point's x and the number in the question. To say a word that it found in an item is
    then one matrix for all words.
    """

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        vocabulary = len(config.tokens)
        self.language = LanguageConfig(
            vocab_size=vocabulary,
            width=config.width,
            depth=config.answer_depth,
            heads=config.heads,
            mlp_width=config.mlp_width * 2 // 3,  # gated: three matrices instead of two
            context=CONTEXT,
        )
        self.embedding = nn.Embedding(vocabulary, config.width)
        self.classes = nn.Parameter(0.2 * torch.randn(config.classes, config.width))
        nn.init.normal_(self.embedding.weight, std=0.2)
        self.amounts = nn.Linear(amount_width(), config.width)
        self.neighbours = nn.ModuleList(
            Neighbours(config.width) for _ in range(config.answer_depth)
        )
        self.looks = nn.ModuleList(
            Look(config.width, config.heads) for _ in range(config.answer_depth)
        )
        self.transformer = Transformer(self.language)
        self.rotary = RotaryTable(self.language)
        self.norm = nn.RMSNorm(config.width)
        self.out = nn.Linear(config.width, vocabulary)
        self.say = nn.Linear(config.width, config.width, bias=False)

    def vectors(self, items: Items) -> Float[Tensor, "batch item width"]:
        """An item's vector: for each field the mean of its classes' vectors; "none" is 0."""
        places, table = self.config.places, self.embedding.weight
        numbers = torch.tensor(
            [self.config.tokens.index(str(x)) for x in range(-5, 6)], device=table.device
        )
        vectors = self.classes.clone()  # (F, D)
        words = places["word"]
        vectors[words] = table[: words.stop - words.start]
        vectors[places["x"].start + 1 : places["x"].stop] = table[numbers]
        vectors[[place.start for place in places.values()]] = 0.0
        return items.facts @ vectors + self.amounts(amounts(items, self.config))

    def forward(
        self, items: Items, ids: Int[Tensor, "batch token"]
    ) -> Float[Tensor, "batch token vocabulary"]:
        """Logits of the token after each; one row of items a row of ids."""
        seen = self.vectors(items)  # (B, N, D)
        x = self.embedding(ids)  # (B, T, D)
        rotary = self.rotary(slice(0, ids.shape[1]), x)
        for near, look, block in zip(
            self.neighbours, self.looks, self.transformer.blocks, strict=True
        ):
            x = x + near(x)
            x = x + look(x, seen, items.real)
            x = block(x, causal=True, rotary=rotary)
        x = self.norm(x)
        return self.out(x) + self.say(x) @ self.embedding.weight.T


REACH = 15.5
"""Pixels: the middles of two letters of one word are never further apart."""


def spell(glyphs: Int[Tensor, "line square slot"], row: int, column: int, *, spaces: bool) -> str:
    """The word around the middle of a cell, letter by letter; with or without its spaces.

    `glyphs` are the letters' classes, 0 where there is none.
    """
    lines = glyphs[2 * row : 2 * row + 2].flatten(1)  # (2, squares · slots)
    line = lines[int((lines > 0).sum(dim=1).argmax())]
    places = [int(place) for place in line.nonzero()[:, 0]]
    letters = [(place * GLYPH / SLOTS, GLYPHS[int(line[place]) - 1]) for place in places]
    letters = [(x, letter) for x, letter in letters if spaces or letter != " "]
    if not letters:
        return ""
    middle = (column + 0.5) * CELL
    first = last = min(range(len(letters)), key=lambda i: abs(letters[i][0] - middle))
    while first > 0 and letters[first][0] - letters[first - 1][0] <= REACH:
        first -= 1
    while last + 1 < len(letters) and letters[last + 1][0] - letters[last][0] <= REACH:
        last += 1
    return "".join(letter for _, letter in letters[first : last + 1]).strip()


def name_new_words(
    items: Items, glyphs: Int[Tensor, "batch line square slot"], config: ReaderConfig
) -> tuple[Items, list[list[str]]]:
    """Spell the words that have no class, and give each a class for the while.

    Returns:
        The items, and each picture's new words in the order of their classes.
    """
    words = config.places["word"]
    facts, new = items.facts.clone(), []
    unknown = (facts[..., words].argmax(dim=-1) == config.other) & items.real  # (B, N)
    for i in range(len(facts)):
        spelt: list[str] = []
        for n in unknown[i].nonzero()[:, 0].tolist():
            row, column = items.place[i, n].tolist()
            kind = KINDS[int(facts[i, n, config.places["kind"]].argmax())]
            word = spell(glyphs[i], row, column, spaces=kind == "name")
            if word not in spelt and len(spelt) < NEW_WORDS:
                spelt.append(word)
            if word in spelt:
                facts[i, n, words] = 0.0
                facts[i, n, words.start + config.other + 1 + spelt.index(word)] = 1.0
        new.append(spelt)
    return items._replace(facts=facts), new


class Said(NamedTuple):
    """An answer.

    Attributes:
        text: the answer itself.
        confidence: the probability of all its tokens together, from 0 to 1.
        working: all that was said, with how a number was worked out.
    """

    text: str
    confidence: float
    working: str


Picture = Image.Image | np.ndarray | Tensor


def as_pixels(picture: Picture) -> Float[Tensor, "1 3 height width"]:
    """A picture as `Read` takes it: a PIL image, (height, width, 3) bytes, or (3, H, W) numbers.

    Raises:
        TypeError: something else. ValueError: a size that the course does not draw.
    """
    if isinstance(picture, Image.Image):
        picture = np.array(picture.convert("RGB"))
    if isinstance(picture, np.ndarray):
        picture = torch.from_numpy(picture.copy()).movedim(-1, 0)
    if not isinstance(picture, Tensor):
        raise TypeError(
            f"the picture is a {type(picture).__name__}: pass a PIL image, an array of "
            "(height, width, 3) bytes, or a tensor (3, height, width)"
        )
    whole = not picture.is_floating_point()
    pixels = picture.float()[None] / (255 if whole else 1)
    check_size(pixels)
    return pixels


class Reader(nn.Module):
    """The three parts together: a picture and a question → an answer."""

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.read, self.relate, self.answer = Read(config), Relate(config), Answer(config)

    def items(self, pixels: Float[Tensor, "batch 3 height width"]) -> tuple[Items, list[list[str]]]:
        """What the pictures hold, related, and the new words of each."""
        reading = self.read(pixels)
        found = found_items(reading, self.config)
        found, new = name_new_words(found, reading.glyphs.argmax(dim=-1), self.config)
        return self.relate.relate(found), new

    @torch.inference_mode()
    def ask(self, picture: Picture, question: str) -> Said:
        """Answer one question about one picture.

        Args:
            picture: see `as_pixels`.
            question: in words; what is not known is spelt, if the picture holds it.

        Raises:
            TypeError, ValueError: no picture, one of another size, or too long a question.
        """
        items, new = self.items(as_pixels(picture))
        return self.replies(items, [question], new)[0]

    @torch.inference_mode()
    def replies(
        self,
        items: Items,
        questions: Sequence[str],
        new: Sequence[Sequence[str]],
        *,
        most: int = 32,
    ) -> list[Said]:
        """The likeliest answer to a question about each picture, from the items on.

        Args:
            items, new: of B pictures, as `items` gives them.
            questions: B of them.
            most: tokens that an answer may have.
        """
        words = self.config.vocabulary
        rows = [
            [*words.encode(question, spelt), words.answer_id]
            for question, spelt in zip(questions, new, strict=True)
        ]
        check_questions(rows, most)
        starts, sure = [len(row) for row in rows], torch.zeros(len(rows))
        going = list(range(len(rows)))
        for _ in range(most):
            ids = nn.utils.rnn.pad_sequence(
                [torch.tensor(rows[i]) for i in going], batch_first=True
            ).to(items.slope.device)
            seen = Items(*(part[going] for part in items))
            last = torch.tensor([len(rows[i]) - 1 for i in going])
            logits = self.answer(seen, ids)[torch.arange(len(going)), last]  # (B, V)
            chances, best = logits.log_softmax(dim=-1).max(dim=-1)
            for i, chance, token in zip(going, chances.tolist(), best.tolist(), strict=True):
                rows[i].append(token)
                sure[i] += chance
            going = [i for i in going if rows[i][-1] != words.end_id]
            if not going:
                break
        said = []
        for row, start, total, spelt in zip(rows, starts, sure.tolist(), new, strict=True):
            tokens = [token for token in row[start:] if token != words.end_id]
            working = words.decode(tokens, spelt)
            text = working.rpartition(WORKING)[2].strip()
            said.append(Said(text=text, confidence=math.exp(total), working=working))
        return said


def check_questions(rows: Sequence[Sequence[int]], most: int) -> None:
    """Questions as ids, each with the token that asks for the answer.

    Raises:
        ValueError: one is empty, or leaves no room for an answer of `most` tokens.
    """
    for row in rows:
        if not 1 < len(row) <= CONTEXT - most:
            raise ValueError(
                f"a question has {len(row) - 1} words and signs: ask in 1 to {CONTEXT - most - 1}"
            )
