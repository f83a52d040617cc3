"""`mailgate backup | restore`: the store in one file, and back; what was restored is on hold."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from mailgate import config, events
from mailgate.cli.options import logging, opened, table, with_config
from mailgate.store import backup as backups
from mailgate.store import outbox
from mailgate.wire import clock

A_FILE = click.Path(path_type=Path)
WAITING = ("queued", "deferred", "uncertain")


@click.command()
@click.argument("file", type=A_FILE)
@with_config
def backup(file: Path, directory: Path, sets: tuple[str, ...]) -> None:
    """Copy the store into the new FILE; the daemon may run meanwhile. A daemon that serves the copy is on hold."""
    settings = config.load(directory, sets)
    size = backups.back_up(backups.file_of(settings.store.url, settings.directory), file, clock.now())
    logging(settings)
    events.store_backed_up(file=str(file), size=size)
    click.echo(f"{file}: {size} bytes; keep the configuration and its keys with it")


@click.command()
@click.argument("file", type=A_FILE)
@with_config
def restore(file: Path, directory: Path, sets: tuple[str, ...]) -> None:
    """Put the copy FILE in the place of the store, whose daemon must not run, and list what it would send.

    The store that was there keeps another name. Everything is on hold until `mailgate release`.
    """
    settings = config.load(directory, sets)
    aside = backups.restore(file, backups.file_of(settings.store.url, settings.directory), clock.now())
    logging(settings)
    events.store_restored(file=str(file), aside=str(aside) if aside else None)
    click.echo(f"restored from {file}" + (f"; what was there is now {aside}" if aside else ""))
    _, store = opened(directory, sets)
    waiting = [row for state in WAITING for row in store.read(partial(outbox.listed, state=state))]
    click.echo(f"on hold: all; {len(waiting)} mails would leave:")
    table(waiting, ("id", "state", "notice", "ticket", "to", "created_at"))
    click.echo("cancel what had left already (`mailgate outbox cancel ID…`), then `mailgate release`")


VERBS = (backup, restore)
