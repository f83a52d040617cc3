"""Who says the same for the third time in a week, or answers each notice at once, is a machine though it does not say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mailgate.desk.loop import answers_at_once, is_repeated
from mailgate.desk.ticket import Spoken, Ticket

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
ROBOT = "robot@shop.example"
RECEIPT = "Thank you for writing. We shall look into it as soon as we can."


def ticket(*said: tuple[str, str, timedelta]) -> Ticket:
    """A ticket on which these (author, text, how long ago) were said."""
    spoken = tuple(Spoken("", author, "customer", NOW - ago, "wrote", text, frozenset()) for author, text, ago in said)
    return Ticket(1, "desk", "hash", "case", "open", "Order 1", NOW, spoken=spoken)


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("said", "text", "repeated"),
    [
        ([(ROBOT, RECEIPT, HOUR)], RECEIPT, False),
        ([(ROBOT, RECEIPT, HOUR), (ROBOT, RECEIPT, 2 * HOUR)], RECEIPT, True),
        ([(ROBOT, RECEIPT, HOUR), ("Robot@Shop.Example", RECEIPT, 2 * HOUR)], RECEIPT, True),
        ([(ROBOT, RECEIPT, HOUR), ("anna@shop.example", RECEIPT, 2 * HOUR)], RECEIPT, False),
        ([(ROBOT, RECEIPT, HOUR), (ROBOT, RECEIPT, timedelta(days=7))], RECEIPT, False),
        ([(ROBOT, RECEIPT, HOUR), (ROBOT, RECEIPT + " Ann", 2 * HOUR)], RECEIPT, False),
        ([(ROBOT, "Thank you!", HOUR), (ROBOT, "Thank you!", 2 * HOUR)], "Thank you!", False),
    ],
)
def test_third_time_in_a_week_is_a_machine(said: list[tuple[str, str, timedelta]], text: str, repeated: bool) -> None:
    """Word for word, by one author, within seven days, and long enough that nobody says it again by habit."""
    assert is_repeated(text, ROBOT, ticket(*said), NOW) is repeated


def asked(told: list[int], wrote: list[int], author: str = ROBOT, cause: str = "") -> bool:
    """Does the robot answer at once, on a ticket where it was told at these seconds and `author` wrote at those?"""
    spoken = tuple(Spoken(f"{at}@x", author, "seller", NOW + timedelta(seconds=at), "wrote", "", frozenset()) for at in wrote)
    known = Ticket(1, "desk", "hash", "case", "open", "Order 1", NOW, spoken=spoken)
    times = [NOW + timedelta(seconds=at) for at in told]
    return answers_at_once(known, ROBOT, cause or f"{wrote[-1]}@x", times, NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("told", "wrote", "found"),
    [
        ([0, 60, 120], [20, 80, 140], True),
        ([0, 60], [20, 80], False),
        ([0, 60, 120], [20, 80, 1000], False),
        ([0, 600, 1200], [121, 721, 1321], False),
        ([0, 600, 1200], [120, 720, 1320], True),
        ([20, 80, 140], [20, 80, 140], False),
        ([], [20, 80, 140], False),
    ],
    ids=["at once thrice", "at once twice", "now slowly", "a second too late", "just in time", "told of it", "never told"],
)
def test_who_answers_each_notice_at_once_is_a_machine(told: list[int], wrote: list[int], found: bool) -> None:
    """Three answers within two minutes of a notice, the last one among them; the notice about a mail is no question to it."""
    assert asked(told, wrote) is found


def test_only_the_mail_behind_a_notice_counts_against_its_reader() -> None:
    """What others bring about is told to him, however fast he was; and another's mail says nothing of him."""
    assert not asked([0, 60, 120], [20, 80, 140], cause="other@x")
    assert not asked([0, 60, 120], [20, 80, 140], author="person@shop.example")
    assert asked([0, 60, 120], [20, 80, 140], author="ROBOT+desk@shop.example")
