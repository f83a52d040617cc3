"""Hold one connection of a client: who it is, how long we wait, how often it may err, how it ends.

aiosmtpd's SMTP class runs the command loop and `Dialog` answers the verbs; this is what lies between. In order:
the lobby lets the client in or not; a line is read (smtp_data), answered, and errors are counted; a fault of ours
is always 451 and nothing else. A client who shuts only his own side still gets his replies; one who does not read
them is dropped. It will not tell our version, and not log: aiosmtpd's own log shows what clients send, so it is shut.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP

from mailgate.wire import lobby
from mailgate.wire.smtp_data import CommandError, Lines

SPARED = 1000  # refusals (recipients over the limit, our own faults) that do not count as errors
ABORT_AFTER = 2.0  # seconds for a client to read the last reply
SLOWEST = 500  # octets of a mail in a second

# It shows what clients send, passwords and control bytes included; we report through Events instead.
logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)


@dataclass
class Transaction:
    """One mail transaction, from MAIL to the reply to its dot."""

    begun: bool = False
    reverse_path: str | None = None
    size: int = 0
    smtputf8: bool = False
    recipients: list[str] = field(default_factory=list)


class _Verbs(dict[str, Any]):
    """aiosmtpd's table of verbs, looked up when used instead of collected at every connection."""

    def __init__(self, session: Connection) -> None:
        self._session = session

    def get(self, verb: str, default: Any = None) -> Any:
        return getattr(self._session, f"verb_{verb.lower()}", self._session.unknown)


class _OneSize(dict[str, int]):
    """The longest line of every verb: `Lines` has already looked."""

    def __missing__(self, verb: str) -> int:
        return 1 << 20


class _Silent:
    """A handler without hooks: the session answers every verb itself."""

    def __dir__(self) -> list[str]:
        return []


_SILENT = _Silent()


class Connection(SMTP, asyncio.BufferedProtocol):
    """One client at one door."""

    line_length_limit = 1 << 16  # aiosmtpd: where its stream pauses the peer
    command_size_limit = 1 << 20
    lines: Lines
    link: asyncio.Transport

    def __init__(self, house: lobby.Lobby, door: lobby.Door, loop: asyncio.AbstractEventLoop) -> None:
        self.house, self.door = house, door
        self.client = lobby.Client("")
        self._inside = self._mailing = self._delivering = self._leaving = False
        self._errors = self._junk = self._spared = 0
        self.transaction = Transaction()
        super().__init__(
            _SILENT,
            enable_SMTPUTF8=True,
            hostname=house.hostname,
            ident="LMTP" if door.kind == "lmtp" else "ESMTP",
            timeout=house.limits.idle.total_seconds(),
            loop=loop,
        )
        self.command_size_limits = _OneSize()
        self._smtp_methods = _Verbs(self)

    def __dir__(self) -> list[str]:
        """Nothing: aiosmtpd walks this at every connection to find verbs, which `_Verbs` finds without."""
        return []

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.client = lobby.client(transport, self.door.relays)
        self.house.make_room()
        if reply := self._unwanted():
            self.house.events.session_refused(self.client.name, reply)
            transport.write(reply.encode() + b"\r\n")
            transport.close()
            return
        self._inside = True
        self.house.enter(self)
        longest = math.inf if self.client.trusted else self.house.limits.session.total_seconds()
        self._end = self.loop.time() + longest
        self.link = self._tcp = transport  # TLS forgets how to abort once it is closed; TCP does not
        transport.set_write_buffer_limits(high=16384)
        super().connection_made(transport)

    def _unwanted(self) -> str:
        """Why this client may not come in, as the greeting that says so; empty if it may."""
        return self.house.refusal(self.client)

    def connection_lost(self, error: Exception | None) -> None:
        if self._inside:
            self._inside = False
            self.house.leave(self)
            super().connection_lost(error)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the loop writes what it received: one place for all sessions, emptied at once.

        As a plain Protocol we would be handed a new 256 KiB object for every line, which costs more than the line.
        """
        return self.house.inbox

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self.house.inbox[:nbytes]))

    def eof_received(self) -> bool | None:
        """A client that sent all it had and shut its side still reads our replies."""
        return asyncio.StreamReaderProtocol.eof_received(self) if self._inside else False

    @property
    def handler(self) -> asyncio.Task[None] | None:
        """The task that runs this session."""
        return self._handler_coroutine

    @property
    def silent(self) -> float:
        return 0.0 if self._delivering else self.loop.time() - self._due + self._patience

    def wind_up(self) -> None:
        if self._mailing:
            self._leaving = True
        else:
            self.close_now()

    def close_now(self) -> None:
        if self._inside:
            self._say("421 4.3.2 closing")
            self._hang_up()

    def give_way(self) -> None:
        if self._inside:
            self._cut("421 4.3.2 others need the place")

    def abort(self) -> None:
        if self._inside:
            self._tcp.abort()

    def _cb_client_connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines = Lines(reader, self.house.limits.command_line)
        self._reader = self.lines  # type: ignore[assignment]
        self._writer = writer

    def replace_link(self, link: asyncio.Transport) -> None:
        """Speak through `link`, which is TLS over the old one, from now on."""
        self.link = self.transport = link
        self.lines.replace_link(link)
        self._writer._transport = link  # type: ignore[attr-defined]
        self._over_ssl = True

    async def _handle_client(self) -> None:
        try:
            await super()._handle_client()
        except ConnectionError:
            pass
        except Exception as error:
            self.house.fault(self.client.name, error)
        self._hang_up()

    # Replies

    async def push(self, status: str | bytes) -> None:
        """Send one reply, or the 421 that errors have earned instead of it."""
        reply = status if isinstance(status, str) else status.decode("ascii", "replace")
        if reply[0] in "45":
            reply = self._counted(reply)
        if reply.startswith("421"):
            self._cut(reply)
            return
        self._say(reply)
        limits = self.house.limits
        if self._errors > limits.soft_errors and reply[0] in "45" and not self.client.trusted:
            await asyncio.sleep(limits.soft_pause.total_seconds())
        await self._writer.drain()

    async def handle_exception(self, error: Exception) -> str:
        if isinstance(error, ConnectionError):
            return "421 4.4.2 the client has left"
        return error.reply if isinstance(error, CommandError) else self._fault(error)

    async def unknown(self, argument: str | None) -> None:
        """Answer a verb that is none of ours, without repeating it."""
        self._count_junk()
        await self.push("500 5.5.2 no such command")

    def _say(self, reply: str) -> None:
        if not self.link.is_closing():
            self._writer.write(reply.encode("ascii", "replace") + b"\r\n")

    def _fault(self, error: BaseException) -> str:
        return self.house.fault(self.client.name, error)

    def _counted(self, reply: str) -> str:
        """`reply`, or 421 if this error was one too many; a client's second error before its hello is one."""
        if self._is_spared(reply) and self._spared < SPARED:
            self._spared += 1
            return reply
        self._errors += 1
        limit = self.house.limits.hard_errors if self.session and self.session.host_name else 2
        if self._errors >= limit and not self.client.trusted:
            return "421 4.7.0 too many errors"
        return reply

    def _is_spared(self, reply: str) -> bool:
        """True for what is no error of this client: a temporary refusal; over LMTP a recipient that its own clients named."""
        return reply.startswith("45") or (self.door.kind == "lmtp" and reply.startswith("550"))

    def _count_junk(self) -> None:
        """Count a command that moves no mail; raises CommandError when there were too many since the last mail."""
        self._junk += 1
        if self._junk > self.house.limits.junk_commands and not self.client.trusted:
            raise CommandError("421 4.7.0 too many commands without a mail")

    # Time

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Wait for the client so many seconds from now; the timer itself is moved only when it has to ring earlier."""
        self._patience = duration or self._timeout_duration
        self._due = self.loop.time() + self._patience
        if self._timeout_handle is None or self._timeout_handle.when() > self._due:
            self._arm(self._due)

    def _grant(self, octets: int) -> None:
        """Wait longer for a mail of which so many octets have come: who sends fewer than 500 in a second uses our patience up."""
        most = self.loop.time() + self._patience
        self._due = most if self.client.trusted else min(most, self._due + octets / SLOWEST)

    def _arm(self, due: float) -> None:
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        now = self.loop.time()
        end = self._end if self._end > now else now + 1
        self._timeout_handle = self.loop.call_at(min(due, end), self._timeout_cb)

    def _timeout_cb(self) -> None:
        now = self.loop.time()
        too_long = now >= self._end and not self._delivering
        if now < self._due and not too_long:
            self._arm(self._due)
        else:
            self._cut("421 4.3.2 session too long" if too_long else "421 4.4.2 idle for too long")

    def _hang_up(self) -> None:
        """Close once the last reply is read, or in two seconds without."""
        self.lines.stop()
        if not self._inside:
            return
        if not self.link.is_closing():
            self.link.close()
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        if self._over_ssl or self._tcp.get_write_buffer_size():
            self._timeout_handle = self.loop.call_later(ABORT_AFTER, self._tcp.abort)

    def _cut(self, reply: str) -> None:
        self.house.events.session_refused(self.client.name, reply)
        self._say(reply)
        self._hang_up()
