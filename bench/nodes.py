"""Several nodes on one PostgreSQL: how many mails a second, and what holds while nodes are killed and stopped?

    python bench/nodes.py [--nodes 3] [--seconds 20] [--senders 8] [--trouble SECONDS] [--stops N] [--seed N]

First the senders send for `seconds`: what was accepted, and how long the one node with the turn needs to settle the rest. Then,
with --trouble, nodes are killed (SIGKILL) and put to sleep (SIGSTOP) at random for so long under load; with --stops, PostgreSQL
is stopped at once (a crash) so often, and started again. At the end what the senders know is compared with the database: each
mail once, each step once, each notice sent at least once with one Message-ID.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import postgres  # noqa: E402
from cluster import Cluster, Senders, faults  # noqa: E402
from nursery import Nursery, Sink, started  # noqa: E402
from running import house, until  # noqa: E402


def load(cluster: Cluster, said: argparse.Namespace) -> Senders:
    """Send, and print what was accepted and settled."""
    senders, begun = Senders(cluster), time.monotonic()
    senders.start(said.senders)
    time.sleep(said.seconds)
    senders.stopping = True
    senders.join()
    sent = time.monotonic() - begun
    until(cluster.quiet, 600)
    took, count = time.monotonic() - begun, len(senders.accepted)
    print(
        f"{len(cluster.nodes)} nodes, {said.senders} senders: {count} accepted in {sent:.1f} s = {count / sent:.0f}/s,", end=" "
    )
    print(f"settled and sent after {took:.1f} s = {count / took:.0f}/s")
    return senders


def trouble(cluster: Cluster, said: argparse.Namespace) -> Senders:
    """Send while nodes die and sleep, and print how often."""
    dice, seen = random.Random(said.seed), {"killed": 0, "stopped": 0}
    senders, end = Senders(cluster, "b"), time.monotonic() + said.trouble
    senders.start(said.senders, pause=0.02)
    while time.monotonic() < end:
        seen[cluster.trouble(dice)] += 1
        time.sleep(dice.uniform(0, 1))
    senders.stopping = True
    senders.join()
    until(cluster.quiet, 600)
    print(f"{seen['killed']} killed, {seen['stopped']} stopped, {len(senders.accepted)} accepted, {senders.broken} lines broken")
    return senders


def stops(cluster: Cluster, server: postgres.Server, said: argparse.Namespace) -> Senders:
    """Send while the database crashes, and print how soon mail is taken again."""
    dice, senders, back = random.Random(said.seed), Senders(cluster, "c"), list[float]()
    senders.start(said.senders, pause=0.1)
    for _ in range(said.stops):
        taken, refused = len(senders.accepted), senders.answers[451]
        until(lambda n=taken: len(senders.accepted) > n, 60, "a mail")
        time.sleep(dice.uniform(0, 0.5))
        server.stop("immediate")
        until(lambda n=refused: senders.answers[451] > n, 60, "a 451")
        server.start()
        taken, begun = len(senders.accepted), time.monotonic()
        until(lambda n=taken: len(senders.accepted) > n, 60, "a mail")
        back.append(time.monotonic() - begun)
    senders.stopping = True
    senders.join()
    cluster.reconnect()
    until(cluster.quiet, 600)
    print(
        f"{said.stops} stops, {len(senders.accepted)} accepted, answers {dict(senders.answers)}, {senders.broken} broken",
        end=", ",
    )
    print(f"taken again after {sum(back) / len(back):.2f} s, {max(back):.2f} s at worst")
    return senders


def main() -> None:
    """Run as the docstring says; exit status 1 if anything was lost or doubled."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--nodes", type=int, default=3)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--senders", type=int, default=8)
    options.add_argument("--trouble", type=float, default=0)
    options.add_argument("--stops", type=int, default=0)
    options.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    said = options.parse_args()
    print(f"seed {said.seed}")
    nursery, sink = Nursery(), Sink()
    with tempfile.TemporaryDirectory() as folder, postgres.server() as server, started(sink) as word:
        cluster = Cluster(nursery, house(Path(folder)), server.database(), (word,))
        cluster.start(said.nodes)
        senders = load(cluster, said)
        if said.trouble:
            senders.accepted += trouble(cluster, said).accepted
        if said.stops:
            more = stops(cluster, server, said)
            senders.accepted += more.accepted
            senders.answers += more.answers
        found = faults(cluster, senders, sink)
        status = cluster.end()
    nursery.close()
    print("\n".join(found) or "nothing lost, nothing doubled")
    sys.exit(1 if found or any(status) else 0)


if __name__ == "__main__":
    main()
