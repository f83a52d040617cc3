"""What helpdesks and sending providers tell their users in plain words, or in JSON: that an address is suppressed.

Words alone prove nothing, for people talk of suppression lists too. Asked for are a signature in the mail's own words and
all of these, which are independent of it: a machine wrote it, it answers and forwards nothing, it says that a mail was not
sent, and it names an address that is neither its author nor its reader. A notice to the listed person himself (a group's
member) needs the provider's brand in From instead. A provider's JSON needs a machine, or stands alone in its mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailgate.mail import address, naming, payload, returned, subject, visible
from mailgate.mail.message import Message
from mailgate.mail.payload import Event
from mailgate.mail.signature import Signature, Signatures
from mailgate.mail.verdict import Recipient, Told, Words, judge
from mailgate.mail.words import any_of

TEXT_LIMIT = 200_000
OWN_LIMIT = 8_000

_ROBOT = re.compile(
    r"(?:no[-_.]?reply|(?:do[-_.]?)?not[-_.]?reply|notifications?|notify|notifier|alerts?|mailer|post-?master|bounces?|.{0,20}daemon"
    r"|system|robot|bot|automat\w{0,10}|delivery|onboarding|status|webhooks?|monitor\w{0,5}|cron|root|api|events?|info-noreply"
    r"|reports?|warnings?|errors?|feedback|sns|mail-?system)(?:[+._-].{0,40})?$",
    re.IGNORECASE,
)
_UNSENT = any_of(
    r"""
    (?:not|n't|never|cannot|unable to) (?:yet )?(?:be(?:en)? )?(?:\w{1,15} )?(?:sent|send|deliver\w{0,4}|reach\w{0,3})
    \b(?:undeliver\w{0,6}|dropped|rejected|failed|failure|blocked|suppressed|bounced|refused|held|skipped|stopped)\b
    zugestellt|zustell|versendet|gesendet|fehlgeschlagen|abgelehnt|remis|envoyé|échec|échoué|livré|rejeté
    entregad|entregue|enviad|rechazad|rejeitad|fall[oó]|falha|consegnat|inviat|recapit|respint|fallit|mancata
    afgeleverd|bezorgd|verzonden|mislukt|geweigerd|配信|送信|届|失敗|送达|退回|발송|доставл|отправл|gönderil|dostarcz|wysłan|leveret|levererat
    """
)
_TALK = any_of(
    r"""
    \b(?:could|can|would) you\b|\bI(?:'m|'ve|'ll| am| have| think| tried| got| asked| see| believe| hope)\b
    \bwe (?:have )?(?:asked|tried|think|noticed|believe)\b|please check with|k(?:ö|oe)nn(?:t)?en sie|k(?:ö|oe)nnt ihr|ich habe
    pourriez|pouvez-vous|podr[ií]a(?:s|n)?\b|puede usted|poderia(?:m)?\b|potresti|potrebbe|kunt u|kun je
    """
)
_FORWARD = re.compile(
    r"^[ \t]*(?:[-_]{2,}[ \t]{0,9}(?:original|forward|urspr|weitergel|message|nachricht|messaggio|mensaje|mensagem|oorspr"
    r"|doorgest|転送)"
    r"|begin forwarded message|on .{0,120} wrote:|am .{0,120} schrieb|le .{0,120} a écrit)",
    re.MULTILINE | re.IGNORECASE,
)
_TO_LINE = re.compile(r"^[ \t]{0,20}(?:to|an|para|à|a|naar|aan|宛先)[ \t]{0,3}:(.{3,400})$", re.MULTILINE | re.IGNORECASE)
_LISTED = ("list-id", "list-unsubscribe", "list-post")


def read(message: Message, known: Signatures) -> tuple[Recipient, ...]:
    """Whom a provider's notice in plain words calls suppressed; empty where the mail is no such notice."""
    if not known.entries or _answers(message) or not is_robot(message, known):
        return ()
    text = own_words(message)
    for label, said in (("text", text), ("subject", message.subject)):
        found = known.match(said, "text")
        if found is not None and found.reason == "suppressed":
            return tuple(_verdicts(message, found, label, known, text))
    return ()


def events(message: Message, known: Signatures) -> tuple[Event, ...]:
    """The delivery events that the mail carries as JSON."""
    text = returned.body(message)[:TEXT_LIMIT]
    if "{" not in text or _answers(message):
        return ()
    return payload.read(text, known) if text.lstrip()[:1] in ("{", "[") or is_robot(message, known) else ()


def is_robot(message: Message, known: Signatures) -> bool:
    """True if a machine wrote the mail: by its headers (RFC 3834 §5), or by its name."""
    if returned.is_machine(message) or returned.is_automatic(message) or message.header("x-amz-sns-message-id"):
        return True
    boxes = message.from_[:1]
    return any(is_robot_name(box.address.partition("@")[0]) or known.brand(box.name) for box in boxes)


def is_robot_name(local: str) -> bool:
    """True if a mailbox is called as machines are: `noreply`, `mailer-daemon`, `notifications+17`."""
    return _ROBOT.match(local) is not None


def own_words(message: Message) -> str:
    """What the mail itself says: nothing quoted, forwarded or returned, at most 8,000 characters."""
    html = message.html if message.readable is None else None
    text = (visible.visible(None, html) if html else returned.body(message))[:TEXT_LIMIT]
    start = len(text) - len(text.lstrip())
    forwarded = _FORWARD.search(text, start + 1)
    lines = (text[: forwarded.start()] if forwarded else text).split("\n")
    return "\n".join(line for line in lines if not line.lstrip().startswith((">", "|")))[:OWN_LIMIT]


def _answers(message: Message) -> bool:
    read_ = subject.read(message.subject)
    return bool(message.in_reply_to or read_.reply or read_.forward)


def _verdicts(message: Message, found: Signature, label: str, known: Signatures, text: str) -> Iterator[Recipient]:
    from_ = message.header("from") or ""
    if found.names == "reader":
        own = found.brand is None or found.brand.search(from_)
        named = [box.address for box in message.to[:1]] if own else []
    elif any(message.header(name) is not None for name in _LISTED) or _TALK.search(text):
        named = []
    else:
        named = _named(message, text, known) if _UNSENT.search(text) or _UNSENT.search(message.subject) else []
    origin = (from_, " ".join(name for name, _ in message.scan.fields if name.startswith("x-")), text)
    said = Words("text", label, message.subject if label == "subject" else text)
    for one in named:
        yield judge(Told(one, None, "failed", (said,), origin), known)


def _named(message: Message, text: str, known: Signatures) -> list[str]:
    """The addresses that the notice names, save its own: its author's, its readers'; of several, those right before the words."""
    own = {address.key(box.address) for box in (*message.from_, *message.sender, *message.reply_to, *message.to, *message.cc)}
    found = list(naming.named(text, own)) or list(naming.named(message.subject, own))
    found = found or [box.address for line in _TO_LINE.findall(text)[:3] for box in address.mailboxes([line])]
    found = [one for one in dict.fromkeys(found) if not is_robot_name(one.partition("@")[0])][:50]
    apart = [one for one in found if known.match(naming.about(text, one), "text")] if len(found) > 1 else []
    return apart or found
