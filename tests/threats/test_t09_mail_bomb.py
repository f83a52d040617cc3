"""T9, S07: forged mail makes us write to a victim, best with the forger's words in it."""

from __future__ import annotations

import pytest
from exchange import Gate
from forging import delivered, shown
from people import Person, written

PACK = "clickbank"
WORDS = "BUY CHEAP WATCHES http://evil.example"
FORGED = 100  # a thousand bring no more


def flood(gate: Gate, count: int, **head: str) -> None:
    """So many first mails in the victim's name, his address spelled in every way there is."""
    for number in range(count):
        victim = ("victim@mail.example", "VICTIM@mail.example", f"victim+{number}@mail.example", "Victim@MAIL.example")[
            number % 4
        ]
        said = {"To": "tickets@desk.example", "Subject": f"{WORDS} {number}", "Message-ID": f"<{number}@evil.example>", **head}
        delivered(gate, written(f'"{WORDS}" <{victim}>', said, f"Seller: shop\nRequest: refund\n\n{WORDS} {number}"))
        gate.now = gate.stage.now = gate.now.replace(microsecond=number)


def test_t09_flood_of_forged_first_mails_is_one_question_without_a_word_of_them(gate: Gate) -> None:
    """G-16: unproven, so he is asked once an hour, however he is spelled; nobody else hears anything."""
    flood(gate, FORGED)
    told = [row for _, row in gate.stage.sent if row.reader not in gate.stage.desk.staff]
    assert len(told) == 1
    assert told[0].notice == "did_you_write"
    assert "WATCHES" not in shown(told[0].raw)
    assert "evil.example" not in shown(told[0].raw)
    gate.disregards()


def test_t09_desks_people_get_one_list_an_hour_of_it(gate: Gate, staff: Person) -> None:
    """Design §5: what waits is told of once; at most twenty things in one mail."""
    from functools import partial

    from mailgate import needs

    flood(gate, 60)
    for _ in range(5):
        work = partial(needs.tell_desk, desk=gate.stage.desk, house=gate.stage.house, now=gate.now)
        gate.stage.store.call(work)
        gate.stage.deliver(gate.now)
    assert [row.notice for _, row in gate.stage.sent if row.reader == staff.address] == ["needs_you"]
    gate.disregards()


@pytest.mark.differs("whom a cap kept from being written to is not of the ticket when it is built anew")
def test_t09_flood_of_proven_mail_ends_at_the_caps(gate: Gate, vendor: Person) -> None:
    """Whoever may start things, by a proven domain of his own, brings one reader so many notices an hour and no more."""
    for number in range(70):
        who = Person(f"c{number}@evil.example", gate)
        who.states(f"A-{number}", WORDS, Seller="shop", Request="support")
    caps = gate.stage.house.caps
    assert sum(row.reader == vendor.address for _, row in gate.stage.sent) <= caps.reader
    assert gate.logged("notice_capped")
    gate.mails.clear()  # what they say is for the vendor to read
    gate.disregards()


@pytest.mark.parametrize(
    "head",
    [
        {"Auto-Submitted": "auto-generated"},
        {"Precedence": "bulk"},
        {"List-Id": "<x.evil.example>"},
        {"Return-Path": "<>"},
    ],
)
def test_t09_machines_in_the_victims_name_bring_nothing(gate: Gate, head: dict[str, str]) -> None:
    """RFC 3834 §2: not even the question."""
    flood(gate, 4, **head)
    assert not [row for _, row in gate.stage.sent if row.reader.lower().startswith("victim") and "Return-Path" not in head]
    gate.disregards()


def test_t09_null_sender_is_never_answered(gate: Gate) -> None:
    """RFC 5321 §4.5.5."""
    head = {"To": "tickets@desk.example", "Subject": WORDS, "Message-ID": "<1@evil.example>"}
    delivered(gate, written("victim@mail.example", head, "Seller: shop\n\nHello"), reverse_path=None)
    assert not [row for _, row in gate.stage.sent if row.reader == "victim@mail.example"]
    gate.disregards()
