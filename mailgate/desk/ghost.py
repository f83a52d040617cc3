"""Find the reply that nobody copied to us: mail of others that answers or quotes a seller's message which we never saw.

Two kinds of evidence, each from somebody else's mail: an id behind one that we know in its References, never received and of the
seller's own domain; or quoted lines under the seller's name that stand in none of his messages. Ids before the first one that we
know belong to the time before the desk looked, and say nothing. One piece is a suspicion and is only reported; two are worth a
letter (design: ghost replies).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mailgate.desk.context import Context
from mailgate.desk.decision import Decision
from mailgate.desk.follow import followed
from mailgate.desk.party import Seller
from mailgate.desk.thread import FREEMAIL
from mailgate.desk.ticket import Entry, Ticket
from mailgate.mail import address as addresses
from mailgate.mail.message import Message

LONGEST, SHORTEST_QUOTE, ENOUGH_LINES, ENOUGH_SIGNS = 2000, 25, 2, 2
_QUOTE = re.compile(r"^[>\s|]+")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Ghost:
    """One piece of evidence: `kind` id or quote, and what tells it from another piece."""

    kind: str
    value: str


def ghosts(message: Message, visible: str, ticket: Ticket, seller: Seller, known: Iterable[str]) -> tuple[Ghost, ...]:
    """The pieces of evidence in `message` that `seller` answered elsewhere; `known` are the ids of its header that we know."""
    if message.author is None or seller.owns(message.author):
        return ()
    found = [Ghost("id", one) for one in _unseen(message, frozenset(known), seller)]
    if quote := _unseen_quote(message.readable or "", visible, ticket, seller):
        found.append(Ghost("quote", quote))
    return tuple(found)


def suspected(decision: Decision, message: Message, context: Context, now: datetime) -> Decision:
    """`decision` with the signs of a reply elsewhere that this mail adds; at the second the pack may react (`reply_unseen`)."""
    ticket, scene = context.match.ticket, context.scene
    if decision.ticket is None or ticket is None or scene.seller is None or context.kind != "human":
        return decision
    before = [tuple(one[:2]) for one in ticket.facts.get("ghosts", ())]
    signs = ghosts(message, context.visible, ticket, scene.seller, context.known)
    new = [one for one in signs if (one.kind, one.value) not in before]
    if not new:
        return decision
    told = [[one.kind, one.value, now.isoformat()] for one in new]
    entries = tuple(
        Entry("reply_suspected", now, {"kind": one.kind, "value": one.value, "in": message.message_id}) for one in new
    )
    facts = {**decision.ticket.facts, "ghosts": [*ticket.facts.get("ghosts", ()), *told]}
    decision = replace(decision, ticket=replace(decision.ticket, facts=facts), entries=(*decision.entries, *entries))
    if scene.desk.ghost != "letter" or not len(before) < ENOUGH_SIGNS <= len(before) + len(new):
        return decision
    seen_at = tuple(datetime.fromisoformat(one[2]) for one in facts["ghosts"])
    view = {"seen_at": seen_at}
    after = followed(replace(decision, event="reply_unseen"), scene, now, view, cause=message.message_id or "")
    return replace(after, event=decision.event)


def _unseen(message: Message, known: frozenset[str], seller: Seller) -> Iterable[str]:
    """Ids of the seller's domain that stand behind a known one in the chain, and that we do not know."""
    chain = list(dict.fromkeys((*message.references, *reversed(message.in_reply_to))))
    first = next((place for place, one in enumerate(chain) if one in known), None)
    if first is None:
        return ()
    domains = _domains(seller)
    return tuple(one for one in chain[first + 1 :] if one not in known and _host(one) in domains)


def _domains(seller: Seller) -> frozenset[str]:
    own = (seller.support, seller.admin, seller.backup, *seller.addresses)
    named = {addresses.domain(one if not one.startswith("@") else f"x{one}") for one in own if one}
    return frozenset(named - FREEMAIL)


def _host(message_id: str) -> str:
    return message_id.rpartition("@")[2].lower()


def _unseen_quote(text: str, visible: str, ticket: Ticket, seller: Seller) -> str:
    """A digest of lines quoted under the seller's address that none of his messages holds; empty if there are none."""
    seen = _flat(" ".join(said.text for said in ticket.spoken if said.party == "seller"))
    lines = _quoted_under(text.splitlines()[:LONGEST], seller)
    fresh = [line for line in lines if len(line) >= SHORTEST_QUOTE and line not in seen]
    if len(fresh) < ENOUGH_LINES or any(line in _flat(visible) for line in fresh):
        return ""
    return hashlib.sha256("\n".join(fresh[:20]).encode("utf-8", "replace")).hexdigest()[:32]


def _quoted_under(lines: Sequence[str], seller: Seller) -> list[str]:
    """The quoted lines that follow a line naming one of the seller's addresses, until another attribution."""
    inside, quoted = False, []
    for line in lines:
        bare = _QUOTE.sub("", line)
        if "@" in bare and bare.rstrip().endswith(":"):
            inside = any(seller.owns(word.strip("<>()[],;:\"'")) for word in bare.split() if "@" in word)
        elif inside and line.lstrip().startswith((">", "|")):
            quoted.append(_flat(bare))
    return quoted


def _flat(text: str) -> str:
    return _SPACE.sub(" ", text).strip().lower()
