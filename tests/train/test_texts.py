"""What the language model reads: questions keep their meaning, and tests keep their phrasings."""

import pytest
import torch

from mvlm import weights
from mvlm.chat import IMAGE_MARKER
from mvlm.data.dice import Dice
from mvlm.data.questions import KEPT_FOR_TESTING, PHRASINGS, Question, questions
from mvlm.data.scene import Scenes
from mvlm.data.things import PLACES, counts, plural
from mvlm.evaluation.scoring import is_kept_phrasing
from mvlm.language import LanguageModel, next_token_loss
from mvlm.llava import splice
from mvlm.training.recipes.bylength import ByLength
from mvlm.training.recipes.drills import (
    DEEDS,
    FACTS,
    LEARNT_LAST,
    MORE_OPENERS,
    MORE_PHRASINGS,
    QUALITIES,
    TOPICS,
    drill,
    odd,
)
from mvlm.training.recipes.language import (
    LanguageData,
    LanguageObjective,
    LanguageRecipe,
    Told,
    told_words,
)
from mvlm.training.recipes.texts import (
    I_CAN_TELL,
    LONG_QUESTIONS,
    OUTSIDE,
    OUTSIDE_KEPT_FOR_TESTING,
    conversation,
    count_aloud,
    described,
    meaning_words,
    named_places,
    roughen,
    some_turns,
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
        turns = conversation(Dice(f"talk {i}"), scenes.scene(i).things, scenes.names, KEEP, {})
        assert [question.count("<image>") for question, _ in turns] == [1] + [0] * (len(turns) - 1)
        assert sum(answer == I_CAN_TELL for _, answer in turns) == 1
    assert not set(OUTSIDE) & set(OUTSIDE_KEPT_FOR_TESTING)


def test_the_loss_over_supervised_tokens_alone_is_the_whole_one():
    torch.manual_seed(0)
    recipe = LanguageRecipe(width=16, depth=1, heads=2, kv_heads=2, mlp_width=16)
    language = LanguageModel(recipe.model(weights.tokenizer()))
    batch = LanguageData(recipe, weights.tokenizer(), recipe.train)(range(6))
    objective = LanguageObjective(language)
    total, count = objective(batch)
    told = objective.told(language, batch["words"])
    spliced = splice(
        batch["ids"],
        told,
        language.embed,
        labels=batch["labels"],
        attention_mask=batch["mask"],
    )
    logits = language(embeddings=spliced.embeddings, attention_mask=spliced.attention_mask)
    torch.testing.assert_close(total / count, next_token_loss(logits, spliced.labels))


def test_a_told_scene_is_its_words_and_their_places():
    torch.manual_seed(0)
    recipe = LanguageRecipe(width=16, depth=1, heads=2, kv_heads=2, mlp_width=16, captions=0.5)
    tokenizer = weights.tokenizer()
    language, told = LanguageModel(recipe.model(tokenizer)), Told(16)
    things = Scenes("train", 1).scene(0).things
    words = told_words(tokenizer, things)
    assert [tokenizer.decode([word]).strip() for word in words] == named_places(things)
    vectors = told(language, torch.tensor([words]))  # (1, 9, 16)
    torch.testing.assert_close(
        vectors[0, 4] - told.places.weight[4], language.embedding.weight[words[4]]
    )
    batch = LanguageData(recipe, tokenizer, recipe.train)(range(40))
    markers = (batch["ids"] == IMAGE_MARKER).sum(dim=1)
    assert set(markers.tolist()) == {0, 1}  # a caption by itself tells nothing before it
    assert len(batch["words"]) == markers.sum()


def test_a_scene_is_told_in_nine_words_in_reading_order():
    things = Scenes("train", 1).scene(0).things
    told = described(things).split()
    assert len(told) == 9
    assert [word for word in told if word != "nothing"] == [thing.name for thing in things]
    for thing in things:
        assert told[3 * thing.row + thing.column] == thing.name


def test_a_conversation_has_one_long_answer():
    scenes = Scenes("train", 40)
    for i in range(40):
        things, dice = scenes.scene(i).things, Dice(f"talk {i}")
        turns = some_turns(
            dice, things, scenes.names, conversation(dice, things, scenes.names, None, {}), 3
        )
        assert len(turns) == 4
        assert [question.count("<image>") for question, _ in turns] == [1, 0, 0, 0]


@pytest.mark.parametrize("ask", LONG_QUESTIONS)
def test_long_answers_say_only_what_is_true(ask):
    scenes = Scenes("train", 40)
    for i in range(40):
        things = scenes.scene(i).things
        number = counts(things)
        plurals = {plural(name): name for name in scenes.names}
        there = {(t.name, t.place) for t in things} | {(t.place, t.name) for t in things}
        there |= {
            (p, "nothing")
            for p, n in zip(PLACES, named_places(things), strict=True)
            if n == "nothing"
        }
        there |= {(name, "yes" if number[name] else "no") for name in scenes.names}
        there |= {(word, str(number[name])) for word, name in plurals.items()}
        said = ask(Dice(f"long {i}"), things, scenes.names)[1].removesuffix(".").split(", ")
        true = {f"{asked} {answer}" for asked, answer in there}
        assert set(said) <= true
        assert len(set(said)) == len(said)


def test_texts_of_like_length_come_together_and_none_is_lost():
    lengths = [len(str(7919 * i)) * (1 + i % 3) for i in range(64)]
    ordered = ByLength(lambda i: (i, lengths[i]), lambda made: made[1], 4)
    made = [ordered[i] for i in range(64)]
    assert sorted(made) == list(enumerate(lengths))
    padding = [
        max(n for _, n in made[i : i + 4]) * 4 - sum(n for _, n in made[i : i + 4])
        for i in range(0, 64, 4)
    ]
    as_they_came = [max(lengths[i : i + 4]) * 4 - sum(lengths[i : i + 4]) for i in range(0, 64, 4)]
    assert sum(padding) < sum(as_they_came) / 4
    assert [ordered[i] for i in range(32, 64)] == made[32:]  # a run that goes on finds the same


def test_a_drill_asks_many_short_questions_with_true_answers():
    scenes = Scenes("train", 60)
    kinds, plurals = dict.fromkeys(LEARNT_LAST, 0), [plural(name) for name in scenes.names]
    for i in range(60):
        things = scenes.scene(i).things
        turns = drill(Dice(f"drill {i}"), things, scenes.names, KEEP, 8, MORE_PHRASINGS, {})
        assert [question.count("<image>") for question, _ in turns] == [1] + [0] * (len(turns) - 1)
        assert sum(answer == I_CAN_TELL for _, answer in turns) <= 1
        assert 1 <= len(turns) <= 10
        number = {plural(name): count for name, count in counts(things).items()}
        for question, answer in turns:
            for one in number:
                for other in number:
                    if f"more {one} than {other}" in question:
                        kinds["compare"] += 1
                        assert answer == ("yes" if number[one] > number[other] else "no")
            if answer.isdigit() and "things" not in question.lower():
                kinds["how many"] += 1
                text = question.lower().replace("\n", " ")
                asked = [name for name in plurals if f" {name}" in f" {text}"]
                assert int(answer) == number.get(max(asked, key=len, default=""), 0)
    assert min(kinds["compare"], kinds["how many"]) > 20


def test_odd_questions_are_many_and_none_is_kept_for_testing():
    names = Scenes("train", 1).names
    more = MORE_PHRASINGS["odd"]
    asked = {odd(Dice(f"odd {i}"), names, more) for i in range(1000)}
    assert len(asked) > 750
    kept = {
        template.format(name=name, names=plural(name))
        for template in OUTSIDE_KEPT_FOR_TESTING
        for name in names
    }
    assert not asked & kept
    words = {word for text in (*QUALITIES, *FACTS, *DEEDS, *TOPICS) for word in text.split()}
    tested = {word.strip("?.") for text in OUTSIDE_KEPT_FOR_TESTING for word in text.split()}
    assert words & tested <= {"the", "a"}
    turned_on = {"fast", "history", "sad", "language", "book", "painted", "buy", "tall"}
    assert not turned_on & {word for text in more for word in text.strip("?.").split()}


def test_openings_do_not_use_phrasings_kept_for_testing():
    for opener in MORE_OPENERS:
        question = Question("is there", f"{opener} is there a dog?", "yes")
        assert not is_kept_phrasing(question)


@pytest.mark.parametrize("kind", sorted(set(MORE_PHRASINGS) - {"odd"}))
def test_more_phrasings_have_the_same_slots_and_are_not_kept_for_testing(kind):
    slots = {"what": "{place}", "where": "{name}", "how many": "{names}", "is there": "name"}
    for phrasing in MORE_PHRASINGS[kind]:
        assert slots.get(kind, "{") in phrasing
        assert not is_kept_phrasing(Question(kind, phrasing, ""))
        assert phrasing not in PHRASINGS[kind]


def test_counting_aloud_names_every_place_and_ends_with_the_number():
    scenes, heard = Scenes("train", 150), 0
    for i in range(150):
        things, dice = scenes.scene(i).things, Dice(f"aloud {i}")
        for kind, question, answer in questions(dice, things, scenes.names, kept_phrasings=False):
            if kind == "how many" and answer != "0":
                places, _, number = count_aloud(question, answer, things).rpartition(": ")
                said = places.split(", ")
                assert number == answer
                assert len(said) == int(answer)
                assert said == [place for place in PLACES if place in said]  # as one reads, once
                named = {t.name for t in things if t.place in said}
                if "things" not in question:
                    assert len(named) == 1
                    assert plural(named.pop()) in question
                heard += 1
    assert heard > 80
    assert count_aloud("how many bells are there?", "0", scenes.scene(0).things) == "0"


def test_only_the_kinds_that_are_asked_for_are_said_aloud():
    scenes = Scenes("train", 60)
    aloud = {"how many": lambda question, answer, things: f"aloud: {answer}"}
    for i in range(60):
        things = scenes.scene(i).things
        short = conversation(Dice(f"talk {i}"), things, scenes.names, KEEP, {})
        said = conversation(Dice(f"talk {i}"), things, scenes.names, KEEP, aloud)
        assert [question for question, _ in short] == [question for question, _ in said]
        assert [answer.removeprefix("aloud: ") for _, answer in said] == [a for _, a in short]
        assert sum(answer.startswith("aloud: ") for _, answer in said) == 1
