"""docs/policies.md says of packs what the code says, and the code says something of every key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import running

from mailgate.config import shipped
from mailgate.desk import calendar, entry, timed, view
from mailgate.desk.decision import Scene
from mailgate.desk.pack import BUILT_IN, Policy, bind
from mailgate.desk.party import Desk, Frozen, Seller
from mailgate.desk.reference import BEGIN, BUILT_IN_EVENTS, END, INSIDE, TABLES, UNITS, reference
from mailgate.desk.ticket import Clock, Mark, Ticket

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/policies.md").read_text("utf-8")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
FREE = {  # what stands for a name of the pack's or the seller's own
    "CLOCK": r"\w+", "STEP": r"\w+", "MARK": r"\w+", "NAME": r"\w+", "TERMS": r"\w+", "FACT": r"(?!x)x",
}  # fmt: skip


def known(name: str, facts: frozenset[str]) -> bool:
    """True if `view.NAMES` has this name, or it is one of the facts that a pack can make."""
    if name in facts or name.removesuffix(".count") in facts:
        return True
    patterns = (re.sub("|".join(FREE), lambda found: FREE[found[0]], re.escape(one)) for one in view.NAMES)
    return any(re.fullmatch(pattern, name) for pattern in patterns)


def made(policy: Policy) -> frozenset[str]:
    """Every fact that mails, commands and changes of this pack state."""
    stated = {name for one in (*policy.mail, *policy.command, *policy.change) for name in one.sets}
    argued = {one.argument for one in policy.command} | {asked for one in policy.command for asked in one.asks}
    return frozenset({*policy.facts, *stated, *argued, "topic", "until"})


def asked(table: Any) -> Iterator[str]:
    """Every name that a condition of a pack's text asks."""
    if isinstance(table, Mapping):
        for name, value in table.items():
            if name in ("if", "collects", "names_also") and isinstance(value, Mapping):
                yield from value
            else:
                yield from asked(value)
    elif isinstance(table, list):
        for one in table:
            yield from asked(one)


def test_page_holds_the_reference_that_the_code_writes():
    inside = PAGE[PAGE.index(BEGIN) + len(BEGIN) : PAGE.index(END)].strip()
    make = "write what `mailgate policy reference` prints between the two marker lines"
    assert inside == reference().strip(), make


def test_verb_prints_the_reference():
    assert running.does("policy", "reference") == reference()


def test_every_table_of_the_code_is_in_the_reference():
    named = {**vars(entry), **vars(timed)}
    models = {one for one in named.values() if isinstance(one, type) and issubclass(one, Frozen) and one is not Frozen}
    assert models - set(TABLES.values()) == {timed.Trigger}


@pytest.mark.parametrize("model", [Policy, *TABLES.values()], ids=lambda one: one.__name__)
def test_every_key_is_described_by_sentences(model: type[Frozen]):
    for name, field in model.model_fields.items():
        if model is not Policy or name not in INSIDE:
            assert field.description, f"{model.__name__}.{name} needs a Field(description=…)"
            assert re.fullmatch(r"[A-Z`].*[.?]", field.description), field.description
            assert "|" not in field.description


def test_reference_knows_every_unit_and_every_built_in_event():
    assert set(UNITS) == set(calendar._UNITS)
    assert set(BUILT_IN_EVENTS) == BUILT_IN


@pytest.mark.parametrize("name", ["amazonpay", "clickbank", "digikala", "digistore24", "madeiramadeira"])
def test_names_that_a_shipped_pack_asks_are_declared(name: str):
    """A condition on a name that nobody makes would never hold, and nobody would hear of it."""
    raw = tomllib.loads((shipped.root() / f"config/policies/{name}.toml").read_text("utf-8"))
    facts = made(bind(raw, {}, name))
    assert {one for one in asked(raw) if not known(one, facts)} == set()


def test_names_that_a_view_holds_are_declared():
    """Whatever `seen` makes has its line in `NAMES`."""
    raw = {"reasons": {"late": {"fits": ["close"]}}, "command": [{"name": "close", "by": ["seller"], "event": "closed"}]}
    raw |= {"windows": {"young": {"from": ["sale_at"], "within": "5d"}}}
    desk, seller = Desk(name="desk", address="desk@shop.test", pack="p"), Seller(id="shop", support="a@shop.example")
    scene = Scene(desk, bind(raw, {}), seller, marks={"abuse": "true"})
    clock = Clock("ticket:1", "answer", 1, "running", NOW, NOW, (Mark("reminder", 1, NOW),))
    ticket = Ticket(1, "desk", "", "case", "open", "S", NOW, seller="shop", clocks=(clock,))
    told = {"reason": "late", "sale_at": NOW.isoformat(), "refs": ["1", "2"], "mentions": frozenset({"terms"})}
    names = view.seen(ticket, scene, NOW, told, "asked", "seller")
    assert {one for one in names if not known(one, frozenset(told))} == set()
    assert {"answer.late", "answer.fired.reminder", "seller.abuse", "window.young", "refs.count", "fits"} <= names.keys()


def test_small_pack_of_the_page_binds():
    (text,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert bind(tomllib.loads(text), {}, "small").notices == {"remind", "notice_noncompliant"}
