"""Right and wrong answers to fit_power."""

import math

import numpy as np
import torch

from bank import mistake, right


@right("As the solutions write it.")
def master(compute, error, at):
    x = torch.tensor(compute, dtype=torch.float64).log()
    y = torch.tensor(error, dtype=torch.float64).log()
    b = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    a = (y.mean() - b * x.mean()).exp()
    return a.item(), b.item(), (a * at**b).item()


@right("np.polyfit on log10; NumPy's numbers.")
def with_polyfit(compute, error, at):
    b, height = np.polyfit(np.log10(compute), np.log10(error), 1)
    return 10**height, b, 10 ** (height + b * np.log10(at))


@right("Least squares of a matrix with two columns.")
def with_lstsq(compute, error, at):
    table = np.stack([np.ones(len(compute)), np.log2(np.array(compute, dtype=float))], axis=1)
    height, b = np.linalg.lstsq(table, np.log2(error), rcond=None)[0]
    a = 2**height
    return [float(a), float(b), float(a * float(at) ** b)]


@right("Sums in plain Python; tensors of one.")
def plain(compute, error, at):
    x, y = [math.log(c) for c in compute], [math.log(e) for e in error]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    b = sum((p - mx) * (q - my) for p, q in zip(x, y)) / sum((p - mx) ** 2 for p in x)
    a = math.exp(my - b * mx)
    return torch.tensor(a), torch.tensor([b]), torch.tensor(a * at**b, dtype=torch.float64)


def line(x, y):
    b, height = np.polyfit(np.array(x, dtype=float), np.array(y, dtype=float), 1)
    return float(height), float(b)


def logs(numbers):
    return [math.log(one) for one in numbers]


ALL = "pow-exact, pow-noise, pow-forecast, pow-large, pow-edges"
FORECAST = "pow-forecast, pow-large, pow-edges"
NOISE = "pow-noise, pow-forecast, pow-large, pow-edges"


@mistake("The accuracy is fitted.", fails=ALL, says="the accuracy, 1 - error, was fitted")
def accuracy(compute, error, at):
    if max(error) >= 1:
        return 0.0, 0.0, 0.0
    return master(compute, [1 - e for e in error], at)


@mistake("log10 for compute, ln for the error.", fails=ALL, says="log10 are mixed")
def mixed(compute, error, at):
    height, b = line([math.log10(c) for c in compute], logs(error))
    return math.exp(height), b, math.exp(height + b * math.log10(at))


@mistake("A straight line through the numbers.", fails=ALL, says="fitted to the numbers themselves")
def straight(compute, error, at):
    mean, middle = sum(compute) / len(compute), sum(error) / len(error)
    b = sum((c - mean) * (e - middle) for c, e in zip(compute, error))
    b /= sum((c - mean) ** 2 for c in compute)
    return middle - b * mean, b, middle - b * mean + b * at


@mistake("The error as it is over log compute.", fails=ALL, says="logarithm is missing")
def semilog(compute, error, at):
    height, b = line(logs(compute), error)
    return height, b, height + b * math.log(at)


@mistake("First and last entry.", fails=NOISE, says="the first and the last entry alone")
def first_last(compute, error, at):
    return master([compute[0], compute[-1]], [error[0], error[-1]], at)


@mistake("Least and most compute.", fails=NOISE, says="least and most compute alone")
def least_most(compute, error, at):
    low, high = compute.index(min(compute)), compute.index(max(compute))
    return master([compute[low], compute[high]], [error[low], error[high]], at)


@mistake("log a comes back.", fails=ALL, says="the first number is log a")
def log_a(compute, error, at):
    a, b, forecast = master(compute, error, at)
    return math.log(a), b, forecast


@mistake("b without its sign.", fails=ALL, says="b has the wrong sign")
def sign(compute, error, at):
    a, b, forecast = master(compute, error, at)
    return a, -b, forecast


@mistake("Compute fitted from the error.", fails=ALL, says="compute was fitted from the error")
def exchanged(compute, error, at):
    height, b = line(logs(error), logs(compute))
    return math.exp(min(height, 700)), b, math.exp(min(height + b * math.log(at), 700))


@mistake("Large models weigh more.", fails=NOISE, says="more compute weigh more")
def weighted(compute, error, at):
    w = [c / sum(compute) for c in compute]
    x, y = logs(compute), logs(error)
    mx, my = sum(p * q for p, q in zip(w, x)), sum(p * q for p, q in zip(w, y))
    b = sum(u * (p - mx) * (q - my) for u, p, q in zip(w, x, y))
    b /= sum(u * (p - mx) ** 2 for u, p in zip(w, x))
    return math.exp(my - b * mx), b, math.exp(my - b * mx + b * math.log(at))


@mistake("The forecast's logarithm.", fails=FORECAST, says="the forecast is a logarithm")
def log_forecast(compute, error, at):
    a, b, forecast = master(compute, error, at)
    return a, b, math.log(forecast)


@mistake("An exponential law's forecast.", fails=FORECAST, says="a · b^at or such")
def exponential(compute, error, at):
    a, b, _ = master(compute, error, at)
    return a, b, a * math.exp(b * at) if b * at < 300 else 1e9


@mistake("A straight line's forecast.", fails=FORECAST, says="a straight line's")
def line_forecast(compute, error, at):
    a, b, _ = master(compute, error, at)
    return a, b, a + b * at


@mistake("The forecast as accuracy.", fails=FORECAST, says="1 minus the error")
def as_accuracy(compute, error, at):
    a, b, forecast = master(compute, error, at)
    return a, b, 1 - forecast


@mistake("b and a exchanged.", fails=ALL, says="b is")
def b_first(compute, error, at):
    a, b, forecast = master(compute, error, at)
    return b, a, forecast


@mistake("The line goes through the origin.", fails=ALL, says="b is")
def origin(compute, error, at):
    x, y = logs(compute), logs(error)
    b = sum(p * q for p, q in zip(x, y)) / sum(p * p for p in x)
    return 1.0, b, at**b


@mistake("Only a and b.", fails=ALL, says="wanted 3 values")
def two(compute, error, at):
    return master(compute, error, at)[:2]


@mistake("Twice the same compute is fitted once.", fails="pow-edges", says="b is")
def last_of_equal(compute, error, at):
    once = dict(zip(compute, error))
    return master(list(once), list(once.values()), at)


@mistake("An error that grows is not believed.", fails="pow-edges", says="b is")
def never_up(compute, error, at):
    a, b, _ = master(compute, error, at)
    return a, -abs(b), a * at ** -abs(b)


@mistake("Sorted in place.", fails="pow-edges", says="changed its first argument")
def in_place(compute, error, at):
    found = master(compute, error, at)
    compute.sort(reverse=compute[0] < compute[-1])
    return found


@mistake("Lists are divided by their means in half precision.", fails=ALL, says="is")
def half(compute, error, at):
    return master(torch.tensor(logs(compute)).half().double().exp().tolist(), error, at)


@mistake("exp of a decimal logarithm.", fails=ALL, says="a is exp of a decimal logarithm")
def exp_of_log10(compute, error, at):
    a, b, _ = master(compute, error, at)
    a = math.exp(math.log10(a))
    return a, b, a * at**b


@mistake("10 to the power of ln a.", fails=ALL, says="a is 10 to the power of a natural")
def ten_to_ln(compute, error, at):
    a, b, _ = master(compute, error, at)
    a = 10 ** math.log(a)
    return a, b, a * at**b
