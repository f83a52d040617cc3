"""The Postfix that other tests stand on: two at a time, mail from the one to a mailbox of the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from postfix import Postfix

pytestmark = pytest.mark.real


def test_two_of_them_hand_on_and_deliver(postfix: Callable[..., Postfix]) -> None:
    """The first relays to the second, which delivers; an address with a + lies in the same box."""
    boxes = postfix(mailboxes=["b@people.test"])
    first = postfix({"relayhost": f"[127.0.0.1]:{boxes.port}", "default_transport": "smtp"})
    raw = b"From: a@client.test\r\nTo: b@people.test\r\nSubject: hello\r\n\r\nhello\r\n"
    assert first.sends(raw, "a@client.test", ["b@people.test", "b+tag@people.test"]) == {}
    assert [one["Subject"] for one in boxes.delivered("b@people.test", 2)] == ["hello", "hello"]
    first.drained()
    assert "status=sent" in first.log


def test_tables_and_services_are_the_test_s_own(postfix: Callable[..., Postfix]) -> None:
    """A table of the test is in force, and so is a change of it after a reload."""
    one = postfix(
        lambda made: {"virtual_alias_maps": made.table("alias", {"x@people.test": "y@people.test"})},
        mailboxes=["y@people.test", "z@people.test"],
    )
    raw = b"From: a@client.test\r\nTo: x@people.test\r\nSubject: 1\r\n\r\n1\r\n"
    one.sends(raw, "a@client.test", ["x@people.test"])
    one.delivered("y@people.test")
    one.table("alias", {"x@people.test": "z@people.test"})
    one.reload()
    one.sends(raw, "a@client.test", ["x@people.test"])
    one.delivered("z@people.test")
