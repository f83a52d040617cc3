"""Who takes part: desks, sellers, reseller entities, and the roles that a pack names.

Desks and sellers come from config files; the models here are the values that every decision uses.
A role is a word of a pack (`vendor_support`, `account_manager`) that stands for addresses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

import mailgate.mail.address as addresses
from mailgate.desk.calendar import Duration, duration
from mailgate.desk.choice import WEEKDAYS

_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def _address(value: object) -> object:
    if isinstance(value, str) and not addresses.is_address(value):
        raise ValueError("an e-mail address such as support@shop.example")
    return value


def _pattern(value: object) -> object:
    if isinstance(value, str) and value.startswith("@"):
        _address("x" + value)
        return value
    return _address(value)


def _time_of_day(value: object) -> object:
    if isinstance(value, str) and value and not _TIME.fullmatch(value):
        raise ValueError('a time of day such as "08:30"')
    return value


def _time_of_week(value: object) -> object:
    day, _, at = value.partition(" ") if isinstance(value, str) else ("", "", "")
    if isinstance(value, str) and value and not (day in WEEKDAYS and _TIME.fullmatch(at)):
        raise ValueError('a day and a time such as "MON 08:00"')
    return value


def _running_length(value: object) -> object:
    try:
        length = duration(value) if isinstance(value, str) and value else None
    except ValueError:
        length = Duration(1, "ld")
    if not isinstance(value, str) or (length is not None and length.running is None):
        raise ValueError('a length such as "4h", "30m" or "2d"')
    return value


Ahead = Annotated[str, BeforeValidator(_running_length)]
TimeOfDay = Annotated[str, BeforeValidator(_time_of_day)]
TimeOfWeek = Annotated[str, BeforeValidator(_time_of_week)]
Address = Annotated[str, BeforeValidator(_address)]
AddressPattern = Annotated[str, BeforeValidator(_pattern)]


class Frozen(BaseModel):
    """A value: never changed, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Entity(Frozen):
    """One legal reseller behind a desk (docs/rules.md D-02)."""

    helpdesk: Address
    title: str = ""
    aliases: tuple[Address, ...] = ()


class Absence(Frozen):
    """Days on which a seller said that he is away, both ends included."""

    first: date = Field(alias="from")
    last: date = Field(alias="until")


class Seller(Frozen):
    """One seller of the directory: one file under sellers/, or one row of sellers.csv.

    `service` is his customer-service address at a marketplace that mails sellers itself (C-45), `account` the one his account
    there is under (C-46), `claims` whoever handles chargebacks and guarantee claims (A-04), `tracking` whom to ask for tracking
    (D-15), `return_address` a postal address (D-16), `agenda_at` a local time of day, empty for no agenda (G-15).
    """

    id: str = ""
    name: str = ""
    support: Address
    admin: Address | None = None
    backup: Address | None = None
    manager: Address | None = None
    service: Address | None = None
    account: Address | None = None
    claims: Address | None = None
    tracking: Address | None = None
    addresses: tuple[AddressPattern, ...] = ()
    entities: tuple[str, ...] = ()
    products: Mapping[str, str] = Field(default_factory=dict)
    desks: tuple[str, ...] = ()
    zone: str = ""
    language: str = ""
    calendar: str = ""
    holidays: tuple[date, ...] = ()
    absences: tuple[Absence, ...] = ()
    physical: bool = False
    return_address: str = ""
    agenda_at: TimeOfDay = ""
    takeover: bool = False
    machine_headers: Literal["full", "quiet"] = "full"
    checklist: Mapping[str, date] = Field(default_factory=dict)

    @property
    def registered(self) -> tuple[str, ...]:
        """Every address and `@domain` that is his own, support first (DR-10)."""
        named = (self.support, self.admin, self.backup, self.service, self.account, self.claims)
        return (*(one for one in named if one), *self.addresses)

    def owns(self, address: str) -> bool:
        """True if `address` is one of this seller's registered addresses (DR-10; `@domain` entries count)."""
        key = addresses.key(address)
        return any(addresses.matches(key, entry) for entry in self.registered)


class Guarding(Frozen):
    """What the guard does about each rule: `warn` delivers and the seller is written to, `off` leaves it to the message path."""

    required_copy: Literal["add", "warn", "refuse", "off"] = "warn"
    reply_all: Literal["warn", "refuse", "off"] = "warn"
    same_thread: Literal["warn", "refuse", "off"] = "warn"
    prohibited: Literal["warn", "refuse", "off"] = "warn"


class Desk(Frozen):
    """One helpdesk address with its people, its pack and its language (design: desks.toml).

    `mode`: on the marketplace's side ("act") or on the seller's ("observe", G-13), where own staff is warned `warn_before` each
    limit. `agenda_at`: the local time of its staff's daily agenda (G-15); `report_at`: the local day and time of the weekly
    reports on its sellers (D-37); empty for none.
    """

    name: str = ""
    address: Address
    aliases: tuple[Address, ...] = ()
    agents: tuple[AddressPattern, ...] = ()
    staff: tuple[Address, ...] = ()
    notifiers: tuple[AddressPattern, ...] = ()
    roles: Mapping[str, Address] = Field(default_factory=dict)
    entities: Mapping[str, Entity] = Field(default_factory=dict)
    pack: str
    title: str = ""
    language: str = "en"
    zone: str = "UTC"
    calendar: str = ""
    holidays: tuple[date, ...] = ()
    carries: Literal["people", "mailgate"] = "people"
    mode: Literal["act", "observe"] = "act"
    warn_before: Ahead = "4h"
    hand_on: str = ""
    ghost: Literal["report", "letter"] = "report"
    agenda_at: TimeOfDay = ""
    report_at: TimeOfWeek = ""
    guard: Guarding = Guarding()
    options: Mapping[str, object] = Field(default_factory=dict)

    def answers_for(self, address: str) -> bool:
        """True if `address` is this desk's own address, an alias, or a +form of one (RFC 5233)."""
        key = addresses.untagged(address)
        return any(key == addresses.key(own) for own in (self.address, *self.aliases))

    def is_helpdesk(self, address: str) -> bool:
        """True if `address` speaks as the desk: its own addresses, its agents, its entities' helpdesks."""
        if self.answers_for(address) or any(addresses.matches(addresses.key(address), a) for a in self.agents):
            return True
        return self.entity_of(address) is not None

    def entity_of(self, address: str) -> str | None:
        """The name of the entity whose helpdesk `address` is, +forms and aliases included (D-25), or None."""
        key = addresses.untagged(address)
        for name, entity in self.entities.items():
            if any(key == addresses.key(own) for own in (entity.helpdesk, *entity.aliases)):
                return name
        return None
