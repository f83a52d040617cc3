"""Files of orders: the verb that takes them in, and the folder that the daemon watches."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from nursery import Nursery
from running import ask, does, house, rows, until

from mailgate import cli, config, events, orders
from mailgate.assembly import house_of
from mailgate.orders import BATCH, EVERY, Folder
from mailgate.store import orders as stored
from mailgate.store.engine import Store, StoreError
from mailgate.wire import clock

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HEAD = "Number;Seller;Customer;Product;Sold At;Amount;Currency\n"
ROW = "4711;acme;Buyer@mail.test;Book;2026-01-15T08:30;24,90;EUR\n"
FILES = "smarthost.url=maildir:outgoing"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A configuration as `init` writes it."""
    return house(tmp_path / "gate")


@pytest.fixture
def verb(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, list[str]]]:
    """(exit code, what was said, what was complained of) of `mailgate order WORDS`."""

    def run(*words: str | Path) -> tuple[int, str, list[str]]:
        monkeypatch.setattr(sys, "argv", ["mailgate", "order", *map(str, words), "--config", str(shop)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err.splitlines()

    return run


def table(path: Path, count: int, start: int = 0) -> Path:
    """A file with so many orders."""
    path.write_text(HEAD + "".join(ROW.replace("4711", f"{n:05}") for n in range(start, start + count)))
    return path


def numbers(directory: Path) -> list[str]:
    return [row["number"] for row in ask(directory, "order", "list")]


def test_orders_are_taken_in_listed_and_shown(shop: Path, verb: Any, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("\ufeff" + HEAD + ROW + ROW.replace("4711", "4712").replace("acme", "nova"), "utf-8")
    assert verb("import", file, "--desk", "support") == (0, f"{file}: 2 orders taken\n", [])
    assert numbers(shop) == ["4711", "4712"]
    (row,) = ask(shop, "order", "list", "--seller", "acme")
    assert row["number"] == "4711"
    assert "4712" in does("order", "list", "--config", str(shop))
    (shown,) = ask(shop, "order", "show", "۴۷۱۱", "--desk", "support")
    assert (shown["customer"], shown["sold_at"], shown["amount"]) == ("buyer@mail.test", "2026-01-15T08:30:00Z", "24.90")
    assert "product          Book" in does("order", "show", "4711", "--config", str(shop))
    assert verb("show", "9")[0] == 64


def test_later_file_fills_in_what_the_first_left_open(shop: Path, verb: Any, tmp_path: Path) -> None:
    first, later = tmp_path / "a.csv", tmp_path / "b.jsonl"
    first.write_text(HEAD + ROW)
    later.write_text('{"number": 4711, "shipping_number": "1Z9", "amount": "", "colour": "red", "subscription": false}\n')
    verb("import", first, later)
    (shown,) = ask(shop, "order", "show", "4711")
    assert (shown["amount"], shown["shipping_number"], shown["subscription"]) == ("24.90", "1Z9", False)
    assert shown["extra"] == {"colour": "red"}


def test_bad_rows_are_listed_by_line_and_the_others_are_taken(shop: Path, verb: Any, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(HEAD + ";acme\n" + ROW + ROW.replace("24,90", "free").replace("Buyer@mail.test", "nobody") + '5;"open\n')
    code, out, complaints = verb("import", file)
    assert (code, out) == (65, f"{file}: 1 orders taken, 3 rows could not be taken\n")
    assert complaints == [
        f"{file}:2: number: expected the order's number; got nothing",
        f'{file}:4: customer: expected an e-mail address; got "nobody"',
        f'{file}:4: amount: expected an amount such as 24.90; got "free"',
        f'{file}:5: expected a row of CSV; got "a quote that nothing closes"',
    ]
    assert numbers(shop) == ["4711"]


def test_file_without_a_number_column_is_refused(verb: Any, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("order,amount\n1,2\n")
    code, _, complaints = verb("import", file)
    assert (code, complaints) == (65, [f"{file}:1: number: expected a column of this name; got order, amount"])


def test_file_that_was_taken_in_is_not_taken_twice(shop: Path, verb: Any, tmp_path: Path) -> None:
    """Unless somebody asks for it; for another desk it is another file."""
    file = table(tmp_path / "orders.csv", 3)
    verb("import", file)
    code, out, _ = verb("import", file)
    assert code == 0
    assert "was taken in on" in out
    assert verb("import", file, "--again")[1] == f"{file}: 3 orders taken\n"
    assert verb("import", file, "--desk", "sales")[0] == 64
    desks = (shop / "desks.toml").read_text("utf-8")
    (shop / "desks.toml").write_text(desks + '\n[desk.sales]\naddress = "sales@shop.test"\npack = "digistore24"\n', "utf-8")
    assert verb("import", file)[0] == 64, "with two desks, one has to be named"
    assert verb("import", file, "--desk", "sales")[1] == f"{file}: 3 orders taken\n"


def test_file_that_was_broken_off_goes_on_where_it_stopped(
    shop: Path, verb: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third batch fails: two stay, and the next run reads only the rest."""
    file = table(tmp_path / "orders.csv", 3 * BATCH)
    taken: list[int] = []
    take = stored.take

    def fails(connection: Any, desk: str, so_far: Any, batch: Any, now: datetime) -> Any:
        if len(taken) == 2:
            raise StoreError("the disk is full")
        taken.append(len(batch))
        return take(connection, desk, so_far, batch, now)

    monkeypatch.setattr(stored, "take", fails)
    assert verb("import", file)[0] == 69
    assert len(numbers(shop)) == 2 * BATCH
    monkeypatch.setattr(stored, "take", lambda *args, **more: taken.append(len(more["batch"])) or take(*args, **more))
    code, out, complaints = verb("import", file)
    assert (code, out) == (0, f"{file}: {3 * BATCH} orders taken\n")
    assert complaints == [f"{file}: goes on after line {2 * BATCH + 1}"]
    assert taken == [BATCH, BATCH, BATCH, 0]
    assert len(numbers(shop)) == 3 * BATCH


def test_orders_come_from_standard_input_too(shop: Path, verb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.TextIOWrapper(io.BytesIO((HEAD + ROW).encode("cp1252")))
    monkeypatch.setattr(sys, "stdin", text)
    assert verb("import", "-")[:2] == (0, "-: 1 orders taken\n")
    assert numbers(shop) == ["4711"]


class Dropping:
    """A folder of orders whose time the test moves."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = config.load(directory, ["orders.folder=drop"])
        assert settings.orders.folder is not None
        self.store = Store.open(settings.store.url, settings.directory)
        self.folder = Folder(self.store, house_of(settings), settings.orders.folder)
        self.place = settings.orders.folder / "support"
        self.done = self.place / "done"
        self.now = NOON
        monkeypatch.setattr(clock, "now", lambda: self.now)

    def drop(self, name: str, text: str, age: float = 0) -> Path:
        """Write a file, as if so many seconds ago."""
        self.place.mkdir(parents=True, exist_ok=True)
        path = self.place / name
        path.write_text(text)
        at = self.now.timestamp() - age
        os.utime(path, (at, at))
        return path

    async def look(self) -> list[dict[str, Any]]:
        """What a look took in, EVERY seconds after the last."""
        with events.captured() as told:
            await self.folder.look()
        self.now += timedelta(seconds=EVERY)
        return [line for line in told if line["event"].startswith("orders.")]

    def numbers(self) -> list[str]:
        return [one.number for _, one in self.store.read(stored.listed)]


@pytest.fixture
def dropping(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The folder, and the store behind it."""
    made = Dropping(shop, monkeypatch)
    yield made
    made.store.close()


async def test_folder_is_made_for_every_desk(dropping: Dropping) -> None:
    """An admin sees where to put his files."""
    assert await dropping.look() == []
    assert dropping.done.is_dir()


async def test_file_is_taken_once_nobody_writes_to_it(dropping: Dropping) -> None:
    dropping.drop("a.csv", HEAD + ROW)
    assert await dropping.look() == [], "it may be growing"
    dropping.drop("a.csv", HEAD + ROW + ROW.replace("4711", "4712"))
    assert await dropping.look() == [], "it grew"
    (line,) = await dropping.look()
    assert {name: line[name] for name in ("desk", "file", "rows", "bad")} == {
        "desk": "support", "file": "a.csv", "rows": 2, "bad": 0
    }  # fmt: skip
    assert dropping.numbers() == ["4711", "4712"]
    assert [path.name for path in dropping.done.iterdir()] == ["a.csv"]
    assert await dropping.look() == []


async def test_file_that_lay_there_before_the_start_is_taken_at_once(dropping: Dropping) -> None:
    dropping.drop("old.jsonl", '{"number": "1"}\n', age=60)
    assert len(await dropping.look()) == 1


@pytest.mark.parametrize("name", ["a.csv.part", "a.csv.tmp", ".a.csv", "notes.txt"])
async def test_file_under_another_name_is_left_until_it_is_renamed_into_place(dropping: Dropping, name: str) -> None:
    path = dropping.drop(name, HEAD + ROW)
    for _ in range(3):
        assert await dropping.look() == []
    path.rename(dropping.place / "a.csv")
    assert [line["file"] for line in await dropping.look()] == ["a.csv"]


async def test_older_file_is_taken_first(dropping: Dropping) -> None:
    """What came later is laid over what came before."""
    dropping.drop("a.csv", "number,product\n1,new\n", age=60)
    dropping.drop("z.csv", "number,product\n1,old\n", age=600)
    assert [line["file"] for line in await dropping.look()] == ["z.csv", "a.csv"]
    order = dropping.store.read(partial(stored.get, desk="support", number="1"))
    assert order is not None
    assert order.product == "new"


async def test_bad_rows_are_listed_beside_the_file(dropping: Dropping) -> None:
    dropping.drop("a.csv", HEAD + ROW + ROW.replace("EUR", "€"), age=60)
    (line,) = await dropping.look()
    assert (line["rows"], line["bad"]) == (1, 1)
    listed = (dropping.done / "a.csv.bad.csv").read_text("utf-8").splitlines()
    assert listed == ["line,column,expected,got", '3,currency,a currency such as EUR (ISO 4217),"""€"""']


async def test_file_without_a_header_is_put_away_with_the_reason(dropping: Dropping) -> None:
    dropping.drop("a.csv", "1,2\n", age=60)
    (line,) = await dropping.look()
    assert (line["rows"], line["bad"]) == (0, 1)
    assert "1,number,a column of this name" in (dropping.done / "a.csv.bad.csv").read_text("utf-8")


async def test_same_name_and_same_content_come_again(dropping: Dropping) -> None:
    """Nothing that lies in done/ is written over, and nothing is taken twice."""
    for _ in range(2):
        dropping.drop("a.csv", HEAD + ROW, age=60)
        (line,) = await dropping.look()
    assert line["rows"] == 0
    dropping.drop("a.csv", HEAD + ROW + ROW, age=60)
    assert (await dropping.look())[0]["rows"] == 2
    assert sorted(path.name for path in dropping.done.iterdir()) == ["a-2.csv", "a-3.csv", "a.csv"]


async def test_file_that_can_not_be_read_is_told_once_and_stops_no_other(
    dropping: Dropping, monkeypatch: pytest.MonkeyPatch
) -> None:
    (dropping.place / "done").mkdir(parents=True)
    (dropping.place / "dir.csv").mkdir()
    (dropping.place / "link.csv").symlink_to("/etc/passwd")
    dropping.drop("locked.csv", HEAD, age=90)
    dropping.drop("z.csv", HEAD + ROW, age=60)
    opened = orders.Source

    def source(file: Any, name: str, desk: Any) -> Any:
        if name == "locked.csv":
            raise PermissionError(13, "Permission denied")
        return opened(file, name, desk)

    monkeypatch.setattr(orders, "Source", source)
    first, second = await dropping.look()
    assert (first["event"], first["file"]) == ("orders.refused", "locked.csv")
    assert (second["event"], second["file"]) == ("orders.imported", "z.csv")
    assert await dropping.look() == []


async def test_no_folder_is_no_work(dropping: Dropping) -> None:
    dropping.drop("a.csv", HEAD + ROW, age=60)
    dropping.folder.folder = None
    assert await dropping.look() == []
    assert dropping.numbers() == []


POINTS = [
    ("mailgate.store.orders:take", "before", 2, 1),
    ("mailgate.store.orders:take", "after", 2, 1),  # written, not committed
    ("mailgate.store.orders:put", "after", 3, 2),
    ("mailgate.orders:_put_away", "before", 1, 3),  # all taken, still in the folder
    ("mailgate.orders:_put_away", "after", 1, 3),
]


@pytest.mark.parametrize(("where", "when", "call", "whole"), POINTS)
def test_kill_in_the_middle_of_a_file_loses_no_row_and_takes_none_twice(
    shop: Path, nursery: Nursery, where: str, when: str, call: int, whole: int
) -> None:
    """The next daemon goes on where the last commit stopped, and puts the file away."""
    place = shop / "drop" / "support"
    place.mkdir(parents=True)
    file = table(place / "orders.csv", 2 * BATCH + 50)
    file.write_text(file.read_text() + ";no number\n")
    os.utime(file, (1, 1))
    words = (FILES, "orders.folder=drop")
    doomed = nursery.start(shop, *words, kill=(where, when, call))
    until(lambda: doomed.ended() is not None, 60, "the planted end")
    count = "SELECT count(*) FROM orders"
    assert rows(shop, count)[0][0] == min(whole * BATCH, 2 * BATCH + 50)
    running = nursery.start(shop, *words).wait_ready()
    until(lambda: not file.exists(), 60)
    assert rows(shop, count) == [(2 * BATCH + 50,)]
    until(lambda: (place / "done" / "orders.csv.bad.csv").exists(), 60)
    assert [path.name for path in sorted((place / "done").iterdir())] == ["orders.csv", "orders.csv.bad.csv"]
    if (when, whole) != ("after", 3):
        until(lambda: running.lines("orders.imported"), 60)
        assert running.lines("orders.imported")[0]["rows"] == 2 * BATCH + 50 - min(whole * BATCH, 2 * BATCH + 50)
    assert json.loads(rows(shop, "SELECT bad FROM order_imports")[0][0])["rows"] == 1
    assert running.kill(15) == 0
