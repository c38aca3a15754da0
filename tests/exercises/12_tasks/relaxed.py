"""Right and wrong answers to relaxed."""

import math
import re
from decimal import Decimal
from fractions import Fraction

from bank import mistake, right


def number(text, *, hundredths=False):
    text = text.strip()
    if not re.fullmatch(r"[+-]?\d[\d,]*(\.\d+)?\s*%?", text):
        return None
    value = Fraction(text.rstrip("% ").replace(",", ""))
    return value / 100 if hundredths and "%" in text else value


def is_year(text):
    return re.fullmatch(r"(19|20)\d\d", text.strip()) is not None


def same_text(said, wanted):
    return said.strip().lower() == wanted.strip().lower()


def near(one, other):
    return 20 * abs(one - other) <= abs(other)


@right("As the solutions write it.")
def master(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    return one == other if is_year(wanted) else near(one, other)


@right("With decimals, letter by letter.")
def by_decimal(said, wanted):
    def read(text):
        kept = text.strip()
        if kept.endswith("%"):
            kept = kept[:-1].rstrip()
        sign = -1 if kept[:1] == "-" else 1
        kept = kept[1:] if kept[:1] in ("+", "-") else kept
        whole, point, rest = kept.partition(".")
        if not whole[:1].isdigit() or any(c not in "0123456789," for c in whole):
            return None
        if point and not rest.isdecimal():
            return None
        return sign * Decimal(whole.replace(",", "") + point + rest)

    one, other = read(said), read(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    kept = wanted.strip()
    if len(kept) == 4 and kept.isdecimal() and 1900 <= int(kept) <= 2099:
        return one == other
    return bool(abs(one - other) <= abs(other) * Decimal("0.05"))


@right("Between two bounds, whichever is the smaller.")
def by_bounds(said, wanted):
    one, other = number(said), number(wanted)
    if None in (one, other):
        return said.strip().casefold() == wanted.strip().casefold()
    share = 0 if is_year(wanted) else Fraction(5, 100)
    low, high = sorted((other * (1 - share), other * (1 + share)))
    return low <= one <= high


@right("As a ratio, with 0 by itself.")
def by_ratio(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    if other == 0:
        return one == 0
    off = abs(one / other - 1)
    return off == 0 if is_year(wanted) else off <= Fraction(1, 20)


@mistake(
    "5 % of what was said.",
    fails="relaxed-bound",
    says="and yours says the other",
)
def of_said(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    return one == other if is_year(wanted) else near(other, one)


@mistake("In floating point.", fails="relaxed-bound", says="In floating point 1.05 - 1")
def in_floats(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    one, other = float(one), float(other)
    return one == other if is_year(wanted) else abs(one - other) <= 0.05 * abs(other)


@mistake("The bound itself does not count.", fails="relaxed-bound, relaxed-sign", says="5.00% off")
def below_bound(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    return one == other if is_year(wanted) else 20 * abs(one - other) < abs(other)


@mistake(
    "Only too little is checked, not too much.", fails="relaxed-bound, relaxed-sign", says="off"
)
def one_sided(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    return one == other if is_year(wanted) else 20 * (other - one) <= abs(other)


@mistake(
    "The published score: 0 is nothing, so texts are compared.",
    fails="relaxed-sign",
    says="the same number",
)
def zero_is_nothing(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or not other:
        return same_text(said, wanted)
    return one == other if is_year(wanted) else near(one, other)


@mistake("0.05 more for small numbers.", fails="relaxed-bound, relaxed-sign", says="5 % of 0 is 0")
def at_least_a_little(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    if is_year(wanted):
        return one == other
    return abs(one - other) <= max(Fraction(5, 100), abs(other) / 20)


@mistake("Divides by what is right.", fails="relaxed-sign", says="ZeroDivisionError")
def divides(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    if is_year(wanted):
        return one == other
    return abs(one - other) / abs(other) <= Fraction(1, 20)


@mistake("Signs are lost.", fails="relaxed-sign", says="the sign is wrong")
def without_signs(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    return one == other if is_year(wanted) else near(abs(one), abs(other))


@mistake(
    "74% is 0.74, as published.",
    fails="relaxed-written, relaxed-years",
    says="74% and 74 are one number",
)
def as_hundredths(said, wanted):
    one, other = number(said, hundredths=True), number(wanted, hundredths=True)
    if one is None or other is None:
        return same_text(said, wanted)
    return one == other if is_year(wanted) else near(one, other)


@mistake(
    "% is dropped on the side of what was said alone.",
    fails="relaxed-written, relaxed-years",
    says="74% and 74 are one number",
)
def percent_on_one_side(said, wanted):
    one, other = number(said), None if "%" in wanted else number(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    return one == other if is_year(wanted) else near(one, other)


@mistake(
    "A comma makes it no number.",
    fails="relaxed-written, relaxed-years",
    says="a comma in a number says nothing",
)
def no_commas(said, wanted):
    one, other = (None if "," in text else number(text) for text in (said, wanted))
    if one is None or other is None:
        return same_text(said, wanted)
    return one == other if is_year(wanted) else near(one, other)


@mistake(
    "Whatever Python takes for a number: 1e2, 1_000, 3/4.",
    fails="relaxed-written",
    says="that is no number of this contract",
)
def as_python(said, wanted):
    def read(text):
        try:
            return Fraction(text.strip().rstrip("% ").replace(",", ""))
        except (ValueError, ZeroDivisionError):
            return None

    one, other = read(said), read(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    return one == other if is_year(wanted) else near(one, other)


@mistake(
    "The first number in each text, whatever stands around it.",
    fails="relaxed-written",
    says="that is no number",
)
def first_number(said, wanted):
    one, other = (re.search(r"[+-]?\d[\d,]*(\.\d+)?", text) for text in (said, wanted))
    if one is None or other is None:
        return same_text(said, wanted)
    one, other = (Fraction(match[0].replace(",", "")) for match in (one, other))
    return one == other if is_year(wanted) else near(one, other)


@mistake(
    "Texts are compared as they are typed.",
    fails="relaxed-written",
    says="equal but for capitals",
)
def as_typed(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None:
        return said == wanted
    return one == other if is_year(wanted) else near(one, other)


@mistake(
    "What is no number is 0.",
    fails="relaxed-written",
    says="nothing was said",
)
def nothing_is_zero(said, wanted):
    one, other = number(said), number(wanted)
    if one is None and other is None:
        return same_text(said, wanted)
    one, other = one or Fraction(0), other or Fraction(0)
    return one == other if is_year(wanted) else near(one, other)


@mistake("Years get 5 %, too.", fails="relaxed-years", says="another year")
def no_years(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    return near(one, other)


@mistake(
    "Every whole number of four digits is a year.",
    fails="relaxed-years",
    says="not among the years meant here",
)
def four_digits(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    year = re.fullmatch(r"\d{4}", wanted.strip())
    return one == other if year else near(one, other)


@mistake(
    "A year is what was said.",
    fails="relaxed-years",
    says="and yours says the other",
)
def year_of_said(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    return one == other if is_year(said) else near(one, other)


@mistake(
    "A number is a year by its size, however it is written.",
    fails="relaxed-years",
    says="it is no year",
)
def year_by_size(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None:
        return same_text(said, wanted)
    return one == other if 1900 <= other <= 2099 else near(one, other)


@mistake(
    "1 and 0 in place of True and False.",
    fails="relaxed-bound, relaxed-sign, relaxed-written, relaxed-years",
    says="wanted True or False",
)
def as_numbers(said, wanted):
    return int(master(said, wanted))


@mistake("All spaces are dropped.", fails="relaxed-written", says="with a space inside")
def no_spaces(said, wanted):
    return master(said.replace(" ", ""), wanted.replace(" ", ""))


@mistake("Any number of % may follow.", fails="relaxed-written", says="with two %")
def many_percent(said, wanted):
    said, wanted = (re.sub(r"%+$", "%", text.strip()) for text in (said, wanted))
    return master(said, wanted)


@mistake("Texts without any spaces.", fails="relaxed-written", says="with a space inside")
def joined_texts(said, wanted):
    if number(said) is None or number(wanted) is None:
        return said.replace(" ", "").lower() == wanted.replace(" ", "").lower()
    return master(said, wanted)


@mistake("math.isclose.", fails="relaxed-bound", says="5 % of which")
def by_isclose(said, wanted):
    one, other = number(said), number(wanted)
    if one is None or other is None or is_year(wanted):
        return master(said, wanted)
    return math.isclose(one, other, rel_tol=0.05)


@mistake("Commas only in groups of three.", fails="relaxed-written", says="wherever they stand")
def grouped(said, wanted):
    for text in (said, wanted):
        if "," in text and not re.match(r"\s*[+-]?\d{1,3}(,\d{3})+(?![\d,])", text):
            return same_text(said, wanted)
    return master(said, wanted)


@mistake("A point may stand at the end.", fails="relaxed-written", says="behind a point")
def ends_with_point(said, wanted):
    return master(re.sub(r"(\d)\.$", r"\1", said), wanted)


@mistake("A number may begin with a point.", fails="relaxed-written", says="begins with digits")
def begins_with_point(said, wanted):
    return master(re.sub(r"^\.", "0.", said), wanted)
