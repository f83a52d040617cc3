"""The verdict on one recipient: what became of the mail for him, why, by which rule, and where that was read.

Signatures are asked before everything else, in all words that are known of the refusal: codes and stock phrases lie about
suppressed addresses. Then the refusing server's words and code decide (reason.py), then what the notice says around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailgate.mail import reason
from mailgate.mail.signature import Signatures


@dataclass(frozen=True)
class Recipient:
    """What became of the mail for one address: `status` RFC 3463, `action` RFC 3464 §2.3.3, `reason` Sisimai's word.

    `signature` is the rule that gave the reason: a signature's name, else words:…, dialect:…, reply:…, stage:… or status:…;
    `where` its words stand: a report's field, text, subject, or json and a path. `provider` only where it is suppressed.
    """

    address: str
    status: str | None = None
    action: str | None = None
    reason: str | None = None
    provider: str | None = None
    signature: str | None = None
    where: str | None = None
    diagnostic: str | None = None


@dataclass(frozen=True)
class Words:
    """Words about a refusal: their `place` (signature.PLACES), what to call it in `where`, and the text."""

    place: str
    label: str
    text: str


@dataclass(frozen=True)
class Told:
    """All that a report says of one address. `origin`: who speaks, from sure to vague; `transcript`: what names the command."""

    address: str
    status: str | None
    action: str
    words: tuple[Words, ...]
    origin: tuple[str, ...] = ()
    transcript: str = ""


def judge(told: Told, known: Signatures) -> Recipient:
    """The verdict on what is told of one address."""
    diagnostic = next((one.text for one in told.words if one.text), None)
    said = diagnostic[:500] if diagnostic else None
    for one in told.words:
        found = known.match(one.text, one.place)
        if found is not None:
            listed = found.reason == "suppressed"
            action = "failed" if listed else told.action
            provider = known.provider(found, told.origin) if listed else None
            return Recipient(told.address, told.status, action, found.reason, provider, found.name, one.label, said)
    if told.action not in ("failed", "delayed"):
        return Recipient(told.address, told.status, told.action, None, None, "action", "action", said)
    why, rule, where = _why(told.words, told)
    return Recipient(told.address, told.status, told.action, why, None, rule, where, said)


def _why(words: Sequence[Words], told: Told) -> tuple[str | None, str, str]:
    """(Sisimai's word or None, rule, where): the first words that say something, else the code, else onhold."""
    stage = next(filter(None, (reason.stage(text) for text in (*(one.text for one in words), told.transcript))), "")
    for one in words:
        found = reason.find(one.text, told.status, stage)
        if found is not None:
            return (*found, one.label)
    by_code = reason.of_code(told.status)
    if by_code is not None:
        return by_code, f"status:{told.status}", "status"
    return ("onhold" if any(one.text for one in words) else None), "action", "action"
