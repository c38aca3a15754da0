"""Exercise 07, `fit_power`: a power law and its forecast."""

import math
from collections.abc import Callable
from typing import Any

from mvlm.checks.core import Question, Student, check
from mvlm.checks.ex07_zero_shot.common import as_is
from mvlm.checks.expect import Comparison, expect_number, expect_parts

Law = dict[str, float]
PARTS = ("a", "b", "the forecast")


def _law(a: float, b: float, forecast: float) -> Law:
    """The three numbers, that one first which a failure names first."""
    return {"b": b, "a": a, "the forecast": forecast}


def _fit(
    compute: list[float],
    error: list[float],
    at: float,
    *,
    x: Callable[[float], float] = math.log,
    y: Callable[[float], float] = math.log,
    back: Callable[[float], float] = math.exp,
    weight: Callable[[float], float] = lambda compute: 1.0,
    told: Callable[..., tuple[float, float, float]] = lambda a, b, forecast, at: (a, b, forecast),
) -> Law:
    """Least squares by the normal equations, solved by hand; keyword arguments are mistakes."""
    points = [(x(c), y(e), weight(c)) for c, e in zip(compute, error, strict=True)]
    total = math.fsum(w for _, _, w in points)
    mx = math.fsum(w * p for p, _, w in points) / total
    my = math.fsum(w * q for _, q, w in points) / total
    slope = math.fsum(w * (p - mx) * (q - my) for p, q, w in points)
    slope /= math.fsum(w * (p - mx) ** 2 for p, _, w in points)
    height = my - slope * mx
    return _law(*told(back(height), slope, back(height + slope * x(at)), at))


def _ends(compute: list[float], error: list[float], at: float) -> Law:
    """A mistake: the models with least and most compute alone."""
    first, last = compute.index(min(compute)), compute.index(max(compute))
    return _fit([compute[first], compute[last]], [error[first], error[last]], at)


def _read_law(value: Any, *_: Any) -> Law:
    parts = zip(expect_parts(value, PARTS, "fit_power"), PARTS, strict=True)
    return _law(*(expect_number(one, f"fit_power, as {name},") for one, name in parts))


def _near(ours: float, wanted: float) -> bool:
    return math.isclose(ours, wanted, rel_tol=1e-4, abs_tol=1e-12)


def _tells_law(ours: Law, wanted: Law) -> str:
    name = next(name for name in wanted if not _near(ours[name], wanted[name]))
    return f"{name} is {ours[name]:.5g}, wanted {wanted[name]:.5g}"


POWER = Comparison(
    function="fit_power",
    what="the law",
    right=_fit,
    read=_read_law,
    alike=lambda ours, wanted: all(_near(ours[name], wanted[name]) for name in wanted),
    tells=_tells_law,
    mistakes={
        "the accuracy, 1 - error, was fitted: the error is the power law": lambda c, e, at: (
            None if max(e) >= 1 else _fit(c, [1 - one for one in e], at)
        ),
        "natural logarithms and log10 are mixed: take one base for both": {"x": math.log10},
        "the line was fitted to the numbers themselves: fit their logarithms": {
            "x": as_is,
            "y": as_is,
            "back": as_is,
        },
        "the error's logarithm is missing: both axes are logarithmic": {"y": as_is, "back": as_is},
        "the first and the last entry alone were used: every point takes part": lambda c, e, at: (
            None if c[0] == c[-1] else _fit([c[0], c[-1]], [e[0], e[-1]], at)
        ),
        "the models with least and most compute alone were used: every point takes part": _ends,
        "the first number is log a: take the exponential": {
            "told": lambda a, b, forecast, at: (math.log(a), b, forecast)
        },
        "b has the wrong sign here: is it a slope of log error over log compute?": {
            "told": lambda a, b, forecast, at: (a, -b, forecast)
        },
        "a is exp of a decimal logarithm: come back with the base that you took": {
            "told": lambda a, b, _, at: (wrong := math.exp(math.log10(a)), b, wrong * at**b)
        },
        "a is 10 to the power of a natural logarithm: come back with the base that you took": {
            "told": lambda a, b, _, at: (wrong := 10 ** math.log(a), b, wrong * at**b)
        },
        "compute was fitted from the error: it is the error that the law gives": (
            lambda compute, error, at: _fit(error, compute, at)
        ),
        "points with more compute weigh more here: each has the same weight": {"weight": as_is},
        "a and b are right; the forecast is a logarithm: take the exponential": {
            "told": lambda a, b, forecast, at: (a, b, math.log(forecast))
        },
        "a and b are right; the forecast is a · b^at or such: it is a · at^b": {
            "told": lambda a, b, _, at: (a, b, a * math.exp(b * at) if b * at < 300 else math.inf)
        },
        "a and b are right; the forecast is a straight line's: it is a · at^b": {
            "told": lambda a, b, _, at: (a, b, a + b * at)
        },
        "a and b are right; the forecast is 1 minus the error: the error is wanted": {
            "told": lambda a, b, forecast, at: (a, b, 1 - forecast)
        },
    },
)


def _models(
    student: Student, count: int, *, noise: float, start: float = 2.0, step: float = 0.6
) -> tuple[list[float], list[float], float]:
    """Compute in a random order, errors near a law, and a compute beyond all."""
    b = -0.01 * student.integer(6, 25)
    powers = [start + step * (i + 0.05 * student.integer(0, 9)) for i in range(count)]
    powers = student.shuffled(powers)
    lift = 0.01 * student.integer(70, 95) * 10 ** (-b * start)
    jumps = (noise * student.normal(count)).tolist()
    errors = [lift * 10 ** (b * p) * math.exp(j) for p, j in zip(powers, jumps, strict=True)]
    return [10**p for p in powers], errors, 10 ** (max(powers) + 0.7)


# The first two numbers alone; the forecast has a check of its own.
A_AND_B = POWER.part(lambda law: {"b": law["b"], "a": law["a"]})


@check("points that lie on a law: a and b", "y = log a + b · x, with x and y logarithms.")
def pow_exact(student: Student) -> None:
    A_AND_B.each(
        student,
        {
            "5 models on a law": lambda: _models(student, 5, noise=0.0),
            "2 models": lambda: _models(student, 2, noise=0.0),
        },
    )


@check(
    "points with noise: least squares on logarithms",
    "Every point takes part with the same weight, and errors are distances of logarithms.",
    after=[pow_exact],
)
def pow_noise(student: Student) -> None:
    A_AND_B.each(
        student,
        {
            "7 models": lambda: _models(student, 7, noise=0.08),
            "4 models": lambda: _models(student, 4, noise=0.08),
        },
    )


@check("the forecast", "error = a · at ** b", after=[pow_exact, pow_noise])
def pow_forecast(student: Student) -> None:
    POWER.each(
        student,
        {
            "6 models, beyond the largest": lambda: _models(student, 6, noise=0.05),
            "3 models, between them": lambda: (
                *(drawn := _models(student, 3, noise=0.05))[:2],
                (min(drawn[0]) * max(drawn[0])) ** 0.5,
            ),
        },
    )


@check(
    "compute as large as 10²², and as small as a share",
    "Work in Python's floats or in float64; float32 loses digits of large logarithms.",
    after=[pow_exact, pow_noise, pow_forecast],
)
def pow_large(student: Student) -> None:
    POWER.each(
        student,
        {
            "5 models from 10¹⁹ on": lambda: _models(student, 5, noise=0.03, start=19.0, step=0.5),
            "4 models below 1": lambda: _models(student, 4, noise=0.05, start=-4.0, step=0.7),
        },
    )


@check(
    "equal compute twice, errors that grow, whole numbers",
    "Several models may have the same compute. b above 0 is an answer too.",
    after=[pow_exact, pow_noise, pow_forecast, pow_large],
    keeps_arguments=True,
)
def pow_edges(student: Student) -> None:
    def twice() -> tuple[list[float], list[float], float]:
        compute, error, at = _models(student, 4, noise=0.06)
        return [compute[0], *compute], [1.2 * error[0], *error], at

    def growing() -> tuple[list[float], list[float], float]:
        compute, error, at = _models(student, 4, noise=0.03)
        return compute, [1 / one for one in error], at

    POWER.each(
        student,
        {
            "two models with the same compute": twice,
            "an error that grows": growing,
            "whole numbers": lambda: (
                [10, 400, 90, 3000],
                [student.integer(8, 9), student.integer(3, 4), 5, 2],
                20_000,
            ),
        },
    )


QUESTION = Question(
    function="fit_power",
    title="A power law and its forecast",
    minutes=15,
    teaches="to fit the error on logarithmic axes, and to come back from them",
    checks=(pow_exact, pow_noise, pow_forecast, pow_large, pow_edges),
)
