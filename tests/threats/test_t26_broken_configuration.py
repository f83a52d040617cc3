"""T26, S12: a configuration that is broken when it is read again.

In a running daemon, with its log: tests/e2e/test_directory.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from mailgate import config
from mailgate.assembly import house_of
from mailgate.desk.house import House
from mailgate.reload import Anew, read_anew

Break = Callable[[Path], object]
OWN, DESKS, SELLER = "mailgate.toml", "desks.toml", "sellers/example-seller.toml"


def adds(file: str, text: str) -> Break:
    return lambda place: (place / file).write_text((place / file).read_text() + f"\n{text}\n")


def becomes(file: str, content: bytes) -> Break:
    return lambda place: (place / file).write_bytes(content)


def cut(file: str, part: float) -> Break:
    def half(place: Path) -> None:
        whole = (place / file).read_bytes()
        (place / file).write_bytes(whole[: int(len(whole) * part)] + b'\n[half "wr')

    return half


BROKEN: dict[str, Break] = {
    **{
        f"{file}: {name}": becomes(file, content)
        for file in (OWN, DESKS, SELLER)
        for name, content in {
            "no TOML": b"= = =",
            "binary": b"\x00\xff\xfe",
            "half a string": b'[store]\nurl = "sqlite',
            "a list": b"[1, 2]",
            "a BOM in UTF-16": "\ufeff[a]".encode("utf-16"),
            "nested deep": b"x = " + b"[" * 500 + b"]" * 500,
            "unknown section": b"[nonsense]\nx = 1\n",
            "latin-1": b'name = "caf\xe9"\n',
        }.items()
    },
    **{f"{file}: cut at {part}": cut(file, part) for file in (OWN, DESKS, SELLER) for part in (0.3, 0.6, 0.9)},
    "unknown key": adds(OWN, "[smtp.more]\nx = 1"),
    "section twice": adds(OWN, "[store]\n[store]"),
    "port": adds(OWN, '[lmtp.x]\nlisten = "x"'),
    "limits negative": adds(OWN, "[limits]\nrecipients = -1"),
    "limits text": adds(OWN, '[limits]\nmessage_size = "large"'),
    "relays": adds(OWN, '[trust.relays]\nx = "y"'),
    "mailbox without host": adds(OWN, '[mailbox.x]\nusername = "y"'),
    "mailbox to nobody's desk": adds(OWN, '[mailbox.x]\nhost = "h"\nusername = "y"\ndesk = "nobody"'),
    "password in the file": adds(OWN, '[mailbox.x]\nhost = "h"\nusername = "y"\npassword = "secret"'),
    "pack that is not there": adds(DESKS, '[other]\naddress = "o@shop.test"\npack = "nothing"\nstaff = ["s@x.test"]'),
    "two desks of one address": adds(DESKS, '[other]\naddress = "support@shop.test"\npack = "clickbank"\nstaff = ["s@x.test"]'),
    "desk without an address": adds(DESKS, '[other]\npack = "clickbank"'),
    "desk at no address": adds(DESKS, '[other]\naddress = "not one"\npack = "clickbank"'),
    "zone": adds(DESKS, '[other]\naddress = "o@shop.test"\npack = "clickbank"\nzone = "Mars/Olympus"'),
    "option": adds(DESKS, '[other]\naddress = "o@shop.test"\npack = "clickbank"\n[other.options]\nnot_one = 1'),
    "staff is ourselves": adds(DESKS, '[other]\naddress = "o@shop.test"\npack = "clickbank"\nstaff = ["support@shop.test"]'),
    "seller without support": becomes(SELLER, b'[seller]\nname = "x"\n'),
    "seller's address": becomes(SELLER, b'[seller]\nsupport = "no address"\n'),
    "seller's entity": becomes(SELLER, b'[seller]\nsupport = "a@b.test"\nentities = ["nobody"]\n'),
    "seller's date": becomes(SELLER, b'[seller]\nsupport = "a@b.test"\nholidays = ["soon"]\n'),
    "seller's agenda": becomes(SELLER, b'[seller]\nsupport = "a@b.test"\nagenda_at = "25:00"\n'),
    "own file gone": lambda place: (place / OWN).unlink(),
    "desks gone": lambda place: (place / DESKS).unlink(),
    "own file a folder": lambda place: ((place / OWN).unlink(), (place / OWN).mkdir()),
    "symlink to nothing": lambda place: ((place / OWN).unlink(), (place / OWN).symlink_to("nothing")),
    "symlink to itself": lambda place: ((place / OWN).unlink(), (place / OWN).symlink_to(OWN)),
    "keys gone": lambda place: [one.unlink() for one in place.iterdir() if one.name.startswith("key")],
    "keys readable by all": lambda place: [one.chmod(0o644) for one in place.iterdir() if one.name.startswith("key")],
    "keys empty": lambda place: [one.write_text("") for one in place.iterdir() if one.name.startswith("key")],
    "a pack that is broken": lambda place: _pack(place, b"= ="),
    "a pack that asks for what is not there": lambda place: _pack(place, b'[clocks.x]\nstarts = ["nowhere"]\n'),
    "a template that is broken": lambda place: _template(place, "{% if %}"),
    "a template that names nothing": lambda place: _template(place, "Subject\n\n{{ nothing_known }}"),
}


def _pack(place: Path, content: bytes) -> None:
    (place / "policies").mkdir(exist_ok=True)
    (place / "policies/digistore24.toml").write_bytes(content)


def _template(place: Path, content: str) -> None:
    (place / "templates/en").mkdir(parents=True, exist_ok=True)
    (place / "templates/en/remind.txt").write_text(content)


def made_of(settings: config.Settings) -> tuple[House, None]:
    return house_of(settings), None


def test_t26_there_are_sixty() -> None:
    """S12."""
    assert len(BROKEN) >= 60


@pytest.mark.parametrize("part", range(6))
async def test_t26_broken_configuration_leaves_the_old_one_in_force(tmp_path: Path, part: int) -> None:
    """All or nothing: what is wrong is said, and nothing of it takes force."""
    for number, (name, breaks) in enumerate(BROKEN.items()):
        if number % 6 != part:
            continue
        place = tmp_path / str(number)
        config.init(place, "support@shop.test")
        old = house_of(config.load(place, []))
        breaks(place)
        found = await read_anew(lambda place=place: config.load(place, []), made_of, old)
        assert not isinstance(found, Anew), f"{name} took force"
        assert found, name
        assert all(str(one) for one in found), name


def test_t26_token_of_the_key_before_is_good_until_it_is_taken_away(tmp_path: Path) -> None:
    """Two keys: a new one on top signs, the old one is still accepted, a third is none."""
    from mailgate.mail import token

    config.init(tmp_path, "support@shop.test")
    file = next(one for one in tmp_path.iterdir() if one.name.startswith("key"))
    first = house_of(config.load(tmp_path, []))
    link = token.reply_address("support@shop.test", 1, 2, first.keys)
    before = file.read_text()
    file.write_text("bmV3IGtleSBvZiB0aGlzIHRlc3Qgd2l0aCAzMiBieXRlcyE=\n" + before)
    both = asyncio.run(read_anew(lambda: config.load(tmp_path, []), made_of, first))
    assert isinstance(both, Anew)
    assert token.read_reply_address(link, both.house.keys) == (1, 2)
    assert token.reply_address("support@shop.test", 1, 2, both.house.keys) != link
    file.write_text("bmV3IGtleSBvZiB0aGlzIHRlc3Qgd2l0aCAzMiBieXRlcyE=\n")
    alone = asyncio.run(read_anew(lambda: config.load(tmp_path, []), made_of, first))
    assert isinstance(alone, Anew)
    assert token.read_reply_address(link, alone.house.keys) is None
