"""What a probe and Prometheus hear."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry, Counter

from mailgate.wire.http import Board

from .conftest import connect


@asynccontextmanager
async def board(reason: str = "", remark: str = "", hanging: str = "") -> AsyncIterator[str]:
    registry = CollectorRegistry()
    Counter("mailgate_messages_received", "mails", ["source"], registry=registry).labels("smtp").inc(3)

    async def remarks() -> str:
        return remark

    opened = Board(lambda: hanging, lambda: reason, remarks, registry)
    yield await opened.open("127.0.0.1:0")
    await opened.close()


async def asks(address: str, request: bytes) -> tuple[str, str]:
    """Status and body of one exchange."""
    talk = await connect(address)
    talk.writes(request)
    answer = (await talk.reader.read()).decode()
    await talk.hangs_up()
    head, _, body = answer.partition("\r\n\r\n")
    return head.partition(" ")[2][:3], body


async def test_a_probe_hears_whether_we_live_and_are_ready():
    """200 ok, 200 ready."""
    async with board() as address:
        assert await asks(address, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") == ("200", "ok\n")
        assert await asks(address, b"GET /readyz?verbose HTTP/1.0\r\n\r\n") == ("200", "ready\n")
        assert await asks(address, b"HEAD /readyz HTTP/1.1\r\n\r\n") == ("200", "")


async def test_who_is_ready_says_what_else_to_know():
    """Still 200: a hold is no reason to take us out of service."""
    async with board(remark="on hold: desk:support") as address:
        assert await asks(address, b"GET /readyz HTTP/1.1\r\n\r\n") == ("200", "ready; on hold: desk:support\n")


async def test_who_is_not_ready_says_why():
    """503 with the reason in plain words."""
    async with board("the store is not open") as address:
        assert await asks(address, b"GET /readyz HTTP/1.1\r\n\r\n") == ("503", "the store is not open\n")
        assert (await asks(address, b"GET /healthz HTTP/1.1\r\n\r\n"))[0] == "200"


async def test_a_loop_that_hangs_makes_us_unwell():
    """503 with its name: a service manager without a watchdog asks here."""
    async with board(hanging="gateway") as address:
        assert await asks(address, b"GET /healthz HTTP/1.1\r\n\r\n") == ("503", "gateway hangs\n")


async def test_prometheus_reads_the_counters():
    """The text format of our registry."""
    async with board() as address:
        status, body = await asks(address, b"GET /metrics HTTP/1.1\r\n\r\n")
    assert status == "200"
    assert 'mailgate_messages_received_total{source="smtp"} 3.0' in body


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "404"),
        (b"GET /../etc/passwd HTTP/1.1\r\n\r\n", "404"),
        (b"POST /readyz HTTP/1.1\r\n\r\n", "405"),
        (b"EHLO client.test\r\n\r\n", "400"),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", "431"),
    ],
)
async def test_anything_else_is_refused(request_: bytes, status: str):
    """Small, and for one purpose."""
    async with board() as address:
        assert (await asks(address, request_))[0] == status


async def test_a_request_cut_short_ends_in_silence():
    """No answer to half a question, and the next one is served."""
    async with board() as address:
        talk = await connect(address)
        talk.writes(b"GET /hea")
        talk.writer.write_eof()
        assert await talk.hears() == ""
        await talk.hangs_up()
        assert (await asks(address, b"GET /healthz HTTP/1.1\r\n\r\n"))[0] == "200"


async def test_a_fault_of_ours_is_500():
    """A broken callback does not leave the probe waiting."""

    async def broken() -> str:
        raise RuntimeError("secret")

    opened = Board(str, str, broken, CollectorRegistry())
    address = await opened.open("127.0.0.1:0")
    assert await asks(address, b"GET /readyz HTTP/1.1\r\n\r\n") == ("500", "a fault of ours\n")
    await opened.close()
