"""mailgate as the target of an address behind a real Postfix: LMTP by TCP and by unix socket, a reply for each recipient."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nursery import Nursery
from postfix import Postfix
from running import DESK, HELPDESK, SELLER, Running, house, mail, quiet, rows, until

pytestmark = pytest.mark.real

ASK = mail(HELPDESK, SELLER, "ask", "Order 4711", text="Please send the tracking link.")


@pytest.fixture
def behind(tmp_path: Path, nursery: Nursery) -> Iterator[Running]:
    """A mailgate with both LMTP doors; the socket lies where the group of Postfix may enter, as docs/postfix.md has it."""
    door = Path("/tmp") / f"mailgate-{os.getpid()}-{tmp_path.name[-8:]}"
    door.mkdir(mode=0o750)
    shutil.chown(door, group="postfix")
    door.chmod(0o2750)
    words = [f'lmtp.listen=["127.0.0.1:0", "unix:{door}/lmtp"]', 'trust.relays=["127.0.0.1"]', "smarthost.url=maildir:outgoing"]
    yield nursery.start(house(tmp_path), *words).wait_ready()
    shutil.rmtree(door)


def towards(postfix: Callable[..., Postfix], hop: str) -> Postfix:
    """A Postfix whose transport map sends the desk's domain to `hop`."""
    return postfix(lambda made: {"transport_maps": made.table("transport", {"shop.test": f"lmtp:{hop}"})})


def arrived(running: Running, count: int) -> None:
    """Wait until so many mails are settled."""
    until(lambda: rows(running.directory, "SELECT count(*) FROM spool")[0][0] == count and quiet(running.directory))


@pytest.mark.parametrize("door", [0, 1], ids=["inet", "unix"])
def test_each_recipient_gets_a_reply_of_its_own(postfix: Callable[..., Postfix], behind: Running, door: int) -> None:
    """One transaction, two desks' addresses and an unknown one: the first two are delivered, the third is refused (RFC 2033)."""
    where = behind.ready["lmtp"][door]
    mx = towards(postfix, where if where.startswith("unix:") else f"inet:{where}")
    mx.sends(ASK, HELPDESK, [DESK, "support+tag@shop.test", "nobody@shop.test"])
    arrived(behind, 1)
    until(lambda: "status=bounced" in mx.log)
    said = dict(re.findall(r"to=<([^>]*)>.* status=(\w+)", mx.log))
    assert {said[DESK], said["support+tag@shop.test"], said["nobody@shop.test"]} == {"sent", "bounced"}
    assert said["nobody@shop.test"] == "bounced"
    assert "550 5.7.1 not an address of ours" in mx.log


@pytest.mark.slow
def test_burst_with_unknown_recipients_is_not_throttled(postfix: Callable[..., Postfix], behind: Running) -> None:
    """A relay speaks for many: 30 refused recipients among 1,000 mails make it wait for nothing."""
    mx = towards(postfix, f"inet:{behind.ready['lmtp'][0]}")
    source = ["smtp-source", "-s", "4", "-l", "400", "-f", HELPDESK]
    for count, to in ((485, DESK), (30, "nobody@shop.test"), (485, "support+x@shop.test")):
        done = subprocess.run([*source, "-m", str(count), "-t", to, f"127.0.0.1:{mx.port}"], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    until(lambda: rows(behind.directory, "SELECT count(*) FROM spool")[0][0] >= 970, 90)
    mx.drained()
    assert "status=deferred" not in mx.log
    assert len(re.findall(r"to=<nobody@shop.test>.* status=bounced", mx.log)) == 30
