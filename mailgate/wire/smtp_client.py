"""Speak SMTP or LMTP to one next hop: a session with TLS and account, and one mail transaction over it.

In order: connect, hello, STARTTLS, AUTH; MAIL, each RCPT, DATA; the body until the kernel has taken all of it; the final dot;
the reply. What fails before the dot leaves cannot have delivered anything: deferred. What fails after it may have: uncertain.
A password or a token leaves us over TLS or on this machine, never else. It will not check addresses or retry.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import aiosmtplib

from mailgate.wire.oauth import OAuthError, Tokens

DOT_PATIENCE = 10  # times `patience` for the reply to the final dot

_STUFF = re.compile(rb"^\.", re.MULTILINE)
_LONE = re.compile(rb"\r\n|\r|\n")
_XCHAR = re.compile(r"[!-*,-<>-~]")  # RFC 3461 §4: all of ASCII's visible characters but + and =


@dataclass(frozen=True)
class Login:
    """An account at a next hop: a password, or `tokens` for SASL XOAUTH2; without a name there is none."""

    username: str = ""
    password: str = field(default="", repr=False)
    tokens: Tokens | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Target:
    """One next hop. `tls`: none, may (where it is offered), encrypt, verify (with its certificate); `patience` in seconds.

    `wrapped`: TLS from the first byte (RFC 8314 §3.3).
    """

    host: str
    port: int
    socket_path: str
    lmtp: bool
    tls: str
    wrapped: bool
    login: Login
    hostname: str
    context: ssl.SSLContext | None
    patience: float


@dataclass(frozen=True)
class Mail:
    """What one transaction carries. With `envid` reports of failure and delay are asked for under that name (RFC 3461)."""

    reverse_path: str
    forward_paths: tuple[str, ...]
    data: bytes = field(repr=False)
    envid: str = ""


@dataclass(frozen=True)
class Answer:
    """What one transaction came to. `reached` is False where the next hop did not get as far as hearing of the mail."""

    state: Literal["sent", "deferred", "refused", "uncertain"]
    code: int | None
    text: str
    refused: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    reached: bool = True


@dataclass
class Progress:
    """How far a transaction got: `begun` with the reply to MAIL, `given` with DATA, `dotted` with the final dot."""

    reused: bool = False
    begun: bool = False
    given: bool = False
    dotted: bool = False
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)


class InClearError(aiosmtplib.SMTPException):
    """Neither TLS nor this machine: no password goes there."""


class LmtpClient(aiosmtplib.SMTP):
    """aiosmtplib speaking LMTP: its hello is LHLO (RFC 2033 §4.1)."""

    async def execute_command(self, *args: bytes, **options: Any) -> aiosmtplib.SMTPResponse:
        if args[0] == b"EHLO":
            args = (b"LHLO", *args[1:])
        return await super().execute_command(*args, **options)


async def connected(target: Target) -> aiosmtplib.SMTP:
    """A session with `target`, with TLS and account as it says; raises what aiosmtplib and the network raise."""
    kind = LmtpClient if target.lmtp else aiosmtplib.SMTP
    client = kind(
        hostname=target.host or None,
        port=None if target.socket_path else target.port,
        socket_path=target.socket_path or None,
        local_hostname=target.hostname,
        timeout=target.patience,
        use_tls=target.wrapped,
        start_tls=False if target.wrapped else {"none": False, "may": None}.get(target.tls, True),
        tls_context=target.context,
    )
    await client.connect()
    if target.login.username:
        try:
            await _log_in(client, target.login)
        except BaseException:
            client.close()
            raise
    return client


async def _log_in(client: aiosmtplib.SMTP, login: Login) -> None:
    if client.get_transport_info("sslcontext") is None and not _is_here(client.get_transport_info("peername")):
        raise InClearError("the connection is not encrypted, so the password stays here: tls = encrypt or verify")
    if login.tokens is None:
        await client.login(login.username, login.password)
        return
    await hello(client)
    try:
        await client.auth_xoauth2(login.username, await _token(login.tokens))
    except aiosmtplib.SMTPAuthenticationError:  # it may have been revoked before its time: once more with a new one
        login.tokens.forget()
        await client.auth_xoauth2(login.username, await _token(login.tokens))


async def _token(tokens: Tokens) -> str:
    try:
        return await tokens.get()
    except OAuthError as error:
        raise aiosmtplib.SMTPException(str(error)) from None


def _is_here(peer: Any) -> bool:
    """True for a unix socket or loopback."""
    return not isinstance(peer, tuple) or ipaddress.ip_address(peer[0].partition("%")[0]).is_loopback


async def hello(client: aiosmtplib.SMTP) -> None:
    """Say EHLO, or HELO to those who know no other, unless it has been said."""
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except aiosmtplib.SMTPHeloError:
            await client.helo()


async def transact(client: aiosmtplib.SMTP, progress: Progress, mail: Mail) -> Answer:
    """One mail transaction (RFC 5321 §3.3); raises what aiosmtplib raises when the line fails."""
    await hello(client)
    options, encoding = _mail_options(client, mail)
    wants_dsn = bool(mail.envid and mail.reverse_path) and client.supports_extension("dsn")
    if wants_dsn:
        options += ["RET=HDRS", f"ENVID={xtext(mail.envid)}"]
    try:
        await client.mail(mail.reverse_path, options=options, encoding=encoding)
        progress.begun = True
        for path in mail.forward_paths:
            await _recipient(client, progress, path, (_dsn_options(path) if wants_dsn else [], encoding))
        if len(progress.refused) == len(set(mail.forward_paths)):
            answer = _all_refused(progress)
        else:
            response = await transmitted(client, progress, mail.data, (client.timeout or 60.0) * DOT_PATIENCE)
            return _reply(response.code, response.message, progress)
    except aiosmtplib.SMTPResponseException as error:
        progress.begun = progress.begun or error.code != 421
        answer = _reply(error.code, error.message, progress)
    await _reset(client, answer)
    return answer


async def _reset(client: aiosmtplib.SMTP, answer: Answer) -> None:
    """Make the connection fit for the next mail, or close it; the answer stands either way."""
    try:
        if answer.code is None or not 200 <= answer.code < 600 or answer.code == 421:
            client.close()
        else:
            await client.rset()
    except (aiosmtplib.SMTPException, OSError):
        client.close()


async def _recipient(client: aiosmtplib.SMTP, progress: Progress, path: str, said: tuple[list[str], str]) -> None:
    options, encoding = said
    try:
        await client.rcpt(path, options=options, encoding=encoding)
    except aiosmtplib.SMTPRecipientRefused as error:
        progress.refused[path] = (error.code, one_line(error.message))
        if error.code == 421:
            raise


async def transmitted(client: aiosmtplib.SMTP, progress: Progress, data: bytes, patience: float) -> aiosmtplib.SMTPResponse:
    """The reply to the mail, the final dot being sent only when everything before it has left us.

    Raises SMTPDataError when DATA itself is refused. `patience`: seconds for the bytes to leave, and again for the reply.
    """
    progress.given = True
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


def _mail_options(client: aiosmtplib.SMTP, mail: Mail) -> tuple[list[str], str]:
    options = [f"SIZE={len(mail.data)}"] if client.supports_extension("size") else []
    if client.supports_extension("8bitmime") and not mail.data.isascii():
        options.append("BODY=8BITMIME")
    if all(path.isascii() for path in (mail.reverse_path, *mail.forward_paths)):
        return options, "ascii"
    if not client.supports_extension("smtputf8"):
        raise aiosmtplib.SMTPSenderRefused(553, "5.6.7 the next hop takes no UTF-8 addresses", mail.reverse_path)
    return [*options, "SMTPUTF8"], "utf-8"


def _dsn_options(path: str) -> list[str]:
    """What RCPT asks for (RFC 3461 §4.1, §4.2). An address in UTF-8 would be of another type (RFC 6533 §3): it goes without."""
    original = [f"ORCPT=rfc822;{xtext(path)}"] if path.isascii() else []
    return ["NOTIFY=FAILURE,DELAY", *original]


def xtext(text: str) -> str:
    """`text` with everything but visible characters, and + and =, as +HH (RFC 3461 §4)."""
    return "".join(char if _XCHAR.fullmatch(char) else f"+{ord(char):02X}" for char in text)


def _stuffed(data: bytes) -> bytes:
    """The wire form: CRLF line ends, dots doubled, CRLF at the end (RFC 5321 §4.5.2)."""
    data = _LONE.sub(b"\r\n", data)
    if data and not data.endswith(b"\r\n"):
        data += b"\r\n"
    return _STUFF.sub(b"..", data)


def _reply(code: int, text: str, progress: Progress) -> Answer:
    if 200 <= code < 300:
        return Answer("sent", code, one_line(text), progress.refused)
    if code < 0 or code >= 600:
        return failure(aiosmtplib.SMTPServerDisconnected(f"no SMTP reply: {text}"), progress)
    state: Literal["refused", "deferred"] = "refused" if code >= 500 else "deferred"
    return Answer(state, code, one_line(text), progress.refused, reached=progress.begun)


def _all_refused(progress: Progress) -> Answer:
    """No recipient was taken: deferred as long as one of them may be taken later."""
    code, text = min(progress.refused.values())
    return Answer("refused" if code >= 500 else "deferred", code, text, progress.refused)


def failure(error: BaseException, progress: Progress) -> Answer:
    """The answer for a line that failed, or a session that never was."""
    code: int | None = getattr(error, "code", None)
    code = code if code is not None and code >= 200 else None
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return Answer("deferred", code, "the next hop does not take our user name and password", reached=False)
    text = one_line(str(error)) or type(error).__name__
    return Answer("uncertain" if progress.dotted else "deferred", code, text, progress.refused, reached=progress.begun)


def one_line(text: str) -> str:
    """`text` as one printable line of at most 400 characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:400]
