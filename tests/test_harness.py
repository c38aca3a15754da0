"""What the measurements share: commands in processes of their own."""

import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import harness
import limits
from harness import LIMIT, OURS, Limit, contest, rows, run, stopwatch


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


def test_a_share_says_how_much_of_the_machine_s_rate_was_reached(monkeypatch):
    now = [0.0]
    monkeypatch.setitem(harness.CLOCKS, "wall", lambda: now[0])

    def takes(seconds):
        return lambda: now.__setitem__(0, now[0] + seconds)

    limit = Limit(kind="memory", call=takes(1.0), scale=3.0)  # the task needs three such readings
    times = contest({OURS: takes(4.0), "peer": takes(6.0)}, rounds=3, limit=limit)
    assert times[LIMIT] == [3.0] * 3
    (row,) = rows("decode", times, unit="tokens/s", amount=12, limit=limit)
    assert (row.ours, row.theirs, row.ratio) == (3.0, 2.0, 1.5)
    assert (row.limit, row.share, row.their_share) == ("memory", 0.75, 0.5)


def test_one_thread_s_own_time_leaves_waiting_out(monkeypatch):
    monkeypatch.setattr(harness, "clock", "own")
    assert harness.seconds(lambda: time.sleep(0.3)) < 0.2


def test_the_picture_of_the_limits_shows_each_task_beside_its_best_peer():
    def row(task, peer, kind, share, theirs):
        return {"task": task, "peer": peer, "limit": kind, "share": share, "their_share": theirs}

    made = [
        row("forward", "slow", "arithmetic", 0.9, 0.3),
        row("forward", "fast", "arithmetic", 0.9, 0.8),
        row("decode", "peer", "memory", 0.7, 0.4),
        {"task": "import", "peer": "torch"},  # as files without limits have them
    ]
    tasks = {"some": {"rows": made}}
    assert [found["peer"] for found in limits.limited(tasks, "arithmetic")] == ["fast"]
    drawn = limits.limits_plot(tasks)
    told = "forward: 0.90, fast 0.80; decode: 0.70, peer 0.40"
    assert f"and the best peer. {told}" in drawn.partition("aria-label=")[2]
    assert drawn.count("<rect") == 2
    assert limits.limits_plot({}) == limits.where_time_goes(tasks) == ""
