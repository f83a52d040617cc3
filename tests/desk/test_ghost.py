"""Replies that nobody copied to us show in other people's mail (design: ghost replies)."""

from datetime import UTC, datetime

from mailgate.desk.ghost import Ghost, ghosts
from mailgate.desk.party import Seller
from mailgate.desk.ticket import Spoken, Ticket
from mailgate.mail.message import parse

AT = datetime(2026, 6, 9, 14, tzinfo=UTC)
SELLER = Seller(id="acme", support="support@vendor.example", addresses=("anna@vendor.example",))
ASK = Spoken("ask@desk.example", "helpdesk@desk.example", "desk", AT, "asked", "Where is it?", frozenset())
TICKET = Ticket(1, "desk", "p", "case", "waiting", "Order", AT, seller="acme", spoken=(ASK,))


def mail(author: str, references: str = "", text: str = "Thank you!\n") -> bytes:
    head = f"From: {author}\r\nTo: helpdesk@desk.example\r\nSubject: Re: Order\r\nMessage-ID: <x@y.example>\r\n"
    if references:
        head += f"References: {references}\r\n"
    return (head + "\r\n" + text.replace("\n", "\r\n")).encode()


def found(author: str, references: str = "", text: str = "Thank you!\n", known: tuple[str, ...] = ("ask@desk.example",)):
    return ghosts(parse(mail(author, references, text)), "Thank you!", TICKET, SELLER, known)


def test_customer_who_answers_a_reply_that_we_never_saw_is_evidence():
    chain = "<ask@desk.example> <reply-7@vendor.example>"
    assert found("buyer@mail.example", chain) == (Ghost("id", "reply-7@vendor.example"),)


def test_reply_that_we_did_receive_is_none():
    chain = "<ask@desk.example> <reply-7@vendor.example>"
    assert found("buyer@mail.example", chain, known=("ask@desk.example", "reply-7@vendor.example")) == ()


def test_what_was_written_before_the_desk_looked_says_nothing():
    assert found("buyer@mail.example", "<old@vendor.example> <ask@desk.example>") == ()
    assert found("buyer@mail.example", "<old@vendor.example>", known=()) == ()


def test_id_of_another_house_says_nothing():
    assert found("buyer@mail.example", "<ask@desk.example> <reply-7@else.example>") == ()


def test_seller_himself_is_no_witness():
    assert found("anna@vendor.example", "<ask@desk.example> <reply-7@vendor.example>") == ()


def test_quote_of_words_that_the_seller_wrote_to_somebody_else_is_evidence():
    text = (
        "Thank you!\n\nOn Tue, 9 Jun 2026 at 16:00, Acme <support@vendor.example> wrote:\n"
        "> Your parcel left our house on Monday morning.\n> The number is 4711 and it arrives on Friday.\n"
    )
    (only,) = found("buyer@mail.example", text=text)
    assert only.kind == "quote"


def test_quote_of_a_reply_that_we_have_is_none():
    said = "Your parcel left our house on Monday morning.\nThe number is 4711 and it arrives on Friday."
    reply = Spoken("r@vendor.example", "support@vendor.example", "seller", AT, "answered", said, frozenset())
    text = "Thank you!\n\nOn Tue, Acme <support@vendor.example> wrote:\n" + "".join(f"> {line}\n" for line in said.splitlines())
    ticket = Ticket(1, "desk", "p", "case", "waiting", "Order", AT, seller="acme", spoken=(ASK, reply))
    assert ghosts(parse(mail("buyer@mail.example", text=text)), "Thank you!", ticket, SELLER, ()) == ()
