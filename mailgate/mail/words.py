"""Bytes and encoded words of a header or a part as text (RFC 2047, RFC 2231), never losing a character.

Undecodable bytes become U+FFFD or their Windows-1252 meaning: nothing vanishes silently. Adjacent words of one charset
are joined as bytes first, because real senders split words inside a character (against RFC 2047 §5). Everything here is
linear and capped; a codec that is no charset (zlib, idna, undefined) is never called.
"""

from __future__ import annotations

import binascii
import codecs
import io
import re
from functools import lru_cache

MAX_WORDS = 100
MAX_RUNS = 10_000
TOGETHER = 4 * 2**20  # octets of base64 that are decoded in one go: no other thread runs meanwhile
FORGIVEN = 2**20
WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\r\n]{0,20000})\?=")
_GAP = re.compile(r"[ \t\r\n]*")
_Q_BYTE = re.compile(rb"=([0-9A-Fa-f]{2})")
_BETWEEN = re.compile(rb"[^=]+")
_QP = re.compile(rb"=([0-9A-Fa-f]{2})|=[ \t]*\r?\n|=\Z|(?<![ \t])[ \t]++(?=\r?\n)")
_CROOKED_QP = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n)|[ \t](?=\r?\n)|=\Z")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=\s]")
_STRAY = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
_REFUSED = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})
_BETTER = {  # what senders mean by these names (WHATWG Encoding Standard, "Names and labels")
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "unicode-1-1-utf-7": "utf-7",
    "x-gbk": "gb18030",
    "cp-850": "cp850",
    "big5": "big5hkscs",
    "tis-620": "cp874",
    "iso-8859-11": "cp874",
    "iso-8859-9": "cp1254",
    "utf8mb4": "utf-8",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
}
_LATIN = frozenset({"iso8859-1", "cp1252"})


@lru_cache(maxsize=256)
def codec(charset: str) -> str | None:
    """The name of Python's text codec for `charset`, or None if there is none that may be used."""
    wanted = charset.strip().strip("\"'").lower()
    try:
        found = codecs.lookup(_BETTER.get(wanted, wanted))
    except (LookupError, ValueError, UnicodeError):
        return None
    return found.name if getattr(found, "_is_text_encoding", True) and found.name not in _REFUSED else None


def any_of(table: str, after: str = "") -> re.Pattern[str]:
    """A pattern for any of the alternatives of `table`, whose lines may break at any of them; case does not count."""
    lines = (line.strip() for line in table.strip().split("\n"))
    return re.compile(f"(?:{'|'.join(lines)}){after}", re.IGNORECASE | re.MULTILINE)


def listed(table: str) -> frozenset[str]:
    """The words of `table`."""
    return frozenset(table.split())


def declared(content: bytes, charset: str | None) -> str:
    """`content` exactly as its charset says, UTF-8 where it says nothing usable; what does not decode is U+FFFD."""
    name = (codec(charset) if charset else None) or "utf-8"
    try:
        return content.decode("utf-8" if name == "ascii" else name, "replace")
    except (UnicodeError, ValueError):
        return content.decode("utf-8", "replace")


def decoded(content: bytes, charset: str | None) -> str:
    """`content` as its sender meant it: by the declared charset if it fits, else UTF-8, else Windows-1252."""
    name = codec(charset) if charset else None
    for attempt in ("cp1252" if name in _LATIN else name, "utf-8", "cp1252"):
        try:
            if attempt is not None:
                return content.decode(attempt)
        except (UnicodeError, ValueError):
            continue
    return declared(content, charset if name else "latin-1")


def start(content: bytes, limit: int) -> bytes:
    """At most `limit` octets of a text, ended where a line or at least no character of UTF-8 is cut in two."""
    if len(content) <= limit:
        return content
    line = content.rfind(b"\n", limit - 4096, limit) + 1
    while not line and limit > 0 and content[limit] & 0xC0 == 0x80:
        limit -= 1
    return content[: line or limit]


def is_utf8(content: bytes) -> bool:
    """True for bytes whose characters need no guess (RFC 6532)."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def raw_text(content: bytes) -> str:
    """A raw header value as text: UTF-8 (RFC 6532), else Windows-1252 (against RFC 5322 §2.2, seen daily)."""
    return decoded(content, None)


def decode(text: str) -> str:
    """`text` with its encoded words decoded (RFC 2047 §6); words beyond the 100th stay as they are."""
    if "=?" not in text:
        return text
    out: list[str] = []
    pending: list[bytes] = []
    charset, at = "", 0
    for count, word in enumerate(WORD.finditer(text)):
        if count == MAX_WORDS:
            break
        between = text[at : word.start()]
        name = word[1].partition("*")[0].lower()
        adjacent = at > 0 and _GAP.fullmatch(between) is not None
        if pending and not (adjacent and name == charset):
            out.append(decoded(b"".join(pending), charset))
            pending = []
        if not adjacent:
            out.append(between)
        pending.append(_content(word[2], word[3], name))
        charset, at = name, word.end()
    if pending:
        out.append(decoded(b"".join(pending), charset))
    return "".join(out) + text[at:]


def _content(encoding: str, body: str, charset: str) -> bytes:
    if body.isascii() or codec(charset) in (None, "utf-8", "ascii"):
        raw = body.encode("utf-8", "replace")
    else:
        raw = body.encode("cp1252", "replace")
    return base64(raw) if encoding in "bB" else _Q_BYTE.sub(_byte, raw.replace(b"_", b" "))


def _byte(found: re.Match[bytes]) -> bytes:
    return bytes((int(found[1], 16),)) if found[1] else b""


def quoted_printable(raw: bytes) -> bytes:
    """The bytes behind `raw`; an = that starts nothing stays, white space at line ends goes (RFC 2045 §6.7).

    What is longer than a text for people is taken as the standard library takes it, crooked or not.
    """
    crooked = len(raw) <= FORGIVEN and _CROOKED_QP.search(raw)
    return _QP.sub(_byte, raw) if crooked else binascii.a2b_qp(raw)


def base64(raw: bytes | memoryview) -> bytes:
    """The bytes behind `raw`; stray characters and missing padding are forgiven (RFC 2045 §6.8).

    What follows the padding counts only if it is base64 too: list servers append a footer in plain text.
    """
    found, rest = io.BytesIO(), b""
    for at in range(0, len(raw), TOGETHER):
        clean = rest + bytes(raw[at : at + TOGETHER]).translate(None, b" \t\r\n")
        is_last = at + TOGETHER >= len(raw)
        whole = len(clean) if is_last else len(clean) // 4 * 4
        piece, rest = clean[:whole], clean[whole:]
        try:
            found.write(binascii.a2b_base64(piece, strict_mode=True))
        except binascii.Error:
            return _crooked_base64(bytes(raw))
        if b"=" in piece and not is_last:
            return _crooked_base64(bytes(raw))
    return found.getvalue()


def _crooked_base64(raw: bytes) -> bytes:
    first, padding, rest = raw.partition(b"=")
    runs = [first]
    if padding and rest.count(b"=") <= MAX_RUNS and not _NOT_BASE64.search(rest):
        runs += _BETWEEN.findall(rest)
    return b"".join(map(_base64_run, runs))


def _base64_run(run: bytes) -> bytes:
    clean = run.translate(None, _STRAY)
    clean = clean[: len(clean) - 1] if len(clean) % 4 == 1 else clean
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))
