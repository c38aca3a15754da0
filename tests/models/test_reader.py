"""The reader's three parts: shapes, what passes between them, and words it has no class for."""

import numpy as np
import pytest
import torch
from PIL import Image

from mvlm.data.canvas import LARGE, blank, letters, noting, write
from mvlm.small.reader import (
    CELL,
    GLYPH,
    GLYPHS,
    KINDS,
    NEW_WORDS,
    OWN,
    SIZES,
    SLOTS,
    Items,
    Reader,
    ReaderConfig,
    amounts,
    by_field,
    found_items,
    make_tokens,
    name_new_words,
    probabilities,
    spell,
    told_items,
)

WORDS = ("apples", "sold", "by", "day", "mon", "tue", "sign in", "cat")
TEXTS = ("what is the value of mon?", "buy the cat. click [12]", "how many zeros? -3", "stop")
CONFIG = ReaderConfig(
    words=WORDS,
    groups=("fruit", "animal"),
    tokens=make_tokens(WORDS, TEXTS),
    width=16,
    heads=2,
    mlp_width=16,
    read_depth=1,
    relate_depth=1,
    answer_depth=2,
)


@pytest.fixture(scope="module")
def reader():
    torch.manual_seed(0)
    return Reader(CONFIG).eval()


def some_items(count=5, batch=2, seed=0):
    """Items drawn at random, the last one of each row not real."""
    draw = torch.Generator().manual_seed(seed)
    fields = torch.stack(
        [torch.randint(size, (batch, count), generator=draw) for size in CONFIG.fields.values()], -1
    )
    place = torch.randint(15, (batch, count, 2), generator=draw)
    slope = torch.randn(batch, count, generator=draw)
    real = torch.ones(batch, count, dtype=torch.bool)
    real[:, -1] = False
    return told_items(fields, slope, place, real, CONFIG), fields


@pytest.mark.parametrize("size", SIZES)
@torch.no_grad()
def test_every_cell_is_read(reader, size):
    height, width = size
    reading = reader.read(torch.rand(2, 3, height, width))
    rows, columns = -(-height // CELL), -(-width // CELL)
    assert reading.facts.shape == (2, rows, columns, CONFIG.classes)
    assert reading.slope.shape == (2, rows, columns)
    assert reading.glyphs.shape[1] == height // GLYPH
    assert reading.glyphs.shape[3:] == (SLOTS, 1 + len(GLYPHS))
    items = found_items(reading, CONFIG)
    assert items.facts.shape == (2, CONFIG.items, CONFIG.classes)
    for part in by_field(items.facts, CONFIG).values():
        torch.testing.assert_close(part.sum(dim=-1), torch.ones(2, CONFIG.items))


@pytest.mark.parametrize("shape", [(1, 3, 224, 224), (3, 240, 240), (1, 1, 240, 240)])
def test_other_sizes_are_refused(reader, shape):
    with pytest.raises(ValueError, match=r"wanted \(B, 3, height, width\) of 240×240, 240×360"):
        reader.read(torch.zeros(shape))


def test_a_picture_may_come_in_three_forms(reader):
    bytes_ = (np.random.default_rng(0).random((240, 320, 3)) * 255).astype(np.uint8)
    forms = (Image.fromarray(bytes_), bytes_, torch.from_numpy(bytes_).permute(2, 0, 1) / 255)
    said = [reader.ask(form, "stop") for form in forms]
    assert said[0] == said[1] == said[2]
    assert 0 < said[0].confidence <= 1
    with pytest.raises(TypeError, match="the picture is a str: pass a PIL image"):
        reader.ask("plot.png", "stop")
    with pytest.raises(ValueError, match=r"pictures are \(1, 3, 100, 100\)"):
        reader.ask(Image.new("RGB", (100, 100)), "stop")
    with pytest.raises(ValueError, match="a question has 0 words and signs"):
        reader.ask(bytes_, "")
    with pytest.raises(ValueError, match="a question has 200 words and signs: ask in 1 to"):
        reader.ask(bytes_, "stop " * 200)


@torch.no_grad()
def test_only_cells_that_hold_something_are_items(reader):
    reading = reader.read(torch.rand(1, 3, 240, 240))
    facts = torch.zeros_like(reading.facts)
    kind = CONFIG.places["kind"]
    facts[..., kind.start] = 5.0
    facts[0, 3, 7, kind] = torch.eye(len(KINDS))[KINDS.index("value")] * 9
    items = found_items(reading._replace(facts=facts), CONFIG)
    assert items.real.sum() == 1
    assert items.place[0, 0].tolist() == [3, 7]
    assert KINDS[int(items.facts[0, 0, kind].argmax())] == "value"


@torch.no_grad()
def test_what_a_kind_of_item_has_not_is_none(reader):
    """A label has a word and no digits, whatever the net makes of fields it was never taught."""
    reading = reader.read(torch.rand(1, 3, 240, 360))
    facts = 3 * torch.randn(reading.facts.shape, generator=torch.Generator().manual_seed(2))
    kind = CONFIG.places["kind"]
    facts[..., kind] = 0.0
    facts[0, 1, 1, kind.start + KINDS.index("label")] = 50.0
    facts[0, 2, 2, kind.start + KINDS.index("value")] = 50.0
    items = found_items(reading._replace(facts=facts), CONFIG)
    where = {tuple(place): n for n, place in enumerate(items.place[0].tolist())}
    chances = probabilities(facts, CONFIG)
    for cell, kept in (((1, 1), ("word",)), ((2, 2), ("hundreds", "tens", "units"))):
        for name, part in by_field(items.facts[0, where[cell]], CONFIG).items():
            if name in kept:
                torch.testing.assert_close(part, by_field(chances[0][cell], CONFIG)[name])
            elif name != "kind":
                assert part[0] > 0.999, name
    assert items.slope[0, where[1, 1]].abs() < 1e-3
    assert set(OWN) == set(KINDS)


def test_thermometers_fill_up():
    items, fields = some_items(count=30, batch=1)
    names = list(CONFIG.fields)
    digit = (fields - 1).clamp(min=0)[0]
    value = sum(
        10**k * digit[:, names.index(name)] for k, name in enumerate(("units", "tens", "hundreds"))
    )
    marks = amounts(items, CONFIG)[0, :, :20]
    torch.testing.assert_close(10 * marks.sum(dim=1), value.float().clamp(max=200.0))


@torch.no_grad()
def test_what_is_no_item_is_not_seen(reader):
    items, _ = some_items()
    other = items._replace(facts=items.facts.clone(), place=items.place.clone())
    other.facts[:, -1] = other.facts[:, -1].roll(1, dims=-1)
    other.place[:, -1] = 3
    torch.testing.assert_close(reader.relate(items)[:, :-1], reader.relate(other)[:, :-1])
    ids = torch.tensor([[9, 4, 7], [3, 3, 1]])
    torch.testing.assert_close(reader.answer(items, ids), reader.answer(other, ids))
    nothing = items._replace(real=torch.zeros_like(items.real))
    assert reader.answer(nothing, ids).isfinite().all()


@torch.no_grad()
def test_an_answer_does_not_see_what_comes_after_it(reader):
    items, _ = some_items()
    ids = torch.randint(len(CONFIG.tokens), (2, 9), generator=torch.Generator().manual_seed(1))
    later = ids.clone()
    later[:, 6:] = 0
    whole, cut = reader.answer(items, ids), reader.answer(items, later)
    torch.testing.assert_close(whole[:, :6], cut[:, :6])
    assert not torch.equal(whole[:, 6:], cut[:, 6:])


def test_a_word_in_a_picture_and_in_a_text_share_a_vector(reader):
    items, fields = some_items(count=1, batch=1)
    fields[:] = 0
    fields[..., list(CONFIG.fields).index("word")] = 1 + WORDS.index("cat")
    told = told_items(fields, items.slope * 0, items.place, items.real, CONFIG)
    nothing = told_items(fields * 0, items.slope * 0, items.place, items.real, CONFIG)
    moved = reader.answer.vectors(told) - reader.answer.vectors(nothing)
    cat = reader.answer.embedding.weight[CONFIG.vocabulary.encode("cat")]
    torch.testing.assert_close(moved[0], cat)


def test_several_questions_are_answered_as_one_by_one(reader):
    items, _ = some_items(batch=3)
    asked = ["what is the value of mon?", "stop", "buy the cat."]
    together = reader.replies(items, asked, [[], [], []])
    for i, question in enumerate(asked):
        alone = reader.replies(Items(*(part[i : i + 1] for part in items)), [question], [[]])[0]
        assert alone.text == together[i].text
        assert alone.confidence == pytest.approx(together[i].confidence, rel=1e-3)


def test_texts_go_through_tokens_and_back():
    words = CONFIG.vocabulary
    for text in ("click [12]", "stop", "apples sold by day", "-3", "120"):
        assert words.decode(words.encode(text)) == text
    assert [words.tokens[i] for i in words.encode("Value of MON?")] == ["value", "of", "mon", "?"]
    assert words.encode("xylophone") == [words.other]


def test_new_words_have_names_of_their_own():
    words = CONFIG.vocabulary
    new = ["kiwi", "hot dog", "dog"]
    ids = words.encode("buy the hot dog.", new)
    assert ids[2:] == [words.new_id(1), *words.encode(".")]
    assert words.encode("dog", new) == [words.new_id(2)]
    assert words.encode("hotdogs", new)[0] != words.new_id(2)
    assert words.encode("k1wi kiwl", new)[-1] == words.new_id(0)  # a letter was misread
    assert words.decode(ids, new) == "buy the hot dog ."


@pytest.mark.parametrize("text", ["razor", "bucket of ice", "ill", "mum"])
@pytest.mark.parametrize("size", [11, LARGE])
def test_a_word_is_spelt_from_its_letters(text, size):
    picture = blank(320, 240)
    with noting() as marks:
        write(picture, 100, 50, text, size=size)
        write(picture, 20, 50, "[17]", size=size)
        write(picture, 100, 90, "elsewhere", size=size)
    glyphs = torch.zeros(30, 40, SLOTS, dtype=torch.long)
    for mark in marks:
        for letter, x, y in letters(mark):
            square, slot = divmod(int(x * SLOTS // GLYPH), SLOTS)
            glyphs[int(y // GLYPH), square, slot] = 1 + GLYPHS.index(letter)
    x, y = marks[0].centre
    row, column = int(y // CELL), int(x // CELL)
    assert spell(glyphs, row, column, spaces=True) == text
    assert spell(glyphs, 0, 0, spaces=True) == ""
    if " " not in text:
        assert spell(glyphs, row, column, spaces=False) == text


def test_words_without_a_class_get_one_for_the_while():
    items, fields = some_items(count=3, batch=1)
    names = list(CONFIG.fields)
    fields[..., names.index("kind")] = KINDS.index("name")
    fields[..., names.index("word")] = torch.tensor([[CONFIG.other, 1, CONFIG.other]])
    place = torch.tensor([[[2, 2], [5, 2], [9, 2]]])
    real = torch.ones(1, 3, dtype=torch.bool)
    items = told_items(fields, items.slope, place, real, CONFIG)
    glyphs = torch.zeros(1, 30, 30, SLOTS, dtype=torch.long)
    for row, word in ((2, "axe"), (9, "axe")):
        for i, letter in enumerate(word):
            glyphs[0, 2 * row, 4 + i, 1] = 1 + GLYPHS.index(letter)
    named, new = name_new_words(items, glyphs, CONFIG)
    assert new == [["axe"]]
    word = named.facts[0, :, CONFIG.places["word"]].argmax(dim=-1).tolist()
    assert word == [CONFIG.other + 1, 1, CONFIG.other + 1]
    assert CONFIG.fields["word"] - CONFIG.other - 1 == NEW_WORDS


def test_probabilities_are_of_each_field_by_itself():
    logits = torch.randn(3, CONFIG.classes)
    made = probabilities(logits, CONFIG)
    kind = CONFIG.places["kind"]
    torch.testing.assert_close(made[:, kind], logits[:, kind].softmax(dim=-1))
    assert made.sum(dim=-1).allclose(torch.tensor(float(len(CONFIG.fields))))
