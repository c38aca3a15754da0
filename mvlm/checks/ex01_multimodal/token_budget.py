"""Exercise 01, `token_budget`: how much room does a picture take?"""

import itertools
import operator
import re
from collections.abc import Callable

from mvlm.checks.core import AnswerFailed, Question, Student, check, fail
from mvlm.checks.expect import Comparison

Given = tuple[int, int, int, int, int, str]


def _view(height: int, width: int, patch_size: int, pool: int) -> int:
    """Vectors of one view, counted."""
    rows, columns = range(0, height // patch_size, pool), range(0, width // patch_size, pool)
    return len(rows) * len(columns)


def _patches(height: int, width: int, patch_size: int, pool: int) -> int:
    return _view(height, width, patch_size, 1)


def _budget(
    height: int,
    width: int,
    patch_size: int,
    pool: int,
    crops: int,
    text: str,
    *,
    view: Callable[[int, int, int, int], float] = _view,
    views: Callable[[int], int] = lambda crops: crops + 1,
    words: Callable[[str], int] = lambda text: len(text.split()),
) -> float:
    """Views times vectors of one view, and words; keyword arguments are mistakes."""
    return views(crops) * view(height, width, patch_size, pool) + words(text)


BUDGET = Comparison(
    function="token_budget",
    what="the number of vectors",
    right=_budget,
    tells=lambda ours, wanted: f"the number of vectors is {ours:g}, wanted {wanted:g}",
    alike=operator.eq,
    mistakes={
        "a patch was taken for a strip of patch_size pixels: it has patch_size×patch_size": {
            "view": lambda h, w, size, pool: h * w / (size * pool)
        },
        "rows and columns are added: a grid has rows TIMES columns": {
            "view": lambda h, w, size, pool: (h // size + w // size) / pool
        },
        "the picture was taken for a square: count its columns by its width": {
            "view": lambda h, w, size, pool: (h // size // pool) ** 2
        },
        "the picture was taken for a square: count its rows by its height": {
            "view": lambda h, w, size, pool: (w // size // pool) ** 2
        },
        "that counts pixels, not patches": {"view": lambda h, w, size, pool: h * w},
        "the patches are not pooled: every pool×pool of them become one vector": {"view": _patches},
        "pool×pool patches become one vector, not pool of them": {
            "view": lambda h, w, size, pool: _patches(h, w, size, pool) / pool
        },
        "the crops are counted, and the view of the whole picture is not": {
            "views": lambda crops: crops
        },
        "the whole picture is counted, and the crops are not": {"views": lambda _: 1},
        "the crops are pooled, and the view of the whole picture is not: it is one as well": (
            lambda *given: _budget(*given) - _view(*given[:4]) + _patches(*given[:4])
        ),
        "the words are not counted": {"words": lambda _: 0},
        "letters are counted, not words": {"words": len},
        "an empty word was counted: split(' ') finds one between two spaces, and one in a text "
        "without words; split() finds none": {"words": lambda text: len(text.split(" "))},
        "words were cut, or left out, at marks: only spaces and line ends part words": [
            {"words": lambda text, pattern=pattern: len(re.findall(pattern, text))}
            for pattern in (
                *(r"\w+", r"[^\s-]+", r"[^\s']+", r"[\w']+", r"[\w'-]+"),
                *(r"[^\s?]+|\?", r"\w+|[^\w\s]"),  # a mark is a word of its own
            )
        ],
        "the words are counted once for every view: the question stands there once": (
            lambda *given: _budget(*given) + given[4] * len(given[5].split())
        ),
        "one vector too many: there are those of the views and those of the words, no others": (
            lambda *given: _budget(*given) + 1,
            "What did you count beside them? Neither a class token nor a start is asked for.",
        ),
    },
)


def _sizes(student: Student) -> tuple[int, int, int]:
    """Height, width and patch size of an oblong picture."""
    size, rows = student.integer(5, 16), student.integer(3, 6)
    return rows * size, (rows + student.integer(1, 4)) * size, size


@check(
    "one view, oblong too",
    "How many patches stand below one another, how many side by side? The text is one word here.",
)
def budget_of_a_view(student: Student) -> None:
    BUDGET.run(student, lambda: (*_sizes(student), 1, 0, "lion"))
    BUDGET.each(
        student,
        {
            "120×120, patches of 40": (120, 120, 40, 1, 0, "lion"),
            "336×336, patches of 14": (336, 336, 14, 1, 0, "lion"),
        },
    )


@check(
    "pooled patches, and crops beside the whole",
    "How many views are there in all? And how many patches become one vector?",
    after=[budget_of_a_view],
)
def budget_of_views(student: Student) -> None:
    def draw() -> Given:
        height, width, size = _sizes(student)
        pool = student.integer(2, 3)
        return height * pool, width * pool, size, pool, student.integer(2, 12), "lion"

    BUDGET.run(student, draw)
    molmo = "Molmo: 336×336, patches of 14, pool 2, 12 crops"
    BUDGET.each(student, {molmo: (336, 336, 14, 2, 12, "lion")})


@check(
    "what does not divide is refused with a ValueError",
    "What does // do with what is left over? Ask % first, for each side, and again for the pool.",
)
def budget_refuses(student: Student) -> None:
    size = 2 * student.integer(3, 8)
    height, width = 3 * size, 4 * size
    for place, given in {
        "a height that patch_size does not divide": (height + 1, width, size, 1, 0, ""),
        "a width that patch_size does not divide": (height, width - 1, size, 1, 0, ""),
        "a width that patch_size does not divide, though patch_size² divides the area": (
            *(2 * size, 4 * size + size // 2, size, 1, 0, ""),
        ),
        "rows that the pool does not divide": (height, width, size, 2, 0, ""),
        "columns that the pool does not divide": (4 * size, 5 * size, size, 2, 1, ""),
    }.items():
        with student.on(place):
            try:
                value = student.call("token_budget", *given)
            except AnswerFailed as error:
                if str(error).startswith("ValueError"):
                    continue
                if str(error).startswith("AssertionError"):
                    hint = "Not assert, but: if …: raise ValueError(…)"
                    fail(f"{error}: a ValueError is wanted", hint)
                raise
            cut = "{}×{} in patches of {}, pool {}, cannot be cut".format(*given[:4])
            fail(f"{cut}, and yours says {value!r}: raise a ValueError")


WORDS = ("where", "is", "the", "lion?", "how", "many", "keys?", "top", "left")
MARKED = ("what's", "left-hand", "?", "lion's", "it")


@check(
    "a vector for each word of the text, and a whole number in all",
    "text.split() without an argument cuts at any spaces and line ends.",
    after=[budget_of_a_view],
)
def budget_of_words(student: Student) -> None:
    def sentence(*spaces: str) -> str:
        words = [student.pick(WORDS) for _ in range(student.integer(4, 9))]
        return "".join(map(operator.add, words, itertools.cycle(spaces)))

    def given(text: str, crops: int = 0) -> Given:
        return *_sizes(student), 1, crops, text

    BUDGET.each(
        student,
        {
            "words with one space between them": lambda: given(sentence(" ").strip()),
            "several spaces and line ends": lambda: given(sentence(" ", "  ", "\n", " \n ")),
            "words with marks in them": lambda: given(" ".join(student.shuffled(MARKED)), crops=2),
            "no text": lambda: given("", crops=2),
        },
    )
    with student.on("two crops"):
        value = BUDGET.run(student, lambda: given(sentence(" ").strip(), crops=2))
    if type(value) is float:
        fail(f"the number is {value}: a count is a whole number", "/ makes floats, // does not.")


QUESTION = Question(
    function="token_budget",
    title="How much room does a picture take?",
    minutes=15,
    teaches="what fine patches and many crops cost",
    checks=(budget_of_a_view, budget_of_views, budget_refuses, budget_of_words),
)
