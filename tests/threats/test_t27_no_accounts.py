"""T27: an account for submission is taken over, its password guessed.

There are no accounts: Postfix in front has them.
"""

from __future__ import annotations

import base64

import pytest
from doors import door

PLAIN = base64.b64encode(b"\0support@shop.test\0canary-password").decode()


@pytest.mark.parametrize("kind", ["smtp", "lmtp"])
async def test_t27_no_door_offers_authentication(kind: str) -> None:
    """Nothing to guess: neither in the greeting nor among the extensions."""
    async with door(kind) as one:
        hello = b"LHLO c.test\r\n" if kind == "lmtp" else b"EHLO c.test\r\n"
        greeting, offered = await one.says(hello)
        assert greeting.startswith("220")
        assert offered.startswith("250")
        assert "AUTH" not in offered.upper()


@pytest.mark.parametrize(
    "line", [f"AUTH PLAIN {PLAIN}", "AUTH LOGIN", "AUTH CRAM-MD5", "AUTH", "AUTH XOAUTH2 eA==", "auth plain"]
)
async def test_t27_password_is_asked_of_nobody_and_repeated_to_nobody(line: str) -> None:
    """A 5xx at once, the same for every name: no challenge, no user that is known or not."""
    async with door() as one:
        said = await one.says(b"EHLO c.test\r\n", line.encode() + b"\r\n")
        assert said[2].startswith("5")
        assert PLAIN not in said[2]


async def test_t27_guesser_is_cut_after_ten_tries() -> None:
    """Errors are counted, whatever they are."""
    async with door() as one:
        said = await one.says(b"EHLO c.test\r\n", *[f"AUTH PLAIN {PLAIN}\r\n".encode()] * 40)
        assert len(said) < 15
        assert any(reply.startswith("421") for reply in said)


async def test_t27_door_relays_to_nobody_else() -> None:
    """RCPT for a foreign domain is refused, however it is written."""
    async with door() as one:
        hello = (b"EHLO c.test\r\n", b"MAIL FROM:<a@c.test>\r\n")
        for to in (
            "x@evil.example",
            "x%evil.example@mx.shop.test",
            "@shop.test:x@evil.example",
            '"x@evil.example"@shop.test.evil.example',
        ):
            said = await one.says(*hello, f"RCPT TO:<{to}>\r\n".encode())
            assert said[3].startswith("5"), to
    assert one.mails == []
