"""How far a mail proves who wrote it, and what that proof allows.

Levels, strongest first: `signed` (a valid token bound to this very party), `authenticated` (a trusted host's
Authentication-Results say so for the author's domain), `claimed` (a known address in From), `stranger`.
Authentication-Results count only when a trusted relay handed us the mail, and only its own lines (mail/results.py, which
reads them; desk/proof.py says what they prove). What each level may do is config: see `[trust]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal

from mailgate.desk.pack import Policy

Level = Literal["signed", "authenticated", "claimed", "stranger"]
LEVELS: tuple[Level, ...] = ("stranger", "claimed", "authenticated", "signed")

_SAYS_YES = ("X-Spam-Flag", "X-Spam-Status", "X-Spam", "X-Barracuda-Spam-Flag", "X-Gm-Spam", "X-Gm-Phishy")
_SAYS_LEVEL = ("X-MS-Exchange-Organization-SCL", "X-Forefront-Antispam-Report")
SCL = 5  # Microsoft's spam confidence level, from which on it files mail as junk
_LEVEL = re.compile(r"(?:^\s*|\bSCL:\s*)(-?\d+)", re.IGNORECASE)


def level(author: str | None, *, known: bool, signed: bool, proven: bool) -> Level:
    """How far this mail proves its author: `signed` needs a token of this party, `proven` a passed check of his domain."""
    if author is None or not known:
        return "stranger"
    if signed:
        return "signed"
    return "authenticated" if proven else "claimed"


def may(allowed: Mapping[str, Iterable[str]], at: Level, act: str) -> bool:
    """True if a mail of this level may `act` (add, start, stop, close, change, request)."""
    return act in allowed.get(at, ())


def needed_act(policy: Policy, event: str) -> str:
    """What a mail must be allowed to do for `event` to follow from it: `add`, `start` (also strikes, effects) or `stop`."""
    specs = policy.clocks.values()
    starting = [one for spec in specs for one in (*spec.starts, *spec.restarts, *spec.resumes, *spec.hastens)]
    ending = [one for spec in specs for one in (*spec.stops, *spec.pauses, *spec.extends)]
    acting = any((when.strike or when.effect) and event in when.event for when in policy.when)
    if acting or any(one.event == event for one in starting):
        return "start"
    return "stop" if any(one.event == event for one in ending) else "add"


def is_relay(client: str, relays: Iterable[str]) -> bool:
    """True if `client` (an IP address, or "unix" for a local socket) is one of the relays, or in one of their networks."""
    if client == "unix":
        return True
    try:
        address = ip_address(client)
    except ValueError:
        return False
    return any(address in network for network in map(_network, relays) if network is not None)


def _network(relay: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(relay, strict=False)
    except ValueError:
        return None


def watched(door: str, client: str) -> tuple[str, str]:
    """(mailbox, role of its folder) of a mail that was found in a watched mailbox; ("", "") for any other."""
    name, _, role = client.rpartition("/") if door == "imap" else ("", "", "")
    return name, role


def spam_mark(headers: Callable[[str], Sequence[str]]) -> str:
    """The header by which a filter on the way called the mail spam, or nothing; ask only for mail of a trusted relay (G-16).

    SpamAssassin, Rspamd, Amavis and Barracuda say yes or no, Google `1`, Microsoft a confidence of 5 and more.
    """
    for name in _SAYS_YES:
        if any(value.strip().lower().startswith(("yes", "true", "1")) for value in headers(name)):
            return name
    for name in _SAYS_LEVEL:
        if any(int(found[1]) >= SCL for value in headers(name) if (found := _LEVEL.search(value))):
            return name
    return ""
