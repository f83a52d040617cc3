"""Which addresses a notice names: on lines of their own, after words that introduce them, or anywhere.

A list that is introduced ("the following recipients") comes first. Machines' own addresses never count. Linear: a line is
read up to 1,000 characters, and no pattern can start over in what it has read.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from mailgate.mail import address
from mailgate.mail.words import any_of

MACHINE = any_of(
    r"""
    mailer-?daemon|post[-_ ]?master|mail(?:er)? ?delivery|delivery (?:sub)?system
    mail ?(?:delivery )?(?:agent|administrator|system|server)|mmdf|\bmta\b|internet ?mail|listserv|double-bounce
    \bbounce|mail-?daemon|mdaemon|postoffice|mail[-_ ]service|\bndr@|mailadmin|system administrator|network mail
    """
)
_ADDRESS = re.compile(r"(?>[^\s<>()\[\]\",;:'|=/\\`@]{1,64}@[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,10})(?![\w@])")
_NEXT = re.compile(r"^[ \t>*-]{0,8}<?[^\s<>@]{1,64}@[^\s<>]{1,255}", re.MULTILINE)
_BULLET = r"(?:[-*\u2022\d.)]{1,4}\s+)?"
_LABELLED = r"(?:(?:to|recipients?|address|rcpt to|user|failed)\s*:\s*)?"
_AFTER = r"[>\"')\]]{0,3}\s*(?:[:.,;(-].{0,600})?$"
_ALONE = re.compile(
    rf"\s*+{_BULLET}{_LABELLED}[\"'<(\[]{{0,3}}(?:smtp:|rfc822;|mailto:)?\s*({_ADDRESS.pattern}){_AFTER}", re.IGNORECASE
)
_FIRST = re.compile(rf"[ \t]{{0,20}}[<\"'(\[]?({_ADDRESS.pattern})[>\"')\]]?\s+\w")
_BARE = re.compile(r"(?:\t| {2,8})([A-Za-z0-9][A-Za-z0-9._-]{2,63})\s*$")
_LEAD = re.compile(
    r"^.{0,200}\bfollowing (?:e-?mail )?(?:recipients?|address(?:es)?|users?|mailbox(?:es)?)\b.{0,200}[:.]?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_INTRO = re.compile(
    r"\b(?:to|recipients?|address(?:es)?|user|mailbox|account|rcpt|for|addressee)\W{1,12}(?:to\b\s*:?\s*)?[<\"'(\[]{0,3}"
    rf"({_ADDRESS.pattern})",
    re.IGNORECASE,
)


def _alone(line: str) -> Iterator[str]:
    found = _ALONE.match(line[:1000]) if "@" in line else None
    if found:
        yield found[1].rstrip(".")


def _first(line: str) -> Iterator[str]:
    found = _FIRST.match(line[:1000]) if "@" in line else None
    if found:
        yield found[1].rstrip(".")


def _bare(line: str) -> Iterator[str]:
    """A mailbox of the reporter's own, without a domain: indented, alone in its line."""
    found = _BARE.match(line[:200])
    if found:
        yield found[1]


def _introduced(line: str) -> Iterator[str]:
    if "@" in line:
        yield from (one.rstrip(".") for one in _INTRO.findall(line[:1000]))


def _anywhere(line: str) -> Iterator[str]:
    if "@" in line:
        yield from (one.rstrip(".") for one in _ADDRESS.findall(line[:1000]))


def named(text: str, own: Container[str], sent: str = "") -> Iterator[str]:
    """The addresses in `text` save `own` (keys) and machines': on lines of their own, below words that introduce a list
    first; else after a word that introduces one; else names without a domain in such a list; else any.

    Of any, those count to whom the mail was `sent` (header lines of the returned mail), if these name one.
    """
    lead = _LEAD.search(text)
    after = text[lead.end() :].split("\n")[:200] if lead else []
    lines = text.split("\n")[:2000]
    for pick, where in (
        (_alone, after),
        (_first, after),
        (_alone, lines),
        (_introduced, lines),
        (_bare, after),
        (_anywhere, lines),
    ):
        found = [one for line in where for one in pick(line)]
        found = [one for one in found if address.key(one) not in own and not MACHINE.search(one.partition("@")[0])]
        if found:
            yield from (pick is _anywhere and [one for one in found if one in sent]) or found
            return


def about(notice: str, name: str) -> str:
    """What the notice says right after it calls somebody by `name`, up to where it comes to the next; 600 characters."""
    at = notice.lower().find(name.lower())
    said = notice[at + len(name) : at + len(name) + 600] if at >= 0 else ""
    for other in _NEXT.finditer(said):
        if name.lower() not in other[0].lower():
            return said[: other.start()]
    return said
