"""Signed instructions: what we sign is read as it was meant, and nothing else is followed."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailgate.mail.address import Mailbox
from mailgate.mail.compose import Draft, compose
from mailgate.mail.instruction import Instruction, Refused, read, signed
from mailgate.mail.message import parse

NOW = datetime(2026, 6, 14, 22, 30, tzinfo=UTC)
SECRET, OTHER = b"s" * 32, b"o" * 32
SECRETS = {"shop": SECRET, "desk": OTHER, "weak": b"x"}
SAID = {"system": "shop", "id": "e-1", "at": "2026-06-14T22:00:00Z", "action": "close", "ticket": 42}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
FACTS = st.dictionaries(KEYS, st.one_of(TEXTS, st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1)), max_size=8)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=8,
)


def _mail(*files: tuple[str | None, bytes], kind: str = "json") -> bytes:
    mail: Any = EmailMessage()
    mail.set_content("A machine writes.\n")
    for name, content in files:
        mail.add_attachment(content, maintype="application", subtype=kind, filename=name)
    return bytes(mail.as_bytes())


def _read(content: bytes, name: str | None = "mailgate.json") -> Instruction | Refused | None:
    return read(parse(_mail((name, content))), SECRETS, NOW)


def _refused(content: bytes) -> str:
    found = _read(content)
    assert isinstance(found, Refused)
    return found.reason


def _with(**change: Any) -> bytes:
    return signed({**SAID, **change}, SECRET)


def test_another_system_can_sign_with_a_few_lines() -> None:
    """The form that docs describe, made without our code; spaces and order of the mail's own JSON do not count."""
    said = {**SAID, "v": 1, "facts": {"motivo": "devolução", "amount": "12.50"}}
    canonical = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    said["mac"] = hmac.new(SECRET, canonical, hashlib.sha256).hexdigest()
    assert signed(said, SECRET) == json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    for made in (json.dumps(said), json.dumps(said, indent=2, ensure_ascii=False), "\ufeff" + json.dumps(said)):
        found = _read(made.encode())
        assert isinstance(found, Instruction)
        assert found.facts == {"motivo": "devolução", "amount": "12.50"}


@given(FACTS, st.sampled_from(["open", "close", "acknowledge"]), st.integers(-48 * 3600, 48 * 3600), KEYS)
def test_what_is_signed_is_read_as_it_was_meant(facts: dict[str, Any], action: str, seconds: int, name: str) -> None:
    """Through our composer and our parser, whatever the texts."""
    at = NOW + timedelta(seconds=seconds)
    payload = {"system": "shop", "id": name, "at": at.isoformat(), "action": action, "order": name, "facts": facts}
    draft = Draft(
        author=Mailbox("", "shop@shop.example"),
        to=(Mailbox("", "help@desk.example"),),
        cc=(),
        reply_to="",
        subject="A machine writes",
        text="Nothing to read here.\n",
        html="",
        message_id="1@shop.example",
        in_reply_to=None,
        references=(),
        date=NOW,
        language="en",
        kind="instruction",
        data=signed(payload, SECRET),
    )
    found = read(parse(compose(draft)), SECRETS, NOW)
    assert found == Instruction("shop", name, at, action, None, name, facts)


@given(st.integers(0, 400), st.integers(0, 255))
def test_an_instruction_that_was_touched_is_refused(at: int, octet: int) -> None:
    """No octet of it can be another, but for the case of the MAC's letters."""
    content = _with(facts={"reason": "é"})
    at %= len(content)
    touched = content[:at] + bytes((octet,)) + content[at + 1 :]
    if touched.lower() != content.lower():
        assert isinstance(_read(touched), Refused)


def test_an_instruction_is_of_the_system_that_signed_it() -> None:
    """Another system's secret, an unknown one, or one too short to be a secret sign nothing."""
    assert _refused(signed(SAID, OTHER)) == "mac"
    assert _refused(signed({**SAID, "system": "desk"}, SECRET)) == "mac"
    assert _refused(signed({**SAID, "system": "nobody"}, SECRET)) == "system"
    assert _refused(signed({**SAID, "system": "weak"}, SECRET)) == "system"
    assert _read(signed({**SAID, "system": "nobody"}, SECRET)) == Refused("system", "nobody")
    for wrong in (None, "", 5, ["shop"], {}):
        assert _refused(_with(system=wrong)) == "system"
    for secret in (b"", b"short"):
        with pytest.raises(ValueError, match="16 octets"):
            signed(SAID, secret)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "id"),
        ({"id": ""}, "id"),
        ({"id": "a b"}, "id"),
        ({"id": 7}, "id"),
        ({"id": "x" * 129}, "id"),
        ({"at": None}, "at"),
        ({"at": "2026-06-14"}, "at"),
        ({"at": "2026-06-14T22:00:00"}, "at"),
        ({"at": "2026-06-31T22:00:00Z"}, "at"),
        ({"at": 1_781_000_000}, "at"),
        ({"at": "2026-06-12T22:29:59Z"}, "stale"),
        ({"at": "2026-06-16T22:30:01+00:00"}, "stale"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "stale"),
        ({"at": "9999-12-31T23:59:59-14:00"}, "stale"),
        ({"action": "process_refund"}, "action"),
        ({"action": "Close"}, "action"),
        ({"action": None}, "action"),
        ({"action": ["close"]}, "action"),
        ({"ticket": 0}, "ticket"),
        ({"ticket": -1}, "ticket"),
        ({"ticket": True}, "ticket"),
        ({"ticket": "MG-4x"}, "ticket"),
        ({"ticket": [42]}, "ticket"),
        ({"order": 12}, "order"),
        ({"order": "a\r\nb"}, "order"),
        ({"facts": []}, "facts"),
        ({"facts": "x"}, "facts"),
        ({"facts": {"a": None}}, "facts"),
        ({"facts": {"a": ["b"]}}, "facts"),
        ({"facts": {"a": "x" * 5000}}, "facts"),
        ({"facts": {f"k{number}": "" for number in range(101)}}, "facts"),
    ],
)
def test_what_an_instruction_must_say(change: dict[str, Any], reason: str) -> None:
    """A valid signature under something that cannot be followed."""
    assert _read(_with(**change)) == Refused(reason, "shop")


@pytest.mark.parametrize("version", [2, True, "1", None])
def test_another_version_is_refused(version: object) -> None:
    """What is not v 1 may mean something else by the same words."""
    said = {**SAID, "v": version}
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    said["mac"] = hmac.new(SECRET, canonical, hashlib.sha256).hexdigest()
    assert _refused(json.dumps(said).encode()) == "version"


@pytest.mark.parametrize(
    "change",
    [
        {"ticket": "MG-42"},
        {"ticket": "42"},
        {"ticket": "mg-42"},
        {"at": "2026-06-12T22:30:00Z"},
        {"at": "2026-06-15T00:00:00+01:30"},
    ],
)
def test_a_ticket_and_an_instant_have_several_forms(change: dict[str, Any]) -> None:
    """Our tag or the bare number; any offset; 48 hours to the second are in time."""
    found = _read(_with(**change))
    assert isinstance(found, Instruction)
    assert found.ticket == 42
    assert found.at.tzinfo == UTC


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe{}",
        b'{"system":"shop","system":"shop"}',
        b'{"facts":{"a":1,"a":1}}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1.5}',
        b'{"a":1e3}',
        b'{"a":9007199254740992}',
        b'{"a":' + b"9" * 60_000 + b"}",
        b'{"a":"\\ud800"}',
        b'{"\xc3\xa9":1}',
        b'{"":1}',
        b'{"a":' + b"[" * 20 + b"]" * 20 + b"}",
        b"[" * 60_000,
        b'{"a":' * 10_000,
    ],
)
def test_json_that_others_could_read_otherwise_is_refused(content: bytes) -> None:
    """RFC 7493: doubles, fractions, great numbers, half characters; and what is too deep."""
    assert _refused(content) == "json"


def test_more_than_64_kib_are_not_read() -> None:
    """Nor signed."""
    assert _refused(b" " * 65_537) == "size"
    with pytest.raises(ValueError, match="64 KiB"):
        signed({"facts": {f"k{number}": "x" * 4000 for number in range(20)}}, SECRET)


@pytest.mark.parametrize(
    "payload", [{"a": 0.5}, {"a": 2**53}, {"é": 1}, {"a": "\ud800"}, {"a": b"x"}, {1: "x"}, {"a": NOW}, {"a": [[[[[[[[[]]]]]]]]]}]
)
def test_what_nobody_could_verify_is_not_signed(payload: dict[str, Any]) -> None:
    """That would be our mistake, so it is loud."""
    with pytest.raises(ValueError):
        signed(payload, SECRET)


def test_a_mail_without_an_instruction_has_none() -> None:
    """A customer's own JSON file is a file; two of them, or none, as well."""
    own = _with()
    assert read(parse(_mail()), SECRETS, NOW) is None
    assert read(parse(b""), SECRETS, NOW) is None
    assert _read(b'{"settings": {}}', "settings.json") is None
    assert read(parse(_mail(("a.json", own), ("b.json", own))), SECRETS, NOW) is None
    assert isinstance(_read(b'{"mac": "x"}', "a.json"), Refused)
    assert isinstance(_read(own, "a.json"), Instruction)
    assert isinstance(_read(own, None), Instruction)


def test_the_name_decides_which_file_is_the_instruction() -> None:
    """Beside other JSON, and where a relay changed its type; two of that name are refused."""
    own = _with()
    assert isinstance(read(parse(_mail(("a.json", b"{}"), ("Mailgate.JSON", own))), SECRETS, NOW), Instruction)
    assert isinstance(read(parse(_mail(("mailgate.json", own), kind="octet-stream")), SECRETS, NOW), Instruction)
    assert read(parse(_mail(("mailgate.json", own), ("mailgate.json", own))), SECRETS, NOW) == Refused("several")


def test_our_own_order_sent_back_is_no_instruction() -> None:
    """An effect has an action of its own, which no system may tell us to do."""
    assert _refused(_with(action="process_refund")) == "action"


def test_an_instruction_does_not_change() -> None:
    """It is a value."""
    found = _read(_with(facts={"a": "b"}))
    assert isinstance(found, Instruction)
    with pytest.raises(FrozenInstanceError):
        found.action = "open"  # type: ignore[misc]
    with pytest.raises(TypeError):
        found.facts["a"] = "c"  # type: ignore[index]


@given(st.one_of(st.binary(max_size=200), VALUES.map(lambda value: json.dumps(value).encode())))
@example(b'{"mac":1,"system":"shop"}')
def test_no_content_makes_it_raise(content: bytes) -> None:
    """Mail comes from strangers."""
    assert isinstance(_read(content), Refused)
    assert not isinstance(_read(content, "other.json"), Instruction)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "at", "action", "ticket", "order", "facts", "more"), VALUES)))
def test_no_signed_content_makes_it_raise(change: dict[str, Any]) -> None:
    """A system that signs may still say nonsense."""
    try:
        content = _with(**change)
    except ValueError:
        return
    found = _read(content)
    assert isinstance(found, Instruction | Refused)
    assert isinstance(found, Refused) or not {"at", "action"} & set(change)
