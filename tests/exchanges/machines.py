"""Machines that answer mail, each rude: it answers everything, whatever the mail says of itself (RFC 3834 asks otherwise)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from world import Arrived, Machine, Sent, answer

from mailgate.mail import address as addresses


def vacation(got: Arrived) -> Iterator[Sent]:
    """RFC 3834: to the return path, with the null sender."""
    if got.reverse_path:
        yield answer(
            got, f"Auto: {got.message.subject}", "I am away.", to=got.reverse_path, null=True, Auto_Submitted="auto-replied"
        )


def out_of_office(got: Arrived) -> Iterator[Sent]:
    """Exchange."""
    said = {"Auto_Submitted": "auto-generated", "X_Auto_Response_Suppress": "All"}
    yield answer(got, f"Automatic reply: {got.message.subject}", "I am out of the office until Monday.", null=True, **said)


def zendesk(got: Arrived) -> Iterator[Sent]:
    """A receipt that says what it is, with a number of its own."""
    text = f"Your request ({got.number}) has been received and is being reviewed by our support staff."
    yield answer(
        got, f"[Request received] {got.message.subject}", text, Auto_Submitted="auto-generated", X_Mailer="Zendesk Mailer"
    )


def freshdesk(got: Arrived) -> Iterator[Sent]:
    """A receipt without a header that says so, in no thread."""
    text = f"We would like to acknowledge that we have received your request and a ticket #{got.number} has been created."
    yield answer(got, f"Ticket Received - {got.message.subject} [#{got.number}]", text, refers=False)


def otrs(got: Arrived) -> Iterator[Sent]:
    """Another, by its own number in the subject."""
    text = f"Thank you for your e-mail. It was registered as ticket {got.number}. Our team will answer soon."
    yield answer(got, f"[Ticket#{got.number}] RE: {got.message.subject}", text, Precedence="bulk", X_OTRS_Loop="otrs.example")


def fixed_text(got: Arrived) -> Iterator[Sent]:
    """No header at all, the same words each time."""
    yield answer(got, f"Re: {got.message.subject}", "Thank you for writing. We shall look into it as soon as we can.")


def changing_text(got: Arrived) -> Iterator[Sent]:
    """No header at all, and other words each time."""
    words = " ".join(f"word{(got.number * 7919 + n * 104729) % 997}" for n in range(12))
    yield answer(got, f"Re: {got.message.subject}", f"{words}.")


def new_mail(got: Arrived) -> Iterator[Sent]:
    """No header, no thread, a subject of its own and other words: each answer looks like a new case."""
    words = " ".join(f"word{(got.number * 7919 + n * 104729) % 997}" for n in range(12))
    yield answer(got, f"Case {got.number}", f"{words}.", refers=False, to=got.message.from_[0].address)


def challenge(got: Arrived) -> Iterator[Sent]:
    """Challenge and response: prove that you are human."""
    link = f"https://challenge.example/{got.number}"
    yield answer(
        got, f"Please confirm: {got.message.subject}", f"To have your mail delivered, open {link} and confirm.", refers=False
    )


def mailing_list(got: Arrived) -> Iterator[Sent]:
    """It sends every mail back to whoever wrote it, as lists do that their poster reads."""
    lines = got.message.raw.split(b"\r\n\r\n", 1)
    target = got.message.from_[0].address
    yield Sent(b"List-Id: <team.example>\r\nSender: " + got.me.encode() + b"\r\n" + b"\r\n\r\n".join(lines), got.me, target)


def bouncer(got: Arrived) -> Iterator[Sent]:
    """A mailer daemon that reports by hand: no null sender, and to From."""
    said = f"Hi. This is the mailer daemon. Your message could not be delivered to {got.me}: mailbox unavailable."
    yield answer(got, "failure notice", said, to=got.message.from_[0].address)


def reporter(got: Arrived) -> Iterator[Sent]:
    """A proper report, to the return path or, if that is null, to From all the same."""
    said = f"Delivery to {got.me} has failed: 5.1.1 user unknown"
    target = got.reverse_path or got.message.from_[0].address
    yield answer(got, "Delivery Status Notification (Failure)", said, to=target, null=True, Auto_Submitted="auto-replied")


def to_all(machine: Machine, got: Arrived) -> Iterator[Sent]:
    """What the machine says goes to everybody on the mail."""
    (first,) = machine(got)
    yield first
    for one in got.message.addressed:
        if addresses.key(one) != addresses.key(got.me):
            yield Sent(first.raw, first.reverse_path, one)


MACHINES: dict[str, Machine] = {
    "vacation": vacation, "out of office": out_of_office, "zendesk": zendesk, "freshdesk": freshdesk, "otrs": otrs,
    "fixed text": fixed_text, "changing text": changing_text, "new mail": new_mail, "challenge": challenge,
    "mailing list": mailing_list, "bouncer": bouncer, "reporter": reporter,
    "freshdesk to all": partial(to_all, freshdesk), "changing text to all": partial(to_all, changing_text),
}  # fmt: skip
