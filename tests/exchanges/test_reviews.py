"""What needs people: one mail an hour tells them, and its links do what they say (design §5; docs/reviews.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from exchange import Gate
from passage import Notice
from people import Mail, Person, threaded
from running import HELPDESK, SELLER, house, mail

from mailgate import assembly, cli, config, events, mend, needs
from mailgate.simulate.stage import Stage
from mailgate.store import spool
from mailgate.store.engine import Store

JOIN, APART, NOT_OURS = "Yes, it belongs to that ticket", "No, keep it apart", "It is not for us"
TAKE_UP = "Take it up after all"


@pytest.fixture(autouse=True)
def _from_friday(gate: Gate) -> None:
    gate.at("2026-06-12T18:30")


def look(gate: Gate) -> None:
    """What the daemon does every minute."""
    work = partial(needs.tell_desk, desk=gate.stage.desk, house=gate.stage.house, now=gate.now)
    gate.stage.store.call(work)
    gate.stage.deliver(gate.now)


def told(gate: Gate, staff: Person) -> Notice:
    """The staff is told of something now."""
    look(gate)
    return gate.sends("needs_you", staff)


def in_doubt(gate: Gate, inc: Person, acme: Person) -> tuple[Mail, Mail]:
    """An ask, and the answer of a colleague at acme's freelance address, whom the ticket does not know."""
    ask = inc.writes([acme], subject="Order 4711")
    gate.later(hours=1)
    helper = acme.at("helper@freelance.example")
    return ask, helper.writes([inc], subject="Re: Order 4711", text="It was sent.", headers=threaded(ask.message))


def test_mail_in_doubt_is_told_of_with_a_link_for_each_way(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """Design §5: doubt opens a linked ticket; the staff reads which one, whose mail, and why."""
    ask, doubt = in_doubt(gate, inc, acme)
    assert doubt.ticket != ask.ticket
    letter = told(gate, staff)
    assert list(letter.links) == [f"{one}: MG-2 → MG-1" for one in (JOIN, APART, NOT_OURS)]
    assert "1 mail needs you" in letter.said
    assert '"Order 4711" helper@freelance.example (MG-2 → MG-1): we are not sure which ticket it belongs to' in letter.said
    acme.replies(ask)


def test_joined_mail_counts_on_the_ticket_that_it_belongs_to(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """Design §5: one click is a merge; whoever answers that mail reaches the ticket that stays."""
    ask, doubt = in_doubt(gate, inc, acme)
    letter = told(gate, staff)
    assert staff.follows(letter, f"{JOIN}: MG-2 → MG-1", proven=False).event == "joined"
    assert gate.ticket(2).state == "merged"
    assert doubt.message.message_id in {one.message_id for one in gate.ticket(1).spoken}
    assert [one["data"]["by"] for one in gate.logged("joined") if one["ticket"] == 1] == ["staff"]
    assert acme.replies_to_all(doubt, adding=[inc]).ticket == ask.ticket
    gate.later(hours=2)
    look(gate)
    gate.stays_silent()


def test_mail_that_is_kept_apart_waits_no_more(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """Design §5: the tag goes, the link stays as history."""
    ask, _ = in_doubt(gate, inc, acme)
    staff.follows(told(gate, staff), f"{APART}: MG-2 → MG-1")
    assert (gate.ticket(2).tags, gate.ticket(2).facts["linked_to"]) == (frozenset(), ask.ticket)
    assert gate.clock(1).running
    gate.later(hours=2)
    look(gate)
    acme.replies(ask)
    gate.stays_silent()


def test_mail_that_is_none_of_ours_is_put_away_with_its_clocks(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """Design §5: an ask in doubt had a clock of its own; it counts for nothing now."""
    ask = inc.writes([acme], subject="Wheelchair 17")
    gate.later(minutes=5)
    assert inc.writes([acme], subject="Re: Wheelchair 17").ticket == 2
    assert gate.clock(2).running
    staff.follows(told(gate, staff), f"{NOT_OURS}: MG-2 → MG-1")
    assert (gate.ticket(2).state, gate.ticket(2).tags, gate.clock(2).state) == ("closed", {"not_ours"}, "void")
    assert gate.clock(1).running
    acme.replies(ask)
    gate.later(days=9)
    gate.stays_silent()


def test_link_works_once_and_is_then_refused_politely(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """Design §5: single-use; what was decided by another link is decided as well."""
    ask, _ = in_doubt(gate, inc, acme)
    letter = told(gate, staff)
    staff.follows(letter, f"{APART}: MG-2 → MG-1")
    for link in (APART, JOIN):
        gate.later(minutes=1)
        staff.follows(letter, f"{link}: MG-2 → MG-1")
        assert "the link was already used" in gate.sends("command_refused", staff).said
    assert gate.ticket(2).state != "merged"
    acme.replies(ask)


def test_link_that_has_expired_changes_nothing(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """Design §5: bound to its day; thirty days are long enough."""
    ask, _ = in_doubt(gate, inc, acme)
    letter = told(gate, staff)
    acme.replies(ask)
    gate.later(days=32)
    staff.follows(letter, f"{JOIN}: MG-2 → MG-1")
    assert "the link has expired" in gate.sends("command_refused", staff).said
    assert gate.ticket(2).state != "merged"


def test_link_in_other_hands_changes_nothing(gate: Gate, inc: Person, acme: Person, stranger: Person, staff: Person) -> None:
    """Design §5: bound to its reader; a forwarded mail gives nobody a vote."""
    ask, _ = in_doubt(gate, inc, acme)
    stranger.follows(told(gate, staff), f"{JOIN}: MG-2 → MG-1")
    assert gate.ticket(2).tags == {"review"}
    acme.replies(ask)


def test_staff_is_told_at_most_hourly_and_only_of_news(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """Design §5: what waits on is listed again when something new comes, never for itself."""
    ask, _ = in_doubt(gate, inc, acme)
    told(gate, staff)
    gate.later(minutes=30)
    acme.at("other@freelance.example").writes([inc], subject="Re: Order 4711", headers=threaded(ask.message))
    look(gate)
    gate.stays_silent()
    gate.later(minutes=30)
    assert "2 mails need you" in told(gate, staff).said
    gate.later(hours=5)
    look(gate)
    gate.stays_silent()
    acme.replies(ask)


def test_reminder_of_a_ticket_names_the_mail_that_may_belong_to_it(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """Design §5: a pending review changes no clock, but a reminder or escalation names it."""
    gate.under(max_reminders=2)
    ask, _ = in_doubt(gate, inc, acme)
    letter = told(gate, staff)
    gate.at("2026-06-14T18:30")
    assert "Not yet assigned: MG-2" in gate.sends("remind", [acme, inc], n=1).said
    staff.follows(letter, f"{APART}: MG-2 → MG-1")
    gate.at("2026-06-15T18:30")
    assert "Not yet assigned" not in gate.sends("remind", [acme, inc], n=2).said
    acme.replies(ask)


def test_parked_mail_is_told_of_and_taken_up_again_by_a_link(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """Design §5: a mail that we could not handle is not lost, and no clock of it runs."""
    inc.writes([acme], subject="Order 9", in_hand=True)
    gate.stage.store.call(partial(spool.park, spool_id=1, reason="a fault of ours", now=gate.now))
    letter = told(gate, staff)
    assert '"Order 9" helpdesk@digistore24.com (#1): our system could not process it' in letter.said
    assert list(letter.links) == [f"{TAKE_UP}: #1", f"{NOT_OURS}: #1"]
    staff.follows(letter, f"{TAKE_UP}: #1", in_hand=True)
    gate.takes_in_hand()
    gate.takes_in_hand()
    assert gate.ticket(1).subject == "Order 9"
    acme.writes([inc], subject="Re: Order 9", headers={"In-Reply-To": f"<{gate.ticket(1).spoken[0].message_id}>"})


def test_parked_mail_that_is_none_of_ours_is_put_away(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """Design §5: it stays in the spool, and nobody is told of it again."""
    inc.writes([acme], subject="Order 9", in_hand=True)
    gate.stage.store.call(partial(spool.park, spool_id=1, reason="a fault of ours", now=gate.now))
    staff.follows(told(gate, staff), f"{NOT_OURS}: #1")
    assert not gate.stage.store.read(partial(spool.listed, state="parked"))
    gate.later(hours=2)
    look(gate)
    gate.stays_silent()


def test_verb_does_what_the_link_does(gate: Gate, inc: Person, acme: Person) -> None:
    """`mailgate ticket join | keep-apart | not-ours`: one code path; what waits for nothing says so."""
    ask, doubt = in_doubt(gate, inc, acme)
    work = partial(needs.said, house=gate.stage.house, action="join", number=doubt.ticket, now=gate.now)
    assert gate.stage.store.call(work) == "MG-2 → MG-1: joined"
    assert gate.ticket(2).state == "merged"
    with pytest.raises(mend.MendError, match="MG-2 does not wait for that"):
        gate.stage.store.call(work)
    acme.replies(ask)


def test_verbs_of_the_command_line(tmp_path: Path) -> None:
    """`mailgate ticket keep-apart`, and what it says where nothing waits."""
    at = ("--config", str(house(tmp_path)))
    settings = config.load(tmp_path)
    store = Store.open(settings.store.url, settings.directory)
    stage = Stage(assembly.house_of(settings), settings.desks["support"], store)
    first = mail(HELPDESK, SELLER, "ask", "Wheelchair 17")
    again = mail(HELPDESK, SELLER, "more", "Re: Wheelchair 17")
    for raw in (first, again):
        assert stage.receive(raw, datetime(2026, 6, 1, 12, tzinfo=UTC)).ticket
    done = CliRunner().invoke(cli.cli, ["ticket", "keep-apart", "MG-2", *at])
    assert (done.exit_code, done.output) == (0, "MG-2 → MG-1: kept apart\n")
    refused = CliRunner().invoke(cli.cli, ["ticket", "join", "2", *at])
    assert refused.exit_code != 0
    assert "MG-2 does not wait for that; `mailgate ticket show 2` tells how it stands" in refused.output
    store.close()


async def test_round_of_the_daemon_tells_each_desk_and_wakes_the_courier(
    gate: Gate, inc: Person, acme: Person, staff: Person, tmp_path: Path
) -> None:
    """Design §5: every minute a look; the mail that it writes is in the log and leaves at once."""
    store = Store.open("sqlite:///round.db", tmp_path)
    stage = Stage(gate.stage.house, gate.stage.desk, store)
    for number, subject in enumerate(("Wheelchair 17", "Re: Wheelchair 17")):
        stage.receive(mail(inc.address, acme.address, f"ask{number}", subject, cc=gate.stage.desk.address), gate.now)
    loop = needs.Needs(store, gate.stage.house)
    with events.captured() as lines:
        queued = await loop.tick(gate.now)
        assert await loop.tick(gate.now) == ()
    assert [(notice, reader) for _, notice, reader in queued] == [("needs_you", staff.address)]
    assert [one["notice"] for one in lines if one["event"] == "notice.queued"] == ["needs_you"]
    assert loop.told.is_set()
    store.close()
