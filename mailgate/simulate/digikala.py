"""The events of a Digikala case: sellers' requests and complaints, support's answers, marks and questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mailgate.simulate.players import AGENT, DESK, Case, by_staff, lines, seller_of, write


def _numbers(case: Case, event: Mapping[str, Any]) -> list[str] | None:
    """The ticket numbers that the labels of `refs` stand for; a label nobody knows stays as it is."""
    refs = event.get("refs")
    return [f"MG-{case.numbers[one]}" if one in case.numbers else str(one) for one in refs] if refs else None


def _open(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    """By mail or panel, or by an agent who registers a call (K-06): then the mail says so."""
    text = lines(
        Request=event.get("type"), Category=event.get("category"), Reference=event.get("ref"), Topics=event.get("topics"),
        Numbers=_numbers(case, event),
    )  # fmt: skip
    extra = {"X-Via": event["via"]} if "via" in event else {}
    said = {"text": text + "\n" + event.get("body", "") + "\n", "files": event.get("attachments", 0), "extra": extra}
    author = seller_of(case, event).support
    write(case, event, at, "open", author=author, to=[DESK], subject="درخواست", fresh=True, **said)


def _support(kind: str) -> Callable[[Case, Mapping[str, Any], datetime], object]:
    """A mail of support's: its final answer, a note that the case was referred, or a question to the seller."""

    def say(case: Case, event: Mapping[str, Any], at: datetime) -> None:
        extra = {} if kind == "answer" else {"X-Kind": kind}
        seller = seller_of(case, event).support
        write(case, event, at, kind, author=AGENT, to=[seller], text="پیام پشتیبانی.\n", extra=extra)

    return say


def _seller_reply(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    text = lines(Subject_is_new=event.get("new_topic"), Numbers=_numbers(case, event)) + "\nپیام فروشنده.\n"
    author = seller_of(case, event).support
    write(case, event, at, "reply", author=author, to=[DESK], text=text, files=event.get("attachments", 0))


def _mark_complex(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    by_staff(case, event, at, "mark_complex")


def _recategorise(case: Case, event: Mapping[str, Any], at: datetime) -> None:
    by_staff(case, event, at, "recategorise", {"category": event["category"]})


EVENTS: Mapping[str, Callable[[Case, Mapping[str, Any], datetime], object]] = {
    "open": _open,
    "support_answer": _support("answer"),
    "referral_note": _support("referral"),
    "info_request": _support("info"),
    "seller_reply": _seller_reply,
    "mark_complex": _mark_complex,
    "recategorise": _recategorise,
}
