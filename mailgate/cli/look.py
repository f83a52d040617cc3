"""Verbs that look and change nothing: replay, simulate, explain."""

from __future__ import annotations

import base64
import json
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from mailgate import assembly, config
from mailgate.cli.options import opened, say, with_config, with_json
from mailgate.simulate.check import CaseError


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--stream", is_flag=True, help="Answer JSON lines on standard input, one each.")
@click.option("--desk", "address", default=None, help="The address that the mail was received for.")
@click.option(
    "--config", "directory", type=click.Path(path_type=Path), default=None, help="Use this configuration's desks and packs."
)
@with_json
def replay(paths: tuple[Path, ...], stream: bool, address: str | None, directory: Path | None, as_json: bool) -> None:
    """Run past mail through the whole message path into a scratch store: mbox files, Maildirs, folders, .eml files."""
    from mailgate.simulate import replay as replaying

    if stream:
        _stream(address, directory)
        return
    running = None
    for file, index, raw in replaying.mails_of(list(paths)):
        running = running or _replay(address, directory, raw)
        row = replaying.row(running.mail(raw), file, index, running)
        if as_json:
            say(row)
        else:
            click.echo(
                f"{row['ticket'] or '-':<6} {'new' if row['new'] else row['evidence']:<18} {row['class']:<10} {file}:{index}"
            )


def _replay(address: str | None, directory: Path | None, first: bytes) -> Any:
    """A replay for the desk at `address`, else for the first To of the first mail."""
    from mailgate.mail.message import parse
    from mailgate.simulate.replay import Replay, plain_house
    from mailgate.simulate.stage import PROVEN, Stage

    if directory is not None:
        from dataclasses import replace

        settings = config.load(directory)
        house = replace(assembly.house_of(settings), proven_doors=frozenset({PROVEN}))
        named = house.roster.desk_of(address) if address else next(iter(settings.desks.values()))
        if named is None:
            raise click.UsageError(
                f"no desk answers for {address}; there are {', '.join(d.address for d in settings.desks.values())}"
            )
        return Replay(Stage(house, named))
    to = parse(first).to
    return Replay(Stage(*plain_house(address or (to[0].address if to else "desk@replay.example"))))


def _stream(address: str | None, directory: Path | None) -> None:
    from mailgate.simulate.replay import answer

    running = None
    for line in sys.stdin:
        asked = json.loads(line)
        raw = base64.b64decode(asked["eml_b64"])
        running = running or _replay(address, directory, raw)
        if asked.get("dir") == "out":
            row = {"n": asked.get("n"), **running.sent(raw, int(asked["ticket"].lstrip("T")), asked.get("smtp_reply", ""))}
        else:
            at = datetime.fromtimestamp(asked["date"], UTC) if asked.get("date") is not None else None
            row = answer(running.mail(raw, at), asked.get("n"), running)
        say(row)
        sys.stdout.flush()


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@with_json
def simulate(file: Path, as_json: bool) -> None:
    """Run timed cases (JSON lines), or a scenario for people (TOML), on a virtual clock."""
    from mailgate.simulate.story import timeline

    if file.suffix == ".toml":
        with file.open("rb") as scenario:
            for line in timeline(tomllib.load(scenario)):
                click.echo(line)
        return
    failed = 0
    for row in _results(file):
        failed += "error" in row
        told = row.get("error") or f"{len(row['actions'])} actions, {row['final']}"
        say(row) if as_json else click.echo(f"{row['id']}: {told}")
    if failed:
        raise CaseError(f"{failed} of the cases could not be run; their rows say why")


def _results(file: Path) -> Iterator[dict[str, Any]]:
    """The result of every case, in order; two at a time, because they share nothing."""
    cases = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    if len(cases) < 20:
        yield from map(_result, cases)
        return
    with ProcessPoolExecutor() as pool:
        yield from pool.map(_result, cases, chunksize=5)


def _result(case: dict[str, Any]) -> dict[str, Any]:
    """What a case led to; one that can't be run is answered in its place, and the others go on."""
    from mailgate.simulate.cases import run

    try:
        return run(case)
    except CaseError as error:
        return {"id": case.get("id"), "actions": [], "deadlines": [], "final": {}, "unsupported": [], "error": str(error)}


@click.command()
@click.argument("number")
@with_config
def explain(number: str, directory: Path, sets: tuple[str, ...]) -> None:
    """Why a ticket is as it is: how each mail was threaded, which rule fired, why each instant is due."""
    from mailgate.cli.explaining import explained
    from mailgate.store import tickets

    settings, store = opened(directory, sets)
    digits = number.upper().removeprefix("MG-")
    found = store.read(partial(tickets.load, numbers=[int(digits)])) if digits.isdigit() else {}
    if not found:
        raise click.UsageError(f"there is no ticket {number!r}; `mailgate ticket list` shows all")
    ticket = found[int(digits)]
    for line in explained(ticket, store.read(partial(tickets.history, number=ticket.number)), settings.desks.get(ticket.desk)):
        click.echo(line)


VERBS = (replay, simulate, explain)
