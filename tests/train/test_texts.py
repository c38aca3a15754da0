"""What the language model reads: questions keep their meaning, and tests keep their phrasings."""

import torch

from mvlm import weights
from mvlm.data.captions import everywhere
from mvlm.data.dice import Dice
from mvlm.data.questions import KEPT_FOR_TESTING
from mvlm.data.scene import Scenes
from mvlm.data.things import PLACES
from mvlm.evaluation import is_kept_phrasing
from mvlm.language import LanguageModel, next_token_loss
from mvlm.recipes.language import LanguageData, LanguageObjective, LanguageRecipe
from mvlm.recipes.texts import (
    I_CAN_TELL,
    OUTSIDE,
    OUTSIDE_KEPT_FOR_TESTING,
    conversation,
    described,
    every_place,
    meaning_words,
    roughen,
    thorough,
)

KEEP = meaning_words()


def plain(text):
    return [word.strip(".,?:!").lower() for word in text.split()]


def test_roughening_keeps_every_word_that_decides_the_answer():
    scenes = Scenes("train", 300)
    changed = 0
    for i in range(300):
        for question in scenes.scene(i).questions:
            rough = roughen(Dice(f"test {i}"), question.question, KEEP)
            changed += rough != question.question
            meant = [word for word in plain(question.question) if word in KEEP]
            kept = [word for word in plain(rough) if word in KEEP]
            assert kept[-len(meant) :] == meant or set(meant) <= set(kept)
    assert changed > 300


def test_training_never_asks_in_words_kept_for_testing():
    scenes = Scenes("train", 200)
    for i in range(200):
        assert not any(is_kept_phrasing(question) for question in scenes.scene(i).questions)
    kept = [q for i in range(100) for q in Scenes("test", 100).scene(i).questions]
    assert 0.3 < sum(map(is_kept_phrasing, kept)) / len(kept) < 0.7
    assert set(KEPT_FOR_TESTING) == {q.kind for q in kept}


def test_a_conversation_shows_the_picture_once_and_asks_one_thing_it_cannot_know():
    scenes = Scenes("train", 50)
    for i in range(50):
        turns = conversation(Dice(f"talk {i}"), scenes.scene(i).things, scenes.names, KEEP)
        assert [question.count("<image>") for question, _ in turns] == [1] + [0] * (len(turns) - 1)
        assert sum(answer == I_CAN_TELL for _, answer in turns) == 1
    assert not set(OUTSIDE) & set(OUTSIDE_KEPT_FOR_TESTING)


def test_the_loss_over_supervised_tokens_alone_is_the_whole_one():
    torch.manual_seed(0)
    recipe = LanguageRecipe(width=16, depth=1, heads=2, kv_heads=2, mlp_width=16)
    language = LanguageModel(recipe.model(weights.tokenizer()))
    batch = LanguageData(recipe, weights.tokenizer())(range(6))
    total, count = LanguageObjective(language)(batch)
    logits = language(batch["ids"], attention_mask=batch["mask"])
    torch.testing.assert_close(total / count, next_token_loss(logits, batch["labels"]))


def test_a_scene_is_told_in_nine_words_in_reading_order():
    things = Scenes("train", 1).scene(0).things
    told = described(things).split()
    assert len(told) == 9
    assert [word for word in told if word != "nothing"] == [thing.name for thing in things]
    for thing in things:
        assert told[3 * thing.row + thing.column] == thing.name


def test_a_thorough_conversation_goes_through_the_whole_picture():
    scenes = Scenes("train", 40)
    for i in range(40):
        things = scenes.scene(i).things
        turns = thorough(Dice(f"talk {i}"), things, scenes.names, KEEP)
        assert [question.count("<image>") for question, _ in turns] == [1] + [0] * (len(turns) - 1)
        answers = [answer for _, answer in turns]
        assert every_place(things) in answers or everywhere(things) in answers


def test_every_place_is_named_with_what_it_holds():
    things = Scenes("train", 1).scene(0).things
    listed = dict.fromkeys(PLACES, "nothing") | {thing.place: thing.name for thing in things}
    assert every_place(things) == ", ".join(f"{p} {n}" for p, n in listed.items()) + "."
