"""`mailgate order`: the marketplace's orders, taken in from files and looked at."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import click

from mailgate.cli.options import cell, opened, say, table, with_config, with_json
from mailgate.config import Settings
from mailgate.config.sheet import SheetError
from mailgate.desk.order import Order, plain_number
from mailgate.desk.party import Desk
from mailgate.orders import Source, take_in
from mailgate.store import orders
from mailgate.store.engine import Store
from mailgate.store.orders import Import

DATA = 65
COLUMNS = ("desk", "number", "seller", "customer", "sold_at", "amount", "currency", "product")


@click.group("order")
def order_group() -> None:
    """The marketplace's orders."""


@order_group.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--desk", "name", default=None, help="The desk whose orders they are (may be left out where there is one).")
@click.option("--again", is_flag=True, help="Read a file from its start that was taken in before.")
@with_config
def order_import(files: tuple[Path, ...], name: str | None, again: bool, directory: Path, sets: tuple[str, ...]) -> None:
    """Take in FILES: CSV with a header row, or JSON lines; - is standard input.

    An order that is known gets what the file says of it; empty values change nothing. Rows that can't be taken are listed, and
    the others are taken. A file that was broken off goes on where it stopped.
    """
    settings, store = opened(directory, sets)
    desk = _desk(settings, name)
    faulty = [_import(store, desk, path, again=again) for path in files]
    if any(faulty):
        raise click.exceptions.Exit(DATA)


def _desk(settings: Settings, name: str | None) -> Desk:
    only = next(iter(settings.desks)) if len(settings.desks) == 1 else ""
    desk = settings.desks.get(name or only)
    if desk is None:
        said = f"there is no desk {name!r}" if name else "--desk is needed"
        raise click.UsageError(f"{said}; there are {', '.join(settings.desks)}")
    return desk


def _import(store: Store, desk: Desk, path: Path, *, again: bool) -> bool:
    """True if something of the file could not be taken."""
    with _content(path) as file:
        source = Source(file, path.name, desk)
        if again:
            store.call(partial(orders.forget, digest=source.start.digest))
        known = store.read(partial(orders.imported, digest=source.start.digest))
        if known and known.finished_at:
            click.echo(f"{path}: was taken in on {cell(known.finished_at)}, nothing to do; --again reads it once more")
            return False
        if known:
            click.echo(f"{path}: goes on after line {known.lines}", err=True)
        try:
            done = _with_bar(store, source)
        except SheetError as error:
            fault = error.fault
            click.echo(f"{path}:{error.line}: {_said(fault.column, fault.expected, fault.got)}", err=True)
            return True
    _tell(path, done)
    return done.bad_rows > 0


@contextmanager
def _content(path: Path) -> Iterator[BinaryIO]:
    """The file, or a copy of standard input that can be read twice."""
    if str(path) != "-":
        with path.open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        yield copy


def _with_bar(store: Store, source: Source) -> Import:
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=source.lines, label=source.start.name, file=sys.stderr, hidden=hidden) as bar:
        return take_in(store, source, lambda lines: bar.update(lines - bar.pos))


def _tell(path: Path, done: Import) -> None:
    for one in done.bad:
        click.echo(f"{path}:{one.line}: {_said(one.column, one.expected, one.got)}", err=True)
    if done.bad_rows and len(done.bad) == orders.KEPT:
        click.echo(f"{path}: … only the first {orders.KEPT} are listed", err=True)
    rest = f", {done.bad_rows} rows could not be taken" if done.bad_rows else ""
    click.echo(f"{path}: {done.taken} orders taken{rest}")


def _said(column: str, expected: str, got: str) -> str:
    return f"{column + ': ' if column else ''}expected {expected}; got {got}"


@order_group.command("list")
@click.option("--seller", default=None, help="Only orders of this seller.")
@with_config
@with_json
def order_list(seller: str | None, directory: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Every order, by desk and number."""
    _, store = opened(directory, sets)
    for page in _pages(store, seller):
        if as_json:
            for row in page:
                say(row)
        else:
            table(page, COLUMNS)


def _pages(store: Store, seller: str | None) -> Iterator[list[dict[str, Any]]]:
    """The rows, some hundreds at a time: there may be millions."""
    after = ("", "")
    while page := store.read(partial(orders.listed, seller=seller, after=after)):
        yield [_row(desk, one) for desk, one in page]
        after = (page[-1][0], page[-1][1].number)


def _row(desk: str, order: Order) -> dict[str, Any]:
    return {"desk": desk, **asdict(order)}


@order_group.command("show")
@click.argument("number")
@click.option("--desk", "name", default=None, help="The desk whose order it is (may be left out where there is one).")
@with_config
@with_json
def order_show(number: str, name: str | None, directory: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """Everything that is known of one order."""
    settings, store = opened(directory, sets)
    desk = _desk(settings, name).name
    found = store.read(partial(orders.get, desk=desk, number=plain_number(number)))
    if found is None:
        raise click.UsageError(f"desk {desk} has no order {number!r}; `mailgate order list` shows all")
    row = _row(desk, found)
    if as_json:
        say(row)
        return
    for key, value in {**row, **row.pop("extra")}.items():
        if value not in (None, "") and key != "extra":
            click.echo(f"{key:<16} {cell(value)}")


VERBS = (order_group,)
