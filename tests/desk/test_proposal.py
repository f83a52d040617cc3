"""The first hour: old mail proposes the sellers that a desk deals with."""

from mailgate.desk.party import Desk, Entity
from mailgate.desk.proposal import Tally, proposals, toml
from mailgate.mail.message import parse

DESK = Desk(name="d", address="desk@shop.test", pack="p", entities={"inc": Entity(helpdesk="help@shop.test")})


def tallied(*pairs: tuple[str, str]) -> Tally:
    tally = Tally()
    for author, to in pairs:
        tally.count(parse(f"From: {author}\r\nTo: {to}\r\nSubject: x\r\n\r\nx\r\n".encode()), DESK)
    return tally


def test_house_that_was_asked_twice_and_answered_is_proposed():
    tally = tallied(
        ("help@shop.test", "support@vendor.example"),
        ("help@shop.test", "support@vendor.example"),
        ("anna@vendor.example", "help@shop.test"),
    )
    (one,) = proposals(tally, ())
    assert (one.support, one.addresses, one.asks, one.answers) == ("support@vendor.example", ("anna@vendor.example",), 2, 1)
    assert 'support = "support@vendor.example"' in toml(one, "UTC")


def test_customers_freemail_and_registered_houses_are_not():
    asks = [("help@shop.test", to) for to in ("a@gmail.com", "a@gmail.com", "s@known.example", "s@known.example")]
    answers = [("a@gmail.com", "help@shop.test"), ("s@known.example", "help@shop.test"), ("c@mail.example", "help@shop.test")]
    assert proposals(tallied(*asks, *answers), ["s@known.example"]) == ()


def test_house_that_never_answered_is_not():
    assert proposals(tallied(*[("help@shop.test", "x@quiet.example")] * 5), ()) == ()
