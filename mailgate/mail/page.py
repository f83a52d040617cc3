"""HTML as text lines, with the quote marks of mail clients kept as ``>`` lines.

Clients mark what they quote: by class (Gmail, Yahoo, Proton, Thunderbird), by id (Outlook on the web), by a drawn line
(Outlook), by ``blockquote``. Their marks become ``>`` in front of each line, or the end of the page; what that means is
visible.py's affair. Nothing is fetched, run or kept of scripts and styles; one pass without recursion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from mailgate.mail import attribution
from mailgate.mail.words import listed

# Beyond these the parser's time grows with the square of the depth and of one tag's attributes: tags are only cut out.
MAX_OPEN = 10_000
MAX_ATTRIBUTES = 1000
LONG_TAG = 10_000
MAX_MARKS = 50

_BLOCKS = listed(
    """
    address article aside blockquote body center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6
    header hr li main nav ol p pre section table tbody tr ul
    """
)
_SKIPPED = listed(
    """
    button head iframe noscript object script select style svg template textarea title
    """
)
_QUOTES = listed(
    """
    apple-interchange-newline-quote freshdesk_quote front-blockquote gmail_attr gmx_quote hey_quote
    hubspot-quote mail_quote missive_quote moz-cite-prefix moz-email-headers-table moz-forward-container
    outlookmessageheader protonmail_quote quotedtext replyheader spark_quote superhuman_quote tutanota_quote
    tutanotaquote wordsection-quote yahoo-quoted yahoo_quoted ymailquoted zendesk_quote zmail_extra
    zmail_extra_hr
    """
)
_SIGNATURES = listed(
    """
    gmail_signature moz-signature ms-outlook-ios-signature ms-outlook-mobile-signature
    protonmail_signature_block signature x_gmail_signature
    """
)
_ENDS = listed(
    """
    appendonsend divrplyfwdmsg isforwardcontent isreplycontent mail-editor-reference-message-container
    ms-outlook-mobile-reference-message ol-reply-header outlookmessageheader reply-intro replysplit stopspelling
    """
)
_LINE = re.compile(
    r"border(?:-top)?\s*:\s*(?:none\s*;\s*border-top\s*:\s*)?solid\s+#(?:e1e1e1|b5c4df|b5c4de|cccccc)"
    r"|border-top\s*:\s*#(?:e1e1e1|b5c4df)\s+1",
    re.IGNORECASE,
)
_WRAPPERS = frozenset({"gmail_quote", "gmail_quote_container"})
_NO_CLASSES: frozenset[str] = frozenset()
_OPEN = re.compile(r"<[A-Za-z]")
_TAG = re.compile(r"<[^<>]{0,2000}>")
_ATTRIBUTE = re.compile(r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+)?+)?+""")
_ATTRIBUTES = re.compile(f"(?:{_ATTRIBUTE.pattern})*+")
_SPACE = re.compile(r"[ \t\r\n\f]+")


@dataclass(frozen=True)
class Page:
    """The text of a page; `marked` tells that a client had marked a quote in it."""

    text: str
    marked: bool


def text(html: str, *, quotes: bool = True) -> Page:
    """What `html` shows; with `quotes`, marked quotes as ``>`` lines and the page cut where a client appends the old mail."""
    if len(_OPEN.findall(html)) - html.count("</") > MAX_OPEN or _is_crowded(html):
        return Page(_TAG.sub("\n", html), False)
    root = LexborHTMLParser(html).root
    writer = _Writer(quotes)
    if root is not None:
        writer.walk(root)
    return Page(writer.text(), writer.marked)


def _is_crowded(html: str) -> bool:
    """True if a tag has too many attributes, or if nobody can say so at little cost, as tags are begun inside of tags."""
    budget = 10 * len(html)
    for tag in _OPEN.finditer(html) if len(html) > LONG_TAG else ():
        found = _ATTRIBUTES.match(html, tag.end())
        end = found.end() if found else tag.end()
        budget -= end - tag.start()
        if budget < 0 or (end - tag.start() > LONG_TAG and len(_ATTRIBUTE.findall(html, tag.end(), end)) > MAX_ATTRIBUTES):
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Marks:
    """What an element says of quotes: the old mail `ends` the page here, it `quotes` or `signs`; a program `cited` with it."""

    ends: bool = False
    quotes: bool = False
    signs: bool = False
    cited: bool = False


NONE = _Marks()


class _Writer:
    """Lines as they are gathered on the way through the tree."""

    def __init__(self, quotes: bool) -> None:
        self.quotes = quotes
        self.marked = False
        self.depth = 0
        self.lines: list[str] = []
        self.line: list[str] = []

    def walk(self, root: LexborNode) -> None:
        node: LexborNode | None = root
        stack: list[tuple[LexborNode, bool, str]] = []
        while node is not None:
            tag = node.tag or ""
            if tag == "-text":
                self.line.append(_SPACE.sub(" ", node.text_content or ""))
                down = None
            else:
                marks = _marks(node) if self.quotes and not tag.startswith("-") else NONE
                if marks.ends:
                    self._end_line()
                    self.marked = True
                    return
                down = node.child if self._enter(node, tag, marks, stack) else None
            while down is None:
                down = node.next
                if down is not None:
                    break
                if not stack:
                    return
                node = self._leave(stack)
            node = down

    def _enter(self, node: LexborNode, tag: str, marks: _Marks, stack: list[tuple[LexborNode, bool, str]]) -> bool:
        """Write what `node` opens; True if its children are to be read."""
        if tag == "br":
            self._break()
        elif tag in ("td", "th"):
            self.line.append(" ")
        if tag in _SKIPPED or tag.startswith("-") or tag == "!doctype" or marks.signs:
            return False
        quoted = self.quotes and (self._cites(marks) if tag == "blockquote" else marks.quotes)
        if tag in _BLOCKS or quoted:
            self._end_line()
        if node.child is None:
            return False
        stack.append((node, quoted, tag))
        self.depth += quoted
        self.marked = self.marked or quoted
        return True

    def _leave(self, stack: list[tuple[LexborNode, bool, str]]) -> LexborNode:
        node, quoted, tag = stack.pop()
        if tag in _BLOCKS or quoted:
            self._end_line()
            if tag == "p":
                self.lines.append(self._quote)
        self.depth -= quoted
        return node

    def _break(self) -> None:
        self.lines.append(self._quote + "".join(self.line).strip())
        self.line = []

    @property
    def _quote(self) -> str:
        """The marks in front of a line; nobody counts more than fifty."""
        return "> " * min(self.depth, MAX_MARKS)

    def _end_line(self) -> None:
        if "".join(self.line).strip():
            self._break()
        self.line = []

    def _cites(self, marks: _Marks) -> bool:
        """True for a blockquote that a program marked, or below the words that introduce a quote; people indent with it too."""
        if marks.cited or self.depth:
            return True
        above = [*self.lines[-6:], "".join(self.line).strip()]
        first, last = attribution.above(above, len(above))
        return first < last

    def text(self) -> str:
        self._end_line()
        return "\n".join(line.rstrip() for line in self.lines)


def _marks(node: LexborNode) -> _Marks:
    """What the attributes of an element say of quotes; most elements have none that do."""
    attributes = node.attributes
    if not attributes:
        return NONE
    name, style = (attributes.get("id") or "").lower(), (attributes.get("style") or "")[:500].lower()
    classes = _classes(attributes.get("class") or "")
    gmail = not classes.isdisjoint(_WRAPPERS)
    return _Marks(
        ends=name.removeprefix("x_") in _ENDS or ("border" in style and _LINE.search(style) is not None),
        quotes=node.css_first("blockquote") is None if gmail else not classes.isdisjoint(_QUOTES),
        signs=not classes.isdisjoint(_SIGNATURES),
        cited=bool(attributes.keys() - {"style", "dir", "id"}) or "border-left" in style.replace("border-left:none", ""),
    )


def _classes(value: str) -> frozenset[str] | set[str]:
    return {name.removeprefix("x_") for name in value.lower().split()[:20]} if value else _NO_CLASSES
