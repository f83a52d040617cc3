"""A machine whose clock jumps (C01), below a daemon that has promised something: nothing early, nothing twice, nothing missed."""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from nursery import Nursery
from running import HELPDESK, SELLER, Running, house, mail, quiet, rows, until

WORDS = ("smarthost.url=maildir:outgoing", "timers.catch_up=0s")
HOUR, YEAR = 3600, 365 * 86400
REMINDERS = "SELECT occurrence FROM steps WHERE clock = 'respond' AND step = 'reminder'"


def readyz(running: Running) -> tuple[int, str]:
    """What the daemon says of itself."""
    try:
        with urllib.request.urlopen(f"http://{running.ready['http'][0]}/readyz", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_jumps_fire_nothing_and_the_reminder_comes_once(nursery: Nursery, tmp_path: Path) -> None:
    """One hour back, one ahead, ten years, 1970, and back each time: mail is taken, no timer fires. Then two days pass."""
    directory, since_1970 = house(tmp_path), datetime.now(UTC).timestamp()  # noqa: TID251
    wall = directory / "wall"
    running = nursery.start(directory, *WORDS, stays=1e6).wait_ready()
    for n, by in enumerate((-HOUR, HOUR, 10 * YEAR, -since_1970), 1):
        wall.write_text(str(by))
        until(lambda n=n: len(running.lines("clock.doubted")) == n, what="clock.doubted")
        assert readyz(running)[0] == 503
        assert running.sends(mail(HELPDESK, SELLER, f"ask{n}", f"Order {n}"))
        until(lambda: quiet(directory))
        wall.write_text("0")
        until(lambda n=n: len(running.lines("clock.believed")) == n, what="clock.believed")
        assert readyz(running)[0] == 200
    assert rows(directory, REMINDERS) == []
    came = rows(directory, "SELECT received_at FROM spool")
    assert {row[0][:4] for row in came} == {f"{datetime.fromtimestamp(since_1970, UTC):%Y}"}
    (directory / "ahead").write_text(str(49 * HOUR))
    until(lambda: len(rows(directory, REMINDERS)) == 4, what="four reminders")
    assert running.kill(15) == 0
    assert rows(directory, REMINDERS) == [(1,)] * 4


def test_clock_that_was_set_right_counts_from_then_on(nursery: Nursery, tmp_path: Path) -> None:
    """It stays two days ahead: after its minute it is believed, what is due is sent once; set back again, nothing comes twice."""
    directory = house(tmp_path)
    running = nursery.start(directory, *WORDS, stays=1.5).wait_ready()
    assert running.sends(mail(HELPDESK, SELLER, "ask", "Order 1"))
    until(lambda: quiet(directory))
    (directory / "wall").write_text(str(49 * HOUR))
    until(lambda: rows(directory, REMINDERS) and running.lines("clock.believed"), what="the reminder")
    (directory / "wall").write_text("0")
    until(lambda: len(running.lines("clock.believed")) == 2, what="clock.believed")
    assert running.sends(mail(HELPDESK, SELLER, "other", "Order 2"))
    until(lambda: quiet(directory))
    assert running.kill(15) == 0
    assert rows(directory, REMINDERS) == [(1,)]
