"""The reference of policy packs, written out of the code: every table and key, what conditions ask, events, choices, lengths.

`mailgate policy reference` prints it and docs/policies.md holds it between two marker lines, so that neither can say what the
other does not. The words are those of the fields' descriptions in desk/entry.py, timed.py and pack.py, of `NAMES` in
desk/view.py and of `KINDS` in desk/choice.py; here stand only the order of the tables, and the words for what has no field. Pure.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable, Iterator, Mapping
from datetime import time
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from mailgate.desk import entry, timed
from mailgate.desk.calendar import Duration
from mailgate.desk.choice import KINDS
from mailgate.desk.pack import Policy
from mailgate.desk.party import Entity, Frozen
from mailgate.desk.view import NAMES

BEGIN = "<!-- reference: `mailgate policy reference` writes what follows -->"
END = "<!-- end of the reference -->"

TABLES: Mapping[str, type[Frozen]] = {
    "[roles.NAME]": entry.Role,
    "[facts.NAME]": entry.Fact,
    "[terms.NAME]": entry.Terms,
    "[windows.NAME]": timed.Window,
    "[duplicates]": entry.Duplicates,
    "[cites]": entry.Cites,
    "[reasons.NAME]": entry.Reason,
    "[[recognise]]": entry.Recognise,
    "[[mail]]": entry.Mail,
    "[rules.NAME]": entry.Rule,
    "[[command]]": entry.Command,
    "[[change]]": entry.Change,
    "[clocks.NAME]": timed.ClockSpec,
    "[[clocks.NAME.lengths]]": timed.Alternative,
    "[[clocks.NAME.hastens]]": timed.Hastening,
    "[[clocks.NAME.steps]]": timed.Step,
    "also of a step": timed.Also,
    "[[when]]": entry.When,
    "[standing.NAME]": timed.Alarm,
    "[digest.NAME]": timed.Digest,
    "[checklist]": timed.Checklist,
    "[checklist.items.NAME]": timed.Item,
    "[hours]": timed.Hours,
    "[states]": entry.States,
}
INSIDE = frozenset({"name", "hash", "options"})  # of a Policy: not the pack's to say

TESTS: Mapping[str, str] = {
    'name = "value"': "equal; where the name is a set (`mentions`, `fits`, `tags`, `addressed`), one of the set",
    'name = ["a", "b"]': "one of these",
    'name = { not = "value" }': "not equal, or not one of a list",
    "name = { is_known = true }": "known, or with `false` unknown",
    'name = { same_as = "other" }': "equal to what another name is",
    "name = { more_than = 10 }": "a number, and above this one",
    "name = { less_than = 10 }": "a number, and below this one",
}
BUILT_IN_EVENTS: Mapping[str, str] = {
    "reachable": "an address that a suppression list held takes mail again",
    "reply_unseen": 'the second sign comes of a reply that bypassed the desk, and the desk says `ghost = "letter"`',
}
CHOICES: Mapping[str, str] = {
    '["strict", "off"]': "one of these words",
    '{ any_of = ["holidays", "weekends"] }': "a list of any of these words",
    "{ from = 0, to = 2 }": "a whole number within these bounds",
}
KEYS = (
    "Besides these, `[options]` holds each option with its default, and `[choices]` what each may hold. *Events* are a list: "
    "each is a name, or `{ event = NAME, if = … }`. [Conditions](#conditions) and [lengths](#lengths-of-time) are explained "
    "at the end."
)
UNITS: Mapping[str, str] = {
    "m": "minutes of elapsed time",
    "h": "hours of elapsed time",
    "d": "days of 24 elapsed hours",
    "ld": "local days: the same time of day, so many days later",
    "cd": "calendar days: the end of the n-th day after the one it starts on",
    "bd": "business days: the same time of day on the n-th of them",
    "bde": "business days: the end of the n-th of them",
    "wh": "hours inside the working window of business days",
}


def reference() -> str:
    """The whole reference as Markdown, from its first heading to its last line."""
    return "\n".join(_all()).rstrip() + "\n"


def _all() -> Iterator[str]:
    yield "## Reference\n"
    yield "### The keys of a pack\n"
    yield KEYS + "\n"
    yield from _table(Policy)
    for name, model in TABLES.items():
        yield f"### {_code(name)}\n"
        yield _introduction(model) + "\n"
        yield from _table(model)
    yield "### Conditions\n"
    yield from _pairs(("condition", "holds if the name is"), TESTS)
    yield "A name that is not known where it is asked equals nothing. What can be asked:\n"
    yield from _pairs(("name", "is"), NAMES)
    yield "### Built-in events\n"
    yield from _pairs(("event", "happens when"), BUILT_IN_EVENTS)
    yield "### Choices\n"
    kinds = {f'"{name}"': expected for name, (expected, _) in KINDS.items()}
    yield from _pairs(("in `[choices]`", "the option holds"), {**CHOICES, **kinds})
    yield "### Lengths of time\n"
    yield "A whole number and a unit, such as `48h`; a bare number counts local days ([G-02](rules.md#conventions)).\n"
    yield from _pairs(("unit", "counts"), UNITS)


def _introduction(model: type[Frozen]) -> str:
    """A class's docstring as one paragraph."""
    return " ".join((inspect.getdoc(model) or "").split())


def _table(model: type[Frozen]) -> Iterator[str]:
    yield "| key | holds | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in model.model_fields.items():
        if model is not Policy or name not in INSIDE:
            yield f"| `{field.alias or name}` | {kind(field.annotation)} | {_default(field)} | {field.description} |"
    yield ""


def _pairs(heads: tuple[str, str], rows: Mapping[str, str]) -> Iterator[str]:
    yield f"| {heads[0]} | {heads[1]} |"
    yield "|---|---|"
    yield from (f"| `{name}` | {said} |" for name, said in rows.items())
    yield ""


def _code(name: str) -> str:
    return f"`{name}`" if name.startswith("[") else f"`{name.partition(' ')[0]}`{name.partition(' ')[1]}{name.partition(' ')[2]}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, time):
        return f"`{value:%H:%M}`"
    if isinstance(value, tuple) and value:
        return "`[" + ", ".join(f'"{one}"' for one in value) + "]`"
    return f"`{value}`" if isinstance(value, str) and value else ""


def kind(annotation: Any) -> str:
    """What a key of this type holds, in plain words."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind(inner[0])
    if origin is Literal:
        return _either(f"`{one}`" for one in inner)
    if origin in (Union, types.UnionType):
        return _either(kind(one) for one in inner if one is not type(None))
    if origin is tuple:
        return _listed(inner[0])
    if origin is Mapping:
        return f"{_each(inner[0])}: {_one(inner[1])}"
    return _one(annotation)


def _listed(inner: Any) -> str:
    """`list of …`, or the table that the list is made of."""
    bare = get_args(inner)[0] if get_origin(inner) is Annotated else inner
    if bare is timed.Trigger:
        return "events"
    if _is_model(bare):
        return f"list of {_named(bare)}"
    if get_origin(bare) is Literal:
        return f"list of any of {kind(bare)}"
    return "list of lengths" if bare is Duration else "texts"


def _one(annotation: Any) -> str:
    bare = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return _named(bare) if _is_model(bare) else kind(bare)


def _named(model: type[Frozen]) -> str:
    name = next((name for name, one in {**TABLES, "[entities.NAME]": Entity}.items() if one is model), "")
    return _code(name) if name.startswith("[") else "`{ to = ROLE, when = […] }`"


def _each(keys: Any) -> str:
    return f"for each of {_either(f'`{one}`' for one in get_args(keys))}" if get_origin(keys) is Literal else "for each NAME"


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Frozen)


def _either(words: Iterable[str]) -> str:
    *rest, last = words
    return f"{', '.join(rest)} or {last}" if rest else last


_PLAIN: Mapping[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "whole number",
    time: "time of day",
    Duration: "length of time",
    entry.Given: "conditions",
    entry.Words: "texts",
    entry.Plain: "text, number, true or false",
    entry.Shown: "text, or a table of texts",
}
