"""A mail that ends whoever settles it (T29): it must not end one process after the other, nor hold up the mail behind it."""

from __future__ import annotations

import signal
from pathlib import Path

from nursery import Nursery
from running import HELPDESK, SELLER, ask, house, mail, quiet, rows, until, verb

WORDS = ("smarthost.url=maildir:outgoing", "timers.catch_up=0s")
SETTLES = ("mailgate.gateway:settle", "before", 1)


def test_mail_that_ends_process_after_process_is_set_aside_and_the_next_is_settled(nursery: Nursery, tmp_path: Path) -> None:
    """Five that begin with it and end are enough; it keeps its bytes and its reason, and `spool retry` brings it back."""
    directory = house(tmp_path)
    running = nursery.start(directory, *WORDS, kill=SETTLES).wait_ready()
    running.sends(mail(HELPDESK, SELLER, "poison", "Order 4711"))  # it may end before the client hears its 250
    for _ in range(5):
        until(running.ended)
        assert running.ended() == -signal.SIGKILL
        running = nursery.start(directory, *WORDS, kill=SETTLES)
    until(running.ended)
    running = nursery.start(directory, *WORDS).wait_ready()
    assert running.sends(mail(HELPDESK, SELLER, "sound", "Order 4712"))
    until(lambda: quiet(directory))
    (parked,) = ask(directory, "spool", "list")
    assert parked["reason"] == "5 processes ended while they settled this mail"
    assert [one["error"] for one in running.lines("message.parked")] == [parked["reason"]]
    assert [one["subject"] for one in ask(directory, "ticket", "list")] == ["Order 4712"]
    verb("spool", "retry", str(parked["spool_id"]), "--config", directory)
    until(lambda: len(ask(directory, "ticket", "list")) == 2)
    assert running.kill(signal.SIGTERM) == 0
    assert rows(directory, "SELECT name FROM flags WHERE name LIKE 'begun:%'") == []


def test_mail_in_hand_at_three_stops_is_settled_by_the_next(nursery: Nursery, tmp_path: Path) -> None:
    """A process that is killed over something else is no proof against the mail that it had in hand."""
    directory = house(tmp_path)
    running = nursery.start(directory, *WORDS, kill=SETTLES).wait_ready()
    running.sends(mail(HELPDESK, SELLER, "ask", "Order 4711"))
    for _ in range(2):
        until(running.ended)
        running = nursery.start(directory, *WORDS, kill=SETTLES)
    until(running.ended)
    running = nursery.start(directory, *WORDS).wait_ready()
    until(lambda: quiet(directory))
    assert [one["ticket"] for one in ask(directory, "ticket", "list")] == ["MG-1"]
    assert ask(directory, "spool", "list") == []
    assert running.kill(signal.SIGTERM) == 0


def test_mail_that_kills_its_reader_costs_two_processes(nursery: Nursery, tmp_path: Path, deadly_reader: dict[str, str]) -> None:
    """What the last process began with is read by a child first: that dies, the daemon lives and takes the next mail."""
    directory = house(tmp_path)
    running = nursery.start(directory, *WORDS, kill=SETTLES).wait_ready()
    running.sends(mail(HELPDESK, SELLER, "poison", "Order 4711", text="deadly"))
    until(running.ended)
    running = nursery.start(directory, *WORDS, kill=SETTLES)
    until(running.ended)
    running = nursery.start(directory, *WORDS, environment=deadly_reader).wait_ready()
    until(lambda: quiet(directory))
    assert [one["reason"] for one in ask(directory, "spool", "list")] == ["its reader ended with SIGKILL"]
    assert running.sends(mail(HELPDESK, SELLER, "sound", "Order 4712", text="Where is it?"))
    until(lambda: len(ask(directory, "ticket", "list")) == 1)
    assert running.kill(signal.SIGTERM) == 0
