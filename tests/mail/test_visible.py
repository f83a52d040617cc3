"""New text: quotes, heads and signatures go, in any language; a customer's words stay."""

from __future__ import annotations

import time

import pytest

from mailgate.mail.visible import from_html, visible

QUOTE = "\n> Hello,\n> your parcel left.\n"


@pytest.mark.parametrize(
    "attribution",
    [
        "On Mon, Mar 2, 2026 at 9:00 AM Desk <help@desk.example> wrote:",
        "On Mon, Mar 2, 2026 at 9:00 AM Desk\n<help@desk.example> wrote:",
        "Em seg., 2 de mar. de 2026 às 09:00, Desk <help@desk.example>\nescreveu:",
        "Il giorno lun 2 mar 2026 alle ore 09:00 Desk <help@desk.example> ha scritto:",
        "در تاریخ دوشنبه ۲ مارس ۲۰۲۶ ساعت ۹:۰۰ Desk <help@desk.example> نوشت:",
        "Am 02.03.2026 um 09:00 schrieb Desk:",
        "Desk <help@desk.example> schrieb am Mo.,\n2. März 2026, 09:00:",
        "pon., 2 mar 2026 o 09:00 Desk <help@desk.example>\nnapisał(a):",
    ],
)
def test_an_attribution_goes_with_its_quote(attribution: str) -> None:
    """A line or two above a quote that end in a colon and hold a date."""
    assert visible(f"Thank you!\n\n{attribution}\n{QUOTE}", None) == "Thank you!"


@pytest.mark.parametrize(
    "head",
    [
        "-----Original Message-----\nFrom: Desk\nSent: Monday\nTo: Ann\nSubject: x",
        "____________________\nVon: Desk <help@desk.example>\nGesendet: Montag, 2. März 2026 09:00\nAn: Ann\nBetreff: x",
        "*De:* Desk <help@desk.example>\n*Enviado:* segunda-feira, 2 de março de 2026 09:00\n*Para:* Ann\n*Assunto:* x",
        "از: Desk <help@desk.example>\nارسال: ۲ مارس ۲۰۲۶\nبه: Ann\nموضوع: x",
        "---------- Forwarded message ---------\nFrom: Desk <help@desk.example>\nDate: Mon, 2 Mar 2026",
        "On 2 Mar 2026, at 09:00, Desk <help@desk.example> wrote:",
    ],
)
def test_a_head_ends_what_is_new(head: str) -> None:
    """Outlook's and forwarded heads, and a full attribution, are followed by somebody else's words."""
    assert visible(f"Thank you!\n\n{head}\n\nyour parcel left.\n", None) == "Thank you!"


@pytest.mark.parametrize(
    "text",
    [
        "On Monday I wrote to you about the invoice: is there any news?",
        "From: what I understand,\nthe order was cancelled.\n\nBest regards,",
        "De: acordo com o contrato, foi cancelado.",
        "Sent: yesterday\nTo: nobody",
        "> 5 items are broken\nand the rest is fine",
        "My list:\n- one\n- two",
        "price a > b at the shop",
    ],
)
def test_a_customers_words_stay(text: str) -> None:
    """What only looks like a quote is his own."""
    assert visible(text, None) == text


def test_answers_between_and_below_quotes_are_kept() -> None:
    """Inline answers and bottom posts lose the quotes only."""
    text = "Ann wrote on 2 Mar 2026 at 9:00:\n> Which colour?\nRed.\n> Which size?\nLarge.\n\n-- \nTom\n+49 1\n"
    assert visible(text, None) == "Red.\nLarge."


def test_the_answered_mail_is_known_in_any_language() -> None:
    """Text that repeats our own mail is a quote even without marks."""
    ours = "Guten Tag Ann,\nIhr Paket ist unterwegs.\nIhr Team"
    assert visible(f"Danke!\n\n{ours}", None, ours) == "Danke!"


def test_a_mail_that_only_forwards_is_shown() -> None:
    """Nothing new is better shown whole than not at all."""
    text = "---------- Forwarded message ---------\nFrom: a@x.example\nDate: 2 Mar 2026\n\nPlease help"
    assert visible(text, None) == text


@pytest.mark.parametrize(
    "quote",
    [
        '<div class="gmail_quote"><div class="gmail_attr">On Monday Desk wrote:</div><blockquote>old</blockquote></div>',
        '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: Desk</div><div>old</div>',
        '<div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> Desk</p></div><p>old</p>',
        '<div class="yahoo_quoted">old</div>',
        '<div class="moz-cite-prefix">Desk:</div><blockquote type="cite">old</blockquote>',
    ],
)
def test_the_marks_of_mail_clients_end_new_html(quote: str) -> None:
    """Each client marks what it quotes."""
    html = f"<html><head><style>p {{}}</style></head><body><p>Thank&nbsp;you!</p>{quote}</body></html>"
    assert visible("Thank you! old", html) == "Thank you!"


@pytest.mark.parametrize(
    ("tag", "kept"),
    [
        ("<blockquote>", True),
        ('<blockquote style="margin:0 0 0 40px;border:none;padding:0px">', True),
        ('<blockquote type="cite">', False),
        ('<blockquote style="margin:0 0 0 .8ex;border-left:1px #ccc solid">', False),
        ("<p>On 2 Mar 2026, at 09:00, Desk &lt;help@desk.example&gt; wrote:</p><blockquote>", False),
    ],
)
def test_indented_words_are_the_authors_own(tag: str, kept: bool) -> None:
    """Writers indent with blockquote too; a quote is marked by a program, or introduced by words."""
    seen = visible(None, f"<p>Terms of the seller</p>{tag}No refunds.</blockquote>")
    assert ("No refunds." in seen, "seller" in seen) == (kept, True)


@pytest.mark.parametrize(
    "rule", ["-----Oprindelig meddelelse-----", "-----Oorspronkelijk bericht-----", "-----Eredeti üzenet-----"]
)
def test_a_worded_rule_ends_what_is_new_in_many_languages(rule: str) -> None:
    """Outlook's rule says so much by itself that what follows may be bare."""
    assert visible(f"Tak!\n\n{rule}\n\nyour parcel left", None) == "Tak!"


def test_initials_below_two_dashes_are_a_signature_but_an_option_is_not() -> None:
    """Only capitals sign; what looks like a command's option is what somebody writes about."""
    assert visible("It broke.\n\n--MK\n", None) == "It broke."
    assert visible("It broke with\n--rm", None) == "It broke with\n--rm"


def test_html_as_text_has_no_scripts() -> None:
    """Lines, not markup."""
    assert from_html("<div>a<br>b</div><script>x()</script><td>c</td>").split() == ["a", "b", "c"]


@pytest.mark.parametrize(
    "text",
    [
        ">" * 200_000,
        "On Mon\n" * 50_000,
        "-" * 300_000,
        "From: a\nSent: b\n" * 30_000,
        "\n" * 200_000,
        "<" * 200_000,
        "a@b.c " * 30_000,
    ],
)
def test_hostile_text_is_split_in_bounded_time(text: str) -> None:
    """Linear, and cut at the limits."""
    start = time.process_time()
    visible(text, None, "some text\nof ours\n" * 1000)
    visible(None, text)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("tag", ["<div>", "<a ", "<!--", "<b><p>", "<table>", "<blockquote>", "</"])
def test_hostile_html_is_read_in_bounded_time(tag: str) -> None:
    """Depth costs no more than length."""
    start = time.process_time()
    visible(None, tag * 50_000)
    assert time.process_time() - start < 3
