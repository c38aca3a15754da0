"""Two lists of questions that nobody can answer, and how far they lie apart."""

from string import Formatter

import pytest

from mvlm.data.unanswerable import SAME, likeness, unanswerable
from mvlm.training.recipes.texts import OUTSIDE, OUTSIDE_KEPT_FOR_TESTING

TESTED = (*unanswerable("test"), *OUTSIDE_KEPT_FOR_TESTING)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("how tall is the {name}?", "how tall is the {name}", 1),
        ("how tall is the {name}?", "how heavy is the {name}?", 4 / 5),
        ("what's that?", "what is that?", 1),
        ("sing.", "sing a song.", 2 / 4),
        ("do {names} swim?", "does a {name} swim?", 2 / 7),
    ],
)
def test_likeness_by_hand(one, other, alike):
    assert likeness(one, other) == pytest.approx(alike)


@pytest.mark.parametrize(("part", "least"), [("taught", 290), ("test", 55)])
def test_each_list_is_long_and_of_whole_sentences(part, least):
    sentences = unanswerable(part)
    assert len(sentences) == len(set(sentences)) >= least
    for sentence in sentences:
        assert sentence == sentence.strip().lower()
        assert sentence[-1] in "?."
        slots = {slot for _, slot, _, _ in Formatter().parse(sentence) if slot is not None}
        assert slots in (set(), {"name"}, {"names"})


def test_nothing_taught_is_like_anything_tested():
    for sentence in unanswerable("taught"):
        assert max(likeness(sentence, tested) for tested in TESTED) < SAME, sentence


def test_words_that_older_tests_turn_on_are_not_taught():
    turned_on = {"fast", "history", "sad", "language", "book", "painted", "buy", "tall"}
    for sentence in unanswerable("taught"):
        assert not turned_on & set(sentence.strip("?.").split()), sentence


def test_nothing_tested_is_like_what_was_taught_before():
    for sentence in unanswerable("test"):
        before = (*OUTSIDE, *OUTSIDE_KEPT_FOR_TESTING)
        assert max(likeness(sentence, taught) for taught in before) < SAME, sentence


def test_no_picture_answers_one():
    for sentence in (*unanswerable("taught"), *unanswerable("test")):
        padded = f" {sentence.strip('?.')} "
        for answerable in (
            " where is the ", " where are the ", " is there a", " are there ", " how many ",
            " left ", " right ", " above ", " below ", " top ", " bottom ", " centre ",
        ):  # fmt: skip
            assert answerable not in padded, sentence


def test_another_part_is_refused():
    with pytest.raises(ValueError, match="wanted 'taught' or 'test'"):
        unanswerable("train")
