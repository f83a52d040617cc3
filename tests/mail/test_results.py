"""Authentication-Results: the grammar of RFC 8601 and the lines of real servers; whose lines count (docs/security.md)."""

from __future__ import annotations

import pytest

from mailgate.desk import proof
from mailgate.mail.message import parse
from mailgate.mail.results import read, written_by_relays

AUTHOR = "support@acme.example"

OPENDKIM = "mx.shop.example; dkim=pass (2048-bit key; unprotected) header.d=acme.example header.i=@acme.example header.b=AbC12=="
OPENDMARC = "mx.shop.example; dmarc=pass (p=quarantine dis=none) header.from=acme.example"
RSPAMD = (
    "mx.shop.example; dkim=pass header.d=acme.example header.s=s1 header.b=Zz9; "
    "dmarc=pass (policy=reject) header.from=acme.example; "
    "spf=pass (mx.shop.example: domain of bounce@acme.example designates 192.0.2.1 as permitted sender) "
    "smtp.mailfrom=bounce@acme.example"
)
GOOGLE = (
    "mx.google.com; dkim=pass header.i=@acme.example header.s=20230601 header.b=I9Uq; "
    "spf=pass (google.com: domain of a@acme.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=a@acme.example; "
    "dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=acme.example"
)
MICROSOFT = (
    "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=acme.example; dkim=pass (signature was verified)"
    " header.d=acme.example;dmarc=pass action=none header.from=acme.example;compauth=pass reason=100"
)
FASTMAIL = (
    "mx3.messagingengine.com;    dkim=pass (2048-bit rsa key sha256) header.d=acme.example header.i=@acme.example "
    "header.b=Wj/9 header.a=rsa-sha256 header.s=s1 x-bits=2048;    dmarc=pass policy.published-domain-policy=none "
    "policy.applied-disposition=none policy.evaluated-disposition=none (p=none,d=none,d.eval=none) "
    "policy.policy-from=p header.from=acme.example;    iprev=pass smtp.remote-ip=192.0.2.1 (a.example);"
    "    spf=pass smtp.mailfrom=b@acme.example smtp.helo=a.example"
)
EXIM = "mx.shop.example; iprev=pass (a.example) smtp.remote-ip=192.0.2.1; spf=pass smtp.mailfrom=acme.example; auth=none"
YAHOO = "atlas-production.yahoo.com; dkim=pass header.i=@acme.example header.s=s1; dmarc=pass(p=REJECT) header.from=acme.example"


@pytest.mark.parametrize("line", [OPENDKIM, OPENDMARC, RSPAMD, GOOGLE, MICROSOFT, FASTMAIL, EXIM, YAHOO])
def test_lines_of_real_servers_prove_the_author(line):
    """OpenDKIM, OpenDMARC, Rspamd, Google, Microsoft, Fastmail, Exim, Yahoo: each in its own dialect."""
    found = read(line)
    assert found is not None
    assert proof.proves(AUTHOR, [found])
    assert not proof.proves("support@other.example", [found])


@pytest.mark.parametrize(
    ("line", "host", "results"),
    [
        ("mx.example; none", "mx.example", []),
        ("MX.Example 1; none", "mx.example", []),
        ('"mx.example" ; none', "mx.example", []),
        ("mx.example (a (nested) comment) 1 ; spf = pass", "mx.example", [("spf", "pass")]),
        ("mx.example; DKIM/1 = PASS (good) header . d = acme.example", "mx.example", [("dkim", "pass")]),
        ('mx.example; dkim=fail reason="it; is (so)" header.d=acme.example', "mx.example", [("dkim", "fail")]),
        ("mx.example;\tspf=pass\t smtp.mailfrom=a@b.example;", "mx.example", [("spf", "pass")]),
        (r'mx.example; spf=pass smtp.mailfrom="a\"b; dmarc=pass"@evil.example', "mx.example", [("spf", "pass")]),
        ("dkim=none (message not signed) header.d=none;dmarc=none", "", [("dkim", "none"), ("dmarc", "none")]),
        (r"mx.example (with \) inside); auth=pass smtp.auth=joe", "mx.example", [("auth", "pass")]),
    ],
)
def test_grammar_is_that_of_rfc_8601(line, host, results):
    """Comments nest, quotations hold anything, white space stands anywhere, case means nothing (RFC 8601 §2.2)."""
    found = read(line)
    assert found is not None
    assert (found.authserv_id, [(one.method, one.verdict) for one in found.results]) == (host, results)


def test_properties_keep_what_they_say():
    """A quoted local part is one value; a space around the dot is none; the first of two counts."""
    found = read('mx.example; spf=pass smtp . mailfrom="odd one"@b.example smtp.mailfrom=x@c.example reason="a \\"b\\""')
    assert found is not None
    assert dict(found.results[0].properties) == {"smtp.mailfrom": "odd one@b.example", "reason": 'a "b"'}


@pytest.mark.parametrize(
    "line",
    [
        "",
        " ; ",
        "mx.example; spf=pass (never closed",
        'mx.example; spf=pass smtp.mailfrom="never closed',
        "mx.example; spf=pass ) smtp.mailfrom=a@acme.example",
        # a return path that the server repeats as it is, made to look like a result
        'mx.example; spf=fail (domain of "a); dmarc=pass header.from=acme.example ("@evil.example does not designate)',
        "mx.example; spf=pass smtp.mailfrom=x; dkim=pass header.d=acme.example; @evil.example",
        "mx.example; dmarc=fail header.from=acme.example; spf=pass smtp.mailfrom=x; dmarc=pass header.from=acme.example",
        "mx.example; dkim=pass " + "(" * 9000 + ")" * 9000,
    ],
)
def test_what_can_be_read_in_two_ways_is_not_read(line):
    """Parts of the line are the sender's words; a server that does not quote them must not speak for him."""
    assert read(line) is None


@pytest.mark.parametrize(
    ("results", "author"),
    [
        ("dkim=pass header.d=github.io", "me@acme.github.io"),
        ("dkim=pass header.d=zendesk.example", "support@acme.zendesk.example"),
        ("spf=pass smtp.mailfrom=x@com.br", "support@acme.com.br"),
        ("dkim=pass header.d=acme.com.br", "support@com.br"),
        ("dkim=pass header.d=help.acme.example", "support@acme.example"),
        ("dkim=pass header.d=example", AUTHOR),
        ("dkim=fail header.d=acme.example", AUTHOR),
        ("dkim=pass header.s=acme.example", AUTHOR),
        ("dkim=pass other header.d=acme.example", AUTHOR),
        ("spf=pass smtp.helo=acme.example", AUTHOR),
        ("spf=pass smtp.mailfrom=acme.example @evil.example", AUTHOR),
        ('spf=pass smtp.mailfrom="x@acme.example"@evil.example', AUTHOR),
        ("spf=softfail smtp.mailfrom=a@acme.example", AUTHOR),
        ("dmarc=bestguesspass header.from=acme.example", AUTHOR),
        ("dmarc=fail header.from=acme.example; dkim=pass header.d=acme.example", AUTHOR),
        ("arc=pass header.from=acme.example", AUTHOR),
        ("dkim-adsp=pass header.from=acme.example", AUTHOR),
        ("dmarc=pass header.from=notacme.example", "support@acme.example"),
        ("dmarc=pass header.from=acme.example", "support@notacme.example"),
    ],
)
def test_what_others_could_have_too_proves_nobody(results, author):
    """A parent's signature is that of everybody under it; a method or a property that is not about the author is none."""
    found = read(f"mx.example; {results}")
    assert found is not None
    assert not proof.proves(author, [found])


def test_policy_of_the_parent_proves_its_subdomains():
    """RFC 7489 §6.6.3: the host found the policy at the organisation's domain, and looked at this very author."""
    found = read("mx.example; dmarc=pass header.from=acme.example")
    assert found is not None
    assert proof.proves("support@help.acme.example", [found])


RELAY = "Received: from filter (filter.shop.example [10.0.0.7]) by mx.shop.example; x"
BORDER = "Received: from a.example (unknown [203.0.113.9]) by mx.shop.example (Postfix); x"
OURS, FORGED = "Authentication-Results: ours", "Authentication-Results: forged"


@pytest.mark.parametrize(
    ("head", "above", "beneath"),
    [
        ([OURS, BORDER, FORGED], ["ours"], ["ours", "forged"]),
        ([BORDER, OURS, "Received: from x (x [10.0.0.7]) by y", FORGED], [], ["ours"]),
        ([RELAY, OURS, BORDER, FORGED], ["ours"], ["ours", "forged"]),
        (["Received: from [10.0.0.7] (forged [203.0.113.9]) by mx", FORGED, RELAY], [], ["forged"]),
        (["Received: from [10.0.0.7] by mx", FORGED], [], ["forged"]),
        (["Received: by mx (Postfix, from userid 33)", FORGED, RELAY], [], ["forged"]),
        (["Received: from h ([10.0.0.7] helo=x) by exim", OURS, BORDER], ["ours"], ["ours"]),
        (["Received: from h (h [IPv6:2001:db8::7]) by mx", OURS, BORDER], ["ours"], ["ours"]),
        ([FORGED], [], []),
        (["ARC-Authentication-Results: i=1; ours", "X-Authentication-Results: x", BORDER], [], []),
        (["Authentication-Results:\r\n\tours", BORDER], ["ours"], ["ours"]),
    ],
)
def test_only_what_our_hosts_wrote_counts(head, above, beneath):
    """RFC 8601 §5: from the top to the Received of the host at which the mail came in; what is further down came with it."""
    fields = parse("\r\n".join([*head, "From: a@b.example", "", "x", ""]).encode()).scan.fields
    ours = {"10.0.0.7", "2001:db8::7"}
    assert [one.strip() for one in written_by_relays(fields, ours.__contains__)] == above
    assert [one.strip() for one in written_by_relays(fields, ours.__contains__, beneath=True)] == beneath
