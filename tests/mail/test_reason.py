"""Why a server refused: Sisimai's word for its own words, its code, and the command that it refused."""

from __future__ import annotations

import pytest

from mailgate import config
from mailgate.mail import reason, report
from mailgate.mail.message import parse
from mailgate.mail.report import Recipient


def why(said: str, code: str | None = None, refused: str = "") -> str | None:
    found = reason.find(said, code, refused)
    return found[0] if found else reason.of_code(code)


def recipients(raw: str) -> tuple[Recipient, ...]:
    found = report.read(parse(raw.encode()), config.signatures())
    assert found is not None
    return found.recipients


@pytest.mark.parametrize(
    ("said", "code", "word"),
    [
        ("550 5.1.1 RESOLVER.ADR.RecipNotFound; not found", "5.1.1", "userunknown"),
        ("550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized", "5.7.1", "rejected"),
        ("550 5.4.312 Message expired, DNS query failed", "5.4.312", "networkerror"),
        ("550 5.7.606 Access denied", "5.7.606", "blocked"),
        ("550 5.7.705 Access denied, tenant has exceeded threshold", "5.7.705", "speeding"),
        ("550 5.7.509 Access denied", "5.7.509", "authfailure"),
        ("554 cox IMP AUP#CXDNS refused", None, "requireptr"),
        ("554 ACCESS DENIED AUP#In-1380", None, "speeding"),
        ("550 5.7.1 sorry IB508", "5.7.1", "authfailure"),
        ("554 5.7.1 POL-P5 https://www.facebook.com/postmaster/", "5.7.1", "virusdetected"),
        ("550 5.5.0 Mail refused. OFR_417", "5.5.0", "mailboxfull"),
        ("554 see http://mail.i.ua/err/3/", None, "suspend"),
        ("542 ann@shop.example Rejected", None, "userunknown"),
        ("550 : User unknown", None, "filtered"),
        ("554 delivery error: dd This user doesn't have a shop.example account", "5.0.0", "userunknown"),
        ("550 550 <ann@shop.example>: not here (state 14).", None, "userunknown"),
        ("554 554 5.7.0 Refused (state 18).", "5.7.0", "filtered"),
        ("all relevant MX records point to non-existent hosts", None, "hostunknown"),
        ("Network error on destination MXs", None, "networkerror"),
        ("Sorry, I couldn't find any host named shop.example. (#5.1.2)", "5.1.2", "hostunknown"),
        ("Mailaddress is administratively disabled (#5.2.1)", "5.2.1", "suspend"),
    ],
)
def test_a_provider_says_it_in_his_own_words_and_is_understood(said: str, code: str | None, word: str) -> None:
    """A provider's own codes and phrases mean what his list says, whatever the common words in them would."""
    assert why(said, code) == word


@pytest.mark.parametrize(
    ("said", "code", "refused", "word"),
    [
        ("551 not our user", "5.1.6", "data", "hasmoved"),
        ("550 5.7.1 User unknown", "5.7.1", "", "filtered"),
        ("550 5.7.1 User unknown", "5.7.1", "rcpt", "userunknown"),
        ("550 5.2.1 <ann@shop.example>... User unknown", "5.2.1", "", "suspend"),
        ("550 5.2.0 <ann@shop.example>... User unknown", "5.2.0", "", "filtered"),
        ("551 5.7.1 Recipient address rejected: Delivery not authorized", "5.7.1", "rcpt", "securityerror"),
        ("550 This is not permitted here", None, "", "policyviolation"),
        ("5.1.0 - Unknown address error 550-'Access denied' (delivery attempts: 0)", "5.7.1", "", "securityerror"),
        ("550 Please use the smtp server of your ISP", None, "mail", "blocked"),
        ("553 mail.shop.example does not exist", None, "data", "hostunknown"),
        ("550 Virus Detected; Content Rejected", "5.0.0", "", "virusdetected"),
        ("552 Too many recipients", "5.0.0", "", "toomanyconn"),
        ("554 Blocked using bl.shield.example", None, "", "blocked"),
        ("550 We do not accept mail from dynamic IP space", None, "", "blocked"),
        ("550 Your email address has been blacklisted here", None, "", "rejected"),
        ("550 BATV tag is not valid", None, "", "rejected"),
        ("550 IP name lookup failed for 192.0.2.7", None, "", "requireptr"),
        ("554 Content denied by the antispam engine", None, "", "spamdetected"),
        ("550 Because of the recipient preferences", None, "", "filtered"),
        ("452 There is not enough disk space for ann", None, "", "mailboxfull"),
        ("550 sorry, your envelope recipient is in my badrcptto list", None, "rcpt", "userunknown"),
        ("550 utilisateur inconnu", None, "rcpt", "userunknown"),
        ("550 The user is terminated", None, "", "suspend"),
        ("554 mail for shop.example loops back to myself", None, "", "systemerror"),
        ("451 too many errors from your address", None, "", "toomanyconn"),
        ("", "5.1.10", "", "notaccept"),
        ("", "5.7.29", "", "authfailure"),
    ],
)
def test_words_codes_and_the_refused_command_decide_together(said: str, code: str | None, refused: str, word: str) -> None:
    """An unknown user is one where RCPT was refused; elsewhere the code says what the server hides behind the words."""
    assert why(said, code, refused) == word


def test_a_reply_that_names_rcpt_refused_rcpt() -> None:
    """A server that repeats the command in its reply says what it refused, whenever it said it."""
    assert reason.stage("554 Rcpt <ann@shop.example> does not exist") == "rcpt"


def test_the_servers_own_reply_comes_before_what_the_mailer_made_of_it() -> None:
    """In a transcript the line after <<< is the refusal; the mailer's summary below it may speak of another attempt."""
    notice = (
        "From: MAILER-DAEMON@relay.example\nTo: help@desk.example\nSubject: Returned mail: Remote protocol error\n\n"
        "   ----- Transcript of session follows -----\nWhile talking to mx.shop.example:\n"
        ">>> MAIL From:<help@desk.example>\n<<< 550 Insecure mail relay\n554 <ann@shop.example>... Remote protocol error\n"
        "421 backup.example (smtp)... Deferred: Connection timed out\n\n   ----- Unsent message follows -----\nSubject: x\n\nx\n"
    )
    assert [(one.address, one.reason) for one in recipients(notice)] == [("ann@shop.example", "norelaying")]


def test_the_comment_behind_a_status_says_why() -> None:
    """Without a Diagnostic-Code the brackets behind the code are the reporter's words, if they say more than it."""
    report_ = (
        "From: MAILER-DAEMON@relay.example\nTo: help@desk.example\nSubject: Undelivered\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nSorry.\n--b\n"
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\n\n"
        "Final-Recipient: rfc822; ann@shop.example\nAction: failed\nStatus: 5.0.0 (shop.example: host name lookup failure)\n\n"
        "Final-Recipient: rfc822; tom@shop.example\nAction: failed\nStatus: 5.0.0 (permanent failure)\n\n--b--\n"
    )
    assert [(one.reason, one.diagnostic) for one in recipients(report_)] == [
        ("networkerror", "shop.example: host name lookup failure"),
        (None, None),
    ]


def test_of_the_addresses_in_prose_only_those_that_the_mail_went_to_have_failed() -> None:
    """A notice may advise to write to somebody else: who is named in passing and got no mail of ours has not failed."""
    notice = (
        "From: postmaster@shop.example\nTo: help@desk.example\nSubject: Undelivered mail\n\n"
        "We write our addresses as first.last@shop.example. Your mail, sent for ann@shop.example, could not be delivered.\n"
        "You may try Ann Other, ann.other@shop.example, instead.\n\n--- Original message follows ---\n"
        "Received: from desk.example by mx.shop.example for <ann@shop.example>\nTo: friends@lists.example\nSubject: Hello\n"
    )
    assert [one.address for one in recipients(notice)] == ["ann@shop.example"]


def test_a_mail_that_nobody_fetched_has_failed() -> None:
    """What gave up says so, though time was the cause: no later attempt follows."""
    notice = (
        "From: Mailer-Daemon@relay.example\nTo: help@desk.example\nSubject: Mail delivery failure\n\n"
        "A message that you sent could not be delivered.\n\n  ann@shop.example\n    it has not been collected after 30 days\n"
    )
    assert [(one.action, one.reason) for one in recipients(notice)] == [("failed", "expired")]
