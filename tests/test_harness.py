"""What the measurements share: commands in processes of their own."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
from harness import run, stopwatch


def python(code):
    return [sys.executable, "-c", code]


def test_a_command_gets_its_threads_and_variables_and_its_json_is_read():
    code = (
        "import json, os; print('working'); "
        "print(json.dumps([os.environ[name] for name in ('OMP_NUM_THREADS', 'EXTRA')]))"
    )
    done = run(python(code), threads=3, EXTRA="yes")
    assert done.told() == ["3", "yes"]
    assert done.seconds > 0


@pytest.mark.parametrize(
    ("code", "timeout", "says"),
    [
        ("raise ValueError('nothing to measure')", 600, "failed: .*nothing to measure"),
        ("import time; time.sleep(600)", 1, "was stopped after 1 s"),
    ],
)
def test_a_command_that_fails_or_hangs_ends_the_measurement_with_what_it_said(code, timeout, says):
    with pytest.raises(SystemExit, match=f"(?s){says}"):
        run(python(code), timeout=timeout)


def test_a_stopwatch_tells_own_time_from_waiting():
    with stopwatch() as spent:
        run(python("import time; time.sleep(0.3)"))
    assert spent.wall > 0.3 > spent.own
