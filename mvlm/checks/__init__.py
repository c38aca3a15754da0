"""The exercises' checks: ``check = load("02_patches")``, then ``check("patchify_hwc")``.

The same checks run in the student's notebook, in CI and in the instructor's grader. A package such
as ``ex02_patches`` holds one exercise, a file in it one question.
"""

import importlib
import inspect
import pkgutil
import re
from typing import Any

from mvlm.checks.core import Exercise
from mvlm.checks.notebook import Checker, checker

__all__ = ["Checker", "Exercise", "exercise", "exercises", "load"]


def exercises() -> list[str]:
    """The names of all exercises, in the course's order."""
    modules = [module.name for module in pkgutil.iter_modules(__path__)]
    return sorted(name.removeprefix("ex") for name in modules if re.match(r"ex\d", name))


def exercise(name: str) -> Exercise:
    """One exercise by its name, such as ``02_patches``.

    Raises:
        ValueError: there is none of that name; the message lists those there are.
    """
    if name not in exercises():
        raise ValueError(f"there is no exercise {name!r}: choose one of {', '.join(exercises())}")
    return importlib.import_module(f"mvlm.checks.ex{name}").EXERCISE


def load(
    name: str, *, namespace: dict[str, Any] | None = None, strict: bool | None = None
) -> Checker:
    """The checks of one exercise, for the notebook or script that calls this.

    Args:
        name: the exercise, such as ``02_patches``.
        namespace: where the answers are; the caller's global names when left out.
        strict: whether a check that does not pass raises. Left out, the environment variable
            ``MVLM_STRICT`` decides.
    """
    if namespace is None:
        namespace = inspect.currentframe().f_back.f_globals
    return checker(exercise(name), namespace, strict)
