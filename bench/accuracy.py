"""How well mailgate reads mail: parsing, threading, new text, automatic mail and bounces, scored on labelled mail.

    python bench/accuracy.py [--corpus ../shared/corpus] [parse] [thread] [reply] [bounce]

The labelled mail and the scripts that score it are not part of the project (their licences forbid it); CORPUS names the folder
that holds them. Each table shows the figure, the goal, and the best that another program reached on mail of the same kind.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAILGATE = f"{sys.executable} -m mailgate"
# figure -> (goal, best of the others, whose)
GOALS: dict[str, tuple[str, str, str]] = {
    "parse.fields.subject": ("99.7", "99.5", "policy.default"),
    "parse.fields.from": ("99.8", "99.5", "compat32"),
    "parse.fields.to": ("99.8", "99.7", "mail-parser"),
    "parse.fields.cc": ("99.9", "99.9", "compat32"),
    "parse.fields.message_id": ("99.99", "99.97", "compat32"),
    "parse.fields.date": ("99.95", "99.8", "compat32"),
    "parse.fields.text": ("99.4", "98.7", "policy.default"),
    "parse.fields.attachments": ("99.4", "98.8", "fast-mail-parser"),
    "parse.fields.att_names": ("99.8", "99.5", "compat32"),
    "thread.followup_automerge%": ("94", "77.3", "Zammad"),
    "thread.followup_miss%": ("0", "22.7", "Zammad"),
    "thread.wrong_merges": ("0", "99", "subject tag only"),
    "thread.leaks": ("0", "99", "subject tag only"),
    "thread.neg_review%": ("10", "-", ""),
    "bounce.dsn_detected": ("99.0", "94.2", "Sisimai"),
    "bounce.dsn_file_exact": ("98.0", "93.3", "Sisimai"),
    "bounce.recipient_precision": ("99.8", "99.7", "Sisimai"),
    "bounce.reason_acc_home": ("97", "99.0", "Sisimai, on its own samples"),
    "bounce.reason_acc_away": ("95", "87.3", "Sisimai"),
    "bounce.status_acc": ("97", "94.9", "Sisimai"),
    "bounce.suppressed_recall_report_form": ("100", "0", "all"),
    "bounce.suppressed_recall_text_form": ("100", "0", "all"),
    "bounce.suppressed_false": ("0", "0", "all"),
    "bounce.fp_not_bounce": ("0", "0", "standard library"),
    "bounce.fp_quoted_bounce": ("0", "0", "standard library"),
    "bounce.fp_human_mdn": ("0", "0", "standard library"),
    "bounce.fp_auto_reply": ("0", "0", "standard library"),
    "bounce.fp_arf": ("0", "0", "standard library"),
    "bounce.delayed_called_failed": ("0", "10.3", "Sisimai"),
    "bounce.delayed_recall": ("97", "82.0", "Sisimai"),
    "bounce.arf_recall": ("100", "97.3", "Sisimai"),
    "bounce.auto_reply_recall": ("97", "87.2", "Sisimai"),
    "bounce.auto_reply_false": ("0", "-", ""),
}


def scored(corpus: Path, script: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """The JSON lines that a scoring script prints."""
    run = subprocess.run([sys.executable, script, *arguments], cwd=corpus, capture_output=True, text=True)
    if run.returncode:
        print(run.stderr[-2000:], file=sys.stderr)
    for line in run.stdout.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            print(line, file=sys.stderr)


def parse(corpus: Path) -> None:
    """Header fields, bodies and attachments (measure_parse.py)."""
    adapter = f"{sys.executable} inspect_adapter.py parse {MAILGATE} inspect --json --stdin"
    for kind in ("real", "i18n", "hostile"):
        for row in scored(corpus, "measure_parse.py", "--split", "dev", "--kind", kind, "--cmd", adapter):
            show(f"parse {kind}", row, "parse")


def thread(corpus: Path) -> None:
    """Ticket stream, wrong merges and leaks counted (measure_thread.py)."""
    for row in scored(corpus, "measure_thread.py", "helpdesk", "--split", "dev", "--cmd", f"{MAILGATE} replay --stream"):
        if row.get("what") == "helpdesk-total":
            show("threading", row, "thread")


def reply(corpus: Path) -> None:
    """What the author newly wrote (measure_reply.py)."""
    adapter = f"{sys.executable} inspect_adapter.py reply {MAILGATE} inspect --visible"
    for form in ("text", "html"):
        for row in scored(corpus, "measure_reply.py", "--split", "dev", "--with-parent", "--format", form, "--cmd", adapter):
            show(f"new text, {form}", row, "reply")


def bounce(corpus: Path) -> None:
    """Reports, suppression, automatic mail, false hits (measure_bounce.py)."""
    for row in scored(corpus, "measure_bounce.py", "--half", "dev", "--json", "--cmd", f"{MAILGATE} inspect --json"):
        show("bounces", row, "bounce")


def show(title: str, row: dict[str, Any], prefix: str) -> None:
    """One table: every number of the row, with its goal where there is one."""
    print(
        "\n"
        + " ".join([title, *(f"{k}={v}" for k, v in row.items() if isinstance(v, str) and k not in ("split", "algo", "cmd"))])
    )
    for name, value in _numbers(row):
        goal, best, whose = GOALS.get(f"{prefix}.{name}", ("", "", ""))
        beside = f"   goal {goal:<6} best other {best} {whose}" if goal else ""
        print(f"  {name:<42} {value:>10}{beside}")


def _numbers(row: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every number of a row by its path; shares ([percent, of], [hits, of, share]) in percent."""
    for name, value in row.items():
        if isinstance(value, list) and len(value) == 2 and path:
            yield f"{path}{name}", value[0]
        elif isinstance(value, list) and len(value) == 3 and value[1]:
            yield f"{path}{name}", round(100 * value[0] / value[1], 2) if not name.endswith("_s") else round(value[2], 1)
        elif isinstance(value, dict):
            yield from _numbers(value, f"{path}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{path}{name}", value


PARTS = {"parse": parse, "thread": thread, "reply": reply, "bounce": bounce}


def main() -> None:
    """Score the parts asked for, all of them by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    args = parser.parse_args()
    if not (args.corpus / "measure_parse.py").exists():
        sys.exit(f"there is no labelled mail at {args.corpus}: nothing was measured")
    for name in args.parts or PARTS:
        PARTS[name](args.corpus.resolve())


if __name__ == "__main__":
    main()
