"""Subjects: what one is about, without the prefixes, labels and tags that gather on the way.

Cut in this order: our own tag wherever it stands, gateway labels such as ``[EXTERNAL]``, then reply, forward and
auto-reply prefixes of many languages, again and again from the left, also behind a list's bracket label, which stays.
Every other bracket and number stays: ``Order #123`` is not ``Order #124``. What was cut is kept as flags.

A key is compared, never shown. That two keys are alike proves nothing (against RFC 5256 §2.1): strangers write "Order".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

LIMIT = 1000
_PREFIX_LIMIT = 40
MAX_TAGS = 3

_REPLY = """re|aw|antw|antwort|antwoord|res|resp|resposta|respuesta|risposta|rif|réponse|sv|svar|vs|odp|ynt|yanıt
ответ|отв|απ|σχετ|תגובה|vá|válasz|atb|答复|回复|回覆|返信|답장|회신|رد|پاسخ|جواب|trả lời|balas|bls"""
_FORWARD = """fw|fwd|forward|wg|weitergeleitet|weiterl|enc|encaminhada|inoltra|inoltrato|rv|reenv|reenviado|tr|transf
vb|vl|pd|prz|ilt|i̇lt|пересл|πρθ|הועבר|doorst|doorgestuurd|转发|轉寄|轉發|転送|전달|ارسال مجدد|بازارسال|هدایت
إعادة توجيه|továbbítás|videres|vidarebef|trs"""
_AUTO = """automatic reply|auto reply|auto-reply|autoreply|auto response|automatic response|out of office|ooo
automatische antwort|automatisch antwoord|abwesenheitsnotiz|abwesenheit|abwesend|resposta automática
fora do escritório|ausência temporária|risposta automatica|fuori sede|réponse automatique|absence du bureau
respuesta automática|fuera de la oficina|autosvar|automaattinen vastaus|automatická odpověď|automatická odpoveď
odpowiedź automatyczna|automatikus válasz|otomatik yanıt|автоматический ответ|автоответ|автоматична відповідь
αυτόματη απάντηση|מענה אוטומטי|رد تلقائي|پاسخ خودکار|پاسخ اتوماتیک|自动答复|自动回复|自動回覆|自動応答|不在通知
자동 회신|자동 응답|afwezigheidsmelding|frånvaromeddelande|ikke til stede|răspuns automat|automatski odgovor
trả lời tự động|balasan otomatis|ตอบกลับอัตโนมัติ|automatisk svar|automatiskt svar|automaatvastus|automātiska atbilde
automatinis atsakymas|samodejni odgovor|автоматичен отговор|аутоматски одговор|automatyczna odpowiedź|jawapan automatik
abwesenheitsmeldung|fuori ufficio|assenza|resposta automàtica|autorespuesta|autorisposta|respuesta automatica|auto"""
_WEAK = "r|i|réf"
_LABELS = """external|ext|extern|externe|externo|externa|esterno|esterna|external email|external mail|external sender
caution external|forged|spam|spam?|suspected spam|possible spam|probable spam|bulk|caution|warning|внешнее|خارجی"""
_GENERIC = """help problem question invoice order refund support complaint information urgent hello hi test request info
payment account cancel cancellation delivery inquiry message contact fatura boleto pedido reembolso ajuda problema
dúvida pergunta urgente cancelamento entrega nota fiscal fattura ordine rimborso aiuto domanda annullamento spedizione
rechnung bestellung hilfe frage rückerstattung kündigung lieferung factura ayuda pregunta cancelación envío facture
commande aide question remboursement livraison annulation مشکل درخواست سفارش کمک سوال پرداخت بازگشت وجه فاکتور لغو"""

_CASES = """case|ticket|tkt|request|req|ref|reference|sr|inc|incident|issue|id|caso|chamado|protocolo|solicitação|vorgang|fall
anfrage|richiesta|segnalazione|solicitud|demande|dossier|zaak|شماره|تیکت|درخواست"""

_DASH = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212_-"
_BRACKETED_TAG = rf"[\[(\u3010\uff3b]\s*MG\s*[#{_DASH}]?\s*(\d{{1,15}})\s*[\])\u3011\uff3d]"
_BARE_TAG = rf"(?<![^\W_])MG\s?[{_DASH}]\s?(\d{{1,15}})(?![\w{_DASH}])"
_TAG = re.compile(f"{_BRACKETED_TAG}|{_BARE_TAG}", re.IGNORECASE)
_CASE_WORDS = "|".join(re.split(r"[|\n]", _CASES))
_DESK_TAG = re.compile(
    rf"[\[({{](\s*(?:(?:{_CASE_WORDS})\s?[#:.{_DASH}]{{0,2}}|#)\s?[\w-]{{0,12}}\d{{3,15}}[\w-]{{0,12}}\s*)[\])}}]", re.IGNORECASE
)
_COUNT = re.compile(r"\s*(?:\[\d{1,3}\]|\(\d{1,3}\)|[\^*]\d{1,3}|(?<=[a-z])\d{1,2})$")
_BRACKET = re.compile(r"[\[{\u3010]\s*([^\[\]{}\u3010\u3011]{1,60}?)\s*[\]}\u3011]\s*")
_STARS = re.compile(r"\*{2,}\s*([^*]{1,30}?)\s*\*{2,}:?\s*")
_FWD_END = re.compile(r"\s*\(fwd\)\s*$", re.IGNORECASE)
_PERSIAN = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "ة": "ه"})


@dataclass(frozen=True)
class Subject:
    """A subject taken apart: `base` for people, `key` only to compare, what was cut as flags, the number of our tag.

    `auto` is set only where the auto-reply prefix is the outermost: ``Re: Automatic reply: x`` is a person's answer.
    """

    base: str
    key: str
    reply: bool
    forward: bool
    auto: bool
    tag: int | None


def fold(text: str) -> str:
    """`text` for comparing words: without case, accents, joiners and doubled spaces; Persian letters, ASCII digits."""
    if text.isascii() and text.isprintable():
        return " ".join(text.lower().split())
    plain = unicodedata.normalize("NFKD", text.casefold()).casefold()
    kept = (_folded(char) for char in plain if unicodedata.category(char) not in ("Mn", "Cf", "Cc", "Cs"))
    return " ".join(unicodedata.normalize("NFKC", "".join(kept)).translate(_PERSIAN).split())


def _folded(char: str) -> str:
    return str(unicodedata.decimal(char)) if char.isdecimal() else " " if char.isspace() else char


def _table(text: str) -> frozenset[str]:
    return frozenset(fold(word) for word in re.split(r"[|\n]", text))


_KINDS = {
    **dict.fromkeys(_table(_REPLY), "reply"),
    **dict.fromkeys(_table(_FORWARD), "forward"),
    **dict.fromkeys(_table(_AUTO), "auto"),
    **dict.fromkeys(_table(_WEAK), "weak"),
}
_LABEL_WORDS = _table(_LABELS)
_GENERIC_WORDS = frozenset(fold(word) for word in _GENERIC.split())


def read(subject: str) -> Subject:
    """`subject` (decoded, in one line) taken apart."""
    text = _clean(subject[:LIMIT])
    text, tag = _untagged(text)
    cut: set[str] = set()
    text, label = _stripped(text, cut), ""
    bracket = _BRACKET.match(text)
    if bracket is not None:
        rest = _stripped(text[bracket.end() :], behind := set[str]())
        if rest != text[bracket.end() :]:
            cut, label, text = cut | behind, bracket[0].rstrip() + " ", rest
    while ended := _FWD_END.search(text):
        text, cut = text[: ended.start()], cut | {"forward"}
    base = (label + text).strip()
    reply = "reply" in cut or ("weak" in cut and tag is not None)
    return Subject(base, fold(base), reply, "forward" in cut, "auto" in cut, tag)


def last_done(subject: str) -> str:
    """What was done to `subject` last: reply, forward, auto, weak (a prefix that is also a word) or nothing.

    ``Re: Fwd: x`` is a reply to a forward.
    """
    text = _clean(subject[:LIMIT])
    while label := _BRACKET.match(text) or _STARS.match(text):
        text = text[label.end() :]
    return _prefix(text)[0] or ("forward" if _FWD_END.search(text) else "")


def desk_tags(base: str) -> tuple[str, ...]:
    """What other helpdesks put into subjects to know their cases by: ``[#123]``, ``[Ticket#2024-17]``, ``(Case 5551234)``."""
    found = (fold(match[1]) for match in _DESK_TAG.finditer(base[:LIMIT]))
    return tuple(dict.fromkeys("".join(tag.split()) for tag in found))[:MAX_TAGS]


def is_generic(key: str) -> bool:
    """True for a key that says nothing: fewer than six letters or digits, or only words that everybody uses."""
    words = re.findall(r"\w+", key)
    return sum(map(len, words)) < 6 or all(word in _GENERIC_WORDS for word in words)


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = ("" if unicodedata.category(char) in ("Cc", "Cs") and not char.isspace() else char for char in text)
    return " ".join("".join(char for char in kept if not _is_mark(char)).split())


def _is_mark(char: str) -> bool:
    return len(char) == 1 and unicodedata.category(char) == "Cf" and char not in "\u200c\u200d"


def _untagged(text: str) -> tuple[str, int | None]:
    """`text` without our tags, and their number; None where there is none or two that differ."""
    numbers: set[int] = set()
    while found := {int(match[1] or match[2]) for match in _TAG.finditer(text)}:  # what closes up may be a tag again
        numbers |= found
        text = " ".join(_TAG.sub(" ", text).split())
    return text, numbers.pop() if len(numbers) == 1 else None


def _stripped(text: str, cut: set[str]) -> str:
    """`text` without its prefixes and gateway labels, whose kinds are added to `cut`."""
    while True:
        label = _BRACKET.match(text) or _STARS.match(text)
        word = fold(label[1]) if label is not None else ""
        if label is not None and (word in _LABEL_WORDS or _KINDS.get(word) == "auto"):
            cut.update({"auto"} if word not in _LABEL_WORDS and not cut else ())
            text = text[label.end() :]
            continue
        kind, rest = _prefix(text)
        if kind is None:
            return text
        if kind != "auto" or not cut & {"reply", "forward"}:
            cut.add(kind)
        text = rest


def _prefix(text: str) -> tuple[str | None, str]:
    """The kind of the prefix before the first colon and what follows it, or (None, text)."""
    head = re.match(rf"([^:\uff1a\ufe55]{{1,{_PREFIX_LIMIT}}})[:\uff1a\ufe55]", text)
    if head is None:
        return None, text
    word = _COUNT.sub("", fold(head[1]))
    kind = _KINDS.get(word)
    rest = text[head.end() :]
    if kind is None or (kind == "weak" and not rest[:1].isspace()):
        return None, text
    return kind, rest.strip()
