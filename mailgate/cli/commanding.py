"""Staff's orders by verbs, on the path that mail takes: `ticket open | close | change | order …` and `seller order`."""

from __future__ import annotations

from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from functools import partial
from pathlib import Path
from typing import Any

import click

from mailgate import assembly, events, verb
from mailgate.cli.options import logging, opened, with_config
from mailgate.config import Settings
from mailgate.desk.command import Given
from mailgate.desk.decision import Decision
from mailgate.mail import address as addresses
from mailgate.mail.message import Envelope
from mailgate.store import spool
from mailgate.store.engine import Store
from mailgate.wire import clock

WHY = {
    "unknown": "the ticket's pack knows no such command",
    "unneeded": "there is nothing to do: the ticket's state does not call for it",
    "permission": "the pack does not give staff this command",
    "incomplete": "something is missing; --say NAME=VALUE says it",
}


def _told(said: tuple[str, ...]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for one in said:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{one!r}: write --say NAME=VALUE")
        told[name] = value
    return told


def _number(text: str) -> int:
    digits = text.upper().removeprefix("MG-")
    if not digits.isdigit():
        raise click.UsageError(f"{text!r} is no ticket number; write MG-42 or 42")
    return int(digits)


def _given(name: str, told: Mapping[str, Any]) -> Given:
    now = clock.now()
    return Given(name, "staff", "signed", told, cause=f"verb {now.isoformat()}")


def carry_out(directory: Path, sets: tuple[str, ...], number: str, name: str, told: Mapping[str, Any]) -> None:
    """Give the command on the ticket, say what came of it, and log it. Raises click.UsageError where nothing does."""
    settings, store = opened(directory, sets)
    house, given = assembly.house_of(settings), _given(name, told)
    work = partial(verb.on_ticket, house=house, number=_number(number), given=given, now=clock.now())
    try:
        done = store.call(work)
    except verb.VerbError as error:
        raise click.UsageError(str(error)) from None
    _say(settings, done.decision, name, f"MG-{_number(number)}")


def _say(settings: Settings, decision: Decision, name: str, about: str) -> None:
    logging(settings)
    ticket = decision.ticket.number if decision.ticket else None
    events.command_given(ticket=ticket, command=name, party="staff", trust="signed", refused=decision.refused or None)
    if decision.refused:
        raise click.UsageError(f"{about}: {name} was not carried out: {WHY.get(decision.refused, decision.refused)}")
    state = f", now {decision.ticket.state}" if decision.ticket else ""
    click.echo(f"{about}: {name} done{state}")


@click.command("order")
@click.argument("number")
@click.argument("name")
@click.option("--say", "said", multiple=True, metavar="NAME=VALUE", help="What the command says beside its name; repeatable.")
@with_config
def ticket_order(number: str, name: str, said: tuple[str, ...], directory: Path, sets: tuple[str, ...]) -> None:
    """Give any command of the ticket's pack: `mailgate ticket order 42 recategorise --say category=shipping`."""
    carry_out(directory, sets, number, name, _told(said))


@click.command("close")
@click.argument("number")
@with_config
def ticket_close(number: str, directory: Path, sets: tuple[str, ...]) -> None:
    """Close a ticket, as its pack closes one."""
    carry_out(directory, sets, number, "close", {})


@click.command("change")
@click.argument("number")
@click.option("--to", "kind", required=True, help="The kind it becomes: refund, cancel, support.")
@with_config
def ticket_change(number: str, kind: str, directory: Path, sets: tuple[str, ...]) -> None:
    """Change a ticket's kind."""
    carry_out(directory, sets, number, "change", {"to_kind": kind})


@click.command("hold")
@click.argument("number")
@with_config
def ticket_hold(number: str, directory: Path, sets: tuple[str, ...]) -> None:
    """Pause the ticket's clock."""
    carry_out(directory, sets, number, "hold", {})


@click.command("resume")
@click.argument("number")
@with_config
def ticket_resume(number: str, directory: Path, sets: tuple[str, ...]) -> None:
    """Let the ticket's clock run again."""
    carry_out(directory, sets, number, "resume", {})


@click.command("extend")
@click.argument("number")
@click.option("--until", required=True, help="The day that shall be the last one: 2026-12-01.")
@with_config
def ticket_extend(number: str, until: str, directory: Path, sets: tuple[str, ...]) -> None:
    """Give more time: the whole ladder moves with the limit."""
    carry_out(directory, sets, number, "extend", {"until": until})


@click.command("open")
@click.option("--desk", "desk_name", required=True, help="The desk's name in desks.toml.")
@click.option("--from", "author", required=True, help="Who asks: the customer's or the seller's address.")
@click.option("--subject", required=True)
@click.option("--say", "said", multiple=True, metavar="NAME=VALUE", help="A line of the request, as the pack's facts read it.")
@click.option("--text", default="", help="What was said.")
@with_config
def ticket_open(
    desk_name: str, author: str, subject: str, said: tuple[str, ...], text: str, directory: Path, sets: tuple[str, ...]
) -> None:
    """Register a request that came by telephone: it goes the way of a mail from that person (C-18, K-06)."""
    settings, store = opened(directory, sets)
    desk = settings.desks.get(desk_name)
    if desk is None:
        raise click.UsageError(f"there is no desk {desk_name!r}; desks.toml names {', '.join(settings.desks)}")
    if not addresses.is_address(author):
        raise click.UsageError(f"--from: expected an address, got {author!r}")
    lines = "".join(f"{name}: {value}\n" for name, value in _told(said).items())
    raw = _mail(author, desk.address, subject, f"{lines}\n{text}\n", settings.host)
    click.echo(f"stored as {_put(store, desk.address, raw)}; mailgate serve settles it")


def _mail(author: str, to: str, subject: str, text: str, host: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = author, to, " ".join(subject.split())
    message["Date"], message["Message-ID"] = format_datetime(clock.now()), make_msgid(domain=host)
    message.set_content(text)
    return message.as_bytes()


def _put(store: Store, to: str, raw: bytes) -> int:
    envelope = Envelope(None, (to,), clock.now(), assembly.VERB_DOOR, client="verb")
    return int(store.call(partial(spool.put, arrivals=[(envelope, raw, None)]))[0])


@click.command("order")
@click.argument("seller_id")
@click.argument("name")
@click.option("--desk", "desk_name", required=True, help="The desk's name in desks.toml.")
@click.option("--say", "said", multiple=True, metavar="NAME=VALUE")
@with_config
def seller_order(
    seller_id: str, name: str, desk_name: str, said: tuple[str, ...], directory: Path, sets: tuple[str, ...]
) -> None:
    """Give a command about a seller: abuse_ruling, take_over, leave, confirm, checklist_start."""
    settings, store = opened(directory, sets)
    house = assembly.house_of(settings)
    desk, seller = house.desk(desk_name), house.seller(seller_id)
    if desk is None or seller is None:
        raise click.UsageError(f"there is no {'desk ' + repr(desk_name) if desk is None else 'seller ' + repr(seller_id)}")
    work = partial(verb.on_seller, house=house, desk=desk, seller=seller, given=_given(name, _told(said)), now=clock.now())
    _say(settings, store.call(work), name, f"seller {seller_id}")


TICKET_VERBS = (ticket_open, ticket_close, ticket_change, ticket_hold, ticket_resume, ticket_extend, ticket_order)
