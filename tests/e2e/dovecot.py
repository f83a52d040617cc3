"""A real Dovecot of its own for a test: configuration, mail and log in a temporary directory, on free ports of loopback.

    with running(users={"desk@shop.test": "secret"}) as one:
        one.puts("desk@shop.test", raw)

or, in a test, the fixture `dovecot`, with the users DESK and SELLER. It speaks IMAP in clear (and STARTTLS) on `port` and
IMAPS on `tls_port`; `certificate` is what a client must trust. Where no Dovecot can run, the test is skipped with the reason,
and fails with it if the environment has MAILGATE_REAL=1.
"""

from __future__ import annotations

import contextlib
import imaplib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from running import until

DESK, SELLER = "desk@shop.test", "support@acme.test"
USERS = {DESK: "desk's own \\secret \"ü", SELLER: "seller-secret"}
MAIL_USER = 65534  # who owns the mail where root starts the server
PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))

CONFIG = """\
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{root}/cert.pem
ssl_key = <{root}/key.pem
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
mail_location = maildir:~/Maildir
maildir_stat_dirs = no
mailbox_idle_check_interval = 1s
imap_idle_notify_interval = 2s
mail_max_userip_connections = 50
first_valid_uid = 1
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
default_vsz_limit = 512M
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {root}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}/mail/%u
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = create
    special_use = \\Sent
  }}
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
}}
{more}
"""


def missing() -> str:
    """Why no Dovecot can run here; empty if one can."""
    if not shutil.which("dovecot", path=PATH):
        return "Dovecot is not installed: apt-get install dovecot-imapd"
    said = subprocess.run([_tool("dovecot"), "--version"], capture_output=True, text=True, check=False).stdout
    return "" if said.startswith("2.3.") else f"Dovecot 2.3 is needed, this is {said.strip()}"


@dataclass
class Dovecot:
    """One Dovecot. `root` is its directory, which everybody may enter."""

    root: Path
    port: int
    tls_port: int
    users: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def certificate(self) -> Path:
        """The certificate that it shows, for localhost and 127.0.0.1."""
        return self.root / "cert.pem"

    @property
    def log(self) -> str:
        """All that it has logged."""
        path = self.root / "log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def start(self) -> None:
        """Start it, and wait until it lets the first user in."""
        with (self.root / "stderr").open("ab") as errors:
            command = [_tool("dovecot"), "-F", "-c", str(self.root / "dovecot.conf")]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            until(self._answers, 20, "a greeting")
        except AssertionError:
            raise AssertionError(f"Dovecot does not answer:\n{(self.root / 'stderr').read_text()}\n{self.log[-3000:]}") from None

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it with its sessions, as a service manager does; with SIGKILL nobody says goodbye."""
        if self.process is None:
            return
        for pid in (self.process.pid, *_children(self.process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        self.process.wait(timeout=20)
        self.process = None

    def kick(self, user: str) -> None:
        """End the sessions of a user; each is told goodbye."""
        self.tool("kick", user)

    def tool(self, *words: str) -> str:
        """What `doveadm` prints."""
        command = [_tool("doveadm"), "-c", str(self.root / "dovecot.conf"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode in (0, 68), (words, done.returncode, done.stderr)
        return done.stdout

    @contextlib.contextmanager
    def client(self, user: str = DESK, folder: str = "INBOX") -> Iterator[imaplib.IMAP4]:
        """A person's own mail program, in a folder."""
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=20) as client:
            client.authenticate("PLAIN", lambda _: f"\0{user}\0{self.users[user]}".encode())
            client.select(f'"{folder}"')
            yield client

    def puts(self, user: str, *mails: bytes, folder: str = "INBOX", came: datetime | None = None, flags: str = "") -> None:
        """Lay mails into a folder, as having come at `came` (now)."""
        when = f'"{came.strftime("%d-%b-%Y %H:%M:%S %z")}"' if came else ""
        with self.client(user) as client:
            for raw in mails:
                answer = client.append(f'"{folder}"', flags, when, raw)
                assert answer[0] == "OK", answer

    def flags(self, user: str, folder: str = "INBOX") -> list[str]:
        """The flags of each mail of a folder, in order of UID."""
        with self.client(user, folder) as client:
            _, found = client.uid("FETCH", "1:*", "(FLAGS)")
        lines = [line.decode() for line in found if isinstance(line, bytes)]
        return [" ".join(sorted(re.search(r"FLAGS \(([^)]*)\)", line)[1].replace("\\Recent", "").split())) for line in lines]

    def _answers(self) -> bool:
        assert self.process is None or self.process.poll() is None, (self.root / "stderr").read_text()
        try:
            with self.client(next(iter(self.users))):
                return True
        except (OSError, imaplib.IMAP4.error):
            return False


def make(folder: Path, users: Mapping[str, str], *, mechanisms: str = "plain login", more: str = "") -> Dovecot:
    """A Dovecot in an empty folder, not yet started."""
    root_user = os.geteuid() == 0
    uid, gid = (MAIL_USER, MAIL_USER) if root_user else (os.getuid(), os.getgid())
    internal, group, login = ("dovecot", "dovecot", "dovenull") if root_user else (_name(), _group(), _name())
    folder.chmod(0o755)
    made = Dovecot(folder, free_port(), free_port(), dict(users))
    for name in ("run", "state", "mail"):
        (folder / name).mkdir()
    os.chown(folder / "mail", uid, gid)
    escaped = "".join(f"{user}:{{PLAIN}}{_escaped(secret)}::::::\n" for user, secret in users.items())
    (folder / "users").write_text(escaped, "utf-8")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    extra = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    subprocess.run([*command.split(), *extra], check=True, capture_output=True)
    said = CONFIG.format(
        root=folder, port=made.port, tls_port=made.tls_port, mechanisms=mechanisms, internal=internal, internal_group=group,
        login=login, uid=uid, gid=gid, more=more,
    )  # fmt: skip
    (folder / "dovecot.conf").write_text(said, "utf-8")
    return made


@contextlib.contextmanager
def running(users: Mapping[str, str] = USERS, *, mechanisms: str = "plain login", more: str = "") -> Iterator[Dovecot]:
    """A Dovecot that has started, and that ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    made = make(folder, users, mechanisms=mechanisms, more=more)
    try:
        made.start()
        yield made
    finally:
        made.stop(signal.SIGKILL)  # told to stop it takes a second
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    """One with the users DESK and SELLER, their INBOX, Sent and Junk empty."""
    if reason := missing():
        assert os.environ.get("MAILGATE_REAL") != "1", reason
        pytest.skip(reason)
    with running() as one:
        yield one


def free_port() -> int:
    """A port of loopback that was free just now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _escaped(secret: str) -> str:
    return secret.replace(":", "\\:")


def _children(pid: int) -> Sequence[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found]


def _tool(name: str) -> str:
    return shutil.which(name, path=PATH) or name


def _name() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def _group() -> str:
    import grp

    return grp.getgrgid(os.getgid()).gr_name
