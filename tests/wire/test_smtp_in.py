"""What a client hears from the SMTP door, dialog by dialog."""

from __future__ import annotations

import asyncio
import resource
from datetime import UTC, timedelta

import pytest

from mailgate.mail.message import Envelope
from mailgate.wire import clock, lobby, smtp_connection
from mailgate.wire.lobby import Client
from mailgate.wire.smtp_data import Mail
from mailgate.wire.smtp_in import Outcome

from .conftest import house

MAIL = b"Subject: hello\r\n\r\nhow are you?\r\n"


async def test_a_client_sends_a_mail_and_hears_what_became_of_it():
    """RFC 5321 §4.2.5: the reply to the dot is what the delivery says; the bytes are the mail's, without additions."""
    async with house() as desk:
        talk = await desk.knock()
        assert await talk.hears() == "220 mx.shop.test ESMTP"
        offer = (await talk.says("EHLO client.test")).split("|")
        assert offer == [
            "250-mx.shop.test",
            "250-SIZE 52428800",
            "250-8BITMIME",
            "250-SMTPUTF8",
            "250-PIPELINING",
            "250 ENHANCEDSTATUSCODES",
        ]
        assert await talk.says("MAIL FROM:<ann@client.test> SIZE=33 BODY=8BITMIME") == "250 2.1.0 ok"
        assert await talk.says("RCPT TO:<desk@shop.test>") == "250 2.1.5 ok"
        assert await talk.says("RCPT TO:<Desk+t42@shop.test>") == "250 2.1.5 ok"
        assert (await talk.says("DATA")).startswith("354 ")
        assert await talk.says(MAIL + b".\r\n") == "250 2.0.0 stored as 1"
        assert await talk.says("QUIT") == "221 2.0.0 bye"
        assert await talk.hears() == ""
    [(envelope, content)] = desk.mails
    assert content == MAIL
    assert envelope.received_at.tzinfo is UTC
    assert envelope == Envelope(
        "ann@client.test",
        ("desk@shop.test", "Desk+t42@shop.test"),
        envelope.received_at,
        "smtp",
        "127.0.0.1",
        "client.test",
    )


async def test_the_null_sender_is_none():
    """RFC 5321 §4.5.5: <> is nobody's address."""
    async with house() as desk:
        talk = await desk.visit()
        await talk.says("HELO client.test")
        assert await talk.says("MAIL FROM:<>") == "250 2.1.0 ok"
        assert await talk.says("MAIL FROM:<>") == "503 5.5.1 a mail is begun already"
        await talk.says("RCPT TO:<desk@shop.test>")
        await talk.says("DATA")
        await talk.says(MAIL + b".\r\n")
    assert desk.mails[0][0].reverse_path is None


async def test_commands_sent_ahead_are_answered_in_order():
    """RFC 2920: PIPELINING, also after the dot."""
    ahead = b"EHLO c.test\r\nMAIL FROM:<a@c.test>\r\nRCPT TO:<desk@shop.test>\r\nRCPT TO:<x@else.test>\r\nDATA\r\n"
    async with house() as desk:
        talk = await desk.visit()
        talk.writes(ahead)
        codes = [(await talk.hears())[:3] for _ in range(5)]
        assert codes == ["250", "250", "250", "550", "354"]
        talk.writes(MAIL + b".\r\nMAIL FROM:<b@c.test>\r\nQUIT\r\n")
        assert [(await talk.hears())[:3] for _ in range(3)] == ["250", "250", "221"]
    assert [envelope.forward_paths for envelope, _ in desk.mails] == [("desk@shop.test",)]


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("RCPT TO:<x@else.test>", "550 5.7.1"),
        ("RCPT TO:<desk@shop.test> NOTIFY=NEVER", "555 5.5.4"),
        ("RCPT TO:<de sk@shop.test>", "553 5.1.3"),
        ("RCPT TO:<desk(hi)@shop.test>", "553 5.1.3"),
        ("RCPT TO:<>", "501 5.1.3"),
        ("RCPT desk@shop.test", "501 5.5.4"),
        (f"RCPT TO:<{'x' * 65}@shop.test>", "553 5.1.3"),
        (f"RCPT TO:<x@{'shop.' * 52}test>", "553 5.1.3"),
        ('RCPT TO:<"a\x7fb"@shop.test>', "500 5.5.2"),
        ("RCPT TO:<a\rb@shop.test>", "500 5.5.2"),
        ("RCPT TO:<a\x00b@shop.test>", "500 5.5.2"),
        (b"RCPT TO:<\xffa@shop.test>\r\n", "553 5.1.3"),
        ("RCPT TO:<bücher@shop.test>", "553 5.6.7"),
        ("MAIL FROM:<b@c.test>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("STARTTLS", "454 4.7.0"),
        ("AUTH PLAIN AGEAYg==", "502 5.5.1"),
        ("EXPN staff", "502 5.5.1"),
        ("VRFY desk", "252 2.5.2"),
        ("VRFY nobody", "252 2.5.2"),
        ("LHLO c.test", "500 5.5.1"),
        ("HELP", "214 2.0.0"),
        ("XCLIENT NAME=x", "500 5.5.2 no such command"),
        ("", "500 5.5.2"),
        (b"NOOP\n", "500 5.5.2"),
        ("NOOP " + "x" * 3000, "500 5.5.2 line too long"),
        ("NÖÖP", "500 5.5.2"),
        ("\tNOOP", "500 5.5.2"),
    ],
)
async def test_a_line_gets_its_reply_and_the_session_stays_in_step(line: str | bytes, reply: str):
    """One reply for each line, the right one, and the next command works."""
    async with house() as desk:
        talk = await desk.visit()
        await talk.says("EHLO c.test")
        await talk.says("MAIL FROM:<a@c.test>")
        assert (await talk.says(line)).startswith(reply)
        assert await talk.says("RCPT TO:<desk@shop.test>") == "250 2.1.5 ok"
        assert (await talk.says("DATA")).startswith("354")
        assert (await talk.says(MAIL + b".\r\n")).startswith("250")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("MAIL FROM:<a@c.test> SIZE=52428801", "552 5.3.4"),
        ("MAIL FROM:<a@c.test> SIZE=²", "501 5.5.4"),
        ("MAIL FROM:<a@c.test> SIZE", "501 5.5.4"),
        ("MAIL FROM:<a@c.test> SIZE=9999999999999999999999", "501 5.5.4"),
        ("MAIL FROM:<a@c.test> BODY=BINARYMIME", "501 5.5.4"),
        ("MAIL FROM:<a@c.test> SMTPUTF8=1", "501 5.5.4"),
        ("MAIL FROM:<a@c.test> RET=HDRS", "555 5.5.4"),
        ("MAIL FROM:<a@c.test>SIZE=3", "553 5.1.7"),
        ("MAIL FROM:<postmaster>", "553 5.1.7"),
        ("MAIL FROM:<ü@c.test>", "553 5.6.7"),
        ("MAIL FROM:<ü@c.test> SMTPUTF8", "250 2.1.0"),
        ("MAIL FROM: a@c.test", "250 2.1.0"),
        ("mail from:<a@c.test>", "250 2.1.0"),
    ],
)
async def test_a_sender_is_taken_or_refused(line: str, reply: str):
    """RFC 5321 §4.1.1.2, 1870, 6152, 6531; a refused MAIL leaves no transaction behind."""
    async with house() as desk:
        talk = await desk.visit()
        assert (await talk.says("MAIL FROM:<a@c.test>")).startswith("503 5.5.1 EHLO first")
        await talk.says("EHLO c.test")
        assert (await talk.says(line)).startswith(reply)
        recipient = await talk.says("RCPT TO:<desk@shop.test>")
        assert recipient.startswith("250" if reply.startswith("250") else "503")


async def test_postmaster_is_known_without_a_domain():
    """RFC 5321 §4.5.1."""
    async with house(knows=lambda address: address == "postmaster@mx.shop.test") as desk:
        talk = await desk.visit()
        await talk.begins("PostMaster")
        assert (await talk.says(MAIL + b".\r\n")).startswith("250")
    assert desk.mails[0][0].forward_paths == ("postmaster@mx.shop.test",)


async def test_the_101st_recipient_is_for_another_time_and_the_mail_still_goes():
    """RFC 5321 §4.5.3.1.10: 452, which does not use up the error budget; the same address twice counts once."""
    async with house() as desk:
        talk = await desk.visit()
        await talk.says("EHLO c.test")
        await talk.says("MAIL FROM:<a@c.test>")
        replies = [await talk.says(f"RCPT TO:<u{n % 90}@shop.test>") for n in range(120)]
        assert {reply[:3] for reply in replies[:100]} == {"250"}
        assert set(replies[100:]) == {"452 4.5.3 too many recipients"}
        await talk.says("DATA")
        assert (await talk.says(MAIL + b".\r\n")).startswith("250")
    assert len(desk.mails[0][0].forward_paths) == 90


async def test_a_flood_of_recipients_ends():
    """10,000 RCPT do not get 10,000 answers."""
    async with house() as desk:
        talk = await desk.visit()
        await talk.says("EHLO c.test")
        await talk.says("MAIL FROM:<a@c.test>")
        for n in range(10_000):
            talk.writes(f"RCPT TO:<u{n}@shop.test>")
        heard = []
        while reply := await talk.hears():
            heard.append(reply)
        assert heard[-1] == "421 4.7.0 too many errors"
        assert len(heard) <= 1111


async def test_ten_errors_are_enough():
    """Every 4yz and 5yz counts, whatever caused it."""
    async with house() as desk:
        talk = await desk.visit()
        await talk.says("EHLO c.test")
        await talk.says("MAIL FROM:<a@c.test>")
        heard = [await talk.says("RCPT TO:<x@else.test>") for _ in range(10)]
        assert heard == ["550 5.7.1 not an address of ours"] * 9 + ["421 4.7.0 too many errors"]
        assert await talk.hears() == ""
    assert desk.log.refused == ["421 4.7.0 too many errors"]


async def test_a_mail_that_was_taken_forgives_earlier_errors():
    """A long session of an honest relay is not cut for one wrong recipient a mail."""
    async with house() as desk:
        talk = await desk.visit()
        await talk.says("EHLO c.test")
        for _ in range(15):
            await talk.says("MAIL FROM:<a@c.test>")
            await talk.says("RCPT TO:<x@else.test>")
            await talk.says("RCPT TO:<desk@shop.test>")
            await talk.says("DATA")
            assert (await talk.says(MAIL + b".\r\n")).startswith("250")


async def test_a_hundred_commands_that_move_no_mail_are_enough():
    """NOOP, RSET, EHLO and their like."""
    async with house() as desk:
        talk = await desk.visit()
        heard = [await talk.says(("NOOP", "RSET", "EHLO c.test")[n % 3]) for n in range(101)]
        assert heard[-1] == "421 4.7.0 too many commands without a mail"
        assert all(reply.startswith("250") for reply in heard[:-1])


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\nHost: x\n\n",
        b"CONNECT x:25 HTTP/1.1\r\n",
        bytes.fromhex("160301020001000001fc0303"),
        b"\x80\x9e\x01\x03",
        b"x" * 70_000,
    ],
)
async def test_what_is_no_smtp_is_cut_at_once(first: bytes):
    """A browser's POST must never end up as a mail."""
    async with house() as desk:
        talk = await desk.visit()
        assert (await talk.says(first)).startswith("421 4.7.0")
        assert await talk.hears() == ""


async def test_bdat_is_cut_because_its_bytes_would_be_taken_for_commands():
    """RFC 3030 is not offered."""
    async with house() as desk:
        talk = await desk.visit()
        await talk.says("EHLO c.test")
        talk.writes(b"BDAT 20 LAST\r\nMAIL FROM:<a@c.test>\r\n")
        assert (await talk.hears()).startswith("421")
        assert await talk.hears() == ""


async def test_a_second_error_before_the_hello_is_the_last():
    """Who cannot even greet is no mail client."""
    async with house() as desk:
        talk = await desk.visit()
        assert (await talk.says("FOO")).startswith("500")
        assert (await talk.says("BAR")).startswith("421")


async def test_a_fault_of_ours_is_451_with_a_number_and_nothing_else():
    """Never 5yz, never the exception's name or words."""

    async def broken(envelope: Envelope, content: bytes) -> Outcome:
        raise RuntimeError("database is locked\r\n250 fooled")

    async with house(accept=broken) as desk:
        talk = await desk.visit()
        await talk.begins()
        reply = await talk.says(MAIL + b".\r\n")
        [(error_id, error)] = desk.log.failed
        assert reply == f"451 4.3.0 try again ({error_id})"
        assert isinstance(error, RuntimeError)
        assert await talk.says("NOOP") == "250 2.0.0 ok"


async def test_a_fault_of_ours_inside_a_mail_ends_the_session(monkeypatch: pytest.MonkeyPatch):
    """What is left of the mail must never be taken for commands."""

    def broken(mail: Mail, buffer: bytearray) -> bool:
        raise MemoryError

    async with house() as desk:
        talk = await desk.visit()
        await talk.begins()
        with monkeypatch.context() as patched:
            patched.setattr(Mail, "take", broken)
            reply = await talk.says(b"x\r\nRSET\r\nMAIL FROM:<evil@c.test>\r\nRCPT TO:<desk@shop.test>\r\nDATA\r\nx\r\n.\r\n")
            [(error_id, _)] = desk.log.failed
            assert reply == f"421 4.3.0 try again ({error_id})"
            assert await talk.hears() == ""
    assert desk.mails == []


async def test_a_fault_in_knowing_addresses_is_451_too():
    """A directory that cannot be read refuses nobody for good."""

    def broken(address: str) -> bool:
        raise OSError("disk")

    async with house(knows=broken) as desk:
        talk = await desk.visit()
        await talk.says("EHLO c.test")
        await talk.says("MAIL FROM:<a@c.test>")
        assert (await talk.says("RCPT TO:<desk@shop.test>")).startswith("451 4.3.0 try again (")


async def test_an_outcome_cannot_break_the_reply_in_two():
    """Control characters in an outcome's text are blanks on the wire."""

    async def helpful(envelope: Envelope, content: bytes) -> Outcome:
        return Outcome(550, "5.7.1 copy the helpdesk:\r\n250 é")

    async with house(accept=helpful) as desk:
        talk = await desk.visit()
        await talk.begins()
        assert await talk.says(MAIL + b".\r\n") == "550 5.7.1 copy the helpdesk:  250  "


async def test_a_client_who_leaves_after_the_dot_does_not_undo_the_delivery():
    """The delivery runs on; the sender will come again and the copy is recognised (I1)."""
    begun, go, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(envelope: Envelope, content: bytes) -> Outcome:
        begun.set()
        await go.wait()
        done.set()
        return Outcome(250, "2.0.0 ok")

    async with house(accept=slow) as desk:
        talk = await desk.visit()
        await talk.begins()
        talk.writes(MAIL + b".\r\n")
        await begun.wait()
        talk.writer.transport.abort()
        other = await desk.visit()
        await other.says("NOOP")
        go.set()
        await asyncio.wait_for(done.wait(), 5)
    assert desk.log.failed == []


async def test_a_client_who_leaves_in_the_middle_leaves_nothing():
    """No dot, no mail (I2)."""
    async with house() as desk:
        talk = await desk.visit()
        await talk.begins()
        talk.writes(MAIL)
        talk.writer.write_eof()
        assert await talk.hears() == ""
    assert desk.mails == []


async def test_a_client_who_shuts_his_side_after_the_dot_still_hears_the_reply():
    """Half-closed is not gone."""
    async with house() as desk:
        talk = await desk.visit()
        await talk.begins()
        talk.writes(MAIL + b".\r\nQUIT\r\n")
        talk.writer.write_eof()
        assert (await talk.hears()).startswith("250")
        assert (await talk.hears()).startswith("221")
    assert len(desk.mails) == 1


async def test_a_delivery_that_takes_too_long_is_451_and_goes_on():
    """The client may send again; our own patience cancels nothing."""
    go = asyncio.Event()

    async def slow(envelope: Envelope, content: bytes) -> Outcome:
        await go.wait()
        return Outcome(250, "2.0.0 ok")

    async with house(accept=slow, patience=timedelta(milliseconds=1)) as desk:
        talk = await desk.visit()
        await talk.begins()
        assert (await talk.says(MAIL + b".\r\n")).startswith("451 4.3.0 try again (")
        go.set()


async def test_one_network_may_not_fill_the_house():
    """421 in place of a greeting; the place is free again once a session has ended."""
    async with house(connections_per_network=2) as desk:
        first, second = await desk.visit(), await desk.visit()
        third = await desk.knock()
        assert await third.hears() == "421 4.7.0 too many connections from your network"
        assert await third.hears() == ""
        await first.says("QUIT")
        assert await first.hears() == ""
        assert (await (await desk.knock()).hears()).startswith("220")
        assert await second.says("NOOP") == "250 2.0.0 ok"


async def test_a_full_house_greets_nobody_but_relays():
    """All connections together have a limit, too; a trusted relay speaks for many."""
    async with house(connections=1) as desk:
        [trusted] = await desk.doors.open(["127.0.0.1:0"], "smtp", None, ["127.0.0.0/8"])
        await desk.visit()
        assert (await (await desk.knock()).hears()).startswith("421 4.7.0 too many connections")
        assert (await (await desk.knock(trusted)).hears()).startswith("220")


async def test_a_relay_may_err_as_often_as_its_clients_do():
    """Limits keyed by client do not apply to trusted relays; long reverse paths of theirs pass, too."""
    async with house(relays=("127.0.0.1",)) as desk:
        talk = await desk.visit()
        await talk.says("EHLO relay.test")
        verp = "bounces+" + "x" * 80 + "=example.org@mail.test"
        assert (await talk.says(f"MAIL FROM:<{verp}>")).startswith("250")
        for _ in range(50):
            assert (await talk.says("RCPT TO:<x@else.test>")).startswith("550")
        for _ in range(150):
            assert (await talk.says("NOOP")).startswith("250")


async def test_few_descriptors_are_shared_among_networks(monkeypatch: pytest.MonkeyPatch):
    """One network gets half of the places at the most: who takes them all does not shut the door."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 64))
    async with house() as desk:
        greetings = [(await (await desk.knock()).hears())[:3] for _ in range(7)]
        assert greetings == ["220"] * 5 + ["421"] * 2
        other = Client("192.0.2.1", "192.0.2.1/32")
        assert desk.doors._lobby.refusal(other) == ""


async def test_the_silent_give_way_when_the_house_is_nearly_full(monkeypatch: pytest.MonkeyPatch):
    """Who takes a place and says nothing keeps it only as long as nobody else wants it."""
    monkeypatch.setattr(lobby, "SILENT_IN_A_CROWD", -1.0)
    async with house(connections=2, connections_per_network=2) as desk:
        first, second = await desk.visit(), await desk.visit()
        assert (await (await desk.knock()).hears()).startswith("421 4.7.0")
        assert await first.hears() == await second.hears() == "421 4.3.2 others need the place"
        assert await first.hears() == await second.hears() == ""
        assert (await (await desk.knock()).hears()).startswith("220")


async def test_a_flood_of_refusals_is_counted_and_not_told_one_by_one():
    """Five lines a minute for a client and reason; the rest is one line."""
    async with house(connections_per_network=0) as desk:
        for _ in range(20):
            assert (await (await desk.knock()).hears()).startswith("421")
        assert len(desk.log.refused) == 5
    assert desk.log.counted == [(15, 1)]


async def test_too_many_bytes_in_flight_are_for_another_time():
    """A declared size that does not fit is refused at DATA; one that was not declared, at the dot."""
    async with house(in_flight=10_000) as desk:
        talk = await desk.visit()
        await talk.says("EHLO c.test")
        await talk.says("MAIL FROM:<a@c.test> SIZE=10001")
        await talk.says("RCPT TO:<desk@shop.test>")
        assert (await talk.says("DATA")).startswith("452 4.3.1")
        await talk.says("RSET")
        await talk.begins()
        assert (await talk.says((b"x" * 998 + b"\r\n") * 200 + b".\r\n")).startswith("452 4.3.1")
        await talk.begins()
        assert (await talk.says(MAIL + b".\r\n")).startswith("250")
    assert desk.doors.in_flight == 0


async def test_a_full_disk_is_told_before_the_mail_is_sent(monkeypatch: pytest.MonkeyPatch):
    """Room for less than two mails of the largest size: 452 to MAIL, and no error of the client; with room again it goes on."""
    now, free = [100.0], [19_999]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    async with house(free=lambda: free[0], size=10_000, hard_errors=2) as desk:
        talk = await desk.visit()
        await talk.says("EHLO c.test")
        for _ in range(3):
            assert (await talk.says("MAIL FROM:<a@c.test>")).startswith("452 4.3.1")
        free[0] = 20_000
        assert (await talk.says("MAIL FROM:<a@c.test>")).startswith("452 4.3.1")
        now[0] += 1
        await talk.begins()
        assert (await talk.says(MAIL + b".\r\n")).startswith("250")
    assert desk.log.data == ["452 4.3.1 no room on the disk, try again"] * 4


async def test_closing_waits_for_the_mail_in_hand_and_sends_the_rest_away():
    """SIGTERM finishes what is in hand: 250 and then 421 for the one, 421 for the others."""
    go = asyncio.Event()

    async def slow(envelope: Envelope, content: bytes) -> Outcome:
        await go.wait()
        return Outcome(250, "2.0.0 ok")

    async with house(accept=slow) as desk:
        busy, idle = await desk.visit(), await desk.visit()
        await busy.begins()
        busy.writes(MAIL)
        closing = asyncio.create_task(desk.doors.drain(5))
        assert await idle.hears() == "421 4.3.2 closing"
        go.set()
        assert await busy.says(b".\r\n") == "250 2.0.0 ok"
        assert await busy.hears() == "421 4.3.2 closing"
        await closing
        with pytest.raises(OSError):
            await desk.knock()


async def test_closing_does_not_wait_for_ever():
    """Who has not sent his dot by then is cut, and nothing of his mail is kept."""
    async with house() as desk:
        talk = await desk.visit()
        await talk.begins()
        talk.writes(MAIL)
        await desk.doors.drain(0.01)
        assert await talk.hears() == "421 4.3.2 closing"
        assert await talk.hears() == ""
    assert desk.mails == []


async def test_an_idle_client_is_told_so():
    """RFC 5321 §4.5.3.2.7: five minutes by default."""
    async with house(idle=timedelta(milliseconds=20)) as desk:
        talk = await desk.visit()
        assert await talk.hears() == "421 4.4.2 idle for too long"


async def test_a_client_who_stalls_inside_a_mail_is_told_so():
    """Time between two pieces of a mail has its own limit."""
    async with house(data_idle=timedelta(milliseconds=20)) as desk:
        talk = await desk.visit()
        await talk.begins()
        assert await talk.says(b"Subject: slow\r\n") == "421 4.4.2 idle for too long"


async def test_a_client_who_drips_a_mail_is_told_so():
    """Bytes that come far apart do not wind the clock up again: 500 a second do."""
    async with house(data_idle=timedelta(milliseconds=200)) as desk:
        talk = await desk.visit()
        await talk.begins()
        reply = asyncio.create_task(talk.hears())
        for _ in range(100):
            talk.writes(b"x")
            await asyncio.wait({reply}, timeout=0.02)
        assert await reply == "421 4.4.2 idle for too long"


async def test_a_steady_sender_may_take_longer_than_the_patience_between_two_pieces():
    """An honest mail over a slow line is no attack."""
    async with house(data_idle=timedelta(milliseconds=200)) as desk:
        talk = await desk.visit()
        await talk.begins()
        reply = asyncio.create_task(talk.hears())
        for _ in range(25):
            talk.writes(b"x" * 98 + b"\r\n")
            await asyncio.wait({reply}, timeout=0.02)
        talk.writes(b".\r\n")
        assert (await reply).startswith("250")


async def test_a_session_has_an_end_even_for_one_who_never_pauses():
    """Thirty minutes by default, inside a mail or not; trusted relays keep their connection."""
    async with house(session=timedelta(milliseconds=20)) as desk:
        [trusted] = await desk.doors.open(["127.0.0.1:0"], "smtp", None, ["127.0.0.1"])
        relay = await desk.visit(trusted)
        talk, mailing = await desk.visit(), await desk.visit()
        await mailing.begins()
        assert await talk.hears() == "421 4.3.2 session too long"
        assert await mailing.hears() == "421 4.3.2 session too long"
        assert await relay.says("NOOP") == "250 2.0.0 ok"


async def test_a_client_who_never_reads_is_dropped(monkeypatch: pytest.MonkeyPatch):
    """A reply that cannot be delivered does not hold the session."""
    monkeypatch.setattr(smtp_connection, "ABORT_AFTER", 0.01)
    async with house(relays=("127.0.0.1",), idle=timedelta(milliseconds=50)) as desk:
        talk = await desk.visit()
        talk.writer.transport.pause_reading()
        talk.writes(b"EHLO client.test\r\n" * 100_000)
        [session] = desk.doors._lobby.guests
        await asyncio.wait({session.handler}, timeout=20)
        assert desk.doors.sessions == 0


async def test_several_outcomes_over_smtp_make_one_careful_reply():
    """SMTP has one reply: temporary if anybody's is."""

    async def each(envelope: Envelope, content: bytes) -> tuple[Outcome, ...]:
        return (Outcome(250, "2.0.0 a"), Outcome(451, "4.2.0 b"), Outcome(552, "5.2.2 c"))

    async with house(accept=each) as desk:
        talk = await desk.visit()
        await talk.begins("a@shop.test", "b@shop.test", "c@shop.test")
        assert await talk.says(MAIL + b".\r\n") == "451 4.2.0 b"


async def test_doors_of_every_kind_open(tmp_path):
    """Unix sockets, IPv6, several at once; addresses come back as configuration writes them."""
    async with house(listen=f"unix:{tmp_path}/smtp") as desk:
        assert desk.address == f"unix:{tmp_path}/smtp"
        talk = await desk.visit()
        await talk.begins()
        assert (await talk.says(MAIL + b".\r\n")).startswith("250")
        [loopback] = await desk.doors.open(["127.0.0.1:0"], "smtp", None, [])
        assert loopback.startswith("127.0.0.1:")
        with pytest.raises(ValueError, match="host:port"):
            await desk.doors.open(["25"], "smtp", None, [])
        with pytest.raises(ValueError):
            await desk.doors.open([], "smtp", None, ["relay.test"])
    assert desk.mails[0][0].client == "unix"
    assert not (tmp_path / "smtp").exists()


async def test_an_inherited_listener_is_served():
    """fd:N, as systemd hands it over."""
    import socket

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    async with house(listen=f"fd:{listener.detach()}") as desk:
        assert desk.address == f"127.0.0.1:{port}"
        talk = await desk.visit()
        assert (await talk.says("EHLO c.test")).startswith("250")
