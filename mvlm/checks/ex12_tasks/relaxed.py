"""Exercise 12, `relaxed`: near enough."""

import itertools
from fractions import Fraction

from mvlm.checks.core import AnswerFailed, Question, Student, check, fail
from mvlm.checks.expect import a_kind_of, expect_something


def _expect_verdicts(student: Student, *rows: tuple[str, str, bool, str]) -> None:
    """Each row: what was said, what is right, whether the first passes for the second, and why."""
    for said, right, wanted, why in rows:
        value = expect_something(student.call("relaxed", said, right), "relaxed")
        if type(value) is not bool:
            raise AnswerFailed(f"relaxed returned {a_kind_of(value)}, wanted True or False")
        if value is not wanted:
            verdict = "right" if wanted else "wrong"
            fail(f"{said!r} is {verdict} for {right!r} ({why}), and yours says the other")


EXACTLY = (
    "In floating point 1.05 - 1 is more than 0.05. The modules decimal and fractions count exactly."
    " And 5 % of which of the two? `math.isclose` takes the larger."
)


@check("5 % of the right number to both sides, the bound included", EXACTLY)
def relaxed_bound(student: Student) -> None:
    hundred = student.integer(3, 9) * 100
    shares = ("1.05", "0.95", "1.051", "0.9495", "1.0526", "0.9511", "1", "2", "0.5")
    for number, share in itertools.product((hundred, 20, 2), map(Fraction, shares)):
        off, said = abs(share - 1), f"{float(share * number):g}"
        why = f"{float(off):.2%} off, of what is right"
        _expect_verdicts(student, (said, f"{number}", off <= Fraction(5, 100), why))
    with student.on("exactly 5 %, in numbers that binary fractions only come near"):
        for said, right in (("1.05", "1"), ("0.95", "1"), ("2.1", "2"), ("0.315", "0.3")):
            _expect_verdicts(student, (said, right, True, "the bound itself counts"))
    _expect_verdicts(student, ("0.33", "0.3", False, "10 % off"))


@check(
    "signs count, and for 0 only 0 is right",
    "5 % of 0 is 0. And is 0 a number to your code, or nothing? `if number` asks the second.",
)
def relaxed_sign(student: Student) -> None:
    number = student.integer(21, 99)
    _expect_verdicts(
        student,
        (f"-{number}", f"{number}", False, "the sign is wrong"),
        (f"{number}", f"-{number}", False, "the sign is wrong"),
        (f"-{number}.5", f"-{number}", True, "both are below 0"),
        (f"-{2 * number}", f"-{number}", False, "100 % off"),
        (f"+{number}", f"{number}", True, "a plus changes nothing"),
        ("0", "0.0", True, "the same number"),
        ("0.01", "0", False, "5 % of 0 is 0"),
        ("-0.04", "0", False, "5 % of 0 is 0"),
        ("0", f"{number}", False, "100 % off"),
        ("-0", "0", True, "the same number"),
    )


@check(
    "commas and % are dropped on both sides; other texts must be equal",
    "Bring both sides to a number by one and the same function. What does it return for a word?",
)
def relaxed_written(student: Student) -> None:
    small = student.integer(30, 99)
    large = f"{student.integer(2, 9)},{student.integer(100, 999)}"
    plain = large.replace(",", "")
    _expect_verdicts(
        student,
        (large, plain, True, "a comma in a number says nothing"),
        (plain, large, True, "a comma in a number says nothing"),
        (f"1,{large}", f"1{plain}", True, "commas are dropped wherever they stand among digits"),
        (f"{small}%", f"{small}", True, "74% and 74 are one number"),
        (f"{small}", f"{small}%", True, "74% and 74 are one number"),
        (f"{small} %", f"{small}%", True, "a space before the %"),
        (f"{small / 100:.2f}", f"{small}%", False, "74% is 74, not 0.74"),
        (f" {small} ", f"{small}", True, "spaces at the ends"),
        ("Tuesday ", "tuesday", True, "equal but for capitals and spaces at the ends"),
        ("tues", "tuesday", False, "texts must be equal"),
        ("tuesday", f"{small}", False, "a text for a number"),
        (f"{small}", "tuesday", False, "a number for a text"),
        (f"{small} cars", f"{small}", False, "that is no number"),
        ("", f"{small}", False, "nothing was said"),
        ("", "0", False, "nothing was said"),
        ("nan", f"{small}", False, "that is no number"),
        ("-", "0", False, "that is no number"),
        ("inf", f"{small}", False, "that is no number"),
        ("1e2", "100", False, "that is no number of this contract"),
        ("1_000", "1000", False, "that is no number of this contract"),
        ("3/4", "0.75", False, "that is no number of this contract"),
        (".5", "0.5", False, "a number begins with digits, its sign aside"),
        (f"{small}.", f"{small}", False, "behind a point in a number stand digits"),
        (f"1 {plain}", f"1{plain}", False, "with a space inside that is no number"),
        (f"- {small}", f"-{small}", False, "with a space inside that is no number"),
        (f"{small}%%", f"{small}", False, "with two % that is no number"),
        ("blue green", "bluegreen", False, "texts must be equal, spaces inside too"),
    )


@check(
    "a year must be the same",
    "Four digits from 1900 to 2099, and nothing else, on the side of what is right.",
    after=[relaxed_bound],
)
def relaxed_years(student: Student) -> None:
    year = student.integer(1903, 2096)
    _expect_verdicts(
        student,
        (f"{year - 2}", f"{year}", False, "another year"),
        (f"{year + 1}", f"{year}", False, "another year"),
        (f"{year}", f"{year}", True, "the same year"),
        (f" {year}.0", f"{year}", True, "the same number"),
        (f"{year - 1}.5", f"{year}", False, "another number"),
        ("1901", "1900", False, "another year"),
        ("2098", "2099", False, "another year"),
        ("1880", "1899", True, "1899 is not among the years meant here, so 5 % hold"),
        ("2090", "2100", True, "2100 is not among the years meant here, so 5 % hold"),
        ("2000", "2,050", True, "with a comma it is no year, so 5 % hold"),
        ("2000", "2050.0", True, "with a point it is no year, so 5 % hold"),
        ("2000", "2050%", True, "with a % it is no year, so 5 % hold"),
        ("-2000", "-2050", True, "with a sign it is no year, so 5 % hold"),
        ("2050", "2105", True, "what was SAID looks like a year; what is right does not"),
    )


QUESTION = Question(
    function="relaxed",
    title="Near enough",
    minutes=15,
    teaches="what 5 % are taken of, and where they must not hold",
    checks=(relaxed_bound, relaxed_sign, relaxed_written, relaxed_years),
)
