"""Keep a few connections to the smarthost and run one mail transaction over one of them.

In order: a connection that is idle and still alive, or a new one (hello, STARTTLS, AUTH); MAIL, each RCPT, DATA;
the body until the kernel has taken all of it; the final dot; the reply. What fails before the dot leaves cannot
have delivered anything: deferred. What fails after it may have: uncertain. It will not check addresses or retry.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import aiosmtplib

from mailgate.wire import clock

SIZE = 4  # connections at most
KEEP = 30.0  # seconds an idle connection is trusted to live
DOT_PATIENCE = 10  # times `patience` for the reply to the final dot

_STUFF = re.compile(rb"^\.", re.MULTILINE)
_LONE = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True)
class Target:
    """One next hop. `tls`: wrapped (from the first byte), required, offered, off; `patience` in seconds.

    The certificate is checked when TLS is wrapped or required; TLS that is merely offered is better than none.
    """

    host: str
    port: int
    socket_path: str
    lmtp: bool
    tls: str
    username: str
    password: str = field(repr=False)
    hostname: str
    context: ssl.SSLContext | None
    patience: float


@dataclass(frozen=True)
class Answer:
    """What one transaction came to."""

    state: Literal["sent", "deferred", "refused", "uncertain"]
    code: int | None
    text: str
    refused: Mapping[str, tuple[int, str]] = field(default_factory=dict)


@dataclass
class Progress:
    """How far a transaction got."""

    reused: bool = False
    begun: bool = False
    dotted: bool = False
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)


class LmtpClient(aiosmtplib.SMTP):
    """aiosmtplib speaking LMTP: its hello is LHLO (RFC 2033 §4.1)."""

    async def execute_command(self, *args: bytes, **options: Any) -> aiosmtplib.SMTPResponse:
        if args[0] == b"EHLO":
            args = (b"LHLO", *args[1:])
        return await super().execute_command(*args, **options)


class Pool:
    """Connections to one target."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._turns = asyncio.Semaphore(SIZE)
        self._idle: list[tuple[aiosmtplib.SMTP, float]] = []

    async def send(self, reverse_path: str, forward_paths: tuple[str, ...], data: bytes) -> Answer:
        """What became of one mail. A kept connection that proves dead before MAIL is replaced once."""
        async with self._turns:
            answer, progress = await self._attempt(reverse_path, forward_paths, data)
            if progress.reused and not progress.begun and answer.state == "deferred":
                await self._drop_idle()
                answer, progress = await self._attempt(reverse_path, forward_paths, data)
            return answer

    async def close(self) -> None:
        """Say QUIT on every idle connection."""
        await self._drop_idle()

    async def _attempt(self, reverse_path: str, forward_paths: tuple[str, ...], data: bytes) -> tuple[Answer, Progress]:
        progress, client = Progress(), None
        try:
            client = self._kept()
            progress.reused = client is not None
            client = client or await connected(self.target)
            answer = await _transact(client, progress, (reverse_path, forward_paths, data))
            await self._keep(client)
            return answer, progress
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            if client is not None:
                client.close()
            return _failure(error, progress), progress
        except asyncio.CancelledError:
            if client is not None:
                client.close()
            raise

    def _kept(self) -> aiosmtplib.SMTP | None:
        while self._idle:
            client, since = self._idle.pop()
            if client.is_connected and clock.monotonic() - since < KEEP:
                return client
            client.close()
        return None

    async def _keep(self, client: aiosmtplib.SMTP) -> None:
        if client.is_connected:
            self._idle.append((client, clock.monotonic()))

    async def _drop_idle(self) -> None:
        idle, self._idle = self._idle, []
        for client, _ in idle:
            try:
                await client.quit(timeout=2)
            except (aiosmtplib.SMTPException, OSError):
                client.close()


async def connected(target: Target) -> aiosmtplib.SMTP:
    """A session with `target`, with TLS and account as it says; raises what aiosmtplib and the network raise."""
    kind = LmtpClient if target.lmtp else aiosmtplib.SMTP
    client = kind(
        hostname=target.host or None,
        port=None if target.socket_path else target.port,
        socket_path=target.socket_path or None,
        local_hostname=target.hostname,
        timeout=target.patience,
        use_tls=target.tls == "wrapped",
        start_tls={"wrapped": False, "off": False, "required": True}.get(target.tls),
        tls_context=target.context,
        validate_certs=target.tls in ("wrapped", "required"),
        username=target.username or None,
        password=target.password or None,
    )
    await client.connect()
    return client


async def _transact(client: aiosmtplib.SMTP, progress: Progress, mail: tuple[str, tuple[str, ...], bytes]) -> Answer:
    """One mail transaction (RFC 5321 §3.3); raises what aiosmtplib raises when the line fails."""
    reverse_path, forward_paths, data = mail
    await hello(client)
    options, encoding = _mail_options(client, mail)
    try:
        await client.mail(reverse_path, options=options, encoding=encoding)
        progress.begun = True
        for path in forward_paths:
            await _recipient(client, progress, path, encoding)
        if len(progress.refused) == len(set(forward_paths)):
            answer = _all_refused(progress)
        else:
            return await _data(client, progress, data)
    except aiosmtplib.SMTPResponseException as error:
        progress.begun = True
        answer = _reply(error.code, error.message, progress)
    await _reset(client, answer)
    return answer


async def hello(client: aiosmtplib.SMTP) -> None:
    """Say EHLO, or HELO to those who know no other, unless it has been said."""
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except aiosmtplib.SMTPHeloError:
            await client.helo()


async def _reset(client: aiosmtplib.SMTP, answer: Answer) -> None:
    """Make the connection fit for the next mail, or close it; the answer stands either way."""
    try:
        if answer.code is None or not 200 <= answer.code < 600 or answer.code == 421:
            client.close()
        else:
            await client.rset()
    except (aiosmtplib.SMTPException, OSError):
        client.close()


async def _recipient(client: aiosmtplib.SMTP, progress: Progress, path: str, encoding: str) -> None:
    try:
        await client.rcpt(path, encoding=encoding)
    except aiosmtplib.SMTPRecipientRefused as error:
        progress.refused[path] = (error.code, _line(error.message))
        if error.code == 421:
            raise


async def _data(client: aiosmtplib.SMTP, progress: Progress, data: bytes) -> Answer:
    response = await transmitted(client, progress, data, (client.timeout or 60.0) * DOT_PATIENCE)
    return _reply(response.code, response.message, progress)


async def transmitted(client: aiosmtplib.SMTP, progress: Progress, data: bytes, patience: float) -> aiosmtplib.SMTPResponse:
    """The reply to the mail, the final dot being sent only when everything before it has left us.

    Raises SMTPDataError when DATA itself is refused. `patience`: seconds for the bytes to leave, and again for the reply.
    """
    response = await client.execute_command(b"DATA")
    if response.code != 354:
        raise aiosmtplib.SMTPDataError(response.code, response.message)
    protocol = client.protocol
    if protocol is None or not isinstance(protocol.transport, asyncio.Transport):
        raise aiosmtplib.SMTPServerDisconnected("Connection lost")
    protocol.transport.set_write_buffer_limits(high=0)
    protocol.write(_stuffed(data))
    async with asyncio.timeout(patience):
        await protocol._drain_helper()
    progress.dotted = True
    protocol.write(b".\r\n")
    response = await protocol.read_response(timeout=patience)
    if response.code == 421:
        client.close()
    return response


def _mail_options(client: aiosmtplib.SMTP, mail: tuple[str, tuple[str, ...], bytes]) -> tuple[list[str], str]:
    reverse_path, forward_paths, data = mail
    options = [f"SIZE={len(data)}"] if client.supports_extension("size") else []
    if client.supports_extension("8bitmime") and not data.isascii():
        options.append("BODY=8BITMIME")
    if all(path.isascii() for path in (reverse_path, *forward_paths)):
        return options, "ascii"
    if not client.supports_extension("smtputf8"):
        raise aiosmtplib.SMTPSenderRefused(553, "5.6.7 the next hop takes no UTF-8 addresses", reverse_path)
    return [*options, "SMTPUTF8"], "utf-8"


def _stuffed(data: bytes) -> bytes:
    """The wire form: CRLF line ends, dots doubled, CRLF at the end (RFC 5321 §4.5.2)."""
    data = _LONE.sub(b"\r\n", data)
    if data and not data.endswith(b"\r\n"):
        data += b"\r\n"
    return _STUFF.sub(b"..", data)


def _reply(code: int, text: str, progress: Progress) -> Answer:
    if 200 <= code < 300:
        return Answer("sent", code, _line(text), progress.refused)
    if code < 0 or code >= 600:
        return _failure(aiosmtplib.SMTPServerDisconnected(f"no SMTP reply: {text}"), progress)
    return Answer("refused" if code >= 500 else "deferred", code, _line(text), progress.refused)


def _all_refused(progress: Progress) -> Answer:
    """No recipient was taken: deferred as long as one of them may be taken later."""
    code, text = min(progress.refused.values())
    return Answer("refused" if code >= 500 else "deferred", code, text, progress.refused)


def _failure(error: BaseException, progress: Progress) -> Answer:
    code: int | None = getattr(error, "code", None)
    code = code if code is not None and code >= 200 else None
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return Answer("deferred", code, "the smarthost does not take our user name and password")
    text = _line(str(error)) or type(error).__name__
    return Answer("uncertain" if progress.dotted else "deferred", code, text, progress.refused)


def _line(text: str) -> str:
    """`text` as one printable line of at most 400 characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:400]
