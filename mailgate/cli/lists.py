"""Verbs for people who run the gateway: what came in, what it became, what goes out."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from mailgate.cli import commanding, mending
from mailgate.cli.options import cell, opened, say, table, with_config, with_json
from mailgate.desk.clock import view
from mailgate.desk.ticket import Clock, Ticket
from mailgate.store import outbox, spool, tickets
from mailgate.store.engine import Store
from mailgate.wire import clock


@click.group()
def message() -> None:
    """The mail that was accepted."""


@message.command("list")
@with_config
@with_json
def message_list(directory: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Every accepted mail, oldest first, parked ones too."""
    _, store = opened(directory, sets)
    rows = [{**row, "ticket": _tag(row["ticket"])} for row in store.read(spool.listed)]
    _show(rows, ("spool_id", "received_at", "state", "ticket", "door", "message_id"), as_json)


@message.command("show")
@click.argument("spool_id", type=int)
@with_config
def message_show(spool_id: int, directory: Path, sets: tuple[str, ...]) -> None:
    """The bytes of one mail, as they were received."""
    _, store = opened(directory, sets)
    sys.stdout.buffer.write(_mail(store, spool_id).raw)


def _mail(store: Store, spool_id: int) -> spool.Spooled:
    mail = store.read(partial(spool.get, spool_id=spool_id))
    if mail is None:
        raise click.UsageError(f"there is no mail {spool_id}; `mailgate message list` shows all")
    return mail


@click.group("spool")
def spool_group() -> None:
    """Mail that waits, and mail that we could not handle."""


@spool_group.command("list")
@click.option("--state", type=click.Choice(spool.STATES), default="parked", show_default=True)
@with_config
@with_json
def spool_list(state: str, directory: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Mail in one state, with the reason why it is there."""
    _, store = opened(directory, sets)
    rows = store.read(partial(spool.listed, state=state))
    _show(list(rows), ("spool_id", "received_at", "state", "message_id", "reason"), as_json)


@spool_group.command("retry")
@click.argument("spool_ids", type=int, nargs=-1, required=True)
@with_config
def spool_retry(spool_ids: tuple[int, ...], directory: Path, sets: tuple[str, ...]) -> None:
    """Take parked or held mail up again; a running daemon settles it within seconds."""
    _, store = opened(directory, sets)
    click.echo(f"{store.call(partial(spool.retry, spool_ids=spool_ids))} of {len(spool_ids)} will be taken up again")


@spool_group.command("export")
@click.argument("spool_id", type=int)
@click.argument("file", type=click.Path(path_type=Path))
@with_config
def spool_export(spool_id: int, file: Path, directory: Path, sets: tuple[str, ...]) -> None:
    """Write one mail to FILE, as it was received."""
    _, store = opened(directory, sets)
    file.write_bytes(_mail(store, spool_id).raw)


@click.group()
def ticket() -> None:
    """The tickets."""


@ticket.command("list")
@with_config
@with_json
def ticket_list(directory: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Every ticket, oldest first, with its clocks."""
    _, store = opened(directory, sets)
    rows = [_ticket_row(one) for one in store.read(tickets.listed)]
    if as_json:
        for row in rows:
            say(row)
        return
    brief = [{**row, "clocks": [f"{c['clock']} {c['state']} {cell(c['due'])}" for c in row["clocks"]]} for row in rows]
    table(brief, ("ticket", "desk", "kind", "state", "messages", "clocks", "subject"))


@ticket.command("show")
@click.argument("number")
@with_config
@with_json
def ticket_show(number: str, directory: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """One ticket with its people and its history (NUMBER as in MG-42 or 42)."""
    _, store = opened(directory, sets)
    one = _found(store, number)
    history = store.read(partial(tickets.history, number=one.number))
    events = [{"at": row["at"], "event": row["event"], **row["data"]} for row in history]
    if as_json:
        say({**_ticket_row(one), "events": events})
        return
    click.echo(f"{one.tag}  {one.subject}\n{one.kind}, {one.state}, desk {one.desk}, seller {one.seller or '-'}")
    click.echo("people: " + ", ".join(f"{person.address} ({person.party})" for person in one.participants))
    for event in events:
        told = {
            name: value
            for name, value in event.items()
            if name not in ("at", "event", "action") and value not in (None, "", [], {})
        }
        click.echo(f"{event['at']:%Y-%m-%d %H:%M:%SZ}  {event['event']:<20}  " + "  ".join(f"{k}={v}" for k, v in told.items()))


def _found(store: Store, number: str) -> Ticket:
    digits = number.upper().removeprefix("MG-")
    found = store.read(partial(tickets.load, numbers=[int(digits)])) if digits.isdigit() else {}
    if not found:
        raise click.UsageError(f"there is no ticket {number!r}; `mailgate ticket list` shows all")
    return found[int(digits)]


def _ticket_row(one: Ticket) -> dict[str, Any]:
    return {
        "ticket": one.tag,
        "desk": one.desk,
        "policy": one.policy,
        "kind": one.kind,
        "state": one.state,
        "subject": one.subject,
        "messages": len(one.spoken),
        "participants": [person.address for person in one.participants],
        "seller": one.seller,
        "tags": sorted(one.tags),
        "clocks": [_clock_row(running) for running in one.clocks],
    }


def _clock_row(running: Clock) -> dict[str, Any]:
    row: dict[str, Any] = {"clock": running.name, "due": running.due, "state": running.state, "episode": running.episode}
    return row | {"next": running.next_due_at, "late": view(running).get(f"{running.name}.late")}


@click.group("outbox")
def outbox_group() -> None:
    """The mail that goes out."""


@outbox_group.command("list")
@click.option("--state", default=None, help="Only rows in this state.")
@with_config
@with_json
def outbox_list(state: str | None, directory: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Every outgoing mail, oldest first, one row a reader."""
    _, store = opened(directory, sets)
    rows = [
        {**row, "to": row["reader"], "ticket": _tag(row["ticket"])} for row in store.read(partial(outbox.listed, state=state))
    ]
    _show(rows, ("id", "state", "notice", "ticket", "to", "attempts", "next_attempt_at", "answer"), as_json)


@outbox_group.command("show")
@click.argument("outbox_id", type=int)
@with_config
def outbox_show(outbox_id: int, directory: Path, sets: tuple[str, ...]) -> None:
    """The bytes of one outgoing mail."""
    _, store = opened(directory, sets)
    row = store.read(partial(outbox.get, outbox_id=outbox_id))
    if row is None:
        raise click.UsageError(f"there is no outgoing mail {outbox_id}; `mailgate outbox list` shows all")
    sys.stdout.buffer.write(row.raw)


@outbox_group.command("retry")
@click.argument("ids", type=int, nargs=-1, required=True)
@with_config
def outbox_retry(ids: tuple[int, ...], directory: Path, sets: tuple[str, ...]) -> None:
    """Offer mail again now, whatever became of it, unless it was sent."""
    _, store = opened(directory, sets)
    click.echo(f"{store.call(partial(outbox.retry, ids=ids, now=clock.now()))} of {len(ids)} are queued")


@outbox_group.command("cancel")
@click.argument("ids", type=int, nargs=-1, required=True)
@with_config
def outbox_cancel(ids: tuple[int, ...], directory: Path, sets: tuple[str, ...]) -> None:
    """Never send this mail."""
    _, store = opened(directory, sets)
    click.echo(f"{store.call(partial(outbox.cancel, ids=ids))} of {len(ids)} are cancelled")


def _tag(number: int | None) -> str | None:
    return f"MG-{number}" if number is not None else None


def _show(rows: list[Any], columns: tuple[str, ...], as_json: bool) -> None:
    if not as_json:
        table(rows, columns)
        return
    for row in rows:
        say(row)


for _verb in (*mending.VERBS, *commanding.TICKET_VERBS):
    ticket.add_command(_verb)

VERBS = (message, spool_group, ticket, outbox_group)
