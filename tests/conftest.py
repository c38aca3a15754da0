"""Leaves out the tests that need a browser or the sandbox, where the machine has none."""

import pytest
from tools import tools, why_not


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark those that use the fixture `browser` or `sandbox`, each with the way to mend it."""
    for tool in ("browser", "sandbox"):
        needing = [item for item in items if tool in getattr(item, "fixturenames", ())]
        if needing and not tools()[tool]:
            left_out = pytest.mark.skip(reason=why_not(tool))
            for item in needing:
                item.add_marker(left_out)
