"""What no single file can answer: do desks, sellers, packs, doors and templates fit together?

`errors` stop mailgate; `warnings` are for a person to look at (docs/rules.md C-46, D-03, D-08). Both are linear in the number
of sellers, and neither looks outside the settings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from mailgate.config import guarding, watching
from mailgate.config.problems import Problem, dotted, near, one_of, shown
from mailgate.config.settings import HARMLESS, Settings
from mailgate.config.values import next_hop
from mailgate.desk.holiday import holiday_dates
from mailgate.desk.notice import lint
from mailgate.desk.party import Seller
from mailgate.mail import address as addresses

NOT_SUPPORT = frozenset(
    ("admin", "administrator", "account", "accounts", "accounting", "billing", "finance", "invoice", "invoices")
    + ("conta", "contas", "financeiro", "cobranca", "faturamento", "amministrazione", "fatture", "root", "postmaster")
)
HINTS = 100  # words that are searched for a nearest one: a column that slipped is thousands of wrong words
LAST_RESORT = "en"  # what every language falls back to
_HERE, _ANYWHERE = ("localhost", "127.0.0.1", "::1"), ("", "*", "0.0.0.0", "::")  # noqa: S104 - compared, never bound
Found = Iterator[Problem]


def errors(settings: Settings, said: str, *, desks_whole: bool = True) -> list[Problem]:
    """Everything that does not fit together. `desks_whole` is False when a desk could not be read at all."""
    at = _Places(settings, said)
    found = [
        *_desk_errors(settings, at),
        *_shared_addresses(settings, at),
        *_notice_errors(settings, at),
        *_effect_errors(settings, at),
        *guarding.errors(settings, at.main),
        *watching.errors(settings, at.main),
        *_template_problems(settings, fall_back=False),
    ]
    return found + seller_errors(settings, settings.sellers.values(), said, desks_whole=desks_whole)


def seller_errors(settings: Settings, sellers: Iterable[Seller], said: str, *, desks_whole: bool = True) -> list[Problem]:
    """What of these sellers does not fit the desks, the calendars, the zones and the languages that there are."""
    at = _Places(settings, said)
    found: list[Problem] = []
    for seller in sellers:
        found += at.placed(_zone_errors(at, at.seller(seller), "seller.zone", seller.zone))
        found += at.placed(_calendar_errors(seller, at))
        if desks_whole:
            found += at.placed(_fitting_errors(settings, seller, at))
    return found


def warnings(settings: Settings, said: str) -> list[Problem]:
    """What works and is probably not meant."""
    at = _Places(settings, said)
    found = [
        *_trust_warnings(settings, at),
        *_desk_warnings(settings, at),
        *_role_warnings(settings, at),
        *guarding.warnings(settings, at.main, at.desks),
        *watching.warnings(settings, at.main),
        *at.placed(_shared_support(settings, at)),
    ]
    found += _template_problems(settings, fall_back=True)
    for seller in settings.sellers.values():
        found += at.placed(_support_warnings(seller, at))
        found += at.placed(_entity_warnings(settings, seller, at))
    return found


class _Places:
    """The files of a directory as the user names them, and hints for the first wrong words."""

    def __init__(self, settings: Settings, said: str) -> None:
        self.main = str(Path(said) / "mailgate.toml")
        self.desks = str(Path(said) / "desks.toml")
        self.refused: dict[str, str] = {}
        self._places = settings.places
        self._sellers = Path(said) / "sellers"
        self._hints: dict[tuple[str, frozenset[str]], str] = {}

    def seller(self, seller: Seller) -> str:
        return self._places.get(seller.id) or str(self._sellers / f"{seller.id}.toml")

    def placed(self, found: Found) -> Found:
        """These problems of sellers; one of a table's row names its column."""
        for one in found:
            in_row = not one.file.endswith(".toml") and one.key.startswith("seller.")
            yield replace(one, key=one.key.removeprefix("seller.")) if in_row else one

    def near(self, word: str, known: Iterable[str]) -> str:
        """A hint that names the known word nearest to `word`, for the first HINTS words."""
        asked = (word, frozenset(known))
        if asked not in self._hints and len(self._hints) < HINTS:
            self._hints[asked] = near(word, sorted(asked[1]))
        return self._hints.get(asked, "")


def _desk_errors(settings: Settings, at: _Places) -> Found:
    for name, desk in settings.desks.items():
        key = dotted(("desk", name))
        yield from _zone_errors(at, at.desks, f"{key}.zone", desk.zone)
        yield from _language_errors(settings, at, at.desks, f"{key}.language", desk.language)
        for staff in desk.staff:
            if any(own.answers_for(staff) for own in settings.desks.values()):
                hint = "mail to its staff would come back to mailgate for ever"
                yield Problem(at.desks, f"{key}.staff", "no address that a desk answers for", shown(staff), hint)
        if desk.mode == "observe" and not desk.staff:
            hint = "a desk that observes warns nobody else"
            yield Problem(at.desks, f"{key}.staff", "where its people read", "none", hint)
        if desk.hand_on:
            yield from _hop_errors(at.desks, f"{key}.hand_on", desk.hand_on)
            if _is_own_door(settings, desk.hand_on):
                hint = "mail would come back to mailgate; name the server behind which its people read"
                yield Problem(at.desks, f"{key}.hand_on", "no door of mailgate's own", shown(desk.hand_on), hint)


def _is_own_door(settings: Settings, hop: str) -> bool:
    """True if `hop` is where we listen ourselves, on this machine."""
    try:
        url = urlsplit(hop)
        host, port = url.hostname or "", url.port or {"smtps": 465, "lmtp": 24}.get(url.scheme, 25)
    except ValueError:
        return False
    for door in (*settings.smtp.listen, *settings.lmtp.listen):
        where, _, number = door.rpartition(":")
        if door.removeprefix("unix:") == url.path if not host else number == str(port) and _meets(where.strip("[]"), host):
            return True
    return False


def _meets(listened: str, host: str) -> bool:
    return host == listened or host in _HERE and listened in (*_HERE, *_ANYWHERE)


def _hop_errors(file: str, key: str, hop: str) -> Found:
    try:
        next_hop(hop)
    except ValueError as error:
        expected, _, hint = str(error).partition(" | ")
        yield Problem(file, key, expected, "a secret" if hint else shown(hop), hint)


def _zone_errors(at: _Places, file: str, key: str, zone: str) -> Found:
    if not zone:
        return
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, LookupError):
        hint = at.near(zone, _zones())
        yield Problem(file, key, "a zone such as Europe/Berlin", shown(zone), hint)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _language_errors(settings: Settings, at: _Places, file: str, key: str, language: str) -> Found:
    """A folder of templates/, or one of the same base language: pt is served by pt-BR."""
    known = settings.templates.notices
    if language and known and _base(language) not in map(_base, known):
        yield Problem(file, key, one_of(known), shown(language), at.near(language, known))


def _base(language: str) -> str:
    return language.casefold().partition("-")[0]


def _calendar_errors(seller: Seller, at: _Places) -> Found:
    if seller.calendar and _calendar_refusal(seller.calendar, at.refused):
        expected = "a country, or a country and its part, such as US or BR-SP"
        said = at.refused[seller.calendar]
        yield Problem(at.seller(seller), "seller.calendar", expected, shown(seller.calendar), said)


def _calendar_refusal(name: str, said: dict[str, str]) -> str:
    """Why no holiday calendar is called so, or an empty text; asked once a name."""
    if name not in said:
        try:
            holiday_dates(name, ())
            said[name] = ""
        except ValueError as error:
            said[name] = str(error)
    return said[name]


def _shared_addresses(settings: Settings, at: _Places) -> Found:
    owner: dict[str, str] = {}
    for name, desk in settings.desks.items():
        own = [("address", desk.address), *(("aliases", alias) for alias in desk.aliases)]
        for key, address in own:
            first = owner.setdefault(addresses.key(address), name)
            if first != name:
                place = dotted(("desk", name, key))
                yield Problem(at.desks, place, "an address of its own", shown(address), f"desk.{first} has it too")


def _notice_errors(settings: Settings, at: _Places) -> Found:
    """Every notice that a pack may send is written in the language that all others fall back to."""
    written = settings.templates.notices.get(LAST_RESORT)
    if not written:
        return
    for name, policy in settings.policies.items():
        for notice in sorted(policy.notices - written.keys()):
            wanted = f"the notice templates/{LAST_RESORT}/{notice}.txt"
            yield Problem(at.desks, dotted(("desk", name, "pack")), wanted, "no such file", near(notice, written))


def _effect_errors(settings: Settings, at: _Places) -> Found:
    """A pack that asks for refunds or cancellations needs somebody who carries them out (design: effects)."""
    for name, policy in settings.policies.items():
        if policy.effects and settings.desks[name].mode == "act" and not settings.effects.to:
            hint = f"the pack of desk.{name} asks for {', '.join(sorted(policy.effects))}"
            yield Problem(at.main, "effects.to", "the address of the system that carries out effects", "none", hint)
            return


def _role_warnings(settings: Settings, at: _Places) -> Found:
    """A role of the desk's that the pack writes to and nobody fills: its notices would reach nobody (DR-09)."""
    for name, desk in settings.desks.items():
        policy = settings.policies.get(name)
        for role, spec in policy.roles.items() if policy else ():
            places = [place.removeprefix("desk.") for place in spec.of]
            ours = all(place.startswith("desk.") for place in spec.of) and spec.when and not spec.otherwise
            if ours and not any(desk.staff if place == "staff" else desk.roles.get(place) for place in places):
                hint = f"the pack's notices to {role} reach nobody; {' or '.join(places)}"
                yield Problem(at.desks, dotted(("desk", name, "roles")), "somebody for each role of the pack", "nobody", hint)


def _template_problems(settings: Settings, *, fall_back: bool) -> Found:
    """What lint says: a notice that nobody translated yet falls back and is a warning, the rest can't be sent."""
    for said in lint(settings.templates) if settings.templates.notices else ():
        missing = " lacks " in said and not said.startswith(f"{LAST_RESORT}/")
        if missing == fall_back:
            yield Problem("templates", "", "the same notices in every language", said)


def _fitting_errors(settings: Settings, seller: Seller, at: _Places) -> Found:
    file = at.seller(seller)
    yield from _language_errors(settings, at, file, "seller.language", seller.language)
    for desk in seller.desks:
        if desk not in settings.desks:
            yield Problem(file, "seller.desks", one_of(settings.desks), shown(desk), at.near(desk, settings.desks))
    known = _entities_of(settings, seller)
    for entity in seller.entities:
        if entity not in known:
            yield Problem(file, "seller.entities", one_of(known), shown(entity), at.near(entity, known))
    own = set(seller.entities) & known if seller.entities else known
    for product, entity in seller.products.items():
        if entity not in own:
            key = dotted(("seller", "products", product))
            yield Problem(file, key, one_of(own), shown(entity), at.near(entity, own))


def _entities_of(settings: Settings, seller: Seller) -> set[str]:
    """The entities of the desks that a seller works with: those he names, else every desk."""
    desks = [settings.desks[name] for name in seller.desks if name in settings.desks]
    return {name for desk in (desks or settings.desks.values()) for name in desk.entities}


def _trust_warnings(settings: Settings, at: _Places) -> Found:
    trust = settings.trust
    for key, may in (("stranger_may", trust.stranger_may), ("claimed_may", trust.claimed_may)):
        if set(may) - set(HARMLESS):
            hint = "anyone can write such a From; narrow it once relays and authserv_ids are set"
            yield Problem(at.main, f"trust.{key}", '["add"]', shown(list(may)), hint)
    if set(trust.claimed_may) <= set(HARMLESS) and not trust.authserv_ids:
        hint = "no answer but a signed one can stop a clock until mailgate knows whose results to believe"
        yield Problem(at.main, "trust.authserv_ids", "the names of your own mail servers", "none", hint)


def _desk_warnings(settings: Settings, at: _Places) -> Found:
    for name, desk in settings.desks.items():
        policy = settings.policies.get(name)
        if policy and policy.carries != desk.carries:
            hint = f"the pack {desk.pack} is written for a desk that says carries = {policy.carries!r}"
            yield Problem(at.desks, dotted(("desk", name, "carries")), shown(policy.carries), shown(desk.carries), hint)
        watched = any(mailbox.desk == name for mailbox in settings.mailbox.values())
        reached = settings.copied.any or desk.hand_on or desk.staff or watched
        if settings.receives and desk.carries == "people" and not reached:
            hint = f"mail to {desk.address} would reach nobody but mailgate: set hand_on or staff"
            yield Problem(at.desks, dotted(("desk", name)), "a way for its people to get their mail", "none", hint)


def _support_warnings(seller: Seller, at: _Places) -> Found:
    """D-07, D-08: asks go to a support address, not to an account or admin address by mistake."""
    file, key = at.seller(seller), "seller.support"
    support = addresses.untagged(seller.support)
    for other in ("admin", "account", "manager"):
        address = getattr(seller, other)
        if address and addresses.untagged(address) == support:
            yield Problem(file, key, "an address of the support team", f"the {other} address", "D-08")
    if support.partition("@")[0] in NOT_SUPPORT:
        yield Problem(file, key, "an address of the support team", shown(seller.support), "D-08")
    if seller.backup and addresses.untagged(seller.backup) == support:
        yield Problem(file, "seller.backup", "another address than support", shown(seller.backup), "D-38")
    if seller.service and seller.account and addresses.untagged(seller.service) == addresses.untagged(seller.account):
        yield Problem(file, "seller.service", "another address than the account's", shown(seller.service), "C-46")


def _entity_warnings(settings: Settings, seller: Seller, at: _Places) -> Found:
    known = _entities_of(settings, seller)
    if known and not seller.entities:
        hint = "D-03: the reseller contracts of the account"
        yield Problem(at.seller(seller), "seller.entities", f"some of {', '.join(sorted(known))}", "none", hint)


def _shared_support(settings: Settings, at: _Places) -> Found:
    by_support: dict[str, list[Seller]] = defaultdict(list)
    for seller in settings.sellers.values():
        by_support[addresses.untagged(seller.support)].append(seller)
    for sharing in by_support.values():
        for seller in sharing[1:]:
            hint = f"{sharing[0].id} has it too: mail from it belongs to neither"
            yield Problem(at.seller(seller), "seller.support", "an address of his own", shown(seller.support), hint)
