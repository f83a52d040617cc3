"""PostgreSQL, the store of many nodes (psycopg 3, extra `mailgate[postgres]`).

A transaction begins in one of three ways, by its execution option `turn`. `alone`, the usual one, first locks the row of the
turn: such transactions follow one another over all nodes, as BEGIN IMMEDIATE makes them do in SQLite, and each sees the fence.
`beside` takes no lock; it may touch only rows that are nobody else's. `read` sees one state of everything and may not write.

A process that is stopped in the middle of a transaction must not stop the others: the server ends it (IDLE).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from mailgate.store.trouble import StoreError

IDLE = "10s"
LOCK = "30s"  # longer than IDLE: whoever waits for a stopped process gets its place
SETTINGS = {
    "timezone": "UTC",
    "application_name": "mailgate",
    "idle_in_transaction_session_timeout": IDLE,
    "lock_timeout": LOCK,
}
LINE = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15000}
CREATE = "createdb --template=template0 --encoding=UTF8 --locale=C mailgate"

_LOCKED = "SELECT fence FROM turns WHERE name = 'settling' FOR UPDATE"
_READS = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_FACTS = (
    "SELECT pg_encoding_to_char(encoding), datcollate, 'a' > 'B', current_setting('fsync') "
    "FROM pg_database WHERE datname = current_database()"
)


def connect(url: URL, password: str) -> Engine:
    """An engine for `url`. Raises StoreError where psycopg is not installed."""
    if password:
        url = url.set(password=password)
    words = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    try:
        engine = create_engine(url, hide_parameters=True, connect_args={**LINE, "options": words})
    except ImportError as error:
        raise StoreError(f"store.url: PostgreSQL needs the extra mailgate[postgres] ({error})") from error
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begin)
    return engine


def check(connection: Connection) -> None:
    """Raise StoreError unless the database keeps what it confirms, and holds and orders text as SQLite does."""
    encoding, locale, by_code, fsync = connection.exec_driver_sql(_FACTS).one()
    if encoding != "UTF8" or not by_code:
        found = f"encoding {encoding}, collation {locale}"
        raise StoreError(f"store.url: expected a database with encoding UTF8 and collation C, got {found}; make one: {CREATE}")
    if fsync != "on":
        raise StoreError("store.url: the server runs with fsync=off: what it confirms would not outlive a power cut")


def _connected(connection: Any, _: Any) -> None:
    from psycopg.types.string import StrDumper

    class Plain(StrDumper):
        """Text without NUL, which PostgreSQL has no place for; hostile mail decodes to it."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd"))

    connection.adapters.register_dumper(str, Plain)
    connection.execute("SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
    connection.commit()


def _begin(connection: Connection) -> None:
    turn = connection.get_execution_options().get("turn", "alone")
    if turn == "read":
        connection.exec_driver_sql(_READS)
    elif turn == "alone":
        connection.info["fence"] = connection.exec_driver_sql(_LOCKED).scalar_one()
