"""Verbs that run the gateway: init, check, serve, demo, config show."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mailgate import config
from mailgate.cli.options import with_config
from mailgate.config import ConfigError


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--address", default="support@shop.test", show_default=True, help="The desk's address.")
@click.option("--pack", default="digistore24", show_default=True, help="The desk's policy pack.")
def init(directory: Path, address: str, pack: str) -> None:
    """Write a working, commented configuration to DIRECTORY; files that are there stay as they are."""
    started = config.init(directory, address, pack)
    for path in started.written:
        click.echo(f"wrote {path}")
    for path in started.kept:
        click.echo(f"kept  {path}")


@click.command()
@with_config
def check(directory: Path, sets: tuple[str, ...]) -> None:
    """Say everything that is wrong with the configuration, and what could be better."""
    errors, warnings = config.check(directory, sets)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    if errors:
        raise ConfigError(errors)
    click.echo(f"{directory}: the configuration is in order" + (f", with {len(warnings)} warnings" if warnings else ""))


@click.command()
@click.option("--welcome", is_flag=True, help="Say in plain words what to send and where to look.")
@with_config
def serve(welcome: bool, directory: Path, sets: tuple[str, ...]) -> None:
    """Run the daemon until SIGTERM; SIGHUP reads the configuration again."""
    from mailgate import daemon

    if welcome:
        click.echo(_welcome(directory, sets))
    daemon.serve(directory, sets)


def _welcome(directory: Path, sets: tuple[str, ...]) -> str:
    settings = config.load(directory, sets)
    door = settings.smtp.listen[0] if settings.smtp.listen else "(no SMTP door)"
    desk = next(iter(settings.desks.values()))
    entity = next(iter(desk.entities.values()), None)
    seller = next(iter(settings.sellers.values()), None)
    asker, asked = entity.helpdesk if entity else desk.address, seller.support if seller else "seller@vendor.example"
    host, _, port = door.rpartition(":")
    called, home = sys.argv[0], settings.directory
    said = (
        f"From: {asker}\\r\\nTo: {asked}\\r\\nSubject: Order 4711\\r\\nMessage-ID: <ask-1@desk>\\r\\n\\r\\nWhere is the parcel?"
    )
    return f"""
mailgate listens for mail on {door}. Its configuration is in {settings.directory}.

Send it a question of the helpdesk to a seller, copied to the desk {desk.address}:

    python3 -c "import smtplib; smtplib.SMTP('{host}', {port}).sendmail('{asker}', ['{desk.address}'],
      '{said}')"

Then look:

    {called} ticket list --config {home}
    {called} explain 1 --config {home}      (what was read into the mail; the clock, and when what comes due)
    {called} message list --config {home}
    ls {home}/outgoing/new      (the mail that it sends; no mail server is needed for a first look)

Stop it with Ctrl-C. What happened so far is kept.
"""


@click.command()
@click.option("--language", default="en", show_default=True, help="The seller's language.")
def demo(language: str) -> None:
    """Tell a whole story on a virtual clock: an ask, a reply without the copy, silence, reminders, the escalation."""
    from mailgate.simulate.story import tell

    for part in tell(language):
        click.echo(part)


@click.group("config")
def config_group() -> None:
    """The configuration."""


@config_group.command("show")
@with_config
def config_show(directory: Path, sets: tuple[str, ...]) -> None:
    """What is in force, with every default (secrets stay in their files)."""
    settings = config.load(directory, sets)
    shown = settings.model_dump(mode="json", include=set(config.Main.model_fields))
    for name, value in shown.items():
        if not isinstance(value, dict):
            click.echo(f"{name} = {value!r}")
            continue
        click.echo(f"\n[{name}]")
        for key, inner in value.items():
            click.echo(f"{key} = {inner!r}")


VERBS = (init, check, serve, demo, config_group)
