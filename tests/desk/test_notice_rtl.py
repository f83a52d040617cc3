"""Notices from right to left: Persian as the example, its marks in the text, its tags in the HTML, its spelling."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import notice_pages as pages
import pytest
from notice_pages import FSI, PDI, RLM, shipped

from mailgate.desk.notice import Page, Quote, render

EVERY = [pytest.param(name, page, id=f"{one}-{name}") for one in pages.LANGUAGES for name, page in pages.variants(one)]
PERSIAN = [pytest.param(name, page, id=name) for name, page in pages.variants("fa")]
LISTS = [pytest.param(one, pages.suppression(one, "fa"), id=f"fa-{one}") for one in (*pages.providers(), "acme_relay")]


@pytest.mark.parametrize(("name", "page"), EVERY + LISTS)
def test_each_line_finds_its_own_direction(name: str, page: Page) -> None:
    """Isolates only where they are needed, each closed on its line; no line of a Persian notice starts left to right."""
    made = render(page, shipped())
    assert not re.search(f"[{FSI}{PDI}{RLM}]", made.subject)
    if page.language != "fa":
        assert not re.search(f"[{FSI}{PDI}{RLM}]", made.text)
        return
    for line in made.text.splitlines():
        assert line.count(FSI) == line.count(PDI)
        outside = re.sub(f"{FSI}[^{FSI}{PDI}]*{PDI}", "", line)
        if line not in ("", "-- ") and not line.startswith("  mailto:"):
            assert not re.search("[A-Za-z]", outside), line
            for seen in (line, outside):  # some readers skip isolates here, some do not
                strong = [kind for kind in map(unicodedata.bidirectional, seen) if kind in ("L", "R", "AL")]
                assert strong[:1] in (["R"], ["AL"]), line


@pytest.mark.parametrize(("name", "page"), PERSIAN + LISTS)
def test_persian_is_spelled_with_persian_letters_and_digits(name: str, page: Page) -> None:
    """No Arabic yeh and kaf, no Latin comma or question mark, no loose half-space; digits that are not Latin."""
    made = render(replace(page, subject=""), shipped())
    ours = re.sub(f"{FSI}[^{FSI}{PDI}]*{PDI}|mailto:.*", "x", made.text)
    assert not re.search("[0-9,;?\u064a\u0643\u06c0\u06c2\u0660-\u0669]", ours)
    assert not re.search(r"\s\u200c|\u200c\s|\u200c\u200c|\u200c[^\w]| [،؛؟.:»)]|[(«] ", ours)


def test_persian_reads_from_right_to_left() -> None:
    """dir on the cells, isolates around ids and addresses, Jalali dates with the Gregorian day, own digits outside ids."""
    made = render(pages.page("remind", "fa", history=()), shipped())
    assert made.subject == f"[MG-42] یادآوری ۱ از ۲: {pages.SUBJECT}"
    said = " ".join(made.text.split())
    assert "دوشنبه ۲۵ خرداد ۱۴۰۵، ساعت ۰۲:۰۰ به وقت تهران (۱۵ ژوئن ۲۰۲۶)" in said
    assert f"{FSI}{pages.HELPDESK}{PDI}" in made.text
    assert f"<bdi>{pages.HELPDESK}</bdi>" in made.html
    assert f"تیکت {FSI}MG-42{PDI}" in made.text
    assert made.html.count('dir="rtl"') > 5
    assert "text-align:right" in made.html
    assert "text-align:left" not in re.sub("<blockquote[^>]*>", "", made.html)


@pytest.mark.parametrize(("text", "runs"), [("Hi, سلام", "ltr"), ("«سلام» hi", "rtl"), ("12 / 7", "rtl")])
def test_a_quoted_message_runs_as_its_author_wrote(text: str, runs: str) -> None:
    """Its bar stands where its lines begin; numbers alone run as the notice does."""
    quote = Quote(pages.ASKED, pages.VENDOR, "seller", "wrote", text)
    html = render(pages.page("remind", "fa", latest=quote, history=()), shipped()).html
    side = "right" if runs == "rtl" else "left"
    assert re.search(f'<blockquote dir="{runs}" style="[^"]*border-{side}:3px[^"]*text-align:{side};">', html)


def test_an_isolate_ends_with_its_line() -> None:
    """A reader takes each line of a text for a paragraph, so a long quotation is isolated line by line."""
    data = {**pages.TICKET["alert_delivery"], "diagnostic": "mailbox full " * 20}
    lines = render(pages.page("alert_delivery", "fa", data=data), shipped()).text.splitlines()
    long = [line for line in lines if "mailbox full mailbox" in line]
    assert len(long) > 2
    assert all(line.count(FSI) == line.count(PDI) for line in long)
    assert long[1].startswith(f"{RLM}{FSI}")
