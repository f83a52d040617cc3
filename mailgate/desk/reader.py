"""One notice before it is copied out: what it is about, and who reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from mailgate.desk.decision import Order, Scene
from mailgate.desk.house import House
from mailgate.desk.ticket import Ticket


@dataclass(frozen=True)
class Reader:
    """One person a letter goes to: by which role, at which address, in which language and zone, as which party."""

    role: str
    address: str
    language: str
    zone: ZoneInfo
    party: str = "other"


@dataclass(frozen=True)
class Sheet:
    """One notice before it is copied out for its readers."""

    order: Order
    ticket: Ticket | None
    scene: Scene
    house: House
    now: datetime
    to: tuple[Reader, ...]
    cc: tuple[Reader, ...]
    parties: Mapping[str, int] = field(default_factory=dict)

    @property
    def about(self) -> Ticket | None:
        """The ticket that the notice is about, if it is about one."""
        return self.ticket if self.order.ticket else None

    @property
    def visible(self) -> tuple[str, ...]:
        """The addresses that every copy shows in To and Cc."""
        return tuple(reader.address for reader in (*self.to, *self.cc))
