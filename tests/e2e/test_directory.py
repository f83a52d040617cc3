"""The seller directory from outside: its verbs, and a reload that takes it in anew."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from nursery import Nursery
from running import HELPDESK, Running, ask, does, house, mail, quiet, until

from mailgate import cli, config, events
from mailgate.daemon import PROBLEMS, Daemon
from mailgate.store.engine import Store
from mailgate.timekeeper import SOME

HEAD = "id,name,support,entities\n"
FILES = "smarthost.url=maildir:outgoing"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A configuration as `init` writes it."""
    return house(tmp_path / "gate")


def test_sellers_are_taken_in_listed_and_shown(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Good rows are taken, bad ones are listed, and the exit code says that there were some."""
    file = tmp_path / "new.csv"
    file.write_text(HEAD + "acme,Acme,help@acme.test,inc\nnova,Nova,nobody,inc\n")
    monkeypatch.setattr(sys, "argv", ["mailgate", "seller", "import", str(file), "--config", str(shop)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 65
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "1 sellers are new, 0 changed, 0 are as they were"
    assert err == f'{file}:3: support: expected an e-mail address such as support@shop.example; got "nobody"\n'
    listed = ask(shop, "seller", "list")
    assert [(row["seller"], row["stands"]) for row in listed] == [
        ("acme", f"{shop}/sellers.csv:2"),
        ("example-seller", f"{shop}/sellers/example-seller.toml"),
    ]
    assert ask(shop, "seller", "show", "acme")[0]["support"] == "help@acme.test"
    assert "support          help@acme.test" in does("seller", "show", "acme", "--config", str(shop))
    assert "example-seller" in does("seller", "list", "--config", str(shop))
    monkeypatch.setattr(sys, "argv", ["mailgate", "seller", "show", "acne", "--config", str(shop)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 64
    assert 'did you mean "acme"?' in capsys.readouterr().err


def test_sighup_takes_the_table_in_and_mail_finds_its_seller(shop: Path, nursery: Nursery) -> None:
    running: Running = nursery.start(shop, FILES).wait_ready()
    (shop / "sellers.csv").write_text(HEAD + "nova,Nova,support@nova.test,inc\n")
    os.kill(running.pid, signal.SIGHUP)
    until(lambda: running.lines("config.reloaded"))
    told = running.lines("config.reloaded")[0]
    assert (told["sellers"], told["needs_restart"]) == (2, [])
    assert told["ms"] >= 0
    assert running.sends(mail(HELPDESK, "support@nova.test", "nova", "Order 12"))
    until(lambda: len(ask(shop, "ticket", "list")) == 1 and quiet(shop))
    assert ask(shop, "ticket", "list")[0]["seller"] == "nova"
    assert running.kill(signal.SIGTERM) == 0


@pytest.fixture
def daemon(shop: Path) -> Any:
    """A daemon that no loop runs in."""
    made = Daemon(config.load(shop), partial(config.load, shop))
    yield made
    made.store.close()


async def reloaded(daemon: Daemon) -> dict[str, Any]:
    """What the log says of a reload."""
    with events.captured() as told:
        await daemon.reload()
    (line,) = [line for line in told if line["event"].startswith("config.")]
    return line


async def test_faulty_table_is_refused_and_the_old_directory_stays(shop: Path, daemon: Daemon) -> None:
    """One line names how many problems there are, and the first of them."""
    old = daemon.gateway.house
    (shop / "sellers.csv").write_text(HEAD + "".join(f"s{n},S,nobody,inc\n" for n in range(50)))
    line = await reloaded(daemon)
    assert (line["event"], line["count"], len(line["problems"])) == ("config.refused", 50, PROBLEMS)
    assert "sellers.csv:2: support" in line["problems"][0]
    assert all(path.house is old for path in (daemon.gateway, daemon.timekeeper, daemon.courier, daemon.orders))


async def test_good_table_is_in_force_everywhere_at_once(shop: Path, daemon: Daemon) -> None:
    (shop / "sellers.csv").write_text(HEAD + "acme,Acme,help@acme.test,inc\n")
    line = await reloaded(daemon)
    assert (line["event"], line["sellers"]) == ("config.reloaded", 2)
    new = daemon.gateway.house
    assert new.seller("acme") is not None
    assert all(path.house is new for path in (daemon.timekeeper, daemon.courier, daemon.orders))


async def test_reload_winds_only_the_clocks_of_changed_sellers_a_few_at_a_time(
    shop: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store takes mail between two parts; sellers who are as they were are not asked about."""
    rows = "".join(f"s{n},S,help@s{n}.test,inc\n" for n in range(SOME + 10))
    (shop / "sellers.csv").write_text(HEAD + rows)
    parts: list[int] = []
    run = Store.run

    async def counted(store: Store, work: Any) -> Any:
        parts.append(len(work.keywords["house"].roster.sellers))
        return await run(store, work)

    monkeypatch.setattr(Store, "run", counted)
    await reloaded(daemon)
    assert parts == [SOME, 10]
    (shop / "sellers.csv").write_text(HEAD + rows.replace("help@s7.test", "team@s7.test"))
    await reloaded(daemon)
    assert parts == [SOME, 10, 1]


async def test_loop_turns_while_the_directory_is_read(shop: Path, daemon: Daemon) -> None:
    """The configuration is read in a thread: the loop goes on until the thread is told to."""
    loop = asyncio.get_running_loop()
    turned = asyncio.Event()
    read = daemon.reread

    def waits() -> Any:
        asyncio.run_coroutine_threadsafe(turned.wait(), loop).result(timeout=20)
        return read()

    daemon.reread = waits
    reading = asyncio.create_task(reloaded(daemon))
    second = asyncio.create_task(daemon.reload())
    turned.set()
    assert (await reading)["event"] == "config.reloaded"
    await second
