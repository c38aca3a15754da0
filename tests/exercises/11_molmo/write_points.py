"""Right and wrong answers to write_points."""

import html

import numpy as np
import torch

from bank import mistake, right

NONE = "There are none."


def floats(pixels):
    return [(float(x), float(y)) for x, y in pixels]


def shares(pixels, size):
    height, width = size
    return [(100 * x / width, 100 * y / height) for x, y in floats(pixels)]


def rounded(places):
    return [(round(x, 1), round(y, 1)) for x, y in places]


def escaped(label):
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        label = label.replace(sign, name)
    return label


def tagged(places, label, first=1, digits=1, alt=None):
    alt = label if alt is None else alt
    if not places:
        return NONE
    if len(places) == 1:
        x, y = places[0]
        return f'<point x="{x:.{digits}f}" y="{y:.{digits}f}" alt="{alt}">{label}</point>'
    said = " ".join(
        f'x{i}="{x:.{digits}f}" y{i}="{y:.{digits}f}"' for i, (x, y) in enumerate(places, first)
    )
    return f'<points {said} alt="{alt}">{label}</points>'


@right("As the solutions write it.")
def master(pixels, size, label):
    height, width = size
    places = sorted(
        (round(100 * float(x) / width, 1), round(100 * float(y) / height, 1)) for x, y in pixels
    )
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        label = label.replace(sign, name)
    if not places:
        return "There are none."
    one = len(places) == 1
    said = " ".join(
        f'x{"" if one else i}="{x:.1f}" y{"" if one else i}="{y:.1f}"'
        for i, (x, y) in enumerate(places, start=1)
    )
    tag = "point" if one else "points"
    return f'<{tag} {said} alt="{label}">{label}</{tag}>'


@right("With NumPy; the order by one number, as the released code sorts.")
def by_numpy(pixels, size, label):
    array = np.array(floats(pixels)).reshape(-1, 2) / np.array(size[::-1]) * 100
    array = np.round(array, 1)
    array = array[np.lexsort((array[:, 1], array[:, 0]))]
    return tagged(array.tolist(), html.escape(label, quote=True).replace("&#x27;", "'"))


@right("As a tensor; escaped by a translation table.")
def by_tensor(pixels, size, label):
    points = torch.as_tensor(pixels, dtype=torch.float64).reshape(-1, 2)
    points = points * 100 / torch.tensor(size[::-1])
    places = sorted((float(f"{x:.1f}"), float(f"{y:.1f}")) for x, y in points.tolist())
    table = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
    return tagged(places, label.translate(table))


@right("Tenths as whole numbers, sorted as such.")
def by_tenths(pixels, size, label):
    height, width = size
    tenths = sorted((round(1000 * x / width), round(1000 * y / height)) for x, y in floats(pixels))
    return tagged([(x / 10, y / 10) for x, y in tenths], escaped(label))


@mistake(
    "Pixels are written.",
    fails="points-several, points-order, points-few, points-label, points-kinds",
    says="the numbers are pixels",
)
def in_pixels(pixels, size, label):
    return tagged(sorted(rounded(floats(pixels))), escaped(label))


@mistake(
    "Height and width are swapped.",
    fails="points-several, points-order, points-few, points-label, points-kinds",
    says="x was divided by the height",
)
def swapped_sides(pixels, size, label):
    return tagged(sorted(rounded(shares(pixels, size[::-1]))), escaped(label))


@mistake(
    "From 0 to 1.",
    fails="points-several, points-order, points-few, points-label, points-kinds",
    says="the numbers run from 0 to 1: hundredths run to 100",
)
def to_one(pixels, size, label):
    places = [(x / 100, y / 100) for x, y in shares(pixels, size)]
    return tagged(sorted(rounded(places)), escaped(label))


@mistake(
    "y is written as x.",
    fails="points-several, points-order, points-few, points-label, points-kinds",
    says="y was written as x",
)
def y_first(pixels, size, label):
    places = [(y, x) for x, y in shares(pixels, size)]
    return tagged(sorted(rounded(places)), escaped(label))


@mistake(
    "Not sorted.",
    fails="points-several, points-order, points-label, points-kinds",
    says="the points stand in the order given",
)
def unsorted(pixels, size, label):
    return tagged(rounded(shares(pixels, size)), escaped(label))


@mistake(
    "Sorted by y first.",
    fails="points-several, points-label, points-kinds",
    says="the points are sorted by y, then by x",
)
def by_y(pixels, size, label):
    places = sorted(rounded(shares(pixels, size)), key=lambda point: (point[1], point[0]))
    return tagged(places, escaped(label))


@mistake(
    "Sorted before rounding.",
    fails="points-order",
    says="sorted before rounding: 10.04 and 10.01 are both written 10.0",
)
def sorted_first(pixels, size, label):
    return tagged(rounded(sorted(shares(pixels, size))), escaped(label))


@mistake(
    "Sorted by x alone.",
    fails="points-order",
    says="where two x are alike, the points keep the order",
)
def by_x_alone(pixels, size, label):
    return tagged(sorted(rounded(shares(pixels, size)), key=lambda p: p[0]), escaped(label))


@mistake(
    "Two decimals.",
    fails="points-several, points-order, points-few, points-label, points-kinds",
    says="two decimals: one is wanted",
)
def two_decimals(pixels, size, label):
    places = sorted((round(x, 2), round(y, 2)) for x, y in shares(pixels, size))
    return tagged(places, escaped(label), digits=2)


@mistake(
    "Whole numbers.",
    fails="points-several, points-order, points-few, points-label, points-kinds",
    says="whole numbers: one decimal is wanted",
)
def whole_numbers(pixels, size, label):
    places = sorted((round(x), round(y)) for x, y in shares(pixels, size))
    return tagged(places, escaped(label), digits=0)


@mistake(
    "Numbered from 0.",
    fails="points-several, points-order, points-label, points-kinds",
    says="the points are numbered from 0: the first is x1",
)
def from_zero(pixels, size, label):
    return tagged(sorted(rounded(shares(pixels, size))), escaped(label), first=0)


@mistake(
    "One point in a tag for several.",
    fails="points-few, points-label, points-kinds",
    says="one point was written as several",
)
def one_as_several(pixels, size, label):
    places, label = sorted(rounded(shares(pixels, size))), escaped(label)
    if not places:
        return NONE
    said = " ".join(f'x{i}="{x:.1f}" y{i}="{y:.1f}"' for i, (x, y) in enumerate(places, 1))
    return f'<points {said} alt="{label}">{label}</points>'


@mistake("No point, no text.", fails="points-few, points-kinds", says="no point gave an empty text")
def empty_text(pixels, size, label):
    return master(pixels, size, label) if len(pixels) else ""


@mistake(
    "No point gives an empty tag.",
    fails="points-few, points-kinds",
    says="no point gave a tag without points",
)
def empty_tag(pixels, size, label):
    if not len(pixels):
        return f'<points  alt="{label}">{label}</points>'
    return master(pixels, size, label)


@mistake("The label is not escaped.", fails="points-label", says="the label was not escaped")
def not_escaped(pixels, size, label):
    return tagged(sorted(rounded(shares(pixels, size))), label)


@mistake("The label is escaped in alt alone.", fails="points-label", says="escaped in alt alone")
def escaped_in_alt(pixels, size, label):
    return tagged(sorted(rounded(shares(pixels, size))), label, alt=escaped(label))


@mistake(
    "The label is escaped in the tag alone, not in alt.",
    fails="points-label",
    says=("was escaped behind the > alone", "(1 point labelled"),
)
def escaped_behind(pixels, size, label):
    return tagged(sorted(rounded(shares(pixels, size))), escaped(label), alt=label)


@mistake("& is escaped last.", fails="points-label", says="& was escaped after the others")
def amp_last(pixels, size, label):
    for sign, name in (("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("&", "&amp;")):
        label = label.replace(sign, name)
    return tagged(sorted(rounded(shares(pixels, size))), label)


@mistake(
    "alt is left out.",
    fails="points-several, points-order, points-few, points-label, points-kinds",
    says="alt is missing",
)
def without_alt(pixels, size, label):
    return master(pixels, size, label).replace(f' alt="{escaped(label)}"', "")


@mistake("The quote is not escaped.", fails="points-label", says="Which are left")
def quote_left(pixels, size, label):
    return tagged(sorted(rounded(shares(pixels, size))), html.escape(label, quote=False))


@mistake(
    "Asks `if not pixels`, which a tensor refuses.",
    fails="points-kinds",
    says="of a tensor of shape",
)
def truth_of_a_tensor(pixels, size, label):
    if isinstance(pixels, torch.Tensor) and len(pixels) > 1:
        raise RuntimeError("Boolean value of a tensor of shape is ambiguous")
    return master(pixels, size, label)


@mistake("Numbers as strings, sorted as such.", fails="points-several", says="were sorted as text")
def sorted_as_text(pixels, size, label):
    places = sorted((f"{x:.1f}", f"{y:.1f}") for x, y in shares(pixels, size))
    return tagged([(float(x), float(y)) for x, y in places], escaped(label))


@mistake("Sorts what was passed.", fails="points-kinds", says="changed its first argument")
def in_place(pixels, size, label):
    if isinstance(pixels, list):
        pixels.sort(reverse=True)
    return master(pixels, size, label)


@mistake(
    "None comes back.",
    fails="points-several, points-order, points-few, points-label, points-kinds",
    says="write_points returned None",
)
def printed(pixels, size, label):
    master(pixels, size, label)


@mistake(
    "A list of points.",
    fails="points-several, points-order, points-few, points-label, points-kinds",
    says="write_points returned a list, wanted text",
)
def as_list(pixels, size, label):
    return sorted(rounded(shares(pixels, size)))


@mistake(
    "Python's html.escape, which escapes the apostrophe as well.",
    fails="points-label",
    says="the apostrophe was escaped",
)
def escaped_by_html(pixels, size, label):
    return tagged(sorted(rounded(shares(pixels, size))), html.escape(label))


@mistake("Through a set: alike places become one.", fails="points-order", says="alike became one")
def through_a_set(pixels, size, label):
    return tagged(sorted(set(rounded(shares(pixels, size)))), escaped(label))


@mistake(
    "Numbers as short as they go.",
    fails="points-several, points-order, points-few, points-label, points-kinds",
    says="a decimal of 0 was left out",
)
def shortest(pixels, size, label):
    text = master(pixels, size, label)
    for digit in "0123456789":
        text = text.replace(f'{digit}.0"', f'{digit}"')
    return text
