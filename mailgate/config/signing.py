"""The keys that outgoing mail is signed with (DKIM): each in a file of its own, known by the DNS name of its public half."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from mailgate.config.problems import ConfigError, Problem, dotted, shown
from mailgate.config.secret import text
from mailgate.config.settings import Main
from mailgate.mail import address as addresses

SHORTEST = 1024  # bits of an RSA key, RFC 8301 §3.2
ED25519 = bytes.fromhex("302e020100300506032b657004220420")  # what a PKCS #8 key of Ed25519 begins with (RFC 8410 §7)
_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)\._domainkey\.(.+)")
_PEM = re.compile(r"-----BEGIN (?:RSA )?PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END (?:RSA )?PRIVATE KEY-----\s*")
EXPECTED = "a private key: RSA of at least 1024 bits, or Ed25519, in PEM"


@dataclass(frozen=True)
class SigningKey:
    """One key: `algorithm` is rsa-sha256 or ed25519-sha256, `key` what dkimpy takes for it."""

    selector: str
    domain: str
    algorithm: str
    key: bytes = field(repr=False)


def signing_keys(settings: Main) -> tuple[SigningKey, ...]:
    """The keys of [dkim]. Raises ConfigError for one that can't be used."""
    return tuple(_key(name, path) for name, path in settings.dkim.items() if path)


def problems(settings: Main, file: str) -> list[Problem]:
    """What is wrong with [dkim]."""
    found: list[Problem] = []
    if settings.dkim and not (find_spec("dkim") and find_spec("nacl")):
        return [Problem(file, "dkim", "the packages that sign", "none", 'pip install "mailgate[dkim]"')]
    for name, path in settings.dkim.items():
        place = dotted(("dkim", name))
        parts = _NAME.fullmatch(name)
        if parts is None or not addresses.is_address(f"x@{parts[2]}"):
            found.append(Problem(file, place, "a name such as mg1._domainkey.shop.example", shown(name)))
        elif path is None:
            found.append(Problem(file, place, "the file of a private key", "none"))
        else:
            try:
                _key(name, path)
            except ConfigError as error:
                found += error.problems
    return found


def _key(name: str, path: Path) -> SigningKey:
    parts = _NAME.fullmatch(name)
    said = text(path, "").strip()
    selector, domain = (parts[1], parts[2].lower()) if parts else ("", "")
    pem = _PEM.fullmatch(said)
    try:
        der = base64.b64decode("".join((pem[1] if pem else said).split()), validate=True)
    except binascii.Error:
        der = b""
    if len(der) == 32 and not pem:
        return SigningKey(selector, domain, "ed25519-sha256", base64.b64encode(der))
    if der.startswith(ED25519) and len(der) == len(ED25519) + 32:
        return SigningKey(selector, domain, "ed25519-sha256", base64.b64encode(der[len(ED25519) :]))
    if pem and _rsa_bits(said) >= SHORTEST:
        return SigningKey(selector, domain, "rsa-sha256", said.encode())
    raise ConfigError([Problem(str(path), "", EXPECTED, "something else", "make one: openssl genrsa -out KEY 2048")])


def _rsa_bits(pem: str) -> int:
    """The bits of an RSA key; 0 for what is none."""
    from dkim.crypto import UnparsableKeyError, parse_pem_private_key

    try:
        return int(parse_pem_private_key(pem.encode())["modulus"].bit_length())
    except (UnparsableKeyError, KeyError, ValueError, IndexError, TypeError):
        return 0
