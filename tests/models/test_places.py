"""Points in few tokens: Molmo's text into place tokens and back, and vectors for them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mvlm import weights
from mvlm.language import LanguageConfig, LanguageModel
from mvlm.points import NONE, format_count, format_points, parse_count, parse_points
from mvlm.small.places import (
    MARKS,
    PLACE_TOKENS,
    knows_places,
    place_rows,
    place_vectors,
    shorten,
    with_places,
    write_out,
)

WHOLE = st.integers(0, 100)
LABELS = st.one_of(
    st.sampled_from(["cat", "red apple", "route 66", "a:b", 'a "quoted" <b> & c', "x1", "&lt;"]),
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(WHOLE, WHOLE), min_size=1, max_size=9), LABELS)
def test_molmos_text_comes_back_whole(points, label):
    """Through the tokens, whatever the label: pointed to, and counted."""
    tokenizer = with_places(weights.tokenizer())
    for shown in (format_points(points, label), format_count(points, label)):
        ids = tokenizer.encode(shorten(shown))
        assert write_out(tokenizer.decode(ids)) == shown


def test_a_point_is_three_tokens():
    tokenizer = with_places(weights.tokenizer())
    sizes = [
        len(tokenizer.encode(shorten(format_points([(7, 3)] * count, "dog"))))
        for count in (1, 2, 9)
    ]
    assert sizes[1] - sizes[0] == 3
    assert sizes[2] - sizes[0] == 24


def test_the_short_form_is_as_its_page_says():
    shown = format_count([(50, 7), (10, 20.6)], "cat")
    assert shorten(shown) == "<points cat:1<x10><y21>2<x50><y7></points>2"
    assert shorten(format_points([(50, 7)], "cat")) == "<points cat:1<x50><y7></points>"
    assert shorten(f"{shown} and {shown}").count("<x10>") == 2


def test_points_are_in_order_after_rounding():
    """To one decimal 10.2 comes before 10.4; in hundredths both are 10, and y decides."""
    shown = format_points([(10.2, 50), (10.4, 20)], "cat")
    assert shorten(shown) == "<points cat:1<x10><y20>2<x10><y50></points>"


@pytest.mark.parametrize(
    ("shown", "short"),
    [
        ('what is at x="12.0" y="80.0"?', "what is at <x12><y80>?"),
        ('dog x="3.0" y="4.0", cat x="100.0" y="0.0".', "dog <x3><y4>, cat <x100><y0>."),
        (NONE, NONE),
        ("3", "3"),
        ("how many dogs are there?", "how many dogs are there?"),
    ],
)
def test_other_texts_keep_their_words(shown, short):
    assert shorten(shown) == short
    assert write_out(short) == shown


def test_a_place_outside_the_picture_has_no_token():
    for text in ('what is at x="120.0" y="80.0"?', 'what is at x="12.0" y="100.5"?'):
        assert shorten(text) == text


@pytest.mark.parametrize(
    ("said", "points", "total"),
    [
        ("<points dog:1<x12><y80>2<x50>", 1, None),  # cut off after an x
        ("<points dog:1<x12><y80>2", 1, None),
        ("<points dog:1<x12><y80>2<y50><x3></points>2", 1, 2),  # y first
        ("<points dog:<x12><y80><x5><y8></points>", 2, None),  # without numbers
        ("<points dog:</points>", 0, 0),
        ("<points dog:", 0, 0),
        ("<points dog:1<x12><y80></points>9", 1, 9),  # another total than there are points
        ("<points dog:1<x12><y80></points><points cat:1<x1><y2></points>", 2, None),
        ("<points a:b:1<x12><y80></points>", 1, None),
        ("<points 1<x12><y80></points>", 0, None),  # no label
        ("<x12>", 0, None),
        ("", 0, None),
        ("<points dog:1<x120><y80>2<x7><y80></points>", 1, None),
    ],
)
def test_what_a_model_says_wrongly_is_shown_without_harm(said, points, total):
    shown = write_out(said)
    assert len(parse_points(shown)) == points
    assert parse_count(shown) == total
    assert not any(token in shown for token in PLACE_TOKENS)


def test_the_tokens_follow_the_courses_own():
    plain = weights.tokenizer()
    tokenizer = with_places(plain)
    assert tokenizer.vocab_size == plain.vocab_size + 2 * MARKS
    assert tokenizer.token_id("<x0>") == plain.vocab_size
    assert tokenizer.token_id("<y100>") == tokenizer.vocab_size - 1
    assert (tokenizer.end_id, tokenizer.pad_id) == (plain.end_id, plain.pad_id)
    text = "point to the red apples."
    assert tokenizer.encode(text) == plain.encode(text)
    assert not set(PLACE_TOKENS) & set(tokenizer.special_tokens)


@pytest.fixture
def language():
    torch.manual_seed(0)
    shape = LanguageConfig(
        vocab_size=weights.tokenizer().vocab_size, width=32, depth=1, heads=2, mlp_width=16
    )
    return LanguageModel(shape)


def test_a_model_learns_the_tokens_without_forgetting_its_own(language):
    plain = weights.tokenizer()
    longer = knows_places(language, plain)
    assert longer.config.vocab_size == with_places(plain).vocab_size
    ids = torch.tensor([plain.encode("point to the dogs.")])
    torch.testing.assert_close(longer(ids)[..., : plain.vocab_size], language(ids))
    rows = longer.embedding.weight[-len(PLACE_TOKENS) :]
    typical = language.embedding.weight.norm(dim=1).median()
    torch.testing.assert_close(rows.norm(dim=1), typical.expand(len(rows)), rtol=1e-4, atol=0)


def test_a_model_of_another_tokenizer_is_refused(language):
    longer = knows_places(language, weights.tokenizer())
    with pytest.raises(ValueError, match="1226.*1024"):
        knows_places(longer, weights.tokenizer())


def test_neighbours_start_alike_and_far_places_do_not():
    torch.manual_seed(0)
    x, y = place_rows(128).unflatten(0, (2, MARKS))
    alike = x @ x.T
    assert alike.diagonal(1).min() > 0.9
    assert alike.diagonal(1).min() > alike.diagonal(3).max() > alike.diagonal(40).max()
    assert alike.argmax(dim=1).tolist() == list(range(MARKS))
    assert (x @ y.T).abs().max() < 0.5


def test_between_two_hundredths_a_place_is_a_mixture(language):
    longer = knows_places(language, weights.tokenizer())
    x, y = longer.embedding.weight[-len(PLACE_TOKENS) :].unflatten(0, (2, MARKS))
    places = torch.tensor([[12.25, 80.0], [0.0, 100.0], [-3.0, 104.0]])
    expected = torch.stack((0.75 * x[12] + 0.25 * x[13] + y[80], *[x[0] + y[100]] * 2))
    torch.testing.assert_close(place_vectors(longer, places), expected)
