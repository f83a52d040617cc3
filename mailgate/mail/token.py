"""Sign what we hand out, and recognise it when it comes back.

Four things carry a ticket back to us, each signed for its own purpose only:

- a reply address ``support+t42.7.<mac>@…``: ticket 42, written to party 7 (RFC 5233 detail)
- a Message-ID ``mg.42.<digest>.<mac>@…``: the same id for the same notice, however often it leaves
- a return path ``bounces+318.<mac>@…``: which row of the outbox a bounce is about
- a token in the text ``MG-<mac>-42``: it survives relays that rewrite every id, and only locates

HMAC-SHA256 cut to 128 bits, base32 in lower case: local parts get lower-cased on the way. Two keys are
accepted while one replaces the other; only the current one signs. Nothing here says what a valid token
may do: that is desk/trust. It does not expire tokens and keeps no list of them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

LOCAL_OCTETS = 64  # RFC 5321 §4.5.3.1.1
MAC_BYTES = 16
TEXT_LIMIT = 1_000_000
TOKENS_LIMIT = 50

_NUMBER = "(0|[1-9][0-9]{0,17})"
_MAC = "([a-z2-7]{26})"
_REPLY = re.compile(rf"[^@]+\+t{_NUMBER}\.{_NUMBER}\.{_MAC}@[^@]+")
_MESSAGE_ID = re.compile(rf"mg\.{_NUMBER}\.{_MAC}\.{_MAC}@([^@<>\s]+)")
_BOUNCE = re.compile(rf"bounces\+{_NUMBER}\.{_MAC}@[^@]+")
_BODY = re.compile(rf"(?<![0-9A-Za-z])MG-{_MAC}-{_NUMBER}(?![0-9])", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, repr=False)
class Keys:
    """The secrets of one installation; `previous` is accepted, never used to sign."""

    current: bytes
    previous: bytes | None = None


def reply_address(address: str, ticket: int, party: int, keys: Keys) -> str:
    """The desk's `address` as one person (`party`) of one `ticket` sees it in Reply-To.

    A +detail that `address` already has is replaced. Raises ValueError when the local part would pass 64 octets.
    """
    local, _, host = address.rpartition("@")
    signed = f"{local.partition('+')[0]}+t{ticket}.{party}.{_sign(keys.current, 'reply', ticket, party)}"
    if len(signed.encode()) > LOCAL_OCTETS:
        raise ValueError(f"the part of {address} before the @ is too long to carry a reply token")
    return f"{signed}@{host}"


def read_reply_address(address: str, keys: Keys) -> tuple[int, int] | None:
    """(ticket, party) if `address` carries a token of ours, in whatever case it came back; else None."""
    found = _REPLY.fullmatch(address.strip().lower())
    if found is None:
        return None
    ticket, party, mac = int(found[1]), int(found[2]), found[3]
    return (ticket, party) if _valid(keys, mac, "reply", ticket, party) else None


def message_id(parts: Sequence[str], ticket: int, domain: str, keys: Keys) -> str:
    """The Message-ID of a notice, without brackets (RFC 5322 §3.6.4): the same `parts`, the same id.

    `ticket` 0 means that the notice is about no ticket.
    """
    host = _host(domain)
    digest = _base32(hashlib.sha256(_framed(*parts)).digest())
    return f"mg.{ticket}.{digest}.{_sign(keys.current, 'id', ticket, digest, host)}@{host}"


def read_message_id(message_id: str, keys: Keys) -> int | None:
    """The ticket number (0 = about no ticket) if `message_id` is one of ours; brackets may be left on."""
    found = _MESSAGE_ID.fullmatch(message_id.strip().removeprefix("<").removesuffix(">").lower())
    if found is None:
        return None
    ticket, digest, mac, host = int(found[1]), found[2], found[3], found[4]
    return ticket if _valid(keys, mac, "id", ticket, digest, host) else None


def bounce_address(outbox_id: int, domain: str, keys: Keys) -> str:
    """The return path (RFC 5321 MAIL FROM) of one row of the outbox."""
    return f"bounces+{outbox_id}.{_sign(keys.current, 'bounce', outbox_id)}@{_host(domain)}"


def read_bounce_address(address: str, keys: Keys) -> int | None:
    """The id of the outbox row whose return path `address` is, or None if we did not write it."""
    found = _BOUNCE.fullmatch(address.strip().lower())
    if found is None:
        return None
    return int(found[1]) if _valid(keys, found[2], "bounce", int(found[1])) else None


def body_token(ticket: int, keys: Keys) -> str:
    """A word for the text of a notice that still names `ticket` after every header was rewritten."""
    return f"MG-{_sign(keys.current, 'body', ticket)}-{ticket}"


def read_body_tokens(text: str, keys: Keys) -> tuple[int, ...]:
    """The tickets whose tokens stand in `text`, in order, without doubles. They locate; they prove nothing."""
    found: dict[int, None] = {}
    for seen, match in enumerate(_BODY.finditer(text[:TEXT_LIMIT])):
        if seen == TOKENS_LIMIT:
            break
        ticket = int(match[2])
        if _valid(keys, match[1].lower(), "body", ticket):
            found[ticket] = None
    return tuple(found)


def _host(domain: str) -> str:
    """`domain` in lower case, as A-labels: ids and return paths are ASCII (RFC 5322 §3.6.4)."""
    host = domain.strip().lower()
    return host if host.isascii() else host.encode("idna").decode("ascii")


def _valid(keys: Keys, mac: str, *said: object) -> bool:
    accepted = (keys.current, keys.previous) if keys.previous else (keys.current,)
    return any(hmac.compare_digest(mac, _sign(key, *said)) for key in accepted)


def _sign(key: bytes, *said: object) -> str:
    """26 characters over what is said; the first word is the purpose, so no token serves for another."""
    return _base32(hmac.digest(key, _framed(*said), "sha256"))


def _framed(*said: object) -> bytes:
    """Each item with its length before it: ("a", "bc") and ("ab", "c") differ."""
    items = [str(item).encode("utf-8", "surrogatepass") for item in said]
    return b"".join(b"%d:%b" % (len(item), item) for item in items)


def _base32(digest: bytes) -> str:
    return base64.b32encode(digest[:MAC_BYTES]).decode("ascii").rstrip("=").lower()
