"""A real Postfix of its own for a test: its configuration, queue and log in a temporary directory, on a free port of loopback.

    with running(main={"relayhost": "[127.0.0.1]:2525"}) as one:
        one.sends(raw, "a@client.test", ["b@else.test"])

or, in a test, the fixture `postfix`, which starts as many as the test asks for and stops them all. What the test says in
`main` (main.cf) and `master` (lines of master.cf) is laid over a configuration that delivers nowhere: no local domain, relaying
for loopback only. Postfix needs root; where it cannot run, the test is skipped with the reason, and fails with it if the
environment has MAILGATE_REAL=1.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from running import until

MAIL_USER = 65534  # who owns the mailboxes
TRIES = 3  # a free port may be taken before Postfix binds it
QUEUES = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"]

# No chroot, few processes, one log file: what master(8) needs to deliver.
MASTER = """\
{smtp} inet n - n - 20 smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def missing() -> str:
    """Why no Postfix can run here; empty if one can."""
    if os.geteuid() != 0:
        return "Postfix needs root"
    return "" if shutil.which("postfix", path=_path()) else "Postfix is not installed: apt-get install postfix"


def free_port() -> int:
    """A port of loopback that was free just now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@dataclass
class Postfix:
    """One running Postfix. `port` takes SMTP on 127.0.0.1; `root` is its directory, which everybody may enter."""

    root: Path
    port: int
    main: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """Its config_directory."""
        return self.root / "etc"

    @property
    def log(self) -> str:
        """All that it has logged."""
        path = self.root / "log" / "maillog"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def client(self, name: str = "client.test") -> smtplib.SMTP:
        """A session at its SMTP port."""
        return smtplib.SMTP("127.0.0.1", self.port, name, timeout=30)

    def sends(self, raw: bytes, sender: str, to: Sequence[str], options: Sequence[str] = ()) -> dict[str, tuple[int, bytes]]:
        """Hand it a mail; the recipients that it refused. Raises what smtplib raises when it takes none."""
        with self.client() as client:
            return client.sendmail(sender, list(to), raw, options)

    def queue(self) -> list[dict[str, Any]]:
        """What waits in its queue, as `postqueue -j` says."""
        return [json.loads(line) for line in self._tool("postqueue", "-j").splitlines()]

    def drained(self, seconds: float = 30.0) -> None:
        """Wait until nothing waits in its queue; fails with its log."""
        try:
            until(lambda: not self.queue(), seconds)
        except AssertionError:
            raise AssertionError(f"the queue of Postfix is not empty:\n{self.queue()}\n{self.log[-4000:]}") from None

    def flush(self) -> None:
        """Try all that waits once more, now."""
        self._tool("postqueue", "-f")

    def reload(self, **main: str) -> None:
        """Take changed files into force, with these parameters of main.cf changed as well."""
        self.main.update(main)
        _write_main(self)
        self._tool("postfix", "reload")

    def table(self, name: str, entries: Mapping[str, str]) -> str:
        """The map (`texthash:…`) of these entries, to be named in main.cf; `reload` puts a later change into force."""
        path = self.config / name
        _write(path, "".join(f"{key} {value}\n" for key, value in entries.items()))
        return f"texthash:{path}"

    def mails(self, address: str) -> list[Message]:
        """What lies in the Maildir of an address of `mailboxes`, oldest first."""
        return [BytesParser().parsebytes(raw) for raw in self.raw_mails(address)]

    def raw_mails(self, address: str) -> list[bytes]:
        """The same as bytes; Postfix puts Return-Path, Delivered-To and Received on top."""
        local, _, domain = address.partition("@")
        found = sorted((self.root / "mail" / domain / local / "new").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_bytes() for path in found]

    def delivered(self, address: str, count: int = 1, seconds: float = 30.0) -> list[Message]:
        """The mails of an address once there are so many; fails with the log."""
        try:
            until(lambda: len(self.raw_mails(address)) >= count, seconds)
        except AssertionError:
            raise AssertionError(f"{len(self.raw_mails(address))} of {count} mails for {address}:\n{self.log[-4000:]}") from None
        return self.mails(address)

    def _tool(self, name: str, *words: str) -> str:
        words = (name, "-c", str(self.config), *words)
        done = subprocess.run(words, capture_output=True, env={**os.environ, "PATH": _path()}, timeout=60, check=False)
        assert done.returncode == 0, (words, done.stdout.decode(), done.stderr.decode(), self.log[-2000:])
        return done.stdout.decode()


@contextlib.contextmanager
def running(
    main: Mapping[str, str] | Callable[[Postfix], Mapping[str, str]] | None = None,
    master: Sequence[str] = (),
    mailboxes: Sequence[str] = (),
    master_of: Mapping[str, str] | None = None,
) -> Iterator[Postfix]:
    """A Postfix while the block lasts.

    `main` are parameters of main.cf, or a function that gives them for the instance: it may write tables first. `master` are
    further lines of master.cf; `master_of` replaces the options of a service ("smtp": "-o …" is its own SMTP port).
    Each address of `mailboxes`, with its + forms, is delivered into a Maildir; others of its domain do not exist.
    """
    made = Postfix(Path(tempfile.mkdtemp(prefix="postfix-")), 0)
    try:
        _prepare(made, mailboxes)
        _started(made, main or {}, master, master_of or {})
        yield made
    finally:
        _stop(made)
        shutil.rmtree(made.root, ignore_errors=True)


@pytest.fixture
def postfix() -> Iterator[Callable[..., Postfix]]:
    """Starts a Postfix for each call, with the arguments of `running`; all end with the test."""
    if reason := missing():
        (pytest.fail if os.environ.get("MAILGATE_REAL") == "1" else pytest.skip)(reason)
    with contextlib.ExitStack() as stack:
        yield lambda *words, **named: stack.enter_context(running(*words, **named))


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


def _prepare(made: Postfix, mailboxes: Sequence[str]) -> None:
    """The directories with the owners that Postfix wants, and the parameters that every instance has."""
    root = made.root
    root.chmod(0o755)
    for name in ("etc", "queue", "log", "data", "mail"):
        (root / name).mkdir(mode=0o755)
    shutil.chown(root / "data", "postfix")
    _make_queues(root / "queue")
    os.chown(root / "mail", MAIL_USER, MAIL_USER)
    boxes = made.table("boxes", {one: "{1}/{0}/".format(*one.split("@")) for one in mailboxes})
    made.main = {
        "compatibility_level": "3.6",
        "queue_directory": str(root / "queue"),
        "data_directory": str(root / "data"),
        "mail_owner": "postfix",
        "setgid_group": "postdrop",
        "maillog_file": str(root / "log" / "maillog"),
        "maillog_file_prefixes": str(root / "log"),
        "myhostname": "mx.shop.test",
        "mydestination": "",
        "mynetworks": "127.0.0.0/8",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "alias_maps": "",
        "alias_database": "",
        "local_recipient_maps": "",
        "default_transport": "error:5.4.4 no way out of this test",
        "recipient_delimiter": "+",
        "smtp_dns_support_level": "disabled",
        "smtp_host_lookup": "native",
        "smtpd_peername_lookup": "no",
        "virtual_mailbox_domains": " ".join(sorted({one.partition("@")[2] for one in mailboxes})),
        "virtual_mailbox_base": str(root / "mail"),
        "virtual_mailbox_maps": boxes,
        "virtual_uid_maps": f"static:{MAIL_USER}",
        "virtual_gid_maps": f"static:{MAIL_USER}",
        "minimal_backoff_time": "1s",
        "maximal_backoff_time": "5s",
        "queue_run_delay": "1s",
        "smtputf8_enable": "yes",
    }  # fmt: skip


def _make_queues(queue: Path) -> None:
    """What `postfix start` makes and looks through, which takes it seconds: it starts at once where `quick-start` is."""
    (queue / "pid").mkdir(mode=0o755)
    for name in QUEUES:
        (queue / name).mkdir(mode=0o700)
        shutil.chown(queue / name, "postfix")
    for name, mode in (("maildrop", 0o730), ("public", 0o710)):
        (queue / name).mkdir()
        shutil.chown(queue / name, "postfix", "postdrop")
        (queue / name).chmod(mode)
    (queue / "quick-start").touch()


def _started(
    made: Postfix,
    main: Mapping[str, str] | Callable[[Postfix], Mapping[str, str]],
    master: Sequence[str],
    master_of: Mapping[str, str],
) -> None:
    for attempt in range(1, TRIES + 1):
        made.port = free_port()
        made.main.update(main(made) if callable(main) else main)
        _write_main(made)
        lines = MASTER.format(smtp=f"127.0.0.1:{made.port}").splitlines()
        named = [f"{line} {master_of.get('smtp' if line.startswith('127.') else line.split()[0], '')}".rstrip() for line in lines]
        (made.config / "master.cf").write_text("\n".join([*named, *master, ""]))
        try:
            made._tool("postfix", "start")
            return
        except AssertionError:
            if attempt == TRIES or "Address already in use" not in made.log:
                raise
            _stop(made)


def _write_main(made: Postfix) -> None:
    text = "".join(f"{name} = {value}\n" for name, value in made.main.items())
    _write(made.config / "main.cf", text)


def _write(path: Path, text: str) -> None:
    """A file as if it had been written a while ago: Postfix reads one that is younger than two seconds again and again."""
    path.write_text(text, "utf-8")
    old = path.stat().st_mtime - 10
    os.utime(path, (old, old))


def _stop(made: Postfix) -> None:
    """End master and its children, which are one process group; nobody waits for mail in hand."""
    file = made.root / "queue" / "pid" / "master.pid"
    if not file.exists():
        return
    group = int(file.read_text())
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    until(lambda: not _alive(group), 10, "the end of Postfix")
    file.unlink(missing_ok=True)


def _alive(group: int) -> bool:
    """True while a process of the group lives; one that is dead and that nobody has waited for does not count."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] != "Z":
                return True
    return False
