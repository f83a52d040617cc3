"""A pack's options: what may be chosen, what a desk chose, and how the choice shapes the pack's tables."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from datetime import time
from decimal import Decimal
from typing import Any

from mailgate.desk.calendar import duration

Problem = tuple[str, str, Any]
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


def chosen(raw: Mapping[str, Any], over: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Every option's value, `over` laid over the pack's `[options]`, and what is wrong with them."""
    defaults, choices = raw.get("options", {}), raw.get("choices", {})
    problems: list[Problem] = []
    values = dict(defaults)
    for name, value in over.items():
        if name in defaults:
            values[name] = value
            continue
        near = difflib.get_close_matches(name, defaults, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        problems.append((f"options.{name}", f"an option of the pack: {', '.join(defaults)}{hint}", value))
    for name, value in values.items():
        if name not in choices:
            problems.append((f"choices.{name}", "what the option may hold", None))
        elif expected := _refusal(choices[name], value):
            problems.append((f"options.{name}", expected, value))
    return values, problems


def _refusal(choice: Any, value: Any) -> str | None:
    """What was expected, or None when `value` fits `choice`."""
    if isinstance(choice, list):
        return None if value in choice and isinstance(value, str) else f"one of {', '.join(map(str, choice))}"
    if isinstance(choice, dict) and "any_of" in choice:
        fits = isinstance(value, list | tuple) and all(v in choice["any_of"] for v in value)
        return None if fits else f"a list of any of {', '.join(choice['any_of'])}"
    if isinstance(choice, dict):
        low, high = choice.get("from", 0), choice.get("to", 10**9)
        fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if fits else f"a whole number from {low} to {high}"
    expected, fits_kind = KINDS.get(choice, (f"a known kind of option ({', '.join(KINDS)})", lambda _: False))
    try:
        return None if fits_kind(value) else expected
    except (ValueError, TypeError, ArithmeticError):
        return expected


def _is_duration(value: Any) -> bool:
    return isinstance(value, str) and bool(duration(value))


KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "duration": ('a duration such as "48h", "7bd" or "10cd"', _is_duration),
    "duration_or_none": ('a duration such as "48h", or "" for none', lambda v: v == "" or _is_duration(v)),
    "durations": (
        'a list of durations such as ["48h", "72h"]',
        lambda v: isinstance(v, list) and all(map(_is_duration, v)),
    ),
    "boolean": ("true or false", lambda v: isinstance(v, bool)),
    "clock_time": (
        'a time of day such as "09:00"',
        lambda v: isinstance(v, str) and bool(time.fromisoformat(v) or True),
    ),
    "weekdays": (
        'a list of weekdays such as ["SAT", "SUN"]',
        lambda v: isinstance(v, list) and all(d in WEEKDAYS for d in v),
    ),
    "amount": (
        'an amount such as 25 or "24.90", or "" for none',
        lambda v: not isinstance(v, bool) and (v == "" or Decimal(str(v)) >= 0),
    ),
    "days": (
        '"all", "business" or a list of weekdays such as ["MON", "THU"]',
        lambda v: v in ("all", "business") or (isinstance(v, list) and bool(v) and all(d in WEEKDAYS for d in v)),
    ),
    "day_end": ('a time of day such as "17:00", or "24:00"', lambda v: v == "24:00" or bool(time.fromisoformat(v) or True)),
    "words": ("a list of words", lambda v: isinstance(v, list) and all(isinstance(w, str) for w in v)),
}


def pruned(table: Any, values: Mapping[str, Any], key: str = "") -> tuple[Any, list[Problem]]:
    """`table` without the tables whose `only_if` does not hold, options in place; and the options it misnames."""
    problems: list[Problem] = []
    if isinstance(table, str) and table.startswith("option:"):
        name = table.removeprefix("option:")
        if name not in values:
            return None, [(key, f"an option of the pack: {', '.join(values)}", table)]
        return values[name], []
    if isinstance(table, Mapping) and "by_option" in table:
        return _by_option(table, values, key)
    if isinstance(table, Mapping):
        kept: dict[str, Any] = {}
        for name, value in table.items():
            if name == "only_if" or _left_out(value, values):
                continue
            kept[name], found = pruned(value, values, f"{key}.{name}".lstrip("."))
            problems += found
        if set(kept) == {"event"} and set(table) == {"event", "only_if"}:
            return kept["event"], problems
        return kept, problems
    if isinstance(table, list):
        items = [pruned(item, values, f"{key}.{i}") for i, item in enumerate(table) if not _left_out(item, values)]
        return [item for item, _ in items], [problem for _, found in items for problem in found]
    return table, problems


def _by_option(table: Mapping[str, Any], values: Mapping[str, Any], key: str) -> tuple[Any, list[Problem]]:
    """What `table` gives for the value of the option that its `by_option` names."""
    name = table["by_option"]
    if name not in values:
        return None, [(f"{key}.by_option", f"an option of the pack: {', '.join(values)}", name)]
    said = str(values[name]).lower() if isinstance(values[name], bool) else str(values[name])
    if said not in table:
        return None, [(f"{key}.{said}", f"what this is when {name} is {said}", None)]
    return pruned(table[said], values, f"{key}.{said}")


def _left_out(table: Any, values: Mapping[str, Any]) -> bool:
    """True if `table` carries an `only_if` that names an option with another value."""
    if not isinstance(table, Mapping):
        return False
    wanted = table.get("only_if", {})
    return any(values.get(name) != value for name, value in wanted.items())
