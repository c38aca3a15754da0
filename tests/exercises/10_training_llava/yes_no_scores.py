"""Right and wrong answers to yes_no_scores."""

import re

import torch
from bank import mistake, right


def word(text):
    match = re.search("[a-z]+", text.lower())
    return match[0] if match else ""


def ratio(part, whole):
    return part / whole if whole else 0.0


def scores(read, there, *, total=None, present=None):
    """From what was read: "yes", "no" or something else."""
    total = len(read) if total is None else total
    yes = sum(one == "yes" for one in read)
    hits = sum(one == "yes" and t for one, t in zip(read, there))
    right_no = sum(one == "no" and not t for one, t in zip(read, there))
    precision = ratio(hits, yes)
    recall = ratio(hits, sum(there) if present is None else present)
    return {
        "accuracy": ratio(hits + right_no, total),
        "precision": precision,
        "recall": recall,
        "f1": ratio(2 * precision * recall, precision + recall),
        "yes": ratio(yes, total),
        "unreadable": ratio(sum(one not in ("yes", "no") for one in read), len(read)),
    }


@right("As the solutions write it.")
def master(said, there):
    return scores([word(text) for text in said], there)


@right("With tensors.")
def with_tensors(said, there):
    read = torch.tensor([{"yes": 1, "no": 0}.get(word(text), -1) for text in said])
    truth = torch.tensor(there)
    hits = ((read == 1) & truth).sum().item()
    alarms = ((read == 1) & ~truth).sum().item()
    missed = ((read != 1) & truth).sum().item()
    return {
        "accuracy": (read == truth.long()).double().mean(),
        "precision": hits / max(1, hits + alarms),
        "recall": hits / max(1, hits + missed),
        "f1": 2 * hits / max(1, 2 * hits + alarms + missed),
        "yes": (read == 1).double().mean().item(),
        "unreadable": (read < 0).double().mean().item(),
    }


@right("Letter by letter.")
def by_letters(said, there):
    def first(text):
        found = []
        for letter in text:
            if letter.isascii() and letter.isalpha():
                found.append(letter.lower())
            elif found:
                break
        return "".join(found)

    return scores([first(text) for text in said], there)


@right("Six cells.")
def six_cells(said, there):
    cells = {(w, t): 0 for w in ("yes", "no", "?") for t in (True, False)}
    for text, t in zip(said, there):
        match = re.match(r"[^a-zA-Z]*([a-zA-Z]+)", text)
        w = match.group(1).lower() if match else "?"
        cells[w if w in ("yes", "no") else "?", t] += 1
    total = sum(cells.values())
    yes = cells["yes", True] + cells["yes", False]
    present = sum(n for (_, t), n in cells.items() if t)
    p = cells["yes", True] / yes if yes else 0.0
    r = cells["yes", True] / present if present else 0.0
    return {
        "unreadable": (cells["?", True] + cells["?", False]) / total,
        "yes": yes / total,
        "f1": 2 * p * r / (p + r) if p + r else 0.0,
        "recall": r,
        "precision": p,
        "accuracy": (cells["yes", True] + cells["no", False]) / total,
    }


@mistake(
    "The published reader.",
    fails="yes-words, yes-unreadable, yes-nothing",
    says="as if this answer were read as the opposite",
)
def published(said, there):
    def read(text):
        words = text.split(".")[0].replace(",", "").split(" ")
        return "no" if {"No", "no", "not"} & set(words) else "yes"

    return scores([read(text) for text in said], there)


@mistake(
    "Everything but no is yes.",
    fails="yes-words, yes-unreadable, yes-nothing",
    says="as if this answer were read as yes or no",
)
def else_yes(said, there):
    return scores(["no" if word(text) == "no" else "yes" for text in said], there)


@mistake(
    "Everything but yes is no.",
    fails="yes-words, yes-unreadable, yes-nothing",
    says="as if this answer were read as yes or no",
)
def else_no(said, there):
    return scores(["yes" if word(text) == "yes" else "no" for text in said], there)


@mistake(
    "Letters, not words.", fails="yes-words, yes-unreadable, yes-nothing", says="'no yes' is no"
)
def letters(said, there):
    def read(text):
        text = text.lower()
        return "yes" if "yes" in text else "no" if "no" in text else ""

    return scores([read(text) for text in said], there)


@mistake(
    "What it begins with.",
    fails="yes-words, yes-unreadable, yes-nothing",
    says="as if this answer were read as yes or no",
)
def begins(said, there):
    def read(text):
        text = re.sub("[^a-z]", "", text.lower())
        return "yes" if text.startswith("yes") else "no" if text.startswith("no") else ""

    return scores([read(text) for text in said], there)


@mistake(
    "A yes or no anywhere.", fails="yes-words", says="as if this answer were read as yes or no"
)
def anywhere(said, there):
    def read(text):
        words = re.findall("[a-z]+", text.lower())
        return next((one for one in words if one in ("yes", "no")), "")

    return scores([read(text) for text in said], there)


@mistake(
    "Capital letters are others.",
    fails="yes-words, yes-readable, yes-unreadable, yes-nothing",
    says="is yes",
)
def capitals(said, there):
    def read(text):
        match = re.search("[A-Za-z]+", text)
        return match[0] if match else ""

    return scores([read(text) for text in said], there)


@mistake(
    "Punctuation stays at the word.",
    fails="yes-words, yes-readable, yes-unreadable, yes-nothing",
    says="is yes",
)
def punctuation(said, there):
    return scores([(text.lower().split() or [""])[0] for text in said], there)


@mistake(
    "An empty answer breaks it.", fails="yes-words, yes-unreadable, yes-nothing", says="IndexError"
)
def breaks(said, there):
    return scores([re.findall("[a-z]+", text.lower())[0] for text in said], there)


@mistake(
    "Only readable answers are counted.",
    fails="yes-unreadable, yes-nothing",
    says="a model could improve by refusing",
)
def readable_only(said, there):
    read = [word(text) for text in said]
    kept = [(w, t) for w, t in zip(read, there) if w in ("yes", "no")]
    found = scores(read, there, total=len(kept), present=sum(t for _, t in kept))
    return found


@mistake("The share of yes among the readable.", fails="yes-unreadable", says="yes is")
def yes_of_readable(said, there):
    read = [word(text) for text in said]
    readable = sum(one in ("yes", "no") for one in read)
    return scores(read, there) | {"yes": ratio(read.count("yes"), readable)}


@mistake("F1 of no.", fails="yes-readable, yes-unreadable, yes-nothing", says="wanted for yes")
def of_no(said, there):
    read = [word(text) for text in said]
    turned = [{"yes": "no", "no": "yes"}.get(one, one) for one in read]
    found = scores(turned, [not t for t in there])
    return found | {"yes": ratio(read.count("yes"), len(read))}


@mistake("F1 as the mean of both.", fails="yes-readable, yes-unreadable", says="f1 is")
def arithmetic(said, there):
    found = master(said, there)
    return found | {"f1": (found["precision"] + found["recall"]) / 2}


@mistake("Precision and recall are swapped.", fails="yes-readable, yes-unreadable", says="wanted")
def swapped(said, there):
    found = master(said, there)
    return found | {"precision": found["recall"], "recall": found["precision"]}


@mistake("Divides by nothing.", fails="yes-nothing", says="ZeroDivisionError")
def divides(said, there):
    read = [word(text) for text in said]
    hits = sum(one == "yes" and t for one, t in zip(read, there))
    precision, recall = hits / read.count("yes"), hits / sum(there)
    f1 = 2 * precision * recall / (precision + recall)
    return scores(read, there) | {"precision": precision, "recall": recall, "f1": f1}


@mistake("Rounded.", fails="yes-words, yes-readable, yes-unreadable, yes-nothing", says="wanted")
def rounded(said, there):
    return {name: round(value, 2) for name, value in master(said, there).items()}


@mistake(
    "The answers are changed in place.", fails="yes-unreadable", says="changed its first argument"
)
def in_place(said, there):
    for place, text in enumerate(said):
        said[place] = word(text)
    return scores(said, there)


@mistake(
    "A sign belongs to the word.", fails="yes-words", says="as if this answer were read as neither"
)
def underscores(said, there):
    return scores([(re.findall("[a-z_]+", text.lower()) or [""])[0] for text in said], there)


@mistake(
    "From A to z, with six signs between.",
    fails="yes-words",
    says="as if this answer were read as neither",
)
def from_a_to_z(said, there):
    return scores([(re.findall("[A-z]+", text) or [""])[0].lower() for text in said], there)


@mistake("Letters of all alphabets.", fails="yes-words", says="'é: yes' is yes")
def all_alphabets(said, there):
    found = [re.findall(r"[^\W\d_]+", text.lower()) or [""] for text in said]
    return scores([words[0] for words in found], there)


@mistake("A hyphen belongs to the word.", fails="yes-words", says="'no-one' is no")
def hyphens(said, there):
    return scores([(re.findall("[a-z-]+", text.lower()) or [""])[0] for text in said], there)


@mistake(
    "Accuracy over the readable alone.",
    fails="yes-unreadable, yes-nothing",
    says="accuracy is a share of all answers",
)
def accuracy_of_readable(said, there):
    read = [word(text) for text in said]
    kept = [(w, t) for w, t in zip(read, there) if w in ("yes", "no")]
    right_ = sum((w == "yes") == t for w, t in kept)
    return scores(read, there) | {"accuracy": ratio(right_, len(kept))}
