"""Every log event: one function, fixed fields, one sentence. Their names and fields are a contract with whoever reads logs.

`message.settled` is the one summary line of a mail, `tick.finished` of a tick. Lines carry spool_id and ticket where there
is one. Subjects, texts and secrets are never fields; `catalogue()` makes docs/log-catalogue.md
of what stands here. Events of mail going out stand in outgoing.py.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TextIO

from mailgate.events import foreign, log
from mailgate.events.catalogue import catalogue
from mailgate.events.guarding import (
    guard_added,
    guard_passed,
    guard_refused,
    guard_uncertain,
    guard_unchecked,
    guard_unsent,
    guard_warned,
)
from mailgate.events.log import bound, captured, event, stop
from mailgate.events.nodes import (
    clock_believed,
    clock_corrected,
    clock_doubted,
    store_damaged,
    store_replaced,
    store_went_back,
    turn_lost,
    turn_taken,
)
from mailgate.events.orders import orders_imported, orders_refused
from mailgate.events.outgoing import (
    address_bounced,
    hand_on_stopped,
    hop_recovered,
    hop_rested,
    notice_capped,
    notice_deferred,
    notice_queued,
    notice_reclaimed,
    notice_refused,
    notice_sent,
    notice_superseded,
    notice_uncertain,
    outbox_braked,
    outbox_held,
    outbox_on_hold,
    outbox_released,
    suppression_lifted,
)
from mailgate.events.senders import author_capped, path_proven, path_revoked
from mailgate.events.watching import (
    imap_connected,
    imap_fetched,
    imap_lost,
    imap_not_moved,
    imap_renumbered,
    imap_skipped,
)

__all__ = [
    "hand_on_stopped",
    "address_bounced",
    "author_capped",
    "bound",
    "captured",
    "catalogue",
    "configure",
    "guard_added",
    "guard_passed",
    "guard_refused",
    "guard_uncertain",
    "guard_unchecked",
    "guard_unsent",
    "guard_warned",
    "hop_recovered",
    "hop_rested",
    "imap_connected",
    "imap_fetched",
    "imap_lost",
    "imap_not_moved",
    "imap_renumbered",
    "imap_skipped",
    "notice_capped",
    "notice_deferred",
    "notice_queued",
    "notice_reclaimed",
    "notice_refused",
    "notice_sent",
    "notice_superseded",
    "notice_uncertain",
    "orders_imported",
    "orders_refused",
    "outbox_braked",
    "outbox_held",
    "outbox_on_hold",
    "outbox_released",
    "path_proven",
    "path_revoked",
    "stop",
    "suppression_lifted",
    "clock_believed",
    "clock_corrected",
    "clock_doubted",
    "store_damaged",
    "store_replaced",
    "store_went_back",
    "turn_lost",
    "turn_taken",
]

Ticket = str | int | None
Many = Collection[str]


def configure(
    form: str, addresses: str, stream: TextIO, *, level: str = "info", key: bytes = b"", libraries: bool = True
) -> None:
    """Write events to `stream`: `form` is auto, json or text, `addresses` hash or plain.

    `key` makes the hashes of addresses the same from start to start. `libraries` sends the standard library's
    logging here too.
    """
    log.start(form, addresses, stream, level=level, key=key)
    if libraries:
        foreign.route()


# The daemon


@event("daemon.started")
def daemon_started(*, version: str, host: str, store: str, desks: int, sellers: int) -> None:
    """The daemon read its configuration and begins to open its doors."""


@event("daemon.ready")
def daemon_ready(*, smtp: Many, lmtp: Many, guard: Many, http: Many) -> None:
    """Every door is open; the lists hold the bound addresses."""


@event("daemon.stopping")
def daemon_stopping(*, reason: str) -> None:
    """The daemon was told to stop: it takes no more mail and finishes what is in hand."""


@event("daemon.stopped")
def daemon_stopped(*, clean: bool, ms: int) -> None:
    """The daemon has stopped; `clean` is false when something in hand was left for the next start."""


@event("config.reloaded")
def config_reloaded(*, desks: int, sellers: int, needs_restart: Many = (), ms: int | None = None) -> None:
    """A changed configuration is in force; the keys in `needs_restart` wait for the next start."""


@event("config.refused", "error")
def config_refused(*, problems: Many, count: int | None = None) -> None:
    """A changed configuration is wrong; the old one stays in force. `problems` are the first of `count`."""


# Mail coming in


@event("session.refused", "warning")
def session_refused(client: str, reason: str, *, door: str | None = None, reply: str | None = None) -> None:
    """A connection or a recipient was refused at a door."""


@event("session.failed", "warning")
def session_failed(client: str, error_id: str | None, error: BaseException | str, *, door: str | None = None) -> None:
    """A connection failed, by a fault of ours if there is an error_id (the other end was told it), or broke off."""


@event("data.refused", "warning")
def data_refused(client: str, reason: str, *, door: str | None = None, reply: str | None = None, size: int | None = None) -> None:
    """A mail was refused at the end of its data or on the way there; its sender was told why."""


@event("refusals.counted", "warning")
def refusals_counted(*, count: int, clients: int) -> None:
    """So many more connections and mails were refused in a minute than the lines above say, of so many clients."""


@event("message.received", "debug")
def message_received(*, spool_id: int, door: str, client: str, size: int, message_id: str | None = None) -> None:
    """A mail is safe in the spool; its sender's server was told so."""


@event("message.settled")
def message_settled(
    *,
    spool_id: int,
    message_id: str | None,
    desk: str | None,
    ticket: Ticket,
    class_: str,
    meaning: str | None,
    evidence: str | None,
    trust: str | None,
    violations: Many,
    notices: int,
    ms: float,
) -> None:
    """A mail went all the way: what it is, what the pack made of it, which ticket and why. One line a mail."""


@event("message.parked", "error")
def message_parked(
    *, spool_id: int, error: BaseException | str, reason: str | None = None, message_id: str | None = None
) -> None:
    """A mail could not be decided on; it is kept for a person, and the others go on."""


@event("message.held", "warning")
def message_held(*, spool_id: int, message_id: str | None, desk: str | None, reason: str) -> None:
    """A trusted relay's filter marked a mail as spam: nothing follows from it until a person lets it go on."""


@event("review.answered")
def review_answered(*, spool_id: int, action: str, kind: str, number: int, by: str) -> None:
    """A signed link, or a customer's yes, decided about something that waited for it; `spool_id` is the mail that said so."""


@event("message.duplicate")
def message_duplicate(*, spool_id: int, message_id: str | None, door: str) -> None:
    """The same mail came once more, perhaps by another way; it counts once."""


@event("message.id_reused", "warning")
def message_id_reused(*, spool_id: int, message_id: str, earlier: int) -> None:
    """Another mail with a known Message-ID came; it counts as a new one. `earlier` is the first one's spool id."""


@event("spool.recovered")
def spool_recovered(*, count: int, oldest: datetime | None) -> None:
    """After a start: so many received mails had not been settled, and are taken up again."""


@event("mail.purged")
def mail_purged(*, count: int, before: datetime) -> None:
    """By retention: so many mails from before that instant lost their bytes; what was said and decided stays."""


@event("store.backed_up")
def store_backed_up(*, file: str, size: int) -> None:
    """The store was copied into one file, of this many bytes."""


@event("store.restored", "warning")
def store_restored(*, file: str, aside: str | None) -> None:
    """The store was made of a copy and is on hold; what was there before has the name `aside`."""


# Tickets and clocks


@event("ticket.opened")
def ticket_opened(*, ticket: Ticket, spool_id: int | None, desk: str, policy: str, kind: str, seller: str | None) -> None:
    """A new ticket."""


@event("ticket.linked")
def ticket_linked(*, ticket: Ticket, spool_id: int | None, linked_to: Ticket, evidence: str) -> None:
    """A new ticket may belong to another one; they stay apart until a person joins them."""


@event("reply.violated", "warning")
def reply_violated(*, ticket: Ticket, spool_id: int, desk: str, seller: str | None, rules: Many, missing: Many) -> None:
    """A seller's reply broke rules; no clock has stopped."""


@event("clock.started")
def clock_started(*, ticket: Ticket, about: str, clock: str, episode: int, due: datetime | None) -> None:
    """A promise of time began to run."""


@event("clock.stopped")
def clock_stopped(*, ticket: Ticket, about: str, clock: str, episode: int, stopped_by: str | None) -> None:
    """A promise was kept, or no longer wanted."""


@event("clock.voided")
def clock_voided(*, ticket: Ticket, about: str, clock: str, episode: int, reason: str) -> None:
    """A clock counts for nothing: what started it never arrived."""


@event("clock.revived")
def clock_revived(*, ticket: Ticket, about: str, clock: str, episode: int, due: datetime | None) -> None:
    """A clock runs again as if it had never stopped: what stopped it never arrived."""


@event("step.fired")
def step_fired(
    *,
    ticket: Ticket,
    clock: str,
    step: str,
    occurrence: int,
    due: datetime,
    about: str | None = None,
    episode: int | None = None,
    late: timedelta | None = None,
) -> None:
    """A step of a ladder came due and was taken; `late` is how long after its due instant."""


@event("tick.finished", unless=("due", "fired"))
def tick_finished(
    *,
    fired: int,
    due: int | None = None,
    held: int | None = None,
    next_due: datetime | None = None,
    ms: float | None = None,
) -> None:
    """A look at the clocks that were due. `held`: not fired: an earlier notice has not left, or something changed meanwhile."""


@event("catch_up.started", "warning")
def catch_up_started(*, since: datetime | None, until: datetime, reason: str | None = None) -> None:
    """After a start or an outage: what is overdue waits until mail has come in."""


@event("catch_up.finished")
def catch_up_finished(*, overdue: int | None = None) -> None:
    """Mail has caught up; what is overdue is now sent in due order."""


@event("command.given")
def command_given(
    *,
    ticket: Ticket,
    command: str,
    party: str,
    trust: str,
    spool_id: int | None = None,
    refused: str | None = None,
) -> None:
    """A person ordered something by a signed link, a word or a verb. `refused` says why it was not carried out."""


@event("instruction.refused", "warning")
def instruction_refused(*, spool_id: int | None, system: str | None, reason: str) -> None:
    """A signed mail of another system was not followed."""


@event("seller.struck", "warning")
def seller_struck(*, seller: str, desk: str, ticket: Ticket, strike: str, count: int | None = None) -> None:
    """A strike was counted against a seller."""


@event("seller.unknown", "warning")
def seller_unknown(*, spool_id: int | None, ticket: Ticket, desk: str, address: str | None) -> None:
    """A mail asks a seller who is not in the directory; nobody can be reminded."""


# Trouble


@event("loop.hangs", "error")
def loop_hangs(*, loop: str) -> None:
    """A loop has not moved for a minute: the service manager is told, so that it starts mailgate anew."""


@event("loop.failed", "error")
def loop_failed(*, loop: str, error: BaseException | str) -> None:
    """One of the daemon's loops failed; it is started again."""
