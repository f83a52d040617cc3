"""Who reads what: a notice quotes a mail only to those it was addressed to (docs/rules.md G-11, G-14).

Every mail of every story bears a word of its own, and `Gate.ends` looks for those words in every notice that left. Here is what
must be quoted, so that silence is no way to keep the rule, and the exchanges in which a leak would be easiest.
"""

from __future__ import annotations

from exchange import Gate
from passage import Notice
from people import Mail, Person


def _shows(notice: Notice, mail: Mail) -> bool:
    return mail.canary in (notice.message.text or "")


def test_reminder_quotes_the_ask_to_those_who_have_it(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """G-14: seller and helpdesk both have the ask; what the customer wrote to the helpdesk alone stays there."""
    private = buyer.writes([inc], text="Between us, please.")
    ask = inc.replies(private, "Acme?", adding=[acme])
    acme.replies(inc.writes([acme], subject="Another case"))
    gate.later(hours=48)
    reminder = gate.sends("remind", [acme, inc])
    assert (_shows(reminder, ask), _shows(reminder, private)) == (True, False)
    acme.replies_to_all(reminder)


def test_backup_sees_nothing_that_was_not_addressed_to_him(gate: Gate, inc: Person, acme: Person, backup: Person) -> None:
    """G-14: a notice to several readers quotes what all of them have, for each of them."""
    gate.registers("acme", backup=backup.address)
    ask = inc.writes([acme])
    acme.auto_replies(ask)
    gate.later(hours=48)
    reminder = gate.sends("remind", [acme, backup, inc])
    assert not any(_shows(reminder.copy(one), ask) for one in (acme, backup, inc))
    acme.replies(ask)


def test_escalation_shows_the_manager_what_he_was_copied_on(
    gate: Gate, inc: Person, acme: Person, manager: Person, buyer: Person
) -> None:
    """G-14: and nothing else of the exchange."""
    private = inc.writes([acme])
    shown = inc.writes([acme], cc=[manager], subject="Re: Order 4711", headers={"In-Reply-To": f"<{private.message.message_id}>"})
    gate.later(hours=96)
    gate.sends("remind", [acme, inc])
    gate.sends("remind", [acme, inc])
    escalation = gate.sends("escalate", [manager, inc])
    assert (_shows(escalation, shown), _shows(escalation, private)) == (True, False)


def test_letter_about_an_answer_quotes_it_to_its_author(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """G-14: his own words are his; when a colleague wrote them, the support address has not seen them."""
    ask = inc.writes([acme], cc=[buyer])
    own = acme.replies(ask)
    assert _shows(gate.sends("notice_noncompliant", acme), own)
    gate.later(minutes=1)
    colleague = acme.at("anna@acme.example").replies(ask)
    letter = gate.sends("notice_noncompliant", acme)
    assert not _shows(letter, colleague)


def test_answer_to_an_internal_notice_stays_internal(
    gate: Gate, inc: Person, acme: Person, manager: Person, staff: Person
) -> None:
    """G-14: what the manager says to an escalation is never quoted to the seller."""
    gate.under(max_reminders=0)
    ask = inc.writes([acme])
    gate.later(hours=72)
    escalation = gate.sends("escalate", [manager, inc])
    said = manager.replies(escalation, "He is broke, do not insist.")
    gate.passes_on(said, staff)
    assert said.event == "wrote"
    inc.follows_up(ask)
    gate.later(hours=1)
    wrong = acme.replies_to_all(ask, without=[inc], adding=[staff])
    letter = gate.sends("notice_noncompliant", acme, missing=["required_copy"])
    assert (_shows(letter, wrong), _shows(letter, said)) == (True, False)


def test_managers_reply_to_all_of_an_escalation_asks_nothing_of_the_seller(
    gate: Gate, inc: Person, acme: Person, manager: Person
) -> None:
    """G-14: internal by Reply and by Reply to all; it is no answer, and stops nothing."""
    gate.under(max_reminders=0)
    inc.writes([acme])
    gate.later(hours=72)
    said = manager.replies_to_all(gate.sends("escalate", [manager, inc]))
    assert (said.event, said.ticket) == ("wrote", 1)
    assert gate.clock().running


def test_forwarded_mail_keeps_its_audience(gate: Gate, inc: Person, acme: Person, buyer: Person, stranger: Person) -> None:
    """G-14: what a stranger sent us does not become the seller's to read because it joined his ticket."""
    ask = inc.writes([acme], cc=[buyer])
    secret = buyer.replies(ask, "For the helpdesk only.")
    gate.later(hours=48)
    reminder = gate.sends("remind", [acme, inc])
    assert not _shows(reminder, secret)
    acme.replies_to_all(reminder)


def test_blind_copies_are_no_audience_that_a_notice_may_count_on(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """G-14: To and Cc; a notice never tells that somebody had a blind copy."""
    inc.writes([buyer], bcc=[acme], text="FYI")
    ask = inc.writes([acme], subject="Re: Order 4711", headers={"In-Reply-To": f"<{gate.mails[0].message.message_id}>"})
    gate.later(hours=48)
    reminder = gate.sends("remind", [acme, inc])
    assert (_shows(reminder, ask), _shows(reminder, gate.mails[0])) == (True, False)
    acme.replies_to_all(reminder)


def test_everyone_reads_his_own_language(gate: Gate, inc: Person, acme: Person, staff: Person) -> None:
    """G-17: the directory's, else the desk's; per reader, and either copy can be answered."""
    gate.registers("acme", language="pt-BR")
    inc.writes([acme])
    gate.later(hours=48)
    reminder = gate.sends("remind", [acme, inc])
    assert ("Lembrete" in reminder.message.subject, "Reminder" in reminder.copy(inc).message.subject) == (True, True)
    gate.passes_on(acme.replies(reminder), staff)
    assert gate.ticket().state == "answered"


def test_quiet_notices_bear_no_machine_headers(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §5: machine_headers = quiet, for helpdesks that hide automatic mail; our signed id still holds loops."""
    gate.registers("acme", machine_headers="quiet")
    inc.writes([acme])
    gate.later(hours=48)
    reminder = gate.sends("remind", [acme, inc])
    assert [reminder.message.header(name) for name in ("auto-submitted", "precedence")] == [None, None]
    gate.stage.receive(reminder.message.raw, gate.now)
    gate.stays_silent()
    acme.replies_to_all(reminder)


def test_every_copy_of_a_notice_looks_the_same(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §2: same visible To and Cc, Message-ID and body; own reply address and return path."""
    inc.writes([acme])
    gate.later(hours=48)
    reminder = gate.sends("remind", [acme, inc])
    one, other = reminder.message, reminder.copy(inc).message
    assert (one.addressed, one.message_id) == (other.addressed, other.message_id)
    assert [line for line in one.text.splitlines() if line not in other.text.splitlines()] == []
    assert ("mailto:" in one.text, "mailto:" in other.text) == (False, True)  # DR-11: what the helpdesk may order
    assert one.reply_to != other.reply_to
    assert reminder.row.reverse_path != reminder.copy(inc).row.reverse_path
    acme.replies_to_all(reminder)


def test_subject_is_shown_to_those_who_were_written_to_under_it(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """G-14: what the customer called his case before the helpdesk alone, the seller reads nowhere; he sees his own question's."""
    private = buyer.writes([inc], subject="About my divorce")
    headers = {"In-Reply-To": f"<{private.message.message_id}>", "References": f"<{private.message.message_id}>"}
    ask = inc.writes([acme], subject="Order 4711", headers=headers)
    assert ask.ticket == private.ticket
    gate.later(hours=48)
    reminder = gate.sends("remind", [acme, inc])
    assert ("Order 4711" in reminder.message.subject, "divorce" in reminder.said) == (True, False)
    acme.replies_to_all(reminder)


def test_reader_who_knows_no_subject_sees_the_number(
    gate: Gate, inc: Person, acme: Person, owner: Person, manager: Person
) -> None:
    """G-14: the seller's administrator was written to under none; the desk's own manager reads the case's."""
    gate.returns(inc.writes([acme]), acme)
    alert = gate.sends("alert_delivery", [owner, manager])
    assert ("MG-1" in alert.message.subject, "Order 4711" in alert.said) == (True, False)


def test_desks_own_people_see_the_subject(gate: Gate, inc: Person, acme: Person, manager: Person) -> None:
    """G-14: it heads their file, whoever was addressed."""
    gate.under(max_reminders=0)
    inc.writes([acme])
    gate.later(hours=72)
    assert "Order 4711" in gate.sends("escalate", [manager, inc]).message.subject


def test_agenda_calls_a_case_as_the_seller_knows_it(gate: Gate, inc: Person, acme: Person, buyer: Person) -> None:
    """G-14, G-15: the day's list is a notice like others."""
    gate.registers("acme", agenda_at="09:00")
    gate.winds()
    private = buyer.writes([inc], subject="About my divorce")
    headers = {"In-Reply-To": f"<{private.message.message_id}>", "References": f"<{private.message.message_id}>"}
    ask = inc.writes([acme], subject="Order 4711", headers=headers)
    gate.later(hours=30)
    agenda = gate.sends("agenda", acme)
    assert ("Order 4711" in agenda.said, "divorce" in agenda.said) == (True, False)
    acme.replies(ask)
    gate.disregards()
