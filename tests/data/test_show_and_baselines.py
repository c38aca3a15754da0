import pytest

import mvlm.data
from mvlm.data.baselines import BlindAnswerer, majority
from mvlm.data.questions import Question
from mvlm.show import pictures

YES_NO = ("is there", "relation", "compare")


def test_show_draws_every_kind_with_its_words(monkeypatch):
    shown = []
    monkeypatch.setattr("mvlm.show.pictures.show_figure", lambda drawn, alt: shown.append(alt))
    scenes = mvlm.data.scenes(count=3)
    pictures.show(scenes)
    pictures.show(mvlm.data.emoji(artists="noto"), count=2)
    pictures.show(mvlm.data.pixmo("synthetic", count=2))
    assert all(row["caption"] in shown[0] for row in scenes)
    assert shown[1].startswith("2 pictures. 1: ")
    assert "2: " in shown[2]


def test_show_names_what_is_missing():
    with pytest.raises(ValueError, match=r"rows with an image, and got caption: pass"):
        pictures.show([{"caption": "a dog"}])
    with pytest.raises(ValueError, match="got no rows"):
        pictures.show([])


def test_recorded_baselines_keep_the_bars():
    for split, kinds in mvlm.data.blind_baselines().items():
        for kind, scores in kinds.items():
            if kind in YES_NO:
                assert scores["majority"] <= 0.55, (split, kind)
                assert scores["question alone"] <= 0.55, (split, kind)
            elif kind in ("what", "where", "how many"):
                assert scores["majority"] <= 0.30, (split, kind)


def test_recorded_majorities_are_those_of_the_scenes():
    scenes = mvlm.data.Scenes("validation", 5000)
    asked = [question for i in range(5000) for question in scenes.scene(i).questions]
    for kind, scores in mvlm.data.blind_baselines()["validation"].items():
        answers = [question.answer for question in asked if question.kind == kind]
        best = max(answers.count(answer) for answer in set(answers)) / len(answers)
        assert len(answers) == scores["questions"]
        assert abs(best - scores["majority"]) < 0.001


def test_blind_answerer_learns_what_a_question_gives_away():
    questions = [Question("is there", "is there a dog?", "yes")] * 3
    questions += [Question("is there", "is there a cat?", "no")] * 3
    blind = BlindAnswerer(questions)
    assert (blind.answer("do you see a dog?"), blind.answer("a cat?")) == ("yes", "no")
    assert majority(questions) == 0.5
