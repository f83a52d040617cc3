"""Tables that people export, CSV with a header row or JSON lines, read row by row with the line that each stands on.

Taken as spreadsheets write them: commas, semicolons or tabs (a first line `sep=;` too), any line end, UTF-8 or UTF-16 with or
without its mark, else Windows-1252. A row that can't be read is told with its line, and reading goes on with the next line: a
quote that stays open costs one row, not the rest of the file. Memory does not grow with the file.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

LONGEST = 65_536  # characters of a row
CHUNK = 1 << 16
_QUOTED = re.compile(r'"[^"]*"')
_SEPARATOR = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row or a column of it; `got` is the value as it stands there."""

    column: str
    expected: str
    got: str


@dataclass(frozen=True)
class Row:
    """One row: the lines it stands on, counted from 1, and its values by column; with a `fault` it could not be read."""

    line: int
    last: int
    values: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None


@dataclass(frozen=True)
class Form:
    """How a file is written: the codec, and how many line ends it has (for progress)."""

    encoding: str
    lines: int


class SheetError(ValueError):
    """The file as a whole can't be read; `fault` says why, `line` where."""

    def __init__(self, line: int, fault: Fault) -> None:
        super().__init__(f"{line}: {fault.column}: expected {fault.expected}; got {fault.got}")
        self.line, self.fault = line, fault


def survey(file: BinaryIO, *readers: Callable[[bytes], object]) -> Form:
    """How `file` is written, from one pass over it that `readers` share; the file stands at its start again."""
    file.seek(0)
    marked = file.read(4)
    encoding = next((name for mark, name in _MARKS if marked.startswith(mark)), "")
    file.seek(0)
    decoder, fits, lines = codecs.getincrementaldecoder("utf-8")(), True, 0
    while chunk := file.read(CHUNK):
        lines += chunk.count(b"\n")
        for reader in readers:
            reader(chunk)
        fits = fits and _decodes(decoder, chunk)
    fits = fits and _decodes(decoder, b"", final=True)
    file.seek(0)
    return Form(encoding or ("utf-8" if fits else "cp1252"), lines)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


class Sheet:
    """A table that is being read. `columns` are the header's names, lower case with `_` for spaces; () for JSON lines."""

    def __init__(self, file: BinaryIO, form: Form, needs: Sequence[str] = ()) -> None:
        """Begin with the header, which has to name every column of `needs`. Raises SheetError."""
        self._text = io.TextIOWrapper(file, encoding=form.encoding, errors="replace", newline="")
        self._feed = _Feed(self._text)
        self._needs = needs
        self.delimiter = ","
        self.columns: tuple[str, ...] = ()
        self.is_json = False
        try:
            self._begin()
        except SheetError:
            self._text.detach()
            raise

    def __enter__(self) -> Sheet:
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the file, which stays open."""
        self._text.detach()

    def __iter__(self) -> Iterator[Row]:
        """Every row that is not blank, in order; to be gone through once."""
        return self._objects() if self.is_json else self._rows()

    def _begin(self) -> None:
        first = self._feed.peek()
        if first.lstrip().startswith("{"):
            self.is_json = True
            return
        said = _SEPARATOR.fullmatch(first)
        if said:
            next(self._feed)
            first = self._feed.peek()
        plain = _QUOTED.sub("", first)
        self.delimiter = said[1] if said else max(",;\t", key=plain.count)
        self._reader = csv.reader(self._feed, delimiter=self.delimiter, strict=True)
        self.columns = self._header()

    def _header(self) -> tuple[str, ...]:
        cells: list[str] = []
        line = 1
        try:
            while not any(cell.strip() for cell in cells):
                line = self._feed.begin()
                cells = next(self._reader)
        except StopIteration:
            raise SheetError(line, Fault("", "a header row that names the columns", "an empty file")) from None
        except csv.Error as error:
            raise SheetError(line, Fault("", "a header row that names the columns", str(error))) from None
        names = tuple(_column(cell) for cell in cells)
        for name in names:
            if name and names.count(name) > 1:
                raise SheetError(line, Fault(name, "each column once", "it twice"))
        for wanted in self._needs:
            if wanted not in names:
                raise SheetError(line, Fault(wanted, "a column of this name", ", ".join(filter(None, names))))
        return names

    def _rows(self) -> Iterator[Row]:
        while True:
            line = self._feed.begin()
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                cells = self._forgiven()
                self._feed.give_back()
                if not cells:
                    yield Row(line, line, fault=Fault("", "a row of CSV", _reason(error)))
                    continue
            if any(cell.strip() for cell in cells):
                yield self._row(line, cells)

    def _forgiven(self) -> list[str]:
        """The cells of the row's first line if it ends every quote that it opens; else []."""
        first = self._feed.taken[:1]
        asked = _Once(first)
        try:
            cells = next(csv.reader(asked, delimiter=self.delimiter), [])
        except csv.Error:
            return []
        return [] if asked.empty else cells

    def _row(self, line: int, cells: list[str]) -> Row:
        last = self._feed.number
        values: dict[str, str] = {}
        for number, cell in enumerate(cells):
            name, value = self.columns[number] if number < len(self.columns) else "", cell.strip()
            if name:
                values[name] = value
            elif value:
                return Row(line, last, fault=Fault("", f"{len(self.columns)} values", f"a value no column is for: {value}"))
        return Row(line, last, values)

    def _objects(self) -> Iterator[Row]:
        while True:
            line = self._feed.begin()
            try:
                text = next(self._feed)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(line, line, fault=Fault("", "a JSON object", _reason(error)))
                continue
            if text.strip():
                yield _object(line, text)


class _Feed:
    """The lines of a text. `taken` are those since `begin`; all but the first of them can be given back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._back: deque[str] = deque()
        self.taken: list[str] = []
        self._size = 0
        self.number = 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if self._size > LONGEST:
            raise csv.Error("a quote that nothing closes")
        line = self._back.popleft() if self._back else self._text.readline(LONGEST)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) >= LONGEST and line[-1] not in "\r\n":
            self._skip()
            self.taken.append("")
            raise csv.Error(f"a line of more than {LONGEST:,} characters")
        self.taken.append(line)
        self._size += len(line)
        return line

    def _skip(self) -> None:
        while (rest := self._text.readline(LONGEST)) and rest[-1] not in "\r\n":
            pass

    def peek(self) -> str:
        """The next line, which stays the next; empty at the end."""
        if not self._back:
            line = self._text.readline(LONGEST)
            if not line:
                return ""
            self._back.append(line)
        return self._back[0]

    def begin(self) -> int:
        """A new row: the number of its first line."""
        self.taken, self._size = [], 0
        return self.number + 1

    def give_back(self) -> None:
        """Every line of this row but the first is read again."""
        rest = [line for line in self.taken[1:] if line]
        self._back.extendleft(reversed(rest))
        self.number -= len(rest)
        del self.taken[1:]


class _Once:
    """These lines; `empty` once more was asked for than there is."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = iter(lines)
        self.empty = False

    def __iter__(self) -> _Once:
        return self

    def __next__(self) -> str:
        for line in self._lines:
            return line
        self.empty = True
        raise StopIteration


def _column(name: str) -> str:
    return "_".join(name.replace("-", " ").replace("_", " ").split()).casefold()


def _reason(error: csv.Error) -> str:
    return "a quote that nothing closes" if "end of data" in str(error) or "expected after" in str(error) else str(error)


def _object(line: int, text: str) -> Row:
    """A JSON object as a row; numbers keep the digits that they were written with."""
    try:
        found = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return Row(line, line, fault=Fault("", "a JSON object", text.strip()))
    if not isinstance(found, dict):
        return Row(line, line, fault=Fault("", "a JSON object", text.strip()))
    values: dict[str, str] = {}
    for name, value in found.items():
        if isinstance(value, list | dict):
            return Row(line, line, fault=Fault(_column(name), "a text, a number, true or false", json.dumps(value)))
        values[_column(name)] = _plain(value)
    return Row(line, line, values)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).strip()
