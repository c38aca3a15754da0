import hashlib
import json
import re
from collections import Counter

import numpy as np
import pytest

import mvlm.data
from mvlm.data.canvas import COLOURS
from mvlm.points import parse_points

KINDS = ("captions", "ask", "points", "synthetic")
CHECKSUMS = {
    "captions": "54cd1578686a78ab2e49122e12297c912b590230bc86c238b1e56c6b4b823bf4",
    "ask": "f9c6d242952de721a4d7f721d0d8afdfaef3e23bee075e42b0633ac2c1475019",
    "points": "e5fd3c8884e88adb2a35aede55861058cd126a6c9463e4921519b830999fc35c",
    "synthetic": "2ef853619aecea69541abe146dddcbcc4327a95466bc8c7c5c49a92dcca1b7f9",
}


def fingerprint(kind: str) -> str:
    digest = hashlib.sha256()
    for row in mvlm.data.pixmo(kind, "train", 40):
        digest.update(np.asarray(row["image"]).tobytes())
        digest.update(repr([row[key] for key in ("question", "answer", "kind", "facts")]).encode())
    return digest.hexdigest()


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_bytes(kind):
    assert fingerprint(kind) == CHECKSUMS[kind]


@pytest.mark.parametrize("picture", ["scenes", "high_resolution"])
def test_points_lie_in_their_boxes(picture):
    seen = Counter()
    for row in mvlm.data.pixmo("points", "test", 300, picture=picture):
        facts = json.loads(row["facts"])
        boxes = [thing["box"] for thing in facts["objects"] if thing["name"] == facts["name"]]
        points = parse_points(row["answer"])
        assert len(points) == len(boxes)
        assert list(points) == sorted(points)
        for x, y in points:
            x, y = x * facts["width"] / 100, y * facts["height"] / 100
            assert sum(x0 <= x < x1 and y0 <= y < y1 for x0, y0, x1, y1 in boxes) == 1
        if not boxes:
            assert row["answer"] == "There are none."
        elif row["kind"] == "count":
            assert row["answer"].endswith(f"shows a total of {len(boxes)}.")
        assert row["image"].size == (facts["width"], facts["height"])
        seen[row["kind"], min(len(boxes), 2)] += 1
    assert len(seen) == 6


def test_ask_holds_the_short_answer():
    for row in mvlm.data.pixmo("ask", "train", 200).remove_columns("image"):
        assert json.loads(row["facts"])["answer"] in row["answer"]


@pytest.fixture(scope="module")
def synthetic():
    return mvlm.data.pixmo("synthetic", "train", 900)


def facts_of(synthetic, *kinds):
    for row in synthetic:
        if row["kind"] in kinds:
            yield row, json.loads(row["facts"])


def read_values(picture: np.ndarray, facts: dict) -> list[int]:
    """Read a chart's values from its pixels: the height of the colour above the axis."""
    colour = np.array(COLOURS[facts["colour"]])
    slot = 300 // len(facts["labels"])
    values = []
    for i in range(len(facts["labels"])):
        column = 48 + slot * i + slot // 2
        if facts["form"] == "bar":
            column -= slot // 4  # beside the number
            rows = np.nonzero((picture[34:194, column] == colour).all(1))[0]
            values.append(round((160 - rows[0]) / 8) * facts["scale"])
        else:  # the marker is 7×7, the line is thinner
            block = (picture[:, column - 3 : column + 4] == colour).all(2).all(1)
            rows = np.nonzero(block)[0]
            steps = {round((194 - (rows[j] + 3)) / 8) for j in range(len(rows) - 6)
                     if rows[j + 6] - rows[j] == 6}  # fmt: skip
            values.append(steps)
    return values


def test_chart_pixels_show_their_values(synthetic):
    for row, facts in facts_of(synthetic, "bar chart", "line chart"):
        values = read_values(np.asarray(row["image"]), facts)
        if facts["form"] == "bar":
            assert values == facts["values"]
        else:
            wanted = [value // facts["scale"] for value in facts["values"]]
            assert all(step in steps for step, steps in zip(wanted, values, strict=True))


def test_chart_answers(synthetic):
    asked = Counter()
    for row, facts in facts_of(synthetic, "bar chart", "line chart"):
        value = dict(zip(facts["labels"], facts["values"], strict=True))
        question, answer = row["question"], row["answer"]
        said = [word for word in re.findall(r"\w+", question) if word in value]
        if "difference" in question:
            right = str(abs(value[said[0]] - value[said[1]]))
        elif "sum" in question:
            right = str(sum(value[word] for word in said))
        elif "higher" in question:
            right = "yes" if value[said[0]] > value[said[1]] else "no"
        elif "most" in question:
            right = sorted(value, key=lambda label: value[label])[-1]
        elif "fewest" in question:
            right = sorted(value, key=lambda label: value[label])[0]
        elif "shown" in question:
            right = str(len(value))
        elif "title" in question:
            right = f"{facts['y_label']} {facts['title'].split()[1]} by {facts['x_label']}"
        else:
            (label,) = said
            right = str(value[label])
        assert answer == right, question
        asked[question.split()[0], "difference" in question, "sum" in question] += 1
    assert len(asked) >= 5


def test_plot_answers_by_numpy(synthetic):
    answers = Counter()
    for row, facts in facts_of(synthetic, "function plot"):
        function = np.polynomial.Polynomial([eval_fraction(c) for c in facts["coefficients"]])
        numbers = [int(n) for n in re.findall(r"x = (-?\d+)", row["question"])]
        if "zeros" in row["question"]:
            roots = function.roots()
            right = str(sum(abs(r.imag) < 1e-9 and abs(r.real) <= 5 for r in roots))
        elif "derivative" in row["question"]:
            one, other = (function.deriv()(x) for x in numbers)
            right = "equal to" if abs(one - other) < 1e-9 else (
                "larger than" if one > other else "smaller than"
            )  # fmt: skip
        else:
            right = str(round(function(numbers[0])))
        assert row["answer"] == right, row["question"]
        answers[right] += 1
    assert len(answers) > 8


def eval_fraction(text: str) -> float:
    top, _, bottom = text.partition("/")
    return int(top) / int(bottom or 1)


def test_plot_pixels_pass_through_their_values(synthetic):
    for row, facts in facts_of(synthetic, "function plot"):
        picture = np.asarray(row["image"]).astype(int)
        coefficients = [eval_fraction(c) for c in facts["coefficients"]]
        for x in range(-5, 6):
            y = sum(c * x**k for k, c in enumerate(coefficients))
            if abs(y) <= 4.5:
                column, line = 120 + 22 * x, round(120 - 22 * y)
                patch = picture[line - 2 : line + 3, column - 1 : column + 2].reshape(-1, 3)
                # Coloured: neither paper, grid nor ink, which are all grey.
                assert (patch.max(1) - patch.min(1)).max() > 30, (x, y)


def test_page_actions(synthetic):
    tasks = Counter()
    for row, facts in facts_of(synthetic, "web page"):
        number = int(re.fullmatch(r"click \[(\d+)\]", row["answer"]).group(1))
        elements = facts["elements"]
        assert len({element["number"] for element in elements}) == len(elements) == 8
        (target,) = (element for element in elements if element["number"] == number)
        prices = sorted(element["price"] for element in elements if element["role"] == "buy")
        if "cheapest" in row["question"] or "lowest" in row["question"]:
            assert target["price"] == prices[0]
            tasks["cheap"] += 1
        elif "dearest" in row["question"] or "highest" in row["question"]:
            assert target["price"] == prices[-1]
            tasks["dear"] += 1
        elif target["role"] == "buy":
            assert target["label"] in row["question"]
            tasks["buy"] += 1
        else:
            hints = {"home": "home", "offers": "offers", "help": "help", "sign in": "sign in",
                     "basket": "in my basket", "about": "who runs"}  # fmt: skip
            assert hints[target["label"]] in row["question"]
            tasks["link"] += 1
        x0, y0, x1, y1 = target["box"]
        picture = np.asarray(row["image"])
        assert 0 <= x0 < x1 <= picture.shape[1]
        assert 0 <= y0 < y1 <= picture.shape[0]
        assert (
            np.ptp(picture[y0:y1, x0:x1].astype(int), axis=(0, 1)).max() > 100
        )  # something is there
    assert len(tasks) == 4


def test_synthetic_splits_share_no_picture():
    facts = {
        split: set(mvlm.data.pixmo("synthetic", split, 300)["facts"])
        for split in ("train", "validation", "test")
    }
    assert not facts["train"] & facts["test"]
    assert not facts["train"] & facts["validation"]
    assert not facts["validation"] & facts["test"]


def test_bad_input_says_what_exists():
    with pytest.raises(ValueError, match="unknown kind 'maths': choose one of captions, ask, poin"):
        mvlm.data.pixmo("maths")
    with pytest.raises(ValueError, match="unknown split 'dev': choose one of train"):
        mvlm.data.pixmo("ask", "dev")
    with pytest.raises(ValueError, match="unknown picture 'big': choose one of scenes, high_res"):
        mvlm.data.pixmo("ask", picture="big")
