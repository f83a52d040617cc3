"""Do the watched mailboxes fit: is each folder watched once, is its desk there, does what is moved stay away?"""

from __future__ import annotations

from collections.abc import Iterator

from mailgate.config.problems import Problem, dotted, near, one_of, shown
from mailgate.config.settings import Settings


def errors(settings: Settings, main: str) -> Iterator[Problem]:
    """What can't be watched."""
    seen: dict[tuple[str, str, str], str] = {}
    for name, mailbox in settings.mailbox.items():
        key = dotted(("mailbox", name))
        if mailbox.desk and mailbox.desk not in settings.desks:
            yield Problem(main, f"{key}.desk", one_of(settings.desks), shown(mailbox.desk), near(mailbox.desk, settings.desks))
        if "/" in name:
            yield Problem(main, key, "a name without /", shown(name))
        if mailbox.after.removeprefix("move:") in mailbox.folders:
            hint = "what is moved there would be taken again"
            yield Problem(main, f"{key}.after", "a folder that is not watched", shown(mailbox.after), hint)
        for folder in mailbox.folders:
            first = seen.setdefault((mailbox.host.lower(), mailbox.username, folder), name)
            if first != name:
                place = dotted(("mailbox", name, "folders", folder))
                yield Problem(main, place, "a folder of its own", shown(folder), f"mailbox.{first} watches it too")


def warnings(settings: Settings, main: str) -> Iterator[Problem]:
    """What works and is probably not meant."""
    for name, mailbox in settings.mailbox.items():
        key = dotted(("mailbox", name))
        if mailbox.tls == "none" and mailbox.host not in ("127.0.0.1", "::1", "localhost"):
            hint = "the password and all mail would travel in clear"
            yield Problem(main, f"{key}.tls", '"implicit" or "starttls"', shown(mailbox.tls), hint)
        if mailbox.trusted and not settings.trust.authserv_ids:
            hint = "without them no line of that server is believed"
            yield Problem(main, "trust.authserv_ids", f"the name that {mailbox.host} writes", "none", hint)
        if "sent" in mailbox.folders.values() and not mailbox.owners:
            hint = "mail in its Sent folder proves nothing until it is known whose mailbox it is"
            yield Problem(main, f"{key}.addresses", "whose mailbox it is", "none", hint)
