"""Decide which ticket a mail belongs to, and say how we know.

Evidence is asked for strongest first: a signed token in an address written to; our own signed Message-ID; a Message-ID
that we have seen; an unseen id that another message of a ticket also names; a token in the body; our subject tag.
Every kind can be copied by somebody else, so a match also needs an author who belongs to the ticket: a participant, or
for what only our own mail could carry, somebody of the same organisation. Doubt never joins: it opens a linked ticket for
people to look at, because a split is mended with one word and a leak never is. Subjects alone join nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mailgate.desk.party import Desk
from mailgate.desk.route import Roster, party_of
from mailgate.desk.ticket import Ticket
from mailgate.mail import address as addresses

ORDER = (
    "token",
    "message_id",
    "relay_id",
    "reference",
    "unseen_reference",
    "broken_reference",
    "body_token",
    "subject_tag",
)
PROOF = frozenset({"token", "message_id", "relay_id", "body_token"})
BY_REFERENCE = frozenset({"message_id", "relay_id", "reference", "unseen_reference", "broken_reference"})
FREEMAIL = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "hotmail.com",
        "live.com",
        "msn.com",
        "yahoo.com",
        "yahoo.com.br",
        "icloud.com",
        "me.com",
        "aol.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "t-online.de",
        "mail.ru",
        "yandex.ru",
        "proton.me",
        "protonmail.com",
        "uol.com.br",
        "bol.com.br",
        "libero.it",
        "virgilio.it",
        "tiscali.it",
        "orange.fr",
        "free.fr",
        "laposte.net",
        "chmail.ir",
    ]
)


@dataclass(frozen=True)
class Clues:
    """What the store found: for each kind of evidence, the ticket numbers it names, nearest first.

    `token_party` is the participant id that the address token was made for (0: no token).
    """

    tickets: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    token_party: int = 0

    @property
    def numbers(self) -> tuple[int, ...]:
        """Every ticket that any evidence names, without doubles."""
        return tuple(dict.fromkeys(number for kind in ORDER for number in self.tickets.get(kind, ())))


@dataclass(frozen=True)
class Match:
    """The ticket joined (None: a new one), the evidence, what it points to, and why it was not joined."""

    ticket: Ticket | None
    evidence: str = "none"
    points_to: int | None = None
    doubt: str = ""
    by_reference: bool = False
    signed: bool = False


def match(author: str | None, clues: Clues, tickets: Mapping[int, Ticket], desk: Desk, roster: Roster) -> Match:
    """The ticket of a mail by `author`, with its evidence; doubt gives no ticket but says what it points to."""
    first: Match | None = None
    for kind in ORDER:
        numbers = [number for number in clues.tickets.get(kind, ()) if number in tickets]
        if not numbers:
            continue
        found = _weigh(kind, numbers, author, clues, tickets, desk, roster)
        if found.ticket is not None:
            return found
        first = first or found
    return first or Match(None)


def _weigh(
    kind: str,
    numbers: Sequence[int],
    author: str | None,
    clues: Clues,
    tickets: Mapping[int, Ticket],
    desk: Desk,
    roster: Roster,
) -> Match:
    ticket = tickets[numbers[0]]
    if len(set(numbers)) > 1 and kind != "token":
        return Match(None, kind, ticket.number, "names more than one ticket")
    if ticket.desk != desk.name:
        return Match(None, kind, ticket.number, "belongs to another desk")
    relation = related(author, ticket, desk, roster)
    if relation == "stranger" or (relation == "colleague" and kind not in PROOF):
        return Match(None, kind, ticket.number, "its author is not of this ticket")
    signed = kind == "token" and _is_party(author, clues.token_party, ticket)
    by_reference = any(ticket.number in clues.tickets.get(one, ()) for one in BY_REFERENCE)
    return Match(ticket, kind, ticket.number, by_reference=by_reference, signed=signed)


def related(author: str | None, ticket: Ticket, desk: Desk, roster: Roster) -> str:
    """participant, colleague (same organisation, not a freemail house) or stranger."""
    if author is None:
        return "stranger"
    key = addresses.key(author)
    if any(addresses.key(one.address) == key for one in ticket.participants):
        return "participant"
    seller = roster.sellers.get(ticket.seller or "")
    if party_of(author, desk, seller, ticket, roster) in ("desk", "seller", "notifier"):
        return "participant"
    domain = addresses.domain(author)
    if domain not in FREEMAIL and domain in _domains(one.address for one in ticket.participants):
        return "colleague"
    return "stranger"


def _domains(written: Iterable[str]) -> frozenset[str]:
    return frozenset(addresses.domain(one) for one in written)


def _is_party(author: str | None, party: int, ticket: Ticket) -> bool:
    """A token is worth a signature only in the hands of the one it was made for (design: claimed otherwise)."""
    if author is None or not party:
        return False
    key = addresses.key(author)
    return any(one.id == party and addresses.key(one.address) == key for one in ticket.participants)
