"""Write outgoing mail as files of a Maildir, durably.

In order: a file in tmp/, fsync, rename into new/, fsync of the directory; only then is a mail sent. Its name comes
from its Message-ID, reverse path and forward paths, so a mail sent again takes the place of its first copy. The
bytes are written as they are: no Return-Path, no envelope; who reads the files finds it in the outbox.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

_ID = re.compile(rb"^message-id:[ \t]*(?:\r?\n[ \t]+)?<?([^<>\r\n]+)>?[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
HEADER_LIMIT = 1 << 18


def open_at(root: Path) -> None:
    """Make the three folders of a Maildir at `root`, if they are not there."""
    for folder in ("tmp", "new", "cur"):
        (root / folder).mkdir(parents=True, exist_ok=True)


def file_name(reverse_path: str | None, forward_paths: Sequence[str], data: bytes) -> str:
    """The name that this mail, and no other, always gets."""
    header = data[:HEADER_LIMIT].partition(b"\r\n\r\n")[0]
    found = _ID.search(header)
    own = found[1].strip() if found else hashlib.sha256(data).digest()
    parts = [own, (reverse_path or "").encode(), *(path.encode() for path in forward_paths)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:40] + ".mailgate"


def write(root: Path, name: str, data: bytes) -> Path:
    """The file, once it would survive a power cut; raises OSError, and then leaves nothing in new/."""
    draft, final = root / "tmp" / name, root / "new" / name
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, final)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(final.parent)
    return final


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
