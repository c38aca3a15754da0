"""Exercise 07, `fit_power`: a power law and its forecast."""

import math
from collections.abc import Callable
from typing import Any

from mvlm.checks.core import Question, Student, check
from mvlm.checks.expect import Comparison, expect_number, expect_parts

Law = tuple[float, float, float]
LAW = ("a", "b", "the forecast")


def _line(x: list[float], y: list[float]) -> tuple[float, float]:
    """Height at 0 and slope by least squares: the normal equations, solved by hand."""
    n, sx, sy = len(x), math.fsum(x), math.fsum(y)
    mx, my = sx / n, sy / n
    slope = math.fsum((p - mx) * (q - my) for p, q in zip(x, y, strict=True))
    slope /= math.fsum((p - mx) ** 2 for p in x)
    return my - slope * mx, slope


def _logs(numbers: list[float]) -> list[float]:
    return [math.log(one) for one in numbers]


def _itself(number: float) -> float:
    return number


def _fit(
    compute: list[float],
    error: list[float],
    at: float,
    *,
    x: Callable[[float], float] = math.log,
    y: Callable[[float], float] = math.log,
    back: Callable[[float], float] = math.exp,
    first: Callable[[float], float] = _itself,
    sign: int = 1,
    forecast: Callable[[float, float, float], float] | None = None,
) -> Law:
    """The law by the definition; keyword arguments are mistakes."""
    height, slope = _line([x(one) for one in compute], [y(one) for one in error])
    a, end = back(height), back(height + slope * x(at))
    return first(a), sign * slope, forecast(a, slope, at) if forecast else end


def _read_law(value: Any, *_: Any) -> Law:
    parts = expect_parts(value, LAW, "fit_power")
    return tuple(
        expect_number(one, f"fit_power, as {name},") for one, name in zip(parts, LAW, strict=True)
    )


def _near(ours: float, wanted: float) -> bool:
    return math.isclose(ours, wanted, rel_tol=1e-4, abs_tol=1e-12)


def _alike_law(ours: Law, wanted: Law) -> bool:
    return all(map(_near, ours, wanted))


def _tells_law(ours: Law, wanted: Law) -> str:
    for name, mine, right in zip(
        ("b", "a", "the forecast"), _by_b(ours), _by_b(wanted), strict=True
    ):
        if not _near(mine, right):
            return f"{name} is {mine:.5g}, wanted {right:.5g}"
    return ""


def _by_b(law: Law) -> Law:
    return law[1], law[0], law[2]


def _accuracy(compute: list[float], error: list[float], at: float) -> Law | None:
    return None if max(error) >= 1 else _fit(compute, [1 - one for one in error], at)


def _ends(compute: list[float], error: list[float], at: float) -> Law:
    first, last = compute.index(min(compute)), compute.index(max(compute))
    return _fit([compute[first], compute[last]], [error[first], error[last]], at)


def _outer(compute: list[float], error: list[float], at: float) -> Law | None:
    """A mistake: the first and the last entry, whatever they are."""
    if compute[0] == compute[-1]:
        return None
    return _fit([compute[0], compute[-1]], [error[0], error[-1]], at)


def _undone(change: Callable[[float], float]) -> dict[str, Callable[..., float]]:
    """A mistake: the height of the line is a logarithm of another base than is undone."""
    return {"first": change, "forecast": lambda a, b, at: change(a) * at**b}


def _weighted(compute: list[float], error: list[float], at: float) -> Law:
    """A mistake: points with more compute weigh more."""
    weights = [one / sum(compute) for one in compute]
    x, y = _logs(compute), _logs(error)
    mx = math.fsum(w * one for w, one in zip(weights, x, strict=True))
    my = math.fsum(w * one for w, one in zip(weights, y, strict=True))
    rows = list(zip(weights, x, y, strict=True))
    below = math.fsum(w * (p - mx) ** 2 for w, p, _ in rows)
    slope = math.fsum(w * (p - mx) * (q - my) for w, p, q in rows) / below
    height = my - slope * mx
    return math.exp(height), slope, math.exp(height + slope * math.log(at))


POWER = Comparison(
    function="fit_power",
    what="the law",
    right=_fit,
    read=_read_law,
    alike=_alike_law,
    tells=_tells_law,
    mistakes={
        "the accuracy, 1 - error, was fitted: the error is the power law": _accuracy,
        "natural logarithms and log10 are mixed: take one base for both": {"x": math.log10},
        "the line was fitted to the numbers themselves: fit their logarithms": {
            "x": _itself,
            "y": _itself,
            "back": _itself,
        },
        "the error's logarithm is missing: both axes are logarithmic": {
            "y": _itself,
            "back": _itself,
        },
        "the first and the last entry alone were used: every point takes part": _outer,
        "the models with least and most compute alone were used: every point takes part": _ends,
        "the first number is log a: take the exponential": {"first": math.log},
        "b has the wrong sign here: is it a slope of log error over log compute?": {"sign": -1},
        "a is exp of a decimal logarithm: come back with the base that you took": _undone(
            lambda a: math.exp(math.log10(a))
        ),
        "a is 10 to the power of a natural logarithm: come back with the base that you took": (
            _undone(lambda a: 10 ** math.log(a))
        ),
        "compute was fitted from the error: it is the error that the law gives": (
            lambda compute, error, at: _fit(error, compute, at)
        ),
        "points with more compute weigh more here: each has the same weight": _weighted,
        "a and b are right; the forecast is a logarithm: take the exponential": {
            "forecast": lambda a, b, at: math.log(a) + b * math.log(at)
        },
        "a and b are right; the forecast is a · b^at or such: it is a · at^b": {
            "forecast": lambda a, b, at: a * math.exp(b * at) if b * at < 300 else math.inf
        },
        "a and b are right; the forecast is a straight line's: it is a · at^b": {
            "forecast": lambda a, b, at: a + b * at
        },
        "a and b are right; the forecast is 1 minus the error: the error is wanted": {
            "forecast": lambda a, b, at: 1 - a * at**b
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
A_AND_B = POWER.part(lambda law: (*law[:2], 0.0))


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
        return [*compute, compute[0]], [*error, 1.2 * error[0]], at

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
