"""Take a changed configuration into force while mail goes on: all or nothing, and without a pause.

Reading, checking and indexing happen in a thread beside the loop; then the timekeeper sets the clocks of changed sellers.
"""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mailgate.config import ConfigError, Problem, Settings
from mailgate.desk.house import House
from mailgate.desk.party import Seller


@dataclass(frozen=True)
class Anew:
    """A configuration that may take force, with what is made of it. `changed`: the sellers whose clocks may have moved."""

    settings: Settings
    house: House
    tls: ssl.SSLContext | None
    changed: Mapping[str, Seller]


Maker = Callable[[Settings], tuple[House, ssl.SSLContext | None]]


async def read_anew(reread: Callable[[], Settings], made_of: Maker, old: House) -> Anew | tuple[Problem | Exception, ...]:
    """The configuration anew, or everything that is wrong with it."""
    try:
        return await asyncio.to_thread(_read, reread, made_of, old)
    except ConfigError as error:
        return error.problems
    except (OSError, ssl.SSLError) as error:
        return (error,)


def _read(reread: Callable[[], Settings], made_of: Maker, old: House) -> Anew:
    gc.disable()  # a collection that walks a large directory stops every thread for as long
    try:
        settings = reread()
        house, tls = made_of(settings)
        return Anew(settings, house, tls, _changed(old, house))
    finally:
        gc.enable()


def _changed(old: House, new: House) -> Mapping[str, Seller]:
    """The sellers who were not there or are others now; all of them where a desk or its pack changed."""
    sellers, known = new.roster.sellers, old.roster.sellers
    if old.roster.desks != new.roster.desks or _hashes(old) != _hashes(new):
        return sellers
    return {name: seller for name, seller in sellers.items() if known.get(name) != seller}


def _hashes(house: House) -> dict[str, str]:
    return {name: policy.hash for name, policy in house.policies.items()}
