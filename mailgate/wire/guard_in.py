"""The guard's dialog with whoever hands us outgoing mail: a proxy, so that the next hop says who and what it takes.

Only trusted clients are let in. EHLO offers what the next hop offers and we can pass on; XFORWARD, MAIL and RCPT go to
it with all their parameters and come back with its reply; after DATA the mail is read to its dot, looked at
(`GuardDoor.passing`) and sent on, and the next hop's reply to it is ours. Nothing is refused here that the next hop
takes, but for the limits of every door. It will not speak LMTP, nor take BDAT.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mailgate.mail.message import Envelope
from mailgate.wire import smtp_path
from mailgate.wire.guard_out import GONE, GoneError, Hop
from mailgate.wire.lobby import Door, Load, Lobby
from mailgate.wire.smtp_client import Target
from mailgate.wire.smtp_connection import Transaction
from mailgate.wire.smtp_data import CommandError
from mailgate.wire.smtp_dialog import Dialog

KIND = "guard"
RECIPIENTS = 1000  # of one mail, as Postfix takes them: who writes to more than that hears 452 from us first
PASSED_ON = ("8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "XFORWARD")
SLACK = 60.0  # seconds for looking at a mail and noting what became of it

_ANY = re.compile(r"<([^<>]*)>")
_DIGITS = re.compile(r"[0-9]{1,20}")  # RFC 1870 §3
_SIZE = re.compile(r" SIZE=([0-9]{1,20})(?: |\Z)", re.IGNORECASE)

Passing = Callable[[Envelope, bytes, Hop], Awaitable[str]]


@dataclass
class GuardDoor(Door):
    """The guard's listeners: whom they hand mail to, and what looks at it on the way and answers with the final reply."""

    target: Target
    passing: Passing


class GuardDialog(Dialog):
    """One client's dialog, and the session with the next hop that belongs to it."""

    door: GuardDoor

    def __init__(self, house: Lobby, door: GuardDoor, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(house, door, loop)
        self.hop = Hop(door.target)
        self._is_connected = False

    def _unwanted(self) -> str:
        return super()._unwanted() if self.client.trusted else "554 5.7.1 this door is not for you"

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if not self._delivering:
            self.hop.close()

    async def verb_helo(self, hostname: str | None) -> None:
        if self._greet(hostname, KIND):
            await self._begin()
            await self.push(f"250 {self.hostname}")

    async def verb_ehlo(self, hostname: str | None) -> None:
        if self._greet(hostname, KIND):
            await self._begin()
            await self._offer()

    async def verb_xforward(self, argument: str | None) -> None:
        """What the client knows of its own client, for the next hop's log (Postfix XFORWARD)."""
        self._require_hello()
        if self.hop.offers("XFORWARD") is None:
            raise CommandError("502 5.5.1 XFORWARD is not offered")
        await self._through(f"XFORWARD {argument or ''}")

    async def verb_mail(self, argument: str | None) -> None:
        self._require_hello()
        if self.transaction.begun:
            raise CommandError("503 5.5.1 a mail is begun already")
        address, size = _address("FROM:", argument), _SIZE.search(argument or "")
        declared = int(size[1]) if size else 0
        if declared > self.house.limits.size:
            raise CommandError("552 5.3.4 the mail is larger than we take")
        if await self._through(f"MAIL {argument}"):
            self.hop.begun = True
            self.transaction = Transaction(True, address or None, declared)

    async def verb_rcpt(self, argument: str | None) -> None:
        self._require_hello()
        if not self.transaction.begun:
            raise CommandError("503 5.5.1 MAIL first")
        address = _address("TO:", argument)
        if len(self.transaction.recipients) >= RECIPIENTS:
            raise CommandError("452 4.5.3 too many recipients")
        if await self._through(f"RCPT {argument}"):
            self.transaction.recipients.append(address)

    async def verb_rset(self, argument: str | None) -> None:
        self._count_junk()
        self.transaction = Transaction()
        await self._reset()
        await self.push("250 2.0.0 ok")

    async def verb_quit(self, argument: str | None) -> None:
        self._say("221 2.0.0 bye")
        await self.hop.quit()
        self._hang_up()

    # The next hop

    async def _begin(self) -> None:
        """Reach the next hop at the first hello; at a later one, forget what was begun there."""
        if self._is_connected:
            await self._reset()
            return
        try:
            await self.hop.open()
        except GoneError:
            raise CommandError(GONE) from None
        self._is_connected = True

    async def _offer(self) -> None:
        words = ["PIPELINING", self._size()]
        words += [f"{name} {self.hop.offers(name)}".rstrip() for name in PASSED_ON if self.hop.offers(name) is not None]
        if self.door.tls is not None and not self._is_secure:
            words.append("STARTTLS")
        lines = [self.hostname, *words]
        await self.push("\r\n".join(f"250{' ' if line is lines[-1] else '-'}{line}" for line in lines))

    def _size(self) -> str:
        """The smaller of both limits; the next hop's 0 means that it knows none (RFC 1870 §4)."""
        theirs = self.hop.offers("SIZE") or ""
        mine = self.house.limits.size
        return f"SIZE {min(mine, int(theirs)) if theirs.isascii() and theirs.isdigit() and int(theirs) else mine}"

    async def _through(self, line: str) -> bool:
        """Pass `line` on and its reply back; True if that was a yes."""
        try:
            reply = await self.hop.says(line)
        except GoneError:
            raise CommandError(GONE) from None
        await self.push(reply.wire)
        return reply.yes

    async def _reset(self) -> None:
        try:
            await self.hop.reset()
        except GoneError:
            raise CommandError(GONE) from None

    # The mail

    async def _mail(self, transaction: Transaction) -> list[str]:
        """The one reply to the final dot."""
        load, passing = Load(self.house), None
        try:
            content = await self._collect(load)
            if isinstance(content, str):
                self.house.events.data_refused(self.client.name, content)
                await self._reset()
                return [content]
            passing = self.house.shelter(self._passed(self._envelope(transaction), content), load)
            del content
            return [await self._answered(passing)]
        finally:
            if passing is None:
                load.release()

    async def _passed(self, envelope: Envelope, content: bytes) -> str:
        """The reply that looking at the mail and sending it on come to; a mail that was not sent is forgotten there too."""
        try:
            reply = await self.door.passing(envelope, content, self.hop)
        except Exception as error:
            reply = self.house.fault(envelope.client, error)
        if self.hop.begun:
            try:
                await self.hop.reset()
            except GoneError:
                self.hop.close()
        if not self._inside:
            self.hop.close()
        return reply

    async def _answered(self, passing: asyncio.Task[str]) -> str:
        """Its reply; what is on its way is never cancelled, least of all by a client who leaves."""
        self._delivering = True
        self._reset_timeout(2 * self.door.target.patience + SLACK)
        try:
            await asyncio.wait({passing})
        finally:
            self._delivering = False
            self._reset_timeout()
        return passing.result()


def _address(keyword: str, argument: str | None) -> str:
    """The address in MAIL or RCPT, as well as we can read it: whether it is one is for the next hop to say."""
    text = argument or ""
    if text[: len(keyword)].upper() != keyword:
        raise CommandError(f"501 5.5.4 {'MAIL' if keyword == 'FROM:' else 'RCPT'} {keyword}<address>")
    text = text[len(keyword) :].lstrip(" ")
    path = smtp_path.read(text, any_local=True)
    if path is not None:
        return path.address
    found = _ANY.match(text)
    if found is None:
        raise CommandError("501 5.5.4 malformed address")
    return found[1]
