"""What the guard does with a mail on its way out, by the desk's `[desk.NAME.guard]`.

What the mail means has been decided already, by the very `decide` that will judge it once it has gone: here is only what
follows on its way. A refused rule refuses the mail; else a missing copy is added where that is sure and spoils nothing;
the rest is delivered, and the message path writes to the seller.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mailgate.desk.context import Context
from mailgate.desk.decision import Decision
from mailgate.desk.policy import Violation
from mailgate.desk.thread import FREEMAIL
from mailgate.mail import address as addresses
from mailgate.mail.cc import signs_cc
from mailgate.mail.message import Envelope, Message

DOOR = "guard"
PROHIBITED = "alert_prohibited"  # the notice of packs that forbid something to be said or asked
SHOWN = 5  # addresses that one refusal names
_SENTENCES = {
    "required_copy": "put {} into Cc",
    "reply_all": "reply to all: {} must be in To or Cc",
    "same_thread": "use Reply on the mail that you answer, so that yours stays in its thread",
    "prohibited": "take out what the marketplace prohibits ({})",
}


@dataclass(frozen=True)
class Verdict:
    """What the guard does: `add` these readers to Cc, warn of these rules, refuse for these; none of them: let it pass."""

    ticket: int | None = None
    add: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    refused: tuple[Violation, ...] = ()

    @property
    def act(self) -> str:
        """The one word for it: refused, added, warned or passed."""
        done = {"refused": self.refused, "added": self.add, "warned": self.warned}
        return next((name for name, what in done.items() if what), "passed")

    @property
    def reply(self) -> str:
        """The reply that refuses the mail and says what to do (RFC 3463 5.7.1); empty where none is refused."""
        if not self.refused:
            return ""
        about = f"MG-{self.ticket}: " if self.ticket else ""
        todo = "; ".join(_SENTENCES.get(one.rule, one.rule).format(_listed(one.missing)) for one in self.refused)
        return f"550 5.7.1 {about}this mail was not sent. Please {todo}. Then send it again."

    def without_copy(self) -> Verdict:
        """The same where nobody could be added after all: a warning."""
        return replace(self, add=(), warned=("required_copy", *self.warned)) if self.add else self


def judged(message: Message, context: Context, decision: Decision) -> Verdict:
    """What the desk wants done about the rules that this mail breaks; one that proves no author breaks none."""
    ticket = context.match.ticket.number if context.match.ticket else None
    verdict = Verdict(ticket)
    rules = context.scene.desk.guard
    for one in (*decision.violations, *_prohibited(decision)):
        wish = getattr(rules, one.rule, "warn")
        if wish == "refuse":
            verdict = replace(verdict, refused=(*verdict.refused, one))
        elif wish == "add" and one.missing and _may_add(message, context):
            verdict = replace(verdict, add=one.missing[:1])
        elif wish != "off":
            verdict = replace(verdict, warned=(*verdict.warned, one.rule))
    return verdict


def vouches(envelope: Envelope, author: str | None) -> bool:
    """Does a mail through the guard prove its author? Whoever is in front has checked the reverse path: it must be of his domain.

    In a domain that everybody may have an address in, it must be the very address.
    """
    if envelope.door != DOOR or author is None or envelope.reverse_path is None:
        return False
    domain = addresses.domain(author)
    same = addresses.key(envelope.reverse_path) == addresses.key(author)
    return same or (domain not in FREEMAIL and addresses.domain(envelope.reverse_path) == domain)


def _may_add(message: Message, context: Context) -> bool:
    """Only where its references name the ticket, so that it surely belongs there, and no signature would break."""
    return context.match.by_reference and not signs_cc(message)


def _prohibited(decision: Decision) -> Iterable[Violation]:
    what = [str(order.say.get("what", "")) for order in decision.orders if order.notice == PROHIBITED]
    return (Violation("prohibited", tuple(dict.fromkeys(what))),) if what else ()


def _listed(missing: tuple[str, ...]) -> str:
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    return ", ".join(missing[:SHOWN]) + more
