"""Propose sellers from old mail: whom a desk's agents write to, and who answers them from the same house."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from mailgate.desk.party import Desk
from mailgate.desk.thread import FREEMAIL
from mailgate.mail import address as addresses
from mailgate.mail.message import Message

ENOUGH = 2


@dataclass
class Tally:
    """What a pass over old mail counts: asks by the address asked, and writers by their house."""

    asked: Counter[str] = field(default_factory=Counter)
    wrote: Counter[str] = field(default_factory=Counter)

    def count(self, message: Message, desk: Desk) -> None:
        """Take one mail into account."""
        if message.author is None:
            return
        if desk.is_helpdesk(message.author):
            self.asked.update({addresses.key(one.address) for one in message.to if not desk.is_helpdesk(one.address)})
        else:
            self.wrote[addresses.key(message.author)] += 1


@dataclass(frozen=True)
class Proposal:
    """A seller as the old mail shows him: where he is asked, and from where his people answer."""

    id: str
    support: str
    addresses: tuple[str, ...]
    asks: int
    answers: int


def proposals(tally: Tally, known: Iterable[str]) -> tuple[Proposal, ...]:
    """Sellers that the directory lacks, most asked first: houses (not freemail) asked at least twice that also answered."""
    houses: dict[str, list[str]] = {}
    for address in tally.asked:
        houses.setdefault(addresses.domain(address), []).append(address)
    registered = {addresses.domain(one) for one in known}
    found = [_proposal(domain, asked, tally) for domain, asked in houses.items() if domain not in FREEMAIL | registered]
    kept = [one for one in found if one.asks >= ENOUGH and one.answers]
    return tuple(sorted(kept, key=lambda one: (-one.asks, one.id)))


def _proposal(domain: str, asked: list[str], tally: Tally) -> Proposal:
    support = max(asked, key=lambda one: (tally.asked[one], one))
    people = sorted(one for one in tally.wrote if addresses.domain(one) == domain and one != support)
    answers = sum(tally.wrote[one] for one in (support, *people))
    return Proposal(domain.replace(".", "-"), support, tuple(people), sum(tally.asked[one] for one in asked), answers)


def toml(proposal: Proposal, zone: str) -> str:
    """The file that sellers/ would hold for it, to be read and completed by a person."""
    lines = [
        f"# Asked {proposal.asks} times, answered {proposal.answers} times in the mail that was read. Please check and complete.",
        "[seller]",
        f'name = "{proposal.id}"',
        f'support = "{proposal.support}"',
    ]
    if proposal.addresses:
        listed = ", ".join(f'"{one}"' for one in proposal.addresses)
        lines.append(f"addresses = [{listed}]")
    lines.append(f'zone = "{zone}"                # of the seller; this one is the desk\'s')
    return "\n".join(lines) + "\n"
