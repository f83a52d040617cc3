"""Reports that prove nothing by themselves: what they said is kept, and counts once something sure says so too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import Connection, bindparam, select

from mailgate.desk.bounce import Bounced
from mailgate.desk.ticket import Ticket
from mailgate.mail import address as addresses
from mailgate.store.schema import events, messages

NOTED = "bounce_doubted"


def borne_out(connection: Connection, ticket: Ticket, sure: Bounced) -> Iterator[Bounced]:
    """What earlier reports said of mail to the address that `sure` speaks of, as far as a running clock waits for that mail."""
    awaited = {one.for_message for one in ticket.clocks if one.state in ("running", "paused")} - {None, sure.message_id}
    address = addresses.key(sure.recipient)
    for message_id in dict.fromkeys(one for one, to in _noted(connection, ticket.number) if to == address and one in awaited):
        query = select(messages.c.event).where((messages.c.message_id == message_id) & (messages.c.ticket == ticket.number))
        event = connection.execute(query).scalar()
        if event:
            yield replace(sure, message_id=message_id, event=event, clock="", step="", notice="")


def suspects(connection: Connection, number: int) -> tuple[str, ...]:
    """The compared addresses of which somebody said, unproven, that mail of this ticket does not reach them; newest first."""
    return tuple(dict.fromkeys(address for _, address in reversed(_noted(connection, number))))


def _noted(connection: Connection, number: int) -> list[tuple[str, str]]:
    return [(data["message_id"], data["recipient"]) for data in connection.execute(_NOTED, {"ticket": number}).scalars()]


_NOTED = select(events.c.data).where((events.c.ticket == bindparam("ticket")) & (events.c.event == NOTED)).order_by(events.c.id)
