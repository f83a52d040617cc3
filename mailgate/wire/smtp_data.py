"""Read what the client sends: command lines, then the mail of DATA.

A command line is checked before the command loop sees it: CRLF at its end and nowhere else, no control bytes, a
bounded length, a verb of letters (RFC 5321 §2.3.8, §4.1.1). A mail ends at CRLF.CRLF and nowhere else (§4.1.1.4).
One with a bare CR, a bare LF or a NUL, a line too long or too many bytes is read to that same dot and refused
after it, so that both sides stay in step and nothing after a look-alike of the dot is taken for commands.
A copy of other people's mail alone is mended instead, as a refusal would reach its author: he never wrote to us.
One copy of a mail is kept.
"""

from __future__ import annotations

import asyncio
import io
import re

LINE_LIMIT = 65536  # octets of one line of a mail, without its CRLF; real HTML mail has lines far over 998
FLOOD = 65536  # octets of one command line after which the session is cut
CHUNK = 65536

_VERB = re.compile(rb"[A-Za-z]{1,32}(?: |\Z)")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_STRAY = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_HTTP = frozenset({b"GET", b"POST", b"HEAD", b"PUT", b"CONNECT", b"OPTIONS", b"DELETE", b"PATCH", b"TRACE"})

OVERSIZE = "552 5.3.4 the mail is larger than we take"
DIRTY = "554 5.6.0 bare CR, bare LF or NUL in the mail"
LONG_LINE = "554 5.6.0 a line of the mail is longer than 65536 octets"


class CommandError(Exception):
    """A command line that gets `reply` instead of an answer."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


class Lines:
    """The client's bytes, as checked command lines or as a raw buffer for `Mail`.

    Stands where aiosmtpd keeps its StreamReader; `readuntil` is what its command loop calls.
    """

    def __init__(self, stream: asyncio.StreamReader, command_limit: int) -> None:
        self.buffer = bytearray()
        self._stream = stream
        self._command_limit = command_limit
        self._stopped = False

    async def more(self) -> int:
        """Wait for further bytes, and say how many came; ConnectionResetError when none will come."""
        chunk = b"" if self._stopped else await self._stream.read(CHUNK)
        if not chunk or self._stopped:
            raise ConnectionResetError("the client has left")
        self.buffer += chunk
        return len(chunk)

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        """The next command line, fit to be read, with its CRLF; raises CommandError."""
        if self._stopped:
            raise ConnectionResetError("the session is over")
        while (end := self.buffer.find(separator)) < 0:
            self._check_start()
            await self.more()
        self._check_start()
        with memoryview(self.buffer) as view:
            line = bytes(view[: end + 1])
        del self.buffer[: end + 1]
        return self._checked(line)

    def forget(self) -> None:
        """Drop what was sent ahead in clear text (RFC 3207 §4.2)."""
        self.buffer.clear()
        self._stream._buffer.clear()  # type: ignore[attr-defined]

    def replace_link(self, link: asyncio.Transport) -> None:
        """Pause and resume `link` from now on."""
        self._stream._transport = link  # type: ignore[attr-defined]

    def stop(self) -> None:
        """Read nothing more: the session is over."""
        self._stopped = True
        self.buffer.clear()

    def _check_start(self) -> None:
        """Cut at once what is no SMTP: a TLS hello, other binary, a line without end."""
        if len(self.buffer) > FLOOD and self.buffer.find(b"\n", 0, FLOOD) < 0:
            raise CommandError("421 4.7.0 line without end")
        if self.buffer and not (0x20 <= self.buffer[0] < 0x7F or self.buffer[0] in b"\t\r\n"):
            raise CommandError("421 4.7.0 this is SMTP")

    def _checked(self, line: bytes) -> bytes:
        body = line[:-2]
        if line.split(b" ", 1)[0].rstrip().upper() in _HTTP:
            raise CommandError("421 4.7.0 this is SMTP")
        if not line.endswith(b"\r\n"):
            raise CommandError("500 5.5.2 a line ends with CR LF")
        if len(line) > self._command_limit:
            raise CommandError("500 5.5.2 line too long")
        if _CONTROL.search(body) or not _VERB.match(body):
            raise CommandError("500 5.5.2 no command")
        return line


class Mail:
    """A mail in the making: takes pieces of the wire, always from the start of a line to the end of one."""

    def __init__(self, size: int, mends: bool = False) -> None:
        self.fault: str | None = None
        self.received = 0  # octets on the wire so far, dots included
        self._size = size
        self._mends = mends  # bare CR and LF become line ends, NUL goes
        self._kept = io.BytesIO()  # of all ways to put bytes together the one that needs no second copy
        self._content = b""
        self._at_line_start = True

    @property
    def kept(self) -> int:
        """Octets in memory for this mail."""
        return self._kept.tell()

    def take(self, buffer: bytearray) -> bool:
        """True once the final dot was met; what belongs to the mail is taken out of `buffer`."""
        end = self._dot(buffer)
        if end >= 0:
            last = self._piece(buffer, end)
            del buffer[:3]
            self._finish(last)
            return True
        cut = buffer.rfind(b"\r\n") + 2
        if cut >= 2:
            self._kept.write(self._clean(self._piece(buffer, cut)))
            self._at_line_start = True
        elif len(buffer) > LINE_LIMIT + 2:
            self.refuse(LONG_LINE)
            self._piece(buffer, len(buffer) - 1)
            self._at_line_start = False
        return False

    def refuse(self, reply: str) -> None:
        """Give this mail up: it is read to its end, `reply` follows, nothing more is kept."""
        if self.fault is None:
            self.fault = reply
            self._kept = io.BytesIO()

    def content(self) -> bytes:
        """The mail as its author's side sent it: CRLF line ends, dots unstuffed (RFC 5321 §4.5.2)."""
        return self._content

    def _dot(self, buffer: bytearray) -> int:
        if self._at_line_start and buffer.startswith(b".\r\n"):
            return 0
        end = buffer.find(b"\r\n.\r\n")
        return end + 2 if end >= 0 else -1

    def _piece(self, buffer: bytearray, end: int) -> bytes:
        with memoryview(buffer) as view:
            piece = bytes(view[:end])
        del buffer[:end]
        self.received += end
        if self.received > self._size:
            self.refuse(OVERSIZE)
        return piece

    def _clean(self, piece: bytes) -> bytes:
        """`piece` without the stuffed dots; empty once the mail is refused."""
        if self.fault is None:
            self._inspect(piece)
        if self.fault is not None:
            return b""
        piece = piece.replace(b"\r\n.", b"\r\n")
        piece = piece[1:] if piece.startswith(b".") else piece
        return _STRAY.sub(b"\r\n", piece).replace(b"\0", b"") if self._mends else piece

    def _inspect(self, piece: bytes) -> None:
        ends = piece.count(b"\r\n")
        dirty = piece.count(b"\r") != ends or piece.count(b"\n") != ends or b"\0" in piece
        if dirty and not self._mends:
            self.refuse(DIRTY)
        elif len(piece) > LINE_LIMIT + 2 and _has_long_line(piece):
            self.refuse(LONG_LINE)

    def _finish(self, last: bytes) -> None:
        last = self._clean(last)
        if self.kept:
            self._kept.write(last)
            last = self._kept.getvalue()
            self._kept = io.BytesIO()
        self._content = b"" if self.fault else last


def _has_long_line(piece: bytes) -> bool:
    start = 0
    while len(piece) - start > LINE_LIMIT + 2:
        end = piece.rfind(b"\r\n", start, start + LINE_LIMIT + 2)
        if end < 0:
            return True
        start = end + 2
    return False
