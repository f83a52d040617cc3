"""Who is speaking: a person, or which kind of machine (RFC 3834, RFC 2919, RFC 5321 §4.5.5).

Asked in this order; the first answer wins:

1. own: it bears a Message-ID that we signed; never a header that anyone can set
2. dsn, arf, mdn: report.py found a report
3. loop: more hops than any mail needs
4. auto_reply: the mail says so, or an absence is its whole subject
5. list: a mailing list's own headers (List-Unsubscribe alone is a shop's)
6. human: everything else, also what a shop system wrote (`is_generated` tells)

``X-Auto-Response-Suppress`` proves nothing: Exchange and helpdesks put it on people's mail.
"""

from __future__ import annotations

import re

from mailgate.mail import subject
from mailgate.mail.message import Envelope, Message
from mailgate.mail.report import Report
from mailgate.mail.words import any_of

MAX_HOPS = 50

_FORMS = {"dsn": "dsn", "text": "dsn", "arf": "arf", "mdn": "mdn"}
_REPLY_HEADERS = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-auto-reply",
    "x-mail-autoreply",
    "x-mail-auto-reply",
    "x-autoreply-from",
    "x-auto-reply-from",
    "x-vacation",
    "x-amavis-autoreply",
)
_ABSENT_WORDS = r"""
    out of (?:the )?office|on vacation|vacation|away (?:from|until)|abwesen|im urlaub|nicht im (?:buero|buro|haus)
    assente|in ferie|fuori sede|de ferias
    fora do escritorio|ausente|fuera de la oficina|de vacaciones|absent|en conges|hors du bureau|afwezig|urlop
    poza biurem|frånvar|franvar|fravær|loma|مرخصی|в отпуске|不在|休假|외출|izinde
    """
_RECEIPT_WORDS = r"""
    (?:received|got|registered|created|opened|logged) (?:your|a (?:new )?(?:ticket|request|case)|the following)
    (?:ticket|request|case|message|e-?mail|issue).{0,60}(?:has been|was|is) (?:received|created|registered|opened|logged)
    (?:inquiry|enquiry).{0,60}(?:has been|was|is) (?:received|registered|logged)
    anfrage.{0,40}(?:erhalten|eingegangen)
    recebemos (?:a )?sua|abbiamo ricevuto|hemos recibido|avons (?:bien )?reçu|دریافت شد|ثبت شد
    """
_ABSENT, _RECEIPT = any_of(_ABSENT_WORDS), any_of(_RECEIPT_WORDS)
_AWAY = any_of(r"(?:auto(?:matic|mated)?[- ]?(?:reply|response|respond\w*|answer|acknowledg\w*))|پاسخ خودکار" + _ABSENT_WORDS)
_RECEIVED = any_of(r"do not reply|automatic(?:ally)?(?: generated)? (?:response|reply|message)" + _RECEIPT_WORDS)


def classify(message: Message, envelope: Envelope | None, report: Report | None, ours: bool) -> str:
    """human, auto_reply, list, dsn, arf, mdn, loop or own. `ours`: the Message-ID bears our valid signature."""
    if ours:
        return "own"
    if report is not None:
        return _FORMS[report.form]
    if len(message.headers("received")) > MAX_HOPS:
        return "loop"
    if _is_auto_reply(message, envelope):
        return "auto_reply"
    return "list" if _is_list(message) else "human"


def is_generated(message: Message) -> bool:
    """True if the mail says that no person sent it (RFC 3834 §5): never to be answered by a machine."""
    return _submitted(message) not in ("", "no") or _precedence(message) in ("bulk", "junk", "list", "auto_reply")


def is_absence(message: Message) -> bool:
    """True if an automatic reply says that its author is away, or says nothing at all; a helpdesk's receipt does not."""
    said = f"{message.subject} {(message.readable or '')[:600]}"
    return _ABSENT.search(subject.fold(said)) is not None or _RECEIPT.search(said) is None


def _submitted(message: Message) -> str:
    value = message.header("auto-submitted") or ""
    return re.split(r"[\s;(]", value.strip().lower(), maxsplit=1)[0]


def _precedence(message: Message) -> str:
    values = (message.header(name) for name in ("precedence", "x-precedence", "preference"))
    return next((value.strip().lower().replace("-", "_") for value in values if value), "")


def _is_auto_reply(message: Message, envelope: Envelope | None) -> bool:
    if _submitted(message) in ("auto-replied", "auto-reply") or _precedence(message) in ("auto_reply", "autoreply"):
        return True
    if any(_says_yes(message.header(name)) for name in _REPLY_HEADERS):
        return True
    read = subject.read(message.subject)
    if read.auto:
        return True
    machine = is_generated(message) or _null_sender(message, envelope)
    if not machine or read.forward:
        return False
    about_away = not read.reply and _AWAY.search(subject.fold(read.base)[:200]) is not None
    return about_away or (_answers(message) and (_null_sender(message, envelope) or _acknowledges(message)))


def _says_yes(value: str | None) -> bool:
    return value is not None and value.strip().lower() not in ("", "no", "false", "0", "none")


def _null_sender(message: Message, envelope: Envelope | None) -> bool:
    if envelope is not None and envelope.door in ("smtp", "lmtp", "guard"):
        return envelope.reverse_path is None
    return (message.header("return-path") or "").replace(" ", "") == "<>"


def _answers(message: Message) -> bool:
    return bool(message.in_reply_to or message.references)


def _acknowledges(message: Message) -> bool:
    """True if the mail's first words say that a request has arrived: a helpdesk's receipt."""
    return _RECEIVED.search((message.readable or "")[:600]) is not None


def _is_list(message: Message) -> bool:
    if any(message.header(name) is not None for name in ("list-id", "list-post", "mailing-list", "x-mailing-list")):
        return True
    return _precedence(message) == "list"
