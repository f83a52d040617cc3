"""Tables as people's programs write them, and the line on which each mistake stands."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgate.config.sheet import LONGEST, Row, Sheet, SheetError, survey


def read(raw: bytes, needs: tuple[str, ...] = ()) -> list[Row]:
    file = io.BytesIO(raw)
    with Sheet(file, survey(file), needs) as sheet:
        return list(sheet)


def values(raw: bytes) -> list[dict[str, str]]:
    rows = read(raw)
    assert not any(row.fault for row in rows), rows
    return [dict(row.values) for row in rows]


@pytest.mark.parametrize(
    "raw",
    [
        "Number,Sold At\n1,é\n".encode(),
        "\ufeffnumber;sold-at\r\n1;é\r\n".encode(),
        "number\tSOLD_AT\n1\té\n".encode("utf-16"),
        "sep=;\nnumber;sold at\n1;é".encode("cp1252"),
        '\n\n"number","sold at"\n"1" , é \n,\n'.encode(),
        "number,sold at,,\r1,é,,\r".encode(),
        '{"Number": 1, "sold at": "é", "x": null}\n\n'.encode(),
    ],
)
def test_table_is_read_as_spreadsheets_write_it(raw):
    (row,) = values(raw)
    assert {name: value for name, value in row.items() if value} == {"number": "1", "sold_at": "é"}


def test_row_may_go_over_lines_and_is_known_by_its_first():
    first, second = read(b'number,note\n1,"two\nlines"\n2,x\n')
    assert (first.line, first.last, first.values["note"]) == (2, 3, "two\nlines")
    assert (second.line, second.last) == (4, 4)


def test_quote_that_stays_open_costs_one_row():
    """What a quote swallowed is read again, line by line."""
    rows = read(b'number,note\n1,"open\n2,ok\n3,"closed"\n4,"open again\n5,ok')
    assert [(row.line, row.fault is None) for row in rows] == [(2, False), (3, True), (4, True), (5, False), (6, True)]
    assert [row.values["number"] for row in rows if not row.fault] == ["2", "3", "5"]


def test_quote_within_a_value_is_a_value():
    assert values(b'number,note\n1,5" pipe\n2,"a ""b"" c"\n') == [
        {"number": "1", "note": '5" pipe'},
        {"number": "2", "note": 'a "b" c'},
    ]


def test_value_without_a_column_is_told():
    rows = read(b"number,note\n1,x,y\n2\n")
    assert rows[0].fault is not None
    assert "no column is for: y" in rows[0].fault.got
    assert rows[1].values == {"number": "2"}


@pytest.mark.parametrize("end", [b"", b"\n2,x\n"])
def test_line_without_end_does_not_fill_the_memory(end):
    rows = read(b"number,note\n" + b"x" * (3 * LONGEST) + end)
    assert rows[0].fault is not None
    assert len(rows) == 1 + bool(end)


def test_json_lines_keep_the_digits_as_they_were_written():
    assert values(b'{"number": 00012}\n{"number": "007", "amount": 12.50, "paid": true}\n'[18:]) == [
        {"number": "007", "amount": "12.50", "paid": "true"}
    ]


def test_line_that_is_no_json_object_is_told_with_its_number():
    rows = read(b'{"number": 1}\nnone\n[1]\n{"number": [1]}\n' + b'{"a":' * 5000 + b"\n")
    assert [(row.line, row.fault is None) for row in rows] == [(1, True), (2, False), (3, False), (4, False), (5, False)]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "expected a header row that names the columns; got an empty file"),
        (b"a,b\n1,2\n", "number: expected a column of this name; got a, b"),
        (b"number,Number\n", "number: expected each column once"),
        (b'"number\n1\n', "expected a header row"),
    ],
)
def test_header_that_will_not_do_is_refused(raw, said):
    with pytest.raises(SheetError, match=r"^1: ") as refused:
        read(raw, ("number",))
    assert said in str(refused.value)


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20).map(str.strip)


@given(st.lists(st.tuples(CELL.filter(bool), CELL), max_size=10), st.sampled_from(",;\t"))
def test_whatever_a_program_quotes_comes_back(rows, delimiter):
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows([("number", "note"), *rows])
    expected = [{"number": number, "note": note} for number, note in rows]
    assert values(file.getvalue().encode()) == expected


@given(st.binary(max_size=300))
def test_nothing_makes_it_fail_or_lose_its_place(raw):
    """Any bytes: rows in order, or a refusal with its line."""
    try:
        lines = [row.line for row in read(raw)]
    except SheetError as error:
        lines = [error.line]
    assert lines == sorted(set(lines))
    assert all(line >= 1 for line in lines)
