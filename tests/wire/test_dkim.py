"""What leaves is signed, and whoever changes it is found out (RFC 6376, RFC 8463); public keys come from a stub of the DNS."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import dkim
import nacl.signing
import pytest

from mailgate.config.settings import Main
from mailgate.config.signing import SigningKey, problems, signing_keys
from mailgate.wire.dkim import Signing, keys_of, signed
from mailgate.wire.smtp_out import Sent

MAIL = (
    b"From: Desk <support@shop.test>\r\nTo: ann@c.test\r\nSubject: Order 1\r\nDate: Mon, 01 Jun 2026 10:00:00 +0000\r\n"
    b"Message-ID: <mg.1@shop.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"List-Unsubscribe: <mailto:x@shop.test>\r\n\r\nHello,\r\n\r\n.dot\r\n"
)
RSA, ED = "rsa1._domainkey.shop.test", "ed1._domainkey.shop.test"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> tuple[Main, dict[str, str]]:
    """Both kinds of key as openssl makes them, and the DNS with their public halves."""
    folder = tmp_path_factory.mktemp("keys")
    files = {RSA: folder / "rsa", ED: folder / "ed"}
    made = "genrsa -out {rsa} 2048", "genpkey -algorithm ed25519 -out {ed}"
    for command in made:
        subprocess.run(["openssl", *command.format(rsa=files[RSA], ed=files[ED]).split()], check=True, capture_output=True)
    for path in files.values():
        path.chmod(0o600)
    show = ["openssl", "rsa", "-in", str(files[RSA]), "-pubout", "-outform", "DER"]
    public = subprocess.run(show, check=True, capture_output=True).stdout
    settings = Main(dkim=files)
    seed = next(key.key for key in signing_keys(settings) if key.algorithm.startswith("ed"))
    verify = nacl.signing.SigningKey(base64.b64decode(seed)).verify_key.encode()
    dns = {
        f"{RSA}.": f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}",
        f"{ED}.": f"v=DKIM1; k=ed25519; p={base64.b64encode(verify).decode()}",
    }
    return settings, dns


def holds(mail: bytes, dns: dict[str, str]) -> list[bool]:
    """For each signature on top of the mail: is it good?"""
    found = []
    for index in range(mail.count(b"DKIM-Signature:")):
        checker = dkim.DKIM(mail)
        try:
            found.append(bool(checker.verify(idx=index, dnsfunc=lambda name, timeout=5: dns.get(name.decode(), "").encode())))
        except dkim.DKIMException:
            found.append(False)
    return found


def test_both_kinds_of_key_sign_and_both_signatures_hold(house: tuple[Main, dict[str, str]]) -> None:
    """Relaxed, so that a relay may fold anew; nothing of the mail itself changes."""
    settings, dns = house
    mail = signed(MAIL, signing_keys(settings))
    assert mail.endswith(MAIL)
    assert holds(mail, dns) == [True, True]
    assert b"a=rsa-sha256" in mail
    assert b"a=ed25519-sha256" in mail
    folded = mail.replace(b"Subject: Order 1", b"subject:  Order\r\n 1")
    assert holds(folded, dns) == [True, True]


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"Subject: Order 1", b"Subject: Order 2"),
        (b"To: ann@c.test", b"To: eve@c.test"),
        (b"From: Desk", b"From: boss@bank.test\r\nFrom: Desk"),
        (b"To: ann", b"Subject: Another\r\nTo: ann"),
        (b"To: ann", b"Cc: eve@c.test\r\nTo: ann"),
        (b"To: ann", b"Reply-To: eve@c.test\r\nTo: ann"),
        (b"x@shop.test", b"y@shop.test"),
        (b"Hello,", b"Hallo,"),
        (b".dot\r\n", b".dot\r\nmore\r\n"),
    ],
)
def test_changed_or_added_lines_break_every_signature(house: tuple[Main, dict[str, str]], was: bytes, becomes: bytes) -> None:
    """Oversigned: a second From or Subject, a Cc or Reply-To that was not there, is a change too."""
    settings, dns = house
    assert holds(signed(MAIL, signing_keys(settings)).replace(was, becomes, 1), dns) == [False, False]


def test_each_domain_signs_its_own_mail() -> None:
    """The author's domain, or the nearest above it that has keys; nobody else's."""
    shop = SigningKey("a", "shop.test", "rsa-sha256", b"")
    sub = SigningKey("b", "mail.shop.test", "rsa-sha256", b"")
    both = (shop, sub)
    assert keys_of("x@SHOP.test", both) == (shop,)
    assert keys_of("x@mail.shop.test", both) == (sub,)
    assert keys_of("x@news.shop.test", both) == (shop,)
    assert keys_of("x@notshop.test", both) == keys_of("", both) == ()


async def test_only_our_own_mail_is_signed(house: tuple[Main, dict[str, str]]) -> None:
    """Other people's mail goes on as it came."""

    class Hop:
        name, seen = "hop", list[bytes]()

        async def send(self, reverse_path: str | None, forward_paths: tuple[str, ...], data: bytes, envid: str = "") -> Sent:
            self.seen.append(data)
            return Sent("sent", 250, "ok")

        async def close(self) -> None:
            """Nothing is open."""

    hop = Hop()
    signing = Signing(hop, signing_keys(house[0]))
    await signing.send("b@shop.test", ("ann@c.test",), MAIL, "mg.1.x")
    await signing.send("b@shop.test", ("ann@c.test",), MAIL)
    assert holds(hop.seen[0], house[1]) == [True, True]
    assert hop.seen[1] == MAIL


def test_key_that_can_not_sign_is_refused_by_its_file(tmp_path: Path) -> None:
    """`mailgate check` knows it before the first mail leaves, and shows nothing of what the file holds."""
    key = tmp_path / "key"

    def said(name: str = RSA, text: str = "hunter2", mode: int = 0o600) -> str:
        key.write_text(text)
        key.chmod(mode)
        return " ".join(map(str, problems(Main(dkim={name: key}), "mailgate.toml")))

    pem = f"-----BEGIN RSA PRIVATE KEY-----\n{base64.b64encode(b'nonsense').decode()}\n-----END RSA PRIVATE KEY-----\n"
    for text in ("hunter2", "", pem, base64.b64encode(b"x" * 31).decode()):
        assert "expected a private key: RSA of at least 1024 bits, or Ed25519, in PEM; got something else" in said(text=text)
        assert "hunter2" not in said(text=text)
    assert "chmod 600" in said(mode=0o644)
    assert "a name such as mg1._domainkey.shop.example" in said("shop.test")
    assert "no such file" in str(problems(Main(dkim={RSA: tmp_path / "none"}), "mailgate.toml")[0])
    small = subprocess.run(["openssl", "genrsa", "512"], check=True, capture_output=True, text=True).stdout
    assert "at least 1024" in said(text=small)
    assert said(text=base64.b64encode(b"x" * 32).decode()) == ""
