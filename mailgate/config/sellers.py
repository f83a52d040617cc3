"""The seller directory: sellers/*.toml, one seller a file, and rows of sellers.csv and sellers/*.csv.

A file's stem is its seller's id; a row has an `id` column. What can't be read is a problem that names its file, and its line in
a table; an id that is given twice is a problem that names both places, and the first one counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from mailgate.config import seller_rows, shipped
from mailgate.config.problems import Loc, Problem, near, shown, unknown_key
from mailgate.config.sheet import Sheet, SheetError, survey
from mailgate.desk.party import Seller

FOLDER = "sellers"
TABLE = "sellers.csv"
Model = TypeVar("Model", bound=BaseModel)
Tables = dict[str, Any]


class Reading(Protocol):
    """One pass over a configuration directory (load.py)."""

    directory: Path
    said: Path
    problems: list[Problem]

    def file(self, name: str) -> str:
        """A file of the directory as the user would name it."""

    def model(self, kind: type[Model], table: Tables, file: str, prefix: Loc) -> Model | None:
        """`table` as a value of `kind`, or what is left of it, or None; what is wrong goes to `problems`."""


@dataclass
class Found:
    """The sellers by id, and where each stands: `sellers/acme.toml`, or `sellers.csv:12`."""

    sellers: dict[str, Seller] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


def read(reading: Reading) -> Found:
    """Every seller of the directory."""
    found = Found()
    for path in sorted((reading.directory / FOLDER).glob("*.toml")):
        name = f"{FOLDER}/{path.name}"
        text = shipped.text_of(path, reading.problems, reading.said / name)
        tables = shipped.toml_of(text, reading.file(name), reading.problems) if text is not None else None
        seller = _of_toml(reading, tables, reading.file(name), path.stem) if tables is not None else None
        if seller:
            found.sellers[path.stem], found.places[path.stem] = seller, reading.file(name)
    for name in _tables(reading.directory):
        _of_csv(reading, name, found)
    return found


def _tables(directory: Path) -> list[str]:
    """The names of the directory's CSV files."""
    own = [TABLE] if (directory / TABLE).is_file() else []
    return own + [f"{FOLDER}/{path.name}" for path in sorted((directory / FOLDER).glob("*.csv"))]


def _of_toml(reading: Reading, tables: Tables, file: str, stem: str) -> Seller | None:
    reading.problems += [unknown_key(file, (name,), ["seller"]) for name in tables if name != "seller"]
    table = tables.get("seller")
    if not isinstance(table, dict):
        reading.problems.append(Problem(file, "seller", "a table [seller]", shown(table)))
        return None
    if table.get("id", stem) != stem:
        hint = "the file's name is the seller's id; leave the key out"
        reading.problems.append(Problem(file, "seller.id", f'"{stem}"', shown(table["id"]), hint))
    return reading.model(Seller, table | {"id": stem}, file, ("seller",))


def _of_csv(reading: Reading, name: str, found: Found) -> None:
    for place, values in rows(reading.directory / name, reading.file(name), reading.problems):
        id_ = values.get("id", "")
        if not seller_rows.is_id(id_):
            reading.problems.append(Problem(place, "id", seller_rows.ID, shown(id_) if id_ else "nothing"))
        elif first := found.places.get(id_):
            reading.problems.append(twice(place, id_, first))
        else:
            found.places[id_] = place
            table, wrong = seller_rows.table_of(values)
            reading.problems += [Problem(place, one.column, one.expected, shown(one.got)) for one in wrong]
            if seller := reading.model(Seller, table, place, ()):
                found.sellers[id_] = seller


def twice(place: str, id_: str, first: str) -> Problem:
    """An id that stands in two places."""
    return Problem(place, "id", "an id of its own", shown(id_), f"{first} has it too")


def rows(path: Path, said: str, problems: list[Problem]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """(`FILE:LINE`, values by column) of every row that can be read; an unknown column is a problem once, and is left out."""
    try:
        with path.open("rb") as file, Sheet(file, survey(file), ("id",)) as sheet:
            yield from _known(sheet, said, problems)
    except SheetError as error:
        problems.append(Problem(f"{said}:{error.line}", error.fault.column, error.fault.expected, shown(error.fault.got)))
    except OSError as error:
        problems.append(Problem(said, "", "a file to read", str(error.strerror).lower()))


def _known(sheet: Sheet, said: str, problems: list[Problem]) -> Iterator[tuple[str, Mapping[str, str]]]:
    unknown = [name for name in sheet.columns if name and name not in seller_rows.COLUMNS]
    problems += [_unknown(said, name) for name in unknown]
    for row in sheet:
        place = f"{said}:{row.line}"
        if row.fault:
            problems.append(Problem(place, row.fault.column, row.fault.expected, shown(row.fault.got)))
        else:
            yield place, {name: value for name, value in row.values.items() if name not in unknown}


def _unknown(said: str, name: str) -> Problem:
    hint = near(name, seller_rows.COLUMNS)
    return Problem(f"{said}:1", name, "a column that a seller has", "an unknown one", hint)
