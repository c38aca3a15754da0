"""The reader's lessons: what is told is true, and all of it runs through the command."""

import json
import re
import shutil

import pytest
import torch

from mvlm import weights
from mvlm.__main__ import main
from mvlm.data.charts import Chart, make_chart
from mvlm.data.dice import Dice
from mvlm.data.emojis import bucket, held_out
from mvlm.data.pages import make_bare_page, make_page
from mvlm.data.plots import Plot, make_plot
from mvlm.data.scene import SPLITS, split_vocabulary
from mvlm.evaluation.reader import KINDS as ASKED
from mvlm.evaluation.reader import (
    evaluate_reader,
    pages,
    question_kind,
    synthetic,
)
from mvlm.small.reader import CELL, GLYPHS, KINDS, OWN, SLOTS, Answer, Read, Reader, Relate
from mvlm.training.recipes.reader import (
    AnswerData,
    AnswerObjective,
    ReadData,
    ReaderRecipe,
    ReadObjective,
    RelateData,
    RelateObjective,
    SumsData,
    ask_about,
    draw_from_train,
    elsewhere,
    facts_text,
    reader_config,
    some_sum,
    strange_words,
    tell,
    varied,
    worked_out,
)
from mvlm.training.recipes.truth import told, truth

SMALL = {"width": 16, "heads": 2, "mlp_width": 16}
SMALL |= {"read_depth": 1, "relate_depth": 1, "answer_depth": 1}
CONFIG = reader_config(ReaderRecipe(**SMALL))
FIELDS = list(CONFIG.fields)
NAMES = split_vocabulary("train")
MAKERS = {
    "plot": make_plot,
    "chart": make_chart,
    "page": lambda dice: make_page(dice, ("noto",), NAMES),
    "bare page": lambda dice: make_bare_page(dice, ("noto",), NAMES),
}


def number(facts):
    """From the classes of the three digits, by another way than the recipe's."""
    digits = [facts.get(name, 0) for name in ("hundreds", "tens", "units")]
    return int("".join(str(d - 1) for d in digits if d) or -1)


@pytest.mark.parametrize("kind", MAKERS)
def test_no_two_items_share_a_cell_and_no_two_letters_a_slot(kind):
    for i in range(60):
        made = varied(Dice(f"varied {i}"), MAKERS[kind](Dice(f"cells {kind} {i}")))
        shown = truth(made, CONFIG)
        cells = [(item.row, item.column) for item in shown.items]
        assert len(set(cells)) == len(cells) <= CONFIG.items
        slots = [glyph[:3] for glyph in shown.glyphs]
        assert len(set(slots)) == len(slots)
        assert max((slot for _, _, slot in slots), default=0) < SLOTS
        assert told(made, CONFIG) == shown.items
        for item in shown.items:
            name = KINDS[item.own["kind"]]
            assert set(item.own) == {"kind", *OWN[name]}


def test_a_charts_items_say_what_the_chart_says():
    for i in range(40):
        chart = make_chart(Dice(f"chart items {i}"))
        items = told(chart, CONFIG)
        by_kind = {kind: [x for x in items if KINDS[x.own["kind"]] == kind] for kind in KINDS}
        words = [CONFIG.words[x.own["word"] - 1] for x in by_kind["title"]]
        assert " ".join(words) == chart.title
        value = dict(zip(chart.labels, chart.values, strict=True))
        assert len(by_kind["label"]) == len(by_kind["value"]) == len(value)
        ordered = sorted(value, key=lambda label: -value[label])
        for item in (*by_kind["label"], *by_kind["value"]):
            label = CONFIG.words[item.related["word"] - 1]
            assert number(item.related) == value[label]
            assert item.related["rank"] == 1 + ordered.index(label)
            assert item.related["smallest"] == (label == ordered[-1])
        assert all("units" not in item.own for item in by_kind["label"])
        assert all("word" not in item.own for item in by_kind["value"])
        columns = [x.column for x in by_kind["label"]]
        assert [number(x.own) for x in sorted(by_kind["value"], key=lambda x: x.column)] == [
            value[label] for label in chart.labels
        ]
        assert columns == sorted(columns)


def test_a_plots_items_are_its_points():
    for i in range(40):
        plot = make_plot(Dice(f"plot items {i}"))
        for item in told(plot, CONFIG):
            x = item.own["x"] - 6
            assert item.column == (120 + 22 * x) // CELL
            y = float(plot.value(x))
            assert item.row == pytest.approx((120 - 22 * y) / CELL, abs=1.1)
            assert item.own["y"] == (0 if y % 1 else y + 6)
            slope = abs(2.718281828 ** abs(item.slope) - 1)
            assert slope == pytest.approx(abs(float(plot.slope(x))), rel=1e-4, abs=1e-4)
            assert item.slope * float(plot.slope(x)) >= 0


def test_a_pages_items_know_their_number_price_and_thing():
    for i in range(40):
        for make in (MAKERS["page"], MAKERS["bare page"]):
            page = make(Dice(f"page items {i}"))
            numbers = {e.number: e for e in page.elements}
            cheapest = min(e.price for e in page.elements if e.role == "buy")
            for item in told(page, CONFIG):
                if KINDS[item.own["kind"]] == "wanted":
                    assert CONFIG.words[item.own["word"] - 1] == page.wanted[0]
                    continue
                element = numbers[number(item.related)]
                assert CONFIG.words[item.related["word"] - 1] == element.label
                if element.role == "buy":
                    price = [item.related[f"price {p}"] - 1 for p in ("tens", "units")]
                    assert int("".join(str(d) for d in price if d >= 0)) == element.price
                    assert item.related["smallest"] == (element.price == cheapest)
                    wanted = page.wanted is not None and page.wanted[0] == element.label
                    assert item.related["wanted"] == wanted


def test_training_draws_from_its_split_and_never_a_name_kept_for_testing():
    for i in range(60):
        for kind in MAKERS:
            made = draw_from_train(Dice(f"split {i}"), kind)
            assert bucket(facts_text(made)) in SPLITS["train"].combinations
    for width in (44, 88):
        words = strange_words(width)
        assert len(words) > 100
        assert not any(held_out(word) for word in words)
        assert len(set(words) - set(CONFIG.words)) > 0.95 * len(words)
        assert all(set(word) <= set(GLYPHS) for word in words)


def test_every_word_of_questions_and_answers_is_a_token():
    for i in range(200):
        dice = Dice(f"asked {i}")
        made = elsewhere(dice, varied(dice, draw_from_train(dice, list(MAKERS)[i % 4])))
        _, new = tell(dice, made, CONFIG)
        for text in ask_about(dice, made):
            ids = CONFIG.vocabulary.encode(text, new)
            assert CONFIG.vocabulary.other not in ids, text
    for split in ("test", "artist"):
        for asked in (*synthetic(split, 30, 1).values(), pages(split, 5, 1, named=False)):
            for _, question in asked:
                for text in (question.question, question.answer):
                    assert CONFIG.vocabulary.other not in CONFIG.vocabulary.encode(text), text


@pytest.mark.parametrize("sign", ["plus", "minus"])
def test_sums_are_worked_out_rightly(sign):
    for one in range(0, 181, 7):
        for other in range(0, one + 1, 3):
            text = worked_out(one, sign, other)
            asked, working, result = re.fullmatch(r"(.*) = (.*) ! (\d+)", text).groups()
            assert asked == f"{one} {sign} {other}"
            assert int(result) == (one + other if sign == "plus" else one - other)
            digits = [int(digit) for digit in working.split()]
            above, below, under, carried = (digits[i::4] for i in range(4))
            for wanted, found in ((one, above), (other, below), (int(result), under)):
                assert sum(10**k * digit for k, digit in enumerate(found)) == wanted
            assert carried[-1] == 0
    assert len({some_sum(Dice(f"sum {i}")) for i in range(100)}) > 80


def test_what_is_to_be_said_is_true_of_the_picture():
    """Answers of the last lesson, read again from the picture's own facts."""
    seen = set()
    for i in range(400):
        dice = Dice(f"true {i}")
        made = elsewhere(dice, varied(dice, draw_from_train(dice, list(MAKERS)[i % 4])))
        question, said = ask_about(dice, made)
        if isinstance(made, Chart):
            value = dict(zip(made.labels, made.values, strict=True))
            named = [label for label in value if re.search(rf"\b{label}\b", question)]
            if "difference" in question:
                assert said.endswith(f"! {abs(value[named[0]] - value[named[1]])}")
                seen.add("difference")
        elif not isinstance(made, Plot):
            numbers = {e.number: e for e in made.elements}
            if said == "stop":
                assert made.basket > 0
                seen.add("stop")
                continue
            assert not made.basket
            element = numbers[int(re.fullmatch(r"click \[(\d+)\]", said).group(1))]
            for_sale = [e.label for e in made.elements if e.role == "buy"]
            if element.label == "next":
                assert made.wanted is None or made.wanted[0] not in for_sale
                seen.add("next")
            elif made.wanted is not None and "picture" in question:
                assert element.label == made.wanted[0]
                seen.add("picture")
    assert seen == {"difference", "stop", "next", "picture"}


def test_new_words_get_different_names_in_different_texts():
    given = set()
    for i in range(60):
        dice = Dice(f"new words {i}")
        made = varied(dice, draw_from_train(dice, "page"))
        one, new = tell(dice, made, CONFIG)
        words = [item.word for item in told(made, CONFIG)]
        for n, word in enumerate(words):
            chosen = int(one["related"][n, FIELDS.index("word")])
            if word and word not in CONFIG.words:
                assert new[chosen - CONFIG.other - 1] == word
                given.add(chosen)
            elif word:
                assert CONFIG.words[chosen - 1] == word
    assert len(given) > 4


def test_the_same_numbers_give_the_same_batch():
    for data in (RelateData(CONFIG, 3), SumsData(CONFIG, 3), AnswerData(CONFIG, 3)):
        one, other, third = data(range(4)), data(range(4)), data(range(4, 8))
        assert torch.equal(*(batch.get("own", batch.get("ids")) for batch in (one, other)))
        assert str(one) != str(third)
    one, other = ReadData(CONFIG, 3)(range(10)), ReadData(CONFIG, 3)(range(10))
    assert sorted(tuple(part["pixels"].shape[2:]) for part in one) == [
        (240, 240), (240, 320), (240, 360), (304, 320)
    ]  # fmt: skip
    assert all(torch.equal(a["pixels"], b["pixels"]) for a, b in zip(one, other, strict=True))


def test_every_lesson_can_be_learnt():
    """A few steps on one batch bring each loss down."""
    torch.manual_seed(0)
    for objective, data in (
        (ReadObjective(Read(CONFIG)), ReadData(CONFIG, 0)),
        (RelateObjective(Relate(CONFIG)), RelateData(CONFIG, 0)),
        (AnswerObjective(Answer(CONFIG)), SumsData(CONFIG, 0)),
        (AnswerObjective(Answer(CONFIG)), AnswerData(CONFIG, 0)),
    ):
        batch, losses = data(range(5)), []
        optimiser = torch.optim.AdamW(objective.parameters(), lr=1e-2)
        for _ in range(8):
            total, count = objective(batch)
            loss = total / count
            losses.append(float(loss.detach()))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        assert losses[-1] < 0.8 * losses[0], type(objective)


def test_operands_of_bare_sums_are_not_supervised():
    batch = SumsData(CONFIG, 0)(range(3))
    words = CONFIG.vocabulary
    for ids, labels in zip(batch["ids"].tolist(), batch["labels"].tolist(), strict=True):
        text = words.decode([i for i in ids if i])
        taught = words.decode([label for label in labels if label >= 0])
        assert taught.count("!") == text.count("=") == 3
        assert "plus" not in taught
        assert "minus" not in taught


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A reader trained for two steps a lesson, through the command."""
    folder = tmp_path_factory.mktemp("reader")
    settings = [f"{name}={value}" for name, value in SMALL.items()]
    for lesson in ("read", "relate", "sums", "answer"):
        settings += [f"{lesson}.steps=2", f"{lesson}.batch_size=4", f"{lesson}.warmup=1"]
    changes = [part for setting in settings for part in ("--set", setting)]
    assert main(["train", "reader", "--out", str(folder), *changes]) == 0
    first = (folder / "reader.safetensors").read_bytes()
    shutil.rmtree(folder / "answer")
    assert main(["train", "reader", "--out", str(folder), *changes]) == 0  # goes on
    assert (folder / "reader.safetensors").read_bytes()[:64] == first[:64]
    return folder / "reader.safetensors"


def test_what_was_trained_is_loaded(tiny):
    reader = weights.reader(tiny)
    assert isinstance(reader, Reader)
    assert reader.config == CONFIG
    _, about = weights.read(tiny)
    assert about["steps"] == 2
    assert {"minutes", "machine", "loss", "torch"} <= about.keys()
    with pytest.raises(ValueError, match="holds no clip, but something made of words"):
        weights.clip(tiny)


def test_the_evaluation_has_its_keys(tiny, capsys):
    command = ["evaluate", "reader", "--weights", str(tiny), "--seed", "5", "--count", "6"]
    assert main([*command, "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    for kind, asked in ASKED.items():
        scores = results[kind]
        assert scores["questions"] == 6 == sum(k["questions"] for k in scores["kinds"].values())
        assert {"right", "blind", "majority", "kinds"} <= scores.keys()
        assert set(scores["kinds"]) <= set(asked)
        for row in (scores, *scores["kinds"].values()):
            assert 0 <= row["right"] <= 1
            assert 0 <= row["blind"] <= 1
            assert 0 < row["majority"] <= 1
    for title in ("with names", "without names"):
        assert results["shop"][title]["runs"] == 1
        assert 0 <= results["shop"][title]["success"] <= 1
    assert results["page, names never seen"]["questions"] == 6


def test_questions_are_told_apart_by_their_words():
    asked = {
        "function plot": {"what is the value of y at x = 2?": "value"},
        "chart": {
            "how many apples does mon have?": "value",
            "what is the value of mon?": "value",
            "which town has the fewest cars?": "fewest",
            "how many classes are shown?": "count",
            "is mon higher than tue?": "higher",
        },
        "page": {"buy the cheapest thing.": "cheapest", "show what is in my basket.": "link"},
        "page without names": {
            "buy what is in this picture.": "picture",
            "i want the fruit. buy it.": "group",
            "buy the ant.": "name",
        },
    }
    for table, questions in asked.items():
        for question, kind in questions.items():
            assert question_kind(question, ASKED[table]) == kind


class Knowing(Reader):
    """Says what is true of the pictures it is asked about, in their order."""

    def __init__(self, answers):
        super().__init__(CONFIG)
        self.answers = answers

    def replies(self, items, questions, new, *, most=32):
        said = super().replies(items, questions, new, most=1)
        return [
            one._replace(text=self.answers.get(question, one.text))
            for one, question in zip(said, questions, strict=True)
        ]


def test_right_answers_are_counted_as_right():
    answers = {q.question: q.answer for _, q in synthetic("test", 6, 5)["page"]}
    results = evaluate_reader(Knowing(answers), seed=5, count=6)
    assert results["page"]["right"] == 1.0
    assert results["function plot"]["right"] < 1.0


def test_pages_of_names_never_seen_ask_for_one_of_them():
    for page, asked in pages("names", 20, 2, named=True):
        name = next(e.label for e in page.elements if f"[{e.number}]" in asked.answer)
        assert held_out(name)
        assert name in asked.question
