"""Sign what leaves with DKIM (RFC 6376, RFC 8463), where no other host does: rsa-sha256 and ed25519-sha256.

A mail is signed by every key of its author's domain, or of the nearest domain above that has keys. What readers see and
answer by is signed once more often than it stands there, so that nobody can add another one. Only our own mail is signed: what
is handed on stays as it came. Needs the extra `mailgate[dkim]`; RSA is slow there, so it runs in a thread.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from mailgate.config.signing import SigningKey
from mailgate.mail import address as addresses
from mailgate.mail.scan import fields
from mailgate.wire.smtp_out import Sent, Smarthost

SEALED = (
    "from", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references", "reply-to", "mime-version", "content-type",
    "content-transfer-encoding",
)  # fmt: skip
PRESENT = ("auto-submitted", "list-id", "list-unsubscribe", "list-unsubscribe-post")


class Signing:
    """A next hop whose mail is signed first."""

    def __init__(self, hop: Smarthost, keys: Sequence[SigningKey]) -> None:
        self._hop, self._keys, self.name = hop, keys, hop.name

    async def send(self, reverse_path: str | None, forward_paths: tuple[str, ...], data: bytes, envid: str = "") -> Sent:
        """What became of the signed mail; mail without a name of ours is not ours, and goes as it is."""
        from dkim import DKIMException

        try:
            data = await asyncio.to_thread(signed, data, self._keys) if envid else data
        except DKIMException as error:
            return Sent("deferred", None, f"the mail can't be signed: {error}")
        return await self._hop.send(reverse_path, forward_paths, data, envid)

    async def close(self) -> None:
        """Let go of connections."""
        await self._hop.close()


def signed(mail: bytes, keys: Sequence[SigningKey]) -> bytes:
    """`mail` with a signature of each key that is its author's on top. Raises dkim.DKIMException."""
    import dkim

    head = [(name.lower(), value.decode("latin-1")) for name, value in fields(mail)]
    author = addresses.author([value for name, value in head if name == "from"])
    there = Counter(name for name, _ in head)
    names = [name for name in SEALED for _ in range(there[name] + 1)] + [name for name in PRESENT for _ in range(there[name])]
    made = [
        dkim.sign(
            mail, key.selector.encode(), key.domain.encode(), key.key, canonicalize=(b"relaxed", b"relaxed"),
            signature_algorithm=key.algorithm.encode(), include_headers=[name.encode() for name in names],
        )
        for key in keys_of(author or "", keys)
    ]  # fmt: skip
    return b"".join((*made, mail))


def keys_of(author: str, keys: Sequence[SigningKey]) -> tuple[SigningKey, ...]:
    """The keys of this author's domain, or of the nearest one above it that has any."""
    domain = addresses.domain(author) if author else ""
    while domain:
        if mine := tuple(key for key in keys if key.domain == domain):
            return mine
        domain = domain.partition(".")[2]
    return ()
