"""A page for every notice, of invented people, messages and dates: what `notice preview` and the golden files render.

The facts of each notice are in sample_facts; here is the scene they stand in: whose desk, which ticket and order, which
messages, which links. Reads nothing and sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mailgate.cli.sample_facts import ASKED, DISPUTES, DUE, HELPDESK, OTHER, PROTOCOLS, REQUESTS, SALES, TICKET, TURNS, VENDOR
from mailgate.desk.notice import Label, Page, Quote

Facts = tuple[tuple[str, object], ...]

LANGUAGES = ("en", "fa", "it", "pt-BR")
ZONES = {"en": "America/New_York", "pt-BR": "America/Sao_Paulo", "it": "Europe/Rome", "fa": "Asia/Tehran"}
SUBJECT = "Where is my parcel? Order 8H2K-1190"
BUYER = "ana.souza@mail.example"
ASK = """Hello,

Ana Souza (order 8H2K-1190) writes that her parcel has not arrived. The tracking page has shown "in transit" since 29 May.

Could you tell her where it is, and when she can expect it?

Kind regards
Megastore support team"""
ANSWER = "Hi Ana,\n\nthe parcel is at the depot in Recife. It should reach you on Thursday.\n\nTom"
UNANSWERED = """سلام،

وضعیت مرسوله‌های سفارش 8H2K-1190 از روز سه‌شنبه در پنل تغییر نکرده و تسویه آن هم انجام نشده است. لطفاً بررسی کنید.

با احترام، فروشگاه گجت"""

ASKED_QUOTE = Quote(ASKED, HELPDESK, "desk", "asked", ASK)
ANSWERED_QUOTE = Quote(ASKED + timedelta(hours=20), VENDOR, "seller", "answered", ANSWER)
HISTORY = (
    Quote(ASKED - timedelta(hours=5), BUYER, "customer", "wrote", None),
    Quote(ASKED - timedelta(days=1), HELPDESK, "desk", "asked", "Hello, is the blue model in stock again?\n\nThanks!"),
)
DETAILS: Facts = (
    ("order", "8H2K-1190"),
    ("product", "Blue Widget, 2 pieces"),
    ("customer", "Ana Souza"),
    ("entity", "Megastore Inc."),
    ("asked_at", ASKED),
    ("due_at", DUE),
)
MAILTO = "mailto:helpdesk+t42.7.cu5brry3c7oel6qkrb73g76pcm@megastore.example?subject="


@dataclass(frozen=True)
class Scene:
    """What the notices of one kind of marketplace stand in."""

    desk: str
    subject: str
    latest: Quote
    details: Facts
    history: tuple[Quote, ...]
    order: Facts = ()


RESALE = Scene("Megastore", SUBJECT, ASKED_QUOTE, DETAILS, HISTORY)
SALE = Scene(
    "Brightmarket",
    "Refund for the drawing course",
    Quote(ASKED, BUYER, "consumer", "opened", "Hello, the videos do not play on my tablet. I would like my money back, please."),
    (("kind", "refund"), ("state", "open"), ("opened_at", ASKED), ("seller", "Gadgets Ltd."), ("customer", "Ana Souza")),
    (
        Quote(
            ASKED - timedelta(hours=30),
            VENDOR,
            "vendor",
            "replied",
            "Hi Ana, please try the new player. Does it work now?\n\nTom",
        ),
        Quote(ASKED - timedelta(hours=52), BUYER, "consumer", "replied", "The first video stops after ten seconds."),
    ),
    (
        ("receipt", "BM-7F3K2Q"),
        ("product", "Drawing course, 12 lessons"),
        ("amount", "USD 37.00"),
        ("sold_at", ASKED - timedelta(days=20)),
        ("subscription", False),
    ),
)
PROTOCOL = Scene(
    "Casa Nova",
    "The table top arrived broken",
    Quote(
        ASKED, BUYER, "customer", "opened", "One corner of the table top is broken. I sent photos to the shop, nobody answers."
    ),
    (("reason", "avaria_produto_entregue"), ("state", "open"), ("critical", True), ("opened_at", ASKED), ("due_at", DUE)),
    (Quote(ASKED - timedelta(days=2), BUYER, "customer", "message", "Hello, when does the table arrive?"),),
    (
        ("order", "90018-22"),
        ("product", "Oak table, 160 cm"),
        ("amount", "BRL 1.290,00"),
        ("carrier", "Rapidão Sul"),
        ("tracking", "RS123456785BR"),
        ("delivered_at", ASKED - timedelta(days=4)),
    ),
)
REQUEST = Scene(
    "Bazar seller support",
    "Payout for order 8H2K-1190",
    Quote(
        ASKED,
        VENDOR,
        "seller",
        "opened",
        "The parcels of order 8H2K-1190 have not moved in the panel since Tuesday. Please check.",
    ),
    (("kind", "request"), ("category", "payment"), ("state", "open"), ("opened_at", ASKED), ("due_at", DUE)),
    (Quote(ASKED - timedelta(days=1), "payments@bazar.example", "team", "referred_note", None),),
)
DISPUTE = Scene(
    "Gadgets customer care",
    "Claim for order 8H2K-1190",
    Quote(ASKED, BUYER, "buyer", "issue", "The lamp flickers, and I wrote twice without an answer. I want to send it back."),
    (("kind", "issue"), ("state", "open"), ("opened_at", ASKED), ("buyer", "Ana Souza")),
    (Quote(ASKED - timedelta(days=3), BUYER, "buyer", "message", "Hello, the lamp I bought flickers. What can I do?"),),
    (
        ("order", "8H2K-1190"),
        ("product", "Desk lamp"),
        ("amount", "EUR 89.00"),
        ("shipping_date", (ASKED - timedelta(days=9)).date()),
    ),
)
SCENES = (
    dict.fromkeys(SALES, SALE)
    | dict.fromkeys(PROTOCOLS, PROTOCOL)
    | dict.fromkeys(REQUESTS, REQUEST)
    | dict.fromkeys(DISPUTES, DISPUTE)
)
ACTIONS: Mapping[str, tuple[Label, ...]] = {
    "escalate": ("no_answer_needed", "extend"),
    "command_refused": ("do_it",),
    "remind_checklist": ("confirm", "change"),
    "mail_ticket_opened": ("close", "change_support"),
    "mail_reply": ("close", "change_support"),
    "mail_ticket_changed": ("close", "refer"),
    "mail_ticket_closed": ("reopen", "refer"),
    "mail_inactivity_warning": ("close", "change_refund"),
    "ask_consent": ("consent", "refuse"),
    "did_you_write": ("yes",),
    "prove_sender": ("prove",),
    "needs_you": (("join", "MG-43 → MG-42"), ("keep_apart", "MG-43 → MG-42"), ("release", "#318"), ("not_ours", "#318")),
    "breach": ("pickup_done",),
    "remind_before": ("reply_customer", "confirm_return", "start_cancellation"),
    "status": ("close", "extend"),
}
ANSWERED = frozenset({"notice_noncompliant", "warn_violation"})
NAMES = frozenset({*TICKET, *OTHER})


def page(notice: str, language: str = "en", **changes: Any) -> Page:
    """The page of `notice` in its scene. Raises KeyError for a notice without sample facts; `changes` replace fields."""
    on_ticket = notice in TICKET
    scene = SCENES.get(notice, RESALE)
    return replace(
        Page(
            notice=notice,
            language=language,
            zone=ZoneInfo(ZONES.get(language, "America/Sao_Paulo")),
            desk=scene.desk,
            ticket="MG-42" if on_ticket else None,
            subject=scene.subject if on_ticket else "",
            data=TICKET[notice] if on_ticket else OTHER[notice],
            latest=_latest(notice, scene, language) if on_ticket or notice == "forward_topic" else None,
            details=scene.details if on_ticket else (),
            history=_history(notice, scene) if on_ticket else (),
            actions=tuple((action, _link(action)) for action in ACTIONS.get(notice, ())),
            order=scene.order if on_ticket else (),
            whole=notice == "mail_ticket_closed",
        ),
        **changes,
    )


def _link(label: Label) -> str:
    words = label if isinstance(label, str) else label[0]
    return f"{MAILTO}{words.capitalize().replace('_', '%20')}"


def _latest(notice: str, scene: Scene, language: str) -> Quote:
    if notice in ANSWERED:
        return ANSWERED_QUOTE
    return replace(scene.latest, text=UNANSWERED) if scene is REQUEST and language == "fa" else scene.latest


def _history(notice: str, scene: Scene) -> tuple[Quote, ...]:
    return (scene.latest, *scene.history) if notice == "mail_ticket_closed" else scene.history


def suppression(provider: str, language: str = "en", **changes: Any) -> Page:
    """The alert about a suppression list of `provider`."""
    said = {"diagnostic": "the address is on the suppression list", "reporter": None, "suppressed": True, "provider": provider}
    return page("alert_delivery", language, data={**TICKET["alert_delivery"], **said, **changes})


def variants(language: str) -> Iterator[tuple[str, Page]]:
    """(name of the sample, page): every notice once, then the turns of phrase that the first page leaves out."""
    for notice in (*TICKET, *OTHER):
        yield notice, page(notice, language)
    for name, notice, facts in TURNS:
        first = page(notice, language)
        yield name, replace(first, data={**first.data, **facts})
    for of, provider, rule in (
        ("ask", "ses", "ses-account"),
        ("vendor_reply", "freshdesk", "freshdesk-drop-list"),
        ("reminder", "", ""),
    ):
        recipient = HELPDESK if of == "vendor_reply" else VENDOR
        yield f"alert_delivery-suppressed-{of}", suppression(provider, language, of=of, recipient=recipient, signature=rule)
