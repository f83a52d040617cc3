"""What waits for a person, how he is told of it, and what his word does.

A mail whose thread was in doubt (`review`), a first writer whom nobody vouches for (`unknown`), a mail that could not be handled
(`parked`) and one that a filter called spam (`spam`) wait for the desk's staff. One `needs_you` mail lists them, with a signed
link for each thing that can be done. Until then no clock changes because of them (design §5, docs/rules.md G-16).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from mailgate.desk.command_words import command_in
from mailgate.desk.decision import Decision, Order, Scene
from mailgate.desk.follow import order_entry
from mailgate.desk.order import Order as Purchase
from mailgate.desk.party import Desk
from mailgate.desk.route import STAFF
from mailgate.desk.ticket import Entry, Ticket
from mailgate.desk.trust import LEVELS, Level
from mailgate.mail import address as addresses

REVIEW, UNCONFIRMED, NOT_OURS = "review", "unconfirmed", "not_ours"  # tags of tickets
EVERY = timedelta(hours=1)  # between two mails to one desk, and between two questions to one address
MOST = 20  # in one mail; the others come with the next
OFFERS: Mapping[str, tuple[str, ...]] = {
    "review": ("join", "keep_apart", "not_ours"),
    "unknown": ("yes", "not_ours"),
    "parked": ("release", "not_ours.mail"),
    "spam": ("release", "not_ours.mail"),
    "brake": (),  # a verb releases it: who reads a mail can't see what would leave
}
OF_MAILS = ("parked", "spam")
SPAM = "marked as spam"  # how the reason begins why a mail is held
EVENTS = {"join": "joined", "keep_apart": "kept_apart", "not_ours": "not_ours", "yes": "confirmed", "release": "released"}


@dataclass(frozen=True)
class Waiting:
    """One thing that waits: since when, which ticket or (parked, spam) which mail, and which ticket it may belong to.

    `subject` and `author` are the mail's; empty where they can't be read.
    """

    kind: str
    number: int
    at: datetime
    subject: str = ""
    author: str = ""
    points_to: int = 0

    @property
    def key(self) -> str:
        """By what it is known that people were told: a mail that is parked once more is news."""
        return f"{self.kind}:{self.number}:{self.at.isoformat()}"

    @property
    def name(self) -> str:
        """How it is called beside its links: `MG-7 → MG-3`, or `mail 12` by its number alone."""
        if self.kind == "brake":
            return str(self.number)
        own = f"#{self.number}" if self.kind in OF_MAILS else f"MG-{self.number}"
        return f"{own} → MG-{self.points_to}" if self.points_to else own

    @property
    def what(self) -> str:
        """How the list of the mail calls it."""
        said = " ".join(filter(None, (f'"{self.subject}"' if self.subject else "", self.author)))
        return f"{said} ({self.name})" if said else self.name


def kind_of(tags: Collection[str]) -> str:
    """For what a ticket with these tags waits: `unknown`, `review`, or nothing."""
    return "unknown" if UNCONFIRMED in tags else "review" if REVIEW in tags else ""


def told(waiting: Sequence[Waiting], known: Collection[str], scene: Scene, now: datetime) -> tuple[Decision, tuple[Waiting, ...]]:
    """(the mail to the staff, what it lists); no mail while everything in it is known to them.

    What is new is listed before what is old where there is too much for one mail.
    """
    new = [one for one in waiting if one.key not in known]
    listed = sorted([*new, *(one for one in waiting if one.key in known)][:MOST], key=lambda one: (one.at, one.number))
    if not new:
        return Decision("needs_you"), ()
    order = Order(
        "needs_you",
        (STAFF,),
        say={"count": len(listed)},
        data={"waiting": tuple((one.at, one.what, one.kind) for one in listed)},
        cause=now.isoformat(),
        ticket=False,
        about=tuple(_links(listed)),
    )
    return Decision("needs_you", orders=(order,), entries=(order_entry(order, now),)), tuple(listed)


def _links(listed: Sequence[Waiting]) -> Iterator[tuple[str, int, str]]:
    for one in listed:
        for action in OFFERS[one.kind]:
            if action != "join" or one.points_to:
                yield action, one.number, one.name


def kept_apart(ticket: Ticket, by: Mapping[str, Any], now: datetime) -> Decision:
    """The ticket stands for itself: the tag goes, the link to the other one stays as history."""
    ticket = replace(ticket, tags=ticket.tags - {REVIEW})
    said = {**by, "linked_to": ticket.facts.get("linked_to")}
    return Decision("kept_apart", "staff", ticket, entries=(Entry("kept_apart", now, said),))


def put_away(ticket: Ticket, by: Mapping[str, Any], now: datetime) -> Decision:
    """Nothing of ours: the ticket is closed and its clocks count for nothing; nobody is told."""
    void = tuple(
        replace(one, state="void", stopped_at=now) if one.state in ("running", "paused") else one for one in ticket.clocks
    )
    moved = tuple(new for new, old in zip(void, ticket.clocks, strict=True) if new != old)
    entries = [Entry("not_ours", now, by)]
    entries += [Entry("clock_voided", now, {"clock": one.name, "episode": one.episode, "cause": "not_ours"}) for one in moved]
    tags = (ticket.tags - {REVIEW, UNCONFIRMED}) | {NOT_OURS}
    ticket = replace(ticket, state="closed", tags=tags, clocks=void)
    return Decision("not_ours", "staff", ticket, clocks=moved, entries=tuple(entries))


def is_yes(visible: str, words: Mapping[str, tuple[str, ...]]) -> bool:
    """True if the first line of the new text is YES in any language, and nothing else."""
    found = command_in(visible, words)
    return found is not None and found[0] == "yes"


def is_unproven(desk: Desk, party: str, level: Level, ticket: Ticket | None) -> bool:
    """A customer's first mail to a desk that carries mail, and no host vouches for its author (G-16)."""
    below = LEVELS.index(level) < LEVELS.index("authenticated")
    return desk.carries == "mailgate" and desk.mode == "act" and ticket is None and party == "customer" and below


def is_customers(order: Purchase, author: str) -> bool:
    """Does this order speak for its author? The number of somebody else's order proves nothing; one of nobody's may be his."""
    return order.customer is None or order.customer == addresses.key(author)


def did_you_write(ticket: Ticket, scene: Scene, cause: str, now: datetime) -> tuple[Order, ...]:
    """The question to the first writer, without a word of his mail, and with a link for his yes (G-16)."""
    role = scene.policy.author.get("customer", "")
    to = scene.filled((role,), ticket) if role else ()
    return (Order("did_you_write", to, cause=cause, courtesy=True, offers=(("yes", "yes"),)),) if to else ()
