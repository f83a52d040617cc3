"""`mailgate report`: the figures of the weekly report for whoever runs the gateway."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from running import HELPDESK, SELLER, house, mail

from mailgate import assembly, cli, config
from mailgate.simulate.stage import PROVEN, Stage
from mailgate.store.engine import Store

ASKED = datetime(2026, 6, 2, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration with a fortnight behind it: an answer in time, one that was late, one that never came."""
    directory = house(tmp_path_factory.mktemp("report") / "gate")
    settings = config.load(directory)
    store = Store.open(settings.store.url, settings.directory)
    proven = replace(assembly.house_of(settings), proven_doors=frozenset({PROVEN}))
    stage = Stage(proven, next(iter(settings.desks.values())), store)
    for name, answered in (("one", timedelta(hours=2)), ("two", timedelta(hours=60)), ("three", None)):
        stage.receive(mail(HELPDESK, SELLER, name, f"Order {name}"), ASKED)
        if answered:
            raw = mail(SELLER, HELPDESK, f"re-{name}", f"Re: Order {name}", answers=name)
            stage.receive(raw, ASKED + answered)
    stage.pass_until(ASKED + timedelta(days=9), inclusive=True)
    store.close()
    return directory


def _asked(shop: Path, *words: str) -> tuple[int, list[dict[str, Any]]]:
    done = CliRunner().invoke(cli.cli, ["report", "--config", str(shop), "--json", *words])
    return done.exit_code, [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]


def test_figures_of_the_days_that_were_asked_for(shop: Path) -> None:
    """D-05, D-37: three asks, one answer in time, one late, one escalated; both ends of the days count."""
    code, (row,) = _asked(shop, "--since", "2026-06-02", "--until", "2026-06-06")
    assert code == 0
    assert (row["desk"], row["seller"], row["since"], row["until"]) == ("support", "example-seller", "2026-06-02", "2026-06-06")
    assert (row["tickets"], row["asks"], row["answered"], row["late"]) == (3, 3, 1, 1)
    assert (row["reminders"], row["escalations"]) == (3, 1)
    assert row["seconds"] == {"p50": 7200, "p90": 60 * 3600}
    assert row["strikes_by_reason"] == {"escalated": 1, "late_answer": 1}
    assert row["mails_per_ticket"] == 1.7
    assert row["months"] == {"2026-06": {"mediations": 0, "prohibited": 0}}
    assert row["takeover_proposed"] is False


def test_days_without_anything_are_an_empty_report(shop: Path) -> None:
    assert _asked(shop, "--since", "2026-03-01", "--until", "2026-03-31") == (0, [])
    assert (
        _asked(shop, "--desk", "support", "--seller", "example-seller", "--since", "2026-06-03", "--until", "2026-06-03")[1] == []
    )


def test_months_that_the_days_touch_are_whole(shop: Path) -> None:
    """M-08, M-10: per seller and month."""
    _, (row,) = _asked(shop, "--since", "2026-05-20", "--until", "2026-06-30")
    assert list(row["months"]) == ["2026-05", "2026-06"]


def test_table_for_people(shop: Path) -> None:
    done = CliRunner().invoke(cli.cli, ["report", "--config", str(shop), "--since", "2026-06-01", "--until", "2026-06-07"])
    head, line = done.output.splitlines()
    assert head.split()[:4] == ["desk", "seller", "tickets", "asks"]
    assert line.split()[:4] == ["support", "example-seller", "3", "3"]
    assert "2:00:00" in line


@pytest.mark.parametrize(
    "words", [("--seller", "exemple-seller"), ("--desk", "suport"), ("--since", "2026-06-02", "--until", "2026-06-01")]
)
def test_what_does_not_exist_is_a_wrong_usage(shop: Path, words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli.cli, ["report", "--config", str(shop), *words])
    assert done.exit_code == 2
    assert words[1] in done.output
