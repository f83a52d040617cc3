"""T23: two daemons on one store.

Two processes, and many nodes on PostgreSQL: tests/store/test_commit.py, tests/crash/test_nodes.py.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from exchange import Gate
from people import Person

from mailgate import timekeeper
from mailgate.store import outbox
from mailgate.store.engine import Store, StoreError
from mailgate.store.tickets import ChangedError


@pytest.mark.parametrize("daemons", [2, 4])
def test_t23_step_that_two_daemons_fire_at_once_fires_once(
    gate: Gate, inc: Person, acme: Person, tmp_path: Path, daemons: int
) -> None:
    """I5: a step is unique in the database; whoever is second finds it done."""
    own, gate.stage.store = gate.stage.store, Store.open("sqlite:///shared.db", tmp_path)
    for number in range(6):
        inc.writes([acme], subject=f"Order {number}")
    now = gate.now + timedelta(hours=48)
    stores = [gate.stage.store, *(Store.open("sqlite:///shared.db", tmp_path) for _ in range(daemons - 1))]
    start, wrong = threading.Barrier(daemons), list[BaseException]()

    def works(store: Store) -> None:
        start.wait()
        try:
            for one in store.call(partial(timekeeper.due, now=now)):
                _once(store, one, gate, now)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=works, args=(store,)) for store in stores]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert not wrong
    written = [row for row in gate.stage.store.read(outbox.listed) if row["notice"] == "remind"]
    assert len(written) == 6 * 2  # the seller's copy and the helpdesk's
    assert len({(row["message_id"], row["reader"]) for row in written}) == 12
    for store in stores:
        store.close()
    gate.stage.store = own


def _once(store: Store, clock: Any, gate: Gate, now: Any) -> None:
    try:
        store.call(partial(timekeeper.fire, clock=clock, house=gate.stage.house, now=now))
    except ChangedError:  # the other one was first, and the loop looks again
        return


def test_t23_second_daemon_on_a_file_is_turned_away(tmp_path: Path) -> None:
    """A file belongs to one daemon at a time, and to the next once that has gone."""
    first, second = (Store.open("sqlite:///mailgate.db", tmp_path) for _ in range(2))
    first.claim()
    with pytest.raises(StoreError, match="serves"):
        second.claim()
    first.close()
    second.claim()
    second.close()
