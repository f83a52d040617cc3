"""The gate of the stories: mailgate's own three paths (simulate.Stage) on a clock that the story moves.

Time is lazy: `at` and `later` let pass what was due before that instant; what is due at the very instant comes with the next
`sends`, `stays_silent` or the end of the story, after the mails of that instant (G-05). Every notice must be expected by name,
and no notice may hold words of a mail that one of its readers was not addressed on (G-14): `ends` looks at all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from anew import differences
from passage import Exchange, Notice
from people import Mail, Person, dated, written

from mailgate import gateway, timekeeper
from mailgate.desk.pack import bind
from mailgate.desk.party import Desk, Seller
from mailgate.desk.route import Roster
from mailgate.desk.standing import Strike
from mailgate.desk.ticket import Clock, Ticket
from mailgate.mail.message import Envelope, parse
from mailgate.simulate import mails
from mailgate.simulate.mails import REFUSAL
from mailgate.simulate.stage import PROVEN, UNPROVEN
from mailgate.store import memory, outbox, spool
from mailgate.store.outbox import Outgoing
from mailgate.store.schema import dumps
from mailgate.store.unreachable import listed

RECEIVED = "Received: from out.example (out.example [203.0.113.9]) by mx.desk.example; Mon, 1 Jun 2026 12:00:00 +0000"
PASSED_ON = ("pass_on", "hand_on")


@dataclass
class Gate:
    """What a story talks to. Local times are those of `zone`."""

    stage: Exchange
    raw_pack: dict[str, Any]
    zone: ZoneInfo = ZoneInfo("America/New_York")
    now: datetime = datetime(2026, 6, 1, 12, tzinfo=UTC)
    mails: list[Mail] = field(default_factory=list)
    expected: int = 0
    pending: list[tuple[datetime, Outgoing]] = field(default_factory=list)

    # -- the house ------------------------------------------------------------------------------------------------------

    def under(self, **options: Any) -> None:
        """Lay these options over the pack's own."""
        house, name = self.stage.house, self.stage.desk.name
        policy = bind(self.raw_pack, options, self.stage.desk.pack).model_copy(update={"hash": dumps(options)})
        source = replace(house.sources[name], options=options)
        self.stage.house = replace(house, policies={name: policy}, sources={name: source})

    def registers(self, seller: str, **changes: Any) -> Seller:
        """Change the directory's entry of `seller`."""
        house = self.stage.house
        entry = Seller.model_validate({**house.roster.sellers[seller].model_dump(by_alias=True), **changes})
        sellers = {**house.roster.sellers, seller: entry}
        self.stage.house = replace(house, roster=Roster.of(house.roster.desks, sellers))
        return entry

    def moves_to(self, desk: Desk) -> None:
        """The desk's entry in desks.toml is another one from now on."""
        house = self.stage.house
        self.stage.house = replace(house, roster=Roster.of({desk.name: desk}, house.roster.sellers))
        self.stage.desk = desk

    def trusts(self, relay: str, authserv_id: str) -> None:
        """`[trust]`: this host may hand mail over, and its word about authors counts."""
        self.stage.house = replace(self.stage.house, relays=(relay,), authserv_ids=(authserv_id,))

    def winds(self) -> None:
        """What a start and a reload of the daemon do for the checklists."""
        self.stage.store.call(partial(timekeeper.wind, house=self.stage.house, now=self.now))

    def holds(self, scope: str = "all") -> None:
        """`mailgate hold`."""
        self.stage.store.call(partial(memory.set_flag, name=f"hold:{scope}", value="by hand"))

    def releases(self, scope: str = "all") -> None:
        """`mailgate release`."""
        self.stage.store.call(partial(memory.set_flag, name=f"hold:{scope}", value=None))

    def orders(self, command: str, ticket: int = 1, seller: str = "", **told: Any) -> None:
        """`mailgate ticket …` or `seller …`: somebody of the desk's staff gives a command."""
        self._settle_down()
        self.stage.orders(command, seller or ticket, told, self.now)

    # -- time -----------------------------------------------------------------------------------------------------------

    def at(self, local: str) -> None:
        """Move to this local time."""
        self._move(datetime.fromisoformat(local).replace(tzinfo=self.zone).astimezone(UTC))

    def later(self, **length: float) -> None:
        """Move on by elapsed time: hours=, minutes=, days=."""
        self._move(self.now + timedelta(**length))

    def sleeps(self, **length: float) -> None:
        """The daemon is down for so long: time passes and nothing fires."""
        self.now += timedelta(**length)
        self.stage.now = self.now

    def _move(self, to: datetime) -> None:
        assert to >= self.now, "a story goes forward"
        self.stage.pass_until(to, inclusive=False)
        self.now = to

    # -- mail in --------------------------------------------------------------------------------------------------------

    def receives(
        self, author: Person, head: dict[str, str], text: str, *, proven: bool = True, bcc: Sequence[Any] = (),
        unseen: bool = False, in_hand: bool = False, attaching: bytes | str | None = None, message_id: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Mail:  # fmt: skip
        """A mail by `author`: copied to us, and counted from now. `unseen`: nobody copies it; `in_hand`: not settled yet."""
        number = len(self.mails) + 1
        canary = f"canary{number:03d}x"
        own = {"Date": dated(self), "Message-ID": f"<{message_id or f'{number}.{author.address}'}>"}
        raw = written(author.address, {**head, **own, **(headers or {})}, f"{text}\n\n{canary}\n", attaching)
        mail = Mail(parse(raw), canary, at=self.now)
        self.mails.append(mail)
        if unseen:
            return mail
        if in_hand:
            self._spools(raw, proven)
            return mail
        return self._settled(mail, self.stage.receive(raw, self.now, proven=proven, also_to=[one.address for one in bcc]))

    def again(self, mail: Mail, *, proven: bool = True, raw: bytes | None = None) -> Mail:
        """The same mail arrives once more, or with other bytes."""
        return self._settled(replace(mail), self.stage.receive(raw or mail.raw, self.now, proven=proven))

    def _settled(self, mail: Mail, done: gateway.Settled) -> Mail:
        mail = replace(mail, settled=done)
        self.mails.append(mail)
        return mail

    def _spools(self, raw: bytes, proven: bool) -> None:
        envelope = Envelope("x@y.example", (self.stage.desk.address,), self.now, PROVEN if proven else UNPROVEN)
        self.stage.store.call(partial(spool.put, arrivals=[(envelope, raw, None)]))

    def comes_by(self, client: str, mail: Mail, results: str) -> Mail:
        """A mail handed over by the host `client`, with these Authentication-Results on top (RFC 8601)."""
        raw = f"Authentication-Results: {results}\r\n{RECEIVED}\r\n".encode() + mail.raw
        envelope = Envelope("x@y.example", (self.stage.desk.address,), self.now, UNPROVEN, client)
        self.stage.store.call(partial(spool.put, arrivals=[(envelope, raw, None)]))
        return self._settled(mail, self.takes_in_hand())

    def finds(self, mail: Mail, came: datetime) -> Mail:
        """A mail that nobody had shown us turns up; its server had it at `came` (G-01)."""
        now, self.stage.now = self.now, None
        found = self._settled(mail, self.stage.receive(mail.raw, came))
        self.stage.now = now
        return found

    def takes_in_hand(self) -> gateway.Settled:
        """Settle the mail that waits; it counts from when it came."""
        done = self.stage.store.call(partial(self.stage._settle, now=self.now))
        self.stage.deliver(self.now)
        return done

    def returns(
        self, what: Mail | Notice, recipient: Person | str, status: str = "5.1.1", by: str = "proven", said: str = REFUSAL
    ) -> Mail:
        """A delivery report about `what`: by our own return path, proven to be its author's, or unproven."""
        number = len(self.mails) + 1
        address = recipient if isinstance(recipient, str) else recipient.address
        path = what.row.reverse_path if isinstance(what, Notice) and by == "path" else None
        to = path or (what.message.author or "")
        raw = mails.report(what.message.message_id or "", address, to, status, self.now, f"{number}.report@mx.example", said)
        mail = Mail(parse(raw), f"report{number}")
        done = self.stage.receive(raw, self.now, proven=by == "proven", also_to=(path,) if path else (), null=True)
        return self._settled(mail, done)

    def would(self, raw: bytes, *, proven: bool = True) -> gateway.Settled:
        """What would become of this mail if it came now; nothing of it stays."""
        envelope = Envelope("x@y.example", (self.stage.desk.address,), self.now, PROVEN if proven else UNPROVEN)
        found: list[gateway.Settled] = []

        def try_it(connection: Any) -> None:
            spool.put(connection, [(envelope, raw, None)])
            found.append(self.stage._settle(connection, self.now))
            raise UndoneError

        with suppress(UndoneError):
            self.stage.store.call(try_it)
        return found[0]

    # -- mail out -------------------------------------------------------------------------------------------------------

    def sends(self, notice: str, to: Person | Sequence[Person], **say: Any) -> Notice:
        """The next notice of this name, which went to exactly these readers; `say` is what the audit log says of it."""
        self._settle_down()
        readers = [to] if isinstance(to, Person) else list(to)
        group = _first_group(notice, self.pending, readers[0].address)
        assert group, f"{notice} was not sent; waiting: {_listed(self.pending)}"
        assert sorted(row.reader for _, row in group) == sorted(one.address for one in readers), _listed(group)
        self.pending = [one for one in self.pending if one not in group]
        if say:
            self._said(notice, say, group[0][1])
        by_reader = {row.reader: row for _, row in group}
        return Notice(by_reader[readers[0].address], tuple(by_reader.values()), group[0][0])

    def passes_on(self, mail: Mail, to: Person) -> None:
        """The unchanged bytes of `mail` went to `to` (D-26)."""
        sent = self.sends("pass_on", to)
        assert sent.row.raw == mail.raw

    def unreachable(self) -> dict[str, tuple[str, str]]:
        """Whom mail does not reach: address -> (state, provider)."""
        rows = self.stage.store.read(listed)
        return {row["address"]: (row["state"], row["provider"]) for row in rows}

    def disregards(self) -> None:
        """The notices that have left by now are of no interest to this story; only G-14 still looks at them."""
        self._settle_down()
        self.pending = []

    def stays_silent(self) -> None:
        """No notice has left that the story did not expect."""
        self._settle_down()
        assert not self.pending, f"unexpected: {_listed(self.pending)}"

    def ends(self) -> None:
        """The end of a story: nothing left over, and nobody read what was not for him (G-14)."""
        self.stays_silent()
        for _, row in self.stage.sent:
            if row.notice not in PASSED_ON:
                self._keeps_to_its_audience(row)

    def _settle_down(self) -> None:
        self.stage.pass_until(self.now, inclusive=True)
        self.pending += self.stage.sent[self.expected :]
        self.expected = len(self.stage.sent)

    def _said(self, notice: str, say: dict[str, Any], row: Outgoing) -> None:
        entries = [one for one in self.stage.history() if one["event"] == notice and one["recorded_at"] == row.created_at]
        said = [one["data"].get("say", {}) for one in entries]
        assert any(say.items() <= one.items() for one in said), f"{notice} said {said}, not {say}"

    def _keeps_to_its_audience(self, row: Outgoing) -> None:
        text = parse(row.raw)
        shown = f"{text.subject} {text.text} {text.html}"
        if row.notice == "forward_topic":  # it hands the mail itself to its reader (G-14)
            return
        for mail in (one for one in self.mails if one.canary in shown):
            assert not self.stage.outsiders(mail, self.mails, row), f"{row.notice} to {row.reader} shows {mail.canary}"

    # -- what stands ----------------------------------------------------------------------------------------------------

    def ticket(self, number: int = 1) -> Ticket:
        """The ticket as it stands."""
        return self.stage.ticket(number)

    def clock(self, number: int = 1) -> Clock:
        """The newest clock of the ticket."""
        clock = self.ticket(number).clock("respond")
        assert clock is not None, f"ticket {number} has no clock"
        return clock

    def is_the_same_built_anew(self) -> bool:
        """Is every ticket what its mail and its timers make of it?"""
        found = differences(self.stage.store, self.stage.house)
        assert not found, found
        return True

    def strikes(self, seller: str) -> tuple[Strike, ...]:
        """The strikes that stand."""
        return self.stage.store.read(partial(memory.strikes_of, desk=self.stage.desk.name, seller=seller))

    def outgoing(self) -> tuple[dict[str, Any], ...]:
        """Every row of the outbox, without its bytes."""
        return self.stage.store.read(outbox.listed)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The entries of the audit log with this name."""
        return [one for one in self.stage.history() if one["event"] == event]


class UndoneError(Exception):
    """Rolls a trial back."""


def _first_group(notice: str, pending: Iterable[tuple[datetime, Outgoing]], reader: str) -> list[tuple[datetime, Outgoing]]:
    """The copies of the first notice of this name (the first to `reader`, if any): one step, or one cause, at one instant."""
    mine = [one for one in pending if one[1].notice == notice]
    first = next((one for one in mine if one[1].reader == reader), mine[0] if mine else None)
    return [one for one in mine if first and _about(one[1]) == _about(first[1])]


def _about(row: Outgoing) -> tuple[object, ...]:
    return row.ticket, row.clock, row.episode, row.step, row.occurrence, row.created_at, row.visible


def _listed(rows: Iterable[tuple[datetime, Outgoing]]) -> str:
    return "; ".join(f"{at:%d %b %H:%M}Z {row.notice} to {row.reader} (n={row.occurrence})" for at, row in rows) or "nothing"
