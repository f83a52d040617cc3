"""How attackers write: their mail byte by byte, as a host of ours hands it over, with what that host found on top."""

from __future__ import annotations

import email
from email.policy import default
from functools import partial

from exchange import RECEIVED, Gate

from mailgate.gateway import Settled
from mailgate.mail.message import Envelope
from mailgate.store import spool

RELAY, OUTSIDE, AUTHSERV = "192.0.2.9", "203.0.113.9", "mx.desk.example"
OURS = f"Authentication-Results: {AUTHSERV}; "
DESK = "tickets@desk.example"


def comes(
    gate: Gate, *lines: str, body: str = "Here is the answer.", top: tuple[str, ...] = (), client: str = RELAY, to: str = DESK,
    reverse_path: str | None = "x@evil.example",
) -> Settled:  # fmt: skip
    """What becomes of a mail with these header lines; `top`: what the host that hands it over wrote above its Received."""
    raw = "\r\n".join([*top, RECEIVED, *lines, "", body, ""]).encode("utf-8", "surrogateescape")
    return delivered(gate, raw, client=client, to=to, reverse_path=reverse_path)


def delivered(
    gate: Gate, raw: bytes, *, client: str = RELAY, to: str = DESK, reverse_path: str | None = "x@evil.example"
) -> Settled:
    """What becomes of these bytes."""
    envelope = Envelope(reverse_path, (to,), gate.now, "smtp", client)
    gate.stage.store.call(partial(spool.put, arrivals=[(envelope, raw, None)]))
    return gate.takes_in_hand()


def everything(gate: Gate) -> str:
    """All that was written to anybody but the desk's staff, decoded."""
    return "\n".join(shown(row.raw) for _, row in gate.stage.sent if row.reader not in gate.stage.desk.staff)


def shown(raw: bytes) -> str:
    """A mail as its reader sees it: its headers, its texts, the names of its files."""
    mail = email.message_from_bytes(raw, policy=default)
    parts = [f"{name}: {value}" for name, value in mail.items()]
    for part in mail.walk():
        parts.append(str(part.get_filename() or ""))
        if part.get_content_maintype() == "text":
            parts.append((part.get_payload(decode=True) or b"").decode("utf-8", "replace"))
    return "\n".join(parts)
