"""Build `glyphs.npz`: the letters that charts and pages are written with.

Run by hand, never at run time: `python -m mvlm.data.build_glyphs`. The letters are DejaVu Sans
(Bitstream Vera licence), which matplotlib brings, drawn once by FreeType. Drawing them again on
every machine would give other pixels with every version of FreeType.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

CHARACTERS = "".join(map(chr, range(32, 127)))
SIZES = (11, 15)  # pixels


def main() -> None:
    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    arrays = {}
    for size in SIZES:
        font = ImageFont.truetype(folder / "DejaVuSans.ttf", size)
        widths = [round(font.getlength(character)) for character in CHARACTERS]
        height = sum(font.getmetrics())
        masks = np.zeros((len(CHARACTERS), height, max(widths) + 1), np.uint8)
        for mask, character in zip(masks, CHARACTERS, strict=True):
            image = Image.new("L", mask.shape[::-1])
            ImageDraw.Draw(image).text((0, 0), character, fill=255, font=font)
            mask[:] = np.asarray(image)
        arrays |= {f"masks_{size}": masks, f"widths_{size}": np.array(widths, np.uint8)}
    np.savez_compressed(Path(__file__).with_name("glyphs.npz"), **arrays)


if __name__ == "__main__":
    main()
