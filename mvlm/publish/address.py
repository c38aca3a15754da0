"""The course's public addresses, from the one place where they stand: ``pyproject.toml``."""

import tomllib
from dataclasses import dataclass
from importlib.metadata import metadata
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the course is found.

    Attributes:
        repository: the repository's page.
        site: the website's first page.
        tag: the release that the published notebooks install.
    """

    repository: str
    site: str
    tag: str

    @property
    def requirement(self) -> str:
        """What pip installs: the tagged release."""
        return f"mvlm @ git+{self.repository}@{self.tag}"


def read_address(root: Path) -> Address:
    """The addresses of the course whose folder is ``root``; elsewhere, of the installed package.

    Both come from ``[project.urls]`` and ``version``: pip copied them at installation.
    """
    project = root / "pyproject.toml"
    if project.exists():
        table = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        urls, version = table["urls"], table["version"]
    else:
        about = metadata("mvlm")
        urls = dict(line.split(", ", 1) for line in about.get_all("Project-URL"))
        version = about["Version"]
    return Address(repository=urls["Repository"], site=urls["Documentation"], tag=f"v{version}")
