"""The page that tells readers of logs what there is to read: every event, its level, its sentence, its fields."""

from __future__ import annotations

from mailgate.events.log import DECLARED, Declared

COMMON = {
    "event": "the event's name",
    "level": "debug, info, warning or error",
    "at": "when the line was written, UTC, RFC 3339",
    "fence": "how often the turn has changed hands",
    "node": "this node: its host, its process and three random bytes",
    "seconds": "how far the clock was behind (negative: ahead)",
    "found": "what SQLite found",
    "far": "true: more than a month",
    "now": "the time that mailgate goes by, UTC",
    "spool_id": "the received mail the line is about: `mailgate message show`",
    "ticket": "the ticket it is about: `mailgate ticket show`",
}
FIELDS = {
    "about": "whose clock: `ticket:N`, `seller:DESK/SELLER`, `item:DESK/SELLER/ITEM` or `desk:DESK`",
    "action": "join, keep_apart, not_ours, yes or release",
    "address": "the address in question",
    "aside": "the name that the store has now which was there before",
    "attempts": "attempts made so far",
    "bad": "how many rows were not taken",
    "before": "the instant before which they were received or written",
    "by": "what lifted it: mail, or operator; in `review.answered`, whose word it was: staff or customer",
    "class": "human, auto_reply, list, dsn, arf, mdn, loop or own",
    "clean": "true if nothing was left in hand",
    "client": "the address of the other end of the connection; of a watched mailbox, its name and what lies in the folder",
    "clients": "how many clients (those beyond 300 count as one)",
    "clock": "the clock's name in its pack",
    "code": "the SMTP reply code",
    "command": "the command's name in its pack",
    "count": "how many",
    "desk": "the desk's name in desks.toml",
    "desks": "how many desks there are",
    "door": "smtp, lmtp, guard or imap",
    "due": "when a clock or step is due, UTC; in `tick.finished`, how many steps were",
    "earlier": "the spool id of the mail that had this Message-ID first",
    "episode": "counts the clock's starts",
    "error_id": "what the other end was told, to find this line by",
    "error": "an exception: its type, the places in the code, and what it says where that is no mail's words",
    "evidence": "how the ticket was found: token, message_id, reference, … none",
    "file": "the file's name",
    "fired": "how many steps were taken",
    "guard": "bound addresses of the outgoing guard",
    "held": "how many were due and did not fire",
    "hop": "the next hop, as host:port, socket or maildir:folder",
    "folder": "the folder of the mailbox, as people write it",
    "host": "the name mailgate greets with",
    "http": "bound addresses of health and metrics",
    "idle": "true if the server tells us of new mail",
    "kind": "the ticket's kind in its pack; in `review.answered`, why it waited: review, unknown, parked, spam",
    "late": "seconds after the due instant",
    "library": "the library's logger",
    "linked_to": "the ticket it may belong to",
    "lmtp": "bound addresses of the LMTP doors",
    "loop": "the loop's name",
    "mailbox": "the mailbox's name in mailgate.toml",
    "meaning": "what the pack made of the mail: asked, answered, noncompliant, …",
    "message_id": "the mail's Message-ID, without brackets",
    "missing": "the addresses or things that a reply lacked",
    "ms": "milliseconds it took",
    "name": "the desk or seller that the brake is for",
    "needs_restart": "changed keys that wait for the next start",
    "new": "how many of them were not there before",
    "next_attempt_at": "when it is tried again, UTC",
    "next_due": "the next due instant, UTC",
    "notice": "the notice's name: its file under templates/",
    "notices": "how many notices were queued",
    "number": "the ticket, or for parked and spam the mail, that it was about",
    "occurrence": "which firing of the step",
    "oldest": "when the oldest of them was received, UTC",
    "outbox_id": "the row of the outbox: `mailgate outbox list`",
    "overdue": "how many steps are overdue",
    "party": "desk, seller, customer or other",
    "pause": "seconds until it is tried again",
    "place": "where in the library's code the line was written",
    "policy": "the pack's name",
    "problems": "what is wrong, one sentence each",
    "provider": "whose suppression list it is",
    "queued": "how many mails wait to leave",
    "refused": "why it was not carried out: unsigned, permission, expired, used, incomplete, unknown, unneeded",
    "system": "the name that the other system gives itself",
    "path": "how a mail was sent: the method that passed and the domain, as in `dkim provider.example`",
    "reason": "why",
    "reply": "the SMTP reply, ours or the next hop's",
    "rows": "how many rows were taken",
    "rules": "the rules that the reply broke",
    "said": "the fixed part of the library's line",
    "scope": "all, desk, policy or seller",
    "scopes": "what the brake is on for: all, desk:NAME, policy:NAME, seller:NAME",
    "seconds": "how long, in seconds",
    "seller": "the seller's id: his file under sellers/",
    "sellers": "how many sellers there are",
    "since": "when mail was last known to come in, UTC",
    "size": "bytes",
    "smtp": "bound addresses of the SMTP doors",
    "status": "the enhanced status code (RFC 3463)",
    "step": "the step's name in its ladder",
    "stopped_by": "what stopped the clock",
    "store": "sqlite",
    "strike": "what it was counted for",
    "to": "the reader or readers",
    "trust": "stranger, claimed, authenticated or signed",
    "uid": "the mail's UID in its folder",
    "until": "when overdue mail is sent at the latest, UTC",
    "usual": "how many an hour are usual",
    "verdict": "what the bounce means",
    "version": "mailgate's version",
    "violations": "the rules that the mail broke",
}
HEAD = """\
# Log catalogue

One line is one event, on stderr: a JSON object, or text on a terminal (`[logs] format`). Names and fields are stable.
Subjects, texts and secrets are never written. Addresses are a keyed hash and their domain unless `[logs] addresses`
says otherwise; values are cut at 200 characters. A field without a value is null; lines without a mail or ticket
may lack spool_id and ticket.

A mail writes one summary line, `message.settled`; a tick of the clocks writes one, `tick.finished`, when something was due.

"""


def catalogue() -> str:
    """docs/log-catalogue.md, whole."""
    events = "\n".join(_row(DECLARED[name]) for name in sorted(DECLARED))
    used = sorted({field for each in DECLARED.values() for field in each.fields} - COMMON.keys())
    fields = "\n".join(f"| `{name}` | {FIELDS[name]} |" for name in used)
    common = "\n".join(f"| `{name}` | {sentence} |" for name, sentence in COMMON.items())
    return (
        f"{HEAD}## Events\n\n| event | level | when | fields |\n|---|---|---|---|\n{events}\n\n"
        f"## Fields of every line\n\n| field | holds |\n|---|---|\n{common}\n\n"
        f"## Fields\n\n| field | holds |\n|---|---|\n{fields}\n"
    )


def _row(declared: Declared) -> str:
    idle = " and ".join(f"`{field}`" for field in declared.unless)
    level = f"{declared.level}; debug while {idle} are 0" if idle else declared.level
    fields = ", ".join(f"`{field}`" for field in declared.fields)
    return f"| `{declared.name}` | {level} | {' '.join(declared.sentence.split())} | {fields} |"
