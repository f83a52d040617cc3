"""The pages that the golden files show, from the samples that `mailgate notice preview` brings along."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from mailgate.cli.sample_facts import ASKED, DUE, HELPDESK, OTHER, REMIND, TICKET, VENDOR
from mailgate.cli.samples import (
    ANSWER,
    ANSWERED_QUOTE,
    ASK,
    ASKED_QUOTE,
    DETAILS,
    HISTORY,
    LANGUAGES,
    MAILTO,
    SUBJECT,
    page,
    suppression,
    variants,
)
from mailgate.desk.notice import Templates

__all__ = [
    "ANSWER", "ANSWERED_QUOTE", "ASK", "ASKED", "ASKED_QUOTE", "DETAILS", "DUE", "FSI", "HELPDESK", "HISTORY", "LANGUAGES",
    "MAILTO", "MARKS", "OTHER", "PDI", "REMIND", "RLM", "SUBJECT", "TICKET", "VENDOR", "page", "providers", "shipped",
    "suppression", "variants",
]  # fmt: skip

ROOT = Path(__file__).parents[2]
FSI, PDI, RLM = "\u2068", "\u2069", "\u200f"
MARKS = str.maketrans("", "", FSI + PDI + RLM)


@cache
def shipped() -> Templates:
    """The templates of this project, as config reads them."""
    folders = [folder for folder in (ROOT / "templates").iterdir() if folder.is_dir()]
    return Templates(
        notices={one.name: {file.stem: file.read_text("utf-8") for file in one.glob("*.txt")} for one in folders},
        strings={one.name: tomllib.loads((one / "strings.toml").read_text("utf-8")) for one in folders},
        frame=(ROOT / "templates" / "frame.html").read_text("utf-8"),
    )


@cache
def providers() -> tuple[str, ...]:
    """Whose lists config/signatures.toml knows."""
    entries = tomllib.loads((ROOT / "config" / "signatures.toml").read_text("utf-8"))["signature"]
    return tuple(sorted({entry["provider"] for entry in entries}))
