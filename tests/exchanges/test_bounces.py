"""Mail that comes back: whom it blames, what it voids and revives (docs/rules.md D-10, D-14, DR-07, G-10)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from exchange import Gate
from passage import Notice
from people import Mail, Person

from mailgate.mail import token
from mailgate.mail.token import Keys
from mailgate.simulate import mails
from mailgate.store import spool

FRIDAY, SUNDAY = "2026-06-12T18:30", "2026-06-14T18:30"


@pytest.fixture(autouse=True)
def _from_friday(gate: Gate) -> None:
    gate.at(FRIDAY)


def test_ask_that_bounces_voids_the_clock(gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person) -> None:
    """D-10, DR-07 (a): time counts from receipt; the admin and the manager are told, the support address is not."""
    ask = inc.writes([acme])
    gate.returns(ask, acme, "5.1.1")
    gate.sends("alert_delivery", [owner, manager], of="ask")
    assert (gate.clock().state, gate.ticket().state) == ("void", "undelivered")
    gate.later(days=10)
    gate.stays_silent()
    assert gate.is_the_same_built_anew()


def test_ask_that_is_sent_again_starts_the_clock_anew(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """DR-07 (a): until it is sent again and accepted."""
    ask = inc.writes([acme])
    gate.returns(ask, acme)
    assert b"no time to answer" in gate.sends("alert_delivery", [owner, manager]).row.raw
    gate.later(hours=30)
    again = inc.follows_up(ask)
    gate.later(hours=48)
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(again)


def test_answer_to_an_ask_that_bounced_counts_all_the_same(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """DR-07: it reached somebody after all."""
    ask = inc.writes([acme])
    gate.returns(ask, acme)
    gate.sends("alert_delivery", [owner, manager])
    acme.replies(ask)
    assert gate.ticket().state == "answered"


def test_clock_runs_on_where_the_desk_keeps_it(gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person) -> None:
    """DR-07 (b) keep_clock: told, not excused."""
    gate.under(on_ask_bounce="keep_clock")
    ask = inc.writes([acme])
    gate.returns(ask, acme)
    alert = gate.sends("alert_delivery", [owner, manager], of="ask")
    assert b"no time to answer" not in alert.row.raw
    gate.at(SUNDAY)
    gate.sends("remind", [acme, inc], n=1)
    acme.replies(ask)


@pytest.mark.parametrize("by", ["path", "proven", "unproven"])
def test_delay_is_no_bounce(gate: Gate, inc: Person, acme: Person, by: str) -> None:
    """D-10: 4.x.x is ignored, whoever reports it and however often."""
    ask = inc.writes([acme])
    for status in ("4.2.2", "4.4.7", "4.0.0"):
        gate.returns(ask, acme, status, by=by if by != "path" else "proven")
    gate.at(SUNDAY)
    reminder = gate.sends("remind", [acme, inc])
    gate.returns(reminder, acme, "4.2.2", by=by)
    gate.stays_silent()
    assert gate.clock().running
    acme.replies_to_all(reminder)


def test_reminder_that_bounces_to_our_own_return_path_acts_at_once(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """D-10, design §5: the return path carries our MAC. The clock of the ask runs on."""
    inc.writes([acme])
    gate.at(SUNDAY)
    reminder = gate.sends("remind", [acme, inc])
    gate.returns(reminder, acme, "5.7.1", by="path")
    gate.sends("alert_delivery", [owner, manager], of="reminder")
    assert gate.clock().running
    gate.at("2026-06-15T18:30")
    acme.replies_to_all(gate.sends("remind", [acme, inc], n=2))


def test_reminder_that_a_forwarded_mailbox_refuses_is_its_readers(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """D-10: the return path names the reader; the report may name where his mail is forwarded to."""
    inc.writes([acme])
    gate.at(SUNDAY)
    reminder = gate.sends("remind", [acme, inc])
    gate.returns(reminder, "private@elsewhere.example", "5.1.1", by="path")
    alert = gate.sends("alert_delivery", [owner, manager], of="reminder")
    assert acme.address in (alert.message.text or "")
    acme.replies_to_all(reminder)


def test_reminder_that_bounces_at_the_helpdesk_is_not_the_sellers_matter(gate: Gate, inc: Person, acme: Person) -> None:
    """D-10: an ask or reminder bouncing at the vendor."""
    inc.writes([acme])
    gate.at(SUNDAY)
    reminder = gate.sends("remind", [acme, inc])
    gate.returns(reminder.copy(inc), inc, by="path")
    gate.stays_silent()
    acme.replies_to_all(reminder)


def test_notice_that_bounces_is_not_taken_for_the_ask(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """D-10: what came back was our letter about his answer; the ask had reached him."""
    ask = inc.writes([acme], cc=[buyer])
    acme.replies(ask)
    letter = gate.sends("notice_noncompliant", acme)
    gate.returns(letter, acme, by="path")
    gate.stays_silent()
    assert gate.clock().running


def test_unproven_report_acts_once_our_own_mail_bears_it_out(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """Design §5: anybody can write "Action: failed"; the second report that it needs is one to a return path which we signed."""
    ask = inc.writes([acme])
    gate.returns(ask, acme, by="unproven")
    gate.stays_silent()
    assert gate.clock().running
    gate.at(SUNDAY)
    reminder = gate.sends("remind", [acme, inc])
    gate.returns(reminder, acme, by="path")
    gate.sends("alert_delivery", [owner, manager], of="ask")
    assert (gate.clock().state, gate.ticket().state) == ("void", "undelivered")
    assert gate.is_the_same_built_anew()


def test_next_hops_refusal_bears_out_an_unproven_report(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """Design §5: our own SMTP reply is sure; the seller had not got the question either."""
    from mailgate.wire.smtp_out import Sent

    refused = Sent("refused", 550, "5.1.1 no such user", {})
    taken = gate.stage.hop
    gate.stage.hop = lambda row: refused if row.reader == acme.address else taken(row)
    gate.returns(inc.writes([acme]), acme, by="unproven")
    gate.at(SUNDAY)
    gate.sends("alert_delivery", [owner, manager], of="ask")
    assert gate.clock().state == "void"
    gate.disregards()


def test_unproven_report_counts_for_an_address_that_is_known_to_be_dead(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """Design §5: that he cannot be reached was proven on another case."""
    gate.returns(inc.writes([acme]), acme)
    gate.sends("alert_delivery", [owner, manager])
    other = inc.writes([acme], subject="Order 4712")
    gate.returns(other, acme, by="unproven")
    gate.sends("alert_delivery", [owner, manager])
    assert gate.clock(2).state == "void"


def test_escalation_says_that_mail_to_the_seller_may_not_arrive(gate: Gate, inc: Person, acme: Person, manager: Person) -> None:
    """Design §5: what nobody proved excuses nobody; whoever decides is told of it."""
    gate.under(max_reminders=0)
    gate.returns(inc.writes([acme]), acme, by="unproven")
    gate.later(hours=72)
    assert f"mail to {acme.address} may not be arriving" in gate.sends("escalate", [manager, inc]).said


def test_report_about_a_mail_that_we_never_saw_says_nothing(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §5: it must name a message of a ticket."""
    inc.writes([acme])
    unknown = inc.writes([acme], unseen=True)
    gate.returns(unknown, acme)
    gate.stays_silent()
    assert gate.clock().running


def test_customers_bounce_voids_nothing(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """D-10: the ask reached the seller, though not the customer in Cc."""
    ask = inc.writes([acme], cc=[buyer])
    gate.returns(ask, buyer)
    gate.stays_silent()
    assert gate.clock().running


def test_bounced_answer_is_an_answer_never_received(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """D-14: the clock is armed again with its old due instants."""
    ask = inc.writes([acme])
    due = gate.clock().due
    gate.later(hours=2)
    answer = acme.replies(ask)
    gate.later(minutes=3)
    gate.returns(answer, inc, "5.7.1")
    gate.sends("alert_delivery", [owner, manager], of="vendor_reply")
    assert (gate.clock().running, gate.clock().due) == (True, due)
    gate.at(SUNDAY)
    reminder = gate.sends("remind", [acme, inc], n=1)
    acme.replies_to_all(reminder)


def test_answer_that_bounces_after_the_deadlines_brings_everything_at_once(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """D-14, G-10: timers already past fire at once, the reminders as one mail."""
    ask = inc.writes([acme])
    answer = acme.replies(ask)
    gate.later(hours=100)
    gate.returns(answer, inc)
    gate.sends("alert_delivery", [owner, manager])
    both = gate.sends("remind", [acme, inc])
    assert both.row.occurrence == 2
    gate.sends("escalate", [manager, inc])
    assert [one["data"]["say"]["n"] for one in gate.logged("remind")] == [1, 2]
    assert gate.is_the_same_built_anew()


def test_bounce_of_an_answer_that_did_not_count_revives_nothing(
    gate: Gate, agent: Person, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """D-14: only the answer that stopped the clock can undo it."""
    ask = agent.writes([acme], cc=[inc])
    wrong = acme.replies(ask)
    gate.sends("notice_noncompliant", acme)
    acme.replies_to_all(ask)
    gate.returns(wrong, agent)
    gate.sends("alert_delivery", [owner, manager], of="vendor_reply")
    assert gate.ticket().state == "answered"


def test_bounced_answers_copy_to_the_customer_revives_nothing(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """D-14: it was lost on the way to the customer; the helpdesk has it."""
    answer = acme.replies_to_all(inc.writes([acme], cc=[buyer]))
    gate.returns(answer, buyer)
    assert gate.ticket().state == "answered"


def test_next_hop_that_refuses_the_reminder_for_good_is_a_bounce(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """Design §5: our own SMTP reply acts at once."""
    from mailgate.wire.smtp_out import Sent

    refused = Sent("refused", 550, "5.1.1 no such user", {})
    taken = gate.stage.hop
    gate.stage.hop = lambda row: refused if row.reader == acme.address else taken(row)
    ask = inc.writes([acme])
    gate.at(SUNDAY)
    gate.sends("alert_delivery", [owner, manager], of="reminder")
    gate.sends("remind", inc)
    acme.replies(ask)


def test_sellers_own_bounce_in_a_shared_domain_is_his(gate: Gate, inc: Person, east: Person) -> None:
    """D-10, DR-10: the ticket says whose address came back, where two sellers share a domain."""
    gate.registers("east", admin="boss@east.example")
    ask = inc.writes([east])
    gate.returns(ask, "help@agency.example")
    gate.sends("alert_delivery", Person("boss@east.example", gate), of="ask")


# -- made up


def told(gate: Gate, notice: Notice, path: str, envid: str = "") -> None:
    """An unproven report about a notice comes to `path`."""
    number = len(gate.mails) + gate.stage.store.read(spool.counts).get("settled", 0)
    raw = mails.report(notice.message.message_id or "", notice.row.reader, path, "5.1.1", gate.now, f"{number}.forged@mx.example")
    raw = raw.replace(b"Reporting-MTA:", f"Original-Envelope-Id: {envid}\r\nReporting-MTA:".encode()) if envid else raw
    gate.stage.receive(raw, gate.now, proven=False, also_to=(path,), null=True)


def reminded(gate: Gate, inc: Person, acme: Person) -> tuple[Mail, Notice]:
    """An ask, and the reminder that left for it."""
    ask = inc.writes([acme])
    gate.at(SUNDAY)
    return ask, gate.sends("remind", [acme, inc]).copy(acme)


def other_row(path: str) -> str:
    """The return path of another mail with the MAC of this one."""
    number, _, rest = path.removeprefix("bounces+").partition(".")
    return f"bounces+{int(number) + 1}.{rest}"


@pytest.mark.parametrize(
    "forged",
    [
        other_row,
        lambda path: path.replace("@", "a@"),
        lambda path: token.bounce_address(1, path.partition("@")[2], Keys(b"somebody else's key, not ours at all")),
        lambda path: f"bounces+1@{path.partition('@')[2]}",
    ],
    ids=["another row's", "changed", "another key's", "none"],
)
def test_report_to_a_return_path_that_we_did_not_sign_counts_for_nothing(
    gate: Gate, inc: Person, acme: Person, forged: Callable[[str], str]
) -> None:
    """T15: not once, and not twice either; who knows a Message-ID can't make a seller unreachable."""
    ask, remind = reminded(gate, inc, acme)
    for _ in range(3):
        told(gate, remind, forged(remind.row.reverse_path or ""))
        gate.stays_silent()
    assert gate.unreachable() == {}
    acme.replies(ask)


def test_signed_return_path_speaks_of_its_own_reader_alone(gate: Gate, inc: Person, acme: Person) -> None:
    """T15: who got a copy can say that his own address is dead, and nobody else's."""
    ask, remind = reminded(gate, inc, acme)
    own = remind.copy(inc).row.reverse_path or ""
    told(gate, remind, own)
    assert set(gate.unreachable()) <= {inc.address}
    acme.replies(ask)


def test_signed_envelope_id_is_as_good_as_the_return_path(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """RFC 3461: a relay that writes a return path of its own still gives back the name that we asked under."""
    ask, remind = reminded(gate, inc, acme)
    wrong = token.envelope_id(remind.row.id, Keys(b"somebody else's key, not ours at all"))
    told(gate, remind, gate.stage.desk.address, wrong)
    gate.stays_silent()
    told(gate, remind, gate.stage.desk.address, token.envelope_id(remind.row.id, gate.stage.house.keys))
    gate.sends("alert_delivery", [owner, manager], of="reminder")
    acme.replies(ask)
