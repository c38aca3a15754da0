"""Right and wrong answers to modalities."""

import os
import re
from pathlib import Path, PurePath

from bank import mistake, right

TEXT = {".txt", ".md", ".csv", ".html", ".py"}
PICTURE = ("png", "jpg", "jpeg", "webp", "mp4", "webm")


def ending(name):
    return os.path.splitext(name)[1].lower()


def pictures(files):
    return [ending(file) not in TEXT for file in files]


def box(seen, given):
    """Truth values, is it a picture, of what goes in and what comes out."""
    if not any(given):
        return "multi-to-text" if any(seen) else "text-to-text"
    return "multi-to-image" if all(given) else "multi-to-multi"


@right("os.path.splitext, and whatever is not text is a picture.")
def by_splitext(takes, gives):
    return box(pictures(takes), pictures(gives))


@right("str.endswith with a tuple.")
def by_endswith(takes, gives):
    def picture(file):
        return file.lower().endswith(tuple("." + one for one in PICTURE))

    inside = "multi" if any(map(picture, takes)) else "text"
    count = sum(picture(file) for file in gives)
    if count == 0:
        return f"{inside}-to-text"
    return "multi-to-" + ("image" if count == len(gives) else "multi")


@right("A regular expression, and sets of kinds.")
def by_expression(takes, gives):
    pattern = re.compile(r"\.(png|jpe?g|webp|mp4|webm)$", re.IGNORECASE)
    kinds = [{bool(pattern.search(file)) for file in files} for files in (takes, gives)]
    if kinds[1] == {False}:
        return "multi-to-text" if True in kinds[0] else "text-to-text"
    return {frozenset({True}): "multi-to-image"}.get(frozenset(kinds[1]), "multi-to-multi")


@right("Loops and pathlib, one branch after the other.")
def by_loops(takes, gives):
    words_out = pictures_out = picture_in = False
    for file in gives:
        if PurePath(file).suffix.lower() in TEXT:
            words_out = True
        else:
            pictures_out = True
    for file in takes:
        picture_in = picture_in or Path(file).suffix.lower() not in TEXT
    if words_out and pictures_out:
        return "multi-to-multi"
    if pictures_out:
        return "multi-to-image"
    return "multi-to-text" if picture_in else "text-to-text"


@mistake(
    "By what comes out alone.",
    fails="box-of-four, box-by-ending, box-of-several",
    says="is multi-to-text, and yours says 'text-to-text'",
)
def by_output(takes, gives):
    return box([], pictures(gives))


@mistake(
    "A box text-to-image, which there is not.",
    fails="box-of-four, box-of-several",
    says=("there is no box text-to-image", "and these may go into a multi box"),
)
def text_to_image(takes, gives):
    name = box(pictures(takes), pictures(gives))
    return name if any(pictures(takes)) else name.replace("multi-to", "text-to")


@mistake(
    "Endings in capital letters are not known.",
    fails="box-by-ending",
    says="know .PNG as well as .png",
)
def capitals(takes, gives):
    def seen(files):
        return [file.rsplit(".")[-1] in PICTURE for file in files]

    return box(seen(takes), seen(gives))


@mistake("A film is left out.", fails="box-by-ending", says="A film is a row of pictures")
def no_films(takes, gives):
    def seen(files):
        return [ending(file)[1:] in PICTURE[:4] for file in files]

    return box(seen(takes), seen(gives))


@mistake("The first ending counts.", fails="box-by-ending", says="the last ending says")
def first_ending(takes, gives):
    def seen(files):
        return [file.lower().split(".")[1] in PICTURE for file in files]

    return box(seen(takes), seen(gives))


@mistake(
    "The ending is looked for anywhere in the name.",
    fails="box-by-ending",
    says="the last ending says",
)
def anywhere(takes, gives):
    def seen(files):
        return [any("." + one in file.lower() for one in PICTURE) for file in files]

    return box(seen(takes), seen(gives))


@mistake("Only .png is a picture.", fails="box-by-ending", says="the last ending says")
def png_alone(takes, gives):
    def seen(files):
        return [ending(file) == ".png" for file in files]

    return box(seen(takes), seen(gives))


@mistake("Only .txt is text.", fails="box-by-ending", says="the last ending says")
def txt_alone(takes, gives):
    def seen(files):
        return [ending(file) != ".txt" for file in files]

    return box(seen(takes), seen(gives))


@mistake("Nothing handed in raises an error.", fails="box-of-several", says="nothing handed in")
def first_file(takes, gives):
    seen = ending(takes[0]) not in TEXT or any(pictures(takes))
    return box([seen], pictures(gives))


@mistake(
    "The first file handed in speaks for all.",
    fails="box-of-several",
    says="is multi-to-text, and yours says 'text-to-text'",
)
def first_speaks(takes, gives):
    return box(pictures(takes[-1:]), pictures(gives)) if takes else box([], pictures(gives))


@mistake(
    "All that goes in must be pictures for multi.",
    fails="box-of-several",
    says="is multi-to-text, and yours says 'text-to-text'",
)
def all_of_them(takes, gives):
    return box([all(pictures(takes)) and bool(takes)], pictures(gives))


@mistake(
    "The first file that comes out speaks for all.",
    fails="box-of-four, box-of-several",
    says="is multi-to-multi",
)
def first_out(takes, gives):
    return box(pictures(takes), pictures(gives[:1]))


@mistake(
    "Two files that come out are multi, whatever is in them.",
    fails="box-by-ending, box-of-several",
    says=("yours says 'multi-to-multi'", "What is in the files counts, not how many there are"),
)
def by_number(takes, gives):
    name = box(pictures(takes), pictures(gives))
    return "multi-to-multi" if len(gives) > 1 else name


@mistake(
    "Words and pictures that come out together are called multi-to-image.",
    fails="box-of-four, box-of-several",
    says=("is multi-to-multi", "Do words come out? And pictures?"),
)
def any_picture(takes, gives):
    return box(pictures(takes), [True] if any(pictures(gives)) else [False])


@mistake(
    "The name is written otherwise.",
    fails="box-of-four, box-by-ending, box-of-several",
    says="yours says 'Text-To-Text'",
)
def title_case(takes, gives):
    return box(pictures(takes), pictures(gives)).title()


@mistake(
    "A pair comes back.",
    fails="box-of-four, box-by-ending, box-of-several",
    says="returned a tuple, wanted a box's name",
)
def as_pair(takes, gives):
    return tuple(box(pictures(takes), pictures(gives)).split("-to-"))


@mistake(
    "The list is emptied while it is read.",
    fails="box-of-several",
    says="changed its first argument",
)
def emptied(takes, gives):
    seen = False
    while takes:
        seen |= ending(takes.pop()) not in TEXT
    return box([seen], pictures(gives))


@mistake(
    "A film and a picture that come out together are taken for two kinds.",
    fails="box-by-ending",
    says="A film is a row of pictures. Are there words",
)
def film_and_picture(takes, gives):
    kinds = {"film" if ending(f) in {".mp4", ".webm"} else str(ending(f) in TEXT) for f in gives}
    return "multi-to-multi" if len(kinds) > 1 else box(pictures(takes), pictures(gives))


@mistake(
    "Whatever is no text in small letters is a picture.",
    fails="box-by-ending",
    says="know .TXT as well as .txt",
)
def capital_texts(takes, gives):
    def seen(files):
        return [os.path.splitext(file)[1] not in TEXT for file in files]

    return box(seen(takes), seen(gives))
