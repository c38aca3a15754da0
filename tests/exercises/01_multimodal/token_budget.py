"""Right and wrong answers to token_budget."""

import math
import re

import numpy as np
import torch
import torch.nn.functional as F

from bank import mistake, right


def check(height, width, patch_size, pool):
    if height % patch_size or width % patch_size:
        raise ValueError("patches do not fit")
    if height // patch_size % pool or width // patch_size % pool:
        raise ValueError("pools do not fit")


def view(height, width, patch_size, pool):
    return height // patch_size // pool * (width // patch_size // pool)


@right("divmod, and a rest that must be 0.")
def with_divmod(height, width, patch_size, pool, crops, text):
    total = 1
    for side in (height, width):
        count, left = divmod(side, patch_size)
        count, more = divmod(count, pool)
        if left or more:
            raise ValueError(f"{side} pixels cannot be cut")
        total *= count
    return total * (crops + 1) + len(text.split())


@right("A picture of zeros is pooled, and what is left is counted.")
def with_torch(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    pooled = F.avg_pool2d(torch.zeros(1, 1, height, width), patch_size * pool)
    return pooled.numel() * (1 + crops) + len(re.findall(r"\S+", text))


@right("Areas: P·pool squared goes into H·W, after a look at both sides.")
def by_areas(height, width, patch_size, pool, crops, text):
    cell = patch_size * pool
    if max(height % cell, width % cell) != 0:
        raise ValueError("no whole number of cells")
    words = [word for word in text.replace("\n", " ").split(" ") if word]
    return height * width // cell**2 * (crops + 1) + len(words)


@right("A loop over views, NumPy integers.")
def by_views(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    sides = np.array([height, width]) // patch_size // pool
    total = np.int64(0)
    for _ in range(crops + 1):
        total += sides.prod()
    return total + len(text.split())


@mistake(
    "Patches along one side.",
    fails="budget-of-a-view, budget-of-views, budget-of-words",
    says="rows and columns are added",
)
def added(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    sides = height // patch_size // pool + width // patch_size // pool
    return (crops + 1) * sides + len(text.split())


@mistake(
    "P for P·P.",
    fails="budget-of-a-view, budget-of-views, budget-of-words",
    says="a patch was taken for a strip",
)
def strips(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return (crops + 1) * (height * width // (patch_size * pool)) + len(text.split())


@mistake(
    "Pixels are counted.",
    fails="budget-of-a-view, budget-of-views, budget-of-words",
    says="that counts pixels",
)
def pixels(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return (crops + 1) * height * width + len(text.split())


@mistake(
    "The height squared.",
    fails="budget-of-a-view, budget-of-views, budget-of-words",
    says="count its columns by its width",
)
def square(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return (crops + 1) * (height // patch_size // pool) ** 2 + len(text.split())


@mistake(
    "The width squared.",
    fails="budget-of-a-view, budget-of-views, budget-of-words",
    says="count its rows by its height",
)
def square_of_width(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return (crops + 1) * (width // patch_size // pool) ** 2 + len(text.split())


@mistake(
    "A class token for each view.",
    fails="budget-of-a-view, budget-of-views, budget-of-words",
    says="Neither a class token nor a start",
)
def class_token(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return (crops + 1) * (view(height, width, patch_size, pool) + 1) + len(text.split())


@mistake(
    "The crops without the whole.",
    fails="budget-of-a-view, budget-of-views, budget-of-words",
    says="the view of the whole picture is not",
)
def crops_alone(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return crops * view(height, width, patch_size, pool) + len(text.split())


@mistake(
    "Without crops the whole, else the crops alone.",
    fails="budget-of-views, budget-of-words",
    says="the view of the whole picture is not",
)
def crops_or_whole(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return (crops or 1) * view(height, width, patch_size, pool) + len(text.split())


@mistake(
    "The whole without crops.",
    fails="budget-of-views, budget-of-words",
    says="and the crops are not",
)
def whole_alone(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return view(height, width, patch_size, pool) + len(text.split())


@mistake("No pooling.", fails="budget-of-views", says="the patches are not pooled")
def not_pooled(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return (crops + 1) * view(height, width, patch_size, 1) + len(text.split())


@mistake("pool for pool·pool.", fails="budget-of-views", says="not pool of them")
def pooled_once(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return (crops + 1) * view(height, width, patch_size, 1) // pool + len(text.split())


@mistake(
    "The crops are pooled, the whole is not.", fails="budget-of-views", says="it is one as well"
)
def whole_not_pooled(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    whole = view(height, width, patch_size, 1)
    return whole + crops * view(height, width, patch_size, pool) + len(text.split())


@mistake(
    "Rounded down, nothing refused.",
    fails="budget-refuses",
    says="pool 1, cannot be cut, and yours says 12: raise a ValueError",
)
def floor(height, width, patch_size, pool, crops, text):
    return (crops + 1) * view(height, width, patch_size, pool) + len(text.split())


@mistake("Rounded up, nothing refused.", fails="budget-refuses", says="raise a ValueError")
def ceiling(height, width, patch_size, pool, crops, text):
    sides = [math.ceil(side / patch_size / pool) for side in (height, width)]
    return (crops + 1) * math.prod(sides) + len(text.split())


@mistake("The pool is not looked at.", fails="budget-refuses", says="the pool does not divide")
def pool_forgotten(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, 1)
    return floor(height, width, patch_size, pool, crops, text)


@mistake(
    "The height alone is looked at.",
    fails="budget-refuses",
    says="a width that patch_size does not divide",
)
def height_alone(height, width, patch_size, pool, crops, text):
    check(height, height, patch_size, pool)
    return floor(height, width, patch_size, pool, crops, text)


@mistake(
    "Areas are looked at, not sides.",
    fails="budget-refuses",
    says="though patch_size² divides the area",
)
def areas(height, width, patch_size, pool, crops, text):
    if height * width % (patch_size * pool) ** 2:
        raise ValueError("does not divide")
    return height * width // (patch_size * pool) ** 2 * (crops + 1) + len(text.split())


@mistake("An assert, not a ValueError.", fails="budget-refuses", says="a ValueError is wanted")
def asserted(height, width, patch_size, pool, crops, text):
    cell = patch_size * pool
    assert height % cell == width % cell == 0
    return floor(height, width, patch_size, pool, crops, text)


@mistake(
    "The error is returned, not raised.",
    fails="budget-refuses",
    says="an object of type ValueError",
)
def returned(height, width, patch_size, pool, crops, text):
    if height % (patch_size * pool) or width % (patch_size * pool):
        return ValueError("does not divide")
    return floor(height, width, patch_size, pool, crops, text)


VIEWS = "budget-of-a-view, budget-of-views, budget-of-words"


@mistake("Letters for words.", fails=VIEWS, says="letters are counted")
def letters(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return (crops + 1) * view(height, width, patch_size, pool) + len(text)


@mistake(
    "Cut at single spaces.",
    fails="budget-of-words",
    says="one in a text without words",
)
def single_spaces(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return (crops + 1) * view(height, width, patch_size, pool) + len(text.split(" "))


@mistake(
    "The words once for each view.",
    fails="budget-of-views, budget-of-words",
    says="once for every view",
)
def words_each(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return (crops + 1) * (view(height, width, patch_size, pool) + len(text.split()))


@mistake("No words.", fails=VIEWS, says="the words are not counted")
def no_words(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return (crops + 1) * view(height, width, patch_size, pool)


@mistake("A float.", fails="budget-of-words", says="a count is a whole number")
def as_float(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    cell = (patch_size * pool) ** 2
    return (crops + 1) * height * width / cell + len(text.split())


@mistake(
    "Cut at single spaces, an empty text looked after.",
    fails="budget-of-words",
    says="an empty word was counted: split(' ') finds one between two spaces",
)
def single_spaces_between(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    words = text.split(" ") if text else []
    return (crops + 1) * view(height, width, patch_size, pool) + len(words)


@mistake("Letters and digits make words.", fails="budget-of-words", says="left out, at marks")
def by_letters(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return (crops + 1) * view(height, width, patch_size, pool) + len(re.findall(r"\w+", text))


@mistake("Words are parted at hyphens.", fails="budget-of-words", says="words were cut")
def at_hyphens(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    words = text.replace("-", " ").split()
    return (crops + 1) * view(height, width, patch_size, pool) + len(words)


@mistake(
    "One vector in all for the start of the text.",
    fails=VIEWS,
    says=("one vector too many", "Neither a class token nor a start"),
)
def start_token(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    return (crops + 1) * view(height, width, patch_size, pool) + len(["", *text.split()])


@mistake("A question mark is a word.", fails="budget-of-words", says="words were cut")
def question_marks(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    words = text.replace("?", " ?").split()
    return (crops + 1) * view(height, width, patch_size, pool) + len(words)


@mistake("Every mark is a word.", fails="budget-of-words", says="words were cut")
def every_mark(height, width, patch_size, pool, crops, text):
    check(height, width, patch_size, pool)
    words = re.findall(r"\w+|[^\w\s]", text)
    return (crops + 1) * view(height, width, patch_size, pool) + len(words)
