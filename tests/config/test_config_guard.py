"""The guard's configuration: never an open relay, never a loop, no wish that nothing hears."""

from __future__ import annotations

import pytest

from mailgate import config

OPEN = ("guard.listen=127.0.0.1:10025", 'guard.networks=["127.0.0.1"]')
DESK = '[desk.support]\naddress = "support@shop.test"\npack = "digistore24"\nstaff = ["ops@people.test"]\n'


def found(place, *overrides: str) -> tuple[list[str], list[str]]:
    """(errors, warnings), as printed, with the directory cut off."""
    errors, warnings = config.check(place, overrides)
    return [str(p).replace(f"{place}/", "") for p in errors], [str(p).replace(f"{place}/", "") for p in warnings]


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (OPEN[:1], "guard.networks: expected who may use the guard; got nobody"),
        ((OPEN[0], 'guard.networks=["0.0.0.0/0"]'), 'guard.networks: expected networks of your own; got "0.0.0.0/0"'),
        ((*OPEN, "guard.next_hop=smtp://localhost:10025"), "guard.next_hop: expected another server than this mailgate"),
        ((*OPEN, "smtp.listen=0.0.0.0:26", "guard.next_hop=smtp://127.0.0.1:26"), "guard.next_hop: expected another server"),
        ((*OPEN, "guard.next_hop=lmtp://127.0.0.1:24"), 'guard.next_hop: expected "smtp://host:10026" or "smtps://host:465"'),
        (("guard.unchecked=drop",), "guard.unchecked: expected one of"),
        (("desk.support.guard.reply_all=add",), "desk.support.guard.reply_all: expected one of"),
        (("desk.support.guard.copy=add",), "desk.support.guard.copy: expected"),
    ],
)
def test_a_guard_that_cannot_work_is_an_error(place, write, overrides, line):
    write("desks.toml", DESK)
    errors, _ = found(place, *overrides)
    assert any(line in error for error in errors), errors


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ((*OPEN, "guard.answer_within=2m"), "guard.answer_within: expected less than that; got 120s"),
        (("desk.support.guard.required_copy=add",), "desk.support.guard: expected a guard that does it; got none"),
        (
            (*OPEN, "desk.support.pack=amazonpay", "desk.support.guard.reply_all=refuse"),
            "desk.support.guard.reply_all: expected a rule of the pack; got none in amazonpay",
        ),
    ],
)
def test_a_guard_that_is_probably_not_meant_is_a_warning(place, write, overrides, line):
    write("desks.toml", DESK)
    _, warnings = found(place, *overrides)
    assert any(line in warning for warning in warnings), warnings


def test_a_guard_that_fits_is_nothing_to_speak_of(place, write):
    """Open for loopback, with a wish for each rule."""
    wishes = 'guard = { required_copy = "add", reply_all = "refuse", same_thread = "warn", prohibited = "off" }\n'
    write("desks.toml", DESK + wishes)
    errors, warnings = found(place, *OPEN)
    assert not [line for line in (*errors, *warnings) if "guard" in line]
