"""The course's public addresses, from the one place where they stand: ``pyproject.toml``."""

import tomllib
from dataclasses import dataclass
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
    """Read ``[project.urls]`` and ``version`` of the course whose folder is ``root``."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    urls = project["urls"]
    return Address(
        repository=urls["Repository"],
        site=urls["Documentation"],
        tag=f"v{project['version']}",
    )
