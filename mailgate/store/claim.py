"""One daemon a SQLite store: a lock that the kernel lets go of when its holder ends, however it ends.

Two daemons on one file would lose nothing (each row is asked for again in the transaction that changes it), but both would
send what is due. The verbs take no claim: they read and write beside the daemon.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def claim(database: Path) -> int | str:
    """The descriptor that holds the claim on this database until it is closed, or who has it ("process 42")."""
    descriptor = os.open(_lock(database), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        return f"process {holder or 'unknown'}"
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def holds(database: Path, descriptor: int) -> bool:
    """False if the file of this claim was removed or replaced: somebody else may claim the database then."""
    try:
        return os.path.samestat(os.stat(_lock(database)), os.fstat(descriptor))
    except OSError:
        return False


def _lock(database: Path) -> Path:
    return database.with_name(database.name + ".lock")
