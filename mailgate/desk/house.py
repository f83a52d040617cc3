"""The house: everything that the three paths share and that configuration decides, as one frozen value.

A reload makes a new House; whoever holds the old one finishes with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from mailgate.desk.command import ACTION, DESK_ACTIONS, links
from mailgate.desk.notice import Templates
from mailgate.desk.pack import Policy
from mailgate.desk.party import Desk, Seller
from mailgate.desk.route import Roster
from mailgate.mail import address as addresses
from mailgate.mail import token
from mailgate.mail.signature import Signatures
from mailgate.mail.token import Keys


@dataclass(frozen=True)
class Source:
    """A pack as it was read, with a desk's options: what a ticket keeps of the policy that it opened under."""

    name: str
    raw: Mapping[str, Any]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Caps:
    """How many notices one reader may get in an hour because of mail: on one ticket, and in all. Timers don't count.

    `author`: on how many tickets one customer may be written to in a week before his next new one waits for people.
    `surge`: how many escalations and effects of a desk in an hour are never too many (design: brake).
    """

    ticket: int = 10
    reader: int = 60
    author: int = 30
    surge: int = 50


@dataclass(frozen=True)
class Mailbox:
    """A watched mailbox: whose it is (addresses and @domains), and whether its server's Authentication-Results are believed."""

    owners: tuple[str, ...] = ()
    trusted: bool = False


@dataclass(frozen=True)
class House:
    """Desks, sellers, their policies, the words and the keys. `policies` and `sources` go by desk name."""

    roster: Roster
    policies: Mapping[str, Policy]
    sources: Mapping[str, Source]
    templates: Templates
    keys: Keys
    allowed: Mapping[str, tuple[str, ...]]
    relays: tuple[str, ...] = ()
    authserv_ids: tuple[str, ...] = ()
    results: Literal["above", "beneath"] = "above"
    proven_doors: frozenset[str] = field(default_factory=frozenset)
    copied: tuple[str, ...] = ()
    journals: tuple[str, ...] = ()
    caps: Caps = Caps()
    mailboxes: Mapping[str, Mailbox] = field(default_factory=dict)
    signatures: Signatures = Signatures()
    effects_to: str = ""
    confirm_after: str = "sent"
    systems: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def actions(self) -> tuple[str, ...]:
        """Every action that a signed link of ours may stand for, at any desk."""
        each = (one for policy in self.policies.values() for one in links(policy, tuple(self.roster.sellers)))
        return tuple(dict.fromkeys((*DESK_ACTIONS, ACTION, *each)))

    @cached_property
    def actions_by_code(self) -> Mapping[str, tuple[str, ...]]:
        """The actions by the code under which they travel: a house of many sellers has many."""
        found: dict[str, tuple[str, ...]] = {}
        for action in self.actions:
            code = token.code_of(action)
            found[code] = (*found.get(code, ()), action)
        return found

    @cached_property
    def words(self) -> Mapping[str, tuple[str, ...]]:
        """The words that act on the first line of a reply, in all languages together."""
        return self.templates.words

    def desk(self, name: str) -> Desk | None:
        """The desk of this name, or None once the configuration has dropped it."""
        return self.roster.desks.get(name)

    def is_copied(self, address: str) -> bool:
        """True if the mail system sends copies of other people's mail to `address` ([copied], +forms included)."""
        return _is_one_of(address, (*self.copied, *self.journals))

    def is_journal(self, address: str) -> bool:
        """True if a journal rule sends its reports to `address` ([copied] journals, +forms included)."""
        return _is_one_of(address, self.journals)

    def seller(self, name: str | None) -> Seller | None:
        """The seller of this id, or None."""
        return self.roster.sellers.get(name or "")


def _is_one_of(address: str, known: tuple[str, ...]) -> bool:
    own = (addresses.key(address), addresses.untagged(address))
    return any(addresses.key(one) in own for one in known)
