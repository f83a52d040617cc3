"""Options that several verbs share, and how a verb gets at the store."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from mailgate import config, events
from mailgate.config import Settings
from mailgate.store.engine import Store

F = TypeVar("F", bound=Callable[..., Any])


def with_config(function: F) -> F:
    """--config and --set."""
    path = click.option("--config", "directory", type=click.Path(path_type=Path), default=Path("."), show_default=True,
                        help="The configuration's directory, or its mailgate.toml.")  # fmt: skip
    sets = click.option("--set", "sets", multiple=True, metavar="SECTION.KEY=VALUE", help="Override one key; repeatable.")
    return path(sets(function))


def with_json(function: F) -> F:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")(function)


def opened(directory: Path, sets: tuple[str, ...]) -> tuple[Settings, Store]:
    """The configuration, and its store. Raises ConfigError or StoreError."""
    settings = config.load(directory, sets)
    return settings, open_store(settings)


def open_store(settings: Settings) -> Store:
    """The store that the configuration names, open until the verb ends. Raises ConfigError or StoreError."""
    store = Store.open(settings.store.url, settings.directory, config.store_password(settings))
    if context := click.get_current_context(silent=True):
        context.call_on_close(store.close)
    return store


def logging(settings: Settings) -> None:
    """A verb that changes what the daemon does logs it as the daemon would, to standard error."""
    key = config.keys(settings).current
    events.configure(settings.logs.format, settings.logs.addresses, sys.stderr, level=settings.logs.level, key=key)


def say(row: Mapping[str, Any]) -> None:
    """One JSON line on standard output."""
    click.echo(json.dumps(row, ensure_ascii=False, default=plain))


def plain(value: Any) -> Any:
    """What JSON has no form for: instants as UTC text, sets as lists."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, frozenset | set):
        return sorted(value)
    return str(value)


def table(rows: Sequence[Mapping[str, Any]], columns: tuple[str, ...]) -> None:
    """Plain columns for people."""
    texts = [[cell(row.get(name)) for name in columns] for row in rows]
    widths = [max(len(line[i]) for line in [list(columns), *texts]) for i in range(len(columns))]
    for line in [list(columns), *texts]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def cell(value: Any) -> str:
    """A value for people: instants to the second in UTC, what is missing as a dash."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(str, value)) or "-"
    return str(value)
