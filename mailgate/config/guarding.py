"""Does the guard fit: may somebody use it, does its mail come back to us, do the desks' wishes mean anything?"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from mailgate.config.problems import Problem, dotted, shown
from mailgate.config.settings import Settings
from mailgate.config.values import endpoint
from mailgate.desk.party import Desk, Guarding
from mailgate.desk.policy import RULES

POSTFIX_WAITS = timedelta(seconds=100)  # smtpd_proxy_timeout, as Postfix has it by default
WIDEST = {4: 8, 6: 16}  # bits of the widest network that anybody can mean to let in
LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104


def errors(settings: Settings, main: str) -> Iterator[Problem]:
    """What would make the guard useless, an open relay or a loop."""
    guard, trust = settings.guard, settings.trust
    for network in guard.networks:
        if (found := ipaddress.ip_network(network, strict=False)).prefixlen < WIDEST[found.version]:
            hint = "whoever may use the guard may send anywhere"
            yield Problem(main, "guard.networks", "networks of your own", shown(network), hint)
    if any(not one.startswith("unix:") for one in guard.listen) and not (guard.networks or trust.relays):
        hint = 'such as networks = ["127.0.0.1"] for a Postfix on this machine'
        yield Problem(main, "guard.networks", "who may use the guard", "nobody", hint)
    ours = {_port(one) for one in (*guard.listen, *settings.smtp.listen)} - {0}
    url = urlsplit(guard.next_hop)
    if guard.listen and url.hostname in LOOPBACK and (url.port or 25) in ours:
        hint = "its mail would come back to mailgate for ever"
        yield Problem(main, "guard.next_hop", "another server than this mailgate", shown(guard.next_hop), hint)


def warnings(settings: Settings, main: str, desks: str) -> Iterator[Problem]:
    """What works and is probably not meant."""
    guard = settings.guard
    if guard.listen and guard.answer_within >= POSTFIX_WAITS:
        hint = "Postfix gives up after smtpd_proxy_timeout, 100s, and its client sends once more"
        yield Problem(main, "guard.answer_within", "less than that", f"{guard.answer_within.total_seconds():g}s", hint)
    for name, desk in settings.desks.items():
        key = dotted(("desk", name, "guard"))
        if desk.guard != Guarding() and not guard.listen:
            yield Problem(desks, key, "a guard that does it", "none", "guard.listen is empty")
        for rule in _idle(settings, desk):
            yield Problem(desks, f"{key}.{rule}", "a rule of the pack", f"none in {desk.pack}", "nothing would ever follow")


def _idle(settings: Settings, desk: Desk) -> Iterator[str]:
    """The rules that the desk wants something done about and that its pack does not know."""
    policy = settings.policies.get(desk.name)
    wished = {rule for rule in RULES if getattr(desk.guard, rule) in ("add", "refuse")}
    yield from sorted(wished - set(policy.rules)) if policy else ()


def _port(listen: str) -> int:
    return endpoint(listen).port
