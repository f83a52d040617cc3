"""The verb that says what one mail is: inspect. It loads no configuration: that takes longer than to read the mail."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import click

import mailgate
from mailgate.mail.inspect import row
from mailgate.mail.signature import Signatures, compiled
from mailgate.mail.visible import visible


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--stdin", "from_stdin", is_flag=True, help="Read file names from standard input, one a line.")
@click.option("--visible", "only_visible", is_flag=True, help="Read JSON lines with texts, answer each with its new text.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def inspect(ctx: click.Context, files: tuple[Path, ...], from_stdin: bool, only_visible: bool, as_json: bool) -> None:
    """What one mail says: who, to whom, what kind, what is new in it. Needs no configuration."""
    if only_visible:
        _visible()
        return
    failed, known = False, _signatures()
    for name in (line.rstrip("\n") for line in sys.stdin) if from_stdin else map(str, files):
        try:
            said = row(Path(name).read_bytes(), name, known)
        except OSError as error:
            failed, said = True, {"file": name, "error": str(error)}
        click.echo(json.dumps(said, ensure_ascii=False, default=str, indent=None if as_json or from_stdin else 2))
        if as_json or from_stdin:
            sys.stdout.flush()
    if failed:
        ctx.exit(1)


def _signatures() -> Signatures:
    """The shipped signatures. Raises ConfigError if they were spoilt."""
    try:
        text = (mailgate.shipped() / "config" / "signatures.toml").read_text("utf-8")
        return Signatures(tuple(map(compiled, tomllib.loads(text)["signature"])))
    except (OSError, ValueError, KeyError, TypeError, re.error):
        from mailgate import config

        return config.signatures()


def _visible() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        text, html = (asked["input"], None) if asked.get("format") != "html" else (None, asked["input"])
        click.echo(json.dumps({"id": asked.get("id"), "reply": visible(text, html, asked.get("parent"))}, ensure_ascii=False))
        sys.stdout.flush()


VERBS = (inspect,)
