"""The row that `mailgate inspect` prints has exactly the promised keys, as JSON."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from mailgate.mail.inspect import row
from mailgate.mail.language import language

KEYS = (
    "file message_id subject from reply_to to cc date in_reply_to references base_subject language class text html visible "
    "attachments defects kind recipients"
)


def test_the_row_of_a_mail() -> None:
    """Every key, in order; ids without brackets; a date with its offset."""
    raw = (
        b"From: Ann <a@x.example>\nSubject: Re: x\nDate: Mon, 2 Mar 2026 09:00:00 +0100\nMessage-ID: <1@x>\n\nhi\n\n> old\n> mail"
    )
    found = row(raw, "a.eml")
    assert " ".join(found) == KEYS
    assert found["from"] == [{"name": "Ann", "address": "a@x.example"}]
    assert (found["message_id"], found["date"], found["base_subject"]) == ("1@x", "2026-03-02T09:00:00+01:00", "x")
    assert (found["class"], found["kind"], found["visible"]) == ("human", "none", "hi")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                b"From: ",
                b"a@b",
                b"\n",
                b"\r\n",
                b"Content-Type: multipart/mixed; boundary=b\n",
                b"--b\n",
                b"--b--",
                b"\xff",
                b"=?utf-8?q?",
                b"?=",
                b"<",
                b">",
                b'"',
                b"(",
                b"Final-Recipient: rfc822;a@b\n",
                b"Content-Type: message/delivery-status\n\n",
                b"Content-Transfer-Encoding: base64\n",
                b"\x00",
                b"> ",
                b"wrote:",
            ]
        ),
        max_size=40,
    )
)
def test_any_bytes_give_a_row_of_json(pieces: list[bytes]) -> None:
    """No mail raises, and every row can be printed as UTF-8."""
    json.dumps(row(b"".join(pieces), "x"), ensure_ascii=False).encode()


def test_languages_are_named_only_when_plain() -> None:
    """A wrong guess is worse than none."""
    assert language("Where is my order? I have not received it and you do not answer my mails.") == "en"
    assert language("Olá, ainda não recebi o meu pedido. Vocês podem me ajudar com isso, por favor?") == "pt"
    assert language("Buongiorno, non ho ancora ricevuto il mio ordine e vorrei sapere che cosa è successo.") == "it"
    assert language("سلام، سفارش من هنوز نرسیده است. لطفاً پیگیری کنید که چه شده") == "fa"
    assert language("Ich habe meine Bestellung noch nicht bekommen und bitte Sie um eine Antwort.") == "de"
    assert language("ok thanks") is None
    assert language("") is None
