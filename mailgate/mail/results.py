"""What a mail server says that it checked: Authentication-Results, as RFC 8601 writes it and as servers really do.

Two questions, kept apart. `written_by_relays`: which lines were written by the hosts that we trust; a line that a sender brought
along stands further down. `read`: what such a line says, word for word; who is proven by it is for desk/proof to say.

The grammar is that of RFC 8601 §2.2 with nested comments, quoted strings, versions and folded lines; a missing name at the
start (Microsoft 365) is an empty one. A line that two readers could understand differently is not read at all: parts of it
repeat what the sender chose, such as his return path. ARC-Authentication-Results are other people's words, and not asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from mailgate.mail.words import raw_text

LONGEST = 16 * 1024
MOST = 50  # results of one line

_CAME_FROM = re.compile(r"from\s+[^\s()]+\s+\((?:[^\s()\[\]]+\s+)?\[(?:IPv6:)?([0-9A-Fa-f.:]+)\]", re.IGNORECASE)
_QUOTED = r'"(?:\\.|[^"\\])*"'
_VALUE = re.compile(rf'\s*((?:{_QUOTED}|[^\s;"()])+)')
_WORD = re.compile(rf'\s*((?:{_QUOTED}|[^\s;="()])+)')
_EQUALS = re.compile(r"\s*=")
_METHOD = re.compile(r"[a-z][a-z0-9-]*(?:/[0-9]+)?")
_PAIR = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class Result:
    """One result: the method (`dkim`, without its version), its verdict, and the properties (`header.d`), all in lower case.

    Of a property that stands there twice the first value counts; values keep their case.
    """

    method: str
    verdict: str
    properties: tuple[tuple[str, str], ...] = ()

    def value(self, *names: str) -> str:
        """The value of the first of these properties that is there, or nothing."""
        return next((value for name in names for known, value in self.properties if known == name), "")


@dataclass(frozen=True)
class Results:
    """One line: the name of the host that wrote it, in lower case (empty: it names none), and what it found."""

    authserv_id: str
    results: tuple[Result, ...]


def written_by_relays(
    fields: Iterable[tuple[str, bytes]], is_relay: Callable[[str], bool], *, beneath: bool = False
) -> tuple[str, ...]:
    """The Authentication-Results of a mail that a relay of ours handed over, topmost first.

    Every relay puts its Received on top (RFC 5321 §4.4) and its results above that (RFC 8601 §4). So the lines count from the
    top down to the first Received that says that a host came in which is no relay of ours; what stands further down came with
    the mail. `beneath`: our host writes its results under its own Received (sendmail, Exchange, Google), and removes those
    that others wrote; then the lines up to the next Received count. Without any Received none counts.
    """
    found: list[str] = []
    past = False
    for name, value in fields:
        if name == "authentication-results":
            found.append(raw_text(value))
        elif name == "received" and past:
            return tuple(found)
        elif name == "received" and not is_relay(_came_from(raw_text(value))):
            past = True
            if not beneath:
                return tuple(found)
    return tuple(found) if past else ()


def _came_from(received: str) -> str:
    """The IP address of the host that a Received line says the mail came from, or nothing: ``from HELO (NAME [IP])``."""
    found = _CAME_FROM.match(received.strip())
    try:
        return str(ip_address(found[1])) if found else ""
    except ValueError:
        return ""


def read(line: str) -> Results | None:
    """What an Authentication-Results line says; None for one that can't be read without doubt, or has two words on DMARC."""
    plain = _without_comments(line) if len(line) <= LONGEST else None
    segments = [one for one in _segments(plain) if one.strip()] if plain is not None else []
    if not segments:
        return None
    unnamed, name = _result(segments[0]), _WORD.match(segments[0])
    authserv_id = "" if unnamed or name is None else _unquoted(name[1]).lower()
    if name is not None and not unnamed and segments[0][name.end() :].strip() not in ("", "1"):  # a version that nobody knows
        return None
    said = segments if unnamed else segments[1:]
    found = [_result(one) for one in said[:MOST] if one.strip().lower() != "none"]
    results = tuple(one for one in found if one is not None)
    if len(results) < len(found) or len([one for one in results if one.method == "dmarc"]) > 1:
        return None
    return Results(authserv_id, results)


def _without_comments(line: str) -> str | None:
    """`line` with a space for each comment; None where a bracket or a quotation stays open, or a comment breaks a quotation."""
    out: list[str] = []
    depth, start, at, quoted = 0, 0, 0, False
    while at < len(line):
        char = line[at]
        if char == "\\" and (quoted or depth):
            out.append(line[at : at + 2] if quoted else "")
            at += 2
            continue
        if char == '"' and not depth:
            quoted = not quoted
        if not quoted and char == "(":
            start = start if depth else at
            depth += 1
        elif not quoted and char == ")":
            depth -= 1
            if depth < 0 or (not depth and line.count('"', start, at) % 2):
                return None
            char = " "
        if not depth:
            out.append(char)
        at += 1
    return None if depth or quoted else "".join(out)


def _segments(plain: str) -> Iterator[str]:
    """What stands between the semicolons that are in no quotation."""
    start, quoted, skip = 0, False, False
    for at, char in enumerate(plain):
        if skip:
            skip = False
        elif char == "\\" and quoted:
            skip = True
        elif char == '"':
            quoted = not quoted
        elif char == ";" and not quoted:
            yield plain[start:at]
            start = at + 1
    if plain[start:].strip():
        yield plain[start:]


def _result(segment: str) -> Result | None:
    """``method[/version] = verdict [reason=…] [ptype.property=value …]``, white space anywhere; None for anything else.

    Of a result that goes on with something else, the verdict is kept and the properties are not.
    """
    pairs, whole = _pairs(segment)
    if not pairs or not _METHOD.fullmatch(pairs[0][0]):
        return None
    properties: dict[str, str] = {}
    for name, value in pairs[1:] if whole else ():
        properties.setdefault(name, value)
    return Result(pairs[0][0].partition("/")[0], pairs[0][1].lower(), tuple(properties.items()))


def _pairs(segment: str) -> tuple[list[tuple[str, str]], bool]:
    """((name in lower case, value) of each ``name = value``, whether there is nothing else)."""
    found: list[tuple[str, str]] = []
    at = 0
    while True:
        name, after = _name(segment, at)
        equals = _EQUALS.match(segment, after)
        value = _VALUE.match(segment, equals.end()) if name and equals else None
        if value is None:
            return found, not segment[at:].strip()
        found.append((name, _unquoted(value[1])))
        at = value.end()


def _name(segment: str, at: int) -> tuple[str, int]:
    """The words before the next equals sign as one: white space may stand around the dot and the slash."""
    name = ""
    while word := _WORD.match(segment, at):
        if name and name[-1] not in "./" and word[1][0] not in "./":
            return "", at
        name += word[1].lower()
        at = word.end()
    return name, at


def _unquoted(text: str) -> str:
    return re.sub(_QUOTED, lambda one: _PAIR.sub(r"\1", one[0][1:-1]), text)
