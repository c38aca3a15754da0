"""Build the drawings: `emoji.parquet`, about 1,000 pictorial emoji by three artists with names from
Unicode, and `more_emoji.parquet`, the same emoji by further artists, for training alone.

Run by hand, never at run time. It reads packages, each with a version, and writes a Parquet file
and its checksum beside this script. The first file:

    apt-get install fonts-noto-color-emoji unicode-cldr-core unicode-data
    npm pack @twemoji/svg@15.0.0
    npm pack @iconify-json/fluent-emoji@1.2.7 @iconify-json/fluent-emoji-flat@1.2.6
    pip install fonttools resvg-py wordfreq
    python -m mvlm.data.build_emoji first --twemoji DIR --fluent DIR --fluent-names DIR

where each DIR is the unpacked `package` folder. `fluent-emoji` has the drawings but no table of
code points; `fluent-emoji-flat`, the same icons by the same names, has one. The second file, which
takes its emoji from the first:

    npm install --prefix DIR @iconify-json/noto-v1@1.2.5 @iconify-json/emojione@1.2.3 \
        @iconify-json/emojione-v1@1.2.3 @iconify-json/fxemoji@1.2.2 \
        @iconify-json/openmoji@1.2.29 @iconify-json/streamline-emojis@1.2.4
    pip install resvg-py
    python -m mvlm.data.build_emoji more --packages DIR/node_modules/@iconify-json
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageOps

from mvlm.data.emojis import MORE_ARTISTS, MORE_PARQUET, PARQUET, emoji_table

SIZE = 40  # pixels: the drawing's longest side, as large as a cell of the course's grid
NOTO = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
ANNOTATIONS = Path("/usr/share/unicode/cldr/common/annotations/en.xml")
EMOJI_TEST = Path("/usr/share/unicode/emoji/emoji-test.txt")

# Pictures of things. Symbols, flags and skin tones are marks to read, not things to see.
GROUPS = (
    "Smileys & Emotion",
    "People & Body",
    "Animals & Nature",
    "Food & Drink",
    "Travel & Places",
    "Activities",
    "Objects",
)
# The everyday vocabulary is chosen by the rule in `everyday_words`; these are its written parts.
EVERYDAY_GROUPS = GROUPS[2:]
EVERYDAY_COUNT = 100
WORST_RANK = 20
# The plain word for a CLDR name that nobody would type.
PLAIN_WORDS = {
    "airplane": "plane",
    "automobile": "car",
    "cat face": "cat",
    "cow face": "cow",
    "deciduous tree": "tree",
    "dog face": "dog",
    "hamburger": "burger",
    "horse face": "horse",
    "monkey face": "monkey",
    "mouse face": "mouse",
    "pig face": "pig",
    "rabbit face": "rabbit",
    "red apple": "apple",
    "tiger face": "tiger",
}
LEFT_OUT_WORDS = {
    "not one thing that can be counted": (
        "blossom bread broccoli bowling butter camping cooking fog foggy garlic ice lacrosse link "
        "locked luggage memo metro motorway pick popcorn sake salt soap spaghetti sunrise sunset "
        "thread tennis unlocked wood wedding"
    ),
    "not for every classroom": (
        "axe bomb briefs cigarette coffin dagger pill sake pistol syringe church mosque synagogue"
    ),
    "too near another word of the list": (
        "ferry handbag hut label ledger locomotive package purse ram receipt scroll softball tram"
    ),
    "another meaning comes first": "bank battery dvd mate turkey",
}
# Icons that have an emoji's name and show another thing, or are broken: found by looking at those
# least like Noto's and Twemoji's.
NOT_THIS = {
    "noto-v1": "🔫🦗",
    "emojione": "🔫🦗",
    "emojione-v1": "🔫⌨",
    "fxemoji": "🔫🌫🐗🖲🚋",
    "openmoji": "📜",
    "streamline-emojis": "🔫🎧🔇🦃",
}
# Names that Mozilla gave in its own words.
FXEMOJI_NAMES = dict(
    re.findall(
        r"(\S+)=(\S+)",
        "🐱=cat 🐈=catside 🐶=dog 🐕=dogside 🐭=mouse 🐁=mouseside 🐷=pig 🐖=pigside 🐯=tiger "
        "🐅=tigerside 🐰=bunny 🐇=bunnyside 🐹=hampster 🐆=leopardside 🐲=dragonhead "
        "🐉=dragonside 🐳=spurtingwhale 🐽=pigsnout 🙈=monkeysee 🙉=monkeyhear 🙊=monkeyspeak "
        "🐥=frontfacingchick 💡=lightbulb 🌲=evergreen 💩=poo 💎=gem 🎁=present 👠=heels 👢=boot "
        "👓=glasses ⌨=wiredkeyboard 📱=cellphone 🏍=motorcycle 🎾=tennisball 👔=tie "
        "🗼=toykotower 🍴=forkknife 🌶=chilipepper 🌎=americasglobe 🌍=europeafricaglobe "
        "🌏=asiaaustraliaglobe 🌐=meridianglobe 🍂=fallingleaf 🍃=leaffluttering 🎊=confetti "
        "❤=redheart 💚=heartgreen 💛=heartyellow 💜=heartpurple 💝=heartribbon "
        "💘=heartarrow 💕=2hearts 👄=lips 💪=flexbicep 👏=clap 👋=waving 🙏=pray 👟=mensrunner "
        "👞=mensshoe 👡=sandals 👕=mansshirt 👚=womansshirt 🕰=manltepiececlock 🏎=racecar "
        "🔍=leftmagnifyingglass 🔎=rightmagnifyingglass 🌕=fullmoon 🌑=newmoon 📼=videocasette "
        "⏳=hourglassflowingsand 🍥=fishcakeswirl ⭐=star",
    )
)


def code_points(line: str) -> list[str]:
    return [point for point in line.split(";")[0].split() if point != "FE0F"]


def single_emoji() -> dict[str, str]:
    """Every emoji of one code point in the wanted groups -> its group."""
    found, group = {}, ""
    for line in EMOJI_TEST.read_text(encoding="utf-8").splitlines():
        if line.startswith("# group:"):
            group = line.split(":", 1)[1].strip()
        elif "; fully-qualified" in line and group in GROUPS:
            points = code_points(line)
            clock_face = "o’clock" in line or "-thirty" in line
            if len(points) == 1 and not clock_face:
                found[chr(int(points[0], 16))] = group
    return found


def cldr_names() -> dict[str, tuple[str, list[str]]]:
    """Emoji -> its Unicode CLDR short name and keywords, in English."""
    names, keywords = {}, {}
    for node in ElementTree.parse(ANNOTATIONS).iter("annotation"):
        if node.get("type") == "tts":
            names[node.get("cp")] = node.text
        else:
            keywords[node.get("cp")] = [word.strip() for word in node.text.split("|")]
    return {emoji: (name, keywords.get(emoji, [])) for emoji, name in names.items()}


def noto_artist(font_path: Path) -> Callable[[str], Image.Image | None]:
    """Noto's font holds one PNG a glyph (136×128) in its CBDT table."""
    from fontTools.ttLib import TTFont

    font = TTFont(font_path)
    glyphs, bitmaps = font.getBestCmap(), font["CBDT"].strikeData[0]

    def draw(emoji: str) -> Image.Image | None:
        glyph = glyphs.get(ord(emoji))
        if glyph not in bitmaps:
            return None
        return Image.open(io.BytesIO(bitmaps[glyph].imageData)).convert("RGBA")

    return draw


def rasterise(svg: str) -> Image.Image:
    import resvg_py

    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=160, height=160))
    return Image.open(io.BytesIO(png)).convert("RGBA")


def twemoji_artist(folder: Path) -> Callable[[str], Image.Image | None]:
    def draw(emoji: str) -> Image.Image | None:
        path = folder / f"{ord(emoji):x}.svg"
        return rasterise(path.read_text()) if path.exists() else None

    return draw


def fluent_artist(folder: Path, names_folder: Path) -> Callable[[str], Image.Image | None]:
    icons = json.loads((folder / "icons.json").read_text())["icons"]
    slugs = json.loads((names_folder / "chars.json").read_text())

    def draw(emoji: str) -> Image.Image | None:
        point = f"{ord(emoji):x}"
        icon = icons.get(slugs.get(point, slugs.get(f"{point}-fe0f", "")))
        if icon is None:
            return None
        return rasterise(
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="0 0 32 32">{icon["body"]}</svg>'
        )

    return draw


def squeezed(name: str) -> str:
    """A name as letters and digits alone: "piñata" and "Pi-ñata" are both "pinata"."""
    return re.sub("[^a-z0-9]", "", unicodedata.normalize("NFKD", name).lower())


def iconify_artist(folder: Path, names: dict[str, str]) -> Callable[[str], Image.Image | None]:
    """An icon set finds an emoji by code point where it has that table, or else by name.

    `names` gives the emoji their CLDR names. The character's Unicode name, which never changes,
    is tried after it: the older sets follow the CLDR of their time.
    """
    own_names = FXEMOJI_NAMES if folder.name == "fxemoji" else {}
    icon_set = json.loads((folder / "icons.json").read_text())
    icons, by_point = icon_set["icons"], json.loads((folder / "chars.json").read_text())
    aliases = {alias: entry["parent"] for alias, entry in icon_set.get("aliases", {}).items()}
    by_name: dict[str, str] = {}
    for name in [*icons, *aliases]:
        by_name.setdefault(squeezed(name), aliases.get(name, name))

    def find(emoji: str) -> str | None:
        point = f"{ord(emoji):x}"
        spelled = (own_names.get(emoji, ""), names[emoji], unicodedata.name(emoji))
        if by_point:
            return by_point.get(point, by_point.get(f"{point}-fe0f"))
        return next((by_name[key] for key in map(squeezed, spelled) if key in by_name), None)

    def draw(emoji: str) -> Image.Image | None:
        name = None if emoji in NOT_THIS[folder.name] else find(emoji)
        if name is None:
            return None
        icon = icons[aliases.get(name, name)]
        sides = [icon.get(side, icon_set.get(side, 16)) for side in ("width", "height")]
        return rasterise(
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="0 0 {sides[0]} {sides[1]}">{icon["body"]}</svg>'
        )

    return draw


def fit(drawing: Image.Image) -> Image.Image:
    """Cut the drawing to what is painted and centre it, longest side `SIZE`, on a clear square."""
    painted = drawing.getchannel("A").point(lambda alpha: 255 * (alpha > 24)).getbbox()
    drawing = drawing.crop(painted)
    scale = SIZE / max(drawing.size)
    size = tuple(max(1, round(side * scale)) for side in drawing.size)
    # Premultiplied, so that the colour of clear pixels does not bleed into the rim.
    drawing = drawing.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    square = Image.new("RGBA", (SIZE, SIZE))
    square.paste(drawing, ((SIZE - size[0]) // 2, (SIZE - size[1]) // 2))
    return square


def webp_bytes(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, quality=100, method=6)
    return buffer.getvalue()


def small_webp_bytes(image: Image.Image) -> bytes:
    """A third of the lossless size; the outline stays exact."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=85, alpha_quality=100, method=6)
    return buffer.getvalue()


def glance(drawings: list[Image.Image]) -> np.ndarray:
    """What a glance keeps of each drawing: 10×10 colours on grey, and 10×10 of its outline."""
    rows = []
    for drawing in drawings:
        grey = Image.new("RGBA", drawing.size, (128, 128, 128, 255))
        colours = Image.alpha_composite(grey, drawing).convert("RGB")
        parts = [colours, drawing.getchannel("A")]
        small = [part.resize((10, 10), Image.Resampling.BOX) for part in parts]
        rows.append(np.concatenate([np.asarray(part, float).ravel() for part in small]))
    return np.stack(rows)


def worst_ranks(drawings: dict[str, list[Image.Image]]) -> np.ndarray:
    """How well the artists agree on each emoji: 0 where every other artist's is the nearest.

    For an artist's drawing, rank all of another artist's by cosine (as drawn or mirrored), and see
    where the same emoji comes. The worst place over the six ordered pairs of artists is returned.
    """
    as_drawn = {artist: glance(images) for artist, images in drawings.items()}
    mirrored = {
        artist: glance([ImageOps.mirror(image) for image in images])
        for artist, images in drawings.items()
    }
    for artist in drawings:
        centre = (as_drawn[artist].mean(0) + mirrored[artist].mean(0)) / 2
        for table in (as_drawn, mirrored):
            table[artist] = table[artist] - centre
            table[artist] /= np.linalg.norm(table[artist], axis=1, keepdims=True)
    worst = np.zeros(len(next(iter(as_drawn.values()))), int)
    for one, other in permutations(drawings, 2):
        alike = np.maximum(as_drawn[one] @ as_drawn[other].T, as_drawn[one] @ mirrored[other].T)
        ranks = (alike > np.diag(alike)[:, None]).sum(1)
        worst = np.maximum(worst, ranks)
    return worst


def everyday_words(
    names: dict[str, str], groups: dict[str, str], drawings: dict[str, dict[str, Image.Image]]
) -> dict[str, str]:
    """Choose the everyday vocabulary: emoji -> word.

    1. Its CLDR name, or the plain word for it in `PLAIN_WORDS`, is one lower-case English word
       for a thing (groups from animals to objects), no plural, and not in `LEFT_OUT_WORDS`.
    2. The artists draw it recognisably: its worst rank is at most `WORST_RANK` (see above). Of
       two emoji with one word, the one they agree on more.
    3. Of what is left, the `EVERYDAY_COUNT` words most frequent in English (wordfreq).
    """
    from wordfreq import zipf_frequency

    left_out = {word for words in LEFT_OUT_WORDS.values() for word in words.split()}
    words = {}
    for emoji, name in names.items():
        word = PLAIN_WORDS.get(name, name)
        plural = word.endswith("s") and not word.endswith("us")
        one_word = re.fullmatch("[a-z]{3,10}", word) is not None
        if one_word and not plural and word not in left_out and groups[emoji] in EVERYDAY_GROUPS:
            words[emoji] = word
    emojis = list(words)
    ranks = worst_ranks(
        {artist: [images[emoji] for emoji in emojis] for artist, images in drawings.items()}
    )
    best: dict[str, tuple[int, str]] = {}
    for emoji, rank in zip(emojis, ranks, strict=True):
        word = words[emoji]
        if rank <= WORST_RANK:
            best[word] = min(best.get(word, (WORST_RANK + 1, emoji)), (int(rank), emoji))
    frequent = sorted(best, key=lambda word: (-zipf_frequency(word, "en"), word))[:EVERYDAY_COUNT]
    return {best[word][1]: word for word in frequent}


def build(artists: dict[str, Callable[[str], Image.Image | None]]) -> pa.Table:
    """Draw every emoji that all artists have; one row an emoji and artist, sorted by code point."""
    groups, cldr = single_emoji(), cldr_names()
    drawings: dict[str, dict[str, Image.Image]] = {artist: {} for artist in artists}
    names = {}
    for emoji in sorted(groups):
        drawn = {artist: draw(emoji) for artist, draw in artists.items()}
        if emoji in cldr and all(drawn.values()):
            names[emoji] = cldr[emoji][0]
            for artist, image in drawn.items():
                drawings[artist][emoji] = fit(image)
    words = everyday_words(names, groups, drawings)
    rows = [
        {
            "image": {"bytes": webp_bytes(drawings[artist][emoji]), "path": None},
            "name": names[emoji],
            "everyday": words.get(emoji, ""),
            "keywords": cldr[emoji][1],
            "group": groups[emoji],
            "artist": artist,
            "emoji": emoji,
        }
        for artist in artists
        for emoji in names
    ]
    return pa.Table.from_pylist(rows)


def build_more(packages: Path) -> pa.Table:
    """Each further artist's drawings of the first file's emoji: a row for each that there is."""
    first = emoji_table(PARQUET).select(["emoji", "name"]).to_pylist()
    names = {row["emoji"]: row["name"] for row in first}
    rows = []
    for artist in MORE_ARTISTS:
        draw = iconify_artist(packages / artist, names)
        for emoji in names:
            drawing = draw(emoji)
            if drawing is not None:
                image = {"bytes": small_webp_bytes(fit(drawing)), "path": None}
                rows.append({"artist": artist, "emoji": emoji, "image": image})
        print(f"{artist}: {sum(row['artist'] == artist for row in rows):,} of {len(names):,} emoji")
    return pa.Table.from_pylist(rows)


def write(table: pa.Table, target: Path) -> None:
    pq.write_table(table, target, compression="zstd")
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    target.with_suffix(".sha256").write_text(digest + "\n")
    print(f"{target.name}: {len(table)} rows, {target.stat().st_size / 1e6:.1f} MB, {digest[:12]}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the course's drawings; see this file's top")
    files = parser.add_subparsers(dest="file", required=True)
    first = files.add_parser("first", help=PARQUET.name)
    first.add_argument("--twemoji", type=Path, required=True)
    first.add_argument("--fluent", type=Path, required=True)
    first.add_argument("--fluent-names", type=Path, required=True)
    more = files.add_parser("more", help=MORE_PARQUET.name)
    more.add_argument("--packages", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.file == "more":
        write(build_more(arguments.packages), MORE_PARQUET)
        return
    table = build(
        {
            "noto": noto_artist(NOTO),
            "twemoji": twemoji_artist(arguments.twemoji),
            "fluent": fluent_artist(arguments.fluent, arguments.fluent_names),
        }
    )
    write(table, PARQUET)
    print(*sorted({word for word in table.column("everyday").to_pylist() if word}))


if __name__ == "__main__":
    main()
