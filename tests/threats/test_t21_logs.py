"""T21, S11: log injection, personal data and secrets in what we write about ourselves.

Every value: tests/events/test_events.py.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from exchange import Gate
from people import Person

from mailgate import cli, config, events, gateway
from mailgate.assembly import house_of
from mailgate.events import log
from mailgate.store.engine import Store

ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+\.\w+")
FORGED = '\r\n{"event":"daemon.stopped","level":"error"}'
SECRETS = {
    "smarthost": "canary-smarthost-pw",
    "mailbox": "canary-mailbox-pw",
    "oauth": "canary-oauth-secret",
    "store": "canary-store-pw",
    "environment": "canary-environment",
}


def a_day(gate: Gate) -> list[str]:
    """The lines of a day with everything in it, as they are written by default."""
    stream = io.StringIO()
    log.start("json", "hash", stream, level="debug", key=b"a key")
    try:
        inc, acme, stranger = (
            gate_person(gate, name) for name in ("helpdesk@digistore24.com", "support@acme.example", "e@evil.example")
        )
        told = [inc.writes([acme], text="The secret word is kqword."), stranger.writes([gate.stage.desk], subject="kqsubject")]
        told.append(acme.replies(told[0], proven=False))
        told.append(gate.returns(told[0], acme, by="unproven"))
        told.append(acme.auto_replies(told[0]))
        for one in told:
            if one.settled is not None:
                gateway.tell(one.settled, 0.1)
        gate.later(hours=100)
        for row in gate.outgoing():
            events.notice_queued(outbox_id=row["id"], notice=row["notice"], to=(row["reader"],), ticket=row["ticket"])
        try:
            raise ValueError(f"kqword {acme.address} canary-store-pw")
        except ValueError as error:
            events.loop_failed(loop=f"gateway, {acme.address}", error=error)
    finally:
        log.stop()
    gate.disregards()
    return stream.getvalue().splitlines()


def gate_person(gate: Gate, address: str) -> Person:
    return Person(address, gate)


def test_t21_day_of_traffic_shows_no_address_no_subject_and_no_word(gate: Gate) -> None:
    """I11: addresses are a keyed hash and their domain by default; every line is one JSON object."""
    lines = a_day(gate)
    assert len(lines) > 10
    for line in lines:
        said = json.loads(line)
        assert line.isascii()
        assert said["event"] != "daemon.stopped"
        shown = {name: value for name, value in said.items() if name != "message_id"}
        for found in ADDRESS.findall(json.dumps(shown)):
            assert re.fullmatch(r"[0-9a-f]{12}@[\w.-]+", found), line
        for word in ("kqword", "kqsubject", "canary"):
            assert word not in line, line


@pytest.mark.parametrize("text", ["\r\n", "\n", "\x1b[2J", "\u2028", "\u0085", "\x00", "\u202e", "\x07\x08", "\x0b\x0c\x1c"])
def test_t21_hostile_words_forge_no_line(text: str) -> None:
    """N15: one line a value, whatever it holds."""
    stream = io.StringIO()
    log.start("json", "hash", stream, level="debug", key=b"a key")
    try:
        events.message_received(
            spool_id=1,
            message_id=f"x{text}{FORGED}@evil.example",
            door=f"smtp{text}",
            client=f"203.0.113.9{text}{FORGED}",
            size=1,
        )
    finally:
        log.stop()
    (line,) = stream.getvalue().splitlines()
    assert line.isascii()
    assert json.loads(line)["event"] == "message.received"


def house_with_secrets(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with a secret in every place that takes one."""
    config.init(place, "support@shop.test")
    for name in ("smarthost", "mailbox", "oauth"):
        file = place / f"{name}.secret"
        file.write_text(SECRETS[name] + "\n")
        file.chmod(0o600)
    monkeypatch.setenv("MAILGATE_CANARY", SECRETS["environment"])
    monkeypatch.setenv("PGPASSWORD", SECRETS["store"])
    own = place / "mailgate.toml"
    text = own.read_text()
    text = re.sub(
        r'(?m)^url = "maildir:outgoing".*$',
        'url = "smtp://127.0.0.1:2"\nusername = "user"\npassword_file = "smarthost.secret"',
        text,
    )
    own.write_text(text + '\n[mailbox.desk]\nhost = "127.0.0.1"\nusername = "desk@shop.test"\npassword_file = "mailbox.secret"\n')
    return place


def secrets_of(place: Path) -> list[str]:
    keys = [line for line in (place / "keys").read_text().split() if line] if (place / "keys").is_file() else []
    return [*SECRETS.values(), *keys, *(one.strip() for one in _key_lines(place))]


def _key_lines(place: Path) -> list[str]:
    found = [one for one in place.iterdir() if one.is_file() and one.stat().st_mode & 0o777 == 0o600]
    return [line for one in found for line in one.read_text("utf-8", "replace").splitlines() if len(line) > 20]


def test_t21_no_verb_and_no_error_shows_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S11: `config show`, `check`, `backup`, lists, and what is said when something fails."""
    place = house_with_secrets(tmp_path / "house", monkeypatch)
    settings = config.load(place, [])
    Store.open(settings.store.url, place).close()
    said = []
    words = (
        ["config", "show"],
        ["check"],
        ["message", "list"],
        ["outbox", "list"],
        ["ticket", "list"],
        ["seller", "list"],
        ["backup", str(tmp_path / "copy.db")],
        ["spool", "list"],
        ["config", "show", "--json"],
        ["ticket", "show", "99"],
    )
    for one in words:
        done = CliRunner().invoke(cli.cli, [*one, "--config", str(place)])
        said.append(done.output + repr(done.exception))
    (place / "smarthost.secret").chmod(0o644)
    (place / "mailgate.toml").write_text((place / "mailgate.toml").read_text() + f'\npassword = "{SECRETS["store"]}"\n')
    done = CliRunner().invoke(cli.cli, ["check", "--config", str(place)])
    said.append(done.output + repr(done.exception))
    assert "smarthost.secret" in "".join(said)
    for secret in secrets_of(place):
        assert not any(secret in one for one in said), [one for one in said if secret in one][:1]


def test_t21_settings_keys_and_houses_have_no_secret_in_their_repr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a debugger, a traceback with variables or an f-string would show."""
    place = house_with_secrets(tmp_path / "house", monkeypatch)
    settings = config.load(place, [])
    house = house_of(settings)
    for one in (settings, house, house.keys, settings.smarthost):
        text = f"{one!r} {one}"
        assert not any(secret in text for secret in secrets_of(place))
        assert repr(house.keys.current) not in text


def test_t21_hashed_address_is_the_same_person_and_cannot_be_guessed_without_the_key() -> None:
    """By default two lines about one person can be joined; another installation's hash is another one."""
    hashes: list[Any] = []
    for key in (b"one", b"one", b"two"):
        stream = io.StringIO()
        log.start("json", "hash", stream, level="info", key=key)
        events.notice_queued(outbox_id=1, notice="remind", to=("Ann+x@Mail.example",), ticket=1)
        log.stop()
        hashes.append(json.loads(stream.getvalue())["to"])
    assert hashes[0] == hashes[1] != hashes[2]
    assert "ann" not in json.dumps(hashes).lower()
