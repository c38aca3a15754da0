"""Tokenizers: CLIP's equal to transformers' on any text, the course's reversible on any text."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers, trainers

from mvlm.tokenizer import (
    END,
    IMAGE,
    PAD,
    SPECIAL_TOKENS,
    START,
    CLIPTokenizer,
    Tokenizer,
    pad_rows,
)

TEXTS = [
    "a photo of a cat",
    "a photo of two dogs, isn't it? it's the 3rd of 2024!",
    "Crème brûlée, naïve façade — ÀÉÎ",
    "an emoji 🐱 beside a family 👨‍👩‍👧 and a flag 🇫🇷",
    "Counting the <points x1=\"10.0\" y1=\"20.5\" alt=\"cat\">cat</points> shows a total of 1.",
]  # fmt: skip


@pytest.fixture(scope="module")
def clip_files(tmp_path_factory):
    """A CLIP vocabulary made here: 256 bytes, each also as a word's end, and learnt merges."""
    folder = tmp_path_factory.mktemp("clip")
    backend = Backend(models.BPE(end_of_word_suffix="</w>"))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=900, end_of_word_suffix="</w>", show_progress=False, special_tokens=[]
    )
    backend.train_from_iterator([text.lower() for text in TEXTS] * 3, trainer)
    merges = json.loads(backend.to_str())["model"]["merges"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*alphabet, *(letter + "</w>" for letter in alphabet)]
    tokens += [first + second for first, second in merges]
    tokens = [*dict.fromkeys(tokens), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert len(merges) > 100
    return folder / "vocab.json", folder / "merges.txt"


@pytest.fixture(scope="module")
def clip(clip_files):
    return CLIPTokenizer.from_files(*clip_files)


@pytest.fixture(scope="module")
def theirs(clip_files):
    from transformers import CLIPTokenizer as Reference

    vocabulary, merges = clip_files
    return Reference(vocab=str(vocabulary), merges=str(merges))


fuzzed = st.one_of(
    st.text(),
    st.text("aA'éÉ\u0301 \t\n\u00a0\u20031٣½&;<>/|🐱👩‍🦰\u200d", max_size=60),
    st.lists(
        st.sampled_from(
            [
                "a", "photo", "of", "'s", "it'S", "'LL", "<b>bold</b>", "&amp;", "<|endoftext|>",
                "<|startoftext|>", "\n\n", " ", "🐱", "İSTANBUL", "ǅ", "e\u0301", "x" * 300, "</w>",
            ]
        ),
        max_size=30,
    ).map(" ".join),
)  # fmt: skip


def _same(clip, theirs, text):
    expected = theirs(text, padding="max_length", truncation=True, max_length=77).input_ids
    assert clip(text)[0].tolist() == expected, text
    whole = theirs(text).input_ids
    assert [clip.start_id, *clip.encode(text), clip.end_id] == whole
    decoded = theirs.decode(whole, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert clip.decode(whole) == decoded


@settings(max_examples=400, deadline=None)
@given(text=fuzzed)
def test_clip_equals_transformers_on_any_text(clip, theirs, text):
    _same(clip, theirs, text)


@pytest.mark.parametrize(
    "text", ["", " ", *TEXTS, "word " * 500, "a" * 5000, "\u0000", "A\tB\r\nC"]
)
def test_clip_equals_transformers_on_the_hard_ones(clip, theirs, text):
    _same(clip, theirs, text)


def test_clip_rows(clip):
    ids = clip(["a cat", "a photo of a dog " * 40])
    assert ids.shape == (2, 77)
    assert ids.dtype == torch.long
    assert ids[:, 0].tolist() == [clip.start_id] * 2
    assert ids[1, -1] == clip.end_id  # cut, the end kept
    assert clip.decode(ids[0]) == "a cat"
    assert clip("a cat", length=10).shape == (1, 10)


def test_clip_bad_files(tmp_path, clip_files):
    vocabulary, merges = clip_files
    with pytest.raises(FileNotFoundError, match="pass vocab.json and merges.txt"):
        CLIPTokenizer.from_files(tmp_path / "vocab.json", merges)
    broken = tmp_path / "merges.txt"
    broken.write_text("a b\na b c\n")
    with pytest.raises(ValueError, match="the merges hold 'a b c', which is no pair"):
        CLIPTokenizer.from_files(vocabulary, broken)
    with pytest.raises(ValueError, match="the vocabulary has no <|startoftext|>"):
        CLIPTokenizer({"a": 0}, [])


@pytest.fixture(scope="module")
def course():
    return Tokenizer.train(TEXTS * 5, vocab_size=400)


@given(st.text(st.characters(codec="utf-8")))
@settings(deadline=None)
def test_the_course_tokenizer_gives_any_text_back(course, text):
    ids = course.encode(text)
    assert all(0 <= i < course.vocab_size for i in ids)
    specials = any(token in text for token in SPECIAL_TOKENS)
    assert specials or course.decode(ids) == text


def test_the_course_tokenizer(course, tmp_path):
    assert course.vocab_size <= 400
    assert [course.token_id(t) for t in SPECIAL_TOKENS] == list(range(len(SPECIAL_TOKENS)))
    assert len(course.encode("74.3")) == 4  # a token each
    assert len(course.encode("<points")) == len(course.encode("</point>")) == 1
    assert course.decode(course.encode(TEXTS[4])) == TEXTS[4]
    assert course.encode(f"{START}a{IMAGE}{END}{PAD}")[0] == course.start_id
    assert course.decode(course(["a cat"])[0]) == "a cat"
    course.save(tmp_path / "tokenizer.json")
    again = Tokenizer.load(tmp_path / "tokenizer.json")
    assert again.vocab_size == course.vocab_size
    assert all(again.encode(text) == course.encode(text) for text in TEXTS)
    assert torch.equal(again(TEXTS), course(TEXTS))


def test_offsets_point_into_the_text(course):
    text = "two dogs 🐱 in 2024"
    ids, offsets = course.encode_with_offsets(text)
    assert ids == course.encode(text)
    assert "".join(text[a:b] for a, b in offsets if a < b).startswith("two dogs")
    assert offsets[-1][1] == len(text)


def test_training_twice_gives_the_same(course):
    again = Tokenizer.train(TEXTS * 5, vocab_size=400)
    assert again.backend.to_str() == course.backend.to_str()


def test_pad_rows():
    ids, mask = pad_rows([[1, 2, 3], [4]], 0, side="left")
    assert ids.tolist() == [[1, 2, 3], [0, 0, 4]]
    assert mask.tolist() == [[True] * 3, [False, False, True]]
    ids, mask = pad_rows([[1, 2], []], 9, length=3)
    assert ids.tolist() == [[1, 2, 9], [9, 9, 9]]
    assert mask.tolist() == [[True, True, False], [False] * 3]


def test_bad_input(course, tmp_path):
    with pytest.raises(TypeError, match="the text is a int: pass a str"):
        course.encode(5)
    with pytest.raises(ValueError, match="token id -200 is outside"):
        course.decode([5, -200])
    with pytest.raises(ValueError, match="no text came: pass at least one"):
        course([])
    with pytest.raises(ValueError, match="the token '<nope>' is not among"):
        course.token_id("<nope>")
    with pytest.raises(ValueError, match="length 2 leaves no room for text"):
        course("a", length=2)
    with pytest.raises(ValueError, match="length 0 leaves no room for text"):
        course("a", length=0)
    with pytest.raises(ValueError, match="vocab_size 10 is too small for 256 bytes"):
        Tokenizer.train(["a"], vocab_size=10)
    with pytest.raises(ValueError, match="a row has 2 tokens, more than length 1"):
        pad_rows([[1, 2]], 0, length=1)
    with pytest.raises(ValueError, match="side 'top' is not known"):
        pad_rows([[1]], 0, side="top")
    with pytest.raises(FileNotFoundError, match="there is no tokenizer at"):
        Tokenizer.load(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(ValueError, match=r"broken.json is no tokenizer"):
        Tokenizer.load(tmp_path / "broken.json")
    assert course.encode("\ud800") == course.encode("?")
