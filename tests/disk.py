"""A disk that forgets what was not synced, and one that fails: a library preloaded into the daemon (disk.c), and what it notes.

At a power cut the files of the store become what a disk may hold then: everything up to the last sync, and of what was written
later nothing, or any part of it in sectors of 512 bytes. What a failed sync was to write counts as lost for good, as on Linux,
which calls such pages clean.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
HEAD = struct.Struct("5Q")
ENDS = ("", "-wal", "-journal")


def built(folder: Path) -> Path:
    """The library to preload. Raises LookupError where there is no C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise LookupError("no C compiler (gcc) to build the library that plays the disk")
    library, source = folder / "disk.so", Path(__file__).with_name("disk.c")
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(library), str(source), "-ldl", "-lpthread"]
    subprocess.run(command, check=True)
    return library


@dataclass(frozen=True)
class Write:
    """One entry of a file's journal; `kind`: Write, Truncate, Synced, Failed to sync."""

    kind: str
    offset: int
    old: bytes
    new: bytes
    old_size: int


@dataclass
class Disk:
    """The disk below one store; its own files are in `folder`. `undone` counts the writes that power cuts have rolled back."""

    store: Path
    folder: Path
    undone: int = 0

    @property
    def journals(self) -> Path:
        """Where it notes what was written."""
        return self.folder / "journals"

    @property
    def environment(self) -> dict[str, str]:
        """What a daemon that stands on this disk needs; its process was started with the library preloaded."""
        self.journals.mkdir(parents=True, exist_ok=True)
        return {
            "POWER_STORE": str(self.store),
            "POWER_JOURNAL": str(self.journals),
            "POWER_FAULT": str(self.folder / "fault"),
            "POWER_SYNC": "20000",
        }

    def fails(self, call: str, number: int, first: int = 1, count: int = 10**9) -> None:
        """From its `first` call on, `count` calls (`write` or `sync`) fail with this errno; 0: half is written."""
        part = self.folder / "fault.part"
        part.write_text(f"{call} {number} {first} {count} {random.getrandbits(32)}")
        os.replace(part, self.folder / "fault")

    def full(self) -> None:
        """There is no room for one byte more."""
        self.fails("write", errno.ENOSPC)

    def slow(self, seconds: float) -> None:
        """Each sync takes so long."""
        self.fails("slow", int(seconds * 1e6))

    def works(self) -> None:
        """It is mended, or has room again."""
        (self.folder / "fault").unlink(missing_ok=True)

    def cut(self, dice: random.Random) -> int:
        """Play a power cut under a daemon that is dead; how many writes are lost, whole or in part."""
        some = dice.random() < 0.5
        lost = sum(_cut(self._file(end), self._journal(end), dice if some else None) for end in ENDS)
        self._file("-shm").unlink(missing_ok=True)
        self.undone += lost
        return lost

    def _file(self, end: str) -> Path:
        return self.store.with_name(self.store.name + end)

    def _journal(self, end: str) -> Path:
        return self.journals / f"store{end}"


def _cut(file: Path, journal: Path, dice: random.Random | None) -> int:
    """Roll `file` back to what was synced; with dice, some sectors of the rest stay. The number of writes undone."""
    if not journal.exists() or not file.exists():
        journal.unlink(missing_ok=True)
        return 0
    notes = _unsynced(list(_read(journal.read_bytes())))
    with file.open("rb+") as image:
        for one in reversed([note for note in notes if note.kind in "WT"]):
            image.seek(one.offset)
            image.write(one.old)
            image.truncate(one.old_size)
        waiting: list[Write] = []
        dropped = 0
        for one in notes:
            if one.kind == "S":
                _apply(image, waiting, None)
            elif one.kind == "F":
                dropped += len(waiting)
            if one.kind in "SF":
                waiting = []
            else:
                waiting.append(one)
        if dice is not None:
            _apply(image, waiting, dice)
    journal.unlink()
    return dropped + len(waiting)


def _unsynced(notes: list[Write]) -> list[Write]:
    """The notes that a power cut concerns: those after the last sync before which none had failed."""
    failed = next((n for n, one in enumerate(notes) if one.kind == "F"), len(notes))
    last = max((n for n, one in enumerate(notes[:failed]) if one.kind == "S"), default=-1)
    return notes[last + 1 :]


def _read(text: bytes) -> Iterator[Write]:
    """The whole entries of a journal; one that was being written when its writer died has changed nothing yet."""
    at = 0
    while at + HEAD.size <= len(text):
        kind, offset, old, new, size = HEAD.unpack_from(text, at)
        at += HEAD.size
        if at + old + new > len(text):
            return
        yield Write(chr(kind), offset, text[at : at + old], text[at + old : at + old + new], size)
        at += old + new


def _apply(image: object, writes: list[Write], dice: random.Random | None) -> None:
    """Write them, or the sectors of them that the dice pick."""
    for one in writes:
        if one.kind == "T":
            if dice is None or dice.random() < 0.5:
                image.truncate(one.offset)  # type: ignore[attr-defined]
            continue
        for start in range(0, len(one.new), SECTOR):
            if dice is None or dice.random() < 0.5:
                image.seek(one.offset + start)  # type: ignore[attr-defined]
                image.write(one.new[start : start + SECTOR])  # type: ignore[attr-defined]
