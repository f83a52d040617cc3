"""Who says the same for the third time in a week is a machine that marks itself by nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mailgate.desk.decide import is_repeated
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
