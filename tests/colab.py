"""``python tests/colab.py``: does a notebook start on Colab, and are torch and numpy left alone?

Makes a new environment with the versions Colab had in August 2026, runs the first chapter and the
first exercise there as a reader would (the set-up cell installs mvlm from the tagged release, which
git is told to take from a clone of this folder), and compares `pip freeze` before and after.
"""

import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
COLAB = [
    "ipython==7.34.0",
    "ipywidgets==7.7.1",
    "ipykernel==6.17.1",
    "traitlets==5.7.1",
    "nbclient",
]
LEFT_ALONE = ("torch", "numpy", "ipython", "ipywidgets")
NOTEBOOKS = ["notebooks/02_patches.ipynb", "notebooks/exercises/02_patches.ipynb"]

RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=900, kernel_name="python3").execute()
print("".join(o.get("text", "") for o in notebook.cells[1].outputs).strip().splitlines()[-1])
"""


def run(
    *command: str | Path, environment: dict[str, str] | None = None, folder: Path = ROOT
) -> str:
    """A command's output; its errors end this program with the message in view."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def versions(python: Path) -> dict[str, str]:
    """What is installed, by name."""
    lines = run(python, "-m", "pip", "list", "--format=freeze").splitlines()
    return dict(line.split("==") for line in lines)


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    torch = next(line for line in lock if line.startswith("torch=="))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        venv.create(home / "env", with_pip=True)
        python = home / "env/bin/python"
        run(python, "-m", "pip", "install", "--quiet", torch, "numpy<2.5", *COLAB)

        clone = home / "release"
        run("git", "clone", "--quiet", ROOT, clone)
        run("git", "-C", clone, "tag", "--force", f"v{project['version']}")
        git = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{clone.as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": project["urls"]["Repository"],
        }

        before = versions(python)
        for name in NOTEBOOKS:
            # Run away from the repository, so that only the installed package can be imported.
            copy = home / Path(name).name
            copy.write_bytes((ROOT / name).read_bytes())
            environment = {**git, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
            said = run(python, "-c", RUN, copy, environment=environment, folder=home)
            print(name, "→", said.strip())
        after = versions(python)

    moved = [name for name in LEFT_ALONE if before[name] != after[name]]
    if moved:
        sys.exit(f"the set-up cell moved {moved}: {[(before[n], after[n]) for n in moved]}")
    print("unmoved:", ", ".join(f"{name} {after[name]}" for name in LEFT_ALONE))
    print("installed beside them:", ", ".join(sorted(set(after) - set(before))))


if __name__ == "__main__":
    main()
