"""The worked example of docs/sixth-marketplace.md: its blocks are a pack, its notices and a scenario, and do what it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import running
from exchange import Gate
from passage import Exchange
from people import Person
from postgres import emptied

from mailgate import assembly, config
from mailgate.simulate import cases
from mailgate.simulate.check import CaseError
from mailgate.simulate.stage import PROVEN
from mailgate.store.engine import Store

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/sixth-marketplace.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FOLDERS = {".txt": "templates/en", "pottery.toml": "sellers", "fair.toml": "."}
STALL, FAIR, VISITOR = "mara@pottery.example", "hello@lanternfair.example", "visitor@mail.example"


def blocks(kind: str) -> dict[str, str]:
    """The fenced blocks of this kind, by the name behind the fence; those without one together under no name."""
    found: dict[str, str] = {}
    for fence, name, text in BLOCK.findall(PAGE):
        if fence == kind:
            found[name] = found.get(name, "") + text
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration directory that the page writes, in the order of the page."""
    directory = tmp_path_factory.mktemp("fair")
    (directory / "policies").mkdir()
    (directory / "policies/lanternfair.toml").write_text(blocks("toml")[""], "utf-8")
    running.does("init", str(directory), "--address", "desk@lanternfair.example", "--pack", "lanternfair")
    for name, text in {**blocks("jinja"), **blocks("ini")}.items():
        folder = directory / (FOLDERS.get(name) or FOLDERS[Path(name).suffix])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    (directory / "sellers/example-seller.toml").unlink()
    return directory


@pytest.fixture
def gate(place: Path, scratch_store: Store) -> Iterator[Gate]:
    """The fair's own house, by the daemon's wiring, at the time of its stalls."""
    scratch_store.call(emptied)
    house = replace(assembly.house_of(config.load(place)), proven_doors=frozenset({PROVEN}))
    desk = house.roster.desks["support"]
    gate = Gate(Exchange(house, desk, scratch_store), dict(house.sources["support"].raw), ZoneInfo("America/Sao_Paulo"))
    yield gate
    gate.ends()


@pytest.fixture
def stall(gate: Gate) -> Person:
    """Mara, who makes pots."""
    return Person(STALL, gate)


@pytest.fixture
def fair(gate: Gate) -> Person:
    """The fair's helpdesk."""
    return Person(FAIR, gate)


@pytest.fixture
def visitor(gate: Gate) -> Person:
    """Whoever buys pots."""
    return Person(VISITOR, gate)


def test_page_is_a_configuration_without_a_complaint(place: Path) -> None:
    """`check` finds nothing wrong; what it warns of is a fresh configuration's, and translations that nobody wrote."""
    errors, warnings = config.check(place)
    assert not errors
    missing = {str(one.got) for one in warnings if one.file == "templates"}
    notices = [Path(name).stem for name in blocks("jinja")]
    assert missing == {f"{language} lacks the notice {name}" for language in ("fa", "it", "pt-BR") for name in notices}
    assert {one.key for one in warnings if one.file != "templates"} == {"trust.claimed_may", "desk.support"}


def test_readers_own_command_takes_the_pack_out_of_the_page(place: Path) -> None:
    """The `sed` of the page gives the very file."""
    said = next(line for line in PAGE.splitlines() if "sed -n" in line)
    first, last = re.findall(r"/(\^[^/]+\$)/", said)[:2]
    inside, taken = False, []
    for line in PAGE.splitlines(keepends=True):
        inside = bool(re.match(first, line)) or (inside and not re.match(last, line))
        taken += [line] if inside and not line.startswith("```") else []
    assert "".join(taken) == (place / "policies/lanternfair.toml").read_text("utf-8")


def test_scenario_of_the_page_comes_out_as_printed(place: Path) -> None:
    """`mailgate simulate` runs a pack that no Python knows, by the events of simulate/anypack.py."""
    assert running.verb("simulate", "fair.toml", cwd=place) == blocks("text")[""]


@pytest.fixture
def simulated(place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Run events (day and hour of June 2026, kind, what else) of a case of this pack, as `mailgate simulate` would there."""
    monkeypatch.chdir(place)
    monkeypatch.setattr(cases, "_CACHE", {})

    def run(*events: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
        each = [{"t": f"2026-06-{at}:00:00-03:00", "kind": kind, **said} for at, kind, said in events]
        case = {"id": "x", "policy": "lanternfair", "entity": "fair", "seller_tz": "America/Sao_Paulo", "events": each}
        return cases.run({**case, "until": "2026-06-30T00:00:00-03:00"})

    return run


BROKEN = {"by": "customer", "to": ["seller"], "subject": "It is broken"}


def test_staff_settles_a_simulated_case_by_a_verb(simulated: Callable[..., dict[str, Any]]) -> None:
    """`command` by `staff` is a verb; `pass` lets time go by and is no mail."""
    done = simulated(("12T15", "mail", BROKEN), ("13T15", "pass", {}), ("14T15", "command", {"by": "staff", "name": "settled"}))
    assert done["final"] == {"T1": {"state": "settled", "late": None, "kept": "pending"}}
    assert [one["action"] for one in done["actions"]] == ["damage_reported"]


def test_people_of_a_simulated_case_are_parties_or_addresses(simulated: Callable[..., dict[str, Any]]) -> None:
    """The helpdesk by its name, a friend by his address; and a mail that nothing proves moves nothing."""
    friend = {"by": "friend@mail.example", "to": ["seller"], "subject": "A question", "ticket": "A", "lines": {"Order": "A-7"}}
    answer = {"by": "seller", "to": ["friend@mail.example"], "cc": ["helpdesk"], "ticket": "A", "attachments": 1}
    done = simulated(
        ("13T10", "mail", friend), ("13T11", "mail", answer), ("13T12", "mail", {**BROKEN, "ticket": "B", "auth": False})
    )
    assert done["final"]["A"]["state"] == "answered"
    assert done["final"]["B"]["state"] == "open"
    assert not done["actions"]


def test_simulated_mail_and_command_say_who_and_what(simulated: Callable[..., dict[str, Any]]) -> None:
    """A case that lacks them is refused with its reasons, all at once."""
    with pytest.raises(CaseError, match=r"event 1: by is missing; event 2: by is missing; event 2: name is missing"):
        simulated(("12T15", "mail", {}), ("13T15", "command", {}))


def test_stall_that_leaves_the_fair_out_is_reminded_and_reported(
    gate: Gate, visitor: Person, stall: Person, fair: Person
) -> None:
    """48 hours from Saturday end on Monday, when the fair rests: the limit is Wednesday, and the fair is told a day later."""
    gate.at("2026-06-13T10:00")
    asked = visitor.writes([stall], subject="Is the blue bowl oven-proof?")
    assert (asked.event, gate.ticket().kind, gate.ticket().state) == ("asked", "question", "waiting")
    gate.later(hours=2)
    assert stall.replies(asked, "It is.").event == "incomplete"
    gate.sends("notice_noncompliant", stall, missing=["required_copy"])
    gate.at("2026-06-14T10:00")
    gate.sends("remind", stall, n=1)
    gate.at("2026-06-17T23:59")
    gate.stays_silent()
    gate.at("2026-06-18T00:00")
    gate.sends("escalate", fair)
    late = stall.replies_to_all(asked, "It is, up to 220 degrees.", adding=[fair])
    assert (late.event, gate.ticket().state) == ("answered", "answered")
    gate.later(days=60)
    gate.stays_silent()


def test_stall_that_answers_with_the_fair_in_copy_is_done(gate: Gate, visitor: Person, stall: Person, fair: Person) -> None:
    """The one required copy: then the answer counts and nothing follows."""
    gate.at("2026-06-13T10:00")
    stall.replies(visitor.writes([stall], subject="A question"), adding=[fair])
    assert gate.ticket().state == "answered"
    gate.later(days=60)
    gate.stays_silent()


def test_repair_that_nobody_confirms_is_a_breach_and_a_link_closes_it(
    gate: Gate, visitor: Person, stall: Person, fair: Person
) -> None:
    """Ten days from Friday end with Monday, a day of rest: the breach comes on Wednesday; the stall's link ends the matter."""
    gate.at("2026-06-12T15:00")
    assert visitor.writes([stall], subject="My vase arrived broken").event == "damaged"
    told = gate.sends("damage_reported", [stall, visitor])
    assert [list(told.copy(one).links) for one in (stall, visitor)] == [["repaired"], ["settled"]]
    gate.at("2026-06-23T23:59")
    gate.stays_silent()
    gate.at("2026-06-24T00:00")
    overdue = gate.sends("repair_overdue", [stall, fair])
    assert [one.kind for one in gate.strikes("pottery")] == ["repair_overdue"]
    (link,) = overdue.copy(stall).links
    assert not overdue.copy(fair).links
    gate.later(hours=33)
    assert stall.follows(overdue.copy(stall), link).event == "repaired"
    assert gate.ticket().state == "repaired"
    (clock,) = gate.ticket().clocks
    assert (clock.state, clock.stopped_at) == ("stopped", gate.now)


def test_visitor_who_settles_it_ends_the_obligation(gate: Gate, visitor: Person, stall: Person) -> None:
    """The other command: nothing is owed any more, and the stall's link is worth nothing now."""
    gate.at("2026-06-12T15:00")
    visitor.writes([stall], subject="My vase arrived broken")
    told = gate.sends("damage_reported", [stall, visitor])
    visitor.follows(told.copy(visitor), *told.copy(visitor).links)
    assert (gate.ticket().state, gate.ticket().clocks[0].state) == ("settled", "void")
    stall.follows(told.copy(stall), *told.copy(stall).links)
    assert gate.ticket().state == "settled"
    gate.later(days=60)
    gate.stays_silent()


def test_third_breach_in_a_year_asks_the_fair_to_look(gate: Gate, visitor: Person, stall: Person, fair: Person) -> None:
    """The strikes of the page's alarm."""
    gate.at("2026-06-12T15:00")
    for number in (1, 2, 3):
        visitor.writes([stall], subject=f"Jug {number} arrived damaged")
        gate.sends("damage_reported", [stall, visitor])
    gate.at("2026-06-24T00:00")
    for _ in range(3):
        gate.sends("repair_overdue", [stall, fair])
    gate.sends("propose_takeover", fair)
