"""The page of every notice that the golden files show: people, messages and dates of our own making."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from mailgate.desk.notice import Page, Quote, Templates

ROOT = Path(__file__).parents[2]
LANGUAGES = ("en", "fa", "it", "pt-BR")
FSI, PDI, RLM = "\u2068", "\u2069", "\u200f"
MARKS = str.maketrans("", "", FSI + PDI + RLM)

HELPDESK = "helpdesk@megastore.example"
VENDOR = "support@gadgets.example"
ASKED = datetime(2026, 6, 12, 22, 30, tzinfo=UTC)
DUE = ASKED + timedelta(hours=48)
SUBJECT = "Where is my parcel? Order 8H2K-1190"
ASK = """Hello,

Ana Souza (order 8H2K-1190) writes that her parcel has not arrived. The tracking page has shown "in transit" since 29 May.

Could you tell her where it is, and when she can expect it?

Kind regards
Megastore support team"""
ANSWER = "Hi Ana,\n\nthe parcel is at the depot in Recife. It should reach you on Thursday.\n\nTom"

ASKED_QUOTE = Quote(ASKED, HELPDESK, "desk", "asked", ASK)
ANSWERED_QUOTE = Quote(ASKED + timedelta(hours=20), VENDOR, "seller", "answered", ANSWER)
HISTORY = (
    Quote(ASKED - timedelta(hours=5), "ana.souza@mail.example", "customer", "wrote", None),
    Quote(ASKED - timedelta(days=1), HELPDESK, "desk", "asked", "Hello, is the blue model in stock again?\n\nThanks!"),
)
DETAILS: tuple[tuple[str, object], ...] = (
    ("order", "8H2K-1190"),
    ("product", "Blue Widget, 2 pieces"),
    ("customer", "Ana Souza"),
    ("entity", "Megastore Inc."),
    ("asked_at", ASKED),
    ("due_at", DUE),
)
MAILTO = "mailto:helpdesk+t42.7.cu5brry3c7oel6qkrb73g76pcm@megastore.example?subject="

REMIND: dict[str, Any] = {
    "n": 1,
    "of": 2,
    "numbers": (1,),
    "asked_at": ASKED,
    "due_at": DUE,
    "passed": True,
    "next_step": "remind",
    "next_at": DUE + timedelta(days=1),
    "required_copy": HELPDESK,
    "counted": (),
}
TICKET: dict[str, dict[str, Any]] = {
    "remind": REMIND,
    "escalate": {
        "seller": "Gadgets Ltd.",
        "asked_at": ASKED,
        "due_at": DUE,
        "reminders_sent": ((DUE, VENDOR, True), (DUE + timedelta(days=1), VENDOR, None)),
        "last_reply": None,
        "noncompliant": ((ASKED + timedelta(hours=20), ("required_copy", "same_thread")),),
        "suspected_bounce": VENDOR,
        "suspected_replies": (ASKED + timedelta(hours=30), ASKED + timedelta(hours=52)),
    },
    "notice_noncompliant": {
        "missing": ("reply_all", "required_copy", "same_thread"),
        "missing_addresses": ("ana.souza@mail.example", "returns@megastore.example"),
        "required_copy": HELPDESK,
        "due_at": DUE,
        "passed": False,
    },
    "alert_delivery": {
        "of": "ask",
        "recipient": VENDOR,
        "status": "5.1.1",
        "diagnostic": "550 5.1.1 No such user here",
        "reporter": "mx.gadgets.example",
        "suppressed": False,
        "provider": "",
        "signature": "",
        "due_at": None,
    },
    "notice_unseen_reply": {
        "seen_at": (ASKED + timedelta(hours=20), ASKED + timedelta(hours=26)),
        "required_copy": HELPDESK,
        "due_at": DUE,
        "passed": False,
    },
    "escalation_withdrawn": {"why": "in_time", "arrived_at": ASKED + timedelta(hours=47)},
    "warn_due": {
        "asked_at": ASKED,
        "due_at": DUE,
        "passed": False,
        "next_at": DUE,
        "required_copy": HELPDESK,
        "counted": ("weekends", "holidays"),
    },
    "warn_violation": {
        "author": "tom@gadgets.example",
        "missing": ("required_copy",),
        "missing_addresses": (),
        "required_copy": HELPDESK,
        "due_at": DUE,
        "passed": False,
    },
    "warn_suppressed": {
        "recipient": HELPDESK,
        "status": "5.7.1",
        "diagnostic": "suppressed due to customer policy",
        "reporter": None,
    },
    "unknown_seller": {"recipient": "suport@gadgets.example", "author": HELPDESK, "asked_at": ASKED},
    "command_refused": {"command": "CLOSE", "reason": "unsigned"},
}
OTHER: dict[str, dict[str, Any]] = {
    "forward_topic": {"topic": "shipping", "delay_days": 14, "seller": "Gadgets Ltd."},
    "remind_thank_you_page": {"delay_days": 14},
    "remind_checklist": {"item": "return_address", "last_confirmed": date(2025, 6, 1)},
    "propose_takeover": {
        "seller": "Gadgets Ltd.",
        "strikes": ((ASKED, "escalated", "MG-42"), (DUE, "late_answer", "MG-51"), (DUE, "chargeback", None)),
        "window": timedelta(days=30),
        "limit": 3,
    },
    "needs_you": {"waiting": ((ASKED, '"Re: parcel" from ana.souza@mail.example', "review"), (DUE, "a mail of 31 MB", "parked"))},
}
SUPPRESSED = (("ask", "ses", "ses-account"), ("vendor_reply", "freshdesk", "freshdesk-drop-list"), ("reminder", "", ""))
ZONES = {"en": "America/New_York", "pt-BR": "America/Sao_Paulo", "it": "Europe/Rome", "fa": "Asia/Tehran"}
ACTIONS = {
    "escalate": (("no_answer_needed", MAILTO + "No%20answer%20needed"), ("extend", MAILTO + "More%20time")),
    "command_refused": (("do_it", MAILTO + "Close"),),
    "remind_checklist": (("confirm", MAILTO + "Confirm"), ("change", MAILTO + "Change")),
}


@cache
def shipped() -> Templates:
    """The templates of this project, as config reads them."""
    folders = [folder for folder in (ROOT / "templates").iterdir() if folder.is_dir()]
    return Templates(
        notices={one.name: {file.stem: file.read_text("utf-8") for file in one.glob("*.txt")} for one in folders},
        strings={one.name: tomllib.loads((one / "strings.toml").read_text("utf-8")) for one in folders},
        frame=(ROOT / "templates" / "frame.html").read_text("utf-8"),
    )


def page(notice: str, language: str = "en", **changes: Any) -> Page:
    """The page of `notice` as its golden file shows it."""
    on_ticket = notice in TICKET
    quoted = notice in ("notice_noncompliant", "warn_violation")
    return replace(
        Page(
            notice=notice,
            language=language,
            zone=ZoneInfo(ZONES.get(language, "America/Sao_Paulo")),
            desk="Megastore",
            ticket="MG-42" if on_ticket else None,
            subject=SUBJECT if on_ticket else "",
            data={**TICKET.get(notice, {}), **OTHER.get(notice, {})},
            latest=(ANSWERED_QUOTE if quoted else ASKED_QUOTE) if on_ticket or notice == "forward_topic" else None,
            details=DETAILS if on_ticket else (),
            history=HISTORY if on_ticket else (),
            actions=ACTIONS.get(notice, ()),
        ),
        **changes,
    )


def suppression(provider: str, language: str = "en", **changes: Any) -> Page:
    """The alert about a suppression list of `provider`."""
    said = {"diagnostic": "the address is on the suppression list", "reporter": None, "suppressed": True, "provider": provider}
    return page("alert_delivery", language, data={**TICKET["alert_delivery"], **said, **changes})


@cache
def providers() -> tuple[str, ...]:
    """Whose lists config/signatures.toml knows."""
    entries = tomllib.loads((ROOT / "config" / "signatures.toml").read_text("utf-8"))["signature"]
    return tuple(sorted({entry["provider"] for entry in entries}))


def variants(language: str) -> Iterator[tuple[str, Page]]:
    """(name of the golden file, page): every notice once, and the turns of phrase that the first page leaves out."""
    for notice in (*TICKET, *OTHER):
        yield notice, page(notice, language)
    last = {"n": 2, "numbers": (1, 2), "next_step": "escalate", "counted": ("weekends",), "passed": False}
    yield "remind-both", page("remind", language, data={**REMIND, **last})
    alone = {**TICKET["escalate"], "reminders_sent": (), "noncompliant": (), "suspected_bounce": None, "suspected_replies": ()}
    yield "escalate-silent", page("escalate", language, data=alone)
    one = {**TICKET["notice_noncompliant"], "missing": ("reply_all",), "missing_addresses": (HELPDESK,), "passed": True}
    yield "notice_noncompliant-one", page("notice_noncompliant", language, data=one)
    for of in ("vendor_reply", "reminder"):
        yield f"alert_delivery-{of}", page("alert_delivery", language, data={**TICKET["alert_delivery"], "of": of})
    for of, provider, rule in SUPPRESSED:
        recipient = HELPDESK if of == "vendor_reply" else VENDOR
        yield f"alert_delivery-suppressed-{of}", suppression(provider, language, of=of, recipient=recipient, signature=rule)
    late = {**TICKET["notice_unseen_reply"], "seen_at": (ASKED,) * 2, "required_copy": None, "passed": True}
    yield "notice_unseen_reply-late", page("notice_unseen_reply", language, data=late)
    free = {**TICKET["notice_unseen_reply"], "due_at": None}
    yield "notice_unseen_reply-no_clock", page("notice_unseen_reply", language, data=free)
    for item in ("support_address", "helpdesk", "tracking_access", "us_holidays", "backup"):
        data = {"item": item, "last_confirmed": None}
        yield f"remind_checklist-{item}", page("remind_checklist", language, data=data)
