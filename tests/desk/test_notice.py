"""Notices: every one of them, byte for byte, and the promises that hold for all: width, same words, no code from mail."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import notice_pages as pages
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from mailgate.desk.notice import Page, Quote, Templates, clean_subject, lint, render, variables
from mailgate.mail.address import Mailbox
from mailgate.mail.automatic import classify
from mailgate.mail.compose import Draft, compose
from mailgate.mail.message import parse

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"


def _each() -> Iterator[Any]:
    for language in pages.LANGUAGES:
        for name, page in pages.variants(language):
            yield pytest.param(name, page, id=f"{language}-{name}")


EVERY = list(_each())
LISTS = [
    pytest.param(provider, pages.suppression(provider, language), id=f"{language}-{provider}")
    for language in pages.LANGUAGES
    for provider in (*pages.providers(), "acme_relay")
]


def _mail(name: str, page: Page) -> bytes:
    made = render(page, pages.shipped())
    return compose(
        Draft(
            author=Mailbox(page.desk, pages.HELPDESK),
            to=(Mailbox("", pages.VENDOR),),
            cc=(Mailbox("", pages.HELPDESK),),
            reply_to="helpdesk+t42.7.cu5brry3c7oel6qkrb73g76pcm@megastore.example",
            subject=made.subject,
            text=made.text,
            html=made.html,
            message_id=f"mg.42.{name}@megastore.example",
            in_reply_to="ask-1@megastore.example",
            references=("ask-1@megastore.example",),
            date=datetime(2026, 6, 14, 22, 30, tzinfo=UTC),
            language=made.language,
            kind=page.notice,
        )
    )


@pytest.mark.parametrize(("name", "page"), EVERY)
def test_a_notice_leaves_as_its_golden_file_says(name: str, page: Page, golden_write: bool) -> None:
    """Byte for byte; `pytest --golden-write` writes them anew."""
    file = GOLDEN / page.language / f"{name}.eml"
    mail = _mail(name, page)
    if golden_write:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(mail)
    assert file.read_bytes() == mail


def test_every_golden_file_has_its_notice() -> None:
    """A file that nothing renders any more would rot."""
    expected = {f"{language}/{name}.eml" for language in pages.LANGUAGES for name, _ in pages.variants(language)}
    assert {str(file.relative_to(GOLDEN)) for file in GOLDEN.rglob("*.eml")} == expected


@pytest.mark.parametrize(("name", "page"), EVERY + LISTS)
def test_the_text_keeps_to_its_columns(name: str, page: Page) -> None:
    """At most 78 columns, links aside; nothing but the signature mark ends in a space; no unfilled place."""
    lines = render(page, pages.shipped()).text.splitlines()
    wide = [
        line
        for line in lines
        if len(re.sub("[\u200c\u0654\u064b]", "", line.translate(pages.MARKS))) > 78 and not line.startswith("  mailto:")
    ]
    assert wide == []
    assert [line for line in lines if line != line.rstrip()] == ["-- "]
    assert not re.search(r"[{}]|\bNone\b", "\n".join(lines))


@pytest.mark.parametrize(("name", "page"), EVERY + LISTS)
def test_both_forms_say_the_same_words(name: str, page: Page) -> None:
    """Nobody reads more, or less, because of the mail program he has."""
    made = render(page, pages.shipped())
    plain = made.text.translate(pages.MARKS).splitlines()
    lines = (line for line in plain if not line.startswith(("==", "  mailto:")) and line != "-- ")
    text = " ".join(re.sub(r"^(> ?|- )", "", line) for line in lines)
    assert _words(made.html) == [word for word in (one.strip(":") for one in text.split()) if word]


def _words(html: str) -> list[str]:
    body = LexborHTMLParser(html).body
    assert body is not None
    return [word for word in (one.strip(":") for one in body.text(separator="").split()) if word]


@pytest.mark.parametrize(("provider", "page"), LISTS)
def test_an_alert_says_whose_list_it_is_and_who_lifts_it(provider: str, page: Page) -> None:
    """D-10. A provider that strings.toml does not know, such as an admin's own, keeps its name and gets the general words."""
    strings = pages.shipped().strings[page.language]
    said = " ".join(render(page, pages.shipped()).text.translate(pages.MARKS).split())
    lift = strings.get(f"lift_{provider}", strings["lift_generic"])
    assert " ".join(lift.translate(pages.MARKS).split()) in said
    if provider not in ("generic", "acme_relay"):
        assert strings[f"provider_{provider}"].translate(pages.MARKS) in said
    assert ("acme relay" in said) == (provider == "acme_relay")


@pytest.mark.parametrize(("name", "page"), EVERY)
def test_the_html_is_safe_for_every_mail_program(name: str, page: Page) -> None:
    """Tables with role, lang and dir (body attributes get lost), no images, scripts, backgrounds or fixed colours."""
    html = render(page, pages.shipped()).html
    tree = LexborHTMLParser(html)
    assert all(table.attributes.get("role") == "presentation" for table in tree.css("table"))
    inner = tree.css("body > table, body > table table, td")
    assert all({"lang", "dir"} <= set(node.attributes) for node in inner)
    assert not tree.css("img, script, link, form, iframe, object")
    assert not re.search(r"background|[; \"]color:\s*[#a-z]|url\(|http", html.replace("color-scheme", ""))
    assert "color-scheme: light dark" in html
    assert "max-width:600px" in html


@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_the_subject_carries_our_tag_and_no_other(language: str) -> None:
    """`[#7]` would file our notice under somebody's Freshdesk case; `[MG-9]` under another ticket of ours."""
    page = pages.page("remind", language, subject="Re: [#7] [MG-9] \u202eevil\r\nBcc: x\u2028 {{7*7}} =?utf-8?q?a?=")
    subject = render(page, pages.shipped()).subject
    assert subject.startswith("[MG-42] ")
    assert subject.endswith(": Re: (#7) evil Bcc: x {{7*7}} =?utf-8?q?a?=")
    assert clean_subject("[ mg-12 ] Hello [#5 x]") == "Hello (#5 x)"


HOSTILE = "{{7*7}} {% raw %} {{ desk.__class__ }} <script>alert(1)</script> &amp; \u202e"


@pytest.mark.parametrize("notice", sorted({**pages.TICKET, **pages.OTHER}))
def test_mail_text_is_never_code(notice: str) -> None:
    """`{{7*7}}` in a subject, a quote, a detail or the data appears literally; markup is escaped."""
    page = pages.page(notice)
    quote = Quote(pages.ASKED, HOSTILE, "customer", HOSTILE, HOSTILE)
    data = {key: HOSTILE if isinstance(value, str) else value for key, value in page.data.items()}
    evil = replace(
        page,
        subject=HOSTILE,
        data=data,
        latest=quote,
        history=(pages.ASKED_QUOTE, quote),
        details=((HOSTILE, HOSTILE),),
        desk=HOSTILE,
    )
    made = render(evil, pages.shipped())
    assert "{{7*7}}" in made.text
    assert "{{7*7}}" in made.html
    assert "<script" not in made.html
    assert "&lt;script&gt;" in made.html
    assert "\u202e" not in made.subject + made.text + made.html
    assert "49" not in made.text.replace("ASKED", "")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.text(max_size=60))
def test_no_text_breaks_a_notice(text: str, name: str) -> None:
    """Whatever people write, the notice is made, is bounded, and its text holds no control characters."""
    quote = Quote(pages.ASKED, name, name, name, text)
    made = render(pages.page("escalate", latest=quote, history=(quote,) * 30, subject=text), pages.shipped())
    assert len(made.subject) <= 200
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", made.text)


def test_a_message_that_the_reader_was_not_addressed_on_is_listed_only() -> None:
    """docs/rules.md G-14: a notice quotes only what its reader may see."""
    hidden = Quote(pages.ASKED, "ana.souza@mail.example", "customer", "wrote", None)
    made = render(pages.page("remind", latest=hidden, history=()), pages.shipped())
    assert "ana.souza@mail.example (customer)\nwrote: (not addressed to you" in made.text
    assert "<blockquote" not in made.html


@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_a_name_that_ends_in_a_stop_ends_a_sentence_alone(language: str) -> None:
    """`Megastore Inc.` is a common title of a desk."""
    for notice in ("escalate", "alert_delivery", "remind"):
        made = render(pages.page(notice, language, desk="Megastore Inc."), pages.shipped())
        assert ".." not in made.text.replace("[...", "").translate(pages.MARKS)


def test_a_suspicion_is_told_as_one_and_each_instant_once() -> None:
    """Two signs may come in one mail."""
    data = {**pages.TICKET["escalate"], "suspected_replies": (pages.ASKED, pages.ASKED, pages.DUE)}
    said = " ".join(render(pages.page("escalate", data=data), pages.shipped()).text.split())
    told = "signs of it on Fri 12 Jun 2026, 18:30 (New York time) and Sun 14 Jun 2026, 18:30 (New York time)."
    assert "This is only a suspicion" in said
    assert told in said.replace("\u00a0", " ")


def test_long_messages_are_cut_and_say_so() -> None:
    """Gmail hides what comes after 102 KB. The latest message is not told twice."""
    quote = Quote(pages.ASKED, "a@b.example", "customer", "wrote", "word " * 40_000)
    older = replace(quote, at=pages.ASKED - timedelta(days=1))
    made = render(pages.page("remind", latest=quote, history=(quote, *(older,) * 50)), pages.shipped())
    assert made.text.count("[... the rest is in the message itself]") == 11
    assert "Earlier messages not listed here: 40." in made.text
    assert len(made.html.encode()) < 60_000


@pytest.mark.parametrize(
    ("wanted", "written"), [("pt-BR", "pt-BR"), ("pt-PT", "pt-BR"), ("PT", "pt-BR"), ("en-GB", "en"), ("de", "en"), ("", "en")]
)
def test_a_language_falls_back(wanted: str, written: str) -> None:
    """To its base language, to another region of it, then to English."""
    assert render(pages.page("remind", wanted), pages.shipped()).language == written


def test_what_a_template_names_must_be_there() -> None:
    """A missing fact is our mistake and never an empty place in a mail."""
    page = pages.page("remind")
    short = {name: value for name, value in page.data.items() if name != "due_at"}
    with pytest.raises(ValueError, match="due_at"):
        render(replace(page, data=short), pages.shipped())
    with pytest.raises(ValueError, match="no language has a template"):
        render(replace(page, notice="nonsense"), pages.shipped())


def test_an_action_is_a_mail_and_nothing_else() -> None:
    """Link scanners open web links; a mailto waits for a person."""
    with pytest.raises(ValueError, match="mailto"):
        render(pages.page("remind", actions=(("close", "https://desk.example/close"),)), pages.shipped())


@pytest.mark.parametrize("notice", sorted({**pages.TICKET, **pages.OTHER}))
def test_the_pages_hold_exactly_what_the_templates_name(notice: str) -> None:
    """So the golden files show every fact."""
    assert variables(pages.shipped().notices["en"][notice]) == set(pages.page(notice).data)


def test_the_shipped_templates_are_complete() -> None:
    """Every language has every notice, every word and every variable, and no word that the others lack."""
    whole = pages.shipped()
    assert sorted(whole.notices) == sorted(whole.strings) == sorted(pages.LANGUAGES)
    assert lint(whole) == ()
    optional = {"calendar", "when_jalali", "day_jalali", "digits", "list_comma", "list_and"}
    assert {name: strings.keys() - whole.strings["en"].keys() for name, strings in whole.strings.items()} == {
        **dict.fromkeys(pages.LANGUAGES, set()),
        "fa": optional,
    }
    assert {name: whole.notices[name].keys() for name in pages.LANGUAGES} == dict.fromkeys(
        pages.LANGUAGES, whole.notices["en"].keys()
    )


@pytest.mark.parametrize("language", pages.LANGUAGES)
@pytest.mark.parametrize("notice", sorted({**pages.TICKET, **pages.OTHER}))
def test_every_language_asks_the_same_of_the_reader(notice: str, language: str) -> None:
    """The same foot, the same cases, the same steps to take, the same lists."""
    assert _shape(pages.shipped().notices[language][notice]) == _shape(pages.shipped().notices["en"][notice])


def _shape(source: str) -> list[str]:
    """The lines of a template that are tags alone, and for each other line what it begins with."""
    lines = re.sub(r"\{#.*?#\}\n?", "", source).strip().splitlines()
    return [
        line if re.fullmatch(r"\{%[^%]*%\}", line) else line[:2] if line[:2] in ("! ", "- ", "") else "words" for line in lines
    ]


def test_lint_names_what_a_language_lacks() -> None:
    """One sentence each, with the file."""
    whole = pages.shipped()
    strings = {key: value for key, value in whole.strings["pt-BR"].items() if key != "cut"} | {"quote": "{when}"}
    notices = {**whole.notices["pt-BR"], "remind": "Oi\n\n{{ nobody }}", "escalate": "{% if %}"}
    del notices["needs_you"]
    broken = Templates({**whole.notices, "pt-BR": notices}, {**whole.strings, "pt-BR": strings}, whole.frame)
    said = lint(broken)
    assert "pt-BR lacks the notice needs_you" in said
    assert "pt-BR/strings.toml lacks cut" in said
    assert "pt-BR/strings.toml: quote fills other places than in en" in said
    assert "pt-BR/remind.txt names nobody, which en does not" in said
    assert "pt-BR/remind.txt does not name due_at, which en does" in said
    assert any(sentence.startswith("pt-BR/escalate.txt is no template") for sentence in said)


def test_lint_reads_another_calendar() -> None:
    """Its patterns are there, name what a date has, and ten digits are ten."""
    whole = pages.shipped()
    strings = {**whole.strings["fa"], "when_jalali": "{day} {hour}", "digits": "۰۱۲"}
    del strings["day_jalali"]
    said = lint(Templates(whole.notices, {**whole.strings, "fa": strings}, whole.frame))
    assert "fa/strings.toml lacks day_jalali" in said
    assert "fa/strings.toml: when_jalali names hour, which no date has" in said
    assert "fa/strings.toml: digits needs the ten digits from 0 to 9" in said


def test_a_token_that_locates_stands_at_the_foot() -> None:
    """For relays that rewrite every header (mail.token.body_token)."""
    page = pages.page("remind")
    made = render(replace(page, data={**page.data, "token": "MG-cu5brry3c7oel6qkrb73g76pcm-42"}), pages.shipped())
    assert made.text.endswith("\nMG-cu5brry3c7oel6qkrb73g76pcm-42\n")
    assert "MG-cu5brry3c7oel6qkrb73g76pcm-42" in made.html


@pytest.mark.parametrize("notice", ["escalate", "propose_takeover", "needs_you", "warn_due", "unknown_seller"])
def test_internal_notices_say_that_they_are(notice: str) -> None:
    """docs/rules.md G-14: answers to them stay inside."""
    for language in pages.LANGUAGES:
        made = render(pages.page(notice, language), pages.shipped())
        foot = " ".join(made.text.translate(pages.MARKS).rpartition("-- \n")[2].split())
        assert foot == pages.shipped().strings[language]["footer_internal"].format(desk="Megastore")


def test_no_notice_reads_like_an_automatic_acknowledgement() -> None:
    """Other helpdesks drop what sounds like "we received your request"; our own classifier stands for theirs."""
    for file in GOLDEN.rglob("*.eml"):
        assert classify(parse(file.read_bytes()), None, None, False) == "human", file


def test_golden_files_read_as_mail() -> None:
    """Any mail library takes them without a complaint."""
    for file in GOLDEN.rglob("*.eml"):
        parsed = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        assert not [part.defects for part in parsed.walk() if part.defects]
        assert parsed["Content-Language"] == file.parent.name
