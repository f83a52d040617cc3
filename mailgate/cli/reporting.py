"""`mailgate report`: how the sellers did, in the figures of the weekly report (docs/reports.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from mailgate import assembly
from mailgate.cli.options import opened, say, table, with_config, with_json
from mailgate.config import Settings
from mailgate.config.problems import near
from mailgate.desk.calendar import Calendar
from mailgate.desk.house import House
from mailgate.desk.party import Desk
from mailgate.desk.report import MONTHLY, Figures, Span
from mailgate.store import rounds
from mailgate.store.engine import Connection
from mailgate.store.rounds import Asked
from mailgate.wire import clock

SHOWN = ("tickets", "asks", "answered", "late", "noncompliant", "reminders", "escalations", "mediations", "strikes")
COLUMNS = ("desk", "seller", *SHOWN, "p50", "p90", "takeover")
DAYS = 7


@click.command()
@click.option("--seller", "seller_id", default=None, help="Only this seller.")
@click.option("--desk", "desk_name", default=None, help="Only this desk.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), default=None, help="The first day; a week before the last one if left out."
)
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), default=None, help="The last day, which counts too; yesterday if left out."
)
@with_config
@with_json
def report(
    seller_id: str | None, desk_name: str | None, since: datetime | None, until: datetime | None,
    directory: Path, sets: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """How the sellers did: the figures of the weekly report, each seller with any, in days of his desk's zone."""
    settings, store = opened(directory, sets)
    _known("seller", seller_id, settings.sellers)
    _known("desk", desk_name, settings.desks)
    house, now = assembly.house_of(settings), clock.now()
    rows: list[Mapping[str, Any]] = []
    for desk in (one for name, one in settings.desks.items() if desk_name in (None, name)):
        first, last = _days(since, until, now.astimezone(ZoneInfo(desk.zone)).date())
        asked = Asked(desk, _span(first, last, desk), seller_id, mails=True)
        rows += store.read(partial(_rows, house=house, settings=settings, asked=asked, now=now))
    if not as_json:
        table([_brief(row) for row in rows], COLUMNS)
        return
    for row in rows:
        say(row)


def _known(kind: str, name: str | None, known: Mapping[str, Any]) -> None:
    if name is not None and name not in known:
        raise click.UsageError(f"there is no {kind} {name!r}; {near(name, known) or f'there are {len(known)}'}")


def _days(since: datetime | None, until: datetime | None, today: date) -> tuple[date, date]:
    """The first and the last day. Raises UsageError where they are the wrong way round."""
    last = until.date() if until else max(today - timedelta(days=1), since.date() if since else date.min)
    first = since.date() if since else last - timedelta(days=DAYS - 1)
    if first > last:
        raise click.UsageError(f"--since {first} is after --until {last}")
    return first, last


def _span(first: date, last: date, desk: Desk) -> Span:
    calendar = Calendar(ZoneInfo(desk.zone))
    return Span(calendar.midnight(first), calendar.midnight(last + timedelta(days=1)))


def _rows(connection: Connection, house: House, settings: Settings, asked: Asked, now: datetime) -> list[Mapping[str, Any]]:
    """One row a seller of whom there are figures."""
    desk, zone = asked.desk, ZoneInfo(asked.desk.zone)
    first, last = asked.span.since.astimezone(zone).date(), (asked.span.until - timedelta(seconds=1)).astimezone(zone).date()
    by_month = {f"{span.since.astimezone(zone):%Y-%m}": span for span in _months(first, last, desk)}
    monthly = {month: rounds.figures_of(connection, house, Asked(desk, span, asked.seller)) for month, span in by_month.items()}
    found: list[Mapping[str, Any]] = []
    for name, one in sorted(rounds.figures_of(connection, house, asked).items()):
        seller = settings.sellers.get(name)
        stands = seller is not None and rounds.proposal_stands(connection, house, desk, seller, now)
        found.append({
            "desk": desk.name, "seller": name, "since": first.isoformat(), "until": last.isoformat(), **_told(one),
            "months": {month: _monthly(each.get(name)) for month, each in monthly.items()}, "takeover_proposed": stands,
        })  # fmt: skip
    return found


def _told(one: Figures) -> dict[str, Any]:
    seconds = {name: round(span.total_seconds()) if span is not None else None for name, span in one.times}
    return {
        **one.metrics, "seconds": seconds, "strikes_by_reason": dict(one.reasons), "misfiled_share": one.misfiled_share,
        "mails_per_ticket": one.mails_per_ticket,
    }  # fmt: skip


def _months(first: date, last: date, desk: Desk) -> Iterator[Span]:
    """The local months that the days touch, each whole (M-08, M-10: per seller and month)."""
    month = first.replace(day=1)
    while month <= last:
        following = (month + timedelta(days=32)).replace(day=1)
        yield _span(month, following - timedelta(days=1), desk)
        month = following


def _monthly(one: Figures | None) -> dict[str, int]:
    return {name: one.metrics[name] if one else 0 for name in MONTHLY}


def _brief(row: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: None if spent is None else str(timedelta(seconds=spent)) for name, spent in row["seconds"].items()}
    return {**row, **times, "takeover": "proposed" if row["takeover_proposed"] else None}


VERBS = (report,)
