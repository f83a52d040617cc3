"""Which desk a mail is for, and who its people are in that desk's eyes.

The desk: the one whose address was written to in the envelope, else in To or Cc, else whose agent or seller
wrote it. A mail that names no desk of ours at the door never gets here (RCPT refuses it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mailgate.desk.pack import Policy
from mailgate.desk.party import Desk, Seller
from mailgate.desk.ticket import Ticket
from mailgate.mail import address as addresses

SENDER = "seller.sender"  # `seller.sender:ADDRESS`: one of a seller's own addresses, whatever the pack calls it
STAFF = "desk.staff"  # a role of every pack: where a desk's own people read; `desk.staff:ADDRESS` is one of them


@dataclass(frozen=True)
class Roster:
    """All desks and sellers, indexed once per configuration."""

    desks: Mapping[str, Desk]
    sellers: Mapping[str, Seller]
    _by_address: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    _by_domain: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, desks: Mapping[str, Desk], sellers: Mapping[str, Seller]) -> Roster:
        """The roster with its indexes built: one look-up a mail, however many sellers there are."""
        by_address: dict[str, tuple[str, ...]] = {}
        by_domain: dict[str, tuple[str, ...]] = {}
        for name, seller in sellers.items():
            for entry in seller.registered:
                index = by_domain if entry.startswith("@") else by_address
                key = addresses.key("x" + entry)[2:] if entry.startswith("@") else addresses.key(entry)
                index[key] = tuple(dict.fromkeys((*index.get(key, ()), name)))
        return cls(desks, sellers, by_address, by_domain)

    def seller(self, address: str, desk: Desk | None = None) -> Seller | None:
        """The seller who registered `address` (at `desk`, if given): exact before `@domain`, unique or nobody (DR-10)."""
        key = addresses.key(address)
        for names in (self._by_address.get(key, ()), self._by_domain.get(addresses.domain(address), ())):
            found = [self.sellers[name] for name in names if _serves(self.sellers[name], desk)]
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def desk_of(self, address: str) -> Desk | None:
        """The desk that answers for `address`, +forms included."""
        return next((desk for desk in self.desks.values() if desk.answers_for(address)), None)


def _serves(seller: Seller, desk: Desk | None) -> bool:
    return desk is None or not seller.desks or desk.name in seller.desks


def desk_for(roster: Roster, forward_paths: Sequence[str], addressed: Sequence[str], author: str | None) -> Desk | None:
    """The desk that a mail is for, asked in the order of this module's docstring; None if nobody here is meant."""
    for address in (*forward_paths, *addressed):
        if desk := roster.desk_of(address):
            return desk
    for desk in roster.desks.values():
        if any(desk.is_helpdesk(one) for one in (*addressed, author or "") if one):
            return desk
    return None


def party_of(address: str | None, desk: Desk, seller: Seller | None, ticket: Ticket | None, roster: Roster) -> str:
    """Who `address` is here: desk, notifier, seller, customer, or stranger (nobody we know on an existing ticket)."""
    if address is None:
        return "stranger"
    key = addresses.key(address)
    if any(addresses.matches(key, entry) for entry in desk.notifiers):
        return "notifier"
    if desk.is_helpdesk(address):
        return "desk"
    if seller.owns(address) if seller else roster.seller(address, desk):
        return "seller"
    if ticket is None:
        return "customer"
    known = {addresses.key(one.address): one.party for one in ticket.participants}
    return known.get(key, "stranger")


def resolve(
    role: str,
    policy: Policy,
    desk: Desk,
    seller: Seller | None,
    ticket: Ticket | None = None,
    suppressed: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """The addresses behind a role of the pack; empty when nobody fills it (DR-09).

    Where a suppression list holds a seller's support address, his next one takes its place; `suppressed` are compared ones.
    """
    if role.startswith(STAFF):
        one = role.partition(":")[2]
        agent = (one,) if one and desk.is_helpdesk(one) and not desk.answers_for(one) else ()
        return tuple(each for each in desk.staff if one in ("", addresses.key(each))) or agent
    if role.startswith(SENDER):
        one = role.partition(":")[2]
        return (one,) if seller is not None and seller.owns(one) else ()
    spec = policy.roles.get(role)
    if spec is None or not spec.when:
        return ()
    filled = (_filled(place, desk, seller, ticket) for place in spec.of)
    value = next(filter(None, filled), ())
    if not value and spec.otherwise:
        return resolve(spec.otherwise, policy, desk, seller, ticket, suppressed)
    return tuple(_reachable(one, seller, suppressed) for one in value)


def _reachable(address: str, seller: Seller | None, suppressed: frozenset[str]) -> str:
    if seller and addresses.key(address) in suppressed and addresses.key(address) == addresses.key(seller.support):
        return _living(seller, suppressed) or address
    return address


def _filled(place: str, desk: Desk, seller: Seller | None, ticket: Ticket | None) -> tuple[str, ...]:
    kind, _, name = place.partition(".")
    if kind == "seller":
        value = getattr(seller, name, None) if seller else None
    elif kind == "entity":
        chosen = desk.entities.get(ticket.entity or "") if ticket else None
        value = getattr(chosen, name, None)
    elif kind == "ticket":
        value = _told(name, ticket) if ticket else None
    else:
        return desk.staff if name == "staff" else tuple(filter(None, (desk.roles.get(name),)))
    return (value,) if isinstance(value, str) and value else ()


def _told(name: str, ticket: Ticket) -> str:
    """The customer's address, or one that a fact of the case holds."""
    told = ticket.customer if name == "customer" else str(ticket.facts.get(name, ""))
    return told if addresses.is_address(told) else ""


def _living(seller: Seller, suppressed: frozenset[str]) -> str:
    """The seller's next address that no list holds: his other registered ones, then his backup."""
    others = (*seller.addresses, seller.backup or "")
    return next((one for one in others if one and not one.startswith("@") and addresses.key(one) not in suppressed), "")


def is_staff(role: str, policy: Policy) -> bool:
    """True for roles of the reseller's own people beside the helpdesk: account managers, ops. Their replies stay internal."""
    if role.startswith(SENDER):
        return False
    spec = policy.roles.get(role)
    return spec is None or all(place == "seller.manager" or place.startswith("desk.") for place in spec.of)


def entity_for(desk: Desk, seller: Seller | None, product: str | None, asking: Iterable[str]) -> str | None:
    """The reseller entity of a case: the product's, else the asking helpdesk's, else the seller's only one (D-04)."""
    if seller and product and product in seller.products:
        return seller.products[product]
    for address in asking:
        if name := desk.entity_of(address):
            return name
    if seller and len(seller.entities) == 1:
        return seller.entities[0]
    return next(iter(desk.entities)) if len(desk.entities) == 1 else None
