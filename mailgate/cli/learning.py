"""`mailgate learn`: the first hour with a desk. Old mail fills the id index and names the sellers; no clock, no notice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from mailgate.cli.options import opened, with_config
from mailgate.config import Settings
from mailgate.desk.party import Desk
from mailgate.desk.proposal import Tally, proposals, toml
from mailgate.mail.message import Message, parse
from mailgate.simulate.replay import mails_of
from mailgate.store import tickets
from mailgate.store.engine import Store

BATCH = 500
IMAP = "imap:"


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Leave out older mail.")
@click.option("--desk", "name", default=None, help="The desk whose mail it is (default: the first).")
@click.option("--sellers", "folder", type=click.Path(path_type=Path), default=None, help="Write the proposals to this folder.")
@with_config
def learn(
    sources: tuple[str, ...],
    since: datetime | None,
    name: str | None,
    folder: Path | None,
    directory: Path,
    sets: tuple[str, ...],
) -> None:
    """Read old mail (mbox files, Maildirs, folders of .eml files; imap:NAME, a watched mailbox), to understand replies to it.

    Message-IDs go into the index: a later mail that names one is no sign of a reply that bypassed us. Nothing else happens:
    no ticket, no clock, no notice. What the mail shows of sellers that the directory lacks is proposed as TOML.
    """
    settings, store = opened(directory, sets)
    desk = settings.desks.get(name) if name else next(iter(settings.desks.values()), None)
    if desk is None:
        raise click.UsageError(f"there is no desk {name!r}; there are {', '.join(settings.desks)}")
    tally, count = Tally(), 0
    oldest = since.replace(tzinfo=UTC) if since else None
    for batch in _batches(_mails(sources, settings, oldest), oldest):
        count += len(batch)
        for message in batch:
            tally.count(message, desk)
        _remember(store, batch)
    click.echo(f"{count} mails read; their ids are known now", err=True)
    _propose(tally, desk, [seller.support for seller in settings.sellers.values()], folder)


def _mails(sources: tuple[str, ...], settings: Settings, oldest: datetime | None) -> Iterator[bytes]:
    for one in sources:
        if one.startswith(IMAP):
            yield from _of_mailbox(one.removeprefix(IMAP), settings, oldest)
        elif Path(one).exists():
            yield from (raw for _, _, raw in mails_of([Path(one)]))
        else:
            raise click.UsageError(f"{one!r} is no file or folder; a watched mailbox is imap:NAME")


def _of_mailbox(name: str, settings: Settings, oldest: datetime | None) -> Iterator[bytes]:
    from mailgate.wire import imap_in
    from mailgate.wire.imap_protocol import ImapError
    from mailgate.wire.oauth import OAuthError

    said = settings.mailbox.get(name)
    if said is None:
        raise click.UsageError(f"there is no [mailbox.{name}]; there are {', '.join(settings.mailbox) or 'none'}")
    with asyncio.Runner() as runner:
        mails = imap_in.old_mail(imap_in.mailbox_of(name, said, settings), oldest)
        try:
            while (raw := runner.run(anext(mails, None))) is not None:
                yield raw
        except (ImapError, OAuthError) as error:
            raise Unreachable(f"mailbox {name}: {error}") from None
        finally:
            runner.run(mails.aclose())


class Unreachable(click.ClickException):
    """A mailbox that can't be read now."""

    exit_code = 69


def _batches(mails: Iterator[bytes], oldest: datetime | None) -> Iterator[list[Message]]:
    batch: list[Message] = []
    for raw in mails:
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
