"""How a connection to a mailbox is made: TCP with keep-alive, TLS that is verified, a greeting, a login.

The secret is asked for at every login, so that a new password or token is in force without a restart. It travels as an answer
to what the server asks, never as part of a command. Raises ImapError with a reason that holds no secret.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aioimaplib import aioimaplib

from mailgate.wire import oauth
from mailgate.wire.imap_protocol import ImapError, Protocol, RefusedError

IDLE_AFTER, PROBE_EVERY, PROBES = 60, 10, 3  # keep-alive, in seconds and times

Tls = Literal["implicit", "starttls", "none"]
Secret = Callable[[], Awaitable[str]]


class LoginError(ImapError):
    """The server does not let us in: the user name, the secret, or the way they are told is wrong."""


@dataclass(frozen=True)
class Pace:
    """Seconds: of waiting for each kind of answer, between two looks, and of pauses after a failure."""

    connect: float = 15.0
    silence: float = 30.0
    done: float = 8.0
    look: float = 45.0
    first_pause: float = 1.0
    longest_pause: float = 300.0


@dataclass(frozen=True)
class Server:
    """Where a mailbox is. `token`: the secret is an access token (XOAUTH2), else a password."""

    host: str
    port: int
    username: str
    tls: Tls = "implicit"
    ca_file: Path | None = None
    token: bool = False


async def connect(server: Server, secret: Secret, pace: Pace) -> Protocol:
    """A connection that is logged in. Raises ImapError (LoginError: the server lets us not in); nothing is left open then."""
    protocol = await _greeted(server, pace)
    try:
        if server.tls == "starttls":
            await _start_tls(protocol, server, pace)
        if not protocol.capabilities:
            await protocol.ask("CAPABILITY", silence=pace.silence)
        if protocol.state != aioimaplib.AUTH:
            await _log_in(protocol, server, await secret(), pace)
        await protocol.ask("CAPABILITY", silence=pace.silence)  # what holds before the login may not hold after it
    except RefusedError as error:
        protocol.fail("refused")
        raise LoginError(str(error)) from None
    except BaseException:
        protocol.fail("no login")
        raise
    return protocol


async def _greeted(server: Server, pace: Pace) -> Protocol:
    """A connection whose server has greeted us. Raises ImapError."""
    loop = asyncio.get_running_loop()
    protocol = Protocol(loop)
    tls = _context(server) if server.tls == "implicit" else None
    try:
        async with asyncio.timeout(pace.connect):
            name = server.host if tls else None
            transport, _ = await loop.create_connection(lambda: protocol, server.host, server.port, ssl=tls, server_hostname=name)
            _keep_alive(transport.get_extra_info("socket"))
            await protocol.greeted
    except (OSError, ssl.SSLError, TimeoutError) as error:
        protocol.fail("no connection")
        raise ImapError(f"no connection to {server.host}:{server.port}: {_said(error)}") from None
    except BaseException:
        protocol.fail("no connection")
        raise
    return protocol


async def _start_tls(protocol: Protocol, server: Server, pace: Pace) -> None:
    if protocol.state != aioimaplib.NONAUTH:
        raise ImapError("the server is logged in before TLS began")
    await protocol.ask("STARTTLS", silence=pace.silence)
    protocol.start_over()
    loop, context = asyncio.get_running_loop(), _context(server)
    try:
        async with asyncio.timeout(pace.connect):
            transport = await loop.start_tls(
                protocol.transport, protocol, context, server_hostname=server.host
            )  # fmt: skip
    except (OSError, ssl.SSLError, TimeoutError) as error:
        raise _dead(protocol, f"no TLS with {server.host}: {_said(error)}") from None
    if transport is None:
        raise _dead(protocol, "the connection broke during STARTTLS")
    protocol.transport = transport


async def _log_in(protocol: Protocol, server: Server, secret: str, pace: Pace) -> None:
    """By the way that the server offers; what it says of a refusal is told without the secret."""
    protocol.secrets = (secret, base64.b64encode(secret.encode()).decode())
    if server.token:
        said = _coded(oauth.xoauth2(server.username, secret))
        protocol.secrets += (said,)
        await protocol.ask("AUTHENTICATE", "XOAUTH2", answers=[said], silence=pace.silence)
    elif "AUTH=PLAIN" in protocol.capabilities:
        said = _coded(f"\0{server.username}\0{secret}")
        protocol.secrets += (said,)
        await protocol.ask("AUTHENTICATE", "PLAIN", answers=[said], silence=pace.silence)
    elif "LOGINDISABLED" in protocol.capabilities:
        raise LoginError('the server takes no password here; tls = "implicit" or "starttls" may help')
    else:
        name, word = server.username, secret
        answers = [f"{name} {{{len(word.encode())}}}", word]
        await protocol.ask("LOGIN", f"{{{len(name.encode())}}}", answers=answers, silence=pace.silence)
    protocol.state = aioimaplib.AUTH


def _context(server: Server) -> ssl.SSLContext:
    """Certificates are verified, always. Raises ImapError for a CA file that can't be read."""
    try:
        return ssl.create_default_context(cafile=str(server.ca_file) if server.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise ImapError(f"the CA file can't be read: {type(error).__name__}") from None


def _said(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return type(error).__name__ if not isinstance(error, OSError) or not error.strerror else error.strerror


def _keep_alive(connected: socket.socket | None) -> None:
    """A dead network is noticed after 60 + 3 x 10 seconds, also by what we send."""
    if connected is None or connected.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wanted = {"TCP_KEEPIDLE": IDLE_AFTER, "TCP_KEEPINTVL": PROBE_EVERY, "TCP_KEEPCNT": PROBES}
    wanted["TCP_USER_TIMEOUT"] = (IDLE_AFTER + PROBE_EVERY * PROBES) * 1000
    for name, value in wanted.items():
        if number := getattr(socket, name, None):
            connected.setsockopt(socket.IPPROTO_TCP, number, value)


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _dead(protocol: Protocol, reason: str) -> ImapError:
    protocol.fail(reason)
    return protocol.lost or ImapError(reason)
