"""Who takes part in a seeded story, and how their mail looks on the wire: plain, fast, with a word of its own (the canary)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any

from mailgate.config import shipped
from mailgate.desk.house import House, Source
from mailgate.desk.notice import Templates
from mailgate.desk.pack import bind
from mailgate.desk.party import Desk, Seller
from mailgate.simulate.stage import scratch_house
from mailgate.store.schema import dumps

DESK, HELPDESK, BUYER, STAFF = "tickets@desk.example", "helpdesk@digistore24.com", "buyer{}@mail.example", "readers@staff.example"
SELLERS: dict[str, dict[str, Any]] = {
    "acme": {
        "name": "Acme", "support": "support@acme.example", "admin": "owner@acme.example", "manager": "manager@market.example",
        "addresses": ("anna@acme.example",), "entities": ("inc",), "zone": "America/New_York",
    },
    "nova": {"name": "Nova", "support": "support@nova.example", "entities": ("inc",), "zone": "Europe/Berlin"},
    "east": {"name": "East", "support": "east@agency.example", "manager": "manager@market.example", "entities": ("inc",)},
}  # fmt: skip
OPTIONS: tuple[dict[str, Any], ...] = (
    {}, {}, {},
    {"pause_on": ["weekends", "holidays"]},
    {"remind_after": ["24h", "48h"], "final_window": "24h"},
    {"remind_after": ["48h", "48h"]},
    {"followup_ask": "restart"},
    {"max_reminders": 1, "takeover_strikes": 1},
)  # fmt: skip


@dataclass(frozen=True)
class Letter:
    """A mail that somebody wrote: what it is and whose case. `proven`: its author is who it says; `asks`: which seller;
    `returned`: the id of the mail that it says came back.
    """

    what: str
    case: int
    message_id: str
    author: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    raw: bytes
    canary: str
    proven: bool = True
    null: bool = False
    path: str = ""
    asks: str = ""
    returned: str = ""

    @property
    def people(self) -> frozenset[str]:
        """Everyone who has it: author, To and Cc."""
        return frozenset((self.author, *self.to, *self.cc))


@dataclass(frozen=True)
class Draft:
    """What a letter says: its headers, and the ids of what it answers."""

    author: str
    to: Sequence[str]
    cc: Sequence[str]
    subject: str
    text: str
    names: Sequence[str] = ()
    extra: str = ""


def written(draft: Draft, message_id: str, at: datetime) -> bytes:
    """The bytes (RFC 5322)."""
    lines = [f"From: {draft.author}", f"To: {', '.join(draft.to)}"]
    lines += [f"Cc: {', '.join(draft.cc)}"] if draft.cc else []
    lines += [f"Subject: {draft.subject}", f"Date: {format_datetime(at)}", f"Message-ID: <{message_id}>"]
    if draft.names:
        lines += [f"In-Reply-To: <{draft.names[-1]}>", "References: " + " ".join(f"<{one}>" for one in draft.names)]
    lines += [draft.extra] if draft.extra else []
    return ("\r\n".join(lines) + f"\r\n\r\n{draft.text}\r\n").encode()


@cache
def _shipped() -> tuple[Any, Templates]:
    problems: list[Any] = []
    packs = shipped.packs(Path("/nonexistent"), Path(), problems)
    return packs, Templates(*shipped.templates(Path("/nonexistent"), Path(), problems))


@cache
def house(choice: int) -> House:
    """The shipped pack under the `choice`-th options, its desk and its sellers."""
    packs, templates = _shipped()
    pack, options = packs["digistore24"], OPTIONS[choice]
    policy = bind(pack.raw, options, pack.name).model_copy(update={"hash": dumps(options)})
    desk = Desk(
        name="desk", address=DESK, pack=pack.name, title="Digistore24", staff=(STAFF,), roles={"ops": "ops@market.example"},
        entities=policy.entities, zone="America/New_York",
    )  # fmt: skip
    sellers = {name: Seller(id=name, **said) for name, said in SELLERS.items()}
    return scratch_house(policy, Source(pack.name, pack.raw, options), desk, sellers, templates)
