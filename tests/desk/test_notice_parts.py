"""The parts of a notice: in which order they stand, how bars and strangers' words are laid out, what a history holds."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import notice_pages as pages
import pytest
from notice_pages import MARKS, shipped

from mailgate.desk.layout import Block, blocks
from mailgate.desk.notice import Page, Quote, Rendered, render
from mailgate.desk.template import Foreign

HEADINGS = ("heading_latest", "heading_actions", "heading_ticket", "heading_order", "heading_history")


@pytest.mark.parametrize("language", pages.LANGUAGES)
@pytest.mark.parametrize("notice", sorted(pages.TICKET))
def test_the_parts_stand_in_the_order_of_the_rules(notice: str, language: str) -> None:
    """docs/rules.md C-47, C-48: the reason, the latest comment, the links, the ticket, the order, the history."""
    links = (("close", pages.MAILTO + "close"),)
    made = render(pages.page(notice, language, actions=links, order=(("amount", "USD 1"),)), shipped())
    words = [shipped().strings[language][one].format(ticket="MG-42") for one in HEADINGS]
    lines = made.text.translate(MARKS).splitlines()
    found = [line for line, below in zip(lines, lines[1:], strict=False) if re.fullmatch("=+", below)]
    assert found == words


def test_details_of_the_order_are_said_as_those_of_the_ticket() -> None:
    """Codes in words, dates in the reader's form, the rest as it is."""
    text = render(pages.page("status", order=(("kind", "refund"), ("number", "BM-1"), ("subscription", True))), shipped()).text
    _, _, facts = text.partition("Order\n=====\n\n")
    assert facts.startswith("Kind:              refund\nTicket:            BM-1\nRecurring payment: yes\n")
    assert "Order\n=====" not in render(pages.page("status", order=()), shipped()).text


def test_a_closing_carries_the_whole_history() -> None:
    """C-43: every message, the latest too, beyond the ten that other notices list; each is still cut at its length."""
    quotes = tuple(
        Quote(pages.ASKED - timedelta(hours=n), f"a{n}@b.example", "customer", "wrote", "word " * 400) for n in range(25)
    )
    made = {whole: render(_closing(quotes, whole), shipped()).text for whole in (True, False)}
    assert {whole: len(re.findall(r"a\d+@b\.example", text)) for whole, text in made.items()} == {True: 26, False: 11}
    assert "Earlier messages not listed here: 14." in made[False]
    assert "Earlier messages" not in made[True]
    assert made[True].count("[... the rest is in the message itself]") == 25


def _closing(quotes: tuple[Quote, ...], whole: bool) -> Page:
    return pages.page("mail_ticket_closed", latest=quotes[0], history=quotes, whole=whole)


def _answered(text: str, language: str = "en") -> Rendered:
    data = {**pages.TICKET["mail_customer"], "text": text}
    return render(pages.page("mail_customer", language, data=data, latest=None), shipped())


def test_the_sellers_words_reach_the_customer_in_their_own_lines() -> None:
    """Longer than a value may be, with its paragraphs; as a quotation in both forms."""
    made = _answered("Hello Ana,\r\n\r\n" + "onward " * 90 + "\n\n\nTom")
    body = made.text.partition("\n\n\n")[0]
    assert body.count("onward") == 90
    assert "> Hello Ana,\n>\n> onward" in body
    assert body.count("\n>\n") == 2
    assert "<blockquote" in made.html


@pytest.mark.parametrize("evil", ["! Pay me", "- item", "\n\n! Pay me\n\n- now", "{{ 7*7 }}{% set footer = 'all' %}", "> > deep"])
def test_quoted_words_stay_a_quotation(evil: str) -> None:
    """No line of a stranger becomes ours: a call, a list, a footer."""
    plain, made = _answered("x"), _answered(evil)
    ours = [line for line in made.text.splitlines() if not line.startswith(">")]
    assert ours == [line for line in plain.text.splitlines() if not line.startswith(">")]


def test_quoted_words_have_an_end() -> None:
    """A message of a book's length is cut, and says so."""
    made = _answered("word " * 40_000)
    assert "> [... the rest is in the message itself]" in made.text
    assert len(made.text) < 6000


def test_foreign_text_is_one_line_that_knows_its_own() -> None:
    """So only the filter `quoted` sees the lines."""
    text = Foreign("a\nb\u202e")
    assert text == "a b"
    assert text.whole == "a\nb\u202e"


def test_a_list_with_bars_is_laid_out_as_a_table() -> None:
    """So that the bars begin in one column; a list without them, or with an item that has no label, stays a list."""
    said: dict[str, Any] = {"- a: █ 1\n- b: 0": "facts", "- a: 1\n- b: 0": "list", "- a: █ 1\n- b": "list"}
    assert {text: block.kind for text in said for block in blocks(text)} == said
    assert next(blocks("- New: █ 1 (2)\n- Old: 0")) == Block("facts", items=(("New", "█ 1 (2)"), ("Old", "0")))


@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_a_report_draws_its_numbers(language: str) -> None:
    """Each bar with its number in one isolate; in HTML it is no higher than a line and runs as the language does."""
    page = pages.page("weekly_report", language)
    made = render(replace(page, data={**page.data, "rows": (("tickets", 3, 1), ("late", 0, 1))}), shipped())
    three = shipped().strings[language].get("digits", "0123456789")[3]
    assert f"███ {three}" in made.text
    way = ' dir="rtl"' if language == "fa" else ""
    assert f'<bdi{way}><span style="font-size:9px;">███</span>\u00a0{three}</bdi>' in made.html
