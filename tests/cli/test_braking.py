"""`mailgate hold` and `release`: what they take, what they refuse, and what then leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from running import HELPDESK, SELLER, house, mail

from mailgate import assembly, cli, config, courier
from mailgate.simulate.stage import PROVEN, Stage
from mailgate.store import memory, outbox
from mailgate.store.engine import Store

NOW = datetime(2026, 6, 2, 10, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return house(tmp_path / "gate")


def says(shop: Path, *words: str) -> tuple[int, str]:
    """Exit code and all output of a verb."""
    done = CliRunner().invoke(cli.cli, [*words, "--config", str(shop)])
    return (64, done.output) if done.exit_code == 2 else (done.exit_code, done.output)


def test_holds_are_named_and_end_one_by_one(shop: Path) -> None:
    """Each verb says what is on hold after it."""
    assert "on hold: policy:digistore24" in says(shop, "hold", "--policy", "digistore24")[1]
    assert "on hold: desk:support, policy:digistore24" in says(shop, "hold", "--desk", "support")[1]
    assert "on hold: desk:support\n" in says(shop, "release", "--policy", "digistore24")[1]
    assert "on hold: nothing" in says(shop, "release", "--desk", "support")[1]


@pytest.mark.parametrize("verb", ["hold", "release"])
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--desk", "suport"), "there is no desk 'suport'; did you mean \"support\"?"),
        (("--policy", "clickbank"), "there is no policy 'clickbank'"),
        (("--seller", "nobody"), "there is no seller 'nobody'"),
        (("--desk", "support", "--seller", "nobody"), "one of --desk, --policy and --seller"),
    ],
)
def test_hold_of_what_there_is_not_is_refused(shop: Path, verb: str, words: tuple[str, ...], complaint: str) -> None:
    """A hold with a slip in its name would stop nothing, and nobody would know."""
    code, output = says(shop, verb, *words)
    assert code == 64
    assert complaint in output
    assert "on hold" not in output


@pytest.mark.parametrize(
    ("words", "leaves"),
    [((), False), (("--policy", "digistore24"), False), (("--desk", "support"), False), (("--seller", "nova"), True)],
)
def test_hold_stops_what_it_is_about(shop: Path, words: tuple[str, ...], leaves: bool) -> None:
    """A policy stands for every desk under its pack; another seller's hold stops nothing of this one's."""
    nova = shop / "sellers" / "nova.toml"
    nova.write_text('[seller]\nname = "Nova"\nsupport = "support@nova.test"\nentities = ["inc"]\n')
    assert says(shop, "hold", *words)[0] == 0
    settings = config.load(shop)
    store = Store.open(settings.store.url, settings.directory)
    proven = replace(assembly.house_of(settings), proven_doors=frozenset({PROVEN}))
    stage = Stage(proven, settings.desks["support"], store)
    stage.receive(mail(HELPDESK, SELLER, "ask", "Order 1"), NOW)
    stage.receive(mail(SELLER, "buyer@mail.test", "lacking", "Re: Order 1", cc="", answers="ask"), NOW)
    assert [row.notice for _, row in stage.sent] == (["notice_noncompliant"] if leaves else [])
    assert store.read(outbox.counts) == {"sent" if leaves else "queued": 1}
    assert says(shop, "release", *words)[0] == 0
    left = store.call(lambda connection: courier.ready(connection, proven, NOW)).going
    assert [row.notice for row in left] == ([] if leaves else ["notice_noncompliant"])
    store.close()


def test_release_ends_what_the_brake_stopped_by_itself(shop: Path) -> None:
    """By the desk's name, or with everything."""
    settings = config.load(shop)
    store = Store.open(settings.store.url, settings.directory)
    for words in ((), ("--desk", "support")):
        store.call(lambda connection: memory.set_flag(connection, "hold:brake:support", "{}"))
        assert says(shop, "release", *words)[1].endswith("on hold: nothing\n")
    store.close()
