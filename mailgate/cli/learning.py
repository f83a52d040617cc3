"""`mailgate learn`: the first hour with a desk. Old mail fills the id index and names the sellers; no clock, no notice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from mailgate.cli.options import opened, with_config
from mailgate.desk.party import Desk
from mailgate.desk.proposal import Tally, proposals, toml
from mailgate.mail.message import Message, parse
from mailgate.simulate.replay import mails_of
from mailgate.store import tickets
from mailgate.store.engine import Store

BATCH = 500


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Leave out older mail (by its Date).")
@click.option("--desk", "name", default=None, help="The desk whose mail it is (default: the first).")
@click.option("--sellers", "folder", type=click.Path(path_type=Path), default=None, help="Write the proposals to this folder.")
@with_config
def learn(
    paths: tuple[Path, ...], since: datetime | None, name: str | None, folder: Path | None, directory: Path, sets: tuple[str, ...]
) -> None:
    """Read old mail (mbox files, Maildirs, folders of .eml files) so that replies to it are understood.

    Message-IDs go into the index: a later mail that names one is no sign of a reply that bypassed us. Nothing else happens:
    no ticket, no clock, no notice. What the mail shows of sellers that the directory lacks is proposed as TOML.
    """
    settings, store = opened(directory, sets)
    desk = settings.desks.get(name) if name else next(iter(settings.desks.values()), None)
    if desk is None:
        raise click.UsageError(f"there is no desk {name!r}; there are {', '.join(settings.desks)}")
    tally, count = Tally(), 0
    for batch in _batches(paths, since):
        count += len(batch)
        for message in batch:
            tally.count(message, desk)
        _remember(store, batch)
    click.echo(f"{count} mails read; their ids are known now", err=True)
    _propose(tally, desk, [seller.support for seller in settings.sellers.values()], folder)


def _batches(paths: tuple[Path, ...], since: datetime | None) -> Iterator[list[Message]]:
    oldest = since.replace(tzinfo=UTC) if since else None
    batch: list[Message] = []
    for _, _, raw in mails_of(list(paths)):
        message = parse(raw)
        if oldest is not None and message.date is not None and message.date < oldest:
            continue
        batch.append(message)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _remember(store: Store, batch: list[Message]) -> None:
    ids = {one for message in batch for one in (message.message_id, *message.names) if one}
    store.call(partial(tickets.learn, message_ids=sorted(ids)))


def _propose(tally: Tally, desk: Desk, known: list[str], folder: Path | None) -> None:
    found = proposals(tally, known)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    for one in found:
        path = folder / f"{one.id}.toml" if folder else None
        if path is not None and path.exists():
            click.echo(f"kept  {path}", err=True)
        elif path is not None:
            path.write_text(toml(one, desk.zone), "utf-8")
            click.echo(f"wrote {path}", err=True)
        else:
            click.echo(f"# sellers/{one.id}.toml\n{toml(one, desk.zone)}")


VERBS = (learn,)
