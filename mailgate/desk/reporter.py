"""Whose delivery reports count by themselves: those of a mail system that had the mail in its hands.

That a report is proven to be its author's says who wrote it, not that he knows: anybody has a domain of his own to sign with. So
its author must be a mail system of the recipient's domain or the sender's, or of a provider from whose domain only the provider
writes. Any other report is a claim (design §5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mailgate.desk.path import WIDE
from mailgate.desk.thread import FREEMAIL
from mailgate.mail import address as addresses
from mailgate.mail import agent

_HELPDESKS = "freshdesk.com freshworks.com freshservice.com freshemail.io zendesk.com helpscout.net intercom.io gorgias.com"
PROVIDERS = (WIDE | {*_HELPDESKS.split()}) - FREEMAIL
REGIONS = ".amazonses.com"  # MAILER-DAEMON@eu-west-1.amazonses.com; nobody else has a name there
_SYSTEM = re.compile(r"mailer-?daemon|mail-?daemon|post-?master|microsoftexchange[0-9a-f]*", re.IGNORECASE)


def may_report(author: str, recipient: str, sender: str) -> bool:
    """True if `author`, who is proven, is a mail system that may know what became of mail from `sender` to `recipient`."""
    local, _, domain = addresses.key(author).rpartition("@")
    if domain in PROVIDERS or domain.endswith(REGIONS):
        return agent.is_robot_name(local) or _SYSTEM.fullmatch(local) is not None
    if _SYSTEM.fullmatch(local) is None:
        return False
    return domain in FREEMAIL or _is_near(domain, (recipient, sender))


def _is_near(domain: str, people: Iterable[str]) -> bool:
    """True for the domain of one of them, and for a host below it."""
    theirs = {addresses.domain(one) for one in people} - {""}
    return any(domain == one or (one not in WIDE and domain.endswith(f".{one}")) for one in theirs)
