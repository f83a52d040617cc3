"""The people of the stories: what they write is a real mail (RFC 5322) that goes through the gate's own path.

Nothing is decided here. A person knows an address and how mail programs build a reply; the gate knows the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from mailgate.gateway import Settled
from mailgate.mail import address as addresses
from mailgate.mail.message import Message

if TYPE_CHECKING:
    from exchange import Gate
    from passage import Notice

LONG = SMTP.clone(max_line_length=None)


@dataclass(frozen=True, eq=False)
class Mail:
    """A mail that somebody wrote, and what became of it (None: it is still on its way, or nobody showed it to us)."""

    message: Message
    canary: str
    settled: Settled | None = None
    at: datetime | None = None

    @property
    def raw(self) -> bytes:
        """The bytes as they were sent."""
        return self.message.raw

    @property
    def ticket(self) -> int:
        """The number of the ticket that it joined or opened; 0 for none."""
        return (self.settled.ticket or 0) if self.settled else 0

    @property
    def event(self) -> str:
        """What the pack made of it."""
        return self.settled.event if self.settled else ""

    @property
    def evidence(self) -> str:
        """How it was found to belong to its ticket."""
        return self.settled.match.evidence if self.settled else ""


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody with an address. `how`, wherever it is taken, goes to `Gate.receives`."""

    address: str
    gate: Gate

    def at(self, address: str) -> Person:
        """The same person writing from another address."""
        return Person(address, self.gate)

    def writes(self, to: Sequence[Any], cc: Sequence[Any] = (), subject: str = "Order 4711", text: str = "", **how: Any) -> Mail:
        """A new mail, in no thread."""
        return self.gate.receives(self, _headed(to, cc, subject), text or "Here is what it is about.", **how)

    def states(self, subject: str, text: str = "", *, to: Sequence[Any] = (), **facts: Any) -> Mail:
        """A new mail to the desk that says `Name: value`, a line each, before its text; `how` among the facts goes on."""
        how = facts.pop("how", {})
        lines = "".join(f"{name.replace('_', ' ')}: {value}\n" for name, value in facts.items())
        return self.writes(to or [self.gate.stage.desk], subject=subject, text=f"{lines}\n{text}", **how)

    def replies(self, to: Any, text: str = "", *, adding: Sequence[Any] = (), **how: Any) -> Mail:
        """Plain Reply: to whom the mail wants its answers, and nobody else."""
        return self._answers(to, [*_asked_for(to.message), *adding], (), text, how)

    def replies_to_all(
        self, to: Any, text: str = "", *, without: Sequence[Any] = (), adding: Sequence[Any] = (), **how: Any
    ) -> Mail:
        """Reply to all; `without` and `adding` are what the person changed by hand in To and Cc."""
        left_out = {addresses.key(_plain(one)) for one in (*without, self)}
        first = [one for one in _asked_for(to.message) if addresses.key(one) not in left_out]
        others = [one.address for one in (*to.message.to, *to.message.cc) if addresses.key(one.address) not in left_out]
        return self._answers(to, first, [*others, *adding], text, how)

    def follows_up(self, own: Any, text: str = "Any news?", **how: Any) -> Mail:
        """Once more to the same people, as a reply to one's own mail."""
        to = [one.address for one in own.message.to]
        return self._answers(own, to, [one.address for one in own.message.cc], text, how)

    def forwards(self, mail: Any, to: Sequence[Any], *, attached: bool = False, **how: Any) -> Mail:
        """Forward, with the thread's ids as Gmail does it, or with the original attached as Outlook can."""
        headers = _headed(to, (), "Fwd: " + mail.message.subject)
        text = f"FYI see below.\n\n---------- Forwarded message ---------\nFrom: {mail.message.author}\n\n{mail.message.text}"
        if attached:
            return self.gate.receives(self, headers, "See the attached mail.", attaching=mail.raw, **how)
        return self.gate.receives(self, {**headers, **threaded(mail.message)}, text, **how)

    def follows(self, notice: Notice, link: str, text: str = "", *, to: str = "", **how: Any) -> Mail:
        """Opens the link of a notice and sends the mail as it opens (RFC 6068), with `text` typed into it."""
        asked = urlsplit(notice.links[link])
        said = parse_qs(asked.query)
        body = "".join(said.get("body", [])).replace("\r\n", "\n")
        written = how.pop("instead", f"{body}{text}")
        return self.gate.receives(self, _headed([to or unquote(asked.path)], (), said["subject"][0]), written, **how)

    def auto_replies(self, to: Any, text: str = "I am away until Monday.", *, subject: str = "", **how: Any) -> Mail:
        """What a vacation responder sends (RFC 3834 §3)."""
        headers = {"Auto-Submitted": "auto-replied", **how.pop("headers", {})}
        subject = subject or "Out of office: " + to.message.subject
        return self._answers(to, _asked_for(to.message), (), text, {**how, "headers": headers, "subject": subject})

    def _answers(self, to: Any, first: Sequence[Any], cc: Sequence[Any], text: str, how: dict[str, Any]) -> Mail:
        headers = _headed(first, cc, how.pop("subject", "Re: " + to.message.subject))
        keep = how.pop("thread", "kept")
        return self.gate.receives(self, {**headers, **threaded(to.message, keep)}, text or "Here is the answer.", **how)


def threaded(answered: Message, keep: str = "kept") -> dict[str, str]:
    """The headers that tie an answer to its mail (RFC 5322 §3.6.4): kept, in_reply_to, references, or none of them."""
    ids = [*answered.references, answered.message_id or ""]
    both = {"In-Reply-To": f"<{ids[-1]}>", "References": " ".join(f"<{one}>" for one in ids)}
    names = {"kept": tuple(both), "in_reply_to": ("In-Reply-To",), "references": ("References",), "none": ()}[keep]
    return {name: both[name] for name in names}


def written(author: str, headers: dict[str, str], text: str, attaching: bytes | str | None = None) -> bytes:
    """The bytes of a mail; `attaching` another mail, or a file of this name."""
    message = EmailMessage(policy=LONG)
    message["From"] = author
    for name, value in headers.items():
        message[name] = value
    message.set_content(text, cte="8bit")
    if isinstance(attaching, str):
        message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename=attaching, cte="7bit")
    elif attaching is not None:
        message.add_attachment(_parsed(attaching))
    return message.as_bytes()


def dated(gate: Gate) -> str:
    """The Date header of a mail that is written now; no rule ever reads it (G-01)."""
    return format_datetime(gate.now)


def _parsed(raw: bytes) -> EmailMessage:
    import email

    return email.message_from_bytes(raw, policy=LONG)


def _headed(to: Sequence[Any], cc: Sequence[Any], subject: str) -> dict[str, str]:
    named = {"To": ", ".join(map(_plain, to)), "Cc": ", ".join(map(_plain, cc)), "Subject": subject}
    return {name: value for name, value in named.items() if value}


def _plain(one: Any) -> str:
    return one if isinstance(one, str) else str(one.address)


def _asked_for(message: Message) -> list[str]:
    """Where a mail wants its answers: Reply-To, else From (RFC 5322 §3.6.2)."""
    return [one.address for one in (message.reply_to or message.from_)]
