"""Random tales in which every word can be told from every other: whose mail is in whose notice? (docs/security.md; G-14, I7).

Each mail bears canaries of its own: in its text, its HTML, its subject, its author's display name, the name and the bytes of its
file, its diagnostic. People reply, quote, forward, change subjects, mix up threads, and put each other into To, Cc and Bcc. Time
passes, so that reminders, escalations, digests, agendas and weekly reports come; mail bounces; the staff is told what waits and
joins tickets. `leaks` then looks at every mail that left, decoded as a mail program would.
"""

from __future__ import annotations

import email
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP, default
from functools import partial
from typing import Any

from passage import HANDING, Exchange
from theatre import PEOPLE, shipped_house

from mailgate import needs, timekeeper
from mailgate.desk.letter import party_of_role
from mailgate.desk.party import Seller
from mailgate.desk.route import STAFF, Roster
from mailgate.desk.telling import OWN
from mailgate.gateway import Settled
from mailgate.mail import address as addresses
from mailgate.simulate import mails
from mailgate.store import tickets
from mailgate.store.engine import Store
from mailgate.store.outbox import UNWRITTEN, Outgoing

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
LONG = SMTP.clone(max_line_length=None)
CANARY = re.compile(r"kq\d{5}[a-z]z")
CAST = {
    "digistore24": ("inc", "ltd", "acme", "owner", "backup", "nova", "buyer", "manager", "stranger", "agent"),
    "clickbank": ("consumer", "vendor", "seller", "claims", "rival", "platform", "stranger", "agent"),
    "madeiramadeira": ("customer", "seller", "claims", "rival", "sac", "stranger", "agent"),
    "digikala": ("seller", "claims", "rival", "support", "team", "senior", "stranger", "agent"),
    "amazonpay": ("buyer", "customer", "merchant", "claims", "rival", "manager", "stranger", "agent"),
}
OPENING = {
    "digistore24": ("inc", ("acme", "nova")),
    "clickbank": ("consumer", ()),
    "madeiramadeira": ("customer", ()),
    "digikala": ("seller", ()),
    "amazonpay": ("buyer", ("merchant", "rival")),
}
FACTS = {
    "digistore24": "", "amazonpay": "", "clickbank": "Seller: shop\nRequest: support\n",
    "madeiramadeira": "Lojista: shop\nPedido: {n}\nMotivo: entrega_errada_produto_errado\n",
    "digikala": "دسته‌بندی: payment\nReference: A-{n}\n",
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """A mail of the tale: who wrote it, who was addressed on it, the canaries that stand in it, and what became of it."""

    raw: bytes
    author: str
    audience: frozenset[str]
    canaries: frozenset[str]
    subject: str
    message_id: str
    text: str
    at: datetime
    done: Settled

    @property
    def own(self) -> str:
        """The five digits of its own canaries."""
        return self.text.split("kq")[1][:5]


@dataclass
class Tale:
    """One desk under one pack, and everything that happened there."""

    pack: str
    rng: random.Random
    store: Store
    told: list[Told] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        house = shipped_house(self.pack)
        desk = house.roster.desks["desk"].model_copy(
            update={"agenda_at": "08:00", "report_at": "MON 08:00", "ghost": "letter", "language": self.rng.choice(["en", "it"])}
        )
        sellers = {name: self._restless(one) for name, one in house.roster.sellers.items()}
        self.house = replace(house, roster=Roster.of({"desk": desk}, sellers))
        self.stage = Exchange(self.house, desk, self.store)
        self.store.call(partial(timekeeper.wind, house=self.house, now=START))
        self.now = START

    def _restless(self, seller: Seller) -> Seller:
        more = {"agenda_at": "09:00", "language": self.rng.choice(["", "pt-BR", "en"])}
        return Seller.model_validate({**seller.model_dump(by_alias=True), **more})

    # -- what happens ---------------------------------------------------------------------------------------------------

    def goes_on(self, steps: int) -> None:
        """So many random things, one after the other."""
        for _ in range(steps):
            self._passes(timedelta(minutes=self.rng.choice([1, 7, 40, 200, 900, 2000])))
            what = self.rng.choices(
                [self._opens, self._replies, self._answers_notice, self._mixes, self._quotes, self._bounces, self._orders],
                [3, 5, 4, 3, 2, 1, 1],
            )[0]
            what()
            self._tells_staff()
        self._passes(timedelta(days=9))

    def _passes(self, length: timedelta) -> None:
        self.now += length
        self.stage.pass_until(self.now, inclusive=True)

    def _tells_staff(self) -> None:
        work = partial(needs.tell_desk, desk=self.stage.desk, house=self.house, now=self.now)
        self.store.call(work)
        self.stage.deliver(self.now)

    def _opens(self) -> None:
        author, to = OPENING[self.pack]
        people = [self.rng.choice(to)] if to else []
        self._writes(author if self.rng.random() < 0.8 else self._someone(), people, facts=True, proven=True)

    def _replies(self) -> None:
        if self.told:
            mail = self.rng.choice(self.told[-12:])
            author = self.rng.choice([*mail.audience])
            self._writes(author, [mail.author, *self._some(mail.audience)], answers=mail)

    def _answers_notice(self) -> None:
        if self.stage.sent:
            _, row = self.rng.choice(self.stage.sent[-12:])
            back = email.message_from_bytes(row.raw, policy=default)
            to = str(back["Reply-To"] or back["From"])
            headers = {"In-Reply-To": f"<{row.message_id}>", "References": f"<{row.message_id}>"}
            subject = f"Re: {back['Subject']}" if self.rng.random() < 0.7 else ""
            self._writes(row.reader, [to, *self._some(row.visible)], headers=headers, subject=subject)

    def _mixes(self) -> None:
        """A reply under the ids of one case, the subject of another, to people of a third."""
        if len(self.told) > 2:
            ids, subject, people = (self.rng.choice(self.told) for _ in range(3))
            self._writes(
                self._someone(),
                [people.author, *self._some(people.audience)],
                subject=f"Re: {subject.subject}",
                headers=_ids(ids),
            )

    def _quotes(self) -> None:
        """Whoever has a mail quotes it in another case."""
        if self.told:
            source, other = self.rng.choice(self.told), self.rng.choice(self.told)
            quoted = f"On Monday, {source.author} wrote:\n" + "\n".join(f"> {line}" for line in source.text.splitlines())
            author = self.rng.choice([*source.audience])
            self._writes(author, [other.author, *self._some(other.audience)], answers=other, quoted=quoted)

    def _bounces(self) -> None:
        if not self.told:
            return
        mail = self.rng.choice(self.told)
        self.count += 1
        canary, to = f"kq{self.count:05d}gz", self.rng.choice([*mail.audience])
        raw = mails.report(mail.message_id, to, mail.author, "5.1.1", self.now, f"{self.count}.report@mx.example", f"no {canary}")
        raw = raw.replace(b"Subject: the mail that comes back", f"Subject: {mail.subject}".encode())
        self.stage.receive(raw, self.now, proven=self.rng.random() < 0.5, null=True)

    def _orders(self) -> None:
        """STATUS or HELP on a case, a link of a notice."""
        if self.stage.sent:
            _, row = self.rng.choice(self.stage.sent[-12:])
            back = email.message_from_bytes(row.raw, policy=default)
            headers = {"In-Reply-To": f"<{row.message_id}>", "References": f"<{row.message_id}>"}
            word = self.rng.choice(["STATUS\n", "HELP\n"])
            self._writes(row.reader, [str(back["Reply-To"] or back["From"])], headers=headers, first=word)
            if row.reader == PEOPLE["staff"] and (link := re.search(rb"mailto:([^\s?]+)", row.raw)):
                to = link[1].decode().replace("=\r\n", "").replace("%2B", "+")
                self._writes(row.reader, [to])

    # -- how it is written ----------------------------------------------------------------------------------------------

    def _someone(self) -> str:
        return PEOPLE[self.rng.choice(CAST[self.pack])]

    def _some(self, people: Iterable[str]) -> list[str]:
        known = [one for one in people if self.rng.random() < 0.5]
        return [*known, *(self._someone() for _ in range(self.rng.choice([0, 0, 1, 2])))]

    def _writes(
        self,
        author: str,
        to: list[str],
        *,
        answers: Told | None = None,
        headers: dict[str, str] | None = None,
        subject: str = "",
        quoted: str = "",
        facts: bool = False,
        first: str = "",
        proven: bool | None = None,
    ) -> None:
        self.count += 1
        mark, author = f"kq{self.count:05d}", PEOPLE.get(author, author)
        to = [PEOPLE.get(one, one) for one in to if one] or [self.stage.desk.address]
        helpdesk = [PEOPLE["inc"]] if self.pack == "digistore24" and self.rng.random() < 0.6 else []
        own = [self.stage.desk.address] if self.rng.random() < 0.8 else []
        mail = EmailMessage(policy=LONG)
        mail["From"] = f"{mark}dz <{author}>"
        mail["To"] = ", ".join(dict.fromkeys(to[:1] + own))
        if cc := [*to[1:4], *helpdesk]:
            mail["Cc"] = ", ".join(dict.fromkeys(cc))
        kept = answers is not None and self.rng.random() < 0.6
        subject = subject or (f"Re: {answers.subject}" if answers is not None and kept else f"Case {mark}sz")
        mail["Subject"] = subject
        mail["Message-ID"] = f"<{self.count}.tale@mail.example>"
        mail["Date"] = email.utils.format_datetime(self.now)
        for name, value in (headers or (_ids(answers) if answers else {})).items():
            mail[name] = value
        said = FACTS[self.pack].format(n=self.count % 7) if facts else ""
        text = f"{first}{said}\nHere I say {mark}tz, and nobody else shall hear of it.\n"
        self._body(mail, text, quoted, mark)
        raw = mail.as_bytes()
        also = [one for one in (addresses_of(mail) if self.rng.random() < 0.3 else []) if one != self.stage.desk.address]
        sure = self.rng.random() < 0.8 if proven is None else proven
        done = self.stage.receive(raw, self.now, proven=sure, also_to=also)
        audience = frozenset(map(addresses.key, (author, *addresses_of(mail))))
        canaries = frozenset(CANARY.findall(shown(raw)))
        self.told.append(Told(raw, author, audience, canaries, subject, f"{self.count}.tale@mail.example", text, self.now, done))

    def _body(self, mail: EmailMessage, text: str, quoted: str, mark: str) -> None:
        html = f"<p style='color:red'>Here I say {mark}hz.</p><img src='https://track.example/{mark}'>"
        kind = self.rng.choice(["plain", "plain", "both", "html"])
        if kind == "html":
            text = text.replace("\n", "<br>\n")
            mail.set_content(f"<p>{text}</p><p>{mark}hz</p><blockquote>{quoted}</blockquote>", subtype="html", cte="8bit")
        else:
            mail.set_content(f"{text}\n{quoted}\n", cte="8bit")
        if kind == "both":
            mail.add_alternative(html, subtype="html", cte="8bit")
        if self.rng.random() < 0.25:
            content = f"%PDF-1.4 {mark}fz".encode()
            mail.add_attachment(content, maintype="application", subtype="pdf", filename=f"{mark}az.pdf", cte="7bit")


def _ids(mail: Told) -> dict[str, str]:
    return {"In-Reply-To": f"<{mail.message_id}>", "References": f"<{mail.message_id}>"}


def addresses_of(mail: EmailMessage) -> list[str]:
    """Everybody in To and Cc."""
    return [one.addr_spec for name in ("To", "Cc") if mail[name] for one in mail[name].addresses]


def shown(raw: bytes) -> str:
    """Everything that a mail says to whoever looks at it: its headers, its texts, its files, each decoded."""
    mail = email.message_from_bytes(raw, policy=default)
    parts = [f"{name}: {value}" for name, value in mail.items()]
    for part in mail.walk():
        parts += [str(part.get_filename() or "")]
        if not part.is_multipart():
            parts.append((part.get_payload(decode=True) or b"").decode("utf-8", "replace"))
    return "\n".join(parts)


# -- what is looked for


def leaks(tale: Tale) -> tuple[int, list[str]]:
    """(how many mails that left were looked at, each canary in one of them that its reader was not to see)."""
    merged = _merged(tale)
    found, looked = [], 0
    for _, row in tale.stage.sent:
        if row.notice in UNWRITTEN:
            continue
        looked += 1
        for canary in sorted(set(CANARY.findall(shown(row.raw)))):
            if not _may_see(tale, canary, row, merged):
                found.append(f"{row.notice} to {row.reader} about {row.ticket} shows {canary}")
    return looked, found


def _may_see(tale: Tale, canary: str, row: Outgoing, merged: dict[int, int]) -> bool:
    """Is the reader of this notice to see this canary, and in a notice about this case (G-14)?"""
    kind, reader = canary[7], addresses.key(row.reader)
    if kind == "d" or (kind == "h" and canary not in _texts_by_html(tale)):
        return False  # display names and foreign HTML are shown to nobody
    if kind == "g":  # what the other mail system said is what the alert is about (D-10)
        return row.notice == "alert_delivery"
    holding = [one for one in tale.told if canary in one.canaries and one.at <= row.created_at]
    mine = [one for one in holding if row.ticket is None or _same(one.done.ticket, row.ticket, merged)]
    if kind == "s" and mine and _is_own(tale, row):
        return True  # the case's subject heads the desk's own file
    if kind == "s" and row.notice == "needs_you":
        return True
    return any(reader in one.audience or _handed(tale, one, reader, row) for one in mine)


def _texts_by_html(tale: Tale) -> frozenset[str]:
    """The canaries of HTML that was the only text of its mail."""
    alone = (one for one in tale.told if b"Content-Type: text/html" in one.raw and b"text/plain" not in one.raw)
    return frozenset(canary for one in alone for canary in one.canaries if canary[7] == "h")


def _is_own(tale: Tale, row: Outgoing) -> bool:
    scene: Any = type("Scene", (), {"policy": tale.house.policies["desk"]})
    return row.role.startswith(STAFF) or (row.role != "" and party_of_role(row.role, scene) in OWN)


def _handed(tale: Tale, mail: Told, reader: str, until: Outgoing) -> bool:
    """Did a notice that hands on mail give this one to the reader, no later than this one?"""
    giving = (row for _, row in tale.stage.sent if row.notice in HANDING or row.notice == "forward_topic")
    return any(row.created_at == mail.at <= until.created_at and reader in map(addresses.key, row.visible) for row in giving)


def _same(one: int | None, other: int | None, merged: dict[int, int]) -> bool:
    return one is not None and merged.get(one, one) == merged.get(other or 0, other)


def _merged(tale: Tale) -> dict[int, int]:
    numbers = sorted({one.done.ticket for one in tale.told if one.done.ticket})
    loaded = tale.store.read(partial(tickets.load, numbers=numbers))
    into = {number: int(one.facts["merged_into"]) for number, one in loaded.items() if "merged_into" in one.facts}
    return {number: into.get(target, target) for number, target in into.items()}
