"""Reading a configuration directory: what comes out, and how what is wrong is said."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from mailgate import config
from mailgate.config import shipped
from mailgate.config.problems import Problem

DESK = '[desk.support]\naddress = "support@shop.test"\npack = "digistore24"\n'
DOOR = '"127.0.0.1:8025", "[::1]:8025", "unix:/run/…" or "fd:3"'


def said(place: Path, *overrides: str) -> list[str]:
    """Every error, as printed, with the directory cut off."""
    with pytest.raises(config.ConfigError) as refused:
        config.load(place, overrides)
    assert str(refused.value).splitlines() == [str(problem) for problem in refused.value.problems]
    return [str(problem).replace(f"{place}/", "") for problem in refused.value.problems]


def test_directory_and_its_file_mean_the_same(place):
    assert config.load(place) == config.load(place / "mailgate.toml")


def test_relative_paths_start_at_the_directory(place, monkeypatch, tmp_path):
    """Wherever the daemon was started, its files are where the configuration is."""
    monkeypatch.chdir(tmp_path)
    settings = config.load(Path("gate"), ["smtp.listen=unix:smtp.sock"])
    assert settings.store.url == f"sqlite:///{place}/mailgate.db"
    assert settings.smarthost.url == f"maildir:{place}/outgoing"
    assert settings.keys.file == place / "keys"
    assert settings.smtp.listen == (f"unix:{place}/smtp.sock",)
    assert settings.tls.certificate is None


def test_absolute_paths_stay(place):
    urls = ["store.url=sqlite:////var/lib/m.db", "smarthost.url=maildir:/var/out", "keys.file=" + str(place / "keys")]
    settings = config.load(place, urls)
    assert settings.store.url == "sqlite:////var/lib/m.db"
    assert settings.smarthost.url == "maildir:/var/out"


def test_overrides_take_toml_values_and_bare_words(place):
    settings = config.load(
        place,
        [
            'smtp.listen=["127.0.0.1:0", "[::1]:0"]',
            "lmtp.listen=127.0.0.1:0",
            "logs.format=json",
            "limits.recipients=7",
            "timers.catch_up=90s",
            "desk.support.options.respond_within=24h",
            'http.listen=""',
        ],
    )
    assert settings.smtp.listen == ("127.0.0.1:0", "[::1]:0")
    assert settings.lmtp.listen == ("127.0.0.1:0",)
    assert settings.logs.format == "json"
    assert settings.limits.recipients == 7
    assert settings.timers.catch_up == timedelta(seconds=90)
    assert settings.policies["support"].options["respond_within"] == "24h"
    assert settings.http.listen == ""


def test_desk_has_the_entities_of_its_pack_under_its_own(place, write):
    """What desks.toml says of an entity is laid over the pack, key by key."""
    write("desks.toml", DESK + '[desk.support.entities.ltd]\naliases = ["uk@helpdesk.test"]\n')
    desk = config.load(place).desks["support"]
    assert desk.name == "support"
    assert set(desk.entities) == {"inc", "ltd", "mslw"}
    assert desk.entities["ltd"].helpdesk == "helpdesk@digistore24.co.uk"
    assert desk.entities["ltd"].aliases == ("uk@helpdesk.test",)


def test_policies_are_told_apart_by_text_and_options(place, write):
    """A ticket keeps the rules it opened under, so other options are another policy."""
    write("desks.toml", DESK + '[desk.late]\naddress="l@shop.test"\npack="digistore24"\noptions.respond_within="72h"\n')
    policies = config.load(place).policies
    assert len({policy.hash for policy in policies.values()}) == 2
    assert all(len(policy.hash) == 64 for policy in policies.values())


def test_pack_of_the_directory_takes_the_place_of_the_shipped_one(place, write):
    own = (shipped.root() / "config/policies/digistore24.toml").read_text("utf-8").replace('"48h" ', '"24h" ', 1)
    write("policies/digistore24.toml", own)
    settings = config.load(place)
    assert settings.packs["digistore24"].text == own
    assert settings.policies["support"].options["respond_within"] == "24h"


def test_template_of_the_directory_takes_the_place_of_that_one_notice(place, write):
    theirs = config.load(place).templates
    write("templates/en/remind.txt", theirs.notices["en"]["remind"] + "\nOurs.\n")
    ours = config.load(place).templates
    assert ours.notices["en"]["remind"].endswith("Ours.\n")
    assert ours.notices["en"].keys() == theirs.notices["en"].keys()
    assert ours.strings == theirs.strings


def test_seller_is_called_as_his_file(place, write):
    write("sellers/acme.toml", '[seller]\nsupport = "help@acme.test"\nentities = ["ltd"]\n')
    assert config.load(place).sellers["acme"].id == "acme"
    write("sellers/acme.toml", '[seller]\nid = "other"\nsupport = "help@acme.test"\n')
    assert said(place) == [
        'sellers/acme.toml: seller.id: expected "acme"; got "other" (the file\'s name is the seller\'s id; leave the key out)'
    ]


def test_problem_is_printed_as_one_line():
    problem = Problem("config/desks.toml", "desk.support.pack", "one of digistore24", '"digistor24"', "did you mean …?")
    assert str(problem) == (
        'config/desks.toml: desk.support.pack: expected one of digistore24; got "digistor24" (did you mean …?)'
    )


def test_everything_wrong_is_said_at_once(place, write):
    """One start lists what ten would find, one problem a line."""
    write("mailgate.toml", '[smtp]\nlisen = []\nlisten = ["nowhere"]\n[limit]\n[logs]\nformat = "jsn"\nlevel = 3\n')
    write("desks.toml", DESK.replace("store24", "stor24") + 'zone = "Europe/Berln"\naddres = "x"\noptions.x = 1\n')
    write("sellers/a.toml", '[seller]\nsupport = "nobody"\nentities = ["lt"]\n')
    found = said(place)
    assert f'mailgate.toml: smtp.listen[1]: expected {DOOR}; got "nowhere"' in found
    for line in (
        'mailgate.toml: smtp.lisen: expected a key of [smtp]; got an unknown one (did you mean "listen"?)',
        'mailgate.toml: limit: expected a known table; got an unknown one (did you mean "limits"?)',
        'mailgate.toml: logs.format: expected one of auto, json, text; got "jsn" (did you mean "json"?)',
        'desks.toml: desk.support.addres: expected a key of [desk.support]; got an unknown one (did you mean "address"?)',
        'desks.toml: desk.support.zone: expected a zone such as Europe/Berlin; got "Europe/Berln" '
        '(did you mean "Europe/Berlin"?)',
        'sellers/a.toml: seller.support: expected an e-mail address such as support@shop.example; got "nobody"',
    ):
        assert line in found
    assert any(line.startswith("mailgate.toml: logs.level: expected one of debug") for line in found)
    assert any(line.startswith("desks.toml: desk.support.pack: expected one of ") for line in found)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        (
            "desk.support.mode=observe",
            "desks.toml: desk.support.staff: expected where its people read; got none (a desk that observes warns nobody else)",
        ),
        (
            "desk.support.warn_before=3bd",
            '--set: desk.support.warn_before: expected a length such as "4h", "30m" or "2d"; got "3bd"',
        ),
    ],
)
def test_what_cannot_be_obeyed_is_refused_with_the_reason(place, override, line):
    """A setting that nothing obeys must not look as if it were obeyed."""
    assert said(place, override) == [line]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+psycopg://u:hunter2@db/x", "a URL without a password"),
        ("postgresql+psycopg://u@db/x?password=hunter2", "a URL without a password"),
        ("postgresql+psycopg://u@db", "a database's name behind the host"),
        ("postgresql+psycopg://u@db:port/x", '"sqlite:///mailgate.db" or "postgresql+psycopg://'),
        ("mysql://u@db/x", '"sqlite:///mailgate.db" or "postgresql+psycopg://'),
    ],
)
def test_store_is_a_file_or_a_database_without_its_password(place, url, expected):
    """The password of a database stands in a file of its own, and is never repeated."""
    (line,) = said(place, f"store.url={url}")
    assert line.startswith(f"--set: store.url: expected {expected}")
    assert "hunter2" not in line


def test_database_of_a_server_is_taken_as_it_is(place):
    """libpq's parameters may stand behind the ?, a socket's directory among them."""
    url = "postgresql+psycopg://mailgate@/mailgate?host=/run/postgresql"
    assert config.load(place, [f"store.url={url}"]).store.url == url


@pytest.mark.parametrize("section", ["mailboxes.m.desk=support", "limits.surge=3", "guard.missing_copy=add"])
def test_setting_that_nothing_reads_is_unknown(place, section):
    (line,) = said(place, section)
    assert "got an unknown one" in line


def test_relays_are_addresses_and_networks(place):
    """Nothing looks names up: a relay is told by the address that it connects from."""
    relays = ["192.0.2.25", "10.0.0.0/8", "2001:db8::/32"]
    assert config.load(place, [f"trust.relays={relays}"]).trust.relays == tuple(relays)
    (line,) = said(place, "trust.relays=['192.0.2.25', 'mx.shop.test']")
    assert line == (
        '--set: trust.relays[2]: expected an IP address or a network, such as "192.0.2.25" or "10.0.0.0/8"; '
        'got "mx.shop.test" (names are not looked up: write the addresses that the host connects from)'
    )


def test_option_that_the_pack_lacks_names_the_nearest(place):
    assert said(place, "desk.support.options.respond_witin=24h") == [
        "--set: desk.support.options.respond_witin: expected an option of digistore24; got an unknown one "
        '(did you mean "respond_within"?)'
    ]


def test_option_of_the_wrong_kind_says_what_it_may_be(place):
    (line,) = said(place, "desk.support.options.reply_all=loose")
    assert line == '--set: desk.support.options.reply_all: expected one of strict, off; got "loose"'


def test_toml_that_does_not_parse_names_file_and_line(place, write):
    write("desks.toml", '[desk.support]\naddress = "a@b.test"\npack = digistore24\n')
    (line,) = said(place)
    assert line.startswith("desks.toml:3: expected TOML; got a mistake in it (")
    write("desks.toml", "[desk.support]\nx = [1,\n")
    assert said(place)[0].startswith("desks.toml:3: ")


@pytest.mark.parametrize("key", ["trust.password", "smarthost.password", "keys.secret", "store.api_key"])
def test_secret_in_a_configuration_file_is_refused_unseen(place, key):
    """Secrets stand in files of their own; a problem never repeats one."""
    (line,) = said(place, f"{key}=hunter2-hunter2")
    assert "expected no secret in a configuration file; got one" in line
    assert "hunter2" not in line


def test_password_in_a_url_is_refused_unseen(place):
    (line,) = said(place, "smarthost.url=smtp://me:hunter2@relay.test")
    assert "expected a URL without a password" in line
    assert "hunter2" not in line
    assert "password_file = …" in line


def test_keys_must_be_the_owners_alone(place):
    (place / "keys").chmod(0o640)
    (line,) = said(place)
    assert line == (
        f"keys: keys.file: expected a secret that only its owner can read; got mode 0640 (chmod 600 {place}/keys)".replace(
            f"{place}/", ""
        )
    )


def test_keys_from_the_service_manager_may_have_its_mode(place, monkeypatch):
    """systemd hands credentials over in a directory of its own, with an access list that shows as a group's right."""
    (place / "keys").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(place))
    config.load(place)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/other")
    assert said(place)


def test_keys_are_one_or_two_lines(place, write):
    first = config.keys(config.load(place))
    assert len(first.current) == 32
    assert first.previous is None
    older = (place / "keys").read_text("ascii")
    write("keys", "bmV3" + "A" * 40 + "\n" + older)
    both = config.keys(config.load(place))
    assert both.previous == first.current
    for text in ("", "hunter2\n", "QUJD\n", older * 3):
        write("keys", text)
        (line,) = said(place)
        assert "one or two lines" in line
        assert "hunter2" not in line


def test_passwords_come_from_their_files(place, write):
    write("pw", "hunter2 ü\n").chmod(0o600)
    settings = config.load(place, ["smarthost.password_file=pw"])
    assert settings.smarthost.password_file is not None
    assert config.password(settings.smarthost.password_file) == "hunter2 ü"
    assert "hunter2" not in repr(settings) + settings.model_dump_json(exclude={"templates"})


def test_missing_secret_file_is_named(place):
    assert said(place, "smarthost.password_file=pw") == ["pw: expected a secret file; got no such file"]


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (None, "got no such file"),
        ("", "got an empty file"),
        ("x" * 1_000_000, "expected a secret of at most 65536 bytes; got a larger file"),
        ("one\ntwo\n", "got several lines"),
    ],
    ids=["missing", "empty", "1 MB", "two lines"],
)
def test_credential_that_is_none_is_refused_with_its_file(place, tmp_path, monkeypatch, content, got):
    """U05: LoadCredential= of the unit hands over what is there; a secret is never cut short, nor shown."""
    handed = tmp_path / "credentials"
    handed.mkdir()
    if content is not None:
        (handed / "relay").write_text(content)
        (handed / "relay").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
    (line,) = said(place, f"smarthost.password_file={handed}/relay")
    assert got in line
    assert "relay" in line
    assert "xx" not in line


def test_directory_that_is_not_there_says_how_to_make_one(tmp_path):
    (line,) = said(tmp_path / "none")
    assert "got no such directory (mailgate init" in line
    assert len(said(tmp_path)) == 2


@pytest.mark.parametrize("text", ["smtp", "=1", "smtp..listen=1", "a b=1", "smtp.listen=[]\nx=1 = 2"])
def test_override_that_is_none_is_refused(place, text):
    assert said(place, text)


@pytest.mark.parametrize(("text", "kind"), [("127.0.0.1:25", "tcp"), ("[::1]:0", "tcp"), ("unix:/run/x", "unix"), ("fd:3", "fd")])
def test_endpoint_reads_every_form(text, kind):
    assert config.endpoint(text).kind == kind


@pytest.mark.parametrize("text", ["", "25", ":25", "host", "host:smtp", "::1:25", "host:70000", "unix:", "fd:x", "fd:-1"])
def test_endpoint_refuses_what_is_none(text):
    with pytest.raises(ValueError, match="127"):
        config.endpoint(text)


def test_five_thousand_sellers_load_in_seconds(place, write):
    for number in range(5000):
        lines = f'support = "help@shop{number}.test"\naddresses = ["@shop{number}.test"]\nentities = ["inc"]\n'
        write(f"sellers/s{number}.toml", f"[seller]\n{lines}zone = 'America/New_York'\ncalendar = 'US'\n")
    start = time.process_time()
    errors, warnings = config.check(place)
    assert time.process_time() - start < 10
    assert errors == ()
    assert len(config.load(place).sellers) == 5001
    assert len(warnings) < 10


@pytest.mark.parametrize(
    ("sets", "complaint"),
    [
        (["smarthost.url='smtp://relay.test?tls=may'"], "smarthost.url: expected a URL without ?"),
        (["smarthost.url='smtps://relay.test'", "smarthost.tls=none"], "smarthost.tls: expected encrypt or verify"),
        (
            ["smarthost.url='smtp://relay.test'", "smarthost.username=ann", "smarthost.tls=may"],
            "smarthost.tls: expected encrypt or verify",
        ),
        (["smarthost.tls=sometimes"], "smarthost.tls: expected"),
        (["smarthost.ca_file=none.pem"], "smarthost.ca_file: expected a file of certificates (PEM); got"),
        (["smarthost.ca_file=mailgate.toml"], "no certificate that can be read"),
        (["smarthost.domains={'gmail com' = {at_once = 2}}"], 'smarthost.domains."gmail com": expected a domain'),
        (["smarthost.domains={'gmail.com' = {per_hour = 2}}"], "per_hour"),
        (["smarthost.oauth={provider='google', client_id='c'}"], "smarthost.oauth: expected secret_file and refresh_token_file"),
        (["smarthost.oauth={provider='microsoft', client_id='c', tenant='t', secret_file='no'}"], "no: expected a secret file"),
        (["smarthost.oauth={provider='microsoft', client_id='c', tenant='t', secret_file='no'}"], "smarthost.username: expected"),
        (["smarthost.at_once=0"], "smarthost.at_once: expected"),
        (["smarthost.url='smtp://ann@relay.test'"], "smarthost.url: expected"),
    ],
)
def test_outgoing_mail_that_does_not_fit_together_is_refused(place, sets, complaint):
    """An account never goes out in clear, and a certificate file that can't be read is known before the first mail."""
    assert any(complaint in one for one in said(place, *sets)), said(place, *sets)


@pytest.mark.parametrize(
    "sets",
    [
        ["smarthost.url='smtp://127.0.0.1:25'", "smarthost.username=ann", "smarthost.tls=may"],
        ["smarthost.url='smtp://relay.test'", "smarthost.username=ann"],
        ["smarthost.domains={'Gmail.com' = {at_once = 2, per_minute = 60}}"],
    ],
)
def test_outgoing_mail_that_fits_together_is_taken(place, sets):
    assert config.load(place, sets).smarthost.username in ("", "ann")
