"""A correspondent that answers every letter: the notices that mail brings about come to an end (docs/security.md)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from mailgate import config, events, gateway
from mailgate.assembly import house_of
from mailgate.simulate.mails import Written, mail
from mailgate.simulate.stage import Stage, recycled
from mailgate.store import outbox

HELPDESK, ROBOT, DESK = "helpdesk@digistore24.com", "help@acme.test", "support@shop.test"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def stage(place: Path, **limits: int) -> Stage:
    """The house that `mailgate init` writes, with one seller and these [limits], on a virtual clock."""
    config.init(place, DESK)
    (place / "sellers/acme.toml").write_text(f'[seller]\nsupport = "{ROBOT}"\nentities = ["inc"]\n')
    settings = config.load(place, [f"limits.{name}={value}" for name, value in limits.items()])
    return Stage(house_of(settings), settings.desks["support"], recycled())


def asks(running: Stage, number: int, at: datetime) -> gateway.Settled:
    written = Written(HELPDESK, [ROBOT], f"Order {number}", "What do you offer?\n", at, f"ask{number}@d24.test", cc=[DESK])
    return running.receive(mail(written), at)


def answers(running: Stage, message_id: str, number: int, at: datetime) -> gateway.Settled:
    """The robot replies to the author alone: no helpdesk in copy (docs/rules.md D-25)."""
    text = f"Thank you, we got number {number}.\n"
    written = Written(ROBOT, ["nobody@acme.test"], "Re: Order", text, at, f"robot{number}@acme.test", references=[message_id])
    return running.receive(mail(written), at)


def exchange(running: Stage, at: datetime, rounds: int = 30) -> list[gateway.Settled]:
    """What became of each of the robot's answers, until it hears nothing more."""
    done = [answers(running, "ask1@d24.test", 1, at)]
    while done[-1].written.queued and len(done) < rounds:
        at += 3 * MINUTE
        row = running.store.read(partial(outbox.get, outbox_id=done[-1].written.queued[-1][0]))
        assert row is not None
        done.append(answers(running, row.message_id, len(done) + 1, at))
    return done


@pytest.mark.parametrize("limit", [3, 10])
def test_robot_that_answers_every_letter_hears_no_more_after_the_cap(tmp_path, limit):
    running = stage(tmp_path, notices_per_ticket=limit)
    asks(running, 1, START)
    done = exchange(running, START + MINUTE)
    assert [one.event for one in done] == ["noncompliant"] * (limit + 1)
    assert [len(one.written.queued) for one in done] == [1] * limit + [0]
    assert done[-1].written.capped == (("notice_noncompliant", ROBOT, "notices_per_ticket"),)
    (entry,) = (row for row in running.history() if row["event"] == "notice_capped")
    assert (entry["ticket"], entry["data"]["to"]) == (done[-1].ticket, ROBOT)


def test_after_an_hour_the_seller_is_told_again(tmp_path):
    running = stage(tmp_path, notices_per_ticket=2)
    asks(running, 1, START)
    exchange(running, START + MINUTE)
    later = answers(running, "ask1@d24.test", 99, START + MINUTE + timedelta(hours=1))
    assert [notice for _, notice, _ in later.written.queued] == ["notice_noncompliant"]


def test_all_tickets_of_one_reader_count_together(tmp_path):
    running = stage(tmp_path, notices_per_recipient=2)
    done = []
    for number in (1, 2, 3):
        asks(running, number, START + number * MINUTE)
        done.append(answers(running, f"ask{number}@d24.test", number, START + number * MINUTE))
    assert [len(one.written.queued) for one in done] == [1, 1, 0]
    assert [limit for _, _, limit in done[-1].written.capped] == ["notices_per_recipient"]


def test_reminders_are_not_counted_and_not_capped(tmp_path):
    """A clock speaks however much mail came before: what a deadline promises is kept."""
    running = stage(tmp_path, notices_per_ticket=1)
    asks(running, 1, START)
    exchange(running, START + timedelta(hours=47, minutes=30))
    running.pass_until(START + timedelta(hours=49), inclusive=True)
    to_the_seller = [row.notice for _, row in running.sent if row.reader == ROBOT]
    assert to_the_seller == ["notice_noncompliant", "remind"]


def test_notice_left_out_is_one_line_of_log(tmp_path):
    running = stage(tmp_path, notices_per_ticket=1)
    asks(running, 1, START)
    done = exchange(running, START + MINUTE)[-1]
    with events.captured() as heard:
        gateway.tell(done, 0.0)
    (line,) = (one for one in heard if one["event"] == "notice.capped")
    assert line["level"] == "warning"
    assert (line["notice"], line["to"], line["reason"]) == ("notice_noncompliant", ROBOT, "notices_per_ticket")
    assert (line["ticket"], line["spool_id"]) == (done.ticket, done.spool_id)
