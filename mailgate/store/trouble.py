"""What can go wrong with a store, told apart from what is wrong with the work."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError


class StoreError(Exception):
    """The database can't be used; the text says why and what to do."""


class FencedError(StoreError):
    """This node's turn has passed to another one; nothing was written."""


def named(error: BaseException) -> BaseException:
    """A StoreError for trouble of the database itself, which may pass (full, locked, gone); any other error as it is."""
    if not isinstance(error, DBAPIError) or isinstance(error.orig, sqlite3.Error) and not _passes(error.orig):
        return error
    if not isinstance(error, OperationalError | InterfaceError | InternalError) and not error.connection_invalidated:
        return error
    return StoreError(f"the database can't be used now: {_first_line(error.orig)}")


def _passes(error: sqlite3.Error) -> bool:
    """SQLITE_ERROR is a mistake in a statement; everything else that is operational is the database's state."""
    number = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return isinstance(error, sqlite3.OperationalError) and number != sqlite3.SQLITE_ERROR


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0]
