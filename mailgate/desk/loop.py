"""Machines that say nothing of themselves (docs/security.md): by what they give themselves away all the same.

One says the same again and again; another answers whatever it gets, in new words, faster than anybody reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from mailgate.desk.opening import LONGEST_TEXT
from mailgate.desk.ticket import Ticket
from mailgate.mail import address as addresses

LEAST_REPEATED = 40  # characters
REPEATED_WITHIN = timedelta(days=7)
REPEATED_BEFORE = 2
AT_ONCE = timedelta(minutes=2)  # from our notice to the answer, both ways of the mail included
TIMES = 3


def is_repeated(text: str, author: str | None, ticket: Ticket, now: datetime) -> bool:
    """True for the third mail of a week in which this author says the same on this ticket, word for word.

    So speaks a machine that shows by nothing else that it is one (design: loops). Short words, such as a thank-you, people say
    again, too.
    """
    text, key = text[:LONGEST_TEXT], addresses.key(author or "")
    if len(text.strip()) < LEAST_REPEATED:
        return False
    said = [one for one in ticket.spoken if one.at > now - REPEATED_WITHIN and addresses.key(one.author) == key]
    return sum(one.text == text for one in said) >= REPEATED_BEFORE


def answers_at_once(ticket: Ticket, reader: str, cause: str, told: Sequence[datetime], since: datetime) -> bool:
    """True if the mail `cause` is at least the third since then that `reader` wrote within two minutes of a notice to him.

    `told`: when notices were written to him on this ticket. People answer one that fast, not each.
    """
    key = addresses.inbox(reader)
    mine = [one for one in ticket.spoken if one.at > since and addresses.inbox(one.author) == key]
    if not mine or mine[-1].message_id != cause:
        return False
    quick = [any(at < one.at <= at + AT_ONCE for at in told) for one in mine]
    return quick[-1] and sum(quick) >= TIMES
