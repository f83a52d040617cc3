"""`mailgate ticket move | split | merge`: undo and redo what threading did; the clocks are run again.

`join | keep-apart | not-ours | yes` say about a ticket that waits for a person what the links of a `needs_you` mail say.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from mailgate import assembly, mend, needs
from mailgate.cli.options import opened, with_config
from mailgate.config import Settings
from mailgate.mend import Mended, MendError
from mailgate.store.engine import Store
from mailgate.wire import clock


@click.command()
@click.argument("spool_ids", type=int, nargs=-1, required=True)
@click.option("--to", "number", required=True, help="The ticket that the mail belongs to (MG-42 or 42).")
@with_config
def move(spool_ids: tuple[int, ...], number: str, directory: Path, sets: tuple[str, ...]) -> None:
    """Put mail on another ticket; both are built anew, with their clocks."""
    settings, store = opened(directory, sets)
    _mended(settings, store, spool_ids, _number(number))


@click.command()
@click.argument("spool_ids", type=int, nargs=-1, required=True)
@with_config
def split(spool_ids: tuple[int, ...], directory: Path, sets: tuple[str, ...]) -> None:
    """Put mail on a ticket of its own; both are built anew, with their clocks."""
    settings, store = opened(directory, sets)
    _mended(settings, store, spool_ids, None)


@click.command()
@click.argument("number")
@click.option("--into", required=True, help="The ticket that stays (MG-42 or 42).")
@with_config
def merge(number: str, into: str, directory: Path, sets: tuple[str, ...]) -> None:
    """Join two tickets; whatever names the first leads to the second from now on."""
    settings, store = opened(directory, sets)
    work = partial(mend.merge, house=assembly.house_of(settings), number=_number(number), into=_number(into), now=clock.now())
    _say(_tried(store, work))


def _said(action: str, number: str, directory: Path, sets: tuple[str, ...]) -> None:
    """Do what is said about a ticket that waits, by the same way as a signed link."""
    settings, store = opened(directory, sets)
    work = partial(needs.said, house=assembly.house_of(settings), action=action, number=_number(number), now=clock.now())
    try:
        click.echo(store.call(work))
    except MendError as error:
        raise click.UsageError(str(error)) from None


@click.command()
@click.argument("number")
@with_config
def join(number: str, directory: Path, sets: tuple[str, ...]) -> None:
    """A ticket in doubt belongs to the one it points to: merge them."""
    _said("join", number, directory, sets)


@click.command("keep-apart")
@click.argument("number")
@with_config
def keep_apart(number: str, directory: Path, sets: tuple[str, ...]) -> None:
    """A ticket in doubt stands for itself."""
    _said("keep_apart", number, directory, sets)


@click.command("not-ours")
@click.argument("number")
@with_config
def not_ours(number: str, directory: Path, sets: tuple[str, ...]) -> None:
    """A ticket that waits is nothing of ours: close it, and let its clocks count for nothing."""
    _said("not_ours", number, directory, sets)


@click.command()
@click.argument("number")
@with_config
def yes(number: str, directory: Path, sets: tuple[str, ...]) -> None:
    """An unconfirmed ticket is from whom it says: settle its mail as if he had been authenticated (docs/rules.md G-16)."""
    _said("yes", number, directory, sets)


def _mended(settings: Settings, store: Store, spool_ids: tuple[int, ...], target: int | None) -> None:
    work = partial(mend.move, house=assembly.house_of(settings), spool_ids=spool_ids, target=target, now=clock.now())
    _say(_tried(store, work))


def _tried(store: Store, work: partial[Mended]) -> Mended:
    try:
        return store.call(work)
    except MendError as error:
        raise click.UsageError(str(error)) from None


def _say(done: Mended) -> None:
    click.echo(f"now on MG-{done.ticket}; built anew: {', '.join(f'MG-{one}' for one in done.rebuilt)}")


def _number(text: str) -> int:
    digits = text.upper().removeprefix("MG-")
    if not digits.isdigit():
        raise click.UsageError(f"{text!r} is no ticket number; write MG-42 or 42")
    return int(digits)


VERBS = (move, split, merge, join, keep_apart, not_ours, yes)
