"""Open the doors through which mail comes in, and shut them without losing what is on the way.

`Doors.open` binds addresses, unix sockets or inherited descriptors for SMTP or LMTP; each client then has a Dialog.
`drain` stops listening, lets mails that have reached DATA finish, and says 421 to everybody else.
It will not decide who is known or what becomes of a mail (`knows`, `accept`), nor log (`events`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Sequence

from mailgate.wire.guard_in import GuardDialog, GuardDoor
from mailgate.wire.lobby import Accept, Door, Limits, Lobby, Network, Outcome, spare_descriptors
from mailgate.wire.refusals import Events
from mailgate.wire.smtp_dialog import Dialog

__all__ = ["Accept", "Doors", "Events", "Limits", "Outcome"]

BACKLOG = 1024  # connections that the kernel keeps until we have time for them
AT_ONCE = 128  # of them, that are let in before others have their turn
FAREWELL = 0.5  # seconds for the last reply to those whose mails did not come to an end
SOCKET_MODE = 0o660  # whoever is in our group may speak at a unix socket, whatever our umask; it counts as a trusted relay


class Doors:
    """All SMTP and LMTP doors of this daemon."""

    def __init__(
        self,
        accept: Accept,
        knows: Callable[[str], bool],
        limits: Limits,
        hostname: str,
        events: Events,
        copies: Callable[[str], bool] = lambda _: False,
        free: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._lobby = Lobby(accept, knows, limits, hostname, events, copies, free)
        self._doors: list[Door] = []
        self._servers: list[asyncio.Server] = []
        self._paths: list[str] = []

    async def open(
        self, listen: Sequence[str], kind: str, tls: ssl.SSLContext | None = None, relays: Sequence[str] = ()
    ) -> list[str]:
        """The addresses bound, for each of `listen`: "127.0.0.1:8025", "[::1]:25", "unix:/path", "fd:3".

        `relays` are IP addresses or networks whose clients no limit keyed by client applies to.
        Raises ValueError for an address that cannot be read, OSError for one that cannot be bound.
        """
        door = Door(kind, tls, networks(relays))
        loop = asyncio.get_running_loop()
        self._doors.append(door)
        return await self._bound(listen, lambda: Dialog(self._lobby, door, loop))

    async def open_guard(self, listen: Sequence[str], door: GuardDoor) -> list[str]:
        """The addresses bound for the guard; raises as `open` does."""
        loop = asyncio.get_running_loop()
        self._doors.append(door)
        return await self._bound(listen, lambda: GuardDialog(self._lobby, door, loop))

    async def _bound(self, listen: Sequence[str], session: Callable[[], Dialog]) -> list[str]:
        bound: list[str] = []
        for address in listen:
            server = await _listen(address, session)
            self._servers.append(server)
            bound += [name(one) for one in server.sockets]
            if address.startswith("unix:"):
                self._paths.append(address.removeprefix("unix:"))
        return bound

    def replace_tls(self, tls: ssl.SSLContext | None) -> None:
        """Take a renewed certificate into use at every door; sessions under TLS keep theirs."""
        for door in self._doors:
            door.tls = tls

    @property
    def sessions(self) -> int:
        """Clients that are connected now."""
        return len(self._lobby.guests)

    @property
    def in_flight(self) -> int:
        """Octets of mails received or being received that have no answer yet."""
        return self._lobby.in_flight

    async def drain(self, seconds: float) -> None:
        """Stop listening and wait up to `seconds` for mails in hand; then every session is gone."""
        self._lobby.closing = True
        self._shut()
        sessions = {guest.handler for guest in self._lobby.guests if guest.handler is not None}
        for guest in list(self._lobby.guests):
            guest.wind_up()
        if waiting := sessions | self._lobby.deliveries:
            await asyncio.wait(waiting, timeout=max(0.0, seconds - FAREWELL))
        for guest in list(self._lobby.guests):
            guest.close_now()
        if late := [guest.handler for guest in self._lobby.guests if guest.handler is not None]:
            await asyncio.wait(late, timeout=min(FAREWELL, seconds))
        for guest in list(self._lobby.guests):
            guest.abort()
        await asyncio.sleep(0)
        self._lobby.events.close()

    def _shut(self) -> None:
        for server in self._servers:
            server.close()
        for path in self._paths:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        self._servers, self._paths = [], []


def networks(relays: Sequence[str]) -> tuple[Network, ...]:
    """The networks that `relays` name; raises ValueError for a host name."""
    return tuple(ipaddress.ip_network(relay, strict=False) for relay in relays)


def name(listener: socket.socket) -> str:
    """What a bound socket is called in configuration: "127.0.0.1:8025", "[::1]:25", "unix:/path"."""
    address = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{address}"
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_port(address: str) -> tuple[str | None, int]:
    """Host (None: every interface) and port of "host:port" or "[IPv6]:port"; raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{address!r} is no address to listen on; expected host:port, [IPv6]:port, unix:/path or fd:N")
    return host.strip("[]").replace("*", "") or None, int(port)


async def _listen(address: str, session: Callable[[], Dialog]) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    few = max(1, min(AT_ONCE, spare_descriptors() // 8))
    if address.startswith("unix:"):
        path = address.removeprefix("unix:")
        server = await loop.create_unix_server(session, path, backlog=few)
        os.chmod(path, SOCKET_MODE)
    elif address.startswith("fd:"):
        listener = _handed_over(address)
        opened = loop.create_unix_server if listener.family == socket.AF_UNIX else loop.create_server
        server = await opened(session, sock=listener, backlog=few)
    else:
        host, port = host_port(address)
        server = await loop.create_server(session, host, port, backlog=few, reuse_address=True)
    for listening in server.sockets:
        with socket.socket(fileno=os.dup(listening.fileno())) as same:
            same.listen(BACKLOG)
    return server


def _handed_over(address: str) -> socket.socket:
    """The listening socket that the service manager left at a descriptor (sd_listen_fds(3)). Raises OSError."""
    try:
        listener = socket.socket(fileno=int(address.removeprefix("fd:")))
        listens = bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError as error:
        raise OSError(f"{address}: no socket was handed over ({error.strerror})") from None
    if not listens:
        raise OSError(f"{address}: the socket that was handed over does not listen")
    return listener
