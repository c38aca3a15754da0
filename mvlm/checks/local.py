"""Calling a student's functions in the process that runs the checks: the notebook's own."""

import dis
from types import CodeType, FunctionType, ModuleType
from typing import Any

from mvlm.checks.core import AnswerFailed, NotWritten, Returned
from mvlm.checks.guard import TimeIsUp, is_stub, one_line, time_limit
from mvlm.checks.values import Refused, pack, unpack


def leans_on(function: Any, forbidden: tuple[str, ...]) -> str | None:
    """The forbidden module that a function uses, itself or through a helper; None if it does not.

    This is kindness, not security: it looks at the names in the compiled code. The instructor's
    grader runs the answers where those modules are not to be found.
    """
    seen: set[int] = set()

    def module_of(value: Any) -> str | None:
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
        return next((m for m in forbidden if f"{name}.".startswith(f"{m}.")), None)

    def visit(value: Any) -> str | None:
        if found := module_of(value):
            return found
        if not isinstance(value, FunctionType) or id(value) in seen:
            return None
        seen.add(id(value))
        return visit_code(value.__code__, value.__globals__)

    def visit_code(code: CodeType, names: dict[str, Any]) -> str | None:
        current: Any = None  # what the chain a.b.c stands for so far
        path = ""
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                current = names.get(step.argval)
            elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and isinstance(current, ModuleType):
                current = getattr(current, step.argval, None)
            elif step.opname in ("IMPORT_NAME", "IMPORT_FROM"):
                if step.opname == "IMPORT_NAME":
                    dotted = path = step.argval
                else:
                    dotted = f"{path}.{step.argval}"
                if found := next((m for m in forbidden if f"{dotted}.".startswith(f"{m}.")), None):
                    return found
                current = None
            elif step.opname != "PUSH_NULL":
                current = None
            if current is not None and (found := visit(current)):
                return found
        for constant in code.co_consts:  # functions inside the function
            if isinstance(constant, CodeType) and (found := visit_code(constant, names)):
                return found
        return None

    return visit(function)


class LocalCaller:
    """Calls functions of one namespace, such as a notebook's, on copies of the arguments."""

    def __init__(self, namespace: dict[str, Any], forbids: tuple[str, ...] = ()) -> None:
        self.namespace = namespace
        self.forbids = forbids

    def call(self, name: str, arguments: tuple[Any, ...], seconds: float) -> Returned:
        """See :class:`mvlm.checks.core.Caller`."""
        function = self.namespace.get(name)
        if function is None:
            raise NotWritten(f"{name} is not defined yet: run the cell that defines it")
        if not callable(function):
            raise AnswerFailed(f"{name} is a {type(function).__name__}, not a function any more")
        if found := leans_on(function, self.forbids):
            raise AnswerFailed(
                f"{name} leans on {found}, which holds a finished answer: "
                "write it from torch alone, and compare with that one afterwards"
            )
        copies = unpack(pack(arguments))
        try:
            with time_limit(seconds):
                value = function(*copies)
        except TimeIsUp:
            raise AnswerFailed(
                f"{name} was stopped after {seconds:g} s: does each loop come to an end?"
            ) from None
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if is_stub(error):
                raise NotWritten(f"{name} is not written yet") from None
            raise AnswerFailed(one_line(error, self.namespace)) from None
        try:
            value = unpack(pack(value))
        except Refused as reason:
            raise AnswerFailed(f"{name} returned {reason}") from None
        try:
            after = unpack(pack(copies))
        except Refused:
            after = (None,) * len(arguments)  # no longer what was passed, whatever it is
        return Returned(value=value, arguments=after)
