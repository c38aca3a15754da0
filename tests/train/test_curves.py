"""The live curve: what it holds, and that it redraws in one place."""

import base64
import io

import pytest
from PIL import Image

from mvlm.show import curves
from mvlm.show.curves import LiveCurve, running_mean
from mvlm.training.loop import Metrics


def step(number, loss):
    return Metrics(
        step=number, loss=loss, learning_rate=1.0, gradient_norm=1.0, examples_per_second=1.0
    )


def test_the_running_mean_starts_at_the_first_value_and_follows():
    assert running_mean([4.0, 4.0, 4.0]) == pytest.approx([4.0, 4.0, 4.0])
    # two values, weights 0.05·0.95 and 0.05
    assert running_mean([1.0, 3.0])[1] == pytest.approx((0.95 * 1 + 3) / 1.95)


def test_it_is_drawn_once_and_then_replaced(monkeypatch):
    shown = []

    class Handle:
        def update(self, data, metadata, raw):
            shown.append(("again", data, metadata))

    def display(data, metadata, raw, display_id):
        shown.append(("first", data, metadata))
        return Handle()

    monkeypatch.setattr(curves, "display", display)
    live = LiveCurve(seconds=0)
    for number in range(3):
        live(step(number, 3.0 - number))
    assert [what for what, *_ in shown] == ["first", "again", "again"]
    (kind,) = shown[-1][2]
    width, height = Image.open(io.BytesIO(base64.b64decode(shown[-1][1][kind]))).size
    room = shown[-1][2][kind]  # where the page keeps as much of it as the picture needs
    assert width / height == pytest.approx(room["width"] / room["height"], rel=0.01)
    assert "3 steps" in room["alt"]
    each = live.figure().axes[0].lines[0]
    assert list(each.get_xdata()) == [0, 1, 2]
    assert list(each.get_ydata()) == [3.0, 2.0, 1.0]


def test_it_waits_between_drawings(monkeypatch):
    shown = []
    monkeypatch.setattr(curves, "display", lambda data, **how: shown.append(data))
    live = LiveCurve(seconds=1000)
    for number in range(5):
        live(step(number, 1.0))
    assert len(shown) == 1
    assert live.steps == [0, 1, 2, 3, 4]
