"""Providers' events in JSON: what happened, to whom, and whether a suppression list is behind it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailgate import config
from mailgate.mail import report
from mailgate.mail.message import parse
from mailgate.mail.report import Report

WHO = "desk@partner.example"
OURS = "shop@seller.example"


def mail(body: str, sender: str = "no-reply@alerts.example", extra: str = "") -> bytes:
    return f"From: {sender}\nTo: ops@seller.example\nSubject: Event\n{extra}Content-Type: text/plain\n\n{body}\n".encode()


def read(value: Any, before: str = "", **more: str) -> Report | None:
    text = value if isinstance(value, str) else json.dumps(value, indent=1)
    return report.read(parse(mail(before + text, **more)), config.signatures())


def ses(subtype: str, **bounce: Any) -> dict[str, Any]:
    told = {"bounceType": "Permanent", "bounceSubType": subtype, "bouncedRecipients": [{"emailAddress": WHO}], **bounce}
    return {"notificationType": "Bounce", "bounce": told, "mail": {"source": OURS, "destination": [WHO]}}


SUPPRESSED: list[tuple[str, Any]] = [
    ("ses", ses("OnAccountSuppressionList")),
    ("ses", ses("Suppressed")),
    ("ses", ses("UnsubscribedRecipient", bouncedRecipients=[{"emailAddress": WHO, "diagnosticCode": ""}])),
    ("ses", {"Type": "Notification", "Message": json.dumps(ses("OnTenantSuppressionList"))}),
    ("ses", {"eventType": "Bounce", **{k: v for k, v in ses("OnAccountSuppressionList").items() if k != "notificationType"}}),
    (
        "ses",
        {
            "detail-type": "Email Bounced",
            "source": "aws.ses",
            "detail": {**ses("OnAccountSuppressionList"), "eventType": "Bounce"},
        },
    ),
    (
        "sendgrid",
        [{"email": WHO, "event": "dropped", "reason": "Spam Reporting Address", "sg_event_id": "x", "smtp-id": "<1@x>"}],
    ),
    ("mailgun", {"event-data": {"event": "failed", "severity": "permanent", "reason": "suppress-unsubscribe", "recipient": WHO}}),
    ("postmark", {"ErrorCode": 406, "Message": f"Found inactive addresses: {WHO}. Inactive recipients are ones that bounced."}),
    (
        "postmark",
        {"RecordType": "SubscriptionChange", "Recipient": WHO, "SuppressSending": True, "SuppressionReason": "HardBounce"},
    ),
    ("sparkpost", [{"msys": {"message_event": {"type": "bounce", "bounce_class": "25", "rcpt_to": WHO, "raw_reason": "550 x"}}}]),
    ("mandrill", [{"event": "reject", "msg": {"email": WHO, "sender": OURS, "state": "rejected"}}]),
    ("mandrill", [{"email": WHO, "status": "rejected", "reject_reason": "spam", "_id": "1"}]),
    ("brevo", {"event": "blocked", "email": WHO, "message-id": "<1@x>", "reason": "blocked : due to blacklist user"}),
    ("mailjet", {"event": "blocked", "email": WHO, "error_related_to": "mailjet", "error": "preblocked", "MessageID": 1}),
    ("resend", {"type": "email.suppressed", "data": {"to": [WHO], "from": OURS, "email_id": "1"}}),
    (
        "postal",
        {"event": "MessageHeld", "payload": {"details": f"Recipient ({WHO}) is on the suppression list", "message": {"to": WHO}}},
    ),
    ("mailersend", {"warnings": [{"type": "SOME_SUPPRESSED", "recipients": [{"email": WHO}]}]}),
    (
        "azure",
        {
            "eventType": "Microsoft.Communication.EmailDeliveryReportReceived",
            "data": {"sender": OURS, "recipient": WHO, "status": "Suppressed"},
        },
    ),
    ("scaleway", {"type": "email_blocklisted", "email_from": OURS, "email_to": WHO}),
]


@pytest.mark.parametrize(("provider", "value"), SUPPRESSED)
def test_suppression_in_an_event(provider: str, value: Any) -> None:
    """Wrapped, in lists, below a sentence, compact or indented: the subtype counts, not the diagnostic."""
    for before in ("", "An event was received for your account.\n\n"):
        found = read(value, before)
        assert found is not None
        assert found.kind == "suppressed"
        assert [(one.address, one.reason, one.provider) for one in found.recipients] == [(WHO, "suppressed", provider)]
        assert (found.recipients[0].where or "").startswith("json ")


OTHERS: list[tuple[str, str | None, Any]] = [
    (
        "bounce",
        "userunknown",
        ses(
            "General",
            bouncedRecipients=[{"emailAddress": WHO, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}],
        ),
    ),
    ("delivered", None, {"notificationType": "Delivery", "mail": {"source": OURS}, "delivery": {"recipients": [WHO]}}),
    ("delayed", "mailboxfull", {"event": "deferred", "email": WHO, "response": "452 4.2.2 mailbox full", "sg_message_id": "x"}),
    ("delayed", None, {"event-data": {"event": "failed", "severity": "temporary", "recipient": WHO}}),
    (
        "arf",
        "feedback",
        {
            "notificationType": "Complaint",
            "mail": {"source": OURS},
            "complaint": {"complainedRecipients": [{"emailAddress": WHO}]},
        },
    ),
    (
        "bounce",
        "userunknown",
        {"RecordType": "Bounce", "Type": "HardBounce", "Email": WHO, "Description": "The mailbox does not exist"},
    ),
]


@pytest.mark.parametrize(("kind", "reason", "value"), OTHERS)
def test_other_events(kind: str, reason: str | None, value: Any) -> None:
    """A bounce, a delay, a delivery and a complaint are told apart."""
    found = read(value)
    assert found is not None
    assert (found.kind, found.recipients[0].address) == (kind, WHO)
    assert found.recipients[0].reason == reason


def test_two_recipients_have_two_verdicts() -> None:
    """Status and words come from the recipient's own object."""
    each = [
        {"emailAddress": WHO, "status": "5.2.2", "diagnosticCode": "smtp; 552 5.2.2 mailbox full"},
        {"emailAddress": "b@x.example", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 no such user"},
    ]
    found = read(ses("General", bouncedRecipients=each))
    assert found is not None
    assert [(one.address, one.status, one.reason) for one in found.recipients] == [
        (WHO, "5.2.2", "mailboxfull"),
        ("b@x.example", "5.1.1", "userunknown"),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        mail("Hi, what does this mean?\n" + json.dumps(ses("Suppressed")), "Ann <ann@seller.example>"),
        mail(json.dumps(ses("Suppressed")), extra="In-Reply-To: <1@x.example>\n"),
        mail(json.dumps({"event": "failed", "email": WHO, "amount": 12, "order": "4711"})),
        mail(json.dumps({"event": "delivered", "recipient": WHO, "parcel": "00340"})),
        mail('{"notificationType":"Bounce","bounce":{"bounceSubType":"Suppressed",'),
        mail("{" * 100_000),
        mail('{"a":' * 30_000),
        mail('{"event":"bounce","mail":' + "[" * 50_000),
    ],
)
def test_json_that_is_no_event(raw: bytes) -> None:
    """People who paste JSON, replies, other machines' events, and what is broken or endless."""
    assert report.read(parse(raw), config.signatures()) is None
