"""Keep a few sessions with one next hop open, and run each mail over one that is free.

A session carries MAILS mails at most, is closed once it has been idle for KEEP seconds, and one that proves dead before DATA is
replaced once by a fresh one: the next hop may hang up between two mails. More than `sessions` at a time are never open.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiosmtplib

from mailgate.wire import clock
from mailgate.wire.smtp_client import Answer, Mail, Progress, Target, connected, failure, transact

SESSIONS = 4
KEEP = 30.0
MAILS = 100


@dataclass
class _Session:
    client: aiosmtplib.SMTP
    mails: int = 0
    idle_since: float = 0.0


class Pool:
    """Sessions with one target, `sessions` at most."""

    def __init__(self, target: Target, sessions: int = SESSIONS) -> None:
        self.target = target
        self._turns = asyncio.Semaphore(sessions)
        self._idle: list[_Session] = []
        self._sweep: asyncio.Task[None] | None = None

    async def send(self, mail: Mail) -> Answer:
        """What became of one mail; never raises for the network."""
        async with self._turns:
            answer, progress = await self._attempt(mail)
            if progress.reused and not progress.given and _is_over(answer):
                await self._close_idle()
                answer, progress = await self._attempt(mail)
            return answer

    async def close(self) -> None:
        """Say QUIT on every idle session."""
        if self._sweep is not None:
            self._sweep.cancel()
        await self._close_idle()

    async def _attempt(self, mail: Mail) -> tuple[Answer, Progress]:
        progress, session = Progress(), None
        try:
            session = self._kept()
            progress.reused = session is not None
            session = session or _Session(await connected(self.target))
            answer = await transact(session.client, progress, mail)
            await self._keep(session)
            return answer, progress
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            if session is not None:
                session.client.close()
            return failure(error, progress), progress
        except asyncio.CancelledError:
            if session is not None:
                session.client.close()
            raise

    def _kept(self) -> _Session | None:
        while self._idle:
            session = self._idle.pop()
            if session.client.is_connected and clock.monotonic() - session.idle_since < KEEP:
                return session
            session.client.close()
        return None

    async def _keep(self, session: _Session) -> None:
        session.mails += 1
        if not session.client.is_connected:
            return
        if session.mails >= MAILS:
            await _quit(session)
            return
        session.idle_since = clock.monotonic()
        self._idle.append(session)
        if self._sweep is None or self._sweep.done():
            self._sweep = asyncio.create_task(self._swept())

    async def _swept(self) -> None:
        """Close each session once it has been idle too long; ends with the last one."""
        while self._idle:
            await asyncio.sleep(max(KEEP - clock.monotonic() + self._idle[0].idle_since, KEEP / 10))
            old = [one for one in self._idle if clock.monotonic() - one.idle_since >= KEEP]
            self._idle = [one for one in self._idle if one not in old]
            for session in old:
                await _quit(session)

    async def _close_idle(self) -> None:
        idle, self._idle = self._idle, []
        for session in idle:
            await _quit(session)


def _is_over(answer: Answer) -> bool:
    """True where the next hop ended the session, with a word (421) or without one."""
    return answer.state == "deferred" and answer.code in (None, 421)


async def _quit(session: _Session) -> None:
    try:
        await session.client.quit(timeout=2)
    except (aiosmtplib.SMTPException, OSError):
        session.client.close()
