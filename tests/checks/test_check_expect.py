"""What checks share: what came back, which mistake explains it, whether a gradient passes."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from mvlm.checks import exercise, exercises
from mvlm.checks.core import Student, check, drawn_once, generator_for, run_check
from mvlm.checks.expect import (
    Comparison,
    Slip,
    close,
    equal,
    every_kind,
    expect_digits,
    expect_keys,
    expect_kinds_kept,
    expect_number,
    expect_parts,
    expect_slopes,
    expect_truth,
    expect_whole,
)
from mvlm.checks.local import LocalCaller
from mvlm.checks.values import followed, weights_like


def outcome_of(run, **functions):
    return run_check(check("title", "the check's hint")(run), LocalCaller(functions))


def student_of(**functions):
    return Student(LocalCaller(functions), generator_for("public", "x"), 5.0)


THIRD = torch.ones(2, dtype=torch.float64) / 3


@pytest.mark.parametrize(
    ("read", "says"),
    [
        (lambda: expect_number(None, "f"), "f returned None: is there a return at its end?"),
        (
            lambda: expect_number(torch.ones(2), "f"),
            "f returned a tensor of shape (2,), wanted one",
        ),
        (lambda: expect_number("1", "f"), "f returned a str, wanted one number"),
        (lambda: expect_keys(None, "ab", "f", "a, b"), "f returned None"),
        (lambda: expect_keys([1], "ab", "f", "a, b"), "f returned list, wanted a, b"),
        (
            lambda: expect_keys({"b": 1, "c": 2}, "ab", "f", "a, b"),
            "f returned the keys ['b', 'c'], wanted a, b",
        ),
        (
            lambda: expect_digits(THIRD.float().double(), THIRD, THIRD, "f", "it stays"),
            "the numbers went through float32 on the way",
        ),
        (
            lambda: expect_digits(THIRD.float(), THIRD, THIRD, "f", "it stays"),
            "torch.float64 went in, torch.float32 came out; it stays",
        ),
        (lambda: expect_number(float("nan"), "f"), "f returned nan"),
        (lambda: expect_number(True, "f"), "f returned a bool, wanted one number"),
        (
            lambda: expect_parts(torch.ones(2, 3), ("a", "b"), "f"),
            "tensor of shape (2, 3), wanted 2",
        ),
        (
            lambda: expect_parts((1, 2, 3), ("a", "b"), "f"),
            "f returned 3 values, wanted 2 values: a",
        ),
        (lambda: expect_whole(torch.ones(2), (2,), "f", "one each"), "wanted whole ones"),
        (
            lambda: expect_whole(torch.ones(3).long(), (2,), "f", "one each"),
            "f returned (3,), wanted",
        ),
        (lambda: expect_truth(torch.ones(2), "the mask"), "the mask holds torch.float32 numbers"),
    ],
)
def test_what_came_back_is_named_and_brings_no_hint_about_something_else(read, says):
    outcome = outcome_of(lambda student: read())
    assert says in outcome.message
    # Of these the check's own hint speaks.
    about_it = any(words in says for words in ("(3,)", "nan", "through float32"))
    assert ("the check's hint" in outcome.hint) is about_it


def test_numbers_are_read_from_tensors_and_arrays_of_one():
    assert expect_number(torch.tensor([[2.5]]), "f") == 2.5
    assert expect_number(torch.tensor(2.5).numpy(), "f") == 2.5
    assert expect_number(3, "f") == 3.0


def test_equal_sees_what_float64_cannot():
    large = torch.tensor([2**60 + 1])
    assert not equal(large, large + 1)
    assert equal(torch.tensor([1, 2]), torch.tensor([1.0, 2.0]))
    assert not equal(torch.ones(2), torch.ones(1, 2))


@pytest.mark.parametrize("kind", range(3))
def test_every_kind_shows_who_goes_through_float32(kind):
    name, numbers = list(every_kind(torch.arange(1.0, 25).reshape(2, 3, 4)))[kind]
    through = numbers.float().to(numbers.dtype)
    assert equal(numbers, through) is (name == "whole numbers, uint8")
    assert len(numbers.unique()) == 24


DOUBLE = Comparison(
    function="f",
    what="the sum",
    right=lambda x: x.sum(),
    slips=(
        Slip(lambda x: x.mean(), "the mean, not the sum"),
        Slip(lambda x: x.abs().sum(), lambda x: f"the sum of {len(x)} sizes", "Mind the sign."),
    ),
)


def compare(student):
    DOUBLE.run(student, lambda: (student.normal(5),))


def test_a_known_mistake_is_told_and_an_unknown_one_is_told_by_its_number():
    assert outcome_of(compare, f=lambda x: x.sum()).points == 1
    told = outcome_of(compare, f=lambda x: x.mean().item())
    assert (told.message, told.hint) == ("the mean, not the sum", "")
    told = outcome_of(compare, f=lambda x: x.abs().sum())
    assert (told.message, told.hint) == ("the sum of 5 sizes", "Mind the sign.")
    told = outcome_of(compare, f=lambda x: x.prod())
    assert "the sum is " in told.message
    assert ", wanted " in told.message
    assert told.hint == "the check's hint"


def test_a_mistake_that_explains_the_first_draw_by_chance_is_not_told():
    calls = itertools.count()

    def right_by_chance(x):
        return x.mean() if next(calls) == 0 else x.prod()

    assert "the sum is" in outcome_of(compare, f=right_by_chance).message


def test_a_tensors_largest_difference_is_told_by_its_place():
    table = Comparison(
        function="f",
        what="the table",
        right=lambda x: x,
        read=lambda value, x: value,
    )
    moved = torch.zeros(2, 3)
    moved[1, 2] = 7
    run = lambda student: table.run(student, lambda: (torch.zeros(2, 3),))  # noqa: E731
    assert outcome_of(run, f=lambda x: moved).message == "the table is 7 at [1, 2], wanted 0"


TABLE = Comparison(
    function="f",
    what="the sum",
    right=lambda x, times=1: times * x.sum(),
    mistakes={
        "the mean, not the sum": lambda x: x.mean(),
        "the largest": (lambda x: x.max(), "All of them count."),
        "the least": (lambda x: x.min(), None),
        "twice as much": {"times": 2},
        "a power": [lambda x: x.sum() ** 2, {"times": 10}],
    },
    slips=(Slip(lambda x: x.prod(), "the product"),),
)


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (lambda x: x.mean(), "the mean, not the sum (five numbers)", ""),
        (lambda x: x.max(), "the largest (five numbers)", "All of them count."),
        (lambda x: x.min().item(), "the least (five numbers)", "the check's hint"),
        (lambda x: x.prod(), "the product (five numbers)", ""),
        (lambda x: 2 * x.sum(), "twice as much (five numbers)", ""),
        (lambda x: x.sum() ** 2, "a power (five numbers)", ""),
        (lambda x: 10 * x.sum(), "a power (five numbers)", ""),
        (lambda x: x.sum() if len(x) == 5 else x.mean(), "the mean, not the sum (three)", ""),
    ],
)
def test_a_table_says_what_a_mistake_gives_and_on_which_input(answer, message, hint):
    inputs = {"five numbers": lambda: (torch.rand(5),), "three": (torch.tensor([1.0, 2, 4]),)}
    told = outcome_of(lambda student: TABLE.each(student, inputs), f=answer)
    assert (told.message, told.hint) == (message, hint)


def test_a_part_of_a_comparison_looks_at_a_part_of_the_result():
    def both(x, times=1):
        return float(times * x.sum()), float(x.prod())

    whole = Comparison(
        function="f",
        what="the two",
        right=both,
        read=lambda value, x: value,
        alike=lambda ours, wanted: all(map(math.isclose, ours, wanted)),
        tells=lambda ours, wanted: f"{ours}, wanted {wanted}",
        mistakes={"twice": ({"times": 2}, "Once."), "no meaning": lambda x: None},
    )
    first = whole.part(lambda pair: pair[:1])

    def told(comparison, answer):
        return outcome_of(lambda s: comparison.run(s, lambda: (s.normal(3),)), f=answer)

    assert told(whole, lambda x: (both(x)[0], 9.0)).message
    assert not told(first, lambda x: (both(x)[0], 9.0)).message
    failed = told(first, lambda x: (both(x, 2)[0], 9.0))
    assert (failed.message, failed.hint) == ("twice", "Once.")


def test_a_table_passes_what_is_right_on_every_input():
    seen = []
    inputs = {"five": lambda: (torch.rand(5),), "three": (torch.ones(3),)}
    answer = lambda x: seen.append(len(x)) or x.sum()  # noqa: E731
    assert outcome_of(lambda student: TABLE.each(student, inputs), f=answer).points == 1
    assert seen == [5, 3]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda x: x.flip(0), ""),
        (lambda x: x.float().to(x.dtype), "not those that went in, each once (large whole"),
        (lambda x: x.float(), "torch.uint8 went in, torch.float32 came out; it moves them"),
        (lambda x: x[:1].expand(4), "not those that went in, each once (whole numbers, uint8)"),
        (lambda x: torch.cat([x, x]), "not those that went in"),
        (lambda x: x.numpy(), "wanted a torch tensor"),
    ],
)
def test_numbers_that_are_only_moved_come_through_as_they_are(answer, says):
    def run(student):
        expect_kinds_kept(student, "f", student.distinct(4), lambda x: (x,), "it moves them")

    told = outcome_of(run, f=answer)
    assert (told.points == 1) is (says == "")
    assert says in told.message


def test_a_draw_that_searches_is_done_once_and_leaves_the_generator_as_the_search_would():
    searches = []

    @drawn_once
    def searched(student, least):
        searches.append(least)
        while (number := student.integer(0, 50)) < least:
            pass
        return [number]

    one, other, THIRD = student_of(), student_of(), student_of()
    first, again = searched(one, 40), searched(other, 40)
    assert first is again
    assert searches == [40]
    assert one.integer(0, 10**9) == other.integer(0, 10**9)
    THIRD.integer(0, 1)
    searched(THIRD, 40)
    searched(student_of(), 45)
    assert searches == [40, 40, 45]


def loss(a, b):
    return F.cross_entropy(a @ b.T, torch.arange(len(a)))


CUTS = {
    "item": lambda a, b: loss(a, b).item(),
    "float": lambda a, b: float(loss(a, b)),
    "detached": lambda a, b: loss(a, b).detach(),
    "data": lambda a, b: loss(a, b).data,
    "new tensor": lambda a, b: torch.tensor(loss(a, b).item(), requires_grad=True),
    "list": lambda a, b: loss(torch.tensor(a.tolist()), torch.tensor(b.tolist())),
    "NumPy": lambda a, b: loss(*(torch.from_numpy(x.numpy()) for x in (a, b))),
    "detached NumPy": lambda a, b: loss(*(torch.from_numpy(x.detach().numpy()) for x in (a, b))),
    "no_grad": torch.no_grad()(loss),
    "inference_mode": torch.inference_mode()(loss),
    "one side": lambda a, b: loss(a, b.detach()),
    "half of it": lambda a, b: loss(a, b) / 2 + loss(a, b).detach() / 2,
    "nan": lambda a, b: loss(a, b) + (a * 0).sum().sqrt() * 0,
    "upside down": lambda a, b: 2 * loss(a, b).detach() - loss(a, b),
}
WHOLE = {
    "plain": loss,
    "in a list": lambda a, b: [loss(a, b).reshape(1, 1)],
    "float64": lambda a, b: loss(a.double(), b.double()),
    "in place": lambda a, b: loss(a.clone().mul_(2).div_(2), b),
    "a constant detached": lambda a, b: loss(a, b) - a.max().detach() + a.max().detach(),
}


def slopes(student):
    learns = {0: "images", 1: "texts"}
    expect_slopes(student, "f", student.normal(4, 3), student.normal(4, 3), learns=learns)


@pytest.mark.parametrize("name", CUTS)
def test_a_gradient_that_is_cut_off_is_found(name):
    told = outcome_of(slopes, f=CUTS[name])
    assert told.points == 0
    assert "could not be compared" not in told.message


@pytest.mark.parametrize("name", WHOLE)
def test_a_gradient_that_passes_is_found_whole(name):
    told = outcome_of(slopes, f=WHOLE[name])
    assert told.points == 1, told.message


def test_an_error_that_has_nothing_to_do_with_gradients_brings_no_hint_about_them():
    told = outcome_of(slopes, f=lambda a, b: a @ b)
    assert "RuntimeError" in told.message
    assert "requires_grad" not in told.message
    assert told.hint == ""


def test_a_call_that_is_followed_gives_the_gradient_of_the_weighted_sum():
    x, y = torch.randn(2, 3), torch.randn(3)
    value, after, (of_x, of_y) = followed(lambda x, n, y: (x * n, y**2), (x, 2, y), (0, 2))
    assert equal(value[0], 2 * x)
    assert equal(after[0], x)
    assert close(of_x, 2 * weights_like(x))
    assert close(of_y, 2 * y * weights_like(y))
    assert followed(lambda x: x + 1, (x.detach(),), ())[2] == ()


@pytest.mark.parametrize("name", exercises())
def test_each_check_has_a_title_of_its_own_and_a_hint(name):
    for question in exercise(name).questions:
        assert len({one.title for one in question.checks}) == len(question.checks)
        assert all(one.hint and one.title for one in question.checks)
