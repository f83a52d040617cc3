"""`mailgate policy`: what a policy pack may say."""

from __future__ import annotations

import click

from mailgate.desk.reference import reference


@click.group("policy")
def policy() -> None:
    """Policy packs: what a marketplace asks of its sellers, as data."""


@policy.command("reference")
def policy_reference() -> None:
    """Every table and key that a pack may hold, what conditions can ask, and how lengths of time are written (Markdown)."""
    click.echo(reference(), nl=False)


VERBS = (policy,)
