"""The families of attacks: the row of the plan that each covers, the daemon that it wants."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from running import Running, serve

from attacks import beside, bombs, content, ends, flood, grammar, hostile, lmtp, size, slow, talk
from attacks.field import Case, Field


@dataclass(frozen=True)
class Family:
    """One kind of attack. `words` override the configuration, `start` replaces `serve`; without `aftermath` it may end."""

    row: str
    name: str
    attack: Callable[[Field], Iterator[Case]]
    words: tuple[str, ...] = ()
    lmtp: bool = False
    start: Callable[[Path, Sequence[str]], Running] | None = None
    aftermath: bool = True


def few(directory: Path, words: Sequence[str]) -> Running:
    """A daemon that may open 64 descriptors."""
    return _limited(resource.RLIMIT_NOFILE, 64, directory, words)


def small(directory: Path, words: Sequence[str]) -> Running:
    """A daemon that may have 256 MB of addresses."""
    return _limited(resource.RLIMIT_AS, 256 * 2**20, directory, words)


def _limited(what: int, most: int, directory: Path, words: Sequence[str]) -> Running:
    soft, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most, hard))
    try:
        return serve(directory, *words)
    finally:
        resource.setrlimit(what, (soft, hard))


FAMILIES = (
    Family("N01", "smuggling", content.smuggling),
    Family("N02", "content", content.content_bytes),
    Family("N19", "fidelity", content.fidelity),
    Family("N03", "lines", size.lines),
    Family("N04", "sizes", size.sizes, (size.SMALL, f"limits.in_flight={size.ROOM}")),
    Family("N04", "memory", size.bombs),
    Family("R20", "parallel", size.parallel),
    Family("R20", "capped", size.capped, start=small, aftermath=False),
    Family("N05", "recipients", flood.recipients),
    Family("N06", "connections", flood.connections),
    Family("N06", "churn", flood.churn),
    Family("R21", "descriptors", flood.few_descriptors, start=few),
    Family("N08", "garbage", talk.garbage),
    Family("N12", "absent", talk.absent),
    Family("N13", "grammar", grammar.grammar),
    Family("N09", "starttls", ends.starttls, start=ends.with_tls),
    Family("N10", "endings", ends.endings),
    Family("N11", "bombs", bombs.bombs),
    Family("N14", "lmtp", lmtp.replies, lmtp=True),
    Family("N14", "burst", lmtp.burst, lmtp=True, aftermath=False),
    Family("N15", "injection", hostile.injection),
    Family("S01", "identities", hostile.identities, hostile.TRUST),
    Family("N07", "slow", slow.slow, slow.WORDS),
    Family("N01", "guard", beside.guard, beside.GUARD),
    Family("R19", "no-store", beside.no_store, aftermath=False),
    Family("R07", "sigterm", slow.sigterm, aftermath=False),
)
