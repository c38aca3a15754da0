"""Where the sandbox cannot work, the grader refuses and says what to do."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from mvlm.__main__ import main
from mvlm.grading import isolation
from mvlm.grading import sandbox as module
from mvlm.grading.sandbox import Sandbox, SandboxError, Staging, WorkerDied


def programs(folder, **scripts):
    """A PATH with these programs and no others."""
    for name, text in scripts.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return str(folder)


def packed(*cells):
    return np.frombuffer(json.dumps(cells).encode(), np.uint8)


def test_without_bubblewrap_it_refuses_with_the_mend(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.setenv("PATH", programs(tmp_path))
    (tmp_path / "in").mkdir()
    (tmp_path / "in/ann.py").write_text("")
    words = ["grade", "02_patches", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "the sandbox needs bubblewrap, which is not here: install it with `apt install" in said
    assert "--no-sandbox" in said
    assert not (tmp_path / "out/grades.csv").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the grader's sandbox needs Linux")
def test_where_namespaces_are_not_allowed_it_says_so(monkeypatch):
    says = "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1"
    real = {name: f'exec {shutil.which(name)} "$@"' for name in ("unshare", "mount", "setpriv")}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # root's grader looks there as nobody
        monkeypatch.setenv("PATH", programs(Path(folder), bwrap=says, **real) + ":/usr/bin:/bin")
        with pytest.raises(SandboxError, match=r"uid map.*: on Ubuntu 24.04 and hosted CI run `su"):
            Sandbox()


def test_elsewhere_than_on_linux_it_refuses(monkeypatch):
    monkeypatch.setattr(module.sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="needs Linux, this is darwin: grade on a Linux machine"):
        Sandbox()


def test_as_root_it_becomes_somebody_else_or_refuses(monkeypatch, tmp_path):
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.setattr(module.os, "geteuid", lambda: 0)
    monkeypatch.setattr(module.shutil, "which", lambda name: name if name == "bwrap" else None)
    with pytest.raises(SandboxError, match="grading as root needs the command unshare, to become"):
        Sandbox()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_as_root_students_code_runs_as_nobody(sandbox):
    worker = sandbox.open()
    worker.send(
        {"cells": packed(["a", "import os\ndef f():\n    return os.getuid()\n"]), "wanted": ["f"]}
    )
    assert worker.receive(20.0) == {"notes": []}
    worker.send({"name": "f", "arguments": (), "learns": (), "seconds": 5.0, "number": 1})
    assert worker.receive(20.0)["value"] == 65534
    worker.close()


def test_the_copy_of_the_course_has_no_answers_and_no_checks():
    staging = Staging(("mvlm.patches", "mvlm.data"))
    try:
        names = {str(p.relative_to(staging.course)) for p in staging.course.rglob("*.py")}
        assert "mvlm/transformer.py" in names
        assert not any("grading" in name or "publish" in name for name in names)
        assert [name for name in names if "checks" in name] == ["mvlm/checks/__init__.py"]
        text = (staging.course / "mvlm/patches.py").read_text()
        assert text.startswith("raise ImportError('mvlm.patches holds a finished answer")
        assert "raise ImportError" in (staging.course / "mvlm/data/__init__.py").read_text()
        code = "from mvlm.checks import load; check = load('x'); check('y'); check.report()"
        done = subprocess.run([sys.executable, "-c", code], cwd=staging.course, check=False)
        assert done.returncode == 0
    finally:
        staging.remove()
    assert not staging.folder.exists()


def test_without_a_sandbox_answers_run_all_the_same():
    try:
        started = Sandbox(("mvlm.patches",), "open")
    except SandboxError as error:
        pytest.skip(str(error))  # root, whose Python nobody else may read
    with started:
        worker = started.open()
        worker.send(
            {
                "cells": packed(["a", "import mvlm.patches\n"], ["b", "def f(x): return x\n"]),
                "wanted": ["f"],
            }
        )
        (note,) = worker.receive(30.0)["notes"]
        assert "holds a finished answer" in note
        worker.close()


TAKES_MEMORY = """
import os, time
def f():
    for _ in range(4):
        if os.fork() == 0:
            break
    block = bytearray(900 * 2**20)
    time.sleep(20)
"""


def test_a_worker_that_takes_too_much_memory_is_stopped_and_told(sandbox):
    """Each of its five processes stays below the limit of one."""
    worker = sandbox.open()
    worker.send({"cells": packed(["a", TAKES_MEMORY]), "wanted": ["f"]})
    assert worker.receive(60.0) == {"notes": []}
    worker.send({"name": "f", "arguments": (), "learns": (), "seconds": 5.0, "number": 1})
    with pytest.raises(WorkerDied, match="used up its memory"):
        worker.receive(60.0)
    worker.close()


def test_memory_that_somebody_else_takes_is_nobodys_zero(sandbox, monkeypatch):
    monkeypatch.setattr(module, "SHORT_SECONDS", 0.3)
    worker = sandbox.open()
    looks = iter([True, False])
    with monkeypatch.context() as patched:
        patched.setattr(module, "memory_is_low", lambda: next(looks, False))
        with pytest.raises(WorkerDied, match="did not answer in time"):  # it was given back
            worker.receive(1.0)
        patched.setattr(module, "memory_is_low", lambda: True)
        with pytest.raises(SandboxError, match="memory is used up: close other programs"):
            worker.receive(5.0)
        with pytest.raises(SandboxError, match="nearly used up"):
            sandbox.open()
    worker.close()


def test_only_who_takes_much_is_to_blame_where_memory_is_short(monkeypatch):
    for size, low, ends in (
        (2**20, True, False),
        (2 * 2**30, False, False),
        (2 * 2**30, True, True),
        (4 * 2**30, False, True),
    ):
        monkeypatch.setattr(isolation, "taken", lambda _, size=size: size)
        monkeypatch.setattr(isolation, "memory_is_low", lambda low=low: low)
        assert isolation.too_much(0) is ends
