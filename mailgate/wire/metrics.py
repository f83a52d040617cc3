"""What Prometheus reads: counts of mail by state, of holds, and of mailboxes by name. No address or ticket is a label."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Info

import mailgate

GUARDED = ("passed", "added", "warned", "refused", "unsent", "uncertain", "unchecked")


class Gauges:
    """The gauges of one daemon, shown at /metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._spool = Gauge("mailgate_spool_messages", "Mail in the spool", ["state"], registry=registry)
        self._outbox = Gauge("mailgate_outbox_messages", "Mail in the outbox", ["state"], registry=registry)
        self._holds = Gauge("mailgate_holds", "Holds in force: nothing of their scope leaves", ["scope"], registry=registry)
        self._imap = Gauge("mailgate_imap_connected", "Watched mailboxes whose folders are open", ["mailbox"], registry=registry)
        Info("mailgate_build", "The program", registry=registry).info({"version": mailgate.__version__})

        self._guarded = Counter(
            "mailgate_guard_mails", "Mail that came to the guard, by what became of it", ["what"], registry=registry
        )
        for what in GUARDED:
            self._guarded.labels(what)

    def guarded(self, what: str) -> None:
        """Count one mail of the guard."""
        self._guarded.labels(what).inc()

    def watch(self, connected: Callable[[], Mapping[str, bool]]) -> None:
        """Show of each watched mailbox whether all its folders are open, as it is when somebody asks."""
        for name in connected():
            self._imap.labels(name).set_function(partial(_is_connected, connected, name))

    def show(self, spool: Mapping[str, int], outbox: Mapping[str, int], holds: Collection[str]) -> None:
        """Show these counts and holds (`all`, `desk:NAME`, ...) from now on; a state that emptied shows zero."""
        for scope in ("all", "brake", "desk", "policy", "seller"):
            self._holds.labels(scope).set(sum(one.partition(":")[0] == scope for one in holds))
        for state in ("received", "settled", "parked", "held"):
            self._spool.labels(state).set(spool.get(state, 0))
        for state in ("queued", "sent", "deferred", "uncertain", "refused", "superseded", "cancelled"):
            self._outbox.labels(state).set(outbox.get(state, 0))


def _is_connected(connected: Callable[[], Mapping[str, bool]], name: str) -> float:
    return float(connected()[name])
