"""What a case is called, and before whom.

Its subject is somebody's words, as a mail's text is: it is shown to those who were sent a mail under it (docs/rules.md G-14), and
to the desk's own people, whose file it heads. Anybody else sees the newest subject under which he was written to, or the number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mailgate.desk.ticket import Ticket
from mailgate.mail.subject import Subject

SUBJECTS = "subjects"  # the fact that keeps them: (key, subject, compared addresses), oldest first
MOST = 10


def headed(ticket: Ticket, subject: Subject, audience: Iterable[str]) -> Ticket:
    """`ticket` after a mail under `subject`, which was shown to these compared addresses."""
    known = [tuple(one) for one in ticket.facts.get(SUBJECTS, ())]
    said, before = next(((one[1], one[2]) for one in known if one[0] == subject.key), (subject.base, ()))
    rest = [one for one in known if one[0] != subject.key]
    new = (subject.key, said, sorted({*before, *audience}))
    kept = [new, *rest] if known and known[0][0] == subject.key else [*rest, new]
    return replace(ticket, facts={**ticket.facts, SUBJECTS: [*kept[:1], *kept[1:][1 - MOST :]]})


def shown(subject: str, facts: Mapping[str, Any], readers: Iterable[str]) -> str | None:
    """What the case of `subject` is called before all these compared addresses; None where they know no subject of it.

    Of a case that nobody noted it of, the subject itself.
    """
    known, keys = facts.get(SUBJECTS), set(readers)
    if known is None:
        return subject
    seen = [said for _, said, audience in known if keys <= set(audience)]
    return subject if subject in seen else seen[-1] if seen else None
