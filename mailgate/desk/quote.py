"""How much of what a mail quotes was said on a ticket.

A text is remembered as its shingles: the numbers of every four words in a row, without case, marks and line ends, so that
a quote is known again however a client wrapped it. A quote points to a ticket when at least 30 % of it was said there, and
twice as much as on the next ticket; less is no evidence, and a near tie is a doubt.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from zlib import crc32

ROW = 4
LEAST = 2
SHARE = 0.3
CLEAR = 2.0
MAX_TEXT, MAX_WORDS = 20_000, 1_000

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")


def shingles(text: str) -> frozenset[int]:
    """The numbers of every four words in a row; those of a shorter text are one number."""
    words = _WORD.findall(text[:MAX_TEXT].casefold())[:MAX_WORDS]
    rows = zip(*(words[start:] for start in range(ROW)), strict=False) if len(words) > ROW else [words] if words else []
    return frozenset([crc32(" ".join(row).encode("utf-8", "replace")) for row in rows])


def pack(numbers: frozenset[int]) -> bytes:
    """Shingles as the store keeps them: four bytes each, the smallest first."""
    return struct.pack(f"<{len(numbers)}I", *sorted(numbers))


def unpack(kept: bytes) -> frozenset[int]:
    """What `pack` packed."""
    return frozenset(struct.unpack(f"<{len(kept) // 4}I", kept))


def named(quoted: frozenset[int], said: Mapping[int, frozenset[int]]) -> tuple[int, ...]:
    """The ticket that the quote is from; more than one, best first, where they are too near; none where nothing is."""
    shared = {number: len(quoted & known) for number, known in said.items()}
    ranked = sorted(shared, key=lambda number: (-shared[number], -number))
    if not ranked or shared[ranked[0]] < max(LEAST, SHARE * len(quoted)):
        return ()
    near = [number for number in ranked[1:] if shared[number] * CLEAR > shared[ranked[0]]]
    return (ranked[0], *near)
