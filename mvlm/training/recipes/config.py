"""Settings from a TOML file or the command line into a dataclass, with mistakes named."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_origin, get_type_hints

Recipe = TypeVar("Recipe")


def read_config(path: Path, changes: Sequence[str] = ()) -> dict:
    """A TOML file as a dictionary, with `changes` such as "train.steps=100" put in.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no TOML, or a change has no "=" or goes into what is no table.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no configuration at {path}: check the name")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not TOML ({error}): mend that line") from error
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise ValueError(f"{change!r} sets nothing: write KEY=VALUE, such as train.steps=100")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        *tables, name = key.strip().split(".")
        place = values
        for table in tables:
            place = place.setdefault(table, {})
            if not isinstance(place, dict):
                raise ValueError(f"{change!r} goes into {table}, which is no table: it is {place}")
        place[name] = value
    return values


def build(recipe: type[Recipe], values: dict[str, Any], where: str = "") -> Recipe:
    """Make a recipe, and the dataclasses in it, from nested dictionaries.

    Raises:
        ValueError: a key that the recipe does not have, with the one of a table in it or the
            nearest that it has; or a value of another kind than the key's.
    """
    types = get_type_hints(recipe)
    known = [field.name for field in fields(recipe)]
    made = {}
    for name, value in values.items():
        if name not in known:
            deeper = [
                f"{table}.{name}"
                for table, kind in types.items()
                if is_dataclass(kind) and name in (field.name for field in fields(kind))
            ]
            near = [*deeper, *difflib.get_close_matches(name, known, n=1, cutoff=0.0)][0]
            raise ValueError(
                f"unknown key {where + name!r}: did you mean {where + near!r}? "
                f"Known here: {', '.join(known)}"
            )
        kind = types[name]
        if is_dataclass(kind):
            if not isinstance(value, dict):
                raise ValueError(f"{where + name} is {value!r}: it is a table, [{where + name}]")
            made[name] = build(kind, value, f"{where}{name}.")
        else:
            made[name] = _checked(value, kind, where + name)
    return recipe(**made)


def _checked(value: Any, kind: Any, name: str) -> Any:
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{name} is {value!r}: it takes a list, [{value!r}, …]")
        return tuple(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(kind, type) and (
        not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
    ):
        raise ValueError(f"{name} is {value!r}: it takes a value of type {kind.__name__}")
    return value
