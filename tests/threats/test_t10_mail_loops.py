"""T10, S06: two automata answer each other. Six kinds of machines over a week: tests/exchanges/test_loops.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from exchange import Gate
from people import Person, threaded
from world import Sent, World

from mailgate import config
from mailgate.assembly import house_of
from mailgate.simulate.stage import PROVEN, Stage
from mailgate.store.engine import Store

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SAYS_SO = (
    {"Auto-Submitted": "auto-replied"}, {"Auto-Submitted": "auto-generated (vacation)"}, {"Auto-Submitted": "AUTO-NOTIFIED"},
    {"Precedence": "auto_reply"}, {"X-Autoreply": "yes"}, {"X-Autorespond": "yes"}, {"List-Id": "<all.acme.example>"},
    {"X-Auto-Response-Suppress": "All", "Auto-Submitted": "auto-replied"},
)  # fmt: skip


@pytest.mark.parametrize("head", SAYS_SO, ids=str)
def test_t10_machine_that_says_so_is_never_answered_and_stops_nothing(
    gate: Gate, inc: Person, acme: Person, head: dict[str, str]
) -> None:
    """RFC 3834: neither an answer to the question nor worth a letter about what it lacks."""
    ask = inc.writes([acme])
    done = acme.replies(ask, "Thank you for your mail.", headers=head)
    assert done.event in ("auto_reply", "wrote")
    assert gate.clock().running
    assert {row.notice for _, row in gate.stage.sent} <= {"pass_on"}
    gate.orders("no_answer_needed")
    gate.disregards()


@pytest.mark.parametrize("head", [{"X-Auto-Response-Suppress": "All"}, {"List-Unsubscribe": "<mailto:x@acme.example>"}], ids=str)
def test_t10_what_people_mail_has_too_is_no_proof_of_a_machine(
    gate: Gate, inc: Person, acme: Person, head: dict[str, str]
) -> None:
    """Design §5: Exchange and helpdesks put these into what people write."""
    assert acme.replies_to_all(inc.writes([acme]), headers=head).event == "answered"
    gate.disregards()


def test_t10_our_own_mail_is_known_by_its_signed_id_alone(gate: Gate, inc: Person, acme: Person) -> None:
    """Design §5: a header that anyone can write makes nobody's mail ours, nor ours a stranger's."""
    inc.writes([acme])
    gate.later(hours=48)
    notice = gate.sends("remind", [acme, inc])
    stripped = b"\r\n".join(
        line for line in notice.row.raw.split(b"\r\n") if not line.startswith((b"Auto-", b"Precedence", b"X-Mailgate"))
    )
    assert gate.stage.receive(stripped, gate.now).kind == "own"
    mail = acme.replies_to_all(notice, headers={"X-Mailgate-Kind": "remind", "X-Mailgate-Loop": "1"})
    assert mail.event == "answered"
    gate.disregards()


def duel(place: Path, pack: str, starts: str, to: str) -> list[tuple[str, str]]:
    """(notice, reader) of all that two mailgates write to each other's desks in a week; each has the other for its seller."""
    ours, theirs = "support@one.test", "support@two.test"
    stages = {}
    for own, other in ((ours, theirs), (theirs, ours)):
        host = own.partition("@")[2]
        config.init(place / host, own, pack)
        (place / host / "sellers/example-seller.toml").unlink()
        entities = 'entities = ["inc"]\n' if pack == "digistore24" else f'service = "{other}"\n'
        (place / host / "sellers/other.toml").write_text(f'[seller]\nsupport = "{other}"\n{entities}')
        settings = config.load(place / host, [])
        house = replace(house_of(settings), proven_doors=frozenset({PROVEN}))
        stages[host] = Stage(house, next(iter(settings.desks.values())), Store.open("sqlite:///:memory:", Path()))
    world = World(stages, {})
    text = "Seller: other\r\nRequest: support\r\n\r\nIt does not start."
    lines = [f"From: {starts}", f"To: {to}", f"Cc: {ours}", "Subject: Order 1", "Message-ID: <1@x.test>", "", text, ""]
    world.posts(Sent("\r\n".join(lines).encode(), starts, ours), START)
    world.passes(START + timedelta(days=7))
    for one in stages.values():
        one.store.close()
    return [(row.notice, row.reader) for _, row in world.carried if row.reader in (ours, theirs) and not row.step]


@pytest.mark.parametrize(
    ("pack", "starts", "to"),
    [
        ("digistore24", "helpdesk@digistore24.com", "support@two.test"),
        ("clickbank", "customer@mail.test", "support@one.test"),
        ("madeiramadeira", "customer@mail.test", "support@one.test"),
    ],
)
def test_t10_two_mailgates_exchange_no_more_than_three_mails(tmp_path: Path, pack: str, starts: str, to: str) -> None:
    """I9: each is the other's seller and gets all that it writes; beside what clocks send they fall silent at once."""
    assert len(duel(tmp_path, pack, starts, to)) <= 3


def test_t10_vacation_note_of_the_null_sender_ends_where_it_arrives(gate: Gate, inc: Person, acme: Person) -> None:
    """RFC 3834 §3: also where its text asks a question."""
    ask = inc.writes([acme])
    note = acme.replies(ask, "Are you sure?", headers={"Auto-Submitted": "auto-replied", **threaded(ask.message)}, unseen=True)
    gate.stage.receive(note.raw, gate.now, null=True)
    gate.stays_silent()
    gate.orders("no_answer_needed")
    gate.disregards()
