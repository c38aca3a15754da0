"""What can be answered blind: without the picture. Later results are read against these numbers.

`python -m mvlm.data.baselines` computes them (minutes on one core) and writes `baselines.json`.

- **majority**: the one answer that is right most often on the split itself, so that no constant
  answer does better;
- **question alone**: a naive Bayes classifier over the words of the question, trained on the
  training split, one for each kind of question, its smoothing chosen on questions kept apart.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np

from mvlm.data.questions import KINDS, Question
from mvlm.data.scene import HIGH_RESOLUTION, SPLITS, Canvas, Scenes
from mvlm.data.small_pixmo import make_synthetic

FILE = Path(__file__).with_name("baselines.json")
TRAIN_COUNT, TEST_COUNT = 20_000, 5_000


def majority(questions: Iterable[Question]) -> float:
    """The share of answers that equal the most frequent one."""
    answers = Counter(question.answer for question in questions)
    return answers.most_common(1)[0][1] / answers.total()


SMOOTHING = (0.1, 1.0, 10.0, 100.0, 1000.0)


def learn_blind(questions: list[Question]) -> BlindAnswerer:
    """A classifier with the smoothing that does best on a fifth of the questions, kept apart.

    With much smoothing the words count for nothing and the most frequent answer is given, so what
    is learnt is not worse than that.
    """
    fifth = len(questions) // 5
    kept, rest = questions[:fifth][:1000], questions[fifth:]

    def right(smoothing: float) -> float:
        return share_right(BlindAnswerer(rest, smoothing), kept)

    return BlindAnswerer(questions, max(SMOOTHING, key=right))


class BlindAnswerer:
    """Naive Bayes from the question's words and pairs of words to the answer."""

    def __init__(self, questions: list[Question], smoothing: float = 0.1) -> None:
        self.answers = sorted({question.answer for question in questions})
        place = {answer: i for i, answer in enumerate(self.answers)}
        self.terms: dict[str, int] = {}
        for question in questions:
            for term in terms(question.question):
                self.terms.setdefault(term, len(self.terms))
        counts = np.full((len(self.answers), len(self.terms)), smoothing)
        prior = np.zeros(len(self.answers))
        for question in questions:
            row = place[question.answer]
            prior[row] += 1
            np.add.at(counts[row], self._known(question.question), 1)
        self.log_prior = np.log(prior / prior.sum())
        self.log_terms = np.log(counts / counts.sum(1, keepdims=True))

    def _known(self, question: str) -> list[int]:
        return [self.terms[term] for term in terms(question) if term in self.terms]

    def answer(self, question: str) -> str:
        scores = self.log_prior + self.log_terms[:, self._known(question)].sum(1)
        return self.answers[int(scores.argmax())]


def share_right(answerer: BlindAnswerer, questions: list[Question]) -> float:
    right = [answerer.answer(question.question) == question.answer for question in questions]
    return float(np.mean(right))


def terms(question: str) -> list[str]:
    words = question.replace("?", " ?").replace(".", " .").replace(":", " :").split()
    return words + [f"{one} {two}" for one, two in pairwise(words)]


def scene_questions(split: str, count: int, canvas: Canvas | None = None) -> list[Question]:
    source = Scenes(split, count, **({} if canvas is None else {"canvas": canvas}))
    return [question for i in range(count) for question in source.scene(i).questions]


def synthetic_questions(split: str, count: int) -> list[Question]:
    return [Question(made.kind, *made.ask(dice)) for dice, made in make_synthetic(split, count, 0)]


def by_kind(questions: Iterable[Question]) -> dict[str, list[Question]]:
    found = defaultdict(list)
    for question in questions:
        found[question.kind].append(question)
    return dict(found)


def blind_scores(
    train: list[Question], tests: dict[str, list[Question]]
) -> dict[str, dict[str, dict[str, float]]]:
    """Split -> kind -> both scores, from 0 to 1, rounded to three places, and the count."""
    answerers = {kind: learn_blind(questions) for kind, questions in by_kind(train).items()}
    scores = {}
    for split, questions in tests.items():
        scores[split] = {
            kind: {
                "questions": len(asked),
                "majority": round(majority(asked), 3),
                "question alone": round(share_right(answerers[kind], asked), 3),
            }
            for kind, asked in sorted(by_kind(questions).items(), key=lambda item: order(item[0]))
        }
    return scores


def order(kind: str) -> tuple[int, str]:
    return (KINDS.index(kind) if kind in KINDS else len(KINDS), kind)


def main() -> None:
    splits = {split: scene_questions(split, TEST_COUNT) for split in SPLITS}
    splits["high_resolution test"] = scene_questions("test", TEST_COUNT, HIGH_RESOLUTION)
    # Other scenes than those that are scored: seed 0 too, but further on.
    train = Scenes("train", TEST_COUNT + TRAIN_COUNT)
    learnt = [
        question
        for i in range(TEST_COUNT, TEST_COUNT + TRAIN_COUNT)
        for question in train.scene(i).questions
    ]
    scores = blind_scores(learnt, splits)
    scores |= blind_scores(
        synthetic_questions("train", TEST_COUNT),
        {"synthetic test": synthetic_questions("test", TEST_COUNT)},
    )
    FILE.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    print(f"{FILE.name}: {', '.join(scores)}")


def blind_baselines() -> dict[str, dict[str, dict[str, float]]]:
    """The recorded scores: split -> kind -> `questions`, `majority`, `question alone`."""
    return json.loads(FILE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
