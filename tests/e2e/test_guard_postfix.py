"""The guard where it belongs: behind a real Postfix as its `smtpd_proxy_filter`, in front of its second SMTP server.

    client -> Postfix smtpd -> guard -> Postfix smtpd (re-injection) -> mailboxes

The lines of master.cf are those of docs/guard.md.
"""

from __future__ import annotations

import os
import shutil
import smtplib
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dovecot
import pytest
from nursery import Nursery
from postfix import Postfix, free_port
from running import DESK, HELPDESK, SELLER, Running, ask, does, house, mail, quiet, until

pytestmark = pytest.mark.real

BUYER, FRIEND = "buyer@mail.test", "friend@else.test"
ASK = mail(HELPDESK, SELLER, "ask", "Order 4711", cc=f"{DESK}, {BUYER}", text="Please send the tracking link.")
LACKING = mail(SELLER, BUYER, "answer", "Re: Order 4711", cc="", answers="ask")
PRIVATE = mail(SELLER, FRIEND, "private", "Lunch?", cc="", text="Caf\u00e9?\r\n.\r\n..dots,  and spaces \r\n\ttoo\r\n\r\n")
IN_FRONT = "-o smtpd_proxy_filter=127.0.0.1:{guard} -o smtpd_discard_ehlo_keywords=chunking,silent-discard"
SUBMISSION = (
    "-o smtpd_sasl_auth_enable=yes -o smtpd_sasl_type=dovecot -o smtpd_sasl_path={socket} "
    "-o smtpd_sender_restrictions=reject_sender_login_mismatch -o smtpd_relay_restrictions=permit_sasl_authenticated,reject "
    f"-o smtpd_milters= {IN_FRONT}"
)
LISTENER = "service auth {{\n unix_listener {socket} {{\n mode = 0666\n }}\n}}\n"
BEHIND = """\
127.0.0.1:{port} inet n - n - 20 smtpd
  -o smtpd_proxy_filter=
  -o smtpd_authorized_xforward_hosts=127.0.0.0/8
  -o mynetworks=127.0.0.0/8
  -o smtpd_client_restrictions=
  -o smtpd_helo_restrictions=
  -o smtpd_sender_restrictions=
  -o smtpd_recipient_restrictions=
  -o smtpd_relay_restrictions=permit_mynetworks,reject
  -o smtpd_data_restrictions=
  -o smtpd_end_of_data_restrictions="""


@dataclass
class Guarded:
    """A Postfix with the guard in its middle."""

    postfix: Postfix
    directory: Path
    daemon: Running

    def raw(self, address: str) -> bytes:
        """The one mail in this mailbox."""
        self.postfix.delivered(address)
        (found,) = self.postfix.raw_mails(address)
        return found

    def clock(self) -> str:
        """How the seller's clock stands once nothing waits."""
        until(lambda: quiet(self.directory))
        (shown,) = ask(self.directory, "ticket", "show", "MG-1")
        return str(shown["clocks"][0]["state"])


@pytest.fixture
def guarded(
    tmp_path: Path, nursery: Nursery, postfix: Callable[..., Postfix], request: pytest.FixtureRequest
) -> Iterator[Guarded]:
    """The seller has been asked something; `param` is what the desk wishes of a missing copy."""
    guard, behind = free_port(), free_port()
    server = postfix(
        master=BEHIND.format(port=behind).splitlines(),
        master_of={"smtp": IN_FRONT.format(guard=guard)},
        mailboxes=[BUYER, FRIEND, HELPDESK, SELLER],
    )
    directory = house(tmp_path)
    desk = directory / "desks.toml"
    desk.write_text(desk.read_text() + f'\n[desk.support.guard]\nrequired_copy = "{request.param}"\n')
    words = [f"guard.listen=127.0.0.1:{guard}", f"guard.next_hop=smtp://127.0.0.1:{behind}", 'guard.networks=["127.0.0.1"]']
    running = nursery.start(directory, "smarthost.url=maildir:outgoing", *words).wait_ready()
    assert running.sends(ASK)
    until(lambda: running.lines("message.settled"))
    yield Guarded(server, directory, running)
    running.kill(15)


@pytest.mark.parametrize("guarded", ["add"], indirect=True)
def test_the_added_copy_arrives_and_the_rest_is_as_it_was(guarded: Guarded) -> None:
    """Client, Postfix, guard, Postfix, mailbox: the helpdesk gets the mail that lacked it, the buyer sees it in Cc."""
    assert guarded.postfix.sends(LACKING, SELLER, [BUYER]) == {}
    (copy,) = guarded.postfix.delivered(HELPDESK)
    (seen,) = guarded.postfix.delivered(BUYER)
    assert copy["Cc"] == seen["Cc"] == HELPDESK
    assert guarded.clock() == "stopped"
    assert "the guard put helpdesk@digistore24.com into Cc" in does("explain", "1", "--config", str(guarded.directory))
    assert guarded.postfix.sends(PRIVATE, SELLER, [FRIEND], ["BODY=8BITMIME"]) == {}
    assert guarded.raw(FRIEND).endswith(PRIVATE.replace(b"\r\n", b"\n"))
    assert guarded.raw(FRIEND).count(b"Received: from") == 2, "Postfix's own two, and no other"


@pytest.mark.parametrize("guarded", ["refuse"], indirect=True)
def test_a_refused_mail_is_the_client_s_to_mend(guarded: Guarded) -> None:
    """The 550 of the guard is what the seller's mail program hears; nothing is queued or delivered."""
    with pytest.raises(smtplib.SMTPDataError) as refused:
        guarded.postfix.sends(LACKING, SELLER, [BUYER])
    assert refused.value.smtp_code == 550
    assert f"MG-1: this mail was not sent. Please put {HELPDESK} into Cc.".encode() in refused.value.smtp_error
    guarded.postfix.drained()
    assert guarded.postfix.raw_mails(BUYER) == []
    assert guarded.clock() == "running"


@pytest.mark.parametrize("guarded", ["warn"], indirect=True)
def test_what_the_client_asks_of_postfix_comes_through(guarded: Guarded) -> None:
    """Unknown recipients are refused one by one, DSN and SMTPUTF8 are passed on, the real client is known behind us."""
    with guarded.postfix.client() as client:
        client.ehlo()
        client.mail(SELLER, ["SMTPUTF8", "BODY=8BITMIME", "RET=HDRS", "ENVID=4711"])
        assert client.rcpt("nobody@else.test")[0] == 550
        assert client.rcpt(FRIEND, ["NOTIFY=SUCCESS"])[0] == 250
        assert client.data(PRIVATE)[0] == 250
        client.mail("")
        client.rcpt(BUYER)
        client.rset()
        client.mail("")
        client.rcpt(BUYER)
        assert client.data(PRIVATE)[0] == 250
    assert guarded.raw(FRIEND).endswith(PRIVATE.replace(b"\r\n", b"\n"))
    (report,) = guarded.postfix.delivered(SELLER)
    assert "4711" in report.as_string()
    assert guarded.raw(BUYER).startswith(b"Return-Path: <>")
    assert "orig_client=unknown[127.0.0.1]" in guarded.postfix.log


@pytest.mark.parametrize("guarded", ["warn"], indirect=True)
def test_postfix_says_451_while_the_guard_is_away(guarded: Guarded) -> None:
    """Nothing is lost: the client keeps its mail and tries again; then it goes."""
    guarded.daemon.kill()
    with pytest.raises(smtplib.SMTPException) as refused:
        guarded.postfix.sends(PRIVATE, SELLER, [FRIEND])
    assert "451" in str(refused.value)
    guarded.postfix.drained()
    assert guarded.postfix.raw_mails(FRIEND) == []


@pytest.mark.parametrize("guarded", ["refuse"], indirect=True)
def test_swaks_shows_the_refusal(guarded: Guarded) -> None:
    """The command of docs/guard.md."""
    if shutil.which("swaks") is None:
        pytest.skip("swaks is not installed")
    headers = ["--header", "Subject: Re: Order 4711", "--header", "In-Reply-To: <ask@mail.test>"]
    words = ["swaks", "--server", f"127.0.0.1:{guarded.postfix.port}", "--from", SELLER, "--to", BUYER, *headers]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert "550 5.7.1 MG-1: this mail was not sent." in done.stdout


@pytest.fixture
def logins() -> Iterator[str]:
    """The socket at which a Dovecot says who may log in."""
    if reason := dovecot.missing():
        (pytest.fail if os.environ.get("MAILGATE_REAL") == "1" else pytest.skip)(reason)
    folder = Path(tempfile.mkdtemp(prefix="logins-"))
    folder.chmod(0o755)
    more = LISTENER.format(socket=folder / "auth")
    try:
        with dovecot.running({SELLER: "his-secret", "mallory@mail.test": "her-secret"}, more=more):
            yield str(folder / "auth")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_who_logs_in_sends_as_himself_and_nobody_else(
    logins: str, tmp_path: Path, nursery: Nursery, postfix: Callable[..., Postfix]
) -> None:
    """The submission service of docs/guard.md: its check of the sender is what the guard leans on."""
    guard, behind = free_port(), free_port()
    own = {SELLER: SELLER, "mallory@mail.test": "mallory@mail.test"}
    server = postfix(
        lambda made: {"smtpd_sender_login_maps": made.table("senders", own)},
        master=BEHIND.format(port=behind).splitlines(),
        master_of={"smtp": SUBMISSION.format(guard=guard, socket=logins)},
        mailboxes=[BUYER, HELPDESK],
    )
    directory = house(tmp_path)
    desk = directory / "desks.toml"
    desk.write_text(desk.read_text() + '\n[desk.support.guard]\nrequired_copy = "add"\n')
    words = [f"guard.listen=127.0.0.1:{guard}", f"guard.next_hop=smtp://127.0.0.1:{behind}", 'guard.networks=["127.0.0.1"]']
    running = nursery.start(directory, "smarthost.url=maildir:outgoing", 'trust.claimed_may=["add"]', *words).wait_ready()
    with running.client("guard") as client:  # the marketplace's ask, let in by hand
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail(HELPDESK, ["support@nowhere.test"], ASK)
        client.sendmail(HELPDESK, [BUYER], ASK)
    until(lambda: running.lines("message.settled"))
    with server.client() as mallory:
        mallory.login("mallory@mail.test", "her-secret")
        with pytest.raises(smtplib.SMTPRecipientsRefused, match="not owned by user"):
            mallory.sendmail(SELLER, [BUYER], LACKING)
    with server.client() as seller:
        seller.login(SELLER, "his-secret")
        seller.sendmail(SELLER, [BUYER], LACKING)
    (copy,) = server.delivered(HELPDESK)
    assert copy["Cc"] == HELPDESK
    until(lambda: quiet(directory))
    (shown,) = ask(directory, "ticket", "show", "MG-1")
    assert shown["clocks"][0]["state"] == "stopped"
    running.kill(15)
