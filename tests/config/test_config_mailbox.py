"""[mailbox.NAME]: what a watched mailbox may be, and how a wrong one is said."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mailgate import config
from mailgate.wire.imap_connect import Server
from mailgate.wire.imap_in import mailbox_of

GOOD = """
[mailbox.support]
host = "imap.shop.test"
username = "support@shop.test"
password_file = "support.secret"
"""


@pytest.fixture
def told(place: Path):
    """The settings, or the errors, with this text behind mailgate.toml."""
    (place / "support.secret").write_text("secret\n")
    (place / "support.secret").chmod(0o600)
    main = (place / "mailgate.toml").read_text("utf-8")

    def tell(text: str) -> config.Settings | list[str]:
        (place / "mailgate.toml").write_text(main + text, "utf-8")
        errors, _ = config.check(place)
        return [str(one).replace(f"{place}/", "") for one in errors] or config.load(place)

    return tell


async def test_mailbox_is_watched_as_it_says(told, place):
    """Defaults: TLS from the first byte, INBOX, from now on, nothing marked, its server's word not believed."""
    settings = told(GOOD)
    said = settings.mailbox["support"]
    box = mailbox_of("support", said, settings)
    assert box.server == Server("imap.shop.test", 993, "support@shop.test")
    assert (box.folders, box.since, box.after, box.desk) == ({"INBOX": "inbox"}, None, "nothing", "")
    assert (said.owners, said.trusted) == (("support@shop.test",), False)
    assert await box.secret() == "secret"
    (place / "support.secret").write_text("changed\n")
    assert await box.secret() == "changed", "read at every login"
    assert "secret" not in repr(box).replace("secret=", "").replace("support.secret", "")


def test_date_port_and_folders(told):
    settings = told(
        GOOD + 'tls = "starttls"\nsince = 2026-11-01\ndesk = "support"\nfolders = { "Gelöscht" = "junk", Sent = "sent" }\n'
    )
    said = settings.mailbox["support"]
    box = mailbox_of("support", said, settings)
    assert (said.since, box.since, box.server.port) == (date(2026, 11, 1), datetime(2026, 11, 1, tzinfo=UTC), 143)
    assert dict(box.folders) == {"Gelöscht": "junk", "Sent": "sent"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("password_file", "#"), "mailbox.support: expected password_file, or a table oauth, and not both"),
        (GOOD + 'after = "delete"\n', 'mailbox.support.after: expected "nothing", "seen" or "move:FOLDER"; got "delete"'),
        (GOOD + 'after = "move:INBOX"\n', "mailbox.support.after: expected a folder that is not watched"),
        (GOOD + 'since = "yesterday"\n', 'mailbox.support.since: expected "now" or a date such as 2026-11-01; got "yesterday"'),
        (GOOD + "since = 2026-11-01T10:00:00Z\n", 'mailbox.support.since: expected "now" or a date'),
        (GOOD + 'folders = { INBOX = "outbox" }\n', "mailbox.support.folders.INBOX: expected one of inbox, junk, sent"),
        (GOOD + 'desk = "suport"\n', 'mailbox.support.desk: expected one of support; got "suport" (did you mean "support"?)'),
        (GOOD.replace("imap.shop", "imap shop"), "mailbox.support.host: expected the name of a host"),
        (GOOD.replace("support@shop.test", "a\\\\r\\\\nb"), "mailbox.support.username: expected a text without control"),
        (GOOD.replace("support.secret", "nowhere"), "nowhere: expected a secret file; got no such file"),
        (GOOD + 'password = "secret"\n', "mailbox.support.password: expected no secret in a configuration file; got one"),
        (GOOD + GOOD.replace("mailbox.support", "mailbox.other"), "mailbox.other.folders.INBOX: expected a folder of its own"),
        (
            GOOD.replace("password_file", "#") + '[mailbox.support.oauth]\nprovider = "microsoft"\nclient_id = "x"\n',
            'mailbox.support.oauth: expected secret_file and tenant beside provider = "microsoft"',
        ),
    ],
)  # fmt: skip
def test_wrong_mailbox_is_named(told, text, said):
    """File, key, expected, got; and no secret."""
    problems = told(text.replace("\\\\r\\\\n", "\\r\\n"))
    assert isinstance(problems, list)
    assert any(said in one for one in problems), problems
    assert not any('"secret"' in one for one in problems)


def test_what_is_probably_not_meant_is_warned_of(told, place):
    """A password in clear, a trusted server whose name nobody knows, a Sent folder of nobody's."""
    told(GOOD.replace("support@shop.test", "support") + 'tls = "none"\ntrusted = true\nfolders = { Sent = "sent" }\n')
    _, warnings = config.check(place)
    assert {"mailbox.support.tls", "mailbox.support.addresses", "trust.authserv_ids"} <= {one.key for one in warnings}
