"""What the settings become: the house that decides, the doors' limits and certificate, the next hops of mail that leaves."""

from __future__ import annotations

import ssl

from mailgate import config
from mailgate.config import Settings
from mailgate.config.settings import Limits as LimitsSection
from mailgate.desk.house import Caps, House, Mailbox, Source
from mailgate.desk.observe import as_seen_by
from mailgate.desk.route import Roster
from mailgate.wire.dkim import Signing
from mailgate.wire.lane import Pace
from mailgate.wire.lobby import Limits
from mailgate.wire.oauth import Tokens, grant_of
from mailgate.wire.smtp_client import Login, Target
from mailgate.wire.smtp_out import Smarthost, TlsPolicy, smarthost, target

VERB_DOOR = "verb"  # mail that an operator registered for somebody who called


def house_of(settings: Settings) -> House:
    """What the three paths need of the configuration. Raises ConfigError for unreadable keys."""
    return House(
        roster=Roster.of(settings.desks, settings.sellers),
        policies=settings.policies,
        sources={
            name: Source(desk.pack, as_seen_by(desk, settings.packs[desk.pack].raw), desk.options)
            for name, desk in settings.desks.items()
        },
        templates=settings.templates,
        keys=config.keys(settings),
        allowed={level: tuple(acts) for level, acts in settings.trust.allowed.items()},
        relays=settings.trust.relays,
        authserv_ids=settings.trust.authserv_ids,
        results=settings.trust.results,
        copied=settings.copied.addresses,
        journals=settings.copied.journals,
        proven_doors=frozenset({VERB_DOOR}),
        signatures=settings.signatures,
        effects_to=settings.effects.to,
        confirm_after=settings.effects.confirm_after,
        systems=config.shared(settings),
        mailboxes={name: Mailbox(said.owners, said.trusted) for name, said in settings.mailbox.items()},
        caps=caps_of(settings.limits),
    )


def caps_of(limits: LimitsSection) -> Caps:
    """The caps of notices."""
    return Caps(limits.notices_per_ticket, limits.notices_per_recipient, limits.tickets_per_author, limits.surge_from)


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """The certificate that the doors offer with STARTTLS, or None."""
    if settings.tls.certificate is None or settings.tls.key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.options |= ssl.OP_NO_RENEGOTIATION  # it costs us far more than a client (CVE-2011-1473)
    context.load_cert_chain(settings.tls.certificate, settings.tls.key)
    return context


def limits_of(settings: Settings) -> Limits:
    """The doors' limits."""
    limits = settings.limits
    return Limits(
        size=limits.message_size,
        recipients=limits.recipients,
        connections=limits.connections,
        connections_per_network=limits.connections_per_network,
        in_flight=limits.in_flight,
        hard_errors=limits.errors,
        idle=limits.idle,
        session=limits.session,
    )


def smarthost_of(settings: Settings) -> Smarthost:
    """The next hop of outgoing mail that has no way of its own. Raises ConfigError for a password that can't be read."""
    out = settings.smarthost
    tokens = Tokens(grant_of(out.oauth)) if out.oauth else None
    login = Login(out.username, config.password(out.password_file) if out.password_file else "", tokens)
    sessions = out.at_once + sum(pace.at_once for pace in out.domains.values())
    return smarthost(out.url, login, settings.host, TlsPolicy(out.tls, out.ca_file), sessions=sessions)


def paces_of(settings: Settings) -> dict[str, Pace]:
    """How fast mail may leave: by the smarthost (""), and through it to single domains."""
    out = settings.smarthost
    domains = {domain.lower(): Pace(one.at_once, one.per_minute) for domain, one in out.domains.items()}
    return {"": Pace(out.at_once, out.per_minute), **domains}


def beyond(settings: Settings) -> Target:
    """The guard's next hop."""
    tls = TlsPolicy("", settings.smarthost.ca_file)
    return target(settings.guard.next_hop, hostname=settings.host, tls=tls, timeout=settings.guard.answer_within.total_seconds())


class Hops(dict[str, Smarthost]):
    """Next hops by route, made when first needed: a reload may name new ones, old mail old ones. "" is the smarthost."""

    def __init__(self, settings: Settings) -> None:
        keys = config.signing_keys(settings)
        plain = smarthost_of(settings)
        super().__init__({"": Signing(plain, keys) if keys else plain})
        self._settings = settings

    def __missing__(self, url: str) -> Smarthost:
        self[url] = smarthost(url, hostname=self._settings.host, tls=TlsPolicy("", self._settings.smarthost.ca_file))
        return self[url]
