"""What an admin may set in mailgate.toml, with every default; config/mailgate.toml explains each key.

The sections are frozen and refuse unknown keys. Lengths of time are `timedelta`, sizes are bytes, files and sockets
are absolute paths once `load` has read them (relative ones start at the configuration's directory). `Settings`
is those sections plus the desks, sellers, packs and templates that stand beside the file.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mailgate.config.values import (
    After,
    Count,
    Elapsed,
    File,
    Hop,
    HostName,
    Listen,
    Listens,
    Networks,
    OneLine,
    PortNumber,
    Rate,
    Since,
    Size,
    SmtpHop,
    StoreUrl,
    TokenUrl,
    Words,
)
from mailgate.desk.notice import Templates
from mailgate.desk.pack import Policy
from mailgate.desk.party import Address, Desk, Seller
from mailgate.desk.trust import Level
from mailgate.mail.signature import Signatures

Role = Literal["inbox", "sent", "junk"]
Act = Literal["add", "start", "stop", "close", "change", "request"]
HARMLESS: tuple[Act, ...] = ("add",)
CLOCKS: tuple[Act, ...] = ("add", "start", "stop")
ALL: tuple[Act, ...] = ("add", "start", "stop", "close", "change", "request")


class Section(BaseModel):
    """One table of mailgate.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Store(Section):
    """[store] where everything is remembered."""

    url: StoreUrl = "sqlite:///mailgate.db"
    password_file: File = None


class Door(Section):
    """[smtp], [lmtp]: where mail is received."""

    listen: Listens = ()


class Smtp(Door):
    """[smtp]"""

    listen: Listens = ("127.0.0.1:8025",)


class Guard(Section):
    """[guard] the proxy that outgoing mail passes through (docs/guard.md); `networks` and [trust] relays may use it."""

    listen: Listens = ()
    next_hop: SmtpHop = "smtp://127.0.0.1:10026"
    networks: Networks = ()
    answer_within: Elapsed = timedelta(seconds=75)
    unchecked: Literal["pass", "defer"] = "pass"


class Copied(Section):
    """[copied] the addresses at which the mail system hands us copies of both directions."""

    addresses: tuple[Address, ...] = ()
    journals: tuple[Address, ...] = ()

    @property
    def any(self) -> bool:
        """True if copies come at all."""
        return bool(self.addresses or self.journals)


class OAuth(Section):
    """A table `oauth`: how an access token is got where no password is taken (wire/oauth.py).

    `url`: of another cloud, or of a stand-in; empty: the provider's own.
    """

    provider: Literal["microsoft", "google"]
    client_id: str = Field(min_length=1)
    secret_file: File = None
    tenant: str = ""
    refresh_token_file: File = None
    url: TokenUrl = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        lacking = [] if self.secret_file else ["secret_file"]
        if self.provider == "microsoft" and not self.tenant:
            lacking.append("tenant")
        if self.provider == "google" and not self.refresh_token_file:
            lacking.append("refresh_token_file")
        if lacking:
            raise ValueError(f'{" and ".join(lacking)} beside provider = "{self.provider}"')
        return self

    @property
    def files(self) -> tuple[Path, ...]:
        """The secret files that it names."""
        return tuple(filter(None, (self.secret_file, self.refresh_token_file)))


class Paced(Section):
    """[smarthost.domains."example.com"] how much mail may go there: at one moment, and in a minute (0: as much as there is)."""

    at_once: Count = 4
    per_minute: Rate = 0


class Smarthost(Section):
    """[smarthost] whom we hand outgoing mail to, and when we try again (RFC 5321 §4.5.4.1)."""

    url: Hop = "maildir:outgoing"
    username: str = ""
    password_file: File = None
    oauth: OAuth | None = None
    tls: Literal["", "none", "may", "encrypt", "verify"] = ""
    ca_file: File = None
    at_once: Count = 4
    per_minute: Rate = 0
    domains: Mapping[str, Paced] = Field(default_factory=dict)
    retry: tuple[Elapsed, ...] = (timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2), timedelta(hours=4))
    give_up: Elapsed = timedelta(days=5)


class Mailbox(Section):
    """[mailbox.NAME] a mailbox that is watched by IMAP (docs/imap.md). `since` None: from the first start on."""

    host: HostName
    port: PortNumber = 0
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    ca_file: File = None
    username: OneLine
    password_file: File = None
    oauth: OAuth | None = None
    addresses: tuple[Address, ...] = ()
    desk: str = ""
    folders: Mapping[OneLine, Role] = Field(default={"INBOX": "inbox"}, min_length=1)
    since: Since = None
    after: After = "nothing"
    trusted: bool = False

    @model_validator(mode="after")
    def _has_one_secret(self) -> Self:
        if (self.password_file is None) == (self.oauth is None):
            raise ValueError("password_file, or a table oauth, and not both")
        return self

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """The files that its login needs."""
        return self.oauth.files if self.oauth else tuple(filter(None, (self.password_file,)))

    @property
    def owners(self) -> tuple[str, ...]:
        """Whose mailbox it is: `addresses`, else the user name if it is one."""
        return self.addresses or ((self.username,) if "@" in self.username else ())


class Http(Section):
    """[http] health and metrics."""

    listen: Listen = "127.0.0.1:9125"


class Tls(Section):
    """[tls] STARTTLS on every door."""

    certificate: File = None
    key: File = None


class Trust(Section):
    """[trust] whom we believe, and what each level of trust may do."""

    relays: Networks = ()
    authserv_ids: Words = ()
    results: Literal["above", "beneath"] = "above"
    stranger_may: tuple[Act, ...] = HARMLESS
    claimed_may: tuple[Act, ...] = HARMLESS
    authenticated_may: tuple[Act, ...] = CLOCKS
    signed_may: tuple[Act, ...] = ALL

    @property
    def allowed(self) -> Mapping[Level, tuple[Act, ...]]:
        """What mail of each level of trust may do, as desk/trust.py reads it."""
        return {
            "stranger": self.stranger_may,
            "claimed": self.claimed_may,
            "authenticated": self.authenticated_may,
            "signed": self.signed_may,
        }


class Limits(Section):
    """[limits] at the doors, and of notices that mail causes. The limits of reading a mail are fixed (mail/scan.py)."""

    message_size: Size = 50 * 1024**2
    recipients: Count = 100
    in_flight: Size = 256 * 1024**2
    connections: Count = 300
    connections_per_network: Count = 40
    errors: Count = 10
    idle: Elapsed = timedelta(minutes=5)
    session: Elapsed = timedelta(minutes=30)
    notices_per_ticket: Count = 10
    notices_per_recipient: Count = 60
    tickets_per_author: Count = 30
    surge_from: Count = 50


class Timers(Section):
    """[timers]"""

    catch_up: Elapsed = timedelta(hours=2)


class Retention(Section):
    """[retention] how long what is kept."""

    keep_raw: Elapsed = timedelta(days=400)


class Effects(Section):
    """[effects] the system that carries out what packs ask for: refunds, cancellations (docs/effects.md)."""

    to: Address | Literal[""] = ""
    confirm_after: Literal["sent", "acknowledged"] = "sent"
    secret_file: File = None


class Orders(Section):
    """[orders] the folder whose files of orders are taken in; None: there is none."""

    folder: File = None


class Logs(Section):
    """[logs] what goes to stderr."""

    format: Literal["auto", "json", "text"] = "auto"
    addresses: Literal["hash", "plain"] = "hash"
    level: Literal["debug", "info", "warning"] = "info"


class KeyFile(Section):
    """[keys] the secret that signs reply addresses, message ids and links."""

    file: File = Path("keys")


class Main(Section):
    """All of mailgate.toml."""

    hostname: str = Field(default="", pattern=r"^[A-Za-z0-9.-]*$")
    store: Store = Store()
    smtp: Smtp = Smtp()
    lmtp: Door = Door()
    guard: Guard = Guard()
    copied: Copied = Copied()
    mailbox: Mapping[str, Mailbox] = Field(default_factory=dict)
    smarthost: Smarthost = Smarthost()
    dkim: Mapping[str, File] = Field(default_factory=dict)
    http: Http = Http()
    tls: Tls = Tls()
    trust: Trust = Trust()
    limits: Limits = Limits()
    timers: Timers = Timers()
    retention: Retention = Retention()
    effects: Effects = Effects()
    systems: Mapping[str, File] = Field(default_factory=dict)
    orders: Orders = Orders()
    logs: Logs = Logs()
    keys: KeyFile = KeyFile()

    @property
    def host(self) -> str:
        """The name we greet with and sign as: `hostname`, else this machine's."""
        return self.hostname or socket.gethostname()

    @property
    def receives(self) -> bool:
        """True if an SMTP or LMTP door is open."""
        return bool(self.smtp.listen or self.lmtp.listen)


@dataclass(frozen=True)
class Pack:
    """A policy pack as its author wrote it: `text` is stored while a ticket refers to it, `raw` is its TOML."""

    name: str
    file: str
    text: str
    raw: Mapping[str, Any]


class Settings(Main):
    """Everything a directory says: mailgate.toml, desks.toml, sellers, policies/ and templates/, ready for use.

    `desks` and `policies` (a desk's pack with its options bound) go by the desk's name, `sellers` by their id; `places` says
    where each seller stands: a file, or a file and a line.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False, arbitrary_types_allowed=True)

    directory: Path
    desks: Mapping[str, Desk] = Field(default_factory=dict)
    sellers: Mapping[str, Seller] = Field(default_factory=dict)
    places: Mapping[str, str] = Field(default_factory=dict)
    packs: Mapping[str, Pack] = Field(default_factory=dict)
    policies: Mapping[str, Policy] = Field(default_factory=dict)
    templates: Templates
    signatures: Signatures = Signatures()
