"""What mending changes of a ticket: that alone which its new build says otherwise after it than before it.

Where both say the same, the ticket stays as it is stored. So what no build can know stands as well: what was promised by the
hours and holidays of then, what an earlier version did not keep, what became known in another order than that of time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from mailgate.desk.ticket import Clock, Mark, Ticket

Key = tuple[Any, ...]
One = TypeVar("One", Clock, Mark)


def mended(old: Ticket, before: Ticket, after: Ticket) -> Ticket:
    """`old` as it shall be stored, by how it was built anew `before` and `after`; its people are those of `after`."""
    names = ("kind", "state", "subject", "opened_at", "seller", "entity")
    values = {name: _chosen(name, old, before, after) for name in names}
    tags = (old.tags - (before.tags - after.tags)) | (after.tags - before.tags)
    facts = _facts(old.facts, before.facts, after.facts)
    clocks = _clocks(old, before, after)
    return replace(after, **values, tags=tags, facts=facts, clocks=clocks)


def _chosen(name: str, old: Any, before: Any, after: Any) -> Any:
    new = getattr(after, name)
    return getattr(old, name) if new == getattr(before, name) else new


def _facts(old: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    kept = {name: value for name, value in old.items() if name not in changed}
    return kept | {name: after[name] for name in changed & after.keys()}


def _clocks(old: Ticket, before: Ticket, after: Ticket) -> tuple[Clock, ...]:
    """The clocks; those that no build knows stay as long as the ticket holds the mail for which they run."""
    if not after.spoken:
        return ()
    gone = {one.message_id for one in before.spoken} - {one.message_id for one in after.spoken}
    known = replace(old, clocks=tuple(one for one in old.clocks if one.for_message not in gone))
    clocks = _merged(known.clocks, before.clocks, after.clocks, _key_of_clock)
    alone = {(one.name, one.episode): one for one in clocks}
    return clocks if len(alone) == len(clocks) else tuple(_numbered(clocks))


def _key_of_clock(one: Clock) -> Key:
    return one.name, one.for_message, one.started_at


def _key_of_mark(one: Mark) -> Key:
    return one.step, one.occurrence


def _merged(old: Iterable[One], before: Iterable[One], after: Iterable[One], key: Any) -> tuple[One, ...]:
    """Each of `after` and `old`, as it stands but for what the two builds say otherwise of it."""
    mine, was, new = ({key(one): one for one in each} for each in (old, before, after))
    kept = {each: one for each, one in mine.items() if each not in was or each in new}
    added = {each: one for each, one in new.items() if each not in mine and was.get(each) != one}
    return tuple(_one(one, was.get(each), new[each]) if each in new else one for each, one in kept.items()) + tuple(
        added.values()
    )


def _one(old: One, before: One | None, after: One) -> One:
    if before is None:
        return after
    names = [name for name in vars(after) if name != "marks"]
    changed = replace(after, **{name: _chosen(name, old, before, after) for name in names})
    if isinstance(old, Clock) and isinstance(before, Clock) and isinstance(after, Clock):
        return replace(changed, marks=_merged(old.marks, before.marks, after.marks, _key_of_mark))  # type: ignore[call-arg]
    return changed


def _numbered(clocks: Iterable[Clock]) -> Iterable[Clock]:
    """Their episodes counted anew, as they started."""
    count: dict[str, int] = {}
    for one in sorted(clocks, key=lambda each: each.started_at):
        count[one.name] = count.get(one.name, 0) + 1
        yield replace(one, episode=count[one.name])
