"""A mail that may end its reader is read by a process that may end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from poison import deadly_reader

from mailgate.wire.trial import Trial

__all__ = ["deadly_reader"]
SOUND = b"From: a@shop.example\r\nSubject: Order 4711\r\n\r\nWhere is it?\r\n"


def environment(process: int) -> str:
    return Path(f"/proc/{process}/environ").read_text()


@pytest.fixture
async def trial() -> AsyncIterator[Trial]:
    made = Trial(seconds=1.0)
    yield made
    await made.close()


async def test_sound_mails_pass_one_child(trial: Trial) -> None:
    """The second is read by the same process; a large one goes through its pipe as well."""
    assert await trial.fails(SOUND) == ""
    first = trial._child
    assert await trial.fails(SOUND + b"x" * 3_000_000) == ""
    assert trial._child is first


async def test_deadly_mail_ends_the_child_and_the_next_gets_another(
    trial: Trial, deadly_reader: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason names the signal; the daemon goes on."""
    monkeypatch.setenv("PYTHONPATH", deadly_reader["PYTHONPATH"])
    assert await trial.fails(SOUND + b"deadly") == "its reader ended with SIGKILL"
    assert await trial.fails(SOUND) == ""


async def test_endless_mail_is_given_up(trial: Trial, deadly_reader: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its second of processor time is all that it gets."""
    monkeypatch.setenv("PYTHONPATH", deadly_reader["PYTHONPATH"])
    assert await trial.fails(SOUND + b"endless") == "reading it took more than 1 seconds"


async def test_child_knows_no_password(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of our environment it has the path and the language."""
    monkeypatch.setenv("MAILGATE_SMTP_PASSWORD", "s3cret")
    assert await trial.fails(SOUND) == ""
    assert trial._child is not None
    assert "s3cret" not in environment(trial._child.pid)


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python"])
async def test_child_that_does_not_come_accuses_no_mail(trial: Trial, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """An interpreter that ends at once, or that there is not: the mail is as good as it was."""
    monkeypatch.setattr("sys.executable", program)
    assert await trial.fails(SOUND) == ""
