"""Command words: what stands alone on the first line acts, in any language; a sentence never does."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from mailgate.desk.command_words import clashes, command_in, dates_in, words_from

STRINGS = {
    "en": {
        "when": "EEE",
        "command_close": "close; close ticket",
        "command_yes": "yes; yes, I agree",
        "command_extend": "extend …; extend until …",
        "command_away": "away …; away … until ...",
        "command_hold": "hold; put … on hold",
    },
    "pt-BR": {"command_close": "encerrar;; fechar ", "command_yes": "sim", "command_no": "não"},
    "it": {"command_close": "chiudi", "command_yes": "sì", "command_no": "no", "action_close": "Chiudere"},
    "fa": {"command_close": "بستن؛ می‌بندم", "command_confirm": "تأیید", "command_reopen": "باز کردن"},
}
WORDS = words_from(STRINGS)
DEC_1 = date(2026, 12, 1)


@pytest.mark.parametrize(
    "first",
    [
        "CLOSE",
        "Close.",
        "  *close!*  ",
        "**Close Ticket**",
        "encerrar",
        "ＣＨＩＵＤＩ",
        "«بستن»",
        "بستن.",
        "\u202bبستن\u202c",
        "مي\u200cبندم",
        "می بندم",
        "میبندم؟",
        "close-",
    ],
)
def test_a_word_alone_on_the_first_line_acts(first: str) -> None:
    """Case, accents, joiners, Arabic letters, width, spaces and outer punctuation do not count; what follows does not."""
    assert command_in(first, WORDS) == ("close", "")
    assert command_in(f"\n \n{first}\nThank you all.\n", WORDS) == ("close", "")


@pytest.mark.parametrize(
    ("first", "action"),
    [("Sì", "yes"), ("SI'", "yes"), ("Yes, I agree!", "yes"), ("Nao", "no"), ("تایید", "confirm"), ("بازکردن", "reopen")],
)
def test_accents_and_spaces_are_forgiven(first: str, action: str) -> None:
    """As subject keys are: people write without them."""
    assert command_in(first, WORDS) == (action, "")


@pytest.mark.parametrize(
    "visible",
    [
        "",
        "\n\n",
        "---",
        "Hello,\nCLOSE",
        "close it please",
        "please close",
        "Closed",
        "no, do not",
        "Yes and no",
        "put it on hold now",
        "put on",
        "بستن لطفا",
        "close " * 200,
        "extended 2026-12-01",
    ],
)
def test_a_sentence_is_no_command(visible: str) -> None:
    """Nor is a word below a greeting; in doubt nothing acts."""
    assert command_in(visible, WORDS) is None


@pytest.mark.parametrize(
    ("line", "action", "rest"),
    [
        ("EXTEND 2026-12-01", "extend", "2026-12-01"),
        ("extend: ۱۴۰۵/۰۹/۱۰", "extend", "۱۴۰۵/۰۹/۱۰"),
        ("Extend until 1/12/2026. ", "extend", "1/12/2026."),
        ("extend", "extend", ""),
        ("Away Ana Souza UNTIL 2026-12-01", "away", "Ana Souza UNTIL 2026-12-01"),
        ("away until 2026-12-01", "away", "until 2026-12-01"),
        ("AWAY – 2026-12-01", "away", "2026-12-01"),
        ("put ticket 42 on hold", "hold", "ticket 42 on hold"),
    ],
)
def test_text_follows_where_the_entry_says_so(line: str, action: str, rest: str) -> None:
    """As the person wrote it; the longest entry says where it begins."""
    assert command_in(f"{line}\nmore", WORDS) == (action, rest)


def test_a_whole_line_counts_before_the_beginning_of_one() -> None:
    """`hold until …` of one action does not take `hold until further notice` from another; equal claims mean nothing."""
    words = {"hold": ("hold …",), "pause": ("hold until further notice",)}
    assert command_in("Hold until further notice", words) == ("pause", "")
    assert command_in("Hold until Monday", words) == ("hold", "until Monday")
    assert command_in("no", {"no": ("no",), "refuse": ("No!",)}) is None


def test_the_words_of_all_languages_are_one_table() -> None:
    """Only keys of commands, empty entries left out, each word once."""
    assert WORDS["close"] == ("close", "close ticket", "encerrar", "fechar", "chiudi", "بستن", "می‌بندم")
    assert WORDS["no"] == ("não", "no")
    assert words_from({"en": {"command_no": "no; NO; nó"}, "it": {"command_no": "No.", "command_x": " ; ! "}}) == {"no": ("no",)}
    assert words_from({}) == {}


def test_a_word_of_two_actions_is_told() -> None:
    """Compared as it would be in a mail, also across languages, and with or without text after it."""
    assert clashes(WORDS) == []
    said = clashes({"no": ("no",), "refuse": ("never", "Nò"), "hold": ("hold",), "extend": ("hold …",)})
    assert said == ["the word 'no' stands for no and refuse", "the word 'hold' stands for hold and extend"]


@given(st.text(max_size=200))
@example("…")
@example("\u0640" * 200)
def test_no_text_makes_it_raise(text: str) -> None:
    """Replies come from strangers; so may words, from a translator."""
    command_in(text, WORDS)
    words = words_from({"x": {"command_x": text, "command_y": "…; ......"}})
    clashes(words)
    command_in(text, words)
    dates_in(text, "en")


@given(st.dates(date(1970, 1, 1), date(2120, 12, 31)), st.sampled_from(["en", "pt-BR", "it", "fa"]))
def test_dates_come_back(day: date, language: str) -> None:
    """ISO in every language; day first where that is the habit; Jalali by its years, in Persian digits too."""
    jalali = JalaliDate(day)
    persian = f"{jalali.year}/{jalali.month:02}/{jalali.day:02}".translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    for text in (f"until {day.isoformat()}.", f"تا{persian} و بعد", f"{day.year}/{day.month}/{day.day}"):
        assert dates_in(text, language) == (day,)
    doubtful = language in ("en", "fa") and day.day <= 12 and day.day != day.month
    for text in (f"{day:%d/%m/%Y}", f"({day.day}.{day.month}.{day.year})", f"{day:%d-%m-%Y},"):
        assert dates_in(text, language) == (() if doubtful else (day,))


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("01/12/2026", "pt", (DEC_1,)),
        ("01/12/2026", "it", (DEC_1,)),
        ("01/12/2026", "en", ()),
        ("12/31/2026", "en", (date(2026, 12, 31),)),
        ("12/31/2026", "pt-BR", ()),
        ("۱۴۰۵/۰۹/۱۰", "fa", (DEC_1,)),
        ("١٤٠٥/٩/١٠", "fa", (DEC_1,)),
        ("1405-09-10", "en", (DEC_1,)),
        ("10/09/1405", "fa", (DEC_1,)),
        ("\u200e1405/09/10\u200f", "fa", (DEC_1,)),
        ("from 2026-12-01 to 2026-12-24", "en", (DEC_1, date(2026, 12, 24))),
        ("2026-12-01, 2026-12-01", "en", (DEC_1,)),
        ("01/02/2026 until 2026-12-01", "en", ()),
        ("2026-02-30 until 2026-12-01", "en", ()),
        ("1/12/26 until 2026-12-01", "it", ()),
        ("1405/12/30", "fa", ()),
        ("2026-12/01", "en", ()),
        ("order 12026-12-01", "en", ()),
        ("order A-2026-12-01", "en", ()),
        ("order 2026-12-01-7", "en", ()),
        ("9999-12-01", "en", ()),
        ("tomorrow", "en", ()),
    ],
)
def test_a_doubtful_date_is_no_date(text: str, language: str, found: tuple[date, ...]) -> None:
    """Nor does one that is sure count beside it: half of an absence is worse than a question."""
    assert dates_in(text, language) == found


def test_a_long_line_is_read_in_part() -> None:
    """A note may be long; its dates are looked for where a date stands."""
    assert dates_in("x " * 1000 + "2026-12-01", "en") == ()
    many = " ".join((DEC_1 + timedelta(days=number)).isoformat() for number in range(40))
    assert len(dates_in(many, "en")) == 20
