"""Right and wrong answers to sensitivity."""

from itertools import combinations, pairwise

import numpy as np
import torch

from bank import mistake, right


def plain(answer):
    return answer.strip().lower()


def differs(row):
    return len({plain(answer) for answer in row}) > 1


def compared(answers):
    return [row for row in answers if len(row) > 1]


def of(answers, measure):
    rows = compared(answers)
    return sum(measure(row) for row in rows) / len(rows) if rows else 0.0


@right("Neighbours compared: any change is a change between two that follow each other.")
def neighbours(answers):
    return of(answers, lambda row: any(plain(a) != plain(b) for a, b in pairwise(row)))


@right("Beside the first, with NumPy's mean.")
def beside_first(answers):
    flags = [any(plain(a) != plain(row[0]) for a in row) for row in answers if row[1:]]
    return np.mean(flags) if flags else 0


@right("torch's mean, in float32.")
def with_torch(answers):
    flags = torch.tensor([float(differs(row)) for row in compared(answers)])
    return flags.mean() if len(flags) else torch.zeros(())


@right("Two counters and a loop.")
def loop(answers):
    changed = asked = 0
    for row in answers:
        if len(row) == 1:
            continue
        asked += 1
        first = plain(row[0])
        for answer in row[1:]:
            if plain(answer) != first:
                changed += 1
                break
    return changed / max(asked, 1)


@mistake("Pairs of pictures are counted.", fails="sens-several", says="share of pairs")
def pairs(answers):
    def measure(row):
        both = list(combinations(map(plain, row), 2))
        return sum(a != b for a, b in both) / len(both)

    return of(answers, measure)


@mistake(
    "Pictures other than the first are counted.", fails="sens-several", says="questions are counted"
)
def pictures(answers):
    flags = [plain(a) != plain(row[0]) for row in answers for a in row[1:]]
    return sum(flags) / len(flags) if flags else 0.0


@mistake("The first two pictures alone.", fails="sens-several", says="the first two pictures")
def first_two(answers):
    return of(answers, lambda row: differs(row[:2]))


@mistake(
    "The first and the last picture alone.",
    fails="sens-several",
    says="with the first and with the last",
)
def both_ends(answers):
    return of(answers, lambda row: differs((row[0], row[-1])))


@mistake(
    "All answers have to differ.", fails="sens-several", says="only where ALL its answers differ"
)
def all_differ(answers):
    return of(answers, lambda row: len(set(map(plain, row))) == len(row))


@mistake("Letter for letter.", fails="sens-spelling", says="capitals or in spaces at their ends")
def letters(answers):
    return of(answers, lambda row: len(set(row)) > 1)


@mistake("Capitals count.", fails="sens-spelling", says="differ in capitals count")
def capitals(answers):
    return of(answers, lambda row: len({a.strip() for a in row}) > 1)


@mistake("Spaces at the ends count.", fails="sens-spelling", says="differ in spaces at their ends")
def spaces(answers):
    return of(answers, lambda row: len({a.lower() for a in row}) > 1)


@mistake("Spaces inside are taken away too.", fails="sens-spelling", says="'topleft'")
def no_spaces(answers):
    return of(answers, lambda row: len({a.replace(" ", "").strip().lower() for a in row}) > 1)


@mistake("The first word alone is compared.", fails="sens-spelling", says="'topleft'")
def first_letters(answers):
    return of(answers, lambda row: len({plain(a)[:3] for a in row}) > 1)


@mistake("One picture counts as unchanged.", fails="sens-single", says="whose answer stayed")
def stayed(answers):
    return sum(map(differs, answers)) / len(answers)


@mistake("One picture counts as changed.", fails="sens-single", says="whose answer changed")
def moved(answers):
    return sum(len(row) < 2 or differs(row) for row in answers) / len(answers)


@mistake("No question left: a division by 0.", fails="sens-single", says="ZeroDivisionError")
def divides_by_none(answers):
    rows = compared(answers)
    return sum(map(differs, rows)) / len(rows)


@mistake("No question left: nan.", fails="sens-single", says="sensitivity returned nan")
def not_a_number(answers):
    rows = compared(answers)
    return sum(map(differs, rows)) / len(rows) if rows else float("nan")


@mistake("No question left: None.", fails="sens-single", says="returned None")
def nothing(answers):
    rows = compared(answers)
    return sum(map(differs, rows)) / len(rows) if rows else None


@mistake(
    "Divided by the number of answers.",
    fails="sens-share, sens-several, sens-spelling, sens-single",
    says="divided by the number of answers",
)
def by_answers(answers):
    return sum(map(differs, answers)) / sum(map(len, answers))


@mistake(
    "The share that stayed.",
    fails="sens-share, sens-several, sens-spelling, sens-single",
    says="whose answer stayed",
)
def unchanged(answers):
    return 1 - of(answers, differs)


@mistake(
    "How many changed.",
    fails="sens-share, sens-several, sens-spelling, sens-single",
    says="that is how many questions changed",
)
def how_many(answers):
    return sum(map(differs, answers))


@mistake(
    "Percent.",
    fails="sens-share, sens-several, sens-spelling, sens-single",
    says="that is in percent",
)
def percent(answers):
    return 100 * of(answers, differs)


@mistake(
    "Rounded to one digit.",
    fails="sens-share, sens-several, sens-spelling, sens-single",
    says="the sensitivity is",
)
def rounded(answers):
    return int(10 * of(answers, differs) + 0.3) / 10


@mistake(
    "Rows with one answer are taken out of the list that was passed.",
    fails="sens-single",
    says="changed its first argument",
)
def taken_out(answers):
    for row in [row for row in answers if len(row) == 1]:
        answers.remove(row)
    return of(answers, differs)


@mistake("The full stop is taken away too.", fails="sens-spelling", says="'yes.'")
def no_full_stop(answers):
    return of(answers, lambda row: len({plain(a).rstrip(".") for a in row}) > 1)


@mistake("Several spaces inside count as one.", fails="sens-spelling", says="'top  left'")
def squeezed(answers):
    return of(answers, lambda row: len({" ".join(plain(a).split()) for a in row}) > 1)


@mistake(
    "How much each question changed, and the mean of that.",
    fails="sens-several",
    says="how MUCH each question changed",
)
def mean_of_changes(answers):
    def measure(row):
        return sum(plain(a) != plain(row[0]) for a in row[1:]) / (len(row) - 1)

    return of(answers, measure)


@mistake(
    "Rounded to two digits.",
    fails="sens-share, sens-several, sens-spelling, sens-single",
    says="that is rounded",
)
def two_digits(answers):
    return round(of(answers, differs), 2)


@mistake("The first three pictures alone.", fails="sens-several", says="the first three pictures")
def first_three(answers):
    return of(answers, lambda row: differs(row[:3]))


@mistake("The first four pictures alone.", fails="sens-several", says="the first four pictures")
def first_four(answers):
    return of(answers, lambda row: differs(row[:4]))


@mistake("The first two and the last.", fails="sens-several", says="How many DIFFERENT answers")
def first_two_and_last(answers):
    return of(answers, lambda row: differs([*row[:2], row[-1]]))


@mistake("Spaces before an answer count.", fails="sens-spelling", says="differ in spaces before")
def right_end_alone(answers):
    return of(answers, lambda row: len({a.rstrip().lower() for a in row}) > 1)


@mistake("Spaces after an answer count.", fails="sens-spelling", says="differ in spaces after")
def left_end_alone(answers):
    return of(answers, lambda row: len({a.lstrip().lower() for a in row}) > 1)


@mistake("Tabs and line ends count.", fails="sens-spelling", says="differ in tabs or line ends")
def spaces_alone(answers):
    return of(answers, lambda row: len({a.strip(" ").lower() for a in row}) > 1)


@mistake(
    "Empty answers are left out.",
    fails="sens-spelling",
    says="An empty answer is one like any other",
)
def without_empty(answers):
    return of(answers, lambda row: differs([a for a in row if a.strip()]))


@mistake(
    "Each answer is written back in its plain form.",
    fails="sens-single",
    says="changed its first argument",
)
def written_back(answers):
    for row in compared(answers):
        row[:] = [plain(answer) for answer in row]
    return of(answers, lambda row: len(set(row)) > 1)


@mistake(
    "Each answer is written back in small letters.",
    fails="sens-single",
    says="changed its first argument",
)
def small_written_back(answers):
    for row in answers:
        for n, answer in enumerate(row):
            row[n] = answer.lower()
    return of(answers, differs)
