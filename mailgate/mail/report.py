"""Delivery reports as facts: what another machine says became of a mail (RFC 3464, RFC 5965, RFC 8098).

Decided on the outermost structure, in this order: a feedback report is a complaint, a disposition notification a
receipt, a delivery status a report per recipient; else a machine's plain text may be a bounce (returned.py). Attached
originals are never read for evidence, only for which mail it was about. A person who attaches or quotes a report has
sent no report. What a report means for a ticket or an address is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace

from mailgate.mail import address, agent, ids, naming, reason, returned, words
from mailgate.mail.message import ORIGINALS, Message, Part, parse
from mailgate.mail.payload import Event
from mailgate.mail.scan import fields
from mailgate.mail.signature import NONE, Signatures
from mailgate.mail.verdict import Recipient, Told, Words, judge

__all__ = ["Recipient", "Report", "read"]

MAX_RECIPIENTS = 500

_ACTIONS = {"fail": "failed", "delay": "delayed", "deliver": "delivered", "relay": "relayed", "expand": "expanded"}
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,60})[ \t]*:[ \t]*(.*)")
_COMMENT = re.compile(r"\(([^()]{1,200})\)")
_TYPED = re.compile(r"\s*+[A-Za-z0-9/_-]{1,30}\s*+;")


@dataclass(frozen=True)
class Report:
    """A report: `kind` bounce, suppressed, delayed, delivered, arf or mdn; `form` dsn, arf, mdn or text.

    `envelope`: the name under which its sender had asked for reports (ENVID, RFC 3464 §2.2.1).
    """

    kind: str
    recipients: tuple[Recipient, ...]
    original_id: str | None
    form: str
    envelope: str = ""


def read(message: Message, known: Signatures = NONE) -> Report | None:
    """The report that `message` is, or None; `known` tells suppression. Never raises."""
    if _by_a_person(message):
        return None
    kinds = {part.content_type: part for part in reversed(message.parts)}
    feedback = kinds.get("message/feedback-report")
    if feedback is not None or _COMPLAINT.match(message.subject):
        recipients = tuple(_complained(feedback)) if feedback is not None else ()
        return _report("arf", recipients, message, "arf") if _has_original(message) or feedback else None
    complaint = _complaint(message)
    if complaint is not None:
        return complaint
    if "message/disposition-notification" in kinds:
        return _report("mdn", (), message, "mdn")
    statuses = [part for part in message.parts if part.content_type in _STATUS]
    loose = None if statuses else returned.loose_status(message)
    if statuses or loose:
        return _delivery(message, [part.text for part in statuses] or [loose or ""], known)
    told = _event(message, known)
    if told is None and returned.is_machine(message):
        told = _textual(message, known)
    return told or _notice(message, known) or _textual(message, known) or _empty(message)


def _empty(message: Message) -> Report | None:
    """A report that says it is one and nothing else (its body was cut off)."""
    declared = " ".join((message.header("content-type") or "").lower().split())
    if not (declared.startswith("multipart/report") and "delivery-status" in declared and returned.is_machine(message)):
        return None
    return _report("bounce", (), message, "dsn")


def _event(message: Message, known: Signatures) -> Report | None:
    """What a provider tells in JSON."""
    events = agent.events(message, known)
    recipients = tuple(one for event in events for one in event.recipients)
    return _report(_outcome(events), recipients[:MAX_RECIPIENTS], message, "text") if events else None


def _notice(message: Message, known: Signatures) -> Report | None:
    """What a provider tells in the words of a signature."""
    notice = agent.read(message, known)
    return _report("suppressed", notice, message, "text") if notice else None


def _outcome(events: tuple[Event, ...]) -> str:
    if all(event.outcome == "complained" for event in events):
        return "arf"
    return _kind([one for event in events if event.outcome != "complained" for one in event.recipients])


def _complaint(message: Message) -> Report | None:
    """A complaint without RFC 5965's parts: Hotmail's copy of the mail, Apple Mail's opt-out, fields in broken MIME."""
    owner = message.header("x-hmxmroriginalrecipient") or message.header("x-hmxmr-originalrecipient")
    if owner is None and (message.header("x-apple-unsubscribe") or "").strip().lower() == "true":
        owner = message.author or ""
    if owner is None:
        text = returned.own_text(message)[:4000]
        if len(set(map(str.lower, _FEEDBACK.findall(text)))) < 3:
            return None
        named_ = re.search(r"^original-rcpt-to:(.{3,320})$", text, re.IGNORECASE | re.MULTILINE)
        owner = _typed(named_[1]) if named_ else ""
    boxes = [box.address for box in address.mailboxes([owner])]
    return _report("arf", tuple(_complainer(box) for box in boxes[:1]), message, "arf")


def _complainer(owner: str) -> Recipient:
    return Recipient(owner, reason="feedback", signature="feedback-report", where="feedback-report")


def _has_original(message: Message) -> bool:
    return any(part.content_type in ORIGINALS for part in message.parts)


_CHALLENGE = re.compile(r"sender (?:is )?not (?:pre-?)?approved|follow (?:the )?instructions|guest list", re.IGNORECASE)
_COMPLAINT = re.compile(r"complaint about message from [\d.a-fx:]+$", re.IGNORECASE)
_GAVE_UP = re.compile(r"failed \d{1,4} attempts|multiple retries|allowed queue period|not been collected", re.IGNORECASE)
_FEEDBACK = re.compile(
    r"^(feedback-type|user-agent|version|arrival-date|source-ip|original-mail-from|reported-domain):", re.I | re.M
)
_STATUS = ("message/delivery-status", "message/global-delivery-status")


def _by_a_person(message: Message) -> bool:
    """True where somebody answers with a report attached: no report itself, and no machine's name in From."""
    top = (message.header("content-type") or "").lower()
    return bool(message.in_reply_to) and not top.startswith("multipart/report") and not returned.is_machine(message)


def _delivery(message: Message, statuses: list[str], known: Signatures) -> Report | None:
    notice = returned.own_text(message)
    groups = [group for text in statuses for group in _groups(text)]
    origin = (message.header("from") or "", *(group.get("remote-mta", "") for group in groups[:1]))
    origin = (*origin, *(group.get("reporting-mta", "") for group in groups[:1]), notice[:4000])
    found: dict[str, Recipient] = {}
    for group in groups:
        told = _named(group, notice, found, origin)
        if told is not None and len(found) < MAX_RECIPIENTS:
            found.setdefault(told.address, judge(told, known))
    if found and all(_CHALLENGE.search(one.diagnostic or "") for one in found.values()):
        return None
    recipients = tuple(found.values()) or _of_original(message, origin, known)
    if not recipients:
        return _textual(message, known) or _report("bounce", (), message, "dsn")
    envelope = next((group["original-envelope-id"] for group in groups if "original-envelope-id" in group), "")
    return replace(_report(_kind(recipients), recipients, message, "dsn"), envelope=envelope[:200])


def _of_original(message: Message, origin: tuple[str, ...], known: Signatures) -> tuple[Recipient, ...]:
    """The one To of the returned mail, where the report itself names nobody."""
    boxes = address.mailboxes(value for name, value in _original(message) if name == "to")
    notice = returned.own_text(message)
    if len(boxes) != 1:
        return ()
    return (
        judge(Told(boxes[0].address, reason.status(notice), "failed", (Words("reply", "text", notice[:4000]),), origin), known),
    )


def _kind(recipients: Sequence[Recipient]) -> str:
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


def _named(group: dict[str, str], notice: str, found: Container[str], origin: tuple[str, ...]) -> Told | None:
    """What one group of fields, and the notice right after the address, tell of one recipient."""
    names = [_typed(group.get(f"{which}-recipient")) for which in ("original", "final", "x-actual")]
    named = [name for name in names if name and name not in found]
    failed_address = next(filter(_is_mailbox, named), "".join(named[:1]))
    if failed_address[:1] in ("@", "|", "/"):
        failed_address = next(naming.named(notice, ()), failed_address)
    if not failed_address:
        return None
    diagnostic = group.get("diagnostic-code", "")
    said = _untyped(diagnostic)
    said = said or _comment(group.get("status", ""))
    status = reason.reported(group.get("status"), said)
    words_: tuple[Words, ...] = (Words("diagnostic", "diagnostic-code", said),)
    if reason.find(said, status) is None:
        words_ = (*words_, Words("reply", "text", naming.about(notice, failed_address)))
    own = (group["remote-mta"],) if "remote-mta" in group else ()
    return Told(failed_address, status, _action(group.get("action", ""), status), words_, (*own, *origin), notice[:8000])


def _comment(status: str) -> str:
    """What stands in brackets behind the code (RFC 3464 §2.3.4), where it says more than the code."""
    comment = _COMMENT.search(status)
    return comment[1] if comment and reason.find(comment[1], None) else ""


def _is_mailbox(text: str) -> bool:
    return not re.search(r"[\s|]|^@|^/", text) and "@" in text


def _typed(value: str | None) -> str:
    """The address in ``rfc822;a@b`` (RFC 3464 §2.1.2), however it is spelled."""
    text = (value or "") if "?=@" in (value or "") else words.decode(value or "")
    text = _untyped(text).strip()
    bracketed = re.search(r"<([^<>]{1,320})>", text)
    text = (bracketed[1] if bracketed else text).strip(" <>")
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'" else text


def _untyped(text: str) -> str:
    """`text` without the type in front of it: ``smtp;``, ``rfc822;``."""
    found = _TYPED.match(text)
    return text[found.end() :].strip() if found else text


def _action(text: str, status: str | None) -> str:
    word = text.strip().lower()
    for start, action in _ACTIONS.items():
        if word.startswith(start):
            return action
    return {"2": "delivered", "4": "delayed"}.get((status or "5")[0], "failed")


def _complained(feedback: Part) -> Iterator[Recipient]:
    """The addresses whose owners complained (RFC 5965 §3.2)."""
    seen = dict.fromkeys(_typed(value) for name, value in _listed(feedback) if name in ("original-rcpt-to", "removal-recipient"))
    yield from (_complainer(owner) for owner in seen if "@" in owner)


def _listed(part: Part) -> list[tuple[str, str]]:
    return [(field[1].lower(), field[2]) for field in map(_FIELD.match, part.text[:200_000].split("\n")) if field]


def _textual(message: Message, known: Signatures) -> Report | None:
    bounce = returned.read(message)
    if bounce is None:
        return None
    inner = _inner(message) if bounce.vague else None
    if inner is not None:
        found = read(inner, known)
        if found is not None and found.form in ("dsn", "text"):
            return found
    text = returned.own_text(message)
    origin = (message.header("from") or "", text[:4000])
    recipients = tuple(
        judge(Told(failed, status, bounce.action, tuple(Words("reply", "text", one) for one in said), origin, text[:8000]), known)
        for failed, status, said in bounce.recipients
    )
    if bounce.action == "failed" and recipients and all(map(_ran_out, recipients)):
        recipients = tuple(replace(one, action="delayed") for one in recipients)
    kind = _kind(recipients) if recipients else {"delayed": "delayed"}.get(bounce.action, "bounce")
    return _report(kind, recipients, message, "text")


def _inner(message: Message) -> Message | None:
    """The report that a gateway wrapped into one of its own, which names nobody."""
    attached = next((part for part in message.parts if part.content_type == "message/rfc822"), None)
    inner = parse(attached.content) if attached is not None and len(attached.content) < len(message.raw) else None
    return inner if inner is not None and returned.is_machine(inner) else None


def _ran_out(recipient: Recipient) -> bool:
    """True where a notice without an Action field names no cause but time: nobody refused, the address may be sound."""
    said = recipient.diagnostic or ""
    timed = recipient.reason == "expired" or (recipient.reason == "networkerror" and "queue too long" in said)
    return timed and recipient.status is None and not _GAVE_UP.search(said)


def _report(kind: str, recipients: tuple[Recipient, ...], message: Message, form: str) -> Report:
    named = dict(reversed(_original(message)))
    return Report(kind, recipients, ids.one(named.get("message-id", "")), form)


def _original(message: Message) -> tuple[tuple[str, str], ...]:
    """The header lines of the mail that the report is about, as far as it was returned."""
    attached = next((part for part in message.parts if part.content_type in ORIGINALS), None)
    block = attached.content if attached is not None else returned.returned_part(message).encode()
    return tuple((name, words.raw_text(value)) for name, value in fields(block))
