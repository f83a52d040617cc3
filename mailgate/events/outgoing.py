"""The events of mail going out: what became of each notice, and what its bounces say. Called as mailgate.events.NAME."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from mailgate.events.log import event

Ticket = str | int | None


@event("suppression.lifted", "warning")
def suppression_lifted(*, address: str, by: str, spool_id: int | None = None) -> None:
    """An address that a suppression list held takes mail again; clocks that waited for it start anew. `by`: mail, or operator."""


@event("notice.queued")
def notice_queued(*, outbox_id: int, notice: str, to: Collection[str], ticket: Ticket, spool_id: int | None = None) -> None:
    """A notice was decided on and waits in the outbox."""


@event("notice.capped", "warning")
def notice_capped(*, notice: str, to: str, ticket: Ticket, reason: str, spool_id: int | None = None) -> None:
    """A notice was not written: `reason` is the key of [limits] that it would exceed, or `answers_at_once` (a machine)."""


@event("notice.sent")
def notice_sent(
    *,
    outbox_id: int,
    notice: str,
    to: str,
    ticket: Ticket,
    attempts: int,
    code: int | None = None,
    reply: str | None = None,
    message_id: str | None = None,
) -> None:
    """The next hop took a notice."""


@event("notice.deferred", "warning")
def notice_deferred(
    *,
    outbox_id: int,
    notice: str,
    to: str,
    ticket: Ticket,
    attempts: int,
    code: int | None = None,
    reply: str | None = None,
    next_attempt_at: datetime | None = None,
) -> None:
    """The next hop did not take a notice now; it is tried again."""


@event("notice.refused", "error")
def notice_refused(
    *,
    outbox_id: int,
    notice: str,
    to: str,
    ticket: Ticket,
    attempts: int,
    code: int | None = None,
    reply: str | None = None,
) -> None:
    """A notice was refused for good, or nobody took it in time."""


@event("notice.uncertain", "warning")
def notice_uncertain(
    *,
    outbox_id: int,
    notice: str,
    to: str,
    ticket: Ticket,
    attempts: int,
    code: int | None = None,
    reply: str | None = None,
    message_id: str | None = None,
) -> None:
    """No answer came after a notice's data; it is sent again with the same Message-ID."""


@event("notice.reclaimed", "warning")
def notice_reclaimed(
    *, outbox_id: int, notice: str, to: str, ticket: Ticket, attempts: int, message_id: str, reply: str | None = None
) -> None:
    """Another node took this notice up while it was being sent here; it may arrive twice, with one Message-ID."""


@event("notice.superseded")
def notice_superseded(*, outbox_id: int, notice: str, ticket: Ticket, to: str | None = None, reason: str | None = None) -> None:
    """A notice no longer held when its turn came; it was not sent."""


@event("hop.rested", "warning")
def hop_rested(*, hop: str, reply: str, seconds: float) -> None:
    """A next hop was not there, or took no mail of ours at all; mail for it rests for so long, other mail goes on."""


@event("hop.recovered")
def hop_recovered(*, hop: str) -> None:
    """A next hop that was away takes mail again."""


@event("address.bounced", "warning")
def address_bounced(
    *,
    address: str,
    verdict: str,
    status: str | None,
    provider: str | None,
    party: str | None,
    ticket: Ticket = None,
    spool_id: int | None = None,
) -> None:
    """Mail to an address does not arrive; `verdict` says why (suppressed, user_unknown, full, ...)."""


@event("outbox.held", "warning")
def outbox_held(*, scope: str, name: str | None) -> None:
    """The brake is on: mail is taken in, and nothing of this scope leaves."""


@event("outbox.on_hold", "warning")
def outbox_on_hold(*, scopes: Collection[str], queued: int) -> None:
    """The daemon starts with the brake on, as after a restore: so many mails are queued, and what is of these scopes stays."""


@event("outbox.braked", "error")
def outbox_braked(*, desk: str, count: int, usual: float) -> None:
    """The brake went on by itself: a desk's escalations and effects of this hour are far above `usual`, and wait for a person."""


@event("outbox.released", "warning")
def outbox_released(*, scope: str, name: str | None) -> None:
    """The brake is off; what was held leaves in its turn."""


@event("hand_on.stopped", "warning")
def hand_on_stopped(*, spool_id: int, desk: str, reason: str) -> None:
    """A mail was not handed on to its people: the same went on before ("again"), or it has gone round for long ("hops")."""
