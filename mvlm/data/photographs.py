"""Real photographs that the package ships; licences stand in ``photos/README.md``."""

from importlib.resources import as_file, files

from PIL import Image

from mvlm.images import open_image


def cat_photograph() -> Image.Image:
    """Chelsea the cat, 300 pixels high and 451 wide (Stefan van der Walt, CC0)."""
    with as_file(files("mvlm.data") / "photos" / "chelsea.jpg") as path:
        return open_image(path)
