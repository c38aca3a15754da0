"""Every text is true of its picture, by a second reading that shares no code with the writers.

The reader below knows English, not the grammar: it looks for numbers, names and places in the
text, and works out the truth from names and boxes alone.
"""

import re
from collections import Counter

import pytest

import mvlm.data
from mvlm.data.things import a, plural

WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
NUMBER = {word: number for number, word in enumerate(WORDS)}
IRREGULAR = {
    "mice": "mouse", "fish": "fish", "wolves": "wolf", "strawberries": "strawberry",
    "potatoes": "potato", "tomatoes": "tomato", "volcanoes": "volcano", "scarves": "scarf",
    "sandwiches": "sandwich", "boxes": "box", "buses": "bus", "toothbrushes": "toothbrush",
    "paintbrushes": "paintbrush", "batteries": "battery", "peaches": "peach",
    "cactuses": "cactus", "trophies": "trophy", "torches": "torch", "wrenches": "wrench",
}  # fmt: skip
NAMES = set(mvlm.data.everyday_vocabulary())


def singular(word: str) -> str:
    if word in NAMES and word != "fish":
        return word
    if word in IRREGULAR:
        return IRREGULAR[word]
    assert word.endswith("s"), word
    assert word[:-1] in NAMES, word
    return word[:-1]


class Reading:
    """The truth about a picture, from boxes: which third of the picture each centre is in."""

    def __init__(self, names: list[str], boxes: list, width: int, height: int) -> None:
        self.count = Counter(names)
        self.total = len(names)
        self.at, self.where = {}, {}
        for name, (x0, y0, x1, y1) in zip(names, boxes, strict=True):
            column, row = int(3 * (x0 + x1) / 2 / width), int(3 * (y0 + y1) / 2 / height)
            place = ("top", "middle", "bottom")[row] + " " + ("left", "middle", "right")[column]
            place = {"middle middle": "centre"}.get(place, place)
            self.at[place] = name
            self.where.setdefault(name, []).append((column, row, place))

    def stands(self, one: str, relation: str, other: str) -> bool:
        ((x, y, _),), ((u, v, _),) = self.where[one], self.where[other]
        return {"left of": x < u, "right of": x > u, "above": y < v, "below": y > v}[relation]


PLACE = r"(?:(?:top|middle|bottom) (?:left|middle|right)|centre)"
RELATION = r"(left of|right of|above|below)"


def check_sentence(sentence: str, truth: Reading) -> None:
    # Relations: two names, one relation.
    related = re.search(rf"the (\w+) (?:is |stands )?{RELATION} the (\w+)", sentence)
    turned = re.match(rf"{RELATION} the (\w+) is the (\w+)", sentence)
    if turned:
        relation, other, one = turned.groups()
        assert truth.stands(one, relation, other), sentence
        return
    if related:
        one, relation, other = related.groups()
        assert truth.stands(one, relation, other), sentence
        return
    if "all the" in sentence:
        word, row = re.search(
            r"all the (\w+) stand in the (top|middle|bottom) row", sentence
        ).groups()
        rows = {y for _, y, _ in truth.where[singular(word)]}
        assert rows == {("top", "middle", "bottom").index(row)}, sentence
        return
    bare = "nothing" in sentence and "else" not in sentence
    if bare or "empty" in sentence or "taken" in sentence:
        places = re.findall(PLACE, sentence)
        if places:
            assert places[0] not in truth.at, sentence
        else:
            assert truth.total == 9, sentence
        return
    if "nothing else is there" in sentence:
        assert truth.total == 1
        return
    if re.search(r"\bthings?\b", sentence) and "other things" not in sentence:
        word = re.search(r"(\w+) things?\b", sentence).group(1)
        assert NUMBER[word] == truth.total, sentence
        return
    found = re.findall(
        rf"\b(an?|{'|'.join(NUMBER)}) (\w+)(?: (?:is |stands )?in the ({PLACE}))?", sentence
    )
    before = re.search(rf"in the ({PLACE}) (?:is|you see) an? (\w+)", sentence)
    if before:
        assert truth.at[before.group(1)] == before.group(2), sentence
        return
    listed = 0
    for number, word, place in found:
        if word in ("picture", "small", "image", "part") or (number == "one" and word == "can"):
            continue
        if place:
            assert truth.at[place] == word, sentence
            continue
        count = 1 if number in ("a", "an") else NUMBER[number]
        assert truth.count[singular(word)] == count, (sentence, word)
        assert number != "an" or word[0] in "aeiou", sentence
        listed += count
    assert listed or any(place for _, _, place in found), sentence
    if "nothing else" in sentence:
        assert listed == truth.total, sentence


def answer_of(question: str, kind: str, truth: Reading) -> str:
    """Answer from the reading alone, whatever the wording."""
    names = re.findall(r"\w+", question)
    if kind == "what":
        return truth.at.get(re.search(rf"({PLACE})", question).group(1), "nothing")
    if kind == "where":
        (name,) = {word for word in re.findall(r"the (\w+)", question) if word in truth.count}
        ((_, _, place),) = truth.where[name]
        return place
    if kind == "how many":
        if "things" in names:
            return str(truth.total)
        (name,) = {
            singular(w) for w in names if w in IRREGULAR or (w[-1] == "s" and w[:-1] in NAMES)
        }
        return str(truth.count[name])
    if kind == "is there":
        (name,) = {word for word in re.findall(r"\ban? (\w+)", question) if word in NAMES}
        return "yes" if truth.count[name] else "no"
    if kind == "relation":
        (relation,) = re.findall(RELATION, question)
        said = [word for word in re.findall(r"the (\w+)", question) if word in truth.count]
        one, other = said
        if re.match(RELATION, question):
            one, other = other, one
        return "yes" if truth.stands(one, relation, other) else "no"
    more = re.search(r"(more|fewer) (\w+) than (\w+)|as many (\w+) as (\w+)", question)
    how, one, other, same, as_ = more.groups()
    if same:
        return "yes" if truth.count[singular(same)] == truth.count[singular(as_)] else "no"
    difference = truth.count[singular(one)] - truth.count[singular(other)]
    return "yes" if (difference > 0 if how == "more" else difference < 0) else "no"


@pytest.mark.parametrize(
    ("split", "count"), [("train", 6000), ("test", 2000), ("artist", 1000), ("names", 1000)]
)
def test_captions_and_answers_are_true(split, count):
    scenes = mvlm.data.Scenes(split, count, seed=11)
    answered = Counter()
    for i in range(count):
        scene = scenes.scene(i)
        truth = Reading(
            [thing.name for thing in scene.things], [thing.box for thing in scene.things], 120, 120
        )
        for sentence in re.findall(r"[^.]+\.", scene.caption):
            check_sentence(sentence.strip(), truth)
        for question in scene.questions:
            right = answer_of(question.question, question.kind, truth)
            assert question.answer == right, (question, truth.at)
            answered[question.kind] += 1
    assert len(answered) == 6
    assert min(answered.values()) > count / 3


def test_high_resolution_texts_are_true():
    scenes = mvlm.data.Scenes("test", 300, canvas=mvlm.data.HIGH_RESOLUTION)
    for i in range(300):
        scene = scenes.scene(i)
        height, width = scene.size
        truth = Reading(
            [thing.name for thing in scene.things], [t.box for t in scene.things], width, height
        )
        for question in scene.questions:
            assert question.answer == answer_of(question.question, question.kind, truth)


def test_descriptions_are_true_and_complete():
    import json

    for row in mvlm.data.pixmo("captions", "test", 200).remove_columns("image"):
        facts = json.loads(row["facts"])
        names = [thing["name"] for thing in facts["objects"]]
        truth = Reading(
            names, [t["box"] for t in facts["objects"]], facts["width"], facts["height"]
        )
        for sentence in re.findall(r"[^.]+\.", row["answer"]):
            check_sentence(sentence.strip(), truth)
        assert all(name in row["answer"] for name in names)


@pytest.mark.parametrize(
    ("name", "one", "many"),
    [
        ("dog", "a dog", "dogs"),
        ("umbrella", "an umbrella", "umbrellas"),
        ("unicorn", "a unicorn", "unicorns"),
        ("mouse", "a mouse", "mice"),
        ("potato", "a potato", "potatoes"),
        ("peach", "a peach", "peaches"),
        ("ear of corn", "an ear of corn", "ears of corn"),
        ("key", "a key", "keys"),
        ("strawberry", "a strawberry", "strawberries"),
    ],
)
def test_english(name, one, many):
    assert (a(name), plural(name)) == (one, many)
