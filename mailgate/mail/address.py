"""Addresses: what one is, when two are the same, and who a mail says wrote it.

Two readers, on purpose. `author` decides identity: it takes the raw From lines and answers only when they are exactly
one mailbox by the grammar of RFC 5322 §3.4; anything that two readers could understand differently is nobody.
`mailboxes` reads To, Cc and Reply-To for people and for copies: it forgives broken quoting, groups and comments, in one
linear pass.
Neither asks the network, and neither normalises what it returns: addresses stay as written, `key` compares them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mailgate.mail import words

MAX_MAILBOXES = 500

_ATEXT = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]")
_ENCODED = re.compile(r"=\?[^?\s]{1,60}\?[bBqQ]\?[^?\r\n]{0,2000}\?=")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # of a host's key: what one letter stands for may be no letter
_PLAIN = re.compile(r"[^\"(<>,;:=\\]+")
_SEPARATORS = re.compile(r"""[\s<>()\[\]",;:]+""")
_NAME = re.compile(r"""\s*(?:"[^"\\<>]*"|(?:[\sA-Za-z0-9!#$%&'*+/=?^_`{|}~.-]|[^\x00-\x7f])*)\s*""")
_SPACES = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Mailbox:
    """A display name, decoded, and an address as written (RFC 5322 §3.4)."""

    name: str
    address: str


def is_address(text: str) -> bool:
    """True for an addr-spec that a person could own: dot-atom @ host name, RFC 5321 §4.5.3.1 and RFC 6531 lengths."""
    local, at, host = text.rpartition("@")
    if not at or not 1 <= len(local.encode("utf-8", "replace")) <= 64:
        return False
    return all(part and all(map(_is_atom, part)) for part in local.split(".")) and _is_host(host)


def _is_atom(char: str) -> bool:
    if char.isascii():
        return _ATEXT.match(char) is not None
    return unicodedata.category(char)[0] in "LMNS"


def _is_host(host: str) -> bool:
    if not 1 <= len(host) <= 255 or len(_host_key(host)) > 255 or host.endswith("."):
        return False
    return all(map(_LABEL.fullmatch, _host_key(host).split("."))) and all(map(_is_host_char, host))


def _is_host_char(char: str) -> bool:
    return char in ".-。．｡" or (char.isalnum() if char.isascii() else unicodedata.category(char)[0] in "LMN")


@lru_cache(maxsize=8192)
def key(address: str) -> str:
    """The form in which addresses are compared: local part casefolded in NFC, domain as A-labels (RFC 5890)."""
    local, at, host = address.strip().rpartition("@")
    if not at:
        return unicodedata.normalize("NFC", host.casefold())
    return unicodedata.normalize("NFC", local.casefold()) + "@" + _host_key(host)


def _host_key(host: str) -> str:
    if host.isascii():
        return host.lower().rstrip(". ")
    plain = unicodedata.normalize("NFKC", host.lower()).lower().replace("。", ".")
    return ".".join(map(_a_label, plain.rstrip(". ").split(".")))


def _a_label(label: str) -> str:
    if label.isascii() or len(label) > 63:
        return label
    return "xn--" + label.encode("punycode").decode("ascii")


def untagged(address: str) -> str:
    """`key(address)` without its +detail (RFC 5233)."""
    local, at, host = key(address).rpartition("@")
    return (_split(local)[0] if at else local) + at + host


def inbox(address: str) -> str:
    """The mailbox behind `address`, as far as the address shows it: without its +detail, and Gmail's without its dots."""
    local, _, host = untagged(address).rpartition("@")
    return f"{local.replace('.', '')}@gmail.com" if host in ("gmail.com", "googlemail.com") else untagged(address)


def detail(address: str) -> str | None:
    """The text between the first + and the @, as written, or None (RFC 5233)."""
    return _split(address.strip().rpartition("@")[0])[1]


def _split(local: str) -> tuple[str, str | None]:
    user, plus, tag = local.partition("+")
    return (user, tag) if plus and user else (local, None)


def domain(address: str) -> str:
    """The domain of `address` in the form of `key`, or an empty string."""
    return key(address).rpartition("@")[2] if "@" in address else ""


def matches(key_: str, pattern: str) -> bool:
    """True if `key_` is the address `pattern`, or lies in exactly that domain where `pattern` is ``@domain``."""
    if pattern.startswith("@"):
        return "@" in key_ and domain(key_) == domain("x" + pattern)
    return key(key_) == key(pattern)


def author(lines: Sequence[str]) -> str | None:
    """The one address of the raw From lines, or None if they are not exactly one mailbox (RFC 5322 §3.6.2).

    A name that is itself an address must be the same address: ``a@v.test <x@evil.test>`` is nobody.
    """
    if len(lines) != 1 or len(lines[0]) > 2000:
        return None
    text = re.sub(r"\r?\n(?=[ \t])", "", lines[0]).strip(" \t")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") and char != "\t" for char in text):
        return None
    plain = _without_comments(text)
    found = _strict(plain) if plain is not None else None
    return found if found is None or ("=?" not in found and "?=" not in found and _is_only_one(found, text)) else None


def _is_only_one(address: str, text: str) -> bool:
    """False where something else on the line has an @ and is more than a plain name: some readers start over behind a fold in a
    quoted name, or decode a broken one before they read it."""
    bracketed = f"<{address}>"
    rest = text.replace(bracketed if bracketed in text else address, " ", 1)
    if "=?" in _ENCODED.sub("", rest):  # a word that never ends: the standard library decodes it to the end of the line
        return False
    return "@" not in rest + words.decode(rest) or _NAME.fullmatch(rest) is not None or key(rest.strip(' "()')) == key(address)


def _without_comments(text: str) -> str | None:
    """`text` with each comment and each quoted name as a space, or None where a bracket stays open."""
    out: list[str] = []
    depth, quoted, angle, skip = 0, False, False, False
    for char in text:
        if skip:
            skip = False
        elif char == "\\" and (quoted or depth):
            skip = True
        elif char == '"' and not depth:
            quoted = not quoted
            out.append('"')
        elif quoted:
            continue
        elif char in "()":
            depth += 1 if char == "(" else -1
            out.append(" ")
            if depth < 0 or angle:
                return None
        elif not depth:
            angle = (angle or char == "<") and char != ">"
            out.append(char)
    return None if depth or quoted or skip else "".join(out)


def _strict(plain: str) -> str | None:
    name, bracket, rest = plain.partition("<")
    if not bracket:
        bare = plain.strip()
        return bare if is_address(bare) else None
    address, closed, after = rest.partition(">")
    address = address.strip()
    if not closed or after.strip() or not is_address(address):
        return None
    name = _ENCODED.sub(" ", name).replace('""', " ").strip()
    if "@" in name:
        return address if is_address(name) and key(name) == key(address) else None
    return None if re.search(r'[<>,:;\\"]', name) else address


def mailboxes(lines: Iterable[str]) -> tuple[Mailbox, ...]:
    """Every mailbox of lines such as To or Cc, in order, at most 500 (RFC 5322 §3.4).

    Groups are read through; a bare word without an @ is no mailbox, ``<MAILER-DAEMON>`` is.
    """
    found: list[Mailbox] = []
    for line in lines:
        for item in _items(line):
            box = item.mailbox()
            if box is not None:
                found.append(box)
            if len(found) >= MAX_MAILBOXES:
                return tuple(found)
    return tuple(found)


class _Item:
    """What stands between two commas, as it is being read."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.angle: str | None = None
        self.comment = ""

    def mailbox(self) -> Mailbox | None:
        text = _SPACES.sub(" ", "".join(self.text)).strip()
        if self.angle is not None:
            address, name = _squeezed(self.angle), text
            if not address and "@" in text:
                address, name = text, ""
        else:
            address, name = _bare(text)
            name = name or self.comment
        if "@" not in address and "=?" in address:
            address, name = _bare(words.decode(address))
        address = _CONTROL.sub("", address)
        return Mailbox(_shown(name), address) if address and (self.angle or "@" in address) else None


def _squeezed(angle: str) -> str:
    """The address inside angle brackets: without white space and without a source route (RFC 5321 appendix C)."""
    text = angle.strip()
    if text.startswith("@") and ":" in text:
        text = text.partition(":")[2]
    return text if text.startswith('"') else re.sub(r"\s", "", text)


def _bare(text: str) -> tuple[str, str]:
    """(address, name) of an item without brackets: its last word with an @, or the text itself if it is one word."""
    if text.startswith('"') and '"@' in text:
        return text, ""
    tokens = [token for token in _SEPARATORS.split(text) if "@" in token.strip("@")]
    if tokens:
        before, _, after = text.rpartition(tokens[-1])
        return tokens[-1].strip(".'"), (before + after).strip(" '[]")
    return ("", text) if " " in text else (text, "")


def _shown(name: str) -> str:
    text = words.decode(name.strip().replace('" "', " "))
    text = "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cs"))
    text = _SPACES.sub(" ", text).strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return text.replace('\\"', '"').strip()


class _Reader:
    """One pass over a header line; a bracket that never closes is looked for once only."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.at = 0
        self.open_for_ever: set[str] = set()

    def until(self, opening: str, closing: str) -> str | None:
        """The text up to `closing`, which is passed; nesting and backslashes respected; None if it never comes."""
        if opening in self.open_for_ever:
            return None
        depth, at = 1, self.at + 1
        nests = opening == "("
        while at < len(self.line):
            char = self.line[at]
            if char == "\\":
                at += 1
            elif char == closing:
                depth -= 1
                if not depth:
                    inside = self.line[self.at + 1 : at]
                    self.at = at + 1
                    return inside
            elif nests and char == opening:
                depth += 1
            at += 1
        self.open_for_ever.add(opening)
        return None


def _items(line: str) -> Iterable[_Item]:
    """The comma-separated items of `line`; a group's name and its semicolon separate too."""
    reader, item = _Reader(line), _Item()
    while reader.at < len(line):
        char = line[reader.at]
        plain = _PLAIN.match(line, reader.at)
        encoded = _ENCODED.match(line, reader.at) if char == "=" else None
        whole = plain or encoded
        if whole is not None:
            item.text.append(whole[0])
            reader.at = whole.end()
        elif char in ",;":
            yield item
            item = _Item()
            reader.at += 1
        elif char == ":" and item.angle is None and "@" not in "".join(item.text[-3:]):
            item = _Item()
            reader.at += 1
        else:
            _bracketed(reader, item, char)
    yield item


def _bracketed(reader: _Reader, item: _Item, char: str) -> None:
    closing = {'"': '"', "(": ")", "<": ">"}.get(char)
    inside = reader.until(char, closing) if closing else None
    if inside is None:
        reader.at += 1
        if char == "<" and item.angle is None:
            rest = reader.line[reader.at :].split(",")[0]
            item.angle = rest
            reader.at += len(rest)
        elif char not in '"<>(':
            item.text.append(char)
    elif char == '"':
        follows = reader.line[reader.at : reader.at + 1] == "@"
        item.text.append(f'"{inside}"' if follows else re.sub(r"\\(.)", r"\1", inside))
    elif char == "(":
        item.comment = item.comment or inside
    else:
        item.angle = inside if item.angle is None or "@" in inside else item.angle
