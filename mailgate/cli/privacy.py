"""`mailgate purge` and `mailgate person export`: what leaves by age, and what is kept about one person."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path

import click

from mailgate import events
from mailgate.cli.options import logging, opened, say, with_config
from mailgate.mail import address as addresses
from mailgate.store import person as persons
from mailgate.store import retention
from mailgate.wire import clock


@click.command()
@with_config
def purge(directory: Path, sets: tuple[str, ...]) -> None:
    """Drop the bytes of mail older than retention.keep_raw now; the daemon does it once a day by itself."""
    settings, store = opened(directory, sets)
    before, gone = clock.now() - settings.retention.keep_raw, 0
    while some := store.call(partial(retention.purge, before=before)):
        gone += some
    logging(settings)
    events.mail_purged(count=gone, before=before)
    click.echo(f"{gone} mails from before {before:%Y-%m-%d} are kept without their bytes now")


@click.group()
def person() -> None:
    """What is kept about one person."""


@person.command()
@click.argument("address")
@with_config
def export(address: str, directory: Path, sets: tuple[str, ...]) -> None:
    """Everything the store holds about ADDRESS, as JSON lines: his tickets, mail, notices, orders, whether mail reaches him.

    Mail stands in `raw`, in base64. What stands in the configuration (sellers/) and in backups is not in it.
    """
    if not addresses.is_address(address):
        raise click.UsageError(f"{address!r} is no address")
    _, store = opened(directory, sets)
    for kind, row in store.read(lambda connection: tuple(persons.known_of(connection, address))):
        raw = {"raw": base64.b64encode(row["raw"]).decode()} if "raw" in row else {}
        say({"kind_of_record": kind, **row, **raw})


VERBS = (purge, person)
