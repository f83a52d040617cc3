"""Access tokens for mailboxes and smarthosts that take no password: Microsoft 365 (app-only) and Gmail (refresh token).

A token is asked for by one POST (RFC 6749 §4.4 and §6), kept, and asked for anew five minutes before it ends. The POST runs
in a thread of its own, so that a slow provider holds up nobody but who waits for this token. It follows no redirect, reads
64 KiB at the most, and never puts a secret into an error or a repr. It asks for no consent: an admin gave that before.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from mailgate import config
from mailgate.config.settings import OAuth
from mailgate.wire import clock

MICROSOFT = "https://login.microsoftonline.com"
GOOGLE = "https://oauth2.googleapis.com/token"
EARLY = 300.0  # seconds before its end that a token is renewed
SHORTEST, LONGEST = 60.0, 86400.0  # what a provider may say of a token's life
SECONDS = 20.0
ANSWER_LIMIT = 64 * 1024
_TOKEN = re.compile(r"[!-~]{1,16384}")
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,60}")


class OAuthError(Exception):
    """No token was given; the text says why and never holds a secret."""


@dataclass(frozen=True)
class Grant:
    """What a token is asked for with: where, and the form that is posted there."""

    url: str
    form: tuple[tuple[str, str], ...] = field(repr=False)


def microsoft(tenant: str, client_id: str, secret: str, authority: str = MICROSOFT) -> Grant:
    """Client credentials of an application of a Microsoft 365 tenant; the same token serves IMAP, POP and SMTP."""
    scope = "https://outlook.office365.com/.default"
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret, "scope": scope}
    return Grant(f"{authority}/{quote(tenant, safe='')}/oauth2/v2.0/token", tuple(form.items()))


def google(client_id: str, secret: str, refresh_token: str, url: str = GOOGLE) -> Grant:
    """A refresh token that the owner of a Gmail account granted to an application once, for https://mail.google.com/."""
    form = {"grant_type": "refresh_token", "client_id": client_id, "client_secret": secret, "refresh_token": refresh_token}
    return Grant(url, tuple(form.items()))


def grant_of(said: OAuth) -> Grant:
    """The grant that a table of the configuration describes; its files are read now. Raises ConfigError."""
    secret = config.password(said.secret_file) if said.secret_file else ""
    if said.provider == "google":
        refresh = config.password(said.refresh_token_file) if said.refresh_token_file else ""
        return google(said.client_id, secret, refresh, said.url or GOOGLE)
    return microsoft(said.tenant, said.client_id, secret, said.url.rstrip("/") or MICROSOFT)


def xoauth2(username: str, token: str) -> str:
    """What the client says in SASL XOAUTH2, not yet in base64. Raises ValueError for a name that can't stand there."""
    if not username or any(char < " " or char == "\x7f" for char in username):
        raise ValueError("a user name without control characters is needed")
    return f"user={username}\1auth=Bearer {token}\1\1"


class Tokens:
    """The tokens of one account: `get` answers from memory while it can, `forget` is for one that was refused."""

    def __init__(self, grant: Grant, *, seconds: float = SECONDS, monotonic: Callable[[], float] = clock.monotonic) -> None:
        self._grant, self._seconds, self._monotonic = grant, seconds, monotonic
        self._turn = asyncio.Lock()
        self._token, self._ends = "", 0.0

    async def get(self) -> str:
        """A token that is good for five more minutes. Raises OAuthError."""
        async with self._turn:
            if not self._token or self._monotonic() >= self._ends - EARLY:
                asked = self._monotonic()
                self._token, lasts = await _asked(self._grant, self._seconds)
                self._ends = asked + max(lasts, EARLY + SHORTEST)
            return self._token

    def forget(self) -> None:
        """The server refused the token: the next `get` asks for another."""
        self._token = ""


async def _asked(grant: Grant, seconds: float) -> tuple[str, float]:
    """(a new token, the seconds that it lasts). Raises OAuthError."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes | OAuthError] = loop.create_future()

    def ask() -> None:
        said = _posted(grant, seconds)
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(_tell, answer, said)

    threading.Thread(target=ask, name="oauth", daemon=True).start()
    try:
        async with asyncio.timeout(seconds):
            said = await answer
    except TimeoutError:
        raise OAuthError(f"{_host(grant)} did not answer within {seconds:g} s") from None
    if isinstance(said, OAuthError):
        raise said
    return _read(said, grant)


def _tell(answer: asyncio.Future[bytes | OAuthError], said: bytes | OAuthError) -> None:
    if not answer.done():
        answer.set_result(said)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """None: what was posted goes nowhere else."""


def _posted(grant: Grant, seconds: float) -> bytes | OAuthError:
    """The provider's answer, or what went wrong."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    try:
        request = urllib.request.Request(grant.url, urlencode(grant.form).encode(), headers)  # noqa: S310 - ours, https
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=seconds) as answer:
            found: bytes = answer.read(ANSWER_LIMIT + 1)
    except urllib.error.HTTPError as error:
        with error:
            return OAuthError(f"{_host(grant)} gave no token: {error.code}{_reason(error)}")
    except (OSError, ValueError, urllib.error.URLError) as error:
        cause = getattr(error, "reason", error)
        return OAuthError(f"{_host(grant)} can't be asked for a token: {type(cause).__name__}")
    except Exception as error:  # noqa: BLE001 - http.client raises many kinds on a bad answer
        return OAuthError(f"{_host(grant)} answered what is no HTTP: {type(error).__name__}")
    return found


def _reason(error: urllib.error.HTTPError) -> str:
    """The error's code word in the answer (RFC 6749 §5.2) and Microsoft's AADSTS number; nothing else that stands there."""
    try:
        said = json.loads(error.read(ANSWER_LIMIT))
    except (ValueError, OSError):
        return ""
    word = said.get("error") if isinstance(said, dict) else None
    described = str(said.get("error_description", "")) if isinstance(said, dict) else ""
    number = re.match(r"AADSTS\d{1,9}", described)
    return (f" {word}" if isinstance(word, str) and _WORD.fullmatch(word) else "") + (f" {number[0]}" if number else "")


def _read(answer: bytes, grant: Grant) -> tuple[str, float]:
    """(token, seconds) of an answer (RFC 6749 §5.1)."""
    try:
        said = json.loads(answer) if len(answer) <= ANSWER_LIMIT else None
        token = said["access_token"] if isinstance(said, dict) else ""
        lasts = float(said.get("expires_in", 3600)) if isinstance(said, dict) else 0.0
    except (ValueError, TypeError, KeyError):
        token, lasts = "", 0.0
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise OAuthError(f"{_host(grant)} answered without a token")
    return token, min(max(lasts, 0.0), LONGEST)


def _host(grant: Grant) -> str:
    return urlsplit(grant.url).hostname or "the token's address"
