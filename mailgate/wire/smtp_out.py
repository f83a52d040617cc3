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

from mailgate.wire import maildir, smtp_client, smtp_path

State = Literal["sent", "deferred", "refused", "uncertain"]


@dataclass(frozen=True)
class Sent:
    """What became of a mail: `refused` holds the answers of the recipients that were not taken, 4yz and 5yz."""

    state: State
    code: int | None = None
    text: str = ""
    refused: Mapping[str, tuple[int, str]] = field(default_factory=dict)


class Smarthost(Protocol):
    """Where our mail goes."""

    async def send(self, reverse_path: str | None, forward_paths: tuple[str, ...], data: bytes) -> Sent:
        """What became of `data`; never raises for the network."""

    async def close(self) -> None:
        """Let go of connections."""


def smarthost(
    url: str,
    username: str = "",
    password: str = "",
    hostname: str = "",
    tls: ssl.SSLContext | None = None,
    timeout: float = 60.0,  # noqa: ASYNC109
) -> Smarthost:
    """The smarthost that `url` names: maildir:PATH, smtp://, smtps://, lmtp://HOST:PORT or lmtp:///PATH.

    `?tls=required` on smtp:// and lmtp:// refuses to go on in clear, and is the default with a user name; `?tls=off`
    never asks. Seconds of `timeout` are
    for each reply; the final dot gets ten times that (RFC 5321 §4.5.3.2.6). Raises ValueError with a sentence.
    """
    parts = urlsplit(url)
    if parts.scheme == "maildir" and parts.path:
        return Folder(Path(unquote(url.removeprefix("maildir:"))))
    return Relay(smtp_client.Pool(target(url, username, password, hostname, tls, timeout)))


def target(
    url: str,
    username: str = "",
    password: str = "",
    hostname: str = "",
    tls: ssl.SSLContext | None = None,
    timeout: float = 60.0,
) -> smtp_client.Target:
    """The server that `url` names, as `smarthost` reads it. Raises ValueError with a sentence."""
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps", "lmtp"):
        raise ValueError(f"{url!r} is no smarthost; expected maildir:PATH, smtp://, smtps:// or lmtp://")
    username, password = username or unquote(parts.username or ""), password or unquote(parts.password or "")
    mode = parse_qs(parts.query).get("tls", ["required" if username else "offered"])[-1]
    if mode not in ("required", "offered", "off"):
        raise ValueError(f"tls={mode!r} in {url!r}; expected required, offered or off")
    if not parts.hostname and not (parts.scheme == "lmtp" and parts.path):
        raise ValueError(f"{url!r} names no host")
    return smtp_client.Target(
        host=parts.hostname or "",
        port=parts.port or {"smtp": 25, "smtps": 465, "lmtp": 24}[parts.scheme],
        socket_path="" if parts.hostname else unquote(parts.path),
        lmtp=parts.scheme == "lmtp",
        tls="wrapped" if parts.scheme == "smtps" else mode,
        username=username,
        password=password,
        hostname=hostname or "localhost",
        context=tls,
        patience=timeout,
    )


class Folder:
    """A Maildir as smarthost: the embedded default."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def send(self, reverse_path: str | None, forward_paths: tuple[str, ...], data: bytes) -> Sent:
        if refusal := _malformed(reverse_path, forward_paths):
            return refusal
        name = maildir.file_name(reverse_path, forward_paths, data)
        try:
            await asyncio.to_thread(self._write, name, data)
        except OSError as error:
            return Sent("deferred", None, f"{self._root}: {error.strerror}")
        return Sent("sent", 250, f"2.0.0 new/{name}")

    async def close(self) -> None:
        """Nothing is open."""

    def _write(self, name: str, data: bytes) -> None:
        maildir.open_at(self._root)
        maildir.write(self._root, name, data)


class Relay:
    """An SMTP or LMTP server as smarthost, over a few reused connections."""

    def __init__(self, pool: smtp_client.Pool) -> None:
        self._pool = pool

    async def send(self, reverse_path: str | None, forward_paths: tuple[str, ...], data: bytes) -> Sent:
        if refusal := _malformed(reverse_path, forward_paths):
            return refusal
        if self._pool.target.lmtp:
            # aiosmtplib reads one reply after the dot, LMTP sends one for each recipient: one transaction for each.
            answers = [await self._one(reverse_path, (path,), data) for path in forward_paths]
            return _together(forward_paths, answers)
        return await self._one(reverse_path, forward_paths, data)

    async def close(self) -> None:
        await self._pool.close()

    async def _one(self, reverse_path: str | None, forward_paths: tuple[str, ...], data: bytes) -> Sent:
        answer = await self._pool.send(reverse_path or "", forward_paths, data)
        return Sent(answer.state, answer.code, answer.text, answer.refused)


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
    return Sent(first.state, first.code, first.text, refused)
