"""Read the path and the parameters of MAIL and RCPT.

Asked in this order: the plain form nearly everybody sends, by one regular expression; then the rare forms of
RFC 5321 §4.1.2 and RFC 6531 §3.3 (quoted local part, UTF-8, address literal, source route, missing brackets).
Everything else is malformed. It will not swallow RFC 5322 comments, fold case or ask whether a mailbox exists.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass

LOCAL_LIMIT = 64  # octets, RFC 5321 §4.5.3.1.1
DOMAIN_LIMIT = 255  # octets, RFC 5321 §4.5.3.1.2
PATH_LIMIT = 256  # octets with both brackets, RFC 5321 §4.5.3.1.3

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_PLAIN = re.compile(rf"<({_ATOM}(?:\.{_ATOM})*)@({_LABEL}(?:\.{_LABEL})*)>(?: +(.*))?\Z")

_UATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u00a0-\U0010ffff]+"
_ULABEL = r"[A-Za-z0-9_\-\u00a0-\U0010ffff]+"
_QUOTED = r'"(?:[ !#-\[\]-~\u00a0-\U0010ffff]|\\[ -~])*"'
_DOMAIN = rf"(?:{_ULABEL}(?:\.{_ULABEL})*|\[[0-9A-Za-z:.]+\])"
_ADDRESS = rf"({_UATOM}(?:\.{_UATOM})*|{_QUOTED})@({_DOMAIN})"
_ROUTE = rf"(?:@{_DOMAIN}(?:,@{_DOMAIN})*:)?"
_RARE = re.compile(rf"(?:<{_ROUTE}{_ADDRESS}>|{_ADDRESS})(?: +(.*))?\Z")
_NULL = re.compile(r"<>(?: +(.*))?\Z")
_POSTMASTER = re.compile(r"<postmaster>(?: +(.*))?\Z", re.IGNORECASE)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u00a0-\U0010ffff]+))?\Z")
_UNFIT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
_FIT = " \u200c\u200d"  # a blank in quotes; joiners, which words of Persian and Hindi need (RFC 5892 §A.1)


@dataclass(frozen=True)
class Path:
    """One path of the envelope: the address as written (empty for the null path) and the text after it."""

    address: str
    rest: str = ""


def read(text: str, any_local: bool = False) -> Path | None:
    """The path that `text` starts with, or None if malformed (RFC 5321 §4.1.2).

    `any_local` lets long local parts pass (VERP of real senders), up to the limit of the whole path.
    """
    if plain := _PLAIN.match(text):
        local, domain, rest = plain.groups()
    elif rare := _RARE.match(text):
        local, domain, rest = rare[1] or rare[3], rare[2] or rare[4], rare[5]
    elif other := (_NULL.match(text) or _POSTMASTER.match(text)):
        return Path("" if text.startswith("<>") else "postmaster", other.group(1) or "")
    else:
        return None
    return Path(f"{local}@{domain}", rest or "") if _fits(local, domain, any_local) else None


def parameters(text: str) -> dict[str, str | None] | None:
    """The ESMTP parameters by upper-case name (RFC 5321 §4.1.2), or None if one is malformed or given twice."""
    found: dict[str, str | None] = {}
    for word in text.split():
        match = _PARAMETER.match(word)
        if match is None or match[1].upper() in found:
            return None
        found[match[1].upper()] = match[2]
    return found


def _fits(local: str, domain: str, any_local: bool) -> bool:
    if not (local.isascii() and domain.isascii()):
        if any(unicodedata.category(c) in _UNFIT and c not in _FIT for c in local + domain):
            return False
        local, domain = local.encode().decode("latin-1"), domain.encode().decode("latin-1")
    if len(local) > (PATH_LIMIT if any_local else LOCAL_LIMIT) or len(domain) > DOMAIN_LIMIT:
        return False
    if len(local) + len(domain) + 3 > PATH_LIMIT:
        return False
    return _is_literal(domain) if domain.startswith("[") else _labels_fit(domain)


def _labels_fit(domain: str) -> bool:
    return all(not (label.startswith("-") or label.endswith("-")) and len(label) <= 63 for label in domain.split("."))


def _is_literal(domain: str) -> bool:
    inner = domain[1:-1]
    try:
        if inner[:5].lower() == "ipv6:":
            ipaddress.IPv6Address(inner[5:])
        else:
            ipaddress.IPv4Address(inner)
    except ValueError:
        return False
    return True
