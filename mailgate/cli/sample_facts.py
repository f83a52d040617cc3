"""Invented facts for every notice, as a preview and the golden files show it: what the template may name, by notice.

`TICKET` holds the notices that are about a ticket, `OTHER` those that are about none, `TURNS` what else a notice may say:
(name, notice, the facts that differ).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

HELPDESK = "helpdesk@megastore.example"
VENDOR = "support@gadgets.example"
ASKED = datetime(2026, 6, 12, 22, 30, tzinfo=UTC)
DUE = ASKED + timedelta(hours=48)
MONDAY = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
SELLER = {"seller": "Gadgets Ltd."}
OLDER = {"of": "MG-38"}
DAMAGED = {"reason": "avaria_produto_entregue", "expected": "avaria_produto_entregue"}
UNTRACKED = {"reason": "sem_acesso_ao_rastreio", "expected": "sem_acesso_ao_rastreio"}
TO_VENDOR = {"for_customer": False}
SHIPPING = ("shipping_number", "shipping_date")

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
RESALE: dict[str, dict[str, Any]] = {
    "remind": REMIND,
    "escalate": {
        **SELLER,
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
    "answer_needed_not": {"by": "desk"},
    "extended": {"due_at": DUE + timedelta(days=1)},
    "message_relayed": {"by": "customer", **TO_VENDOR},
    "opened": {"kind": "request", "by": "customer", "expected": None, "due_at": DUE},
    "status": {
        "state": "open",
        "kind": "request",
        "clocks": (("respond", DUE), ("answer", DUE + timedelta(hours=6))),
        "opened_at": ASKED - timedelta(days=1),
    },
    "command_done": {"action": "extend", "state": "open", "due_at": DUE + timedelta(days=1)},
}
SALES: dict[str, dict[str, Any]] = {
    "mail_ticket_opened": {"kind": "refund", "by": "customer", **TO_VENDOR, "due_at": MONDAY, "next_at": None},
    "mail_reply": {"kind": "refund", "by": "customer", **TO_VENDOR, "due_at": MONDAY},
    "mail_ticket_changed": {"kind": "refund", "old_kind": "support", "by": "customer", **TO_VENDOR, "due_at": MONDAY},
    "mail_ticket_closed": {"kind": "refund", "closed_by": "refund_processed", **TO_VENDOR},
    "mail_inactivity_warning": {"n": 1, "last": "customer", **TO_VENDOR, "next_step": "warn", "next_at": DUE},
    "mail_refund_confirmation": {**TO_VENDOR, "amount": "USD 37.00", "subscription": False},
    "flag_review": {"what": "close", "kind": "refund", "old_kind": "refund", **SELLER},
    "refer_to_platform": {"by": "customer", "kind": "refund", **SELLER},
    "reject_window": {"kind": "refund", "days": 60, "since": ASKED - timedelta(days=71), "by": "customer"},
    "reject_permission": {"action": "close"},
    "reject_closed": {"action": "change"},
    "reject_change": {"kind": "refund", "to_kind": "cancel"},
    "reject_not_recurring": {"kind": "cancel"},
    "notice_legacy": {"address": "refunds@brightmarket.example", "kind": "refund"},
    "ask_consent": {"action": "change", "to_kind": "support", **SELLER},
    "effect": {"effect": "process_refund", "number": "BM-7F3K2Q", "amount": "USD 37.00"},
}
PROTOCOLS: dict[str, dict[str, Any]] = {
    "mediate": {**DAMAGED, "due_at": DUE, "critical": True, "mediated": True, **SELLER},
    "breach": {"obligation": "pickup", "reason": "cancelamento_depois_da_entrega", "due_at": DUE, **SELLER},
    "remind_before": {**DAMAGED, "due_at": DUE, "critical": True},
    "mail_customer": {
        "action": "reply_customer",
        "text": "Hello Ana,\n\nwe are sorry about the table top. A new one leaves our depot on Tuesday.\n\nTom",
        **SELLER,
    },
    "notice_note_not_sent": {},
    "notice_action_mismatch": {**UNTRACKED, "action": "new_delivery_date", "actions": ("reply_customer", "confirm_return")},
    "alert_prohibited": {"what": "charge", "sentence": "For the pickup you pay 35 by PIX first.", **SELLER},
    "remind_follow_up": UNTRACKED,
}
REQUESTS: dict[str, dict[str, Any]] = {
    "overdue": {"due_at": DUE, **SELLER, "kind": "request"},
    "notice_duplicate": OLDER,
    "refer_again": OLDER,
    "notice_split": {"topics": ("payment", "shipping", "panel")},
    "notice_new_ticket": {},
    "notice_attachment_missing": {},
    "notice_complaint_reference": {},
    "notice_complaint_premature": OLDER,
    "notice_complaint_category": {"category": "panel_disruption_and_complaints"},
    "notice_complaint_documents": {},
    "route_senior": {**OLDER, **SELLER},
    "request_info": {},
    "marked_complex": {},
    "remind_team": {"due_at": DUE, **OLDER},
}
DISPUTES: dict[str, dict[str, Any]] = {
    "suggest_refund": {"amount": "EUR 24.99", "limit": "EUR 25.00"},
    "suggest_request_info": {"amount": "EUR 89.00", "missing": SHIPPING},
    "suggest_review": {"amount": "EUR 89.00", "limit": "EUR 25.00"},
    "route_claim": {"claim": "atoz_claim", "missing": SHIPPING},
    "alert_missing_details": {"missing": SHIPPING, "claim": "chargeback"},
}
TICKET: dict[str, dict[str, Any]] = {**RESALE, **SALES, **PROTOCOLS, **REQUESTS, **DISPUTES}

WEEK: dict[str, Any] = {
    "since": date(2026, 6, 8),
    "until": date(2026, 6, 14),
    **SELLER,
    "rows": (
        ("tickets", 34, 28),
        ("asks", 12, 9),
        ("answered", 8, 8),
        ("late", 2, 0),
        ("noncompliant", 1, 3),
        ("reminders", 5, 2),
        ("escalations", 1, 0),
        ("chargebacks", 0, 1),
    ),
    "times": (("p50", timedelta(hours=7, minutes=20)), ("p90", timedelta(hours=41))),
    "reasons": (("escalated", 1), ("late_answer", 2)),
    "months": (("mediations", 2, 5), ("prohibited", 1, 0)),
    "takeover": True,
    "advise": True,
    "external": False,
}
OTHER: dict[str, dict[str, Any]] = {
    "forward_topic": {"topic": "shipping", "delay_days": 14, "log": (), **SELLER},
    "remind_thank_you_page": {"delay_days": 14},
    "remind_checklist": {"item": "return_address", "last_confirmed": date(2025, 6, 1)},
    "propose_takeover": {
        **SELLER,
        "strikes": ((ASKED, "escalated", "MG-42"), (DUE, "late_answer", "MG-51"), (DUE, "chargeback", None)),
        "window": timedelta(days=30),
        "limit": 3,
    },
    "needs_you": {"waiting": ((ASKED, '"Re: parcel" ana.souza@mail.example (MG-43 → MG-42)', "review"), (DUE, "#318", "parked"))},
    "did_you_write": {},
    "prove_sender": {"path": "helpdesk-cloud.example"},
    "remind_messages": {
        "messages": (
            ("MG-42", "Where is my parcel? Order 8H2K-1190", ASKED, "message"),
            ("MG-45", "Chargeback for order 8H2K-1204", ASKED + timedelta(hours=9), "claim"),
        ),
        "at": DUE,
    },
    "help": {"commands": (("CLOSE", "close"), ("REFUND", "change_refund"), ("SUPPORT", "change_support"), ("STATUS", "status"))},
    "agenda": {
        "open": (
            ("MG-42", "Where is my parcel? Order 8H2K-1190", "respond", ASKED, True),
            ("MG-45", "Invoice for May", "answer", DUE, False),
        ),
        "on": date(2026, 6, 14),
        "external": True,
    },
    "weekly_report": WEEK,
}
TURNS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("remind-both", "remind", {"n": 2, "numbers": (1, 2), "next_step": "escalate", "counted": ("weekends",), "passed": False}),
    (
        "escalate-silent",
        "escalate",
        {"reminders_sent": (), "noncompliant": (), "suspected_bounce": None, "suspected_replies": ()},
    ),
    (
        "notice_noncompliant-one",
        "notice_noncompliant",
        {"missing": ("reply_all",), "missing_addresses": (HELPDESK,), "passed": True},
    ),
    ("alert_delivery-vendor_reply", "alert_delivery", {"of": "vendor_reply"}),
    ("alert_delivery-reminder", "alert_delivery", {"of": "reminder"}),
    ("notice_unseen_reply-late", "notice_unseen_reply", {"seen_at": (ASKED,) * 2, "required_copy": None, "passed": True}),
    ("notice_unseen_reply-no_clock", "notice_unseen_reply", {"due_at": None}),
    *(
        (f"remind_checklist-{item}", "remind_checklist", {"item": item, "last_confirmed": None})
        for item in ("support_address", "helpdesk", "tracking_access", "us_holidays", "backup", "returns_page")
    ),
    ("mail_ticket_opened-customer", "mail_ticket_opened", {"for_customer": True}),
    ("mail_ticket_opened-mistake", "mail_ticket_opened", {"by": "seller"}),
    ("mail_ticket_opened-support", "mail_ticket_opened", {"kind": "support", "due_at": None, "next_at": DUE}),
    (
        "mail_ticket_opened-support-customer",
        "mail_ticket_opened",
        {"kind": "support", "due_at": None, "next_at": DUE, "for_customer": True},
    ),
    ("mail_reply-support-customer", "mail_reply", {"kind": "support", "by": "seller", "for_customer": True, "due_at": None}),
    ("mail_reply-own", "mail_reply", {"for_customer": True}),
    (
        "mail_ticket_changed-customer",
        "mail_ticket_changed",
        {"kind": "support", "old_kind": "refund", "by": "seller", "for_customer": True, "due_at": None},
    ),
    ("mail_ticket_changed-own", "mail_ticket_changed", {"for_customer": True}),
    ("mail_ticket_closed-customer", "mail_ticket_closed", {"kind": "support", "closed_by": "inactivity", "for_customer": True}),
    (
        "mail_inactivity_warning-customer",
        "mail_inactivity_warning",
        {"n": 2, "last": "seller", "for_customer": True, "next_step": "close", "next_at": MONDAY},
    ),
    (
        "forward_topic-delivery",
        "forward_topic",
        {
            "topic": "delivery",
            "delay_days": None,
            "log": ((DUE, "support@gadgets.example", "refused"), (ASKED, "support@gadgets.example", "deferred")),
        },
    ),
    (
        "mail_refund_confirmation-customer",
        "mail_refund_confirmation",
        {"for_customer": True, "amount": None, "subscription": True},
    ),
    ("flag_review-change", "flag_review", {"what": "change", "kind": "support"}),
    ("reject_window-seller", "reject_window", {"days": 90, "since": None, "by": "seller"}),
    ("reject_permission-change", "reject_permission", {"action": "change"}),
    ("reject_closed-close", "reject_closed", {"action": "close"}),
    ("reject_closed-reply", "reject_closed", {"action": "reply"}),
    ("ask_consent-close", "ask_consent", {"action": "close", "to_kind": None}),
    ("mediate-alert", "mediate", {"mediated": False, "critical": False, "expected": None}),
    ("mail_customer-return", "mail_customer", {"action": "confirm_return", "text": ""}),
    ("alert_prohibited-whatsapp", "alert_prohibited", {"what": "whatsapp", "sentence": None}),
    ("route_senior-unknown", "route_senior", {"of": None}),
    ("remind_team-unknown", "remind_team", {"of": None}),
    ("suggest_request_info-amount", "suggest_request_info", {"amount": None, "missing": ("amount",)}),
    ("suggest_review-no_limit", "suggest_review", {"limit": None}),
    ("route_claim-complete", "route_claim", {"claim": "chargeback", "missing": ()}),
    ("opened-expected", "opened", {"kind": "protocol", "expected": "cancelamento_antes_da_entrega"}),
    ("status-idle", "status", {"state": "answered", "clocks": ()}),
    ("command_done-closed", "command_done", {"action": "close", "state": "closed", "due_at": None}),
    ("effect-order", "effect", {"effect": "start_order_cancellation", "number": None, "amount": None}),
    ("message_relayed-customer", "message_relayed", {"by": "seller", "for_customer": True}),
    ("remind_messages-one", "remind_messages", {"messages": (("MG-42", "Where is my parcel?", ASKED, "message"),)}),
    ("agenda-empty", "agenda", {"open": ()}),
    ("agenda-desk", "agenda", {"external": False}),
    (
        "weekly_report-quiet",
        "weekly_report",
        {
            "rows": (("tickets", 0, 2),),
            "times": (("p50", None),),
            "reasons": (),
            "months": (),
            "takeover": False,
            "advise": False,
            "external": True,
        },
    ),
)
