"""A seller as a row of text: what each column holds, and which rows may join sellers.csv.

Columns are the keys of a seller's file. A list is separated by `;`; products are `Name=entity;…`, the checklist
`item=2026-01-15;…`, absences `2026-08-01..2026-08-14;…`. An empty cell is a key that is left out.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_origin

from mailgate.config.sheet import Fault
from mailgate.desk.party import Seller

COLUMNS = tuple(Seller.model_fields)
ID = 'a seller\'s id: letters, digits, ".", "_" and "-"'
_ID = re.compile(r"\w[\w.-]{0,99}")
_LISTS = frozenset(name for name, each in Seller.model_fields.items() if get_origin(each.annotation) is tuple) - {"absences"}
_PAIRS = frozenset(name for name, each in Seller.model_fields.items() if get_origin(each.annotation) is Mapping)
_YES_NO = frozenset(name for name, each in Seller.model_fields.items() if each.annotation is bool)
_PAIR = {"products": "Name=entity", "checklist": "item=2026-01-15"}
_TRUE, _FALSE = frozenset(("true", "yes", "1")), frozenset(("false", "no", "0"))


def is_id(text: str) -> bool:
    """True for what a row may be called: it stands in file names, log lines and clocks."""
    return _ID.fullmatch(text) is not None


def table_of(values: Mapping[str, str]) -> tuple[dict[str, Any], list[Fault]]:
    """(what the row says as a seller's TOML table would, what is wrong with its cells); a wrong cell is left out."""
    table: dict[str, Any] = {}
    wrong: list[Fault] = []
    for name, cell in values.items():
        if not cell:
            continue
        try:
            table[name] = _value(name, cell)
        except ValueError as error:
            expected, _, got = str(error).partition(" | ")
            wrong.append(Fault(name, expected, got or cell))
    return table, wrong


def _value(name: str, cell: str) -> Any:
    if name in _YES_NO:
        return _truth(cell)
    if name == "absences":
        return [_span(part) for part in _parts(cell)]
    if name in _PAIRS:
        return _table(name, cell)
    return _parts(cell) if name in _LISTS else cell


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def _truth(cell: str) -> bool:
    word = cell.casefold()
    if word not in _TRUE | _FALSE:
        raise ValueError("true or false")
    return word in _TRUE


def _span(part: str) -> dict[str, str]:
    first, dots, last = part.partition("..")
    if not (dots and first.strip() and last.strip()):
        raise ValueError(f"spans such as 2026-08-01..2026-08-14 | {part}")
    return {"from": first.strip(), "until": last.strip()}


def _table(name: str, cell: str) -> dict[str, str]:
    """The pairs of a cell; a name may hold `=`, what follows the last one is the value."""
    found: dict[str, str] = {}
    for part in _parts(cell):
        key, equals, value = part.rpartition("=")
        if not (equals and key.strip() and value.strip()):
            raise ValueError(f"{_PAIR.get(name, 'name=value')}, separated by ; | {part}")
        found[key.strip()] = value.strip()
    return found


def cells_of(seller: Seller) -> dict[str, str]:
    """The row that says this seller: the columns that differ from the defaults."""
    said = seller.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    return {"id": seller.id} | {name: _cell(name, value) for name, value in said.items()}


def _cell(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if name == "absences":
        return ";".join(f"{each['from']}..{each['until']}" for each in value)
    if isinstance(value, Mapping):
        return ";".join(f"{key}={each}" for key, each in value.items())
    return ";".join(value) if isinstance(value, list) else str(value)


def write(path: Path, rows: Iterable[Mapping[str, str]], delimiter: str = ",") -> Path:
    """A file beside `path` with these rows. To `replace` the old one by it is one step: whoever reads sees the old or the new."""
    listed = list(rows)
    used = [name for name in COLUMNS if any(row.get(name) for row in listed)]
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, used or ["id"], delimiter=delimiter, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(listed)
        file.flush()
        os.fsync(file.fileno())
    return fresh
