"""Access tokens: asked for once, kept, renewed before they end; a provider that fails costs an error without secrets."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from mailgate.config.settings import OAuth
from mailgate.wire import oauth
from mailgate.wire.oauth import Grant, OAuthError, Tokens

SECRET = "kept-by-us-alone"


@dataclass
class Provider:
    """A token endpoint: it remembers the forms and gives the next of `answers` (status, body); None: it says nothing."""

    url: str = ""
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answers: list[tuple[int, bytes] | None] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = next(int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length"))
        self.paths.append(head.split()[1])
        self.forms.append(parse_qs((await reader.readexactly(size)).decode()))
        self.asked.set()
        answer = self.answers.pop(0) if self.answers else token(f"token-{len(self.forms)}")
        if answer is None:
            await self.done.wait()
        else:
            writer.write(
                b"HTTP/1.1 %d X\r\nLocation: %s/elsewhere\r\nContent-Length: %d\r\n\r\n"
                % (answer[0], self.url.encode(), len(answer[1]))
            )
            writer.write(answer[1])
        writer.close()


def token(word: str, seconds: object = 3600) -> tuple[int, bytes]:
    return 200, json.dumps({"token_type": "Bearer", "access_token": word, "expires_in": seconds}).encode()


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """One on this machine."""
    made = Provider()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    made.done.set()
    server.close()


class Hands:
    """A clock that is moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_microsoft_is_asked_by_client_credentials(provider: Provider) -> None:
    """RFC 6749 §4.4; the scope is all that the admin granted to the application."""
    grant = oauth.microsoft("contoso.example", "app-1", SECRET, authority=provider.url)
    assert await Tokens(grant).get() == "token-1"
    assert provider.paths == ["/contoso.example/oauth2/v2.0/token"]
    assert provider.forms == [
        {
            "grant_type": ["client_credentials"], "client_id": ["app-1"], "client_secret": [SECRET],
            "scope": ["https://outlook.office365.com/.default"],
        }
    ]  # fmt: skip


async def test_google_is_asked_by_refresh_token(provider: Provider) -> None:
    """RFC 6749 §6."""
    assert await Tokens(oauth.google("app-2", SECRET, "refresh-me", url=provider.url)).get() == "token-1"
    assert provider.forms == [
        {"grant_type": ["refresh_token"], "client_id": ["app-2"], "client_secret": [SECRET], "refresh_token": ["refresh-me"]}
    ]


async def test_token_is_kept_until_five_minutes_before_its_end(provider: Provider) -> None:
    """Many connections at once ask once; the next one comes early enough for a long login."""
    hands = Hands()
    tokens = Tokens(Grant(provider.url, ()), monotonic=hands)
    assert await asyncio.gather(*(tokens.get() for _ in range(5))) == ["token-1"] * 5
    hands.now += 3600 - 301
    assert await tokens.get() == "token-1"
    hands.now += 1
    assert await tokens.get() == "token-2"


async def test_refused_token_is_asked_for_anew(provider: Provider) -> None:
    """A server may refuse a token before its end: `forget`."""
    tokens = Tokens(Grant(provider.url, ()))
    assert await tokens.get() == "token-1"
    tokens.forget()
    assert await tokens.get() == "token-2"


@pytest.mark.parametrize("lasts", [0, -5, 299, "soon", None, 1e99])
async def test_odd_life_of_a_token_makes_no_storm_of_questions(provider: Provider, lasts: object) -> None:
    """What a provider says of a token's life is taken within bounds, or not at all."""
    provider.answers = [token("odd", lasts)]
    tokens = Tokens(Grant(provider.url, ()))
    if lasts in ("soon", None):
        with pytest.raises(OAuthError, match="without a token"):
            await tokens.get()
    else:
        assert [await tokens.get(), await tokens.get()] == ["odd", "odd"]
        assert len(provider.forms) == 1


REFUSED = json.dumps({"error": "invalid_client", "error_description": f"AADSTS7000215: Invalid secret {SECRET}."}).encode()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, REFUSED), "127.0.0.1 gave no token: 401 invalid_client AADSTS7000215"),
        ((400, b"<html>" + SECRET.encode()), "127.0.0.1 gave no token: 400"),
        ((302, b""), "127.0.0.1 gave no token: 302"),
        ((503, b"x" * 100_000), "127.0.0.1 gave no token: 503"),
        ((200, b"not json " + SECRET.encode()), "127.0.0.1 answered without a token"),
        ((200, b"[]"), "127.0.0.1 answered without a token"),
        ((200, b'{"access_token": "a b\\r\\nX: y"}'), "127.0.0.1 answered without a token"),
        ((200, b'{"access_token": "' + b"a" * 100_000 + b'"}'), "127.0.0.1 answered without a token"),
    ],
)
async def test_provider_that_gives_none_is_named_without_secrets(
    provider: Provider, answer: tuple[int, bytes], said: str
) -> None:
    """The error says who refused and by which code word; nothing that was posted, and no free text of the answer."""
    provider.answers = [answer]
    tokens = Tokens(oauth.microsoft("t", "app", SECRET, authority=provider.url))
    with pytest.raises(OAuthError) as refused:
        await tokens.get()
    assert str(refused.value) == said
    assert len(provider.forms) == 1, "no redirect is followed"
    assert await tokens.get() == "token-2", "and the next question is asked anew"


async def test_silent_provider_holds_up_only_who_waits_for_it(provider: Provider) -> None:
    """A deadline; the loop goes on meanwhile, and other accounts get their tokens."""
    provider.answers = [None, token("other")]
    silent = asyncio.create_task(Tokens(Grant(provider.url, ()), seconds=0.5).get())
    await provider.asked.wait()
    assert await Tokens(Grant(provider.url, ())).get() == "other"
    with pytest.raises(OAuthError, match=r"127\.0\.0\.1 (did not answer within 0\.5 s|can't be asked for a token: TimeoutError)"):
        await silent


async def test_nobody_at_the_address() -> None:
    """A refused connection is an answer as well."""
    with pytest.raises(OAuthError, match="can't be asked for a token: ConnectionRefusedError"):
        await Tokens(Grant("http://127.0.0.1:1/", ())).get()


def test_table_of_the_configuration_becomes_a_grant(tmp_path: Path) -> None:
    """The secrets stand in files of their own."""
    for name in ("secret", "refresh"):
        (tmp_path / name).write_text(f"the-{name}\n")
        (tmp_path / name).chmod(0o600)
    secret = {"client_id": "app", "secret_file": tmp_path / "secret"}
    app_only = OAuth.model_validate({"provider": "microsoft", "tenant": "contoso.example", **secret})
    assert oauth.grant_of(app_only) == oauth.microsoft("contoso.example", "app", "the-secret")
    personal = OAuth.model_validate({"provider": "google", "refresh_token_file": tmp_path / "refresh", **secret})
    assert oauth.grant_of(personal) == oauth.google("app", "the-secret", "the-refresh")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"provider": "microsoft"}, 'secret_file and tenant beside provider = "microsoft"'),
        ({"provider": "google", "secret_file": "s"}, 'refresh_token_file beside provider = "google"'),
        ({"provider": "google", "secret_file": "s", "refresh_token_file": "r", "url": "http://tokens.test/"}, "https://"),
        ({"provider": "google", "secret_file": "s", "refresh_token_file": "r", "url": "https://a:b@tokens.test/"}, "https://"),
        ({"provider": "yahoo"}, "'microsoft' or 'google'"),
    ],
)
def test_half_a_table_is_refused(table: dict[str, str], expected: str) -> None:
    """What is missing is named; a token is asked for over TLS alone, but on this machine."""
    with pytest.raises(ValidationError, match=re.escape(expected)):
        OAuth.model_validate({"client_id": "app", **table})


def test_grant_shows_no_secret() -> None:
    """Not in a repr, so not in a log."""
    assert SECRET not in repr(oauth.microsoft("t", "app", SECRET))
    assert SECRET not in repr(oauth.google("app", SECRET, SECRET))


def test_xoauth2_says_user_and_token() -> None:
    """As Google and Microsoft document it; a name can't bring in fields of its own."""
    assert oauth.xoauth2("desk@shop.test", "abc") == "user=desk@shop.test\x01auth=Bearer abc\x01\x01"
    for name in ("", "a\x01auth=Bearer x", "a\r\nb"):
        with pytest.raises(ValueError, match="control characters"):
            oauth.xoauth2(name, "abc")
