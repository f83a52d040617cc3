"""Interpreters for which some mail is deadly, as a fault in a parser that nobody knows yet would make it."""

from __future__ import annotations

from pathlib import Path

import pytest

PLANTED = """
import os, signal
from mailgate.mail import inspect

sound = inspect.row

def row(raw, *rest):
    if b"deadly" in raw:
        os.kill(os.getpid(), signal.SIGKILL)
    while b"endless" in raw:
        pass
    return sound(raw, *rest)

inspect.row = row
"""


@pytest.fixture
def deadly_reader(tmp_path: Path) -> dict[str, str]:
    """The environment in which a reader dies of a mail that says `deadly`, and does not finish one that says `endless`."""
    folder = tmp_path / "planted"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(PLANTED)
    return {"PYTHONPATH": str(folder)}
