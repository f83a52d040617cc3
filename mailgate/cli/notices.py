"""Verbs for people who look at notices or write them: which there are, and what each looks like.

Both read templates alone, the shipped ones under those of the configuration's directory; neither needs a store.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from mailgate.cli import samples
from mailgate.cli.gallery import Card, gallery
from mailgate.cli.options import say, table
from mailgate.config import ConfigError, Problem, shipped
from mailgate.desk.notice import Page, Templates, render, variables
from mailgate.desk.template import LAST_RESORT

with_directory = click.option("--config", "directory", type=click.Path(path_type=Path), default=Path("."), show_default=True,
                              help="The configuration's directory, or its mailgate.toml.")  # fmt: skip


@click.group()
def notice() -> None:
    """The mails that mailgate writes."""


@notice.command("list")
@with_directory
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def notice_list(directory: Path, as_json: bool) -> None:
    """Every notice: what its template names, and in which languages there is one."""
    templates = _templates(directory)
    rows = [_row(name, templates) for name in sorted({name for names in templates.notices.values() for name in names})]
    if as_json:
        for row in rows:
            say(row)
        return
    table(rows, ("notice", "needs", "languages"))


def _row(name: str, templates: Templates) -> dict[str, object]:
    languages = sorted(language for language, names in templates.notices.items() if name in names)
    source = templates.notices[LAST_RESORT if LAST_RESORT in languages else languages[0]][name]
    try:
        needs = sorted(variables(source))
    except ValueError as error:
        needs = [f"(no template: {error})"]
    return {"notice": name, "needs": needs, "languages": languages}


@notice.command("preview")
@click.option("--lang", default=None, help="Only this language, such as fa or pt-BR.")
@click.option("--notice", "name", default=None, help="Only this notice, with every turn of phrase that we have a sample of.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), default=Path("notices.html"), show_default=True)
@click.option("--open", "show", is_flag=True, help="Open the page in the browser.")
@with_directory
def notice_preview(lang: str | None, name: str | None, output: Path, show: bool, directory: Path) -> None:
    """Write every notice, filled with invented people and dates, on one HTML page that works offline."""
    templates = _templates(directory)
    languages = _among("language", lang, sorted(templates.notices))
    known = {notice for names in templates.notices.values() for notice in names}
    names = _among("notice", name, sorted(known))
    cards = tuple(_cards(languages, frozenset(names), templates))
    output.write_text(gallery(cards), "utf-8")
    click.echo(f"{output}: {len(cards)} notices in {', '.join(languages)}")
    if without := sorted(set(names) - samples.NAMES):
        click.echo(f"no sample for {', '.join(without)}", err=True)
    if show:
        click.launch(str(output))


def _cards(languages: list[str], names: frozenset[str], templates: Templates) -> Iterator[Card]:
    for language in languages:
        for name, page in samples.variants(language):
            if page.notice in names:
                yield _card(name, page, templates)


def _card(name: str, page: Page, templates: Templates) -> Card:
    try:
        made = render(page, templates)
    except ValueError as error:
        return Card(name, page.language, page.language, error=str(error))
    return Card(name, page.language, made.language, made.subject, made.text, made.html)


def _among(kind: str, wanted: str | None, known: list[str]) -> list[str]:
    """`wanted` alone if it is known, else every one. Raises UsageError for one that nobody knows."""
    if wanted is not None and wanted not in known:
        raise click.UsageError(f"there is no {kind} {wanted!r}; there are {', '.join(known)}")
    return known if wanted is None else [wanted]


def _templates(directory: Path) -> Templates:
    problems: list[Problem] = []
    folder = directory.parent if directory.is_file() else directory
    notices, strings, frame = shipped.templates(folder, folder, problems)
    if problems:
        raise ConfigError(problems)
    return Templates(notices, strings, frame)


VERBS = (notice,)
