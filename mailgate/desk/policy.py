"""Did a reply keep the rules? One function a rule, named in RULES; a pack says which apply, and how strictly.

A rule answers with the violation or None and looks at nothing but the reply in front of it. All broken
rules of one reply go into one letter. To add a rule: a function here, its name in RULES, its words in
templates/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mailgate.desk.entry import Rule
from mailgate.desk.pack import Policy
from mailgate.desk.party import Desk, Seller
from mailgate.mail import address as addresses

NO_REPLY = frozenset(
    ("noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "nao-responda", "naoresponda", "mailer-daemon")
)


@dataclass(frozen=True)
class Violation:
    """A rule that a reply broke, and the addresses that it lacks (if addresses are what it lacks)."""

    rule: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reply:
    """A seller's reply as the rules see it.

    `to`, `cc` and `received` (forward paths) are addresses as written; `expected` are the visible
    addresses of what it answers: the latest ask, or the notice of ours that it replies to (D-23).
    """

    to: tuple[str, ...]
    cc: tuple[str, ...]
    received: tuple[str, ...]
    expected: tuple[str, ...]
    by_reference: bool
    desk: Desk
    desks: tuple[Desk, ...]
    seller: Seller
    entity: str | None
    dead: frozenset[str] = frozenset()


def violations(reply: Reply, policy: Policy, names: Iterable[str], roles: Mapping[str, tuple[str, ...]]) -> tuple[Violation, ...]:
    """Every rule among `names` that `reply` broke, sorted by name; `roles` gives the addresses of the pack's roles."""
    found = []
    for name in sorted(names):
        rule = policy.rules[name]
        found.append(RULES[name](reply, rule, roles.get(rule.address, ())))
    return tuple(violation for violation in found if violation)


def reply_all(reply: Reply, rule: Rule, _: tuple[str, ...]) -> Violation | None:
    """To and Cc hold everyone of the answered mail but the seller's own, the helpdesks and ours (D-23)."""
    if rule.strictness == "off":
        return None
    written = {addresses.key(one) for one in (*reply.to, *reply.cc)}
    missing = [one for one in reply.expected if addresses.key(one) not in written and _is_owed(one, reply)]
    return Violation("reply_all", tuple(dict.fromkeys(missing))) if missing else None


def _is_owed(address: str, reply: Reply) -> bool:
    if reply.seller.owns(address) or any(desk.is_helpdesk(address) for desk in reply.desks):
        return False
    local = addresses.key(address).rpartition("@")[0]
    return local not in NO_REPLY and addresses.key(address) not in reply.dead


def required_copy(reply: Reply, rule: Rule, wanted: tuple[str, ...]) -> Violation | None:
    """The helpdesk of the reseller sold through is visible in To or Cc; another entity's does not do (D-25, DR-03)."""
    visible = reply.cc if rule.where == "cc" else (*reply.to, *reply.cc)
    if any(_is_ours(one, reply.desk) for one in (*reply.to, *reply.cc)):
        return None
    if rule.where == "received":
        visible = (*visible, *reply.received)
    keys = {addresses.key(address) for address in wanted}
    for one in visible:
        if addresses.untagged(one) in keys or (reply.entity and reply.desk.entity_of(one) == reply.entity):
            return None
    return Violation("required_copy", wanted)


def _is_ours(address: str, desk: Desk) -> bool:
    """True for the desk's +forms, which our notices ask to answer to, and for its address unless that is a helpdesk's (D-26)."""
    return desk.answers_for(address) and (addresses.detail(address) is not None or desk.entity_of(address) is None)


def same_thread(reply: Reply, rule: Rule, _: tuple[str, ...]) -> Violation | None:
    """Its References or In-Reply-To name a message of the ticket; a subject tag only locates (D-24, DR-04, G-12)."""
    if reply.by_reference or rule.by == "references_or_token":
        return None
    return Violation("same_thread")


RULES: Mapping[str, Callable[[Reply, Rule, tuple[str, ...]], Violation | None]] = {
    "reply_all": reply_all,
    "required_copy": required_copy,
    "same_thread": same_thread,
}
