"""From the dot to the ticket: how many mails a second become tickets, beside a stock aiosmtpd that throws mail away.

    python bench/tickets.py [--mails 1000] [--rounds 5]

Each round starts a fresh daemon on an empty store, sends it MAILS mails of 3 KB over 20 connections (half of them open a ticket,
half answer one), waits until every mail is settled, and sends the same mails to the stock server. The table holds medians: mail
accepted a second (the last 250), mail settled into tickets a second, and their ratios to the stock server's rate.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CONNECTIONS = 20
FILLER = (b"y" * 70 + b"\r\n") * 38
SINK = """
import asyncio
from aiosmtpd.smtp import SMTP
class Sink:
    async def handle_DATA(self, server, session, envelope):
        return "250 OK"
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Sink(), loop=loop, hostname="sink"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def mail(number: int) -> bytes:
    """The number-th mail: an even one opens a ticket, an odd one answers the one before."""
    head = f"From: Customer {number // 2} <c{number // 2}@mail.example>\r\nTo: support@shop.test\r\n"
    head += f"Subject: Order {number // 2}\r\nMessage-ID: <{number}@bench.example>\r\nDate: Mon, 1 Jun 2026 10:00:00 +0000\r\n"
    if number % 2:
        head += f"In-Reply-To: <{number - 1}@bench.example>\r\nReferences: <{number - 1}@bench.example>\r\n"
    return head.encode() + b"\r\n" + FILLER + b".\r\n"


async def session(port: int, numbers: list[int]) -> None:
    """One connection that sends its mails one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def answer(wanted: bytes) -> None:
        while True:
            line = await reader.readline()
            if line[3:4] != b"-":
                break
        if not line.startswith(wanted):
            raise RuntimeError(f"expected {wanted!r}, got {line!r}")

    await answer(b"220")
    writer.write(b"EHLO bench.example\r\n")
    await answer(b"250")
    for number in numbers:
        for command, wanted in (
            (b"MAIL FROM:<c@mail.example>\r\n", b"250"),
            (b"RCPT TO:<support@shop.test>\r\n", b"250"),
            (b"DATA\r\n", b"354"),
        ):
            writer.write(command)
            await answer(wanted)
        writer.write(mail(number))
        await answer(b"250")
    writer.write(b"QUIT\r\n")
    await answer(b"221")
    writer.close()


async def send(port: int, mails: int) -> float:
    """Seconds until the last 250. Both mails of a ticket go over one connection, in order."""
    pairs = [[n, n + 1] for n in range(0, mails, 2)]
    shares = [[n for pair in pairs[i::CONNECTIONS] for n in pair] for i in range(CONNECTIONS)]
    started = time.perf_counter()
    await asyncio.gather(*(session(port, share) for share in shares if share))
    return time.perf_counter() - started


def stock(mails: int) -> float:
    """Mails a second that a stock aiosmtpd throws away."""
    server = subprocess.Popen([sys.executable, "-c", SINK], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        return mails / asyncio.run(send(int(server.stdout.readline()), mails))
    finally:
        server.kill()
        server.wait()


def gateway(mails: int) -> tuple[float, float]:
    """(mails accepted a second, mails settled a second) of a fresh daemon on an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        run = [sys.executable, "-m", "mailgate"]
        subprocess.run([*run, "init", folder], check=True, capture_output=True)
        sets = ["--set", "smtp.listen=['127.0.0.1:0']", "--set", "http.listen=127.0.0.1:0"]
        log = Path(folder) / "log"
        with log.open("w") as told:
            daemon = subprocess.Popen([*run, "serve", "--config", folder, *sets], stderr=told)
        try:
            port = _port(log)
            started = time.perf_counter()
            accepted = asyncio.run(send(port, mails))
            _until(lambda: log.read_text().count('"message.settled"') >= mails)
            settled = time.perf_counter() - started
        finally:
            daemon.terminate()
            daemon.wait()
        return mails / accepted, mails / settled


def _until(done: Callable[[], bool]) -> None:
    """Wait until `done`, two minutes at the most."""
    end = time.perf_counter() + 120
    while not done():
        if time.perf_counter() > end:
            raise RuntimeError("the daemon did not get there in two minutes")
        time.sleep(0.02)


def _port(log: Path) -> int:
    _until(lambda: '"daemon.ready"' in log.read_text())
    ready = next(line for line in log.read_text().splitlines() if '"daemon.ready"' in line)
    return int(json.loads(ready)["smtp"][0].rpartition(":")[2])


def main() -> None:
    """Run the rounds, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rounds = []
    for number in range(args.rounds):
        sink = stock(args.mails)
        accepted, settled = gateway(args.mails)
        rounds.append((sink, accepted, settled))
        print(f"round {number + 1}: stock {sink:.0f}/s, accepted {accepted:.0f}/s, settled {settled:.0f}/s", file=sys.stderr)
    sink, accepted, settled = (statistics.median(one[i] for one in rounds) for i in range(3))
    ratios = [statistics.median(one[i] / one[0] for one in rounds) for i in (1, 2)]
    print(f"stock aiosmtpd, discarding   {sink:7.0f} mails/s   1.00")
    print(f"mailgate, accepted (durable) {accepted:7.0f} mails/s   {ratios[0]:.2f}")
    print(f"mailgate, settled to tickets {settled:7.0f} mails/s   {ratios[1]:.2f}")


if __name__ == "__main__":
    main()
