"""`mailgate suppression list | lift`: addresses that mail does not reach, why, and who can change it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from mailgate import assembly, events
from mailgate.cli.options import logging, opened, say, table, with_config, with_json
from mailgate.config import Settings
from mailgate.mail.signature import Signatures
from mailgate.store import reach, unreachable
from mailgate.wire import clock


@click.group()
def suppression() -> None:
    """Addresses that mail does not reach."""


@suppression.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that ended too.")
@with_config
@with_json
def suppression_list(everything: bool, directory: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """What keeps mail away, since when, by which evidence, and how it is lifted.

    State suppressed: a provider's list. dead: mail came back for good. suspected: others quote what we never received.
    """
    settings, store = opened(directory, sets)
    rows = [_row(one, settings) for one in store.read(partial(unreachable.listed, lifted=everything))]
    if not as_json:
        table(rows, ("address", "state", "provider", "since", "seller", "lifted_by", "how"))
        return
    for row in rows:
        say(row)


def _row(one: dict[str, Any], settings: Settings) -> dict[str, Any]:
    known: Signatures = settings.signatures
    lifting = known.lifting(one["signature"] or None, one["provider"] or None) if one["state"] == "suppressed" else None
    return {**one, "who": lifting.lifted_by if lifting else None, "how": lifting.how if lifting else None}


@suppression.command("lift")
@click.argument("address")
@with_config
def suppression_lift(address: str, directory: Path, sets: tuple[str, ...]) -> None:
    """Say that ADDRESS takes mail again; clocks that a suppression list had made void start anew."""
    settings, store = opened(directory, sets)
    work = partial(reach.reached, house=assembly.house_of(settings), address=address, by="operator", now=clock.now())
    state, written = store.call(work)
    if state is None:
        raise click.UsageError(f"{address} is not listed; `mailgate suppression list` shows all")
    if state == "suppressed":
        logging(settings)
        events.suppression_lifted(address=address, by="operator")
    renewed = ", ".join(one.ticket.tag for one in written if one.ticket) or "none"
    click.echo(f"{address} is no longer {state}; clocks that start anew: {renewed}")


VERBS = (suppression,)
