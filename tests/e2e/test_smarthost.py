"""A real Postfix as smarthost, as docs/outbound.md describes it: TLS with a certificate of an own authority, and its reports."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from nursery import Nursery
from postfix import Postfix
from running import DESK, HELPDESK, SELLER, Running, ask, house, mail, rows, until

from mailgate import config
from mailgate.mail import token

pytestmark = pytest.mark.real

ASK = mail(HELPDESK, SELLER, "ask", "Order 4711", text="Please send the tracking link.")
LACKING = mail(SELLER, "buyer@mail.test", "lacking", "Re: Order 4711", cc="", answers="ask")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority (ca.pem), another one (other.pem), and what the first one signed for localhost."""
    folder = tmp_path_factory.mktemp("ca")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for name in ("ca", "other"):
        openssl("req", "-x509", *curve, "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    names = ("-addext", "subjectAltName=DNS:localhost")
    openssl("req", *curve, "-subj", "/CN=localhost", *names, "-keyout", "mx.key", "-out", "mx.csr")
    openssl(
        "x509",
        "-req",
        "-in",
        "mx.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-copy_extensions",
        "copy",
        "-days",
        "2",
        "-out",
        "mx.pem",
    )
    return folder


@pytest.fixture
def smarthost(postfix: Callable[..., Postfix], authority: Path) -> Callable[..., Postfix]:
    """Starts a Postfix that takes nothing without TLS."""

    def start(**main: str) -> Postfix:
        def parameters(made: Postfix) -> dict[str, str]:
            for name in ("mx.pem", "mx.key"):
                (made.config / name).write_bytes((authority / name).read_bytes())
            return {
                "smtpd_tls_security_level": "encrypt",
                "smtpd_tls_cert_file": str(made.config / "mx.pem"),
                "smtpd_tls_key_file": str(made.config / "mx.key"),
                "smtpd_tls_received_header": "yes",
                **main,
            }

        return postfix(parameters, mailboxes=[SELLER])

    return start


def gate(nursery: Nursery, directory: Path, smarthost: Postfix, ca: Path) -> Running:
    """A mailgate that hands its mail to this smarthost, and has written a notice to the seller."""
    words = [f"smarthost.url=smtp://localhost:{smarthost.port}", "smarthost.tls=verify", f'smarthost.ca_file="{ca}"']
    running = nursery.start(house(directory), *words).wait_ready()
    assert running.sends(ASK)
    assert running.sends(LACKING)
    return running


def test_notice_goes_out_by_tls_that_was_verified(
    nursery: Nursery, tmp_path: Path, smarthost: Callable[..., Postfix], authority: Path
) -> None:
    """The seller gets it, by TLS, with the return path that is his alone."""
    mx = smarthost()
    running = gate(nursery, tmp_path, mx, authority / "ca.pem")
    (notice,) = mx.delivered(SELLER)
    until(lambda: running.lines("notice.sent"))
    assert "TLS" in notice["Received"]
    (row,) = rows(tmp_path, "SELECT reverse_path, message_id FROM outbox")
    assert (notice["Return-Path"].strip("<>"), notice["Message-ID"].strip("<>")) == row


def test_smarthost_with_a_certificate_of_somebody_else_gets_nothing(
    nursery: Nursery, tmp_path: Path, smarthost: Callable[..., Postfix], authority: Path
) -> None:
    """The notice waits, the log says why, and the mail is nowhere."""
    mx = smarthost()
    running = gate(nursery, tmp_path, mx, authority / "other.pem")
    until(lambda: running.lines("hop.rested"))
    assert "certificate verify failed" in running.lines("hop.rested")[0]["reply"]
    until(lambda: [row["state"] for row in ask(tmp_path, "outbox", "list")] == ["deferred"])
    assert mx.raw_mails(SELLER) == []
    assert mx.queue() == []


def test_report_comes_back_under_the_name_that_it_was_asked_for(
    nursery: Nursery, tmp_path: Path, smarthost: Callable[..., Postfix], authority: Path
) -> None:
    """RFC 3461: Postfix gives the ENVID back, to the return path; the seller's address is dead at once."""
    mx = smarthost(transport_maps="inline:{example-seller.example=smtp:[127.0.0.1]:1}", virtual_mailbox_domains="")
    running = gate(nursery, tmp_path, mx, authority / "ca.pem")
    until(lambda: running.lines("notice.sent"))
    door = running.ready["smtp"][0]
    way = f"smtp:[127.0.0.1]:{door.rpartition(':')[2]}"  # our own door: it takes the desk's mail, and refuses the seller's
    mx.reload(transport_maps=mx.table("transport", dict.fromkeys((DESK.partition("@")[2], SELLER.partition("@")[2]), way)))
    mx.flush()
    until(lambda: running.lines("address.bounced"), 60)
    (raw,) = rows(tmp_path, "SELECT raw FROM spool WHERE reverse_path IS NULL")[0]
    named = next(
        line.partition(b":")[2].decode() for line in raw.splitlines() if line.lower().startswith(b"original-envelope-id:")
    )
    assert token.read_envelope_id(named, config.keys(config.load(tmp_path))) == 1
    assert b"Original-Recipient: rfc822;" + SELLER.encode() in raw
    (listed,) = ask(tmp_path, "suppression", "list")
    assert (listed["address"], listed["state"]) == (SELLER, "dead")
