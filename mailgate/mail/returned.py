"""Bounces in plain words: returned mail of before RFC 3464, and of the many who never read it.

No single sign makes a bounce: machines send ordinary mail and people quote bounces. Asked for are two independent
signs out of: a machine's name in From or the null sender, a subject that says so, an opening line that says so,
``X-Failed-Recipients``, and the returned mail below a marker. Addresses are taken from the notice's own text only, never
from what it returns, except where it names nobody: then the returned mail's To is the one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailgate.mail import address, naming, reason, visible, words
from mailgate.mail.message import ORIGINALS, Message, once
from mailgate.mail.naming import MACHINE, named
from mailgate.mail.scan import fields
from mailgate.mail.words import any_of

TEXT_LIMIT = 256 * 1024
MAX_MARKER = 300
MAX_LINES = 5_000

_SUBJECT = any_of(
    r"""
    undeliver|not delivered|non.?deliver
    deliver(?:y|ing)?\b.{0,30}(?:fail|error|problem|status|report|notif|unsuccess|delay|warning)
    (?:fail|problem|error|unable|can(?:not|'t)|could not).{0,40}deliver
    return(?:ed|ing).{0,20}(?:mail|message|to sender)|mail (?:system )?(?:error|fail)|failure notice|bounce
    message (?:status|delayed)|warning: (?:could not|message)|mail delivery|unknown (?:user|address|recipient)
    user unknown|\bndn\b|\bndr\b|unzustellbar|nicht zugestellt|zustellung|non remis|non livr|impossibile
    mancata consegna|não entregue|no (?:se )?(?:pudo )?entreg|配信|配送|届け|失敗|退信|delivery has failed|mail could not be
    sendefehler|rejected mail|error sending|nondeliver|mail returned|undelivered|retour
    """
)
_OPENING = any_of(
    r"""
    (?:could not|cannot|can't|couldn't|was not|not be) (?:be )?(?:successfully )?(?:deliver|send|sent|reach|complete)
    (?:unable to|wasn't able to|failed to|not) (?:be )?(?:successfully )?(?:deliver|send|sent|reach|complete)
    deliver\w* (?:to .{0,120})?(?:has |have )?(?:fail|delay|been delayed|status|error|was unsuccess|is delayed)
    permanent(?:ly)? (?:fatal )?(?:error|fail)|undeliver|returned? (?:to (?:sender|you)|mail|message|below)
    failed (?:addresses|recipients?|permanently|delivery)|bounced?\b|no longer (?:valid|in use)
    recipient\(?s?\)? (?:was|were|could|cannot|unknown|address|not)|transcript of session|user unknown|unknown user
    does not exist|mailbox (?:is )?full|was rejected|invalid .{0,30}(?:user|recipient|address|mailbox)
    no such (?:user|recipient|mailbox)|not a valid user|no mailbox here|message that you sent
    your message (?:to|was|did|could|has|cannot)|following (?:address|recipient|message|destination)
    error (?:while|in|condition)|over quota|unzustellbar|nicht (?:zugestellt|erreicht|an)|n'a pas pu
    non (?:è stato|livr|remis|consegn)|não (?:foi|pôde|pode)|no (?:se )?(?:ha )?(?:pudo|podido)
    不存在|无法|無法|できません|届|エラー
    失敗|退信|konnte nicht|недоставл|не удалось|not delivered|mail delivery
    """
)
_RETURNED = "copy|original|returned?|unsent|undelivered|follows|message text|message header|headers?|body|mail"
_ITS = "(?:the|your) (?:original |returned |unsent )?(?:message|mail|e-mail)"
_MARKER = any_of(
    rf"""
    ^[ \t>|*]*[-=_*]{{2,}}+.{{0,90}}(?:{_RETURNED}).{{0,90}}$
    ^.{{0,80}}\bis a copy of (?:the|your).{{0,80}}$
    ^.{{0,80}}\b(?:copy|text|header|headers|part|contents?|body) of {_ITS}.{{0,80}}$
    ^.{{0,80}}\boriginal message (?:follows|was|is|header).{{0,80}}$
    ^.{{0,80}}\b(?:message|mail|headers?) (?:is |are )?(?:follows?|attached|below|returned below).{{0,80}}$
    ^.{{0,80}}\bfirst \d+ lines.{{0,80}}$
    ^.{{0,80}}\bmessage (?:is )?(?:enclosed|appended).{{0,60}}$
    """
)
_REPORTS = re.compile(
    r"transcript|session|fatal|permanent|delivery error|failed|addresses|error message|message was received", re.IGNORECASE
)
_MIME_LINE = re.compile(r"--|content-[a-z-]{2,30}:|\s{0,8}(?:boundary|charset|type)=", re.IGNORECASE)
_HEADER = re.compile(
    r"^[>\s|]{0,8}(?:received|return-path|message-id|from|date|subject|to|mime-version|x-mailer|delivered-to):[ \t]*\S",
    re.IGNORECASE,
)
_ANSWERED = re.compile(r"^\s{0,8}<<< ?([45]\d\d.{0,500})", re.MULTILINE)
_DELAYED = any_of(
    r"""
    will (?:be )?(?:re-?tr|continue|keep|try|attempt)|still (?:trying|be)|not yet (?:been )?deliver|delayed
    no action is required|do(?:n't| not) need to (?:resend|retry|do)|(?:warning|temporar).{0,60}(?:not|fail|only)
    will keep trying|delivery attempts will|being retried|warning message only|kept trying|queued for
    """
)
_WARNING = any_of(
    r"""
    ^warning: .{0,60}(?:delayed|still|not yet)|not yet (?:been )?deliver|no action is (?:required|needed)
    warning (?:message )?only|still being retried
    """
)
_FAILED = any_of(
    r"""
    permanent(?:ly)? (?:fatal |fail|error)|giv(?:en|ing|e) up|gave up|has been (?:returned|abandoned)|undeliverable
    (?<!if )could not be delivered to one|fatal error|cancel(?:l)?ed|final|too long|returned to sender|not be retried
    unknown user|user unknown
    """
)


@dataclass(frozen=True)
class Bounce:
    """Who was not reached: (address, enhanced status, words about it, from near to far).

    `action`: failed or delayed. `vague`: the notice itself names nobody.
    """

    action: str
    recipients: tuple[tuple[str, str | None, tuple[str, ...]], ...]
    vague: bool = False


def is_machine(message: Message) -> bool:
    """True if From or the reverse path is a mail system's (RFC 5321 §4.5.5, RFC 2142 §5)."""
    return _null_sender(message) or bool(MACHINE.search(words.decode((message.header("from") or "")[:500])))


def is_automatic(message: Message) -> bool:
    """True if the mail says that a machine made it (RFC 3834 §5), or bears a list of failed recipients."""
    said = (message.header("auto-submitted") or "no").partition(";")[0].strip().lower()
    return said != "no" or message.header("x-failed-recipients") is not None


def _null_sender(message: Message) -> bool:
    return (message.header("return-path") or "").replace(" ", "") == "<>"


@once
def own_text(message: Message) -> str:
    """What the notice itself says: its body before the returned mail."""
    text = body(message)
    return text[: _cut(text)]


def loose_status(message: Message) -> str | None:
    """The delivery-status fields of a machine's report whose MIME parts are broken, or None."""
    if not is_machine(message):
        return None
    text = body(message)
    start = re.search(r"^(?:reporting-mta|original-recipient|final-recipient):", text, re.IGNORECASE | re.MULTILINE)
    if start is None or not re.search(r"^final-recipient:.{0,20};", text, re.IGNORECASE | re.MULTILINE):
        return None
    rest = text[start.start() :]
    end = re.search(r"^(?:return-path|received|message-id|from|subject):|^--", rest, re.IGNORECASE | re.MULTILINE)
    return rest[: end.start()] if end else rest


def returned_part(message: Message) -> str:
    """The returned mail below the notice, as far as it starts with header lines; else an empty string."""
    text = body(message)
    lines = text[_cut(text) :].split("\n")[:60]
    start = next((number for number, line in enumerate(lines) if _HEADER.match(line)), None)
    return "\n".join(line.lstrip("> |") if line[:1] in ">|" else line for line in lines[start:]) if start is not None else ""


@once
def body(message: Message) -> str:
    """The text that a reader sees: the first text part, else the HTML part's, else what a broken multipart holds."""
    if message.readable is not None:
        return message.readable[:TEXT_LIMIT]
    if message.html:
        return visible.from_html(message.html)[:TEXT_LIMIT]
    broken = next((part for part in message.parts if part.content_type.startswith("multipart/")), None)
    return _stripped(broken.readable[:TEXT_LIMIT]) if broken is not None else ""


def _stripped(text: str) -> str:
    """A broken multipart without the boundary and header lines that it starts with."""
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip() and not _MIME_LINE.match(line)), 0)
    return "\n".join(lines[first:])


def _cut(text: str) -> int:
    """Where the returned mail begins: at a marker, or at three header lines in a row after some words."""
    run, at, start, above, said = 0, 0, 0, "", False
    for line in text.split("\n", MAX_LINES)[:MAX_LINES]:
        if said and _is_marker(line, above):
            return at
        if _HEADER.match(line):
            start = start if run else at
            run += 1
            if run == 3 and text[:start].strip():
                return start
        elif line[:1] not in (" ", "\t") or not line.strip():
            run = 0
        at += len(line) + 1
        above, said = line, said or bool(line.strip())
    return len(text)


def _is_marker(line: str, above: str) -> bool:
    """True for a line that announces the returned mail: ruled, or with no words right above it."""
    if len(line) > MAX_MARKER or not _MARKER.match(line) or _REPORTS.search(line):
        return False
    return line.lstrip()[:2] in ("--", "==", "__", "**") or not re.search(r"\w", above)


def read(message: Message) -> Bounce | None:
    """The bounce that `message` is in plain words, or None."""
    listed = message.header("x-failed-recipients")
    machine = is_machine(message)
    if not (machine or listed) or _is_reply(message):
        return None
    text, subject = own_text(message), message.subject
    titled = bool(_SUBJECT.search(subject[:300]))
    opening = text[:1500] if titled or not message.in_reply_to else text.lstrip()[:80]
    says = titled, bool(_OPENING.search(opening))
    if not (any(says) or (machine and listed) or _shows(message, text)):
        return None
    found = list(dict.fromkeys(_named(listed))) or list(dict.fromkeys(_failed(text, message)))
    vague = not found
    found = found or list(dict.fromkeys(_answered(message)))
    if not found and not all(says):
        return None
    return Bounce(
        _action(subject + "\n" + text), tuple(_verdict(each, text, subject, len(found) == 1) for each in found[:500]), vague
    )


def _shows(message: Message, text: str) -> bool:
    """True for a server's status code above a returned mail."""
    return bool(reason.ENHANCED.search(text[:4000])) and bool(returned_part(message))


def _is_reply(message: Message) -> bool:
    said = (message.header("auto-submitted") or "").lower().startswith("auto-replied")
    if _null_sender(message) and (message.header("from") or "").strip() in ("", "<>"):
        return False
    return said and not _SUBJECT.search(message.subject[:300])


def _action(text: str) -> str:
    if _WARNING.search(text[:800]):
        return "delayed"
    return "delayed" if _DELAYED.search(text[:4000]) and not _FAILED.search(text[:4000]) else "failed"


def _named(header: str | None) -> Iterator[str]:
    if header:
        yield from (box.address for box in address.mailboxes([words.decode(header)]))


def _failed(text: str, message: Message) -> Iterator[str]:
    """The addresses that the notice names, those of its readers only where it names no other."""
    machines, sent = _keys((*message.from_, *message.sender)), returned_part(message)
    for own in (machines | _keys((*message.to, *message.reply_to)), machines):
        found = list(named(text, own, sent))
        if found:
            yield from found
            return


def _answered(message: Message) -> Iterator[str]:
    """The one To of the returned mail."""
    attached = next((part.content for part in message.parts if part.content_type in ORIGINALS), None)
    block = attached if attached is not None else returned_part(message).encode()
    values = [words.raw_text(value) for name, value in fields(block) if name == "to"]
    boxes = address.mailboxes(values[:1])
    yield from (box.address for box in boxes if len(boxes) == 1)


def _keys(boxes: Iterable[address.Mailbox]) -> set[str]:
    return {address.key(box.address) for box in boxes}


def _verdict(failed: str, text: str, subject: str, alone: bool) -> tuple[str, str | None, tuple[str, ...]]:
    """(address, status, what is said of it): after the address, in its line; where it is `alone`, in the whole notice."""
    at = text.find(failed)
    line = text.rfind("\n", 0, max(at, 0)) + 1
    said = " ".join(naming.about(text, failed).split())
    before = text[line : at + len(failed)] if at >= 0 else ""
    code = reason.status(said, text[:4000] if alone or not said else "")
    wide = (text[:2000], subject) if alone or not said else ()
    last = (f"recipient {failed}",) if code is None else ()
    answered = _ANSWERED.findall(text[:4000]) if alone else ()
    return failed, code, (" ".join(answered), said, before, *wide, *last)
