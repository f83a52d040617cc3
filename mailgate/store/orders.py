"""The marketplace's orders, by desk and number, and how far each file of them was read.

An order that comes again is laid over the one that is known: what the new row leaves open stays. A file is known by a digest of
its desk and its content, so that one that was broken off goes on where it stopped, and one that was taken in is not taken twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, tuple_

from mailgate.desk.order import COLUMNS, Order, laid_over
from mailgate.mail import address as addresses
from mailgate.store.schema import order_imports, orders, upsert

KEPT = 1000  # rows that could not be taken, of each file
AT_ONCE = 500
_INSERT = upsert(orders)
_PUT = _INSERT.on_conflict_do_update(
    index_elements=[orders.c.desk, orders.c.number],
    set_={column.name: column for column in _INSERT.excluded if not column.primary_key},
)


@dataclass(frozen=True)
class Bad:
    """A value that could not be taken: its line, its column (empty: the row as a whole), what it should be and what it is."""

    line: int
    column: str
    expected: str
    got: str


@dataclass(frozen=True)
class Import:
    """How far a file was read: lines behind us, orders taken, rows that were bad, and what was wrong with the first of them."""

    digest: str
    name: str
    lines: int = 0
    taken: int = 0
    bad_rows: int = 0
    bad: tuple[Bad, ...] = ()
    started_at: datetime | None = None
    finished_at: datetime | None = None


def put(connection: Connection, desk: str, new: Iterable[Order], now: datetime) -> None:
    """Keep these orders, each laid over the one of its number that is known."""
    listed = list(new)
    kept = find(connection, desk, [one.number for one in listed])
    for one in listed:
        kept[one.number] = laid_over(kept[one.number], one) if one.number in kept else one
    touched = dict.fromkeys(one.number for one in listed)
    if touched:
        connection.execute(_PUT, [_row(desk, kept[number], now) for number in touched])


def _row(desk: str, order: Order, now: datetime) -> dict[str, Any]:
    return {name: getattr(order, name) for name in COLUMNS} | {"desk": desk, "extra": dict(order.extra), "updated_at": now}


def get(connection: Connection, desk: str, number: str) -> Order | None:
    """The order of this number at this desk, or None."""
    return find(connection, desk, [number]).get(number)


def find(connection: Connection, desk: str, numbers: Collection[str]) -> dict[str, Order]:
    """The orders of these numbers at this desk that are known, by number."""
    found: dict[str, Order] = {}
    wanted = list(dict.fromkeys(numbers))
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        query = select(orders).where((orders.c.desk == desk) & orders.c.number.in_(some))
        found |= {row.number: _order(row) for row in connection.execute(query)}
    return found


def of_customer(connection: Connection, desk: str, address: str, limit: int = 10) -> tuple[Order, ...]:
    """This customer's orders at this desk, the last sold first; those of an unknown time come last."""
    mine = (orders.c.desk == desk) & (orders.c.customer == addresses.key(address))
    query = select(orders).where(mine).order_by(orders.c.sold_at.desc().nulls_last(), orders.c.number).limit(limit)
    return tuple(_order(row) for row in connection.execute(query))


def listed(
    connection: Connection, seller: str | None = None, after: tuple[str, str] = ("", ""), limit: int = AT_ONCE
) -> tuple[tuple[str, Order], ...]:
    """(desk, order) by desk and number, those behind `after` (desk, number), LIMIT at the most."""
    query = select(orders).where(tuple_(orders.c.desk, orders.c.number) > after)
    if seller is not None:
        query = query.where(orders.c.seller == seller)
    query = query.order_by(orders.c.desk, orders.c.number).limit(limit)
    return tuple((row.desk, _order(row)) for row in connection.execute(query))


def _order(row: Row[Any]) -> Order:
    return Order(**{name: getattr(row, name) for name in COLUMNS}, extra=row.extra)


def imported(connection: Connection, digest: str) -> Import | None:
    """How far the file of this digest was read; None for one that nobody began."""
    row = connection.execute(select(order_imports).where(order_imports.c.sha256 == digest)).first()
    if row is None:
        return None
    said: Mapping[str, Any] = row.bad
    bad = tuple(Bad(*one) for one in said["first"])
    return Import(digest, row.name, row.lines, row.taken, said["rows"], bad, row.started_at, row.finished_at)


def take(connection: Connection, desk: str, so_far: Import, batch: Sequence[Order], now: datetime) -> Import:
    """Keep a batch and how far its file is read with it, in one transaction: what is known of the import now.

    `so_far` is how far the file will be read. A batch that another reader of the same file was faster with changes nothing.
    """
    known = imported(connection, so_far.digest)
    if known is not None and (known.finished_at is not None or known.lines > so_far.lines):
        return known
    put(connection, desk, batch, now)
    noted = replace(so_far, started_at=known.started_at if known else now)
    bad = {"rows": noted.bad_rows, "first": [[one.line, one.column, one.expected, one.got] for one in noted.bad[:KEPT]]}
    row = {
        "sha256": noted.digest, "name": noted.name, "lines": noted.lines, "taken": noted.taken, "bad": bad,
        "started_at": noted.started_at, "finished_at": noted.finished_at,
    }  # fmt: skip
    connection.execute(upsert(order_imports).values(row).on_conflict_do_update(index_elements=[order_imports.c.sha256], set_=row))
    return noted


def forget(connection: Connection, digest: str) -> None:
    """Let the file of this digest be read from its start again."""
    connection.execute(delete(order_imports).where(order_imports.c.sha256 == digest))
