"""A hostile connection."""

from __future__ import annotations

import contextlib
import socket
import ssl

from running import DESK

EVIL, GOOD = "127.0.0.5", "127.0.0.9"
PATIENCE = 20.0


class Wire:
    """One hostile connection, on which nothing is ever made proper. Replies are lines joined by "|", "" once it is closed."""

    def __init__(self, where: str | tuple[str, int], source: str = EVIL, patience: float = PATIENCE) -> None:
        if isinstance(where, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(patience)
            self.socket.connect(where)
        else:
            self.socket = socket.create_connection(where, patience, (source, 0))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.heard = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def line(self) -> str:
        """One line; "" when the connection is closed, "…" when nothing came in time."""
        while b"\n" not in self.heard:
            try:
                piece = self.socket.recv(65536)
            except TimeoutError:
                return "…"
            except OSError:
                piece = b""
            if not piece:
                return ""
            self.heard += piece
        line, _, self.heard = self.heard.partition(b"\n")
        return line.decode("latin-1").rstrip("\r")

    def hears(self) -> str:
        """One whole reply."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "|".join(lines)

    def gives(self, data: bytes) -> bool:
        """True if the other end still takes all of this."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def says(self, line: str | bytes) -> str:
        """The reply to a command line; bytes go out as they are, text gets its CRLF."""
        self.gives(line if isinstance(line, bytes) else line.encode("utf-8", "surrogateescape") + b"\r\n")
        return self.hears()

    def begins(self, *to: str, hello: str = "EHLO evil.test", sender: str = "evil@evil.test") -> str:
        """Greeting, hello, MAIL, RCPT and DATA; the last reply. A second mail of a session takes no greeting."""
        if hello:
            self.hears()
            self.says(hello)
        self.says(f"MAIL FROM:<{sender}>")
        for one in to or (DESK,):
            self.says(f"RCPT TO:<{one}>")
        return self.says("DATA")

    def rest(self, seconds: float = PATIENCE) -> list[str]:
        """All lines until the other end closes or is silent for so long."""
        self.socket.settimeout(seconds)
        lines = []
        while (line := self.line()) not in ("", "…"):
            lines.append(line)
        return [*lines, *(["…"] if line else [])]

    def half_close(self) -> None:
        """Send no more, and go on listening."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Gone, with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def is_open(self) -> bool:
        """True unless the other end has closed; what it said meanwhile is dropped."""
        self.socket.settimeout(0)
        try:
            while piece := self.socket.recv(65536):
                self.heard = piece[-200:]
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        self.socket.close()
