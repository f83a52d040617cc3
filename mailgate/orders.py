"""Files of orders: read row by row and kept in batches, by `mailgate order import` or from a folder.

A batch and how far the file was read with it are one transaction, so that a file that was broken off goes on where it stopped.
The folder holds one of each desk's name. A file there is taken once nobody has written to it for EVERY seconds, is read, and is
moved to `done/`; what could not be taken is listed beside it. Names that begin with a dot, or end in anything but KINDS (.part,
.tmp), are left alone: they are still being written.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import stat
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from mailgate import events
from mailgate.config.problems import shown
from mailgate.config.sheet import Row, Sheet, SheetError, survey
from mailgate.desk.house import House
from mailgate.desk.order import Order
from mailgate.desk.order_row import read
from mailgate.desk.party import Desk
from mailgate.store import orders as stored
from mailgate.store.engine import Connection, Store
from mailgate.store.orders import Bad, Import
from mailgate.wire import clock

BATCH = 500
EVERY = 30.0
KINDS = (".csv", ".jsonl")
DONE = "done"


@dataclass(frozen=True)
class Batch:
    """Some orders of a file, and how far it is read with them."""

    so_far: Import
    orders: tuple[Order, ...]


class Source:
    """One file of orders for one desk. `start` is its import before the first row, `lines` how many line ends it has."""

    def __init__(self, file: BinaryIO, name: str, desk: Desk) -> None:
        """Read the file through once, for its digest and its encoding."""
        digest = hashlib.sha256(desk.name.encode() + b"\0")
        self._file, self._form = file, survey(file, digest.update)
        self._zone = ZoneInfo(desk.zone)
        self.desk = desk.name
        self.lines = self._form.lines
        self.start = Import(digest.hexdigest(), name)

    def batches(self, known: Import | None) -> Generator[Batch, None, None]:
        """What is left to be taken after `known`, BATCH rows at a time; the last is finished. Raises SheetError."""
        so_far = known or self.start
        behind = so_far.lines
        with Sheet(self._file, self._form, ("number",)) as sheet:
            ahead = (row for row in sheet if row.last > behind)
            while rows := list(islice(ahead, BATCH)):
                batch = self._batch(so_far, rows)
                so_far = batch.so_far
                yield batch
        yield Batch(replace(so_far, lines=max(self.lines, so_far.lines), finished_at=clock.now()), ())

    def _batch(self, so_far: Import, rows: list[Row]) -> Batch:
        """These rows, and how far the file is read with them."""
        found = [self._read(row) for row in rows]
        orders = tuple(one for one in found if isinstance(one, Order))
        faulty = [one for one in found if not isinstance(one, Order)]
        bad = (*so_far.bad, *chain.from_iterable(faulty))[: stored.KEPT]
        further = replace(
            so_far, lines=rows[-1].last, taken=so_far.taken + len(orders), bad_rows=so_far.bad_rows + len(faulty), bad=bad
        )
        return Batch(further, orders)

    def _read(self, row: Row) -> Order | list[Bad]:
        if row.fault:
            return [Bad(row.line, row.fault.column, row.fault.expected, shown(row.fault.got))]
        found = read(row.values, self._zone)
        if isinstance(found, Order):
            return found
        return [Bad(row.line, one.column, one.expected, shown(one.got) if one.got else "nothing") for one in found]


def take_in(store: Store, source: Source, told: Callable[[int], object]) -> Import:
    """Take a file in; `told` hears how many lines are done. Raises SheetError; after a StoreError the next call goes on."""
    known = store.read(partial(stored.imported, digest=source.start.digest))
    if known and known.finished_at:
        return known
    done = known or source.start
    with closing(source.batches(known)) as batches:
        for batch in batches:
            done = store.call(_taking(source, batch))
            told(done.lines)
    return done


def _taking(source: Source, batch: Batch) -> Callable[[Connection], Import]:
    return partial(stored.take, desk=source.desk, so_far=batch.so_far, batch=batch.orders, now=clock.now())


class Folder:
    """The folder of orders at work. A reload may set `house` and `folder`; None is no folder."""

    def __init__(self, store: Store, house: House, folder: Path | None) -> None:
        self.store, self.house, self.folder = store, house, folder
        self._seen: dict[tuple[int, int], tuple[int, int]] = {}
        self._refused: set[tuple[str, int]] = set()

    async def work(self) -> None:
        """Look every EVERY seconds, for ever."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY)

    async def look(self) -> int:
        """How many files were taken in: those that are whole now."""
        taken = 0
        for desk, path in await asyncio.to_thread(self._whole, self.folder, tuple(self.house.roster.desks.values())):
            taken += await self._take(desk, path)
        return taken

    def _whole(self, folder: Path | None, desks: tuple[Desk, ...]) -> list[tuple[Desk, Path]]:
        """The files that nobody writes to any more, the oldest first."""
        found: list[tuple[int, Desk, Path]] = []
        now, seen = clock.now().timestamp(), {}
        for desk in desks if folder else ():
            for path in self._files(folder / desk.name if folder else Path(), desk):
                at = path.lstat()
                state = seen[at.st_dev, at.st_ino] = (at.st_size, at.st_mtime_ns)
                quiet = self._seen.get((at.st_dev, at.st_ino)) == state or now - at.st_mtime >= EVERY
                if quiet and _is_meant(path) and stat.S_ISREG(at.st_mode):
                    found.append((at.st_mtime_ns, desk, path))
        self._seen = seen
        return [(desk, path) for _, desk, path in sorted(found, key=lambda one: (one[0], one[2].name))]

    def _files(self, place: Path, desk: Desk) -> list[Path]:
        """What lies in a desk's folder, which is made if it is not there."""
        if desk.name != Path(desk.name).name:
            return []
        try:
            (place / DONE).mkdir(parents=True, exist_ok=True)
            return [path for path in place.iterdir() if path.name != DONE]
        except OSError as error:
            self._refuse(desk, place, error)
            return []

    async def _take(self, desk: Desk, path: Path) -> bool:
        """True once the file is taken in and out of the way; what it lacks is told."""
        started = clock.monotonic()
        try:
            with path.open("rb") as file:
                taken, done = await self._read(await asyncio.to_thread(Source, file, path.name, desk))
            await asyncio.to_thread(_put_away, path, done)
        except OSError as error:
            self._refuse(desk, path, error)
            return False
        ms = int((clock.monotonic() - started) * 1000)
        events.orders_imported(desk=desk.name, file=path.name, rows=taken, bad=done.bad_rows, ms=ms)
        return True

    async def _read(self, source: Source) -> tuple[int, Import]:
        """(orders taken now, the import when it was done); a file without a usable header is one bad row."""
        known = await self.store.run(partial(stored.imported, digest=source.start.digest))
        if known and known.finished_at:
            return 0, known
        done, batches = known or source.start, source.batches(known)
        try:
            while batch := await asyncio.to_thread(next, batches, None):
                done = await self.store.run(_taking(source, batch))
        except SheetError as error:
            done = replace(done, bad_rows=1, bad=(Bad(error.line, error.fault.column, error.fault.expected, error.fault.got),))
        finally:
            with suppress(ValueError):  # told to stop while the thread reads
                batches.close()
        return done.taken - (known.taken if known else 0), done

    def _refuse(self, desk: Desk, path: Path, error: OSError) -> None:
        """Tell of a file or folder that can't be used, once while it stays as it is."""
        about = (str(path), error.errno or 0)
        if about not in self._refused:
            self._refused.add(about)
            events.orders_refused(desk=desk.name, file=path.name, error=error)


def _is_meant(path: Path) -> bool:
    return path.suffix.lower() in KINDS and not path.name.startswith(".")


def _put_away(path: Path, done: Import) -> None:
    """Move the file to `done/`, after a list of what could not be taken, if there is something to list."""
    number, target = 1, path.parent / DONE / path.name
    while target.exists():
        number += 1
        target = path.parent / DONE / f"{path.stem}-{number}{path.suffix}"
    if done.bad_rows:
        with target.with_name(f"{target.name}.bad.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(("line", "column", "expected", "got"))
            table.writerows((one.line, one.column, one.expected, one.got) for one in done.bad)
    path.replace(target)
