"""The house keeps its own rules: one address, ranges that agree, a package that stays light."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import mvlm

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listing.stdout.splitlines()]


def tracked_texts() -> list[tuple[Path, str]]:
    texts = []
    for path in tracked_files():
        if path.is_file():
            try:
                texts.append((path, path.read_text(encoding="utf-8")))
            except UnicodeDecodeError:
                continue
    return texts


def test_environment_yml_agrees_with_pyproject():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    ours = set()
    for line in conda["dependencies"]:
        if isinstance(line, str) and re.split("[>=]", line)[0] not in ("python", "pip", "jupyter"):
            name, version = line.split(">=")
            ours.add(f"{CONDA_NAMES.get(name, name)}>={version}")
    assert ours == set(PROJECT["dependencies"])


def test_the_lock_is_exact_and_holds_every_dependency():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[^ ]+( ; .*)?", line) for line in lock), lock
    assert "torch==2.13.0" in lock
    locked = {re.split("==", line)[0].replace("-", "_").lower() for line in lock}
    extras = PROJECT["optional-dependencies"].values()
    for requirement in [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]:
        assert re.split("[><=]", requirement)[0].replace("-", "_").lower() in locked
    assert not any(line.startswith("torchvision") for line in lock)


def test_the_public_address_stands_in_one_place():
    """Only pyproject.toml names it; what is made from it (notebooks) may repeat it."""
    owner = PROJECT["urls"]["Repository"].removeprefix("https://github.com/")
    site = PROJECT["urls"]["Documentation"].removeprefix("https://").split("/")[0]
    for path, text in tracked_texts():
        name = path.relative_to(ROOT).as_posix()
        if name != "pyproject.toml" and not name.startswith("notebooks/"):
            assert owner not in text, name
            assert site not in text, name


def test_no_path_of_a_machine_is_committed():
    places = re.compile(r"(?<![\w.])/(work|root)/\w")
    for path, text in tracked_texts():
        assert not places.search(text), path.relative_to(ROOT)


def test_import_stays_light():
    """Torch, data sets, plots and widgets are imported when they are used, not before."""
    heavy = ("datasets", "matplotlib", "ipywidgets", "transformers", "accelerate", "pandas")
    for import_, unwanted in (
        ("mvlm, mvlm.__main__", ("torch", "numpy", "PIL", "tokenizers", "tqdm", *heavy)),
        ("mvlm.commands.chat, mvlm.commands.classify", heavy),
    ):
        code = f"import {import_}, sys; print([name for name in {unwanted} if name in sys.modules])"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert out.stdout.strip() == "[]", out.stderr


def test_what_the_package_does_not_have_is_named():
    with pytest.raises(AttributeError, match=r"mvlm has no 'patchify'; import its module"):
        mvlm.patchify  # noqa: B018


@pytest.mark.parametrize("folder", ["mvlm"])
def test_nothing_imports_torchvision(folder):
    for path in (ROOT / folder).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(import|from) torchvision", text, re.M), path


def test_the_wheel_is_small_and_whole(tmp_path):
    """Built without a network; what the package needs at run time is inside."""
    build = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", build, str(tmp_path)]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    wheel = tmp_path / out.stdout.split()[-1]
    assert wheel.stat().st_size <= 45_000_000
    held = set(zipfile.ZipFile(wheel).namelist())
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith("mvlm/"):
            assert name in held


def test_the_page_of_measurements_is_what_the_files_say():
    """No figure there is typed by hand."""
    code = "import page; print(page.text() == page.PAGE.read_text(encoding='utf-8'))"
    out = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "benchmarks",
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.strip() == "True", "run: python benchmarks/page.py"


def test_the_checks_of_a_question_are_read_in_one_sitting():
    long = {
        f"{path.parent.name}/{path.name}": count  # 265 lines: what one reads at one go
        for path in (ROOT / "mvlm/checks").glob("ex*/*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 265
    }
    assert not long
