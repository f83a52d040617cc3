"""A house that took mail some time ago, as the verbs find it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from running import house

from mailgate import assembly, config
from mailgate.cli.options import open_store
from mailgate.simulate.stage import PROVEN, Stage
from mailgate.wire import clock


def took(directory: Path, mails: Iterable[tuple[bytes, timedelta]]) -> Path:
    """The directory of a new house whose desk took each of these mails so long ago."""
    settings = config.load(house(directory))
    store = open_store(settings)
    stage = Stage(replace(assembly.house_of(settings), proven_doors=frozenset({PROVEN})), settings.desks["support"], store)
    for raw, ago in mails:
        stage.receive(raw, clock.now() - ago)
    store.close()
    return directory
