"""Does what is said of outgoing mail fit together? Accounts and encryption, authorities of certificates, domains with a pace."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from mailgate.config.problems import Problem, dotted, shown
from mailgate.config.settings import Main, Smarthost
from mailgate.mail import address as addresses


def problems(settings: Main, file: str) -> list[Problem]:
    """What is wrong with [smarthost] beside its single values."""
    out = settings.smarthost
    return [*_tls(out, file), *_account(out, file), *_authorities(out.ca_file, file), *_domains(out, file)]


def _tls(out: Smarthost, file: str) -> Iterator[Problem]:
    url = urlsplit(out.url)
    if url.query and not out.url.startswith("maildir:"):
        yield Problem(file, "smarthost.url", "a URL without ?", shown(out.url), "write smarthost.tls instead")
    if url.scheme == "smtps" and out.tls == "none":
        yield Problem(file, "smarthost.tls", "encrypt or verify", shown(out.tls), "smtps:// is TLS from the first byte")
    if out.username and out.tls in ("none", "may") and url.scheme == "smtp" and not _is_here(url.hostname or ""):
        hint = "an account is used over TLS or on this machine only"
        yield Problem(file, "smarthost.tls", "encrypt or verify", shown(out.tls), hint)


def _account(out: Smarthost, file: str) -> Iterator[Problem]:
    if out.oauth is not None and out.password_file is not None:
        yield Problem(file, "smarthost.oauth", "either oauth or password_file", "both")
    if out.oauth is not None and not out.username:
        yield Problem(file, "smarthost.username", "the account that the token is for", "none")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _authorities(path: Path | None, file: str) -> Iterator[Problem]:
    try:
        if path is not None:
            ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        got = "no such file" if isinstance(error, FileNotFoundError) else "no certificate that can be read"
        yield Problem(file, "smarthost.ca_file", "a file of certificates (PEM)", f"{path}: {got}")


def _domains(out: Smarthost, file: str) -> Iterator[Problem]:
    for domain in out.domains:
        if not addresses.is_address(f"x@{domain}"):
            yield Problem(file, dotted(("smarthost", "domains", domain)), "a domain such as gmail.com", shown(domain))
