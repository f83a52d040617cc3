"""Sending paths: which address was asked about which path, which it has proven, and when that was last used (desk/path.py)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from mailgate.desk.path import AGAIN, BETWEEN, UNUSED
from mailgate.store.schema import paths


def proven(connection: Connection, address: str, among: Sequence[str], now: datetime) -> str:
    """The first of these paths that counts at `now` for the compared address; empty if none does."""
    rows = {row.path: row for row in _of(connection, address)} if among else {}
    return next((one for one in among if one in rows and state(rows[one], now) == "proven"), "")


def askable(connection: Connection, address: str, among: Sequence[str], now: datetime) -> str:
    """The narrowest of these paths, if the address may be asked about it now; else an empty text.

    Once a week a path, and once a day an address; never about one that was revoked.
    """
    rows = {row.path: row for row in _of(connection, address)} if among else {}
    if any(row.asked_at is not None and row.asked_at + BETWEEN > now for row in rows.values()):
        return ""
    wanted = next(iter(among), "")
    row = rows.get(wanted)
    if row is not None and (row.revoked_at is not None or (row.asked_at is not None and row.asked_at + AGAIN > now)):
        return ""
    return wanted


def provable(connection: Connection, address: str, among: Sequence[str]) -> str:
    """The first of these paths that the address may prove: one that was not revoked; empty for none."""
    revoked = {row.path for row in _of(connection, address) if row.revoked_at is not None} if among else set()
    return next((one for one in among if one not in revoked), "")


def state(row: Any, now: datetime) -> str:
    """`asked`, `proven`, `expired` or `revoked`, as the row stands at `now`."""
    if row.revoked_at is not None and row.revoked_at <= now:
        return "revoked"
    if row.proven_at is None or row.proven_at > now:
        return "asked"
    return "proven" if row.used_at + UNUSED > now else "expired"


def ask(connection: Connection, address: str, path: str, about: tuple[str, int | None], now: datetime) -> None:
    """Note that the address is asked now about this path; `about` is the seller, and the ticket. Old questions are dropped."""
    old = (paths.c.proven_at.is_(None)) & (paths.c.revoked_at.is_(None)) & (paths.c.asked_at <= now - AGAIN)
    connection.execute(delete(paths).where(old))
    _write(connection, address, path, {"asked_at": now, "seller": about[0], "ticket": about[1]})


def prove(connection: Connection, address: str, path: str, about: tuple[str, int | None], now: datetime) -> None:
    """Note that the address has proven this path at `now`."""
    _write(connection, address, path, {"proven_at": now, "used_at": now, "seller": about[0], "ticket": about[1]})


def use(connection: Connection, address: str, path: str, now: datetime) -> None:
    """A mail by this path counted: it is not forgotten for a while."""
    mine = (paths.c.address == address) & (paths.c.path == path) & (paths.c.used_at < now)
    connection.execute(update(paths).where(mine).values(used_at=now))


def revoke(connection: Connection, address: str, path: str, now: datetime) -> bool:
    """The path counts no more for this address, and is not asked about again; False if it does not count now either."""
    mine = (paths.c.address == address) & (paths.c.path == path) & paths.c.revoked_at.is_(None)
    return connection.execute(update(paths).where(mine).values(revoked_at=now)).rowcount > 0


def forget(connection: Connection, address: str, path: str) -> bool:
    """Nothing is known of this pair any more: it may be asked about, and proven anew. False if nothing was."""
    return connection.execute(delete(paths).where((paths.c.address == address) & (paths.c.path == path))).rowcount > 0


def listed(connection: Connection, now: datetime) -> tuple[dict[str, Any], ...]:
    """Every pair that is known, by address and path, with how it stands at `now`."""
    rows = connection.execute(select(paths).order_by(paths.c.address, paths.c.path))
    return tuple({**row._mapping, "state": state(row, now)} for row in rows)


def _of(connection: Connection, address: str) -> Sequence[Any]:
    return connection.execute(select(paths).where(paths.c.address == address)).all()


def _write(connection: Connection, address: str, path: str, values: dict[str, Any]) -> None:
    mine = (paths.c.address == address) & (paths.c.path == path)
    if connection.execute(update(paths).where(mine).values(values)).rowcount == 0:
        connection.execute(insert(paths).values({"address": address, "path": path, **values}))
