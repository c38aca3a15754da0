"""What several questions of exercise 10 need."""

from collections.abc import Callable, Sequence
from typing import Any

from mvlm.checks.core import AnswerFailed, Student, fail
from mvlm.checks.expect import near


def expect_refusal(student: Student, function: str, *arguments: Any, what: str) -> None:
    """Fail unless a ValueError comes."""
    try:
        value = student.call(function, *arguments)
    except AnswerFailed as error:
        if str(error).startswith("ValueError"):
            return
        fail(f"{error}: a ValueError is wanted", "if …: raise ValueError(…), before all else.")
    said = repr(value) if len(repr(value)) < 60 else f"{repr(value)[:60]}…"
    fail(
        f"{what} was taken, and yours says {said}: raise a ValueError",
        "Which values does the contract allow? Ask for them before all else.",
    )


def agree_on(names: Sequence[str]) -> Callable[[Any, Any], bool]:
    """Whether these numbers agree, or are None in both; others are the matter of another check."""

    def agree(ours: Any, wanted: Any) -> bool:
        return ours is wanted if None in (ours, wanted) else near(ours, wanted)

    return lambda ours, wanted: all(agree(ours[name], wanted[name]) for name in names)
