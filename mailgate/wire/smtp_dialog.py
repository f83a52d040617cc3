"""Answer what a client says in SMTP (RFC 5321) or LMTP (RFC 2033).

In the order of a dialog: hello, STARTTLS, MAIL, RCPT, DATA. At DATA the mail is read to its dot, handed on, and
only what the delivery says is the reply (§4.2.5): one in SMTP, one for each recipient in LMTP. A delivery that has
begun is not undone when its client leaves. It will not tell who exists beyond `knows`: VRFY and EXPN say nothing.
"""

from __future__ import annotations

import asyncio

from mailgate.mail.message import Envelope
from mailgate.wire import clock, smtp_path
from mailgate.wire.lobby import Load
from mailgate.wire.smtp_connection import Connection, Transaction
from mailgate.wire.smtp_data import CommandError, Mail

FULL = "452 4.3.1 no room on the disk, try again"
_DIGITS = frozenset("0123456789")


class Dialog(Connection):
    """One client's dialog: the verbs."""

    async def verb_helo(self, hostname: str | None) -> None:
        if self._greet(hostname, "smtp"):
            await self.push(f"250 {self.hostname}")

    async def verb_ehlo(self, hostname: str | None) -> None:
        if self._greet(hostname, "smtp"):
            await self._offer()

    async def verb_lhlo(self, hostname: str | None) -> None:
        if self._greet(hostname, "lmtp"):
            await self._offer()

    async def verb_starttls(self, argument: str | None) -> None:
        """RFC 3207: nothing said before the handshake counts after it."""
        if argument:
            raise CommandError("501 5.5.4 STARTTLS takes no argument")
        if self._is_secure or self.door.tls is None:
            raise CommandError("503 5.5.1 TLS is on already" if self._is_secure else "454 4.7.0 TLS not available")
        self.lines.forget()
        self._say("220 2.0.0 ready")
        try:
            link = await self.loop.start_tls(
                self.link,
                self,
                self.door.tls,
                server_side=True,
                ssl_handshake_timeout=self.house.limits.handshake.total_seconds(),
            )
        except (OSError, EOFError) as error:
            self.house.events.session_refused(self.client.name, f"TLS handshake: {type(error).__name__}")
            self._hang_up()
            self.connection_lost(None)
            return
        if link is not None:
            self._secured(link)

    async def verb_mail(self, argument: str | None) -> None:
        self._require_hello()
        if self.transaction.begun:
            raise CommandError("503 5.5.1 a mail is begun already")
        if self.house.is_full():
            self.house.events.data_refused(self.client.name, FULL)
            raise CommandError(FULL)
        path, found = self._path("FROM:", argument)
        size = found.pop("SIZE", "0")
        self.transaction = Transaction(True, path.address or None)
        if refusal := self._mail_refusal(path, found, size):
            self.transaction = Transaction()
            raise CommandError(refusal)
        await self.push("250 2.1.0 ok")

    async def verb_rcpt(self, argument: str | None) -> None:
        self._require_hello()
        if not self.transaction.begun:
            raise CommandError("503 5.5.1 MAIL first")
        path, found = self._path("TO:", argument)
        address = path.address if path.address != "postmaster" else f"postmaster@{self.hostname}"
        if found:
            raise CommandError("555 5.5.4 RCPT takes no parameters")
        if not address:
            raise CommandError("501 5.1.3 no recipient")
        if refusal := self._recipient_refusal(address):
            await self.push(refusal)
            return
        self.transaction.recipients.append(address)
        await self.push("250 2.1.5 ok")

    async def verb_data(self, argument: str | None) -> None:
        self._require_hello()
        transaction = self.transaction
        if not transaction.recipients:
            raise CommandError("503 5.5.1 no valid recipient")
        if argument:
            raise CommandError("501 5.5.4 DATA takes no argument")
        if not self.house.has_room(transaction.size):
            raise CommandError("452 4.3.1 too much mail at once, try again")
        self._mailing = True
        try:
            replies = await self._mail(transaction)
        finally:
            self._mailing = False
            self.transaction = Transaction()
        await self._answer(replies)

    async def verb_rset(self, argument: str | None) -> None:
        self._count_junk()
        self.transaction = Transaction()
        await self.push("250 2.0.0 ok")

    async def verb_noop(self, argument: str | None) -> None:
        self._count_junk()
        await self.push("250 2.0.0 ok")

    async def verb_quit(self, argument: str | None) -> None:
        self._say("221 2.0.0 bye")
        self._hang_up()

    async def verb_vrfy(self, argument: str | None) -> None:
        self._count_junk()
        await self.push("252 2.5.2 send some mail and see")

    async def verb_expn(self, argument: str | None) -> None:
        self._count_junk()
        await self.push("502 5.5.1 not here")

    async def verb_help(self, argument: str | None) -> None:
        self._count_junk()
        await self.push("214 2.0.0 RFC 5321")

    async def verb_auth(self, argument: str | None) -> None:
        self._count_junk()
        await self.push("502 5.5.1 not here")

    async def verb_bdat(self, argument: str | None) -> None:
        """Cut: what follows is mail that we would take for commands (RFC 3030 is not offered)."""
        raise CommandError("421 4.7.0 BDAT is not offered")

    # Hello

    def _greet(self, hostname: str | None, kind: str) -> bool:
        """True if this hello belongs at this door; raises CommandError."""
        self._count_junk()
        if kind != self.door.kind:
            raise CommandError("500 5.5.1 this is LMTP: LHLO" if self.door.kind == "lmtp" else "500 5.5.1 this is SMTP")
        if not hostname or len(hostname) > 255 or not hostname.isprintable():
            raise CommandError("501 5.5.4 who?")
        assert self.session is not None
        self.session.host_name = hostname
        self.transaction = Transaction()
        return True

    async def _offer(self) -> None:
        words = [f"SIZE {self.house.limits.size}", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"]
        if self.door.tls is not None and not self._is_secure:
            words.append("STARTTLS")
        lines = [self.hostname, *words]
        await self.push("\r\n".join(f"250{' ' if line is lines[-1] else '-'}{line}" for line in lines))

    def _require_hello(self) -> None:
        if not (self.session and self.session.host_name):
            raise CommandError(f"503 5.5.1 {'LHLO' if self.door.kind == 'lmtp' else 'EHLO'} first")

    @property
    def _is_secure(self) -> bool:
        return self.link.get_extra_info("sslcontext") is not None

    def _secured(self, link: asyncio.Transport) -> None:
        """Go on over TLS, as if the client had just come in."""
        self.replace_link(link)
        assert self.session is not None
        self.session.host_name = None
        self.transaction = Transaction()
        self._reset_timeout()

    # Envelope

    def _path(self, keyword: str, argument: str | None) -> tuple[smtp_path.Path, dict[str, str | None]]:
        """The path and parameters of MAIL or RCPT; raises CommandError."""
        text = argument or ""
        if text[: len(keyword)].upper() != keyword:
            raise CommandError(f"501 5.5.4 {'MAIL' if keyword == 'FROM:' else 'RCPT'} {keyword}<address>")
        any_local = keyword == "FROM:" and self.client.trusted
        path = smtp_path.read(text[len(keyword) :].lstrip(" "), any_local)
        if path is None:
            raise CommandError("553 5.1.7 malformed address" if keyword == "FROM:" else "553 5.1.3 malformed address")
        found = smtp_path.parameters(path.rest) if path.rest else {}
        if found is None:
            raise CommandError("501 5.5.4 malformed parameter")
        return path, found

    def _mail_refusal(self, path: smtp_path.Path, found: dict[str, str | None], size: str | None) -> str:
        """Why MAIL is refused, empty if it is not (RFC 1870 §6.1, 6152 §2, 6531 §3.4)."""
        if (found.pop("BODY", "7BIT") or "").upper() not in ("7BIT", "8BITMIME"):
            return "501 5.5.4 BODY is 7BIT or 8BITMIME"
        self.transaction.smtputf8 = "SMTPUTF8" in found
        if found.pop("SMTPUTF8", None) is not None:
            return "501 5.5.4 SMTPUTF8 takes no value"
        if found:
            return "555 5.5.4 parameter not known"
        if not size or len(size) > 20 or not set(size) <= _DIGITS:
            return "501 5.5.4 SIZE is a number"
        self.transaction.size = int(size)
        if self.transaction.size > self.house.limits.size:
            return "552 5.3.4 the mail is larger than we take"
        if path.address == "postmaster":
            return "553 5.1.7 malformed address"
        if not path.address.isascii() and not self.transaction.smtputf8:
            return "553 5.6.7 this address needs SMTPUTF8"
        return ""

    def _recipient_refusal(self, address: str) -> str:
        if not address.isascii() and not self.transaction.smtputf8:
            return "553 5.6.7 this address needs SMTPUTF8"
        if len(self.transaction.recipients) >= self.house.limits.recipients:
            return "452 4.5.3 too many recipients"
        return "" if self.house.knows(address) else "550 5.7.1 not an address of ours"

    # The mail

    async def _mail(self, transaction: Transaction) -> list[str]:
        """The replies to the final dot: one in SMTP, one for each accepted RCPT in LMTP."""
        load, many = Load(self.house), len(transaction.recipients) if self.door.kind == "lmtp" else 1
        delivery = None
        try:
            content = await self._collect(load)
            if isinstance(content, str):
                self.house.events.data_refused(self.client.name, content)
                return [content] * many
            delivery = self.house.deliver(self._envelope(transaction), content, load)
            del content
            return await self._delivered(delivery, transaction)
        finally:
            if delivery is None:
                load.release()

    async def _collect(self, load: Load) -> bytes | str:
        """The mail, or the reply that refuses it; raises CommandError for a client who will not stop.

        A fault of ours before the dot ends the session: what is left of the mail must never be taken for commands.
        """
        try:
            return await self._read(load)
        except (CommandError, ConnectionError):
            raise
        except Exception as error:
            raise CommandError(f"421{self._fault(error)[3:]}") from None

    async def _read(self, load: Load) -> bytes | str:
        copy = self.client.trusted and any(map(self.house.copies, self.transaction.recipients))
        mail, limits = Mail(self.house.limits.size, mends=copy), self.house.limits
        await self.push("354 end with <CRLF>.<CRLF>")
        self._reset_timeout(limits.data_idle.total_seconds())
        while not mail.take(self.lines.buffer):
            load.grow(mail.kept)
            if not self.house.has_room(0):
                mail.refuse("452 4.3.1 too much mail at once, try again")
                load.release()
            if mail.received > 2 * limits.size:
                raise CommandError("421 4.3.4 the mail is far larger than we take")
            self._grant(await self.lines.more())
        content = mail.content()
        load.grow(len(content))
        return mail.fault or content

    def _envelope(self, transaction: Transaction) -> Envelope:
        assert self.session is not None
        return Envelope(
            reverse_path=transaction.reverse_path,
            forward_paths=tuple(dict.fromkeys(transaction.recipients)),
            received_at=clock.now(),
            door=self.door.kind,
            client=self.client.name,
            helo=self.session.host_name or "",
        )

    async def _delivered(self, delivery: asyncio.Task[tuple[str, ...]], transaction: Transaction) -> list[str]:
        """Its replies; the delivery is never cancelled, neither by a client who leaves nor by our own patience."""
        patience = self.house.limits.accept.total_seconds()
        self._delivering = True
        self._reset_timeout(patience + 60)
        try:
            await asyncio.wait({delivery}, timeout=patience)
        finally:
            self._delivering = False
            self._reset_timeout()
        forward_paths = list(dict.fromkeys(transaction.recipients))
        replies = delivery.result() if delivery.done() else (self._fault(TimeoutError("delivery")),) * len(forward_paths)
        if self.door.kind != "lmtp":
            return [next((reply for reply in replies if reply.startswith("4")), max(replies))]
        by_path = dict(zip(forward_paths, replies, strict=True))
        return [by_path[address] for address in transaction.recipients]

    async def _answer(self, replies: list[str]) -> None:
        """Send them all, in order; a mail that was taken wipes out earlier errors."""
        if any(reply.startswith("2") for reply in replies):
            self._errors = self._junk = self._spared = 0
        for reply in replies[:-1]:
            self._say(reply)
        await self.push(replies[-1])
        if self._leaving:
            self.wind_up()
