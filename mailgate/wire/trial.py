"""Read a mail in a process of its own first, which may be killed: what ended the last one that settled it may be in it.

The child (`python -m mailgate.wire.trial`) says by one octet that it is there. Then it takes a mail's length and its bytes, reads
it as `inspect` does, forgets what it found and answers with one octet more. It may take some seconds of processor time for each,
however busy the machine is, and MEMORY in all; beyond that the kernel ends it. It inherits no password.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

from mailgate.mail import inspect

SECONDS = 15.0
MEMORY = 2**30
LONGEST = 45.0  # seconds by the clock on the wall, for one that waits rather than works
STARTS = 10.0  # seconds until the child must be there
PIECE = 2**16
_INHERITED = ("PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "SYSTEMROOT")


class Trial:
    """One child at a time, started when it is needed."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._child: asyncio.subprocess.Process | None = None

    async def fails(self, raw: bytes) -> str:
        """How the reader of this mail ended; empty if it read it, or where no process of ours can be started."""
        child = await self._ready()
        if child is None:
            return ""
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            async with asyncio.timeout(LONGEST):
                for piece in (len(raw).to_bytes(8), *(raw[at : at + PIECE] for at in range(0, len(raw), PIECE))):
                    child.stdin.write(piece)
                    await child.stdin.drain()
                await child.stdout.readexactly(1)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            return self._how(await self._ended())
        return ""

    async def close(self) -> None:
        """Let the child go."""
        if self._child is not None:
            await self._ended()

    async def _ready(self) -> asyncio.subprocess.Process | None:
        """The child, once it is there; None if it does not come, which is no mail's fault."""
        if self._child is not None:
            return self._child
        around = {name: value for name, value in os.environ.items() if name in _INHERITED}
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        command = (sys.executable, "-m", __name__, str(self.seconds))
        try:
            self._child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=null, env=around)
            assert self._child.stdout is not None
            async with asyncio.timeout(STARTS):
                await self._child.stdout.readexactly(1)
        except (TimeoutError, asyncio.IncompleteReadError, OSError):
            await self.close()
        return self._child

    async def _ended(self) -> int:
        child, self._child = self._child, None
        assert child is not None
        with suppress(ProcessLookupError):
            if child.returncode is None:
                os.kill(child.pid, signal.SIGKILL)  # `child.kill()` takes the status of one that has just died from `wait`
        return await child.wait()

    def _how(self, status: int) -> str:
        if status == -signal.SIGPROF:
            return f"reading it took more than {self.seconds:g} seconds"
        return f"its reader ended with {signal.Signals(-status).name if status < 0 else status}"


def main(seconds: float) -> None:
    """Read mail after mail until the daemon hangs up, each within so many seconds of processor time."""
    with suppress(OSError, ValueError):  # where the limits of a process may not be changed, those of the service hold
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    _answer()
    while head := sys.stdin.buffer.read(8):
        raw = sys.stdin.buffer.read(int.from_bytes(head))
        signal.setitimer(signal.ITIMER_PROF, seconds)
        inspect.row(raw, "")
        signal.setitimer(signal.ITIMER_PROF, 0)
        _answer()


def _answer() -> None:
    sys.stdout.buffer.write(b".")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]))
