"""S11: secrets in every place that takes one, servers that say them back in their refusals; then all is read that can be read."""

from __future__ import annotations

import base64
import json
import re
import secrets
import socketserver
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import HELPDESK, SELLER, Running, does, house, mail, rows, serve, until, verb

NAMES = ("smarthost", "imap", "client", "effects", "store")
MAILBOX = """
[mailbox.{name}]
host = "127.0.0.1"
port = {port}
tls = "none"
username = "{name}@shop.test"
{how}
"""


class Echo(socketserver.StreamRequestHandler):
    """SMTP, IMAP or HTTP, by its first line: whoever logs in is refused with what he said, as it came and decoded."""

    def handle(self) -> None:
        server: Any = self.server
        greeting = {"smtp": b"220 hop\r\n", "imap": b"* OK hello\r\n"}.get(server.kind, b"")
        self.wfile.write(greeting)
        while line := self.rfile.readline():
            words = line.split()
            server.heard += [line, *filter(None, map(_decoded, words))]
            getattr(self, server.kind)(words)
            if server.kind == "http":
                return

    def smtp(self, words: list[bytes]) -> None:
        if words[:1] == [b"EHLO"]:
            self.wfile.write(b"250-hop\r\n250 AUTH PLAIN LOGIN\r\n")
        elif words[:1] == [b"AUTH"]:
            self.wfile.write(b"535 5.7.8 no " + b" ".join(words[2:]) + b" " + _decoded(words[-1]) + b"\r\n")
        else:
            self.wfile.write(b"530 5.7.0 log in\r\n")

    def imap(self, words: list[bytes]) -> None:
        tag, name = words[0], words[1].upper()
        if name == b"CAPABILITY":
            self.wfile.write(b"* CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN AUTH=XOAUTH2\r\n" + tag + b" OK done\r\n")
            return
        if name == b"AUTHENTICATE":
            self.wfile.write(b"+ \r\n")
            words = self.rfile.readline().split()
        self.server.heard += [*words, *map(_decoded, words)]  # type: ignore[attr-defined]
        said = b" ".join([*words, *map(_decoded, words)]).replace(b"\0", b" ")
        self.wfile.write(b"* BAD " + said + b"\r\n" + tag + b" NO [AUTHENTICATIONFAILED] " + said + b"\r\n")

    def http(self, _: list[bytes]) -> None:
        size = 0
        while (line := self.rfile.readline()).strip():
            size = int(line.split()[1]) if line.lower().startswith(b"content-length") else size
        form = self.rfile.read(size)
        self.server.heard.append(form)  # type: ignore[attr-defined]
        said = json.dumps({"error": "invalid_client", "error_description": f"AADSTS7000215: {form.decode()}"}).encode()
        self.wfile.write(b"HTTP/1.1 401 %s\r\nContent-Length: %d\r\n\r\n" % (form[:200], len(said)) + said)


def _decoded(word: bytes) -> bytes:
    try:
        return base64.b64decode(word, validate=True).replace(b"\0", b" ")
    except ValueError:
        return b""


@pytest.fixture
def echoes() -> Iterator[dict[str, Any]]:
    """A server of each kind; `heard` is all that was said to it."""
    made: dict[str, Any] = {}
    for kind in ("smtp", "imap", "http"):
        one: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo)
        one.daemon_threads, one.kind, one.heard, one.port = True, kind, [], one.server_address[1]
        threading.Thread(target=one.serve_forever, args=(0.05,), daemon=True).start()
        made[kind] = one
    yield made
    for one in made.values():
        one.shutdown()
        one.server_close()


@pytest.fixture
def planted(tmp_path: Path, echoes: dict[str, Any]) -> dict[str, str]:
    """The secrets of a configuration that has one of each kind, by name."""
    directory = house(tmp_path / "house")
    found = {name: f"canary-{name}-{secrets.token_hex(12)}" for name in NAMES}
    for name, secret in found.items():
        file = directory / f"{name}.secret"
        file.write_text(secret + "\n", "utf-8")
        file.chmod(0o600)
    main = directory / "mailgate.toml"
    text = main.read_text("utf-8")
    hop = f'url = "smtp://127.0.0.1:{echoes["smtp"].port}"\ntls = "none"\nusername = "u"\npassword_file = "smarthost.secret"'
    text = re.sub(r'(?m)^url = "maildir:outgoing".*$', hop, text)
    ways = {
        "imap": 'password_file = "imap.secret"',
        "cloud": 'oauth = { provider = "microsoft", tenant = "t", client_id = "c", secret_file = "client.secret", '
        f'url = "http://127.0.0.1:{echoes["http"].port}" }}',
    }
    text += "".join(MAILBOX.format(name=name, port=echoes["imap"].port, how=how) for name, how in ways.items())
    text = text.replace("\n[effects]\n", '\n[effects]\nto = "effects@shop.test"\nsecret_file = "effects.secret"\n')
    main.write_text(text, "utf-8")
    return found | {f"key {n}": key for n, key in enumerate((directory / "keys").read_text().split())}


def everything(running: Running) -> Iterator[tuple[str, str]]:
    """(where, what) of all that a person or a program can read of this daemon."""
    yield "log", running.log.read_text("utf-8")
    for page in ("metrics", "readyz", "healthz"):
        try:
            with urllib.request.urlopen(f"http://{running.ready['http'][0]}/{page}", timeout=5) as answer:
                yield page, answer.read().decode()
        except urllib.error.HTTPError as error:
            yield page, error.read().decode()
    for one in ("cmdline", "environ"):
        yield one, Path(f"/proc/{running.pid}/{one}").read_text("utf-8", "replace")
    for words in (("outbox", "list", "--json"), ("outbox", "show", "1"), ("explain", "1"), ("config", "show"), ("check",)):
        yield " ".join(words), does(*words, "--config", str(running.directory))
    for file in running.directory.glob("mailgate.db*"):
        yield file.name, file.read_bytes().decode("latin-1")


def test_secret_is_said_to_its_server_and_stands_nowhere_else(
    planted: dict[str, str], echoes: dict[str, Any], tmp_path: Path
) -> None:
    """Not in the log, on a page, in the process list, in the store, in what a verb says; though each server said it back."""
    running = serve(tmp_path / "house", "--set", 'smarthost.retry=["1s"]')
    try:
        assert running.sends(mail(HELPDESK, SELLER, "ask", "Order 4711"))
        assert running.sends(mail(SELLER, "support@shop.test", "answer", "Re: Order 4711", cc="", answers="ask"))
        until(lambda: rows(running.directory, "SELECT 1 FROM outbox WHERE attempts > 0"), what="an attempt")
        for kind, name in (("smtp", "smarthost"), ("imap", "imap"), ("http", "client")):
            until(lambda k=kind, n=name: planted[n].encode() in b" ".join(echoes[k].heard), what=f"{name} at {kind}")
        found = [(where, name) for where, said in everything(running) for name, secret in planted.items() if secret in said]
        assert found == []
    finally:
        running.kill(15)


def test_password_of_the_database_is_in_no_complaint(planted: dict[str, str], tmp_path: Path) -> None:
    """A server that is not there, and one whose password stands in the URL: both are told without it."""
    words = ("--config", tmp_path / "house", "--set", "store.password_file=store.secret")
    away = verb("ticket", "list", *words, "--set", "store.url=postgresql+psycopg://mailgate@127.0.0.1:1/mailgate", code=69)
    inside = f"store.url=postgresql+psycopg://mailgate:{planted['store']}@127.0.0.1:1/mailgate"
    refused = verb("check", "--config", tmp_path / "house", "--set", inside, code=78)
    assert "127.0.0.1:1" in away
    assert planted["store"] not in away + refused
