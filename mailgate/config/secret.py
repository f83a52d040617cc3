"""Secrets: read from files of their own, never from mailgate.toml, never shown.

A secret file is readable by its owner only (mode 0600 or stricter); one below $CREDENTIALS_DIRECTORY is the service
manager's business. Errors name the file and what was expected, never what it holds.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path

from mailgate.config.problems import ConfigError, Problem
from mailgate.config.settings import Main
from mailgate.mail.token import Keys

KEY_BYTES = 32
SHARED_BYTES = 16
MAX_SECRET = 64 * 1024


def keys(settings: Main) -> Keys:
    """The keys that sign and recognise what we hand out: [keys] file, newest first. Raises ConfigError."""
    path = settings.keys.file or Path("keys")
    lines = text(path, "keys.file").split()
    decoded = [_decoded(line) for line in lines]
    found = [key for key in decoded if key is not None and len(key) >= KEY_BYTES]
    if len(found) != len(lines) or not 1 <= len(lines) <= 2:
        expected = "one or two lines, each the base64 of 32 random bytes, newest first"
        raise ConfigError([Problem(str(path), "", expected, "something else", "make one: openssl rand -base64 32")])
    return Keys(*found)


def password(path: Path) -> str:
    """The password that the file holds, without its line end. Raises ConfigError."""
    said = text(path, "").rstrip("\r\n")
    if not said or any(char in said for char in "\r\n\0"):
        got = "several lines" if said else "an empty file"
        raise ConfigError([Problem(str(path), "", "one line with a password", got)])
    return said


def store_password(settings: Main) -> str:
    """The password of the store's database, empty for none. Raises ConfigError."""
    return password(settings.store.password_file) if settings.store.password_file else ""


def shared(settings: Main) -> dict[str, bytes]:
    """The secrets shared with other systems, by name; `effects` is the one of [effects]. Raises ConfigError."""
    files = {**settings.systems, "effects": settings.effects.secret_file}
    return {name: _shared(path) for name, path in files.items() if path}


def _shared(path: Path) -> bytes:
    secret = text(path, "").strip().encode()
    if len(secret) < SHARED_BYTES:
        raise ConfigError([Problem(str(path), "", f"a secret of at least {SHARED_BYTES} bytes", f"{len(secret)} bytes")])
    return secret


def problems(settings: Main) -> list[Problem]:
    """What is wrong with the secret files that `settings` names."""
    found: list[Problem] = []
    out, store = settings.smarthost, settings.store
    named = [path for mailbox in settings.mailbox.values() for path in mailbox.secret_files]
    named += [*(out.oauth.files if out.oauth else ()), *filter(None, (out.password_file, store.password_file))]
    for path in dict.fromkeys((None, *named)):
        try:
            password(path) if path else keys(settings)
        except ConfigError as error:
            found += error.problems
    try:
        shared(settings)
    except ConfigError as error:
        found += error.problems
    return found


def _decoded(line: str) -> bytes | None:
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error:
        return None


def text(path: Path, key: str) -> str:
    """What a secret file holds; `key` is what names it. Raises ConfigError."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise ConfigError([Problem(str(path), key, "a file", "something else")])
        if mode & (stat.S_IRWXG | stat.S_IRWXO) and not _is_credential(path):
            got, hint = f"mode {stat.S_IMODE(mode):04o}", f"chmod 600 {path}"
            raise ConfigError([Problem(str(path), key, "a secret that only its owner can read", got, hint)])
        with path.open("rb") as file:
            found = file.read(MAX_SECRET + 1)
        if len(found) > MAX_SECRET:
            raise ConfigError([Problem(str(path), key, f"a secret of at most {MAX_SECRET} bytes", "a larger file")])
        return found.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError([Problem(str(path), key, "a text file", "other bytes")]) from None
    except OSError as error:
        got = "no such file" if isinstance(error, FileNotFoundError) else str(error.strerror).lower()
        raise ConfigError([Problem(str(path), key, "a secret file", got)]) from None


def _is_credential(path: Path) -> bool:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and path.resolve().is_relative_to(Path(folder or "/").resolve())
