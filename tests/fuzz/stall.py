"""Hostile mail by the front door: how long one callback of the loop works, in its own processor time, on the busiest machine."""

from __future__ import annotations

import asyncio
import smtplib
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dialogs import Heard
from scratch import scratch

from mailgate.gateway import Gateway
from mailgate.mail.message import Envelope
from mailgate.store import spool
from mailgate.store.engine import Store
from mailgate.wire import clock
from mailgate.wire.smtp_in import Doors, Limits, Outcome


@contextmanager
def watched() -> Iterator[list[tuple[float, str]]]:
    """Every callback that takes over a millisecond, as (seconds, what it was)."""
    run = asyncio.events.Handle._run
    found: list[tuple[float, str]] = []

    def timed(handle: asyncio.events.Handle) -> None:
        what, began = repr(handle), time.thread_time()
        run(handle)
        if (took := time.thread_time() - began) > 0.001:
            found.append((took, what))

    asyncio.events.Handle._run = timed  # type: ignore[method-assign]
    try:
        yield found
    finally:
        asyncio.events.Handle._run = run  # type: ignore[method-assign]


def settled(mails: Iterable[bytes], folder: Path) -> tuple[Counter[str], tuple[float, str]]:
    """(the codes of the replies to these mails and the states that they ended in, the longest callback).

    What the door refuses is taken all the same, as by a mailbox. The client is a thread of its own.
    """
    house, _ = scratch()
    store = Store.open("sqlite:///mailgate.db", folder)
    try:
        with watched() as callbacks:
            found = asyncio.run(_settled(list(mails), Gateway(store, house)))
    finally:
        store.close()
    return found, max(callbacks, default=(0.0, "none"))


async def _settled(mails: Sequence[bytes], gateway: Gateway) -> Counter[str]:
    async def accept(envelope: Envelope, raw: bytes) -> Outcome:
        await gateway.accept(envelope, raw)
        return Outcome(250, "2.0.0 taken")

    doors = Doors(accept, gateway.knows, Limits(), "mx.shop.example", Heard())
    [where] = await doors.open(["127.0.0.1:0"], "smtp", relays=["127.0.0.1"])
    work = asyncio.create_task(gateway.work())
    codes = await asyncio.to_thread(_sent, where, mails)
    for raw, code in zip(mails, codes, strict=True):
        if code != 250:
            await gateway.accept(Envelope("ann@client.example", ("desk@shop.example",), clock.now()), raw)
    while await gateway.store.run(spool.oldest_waiting) is not None:
        gateway.settled.clear()
        waiting = asyncio.create_task(gateway.settled.wait())
        await asyncio.wait([waiting, work], timeout=5, return_when=asyncio.FIRST_COMPLETED)
        assert not work.done()
    rows = await gateway.store.run(spool.listed)
    work.cancel()
    await asyncio.wait([work])
    await doors.drain(1)
    return Counter(map(str, codes)) + Counter(row["state"] for row in rows)


def _sent(where: str, mails: Sequence[bytes]) -> list[int]:
    """The codes of the replies to their dots."""
    codes = []
    with smtplib.SMTP(*where.split(":"), timeout=60) as client:
        for raw in mails:
            client.ehlo_or_helo_if_needed()
            client.mail("ann@client.example")
            client.rcpt("desk@shop.example")
            client.putcmd("data")
            client.getreply()
            client.send((b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] + b"\r\n.\r\n")
            codes.append(client.getreply()[0])
    return codes
