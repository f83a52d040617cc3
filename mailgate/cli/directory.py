"""`mailgate seller`: the seller directory, listed, shown, and taken in from a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mailgate import config
from mailgate.cli import commanding, sending
from mailgate.cli.options import cell, say, table, with_config, with_json
from mailgate.config import Settings, seller_import
from mailgate.config.problems import near
from mailgate.config.seller_rows import cells_of

DATA = 65
COLUMNS = ("seller", "name", "support", "entities", "desks", "stands")


@click.group("seller")
def seller_group() -> None:
    """The seller directory."""


@seller_group.command("list")
@with_config
@with_json
def seller_list(directory: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Every seller, by id, and where he stands."""
    settings = config.load(directory, sets)
    rows = [_row(settings, name) for name in sorted(settings.sellers)]
    if not as_json:
        table(rows, COLUMNS)
        return
    for row in rows:
        say(row)


@seller_group.command("show")
@click.argument("seller_id")
@with_config
@with_json
def seller_show(seller_id: str, directory: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Everything that the directory says of one seller."""
    settings = config.load(directory, sets)
    if seller_id not in settings.sellers:
        hint = near(seller_id, settings.sellers)
        raise click.UsageError(f"there is no seller {seller_id!r}; {hint or '`mailgate seller list` shows all'}")
    if as_json:
        say(_row(settings, seller_id))
        return
    click.echo(f"{'stands in':<16} {settings.places[seller_id]}")
    for name, value in cells_of(settings.sellers[seller_id]).items():
        click.echo(f"{name:<16} {cell(value)}")


def _row(settings: Settings, name: str) -> dict[str, Any]:
    said = settings.sellers[name].model_dump(mode="json", by_alias=True)
    said.pop("id")
    return {"seller": name, **said, "stands": settings.places[name]}


@seller_group.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@with_config
def seller_import_verb(file: Path, directory: Path, sets: tuple[str, ...]) -> None:
    """Take the rows of FILE into sellers.csv: CSV with a header row whose columns are the keys of a seller's file.

    Rows that can't be taken are listed and change nothing, the others are taken. The columns of FILE replace what sellers.csv
    says of a seller, the other columns stay.
    """
    settings = config.load(directory, sets)
    done = seller_import.take_in(settings, directory.parent if directory.is_file() else directory, file)
    for problem in done.problems:
        click.echo(str(problem), err=True)
    click.echo(f"{len(done.added)} sellers are new, {len(done.changed)} changed, {len(done.same)} are as they were")
    if done.added or done.changed:
        click.echo("a running daemon takes them at its next reload (SIGHUP)")
    if done.problems:
        raise click.exceptions.Exit(DATA)


for verb in (commanding.seller_order, *sending.VERBS):
    seller_group.add_command(verb)

VERBS = (seller_group,)
