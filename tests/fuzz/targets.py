"""What must hold for any bytes: one plain function a reader, `bytes -> None`, that raises where it does not.

Hypothesis (test_targets.py), our own mutator and atheris (bench/fuzz.py) all call these. None of them looks at a clock: what has
to stay small is counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import authors
import dialogs
import imaps
from drafts import check_draft

from mailgate.config import shipped, signatures
from mailgate.desk import command_words
from mailgate.mail import (
    address,
    attach,
    attribution,
    ids,
    inspect,
    instruction,
    journal,
    report,
    results,
    subject,
    token,
    visible,
    words,
)
from mailgate.mail.instruction import Instruction, Refused
from mailgate.mail.message import Message, parse
from mailgate.mail.scan import MAX_HEADER, MAX_HEADER_LINES, MAX_PARTS, scan
from mailgate.mail.signature import Signatures
from mailgate.wire.smtp_data import DIRTY, LINE_LIMIT, LONG_LINE, OVERSIZE, Mail

Target = Callable[[bytes], None]

KEYS = token.Keys(b"a key that only these tests know", b"and the one that was there before")
SECRET = b"the secret of a system of the tests"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ACTIONS = ("close", "extend", "refund:full")
KINDS = ("bounce", "suppressed", "delayed", "delivered", "arf", "mdn")
REFUSALS = ["several", "size", "json", "system", "mac", "version", "id", "at", "stale", "action", "ticket", "order", "facts"]
SIZE = 4000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def known() -> Signatures:
    """The shipped signatures, read once."""
    global _known
    _known = _known or signatures()
    return _known


_known: Signatures | None = None


def commands() -> dict[str, tuple[str, ...]]:
    """The shipped command words of all languages, read once."""
    global _commands
    if _commands is None:
        templates = shipped.root() / "templates"
        strings = {
            path.parent.name: shipped.toml_of(path.read_text("utf-8"), str(path), []) for path in templates.glob("*/strings.toml")
        }
        _commands = command_words.words_from({name: words_ or {} for name, words_ in strings.items()})
    return _commands


_commands: dict[str, tuple[str, ...]] | None = None


def data(said: bytes) -> None:
    """However the network cuts it, a mail ends at CRLF.CRLF alone, comes out as it went in, or is refused."""
    cuts, wire = _cuts(said)
    wire += b"\r\n.\r\nNOOP\r\n"
    for mends in (False, True):
        whole, rest = _taken(wire, [], mends)
        pieces, rest_of_pieces = _taken(wire, cuts, mends)
        assert rest == rest_of_pieces
        assert (whole.fault is None) == (pieces.fault is None)
        assert whole.content() == pieces.content()
        assert whole.received == pieces.received == len(wire) - len(rest) - 3
        faults, content = _oracle(wire[: len(wire) - len(rest)], mends)
        assert whole.fault in (faults or {None}), (whole.fault, faults)
        assert pieces.fault in (faults or {None}), (pieces.fault, faults)
        assert whole.content() == (b"" if faults else content)
    stuffed = re.sub(rb"(?m)^\.", b"..", said) if not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", said) else b""
    if stuffed and len(stuffed) + 2 <= SIZE:
        again, _ = _taken(stuffed + b"\r\n.\r\n", cuts, False)
        assert again.content() == said + b"\r\n"


def _cuts(said: bytes) -> tuple[list[int], bytes]:
    """Where to cut, as the first four bytes say, and the rest."""
    steps = [1 + step for step in said[:4]] or [1]
    cuts, at = [], 0
    while at < len(said) + 20:
        at += steps[len(cuts) % len(steps)]
        cuts.append(at)
    return cuts, said[4:]


def _taken(wire: bytes, cuts: list[int], mends: bool) -> tuple[Mail, bytes]:
    mail, buffer, done = Mail(SIZE, mends), bytearray(), False
    edges = sorted({min(cut, len(wire)) for cut in cuts} | {0, len(wire)})
    for start, end in zip(edges, edges[1:], strict=False):
        buffer += wire[start:end]
        done = done or mail.take(buffer)
        assert mail.kept <= SIZE + 2
    assert done
    return mail, bytes(buffer)


def _oracle(wire: bytes, mends: bool) -> tuple[set[str], bytes]:
    """(why the mail on `wire`, dot included, is refused; what it holds), by the letter of RFC 5321 and not by our way."""
    end = 0 if wire.startswith(b".\r\n") else wire.index(b"\r\n.\r\n") + 2
    assert wire[end:] == b".\r\n"
    lines = wire[:end].split(b"\r\n")[:-1]
    faults = set()
    if any(set(line) & {0, 10, 13} for line in lines) and not mends:
        faults.add(DIRTY)
    if any(len(line) > LINE_LIMIT for line in lines):
        faults.add(LONG_LINE)
    if end > SIZE:
        faults.add(OVERSIZE)
    content = b"".join(line.removeprefix(b".") + b"\r\n" for line in lines)
    return faults, re.sub(rb"\r(?!\n)|(?<!\r)\n", b"\r\n", content).replace(b"\0", b"") if mends else content


def header(said: bytes) -> None:
    """The pass before any parser keeps its limits, loses no byte of the mail, and knows where the body is."""
    found = scan(said)
    assert 0 <= found.body <= len(found.mail)
    assert found.body <= found.end <= len(found.mail)
    assert len(found.fields) <= MAX_HEADER_LINES
    for name, value in found.fields:
        assert name == name.lower()
        assert not re.search(r"[\s:]", name)
        assert len(value) <= MAX_HEADER + 1
    assert set(found.defects) <= DEFECTS
    if not found.defects and found.mail == said:
        assert scan(said + b"x").fields[:-1] == found.fields[:-1]


DEFECTS = {
    "header_block_too_large", "no_blank_line", "garbage_in_header", "header_too_long", "too_many_parameters", "too_many_parts",
    "too_many_part_lines", "part_header_too_large", "too_deep",
}  # fmt: skip


def mail(said: bytes) -> None:
    """Every property of any mail has a value within its caps, and the row about it is JSON."""
    message = parse(said)
    assert message.raw == said
    assert len(message.addressed) <= 2 * address.MAX_MAILBOXES
    assert len(message.names) <= 4 * ids.MAX_IDS
    assert len(message.parts) <= MAX_PARTS * 4
    assert sum(len(part.content) for part in message.parts) <= 2 * len(said) + 1000
    assert not _CONTROL.search(message.subject)
    assert not _CONTROL.search(message.thread_topic)
    for text in (message.text, message.readable, message.html):
        assert text is None or "\r" not in text
    for one in message.attachments:
        assert one.filename is None or not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", one.filename)
        assert attach.file_name(one.filename or "") == attach.file_name(attach.file_name(one.filename or ""))
    going, left = attach.carried(message, attach.Limits(3, 5000, 8000))
    assert len(going) <= 3
    assert sum(len(one.content) for one in going) <= 8000
    assert len({one.filename.casefold() for one in going}) == len(going)
    assert all(re.fullmatch(r"(too_large|too_many|not_allowed) .+", one, re.DOTALL) for one in left)
    assert message.author is None or address.is_address(message.author)
    row = inspect.row(said, "file", known())
    assert json.loads(json.dumps(row, default=str))["file"] == "file"


def author(said: bytes) -> None:
    """Whom we take for the author, no other reader takes for somebody else; what we print is read as what was meant."""
    authors.check(said)


def addresses(said: bytes) -> None:
    """The forgiving reader keeps its caps; comparing forms are stable."""
    lines = words.raw_text(said).split("\x1e")
    boxes = address.mailboxes(lines)
    assert len(boxes) <= address.MAX_MAILBOXES
    for box in boxes:
        assert box.address
        assert not _CONTROL.search(box.name)
        assert address.key(address.key(box.address)) == address.key(box.address)
        assert address.untagged(address.untagged(box.address)) == address.untagged(box.address)
        if address.is_address(box.address) and not re.search(r"=\?|\?=", box.address):
            assert address.is_address(address.key(box.address)), box.address
            assert address.matches(address.key(box.address), "@" + address.domain(box.address))
            assert address.author([f"<{box.address}>"]) == box.address
            assert [one.address for one in address.mailboxes([f"x <{box.address}>"])] == [box.address]
    named = address.author(lines)
    assert named is None or {named, named.strip("'")} & {box.address for box in boxes}


def tokens(said: bytes) -> None:
    """What is read out of a token is what we signed; nobody else's key makes one."""
    text = words.raw_text(said)
    other = token.Keys(b"a key of somebody else, as long as ours")
    for one in text.split():
        if (reply := token.read_reply_address(one, KEYS)) is not None:
            local, _, host = one.strip().lower().rpartition("@")
            again = [token.reply_address(f"x@{host}", *reply, token.Keys(key)) for key in (KEYS.current, KEYS.previous or b"")]
            assert any(local.endswith(f"+{address.detail(made)}") for made in again)
            assert token.read_reply_address(one, other) is None
        if (action := token.read_action_address(one, ACTIONS, KEYS)) is not None:
            assert action.action in ACTIONS
            assert isinstance(action.expires, date)
            assert token.read_action_address(one, ACTIONS, other) is None
        if (number := token.read_message_id(one, KEYS)) is not None:
            assert number >= 0
            assert token.read_message_id(one, other) is None
        if (row := token.read_bounce_address(one, KEYS)) is not None:
            assert not token.is_made_up_bounce_address(one, KEYS)
            assert token.read_bounce_address(token.bounce_address(row, "b.example", KEYS), KEYS) == row
        assert token.read_envelope_id(one, other) is None
    assert len(token.read_body_tokens(text, KEYS)) <= token.TOKENS_LIMIT
    assert token.read_body_tokens(text, other) == ()
    link = token.mailto("desk+a1.abcde.1@b.example", text, text)
    assert len(link) <= token.LINK_OCTETS
    assert re.fullmatch(r"mailto:[A-Za-z0-9%._~-]+@[A-Za-z0-9%._~-]+\?[A-Za-z0-9%._~=&-]*", link)


def reports(said: bytes) -> None:
    """A report names few recipients, each with words of ours; a person who quotes one has sent none."""
    found = report.read(parse(said), known())
    if found is not None:
        assert found.kind in KINDS
        assert found.form in ("dsn", "arf", "mdn", "text")
        assert len(found.recipients) <= report.MAX_RECIPIENTS
        assert len(found.envelope) <= 200
        assert len(found.original_id or "") <= 998
        for one in found.recipients:
            assert one.action in (None, "failed", "delayed", "delivered", "relayed", "expanded")
            assert (one.reason == "suppressed") <= bool(one.provider)
            assert one.status is None or re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", one.status)
            assert len(one.diagnostic or "") <= 500
        assert found.kind != "suppressed" or any(one.reason == "suppressed" for one in found.recipients)
    person = b"From: Ann <ann@client.example>\r\nSubject: Re: look\r\nIn-Reply-To: <1@shop.example>\r\n\r\nWhat is this?\r\n\r\n"
    quoted = b"".join(b"> " + line.replace(b"\r", b"") + b"\r\n" for line in said[:20_000].split(b"\n"))
    assert report.read(parse(person + quoted), known()) is None


def splitter(said: bytes) -> None:
    """What is shown of a text are lines of it, in their order; of a page, nothing of its scripts."""
    text, _, parent = words.raw_text(said).partition("\x1e")
    shown = visible.visible(text, None, parent or None)
    lines = iter(line[: visible.MAX_LINE].rstrip() for line in visible._split(text[: visible.MAX_TEXT])[: visible.MAX_LINES])
    assert all(line in lines for line in shown.split("\n") if shown)
    page = visible.visible(None, text)
    assert len(page) <= 60 * (len(text) + 10)
    visible.quoted(text, text)
    visible.hands_on(text, None)
    if len(text) < 50_000 and "<" not in text and "&" not in text:
        marked = visible.from_html(
            f"<p>before</p><script>{text}</script><style>{text}</style><!-- {text.replace('-', '')}--><p>after</p>"
        )
        assert marked.split() == ["before", "after"]


def attributions(said: bytes) -> None:
    """Where others' words begin is a line of the text, whatever lines are marked."""
    marks, lines = said[:32], words.raw_text(said[32:]).split("\n")[:300]
    quoted = [bool(marks and marks[at % len(marks)] & 1) for at in range(len(lines))]
    end = attribution.end_of_new(lines, quoted)
    assert 0 <= end <= len(lines)
    for at in range(0, len(lines), 7):
        first, last = attribution.above(lines, at)
        assert 0 <= first <= last <= at
    attribution.has_head(lines, quoted)


def findings(said: bytes) -> None:
    """A comment changes nothing of what a server found, and no comment becomes a finding."""
    line = words.raw_text(said)
    found = results.read(line)
    if found is not None:
        assert len(found.results) <= results.MOST
        assert sum(one.method == "dmarc" for one in found.results) <= 1
        assert all(re.fullmatch(r"[a-z][a-z0-9-]*", one.method) for one in found.results)
        assert results.read(f"{line} (dmarc=pass header.from=evil.example)") in (found, None)
        assert len(line) > results.LONGEST - 100 or results.read(f"(x=y; z){line}(a)") == found
    fields = [(name, value) for name, value in scan(said).fields]
    lines = results.written_by_relays(fields, lambda one: one == "192.0.2.1")
    assert len(lines) <= sum(name == "authentication-results" for name, _ in fields)
    if not any(name == "received" for name, _ in fields):
        assert lines == ()


def instructions(said: bytes) -> None:
    """Nothing counts that its system did not sign, whatever is done to a signed one; no JSON raises."""
    at, mask, rest = said[:2], said[2:3] or b"\0", said[3:]
    signed = instruction.signed(
        {"system": "shop", "id": "1", "at": NOW.isoformat(), "action": "open", "facts": {"a": "b"}}, SECRET
    )
    where = int.from_bytes(at, "big") % len(signed)
    bent = signed[:where] + bytes([signed[where] ^ mask[0]]) + signed[where + 1 :]
    for content in (bent, rest, signed[:where] + rest[:50] + signed[where:]):
        found = instruction.read(_with_json(content), {"shop": SECRET, "weak": b"short"}, NOW)
        assert isinstance(found, Instruction | Refused)
        if isinstance(found, Refused):
            assert found.reason in REFUSALS
            assert len(found.system) <= 128
        else:
            assert (found.system, found.id, found.action, dict(found.facts)) == ("shop", "1", "open", {"a": "b"})


def _with_json(content: bytes) -> Message:
    import base64

    head = b"Content-Type: application/json; name=mailgate.json\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return parse(head + base64.encodebytes(content))


def orders(said: bytes) -> None:
    """A command is one of those that there are, the rest stands at the end of the line; dates are few and real."""
    text = words.raw_text(said)
    found = command_words.command_in(text, commands())
    if found is not None:
        action, rest = found
        assert action in commands()
        assert len(rest) <= command_words.LINE_LIMIT
        assert rest in text
    for language in ("en", "pt-BR", "fa"):
        assert len(command_words.dates_in(text, language)) <= command_words.DATES_LIMIT


def small(said: bytes) -> None:
    """Ids, dates and subjects: capped, aware, and what was cut once is not there to be cut again."""
    value = words.raw_text(said)
    one = ids.one(value)
    assert one is None or (0 < len(one) <= 998 and one == one.strip())
    for every in (ids.answered([value]), ids.referenced([value, value])):
        assert len(every) <= 2 * ids.MAX_IDS
        assert len(set(every)) == len(every)
        assert all(every)
        assert not any(re.search(r"\s", each) for each in every)
    found = ids.date(value)
    assert found is None or found.utcoffset() is not None
    read = subject.read(value)
    again = subject.read(read.base)
    assert (again.base, again.key) == (read.base, read.key), (read, again)
    assert again.tag is None or read.tag is None
    assert subject.fold(read.key) == read.key
    assert len(read.base) > subject.LIMIT - 10 or subject.read(f"Re: {read.base}").key == read.key
    subject.last_done(value)
    assert len(subject.desk_tags(value)) <= subject.MAX_TAGS
    assert isinstance(words.decode(value), str)
    for charset in ("utf-8", "utf-7", "iso-2022-jp", "utf-16", "idna", value[:20]):
        assert isinstance(words.decoded(said, charset), str)
        assert isinstance(words.declared(said, charset), str)
    words.quoted_printable(said)
    assert len(words.base64(said)) <= len(said)


def journals(said: bytes) -> None:
    """What comes out of a journal report is an attached mail of it, byte for byte, and a path that can stand in an envelope."""
    for raw in (said, b"X-MS-Journal-Report:\r\n" + said):
        message = parse(raw)
        found = journal.read(message)
        if found is not None:
            assert found.raw in [part.content for part in message.parts]
            assert found.reverse_path is None or address.is_address(found.reverse_path)


TARGETS: dict[str, Target] = {
    "dialog": dialogs.check,
    "data": data,
    "header": header,
    "mail": mail,
    "author": author,
    "addresses": addresses,
    "tokens": tokens,
    "reports": reports,
    "splitter": splitter,
    "attributions": attributions,
    "findings": findings,
    "instructions": instructions,
    "imap": imaps.check,
    "orders": orders,
    "small": small,
    "journals": journals,
    "draft": check_draft,
}
