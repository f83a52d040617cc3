"""The files of a mail that a desk which carries mail sends along with what it hands on (docs/rules.md C-08, A-04)."""

from __future__ import annotations

from dataclasses import replace

from mailgate.desk.decision import Decision
from mailgate.mail.attach import Limits, carried
from mailgate.mail.message import Message

LIMITS = Limits()


def with_files(decision: Decision, message: Message) -> Decision:
    """`decision`, each notice that hands on the mail's files with those that may go, and with the names of those left out."""
    if not any(order.attach for order in decision.orders) or not message.attachments:
        return decision
    files, left_out = carried(message, LIMITS)
    orders = tuple(
        replace(order, files=files, data={**order.data, "left_out": left_out}) if order.attach else order
        for order in decision.orders
    )
    return replace(decision, orders=orders)
