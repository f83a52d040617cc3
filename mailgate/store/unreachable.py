"""Addresses that mail does not reach: what we know, since when, by which evidence, and how it ended.

States: `dead` (mail came back for good), `suppressed` (a provider's list keeps mail from being tried at all), `suspected` (others
quote what we never received). A row is lifted when the address answers, when mail proves to arrive, or by an operator's word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from mailgate.store.schema import unreachable, upsert

RANK = {"suspected": 0, "dead": 1, "suppressed": 2}


@dataclass(frozen=True)
class Unreachable:
    """One address (compared form), its state, and the evidence for it."""

    address: str
    state: str
    desk: str
    since: datetime
    seller: str | None = None
    status: str = ""
    provider: str = ""
    signature: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


_AMONG = (
    select(unreachable.c.address)
    .where(unreachable.c.address.in_(bindparam("keys", expanding=True)) & unreachable.c.lifted_at.is_(None))
    .where(unreachable.c.state.in_(bindparam("states", expanding=True)))
)
_OPEN = (unreachable.c.address == bindparam("key")) & unreachable.c.lifted_at.is_(None)
_STATE = select(unreachable.c.state).where(_OPEN)


def among(connection: Connection, keys: Sequence[str], *states: str) -> frozenset[str]:
    """Those of these compared addresses that are in one of `states` (none given: dead or suppressed)."""
    wanted = {"keys": list(keys), "states": list(states or ("dead", "suppressed"))}
    return frozenset(connection.execute(_AMONG, wanted).scalars()) if keys else frozenset()


def note(connection: Connection, one: Unreachable) -> None:
    """Remember it; a stronger state takes the place of a weaker one, and a new finding that of a lifted one."""
    old = connection.execute(select(unreachable).where(unreachable.c.address == one.address)).first()
    if old is not None and old.lifted_at is None and RANK[old.state] >= RANK[one.state]:
        return
    row = {
        "address": one.address, "state": one.state, "status": one.status, "provider": one.provider, "signature": one.signature,
        "desk": one.desk, "seller": one.seller, "since": one.since, "evidence": dict(one.evidence), "lifted_at": None,
        "lifted_by": None,
    }  # fmt: skip
    connection.execute(upsert(unreachable).values(row).on_conflict_do_update(index_elements=[unreachable.c.address], set_=row))


def lift(connection: Connection, key: str, by: str, now: datetime) -> str | None:
    """The state that ends now because the address answered, mail arrived, or somebody said so; None if there was none."""
    state: str | None = connection.execute(_STATE, {"key": key}).scalar()
    if state is not None:
        connection.execute(update(unreachable).where(_OPEN).values(lifted_at=now, lifted_by=by), {"key": key})
    return state


def listed(connection: Connection, *, lifted: bool = False) -> tuple[dict[str, Any], ...]:
    """Rows for `suppression list`, oldest first; with `lifted`, those that ended too."""
    query = select(unreachable).order_by(unreachable.c.since, unreachable.c.address)
    if not lifted:
        query = query.where(unreachable.c.lifted_at.is_(None))
    return tuple(dict(row._mapping) for row in connection.execute(query))
