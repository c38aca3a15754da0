"""`make test` itself: what it fetches, what it leaves out, and what its last lines say."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import run
import tools

TESTS = Path(__file__).parent


def programs(folder: Path, **scripts: str) -> Path:
    """A folder with these programs, for a PATH."""
    for name, text in scripts.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return folder


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine with neither tool, where nothing can be fetched; `root` may be changed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "LAUNCH", "import sys; sys.exit('fake' not in sys.argv[1])")
    monkeypatch.setattr(tools, "BROWSERS", ("chromium", "google-chrome"))
    monkeypatch.setattr(tools, "fetch_browser", lambda: False)
    monkeypatch.setattr(tools, "NOBODY", [])
    monkeypatch.setattr(tools, "DRIVER", [sys.executable, "-c", ""])
    monkeypatch.setattr(tools.os, "geteuid", lambda: 1000)
    return tmp_path


def test_where_nothing_can_be_had_both_are_missing(bare):
    assert tools.provide() == {"browser": None, "sandbox": None}
    assert "playwright install" in tools.why_not("browser")
    assert "apt install bubblewrap" in tools.why_not("sandbox")


def test_what_is_on_the_path_and_works_is_taken(bare, monkeypatch):
    (bare / "fake").mkdir()
    programs(bare, chromium="exit 1", bwrap="exit 0")
    programs(bare / "fake", google_chrome="exit 0")
    monkeypatch.setenv("PATH", f"{bare}:{bare / 'fake'}")
    found = {"browser": str(bare / "fake/google-chrome"), "sandbox": str(bare / "bwrap")}
    assert tools.provide() == found


@pytest.mark.parametrize(("user", "installs"), [(0, True), (1000, False)])
def test_apt_is_used_where_it_is_roots(bare, monkeypatch, user, installs):
    monkeypatch.setattr(tools.os, "geteuid", lambda: user)
    apt = f"""
for last; do echo "$last" >> {bare}/asked; done
case $last in chromium) made=chromium;; bubblewrap) made=bwrap;; *) exit 0;; esac
echo '#!/bin/sh' > {bare}/$made
/bin/chmod 755 {bare}/$made"""
    programs(bare, apt_get=apt)
    monkeypatch.setattr(tools, "LAUNCH", "import sys; sys.exit('chromium' not in sys.argv[1])")
    found = tools.provide()
    assert (found["browser"] is not None, found["sandbox"] is not None) == (installs, installs)
    assert (bare / "asked").exists() == installs


def test_what_apt_says_is_shown_and_playwright_is_asked_next(bare, monkeypatch, capsys):
    monkeypatch.setattr(tools.os, "geteuid", lambda: 0)
    programs(bare, apt_get="echo 'E: no candidate for that package' >&2; exit 100")

    def fetch():  # Playwright finds its own browser without being told a program
        monkeypatch.setattr(tools, "LAUNCH", "import sys; sys.exit(sys.argv[1] != '')")
        return True

    monkeypatch.setattr(tools, "LAUNCH", "import sys; sys.exit(1)")
    monkeypatch.setattr(tools, "fetch_browser", fetch)
    assert tools.provide() == {"browser": tools.PLAYWRIGHTS_OWN, "sandbox": None}
    assert "apt could not: E: no candidate for that package" in capsys.readouterr().out


def test_a_download_that_fails_says_why_in_one_line(monkeypatch, capsys):
    said = "Downloading…\\nError: getaddrinfo ENOTFOUND somewhere\\n    at GetAddrInfo\\n"
    real = subprocess.run
    asked = []

    def failing(command, **options):
        asked.append(command)
        return real([sys.executable, "-c", f"print('{said}'); raise SystemExit(1)"], **options)

    monkeypatch.setattr(tools.subprocess, "run", failing)
    monkeypatch.setattr(tools, "apt_is_ours", lambda: False)
    assert not tools.fetch_browser()
    assert asked[0][1:] == ["-m", "playwright", "install", "--only-shell", "chromium"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "Playwright could not: Error: getaddrinfo ENOTFOUND somewhere"


def test_what_playwright_itself_lacks_is_installed_or_said(bare, monkeypatch):
    """Its program is linked with a library that a bare Debian does not have."""
    driver = [sys.executable, "-c", f"open({str(bare / 'libatomic1')!r})"]
    monkeypatch.setattr(tools, "DRIVER", driver)
    assert tools.provide()["browser"] is None
    assert "sudo apt install libatomic1" in tools.why_not("browser")
    monkeypatch.setattr(tools.os, "geteuid", lambda: 0)
    programs(bare, apt_get=f'for last; do :; done\necho > "{bare}/$last"')
    tools.provide()
    assert "playwright install" in tools.why_not("browser")


def test_bubblewrap_that_may_make_no_namespaces_is_not_there(bare):
    programs(bare, bwrap="echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    assert tools.provide()["sandbox"] is None
    assert "apparmor_restrict_unprivileged_userns" in tools.why_not("sandbox")


def test_the_sandbox_needs_linux(monkeypatch):
    monkeypatch.setattr(tools.sys, "platform", "darwin")
    assert "needs Linux" in tools.why_not("sandbox")


# What is run, and what the last lines say -------------------------------------------------------

SUITE = """
import pytest

@pytest.fixture
def browser():
    raise AssertionError("started without being there")

@pytest.fixture
def page(browser):
    return browser

def test_looks(page): pass
def test_looks_too(browser): pass
def test_adds(): assert 1 + 1 == 2
@pytest.mark.xfail(reason="Previous cell timed out")
def test_behind(): assert False
@pytest.mark.skip(reason="no CUDA device")
def test_gpu(): pass
"""


@pytest.fixture
def suite(tmp_path):
    """A folder of tests of its own, with this one's conftest."""
    (tmp_path / "conftest.py").write_text((TESTS / "conftest.py").read_text())
    (tmp_path / "test_suite.py").write_text(SUITE)
    return tmp_path


def part(name: str, *words: str) -> run.Part:
    return run.Part(name, (sys.executable, *words))


def suite_part(suite: Path, name: str = "tests") -> run.Part:
    return part(name, "-m", "pytest", "-q", "-p", "no:cacheprovider", *run.NAMED, str(suite))


def environment(**found: str | None) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(TESTS), tools.VARIABLE: json.dumps(found)}


def test_tests_whose_tool_is_missing_are_left_out_with_the_mend(suite, capfd):
    outcome = run.run(suite_part(suite), environment(browser=None, sandbox="bwrap"), suite)
    assert outcome.status == 0
    assert outcome.left_out == Counter({tools.why_not("browser"): 2})
    shown = capfd.readouterr().out
    assert all(f"::{name} - " in shown for name in ("test_looks", "test_looks_too"))
    said = run.summary([outcome]).splitlines()
    assert (
        said[0]
        == "tests: 1 passed, 1 not reached, 2 left out, 1 skipped (no CUDA device, or not root)"
    )
    assert said[1].startswith("Left out: 2 tests (no browser that starts: install Google Chrome")
    assert len(said) == 2


def test_a_tool_that_is_there_and_does_not_start_is_a_failure(suite):
    outcome = run.run(suite_part(suite), environment(browser="chromium", sandbox=None), suite)
    assert outcome.status == 1
    assert outcome.counts["failed"] == 2
    assert outcome.line().endswith(
        "2 failed, 1 not reached, 1 skipped (no CUDA device, or not root). FAILED"
    )


@pytest.mark.parametrize(
    ("commands", "arguments", "status", "last"),
    [
        ([0, 0], [], 0, "notebooks: done"),
        ([1, 0], [], 1, "tests: FAILED\nnotebooks: done"),
        ([0, 3], [], 1, "tests: done\nnotebooks: FAILED"),
        ([1, 1], [], 1, "tests: FAILED\nnotebooks: FAILED"),
    ],
)
def test_every_part_runs_and_the_status_speaks_of_all(
    monkeypatch, capfd, commands, arguments, status, last
):
    made = [
        part(name, "-c", f"print('{name} ran'); raise SystemExit({code})")
        for name, code in zip(("tests", "notebooks"), commands, strict=True)
    ]
    monkeypatch.setattr(run, "parts", lambda root, jobs: made)
    monkeypatch.setattr(run, "provide", lambda: {"browser": None, "sandbox": None})
    assert run.main(arguments) == status
    said = capfd.readouterr().out
    assert "tests ran" in said
    assert "notebooks ran" in said
    assert said.rstrip().endswith(last)


@pytest.mark.parametrize(("arguments", "status"), [([], 0), (["--complete"], 1)])
def test_a_complete_run_fails_where_anything_was_left_out(
    suite, monkeypatch, capfd, arguments, status
):
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    monkeypatch.setattr(run, "parts", lambda root, jobs: [suite_part(suite)])
    monkeypatch.setattr(run, "provide", lambda: {"browser": None, "sandbox": "bwrap"})
    assert run.main(arguments) == status


def test_a_site_that_is_there_is_not_built_again(tmp_path):
    names = [part.name for part in run.parts(tmp_path, 2)]
    assert names == ["site", "tests", "notebooks"]
    (tmp_path / "_build/html").mkdir(parents=True)
    (tmp_path / "_build/html/index.html").write_text("")
    assert [part.name for part in run.parts(tmp_path, 2)] == ["tests", "notebooks"]
