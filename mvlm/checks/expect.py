"""What checks have in common: what came back, whether it is right, and which mistake it shows.

An exercise's file says what is right, by a function that works it out in another way than an
answer would, and which mistakes give what. Everything else is here: whether a number or a tensor
came back at all, of which shape and kind, whether the two agree, whether a gradient passes.
Each failure brings a hint of its own where a check's hint would be about something else.
"""

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mvlm.checks.core import AnswerFailed, Student, fail
from mvlm.checks.values import weights_like

WHOLE = "Which of your steps makes floats? Ids and labels are whole numbers all the way."
TRUTH = "Which dtype is yes or no? A comparison gives it, and torch.zeros takes a dtype."
KIND = "Which step makes numbers of another kind? torch.zeros and torch.eye do, unless told."
DIGITS = "Which of your steps goes through float32? float() does, and a new tensor unless told."
SLOPES = (
    "A loss is there to be followed downhill. What leaves the graph: .item(), .tolist(), float(), "
    ".detach(), .numpy(), torch.no_grad(), a new tensor made of numbers?"
)

STEP = 3e-3  # of a slope that is measured: long enough for float32, short enough for a curve

# What came back ---------------------------------------------------------------------------------


def expect_something(value: Any, function: str) -> Any:
    """``value``, when the function returned anything at all."""
    if value is None and " " in function:  # a part of what came back
        raise AnswerFailed(f"{function.removesuffix(',')} is None")
    if value is None:
        raise AnswerFailed(f"{function} returned None: is there a return at its end?")
    return value


def kind_of(value: Any) -> str:
    """What a value is, as a message names it."""
    if isinstance(value, Tensor | np.ndarray):
        kind = "tensor" if isinstance(value, Tensor) else "NumPy array"
        return f"{kind} of shape {tuple(value.shape)}"
    return type(value).__name__


def a_kind_of(value: Any) -> str:
    """The same with its article."""
    kind = kind_of(value)
    return f"an {kind}" if kind[0].lower() in "aeiou" else f"a {kind}"


def expect_parts(value: Any, names: Sequence[str], function: str) -> tuple[Any, ...]:
    """The parts of a tuple or list, when there are as many as ``names``."""
    expect_something(value, function)
    if type(value) not in (tuple, list) or len(value) != len(names):
        several = type(value) in (tuple, list)
        kind = f"{len(value)} values" if several else a_kind_of(value)
        raise AnswerFailed(
            f"{function} returned {kind}, wanted {len(names)} values: {', '.join(names)}"
        )
    return tuple(value)


def expect_keys(value: Any, keys: Iterable[str], function: str, wanted: str) -> dict[str, Any]:
    """``value``, when it is a dictionary with these keys and no others.

    ``wanted`` is what a failure says that it should be.
    """
    expect_something(value, function)
    if type(value) is not dict or set(value) != set(keys):
        came = f"the keys {sorted(map(str, value))}" if type(value) is dict else kind_of(value)
        raise AnswerFailed(f"{function} returned {came}, wanted {wanted}")
    return value


def expect_number(value: Any, function: str) -> float:
    """The one finite number that came back, alone or in a tensor or array of one."""
    expect_something(value, function)
    if isinstance(value, Tensor | np.ndarray) and math.prod(value.shape) == 1:
        value = value.reshape(-1)[0].item()
    if type(value) not in (int, float):
        raise AnswerFailed(f"{function} returned {a_kind_of(value)}, wanted one number")
    if not math.isfinite(value):
        fail(f"{function} returned {value}")
    return float(value)


def expect_tensor(value: Any, function: str) -> Tensor:
    """``value``, when it is a tensor."""
    expect_something(value, function)
    if type(value) is not Tensor:
        kind = "a NumPy array" if isinstance(value, np.ndarray) else a_kind_of(value)
        raise AnswerFailed(f"{function} returned {kind}, wanted a torch tensor")
    return value


def tensor_of(function: str) -> Callable[..., Tensor]:
    """What calls the student's function, which gives a tensor: ``(student, *arguments)``."""

    def call(student: Student, *arguments: Any) -> Tensor:
        return expect_tensor(student.call(function, *arguments), function)

    return call


def expect_shape(
    value: Any, shape: Sequence[int], function: str, meaning: str, hint: str | None = None
) -> Tensor:
    """``value``, when it is a tensor of this shape; ``meaning`` names the dimensions."""
    tensor = expect_tensor(value, function)
    if tuple(tensor.shape) != tuple(shape):
        verb = "has the shape" if " " in function else "returned"  # a part of what came back
        came = f"{function} {verb} {tuple(tensor.shape)}"
        fail(f"{came}, wanted {tuple(shape)}, which is {meaning}", hint)
    return tensor


def expect_whole(value: Any, shape: Sequence[int], function: str, meaning: str) -> Tensor:
    """``value``, when it is a tensor of whole numbers of this shape."""
    tensor = expect_shape(value, shape, function, meaning)
    if tensor.dtype.is_floating_point or tensor.dtype == torch.bool:
        fail(
            f"{function} returned {tensor.dtype} numbers, wanted whole ones such as torch.int64",
            WHOLE,
        )
    return tensor


def expect_truth(value: Any, what: str) -> Tensor:
    """``value``, when it is a tensor of ``True`` and ``False``."""
    if expect_tensor(value, what).dtype != torch.bool:
        fail(f"{what} holds {value.dtype} numbers, wanted torch.bool", TRUTH)
    return value


def expect_kind(value: Tensor, given: Tensor, why: str) -> Tensor:
    """``value``, when its numbers are of the same kind as those of ``given``."""
    if value.dtype != given.dtype:
        fail(f"{given.dtype} went in, {value.dtype} came out; {why}", KIND)
    return value


def expect_finite(tensor: Tensor, what: str, hint: str | None = None) -> Tensor:
    """``tensor``, when it holds neither nan nor inf."""
    if not bool(tensor.double().isfinite().all()):
        kind = "nan" if bool(tensor.double().isnan().any()) else "inf"
        fail(f"{what} hold {kind}", hint)
    return tensor


# Whether it is right ----------------------------------------------------------------------------


def equal(value: Tensor, expected: Tensor) -> bool:
    """Whether shape and every number agree exactly; the kinds of number may differ."""
    if value.shape != expected.shape:
        return False
    if value.dtype != expected.dtype:  # whole numbers of 64 bits do not fit into float64
        value, expected = value.double(), expected.double()
    return bool((value == expected).all())


def close(value: Tensor, expected: Tensor, tolerance: float = 1e-4) -> bool:
    """Whether shape and every number agree up to rounding."""
    if value.shape != expected.shape:
        return False
    return torch.allclose(value.double(), expected.double(), rtol=tolerance, atol=tolerance)


def same(number: float, expected: float) -> bool:
    """Whether two numbers agree up to rounding."""
    return math.isclose(number, expected, rel_tol=1e-4, abs_tol=1e-5)


def near(number: float, expected: float) -> bool:
    """The same number to six digits, as a share of counted things has to be."""
    return math.isclose(number, expected, rel_tol=1e-6, abs_tol=1e-9)


def alike(value: Any, expected: Any) -> bool:
    """Whether two numbers, or two tensors, agree up to rounding."""
    if isinstance(expected, Tensor):
        return isinstance(value, Tensor) and close(value, expected)
    return same(value, expected)


def _difference(what: str, ours: Any, wanted: Any) -> str:
    """Where two numbers, or two tensors, differ most."""
    if not isinstance(wanted, Tensor):
        return f"{what} is {ours:.4f}, wanted {wanted:.4f}"
    if ours.shape != wanted.shape:
        return f"{what} has the shape {tuple(ours.shape)}, wanted {tuple(wanted.shape)}"
    gap = (ours.double() - wanted.double()).abs().nan_to_num(math.inf)
    place = tuple(int(n) for n in np.unravel_index(gap.argmax().item(), gap.shape))
    mine, right = ours[place].item(), wanted[place].item()
    return f"{what} is {mine:.4g} at {list(place)}, wanted {right:.4g}"


def expect_digits(
    value: Any, given: Tensor, right: Tensor, function: str, why: str, tolerance: float = 1e-10
) -> None:
    """Fail unless a value is float64 as ``given`` is, and right to more digits than float32 has."""
    expect_kind(expect_tensor(value, function), given, why)
    if not close(value, right, tolerance):
        fail("the numbers went through float32 on the way: some digits are lost")


@dataclass(frozen=True)
class Slip:
    """A mistake that we know.

    Attributes:
        gives: what this mistake gives for the same arguments; None where it has no meaning.
        says: what the student then reads, or a function of the arguments that gives it.
        hint: what to think about; empty when ``says`` says it all, None for the check's own hint.
    """

    gives: Callable[..., Any]
    says: str | Callable[..., str]
    hint: str | None = ""


# What a mistake gives: a function of the arguments, or keyword arguments that make `right` wrong;
# a list of them where one sentence stands for several.
Gives = Callable[..., Any] | Mapping[str, Any]
Mistake = Gives | list[Gives]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What a function should give, and what its known mistakes give.

    Attributes:
        function: the student's function.
        what: what it gives, as a sentence begins: "the loss".
        right: works out what is right from the same arguments, in another way than an answer.
            Numbers may be tensors of one.
        read: makes what came back something to compare, of the value and the arguments, or fails.
            Left out, one number is wanted.
        mistakes: those that we know, those first that say more: what the student then reads → what
            the mistake gives for the same arguments, None where it has no meaning; or the keyword
            arguments with which ``right`` itself makes the mistake; or a list of such, where the
            sentence stands for several. The value may be a pair, whose second part is what to think
            about (None: the check's own hint); without one the sentence says it all.
        slips: more of them, where the sentence depends on the arguments.
        alike: whether two results agree.
        tells: says what is wrong, of what came and what was wanted, for a mistake that we do not
            know. Left out, where the two differ most.
    """

    function: str
    what: str
    right: Callable[..., Any]
    read: Callable[..., Any] | None = None
    mistakes: Mapping[str, Mistake | tuple[Mistake, str | None]] = field(default_factory=dict)
    slips: tuple[Slip, ...] = ()
    alike: Callable[[Any, Any], bool] = alike
    tells: Callable[[Any, Any], str] | None = None

    @property
    def known(self) -> tuple[Slip, ...]:
        """All the mistakes that are known."""
        return *(slip for says in self.mistakes for slip in self._slips(says)), *self.slips

    def _slips(self, says: str) -> Iterator[Slip]:
        mistake = self.mistakes[says]
        several, hint = mistake if isinstance(mistake, tuple) else (mistake, "")
        for one in several if isinstance(several, list) else [several]:
            changed = isinstance(one, Mapping)
            yield Slip(functools.partial(self.right, **one) if changed else one, says, hint)

    def run(self, student: Student, draw: Callable[[], tuple[Any, ...]]) -> Any:
        """Compare on drawn arguments; all that came back, when it is right.

        ``draw`` gives new arguments of one kind each time. A known mistake is told only when it
        explains the result on three draws, since on one it may do so by chance.
        """
        arguments = draw()
        value = student.call(self.function, *arguments)
        ours = self._read(value, arguments)
        wanted = _plain(self.right(*arguments), ours)
        if self.alike(ours, wanted):
            return value
        seen = [(ours, arguments)]
        for slip in self.known:
            if not self._explains(slip, *seen[0]):
                continue
            while len(seen) < 3:
                arguments = draw()
                value = student.call(self.function, *arguments)
                seen.append((self._read(value, arguments), arguments))
            if all(self._explains(slip, *one) for one in seen):
                says = slip.says if isinstance(slip.says, str) else slip.says(*seen[0][1])
                fail(says, slip.hint)
        fail(self.tells(ours, wanted) if self.tells else _difference(self.what, ours, wanted))

    def each(
        self, student: Student, inputs: Mapping[str, Any], draw: Callable[..., Any] | None = None
    ) -> None:
        """Compare on every input of a table: its name, as a failure says it, → how it is drawn.

        Arguments that are the same at every draw may stand there themselves, as a tuple. With
        ``draw``, what stands there is what it is asked for: it gives ``draw(student, asked)``.
        """
        for place, asked in inputs.items():
            with student.on(place):
                if draw:
                    self.run(student, functools.partial(draw, student, asked))
                else:
                    self.run(student, asked if callable(asked) else lambda fixed=asked: fixed)

    def part(self, of: Callable[[Any], Any]) -> "Comparison":
        """The same comparison, in which ``of`` each result alone is looked at."""

        def cut(gives: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *given: None if (found := gives(*given)) is None else of(found)

        return replace(
            self,
            right=cut(self.right),
            read=lambda value, *given: of(self._read(value, given)),
            mistakes={},
            slips=tuple(replace(slip, gives=cut(slip.gives)) for slip in self.known),
        )

    def _read(self, value: Any, arguments: tuple[Any, ...]) -> Any:
        if self.read is None:
            return expect_number(value, self.function)
        return self.read(value, *arguments)

    def _explains(self, slip: Slip, ours: Any, arguments: tuple[Any, ...]) -> bool:
        expected = slip.gives(*arguments)
        return expected is not None and self.alike(ours, _plain(expected, ours))


def _plain(value: Any, ours: Any) -> Any:
    """What is wanted, as a number where a number came."""
    one = isinstance(value, Tensor | np.ndarray) and math.prod(value.shape) == 1
    return float(value) if isinstance(ours, float) and one else value


# Numbers that are only moved --------------------------------------------------------------------


def same_numbers(value: Tensor, expected: Tensor) -> bool:
    """Whether the same numbers are there, each as often, in any order."""
    if value.numel() != expected.numel():
        return False
    return equal(value.flatten().sort().values, expected.flatten().sort().values)


def expect_kinds_kept(
    student: Student,
    function: str,
    numbers: Tensor,
    asked: Callable[[Tensor], tuple[Any, ...]],
    why: str,
) -> None:
    """Fail unless numbers of every kind come back as they are, each once, in any order.

    Args:
        student: whose function it is.
        function: its name; it moves numbers and changes none.
        numbers: an input of :meth:`Student.distinct`; :func:`every_kind` makes the others of it.
        asked: the arguments of the call that hold such numbers.
        why: why they must stay what they are, as a failure says it.
    """
    for name, given in every_kind(numbers):
        with student.on(name, KIND):
            value = expect_tensor(student.call(function, *asked(given)), function)
            expect_kind(value, given, why)
            if not same_numbers(value, given):
                fail(f"the numbers that {function} returned are not those that went in, each once")


# Gradients --------------------------------------------------------------------------------------


def expect_slopes(
    student: Student, function: str, *arguments: Any, learns: dict[int, str], nan: str = ""
) -> None:
    """Fail unless what the student's function gives carries a gradient, and the right one.

    The right one is the slope of the student's own values: so a value that is wrong has checks of
    its own, and this one finds what is cut off on the way back.

    Args:
        student: whose function it is.
        function: its name; it returns a number, or tensors.
        arguments: of the call, float32 where they learn.
        learns: the places of the arguments that learn, and what each is called.
        nan: what to think about when a gradient is not finite.
    """
    given = [
        one.clone().requires_grad_() if place in learns else one
        for place, one in enumerate(arguments)
    ]
    student.call(function, *arguments)  # an error that comes without gradients too is another one
    with student.on("features that learn: requires_grad=True", SLOPES):
        slopes = student.look(function, *given).slopes
        for (place, name), ours in zip(learns.items(), slopes, strict=True):
            way = student.normal(*arguments[place].shape)
            ends = []
            for step in (STEP, -STEP):
                moved = list(arguments)
                moved[place] = arguments[place] + step * way
                ends.append(_total(student.call(function, *moved)))
            slope = (ends[0] - ends[1]) / (2 * STEP)
            if ours is None and abs(slope) > 1e-3:
                fail(f"no gradient reaches the {name}")
            if ours is None:
                continue
            expect_finite(ours, f"the slopes of the {name}", nan)
            if not math.isclose(
                mine := (ours * way).sum().item(), slope, rel_tol=0.02, abs_tol=5e-3
            ):
                fail(
                    f"the gradient says that one step of the {name} changes the result by "
                    f"{STEP * mine:.2g}, and it changes by {STEP * slope:.2g}"
                )


def _total(value: Any) -> float:
    """The weighted sum whose gradient is looked at: see :func:`mvlm.checks.values.followed`."""
    parts = value if type(value) in (tuple, list) else (value,)
    tensors = [torch.as_tensor(part) for part in parts if isinstance(part, Tensor | float | int)]
    floats = [one for one in tensors if one.is_floating_point()]
    return sum((one * weights_like(one)).sum().item() for one in floats)


# Inputs -----------------------------------------------------------------------------------------


def every_kind(numbers: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Distinct numbers as each kind that a careless step changes, with the kind's name.

    Through float32 go neither the whole numbers of int64 nor the digits of float64; whole numbers
    of uint8 become floats where a frame or a kernel is made of floats.
    """
    whole = numbers.long()
    yield "whole numbers, uint8", (whole % 251).to(torch.uint8)
    yield "large whole numbers, int64", whole + 2**60
    yield "float64", doubles(numbers)


def doubles(numbers: Tensor) -> Tensor:
    """Distinct numbers as distinct ones of float64 that are all alike in float32."""
    return 1 + numbers.long().double() * 2.0**-40
