"""Attachments that a carrying desk sends along, and those that it leaves out.

A mail's HTML is never relayed, its files are, each after these questions, in this order:

1. is it a file? bodies are not, nor the seals of S/MIME and PGP (RFC 8551 §3.5, RFC 3156 §5), whose mail stays behind;
   an invitation (text/calendar, RFC 6047 §2.4) is one even where it stands as a body
2. may it go? programs, scripts, disk images, macros and pages of HTML or SVG may not: by name, declared type and first
   bytes, also where they lie in a ZIP or in an attached mail; encrypted and other archives are not looked into
3. is there room for it? by number, by its size and by the size of all

What goes gets a name that is safe in every file system and a type from a short list, else application/octet-stream; its
bytes stay as they are. What is left out is named, with the reason: a notice says so in the place of the file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from mailgate.mail.message import Message, Part, parse
from mailgate.mail.words import listed

TOO_LARGE, TOO_MANY, NOT_ALLOWED = "too_large", "too_many", "not_allowed"
NAME_LIMIT, NAME_OCTETS, EXTENSION_LIMIT = 120, 240, 12
INSTRUCTION = "mailgate.json"  # mail/instruction.py: the name of what we sign; nobody else's file goes under it
BINARY = "application/octet-stream"
MAIL = ("message/rfc822", "message/global")
_MEMBER_END = 40
_DEPTH = 3  # mails in one another that are looked into; what lies deeper does not go

_TYPES = """
image/png png · image/jpeg jpg · image/gif gif · image/webp webp · image/bmp bmp · image/tiff tif · image/heic heic
application/pdf pdf · text/plain txt · text/csv csv · text/calendar ics · text/vcard vcf · application/zip zip
application/rtf rtf · message/rfc822 eml · message/global eml
application/msword doc · application/vnd.ms-excel xls · application/vnd.ms-powerpoint ppt
application/vnd.openxmlformats-officedocument.wordprocessingml.document docx
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
application/vnd.openxmlformats-officedocument.presentationml.presentation pptx
application/vnd.oasis.opendocument.text odt · application/vnd.oasis.opendocument.spreadsheet ods
audio/mpeg mp3 · audio/ogg ogg · audio/mp4 m4a · audio/amr amr · audio/wav wav
video/mp4 mp4 · video/quicktime mov · video/webm webm · video/3gpp 3gp · video/mpeg mpeg
"""
_EXTENSION = dict(pair.split() for line in _TYPES.strip().split("\n") for pair in line.split("·"))
_PROGRAMS = listed(
    """
    ade adp apk app appinstaller application appref-ms appx appxbundle bash bat chm class cmd com command cpl csh deb
    desktop diagcab dll dmg docm dotm drv elf exe gadget hlp hta img inf ins iqy iso isp jar jnlp js jse ksh library-ms lnk
    mde mjs msc msi msix msp mst nsh ocx one pif pkg potm ppam ppsm pptm ps1 ps1xml ps2 psc1 psd1 psm1 py pyc pyw rdp reg
    rpm run scf scr sct search-ms settingcontent-ms sh shb shs sldm slk swf sys theme udl url vb vbe vbs vhd vhdx vxd
    website ws wsc wsf wsh xbap xlam xll xlsm xltm xnk zsh
    """
)
_PAGES = listed("htm html mht mhtml shtml svg svgz xht xhtml xsl xslt")
_REFUSED_TYPES = re.compile(
    r"text/(?:html|(?:x-)?(?:java|ecma|vb|jscript|sh)\w*)|image/svg.*|multipart/.*|message/(?:external-body|partial|s?-?http)|"
    r"application/(?:xhtml.*|hta|(?:x-)?(?:java|ecma|vb)script|java-archive|vnd\.microsoft\.portable-executable|"
    r"x-(?:ms(?:download|dos-program|i|-shortcut)|dosexec|executable|sh|bat|iso9660-image|shockwave-flash|elf|mach-binary))"
)
_SEALS = re.compile(r"application/(?:x-)?(?:pkcs7|pgp)-signature")
_MAGIC = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!", b"L\0\0\0\x01\x14\x02\0", b"MSCF")
_PAGE = re.compile(rb"<(?:!doctype\s+(?:html|svg)|html|svg|script|iframe|xsl:stylesheet)\b|\A<(?:head|body|meta|style)\b", re.I)
_MEMBER = re.compile(rb"PK\x01\x02.{24}(..).{16}", re.DOTALL)  # APPNOTE.TXT §4.3.12: a ZIP's central directory
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\..*)?", re.IGNORECASE)
_EDGES = ". \u200c\u200d"


@dataclass(frozen=True)
class Attachment:
    """A file of a mail that leaves: its name, its type without parameters, its bytes, and for text its charset."""

    filename: str
    content_type: str
    content: bytes
    charset: str | None = None


@dataclass(frozen=True)
class Limits:
    """How many files one mail carries along, how large each may be, and all together, in bytes before base64."""

    number: int = 10
    each: int = 10 * 1024 * 1024
    total: int = 20 * 1024 * 1024


def carried(message: Message, limits: Limits) -> tuple[tuple[Attachment, ...], tuple[str, ...]]:
    """The files of `message` that go along, and for each that does not ``CODE NAME``, both in their order.

    The code is too_large, too_many or not_allowed; the name is cleaned and may hold spaces.
    """
    going: list[Attachment] = []
    left_out: list[str] = []
    for part in _files(message):
        file = _attachment(part, {one.filename.casefold() for one in going})
        reason = _against(part, file, limits) or _no_room(file, going, limits)
        if reason:
            left_out.append(f"{reason} {_name(part)}")
        else:
            going.append(file)
    return tuple(going), tuple(left_out)


def file_name(name: str) -> str:
    """`name` as it may stand in any file system, at most 120 characters and 240 octets; "" where nothing is left.

    Without folders, control characters, bidi and other invisible marks (joiners stay, Persian needs them), characters
    and names that Windows reserves, and leading dots. A long name keeps its extension.
    """
    shown = re.split(r"[/\\]", "".join(map(_visible, name[: 50 * NAME_LIMIT])))[-1]
    clean = " ".join(re.sub(r'[<>:"|?*]', "_", unicodedata.normalize("NFC", shown)).split()).strip(_EDGES)
    if _DEVICE.fullmatch(clean) or clean.casefold() == INSTRUCTION:
        clean = f"_{clean}"
    return _cut(clean, "")


def _visible(char: str) -> str:
    match unicodedata.category(char):
        case "Cc" | "Zl" | "Zp" | "Cs":
            return " "
        case "Cf":
            return char if char in "\u200c\u200d" else ""
    return char


def _cut(name: str, added: str) -> str:
    """`name` with `added` before its extension, within the limits."""
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension) > EXTENSION_LIMIT:
        stem, dot, extension = name, "", ""
    tail = added + dot + extension
    stem = stem[: NAME_LIMIT - len(tail)]
    while len((stem + tail).encode()) > NAME_OCTETS:
        stem = stem[:-1]
    return (stem.rstrip(_EDGES) + tail) if stem + tail != name else name


def _files(message: Message) -> Iterator[Part]:
    """The leaves that are files. An invitation that stands as body and as file goes once, as the file."""
    files = {_lines(part.content) for part in message.parts if not part.is_inline}
    for part in message.parts:
        invitation = part.content_type == "text/calendar" and _lines(part.content) not in files
        if invitation if part.is_inline else not _SEALS.fullmatch(part.content_type):
            yield part


def _lines(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").strip()


def _name(part: Part) -> str:
    """The sender's name for a file, cleaned, else one that its type suggests; a mail's ends in .eml."""
    name = file_name(part.filename or "")
    if part.content_type in MAIL and not name.lower().endswith(".eml"):
        return _cut(f"{name or 'message'}.eml", "")
    if name:
        return name
    known = _EXTENSION.get(part.content_type)
    return ("invite" if known == "ics" else "attachment") + (f".{known}" if known else "")


def _attachment(part: Part, taken: set[str]) -> Attachment:
    """`part` under a name that is not among `taken`: ``scan.pdf``, ``scan (2).pdf``."""
    name, number = _name(part), 1
    while (numbered := _cut(name, f" ({number})") if number > 1 else name).casefold() in taken:
        number += 1
    kind = part.content_type if part.content_type in _EXTENSION else BINARY
    return Attachment(numbered, kind, part.content, _charset(part) if kind.startswith("text/") else None)


def _charset(part: Part) -> str | None:
    if part.charset and re.fullmatch(r"[A-Za-z0-9._-]{1,40}", part.charset):
        return part.charset
    try:
        part.content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "utf-8"


def _against(part: Part, file: Attachment, limits: Limits) -> str:
    """Why `part` does not go, whatever else goes; "" where nothing speaks against it."""
    if _refused_name(file.filename, _PROGRAMS | _PAGES) or _REFUSED_TYPES.fullmatch(part.content_type):
        return NOT_ALLOWED
    if len(part.content) > limits.each:
        return TOO_LARGE
    return "" if _harmless(part, _DEPTH) else NOT_ALLOWED


def _no_room(file: Attachment, going: list[Attachment], limits: Limits) -> str:
    if len(going) >= limits.number:
        return TOO_MANY
    return TOO_LARGE if sum(len(one.content) for one in going) + len(file.content) > limits.total else ""


def _refused_name(name: str, refused: frozenset[str]) -> bool:
    plain = unicodedata.normalize("NFKC", name).casefold().replace("\u200c", "").replace("\u200d", "")
    _, dot, extension = plain.rstrip(" .").rpartition(".")
    return bool(dot and extension.strip() in refused) or plain.endswith("vbaproject.bin")


def _harmless(part: Part, depth: int) -> bool:
    """False where the bytes are a program's or a page's, or hold such a file."""
    content, name = part.content, file_name(part.filename or "").lower()
    if part.content_type in MAIL or name.endswith(".eml"):
        inner = (one for one in parse(content).parts if not one.is_inline)
        return depth > 0 and all(_may_stay(one, depth - 1) for one in inner)
    if content.startswith(_MAGIC) or (content.startswith(b"MZ") and b"\0" in content[:1024]):
        return False
    if content[32769:32774] == b"CD001":  # ISO 9660
        return False
    head = content[:8192].replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf").lstrip(b"\xff\xfe \t\r\n")
    if head.startswith(b"<") and _PAGE.search(head[:4096]):
        return False
    return not (content.startswith(b"PK") or name.endswith(".zip")) or _members_harmless(content)


def _may_stay(part: Part, depth: int) -> bool:
    """True for a file in an attached mail that could go by itself."""
    named = _refused_name(file_name(part.filename or ""), _PROGRAMS | _PAGES)
    return not (named or _REFUSED_TYPES.fullmatch(part.content_type)) and _harmless(part, depth)


def _members_harmless(content: bytes) -> bool:
    """False where a ZIP names a program in it. Only the ends of names are read: a forged directory costs no time."""
    for found in _MEMBER.finditer(content):
        end = found.end() + int.from_bytes(found[1], "little")
        if _refused_name(content[max(found.end(), end - _MEMBER_END) : end].decode("utf-8", "replace"), _PROGRAMS):
            return False
    return True
