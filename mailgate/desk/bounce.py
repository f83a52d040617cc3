"""What a delivery report means for us: which of our mails came back, for whom, for good or for now.

A report acts at once when it came to a return path that carries our MAC, or when it is authenticated and names a message of
the ticket; any other needs a second one, because anybody can write "Action: failed" (design: bounces).
"""

from __future__ import annotations

from dataclasses import dataclass

from mailgate.desk.pack import Policy
from mailgate.mail.report import Recipient, Report


@dataclass(frozen=True)
class Bounced:
    """One recipient of one mail of a ticket that a report speaks of.

    `event` is what the pack made of the returned mail (`asked`, ...) or empty for a notice of ours, which
    `clock` and `step` then name. `party` is the recipient's: seller, desk, customer. `sure` says that it may act.
    """

    message_id: str
    ticket: int
    recipient: str
    party: str
    status: str
    permanent: bool
    sure: bool
    event: str = ""
    clock: str = ""
    step: str = ""
    notice: str = ""
    diagnostic: str = ""
    reason: str = ""
    provider: str = ""
    signature: str = ""
    where: str = ""

    @property
    def suppressed(self) -> bool:
        """True when a provider's suppression list keeps the address from being tried."""
        return self.reason == "suppressed"


def is_permanent(report: Report, recipient: Recipient) -> bool:
    """True when the mail will not arrive: a failure with a 5.y.z status, or a failure without one (RFC 3463 §2, D-10).

    4.y.z is a delay in the pack's sense even when the reporter has given up, but a suppression list never delivers, whatever
    its status says (5.1.1, 5.7.1, even 4.7.1).
    """
    if recipient.reason == "suppressed":
        return True
    if report.kind in ("delayed", "delivered", "mdn", "arf") or (recipient.action or "failed").lower() in (
        "delayed",
        "delivered",
        "relayed",
        "expanded",
    ):
        return False
    return (recipient.status or "5").startswith("5")


def bounce_event(bounced: Bounced, policy: Policy) -> str:
    """The pack's event for this mail having come back from this party, or "" where it means nothing to the pack."""
    if bounced.step:
        step = policy.step(bounced.clock, bounced.step)
        return step.bounced if step and step.bounced_at in ("", bounced.party) else ""
    for entry in policy.mail if bounced.event else ():
        if bounced.event in (entry.event, entry.broken) and entry.bounced and entry.bounced_at in ("", bounced.party):
            return entry.bounced
    return ""
