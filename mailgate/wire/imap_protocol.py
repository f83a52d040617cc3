"""The bytes of an IMAP connection: aioimaplib's protocol, hardened. It speaks; it decides nothing.

An answer of the server is taken as lines and literals, without recursion, and nothing in a line is altered. One command is in
hand at a time. Whatever is not as it should be ends the connection: a literal or a line beyond the caps, a tag that we did
not send, a farewell, an answer that does not come, an end of the connection. Who waits then gets an ImapError at once.
Secrets are never part of a command: they are what is said when the server asks for more (`answers`), and are not logged.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from aioimaplib import aioimaplib

MAX_LITERAL = 1024 * 1024 + 1024
MAX_LINE = 4 * 1024 * 1024  # an answer to SEARCH is one line: 100,000 UIDs need 1.1 MB
MAX_PIECES = 64
MAX_ANSWERS = 20_000
MAX_BYTES = 64 * 1024 * 1024
_LITERAL = re.compile(rb"~?\{(\d+)\}$")
_EXISTS = re.compile(rb"^\* (\d{1,10}) EXISTS\s*$", re.IGNORECASE)
_TAGGED = re.compile(rb"^([A-Z0-9]+) (OK|NO|BAD)(?: |$)", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[^ -~]")
SAID = 200

Answer = tuple[bytes, ...]


class ImapError(Exception):
    """The connection can't go on; the text says why, without secrets."""


class RefusedError(ImapError):
    """The server said NO to a command; the connection may go on."""


class Protocol(aioimaplib.IMAP4ClientProtocol):  # type: ignore[misc]
    """One connection. `arrived` is set when the server says that the open folder has grown, and when the connection ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.capabilities: set[str] = set()
        self.greeted: asyncio.Future[bytes] = loop.create_future()
        self.arrived = asyncio.Event()
        self.idling = asyncio.Event()
        self.exists = 0
        self.lost: ImapError | None = None
        self.secrets: tuple[str, ...] = ()
        self._buffer = bytearray()
        self._scanned = 0
        self._literal = -1
        self._pieces: list[bytes] = []
        self._answers: list[Answer] = []
        self._size = 0
        self._says: deque[bytes] = deque()
        self._ends_clear = False

    # -- what the session asks -------------------------------------------------------------------------------------------

    async def ask(
        self, name: str, *words: str, uid: bool = False, answers: Iterable[str] = (), silence: float | None = 30.0
    ) -> tuple[str, list[Answer]]:
        """(the text of the server's OK, its untagged answers). Raises RefusedError for NO, ImapError for everything else.

        `answers` are said one by one when the server asks for more. `silence`: seconds without a byte that are borne.
        """
        self._says = deque(one.encode() for one in answers)
        self._answers, self._size = [], 0
        command = aioimaplib.Command(name, self.new_tag(), *words, prefix="UID" if uid else "", loop=self.loop, timeout=silence)
        try:
            if self.lost is not None:
                raise self.lost
            response = await self.execute(command)
        except aioimaplib.CommandTimeout:
            self.fail(f"no answer to {name} for {silence} s")
        except aioimaplib.AioImapException as error:
            self.fail(f"{name}: {type(error).__name__}")
        finally:
            self._says.clear()
        if self.lost is not None:
            raise self.lost
        found, self._answers = self._answers, []
        said = self.printable(bytes(response.lines[-1]) if response.lines else b"")
        if response.result == "NO":
            raise RefusedError(f"the server refused {name}: {said}")
        if response.result != "OK":
            self.fail(f"the server did not understand {name}: {said}")
            raise self._why()
        return said, found

    def fail(self, reason: str) -> None:
        """End the connection, and tell whoever waits for something."""
        if self.lost is None:
            self.lost = ImapError(reason)
        if self.transport is not None:
            self.transport.abort()
        self._release()

    def printable(self, said: bytes) -> str:
        """What the server said, for a log line: short, printable, without our secrets."""
        text = _UNPRINTABLE.sub("?", said.decode("utf-8", "replace"))
        for secret in self.secrets:
            text = text.replace(secret, "…")
        return text.strip()[:SAID]

    # -- what comes in ---------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take what came, answer by answer."""
        if self.lost is not None:
            return
        self._buffer += data
        command = self._in_hand()
        if command is not None and command.name != "IDLE":
            command._reset_timer()
        try:
            while self.lost is None and not self._ends_clear and (answer := self._next()) is not None:
                self._take(answer)
        except ImapError as error:
            self.fail(str(error))
        except Exception as error:  # noqa: BLE001 - whatever a server sends, only its own connection ends
            self.fail(f"an answer that can't be read: {type(error).__name__}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing comes any more: whoever waits is told."""
        if self.lost is None:
            self.lost = ImapError(f"the connection broke: {type(exc).__name__}" if exc else "the server closed the connection")
        self.state = aioimaplib.LOGOUT
        self._release()

    def eof_received(self) -> None:
        """The server speaks no more: there is nothing to wait for."""
        self.fail("the server closed the connection")

    def start_over(self) -> None:
        """After STARTTLS: what came in clear behind the answer is none of the server's (RFC 3501 §6.2.1). Raises ImapError."""
        if self._buffer:
            raise ImapError("the server spoke on in clear after STARTTLS")
        self.capabilities, self._ends_clear = set(), False

    def send(self, line: str, scrub: str | None = None) -> None:
        """Write a line; nothing is logged."""
        self.transport.write(f"{line}\r\n".encode())

    def _next(self) -> Answer | None:
        """The next whole answer, or None until more came. Raises ImapError beyond the caps."""
        while True:
            if self._literal >= 0:
                if len(self._buffer) < self._literal:
                    return None
                self._piece(self._cut(self._literal))
                self._literal = -1
            end = self._buffer.find(b"\r\n", self._scanned)
            if end < 0:
                self._scanned = max(0, len(self._buffer) - 1)
                if len(self._buffer) > MAX_LINE:
                    raise ImapError("a line that is too long")
                return None
            line = self._cut(end)
            del self._buffer[:2]
            self._scanned = 0
            self._piece(line)
            size = _LITERAL.search(line)
            if size is None:
                answer, self._pieces = tuple(self._pieces), []
                return answer
            if len(size[1]) > 10 or int(size[1]) > MAX_LITERAL:
                raise ImapError("a literal that is too long")
            self._literal = int(size[1])

    def _cut(self, size: int) -> bytes:
        with memoryview(self._buffer) as view:
            piece = bytes(view[:size])
        del self._buffer[:size]
        return piece

    def _piece(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        if len(piece) > MAX_LINE or len(self._pieces) > MAX_PIECES or self._size > MAX_BYTES:
            raise ImapError("an answer that is too long")

    def _take(self, answer: Answer) -> None:
        line = answer[0]
        if self.state == aioimaplib.CONNECTED:
            self._greet(line)
        elif line.startswith(b"* "):
            self._untagged(answer)
        elif line.startswith(b"+"):
            self._more()
        else:
            self._done(line)

    def _greet(self, line: bytes) -> None:
        if not line.upper().startswith((b"* OK", b"* PREAUTH")):
            raise ImapError(f"the server greets with: {self.printable(line)}")
        self.state = aioimaplib.AUTH if line.upper().startswith(b"* PREAUTH") else aioimaplib.NONAUTH
        if not self.greeted.done():
            self.greeted.set_result(line)

    def _untagged(self, answer: Answer) -> None:
        line, command = answer[0], self._in_hand()
        if line.upper().startswith(b"* BYE") and not (command is not None and command.name == "LOGOUT"):
            raise ImapError(f"the server says goodbye: {self.printable(line[5:])}")
        if line.upper().startswith(b"* CAPABILITY "):
            self.capabilities = set(line.decode("ascii", "replace").upper().split()[2:])
        if grown := _EXISTS.match(line):
            self.exists = int(grown[1])
            self.arrived.set()
        if command is None or command.name == "IDLE":
            self._size = 0
            return
        self._answers.append(answer)
        if len(self._answers) > MAX_ANSWERS:
            raise ImapError("too many answers")

    def _more(self) -> None:
        """The server asks for more: what is to be said next, else an empty line, which ends a refused AUTHENTICATE."""
        command = self._in_hand()
        if command is None:
            raise ImapError("the server asked for more, and nothing was in hand")
        if command.name == "IDLE":
            self.idling.set()
        elif command.name in ("AUTHENTICATE", "LOGIN"):
            self.transport.write((self._says.popleft() if self._says else b"") + b"\r\n")
        else:
            raise ImapError(f"the server asked for more after {command.name}")

    def _done(self, line: bytes) -> None:
        tagged, command = _TAGGED.match(line), self._in_hand()
        if tagged is None or command is None or tagged[1].decode() != command.tag:
            raise ImapError("an answer to nothing that was asked")
        if command.name == "STARTTLS":
            self.transport.pause_reading()
            self._ends_clear = True
        self.pending_sync_command = None
        self.pending_async_commands.clear()
        command.close(line[tagged.end() :], result=tagged[2].decode().upper())

    def _in_hand(self) -> aioimaplib.Command | None:
        command: Any = self.pending_sync_command or next(iter(self.pending_async_commands.values()), None)
        return command

    def _why(self) -> ImapError:
        return self.lost or ImapError("the connection has ended")

    def _release(self) -> None:
        """Wake whoever waits: `ask` looks at `lost` then."""
        command = self._in_hand()
        self.pending_sync_command = None
        self.pending_async_commands.clear()
        if command is not None:
            command._timer.cancel()
            command._event.set()
        if not self.greeted.done():
            self.greeted.set_exception(self._why())
            self.greeted.exception()
        self.arrived.set()
        self.idling.set()


def uid_set(uids: Sequence[int]) -> str:
    """Ascending UIDs as a set: 3:5,9."""
    runs: list[list[int]] = []
    for uid in uids:
        if runs and runs[-1][1] + 1 == uid:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in runs)
