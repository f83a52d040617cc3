"""Sign what we hand out, and recognise it when it comes back.

Six things come back to us, each signed for its own purpose only:

- a reply address ``support+t42.7.<mac>@…``: ticket 42, written to party 7 (RFC 5233 detail)
- an action address ``support+a7.<code>.<expiry>.<mac>@…``: what party 7 may do once, until that day, by writing to it
- a Message-ID ``mg.42.<digest>.<mac>@…``: the same id for the same notice, however often it leaves
- a return path ``bounces+318.<mac>@…``: which row of the outbox a bounce is about
- an envelope id ``mg.318.<mac>``: the same, where a relay writes another return path
- a token in the text ``MG-<mac>-42``: it survives relays that rewrite every id, and only locates

HMAC-SHA256 cut to 128 bits, base32 in lower case: local parts get lower-cased on the way. Two keys are
accepted while one replaces the other; only the current one signs. Nothing here says what a valid token
may do: that is desk/trust. It does not expire tokens and keeps no list of them: an action token says its last day and
the name under which the caller notes that it was used.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import quote

LOCAL_OCTETS = 64  # RFC 5321 §4.5.3.1.1
MAC_BYTES = 16
LINK_OCTETS = 1900  # Windows hands no longer link than 2,083 characters to a mail program; notices cut at 2,000
SUBJECT_LIMIT, BODY_LIMIT = 200, 1000
TEXT_LIMIT = 1_000_000
TOKENS_LIMIT = 50

_NUMBER = "(0|[1-9][0-9]{0,17})"
_MAC = "([a-z2-7]{26})"
_REPLY = re.compile(rf"[^@]+\+t{_NUMBER}\.{_NUMBER}\.{_MAC}@[^@]+")
_MESSAGE_ID = re.compile(rf"mg\.{_NUMBER}\.{_MAC}\.{_MAC}@([^@<>\s]+)")
_BASE36 = "(0|[1-9a-z][0-9a-z]{0,3})"
_ACTION = re.compile(
    rf"[^@]+\+a{_NUMBER}\.([a-z2-7]{{5}})\.{_BASE36}(?:\.([1-9a-z][0-9a-z]{{0,5}}))?\.{_MAC}@[^@]+", re.IGNORECASE | re.ASCII
)
_BOUNCE = re.compile(rf"bounces\+{_NUMBER}\.{_MAC}@[^@]+")
_LIKE_BOUNCE = re.compile(r"bounces\+")
_ENVELOPE = re.compile(rf"mg\.{_NUMBER}\.{_MAC}")
_DAY_0 = date(1970, 1, 1)
_BODY = re.compile(rf"(?<![0-9A-Za-z])MG-{_MAC}-{_NUMBER}(?![0-9])", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, repr=False)
class Keys:
    """The secrets of one installation; `previous` is accepted, never used to sign."""

    current: bytes
    previous: bytes | None = None


@dataclass(frozen=True)
class ActionToken:
    """What an action address says: `party` may do `action` up to the end of the day `expires`.

    `nonce` is the episode of the offer. `digest` names this offer, whichever key signed it: noted once, it is used up.
    """

    party: int
    action: str
    expires: date
    nonce: int
    digest: str


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


def action_address(address: str, party: int, action: str, expires: date, keys: Keys, *, nonce: int = 0) -> str:
    """The desk's `address` at which mail does `action` for `party`, a participant, who is of one ticket only.

    `<party>.<code>.<expiry>[.<nonce>].<mac>`: the code tells which of the possible actions to try, in 25 bits of the
    SHA-256 of its name; the day (since 1970) and the nonce are in base 36; a nonce of 0 is left out. The nonce travels
    because nobody remembers which offers were made. Raises ValueError when the local part would pass 64 octets.
    """
    local, _, host = address.rpartition("@")
    days = (expires - _DAY_0).days
    said = [str(party), _code(action), _base36(days), *([_base36(nonce)] if nonce else ())]
    signed = f"{local.partition('+')[0]}+a{'.'.join(said)}.{_sign(keys.current, 'action', party, action, days, nonce)}"
    if len(signed.encode()) > LOCAL_OCTETS:
        raise ValueError(f"the part of {address} before the @ is too long to carry an action token")
    if _ACTION.fullmatch(f"{signed}@{host}") is None:
        raise ValueError(f"{address}, party {party}, until {expires}, nonce {nonce}: an action token cannot say this")
    return f"{signed}@{host}"


def read_action_address(address: str, actions: Iterable[str], keys: Keys) -> ActionToken | None:
    """What `address` offers, if we signed it for one of `actions`, in whatever case it came back; else None.

    Whether its day has passed and whether it was used is for the caller to ask.
    """
    found = _ACTION.fullmatch(address.strip())
    if found is None:
        return None
    code, mac = found[2].lower(), found[5].lower()
    party, days, nonce = int(found[1]), int(found[3], 36), int(found[4] or "0", 36)
    for action in actions:
        if _code(action) == code and _valid(keys, mac, "action", party, action, days, nonce):
            digest = _base32(hashlib.sha256(_framed("action", party, action, days, nonce)).digest())
            return ActionToken(party, action, _DAY_0 + timedelta(days=days), nonce, digest)
    return None


def action_code(address: str) -> str | None:
    """The five characters that say which action `address` offers, if it looks like one; it proves nothing yet."""
    found = _ACTION.fullmatch(address.strip())
    return found[2].lower() if found else None


def code_of(action: str) -> str:
    """The five characters under which an action travels."""
    return _code(action)


def mailto(address: str, subject: str, body: str = "") -> str:
    """A link that opens a mail to `address` with subject and body filled in (RFC 6068), ASCII, at most 1,900 octets.

    UTF-8, percent-encoded but for letters, digits and ``-._~``: also the ``+`` of our addresses, which some programs
    take for a space. Line ends of the body are CRLF (§5). What is too long is cut between characters.
    """
    local, _, host = address.strip().rpartition("@")
    link = f"mailto:{quote(local, safe='')}@{quote(_host(host), safe='')}?subject="
    if not local or not host or len(link) > LINK_OCTETS // 2:
        raise ValueError(f"{address[:80]!r} is no address to write to")
    link += _quoted(" ".join(_clean(subject, "").split())[:SUBJECT_LIMIT], LINK_OCTETS * 3 // 4 - len(link))
    lines = _clean(body.replace("\r\n", "\n").replace("\r", "\n"), "\n").strip()[:BODY_LIMIT]
    return link + "&body=" + _quoted(lines.replace("\n", "\r\n"), LINK_OCTETS - len(link) - 6) if lines else link


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


def is_made_up_bounce_address(address: str, keys: Keys) -> bool:
    """True for what has the form of a return path of ours and was not signed by us."""
    return _LIKE_BOUNCE.match(address.strip().lower()) is not None and read_bounce_address(address, keys) is None


def envelope_id(outbox_id: int, keys: Keys) -> str:
    """The ENVID (RFC 3461 §4.4) of one row of the outbox: it comes back in a report even where a relay rewrites return paths."""
    return f"mg.{outbox_id}.{_sign(keys.current, 'envelope', outbox_id)}"


def read_envelope_id(envelope: str, keys: Keys) -> int | None:
    """The id of the outbox row whose ENVID `envelope` is, or None if we did not write it."""
    found = _ENVELOPE.fullmatch(envelope.strip().lower())
    return int(found[1]) if found and _valid(keys, found[2], "envelope", int(found[1])) else None


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


def _code(action: str) -> str:
    """Five characters that tell actions apart; those that share them are told apart by the MAC."""
    return _base32(hashlib.sha256(action.encode("utf-8", "surrogatepass")).digest())[:5]


def _base36(number: int) -> str:
    digits = ""
    while number > 0:
        number, last = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[last] + digits
    return digits or ("-" if number else "0")


def _clean(text: str, kept: str) -> str:
    """`text` with a space for each control character or line separator not in `kept`, and U+FFFD for half characters."""
    plain = ("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text[: 20 * BODY_LIMIT])
    return "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") and char not in kept else char for char in plain)


def _quoted(text: str, room: int) -> str:
    """The start of `text`, percent-encoded, that takes at most `room` octets; no character is cut in two."""
    out = ""
    for char in text:
        if len(out) + len(step := quote(char, safe="")) > room:
            break
        out += step
    return out.removesuffix("%0D")


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
