"""A configuration directory that `init` wrote, and ways to spoil it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mailgate import config

Write = Callable[[str, str], Path]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A fresh, working configuration."""
    directory = tmp_path / "gate"
    config.init(directory, "support@shop.test", "digistore24")
    return directory


@pytest.fixture
def write(place: Path) -> Write:
    """Put text into a file of that configuration."""

    def put(name: str, text: str) -> Path:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return put
