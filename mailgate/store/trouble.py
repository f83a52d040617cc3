"""What can go wrong with a store, told apart from what is wrong with the work."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError


class StoreError(Exception):
    """The database can't be used; the text says why and what to do."""


class FencedError(StoreError):
    """This node's turn has passed to another one; nothing was written."""


DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def damaged(database: str, found: str) -> str:
    """What people are told of a database that is damaged."""
    said = " ".join(found.split())[:200]
    return f"{database} is damaged or no store ({said}). Keep a copy; `mailgate restore` puts a backup in its place"


def unusable(database: str, error: BaseException | None) -> str:
    """What people are told of a database that can't be opened."""
    if isinstance(error, sqlite3.Error) and _number(error) in DAMAGED:
        return damaged(database, str(error))
    return f"store.url {database}: {error}"


def named(error: BaseException) -> BaseException:
    """A StoreError for trouble of the database itself (full, locked, gone, damaged); any other error as it is."""
    if not isinstance(error, DBAPIError):
        return error
    if isinstance(error.orig, sqlite3.Error):
        if _number(error.orig) in DAMAGED:
            return StoreError(f"the database is damaged: {_first_line(error.orig)}; stop mailgate and put a backup back")
        if not _passes(error.orig):
            return error
    if not isinstance(error, OperationalError | InterfaceError | InternalError) and not error.connection_invalidated:
        return error
    return StoreError(f"the database can't be used now: {_first_line(error.orig)}")


def _passes(error: sqlite3.Error) -> bool:
    """SQLITE_ERROR is a mistake in a statement; everything else that is operational is the database's state."""
    return isinstance(error, sqlite3.OperationalError) and _number(error) != sqlite3.SQLITE_ERROR


def _number(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0]
