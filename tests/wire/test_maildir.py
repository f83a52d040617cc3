"""Outgoing mail as files: durable, unchanged, never doubled."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mailgate.wire import maildir
from mailgate.wire.smtp_out import smarthost

MAIL = b"Subject: hi\r\nMessage-ID: <mg.1@shop.test>\r\n\r\nhello\nMessage-ID: <no@x>\r\n.\r\n"


async def test_a_mail_becomes_a_file_with_the_same_bytes(tmp_path: Path):
    """Nothing is added, nothing repaired; sent again, it takes the place of the first."""
    sender = smarthost(f"maildir:{tmp_path}/out")
    sent = await sender.send("b@shop.test", ("ann@c.test",), MAIL)
    again = await sender.send("b@shop.test", ("ann@c.test",), MAIL)
    await sender.send("b@shop.test", ("bob@c.test",), MAIL)
    await sender.close()
    assert sent == again
    files = sorted((tmp_path / "out" / "new").iterdir())
    assert [file.read_bytes() for file in files] == [MAIL, MAIL]
    assert list((tmp_path / "out" / "tmp").iterdir()) == []


async def test_the_file_is_safe_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """write, fsync, rename, fsync of the folder: in this order, and only then sent."""
    steps: list[str] = []
    real_sync, real_rename = os.fsync, os.replace

    def sync(descriptor: int) -> None:
        steps.append("fsync " + Path(os.readlink(f"/proc/self/fd/{descriptor}")).parent.name)
        real_sync(descriptor)

    def rename(source: Path, target: Path) -> None:
        assert source.read_bytes() == MAIL
        steps.append(f"rename {source.parent.name} {target.parent.name}")
        real_rename(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", rename)
    await smarthost(f"maildir:{tmp_path}").send(None, ("ann@c.test",), MAIL)
    assert steps == ["fsync tmp", "rename tmp new", f"fsync {tmp_path.name}"]


async def test_a_full_disk_defers_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """ENOSPC at the fsync is not sent."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    sent = await smarthost(f"maildir:{tmp_path}").send(None, ("ann@c.test",), MAIL)
    assert (sent.state, sent.text) == ("deferred", f"{tmp_path}: No space left on device")
    assert list((tmp_path / "new").iterdir()) == list((tmp_path / "tmp").iterdir()) == []


def test_the_name_comes_from_the_message_id_and_cannot_leave_the_folder():
    """A folded or hostile id makes a plain name; without an id the bytes make it."""
    names = {
        maildir.file_name(None, ("a@c.test",), head + b"\r\n\r\nx")
        for head in (b"Message-ID: <../../etc/passwd>", b"Message-ID:\r\n <a@b>", b"message-id: <c@d>", b"Subject: none")
    }
    assert len(names) == 4
    assert all(name.removesuffix(".mailgate").isalnum() for name in names)
    same = [maildir.file_name(None, ("a@c.test",), b"Message-ID: <a@b>\r\n" + rest) for rest in (b"\r\nx", b"X: y\r\n\r\nz")]
    assert same[0] == same[1]
