"""`mailgate hold | release`: the brake. Mail is accepted and judged, and nothing of what is on hold leaves."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

import click

from mailgate import events
from mailgate.cli.options import logging, opened, with_config
from mailgate.config import Settings
from mailgate.config.problems import near
from mailgate.store import brake, memory
from mailgate.wire import clock

Names = dict[str, str | None]


def with_scope(verb: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what a hold is about; at most one of them."""
    verb = click.option("--seller", default=None, help="Only what is about this seller.")(verb)
    verb = click.option("--policy", default=None, help="Only what desks under this pack send.")(verb)
    return click.option("--desk", default=None, help="Only what this desk sends.")(verb)


@click.command()
@with_scope
@with_config
def hold(directory: Path, sets: tuple[str, ...], **names: str | None) -> None:
    """The brake: mail is accepted, nothing leaves until `mailgate release`."""
    scope, name = _scope(names)
    settings, store = opened(directory, sets)
    _known(scope, name, settings)
    store.call(partial(memory.set_flag, name=f"hold:{_scoped(scope, name)}", value=clock.now().isoformat()))
    logging(settings)
    events.outbox_held(scope=scope, name=name)
    click.echo("on hold: " + ", ".join(store.read(memory.holds)))


@click.command()
@with_scope
@with_config
def release(directory: Path, sets: tuple[str, ...], **names: str | None) -> None:
    """Let what was on hold leave; without a name, or with a desk's, also what the brake stopped by itself."""
    scope, name = _scope(names)
    settings, store = opened(directory, sets)
    freed = store.call(partial(brake.release, now=clock.now(), desk=name or "")) if scope in ("all", "desk") else ()
    if _scoped(scope, name) not in store.read(memory.holds) and not freed:
        _known(scope, name, settings)  # a hold may outlive its desk
    store.call(partial(memory.set_flag, name=f"hold:{_scoped(scope, name)}", value=None))
    logging(settings)
    events.outbox_released(scope=scope, name=name)
    click.echo("on hold: " + (", ".join(store.read(memory.holds)) or "nothing"))


def _scope(names: Names) -> tuple[str, str | None]:
    given = [(scope, name) for scope, name in names.items() if name is not None]
    if len(given) > 1:
        raise click.UsageError("one of --desk, --policy and --seller, not several")
    return given[0] if given else ("all", None)


def _known(scope: str, name: str | None, settings: Settings) -> None:
    """Refuse a name that nobody has: such a hold would stop nothing."""
    packs = {desk.pack for desk in settings.desks.values()}
    known: dict[str, Collection[str]] = {"desk": settings.desks, "policy": packs, "seller": settings.sellers}
    if name is not None and name not in known[scope]:
        hint = near(name, sorted(known[scope]))
        raise click.UsageError(f"there is no {scope} {name!r}" + (f"; {hint}" if hint else ""))


def _scoped(scope: str, name: str | None) -> str:
    return f"{scope}:{name}" if name else scope


VERBS = (hold, release)
