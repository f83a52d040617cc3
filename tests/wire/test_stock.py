"""What our reading has in common with stock aiosmtpd, which is the yardstick where it is right."""

from __future__ import annotations

import asyncio
import random

import pytest
from aiosmtpd.smtp import SMTP
from hypothesis import given, settings
from hypothesis import strategies as st

from mailgate.wire import smtp_path

from .conftest import Talk, connect, house

LINES = [b"plain", b".", b"..", ".ü".encode(), b"", b".dot", b"x" * 900, b"\t.", b"From me", b"\x80\xff"]
COMMANDS = [
    "NOOP",
    "RSET",
    "MAIL FROM:<ann@c.test>",
    "MAIL FROM:<>",
    "MAIL FROM:<a.b+c=d@x-y.c.test> SIZE=100",
    "MAIL FROM:<a@c..test>",
    "MAIL FROM:<ann@c.test> SIZE=99999999999",
    "MAIL FROM:<ann@c.test> FOO=1",
    "MAIL",
    "RCPT TO:<desk@shop.test>",
    'RCPT TO:<"odd one"@shop.test>',
    "RCPT TO:<a@@shop.test>",
    "RCPT TO:<a@shop test>",
    "DATA x",
    "EHLO again.test",
]


class Discard:
    """Stock's handler: keeps what it was handed."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], bytes]] = []

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 ok"


async def dialog(talk: Talk, seed: int) -> list[str]:
    """One random dialog of commands and mails; the codes of the replies."""
    choice = random.Random(seed)
    codes = [(await talk.hears())[:3], (await talk.says("EHLO c.test"))[:3]]
    for _ in range(6):
        lines = choice.choices(COMMANDS, k=choice.randrange(2))
        for line in [*lines, "MAIL FROM:<ann@c.test>", "RCPT TO:<desk@shop.test>"]:
            codes.append((await talk.says(line))[:3])
        codes.append((await talk.says("DATA"))[:3])
        if codes[-1] != "354":
            continue
        wire = b"".join(
            (b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in choice.choices(LINES, k=choice.randrange(40))
        )
        wire += b".\r\nNOOP\r\n"
        while wire:
            cut = choice.choice([1, 7, 100, 5000])
            talk.writes(wire[:cut])
            await talk.writer.drain()
            wire = wire[cut:]
        codes += [(await talk.hears())[:3], (await talk.hears())[:3]]
    return codes


@pytest.mark.parametrize("seed", range(40))
async def test_random_dialogs_store_the_same_mails_and_get_the_same_codes(seed: int):
    """Equivalence with stock on what stock does right; ours differs on purpose in what the other tests name."""
    loop, handler = asyncio.get_running_loop(), Discard()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="mx.shop.test", enable_SMTPUTF8=True, data_size_limit=50 * 2**20, loop=loop),
        "127.0.0.1",
        0,
    )
    async with house(relays=("127.0.0.1",), knows=lambda _: True) as desk:
        theirs = await connect(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        stock = await dialog(theirs, seed)
        ours = await dialog(await desk.knock(), seed)
        await theirs.hangs_up()
    server.close()
    assert ours == stock
    assert [content for _, content in desk.mails] == [content for *_, content in handler.mails]
    assert [[e.reverse_path or "<>", set(e.forward_paths)] for e, _ in desk.mails] == [
        [reverse_path, set(forward_paths)] for reverse_path, forward_paths, _ in handler.mails
    ]


ATOMS = st.sampled_from(list("aZ09.@<>\"\\ ()[]:,;!#$%&'*+-/=?^_`{|}~ü\t\x7f"))


@given(st.lists(ATOMS, max_size=14).map("".join))
@settings(deadline=None, max_examples=600)
def test_an_address_that_we_take_is_the_one_that_stock_takes(inner: str):
    """Stricter than stock, never different from it (but for source routes, which stock keeps in the address)."""
    ours = smtp_path.read(f"<{inner}>")
    if ours is None or not ours.address or inner.startswith("@"):
        return
    stock, rest = SMTP._getaddr(object.__new__(Lenient), f"<{inner}>")
    assert stock is not None
    assert stock.replace('"', "").replace("\\", "") == ours.address.replace('"', "").replace("\\", "")


class Lenient(SMTP):
    """Stock's address reader without a connection."""

    local_part_limit = 0


_ATOM, _LABEL = r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,20}", r"[a-z0-9]{1,9}"
PLAIN = st.from_regex(rf"{_ATOM}(\.{_ATOM}){{0,2}}@{_LABEL}(\.{_LABEL}){{0,3}}", fullmatch=True)


@given(PLAIN)
@settings(deadline=None)
def test_a_plain_address_is_read_by_the_fast_path_as_by_stock(address: str):
    """One regular expression instead of the header-value parser."""
    path = smtp_path.read(f"<{address}> SIZE=3")
    assert path is not None
    assert (path.address, path.rest) == (address, "SIZE=3")
    assert SMTP._getaddr(object.__new__(Lenient), f"<{address}> SIZE=3")[0] == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("<@r.test,@s.test:ann@c.test>", "ann@c.test"),
        ('<"ann b"@c.test>', '"ann b"@c.test'),
        ("<ann@[192.0.2.1]>", "ann@[192.0.2.1]"),
        ("<ann@[IPv6:2001:db8::1]>", "ann@[IPv6:2001:db8::1]"),
        ("<用户@例子.test>", "用户@例子.test"),
        ("ann@c.test", "ann@c.test"),
        ("<ann@[300.1.1.1]>", None),
        ("<ann@[tag]>", None),
        ("<ann>", None),
        ("<ann@c.test", None),
        ("<ann@-c.test>", None),
        ("<ann@c.test.>", None),
        ("<ann\u2028@c.test>", None),
        ("<ann\u200b\ud800@c.test>", None),
        ("<ann\u202ebob@c.test>", None),
        ("<می\u200cخواهم@c.test>", "می\u200cخواهم@c.test"),
        ("<ann@c.test>x", None),
        ("<" + "(" * 2000, None),
        ("<" + "a." * 1000 + "@c.test>", None),
    ],
)
def test_rare_forms_are_read_strictly(text: str, address: str | None):
    """RFC 5321 §4.1.2, RFC 6531 §3.3."""
    path = smtp_path.read(text)
    assert (path.address if path else None) == address
