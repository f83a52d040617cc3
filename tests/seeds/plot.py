"""One seed: a random story of some days at one desk. Who writes what, when, and what goes wrong besides.

Every instant, word and fault comes from the seed's own generator, so the same seed is the same story again.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import again
from book import BrokenError
from cast import BUYER, HELPDESK, OPTIONS, SELLERS, Draft, Letter, house, written
from sqlalchemy import select
from turning import Hands, World

from mailgate import verb
from mailgate.desk.command import Given
from mailgate.mail.message import parse
from mailgate.simulate import mails
from mailgate.store import memory
from mailgate.store.schema import outbox

STARTS = tuple(
    datetime(*day, tzinfo=UTC)
    for day in ((2026, 6, 1, 12), (2026, 3, 6, 15), (2026, 10, 30, 18), (2026, 12, 23, 9), (2027, 3, 26, 22))
)  # some of them just before the clocks change in New York or Berlin, or before a holiday
SHARES = (0.0, 0.01, 0.02, 0.05)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
SUPPORT = {name: str(said["support"]) for name, said in SELLERS.items()}


@dataclass(frozen=True)
class Told:
    """What became of a seed."""

    seed: int
    failure: str = ""
    log: tuple[str, ...] = ()
    faults: Counter[str] = field(default_factory=Counter)
    days: float = 0.0
    looked: int = 0
    letters: int = 0


def tell(seed: int) -> Told:
    """The story of `seed`, from its first mail until all is done."""
    return asyncio.run(_told(seed))


async def _told(seed: int) -> Told:
    rng = random.Random(seed)
    world = World(house(rng.randrange(len(OPTIONS))), rng, rng.choice(STARTS), rng.choice(SHARES))
    failure = ""
    with Hands(world.wall):
        try:
            await Plot(world, rng).unfolds()
            await world.ends()
            if seed % again.EVERY == 0 and not world.set_back:
                again.look(world.store, world.house)
                again.mend_and_look(world.store, world.house, rng, world.wall.now)
        except BrokenError as error:
            failure = str(error)
    days = (world.wall.now - world.begun) / timedelta(days=1)
    return Told(seed, failure, tuple(world.log), world.faults.done, days, world.book.looked, len(world.book.letters))


class Plot:
    """What people do, one thing after the other."""

    def __init__(self, world: World, rng: Random) -> None:
        self.world, self.rng = world, rng
        self.asks: list[Letter] = []
        self.answers: list[Letter] = []
        self.number = 0

    async def unfolds(self) -> None:
        """Six to fourteen things happen."""
        self._asks()
        for _ in range(self.rng.randint(6, 14)):
            (act,) = self.rng.choices([one for one, _ in ACTS], [weight for _, weight in ACTS])
            act(self)
            await self.world.passes(self._when())

    def _when(self) -> datetime:
        """The next instant: at, just before or after something is due, or some hours on."""
        now = self.world.wall.now
        due = [one for one in self.world.moments() if one > now]
        if due and self.rng.random() < 0.5:
            return max(now, self.rng.choice(due) + self.rng.choice((-HOUR, -SECOND, timedelta(), timedelta(), SECOND, 5 * HOUR)))
        return now + self.rng.choice((timedelta(), 7 * MINUTE, 3 * HOUR, 11 * HOUR, 26 * HOUR))

    # -- what is written ------------------------------------------------------------------------------------------------

    def _letter(self, what: str, case: int, draft: Draft, **how: object) -> Letter:
        self.number += 1
        canary = f"canary{self.number:04d}x"
        message_id = f"{self.number}.{what.replace(' ', '-')}@{draft.author.partition('@')[2]}"
        raw = written(replace(draft, text=f"{draft.text}\r\n\r\n{canary}"), message_id, self.world.wall.now)
        letter = Letter(what, case, message_id, draft.author, tuple(draft.to), tuple(draft.cc), raw, canary, **how)  # type: ignore[arg-type]
        self.world.book.write(letter)
        return letter

    def _sends(self, letter: Letter) -> None:
        """It reaches us now, later, just when something is due or tried, or lies in a mailbox that we look into later."""
        now = self.world.wall.now
        late = self.rng.choice((timedelta(), timedelta(), timedelta(), SECOND, 40 * MINUTE, 6 * HOUR))
        ahead = [one for one in self.world.moments() if now < one < now + 96 * HOUR]
        if ahead and self.rng.random() < 0.4:
            late = self.rng.choice(ahead) - now + self.rng.choice((-SECOND, timedelta(), timedelta(), timedelta(), SECOND))
        found = min(late, 6 * HOUR) if late and self.rng.random() < 0.2 else None
        self.world.post(letter, now + late, found)
        if self.rng.random() < 0.15:
            self._copies(letter, now + late)

    def _copies(self, letter: Letter, at: datetime) -> None:
        """The same mail once more, by another door: the same bytes, or with a Received line on top."""
        later = at + self.rng.choice((timedelta(), MINUTE, 9 * HOUR))
        line = b"Received: from a.example by b.example; Mon, 1 Jun 2026 12:00:00 +0000\r\n"
        self.world.post(letter if self.rng.random() < 0.5 else replace(letter, raw=line + letter.raw), later)

    def _asks(self) -> None:
        case, seller = len({one.case for one in self.asks}) + 1, self.rng.choice(tuple(SUPPORT))
        cc = (BUYER.format(case),) if self.rng.random() < 0.5 else ()
        draft = Draft(HELPDESK, (SUPPORT[seller],), cc, f"Order 47{case:02d} is missing", f"Where is order 47{case:02d}?")
        ask = self._letter("ask", case, draft, asks=seller)
        self.asks.append(ask)
        self._sends(ask)

    def _asks_again(self) -> None:
        ask = self.rng.choice(self.asks)
        draft = Draft(HELPDESK, ask.to, ask.cc, f"Re: Order 47{ask.case:02d} is missing", "Any news?", (ask.message_id,))
        self._sends(self._letter("follow-up", ask.case, draft))

    def _reply(self, what: str, text: str, *, to_all: bool = True, **how: object) -> Letter:
        ask = self.rng.choice(self.asks)
        extra = str(how.pop("extra", ""))
        others = [HELPDESK, *ask.cc] if to_all else [*ask.cc] or ["someone@mail.example"]
        subject = f"Re: Order 47{ask.case:02d} is missing"
        draft = Draft(SUPPORT[ask.asks], others[:1], others[1:], subject, text, (ask.message_id,), extra)
        letter = self._letter(what, ask.case, draft, **how)
        self._sends(letter)
        return letter

    def _answers(self) -> None:
        self.answers.append(self._reply("answer", "It was sent yesterday."))

    def _answers_alone(self) -> None:
        self._reply("noncompliant", "It was sent yesterday, to you alone.", to_all=False)

    def _is_away(self) -> None:
        self._reply("auto", "I am away until Monday.", extra="Auto-Submitted: auto-replied")

    def _is_forged(self) -> None:
        self._reply("forged", "All is well, no need to ask any more.", proven=False)

    def _buyer_writes(self) -> None:
        asked = [one for one in self.asks if one.cc]
        if asked:
            ask = self.rng.choice(asked)
            names, subject = (ask.message_id,), f"Re: Order 47{ask.case:02d} is missing"
            draft = Draft(ask.cc[0], (HELPDESK,), ask.to, subject, "I am still waiting.", names)
            self._sends(self._letter("buyer", ask.case, draft))

    # -- what comes back ------------------------------------------------------------------------------------------------

    def _reminder(self) -> object:
        query = select(outbox).where((outbox.c.notice == "remind") & (outbox.c.state == "sent"))
        rows = self.world.store.read(lambda one: one.execute(query).all())
        mine = [row for row in rows if row.reader in SUPPORT.values() and self._case_of(row.ticket)]
        return self.rng.choice(mine) if mine else None

    def _case_of(self, ticket: int) -> int:
        return next((case for case, number in self.world.book.tickets.items() if number == ticket), 0)

    def _answers_reminder(self) -> None:
        row: object = self._reminder()
        if row is not None:
            message = parse(row.raw)  # type: ignore[attr-defined]
            to = [one.address for one in message.reply_to]
            cc = [one.address for one in (*message.to, *message.cc) if one.address != row.reader]  # type: ignore[attr-defined]
            names = (*message.references, message.message_id or "")
            draft = Draft(row.reader, to, cc, f"Re: {message.subject}", "It was sent yesterday.", names)  # type: ignore[attr-defined]
            letter = self._letter("answer", self._case_of(row.ticket), draft)  # type: ignore[attr-defined]
            self.answers.append(letter)
            self._sends(letter)

    def _tampers(self) -> None:
        """A seller changes the number in the address that he was to answer to."""
        row: object = self._reminder()
        others = [number for number in self.world.book.tickets.values() if row is not None and number != row.ticket]  # type: ignore[attr-defined]
        if others:
            message = parse(row.raw)  # type: ignore[attr-defined]
            wrong = re.sub(r"\+t\d+\.", f"+t{self.rng.choice(others)}.", message.reply_to[0].address)
            draft = Draft(row.reader, (wrong,), (HELPDESK,), f"Something else {self.number}", "Please look at this.")  # type: ignore[attr-defined]
            self._sends(self._letter("tampered", -self.number - 1, draft))

    def _returns(self, what: str, letter: Letter, reader: str, **how: object) -> None:
        self.number += 1
        message_id = f"{self.number}.report@mx.example"
        raw = mails.report(letter.message_id, reader, letter.author, "5.1.1", self.world.wall.now, message_id)
        author = f"MAILER-DAEMON@{reader.partition('@')[2]}"
        back = Letter(
            what,
            letter.case,
            message_id,
            author,
            (letter.author,),
            (),
            raw,
            message_id,
            null=True,
            returned=letter.message_id,
            **how,
        )  # type: ignore[arg-type]
        self.world.book.write(back)
        self._sends(back)

    def _ask_returns(self) -> None:
        ask = self.rng.choice(self.asks)
        proven = self.rng.random() < 0.6
        self._returns("bounce" if proven else "forged report", ask, ask.to[0], proven=proven)

    def _answer_returns(self) -> None:
        if self.answers:
            self._returns("bounce", self.rng.choice(self.answers), HELPDESK)

    def _notice_returns(self) -> None:
        row: object = self._reminder()
        if row is not None:
            case = self._case_of(row.ticket)  # type: ignore[attr-defined]
            sent = Letter("", case, row.message_id, row.reverse_path, (), (), b"", "")  # type: ignore[attr-defined]
            self._returns("bounced notice", sent, row.reader, path=row.reverse_path)  # type: ignore[attr-defined]

    # -- what the desk's people and the machine do ----------------------------------------------------------------------

    def _commands(self) -> None:
        numbers = sorted(self.world.book.tickets.values())
        if numbers:
            number, now = self.rng.choice(numbers), self.world.wall.now
            command = self.rng.choice(("hold", "resume", "resume", "extend", "no_answer_needed", "close"))
            until = self.rng.choice((now - HOUR, now + 30 * HOUR, now + 90 * HOUR))
            told = {"until": until.isoformat()} if command == "extend" else {}
            given = Given(command, "staff", "signed", told, cause=f"verb {command} {now.isoformat()} {self.number}")
            work = partial(verb.on_ticket, house=self.world.house, number=number, given=given, now=now)
            self.world.store.call(work)
            self.world.note(f"{command} MG-{number}")

    def _holds(self) -> None:
        self.world.held = not self.world.held
        value = "by hand" if self.world.held else None
        self.world.store.call(partial(memory.set_flag, name="hold:all", value=value))
        self.world.note("hold" if self.world.held else "release")

    def _jumps(self) -> None:
        """The clock on the wall jumps: on (the machine slept), or a little back."""
        if self.world.up_at is None:
            by = self.rng.choice((8 * MINUTE, 5 * HOUR, 60 * HOUR, -3 * MINUTE, -20 * MINUTE))
            before, self.world.wall.now = self.world.wall.now, self.world.wall.now + by
            self.world.since(self.world.timekeeper._last and before if by > timedelta() else None)
            self.world.slept = True
            self.world.set_back = self.world.set_back or by < timedelta()
            self.world.note(f"the clock jumps by {by}")
            self.world.plan(self.world.wall.now, _looks)

    def _dies(self) -> None:
        if self.world.up_at is None:
            self.world.kill()


async def _looks() -> None:
    """The loops run, nothing else."""


ACTS: tuple[tuple[Callable[[Plot], None], int], ...] = (
    (Plot._asks, 6), (Plot._asks_again, 2), (Plot._answers, 5), (Plot._answers_alone, 3), (Plot._is_away, 1),
    (Plot._is_forged, 2), (Plot._buyer_writes, 2), (Plot._answers_reminder, 4), (Plot._tampers, 2), (Plot._ask_returns, 2),
    (Plot._answer_returns, 2), (Plot._notice_returns, 2), (Plot._commands, 4), (Plot._holds, 2), (Plot._jumps, 2),
    (Plot._dies, 2),
)  # fmt: skip
