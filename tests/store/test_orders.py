"""Orders in the store: laid over each other, found by number and by customer, files taken once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from mailgate.desk.order import Order
from mailgate.store import orders
from mailgate.store.engine import Store
from mailgate.store.orders import Bad, Import

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
BOOK = Order("4711", "acme", "inc", "buyer@mail.test", "Book", NOON, None, True, "24.90", "EUR", extra={"sku": "9"})


def put(store: Store, *new: Order, desk: str = "support") -> None:
    store.call(partial(orders.put, desk=desk, new=new, now=NOON))


def test_order_comes_back_as_it_was_told(store: Store) -> None:
    put(store, BOOK, Order("4712"))
    assert store.read(partial(orders.get, desk="support", number="4711")) == BOOK
    assert store.read(partial(orders.get, desk="other", number="4711")) is None
    found = store.read(partial(orders.find, desk="support", numbers=["4711", "4712", "4713", "4711"]))
    assert found == {"4711": BOOK, "4712": Order("4712")}


def test_later_row_is_laid_over_the_earlier_one(store: Store) -> None:
    """Also within one batch; what it leaves open stays."""
    put(store, BOOK)
    put(store, Order("4711", shipping_number="1Z9"), Order("4711", subscription=False, extra={"colour": "red"}))
    wanted = replace(BOOK, shipping_number="1Z9", subscription=False, extra={"sku": "9", "colour": "red"})
    assert store.read(partial(orders.get, desk="support", number="4711")) == wanted


def test_customer_has_his_last_orders_first(store: Store) -> None:
    days = [replace(BOOK, number=f"{n}", sold_at=NOON + timedelta(days=n)) for n in range(3)]
    put(store, *days, replace(BOOK, number="9", sold_at=None), replace(BOOK, number="8", customer="other@mail.test"))
    put(store, replace(BOOK, number="7"), desk="other")
    mine = store.read(partial(orders.of_customer, desk="support", address="Buyer@MAIL.test", limit=10))
    assert [one.number for one in mine] == ["2", "1", "0", "9"]
    assert len(store.read(partial(orders.of_customer, desk="support", address="buyer@mail.test", limit=2))) == 2


def test_list_goes_on_where_the_last_page_ended(store: Store) -> None:
    put(store, *(replace(BOOK, number=f"{n:04}", seller="acme" if n % 2 else "nova") for n in range(7)))
    put(store, BOOK, desk="a desk")
    pages, after = [], ("", "")
    while page := store.read(partial(orders.listed, after=after, limit=3)):
        pages.append([(desk, one.number) for desk, one in page])
        after = pages[-1][-1]
    assert [len(page) for page in pages] == [3, 3, 2]
    assert pages[0][:2] == [("a desk", "4711"), ("support", "0000")]
    assert len(store.read(partial(orders.listed, seller="nova"))) == 4


def test_batch_and_its_place_in_the_file_are_kept_together(store: Store) -> None:
    """A failure between the two leaves neither."""
    before = Import("digest", "orders.csv", 500, 499, 1, (Bad(7, "amount", "an amount", '"x"'),))
    done = store.call(partial(orders.take, desk="support", so_far=before, batch=[BOOK], now=NOON))
    assert done == replace(before, started_at=NOON)
    assert store.read(partial(orders.imported, digest="digest")) == done
    with pytest.raises(AttributeError):
        store.call(partial(orders.take, desk="support", so_far=replace(before, lines=900), batch=[Order("1"), None], now=NOON))
    assert store.read(partial(orders.imported, digest="digest")) == done
    assert store.read(partial(orders.get, desk="support", number="1")) is None


def test_batch_that_another_reader_took_already_changes_nothing(store: Store) -> None:
    further = Import("digest", "orders.csv", 1000, 1000)
    store.call(partial(orders.take, desk="support", so_far=further, batch=[BOOK], now=NOON))
    late = partial(
        orders.take, desk="support", so_far=replace(further, lines=500), batch=[replace(BOOK, product="Old")], now=NOON
    )
    assert store.call(late).lines == 1000
    assert store.read(partial(orders.get, desk="support", number="4711")) == BOOK
    ended = replace(further, lines=1200, finished_at=NOON)
    store.call(partial(orders.take, desk="support", so_far=ended, batch=[], now=NOON))
    assert store.call(partial(orders.take, desk="support", so_far=replace(ended, lines=1300), batch=[], now=NOON)).lines == 1200


def test_file_that_is_forgotten_is_read_from_its_start(store: Store) -> None:
    store.call(partial(orders.take, desk="support", so_far=Import("digest", "orders.csv", 5), batch=[], now=NOON))
    store.call(partial(orders.forget, digest="digest"))
    assert store.read(partial(orders.imported, digest="digest")) is None
