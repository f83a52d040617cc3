"""The verb that prepares a database: its tables brought up to date, or everything brought over from SQLite."""

from __future__ import annotations

from pathlib import Path

import click

from mailgate import config
from mailgate.cli.options import open_store, with_config
from mailgate.config import Settings
from mailgate.store.engine import Store


@click.command()
@click.option("--to", metavar="URL", help="Copy everything from SQLite into this empty PostgreSQL database.")
@click.option("--password-file", metavar="FILE", help="The password of --to, in a file of its own (mode 0600).")
@with_config
def migrate(to: str | None, password_file: str | None, directory: Path, sets: tuple[str, ...]) -> None:
    """Bring the tables of the store up to date; every daemon on it must have stopped."""
    settings = config.load(directory, sets)
    if to is None:
        done = _upgraded(settings)
        click.echo("the tables are brought up to date" if done else "the tables are up to date")
        return
    words = (f"store.url={to}", *([f"store.password_file={password_file}"] if password_file else []))
    target = config.load(directory, (*sets, *words))
    source = open_store(settings)
    source.claim()
    _upgraded(target)
    rows = 0

    def told(table: str, count: int) -> None:
        nonlocal rows
        rows += count
        click.echo(f"{count:9} {table}")

    source.copy_to(open_store(target), told)
    click.echo(f"{rows:9} rows copied and compared. Now set [store] url, and put the SQLite file away.")


def _upgraded(settings: Settings) -> bool:
    return Store.upgrade(settings.store.url, settings.directory, config.store_password(settings))


VERBS = (migrate,)
