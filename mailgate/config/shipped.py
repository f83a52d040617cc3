"""What mailgate brings along, policy packs and templates, and what a directory lays over it.

Shipped files lie in the package (mailgate/_data, in a wheel) or beside it (a checkout). A pack of DIR/policies
replaces the shipped one of that file name; a template of DIR/templates/<lang> replaces that one notice,
a key of its strings.toml that one key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mailgate import shipped as root
from mailgate.config.problems import Problem
from mailgate.config.settings import Pack

FRAME = "frame.html"
STRINGS = "strings.toml"

__all__ = ["FRAME", "STRINGS", "packs", "root", "templates", "text_of", "toml_of"]


def text_of(path: Path, problems: list[Problem], said: Path | None = None) -> str | None:
    """The text of the file, or None and a problem. `said` is its path as the user named it."""
    file = str(said or path)
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        problems.append(Problem(file, "", "UTF-8 text", f"another byte at offset {error.start}"))
    except OSError as error:
        problems.append(Problem(file, "", "a file to read", _reason(error)))
    return None


def toml_of(text: str, file: str, problems: list[Problem]) -> dict[str, Any] | None:
    """The tables of a TOML text, or None and a problem that names the line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said, _, place = str(error).rpartition(" (at ")
        line = place.partition(",")[0].removeprefix("line ")
        at_end = not line.isdigit()
        where = f"{file}:{text.count(chr(10)) + 1 if at_end else line}"
        problems.append(Problem(where, "", "TOML", "a mistake in it", _mistake(said or str(error))))
    except RecursionError:
        problems.append(Problem(file, "", "TOML", "brackets in brackets by the hundred"))
    return None


def packs(directory: Path, said: Path, problems: list[Problem]) -> dict[str, Pack]:
    """Every pack by its file's stem: the shipped ones, under those of DIR/policies."""
    found: dict[str, Pack] = {}
    shipped, local = root() / "config" / "policies", directory / "policies"
    for folder, shown in ((shipped, shipped), (local, said / "policies")):
        for path in sorted(folder.glob("*.toml")):
            file = str(shown / path.name)
            text = text_of(path, problems, shown / path.name)
            raw = toml_of(text, file, problems) if text is not None else None
            if text is not None and raw is not None:
                found[path.stem] = Pack(path.stem, file, text, raw)
    return found


def templates(
    directory: Path, said: Path, problems: list[Problem]
) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]], str]:
    """(notices, strings, frame): language -> name -> text, language -> key -> text, and the HTML frame."""
    notices: dict[str, dict[str, str]] = {}
    strings: dict[str, dict[str, str]] = {}
    frame = ""
    shipped, local = root() / "templates", directory / "templates"
    for folder, shown in ((shipped, shipped), (local, said / "templates")):
        if (folder / FRAME).is_file():
            frame = text_of(folder / FRAME, problems, shown / FRAME) or frame
        for language in _folders(folder):
            for path in sorted(language.glob("*.txt")):
                text = text_of(path, problems, shown / language.name / path.name)
                notices.setdefault(language.name, {})[path.stem] = text or ""
            strings.setdefault(language.name, {}).update(_strings(language, shown / language.name, problems))
    return notices, strings, frame


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if each.is_dir() and any(each.glob("*.t*")))


def _strings(language: Path, shown: Path, problems: list[Problem]) -> dict[str, str]:
    path = language / STRINGS
    if not path.is_file():
        return {}
    file = str(shown / STRINGS)
    text = text_of(path, problems, shown / STRINGS)
    raw = toml_of(text, file, problems) if text is not None else None
    found: dict[str, str] = {}
    for key, value in _flat(raw or {}):
        if isinstance(value, str):
            found[key] = value
        else:
            problems.append(Problem(file, key, "a text in quotes", "something else"))
    return found


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every (dotted key, value) of nested tables."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _reason(error: OSError) -> str:
    return "no such file" if isinstance(error, FileNotFoundError) else str(error.strerror).lower()


def _mistake(text: str) -> str:
    return text[:1].lower() + text[1:]
