"""One session with the guard's next hop: each line that the client says goes to it, and its reply comes back as it is.

The mail itself is sent only when all of it is here. What fails before the final dot has left cannot have delivered
anything; what fails after it may have (uncertain). It will not retry, nor use a session for two clients.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Literal

import aiosmtplib

from mailgate.wire import smtp_client
from mailgate.wire.smtp_client import Progress, Target

_TROUBLE = (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError)
GONE = "421 4.4.2 the next hop does not answer, try again"
NOT_TAKEN = "451 4.4.2 the next hop broke off before it had the mail, try again"
UNCERTAIN = "451 4.4.2 the next hop has not said whether it took the mail, try again"


class GoneError(Exception):
    """The next hop can't be reached, or has left."""


@dataclass(frozen=True)
class Reply:
    """A reply of the next hop: its code and its lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def yes(self) -> bool:
        """True for 2yz."""
        return 200 <= self.code < 300

    @property
    def wire(self) -> str:
        """The reply as it is said (RFC 5321 §4.2.1), without the last CRLF."""
        last = len(self.lines) - 1
        return "\r\n".join(f"{self.code}{' ' if n == last else '-'}{line}" for n, line in enumerate(self.lines))


@dataclass(frozen=True)
class Relayed:
    """What became of a mail at the next hop, and the reply that the client gets."""

    state: Literal["sent", "unsent", "uncertain"]
    reply: str


class Hop:
    """The next hop, for one client."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._client: aiosmtplib.SMTP | None = None
        self.begun = False  # a mail transaction is open there

    async def open(self) -> None:
        """Connect and say hello; raises GoneError."""
        try:
            self._client = await smtp_client.connected(self._target)
            await smtp_client.hello(self._client)
        except _TROUBLE as error:
            self.close()
            raise GoneError(str(error)) from error

    def offers(self, extension: str) -> str | None:
        """The parameters of an extension that it offered in its hello; None where it did not."""
        found = self._client.esmtp_extensions if self._client else {}
        return found.get(extension.lower())

    async def says(self, line: str) -> Reply:
        """Its reply to this command line; raises GoneError when there is none."""
        if self._client is None:
            raise GoneError("not connected")
        try:
            response = await self._client.execute_command(line.encode("utf-8", "surrogateescape"))
        except _TROUBLE as error:
            self.close()
            raise GoneError(str(error)) from error
        if not 200 <= response.code <= 599:
            self.close()
            raise GoneError(f"{response.code} is no reply")
        return Reply(response.code, tuple(response.message.split("\n")))

    async def sends(self, content: bytes) -> Relayed:
        """What became of the mail whose envelope it has been told, within its patience; never raises for the network."""
        progress, self.begun = Progress(), False
        if self._client is None:
            return Relayed("unsent", NOT_TAKEN)
        try:
            async with asyncio.timeout(self._target.patience):
                response = await smtp_client.transmitted(self._client, progress, content, self._target.patience)
        except aiosmtplib.SMTPDataError as error:
            self.begun = True
            return Relayed("unsent", Reply(error.code, tuple(error.message.split("\n"))).wire)
        except _TROUBLE:
            self.close()
            return Relayed("uncertain", UNCERTAIN) if progress.dotted else Relayed("unsent", NOT_TAKEN)
        reply = Reply(response.code, tuple(response.message.split("\n")))
        if not reply.yes and not 400 <= reply.code <= 599:
            self.close()
            return Relayed("uncertain", UNCERTAIN)
        return Relayed("sent" if reply.yes else "unsent", reply.wire)

    async def reset(self) -> None:
        """Forget the mail that was begun there, if one was; raises GoneError."""
        if self.begun:
            self.begun = False
            await self.says("RSET")

    async def quit(self) -> None:
        """Take leave, shortly."""
        if self._client is not None and self._client.is_connected:
            with contextlib.suppress(*_TROUBLE):
                await self._client.quit(timeout=2)
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            self._client.close()
            self._client = None
