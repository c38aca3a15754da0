"""Polls and their scores against counts made by hand, and against the published reader's rules."""

import pytest

from mvlm.evaluation.polling import (
    Poll,
    as_published,
    at_random,
    look_alike,
    polling_questions,
    popular,
    table_of_names,
    together,
    yes_no_scores,
    yes_or_no,
)

NAMES = ("ant", "bell", "cup", "dog", "egg", "hat")
KNOWN = [["cup", "dog"], ["dog", "dog", "egg"], ["cup", "ant"], ["dog", "hat"], ["cup", "ant"]]


def test_as_many_of_both_and_none_that_is_there_is_asked_in_vain():
    scenes = [["cup", "cup", "dog"], ["ant"], list(NAMES), []]
    polls = polling_questions(scenes, at_random(NAMES), each=3)
    for number, names in enumerate(scenes):
        yes = [poll.name for poll in polls if poll.scene == number and poll.there]
        no = [poll.name for poll in polls if poll.scene == number and not poll.there]
        assert len(yes) == len(no) == min(3, len(set(names)), len(set(NAMES) - set(names)))
        assert set(yes) <= set(names)
        assert not set(no) & set(names)
        assert len(set(yes + no)) == len(yes + no)
    assert polls == polling_questions(scenes, at_random(NAMES), each=3)
    assert polls != polling_questions(scenes, at_random(NAMES, seed=1), each=3)


def test_popular_counts_scenes_and_not_things():
    # dog: three scenes, cup: three, ant: two, egg and hat: one, bell: none
    assert list(popular(KNOWN, NAMES)(["bell"])) == ["cup", "dog", "ant", "egg", "hat", "bell"]


def test_together_counts_scenes_that_hold_both():
    order = together(KNOWN, NAMES)(["cup", "hat"])
    # beside cup: ant twice, dog once; beside hat: dog once. So ant 2, dog 2, then nothing.
    assert order[:2] == ["ant", "dog"]
    assert set(order) == set(NAMES)
    assert together([["dog", "dog"]], NAMES)(["dog"])[0] == "ant"  # a name is no company of itself


def test_look_alikes_come_nearest_first_of_each_thing():
    alike = {"cup": ["hat", "egg", "dog"], "ant": ["egg", "hat", "bell"]}
    assert look_alike(alike)(["ant", "cup"]) == ["egg", "hat", "bell", "dog"]


@pytest.mark.parametrize(
    ("said", "published", "ours"),
    [
        ("Yes.", True, True),
        ("no", False, False),
        ("No, there is not.", False, False),
        ("NO", True, False),
        ("", True, None),
        ("I can't tell.", True, None),
        ("There is no dog.", False, None),
        ("Yes, there is no doubt.", False, True),
        ("It is red. There is not one.", True, None),  # the first sentence alone
        ("nobody knows", True, None),
        (" 1. yes", True, True),
    ],
)
def test_how_answers_are_read(said, published, ours):
    assert as_published(said) is published
    assert yes_or_no(said) is ours


def test_scores_by_hand():
    answers = [True, True, False, None, False, True, None]
    there = [True, False, True, True, False, True, False]
    found = yes_no_scores(answers, there)
    assert (found.hits, found.false_alarms, found.misses, found.rejections) == (2, 1, 1, 1)
    assert (found.unreadable, found.unreadable_there, found.total) == (2, 1, 7)
    assert found.accuracy == 3 / 7
    assert found.yes_ratio == 3 / 7
    precision, recall = 2 / 3, 2 / 4
    assert found.f1 == pytest.approx(2 * precision * recall / (precision + recall))
    assert yes_no_scores([False, None], [False, False]).f1 == 0


@pytest.mark.parametrize("answers", [[], [True]])
def test_scores_want_an_answer_for_each(answers):
    with pytest.raises(ValueError, match="one for each"):
        yes_no_scores(answers, [True, False] if answers else [])


def test_a_table_of_names_learns_what_is_asked_in_vain():
    polls = [poll for n in range(40) for poll in (Poll(n, "car", False), Poll(n, f"n{n}", True))]
    answers, truths = table_of_names(polls)
    assert len(answers) == 40
    assert answers == truths
