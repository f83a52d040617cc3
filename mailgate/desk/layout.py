"""Lay a notice out: blocks of words, and how they look as plain text (the HTML frame lays out the same blocks).

Text keeps to 76 columns; only a longer address, link or id may stand out, because breaking it would break it. Headings
are underlined with "=", not "-": several helpdesks take a line of hyphens for a signature and drop the rest. What the
reader is to do stands indented, on its own. A list with bars in it is laid out as facts, so that the bars start in one column
and can be compared. The footer follows "-- " (RFC 3676 §4.3).

A language from right to left keeps its isolates (UAX #9 §2.4). Each line is a paragraph of its own to a reader, so an
isolate never runs over a line's end, and a line that would be taken for left to right gets a mark in front.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mailgate.desk.wording import BLOCK, FSI, PDI, RLM
from mailgate.mail.compose import one_line

WIDTH = 76
LINES_LIMIT = 400

_ITEM = re.compile(r"(?m)^(?=- )")
_QUOTED = re.compile(r"(?m)^>[ ]?")
_PREFIX = re.compile(r"(?:> ?|- | +)?")
_UNMARKED = re.compile(r"-- |  mailto:.*|")  # what mail programs look for, and empty lines


@dataclass(frozen=True)
class Block:
    """One piece of a section. `text` for text, call and the head of a quote; `items` for the rest: (label, words)."""

    kind: Literal["text", "call", "list", "facts", "quote", "links"]
    text: str = ""
    items: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Section:
    """A heading ("" for the top of the notice) and what stands under it."""

    heading: str
    blocks: tuple[Block, ...]


def blocks(body: str) -> Iterator[Block]:
    """The paragraphs, lists ("- "), quotes ("> ") and calls ("! ") of a filled template; width comes later."""
    for paragraph in re.split(r"\n\s*\n", body.strip()):
        lines = paragraph.strip()
        if lines.startswith("! "):
            yield Block("call", _flat(lines[2:]))
            continue
        head, *said = _QUOTED.split(lines)
        if said:
            yield Block("quote", _flat(head), tuple(("", line.rstrip("\n")) for line in said))
            continue
        before, *items = _ITEM.split(lines)
        if before.strip():
            yield Block("text", _flat(before))
        if items:
            yield _list(tuple(_flat(item[2:]) for item in items))


def _list(items: tuple[str, ...]) -> Block:
    pairs = tuple(item.partition(": ") for item in items)
    if any(BLOCK in item for item in items) and all(value for _, _, value in pairs):
        return Block("facts", items=tuple((label, value) for label, _, value in pairs))
    return Block("list", items=tuple(("", item) for item in items))


def quoted(text: str) -> tuple[str, ...]:
    """The lines of a message, clean, with single blank lines between paragraphs and none at the ends."""
    lines: list[str] = []
    for line in text.splitlines()[:LINES_LIMIT]:
        clean = one_line(line, 2000)
        if clean or (lines and lines[-1]):
            lines.append(clean)
    return tuple(lines[:-1] if lines and not lines[-1] else lines)


def direction(lines: Iterable[str], otherwise: str) -> str:
    """ltr or rtl by the first strong character (UAX #9 P2, P3)."""
    kinds = (unicodedata.bidirectional(char) for line in lines for char in line)
    strong = next((kind for kind in kinds if kind in ("L", "R", "AL")), None)
    return {"L": "ltr", "R": "rtl", "AL": "rtl"}.get(strong or "", otherwise)


def text(sections: Sequence[Section], footer: Sequence[Block], way: str) -> str:
    """The plain text, LF line ends. `way` is ltr or rtl; from left to right no isolates are needed, and none are left."""
    rtl = way == "rtl"
    show = _isolated_block if rtl else _block
    parts = ["\n\n".join((*_heading(section.heading), *map(show, section.blocks))) for section in sections]
    whole = "\n\n\n".join(parts) + "\n\n\n-- \n" + "\n".join(map(show, footer)) + "\n"
    return "\n".join(map(_marked, whole.split("\n"))) if rtl else whole.replace(FSI, "").replace(PDI, "")


def _heading(words: str) -> tuple[str, ...]:
    return (f"{words}\n{'=' * _width(words)}",) if words else ()


def _isolated_block(block: Block) -> str:
    """The block with a message's lines isolated: nobody knows in which direction they run."""
    if block.kind != "quote":
        return _block(block)
    return _block(replace(block, items=tuple((label, f"{FSI}{line}{PDI}" if line else "") for label, line in block.items)))


def _marked(line: str) -> str:
    """`line`, with a right-to-left mark behind its prefix unless its first strong character, in no isolate, says so."""
    if _UNMARKED.fullmatch(line) or _leads_right(line):
        return line
    start = _PREFIX.match(line)
    end = start.end() if start else 0
    return f"{line[:end]}{RLM}{line[end:]}"


def _leads_right(line: str) -> bool:
    """Safe for readers that skip isolates to find a paragraph's direction (UAX #9 P2) and for those that do not."""
    before, _, _ = line.partition(FSI)
    return direction((before,), "ltr") == "rtl"


def _block(block: Block) -> str:
    match block.kind:
        case "call":
            return _wrapped(block.text, "    ")
        case "list":
            return "\n".join(_wrapped(words, "- ", "  ") for _, words in block.items)
        case "facts":
            return "\n".join(_facts(block.items))
        case "links":
            return "\n\n".join(f"{_wrapped(label)}:\n  {link}" for label, link in block.items)
        case "quote":
            lines = (_wrapped(line, "> ") if line else ">" for _, line in block.items)
            return "\n".join((*filter(None, (_wrapped(block.text),)), *lines))
    return _wrapped(block.text)


def _facts(items: Iterable[tuple[str, str]]) -> Iterator[str]:
    """`Label: value`, the values in one column where all labels are short."""
    pairs = tuple(items)
    column = min(max((_width(label) for label, _ in pairs), default=0) + 2, 32)
    for label, value in pairs:
        yield _wrapped(value, f"{label}:" + " " * max(column - _width(label) - 1, 1), " " * column)


def _wrapped(words: str, first: str = "", rest: str | None = None) -> str:
    """`words` in lines of at most 76 columns. No word is broken, and nothing at a no-break space (dates)."""
    later = first if rest is None else rest
    lines, empty, column = [first], True, _width(first)
    for word in words.split(" "):
        wide = _width(word)
        if not empty and column + 1 + wide > WIDTH:
            lines, empty, column = [*lines, later], True, _width(later)
        lines[-1] += word if empty else f" {word}"
        column += wide if empty else 1 + wide
        empty = False
    return _balanced(lines, later).replace("\u00a0", " ") if words else first.rstrip()


def _balanced(lines: Sequence[str], indent: str) -> str:
    """The lines joined; an isolate that was open at a line's end is closed there and opened again after the indent."""
    done, depth = [], 0
    for line in lines:
        opened = f"{indent}{FSI * depth}{line[len(indent) :]}" if depth else line
        depth = opened.count(FSI) - opened.count(PDI)
        done.append(opened + PDI * depth)
    return "\n".join(done)


def _width(text: str) -> int:
    """Columns on a screen: marks, isolates, joiners and combining characters take none."""
    if text.isascii():
        return len(text)
    return sum(unicodedata.category(char) not in ("Cf", "Mn", "Me") for char in text)


def _flat(text: str) -> str:
    return re.sub(r"[ \t\n]+", " ", text).strip()
