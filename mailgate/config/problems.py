"""What is wrong with a configuration, said so that it can be put right: file, key, expected, got, hint.

Every problem is a value; they are collected and raised together as one `ConfigError`. A value that may be
a secret is never shown.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

BARE_KEY = re.compile(r"^[A-Za-z0-9_-]+$")
SECRET_WORD = re.compile(r"passw|passphrase|secret|token|api_?key|private_key|credential", re.IGNORECASE)
SHOWN = 80
_IN_URL = re.compile(r"(//[^\s/@:]*:)[^\s/@]*@")
_PARAMETER = re.compile(r"([?&]password=)[^&\"]+")
Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing to put right. `file` is the path as its reader named it, `key` a dotted TOML key or empty."""

    file: str
    key: str
    expected: str
    got: str
    hint: str = ""

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.file, self.key) if part)
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}: expected {self.expected}; got {self.got}{hint}"


class ConfigError(Exception):
    """The configuration can't be used; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def shown(value: object) -> str:
    """`value` as its writer would recognise it, on one line, at most 80 characters."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a table"
    text = _IN_URL.sub(r"\1…@", json.dumps(value, ensure_ascii=False, default=str))
    text = _PARAMETER.sub(r"\1…", text)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def near(word: object, known: Iterable[str]) -> str:
    """A hint that names the known word nearest to `word`, or an empty text."""
    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(str(word).lower(), by_lower, 1)
    return f'did you mean "{by_lower[found[0]]}"?' if found else ""


def one_of(known: Iterable[str]) -> str:
    """The words `expected` uses for a choice; a long list is cut."""
    names = sorted(known)
    return f"one of {', '.join(names[:12])}{', …' if len(names) > 12 else ''}" if names else "nothing: there are none"


def dotted(parts: Sequence[str | int]) -> str:
    """A TOML key: `desk.support.pack`; a part that is no bare key is quoted, a place in a list is `[2]`, from 1."""
    key = ""
    for part in parts:
        if isinstance(part, int):
            key += f"[{part + 1}]"
            continue
        key += ("." if key else "") + (part if BARE_KEY.match(part) else json.dumps(part, ensure_ascii=False))
    return key


def looks_secret(name: object) -> bool:
    """True for a key whose value would be a secret; one that names a file is not."""
    return isinstance(name, str) and not name.endswith("_file") and SECRET_WORD.search(name) is not None


def of_model(error: ValidationError, model: type[BaseModel], file: str, prefix: Loc = ()) -> list[Problem]:
    """What pydantic found in the table `prefix` of `file`, as problems."""
    return [_of_item(item, model, file, prefix) for item in error.errors(include_url=False)]


def _of_item(item: Any, model: type[BaseModel], file: str, prefix: Loc) -> Problem:
    loc = tuple(part for part in item["loc"] if part != "[key]")
    key = dotted((*prefix, *loc))
    if item["type"] == "extra_forbidden":
        return unknown_key(file, (*prefix, *loc), _keys_at(model, loc[:-1]))
    got = "a secret" if any(map(looks_secret, loc)) else shown(item.get("input"))
    if item["type"] == "missing":
        got = "nothing"
    return Problem(file, key, *_said(item, got))


def unknown_key(file: str, loc: Loc, known: Iterable[str]) -> Problem:
    """A key that nobody reads, with the nearest that is read; secrets are turned away with a reason."""
    name, table = str(loc[-1]), dotted(loc[:-1])
    known = list(known)
    if looks_secret(name):
        named = f"{name}_file"
        hint = f"put it alone into a file of mode 0600 and name that file: {named if named in known else '…_file'} = …"
        return Problem(file, dotted(loc), "no secret in a configuration file", "one", hint)
    hint = near(name, known) or (f"it has {', '.join(sorted(known)[:12])}" if known else "")
    return Problem(file, dotted(loc), f"a key of [{table}]" if table else "a known table", "an unknown one", hint)


def _said(item: Any, got: str) -> tuple[str, str, str]:
    """(expected, got, hint) of one pydantic finding."""
    kind, context = item["type"], item.get("ctx", {})
    if kind == "value_error":
        text, _, hint = str(context.get("error", "")).partition(" | ")
        return text, got, hint
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return one_of(choices), got, near(item.get("input"), choices)
    return _EXPECTED.get(kind) or _plain(str(item["msg"])), got, ""


def _plain(text: str) -> str:
    text = re.sub(r"^(Input should be|Value should be) ", "", text)
    return text[:1].lower() + text[1:]


_EXPECTED = {
    "greater_than_equal": "a whole number from 1 up",
    "missing": "a value: this key must be set",
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "tuple_type": "a list in [ ]",
    "list_type": "a list in [ ]",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "date_type": "a date such as 2026-12-24",
    "date_parsing": "a date such as 2026-12-24",
    "date_from_datetime_parsing": "a date such as 2026-12-24",
}


def _keys_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys that the table at `loc` of `model` may hold; empty where any key may stand."""
    at: Any = model
    for part in loc:
        at = _step(at, part)
    if not (isinstance(at, type) and issubclass(at, BaseModel)):
        return []
    return [field.alias or name for name, field in at.model_fields.items()]


def _step(annotation: Any, part: str | int) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if part in (name, field.alias):
                return _bare(field.annotation)
        return None
    arguments = get_args(annotation)
    return _bare(arguments[0] if isinstance(part, int) else arguments[-1]) if arguments else None


def _bare(annotation: Any) -> Any:
    """`annotation` without `| None`."""
    if get_origin(annotation) in (Union, UnionType):
        return next((each for each in get_args(annotation) if each is not NoneType), None)
    return annotation
