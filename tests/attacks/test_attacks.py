"""A few attacks of each kind on a real daemon; `bench/attack.py` runs them all, at full strength."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))

from attacks import content, ends, flood, grammar, hostile, lmtp, slow, talk  # noqa: E402
from attacks.field import Case, Field  # noqa: E402


@pytest.fixture(scope="module")
def field() -> Iterator[Field]:
    """One daemon for all; at the end what was accepted is stored and nothing else, its log is clean, its descriptors are back."""
    with Field(lmtp=True, start=ends.with_tls) as made:
        yield made
        assert failures(made, lambda field: field.aftermath(timed=False)) == []


def failures(field: Field, *attacks: Callable[[Field], Iterator[Case]]) -> list[Case]:
    """The cases that went wrong."""
    cases = [case for attack in attacks for case in attack(field)]
    assert len(cases) > 3
    return [case for case in cases if not case.ok]


def only(monkeypatch: pytest.MonkeyPatch, module: object, table: str, *names: str) -> None:
    """Of a table of attacks these alone."""
    whole = getattr(module, table)
    monkeypatch.setattr(module, table, {name: whole[name] for name in names})


def test_nobody_smuggles_a_second_mail_in(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """One mail in is one reply, whatever looks like its end."""
    monkeypatch.setattr(content, "LENGTHS", (998, 65536))
    monkeypatch.setattr(content, "WAYS", (False,))
    assert failures(field, content.smuggling) == []


def test_bare_line_ends_and_nul_are_refused(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the true dot, by 554; other odd bytes are kept."""
    monkeypatch.setattr(content, "SOFT", content.SOFT[:2])
    assert failures(field, content.content_bytes) == []


def test_a_dialog_stays_in_step_and_garbage_ends_it(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line gets its reply, however it is sent; what is no SMTP gets few."""
    only(monkeypatch, talk, "GARBAGE", "TLS hello", "HTTP POST", "LF commands", "PROXY v2", "NUL")
    assert failures(field, grammar.states, talk.garbage) == []


def test_every_recipient_of_lmtp_has_a_reply(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, also where a mail is refused."""
    monkeypatch.setattr(lmtp, "COUNTS", (2, 50))
    assert failures(field, lmtp.replies) == []


def test_whoever_leaves_in_the_middle_leaves_a_whole_mail_or_none(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half close, RST and QUIT around the dot; commands sent ahead of STARTTLS."""
    monkeypatch.setattr(ends, "ROUNDS", 2)
    monkeypatch.setattr(ends, "STALLED", 0)
    only(monkeypatch, ends, "SHAKEN", "text")
    assert failures(field, ends.starttls, ends.endings) == []


def test_nobody_writes_into_our_log(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line stays one object of ours."""
    only(monkeypatch, hostile, "PAYLOADS", "CR LF", "ESC", "U+2028")
    monkeypatch.setattr(hostile, "PLACES", ("Subject", "Message-ID"))
    monkeypatch.setattr(hostile, "LINES", hostile.LINES[::3])
    assert failures(field, hostile.injection) == []


def test_a_flood_is_cut(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipients, connections, comers and goers from one address, while a client at another is served."""
    monkeypatch.setattr(flood, "MANY", 1500)
    monkeypatch.setattr(flood, "FLOOD", 100)
    monkeypatch.setattr(flood, "CHURN", 100)
    only(monkeypatch, flood, "FLOODS", "forms of the desk", "NOOP")
    assert failures(field, flood.recipients, flood.connections, flood.churn) == []


def test_a_daemon_that_is_told_to_end_lets_its_clients_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM: who ends his mail hears 250, everybody hears 421, nothing is lost."""
    monkeypatch.setattr(slow, "SENDERS", 8)
    monkeypatch.setattr(slow, "UNFINISHED", 0)
    with Field() as field:
        assert failures(field, slow.sigterm) == []
