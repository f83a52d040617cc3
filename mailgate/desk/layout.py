"""Lay a notice out: blocks of words, and how they look as plain text (the HTML frame lays out the same blocks).

Text keeps to 76 columns; only a longer address, link or id may stand out, because breaking it would break it. Headings
are underlined with "=", not "-": several helpdesks take a line of hyphens for a signature and drop the rest. What the
reader is to do stands indented, on its own. The footer follows "-- " (RFC 3676 §4.3).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mailgate.mail.compose import one_line

WIDTH = 76
LINES_LIMIT = 400

_ISOLATES = str.maketrans("", "", "\u2068\u2069")
_ITEM = re.compile(r"(?m)^(?=- )")


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
    """The paragraphs, lists ("- ") and calls ("! ") of a filled template; lines are joined, width comes later."""
    for paragraph in re.split(r"\n\s*\n", body.strip()):
        lines = paragraph.strip()
        if lines.startswith("! "):
            yield Block("call", _flat(lines[2:]))
            continue
        before, *items = _ITEM.split(lines)
        if before.strip():
            yield Block("text", _flat(before))
        if items:
            yield Block("list", items=tuple(("", _flat(item[2:])) for item in items))


def quoted(text: str) -> tuple[str, ...]:
    """The lines of a message, clean, with single blank lines between paragraphs and none at the ends."""
    lines: list[str] = []
    for line in text.splitlines()[:LINES_LIMIT]:
        clean = one_line(line, 2000)
        if clean or (lines and lines[-1]):
            lines.append(clean)
    return tuple(lines[:-1] if lines and not lines[-1] else lines)


def text(sections: Sequence[Section], footer: Sequence[Block], direction: str) -> str:
    """The plain text, LF line ends. A language that runs left to right needs no isolates: they are left out."""
    show = _block if direction == "rtl" else _plain_block
    parts = ["\n\n".join((*_heading(section.heading, direction), *map(show, section.blocks))) for section in sections]
    return "\n\n\n".join(parts) + "\n\n\n-- \n" + "\n".join(map(show, footer)) + "\n"


def _heading(words: str, direction: str) -> tuple[str, ...]:
    shown = words if direction == "rtl" else words.translate(_ISOLATES)
    return (f"{shown}\n{'=' * len(words.translate(_ISOLATES))}",) if words else ()


def _plain_block(block: Block) -> str:
    items = tuple((label.translate(_ISOLATES), words.translate(_ISOLATES)) for label, words in block.items)
    return _block(replace(block, text=block.text.translate(_ISOLATES), items=items))


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
            return "\n".join((_wrapped(block.text), *lines))
    return _wrapped(block.text)


def _facts(items: Iterable[tuple[str, str]]) -> Iterator[str]:
    """`Label: value`, the values in one column where all labels are short."""
    pairs = tuple(items)
    column = min(max((len(label) for label, _ in pairs), default=0) + 2, 26)
    for label, value in pairs:
        yield _wrapped(value, f"{label}:".ljust(column), " " * column)


def _wrapped(words: str, first: str = "", rest: str | None = None) -> str:
    """`words` in lines of at most 76 columns. No word is broken, and nothing at a no-break space (dates)."""
    later = first if rest is None else rest
    filled = textwrap.wrap(
        words,
        WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(filled).replace("\u00a0", " ") or first.rstrip()


def _flat(text: str) -> str:
    return re.sub(r"[ \t\n]+", " ", text).strip()
