"""T16: markup of a customer's mail runs, loads or lies in a notice: in all languages, as text and as HTML."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from exchange import Gate
from people import Person

PACK = "clickbank"
LANGUAGES = ("en", "it", "pt-BR", "fa")
EVIL = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", '"><iframe src=//evil.example>',
    "<style>*{display:none}</style>", "<form action=//evil.example><input name=p>", "<base href=//evil.example/>",
    "<a href='javascript:alert(1)'>x</a>", "[click](javascript:alert(1))", "![x](http://evil.example/t.gif)", "</td></table><h1>",
    "<!--", "]]>", "&lt;script&gt;", "<meta http-equiv=refresh content=0>", "<bdi dir=rtl>", "style=position:fixed",
    "\u202e<b>gnp.exe</b>", "<link rel=stylesheet href=//evil.example>", "data:text/html,<script>",
)  # fmt: skip


class Page(HTMLParser):
    """What a mail program would make of the HTML: its elements, and everything that loads, runs or leads somewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("src", "action", "background", "srcset", "formaction"):
                self.wrong.append(f"{tag} {name}={value}")
            if name == "href" and not (value or "").startswith("mailto:"):
                self.wrong.append(f"{tag} href={value}")


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    return page


def plain(gate: Gate, language: str) -> tuple[list[str], str]:
    """The elements of an opening that holds nothing strange."""
    rows = [row for _, row in gate.stage.sent if row.notice == "mail_ticket_opened"]
    assert rows, language
    from mailgate.mail.message import parse

    html = parse(rows[-1].raw).html or ""
    return read(html).elements, html


@pytest.mark.parametrize("language", LANGUAGES)
def test_t16_markup_of_a_mail_is_text_in_every_notice(gate: Gate, consumer: Person, vendor: Person, language: str) -> None:
    """Subject, text, name and file name: the page has the elements of a harmless one, and nothing that loads or runs."""
    gate.registers("shop", language=language)
    consumer.states("A-77", "It does not start.", Seller="shop", Request="support")
    calm, _ = plain(gate, language)
    for number, evil in enumerate(EVIL):
        head = f'From: "{evil.replace(chr(34), "")}" <c{number}@mail.example>\r\nTo: tickets@desk.example\r\nSubject: {evil}\r\n'
        head += f'Message-ID: <{number}@c>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8; name="x"\r\n\r\n'
        raw = f"{head}Seller: shop\r\nRequest: support\r\n\r\n{evil}\r\n".encode()
        gate.stage.receive(raw, gate.now)
        elements, html = plain(gate, language)
        page = read(html)
        assert page.wrong == [], evil
        assert set(elements) <= set(calm), evil
        assert "javascript:alert" not in html or "&#39;javascript:alert" in html or "(javascript:alert" in html
    gate.disregards()


def test_t16_foreign_html_is_never_sent_on(gate: Gate, consumer: Person, vendor: Person) -> None:
    """Design §8: its words are, extracted; what loads, hides or runs is not."""
    html = (
        "".join(EVIL[:11]) + "<p>Seller: shop</p><p>Request: support</p><p>It does not start.</p><img src='http://t.example/x'>"
    )
    head = "From: c@mail.example\r\nTo: tickets@desk.example\r\nSubject: A-77\r\nMessage-ID: <h@c>\r\n"
    head += "Content-Type: text/html\r\n\r\n"
    gate.stage.receive((head + html).encode(), gate.now)
    for _, row in gate.stage.sent:
        assert b"t.example" not in row.raw
        assert b"<script" not in row.raw
    gate.disregards()
