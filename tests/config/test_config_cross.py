"""What no single file answers: desks, sellers, doors, packs and templates have to fit together."""

from __future__ import annotations

import pytest

from mailgate import config

DESK = '[desk.support]\naddress = "support@shop.test"\npack = "digistore24"\nstaff = ["ops@people.test"]\n'
SELLER = '[seller]\nsupport = "help@acme.test"\nentities = ["inc"]\n'


def found(place, *overrides: str) -> tuple[list[str], list[str]]:
    """(errors, warnings), as printed, with the directory cut off."""
    errors, warnings = config.check(place, overrides)
    return [str(p).replace(f"{place}/", "") for p in errors], [str(p).replace(f"{place}/", "") for p in warnings]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (DESK.replace("ops@people", "Support+ops@SHOP"), "staff: expected no address that a desk answers for"),
        (DESK + '[desk.b]\naddress="SUPPORT@shop.test"\npack="digistore24"\n', "desk.b.address: expected an address of"),
        (DESK + '[desk.b]\naddress="b@shop.test"\naliases=["support@shop.test"]\npack="digistore24"\n', "desk.b.aliases"),
        (DESK + 'language = "xx"\n', "desk.support.language: expected one of"),
        (DESK + 'zone = "Mars/Base"\n', "desk.support.zone: expected a zone"),
        (DESK + 'hand_on = "http://x"\n', "desk.support.hand_on: expected"),
        (DESK + 'hand_on = "smtp://localhost:8025"\n', "desk.support.hand_on: expected no door of mailgate's own"),
        (DESK.replace("digistore24", "nobody"), "desk.support.pack: expected one of"),
        ("[desk]\n", "desk: expected at least one [desk.NAME]"),
        ("desk = 3\n", "desk: expected tables such as [desk.support]"),
        (DESK + "[seller]\n", "seller: expected a known table"),
    ],
)
def test_desk_that_does_not_fit_is_an_error(place, write, text, line):
    write("desks.toml", text)
    errors, _ = found(place)
    assert any(line in error for error in errors), errors


def test_desk_language_is_served_by_a_relative(place, write):
    """Portuguese readers get the Brazilian notices until there are others."""
    write("desks.toml", DESK + 'language = "pt"\n')
    assert found(place)[0] == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (SELLER.replace("inc", "icn"), 'seller.entities: expected one of inc, ltd, mslw; got "icn" (did you mean "inc"?)'),
        (SELLER + 'products = { "A course" = "ltd" }\n', 'seller.products."A course": expected one of inc; got "ltd"'),
        (SELLER + 'desks = ["suport"]\n', 'seller.desks: expected one of support; got "suport" (did you mean "support"?)'),
        (SELLER + 'zone = "Mars/Base"\n', "seller.zone: expected a zone"),
        (SELLER + 'language = "xx"\n', "seller.language: expected one of"),
        (SELLER + 'calendar = "Utopia"\n', "seller.calendar: expected a country"),
        ("", "seller: expected a table [seller]; got nothing"),
    ],
)
def test_seller_that_does_not_fit_is_an_error(place, write, text, line):
    write("sellers/acme.toml", text)
    errors, _ = found(place)
    assert any(error.startswith(f"sellers/acme.toml: {line}") for error in errors), errors


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (SELLER.replace("help@", "billing@"), "seller.support: expected an address of the support team"),
        (SELLER + 'admin = "help+x@acme.test"\n', "got the admin address (D-08)"),
        (SELLER + 'manager = "HELP@acme.test"\n', "got the manager address (D-08)"),
        (SELLER + 'backup = "help@acme.test"\n', "seller.backup: expected another address than support"),
        (SELLER.replace('"inc"', ""), "seller.entities: expected some of inc, ltd, mslw; got none (D-03"),
    ],
)
def test_seller_that_is_probably_wrong_is_a_warning(place, write, text, line):
    write("sellers/acme.toml", text)
    errors, warnings = found(place)
    assert errors == []
    assert any(line in warning for warning in warnings), warnings


def test_two_sellers_with_one_support_address_are_a_warning(place, write):
    write("sellers/acme.toml", SELLER)
    write("sellers/zeta.toml", SELLER.replace("help@acme", "Help@ACME"))
    _, warnings = found(place)
    assert any("sellers/zeta.toml: seller.support" in line and "acme has it too" in line for line in warnings)


def test_desk_that_swallows_mail_is_a_warning_until_its_people_get_it(place, write):
    line = "desks.toml: desk.support: expected a way for its people to get their mail"
    bare = DESK.replace('staff = ["ops@people.test"]\n', "")
    write("desks.toml", bare)
    assert any(warning.startswith(line) for warning in found(place)[1])
    for way in ("smtp.listen=[]", "copied.addresses=['copies@shop.test']"):
        assert not any(warning.startswith(line) for warning in found(place, way)[1]), way
    for key in ('staff = ["ops@people.test"]\n', 'hand_on = "lmtp://127.0.0.1:24"\n'):
        write("desks.toml", bare + key)
        assert not any(warning.startswith(line) for warning in found(place)[1]), key


def test_trust_in_claims_is_a_warning(place):
    assert any("trust.claimed_may: expected" in line for line in found(place)[1])
    narrow = found(place, "trust.claimed_may=add")[1]
    assert not any("trust.claimed_may: expected" in line for line in narrow)
    assert any("trust.authserv_ids" in line for line in narrow)
    assert not any("trust." in line for line in found(place, "trust.claimed_may=add", "trust.authserv_ids=mx.test")[1])


def test_pack_that_moves_money_is_an_error(place, write):
    """Nobody carries out effects in this version, so a pack that asks for one is a pack with a notice that nobody wrote."""
    pack = config.load(place).packs["digistore24"].text
    write("policies/digistore24.toml", pack.replace('do      = "forward_topic"', 'do      = "process_refund"'))
    assert any("templates/en/process_refund.txt; got no such file" in line for line in found(place)[0])


def test_notice_that_nobody_wrote_is_an_error(place, write):
    pack = config.load(place).packs["digistore24"].text
    write("policies/digistore24.toml", pack.replace('"notice_noncompliant"', '"notice_noncompliance"'))
    assert found(place)[0] == [
        "desks.toml: desk.support.pack: expected the notice templates/en/notice_noncompliance.txt; got no such file "
        '(did you mean "notice_noncompliant"?)'
    ]


def test_pack_that_is_wrong_is_named_by_its_own_file(place, write):
    pack = config.load(place).packs["digistore24"].text
    write("policies/digistore24.toml", pack.replace('runs_for = "seller"', "runs_four = 1", 1))
    errors, _ = found(place)
    assert errors
    assert all(error.startswith("policies/digistore24.toml: clocks.respond.") for error in errors)


def test_template_that_can_not_be_filled_is_an_error(place, write):
    write("templates/en/remind.txt", "Subject {{\n\nBody\n")
    assert any("en/remind.txt" in error for error in found(place)[0])


def test_language_that_lacks_a_notice_is_a_warning(place, write):
    write("templates/de/remind.txt", config.load(place).templates.notices["en"]["remind"])
    errors, warnings = found(place)
    assert errors == []
    assert any("de lacks the notice escalate" in warning for warning in warnings)
