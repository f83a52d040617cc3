"""T28: somebody asks by mail for another person's data, or to erase it.

Only the verbs do either: tests/cli/test_privacy.py.
"""

from __future__ import annotations

from functools import partial

import pytest
from exchange import Gate
from people import Person

from mailgate.store import spool
from mailgate.store.person import known_of

ASKS = (
    "Please send me all data that you hold about me (GDPR Art. 15).", "EXPORT", "PURGE", "ERASE", "DELETE MY DATA", "UNSUBSCRIBE",
    "purge --address buyer@mail.example", "export buyer@mail.example",
)  # fmt: skip


@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize("text", ASKS)
def test_t28_mail_neither_exports_nor_erases(
    gate: Gate, inc: Person, acme: Person, buyer: Person, text: str, proven: bool
) -> None:
    """The same gate as for commands, and no such command: it is a mail like others, for people to answer."""
    secret = inc.writes([acme], cc=[buyer], text="Between us three.")
    for who in (buyer, buyer.at("buyer@evil.example")):
        who.writes([gate.stage.desk], subject="My data", text=text, proven=proven)
    sent = [row for _, row in gate.stage.sent if row.notice != "pass_on"]
    assert not any(secret.canary.encode() in row.raw for row in sent)
    assert gate.stage.store.read(spool.counts)["settled"] == 3
    assert gate.stage.ticket(1).spoken[0].text.strip().startswith("Between us three.")
    acme.replies_to_all(secret)
    gate.disregards()


def test_t28_export_of_one_person_holds_nothing_that_he_was_never_shown(
    gate: Gate, inc: Person, acme: Person, buyer: Person
) -> None:
    """G-14: what was said about him behind his back is other people's; so is a subject that he never had."""
    private = inc.writes([acme], subject="The liar of order 4711", text="He lies.")
    head = {"In-Reply-To": f"<{private.message.message_id}>", "References": f"<{private.message.message_id}>"}
    shown = inc.writes([buyer], subject="Order 4711", text="We look into it.", headers=head)
    assert shown.ticket == private.ticket
    rows = gate.stage.store.read(lambda one: list(known_of(one, buyer.address)))
    said = repr(rows)
    assert shown.canary in said
    assert private.canary not in said
    assert "liar" not in said
    acme.replies_to_all(private)
    gate.disregards()


def test_t28_export_of_somebody_else_of_the_same_domain_is_not_his(
    gate: Gate, inc: Person, acme: Person, east: Person, west: Person
) -> None:
    """By the address, not by the domain, nor by the start of it."""
    mail = inc.writes([east], text="For east.")
    for other in (west.address, "ast@agency.example", "east@agency.example.evil", "EAST2@agency.example"):
        assert mail.canary not in repr(gate.stage.store.read(lambda one, who=other: list(known_of(one, who))))
    assert mail.canary in repr(
        gate.stage.store.read(partial(lambda one, who: list(known_of(one, who)), who="EAST@agency.example"))
    )
    east.replies_to_all(mail)
    gate.disregards()
