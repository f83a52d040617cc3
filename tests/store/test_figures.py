"""Counts of sellers agree with counting by hand, and read no more of the history than they must (docs/rules.md D-05, D-37)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgres import emptied
from sqlalchemy import delete, insert

from mailgate.desk.report import Counted, Span
from mailgate.store import figures
from mailgate.store.engine import Connection, Store
from mailgate.store.figures import Sought, first_since
from mailgate.store.schema import clocks, events, strikes, tickets

START = datetime(2026, 6, 1, tzinfo=UTC)
NAMES = ("remind", "escalate", "alert_delivery", "told")
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def store(session_url: str) -> Iterator[Store]:
    """One database for all."""
    store = Store.open(session_url, Path())
    yield store
    store.close()


def _entry(number: int, name: str, at: datetime, late: timedelta = timedelta()) -> dict[str, Any]:
    about = {"ticket": number, "desk": "desk", "seller": None, "event": name, "spool_id": None, "data": {}}
    return {**about, "at": at, "recorded_at": at + late}


def _ticket(number: int, seller: str | None, at: datetime, tags: tuple[str, ...] = (), desk: str = "desk") -> dict[str, Any]:
    about = {"policy": "p", "kind": "case", "state": "open", "subject": "s", "entity": None, "facts": {}, "version": 1}
    return {**about, "number": number, "desk": desk, "seller": seller, "opened_at": at, "tags": tags}


def _clock(number: int, state: str, started: datetime, stopped: datetime | None, **said: Any) -> dict[str, Any]:
    plain = {"due": started + 48 * HOUR, "next_due_at": None, "marks": [], "stopped_by": None, "pauses": [], "for_message": None}
    about = {"subject": f"ticket:{number}", "name": "respond", "episode": 1, "version": 1}
    return {**about, **plain, "state": state, "started_at": started, "stopped_at": stopped, **said}


@pytest.mark.parametrize("seller", ["acme", "nova", None])
def test_counts_are_those_of_counting_by_hand(store: Store, seller: str | None) -> None:
    """D-37: every entry of the span and none beside it; other desks, other names and tickets of nobody are left out."""
    dice = random.Random(7)
    span = Span(START + 240 * HOUR, START + 408 * HOUR)
    owners = {n: dice.choice(["acme", "nova", None]) for n in range(1, 60)}
    desks = {n: "other" if n % 11 == 0 else "desk" for n in owners}
    rows = [_ticket(n, owners[n], START + n * 12 * HOUR, ("potential_chargeback",) * (n % 2), desks[n]) for n in owners]
    told = [_entry(n, dice.choice(NAMES), START + dice.randrange(700) * HOUR) for n in owners for _ in range(20)]
    edges = [_entry(1, "remind", span.since), _entry(1, "remind", span.until), _entry(1, "remind", span.since - HOUR, 50 * HOUR)]
    told = sorted([*told, *edges], key=lambda row: row["recorded_at"])

    def counted(connection: Connection) -> dict[str, Counted]:
        emptied(connection)
        connection.execute(insert(tickets), rows)
        connection.execute(insert(events), told)
        return figures.counted(connection, Sought("desk", span, "respond", NAMES[:3], seller))

    mine = {n for n, who in owners.items() if desks[n] == "desk" and who is not None and who == (seller or who)}
    inside = [row for row in told if row["ticket"] in mine and span.since <= row["at"] < span.until]
    by_hand = Counter((owners[row["ticket"]], row["event"]) for row in inside if row["event"] in NAMES[:3])
    marked = Counter(owners[n] for n in {row["ticket"] for row in inside} if n % 2)
    opened = Counter(owners[n] for n in mine if span.since <= START + n * 12 * HOUR < span.until)
    found = store.call(counted)
    assert {(who, name): n for who, one in found.items() for name, n in one.events.items()} == by_hand
    assert {who: one.potential for who, one in found.items() if one.potential} == marked
    assert {who: one.tickets for who, one in found.items() if one.tickets} == opened


def test_answer_counts_in_the_week_it_came_without_its_pauses(store: Store) -> None:
    """D-05: asked the week before; on hold for two days; one minute after the limit is late; what was waived is no answer."""
    span, asked = Span(START, START + 168 * HOUR), START - HOUR
    paused = ((asked + HOUR, asked + 49 * HOUR), (asked + 50 * HOUR, None))
    said = [
        _clock(1, "stopped", asked, asked + 48 * HOUR),
        _clock(2, "stopped", asked, asked + 48 * HOUR + timedelta(minutes=1)),
        _clock(3, "stopped", asked, asked + 60 * HOUR, due=None, pauses=paused),
        _clock(4, "void", START, START + HOUR),
        _clock(5, "running", START + HOUR, None),
        _clock(6, "stopped", asked, START - timedelta(minutes=1)),
    ]

    def counted(connection: Connection) -> dict[str, Counted]:
        emptied(connection)
        connection.execute(insert(tickets), [_ticket(n, "acme", asked) for n in range(1, 7)])
        connection.execute(insert(clocks), said)
        connection.execute(insert(strikes), [{"desk": "desk", "seller": "acme", "kind": "escalated", "at": START, "ticket": 2}])
        return figures.counted(connection, Sought("desk", span, "respond", (), "acme"))

    one = store.call(counted)["acme"]
    assert [(answer.took, answer.late) for answer in one.answers] == [
        (48 * HOUR, False),
        (48 * HOUR + timedelta(minutes=1), True),
        (12 * HOUR, False),
    ]
    assert (one.asks, one.strikes) == (2, {"escalated": 1})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=40).map(sorted), st.sets(st.integers(1, 40)), st.integers(-1, 42))
def test_first_entry_since_is_found_whatever_was_purged(store: Store, hours: list[int], gone: set[int], since: int) -> None:
    """Design: entries are appended in order; ties and gaps do no harm."""

    def found(connection: Connection) -> tuple[list[int], int]:
        emptied(connection)
        rows = [_entry(1, "told", START + hour * HOUR) for hour in hours]
        if rows:
            connection.execute(insert(events), rows)
        connection.execute(delete(events).where(events.c.id.in_(gone)))
        left = [n for n, hour in enumerate(hours, 1) if n not in gone and hour >= since]
        return left, first_since(connection, START + since * HOUR)

    left, first = store.call(found)
    here = [n for n in range(1, len(hours) + 1) if n not in gone]
    assert [n for n in here if n >= first] == left


def test_report_looks_things_up_by_index(store: Store) -> None:
    """Design: a Monday morning with many sellers; nothing walks through the history or through all tickets."""
    sought = Sought("desk", Span(START, START + HOUR), "respond", NAMES, "acme")

    def plans(connection: Connection) -> list[str]:
        queries = [figures._entries(sought, 5), figures._marked(sought, 5), figures._promised(sought), figures._opened(sought)]
        said = [str(one.compile(connection, compile_kwargs={"literal_binds": True})) for one in queries]
        if store.many:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN" if store.many else "EXPLAIN QUERY PLAN"
        return [row[-1] for one in said for row in connection.exec_driver_sql(f"{explain} {one}".replace("%", "%%"))]

    steps = store.call(plans)
    assert steps
    assert not [step for step in steps if "SCAN " in step or "Seq Scan" in step]
