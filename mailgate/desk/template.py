"""Read template files: the sandbox they run in, the filters they may use, and what is missing from a language.

Templates are the admin's and are trusted to be words; the data that fill them are strangers' and are never compiled:
`{{7*7}}` in a mail stays `{{7*7}}`. A name that the page does not hold is an error, not an empty place. Filters:
`when`, `day`, `duration`, `joined` say a value; `word` and `words` say codes of ours by strings.toml; `counting` says
how time was counted; `bar` draws a number; `capital` begins a sentence; `exact` isolates text that is not of the
language (ids, addresses, subjects); `quoted` keeps a stranger's text in its own lines, each behind "> ".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any, Literal

from jinja2 import StrictUndefined, Template, TemplateError, meta, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

from mailgate.desk.command_words import clashes, words_from
from mailgate.desk.layout import direction, quoted
from mailgate.desk.wording import BLOCK, BLOCKS, FSI, PDI, RLM, VALUE_LIMIT, Wording, exact
from mailgate.mail.compose import one_line

LAST_RESORT = "en"
QUOTE_LIMIT = 4000
FROM_PAGE = frozenset({"desk", "ticket", "subject"})
OWN_STRINGS = (
    "when day zone zone_twice business_day business_days working_hour working_hours counted_elapsed counted_paused "
    "heading_latest heading_ticket heading_details heading_order heading_actions heading_history "
    "quote not_shown cut earlier footer_all footer_reply footer_internal value_true value_false value_none"
)

OF_A_DAY = frozenset({"weekday", "day", "month", "year", "gregorian"})
PATTERNS = {"when_jalali": OF_A_DAY | {"time", "zone"}, "day_jalali": OF_A_DAY}  # what calendar = "jalali" asks for

_TAGS_ONLY = re.compile(r"(?m)^[ \t]*((?:\{[%#](?:(?![%#]\}).)*[%#]\}[ \t]*)+)\n")  # such a line is no line of the notice
_PLACE = re.compile(r"\{(\w+)\}")
_BAR = re.compile(f"{BLOCK}+")


class Foreign(str):
    """Text from outside as one clean line; `whole` is what it was made from, for the filter `quoted`."""

    whole: str

    def __new__(cls, text: str) -> Foreign:
        """The line, cut where a value of a notice ends."""
        made = super().__new__(cls, one_line(text, VALUE_LIMIT))
        made.whole = text
        return made


@dataclass(frozen=True)
class Templates:
    """The files under templates/ as text: language -> notice -> file, language -> key -> word, and the HTML frame."""

    notices: Mapping[str, Mapping[str, str]]
    strings: Mapping[str, Mapping[str, str]]
    frame: str

    @cached_property
    def words(self) -> Mapping[str, tuple[str, ...]]:
        """The words of commands (`command_…`) of all languages together."""
        return words_from(self.strings)


def lint(templates: Templates) -> tuple[str, ...]:
    """What is missing or odd in the templates, one sentence each; English is the measure. Empty: all is well."""
    return tuple(_lint(templates))


@lru_cache(maxsize=1024)
def variables(source: str) -> frozenset[str]:
    """The names that a template expects in Page.data. Raises ValueError for a template that does not parse."""
    try:
        return frozenset(meta.find_undeclared_variables(_BODY.parse(source))) - FROM_PAGE
    except TemplateError as error:
        raise ValueError(error.message) from error


def _lint(templates: Templates) -> Iterator[str]:
    words, notices = templates.strings.get(LAST_RESORT, {}), templates.notices.get(LAST_RESORT, {})
    yield from (f"en/strings.toml lacks {key}" for key in OWN_STRINGS.split() if key not in words)
    yield from (f"strings.toml: {said}" for said in clashes(words_from(templates.strings)))
    for language in sorted(templates.notices.keys() | templates.strings.keys()):
        theirs, strings = templates.notices.get(language, {}), templates.strings.get(language, {})
        yield from (f"{language} lacks the notice {name}" for name in sorted(notices.keys() - theirs.keys()))
        yield from (f"{language} has the notice {name}, which en lacks" for name in sorted(theirs.keys() - notices.keys()))
        yield from (f"{language}/strings.toml lacks {key}" for key in sorted(words.keys() - strings.keys()))
        for key in sorted(words.keys() & strings.keys()):
            if set(_PLACE.findall(words[key])) != set(_PLACE.findall(strings[key])):
                yield f"{language}/strings.toml: {key} fills other places than in en"
        yield from _lint_dates(f"{language}/strings.toml", strings)
        for name in sorted(theirs):
            yield from _lint_notice(f"{language}/{name}.txt", theirs[name], notices.get(name, theirs[name]))


def _lint_dates(file: str, strings: Mapping[str, str]) -> Iterator[str]:
    """What a language that counts by another calendar or in other digits must say, and the others may leave out."""
    if strings.get("calendar") == "jalali":
        yield from (f"{file} lacks {key}" for key in PATTERNS if key not in strings)
    for key in PATTERNS.keys() & strings.keys():
        for place in sorted(set(_PLACE.findall(strings[key])) - PATTERNS[key]):
            yield f"{file}: {key} names {place}, which no date has"
    if len(strings.get("digits", "0123456789")) != 10:
        yield f"{file}: digits needs the ten digits from 0 to 9"


def _lint_notice(file: str, source: str, measure: str) -> Iterator[str]:
    try:
        names, expected = variables(source), variables(measure)
    except ValueError as error:
        yield f"{file} is no template: {error}"
        return
    if "\n\n" not in source.strip():
        yield f"{file} needs a subject line, a blank line and a body"
    yield from (f"{file} does not name {name}, which en does" for name in sorted(expected - names))
    yield from (f"{file} names {name}, which en does not" for name in sorted(names - expected))


def _say(context: Context, value: Any, way: Literal["when", "day", "duration", "joined"]) -> str:
    return str(getattr(context["wording"], way)(value))


@pass_context
def _word(context: Context, code: object, kind: str, otherwise: str = "") -> str:
    return str(context["wording"].word(code, kind, otherwise))


@pass_context
def _words(context: Context, codes: Iterable[object], kind: str) -> str:
    wording: Wording = context["wording"]
    return wording.listed([wording.word(code, kind) for code in codes])


@pass_context
def _counting(context: Context, pauses: Any) -> str:
    """How time was counted: a sentence as given, or made from the codes of what stopped the clock."""
    strings = context["wording"].strings
    if isinstance(pauses, str):
        return pauses
    return str(
        strings["counted_paused"].format(pauses=_words(context, pauses, "pause")) if pauses else strings["counted_elapsed"]
    )


@pass_context
def _bar(context: Context, n: int, most: int = BLOCKS) -> str:
    return str(context["wording"].bar(n, most))


@pass_context
def _quoted(context: Context, text: str) -> str:
    """The lines of a foreign text, which layout.blocks makes a quote of."""
    whole = getattr(text, "whole", text)
    lines = quoted(whole[:QUOTE_LIMIT])
    rest = (context["wording"].strings["cut"],) if len(whole) > QUOTE_LIMIT else ()
    return "\n".join(f"> {line}".rstrip() for line in (*lines, *rest))


@pass_context
def _final(context: Context, value: Any) -> Any:
    return context["wording"].said(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _isolated(text: str) -> Markup:
    """Escaped, with the isolates of the text form as <bdi> (HTML §4.5.24), and bars no higher than the words around."""
    marked = str(escape(text)).replace(f"{FSI}{RLM}", '<bdi dir="rtl">').replace(FSI, "<bdi>").replace(PDI, "</bdi>")
    return Markup(_BAR.sub(r'<span style="font-size:9px;">\g<0></span>', marked))  # noqa: S704


def capital(text: str) -> str:
    """`text` with its first letter large."""
    return text[:1].upper() + text[1:]


def _direction(lines: Iterable[tuple[str, str]], otherwise: str) -> str:
    """Which way a quoted message runs; not dir="auto", which Outlook does not know."""
    return direction((words for _, words in lines), otherwise)


_BODY = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, finalize=_final)  # noqa: S701
for _way in ("when", "day", "duration", "joined"):
    _BODY.filters[_way] = pass_context(partial(_say, way=_way))
_BODY.filters |= {"word": _word, "words": _words, "counting": _counting, "exact": exact, "capital": capital}
_BODY.filters |= {"bar": _bar, "quoted": _quoted}
_FRAME = SandboxedEnvironment(undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True)
_FRAME.filters |= {"isolated": _isolated, "direction": _direction}


@lru_cache(maxsize=512)
def compiled(source: str) -> Template:
    """A notice's template, ready to fill. Raises ValueError with Jinja's sentence when it does not parse."""
    try:
        return _BODY.from_string(_TAGS_ONLY.sub(r"\1", source))
    except TemplateError as error:
        raise ValueError(str(error)) from error


@lru_cache(maxsize=8)
def frame(source: str) -> Template:
    """The HTML frame, ready to fill; everything put into it is escaped."""
    return _FRAME.from_string(source)
