"""The seller directory: one file a seller or one table, problems by file and line, and rows that join sellers.csv."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mailgate import config
from mailgate.config import Problem, seller_import, seller_rows
from mailgate.desk.party import Absence, Seller
from mailgate.desk.route import Roster

HEAD = "id,name,support,entities,zone\n"
ACME = "acme,Acme,help@acme.test,inc,Europe/Berlin\n"
TOML = '[seller]\nsupport = "help@acme.test"\nentities = ["inc"]\n'


def errors(place: Path) -> list[str]:
    return [str(one).replace(f"{place}/", "") for one in config.check(place)[0]]


def warnings(place: Path) -> list[str]:
    return [str(one).replace(f"{place}/", "") for one in config.check(place)[1]]


def take_in(place: Path, text: str) -> tuple[seller_import.Imported, list[str]]:
    """What an import of this table did, and its problems."""
    file = place.parent / "new.csv"
    file.write_text(text, "utf-8")
    done = seller_import.take_in(config.load(place), place, file)
    return done, [str(one).replace(f"{file}:", "").replace(f"{place}/", "") for one in done.problems]


def test_row_says_what_a_file_would(place, write):
    """Lists, pairs, spans and truths of one row."""
    columns = {
        "id": "acme", "name": "Acme", "support": "help@acme.test", "service": "shop@acme.test", "account": "me@acme.test",
        "claims": "claims@acme.test", "tracking": "parcels@acme.test", "addresses": "@acme.test; other@mail.test",
        "entities": "inc;ltd", "products": "A = B=inc;Book=ltd", "holidays": "2026-12-24", "physical": "yes", "takeover": "0",
        "absences": "2026-08-01..2026-08-14;2026-09-01 .. 2026-09-02", "return_address": "1 Main St", "agenda_at": "08:30",
        "checklist": "support_address=2026-01-15", "manager": "",
    }  # fmt: skip
    write("sellers.csv", "\t".join(columns) + "\r\n" + "\t".join(columns.values()) + "\r\n")
    assert config.load(place).sellers["acme"] == Seller(
        id="acme", name="Acme", support="help@acme.test", service="shop@acme.test", account="me@acme.test",
        claims="claims@acme.test", tracking="parcels@acme.test", addresses=("@acme.test", "other@mail.test"),
        entities=("inc", "ltd"), products={"A = B": "inc", "Book": "ltd"}, holidays=(date(2026, 12, 24),), physical=True,
        absences=(
            Absence.model_validate({"from": "2026-08-01", "until": "2026-08-14"}),
            Absence.model_validate({"from": "2026-09-01", "until": "2026-09-02"}),
        ),
        return_address="1 Main St", agenda_at="08:30", checklist={"support_address": date(2026, 1, 15)},
    )  # fmt: skip


def test_row_of_a_seller_reads_back_as_he_was(place):
    seller = config.load(place).sellers["example-seller"].model_copy(update={"physical": True, "agenda_at": "07:00"})
    table, wrong = seller_rows.table_of(seller_rows.cells_of(seller))
    assert (Seller.model_validate(table), wrong) == (seller, [])


def test_sellers_stand_in_files_and_in_tables_side_by_side(place, write):
    write("sellers.csv", HEAD + ACME)
    write("sellers/more.csv", "support;id\nhelp@nova.test;nova\n")
    settings = config.load(place)
    assert set(settings.sellers) == {"example-seller", "acme", "nova"}
    said = {name: where.replace(f"{place}/", "") for name, where in settings.places.items()}
    assert said == {"example-seller": "sellers/example-seller.toml", "acme": "sellers.csv:2", "nova": "sellers/more.csv:2"}


def test_every_bad_row_is_said_with_its_line_and_column(place, write):
    rows = [
        "a,A,help@a.test,inc,Europe/Berlin",
        "b,B,nobody,inc,",
        ",C,help@c.test,inc,",
        "no/id,D,help@d.test,inc,",
        "e,E,,inc,",
        "f,F,help@f.test,icn,",
        "g,G,help@g.test,inc,Europe/Berlim",
        "h,H,help@h.test,inc,,too much",
    ]
    write("sellers.csv", HEAD + "\n".join(rows) + "\n")
    assert errors(place) == [
        'sellers.csv:3: support: expected an e-mail address such as support@shop.example; got "nobody"',
        'sellers.csv:4: id: expected a seller\'s id: letters, digits, ".", "_" and "-"; got nothing',
        'sellers.csv:5: id: expected a seller\'s id: letters, digits, ".", "_" and "-"; got "no/id"',
        "sellers.csv:6: support: expected a value: this key must be set; got nothing",
        'sellers.csv:9: expected 5 values; got "a value no column is for: too much"',
        'sellers.csv:7: entities: expected one of inc, ltd, mslw; got "icn" (did you mean "inc"?)',
        'sellers.csv:8: zone: expected a zone such as Europe/Berlin; got "Europe/Berlim" (did you mean "Europe/Berlin"?)',
    ]


@pytest.mark.parametrize(
    ("column", "cell", "line"),
    [
        ("physical", "perhaps", 'physical: expected true or false; got "perhaps"'),
        ("products", "Book", 'products: expected Name=entity, separated by ;; got "Book"'),
        ("checklist", "helpdesk=soon", 'checklist.helpdesk: expected a date such as 2026-12-24; got "soon"'),
        ("absences", "2026-08-01", 'absences: expected spans such as 2026-08-01..2026-08-14; got "2026-08-01"'),
        ("holidays", "2026-12-24;24.12.", 'holidays[2]: expected a date such as 2026-12-24; got "24.12."'),
        ("agenda_at", "8:30", 'agenda_at: expected a time of day such as "08:30"; got "8:30"'),
        ("machine_headers", "loud", "machine_headers: expected one of full, quiet"),
        ("claims", "x", "claims: expected an e-mail address"),
    ],
)
def test_cell_that_does_not_fit_says_what_it_may_be(place, write, column, cell, line):
    write("sellers.csv", f"id,support,entities,{column}\nacme,help@acme.test,inc,{cell}\n")
    (error,) = errors(place)
    assert error.startswith(f"sellers.csv:2: {line}")


def test_column_that_no_seller_has_is_said_once(place, write):
    write("sellers.csv", "id,support,entities,suport\na,h@a.test,inc,x\nb,h@b.test,inc,y\n")
    assert errors(place) == [
        'sellers.csv:1: suport: expected a column that a seller has; got an unknown one (did you mean "support"?)'
    ]
    write("sellers.csv", "name,support\nA,h@a.test\n")
    assert errors(place) == ['sellers.csv:1: id: expected a column of this name; got "name, support"']


def test_id_that_is_given_twice_names_both_places(place, write):
    write("sellers/acme.toml", TOML)
    write("sellers.csv", HEAD + ACME + ACME.replace("acme,", "nova,") + ACME.replace("acme,", "nova,"))
    assert errors(place) == [
        'sellers.csv:2: id: expected an id of its own; got "acme" (sellers/acme.toml has it too)',
        'sellers.csv:4: id: expected an id of its own; got "nova" (sellers.csv:3 has it too)',
    ]


def test_column_that_slipped_by_one_is_said_for_every_row(place, write):
    """Thousands of wrong words: each is told, and only the first are searched for their nearest."""
    rows = "".join(f"s{n},help@s{n}.test,inc,Shop {n}\n" for n in range(1500))
    write("sellers.csv", "id,support,entities,zone\n" + rows)
    found = errors(place)
    assert len(found) == 1500
    assert found[-1] == 'sellers.csv:1501: zone: expected a zone such as Europe/Berlin; got "Shop 1499"'


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (
            'account = "help+x@acme.test"',
            "seller.support: expected an address of the support team; got the account address (D-08)",
        ),
        ('service = "a@acme.test"\naccount = "A@acme.test"', "seller.service: expected another address than the account's"),
    ],
)
def test_addresses_that_should_differ_are_a_warning(place, write, more, line):
    """C-46, D-08."""
    write("sellers/acme.toml", TOML + more + "\n")
    assert errors(place) == []
    assert any(line in one for one in warnings(place))


def test_seller_in_a_table_is_warned_of_by_line_and_column(place, write):
    write("sellers.csv", "id,support\nacme,billing@acme.test\n")
    said = warnings(place)
    assert any(one.startswith('sellers.csv:2: support: expected an address of the support team; got "billing@') for one in said)
    assert any(one.startswith("sellers.csv:2: entities: expected some of inc, ltd, mslw; got none (D-03") for one in said)


@pytest.mark.parametrize("name", ["service", "account", "claims"])
def test_seller_is_known_by_each_address_he_registered(name):
    """DR-10: the person who handles claims writes for the seller."""
    seller = Seller.model_validate({"id": "acme", "support": "help@acme.test", name: "Me@Acme.test"})
    assert seller.owns("me@acme.TEST")
    assert Roster.of({}, {"acme": seller}).seller("me@acme.test") is seller


def test_import_writes_a_table_that_was_not_there(place):
    done, problems = take_in(place, HEAD + ACME + "nova,Nova,help@nova.test,ltd,\n")
    assert (done.added, done.changed, problems) == (["acme", "nova"], [], [])
    settings = config.load(place)
    assert settings.sellers["acme"].zone == "Europe/Berlin"
    assert (settings.sellers["nova"].zone, settings.sellers["nova"].entities) == ("", ("ltd",))


def test_import_takes_the_good_rows_and_tells_the_others(place):
    done, problems = take_in(
        place,
        HEAD + ACME + "nova,Nova,nobody,inc,\nzeta,Z,help@z.test,icn,Mars/Base\nexample-seller,E,help@e.test,inc,\n" + ACME,
    )
    assert done.added == ["acme"]
    assert [one.partition(";")[0] for one in problems] == [
        "3: support: expected an e-mail address such as support@shop.example",
        "4: zone: expected a zone such as Europe/Berlin",
        "4: entities: expected one of inc, ltd, mslw",
        "5: id: expected an id of its own",
        "6: id: expected an id of its own",
    ]
    assert set(config.load(place).sellers) == {"example-seller", "acme"}


def test_import_changes_what_the_file_names_and_nothing_else(place, write):
    """An empty cell empties; a column that the file lacks stays; so does every other seller."""
    old = write("sellers.csv", "id;support;entities;zone;language\nacme;help@acme.test;inc;Europe/Rome;it\nnova;n@n.test;inc;;\n")
    done, problems = take_in(place, "id,entities,zone\nacme,inc;ltd,\nnova,inc,\n")
    assert (done.changed, done.same, problems) == (["acme"], ["nova"], [])
    assert old.read_text() == 'id;support;language;entities\nacme;help@acme.test;it;"inc;ltd"\nnova;n@n.test;;inc\n'.replace(
        "id;support;language;entities", "id;support;entities;language"
    ).replace('it;"inc;ltd"', '"inc;ltd";it').replace("n@n.test;;inc", "n@n.test;inc;")
    acme = config.load(place).sellers["acme"]
    assert (acme.entities, acme.zone, acme.language) == (("inc", "ltd"), "", "it")


def test_import_that_changes_nothing_writes_nothing(place, write):
    table = write("sellers.csv", HEAD + ACME)
    before = table.stat().st_mtime_ns
    done, _ = take_in(place, HEAD + ACME)
    assert done.same == ["acme"]
    assert table.stat().st_mtime_ns == before


def test_import_of_what_is_no_table_is_one_problem(place):
    done, problems = take_in(place, "")
    assert problems == ['1: expected a header row that names the columns; got "an empty file"']
    assert isinstance(done.problems[0], Problem)
    assert not (place / "sellers.csv").exists()
