"""Hand a mail to the smarthost and say what became of it.

The answer is one of four: sent; deferred (4yz, or the line failed before the final dot: nothing was taken); refused
(5yz); uncertain (the line failed after the final dot: it may have been taken, send the same bytes again). Addresses
are checked before a connection is made. Network failures are answers, never exceptions.
It will not retry, choose a time, or change a byte of the mail.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from mailgate.wire import maildir, smtp_path
from mailgate.wire.smtp_client import Login, Mail, Target
from mailgate.wire.smtp_pool import SESSIONS, Pool

NOBODY = Login()

State = Literal["sent", "deferred", "refused", "uncertain"]
MODES = ("none", "may", "encrypt", "verify")
PORTS = {"smtp": 25, "smtps": 465, "lmtp": 24}


@dataclass(frozen=True)
class Sent:
    """What became of a mail: `refused` holds the answers of the recipients that were not taken, 4yz and 5yz.

    `reached` is False where the next hop did not get as far as hearing of the mail: it is away, busy, or wants another account.
    """

    state: State
    code: int | None = None
    text: str = ""
    refused: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    reached: bool = True


class Smarthost(Protocol):
    """Where our mail goes; `name` says in logs which next hop it is."""

    name: str

    async def send(self, reverse_path: str | None, forward_paths: tuple[str, ...], data: bytes, envid: str = "") -> Sent:
        """What became of `data`; never raises for the network. `envid`: reports are asked for under this name (RFC 3461)."""

    async def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True)
class TlsPolicy:
    """`mode` as in MODES ("": what `target` says); `ca_file` holds those that certificates are checked (None: the system's)."""

    mode: str = ""
    ca_file: Path | None = None


UNSAID = TlsPolicy()


def smarthost(
    url: str,
    login: Login = NOBODY,
    hostname: str = "",
    tls: TlsPolicy = UNSAID,
    *,
    timeout: float = 60.0,  # noqa: ASYNC109
    sessions: int = SESSIONS,
) -> Smarthost:
    """The smarthost that `url` names: maildir:PATH, smtp://, smtps://, lmtp://HOST:PORT or lmtp:///PATH.

    Seconds of `timeout` are for each reply; the final dot gets ten times that (RFC 5321 §4.5.3.2.6). Raises ValueError with a
    sentence, OSError for a CA file that can't be read.
    """
    parts = urlsplit(url)
    if parts.scheme == "maildir" and parts.path:
        return Folder(Path(unquote(url.removeprefix("maildir:"))))
    return Relay(Pool(target(url, login, hostname, tls, timeout=timeout), sessions))


def target(
    url: str,
    login: Login = NOBODY,
    hostname: str = "",
    tls: TlsPolicy = UNSAID,
    *,
    timeout: float = 60.0,
) -> Target:
    """The server that `url` names, as `smarthost` reads it. Raises ValueError with a sentence.

    `?tls=` in the URL is for this hop alone. Unsaid, it is "verify" for smtps:// and with an account, else "may".
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS:
        raise ValueError(f"{url!r} is no smarthost; expected maildir:PATH, smtp://, smtps:// or lmtp://")
    wrapped = parts.scheme == "smtps"
    said = parse_qs(parts.query, keep_blank_values=True).get("tls", [tls.mode])[-1]
    mode = said or ("verify" if wrapped or login.username else "may")
    if mode not in MODES or (wrapped and mode == "none"):
        raise ValueError(f"tls={mode!r} in {url!r}; expected {', '.join(MODES[wrapped:])}")
    if not parts.hostname and not (parts.scheme == "lmtp" and parts.path):
        raise ValueError(f"{url!r} names no host")
    return Target(
        host=parts.hostname or "",
        port=parts.port or PORTS[parts.scheme],
        socket_path="" if parts.hostname else unquote(parts.path),
        lmtp=parts.scheme == "lmtp",
        tls=mode if parts.hostname else "none",
        wrapped=wrapped,
        login=login,
        hostname=hostname or "localhost",
        context=_context(mode, tls.ca_file),
        patience=timeout,
    )


def _context(mode: str, ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer; the certificate counts under "verify" only (RFC 7435: some TLS is better than none)."""
    context = ssl.create_default_context(cafile=ca_file)
    if mode != "verify":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Folder:
    """A Maildir as smarthost: the embedded default."""

    def __init__(self, root: Path) -> None:
        self._root, self.name = root, f"maildir:{root}"

    async def send(self, reverse_path: str | None, forward_paths: tuple[str, ...], data: bytes, envid: str = "") -> Sent:
        if refusal := _malformed(reverse_path, forward_paths):
            return refusal
        name = maildir.file_name(reverse_path, forward_paths, data)
        try:
            await asyncio.to_thread(self._write, name, data)
        except OSError as error:
            return Sent("deferred", None, f"{self._root}: {error.strerror}", reached=False)
        return Sent("sent", 250, f"2.0.0 new/{name}")

    async def close(self) -> None:
        """Nothing is open."""

    def _write(self, name: str, data: bytes) -> None:
        maildir.open_at(self._root)
        maildir.write(self._root, name, data)


class Relay:
    """An SMTP or LMTP server as smarthost, over a few reused connections."""

    def __init__(self, pool: Pool) -> None:
        self._pool, self.name = pool, pool.target.socket_path or f"{pool.target.host}:{pool.target.port}"

    async def send(self, reverse_path: str | None, forward_paths: tuple[str, ...], data: bytes, envid: str = "") -> Sent:
        if refusal := _malformed(reverse_path, forward_paths):
            return refusal
        if self._pool.target.lmtp:
            # aiosmtplib reads one reply after the dot, LMTP sends one for each recipient: one transaction for each.
            answers = [await self._one(Mail(reverse_path or "", (path,), data, envid)) for path in forward_paths]
            return _together(forward_paths, answers)
        return await self._one(Mail(reverse_path or "", forward_paths, data, envid))

    async def close(self) -> None:
        await self._pool.close()

    async def _one(self, mail: Mail) -> Sent:
        answer = await self._pool.send(mail)
        return Sent(answer.state, answer.code, answer.text, answer.refused, answer.reached)


def _malformed(reverse_path: str | None, forward_paths: tuple[str, ...]) -> Sent | None:
    """A refusal if the envelope cannot be written as RFC 5321 §4.1.2 wants it."""
    bad = {path: (553, "5.1.3 malformed address") for path in forward_paths if not _is_path(path)}
    if reverse_path is not None and not _is_path(reverse_path, any_local=True):
        return Sent("refused", 553, "5.1.7 malformed reverse path", bad)
    if not forward_paths:
        return Sent("refused", 554, "5.5.1 no recipients")
    return Sent("refused", 553, "5.1.3 malformed address", bad) if bad else None


def _is_path(address: str, any_local: bool = False) -> bool:
    path = smtp_path.read(f"<{address}>", any_local)
    return path is not None and path.address == address != "" and "@" in address and not path.rest


def _together(forward_paths: tuple[str, ...], answers: list[Sent]) -> Sent:
    """One answer of several: uncertain wins over sent, sent over deferred, deferred over refused."""
    if len(answers) == 1:
        return answers[0]
    order: tuple[State, ...] = ("uncertain", "sent", "deferred", "refused")
    first = min(answers, key=lambda answer: order.index(answer.state))
    refused = {
        path: (answer.code or 451, answer.text)
        for path, answer in zip(forward_paths, answers, strict=True)
        if answer.state in ("deferred", "refused")
    }
    return Sent(first.state, first.code, first.text, refused, any(answer.reached for answer in answers))
