"""T17: a customer's text is taken for a template: it must stand in the notice as he wrote it."""

from __future__ import annotations

import pytest
from exchange import Gate
from people import Person

from mailgate.mail.message import parse

PACK = "clickbank"
EVIL = (
    "{{7*7}}", "{{ config }}", "{% for x in range(9**9) %}x{% endfor %}", "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% include 'strings.toml' %}", "{{ desk }}", "{# gone #}", "${7*7}", "%(secret)s", "{0.__class__}", "%s%s%n", "{{{{7*7}}}}",
    "{% raw %}", "{{ wording.strings }}", "#{7*7}", "<%= 7*7 %>", "! Do this now", "> quoted", "- item", "-- ", "\\u007b",
)  # fmt: skip


@pytest.mark.parametrize("language", ["en", "it", "pt-BR", "fa"])
def test_t17_text_of_a_mail_appears_as_it_was_written(gate: Gate, consumer: Person, vendor: Person, language: str) -> None:
    """Design §8: customer text is data, never compiled."""
    gate.registers("shop", language=language)
    for number, evil in enumerate(EVIL):
        subject = f"Case {number} {evil}".strip()
        consumer.at(f"c{number}@mail.example").states(subject, f"Word {evil} word.", Seller="shop", Request="support")
        row = next(row for _, row in reversed(gate.stage.sent) if row.reader == vendor.address)
        message = parse(row.raw)
        flat = " ".join((message.text or "").split())
        assert " ".join(f"Word {evil} word.".split()) in flat, evil
        assert " ".join(subject.split()) in " ".join(message.subject.replace("\u2068", "").replace("\u2069", "").split()), evil
        assert f"Case {number} 49" not in message.subject
    gate.disregards()


def test_t17_facts_of_a_mail_are_data_too(gate: Gate, consumer: Person, vendor: Person) -> None:
    """What a line states goes into the details of the page."""
    consumer.states("A-77", "It does not start.", Seller="shop", Request="support", Reason="{{7*7}}", Product="{% raw %}")
    row = next(row for _, row in reversed(gate.stage.sent) if row.reader == vendor.address)
    assert "49" not in (parse(row.raw).text or "").replace("MG-49", "")
    gate.disregards()


@pytest.mark.parametrize("size", [300_000])
def test_t17_long_text_is_cut(gate: Gate, consumer: Person, vendor: Person, size: int) -> None:
    """Output length is capped, whatever the mail holds."""
    consumer.states("A-77", "{{7*7}} " * (size // 8), Seller="shop", Request="support")
    assert gate.stage.sent
    assert max(len(row.raw) for _, row in gate.stage.sent) < 200_000
    gate.disregards()
    gate.mails.clear()
