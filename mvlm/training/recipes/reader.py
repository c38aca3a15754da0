"""The reader of plots, charts and pages: read, relate and answer, each learnt apart.

Chapter 12. Three lessons, one difficulty at a time:

1. **read**: pixels → what stands in each cell, with no relation asked. Dense: every letter and
   every item of a picture teaches.
2. **relate**: told items → what belongs together. Without pixels this takes minutes.
3. **answer**: told items and a question → the answer. Arithmetic first, by itself.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mvlm.data.canvas import text_width
from mvlm.data.charts import ASKS, SCALES, UNITS, Chart, chart_question, make_chart
from mvlm.data.dice import Dice
from mvlm.data.emojis import MORE_ARTISTS, bucket, everyday_vocabulary, full_vocabulary, held_out
from mvlm.data.pages import (
    BUY_TASKS,
    DEAR_TASKS,
    GROUPS,
    LINK_TASKS,
    PICTURE_TASKS,
    PRICE_TASKS,
    Page,
    ask_page,
    clear_groups,
    link,
    make_bare_page,
    make_page,
    one_of_group,
    who_drew,
)
from mvlm.data.plots import Plot, ask_plot, make_plot
from mvlm.data.scene import SPLITS, TRAIN_ARTISTS, split_vocabulary
from mvlm.data.shop import NEXT
from mvlm.small.reader import (
    GLYPHS,
    KINDS,
    NEW_WORDS,
    WORKING,
    Answer,
    Items,
    Read,
    ReaderConfig,
    Reading,
    Relate,
    by_field,
    make_tokens,
    told_items,
)
from mvlm.training.loop import TrainConfig
from mvlm.training.recipes.truth import Truth, picture_words, told, truth

ARTISTS = (*TRAIN_ARTISTS * 3, *MORE_ARTISTS)
"""Who draws what is for sale: half of it the two artists of the training split."""


@dataclass(frozen=True, kw_only=True)
class ReaderRecipe:
    """The reader and its lessons.

    Attributes:
        width, heads, mlp_width, read_depth, relate_depth, answer_depth: see `ReaderConfig`.
        read: the first lesson, from pictures; a batch is of pictures.
        relate: the second, from told items.
        sums: the third begins with arithmetic alone; a batch is of texts.
        answer: then questions about told pictures; a batch is of pictures.
    """

    width: int = 128
    heads: int = 4
    mlp_width: int = 384
    read_depth: int = 2
    relate_depth: int = 2
    answer_depth: int = 3
    read: TrainConfig = field(default_factory=TrainConfig)
    relate: TrainConfig = field(default_factory=TrainConfig)
    sums: TrainConfig = field(default_factory=TrainConfig)
    answer: TrainConfig = field(default_factory=TrainConfig)


Drawn = Plot | Chart | Page


@cache
def strange_words(width: int) -> tuple[str, ...]:
    """Names of other things than the everyday ones, at most so many pixels wide, to be spelt."""
    known = {*everyday_vocabulary()}
    return tuple(
        name
        for name in full_vocabulary()
        if name not in known
        and not held_out(name)
        and set(name) <= set(GLYPHS) - set("[]-0123456789")
        and text_width(name) <= width
    )


def draw_from_train(dice: Dice, kind: str) -> Drawn:
    """A "plot", "chart", "page" or "bare page" that `mvlm.data` counts to its training split."""
    names = split_vocabulary("train")
    makers = {
        "plot": make_plot,
        "chart": make_chart,
        "page": lambda dice: make_page(dice, ARTISTS, names),
        "bare page": lambda dice: make_bare_page(dice, ARTISTS, names),
    }
    while True:
        made = makers[kind](dice)
        if bucket(facts_text(made)) in SPLITS["train"].combinations:
            return made


def facts_text(made: Drawn) -> str:
    """What decides the split: the same text as `mvlm.data.small_pixmo` hashes."""
    return json.dumps(made.facts())


def varied(dice: Dice, made: Drawn) -> Drawn:
    """Some pictures with words that have no class, some pages with a basket or without a shelf."""
    if isinstance(made, Chart) and dice.chance(0.15):
        words = [word for word in strange_words(44) if " " not in word]
        return replace(made, labels=tuple(dice.sample(words, len(made.labels))))
    if not isinstance(made, Page):
        return made
    elements = made.elements
    if made.named and dice.chance(0.3):
        words = dice.sample(strange_words(88), 4)
        elements = tuple(
            e._replace(label=words.pop(), artist=dice.pick(TRAIN_ARTISTS))
            if e.role == "buy" and dice.chance(0.5)
            else e
            for e in elements
        )
    if dice.chance(0.5):  # a page of a shop with a basket
        made = replace(made, basket=dice.below(3))
        place = dice.below(4)
        elements = tuple(
            link(i, e.number, NEXT) if i == place else e for i, e in enumerate(elements)
        )
        if dice.chance(0.1):
            elements = elements[:4]  # nothing is sold here
    return replace(made, elements=elements)


READ_KINDS = (
    *("chart", "plot", "page", "bare page", "chart"),
    *("plot", "bare page", "page", "chart", "bare page"),
)
"""In turn: the drawings of pages without names take longest."""


class ReadData:
    """Pictures with all that stands in them; those of one size together."""

    def __init__(self, config: ReaderConfig, seed: int) -> None:
        self.config, self.seed = config, seed

    def __call__(self, examples: range) -> list[dict[str, Tensor]]:
        """For each size: `pixels`, and where letters and items are (see `targets`)."""
        sizes = defaultdict(list)
        for number in examples:
            shown = self.example(number)
            sizes[shown.picture.shape].append(shown)
        return [targets(pictures, self.config) for pictures in sizes.values()]

    def example(self, number: int) -> Truth:
        """Picture `number` and what is in it."""
        dice = Dice(f"read {self.seed} {number}")
        made = draw_from_train(dice, READ_KINDS[number % len(READ_KINDS)])
        return truth(varied(dice, made), self.config)


def targets(pictures: Sequence[Truth], config: ReaderConfig) -> dict[str, Tensor]:
    """`pixels` (B, 3, H, W) bytes, `glyphs` (·, 5) and `items` (·, 3 + fields), `slopes` (·,).

    Rows of `glyphs` are picture, line, square, slot, letter; of `items` picture, row, column and
    the class of each field, −1 where the field is not asked for.
    """
    glyphs, found, slopes = [], [], []
    for i, shown in enumerate(pictures):
        glyphs += [(i, *glyph) for glyph in shown.glyphs]
        for item in shown.items:
            asked = item.own
            if asked.get("word") == config.other and asked["kind"] in DRAWN:
                asked = {"kind": asked["kind"]}  # nobody can read it
            found.append((i, item.row, item.column, *(asked.get(f, -1) for f in config.fields)))
            slopes.append(item.slope)
    pixels = torch.from_numpy(np.stack([shown.picture for shown in pictures]))
    return {
        "pixels": pixels.permute(0, 3, 1, 2).contiguous(),
        "glyphs": torch.tensor(glyphs),
        "items": torch.tensor(found),
        "slopes": torch.tensor(slopes),
    }


DRAWN = KINDS.index("picture"), KINDS.index("wanted")


class ReadObjective(nn.Module):
    """How well is every letter and every item read?"""

    def __init__(self, read: Read) -> None:
        super().__init__()
        self.read = read

    def forward(self, batch: list[dict[str, Tensor]]) -> tuple[Tensor, Tensor]:
        """(loss · pictures, pictures)."""
        readings = [self.read(part["pixels"].float() / 255) for part in batch]
        loss = letter_loss(batch, readings) + item_loss(batch, readings, self.read.config)
        pictures = sum(len(part["pixels"]) for part in batch)
        return loss * pictures, torch.tensor(pictures)


def letter_loss(batch: Sequence[dict[str, Tensor]], readings: Sequence[Reading]) -> Tensor:
    """Cross-entropy of every slot, over the number of letters."""
    total, count = 0.0, 0
    for part, reading in zip(batch, readings, strict=True):
        right = torch.zeros(
            reading.glyphs.shape[:-1], dtype=torch.long, device=reading.glyphs.device
        )
        *places, letter = part["glyphs"].unbind(dim=1)
        right[tuple(places)] = letter
        logits = reading.glyphs.flatten(0, -2)
        total = total + F.cross_entropy(logits, right.flatten(), reduction="sum")
        count += len(letter)
    return total / count


def item_loss(
    batch: Sequence[dict[str, Tensor]], readings: Sequence[Reading], config: ReaderConfig
) -> Tensor:
    """Which cells hold something and what; each field's mean over the items that have it."""
    kind_total, count = 0.0, 0
    facts, slopes = [], []
    for part, reading in zip(batch, readings, strict=True):
        picture, row, column, kind = part["items"][:, :4].unbind(dim=1)
        logits = reading.facts[..., config.places["kind"]]  # (B, R, C, kinds)
        right = torch.zeros_like(logits[..., 0], dtype=torch.long)
        right[picture, row, column] = kind
        kind_total = kind_total + F.cross_entropy(
            logits.flatten(0, 2), right.flatten(), reduction="sum"
        )
        count += len(kind)
        facts.append(reading.facts[picture, row, column])
        slopes.append(reading.slope[picture, row, column])
    items = torch.cat([part["items"] for part in batch])
    loss = kind_total / count + field_loss(torch.cat(facts), items[:, 3:], config)
    points = items[:, 3] == KINDS.index("point")
    if points.any():
        right = torch.cat([part["slopes"] for part in batch])[points]
        loss = loss + 2 * F.huber_loss(torch.cat(slopes)[points], right)
    return loss


def field_loss(facts: Tensor, right: Tensor, config: ReaderConfig) -> Tensor:
    """Of every field but the kind: the mean cross-entropy over items (N, F) that it is asked of.

    `right` (N, fields) holds the classes, −1 where a field is not asked for.
    """
    loss = facts.new_zeros(())
    for i, (name, logits) in enumerate(by_field(facts, config).items()):
        asked = right[:, i] >= 0
        if name != "kind" and asked.any():
            loss = loss + F.cross_entropy(logits[asked], right[asked, i])
    return loss


TOLD_KINDS = ("chart", "page", "bare page", "plot", "chart", "page", "bare page")


class RelateData:
    """Told items: what each says by itself, and what it should say once related."""

    def __init__(self, config: ReaderConfig, seed: int) -> None:
        self.config, self.seed = config, seed

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`own` and `related` (B, N, fields), `slope` (B, N), `place` (B, N, 2), `real` (B, N)."""
        told = []
        for number in examples:
            dice = Dice(f"relate {self.seed} {number}")
            made = draw_from_train(dice, TOLD_KINDS[number % len(TOLD_KINDS)])
            told.append(tell(dice, elsewhere(dice, varied(dice, made)), self.config)[0])
        return {name: torch.stack([one[name] for one in told]) for name in told[0]}


def elsewhere(dice: Dice, made: Drawn) -> Drawn:
    """On some pages of a shop the picture of the task shows what is not for sale there."""
    if not isinstance(made, Page) or made.wanted is None or made.basket is None:
        return made
    if dice.chance(0.5):
        return made
    others = set(split_vocabulary("train")) - {element.label for element in made.elements}
    name = dice.pick(sorted(others))
    return replace(made, wanted=(name, dice.pick(who_drew(ARTISTS, name))))


def tell(dice: Dice, made: Drawn, config: ReaderConfig) -> tuple[dict[str, Tensor], list[str]]:
    """A picture's items as told, and its new words.

    Words without a class get any of the names that new words may have.
    """
    found = told(made, config)
    names = [item.word for item in found if item.related.get("word") == config.other]
    spelt = list(dict.fromkeys(names))
    new = dice.sample([*spelt, *[""] * (NEW_WORDS - len(spelt))], NEW_WORDS)
    missing = config.items - len(found)
    one = {
        side: torch.tensor(
            [coded(getattr(item, side), item.word, new, config) for item in found]
            + [[0] * len(config.fields)] * missing
        )
        for side in ("own", "related")
    }
    one |= {
        "slope": torch.tensor([item.slope for item in found] + [0.0] * missing),
        "place": torch.tensor([(item.row, item.column) for item in found] + [(0, 0)] * missing),
        "real": torch.arange(config.items) < len(found),
    }
    return one, new


def coded(facts: dict[str, int], word: str, new: Sequence[str], config: ReaderConfig) -> list[int]:
    """The class of every field; a word without a class has that of its new name."""
    classes = dict.fromkeys(config.fields, 0) | facts
    if classes["word"] == config.other:
        classes["word"] = config.vocabulary.new_id(new.index(word))
    return list(classes.values())


class RelateObjective(nn.Module):
    """How well does every item know what belongs to it?"""

    def __init__(self, relate: Relate) -> None:
        super().__init__()
        self.relate = relate

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(loss · pictures, pictures)."""
        config = self.relate.config
        items = told_items(batch["own"], batch["slope"], batch["place"], batch["real"], config)
        logits, right = self.relate(items)[batch["real"]], batch["related"][batch["real"]]
        loss = logits.new_zeros(())
        for i, part in enumerate(by_field(logits, config).values()):
            each = F.cross_entropy(part, right[:, i], reduction="none")  # over all items
            none = right[:, i] == 0
            # "None" is far more frequent in most fields: what is there counts as much.
            loss = loss + sum(each[some].mean() for some in (none, ~none) if some.any())
        count = len(batch["own"])
        return loss * count, torch.tensor(count)


MORE, LESS = "plus", "minus"


COLUMNS = 3  # digits that a value of a chart, or a sum of two, has at most


def worked_out(one: int, sign: str, other: int) -> str:
    """A sum as it is written down: column by column from the units, then as it is read.

    A column is the two digits, the digit below them, and what is carried (or borrowed). So each
    token follows from the four before it.

    >>> worked_out(30, "minus", 4)
    '30 minus 4 = 0 4 6 1 3 0 2 0 0 0 0 0 ! 26'
    """
    columns, carry = [], 0
    for k in range(COLUMNS):
        above, below = one // 10**k % 10, other // 10**k % 10
        total = above + below + carry if sign == MORE else above - below - carry
        carry = int(not 0 <= total <= 9)
        columns.append(f"{above} {below} {total % 10} {carry}")
    result = one + other if sign == MORE else one - other
    return f"{one} {sign} {other} = {' '.join(columns)} {WORKING} {result}"


def some_sum(dice: Dice) -> str:
    """Of two values that one chart may hold."""
    scale, (one, other) = dice.pick(SCALES), dice.sample(range(1, UNITS - 1), 2)
    sign = dice.pick((MORE, LESS))
    if sign == LESS:
        one, other = max(one, other), min(one, other)
    return worked_out(one * scale, sign, other * scale)


def ask_about_chart(dice: Dice, chart: Chart) -> tuple[str, str]:
    """A question and what is to be said; a third look for an extreme, a third are sums."""
    ask = dice.pick((1, 2, 6, 3, 4, 3, 4, 0, 5, 7))
    one, other = dice.sample(chart.labels, 2)
    question, answer = chart_question(dice, chart, ask, one, other)
    if ask in (3, 4):
        value = dict(zip(chart.labels, chart.values, strict=True))
        one, other = value[one], value[other]
        if ask == 3:
            one, other = max(one, other), min(one, other)
        answer = worked_out(one, LESS if ask == 3 else MORE, other)
    return question, answer


def ask_about_page(dice: Dice, page: Page) -> tuple[str, str]:
    """A task and the click that does it; in a shop with a basket, the next step of an agent."""
    if page.basket is not None:
        return shop_turn(dice, page)
    if page.named or dice.chance(0.25):
        return ask_page(dice, page.elements)
    return page.ask(dice)


def shop_turn(dice: Dice, page: Page) -> tuple[str, str]:
    """What an agent does here: stop when something is in the basket, take it, or look further."""
    for_sale = {e.label: e for e in page.elements if e.role == "buy"}
    names = split_vocabulary("train")
    if page.wanted is not None:
        name, task = page.wanted[0], dice.pick(PICTURE_TASKS)
    else:
        groups = clear_groups(tuple(for_sale))
        if for_sale and dice.chance(0.6):
            said = dice.pick(tuple(groups) if groups and dice.chance(0.5) else tuple(for_sale))
            name = groups.get(said, said)
        else:  # neither the thing nor one of its group is here
            absent = [g for g in GROUPS if not one_of_group(g, tuple(for_sale))]
            away = [n for n in names if n not in for_sale]
            name = said = dice.pick(absent if dice.chance(0.3) else away)
        task = dice.pick(BUY_TASKS).format(name=said)
    if page.basket:
        return task, "stop"
    if name in for_sale:
        return task, f"click [{for_sale[name].number}]"
    return task, f"click [{next(e.number for e in page.elements if e.label == NEXT)}]"


def ask_about(dice: Dice, made: Drawn) -> tuple[str, str]:
    """A question about a picture, and all that is to be said."""
    if isinstance(made, Chart):
        return ask_about_chart(dice, made)
    return ask_about_page(dice, made) if isinstance(made, Page) else ask_plot(dice, made)


@cache
def all_texts() -> tuple[str, ...]:
    """Texts that hold every word that questions and answers may hold."""
    names = [*split_vocabulary("train"), *GROUPS]
    tasks = [task.format(name=name) for task in BUY_TASKS for name in names]
    texts = [*tasks, *PRICE_TASKS, *DEAR_TASKS, *PICTURE_TASKS, *LINK_TASKS.values(), "stop"]
    texts += ["click [1]", worked_out(1, MORE, 1), worked_out(2, LESS, 1)]
    texts += ["larger than", "smaller than", "equal to", "yes", "no", ";"]
    dice = Dice("all texts")
    for _ in range(100):
        texts += make_plot(dice).ask(dice)
        chart = make_chart(dice)
        for ask in range(ASKS):
            texts += chart_question(dice, chart, ask, *chart.labels[:2])
            texts += chart_question(dice, chart, ask, *chart.labels[:2])
    return tuple(texts)


def reader_config(recipe: ReaderRecipe) -> ReaderConfig:
    """What the recipe's reader is made of."""
    words = picture_words()
    return ReaderConfig(
        words=words,
        groups=tuple(GROUPS),
        tokens=make_tokens(words, all_texts()),
        width=recipe.width,
        heads=recipe.heads,
        mlp_width=recipe.mlp_width,
        read_depth=recipe.read_depth,
        relate_depth=recipe.relate_depth,
        answer_depth=recipe.answer_depth,
    )


def as_rows(
    texts: Sequence[tuple[list[int], list[int]]],
) -> tuple[Tensor, Tensor]:
    """(context, what is to be said) pairs as ids and labels (B, T); −100 is not supervised.

    The label at a token is the one that comes after it.
    """
    longest = max(len(asked) + len(said) for asked, said in texts) - 1
    ids = torch.zeros(len(texts), longest, dtype=torch.long)
    labels = torch.full((len(texts), longest), -100)
    for i, (asked, said) in enumerate(texts):
        row = torch.tensor([*asked, *said])
        ids[i, : len(row) - 1] = row[:-1]
        labels[i, len(asked) - 1 : len(row) - 1] = row[len(asked) :]
    return ids, labels


def sums_row(dice: Dice, config: ReaderConfig, count: int = 3) -> tuple[list[int], list[int]]:
    """So many sums, one after another, as a text without a picture."""
    words = config.vocabulary
    said = words.encode(" ; ".join(some_sum(dice) for _ in range(count)))
    return [words.answer_id], [*said, words.end_id]


class SumsData:
    """Arithmetic alone: nothing to see, everything to work out."""

    def __init__(self, config: ReaderConfig, seed: int) -> None:
        self.config, self.seed = config, seed

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """`ids`, `labels` (B, T), and `items` for which there is no picture."""
        rows = [sums_row(Dice(f"sums {self.seed} {i}"), self.config) for i in examples]
        ids, labels = as_rows(rows)
        return {"ids": ids, "labels": only_results(ids, labels, self.config)}


def only_results(ids: Tensor, labels: Tensor, config: ReaderConfig) -> Tensor:
    """Supervise what follows each "=", up to ";": nobody can know the operands."""
    numbers = config.vocabulary.numbers
    result = torch.zeros_like(ids)
    on = torch.zeros(len(ids), dtype=torch.bool)
    for t in range(ids.shape[1]):
        on = (on | (ids[:, t] == numbers["="])) & (ids[:, t] != numbers[";"])
        result[:, t] = on
    return labels.masked_fill(result == 0, -100)


QUESTIONS = 6
"""Questions about each told picture."""
SUMS = 2
"""Told pictures to one row of sums."""
ASKED_KINDS = (
    *("chart", "page", "chart", "plot", "chart", "bare page", "chart", "bare page"),
    *("chart", "plot", "chart", "page", "chart", "bare page", "chart", "plot"),
)


class AnswerData:
    """Told pictures, several questions about each, and a few rows of sums."""

    def __init__(self, config: ReaderConfig, seed: int) -> None:
        self.config, self.seed = config, seed

    def __call__(self, examples: range) -> dict[str, Tensor]:
        """Items `fields`, `slope`, `place`, `real` of P pictures; `ids`, `labels`, `which` (B,)."""
        told, rows, which = [], [], []
        for i, number in enumerate(examples):
            one, texts = self.example(number)
            told.append(one)
            rows += texts
            which += [i] * len(texts)
        for number in examples[::SUMS]:
            rows.append(sums_row(Dice(f"sums of {self.seed} {number}"), self.config, 1))
            which.append(-1)
        ids, labels = as_rows(rows)
        which = torch.tensor(which)
        sums = which < 0
        labels[sums] = only_results(ids[sums], labels[sums], self.config)
        items = {name: torch.stack([one[name] for one in told]) for name in told[0]}
        return {"items": items, "ids": ids, "labels": labels, "which": which}

    def example(self, number: int) -> tuple[dict[str, Tensor], list]:
        """A told picture and questions about it."""
        dice = Dice(f"answer {self.seed} {number}")
        made = draw_from_train(dice, ASKED_KINDS[number % len(ASKED_KINDS)])
        made = elsewhere(dice, varied(dice, made))
        told, new = tell(dice, made, self.config)
        words, texts = self.config.vocabulary, []
        for _ in range(QUESTIONS):
            question, said = ask_about(dice, made)
            asked = [*words.encode(question, new), words.answer_id]
            texts.append((asked, [*words.encode(said, new), words.end_id]))
        return told, texts


class AnswerObjective(nn.Module):
    """The loss of what is to be said, with items as they are told."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, batch: dict) -> tuple[Tensor, Tensor]:
        """(summed loss, number of supervised tokens)."""
        config, ids = self.answer.config, batch["ids"]
        if "items" in batch:
            told, which = batch["items"], batch["which"]
            items = told_items(told["related"], told["slope"], told["place"], told["real"], config)
            items = Items(*(part[which] for part in items))
            items = items._replace(real=items.real & (which >= 0)[:, None])
        else:
            items = no_items(len(ids), config, ids.device)
        logits = self.answer(items, ids)
        wanted = batch["labels"] != -100
        loss = F.cross_entropy(logits[wanted], batch["labels"][wanted], reduction="sum")
        return loss, wanted.sum()


def no_items(count: int, config: ReaderConfig, device: torch.device) -> Items:
    """Rows without a picture: one place for an item, and none in it."""
    return Items(
        facts=torch.zeros(count, 1, config.classes, device=device),
        slope=torch.zeros(count, 1, device=device),
        place=torch.zeros(count, 1, 2, dtype=torch.long, device=device),
        real=torch.zeros(count, 1, dtype=torch.bool, device=device),
    )
