"""The loss as it falls: a figure that grows while a notebook's cell is still training.

Chapters 06 and 10: `train(objective, data, config, folder, after_step=LiveCurve())`.
"""

from __future__ import annotations

import base64
import time

import matplotlib.pyplot as plt
from IPython.display import display
from matplotlib.figure import Figure

from mvlm.show.figures import BLUE, ORANGE, STYLE, encode, shown_size
from mvlm.training.loop import Metrics

MEMORY = 20  # steps: a running mean looks back over about so many


class Described(Figure):
    """A figure that a notebook displays with its alt text, as `mvlm.show.figures.show` does."""

    alt = ""

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        kind, content = encode(self)
        data = {kind: base64.b64encode(content).decode(), "text/plain": f"[Figure: {self.alt}]"}
        return data, {kind: {"alt": self.alt, **shown_size(self)}}


class LiveCurve:
    """Called with each step's metrics; redraws at most every `seconds`.

    Attributes:
        steps, losses: what came so far.
    """

    def __init__(self, seconds: float = 2.0) -> None:
        self.seconds, self.steps, self.losses = seconds, [], []
        self._handle, self._drawn = None, float("-inf")

    def __call__(self, metrics: Metrics) -> None:
        """Take one more step in, and show it if it is time."""
        self.steps.append(metrics.step)
        self.losses.append(metrics.loss)
        if time.monotonic() - self._drawn >= self.seconds:
            self.draw()

    def draw(self) -> None:
        """Show the curve so far in the cell's output, in place of what stood there."""
        figure = self.figure()
        # As a bundle: of a figure the notebook would make a picture of its own, in another size.
        data, metadata = figure._repr_mimebundle_()
        if self._handle is None:
            self._handle = display(data, metadata=metadata, raw=True, display_id=True)
        else:
            self._handle.update(data, metadata=metadata, raw=True)
        plt.close(figure)
        self._drawn = time.monotonic()

    def figure(self) -> Figure:
        """The loss of every step; of many steps also the running mean, which is easier to read."""
        count, first, last = len(self.steps), self.losses[0], self.losses[-1]
        with plt.rc_context(STYLE):
            figure, axes = plt.subplots(figsize=(6, 2.5), FigureClass=Described)
        figure.alt = (
            f"The loss of {count} steps, from {first:.2f} at the first to {last:.2f} at the last."
        )
        if count < 2 * MEMORY:
            axes.plot(self.steps, self.losses, "o-", color=BLUE, markersize=4)
        else:
            mean = running_mean(self.losses)
            axes.plot(
                self.steps, self.losses, color=BLUE, linewidth=0.8, alpha=0.5, label="each step"
            )
            axes.plot(self.steps, mean, color=ORANGE, linewidth=1.8, label="running mean")
            axes.legend()
            figure.alt += f" The running mean ends at {mean[-1]:.2f}."
        axes.set(
            xlabel="step", ylabel="loss", title=f"Loss {first:.2f} → {last:.2f} in {count} steps"
        )
        return figure


def running_mean(values: list[float], memory: float = 1 - 1 / MEMORY) -> list[float]:
    """Each value's exponential mean with those before it, without the start's lean towards 0."""
    means, total, weight = [], 0.0, 0.0
    for value in values:
        total = memory * total + (1 - memory) * value
        weight = memory * weight + (1 - memory)
        means.append(total / weight)
    return means
