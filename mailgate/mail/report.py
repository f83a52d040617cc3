"""Delivery reports as facts: what another machine says became of a mail (RFC 3464, RFC 5965, RFC 8098).

Decided on the outermost structure, in this order: a feedback report is a complaint, a disposition notification a
receipt, a delivery status a report per recipient; else a machine's plain text may be a bounce (returned.py). Attached
originals are never read for evidence, only for which mail it was about. A person who attaches or quotes a report has
sent no report. What a report means for a ticket or an address is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from mailgate.mail import address, ids, reason, returned, words
from mailgate.mail.message import ORIGINALS, Message, Part
from mailgate.mail.scan import fields

MAX_RECIPIENTS = 500

_ACTIONS = {"fail": "failed", "delay": "delayed", "deliver": "delivered", "relay": "relayed", "expand": "expanded"}
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,60})[ \t]*:[ \t]*(.*)")
_TYPED = re.compile(r"\s*[A-Za-z0-9/_-]{1,30}\s*;")


@dataclass(frozen=True)
class Recipient:
    """What became of the mail for one address: `status` RFC 3463, `action` RFC 3464 §2.3.3, `reason` Sisimai's word."""

    address: str
    status: str | None = None
    action: str | None = None
    reason: str | None = None
    provider: str | None = None
    signature: str | None = None
    where: str | None = None
    diagnostic: str | None = None


@dataclass(frozen=True)
class Report:
    """A report: `kind` bounce, suppressed, delayed, delivered, arf or mdn; `form` dsn, arf, mdn or text."""

    kind: str
    recipients: tuple[Recipient, ...]
    original_id: str | None
    original_references: tuple[str, ...]
    original_headers: tuple[tuple[str, str], ...]
    form: str


def read(message: Message) -> Report | None:
    """The report that `message` is, or None. Never raises."""
    if _by_a_person(message):
        return None
    kinds = {part.content_type: part for part in reversed(message.parts)}
    feedback = kinds.get("message/feedback-report")
    if feedback is not None or _COMPLAINT.match(message.subject):
        recipients = tuple(_complained(feedback)) if feedback is not None else ()
        return _report("arf", recipients, message, "arf") if _has_original(message) or feedback else None
    if "message/disposition-notification" in kinds:
        return _report("mdn", (), message, "mdn")
    statuses = [part for part in message.parts if part.content_type in _STATUS]
    if statuses:
        return _delivery(message, [part.text for part in statuses])
    loose = returned.loose_status(message)
    return _delivery(message, [loose]) if loose else _textual(message)


def _has_original(message: Message) -> bool:
    return any(part.content_type in ORIGINALS for part in message.parts)


_CHALLENGE = re.compile(r"sender (?:is )?not (?:pre-?)?approved|follow (?:the )?instructions|guest list", re.IGNORECASE)
_COMPLAINT = re.compile(r"complaint about message from [\d.a-fx:]+$", re.IGNORECASE)
_STATUS = ("message/delivery-status", "message/global-delivery-status")


def _by_a_person(message: Message) -> bool:
    """True where somebody answers with a report attached: no report itself, and no machine's name in From."""
    top = (message.header("content-type") or "").lower()
    return bool(message.in_reply_to) and not top.startswith("multipart/report") and not returned.is_machine(message)


def _delivery(message: Message, statuses: list[str]) -> Report | None:
    notice = returned.own_text(message)
    found: dict[str, Recipient] = {}
    for group in (group for text in statuses for group in _groups(text)):
        recipient = _recipient(group, notice, found)
        if recipient is not None and len(found) < MAX_RECIPIENTS:
            found.setdefault(recipient.address, recipient)
    if found and all(_CHALLENGE.search(one.diagnostic or "") for one in found.values()):
        return None
    recipients = tuple(found.values()) or _of_original(message)
    if not recipients:
        return _textual(message) or _report("bounce", (), message, "dsn")
    return _report(_kind(recipients), recipients, message, "dsn")


def _of_original(message: Message) -> tuple[Recipient, ...]:
    """The one To of the returned mail, where the report itself names nobody."""
    boxes = address.mailboxes(value for name, value in _original(message) if name == "to")
    notice = returned.own_text(message)
    code = reason.status(notice)
    return (Recipient(boxes[0].address, code, "failed", reason.reason(notice, code)),) if len(boxes) == 1 else ()


def _kind(recipients: Iterable[Recipient]) -> str:
    """The gravest of what happened: a refusal to anyone outweighs a delay, a delay a delivery."""
    actions = {recipient.action for recipient in recipients}
    if any(recipient.reason == "suppressed" for recipient in recipients):
        return "suppressed"
    if "failed" in actions:
        return "bounce"
    return "delayed" if "delayed" in actions else "delivered"


def _groups(text: str) -> Iterator[dict[str, str]]:
    """The per-recipient fields (RFC 3464 §2.3); a blank line in the middle of a group does not end it."""
    group: dict[str, str] = {}
    last = ""
    for line in text[:200_000].split("\n"):
        field = _FIELD.match(line)
        if field is None:
            if last and line.strip():
                group[last] += " " + line.strip()
            continue
        last = field[1].lower()
        if last in group:
            yield group
            group = {}
        group[last] = field[2].strip()
    yield group


def _recipient(group: dict[str, str], notice: str, known: Container[str]) -> Recipient | None:
    names = [_typed(group.get(f"{which}-recipient")) for which in ("original", "final", "x-actual")]
    named = [name for name in names if name and name not in known]
    failed_address = next(filter(_is_mailbox, named), "".join(named[:1]))
    if not failed_address:
        return None
    diagnostic = group.get("diagnostic-code", "")
    said = _TYPED.sub("", diagnostic, count=1).strip() if _TYPED.match(diagnostic) else diagnostic
    status = reason.status(group.get("status"), said)
    action = _action(group.get("action", ""), status)
    failed = action in ("failed", "delayed")
    why = (reason.reason(said, status) if said or status else reason.reason(notice, None)) if failed else None
    if why in (None, "onhold") and failed and notice:
        why = reason.reason(_about(notice, failed_address), status) or why
    suppressed = why == "suppressed"
    return Recipient(
        failed_address,
        status,
        "failed" if suppressed else action,
        why,
        "generic" if suppressed else None,
        "generic-suppression" if suppressed else None,
        "diagnostic-code" if suppressed else None,
        said or None,
    )


def _is_mailbox(text: str) -> bool:
    return not re.search(r"[\s|]|^@|^/", text) and "@" in text


def _about(notice: str, named: str) -> str:
    """What the notice says right after it calls it by `named`."""
    at = notice.lower().find(named.lower())
    return notice[at + len(named) : at + len(named) + 600] if at >= 0 else ""


def _typed(value: str | None) -> str:
    """The address in ``rfc822;a@b`` (RFC 3464 §2.1.2), however it is spelled."""
    text = words.decode(value or "")
    text = _TYPED.sub("", text, count=1).strip()
    bracketed = re.search(r"<([^<>]{1,320})>", text)
    return (bracketed[1] if bracketed else text).strip(" <>\"'")


def _action(text: str, status: str | None) -> str:
    word = text.strip().lower()
    for start, action in _ACTIONS.items():
        if word.startswith(start):
            return action
    return {"2": "delivered", "4": "delayed"}.get((status or "5")[0], "failed")


def _complained(feedback: Part) -> Iterator[Recipient]:
    """The addresses whose owners complained (RFC 5965 §3.2)."""
    seen = dict.fromkeys(_typed(value) for name, value in _listed(feedback) if name in ("original-rcpt-to", "removal-recipient"))
    yield from (Recipient(owner, action=None, reason="feedback") for owner in seen if "@" in owner)


def _listed(part: Part) -> list[tuple[str, str]]:
    return [(field[1].lower(), field[2]) for field in map(_FIELD.match, part.text[:200_000].split("\n")) if field]


def _textual(message: Message) -> Report | None:
    bounce = returned.read(message)
    if bounce is None:
        return None
    recipients = tuple(
        Recipient(
            failed,
            status,
            bounce.action,
            why,
            "generic" if why == "suppressed" else None,
            "generic-suppression" if why == "suppressed" else None,
            "text" if why == "suppressed" else None,
            said,
        )
        for failed, status, why, said in bounce.recipients
    )
    kind = _kind(recipients) if recipients else {"delayed": "delayed"}.get(bounce.action, "bounce")
    return _report(kind, recipients, message, "text")


def _report(kind: str, recipients: tuple[Recipient, ...], message: Message, form: str) -> Report:
    headers = _original(message)
    named = dict(reversed(headers))
    references = ids.referenced(value for name, value in headers if name in ("references", "in-reply-to"))
    return Report(kind, recipients, ids.one(named.get("message-id", "")), references, headers, form)


def _original(message: Message) -> tuple[tuple[str, str], ...]:
    """The header lines of the mail that the report is about, as far as it was returned."""
    attached = next((part for part in message.parts if part.content_type in ORIGINALS), None)
    block = attached.content if attached is not None else returned.returned_part(message).encode()
    return tuple((name, words.raw_text(value)) for name, value in fields(block))
