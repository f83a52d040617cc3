"""One linear pass over raw bytes before any parser: where the header ends, its lines, and how far the body may be read.

Nothing is refused here. A mail beyond a limit is read up to the limit, what lies beyond is left unread in `raw`, and
`defects` says which limit it was: headers 256 KiB and 1,000 lines, one header 16 KiB, 64 parameters, 500 parts,
20,000 lines that begin, end or head one, depth 30. The pass knows nothing of text encodings or meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_HEADER_BLOCK = 256 * 1024
MAX_HEADER_LINES = 1000
MAX_HEADER = 16 * 1024
MAX_PARAMETERS = 64
MAX_PARTS = 500
MAX_DEPTH = 30
MAX_PART_LINES = 20_000  # at which a part may begin or end, and header lines of parts

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_EIGHT_BIT_FIELD = re.compile(rb"[^\x00-\x20:\x7f]{1,200}:")
_END = re.compile(rb"\r?\n[ \t]*\r?\n")
_BOUNDARY = re.compile(rb"""boundary\s*=\s*(?:"([^"\r\n]{1,250})"|([^\s;"]{1,250}))""", re.I)
_FOLD = re.compile(rb"\r?\n(?=[ \t])|\r?\n$")


@dataclass(frozen=True)
class Scan:
    """The header fields as (name, unfolded raw value), the mail with tidy line ends, and the body's bounds in it."""

    fields: tuple[tuple[str, bytes], ...]
    mail: bytes
    body: int
    end: int
    defects: tuple[str, ...]


def scan(raw: bytes) -> Scan:
    """What a parser may see of `raw`."""
    mail = _tidy(raw)
    defects: list[str] = []
    lines, body = _header_lines(mail, defects)
    fields = tuple(_field(line, defects) for line in lines)
    end = _readable_end(mail, body, fields, defects)
    return Scan(fields, mail, body, end, tuple(dict.fromkeys(defects)))


def fields(block: bytes) -> tuple[tuple[str, bytes], ...]:
    """The header fields at the start of `block`, under the same limits: for attached originals and part headers."""
    lines, _ = _header_lines(_tidy(block[: MAX_HEADER_BLOCK * 2]), [])
    return tuple(_field(line, []) for line in lines)


def _tidy(raw: bytes) -> bytes:
    """`raw` without blank lines or an mbox ``From `` line in front; CR alone becomes LF where no LF is used."""
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
    head = raw[:4096]
    if b"\r" in head and b"\n" not in head:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if raw[:1] in (b"\r", b"\n") and raw[:4096].strip():
        raw = raw[:4096].lstrip(b"\r\n") + raw[4096:]
    for mark in (b"From ", b">From "):
        if raw.startswith(mark):
            raw = raw.partition(b"\n")[2]
    return raw


def _header_lines(mail: bytes, defects: list[str]) -> tuple[list[bytes], int]:
    """The folded header lines and the offset at which the body begins (RFC 5322 §2.1)."""
    found: list[bytes] = []
    at, count = 0, 0
    while at < len(mail):
        end = mail.find(b"\n", at) + 1 or len(mail)
        line = mail[at:end] if end - at <= MAX_HEADER else mail[at : at + MAX_HEADER]
        count += 1
        if not line.strip() and (line[:1] not in (b" ", b"\t") or not _continues(mail, end)):
            return found, end
        if count > MAX_HEADER_LINES or end > MAX_HEADER_BLOCK:
            defects.append("header_block_too_large")
            return found, _after_blank(mail, at)
        if line[:1] in (b" ", b"\t"):
            if found and line.strip():
                found[-1] += line if len(found[-1]) < 2 * MAX_HEADER_BLOCK else b""
        elif _is_field(line):
            found.append(mail[at:end])
        elif found and not _continues(mail, end):
            defects.append("no_blank_line")
            return found, at
        else:
            defects.append("garbage_in_header")
        at = end
    return found, len(mail)


def _is_field(line: bytes) -> bool:
    return _FIELD.match(line) is not None or _EIGHT_BIT_FIELD.match(line) is not None


def _continues(mail: bytes, at: int) -> bool:
    """True if the line at `at` is still a header line."""
    line = mail[at : at + 300]
    return _FIELD.match(line) is not None or (line[:1] in (b" ", b"\t") and bool(line.partition(b"\n")[0].strip()))


def _after_blank(mail: bytes, at: int) -> int:
    """Where the first empty line from `at` on ends. Found as bytes, as a pattern takes a second for what comes in one."""
    ends = (mail.find(blank, at) + len(blank) for blank in (b"\n\n", b"\n\r\n"))
    return min((end for end in ends if end > at), default=len(mail))


def header_end(mail: bytes, at: int) -> int:
    """Where the header ends of a part that begins with the line at `at`; where that line ends if no header follows."""
    line = mail.find(b"\n", at) + 1
    if not line:
        return len(mail)
    if mail[line : line + 1] not in (b" ", b"\t", b"\r", b"\n") and not _FIELD.match(mail, line):
        return line
    limit = min(line + 2 * MAX_HEADER, len(mail))
    dashes = mail.find(b"\n--", line - 1, limit) + 1
    blank = _END.search(mail, line - 1, dashes or limit)
    end = blank.end() if blank else dashes or mail.rfind(b"\n", line, limit) + 1 or mail.find(b"\n", limit) + 1
    return end or len(mail)


def _field(line: bytes, defects: list[str]) -> tuple[str, bytes]:
    name, _, value = line.partition(b":")
    label = name.rstrip().decode("ascii", "replace").lower()
    value = _FOLD.sub(b"", value).strip(b"\r\n")
    if len(value) > MAX_HEADER:
        defects.append("header_too_long")
        if label == "references":
            value = value[: MAX_HEADER // 2] + b" " + value[-MAX_HEADER // 2 :].partition(b" ")[2]
        value = value[:MAX_HEADER]
    if label.startswith("content-") and value.count(b";") > MAX_PARAMETERS:
        defects.append("too_many_parameters")
        value = b";".join(value.split(b";", MAX_PARAMETERS + 1)[: MAX_PARAMETERS + 1])
    return label, value.strip()


def _boundary(value: bytes) -> bytes | None:
    found = _BOUNDARY.search(value)
    return (found[1] or found[2]).rstrip() if found else None


def _readable_end(mail: bytes, body: int, fields_: tuple[tuple[str, bytes], ...], defects: list[str]) -> int:
    """The offset in `mail` up to which its MIME parts keep within the limits."""
    top = next((value for name, value in fields_ if name == "content-type"), b"")
    boundary = _boundary(top)
    if boundary is None or not top.lower().startswith(b"multipart"):
        return len(mail)
    stack, parts, lines = [boundary], 0, 0
    at = body - 1 if mail[body : body + 2] == b"--" else mail.find(b"\n--", body)
    while at >= 0:
        stop = mail.find(b"\n", at + 1)
        line = mail[at + 3 : stop if 0 <= stop <= at + 400 else at + 400].rstrip()
        head = mail[stop + 1 : header_end(mail, at + 1)] if stop >= 0 else b""
        lines += 1 + head.count(b"\n")
        if lines > MAX_PART_LINES:
            defects.append("too_many_part_lines")
            return at + 1
        closing = line.endswith(b"--") and line[:-2] in stack
        if closing:
            del stack[stack.index(line[:-2]) + 1 :]
        elif line in stack and stop >= 0:
            del stack[stack.index(line) + 1 :]
            parts += 1
            limit = _limit(mail, stop + 1, parts, stack)
            if limit:
                defects.append(limit)
                return at + 1
        at = mail.find(b"\n--", at + 3)
    return len(mail)


def _limit(mail: bytes, at: int, parts: int, stack: list[bytes]) -> str | None:
    """The limit that the part whose header starts at `at` breaks, or None; a multipart goes on the stack."""
    if parts > MAX_PARTS:
        return "too_many_parts"
    block = mail[at : at + 2 * MAX_HEADER]
    if block[:1] in (b"\n", b"\r"):
        return None
    blank = _END.search(block)
    head = block[: blank.start()] if blank else block
    if head.count(b";") > 2 * MAX_PARAMETERS:
        return "too_many_parameters"
    if blank is None and len(block) == 2 * MAX_HEADER and _FIELD.match(block):
        return "part_header_too_large"
    inner = _boundary(head) if b"multipart/" in head.lower() else None
    if inner is not None:
        stack.append(inner)
    return "too_deep" if len(stack) > MAX_DEPTH else None
