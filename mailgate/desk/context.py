"""What is known beside a mail when it is judged: the message path gathers it, `decide` uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mailgate.desk.bounce import Bounced
from mailgate.desk.command import Given
from mailgate.desk.decision import Scene
from mailgate.desk.recognise import Recognised
from mailgate.desk.route import Roster
from mailgate.desk.thread import Match
from mailgate.desk.trust import Level
from mailgate.mail.instruction import Instruction, Refused
from mailgate.mail.message import Envelope
from mailgate.mail.subject import Subject


@dataclass(frozen=True)
class Context:
    """What is known beside the mail itself when it is judged.

    `doubted`: a first writer whom nobody vouches for, so that nothing may follow from it before his yes (G-16); `askable`: he may
    be asked for it now. `unfollowed`: why what another system ordered in it counts for nothing (C-52). `path`: the sending path
    that alone proves the author; `ask_path`: one that he may be asked about now (desk/path.py).
    `order`: what the marketplace told us of the mail's order; `asked`: what another system says in it (C-52).
    `storm`: he was written to on as many tickets in a week as `[limits]` allows, and opens one more.
    """

    scene: Scene
    roster: Roster
    kind: str
    level: Level
    allowed: Mapping[str, tuple[str, ...]]
    envelope: Envelope
    subject: Subject
    visible: str
    told: Mapping[str, Any]
    noticed: Mapping[str, Any]
    match: Match
    generated: bool = False
    bounced: tuple[Bounced, ...] = ()
    notice_to: tuple[str, ...] | None = None
    notice: str = ""
    known: frozenset[str] = frozenset()
    dead: frozenset[str] = frozenset()
    spool_id: int = 0
    command: Given | None = None
    speaks_for: str = ""
    orders: tuple[str, ...] = ()
    recognised: Recognised | None = None
    doubted: bool = False
    askable: bool = False
    unfollowed: Refused | None = None
    path: str = ""
    ask_path: str = ""
    storm: bool = False
    order: Mapping[str, Any] = field(default_factory=dict)
    asked: Instruction | None = None
