"""One test for each published hole of the libraries we stand on, or of mail servers like us: its shape does not pass here."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from datetime import UTC, datetime
from email.utils import getaddresses, parseaddr
from pathlib import Path

import pytest

from mailgate.mail.address import Mailbox
from mailgate.mail.compose import Draft, compose
from mailgate.mail.message import Envelope, parse
from mailgate.mail.undelivered import Undelivered, report
from mailgate.wire.smtp_data import DIRTY, Mail
from mailgate.wire.smtp_in import Doors, Limits, Outcome

BAIT = b"From: ann@client.example\r\n\r\nhello"
STOLEN = b"MAIL FROM:<evil@client.example>\r\nRCPT TO:<desk@shop.example>\r\nDATA\r\nSubject: stolen\r\n\r\nx\r\n.\r\n"
NOW = datetime(2026, 6, 14, 22, 30, tzinfo=UTC)


def _taken(wire: bytes) -> tuple[Mail, bytes]:
    mail, buffer = Mail(1 << 20), bytearray(wire)
    assert mail.take(buffer)
    return mail, bytes(buffer)


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\n.\r", b"\r\r\n.\r\r\n"])
def test_cve_2023_51764_and_2024_27305_a_look_alike_of_the_dot_ends_no_mail(end: bytes) -> None:
    """SMTP smuggling, by Postfix's name and by aiosmtpd's: one mail that is refused at its true dot, and no second one."""
    mail, rest = _taken(BAIT + end + STOLEN)
    assert (mail.fault, mail.content(), rest) == (DIRTY, b"", b"")


def test_cve_2023_51764_what_we_hand_on_smuggles_nothing_to_the_next() -> None:
    """A look-alike that came by another way, such as a mailbox, is no end to whom we send: what leaves has CRLF alone."""
    said = "hello\n.\nMAIL FROM:<evil@client.example>\r\r.\r\rDATA"
    raw = compose(_draft(subject=said, text=said))
    assert raw.replace(b"\r\n", b"").translate(None, b"\r\n") == raw.replace(b"\r\n", b"")


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server and its client need for TLS."""
    folder: Path = tmp_path_factory.mktemp("tls")
    words = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -keyout k -out c"
    )
    subprocess.run([*words.split(), "-addext", "subjectAltName=IP:127.0.0.1"], cwd=folder, check=True, capture_output=True)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "c", folder / "k")
    return server, ssl.create_default_context(cafile=str(folder / "c"))


class _Silent:
    def session_refused(self, client: str, reason: str) -> None: ...
    def session_failed(self, client: str, error_id: str, error: BaseException) -> None: ...
    def refusals_counted(self, count: int, clients: int) -> None: ...
    def data_refused(self, client: str, reason: str) -> None: ...


async def test_cve_2024_34083_what_came_before_the_handshake_is_not_said_in_it(
    certified: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """Commands that somebody in between put behind STARTTLS are dropped: after the handshake the client has said nothing yet."""
    mails: list[bytes] = []

    async def accept(envelope: Envelope, content: bytes) -> Outcome:
        mails.append(content)
        return Outcome(250, "2.0.0 ok")

    server, client = certified
    doors = Doors(accept, lambda _: True, Limits(), "mx.shop.example", _Silent())
    [where] = await doors.open(["127.0.0.1:0"], "smtp", server)
    reader, writer = await asyncio.open_connection(*where.split(":"))
    try:
        await reader.readline()
        writer.write(b"EHLO client.example\r\nSTARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@client.example>\r\n")
        while not (await reader.readline()).startswith(b"220 "):
            pass
        await writer.start_tls(client, server_hostname="127.0.0.1")
        writer.write(b"RCPT TO:<desk@shop.example>\r\nNOOP\r\n")
        assert (await reader.readline()).startswith(b"503 5.5.1 EHLO first")
        assert (await reader.readline()).startswith(b"250 ")
    finally:
        writer.close()
        await doors.drain(1)
    assert mails == []


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_cve_2024_6923_a_line_break_in_a_value_makes_no_header(break_: str) -> None:
    """The standard library wrote such a value as two lines; ours holds none, whatever it takes for a line's end."""
    said = f"hello{break_}Bcc: evil@client.example{break_}{break_}body"
    raw = compose(_draft(subject=said, name=said, ids=(f"a{break_}Bcc:x@y.example",)))
    head = raw.partition(b"\r\n\r\n")[0]
    assert not [line for line in head.split(b"\r\n") if line[:3].lower() == b"bcc"]
    assert raw.count(b"\r\n\r\n") == compose(_draft()).count(b"\r\n\r\n")
    lost = report(
        Undelivered(BAIT, "tom@client.example", "ann@client.example", "5.0.0", said), "shop.example", "1@shop.example", NOW
    )
    assert b"\r\nBcc" not in lost
    assert b"\nBcc" not in lost


@pytest.mark.parametrize(
    "said",
    [
        "alice@example.org)bob@example.com",
        "<alice@example.org)bob@example.com>",
        "alice@example.org, <bob@example.com>",
        "alice@example.org,bob@example.com",
        "alice@example.org <bob@example.com>",
        "alice@example.org(<bob@example.com>",
        "<alice@example.org>bob@example.com",
    ],
)
def test_cve_2023_27043_two_addresses_in_one_are_no_author(said: str) -> None:
    """`parseaddr` took the first of them for the author, in what another reader takes for the second."""
    assert "@" in parseaddr(said)[1] or getaddresses([said])
    assert parse(f"From: {said}\r\n\r\nhi\r\n".encode()).author is None


def _draft(subject: str = "hello", name: str = "Ann", text: str = "hi", ids: tuple[str, ...] = ()) -> Draft:
    return Draft(
        author=Mailbox(name, "desk@shop.example"), to=(Mailbox(name, "ann@client.example"),), cc=(), reply_to="desk@shop.example",
        subject=subject, text=text, html="", message_id="1@shop.example", in_reply_to=next(iter(ids), None), references=ids,
        date=NOW, language="en", kind="remind",
    )  # fmt: skip
