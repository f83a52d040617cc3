"""`mailgate seller paths | revoke`: the sending paths that sellers have proven, and taking one back."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from mailgate import events
from mailgate.cli.options import logging, opened, say, table, with_config, with_json
from mailgate.mail import address as addresses
from mailgate.store import paths
from mailgate.wire import clock

COLUMNS = ("address", "path", "state", "seller", "proven_at", "used_at", "ticket")


@click.command("paths")
@with_config
@with_json
def seller_paths(directory: Path, sets: tuple[str, ...], as_json: bool) -> None:
    """By which domains sellers have proven that they send, beside their own.

    State proven: mail by this path counts as authenticated. asked: a letter went out. expired: not used for 180 days.
    """
    _, store = opened(directory, sets)
    rows = store.read(partial(paths.listed, now=clock.now()))
    if not as_json:
        table(rows, COLUMNS)
        return
    for row in rows:
        say(row)


@click.command("revoke")
@click.argument("address")
@click.argument("path")
@click.option("--forget", is_flag=True, help="Forget the path instead: it may be asked about, and proven, again.")
@with_config
def seller_revoke(address: str, path: str, forget: bool, directory: Path, sets: tuple[str, ...]) -> None:
    """Take back that mail from ADDRESS by PATH counts; both as `mailgate seller paths` shows them.

    PATH is two words, so quote it: "dkim provider.example". Nobody is asked about it again, and mail cannot prove it.
    """
    settings, store = opened(directory, sets)
    key = addresses.key(address)
    change = (
        partial(paths.forget, address=key, path=path)
        if forget
        else partial(paths.revoke, address=key, path=path, now=clock.now())
    )
    if not store.call(change):
        raise click.UsageError(f"{address} has no path {path!r} that counts; `mailgate seller paths` shows all")
    if not forget:
        logging(settings)
        events.path_revoked(address=address, path=path)
    click.echo(f"{path} {'is forgotten' if forget else 'counts no more'} for {address}")


VERBS = (seller_paths, seller_revoke)
