"""Log lines: their form, their catalogue, and what must never stand in one."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import logging
import re
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import StatementError

from mailgate import events
from mailgate.events import foreign, log, scrub
from mailgate.events.catalogue import FIELDS

ROOT = Path(__file__).parents[2]
SETTLED = {
    "spool_id": 317,
    "message_id": "a@shop.test",
    "desk": "support",
    "ticket": "MG-42",
    "class_": "human",
    "meaning": "asked",
    "evidence": "none",
    "trust": "claimed",
    "violations": (),
    "notices": 1,
    "ms": 3.2,
}
PLANTED = "s3cr3t-Planted-Words"


@pytest.fixture(autouse=True)
def _quiet_afterwards():
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    silenced = [(each, each.propagate, list(each.handlers)) for each in map(logging.getLogger, foreign.SILENT)]
    yield
    events.stop()
    root.setLevel(level)
    root.handlers[:] = handlers
    for logger, propagate, kept in silenced:
        logger.propagate, logger.handlers = propagate, kept


def written(form: str = "json", addresses: str = "hash", **more) -> io.StringIO:
    stream = io.StringIO()
    events.configure(form, addresses, stream, key=b"k" * 32, **more)
    return stream


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_line_is_one_json_object_in_a_fixed_order():
    stream = written()
    events.message_settled(**SETTLED)
    (line,) = lines(stream)
    assert list(line)[:3] == ["event", "level", "at"]
    assert line["event"] == "message.settled"
    assert line["level"] == "info"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["at"])
    assert line["class"] == "human"
    assert line["ticket"] == "MG-42"
    assert line["violations"] == []


def test_nothing_is_written_before_configure(capsys):
    """A verb that answers on stdout is not disturbed by a library call that logs."""
    events.stop()
    events.message_settled(**SETTLED)
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_auto_is_json_where_nobody_looks_and_text_on_a_terminal():
    stream = written("auto")
    events.daemon_stopping(reason="SIGTERM")
    assert lines(stream)
    stream = Terminal()
    events.configure("auto", "hash", stream)
    events.daemon_stopping(reason="told to")
    assert stream.getvalue().endswith('info    daemon.stopping    reason="told to"\n')


def test_tick_without_work_is_a_debug_line():
    stream = written()
    quiet = {"fired": 0, "held": 0, "next_due": None, "ms": 1.0}
    events.tick_finished(due=0, **quiet)
    assert lines(stream) == []
    events.tick_finished(due=2, **quiet)
    assert [line["due"] for line in lines(stream)] == [2]
    loud = written(level="debug")
    events.tick_finished(due=0, **quiet)
    assert lines(loud)[0]["level"] == "debug"


def test_places_name_fields_too():
    """The doors know their events as plain calls (wire/lobby.py)."""
    stream = written()
    error = ValueError(PLANTED)
    events.session_failed("192.0.2.1", "ab12", error)
    (line,) = lines(stream)
    assert (line["client"], line["error_id"], line["error"]["type"]) == ("192.0.2.1", "ab12", "ValueError")


def test_bound_ids_stand_on_every_line_that_lacks_its_own():
    stream = written()
    with events.bound(spool_id=317, ticket="MG-42"):
        events.session_failed(client="::1", error_id=None, error="gone")
        events.message_settled(**SETTLED | {"ticket": "MG-7"})
    events.session_failed(client="::1", error_id=None, error="gone")
    first, second, third = lines(stream)
    assert (first["spool_id"], first["ticket"]) == (317, "MG-42")
    assert second["ticket"] == "MG-7"
    assert "ticket" not in third


def test_captured_hears_everything_whole():
    with events.captured() as heard:
        events.message_received(spool_id=1, door="smtp", client="::1", size=5)
    assert heard == [
        {"event": "message.received", "level": "debug", "spool_id": 1, "message_id": None, "door": "smtp"}
        | {"client": "::1", "size": 5}
    ]


def test_address_is_a_keyed_hash_and_its_domain():
    """The same person has the same hash on every line, whatever form the address came in."""
    stream = written()
    for to in ("Anna+t42.7.abcdefghijklmnopqrstuvwxyz@Shop.TEST", "anna@shop.test", "berta@shop.test"):
        events.seller_unknown(spool_id=1, ticket=None, desk="support", address=to)
    one, two, other = (line["address"] for line in lines(stream))
    assert one == two != other
    assert re.fullmatch(r"[0-9a-f]{12}@shop\.test", one)
    elsewhere = io.StringIO()
    events.configure("json", "hash", elsewhere, key=b"other")
    events.seller_unknown(spool_id=1, ticket=None, desk="support", address="anna@shop.test")
    assert lines(elsewhere)[0]["address"] != one


def test_addresses_inside_other_words_are_hashed_too():
    stream = written()
    reply = "550 5.1.1 <bounce+anna=shop.test@relay.test>: no such user, ask anna@shop.test."
    events.notice_refused(outbox_id=1, notice="remind", to="anna@shop.test", ticket=1, attempts=1, reply=reply)
    assert "anna" not in stream.getvalue()
    assert lines(stream)[0]["reply"].startswith("550 5.1.1 <")


@pytest.mark.parametrize(
    "address",
    ['"anna b"@shop.test', "anna@[192.0.2.1]", "änna@läden.test", "a" * 300 + "@shop.test", "anna=x@shop.test", "anna@x"],
)
def test_odd_addresses_are_hashed_too(address):
    stream = written()
    events.data_refused("192.0.2.1", f"no mail for {address} here")
    local = address.rpartition("@")[0].strip('"')
    assert local not in lines(stream)[0]["reason"]
    assert lines(stream)[0]["reason"].endswith(" here")


def test_masking_is_quick_whatever_comes():
    stream = written()
    start = time.process_time()
    for evil in ("a" * 10**6, "@" * 10**6, '"' * 10**6, "a@" * 10**6, "a." * 10**6):
        events.data_refused("192.0.2.1", evil)
    assert time.process_time() - start < 2
    assert len(lines(stream)) == 5


def test_plain_addresses_still_hide_what_a_reply_address_can_do():
    """The token in a reply address is a key to the ticket; a log is no place for it."""
    stream = written(addresses="plain")
    token = "abcdefghijklmnopqrstuvwxyz"
    events.seller_unknown(spool_id=1, ticket=None, desk="d", address=f"support+t42.7.{token}@shop.test")
    assert lines(stream)[0]["address"] == "support+t42.7.…@shop.test"
    assert token not in stream.getvalue()


def test_message_id_stays_whole():
    """It looks like an address and is what ops search for."""
    stream = written()
    events.message_settled(**SETTLED)
    assert lines(stream)[0]["message_id"] == "a@shop.test"


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_value_can_forge_a_line_or_steer_a_terminal(form):
    stream = written(form)
    evil = 'x\r\n\x1b[31m\x00\x07\x85\u2028\u202e{"event":"message.settled"}\ud800'
    events.session_refused(evil, evil, door=evil, reply=evil)
    (line,) = stream.getvalue().splitlines()
    assert line.isprintable()
    if form == "json":
        assert line.isascii()
        assert all(value.isprintable() for value in json.loads(line).values())


def test_values_are_cut():
    stream = written()
    many = [f"rule{n}" for n in range(1000)]
    events.message_settled(**SETTLED | {"violations": many, "meaning": "y" * 10**6})
    (line,) = lines(stream)
    assert len(line["meaning"]) == 200
    assert line["violations"][-1] == "and 950 more"


def test_instants_are_utc_and_lengths_are_seconds():
    at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    values = [scrub.clean(value, str) for value in (at, timedelta(minutes=2), b"body", {"b", "a"}, object())]
    assert values == ["2026-03-02T09:00:00Z", 120.0, "4 bytes", ["a", "b"], "object"]


def test_exception_shows_places_and_no_variables():
    """structlog's own tracebacks carry local variables: a password among them."""
    password = PLANTED

    def deliver(body: str) -> None:
        raise KeyError(body)

    stream = written()
    try:
        deliver(password)
    except KeyError as error:
        events.loop_failed(loop="courier", error=error)
        events.message_parked(spool_id=1, message_id=None, error=error)
    assert PLANTED not in stream.getvalue()
    first = lines(stream)[0]["error"]
    assert first["type"] == "KeyError"
    assert first["trace"][-1].endswith(" deliver")
    assert "said" not in first


def test_exception_of_the_machine_says_what_is_wrong():
    stream = written()
    events.loop_failed(loop="courier", error=OSError(28, "No space left on device", "/var/lib/m.db"))
    assert "No space left on device" in lines(stream)[0]["error"]["said"]


def test_store_errors_say_the_machines_part_only():
    """SQLAlchemy wraps what its driver or a bound value said."""
    stream = written()
    full = StatementError("failed", "INSERT", {"a": PLANTED}, sqlite3.OperationalError("database or disk is full"))
    wrong = StatementError("failed", "INSERT", {"a": PLANTED}, ValueError(PLANTED))
    for error in (full, wrong):
        events.loop_failed(loop="store", error=error)
    assert [line["error"].get("said") for line in lines(stream)] == ["database or disk is full", None]
    assert PLANTED not in stream.getvalue()


def test_exception_groups_and_causes_hide_their_words():
    stream = written()
    try:
        try:
            raise ValueError(PLANTED)
        except ValueError as error:
            raise OSError("disk gone") from error
    except OSError as error:
        error.add_note(PLANTED)
        events.loop_failed(loop="x", error=error)
        events.loop_failed(loop="x", error=ExceptionGroup(PLANTED, [ValueError(PLANTED)]))
    assert PLANTED not in stream.getvalue()
    assert lines(stream)[0]["error"]["cause"] == "ValueError"


def test_library_lines_come_without_their_values():
    """aioimaplib logs commands with passwords, a store error its rows."""
    stream = written()
    library = logging.getLogger("aioimaplib.aioimaplib")
    library.warning("unexpected %s for %r", f"LOGIN u {PLANTED}", PLANTED)
    library.error(f"no pattern: {PLANTED}")
    library.info("nothing to see")
    try:
        raise RuntimeError(PLANTED)
    except RuntimeError:
        logging.getLogger("sqlalchemy.pool").exception("Exception during reset")
    found = lines(stream)
    assert PLANTED not in stream.getvalue()
    assert [line["event"] for line in found] == ["library.warned"] * 3
    assert found[0]["said"] == "unexpected %s for %r"
    assert found[1]["said"] == ""
    assert found[1]["place"].startswith("test_events:")
    assert found[2]["error"]["type"] == "RuntimeError"


def test_smtp_library_is_silent():
    """aiosmtpd logs what it does not understand: pipelined credentials among it (our own events tell of sessions)."""
    stream = written()
    logging.getLogger("mail.log").error("unrecognised: %s", PLANTED)
    logging.getLogger("mail.log").warning(f"unrecognised: {PLANTED}")
    assert stream.getvalue() == ""


def test_lost_task_does_not_tell_what_it_held():
    stream = written()

    async def lose() -> None:
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"Exception in callback f({PLANTED!r})", "exception": ValueError(PLANTED), "task": PLANTED}
        )

    asyncio.run(lose())
    (line,) = lines(stream)
    assert line["library"] == "asyncio"
    assert line["said"] == "Exception in callback f"
    assert PLANTED not in stream.getvalue()


def test_noisy_library_is_quiet_after_ten_lines():
    """Out of sockets, the accept loop logs tens of thousands of lines a second."""
    stream = written()
    for _ in range(1000):
        logging.getLogger("asyncio").error("socket.accept() out of system resource")
    assert len(lines(stream)) <= 20


def test_stream_that_is_gone_stops_nobody():
    stream = written()
    stream.close()
    events.message_settled(**SETTLED)


def test_routing_twice_writes_once():
    written()
    stream = written()
    logging.getLogger("asyncio").error("once")
    assert len(lines(stream)) == 1


def declared() -> list[tuple[str, str]]:
    """(event, the function that writes it) of everything in the catalogue."""
    return [(name, name.replace(".", "_")) for name in log.DECLARED if name != "library.warned"]


@pytest.mark.parametrize(("name", "function"), declared())
def test_every_event_is_one_function_of_its_name(name, function):
    """`noun.past_participle`, only named fields, and one sentence."""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)?\.[a-z]+(_[a-z]+)?", name)
    found = getattr(events, function)
    parameters = inspect.signature(found).parameters.values()
    at_the_doors = function in ("session_refused", "session_failed", "data_refused")
    assert at_the_doors or all(each.kind is each.KEYWORD_ONLY for each in parameters)
    assert not {"subject", "body", "text", "password", "html"} & {each.name for each in parameters}
    assert (inspect.getdoc(found) or "").endswith(".")


@pytest.mark.parametrize(("name", "function"), declared())
def test_no_field_of_any_event_lets_a_planted_exception_or_bytes_through(name, function):
    """Whatever is handed in by mistake, a mail's words in an exception or in bytes stay out."""
    stream = written(level="debug")
    found = getattr(events, function)
    for value in (ValueError(PLANTED), PLANTED.encode(), {"a": ValueError(PLANTED)}):
        found(**dict.fromkeys(inspect.signature(found).parameters, value))
    assert len(lines(stream)) == 3
    assert PLANTED not in stream.getvalue()


def test_catalogue_page_is_the_code():
    page = (ROOT / "docs/log-catalogue.md").read_text("utf-8")
    make = "python -c \"from mailgate import events; print(events.catalogue(), end='')\" > docs/log-catalogue.md"
    assert page == events.catalogue(), f"write it again: {make}"
    fields = {field for each in log.DECLARED.values() for field in each.fields}
    assert FIELDS.keys() <= fields, "a field that no event has"
