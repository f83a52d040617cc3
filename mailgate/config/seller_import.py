"""Take the rows of a file into sellers.csv: `mailgate seller import FILE`.

Each row is checked as it will stand, by itself and against desks, entities, zones and languages. A row that does not fit is told
and changes nothing; the others are written, all at once. Of a seller who stands in sellers.csv the file's columns change (an
empty cell empties), the others stay. A seller with a file of his own, or in another table, is not taken: he would stand twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from mailgate.config import cross, seller_rows, sellers
from mailgate.config.problems import Problem, of_model, shown
from mailgate.config.settings import Settings
from mailgate.config.sheet import Sheet, survey
from mailgate.desk.party import Seller


@dataclass
class Imported:
    """What an import did: ids that are new, changed, and as they were; and every problem of the rows that it left out."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def take_in(settings: Settings, said: Path, source: Path) -> Imported:
    """Take the rows of `source` into the sellers.csv of `settings`; `said` is the directory as the user named it."""
    done = Imported()
    path = settings.directory / sellers.TABLE
    standing = _standing(path)
    seen: dict[str, str] = {}
    for place, values in sellers.rows(source, str(source), done.problems):
        merged = {**standing.get(values.get("id", ""), {}), **values}
        refused = list(_refusals(settings, said, place, merged, seen))
        done.problems += refused
        if refused:
            continue
        id_ = merged["id"]
        seen[id_] = place
        kept = {name: cell for name, cell in merged.items() if cell}
        (done.same if kept == standing.get(id_) else done.changed if id_ in standing else done.added).append(id_)
        standing[id_] = kept
    if done.added or done.changed:
        _write(path, source, standing)
    return done


def _standing(path: Path) -> dict[str, dict[str, str]]:
    """The rows of sellers.csv as they stand, by id; it was checked when the settings were read."""
    if not path.is_file():
        return {}
    rows = sellers.rows(path, sellers.TABLE, [])
    return {values["id"]: {name: cell for name, cell in values.items() if cell} for _, values in rows if values.get("id")}


def _refusals(
    settings: Settings, said: Path, place: str, values: Mapping[str, str], seen: Mapping[str, str]
) -> Iterator[Problem]:
    """Why this row can't be taken; nothing if it can."""
    id_ = values.get("id", "")
    if not seller_rows.is_id(id_):
        yield Problem(place, "id", seller_rows.ID, shown(id_) if id_ else "nothing")
        return
    first = seen.get(id_) or settings.places.get(id_, "")
    if id_ in seen or (first and not first.startswith(f"{said / sellers.TABLE}:")):
        yield sellers.twice(place, id_, first)
        return
    table, wrong = seller_rows.table_of(values)
    yield from (Problem(place, one.column, one.expected, shown(one.got)) for one in wrong)
    try:
        seller = Seller.model_validate(table)
    except ValidationError as error:
        yield from of_model(error, Seller, place)
        return
    placed = settings.model_copy(update={"places": {id_: place}})
    yield from cross.seller_errors(placed, [seller], str(said))


def _write(path: Path, source: Path, standing: Mapping[str, Mapping[str, str]]) -> None:
    """Write the table as it was written before, else as the file is."""
    like = path if path.is_file() else source
    with like.open("rb") as file, Sheet(file, survey(file)) as sheet:
        delimiter = sheet.delimiter
    fresh = seller_rows.write(path, standing.values(), delimiter)
    if like == path:
        shutil.copymode(path, fresh)
    fresh.replace(path)
