"""Sending paths: a seller whose mail leaves by a provider's domain instead of his own proves once that it is his.

His helpdesk signs as `freshdesk.com`, say, so no check ties the mail to his own domain. He answers a signed letter by that very
path, and from then on mail in his name by it counts as authenticated: for as long as he goes on using it, until somebody revokes
it, and never for what ends a ticket, changes it or moves money (design §5).

What is proven is the pair of an address and a path. A path is a DKIM domain or the domain of a return path that passed at a
host of ours: `dkim freshdesk.com`, `spf bounces.acme.example`. Domains by which anybody can send in any name prove nothing
(`WIDE`), except where a name below them is one customer's alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from mailgate.desk.command import ACTION, PATH
from mailgate.desk.decision import Order, Scene
from mailgate.desk.pack import Policy
from mailgate.desk.party import Seller
from mailgate.desk.proof import passes
from mailgate.desk.route import SENDER
from mailgate.desk.thread import FREEMAIL
from mailgate.desk.trust import Level
from mailgate.mail import address as addresses
from mailgate.mail.results import Results

NOTICE = "prove_sender"
UNUSED = timedelta(days=180)  # after which a path is forgotten
AGAIN = timedelta(days=7)  # between two letters about one path
BETWEEN = timedelta(days=1)  # between two letters to one address
MOST = 5  # paths of one mail that are looked at
HARMLESS = frozenset({"add", "start", "stop"})

_MAILERS = """
    amazonses.com brevo.com ccsend.com constantcontact.com elasticemail.com exacttarget.com gappssmtp.com google.com
    hubspot.com hubspotemail.net klaviyomail.com mailchimpapp.net mailersend.net mailgun.com mailgun.net mailgun.org
    mailjet.com mandrillapp.com mcdlv.net mcsv.net mktomail.com mtasv.net myshopify.com onmicrosoft.com postmarkapp.com
    resend.com rsgsv.net salesforce.com sendgrid.com sendgrid.net sendinblue.com shopifyemail.com smtp2go.com sparkpost.com
    sparkpostmail.com
    """
WIDE = frozenset({*FREEMAIL, *_MAILERS.split()})
_ONE_CUSTOMERS = re.compile(r"[a-z0-9-]+\.onmicrosoft\.com|u[0-9]+\.wl[0-9]*\.sendgrid\.net")
_WORKSPACE = re.compile(r"([a-z0-9-]+)\.[0-9]+\.gappssmtp\.com")


def candidates(author: str, lines: Sequence[Results]) -> tuple[str, ...]:
    """The paths by which a mail of `author` came that could be his own, the narrowest first; `lines` are our hosts' results."""
    found = dict.fromkeys(one for line in lines for one in passes(line.results))
    own = [(method, domain) for method, domain in found if _is_narrow(domain, addresses.domain(author))]
    own.sort(key=lambda one: (-one[1].count("."), one[0]))
    return tuple(f"{method} {domain}" for method, domain in own[:MOST])


def _is_narrow(domain: str, own: str) -> bool:
    """False for a domain by which its provider's customers send in any name."""
    workspace = _WORKSPACE.fullmatch(domain)
    if workspace is not None:
        return workspace[1] == own.replace(".", "-")
    if _ONE_CUSTOMERS.fullmatch(domain):
        return True
    labels = domain.split(".")
    return len(labels) > 1 and not any(".".join(labels[at:]) in WIDE for at in range(len(labels)))


def is_askable(author: str, seller: Seller | None, level: Level) -> bool:
    """True for a claimed mail from an address that the directory names itself; an `@domain` there names none."""
    if seller is None or level != "claimed":
        return False
    return addresses.key(author) in {addresses.key(one) for one in seller.registered if not one.startswith("@")}


def allowed_by_path(allowed: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    """What levels may do, where a proven path stands behind the author: whatever is configured, never more than clocks."""
    return {**allowed, "authenticated": tuple(one for one in allowed.get("authenticated", ()) if one in HARMLESS)}


def moves_money(policy: Policy, event: str) -> bool:
    """True if `event`, or one that it raises, asks a system to carry out an effect."""
    seen, waiting = set[str](), [event]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        reactions = [when for when in policy.when if one in when.event]
        if any(when.effect for when in reactions):
            return True
        waiting += [when.raises for when in reactions if when.raises]
    return False


def asks(path: str, author: str, scene: Scene, cause: str) -> Order | None:
    """The letter that asks the author whether he sends by this path; it says nothing of his mail."""
    role = f"{SENDER}:{addresses.key(author)}"
    if not scene.filled((role,), None):
        return None
    data = {"path": path.partition(" ")[2], PATH: path}
    return Order(NOTICE, (role,), data=data, cause=cause, courtesy=True, offers=((ACTION, ACTION),))
