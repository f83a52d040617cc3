"""What a relay's reply to our mail says of the id that it travels under."""

from __future__ import annotations

import pytest

from mailgate.store.tickets import relay_ids

SES = "0102018f3c1d2e4f-5a6b7c8d-1234-5678-9abc-def012345678-000000"


@pytest.mark.parametrize(
    ("reply", "ids"),
    [
        (f"250 Ok {SES}", (SES,)),  # Amazon SES
        (f"250 Ok: {SES}", (SES,)),
        (f"250 2.0.0 OK {SES}@eu-west-1.amazonses.com", (SES,)),
        (
            "250 2.0.0 OK <VI1PR0502MB2973ABCD@VI1PR0502MB2973.eurprd05.prod.outlook.com> [Hostname=VI1PR0502.outlook.com]",
            ("VI1PR0502MB2973ABCD",),
        ),  # Outlook.com
        (
            "250 2.6.0 <abcdef0123@DB7PR01.prod.exchangelabs.com> [InternalId=15646, Hostname=DB7PR01] 8436 bytes",
            ("abcdef0123",),
        ),  # Exchange Online
        ("250 2.0.0 OK  1718000000 ffacd0b85a97d-35f0d2f8c1esm4567890f8f.25 - gsmtp", ()),  # Gmail keeps ours
        ("250 2.0.0 Ok: queued as 4F2A1B2C3D4E", ()),  # Postfix: a queue id, given again some day
        ("250 Ok: queued as Xb3cDqNNQYmdRnFpvDZgAQ", ()),  # SendGrid
        ("250 Great success", ()),
        ("250 OK id=1sGkQx-0003Zk-2T", ()),  # Exim
        ("250 Ok short", ()),
        ("250 2.0.0 taken", ()),
        ("", ()),
        ("550 5.1.1 <no.such.user@shop.test> unknown", ()),
    ],
)
def test_only_what_stands_for_our_message_id_is_learned(reply: str, ids: tuple[str, ...]) -> None:
    """A wrong alias would lead somebody else's mail to our ticket."""
    assert relay_ids(reply) == ids
