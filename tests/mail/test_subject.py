"""Subjects: prefixes of every language fall, numbers stay, our tag is read however it was mangled."""

from __future__ import annotations

import pytest

from mailgate.mail.subject import is_generic, read


@pytest.mark.parametrize(
    ("subject", "base", "flags"),
    [
        ("Re: Where is my parcel?", "Where is my parcel?", "r"),
        ("AW: RES: Re[2]: RE : Order #123", "Order #123", "r"),
        ("Fwd: Order #124", "Order #124", "f"),
        ("Order #124 (fwd)", "Order #124", "f"),
        ("回复：订单", "订单", "r"),
        ("پاسخ: سفارش", "سفارش", "r"),
        ("[EXTERNAL] *** SPAM *** Re: x", "x", "r"),
        ("[news] Re: parcel", "[news] parcel", "r"),
        ("Re: [news] parcel", "[news] parcel", "r"),
        ("Resposta automática: férias", "férias", "a"),
        ("Re: Automatic reply: x", "x", "r"),
        ("R: fattura", "fattura", ""),
        ("R:fattura", "R:fattura", ""),
        ("Order: where is it", "Order: where is it", ""),
        ("", "", ""),
    ],
)
def test_prefixes_are_cut_and_remembered(subject: str, base: str, flags: str) -> None:
    """A forward is not a reply; one letter before a colon is weak; only an outermost auto-reply prefix is automatic."""
    found = read(subject)
    assert found.base == base
    assert (found.reply, found.forward, found.auto) == ("r" in flags, "f" in flags, "a" in flags)


@pytest.mark.parametrize("subject", ["[MG-42] x", "Re: mg–42 x", "x [ MG 42 ]", "Re: [mg_42] x", "x MG-۴۲"])
def test_our_tag_is_read_loosely(subject: str) -> None:
    """Case, dashes, brackets and digits of other scripts do not hide it; the key is that of the bare subject."""
    assert (read(subject).tag, read(subject).key) == (42, "x")


@pytest.mark.parametrize("subject", ["10mg-40 pills", "MG 42", "[#42]", "[MG-1] [MG-2]", "MG-abcdefghijklmnopqrstuvwxyz-42"])
def test_other_numbers_are_not_our_tag(subject: str) -> None:
    """Doses, cars, other desks' numbers and two tags at once name no ticket."""
    assert read(subject).tag is None


def test_keys_ignore_what_keyboards_do() -> None:
    """Arabic and Persian letters, joiners, accents, case and digits compare as one; other numbers do not."""
    assert read("مشكل ۱۲ می\u200cشود").key == read("مشکل 12 میشود").key
    assert read("AÇÃO İptal").key == read("acao iptal").key
    assert read("Order #123").key != read("Order #124").key


def test_generic_subjects_say_nothing() -> None:
    """Words that everybody uses are no evidence."""
    assert all(is_generic(read(text).key) for text in ("Help", "invoice problem", "fatura", "Hi", ""))
    assert not is_generic(read("Parcel 4711 arrived broken").key)


@pytest.mark.parametrize(("said", "base"), [("x (fwd) (fwd)", "x"), ("[MG-[MG-42]42] x", "x"), ("x [MG-[MG-1]2]", "x")])
def test_what_is_cut_once_is_not_there_to_be_cut_again(said: str, base: str) -> None:
    """Two marks in one another close up to a new one: nobody gets our tag into the subject of somebody else's notice."""
    assert read(said).base == base
