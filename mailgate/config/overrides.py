"""What the command line lays over mailgate.toml and desks.toml: `--set section.key=value`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mailgate.config.problems import Loc, Problem

Tables = dict[str, Any]


def read(texts: Iterable[str], problems: list[Problem]) -> dict[Loc, Any]:
    """Keys and values of `section.key=value`; a value that is no TOML is a bare word."""
    found: dict[Loc, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        loc = _key(key.strip()) if equals else None
        if loc is None or len(loc) < 1:
            problems.append(Problem("--set", key.strip()[:80], "section.key=value", "something else"))
            continue
        found[loc] = _value(value.strip())
    return found


def _key(text: str) -> Loc | None:
    """The parts of a dotted TOML key, or None."""
    try:
        table: Any = tomllib.loads(f"{text} = 0")
    except tomllib.TOMLDecodeError:
        return None
    parts: list[str] = []
    while isinstance(table, dict):
        if len(table) != 1:
            return None
        part, table = next(iter(table.items()))
        parts.append(part)
    return tuple(parts)


def _value(text: str) -> Any:
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return table["value"] if set(table) == {"value"} else text


def laid_over(tables: Tables, overrides: Mapping[Loc, Any], wanted: Callable[[Loc], bool]) -> Tables:
    """`tables` with the wanted overrides in place."""
    for loc, value in overrides.items():
        if not wanted(loc):
            continue
        table = tables
        for part in loc[:-1]:
            if not isinstance(table.get(str(part)), dict):
                table[str(part)] = {}
            table = table[str(part)]
        table[str(loc[-1])] = value
    return tables
