"""Answering our notices correctly is possible (design §2; docs/rules.md D-23…D-27).

For every notice that wants an answer, the Reply and the Reply to all that Gmail, Outlook, Apple Mail, Freshdesk and Zendesk
build from its headers break no rule; and where a clock waits for that answer, it stops. Each trial is rolled back, so that all
of them answer the same notice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from clients import CLIENTS, Client, answer, ways
from exchange import Gate
from passage import Notice
from people import Person

from mailgate.gateway import Settled

FRIDAY, SUNDAY = "2026-06-12T18:30", "2026-06-14T18:30"
SERVICE = "acme@help.acme.example"
Cast = dict[str, Person]
Scene = Callable[[Gate, Cast], tuple[Notice, Person]]


@pytest.fixture
def cast(
    inc: Person, agent: Person, acme: Person, owner: Person, backup: Person, manager: Person, ops: Person, buyer: Person,
    notifier: Person,
) -> Cast:  # fmt: skip
    """Everybody by name."""
    return {name: person for name, person in locals().items() if isinstance(person, Person)}


def _reminder(gate: Gate, cast: Cast) -> tuple[Notice, Person]:
    cast["inc"].writes([cast["acme"]], cc=[cast["buyer"]])
    gate.at(SUNDAY)
    return gate.sends("remind", [cast["acme"], cast["inc"]]), cast["acme"]


def _two_reminders_in_one(gate: Gate, cast: Cast) -> tuple[Notice, Person]:
    cast["inc"].writes([cast["acme"]], cc=[cast["buyer"]])
    gate.sleeps(hours=80)
    return gate.sends("remind", [cast["acme"], cast["inc"]]), cast["acme"]


def _reminder_to_the_backup(gate: Gate, cast: Cast) -> tuple[Notice, Person]:
    gate.registers("acme", backup=cast["backup"].address, holidays=["2026-06-14"])
    cast["inc"].writes([cast["acme"]], cc=[cast["buyer"]])
    gate.at(SUNDAY)
    return gate.sends("remind", [cast["acme"], cast["backup"], cast["inc"]]).copy(cast["backup"]), cast["backup"]


def _letter_about_an_answer(gate: Gate, cast: Cast) -> tuple[Notice, Person]:
    ask = cast["agent"].writes([cast["acme"]], cc=[cast["inc"], cast["buyer"]])
    cast["acme"].replies(ask)
    return gate.sends("notice_noncompliant", cast["acme"]), cast["acme"]


def _letter_where_only_cc_counts(gate: Gate, cast: Cast) -> tuple[Notice, Person]:
    gate.under(required_copy_in="cc")
    cast["acme"].replies(cast["inc"].writes([cast["acme"]]))
    return gate.sends("notice_noncompliant", cast["acme"]), cast["acme"]


def _reminder_where_only_cc_counts(gate: Gate, cast: Cast) -> tuple[Notice, Person]:
    gate.under(required_copy_in="cc")
    return _reminder(gate, cast)


def _reminder_that_a_quiet_helpdesk_gets(gate: Gate, cast: Cast) -> tuple[Notice, Person]:
    gate.registers("acme", machine_headers="quiet")
    return _reminder(gate, cast)


def _alert(gate: Gate, cast: Cast) -> tuple[Notice, Person]:
    gate.returns(cast["inc"].writes([cast["acme"]], cc=[cast["buyer"]]), cast["acme"])
    return gate.sends("alert_delivery", [cast["owner"], cast["manager"]]), cast["owner"]


def _alert_to_the_manager(gate: Gate, cast: Cast) -> tuple[Notice, Person]:
    return _alert(gate, cast)[0].copy(cast["manager"]), cast["manager"]


def _thank_you_page(gate: Gate, cast: Cast) -> tuple[Notice, Person]:
    cast["acme"].writes([cast["inc"]], subject="Shipping takes longer", text="Delay in days: 20")
    gate.sends("forward_topic", cast["manager"])
    return gate.sends("remind_thank_you_page", cast["acme"]), cast["acme"]


def _topic(gate: Gate, cast: Cast) -> tuple[Notice, Person]:
    cast["acme"].writes([cast["inc"]], subject="Shipping takes longer")
    return gate.sends("forward_topic", cast["manager"]), cast["manager"]


def _checklist(gate: Gate, cast: Cast) -> tuple[Notice, Person]:
    gate.registers(
        "acme", backup=cast["backup"].address, checklist={"support_address": "2026-06-01", "us_holidays": "2026-06-01"}
    )
    gate.winds()
    gate.at("2026-06-13T09:00")
    return gate.sends("remind_checklist", cast["owner"], item="helpdesk"), cast["owner"]


def _escalation(gate: Gate, cast: Cast) -> tuple[Notice, Person]:
    gate.under(max_reminders=0)
    cast["inc"].writes([cast["acme"]], cc=[cast["buyer"]])
    gate.later(hours=72)
    return gate.sends("escalate", [cast["manager"], cast["inc"]]), cast["manager"]


def _proposal(gate: Gate, cast: Cast) -> tuple[Notice, Person]:
    gate.under(takeover_strikes=1)
    cast["notifier"].writes([cast["inc"]], text="Seller: acme\nChargeback: yes")
    return gate.sends("propose_takeover", [cast["manager"], cast["ops"]]), cast["manager"]


AWAITED = (
    _reminder, _two_reminders_in_one, _reminder_to_the_backup, _letter_about_an_answer, _letter_where_only_cc_counts,
    _reminder_where_only_cc_counts, _reminder_that_a_quiet_helpdesk_gets,
)  # fmt: skip
OTHERS = (_alert, _alert_to_the_manager, _thank_you_page, _topic, _checklist, _escalation, _proposal)


def _names(scene: Any) -> str:
    return str(getattr(scene, "name", getattr(scene, "__name__", ""))).strip("_").replace("_", " ")


def _broken(done: Settled) -> list[str]:
    return [violation.rule for violation in done.decision.violations]


def _is_stopped(done: Settled) -> bool:
    clock = done.written.ticket.clock("respond") if done.written.ticket else None
    return clock is not None and clock.state == "stopped"


@pytest.mark.parametrize("client", CLIENTS, ids=_names)
@pytest.mark.parametrize("scene", AWAITED, ids=_names)
def test_answer_to_a_notice_keeps_every_rule_and_stops_the_clock(gate: Gate, cast: Cast, scene: Scene, client: Client) -> None:
    """Design §2: by Reply and by Reply to all, whatever the client makes of own addresses and ids."""
    gate.at(FRIDAY)
    notice, reader = scene(gate, cast)
    for way in ways(client):
        done = gate.would(answer(client, way, notice.message, reader.address, SERVICE))
        assert (done.event, _broken(done), _is_stopped(done)) == ("answered", [], True), way
        assert "notice_noncompliant" not in {name for _, name, _ in done.written.queued}


@pytest.mark.parametrize("scene", AWAITED[:4], ids=_names)
def test_reply_address_proves_its_reader(gate: Gate, cast: Cast, scene: Scene) -> None:
    """Design §5: where no host vouches for the author, the token in Reply-To does; by Reply as by Reply to all."""
    gate.at(FRIDAY)
    notice, reader = scene(gate, cast)
    for client in CLIENTS:
        for way in (one for one in ways(client) if not one.by_service and not one.to_from):
            done = gate.would(answer(client, way, notice.message, reader.address, SERVICE), proven=False)
            assert (done.event, done.level, _is_stopped(done)) == ("answered", "signed", True), (client.name, way)


@pytest.mark.parametrize("client", CLIENTS, ids=_names)
@pytest.mark.parametrize("scene", OTHERS, ids=_names)
def test_answer_to_a_notice_that_no_clock_waits_for_breaks_no_rule(gate: Gate, cast: Cast, scene: Scene, client: Client) -> None:
    """Design §2: alerts, topics, checklists, escalations; nobody gets a letter about how he answered."""
    gate.at(FRIDAY)
    notice, reader = scene(gate, cast)
    for way in (one for one in ways(client) if one.thread in ("kept", "own_id")):
        if way.by_service and reader.address.endswith("market.example"):
            continue
        done = gate.would(answer(client, way, notice.message, reader.address, SERVICE))
        assert (_broken(done), done.kind) == ([], "human"), way
        assert not done.written.queued


def test_answer_after_an_answer_is_still_no_fault(gate: Gate, cast: Cast, acme: Person) -> None:
    """D-23: he answers the ask, and then our reminder that crossed it."""
    gate.at(FRIDAY)
    notice, _ = _reminder(gate, cast)
    acme.replies_to_all(notice)
    second = gate.would(answer(CLIENTS[0], next(iter(ways(CLIENTS[0]))), notice.message, acme.address, SERVICE))
    assert _broken(second) == []
