"""When the brake goes on by itself, and what it is about."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from mailgate.store import brake, memory, outbox, waiting
from mailgate.store.engine import Store
from mailgate.store.outbox import Outgoing

from .conftest import NOON


def writes(
    store: Store, count: int, hours_ago: float = 0.0, *, notice: str = "escalate", step: str = "escalate", desk: str = "support"
) -> None:
    """So many mails of a desk were written then."""
    number = len(store.read(outbox.listed))
    for one in range(number, number + count):
        at = NOON - timedelta(hours=hours_ago)
        row = Outgoing(notice, desk, f"r{one}@m.test", f"{one}@gate.test", b"mail", at, ticket=1, step=step)
        store.call(partial(outbox.reserve, one=row))


def pulled(store: Store, floor: int = 5) -> bool:
    return bool(store.call(partial(brake.pull, desks=["support"], floor=floor, now=NOON)))


def test_few_are_never_too_many(store: Store) -> None:
    """A desk that has never escalated may begin to."""
    writes(store, 5)
    assert not pulled(store)
    writes(store, 1)
    assert pulled(store)


def test_ten_times_the_mean_of_the_last_seven_days_is_too_many(store: Store) -> None:
    """One an hour is usual here; what is older than a week, or another desk's, says nothing of it."""
    for hour in range(1, 169):
        writes(store, 1, hour + 0.5)
    writes(store, 100, 200)
    writes(store, 100, 2, desk="other")
    writes(store, 10)
    assert not pulled(store)
    writes(store, 1)
    assert pulled(store)


@pytest.mark.parametrize(
    ("notice", "step"), [("remind", "remind"), ("mail_inactivity_warning", "warn"), ("notice_noncompliant", "")]
)
def test_other_mail_is_not_counted(store: Store, notice: str, step: str) -> None:
    """Reminders, warnings and what mail brings about have limits of their own."""
    writes(store, 50, notice=notice, step=step)
    assert not pulled(store)


def test_effects_count_as_escalations_do(store: Store) -> None:
    """Refunds are mails too."""
    writes(store, 6, notice="effect", step="")
    assert pulled(store)


def test_release_counts_anew_and_staff_is_told_while_it_is_on(store: Store) -> None:
    """What was let go does not put it on again; the desk's people read how it ends."""
    writes(store, 6)
    assert pulled(store)
    assert store.read(memory.holds) == ("brake:support",)
    assert store.read(partial(outbox.due, now=NOON, held=("brake:support",), limit=9)) == ()
    (told,) = store.read(partial(waiting.listed, desk="support", now=NOON, homeless=True))
    assert (told.kind, told.what) == ("brake", '"mailgate release --desk support" (6)')
    assert store.call(partial(brake.release, now=NOON, desk="other")) == ()
    assert store.call(partial(brake.release, now=NOON, desk="support")) == ("support",)
    assert not pulled(store)
    assert len(store.read(partial(outbox.due, now=NOON, held=(), limit=9))) == 6
    assert store.read(partial(waiting.listed, desk="support", now=NOON, homeless=True)) == ()
