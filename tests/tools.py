"""What some tests need of the machine: a browser, and bubblewrap for the grader's sandbox.

`provide` looks on the PATH, then lets apt install what is missing where the user is root, then lets
Playwright fetch its own browser. `make test` hands what it found to the tests in the variable
COURSE_TOOLS, and `tests/conftest.py` leaves out those that need what is not to be had.
"""

import json
import os
import shutil
import subprocess
import sys
from functools import cache

VARIABLE = "COURSE_TOOLS"
PLAYWRIGHTS_OWN = "playwright"
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
LAUNCH = """
import sys
from playwright.sync_api import sync_playwright
executable, *flags = sys.argv[1:]
with sync_playwright() as playwright:
    playwright.chromium.launch(executable_path=executable or None, args=flags).close()
"""
DRIVER = (sys.executable, "-m", "playwright", "--version")
# The namespaces and mounts that `mvlm.grading.sandbox` asks for. Root's grader becomes nobody.
NAMESPACES = ["bwrap", "--unshare-all", "--unshare-user", "--ro-bind", "/", "/"]
NAMESPACES += ["--proc", "/proc", "--dev", "/dev", "--", "true"]
NOBODY = ["unshare", "--mount", "--propagation", "private", "--"]
NOBODY += ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]

Tools = dict[str, str | None]


@cache
def tools() -> Tools:
    """What this test run may use: as `make test` found it, else what is there now."""
    if VARIABLE in os.environ:
        return json.loads(os.environ[VARIABLE])
    return {"browser": find_browser(), "sandbox": find_sandbox()}


def provide() -> Tools:
    """Find both tools; install or fetch what is not there."""
    if not works(*DRIVER):
        apt_install("libatomic1")  # for want of which Playwright itself does not start
    browser = find_browser()
    browser = browser or (apt_install("chromium") and find_browser())
    browser = browser or (fetch_browser() and find_browser())
    sandbox = find_sandbox()
    if not sandbox and not shutil.which("bwrap"):  # else more of it would not help
        sandbox = apt_install("bubblewrap") and find_sandbox()
    return {"browser": browser or None, "sandbox": sandbox or None}


def find_browser() -> str | None:
    """The browser that Playwright can start: a program, or `PLAYWRIGHTS_OWN`."""
    for name in BROWSERS:
        program = shutil.which(name)
        # Ubuntu's chromium-browser may be a script that only says how to install another.
        if program and works(sys.executable, "-c", LAUNCH, program, *FLAGS):
            return program
    if works(sys.executable, "-c", LAUNCH, "", *FLAGS):
        return PLAYWRIGHTS_OWN
    return None


def find_sandbox() -> str | None:
    """bubblewrap's program, if it may make namespaces here."""
    program = shutil.which("bwrap")
    become = NOBODY if os.geteuid() == 0 else []
    return program if program and works(*become, *NAMESPACES) else None


def works(*command: str) -> bool:
    """Whether a command ends well, and within a minute."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, cwd="/")
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def apt_is_ours() -> bool:
    """Whether there is apt, and the user may install with it."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(package: str) -> bool:
    """Install a package of the system, where apt is root's to use; whether that went well."""
    if not apt_is_ours():
        return False
    print(f"{package} is not here: installing it with apt", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    impatient = ["-qq", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20"]
    for words in (["update"], ["install", "-y", package]):
        done = subprocess.run(
            ["apt-get", *impatient, *words], capture_output=True, text=True, env=environment
        )
    if done.returncode:
        print(f"apt could not: {last_lines(done.stderr)}", flush=True)
    return done.returncode == 0


def fetch_browser() -> bool:
    """Let Playwright fetch its own browser, over a hundred megabytes; whether that went well."""
    print("no browser is here: letting Playwright fetch its own", flush=True)
    libraries = ["--with-deps"] if apt_is_ours() else []
    done = subprocess.run(
        [sys.executable, "-m", "playwright", "install", "--only-shell", *libraries, "chromium"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if line.startswith("Error")]
        print(f"Playwright could not: {'; '.join(errors[:1]) or last_lines(done.stdout)}")
    return done.returncode == 0


def last_lines(text: str) -> str:
    """The end of what a program said, on one line."""
    return " ".join(text.split())[-300:]


def why_not(tool: str) -> str:
    """What is missing, and how to mend it."""
    if tool == "browser" and not works(*DRIVER):
        return "Playwright does not start: `sudo apt install libatomic1` gives it what it lacks"
    if tool == "browser":
        return (
            "no browser that starts: install Google Chrome or Chromium, or let Playwright fetch "
            "one with `.venv/bin/playwright install --with-deps chromium`"
        )
    from mvlm.grading.sandbox import APPARMOR, INSTALL  # which waits for torch

    if not sys.platform.startswith("linux"):
        return "the grader's sandbox needs Linux: run the tests in a virtual machine"
    if not shutil.which("bwrap"):
        return f"no bubblewrap: {INSTALL}"
    return f"bubblewrap does not work: {APPARMOR}"
