"""No notice holds a word of a mail that its reader was not addressed on (docs/security.md; docs/rules.md G-14; I7)."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from canaries import CAST, Tale, leaks
from postgres import emptied

from mailgate.desk import telling
from mailgate.desk.notice import Quote
from mailgate.desk.ticket import Ticket
from mailgate.store.engine import Store

TALES, STEPS = 2, 18  # of each pack in an ordinary run; pytest --seeds N tells more


@pytest.mark.parametrize("pack", CAST)
def test_no_notice_shows_what_its_reader_was_not_addressed_on(
    scratch_store: Store, request: pytest.FixtureRequest, pack: str
) -> None:
    """G-14, whatever people do with threads, subjects, quotes, copies and blind copies."""
    looked, spoken = 0, 0
    for seed in range(request.config.getoption("--seeds") or TALES):
        scratch_store.call(emptied)
        tale = Tale(pack, random.Random(f"{pack} {seed}"), scratch_store)
        tale.goes_on(STEPS)
        seen, found = leaks(tale)
        assert not found, f"{pack} {seed}: {found}"
        looked, spoken = looked + seen, spoken + len(tale.told)
    print(f"{pack}: {spoken} mails, {looked} notices")
    assert looked > spoken / 10  # it is no proof where nothing is said


def test_watch_would_notice_a_leak(scratch_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tales are worth something: with the rule taken out, both for texts and for subjects, they find what leaks."""
    monkeypatch.setattr(telling, "_quotable", _all_quoted)
    monkeypatch.setattr(telling, "shown", lambda subject, facts, readers: subject)
    kinds: set[str] = set()
    for seed in range(12):
        scratch_store.call(emptied)
        tale = Tale("digistore24", random.Random(f"digistore24 {seed}"), scratch_store)
        tale.goes_on(12)
        kinds |= {one[-2] for one in leaks(tale)[1]}
        if {"s", "t"} <= kinds:
            break
    assert {"s", "t"} <= kinds


def _all_quoted(ticket: Ticket, visible: Sequence[str]) -> tuple[Quote, ...]:
    return tuple(Quote(one.at, one.author, one.party, one.event, one.text) for one in ticket.spoken)
