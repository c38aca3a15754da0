"""Chapter 01's counting: what is right, what changed, and how far off a share may be."""

import matplotlib.pyplot as plt
import pytest

from mvlm.data import Scenes
from mvlm.data.questions import KINDS
from mvlm.show.survey import (
    Share,
    Survey,
    changed,
    draw_spread,
    draw_two_measures,
    heard_in,
    most_frequent,
    refused,
)
from mvlm.training.recipes.texts import I_CAN_TELL

SCENES = Scenes("test", 6, seed=1)


@pytest.fixture
def survey():
    return Survey([SCENES.scene(i) for i in range(6)])


def test_each_question_knows_its_scene(survey):
    assert len(survey.questions) == len(survey.whose) == len(survey.asked)
    for question, whose in zip(survey.asked, survey.whose.tolist(), strict=True):
        assert question in SCENES.scene(whose).questions


def test_true_answers_are_correct_said_aloud_too(survey):
    truth = [question.answer for question in survey.asked]
    assert all(survey.correct(truth))
    assert all(survey.correct([f"top left, centre: {one}" for one in truth]))
    assert not any(survey.correct(["nonsense"] * len(truth)))


def test_a_share_and_its_error_by_hand(survey):
    flags = [whose < 3 for whose in survey.whose.tolist()]  # three scenes wholly, three not at all
    share = survey.share(flags)
    assert share.mean == pytest.approx(sum(flags) / len(flags))
    assert share.error == pytest.approx((0.25 * 6 / 5 / 6) ** 0.5)  # of 1 1 1 0 0 0
    assert str(Share(0.314, 0.029)) == "31% ± 3%"


def test_what_changed_and_what_was_refused():
    assert changed(["a: 2", "Yes"], ["2", "yes."]) == [False, False]
    assert changed(["2"], ["3"]) == [True]
    assert refused([I_CAN_TELL, "no"]) == [True, False]


def test_guessers_say_what_they_heard(survey):
    heard = heard_in(Scenes("train", 40, seed=2))
    frequent = most_frequent(heard)
    assert list(frequent) == list(KINDS)
    assert all(heard[kind].count(frequent[kind]) >= heard[kind].count(one)
               for kind in KINDS for one in heard[kind])  # fmt: skip
    thrown = survey.throw(heard, 0)
    assert thrown == survey.throw(heard, 0) != survey.throw(heard, 1)
    assert all(said in heard[q.kind] for said, q in zip(thrown, survey.asked, strict=True))


def test_figures(survey):
    shares = survey.by_scene(survey.correct([""] * len(survey.asked)))
    spread = draw_spread(shares, "Spread")
    marks = {"dice": (Share(0.3, 0.03), Share(0.7, 0.02)), "model": (Share(0.97, 0.01),) * 2}
    two = draw_two_measures(marks, "Two")
    assert [text.get_text() for text in two.axes[0].texts] == ["dice", "model"]
    plt.close(spread)
    plt.close(two)
