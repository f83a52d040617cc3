"""The verbs: each is found by its name, and only its own module is imported."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import click

from mailgate import cli


def test_who_writes_a_verb_finds_it_by_its_name() -> None:
    """A verb of any module of cli/ is a word of the command line."""
    modules = (importlib.import_module(f"mailgate.cli.{each.name}") for each in pkgutil.iter_modules(cli.__path__))
    written = {verb for module in modules for verb in getattr(module, "VERBS", ())}
    context = click.Context(cli.cli)
    top = {cli.cli.get_command(context, name) for name in cli.VERBS}
    inside = {verb for group in top if isinstance(group, click.Group) for verb in group.commands.values()}
    assert written <= top | inside
    assert top <= written


def test_who_inspects_a_mail_waits_for_no_configuration(tmp_path: Path) -> None:
    """`inspect` needs no configuration, no store and no desk, and loads none."""
    mail = tmp_path / "a.eml"
    mail.write_bytes(b"From: ann@shop.test\nSubject: Hello\n\nHi\n")
    script = "import sys; from mailgate.cli import cli; cli(['inspect', sys.argv[1]], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script, str(mail)], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "mailgate.mail.report" in loaded
    assert not {"mailgate.store", "mailgate.desk", "mailgate.config", "sqlalchemy", "pydantic"} & loaded
