"""A pack that can't be meant is refused, with the key and what was expected there (desk/choice.py, desk/pack.py)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mailgate.desk.pack import PackError, Policy, bind

PACK: dict[str, Any] = {
    "options": {"mode": "strict", "brief": False, "within": "48h", "most": 2, "days": ["SAT"], "below": "", "end": "24:00"},
    "choices": {
        "mode": ["strict", "mild", "off"], "brief": "boolean", "within": "duration", "most": {"from": 0, "to": 3},
        "days": "weekdays", "below": "amount", "end": "day_end",
    },
    "roles": {"shop": {"is": "seller.support"}},
    "words": {"thanks": ["thank you"]},
    "mail": [
        {"event": "asked", "by": ["desk"], "opens": True},
        {"event": "answered", "by": ["seller"], "says_not": ["thanks"], "rules": ["same_thread"], "broken": "incomplete"},
    ],
    "command": [{"name": "close", "by": ["seller"], "event": "closed"}],
    "rules": {"same_thread": {}},
    "clocks": {
        "answer": {
            "runs_for": "seller", "within": "option:within", "starts": ["asked"], "stops": ["answered"], "voids": ["closed"],
            "steps": [{"name": "reminder", "at": ["24h"], "do": "remind", "to": ["shop"]}],
        }
    },
    "when": [{"event": "incomplete", "do": "notice_noncompliant", "to": ["shop"]}],
    "change": [{"event": "closed", "set": {"state": "closed"}}],
    "reasons": {"late": {"fits": ["close"]}},
}  # fmt: skip


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """The pack with the value at `path` replaced."""
    raw = copy.deepcopy(PACK)
    at: Any = raw
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = to
    return raw


def refused(raw: dict[str, Any], **options: Any) -> list[tuple[str, str, Any]]:
    """Every problem that `bind` finds; fails where it finds none."""
    with pytest.raises(PackError) as caught:
        bind(raw, options)
    return list(caught.value.problems)


def bound(raw: dict[str, Any], **options: Any) -> Policy:
    """The policy."""
    return bind(raw, options)


def test_pack_of_these_tests_is_sound() -> None:
    assert bound(PACK).notices == {"remind", "notice_noncompliant"}


# -- options


@pytest.mark.parametrize(("mode", "event"), [("strict", "closed"), ("mild", "shut"), ("off", "")])
def test_by_option_is_what_it_says_for_the_options_value(mode: str, event: str) -> None:
    raw = changed("command", 0, "event", to={"by_option": "mode", "strict": "closed", "mild": "shut", "off": ""})
    assert bound(raw, mode=mode).command[0].event == event


@pytest.mark.parametrize("brief", [True, False])
def test_by_option_names_true_and_false_of_a_yes_or_no(brief: bool) -> None:
    raw = changed("clocks", "answer", "within", to={"by_option": "brief", "true": "4h", "false": "option:within"})
    within = bound(raw, brief=brief).clocks["answer"].within
    assert str(within) == ("4h" if brief else "48h")


def test_by_option_without_the_chosen_value_names_the_gap() -> None:
    raw = changed("clocks", "answer", "within", to={"by_option": "mode", "strict": "4h"})
    assert bound(raw).clocks["answer"].within is not None
    assert refused(raw, mode="off") == [("clocks.answer.within.off", "what this is when mode is off", None)]


def test_by_option_of_an_unknown_option_lists_the_known_ones() -> None:
    raw = changed("clocks", "answer", "within", to={"by_option": "mood", "strict": "4h"})
    ((key, expected, got),) = refused(raw)
    assert (key, got) == ("clocks.answer.within.by_option", "mood")
    assert expected.startswith("an option of the pack: mode, brief")


def test_value_of_an_unknown_option_is_named_by_its_key() -> None:
    ((key, _, got),) = refused(changed("clocks", "answer", "within", to="option:whithin"))
    assert (key, got) == ("clocks.answer.within", "option:whithin")


def test_entry_that_another_option_wants_is_dropped() -> None:
    raw = changed("clocks", "answer", "restarts", to=[{"event": "asked", "only_if": {"mode": "mild"}}])
    assert bound(raw).clocks["answer"].restarts == ()
    assert [one.event for one in bound(raw, mode="mild").clocks["answer"].restarts] == ["asked"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("mode", "Strict", "one of strict, mild, off"),
        ("brief", "yes", "true or false"),
        ("within", "48", 'a duration such as "48h", "7bd" or "10cd"'),
        ("most", 4, "a whole number from 0 to 3"),
        ("most", True, "a whole number from 0 to 3"),
        ("days", ["SATURDAY"], 'a list of weekdays such as ["SAT", "SUN"]'),
        ("below", "-1", 'an amount such as 25 or "24.90", or "" for none'),
        ("below", True, 'an amount such as 25 or "24.90", or "" for none'),
        ("end", "25:00", 'a time of day such as "17:00", or "24:00"'),
    ],
)
def test_option_that_does_not_fit_its_choice_says_what_would(name: str, value: Any, expected: str) -> None:
    assert refused(PACK, **{name: value}) == [(f"options.{name}", expected, value)]


@pytest.mark.parametrize("value", ["", 25, "24.90", 0])
def test_amount_may_be_a_number_a_text_or_nothing(value: Any) -> None:
    assert bound(PACK, below=value).options["below"] == value


def test_option_that_the_pack_does_not_have_is_refused_with_the_nearest() -> None:
    ((key, expected, _),) = refused(PACK, withn="4h")
    assert key == "options.withn"
    assert expected.endswith("(did you mean 'within'?)")


def test_option_without_a_choice_is_refused() -> None:
    assert refused(changed("options", "new", to=1)) == [("choices.new", "what the option may hold", None)]


# -- names


def test_event_that_only_another_option_names_may_be_waited_for() -> None:
    """Else every option would need clocks and reactions of its own."""
    hinting = {"event": "hinted", "by": ["desk"], "only_if": {"mode": "mild"}}
    raw = changed("mail", to=[*PACK["mail"], hinting])
    raw["when"] = [*raw["when"], {"event": "hinted", "do": "remind", "to": ["shop"]}]
    raw["clocks"]["answer"]["starts"] = ["asked", "hinted"]
    assert "hinted" not in {one.event for one in bound(raw).mail}
    assert "hinted" in {one.event for one in bound(raw, mode="mild").mail}


def test_event_under_some_value_of_by_option_may_be_waited_for() -> None:
    choosing = {"name": "shut", "by": ["seller"], "event": {"by_option": "brief", "true": "shut", "false": "closed"}}
    raw = changed("command", to=[*PACK["command"], choosing])
    raw["when"] = [{"event": "shut", "do": "remind", "to": ["shop"]}]
    assert bound(raw).when[0].event == ("shut",)


def test_event_that_nobody_names_is_refused_wherever_it_is_waited_for() -> None:
    raw = changed("when", 0, "event", to="incomplet")
    raw["change"][0]["event"] = "closd"
    raw["clocks"]["answer"]["stops"] = ["answred"]
    found = {key: (expected, got) for key, expected, got in refused(raw)}
    assert {key: got for key, (_, got) in found.items()} == {
        "when.0.event": "incomplet", "change.0.event": "closd", "clocks.answer.stops": "answred",
    }  # fmt: skip
    assert found["when.0.event"][0].startswith("one of the pack's events: answered, asked, closed, incomplete")


@pytest.mark.parametrize("event", ["reachable", "reply_unseen"])
def test_built_in_events_need_no_mail(event: str) -> None:
    assert bound(changed("when", 0, "event", to=event)).when[0].event == (event,)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (("when", 0, "to"), "when.0.to"),
        (("when", 0, "cc"), "when.0.to"),
        (("clocks", "answer", "steps", 0, "to"), "clocks.answer.steps.reminder.to"),
        (("author",), "author.seller"),
    ],
)
def test_role_that_the_pack_lacks_is_refused(path: tuple[Any, ...], key: str) -> None:
    wrong = {"seller": "shopp"} if path == ("author",) else ["shopp"]
    assert refused(changed(*path, to=wrong)) == [(key, "one of the pack's roles: shop", "shopp")]


def test_author_is_a_role_of_every_pack() -> None:
    assert bound(changed("when", 0, "to", to=["author"])).when[0].to == ("author",)


def test_reason_that_no_command_fits_is_refused() -> None:
    assert refused(changed("reasons", "late", "fits", to=["clos"])) == [
        ("reasons.late.fits", "one of the pack's commands", "clos")
    ]


def test_words_and_rules_that_nobody_defines_are_refused() -> None:
    raw = changed("mail", 1, "says_not", to=["thank"])
    raw["mail"][1]["rules"] = ["same_tread"]
    assert refused(raw) == [
        ("mail.1.says", "one of the pack's words: thanks", "thank"),
        ("mail.1.rules", "one of the pack's rules: same_thread", "same_tread"),
    ]


def test_step_that_does_nothing_is_refused() -> None:
    raw = changed("clocks", "answer", "steps", 0, "do", to="")
    assert refused(raw) == [("clocks.answer.steps.reminder.do", "a notice in do, or an event in raises", None)]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (("mail", 0, "opns"), "mail.0.opns"),
        (("clocks", "answer", "steps", 0, "atmost"), "clocks.answer.steps.0.atmost"),
        (("tittle",), "tittle"),
    ],
)
def test_key_that_no_table_has_is_refused(path: tuple[Any, ...], key: str) -> None:
    assert [one for one, _, _ in refused(changed(*path, to=1))] == [key]


@pytest.mark.parametrize(
    ("place", "sound"), [("seller.support", True), ("ticket.customer", True), ("shop.support", False), ("seller", False)]
)
def test_role_stands_at_a_place_that_there_is(place: str, sound: bool) -> None:
    raw = changed("roles", "shop", "is", to=place)
    if sound:
        assert bound(raw).roles["shop"].of == (place,)
    else:
        assert refused(raw)[0][0].startswith("roles.shop.is")
