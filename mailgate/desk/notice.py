"""Write a notice: one page of facts and one template become a subject, a text and an HTML of the same words.

Top to bottom, always: why this mail comes and what to do now (the template's body), the latest message, what can be
done by mail, the ticket's details, the order's, the history, who sends this (docs/rules.md C-47, C-48). Both forms are
made from the same blocks, so neither can say more than the other. The template decides the words; this module decides
order, width and safety:

- text from mails is data: cleaned to one line (quotes: to clean lines), never compiled, escaped by the frame
- a quote whose text is None was not addressed to this reader: it is listed, not quoted (docs/rules.md G-14)
- the subject is `[MG-42] …`; tags that the ticket's subject brought along are taken out or defused

A template is `subject line, blank line, body`. In the body, paragraphs are separated by blank lines, "- " begins an
item of a list, "! " the one thing to do and "> " a line of a quotation; `{% set footer = "internal" %}` chooses the
words at the foot (all, reply, internal). Languages fall back to the base language, then to English. Sends nothing.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import TemplateError

from mailgate.desk import layout
from mailgate.desk.layout import Block, Section
from mailgate.desk.template import LAST_RESORT, Foreign, Templates, capital, compiled, frame, lint, variables
from mailgate.desk.wording import FSI, PDI, Wording, exact
from mailgate.mail.compose import one_line

__all__ = ["Label", "Page", "Quote", "Rendered", "Templates", "clean_subject", "lint", "render", "variables"]

LATEST_LIMIT, HISTORY_LIMIT, HISTORY_COUNT = 4000, 1000, 10
_OUR_TAG = re.compile(r"\s*\[\s*MG-\d+\s*\]", re.IGNORECASE)
_TWO_STOPS = re.compile(rf"\.{PDI}\.(?!\.)")  # a name such as "Inc." at a sentence's end
_FOREIGN_TAG = re.compile(r"\[(\s*#[^\[\]]*)\]")


Label = str | tuple[str, str]  # what a link does, or that and what it does it to


@dataclass(frozen=True)
class Quote:
    """One message as a reader may see it. `text` None: he was not addressed on it, so it is only listed."""

    at: datetime
    author: str
    party: str
    event: str
    text: str | None


@dataclass(frozen=True)
class Page:
    """What one notice says to one reader. `data` is what the template may name beyond desk, ticket and subject.

    `order` holds facts about what was bought. `whole` shows every message of the history, the latest among them.
    """

    notice: str
    language: str
    zone: ZoneInfo
    desk: str
    ticket: str | None
    subject: str
    data: Mapping[str, Any]
    latest: Quote | None
    details: tuple[tuple[str, object], ...]
    history: tuple[Quote, ...]
    actions: tuple[tuple[Label, str], ...] = ()
    order: tuple[tuple[str, object], ...] = ()
    whole: bool = False


@dataclass(frozen=True)
class Rendered:
    """A notice in words. `language` is the one it was written in, which a fallback may have changed."""

    subject: str
    text: str
    html: str
    language: str


def render(page: Page, templates: Templates) -> Rendered:
    """The notice for `page.language`, else for its base language, else in English.

    Raises ValueError when no language has the notice, or when the template names what the page does not hold.
    """
    language, source = _template(page, templates)
    wording = Wording(language, page.zone, ChainMap(*(dict(templates.strings[one]) for one in _chain(page, templates))))
    head, body, footing = _filled(page, source, wording)
    subject = one_line(f"[{page.ticket}] {head}" if page.ticket else head)
    sections = tuple(_sections(page, body, wording))
    footer = _footer(page, footing, wording)
    html = frame(templates.frame).render(
        subject=subject, language=language, dir=wording.direction, sections=sections, footer=footer
    )
    return Rendered(_bare(subject), layout.text(sections, footer, wording.direction), html, language)


def clean_subject(subject: str) -> str:
    """A ticket's subject without our tags; `[#7]` becomes `(#7)`, else Freshdesk files our notice under its case 7."""
    return _FOREIGN_TAG.sub(r"(\1)", _OUR_TAG.sub("", one_line(subject))).strip()


def _chain(page: Page, templates: Templates) -> list[str]:
    """The languages to try: as wanted, the base language, its other regions, English."""
    known = sorted(templates.strings.keys() & templates.notices.keys())
    wanted = page.language.casefold()
    base = wanted.partition("-")[0]
    ranks = (
        [one for one in known if one.casefold() == wanted],
        [one for one in known if one.casefold() == base],
        [one for one in known if one.casefold().partition("-")[0] == base],
        [one for one in known if one == LAST_RESORT],
    )
    return list(dict.fromkeys(one for rank in ranks for one in rank if page.notice in templates.notices[one]))


def _template(page: Page, templates: Templates) -> tuple[str, str]:
    for language in _chain(page, templates):
        return language, templates.notices[language][page.notice]
    raise ValueError(f"no language has a template for the notice {page.notice!r}")


def _filled(page: Page, source: str, wording: Wording) -> tuple[str, str, str]:
    """(subject line, body, which footer) of the template with the page's data in it."""
    data = {name: _clean(value) for name, value in page.data.items()}
    own = {"desk": one_line(page.desk), "ticket": page.ticket, "subject": clean_subject(page.subject)}
    try:
        filled = compiled(source).make_module({**data, **own, "wording": wording})
    except (TemplateError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"the template {page.notice} ({wording.language}): {error}") from error
    head, _, body = str(filled).lstrip("\n").partition("\n")
    return head.strip(), _TWO_STOPS.sub(f".{PDI}", body), str(getattr(filled, "footer", "all"))


def _clean(value: Any) -> Any:
    """`value` with every text in it cut to one clean line, whatever it is nested in."""
    match value:
        case str():
            return Foreign(value)
        case Mapping():
            return {key: _clean(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return tuple(_clean(inner) for inner in (sorted(value) if isinstance(value, set | frozenset) else value))
    return value


def _sections(page: Page, body: str, wording: Wording) -> Iterator[Section]:
    strings = wording.strings
    yield Section("", tuple(layout.blocks(body)))
    if page.latest:
        yield Section(strings["heading_latest"], (_quote(page.latest, wording, LATEST_LIMIT),))
    if page.actions:
        links = tuple((_label(label, wording), _mailto(link)) for label, link in page.actions)
        yield Section(strings["heading_actions"], (Block("links", items=links),))
    if page.details:
        heading = strings["heading_ticket"].format(ticket=exact(page.ticket)) if page.ticket else strings["heading_details"]
        yield Section(heading, (_facts(page.details, wording),))
    if page.order:
        yield Section(strings["heading_order"], (_facts(page.order, wording),))
    if listed := tuple(quote for quote in page.history if page.whole or quote != page.latest):
        shown = len(listed) if page.whole else HISTORY_COUNT
        yield Section(strings["heading_history"], tuple(_history(listed, shown, wording)))


def _label(label: Label, wording: Wording) -> str:
    """The words of a link; where one notice is about several things, which of them it is for."""
    action, about = (label, "") if isinstance(label, str) else label
    word = wording.word(action, "action")
    return f"{word}: {exact(about)}" if about else word


def _facts(details: tuple[tuple[str, object], ...], wording: Wording) -> Block:
    return Block("facts", items=tuple((wording.word(label, "label"), _detail(label, value, wording)) for label, value in details))


def _mailto(link: str) -> str:
    """`link`, if it is a mailto link: what a link scanner can open by itself has no place in a notice."""
    if not link.startswith("mailto:"):
        raise ValueError(f"an action is a mailto link, not {link[:60]!r}")
    return one_line(link, 2000)


def _history(quotes: tuple[Quote, ...], shown: int, wording: Wording) -> Iterator[Block]:
    for quote in quotes[:shown]:
        yield _quote(quote, wording, HISTORY_LIMIT)
    if len(quotes) > shown:
        yield Block("text", wording.strings["earlier"].format(count=wording.said(len(quotes) - shown)))


def _quote(quote: Quote, wording: Wording, limit: int) -> Block:
    head = wording.strings["quote"].format(
        when=wording.when(quote.at),
        author=exact(quote.author),
        party=wording.word(quote.party, "party"),
        event=wording.word(quote.event, "event"),
    )
    if quote.text is None:
        return Block("text", f"{capital(head)} {wording.strings['not_shown']}")
    lines = layout.quoted(quote.text[:limit])
    if len(quote.text) > limit:
        lines = (*lines, wording.strings["cut"])
    return Block("quote", capital(head), tuple(("", line) for line in lines))


def _detail(label: str, value: object, wording: Wording) -> str:
    """A detail in words: a code of ours if strings.toml knows it under `<label>_<code>`, else the value as it is."""
    if isinstance(value, str):
        return wording.strings.get(f"{label}_{value.lower()}") or exact(value)
    if isinstance(value, list | tuple | set | frozenset):
        each = sorted(value) if isinstance(value, set | frozenset) else value
        return wording.listed([_detail(label, item, wording) for item in each])
    return wording.said(value)


def _footer(page: Page, footing: str, wording: Wording) -> tuple[Block, ...]:
    """Who sends this and how to reply; a token that locates the ticket where every header was rewritten."""
    said = wording.strings[f"footer_{footing}"].format(desk=exact(page.desk))
    lines = [Block("text", _TWO_STOPS.sub(f".{PDI}", said))]
    if token := page.data.get("token"):
        lines.append(Block("text", exact(token)))
    return tuple(lines)


def _bare(text: str) -> str:
    return text.replace(FSI, "").replace(PDI, "")
