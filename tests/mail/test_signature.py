"""Signatures: each fits its own sample, none takes another's, and a spoilt entry is refused with a reason."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mailgate import config
from mailgate.config import ConfigError
from mailgate.config.shipped import root
from mailgate.mail.signature import GENERIC, PLACES, Signature, Signatures, faults, flat

ONE = Signature(
    "one", "acme", "suppressed", ("text",), re.compile("on acme's list"), "It is on Acme's list".lower(), "acme", "Ask."
)


def test_the_shipped_signatures_are_sound() -> None:
    """No fault; every provider says who lifts and how; names are used once."""
    entries = config.signatures().entries
    assert list(faults(entries)) == []
    assert len({one.name for one in entries}) == len(entries)
    assert all(one.how.endswith(".") and one.lifted_by and set(one.where) <= set(PLACES) for one in entries)


def test_where_words_may_stand() -> None:
    """A signature for text says nothing of a diagnostic."""
    known = Signatures((ONE,))
    assert known.match("Sorry: on  Acme’s\nlist".lower(), "text") is ONE
    assert known.match("on acme's list", "diagnostic") is None
    assert known.match(None, "text") is None


def test_faults() -> None:
    """A sample that does not fit, one that an earlier entry takes, a pattern that could run away."""
    wide = replace(ONE, name="wide", pattern=re.compile("list"))
    assert [wrong for _, wrong in faults((replace(ONE, sample="nothing"),))] == ["a sample that the pattern matches (text)"]
    assert [(one.name, "wide" in wrong) for one, wrong in faults((wide, ONE))] == [("one", True)]
    assert [one.name for one, _ in faults((replace(ONE, pattern=re.compile("on.*list")),))] == ["one"]
    assert not list(faults((ONE, wide.__class__(**vars(wide) | {"sample": "any list"}))))


def test_generic_words_take_the_brand_of_the_surest_origin() -> None:
    """The sender's brand before one that is only mentioned."""
    known = config.signatures()
    found = known.match("550 recipient is on the suppression list", "diagnostic")
    assert found is not None
    assert found.provider == GENERIC
    assert known.provider(found, ("MAILER-DAEMON@x.example", "mx.sendgrid.net", "we use mailgun")) == "sendgrid"
    assert known.provider(found, ("please resend at the front of the momentum",)) == GENERIC


def test_who_lifts() -> None:
    """By rule and provider, else by provider: generic words of a known brand get that brand's instructions."""
    known = config.signatures()
    lifting = known.lifting("suppression-list", "freshdesk")
    assert lifting is not None
    assert lifting.provider == "freshdesk"
    assert known.lifting("suppression-list", GENERIC) is known.match("550 the address is on the suppression list", "reply")
    assert known.lifting("nothing", "nobody") is None


def test_json_is_flattened_with_its_paths() -> None:
    """JSON in a string is opened; depth and number are bounded."""
    assert flat({"a": [{"b": 1}, "x"], "m": '{"c": null}'}) == "a[0].b: 1 | a[1]: x | m.c: "
    deep: list[object] = []
    for _ in range(500):
        deep = [deep]
    assert flat(deep) == ""
    assert len(flat(["x" * 100] * 5000)) <= 16_000


def test_hostile_text_takes_no_time() -> None:
    """Words that every pattern starts with, 200 KB of them."""
    known = config.signatures()
    for words in ("recipient address on the ", "status: suppressed ", "suppress ", "event: bounce ", "{0,", "address " * 3):
        started = time.process_time()
        for place in PLACES:
            known.match(words * (200_000 // len(words)), place)
        assert time.process_time() - started < 1


def test_a_local_file_adds_and_replaces(tmp_path: Path) -> None:
    """Local entries come first; one of a shipped name stands where that stood."""
    place = tmp_path / "gate"
    config.init(place, "support@shop.test", "digistore24")
    text = (root() / "config" / "signatures.toml").read_text("utf-8")
    entry = text[text.index('[[signature]]\nname = "postal-held"') : text.index('[[signature]]\nname = "mailersend')]
    mine = entry.replace("postal-held", "acme").replace('"postal"', '"acme"').replace("suppression list", "acme list")
    (place / "signatures.toml").write_text(mine + entry.replace("whoever runs", "Tom, who runs"), "utf-8")
    known = config.load(place).signatures
    assert known.entries[0].name == "acme"
    assert len(known.entries) == len(config.signatures().entries) + 1
    assert [one.lifted_by[:3] for one in known.entries if one.name == "postal-held"] == ["Tom"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('sample = "254', 'sample = "255 nothing of the kind" #'), "a sample that the pattern matches"),
        (('how = "OCI', 'hwo = "OCI'), "signature[1].hwo"),
        (("'suppression for user", "'(suppression for user"), "a regular expression"),
        (('where = ["diagnostic"', 'where = ["header"'), "one of diagnostic, json, reply, text"),
    ],
)
def test_a_spoilt_entry_is_refused(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    """Start-up and check say file, key and what is wrong."""
    place = tmp_path / "gate"
    config.init(place, "support@shop.test", "digistore24")
    text = (root() / "config" / "signatures.toml").read_text("utf-8")
    entry = text[text.index('[[signature]]\nname = "oci-254"') : text.index('[[signature]]\nname = "cloudflare')]
    assert change[0] in entry
    (place / "signatures.toml").write_text(entry.replace(*change), "utf-8")
    with pytest.raises(ConfigError) as refused:
        config.load(place)
    assert said in str(refused.value)
    assert "signatures.toml" in str(refused.value)
    errors, _ = config.check(place)
    assert errors
