"""What one reader of a notice may do by mail: each link opens a mail to an address that was signed for him."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from mailgate.desk.command import Given, meaning
from mailgate.desk.entry import Command
from mailgate.desk.notice import Label
from mailgate.desk.reader import Reader, Sheet
from mailgate.desk.view import seen
from mailgate.mail import address as addresses
from mailgate.mail import token

LINK_LASTS = timedelta(days=30)


def of_ticket(sheet: Sheet, reader: Reader) -> Iterator[tuple[Label, str]]:
    """(action, mailto link) for all that this reader may do now; each link is his own and lasts 30 days."""
    ticket, scene = sheet.about, sheet.scene
    key = addresses.key(reader.address)
    party = next((one for one in ticket.participants if addresses.key(one.address) == key), None) if ticket else None
    if ticket is None or party is None or not party.id:
        return
    notice = sheet.order.notice
    for entry in scene.policy.command:
        asked_for = notice == "command_refused" and sheet.order.data.get("reason") == "unsigned"
        named = asked_for and sheet.order.data.get("command") in entry.name
        if (notice in entry.offered or named) and entry.on == "ticket" and reader.party in entry.by:
            for choice in entry.choices or ("",):
                if _is_open(entry, choice, sheet, reader):
                    action = f"{entry.name[0]}.{choice}" if choice else entry.name[0]
                    code = action.replace(".", "_")
                    yield code, _mail_that_does(sheet, reader, party.id, action, code, entry.asks)
    for action, label in sheet.order.offers:
        yield label, _mail_that_does(sheet, reader, party.id, action, label)


def of_no_ticket(sheet: Sheet, reader: Reader) -> Iterator[tuple[Label, str]]:
    """What can be done about a seller or an item of his: a fact is still right (D-06), and what the order itself offers."""
    party = sheet.parties.get(addresses.key(reader.address), 0)
    offers = (
        [(f"confirm.{sheet.order.say['item']}", "confirm")] if sheet.order.say.get("item") and reader.party == "seller" else []
    )
    for action, label in (*offers, *sheet.order.offers) if party else ():
        yield label, _mail_that_does(sheet, reader, party, action, label)
    for action, number, name in sheet.order.about if party else ():
        label = action.partition(".")[0]
        yield (label, name), _mail_that_does(sheet, reader, party, action, label, about=(number, name))


def _is_open(entry: Command, choice: str, sheet: Sheet, reader: Reader) -> bool:
    """True if this very entry is what the command would mean now."""
    told = {entry.argument: choice} if choice else {}
    view = seen(sheet.about, sheet.scene, sheet.now, told, entry.name[0], reader.party)
    return meaning(sheet.scene.policy, Given(entry.name[0], reader.party, "signed", told), view) is entry


def _mail_that_does(
    sheet: Sheet,
    reader: Reader,
    party: int,
    action: str,
    code: str,
    asks: Sequence[str] = (),
    *,
    about: tuple[int, str] = (0, ""),
) -> str:
    """The link that opens a mail which does `action`, its subject and the lines to fill in in the reader's language.

    `about`: the number, and the name, of what it is done to, where that is not the notice's own ticket.
    """
    ticket, strings = sheet.about, sheet.house.templates.strings
    words = {**strings.get("en", {}), **strings.get(reader.language, {})}
    label = words.get(f"action_{code}", code.replace("_", " "))
    expires = (sheet.now + LINK_LASTS).date()
    nonce = about[0] or (ticket.version if ticket else int(sheet.now.timestamp()) // 60) % 36**4
    label = f"{label}: {about[1]}" if about[1] else label
    to = token.action_address(sheet.scene.desk.address, party, action, expires, sheet.house.keys, nonce=nonce)
    lines = "".join(f"{words.get(f'ask_{name}', name.replace('_', ' ').capitalize())}: \n" for name in asks if name != "text")
    return token.mailto(to, f"{label} [{ticket.tag}]" if ticket else label, lines)
