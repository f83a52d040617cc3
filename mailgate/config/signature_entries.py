"""Read signatures.toml: the shipped entries, under those that stand beside mailgate.toml.

A local entry comes before the shipped ones, or replaces the one of its name where that stood. An entry whose pattern
does not match its own sample is a problem, and so is one whose sample an earlier entry takes: it could never fire.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mailgate.config import shipped
from mailgate.config.problems import ConfigError, Problem, of_model, shown, unknown_key
from mailgate.mail.signature import Signature, Signatures, compiled, faults

FILE = "signatures.toml"
MAX_PATTERN = 1000


class Entry(BaseModel):
    """One `[[signature]]` as it is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    provider: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    where: tuple[Literal["diagnostic", "reply", "json", "text"], ...] = Field(min_length=1)
    pattern: str = Field(min_length=1, max_length=MAX_PATTERN)
    sample: str = Field(min_length=1)
    lifted_by: str = Field(min_length=1)
    how: str = Field(min_length=1)
    brand: str = Field("", max_length=MAX_PATTERN)
    names: Literal["named", "reader"] = "named"

    @field_validator("pattern", "brand")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"a regular expression | {error}") from None
        return value

    def signature(self) -> Signature:
        """The entry, ready to match."""
        return compiled(self.model_dump())


@lru_cache(maxsize=1)
def builtin() -> Signatures:
    """The shipped signatures, for verbs that need no configuration. Raises ConfigError if they were spoilt."""
    problems: list[Problem] = []
    path = shipped.root() / "config" / FILE
    found = Signatures(tuple(_entries(path, path, problems)))
    if problems:
        raise ConfigError(problems)
    return found


def read(directory: Path, said: Path, problems: list[Problem]) -> Signatures:
    """The signatures of a directory: its own, then the shipped; what is wrong goes to `problems`."""
    ours, path = said / FILE, shipped.root() / "config" / FILE
    local = _entries(directory / FILE, ours, problems) if (directory / FILE).is_file() else []
    own = {one.name: one for one in local}
    brought = _entries(path, path, problems)
    known = {one.name for one in brought}
    entries = [*(one for one in local if one.name not in known), *(own.get(one.name, one) for one in brought)]
    for one, wrong in faults(entries):
        file = ours if one.name in own else path
        problems.append(Problem(str(file), f"signature.{one.name}", wrong, shown(one.sample)))
    return Signatures(tuple(entries))


def _entries(path: Path, said: Path, problems: list[Problem]) -> list[Signature]:
    text = shipped.text_of(path, problems, said)
    tables = shipped.toml_of(text, str(said), problems) if text is not None else None
    if tables is None:
        return []
    problems += [unknown_key(str(said), (name,), ["signature"]) for name in tables if name != "signature"]
    listed = tables.get("signature", [])
    if not isinstance(listed, list):
        problems.append(Problem(str(said), "signature", "tables [[signature]]", shown(listed)))
        return []
    return [one for number, table in enumerate(listed) if (one := _entry(table, number, str(said), problems))]


def _entry(table: Any, number: int, file: str, problems: list[Problem]) -> Signature | None:
    try:
        return Entry.model_validate(table).signature()
    except ValidationError as error:
        problems += of_model(error, Entry, file, ("signature", number))
        return None
