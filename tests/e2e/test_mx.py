"""mailgate as the MX of a desk's address, as other servers and a person with swaks see it."""

from __future__ import annotations

import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from nursery import Nursery
from running import DESK, HELPDESK, PLAIN, SELLER, Running, house, mail, rows, until

ASK = mail(HELPDESK, SELLER, "ask", "Order 4711", text="Please send the tracking link.")


def certificate(folder: Path, name: str) -> str:
    """A certificate for 127.0.0.1 in cert.pem with its key in key.pem, in place of those that were there; as PEM."""
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-addext",
    ]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command, "subjectAltName=IP:127.0.0.1", "-subj", f"/CN={name}", *files], check=True, capture_output=True)
    return (folder / "cert.pem").read_text()


def shown(running: Running) -> str:
    """The certificate that STARTTLS shows, as PEM."""
    context = ssl._create_unverified_context()
    with running.client() as client:
        client.starttls(context=context)
        assert isinstance(client.sock, ssl.SSLSocket)
        return ssl.DER_cert_to_PEM_cert(client.sock.getpeercert(binary_form=True) or b"")


@pytest.fixture
def door(tmp_path: Path, nursery: Nursery) -> Running:
    """A daemon with a certificate, that takes mails of up to 20 KiB."""
    certificate(tmp_path, "old")
    words = [f"tls.certificate={tmp_path}/cert.pem", f"tls.key={tmp_path}/key.pem", "limits.message_size=20KiB"]
    return nursery.start(house(tmp_path), *words, "smarthost.url=maildir:outgoing").wait_ready()


def test_what_other_servers_are_offered(door: Running) -> None:
    """SIZE, 8BITMIME and SMTPUTF8 are offered and kept; recipients are checked at RCPT, before a byte of the mail."""
    with door.client() as client:
        client.ehlo()
        assert client.esmtp_features["size"] == str(20 * 1024)
        assert {"8bitmime", "smtputf8", "pipelining", "starttls", "enhancedstatuscodes"} <= set(client.esmtp_features)
        assert client.mail("a@client.test", ["SIZE=99999"])[0] == 552
        assert client.mail("a@client.test")[0] == 250
        assert client.rcpt("nobody@shop.test")[0] == 550
        client.rset()
        raw = ASK.replace(b"Please", "Grüße, مرحبا: please".encode())
        client.sendmail("jörg@client.test", [DESK], raw, ["SMTPUTF8", "BODY=8BITMIME"])
    until(lambda: door.lines("message.settled"))
    assert rows(door.directory, "SELECT reverse_path, raw FROM spool") == [("jörg@client.test", raw)]


def test_renewed_certificate_is_shown_after_sighup(door: Running) -> None:
    """A certificate is renewed under the same name; SIGHUP takes it into force, a faulty one changes nothing."""
    assert shown(door) == (door.directory / "cert.pem").read_text()
    new = certificate(door.directory, "new")
    os.kill(door.pid, signal.SIGHUP)
    until(lambda: door.lines("config.reloaded"))
    assert shown(door) == new
    (door.directory / "cert.pem").write_text("no certificate")
    os.kill(door.pid, signal.SIGHUP)
    until(lambda: door.lines("config.refused"))
    assert shown(door) == new


@pytest.mark.real
def test_swaks_over_tls(door: Running) -> None:
    """The first thing that an administrator tries."""
    if not shutil.which("swaks"):
        (pytest.fail if os.environ.get("MAILGATE_REAL") == "1" else pytest.skip)("swaks is not installed: apt-get install swaks")
    words = ["--server", door.ready["smtp"][0], "--from", HELPDESK, "--to", DESK, "--header", f"To: {SELLER}", "--tls"]
    done = subprocess.run(["swaks", *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "<~  250 2.0.0 stored as 1" in done.stdout
    until(lambda: door.lines("message.settled"))
    refused = subprocess.run(
        ["swaks", *words, "--to", "nobody@shop.test"], capture_output=True, text=True, check=False, timeout=60
    )
    assert "550 5.7.1 not an address of ours" in refused.stdout


def test_socket_from_the_service_manager(tmp_path: Path) -> None:
    """systemd/mailgate.socket hands its open port over as descriptor 3 (sd_listen_fds(3)); who came early waits in it."""
    shop = house(tmp_path)
    script = "import os, sys; os.environ['LISTEN_PID'] = str(os.getpid()); os.dup2(int(sys.argv[1]), 3, inheritable=True); "
    script += "os.execv(sys.executable, [sys.executable, '-m', 'mailgate', *sys.argv[2:]])"
    with socket.create_server(("127.0.0.1", 0)) as listener, (log := tmp_path / "log").open("wb") as errors:
        early = smtplib.SMTP(timeout=60)
        words = ["serve", "--config", str(shop), "--set", 'smtp.listen=["fd:3"]', "--set", 'http.listen=""', *PLAIN]
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(listener.fileno()), *words],
            pass_fds=[listener.fileno()], stderr=errors, env={**os.environ, "LISTEN_FDS": "1"},
        )  # fmt: skip
        running = Running(shop, log, process.pid, process.poll)
        assert early.connect("127.0.0.1", listener.getsockname()[1])[0] == 220
        running.wait_ready()
        early.sendmail("a@client.test", [DESK], ASK)
        early.quit()
        assert running.ready["smtp"] == [f"127.0.0.1:{listener.getsockname()[1]}"]
        assert running.kill(signal.SIGTERM) == 0


def test_socket_that_nobody_handed_over_is_named(tmp_path: Path) -> None:
    """fd:9 without a socket behind it ends the start with a sentence, not a traceback."""
    words = ["serve", "--config", str(house(tmp_path)), "--set", 'smtp.listen=["fd:9"]', "--set", 'http.listen=""']
    done = subprocess.run([sys.executable, "-m", "mailgate", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 74, done.stderr
    assert "fd:9" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.real
def test_units_are_sound(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing wrong with the units, once their program exists."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    units = Path(__file__).parents[2] / "systemd"
    for name in ("mailgate.service", "mailgate.socket"):
        text = (units / name).read_text().replace("/opt/mailgate/.venv/bin/mailgate", "/bin/true")
        (tmp_path / name).write_text(text)
    files = [str(tmp_path / name) for name in ("mailgate.service", "mailgate.socket")]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
