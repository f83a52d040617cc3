"""A private PostgreSQL: the system's programs on a directory of its own, by a unix socket, with fsync as it is shipped."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, text

from mailgate.store import migrate
from mailgate.store.engine import connect, wipe
from mailgate.store.schema import metadata

ROOM = 1024**3
LAST_WILL = 'read _; "$0" stop --pgdata "$1/data" --mode immediate; rm -rf "$1"'  # whoever started it has gone, however he went
SETTINGS = ("listen_addresses=''", "max_connections=60", "shared_buffers=32MB", "log_min_messages=fatal")


def programs() -> Path | None:
    """Where initdb and pg_ctl are, the newest first; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: -int(one.parent.name))
    return next((one for one in places if (one / "initdb").exists() and (one / "pg_ctl").exists()), None)


class Server:
    """One server, running from the start. Its superuser is `mailgate`; nobody needs a password."""

    def __init__(self, place: Path) -> None:
        self.place, self._bin = place, programs() or Path()
        self._count = 0
        as_whom = None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = next(one for one in pwd.getpwall() if one.pw_name in ("postgres", "nobody"))
            os.chown(place, user.pw_uid, user.pw_gid)
            as_whom = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}
        self._heir = subprocess.Popen(
            ["/bin/sh", "-c", LAST_WILL, self._bin / "pg_ctl", place], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd="/", start_new_session=True, **(as_whom or {}),
        )  # fmt: skip
        self._run = partial(subprocess.run, check=True, stdout=subprocess.DEVNULL, cwd=place, timeout=60, **(as_whom or {}))
        self._do("initdb", "--username=mailgate", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        with (place / "data" / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("".join(f"{one}\n" for one in (*SETTINGS, f"unix_socket_directories='{place}'")))
        self.start()

    def _do(self, program: str, *words: str) -> None:
        self._run([self._bin / program, "--pgdata", self.place / "data", *words])

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self._do("pg_ctl", "start", "--wait", "--silent", "--log", str(self.place / "log"))

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; `immediate` is a crash: what was not committed is gone."""
        self._do("pg_ctl", "stop", "--wait", "--silent", "--mode", mode)

    def fails_over(self, mode: str = "fast") -> None:
        """It is stopped, and comes back as a standby that was made the first: with all that was written, on a new timeline."""
        self.stop(mode)
        (self.place / "data" / "standby.signal").touch()
        self.start()
        self._do("pg_ctl", "promote", "--wait", "--silent")

    def close(self) -> None:
        """It is stopped, and leaves nothing behind."""
        assert self._heir.stdin is not None
        self._heir.stdin.close()
        self._heir.wait(60)

    def url(self, database: str) -> str:
        """What `[store] url` says of one of its databases."""
        return f"postgresql+psycopg://mailgate@/{database}?host={self.place}"

    def session(self, url: str) -> psycopg.Connection[Any]:
        """A session of somebody else at the database of `url`; each statement stands by itself."""
        return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)

    def database(self, *, empty: bool = False) -> str:
        """The URL of a new database; `empty`: without our tables."""
        self._count += 1
        name = f"m{os.getpid()}_{self._count}"
        maintenance = connect(self.url("postgres"), Path())
        with maintenance.connect().execution_options(isolation_level="AUTOCOMMIT", turn="beside") as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        maintenance.dispose()
        if not empty:
            made = connect(self.url(name), Path())
            migrate.upgrade(made)
            made.dispose()
        return self.url(name)


@contextmanager
def server() -> Iterator[Server]:
    """A server that ends with its directory."""
    memory = Path("/dev/shm")  # noqa: S108  (an fsync costs nothing there)
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    place = Path(tempfile.mkdtemp(prefix="mailgate-pg-", dir=memory if roomy else None))
    try:
        made = Server(place)
        try:
            yield made
        finally:
            made.close()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def emptied(connection: Connection) -> None:
    """Empty every table that holds something, and count from one again: on either database."""
    if connection.dialect.name == "sqlite":
        wipe(connection)
        return
    names = [name for name in metadata.tables if name != "turns"]
    holds = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in names)
    for name in connection.execute(text(holds)).scalars().all():
        connection.execute(text(f"DELETE FROM {name}"))
    connection.execute(text("UPDATE turns SET holder = '', fence = 0 WHERE fence > 0"))
    counted = [column for table in metadata.sorted_tables for column in table.c if column.autoincrement is True]
    anew = ", ".join(f"setval('{column.table.name}_{column.name}_seq', 1, false)" for column in counted)
    connection.execute(text(f"SELECT {anew}"))


def empty(url: str) -> None:
    """Empty the database at `url`."""
    engine = connect(url, Path())
    with engine.begin() as connection:
        emptied(connection)
    engine.dispose()
