"""Right and wrong answers to to_original."""

import torch

from bank import mistake, right

UNITS = {"hundredths": 100, "thousandths": 1000}


def sides(size, like):
    """Width and height, as x and y are."""
    return torch.tensor(size[::-1], dtype=like.dtype)


def inside(places, size):
    return places[((places >= 0) & (places <= sides(size, places))).all(dim=1)]


def moved(points, written, size, frame, fits=min, centred=True, units=UNITS):
    own, seen = sides(size, points), sides(frame, points)
    if written in units:
        return points * own / units[written]
    if written == "stretched":
        return points / (seen / own)
    scale = fits((seen / own).tolist())
    start = (seen - scale * own) / 2 if centred else 0
    return (points - start) / scale


@right("As the solutions write it.")
def master(points, written, size, frame):
    original = torch.tensor(size[::-1], dtype=points.dtype)
    shown = torch.tensor(frame[::-1], dtype=points.dtype)
    if written in ("hundredths", "thousandths"):
        places = points * original / (100 if written == "hundredths" else 1000)
    elif written == "stretched":
        places = points * original / shown
    else:
        scale = (shown / original).min()
        places = (points - (shown - scale * original) / 2) / scale
    return places[((places >= 0) & (places <= original)).all(dim=1)]


@right("Point by point, in Python's numbers.")
def by_loops(points, written, size, frame):
    height, width = size
    kept = []
    for x, y in points.tolist():
        if written in UNITS:
            x, y = x * width / UNITS[written], y * height / UNITS[written]
        elif written == "stretched":
            x, y = x * width / frame[1], y * height / frame[0]
        else:
            scale = min(frame[0] / height, frame[1] / width)
            x = (x - (frame[1] - scale * width) / 2) / scale
            y = (y - (frame[0] - scale * height) / 2) / scale
        if 0 <= x <= width and 0 <= y <= height:
            kept.append([x, y])
    return torch.tensor(kept, dtype=points.dtype).reshape(-1, 2)


@right("As one matrix product, places with a 1 beside them.")
def by_matrix(points, written, size, frame):
    height, width = size
    if written in UNITS:
        down, across, top, left = UNITS[written] / height, UNITS[written] / width, 0, 0
    else:
        down, across = frame[0] / height, frame[1] / width
        if written == "padded":
            down = across = min(down, across)
        top, left = (frame[0] - down * height) / 2, (frame[1] - across * width) / 2
    matrix = torch.tensor(
        [[1 / across, 0, -left / across], [0, 1 / down, -top / down]], dtype=torch.float64
    )
    ones = torch.ones(len(points), 1, dtype=torch.float64)
    places = torch.cat([points.double(), ones], dim=1) @ matrix.T
    ok = (places >= 0).all(1) & (places <= torch.tensor([width, height])).all(1)
    return places[ok].to(points.dtype)


@right("Columns apart, the mask by multiplication.")
def by_columns(points, written, size, frame):
    (height, width), (high, wide) = size, frame
    x, y = points.unbind(1)
    if written == "hundredths":
        x, y = x / 100 * width, y / 100 * height
    elif written == "thousandths":
        x, y = x / 1000 * width, y / 1000 * height
    elif written == "stretched":
        x, y = x / wide * width, y / high * height
    elif high * width <= wide * height:  # tall: padding left and right
        x, y = (x - (wide - high * width / height) / 2) * height / high, y * height / high
    else:
        x, y = x * width / wide, (y - (high - wide * height / width) / 2) * width / wide
    kept = (x >= 0) * (y >= 0) * (x <= width) * (y <= height)
    return torch.stack([x[kept], y[kept]], dim=1)


@mistake(
    "Thousandths are read as hundredths.",
    fails="original-shares",
    says="thousandths were taken for",
)
def all_hundredths(points, written, size, frame):
    units = {"hundredths": 100, "thousandths": 100}
    return inside(moved(points, written, size, frame, units=units), size)


@mistake(
    "Shares are taken of the frame.",
    fails="original-shares, original-outside",
    says="shares were taken of the frame's sides",
)
def of_the_frame(points, written, size, frame):
    if written in UNITS:
        return inside(points * sides(frame, points) / UNITS[written], size)
    return inside(moved(points, written, size, frame), size)


@mistake(
    "Height and width are swapped.",
    fails="original-shares, original-stretched, original-padded, original-outside",
    says="height and width are swapped: size and frame",
)
def swapped_sides(points, written, size, frame):
    return inside(moved(points, written, size[::-1], frame), size[::-1])


@mistake(
    "Height and width are swapped, the frame's too.",
    fails="original-shares, original-stretched, original-padded, original-outside",
    says="height and width are swapped: size and frame",
)
def swapped_everywhere(points, written, size, frame):
    return inside(moved(points, written, size[::-1], frame[::-1]), size[::-1])


@mistake(
    "One scale for a stretched picture.",
    fails="original-stretched, original-outside",
    says="one scale for both sides",
)
def one_scale(points, written, size, frame):
    if written == "stretched":
        scale = min(frame[0] / size[0], frame[1] / size[1])
        return inside(points / scale, size)
    return inside(moved(points, written, size, frame), size)


@mistake(
    "A padded picture is taken for a stretched one.",
    fails="original-padded, original-outside",
    says="the padding was forgotten",
)
def padding_forgotten(points, written, size, frame):
    if written == "padded":
        written = "stretched"
    return inside(moved(points, written, size, frame), size)


@mistake(
    "The padding is taken to lie behind the picture.",
    fails="original-padded, original-outside",
    says="the padding before the picture was not taken off",
)
def not_centred(points, written, size, frame):
    return inside(moved(points, written, size, frame, centred=False), size)


@mistake(
    "The larger scale.",
    fails="original-padded, original-outside",
    says="the larger of the two scales was taken",
)
def larger_scale(points, written, size, frame):
    return inside(moved(points, written, size, frame, fits=max), size)


@mistake(
    "What lies outside is moved to the border.",
    fails="original-outside",
    says="moved to its border",
)
def clamped(points, written, size, frame):
    places = moved(points, written, size, frame)
    return torch.minimum(places.clamp(min=0), sides(size, places))


@mistake(
    "What lies outside is kept.",
    fails="original-outside",
    says="a point outside the picture was kept",
)
def kept_outside(points, written, size, frame):
    return moved(points, written, size, frame)


@mistake(
    "Rounded to whole pixels.",
    fails="original-shares, original-stretched, original-padded, original-outside",
    says="the places were rounded to whole pixels",
)
def whole_pixels(points, written, size, frame):
    return inside(moved(points, written, size, frame).round(), size)


@mistake(
    "y first in what comes back.",
    fails="original-shares, original-stretched, original-padded, original-outside",
    says="y came before x",
)
def y_first(points, written, size, frame):
    return inside(moved(points, written, size, frame), size).flip(1)


@mistake(
    "Multiplied by the scale, not divided.",
    fails="original-stretched, original-padded, original-outside",
    says=", wanted ",
)
def multiplied(points, written, size, frame):
    if written in UNITS:
        return inside(moved(points, written, size, frame), size)
    scale = sides(frame, points) / sides(size, points)
    if written == "padded":
        scale = scale.min()
        start = (sides(frame, points) - scale * sides(size, points)) / 2
        return inside((points - start) * scale, size)
    return inside(points * scale, size)


@mistake(
    "The padding is taken off after the division.",
    fails="original-padded, original-outside",
    says="the padding was taken off after the division",
)
def padding_late(points, written, size, frame):
    if written != "padded":
        return inside(moved(points, written, size, frame), size)
    own, seen = sides(size, points), sides(frame, points)
    scale = (seen / own).min()
    return inside(points / scale - (seen - scale * own) / 2, size)


@mistake(
    "Points on the border are left out.",
    fails="original-outside",
    says=("0 points came back, wanted 3", "What do your comparisons say of an x that is 0"),
)
def border_out(points, written, size, frame):
    places = moved(points, written, size, frame)
    return places[((places > 0) & (places < sides(size, places))).all(dim=1)]


@mistake("Only x is looked at.", fails="original-outside", says="A point lies outside if its x")
def x_alone(points, written, size, frame):
    places = moved(points, written, size, frame)
    return places[(places[:, 0] >= 0) & (places[:, 0] <= size[1])]


@mistake("No point left gives None.", fails="original-outside", says="to_original returned None")
def none_for_nothing(points, written, size, frame):
    places = inside(moved(points, written, size, frame), size)
    return places if len(places) else None


@mistake(
    "A list of points.",
    fails="original-shares, original-stretched, original-padded, original-outside",
    says="to_original returned a list, wanted a torch tensor",
)
def as_list(points, written, size, frame):
    return inside(moved(points, written, size, frame), size).tolist()


@mistake(
    "Always float32.",
    fails="original-outside",
    says="torch.float64 went in, torch.float32 came out",
)
def in_float32(points, written, size, frame):
    return inside(moved(points.float(), written, size, frame), size)


@mistake("In place.", fails="original-outside", says="changed its first argument")
def in_place(points, written, size, frame):
    result = inside(moved(points, written, size, frame), size)
    points *= 2
    return result


@mistake(
    "A small picture is not enlarged.",
    fails="original-padded",
    says="the picture was not enlarged",
)
def never_enlarged(points, written, size, frame):
    fits = lambda ratios: min(*ratios, 1)
    return inside(moved(points, written, size, frame, fits=fits), size)


@mistake(
    "All the padding is taken off, not half.",
    fails="original-padded, original-outside",
    says="all the padding was taken off",
)
def not_halved(points, written, size, frame):
    if written != "padded":
        return inside(moved(points, written, size, frame), size)
    own, seen = sides(size, points), sides(frame, points)
    scale = (seen / own).min()
    return inside((points - (seen - scale * own)) / scale, size)
