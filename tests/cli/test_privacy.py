"""`mailgate purge` and `mailgate person export`, as an operator calls them."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from running import HELPDESK, SELLER, does, mail
from taken import took

from mailgate import cli

ASK = mail(HELPDESK, SELLER, "ask", "Order 4711")
ANSWER = mail(SELLER, HELPDESK, "re", "Re: Order 4711", answers="ask")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A house that took the helpdesk's ask and the seller's answer 500 days ago."""
    return took(tmp_path / "gate", [(raw, timedelta(days=500)) for raw in (ASK, ANSWER)])


def exported(shop: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in does("person", "export", SELLER, "--config", str(shop)).splitlines()]


def test_export_is_json_lines_with_the_mail_as_it_came(shop: Path) -> None:
    """What somebody is entitled to see of himself, in a form that he can read."""
    found = exported(shop)
    assert [row["kind_of_record"] for row in found] == ["ticket", "mail", "mail"]
    assert [base64.b64decode(row["raw"]) for row in found[1:]] == [ASK, ANSWER]


def test_purge_says_how_many_mails_lost_their_bytes(shop: Path) -> None:
    """The text of the conversation stays; the bytes go."""
    assert does("purge", "--config", str(shop)).startswith("2 mails from before ")
    assert [(row["raw"], row["text"][:8]) for row in exported(shop)[1:]] == [("", "This is "), ("", "This is ")]
    assert does("purge", "--config", str(shop)).startswith("0 mails")


def test_export_of_what_is_no_address_is_refused(shop: Path) -> None:
    """A slip must not look like a person of whom nothing is kept."""
    done = CliRunner().invoke(cli.cli, ["person", "export", "nobody", "--config", str(shop)])
    assert done.exit_code == 2
    assert "is no address" in done.output
