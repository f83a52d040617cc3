"""Lines that introduce somebody else's words: ``On … wrote:``, Outlook's heads, forwarded heads.

Structure decides: a line or two above a quote that end in a colon and hold a date, a time or an address; three and more
``Word: value`` lines in a row with an address or a date; a ruled line with words in it. Lists of words in many
languages only confirm, they never decide alone: people write "On Monday I wrote to you:" too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailgate.mail.words import any_of

MAX_ABOVE = 5
MAX_LENGTH = 400

_DIGIT = r"[\d\u06f0-\u06f9\u0660-\u0669]"
_DATE = re.compile(
    rf"{_DIGIT}{{1,4}}[./\-]\s?{_DIGIT}{{1,2}}[./\-]\s?{_DIGIT}{{2,4}}|\b(?:19|20)\d\d\b|[\u06f1\u0661][\u06f3\u06f4\u0663\u0664]{_DIGIT}{{2}}"
    rf"|{_DIGIT}{{1,4}}\s?[年年]|{_DIGIT}{{1,2}}\.? ?(?:de )?[^\W\d_]{{3,12}}\.?(?: de)? {_DIGIT}{{2,4}}"
)
_TIME = re.compile(rf"{_DIGIT}{{1,2}}[:\uff1a.h]{_DIGIT}{{2}}")
_ADDRESS = re.compile(r"[\w.+\-=]{1,64}@[\w\-]{1,63}\.\w|[\w.+\-]{1,64} at [\w\-]{1,63}(?:\.| dot )\w|mailto:")
_ENDS = re.compile(r"[:\uff1a]\W*$")
_VERB = any_of(
    r"""
    wrote|writes|written|schrieb|schreibt|geschrieben|écrit|ecrit|escribi|escrib|escreve|scritto|scrisse|scrive|نوشت
    فرمود|schreef|skrev|napsal|napísal|napisa|pisze|kirjoitti|yazdı|yazmış|писал|пишет|пише|написа|写道|写到|寫道|書きました|のメール
    작성|írta|έγραψε|כתב|a scris|viết|rakstīja|rašė|said|says|menulis|sent
    """
)
_LAST = ("wrote", "schrieb", "écrit", "escribió", "escreveu", "scritto", "نوشت", "schreef", "skrev", "писал", "пишет")
_VERB_LAST = re.compile(rf"(?:{'|'.join(_LAST)})\W*$", re.IGNORECASE)
_PUNCTUATION = " \t:.,;!?*_()[]<>\"'|-\u2026\u2013\u2014\uff1a\u200e\u200f"
_OPENER = any_of(
    r"""
    on|am|le|el|il|em|op|den|dne|dnia|w dniu|в|у|el día|a las|il giorno|no dia|в(?:о)?|ai|på|pe|tarihinde|در|dana
    in data|den|at|quoting|from|von|de|da|dia|mon|tue|wed|thu|fri|sat|sun|lun|mar|mer|jeu|ven|sam|dim|seg|ter|qua|qui
    sex|sáb|dom|mo|di|mi|do|fr|sa|so
    """,
    after=r"\b",
)
_LABEL = re.compile(r"\s{0,8}[*_]{0,2}([^\W\d_][^:\uff1a\n*<>@]{0,28}?)\s?[*_]{0,2}\s?[:\uff1a]\s?[*_]{0,2}\s*(\S.*)?$")
_FROM = any_of(
    r"""
    from|de|von|da|van|fra|från|fran|od|от|від|kimden|gönderen|از|فرستنده|发件人|寄件者|寄件人|差出人|보낸 ?사람|remetente
    mittente
    expéditeur|expediteur|remitente|absender|feladó|lähettäjä|avsändare|afzender|nadawca|απο|από|מאת|من|de la|gửi từ
    dari|odesílatel
    """
)
_KNOWN = any_of(
    r"""
    sent|date|to|cc|subject|reply-to|received|envoy|objet|à|a|date|gesendet|datum|an|betreff|kopie|enviad|fecha|para
    asunto|data|enviado em|assunto|inviato|oggetto|per|verzonden|aan|onderwerp|sendt|til|emne|skickat|till|ämne
    odesláno|komu|předmět|wysłano|do|temat|отправлено|дата|кому|тема|tarih|kime|konu|gönderildi|تاریخ|به|موضوع|ارسال
    发送时间|日期|收件人|主题|主題|時間|送信日時|宛先|件名|보낸 ?날짜|받는 ?사람|제목|sent at|copia|cco?|importance|priority
    """
)
_RULED = re.compile(r"\s{0,8}[-_=*\u2014\u2013]{2,}+\s*+([^\s\-_=*\u2014\u2013>].{2,200}?)\s*[-_=*\u2014\u2013]{2,}>?\s*:?\s*$")
_RULE = re.compile(r"\s*[-_=*\u2014\u2013]{5,}\s*$")
_RULES = "-_=*\u2014\u2013"
_FORWARDED = any_of(
    r"""
    original|forward|messag|nachricht|weitergeleitet|ursprüngliche|mensag|mensaje|messaggio|inoltrat|transf|encaminhad
    reenviad|reply|antwort|bericht|meddelande|wiadomo|сообщен|письм|ileti|پیام|邮件|郵件|メッセージ
    meddelelse|melding|viesti|zpráva|správa|üzenet|μήνυμα|повідомлення|sporočilo|poruka|kiri|ziņojums|laiškas|메시지|הודעה
    الرسالة|tin nhắn|pesan
    """
)
_STRONG = any_of(
    r"""
    original|forwarded|weitergeleitet|ursprüngliche|encaminhad|reenviad|inoltrat|transféré|doorgestuurd|oryginaln
    переслан|исходное|iletilen|اصلی|فوروارد|原始|转发|轉寄|転送
    oprindelig|opprinnelig|ursprunglig|alkuperäinen|původní|pôvodná|eredeti|oorspronkelijk|orijinal|αρχικό|вихідне|оригінальне
    izvirno|izvorna|algne|sākotnējais|pradinis|元の|원본|מקורית|الأصلية|tin nhắn gốc|asli
    """
)
_BEGIN = any_of(
    r"""
    begin forwarded message|début du message|anfang der weitergeleiteten|inicio del mensaje|início da mensagem
    inizio messaggio
    """
)


def above(lines: list[str], quote: int) -> tuple[int, int]:
    """The lines [first, last) of the attribution above the quote that starts at `quote`; equal where there is none."""
    last = quote
    while last and not lines[last - 1].strip():
        last -= 1
    if quote - last > 3 or not last or not lines[last - 1].strip():
        return quote, quote
    if _RULED.match(lines[last - 1]):
        return last - 1, last
    for count in range(1, MAX_ABOVE):
        first = last - count
        if first < 0 or not lines[first].strip():
            break
        if _introduces(_joined(lines, first, last)):
            return _opened(lines, first, last), last
    return quote, quote


def _joined(lines: list[str], first: int, last: int) -> str:
    return " ".join(line.strip() for line in lines[first:last])[-MAX_LENGTH:]


def _introduces(text: str) -> bool:
    """True for the words above a marked quote: a colon at the end, and a date, a time, an address or a verb."""
    if len(text) >= MAX_LENGTH or not _ENDS.search(text):
        return bool(_VERB.search(text[-40:])) and bool(_DATE.search(text)) and bool(_TIME.search(text)) and len(text) < MAX_LENGTH
    dated = _DATE.search(text) or _TIME.search(text) or _ADDRESS.search(text)
    return bool(dated) or (len(text) < 60 and bool(_VERB.search(text[-30:])) and text.count(" ") < 6)


def _opened(lines: list[str], first: int, last: int) -> int:
    """`first`, or up to three lines above it where the sentence really begins."""
    if _OPENER.match(lines[first].lstrip()) and _DATE.search(lines[first]):
        return first
    for at in range(first - 1, max(first - 4, -1), -1):
        if not lines[at].strip():
            break
        dated = _DATE.search(lines[at]) or _TIME.search(lines[at])
        if (_OPENER.match(lines[at].lstrip()) and dated) or (_ADDRESS.search(lines[at]) and (dated or _VERB.search(lines[at]))):
            return at
    return first


def end_of_new(lines: list[str], quoted: list[bool]) -> int:
    """The line at which somebody else's words begin and go on to the end, or the number of lines."""
    may_end = [*map(_may_end, lines)]
    for at in _candidates(lines, quoted):
        if _begins_mail(lines, at):
            return _with_rule(lines, at)
        if True in may_end[at : at + 3] and _full_attribution(lines, quoted, at):
            return at
    return len(lines)


def has_head(lines: list[str], quoted: list[bool]) -> bool:
    """True if somebody else's mail follows under a head of its own: Outlook's, a ruled line, ``Begin forwarded message:``."""
    return any(_begins_mail(lines, at) for at in _candidates(lines, quoted))


def _may_end(line: str) -> bool:
    """False for a line that ends no full attribution, told without a pattern."""
    tail = line[-16:].lower()
    return tail.rstrip(" *_>").endswith((":", "\uff1a")) or tail.rstrip(_PUNCTUATION).endswith(_LAST)


def _begins_mail(lines: list[str], at: int) -> bool:
    """True if a mail's own head begins at this line; most lines lack a sign of it, so that no pattern is tried."""
    line = lines[at]
    bare = line.lstrip()
    return (
        ((":" in line[:50] or "\uff1a" in line[:50]) and _head(lines, at))
        or (bare[:1] in _RULES and _ruled(lines, at))
        or _BEGIN.match(bare) is not None
    )


def _candidates(lines: list[str], quoted: list[bool]) -> Iterator[int]:
    return (at for at, line in enumerate(lines) if not quoted[at] and line.strip() and len(line) < MAX_LENGTH)


def _head(lines: list[str], at: int) -> bool:
    """True for three and more ``Word: value`` lines from `at`, the first a From, with an address or a date among them."""
    first = _LABEL.match(lines[at])
    if first is None or not _FROM.fullmatch(first[1].strip()):
        return False
    block = [first, *_labels(lines, at + 1)]
    known = sum(_KNOWN.match(label[1].strip()) is not None for label in block[1:])
    told = " ".join(label[2] or "" for label in block)
    return known >= 2 and bool(_ADDRESS.search(told) or _DATE.search(told) or known >= 3)


def _labels(lines: list[str], start: int) -> Iterator[re.Match[str]]:
    """The ``Word: value`` lines from `start`: a folded value may stand between them, another From may not."""
    folded = 0
    for at in range(start, min(start + 9, len(lines))):
        label = _LABEL.match(lines[at])
        if label is not None and _FROM.fullmatch(label[1].strip()):
            return
        if label is not None:
            yield label
        elif lines[at].strip():
            folded += 1
        elif at + 1 >= len(lines) or not _LABEL.match(lines[at + 1]):
            return
        if folded > 2:
            return


def _ruled(lines: list[str], at: int) -> bool:
    """True for ``-----Original Message-----`` and its kin, with a head, a quote or an attribution below."""
    found = _RULED.match(lines[at])
    if found is None or not (_FORWARDED.search(found[1]) or _is_full(found[1])):
        return False
    if _STRONG.search(found[1]) or _is_full(found[1]):
        return True
    below = [line for line in lines[at + 1 : at + 8] if line.strip()][:3]
    return not below or any(_LABEL.match(line) or line.lstrip().startswith(">") or _ENDS.search(line) for line in below)


def _with_rule(lines: list[str], at: int) -> int:
    """`at`, or the bare or worded rule above it."""
    above_ = at - 1
    while above_ >= 0 and at - above_ <= 2 and not lines[above_].strip():
        above_ -= 1
    if above_ >= 0 and (_RULE.match(lines[above_]) or _RULED.match(lines[above_])):
        return above_
    return at


def _full_attribution(lines: list[str], quoted: list[bool], at: int) -> bool:
    """True for an attribution above words that are not marked as a quote: it must hold a date, a time, a verb and a name."""
    for count in (1, 2, 3):
        block = lines[at : at + count]
        if len(block) < count or not block[-1].strip():
            return False
        text = " ".join(line.strip() for line in block)
        if not (_ENDS.search(text) or _VERB_LAST.search(text)) or len(text) > MAX_LENGTH:
            continue
        following = next((k for k in range(at + count, min(at + count + 4, len(lines))) if lines[k].strip()), None)
        return _is_full(text) and (following is None or not quoted[following])
    return False


def _is_full(text: str) -> bool:
    """True for a date with a time and an address, or with one of these, a verb of writing and a usual first word."""
    dated, timed, named = bool(_DATE.search(text)), bool(_TIME.search(text)), bool(_ADDRESS.search(text))
    if not dated:
        return False
    return (timed and named) or ((timed or named) and bool(_VERB.search(text)) and bool(_OPENER.match(text.lstrip()) or named))
