"""The IMAP client against a server that does what it likes: what is not as it should be ends the connection."""

from __future__ import annotations

import asyncio
import logging
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime

import pytest
from imap_fake import QUICK, SECRET, USER, Fake, Line, serving

from mailgate.wire import imap_text
from mailgate.wire.imap_connect import LoginError, Server
from mailgate.wire.imap_protocol import ImapError, Protocol, RefusedError, uid_set
from mailgate.wire.imap_session import PART, WINDOW, Head, Opened, Session

LIMIT = 8 * 1024 * 1024
RAW = b"From: a@b.test\r\nSubject: ** URGENT ** 5 * 3 (((\r\n\r\n* 9 FETCH (UID 1 {3}\r\nA1 OK done\r\n"


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    """A server without mails."""
    async with serving() as made:
        yield made


@pytest.fixture
async def opened(fake: Fake) -> AsyncIterator[Callable]:
    """`await opened()`: a session at the server, logged in; closed at the end."""
    async with AsyncExitStack() as stack:

        async def open_one(secret: str = SECRET, **server: object) -> Session:
            session = await Session.open(_server(fake, **server), _secret(secret), QUICK)
            stack.callback(session.close)
            return session

        yield open_one


def _server(fake: Fake, **changes: object) -> Server:
    return Server(**{"host": "127.0.0.1", "port": fake.port, "username": USER, "tls": "none", **changes})


def _secret(word: str) -> Callable:
    async def tell() -> str:
        return word

    return tell


async def all_of(session: Session, limit: int = LIMIT) -> dict[int, bytes | str]:
    """Every mail of the open folder."""
    at = await session.select("INBOX")
    heads = await session.heads(await session.uids_after(0, at))
    return {head.uid: body async for head, body in session.bodies(heads, limit)}


# what aioimaplib does not survive


async def test_mail_comes_as_it_is(fake: Fake, opened: Callable) -> None:
    """B10, B11: asterisks, parentheses, and what looks like answers, stay what the mail says."""
    fake.adds(RAW, b"", RAW * 2)
    assert await all_of(await opened()) == {1: RAW, 2: b"", 3: RAW * 2}
    assert [line for line in fake.heard if line.startswith("UID FETCH") and "BODY" in line] == [
        f"UID FETCH 1:3 (UID BODY.PEEK[]<0.{PART}>)"
    ]


async def test_thousands_of_answers_in_one_piece_are_read(fake: Fake, opened: Callable) -> None:
    """B2: no recursion, whatever came at once."""
    fake.adds(*[RAW] * 200)

    async def chatty(line: Line, tag: str, rest: str) -> None:
        line.says(b"".join(b"* %d FETCH (FLAGS (\\Seen))\r\n" % n for n in range(1, 5000)))
        await fake.does_uid_fetch(line, tag, rest)

    fake.on["UID FETCH"] = chatty
    assert len(await all_of(await opened())) == 200


async def test_answer_that_comes_late_is_never_taken_for_the_next(fake: Fake, opened: Callable) -> None:
    """B3: after a silence the connection ends; nothing is asked on it any more."""
    fake.adds(RAW, RAW)
    fake.on["UID FETCH"] = Line.hangs
    session = await opened()
    await session.select("INBOX")
    with pytest.raises(ImapError, match="no answer to FETCH for 1 s"):
        await session.heads([1])
    with pytest.raises(ImapError, match="no answer to FETCH"):
        await session.heads([2])
    assert sum(line.startswith("UID FETCH") for line in fake.heard) == 1


async def test_answers_about_other_mails_are_dropped(fake: Fake, opened: Callable) -> None:
    """B3: the UID in each answer is looked at."""
    fake.adds(RAW, b"other")

    async def other(line: Line, tag: str, rest: str) -> None:
        line.says("* 1 FETCH (UID 2 BODY[]<0> {5}", "other)", f"{tag} OK done")

    session = await opened()
    await session.select("INBOX")
    fake.on["UID FETCH"] = other
    assert [body async for _, body in session.bodies([Head(1, None, 5)], LIMIT)] == ["gone"]


@pytest.mark.parametrize("answer", ["ZZ9 OK done", "A OK", "* BYE over", "nonsense", "+ more", "", "\0\0\0", "OK"])
async def test_answer_that_fits_nothing_ends_the_connection(fake: Fake, opened: Callable, answer: str) -> None:
    """B4: a wrong tag, a farewell, a question out of place."""
    session = await opened()

    async def odd(line: Line, tag: str, rest: str) -> None:
        line.says(answer)

    fake.on["EXAMINE"] = odd
    with pytest.raises(ImapError):
        await session.select("INBOX")
    with pytest.raises(ImapError):
        await session.select("Sent")


async def test_lost_connection_fails_who_waits_at_once(fake: Fake, opened: Callable) -> None:
    """B5: not after the time for an answer."""

    async def dropped(line: Line, tag: str, rest: str) -> None:
        line.drops()

    fake.on["EXAMINE"] = dropped
    session = await opened()
    session.pace = QUICK.__class__(silence=1000)
    async with asyncio.timeout(5):
        with pytest.raises(ImapError, match="the connection broke|closed the connection"):
            await session.select("INBOX")


@pytest.mark.parametrize(
    "flood",
    [b"* 1 FETCH (UID 1 BODY[]<0> {99999999999}\r\n", b"* 1 FETCH (UID 1 BODY[]<0> {1050000}\r\n", b"* " + b"x" * 5_000_000],
)
async def test_literal_or_line_beyond_the_caps_ends_the_connection(fake: Fake, opened: Callable, flood: bytes) -> None:
    """B8: a server can't make us keep more than a few megabytes."""

    async def floods(line: Line, tag: str, rest: str) -> None:
        line.says(flood)
        await line.hangs()

    session = await opened()
    await session.select("INBOX")
    fake.on["UID FETCH"] = floods
    with pytest.raises(ImapError, match="too long"):
        await session.heads([1])


async def test_endless_answers_end_the_connection_in_bounded_memory(fake: Fake, opened: Callable) -> None:
    """B8: neither many small answers nor many literals fill the memory."""

    async def endless(line: Line, tag: str, rest: str) -> None:
        while not line.writer.transport.is_closing():
            line.says(b"* 1 FETCH (UID 1 BODY[]<0> {1000000}\r\n" + b"x" * 1_000_000 + b")\r\n")
            await line.writer.drain()

    session = await opened()
    await session.select("INBOX")
    fake.on["UID FETCH"] = endless
    tracemalloc.start()
    try:
        with pytest.raises(ImapError, match="too long|too many"):
            await session.heads([1])
        assert tracemalloc.get_traced_memory()[1] < 150_000_000
    finally:
        tracemalloc.stop()


async def test_mail_larger_than_a_part_comes_in_parts(fake: Fake, opened: Callable) -> None:
    """Whatever size the server claimed, a mail ends where a part is short; one beyond the limit is not taken."""
    exact, longer, huge = b"a" * PART, b"b" * (PART * 2 + 5), b"c" * (LIMIT + 1)
    fake.adds(exact, longer, huge)
    assert await all_of(await opened()) == {1: exact, 2: longer, 3: "too large"}
    assert not any("UID FETCH 3 (UID BODY" in line for line in fake.heard)


async def test_size_that_was_a_lie_does_not_matter(fake: Fake, opened: Callable) -> None:
    """RFC822.SIZE is a hint: a small one does not cut a mail, and the limit holds by what really comes."""
    fake.adds(b"b" * (PART * 2 + 5), b"c" * (LIMIT + PART))
    session = await opened()
    await session.select("INBOX")
    heads = [Head(1, None, 10), Head(2, None, 10)]
    assert [len(body) async for _, body in session.bodies(heads, LIMIT)] == [PART * 2 + 5, len("too large")]


async def test_one_broken_mail_does_not_hide_the_others(fake: Fake, opened: Callable) -> None:
    """A server that can't read one of its mails refuses the lot; then each is asked for alone."""
    fake.adds(RAW, RAW, RAW)

    async def broken(line: Line, tag: str, rest: str) -> None:
        if "BODY" in rest and rest.split()[0] in ("1:3", "2"):
            line.says(f"{tag} NO that mail is broken")
        else:
            await fake.does_uid_fetch(line, tag, rest)

    fake.on["UID FETCH"] = broken
    assert await all_of(await opened()) == {1: RAW, 2: "the server refused FETCH: that mail is broken", 3: RAW}


async def test_mail_that_a_person_took_away_is_gone(fake: Fake, opened: Callable) -> None:
    """B13: between looking and fetching."""
    fake.adds(RAW, RAW)
    session = await opened()
    at = await session.select("INBOX")
    heads = await session.heads(await session.uids_after(0, at))
    fake.mails.pop(0)
    assert {head.uid: body async for head, body in session.bodies(heads, LIMIT)} == {1: "gone", 2: RAW}


# IDLE


async def test_idle_ends_when_mail_comes(fake: Fake, opened: Callable) -> None:
    """The push, not the end of the time."""
    session = await opened()
    await session.select("INBOX")
    waiting = asyncio.create_task(session.wait(1000))
    await fake.heard_times("IDLE", 1)
    fake.adds(RAW)
    async with asyncio.timeout(5):
        await waiting
    assert fake.heard[-1] == "DONE"


async def test_push_before_idle_is_not_missed(fake: Fake, opened: Callable) -> None:
    """EXISTS with another answer, after the folder was opened: the next wait ends at once."""
    session = await opened()
    at = await session.select("INBOX")

    async def also_news(line: Line, tag: str, rest: str) -> None:
        line.says("* 1 EXISTS")
        await fake.does_uid_search(line, tag, rest)

    fake.on["UID SEARCH"] = also_news
    await session.uids_after(0, at)
    async with asyncio.timeout(5):
        await session.wait(1000)


@pytest.mark.parametrize("how", ["bye", "bye and open", "dropped", "closed", "killed before +"])
async def test_idle_that_dies_is_known_at_once(fake: Fake, opened: Callable, how: str) -> None:
    """B6: whoever waits gets the error, not the end of his time."""

    async def dies(line: Line, tag: str, rest: str) -> None:
        if how != "killed before +":
            line.says("+ idling")
        if how.startswith("bye"):
            line.says("* BYE session expired")
        if how == "bye and open":
            await line.hangs()
        if how == "closed":
            line.writer.write_eof()
        line.drops() if how in ("dropped", "killed before +") else line.writer.close()

    fake.on["IDLE"] = dies
    session = await opened()
    await session.select("INBOX")
    async with asyncio.timeout(5):
        with pytest.raises(ImapError):
            await session.wait(1000)


@pytest.mark.parametrize("deaf", ["IDLE", "DONE"])
async def test_idle_without_an_answer_is_dead(fake: Fake, opened: Callable, deaf: str) -> None:
    """B7: a line that nobody reads is found out when we speak."""

    async def silent(line: Line, tag: str, rest: str) -> None:
        if deaf == "DONE":
            line.says("+ idling")
        await line.hangs()

    fake.on["IDLE"] = silent
    session = await opened()
    await session.select("INBOX")
    with pytest.raises(ImapError, match=f"no answer to {deaf} for 0.5 s"):
        await session.wait(0.05)


@pytest.mark.parametrize("answer", ["NO not now", "absent"])
async def test_idle_that_is_refused_becomes_waiting(fake: Fake, opened: Callable, answer: str) -> None:
    """Then the time between two looks decides, and nobody asks for IDLE again."""

    async def refuses(line: Line, tag: str, rest: str) -> None:
        line.says(f"{tag} {answer}")

    fake.on["IDLE"] = refuses
    if answer == "absent":
        fake.capabilities = "IMAP4rev1"
    session = await opened()
    await session.select("INBOX")
    for _ in range(3):
        await session.wait(0.01)
    assert fake.heard.count("IDLE") == (0 if answer == "absent" else 1)


# login, TLS, names


@pytest.mark.parametrize("offers", ["IMAP4rev1 AUTH=PLAIN", "IMAP4rev1"])
async def test_password_of_any_characters_lets_in(fake: Fake, opened: Callable, offers: str) -> None:
    """B10: by AUTHENTICATE PLAIN or by LOGIN with literals; quotes, blanks and umlauts are nothing special."""
    fake.capabilities = offers
    await (await opened()).select("INBOX")


async def test_token_lets_in_and_a_refused_one_is_told_at_once(fake: Fake, opened: Callable) -> None:
    """B9: the server's challenge after a refusal is answered."""
    await (await opened("good", token=True)).select("INBOX")
    async with asyncio.timeout(0.9):
        with pytest.raises(LoginError, match="AUTHENTICATIONFAILED"):
            await opened("expired", token=True)


async def test_refused_login_shows_no_secret(fake: Fake, opened: Callable, caplog: pytest.LogCaptureFixture) -> None:
    """B4: not even when the server echoes it, nor in debug lines of the library."""
    caplog.set_level(logging.DEBUG)
    for changes in ({}, {"token": True}):
        with pytest.raises(LoginError) as refused:
            await opened("wr0ng-secret", **changes)
        chain = (refused.value, refused.value.__cause__, refused.value.__context__)
        assert not any("wr0ng-secret" in f"{one!r} {one}" for one in chain)
    assert "wr0ng-secret" not in caplog.text
    assert "d3IwbmctcmVjcmV0" not in caplog.text


async def test_login_disabled_is_obeyed(fake: Fake, opened: Callable) -> None:
    """B9: no password in clear to a server that wants TLS first."""
    fake.capabilities = "IMAP4rev1 LOGINDISABLED STARTTLS"
    with pytest.raises(LoginError, match="starttls"):
        await opened()
    assert not any(line.startswith("LOGIN") for line in fake.heard)


async def test_capabilities_are_those_after_the_login(fake: Fake, opened: Callable) -> None:
    """What is told before it is not believed after it."""

    async def grows(line: Line, tag: str, rest: str) -> None:
        line.says(f"* CAPABILITY {fake.capabilities}", f"{tag} OK done")
        fake.capabilities = "IMAP4rev1 IDLE"

    fake.on["CAPABILITY"] = grows
    fake.capabilities = "IMAP4rev1 AUTH=PLAIN MOVE"
    session = await opened()
    assert (session.can("IDLE"), session.can("MOVE"), session.can("MOVE]")) == (True, False, False)


async def test_starttls_that_is_refused_or_stripped_sends_nothing(fake: Fake, opened: Callable) -> None:
    """tls = "starttls" never goes on in clear; nor is anything read that came in clear behind the answer."""

    async def injected(line: Line, tag: str, rest: str) -> None:
        line.says(f"{tag} OK begin".encode() + b"\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")
        await line.hangs()

    async def no(line: Line, tag: str, rest: str) -> None:
        line.says(f"{tag} NO not today")

    for handler, said in ((injected, "in clear"), (no, "refused STARTTLS")):
        fake.on["STARTTLS"] = handler
        with pytest.raises(ImapError, match=said):
            await opened(tls="starttls")
    fake.greeting = "* PREAUTH in already"
    with pytest.raises(ImapError, match="before TLS began"):
        await opened(tls="starttls")
    assert not any(line.startswith(("AUTHENTICATE", "LOGIN")) for line in fake.heard)


@pytest.mark.parametrize("greeting", ["* BYE too many", "220 smtp.test ESMTP", "", "* NO"])
async def test_greeting_of_something_else(fake: Fake, opened: Callable, greeting: str) -> None:
    """Not every port speaks IMAP."""
    fake.greeting = greeting
    with pytest.raises(ImapError):
        await opened()


async def test_silent_server_is_given_up(fake: Fake) -> None:
    """A port that takes the connection and says nothing."""

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await fake.ended.wait()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ImapError, match="no answer in time"):
        await Session.open(_server(fake, port=port), _secret(SECRET), QUICK.__class__(connect=0.05))
    server.close()


def test_protocol_shows_no_secret() -> None:
    """Nothing that is printed by mistake holds one."""
    loop = asyncio.new_event_loop()
    protocol = Protocol(loop)
    protocol.secrets = (SECRET,)
    assert SECRET not in repr(protocol)
    assert SECRET not in repr(Server("h", 1, USER))
    loop.close()


# what is asked


async def test_huge_folder_is_asked_window_by_window(fake: Fake, opened: Callable) -> None:
    """So that no answer is a line longer than the cap; the last window is open, for what came meanwhile."""
    fake.adds(RAW)
    session = await opened()
    await session.select("INBOX")
    await session.uids_after(5, Opened(7, WINDOW * 2 + 100, WINDOW + 1), date(2026, 6, 1))
    asked = [line for line in fake.heard if line.startswith("UID SEARCH")]
    assert asked == [
        "UID SEARCH UID 6:100005 SINCE 1-Jun-2026", "UID SEARCH UID 100006:200005 SINCE 1-Jun-2026",
        "UID SEARCH UID 200006:* SINCE 1-Jun-2026",
    ]  # fmt: skip


async def test_star_does_not_bring_the_last_mail_again(fake: Fake, opened: Callable) -> None:
    """RFC 3501 §6.4.8: `n:*` holds the last mail even where n is beyond it."""
    fake.adds(RAW, RAW)
    session = await opened()
    at = await session.select("INBOX")
    assert list(await session.uids_after(2, at)) == []


async def test_moving_without_move_takes_only_ours_away(fake: Fake, opened: Callable) -> None:
    """RFC 4315: EXPUNGE by UID, or not at all."""
    fake.capabilities = "IMAP4rev1 AUTH=PLAIN"
    session = await opened()
    await session.select("INBOX", writes=True)
    with pytest.raises(RefusedError, match="neither MOVE nor UIDPLUS"):
        await session.move([1], "Done")
    assert not any("EXPUNGE" in line or "STORE" in line for line in fake.heard)


@pytest.mark.parametrize(
    ("name", "coded"),
    [
        ("INBOX", '"INBOX"'), ("a b", '"a b"'), ("Gelöscht", '"Gel&APY-scht"'), ("R&D", '"R&-D"'), ('"x\\', '"\\"x\\\\"'),
        ("台北", '"&U,BTFw-"'), ("صندوق", '"&BjUGRgYvBkgGQg-"'), ("😀", '"&2D3eAA-"'), ("a/é/b", '"a/&AOk-/b"'),
    ],
)  # fmt: skip
def test_names_of_mailboxes_are_coded(name: str, coded: str) -> None:
    """RFC 3501 §5.1.3."""
    assert imap_text.mailbox(name) == coded


@pytest.mark.parametrize("name", ["a\r\nb", "a\0b", "ä\nb"])
def test_names_can_not_bring_commands(name: str) -> None:
    with pytest.raises(ValueError, match="control characters|printable"):
        imap_text.mailbox(name)


@pytest.mark.parametrize(
    ("said", "instant"),
    [
        (b"01-Jun-2026 10:00:00 +0200", datetime(2026, 6, 1, 8, tzinfo=UTC)),
        (b" 1-Jun-2026 10:00:00 -0500", datetime(2026, 6, 1, 15, tzinfo=UTC)),
        (b"31-Dec-2016 23:59:60 +0000", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (b"31-Feb-2026 10:00:00 +0000", None), (b"01-Xxx-2026 10:00:00 +0000", None), (b"01-Jan-0001 00:00:00 +2300", None),
        (b"", None), (b"soon", None),
    ],
)  # fmt: skip
def test_internal_dates(said: bytes, instant: datetime | None) -> None:
    """RFC 3501 date-time; what is none is None."""
    assert imap_text.internal_date(said) == instant


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ((b'* 1 FETCH (UID 5 X "x y" FLAGS (\\Seen (a)) RFC822.SIZE 3)',), {"UID": b"5", "X": b"x y", "RFC822.SIZE": b"3"}),
        ((b"* 1 FETCH (UID 5 BODY[]<0> {2}", b")(", b" X 1)"), {"UID": b"5", "BODY[]<0>": b")(", "X": b"1"}),
        ((b"* 1 FETCH (BODY[] NIL UID 5)",), {"UID": b"5", "BODY[]": b"NIL"}),
        ((b'* 1 FETCH (UID 5 X "a\\"b")',), {"UID": b"5", "X": b'a"b'}),
        ((b"* 1 FETCH (UID 5",), None), ((b"* 1 FETCH (UID 5))",), None), ((b"* 1 FETCH (UID)",), None), ((b"* 1 EXISTS",), None),
        ((b"* 1 FETCH (UID 5) UID 6",), None), ((b'* 1 FETCH (UID "5)',), None), ((b"* 1 FETCH " + b"(" * 50,), None), ((), None),
    ],
)  # fmt: skip
def test_fetch_answers_are_read_strictly(pieces: tuple[bytes, ...], found: dict[str, bytes] | None) -> None:
    """What is not well formed is no answer."""
    assert imap_text.attributes(pieces) == found


def test_sets_of_uids() -> None:
    """Runs are written short."""
    assert [uid_set(uids) for uids in ([7], [1, 2, 3, 9, 11, 12])] == ["7", "1:3,9,11:12"]
