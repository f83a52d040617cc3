"""What the author newly wrote: a mail's text without quotes, attributions, forwarded heads and signatures.

HTML comes first where it carries a mail client's own quote marks (page.py); else the plain text is read, line by line:

1. runs of ``>`` lines are quotes, and so is a run that repeats the mail that is answered (`parent`), in any language
2. the attribution above a quote goes with it (attribution.py)
3. a forwarded or Outlook head, or a full attribution above text that is not marked, ends what is new
   a mail that is nothing but a forwarded one is shown as it is
4. ``-- `` ends it too, down to the next quote (RFC 3676 §4.3); "Sent from my phone" stays, it may be more than that

On doubt more is shown: losing a customer's words is the worse fault. Linear in the text, which is cut at 200,000
characters and 5,000 lines. Searching for tokens is done on the whole text, never on this.
"""

from __future__ import annotations

import re

from mailgate.mail import attribution, page

MAX_TEXT = 200_000
MAX_LINES = 5_000
MAX_LINE = 2_000
PARENT_LINE = 6

_QUOTE = re.compile(r" {0,2}>")
_NUMBER = re.compile(r" {0,2}>\s*[\d=]")
_MARKS = re.compile(r"[\s>|]+")
_WORDLESS = re.compile(r"[\W_]+")
_SIGNATURE = re.compile(r"--\s?$")
_RULE = re.compile(r"\s*[-_=*~\u2014\u2013]{3,}\s*$|[\s|>]+$")
_INITIALS = re.compile(r"--\s?[A-Z]{1,3}$")
_SCRUBBED = re.compile(r"\s*\[\[?(?:alternative html version deleted|non-text.*attachment.*)\]?\]\s*$", re.IGNORECASE)


def visible(text: str | None, html: str | None, parent: str | None = None) -> str:
    """Only what the author newly wrote, with LF line ends; empty where there is nothing new. `parent`: the mail answered."""
    if html:
        seen = page.text(html[: 2 * MAX_TEXT])
        if seen.marked or not (text or "").strip():
            return new_text(seen.text, parent)
    return new_text(text or "", parent)


def from_html(html: str) -> str:
    """All that an HTML body shows, as text: quotes included, scripts and styles not."""
    return page.text(html[: 2 * MAX_TEXT], quotes=False).text


def quoted(text: str | None, html: str | None) -> str:
    """The words of others that a mail repeats, without their marks: quotes, and all below a forwarded or Outlook's head."""
    lines, marked = _lines_of(text, html)
    end = attribution.end_of_new(lines, marked)
    repeated = (line for at, line in enumerate(lines) if marked[at] or at >= end)
    return "\n".join(_MARKS.sub("", line, count=1) if _QUOTE.match(line) else line for line in repeated)


def hands_on(text: str | None, html: str | None) -> bool:
    """True if the mail holds somebody else's mail under a forwarded mail's head."""
    return attribution.has_head(*_lines_of(text, html))


def _lines_of(text: str | None, html: str | None) -> tuple[list[str], list[bool]]:
    """The lines of a mail's body, with the quote marks that its HTML tells of, and which of them are marked."""
    shown = page.text(html[: 2 * MAX_TEXT]) if html else None
    whole = shown.text if shown and (shown.marked or not (text or "").strip()) else text or ""
    lines = [line[:MAX_LINE].rstrip() for line in _split(whole[:MAX_TEXT])[:MAX_LINES]]
    return lines, _quoted(lines)


def new_text(text: str, parent: str | None = None) -> str:
    """The new lines of a plain text."""
    lines = [line[:MAX_LINE].rstrip() for line in _split(text[:MAX_TEXT])[:MAX_LINES]]
    quoted = _quoted(lines)
    _mark_parent(lines, quoted, parent)
    end = attribution.end_of_new(lines, quoted)
    if not any(line.strip() for line in lines[:end]):
        return "\n".join(_trimmed(lines))
    lines, quoted = lines[:end], quoted[:end]
    _mark_attributions(lines, quoted)
    _mark_signature(lines, quoted)
    kept = [line for line, gone in zip(lines, quoted, strict=True) if not gone]
    return "\n".join(_trimmed(kept))


def _split(text: str) -> list[str]:
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u00a0", " ")
    return plain.replace("\u200b", "").replace("\ufeff", "").split("\n", MAX_LINES)


def _quoted(lines: list[str]) -> list[bool]:
    """Which lines are marked as quotes; a lone ``> 5`` is arithmetic."""
    marked = [_QUOTE.match(line) is not None for line in lines]
    for at, line in enumerate(lines):
        alone = marked[at] and not (at and marked[at - 1]) and not (at + 1 < len(lines) and marked[at + 1])
        if alone and _NUMBER.match(line):
            marked[at] = False
    return marked


def _plain(line: str) -> str:
    return _WORDLESS.sub("", line).casefold()


def _mark_parent(lines: list[str], quoted: list[bool], parent: str | None) -> None:
    """Mark the unmarked runs that begin as the answered mail begins and go on with its lines."""
    known = [plain for plain in map(_plain, (parent or "")[:MAX_TEXT].split("\n")[:MAX_LINES]) if len(plain) >= PARENT_LINE]
    if not known:
        return
    every, opening = set(known), set(known[:2])
    at = 0
    while at < len(lines):
        last, count = _run(lines, quoted, at, every) if not quoted[at] and _plain(lines[at]) in opening else (at, 0)
        if count >= min(2, len(every)):
            quoted[at : last + 1] = [True] * (last + 1 - at)
        at = max(last, at) + 1


def _run(lines: list[str], quoted: list[bool], start: int, every: set[str]) -> tuple[int, int]:
    """The last line of the run from `start` whose longer lines are all known, and how many those are."""
    last, count = start, 0
    for at in range(start, len(lines)):
        plain = _plain(lines[at])
        if len(plain) < PARENT_LINE:
            continue
        if quoted[at] or plain not in every:
            break
        last, count = at, count + 1
    return last, count


def _mark_attributions(lines: list[str], quoted: list[bool]) -> None:
    starts = [at for at in range(len(lines)) if quoted[at] and not (at and quoted[at - 1])]
    for at in starts:
        first, last = attribution.above(lines, at)
        quoted[first:last] = [True] * (last - first)


def _mark_signature(lines: list[str], quoted: list[bool]) -> None:
    """Mark each signature: from its dashes to the next quote or the end."""
    inside = False
    for at, line in enumerate(lines):
        if quoted[at]:
            inside = False
        elif _SIGNATURE.match(line):
            inside = inside or line.startswith("-- ") or len(lines) - at <= 40
        quoted[at] = quoted[at] or inside


def _trimmed(lines: list[str]) -> list[str]:
    """`lines` without blank ends, a last rule or initials, and the marks that list software leaves for attachments."""
    lines = [line for line in lines if "[" not in line or not _SCRUBBED.match(line)]
    while lines and (not lines[-1].strip() or _RULE.match(lines[-1]) or _INITIALS.match(lines[-1])):
        lines.pop()
    first = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    return lines[first:]
