"""The policy simulator from outside: cases in, rows out; what can't be run says why, and the others go on (docs/simulate.md)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from running import does

from mailgate import cli

SILENCE: dict[str, Any] = {
    "id": "silence",
    "policy": "digistore24",
    "entity": "inc",
    "seller_tz": "America/New_York",
    "vendor_addresses": ["support@vendor.example"],
    "events": [{"t": "2026-06-12T18:30:00-04:00", "kind": "ask"}],
    "until": "2026-06-17T00:00:00-04:00",
}
SHARED = Path(__file__).parents[3] / "shared" / "cases" / "digistore24.jsonl"


def _file(folder: Path, *cases: dict[str, Any]) -> str:
    path = folder / "cases.jsonl"
    path.write_text("".join(json.dumps(case) + "\n" for case in cases))
    return str(path)


def test_silence_is_reminded_twice_and_escalated(tmp_path: Path) -> None:
    """D-18…D-20: 48, 72 and 96 hours after the ask, in UTC."""
    (row,) = map(json.loads, does("simulate", "--json", _file(tmp_path, SILENCE)).splitlines())
    assert [(one["t"], one["action"]) for one in row["actions"]] == [
        ("2026-06-14T22:30:00Z", "remind"),
        ("2026-06-15T22:30:00Z", "remind"),
        ("2026-06-16T22:30:00Z", "escalate"),
    ]
    assert row["final"]["T1"]["escalated"] is True
    assert row["unsupported"] == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"policy": "nowhere"}, "policy: expected one of"),
        ({"options": {"respond_within": "soon"}}, "options.respond_within: expected a duration"),
        ({"options": {"hurry": True}}, "options.hurry: expected an option of the pack"),
        ({"entity": "gmbh"}, "entity: expected one of inc, ltd, mslw"),
        ({"seller_tz": "Mars/Olympus"}, "seller_tz: expected a time zone"),
        ({"holidays": ["Easter"]}, "holidays: expected a date"),
        ({"until": "later"}, "until: expected an instant"),
        ({"events": [{"kind": "bounce", "t": "2026-06-12T18:30:00Z"}]}, "event 1: of is missing; event 1: status is missing"),
        ({"events": [{"kind": "ask", "t": "2026-06-12T18:30:00"}]}, "event 1: t: expected an instant with its offset"),
    ],
)
def test_case_that_cannot_be_run_says_why_and_the_next_is_run(
    tmp_path: Path, wrong: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 65 at the end; no traceback."""
    file = _file(tmp_path, {**SILENCE, "id": "wrong", **wrong}, SILENCE)
    monkeypatch.setattr(sys, "argv", ["mailgate", "simulate", "--json", file])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    told = capsys.readouterr()
    bad, good = map(json.loads, told.out.splitlines())
    assert (ended.value.code, bad["id"], bad["actions"]) == (65, "wrong", [])
    assert said in bad["error"]
    assert len(good["actions"]) == 3
    assert "1 of the cases could not be run" in told.err


def test_scenario_for_people_takes_tomls_own_dates(tmp_path: Path) -> None:
    """Instants and days as TOML writes them; the time line is in the seller's zone."""
    path = tmp_path / "friday.toml"
    path.write_text(
        'policy = "digistore24"\nentity = "inc"\nseller_tz = "America/New_York"\nholidays = [2026-06-15]\n'
        'until = 2026-06-19T00:00:00-04:00\n[options]\npause_on = ["holidays"]\n'
        '[[events]]\nt = 2026-06-12T18:30:00-04:00\nkind = "ask"\n'
    )
    told = does("simulate", str(path))
    assert "Sun 14 Jun 2026, 18:30 EDT  > remind" in told
    assert "Wed 17 Jun 2026, 18:30 EDT  > escalate" in told


def test_known_cases_agree() -> None:
    """Every action, deadline and final state of the cases beside the project, where they are."""
    if not SHARED.exists():
        pytest.skip(f"NOT CHECKED: there is no {SHARED}")
    cases = [json.loads(line) for line in SHARED.read_text("utf-8").splitlines()]
    rows = [json.loads(line) for line in does("simulate", "--json", str(SHARED)).splitlines()]
    for case, row in zip(cases, rows, strict=True):
        assert _ordered(row["actions"]) == _ordered(case["expected"]), case["id"]
        assert _ordered(row["deadlines"]) == _ordered(case["deadlines"]), case["id"]


def _ordered(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)
