"""Right and wrong answers to count_verdict."""

import itertools
import math
import re

import numpy as np

from bank import mistake, right

PAIR = re.compile(r'\bx(\d*)="(\d+(?:\.\d+)?)" y\1="(\d+(?:\.\d+)?)"')


def read(answer):
    points = []
    for tag in re.findall(r"<points?\s([^<>]*)", answer):
        points += [(float(x), float(y)) for _, x, y in PAIR.findall(tag)]
    return [(x, y) for x, y in points if x <= 100 and y <= 100]


def holds(box, point):
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def matched(points, boxes):
    """Kuhn's way: a point that finds its box taken asks the owner to move on."""
    owner = {}

    def place(i, asked):
        for j, box in enumerate(boxes):
            if holds(box, points[i]) and j not in asked:
                asked.add(j)
                if j not in owner or place(owner[j], asked):
                    owner[j] = i
                    return True
        return False

    return sum(place(i, set()) for i in range(len(points)))


def total_of(answer):
    if answer.strip() == "There are none.":
        return 0
    found = re.search(r"shows a total of (\d+)\.", answer)
    return int(found.group(1)) if found else None


def shares(pairs, points, boxes):
    if not points and not boxes:
        return 1.0, 1.0
    return (
        pairs / len(points) if points else 0.0,
        pairs / len(boxes) if boxes else 0.0,
    )


@right("As the solutions write it.")
def master(answer, boxes):
    points = read(answer)
    precision, recall = shares(matched(points, boxes), points, boxes)
    return precision, recall, total_of(answer) == len(points) == len(boxes)


@right("With NumPy: the most pairs for every set of boxes that is taken, as bits.")
def by_bits(answer, boxes):
    points = read(answer)
    best = np.full(2 ** len(boxes), -1)
    best[0] = 0
    for point in points:
        new = best.copy()
        for j, box in enumerate(boxes):
            if holds(box, point):
                free = np.flatnonzero((np.arange(len(best)) >> j) % 2 == 0)
                new[free | 1 << j] = np.maximum(
                    new[free | 1 << j], np.where(best[free] >= 0, best[free] + 1, -1)
                )
        best = new
    precision, recall = shares(int(best.max()), points, boxes)
    return precision, recall, total_of(answer) == len(points) == len(boxes)


@right("Boxes in turn look for points, paths widened breadth first.")
def by_boxes(answer, boxes):
    points = read(answer)
    taken = {}
    for start in range(len(boxes)):
        came, queue, end = {}, [start], None
        while queue and end is None:
            j = queue.pop(0)
            for i, point in enumerate(points):
                if i not in came and holds(boxes[j], point):
                    came[i] = j
                    if i not in taken:
                        end = i
                        break
                    queue.append(taken[i])
        while end is not None:
            j = came[end]
            before = next((i for i, box in taken.items() if box == j), None)
            taken[end] = j
            end = before
    precision, recall = shares(len(taken), points, boxes)
    return precision, recall, total_of(answer) == len(points) == len(boxes)


@right("Every choice tried with memory; the tags read without a pattern for pairs.")
def by_choices(answer, boxes):
    points = []
    for tag in re.findall(r"<points?\s([^<>]*)", answer):
        words = re.findall(r'(\w+)="(\d+(?:\.\d+)?)"', tag)
        for (name, x), (other, y) in itertools.pairwise(words):
            if name.startswith("x") and other == "y" + name[1:]:
                points.append((float(x), float(y)))
    points = [point for point in points if max(point) <= 100]
    reached = {frozenset()}
    for point in points:
        free = [{j} for j, box in enumerate(boxes) if holds(box, point)]
        reached |= {taken | one for taken in reached for one in free if not one & taken}
    precision, recall = shares(max(map(len, reached)), points, boxes)
    return precision, recall, total_of(answer) == len(points) == len(boxes)


@right("Every order of the boxes.")
def by_orders(answer, boxes):
    points = read(answer)
    places = [*range(len(boxes)), *[None] * max(0, len(points) - len(boxes))]
    pairs = max(
        sum(
            j is not None and holds(boxes[j], point)
            for point, j in zip(points, order, strict=False)
        )
        for order in itertools.permutations(places)
    )
    return *shares(pairs, points, boxes), total_of(answer) == len(points) == len(boxes)


@mistake(
    "Each point takes the first free box.",
    fails="verdict-pairs",
    says="each point took the first free box that it lies in",
)
def greedy(answer, boxes):
    points, free = read(answer), list(boxes)
    for point in points:
        mine = [box for box in free if holds(box, point)]
        if mine:
            free.remove(mine[0])
    pairs = len(boxes) - len(free)
    return *shares(pairs, points, boxes), total_of(answer) == len(points) == len(boxes)


@mistake(
    "Each point takes the nearest free box.",
    fails="verdict-pairs",
    says="another choice leaves fewer",
)
def greedy_nearest(answer, boxes):
    points, free = read(answer), list(boxes)
    for point in points:
        mine = [box for box in free if holds(box, point)]
        if mine:
            middle = lambda box: ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
            free.remove(min(mine, key=lambda box: math.dist(point, middle(box))))
    pairs = len(boxes) - len(free)
    return *shares(pairs, points, boxes), total_of(answer) == len(points) == len(boxes)


@mistake(
    "Points that lie in some box, boxes that hold some point.",
    fails="verdict-pairs",
    says="a second point on the same thing was counted as well",
)
def counted_twice(answer, boxes):
    points = read(answer)
    hitting = sum(any(holds(box, point) for box in boxes) for point in points)
    hit = sum(any(holds(box, point) for point in points) for box in boxes)
    precision, _ = shares(hitting, points, boxes)
    _, recall = shares(hit, points, boxes)
    return precision, recall, total_of(answer) == len(points) == len(boxes)


@mistake(
    "Precision and recall swapped.",
    fails="verdict-reads, verdict-total, verdict-faults",
    says="precision and recall are swapped",
)
def swapped(answer, boxes):
    precision, recall, verdict = master(answer, boxes)
    return recall, precision, verdict


@mistake(
    "Neither points nor things gives 0.",
    fails="verdict-empty",
    says="no points and no things is a perfect answer: both shares are 1",
)
def zero_of_nothing(answer, boxes):
    points = read(answer)
    pairs = matched(points, boxes)
    precision = pairs / len(points) if points else 0.0
    recall = pairs / len(boxes) if boxes else 0.0
    return precision, recall, total_of(answer) == len(points) == len(boxes)


@mistake("A share of nothing is divided.", fails="verdict-empty", says="ZeroDivisionError")
def divides_by_zero(answer, boxes):
    points = read(answer)
    pairs = matched(points, boxes)
    return pairs / len(points), pairs / len(boxes), total_of(answer) == len(points) == len(boxes)


@mistake("The total is trusted.", fails="verdict-total", says="the total was trusted")
def trusts_total(answer, boxes):
    points = read(answer)
    return *shares(matched(points, boxes), points, boxes), total_of(answer) == len(boxes)


@mistake(
    "The total is not read.",
    fails="verdict-pairs, verdict-empty, verdict-total, verdict-faults",
    says="the points were counted, and the total was not",
)
def points_alone(answer, boxes):
    points = read(answer)
    return *shares(matched(points, boxes), points, boxes), len(points) == len(boxes)


@mistake(
    "Total and points agree; the things are not looked at.",
    fails="verdict-empty, verdict-total",
    says="total and points agree with one another",
)
def things_forgotten(answer, boxes):
    points = read(answer)
    return *shares(matched(points, boxes), points, boxes), total_of(answer) == len(points)


@mistake(
    "Right means that every thing was hit.",
    fails="verdict-pairs, verdict-empty, verdict-total, verdict-faults",
    says="wanted precision",
)
def all_hit(answer, boxes):
    points = read(answer)
    precision, recall = shares(matched(points, boxes), points, boxes)
    return precision, recall, precision == recall == 1.0


@mistake(
    "All x and all y, put together in order.",
    fails="verdict-faults",
    says="an x without its y was paired with the next one's y",
)
def zipped(answer, boxes):
    points = []
    for tag in re.findall(r"<points?\s([^<>]*)", answer):
        xs, ys = (
            re.findall(r'\bx\d*="(\d+(?:\.\d+)?)"', tag),
            re.findall(r'\by\d*="(\d+(?:\.\d+)?)"', tag),
        )
        points += [(float(x), float(y)) for x, y in zip(xs, ys)]
    points = [point for point in points if max(point) <= 100]
    return *shares(matched(points, boxes), points, boxes), total_of(answer) == len(points) == len(
        boxes
    )


@mistake("Negative numbers are read.", fails="verdict-faults", says="a negative number was read")
def negatives(answer, boxes):
    points = []
    for tag in re.findall(r"<points?\s([^<>]*)", answer):
        found = re.findall(r'\bx(\d*)="(-?\d+(?:\.\d+)?)" y\1="(-?\d+(?:\.\d+)?)"', tag)
        points += [(float(x), float(y)) for _, x, y in found]
    points = [point for point in points if max(point) <= 100]
    return *shares(matched(points, boxes), points, boxes), total_of(answer) == len(points) == len(
        boxes
    )


@mistake(
    "Digits and points in any order are taken for a number.",
    fails="verdict-faults",
    says=("ValueError: could not convert string to float: '1.2.3'", "(1.2.3 is no number)"),
)
def digits_and_points(answer, boxes):
    points = []
    for tag in re.findall(r"<points?\s([^<>]*)", answer):
        found = re.findall(r'\bx(\d*)="([\d.]+)" y\1="([\d.]+)"', tag)
        points += [(float(x), float(y)) for _, x, y in found]
    points = [point for point in points if max(point) <= 100]
    return *shares(matched(points, boxes), points, boxes), total_of(answer) == len(points) == len(
        boxes
    )


@mistake(
    "Points over 100 are kept.", fails="verdict-faults", says="a coordinate over 100 lies outside"
)
def over_hundred(answer, boxes):
    points = []
    for tag in re.findall(r"<points?\s([^<>]*)", answer):
        points += [(float(x), float(y)) for _, x, y in PAIR.findall(tag)]
    return *shares(matched(points, boxes), points, boxes), total_of(answer) == len(points) == len(
        boxes
    )


@mistake("Places outside a tag are points.", fails="verdict-faults", says="holds no points")
def without_tags(answer, boxes):
    points = [(float(x), float(y)) for _, x, y in PAIR.findall(answer)]
    points = [point for point in points if max(point) <= 100]
    return *shares(matched(points, boxes), points, boxes), total_of(answer) == len(points) == len(
        boxes
    )


@mistake(
    "A border is outside.", fails="verdict-faults", says="a point on a box's border lies inside it"
)
def borders_out(answer, boxes):
    points = read(answer)
    smaller = [
        (*(math.nextafter(n, math.inf) for n in box[:2]), *(math.nextafter(n, 0) for n in box[2:]))
        for box in boxes
    ]
    verdict = total_of(answer) == len(points) == len(boxes)
    return *shares(matched(points, smaller), points, boxes), verdict


@mistake("A closing bracket is needed.", fails="verdict-faults", says="wanted precision")
def closed_tags(answer, boxes):
    closed = " ".join(re.findall(r"<points?\s[^<>]*>", answer))
    points = read(closed)
    return *shares(matched(points, boxes), points, boxes), total_of(answer) == len(points) == len(
        boxes
    )


@mistake(
    "The number of digits is bounded: x1 to x9.",
    fails="verdict-reads, verdict-total",
    says="wanted precision",
)
def one_digit(answer, boxes):
    points = []
    for tag in re.findall(r"<points?\s([^<>]*)", answer):
        found = re.findall(r'\bx(\d?)="(\d+(?:\.\d+)?)" y\1="(\d+(?:\.\d+)?)"', tag)
        points += [(float(x), float(y)) for _, x, y in found]
    points = [point for point in points if max(point) <= 100]
    return *shares(matched(points, boxes), points, boxes), total_of(answer) == len(points) == len(
        boxes
    )


@mistake("A decimal is needed.", fails="verdict-faults", says="(points without decimals)")
def with_decimals(answer, boxes):
    points = []
    for tag in re.findall(r"<points?\s([^<>]*)", answer):
        found = re.findall(r'\bx(\d*)="(\d+\.\d)" y\1="(\d+\.\d)"', tag)
        points += [(float(x), float(y)) for _, x, y in found]
    points = [point for point in points if max(point) <= 100]
    return *shares(matched(points, boxes), points, boxes), total_of(answer) == len(points) == len(
        boxes
    )


@mistake('"There are none." states no total.', fails="verdict-empty", says="wanted precision")
def none_unread(answer, boxes):
    points = read(answer)
    found = re.search(r"shows a total of (\d+)\.", answer)
    total = int(found.group(1)) if found else None
    verdict = total == len(points) == len(boxes)
    return *shares(matched(points, boxes), points, boxes), verdict


@mistake(
    "An answer without a total counts its points.",
    fails="verdict-pairs, verdict-empty, verdict-total, verdict-faults",
    says="no total was stated",
)
def total_invented(answer, boxes):
    points = read(answer)
    total = total_of(answer)
    total = len(points) if total is None else total
    return *shares(matched(points, boxes), points, boxes), total == len(points) == len(boxes)


@mistake(
    "Percent, not shares.",
    fails="verdict-reads, verdict-pairs, verdict-empty, verdict-total, verdict-faults",
    says="wanted precision",
)
def in_percent(answer, boxes):
    precision, recall, verdict = master(answer, boxes)
    return 100 * precision, 100 * recall, verdict


@mistake(
    "Two numbers, no verdict.",
    fails="verdict-reads, verdict-pairs, verdict-empty, verdict-total, verdict-faults",
    says="wanted 3 values: precision, recall, right",
)
def two_numbers(answer, boxes):
    return master(answer, boxes)[:2]


@mistake(
    "The verdict as a number.",
    fails="verdict-reads, verdict-pairs, verdict-empty, verdict-total, verdict-faults",
    says="wanted True or False",
)
def verdict_as_number(answer, boxes):
    precision, recall, verdict = master(answer, boxes)
    return precision, recall, int(verdict)


@mistake(
    "Boxes that were hit are taken out of the list.",
    fails="verdict-faults",
    says="changed its second",
)
def in_place(answer, boxes):
    result = master(answer, boxes)
    for point in read(answer):
        boxes[:] = [box for box in boxes if not holds(box, point)]
    return result


@mistake(
    "An x and the y behind it, whatever their numbers.",
    fails="verdict-faults",
    says="the y of another number",
)
def any_number(answer, boxes):
    points = []
    for tag in re.findall(r"<points?\s([^<>]*)", answer):
        found = re.findall(r'\bx\d*="(\d+(?:\.\d+)?)" y\d*="(\d+(?:\.\d+)?)"', tag)
        points += [(float(x), float(y)) for x, y in found]
    points, total = [point for point in points if max(point) <= 100], total_of(answer)
    return *shares(matched(points, boxes), points, boxes), total == len(points) == len(boxes)


@mistake(
    "An x and the y of its number, wherever it stands.",
    fails="verdict-faults",
    says="a y that is not directly behind it",
)
def by_number(answer, boxes):
    points = []
    for tag in re.findall(r"<points?\s([^<>]*)", answer):
        ys = dict(re.findall(r'\by(\d*)="(\d+(?:\.\d+)?)"', tag))
        xs = re.findall(r'\bx(\d*)="(\d+(?:\.\d+)?)"', tag)
        points += [(float(x), float(ys[n])) for n, x in xs if n in ys]
    points, total = [point for point in points if max(point) <= 100], total_of(answer)
    return *shares(matched(points, boxes), points, boxes), total == len(points) == len(boxes)


@mistake(
    "Only x is asked whether it is over 100.", fails="verdict-faults", says="a coordinate over 100"
)
def x_alone_bounded(answer, boxes):
    points = []
    for tag in re.findall(r"<points?\s([^<>]*)", answer):
        points += [(float(x), float(y)) for _, x, y in PAIR.findall(tag) if float(x) <= 100]
    total = total_of(answer)
    return *shares(matched(points, boxes), points, boxes), total == len(points) == len(boxes)


@mistake(
    "A point that was said twice is one.", fails="verdict-pairs", says="the same numbers became one"
)
def once_each(answer, boxes):
    points, total = list(dict.fromkeys(read(answer))), total_of(answer)
    return *shares(matched(points, boxes), points, boxes), total == len(points) == len(boxes)


@mistake("The sentence may stand anywhere.", fails="verdict-empty", says="(the sentence and more)")
def none_anywhere(answer, boxes):
    points, total = read(answer), total_of(answer)
    total = 0 if "There are none." in answer else total
    return *shares(matched(points, boxes), points, boxes), total == len(points) == len(boxes)


@mistake("The sentence may go on.", fails="verdict-empty", says="(the sentence and more)")
def none_at_the_start(answer, boxes):
    points, total = read(answer), total_of(answer)
    total = 0 if answer.strip().startswith("There are none.") else total
    return *shares(matched(points, boxes), points, boxes), total == len(points) == len(boxes)


@mistake("No white space around the sentence.", fails="verdict-empty", says="white space around it")
def none_to_the_letter(answer, boxes):
    points, total = read(answer), total_of(answer)
    total = None if answer != answer.strip() else total
    return *shares(matched(points, boxes), points, boxes), total == len(points) == len(boxes)


@mistake(
    "The total needs no full stop.", fails="verdict-total", says="(no full stop behind the total)"
)
def no_full_stop(answer, boxes):
    points, found = read(answer), re.search(r"shows a total of (\d+)", answer)
    total = int(found.group(1)) if found else total_of(answer)
    return *shares(matched(points, boxes), points, boxes), total == len(points) == len(boxes)


@mistake("The last total counts.", fails="verdict-total", says="(two totals: the first counts)")
def last_total(answer, boxes):
    points, found = read(answer), re.findall(r"shows a total of (\d+)\.", answer)
    total = int(found[-1]) if found else total_of(answer)
    return *shares(matched(points, boxes), points, boxes), total == len(points) == len(boxes)


@mistake(
    "Any tag that begins with point.",
    fails="verdict-faults",
    says="a tag that is neither <point> nor",
)
def any_pointer(answer, boxes):
    points, total = read(answer.replace("<pointer", "<point")), total_of(answer)
    return *shares(matched(points, boxes), points, boxes), total == len(points) == len(boxes)


@mistake(
    "Points with the fewest boxes go first.",
    fails="verdict-pairs",
    says="another choice leaves fewer",
)
def fewest_first(answer, boxes):
    points, free = read(answer), list(boxes)
    for point in sorted(points, key=lambda point: sum(holds(box, point) for box in boxes)):
        mine = [box for box in free if holds(box, point)]
        if mine:
            free.remove(mine[0])
    pairs = len(boxes) - len(free)
    return *shares(pairs, points, boxes), total_of(answer) == len(points) == len(boxes)
