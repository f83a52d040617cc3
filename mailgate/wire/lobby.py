"""Decide who may stand in the doors, and remember who does.

Asked when somebody connects, in this order: are we closing, is the house full, are too many from this network here
already. Afterwards it counts the bytes of mails in flight and keeps the deliveries that outlive their session.
Limits keyed by client do not apply to unix sockets and to trusted relays, which speak for many.
It will not read or write a socket, nor log: what happened goes to `Events`.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import resource
import secrets
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import InitVar, dataclass, field
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from mailgate.mail.message import Envelope
from mailgate.wire import clock
from mailgate.wire.refusals import Events, Refusals

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CROWDED = 0.9  # of all places
SILENT_IN_A_CROWD = 30.0  # seconds
OWN_DESCRIPTORS = 44  # the store's, the log's, the loop's, next hops and mailboxes


@dataclass(frozen=True)
class Outcome:
    """What became of a mail, as the reply to its final dot: `code`, then enhanced code and words."""

    code: int
    text: str


Accept = Callable[[Envelope, bytes], Awaitable[Outcome | tuple[Outcome, ...]]]


@dataclass(frozen=True)
class Limits:
    """What one client may ask of us (RFC 5321 §4.5.3). Sizes in octets."""

    size: int = 50 * 2**20
    recipients: int = 100
    connections: int = 300
    connections_per_network: int = 40
    soft_errors: int = 5
    hard_errors: int = 10
    junk_commands: int = 100
    command_line: int = 2048
    in_flight: int = 256 * 2**20
    idle: timedelta = timedelta(seconds=300)
    data_idle: timedelta = timedelta(seconds=180)
    session: timedelta = timedelta(minutes=30)
    handshake: timedelta = timedelta(seconds=10)
    accept: timedelta = timedelta(seconds=120)
    soft_pause: timedelta = timedelta(seconds=1)


@dataclass
class Door:
    """One kind of listener. `tls` may be replaced while it is open: the next STARTTLS takes the new one."""

    kind: str
    tls: ssl.SSLContext | None
    relays: tuple[Network, ...]


@dataclass(frozen=True)
class Client:
    """Who is at the other end: an IP address or "unix", and the network its limits are counted by."""

    name: str
    network: str = ""
    trusted: bool = False


class Guest(Protocol):
    """A session, as the lobby sees it."""

    client: Client

    @property
    def handler(self) -> asyncio.Task[None] | None:
        """The task that runs it."""

    @property
    def silent(self) -> float:
        """For how many seconds it has let us wait; 0 while we let it wait."""

    def wind_up(self) -> None:
        """Finish the mail in hand, if any, then say 421 and go."""

    def close_now(self) -> None:
        """Say 421 and go, whatever is in hand."""

    def give_way(self) -> None:
        """Say 421 and go, as others need the place."""

    def abort(self) -> None:
        """Go now."""


@dataclass
class Load:
    """The bytes of one mail that count as in flight until released."""

    lobby: Lobby
    size: int = 0

    def grow(self, size: int) -> None:
        """Say how much the mail now holds."""
        self.lobby.in_flight += size - self.size
        self.size = size

    def release(self) -> None:
        """The mail is gone from memory, or nearly."""
        self.grow(0)


@dataclass
class Lobby:
    """The state that all sessions of all doors share. `copies`: only copies of other people's mail go to that address.

    `free`: the octets that the store has room for, None: we can't know.
    """

    accept: Accept
    knows: Callable[[str], bool]
    limits: Limits
    hostname: str
    told: InitVar[Events]
    copies: Callable[[str], bool] = lambda _: False
    free: Callable[[], int | None] = lambda: None
    closing: bool = False
    in_flight: int = 0
    inbox: memoryview = field(default_factory=lambda: memoryview(bytearray(65536)))
    guests: set[Guest] = field(default_factory=set)
    deliveries: set[asyncio.Task[Any]] = field(default_factory=set)
    events: Refusals = field(init=False)
    _networks: Counter[str] = field(default_factory=Counter)
    _places: int = 0
    _places_of_network: int = 0
    _swept: float = float("-inf")
    _asked: float = float("-inf")
    _full: bool = False

    def __post_init__(self, told: Events) -> None:
        """Never more places than descriptors: running out of them stops the accept loop for everybody."""
        self.events = Refusals(told)
        self._places, self._places_of_network = self.limits.connections, self.limits.connections_per_network
        if (fewer := spare_descriptors() // 2) < self._places:
            self._places, self._places_of_network = fewer, min(self._places_of_network, max(1, fewer // 2))

    def refusal(self, client: Client) -> str:
        """Why this client may not come in now; empty if it may."""
        if self.closing:
            return "421 4.3.2 closing"
        if client.trusted:
            return ""
        if len(self.guests) >= self._places:
            return "421 4.7.0 too many connections"
        if self._networks[client.network] >= self._places_of_network:
            return "421 4.7.0 too many connections from your network"
        return ""

    def make_room(self) -> None:
        """While nearly all places are taken, send away who has let us wait for long; asked at most once a second."""
        if len(self.guests) < CROWDED * self._places or (now := clock.monotonic()) < self._swept + 1:
            return
        self._swept = now
        for guest in list(self.guests):
            if not guest.client.trusted and guest.silent > SILENT_IN_A_CROWD:
                guest.give_way()

    def enter(self, guest: Guest) -> None:
        """Count a session in."""
        self.guests.add(guest)
        self._networks[guest.client.network] += 1

    def leave(self, guest: Guest) -> None:
        """Count a session out."""
        self.guests.discard(guest)
        self._networks[guest.client.network] -= 1
        if self._networks[guest.client.network] <= 0:
            del self._networks[guest.client.network]

    def has_room(self, size: int) -> bool:
        """True if a mail of `size` octets may be taken into memory now."""
        return self.in_flight + size <= self.limits.in_flight

    def is_full(self) -> bool:
        """True while the store has no room for two mails of the largest size; asked at most once a second."""
        if (now := clock.monotonic()) >= self._asked + 1:
            self._asked = now
            free = self.free()
            self._full = free is not None and free < 2 * self.limits.size
        return self._full

    def fault(self, client: str, error: BaseException) -> str:
        """The only reply to a fault of ours; the rest goes to the events."""
        error_id = secrets.token_hex(4)
        self.events.session_failed(client, error_id, error)
        return f"451 4.3.0 try again ({error_id})"

    def deliver(self, envelope: Envelope, content: bytes, load: Load) -> asyncio.Task[tuple[str, ...]]:
        """A task with one reply per forward path; it goes on when its session is gone."""
        return self.shelter(self._replies(envelope, content), load)

    def shelter(self, work: Coroutine[Any, Any, T], load: Load) -> asyncio.Task[T]:
        """`work` as a task that outlives its session and that `drain` waits for; then the mail's bytes are released."""
        task = asyncio.get_running_loop().create_task(work)
        self.deliveries.add(task)
        task.add_done_callback(self.deliveries.discard)
        task.add_done_callback(lambda _: load.release())
        return task

    async def _replies(self, envelope: Envelope, content: bytes) -> tuple[str, ...]:
        many = len(envelope.forward_paths)
        try:
            outcome = await self.accept(envelope, content)
            outcomes = outcome if isinstance(outcome, tuple) else (outcome,) * many
            if len(outcomes) != many:
                raise ValueError(f"{len(outcomes)} outcomes for {many} forward paths")
            return tuple(_reply(one) for one in outcomes)
        except Exception as error:
            return (self.fault(envelope.client, error),) * many


def spare_descriptors() -> int:
    """How many more descriptors this process may have open for clients, at least 4."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(4, most - OWN_DESCRIPTORS)


def client(transport: asyncio.BaseTransport, relays: tuple[Network, ...]) -> Client:
    """Who is at the other end of `transport`; networks are /32 and /64."""
    peer = transport.get_extra_info("peername")
    return _at(peer[0], relays) if isinstance(peer, tuple) else Client("unix", "unix", trusted=True)


@functools.lru_cache(maxsize=1024)
def _at(host: str, relays: tuple[Network, ...]) -> Client:
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    length = 32 if address.version == 4 else 64
    network = str(ipaddress.ip_network((address, length), strict=False))
    return Client(str(address), network, any(address in relay for relay in relays))


def _reply(outcome: Outcome) -> str:
    words = "".join(c if c.isprintable() and c.isascii() else " " for c in outcome.text)
    if not 200 <= outcome.code <= 599 or 300 <= outcome.code <= 399:
        raise ValueError(f"{outcome.code} is no reply to a mail")
    return f"{outcome.code} {words[:450]}"
