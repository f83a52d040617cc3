"""Delivery events in JSON, as the alert mails of sending providers carry them: from SNS, from webhooks, from APIs.

Every provider has its own keys, so nothing is read by a schema. A value is an event if it bears the marks of one (a
provider's key such as ``mail``, ``sg_event_id`` or ``event-data``) and a word for what happened, or if a signature stands
in it. Whose mail it was is asked of the keys that name a recipient, never of those that name a sender.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mailgate.mail import address, reason
from mailgate.mail.signature import Signatures, flat, leaves
from mailgate.mail.verdict import Recipient, Told, Words, judge
from mailgate.mail.words import listed

MAX_TEXT = 200_000
MAX_VALUES = 20
MAX_EVENTS = 100

_OPENS = re.compile(r'[\[{](?=[ \t\r\n]{0,200}["\[{}\]])')
_INDEX = re.compile(r"\[\d+\]")
_EVENT_KEYS = listed("notificationtype eventtype event_type event recordtype type status state smtpapierror")
_OUTCOMES = {
    "failed": listed(
        """
        bounce bounced hardbounce hard_bounce softbounce soft_bounce hard-bounce soft-bounce failed failure dropped drop reject
        rejected blocked messageheld messagedeliveryfailed messagebounced out_of_band generation_failure generation_rejection
        policy_rejection permanent_fail permanent_failure smtpapierror invalid_email email.bounced email.failed email.suppressed
        email_bounced email_dropped email_blocklisted suppressed undeliverable error transient inactive hardfail
        """
    ),
    "delayed": listed(
        """
        delay delayed deferred deferral deliverydelay delivery_delayed email.delivery_delayed email_deferred temporary_fail
        messagedelayed
        """
    ),
    "delivered": listed("delivery delivered email.delivered email_delivered sent_to_recipient"),
    "complained": listed(
        "complaint complained spam spamcomplaint spamreport spam_complaint spam_report email.complained email_spam"
    ),
}
_SHAPES = listed(
    """
    mail bouncetype bouncesubtype sg_event_id sg_message_id smtp-id event-data delivery-status messageid message-id message_id
    recordtype msys rcpt_to email_id bounce_class mj_campaign_id diagnosticcode errorcode error_related_to smtpapierror
    deliveryattempttimestamp reject_reason suppressionreason bounce_type email_to
    """
)
_NAMED_BY = ("emailaddress", "rcpt_to", "rcpt", "recipient", "recipients", "email_to", "email", "to", "destination", "address")
_SENDER = re.compile(r"from|sender|source|reply|header|unsubscribe", re.IGNORECASE)
_SAID_BY = (
    "diagnosticcode", "diagnostic-code", "description", "reason", "raw_reason", "response", "details", "error", "message",
    "status", "reject_reason", "bouncesubtype", "email_response_message", "name",
)  # fmt: skip


@dataclass(frozen=True)
class Event:
    """One value as an event: `outcome` failed, delayed, delivered or complained."""

    outcome: str
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True)
class _Leaf:
    path: str
    key: str
    text: str


def read(text: str, known: Signatures) -> tuple[Event, ...]:
    """The delivery events in the JSON that stands in `text`, within 200 KB."""
    events = (_event(value, known) for value in _values(text[:MAX_TEXT]))
    return tuple(event for event, _ in zip((one for one in events if one), range(MAX_EVENTS), strict=False))


def _values(text: str) -> Iterator[Any]:
    """Every JSON object in `text`; the members of a list, and of an object that only wraps a list, one by one."""
    decoder, at, left = json.JSONDecoder(strict=False), 0, MAX_VALUES
    for found in _OPENS.finditer(text):
        if found.start() < at:
            continue
        if not left:
            return
        left -= 1
        try:
            value, at = decoder.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            continue
        yield from _members(value)


def _members(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from (one for one in value[:MAX_EVENTS] if isinstance(one, dict))
    elif isinstance(value, dict):
        wrapped = [value[name] for name in ("events", "Events", "Records", "results") if isinstance(value.get(name), list)]
        yield from _members(wrapped[0]) if wrapped else (value,)


def _event(value: dict[str, Any], known: Signatures) -> Event | None:
    found = [_Leaf(path, _key(path), text) for path, text in leaves(value)]
    whole = flat(value)
    signature = known.match(whole, "json")
    outcome = _outcome(found)
    if signature is not None:
        outcome = "failed"
    elif outcome is None or not _shaped(found):
        return None
    where = _where(whole, signature.is_at(whole)) if signature is not None else ""
    named = list(dict.fromkeys(_named(found)))
    recipients = tuple(_verdict(who, prefix, found, outcome, known, (whole, where)) for who, prefix in named)
    return Event(outcome, recipients) if recipients else None


def _key(path: str) -> str:
    return _INDEX.sub("", path).rpartition(".")[2].lower()


def _outcome(found: Iterable[_Leaf]) -> str | None:
    """What happened, by the first leaf that names an event; a temporary failure is a delay."""
    said = [(leaf.key, leaf.text.strip().lower().replace(" ", "_")) for leaf in found]
    words = (word for key, word in said if key in _EVENT_KEYS)
    outcome = next((name for word in words for name, known in _OUTCOMES.items() if word in known), None)
    temporary = ("severity", "temporary") in said
    return "delayed" if outcome == "failed" and temporary else outcome


def _shaped(found: Iterable[_Leaf]) -> bool:
    """True if some key is one that only a provider of mail writes."""
    return any(not _SHAPES.isdisjoint(_INDEX.sub("", leaf.path).lower().split(".")) for leaf in found)


def _named(found: list[_Leaf]) -> Iterator[tuple[str, str]]:
    """(address, path of the object that it stands in), by the surest key that names any."""
    for key in _NAMED_BY:
        boxes = [
            (box.address, leaf) for leaf in found if leaf.key == key and not _of_sender(leaf) for box in _mailboxes(leaf.text)
        ]
        if boxes:
            yield from ((who, _INDEX.sub("", leaf.path) and leaf.path.rpartition(".")[0]) for who, leaf in boxes)
            return
    for leaf in found:
        if leaf.key in _SAID_BY or leaf.key == "message":
            yield from (
                (box.address, "") for word in leaf.text.split() if "@" in word for box in _mailboxes(word.strip("().,;:"))
            )


def _of_sender(leaf: _Leaf) -> bool:
    return _SENDER.search(leaf.path.removeprefix("event-data.")) is not None


def _mailboxes(text: str) -> tuple[address.Mailbox, ...]:
    return tuple(box for box in address.mailboxes([text]) if address.is_address(box.address)) if "@" in text else ()


def _verdict(who: str, prefix: str, found: list[_Leaf], outcome: str, known: Signatures, whole: tuple[str, str]) -> Recipient:
    if outcome == "complained":
        return Recipient(who, reason="feedback", signature="event", where="json")
    near = [leaf for leaf in found if prefix and leaf.path.startswith(f"{prefix}.")]
    said = [leaf for key in _SAID_BY for leaves_ in (near, found) for leaf in leaves_ if leaf.key == key and leaf.text]
    code = reason.status(*(leaf.text for leaf in said))
    words = [Words("reply", f"json {leaf.path}", leaf.text) for leaf in said[:10]]
    action = outcome if outcome in ("failed", "delayed", "delivered") else "failed"
    event = Words("json", f"json {whole[1]}".strip(), whole[0])
    told = Told(who, code, action, (event, *words) if whole[1] else tuple(words), (whole[0],))
    judged = judge(told, known)
    diagnostic = next((leaf.text[:500] for leaf in said if " " in leaf.text), None)
    return Recipient(**(vars(judged) | {"diagnostic": diagnostic}))


def _where(whole: str, at: int) -> str:
    """The path of the value in which the words at `at` stand."""
    start = whole.rfind(" | ", 0, max(at, 0))
    return whole[start + 3 if start >= 0 else 0 :].partition(":")[0]
