"""Decide which ticket a mail belongs to, and say how we know.

Evidence is asked for strongest first: a signed token in an address written to; our own signed Message-ID, or the one that a
relay put in its place; a Message-ID that we have seen; an unseen id that another message of a ticket also names; a broken id
that equals a known one; a token in the body; a subject tag, ours or one that the author himself used before; Thread-Index
with its topic; words that the mail quotes under the ticket's subject; of a seller's mail through the guard, the one customer
to whom he owes an answer. Every kind can be copied by somebody else, so a match
also needs an author who belongs to the ticket: a participant, or for what only our own mail could carry, somebody of the
same organisation.

Doubt never joins: it opens a linked ticket for people to look at, because a split is mended with one word and a leak never
is. Doubt about strong evidence is not healed by weaker evidence. What a stranger can guess or copy from a list's archive only
links. Subjects alone join nothing, and a forwarded mail opens a ticket of its own, unless it is the missing copy (DR-12).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mailgate.desk.party import Desk
from mailgate.desk.route import Roster, party_of
from mailgate.desk.ticket import Ticket
from mailgate.mail import address as addresses
from mailgate.mail import subject as subjects

HEADERS = ("message_id", "relay_id", "reference")
ORDER = (
    "token", *HEADERS, "unseen_reference", "broken_reference", "body_token", "subject_tag", "order", "thread_index", "quote",
    "customer", "subject",
)  # fmt: skip
PROOF = frozenset({"token", "message_id", "relay_id", "body_token"})
BY_REFERENCE = frozenset({*HEADERS, "unseen_reference", "broken_reference"})
GUESSABLE = frozenset({"subject_tag", "order", "thread_index", "subject"})
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

    `token_party` is the participant id that the address token was made for (0: no token), `answered` the ticket that
    In-Reply-To itself names. `key` is the mail's subject to compare, `named` the ids that it answers or attaches;
    `forward`: it hands on somebody else's mail; `answers`: its subject has the prefix of a reply or the like.
    """

    tickets: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    token_party: int = 0
    answered: int = 0
    key: str = ""
    named: frozenset[str] = frozenset()
    forward: bool = False
    answers: bool = True
    addressed: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """Every ticket that any evidence names, without doubles."""
        return tuple(dict.fromkeys(number for kind in ORDER for number in self.tickets.get(kind, ())))


@dataclass(frozen=True)
class Match:
    """The ticket joined (None: a new one), the evidence, what it points to, and why it was not joined.

    `review`: people must look at it; else what it points to is only a link. `names`: every ticket that ids name, and this one.
    """

    ticket: Ticket | None
    evidence: str = "none"
    points_to: int | None = None
    doubt: str = ""
    by_reference: bool = False
    signed: bool = False
    review: bool = False
    names: tuple[int, ...] = ()


def match(author: str | None, clues: Clues, tickets: Mapping[int, Ticket], desk: Desk, roster: Roster) -> Match:
    """The ticket of a mail by `author`, with its evidence; doubt gives no ticket but says what it points to."""
    scale = _Scale(author, clues, tickets, desk, roster)
    doubts: list[Match] = []
    for kind in ORDER:
        numbers = [number for number in clues.tickets.get(kind, ()) if number in tickets]
        if not numbers:
            continue
        found = scale.weighed(kind, numbers)
        if found.ticket is not None and not any(one.review for one in doubts):
            return replace(found, names=scale.linked(found))
        doubts.append(found)
    told = next((one for one in doubts if one.review), None) or next(iter(doubts), Match(None))
    return replace(told, names=scale.linked(told))


@dataclass(frozen=True)
class _Scale:
    """One mail and what is known about it, to weigh one kind of evidence after the other."""

    author: str | None
    clues: Clues
    tickets: Mapping[int, Ticket]
    desk: Desk
    roster: Roster

    def weighed(self, kind: str, numbers: Sequence[int]) -> Match:
        """The match that `kind` makes, which names these tickets, nearest first."""
        here = [number for number in self._all_named(kind, numbers) if self.tickets[number].desk == self.desk.name]
        if not here:
            return Match(None, kind, numbers[0], "belongs to another desk")
        number = here[0] if kind in ("token", "subject") else self._chosen(kind, here)
        relation = "" if number is None else related(self.author, self.tickets[number], self.desk, self.roster)
        if relation in ("", "stranger") or (relation == "colleague" and kind not in PROOF):
            again = self._in_doubt_before(here)
            if again is None:
                return self._doubted(kind, here[0] if number is None else number, relation)
            number = again
        assert number is not None
        ticket = self.tickets[number]
        if kind == "order" and not (self.clues.answers and self._same_parties(ticket)):
            return Match(None, kind, number, "only its order number says so")
        if kind == "subject" or (kind == "quote" and not self.clues.answers):
            doubt = "only its subject says so" if kind == "subject" else "it quotes, but does not answer"
            return Match(None, kind, number, doubt, review=True)
        if self.clues.forward and kind != "token" and not self._may_forward(ticket):
            return Match(None, kind, number, "it forwards somebody else's mail", review=True)
        signed = kind == "token" and _is_party(self.author, self.clues.token_party, ticket)
        by_reference = any(number in self.clues.tickets.get(one, ()) for one in BY_REFERENCE)
        return Match(ticket, kind, number, by_reference=by_reference, signed=signed)

    def _doubted(self, kind: str, number: int, relation: str) -> Match:
        if not relation:
            return Match(None, kind, number, "names more than one ticket", review=True)
        review = self._is_claim(kind, relation, self.tickets[number])
        return Match(None, kind, number, "its author is not of this ticket", review=review)

    def _in_doubt_before(self, numbers: Sequence[int]) -> int | None:
        """The ticket that the same doubt opened for an earlier mail of his: the next one belongs there too."""
        near = (*numbers, *(one for one in self.clues.tickets.get("unseen_reference", ()) if one in self.tickets))
        family = {one: {one, self.tickets[one].facts.get("linked_to")} for one in near if self._is_his(one)}
        his = {one for one, both in family.items() if not both.isdisjoint({*numbers} - {one}) and both.issuperset(numbers)}
        return his.pop() if len(his) == 1 else None

    def linked(self, found: Match) -> tuple[int, ...]:
        """Every ticket that the mail belongs together with, joined or not."""
        sure = (number for kind in ORDER[:-4] for number in self.clues.tickets.get(kind, ()) if number in self.tickets)
        return tuple(dict.fromkeys((*sure, *(() if found.points_to is None else (found.points_to,)))))

    def _all_named(self, kind: str, numbers: Sequence[int]) -> tuple[int, ...]:
        """With one header's ids count those of every kind: a mail that names two tickets is a doubt, however it does."""
        also = (number for one in HEADERS for number in self.clues.tickets.get(one, ()) if number in self.tickets)
        return tuple(dict.fromkeys((*numbers, *(also if kind in HEADERS else ()))))

    def _chosen(self, kind: str, numbers: Sequence[int]) -> int | None:
        """The one ticket that is meant, or None: the only one; of several, all his own, the one that he answers."""
        if len(numbers) == 1:
            return numbers[0]
        his = [number for number in numbers if self._is_his(number)]
        if kind == "unseen_reference" and len(his) == 1:
            return his[0]
        if kind not in HEADERS or len(his) != len(numbers):
            return None
        linked = {self.tickets[numbers[0]].facts.get("linked_to"), numbers[0]}
        return self.clues.answered if self.clues.answered in numbers else numbers[0] if linked.issuperset(numbers) else None

    def _is_his(self, number: int) -> bool:
        return related(self.author, self.tickets[number], self.desk, self.roster) == "participant"

    def _is_claim(self, kind: str, relation: str, ticket: Ticket) -> bool:
        """Is this more than a guess, so that people should look? A tag is one under the ticket's own subject only."""
        if kind == "subject_tag":
            return relation == "colleague" or subjects.read(ticket.subject).key == self.clues.key
        return kind not in GUESSABLE or (relation == "colleague" and kind != "subject")

    def _same_parties(self, ticket: Ticket) -> bool:
        """Its author and somebody it is addressed to are of the ticket; a desk that carries mail stands for the other side."""
        people = {addresses.key(one.address) for one in ticket.participants}
        return self.desk.carries == "mailgate" or not people.isdisjoint(addresses.key(one) for one in self.clues.addressed)

    def _may_forward(self, ticket: Ticket) -> bool:
        """The desk's people hand on mail within a ticket; a seller hands on the answer whose copy was missing (DR-12)."""
        seller = self.roster.sellers.get(ticket.seller or "")
        party = party_of(self.author, self.desk, seller, ticket, self.roster)
        late = (said.message_id for said in ticket.spoken if said.party == "seller" and said.missing == ("required_copy",))
        return party in ("desk", "notifier") or (party == "seller" and not self.clues.named.isdisjoint(late))


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
