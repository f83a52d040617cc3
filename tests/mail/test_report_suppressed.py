"""Suppression in reports and in plain notices: named with its provider and rule; never where people only talk of it."""

from __future__ import annotations

import base64

import pytest

from mailgate import config
from mailgate.mail import report
from mailgate.mail.message import parse
from mailgate.mail.report import Report

WHO = "desk@partner.example"


def read(raw: str) -> Report | None:
    return report.read(parse(raw.encode()), config.signatures())


def relayed(said: str, *, mta: str = "relay.example", code: str = "5.7.1", sender: str = "MAILER-DAEMON@out.example") -> str:
    return (
        f"Return-Path: <>\nFrom: {sender}\nTo: shop@seller.example\nSubject: Undelivered\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n\nNot delivered.\n"
        f"--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; out.example\n\nFinal-Recipient: rfc822; {WHO}\n"
        f"Action: failed\nStatus: {code}\nRemote-MTA: dns; {mta}\nDiagnostic-Code: smtp; {said}\n\n--x--\n"
    )


def notice(sender: str, subject: str, text: str, extra: str = "") -> str:
    body = base64.b64encode(text.encode()).decode()
    return (
        f"From: {sender}\nTo: agent@seller.example\nSubject: {subject}\n{extra}MIME-Version: 1.0\n"
        f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{body}\n"
    )


@pytest.mark.parametrize(
    ("said", "mta", "provider"),
    [
        ("550 5.1.1 did not send: it is on the suppression list for your tenant", "email-smtp.amazonses.com", "ses"),
        ("550 5.1.1 Amazon SES has suppressed sending to this address", "relay.example", "ses"),
        ("606 Not delivering to unsubscribed address", "mxa.mailgun.org", "mailgun"),
        ("607 Not delivering to a user who marked your messages as spam", "relay.example", "mailgun"),
        ("554 5.7.1 [internal] recipient address suppressed due to customer policy", "smtp.sparkpostmail.com", "sparkpost"),
        ("550 one of the recipients has been marked as inactive", "smtp.postmarkapp.com", "postmark"),
        ("254 4.7.1 Suppression for user ocid1.user.oc1..q to desk@partner.example", "smtp.oraclecloud.com", "oci"),
        ("550 5.7.1 rejected, the mailbox is on our bounce list", "relay.example", "generic"),
        ("554 5.7.1 desk@partner.example: address found in suppression database", "mail.smtp2go.com", "smtp2go"),
        ("550 Empfänger wurde in die Sperrliste aufgenommen", "relay.example", "generic"),
        ("550 La dirección figura en la lista de supresiones de este servidor", "relay.example", "generic"),
        ("550 O endereço está na lista de supressão", "relay.example", "generic"),
        ("550 L'indirizzo si trova nella lista di soppressione", "relay.example", "generic"),
        ("550 宛先は配信停止リストに登録されています", "relay.example", "generic"),
    ],
)
def test_a_relay_that_will_not_try(said: str, mta: str, provider: str) -> None:
    """Whatever code it bears; the provider comes from the words, else from the server's name."""
    found = read(relayed(said, mta=mta))
    assert found is not None
    assert found.kind == "suppressed"
    one = found.recipients[0]
    assert (one.address, one.reason, one.action, one.provider) == (WHO, "suppressed", "failed", provider)
    assert one.signature in {entry.name for entry in config.signatures().entries}
    assert one.where == "diagnostic-code"


@pytest.mark.parametrize(
    ("sender", "subject", "text", "provider"),
    [
        (
            "Freshdesk <noreply@x.freshdesk.example>",
            "Mail delivery failure",
            f"Mail to {WHO} failed: it is drop-listed.",
            "freshdesk",
        ),
        (
            "Fresh <no-reply@freshworks.example>",
            "Reply failed",
            f"The reply was not delivered to\n\n{WHO}\n\nThe address is on the suppression list.",
            "freshdesk",
        ),
        (
            "Helpdesk <notifications@x.zendesk.example>",
            "Not sent",
            f"Not sent to {WHO}: the user's address was marked as undeliverable.",
            "zendesk",
        ),
        (
            "SendGrid <alerts@sendgrid.example>",
            "Dropped",
            f"We dropped a message.\nRecipient: {WHO}\nReason: Spam Reporting Address\n",
            "sendgrid",
        ),
        ("noreply@mailgun.example", "Failed", f"Failed: {WHO}\n\n605: Not delivering to previously bounced address", "mailgun"),
        (
            "Postmark <no-reply@postmarkapp.example>",
            "Message not sent",
            f"Found inactive addresses: {WHO}. Nothing was sent.",
            "postmark",
        ),
        ("HubSpot <noreply@hubspot.example>", "1 mail not sent", f"Contact: {WHO}\nReason: QUARANTINED_ADDRESS", "hubspot"),
        ("Intercom <robot@intercom.example>", "Reply dropped", f"To {WHO} nothing was sent: user_bounced", "intercom"),
        ("alerts@app.example", "send failed", f"send to <{WHO}>: E_RECIPIENT_SUPPRESSED", "cloudflare"),
        ("Brevo <no-reply@brevo.example>", "Blocked", f"{WHO} was blocked : due to blacklist user", "brevo"),
        ("Mail Bot <bot@mta.example>", "Nicht zugestellt", f"An {WHO} wurde nichts zugestellt: Ausschlussliste.", "generic"),
        ("no-reply@esp.example", "Échec", f"Non remis à {WHO} : l’adresse est sur la liste d’exclusion", "generic"),
        ("Zoho Desk <noreply@zohodesk.example>", "Failed", f"{WHO}: the address is blocked after a bounce; not sent.", "zoho"),
        ("SMTP2GO <no-reply@smtp2go.example>", "Rejected", f"Rejected: suppression list\nTo: {WHO}\nSubject: x", "smtp2go"),
    ],
)
def test_a_notice_in_plain_words(sender: str, subject: str, text: str, provider: str) -> None:
    """A machine says that a mail to somebody else was not sent, in a provider's words."""
    found = read(notice(sender, subject, text))
    assert found is not None
    assert (found.kind, found.form) == ("suppressed", "text")
    assert [(one.address, one.reason, one.provider, one.where) for one in found.recipients] == [
        (WHO, "suppressed", provider, "text")
    ]


def test_a_member_of_a_group_is_told_himself() -> None:
    """The one on the list is the reader; only the group's own host may say so."""
    text = "Your Groups.io Account is Bouncing.\n\nWe no longer send you messages."
    found = read(notice("Groups.io <noreply@groups.io>", "Your Groups.io Account is Bouncing", text))
    assert found is not None
    assert [(one.address, one.provider) for one in found.recipients] == [("agent@seller.example", "groups.io")]
    assert read(notice("Eve <noreply@evil.example>", "Bouncing", text)) is None


@pytest.mark.parametrize(
    ("sender", "subject", "text", "extra"),
    [
        ("Joe <joe@seller.example>", "You are suppressed", f"Our SendGrid says {WHO} is on the suppression list, not sent.", ""),
        ("noreply@shop.example", "Re: Delivery", f"Mail to {WHO} was not sent: suppression list.", ""),
        (
            "noreply@shop.example",
            "News",
            f"How suppression lists work: mail not sent to {WHO}.",
            "List-Unsubscribe: <mailto:u@s.example>\n",
        ),
        ("noreply@shop.example", "News", "You are on our suppression list and will not be sent mail.", ""),
        ("noreply@shop.example", "Ticket 5", f"> Mail to {WHO} was not sent, it is on the suppression list.\n\nSee above.", ""),
        ("noreply@shop.example", "Ticket 5", f"Could you look at {WHO}? Not delivered: suppression list.", ""),
        ("noreply@shop.example", "Weekly report", "Sent 12, not delivered 3, suppressed 311, complaints 2.", ""),
        (
            "ci@build.example",
            "Build failed",
            f"12 warnings suppressed, mail to {WHO} not sent",
            "Auto-Submitted: auto-generated\n",
        ),
        ("Ann <ann@seller.example>", "Hello", "Thanks!", "X-Auto-Response-Suppress: All\n"),
        ("noreply@shop.example", "Failed", f"See below.\n\n--- Forwarded message ---\nnot sent to {WHO}: suppression list", ""),
    ],
)
def test_talk_of_suppression_is_none(sender: str, subject: str, text: str, extra: str) -> None:
    """One sign is never enough: people, newsletters, quotes and programs use the same words."""
    found = read(notice(sender, subject, text, extra))
    assert found is None


def test_words_that_only_look_alike() -> None:
    """A report is not about suppression because a content filter suppressed a body, or its returned mail speaks of it."""
    found = read(relayed("554 5.6.0 Message body suppressed"))
    assert found is not None
    assert found.recipients[0].reason != "suppressed"
    returned = relayed("550 5.1.1 User unknown").replace(
        "--x--", "--x\nContent-Type: message/rfc822\n\nSubject: x\n\nthe address is on our suppression list\n--x--"
    )
    again = read(returned)
    assert again is not None
    assert [one.reason for one in again.recipients] == ["userunknown"]


def test_one_report_holds_several_verdicts() -> None:
    """Suppressed, unknown and delayed together, each with its rule and place."""
    first = relayed("550 5.7.1 Recipient is on the suppression list")
    more = (
        "Final-Recipient: rfc822; b@x.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n\n"
    )
    more += "Final-Recipient: rfc822; c@x.example\nAction: delayed\nStatus: 4.2.2\n\n--x--"
    found = read(first.replace("--x--", more))
    assert found is not None
    assert found.kind == "suppressed"
    assert [(one.address, one.action, one.reason, one.signature, one.where) for one in found.recipients] == [
        (WHO, "failed", "suppressed", "suppression-list", "diagnostic-code"),
        ("b@x.example", "failed", "userunknown", "words:userunknown", "diagnostic-code"),
        ("c@x.example", "delayed", "mailboxfull", "status:4.2.2", "status"),
    ]


def test_the_neighbours_verdict_is_not_ones_own() -> None:
    """What a notice says of the next address says nothing of this one, with fields and without."""
    notice_ = "<a@x.example>: host mx.example said: 550 5.1.1 no such user\n<b@x.example>: 550 5.7.1 on our suppression list\n"
    plain = f"From: MAILER-DAEMON@out.example\nTo: shop@seller.example\nSubject: Undelivered mail\n\nSorry.\n\n{notice_}"
    fields = "".join(f"Final-Recipient: rfc822; {who}@x.example\nAction: failed\nStatus: 5.0.0\n\n" for who in "ab")
    parts = f"--x\n\nSorry.\n\n{notice_}\n--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; o.example\n\n"
    parts += f"{fields}--x--\n"
    report_ = f"From: MAILER-DAEMON@out.example\nContent-Type: multipart/report; boundary=x\n\n{parts}"
    for raw in (plain, report_):
        found = read(raw)
        assert found is not None
        assert [(one.address, one.reason) for one in found.recipients] == [
            ("a@x.example", "userunknown"),
            ("b@x.example", "suppressed"),
        ]


def test_a_page_of_html_is_a_notice_too() -> None:
    """The words count, not how they are dressed; a quote in it does not."""
    page = "<html><body><p>Your mail was not delivered.</p>{}</body></html>"
    told = f"<table><tr><td>Recipient</td><td>{WHO}</td></tr><tr><td>Reason: Bounced Address</td></tr></table>"
    head = "From: SendGrid <no-reply@sendgrid.example>\nTo: a@seller.example\nSubject: Dropped\nContent-Type: text/html\n\n"
    found = read(head + page.format(told))
    assert found is not None
    assert [(one.address, one.provider) for one in found.recipients] == [(WHO, "sendgrid")]
    assert read(head + page.format(f'<blockquote type="cite">{told}</blockquote>')) is None


def test_time_that_ran_out_refuses_nobody() -> None:
    """A notice in plain words without any code, whose only cause is time, is a delay; one with Action: failed is a failure."""
    head = "Return-Path: <>\nFrom: Mail Delivery System <postmaster@out.example>\nTo: s@seller.example\nSubject: {}\n\n"
    late = (
        head.format("Warning: could not send message for past 4 hours")
        + f"Your mail to\n\n  {WHO}\n\nis delayed; we will keep trying.\n"
    )
    over = head.format("Mail delivery failed") + f"The following address failed:\n\n  {WHO}\n    retry timeout exceeded\n"
    for raw in (late, over):
        found = read(raw)
        assert found is not None
        assert (found.kind, [one.action for one in found.recipients]) == ("delayed", ["delayed"])
    found = read(relayed("554 4.4.7 Message expired", code="4.4.7"))
    assert found is not None
    assert (found.kind, found.recipients[0].reason) == ("bounce", "expired")


@pytest.mark.parametrize(
    ("said", "reason", "rule"),
    [
        ("host mx said: 550 no such user (in reply to RCPT TO command)", "userunknown", "words:userunknown"),
        ("host mx said: 550 no such user (in reply to end of DATA command)", "filtered", "stage:data"),
        ("host mx said: 553 no such domain (in reply to MAIL FROM command)", "rejected", "stage:mail"),
        ("host mx said: 550 no such user (in reply to EHLO command)", "blocked", "stage:connect"),
        ("504 what is this", "syntaxerror", "reply:504"),
    ],
)
def test_the_refused_command_tells_who_was_refused(said: str, reason: str, rule: str) -> None:
    """The same words mean the sender, the host or the recipient, by what they answer (RFC 5321 §4.2)."""
    found = read(relayed(said, code="5.0.0"))
    assert found is not None
    assert (found.recipients[0].reason, found.recipients[0].signature) == (reason, rule)
