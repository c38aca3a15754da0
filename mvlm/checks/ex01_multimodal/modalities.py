"""Exercise 01, `modalities`: which box?"""

from collections.abc import Sequence

from mvlm.checks.core import AnswerFailed, Question, Student, check, fail
from mvlm.checks.expect import expect_something

WORDS = ("txt", "md", "csv", "html", "py")
PICTURES = ("png", "jpg", "jpeg", "webp")
FILMS = ("mp4", "webm")
NAMES = ("question", "letter", "page", "scene", "answer", "drawing", "report", "holiday")
SEEN = "What is handed over counts, not what it shows: the last ending says which of the two it is."
LADDER = (
    "The boxes are a row: text-to-text, multi-to-text, multi-to-image, multi-to-multi. Take the "
    "first one in which the request fits. Multi may be words alone."
)


def _file(student: Student, endings: Sequence[str]) -> str:
    return f"{student.pick(NAMES)}.{student.pick(endings)}"


def _expect_box(student: Student, takes: list[str], gives: list[str], box: str, hint: str) -> None:
    value = expect_something(student.call("modalities", takes, gives), "modalities")
    if type(value) is not str:
        raise AnswerFailed(f"modalities returned a {type(value).__name__}, wanted a box's name")
    if value != box:
        fail(f"{takes} → {gives} is {box}, and yours says {value!r}", hint)


@check("each of the four boxes is found", LADDER)
def box_of_four(student: Student) -> None:
    words, picture = _file(student, ("txt",)), _file(student, ("png",))
    trap = "Words alone may go into a multi box: there is no box text-to-image."
    for takes, gives, box, hint in (
        ([words], ["answer.txt"], "text-to-text", LADDER),
        ([picture], ["answer.txt"], "multi-to-text", LADDER),
        ([picture], ["answer.png"], "multi-to-image", LADDER),
        ([words], ["answer.png"], "multi-to-image", trap),
        ([picture], ["answer.txt", "answer.png"], "multi-to-multi", LADDER),
        ([words], ["answer.txt", "answer.png"], "multi-to-multi", trap),
    ):
        _expect_box(student, takes, gives, box, hint)


@check("a file's last ending says what it is, in capital letters too, and a film is pictures", SEEN)
def box_by_ending(student: Student) -> None:
    films = "A film is a row of pictures."
    for ending in (*WORDS, *PICTURES, *FILMS):
        kind, other = ("text", "png") if ending in WORDS else ("image", "txt")
        box = "text-to-text" if kind == "text" else "multi-to-text"
        large = f"Does your function know .{ending.upper()} as well as .{ending}?"
        for file, hint in (
            (_file(student, (ending,)), films if ending in FILMS else SEEN),
            (_file(student, (ending.upper(),)), large),
            (f"{student.pick(NAMES)}.of.{other}.{ending}", SEEN),
        ):
            _expect_box(student, [file], ["answer.txt"], box, hint)
        box = "multi-to-text" if kind == "text" else "multi-to-image"
        _expect_box(student, ["scene.png"], [_file(student, (ending,))], box, SEEN)
    both = student.shuffled([_file(student, ("png",)), _file(student, ("mp4",))])
    words = "A film is a row of pictures. Are there words in what comes out?"
    _expect_box(student, ["scene.png"], both, "multi-to-image", words)


@check(
    "several files in any order, and none handed in",
    "What is in the files counts, not how many there are, nor their order: one picture among many "
    "texts is enough.",
    keeps_arguments=True,
)
def box_of_several(student: Student) -> None:
    texts = [_file(student, ("txt",)) for _ in range(student.integer(2, 4))]
    mixed = student.shuffled([*texts, _file(student, ("png",))])
    pictures = [_file(student, ("png",)) for _ in range(3)]
    nothing = "With an empty list nothing but words is handed in. max, [0] and all() of nothing?"
    comes = "Do words come out? And pictures? Ask each of all the files."
    alone = "Nothing handed in counts as words alone, and these may go into a multi box."
    for takes, gives, box, hint in (
        (texts, ["answer.txt"], "text-to-text", None),
        (mixed, ["answer.txt"], "multi-to-text", None),
        (mixed[::-1], texts, "multi-to-text", None),
        (["scene.png"], pictures, "multi-to-image", None),
        (["scene.png"], mixed, "multi-to-multi", comes),
        (["scene.png"], mixed[::-1], "multi-to-multi", comes),
        ([], ["answer.txt"], "text-to-text", nothing),
        ([], ["answer.png"], "multi-to-image", alone),
    ):
        with student.on("nothing handed in" if not takes else "several files", hint):
            _expect_box(student, list(takes), list(gives), box, hint)


QUESTION = Question(
    function="modalities",
    title="Which box?",
    minutes=10,
    teaches="that what is handed over decides, not what it shows",
    checks=(box_of_four, box_by_ending, box_of_several),
)
