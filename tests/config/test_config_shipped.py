"""The files that mailgate brings along say what they mean, and `init` makes a working set of them."""

from __future__ import annotations

import re
import stat
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from mailgate import config
from mailgate.config import shipped
from mailgate.config.settings import Mailbox, Main, OAuth
from mailgate.desk.party import Desk, Seller

CONFIG = shipped.root() / "config"


def uncommented(name: str) -> dict[str, object]:
    """A shipped file with every commented key switched on; a sentence begins with "# "."""
    text = (CONFIG / name).read_text("utf-8")
    return tomllib.loads(re.sub(r"^#(?=[\w\[])", "", text, flags=re.MULTILINE))


def keys_of(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def test_shipped_mailgate_toml_shows_the_defaults():
    assert Main.model_validate(uncommented("mailgate.toml")) == Main()


def test_shipped_mailgate_toml_shows_every_key():
    shown = uncommented("mailgate.toml")
    assert shown.keys() == keys_of(Main)
    for name, table in shown.items():
        if isinstance(table, dict) and name not in ("systems", "mailbox", "dkim"):  # names of the reader's own
            assert table.keys() == keys_of(type(getattr(Main(), name))) - {"oauth"}, name  # has no default to show


def test_shipped_mailbox_shows_every_key():
    """It stands there as an example; defaults where a key has one."""
    text = (CONFIG / "mailgate.toml").read_text("utf-8")
    table = tomllib.loads("\n".join(re.findall(r"^#   (.*)$", text, flags=re.MULTILINE)))["mailbox"]["support"]
    assert table.keys() == keys_of(Mailbox)
    assert table["oauth"].keys() == keys_of(OAuth)
    shown = {name: value for name, value in table.items() if name not in ("oauth", "folders")}
    mailbox, bare = Mailbox.model_validate(shown), Mailbox(host="h", username="u", password_file="p")
    examples = {"host", "username", "password_file", "folders"}
    assert mailbox.model_dump(exclude=examples) == bare.model_dump(exclude=examples)
    OAuth.model_validate(table["oauth"])


def test_shipped_mailgate_toml_says_a_sentence_before_every_key():
    lines = (CONFIG / "mailgate.toml").read_text("utf-8").splitlines()
    for before, line in zip(lines, lines[1:], strict=False):
        if re.match(r"#\w+ = ", line):
            assert re.match(r"# .|#\w+ = ", before), line


def test_shipped_desk_shows_every_key_and_its_default():
    table = uncommented("desks.toml")["desk"]["support"]
    assert table.keys() == keys_of(Desk) - {"name"}
    desk, bare = Desk.model_validate(table), Desk(address=table["address"], pack=table["pack"])
    examples = {"agents", "roles", "options", "entities"}
    assert desk.model_dump(exclude=examples) == bare.model_dump(exclude=examples)


def test_shipped_seller_shows_every_key():
    table = uncommented("sellers/example-seller.toml")["seller"]
    assert table.keys() == keys_of(Seller) - {"id"}
    Seller.model_validate(table)


def test_shipped_directory_passes_its_own_check(tmp_path):
    """Only the keys are missing: they are nobody's to ship."""
    errors, _ = config.check(CONFIG)
    assert [problem.key for problem in errors] == ["keys.file"]


@pytest.mark.parametrize("pack", sorted(path.stem for path in (CONFIG / "policies").glob("*.toml")))
def test_init_writes_what_passes_check(tmp_path, pack):
    started = config.init(tmp_path / "gate", "hilfe@läden.test", pack)
    assert started.kept == ()
    errors, warnings = config.check(tmp_path / "gate")
    assert errors == ()
    assert "trust.claimed_may" in {problem.key for problem in warnings}
    settings = config.load(tmp_path / "gate")
    assert settings.trust.claimed_may == ("add", "start", "stop")
    assert [desk.address for desk in settings.desks.values()] == ["hilfe@läden.test"]
    assert settings.desks["support"].pack == pack


def test_init_sets_the_fixed_keys_openly(tmp_path):
    """Whoever opens the file sees what most people change."""
    config.init(tmp_path)
    table = tomllib.loads((tmp_path / "mailgate.toml").read_text("utf-8"))
    assert table["store"] == {"url": "sqlite:///mailgate.db"}
    assert table["smtp"] == {"listen": ["127.0.0.1:8025"]}
    assert table["lmtp"] == table["guard"] == {"listen": []}
    assert table["smarthost"] == {"url": "maildir:outgoing"}
    assert table["http"] == {"listen": "127.0.0.1:9125"}
    assert table["tls"] == {"certificate": "", "key": ""}
    assert table["trust"] == {"relays": [], "authserv_ids": [], "claimed_may": ["add", "start", "stop"]}


def test_init_keeps_what_is_there_and_says_so(tmp_path):
    first = config.init(tmp_path)
    before = {path: path.read_bytes() for path in first.written}
    (tmp_path / "desks.toml").unlink()
    again = config.init(tmp_path, "other@shop.test")
    assert again.written == (tmp_path / "desks.toml",)
    assert set(again.kept) == set(first.written) - {tmp_path / "desks.toml"}
    assert all(path.read_bytes() == text for path, text in before.items() if path.name != "desks.toml")


def test_init_makes_a_new_key_that_only_its_owner_reads(tmp_path):
    config.init(tmp_path / "a")
    config.init(tmp_path / "b")
    one, other = (config.keys(config.load(tmp_path / name)) for name in "ab")
    assert one.current != other.current
    assert stat.S_IMODE((tmp_path / "a/keys").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a/outgoing").stat().st_mode) == 0o700


def test_init_refuses_what_is_no_address_and_no_pack(tmp_path):
    with pytest.raises(config.ConfigError) as refused:
        config.init(tmp_path / "gate", "shop", "digistore")
    assert [problem.file for problem in refused.value.problems] == ["--address", "--pack"]
    assert 'did you mean "digistore24"?' in str(refused.value)
    assert not (tmp_path / "gate").exists()


def test_init_into_a_place_that_can_not_be_written_says_so(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(config.ConfigError, match="a place to write to"):
        config.init(Path(blocked / "gate"))
