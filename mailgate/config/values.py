"""The kinds of value that mailgate.toml holds besides words and numbers: times, sizes, files, listeners, networks, next hops.

Validators raise ValueError with what they expected, ` | ` and a hint if there is one. Relative paths start at the
directory in the validation context; without one they stay as written.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

_ELAPSED = re.compile(r"^(\d+)\s*(s|m|h|d)$")
_HOST = re.compile(r"^[A-Za-z0-9.:_-]{1,255}$")
_SIZE = re.compile(r"^(\d+)\s*(B|KiB|MiB|GiB)$")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
HOP_SCHEMES = ("smtp", "smtps", "lmtp")
POSTGRES = ("postgresql+psycopg://", "postgresql://")
STORES = '"sqlite:///mailgate.db" or "postgresql+psycopg://mailgate@host/mailgate"'
TLS_MODES = ("none", "may", "encrypt", "verify")
OWN_FILE = "put the password alone into a file of mode 0600 and name it: password_file = …"


@dataclass(frozen=True)
class Endpoint:
    """Where a door listens: `kind` is tcp (host, port), unix (path) or fd (number, from the service manager)."""

    kind: str
    host: str = ""
    port: int = 0
    path: str = ""
    fd: int = -1


def endpoint(text: str) -> Endpoint:
    """The listener that `127.0.0.1:8025`, `[::1]:8025`, `unix:/run/x` or `fd:3` names. Raises ValueError."""
    if text.startswith("unix:") and len(text) > 5:
        return Endpoint("unix", path=text[5:])
    if text.startswith("fd:") and text[3:].isascii() and text[3:].isdigit():
        return Endpoint("fd", fd=int(text[3:]))
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        colon = ""
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError('"127.0.0.1:8025", "[::1]:8025", "unix:/run/…" or "fd:3"')
    return Endpoint("tcp", host=host, port=int(port))


def _base(info: ValidationInfo) -> Path | None:
    return info.context.get("directory") if info.context else None


def _file(value: Any, info: ValidationInfo) -> Any:
    if value is None or value == "":
        return None
    base = _base(info)
    return base / value if base and isinstance(value, str | Path) else value


def _listen(value: str, info: ValidationInfo) -> str:
    if not value:
        return ""
    found = endpoint(value)
    base = _base(info)
    return f"unix:{base / found.path}" if found.kind == "unix" and base else value


def _at_door(value: str) -> str:
    endpoint(value)
    return value


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        expected = 'an IP address or a network, such as "192.0.2.25" or "10.0.0.0/8"'
        raise ValueError(f"{expected} | names are not looked up: write the addresses that the host connects from") from None
    return value


def next_hop(value: str) -> str:
    """`value` itself if it says where mail is handed to: smtp://, smtps://, lmtp://, lmtp:///a/socket; with ?tls= or without."""
    try:
        url = urlsplit(value)
        fits = url.scheme in HOP_SCHEMES and (url.hostname or url.path.strip("/")) and url.port != 0
        fits = fits and (not url.query or url.query.removeprefix("tls=") in TLS_MODES[url.scheme == "smtps" :])
    except ValueError:
        fits = False
    if fits and url.password:
        raise ValueError(f"a URL without a password | {OWN_FILE}")
    if not fits or url.username:
        raise ValueError(
            '"smtp://host:25", "smtps://host:465" or "lmtp://host:24", with ?tls=may, encrypt or verify behind it if need be'
        )
    return value


def _smtp_hop(value: str) -> str:
    if not next_hop(value).startswith("smtp"):
        raise ValueError('"smtp://host:10026" or "smtps://host:465" | one reply for a mail is what a proxy can pass on')
    return value


def _hop(value: str, info: ValidationInfo) -> str:
    if not value.startswith("maildir:"):
        try:
            return next_hop(value)
        except ValueError as error:
            expected = str(error)
            raise ValueError(expected if " | " in expected else f'"maildir:outgoing", {expected}') from None
    folder = value.removeprefix("maildir:").removeprefix("//")
    if not folder:
        raise ValueError('a folder after "maildir:"')
    base = _base(info)
    return f"maildir:{base / folder}" if base else f"maildir:{folder}"


def _store_url(value: str, info: ValidationInfo) -> str:
    if value.startswith(POSTGRES):
        return _server_url(value)
    if not value.startswith("sqlite:///"):
        raise ValueError(STORES)
    name = value.removeprefix("sqlite:///")
    base = _base(info)
    in_memory = name in ("", ":memory:") or name.startswith("file:")
    return value if in_memory or not base else f"sqlite:///{base / name}"


def _token_url(value: str) -> str:
    try:
        url = urlsplit(value)
        near = url.hostname in ("127.0.0.1", "::1", "localhost")
        fits = not value or (url.hostname and not url.username and (url.scheme == "https" or (url.scheme == "http" and near)))
    except ValueError:
        fits = False
    if not fits:
        raise ValueError('"https://…", without a user name')
    return value


def _server_url(value: str) -> str:
    """A PostgreSQL URL with a database, and without a password (RFC 3986; libpq's parameters behind the ?)."""
    try:
        url = urlsplit(value)
        fits = bool(url.path.strip("/")) and url.port != 0
    except ValueError:
        raise ValueError(STORES) from None
    if url.password is not None or "password" in dict(parse_qsl(url.query)):
        raise ValueError(f"a URL without a password | {OWN_FILE}")
    if not fits:
        raise ValueError("a database's name behind the host | postgresql+psycopg://mailgate@db.example/mailgate")
    return value


def _since(value: Any) -> Any:
    if value in ("now", None):
        return None
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        day = None
    if not isinstance(day, date) or isinstance(day, datetime):
        raise ValueError('"now" or a date such as 2026-11-01')
    return day


def _after(value: str) -> str:
    if value not in ("nothing", "seen") and not (value.startswith("move:") and _one_line(value[5:])):
        raise ValueError('"nothing", "seen" or "move:FOLDER"')
    return value


def _one_line(value: str) -> str:
    if not value or any(char < " " or char == "\x7f" for char in value):
        raise ValueError("a text without control characters")
    return value


def _host(value: str) -> str:
    if not _HOST.match(value):
        raise ValueError('the name of a host, such as "imap.shop.example", or its IP address')
    return value


def _elapsed(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    found = _ELAPSED.match(value) if isinstance(value, str) else None
    if not found or len(found[1]) > 6:
        raise ValueError('a length of time such as "30m", "2h" or "5d"')
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def _size(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    found = _SIZE.match(value) if isinstance(value, str) else None
    if not found or len(found[1]) > 9:
        raise ValueError('a size such as "64KiB" or "50MiB"')
    return int(found[1]) * _BYTES[found[2]]


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _listens(value: Any) -> Any:
    return [] if value == "" else _several(value)


Validator = Callable[..., Any]
Elapsed = Annotated[timedelta, BeforeValidator(_elapsed)]
Size = Annotated[int, BeforeValidator(_size)]
Count = Annotated[int, Field(strict=True, ge=1)]
Rate = Annotated[int, Field(strict=True, ge=0)]
File = Annotated[Path | None, BeforeValidator(_file)]
Listen = Annotated[str, AfterValidator(_listen)]
Listens = Annotated[tuple[Annotated[str, AfterValidator(_at_door), AfterValidator(_listen)], ...], BeforeValidator(_listens)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(_several)]
SmtpHop = Annotated[str, AfterValidator(_smtp_hop)]
Hop = Annotated[str, AfterValidator(_hop)]
StoreUrl = Annotated[str, AfterValidator(_store_url)]
TokenUrl = Annotated[str, AfterValidator(_token_url)]
Since = Annotated[date | None, BeforeValidator(_since)]
After = Annotated[str, AfterValidator(_after)]
OneLine = Annotated[str, AfterValidator(_one_line)]
HostName = Annotated[str, AfterValidator(_host)]
PortNumber = Annotated[int, Field(strict=True, ge=0, le=65535)]
Words = Annotated[tuple[str, ...], BeforeValidator(_several)]
