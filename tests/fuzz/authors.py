"""Who wrote it: our reader beside three others (compat32, policy.default, mail-parser) on the same mail.

The others may see nobody, or fail. If we name an author, none of them may name anybody else.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable, Iterator
from email.utils import getaddresses, parseaddr

from mailparser import MailParser

from mailgate.mail import address
from mailgate.mail.compose import _mailbox
from mailgate.mail.message import parse

UNREAD = re.compile("[\ufffd\ud800-\udfff]")  # they do not read raw UTF-8 (RFC 6532): they name nobody then
END = b"\r\nTo: desk@shop.example\r\nSubject: hello\r\n\r\nhi\r\n"


def check(said: bytes) -> None:
    """`said` is what follows ``From:`` in a mail."""
    raw = b"From: " + said + END
    ours = parse(raw).author
    if ours is None:
        return
    assert address.is_address(ours)
    assert [(name, other) for name, other in others(raw) if address.key(other) != address.key(ours)] == []
    name = parse(raw).from_[0].name if parse(raw).from_ else ""
    printed = _mailbox("From", address.Mailbox(name, ours))
    if ours.rpartition("@")[0].isascii() and {"@", "<", ">"}.isdisjoint(name):
        assert address.key(address.author([printed.replace("\r\n", "")]) or "") == address.key(ours), printed


def others(raw: bytes) -> Iterator[tuple[str, str]]:
    """(reader, address) for each address that another reader sees in From."""
    for name, reader in READERS.items():
        try:
            found = reader(raw)
        except Exception:  # noqa: S112 - they raise on much of what comes here
            continue
        yield from ((name, one) for one in found if "@" in one.strip("@") and not UNREAD.search(one))


def _first(raw: bytes) -> list[str]:
    value = email.message_from_bytes(raw)["From"]
    return [parseaddr(str(value))[1]] if value is not None else []


def _every(raw: bytes) -> list[str]:
    values = email.message_from_bytes(raw).get_all("From", [])
    return [one for _, one in getaddresses(list(map(str, values)))]


def _modern(raw: bytes) -> list[str]:
    field = email.message_from_bytes(raw, policy=email.policy.default)["From"]
    return [one.addr_spec for one in field.addresses] if field is not None else []


def _mail_parser(raw: bytes) -> list[str]:
    return [one for _, one in MailParser.from_bytes(raw).from_]


READERS: dict[str, Callable[[bytes], list[str]]] = {
    "parseaddr": _first,
    "getaddresses": _every,
    "policy.default": _modern,
    "mail-parser": _mail_parser,
}
