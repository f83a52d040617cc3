"""How mail programs and helpdesks build an answer from the headers of a mail. Only what differs between them is written down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from people import threaded

from mailgate.mail import address as addresses
from mailgate.mail.message import Message


@dataclass(frozen=True)
class Client:
    """One program's habits.

    `to_keeps_to`: Reply to all leaves the other addressees of To in To (else they go to Cc). `asks_from`: some installations
    answer From, not Reply-To. `own_ids`: it puts an id of its own into the thread, and may answer that. `as_service`: it sends
    from an address of the helpdesk service, which the seller has registered.
    """

    name: str
    prefix: str = "Re: "
    to_keeps_to: bool = False
    asks_from: bool = False
    own_ids: bool = False
    as_service: bool = False


GMAIL = Client("gmail")
OUTLOOK = Client("outlook", prefix="RE: ", to_keeps_to=True)
APPLE_MAIL = Client("apple mail")
FRESHDESK = Client("freshdesk", prefix="Re: [#55] ", asks_from=True, own_ids=True, as_service=True)
ZENDESK = Client("zendesk", prefix="[Acme] Re: ", own_ids=True, as_service=True)
CLIENTS = (GMAIL, OUTLOOK, APPLE_MAIL, FRESHDESK, ZENDESK)


@dataclass(frozen=True)
class Way:
    """One way to answer: to whom, with one's own address kept or dropped, with which ids, from which address."""

    to_all: bool
    keeps_own: bool
    thread: str
    by_service: bool
    to_from: bool


def ways(client: Client) -> Iterator[Way]:
    """Every way in which people's settings make `client` answer."""
    threads = ("kept", "in_reply_to", "references", *(("own_id",) if client.own_ids else ()))
    services = (False, True) if client.as_service else (False,)
    targets = (False, True) if client.asks_from else (False,)
    whom = ((False, False), (True, False), (True, True))
    for (to_all, keeps_own), thread, by_service, to_from in product(whom, threads, services, targets):
        yield Way(to_all, keeps_own, thread, by_service, to_from)


def answer(client: Client, way: Way, notice: Message, me: str, service: str) -> bytes:
    """The bytes of the answer that `me` gives to `notice`."""
    target = [one.address for one in (notice.from_ if way.to_from else notice.reply_to)]
    to, cc = target, list[str]()
    if way.to_all:
        others = [one.address for one in notice.to if _is_kept(one.address, me, way)]
        copied = [one.address for one in notice.cc if _is_kept(one.address, me, way)]
        to, cc = ([*to, *others], copied) if client.to_keeps_to else (to, [*others, *copied])
    head = {"To": ", ".join(to), "Cc": ", ".join(cc), "Subject": client.prefix + notice.subject}
    head |= {"Message-ID": f"<answer.{abs(hash((client, way)))}@{client.name.replace(' ', '-')}.example>"}
    author = service if way.by_service else me
    lines = [f"{name}: {value}" for name, value in {"From": author, **head, **_ids(notice, way)}.items() if value]
    return "\r\n".join((*lines, "", "Here is the answer.", "")).encode()


def _is_kept(address: str, me: str, way: Way) -> bool:
    return way.keeps_own or addresses.key(address) != addresses.key(me)


def _ids(notice: Message, way: Way) -> dict[str, str]:
    if way.thread != "own_id":
        return threaded(notice, way.thread)
    own = "<ticket-55.update-2@service.example>"
    return {"In-Reply-To": own, "References": f"{threaded(notice)['References']} {own}"}
