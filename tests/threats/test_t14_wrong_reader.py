"""T14: customer A's copy reaches customer B: by Cc, by reply to all, by a role that the wrong person fills."""

from __future__ import annotations

import random

import pytest
from canaries import CAST, PEOPLE, Tale
from exchange import Gate
from people import Person
from postgres import emptied

from mailgate.store.engine import Store


@pytest.mark.parametrize("pack", CAST)
def test_t14_readers_are_people_of_the_case_or_roles_of_the_pack(scratch_store: Store, pack: str) -> None:
    """Design §5: nobody gets a notice because a mail copied him; strangers only what answers them."""
    scratch_store.call(emptied)
    tale = Tale(pack, random.Random(f"readers {pack}"), scratch_store)
    tale.goes_on(8)
    stranger = PEOPLE["stranger"]
    about = {one.done.ticket for one in tale.told if one.author == stranger}
    for _, row in tale.stage.sent:
        if row.reader == stranger:
            assert row.ticket in about, f"{row.notice} about {row.ticket}"
        assert row.visible == () or row.reader in row.visible


@pytest.mark.parametrize("how", ["Cc", "To", "reply to all"])
def test_t14_other_customer_in_copy_reads_no_notice(gate: Gate, inc: Person, acme: Person, buyer: Person, how: str) -> None:
    """G-11, G-14: a reminder about the seller is for him and the helpdesk, whoever was copied on the question."""
    other = Person("other@mail.example", gate)
    ask = inc.writes([acme, *([other] if how == "To" else [])], cc=[buyer, *([other] if how == "Cc" else [])])
    if how == "reply to all":
        buyer.replies_to_all(ask, adding=[other])
    gate.later(hours=100)
    assert not {buyer.address, other.address} & {row.reader for _, row in gate.stage.sent}
    gate.disregards()
